#include "arrow/builder.h"

#include <string.h>

struct dbk_builder {
    dbk_schema *schema; /* counted */
    dbk_arena arena;    /* the column structs; their buffers are freed one by one */
    size_t column_count;
    dbk_column *columns;
};

/* ---- shapes ----------------------------------------------------------------------------------- */

static dbk_layout layout_of(const dbk_column *c) {
    return dbk_type_layout(c->field->type);
}

static bool can_build(const dbk_field *f) {
    if (f->dictionary != NULL) {
        return false;
    }
    switch (dbk_type_layout(f->type)) {
    case DBK_LAYOUT_NULL:
    case DBK_LAYOUT_BITS:
    case DBK_LAYOUT_FIXED:
    case DBK_LAYOUT_VAR32:
    case DBK_LAYOUT_VAR64:
    case DBK_LAYOUT_LIST32:
    case DBK_LAYOUT_LIST64:
    case DBK_LAYOUT_FIXED_LIST:
    case DBK_LAYOUT_STRUCT:
        return true;
    case DBK_LAYOUT_VIEW:
    case DBK_LAYOUT_LISTVIEW32:
    case DBK_LAYOUT_LISTVIEW64:
    case DBK_LAYOUT_SPARSE:
    case DBK_LAYOUT_DENSE:
    case DBK_LAYOUT_RUN_END:
        break;
    }
    return false;
}

static bool is_bytes(dbk_layout layout) {
    return layout == DBK_LAYOUT_VAR32 || layout == DBK_LAYOUT_VAR64;
}

static bool is_list(dbk_layout layout) {
    return layout == DBK_LAYOUT_LIST32 || layout == DBK_LAYOUT_LIST64;
}

/* Bytes of one value of a DBK_LAYOUT_FIXED field. */
static size_t value_size(const dbk_field *f) {
    return dbk_field_bits(f) / 8;
}

/* ---- growing ---------------------------------------------------------------------------------- */

/* n zeroed bytes at the end of b; NULL: no memory, err says so. */
static uint8_t *extend(dbk_buf *b, size_t n, dbk_error *err) {
    if ((b->ptr == NULL || b->cap - b->len < n) &&
        dbk_buf_reserve(b, b->ptr == NULL ? dbk_max_size(n, 64) : n, err) != DBK_OK) {
        return NULL;
    }
    char *p = b->ptr + b->len;
    memset(p, 0, n);
    b->len += n;
    return (uint8_t *)p;
}

/* Makes b hold the bit at index i, zeroed when new. */
static bool extend_bits(dbk_buf *b, int64_t i, dbk_error *err) {
    size_t need = dbk_bits_bytes(i + 1);
    return need <= b->len || extend(b, need - b->len, err) != NULL;
}

/* The validity bit of the row that was just counted. The bitmap starts with the first null. */
static dbk_status end_row(dbk_column *c, bool valid, dbk_error *err) {
    int64_t row = c->length;
    if (c->null_count == 0 && valid) {
        c->length++;
        return DBK_OK;
    }
    if (!extend_bits(&c->validity, row, err)) {
        return DBK_RESOURCE_EXHAUSTED;
    }
    uint8_t *bits = (uint8_t *)c->validity.ptr;
    if (c->null_count == 0) {
        memset(bits, 0xff, (size_t)(row / 8));
        for (int64_t i = row / 8 * 8; i < row; i++) {
            dbk_bit_set(bits, i);
        }
    }
    if (valid) {
        dbk_bit_set(bits, row);
    } else {
        c->null_count++;
    }
    c->length++;
    return DBK_OK;
}

static dbk_status put_offset(dbk_column *c, uint64_t offset, dbk_error *err) {
    dbk_layout layout = layout_of(c);
    bool small = layout == DBK_LAYOUT_VAR32 || layout == DBK_LAYOUT_LIST32;
    if (small && offset > INT32_MAX) {
        return dbk_error_set(err, DBK_RESOURCE_EXHAUSTED,
                             "column %s of one batch holds more than 2^31 bytes or items",
                             c->field->name.ptr != NULL ? c->field->name.ptr : "");
    }
    int32_t offset32 = (int32_t)offset;
    int64_t offset64 = (int64_t)offset;
    uint8_t *p = extend(&c->values, small ? sizeof offset32 : sizeof offset64, err);
    if (p == NULL) {
        return DBK_RESOURCE_EXHAUSTED;
    }
    if (small) {
        memcpy(p, &offset32, sizeof offset32);
    } else {
        memcpy(p, &offset64, sizeof offset64);
    }
    return DBK_OK;
}

/* ---- appending -------------------------------------------------------------------------------- */

dbk_status dbk_column_put_null(dbk_column *c, dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_layout layout = layout_of(c);
    size_t copies = layout == DBK_LAYOUT_FIXED_LIST ? (size_t)c->field->width : 1;
    bool has_memory = true;
    if (layout == DBK_LAYOUT_NULL) {
        c->length++;
        c->null_count++;
        return DBK_OK;
    }
    if (layout == DBK_LAYOUT_BITS) {
        has_memory = extend_bits(&c->values, c->length, err);
    } else if (layout == DBK_LAYOUT_FIXED) {
        has_memory = extend(&c->values, value_size(c->field), err) != NULL;
    } else if (is_bytes(layout)) {
        st = put_offset(c, c->data.len, err);
    } else if (is_list(layout)) {
        st = put_offset(c, (uint64_t)c->children[0].length, err);
    } else {
        for (size_t i = 0; i < c->child_count * copies && st == DBK_OK; i++) {
            st = dbk_column_put_null(&c->children[i / copies], err);
        }
    }
    if (st != DBK_OK || !has_memory) {
        return DBK_RESOURCE_EXHAUSTED;
    }
    return end_row(c, false, err);
}

dbk_status dbk_column_put_bool(dbk_column *c, bool v, dbk_error *err) {
    DBK_ASSERT(layout_of(c) == DBK_LAYOUT_BITS);
    if (!extend_bits(&c->values, c->length, err)) {
        return DBK_RESOURCE_EXHAUSTED;
    }
    if (v) {
        dbk_bit_set((uint8_t *)c->values.ptr, c->length);
    }
    return end_row(c, true, err);
}

static bool fits(const dbk_field *f, int64_t v) {
    bool is_unsigned = f->type >= DBK_TYPE_UINT8 && f->type <= DBK_TYPE_UINT64;
    size_t bits = dbk_field_bits(f);
    if (is_unsigned) {
        return v >= 0 && (bits == 64 || v < (int64_t)1 << bits);
    }
    int64_t half = bits == 64 ? 0 : (int64_t)1 << (bits - 1);
    return bits == 64 || (v >= -half && v < half);
}

dbk_status dbk_column_put_i64(dbk_column *c, int64_t v, dbk_error *err) {
    DBK_ASSERT(layout_of(c) == DBK_LAYOUT_FIXED && value_size(c->field) <= sizeof v);
    if (!fits(c->field, v)) {
        return dbk_error_set(err, DBK_DATA_LOSS, "%lld does not fit %s", (long long)v,
                             dbk_type_name(c->field->type));
    }
    size_t size = value_size(c->field);
    uint8_t *p = extend(&c->values, size, err);
    if (p == NULL) {
        return DBK_RESOURCE_EXHAUSTED;
    }
    for (size_t i = 0; i < size; i++) { /* Arrow is little-endian here */
        p[i] = (uint8_t)((uint64_t)v >> (8 * i));
    }
    return end_row(c, true, err);
}

dbk_status dbk_column_put_f64(dbk_column *c, double v, dbk_error *err) {
    float single = (float)v;
    bool is_double = c->field->type == DBK_TYPE_FLOAT64;
    size_t size = is_double ? sizeof v : sizeof single;
    DBK_ASSERT(is_double || c->field->type == DBK_TYPE_FLOAT32);
    uint8_t *p = extend(&c->values, size, err);
    if (p == NULL) {
        return DBK_RESOURCE_EXHAUSTED;
    }
    if (is_double) {
        memcpy(p, &v, sizeof v);
    } else {
        memcpy(p, &single, sizeof single);
    }
    return end_row(c, true, err);
}

dbk_status dbk_column_put_bytes(dbk_column *c, dbk_slice v, dbk_error *err) {
    bool fixed = layout_of(c) == DBK_LAYOUT_FIXED;
    DBK_ASSERT(fixed ? v.len == value_size(c->field) : is_bytes(layout_of(c)));
    uint8_t *p = extend(fixed ? &c->values : &c->data, v.len, err);
    if (p == NULL) {
        return DBK_RESOURCE_EXHAUSTED;
    }
    if (v.len > 0) {
        memcpy(p, v.ptr, v.len);
    }
    return fixed ? end_row(c, true, err) : dbk_column_end_bytes(c, err);
}

dbk_status dbk_column_end_bytes(dbk_column *c, dbk_error *err) {
    DBK_ASSERT(is_bytes(layout_of(c)));
    dbk_status st = put_offset(c, c->data.len, err);
    return st == DBK_OK ? end_row(c, true, err) : st;
}

dbk_status dbk_column_put_text(dbk_column *c, const char *v, dbk_error *err) {
    return dbk_column_put_bytes(c, dbk_slice_of(v), err);
}

dbk_status dbk_column_put_nested(dbk_column *c, dbk_error *err) {
    dbk_status st = DBK_OK;
    DBK_ASSERT(c->child_count > 0 || layout_of(c) == DBK_LAYOUT_STRUCT);
    if (is_list(layout_of(c))) {
        st = put_offset(c, (uint64_t)c->children[0].length, err);
    }
    return st == DBK_OK ? end_row(c, true, err) : st;
}

/* ---- making and freeing ------------------------------------------------------------------------- */

dbk_status dbk_column_init(dbk_column *c, const dbk_field *f, dbk_arena *arena, dbk_error *err) {
    dbk_status st = DBK_OK;
    *c = (dbk_column){.field = f};
    if (!can_build(f)) {
        return dbk_error_set(err, DBK_INVALID_ARGUMENT, "a column of type %s%s cannot be built",
                             f->dictionary != NULL ? "dictionary of " : "", dbk_type_name(f->type));
    }
    if (f->child_count > 0) {
        c->children = dbk_arena_array(arena, f->child_count, sizeof *c->children);
        if (c->children == NULL) {
            return dbk_error_oom(err, "making a column");
        }
        c->child_count = f->child_count;
    }
    if (is_bytes(layout_of(c)) || is_list(layout_of(c))) {
        DBK_TRY(put_offset(c, 0, err));
    }
    for (size_t i = 0; i < c->child_count; i++) {
        DBK_TRY(dbk_column_init(&c->children[i], &f->children[i], arena, err));
    }

done:
    return st;
}

void dbk_column_reset(dbk_column *c) {
    dbk_buf_reset(&c->validity);
    dbk_buf_reset(&c->values);
    dbk_buf_reset(&c->data);
    for (size_t i = 0; i < c->child_count; i++) {
        dbk_column_reset(&c->children[i]);
    }
}

void dbk_builder_free(dbk_builder *b) {
    if (b == NULL) {
        return;
    }
    for (size_t i = 0; i < b->column_count; i++) {
        dbk_column_reset(&b->columns[i]);
    }
    dbk_schema_unref(b->schema);
    dbk_arena_reset(&b->arena);
    dbk_free(b);
}

dbk_status dbk_builder_new(dbk_schema *schema, dbk_builder **out, dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_builder *b = dbk_alloc_zero(sizeof *b);
    if (b == NULL) {
        return dbk_error_oom(err, "making a batch");
    }
    b->schema = dbk_schema_ref(schema);
    b->columns = dbk_arena_array(&b->arena, schema->column_count, sizeof *b->columns);
    if (b->columns == NULL) {
        st = dbk_error_oom(err, "making a batch");
        goto done;
    }
    b->column_count = schema->column_count;
    for (size_t i = 0; i < b->column_count; i++) {
        DBK_TRY(dbk_column_init(&b->columns[i], &schema->columns[i], &b->arena, err));
    }
    *out = b;
    b = NULL;

done:
    dbk_builder_free(b);
    return st;
}

dbk_column *dbk_builder_column(dbk_builder *b, size_t i) {
    DBK_ASSERT(i < b->column_count);
    return &b->columns[i];
}

/* ---- finishing -------------------------------------------------------------------------------- */

static size_t padded(size_t n) { /* to the alignment of dbk_block_alloc */
    return (n + DBK_BLOCK_ALIGN - 1) / DBK_BLOCK_ALIGN * DBK_BLOCK_ALIGN;
}

size_t dbk_column_bytes(const dbk_column *c) {
    size_t n = padded(c->validity.len) + padded(c->values.len) + padded(c->data.len);
    for (size_t i = 0; i < c->child_count; i++) {
        n += dbk_column_bytes(&c->children[i]);
    }
    return n;
}

/* Copies content into the block; an empty buffer points at zeros. */
static dbk_status place(dbk_block *block, const dbk_buf *content, dbk_buffer *out, dbk_error *err) {
    *out = (dbk_buffer){dbk_zeros, sizeof dbk_zeros};
    if (content->len == 0) {
        return DBK_OK;
    }
    uint8_t *p = dbk_block_alloc(block, content->len);
    dbk_status st = DBK_ENSURE(p != NULL, err);
    if (st == DBK_OK) {
        memcpy(p, content->ptr, content->len);
        *out = (dbk_buffer){p, content->len};
    }
    return st;
}

dbk_status dbk_column_place(const dbk_column *c, dbk_batch *batch, dbk_block *block, dbk_array *a,
                            dbk_error *err) {
    dbk_status st = DBK_OK;
    const dbk_buf *contents[] = {&c->validity, &c->values, &c->data};
    *a = (dbk_array){.length = c->length, .null_count = c->null_count};
    DBK_TRY(dbk_array_add_buffers(batch, a, dbk_type_buffer_count(c->field->type), err));
    for (size_t i = 0; i < a->buffer_count; i++) {
        if (i > 0 || c->null_count > 0) {
            DBK_TRY(place(block, contents[i], &a->buffers[i], err));
        }
    }
    if (c->child_count > 0) {
        DBK_TRY(dbk_array_add_children(batch, a, c->child_count, err));
    }
    for (size_t i = 0; i < c->child_count; i++) {
        DBK_TRY(dbk_column_place(&c->children[i], batch, block, &a->children[i], err));
    }

done:
    return st;
}

dbk_status dbk_builder_finish(dbk_builder *b, int64_t row_count, dbk_block_owner owner,
                              dbk_batch **out, dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_batch *batch = NULL;
    dbk_block *block = NULL;
    size_t bytes = 0;

    for (size_t i = 0; i < b->column_count; i++) {
        DBK_TRY(DBK_ENSURE(b->columns[i].length == row_count, err));
        bytes += dbk_column_bytes(&b->columns[i]);
    }
    DBK_TRY(dbk_batch_new(b->schema, row_count, &batch, err));
    DBK_TRY(dbk_block_new(bytes, owner, &block, err));
    DBK_TRY(dbk_batch_hold_block(batch, block, err));
    for (size_t i = 0; i < b->column_count; i++) {
        DBK_TRY(dbk_column_place(&b->columns[i], batch, block, &batch->columns[i], err));
    }
    *out = batch;
    batch = NULL;

done:
    dbk_block_unref(block);
    dbk_batch_unref(batch);
    return st;
}

size_t dbk_batch_block_bytes(const dbk_batch *b) {
    size_t n = 0;
    for (size_t i = 0; i < b->block_count; i++) {
        n += dbk_block_charge(b->blocks[i]);
    }
    return n;
}
