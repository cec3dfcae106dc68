#include "session/session_rig.h"

#include <stdio.h>

#include "unit.h"

#define HEAD                                                                              \
    "{\"warehouse_id\":\"w\",\"statement\":\"%s\",\"session_id\":\"se\",\"disposition\":" \
    "\"INLINE_OR_EXTERNAL_LINKS\",\"format\":\"ARROW_STREAM\","

static dbk_slice text(const char *s) {
    return dbk_slice_of(s);
}

/* Executes st; the body that was sent. */
static const char *sent(rig *r, dbk_statement *st) {
    dbk_exec *e = NULL;
    size_t request = r->told;
    rig_answer(r, RIG_EXECUTE, RIG_OK, RIG_CLOSED);
    CHECK_OK(rig_execute(r, st, DBK_RUN_EXECUTE, &e), &r->err);
    dbk_exec_unref(e);
    CHECK_STR(rig_story(r), "POST statements");
    return rig_body(request);
}

static void check_refused(rig *r, dbk_statement *st, const char *message) {
    dbk_exec *e = NULL;
    CHECK_FAILS(rig_execute(r, st, DBK_RUN_EXECUTE, &e), &r->err, DBK_INVALID_ARGUMENT, message);
    CHECK(e == NULL);
    CHECK_STR(rig_story(r), ""); /* nothing was sent */
}

static const char *with_sql(const char *sql, const char *rest) {
    static char out[2000];
    int n = snprintf(out, sizeof out, HEAD, sql);
    (void)snprintf(out + n, sizeof out - (size_t)n, "%s", rest);
    return out;
}

#define PLAIN        "\"result_compression\":\"LZ4_FRAME\"}"
#define PARAMS(list) "\"result_compression\":\"LZ4_FRAME\",\"parameters\":[" list "]}"

DBK_TEST(the_request_as_sent) {
    rig r;
    rig_begin(&r, RIG_STEPPED);
    rig_open(&r);
    dbk_statement *st = rig_statement(&r, "SELECT 1");
    CHECK_STR(sent(&r, st), with_sql("SELECT 1", PLAIN));
    CHECK_OK(dbk_statement_set_sql(st, text(""), &r.err), &r.err); /* sent as it is */
    CHECK_STR(sent(&r, st), with_sql("", PLAIN));
    CHECK_OK(dbk_statement_configure(st, text("row_limit"), text("10"), &r.err), &r.err);
    CHECK_OK(dbk_statement_configure(st, text("query_tags"), text("team:x,bare"), &r.err), &r.err);
    CHECK_OK(dbk_statement_set_sql(st, text("S"), &r.err), &r.err); /* options stay */
    CHECK_STR(sent(&r, st),
              with_sql("S", "\"row_limit\":10,\"result_compression\":\"LZ4_FRAME\",\"query_tags\":["
                            "{\"key\":\"team\",\"value\":\"x\"},{\"key\":\"bare\"}]}"));
    CHECK_OK(dbk_statement_configure(st, text("row_limit"), text(""), &r.err), &r.err);
    CHECK_OK(dbk_statement_configure(st, text("query_tags"), text(""), &r.err), &r.err);
    CHECK_STR(sent(&r, st), with_sql("S", PLAIN));
    dbk_statement_unref(st);
    rig_end(&r);
}

DBK_TEST(without_cloudfetch_results_come_inline) {
    rig r;
    rig_begin(&r, RIG_STEPPED);
    r.config.cloudfetch_disabled = true;
    rig_open(&r);
    dbk_statement *st = rig_statement(&r, "S");
    CHECK_CONTAINS(sent(&r, st), "\"disposition\":\"INLINE\",");
    dbk_statement_unref(st);
    rig_end(&r);
}

DBK_TEST(sql_was_never_set) {
    rig r;
    dbk_statement *st = NULL;
    rig_begin(&r, RIG_STEPPED);
    rig_open(&r);
    CHECK_OK(dbk_statement_new(r.session, &st, &r.err), &r.err);
    check_refused(&r, st, "StatementSpec.sql must be set before execute()");
    dbk_statement_unref(st);
    rig_end(&r);
}

/* ---- parameters ---- */

DBK_TEST(typed_parameters) {
    rig r;
    rig_begin(&r, RIG_STEPPED);
    rig_open(&r);
    dbk_statement *st = rig_statement(&r, "S");
    CHECK_OK(dbk_statement_bind(st, 3, "BIGINT", text("7"), &r.err), &r.err);
    CHECK_OK(dbk_statement_bind_double(st, 1, 1.5, &r.err), &r.err);
    CHECK_STR(sent(&r, st),
              with_sql("S", PARAMS("{\"ordinal\":1,\"type\":\"DOUBLE\",\"value\":\"1.5\"},"
                                   "{\"ordinal\":2,\"type\":\"STRING\",\"value\":null},"
                                   "{\"ordinal\":3,\"type\":\"BIGINT\",\"value\":\"7\"}")));
    CHECK_OK(dbk_statement_bind(st, 1, "STRING", text(""), &r.err), &r.err); /* again: replaced */
    CHECK_OK(dbk_statement_bind(st, 2, "BOOLEAN", text("true"), &r.err), &r.err);
    CHECK_OK(dbk_statement_bind(st, 3, "STRING", (dbk_slice){0}, &r.err), &r.err);
    CHECK_STR(sent(&r, st),
              with_sql("S", PARAMS("{\"ordinal\":1,\"type\":\"STRING\",\"value\":\"\"},"
                                   "{\"ordinal\":2,\"type\":\"BOOLEAN\",\"value\":\"true\"},"
                                   "{\"ordinal\":3,\"type\":\"STRING\",\"value\":null}")));
    CHECK_OK(dbk_statement_set_sql(st, text("S"), &r.err), &r.err);
    CHECK_STR(sent(&r, st), with_sql("S", PLAIN)); /* set_sql clears them */
    dbk_statement_unref(st);
    rig_end(&r);
}

DBK_TEST(raw_parameters) {
    rig r;
    rig_begin(&r, RIG_STEPPED);
    rig_open(&r);
    dbk_statement *st = rig_statement(&r, "S");
    CHECK_OK(dbk_statement_bind_raw(st, text(""), text("INT"), text("1"), &r.err), &r.err);
    CHECK_OK(dbk_statement_bind_raw(st, (dbk_slice){0}, text("DATE"), (dbk_slice){0}, &r.err),
             &r.err);
    CHECK_STR(sent(&r, st),
              with_sql("S", PARAMS("{\"ordinal\":1,\"type\":\"INT\",\"value\":\"1\"},"
                                   "{\"ordinal\":2,\"type\":\"DATE\",\"value\":null}")));
    CHECK_OK(dbk_statement_set_sql(st, text("S"), &r.err), &r.err);
    CHECK_OK(dbk_statement_bind_raw(st, text("a"), text("INT"), text("1"), &r.err), &r.err);
    CHECK_OK(dbk_statement_bind_raw(st, text("a"), text("INT"), text("2"), &r.err), &r.err);
    CHECK_STR(sent(&r, st), /* both are sent */
              with_sql("S", PARAMS("{\"name\":\"a\",\"type\":\"INT\",\"value\":\"1\"},"
                                   "{\"name\":\"a\",\"type\":\"INT\",\"value\":\"2\"}")));
    dbk_statement_unref(st);
    rig_end(&r);
}

DBK_TEST(parameters_that_exclude_each_other) {
    rig r;
    rig_begin(&r, RIG_STEPPED);
    rig_open(&r);
    dbk_statement *st = rig_statement(&r, "S");
    CHECK_OK(dbk_statement_bind_raw(st, text("a"), text("INT"), text("1"), &r.err), &r.err);
    CHECK_OK(dbk_statement_bind_raw(st, text(""), text("INT"), text("2"), &r.err), &r.err);
    check_refused(&r, st,
                  "positional and named raw parameters are mutually exclusive; pass only one");
    CHECK_OK(dbk_statement_set_sql(st, text("S"), &r.err), &r.err);
    CHECK_OK(dbk_statement_bind_raw(st, text("a"), text("INT"), text("1"), &r.err), &r.err);
    CHECK_OK(dbk_statement_bind(st, 1, "INT", text("1"), &r.err), &r.err);
    check_refused(&r, st, "raw parameters cannot be mixed with positional/named TypedValue params");
    dbk_statement_unref(st);
    rig_end(&r);
}

DBK_TEST(limits_of_parameters) {
    rig r;
    rig_begin(&r, RIG_STEPPED);
    rig_open(&r);
    dbk_statement *st = rig_statement(&r, "S");
    CHECK_FAILS(dbk_statement_bind(st, 0, "INT", text("1"), &r.err), &r.err, DBK_INVALID_ARGUMENT,
                "positional parameter ordinal must be >= 1 (1-based)");
    CHECK_FAILS(dbk_statement_bind(st, DBK_PARAMS_MAX + 1, "INT", text("1"), &r.err), &r.err,
                DBK_INVALID_ARGUMENT, "a statement takes at most 65536 parameters");
    CHECK_EQ_SIZE(st->typed.count, 0);
    CHECK_OK(dbk_statement_bind(st, DBK_PARAMS_MAX, "INT", text("1"), &r.err), &r.err);
    CHECK_EQ_SIZE(st->typed.count, DBK_PARAMS_MAX);
    for (size_t i = 0; i < DBK_PARAMS_MAX; i++) {
        CHECK_OK(dbk_statement_bind_raw(st, text(""), text("INT"), text("1"), &r.err), &r.err);
    }
    CHECK_FAILS(dbk_statement_bind_raw(st, text(""), text("INT"), text("1"), &r.err), &r.err,
                DBK_INVALID_ARGUMENT, "a statement takes at most 65536 parameters");
    CHECK_EQ_SIZE(st->raw.count, DBK_PARAMS_MAX);
    dbk_statement_unref(st);
    rig_end(&r);
}

/* A bind that fails leaves neither the value nor gaps before it. */
DBK_TEST(a_bind_that_fails_leaves_nothing) {
    rig r;
    rig_begin(&r, RIG_STEPPED);
    rig_open(&r);
    dbk_statement *st = rig_statement(&r, "S");
    dbk_status got = DBK_RESOURCE_EXHAUSTED;
    for (int64_t n = 1; got != DBK_OK; n++) {
        CHECK_EQ_SIZE(st->typed.count, 0);
        dbk_alloc_fail_after(n);
        got = dbk_statement_bind(st, 5, "STRING", text("a"), &r.err);
        dbk_alloc_fail_after(0);
        CHECK(got == DBK_OK || got == DBK_RESOURCE_EXHAUSTED);
        CHECK(n < 10);
    }
    CHECK_EQ_SIZE(st->typed.count, 5);
    CHECK_OK(dbk_statement_set_sql(st, text("S"), &r.err), &r.err);
    CHECK_STR(sent(&r, st), with_sql("S", PLAIN));
    dbk_statement_unref(st);
    rig_end(&r);
}

/* ---- options ---- */

DBK_TEST(row_limits) {
    static const struct {
        const char *value;
        int64_t want; /* -1: refused */
    } rows[] = {{"0", 0},
                {"1", 1},
                {"9223372036854775807", INT64_MAX},
                {"9223372036854775808", -1},
                {"-1", -1},
                {"x", -1},
                {"1.5", -1},
                {" ", -1}};
    rig r;
    rig_begin(&r, RIG_STEPPED);
    rig_open(&r);
    dbk_statement *st = rig_statement(&r, "S");
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CHECK_CASE(rows[i].value);
        dbk_status got =
            dbk_statement_configure(st, text("row_limit"), text(rows[i].value), &r.err);
        if (rows[i].want >= 0) {
            CHECK_OK(got, &r.err);
            CHECK(st->has_row_limit);
            CHECK_EQ_I64(st->row_limit, rows[i].want);
        } else {
            CHECK_FAILS(got, &r.err, DBK_INVALID_ARGUMENT,
                        "statement option 'row_limit' expects a count of rows, got \"");
            CHECK_EQ_I64(st->row_limit, INT64_MAX); /* as it was */
        }
    }
    CHECK_FAILS(dbk_statement_configure(st, text("ROW_LIMIT"), text("1"), &r.err), &r.err,
                DBK_INVALID_ARGUMENT,
                "unknown statement option 'ROW_LIMIT'; supported: row_limit, query_tags");
    dbk_statement_unref(st);
    rig_end(&r);
}

/* Spec sea-protocol 3. "key=value" parts with '|' between; a bare key has no '='. */
DBK_TEST(query_tags) {
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"", ""},
        {"a", "a"},
        {"a:", "a="},
        {":v", "=v"},
        {"a:b", "a=b"},
        {"a:b,c", "a=b|c"},
        {"e:f:g", "e=f:g"},
        {"team:x\\:y\\,z\\\\w", "team=x:y,z\\w"},
        {"k\\\\ey:1", "k\\ey=1"},
        {"k\\:ey:1", "k:ey=1"},
        {"k\\,ey", "k,ey"},
        {"a,,b", "a|b"},
        {",", ""},
        {"a,", "a"},
        {"a:b\\", "a=b\\"},
        {"\\", "\\"},
        {" a : b , c ", " a = b | c "},
        {"a:1,a:2", "a=1|a=2"},
        {"\xc3\xa9:\xe2\x82\xac", "\xc3\xa9=\xe2\x82\xac"},
    };
    rig r;
    rig_begin(&r, RIG_STEPPED);
    rig_open(&r);
    dbk_statement *st = rig_statement(&r, "S");
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        dbk_buf got = {0};
        const char *got_text = NULL;
        CHECK_CASE(rows[i].text);
        CHECK_OK(dbk_statement_configure(st, text("query_tags"), text(rows[i].text), &r.err),
                 &r.err);
        for (size_t t = 0; t < st->tags.count; t++) {
            const dbk_pair *p = &st->tags.items[t];
            CHECK_OK(dbk_buf_putf(&got, &r.err, "%s%s%s%s", t > 0 ? "|" : "", p->name.ptr,
                                  p->value.ptr != NULL ? "=" : "", dbk_str_or(&p->value, "")),
                     &r.err);
        }
        CHECK_OK(dbk_buf_cstr(&got, &got_text, &r.err), &r.err);
        CHECK_STR(got_text, rows[i].want);
        dbk_buf_reset(&got);
    }
    dbk_statement_unref(st);
    rig_end(&r);
}
