/* Fuzzes the quoting of patterns and names, and the matcher. Properties: the literal that SQL sees is
 * always closed and ends where ours ends; read back by a SQL literal reader it has the characters of
 * the pattern; a name quoted is one identifier; a pattern without wildcards matches its own name. */
#include "metadata/parts.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok, const char *what) {
    if (!ok) {
        (void)fprintf(stderr, "%s\n", what);
        abort();
    }
}

/* Reads a SQL text in quotes from the start of sql: `''` is a quote, \x is x. Appends the content;
 * returns how many bytes the literal takes, 0: it is not closed. */
static size_t read_literal(dbk_slice sql, dbk_buf *content) {
    dbk_error err = {0};
    size_t i = 1;
    require(sql.len > 0 && sql.ptr[0] == '\'', "no quote at the start");
    while (i < sql.len) {
        char c = sql.ptr[i++];
        if (c == '\'') {
            if (i >= sql.len || sql.ptr[i] != '\'') {
                return i;
            }
            i++;
        } else if (c == '\\') {
            if (i >= sql.len) {
                return 0;
            }
            c = sql.ptr[i++];
        }
        require(dbk_buf_putc(content, c, &err) == DBK_OK, "out of memory");
    }
    return 0;
}

static void check_like(dbk_slice pattern) {
    dbk_error err = {0};
    dbk_buf sql = {0};
    dbk_buf content = {0};
    require(dbk_put_like_pattern(&sql, pattern, &err) == DBK_OK, "out of memory");
    require(read_literal(dbk_buf_slice(&sql), &content) == sql.len, "a LIKE literal is not closed");
    require(dbk_slice_eq(dbk_buf_slice(&content), pattern), "a LIKE literal says something else");
    dbk_buf_reset(&sql);
    dbk_buf_reset(&content);
}

/* What the regular expression behind SHOW must see: * and . for wildcards, two backslashes for one. */
static void want_of_show(dbk_slice pattern, dbk_buf *want) {
    dbk_error err = {0};
    for (size_t i = 0; i < pattern.len; i++) {
        char c = pattern.ptr[i];
        const char *text = NULL;
        if (c == '\\') {
            if (++i >= pattern.len) {
                return;
            }
            c = pattern.ptr[i];
            text = c == '\\' ? "\\\\" : NULL;
        } else {
            text = c == '%' ? "*" : c == '_' ? "." : NULL;
        }
        dbk_status st = text != NULL ? dbk_buf_puts(want, text, &err) : dbk_buf_putc(want, c, &err);
        require(st == DBK_OK, "out of memory");
    }
}

static void check_show(dbk_slice pattern) {
    dbk_error err = {0};
    dbk_buf sql = {0};
    dbk_buf content = {0};
    dbk_buf want = {0};
    require(dbk_put_show_pattern(&sql, pattern, &err) == DBK_OK, "out of memory");
    require(read_literal(dbk_buf_slice(&sql), &content) == sql.len, "a SHOW literal is not closed");
    want_of_show(pattern, &want);
    require(dbk_slice_eq(dbk_buf_slice(&content), dbk_buf_slice(&want)),
            "a SHOW literal says something else");
    dbk_buf_reset(&sql);
    dbk_buf_reset(&content);
    dbk_buf_reset(&want);
}

static void check_identifier(dbk_slice name) {
    dbk_error err = {0};
    dbk_buf sql = {0};
    require(dbk_put_identifier(&sql, name, &err) == DBK_OK, "out of memory");
    require(sql.len >= 2 && sql.ptr[0] == '`' && sql.ptr[sql.len - 1] == '`', "no backticks");
    size_t n = 0;
    for (size_t i = 1; i + 1 < sql.len; i++, n++) {
        if (sql.ptr[i] == '`') {
            require(i + 2 < sql.len && sql.ptr[++i] == '`', "a name ends inside");
        }
        require(n < name.len && sql.ptr[i] == name.ptr[n], "a name says something else");
    }
    require(n == name.len, "a name is cut");
    dbk_buf_reset(&sql);
}

static void check_matcher(dbk_slice pattern, dbk_slice other) {
    dbk_error err = {0};
    dbk_str name = {0};
    require(dbk_pattern_name(pattern, &name, &err) == DBK_OK, "out of memory");
    if (dbk_utf8_valid(pattern) && !dbk_pattern_has_wildcard(pattern)) {
        require(dbk_pattern_matches(pattern, dbk_str_slice(&name)), "a name does not match itself");
    }
    require(!dbk_pattern_is_all(pattern) || dbk_pattern_matches(pattern, other),
            "%% does not match everything");
    (void)dbk_pattern_matches(pattern, other);
    (void)dbk_metadata_is_blank(pattern);
    (void)dbk_metadata_type_code(pattern);
    dbk_str_reset(&name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0 || size > 1024) {
        return 0;
    }
    size_t cut = data[0] % size;
    dbk_slice pattern = dbk_slice_n(data + 1, size - 1 - cut);
    dbk_slice rest = dbk_slice_n(data + size - cut, cut);
    check_like(pattern);
    check_show(pattern);
    check_identifier(pattern);
    check_matcher(pattern, rest);
    return 0;
}
