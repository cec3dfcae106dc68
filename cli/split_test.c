#include "split.h"

#include "unit.h"

#include <stdio.h>
#include <string.h>

/* The pieces, each in brackets with its line number. */
static void join(const char *text, cli_buf *out) {
    cli_split split = cli_split_start(text, strlen(text));
    cli_sql sql;
    out->len = 0;
    while (cli_split_next(&split, &sql)) {
        cli_buf_addf(out, "%zu[%.*s]", sql.line, (int)sql.len, sql.ptr);
    }
}

DBK_TEST(cli_split_statements) {
    static const struct {
        const char *name, *text, *want;
    } rows[] = {
        {"one", "SELECT 1", "1[SELECT 1]"},
        {"one with semicolon", "SELECT 1;", "1[SELECT 1]"},
        {"two", "SELECT 1; SELECT 2", "1[SELECT 1]1[SELECT 2]"},
        {"lines", "SELECT 1;\n\n  SELECT\n 2;\nSELECT 3", "1[SELECT 1]3[SELECT\n 2]5[SELECT 3]"},
        {"nothing", "", ""},
        {"semicolons", ";; ;\n;", ""},
        {"only comments", "-- a;\n/* b; */ ;", ""},
        {"single quotes", "SELECT ';'; SELECT 2", "1[SELECT ';']1[SELECT 2]"},
        {"doubled quote", "SELECT 'a'';b'; SELECT 2", "1[SELECT 'a'';b']1[SELECT 2]"},
        {"escaped quote", "SELECT 'a\\';b'; SELECT 2", "1[SELECT 'a\\';b']1[SELECT 2]"},
        {"escaped backslash", "SELECT 'a\\\\'; SELECT 2", "1[SELECT 'a\\\\']1[SELECT 2]"},
        {"raw string", "SELECT r'a\\'; SELECT 2", "1[SELECT r'a\\']1[SELECT 2]"},
        {"raw needs a token of its own", "SELECT bar'a\\';b'; SELECT 2",
         "1[SELECT bar'a\\';b']1[SELECT 2]"},
        {"double quotes", "SELECT \"a;b\"; SELECT 2", "1[SELECT \"a;b\"]1[SELECT 2]"},
        {"backticks", "SELECT `a;\\`; SELECT 2", "1[SELECT `a;\\`]1[SELECT 2]"},
        {"line comment", "SELECT 1 -- ;\n+ 1; SELECT 2", "1[SELECT 1 -- ;\n+ 1]2[SELECT 2]"},
        {"quote in a comment", "SELECT 1 -- don't\n; SELECT 2", "1[SELECT 1 -- don't]2[SELECT 2]"},
        {"block comment", "SELECT /* ; */ 1; SELECT 2", "1[SELECT /* ; */ 1]1[SELECT 2]"},
        {"nested comment", "SELECT /* a /* ; */ ; */ 1; SELECT 2",
         "1[SELECT /* a /* ; */ ; */ 1]1[SELECT 2]"},
        {"comment before", "/* hint */ SELECT 1; -- last\n", "1[/* hint */ SELECT 1]"},
        {"minus", "SELECT 1 - - 2; SELECT 3", "1[SELECT 1 - - 2]1[SELECT 3]"},
        {"dollar quotes", "CREATE FUNCTION f() AS $$ a; b $$; SELECT 2",
         "1[CREATE FUNCTION f() AS $$ a; b $$]1[SELECT 2]"},
        {"tagged dollar quotes", "SELECT $py$ a;$$;b $py$; SELECT 2",
         "1[SELECT $py$ a;$$;b $py$]1[SELECT 2]"},
        {"a single dollar", "SELECT '$'; SELECT ${x}; SELECT 3",
         "1[SELECT '$']1[SELECT ${x}]1[SELECT 3]"},
        {"open quote", "SELECT 'a; SELECT 2", "1[SELECT 'a; SELECT 2]"},
        {"open comment", "SELECT 1 /* ; SELECT 2", "1[SELECT 1 /* ; SELECT 2]"},
        {"ends in a backslash", "SELECT '\\", "1[SELECT '\\]"},
        {"script", "BEGIN SELECT 1; SELECT 2; END; SELECT 3",
         "1[BEGIN SELECT 1; SELECT 2; END]1[SELECT 3]"},
        {"script with blocks",
         "BEGIN IF a THEN SELECT 1; END IF; WHILE b DO SELECT CASE WHEN c THEN 1 END; END WHILE; "
         "CASE x WHEN 1 THEN SELECT 2; END CASE; BEGIN SELECT 3; END; END; SELECT 4",
         "1[BEGIN IF a THEN SELECT 1; END IF; WHILE b DO SELECT CASE WHEN c THEN 1 END; END WHILE; "
         "CASE x WHEN 1 THEN SELECT 2; END CASE; BEGIN SELECT 3; END; END]1[SELECT 4]"},
        {"labelled script", "l: BEGIN SELECT 1; END l; SELECT 2",
         "1[l: BEGIN SELECT 1; END l]1[SELECT 2]"},
        {"procedure", "CREATE PROCEDURE p() AS BEGIN SELECT 1; END; CALL p()",
         "1[CREATE PROCEDURE p() AS BEGIN SELECT 1; END]1[CALL p()]"},
        {"transaction", "BEGIN TRANSACTION; SELECT 1; COMMIT",
         "1[BEGIN TRANSACTION]1[SELECT 1]1[COMMIT]"},
        {"plain begin", "BEGIN; SELECT 1", "1[BEGIN]1[SELECT 1]"},
        {"begin as a name", "SELECT 1 AS begin; SELECT 2", "1[SELECT 1 AS begin]1[SELECT 2]"},
        {"case outside scripts", "SELECT CASE WHEN a THEN 1 END; SELECT 2",
         "1[SELECT CASE WHEN a THEN 1 END]1[SELECT 2]"},
    };
    cli_buf got = {0};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CHECK_CASE(rows[i].name);
        join(rows[i].text, &got);
        CHECK_STR(cli_buf_str(&got), rows[i].want);
    }
    cli_buf_reset(&got);
}

DBK_TEST(cli_split_loses_nothing_at_any_length) {
    static const char text[] =
        "SELECT 'a;''\\'' \"x;\" `b;` /* c /* ; */ */ -- d;\n, $$ ; $$; BEGIN "
        "CASE WHEN 1 THEN 2 END; END; r'\\';";
    for (size_t len = 0; len < sizeof text; len++) {
        cli_split split = cli_split_start(text, len);
        cli_sql sql;
        const char *last = text;
        while (cli_split_next(&split, &sql)) {
            CHECK(sql.ptr >= last && sql.len > 0);
            last = sql.ptr + sql.len;
            CHECK(last <= text + len);
        }
    }
}

DBK_TEST(cli_split_passes_nul_bytes_on) {
    static const char text[] = "SELECT 'a\0;b';SELECT 2";
    cli_split split = cli_split_start(text, sizeof text - 1);
    cli_sql sql;
    CHECK(cli_split_next(&split, &sql));
    CHECK_EQ_SIZE(sql.len, 13);
    CHECK(cli_split_next(&split, &sql));
    CHECK_SLICE(((dbk_slice){sql.ptr, sql.len}), "SELECT 2");
    CHECK(!cli_split_next(&split, &sql));
}

DBK_TEST(cli_first_words) {
    static const struct {
        const char *sql, *want;
    } rows[] = {
        {"insert INTO t", "INSERT"},
        {"-- x\n/* y */ (SELECT 1)", "SELECT"},
        {"((with", "WITH"},
        {"", ""},
        {"'text'", ""},
        {"averyveryverylongword", ""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char word[16];
        CHECK_CASE(rows[i].sql);
        cli_sql_first_word(rows[i].sql, strlen(rows[i].sql), word);
        CHECK_STR(word, rows[i].want);
    }
}
