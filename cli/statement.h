/* statement.h: one statement, from SQL to the last row written. */
#ifndef DBK_CLI_STATEMENT_H
#define DBK_CLI_STATEMENT_H

#include "args.h"
#include "errors.h"
#include "format.h"
#include "split.h"

#include "databricks_kernel.h"

/* What all statements of one command have in common. */
typedef struct cli_run {
    kernel_session_t *session;
    const cli_args *args;
    cli_out *out;
    cli_format_kind format; /* never CLI_FORMAT_AUTO */
    cli_format_options options;
    size_t results; /* result sets written so far */
} cli_run;

/* Executes and writes. False with fault set; true also when the reader of the output has gone. */
bool cli_statement_run(cli_run *run, const cli_sql *sql, cli_fault *fault);

#endif
