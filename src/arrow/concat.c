/* Joining two batches of one column: delta dictionaries. */
#include "arrow/ipc_read.h"

#include <inttypes.h>

/* A delta copies all values so far. Honest streams send a few; the bound keeps many small deltas
 * from costing memory that the received bytes do not justify. */
#define JOINED_RATIO 32
#define JOINED_BASE  ((size_t)1 << 20)

typedef struct join {
    const dbk_array *a, *b;
    dbk_array *out;
    dbk_block *block;
} join;

static size_t padded(size_t n) {
    return n + DBK_BLOCK_ALIGN;
}

static int64_t offset_at(const dbk_array *a, bool wide, int64_t i) {
    const uint8_t *p = a->buffers[1].data;
    if (wide) {
        int64_t v;
        memcpy(&v, p + i * 8, sizeof v);
        return v;
    }
    int32_t v;
    memcpy(&v, p + i * 4, sizeof v);
    return v;
}

static size_t data_bytes(const dbk_array *a, bool wide) {
    return (size_t)(offset_at(a, wide, a->length) - offset_at(a, wide, 0));
}

/* Bytes of the joined array, or false for a type that is not supported. */
static bool joined_size(const dbk_field *f, const dbk_array *a, const dbk_array *b, size_t *out) {
    size_t rows = (size_t)a->length + (size_t)b->length;
    size_t bits = padded(rows / 8 + 1);
    switch (dbk_type_layout(f->type)) {
    case DBK_LAYOUT_NULL:
        *out = 0;
        return true;
    case DBK_LAYOUT_BITS:
        *out = bits * 2;
        return true;
    case DBK_LAYOUT_FIXED:
        *out = bits + padded(rows * dbk_field_bits(f) / 8);
        return true;
    case DBK_LAYOUT_VAR32:
        *out = bits + padded((rows + 1) * 4) + padded(data_bytes(a, false) + data_bytes(b, false));
        return true;
    case DBK_LAYOUT_VAR64:
        *out = bits + padded((rows + 1) * 8) + padded(data_bytes(a, true) + data_bytes(b, true));
        return true;
    case DBK_LAYOUT_VIEW:
    case DBK_LAYOUT_LIST32:
    case DBK_LAYOUT_LIST64:
    case DBK_LAYOUT_LISTVIEW32:
    case DBK_LAYOUT_LISTVIEW64:
    case DBK_LAYOUT_FIXED_LIST:
    case DBK_LAYOUT_STRUCT:
    case DBK_LAYOUT_SPARSE:
    case DBK_LAYOUT_DENSE:
    case DBK_LAYOUT_RUN_END:
        break;
    }
    return false;
}

static uint8_t *take(const join *j, size_t buffer, size_t size) {
    uint8_t *p = dbk_block_alloc(j->block, size); /* joined_size counted it */
    j->out->buffers[buffer] = (dbk_buffer){p, size};
    return p;
}

static void join_bits(const join *j, size_t buffer) {
    size_t bytes = dbk_bits_bytes(j->out->length);
    uint8_t *dst = take(j, buffer, bytes);
    const dbk_array *parts[] = {j->a, j->b};
    int64_t at = 0;
    memset(dst, 0, bytes);
    for (size_t p = 0; p < 2; p++) {
        const uint8_t *bits = parts[p]->buffers[buffer].data;
        for (int64_t i = 0; i < parts[p]->length; i++, at++) {
            if (bits == NULL || dbk_bit_get(bits, i)) { /* no bitmap: all valid */
                dbk_bit_set(dst, at);
            }
        }
    }
}

static void join_fixed(const join *j, size_t width) {
    size_t first = (size_t)j->a->length * width;
    size_t second = (size_t)j->b->length * width;
    uint8_t *dst = take(j, 1, first + second);
    memcpy(dst, j->a->buffers[1].data, first);
    memcpy(dst + first, j->b->buffers[1].data, second);
}

static void join_var(const join *j, bool wide) {
    size_t first = data_bytes(j->a, wide);
    size_t second = data_bytes(j->b, wide);
    uint8_t *offsets = take(j, 1, (size_t)(j->out->length + 1) * (wide ? 8 : 4));
    uint8_t *data = take(j, 2, first + second);
    const dbk_array *parts[] = {j->a, j->b};
    int64_t base = 0;
    int64_t at = 0;
    for (size_t p = 0; p < 2; p++) {
        int64_t shift = base - offset_at(parts[p], wide, 0);
        for (int64_t i = 0; i < parts[p]->length + (p == 1 ? 1 : 0); i++, at++) {
            int64_t v = offset_at(parts[p], wide, i) + shift;
            int32_t v32 = (int32_t)v;
            if (wide) {
                memcpy(offsets + at * 8, &v, sizeof v);
            } else {
                memcpy(offsets + at * 4, &v32, sizeof v32);
            }
        }
        base = (int64_t)first;
    }
    memcpy(data, j->a->buffers[2].data + offset_at(j->a, wide, 0), first);
    memcpy(data + first, j->b->buffers[2].data + offset_at(j->b, wide, 0), second);
}

static void join_buffers(const join *j, const dbk_field *f) {
    dbk_layout layout = dbk_type_layout(f->type);
    if (layout != DBK_LAYOUT_NULL && j->out->null_count != 0) {
        join_bits(j, 0);
    }
    if (layout == DBK_LAYOUT_BITS) {
        join_bits(j, 1);
    } else if (layout == DBK_LAYOUT_FIXED) {
        join_fixed(j, dbk_field_bits(f) / 8);
    } else if (layout == DBK_LAYOUT_VAR32 || layout == DBK_LAYOUT_VAR64) {
        join_var(j, layout == DBK_LAYOUT_VAR64);
    }
}

static dbk_status check_size(dbk_ipc_reader *r, const dbk_field *f, const dbk_array *a,
                             const dbk_array *b, size_t *size, dbk_error *err) {
    if (!joined_size(f, a, b, size)) {
        return dbk_error_set(err, DBK_DATA_LOSS, "a delta for a dictionary of %s is not supported",
                             dbk_type_name(f->type));
    }
    if (dbk_type_layout(f->type) == DBK_LAYOUT_VAR32 &&
        data_bytes(a, false) + data_bytes(b, false) > INT32_MAX) {
        return dbk_error_set(err, DBK_DATA_LOSS, "with its deltas it is longer than 2 GiB");
    }
    if (r->joined_bytes + *size > r->decoded_bytes * JOINED_RATIO + JOINED_BASE) {
        return dbk_error_set(err, DBK_DATA_LOSS, "too many deltas: %zu bytes copied so far",
                             r->joined_bytes);
    }
    return DBK_OK;
}

dbk_status dbk_batch_concat(dbk_ipc_reader *r, dbk_batch *first, dbk_batch *second, dbk_batch **out,
                            dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_batch *b = NULL;
    size_t size = 0;
    int64_t rows = 0;
    const dbk_field *f = &first->schema->columns[0];
    join j = {.a = &first->columns[0], .b = &second->columns[0]};

    if (!dbk_add_i64(first->row_count, second->row_count, &rows)) {
        return dbk_error_set(err, DBK_DATA_LOSS, "impossible length with its deltas");
    }
    DBK_TRY(check_size(r, f, j.a, j.b, &size, err));
    DBK_TRY(dbk_batch_new(first->schema, rows, &b, err));
    DBK_TRY(dbk_block_new(size, r->owner, &j.block, err));
    r->joined_bytes += size;
    r->block_bytes += dbk_block_charge(j.block);
    DBK_TRY(dbk_batch_hold_block(b, j.block, err));
    j.out = &b->columns[0];
    j.out->length = rows;
    j.out->null_count = j.a->null_count + j.b->null_count;
    DBK_TRY(dbk_array_add_buffers(b, j.out, j.a->buffer_count, err));
    join_buffers(&j, f);
    *out = b;
    b = NULL;

done:
    dbk_block_unref(j.block);
    dbk_batch_unref(b);
    return st;
}
