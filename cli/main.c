#include "args.h"
#include "debug.h"
#include "run.h"
#include "shell.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "dbkernel.h"

/* Prints to standard output; the reader may be `head`. */
static int print(const char *text) {
    return fputs(text, stdout) == EOF || fflush(stdout) != 0 ? CLI_EXIT_BROKEN : CLI_EXIT_OK;
}

static int run_command(const cli_args *args) {
    switch (args->command) {
    case CLI_COMMAND_NONE:
    case CLI_COMMAND_HELP:
        return print(cli_help_page(args->help_of));
    case CLI_COMMAND_VERSION:
        (void)printf("dbk %s\n", dbk_version());
        return fflush(stdout) != 0 ? CLI_EXIT_BROKEN : CLI_EXIT_OK;
    case CLI_COMMAND_DEBUG:
        return cli_debug(args);
    case CLI_COMMAND_SHELL:
        return cli_shell(args);
    case CLI_COMMAND_QUERY:
    case CLI_COMMAND_CATALOGS:
    case CLI_COMMAND_SCHEMAS:
    case CLI_COMMAND_TABLES:
    case CLI_COMMAND_COLUMNS:
    case CLI_COMMAND_KEYS:
        return cli_run_command(args);
    }
    return CLI_EXIT_USAGE;
}

int main(int argc, char **argv) {
    cli_args args;
    cli_buf why = {0};
    int code = CLI_EXIT_USAGE;
    (void)signal(SIGPIPE, SIG_IGN); /* a reader that leaves is seen in the result of write */
    if (argc < 2) {
        (void)fputs(cli_help_page(CLI_COMMAND_NONE), stderr);
        return CLI_EXIT_USAGE;
    }
    if (cli_args_parse(&args, argc, (const char *const *)argv, &why)) {
        code = run_command(&args);
    } else {
        (void)fprintf(stderr, "error: %s\n  dbk help query lists the options\n", cli_buf_str(&why));
    }
    cli_args_reset(&args);
    cli_buf_reset(&why);
    return code;
}
