/* shell.h: the shell command. */
#ifndef DBK_CLI_SHELL_H
#define DBK_CLI_SHELL_H

#include "args.h"

/* With a terminal on standard input a conversation, otherwise a script that stops at the first error.
 * Returns the exit code. */
int cli_shell(const cli_args *args);

#endif
