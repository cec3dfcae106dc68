/* local_start.h: starts `python -m warehouse` as a process of its own. */
#ifndef DBK_CLI_LOCAL_START_H
#define DBK_CLI_LOCAL_START_H

#include "cli.h"

#include <sys/types.h>

typedef struct cli_start {
    char *python;     /* a path, or a name to be found in PATH */
    char *root;       /* the folder that holds warehouse/; NULL: it must be installed */
    char *state_path; /* written by the warehouse when it listens */
    char *log_path;
    pid_t pid;
} cli_start;

/* Decides what to run. directory: for the state file and the log. */
void cli_start_prepare(cli_start *start, const char *directory);
void cli_start_reset(cli_start *start);
/* Starts it in a session of its own, detached from this terminal. 0 or an errno value. */
int cli_start_run(cli_start *start);
/* The last lines of its log. */
void cli_start_log_tail(const cli_start *start, size_t lines, cli_buf *out);

#endif
