#include "unit.h"

#include "arrow/batch.h"

static const dbk_block_owner nobody = {0};

/* One column named c with the JSON rows. */
static dbk_batch *batch_of(const char *type_text, const char *rows_json) {
    dbk_error err = {0};
    dbk_column_desc column = {.name = DBK_SLICE("c"), .type_text = dbk_slice_of(type_text)};
    dbk_schema *s = NULL;
    dbk_batch *b = NULL;
    json_t *rows = NULL;
    CHECK_OK(dbk_schema_plain(&column, 1, &s, &err), &err);
    CHECK_OK(dbk_json_parse(dbk_slice_of(rows_json), &rows, &err), &err);
    CHECK_OK(dbk_batch_from_json(s, rows, nobody, &b, &err), &err);
    json_decref(rows);
    dbk_schema_unref(s);
    return b;
}

DBK_TEST(cells_as_text_and_integer) {
    static const struct {
        const char *type, *json, *text; /* text NULL: null */
        int64_t number;                 /* INT64_MIN: null */
    } rows[] = {
        {"STRING", "[[\"12\"]]", "12", 12},
        {"STRING", "[[\"+12\"]]", "+12", 12},
        {"STRING", "[[\"-3\"]]", "-3", -3},
        {"STRING", "[[\"+-3\"]]", "+-3", INT64_MIN},
        {"STRING", "[[\"+\"]]", "+", INT64_MIN},
        {"STRING", "[[\" 3\"]]", " 3", INT64_MIN},
        {"STRING", "[[\"3.0\"]]", "3.0", INT64_MIN},
        {"STRING", "[[\"\"]]", "", INT64_MIN},
        {"STRING", "[[null]]", NULL, INT64_MIN},
        {"STRING", "[[\"true\"]]", "true", INT64_MIN},
        {"STRING", "[[\"99999999999999999999\"]]", "99999999999999999999", INT64_MIN},
        {"BOOLEAN", "[[\"true\"]]", "true", 1},
        {"BOOLEAN", "[[\"false\"]]", "false", 0},
        {"TINYINT", "[[\"-128\"]]", "-128", -128},
        {"SMALLINT", "[[\"7\"]]", "7", 7},
        {"INT", "[[null]]", NULL, INT64_MIN},
        {"BIGINT", "[[\"9223372036854775807\"]]", "9223372036854775807", INT64_MAX},
        {"DOUBLE", "[[\"2.9\"]]", "2.9", 2},
        {"DOUBLE", "[[\"-2.9\"]]", "-2.9", -2},
        {"DOUBLE", "[[\"1e18\"]]", "1.0E18", 1000000000000000000},
        {"DOUBLE", "[[\"1e19\"]]", "1.0E19", INT64_MIN},
        {"DOUBLE", "[[\"NaN\"]]", "NaN", INT64_MIN},
        {"FLOAT", "[[\"1\"]]", "1.0", 1},
        {"DECIMAL(5,2)", "[[\"12.75\"]]", "12.75", 12},
        {"DECIMAL(5,0)", "[[\"12\"]]", "12", 12},
        {"DATE", "[[\"2020-01-02\"]]", "2020-01-02", INT64_MIN},
        {"ARRAY<INT>", "[[\"[1,2]\"]]", "[1,2]", INT64_MIN},
        {"VOID", "[[null]]", NULL, INT64_MIN},
        {"BINARY", "[[\"YWJj\"]]", "abc", INT64_MIN},
        {"BINARY", "[[\"/w==\"]]", NULL, INT64_MIN},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        dbk_error err = {0};
        dbk_buf scratch = {0};
        dbk_slice text = {0};
        int64_t number = -1;
        bool is_null = false;
        CHECK_CASE(rows[i].json);
        dbk_batch *b = batch_of(rows[i].type, rows[i].json);
        CHECK_OK(dbk_batch_text(b, 0, 0, &scratch, &text, &err), &err);
        CHECK_EQ_I64(text.ptr == NULL, rows[i].text == NULL);
        if (rows[i].text != NULL) {
            CHECK_SLICE(text, rows[i].text);
        }
        CHECK_OK(dbk_batch_i64(b, 0, 0, &scratch, &number, &is_null, &err), &err);
        CHECK_EQ_I64(is_null, rows[i].number == INT64_MIN);
        CHECK_EQ_I64(number, is_null ? 0 : rows[i].number);
        dbk_buf_reset(&scratch);
        dbk_batch_unref(b);
    }
}

DBK_TEST(columns_are_found_by_name) {
    dbk_error err = {0};
    dbk_schema *s = NULL;
    size_t at = 99;
    const dbk_column_desc columns[] = {
        {.name = DBK_SLICE("a"), .type_text = DBK_SLICE("INT"), .position = 0},
        {.name = DBK_SLICE("B"), .type_text = DBK_SLICE("INT"), .position = 1, .required = true},
        {.name = DBK_SLICE("a"), .type_text = DBK_SLICE("INT"), .position = 2},
    };
    CHECK_OK(dbk_schema_plain(columns, COUNT_OF(columns), &s, &err), &err);
    CHECK(dbk_schema_find(s, "B", &at));
    CHECK_EQ_SIZE(at, 1);
    CHECK(dbk_schema_find(s, "a", &at));
    CHECK_EQ_SIZE(at, 0);
    CHECK(!dbk_schema_find(s, "A", &at));
    CHECK(!dbk_schema_find(s, "", &at));
    CHECK_EQ_SIZE(at, 0);
    CHECK(s->columns[0].nullable);
    CHECK(!s->columns[1].nullable);
    dbk_schema_unref(s);
}

DBK_TEST(a_damaged_text_cell) {
    static const int32_t offsets[] = {0, 9};
    static const char data[] = "abc";
    dbk_error err = {0};
    dbk_buf scratch = {0};
    dbk_slice text = {0};
    dbk_batch *b = batch_of("STRING", "[[\"abc\"]]");
    b->columns[0].buffers[1] = (dbk_buffer){(const uint8_t *)offsets, sizeof offsets};
    b->columns[0].buffers[2] = (dbk_buffer){(const uint8_t *)data, 3};
    CHECK_FAILS(dbk_batch_text(b, 0, 0, &scratch, &text, &err), &err, DBK_DATA_LOSS,
                "points outside");
    CHECK(text.ptr == NULL);
    dbk_error_reset(&err);
    dbk_batch_unref(b);
}

DBK_OOM_TEST(a_number_as_text_without_memory) {
    dbk_buf scratch = {0};
    dbk_slice text = {0};
    static dbk_batch *b; /* made once, before allocations fail */
    if (b == NULL) {
        dbk_alloc_fail_after(0);
        b = batch_of("INT", "[[\"5\"]]");
        dbk_alloc_fail_after(1);
    }
    dbk_status st = dbk_batch_text(b, 0, 0, &scratch, &text, err);
    if (st == DBK_OK) {
        CHECK_SLICE(text, "5");
        dbk_batch_unref(b);
        b = NULL;
    }
    dbk_buf_reset(&scratch);
    return st;
}
