/* debug.h: dbk debug: what stands between here and the warehouse. */
#ifndef DBK_CLI_DEBUG_H
#define DBK_CLI_DEBUG_H

#include "args.h"

/* Prints the report and returns the exit code: CLI_EXIT_CONNECTION when a query does not get through. */
int cli_debug(const cli_args *args);

#endif
