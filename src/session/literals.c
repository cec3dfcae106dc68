#include "session/literals.h"

#include "session/internal.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define SHOWN(s) (int)dbk_min_size((s).len, 200), (s).ptr != NULL ? (s).ptr : ""

void dbk_literal_reset(dbk_literal *l) {
    dbk_str_reset(&l->type);
    dbk_str_reset(&l->value);
}

static dbk_status give(const char *type, dbk_slice value, dbk_literal *out, dbk_error *err) {
    dbk_status st = DBK_OK;
    DBK_TRY(dbk_str_set(&out->type, dbk_slice_of(type), err));
    if (value.ptr != NULL) {
        DBK_TRY(dbk_str_set(&out->value, value, err));
    }
done:
    return st;
}

/* One row of the table of types: what the caller may write, what is sent, how the value is read. */
typedef struct literal_type {
    const char *name;
    const char *wire;
    dbk_status (*read)(const struct literal_type *t, dbk_slice value, dbk_literal *out,
                       dbk_error *err);
    int64_t min, max; /* integers */
} literal_type;

static dbk_status read_text(const literal_type *t, dbk_slice value, dbk_literal *out,
                            dbk_error *err) {
    return give(t->wire, value, out, err);
}

static dbk_status read_void(const literal_type *t, dbk_slice value, dbk_literal *out,
                            dbk_error *err) {
    (void)value;
    return give(t->wire, (dbk_slice){0}, out, err);
}

static dbk_status refuse_binary(const literal_type *t, dbk_slice value, dbk_literal *out,
                                dbk_error *err) {
    (void)t;
    (void)value;
    (void)out;
    return dbk_error_set(err, DBK_INVALID_ARGUMENT,
                         "BINARY parameters are not supported by the SEA wire today");
}

static dbk_status read_boolean(const literal_type *t, dbk_slice value, dbk_literal *out,
                               dbk_error *err) {
    if (dbk_slice_eq_nocase(value, DBK_SLICE("true")) || dbk_slice_eq(value, DBK_SLICE("1"))) {
        return give(t->wire, DBK_SLICE("true"), out, err);
    }
    if (dbk_slice_eq_nocase(value, DBK_SLICE("false")) || dbk_slice_eq(value, DBK_SLICE("0"))) {
        return give(t->wire, DBK_SLICE("false"), out, err);
    }
    return dbk_error_set(err, DBK_INVALID_ARGUMENT, "invalid BOOLEAN literal: \"%.*s\"",
                         SHOWN(value));
}

/* ---- integers ---- */

/* NULL: *out is the number; else why not. A number that cannot fit any more is told before what
 * follows it, as the Rust kernel does. */
static const char *read_number(dbk_slice s, int64_t min, int64_t max, int64_t *out) {
    if (s.len == 0) {
        return "cannot parse integer from empty string";
    }
    bool negative = s.ptr[0] == '-';
    size_t i = negative || s.ptr[0] == '+' ? 1 : 0;
    if (i == s.len) {
        return "invalid digit found in string";
    }
    int64_t v = 0;
    for (; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9') {
            return "invalid digit found in string";
        }
        int64_t digit = s.ptr[i] - '0';
        if (!dbk_mul_i64(v, 10, &v) || !dbk_add_i64(v, negative ? -digit : digit, &v) || v > max ||
            v < min) {
            return negative ? "number too small to fit in target type"
                            : "number too large to fit in target type";
        }
    }
    *out = v;
    return NULL;
}

static dbk_status read_integer(const literal_type *t, dbk_slice value, dbk_literal *out,
                               dbk_error *err) {
    char text[24];
    int64_t v = 0;
    const char *why = read_number(value, t->min, t->max, &v);
    if (why != NULL) {
        return dbk_error_set(err, DBK_INVALID_ARGUMENT, "invalid %s literal \"%.*s\": %s", t->wire,
                             SHOWN(value), why);
    }
    (void)snprintf(text, sizeof text, "%lld", (long long)v);
    return give(t->wire, dbk_slice_of(text), out, err);
}

/* ---- floating point ---- */

static size_t skip_digits(dbk_slice s, size_t at) {
    while (at < s.len && s.ptr[at] >= '0' && s.ptr[at] <= '9') {
        at++;
    }
    return at;
}

static size_t skip_sign(dbk_slice s, size_t at) {
    return at < s.len && (s.ptr[at] == '+' || s.ptr[at] == '-') ? at + 1 : at;
}

/* [e[+-]digits] up to the end of the text. */
static bool exponent_ok(dbk_slice s, size_t at) {
    if (at == s.len) {
        return true;
    }
    if (s.ptr[at] != 'e' && s.ptr[at] != 'E') {
        return false;
    }
    size_t digits = skip_sign(s, at + 1);
    size_t end = skip_digits(s, digits);
    return end > digits && end == s.len;
}

/* digits, a point among them or not, an exponent or not: never what strtod takes beyond that. */
static bool float_ok(dbk_slice s) {
    size_t at = skip_sign(s, 0);
    size_t end = skip_digits(s, at);
    size_t digits = end - at;
    if (end < s.len && s.ptr[end] == '.') {
        at = end + 1;
        end = skip_digits(s, at);
        digits += end - at;
    }
    return digits > 0 && exponent_ok(s, end);
}

static bool float_word(dbk_slice s) {
    size_t at = skip_sign(s, 0);
    dbk_slice word = {s.ptr + at, s.len - at};
    return dbk_slice_eq_nocase(word, DBK_SLICE("nan")) ||
           dbk_slice_eq_nocase(word, DBK_SLICE("inf")) ||
           dbk_slice_eq_nocase(word, DBK_SLICE("infinity"));
}

/* strtod and strtof want the point of the host's locale. */
static dbk_status localised(dbk_slice value, dbk_buf *out, const char **text, dbk_error *err) {
    dbk_status st = DBK_OK;
    const char *point = localeconv()->decimal_point;
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] == '.') {
            DBK_TRY(dbk_buf_puts(out, point, err));
        } else {
            DBK_TRY(dbk_buf_putc(out, value.ptr[i], err));
        }
    }
    DBK_TRY(dbk_buf_cstr(out, text, err));
done:
    return st;
}

static dbk_status read_float(const literal_type *t, dbk_slice value, dbk_literal *out,
                             dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_buf copy = {0};
    const char *text = NULL;
    char written[400];
    bool single = strcmp(t->wire, "FLOAT") == 0;
    bool finite = !float_word(value);
    if (finite && !float_ok(value)) {
        return dbk_error_set(
            err, DBK_INVALID_ARGUMENT, "invalid %s literal \"%.*s\": %s", t->wire, SHOWN(value),
            value.len == 0 ? "cannot parse float from empty string" : "invalid float literal");
    }
    DBK_TRY(localised(value, &copy, &text, err));
    if (finite && single) {
        float v = strtof(text, NULL);
        finite = isfinite(v) != 0;
        dbk_float_text(v, written, sizeof written);
    } else if (finite) {
        double v = strtod(text, NULL);
        finite = isfinite(v) != 0;
        dbk_double_text(v, written, sizeof written);
    }
    st = finite ? give(t->wire, dbk_slice_of(written), out, err)
                : dbk_error_set(err, DBK_INVALID_ARGUMENT, "non-finite %s literal \"%.*s\"",
                                t->wire, SHOWN(value));
done:
    dbk_buf_reset(&copy);
    return st;
}

/* ---- decimals ---- */

typedef struct decimal_shape {
    int64_t digits; /* of the number without its point, leading zeros not counted */
    int64_t scale;  /* digits behind the point once the exponent is applied; 0 at least */
} decimal_shape;

/* [+-]digits[.digits][e[+-]digits] */
static bool decimal_ok(dbk_slice s, decimal_shape *out) {
    size_t start = skip_sign(s, 0);
    size_t whole = skip_digits(s, start);
    size_t end = whole;
    if (whole == start) {
        return false;
    }
    if (end < s.len && s.ptr[end] == '.') {
        end = skip_digits(s, whole + 1);
        if (end == whole + 1) {
            return false;
        }
    }
    if (!exponent_ok(s, end)) {
        return false;
    }
    int64_t exponent = 0;
    if (end < s.len) {
        dbk_slice text = {s.ptr + end + 1, s.len - end - 1};
        if (read_number(text, -1000000, 1000000, &exponent) != NULL) {
            exponent = text.ptr[0] == '-' ? -1000000 : 1000000;
        }
    }
    int64_t fraction = end > whole ? (int64_t)(end - whole - 1) : 0;
    size_t at = start;
    int64_t zeros = 0;
    for (; at < end && (s.ptr[at] == '0' || s.ptr[at] == '.'); at++) {
        zeros += s.ptr[at] == '0' ? 1 : 0;
    }
    out->digits = (int64_t)(whole - start) + fraction - zeros;
    out->scale = dbk_max_i64(fraction - exponent, 0);
    return true;
}

/* "DECIMAL(p)" and "DECIMAL(p,s)"; what follows the bracket is not looked at. */
static dbk_status read_decimal_type(dbk_slice type, int64_t *precision, int64_t *scale,
                                    dbk_error *err) {
    size_t open = sizeof "DECIMAL(" - 1;
    const char *close = memchr(type.ptr + open, ')', type.len - open);
    if (close == NULL) {
        return dbk_error_set(err, DBK_INVALID_ARGUMENT,
                             "DECIMAL type missing closing paren: \"%.*s\"", SHOWN(type));
    }
    dbk_slice rest = {type.ptr + open, (size_t)(close - type.ptr) - open};
    dbk_slice first = rest;
    bool two = dbk_slice_split(&rest, ',', &first);
    first = dbk_slice_trim(first);
    rest = dbk_slice_trim(rest);
    if (two && memchr(rest.ptr, ',', rest.len) != NULL) {
        return dbk_error_set(err, DBK_INVALID_ARGUMENT,
                             "DECIMAL type must have one or two parameters: \"%.*s\"", SHOWN(type));
    }
    *scale = 0;
    const char *why = read_number(first, 0, 255, precision);
    if (why != NULL) {
        return dbk_error_set(err, DBK_INVALID_ARGUMENT, "invalid DECIMAL precision \"%.*s\": %s",
                             SHOWN(type), why);
    }
    why = two ? read_number(rest, -128, 127, scale) : NULL;
    if (why != NULL) {
        return dbk_error_set(err, DBK_INVALID_ARGUMENT, "invalid DECIMAL scale \"%.*s\": %s",
                             SHOWN(type), why);
    }
    if (*precision < 1 || *precision > 38) {
        return dbk_error_set(err, DBK_INVALID_ARGUMENT,
                             "DECIMAL precision must be in 1..=38: \"%.*s\"", SHOWN(type));
    }
    if (*scale < 0 || *scale > *precision) {
        return dbk_error_set(err, DBK_INVALID_ARGUMENT,
                             "DECIMAL scale must be in 0..=precision: \"%.*s\"", SHOWN(type));
    }
    return DBK_OK;
}

/* A text with more digits behind the point than the type has would be rounded by the server: the
 * type is widened to the text when that is a type at all. */
static dbk_status read_decimal(dbk_slice type, dbk_slice value, dbk_literal *out, dbk_error *err) {
    char wire[32];
    int64_t precision = 0;
    int64_t scale = 0;
    decimal_shape shape = {0};
    dbk_status st = read_decimal_type(type, &precision, &scale, err);
    if (st != DBK_OK) {
        return st;
    }
    if (!decimal_ok(value, &shape)) {
        return dbk_error_set(err, DBK_INVALID_ARGUMENT, "invalid DECIMAL literal \"%.*s\"",
                             SHOWN(value));
    }
    int64_t needed = dbk_max_i64(shape.digits, shape.scale);
    if (shape.scale > scale && needed <= 38) {
        precision = needed;
        scale = shape.scale;
    }
    (void)snprintf(wire, sizeof wire, "DECIMAL(%d,%d)", (int)precision, (int)scale);
    return give(wire, value, out, err);
}

/* ---- dates and times ---- */

static dbk_status read_time(dbk_time_kind kind, const literal_type *t, dbk_slice value,
                            dbk_literal *out, dbk_error *err) {
    char text[DBK_TIME_TEXT];
    dbk_status st = dbk_time_normalise(kind, value, text, err);
    return st == DBK_OK ? give(t->wire, dbk_slice_of(text), out, err) : st;
}

static dbk_status read_date(const literal_type *t, dbk_slice value, dbk_literal *out,
                            dbk_error *err) {
    return read_time(DBK_TIME_DATE, t, value, out, err);
}

static dbk_status read_timestamp(const literal_type *t, dbk_slice value, dbk_literal *out,
                                 dbk_error *err) {
    return read_time(DBK_TIME_TIMESTAMP, t, value, out, err);
}

static dbk_status read_ltz(const literal_type *t, dbk_slice value, dbk_literal *out,
                           dbk_error *err) {
    return read_time(DBK_TIME_LTZ, t, value, out, err);
}

/* ---- the table ---- */

static const literal_type types[] = {
    {"STRING", "STRING", read_text, 0, 0},
    {"VARIANT", "STRING", read_text, 0, 0},
    {"GEOMETRY", "STRING", read_text, 0, 0},
    {"GEOGRAPHY", "STRING", read_text, 0, 0},
    {"BOOLEAN", "BOOLEAN", read_boolean, 0, 0},
    {"TINYINT", "TINYINT", read_integer, INT8_MIN, INT8_MAX},
    {"SMALLINT", "SMALLINT", read_integer, INT16_MIN, INT16_MAX},
    {"INT", "INT", read_integer, INT32_MIN, INT32_MAX},
    {"INTEGER", "INT", read_integer, INT32_MIN, INT32_MAX},
    {"BIGINT", "BIGINT", read_integer, INT64_MIN, INT64_MAX},
    {"LONG", "BIGINT", read_integer, INT64_MIN, INT64_MAX},
    {"FLOAT", "FLOAT", read_float, 0, 0},
    {"DOUBLE", "DOUBLE", read_float, 0, 0},
    {"DATE", "DATE", read_date, 0, 0},
    {"TIMESTAMP", "TIMESTAMP", read_timestamp, 0, 0},
    {"TIMESTAMP_NTZ", "TIMESTAMP_NTZ", read_timestamp, 0, 0},
    {"TIMESTAMP_LTZ", "TIMESTAMP_LTZ", read_ltz, 0, 0},
    {"INTERVAL", "INTERVAL", read_text, 0, 0},
    {"VOID", "STRING", read_void, 0, 0},
    {"BINARY", NULL, refuse_binary, 0, 0},
};

static bool prefix_nocase(dbk_slice s, dbk_slice prefix) {
    return s.len >= prefix.len && dbk_slice_eq_nocase((dbk_slice){s.ptr, prefix.len}, prefix);
}

static bool is_compound(dbk_slice type) {
    static const char *const words[] = {"ARRAY<", "MAP<", "STRUCT<"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        dbk_slice open = dbk_slice_of(words[i]);
        dbk_slice bare = {open.ptr, open.len - 1};
        if (prefix_nocase(type, open) || dbk_slice_eq_nocase(type, bare)) {
            return true;
        }
    }
    return false;
}

static dbk_status make(dbk_slice type, dbk_slice value, dbk_literal *out, dbk_error *err) {
    if (value.ptr == NULL) {
        return give("STRING", value, out, err);
    }
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (dbk_slice_eq_nocase(type, dbk_slice_of(types[i].name))) {
            return types[i].read(&types[i], value, out, err);
        }
    }
    if (prefix_nocase(type, DBK_SLICE("DECIMAL("))) {
        return read_decimal(type, value, out, err);
    }
    if (is_compound(type)) {
        return dbk_error_set(err, DBK_INVALID_ARGUMENT,
                             "compound parameter types (ARRAY/MAP/STRUCT) are not yet supported");
    }
    return dbk_error_set(err, DBK_INVALID_ARGUMENT, "unsupported parameter SQL type: \"%.*s\"",
                         SHOWN(type));
}

dbk_status dbk_literal_make(dbk_slice type, dbk_slice value, dbk_literal *out, dbk_error *err) {
    dbk_literal made = {0};
    dbk_status st = make(type, value, &made, err);
    if (st != DBK_OK) {
        dbk_literal_reset(&made);
        return st;
    }
    *out = made;
    return DBK_OK;
}
