/* run.h: the query command. */
#ifndef DBK_CLI_RUN_H
#define DBK_CLI_RUN_H

#include "args.h"

/* Does everything `dbk query` does and returns the exit code. */
int cli_query(const cli_args *args);

#endif
