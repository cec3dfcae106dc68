/* walk_test.h: reads every value of a batch, for tests and fuzz targets.
 *
 * Rendered as testdata/make.py does: fixed-width values as the hex of their bytes, bool 0 or 1, text
 * and binary as hex in quotes, null -, lists [a,b], structs {a,b}, unions id:value. Every read is
 * checked against the size of its buffer; outside ends the program. */
#ifndef DBK_ARROW_WALK_TEST_H
#define DBK_ARROW_WALK_TEST_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arrow/batch.h"

#define WALK_ROWS_MAX 2000 /* per array: buffer-less types may claim any number of rows */

static inline void walk_value(const dbk_field *f, const dbk_array *a, int64_t i, dbk_buf *out);

static inline const uint8_t *walk_bytes(const dbk_buffer *b, int64_t at, int64_t n) {
    if (at < 0 || n < 0 || (uint64_t)at > b->size || (uint64_t)n > b->size - (uint64_t)at) {
        fprintf(stderr, "bytes %lld + %lld of a buffer of %zu\n", (long long)at, (long long)n,
                b->size);
        __builtin_trap();
    }
    return b->data + at;
}

static inline int64_t walk_int(const dbk_buffer *b, int64_t i, int64_t width) {
    int64_t v = 0;
    int32_t v32 = 0;
    int16_t v16 = 0;
    const uint8_t *p = walk_bytes(b, i * width, width);
    if ((uintptr_t)p % (uintptr_t)width != 0) {
        fprintf(stderr, "a buffer of %lld-byte values is misaligned\n", (long long)width);
        __builtin_trap();
    }
    switch (width) {
    case 1:
        return (int8_t)*p;
    case 2:
        memcpy(&v16, p, 2);
        return v16;
    case 4:
        memcpy(&v32, p, 4);
        return v32;
    default:
        memcpy(&v, p, 8);
        return v;
    }
}

static inline void walk_put(dbk_buf *out, const char *text) {
    dbk_error err = {0};
    if (dbk_buf_puts(out, text, &err) != DBK_OK) {
        __builtin_trap();
    }
}

static inline void walk_hex(dbk_buf *out, const uint8_t *p, int64_t n) {
    static const char digits[] = "0123456789abcdef";
    dbk_error err = {0};
    if (dbk_buf_reserve(out, (size_t)n * 2, &err) != DBK_OK) {
        __builtin_trap();
    }
    for (int64_t i = 0; i < n; i++) {
        out->ptr[out->len++] = digits[p[i] >> 4];
        out->ptr[out->len++] = digits[p[i] & 15];
    }
}

static inline void walk_text(dbk_buf *out, const dbk_buffer *data, int64_t at, int64_t n) {
    walk_put(out, "\"");
    walk_hex(out, walk_bytes(data, at, n), n);
    walk_put(out, "\"");
}

static inline void walk_items(const dbk_field *f, const dbk_array *a, int64_t at, int64_t n,
                              dbk_buf *out) {
    walk_put(out, "[");
    for (int64_t i = 0; i < n && i < WALK_ROWS_MAX; i++) {
        walk_put(out, i > 0 ? "," : "");
        walk_value(&f->children[0], &a->children[0], at + i, out);
    }
    walk_put(out, "]");
}

static inline void walk_view(const dbk_array *a, int64_t at, dbk_buf *out) {
    int64_t n = walk_int(&a->buffers[1], at * 4, 4);
    if (n <= 12) {
        walk_text(out, &a->buffers[1], at * 16 + 4, n);
        return;
    }
    int64_t buffer = walk_int(&a->buffers[1], at * 4 + 2, 4);
    int64_t offset = walk_int(&a->buffers[1], at * 4 + 3, 4);
    if (buffer < 0 || (size_t)buffer + 2 >= a->buffer_count) {
        __builtin_trap();
    }
    walk_text(out, &a->buffers[buffer + 2], offset, n);
}

static inline void walk_union(const dbk_field *f, const dbk_array *a, int64_t at, dbk_buf *out) {
    int64_t id = walk_int(&a->buffers[0], at, 1);
    char text[16];
    size_t child = 0;
    while (child < f->child_count && f->type_ids[child] != id) {
        child++;
    }
    if (child == f->child_count) {
        __builtin_trap();
    }
    (void)snprintf(text, sizeof text, "%d:", (int)id);
    walk_put(out, text);
    if (f->type == DBK_TYPE_DENSE_UNION) {
        at = walk_int(&a->buffers[1], at, 4);
    }
    walk_value(&f->children[child], &a->children[child], at, out);
}

static inline void walk_run(const dbk_field *f, const dbk_array *a, int64_t at, dbk_buf *out) {
    const dbk_array *ends = &a->children[0];
    int64_t width = (int64_t)dbk_type_bits(f->children[0].type) / 8;
    int64_t run = 0;
    while (walk_int(&ends->buffers[1], ends->offset + run, width) <= at) {
        run++;
    }
    walk_value(&f->children[1], &a->children[1], run, out);
}

static inline void walk_index(const dbk_field *f, const dbk_array *a, int64_t at, dbk_buf *out) {
    size_t bits = dbk_type_bits(f->dictionary->index_type);
    int64_t i = walk_int(&a->buffers[1], at, (int64_t)bits / 8);
    dbk_field values = *f;
    values.dictionary = NULL;
    if (f->dictionary->index_type >= DBK_TYPE_UINT8 && bits < 64) {
        i &= ((int64_t)1 << bits) - 1;
    }
    walk_value(&values, a->dictionary, i, out);
}

/* Row i, 0 <= i < a->length. */
static inline void walk_value(const dbk_field *f, const dbk_array *a, int64_t i, dbk_buf *out) {
    dbk_type storage = dbk_field_storage(f);
    int64_t at = a->offset + i;
    int64_t width = (int64_t)dbk_field_bits(f) / 8;
    if (i < 0 || i >= a->length) {
        fprintf(stderr, "row %lld of %lld\n", (long long)i, (long long)a->length);
        __builtin_trap();
    }
    if (storage == DBK_TYPE_NULL || (dbk_type_has_validity(storage) && a->null_count != 0 &&
                                     !dbk_bit_get(walk_bytes(&a->buffers[0], at / 8, 1), at & 7))) {
        walk_put(out, "-");
        return;
    }
    if (f->dictionary != NULL) {
        walk_index(f, a, at, out);
        return;
    }
    switch (dbk_type_layout(storage)) {
    case DBK_LAYOUT_NULL:
        break;
    case DBK_LAYOUT_BITS:
        walk_put(out, dbk_bit_get(walk_bytes(&a->buffers[1], at / 8, 1), at & 7) ? "1" : "0");
        break;
    case DBK_LAYOUT_FIXED:
        walk_hex(out, walk_bytes(&a->buffers[1], at * width, width), width);
        break;
    case DBK_LAYOUT_VAR32:
    case DBK_LAYOUT_VAR64: {
        int64_t w = dbk_type_layout(storage) == DBK_LAYOUT_VAR64 ? 8 : 4;
        int64_t start = walk_int(&a->buffers[1], at, w);
        walk_text(out, &a->buffers[2], start, walk_int(&a->buffers[1], at + 1, w) - start);
        break;
    }
    case DBK_LAYOUT_VIEW:
        walk_view(a, at, out);
        break;
    case DBK_LAYOUT_LIST32:
    case DBK_LAYOUT_LIST64: {
        int64_t w = dbk_type_layout(storage) == DBK_LAYOUT_LIST64 ? 8 : 4;
        int64_t start = walk_int(&a->buffers[1], at, w);
        walk_items(f, a, start, walk_int(&a->buffers[1], at + 1, w) - start, out);
        break;
    }
    case DBK_LAYOUT_LISTVIEW32:
    case DBK_LAYOUT_LISTVIEW64: {
        int64_t w = dbk_type_layout(storage) == DBK_LAYOUT_LISTVIEW64 ? 8 : 4;
        walk_items(f, a, walk_int(&a->buffers[1], at, w), walk_int(&a->buffers[2], at, w), out);
        break;
    }
    case DBK_LAYOUT_FIXED_LIST:
        walk_items(f, a, at * f->width, f->width, out);
        break;
    case DBK_LAYOUT_STRUCT:
        walk_put(out, "{");
        for (size_t c = 0; c < f->child_count; c++) {
            walk_put(out, c > 0 ? "," : "");
            walk_value(&f->children[c], &a->children[c], at, out);
        }
        walk_put(out, "}");
        break;
    case DBK_LAYOUT_SPARSE:
    case DBK_LAYOUT_DENSE:
        walk_union(f, a, at, out);
        break;
    case DBK_LAYOUT_RUN_END:
        walk_run(f, a, at, out);
        break;
    }
}

/* "batch ROWS", then one line per column. */
static inline void walk_batch(const dbk_batch *b, dbk_buf *out) {
    char text[32];
    (void)snprintf(text, sizeof text, "batch %lld\n", (long long)b->row_count);
    walk_put(out, text);
    for (size_t c = 0; c < b->column_count; c++) {
        walk_put(out, dbk_schema_column_name(b->schema, c));
        walk_put(out, ": ");
        for (int64_t i = 0; i < b->row_count && i < WALK_ROWS_MAX; i++) {
            walk_put(out, i > 0 ? " " : "");
            walk_value(&b->schema->columns[c], &b->columns[c], i, out);
        }
        walk_put(out, "\n");
    }
}

#endif
