#include "metadata/parts.h"

/* The columns of every result: spec metadata.md 4 [ran]. */

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* One line per column: name, type, nullable?, rule, source. */
#define ALWAYS       false
#define NULLABLE     true
#define NO_SOURCE    NULL, 0
#define FROM(source) source, 0
#define NULLS(name, type) \
    { name, type, NULLABLE, DBK_CELL_NULL, NO_SOURCE }
#define FIXED(name, type, nullable, value) \
    { name, type, nullable, DBK_CELL_CONST, NULL, value }

static const dbk_shape_column catalogs[] = {
    {"TABLE_CAT", 'u', NULLABLE, DBK_CELL_COPY, FROM("catalog")},
};

static const dbk_shape_column schemas[] = {
    {"TABLE_SCHEM", 'u', ALWAYS, DBK_CELL_COPY, FROM("databaseName")},
    {"TABLE_CATALOG", 'u', NULLABLE, DBK_CELL_CATALOG, FROM("catalog")},
};

/* Sorted by the columns of sort.c. */
static const dbk_shape_column tables[] = {
    {"TABLE_CAT", 'u', NULLABLE, DBK_CELL_CATALOG, FROM("catalogName")},
    {"TABLE_SCHEM", 'u', NULLABLE, DBK_CELL_COPY, FROM("namespace")},
    {"TABLE_NAME", 'u', ALWAYS, DBK_CELL_COPY, FROM("tableName")},
    {"TABLE_TYPE", 'u', ALWAYS, DBK_CELL_TABLE_TYPE, FROM("tableType")},
    {"REMARKS", 'u', NULLABLE, DBK_CELL_OR_EMPTY, FROM("remarks")},
    NULLS("TYPE_CAT", 'u'),
    NULLS("TYPE_SCHEM", 'u'),
    NULLS("TYPE_NAME", 'u'),
    NULLS("SELF_REFERENCING_COL_NAME", 'u'),
    NULLS("REF_GENERATION", 'u'),
};

static const dbk_shape_column columns[] = {
    {"TABLE_CAT", 'u', NULLABLE, DBK_CELL_CATALOG, FROM("catalogName")},
    {"TABLE_SCHEM", 'u', NULLABLE, DBK_CELL_COPY, FROM("namespace")},
    {"TABLE_NAME", 'u', ALWAYS, DBK_CELL_COPY, FROM("tableName")},
    {"COLUMN_NAME", 'u', ALWAYS, DBK_CELL_COPY, FROM("col_name")},
    {"DATA_TYPE", 'i', ALWAYS, DBK_CELL_TYPE_CODE, FROM("columnType")},
    {"TYPE_NAME", 'u', ALWAYS, DBK_CELL_COPY, FROM("columnType")},
    {"COLUMN_SIZE", 'i', NULLABLE, DBK_CELL_COPY, FROM("columnSize")},
    NULLS("BUFFER_LENGTH", 'c'),
    {"DECIMAL_DIGITS", 'i', NULLABLE, DBK_CELL_COPY, FROM("decimalDigits")},
    {"NUM_PREC_RADIX", 'i', NULLABLE, DBK_CELL_COPY, FROM("radix")},
    {"NULLABLE", 'i', ALWAYS, DBK_CELL_NULLABLE, FROM("isNullable")},
    {"REMARKS", 'u', NULLABLE, DBK_CELL_OR_EMPTY, FROM("remarks")},
    NULLS("COLUMN_DEF", 'u'),
    NULLS("SQL_DATA_TYPE", 'i'),
    NULLS("SQL_DATETIME_SUB", 'i'),
    NULLS("CHAR_OCTET_LENGTH", 'i'),
    {"ORDINAL_POSITION", 'i', NULLABLE, DBK_CELL_COPY, FROM("ordinalPosition")},
    {"IS_NULLABLE", 'u', ALWAYS, DBK_CELL_IS_NULLABLE, FROM("isNullable")},
    NULLS("SCOPE_CATALOG", 'u'),
    NULLS("SCOPE_SCHEMA", 'u'),
    NULLS("SCOPE_TABLE", 'u'),
    NULLS("SOURCE_DATA_TYPE", 's'),
    {"IS_AUTO_INCREMENT", 'u', ALWAYS, DBK_CELL_YES_NO, FROM("isAutoIncrement")},
};

static const dbk_shape_column functions[] = {
    {"FUNCTION_CAT", 'u', NULLABLE, DBK_CELL_COPY, FROM("routine_catalog")},
    {"FUNCTION_SCHEM", 'u', NULLABLE, DBK_CELL_COPY, FROM("routine_schema")},
    {"FUNCTION_NAME", 'u', ALWAYS, DBK_CELL_COPY, FROM("routine_name")},
    {"REMARKS", 'u', NULLABLE, DBK_CELL_COPY, FROM("comment")},
    FIXED("FUNCTION_TYPE", 's', NULLABLE, 1),
    {"SPECIFIC_NAME", 'u', NULLABLE, DBK_CELL_COPY, FROM("specific_name")},
};

static const dbk_shape_column procedures[] = {
    {"PROCEDURE_CAT", 'u', NULLABLE, DBK_CELL_COPY, FROM("routine_catalog")},
    {"PROCEDURE_SCHEM", 'u', NULLABLE, DBK_CELL_COPY, FROM("routine_schema")},
    {"PROCEDURE_NAME", 'u', ALWAYS, DBK_CELL_COPY, FROM("routine_name")},
    NULLS("RESERVED1", 'u'),
    NULLS("RESERVED2", 'u'),
    NULLS("RESERVED3", 'u'),
    {"REMARKS", 'u', NULLABLE, DBK_CELL_COPY, FROM("comment")},
    FIXED("PROCEDURE_TYPE", 's', NULLABLE, 1),
    {"SPECIFIC_NAME", 'u', NULLABLE, DBK_CELL_COPY, FROM("specific_name")},
};

static const dbk_shape_column procedure_columns[] = {
    {"PROCEDURE_CAT", 'u', NULLABLE, DBK_CELL_COPY, FROM("specific_catalog")},
    {"PROCEDURE_SCHEM", 'u', NULLABLE, DBK_CELL_COPY, FROM("specific_schema")},
    {"PROCEDURE_NAME", 'u', ALWAYS, DBK_CELL_COPY, FROM("specific_name")},
    {"COLUMN_NAME", 'u', NULLABLE, DBK_CELL_COPY, FROM("parameter_name")},
    {"COLUMN_TYPE", 's', ALWAYS, DBK_CELL_PARAM_KIND, FROM("parameter_mode")},
    {"DATA_TYPE", 'i', ALWAYS, DBK_CELL_TYPE_CODE, FROM("data_type")},
    {"TYPE_NAME", 'u', NULLABLE, DBK_CELL_COPY, FROM("data_type")},
    {"PRECISION", 'i', NULLABLE, DBK_CELL_COPY, FROM("numeric_precision")},
    NULLS("LENGTH", 'i'),
    {"SCALE", 's', NULLABLE, DBK_CELL_COPY, FROM("numeric_scale")},
    {"RADIX", 's', NULLABLE, DBK_CELL_RADIX, FROM("data_type")},
    FIXED("NULLABLE", 'i', ALWAYS, 2),
    {"REMARKS", 'u', NULLABLE, DBK_CELL_COPY, FROM("comment")},
    NULLS("COLUMN_DEF", 'u'),
    NULLS("SQL_DATA_TYPE", 'i'),
    NULLS("SQL_DATETIME_SUB", 'i'),
    {"CHAR_OCTET_LENGTH", 'i', NULLABLE, DBK_CELL_COPY, FROM("character_octet_length")},
    {"ORDINAL_POSITION", 'i', ALWAYS, DBK_CELL_COPY, FROM("ordinal_position")},
    {"IS_NULLABLE", 'u', NULLABLE, DBK_CELL_EMPTY, NO_SOURCE},
    {"SPECIFIC_NAME", 'u', NULLABLE, DBK_CELL_COPY, FROM("specific_name")},
};

static const dbk_shape_column primary_keys[] = {
    {"TABLE_CAT", 'u', NULLABLE, DBK_CELL_COPY, FROM("catalogName")},
    {"TABLE_SCHEM", 'u', NULLABLE, DBK_CELL_COPY, FROM("namespace")},
    {"TABLE_NAME", 'u', ALWAYS, DBK_CELL_COPY, FROM("tableName")},
    {"COLUMN_NAME", 'u', ALWAYS, DBK_CELL_COPY, FROM("col_name")},
    {"KEY_SEQ", 'i', NULLABLE, DBK_CELL_COPY, FROM("keySeq")},
    {"PK_NAME", 'u', NULLABLE, DBK_CELL_COPY, FROM("constraintName")},
};

/* updateRule and deleteRule of the server are ignored, as the peer does. */
static const dbk_shape_column foreign_keys[] = {
    {"PKTABLE_CAT", 'u', NULLABLE, DBK_CELL_COPY, FROM("parentCatalogName")},
    {"PKTABLE_SCHEM", 'u', NULLABLE, DBK_CELL_COPY, FROM("parentNamespace")},
    {"PKTABLE_NAME", 'u', ALWAYS, DBK_CELL_COPY, FROM("parentTableName")},
    {"PKCOLUMN_NAME", 'u', ALWAYS, DBK_CELL_COPY, FROM("parentColName")},
    {"FKTABLE_CAT", 'u', NULLABLE, DBK_CELL_COPY, FROM("catalogName")},
    {"FKTABLE_SCHEM", 'u', NULLABLE, DBK_CELL_COPY, FROM("namespace")},
    {"FKTABLE_NAME", 'u', ALWAYS, DBK_CELL_COPY, FROM("tableName")},
    {"FKCOLUMN_NAME", 'u', ALWAYS, DBK_CELL_COPY, FROM("col_name")},
    {"KEY_SEQ", 'i', NULLABLE, DBK_CELL_COPY, FROM("keySeq")},
    NULLS("UPDATE_RULE", 's'),
    NULLS("DELETE_RULE", 's'),
    {"FK_NAME", 'u', NULLABLE, DBK_CELL_COPY, FROM("constraintName")},
    NULLS("PK_NAME", 'u'),
    {"DEFERRABILITY", 's', NULLABLE, DBK_CELL_COPY, FROM("deferrability")},
};

static const dbk_shape_column table_types[] = {
    {"TABLE_TYPE", 'u', ALWAYS, DBK_CELL_NULL, NO_SOURCE}, /* rows: static.c */
};

static const dbk_shape_column type_info[] = {
    NULLS("TYPE_NAME", 'u'),
    NULLS("DATA_TYPE", 'i'),
    NULLS("PRECISION", 'i'),
    NULLS("LITERAL_PREFIX", 'u'),
    NULLS("LITERAL_SUFFIX", 'u'),
    NULLS("CREATE_PARAMS", 'u'),
    FIXED("NULLABLE", 's', NULLABLE, 1),
    NULLS("CASE_SENSITIVE", 'b'),
    NULLS("SEARCHABLE", 's'),
    NULLS("UNSIGNED_ATTRIBUTE", 'b'),
    FIXED("FIXED_PREC_SCALE", 'b', NULLABLE, 0),
    FIXED("AUTO_INCREMENT", 'b', NULLABLE, 0),
    NULLS("LOCAL_TYPE_NAME", 'u'),
    FIXED("MINIMUM_SCALE", 's', NULLABLE, 0),
    FIXED("MAXIMUM_SCALE", 's', NULLABLE, 0),
    NULLS("SQL_DATA_TYPE", 'i'),
    NULLS("SQL_DATETIME_SUB", 'i'),
    NULLS("NUM_PREC_RADIX", 'i'),
};

#define SHAPE(columns) \
    { columns, COUNT_OF(columns) }

dbk_shape dbk_metadata_shape(dbk_metadata_call call) {
    static const dbk_shape shapes[] = {
        [DBK_METADATA_CATALOGS] = SHAPE(catalogs),
        [DBK_METADATA_SCHEMAS] = SHAPE(schemas),
        [DBK_METADATA_TABLES] = SHAPE(tables),
        [DBK_METADATA_COLUMNS] = SHAPE(columns),
        [DBK_METADATA_FUNCTIONS] = SHAPE(functions),
        [DBK_METADATA_PROCEDURES] = SHAPE(procedures),
        [DBK_METADATA_PROCEDURE_COLUMNS] = SHAPE(procedure_columns),
        [DBK_METADATA_PRIMARY_KEYS] = SHAPE(primary_keys),
        [DBK_METADATA_FOREIGN_KEYS] = SHAPE(foreign_keys),
        [DBK_METADATA_TABLE_TYPES] = SHAPE(table_types),
        [DBK_METADATA_TYPE_INFO] = SHAPE(type_info),
    };
    return shapes[call];
}

static dbk_slice type_text(char type) {
    switch (type) {
    case 'i':
        return DBK_SLICE("INT");
    case 's':
        return DBK_SLICE("SMALLINT");
    case 'c':
        return DBK_SLICE("TINYINT");
    case 'b':
        return DBK_SLICE("BOOLEAN");
    default:
        return DBK_SLICE("STRING");
    }
}

dbk_status dbk_metadata_schema(dbk_metadata_call call, dbk_schema **out, dbk_error *err) {
    dbk_shape shape = dbk_metadata_shape(call);
    dbk_column_desc *list = dbk_alloc_array(shape.count, sizeof *list);
    if (list == NULL) {
        return dbk_error_oom(err, "the columns of a catalog call");
    }
    for (size_t i = 0; i < shape.count; i++) {
        const dbk_shape_column *c = &shape.columns[i];
        list[i].name = dbk_slice_of(c->name);
        list[i].type_text = type_text(c->type);
        list[i].position = (int64_t)i;
        list[i].required = !c->nullable;
    }
    dbk_status st = dbk_schema_plain(list, shape.count, out, err);
    dbk_free(list);
    return st;
}
