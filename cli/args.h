/* args.h: the command line of dbk as a struct. Texts are borrowed from argv. */
#ifndef DBK_CLI_ARGS_H
#define DBK_CLI_ARGS_H

#include "cli.h"

typedef enum cli_command {
    CLI_COMMAND_NONE,
    CLI_COMMAND_HELP,
    CLI_COMMAND_VERSION,
    CLI_COMMAND_QUERY,
    CLI_COMMAND_SHELL,
    CLI_COMMAND_CATALOGS,
    CLI_COMMAND_SCHEMAS,
    CLI_COMMAND_TABLES,
    CLI_COMMAND_COLUMNS,
    CLI_COMMAND_KEYS,
    CLI_COMMAND_DEBUG
} cli_command;

typedef enum cli_format_kind {
    CLI_FORMAT_AUTO, /* table on a terminal, csv otherwise */
    CLI_FORMAT_TABLE,
    CLI_FORMAT_VERTICAL,
    CLI_FORMAT_CSV,
    CLI_FORMAT_JSON,
    CLI_FORMAT_JSONL,
    CLI_FORMAT_ARROW
} cli_format_kind;

typedef struct cli_param {
    char *name;        /* owned; NULL: positional */
    char *type;        /* owned */
    const char *value; /* NULL: SQL NULL */
} cli_param;

typedef struct cli_pair {
    char *key; /* owned */
    const char *value;
} cli_pair;

typedef struct cli_input {
    bool is_file; /* text is a path, "-" standard input; otherwise it is SQL */
    const char *text;
} cli_input;

typedef struct cli_args {
    cli_command command;
    cli_command help_of; /* CLI_COMMAND_HELP: about this command; NONE: about all */
    cli_input *inputs;
    size_t input_count;
    cli_param *params;
    size_t param_count;
    cli_pair *confs;
    size_t conf_count;
    cli_format_kind format;
    const char *output;
    const char *null_text;
    const char *row_limit; /* checked: a positive integer */
    size_t max_width;
    bool max_width_given;
    bool no_header;
    bool timing;
    bool trace;
    const char *trace_file;
    bool quiet;
    bool local;
    const char *host;
    const char *http_path;
    const char *token_file;
    const char *profile; /* of ~/.databrickscfg */
    const char *catalog;
    const char *schema;
    const char *log_level;
    const char *log_file;
    const char *table_types; /* comma-separated; NULL: all */
    const char *column;      /* a LIKE pattern, or NULL */
    bool all_catalogs;
    bool full; /* every column of a catalog call */
    bool no_history;
} cli_args;

/* False: *why says what is wrong with the command line. */
bool cli_args_parse(cli_args *args, int argc, const char *const *argv, cli_buf *why);
void cli_args_reset(cli_args *args);

/* "table", "csv", ... ; false: there is no such format. */
bool cli_format_parse(const char *name, cli_format_kind *out);
const char *cli_format_name(cli_format_kind kind);

/* The help page of a command; CLI_COMMAND_NONE: the list of commands. */
const char *cli_help_page(cli_command command);

#endif
