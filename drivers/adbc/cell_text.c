#include "cells.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Values as text: what parameters and staged files are made of. */

/* ---- numbers ---- */

/* The fewest digits that give the same number again. */
static void write_double(double d, bool single, text *out) {
    char number[48];
    if (isnan(d) || isinf(d)) {
        text_add(out, isnan(d) ? "NaN" : d > 0 ? "Infinity" : "-Infinity");
        return;
    }
    c_locale l = c_locale_enter();
    for (int digits = single ? 6 : 15; digits <= 17; digits++) {
        (void)snprintf(number, sizeof number, "%.*g", digits, d);
        bool same = single ? strtof(number, NULL) == (float)d : strtod(number, NULL) == d;
        if (same) {
            break;
        }
    }
    c_locale_leave(l);
    text_add(out, number);
}

/* Divides the little-endian limbs by ten and gives the rest. */
static unsigned divide_by_ten(uint32_t *limbs, size_t count) {
    uint64_t rest = 0;
    for (size_t i = count; i-- > 0;) {
        uint64_t n = rest << 32 | limbs[i];
        limbs[i] = (uint32_t)(n / 10);
        rest = n % 10;
    }
    return (unsigned)rest;
}

static void negate(uint32_t *limbs, size_t count) {
    uint64_t carry = 1;
    for (size_t i = 0; i < count; i++) {
        carry += (uint32_t)~limbs[i];
        limbs[i] = (uint32_t)carry;
        carry >>= 32;
    }
}

static void write_decimal(const char *from, size_t width, int scale, text *out) {
    uint32_t limbs[8] = {0};
    char digits[96]; /* from the end: 256 bits have 78 digits */
    size_t at = sizeof digits;
    size_t count = width / 4;
    memcpy(limbs, from, width);
    bool negative = (limbs[count - 1] & 0x80000000u) != 0;
    if (negative) {
        negate(limbs, count);
    }
    for (size_t n = 0; n < 78; n++) {
        digits[--at] = (char)('0' + divide_by_ten(limbs, count));
    }
    size_t fraction = scale > 0 ? (size_t)scale : 0;
    while (sizeof digits - at > fraction + 1 && digits[at] == '0') {
        at++;
    }
    if (negative) {
        text_add(out, "-");
    }
    size_t whole = sizeof digits - at - fraction;
    text_add_n(out, digits + at, whole);
    for (int zeros = scale; zeros < 0; zeros++) {
        text_add(out, "0");
    }
    if (fraction > 0) {
        text_add(out, ".");
        text_add_n(out, digits + at + whole, fraction);
    }
}

/* ---- dates and times ---- */

/* The proleptic Gregorian calendar; eras of 400 years that begin in March. */
static void write_date(int64_t days, text *out) {
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    int64_t month = mp < 10 ? mp + 3 : mp - 9;
    int64_t year = yoe + era * 400 + (month <= 2 ? 1 : 0);
    text_addf(out, "%s%04" PRId64 "-%02" PRId64 "-%02" PRId64, year < 0 ? "-" : "",
              year < 0 ? -year : year, month, doy - (153 * mp + 2) / 5 + 1);
}

static int64_t floor_div(int64_t n, int64_t d) {
    int64_t q = n / d;
    return q * d > n ? q - 1 : q;
}

/* Seconds of a day and a fraction; the server knows microseconds. */
static void write_clock(int64_t second, int64_t ticks, int64_t per_second, text *out) {
    int64_t micros =
        per_second > 1000000 ? ticks / (per_second / 1000000) : ticks * (1000000 / per_second);
    text_addf(out, "%02" PRId64 ":%02" PRId64 ":%02" PRId64, second / 3600, second / 60 % 60,
              second % 60);
    if (micros != 0) {
        text_addf(out, ".%06" PRId64, micros);
    }
}

static void write_timestamp(const column *c, int64_t value, text *out) {
    int64_t seconds = floor_div(value, c->per_second);
    int64_t days = floor_div(seconds, 86400);
    int64_t ticks = value % c->per_second;
    ticks += ticks < 0 ? c->per_second : 0;
    write_date(days, out);
    text_add(out, " ");
    write_clock(seconds - days * 86400, ticks, c->per_second, out);
    if (c->zoned) {
        text_add(out, "+00:00");
    }
}

/* ---- JSON, for nested values ---- */

static void write_json_string(const char *s, size_t len, text *out) {
    text_add(out, "\"");
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c == '"' || c == '\\') {
            text_addf(out, "\\%c", c);
        } else if (c < 0x20) {
            text_addf(out, "\\u%04x", c);
        } else {
            text_add_n(out, s + i, 1);
        }
    }
    text_add(out, "\"");
}

static bool bare_in_json(const column *c, int64_t row) {
    bool bare = c->kind == CELL_BOOL || c->kind == CELL_INT || c->kind == CELL_UINT ||
                c->kind == CELL_LIST || c->kind == CELL_MAP || c->kind == CELL_STRUCT;
    return bare || (c->kind == CELL_FLOAT && isfinite(cell_double(c, row)) != 0);
}

static bool write_json(const column *c, int64_t row, text *out) {
    text plain = {0};
    bool known = true;
    if (cell_is_null(c, row)) {
        text_add(out, "null");
    } else if (bare_in_json(c, row)) {
        known = cell_write(c, row, out);
    } else {
        known = cell_write(c, row, &plain);
        write_json_string(text_str(&plain), plain.len, out);
    }
    out->failed |= plain.failed;
    text_reset(&plain);
    return known;
}

static bool child_of(const column *c, int64_t at, column *out) {
    bool known = column_of(c->schema->children[at], out);
    column_attach(out, c->array->children[at]);
    return known;
}

static bool write_list(const column *c, int64_t row, text *out) {
    column item;
    int64_t first = 0;
    int64_t count = 0;
    if (c->index_width > 0 || !child_of(c, 0, &item)) {
        return false;
    }
    cell_range(c, row, &first, &count);
    text_add(out, "[");
    for (int64_t i = 0; i < count; i++) {
        text_add(out, i > 0 ? "," : "");
        if (!write_json(&item, first + i, out)) {
            return false;
        }
    }
    text_add(out, "]");
    return true;
}

static bool write_struct(const column *c, int64_t row, text *out) {
    text_add(out, "{");
    for (int64_t i = 0; i < c->schema->n_children; i++) {
        column field;
        bool known = c->index_width == 0 && child_of(c, i, &field);
        if (!known) {
            return false;
        }
        text_add(out, i > 0 ? "," : "");
        write_json_string(field.name, strlen(field.name), out);
        text_add(out, ":");
        if (!write_json(&field, row + c->array->offset, out)) {
            return false;
        }
    }
    text_add(out, "}");
    return true;
}

/* Keys are texts in JSON, whatever they are. */
static bool write_map(const column *c, int64_t row, text *out) {
    column entries;
    column key;
    column value;
    int64_t first = 0;
    int64_t count = 0;
    bool known = c->index_width == 0 && child_of(c, 0, &entries) && child_of(&entries, 0, &key) &&
                 child_of(&entries, 1, &value);
    if (!known) {
        return false;
    }
    cell_range(c, row, &first, &count);
    first += entries.array->offset;
    text_add(out, "{");
    for (int64_t i = first; known && i < first + count; i++) {
        text name = {0};
        known = cell_write(&key, i, &name);
        text_add(out, i > first ? "," : "");
        write_json_string(text_str(&name), name.len, out);
        text_reset(&name);
        text_add(out, ":");
        known = known && write_json(&value, i, out);
    }
    text_add(out, "}");
    return known;
}

/* ---- one cell ---- */

static void write_hex(const char *bytes, size_t len, text *out) {
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)bytes[i];
        char pair[2] = {digits[c >> 4], digits[c & 15]};
        text_add_n(out, pair, 2);
    }
}

static bool write_bytes(const column *c, int64_t row, text *out) {
    const char *bytes = NULL;
    size_t len = 0;
    cell_bytes(c, row, &bytes, &len);
    text_add(out, ""); /* there, even when empty */
    if (c->kind == CELL_BINARY) {
        write_hex(bytes, len, out);
    } else {
        text_add_n(out, bytes, len);
    }
    return true;
}

static bool write_integer(const column *c, int64_t row, text *out) {
    int64_t n = 0;
    if (!cell_int(c, row, &n)) {
        return false;
    }
    if (c->kind == CELL_BOOL) {
        text_add(out, n != 0 ? "true" : "false");
    } else if (c->kind == CELL_UINT) {
        text_addf(out, "%" PRIu64, (uint64_t)n);
    } else if (c->kind == CELL_DATE) {
        write_date(c->width == 4 ? n : floor_div(n, 86400000), out);
    } else if (c->kind == CELL_TIME) {
        write_clock(n / c->per_second, n % c->per_second, c->per_second, out);
    } else if (c->kind == CELL_TIMESTAMP) {
        write_timestamp(c, n, out);
    } else {
        text_addf(out, "%" PRId64, n);
    }
    return true;
}

static bool write_fixed(const column *c, int64_t row, text *out) {
    column raw = *c;
    const char *bytes = NULL;
    size_t len = 0;
    raw.kind = CELL_BINARY;
    cell_bytes(&raw, row, &bytes, &len);
    write_decimal(bytes, len, c->scale, out);
    return true;
}

bool cell_write(const column *c, int64_t row, text *out) {
    switch (c->kind) {
    case CELL_BOOL:
    case CELL_INT:
    case CELL_UINT:
    case CELL_DATE:
    case CELL_TIME:
    case CELL_TIMESTAMP:
        return write_integer(c, row, out);
    case CELL_FLOAT:
        write_double(cell_double(c, row), c->width < 8, out);
        return true;
    case CELL_DECIMAL:
        return write_fixed(c, row, out);
    case CELL_TEXT:
    case CELL_BINARY:
        return write_bytes(c, row, out);
    case CELL_LIST:
        return write_list(c, row, out);
    case CELL_MAP:
        return write_map(c, row, out);
    case CELL_STRUCT:
        return write_struct(c, row, out);
    case CELL_NULL:
    case CELL_DURATION:
    case CELL_INTERVAL:
    case CELL_UNKNOWN:
        break;
    }
    return false;
}

/* ---- SQL types ---- */

static bool nested_type(const column *c, text *out) {
    column child;
    text_add(out, c->kind == CELL_LIST ? "ARRAY<" : c->kind == CELL_MAP ? "MAP<" : "STRUCT<");
    const struct ArrowSchema *parent = c->kind == CELL_MAP ? c->schema->children[0] : c->schema;
    for (int64_t i = 0; i < parent->n_children; i++) {
        if (!column_of(parent->children[i], &child)) {
            return false;
        }
        text_add(out, i > 0 ? ", " : "");
        if (c->kind == CELL_STRUCT) {
            text_add_identifier(out, child.name);
            text_add(out, ": ");
        }
        if (!column_sql_type(&child, out)) {
            return false;
        }
    }
    text_add(out, ">");
    return true;
}

bool column_sql_type(const column *c, text *out) {
    static const char *const ints[] = {"", "TINYINT", "SMALLINT", "", "INT", "", "", "", "BIGINT"};
    static const char *const uints[] = {"", "SMALLINT", "INT",          "", "BIGINT", "",
                                        "", "",         "DECIMAL(20,0)"};
    switch (c->kind) {
    case CELL_BOOL:
        text_add(out, "BOOLEAN");
        return true;
    case CELL_INT:
        text_add(out, ints[c->width]);
        return true;
    case CELL_UINT:
        text_add(out, uints[c->width]);
        return true;
    case CELL_FLOAT:
        text_add(out, c->width < 8 ? "FLOAT" : "DOUBLE");
        return true;
    case CELL_DECIMAL: /* a negative scale: digits before the point */
        text_addf(out, "DECIMAL(%d,%d)", c->scale < 0 ? c->precision - c->scale : c->precision,
                  c->scale < 0 ? 0 : c->scale);
        return true;
    case CELL_NULL:
    case CELL_TEXT:
    case CELL_TIME:
        text_add(out, "STRING");
        return true;
    case CELL_BINARY:
        text_add(out, "BINARY");
        return true;
    case CELL_DATE:
        text_add(out, "DATE");
        return true;
    case CELL_TIMESTAMP:
        text_add(out, c->zoned ? "TIMESTAMP" : "TIMESTAMP_NTZ");
        return true;
    case CELL_LIST:
    case CELL_MAP:
    case CELL_STRUCT:
        return nested_type(c, out);
    case CELL_DURATION:
    case CELL_INTERVAL:
    case CELL_UNKNOWN:
        break;
    }
    return false;
}
