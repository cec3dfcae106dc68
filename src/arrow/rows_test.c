#include "unit.h"

#include "arrow/builder.h"
#include "arrow/nested_json.h"
#include "arrow/scalar_text.h"

#include <math.h>

static const dbk_block_owner nobody = {0};

static dbk_column_desc column_of(const char *type_text) {
    return (dbk_column_desc){.name = DBK_SLICE("c"),
                             .type_name = DBK_SLICE("T"),
                             .type_text = dbk_slice_of(type_text),
                             .precision = -1,
                             .scale = -1};
}

/* One column of one cell; the cell is text, NULL for a JSON null. */
static dbk_status make_batch(const char *type_text, const char *cell, dbk_batch **out,
                             dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_schema *s = NULL;
    dbk_column_desc c = column_of(type_text);
    json_t *rows = json_pack("[[s?]]", cell);
    DBK_TRY(rows != NULL ? DBK_OK : dbk_error_oom(err, "rows"));
    DBK_TRY(dbk_schema_for_rows(&c, 1, &s, err));
    DBK_TRY(dbk_batch_from_json(s, rows, nobody, out, err));

done:
    dbk_schema_unref(s);
    json_decref(rows);
    return st;
}

/* The cell as JSON text must be want. */
static void check_cell(const char *type_text, const char *cell, const char *want) {
    dbk_error err = {0};
    dbk_batch *b = NULL;
    dbk_buf got = {0};
    CHECK_OK(make_batch(type_text, cell, &b, &err), &err);
    CHECK_EQ_I64(dbk_batch_row_count(b), 1);
    CHECK_OK(dbk_json_write_value(&b->schema->columns[0], &b->columns[0], 0, &got, &err), &err);
    CHECK_SLICE(got, want);
    dbk_buf_reset(&got);
    dbk_batch_unref(b);
}

typedef struct cell_case {
    const char *type, *cell, *want;
} cell_case;

static void check_cells(const cell_case *rows, size_t count) {
    for (size_t i = 0; i < count; i++) {
        CHECK_CASE(rows[i].cell != NULL ? rows[i].cell : rows[i].type);
        check_cell(rows[i].type, rows[i].cell, rows[i].want);
    }
}

DBK_TEST(nulls_of_every_type) {
    static const char *const types[] = {
        "BOOLEAN",
        "TINYINT",
        "SMALLINT",
        "INT",
        "BIGINT",
        "FLOAT",
        "DOUBLE",
        "DECIMAL(10,2)",
        "STRING",
        "BINARY",
        "DATE",
        "TIMESTAMP",
        "TIMESTAMP_NTZ",
        "INTERVAL YEAR",
        "INTERVAL DAY",
        "VARIANT",
        "VOID",
        "ARRAY<INT>",
        "MAP<STRING,INT>",
        "STRUCT<a: INT, b: ARRAY<INT>>",
    };
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        CHECK_CASE(types[i]);
        check_cell(types[i], NULL, "null");
    }
}

DBK_TEST(numbers) {
    static const cell_case rows[] = {
        {"BOOLEAN", "true", "true"},
        {"BOOLEAN", "FALSE", "false"},
        {"TINYINT", "-128", "-128"},
        {"TINYINT", "127", "127"},
        {"SMALLINT", "-32768", "-32768"},
        {"SMALLINT", "32767", "32767"},
        {"INT", "-2147483648", "-2147483648"},
        {"INT", "2147483647", "2147483647"},
        {"BIGINT", "-9223372036854775808", "-9223372036854775808"},
        {"BIGINT", "9223372036854775807", "9223372036854775807"},
        {"BIGINT", "0", "0"},
        {"DOUBLE", "0.1", "0.1"},
        {"DOUBLE", "-0.0", "-0.0"},
        {"DOUBLE", "1e10", "1.0E10"},
        {"DOUBLE", "1.0E10", "1.0E10"},
        {"DOUBLE", "1.7976931348623157E308", "1.7976931348623157E308"},
        {"DOUBLE", "4.9E-324", "5.0E-324"},
        {"DOUBLE", "2.2250738585072014E-308", "2.2250738585072014E-308"},
        {"DOUBLE", ".5", "0.5"},
        {"DOUBLE", "5.", "5.0"},
        {"DOUBLE", "+5", "5.0"},
        {"DOUBLE", "9007199254740993", "9.007199254740992E15"},
        {"DOUBLE", "0.000000000000000000000000000001", "1.0E-30"},
        {"DOUBLE", "123456789.123456789", "1.2345678912345679E8"},
        {"DOUBLE", "NaN", "null"},
        {"DOUBLE", "Infinity", "null"},
        {"DOUBLE", "-Infinity", "null"},
        {"DOUBLE", "-inf", "null"},
        {"FLOAT", "0.1", "0.10000000149011612"},
        {"FLOAT", "3.4028235E38", "3.4028234663852886E38"},
        {"FLOAT", "16777217", "1.6777216E7"},
        {"FLOAT", "NaN", "null"},
        {"DECIMAL(10,2)", "1.5", "1.50"},
        {"DECIMAL(10,2)", "-0.01", "-0.01"},
        {"DECIMAL(10,2)", "12345678.90", "12345678.90"},
        {"DECIMAL(10,2)", "99999999.99", "99999999.99"},
        {"DECIMAL(10,2)", "1.500000", "1.50"},
        {"DECIMAL(10,2)", "1.5E+3", "1500.00"},
        {"DECIMAL(10,2)", "150e-2", "1.50"},
        {"DECIMAL(10,2)", "-0", "0.00"},
        {"DECIMAL(10,0)", "-9999999999", "-9999999999"},
        {"DECIMAL(38,38)", "0.99999999999999999999999999999999999999",
         "0.99999999999999999999999999999999999999"},
        {"DECIMAL(38,38)", "-1E-38", "-0.00000000000000000000000000000000000001"},
        {"DECIMAL(38,0)", "99999999999999999999999999999999999999",
         "99999999999999999999999999999999999999"},
        {"DECIMAL(38,0)", "-99999999999999999999999999999999999999",
         "-99999999999999999999999999999999999999"},
        {"DECIMAL(5,-2)", "1200", "1200"},
    };
    check_cells(rows, COUNT_OF(rows));
}

DBK_TEST(texts_and_bytes) {
    static const cell_case rows[] = {
        {"STRING", "", "\"\""},
        {"STRING", "a\"b\\c/\n\x01", "\"a\\\"b\\\\c/\\n\\u0001\""},
        {"STRING", "\xf0\x9f\x98\x80\xc3\xa9", "\"\xf0\x9f\x98\x80\xc3\xa9\""},
        {"VARIANT", "{\"a\":1}", "\"{\\\"a\\\":1}\""},
        {"GEOMETRY(4326)", "SRID=4326;POINT(1 2)", "\"SRID=4326;POINT(1 2)\""},
        {"BINARY", "", "\"\""},
        {"BINARY", "AAH/", "\"AAH/\""},
        {"BINARY", "YQ==", "\"YQ==\""},
        {"BINARY", "YWI=", "\"YWI=\""},
    };
    check_cells(rows, COUNT_OF(rows));
}

DBK_TEST(dates_and_timestamps) {
    static const cell_case rows[] = {
        {"DATE", "1970-01-01", "\"1970-01-01\""},
        {"DATE", "0001-01-01", "\"0001-01-01\""},
        {"DATE", "9999-12-31", "\"9999-12-31\""},
        {"DATE", "2024-02-29", "\"2024-02-29\""},
        {"DATE", "-0044-03-15", "\"-0044-03-15\""},
        {"DATE", "+12345-01-01", "\"+12345-01-01\""},
        {"DATE", "2020-1-2", "\"2020-01-02\""},
        {"TIMESTAMP", "1970-01-01T00:00:00.000Z", "\"1970-01-01 00:00:00\""},
        {"TIMESTAMP", "2020-01-02 03:04:05", "\"2020-01-02 03:04:05\""},
        {"TIMESTAMP", "2020-01-02T03:04:05.1", "\"2020-01-02 03:04:05.100\""},
        {"TIMESTAMP", "2020-01-02T03:04:05.123456Z", "\"2020-01-02 03:04:05.123456\""},
        {"TIMESTAMP", "2020-01-02T03:04:05.123456000Z", "\"2020-01-02 03:04:05.123456\""},
        {"TIMESTAMP", "2020-01-02T03:04:05+02:00", "\"2020-01-02 01:04:05\""},
        {"TIMESTAMP", "2020-01-02T03:04:05-0530", "\"2020-01-02 08:34:05\""},
        {"TIMESTAMP", "2020-01-02T03:04:05+01", "\"2020-01-02 02:04:05\""},
        {"TIMESTAMP", "2020-01-02 03:04:05 UTC", "\"2020-01-02 03:04:05\""},
        {"TIMESTAMP", "2020-01-02T03:04Z", "\"2020-01-02 03:04:00\""},
        {"TIMESTAMP", "2020-01-02", "\"2020-01-02 00:00:00\""},
        {"TIMESTAMP", "0001-01-01T00:00:00Z", "\"0001-01-01 00:00:00\""},
        {"TIMESTAMP", "9999-12-31T23:59:59.999999Z", "\"9999-12-31 23:59:59.999999\""},
        {"TIMESTAMP", "1969-12-31T23:59:59.999999Z", "\"1969-12-31 23:59:59.999999\""},
        {"TIMESTAMP", "-0001-12-31T23:59:59Z", "\"-0001-12-31 23:59:59\""},
        {"TIMESTAMP", "+294247-01-10T04:00:54.775807Z", "\"+294247-01-10 04:00:54.775807\""},
        {"TIMESTAMP", "-290308-12-21T19:59:05.224192Z", "\"-290308-12-21 19:59:05.224192\""},
        {"TIMESTAMP_NTZ", "2020-01-02T03:04:05", "\"2020-01-02 03:04:05\""},
        {"TIMESTAMP_NTZ", "2020-01-02T03:04:05Z", "\"2020-01-02 03:04:05\""},
    };
    check_cells(rows, COUNT_OF(rows));
}

DBK_TEST(intervals) {
    static const cell_case rows[] = {
        {"INTERVAL YEAR TO MONTH", "1-2", "\"1-2\""},
        {"INTERVAL YEAR TO MONTH", "-1-2", "\"-1-2\""},
        {"INTERVAL YEAR TO MONTH", "0-0", "\"0-0\""},
        {"INTERVAL YEAR TO MONTH", "INTERVAL '1-2' YEAR TO MONTH", "\"1-2\""},
        {"INTERVAL YEAR TO MONTH", "INTERVAL '-1-2' YEAR TO MONTH", "\"-1-2\""},
        {"INTERVAL YEAR TO MONTH", "INTERVAL -'1-2' YEAR TO MONTH", "\"-1-2\""},
        {"INTERVAL YEAR", "INTERVAL '3' YEAR", "\"3-0\""},
        {"INTERVAL MONTH", "interval '14' month", "\"1-2\""},
        {"INTERVAL YEAR", "178956970-7", "\"178956970-7\""},
        {"INTERVAL YEAR", "-178956970-8", "\"-178956970-8\""},
        {"INTERVAL DAY TO SECOND", "1 02:03:04.000000000", "\"1 02:03:04.000000000\""},
        {"INTERVAL DAY TO SECOND", "1 02:03:04", "\"1 02:03:04.000000000\""},
        {"INTERVAL DAY TO SECOND", "-0 00:00:01.5", "\"-0 00:00:01.500000000\""},
        {"INTERVAL DAY TO SECOND", "0 00:00:00.000001", "\"0 00:00:00.000001000\""},
        {"INTERVAL DAY TO SECOND", "INTERVAL '1 02:03:04.5' DAY TO SECOND",
         "\"1 02:03:04.500000000\""},
        {"INTERVAL DAY", "INTERVAL '5' DAY", "\"5 00:00:00.000000000\""},
        {"INTERVAL HOUR", "INTERVAL '-100:59' HOUR TO MINUTE", "\"-4 04:59:00.000000000\""},
        {"INTERVAL DAY TO HOUR", "INTERVAL '1 02' DAY TO HOUR", "\"1 02:00:00.000000000\""},
        {"INTERVAL SECOND", "INTERVAL '90.25' SECOND", "\"0 00:01:30.250000000\""},
        {"INTERVAL MINUTE", "INTERVAL '1:30' MINUTE TO SECOND", "\"0 00:01:30.000000000\""},
        {"INTERVAL DAY", "-106751991 04:00:54.775808", "\"-106751991 04:00:54.775808000\""},
        {"INTERVAL DAY", "106751991 04:00:54.775807", "\"106751991 04:00:54.775807000\""},
    };
    check_cells(rows, COUNT_OF(rows));
}

DBK_TEST(nested_cells) {
    static const cell_case rows[] = {
        {"ARRAY<INT>", "[]", "[]"},
        {"ARRAY<INT>", " [ 1 , null , \"3\" ] ", "[1,null,3]"},
        {"ARRAY<ARRAY<STRING>>", "[[\"a\"],[],null]", "[[\"a\"],[],null]"},
        {"ARRAY<STRING>", "[\"a\\\"\\u00e9\\ud83d\\ude00\\n\"]",
         "[\"a\\\"\xc3\xa9\xf0\x9f\x98\x80\\n\"]"},
        {"ARRAY<DECIMAL(38,2)>", "[123456789012345678901234567890.12,\"0.5\"]",
         "[123456789012345678901234567890.12,0.50]"},
        {"ARRAY<BIGINT>", "[9223372036854775807]", "[9223372036854775807]"},
        {"ARRAY<BOOLEAN>", "[true,false,\"true\"]", "[true,false,true]"},
        {"ARRAY<DOUBLE>", "[1.5,\"NaN\",1e300]", "[1.5,null,1.0E300]"},
        {"ARRAY<DATE>", "[\"2020-01-02\"]", "[\"2020-01-02\"]"},
        {"ARRAY<INTERVAL DAY>", "[\"1 00:00:00\"]", "[\"1 00:00:00.000000000\"]"},
        {"ARRAY<BINARY>", "[\"AAH/\"]", "[\"AAH/\"]"},
        {"ARRAY<VARIANT>", "[{\"a\": [1]},2,\"x\"]", "[\"{\\\"a\\\": [1]}\",\"2\",\"x\"]"},
        {"MAP<STRING,INT>", "{}", "{}"},
        {"MAP<STRING,INT>", "{\"a\":1,\"b\":null,\"a\":2}", "{\"a\":1,\"b\":null,\"a\":2}"},
        {"MAP<INT,STRING>", "{\"-5\":\"x\"}", "{\"-5\":\"x\"}"},
        {"MAP<DATE,ARRAY<INT>>", "{\"2020-01-02\":[1]}", "{\"2020-01-02\":[1]}"},
        {"MAP<STRUCT<a: INT>,INT>", "{\"{\\\"a\\\":1}\":2}", "{\"{\\\"a\\\":1}\":2}"},
        {"STRUCT<a: INT, b: STRING>", "{\"a\":1,\"b\":\"x\"}", "{\"a\":1,\"b\":\"x\"}"},
        {"STRUCT<a: INT, b: STRING>", "{\"b\":\"x\",\"a\":1}", "{\"a\":1,\"b\":\"x\"}"},
        {"STRUCT<a: INT, b: STRING>", "{\"z\":[{}],\"b\":\"x\"}", "{\"a\":null,\"b\":\"x\"}"},
        {"STRUCT<a: INT, a: INT>", "{\"a\":1,\"a\":2}", "{\"a\":1,\"a\":2}"},
        {"STRUCT<>", "{}", "{}"},
        {"STRUCT<s: STRUCT<t: ARRAY<STRUCT<u: INT>>>>", "{\"s\":{\"t\":[{\"u\":1},{}]}}",
         "{\"s\":{\"t\":[{\"u\":1},{\"u\":null}]}}"},
    };
    check_cells(rows, COUNT_OF(rows));
}

DBK_TEST(bad_cells) {
    static const struct {
        const char *type, *cell, *want;
    } rows[] = {
        {"BOOLEAN", "yes", "row 0, column \"c\": \"yes\" is not a value of type bool"},
        {"TINYINT", "128", "\"128\" is not a value of type int8"},
        {"TINYINT", "-129", "type int8"},
        {"SMALLINT", "32768", "type int16"},
        {"INT", "2147483648", "type int32"},
        {"INT", "", "\"\" is not a value of type int32"},
        {"INT", " 1", "type int32"},
        {"INT", "1.0", "type int32"},
        {"BIGINT", "9223372036854775808", "type int64"},
        {"FLOAT", "1e39", "type float32"},
        {"DOUBLE", "1e309", "type float64"},
        {"DOUBLE", "0x10", "type float64"},
        {"DOUBLE", "1e", "type float64"},
        {"DOUBLE", ".", "type float64"},
        {"DOUBLE", "nano", "type float64"},
        {"DECIMAL(10,2)", "1.505", "\"1.505\" is not a value of type decimal128(10,2)"},
        {"DECIMAL(10,2)", "100000000.00", "decimal128(10,2)"},
        {"DECIMAL(38,0)", "100000000000000000000000000000000000000", "decimal128(38,0)"},
        {"DECIMAL(38,0)", "1e999999", "decimal128(38,0)"},
        {"DECIMAL(38,0)", "999999999999999999999999999999999999999999", "decimal128(38,0)"},
        {"DECIMAL(10,2)", "1,5", "decimal128(10,2)"},
        {"DECIMAL(10,2)", "", "decimal128(10,2)"},
        {"BINARY", "*", "type binary"},
        {"BINARY", "YW", "type binary"},
        {"DATE", "2023-02-29", "type date32"},
        {"DATE", "2023-13-01", "type date32"},
        {"DATE", "2023-00-01", "type date32"},
        {"DATE", "2023-01-00", "type date32"},
        {"DATE", "2023-01-01 ", "type date32"},
        {"DATE", "9999999-01-01", "type date32"},
        {"TIMESTAMP", "2020-01-02T24:00:00Z", "type timestamp"},
        {"TIMESTAMP", "2020-01-02T03:60:00Z", "type timestamp"},
        {"TIMESTAMP", "2020-01-02T03:04:60Z", "type timestamp"},
        {"TIMESTAMP", "2020-01-02T03:04:05.1234567Z", "type timestamp"},
        {"TIMESTAMP", "2020-01-02T03:04:05.Z", "type timestamp"},
        {"TIMESTAMP", "2020-01-02T03:04:05 Europe/Paris", "type timestamp"},
        {"TIMESTAMP", "300000-01-01T00:00:00Z", "type timestamp"},
        {"TIMESTAMP_NTZ", "2020-01-02T03:04:05+01:00", "type timestamp"},
        {"INTERVAL YEAR", "1-12", "type interval_months"},
        {"INTERVAL YEAR", "14", "type interval_months"},
        {"INTERVAL YEAR", "INTERVAL '1' DAY", "type interval_months"},
        {"INTERVAL YEAR", "178956970-8", "type interval_months"},
        {"INTERVAL DAY", "1 24:00:00", "type duration"},
        {"INTERVAL DAY", "1", "type duration"},
        {"INTERVAL DAY", "INTERVAL '1' MONTH", "type duration"},
        {"INTERVAL DAY", "INTERVAL '1 2:3' SECOND TO DAY", "type duration"},
        {"INTERVAL DAY", "0 00:00:00.0000001", "type duration"},
        {"INTERVAL DAY", "106751991 04:00:54.775808", "type duration"},
        {"ARRAY<INT>", "[1,\"x\"]",
         "row 0, column \"c\": value \"[1,\"x\"]\": \"x\" is not a value of type int32"},
        {"ARRAY<INT>", "", "value \"\": not JSON: it ends too early"},
        {"ARRAY<INT>", "[1", "not JSON"},
        {"ARRAY<INT>", "[1,]", "not JSON"},
        {"ARRAY<INT>", "[1] x", "not JSON, 1 bytes before the end"},
        {"ARRAY<INT>", "{}", "\"{}\" is not a value of type list"},
        {"ARRAY<INT>", "5", "\"5\" is not a value of type list"},
        {"ARRAY<STRING>", "[\"\\ud800\"]", "not JSON"},
        {"ARRAY<STRING>", "[\"\\x\"]", "not JSON"},
        {"ARRAY<STRING>", "[\"a]", "not JSON"},
        {"MAP<STRING,INT>", "[]", "is not a value of type map"},
        {"MAP<STRING,INT>", "{\"a\" 1}", "not JSON"},
        {"MAP<STRING,INT>", "{\"a\":1", "not JSON"},
        {"MAP<INT,INT>", "{\"a\":1}", "\"a\" is not a value of type int32"},
        {"STRUCT<a: INT>", "{\"a\":nul}", "not JSON"},
        {"STRUCT<a: INT>", "[1]", "is not a value of type struct"},
        {"STRUCT<a: ARRAY<INT>>", "{\"a\":\"b\"}", "not JSON"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        dbk_error err = {0};
        dbk_batch *b = NULL;
        CHECK_CASE(rows[i].cell);
        CHECK_FAILS(make_batch(rows[i].type, rows[i].cell, &b, &err), &err, DBK_DATA_LOSS,
                    rows[i].want);
        CHECK(b == NULL);
        dbk_error_reset(&err);
    }
}

DBK_TEST(long_values_are_cut_in_messages) {
    dbk_error err = {0};
    dbk_batch *b = NULL;
    char cell[100];
    memset(cell, 'x', sizeof cell);
    memcpy(cell + 63, "\xc3\xa9", 2); /* the cut falls into this character */
    cell[99] = '\0';
    CHECK_FAILS(make_batch("INT", cell, &b, &err), &err, DBK_DATA_LOSS, "x\"... is not a value");
    CHECK_EQ_SIZE(strspn(strchr(strstr(dbk_error_message(&err), ": "), 'x'), "x"), 63);
    dbk_error_reset(&err);
}

/* ---- the binary form -------------------------------------------------------------------------- */

DBK_TEST(values_in_memory) {
    dbk_error err = {0};
    dbk_batch *b = NULL;
    int64_t us = 0;
    int32_t days = 0;
    double d = 0;
    CHECK_OK(make_batch("TIMESTAMP", "9999-12-31T23:59:59.999999Z", &b, &err), &err);
    memcpy(&us, b->columns[0].buffers[1].data, sizeof us);
    CHECK_EQ_I64(us, 253402300799999999);
    CHECK(b->columns[0].buffers[0].data == NULL); /* no nulls: no bitmap */
    dbk_batch_unref(b);
    CHECK_OK(make_batch("DATE", "0001-01-01", &b, &err), &err);
    memcpy(&days, b->columns[0].buffers[1].data, sizeof days);
    CHECK_EQ_I64(days, -719162);
    dbk_batch_unref(b);
    CHECK_OK(make_batch("DOUBLE", "-Infinity", &b, &err), &err);
    memcpy(&d, b->columns[0].buffers[1].data, sizeof d);
    CHECK(isinf(d) && d < 0);
    dbk_batch_unref(b);
    CHECK_OK(make_batch("DOUBLE", "nan", &b, &err), &err);
    memcpy(&d, b->columns[0].buffers[1].data, sizeof d);
    CHECK(isnan(d));
    dbk_batch_unref(b);
}

/* day_time intervals of schemas without data: milliseconds, loud below them. */
DBK_TEST(interval_day_time_cells) {
    dbk_error err = {0};
    dbk_batch *b = NULL;
    dbk_schema *s = NULL;
    int32_t pair[2];
    dbk_column_desc c = column_of("INTERVAL DAY");
    json_t *rows = json_pack("[[s]]", "-1 00:00:01.5");
    json_t *fine = json_pack("[[s]]", "0 00:00:00.000001");
    CHECK_OK(dbk_schema_from_columns(&c, 1, &s, &err), &err);
    CHECK_OK(dbk_batch_from_json(s, rows, nobody, &b, &err), &err);
    memcpy(pair, b->columns[0].buffers[1].data, sizeof pair);
    CHECK_EQ_I64(pair[0], -1);
    CHECK_EQ_I64(pair[1], -1500);
    dbk_batch_unref(b);
    b = NULL;
    CHECK_FAILS(dbk_batch_from_json(s, fine, nobody, &b, &err), &err, DBK_DATA_LOSS,
                "is not a value of type interval_day_time");
    dbk_error_reset(&err);
    dbk_schema_unref(s);
    json_decref(rows);
    json_decref(fine);
}

/* ---- rows ------------------------------------------------------------------------------------- */

static dbk_schema *two_columns(void) {
    dbk_error err = {0};
    dbk_schema *s = NULL;
    dbk_column_desc columns[] = {column_of("INT"), column_of("STRING")};
    columns[1].position = 1;
    columns[1].name = DBK_SLICE("d");
    CHECK_OK(dbk_schema_for_rows(columns, 2, &s, &err), &err);
    return s;
}

static dbk_status from_text(dbk_schema *s, const char *text, dbk_batch **out, dbk_error *err) {
    json_t *rows = json_loads(text, JSON_DECODE_ANY, NULL);
    CHECK(rows != NULL);
    dbk_status st = dbk_batch_from_json(s, rows, nobody, out, err);
    json_decref(rows);
    return st;
}

DBK_TEST(several_rows) {
    dbk_error err = {0};
    dbk_batch *b = NULL;
    dbk_buf got = {0};
    dbk_schema *s = two_columns();
    CHECK_OK(
        from_text(s, "[[\"1\",\"a\"],[null,null],[\"3\",null],[4,true],[\"5\",1.5]]", &b, &err),
        &err);
    CHECK_EQ_I64(dbk_batch_row_count(b), 5);
    CHECK_EQ_I64(b->columns[0].null_count, 1);
    CHECK_EQ_I64(b->columns[1].null_count, 2);
    for (int64_t row = 0; row < 5; row++) {
        for (size_t i = 0; i < 2; i++) {
            CHECK_OK(dbk_json_write_value(&s->columns[i], &b->columns[i], row, &got, &err), &err);
            CHECK_OK(dbk_buf_putc(&got, ' ', &err), &err);
        }
    }
    CHECK_SLICE(got, "1 \"a\" null null 3 null 4 \"true\" 5 \"1.5\" ");
    CHECK(dbk_batch_block_bytes(b) > 0);
    dbk_buf_reset(&got);
    dbk_batch_unref(b);
    CHECK_OK(from_text(s, "[]", &b, &err), &err);
    CHECK_EQ_I64(dbk_batch_row_count(b), 0);
    CHECK(b->columns[1].buffers[1].size >= 4);
    dbk_batch_unref(b);
    dbk_schema_unref(s);
}

DBK_TEST(wrong_rows) {
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"{}", "the rows of a JSON result are not an array"},
        {"[[\"1\",\"a\"],[\"2\"]]", "row 1 has 1 values, the schema 2 columns"},
        {"[[\"1\",\"a\",null]]", "row 0 has 3 values"},
        {"[null]", "row 0 has 0 values"},
        {"[[\"1\",[]]]", "row 0, column \"d\": an array or object where a text or null must be"},
        {"[[\"1\",\"a\"],[\"x\",\"b\"]]", "row 1, column \"c\": \"x\" is not"},
        {"[[1.5,\"a\"]]", "\"1.5\" is not a value of type int32"},
    };
    dbk_schema *s = two_columns();
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        dbk_error err = {0};
        dbk_batch *b = NULL;
        CHECK_CASE(rows[i].text);
        CHECK_FAILS(from_text(s, rows[i].text, &b, &err), &err, DBK_DATA_LOSS, rows[i].want);
        CHECK(b == NULL);
        dbk_error_reset(&err);
    }
    dbk_schema_unref(s);
}

DBK_TEST(rows_without_columns) {
    dbk_error err = {0};
    dbk_schema *s = NULL;
    dbk_batch *b = NULL;
    CHECK_OK(dbk_schema_for_rows(NULL, 0, &s, &err), &err);
    CHECK_OK(from_text(s, "[[],[]]", &b, &err), &err);
    CHECK_EQ_I64(dbk_batch_row_count(b), 2);
    dbk_batch_unref(b);
    dbk_schema_unref(s);
}

DBK_OOM_TEST(rows_without_memory) {
    dbk_status st = DBK_OK;
    dbk_batch *b = NULL;
    DBK_TRY(make_batch("MAP<STRUCT<a: BINARY>,STRUCT<x: ARRAY<STRING>, y: DECIMAL(10,2)>>",
                       "{\"{\\\"a\\\":\\\"AAH/\\\"}\":{\"x\":[\"\\u00e9\",null],\"y\":1.5}}", &b,
                       err));

done:
    dbk_batch_unref(b);
    return st;
}

/* ---- texts of numbers ----------------------------------------------------------------------------- */

DBK_TEST(double_texts) {
    static const struct {
        double v;
        const char *want;
    } rows[] = {
        {185.156036376953125, "185.15603637695313"}, /* a tie: up, as the Rust kernel */
        {0x1p-25, "2.9802322387695313E-8"},
        {0x1p55, "3.602879701896397E16"},
        {0x1p-13, "1.220703125E-4"},
        {1e-4, "1.0E-4"},
        {1e16, "1.0E16"},
        {99999999999999990.0, "9.999999999999998E16"},
        {1.7976931348623157e308, "1.7976931348623157E308"},
        {2.2250738585072014e-308, "2.2250738585072014E-308"},
        {0.0, "0.0"},
        {-0.0, "-0.0"},
        {1.0, "1.0"},
        {0.001, "0.001"},
        {0.0009999, "9.999E-4"},
        {9999999.0, "9999999.0"},
        {1e7, "1.0E7"},
        {12345678.0, "1.2345678E7"},
        {9007199254740992.0, "9.007199254740992E15"},
        {4.35, "4.35"},
        {1.0 / 3, "0.3333333333333333"},
        {100.0, "100.0"},
        {5e-324, "5.0E-324"},
        {1e-323, "1.0E-323"},
        {0x1p-44, "5.684341886080802E-14"},
        {0x1p-791, "7.678447687145631E-239"},
        {1e23, "1.0E23"},
        {-1.5e300, "-1.5E300"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[DBK_SCALAR_TEXT_MAX];
        dbk_slice got = {text, dbk_text_write_f64(text, rows[i].v)};
        double back = 0;
        CHECK_CASE(rows[i].want);
        CHECK_SLICE(got, rows[i].want);
        CHECK(dbk_text_read_f64(got, &back));
        CHECK(back == rows[i].v);
    }
}

DBK_TEST(decimal_texts) {
    uint8_t v[32];
    char text[DBK_SCALAR_TEXT_MAX];
    dbk_slice got = {text, 0};
    memset(v, 0, sizeof v);
    got.len = dbk_text_write_decimal(text, v, 16, 0);
    CHECK_SLICE(got, "0");
    got.len = dbk_text_write_decimal(text, v, 16, 2);
    CHECK_SLICE(got, "0.00");
    got.len = dbk_text_write_decimal(text, v, 16, -2);
    CHECK_SLICE(got, "0");
    memset(v, 0xff, sizeof v);
    got.len = dbk_text_write_decimal(text, v, 32, 3);
    CHECK_SLICE(got, "-0.001");
    got.len = dbk_text_write_decimal(text, v, 4, -3);
    CHECK_SLICE(got, "-1000");
    v[31] = 0x7f; /* 2^255 - 1 */
    got.len = dbk_text_write_decimal(text, v, 32, 0);
    CHECK_SLICE(got,
                "57896044618658097711785492504343953926634992332820282019728792003956564819967");
    memset(v, 0, sizeof v);
    v[31] = 0x80;
    got.len = dbk_text_write_decimal(text, v, 32, DBK_DECIMAL_SCALE_MAX);
    CHECK_EQ_SIZE(got.len, DBK_DECIMAL_SCALE_MAX + 3);
    v[15] = 0x80; /* the smallest 128-bit integer */
    got.len = dbk_text_write_decimal(text, v, 16, 0);
    CHECK_SLICE(got, "-170141183460469231731687303715884105728");
}
