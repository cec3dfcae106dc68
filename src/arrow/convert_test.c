#include "unit.h"

#include "arrow/builder.h"
#include "arrow/nested_json.h"
#include "arrow/scalar_text.h"

#include <stdlib.h>

static const dbk_block_owner nobody = {0};
static const dbk_convert_options both = {.intervals_as_string = true, .complex_as_json = true};
static const dbk_convert_options none = {0};

/* ---- batches to convert ----------------------------------------------------------------------- */

/* A batch of JSON rows; types: one type text per column. */
static dbk_batch *batch_of(const char *const *types, size_t count, const char *rows_text) {
    dbk_error err = {0};
    dbk_schema *s = NULL;
    dbk_batch *b = NULL;
    dbk_column_desc columns[8];
    for (size_t i = 0; i < count; i++) {
        columns[i] = (dbk_column_desc){.name = DBK_SLICE("c"),
                                       .type_name = DBK_SLICE("T"),
                                       .type_text = dbk_slice_of(types[i]),
                                       .position = (int64_t)i,
                                       .precision = -1,
                                       .scale = -1};
    }
    json_t *rows = json_loads(rows_text, 0, NULL);
    CHECK(rows != NULL);
    CHECK_OK(dbk_schema_for_rows(columns, count, &s, &err), &err);
    CHECK_OK(dbk_batch_from_json(s, rows, nobody, &b, &err), &err);
    dbk_schema_unref(s);
    json_decref(rows);
    return b;
}

static dbk_batch *batch_of_one(const char *type, const char *rows_text) {
    return batch_of(&type, 1, rows_text);
}

static dbk_batch *converted(dbk_batch *b, const dbk_convert_options *options) {
    dbk_error err = {0};
    dbk_schema *s = NULL;
    dbk_batch *out = NULL;
    CHECK_OK(dbk_convert_schema(b->schema, options, &s, &err), &err);
    CHECK_OK(dbk_convert_batch(b, s, options, nobody, &out, &err), &err);
    CHECK(out->schema == s);
    dbk_schema_unref(s);
    return out;
}

/* The text of row i of a utf8 column, "NULL" when it is null. */
static dbk_slice text_at(const dbk_array *a, int64_t i) {
    int32_t offsets[2];
    if (dbk_array_is_null(a, i)) {
        return DBK_SLICE("NULL");
    }
    memcpy(offsets, a->buffers[1].data + (size_t)(a->offset + i) * 4, sizeof offsets);
    return dbk_slice_n(a->buffers[2].data + offsets[0], (size_t)(offsets[1] - offsets[0]));
}

/* Column i of b must be utf8 with these rows, joined by blanks. */
static void check_texts(const dbk_batch *b, size_t i, const char *want) {
    dbk_error err = {0};
    dbk_buf got = {0};
    CHECK_EQ_I64(b->schema->columns[i].type, DBK_TYPE_UTF8);
    CHECK_EQ_I64(b->columns[i].length, b->row_count);
    for (int64_t row = 0; row < b->row_count; row++) {
        CHECK_OK(row > 0 ? dbk_buf_putc(&got, ' ', &err) : DBK_OK, &err);
        CHECK_OK(dbk_buf_put_slice(&got, text_at(&b->columns[i], row), &err), &err);
    }
    CHECK_SLICE(got, want);
    dbk_buf_reset(&got);
}

static void check_conversion(const char *type, const char *rows_text, const char *want) {
    dbk_batch *b = batch_of_one(type, rows_text);
    dbk_batch *out = converted(b, &both);
    dbk_batch_unref(b); /* what was converted stands alone */
    check_texts(out, 0, want);
    dbk_batch_unref(out);
}

/* ---- what the texts are (seen from the Rust kernel 1.0.0) ------------------------------------- */

DBK_TEST(interval_columns) {
    check_conversion("INTERVAL YEAR", "[[\"1-2\"],[null],[\"-1-2\"],[\"0-0\"]]",
                     "1-2 NULL -1-2 0-0");
    check_conversion("INTERVAL DAY",
                     "[[\"1 02:03:04\"],[null],[\"0 00:00:00.000001\"],[\"-0 00:00:01.5\"]]",
                     "1 02:03:04.000000000 NULL 0 00:00:00.000001000 -0 00:00:01.500000000");
}

DBK_TEST(nested_columns) {
    static const struct {
        const char *type, *rows, *want;
    } rows[] = {
        {"ARRAY<INT>", "[[\"[0,1,null,-5]\"],[null],[\"[]\"]]", "[0,1,null,-5] NULL []"},
        {"ARRAY<DOUBLE>", "[[\"[0.0,1.5,1e10,1e-4,\\\"NaN\\\",\\\"-Infinity\\\"]\"]]",
         "[0.0,1.5,1.0E10,1.0E-4,null,null]"},
        {"ARRAY<FLOAT>", "[[\"[0.1,16777216]\"]]", "[0.10000000149011612,1.6777216E7]"},
        {"ARRAY<DECIMAL(10,2)>", "[[\"[1.5,-0.01,0,null]\"]]", "[1.50,-0.01,0.00,null]"},
        {"ARRAY<STRING>",
         "[[\"[\\\"a\\\\\\\"b\\\\\\\\c/d\\\",\\\"\\\\u0000\\\\b\\\\t\\\\n\\\\u000b"
         "\\\\f\\\\r\\\\u001f\\u007f\\\",\\\"\\u20ac\\ud83d\\ude00\\\"]\"]]",
         "[\"a\\\"b\\\\c/d\",\"\\u0000\\b\\t\\n\\u000b\\f\\r\\u001f\x7f\","
         "\"\xe2\x82\xac\xf0\x9f\x98\x80\"]"},
        {"ARRAY<BINARY>", "[[\"[\\\"AAH/\\\",\\\"\\\",\\\"YQ==\\\"]\"]]",
         "[\"AAH/\",\"\",\"YQ==\"]"},
        {"ARRAY<DATE>", "[[\"[\\\"0001-01-01\\\",\\\"9999-12-31\\\"]\"]]",
         "[\"0001-01-01\",\"9999-12-31\"]"},
        {"ARRAY<TIMESTAMP>",
         "[[\"[\\\"2020-01-02T03:04:05Z\\\",\\\"2020-01-02T03:04:05.5Z\\\","
         "\\\"2020-01-02T03:04:05.000001Z\\\"]\"]]",
         "[\"2020-01-02 03:04:05\",\"2020-01-02 03:04:05.500\",\"2020-01-02 03:04:05.000001\"]"},
        {"ARRAY<INTERVAL DAY>", "[[\"[\\\"1 00:00:00\\\"]\"]]", "[\"1 00:00:00.000000000\"]"},
        {"ARRAY<INTERVAL YEAR>", "[[\"[\\\"1-2\\\"]\"]]", "[\"1-2\"]"},
        {"MAP<STRING,INT>", "[[\"{\\\"k0\\\":0,\\\"b\\\\\\\"\\\":null}\"],[\"{}\"]]",
         "{\"k0\":0,\"b\\\"\":null} {}"},
        {"MAP<DOUBLE,INT>", "[[\"{\\\"NaN\\\":1,\\\"-Infinity\\\":2,\\\"1\\\":3}\"]]",
         "{\"NaN\":1,\"-Infinity\":2,\"1.0\":3}"},
        {"MAP<BOOLEAN,INT>", "[[\"{\\\"true\\\":1}\"]]", "{\"true\":1}"},
        {"MAP<DECIMAL(5,2),INT>", "[[\"{\\\"1.5\\\":1}\"]]", "{\"1.50\":1}"},
        {"MAP<TIMESTAMP_NTZ,INT>", "[[\"{\\\"2020-01-02 03:04:05\\\":1}\"]]",
         "{\"2020-01-02 03:04:05\":1}"},
        {"MAP<BINARY,INT>", "[[\"{\\\"AAH/\\\":1}\"]]", "{\"AAH/\":1}"},
        {"MAP<ARRAY<STRING>,INT>", "[[\"{\\\"[\\\\\\\"q\\\\\\\"]\\\":1}\"]]",
         "{\"[\\\"q\\\"]\":1}"},
        {"STRUCT<a: INT, `b\"c`: STRING, d: ARRAY<BIGINT>>",
         "[[\"{\\\"a\\\":1,\\\"d\\\":[1,null]}\"],[null]]",
         "{\"a\":1,\"b\\\"c\":null,\"d\":[1,null]} NULL"},
        {"STRUCT<>", "[[\"{}\"],[null]]", "{} NULL"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CHECK_CASE(rows[i].type);
        check_conversion(rows[i].type, rows[i].rows, rows[i].want);
    }
}

/* ---- which columns ---------------------------------------------------------------------------- */

DBK_TEST(options_choose_columns) {
    static const char *const types[] = {"INT", "INTERVAL DAY", "ARRAY<INTERVAL DAY>", "STRING"};
    static const dbk_convert_options intervals = {.intervals_as_string = true};
    static const dbk_convert_options complex = {.complex_as_json = true};
    dbk_batch *b = batch_of(types, 4, "[[\"1\",\"5 00:00:00\",\"[\\\"1 00:00:00\\\"]\",\"x\"]]");
    dbk_batch *out = converted(b, &none);
    CHECK(out == b);
    dbk_batch_unref(out);

    out = converted(b, &intervals);
    CHECK_EQ_I64(out->schema->columns[0].type, DBK_TYPE_INT32);
    check_texts(out, 1, "5 00:00:00.000000000");
    CHECK_EQ_I64(out->schema->columns[2].type, DBK_TYPE_LIST);
    CHECK(out->columns[0].buffers[1].data == b->columns[0].buffers[1].data); /* shared */
    dbk_batch_unref(out);

    out = converted(b, &complex);
    CHECK_EQ_I64(out->schema->columns[1].type, DBK_TYPE_DURATION);
    check_texts(out, 2, "[\"1 00:00:00.000000000\"]");
    dbk_batch_unref(b);
    check_texts(out, 3, "x"); /* lives on without b's owner */
    dbk_batch_unref(out);
}

DBK_TEST(metadata_and_nullability_stay) {
    dbk_error err = {0};
    dbk_schema *s = NULL;
    dbk_batch *b = batch_of_one("ARRAY<INT>", "[]");
    CHECK_OK(dbk_convert_schema(b->schema, &both, &s, &err), &err);
    const dbk_field *f = &s->columns[0];
    CHECK_STR(f->name.ptr, "c");
    CHECK_EQ_I64(f->type, DBK_TYPE_UTF8);
    CHECK_EQ_SIZE(f->child_count, 0);
    CHECK(f->nullable);
    CHECK_EQ_SIZE(f->metadata.count, 2);
    CHECK_SLICE(f->metadata.pairs[1].value, "ARRAY<INT>");
    dbk_schema_unref(s);
    dbk_batch *out = converted(b, &both);
    check_texts(out, 0, "");
    dbk_batch_unref(out);
    dbk_batch_unref(b);
}

/* A schema of one column named c. */
static dbk_schema *schema_of(dbk_type type) {
    dbk_error err = {0};
    dbk_schema *s = NULL;
    CHECK_OK(dbk_schema_new(1, &s, &err), &err);
    s->columns[0].type = type;
    s->columns[0].nullable = true;
    CHECK_OK(dbk_schema_text(s, DBK_SLICE("c"), &s->columns[0].name, &err), &err);
    return s;
}

DBK_TEST(null_columns_become_utf8) {
    static const int64_t counts[] = {0, 1, 9, 1000};
    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        dbk_error err = {0};
        dbk_batch *b = NULL;
        dbk_schema *s = schema_of(DBK_TYPE_NULL);
        s->columns[0].nullable = false;
        CHECK_OK(dbk_batch_new(s, counts[i], &b, &err), &err);
        b->columns[0].length = counts[i];
        b->columns[0].null_count = counts[i];
        dbk_batch *out = converted(b, &none);
        const dbk_array *a = &out->columns[0];
        CHECK_EQ_I64(out->schema->columns[0].type, DBK_TYPE_UTF8);
        CHECK(out->schema->columns[0].nullable);
        CHECK_EQ_I64(a->length, counts[i]);
        CHECK_EQ_I64(a->null_count, counts[i]);
        CHECK_EQ_SIZE(a->buffer_count, 3);
        for (int64_t row = 0; row < counts[i]; row++) {
            CHECK_SLICE(text_at(a, row), "NULL");
        }
        dbk_batch_unref(out);
        dbk_batch_unref(b);
        dbk_schema_unref(s);
    }
}

/* ---- shapes of arrays ------------------------------------------------------------------------- */

DBK_TEST(sliced_batches) {
    static const char *const types[] = {"STRUCT<a: ARRAY<INT>, m: MAP<STRING,BOOLEAN>>",
                                        "INTERVAL DAY"};
    static const char rows[] = "[[\"{\\\"a\\\":[1],\\\"m\\\":{\\\"x\\\":true}}\",\"1 00:00:00\"],"
                               "[null,null],"
                               "[\"{\\\"a\\\":[2,3],\\\"m\\\":null}\",\"2 00:00:00\"],"
                               "[\"{\\\"a\\\":null,\\\"m\\\":{\\\"y\\\":false,\\\"z\\\":null}}\","
                               "\"3 00:00:00\"]]";
    static const char *const want[] = {"{\"a\":[1],\"m\":{\"x\":true}}", "NULL",
                                       "{\"a\":[2,3],\"m\":null}",
                                       "{\"a\":null,\"m\":{\"y\":false,\"z\":null}}"};
    for (int64_t start = 0; start < 4; start++) {
        for (int64_t count = 1; count <= 4 - start; count++) {
            dbk_error err = {0};
            dbk_batch *part = NULL;
            dbk_buf texts = {0};
            dbk_batch *b = batch_of(types, 2, rows);
            CHECK_OK(dbk_batch_slice(b, start, count, &part, &err), &err);
            dbk_batch *out = converted(part, &both);
            for (int64_t i = start; i < start + count; i++) {
                CHECK_OK(dbk_buf_putf(&texts, &err, "%s%s", i > start ? " " : "", want[i]), &err);
            }
            const char *joined = NULL;
            CHECK_OK(dbk_buf_cstr(&texts, &joined, &err), &err);
            check_texts(out, 0, joined);
            dbk_buf_reset(&texts);
            dbk_batch_unref(out);
            dbk_batch_unref(part);
            dbk_batch_unref(b);
        }
    }
}

/* Lists whose item array starts at an offset of its own. */
DBK_TEST(offsets_inside) {
    dbk_error err = {0};
    dbk_buf got = {0};
    dbk_batch *b = batch_of_one("STRUCT<a: INT, s: STRUCT<b: INT>>",
                                "[[\"{\\\"a\\\":1,\\\"s\\\":{\\\"b\\\":10}}\"],"
                                "[\"{\\\"a\\\":2,\\\"s\\\":{\\\"b\\\":20}}\"],"
                                "[\"{\\\"a\\\":3,\\\"s\\\":{\\\"b\\\":30}}\"]]");
    dbk_array a = b->columns[0];
    dbk_array children[2] = {a.children[0], a.children[1]};
    a.children = children;
    a.offset = 1; /* for its children too */
    a.length = 1;
    children[1].offset = 1;
    children[1].length = 2;
    CHECK_OK(dbk_json_write_value(&b->schema->columns[0], &a, 0, &got, &err), &err);
    CHECK_SLICE(got, "{\"a\":2,\"s\":{\"b\":30}}");
    dbk_buf_reset(&got);
    dbk_batch_unref(b);
}

/* Makes the batch's only column from buffers in static memory. */
static dbk_batch *raw_batch(dbk_schema *s, int64_t length, const dbk_buffer *buffers,
                            size_t count) {
    dbk_error err = {0};
    dbk_batch *b = NULL;
    CHECK_OK(dbk_batch_new(s, length, &b, &err), &err);
    CHECK_OK(dbk_array_add_buffers(b, &b->columns[0], count, &err), &err);
    memcpy(b->columns[0].buffers, buffers, count * sizeof *buffers);
    b->columns[0].length = length;
    return b;
}

#define BUFFER(array) ((dbk_buffer){(const uint8_t *)(array), sizeof(array)})

DBK_TEST(dictionary_of_lists) {
    static const int8_t indices[] = {1, 0, 1, 2};
    static const int8_t bad[] = {3};
    dbk_error err = {0};
    dbk_dictionary_type dictionary = {.index_type = DBK_TYPE_INT8};
    dbk_batch *values = batch_of_one("ARRAY<INT>", "[[\"[1]\"],[\"[2,3]\"],[null]]");
    dbk_schema *s = schema_of(DBK_TYPE_NULL);
    CHECK_OK(dbk_field_copy(s, &s->columns[0], &values->schema->columns[0], &err), &err);
    s->columns[0].dictionary = &dictionary;
    dbk_batch *b = raw_batch(s, 4, (dbk_buffer[]){{0}, BUFFER(indices)}, 2);
    b->columns[0].dictionary = &values->columns[0];
    dbk_batch *out = converted(b, &both);
    check_texts(out, 0, "[2,3] [1] [2,3] NULL");
    dbk_batch_unref(out);
    dbk_batch_unref(b);

    b = raw_batch(s, 1, (dbk_buffer[]){{0}, BUFFER(bad)}, 2);
    b->columns[0].dictionary = &values->columns[0];
    dbk_schema *to = NULL;
    out = NULL;
    CHECK_OK(dbk_convert_schema(s, &both, &to, &err), &err);
    CHECK_FAILS(dbk_convert_batch(b, to, &both, nobody, &out, &err), &err, DBK_DATA_LOSS,
                "converting column \"c\" to text: an Arrow array is damaged: a dictionary index "
                "points outside");
    CHECK(out == NULL);
    dbk_error_reset(&err);
    dbk_schema_unref(to);
    dbk_batch_unref(b);
    dbk_batch_unref(values);
    dbk_schema_unref(s);
}

DBK_TEST(durations_of_every_unit) {
    static const int64_t values[] = {0, 1, -1, 90061000000, INT64_MAX, INT64_MIN};
    static const char *const want[] = {
        "0 00:00:00.000000000 0 00:00:01.000000000 -0 00:00:01.000000000 "
        "1042372 16:26:40.000000000 106751991167300 15:30:07.000000000 "
        "-106751991167300 15:30:08.000000000",
        "0 00:00:00.000000000 0 00:00:00.001000000 -0 00:00:00.001000000 "
        "1042 08:56:40.000000000 106751991167 07:12:55.807000000 "
        "-106751991167 07:12:55.808000000",
        "0 00:00:00.000000000 0 00:00:00.000001000 -0 00:00:00.000001000 "
        "1 01:01:01.000000000 106751991 04:00:54.775807000 -106751991 04:00:54.775808000",
        "0 00:00:00.000000000 0 00:00:00.000000001 -0 00:00:00.000000001 "
        "0 00:01:30.061000000 106751 23:47:16.854775807 -106751 23:47:16.854775808",
    };
    for (int unit = DBK_UNIT_S; unit <= DBK_UNIT_NS; unit++) {
        dbk_schema *s = schema_of(DBK_TYPE_DURATION);
        s->columns[0].unit = (dbk_unit)unit;
        dbk_batch *b = raw_batch(s, COUNT_OF(values), (dbk_buffer[]){{0}, BUFFER(values)}, 2);
        dbk_batch *out = converted(b, &both);
        check_texts(out, 0, want[unit]);
        dbk_batch_unref(out);
        dbk_batch_unref(b);
        dbk_schema_unref(s);
    }
}

DBK_TEST(other_interval_types) {
    static const int32_t months[] = {14, -14, 0, INT32_MIN};
    static const int32_t day_time[] = {1, 7384000, -1, -1500, 1, -1000};
    static const struct {
        int32_t months, days;
        int64_t nanos;
    } mixed[] = {{0, 3, 1500000000}, {14, 0, 1}, {0, -1, -1}};
    dbk_schema *s = schema_of(DBK_TYPE_INTERVAL_MONTHS);
    dbk_batch *b = raw_batch(s, 4, (dbk_buffer[]){{0}, BUFFER(months)}, 2);
    dbk_batch *out = converted(b, &both);
    check_texts(out, 0, "1-2 -1-2 0-0 -178956970-8");
    dbk_batch_unref(out);
    dbk_batch_unref(b);
    dbk_schema_unref(s);

    s = schema_of(DBK_TYPE_INTERVAL_DAY_TIME);
    b = raw_batch(s, 3, (dbk_buffer[]){{0}, BUFFER(day_time)}, 2);
    out = converted(b, &both);
    check_texts(out, 0, "1 02:03:04.000000000 -1 00:00:01.500000000 0 23:59:59.000000000");
    dbk_batch_unref(out);
    dbk_batch_unref(b);
    dbk_schema_unref(s);

    s = schema_of(DBK_TYPE_INTERVAL_MONTH_DAY_NANO);
    b = raw_batch(s, 3, (dbk_buffer[]){{0}, BUFFER(mixed)}, 2);
    out = converted(b, &both);
    check_texts(out, 0, "3 00:00:01.500000000 1-2 0 00:00:00.000000001 -1 00:00:00.000000001");
    dbk_batch_unref(out);
    dbk_batch_unref(b);
    dbk_schema_unref(s);
}

/* Puts a column of one row around `item`: a large list, list view or fixed list of one item each. */
DBK_TEST(other_list_types) {
    static const int64_t offsets64[] = {0, 1, 3};
    static const int32_t starts[] = {2, 0};
    static const int32_t sizes[] = {1, 2};
    const struct {
        dbk_type type;
        dbk_buffer buffers[3];
        size_t count;
        const char *want;
    } rows[] = {
        {DBK_TYPE_LARGE_LIST, {{0}, BUFFER(offsets64)}, 2, "[1] [2,3]"},
        {DBK_TYPE_LIST_VIEW, {{0}, BUFFER(starts), BUFFER(sizes)}, 3, "[3] [1,2]"},
        {DBK_TYPE_FIXED_LIST, {{0}}, 1, "[1] [2]"},
    };
    dbk_batch *items = batch_of_one("INT", "[[\"1\"],[\"2\"],[\"3\"]]");
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        dbk_error err = {0};
        dbk_schema *s = schema_of(rows[i].type);
        CHECK_CASE(dbk_type_name(rows[i].type));
        s->columns[0].width = 1;
        CHECK_OK(dbk_field_add_children(s, &s->columns[0], 1, &err), &err);
        CHECK_OK(dbk_field_copy(s, &s->columns[0].children[0], &items->schema->columns[0], &err),
                 &err);
        dbk_batch *b = raw_batch(s, 2, rows[i].buffers, rows[i].count);
        b->columns[0].child_count = 1;
        b->columns[0].children = items->columns;
        dbk_batch *out = converted(b, &both);
        check_texts(out, 0, rows[i].want);
        dbk_batch_unref(out);
        dbk_batch_unref(b);
        dbk_schema_unref(s);
    }
    dbk_batch_unref(items);
}

/* The JSON of every row of a raw array of a type, one after the other. */
static void check_raw(const dbk_field *f, const dbk_array *a, const char *want) {
    dbk_error err = {0};
    dbk_buf got = {0};
    for (int64_t i = 0; i < a->length; i++) {
        CHECK_OK(dbk_json_write_value(f, a, i, &got, &err), &err);
        CHECK_OK(dbk_buf_putc(&got, ' ', &err), &err);
    }
    CHECK_SLICE(got, want);
    dbk_buf_reset(&got);
}

DBK_TEST(views) {
    static const int32_t views[] = {3, 0x00636261, 0, 0, 13, 0x30313233, 0, 1};
    static const char data[] = "x0123456789abc";
    dbk_buffer buffers[] = {{0}, BUFFER(views), BUFFER(data)};
    dbk_array a = {.length = 2, .buffer_count = 3, .buffers = buffers};
    dbk_field f = {.type = DBK_TYPE_UTF8_VIEW};
    check_raw(&f, &a, "\"abc\" \"0123456789abc\" ");
    f.type = DBK_TYPE_BINARY_VIEW;
    check_raw(&f, &a, "\"YWJj\" \"MDEyMzQ1Njc4OWFiYw==\" ");
    buffers[2].size = 5;
    dbk_error err = {0};
    dbk_buf out = {0};
    CHECK_FAILS(dbk_json_write_value(&f, &a, 1, &out, &err), &err, DBK_DATA_LOSS,
                "a view points outside");
    dbk_error_reset(&err);
    dbk_buf_reset(&out);
}

DBK_TEST(unions_and_runs) {
    static const uint8_t ids[] = {7, 5, 7};
    static const int32_t offsets[] = {2, 0, 1};
    static int8_t type_ids[] = {5, 7};
    static const int32_t numbers[] = {10, 20, 30};
    static const int32_t ends[] = {1, 4, 6};
    dbk_buffer number_buffers[] = {{0}, BUFFER(numbers)};
    dbk_buffer end_buffers[] = {{0}, BUFFER(ends)};
    dbk_array values = {.length = 3, .buffer_count = 2, .buffers = number_buffers};
    dbk_array children[] = {values, values};
    dbk_field fields[] = {{.type = DBK_TYPE_INT32}, {.type = DBK_TYPE_DATE32}};
    dbk_buffer buffers[] = {BUFFER(ids), BUFFER(offsets)};
    dbk_array a = {
        .length = 3, .buffer_count = 2, .buffers = buffers, .child_count = 2, .children = children};
    dbk_field f = {
        .type = DBK_TYPE_DENSE_UNION, .type_ids = type_ids, .child_count = 2, .children = fields};
    check_raw(&f, &a, "\"1970-01-31\" 10 \"1970-01-21\" ");
    f.type = DBK_TYPE_SPARSE_UNION;
    check_raw(&f, &a, "\"1970-01-11\" 20 \"1970-01-31\" ");

    fields[1].type = DBK_TYPE_INT32;
    children[0].buffers = end_buffers;
    f = (dbk_field){.type = DBK_TYPE_RUN_END, .child_count = 2, .children = fields};
    a = (dbk_array){.length = 5, .offset = 1, .child_count = 2, .children = children};
    check_raw(&f, &a, "20 20 20 30 30 ");
}

DBK_TEST(half_floats_and_fixed_binary) {
    static const uint16_t halves[] = {0x3c00, 0xc000, 0x0001, 0x7c00, 0x7bff};
    static const char bytes[] = {'a', 'b', 'c', 'd'};
    dbk_buffer buffers[] = {{0}, BUFFER(halves)};
    dbk_array a = {.length = 5, .buffer_count = 2, .buffers = buffers};
    dbk_field f = {.type = DBK_TYPE_FLOAT16};
    check_raw(&f, &a, "1.0 -2.0 5.960464477539063E-8 null 65504.0 ");
    buffers[1] = BUFFER(bytes);
    f = (dbk_field){.type = DBK_TYPE_FIXED_BINARY, .width = 2};
    a.length = 2;
    check_raw(&f, &a, "\"YWI=\" \"Y2Q=\" ");
}

/* ---- damaged arrays --------------------------------------------------------------------------- */

DBK_TEST(offsets_outside) {
    static const int32_t negative[] = {-1, 2};
    static const int32_t backwards[] = {2, 1};
    static const int32_t beyond[] = {0, 4};
    static const int32_t *const rows[] = {negative, backwards, beyond};
    dbk_batch *items = batch_of_one("STRING", "[[\"a\"],[\"b\"],[\"c\"]]");
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        dbk_error err = {0};
        dbk_buf out = {0};
        dbk_buffer buffers[] = {{0}, {(const uint8_t *)rows[i], 8}, {dbk_zeros, 3}};
        dbk_array a = {.length = 1,
                       .buffer_count = 3,
                       .buffers = buffers,
                       .child_count = 1,
                       .children = items->columns};
        dbk_field f = {.type = DBK_TYPE_LIST, .child_count = 1, .children = items->schema->columns};
        CHECK_FAILS(dbk_json_write_value(&f, &a, 0, &out, &err), &err, DBK_DATA_LOSS,
                    "a list offset points outside");
        f = (dbk_field){.type = DBK_TYPE_UTF8};
        CHECK_FAILS(dbk_json_write_value(&f, &a, 0, &out, &err), &err, DBK_DATA_LOSS,
                    "a text offset points outside");
        dbk_error_reset(&err);
        dbk_buf_reset(&out);
    }
    dbk_batch_unref(items);
}

DBK_TEST(impossible_scales) {
    dbk_error err = {0};
    dbk_schema *to = NULL;
    dbk_schema *s = schema_of(DBK_TYPE_LIST);
    CHECK_OK(dbk_field_add_children(s, &s->columns[0], 1, &err), &err);
    s->columns[0].children[0].type = DBK_TYPE_DECIMAL128;
    s->columns[0].children[0].scale = DBK_DECIMAL_SCALE_MAX + 1;
    CHECK_FAILS(dbk_convert_schema(s, &both, &to, &err), &err, DBK_DATA_LOSS,
                "a decimal scale of 129 is not possible");
    CHECK(to == NULL);
    dbk_error_reset(&err);
    dbk_schema_unref(s);
}

DBK_OOM_TEST(conversion_without_memory) {
    dbk_status st = DBK_OK;
    dbk_schema *from = NULL;
    dbk_schema *to = NULL;
    dbk_batch *b = NULL;
    dbk_batch *out = NULL;
    json_t *rows = json_pack("[[sss],[nnn]]", "[{\"k\":\"v\"}]", "1-1", "x");
    dbk_column_desc columns[] = {
        {.type_text = DBK_SLICE("ARRAY<MAP<STRING,STRING>>"), .precision = -1, .scale = -1},
        {.type_text = DBK_SLICE("INTERVAL YEAR"), .precision = -1, .scale = -1},
        {.type_text = DBK_SLICE("STRING"), .precision = -1, .scale = -1}};
    DBK_TRY(dbk_schema_for_rows(columns, COUNT_OF(columns), &from, err));
    DBK_TRY(dbk_batch_from_json(from, rows, nobody, &b, err));
    DBK_TRY(dbk_convert_schema(from, &both, &to, err));
    DBK_TRY(dbk_convert_batch(b, to, &both, nobody, &out, err));

done:
    dbk_batch_unref(out);
    dbk_batch_unref(b);
    dbk_schema_unref(to);
    dbk_schema_unref(from);
    json_decref(rows);
    return st;
}
