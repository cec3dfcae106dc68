#include "command.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

typedef enum wants { NOTHING, MAYBE, ONE } wants;

static const struct command {
    const char *name;
    cli_slash_id id;
    wants wants;
    const char *argument; /* for the list */
    const char *what;
} commands[] = {
    {"\\l", CLI_SLASH_CATALOGS, MAYBE, "[PATTERN]", "catalogs"},
    {"\\dn", CLI_SLASH_SCHEMAS, MAYBE, "[[CATALOG.]PATTERN]", "schemas"},
    {"\\dt", CLI_SLASH_TABLES, MAYBE, "[[[CATALOG.]SCHEMA.]PATTERN]", "tables and views"},
    {"\\dv", CLI_SLASH_VIEWS, MAYBE, "[[[CATALOG.]SCHEMA.]PATTERN]", "views"},
    {"\\d", CLI_SLASH_DESCRIBE, MAYBE, "[[CATALOG.]SCHEMA.]TABLE", "columns and keys of a table"},
    {"\\c", CLI_SLASH_NAMESPACE, MAYBE, "[CATALOG.]SCHEMA or CATALOG.",
     "the current catalog and schema"},
    {"\\f", CLI_SLASH_FORMAT, MAYBE, "[FORMAT]", "table, vertical, csv, json or jsonl"},
    {"\\x", CLI_SLASH_EXPANDED, MAYBE, "[on|off]", "tables with one line per value"},
    {"\\timing", CLI_SLASH_TIMING, MAYBE, "[on|off]", "where the time went"},
    {"\\o", CLI_SLASH_OUTPUT, MAYBE, "[FILE]", "results into a file; nothing: here again"},
    {"\\i", CLI_SLASH_INCLUDE, ONE, "FILE", "runs a file"},
    {"\\p", CLI_SLASH_PRINT, NOTHING, "", "shows the statement being typed"},
    {"\\r", CLI_SLASH_RESET, NOTHING, "", "forgets the statement being typed"},
    {"\\echo", CLI_SLASH_ECHO, MAYBE, "[TEXT]", "writes a line"},
    {"\\status", CLI_SLASH_STATUS, NOTHING, "", "server, session, settings"},
    {"\\?", CLI_SLASH_HELP, NOTHING, "", "this list"},
    {"\\q", CLI_SLASH_QUIT, NOTHING, "", "leaves (also Ctrl-D)"},
};

static const char *skip_space(const char *p) {
    while (isspace((unsigned char)*p)) {
        p++;
    }
    return p;
}

bool cli_slash_is(const char *line) {
    return *skip_space(line) == '\\';
}

static const struct command *find(const char *name, size_t len) {
    for (size_t i = 0; i < COUNT_OF(commands); i++) {
        if (strlen(commands[i].name) == len && memcmp(commands[i].name, name, len) == 0) {
            return &commands[i];
        }
    }
    return NULL;
}

static char *take_argument(const char *text) {
    text = skip_space(text);
    size_t len = strlen(text);
    bool semicolon = false;
    while (len > 0 &&
           (isspace((unsigned char)text[len - 1]) || (text[len - 1] == ';' && !semicolon))) {
        semicolon = semicolon || text[len - 1] == ';';
        len--;
    }
    if (len >= 2 && *text == '\'' && text[len - 1] == '\'') {
        text++;
        len -= 2;
    }
    return len == 0 ? NULL : cli_strndup(text, len);
}

bool cli_slash_parse(cli_slash *slash, const char *line, cli_buf *why) {
    const char *name = skip_space(line);
    size_t len = strcspn(name, " \t\r\n;");
    const struct command *found = find(name, len);
    *slash = (cli_slash){0};
    if (found == NULL) {
        cli_buf_addf(why, "there is no command %.*s; \\? lists them", (int)(len < 40 ? len : 40),
                     name);
        return false;
    }
    *slash = (cli_slash){found->id, take_argument(name + len)};
    if (found->wants == NOTHING && slash->argument != NULL) {
        cli_buf_addf(why, "%s takes nothing behind it", found->name);
    } else if (found->wants == ONE && slash->argument == NULL) {
        cli_buf_addf(why, "%s needs something behind it: %s", found->name, found->argument);
    } else {
        return true;
    }
    cli_slash_reset(slash);
    return false;
}

void cli_slash_reset(cli_slash *slash) {
    free(slash->argument);
    *slash = (cli_slash){0};
}

bool cli_slash_switch(const char *argument, bool *value) {
    if (argument == NULL) {
        *value = !*value;
    } else if (strcmp(argument, "on") == 0 || strcmp(argument, "off") == 0) {
        *value = argument[1] == 'n';
    } else {
        return false;
    }
    return true;
}

const char *cli_slash_name(size_t i) {
    return i < COUNT_OF(commands) ? commands[i].name : NULL;
}

void cli_slash_list(cli_buf *out) {
    cli_buf_add_str(
        out, "A statement may have many lines and ends with a semicolon. Tab completes names, "
             "Ctrl-C stops.\n");
    for (size_t i = 0; i < COUNT_OF(commands); i++) {
        cli_buf_addf(out, "  %-8s %-30s %s\n", commands[i].name, commands[i].argument,
                     commands[i].what);
    }
}
