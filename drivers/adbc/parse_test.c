#include "keys.h"
#include "like.h"
#include "partition.h"
#include "sql.h"

#include "unit.h"

#include <stdlib.h>
#include <string.h>

/* ---- URIs ---- */

static char *split(const char *uri, options *out) {
    struct AdbcError error;
    error_init(&error);
    AdbcStatusCode status = uri_split(uri, out, &error);
    CHECK_CASE(uri);
    CHECK((status == ADBC_STATUS_OK) == (error.message == NULL));
    char *message = error.message != NULL ? strdup(error.message) : NULL;
    error_release(&error);
    return message;
}

DBK_TEST(a_uri_gives_options) {
    static const struct {
        const char *uri, *key, *value;
    } rows[] = {
        {"https://h", "databricks.server_hostname", "https://h"},
        {"HTTPS://h:8443/", "databricks.server_hostname", "https://h:8443"},
        {"http://[::1]:80/x", "databricks.server_hostname", "http://[::1]:80"},
        {"https://h", "databricks.http_path", NULL},
        {"https://h/sql/1.0/warehouses/a%20b", "databricks.http_path", "/sql/1.0/warehouses/a b"},
        {"https://h//a?o=12", "databricks.http_path", "/a?o=12"},
        {"databricks://token:a%3Ab%40@h:443/p", "databricks.access_token", "a:b@"},
        {"databricks://h/p?catalog=c&schema=%C3%BC", "databricks.schema", "\xC3\xBC"},
        {"databricks://h/p?CLIENTID=x", "databricks.auth.client_id", "x"},
        {"databricks://h/p?authtype=oauthm2m", "databricks.auth.type", "oauth_m2m"},
        {"databricks://h/p?ANSI_MODE=true&", "databricks.session_conf.ANSI_MODE", "true"},
        {"databricks://h/p?maxRows=7", "databricks.session_conf.maxRows", NULL},
        {"databricks://h/p?catalog=", "databricks.catalog", ""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        options given = {0};
        char *message = split(rows[i].uri, &given);
        CHECK_STR(message, NULL);
        CHECK_STR(options_get(&given, rows[i].key), rows[i].value);
        options_reset(&given);
    }
}

DBK_TEST(a_wrong_uri_is_refused_without_its_secrets) {
    static const struct {
        const char *uri, *message;
    } rows[] = {
        {"", "must begin with"},
        {"h/sql", "must begin with"},
        {"https://", "no host"},
        {"https:///p", "no host"},
        {"databricks://user:s3cret@h/p", "token:<personal access token>"},
        {"databricks://s3cret@h/p", "token:<personal access token>"},
        {"databricks://token:s3cret%4@h/p", "two hexadecimal digits"},
        {"databricks://token:s3cret%00@h/p", "two hexadecimal digits"},
        {"databricks://h/p?clientSecret=s3cret%", "two hexadecimal digits"},
        {"databricks://h/p?s3cret", "key=value"},
        {"databricks://h/p?authType=s3cret", "authType must be"},
        {"databricks://h/sql/protocolv1/o/1/2", "all-purpose cluster"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        options given = {0};
        char *message = split(rows[i].uri, &given);
        CHECK_CONTAINS(message, rows[i].message);
        CHECK(strstr(message, "s3cret") == NULL);
        free(message);
        options_reset(&given);
    }
}

/* ---- partitions ---- */

DBK_TEST(a_descriptor_is_read_as_it_was_written) {
    const descriptor d = {"https://h", "01ef-AB_c", INT64_MAX, 1};
    descriptor back = {0};
    text t = {0};
    descriptor_write(&d, &t);
    CHECK(descriptor_parse(t.ptr, &back));
    CHECK_STR(back.place, d.place);
    CHECK_STR(back.id, d.id);
    CHECK_EQ_I64(back.first, d.first);
    CHECK_EQ_I64(back.count, d.count);
    text_reset(&t);
}

DBK_TEST(other_bytes_are_no_descriptor) {
    static const char *const rows[] = {
        "",
        "\n\n\n\n\n",
        "dbkernel-partition 1",
        "dbkernel-partition 1\nh\nid\n0\n",
        "dbkernel-partition 1\nh\nid\n0\n1",
        "dbkernel-partition 1\nh\nid\n0\n1\n\n",
        "dbkernel-partition 2\nh\nid\n0\n1\n",
        "dbkernel-partition 1\nh\n\n0\n1\n",
        "dbkernel-partition 1\nh\n../x\n0\n1\n",
        "dbkernel-partition 1\nh\nid?x=1\n0\n1\n",
        "dbkernel-partition 1\nh\nid\n-1\n1\n",
        "dbkernel-partition 1\nh\nid\n0\n2\n",
        "dbkernel-partition 1\nh\nid\n9223372036854775808\n1\n",
        "dbkernel-partition 1\nh\nid\n\n1\n",
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char *copy = strdup(rows[i]);
        descriptor d = {0};
        CHECK_CASE(rows[i]);
        CHECK(copy != NULL && !descriptor_parse(copy, &d));
        free(copy);
    }
}

/* ---- SQL ---- */

DBK_TEST(markers_stand_outside_of_quotes_and_comments) {
    static const struct {
        const char *sql;
        size_t count;
    } rows[] = {
        {"", 0},
        {"?", 1},
        {"??", 2},
        {"SELECT '?', \"?\", `?`, ?", 1},
        {"SELECT 'it\\'s ?', ?", 1},
        {"SELECT 'it''s ?', ?", 1},
        {"SELECT `a``?`, ?", 1},
        {"SELECT `\\`, ?", 1},
        {"SELECT r'\\', ?", 1},
        {"SELECT R\"\\\", ?", 1},
        {"SELECT car'\\'?', ?", 1},
        {"-- ?\n?", 1},
        {"/* ? /* ? */ ? */ ?", 1},
        {"/* ?", 0},
        {"'?", 0},
        {"'\\", 0},
        {"? - ? / ?", 3},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        text filled = {0};
        CHECK_CASE(rows[i].sql);
        CHECK_EQ_SIZE(sql_markers(rows[i].sql), rows[i].count);
        sql_fill_markers(rows[i].sql, &filled);
        CHECK_EQ_SIZE(sql_markers(text_str(&filled)), 0);
        CHECK_EQ_SIZE(filled.len, strlen(rows[i].sql) + 2 * rows[i].count);
        text_reset(&filled);
    }
}

DBK_TEST(bytes_are_sent_as_hex) {
    const column columns[] = {{.kind = CELL_TEXT}, {.kind = CELL_BINARY}};
    text out = {0};
    sql_dress_markers("f(?, '?', ?, ?)", columns, 2, &out);
    CHECK_STR(text_str(&out), "f(?, '?', unhex(?), ?)");
    text_reset(&out);
}

DBK_TEST(the_end_of_a_statement) {
    CHECK_EQ_SIZE(sql_length("SELECT 1 ; \n;\t"), 8);
    CHECK_EQ_SIZE(sql_length(" ;"), 0);
    CHECK_EQ_SIZE(sql_length("SELECT 1 AS \xC3\xA0"), 14); /* its last byte is a blank in Latin-1 */
}

DBK_TEST(the_first_word) {
    static const char words[] = "|select|describe|";
    CHECK(sql_begins(" -- x\n /* y */ ((SELECT 1", words));
    CHECK(sql_begins("DESCRIBE t", words));
    CHECK(!sql_begins("selected", words));
    CHECK(!sql_begins("sel", words));
    CHECK(!sql_begins("", words));
    CHECK(!sql_begins("-", words));
    CHECK(!sql_begins("--", words));
    CHECK(!sql_begins("1", words));
}

DBK_TEST(names_and_literals_are_quoted) {
    text out = {0};
    text_add_identifier(&out, "a`b");
    text_add_literal(&out, "it's \\");
    CHECK_STR(text_str(&out), "`a``b`'it\\'s \\\\'");
    text_reset(&out);
}

/* ---- options and patterns ---- */

DBK_TEST(numbers) {
    int64_t n = 0;
    double d = 0;
    CHECK(parse_int("-9223372036854775808", &n) && n == INT64_MIN);
    CHECK(parse_int("4.0", &n) && n == 4);
    CHECK(!parse_int("9223372036854775808", &n));
    CHECK(!parse_int("4.5", &n) && !parse_int("", &n) && !parse_int("4x", &n));
    CHECK(parse_double("0.5", &d) && d == 0.5);
    CHECK(!parse_double("inf", &d) && !parse_double("nan", &d) && !parse_double("1e999", &d));
}

DBK_TEST(spans) {
    int64_t n = 0;
    CHECK(parse_span("90", &n) && n == 90);
    CHECK(parse_span("1m30s", &n) && n == 90);
    CHECK(parse_span("1.5m", &n) && n == 90);
    CHECK(parse_span("1ms", &n) && n == 1);
    CHECK(!parse_span("", &n) && !parse_span("1", &n) == false);
    CHECK(!parse_span("-1", &n) && !parse_span("1x", &n) && !parse_span("m", &n));
    CHECK(!parse_span("1e300h", &n) && !parse_span("infs", &n) && !parse_span("nans", &n));
}

DBK_TEST(patterns) {
    static const struct {
        const char *pattern, *name;
        bool matches;
    } rows[] = {
        {NULL, "", true},
        {"", "", false},
        {"%", "", true},
        {"A%c", "abc", true},
        {"a_c", "abc", true},
        {"a_c",
         "a\xC3\xBC"
         "c",
         true},
        {"a\\_c", "abc", false},
        {"a\\_c", "a_c", true},
        {"%b%b", "abab", true},
        {"%b", "abc", false},
        {"a\\", "a\\", true},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CHECK_CASE(rows[i].pattern != NULL ? rows[i].pattern : "NULL");
        CHECK(like_matches(rows[i].pattern, rows[i].name) == rows[i].matches);
    }
}
