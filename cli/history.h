/* history.h: the shell's history between two calls.
 *
 * $XDG_STATE_HOME/dbk/history, else ~/.local/state/dbk/history: one entry per line, a line break in
 * an entry written \\n. The file is readable by its owner only; each entry is appended with one write,
 * so that shells side by side keep both. What looks like a secret is never written. */
#ifndef DBK_CLI_HISTORY_H
#define DBK_CLI_HISTORY_H

#include "cli.h"

enum { CLI_HISTORY_MAX = 2000 }; /* entries; the file is cut to it when it is read */

typedef struct cli_history {
    char *path; /* owned; NULL: nothing is read or written */
    char **entries;
    size_t count;
} cli_history;

/* Finds the file, makes its folder (0700) and reads it. Never fails: without a file the history is
 * empty, *why says what is wrong with it. */
void cli_history_open(cli_history *history, cli_buf *why);
/* Appends; "" and what cli_history_is_secret are left out. */
void cli_history_add(const cli_history *history, const char *entry);
void cli_history_reset(cli_history *history);

/* Does it talk of passwords, keys and tokens, or begin with a space, which says "do not keep this"? */
bool cli_history_is_secret(const char *entry);

#endif
