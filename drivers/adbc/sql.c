#include "sql.h"

#include <string.h>

/* r'...' and r"...": backslashes stand for themselves. */
static bool is_raw(const char *begin, const char *quote) {
    return quote > begin && ascii_lower(quote[-1]) == 'r' &&
           (quote - begin == 1 || !is_word(quote[-2]));
}

/* The end of what begins at sql and is no code: a quoted text or name, a comment. sql itself: code. */
static const char *skip(const char *sql, bool raw) {
    const char *at = sql;
    char quote = *sql;
    if (quote == '\'' || quote == '"' || quote == '`') {
        for (at++; *at != '\0' && *at != quote; at++) {
            if (*at == '\\' && quote != '`' && !raw && at[1] != '\0') {
                at++;
            }
        }
        return *at != '\0' ? at + 1 : at; /* a doubled quote begins the next one */
    }
    if (at[0] == '-' && at[1] == '-') {
        const char *end = strchr(at, '\n');
        return end != NULL ? end : at + strlen(at);
    }
    if (at[0] == '/' && at[1] == '*') {
        int depth = 0;
        do { /* comments nest */
            bool opens = at[0] == '/' && at[1] == '*';
            bool closes = at[0] == '*' && at[1] == '/';
            depth += opens ? 1 : closes ? -1 : 0;
            at += opens || closes ? 2 : 1;
        } while (depth > 0 && *at != '\0');
    }
    return at;
}

/* Copies up to the next marker; NULL: there is none any more. out may be NULL. */
static const char *next_marker(const char *sql, text *out) {
    const char *at = sql;
    while (*at != '\0' && *at != '?') {
        const char *end = skip(at, is_raw(sql, at));
        at = end > at ? end : at + 1;
    }
    if (out != NULL) {
        text_add_n(out, sql, (size_t)(at - sql));
    }
    return *at == '?' ? at : NULL;
}

size_t sql_markers(const char *sql) {
    size_t count = 0;
    for (const char *at = next_marker(sql, NULL); at != NULL; at = next_marker(at + 1, NULL)) {
        count++;
    }
    return count;
}

void sql_dress_markers(const char *sql, const column *columns, size_t count, text *out) {
    const char *at = sql;
    for (size_t i = 0; (at = next_marker(at, out)) != NULL; at++, i++) {
        bool bytes = i < count && columns[i].kind == CELL_BINARY;
        text_add(out, bytes ? "unhex(?)" : "?");
    }
}

void sql_fill_markers(const char *sql, text *out) {
    for (const char *at = sql; (at = next_marker(at, out)) != NULL; at++) {
        text_add(out, "'?'");
    }
}

size_t sql_length(const char *sql) {
    size_t len = strlen(sql);
    while (len > 0 && (sql[len - 1] == ';' || is_blank(sql[len - 1]))) {
        len--;
    }
    return len;
}

bool sql_begins(const char *sql, const char *words) {
    const char *at = sql;
    for (;;) {
        const char *end = *at == '-' || *at == '/' ? skip(at, false) : at;
        if (end == at && !is_blank(*at) && *at != '(') {
            break;
        }
        at = end > at ? end : at + 1;
    }
    size_t len = 0;
    while (is_letter(at[len])) {
        len++;
    }
    for (const char *word = words; len > 0 && word[1] != '\0'; word = strchr(word + 1, '|')) {
        if (ascii_same_n(word + 1, at, len) && word[1 + len] == '|') {
            return true;
        }
    }
    return false;
}
