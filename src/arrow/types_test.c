#include "unit.h"

#include "arrow/types.h"

/* A readable text of a field's type: "list<item: int32>", "struct<a: decimal128(10,2)?>". */
static dbk_status describe(const dbk_field *f, dbk_buf *out, dbk_error *err) {
    static const char *const units[] = {"s", "ms", "us", "ns"};
    dbk_status st = dbk_buf_puts(out, dbk_type_name(f->type), err);
    if (st == DBK_OK && f->type == DBK_TYPE_DECIMAL128) {
        st = dbk_buf_putf(out, err, "(%d,%d)", f->precision, f->scale);
    }
    if (st == DBK_OK && (f->type == DBK_TYPE_TIMESTAMP || f->type == DBK_TYPE_DURATION)) {
        st = dbk_buf_putf(out, err, "[%s%s%s]", units[f->unit], f->timezone.ptr != NULL ? "," : "",
                          f->timezone.ptr != NULL ? f->timezone.ptr : "");
    }
    if (st != DBK_OK || (f->child_count == 0 && f->type != DBK_TYPE_STRUCT)) {
        return st;
    }
    st = dbk_buf_putc(out, '<', err);
    for (size_t i = 0; i < f->child_count && st == DBK_OK; i++) {
        const dbk_field *child = &f->children[i];
        st = dbk_buf_putf(out, err, "%s%s%s: ", i > 0 ? ", " : "", child->name.ptr,
                          child->nullable ? "" : "!");
        st = st == DBK_OK ? describe(child, out, err) : st;
    }
    return st == DBK_OK ? dbk_buf_putc(out, '>', err) : st;
}

/* The type of one text must be described by want. */
static void check_type(dbk_slice text, dbk_day_time_as day_time, const char *want) {
    dbk_error err = {0};
    dbk_schema *s = NULL;
    dbk_buf got = {0};
    CHECK_OK(dbk_schema_new(1, &s, &err), &err);
    CHECK_OK(dbk_field_parse_type(s, &s->columns[0], text, day_time, &err), &err);
    CHECK_OK(describe(&s->columns[0], &got, &err), &err);
    CHECK_SLICE(got, want);
    dbk_buf_reset(&got);
    dbk_schema_unref(s);
}

#define MAP_OF(key, value) "map<entries!: struct<key!: " key ", value: " value ">>"

DBK_TEST(type_texts_of_the_manifest) {
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"BOOLEAN", "bool"},
        {"TINYINT", "int8"},
        {"BYTE", "int8"},
        {"SMALLINT", "int16"},
        {"SHORT", "int16"},
        {"INT", "int32"},
        {"INTEGER", "int32"},
        {"BIGINT", "int64"},
        {"LONG", "int64"},
        {"FLOAT", "float32"},
        {"REAL", "float32"},
        {"DOUBLE", "float64"},
        {"DECIMAL", "decimal128(38,18)"},
        {"DEC", "decimal128(38,18)"},
        {"NUMERIC", "decimal128(38,18)"},
        {"DECIMAL(10,2)", "decimal128(10,2)"},
        {"NUMERIC(5,1)", "decimal128(5,1)"},
        {"DEC(5,1)", "decimal128(5,1)"},
        {"DECIMAL(10)", "decimal128(10,0)"},
        {"DECIMAL(38,38)", "decimal128(38,38)"},
        {"DECIMAL(39,2)", "decimal128(38,2)"},
        {"DECIMAL(0,0)", "decimal128(1,0)"},
        {"DECIMAL(5,-2)", "decimal128(5,-2)"},
        {"decimal( 10 , 2 )", "decimal128(10,2)"},
        {"DECIMAL (10,2) NOT NULL", "decimal128(10,2)"},
        {"STRING", "utf8"},
        {"STRING COLLATE UTF8_LCASE", "utf8"},
        {"VARCHAR(10)", "utf8"},
        {"CHAR(3)", "utf8"},
        {"BINARY", "binary"},
        {"DATE", "date32"},
        {"TIMESTAMP", "timestamp[us,Etc/UTC]"},
        {"TIMESTAMP_LTZ", "timestamp[us,Etc/UTC]"},
        {"TIMESTAMP_NTZ", "timestamp[us]"},
        {"INTERVAL YEAR", "interval_months"},
        {"INTERVAL MONTH", "interval_months"},
        {"interval  year to month", "interval_months"},
        {"INTERVAL DAY TO SECOND", "interval_day_time"},
        {"INTERVAL HOUR", "interval_day_time"},
        {"INTERVAL", "interval_day_time"},
        {"ARRAY<INT>", "list<item: int32>"},
        {"array< array <DATE> >", "list<item: list<item: date32>>"},
        {"MAP<STRING, INT>", MAP_OF("utf8", "int32")},
        {"MAP<INT,ARRAY<STRING>>", MAP_OF("int32", "list<item: utf8>")},
        {"STRUCT<a: INT, b: STRING>", "struct<a: int32, b: utf8>"},
        {"STRUCT<a:INT,b:STRING>", "struct<a: int32, b: utf8>"},
        {"STRUCT<>", "struct<>"},
        {"VARIANT", "utf8"},
        {"GEOMETRY", "utf8"},
        {"GEOMETRY(4326)", "utf8"},
        {"GEOGRAPHY(ANY)", "utf8"},
        {"VOID", "utf8"},
        {"OBJECT", "utf8"},
        {"TIME(6)", "utf8"},
        {"NULL", "utf8"},
        {"USER_DEFINED_TYPE", "utf8"},
        {"boolean", "bool"},
        {" Bigint\t", "int64"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CHECK_CASE(rows[i].text);
        check_type(dbk_slice_of(rows[i].text), DBK_DAY_TIME_INTERVAL, rows[i].want);
    }
}

DBK_TEST(struct_fields) {
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"STRUCT<a: INT NOT NULL, b: STRING COMMENT 'x, y>:'>", "struct<a: int32, b: utf8>"},
        {"STRUCT<a: INT COMMENT 'it\\'s', b: INT>", "struct<a: int32, b: int32>"},
        {"STRUCT<a: INT COMMENT \"q>\">", "struct<a: int32>"},
        {"STRUCT<a: ARRAY<INT> NOT NULL COMMENT 'c'>", "struct<a: list<item: int32>>"},
        {"STRUCT<`a b`: INT, `c``d`: STRING>", "struct<a b: int32, c`d: utf8>"},
        {"STRUCT<`a:b,<>`: INT>", "struct<a:b,<>: int32>"},
        {"STRUCT<``: INT>", "struct<: int32>"},
        {"STRUCT<a b: INT>", "struct<a b: int32>"},
        {"STRUCT<it's: INT, b: DATE>", "struct<it's: int32, b: date32>"},
        {"STRUCT<a INT, b STRING>", "struct<a: int32, b: utf8>"},
        {"STRUCT<a INT COMMENT 'x: y'>", "struct<a: int32>"},
        {"STRUCT<a-b: INT, a.b: INT, 1: INT>", "struct<a-b: int32, a.b: int32, 1: int32>"},
        {"STRUCT<Gr\xc3\xb6\xc3\x9f"
         "e: INT>",
         "struct<Gr\xc3\xb6\xc3\x9f"
         "e: int32>"},
        {"STRUCT<a: INT, a: INT>", "struct<a: int32, a: int32>"},
        {"STRUCT<type: INT, interval: INTERVAL DAY>",
         "struct<type: int32, interval: interval_day_time>"},
        {"STRUCT<m: MAP<STRING, STRUCT<x: DECIMAL(10,2)>>, z: INT>",
         "struct<m: " MAP_OF("utf8", "struct<x: decimal128(10,2)>") ", z: int32>"},
        {"STRUCT<a: nonsense>", "struct<a: utf8>"},
        {"STRUCT<a: STRING COLLATE UTF8_BINARY, b: INT>", "struct<a: utf8, b: int32>"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CHECK_CASE(rows[i].text);
        check_type(dbk_slice_of(rows[i].text), DBK_DAY_TIME_INTERVAL, rows[i].want);
    }
}

DBK_TEST(malformed_texts_are_utf8) {
    static const char *const rows[] = {
        "",
        "  ",
        "foo",
        "<INT>",
        "ARRAY",
        "ARRAY<",
        "ARRAY<>",
        "ARRAY<INT",
        "ARRAY<INT>>",
        "ARRAY<INT>x",
        "ARRAY(INT)",
        "ARRAY<INT,INT>",
        "MAP<INT>",
        "MAP<INT,INT,INT>",
        "MAP<,>",
        "STRUCT",
        "STRUCT<a>",
        "STRUCT<a:>",
        "STRUCT<a: INT,>",
        "STRUCT<,>",
        "STRUCT<: INT>",
        "STRUCT<`a: INT>",
        "STRUCT<a: INT COMMENT 'x>",
        "STRUCT<a: INT)>",
        "STRUCT<,,,,,,,,,,,,>",
        "DECIMAL(",
        "DECIMAL()",
        "DECIMAL(a,2)",
        "DECIMAL(10,2",
        "DECIMAL(10,99)",
        "DECIMAL(10,2,3)",
        "ARRAY<DECIMAL(10,>",
        "\xff\xfe",
        "((((",
        ">>>>",
        "DECIMAL(99999999999999999999,2)",
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CHECK_CASE(rows[i]);
        check_type(dbk_slice_of(rows[i]), DBK_DAY_TIME_INTERVAL, "utf8");
    }
    CHECK_CASE("no pointer");
    check_type((dbk_slice){0}, DBK_DAY_TIME_INTERVAL, "utf8");
    CHECK_CASE("a NUL");
    check_type(DBK_SLICE("ARRAY<\0>"), DBK_DAY_TIME_INTERVAL, "utf8");
    check_type(DBK_SLICE("STRUCT<\0:INT>"), DBK_DAY_TIME_INTERVAL, "struct<: int32>");
}

DBK_TEST(day_time_as_the_data_has_it) {
    check_type(DBK_SLICE("ARRAY<INTERVAL DAY>"), DBK_DAY_TIME_DURATION_US,
               "list<item: duration[us]>");
    check_type(DBK_SLICE("INTERVAL MONTH"), DBK_DAY_TIME_DURATION_US, "interval_months");
}

/* "ARRAY<" n times around INT. */
static void check_depth(size_t n, bool parses) {
    dbk_error err = {0};
    dbk_buf text = {0};
    dbk_schema *s = NULL;
    for (size_t i = 0; i < n; i++) {
        CHECK_OK(dbk_buf_puts(&text, "ARRAY<", &err), &err);
    }
    CHECK_OK(dbk_buf_puts(&text, "INT", &err), &err);
    for (size_t i = 0; i < n; i++) {
        CHECK_OK(dbk_buf_putc(&text, '>', &err), &err);
    }
    CHECK_OK(dbk_schema_new(1, &s, &err), &err);
    CHECK_OK(
        dbk_field_parse_type(s, &s->columns[0], dbk_buf_slice(&text), DBK_DAY_TIME_INTERVAL, &err),
        &err);
    CHECK_EQ_I64(s->columns[0].type, parses ? DBK_TYPE_LIST : DBK_TYPE_UTF8);
    dbk_schema_unref(s);
    dbk_buf_reset(&text);
}

DBK_TEST(depth_is_limited) {
    check_depth(1, true);
    check_depth(DBK_ARROW_MAX_DEPTH - 1, true);
    check_depth(DBK_ARROW_MAX_DEPTH, false);
    check_depth(100000, false);
    check_depth(DBK_TYPE_TEXT_MAX / 7 + 1, false);
}

/* ---- schemas ---------------------------------------------------------------------------------- */

static dbk_column_desc column(const char *name, const char *type_name, const char *type_text,
                              int64_t position) {
    return (dbk_column_desc){.name = dbk_slice_of(name),
                             .type_name = dbk_slice_of(type_name),
                             .type_text = dbk_slice_of(type_text),
                             .position = position,
                             .precision = -1,
                             .scale = -1};
}

static void check_pair(const dbk_metadata *m, size_t i, const char *key, const char *value) {
    CHECK(i < m->count);
    CHECK_SLICE(m->pairs[i].key, key);
    CHECK_SLICE(m->pairs[i].value, value);
}

DBK_TEST(schema_from_columns) {
    dbk_error err = {0};
    dbk_schema *s = NULL;
    dbk_column_desc columns[] = {
        column("c", "INTERVAL", "INTERVAL DAY TO SECOND", 2),
        column("a", "DECIMAL", "DECIMAL(10,2)", 0),
        column("b", "LONG", "BIGINT", 1),
        column("b", "INT", "", 1),
    };
    columns[0].interval_type = DBK_SLICE("DAY TO SECOND");
    columns[1].precision = 10;
    columns[1].scale = 2;
    CHECK_OK(dbk_schema_from_columns(columns, COUNT_OF(columns), &s, &err), &err);
    CHECK_EQ_SIZE(dbk_schema_column_count(s), 4);
    CHECK_STR(dbk_schema_column_name(s, 0), "a");
    CHECK_STR(dbk_schema_column_name(s, 1), "b");
    CHECK_STR(dbk_schema_column_name(s, 2), "b");
    CHECK_STR(dbk_schema_column_name(s, 3), "c");
    CHECK_EQ_I64(s->columns[0].type, DBK_TYPE_DECIMAL128);
    CHECK_EQ_I64(s->columns[1].type, DBK_TYPE_INT64);
    CHECK_EQ_I64(s->columns[2].type, DBK_TYPE_INT32); /* no type_text: type_name */
    CHECK_EQ_I64(s->columns[3].type, DBK_TYPE_INTERVAL_DAY_TIME);
    CHECK(s->columns[0].nullable);
    CHECK_EQ_SIZE(s->metadata.count, 0);

    const dbk_metadata *m = &s->columns[0].metadata;
    CHECK_EQ_SIZE(m->count, 4);
    check_pair(m, 0, "databricks.type_name", "DECIMAL");
    check_pair(m, 1, "databricks.type_text", "DECIMAL(10,2)");
    check_pair(m, 2, "databricks.type_precision", "10");
    check_pair(m, 3, "databricks.type_scale", "2");
    CHECK_EQ_SIZE(s->columns[1].metadata.count, 2);
    check_pair(&s->columns[3].metadata, 2, "databricks.type_interval_type", "DAY TO SECOND");
    dbk_schema_unref(s);
}

DBK_TEST(schema_without_columns) {
    dbk_error err = {0};
    dbk_schema *s = NULL;
    CHECK_OK(dbk_schema_from_columns(NULL, 0, &s, &err), &err);
    CHECK_EQ_SIZE(dbk_schema_column_count(s), 0);
    dbk_schema_unref(s);
}

DBK_TEST(schemas_for_rows_and_for_metadata) {
    dbk_error err = {0};
    dbk_schema *s = NULL;
    dbk_column_desc columns[] = {column("i", "INTERVAL", "INTERVAL DAY", 0)};
    CHECK_OK(dbk_schema_for_rows(columns, 1, &s, &err), &err);
    CHECK_EQ_I64(s->columns[0].type, DBK_TYPE_DURATION);
    CHECK_EQ_SIZE(s->columns[0].metadata.count, 2);
    dbk_schema_unref(s);
    CHECK_OK(dbk_schema_plain(columns, 1, &s, &err), &err);
    CHECK_STR(dbk_schema_column_name(s, 0), "i");
    CHECK_EQ_SIZE(s->columns[0].metadata.count, 0);
    dbk_schema_unref(s);
}

/* A wire schema of two int32 columns x, y; x carries the server's metadata, y is not nullable. */
static dbk_status make_wire(dbk_schema **out, dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_schema *s = NULL;
    DBK_TRY(dbk_schema_new(2, &s, err));
    DBK_TRY(dbk_metadata_add(s, &s->metadata, DBK_SLICE("origin"), DBK_SLICE("server"), err));
    for (size_t i = 0; i < 2; i++) {
        dbk_field *f = &s->columns[i];
        f->type = DBK_TYPE_INT32;
        f->nullable = i == 0;
        DBK_TRY(dbk_schema_text(s, DBK_SLICE("wire"), &f->name, err));
    }
    DBK_TRY(dbk_metadata_add(s, &s->columns[0].metadata, DBK_SLICE("databricks.type_text"),
                             DBK_SLICE("old"), err));
    DBK_TRY(dbk_metadata_add(s, &s->columns[0].metadata, DBK_SLICE("Spark:DataType:SqlName"),
                             DBK_SLICE("BIGINT"), err));
    *out = s;
    s = NULL;

done:
    dbk_schema_unref(s);
    return st;
}

DBK_TEST(dressing_keeps_types_and_server_metadata) {
    dbk_error err = {0};
    dbk_schema *wire = NULL;
    dbk_schema *s = NULL;
    dbk_column_desc columns[] = {column("second", "INT", "INT", 7),
                                 column("first", "LONG", "BIGINT", 3)};
    CHECK_OK(make_wire(&wire, &err), &err);
    CHECK_OK(dbk_schema_dress(wire, columns, 2, &s, &err), &err);
    CHECK_STR(dbk_schema_column_name(s, 0), "first");
    CHECK_STR(dbk_schema_column_name(s, 1), "second");
    CHECK_EQ_I64(s->columns[0].type, DBK_TYPE_INT32); /* as sent, whatever the manifest says */
    CHECK(s->columns[0].nullable);
    CHECK(!s->columns[1].nullable);
    check_pair(&s->metadata, 0, "origin", "server");
    const dbk_metadata *m = &s->columns[0].metadata;
    CHECK_EQ_SIZE(m->count, 3);
    check_pair(m, 0, "Spark:DataType:SqlName", "BIGINT");
    check_pair(m, 1, "databricks.type_name", "LONG");
    check_pair(m, 2, "databricks.type_text", "BIGINT");
    CHECK(dbk_schema_same_types(wire, s));
    dbk_schema_unref(s);
    dbk_schema_unref(wire);
}

DBK_TEST(dressing_needs_the_same_count) {
    dbk_error err = {0};
    dbk_schema *wire = NULL;
    dbk_schema *s = NULL;
    dbk_column_desc columns[] = {column("a", "INT", "INT", 0)};
    CHECK_OK(make_wire(&wire, &err), &err);
    CHECK_FAILS(dbk_schema_dress(wire, columns, 1, &s, &err), &err, DBK_DATA_LOSS,
                "the Arrow stream has 2 columns, the manifest says 1");
    CHECK(s == NULL);
    dbk_error_reset(&err);
    dbk_schema_unref(wire);
}

DBK_OOM_TEST(schema_without_memory) {
    dbk_status st = DBK_OK;
    dbk_schema *s = NULL;
    dbk_schema *dressed = NULL;
    dbk_column_desc columns[] = {
        column("a", "STRUCT", "STRUCT<`x``y`: MAP<STRING, ARRAY<TIMESTAMP>>, z: DECIMAL(3,1)>", 1),
        column("b", "INT", "INT", 0)};
    columns[1].precision = 3;
    DBK_TRY(dbk_schema_from_columns(columns, 2, &s, err));
    DBK_TRY(dbk_schema_dress(s, columns, 2, &dressed, err));
    CHECK_EQ_I64(s->columns[1].type, DBK_TYPE_STRUCT);

done:
    dbk_schema_unref(s);
    dbk_schema_unref(dressed);
    return st;
}
