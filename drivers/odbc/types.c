#include "odbc.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { OWN = -1, STRING_SIZE = -2, BINARY_SIZE = -3, NO_DIGITS = -1, OWN_DIGITS = -2 };

/* Contract 4.1. The word is the first of the type text; the last row is for everything else. */
static const type_info types[] = {
    /* word, SQL type, C type, size, digits, octets, display, literal prefix and suffix */
    {"BOOLEAN", SQL_BIT, SQL_C_BIT, 1, 0, 1, 1, NULL, NULL},
    {"TINYINT", SQL_TINYINT, SQL_C_STINYINT, 3, 0, 1, 4, NULL, NULL},
    {"BYTE", SQL_TINYINT, SQL_C_STINYINT, 3, 0, 1, 4, NULL, NULL},
    {"SMALLINT", SQL_SMALLINT, SQL_C_SSHORT, 5, 0, 2, 6, NULL, NULL},
    {"SHORT", SQL_SMALLINT, SQL_C_SSHORT, 5, 0, 2, 6, NULL, NULL},
    {"INT", SQL_INTEGER, SQL_C_SLONG, 10, 0, 4, 11, NULL, NULL},
    {"INTEGER", SQL_INTEGER, SQL_C_SLONG, 10, 0, 4, 11, NULL, NULL},
    {"BIGINT", SQL_BIGINT, SQL_C_SBIGINT, 19, 0, 8, 20, NULL, NULL},
    {"LONG", SQL_BIGINT, SQL_C_SBIGINT, 19, 0, 8, 20, NULL, NULL},
    {"FLOAT", SQL_REAL, SQL_C_FLOAT, 7, NO_DIGITS, 4, 14, NULL, NULL},
    {"REAL", SQL_REAL, SQL_C_FLOAT, 7, NO_DIGITS, 4, 14, NULL, NULL},
    {"DOUBLE", SQL_DOUBLE, SQL_C_DOUBLE, 15, NO_DIGITS, 8, 24, NULL, NULL},
    {"DECIMAL", SQL_DECIMAL, SQL_C_CHAR, OWN, OWN_DIGITS, OWN, OWN, NULL, NULL},
    {"DEC", SQL_DECIMAL, SQL_C_CHAR, OWN, OWN_DIGITS, OWN, OWN, NULL, NULL},
    {"NUMERIC", SQL_DECIMAL, SQL_C_CHAR, OWN, OWN_DIGITS, OWN, OWN, NULL, NULL},
    {"DATE", SQL_TYPE_DATE, SQL_C_TYPE_DATE, 10, 0, 6, 10, "DATE'", "'"},
    {"TIME", SQL_TYPE_TIME, SQL_C_TYPE_TIME, 15, 6, 6, 15, "TIME'", "'"},
    {"TIMESTAMP", SQL_TYPE_TIMESTAMP, SQL_C_TYPE_TIMESTAMP, 26, 6, 16, 26, "TIMESTAMP'", "'"},
    {"TIMESTAMP_LTZ", SQL_TYPE_TIMESTAMP, SQL_C_TYPE_TIMESTAMP, 26, 6, 16, 26, "TIMESTAMP'", "'"},
    {"TIMESTAMP_NTZ", SQL_TYPE_TIMESTAMP, SQL_C_TYPE_TIMESTAMP, 26, 6, 16, 26, "TIMESTAMP_NTZ'",
     "'"},
    {"CHAR", SQL_CHAR, SQL_C_CHAR, OWN, NO_DIGITS, OWN, OWN, "'", "'"},
    {"CHARACTER", SQL_CHAR, SQL_C_CHAR, OWN, NO_DIGITS, OWN, OWN, "'", "'"},
    {"VARCHAR", SQL_VARCHAR, SQL_C_CHAR, OWN, NO_DIGITS, OWN, OWN, "'", "'"},
    {"BINARY", SQL_VARBINARY, SQL_C_BINARY, BINARY_SIZE, NO_DIGITS, OWN, OWN, "X'", "'"},
    {"INTERVAL", SQL_VARCHAR, SQL_C_CHAR, 48, NO_DIGITS, OWN, OWN, "INTERVAL '", "'"},
    {"VOID", SQL_VARCHAR, SQL_C_CHAR, 1, NO_DIGITS, OWN, OWN, NULL, NULL},
    {"", SQL_VARCHAR, SQL_C_CHAR, STRING_SIZE, NO_DIGITS, OWN, OWN, "'", "'"},
};

static const type_info *find_type(text word) {
    for (size_t i = 0; i + 1 < COUNT_OF(types); i++) {
        if (text_is(word, types[i].word)) {
            return &types[i];
        }
    }
    return &types[COUNT_OF(types) - 1];
}

static SQLSMALLINT widen(SQLSMALLINT type) {
    switch (type) {
    case SQL_CHAR:
        return SQL_WCHAR;
    case SQL_VARCHAR:
        return SQL_WVARCHAR;
    case SQL_LONGVARCHAR:
        return SQL_WLONGVARCHAR;
    default:
        return type;
    }
}

static text first_word(const char *type_text) {
    return (text){type_text, strcspn(type_text, "(<: ")};
}

/* "DECIMAL(10,2)": 10 and 2; "VARCHAR(20)": 20; nothing is changed where the text has no numbers. */
static void read_numbers(const char *type_text, long *a, long *b) {
    const char *open = strchr(type_text, '(');
    if (open == NULL) {
        return;
    }
    char *end = NULL;
    long first = strtol(open + 1, &end, 10);
    if (end == open + 1) {
        return;
    }
    *a = first;
    *b = 0;
    if (*end == ',') {
        *b = strtol(end + 1, NULL, 10);
    }
}

static void set_name(column *c, const settings *set, const char *type_text) {
    text word = first_word(type_text);
    if (text_is(word, "INTERVAL")) { /* "INTERVAL DAY TO SECOND" has no parameters */
        word.len = strlen(type_text);
    }
    size_t len = word.len < sizeof c->type_name - 1 ? word.len : sizeof c->type_name - 1;
    for (size_t i = 0; i < len; i++) {
        c->type_name[i] = (char)(set->lower_types ? tolower((unsigned char)word.ptr[i])
                                                  : toupper((unsigned char)word.ptr[i]));
    }
    c->type_name[len] = '\0';
}

void type_describe(const settings *set, const char *type_text, column *c) {
    const type_info *t = find_type(first_word(type_text));
    bool is_string = t == &types[COUNT_OF(types) - 1];
    long size = t->sql_type == SQL_DECIMAL ? 10 : (long)set->string_length, digits = 0;
    read_numbers(t->size == OWN ? type_text : "", &size, &digits);
    c->type = t;
    c->sql_type = is_string && set->long_string ? SQL_LONGVARCHAR : t->sql_type;
    c->c_type = t->c_type;
    c->size = t->size == OWN           ? (SQLULEN)size
              : t->size == STRING_SIZE ? (set->long_string ? 2147483647 : set->string_length)
              : t->size == BINARY_SIZE ? set->binary_length
                                       : (SQLULEN)t->size;
    c->digits = t->digits == OWN_DIGITS ? (SQLSMALLINT)digits : t->digits;
    bool is_text = type_is_text(c->sql_type);
    if (is_text && set->wide_types) {
        c->sql_type = widen(c->sql_type);
        c->c_type = SQL_C_WCHAR;
    }
    SQLLEN full = (SQLLEN)c->size;
    c->octets = t->octets != OWN ? t->octets
                : is_text        ? (full >= 2147483647 ? full : full * (set->wide_types ? 2 : 4))
                : t->size == BINARY_SIZE ? full
                                         : full + 2;
    c->display = t->display != OWN        ? t->display
                 : is_text                ? full
                 : t->size == BINARY_SIZE ? full * 2
                                          : full + 2;
    c->nullable = SQL_NULLABLE;
    set_name(c, set, type_text);
}

bool type_is_text(SQLSMALLINT t) {
    return t == SQL_CHAR || t == SQL_VARCHAR || t == SQL_LONGVARCHAR || t == SQL_WCHAR ||
           t == SQL_WVARCHAR || t == SQL_WLONGVARCHAR;
}

bool type_is_number(SQLSMALLINT t) {
    return t == SQL_TINYINT || t == SQL_SMALLINT || t == SQL_INTEGER || t == SQL_BIGINT ||
           t == SQL_REAL || t == SQL_FLOAT || t == SQL_DOUBLE || t == SQL_DECIMAL ||
           t == SQL_NUMERIC;
}

bool type_is_interval(SQLSMALLINT t) {
    return t >= SQL_INTERVAL_YEAR && t <= SQL_INTERVAL_MINUTE_TO_SECOND;
}

SQLSMALLINT type_verbose(SQLSMALLINT t) {
    if (t >= SQL_TYPE_DATE && t <= SQL_TYPE_TIMESTAMP) {
        return SQL_DATETIME;
    }
    return type_is_interval(t) ? SQL_INTERVAL : t;
}

SQLSMALLINT type_subcode(SQLSMALLINT t) {
    if (t >= SQL_TYPE_DATE && t <= SQL_TYPE_TIMESTAMP) {
        return (SQLSMALLINT)(t - SQL_TYPE_DATE + SQL_CODE_DATE);
    }
    return type_is_interval(t) ? (SQLSMALLINT)(t - 100) : 0;
}

SQLSMALLINT type_odbc2(SQLSMALLINT t) {
    return t >= SQL_TYPE_DATE && t <= SQL_TYPE_TIMESTAMP ? (SQLSMALLINT)(t - SQL_TYPE_DATE + 9) : t;
}

SQLSMALLINT type_odbc3(SQLSMALLINT t) {
    return t >= 9 && t <= 11 ? (SQLSMALLINT)(t - 9 + SQL_TYPE_DATE) : t;
}

SQLSMALLINT type_default_c(SQLSMALLINT t) {
    switch (t) {
    case SQL_BIT:
        return SQL_C_BIT;
    case SQL_TINYINT:
        return SQL_C_STINYINT;
    case SQL_SMALLINT:
        return SQL_C_SSHORT;
    case SQL_INTEGER:
        return SQL_C_SLONG;
    case SQL_BIGINT:
        return SQL_C_SBIGINT;
    case SQL_REAL:
        return SQL_C_FLOAT;
    case SQL_FLOAT:
    case SQL_DOUBLE:
        return SQL_C_DOUBLE;
    case SQL_BINARY:
    case SQL_VARBINARY:
    case SQL_LONGVARBINARY:
        return SQL_C_BINARY;
    case SQL_WCHAR:
    case SQL_WVARCHAR:
    case SQL_WLONGVARCHAR:
        return SQL_C_WCHAR;
    case SQL_GUID:
        return SQL_C_GUID;
    default:
        return type_verbose(type_odbc3(t)) == SQL_DATETIME || type_verbose(t) == SQL_INTERVAL
                   ? type_odbc3(t)
                   : SQL_C_CHAR;
    }
}

SQLLEN c_type_size(SQLSMALLINT t) {
    switch (t) {
    case SQL_C_BIT:
    case SQL_C_TINYINT:
    case SQL_C_STINYINT:
    case SQL_C_UTINYINT:
        return 1;
    case SQL_C_SHORT:
    case SQL_C_SSHORT:
    case SQL_C_USHORT:
        return 2;
    case SQL_C_LONG:
    case SQL_C_SLONG:
    case SQL_C_ULONG:
    case SQL_C_FLOAT:
        return 4;
    case SQL_C_SBIGINT:
    case SQL_C_UBIGINT:
    case SQL_C_DOUBLE:
        return 8;
    case SQL_C_NUMERIC:
        return sizeof(SQL_NUMERIC_STRUCT);
    case SQL_C_TYPE_DATE:
        return sizeof(SQL_DATE_STRUCT);
    case SQL_C_TYPE_TIME:
        return sizeof(SQL_TIME_STRUCT);
    case SQL_C_TYPE_TIMESTAMP:
        return sizeof(SQL_TIMESTAMP_STRUCT);
    case SQL_C_GUID:
        return 16;
    case SQL_C_CHAR:
    case SQL_C_WCHAR:
    case SQL_C_BINARY:
        return 0;
    default:
        return type_is_interval(t) ? (SQLLEN)sizeof(SQL_INTERVAL_STRUCT) : -1;
    }
}

/* ---- From Arrow ------------------------------------------------------------------------------------- */

/* The value of a key in the C Data Interface's metadata bytes; the caller frees it. */
static char *metadata_value(const char *m, const char *key) {
    int32_t pairs = 0;
    if (m == NULL) {
        return NULL;
    }
    memcpy(&pairs, m, 4);
    m += 4;
    for (int32_t i = 0; i < pairs; i++) {
        int32_t klen = 0, vlen = 0;
        memcpy(&klen, m, 4);
        const char *k = m + 4;
        memcpy(&vlen, k + klen, 4);
        const char *v = k + klen + 4;
        if (strlen(key) == (size_t)klen && memcmp(k, key, (size_t)klen) == 0) {
            return text_copy((text){v, (size_t)vlen});
        }
        m = v + vlen;
    }
    return NULL;
}

static source source_of(const char *format) {
    static const struct {
        const char *format;
        source source;
    } rows[] = {{"n", SRC_NULL},       {"b", SRC_BOOL},        {"c", SRC_I8},
                {"s", SRC_I16},        {"i", SRC_I32},         {"l", SRC_I64},
                {"f", SRC_F32},        {"g", SRC_F64},         {"u", SRC_TEXT},
                {"U", SRC_TEXT64},     {"z", SRC_BYTES},       {"Z", SRC_BYTES64},
                {"vu", SRC_TEXT_VIEW}, {"vz", SRC_BYTES_VIEW}, {"tdD", SRC_DATE32}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (strcmp(rows[i].format, format) == 0) {
            return rows[i].source;
        }
    }
    if (strncmp(format, "d:", 2) == 0) {
        const char *bits = strrchr(format, ',');
        bool other_width = bits != NULL && strchr(format, ',') != bits && strcmp(bits, ",128") != 0;
        return other_width ? SRC_OTHER : SRC_DEC128;
    }
    if (strncmp(format, "tt", 2) == 0) {
        return SRC_TIME;
    }
    return strncmp(format, "ts", 2) == 0 ? SRC_TIMESTAMP : SRC_OTHER;
}

static const char *text_of_source(source s) {
    static const char *const texts[] = {[SRC_NULL] = "VOID",
                                        [SRC_BOOL] = "BOOLEAN",
                                        [SRC_I8] = "TINYINT",
                                        [SRC_I16] = "SMALLINT",
                                        [SRC_I32] = "INT",
                                        [SRC_I64] = "BIGINT",
                                        [SRC_F32] = "FLOAT",
                                        [SRC_F64] = "DOUBLE",
                                        [SRC_DEC128] = "DECIMAL",
                                        [SRC_DATE32] = "DATE",
                                        [SRC_TIMESTAMP] = "TIMESTAMP",
                                        [SRC_TIME] = "TIME",
                                        [SRC_TEXT] = "STRING",
                                        [SRC_TEXT64] = "STRING",
                                        [SRC_BYTES] = "BINARY",
                                        [SRC_BYTES64] = "BINARY",
                                        [SRC_TEXT_VIEW] = "STRING",
                                        [SRC_BYTES_VIEW] = "BINARY",
                                        [SRC_OTHER] = "STRING"};
    return texts[s];
}

bool column_from_arrow(const settings *set, const struct ArrowSchema *field, column *c) {
    *c = (column){0};
    const char *format = field->format;
    if (field->dictionary != NULL) { /* the field's own format is that of the indices */
        c->index_format = format[0];
        format = field->dictionary->format;
    }
    bool nested = field->dictionary != NULL && field->dictionary->dictionary != NULL;
    c->source = nested ? SRC_OTHER : source_of(format);
    c->name = text_copy(text_of(field->name == NULL ? "" : field->name));
    c->type_text = metadata_value(field->metadata, "databricks.type_text");
    if (c->type_text == NULL) {
        c->type_text = metadata_value(field->metadata, "Spark:DataType:SqlName");
    }
    if (c->source == SRC_DEC128) {
        c->precision = (int)strtol(format + 2, NULL, 10);
        const char *comma = strchr(format, ',');
        c->scale = comma == NULL ? 0 : (int)strtol(comma + 1, NULL, 10);
        if (c->scale < -38 || c->scale > 38) { /* no text we write has room for it */
            c->source = SRC_OTHER;
        }
        char numbers[40];
        (void)snprintf(numbers, sizeof numbers, "DECIMAL(%d,%d)", c->precision, c->scale);
        free(c->type_text); /* the bytes decide */
        c->type_text = text_copy(text_of(numbers));
    }
    if (c->source == SRC_TIMESTAMP || c->source == SRC_TIME) {
        char unit = format[2];
        c->unit = unit == 's' ? 1 : unit == 'm' ? 1000 : unit == 'u' ? 1000000 : 1000000000;
        c->zoned = c->source == SRC_TIMESTAMP && format[3] == ':' && format[4] != '\0';
    }
    if (c->type_text == NULL) {
        bool ntz = c->source == SRC_TIMESTAMP && !c->zoned;
        c->type_text = text_copy(text_of(ntz ? "TIMESTAMP_NTZ" : text_of_source(c->source)));
    }
    if (c->name == NULL || c->type_text == NULL) {
        return false;
    }
    type_describe(set, c->type_text, c);
    return true;
}

void columns_free(column *columns, size_t count) {
    for (size_t i = 0; i < count; i++) {
        free(columns[i].name);
        free(columns[i].type_text);
    }
    free(columns);
}
