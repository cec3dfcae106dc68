#include "abi_probe.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Arrow C Data structs to JSON. Numbers that JSON cannot carry exactly are texts; dates, times and
 * durations are the stored number, whose meaning is in the schema's format. */

/* ---- schema ---- */

static int32_t read_i32(const char *at) {
    int32_t n;
    memcpy(&n, at, sizeof n);
    return n;
}

/* The packed key/value form of the C Data Interface as pairs, in order. */
static json_t *metadata_json(const char *packed) {
    json_t *pairs = json_array();
    if (packed == NULL) {
        return pairs;
    }
    const char *at = packed + 4;
    for (int32_t left = read_i32(packed); left > 0; left--) {
        json_t *pair = json_array();
        for (int part = 0; part < 2; part++) {
            int32_t len = read_i32(at);
            json_array_append_new(pair, json_stringn_nocheck(at + 4, (size_t)len));
            at += 4 + len;
        }
        json_array_append_new(pairs, pair);
    }
    return pairs;
}

json_t *probe_schema_json(const struct ArrowSchema *schema) {
    json_t *out = json_object();
    json_object_set_new(out, "format", json_string(schema->format));
    json_object_set_new(out, "name",
                        schema->name != NULL ? json_string(schema->name) : json_null());
    json_object_set_new(out, "flags", json_integer(schema->flags));
    json_object_set_new(out, "metadata", metadata_json(schema->metadata));
    json_t *children = json_array();
    for (int64_t i = 0; i < schema->n_children; i++) {
        json_array_append_new(children, probe_schema_json(schema->children[i]));
    }
    json_object_set_new(out, "children", children);
    if (schema->dictionary != NULL) {
        json_object_set_new(out, "dictionary", probe_schema_json(schema->dictionary));
    }
    return out;
}

/* ---- one cell ---- */

static const char *buffer_of(const struct ArrowArray *a, int64_t index) {
    return a->buffers[index];
}

static bool bit_at(const char *bits, int64_t index) {
    return (((unsigned char)bits[index / 8]) >> (index % 8) & 1) != 0;
}

static bool is_null(const struct ArrowSchema *s, const struct ArrowArray *a, int64_t at) {
    if (strcmp(s->format, "n") == 0) {
        return true;
    }
    if (a->n_buffers == 0 || s->format[0] == '+') {
        bool has_bits = a->n_buffers > 0 && s->format[1] != 'u' && s->format[1] != 'r';
        return has_bits && a->buffers[0] != NULL && !bit_at(buffer_of(a, 0), at);
    }
    return a->buffers[0] != NULL && !bit_at(buffer_of(a, 0), at);
}

static uint64_t read_uint(const char *at, size_t width) {
    uint64_t n = 0;
    for (size_t i = width; i > 0; i--) {
        n = n << 8 | (unsigned char)at[i - 1];
    }
    return n;
}

static int64_t read_int(const char *at, size_t width) {
    uint64_t n = read_uint(at, width);
    if (width < 8 && (n >> (width * 8 - 1) & 1) != 0) {
        n |= ~UINT64_C(0) << (width * 8);
    }
    int64_t out;
    memcpy(&out, &n, sizeof out);
    return out;
}

static json_t *unsigned_json(uint64_t n) {
    char text[24];
    if (n <= INT64_MAX) {
        return json_integer((json_int_t)n);
    }
    (void)snprintf(text, sizeof text, "%" PRIu64, n);
    return json_string(text);
}

static json_t *float_json(double value, int digits) {
    char text[40];
    if (isnan(value)) {
        return json_string("NaN");
    }
    (void)snprintf(text, sizeof text, "%.*g", digits, value);
    return json_string(text);
}

static json_t *bytes_json(const char *at, size_t len) {
    static const char digits[] = "0123456789abcdef";
    char *text = malloc(2 * len + 1);
    if (text == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < len; i++) {
        text[2 * i] = digits[(unsigned char)at[i] >> 4];
        text[2 * i + 1] = digits[(unsigned char)at[i] & 15];
    }
    text[2 * len] = '\0';
    json_t *out = json_pack("{s:s}", "hex", text);
    free(text);
    return out;
}

static json_t *text_json(const char *at, size_t len) {
    json_t *out = json_stringn(len > 0 ? at : "", len); /* NULL when it is not UTF-8 */
    return out != NULL ? out : bytes_json(at, len);
}

/* value /= 10 on a little-endian number; returns the remainder. */
static unsigned divide_by_ten(unsigned char *value, size_t width) {
    unsigned rest = 0;
    for (size_t i = width; i > 0; i--) {
        unsigned part = rest << 8 | value[i - 1];
        value[i - 1] = (unsigned char)(part / 10);
        rest = part % 10;
    }
    return rest;
}

static bool is_zero(const unsigned char *value, size_t width) {
    for (size_t i = 0; i < width; i++) {
        if (value[i] != 0) {
            return false;
        }
    }
    return true;
}

/* An exact decimal text: the sign, the digits, the point where the scale says. */
static json_t *decimal_json(const char *at, size_t width, int scale) {
    unsigned char value[32];
    char text[128];
    memcpy(value, at, width);
    bool negative = value[width - 1] >> 7 != 0;
    for (size_t i = 0, carry = 1; negative && i < width; i++) { /* two's complement */
        carry += (unsigned char)~value[i];
        value[i] = (unsigned char)(carry & 0xFF);
        carry >>= 8;
    }
    size_t pos = sizeof text - 1;
    text[pos] = '\0';
    for (int digits = 0; digits <= scale || !is_zero(value, width); digits++) {
        if (digits == scale && scale > 0) {
            text[--pos] = '.';
        }
        text[--pos] = (char)('0' + divide_by_ten(value, width));
    }
    if (negative) {
        text[--pos] = '-';
    }
    return json_string(text + pos);
}

static json_t *cell_json(const struct ArrowSchema *s, const struct ArrowArray *a, int64_t row);

static json_t *range_json(const struct ArrowSchema *s, const struct ArrowArray *a, int64_t from,
                          int64_t to) {
    json_t *out = json_array();
    for (int64_t i = from; i < to; i++) {
        json_array_append_new(out, cell_json(s, a, i));
    }
    return out;
}

static json_t *nested_json(const struct ArrowSchema *s, const struct ArrowArray *a, int64_t at) {
    const char *offsets = a->n_buffers > 1 ? buffer_of(a, 1) : NULL;
    json_t *out = NULL;
    switch (s->format[1]) {
    case 's': /* the values in field order */
        out = json_array();
        for (int64_t i = 0; i < s->n_children; i++) {
            json_array_append_new(out, cell_json(s->children[i], a->children[i], at));
        }
        return out;
    case 'l':
    case 'm': /* entries: [key, value] each */
        return range_json(s->children[0], a->children[0], read_int(offsets + at * 4, 4),
                          read_int(offsets + at * 4 + 4, 4));
    case 'L':
        return range_json(s->children[0], a->children[0], read_int(offsets + at * 8, 8),
                          read_int(offsets + at * 8 + 8, 8));
    case 'w': {
        int64_t size = strtoll(s->format + 3, NULL, 10);
        return range_json(s->children[0], a->children[0], at * size, at * size + size);
    }
    default:
        return json_pack("{s:s}", "unsupported", s->format);
    }
}

static json_t *temporal_json(const char *format, const char *data, int64_t at) {
    char text[64];
    if (strcmp(format, "tdD") == 0 || strcmp(format, "tts") == 0 || strcmp(format, "ttm") == 0 ||
        strcmp(format, "tiM") == 0) {
        return json_integer(read_int(data + at * 4, 4));
    }
    if (strcmp(format, "tiD") == 0) {
        (void)snprintf(text, sizeof text, "%" PRId64 "d %" PRId64 "ms", read_int(data + at * 8, 4),
                       read_int(data + at * 8 + 4, 4));
        return json_string(text);
    }
    if (strcmp(format, "tin") == 0) {
        (void)snprintf(text, sizeof text, "%" PRId64 "m %" PRId64 "d %" PRId64 "ns",
                       read_int(data + at * 16, 4), read_int(data + at * 16 + 4, 4),
                       read_int(data + at * 16 + 8, 8));
        return json_string(text);
    }
    return json_integer(read_int(data + at * 8, 8));
}

static json_t *decimal_cell(const char *format, const char *data, int64_t at) {
    int precision = 0, scale = 0, bits = 128;
    (void)sscanf(format, "d:%d,%d,%d", &precision, &scale, &bits);
    size_t width = (size_t)bits / 8;
    return decimal_json(data + (size_t)at * width, width, scale);
}

static json_t *view_json(const struct ArrowArray *a, int64_t at, bool text) {
    const char *view = buffer_of(a, 1) + at * 16;
    int64_t len = read_int(view, 4);
    const char *data =
        len <= 12 ? view + 4 : buffer_of(a, 2 + read_int(view + 8, 4)) + read_int(view + 12, 4);
    return text ? text_json(data, (size_t)len) : bytes_json(data, (size_t)len);
}

static json_t *variable_json(const struct ArrowArray *a, int64_t at, size_t width, bool text) {
    const char *offsets = buffer_of(a, 1) + at * (int64_t)width;
    int64_t from = read_int(offsets, width), to = read_int(offsets + width, width);
    const char *data = buffer_of(a, 2);
    data = data != NULL ? data + from : "";
    return text ? text_json(data, (size_t)(to - from)) : bytes_json(data, (size_t)(to - from));
}

static json_t *half_json(const char *at) {
    char text[8];
    (void)snprintf(text, sizeof text, "0x%04x", (unsigned)read_uint(at, 2));
    return json_string(text);
}

static json_t *plain_json(const char *format, const struct ArrowArray *a, int64_t at) {
    static const char widths[] = "cCsSiIlL";
    const char *data = buffer_of(a, 1);
    const char *known = strchr(widths, format[0]);
    float single;
    double dbl;
    if (known != NULL) {
        size_t width = (size_t)1 << ((known - widths) / 2);
        const char *cell = data + at * (int64_t)width;
        return (known - widths) % 2 == 0 ? json_integer(read_int(cell, width))
                                         : unsigned_json(read_uint(cell, width));
    }
    switch (format[0]) {
    case 'b':
        return json_boolean(bit_at(data, at));
    case 'e':
        return half_json(data + at * 2);
    case 'f':
        memcpy(&single, data + at * 4, sizeof single);
        return float_json((double)single, 9);
    case 'g':
        memcpy(&dbl, data + at * 8, sizeof dbl);
        return float_json(dbl, 17);
    case 'z':
    case 'u':
        return variable_json(a, at, 4, format[0] == 'u');
    case 'Z':
    case 'U':
        return variable_json(a, at, 8, format[0] == 'U');
    case 'v':
        return view_json(a, at, format[1] == 'u');
    case 'd':
        return decimal_cell(format, data, at);
    case 'w': {
        int64_t width = strtoll(format + 2, NULL, 10);
        return bytes_json(data + at * width, (size_t)width);
    }
    case 't':
        return temporal_json(format, data, at);
    default:
        return json_pack("{s:s}", "unsupported", format);
    }
}

static json_t *cell_json(const struct ArrowSchema *s, const struct ArrowArray *a, int64_t row) {
    int64_t at = a->offset + row;
    if (is_null(s, a, at)) {
        return json_null();
    }
    if (s->dictionary != NULL) {
        json_t *index = plain_json(s->format, a, at);
        int64_t entry = json_integer_value(index);
        json_decref(index);
        return cell_json(s->dictionary, a->dictionary, entry);
    }
    return s->format[0] == '+' ? nested_json(s, a, at) : plain_json(s->format, a, at);
}

/* ---- the rules of the C Data Interface ---- */

static int64_t expected_buffers(const char *format) {
    switch (format[0]) {
    case 'n':
        return 0;
    case 'z':
    case 'Z':
    case 'u':
    case 'U':
        return 3;
    case 'v':
        return -1; /* depends on the data */
    case '+':
        return format[1] == 's' || format[1] == 'w'                       ? 1
               : format[1] == 'l' || format[1] == 'L' || format[1] == 'm' ? 2
                                                                          : -1;
    default:
        return 2;
    }
}

static void complain(json_t *problems, const char *path, const char *what) {
    json_array_append_new(problems, json_sprintf("%s: %s", path, what));
}

static void check_nulls(const struct ArrowSchema *s, const struct ArrowArray *a, const char *path,
                        json_t *problems) {
    int64_t nulls = 0;
    for (int64_t i = 0; i < a->length; i++) {
        nulls += is_null(s, a, a->offset + i);
    }
    if (a->null_count != -1 && a->null_count != nulls) {
        complain(problems, path, "null_count is wrong");
    }
}

static void check_array(const struct ArrowSchema *s, const struct ArrowArray *a, const char *path,
                        json_t *problems) {
    char inner[256];
    int64_t buffers = expected_buffers(s->format);
    if (a->release == NULL) {
        complain(problems, path, "released");
    }
    if (a->length < 0 || a->offset < 0) {
        complain(problems, path, "negative length or offset");
    }
    if (buffers >= 0 && a->n_buffers != buffers) {
        complain(problems, path, "wrong number of buffers");
    }
    if (a->n_children != s->n_children || (a->dictionary == NULL) != (s->dictionary == NULL)) {
        complain(problems, path, "children or dictionary unlike the schema");
        return;
    }
    check_nulls(s, a, path, problems);
    for (int64_t i = 0; i < s->n_children; i++) {
        (void)snprintf(inner, sizeof inner, "%.200s/%" PRId64, path, i);
        if (s->format[1] == 's' && a->children[i]->length < a->length + a->offset) {
            complain(problems, inner, "shorter than its parent");
        }
        check_array(s->children[i], a->children[i], inner, problems);
    }
}

/* ---- one batch ---- */

json_t *probe_batch_json(const struct ArrowSchema *schema, const struct ArrowArray *array,
                         bool values) {
    json_t *out = json_pack("{s:I}", "rows", (json_int_t)array->length);
    json_t *problems = json_array();
    check_array(schema, array, "batch", problems);
    if (array->offset != 0 || array->null_count > 0) {
        complain(problems, "batch", "the root has an offset or nulls");
    }
    if (json_array_size(problems) > 0) {
        json_object_set(out, "problems", problems);
    }
    json_decref(problems);
    json_t *layout = json_array();
    json_t *columns = json_array();
    for (int64_t i = 0; i < array->n_children; i++) {
        const struct ArrowArray *child = array->children[i];
        json_array_append_new(layout, json_pack("{s:I,s:I,s:b}", "null_count",
                                                (json_int_t)child->null_count, "offset",
                                                (json_int_t)child->offset, "validity",
                                                child->n_buffers > 0 && child->buffers[0] != NULL));
        if (values) {
            json_array_append_new(columns,
                                  range_json(schema->children[i], child, 0, array->length));
        }
    }
    json_object_set_new(out, "layout", layout);
    if (values) {
        json_object_set_new(out, "columns", columns);
    } else {
        json_decref(columns);
    }
    return out;
}

static uint64_t hash_text(uint64_t hash, const char *text) {
    for (; *text != '\0'; text++) {
        hash = (hash ^ (unsigned char)*text) * UINT64_C(1099511628211);
    }
    return hash;
}

void probe_batch_hash(const struct ArrowSchema *schema, const struct ArrowArray *array,
                      uint64_t *hashes) {
    for (int64_t column = 0; column < array->n_children; column++) {
        for (int64_t row = 0; row < array->length; row++) {
            json_t *cell = cell_json(schema->children[column], array->children[column], row);
            char *text = json_dumps(cell, JSON_ENCODE_ANY | JSON_COMPACT);
            hashes[column] = hash_text(hash_text(hashes[column], text), "\n");
            free(text);
            json_decref(cell);
        }
    }
}
