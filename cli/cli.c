#include "cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

__attribute__((noreturn)) static void out_of_memory(void) {
    static const char text[] = "error: out of memory\n";
    (void)!write(STDERR_FILENO, text, sizeof text - 1);
    _exit(CLI_EXIT_BROKEN);
}

void *cli_alloc(size_t count, size_t size) {
    void *p = calloc(count == 0 ? 1 : count, size);
    if (p == NULL) {
        out_of_memory();
    }
    return p;
}

char *cli_strndup(const char *text, size_t len) {
    char *copy = cli_alloc(len + 1, 1);
    memcpy(copy, text, len);
    return copy;
}

char *cli_strdup(const char *text) {
    return cli_strndup(text, strlen(text));
}

/* ---- cli_buf ---- */

void cli_buf_reset(cli_buf *buf) {
    free(buf->ptr);
    *buf = (cli_buf){0};
}

char *cli_buf_room(cli_buf *buf, size_t n) {
    if (buf->cap - buf->len < n) {
        size_t want = buf->cap + buf->cap / 2;
        if (n > SIZE_MAX / 2 - buf->len) {
            out_of_memory();
        }
        if (want < buf->len + n) {
            want = buf->len + n;
        }
        if (want < 64) {
            want = 64;
        }
        char *grown = realloc(buf->ptr, want);
        if (grown == NULL) {
            out_of_memory();
        }
        buf->ptr = grown;
        buf->cap = want;
    }
    return buf->ptr + buf->len;
}

void cli_buf_add(cli_buf *buf, const void *bytes, size_t len) {
    if (len > 0) {
        memcpy(cli_buf_room(buf, len), bytes, len);
        buf->len += len;
    }
}

void cli_buf_add_str(cli_buf *buf, const char *text) {
    cli_buf_add(buf, text, strlen(text));
}

void cli_buf_add_char(cli_buf *buf, char c) {
    *cli_buf_room(buf, 1) = c;
    buf->len++;
}

void cli_buf_add_repeat(cli_buf *buf, const char *text, size_t times) {
    for (size_t i = 0; i < times; i++) {
        cli_buf_add_str(buf, text);
    }
}

void cli_buf_addf(cli_buf *buf, const char *fmt, ...) {
    va_list args;
    va_list again;
    va_start(args, fmt);
    va_copy(again, args);
    int need = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (need > 0) {
        size_t len = (size_t)need;
        (void)vsnprintf(cli_buf_room(buf, len + 1), len + 1, fmt, again);
        buf->len += len;
    }
    va_end(again);
}

const char *cli_buf_str(cli_buf *buf) {
    *cli_buf_room(buf, 1) = '\0';
    return buf->ptr;
}

/* ---- small helpers ---- */

int cli_read_all(int fd, cli_buf *out) {
    for (;;) {
        char *room = cli_buf_room(out, 65536);
        ssize_t got = read(fd, room, out->cap - out->len);
        if (got == 0) {
            return 0;
        }
        if (got < 0) {
            if (errno == EINTR) {
                continue;
            }
            return errno;
        }
        out->len += (size_t)got;
    }
}

/* Edit distance of two words shorter than 32 characters; longer ones count as far apart. */
static size_t distance(const char *a, const char *b) {
    enum { LONGEST = 32 };
    size_t a_len = strlen(a);
    size_t b_len = strlen(b);
    size_t row[LONGEST + 1];
    if (a_len >= LONGEST || b_len >= LONGEST) {
        return LONGEST;
    }
    for (size_t j = 0; j <= b_len; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= a_len; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t change = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            size_t step = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            diagonal = row[j];
            row[j] = change < step ? change : step;
        }
    }
    return row[b_len];
}

bool cli_looks_like(const char *typed, const char *word) {
    size_t len = strlen(word);
    return distance(typed, word) <= (len < 5 ? 1 : len / 3 + 1);
}
