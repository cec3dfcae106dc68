#include "line.h"

#include "line_edit.h"
#include "watch.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

bool cli_line_wait(void (*resized)(void *ctx), void *ctx) {
    struct pollfd wait[] = {{.fd = STDIN_FILENO, .events = POLLIN},
                            {.fd = cli_watch_fd(), .events = POLLIN}};
    for (;;) {
        uint64_t told = 0;
        if (cli_watch_signal() != 0) {
            return false;
        }
        if (poll(wait, COUNT_OF(wait), -1) < 0 && errno != EINTR) {
            return true; /* the read will tell */
        }
        if (wait[1].revents != 0 && read(wait[1].fd, &told, sizeof told) > 0 &&
            cli_watch_signal() == 0 && resized != NULL) {
            resized(ctx);
        }
        if (wait[0].revents != 0 && cli_watch_signal() == 0) {
            return true;
        }
    }
}

/* The terminal's own line: one read gives at most one. */
static cli_line_status read_plain(cli_buf *out) {
    for (;;) {
        char bytes[4096];
        if (!cli_line_wait(NULL, NULL)) {
            return CLI_LINE_SIGNAL;
        }
        ssize_t n = read(STDIN_FILENO, bytes, sizeof bytes);
        if (n <= 0 && !(n < 0 && errno == EINTR)) {
            return out->len > 0 ? CLI_LINE_READ : CLI_LINE_END;
        }
        bool whole = n > 0 && bytes[n - 1] == '\n';
        cli_buf_add(out, bytes, n > 0 ? (size_t)n - (whole ? 1 : 0) : 0);
        if (whole) {
            return CLI_LINE_READ;
        }
    }
}

cli_line_status cli_line_read(cli_line *line, const char *prompt, cli_buf *out) {
    out->len = 0;
    cli_watch_idle(true);
    cli_line_status status = CLI_LINE_END;
    if (line != NULL) {
        status = cli_line_edit(line, prompt, out);
    } else {
        (void)fputs(prompt, stderr);
        status = read_plain(out);
    }
    cli_watch_idle(false);
    return status;
}
