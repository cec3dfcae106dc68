/* statement.h: one statement, from SQL to the last row written. */
#ifndef DBK_CLI_STATEMENT_H
#define DBK_CLI_STATEMENT_H

#include "result.h"
#include "split.h"

/* Executes and writes. False with fault set; true also when the reader of the output has gone. */
bool cli_statement_run(cli_run *run, const cli_sql *sql, cli_fault *fault);

#endif
