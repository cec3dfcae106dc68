#include "arrow/batch.h"

#include <string.h>

_Alignas(64) const uint8_t dbk_zeros[64] = {0};

/* ---- making ---- */

dbk_status dbk_batch_new(dbk_schema *schema, int64_t row_count, dbk_batch **out, dbk_error *err) {
    dbk_batch *b = dbk_alloc_zero(sizeof *b);
    if (b == NULL) {
        return dbk_error_oom(err, "making an Arrow batch");
    }
    atomic_init(&b->refs, 1);
    b->schema = dbk_schema_ref(schema);
    b->row_count = row_count;
    b->columns = dbk_arena_array(&b->arena, schema->column_count, sizeof *b->columns);
    if (b->columns == NULL) {
        dbk_batch_unref(b);
        return dbk_error_oom(err, "making an Arrow batch");
    }
    b->column_count = schema->column_count;
    *out = b;
    return DBK_OK;
}

dbk_batch *dbk_batch_ref(dbk_batch *b) {
    size_t old = atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
    DBK_ASSERT(old > 0 && old < SIZE_MAX / 2);
    (void)old;
    return b;
}

void dbk_batch_unref(dbk_batch *b) {
    if (b == NULL || atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) != 1) {
        return;
    }
    for (size_t i = 0; i < b->held_count; i++) {
        dbk_batch_unref(b->held[i]); /* depth: dictionaries of dictionaries, slices of slices */
    }
    for (size_t i = 0; i < b->block_count; i++) {
        dbk_block_unref(b->blocks[i]);
    }
    dbk_free(b->held);
    dbk_free(b->blocks);
    dbk_schema_unref(b->schema);
    dbk_arena_reset(&b->arena);
    dbk_free(b);
}

dbk_status dbk_batch_hold_block(dbk_batch *b, dbk_block *block, dbk_error *err) {
    if (!dbk_array_grow(&b->blocks, b->block_count, &b->block_cap)) {
        return dbk_error_oom(err, "making an Arrow batch");
    }
    b->blocks[b->block_count++] = dbk_block_ref(block);
    return DBK_OK;
}

dbk_status dbk_batch_hold_batch(dbk_batch *b, dbk_batch *other, dbk_error *err) {
    if (!dbk_array_grow(&b->held, b->held_count, &b->held_cap)) {
        return dbk_error_oom(err, "making an Arrow batch");
    }
    b->held[b->held_count++] = dbk_batch_ref(other);
    return DBK_OK;
}

dbk_status dbk_array_add_buffers(dbk_batch *b, dbk_array *a, size_t count, dbk_error *err) {
    a->buffers = dbk_arena_array(&b->arena, count, sizeof *a->buffers);
    if (a->buffers == NULL) {
        return dbk_error_oom(err, "making an Arrow array");
    }
    a->buffer_count = count;
    return DBK_OK;
}

dbk_status dbk_array_add_children(dbk_batch *b, dbk_array *a, size_t count, dbk_error *err) {
    a->children = dbk_arena_array(&b->arena, count, sizeof *a->children);
    if (a->children == NULL) {
        return dbk_error_oom(err, "making an Arrow array");
    }
    a->child_count = count;
    return DBK_OK;
}

dbk_status dbk_array_set_empty(dbk_batch *b, dbk_array *a, const dbk_field *f, dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_type storage = dbk_field_storage(f);
    *a = (dbk_array){0};
    DBK_TRY(dbk_array_add_buffers(b, a, dbk_type_buffer_count(storage), err));
    for (size_t i = dbk_type_has_validity(storage) ? 1 : 0; i < a->buffer_count; i++) {
        a->buffers[i] = (dbk_buffer){dbk_zeros, sizeof dbk_zeros}; /* holds offset 0 too */
    }
    if (f->dictionary != NULL) {
        dbk_field values = *f;
        dbk_array *dictionary = dbk_arena_alloc(&b->arena, sizeof *dictionary);
        if (dictionary == NULL) {
            st = dbk_error_oom(err, "making an Arrow array");
            goto done;
        }
        values.dictionary = NULL;
        DBK_TRY(dbk_array_set_empty(b, dictionary, &values, err));
        a->dictionary = dictionary;
        goto done;
    }
    DBK_TRY(dbk_array_add_children(b, a, f->child_count, err));
    for (size_t i = 0; i < f->child_count; i++) {
        DBK_TRY(dbk_array_set_empty(b, &a->children[i], &f->children[i], err));
    }

done:
    return st;
}

/* ---- layouts ---- */

size_t dbk_type_buffer_count(dbk_type storage) {
    switch (dbk_type_layout(storage)) {
    case DBK_LAYOUT_NULL:
    case DBK_LAYOUT_RUN_END:
        return 0;
    case DBK_LAYOUT_STRUCT:
    case DBK_LAYOUT_FIXED_LIST:
    case DBK_LAYOUT_SPARSE:
        return 1;
    case DBK_LAYOUT_BITS:
    case DBK_LAYOUT_FIXED:
    case DBK_LAYOUT_VIEW:
    case DBK_LAYOUT_LIST32:
    case DBK_LAYOUT_LIST64:
    case DBK_LAYOUT_DENSE:
        return 2;
    case DBK_LAYOUT_VAR32:
    case DBK_LAYOUT_VAR64:
    case DBK_LAYOUT_LISTVIEW32:
    case DBK_LAYOUT_LISTVIEW64:
        return 3;
    }
    return 0;
}

bool dbk_type_has_validity(dbk_type storage) {
    return storage != DBK_TYPE_NULL && storage != DBK_TYPE_RUN_END &&
           storage != DBK_TYPE_SPARSE_UNION && storage != DBK_TYPE_DENSE_UNION;
}

/* ---- reading ---- */

int64_t dbk_batch_row_count(const dbk_batch *b) {
    return b->row_count;
}

dbk_schema *dbk_batch_schema(const dbk_batch *b) {
    return b->schema;
}

static size_t array_bytes(const dbk_array *a) {
    size_t n = 0;
    for (size_t i = 0; i < a->buffer_count; i++) {
        n += a->buffers[i].data == dbk_zeros ? 0 : a->buffers[i].size;
    }
    for (size_t i = 0; i < a->child_count; i++) {
        n += array_bytes(&a->children[i]);
    }
    return n + (a->dictionary != NULL ? array_bytes(a->dictionary) : 0);
}

size_t dbk_batch_byte_size(const dbk_batch *b) {
    size_t n = 0;
    for (size_t i = 0; i < b->column_count; i++) {
        n += array_bytes(&b->columns[i]);
    }
    return n;
}

/* ---- views ---- */

/* b's columns, shared, under a schema with the same types. */
static dbk_status batch_view(dbk_batch *b, dbk_schema *schema, int64_t row_count, dbk_batch **out,
                             dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_batch *view = NULL;
    DBK_TRY(dbk_batch_new(schema, row_count, &view, err));
    DBK_TRY(dbk_batch_hold_batch(view, b, err));
    if (b->column_count > 0) {
        memcpy(view->columns, b->columns, b->column_count * sizeof *b->columns);
    }
    *out = view;
    view = NULL;

done:
    dbk_batch_unref(view);
    return st;
}

static void slice_column(dbk_array *a, const dbk_field *f, int64_t offset, int64_t count) {
    dbk_type storage = dbk_field_storage(f);
    int64_t nulls = 0;
    if (storage == DBK_TYPE_NULL) {
        nulls = count;
    } else if (a->null_count == a->length) {
        nulls = count;
    } else if (a->null_count > 0 && a->buffers[0].data != NULL) {
        nulls = count - dbk_bits_count(a->buffers[0].data, a->offset + offset, count);
    }
    /* Arrow C++ imports the buffers of no rows as empty, whatever the offset: leave it alone. */
    a->offset += count > 0 ? offset : 0;
    a->length = count;
    a->null_count = nulls;
}

dbk_status dbk_batch_slice(dbk_batch *b, int64_t offset, int64_t count, dbk_batch **out,
                           dbk_error *err) {
    if (offset < 0 || count < 0 || offset > b->row_count || count > b->row_count - offset) {
        return dbk_error_set(err, DBK_INVALID_ARGUMENT,
                             "%lld rows from row %lld on, of a batch with %lld rows",
                             (long long)count, (long long)offset, (long long)b->row_count);
    }
    if (offset == 0 && count == b->row_count) {
        *out = dbk_batch_ref(b);
        return DBK_OK;
    }
    dbk_batch *view = NULL;
    dbk_status st = batch_view(b, b->schema, count, &view, err);
    if (st != DBK_OK) {
        return st;
    }
    for (size_t i = 0; i < view->column_count; i++) {
        slice_column(&view->columns[i], &b->schema->columns[i], offset, count);
    }
    *out = view;
    return DBK_OK;
}

dbk_status dbk_batch_with_schema(dbk_batch *b, dbk_schema *schema, dbk_batch **out,
                                 dbk_error *err) {
    if (schema == b->schema) {
        *out = dbk_batch_ref(b);
        return DBK_OK;
    }
    if (!dbk_schema_same_types(b->schema, schema)) {
        return dbk_error_set(err, DBK_DATA_LOSS,
                             "the columns of this Arrow batch (%zu) are not of the types of the "
                             "result's schema (%zu columns)",
                             b->column_count, schema->column_count);
    }
    return batch_view(b, schema, b->row_count, out, err);
}

/* ---- bits ---- */

static uint64_t load64(const uint8_t *p) {
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

int64_t dbk_bits_count(const uint8_t *bits, int64_t offset, int64_t count) {
    int64_t n = 0;
    int64_t i = 0;
    for (; i < count && ((offset + i) & 7) != 0; i++) {
        n += dbk_bit_get(bits, offset + i);
    }
    const uint8_t *p = bits + ((offset + i) >> 3);
    for (; count - i >= 64; i += 64, p += 8) {
        n += __builtin_popcountll(load64(p));
    }
    for (; i < count; i++) {
        n += dbk_bit_get(bits, offset + i);
    }
    return n;
}

void dbk_bits_copy(uint8_t *dst, const uint8_t *bits, int64_t offset, int64_t count) {
    size_t bytes = dbk_bits_bytes(count);
    if (bytes == 0) {
        return;
    }
    const uint8_t *p = bits + (offset >> 3);
    unsigned shift = (unsigned)(offset & 7);
    size_t have = dbk_bits_bytes(count + shift); /* source bytes that may be read */
    if (shift == 0) {
        memcpy(dst, p, bytes);
    } else {
        for (size_t i = 0; i < bytes; i++) {
            unsigned high = i + 1 < have ? (unsigned)p[i + 1] << (8 - shift) : 0;
            dst[i] = (uint8_t)((p[i] >> shift) | high);
        }
    }
    if ((count & 7) != 0) {
        dst[bytes - 1] &= (uint8_t)((1u << (count & 7)) - 1);
    }
}
