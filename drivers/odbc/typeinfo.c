#include "odbc.h"

#include <string.h>

/* SQLGetTypeInfo: contract 3.5. No request: the types are the same everywhere. */

static const table_column columns[] = {
    {"TYPE_NAME", NULL, 'u', false, 128},
    {"DATA_TYPE", NULL, 's', false, 0},
    {"COLUMN_SIZE", "PRECISION", 'i', true, 0},
    {"LITERAL_PREFIX", NULL, 'u', true, 128},
    {"LITERAL_SUFFIX", NULL, 'u', true, 128},
    {"CREATE_PARAMS", NULL, 'u', true, 128},
    {"NULLABLE", NULL, 's', false, 0},
    {"CASE_SENSITIVE", NULL, 's', false, 0},
    {"SEARCHABLE", NULL, 's', false, 0},
    {"UNSIGNED_ATTRIBUTE", NULL, 's', true, 0},
    {"FIXED_PREC_SCALE", "MONEY", 's', false, 0},
    {"AUTO_UNIQUE_VALUE", "AUTO_INCREMENT", 's', true, 0},
    {"LOCAL_TYPE_NAME", NULL, 'u', true, 128},
    {"MINIMUM_SCALE", NULL, 's', true, 0},
    {"MAXIMUM_SCALE", NULL, 's', true, 0},
    {"SQL_DATA_TYPE", NULL, 's', false, 0},
    {"SQL_DATETIME_SUB", NULL, 's', true, 0},
    {"NUM_PREC_RADIX", NULL, 'i', true, 0},
    {"INTERVAL_PRECISION", NULL, 's', true, 0},
};

typedef struct type_row {
    const char *name;
    SQLSMALLINT type;
    int size;
    const char *prefix, *suffix, *params;
    int scale; /* largest; -1: none */
} type_row;

/* In the order of the result: by type, the closest name first. */
static const type_row types[] = {
    {"STRING", SQL_WVARCHAR, 2147483647, "'", "'", NULL, -1},
    {"VARCHAR", SQL_WVARCHAR, 65535, "'", "'", "length", -1},
    {"CHAR", SQL_WCHAR, 65535, "'", "'", "length", -1},
    {"BOOLEAN", SQL_BIT, 1, NULL, NULL, NULL, -1},
    {"TINYINT", SQL_TINYINT, 3, NULL, NULL, NULL, 0},
    {"BIGINT", SQL_BIGINT, 19, NULL, NULL, NULL, 0},
    {"BINARY", SQL_VARBINARY, 2147483647, "X'", "'", NULL, -1},
    {"CHAR", SQL_CHAR, 65535, "'", "'", "length", -1},
    {"DECIMAL", SQL_DECIMAL, 38, NULL, NULL, "precision,scale", 38},
    {"INT", SQL_INTEGER, 10, NULL, NULL, NULL, 0},
    {"SMALLINT", SQL_SMALLINT, 5, NULL, NULL, NULL, 0},
    {"FLOAT", SQL_REAL, 7, NULL, NULL, NULL, -1},
    {"DOUBLE", SQL_DOUBLE, 15, NULL, NULL, NULL, -1},
    {"STRING", SQL_VARCHAR, 2147483647, "'", "'", NULL, -1},
    {"VARCHAR", SQL_VARCHAR, 65535, "'", "'", "length", -1},
    {"DATE", SQL_TYPE_DATE, 10, "DATE'", "'", NULL, -1},
    {"TIMESTAMP", SQL_TYPE_TIMESTAMP, 26, "TIMESTAMP'", "'", NULL, 6},
    {"TIMESTAMP_NTZ", SQL_TYPE_TIMESTAMP, 26, "TIMESTAMP_NTZ'", "'", NULL, 6},
};

/* Types that are answered with the row of another one. */
static const struct {
    SQLSMALLINT asked, row;
    const char *name;
} aliases[] = {
    {SQL_NUMERIC, SQL_DECIMAL, "DECIMAL"},        {SQL_FLOAT, SQL_DOUBLE, "DOUBLE"},
    {SQL_LONGVARCHAR, SQL_VARCHAR, "STRING"},     {SQL_WLONGVARCHAR, SQL_WVARCHAR, "STRING"},
    {SQL_LONGVARBINARY, SQL_VARBINARY, "BINARY"}, {SQL_BINARY, SQL_VARBINARY, "BINARY"},
};

static void add_type(table *t, const type_row *r, SQLSMALLINT type, bool old) {
    bool is_text = type_is_text(type), number = type_is_number(type);
    bool moment = type_verbose(type) == SQL_DATETIME;
    table_row(t);
    table_set_text(t, 0, text_of(r->name));
    table_set_number(t, 1, old ? type_odbc2(type) : type);
    table_set_number(t, 2, r->size);
    table_set_text(t, 3, text_of(r->prefix));
    table_set_text(t, 4, text_of(r->suffix));
    table_set_text(t, 5, text_of(r->params));
    table_set_number(t, 6, SQL_NULLABLE);
    table_set_number(t, 7, is_text);
    table_set_number(t, 8, is_text ? SQL_SEARCHABLE : SQL_ALL_EXCEPT_LIKE);
    if (number) {
        table_set_number(t, 9, SQL_FALSE);
        table_set_number(t, 11, SQL_FALSE);
        table_set_number(t, 17, 10);
    }
    table_set_number(t, 10, SQL_FALSE);
    table_set_text(t, 12, text_of(r->name));
    if (r->scale >= 0) {
        table_set_number(t, 13, 0);
        table_set_number(t, 14, r->scale);
    }
    table_set_number(t, 15, type_verbose(type));
    if (moment) {
        table_set_number(t, 16, type_subcode(type));
    }
}

SQLRETURN type_info_run(stmt *s, SQLSMALLINT asked) {
    SQLRETURN rc = stmt_need_idle(s);
    if (rc != SQL_SUCCESS) {
        return rc;
    }
    stmt_close_cursor(s);
    table *t = table_new(columns, COUNT_OF(columns));
    if (t == NULL) {
        return fail_memory(&s->h);
    }
    bool old = s->h.env->version == SQL_OV_ODBC2;
    SQLSMALLINT wanted = type_odbc3(asked);
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        const type_row *r = &types[i];
        if (asked == SQL_ALL_TYPES || r->type == wanted) {
            add_type(t, r, r->type, old);
            continue;
        }
        for (size_t k = 0; k < COUNT_OF(aliases); k++) {
            if (aliases[k].asked == wanted && aliases[k].row == r->type &&
                strcmp(aliases[k].name, r->name) == 0) {
                add_type(t, r, wanted, old);
            }
        }
    }
    return result_open_table(s, t);
}
