#include "command.h"

#include "dotted.h"
#include "history.h"
#include "split.h"

#include "unit.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

DBK_TEST(cli_slash_commands) {
    static const struct {
        const char *line;
        cli_slash_id id;
        const char *argument;
    } rows[] = {
        {"\\q", CLI_SLASH_QUIT, NULL},
        {"  \\q ; ", CLI_SLASH_QUIT, NULL},
        {"\\dt", CLI_SLASH_TABLES, NULL},
        {"\\dt samples.tpch.%;", CLI_SLASH_TABLES, "samples.tpch.%"},
        {"\\d\t`a b`.c ", CLI_SLASH_DESCRIBE, "`a b`.c"},
        {"\\o 'my file;.csv'", CLI_SLASH_OUTPUT, "my file;.csv"},
        {"\\i a b.sql", CLI_SLASH_INCLUDE, "a b.sql"},
        {"\\echo two  words", CLI_SLASH_ECHO, "two  words"},
        {"\\?", CLI_SLASH_HELP, NULL},
        {"\\x on", CLI_SLASH_EXPANDED, "on"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        cli_slash slash;
        cli_buf why = {0};
        CHECK_CASE(rows[i].line);
        CHECK(cli_slash_is(rows[i].line));
        CHECK(cli_slash_parse(&slash, rows[i].line, &why));
        CHECK_EQ_I64(slash.id, rows[i].id);
        CHECK_STR(slash.argument, rows[i].argument);
        cli_slash_reset(&slash);
        cli_buf_reset(&why);
    }
    CHECK(!cli_slash_is("SELECT '\\n'"));
    CHECK(!cli_slash_is(""));
}

DBK_TEST(cli_slash_refused) {
    static const struct {
        const char *line, *why;
    } rows[] = {
        {"\\nonsense x", "there is no command \\nonsense; \\? lists them"},
        {"\\", "there is no command \\"},
        {"\\q now", "\\q takes nothing behind it"},
        {"\\i", "\\i needs something behind it: FILE"},
        {"\\DT", "there is no command \\DT"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        cli_slash slash;
        cli_buf why = {0};
        CHECK_CASE(rows[i].line);
        CHECK(!cli_slash_parse(&slash, rows[i].line, &why));
        CHECK_CONTAINS(cli_buf_str(&why), rows[i].why);
        CHECK(slash.argument == NULL);
        cli_buf_reset(&why);
    }
}

DBK_TEST(cli_slash_switches_and_list) {
    bool value = false;
    cli_buf list = {0};
    CHECK(cli_slash_switch(NULL, &value) && value);
    CHECK(cli_slash_switch("off", &value) && !value);
    CHECK(cli_slash_switch("on", &value) && value);
    CHECK(!cli_slash_switch("maybe", &value) && value);
    cli_slash_list(&list);
    for (size_t i = 0; cli_slash_name(i) != NULL; i++) {
        CHECK_CONTAINS(cli_buf_str(&list), cli_slash_name(i));
    }
    cli_buf_reset(&list);
}

/* ---- names with dots ---- */

DBK_TEST(cli_dotted_names) {
    static const struct {
        const char *text;
        size_t most;
        bool ok;
        const char *parts[3];
    } rows[] = {
        {"t", 3, true, {NULL, NULL, "t"}},
        {"s.t", 3, true, {NULL, "s", "t"}},
        {"c.s.t", 3, true, {"c", "s", "t"}},
        {"`a.b`.`c``d`", 2, true, {NULL, "a.b", "c`d"}},
        {"x\\_%", 1, true, {NULL, NULL, "x\\_%"}},
        {"a.b", 1, false, {NULL}},
        {"a.b.c.d", 3, false, {NULL}},
        {"", 3, false, {NULL}},
        {"a.", 3, false, {NULL}},
        {".a", 3, false, {NULL}},
        {"a..b", 3, false, {NULL}},
        {"`a", 3, false, {NULL}},
        {"`a`b", 3, false, {NULL}},
        {"``", 3, false, {NULL}},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        cli_dotted dotted;
        CHECK_CASE(rows[i].text);
        CHECK_EQ_I64(cli_dotted_parse(&dotted, rows[i].text, rows[i].most), rows[i].ok);
        for (size_t p = 0; p < 3; p++) {
            CHECK_STR(dotted.parts[p], rows[i].parts[p]);
        }
        cli_dotted_reset(&dotted);
    }
}

DBK_TEST(cli_names_are_escaped) {
    cli_buf out = {0};
    cli_like_exactly(&out, "a_b%c\\d");
    CHECK_STR(cli_buf_str(&out), "a\\_b\\%c\\\\d");
    out.len = 0;
    cli_identifier(&out, "plain_1");
    cli_identifier(&out, "1a");
    cli_identifier(&out, "it`s");
    CHECK_STR(cli_buf_str(&out), "plain_1`1a``it``s`");
    cli_buf_reset(&out);
}

/* ---- text that is still typed ---- */

DBK_TEST(cli_split_of_unfinished_text) {
    static const struct {
        const char *text;
        size_t whole; /* statements that are complete */
        const char *rest;
        bool open;
    } rows[] = {
        {"SELECT 1\n", 0, "SELECT 1\n", false},
        {"SELECT 1;\n", 1, "\n", false},
        {"SELECT 1; SELECT\n", 1, " SELECT\n", false},
        {"SELECT 1; SELECT 2;\n", 2, "\n", false},
        {"SELECT ';\n", 0, "SELECT ';\n", true},
        {"SELECT ';'\n", 0, "SELECT ';'\n", false},
        {"SELECT \"a\n", 0, "SELECT \"a\n", true},
        {"SELECT `a;\n", 0, "SELECT `a;\n", true},
        {"SELECT r'\\'\n", 0, "SELECT r'\\'\n", false},
        {"SELECT '\\'\n", 0, "SELECT '\\'\n", true},
        {"SELECT $$ a;\n", 0, "SELECT $$ a;\n", true},
        {"SELECT $$ a;$$;\n", 1, "\n", false},
        {"SELECT 1 /* ;\n", 0, "SELECT 1 /* ;\n", true},
        {"/* a;\n", 0, "/* a;\n", true},
        {"SELECT 1 /* a /* b */ ;\n", 0, "SELECT 1 /* a /* b */ ;\n", true},
        {"SELECT 1 -- it's;\n", 0, "SELECT 1 -- it's;\n", false},
        {"BEGIN SELECT 1;\n", 0, "BEGIN SELECT 1;\n", false},
        {"BEGIN SELECT 1; END;\n", 1, "\n", false},
        {"\n", 0, "\n", false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        cli_split split = cli_split_start(rows[i].text, strlen(rows[i].text));
        cli_sql sql;
        size_t whole = 0;
        CHECK_CASE(rows[i].text);
        while (cli_split_next_whole(&split, &sql)) {
            whole++;
        }
        CHECK_EQ_SIZE(whole, rows[i].whole);
        CHECK_STR(split.at, rows[i].rest);
        CHECK_EQ_I64(cli_split_is_open(rows[i].text, strlen(rows[i].text)), rows[i].open);
    }
}

/* ---- history ---- */

DBK_TEST(cli_history_leaves_secrets_out) {
    CHECK(cli_history_is_secret("CREATE USER x PASSWORD 'y'"));
    CHECK(cli_history_is_secret("SELECT 'dapi0123456789abcdef'"));
    CHECK(cli_history_is_secret("SET my.Access_Key = 1"));
    CHECK(cli_history_is_secret(" SELECT 1"));
    CHECK(!cli_history_is_secret("SELECT n_name FROM nation;"));
}

DBK_TEST(cli_history_comes_back) {
    char folder[] = "/tmp/dbk-history-XXXXXX";
    char path[128];
    cli_history history;
    cli_buf why = {0};
    struct stat st;
    CHECK(mkdtemp(folder) != NULL);
    CHECK_EQ_I64(setenv("XDG_STATE_HOME", folder, 1), 0);
    cli_history_open(&history, &why);
    CHECK(history.path != NULL && history.count == 0 && why.len == 0);
    (void)snprintf(path, sizeof path, "%s", history.path);
    cli_history_add(&history, "SELECT 1\nFROM `a\\n`;");
    cli_history_add(&history, "SELECT 'my token'");
    cli_history_add(&history, "");
    cli_history_add(&history, "\\dt");
    cli_history_reset(&history);
    CHECK(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600);
    cli_history_open(&history, &why);
    CHECK_EQ_SIZE(history.count, 2);
    CHECK_STR(history.entries[0], "SELECT 1\nFROM `a\\n`;");
    CHECK_STR(history.entries[1], "\\dt");
    for (int i = 0; i < CLI_HISTORY_MAX; i++) {
        cli_history_add(&history, "SELECT 2;");
    }
    cli_history_reset(&history);
    cli_history_open(&history, &why); /* cuts the file */
    CHECK_EQ_SIZE(history.count, CLI_HISTORY_MAX);
    cli_history_reset(&history);
    CHECK(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600);
    CHECK_EQ_I64(st.st_size, CLI_HISTORY_MAX * 10);
    CHECK_EQ_I64(unlink(path), 0);
    *strrchr(path, '/') = '\0';
    CHECK_EQ_I64(rmdir(path), 0);
    CHECK_EQ_I64(rmdir(folder), 0);
    cli_buf_reset(&why);
}
