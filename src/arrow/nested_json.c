#include "arrow/nested_json.h"

#include "arrow/scalar_text.h"

#include <math.h>
#include <string.h>

/* Where a value stands: map keys are always strings. */
typedef enum json_place { PLACE_VALUE, PLACE_KEY } json_place;

static dbk_status write_value(const dbk_field *f, const dbk_array *a, int64_t row, json_place place,
                              dbk_buf *out, dbk_error *err);

/* ---- appending: room is nearly always there, so the checks are inline ----------------------------- */

static inline dbk_status make_room(dbk_buf *out, size_t n, dbk_error *err) {
    return DBK_LIKELY(out->cap - out->len >= n) ? DBK_OK : dbk_buf_reserve(out, n, err);
}

static inline dbk_status put_char(dbk_buf *out, char c, dbk_error *err) {
    dbk_status st = make_room(out, 1, err);
    if (DBK_LIKELY(st == DBK_OK)) {
        out->ptr[out->len++] = c;
    }
    return st;
}

static inline dbk_status put_bytes(dbk_buf *out, const void *p, size_t n, dbk_error *err) {
    dbk_status st = make_room(out, n, err);
    if (DBK_LIKELY(st == DBK_OK) && n > 0) {
        memcpy(out->ptr + out->len, p, n);
        out->len += n;
    }
    return st;
}

/* ---- reading arrays ----------------------------------------------------------------------------- */

static int64_t read_signed(const dbk_buffer *b, size_t size, int64_t i) {
    uint64_t v = 0;
    memcpy(&v, b->data + (size_t)i * size, size);
    if (size < sizeof v && (v >> (8 * size - 1)) != 0) {
        v |= UINT64_MAX << (8 * size);
    }
    return (int64_t)v;
}

static uint64_t read_unsigned(const dbk_buffer *b, size_t size, int64_t i) {
    uint64_t v = 0;
    memcpy(&v, b->data + (size_t)i * size, size);
    return v;
}

static dbk_status outside(const char *what, dbk_error *err) {
    return dbk_error_set(err, DBK_DATA_LOSS, "an Arrow array is damaged: %s points outside", what);
}

dbk_status dbk_array_look_through(const dbk_field *f, const dbk_array *a, int64_t row,
                                  const dbk_array **values, int64_t *at, bool *is_null,
                                  dbk_error *err) {
    *values = a;
    *at = row;
    *is_null = dbk_type_has_validity(dbk_field_storage(f)) && dbk_array_is_null(a, row);
    if (f->dictionary == NULL || *is_null) {
        return DBK_OK;
    }
    size_t size = dbk_type_bits(f->dictionary->index_type) / 8;
    bool is_unsigned = f->dictionary->index_type >= DBK_TYPE_UINT8;
    int64_t index = is_unsigned ? (int64_t)read_unsigned(&a->buffers[1], size, a->offset + row)
                                : read_signed(&a->buffers[1], size, a->offset + row);
    if (a->dictionary == NULL || index < 0 || index >= a->dictionary->length) {
        return outside("a dictionary index", err);
    }
    *values = a->dictionary;
    *at = index;
    *is_null = dbk_type_has_validity(f->type) && dbk_array_is_null(a->dictionary, index);
    return DBK_OK;
}

dbk_status dbk_array_bytes(const dbk_field *f, const dbk_array *a, int64_t row, dbk_slice *out,
                           dbk_error *err) {
    int64_t i = a->offset + row;
    dbk_layout layout = dbk_type_layout(f->type);
    if (layout == DBK_LAYOUT_FIXED) {
        size_t width = dbk_field_bits(f) / 8;
        *out = dbk_slice_n(a->buffers[1].data + (size_t)i * width, width);
        return DBK_OK;
    }
    if (layout == DBK_LAYOUT_VIEW) {
        const uint8_t *view = a->buffers[1].data + (size_t)i * 16;
        int32_t fields[4]; /* length, prefix, buffer, offset; or length and up to 12 bytes */
        memcpy(fields, view, sizeof fields);
        if (fields[0] >= 0 && fields[0] <= 12) {
            *out = dbk_slice_n(view + 4, (size_t)fields[0]);
            return DBK_OK;
        }
        if (fields[0] < 0 || fields[2] < 0 || fields[3] < 0 ||
            (size_t)fields[2] + 2 >= a->buffer_count ||
            (size_t)fields[0] + (size_t)fields[3] > a->buffers[fields[2] + 2].size) {
            return outside("a view", err);
        }
        *out = dbk_slice_n(a->buffers[fields[2] + 2].data + fields[3], (size_t)fields[0]);
        return DBK_OK;
    }
    size_t size = layout == DBK_LAYOUT_VAR32 ? sizeof(int32_t) : sizeof(int64_t);
    int64_t start = read_signed(&a->buffers[1], size, i);
    int64_t end = read_signed(&a->buffers[1], size, i + 1);
    if (start < 0 || end < start || (uint64_t)end > a->buffers[2].size) {
        return outside("a text offset", err);
    }
    *out = dbk_slice_n(a->buffers[2].data + start, (size_t)(end - start));
    return DBK_OK;
}

/* The rows [*start, *end) of the child that a row of a list or map has. */
static dbk_status read_range(const dbk_field *f, const dbk_array *a, int64_t row, int64_t *start,
                             int64_t *end, dbk_error *err) {
    int64_t i = a->offset + row;
    dbk_layout layout = dbk_type_layout(f->type);
    bool large = layout == DBK_LAYOUT_LIST64 || layout == DBK_LAYOUT_LISTVIEW64;
    size_t size = large ? sizeof(int64_t) : sizeof(int32_t);
    if (layout == DBK_LAYOUT_FIXED_LIST) {
        *start = i * f->width;
        *end = *start + f->width;
    } else {
        *start = read_signed(&a->buffers[1], size, i);
        bool view = layout == DBK_LAYOUT_LISTVIEW32 || layout == DBK_LAYOUT_LISTVIEW64;
        if (!view) {
            *end = read_signed(&a->buffers[1], size, i + 1);
        } else if (!dbk_add_i64(*start, read_signed(&a->buffers[2], size, i), end)) {
            return outside("a list size", err);
        }
    }
    if (*start < 0 || *end < *start || *end > a->children[0].length) {
        return outside("a list offset", err);
    }
    return DBK_OK;
}

/* ---- texts ------------------------------------------------------------------------------------ */

static dbk_status put_escape(unsigned char c, dbk_buf *out, dbk_error *err) {
    static const char hex[] = "0123456789abcdef";
    static const char letters[32] = {
        ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
    if (c >= 32 || letters[c] != 0) {
        char pair[2] = {'\\', c >= 32 ? (char)c : letters[c]};
        return put_bytes(out, pair, sizeof pair, err);
    }
    char code[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
    return put_bytes(out, code, sizeof code, err);
}

/* The content of a JSON string: only quotes, backslashes and control characters are escaped. */
static dbk_status put_escaped(dbk_slice text, dbk_buf *out, dbk_error *err) {
    dbk_status st = DBK_OK;
    size_t start = 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c < 32 || c == '"' || c == '\\') {
            DBK_TRY(put_bytes(out, text.ptr + start, i - start, err));
            DBK_TRY(put_escape(c, out, err));
            start = i + 1;
        }
    }
    st = put_bytes(out, text.ptr + start, text.len - start, err);

done:
    return st;
}

static dbk_status put_base64(dbk_slice bytes, dbk_buf *out, dbk_error *err) {
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t size = 0;
    if (!dbk_mul_size(bytes.len / 3 + 1, 4, &size) || dbk_buf_reserve(out, size, err) != DBK_OK) {
        return dbk_error_oom(err, "base64 text");
    }
    const unsigned char *p = (const unsigned char *)bytes.ptr;
    char *to = out->ptr + out->len;
    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t n = bytes.len - i;
        uint32_t group = (uint32_t)p[i] << 16 | (n > 1 ? (uint32_t)p[i + 1] << 8 : 0) |
                         (n > 2 ? (uint32_t)p[i + 2] : 0);
        *to++ = alphabet[group >> 18];
        *to++ = alphabet[group >> 12 & 63];
        *to++ = n > 1 ? alphabet[group >> 6 & 63] : '=';
        *to++ = n > 2 ? alphabet[group & 63] : '=';
    }
    out->len = (size_t)(to - out->ptr);
    return DBK_OK;
}

/* ---- scalars ---------------------------------------------------------------------------------- */

static double half_to_double(uint16_t h) {
    int exponent = (h >> 10) & 31;
    double fraction = (double)(h & 1023);
    double v = exponent == 31  ? (fraction == 0 ? (double)INFINITY : (double)NAN)
               : exponent == 0 ? ldexp(fraction, -24)
                               : ldexp(fraction + 1024, exponent - 25);
    return (h & 0x8000) != 0 ? -v : v;
}

static double read_float(const dbk_field *f, const dbk_array *a, int64_t row) {
    int64_t i = a->offset + row;
    double v = 0;
    float single = 0;
    switch (dbk_type_bits(f->type)) {
    case 16:
        return half_to_double((uint16_t)read_unsigned(&a->buffers[1], 2, i));
    case 32:
        memcpy(&single, a->buffers[1].data + (size_t)i * sizeof single, sizeof single);
        return (double)single;
    default:
        memcpy(&v, a->buffers[1].data + (size_t)i * sizeof v, sizeof v);
        return v;
    }
}

static bool is_float(dbk_type type) {
    return type >= DBK_TYPE_FLOAT16 && type <= DBK_TYPE_FLOAT64;
}

static bool is_number(dbk_type type) {
    return type >= DBK_TYPE_INT8 && type <= DBK_TYPE_DECIMAL256;
}

static int64_t per_second(const dbk_field *f) {
    static const int64_t counts[] = {DBK_PER_SECOND_S, DBK_PER_SECOND_MS, DBK_PER_SECOND_US,
                                     DBK_PER_SECOND_NS};
    return counts[f->unit];
}

/* Months, days and nanoseconds have no common unit: months go first when there are any. */
static size_t month_day_nano_text(const uint8_t *value, char *p) {
    int32_t months = 0;
    int32_t days = 0;
    int64_t nanos = 0;
    size_t n = 0;
    memcpy(&months, value, sizeof months);
    memcpy(&days, value + 4, sizeof days);
    memcpy(&nanos, value + 8, sizeof nanos);
    if (months != 0) {
        n = dbk_text_write_year_month(p, months);
        p[n++] = ' ';
    }
    return n + dbk_text_write_days_nanos(p + n, days, nanos);
}

/* The types with units of time. 0: another type. */
static size_t time_text(const dbk_field *f, const dbk_array *a, int64_t row, char *p) {
    const dbk_buffer *values = &a->buffers[1];
    size_t size = dbk_type_bits(f->type) / 8;
    int64_t i = a->offset + row;
    int64_t rest = 0;
    if (f->type == DBK_TYPE_INTERVAL_MONTH_DAY_NANO) {
        return month_day_nano_text(values->data + (size_t)i * size, p);
    }
    if (f->type == DBK_TYPE_INTERVAL_DAY_TIME) {
        int64_t days = read_signed(values, 4, i * 2);
        return dbk_text_write_days_nanos(p, days, read_signed(values, 4, i * 2 + 1) * 1000000);
    }
    int64_t v = size <= sizeof v ? read_signed(values, size, i) : 0;
    if (f->type == DBK_TYPE_DATE32) {
        return dbk_text_write_date(p, v);
    }
    if (f->type == DBK_TYPE_DATE64) {
        rest = v % 86400000;
        return dbk_text_write_date(p, v / 86400000 - (rest < 0 ? 1 : 0));
    }
    if (f->type == DBK_TYPE_TIMESTAMP) {
        return dbk_text_write_timestamp(p, v, per_second(f));
    }
    if (f->type == DBK_TYPE_TIME32 || f->type == DBK_TYPE_TIME64) {
        return dbk_text_write_time(p, v, per_second(f));
    }
    if (f->type == DBK_TYPE_DURATION) {
        return dbk_text_write_duration(p, v, per_second(f));
    }
    return f->type == DBK_TYPE_INTERVAL_MONTHS ? dbk_text_write_year_month(p, v) : 0;
}

size_t dbk_scalar_text(const dbk_field *f, const dbk_array *a, int64_t row, char *p) {
    int64_t i = a->offset + row;
    size_t size = dbk_type_bits(f->type) / 8;
    if (f->type == DBK_TYPE_BOOL) {
        bool v = dbk_bit_get(a->buffers[1].data, i);
        memcpy(p, v ? "true" : "false", v ? 4 : 5);
        return v ? 4 : 5;
    }
    if (f->type >= DBK_TYPE_INT8 && f->type <= DBK_TYPE_INT64) {
        return dbk_text_write_i64(p, read_signed(&a->buffers[1], size, i));
    }
    if (f->type >= DBK_TYPE_UINT8 && f->type <= DBK_TYPE_UINT64) {
        return dbk_text_write_u64(p, read_unsigned(&a->buffers[1], size, i));
    }
    if (is_float(f->type)) {
        return dbk_text_write_f64(p, read_float(f, a, row));
    }
    if (f->type >= DBK_TYPE_DECIMAL32 && f->type <= DBK_TYPE_DECIMAL256) {
        return dbk_text_write_decimal(p, a->buffers[1].data + (size_t)i * size, size, f->scale);
    }
    return time_text(f, a, row, p);
}

static dbk_status write_scalar(const dbk_field *f, const dbk_array *a, int64_t row,
                               json_place place, dbk_buf *out, dbk_error *err) {
    bool quoted = place == PLACE_KEY || !(is_number(f->type) || f->type == DBK_TYPE_BOOL);
    if (place == PLACE_VALUE && is_float(f->type) && !isfinite(read_float(f, a, row))) {
        return put_bytes(out, "null", 4, err);
    }
    dbk_status st = make_room(out, DBK_SCALAR_TEXT_MAX + 2, err);
    if (st != DBK_OK) {
        return st;
    }
    char *p = out->ptr + out->len;
    size_t n = quoted ? 1 : 0;
    size_t length = dbk_scalar_text(f, a, row, p + n);
    DBK_ASSERT(length > 0); /* all types that are not fixed-width scalars went elsewhere */
    n += length;
    if (quoted) {
        p[0] = '"';
        p[n++] = '"';
    }
    out->len += n;
    return DBK_OK;
}

static dbk_status write_bytes(const dbk_field *f, const dbk_array *a, int64_t row, dbk_buf *out,
                              dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_slice bytes = {0};
    bool text =
        f->type == DBK_TYPE_UTF8 || f->type == DBK_TYPE_LARGE_UTF8 || f->type == DBK_TYPE_UTF8_VIEW;
    DBK_TRY(dbk_array_bytes(f, a, row, &bytes, err));
    DBK_TRY(put_char(out, '"', err));
    DBK_TRY(text ? put_escaped(bytes, out, err) : put_base64(bytes, out, err));
    st = put_char(out, '"', err);

done:
    return st;
}

/* ---- containers ------------------------------------------------------------------------------- */

static dbk_status write_list(const dbk_field *f, const dbk_array *a, int64_t row, dbk_buf *out,
                             dbk_error *err) {
    dbk_status st = DBK_OK;
    int64_t start = 0;
    int64_t end = 0;
    DBK_TRY(read_range(f, a, row, &start, &end, err));
    DBK_TRY(put_char(out, '[', err));
    for (int64_t i = start; i < end; i++) {
        if (i > start) {
            DBK_TRY(put_char(out, ',', err));
        }
        DBK_TRY(write_value(&f->children[0], &a->children[0], i, PLACE_VALUE, out, err));
    }
    st = put_char(out, ']', err);

done:
    return st;
}

static dbk_status write_map(const dbk_field *f, const dbk_array *a, int64_t row, dbk_buf *out,
                            dbk_error *err) {
    dbk_status st = DBK_OK;
    const dbk_field *entry_field = &f->children[0];
    const dbk_array *entries = &a->children[0];
    int64_t start = 0;
    int64_t end = 0;
    DBK_TRY(read_range(f, a, row, &start, &end, err));
    DBK_TRY(put_char(out, '{', err));
    for (int64_t i = start; i < end; i++) {
        int64_t at = entries->offset + i; /* a struct's offset counts for its children too */
        if (i > start) {
            DBK_TRY(put_char(out, ',', err));
        }
        DBK_TRY(
            write_value(&entry_field->children[0], &entries->children[0], at, PLACE_KEY, out, err));
        DBK_TRY(put_char(out, ':', err));
        DBK_TRY(write_value(&entry_field->children[1], &entries->children[1], at, PLACE_VALUE, out,
                            err));
    }
    st = put_char(out, '}', err);

done:
    return st;
}

static dbk_status write_struct(const dbk_field *f, const dbk_array *a, int64_t row, dbk_buf *out,
                               dbk_error *err) {
    dbk_status st = DBK_OK;
    DBK_TRY(put_char(out, '{', err));
    for (size_t i = 0; i < f->child_count; i++) {
        if (i > 0) {
            DBK_TRY(put_char(out, ',', err));
        }
        DBK_TRY(put_char(out, '"', err));
        DBK_TRY(put_escaped(f->children[i].name, out, err));
        DBK_TRY(put_bytes(out, "\":", 2, err));
        DBK_TRY(
            write_value(&f->children[i], &a->children[i], a->offset + row, PLACE_VALUE, out, err));
    }
    st = put_char(out, '}', err);

done:
    return st;
}

/* The value of the member that the row has. */
static dbk_status write_union(const dbk_field *f, const dbk_array *a, int64_t row, json_place place,
                              dbk_buf *out, dbk_error *err) {
    int64_t i = a->offset + row;
    int8_t id = (int8_t)a->buffers[0].data[i];
    int64_t at = f->type == DBK_TYPE_DENSE_UNION ? read_signed(&a->buffers[1], 4, i) : i;
    for (size_t child = 0; child < f->child_count; child++) {
        if (f->type_ids[child] == id) {
            if (at < 0 || at >= a->children[child].length) {
                return outside("a union offset", err);
            }
            return write_value(&f->children[child], &a->children[child], at, place, out, err);
        }
    }
    return outside("a union type id", err);
}

/* The value of the first run that ends behind the row. */
static dbk_status write_run(const dbk_field *f, const dbk_array *a, int64_t row, json_place place,
                            dbk_buf *out, dbk_error *err) {
    const dbk_array *ends = &a->children[0];
    size_t size = dbk_type_bits(f->children[0].type) / 8;
    int64_t low = 0;
    int64_t high = dbk_min_i64(ends->length, a->children[1].length);
    int64_t last = high;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (read_signed(&ends->buffers[1], size, ends->offset + middle) > a->offset + row) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    if (low == last) {
        return outside("a run end", err);
    }
    return write_value(&f->children[1], &a->children[1], low, place, out, err);
}

/* A container as a map key: its JSON as a string. */
static dbk_status write_nested_key(const dbk_field *f, const dbk_array *a, int64_t row,
                                   dbk_buf *out, dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_buf json = {0};
    DBK_TRY(write_value(f, a, row, PLACE_VALUE, &json, err));
    DBK_TRY(put_char(out, '"', err));
    DBK_TRY(put_escaped(dbk_buf_slice(&json), out, err));
    DBK_TRY(put_char(out, '"', err));

done:
    dbk_buf_reset(&json);
    return st;
}

static bool is_container(const dbk_field *f) {
    dbk_layout layout = dbk_type_layout(f->type);
    return f->child_count > 0 ? layout != DBK_LAYOUT_SPARSE && layout != DBK_LAYOUT_DENSE &&
                                    layout != DBK_LAYOUT_RUN_END
                              : layout == DBK_LAYOUT_STRUCT;
}

static dbk_status write_container(const dbk_field *f, const dbk_array *a, int64_t row, dbk_buf *out,
                                  dbk_error *err) {
    if (f->type == DBK_TYPE_STRUCT) {
        return write_struct(f, a, row, out, err);
    }
    return f->type == DBK_TYPE_MAP ? write_map(f, a, row, out, err)
                                   : write_list(f, a, row, out, err);
}

static dbk_status write_value(const dbk_field *f, const dbk_array *a, int64_t row, json_place place,
                              dbk_buf *out, dbk_error *err) {
    bool is_null = false;
    dbk_status st = dbk_array_look_through(f, a, row, &a, &row, &is_null, err);
    if (st != DBK_OK) {
        return st;
    }
    dbk_layout layout = dbk_type_layout(f->type);
    if (is_null || layout == DBK_LAYOUT_NULL) {
        return place == PLACE_KEY ? put_bytes(out, "\"null\"", 6, err)
                                  : put_bytes(out, "null", 4, err);
    }
    if (is_container(f)) {
        return place == PLACE_KEY ? write_nested_key(f, a, row, out, err)
                                  : write_container(f, a, row, out, err);
    }
    if (layout == DBK_LAYOUT_VAR32 || layout == DBK_LAYOUT_VAR64 || layout == DBK_LAYOUT_VIEW ||
        f->type == DBK_TYPE_FIXED_BINARY) {
        return write_bytes(f, a, row, out, err);
    }
    if (layout == DBK_LAYOUT_SPARSE || layout == DBK_LAYOUT_DENSE) {
        return write_union(f, a, row, place, out, err);
    }
    return layout == DBK_LAYOUT_RUN_END ? write_run(f, a, row, place, out, err)
                                        : write_scalar(f, a, row, place, out, err);
}

dbk_status dbk_json_write_value(const dbk_field *f, const dbk_array *a, int64_t row, dbk_buf *out,
                                dbk_error *err) {
    return write_value(f, a, row, PLACE_VALUE, out, err);
}
