/* Does a statement ask for rows? Only to tell an answer that lost them from one that has none. */
#include "session/statement.h"

/* Block comments nest, as they do on the server. */
static dbk_slice after_block(dbk_slice s) {
    size_t depth = 0;
    size_t i = 0;
    while (s.len - i > 1) {
        bool opens = s.ptr[i] == '/' && s.ptr[i + 1] == '*';
        bool closes = s.ptr[i] == '*' && s.ptr[i + 1] == '/';
        depth += opens ? 1 : 0;
        depth -= closes ? 1 : 0;
        i += opens || closes ? 2 : 1;
        if (closes && depth == 0) {
            return dbk_slice_n(s.ptr + i, s.len - i);
        }
    }
    return dbk_slice_n(s.ptr + s.len, 0);
}

/* What begins with the first word: after blanks, comments and opening parentheses. */
static dbk_slice first_word_on(dbk_slice sql) {
    for (;;) {
        dbk_slice s = dbk_slice_trim(sql);
        dbk_slice line = {NULL, 0};
        if (dbk_slice_has_prefix(s, DBK_SLICE("/*"))) {
            sql = after_block(s);
        } else if (dbk_slice_has_prefix(s, DBK_SLICE("--"))) {
            sql = dbk_slice_split(&s, '\n', &line) ? s : dbk_slice_n(s.ptr, 0);
        } else if (dbk_slice_has_prefix(s, DBK_SLICE("("))) {
            sql = dbk_slice_n(s.ptr + 1, s.len - 1);
        } else {
            return s;
        }
    }
}

static bool is_word_byte(char c) {
    return c == '_' || (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

bool dbk_sql_asks_for_rows(dbk_slice sql) {
    static const char *const words[] = {"SELECT",   "VALUES", "WITH",    "TABLE", "SHOW",
                                        "DESCRIBE", "DESC",   "EXPLAIN", "LIST"};
    dbk_slice word = first_word_on(sql);
    size_t len = 0;
    while (len < word.len && is_word_byte(word.ptr[len])) {
        len++;
    }
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (dbk_slice_eq_nocase(dbk_slice_n(word.ptr, len), dbk_slice_of(words[i]))) {
            return true;
        }
    }
    return false;
}
