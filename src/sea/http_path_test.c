#include "sea/sea.h"

#include "unit.h"

#define W "/sql/1.0/warehouses/abc123"

/* Spec spog 7; rows without an error. */
DBK_TEST(http_path_forms) {
    static const struct {
        const char *path, *warehouse, *org; /* org "?": malformed */
    } rows[] = {
        {W, "abc123", ""},
        {"sql/1.0/warehouses/abc123", "abc123", ""},
        {"/sql/1.0/endpoints/abc123", "abc123", ""},
        {"sql/1.0/endpoints/abc123?o=64", "abc123", "64"},
        {W "/", "abc123", ""},
        {W "//", "abc123", ""},
        {"  " W "\n", "abc123", ""},
        {"/sql/1.0/warehouses/A_b-9", "A_b-9", ""},
        {W "?o=64", "abc123", "64"},
        {W "?o=", "abc123", ""},
        {W "?o", "abc123", ""},
        {W "?", "abc123", ""},
        {W "?O=64", "abc123", ""},
        {W "?oo=64", "abc123", ""},
        {W "?=64", "abc123", ""},
        {W "?foo=1&o=64&bar=2", "abc123", "64"},
        {W "?o=1&o=1", "abc123", "1"},
        {W "?o=%31&o=1", "abc123", "1"},
        {W "?o=%36%34", "abc123", "64"},
        {W "?o=&o=2", "abc123", "2"},
        {W "?o=x&o=2", "abc123", "?"},
        {W "?o=2&o=x", "abc123", "2"},
        {W "?o=abc", "abc123", "?"},
        {W "?o=-5", "abc123", "?"},
        {W "?o=+64", "abc123", "?"},
        {W "?%6F=64", "abc123", "64"},
        {W "?%6f=64", "abc123", "64"},
        {W "?o=64%0d%0aX:1", "abc123", "?"},
        {W "?o=64 ", "abc123", "64"},
        {W "?o=064", "abc123", "064"},
        {W "?o=0", "abc123", "0"},
        {W "?o=12345678901234567890", "abc123", "12345678901234567890"},
        {W "?o=99999999999999999999999999999", "abc123", "?"},
        {W "?o=123456789012345678901", "abc123", "?"},
        {W "?o=64#frag", "abc123", "64"},
        {W "#o=64", "abc123", ""},
        {W "/?o=64", "abc123", "64"},
        {W "?o=64?o=65", "abc123", "?"},
        {W "?o=64;p=1", "abc123", "?"},
        {W "?a=b;o=64", "abc123", ""},
        {W "?o=\xEF\xBC\x96\xEF\xBC\x94", "abc123", "?"},
        {W "?&&o=64&", "abc123", "64"},
        {W "?o=6%", "abc123", "?"},
        {W "?o=6%3", "abc123", "?"},
        {W "?o=6%zz", "abc123", "?"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        dbk_http_path got;
        dbk_error err = {0};
        bool malformed = rows[i].org[0] == '?';
        CHECK_CASE(rows[i].path);
        CHECK_OK(dbk_http_path_parse(dbk_slice_of(rows[i].path), &got, &err), &err);
        CHECK_SLICE(got.warehouse_id, rows[i].warehouse);
        CHECK_STR(got.org, malformed ? "" : rows[i].org);
        CHECK(got.org_malformed == malformed);
    }
}

DBK_TEST(org_ids) {
    static const struct {
        const char *text;
        bool valid;
    } rows[] = {{"64", true},   {"0", true},    {"064", true}, {"12345678901234567890", true},
                {"", false},    {"6a", false},  {"-1", false}, {"123456789012345678901", false},
                {" 64", false}, {"64\n", false}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CHECK_CASE(rows[i].text);
        CHECK(dbk_org_id_valid(dbk_slice_of(rows[i].text)) == rows[i].valid);
    }
}

DBK_TEST(http_path_refused) {
    static const char *const paths[] = {
        "",
        "/",
        "?o=1",
        "#",
        "abc123",
        "/foo?o=1",
        "/sql/1.0/warehouses/",
        "/sql/1.0/warehouses",
        "/sql/1.0/warehouses//",
        "//sql/1.0/warehouses/abc123",
        "/SQL/1.0/warehouses/abc123",
        "/sql/1.0/Warehouses/abc123",
        "/sql/1.0/warehouses/a/b",
        "/sql/1.0/warehouses/a b",
        "/sql/1.0/warehouses/..",
        "/sql/1.0/warehouses/%61",
        "/sql/1.0/warehouses/a&o=64",
        "/sql/1.0/warehouses/a\r\nx",
        "/sql/1.0/warehouses/\xC3\xA4",
        "/sql/2.0/warehouses/abc123",
        "/sql/1.0/warehouses/abc123/sql/protocolv1/o/999/c",
        "evil/sql/protocolv1/o/999/c",
        "https://host/sql/1.0/warehouses/abc123",
    };
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        dbk_http_path got = {.warehouse_id = DBK_SLICE("before"), .org = "before"};
        dbk_error err = {0};
        CHECK_CASE(paths[i]);
        CHECK_FAILS(dbk_http_path_parse(dbk_slice_of(paths[i]), &got, &err), &err,
                    DBK_INVALID_ARGUMENT,
                    "' does not match /sql/1.0/warehouses/{id} or /sql/1.0/endpoints/{id}");
        CHECK(strstr(dbk_error_message(&err), "Thrift") == NULL);
        CHECK_SLICE(got.warehouse_id, "before");
        CHECK_STR(got.org, "before");
        dbk_error_reset(&err);
    }
}

static void check_refusal(dbk_slice path, const char *message) {
    dbk_http_path got;
    dbk_error err = {0};
    CHECK(dbk_http_path_parse(path, &got, &err) == DBK_INVALID_ARGUMENT);
    CHECK_STR(dbk_error_message(&err), message);
    dbk_error_reset(&err);
}

DBK_TEST(http_path_messages) {
    check_refusal(DBK_SLICE("/foo"), "http_path '/foo' does not match /sql/1.0/warehouses/{id} or "
                                     "/sql/1.0/endpoints/{id}");
    check_refusal(DBK_SLICE("a\n\xFF\0z"), "http_path 'a\\x0a\\xff\\x00z' does not match "
                                           "/sql/1.0/warehouses/{id} or /sql/1.0/endpoints/{id}");
    check_refusal(DBK_SLICE("sql/protocolv1/o/77/0605-cluster?o=88"),
                  "http_path 'sql/protocolv1/o/77/0605-cluster?o=88' does not match "
                  "/sql/1.0/warehouses/{id} or /sql/1.0/endpoints/{id}: all-purpose cluster paths "
                  "need the Thrift backend");
    check_refusal(DBK_SLICE(W "?o=1&o=2"), "conflicting workspace ids in http_path");
    check_refusal(DBK_SLICE(W "?o=%31&x&o=%32"), "conflicting workspace ids in http_path");
}

DBK_TEST(http_path_long_path_is_cut) {
    char path[5000];
    dbk_http_path got;
    dbk_error err = {0};
    memset(path, '\xFF', sizeof path);
    CHECK_FAILS(dbk_http_path_parse(dbk_slice_n(path, sizeof path), &got, &err), &err,
                DBK_INVALID_ARGUMENT, "\\xff\\xff...' does not match");
    CHECK(strlen(dbk_error_message(&err)) < 1000);
    dbk_error_reset(&err);
}
