#include "odbc.h"

#include <string.h>

/* Whole columns at a time, for the pairs that applications bind most. Each converter stops at a row that
 * needs a diagnostic (and at NULLs without an indicator): the caller does that row cell by cell and goes
 * on. Slots may lie at any address: everything is written with memcpy, which costs nothing here. */

static inline char *slot(const slots *to, int64_t i) {
    return to->data + i * to->stride;
}

static inline void put_length(const slots *to, int64_t i, SQLLEN length) {
    if (to->length != NULL) {
        memcpy(to->length + i * to->length_stride, &length, sizeof length);
    }
}

/* NULLs are marked here. False: the row needs care. */
static inline bool null_done(const batch_column *b, int64_t row, const slots *to, int64_t i,
                             bool *is_null) {
    *is_null = b->validity != NULL && batch_is_null(b, row);
    if (!*is_null) {
        return true;
    }
    put_length(to, i, SQL_NULL_DATA);
    return to->length != NULL;
}

/* The branches go the same way for every row: the processor learns them. */
static inline int64_t load_int(const batch_column *b, int64_t at) {
    source from = b->column->source;
    if (from == SRC_I64) {
        return ((const int64_t *)b->values)[at];
    }
    if (from == SRC_I32) {
        return ((const int32_t *)b->values)[at];
    }
    return from == SRC_I16 ? ((const int16_t *)b->values)[at] : ((const int8_t *)b->values)[at];
}

/* Same bytes on both sides: integers of the same width, floats, doubles. */
static inline int64_t copy_width(const batch_column *b, int64_t row, int64_t n, const slots *to,
                                 size_t width) {
    const char *from = (const char *)b->values + (size_t)(row + b->offset) * width;
    if (b->validity == NULL && (size_t)to->stride == width) {
        memcpy(to->data, from, (size_t)n * width);
        for (int64_t i = 0; to->length != NULL && i < n; i++) {
            put_length(to, i, (SQLLEN)width);
        }
        return n;
    }
    for (int64_t i = 0; i < n; i++) {
        bool is_null;
        if (!null_done(b, row + i, to, i, &is_null)) {
            return i;
        }
        if (!is_null) {
            memcpy(slot(to, i), from + (size_t)i * width, width);
            put_length(to, i, (SQLLEN)width);
        }
    }
    return n;
}

static int64_t copy8(const batch_column *b, int64_t row, int64_t n, const slots *to) {
    return copy_width(b, row, n, to, 1);
}
static int64_t copy16(const batch_column *b, int64_t row, int64_t n, const slots *to) {
    return copy_width(b, row, n, to, 2);
}
static int64_t copy32(const batch_column *b, int64_t row, int64_t n, const slots *to) {
    return copy_width(b, row, n, to, 4);
}
static int64_t copy64(const batch_column *b, int64_t row, int64_t n, const slots *to) {
    return copy_width(b, row, n, to, 8);
}

/* Signed integers into a wider type, or into doubles. */
static int64_t ints_to_i64(const batch_column *b, int64_t row, int64_t n, const slots *to) {
    for (int64_t i = 0; i < n; i++) {
        bool is_null;
        if (!null_done(b, row + i, to, i, &is_null)) {
            return i;
        }
        if (!is_null) {
            int64_t v = load_int(b, row + i + b->offset);
            memcpy(slot(to, i), &v, sizeof v);
            put_length(to, i, sizeof v);
        }
    }
    return n;
}

static int64_t ints_to_i32(const batch_column *b, int64_t row, int64_t n, const slots *to) {
    for (int64_t i = 0; i < n; i++) {
        bool is_null;
        if (!null_done(b, row + i, to, i, &is_null)) {
            return i;
        }
        if (!is_null) {
            int64_t v = load_int(b, row + i + b->offset);
            if (v < INT32_MIN || v > INT32_MAX) {
                return i;
            }
            int32_t narrow = (int32_t)v;
            memcpy(slot(to, i), &narrow, sizeof narrow);
            put_length(to, i, sizeof narrow);
        }
    }
    return n;
}

static int64_t ints_to_double(const batch_column *b, int64_t row, int64_t n, const slots *to) {
    for (int64_t i = 0; i < n; i++) {
        bool is_null;
        if (!null_done(b, row + i, to, i, &is_null)) {
            return i;
        }
        if (!is_null) {
            double d = (double)load_int(b, row + i + b->offset);
            memcpy(slot(to, i), &d, sizeof d);
            put_length(to, i, sizeof d);
        }
    }
    return n;
}

enum { INT_TEXT = 21, DECIMAL_TEXT = 42 }; /* longest texts with their NUL */

static int64_t ints_to_text(const batch_column *b, int64_t row, int64_t n, const slots *to) {
    if (to->cap < INT_TEXT) {
        return 0;
    }
    for (int64_t i = 0; i < n; i++) {
        bool is_null;
        if (!null_done(b, row + i, to, i, &is_null)) {
            return i;
        }
        if (!is_null) {
            char *out = slot(to, i);
            size_t len = put_i64(out, load_int(b, row + i + b->offset));
            out[len] = '\0';
            put_length(to, i, (SQLLEN)len);
        }
    }
    return n;
}

static int64_t decimals_to_text(const batch_column *b, int64_t row, int64_t n, const slots *to) {
    if (to->cap < DECIMAL_TEXT || b->column->scale < 0) {
        return 0;
    }
    for (int64_t i = 0; i < n; i++) {
        bool is_null;
        if (!null_done(b, row + i, to, i, &is_null)) {
            return i;
        }
        if (!is_null) {
            i128 v;
            memcpy(&v, (const char *)b->values + (row + i + b->offset) * 16, 16);
            char *out = slot(to, i);
            size_t len = put_decimal(out, v, b->column->scale);
            out[len] = '\0';
            put_length(to, i, (SQLLEN)len);
        }
    }
    return n;
}

static int64_t text_to_char(const batch_column *b, int64_t row, int64_t n, const slots *to) {
    const int32_t *offsets = (const int32_t *)b->values + row + b->offset;
    for (int64_t i = 0; i < n; i++) {
        bool is_null;
        if (!null_done(b, row + i, to, i, &is_null)) {
            return i;
        }
        if (is_null) {
            continue;
        }
        SQLLEN len = offsets[i + 1] - offsets[i];
        if (len >= to->cap) {
            return i; /* to be cut, with a warning */
        }
        char *out = slot(to, i);
        memcpy(out, b->bytes + offsets[i], (size_t)len);
        out[len] = '\0';
        put_length(to, i, len);
    }
    return n;
}

static int64_t text_to_wide(const batch_column *b, int64_t row, int64_t n, const slots *to) {
    const int32_t *offsets = (const int32_t *)b->values + row + b->offset;
    size_t unit = to->unit, cap = to->cap < 0 ? 0 : (size_t)to->cap / unit;
    for (int64_t i = 0; i < n; i++) {
        bool is_null;
        if (!null_done(b, row + i, to, i, &is_null)) {
            return i;
        }
        if (is_null) {
            continue;
        }
        size_t len = (size_t)(offsets[i + 1] - offsets[i]);
        if (len >= cap) {
            return i; /* may be too long: units never outnumber bytes */
        }
        char *out = slot(to, i);
        size_t units =
            wide_write((const char *)b->bytes + offsets[i], len, (unsigned)unit, out, cap);
        memset(out + units * unit, 0, unit);
        put_length(to, i, (SQLLEN)(units * unit));
    }
    return n;
}

static int64_t dates_to_struct(const batch_column *b, int64_t row, int64_t n, const slots *to) {
    for (int64_t i = 0; i < n; i++) {
        bool is_null;
        if (!null_done(b, row + i, to, i, &is_null)) {
            return i;
        }
        if (!is_null) {
            cell c;
            if (cell_read(b, row + i, &c) != CONV_OK) {
                return i;
            }
            SQL_DATE_STRUCT d = {c.ts.year, c.ts.month, c.ts.day};
            memcpy(slot(to, i), &d, sizeof d);
            put_length(to, i, sizeof d);
        }
    }
    return n;
}

static int64_t moments_to_struct(const batch_column *b, int64_t row, int64_t n, const slots *to) {
    for (int64_t i = 0; i < n; i++) {
        bool is_null;
        if (!null_done(b, row + i, to, i, &is_null)) {
            return i;
        }
        if (!is_null) {
            cell c;
            if (cell_read(b, row + i, &c) != CONV_OK) {
                return i;
            }
            memcpy(slot(to, i), &c.ts, sizeof c.ts);
            put_length(to, i, sizeof c.ts);
        }
    }
    return n;
}

static const struct {
    source from;
    SQLSMALLINT to;
    column_converter *convert;
} converters[] = {
    {SRC_I8, SQL_C_STINYINT, copy8},
    {SRC_I8, SQL_C_TINYINT, copy8},
    {SRC_I16, SQL_C_SSHORT, copy16},
    {SRC_I16, SQL_C_SHORT, copy16},
    {SRC_I32, SQL_C_SLONG, copy32},
    {SRC_I32, SQL_C_LONG, copy32},
    {SRC_I64, SQL_C_SBIGINT, copy64},
    {SRC_F32, SQL_C_FLOAT, copy32},
    {SRC_F64, SQL_C_DOUBLE, copy64},
    {SRC_I8, SQL_C_SBIGINT, ints_to_i64},
    {SRC_I16, SQL_C_SBIGINT, ints_to_i64},
    {SRC_I32, SQL_C_SBIGINT, ints_to_i64},
    {SRC_I8, SQL_C_SLONG, ints_to_i32},
    {SRC_I16, SQL_C_SLONG, ints_to_i32},
    {SRC_I64, SQL_C_SLONG, ints_to_i32},
    {SRC_I64, SQL_C_LONG, ints_to_i32},
    {SRC_I8, SQL_C_DOUBLE, ints_to_double},
    {SRC_I16, SQL_C_DOUBLE, ints_to_double},
    {SRC_I32, SQL_C_DOUBLE, ints_to_double},
    {SRC_I64, SQL_C_DOUBLE, ints_to_double},
    {SRC_I8, SQL_C_CHAR, ints_to_text},
    {SRC_I16, SQL_C_CHAR, ints_to_text},
    {SRC_I32, SQL_C_CHAR, ints_to_text},
    {SRC_I64, SQL_C_CHAR, ints_to_text},
    {SRC_DEC128, SQL_C_CHAR, decimals_to_text},
    {SRC_TEXT, SQL_C_CHAR, text_to_char},
    {SRC_TEXT, SQL_C_WCHAR, text_to_wide},
    {SRC_DATE32, SQL_C_TYPE_DATE, dates_to_struct},
    {SRC_TIMESTAMP, SQL_C_TYPE_TIMESTAMP, moments_to_struct},
};

column_converter *column_converter_find(const column *c, SQLSMALLINT c_type) {
    for (size_t i = 0; i < COUNT_OF(converters); i++) {
        if (converters[i].from == c->source && c->index_format == 0 && converters[i].to == c_type) {
            return converters[i].convert;
        }
    }
    return NULL;
}
