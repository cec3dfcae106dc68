/* command.h: the backslash commands of the shell. Pure functions. */
#ifndef DBK_CLI_COMMAND_H
#define DBK_CLI_COMMAND_H

#include "cli.h"

typedef enum cli_slash_id {
    CLI_SLASH_QUIT,
    CLI_SLASH_HELP,
    CLI_SLASH_CATALOGS,
    CLI_SLASH_SCHEMAS,
    CLI_SLASH_TABLES,
    CLI_SLASH_VIEWS,
    CLI_SLASH_DESCRIBE,
    CLI_SLASH_NAMESPACE,
    CLI_SLASH_TIMING,
    CLI_SLASH_FORMAT,
    CLI_SLASH_EXPANDED,
    CLI_SLASH_OUTPUT,
    CLI_SLASH_INCLUDE,
    CLI_SLASH_PRINT,
    CLI_SLASH_RESET,
    CLI_SLASH_ECHO,
    CLI_SLASH_STATUS
} cli_slash_id;

typedef struct cli_slash {
    cli_slash_id id;
    char *argument; /* owned; NULL: none */
} cli_slash;

/* Is this line a command: a backslash behind white space only? */
bool cli_slash_is(const char *line);
/* Reads one line. The argument is the rest of it, white space around it and one semicolon behind it
 * left out, without the '...' around it. False with *why; slash is empty then. */
bool cli_slash_parse(cli_slash *slash, const char *line, cli_buf *why);
void cli_slash_reset(cli_slash *slash);

/* "on", "off", nothing (the other one). False: something else. */
bool cli_slash_switch(const char *argument, bool *value);

/* Name i, with its backslash; NULL: no more. */
const char *cli_slash_name(size_t i);
/* The list for a person. */
void cli_slash_list(cli_buf *out);

#endif
