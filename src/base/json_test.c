#include "unit.h"

#include <string.h>

static const char doc_text[] =
    "{\"s\":\"te\\u0000xt\",\"i\":-7,\"big\":9223372036854775807,\"b\":true,\"f\":false,"
    "\"o\":{\"k\":1},\"a\":[1,2],\"n\":null,\"r\":1.5,\"z\":0,\"e\":\"\"}";

static json_t *parsed(const char *text) {
    dbk_error err = {0};
    json_t *doc = NULL;
    CHECK_OK(dbk_json_parse(dbk_slice_of(text), &doc, &err), &err);
    return doc;
}

DBK_TEST(json_four_answers) {
    static const struct {
        const char *key;
        dbk_json_answer str, i64, boolean, obj, array;
    } rows[] = {
        {"s", DBK_JSON_OK, DBK_JSON_WRONG, DBK_JSON_WRONG, DBK_JSON_WRONG, DBK_JSON_WRONG},
        {"e", DBK_JSON_OK, DBK_JSON_WRONG, DBK_JSON_WRONG, DBK_JSON_WRONG, DBK_JSON_WRONG},
        {"i", DBK_JSON_WRONG, DBK_JSON_OK, DBK_JSON_WRONG, DBK_JSON_WRONG, DBK_JSON_WRONG},
        {"z", DBK_JSON_WRONG, DBK_JSON_OK, DBK_JSON_WRONG, DBK_JSON_WRONG, DBK_JSON_WRONG},
        {"r", DBK_JSON_WRONG, DBK_JSON_WRONG, DBK_JSON_WRONG, DBK_JSON_WRONG, DBK_JSON_WRONG},
        {"b", DBK_JSON_WRONG, DBK_JSON_WRONG, DBK_JSON_OK, DBK_JSON_WRONG, DBK_JSON_WRONG},
        {"o", DBK_JSON_WRONG, DBK_JSON_WRONG, DBK_JSON_WRONG, DBK_JSON_OK, DBK_JSON_WRONG},
        {"a", DBK_JSON_WRONG, DBK_JSON_WRONG, DBK_JSON_WRONG, DBK_JSON_WRONG, DBK_JSON_OK},
        {"n", DBK_JSON_NULL, DBK_JSON_NULL, DBK_JSON_NULL, DBK_JSON_NULL, DBK_JSON_NULL},
        {"none", DBK_JSON_ABSENT, DBK_JSON_ABSENT, DBK_JSON_ABSENT, DBK_JSON_ABSENT,
         DBK_JSON_ABSENT},
    };
    json_t *doc = parsed(doc_text);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        dbk_slice s = DBK_SLICE("untouched");
        int64_t v = -99;
        bool b = true;
        json_t *o = doc;
        json_t *a = doc;
        CHECK_CASE(rows[i].key);
        CHECK_EQ_I64(dbk_json_str(doc, rows[i].key, &s), rows[i].str);
        CHECK_EQ_I64(dbk_json_i64(doc, rows[i].key, &v), rows[i].i64);
        CHECK_EQ_I64(dbk_json_bool(doc, rows[i].key, &b), rows[i].boolean);
        CHECK_EQ_I64(dbk_json_obj(doc, rows[i].key, &o), rows[i].obj);
        CHECK_EQ_I64(dbk_json_array(doc, rows[i].key, &a), rows[i].array);
        CHECK((rows[i].str == DBK_JSON_OK) != dbk_slice_eq(s, DBK_SLICE("untouched")));
        CHECK((rows[i].i64 == DBK_JSON_OK) != (v == -99));
        CHECK((rows[i].obj == DBK_JSON_OK) != (o == doc));
        CHECK((rows[i].array == DBK_JSON_OK) != (a == doc));
    }
    json_decref(doc);
}

DBK_TEST(json_values) {
    json_t *doc = parsed(doc_text);
    dbk_slice s = {0};
    int64_t v = 0;
    bool b = true;
    CHECK_EQ_I64(dbk_json_str(doc, "s", &s), DBK_JSON_OK);
    CHECK_EQ_SIZE(s.len, 5);
    CHECK_MEM(s.ptr, "te\0xt", 5);
    CHECK_EQ_I64(dbk_json_i64(doc, "big", &v), DBK_JSON_OK);
    CHECK_EQ_I64(v, INT64_MAX);
    CHECK_EQ_I64(dbk_json_bool(doc, "f", &b), DBK_JSON_OK);
    CHECK(!b);
    json_t *array = NULL;
    CHECK_EQ_I64(dbk_json_array(doc, "a", &array), DBK_JSON_OK);
    CHECK_EQ_I64(dbk_json_str(array, "s", &s), DBK_JSON_ABSENT); /* not an object */
    CHECK_EQ_I64(dbk_json_str(NULL, "s", &s), DBK_JSON_ABSENT);
    json_decref(doc);
}

DBK_TEST(json_parse_refuses) {
    static const struct {
        const char *name, *text, *message;
    } rows[] = {
        {"empty", "", "'[' or '{' expected near end of file at line 1"},
        {"scalar", "1", "'[' or '{' expected at line 1"},
        {"cut", "{\"a\":", "unexpected token near end of file at line 1"},
        {"trailing", "{} x", "end of file expected at line 1"},
        {"trailing comma", "{\"a\":1,}", "string or '}' expected at line 1"},
        {"too large", "{\"a\":9223372036854775808}", "too big integer at line 1"},
        {"bad UTF-8", "{\"a\":\"\xff\"}", "unable to decode byte 0xff at line 1"},
        {"surrogate", "{\"a\":\"\\ud800\"}", "invalid Unicode '\\uD800' at line 1"},
        {"second line", "{\n\"a\" 1}", "at line 2 column"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        dbk_error err = {0};
        json_t *doc = NULL;
        CHECK_CASE(rows[i].name);
        CHECK_FAILS(dbk_json_parse(dbk_slice_of(rows[i].text), &doc, &err), &err, DBK_DATA_LOSS,
                    rows[i].message);
        CHECK(doc == NULL);
        dbk_error_reset(&err);
    }
    dbk_error err = {0};
    json_t *doc = NULL;
    CHECK_EQ_I64(dbk_json_parse((dbk_slice){0}, &doc, &err), DBK_DATA_LOSS);
    dbk_error_reset(&err);
}

DBK_TEST(json_parse_error_quotes_no_document) {
    static const char *const rows[] = {
        "{\"access_token\":\"hunter2",
        "{\"access_token\":\"hunter2\" \"hunter2\"}",
        "{\"access_token\":hunter2}",
        "{\"access_token\":\"hunter2\\q\"}",
        "hunter2",
        "{\"hunter2\":1} hunter2",
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        dbk_error err = {0};
        json_t *doc = NULL;
        CHECK_CASE(rows[i]);
        CHECK_EQ_I64(dbk_json_parse(dbk_slice_of(rows[i]), &doc, &err), DBK_DATA_LOSS);
        CHECK(strstr(dbk_error_message(&err), "hunter") == NULL);
        dbk_error_reset(&err);
    }
}

DBK_TEST(json_nesting_is_bounded) {
    static char deep[200001];
    memset(deep, '[', sizeof deep - 1);
    dbk_error err = {0};
    json_t *doc = NULL;
    CHECK_FAILS(dbk_json_parse(dbk_slice_of(deep), &doc, &err), &err, DBK_DATA_LOSS,
                "maximum parsing depth reached");
    dbk_error_reset(&err);
}

DBK_TEST(json_need) {
    json_t *doc = parsed(doc_text);
    dbk_error err = {0};
    dbk_slice s = DBK_SLICE("untouched");
    int64_t v = -99;
    CHECK_FAILS(dbk_json_need_str(doc, "none", &s, &err), &err, DBK_DATA_LOSS,
                "missing field `none`");
    CHECK_FAILS(dbk_json_need_str(doc, "n", &s, &err), &err, DBK_DATA_LOSS, "missing field `n`");
    CHECK_FAILS(dbk_json_need_str(doc, "i", &s, &err), &err, DBK_DATA_LOSS,
                "field `i` is not a string");
    CHECK_FAILS(dbk_json_need_i64(doc, "none", &v, &err), &err, DBK_DATA_LOSS,
                "missing field `none`");
    CHECK_FAILS(dbk_json_need_i64(doc, "r", &v, &err), &err, DBK_DATA_LOSS,
                "field `r` is not an integer");
    CHECK_SLICE(s, "untouched");
    CHECK_EQ_I64(v, -99);
    dbk_error_reset(&err);
    CHECK_OK(dbk_json_need_str(doc, "e", &s, &err), &err);
    CHECK_OK(dbk_json_need_i64(doc, "i", &v, &err), &err);
    CHECK_SLICE(s, "");
    CHECK_EQ_I64(v, -7);
    json_decref(doc);
}

DBK_TEST(json_want) {
    json_t *doc = parsed(doc_text);
    dbk_error err = {0};
    dbk_slice s = DBK_SLICE("default");
    int64_t v = -99;
    bool b = true;
    json_t *o = NULL;
    static const char *const silent[] = {"none", "n"};
    for (size_t i = 0; i < COUNT_OF(silent); i++) {
        CHECK_CASE(silent[i]);
        CHECK_OK(dbk_json_want_str(doc, silent[i], &s, &err), &err);
        CHECK_OK(dbk_json_want_i64(doc, silent[i], &v, &err), &err);
        CHECK_OK(dbk_json_want_bool(doc, silent[i], &b, &err), &err);
        CHECK_OK(dbk_json_want_obj(doc, silent[i], &o, &err), &err);
        CHECK_OK(dbk_json_want_array(doc, silent[i], &o, &err), &err);
    }
    CHECK_FAILS(dbk_json_want_str(doc, "a", &s, &err), &err, DBK_DATA_LOSS,
                "field `a` is not a string");
    CHECK_FAILS(dbk_json_want_i64(doc, "s", &v, &err), &err, DBK_DATA_LOSS,
                "field `s` is not an integer");
    CHECK_FAILS(dbk_json_want_bool(doc, "z", &b, &err), &err, DBK_DATA_LOSS,
                "field `z` is not a boolean");
    CHECK_FAILS(dbk_json_want_obj(doc, "a", &o, &err), &err, DBK_DATA_LOSS,
                "field `a` is not an object");
    CHECK_FAILS(dbk_json_want_array(doc, "o", &o, &err), &err, DBK_DATA_LOSS,
                "field `o` is not an array");
    CHECK_SLICE(s, "default");
    CHECK(v == -99 && b && o == NULL);
    dbk_error_reset(&err);
    json_decref(doc);
}

DBK_TEST(json_build_and_write) {
    dbk_error err = {0};
    dbk_buf out = {0};
    json_t *doc = json_object();
    CHECK_OK(dbk_json_put_str(doc, "z", dbk_slice_n("a\"\n\0\xC3\xA9", 6), &err), &err);
    CHECK_OK(dbk_json_put_i64(doc, "a", INT64_MIN, &err), &err);
    CHECK_OK(dbk_json_put_bool(doc, "t", true, &err), &err);
    CHECK_OK(dbk_json_put(doc, "n", json_null(), &err), &err);
    CHECK_OK(dbk_json_put_str(doc, "e", (dbk_slice){0}, &err), &err);
    CHECK_OK(dbk_json_write(doc, &out, &err), &err);
    CHECK_SLICE(
        dbk_buf_slice(&out),
        "{\"z\":\"a\\\"\\n\\u0000\xC3\xA9\",\"a\":-9223372036854775808,\"t\":true,\"n\":null,"
        "\"e\":\"\"}");
    dbk_buf_reset(&out);
    json_decref(doc);
}

DBK_TEST(json_put_refuses_what_is_not_utf8) {
    dbk_error err = {0};
    json_t *doc = json_object();
    CHECK_FAILS(dbk_json_put_str(doc, "statement", DBK_SLICE("a\xff"), &err), &err,
                DBK_INVALID_ARGUMENT, "statement is not valid UTF-8");
    CHECK_FAILS(dbk_json_put_i64(doc, "\xff", 1, &err), &err, DBK_INVALID_ARGUMENT,
                "a field name is not valid UTF-8");
    CHECK_FAILS(dbk_json_put(doc, "k", NULL, &err), &err, DBK_RESOURCE_EXHAUSTED,
                "out of memory: building a JSON document");
    CHECK_EQ_SIZE(json_object_size(doc), 0);
    dbk_error_reset(&err);
    json_decref(doc);
}

DBK_TEST(json_write_failure_appends_nothing) {
    dbk_error err = {0};
    dbk_buf out = {0};
    json_t *doc = parsed(doc_text);
    CHECK_OK(dbk_buf_puts(&out, "kept", &err), &err);
    for (int n = 1; n < 4; n++) {
        dbk_alloc_fail_after(n);
        dbk_status st = dbk_json_write(doc, &out, &err);
        dbk_alloc_fail_after(0);
        CHECK_EQ_I64(st, DBK_RESOURCE_EXHAUSTED);
        CHECK_SLICE(dbk_buf_slice(&out), "kept");
        dbk_buf_reset(&out); /* small again, so that the next round needs memory */
        CHECK_OK(dbk_buf_puts(&out, "kept", &err), &err);
    }
    dbk_error_reset(&err);
    dbk_buf_reset(&out);
    json_decref(doc);
}
