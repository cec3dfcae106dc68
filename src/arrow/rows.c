#include "arrow/builder.h"
#include "arrow/json_scan.h"
#include "arrow/scalar_text.h"

#include <stdio.h>
#include <string.h>

#define VALUE_IN_MESSAGE 64 /* bytes of a value that an error shows */
#define DAY_US           (86400 * DBK_PER_SECOND_US)

/* The raw texts of a JSON object's members, one per field of a struct; nested structs push on top. */
typedef struct row_reader {
    dbk_slice *members;
    size_t member_count;
    size_t member_cap;
} row_reader;

static dbk_status put_json(row_reader *r, dbk_column *c, dbk_json_scan *s, dbk_error *err);

/* ---- messages --------------------------------------------------------------------------------- */

/* At most VALUE_IN_MESSAGE bytes of the value, whole characters. */
static int shown(dbk_slice value, char *out) {
    size_t n = dbk_min_size(value.len, VALUE_IN_MESSAGE);
    memcpy(out, value.ptr, n);
    out[n] = '\0';
    if (n < value.len) {
        dbk_utf8_trim(out);
    }
    return (int)strlen(out);
}

static void type_text(const dbk_field *f, char *out, size_t size) {
    bool decimal = f->type >= DBK_TYPE_DECIMAL32 && f->type <= DBK_TYPE_DECIMAL256;
    if (decimal) {
        (void)snprintf(out, size, "%s(%d,%d)", dbk_type_name(f->type), f->precision, f->scale);
    } else {
        (void)snprintf(out, size, "%s", dbk_type_name(f->type));
    }
}

static dbk_status not_a(const dbk_field *f, dbk_slice value, dbk_error *err) {
    char type[64];
    char text[VALUE_IN_MESSAGE + 1] = "";
    type_text(f, type, sizeof type);
    int n = value.len > 0 ? shown(value, text) : 0;
    return dbk_error_set(err, DBK_DATA_LOSS, "\"%.*s\"%s is not a value of type %s", n, text,
                         value.len > VALUE_IN_MESSAGE ? "..." : "", type);
}

/* ---- one text to one value ---------------------------------------------------------------------- */

static dbk_status put_integer(dbk_column *c, dbk_slice text, dbk_error *err) {
    int64_t v = 0;
    uint64_t u = 0;
    if (dbk_parse_i64(text, &v)) {
        dbk_status st = dbk_column_put_i64(c, v, err);
        return st == DBK_DATA_LOSS ? not_a(c->field, text, err) : st;
    }
    if (c->field->type == DBK_TYPE_UINT64 && dbk_parse_u64(text, &u)) {
        return dbk_column_put_bytes(c, dbk_slice_n(&u, sizeof u), err);
    }
    return not_a(c->field, text, err);
}

static dbk_status put_float(dbk_column *c, dbk_slice text, dbk_error *err) {
    double v = 0;
    float single = 0;
    if (c->field->type == DBK_TYPE_FLOAT64) {
        return dbk_text_read_f64(text, &v) ? dbk_column_put_f64(c, v, err)
                                           : not_a(c->field, text, err);
    }
    return dbk_text_read_f32(text, &single) ? dbk_column_put_f64(c, (double)single, err)
                                            : not_a(c->field, text, err);
}

static dbk_status put_decimal(dbk_column *c, dbk_slice text, dbk_error *err) {
    uint8_t bytes[32];
    dbk_i128 v = 0;
    size_t size = dbk_field_bits(c->field) / 8;
    int precision = c->field->precision < 38 ? c->field->precision : 38;
    if (!dbk_text_read_decimal(text, precision, c->field->scale, &v)) {
        return not_a(c->field, text, err);
    }
    memset(bytes, v < 0 ? 0xff : 0, sizeof bytes);
    for (size_t i = 0; i < dbk_min_size(size, 16); i++) {
        bytes[i] = (uint8_t)((dbk_u128)v >> (8 * i));
    }
    return dbk_column_put_bytes(c, dbk_slice_n(bytes, size), err);
}

static dbk_status put_base64(dbk_column *c, dbk_slice text, dbk_error *err) {
    dbk_base64 d = {0};
    dbk_status st = dbk_base64_feed(&d, text, &c->data, err);
    st = st == DBK_OK ? dbk_base64_end(&d, err) : st;
    if (st == DBK_DATA_LOSS) {
        return not_a(c->field, text, err);
    }
    return st == DBK_OK ? dbk_column_end_bytes(c, err) : st;
}

static int64_t per_second(dbk_unit unit) {
    static const int64_t counts[] = {DBK_PER_SECOND_S, DBK_PER_SECOND_MS, DBK_PER_SECOND_US,
                                     DBK_PER_SECOND_NS};
    return counts[unit];
}

/* Microseconds as the field's unit; false: they do not fit it exactly. */
static bool from_us(int64_t us, dbk_unit unit, int64_t *out) {
    int64_t units = per_second(unit);
    if (units > DBK_PER_SECOND_US) {
        return dbk_mul_i64(us, units / DBK_PER_SECOND_US, out);
    }
    *out = us / (DBK_PER_SECOND_US / units);
    return us % (DBK_PER_SECOND_US / units) == 0;
}

static dbk_status put_date(dbk_column *c, dbk_slice text, dbk_error *err) {
    int32_t days = 0;
    if (!dbk_text_read_date(text, &days)) {
        return not_a(c->field, text, err);
    }
    int64_t v = c->field->type == DBK_TYPE_DATE64 ? (int64_t)days * 86400 * 1000 : days;
    return dbk_column_put_i64(c, v, err);
}

static dbk_status put_timestamp(dbk_column *c, dbk_slice text, dbk_error *err) {
    int64_t us = 0;
    int64_t v = 0;
    if (!dbk_text_read_timestamp(text, c->field->timezone.ptr != NULL, &us) ||
        !from_us(us, c->field->unit, &v)) {
        return not_a(c->field, text, err);
    }
    return dbk_column_put_i64(c, v, err);
}

static dbk_status put_day_time(dbk_column *c, dbk_slice text, dbk_error *err) {
    int64_t us = 0;
    int64_t v = 0;
    if (!dbk_text_read_day_time(text, &us)) {
        return not_a(c->field, text, err);
    }
    if (c->field->type == DBK_TYPE_DURATION) {
        return from_us(us, c->field->unit, &v) ? dbk_column_put_i64(c, v, err)
                                               : not_a(c->field, text, err);
    }
    struct { /* as Arrow lays it out */
        int32_t days;
        int32_t milliseconds;
    } pair = {(int32_t)(us / DAY_US), (int32_t)(us % DAY_US / 1000)};
    if (us % 1000 != 0) {
        return not_a(c->field, text, err);
    }
    return dbk_column_put_bytes(c, dbk_slice_n(&pair, sizeof pair), err);
}

static dbk_status put_months(dbk_column *c, dbk_slice text, dbk_error *err) {
    int32_t months = 0;
    if (!dbk_text_read_year_month(text, &months)) {
        return not_a(c->field, text, err);
    }
    return dbk_column_put_i64(c, months, err);
}

static dbk_status put_bool(dbk_column *c, dbk_slice text, dbk_error *err) {
    bool v = false;
    return dbk_text_read_bool(text, &v) ? dbk_column_put_bool(c, v, err)
                                        : not_a(c->field, text, err);
}

typedef dbk_status (*put_fn)(dbk_column *c, dbk_slice text, dbk_error *err);

/* NULL: nested, or a type that no SQL type becomes. */
static put_fn put_of(dbk_type type) {
    static const put_fn fns[DBK_TYPE_COUNT] = {
        [DBK_TYPE_BOOL] = put_bool,
        [DBK_TYPE_INT8] = put_integer,
        [DBK_TYPE_INT16] = put_integer,
        [DBK_TYPE_INT32] = put_integer,
        [DBK_TYPE_INT64] = put_integer,
        [DBK_TYPE_UINT8] = put_integer,
        [DBK_TYPE_UINT16] = put_integer,
        [DBK_TYPE_UINT32] = put_integer,
        [DBK_TYPE_UINT64] = put_integer,
        [DBK_TYPE_FLOAT32] = put_float,
        [DBK_TYPE_FLOAT64] = put_float,
        [DBK_TYPE_DECIMAL32] = put_decimal,
        [DBK_TYPE_DECIMAL64] = put_decimal,
        [DBK_TYPE_DECIMAL128] = put_decimal,
        [DBK_TYPE_DECIMAL256] = put_decimal,
        [DBK_TYPE_UTF8] = dbk_column_put_bytes,
        [DBK_TYPE_LARGE_UTF8] = dbk_column_put_bytes,
        [DBK_TYPE_BINARY] = put_base64,
        [DBK_TYPE_LARGE_BINARY] = put_base64,
        [DBK_TYPE_DATE32] = put_date,
        [DBK_TYPE_DATE64] = put_date,
        [DBK_TYPE_TIMESTAMP] = put_timestamp,
        [DBK_TYPE_DURATION] = put_day_time,
        [DBK_TYPE_INTERVAL_DAY_TIME] = put_day_time,
        [DBK_TYPE_INTERVAL_MONTHS] = put_months,
    };
    return fns[type];
}

/* ---- nested values ------------------------------------------------------------------------------ */

/* A text that is one JSON document. */
static dbk_status put_json_text(row_reader *r, dbk_column *c, dbk_slice text, dbk_error *err) {
    dbk_json_scan s = dbk_json_scan_of(text);
    dbk_status st = put_json(r, c, &s, err);
    if (st == DBK_OK && !dbk_json_scan_ended(&s)) {
        st = dbk_json_scan_bad(&s, err);
    }
    dbk_json_scan_reset(&s);
    return st;
}

static dbk_status put_text(row_reader *r, dbk_column *c, dbk_slice text, dbk_error *err) {
    put_fn put = put_of(c->field->type);
    if (put != NULL) {
        return put(c, text, err);
    }
    if (c->child_count > 0 || c->field->type == DBK_TYPE_STRUCT) {
        return put_json_text(r, c, text, err);
    }
    return not_a(c->field, text, err);
}

static dbk_status put_list(row_reader *r, dbk_column *c, dbk_json_scan *s, dbk_error *err) {
    dbk_status st = DBK_OK;
    int64_t before = c->children[0].length;
    if (!dbk_json_scan_take(s, '[')) {
        return dbk_json_scan_bad(s, err);
    }
    if (!dbk_json_scan_take(s, ']')) {
        do {
            DBK_TRY(put_json(r, &c->children[0], s, err));
        } while (dbk_json_scan_take(s, ','));
        if (!dbk_json_scan_take(s, ']')) {
            return dbk_json_scan_bad(s, err);
        }
    }
    if (c->field->type == DBK_TYPE_FIXED_LIST &&
        c->children[0].length - before != c->field->width) {
        return dbk_error_set(err, DBK_DATA_LOSS, "%lld items in a list of %d",
                             (long long)(c->children[0].length - before), c->field->width);
    }
    st = dbk_column_put_nested(c, err);

done:
    return st;
}

/* Members in order of the text, keys as texts of the key's type. */
static dbk_status put_map(row_reader *r, dbk_column *c, dbk_json_scan *s, dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_column *entries = &c->children[0];
    dbk_slice key;
    if (!dbk_json_scan_take(s, '{')) {
        return dbk_json_scan_bad(s, err);
    }
    if (!dbk_json_scan_take(s, '}')) {
        do {
            DBK_TRY(dbk_json_scan_string(s, &key, err));
            DBK_TRY(put_text(r, &entries->children[0], key, err));
            if (!dbk_json_scan_take(s, ':')) {
                return dbk_json_scan_bad(s, err);
            }
            DBK_TRY(put_json(r, &entries->children[1], s, err));
            DBK_TRY(dbk_column_put_nested(entries, err));
        } while (dbk_json_scan_take(s, ','));
        if (!dbk_json_scan_take(s, '}')) {
            return dbk_json_scan_bad(s, err);
        }
    }
    st = dbk_column_put_nested(c, err);

done:
    return st;
}

/* The child with this name, looked for from `from` on; child_count: none. Spark writes members in the
 * order of the type, so the first look hits. */
static size_t find_child(const dbk_column *c, dbk_slice name, size_t from) {
    for (size_t i = 0; i < c->child_count; i++) {
        size_t at = (from + i) % c->child_count;
        if (dbk_slice_eq(c->children[at].field->name, name)) {
            return at;
        }
    }
    return c->child_count;
}

/* Pushes the raw texts of the object's members, ptr NULL for those it does not have. */
static dbk_status gather_members(row_reader *r, const dbk_column *c, dbk_json_scan *s,
                                 dbk_error *err) {
    dbk_status st = DBK_OK;
    size_t base = r->member_count;
    size_t next = 0;
    dbk_slice name;
    dbk_slice value;
    for (size_t i = 0; i < c->child_count; i++) {
        if (!dbk_array_grow(&r->members, r->member_count, &r->member_cap)) {
            return dbk_error_oom(err, "reading a struct");
        }
        r->members[r->member_count++] = (dbk_slice){0};
    }
    if (!dbk_json_scan_take(s, '{')) {
        return dbk_json_scan_bad(s, err);
    }
    if (dbk_json_scan_take(s, '}')) {
        return DBK_OK;
    }
    do {
        DBK_TRY(dbk_json_scan_string(s, &name, err));
        size_t child = find_child(c, name, next);
        if (!dbk_json_scan_take(s, ':')) {
            return dbk_json_scan_bad(s, err);
        }
        DBK_TRY(dbk_json_scan_raw(s, &value, err));
        if (child < c->child_count) {
            r->members[base + child] = value;
            next = child + 1;
        }
    } while (dbk_json_scan_take(s, ','));
    if (!dbk_json_scan_take(s, '}')) {
        return dbk_json_scan_bad(s, err);
    }

done:
    return st;
}

/* Members in any order; a missing one is null, an unknown one is passed over. */
static dbk_status put_struct(row_reader *r, dbk_column *c, dbk_json_scan *s, dbk_error *err) {
    dbk_status st = DBK_OK;
    size_t base = r->member_count;
    DBK_TRY(gather_members(r, c, s, err));
    for (size_t i = 0; i < c->child_count; i++) {
        dbk_slice value = r->members[base + i];
        if (value.ptr == NULL) {
            DBK_TRY(dbk_column_put_null(&c->children[i], err));
        } else {
            DBK_TRY(put_json_text(r, &c->children[i], value, err));
        }
    }
    st = dbk_column_put_nested(c, err);

done:
    r->member_count = base;
    return st;
}

/* A value that is not a container, for a column of any type. */
static dbk_status put_json_leaf(row_reader *r, dbk_column *c, dbk_json_scan *s, dbk_error *err) {
    dbk_slice text;
    bool quoted = dbk_json_scan_peek(s) == DBK_JSON_KIND_STRING;
    dbk_status st = quoted ? dbk_json_scan_string(s, &text, err) : dbk_json_scan_raw(s, &text, err);
    if (st != DBK_OK) {
        return st;
    }
    /* A container inside a string (VARIANT, a MAP as a key) is text for a text column. */
    put_fn put = put_of(c->field->type);
    if (put == NULL && !quoted) {
        return not_a(c->field, text, err);
    }
    return put_text(r, c, text, err);
}

static dbk_status put_json(row_reader *r, dbk_column *c, dbk_json_scan *s, dbk_error *err) {
    dbk_slice word;
    dbk_json_kind kind = dbk_json_scan_peek(s);
    if (kind == DBK_JSON_KIND_BAD) {
        return dbk_json_scan_bad(s, err);
    }
    if (kind == DBK_JSON_KIND_NULL) {
        dbk_status st = dbk_json_scan_raw(s, &word, err);
        return st == DBK_OK ? dbk_column_put_null(c, err) : st;
    }
    if (kind == DBK_JSON_KIND_ARRAY &&
        (c->field->type == DBK_TYPE_LIST || c->field->type == DBK_TYPE_LARGE_LIST ||
         c->field->type == DBK_TYPE_FIXED_LIST)) {
        return put_list(r, c, s, err);
    }
    if (kind == DBK_JSON_KIND_OBJECT && c->field->type == DBK_TYPE_MAP) {
        return put_map(r, c, s, err);
    }
    if (kind == DBK_JSON_KIND_OBJECT && c->field->type == DBK_TYPE_STRUCT) {
        return put_struct(r, c, s, err);
    }
    return put_json_leaf(r, c, s, err);
}

/* ---- rows ------------------------------------------------------------------------------------- */

/* SEA says a string or null; a number or boolean is taken for its text. */
static dbk_status put_cell(row_reader *r, dbk_column *c, const json_t *cell, dbk_error *err) {
    char text[DBK_SCALAR_TEXT_MAX];
    if (cell == NULL || json_is_null(cell)) {
        return dbk_column_put_null(c, err);
    }
    if (json_is_string(cell)) {
        dbk_slice s = dbk_slice_n(json_string_value(cell), json_string_length(cell));
        dbk_status st = put_text(r, c, s, err);
        if (st == DBK_DATA_LOSS && c->child_count > 0) {
            char value[VALUE_IN_MESSAGE + 1] = "";
            int n = s.len > 0 ? shown(s, value) : 0;
            return dbk_error_wrap(err, "value \"%.*s\"%s", n, value,
                                  s.len > VALUE_IN_MESSAGE ? "..." : "");
        }
        return st;
    }
    if (json_is_integer(cell)) {
        size_t n = dbk_text_write_i64(text, json_integer_value(cell));
        return put_text(r, c, dbk_slice_n(text, n), err);
    }
    if (json_is_real(cell)) {
        size_t n = dbk_text_write_f64(text, json_real_value(cell));
        return put_text(r, c, dbk_slice_n(text, n), err);
    }
    if (json_is_boolean(cell)) {
        return put_text(r, c, dbk_slice_of(json_is_true(cell) ? "true" : "false"), err);
    }
    return dbk_error_set(err, DBK_DATA_LOSS, "an array or object where a text or null must be");
}

static dbk_status put_row(row_reader *r, dbk_builder *b, const dbk_schema *schema,
                          const json_t *cells, size_t row, dbk_error *err) {
    if (!json_is_array(cells) || json_array_size(cells) != schema->column_count) {
        return dbk_error_set(err, DBK_DATA_LOSS, "row %zu has %zu values, the schema %zu columns",
                             row, json_array_size(cells), schema->column_count);
    }
    for (size_t i = 0; i < schema->column_count; i++) {
        dbk_status st = put_cell(r, dbk_builder_column(b, i), json_array_get(cells, i), err);
        if (st != DBK_OK) {
            return dbk_error_wrap(err, "row %zu, column \"%s\"", row,
                                  dbk_schema_column_name(schema, i));
        }
    }
    return DBK_OK;
}

dbk_status dbk_batch_from_json(dbk_schema *schema, const json_t *rows, dbk_block_owner owner,
                               dbk_batch **out, dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_builder *b = NULL;
    row_reader r = {0};
    if (!json_is_array(rows)) {
        return dbk_error_set(err, DBK_DATA_LOSS, "the rows of a JSON result are not an array");
    }
    size_t count = json_array_size(rows);
    DBK_TRY(dbk_builder_new(schema, &b, err));
    for (size_t i = 0; i < count; i++) {
        DBK_TRY(put_row(&r, b, schema, json_array_get(rows, i), i, err));
    }
    DBK_TRY(dbk_builder_finish(b, (int64_t)count, owner, out, err));

done:
    dbk_builder_free(b);
    dbk_free(r.members);
    return st;
}
