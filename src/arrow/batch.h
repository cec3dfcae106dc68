/* arrow/batch.h: what a batch and its arrays look like inside the room.
 *
 * What:    a dbk_array is the ArrowArray of the C Data Interface with sizes: same buffers in the
 *          same order, same meaning of offset. Field and array trees are walked side by side.
 * Threads: filled by one thread, immutable once published.
 * Owner:   the counted dbk_batch holds the arrays (its arena) and keeps alive the blocks and other
 *          batches that its buffers point into. */
#ifndef DBK_ARROW_BATCH_H
#define DBK_ARROW_BATCH_H

#include "arrow/arena.h"
#include "arrow/block.h"
#include "arrow/schema.h"

/* Borrowed from a block the batch holds. An absent validity bitmap is {NULL, 0}; every other buffer
 * is non-NULL, also when it is empty (dbk_zeros). */
typedef struct dbk_buffer {
    const uint8_t *data;
    size_t size; /* bytes that may be read; at least what length + offset need */
} dbk_buffer;

extern const uint8_t dbk_zeros[64]; /* 64-byte aligned; offsets and values of empty arrays */

/* Buffers by type (storage type of dictionary-encoded fields):
 *   NULL, RUN_END                  none
 *   fixed width, BOOL              validity, values
 *   BINARY, UTF8 and LARGE_*       validity, offsets, data
 *   BINARY_VIEW, UTF8_VIEW         validity, views (16 bytes each), data buffers 0..n (the sizes
 *                                  buffer of the C Data Interface is made by the export)
 *   LIST, LARGE_LIST, MAP          validity, offsets
 *   LIST_VIEW, LARGE_LIST_VIEW     validity, offsets, sizes
 *   FIXED_LIST, STRUCT             validity
 *   SPARSE_UNION / DENSE_UNION     type ids / type ids, offsets */
typedef struct dbk_array {
    int64_t length;
    int64_t null_count; /* exact, never -1; 0: no row is null and buffers[0] may be absent */
    int64_t offset;     /* rows to skip in every buffer of this array (and in a struct's, sparse
                           union's and fixed list's children) */
    size_t buffer_count;
    dbk_buffer *buffers;
    size_t child_count;
    struct dbk_array *children;
    const struct dbk_array *dictionary; /* values of a dictionary-encoded field */
} dbk_array;

/* The IPC message a batch was read from, with its framing, in blocks[0]. */
typedef struct dbk_batch_message {
    size_t start;
    size_t size; /* 0: it does not lie there in one piece */
    bool first;  /* of the block: before it there is nothing but a schema message and room */
} dbk_batch_message;

struct dbk_batch {
    atomic_size_t refs;
    dbk_schema *schema; /* counted */
    int64_t row_count;
    size_t column_count; /* == schema->column_count */
    dbk_array *columns;
    dbk_arena arena;
    size_t block_count, block_cap;
    dbk_block **blocks; /* counted */
    size_t held_count, held_cap;
    dbk_batch **held; /* counted: batches whose arrays or blocks this one uses */
    dbk_batch_message message;
};

/* A batch with zeroed columns, one per column of the schema (which it refs). */
DBK_MUST_USE dbk_status dbk_batch_new(dbk_schema *schema, int64_t row_count, dbk_batch **out,
                                      dbk_error *err);
/* Keeps block / other alive as long as b (adds a reference; once per object is enough). */
DBK_MUST_USE dbk_status dbk_batch_hold_block(dbk_batch *b, dbk_block *block, dbk_error *err);
DBK_MUST_USE dbk_status dbk_batch_hold_batch(dbk_batch *b, dbk_batch *other, dbk_error *err);
/* Zeroed buffers / children for a, in the arena of b. */
DBK_MUST_USE dbk_status dbk_array_add_buffers(dbk_batch *b, dbk_array *a, size_t count,
                                              dbk_error *err);
DBK_MUST_USE dbk_status dbk_array_add_children(dbk_batch *b, dbk_array *a, size_t count,
                                               dbk_error *err);
/* Makes a the array of zero rows of f's type (dictionary included), without any block. */
DBK_MUST_USE dbk_status dbk_array_set_empty(dbk_batch *b, dbk_array *a, const dbk_field *f,
                                            dbk_error *err);
/* Number of buffers the type always has; views have more behind them. */
size_t dbk_type_buffer_count(dbk_type storage);
/* False only for NULL, unions and RUN_END: their buffers[0] is no validity bitmap. */
bool dbk_type_has_validity(dbk_type storage);

/* ---- bits: LSB first, as Arrow bitmaps ---- */

static inline bool dbk_bit_get(const uint8_t *bits, int64_t i) {
    return ((bits[i >> 3] >> (i & 7)) & 1) != 0;
}
static inline void dbk_bit_set(uint8_t *bits, int64_t i) {
    bits[i >> 3] = (uint8_t)(bits[i >> 3] | (1u << (i & 7)));
}
static inline size_t dbk_bits_bytes(int64_t count) { /* count >= 0 */
    return (size_t)(((uint64_t)count + 7) / 8);
}
int64_t dbk_bits_count(const uint8_t *bits, int64_t offset, int64_t count); /* of set bits */
/* Copies count bits; dst starts at bit 0 of a byte, unused bits of its last byte become 0. */
void dbk_bits_copy(uint8_t *dst, const uint8_t *bits, int64_t offset, int64_t count);

/* Row i (0 <= i < length) of an array whose type has a validity bitmap. */
static inline bool dbk_array_is_null(const dbk_array *a, int64_t i) {
    return a->null_count != 0 && a->buffer_count > 0 && a->buffers[0].data != NULL &&
           !dbk_bit_get(a->buffers[0].data, a->offset + i);
}

#endif
