#include "arrow/nested_json.h"
#include "arrow/scalar_text.h"

bool dbk_schema_find(const dbk_schema *s, const char *name, size_t *out) {
    for (size_t i = 0; i < s->column_count; i++) {
        if (dbk_slice_eq(s->columns[i].name, dbk_slice_of(name))) {
            *out = i;
            return true;
        }
    }
    return false;
}

static bool is_bytes(const dbk_field *f) {
    dbk_layout layout = dbk_type_layout(f->type);
    return layout == DBK_LAYOUT_VAR32 || layout == DBK_LAYOUT_VAR64 || layout == DBK_LAYOUT_VIEW ||
           f->type == DBK_TYPE_FIXED_BINARY;
}

static bool is_text(const dbk_field *f) {
    return f->type == DBK_TYPE_UTF8 || f->type == DBK_TYPE_LARGE_UTF8 ||
           f->type == DBK_TYPE_UTF8_VIEW;
}

dbk_status dbk_batch_text(const dbk_batch *b, size_t column, int64_t row, dbk_buf *scratch,
                          dbk_slice *out, dbk_error *err) {
    dbk_status st = DBK_OK;
    const dbk_field *f = &b->schema->columns[column];
    const dbk_array *a = &b->columns[column];
    bool is_null = false;
    *out = (dbk_slice){0};
    DBK_TRY(dbk_array_look_through(f, a, row, &a, &row, &is_null, err));
    if (is_null || f->type == DBK_TYPE_NULL) {
        return DBK_OK;
    }
    if (is_bytes(f)) {
        dbk_slice bytes = {0};
        DBK_TRY(dbk_array_bytes(f, a, row, &bytes, err));
        if (is_text(f) || dbk_utf8_valid(bytes)) {
            *out = bytes;
        }
        return DBK_OK;
    }
    dbk_buf_clear(scratch);
    DBK_TRY(dbk_buf_reserve(scratch, DBK_SCALAR_TEXT_MAX, err));
    scratch->len = f->child_count == 0 ? dbk_scalar_text(f, a, row, scratch->ptr) : 0;
    if (scratch->len == 0) {
        DBK_TRY(dbk_json_write_value(f, a, row, scratch, err));
    }
    *out = dbk_buf_slice(scratch);

done:
    return st;
}

/* "+12", "-3": what is no whole number is no number. */
static bool parse_whole(dbk_slice s, int64_t *out) {
    if (s.len > 1 && s.ptr[0] == '+' && s.ptr[1] != '-') {
        s = dbk_slice_n(s.ptr + 1, s.len - 1);
    }
    return dbk_parse_i64(s, out);
}

static bool cut_f64(dbk_slice s, int64_t *out) {
    double v = 0;
    if (!dbk_text_read_f64(s, &v) || !(v > -9223372036854775808.0 && v < 9223372036854775808.0)) {
        return false;
    }
    *out = (int64_t)v;
    return true;
}

static bool cut_decimal(dbk_slice s, int64_t *out) {
    dbk_slice rest = s;
    dbk_slice whole = {0};
    return parse_whole(dbk_slice_split(&rest, '.', &whole) ? whole : s, out);
}

dbk_status dbk_batch_i64(const dbk_batch *b, size_t column, int64_t row, dbk_buf *scratch,
                         int64_t *out, bool *is_null, dbk_error *err) {
    dbk_slice text = {0};
    dbk_type type = b->schema->columns[column].type;
    *out = 0;
    *is_null = true;
    dbk_status st = dbk_batch_text(b, column, row, scratch, &text, err);
    if (st != DBK_OK || text.ptr == NULL) {
        return st;
    }
    if (type == DBK_TYPE_BOOL) {
        *out = text.len == 4 ? 1 : 0; /* true */
        *is_null = false;
    } else if (type >= DBK_TYPE_FLOAT16 && type <= DBK_TYPE_FLOAT64) {
        *is_null = !cut_f64(text, out);
    } else if (type >= DBK_TYPE_DECIMAL32 && type <= DBK_TYPE_DECIMAL256) {
        *is_null = !cut_decimal(text, out);
    } else {
        *is_null = !parse_whole(text, out);
    }
    return DBK_OK;
}
