#include "odbc.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* What the driver has to know of an SQL text: where its markers are, what kind it is, and whether it is an
 * INSERT whose one tuple of values can be repeated. Nothing is rewritten but escapes (escape.c). */

static bool is_word_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           (unsigned char)c >= 0x80;
}

static size_t skip_quoted(const char *s, size_t len, size_t at, bool backslashes) {
    char quote = s[at];
    for (size_t i = at + 1; i < len; i++) {
        if (s[i] == '\\' && backslashes) {
            i++;
        } else if (s[i] == quote) {
            if (i + 1 < len && s[i + 1] == quote) {
                i++; /* a doubled quote stays inside */
            } else {
                return i + 1;
            }
        }
    }
    return len;
}

static size_t skip_block_comment(const char *s, size_t len, size_t at) {
    size_t depth = 0;
    for (size_t i = at; i < len; i++) {
        if (i + 1 < len && s[i] == '/' && s[i + 1] == '*') {
            depth++;
            i++;
        } else if (i + 1 < len && s[i] == '*' && s[i + 1] == '/') {
            i++;
            if (--depth == 0) {
                return i + 1;
            }
        }
    }
    return len;
}

size_t sql_skip(const char *s, size_t len, size_t at) {
    char c = s[at], next = at + 1 < len ? s[at + 1] : '\0';
    if (c == '\'' || c == '"') {
        bool raw = at > 0 && (s[at - 1] == 'r' || s[at - 1] == 'R') &&
                   (at == 1 || !is_word_char(s[at - 2]));
        return skip_quoted(s, len, at, !raw);
    }
    if (c == '`') {
        return skip_quoted(s, len, at, false);
    }
    if (c == '-' && next == '-') {
        const char *end = memchr(s + at, '\n', len - at);
        return end == NULL ? len : (size_t)(end - s) + 1;
    }
    if (c == '/' && next == '*') {
        return skip_block_comment(s, len, at);
    }
    if (c == '$' && next == '$') {
        const char *end = len - at > 3 ? memmem(s + at + 2, len - at - 2, "$$", 2) : NULL;
        return end == NULL ? len : (size_t)(end - s) + 2;
    }
    return at;
}

/* The next word from *at on, outside literals and comments; false: none. *depth counts parentheses. */
static bool next_word(text t, size_t *at, text *word, int *depth) {
    size_t i = *at;
    while (i < t.len) {
        size_t skipped = sql_skip(t.ptr, t.len, i);
        if (skipped != i) {
            i = skipped;
            continue;
        }
        char c = t.ptr[i];
        *depth += c == '(' ? 1 : c == ')' ? -1 : 0;
        if (is_word_char(c)) {
            size_t start = i;
            while (i < t.len && is_word_char(t.ptr[i])) {
                i++;
            }
            *word = (text){t.ptr + start, i - start};
            *at = i;
            return true;
        }
        i++;
    }
    *at = i;
    return false;
}

static bool is_temporary(text sql,
                         size_t at) { /* what follows CREATE: OR REPLACE GLOBAL TEMPORARY */
    int depth = 0;
    text word;
    for (int i = 0; i < 4 && next_word(sql, &at, &word, &depth); i++) {
        if (text_is(word, "TEMP") || text_is(word, "TEMPORARY")) {
            return true;
        }
    }
    return false;
}

static sql_kind kind_of(text sql) {
    static const struct {
        const char *word;
        sql_kind kind;
    } kinds[] = {
        {"SELECT", SQL_KIND_QUERY},   {"WITH", SQL_KIND_QUERY},      {"VALUES", SQL_KIND_QUERY},
        {"TABLE", SQL_KIND_QUERY},    {"FROM", SQL_KIND_QUERY},      {"SHOW", SQL_KIND_QUERY},
        {"DESCRIBE", SQL_KIND_QUERY}, {"DESC", SQL_KIND_QUERY},      {"EXPLAIN", SQL_KIND_QUERY},
        {"LIST", SQL_KIND_QUERY},     {"INSERT", SQL_KIND_CHANGE},   {"MERGE", SQL_KIND_CHANGE},
        {"COPY", SQL_KIND_CHANGE},    {"UPDATE", SQL_KIND_SEARCHED}, {"DELETE", SQL_KIND_SEARCHED},
        {"CREATE", SQL_KIND_OTHER},   {"DROP", SQL_KIND_OTHER},      {"ALTER", SQL_KIND_OTHER},
        {"TRUNCATE", SQL_KIND_OTHER}, {"COMMENT", SQL_KIND_OTHER},   {"ANALYZE", SQL_KIND_OTHER},
        {"OPTIMIZE", SQL_KIND_OTHER}, {"VACUUM", SQL_KIND_OTHER},    {"GRANT", SQL_KIND_OTHER},
        {"REVOKE", SQL_KIND_OTHER},   {"REFRESH", SQL_KIND_OTHER},   {"PUT", SQL_KIND_OTHER},
        {"GET", SQL_KIND_OTHER},      {"REMOVE", SQL_KIND_OTHER}};
    size_t at = 0;
    int depth = 0;
    text word;
    if (!next_word(sql, &at, &word, &depth)) {
        return SQL_KIND_OTHER;
    }
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (text_is(word, kinds[i].word)) {
            bool temporary = text_is(word, "CREATE") && is_temporary(sql, at);
            return temporary ? SQL_KIND_SESSION : kinds[i].kind;
        }
    }
    return SQL_KIND_SESSION; /* USE, SET, DECLARE, BEGIN, and what is not known here */
}

static bool find_markers(sql_text *t) {
    const char *s = t->sql.ptr;
    for (size_t i = 0; i < t->sql.len;) {
        size_t skipped = sql_skip(s, t->sql.len, i);
        if (skipped != i) {
            i = skipped;
            continue;
        }
        if (s[i] == '?') {
            if (t->marker_count == t->marker_cap) {
                size_t cap = t->marker_cap == 0 ? 16 : t->marker_cap * 2;
                size_t *grown = realloc(t->markers, cap * sizeof *grown);
                if (grown == NULL) {
                    return false;
                }
                t->markers = grown;
                t->marker_cap = cap;
            }
            t->markers[t->marker_count++] = i;
        }
        i++;
    }
    return true;
}

static size_t skip_blanks(const char *s, size_t len, size_t at) {
    while (at < len && (s[at] == ' ' || s[at] == '\t' || s[at] == '\n' || s[at] == '\r')) {
        at++;
    }
    return at;
}

static size_t matching_parenthesis(const char *s, size_t len, size_t open) {
    int depth = 0;
    for (size_t i = open; i < len;) {
        size_t skipped = sql_skip(s, len, i);
        if (skipped != i) {
            i = skipped;
            continue;
        }
        depth += s[i] == '(' ? 1 : s[i] == ')' ? -1 : 0;
        if (depth == 0) {
            return i;
        }
        i++;
    }
    return len;
}

/* INSERT ... VALUES (one tuple without a query inside, with all markers of the statement). */
static void find_tuple(sql_text *t) {
    text sql = {t->sql.ptr, t->sql.len}, word;
    size_t at = 0;
    int depth = 0;
    bool insert = false, values = false;
    while (!values && next_word(sql, &at, &word, &depth)) {
        insert = insert || text_is(word, "INSERT");
        values = insert && depth == 0 && text_is(word, "VALUES");
    }
    size_t open = skip_blanks(sql.ptr, sql.len, at);
    if (!values || open >= sql.len || sql.ptr[open] != '(') {
        return;
    }
    size_t close = matching_parenthesis(sql.ptr, sql.len, open);
    size_t end = close < sql.len ? skip_blanks(sql.ptr, sql.len, close + 1) : sql.len + 1;
    if (end < sql.len && sql.ptr[end] == ';') {
        end = skip_blanks(sql.ptr, sql.len, end + 1);
    }
    if (end != sql.len || t->marker_count == 0 || t->markers[0] < open ||
        t->markers[t->marker_count - 1] > close) {
        return;
    }
    text tuple = {sql.ptr + open, close - open};
    for (at = 0, depth = 0; next_word(tuple, &at, &word, &depth);) {
        if (text_is(word, "SELECT")) {
            return;
        }
    }
    t->tuple_start = open;
    t->tuple_end = close + 1;
}

bool sql_prepare(sql_text *t, text sql, bool escapes, bool ntz_literals) {
    sql_text_free(t);
    if (escapes && memchr(sql.ptr, '{', sql.len) != NULL) {
        sql_translate(sql, ntz_literals, &t->sql);
    } else {
        buf_add(&t->sql, sql.ptr, sql.len);
    }
    if (t->sql.failed || !find_markers(t)) {
        return false;
    }
    t->kind = kind_of((text){buf_text(&t->sql), t->sql.len});
    if (t->kind == SQL_KIND_CHANGE) {
        find_tuple(t);
    }
    return true;
}

void sql_text_free(sql_text *t) {
    buf_free(&t->sql);
    free(t->markers);
    *t = (sql_text){0};
}
