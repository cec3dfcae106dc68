/* errors.h: what went wrong, kept past the next kernel call, and the block that tells the user. */
#ifndef DBK_CLI_ERRORS_H
#define DBK_CLI_ERRORS_H

#include "cli.h"

#include <stdio.h>

typedef struct cli_fault {
    int code; /* KernelStatusCode; 0: a fault of dbk itself (file, disk, local warehouse) */
    int exit_code;
    uint16_t http_status;
    uint32_t attempts;
    bool may_have_executed;
    bool while_connecting; /* the session was not open yet */
    char *message;         /* these are owned; absent ones are NULL */
    char *sql_state;
    char *query_id;
    char *error_code;
    char *request_id;
    char *hint; /* instead of the one that hints.c finds */
} cli_fault;

/* A fault of our own. */
void cli_fault_set(cli_fault *fault, int exit_code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Copies the calling thread's last kernel error; call it before any other kernel function. */
void cli_fault_take(cli_fault *fault, bool while_connecting);
void cli_fault_reset(cli_fault *fault);

/* The block on `to`: message, facts, hint. where ("statement 2 of 3, line 5") may be NULL. */
void cli_fault_print(const cli_fault *fault, const char *where, FILE *to);

/* Below the block: the line of sql that the message names ("line 2, pos 7") and a caret under the
 * place. Nothing when the message names none or shows the SQL itself. */
void cli_fault_point(const cli_fault *fault, const char *sql, size_t len, FILE *to);

/* One sentence that helps with this fault, or NULL. */
const char *cli_fault_hint(const cli_fault *fault);

#endif
