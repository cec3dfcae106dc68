#include "complete.h"

#include "command.h"
#include "dotted.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    CANDIDATES_MAX = 2000,
    TABLES_MAX = 4 /* of the statement, whose columns are offered */
};

static const char *const keywords[] = {
    "ALL",       "ALTER",        "ANALYZE",
    "AND",       "ANTI",         "AS",
    "ASC",       "BEGIN",        "BETWEEN",
    "BIGINT",    "BINARY",       "BOOLEAN",
    "BY",        "CALL",         "CASE",
    "CAST",      "CATALOG",      "CATALOGS",
    "COLUMN",    "COLUMNS",      "COMMENT",
    "COMMIT",    "COPY",         "CREATE",
    "CROSS",     "CURRENT_DATE", "CURRENT_TIMESTAMP",
    "DATE",      "DECIMAL",      "DECLARE",
    "DEFAULT",   "DELETE",       "DESC",
    "DESCRIBE",  "DISTINCT",     "DOUBLE",
    "DROP",      "ELSE",         "END",
    "EXCEPT",    "EXECUTE",      "EXISTS",
    "EXPLAIN",   "EXTENDED",     "EXTERNAL",
    "FALSE",     "FLOAT",        "FOREIGN",
    "FROM",      "FULL",         "FUNCTION",
    "FUNCTIONS", "GRANT",        "GROUP",
    "HAVING",    "IF",           "ILIKE",
    "IN",        "INNER",        "INSERT",
    "INT",       "INTERSECT",    "INTERVAL",
    "INTO",      "IS",           "JOIN",
    "KEY",       "LATERAL",      "LEFT",
    "LIKE",      "LIMIT",        "LOCATION",
    "MATCHED",   "MERGE",        "NOT",
    "NULL",      "OFFSET",       "ON",
    "OPTIMIZE",  "OR",           "ORDER",
    "OUTER",     "OVER",         "OVERWRITE",
    "PARTITION", "PARTITIONED",  "PIVOT",
    "PRIMARY",   "PROPERTIES",   "QUALIFY",
    "REFRESH",   "RENAME",       "REPLACE",
    "RESTORE",   "REVOKE",       "RIGHT",
    "RLIKE",     "ROLLBACK",     "ROWS",
    "SCHEMA",    "SCHEMAS",      "SELECT",
    "SEMI",      "SET",          "SHOW",
    "SMALLINT",  "STRING",       "STRUCT",
    "TABLE",     "TABLES",       "TABLESAMPLE",
    "THEN",      "TIMESTAMP",    "TIMESTAMP_NTZ",
    "TINYINT",   "TO",           "TRUE",
    "TRUNCATE",  "UNION",        "UNPIVOT",
    "UPDATE",    "USE",          "USING",
    "VACUUM",    "VALUES",       "VARIANT",
    "VIEW",      "VIEWS",        "VOLUME",
    "WHEN",      "WHERE",        "WINDOW",
    "WITH",
};

void cli_completion_reset(cli_completion *found) {
    for (size_t i = 0; i < found->count; i++) {
        free(found->items[i]);
    }
    free(found->items);
    free(found->common);
    *found = (cli_completion){0};
}

/* ---- candidates ---- */

typedef struct finding {
    const cli_names_source *source;
    cli_completion *out;
    const char *prefix;
    size_t prefix_len;
    char suffix; /* behind the only candidate; 0: none */
} finding;

/* Takes text. */
static void add_candidate(finding *f, char *text, char suffix) {
    cli_completion *out = f->out;
    for (size_t i = 0; i < out->count; i++) {
        if (strcmp(out->items[i], text) == 0) {
            free(text);
            return;
        }
    }
    if (out->count == CANDIDATES_MAX) {
        free(text);
        return;
    }
    if (out->items == NULL) {
        out->items = cli_alloc(CANDIDATES_MAX, sizeof(char *));
    }
    out->items[out->count++] = text;
    f->suffix = suffix;
}

static bool begins(const finding *f, const char *name) {
    return strncasecmp(name, f->prefix, f->prefix_len) == 0;
}

/* Keywords in the case that the person types. */
static void add_keywords(finding *f) {
    bool lower = islower((unsigned char)f->prefix[0]);
    for (size_t i = 0; i < COUNT_OF(keywords); i++) {
        if (begins(f, keywords[i])) {
            char *word = cli_strdup(keywords[i]);
            for (char *c = word; lower && *c != '\0'; c++) {
                *c = (char)tolower((unsigned char)*c);
            }
            add_candidate(f, word, ' ');
        }
    }
}

static void add_names(finding *f, const char *catalog, const char *schema, const char *table,
                      char suffix) {
    const char *const *names = NULL;
    size_t count = f->source->list(f->source->ctx, catalog, schema, table, &names);
    for (size_t i = 0; i < count; i++) {
        if (begins(f, names[i])) {
            cli_buf name = {0};
            cli_identifier(&name, names[i]);
            add_candidate(f, cli_strdup(cli_buf_str(&name)), suffix);
            cli_buf_reset(&name);
        }
    }
}

/* ---- tokens, roughly: quotes and comments are not followed ---- */

static bool is_name(char c) {
    return isalnum((unsigned char)c) || c == '_' || c == '.' || c == '`' ||
           (unsigned char)c >= 0x80;
}

/* The name or word at *at, which moves behind it; empty: no more. */
static const char *next_word(const char **at, const char *end, size_t *len) {
    const char *p = *at;
    while (p < end && !is_name(*p)) {
        p++;
    }
    const char *word = p;
    while (p < end && is_name(*p)) {
        p++;
    }
    *at = p;
    *len = (size_t)(p - word);
    return word;
}

static bool is_one_of(const char *word, size_t len, const char *const *list, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (strlen(list[i]) == len && strncasecmp(word, list[i], len) == 0) {
            return true;
        }
    }
    return false;
}

static bool wants_table(const char *word, size_t len) {
    static const char *const list[] = {"FROM", "JOIN",     "INTO", "TABLE",  "UPDATE",
                                       "VIEW", "DESCRIBE", "USE",  "SCHEMA", "CATALOG"};
    return is_one_of(word, len, list, COUNT_OF(list));
}

/* ---- tables of the statement ---- */

typedef struct mention {
    cli_dotted name; /* catalog and schema filled in where they are known */
    char *alias;     /* owned; NULL: none */
} mention;

static void free_mentions(mention *tables, size_t count) {
    for (size_t i = 0; i < count; i++) {
        cli_dotted_reset(&tables[i].name);
        free(tables[i].alias);
    }
}

static void complete_name(const cli_names_source *source, cli_dotted *name) {
    const char *const current[] = {source->catalog, source->schema};
    for (size_t i = 0; i < COUNT_OF(current); i++) {
        if (name->parts[i] == NULL && current[i] != NULL) {
            name->parts[i] = cli_strdup(current[i]);
        }
    }
}

static size_t find_mentions(const cli_names_source *source, const char *sql, size_t len,
                            mention tables[TABLES_MAX]) {
    const char *end = sql + len;
    size_t count = 0;
    size_t word_len = 0;
    const char *word = next_word(&sql, end, &word_len);
    while (word_len > 0 && count < TABLES_MAX) {
        if (!wants_table(word, word_len)) {
            word = next_word(&sql, end, &word_len);
            continue;
        }
        word = next_word(&sql, end, &word_len);
        char *text = cli_strndup(word, word_len);
        mention *found = &tables[count];
        *found = (mention){0};
        if (word_len > 0 && cli_dotted_parse(&found->name, text, 3)) {
            static const char *const as[] = {"AS"};
            complete_name(source, &found->name);
            count++;
            word = next_word(&sql, end, &word_len);
            if (is_one_of(word, word_len, as, 1)) {
                word = next_word(&sql, end, &word_len);
            }
            if (word_len > 0 && !is_one_of(word, word_len, keywords, COUNT_OF(keywords))) {
                found->alias = cli_strndup(word, word_len);
            }
        }
        free(text);
    }
    return count;
}

static void add_columns(finding *f, const char *sql, size_t len, const char *only) {
    mention tables[TABLES_MAX];
    size_t count = find_mentions(f->source, sql, len, tables);
    for (size_t i = 0; i < count; i++) {
        char *const *name = tables[i].name.parts;
        bool meant = only == NULL || strcasecmp(only, name[2]) == 0 ||
                     (tables[i].alias != NULL && strcasecmp(only, tables[i].alias) == 0);
        if (meant && name[0] != NULL && name[1] != NULL) {
            add_names(f, name[0], name[1], name[2], 0);
        }
    }
    free_mentions(tables, count);
}

/* ---- the word at the cursor ---- */

/* Names by how many parts stand before the one being typed. */
static void add_dotted(finding *f, char *const *parts, size_t count, bool names_only,
                       const char *sql, size_t len) {
    const char *catalog = f->source->catalog;
    const char *schema = f->source->schema;
    if (count == 0) {
        if (catalog != NULL && schema != NULL) {
            add_names(f, catalog, schema, NULL, ' ');
        }
        if (catalog != NULL) {
            add_names(f, catalog, NULL, NULL, '.');
        }
        add_names(f, NULL, NULL, NULL, '.');
        if (!names_only) {
            add_columns(f, sql, len, NULL);
        }
    } else if (count == 1) {
        add_columns(f, sql, len, parts[0]);
        add_names(f, parts[0], NULL, NULL, '.');
        if (catalog != NULL) {
            add_names(f, catalog, parts[0], NULL, ' ');
        }
    } else if (count == 2) {
        add_names(f, parts[0], parts[1], NULL, ' ');
        if (catalog != NULL) {
            add_names(f, catalog, parts[0], parts[1], 0);
        }
    } else {
        add_names(f, parts[0], parts[1], parts[2], 0);
    }
}

/* Splits "a.b.pre" into parts (owned) and the prefix. False: too many parts. */
static bool split_word(finding *f, const char *word, size_t len, char *parts[3], size_t *count) {
    const char *end = word + len;
    const char *dot = NULL;
    for (*count = 0; (dot = memchr(word, '.', (size_t)(end - word))) != NULL; word = dot + 1) {
        size_t part = (size_t)(dot - word);
        bool quoted = part >= 2 && word[0] == '`' && word[part - 1] == '`';
        if (*count == 3) {
            return false;
        }
        parts[(*count)++] = quoted ? cli_strndup(word + 1, part - 2) : cli_strndup(word, part);
    }
    f->prefix = word;
    f->prefix_len = (size_t)(end - word);
    return true;
}

static int compare(const void *a, const void *b) {
    const char *const *left = a;
    const char *const *right = b;
    return strcasecmp(*left, *right);
}

static void finish(finding *f) {
    cli_completion *out = f->out;
    if (out->count == 0) {
        return;
    }
    qsort(out->items, out->count, sizeof(char *), compare);
    size_t len = strlen(out->items[0]);
    for (size_t i = 1; i < out->count; i++) {
        size_t same = 0;
        while (same < len && out->items[i][same] != '\0' &&
               tolower((unsigned char)out->items[0][same]) ==
                   tolower((unsigned char)out->items[i][same])) {
            same++;
        }
        len = same;
    }
    while (len > 0 && ((unsigned char)out->items[0][len] & 0xc0) == 0x80) { /* no half characters */
        len--;
    }
    cli_buf common = {0};
    cli_buf_add(&common, out->items[0], len);
    if (out->count == 1 && f->suffix != 0) {
        cli_buf_add_char(&common, f->suffix);
    }
    if (len >= f->prefix_len) {
        out->common = cli_strdup(cli_buf_str(&common));
    } else { /* names in backticks among others: nothing in common */
        out->common = cli_strndup(f->prefix, f->prefix_len);
    }
    cli_buf_reset(&common);
}

static void complete_command(finding *f) {
    for (size_t i = 0; cli_slash_name(i) != NULL; i++) {
        if (strncmp(cli_slash_name(i), f->prefix, f->prefix_len) == 0) {
            add_candidate(f, cli_strdup(cli_slash_name(i)), ' ');
        }
    }
}

static size_t count_last_word(const char *sql, size_t len, const char **word) {
    while (len > 0 && isspace((unsigned char)sql[len - 1])) {
        len--;
    }
    size_t end = len;
    while (len > 0 && is_name(sql[len - 1])) {
        len--;
    }
    *word = sql + len;
    return end - len;
}

void cli_complete(const cli_names_source *source, const char *pending, const char *line, size_t len,
                  cli_completion *out) {
    finding f = {.source = source, .out = out};
    size_t start = len;
    while (start > 0 && is_name(line[start - 1])) {
        start--;
    }
    bool slash = cli_slash_is(line) && pending[0] == '\0';
    if (slash && start > 0 && memchr(line, ' ', len) == NULL) {
        size_t from = start;
        while (from > 0 && line[from] != '\\') {
            from--;
        }
        f.prefix = line + from;
        f.prefix_len = len - from;
        out->from = from;
        complete_command(&f);
        finish(&f);
        return;
    }
    char *parts[3] = {0};
    size_t count = 0;
    cli_buf sql = {0}; /* what stands before the word */
    cli_buf_add_str(&sql, pending);
    cli_buf_add(&sql, line, start);
    (void)cli_buf_str(&sql);
    const char *before = NULL;
    size_t before_len = count_last_word(sql.ptr, sql.len, &before);
    bool names_only = slash || wants_table(before, before_len);
    if (split_word(&f, line + start, len - start, parts, &count)) {
        out->from = (size_t)(f.prefix - line);
        if (f.prefix_len > 0 && *f.prefix == '`') { /* candidates bring their own */
            f.prefix++;
            f.prefix_len--;
        }
        if (count > 0 || names_only || f.prefix_len > 0) {
            add_dotted(&f, parts, count, names_only, sql.ptr, sql.len);
        }
        if (count == 0 && !names_only && f.prefix_len > 0) {
            add_keywords(&f);
        }
        finish(&f);
    }
    for (size_t i = 0; i < count; i++) {
        free(parts[i]);
    }
    cli_buf_reset(&sql);
}
