#include "odbc.h"

#include <string.h>

/* The fields of a result's column: SQLColAttribute and the IRD. Contract 4.1. */

enum { FULL_TYPE = 20001 }; /* ours: the type as the server writes it, "ARRAY<INT>" */

static int64_t precision_of(const column *c) {
    if (type_verbose(c->sql_type) == SQL_DATETIME) {
        return c->digits < 0 ? 0 : c->digits;
    }
    return c->size > 32767 ? 32767 : (int64_t)c->size;
}

static SQLSMALLINT concise_of(const stmt *s, const column *c) {
    return s->h.env->version == SQL_OV_ODBC2 ? type_odbc2(c->sql_type) : c->sql_type;
}

static int64_t radix_of(const column *c) {
    bool approximate = c->sql_type == SQL_REAL || c->sql_type == SQL_DOUBLE;
    return approximate ? 2 : type_is_number(c->sql_type) ? 10 : 0;
}

static bool text_field(const column *c, SQLUSMALLINT field, attr_value *out) {
    switch (field) {
    case SQL_DESC_NAME:
    case SQL_DESC_LABEL:
    case SQL_COLUMN_NAME:
    case SQL_DESC_BASE_COLUMN_NAME:
        *out = value_text(c->name);
        return true;
    case SQL_DESC_TYPE_NAME:
    case SQL_DESC_LOCAL_TYPE_NAME:
        *out = value_text(c->type_name);
        return true;
    case FULL_TYPE:
        *out = value_text(c->type_text);
        return true;
    case SQL_DESC_LITERAL_PREFIX:
        *out = value_text(c->type->prefix);
        return true;
    case SQL_DESC_LITERAL_SUFFIX:
        *out = value_text(c->type->suffix);
        return true;
    case SQL_DESC_TABLE_NAME:
    case SQL_DESC_SCHEMA_NAME:
    case SQL_DESC_CATALOG_NAME:
    case SQL_DESC_BASE_TABLE_NAME:
        *out = value_text("");
        return true;
    default:
        return false;
    }
}

static bool size_field(const column *c, SQLUSMALLINT field, attr_value *out) {
    switch (field) {
    case SQL_DESC_LENGTH:
    case SQL_DESC_DISPLAY_SIZE:
        *out = value_number(V_LEN, field == SQL_DESC_LENGTH ? (int64_t)c->size : c->display);
        return true;
    case SQL_COLUMN_LENGTH:
    case SQL_DESC_OCTET_LENGTH:
        *out = value_number(V_LEN, c->octets);
        return true;
    case SQL_COLUMN_PRECISION:
        *out = value_number(V_LEN, (int64_t)c->size);
        return true;
    case SQL_DESC_PRECISION:
        *out = value_number(V_I16, precision_of(c));
        return true;
    case SQL_COLUMN_SCALE:
    case SQL_DESC_SCALE:
        *out = value_number(V_I16, c->digits < 0 ? 0 : c->digits);
        return true;
    case SQL_DESC_NUM_PREC_RADIX:
        *out = value_number(V_I32, radix_of(c));
        return true;
    case SQL_DESC_DATETIME_INTERVAL_PRECISION:
        *out = value_number(V_I32, 0);
        return true;
    default:
        return false;
    }
}

static bool flag_field(const stmt *s, const column *c, SQLUSMALLINT field, attr_value *out) {
    bool is_text = type_is_text(c->sql_type);
    switch (field) {
    case SQL_DESC_TYPE:
        *out = value_number(V_I16, s->h.env->version == SQL_OV_ODBC2 ? concise_of(s, c)
                                                                     : type_verbose(c->sql_type));
        return true;
    case SQL_DESC_CONCISE_TYPE:
        *out = value_number(V_I16, concise_of(s, c));
        return true;
    case SQL_DESC_DATETIME_INTERVAL_CODE:
        *out = value_number(V_I16, type_subcode(c->sql_type));
        return true;
    case SQL_DESC_NULLABLE:
    case SQL_COLUMN_NULLABLE:
        *out = value_number(V_I16, c->nullable);
        return true;
    case SQL_DESC_UNSIGNED:
        *out = value_number(V_I16, !type_is_number(c->sql_type));
        return true;
    case SQL_DESC_SEARCHABLE:
        *out = value_number(V_I16, is_text ? SQL_PRED_SEARCHABLE : SQL_PRED_BASIC);
        return true;
    case SQL_DESC_CASE_SENSITIVE:
        *out = value_number(V_I32, is_text);
        return true;
    case SQL_DESC_FIXED_PREC_SCALE:
        *out = value_number(V_I16, SQL_FALSE);
        return true;
    case SQL_DESC_AUTO_UNIQUE_VALUE:
        *out = value_number(V_I32, SQL_FALSE);
        return true;
    case SQL_DESC_UPDATABLE:
        *out = value_number(V_I16, SQL_ATTR_READONLY);
        return true;
    case SQL_DESC_UNNAMED:
        *out = value_number(V_I16, c->name[0] == '\0' ? SQL_UNNAMED : SQL_NAMED);
        return true;
    case SQL_DESC_ROWVER:
        *out = value_number(V_I16, SQL_FALSE);
        return true;
    default:
        return false;
    }
}

bool column_field(const stmt *s, const column *c, SQLUSMALLINT field, attr_value *out) {
    return text_field(c, field, out) || size_field(c, field, out) || flag_field(s, c, field, out);
}
