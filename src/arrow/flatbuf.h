/* arrow/flatbuf.h: reading and writing the flatbuffers that Arrow messages are described with.
 *
 * What:    a reader that checks every offset, table and vector against the bytes it was given (no
 *          separate verifier pass), and a front-to-back writer.
 * Owner:   a table, vector or text borrows the bytes it was read from.
 * Source:  flatbuffers.dev, "FlatBuffer Internals". */
#ifndef DBK_ARROW_FLATBUF_H
#define DBK_ARROW_FLATBUF_H

#include "base/base.h"

/* ---- reading ---- */

typedef struct dbk_fb_table {
    const uint8_t *data; /* the whole flatbuffer */
    size_t size;
    size_t pos; /* of the table */
    size_t vtable;
    uint16_t vtable_size;
    uint16_t table_size;
} dbk_fb_table;

typedef struct dbk_fb_vector {
    const uint8_t *data; /* the whole flatbuffer */
    size_t size;
    size_t pos; /* of the first element */
    size_t count;
} dbk_fb_vector;

DBK_MUST_USE dbk_status dbk_fb_root(dbk_slice bytes, dbk_fb_table *out, dbk_error *err);

/* Scalars; `absent` is the schema's default. */
DBK_MUST_USE dbk_status dbk_fb_u8(const dbk_fb_table *t, unsigned slot, uint8_t absent,
                                  uint8_t *out, dbk_error *err);
DBK_MUST_USE dbk_status dbk_fb_i16(const dbk_fb_table *t, unsigned slot, int16_t absent,
                                   int16_t *out, dbk_error *err);
DBK_MUST_USE dbk_status dbk_fb_i32(const dbk_fb_table *t, unsigned slot, int32_t absent,
                                   int32_t *out, dbk_error *err);
DBK_MUST_USE dbk_status dbk_fb_i64(const dbk_fb_table *t, unsigned slot, int64_t absent,
                                   int64_t *out, dbk_error *err);
/* *present tells whether there is one; *out is written only then. */
DBK_MUST_USE dbk_status dbk_fb_child(const dbk_fb_table *t, unsigned slot, bool *present,
                                     dbk_fb_table *out, dbk_error *err);
/* ptr NULL: absent. */
DBK_MUST_USE dbk_status dbk_fb_text(const dbk_fb_table *t, unsigned slot, dbk_slice *out,
                                    dbk_error *err);
/* All `count` elements of element_size bytes are inside the data; absent is count 0. */
DBK_MUST_USE dbk_status dbk_fb_elements(const dbk_fb_table *t, unsigned slot, size_t element_size,
                                        dbk_fb_vector *out, dbk_error *err);
/* Element i (< count) of a vector of tables (element_size 4). */
DBK_MUST_USE dbk_status dbk_fb_element_table(const dbk_fb_vector *v, size_t i, dbk_fb_table *out,
                                             dbk_error *err);

static inline int64_t dbk_load_i64(const uint8_t *p) { /* little-endian, any alignment */
    uint64_t v = 0;
    for (unsigned i = 0; i < 8; i++) {
        v |= (uint64_t)p[i] << (8 * i);
    }
    return (int64_t)v;
}
static inline uint32_t dbk_load_u32(const uint8_t *p) {
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* ---- writing ---- */

/* Tables first, what they refer to behind them; offsets are patched. buf must start empty. */
typedef struct dbk_fbw {
    dbk_buf buf;
    dbk_status st; /* the first failure; every later call does nothing */
    dbk_error *err;
} dbk_fbw;

#define DBK_FBW_SLOTS 8

/* The shape of a table: bytes of each slot, 0 for one that is left out. Offsets take 4. */
typedef struct dbk_fbw_table {
    size_t pos;
    uint16_t at[DBK_FBW_SLOTS]; /* offset inside the table; 0: left out */
} dbk_fbw_table;

dbk_fbw_table dbk_fbw_add_table(dbk_fbw *w, const uint8_t *slot_sizes, size_t slot_count);
void dbk_fbw_set(dbk_fbw *w, const dbk_fbw_table *t, unsigned slot, int64_t value, size_t size);
/* The slot refers to what is written next: call directly before adding it. */
size_t dbk_fbw_slot_pos(const dbk_fbw_table *t, unsigned slot);
void dbk_fbw_point(dbk_fbw *w, size_t ref_pos, size_t target_pos);
size_t dbk_fbw_add_text(dbk_fbw *w, dbk_slice text); /* gives its position */
/* A vector of count zeroed elements; the position of element 0 is the result + 4. */
size_t dbk_fbw_add_vector(dbk_fbw *w, size_t count, size_t element_size, size_t align);
void dbk_fbw_put(dbk_fbw *w, size_t pos, int64_t value, size_t size); /* little-endian */
void dbk_fbw_root(dbk_fbw *w); /* first: reserves the root offset */

#endif
