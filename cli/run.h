/* run.h: the commands that run once: query and those that list the catalog. */
#ifndef DBK_CLI_RUN_H
#define DBK_CLI_RUN_H

#include "args.h"

/* Does everything that args->command does and returns the exit code. */
int cli_run_command(const cli_args *args);

#endif
