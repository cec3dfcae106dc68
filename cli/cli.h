/* cli.h: what every file of dbk shares: exit codes, memory, growable text.
 *
 * dbk is a program, not a library: out of memory ends it with a message, so that nothing here returns
 * an allocation failure. It sees the kernel only through the two public headers.
 * Names: cli_<object>_<verb>; everything else is static. */
#ifndef DBK_CLI_CLI_H
#define DBK_CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef COUNT_OF
#    define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#endif

/* What dbk tells its caller; `dbk --help` lists them. */
enum {
    CLI_EXIT_OK = 0,
    CLI_EXIT_SQL = 1,          /* the server refused or failed a statement */
    CLI_EXIT_USAGE = 2,        /* wrong arguments, unreadable input file */
    CLI_EXIT_CONNECTION = 3,   /* no connection, no session, not allowed in */
    CLI_EXIT_BROKEN = 4,       /* the result is incomplete: data loss, a fault of ours, disk full */
    CLI_EXIT_INTERRUPTED = 130 /* Ctrl-C; 128 + the signal's number for the others */
};

/* Zeroed memory for count elements; prints a message and ends the program when there is none. */
void *cli_alloc(size_t count, size_t size);
char *cli_strdup(const char *text);
char *cli_strndup(const char *text, size_t len);

/* A growable byte string; {0} is empty. */
typedef struct cli_buf {
    char *ptr;
    size_t len;
    size_t cap;
} cli_buf;

void cli_buf_reset(cli_buf *buf);
/* Room for n more bytes behind ptr + len; returns that place. */
char *cli_buf_room(cli_buf *buf, size_t n);
void cli_buf_add(cli_buf *buf, const void *bytes, size_t len);
void cli_buf_add_str(cli_buf *buf, const char *text);
void cli_buf_add_char(cli_buf *buf, char c);
void cli_buf_add_repeat(cli_buf *buf, const char *text, size_t times);
void cli_buf_addf(cli_buf *buf, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The content as a C string, borrowed until the next change. */
const char *cli_buf_str(cli_buf *buf);

/* All bytes of fd, in *out. 0 or an errno value. */
int cli_read_all(int fd, cli_buf *out);

/* Is a Levenshtein distance small enough to say "did you mean"? */
bool cli_looks_like(const char *typed, const char *word);

#endif
