#include "line.h"

#include "line_edit.h"

/* In builds without libedit. */

bool cli_line_can_edit(void) {
    return false;
}

cli_line *cli_line_new(cli_line_completer complete, void *ctx) {
    (void)complete;
    (void)ctx;
    return NULL;
}

void cli_line_free(cli_line *line) {
    (void)line;
}

void cli_line_remember(cli_line *line, const char *text) {
    (void)line;
    (void)text;
}

cli_line_status cli_line_edit(cli_line *line, const char *prompt, cli_buf *out) {
    (void)line;
    (void)prompt;
    (void)out;
    return CLI_LINE_END;
}
