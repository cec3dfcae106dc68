#include "args.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* getopt_long would take --token for a short form of --token-file, and then print the secret in its
 * message; here every option is written out, and values never appear in messages unless they come
 * from a closed list. */
typedef enum option_id {
    OPTION_FORMAT,
    OPTION_OUTPUT,
    OPTION_FILE,
    OPTION_PARAM,
    OPTION_CATALOG,
    OPTION_SCHEMA,
    OPTION_CONF,
    OPTION_ROW_LIMIT,
    OPTION_NO_HEADER,
    OPTION_NULL,
    OPTION_MAX_WIDTH,
    OPTION_TIMING,
    OPTION_QUIET,
    OPTION_LOCAL,
    OPTION_HOST,
    OPTION_HTTP_PATH,
    OPTION_TOKEN_FILE,
    OPTION_PROFILE,
    OPTION_LOG_LEVEL,
    OPTION_LOG_FILE,
    OPTION_TRACE,
    OPTION_TRACE_FILE,
    OPTION_TYPE,
    OPTION_COLUMN,
    OPTION_ALL_CATALOGS,
    OPTION_FULL,
    OPTION_NO_HISTORY,
    OPTION_HELP,
    OPTION_VERSION
} option_id;

typedef struct option {
    const char *name;
    char letter; /* 0: none */
    bool takes_value;
    option_id id;
} option;

static const option options[] = {
    {"format", 0, true, OPTION_FORMAT},
    {"output", 'o', true, OPTION_OUTPUT},
    {"file", 'f', true, OPTION_FILE},
    {"param", 'p', true, OPTION_PARAM},
    {"catalog", 0, true, OPTION_CATALOG},
    {"schema", 0, true, OPTION_SCHEMA},
    {"conf", 0, true, OPTION_CONF},
    {"row-limit", 0, true, OPTION_ROW_LIMIT},
    {"no-header", 0, false, OPTION_NO_HEADER},
    {"null", 0, true, OPTION_NULL},
    {"max-width", 0, true, OPTION_MAX_WIDTH},
    {"timing", 0, false, OPTION_TIMING},
    {"trace", 0, false, OPTION_TRACE},
    {"trace-file", 0, true, OPTION_TRACE_FILE},
    {"quiet", 'q', false, OPTION_QUIET},
    {"local", 0, false, OPTION_LOCAL},
    {"host", 0, true, OPTION_HOST},
    {"http-path", 0, true, OPTION_HTTP_PATH},
    {"token-file", 0, true, OPTION_TOKEN_FILE},
    {"profile", 0, true, OPTION_PROFILE},
    {"log-level", 0, true, OPTION_LOG_LEVEL},
    {"log-file", 0, true, OPTION_LOG_FILE},
    {"type", 0, true, OPTION_TYPE},
    {"column", 0, true, OPTION_COLUMN},
    {"all-catalogs", 0, false, OPTION_ALL_CATALOGS},
    {"full", 0, false, OPTION_FULL},
    {"no-history", 0, false, OPTION_NO_HISTORY},
    {"help", 'h', false, OPTION_HELP},
    {"version", 'V', false, OPTION_VERSION},
};

static const struct {
    const char *name;
    cli_command command;
} commands[] = {
    {"query", CLI_COMMAND_QUERY},       {"shell", CLI_COMMAND_SHELL},
    {"catalogs", CLI_COMMAND_CATALOGS}, {"schemas", CLI_COMMAND_SCHEMAS},
    {"tables", CLI_COMMAND_TABLES},     {"columns", CLI_COMMAND_COLUMNS},
    {"keys", CLI_COMMAND_KEYS},         {"debug", CLI_COMMAND_DEBUG},
    {"help", CLI_COMMAND_HELP},         {"version", CLI_COMMAND_VERSION},
};

static cli_command find_command(const char *word) {
    for (size_t i = 0; i < COUNT_OF(commands); i++) {
        if (strcmp(word, commands[i].name) == 0) {
            return commands[i].command;
        }
    }
    return CLI_COMMAND_NONE;
}

/* ---- values ---- */

static const struct {
    const char *name;
    cli_format_kind kind;
} formats[] = {
    {"table", CLI_FORMAT_TABLE}, {"vertical", CLI_FORMAT_VERTICAL}, {"csv", CLI_FORMAT_CSV},
    {"json", CLI_FORMAT_JSON},   {"jsonl", CLI_FORMAT_JSONL},       {"arrow", CLI_FORMAT_ARROW},
};

bool cli_format_parse(const char *name, cli_format_kind *out) {
    for (size_t i = 0; i < COUNT_OF(formats); i++) {
        if (strcmp(name, formats[i].name) == 0) {
            *out = formats[i].kind;
            return true;
        }
    }
    return false;
}

const char *cli_format_name(cli_format_kind kind) {
    for (size_t i = 0; i < COUNT_OF(formats); i++) {
        if (formats[i].kind == kind) {
            return formats[i].name;
        }
    }
    return "auto";
}

static bool parse_format(cli_args *args, const char *value, cli_buf *why) {
    if (cli_format_parse(value, &args->format)) {
        return true;
    }
    cli_buf_addf(why, "--format is table, vertical, csv, json, jsonl or arrow, not '%.40s'", value);
    return false;
}

/* name=text, name:TYPE=text, :TYPE=text, =text; without '=' the value is NULL. */
static bool parse_param(cli_args *args, const char *value, cli_buf *why) {
    const char *equals = strchr(value, '=');
    size_t left = equals == NULL ? strlen(value) : (size_t)(equals - value);
    const char *colon = memchr(value, ':', left);
    size_t name_len = colon == NULL ? left : (size_t)(colon - value);
    size_t type_len = colon == NULL ? 0 : left - name_len - 1;
    if ((colon != NULL && type_len == 0) || (equals == NULL && colon == NULL)) {
        cli_buf_add_str(why, "a parameter is written name=value or name:TYPE=value, without a name "
                             "(:TYPE=value) for a ? marker; name:TYPE alone is NULL");
        return false;
    }
    cli_param param = {.name = name_len == 0 ? NULL : cli_strndup(value, name_len),
                       .type =
                           colon == NULL ? cli_strdup("STRING") : cli_strndup(colon + 1, type_len),
                       .value = equals == NULL ? NULL : equals + 1};
    args->params[args->param_count++] = param;
    if ((param.name == NULL) != (args->params[0].name == NULL)) {
        cli_buf_add_str(why, "parameters with and without a name cannot be mixed");
        return false;
    }
    return true;
}

static bool parse_conf(cli_args *args, const char *value, cli_buf *why) {
    const char *equals = strchr(value, '=');
    if (equals == NULL || equals == value) {
        cli_buf_add_str(why, "--conf is written key=value");
        return false;
    }
    args->confs[args->conf_count++] =
        (cli_pair){.key = cli_strndup(value, (size_t)(equals - value)), .value = equals + 1};
    return true;
}

static bool parse_count(const char *text, unsigned long long most, unsigned long long *out) {
    char *end = NULL;
    if (*text < '0' || *text > '9') {
        return false;
    }
    errno = 0;
    *out = strtoull(text, &end, 10);
    return errno == 0 && *end == '\0' && *out <= most;
}

static bool parse_row_limit(cli_args *args, const char *value, cli_buf *why) {
    unsigned long long count = 0;
    if (!parse_count(value, INT64_MAX, &count) || count == 0) {
        cli_buf_add_str(why, "--row-limit is a positive integer");
        return false;
    }
    args->row_limit = value;
    return true;
}

static bool parse_max_width(cli_args *args, const char *value, cli_buf *why) {
    unsigned long long count = 0;
    if (!parse_count(value, 1000000, &count)) {
        cli_buf_add_str(why, "--max-width is a number of columns, 0 for no limit");
        return false;
    }
    args->max_width = (size_t)count;
    args->max_width_given = true;
    return true;
}

static bool parse_log_level(cli_args *args, const char *value, cli_buf *why) {
    static const char *const levels[] = {"off", "error", "warn", "info", "debug", "trace"};
    for (size_t i = 0; i < COUNT_OF(levels); i++) {
        if (strcmp(value, levels[i]) == 0) {
            args->log_level = value;
            return true;
        }
    }
    cli_buf_addf(why, "--log-level is off, error, warn, info, debug or trace, not '%.40s'", value);
    return false;
}

static void add_input(cli_args *args, bool is_file, const char *text) {
    args->inputs[args->input_count++] = (cli_input){is_file, text};
}

static bool apply(cli_args *args, option_id id, const char *value, cli_buf *why) {
    switch (id) {
    case OPTION_FORMAT:
        return parse_format(args, value, why);
    case OPTION_OUTPUT:
        args->output = value;
        return true;
    case OPTION_FILE:
        add_input(args, true, value);
        return true;
    case OPTION_PARAM:
        return parse_param(args, value, why);
    case OPTION_CATALOG:
        args->catalog = value;
        return true;
    case OPTION_SCHEMA:
        args->schema = value;
        return true;
    case OPTION_CONF:
        return parse_conf(args, value, why);
    case OPTION_ROW_LIMIT:
        return parse_row_limit(args, value, why);
    case OPTION_NO_HEADER:
        args->no_header = true;
        return true;
    case OPTION_NULL:
        args->null_text = value;
        return true;
    case OPTION_MAX_WIDTH:
        return parse_max_width(args, value, why);
    case OPTION_TIMING:
        args->timing = true;
        return true;
    case OPTION_TRACE:
        args->trace = true;
        return true;
    case OPTION_TRACE_FILE:
        args->trace_file = value;
        return true;
    case OPTION_QUIET:
        args->quiet = true;
        return true;
    case OPTION_LOCAL:
        args->local = true;
        return true;
    case OPTION_HOST:
        args->host = value;
        return true;
    case OPTION_HTTP_PATH:
        args->http_path = value;
        return true;
    case OPTION_TOKEN_FILE:
        args->token_file = value;
        return true;
    case OPTION_PROFILE:
        args->profile = value;
        return true;
    case OPTION_LOG_LEVEL:
        return parse_log_level(args, value, why);
    case OPTION_LOG_FILE:
        args->log_file = value;
        return true;
    case OPTION_TYPE:
        args->table_types = value;
        return true;
    case OPTION_COLUMN:
        args->column = value;
        return true;
    case OPTION_ALL_CATALOGS:
        args->all_catalogs = true;
        return true;
    case OPTION_FULL:
        args->full = true;
        return true;
    case OPTION_NO_HISTORY:
        args->no_history = true;
        return true;
    case OPTION_HELP:
        args->help_of = args->command;
        args->command = CLI_COMMAND_HELP;
        return true;
    case OPTION_VERSION:
        args->command = CLI_COMMAND_VERSION;
        return true;
    }
    return false;
}

/* ---- words of the command line ---- */

static void unknown_option(const char *name, size_t len, cli_buf *why) {
    char *typed = cli_strndup(name, len);
    if (strcmp(typed, "token") == 0) {
        cli_buf_add_str(why, "there is no --token: every user of this machine could read it in the "
                             "list of processes. Set DATABRICKS_TOKEN or use --token-file FILE");
        free(typed);
        return;
    }
    cli_buf_addf(why, "unknown option --%.40s", typed);
    for (size_t i = 0; i < COUNT_OF(options); i++) {
        if (cli_looks_like(typed, options[i].name)) {
            cli_buf_addf(why, ". Did you mean --%s?", options[i].name);
            break;
        }
    }
    free(typed);
}

static const option *find_long(const char *name, size_t len) {
    for (size_t i = 0; i < COUNT_OF(options); i++) {
        if (strlen(options[i].name) == len && memcmp(options[i].name, name, len) == 0) {
            return &options[i];
        }
    }
    return NULL;
}

/* argv[*at] is --name or --name=value. */
static bool take_long(cli_args *args, int argc, const char *const *argv, int *at, cli_buf *why) {
    const char *name = argv[*at] + 2;
    size_t len = strcspn(name, "=");
    const option *o = find_long(name, len);
    const char *value = name[len] == '=' ? name + len + 1 : NULL;
    if (o == NULL) {
        unknown_option(name, len, why);
        return false;
    }
    if (!o->takes_value && value != NULL) {
        cli_buf_addf(why, "--%s takes no value", o->name);
        return false;
    }
    if (o->takes_value && value == NULL) {
        if (*at + 1 >= argc) {
            cli_buf_addf(why, "--%s needs a value", o->name);
            return false;
        }
        value = argv[++*at];
    }
    return apply(args, o->id, value == NULL ? "" : value, why);
}

/* argv[*at] is -x, -xy or -xVALUE. */
static bool take_short(cli_args *args, int argc, const char *const *argv, int *at, cli_buf *why) {
    for (const char *p = argv[*at] + 1; *p != '\0'; p++) {
        const option *o = NULL;
        for (size_t i = 0; i < COUNT_OF(options) && o == NULL; i++) {
            o = options[i].letter == *p ? &options[i] : NULL;
        }
        if (o == NULL) {
            cli_buf_addf(why, "unknown option -%c", *p >= ' ' && *p < 0x7f ? *p : '?');
            return false;
        }
        if (!o->takes_value) {
            if (!apply(args, o->id, "", why)) {
                return false;
            }
            continue;
        }
        if (p[1] != '\0') {
            return apply(args, o->id, p + 1, why);
        }
        if (*at + 1 >= argc) {
            cli_buf_addf(why, "-%c needs a value", *p);
            return false;
        }
        return apply(args, o->id, argv[++*at], why);
    }
    return true;
}

/* SQL may begin with a comment: "-- yesterday\nSELECT ..." is no option. */
static bool is_option(const char *word) {
    return word[0] == '-' && word[1] != '\0' &&
           !(word[1] == '-' && (word[2] == ' ' || word[2] == '\n' || word[2] == '\t'));
}

static bool take_command(cli_args *args, const char *word, cli_buf *why) {
    args->command = find_command(word);
    if (args->command != CLI_COMMAND_NONE) {
        return true;
    }
    if (strpbrk(word, " \t\n") != NULL) {
        cli_buf_add_str(why, "the command is missing. Did you mean: dbk query \"...\"?");
        return false;
    }
    cli_buf_addf(why, "unknown command '%.40s'", word);
    for (size_t i = 0; i < COUNT_OF(commands); i++) {
        if (cli_looks_like(word, commands[i].name)) {
            cli_buf_addf(why, ". Did you mean '%s'?", commands[i].name);
            return false;
        }
    }
    cli_buf_add_str(
        why, ". Commands: query, shell, catalogs, schemas, tables, columns, keys, debug, help, "
             "version");
    return false;
}

/* Options that only some commands know. */
static bool check_places(const cli_args *args, cli_buf *why) {
    bool sql = args->command == CLI_COMMAND_QUERY;
    bool shell = args->command == CLI_COMMAND_SHELL;
    const struct {
        const char *name;
        bool given, known;
    } places[] = {
        {"--param", args->param_count > 0, sql},
        {"--row-limit", args->row_limit != NULL, sql || shell},
        {"--type", args->table_types != NULL, args->command == CLI_COMMAND_TABLES},
        {"--column", args->column != NULL, args->command == CLI_COMMAND_COLUMNS},
        {"--all-catalogs", args->all_catalogs,
         args->command == CLI_COMMAND_SCHEMAS || args->command == CLI_COMMAND_TABLES ||
             args->command == CLI_COMMAND_COLUMNS},
        {"--full", args->full, !sql && !shell && args->command != CLI_COMMAND_DEBUG},
        {"--no-history", args->no_history, shell},
        {"--output", args->output != NULL, !shell && args->command != CLI_COMMAND_DEBUG},
    };
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        if (places[i].given && !places[i].known) {
            cli_buf_addf(why, "%s is no option of this command", places[i].name);
            return false;
        }
    }
    return true;
}

static bool check_inputs(const cli_args *args, cli_buf *why) {
    if (args->command == CLI_COMMAND_QUERY) {
        if (args->input_count == 0) {
            cli_buf_add_str(why, "there is no SQL: dbk query \"SELECT 1\", or --file q.sql");
        }
        return args->input_count > 0;
    }
    if (args->command == CLI_COMMAND_DEBUG) {
        if (args->input_count > 0) {
            cli_buf_add_str(why, "dbk debug takes no argument");
        }
        return args->input_count == 0;
    }
    size_t most = args->command == CLI_COMMAND_SHELL ? 0 : 1;
    for (size_t i = 0; i < args->input_count; i++) {
        if (args->inputs[i].is_file && args->command != CLI_COMMAND_SHELL) {
            cli_buf_add_str(why, "--file is no option of this command");
            return false;
        }
        if (!args->inputs[i].is_file && i >= most) {
            cli_buf_add_str(why, most == 0 ? "dbk shell takes no SQL as an argument: dbk query does"
                                           : "one name at most: [[CATALOG.]SCHEMA.]PATTERN");
            return false;
        }
    }
    if (args->command == CLI_COMMAND_KEYS && args->input_count == 0) {
        cli_buf_add_str(why, "the table is missing: dbk keys [[CATALOG.]SCHEMA.]TABLE");
        return false;
    }
    return true;
}

static bool check(const cli_args *args, cli_buf *why) {
    if (args->command == CLI_COMMAND_NONE) {
        cli_buf_add_str(why, "the command is missing: dbk query \"SELECT 1\"");
        return false;
    }
    if (!check_inputs(args, why) || !check_places(args, why)) {
        return false;
    }
    if (args->command == CLI_COMMAND_SHELL && args->format == CLI_FORMAT_ARROW) {
        cli_buf_add_str(why, "the shell does not write arrow: dbk query does");
        return false;
    }
    if (args->local && (args->host != NULL || args->http_path != NULL || args->token_file != NULL ||
                        args->profile != NULL)) {
        cli_buf_add_str(
            why, "--local and --host, --http-path, --token-file, --profile exclude each other");
        return false;
    }
    if (args->profile != NULL && (args->host != NULL || args->token_file != NULL)) {
        cli_buf_add_str(why, "--profile and --host, --token-file exclude each other");
        return false;
    }
    return true;
}

bool cli_args_parse(cli_args *args, int argc, const char *const *argv, cli_buf *why) {
    size_t most = argc > 0 ? (size_t)argc : 1;
    bool words_only = false;
    *args = (cli_args){.inputs = cli_alloc(most, sizeof(cli_input)),
                       .params = cli_alloc(most, sizeof(cli_param)),
                       .confs = cli_alloc(most, sizeof(cli_pair)),
                       .null_text = "",
                       .max_width = 60};
    for (int i = 1; i < argc; i++) {
        const char *word = argv[i];
        bool ok = true;
        if (!words_only && strcmp(word, "--") == 0) {
            words_only = true;
        } else if (!words_only && is_option(word)) {
            ok = word[1] == '-' ? take_long(args, argc, argv, &i, why)
                                : take_short(args, argc, argv, &i, why);
        } else if (args->command == CLI_COMMAND_NONE) {
            ok = take_command(args, word, why);
            args->help_of = ok && i + 1 < argc ? find_command(argv[i + 1]) : CLI_COMMAND_NONE;
        } else {
            add_input(args, false, word);
        }
        if (!ok) {
            return false;
        }
        if (args->command == CLI_COMMAND_HELP || args->command == CLI_COMMAND_VERSION) {
            return true; /* whatever else stands there */
        }
    }
    return check(args, why);
}

void cli_args_reset(cli_args *args) {
    for (size_t i = 0; i < args->param_count; i++) {
        free(args->params[i].name);
        free(args->params[i].type);
    }
    for (size_t i = 0; i < args->conf_count; i++) {
        free(args->confs[i].key);
    }
    free(args->inputs);
    free(args->params);
    free(args->confs);
    *args = (cli_args){0};
}
