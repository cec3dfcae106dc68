#include "metadata/parts.h"

/* Results that no server is asked for: spec metadata.md 4.1 [ran]. */

static const char *const table_types[] = {"SYSTEM TABLE", "TABLE", "VIEW", "METRIC_VIEW"};

typedef struct type_row {
    const char *name;
    int16_t code;
    int8_t precision; /* 0: null */
    bool case_sensitive;
    int8_t searchable;
    bool is_unsigned;
    int8_t radix; /* 0: null */
} type_row;

static const type_row types[] = {
    {"VOID", 0, 0, false, 3, true, 0},
    {"BOOLEAN", 16, 0, false, 3, true, 0},
    {"STRING", 12, 0, true, 3, true, 0},
    {"BINARY", -2, 0, false, 3, true, 0},
    {"TINYINT", -6, 3, false, 3, false, 10},
    {"SMALLINT", 5, 5, false, 3, false, 10},
    {"INT", 4, 10, false, 3, false, 10},
    {"BIGINT", -5, 19, false, 3, false, 10},
    {"FLOAT", 6, 7, false, 3, false, 10},
    {"DOUBLE", 8, 15, false, 3, false, 10},
    {"DECIMAL", 3, 38, false, 3, false, 10},
    {"DATE", 91, 0, false, 3, true, 0},
    {"TIMESTAMP", 93, 0, false, 3, true, 0},
    {"ARRAY", 2003, 0, false, 0, true, 0},
    {"MAP", 2000, 0, false, 0, true, 0},
    {"STRUCT", 2002, 0, false, 0, true, 0},
    {"CHAR", 1, 0, false, 3, true, 0},
    {"VARCHAR", 12, 0, false, 3, true, 0},
    {"INTERVAL_YEAR_MONTH", 1111, 0, false, 3, true, 0},
    {"INTERVAL_DAY_TIME", 1111, 0, false, 3, true, 0},
};

/* Columns of TYPE_INFO that differ from row to row; the others are in its shape. */
enum {
    TYPE_NAME = 0,
    DATA_TYPE = 1,
    PRECISION = 2,
    CASE_SENSITIVE = 7,
    SEARCHABLE = 8,
    UNSIGNED_ATTRIBUTE = 9,
    NUM_PREC_RADIX = 17
};

static dbk_status put_or_null(dbk_column *c, int64_t v, dbk_error *err) {
    return v == 0 ? dbk_column_put_null(c, err) : dbk_column_put_i64(c, v, err);
}

static dbk_status put_fixed(dbk_column *c, const dbk_shape_column *shape, dbk_error *err) {
    if (shape->rule != DBK_CELL_CONST) {
        return dbk_column_put_null(c, err);
    }
    return shape->type == 'b' ? dbk_column_put_bool(c, shape->value != 0, err)
                              : dbk_column_put_i64(c, shape->value, err);
}

static dbk_status put_type_cell(dbk_column *c, const type_row *row, size_t column,
                                const dbk_shape_column *shape, dbk_error *err) {
    switch (column) {
    case TYPE_NAME:
        return dbk_column_put_text(c, row->name, err);
    case DATA_TYPE:
        return dbk_column_put_i64(c, row->code, err);
    case PRECISION:
        return put_or_null(c, row->precision, err);
    case CASE_SENSITIVE:
        return dbk_column_put_bool(c, row->case_sensitive, err);
    case SEARCHABLE:
        return dbk_column_put_i64(c, row->searchable, err);
    case UNSIGNED_ATTRIBUTE:
        return dbk_column_put_bool(c, row->is_unsigned, err);
    case NUM_PREC_RADIX:
        return put_or_null(c, row->radix, err);
    default:
        return put_fixed(c, shape, err);
    }
}

static dbk_status put_types(dbk_builder *b, dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_shape shape = dbk_metadata_shape(DBK_METADATA_TYPE_INFO);
    for (size_t column = 0; column < shape.count; column++) {
        for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
            DBK_TRY(put_type_cell(dbk_builder_column(b, column), &types[i], column,
                                  &shape.columns[column], err));
        }
    }
done:
    return st;
}

static dbk_status put_table_types(dbk_builder *b, dbk_error *err) {
    dbk_status st = DBK_OK;
    for (size_t i = 0; i < sizeof table_types / sizeof table_types[0]; i++) {
        DBK_TRY(dbk_column_put_text(dbk_builder_column(b, 0), table_types[i], err));
    }
done:
    return st;
}

dbk_status dbk_metadata_static(dbk_metadata_call call, dbk_schema *schema, dbk_batch **out,
                               dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_builder *b = NULL;
    bool is_types = call == DBK_METADATA_TYPE_INFO;
    size_t rows =
        is_types ? sizeof types / sizeof types[0] : sizeof table_types / sizeof table_types[0];
    DBK_TRY(dbk_builder_new(schema, &b, err));
    DBK_TRY(is_types ? put_types(b, err) : put_table_types(b, err));
    DBK_TRY(dbk_builder_finish(b, (int64_t)rows, (dbk_block_owner){0}, out, err));
done:
    dbk_builder_free(b);
    return st;
}
