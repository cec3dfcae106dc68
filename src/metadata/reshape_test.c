#include "unit.h"

#include "metadata/parts.h"

#include <stdio.h>

static const dbk_block_owner nobody = {0};

/* The server's batch: "name TYPE, name TYPE" and rows as JSON. */
static dbk_batch *server_batch(const char *columns, const char *rows_json) {
    dbk_error err = {0};
    dbk_column_desc list[16];
    memset(list, 0, sizeof list);
    size_t count = 0;
    dbk_slice rest = dbk_slice_of(columns);
    for (bool more = rest.len > 0; more;) {
        dbk_slice item = {0};
        more = dbk_slice_split(&rest, ',', &item);
        item = dbk_slice_trim(more ? item : rest);
        CHECK(dbk_slice_split(&item, ' ', &list[count].name));
        list[count].type_text = item;
        list[count].position = (int64_t)count;
        count++;
    }
    dbk_schema *schema = NULL;
    dbk_batch *b = NULL;
    json_t *rows = NULL;
    CHECK_OK(dbk_schema_plain(list, count, &schema, &err), &err);
    CHECK_OK(dbk_json_parse(dbk_slice_of(rows_json), &rows, &err), &err);
    CHECK_OK(dbk_batch_from_json(schema, rows, nobody, &b, &err), &err);
    json_decref(rows);
    dbk_schema_unref(schema);
    return b;
}

/* Cells of a row with | between, null as ~; rows with a line end behind each. */
static void render(const dbk_batch *b, dbk_buf *out) {
    dbk_error err = {0};
    dbk_buf scratch = {0};
    size_t columns = dbk_schema_column_count(dbk_batch_schema(b));
    for (int64_t row = 0; row < dbk_batch_row_count(b); row++) {
        for (size_t i = 0; i < columns; i++) {
            dbk_slice text = {0};
            CHECK_OK(dbk_batch_text(b, i, row, &scratch, &text, &err), &err);
            CHECK_OK(dbk_buf_puts(out, i > 0 ? "|" : "", &err), &err);
            CHECK_OK(dbk_buf_put_slice(out, text.ptr != NULL ? text : DBK_SLICE("~"), &err), &err);
        }
        CHECK_OK(dbk_buf_puts(out, "\n", &err), &err);
    }
    dbk_buf_reset(&scratch);
}

static dbk_schema *schema_of(dbk_metadata_call call) {
    dbk_error err = {0};
    dbk_schema *s = NULL;
    CHECK_OK(dbk_metadata_schema(call, &s, &err), &err);
    return s;
}

static void check_render(const dbk_batch *b, const char *want) {
    dbk_buf got = {0};
    render(b, &got);
    CHECK_SLICE(got, want);
    dbk_buf_reset(&got);
}

static const struct reshape_row {
    const char *what;
    dbk_metadata_call call;
    const char *catalog; /* asked; NULL: all */
    const char *columns, *rows, *want;
} reshapes[] = {
    {"catalogs", DBK_METADATA_CATALOGS, NULL, "catalog STRING", "[[\"a\"],[null]]", "a\n~\n"},
    {"catalogs without the column", DBK_METADATA_CATALOGS, NULL, "x STRING", "[[\"a\"]]", "~\n"},
    /* spec 8 (a) */
    {"schemas of one catalog", DBK_METADATA_SCHEMAS, "main", "databaseName STRING",
     "[[\"d\"],[\"e\"]]", "d|main\ne|main\n"},
    {"schemas of all", DBK_METADATA_SCHEMAS, NULL, "catalog STRING, databaseName STRING",
     "[[\"c\",\"d\"],[null,\"e\"]]", "d|c\ne|~\n"},
    {"a catalog column that is null stays so", DBK_METADATA_SCHEMAS, "main",
     "catalog STRING, databaseName STRING", "[[null,\"e\"]]", "e|~\n"},
    {"schemas of all without the column", DBK_METADATA_SCHEMAS, NULL, "databaseName STRING",
     "[[\"d\"]]", "d|~\n"},
    {"names are case-sensitive", DBK_METADATA_SCHEMAS, "main",
     "Catalog STRING, databaseName STRING", "[[\"x\",\"d\"]]", "d|main\n"},
    {"tables", DBK_METADATA_TABLES, "c",
     "isTemporary BOOLEAN, tableName STRING, namespace STRING, catalogName STRING, tableType "
     "STRING, remarks STRING, information STRING",
     "[[\"false\",\"t\",\"s\",\"k\",\"VIEW\",\"r\",\"i\"]]", "k|s|t|VIEW|r|~|~|~|~|~\n"},
    {"tables, little told", DBK_METADATA_TABLES, "c", "tableName STRING", "[[\"t\"]]",
     "c|~|t|TABLE||~|~|~|~|~\n"},
    {"table types", DBK_METADATA_TABLES, NULL, "tableName STRING, tableType STRING, remarks STRING",
     "[[\"t\",\"\",null],[\"u\",null,\"\"],[\"v\",\"X\",\"r\"]]",
     "~|~|t|TABLE||~|~|~|~|~\n~|~|u|TABLE||~|~|~|~|~\n~|~|v|X|r|~|~|~|~|~\n"},
    /* spec 8 (c) */
    {"columns", DBK_METADATA_COLUMNS, "c",
     "tableName STRING, col_name STRING, columnType STRING, columnSize INT, decimalDigits INT, "
     "radix INT, isNullable STRING, remarks STRING, ordinalPosition INT, isAutoIncrement STRING, "
     "namespace STRING",
     "[[\"t\",\"a\",\"DECIMAL(10,2)\",\"10\",\"2\",\"10\",\"true\",\"r\",\"0\",\"true\",\"s\"],"
     "[\"t\",\"b\",\"int\",null,null,null,\"false\",null,\"1\",\"false\",\"s\"],"
     "[\"t\",\"c\",\"VARIANT\",null,null,null,\"YES\",null,\"2\",\"YES\",\"s\"],"
     "[\"t\",\"d\",\"\",null,null,null,null,null,null,null,null]]",
     "c|s|t|a|3|DECIMAL(10,2)|10|~|2|10|1|r|~|~|~|~|0|YES|~|~|~|~|YES\n"
     "c|s|t|b|4|int|~|~|~|~|0||~|~|~|~|1|NO|~|~|~|~|NO\n"
     "c|s|t|c|1111|VARIANT|~|~|~|~|2||~|~|~|~|2||~|~|~|~|NO\n"
     "c|~|t|d|1111||~|~|~|~|2||~|~|~|~|~||~|~|~|~|NO\n"},
    {"casts", DBK_METADATA_COLUMNS, "c",
     "tableName INT, col_name BIGINT, columnType STRING, columnSize STRING, decimalDigits "
     "BIGINT, radix DOUBLE, isNullable BOOLEAN, ordinalPosition STRING, isAutoIncrement BOOLEAN",
     "[[\"1\",\"2\",\"BIGINT\",\"12\",\"99999999999\",\"2.9\",\"true\",\"x\",\"true\"],"
     "[\"1\",\"3\",\"BIGINT\",\"99999999999\",\"-1\",\"NaN\",\"false\",\"7\",\"false\"]]",
     "c|~|1|2|-5|BIGINT|12|~|~|2|1||~|~|~|~|~|YES|~|~|~|~|YES\n"
     "c|~|1|3|-5|BIGINT|~|~|-1|~|0||~|~|~|~|7|NO|~|~|~|~|NO\n"},
    {"functions", DBK_METADATA_FUNCTIONS, NULL,
     "routine_name STRING, routine_catalog STRING, routine_schema STRING, comment STRING, "
     "specific_name STRING",
     "[[\"f\",\"c\",\"s\",\"r\",\"n\"],[\"g\",null,null,null,null]]", "c|s|f|r|1|n\n~|~|g|~|1|~\n"},
    {"procedures", DBK_METADATA_PROCEDURES, NULL,
     "routine_catalog STRING, routine_schema STRING, routine_name STRING, comment STRING, "
     "specific_name STRING",
     "[[\"c\",\"s\",\"p\",null,\"n\"]]", "c|s|p|~|~|~|~|1|n\n"},
    {"procedure columns", DBK_METADATA_PROCEDURE_COLUMNS, NULL,
     "specific_catalog STRING, specific_schema STRING, specific_name STRING, parameter_name "
     "STRING, parameter_mode STRING, is_result STRING, data_type STRING, numeric_precision INT, "
     "numeric_scale INT, character_octet_length INT, ordinal_position INT, comment STRING",
     "[[\"c\",\"s\",\"p\",\"a\",\"IN\",\"NO\",\"DECIMAL\",\"10\",\"2\",null,\"1\",\"r\"],"
     "[\"c\",\"s\",\"p\",\"b\",\"INOUT\",null,\"double\",null,\"99999\",\"5\",\"2\",null],"
     "[\"c\",\"s\",\"p\",\"c\",\"OUT\",\"\",null,null,null,null,\"3\",null],"
     "[\"c\",\"s\",\"p\",null,\"in\",\"no\",\"STRING\",null,null,null,\"4\",null],"
     "[\"c\",\"s\",\"p\",null,\"OUT\",\"Yes\",\"REAL(1)\",null,null,null,\"0\",null]]",
     "c|s|p|a|1|3|DECIMAL|10|~|2|10|2|r|~|~|~|~|1||p\n"
     "c|s|p|b|2|8|double|~|~|~|2|2|~|~|~|~|5|2||p\n"
     "c|s|p|c|4|1111|~|~|~|~|~|2|~|~|~|~|~|3||p\n"
     "c|s|p|~|0|12|STRING|~|~|~|~|2|~|~|~|~|~|4||p\n"
     "c|s|p|~|5|6|REAL(1)|~|~|~|2|2|~|~|~|~|~|0||p\n"},
    {"procedure columns, little told", DBK_METADATA_PROCEDURE_COLUMNS, "c",
     "specific_name STRING, ordinal_position INT", "[[\"p\",\"1\"]]",
     "~|~|p|~|0|1111|~|~|~|~|~|2|~|~|~|~|~|1||p\n"},
    /* spec 8 (g) */
    {"primary keys", DBK_METADATA_PRIMARY_KEYS, "c",
     "keySeq INT, col_name STRING, constraintName STRING, tableName STRING, namespace STRING",
     "[[\"1\",\"k\",\"pk\",\"t\",\"s\"]]", "~|s|t|k|1|pk\n"},
    {"foreign keys", DBK_METADATA_FOREIGN_KEYS, "c",
     "parentCatalogName STRING, parentNamespace STRING, parentTableName STRING, parentColName "
     "STRING, catalogName STRING, namespace STRING, tableName STRING, col_name STRING, keySeq "
     "INT, updateRule INT, deleteRule INT, constraintName STRING, deferrability INT",
     "[[\"pc\",\"ps\",\"pt\",\"pk\",\"c\",\"s\",\"t\",\"k\",\"1\",\"3\",\"3\",\"fk\",\"7\"]]",
     "pc|ps|pt|pk|c|s|t|k|1|~|~|fk|~|7\n"},
    {"no rows, no columns", DBK_METADATA_FOREIGN_KEYS, "c", "", "[]", ""},
};

DBK_TEST(server_rows_to_results) {
    for (size_t i = 0; i < COUNT_OF(reshapes); i++) {
        dbk_error err = {0};
        dbk_batch *out = NULL;
        dbk_metadata_request r = {.call = reshapes[i].call};
        CHECK_CASE(reshapes[i].what);
        dbk_batch *in = server_batch(reshapes[i].columns, reshapes[i].rows);
        dbk_schema *schema = schema_of(r.call);
        CHECK_OK(
            dbk_metadata_reshape(&r, schema, dbk_slice_of(reshapes[i].catalog), in, &out, &err),
            &err);
        CHECK(dbk_batch_schema(out) == schema);
        check_render(out, reshapes[i].want);
        dbk_batch_unref(out);
        dbk_batch_unref(in);
        dbk_schema_unref(schema);
    }
}

DBK_TEST(what_must_be_there) {
    static const struct {
        dbk_metadata_call call;
        const char *columns, *rows, *name;
    } rows[] = {
        {DBK_METADATA_SCHEMAS, "catalog STRING", "[[\"a\"]]", "TABLE_SCHEM"},
        {DBK_METADATA_SCHEMAS, "databaseName STRING", "[[\"a\"],[null]]", "TABLE_SCHEM"},
        {DBK_METADATA_SCHEMAS, "databasename STRING", "[[\"a\"]]", "TABLE_SCHEM"},
        {DBK_METADATA_TABLES, "x STRING", "[[\"a\"]]", "TABLE_NAME"},
        {DBK_METADATA_COLUMNS, "tableName STRING", "[[\"a\"]]", "COLUMN_NAME"},
        {DBK_METADATA_COLUMNS, "tableName STRING, col_name STRING", "[[\"a\",\"b\"]]", "TYPE_NAME"},
        {DBK_METADATA_FUNCTIONS, "x STRING", "[[\"a\"]]", "FUNCTION_NAME"},
        {DBK_METADATA_PROCEDURES, "x STRING", "[[\"a\"]]", "PROCEDURE_NAME"},
        {DBK_METADATA_PROCEDURE_COLUMNS, "specific_name STRING, ordinal_position STRING",
         "[[\"a\",\"x\"]]", "ORDINAL_POSITION"},
        {DBK_METADATA_PRIMARY_KEYS, "tableName STRING", "[[\"a\"]]", "COLUMN_NAME"},
        {DBK_METADATA_FOREIGN_KEYS, "x STRING", "[[\"a\"]]", "PKTABLE_NAME"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char want[256];
        dbk_error err = {0};
        dbk_batch *out = NULL;
        dbk_metadata_request r = {.call = rows[i].call};
        CHECK_CASE(rows[i].name);
        dbk_batch *in = server_batch(rows[i].columns, rows[i].rows);
        dbk_schema *schema = schema_of(r.call);
        (void)snprintf(want, sizeof want,
                       "reshape %s: Invalid argument error: Column '%s' is declared as "
                       "non-nullable but contains null values",
                       dbk_metadata_word(r.call), rows[i].name);
        CHECK_EQ_I64(dbk_metadata_reshape(&r, schema, (dbk_slice){0}, in, &out, &err),
                     DBK_DATA_LOSS);
        CHECK_STR(dbk_error_message(&err), want);
        CHECK(out == NULL);
        dbk_error_reset(&err);
        dbk_batch_unref(in);
        dbk_schema_unref(schema);
    }
}

DBK_TEST(keys_of_one_parent) {
    static const struct {
        const char *catalog, *schema, *table, *want;
    } rows[] = {
        {NULL, NULL, NULL, "123"}, {"PC", "ps", "Pt", "1"}, {NULL, NULL, "other", "2"},
        {"pc", NULL, NULL, "12"},  {"x", NULL, NULL, ""},   {NULL, "ps", NULL, "123"},
    };
    dbk_batch *in = server_batch(
        "parentCatalogName STRING, parentNamespace STRING, parentTableName STRING, parentColName "
        "STRING, tableName STRING, col_name STRING, keySeq INT",
        "[[\"pc\",\"ps\",\"pt\",\"k\",\"t\",\"c\",\"1\"],"
        "[\"pc\",\"ps\",\"other\",\"k\",\"t\",\"c\",\"2\"],"
        "[null,\"ps\",\"pt\",\"k\",\"t\",\"c\",\"3\"]]");
    dbk_schema *schema = schema_of(DBK_METADATA_FOREIGN_KEYS);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        dbk_error err = {0};
        dbk_batch *out = NULL;
        dbk_buf scratch = {0};
        char got[8] = "";
        dbk_metadata_request r = {
            .call = DBK_METADATA_FOREIGN_KEYS,
            .filter_parent = true,
            .parent_catalog = dbk_slice_of(rows[i].catalog),
            .parent_schema = dbk_slice_of(rows[i].schema),
            .parent_table = dbk_slice_of(rows[i].table),
        };
        CHECK_CASE(rows[i].want);
        CHECK_OK(dbk_metadata_reshape(&r, schema, (dbk_slice){0}, in, &out, &err), &err);
        for (int64_t row = 0; row < dbk_batch_row_count(out); row++) {
            dbk_slice text = {0};
            CHECK_OK(dbk_batch_text(out, 8, row, &scratch, &text, &err), &err); /* KEY_SEQ */
            got[row] = text.ptr[0];
        }
        CHECK_STR(got, rows[i].want);
        dbk_buf_reset(&scratch);
        dbk_batch_unref(out);
    }
    dbk_batch_unref(in);
    dbk_schema_unref(schema);
}

DBK_OOM_TEST(reshaping_without_memory) {
    dbk_status st = DBK_OK;
    static dbk_batch *in; /* made once, before allocations fail */
    if (in == NULL) {
        dbk_alloc_fail_after(0);
        in = server_batch("parentTableName STRING, parentColName STRING, tableName STRING, "
                          "col_name STRING, keySeq BIGINT",
                          "[[\"p\",\"q\",\"t\",\"c\",\"1\"],[\"p\",\"q\",\"t\",\"d\",\"2\"]]");
        dbk_alloc_fail_after(1);
    }
    dbk_schema *schema = NULL;
    dbk_batch *out = NULL;
    dbk_metadata_request r = {
        .call = DBK_METADATA_FOREIGN_KEYS, .filter_parent = true, .parent_table = DBK_SLICE("p")};
    DBK_TRY(dbk_metadata_schema(r.call, &schema, err));
    DBK_TRY(dbk_metadata_reshape(&r, schema, (dbk_slice){0}, in, &out, err));
    CHECK_EQ_I64(dbk_batch_row_count(out), 2);
    dbk_batch_unref(in);
    in = NULL;
done:
    CHECK(st == DBK_OK || out == NULL);
    dbk_batch_unref(out);
    dbk_schema_unref(schema);
    return st;
}
