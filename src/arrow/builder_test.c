#include "unit.h"

#include "arrow/builder.h"
#include "arrow/nested_json.h"

static const dbk_block_owner nobody = {0};

/* One column named c of a type without parameters (set those on ->columns[0] after). */
static dbk_schema *schema_of(dbk_type type) {
    dbk_error err = {0};
    dbk_schema *s = NULL;
    CHECK_OK(dbk_schema_new(1, &s, &err), &err);
    s->columns[0].type = type;
    s->columns[0].nullable = true;
    CHECK_OK(dbk_schema_text(s, DBK_SLICE("c"), &s->columns[0].name, &err), &err);
    return s;
}

static dbk_batch *finish(dbk_builder *b, int64_t rows) {
    dbk_error err = {0};
    dbk_batch *batch = NULL;
    CHECK_OK(dbk_builder_finish(b, rows, nobody, &batch, &err), &err);
    dbk_builder_free(b);
    return batch;
}

/* All rows of the only column, with a comma behind each. */
static void check_rows(const dbk_batch *b, const char *want) {
    dbk_error err = {0};
    dbk_buf got = {0};
    for (int64_t i = 0; i < b->row_count; i++) {
        CHECK_OK(dbk_json_write_value(&b->schema->columns[0], &b->columns[0], i, &got, &err), &err);
        CHECK_OK(dbk_buf_putc(&got, ',', &err), &err);
    }
    CHECK_SLICE(got, want);
    dbk_buf_reset(&got);
}

DBK_TEST(integers_and_their_limits) {
    static const struct {
        dbk_type type;
        int64_t min, max;
        const char *want;
    } rows[] = {
        {DBK_TYPE_INT8, -128, 127, "-128,127,null,"},
        {DBK_TYPE_INT16, -32768, 32767, "-32768,32767,null,"},
        {DBK_TYPE_INT32, INT32_MIN, INT32_MAX, "-2147483648,2147483647,null,"},
        {DBK_TYPE_UINT8, 0, 255, "0,255,null,"},
        {DBK_TYPE_UINT16, 0, 65535, "0,65535,null,"},
        {DBK_TYPE_UINT32, 0, UINT32_MAX, "0,4294967295,null,"},
        {DBK_TYPE_INTERVAL_MONTHS, INT32_MIN, INT32_MAX, "\"-178956970-8\",\"178956970-7\",null,"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        dbk_error err = {0};
        dbk_builder *b = NULL;
        dbk_schema *s = schema_of(rows[i].type);
        CHECK_CASE(dbk_type_name(rows[i].type));
        CHECK_OK(dbk_builder_new(s, &b, &err), &err);
        dbk_column *c = dbk_builder_column(b, 0);
        CHECK_OK(dbk_column_put_i64(c, rows[i].min, &err), &err);
        CHECK_OK(dbk_column_put_i64(c, rows[i].max, &err), &err);
        CHECK_FAILS(dbk_column_put_i64(c, rows[i].min - 1, &err), &err, DBK_DATA_LOSS,
                    "does not fit");
        CHECK_FAILS(dbk_column_put_i64(c, rows[i].max + 1, &err), &err, DBK_DATA_LOSS,
                    "does not fit");
        dbk_error_reset(&err);
        CHECK_OK(dbk_column_put_null(c, &err), &err);
        dbk_batch *batch = finish(b, 3);
        check_rows(batch, rows[i].want);
        CHECK_EQ_I64(batch->columns[0].null_count, 1);
        dbk_batch_unref(batch);
        dbk_schema_unref(s);
    }
}

DBK_TEST(wide_integers) {
    dbk_error err = {0};
    dbk_builder *b = NULL;
    dbk_schema *s = schema_of(DBK_TYPE_UINT64);
    uint64_t big = UINT64_MAX;
    CHECK_OK(dbk_builder_new(s, &b, &err), &err);
    dbk_column *c = dbk_builder_column(b, 0);
    CHECK_OK(dbk_column_put_i64(c, INT64_MAX, &err), &err);
    CHECK_OK(dbk_column_put_bytes(c, dbk_slice_n(&big, sizeof big), &err), &err);
    CHECK_FAILS(dbk_column_put_i64(c, -1, &err), &err, DBK_DATA_LOSS, "-1 does not fit uint64");
    dbk_error_reset(&err);
    dbk_batch *batch = finish(b, 2);
    check_rows(batch, "9223372036854775807,18446744073709551615,");
    dbk_batch_unref(batch);
    dbk_schema_unref(s);
}

/* The bitmap starts with the first null, wherever it is. */
DBK_TEST(first_null_at_every_place) {
    for (int64_t at = 0; at < 70; at++) {
        dbk_error err = {0};
        dbk_builder *b = NULL;
        dbk_schema *s = schema_of(DBK_TYPE_BOOL);
        CHECK_OK(dbk_builder_new(s, &b, &err), &err);
        dbk_column *c = dbk_builder_column(b, 0);
        for (int64_t i = 0; i < 75; i++) {
            CHECK_OK(i == at ? dbk_column_put_null(c, &err)
                             : dbk_column_put_bool(c, i % 3 == 0, &err),
                     &err);
        }
        dbk_batch *batch = finish(b, 75);
        const dbk_array *a = &batch->columns[0];
        CHECK_EQ_I64(a->null_count, 1);
        for (int64_t i = 0; i < 75; i++) {
            CHECK_EQ_I64(dbk_array_is_null(a, i), i == at);
            CHECK_EQ_I64(dbk_bit_get(a->buffers[1].data, i), i % 3 == 0 && i != at);
        }
        dbk_batch_unref(batch);
        dbk_schema_unref(s);
    }
}

DBK_TEST(texts_in_both_sizes) {
    static const dbk_type types[] = {DBK_TYPE_UTF8, DBK_TYPE_LARGE_UTF8};
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        dbk_error err = {0};
        dbk_builder *b = NULL;
        dbk_schema *s = schema_of(types[i]);
        CHECK_OK(dbk_builder_new(s, &b, &err), &err);
        dbk_column *c = dbk_builder_column(b, 0);
        CHECK_OK(dbk_column_put_text(c, "", &err), &err);
        CHECK_OK(dbk_column_put_null(c, &err), &err);
        CHECK_OK(dbk_column_put_text(c, "abc", &err), &err);
        CHECK_OK(dbk_column_put_bytes(c, (dbk_slice){0}, &err), &err);
        dbk_batch *batch = finish(b, 4);
        check_rows(batch, "\"\",null,\"abc\",\"\",");
        dbk_batch_unref(batch);
        dbk_schema_unref(s);
    }
}

DBK_TEST(other_fixed_types) {
    static const struct {
        dbk_type type;
        dbk_unit unit;
        const char *want;
    } rows[] = {
        {DBK_TYPE_DATE64, DBK_UNIT_S, "\"1969-12-31\",\"1970-01-01\",\"1970-01-01\","},
        {DBK_TYPE_TIME32, DBK_UNIT_S, "\"23:59:59\",\"00:00:00\",\"01:01:01\","},
        {DBK_TYPE_TIME64, DBK_UNIT_NS,
         "\"23:59:59.999999999\",\"00:00:00\",\"00:00:00.000003661\","},
        {DBK_TYPE_TIMESTAMP, DBK_UNIT_MS,
         "\"1969-12-31 23:59:59.999\",\"1970-01-01 00:00:00\",\"1970-01-01 00:00:03.661\","},
        {DBK_TYPE_DURATION, DBK_UNIT_S,
         "\"-0 00:00:01.000000000\",\"0 00:00:00.000000000\",\"0 01:01:01.000000000\","},
        {DBK_TYPE_FLOAT64, DBK_UNIT_S, "-1.0,0.0,3661.0,"},
        {DBK_TYPE_FLOAT32, DBK_UNIT_S, "-1.0,0.0,3661.0,"},
    };
    static const int64_t values[] = {-1, 0, 3661};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        dbk_error err = {0};
        dbk_builder *b = NULL;
        dbk_schema *s = schema_of(rows[i].type);
        s->columns[0].unit = rows[i].unit;
        CHECK_CASE(dbk_type_name(rows[i].type));
        CHECK_OK(dbk_builder_new(s, &b, &err), &err);
        for (size_t k = 0; k < COUNT_OF(values); k++) {
            dbk_column *c = dbk_builder_column(b, 0);
            bool is_float = rows[i].type == DBK_TYPE_FLOAT64 || rows[i].type == DBK_TYPE_FLOAT32;
            CHECK_OK(is_float ? dbk_column_put_f64(c, (double)values[k], &err)
                              : dbk_column_put_i64(c, values[k], &err),
                     &err);
        }
        dbk_batch *batch = finish(b, 3);
        check_rows(batch, rows[i].want);
        dbk_batch_unref(batch);
        dbk_schema_unref(s);
    }
}

DBK_TEST(fixed_lists_and_nulls_inside) {
    dbk_error err = {0};
    dbk_builder *b = NULL;
    dbk_schema *s = schema_of(DBK_TYPE_FIXED_LIST);
    s->columns[0].width = 2;
    CHECK_OK(dbk_field_add_children(s, &s->columns[0], 1, &err), &err);
    s->columns[0].children[0].type = DBK_TYPE_INT16;
    CHECK_OK(dbk_builder_new(s, &b, &err), &err);
    dbk_column *c = dbk_builder_column(b, 0);
    CHECK_OK(dbk_column_put_null(c, &err), &err);
    CHECK_OK(dbk_column_put_i64(&c->children[0], 1, &err), &err);
    CHECK_OK(dbk_column_put_null(&c->children[0], &err), &err);
    CHECK_OK(dbk_column_put_nested(c, &err), &err);
    dbk_batch *batch = finish(b, 2);
    CHECK_EQ_I64(batch->columns[0].children[0].length, 4);
    check_rows(batch, "null,[1,null],");
    dbk_batch_unref(batch);
    dbk_schema_unref(s);
}

DBK_TEST(null_columns_and_no_columns) {
    dbk_error err = {0};
    dbk_builder *b = NULL;
    dbk_schema *s = schema_of(DBK_TYPE_NULL);
    CHECK_OK(dbk_builder_new(s, &b, &err), &err);
    CHECK_OK(dbk_column_put_null(dbk_builder_column(b, 0), &err), &err);
    dbk_batch *batch = finish(b, 1);
    CHECK_EQ_SIZE(batch->columns[0].buffer_count, 0);
    check_rows(batch, "null,");
    dbk_batch_unref(batch);
    dbk_schema_unref(s);

    CHECK_OK(dbk_schema_new(0, &s, &err), &err);
    CHECK_OK(dbk_builder_new(s, &b, &err), &err);
    batch = finish(b, 5);
    CHECK_EQ_I64(dbk_batch_row_count(batch), 5);
    dbk_batch_unref(batch);
    dbk_schema_unref(s);
}

DBK_TEST(types_that_cannot_be_built) {
    static const dbk_type types[] = {DBK_TYPE_UTF8_VIEW, DBK_TYPE_LIST_VIEW, DBK_TYPE_SPARSE_UNION,
                                     DBK_TYPE_RUN_END};
    dbk_dictionary_type dictionary = {.index_type = DBK_TYPE_INT8};
    dbk_error err = {0};
    dbk_builder *b = NULL;
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        dbk_schema *s = schema_of(types[i]);
        CHECK_FAILS(dbk_builder_new(s, &b, &err), &err, DBK_INVALID_ARGUMENT, "cannot be built");
        dbk_schema_unref(s);
    }
    dbk_schema *s = schema_of(DBK_TYPE_UTF8);
    s->columns[0].dictionary = &dictionary;
    CHECK_FAILS(dbk_builder_new(s, &b, &err), &err, DBK_INVALID_ARGUMENT,
                "a column of type dictionary of utf8 cannot be built");
    CHECK(b == NULL);
    dbk_schema_unref(s);
    dbk_error_reset(&err);
}

DBK_TEST(columns_of_different_length) {
    dbk_error err = {0};
    dbk_builder *b = NULL;
    dbk_batch *batch = NULL;
    dbk_schema *s = schema_of(DBK_TYPE_UTF8);
    CHECK_OK(dbk_builder_new(s, &b, &err), &err);
    CHECK_FAILS(dbk_builder_finish(b, 1, nobody, &batch, &err), &err, DBK_INTERNAL, "expected");
    CHECK(batch == NULL);
    dbk_error_reset(&err);
    dbk_builder_free(b);
    dbk_schema_unref(s);
}

DBK_TEST(offsets_have_32_bits) {
    dbk_error err = {0};
    dbk_builder *b = NULL;
    dbk_schema *s = schema_of(DBK_TYPE_LIST);
    CHECK_OK(dbk_field_add_children(s, &s->columns[0], 1, &err), &err); /* of type null */
    CHECK_OK(dbk_builder_new(s, &b, &err), &err);
    dbk_column *c = dbk_builder_column(b, 0);
    c->children[0].length = INT32_MAX; /* rows of null need no memory: only counted */
    CHECK_OK(dbk_column_put_nested(c, &err), &err);
    c->children[0].length++;
    CHECK_FAILS(dbk_column_put_nested(c, &err), &err, DBK_RESOURCE_EXHAUSTED,
                "column c of one batch holds more than 2^31 bytes or items");
    dbk_error_reset(&err);
    dbk_builder_free(b);
    dbk_schema_unref(s);
}

/* ---- owners ----------------------------------------------------------------------------------- */

static void count_released(void *ctx, size_t bytes) {
    *(size_t *)ctx += bytes;
}

DBK_TEST(the_owner_gets_its_bytes_back) {
    dbk_error err = {0};
    dbk_builder *b = NULL;
    dbk_batch *batch = NULL;
    size_t released = 0;
    dbk_schema *s = schema_of(DBK_TYPE_UTF8);
    CHECK_OK(dbk_builder_new(s, &b, &err), &err);
    CHECK_OK(dbk_column_put_text(dbk_builder_column(b, 0), "x", &err), &err);
    CHECK_OK(dbk_builder_finish(b, 1, (dbk_block_owner){count_released, &released}, &batch, &err),
             &err);
    dbk_builder_free(b);
    size_t charged = dbk_batch_block_bytes(batch);
    CHECK(charged > 0);
    CHECK_EQ_SIZE(released, 0);
    dbk_batch_unref(batch);
    CHECK_EQ_SIZE(released, charged);
    dbk_schema_unref(s);
}

DBK_OOM_TEST(builder_without_memory) {
    dbk_status st = DBK_OK;
    dbk_builder *b = NULL;
    dbk_batch *batch = NULL;
    dbk_schema *s = NULL;
    DBK_TRY(dbk_schema_new(2, &s, err));
    s->columns[0].type = DBK_TYPE_BOOL;
    s->columns[1].type = DBK_TYPE_UTF8;
    DBK_TRY(dbk_builder_new(s, &b, err));
    for (int i = 0; i < 40; i++) {
        dbk_column *c = dbk_builder_column(b, 0);
        DBK_TRY(i % 7 == 0 ? dbk_column_put_null(c, err) : dbk_column_put_bool(c, true, err));
        DBK_TRY(dbk_column_put_text(dbk_builder_column(b, 1), "text", err));
    }
    DBK_TRY(dbk_builder_finish(b, 40, nobody, &batch, err));

done:
    dbk_batch_unref(batch);
    dbk_builder_free(b);
    dbk_schema_unref(s);
    return st;
}
