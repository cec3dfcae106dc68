#include "unit.h"

#include "metadata/parts.h"

/* Sorting and filtering of tables, static results, schemas, type codes. */

static const dbk_block_owner nobody = {0};

/* Reshaped tables from rows [catalog, schema, name, type]. */
static dbk_batch *tables_of(dbk_schema *schema, const char *rows_json) {
    dbk_error err = {0};
    const char *const names[] = {"catalogName", "namespace", "tableName", "tableType"};
    dbk_column_desc list[4];
    memset(list, 0, sizeof list);
    dbk_schema *wire = NULL;
    dbk_batch *in = NULL;
    dbk_batch *out = NULL;
    json_t *rows = NULL;
    for (size_t i = 0; i < 4; i++) {
        list[i].name = dbk_slice_of(names[i]);
        list[i].type_text = DBK_SLICE("STRING");
        list[i].position = (int64_t)i;
    }
    dbk_metadata_request r = {.call = DBK_METADATA_TABLES};
    CHECK_OK(dbk_schema_plain(list, 4, &wire, &err), &err);
    CHECK_OK(dbk_json_parse(dbk_slice_of(rows_json), &rows, &err), &err);
    CHECK_OK(dbk_batch_from_json(wire, rows, nobody, &in, &err), &err);
    CHECK_OK(dbk_metadata_reshape(&r, schema, (dbk_slice){0}, in, &out, &err), &err);
    json_decref(rows);
    dbk_batch_unref(in);
    dbk_schema_unref(wire);
    return out;
}

/* Of each row: catalog.schema.name:type and a blank; null is ~. */
static void check_tables(const dbk_batch *b, const char *want) {
    static const size_t columns[] = {0, 1, 2, 3};
    static const char *const ends[] = {".", ".", ":", " "};
    dbk_error err = {0};
    dbk_buf got = {0};
    dbk_buf scratch = {0};
    for (int64_t row = 0; b != NULL && row < dbk_batch_row_count(b); row++) {
        for (size_t i = 0; i < 4; i++) {
            dbk_slice text = {0};
            CHECK_OK(dbk_batch_text(b, columns[i], row, &scratch, &text, &err), &err);
            CHECK_OK(dbk_buf_put_slice(&got, text.ptr != NULL ? text : DBK_SLICE("~"), &err), &err);
            CHECK_OK(dbk_buf_puts(&got, ends[i], &err), &err);
        }
    }
    CHECK_SLICE(got, want);
    dbk_buf_reset(&got);
    dbk_buf_reset(&scratch);
}

#define FIRST                                                                                   \
    "[[\"b\",\"s\",\"t2\",\"VIEW\"],[\"b\",\"s\",\"t1\",\"VIEW\"],[null,\"s\",\"t\",\"VIEW\"]," \
    "[\"a\",null,\"t\",\"TABLE\"],[\"a\",\"s\",\"t\",\"TABLE\"]]"
#define SECOND                                                                              \
    "[[\"a\",\"r\",\"t\",\"TABLE\"],[\"B\",\"s\",\"t\",\"VIEW\"],[\"z\",\"s\",\"t\",\"\"]," \
    "[\"z\",\"s\",\"t\",\"METRIC_VIEW\"],[\"z\",\"s\",\"t\",\"EXTERNAL\"]]"

DBK_TEST(tables_come_sorted) {
    dbk_error err = {0};
    dbk_batch *out = NULL;
    dbk_schema *schema = NULL;
    dbk_metadata_request r = {.call = DBK_METADATA_TABLES};
    CHECK_OK(dbk_metadata_schema(r.call, &schema, &err), &err);
    dbk_batch *batches[] = {tables_of(schema, FIRST), tables_of(schema, SECOND)};
    CHECK_OK(dbk_metadata_sort_tables(&r, schema, batches, 2, &out, &err), &err);
    check_tables(out, "z.s.t:EXTERNAL z.s.t:METRIC_VIEW a.~.t:TABLE a.r.t:TABLE a.s.t:TABLE "
                      "z.s.t:TABLE ~.s.t:VIEW B.s.t:VIEW b.s.t1:VIEW b.s.t2:VIEW ");
    dbk_batch_unref(out);
    out = NULL;
    CHECK_OK(dbk_metadata_sort_tables(&r, schema, batches, 0, &out, &err), &err);
    CHECK(out == NULL);
    dbk_batch_unref(batches[0]);
    dbk_batch_unref(batches[1]);
    dbk_schema_unref(schema);
}

/* spec 8 (b); "" counts as TABLE here */
DBK_TEST(order_of_types) {
    dbk_error err = {0};
    dbk_batch *out = NULL;
    dbk_schema *schema = NULL;
    dbk_metadata_request r = {.call = DBK_METADATA_TABLES};
    CHECK_OK(dbk_metadata_schema(r.call, &schema, &err), &err);
    dbk_batch *in = tables_of(
        schema, "[[\"c\",\"s\",\"t\",\"VIEW\"],[\"c\",\"s\",\"t\",\"MANAGED\"],"
                "[\"c\",\"s\",\"t\",\"STREAMING_TABLE\"],[\"c\",\"s\",\"t\",\"EXTERNAL\"],"
                "[\"c\",\"s\",\"t\",\"MATERIALIZED_VIEW\"],[\"c\",\"s\",\"t\",\"\"],"
                "[\"c\",\"s\",\"t\",\"METRIC_VIEW\"]]");
    CHECK_OK(dbk_metadata_sort_tables(&r, schema, &in, 1, &out, &err), &err);
    check_tables(out, "c.s.t:EXTERNAL c.s.t:MANAGED c.s.t:MATERIALIZED_VIEW c.s.t:METRIC_VIEW "
                      "c.s.t:STREAMING_TABLE c.s.t:TABLE c.s.t:VIEW ");
    dbk_batch_unref(out);
    dbk_batch_unref(in);
    dbk_schema_unref(schema);
}

DBK_TEST(types_that_are_wanted) {
    static const struct {
        const char *first, *second; /* NULL: not there */
        const char *want;
    } rows[] = {
        {"view", NULL, "a.s.v:VIEW "},
        {"TABLE", "View", "a.s.t:TABLE a.s.v:VIEW "},
        {"TABLE ", NULL, ""},
        {"'VIEW'", NULL, ""},
        {"%", NULL, ""},
        {NULL, NULL, ""}, /* a list without types */
    };
    dbk_error err = {0};
    dbk_schema *schema = NULL;
    CHECK_OK(dbk_metadata_schema(DBK_METADATA_TABLES, &schema, &err), &err);
    dbk_batch *in = tables_of(schema, "[[\"a\",\"s\",\"v\",\"VIEW\"],[\"a\",\"s\",\"t\",null]]");
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const dbk_slice types[] = {dbk_slice_of(rows[i].first), dbk_slice_of(rows[i].second)};
        dbk_batch *out = NULL;
        dbk_metadata_request r = {
            .call = DBK_METADATA_TABLES,
            .has_types = true,
            .types = types,
            .type_count = (rows[i].first != NULL ? 1u : 0u) + (rows[i].second != NULL ? 1u : 0u),
        };
        CHECK_CASE(rows[i].first);
        CHECK_OK(dbk_metadata_sort_tables(&r, schema, &in, 1, &out, &err), &err);
        check_tables(out, rows[i].want);
        dbk_batch_unref(out);
    }
    dbk_batch_unref(in);
    dbk_schema_unref(schema);
}

DBK_OOM_TEST(sorting_without_memory) {
    dbk_status st = DBK_OK;
    static dbk_schema *schema; /* these two are made once, before allocations fail */
    static dbk_batch *in;
    if (in == NULL) {
        dbk_alloc_fail_after(0);
        CHECK_OK(dbk_metadata_schema(DBK_METADATA_TABLES, &schema, err), err);
        in = tables_of(schema, FIRST);
        dbk_alloc_fail_after(1);
    }
    dbk_batch *out = NULL;
    dbk_metadata_request r = {.call = DBK_METADATA_TABLES};
    DBK_TRY(dbk_metadata_sort_tables(&r, schema, &in, 1, &out, err));
    dbk_batch_unref(in);
    dbk_schema_unref(schema);
    in = NULL;
done:
    CHECK(st == DBK_OK || out == NULL);
    dbk_batch_unref(out);
    return st;
}

/* ---- schemas: "NAME format[?]" ---- */

static void check_schema(dbk_metadata_call call, const char *want) {
    dbk_error err = {0};
    dbk_buf got = {0};
    dbk_schema *s = NULL;
    struct ArrowSchema c = {0};
    CHECK_CASE(dbk_metadata_word(call));
    CHECK_OK(dbk_metadata_schema(call, &s, &err), &err);
    CHECK_OK(dbk_schema_export(s, &c, &err), &err);
    CHECK(c.metadata == NULL);
    for (int64_t i = 0; i < c.n_children; i++) {
        const struct ArrowSchema *f = c.children[i];
        CHECK(f->metadata == NULL);
        CHECK_OK(dbk_buf_putf(&got, &err, "%s %s%s\n", f->name, f->format,
                              (f->flags & ARROW_FLAG_NULLABLE) != 0 ? "?" : ""),
                 &err);
    }
    CHECK_SLICE(got, want);
    c.release(&c);
    dbk_schema_unref(s);
    dbk_buf_reset(&got);
}

DBK_TEST(schemas_of_the_results) {
    check_schema(DBK_METADATA_CATALOGS, "TABLE_CAT u?\n");
    check_schema(DBK_METADATA_SCHEMAS, "TABLE_SCHEM u\nTABLE_CATALOG u?\n");
    check_schema(DBK_METADATA_TABLES,
                 "TABLE_CAT u?\nTABLE_SCHEM u?\nTABLE_NAME u\nTABLE_TYPE u\nREMARKS u?\n"
                 "TYPE_CAT u?\nTYPE_SCHEM u?\nTYPE_NAME u?\nSELF_REFERENCING_COL_NAME u?\n"
                 "REF_GENERATION u?\n");
    check_schema(DBK_METADATA_COLUMNS,
                 "TABLE_CAT u?\nTABLE_SCHEM u?\nTABLE_NAME u\nCOLUMN_NAME u\nDATA_TYPE i\n"
                 "TYPE_NAME u\nCOLUMN_SIZE i?\nBUFFER_LENGTH c?\nDECIMAL_DIGITS i?\n"
                 "NUM_PREC_RADIX i?\nNULLABLE i\nREMARKS u?\nCOLUMN_DEF u?\nSQL_DATA_TYPE i?\n"
                 "SQL_DATETIME_SUB i?\nCHAR_OCTET_LENGTH i?\nORDINAL_POSITION i?\n"
                 "IS_NULLABLE u\nSCOPE_CATALOG u?\nSCOPE_SCHEMA u?\nSCOPE_TABLE u?\n"
                 "SOURCE_DATA_TYPE s?\nIS_AUTO_INCREMENT u\n");
    check_schema(DBK_METADATA_FUNCTIONS,
                 "FUNCTION_CAT u?\nFUNCTION_SCHEM u?\nFUNCTION_NAME u\nREMARKS u?\n"
                 "FUNCTION_TYPE s?\nSPECIFIC_NAME u?\n");
    check_schema(DBK_METADATA_PROCEDURES,
                 "PROCEDURE_CAT u?\nPROCEDURE_SCHEM u?\nPROCEDURE_NAME u\nRESERVED1 u?\n"
                 "RESERVED2 u?\nRESERVED3 u?\nREMARKS u?\nPROCEDURE_TYPE s?\n"
                 "SPECIFIC_NAME u?\n");
    check_schema(DBK_METADATA_PROCEDURE_COLUMNS,
                 "PROCEDURE_CAT u?\nPROCEDURE_SCHEM u?\nPROCEDURE_NAME u\nCOLUMN_NAME u?\n"
                 "COLUMN_TYPE s\nDATA_TYPE i\nTYPE_NAME u?\nPRECISION i?\nLENGTH i?\nSCALE s?\n"
                 "RADIX s?\nNULLABLE i\nREMARKS u?\nCOLUMN_DEF u?\nSQL_DATA_TYPE i?\n"
                 "SQL_DATETIME_SUB i?\nCHAR_OCTET_LENGTH i?\nORDINAL_POSITION i\n"
                 "IS_NULLABLE u?\nSPECIFIC_NAME u?\n");
    check_schema(DBK_METADATA_PRIMARY_KEYS,
                 "TABLE_CAT u?\nTABLE_SCHEM u?\nTABLE_NAME u\nCOLUMN_NAME u\nKEY_SEQ i?\n"
                 "PK_NAME u?\n");
    check_schema(DBK_METADATA_FOREIGN_KEYS,
                 "PKTABLE_CAT u?\nPKTABLE_SCHEM u?\nPKTABLE_NAME u\nPKCOLUMN_NAME u\n"
                 "FKTABLE_CAT u?\nFKTABLE_SCHEM u?\nFKTABLE_NAME u\nFKCOLUMN_NAME u\n"
                 "KEY_SEQ i?\nUPDATE_RULE s?\nDELETE_RULE s?\nFK_NAME u?\nPK_NAME u?\n"
                 "DEFERRABILITY s?\n");
    check_schema(DBK_METADATA_TABLE_TYPES, "TABLE_TYPE u\n");
    check_schema(DBK_METADATA_TYPE_INFO,
                 "TYPE_NAME u?\nDATA_TYPE i?\nPRECISION i?\nLITERAL_PREFIX u?\n"
                 "LITERAL_SUFFIX u?\nCREATE_PARAMS u?\nNULLABLE s?\nCASE_SENSITIVE b?\n"
                 "SEARCHABLE s?\nUNSIGNED_ATTRIBUTE b?\nFIXED_PREC_SCALE b?\nAUTO_INCREMENT b?\n"
                 "LOCAL_TYPE_NAME u?\nMINIMUM_SCALE s?\nMAXIMUM_SCALE s?\nSQL_DATA_TYPE i?\n"
                 "SQL_DATETIME_SUB i?\nNUM_PREC_RADIX i?\n");
}

/* ---- static results ---- */

static void check_static(dbk_metadata_call call, const char *want) {
    dbk_error err = {0};
    dbk_buf got = {0};
    dbk_buf scratch = {0};
    dbk_schema *s = NULL;
    dbk_batch *b = NULL;
    CHECK_OK(dbk_metadata_schema(call, &s, &err), &err);
    CHECK_OK(dbk_metadata_static(call, s, &b, &err), &err);
    for (int64_t row = 0; row < dbk_batch_row_count(b); row++) {
        for (size_t i = 0; i < dbk_schema_column_count(s); i++) {
            dbk_slice text = {0};
            CHECK_OK(dbk_batch_text(b, i, row, &scratch, &text, &err), &err);
            CHECK_OK(dbk_buf_puts(&got, i > 0 ? "|" : "", &err), &err);
            CHECK_OK(dbk_buf_put_slice(&got, text.ptr != NULL ? text : DBK_SLICE("~"), &err), &err);
        }
        CHECK_OK(dbk_buf_puts(&got, "\n", &err), &err);
    }
    CHECK_SLICE(got, want);
    dbk_batch_unref(b);
    dbk_schema_unref(s);
    dbk_buf_reset(&got);
    dbk_buf_reset(&scratch);
}

DBK_TEST(static_results) {
    check_static(DBK_METADATA_TABLE_TYPES, "SYSTEM TABLE\nTABLE\nVIEW\nMETRIC_VIEW\n");
    check_static(DBK_METADATA_TYPE_INFO,
                 "VOID|0|~|~|~|~|1|false|3|true|false|false|~|0|0|~|~|~\n"
                 "BOOLEAN|16|~|~|~|~|1|false|3|true|false|false|~|0|0|~|~|~\n"
                 "STRING|12|~|~|~|~|1|true|3|true|false|false|~|0|0|~|~|~\n"
                 "BINARY|-2|~|~|~|~|1|false|3|true|false|false|~|0|0|~|~|~\n"
                 "TINYINT|-6|3|~|~|~|1|false|3|false|false|false|~|0|0|~|~|10\n"
                 "SMALLINT|5|5|~|~|~|1|false|3|false|false|false|~|0|0|~|~|10\n"
                 "INT|4|10|~|~|~|1|false|3|false|false|false|~|0|0|~|~|10\n"
                 "BIGINT|-5|19|~|~|~|1|false|3|false|false|false|~|0|0|~|~|10\n"
                 "FLOAT|6|7|~|~|~|1|false|3|false|false|false|~|0|0|~|~|10\n"
                 "DOUBLE|8|15|~|~|~|1|false|3|false|false|false|~|0|0|~|~|10\n"
                 "DECIMAL|3|38|~|~|~|1|false|3|false|false|false|~|0|0|~|~|10\n"
                 "DATE|91|~|~|~|~|1|false|3|true|false|false|~|0|0|~|~|~\n"
                 "TIMESTAMP|93|~|~|~|~|1|false|3|true|false|false|~|0|0|~|~|~\n"
                 "ARRAY|2003|~|~|~|~|1|false|0|true|false|false|~|0|0|~|~|~\n"
                 "MAP|2000|~|~|~|~|1|false|0|true|false|false|~|0|0|~|~|~\n"
                 "STRUCT|2002|~|~|~|~|1|false|0|true|false|false|~|0|0|~|~|~\n"
                 "CHAR|1|~|~|~|~|1|false|3|true|false|false|~|0|0|~|~|~\n"
                 "VARCHAR|12|~|~|~|~|1|false|3|true|false|false|~|0|0|~|~|~\n"
                 "INTERVAL_YEAR_MONTH|1111|~|~|~|~|1|false|3|true|false|false|~|0|0|~|~|~\n"
                 "INTERVAL_DAY_TIME|1111|~|~|~|~|1|false|3|true|false|false|~|0|0|~|~|~\n");
}

DBK_OOM_TEST(static_results_without_memory) {
    dbk_status st = DBK_OK;
    dbk_schema *s = NULL;
    dbk_batch *b = NULL;
    DBK_TRY(dbk_metadata_schema(DBK_METADATA_TYPE_INFO, &s, err));
    DBK_TRY(dbk_metadata_static(DBK_METADATA_TYPE_INFO, s, &b, err));
done:
    CHECK(st == DBK_OK || b == NULL);
    dbk_batch_unref(b);
    dbk_schema_unref(s);
    return st;
}

/* ---- types ---- */

DBK_TEST(codes_of_types) {
    static const struct {
        const char *names; /* with ; between */
        int32_t code;
    } rows[] = {
        {"BOOLEAN;BOOL;boolean", 16},
        {"TINYINT;BYTE", -6},
        {"SMALLINT;SHORT", 5},
        {"INT;INTEGER; int ", 4},
        {"BIGINT;LONG", -5},
        {"FLOAT;REAL", 6},
        {"DOUBLE", 8},
        {"DECIMAL;DEC;NUMERIC;decimal(10,2);DECIMAL (1)", 3},
        {"STRING;TEXT;VARCHAR;VARCHAR(10);INTERVAL;VOID;NULL", 12},
        {"CHAR;CHAR(3)", 1},
        {"BINARY;VARBINARY", -2},
        {"DATE", 91},
        {"TIMESTAMP;TIMESTAMP_NTZ;TIMESTAMP_LTZ;TIMESTAMP(6)", 93},
        {"ARRAY;ARRAY<INT>", 2003},
        {"MAP;MAP<STRING,INT>", 2000},
        {"STRUCT;struct<a:int>", 2002},
        {"INTERVAL YEAR TO MONTH;INTERVAL DAY;VARIANT;OBJECT;GEOMETRY(1);GEOGRAPHY(1);TIME;"
         "STRING COLLATE x;INT NOT NULL;;BOOLEAN BOOL;BOOLEA;BOOLEANS;x",
         1111},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        dbk_slice rest = dbk_slice_of(rows[i].names);
        dbk_slice name = {0};
        for (bool more = true; more;) {
            more = dbk_slice_split(&rest, ';', &name);
            name = more ? name : rest;
            CHECK_CASE(name.ptr);
            CHECK_EQ_I64(dbk_metadata_type_code(name), rows[i].code);
        }
    }
}
