/* out.h: where rows go: standard output or a file that appears only when it is complete.
 *
 * Writes are gathered in one buffer of 128 KiB; after a failed write everything more is dropped and
 * cli_out_failed tells, so that the code that writes cells checks nothing. One thread, except
 * cli_out_abandon_now. */
#ifndef DBK_CLI_OUT_H
#define DBK_CLI_OUT_H

#include "cli.h"

#include <string.h>

enum { CLI_OUT_ROOM_MAX = 4096 };

typedef struct cli_out {
    int fd;
    bool is_terminal;
    bool reader_gone; /* EPIPE: nobody reads any more; not an error */
    int error;        /* errno of the first failed write, or 0 */
    char *buf;
    size_t len;
    size_t cap;
    uint64_t bytes_written;
    char *path;      /* NULL: standard output */
    char *temp_path; /* renamed to path by cli_out_finish; NULL: path is written directly */
    void (*before_terminal_write)(void); /* called before each write to a terminal, or NULL */
} cli_out;

/* Opens path, or standard output for NULL and "-". A regular file is written under another name
 * beside it. Returns 0 or an errno value. */
int cli_out_open(cli_out *out, const char *path);
void cli_out_flush(cli_out *out);
/* Writes the rest and gives the file its name. Returns 0 or an errno value. */
int cli_out_finish(cli_out *out);
/* Closes and removes what is not complete. */
void cli_out_abandon(cli_out *out);
/* The same for a process about to _exit from another thread: only async-signal-safe calls. */
void cli_out_abandon_now(const cli_out *out);

void cli_out_add_slow(cli_out *out, const char *bytes, size_t len);

static inline bool cli_out_stopped(const cli_out *out) {
    return out->reader_gone || out->error != 0;
}

/* At least n <= CLI_OUT_ROOM_MAX free bytes; write there and call cli_out_advance. */
static inline char *cli_out_room(cli_out *out, size_t n) {
    if (out->cap - out->len < n) {
        cli_out_flush(out);
    }
    return out->buf + out->len;
}

static inline void cli_out_advance(cli_out *out, size_t n) {
    out->len += n;
}

static inline void cli_out_add(cli_out *out, const char *bytes, size_t len) {
    if (out->cap - out->len < len) {
        cli_out_add_slow(out, bytes, len);
        return;
    }
    memcpy(out->buf + out->len, bytes, len);
    out->len += len;
}

static inline void cli_out_add_char(cli_out *out, char c) {
    *cli_out_room(out, 1) = c;
    out->len++;
}

static inline void cli_out_add_str(cli_out *out, const char *text) {
    cli_out_add(out, text, strlen(text));
}

#endif
