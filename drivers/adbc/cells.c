#include "cells.h"

#include <stdlib.h>
#include <string.h>

/* ---- formats ---- */

static bool fixed(column *c, cell_kind kind, size_t width) {
    c->kind = kind;
    c->storage = STORED_FIXED;
    c->width = width;
    return true;
}

static bool ticks(column *c, cell_kind kind, char unit, size_t width) {
    static const char units[] = "smun";
    static const int64_t per_second[] = {1, 1000, 1000000, 1000000000};
    const char *found = unit != '\0' ? strchr(units, unit) : NULL;
    if (found == NULL) {
        return false;
    }
    c->per_second = per_second[found - units];
    return fixed(c, kind, width);
}

static bool temporal(column *c, const char *format) {
    switch (format[1]) {
    case 'd':
        return fixed(c, CELL_DATE, format[2] == 'D' ? 4 : 8);
    case 't':
        return ticks(c, CELL_TIME, format[2], format[2] == 's' || format[2] == 'm' ? 4 : 8);
    case 's':
        c->zoned = format[2] != '\0' && format[3] == ':' && format[4] != '\0';
        return ticks(c, CELL_TIMESTAMP, format[2], 8);
    case 'D':
        return ticks(c, CELL_DURATION, format[2], 8);
    case 'i':
        return fixed(c, CELL_INTERVAL, format[2] == 'M' ? 4 : format[2] == 'D' ? 8 : 16);
    default:
        return false;
    }
}

/* `mark` and the number behind it; *at moves on. */
static bool number(const char **at, char mark, int *out) {
    const char *first = *at + 1;
    if (**at != mark) {
        return false;
    }
    bool negative = *first == '-';
    first += negative ? 1 : 0;
    const char *s = first;
    int n = 0;
    for (; *s >= '0' && *s <= '9' && s - first < 9; s++) {
        n = n * 10 + (*s - '0');
    }
    *at = s;
    *out = negative ? -n : n;
    return s > first;
}

/* d:precision,scale[,bits]; 256 bits have 76 digits. */
static bool decimal(column *c, const char *format) {
    const char *at = format + 1;
    int bits = 128;
    bool known = number(&at, ':', &c->precision) && number(&at, ',', &c->scale) &&
                 (*at == '\0' || number(&at, ',', &bits)) && *at == '\0';
    known = known && c->precision > 0 && c->precision <= 76 && c->scale >= -76 && c->scale <= 76;
    known = known && (bits == 32 || bits == 64 || bits == 128 || bits == 256);
    return known && fixed(c, CELL_DECIMAL, (size_t)bits / 8);
}

/* `at`: the ":<bytes or elements>" of w and +w. */
static bool sized(column *c, cell_kind kind, const char *at) {
    int size = 0;
    bool known = number(&at, ':', &size) && *at == '\0' && size >= 0;
    return known && fixed(c, kind, (size_t)size);
}

static bool varying(column *c, char format, cell_storage storage) {
    c->kind = format == 'u' || format == 'U' ? CELL_TEXT : CELL_BINARY;
    c->storage = storage;
    return true;
}

static bool nested(column *c, const char *format) {
    switch (format[1]) {
    case 'l':
        c->kind = CELL_LIST;
        c->storage = STORED_OFFSETS_32;
        return c->schema->n_children == 1;
    case 'L':
        c->kind = CELL_LIST;
        c->storage = STORED_OFFSETS_64;
        return c->schema->n_children == 1;
    case 'w':
        return sized(c, CELL_LIST, format + 2) && c->schema->n_children == 1;
    case 'm':
        c->kind = CELL_MAP;
        c->storage = STORED_OFFSETS_32;
        return c->schema->n_children == 1 && c->schema->children[0]->n_children == 2;
    case 's':
        return fixed(c, CELL_STRUCT, 0);
    default:
        return false;
    }
}

static bool integer(const char *format, size_t *width, bool *is_signed) {
    static const char letters[] = "cCsSiIlL";
    bool one = format[0] != '\0' && format[1] == '\0';
    const char *found = one ? strchr(letters, format[0]) : NULL;
    if (found == NULL) {
        return false;
    }
    *width = (size_t)1 << ((found - letters) / 2);
    *is_signed = (found - letters) % 2 == 0;
    return true;
}

static bool read_format(column *c, const char *format) {
    bool is_signed = false;
    if (integer(format, &c->width, &is_signed)) {
        return fixed(c, is_signed ? CELL_INT : CELL_UINT, c->width);
    }
    switch (format[0]) {
    case 'n':
        return fixed(c, CELL_NULL, 0);
    case 'b':
        return fixed(c, CELL_BOOL, 0);
    case 'e':
        return fixed(c, CELL_FLOAT, 2);
    case 'f':
        return fixed(c, CELL_FLOAT, 4);
    case 'g':
        return fixed(c, CELL_FLOAT, 8);
    case 'u':
    case 'z':
        return varying(c, format[0], STORED_OFFSETS_32);
    case 'U':
    case 'Z':
        return varying(c, format[0], STORED_OFFSETS_64);
    case 'v':
        return (format[1] == 'u' || format[1] == 'z') && varying(c, format[1], STORED_VIEWS);
    case 'w':
        return sized(c, CELL_BINARY, format + 1);
    case 'd':
        return decimal(c, format);
    case 't':
        return temporal(c, format);
    case '+':
        return nested(c, format);
    default:
        return false;
    }
}

bool column_of(const struct ArrowSchema *schema, column *out) {
    *out = (column){.schema = schema,
                    .name = schema->name != NULL ? schema->name : "",
                    .nullable = (schema->flags & ARROW_FLAG_NULLABLE) != 0};
    bool known = true;
    if (schema->dictionary != NULL) {
        known = integer(schema->format, &out->index_width, &out->index_signed);
        out->schema = schema->dictionary;
    }
    known = known && read_format(out, out->schema->format);
    if (!known) {
        out->kind = CELL_UNKNOWN;
    }
    return known;
}

void column_attach(column *c, const struct ArrowArray *array) {
    c->array = array;
}

/* ---- cells ---- */

static bool valid_at(const struct ArrowArray *a, int64_t at) {
    const uint8_t *bits = a->n_buffers > 0 ? a->buffers[0] : NULL;
    return bits == NULL || a->null_count == 0 || (bits[at / 8] >> (at % 8) & 1) != 0;
}

static int64_t read_int(const void *buffer, int64_t at, size_t width, bool is_signed) {
    const char *from = (const char *)buffer + (size_t)at * width;
    int64_t n = 0;
    switch (width) {
    case 1: {
        uint8_t v = (uint8_t)*from;
        n = is_signed ? (int8_t)v : v;
        break;
    }
    case 2: {
        uint16_t v = 0;
        memcpy(&v, from, sizeof v);
        n = is_signed ? (int16_t)v : v;
        break;
    }
    case 4: {
        uint32_t v = 0;
        memcpy(&v, from, sizeof v);
        n = is_signed ? (int32_t)v : (int64_t)v;
        break;
    }
    default:
        memcpy(&n, from, sizeof n);
    }
    return n;
}

/* Where the value is: in the array itself, or in its dictionary. */
typedef struct spot {
    const struct ArrowArray *array;
    int64_t at;
} spot;

static spot find(const column *c, int64_t row) {
    spot s = {c->array, c->array->offset + row};
    if (c->index_width > 0) {
        int64_t key = read_int(c->array->buffers[1], s.at, c->index_width, c->index_signed);
        s = (spot){c->array->dictionary, c->array->dictionary->offset + key};
    }
    return s;
}

bool cell_is_null(const column *c, int64_t row) {
    if (c->index_width > 0 && !valid_at(c->array, c->array->offset + row)) {
        return true;
    }
    spot s = find(c, row);
    return c->kind == CELL_NULL || !valid_at(s.array, s.at);
}

bool cell_int(const column *c, int64_t row, int64_t *out) {
    spot s = find(c, row);
    if (c->kind == CELL_BOOL) {
        const uint8_t *bits = s.array->buffers[1];
        *out = bits[s.at / 8] >> (s.at % 8) & 1;
        return true;
    }
    if (c->storage != STORED_FIXED || c->width == 0 || c->width > 8 || c->kind == CELL_FLOAT ||
        c->kind == CELL_BINARY || c->kind == CELL_DECIMAL || c->kind == CELL_LIST) {
        return false;
    }
    *out = read_int(s.array->buffers[1], s.at, c->width, c->kind != CELL_UINT);
    return true;
}

static double half(uint16_t h) {
    uint32_t sign = (uint32_t)(h & 0x8000u) << 16;
    uint32_t exponent = h >> 10 & 0x1fu;
    uint32_t fraction = h & 0x3ffu;
    float f = 0;
    if (exponent == 0) { /* subnormal: fraction * 2^-24 */
        f = (float)fraction / 16777216.0F;
        return (double)(sign != 0 ? -f : f);
    }
    uint32_t bits = sign | (exponent == 31 ? 0xffu : exponent + 112) << 23 | fraction << 13;
    memcpy(&f, &bits, sizeof f);
    return (double)f;
}

double cell_double(const column *c, int64_t row) {
    spot s = find(c, row);
    const char *from = (const char *)s.array->buffers[1] + (size_t)s.at * c->width;
    double d = 0;
    float f = 0;
    uint16_t h = 0;
    switch (c->width) {
    case 2:
        memcpy(&h, from, sizeof h);
        return half(h);
    case 4:
        memcpy(&f, from, sizeof f);
        return (double)f;
    default:
        memcpy(&d, from, sizeof d);
        return d;
    }
}

/* A view: 12 bytes in place, or a prefix, the number of a buffer and an offset in it. */
static void view_bytes(spot s, const char **out, size_t *len) {
    const char *view = (const char *)s.array->buffers[1] + (size_t)s.at * 16;
    int32_t size = 0;
    int32_t buffer = 0;
    int32_t offset = 0;
    memcpy(&size, view, sizeof size);
    *len = (size_t)size;
    *out = view + 4;
    if (size > 12) {
        memcpy(&buffer, view + 8, sizeof buffer);
        memcpy(&offset, view + 12, sizeof offset);
        *out = (const char *)s.array->buffers[2 + buffer] + offset;
    }
}

static void range(const column *c, spot s, int64_t *first, int64_t *count) {
    if (c->storage == STORED_FIXED) {
        *count = (int64_t)c->width;
        *first = s.at * *count;
        return;
    }
    size_t width = c->storage == STORED_OFFSETS_64 ? 8 : 4;
    *first = read_int(s.array->buffers[1], s.at, width, true);
    *count = read_int(s.array->buffers[1], s.at + 1, width, true) - *first;
}

void cell_bytes(const column *c, int64_t row, const char **out, size_t *len) {
    spot s = find(c, row);
    int64_t first = 0;
    int64_t count = 0;
    if (c->storage == STORED_VIEWS) {
        view_bytes(s, out, len);
        return;
    }
    range(c, s, &first, &count);
    const char *data = s.array->buffers[c->storage == STORED_FIXED ? 1 : 2];
    *out = data != NULL ? data + first : "";
    *len = (size_t)count;
}

void cell_range(const column *c, int64_t row, int64_t *first, int64_t *count) {
    range(c, find(c, row), first, count);
}
