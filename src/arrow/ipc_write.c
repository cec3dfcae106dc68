/* Arrow IPC stream writing: schema, dictionaries, record batches, end-of-stream marker.
 *
 * Every batch stands alone: its dictionaries go with it. What a slice does not show is not written:
 * offsets are rebased, bitmaps shifted, children cut. */
#include "arrow/batch.h"

#include "arrow/flatbuf.h"
#include "arrow/ipc_read.h"

#include <inttypes.h>

/* ---- framing ---- */

#define FRAME_BYTES 24 /* around a message: prefix, padding of its metadata, end of the stream */

static dbk_status pad8(dbk_buf *out, dbk_error *err) {
    static const char zeros[8] = {0};
    return dbk_buf_append(out, zeros, (8 - out->len % 8) % 8, err);
}

/* Continuation marker, length of the padded metadata, metadata. The body follows. */
static dbk_status put_metadata(dbk_fbw *w, dbk_buf *out, dbk_error *err) {
    dbk_status st = w->st;
    uint8_t prefix[8] = {0xff, 0xff, 0xff, 0xff};
    DBK_TRY(st);
    DBK_TRY(pad8(&w->buf, err));
    if (w->buf.len > DBK_IPC_METADATA_MAX) {
        st = dbk_error_set(err, DBK_INVALID_ARGUMENT,
                           "the schema is too large to write: %zu bytes of metadata", w->buf.len);
        goto done;
    }
    for (unsigned i = 0; i < 4; i++) {
        prefix[4 + i] = (uint8_t)(w->buf.len >> (8 * i));
    }
    DBK_TRY(dbk_buf_append(out, prefix, sizeof prefix, err));
    DBK_TRY(dbk_buf_append(out, w->buf.ptr, w->buf.len, err));

done:
    return st;
}

/* The Message table with its header still to be written where the result points. */
static size_t start_message(dbk_fbw *w, dbk_ipc_kind kind, size_t body_size) {
    static const uint8_t slots[] = {2, 1, 4, 8};
    dbk_fbw_root(w);
    dbk_fbw_table m = dbk_fbw_add_table(w, slots, sizeof slots);
    dbk_fbw_point(w, 0, m.pos);
    dbk_fbw_set(w, &m, 0, DBK_IPC_V5, 2);
    dbk_fbw_set(w, &m, 1, (int64_t)kind, 1);
    dbk_fbw_set(w, &m, 3, (int64_t)body_size, 8);
    return dbk_fbw_slot_pos(&m, 2);
}

/* ---- schema ---- */

typedef struct fb_type { /* a Type table: its tag and up to three scalar slots */
    uint8_t tag;
    uint8_t slot_count;
    uint8_t sizes[3];
    int64_t values[3];
} fb_type;

static fb_type int_type(dbk_type t) {
    bool is_signed = t >= DBK_TYPE_INT8 && t <= DBK_TYPE_INT64;
    return (fb_type){2, 2, {4, 1, 0}, {(int64_t)dbk_type_bits(t), is_signed, 0}};
}

static fb_type short_type(uint8_t tag, int64_t value) {
    return (fb_type){tag, 1, {2, 0, 0}, {value, 0, 0}};
}

static fb_type bare_type(uint8_t tag) {
    return (fb_type){.tag = tag};
}

static fb_type flat_type(const dbk_field *f) {
    int64_t bits = (int64_t)dbk_type_bits(f->type);
    if (f->type >= DBK_TYPE_INT8 && f->type <= DBK_TYPE_UINT64) {
        return int_type(f->type);
    }
    if (f->type >= DBK_TYPE_FLOAT16 && f->type <= DBK_TYPE_FLOAT64) {
        return short_type(3, (int64_t)f->type - DBK_TYPE_FLOAT16);
    }
    if (dbk_type_params(f->type) == DBK_PARAMS_DECIMAL) {
        return (fb_type){7, 3, {4, 4, 4}, {f->precision, f->scale, bits}};
    }
    if (f->type == DBK_TYPE_DATE32 || f->type == DBK_TYPE_DATE64) {
        return short_type(8, (int64_t)f->type - DBK_TYPE_DATE32);
    }
    if (f->type == DBK_TYPE_TIME32 || f->type == DBK_TYPE_TIME64) {
        return (fb_type){9, 2, {2, 4, 0}, {(int64_t)f->unit, bits, 0}};
    }
    return short_type(11, (int64_t)f->type - DBK_TYPE_INTERVAL_MONTHS);
}

/* Everything but the vectors and texts of unions and timestamps. */
static fb_type type_table(const dbk_field *f) {
    static const uint8_t bare[DBK_TYPE_COUNT] = {
        [DBK_TYPE_NULL] = 1,          [DBK_TYPE_BINARY] = 4,          [DBK_TYPE_UTF8] = 5,
        [DBK_TYPE_BOOL] = 6,          [DBK_TYPE_LIST] = 12,           [DBK_TYPE_STRUCT] = 13,
        [DBK_TYPE_LARGE_BINARY] = 19, [DBK_TYPE_LARGE_UTF8] = 20,     [DBK_TYPE_LARGE_LIST] = 21,
        [DBK_TYPE_RUN_END] = 22,      [DBK_TYPE_BINARY_VIEW] = 23,    [DBK_TYPE_UTF8_VIEW] = 24,
        [DBK_TYPE_LIST_VIEW] = 25,    [DBK_TYPE_LARGE_LIST_VIEW] = 26};
    if (bare[f->type] != 0) {
        return bare_type(bare[f->type]);
    }
    if (f->type == DBK_TYPE_TIMESTAMP) {
        uint8_t zone = f->timezone.ptr != NULL ? 4 : 0;
        return (fb_type){10, 2, {2, zone, 0}, {(int64_t)f->unit, 0, 0}};
    }
    if (f->type == DBK_TYPE_DURATION) {
        return short_type(18, (int64_t)f->unit);
    }
    if (f->type == DBK_TYPE_MAP) {
        return (fb_type){17, 1, {1, 0, 0}, {f->keys_sorted, 0, 0}};
    }
    if (f->type == DBK_TYPE_SPARSE_UNION || f->type == DBK_TYPE_DENSE_UNION) {
        return (fb_type){14, 2, {2, 4, 0}, {f->type == DBK_TYPE_DENSE_UNION, 0, 0}};
    }
    if (f->type == DBK_TYPE_FIXED_BINARY || f->type == DBK_TYPE_FIXED_LIST) {
        uint8_t tag = f->type == DBK_TYPE_FIXED_BINARY ? 15 : 16;
        return (fb_type){tag, 1, {4, 0, 0}, {f->width, 0, 0}};
    }
    return flat_type(f);
}

static size_t put_type(dbk_fbw *w, const dbk_field *f, const fb_type *type) {
    dbk_fbw_table t = dbk_fbw_add_table(w, type->sizes, type->slot_count);
    for (unsigned i = 0; i < type->slot_count; i++) {
        if (type->sizes[i] != 0) {
            dbk_fbw_set(w, &t, i, type->values[i], type->sizes[i]);
        }
    }
    if (f->type == DBK_TYPE_TIMESTAMP && f->timezone.ptr != NULL) {
        dbk_fbw_point(w, dbk_fbw_slot_pos(&t, 1), dbk_fbw_add_text(w, f->timezone));
    } else if (dbk_type_params(f->type) == DBK_PARAMS_IDS) {
        size_t ids = dbk_fbw_add_vector(w, f->child_count, 4, 4);
        dbk_fbw_point(w, dbk_fbw_slot_pos(&t, 1), ids);
        for (size_t i = 0; i < f->child_count; i++) {
            dbk_fbw_put(w, ids + 4 + i * 4, f->type_ids[i], 4);
        }
    }
    return t.pos;
}

static size_t put_pairs(dbk_fbw *w, const dbk_metadata *m) {
    static const uint8_t slots[] = {4, 4};
    size_t vector = dbk_fbw_add_vector(w, m->count, 4, 4);
    for (size_t i = 0; i < m->count; i++) {
        dbk_fbw_table pair = dbk_fbw_add_table(w, slots, sizeof slots);
        dbk_fbw_point(w, vector + 4 + i * 4, pair.pos);
        dbk_fbw_point(w, dbk_fbw_slot_pos(&pair, 0), dbk_fbw_add_text(w, m->pairs[i].key));
        dbk_fbw_point(w, dbk_fbw_slot_pos(&pair, 1), dbk_fbw_add_text(w, m->pairs[i].value));
    }
    return vector;
}

static size_t put_dictionary(dbk_fbw *w, const dbk_dictionary_type *d, int64_t id) {
    static const uint8_t slots[] = {8, 4, 1};
    dbk_fbw_table t = dbk_fbw_add_table(w, slots, sizeof slots);
    fb_type index = int_type(d->index_type);
    dbk_fbw_set(w, &t, 0, id, 8);
    dbk_fbw_set(w, &t, 2, d->ordered, 1);
    dbk_fbw_table it = dbk_fbw_add_table(w, index.sizes, index.slot_count);
    dbk_fbw_point(w, dbk_fbw_slot_pos(&t, 1), it.pos);
    dbk_fbw_set(w, &it, 0, index.values[0], 4);
    dbk_fbw_set(w, &it, 1, index.values[1], 1);
    return t.pos;
}

/* Dictionary ids are numbered in the order of this walk: a field before its children. */
static size_t put_field(dbk_fbw *w, const dbk_field *f, int64_t *next_id) {
    fb_type type = type_table(f);
    const uint8_t slots[] = {
        4, 1, 1, 4, f->dictionary != NULL ? 4 : 0, 4, f->metadata.count > 0 ? 4 : 0};
    dbk_fbw_table t = dbk_fbw_add_table(w, slots, sizeof slots);
    dbk_fbw_set(w, &t, 1, f->nullable, 1);
    dbk_fbw_set(w, &t, 2, type.tag, 1);
    dbk_fbw_point(w, dbk_fbw_slot_pos(&t, 0), dbk_fbw_add_text(w, f->name));
    dbk_fbw_point(w, dbk_fbw_slot_pos(&t, 3), put_type(w, f, &type));
    if (f->dictionary != NULL) {
        dbk_fbw_point(w, dbk_fbw_slot_pos(&t, 4), put_dictionary(w, f->dictionary, (*next_id)++));
    }
    if (f->metadata.count > 0) {
        dbk_fbw_point(w, dbk_fbw_slot_pos(&t, 6), put_pairs(w, &f->metadata));
    }
    size_t children = dbk_fbw_add_vector(w, f->child_count, 4, 4);
    dbk_fbw_point(w, dbk_fbw_slot_pos(&t, 5), children);
    for (size_t i = 0; i < f->child_count; i++) {
        dbk_fbw_point(w, children + 4 + i * 4, put_field(w, &f->children[i], next_id));
    }
    return t.pos;
}

dbk_status dbk_ipc_write_schema(const dbk_schema *s, dbk_buf *out, dbk_error *err) {
    const uint8_t slots[] = {2, 4, s->metadata.count > 0 ? 4 : 0};
    dbk_fbw w = {.err = err};
    int64_t next_id = 0;
    size_t header = start_message(&w, DBK_IPC_SCHEMA, 0);
    dbk_fbw_table t = dbk_fbw_add_table(&w, slots, sizeof slots);
    dbk_fbw_point(&w, header, t.pos);
    if (s->metadata.count > 0) {
        dbk_fbw_point(&w, dbk_fbw_slot_pos(&t, 2), put_pairs(&w, &s->metadata));
    }
    size_t fields = dbk_fbw_add_vector(&w, s->column_count, 4, 4);
    dbk_fbw_point(&w, dbk_fbw_slot_pos(&t, 1), fields);
    for (size_t i = 0; i < s->column_count; i++) {
        dbk_fbw_point(&w, fields + 4 + i * 4, put_field(&w, &s->columns[i], &next_id));
    }
    size_t before = out->len;
    dbk_status st = put_metadata(&w, out, err);
    if (st != DBK_OK) {
        out->len = before; /* no half message */
    }
    dbk_buf_reset(&w.buf);
    return st;
}

dbk_status dbk_ipc_write_end(dbk_buf *out, dbk_error *err) {
    static const uint8_t marker[8] = {0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0};
    return dbk_buf_append(out, marker, sizeof marker, err);
}

/* ---- arrays ---- */

/* A buffer of the body, written when all sizes are known: straight to where it belongs, so that each byte is
 * copied once. */
typedef struct piece {
    enum { PIECE_BYTES, PIECE_BITS, PIECE_OFFSETS32, PIECE_OFFSETS64, PIECE_RUN_ENDS } kind;
    const uint8_t *from;
    size_t size;
    int64_t first, count;   /* bits, offsets, run ends: which */
    int64_t shift, limit;   /* offsets, run ends: less this; run ends: at most that */
    const dbk_field *field; /* run ends */
    const dbk_array *array;
} piece;

typedef struct body_writer {
    dbk_buf nodes, buffers, variadic; /* int64s, little-endian as in the message */
    piece *pieces;
    size_t piece_count, piece_cap;
    size_t size; /* of the body */
    dbk_error *err;
} body_writer;

static void writer_reset(body_writer *w) {
    dbk_buf_reset(&w->nodes);
    dbk_buf_reset(&w->buffers);
    dbk_buf_reset(&w->variadic);
    dbk_free(w->pieces);
}

static dbk_status put_i64(dbk_buf *b, int64_t v, dbk_error *err) {
    uint8_t bytes[8];
    for (unsigned i = 0; i < 8; i++) {
        bytes[i] = (uint8_t)((uint64_t)v >> (8 * i));
    }
    return dbk_buf_append(b, bytes, sizeof bytes, err);
}

static dbk_status put_piece(body_writer *w, const piece *p) {
    dbk_status st = DBK_OK;
    size_t padded = 0;
    DBK_TRY(put_i64(&w->buffers, (int64_t)w->size, w->err));
    DBK_TRY(put_i64(&w->buffers, (int64_t)p->size, w->err));
    if (p->size == 0) {
        goto done;
    }
    if (!dbk_add_size(p->size, 7, &padded) || !dbk_add_size(w->size, padded / 8 * 8, &w->size)) {
        st = dbk_error_set(w->err, DBK_RESOURCE_EXHAUSTED, "the batch is too large to write");
        goto done;
    }
    if (!dbk_array_grow(&w->pieces, w->piece_count, &w->piece_cap)) {
        st = dbk_error_oom(w->err, "writing an Arrow batch");
        goto done;
    }
    w->pieces[w->piece_count++] = *p;

done:
    return st;
}

static dbk_status put_buffer(body_writer *w, const uint8_t *p, size_t size) {
    return put_piece(w, &(piece){.kind = PIECE_BYTES, .from = p, .size = size});
}

static dbk_status put_bits(body_writer *w, const uint8_t *bits, int64_t offset, int64_t count) {
    return put_piece(w, &(piece){.kind = PIECE_BITS,
                                 .from = bits,
                                 .size = dbk_bits_bytes(count),
                                 .first = offset,
                                 .count = count});
}

static int64_t offset_at(const uint8_t *p, bool wide, int64_t i) {
    if (wide) {
        int64_t v;
        memcpy(&v, p + i * 8, sizeof v);
        return v;
    }
    int32_t v;
    memcpy(&v, p + i * 4, sizeof v);
    return v;
}

/* Offsets i .. i + count, from zero on; *first and *last as they were. */
static dbk_status put_offsets(body_writer *w, const dbk_array *a, bool wide, int64_t start,
                              int64_t count, int64_t *first, int64_t *last) {
    const uint8_t *p = a->buffers[1].data;
    *first = offset_at(p, wide, start);
    *last = offset_at(p, wide, start + count);
    return put_piece(w, &(piece){.kind = wide ? PIECE_OFFSETS64 : PIECE_OFFSETS32,
                                 .from = p,
                                 .size = (size_t)(count + 1) * (wide ? 8 : 4),
                                 .first = start,
                                 .count = count + 1,
                                 .shift = *first});
}

static dbk_status put_array(body_writer *w, const dbk_field *f, const dbk_array *a, int64_t start,
                            int64_t count);

static dbk_status put_children(body_writer *w, const dbk_field *f, const dbk_array *a,
                               int64_t start, int64_t count) {
    dbk_status st = DBK_OK;
    for (size_t i = 0; i < f->child_count; i++) {
        DBK_TRY(put_array(w, &f->children[i], &a->children[i], start, count));
    }

done:
    return st;
}

static dbk_status put_list(body_writer *w, const dbk_field *f, const dbk_array *a, bool wide,
                           int64_t at, int64_t count) {
    int64_t first = 0;
    int64_t last = 0;
    dbk_status st = put_offsets(w, a, wide, at, count, &first, &last);
    return st == DBK_OK ? put_children(w, f, a, first, last - first) : st;
}

static dbk_status put_var(body_writer *w, const dbk_array *a, bool wide, int64_t at,
                          int64_t count) {
    int64_t first = 0;
    int64_t last = 0;
    dbk_status st = put_offsets(w, a, wide, at, count, &first, &last);
    return st == DBK_OK ? put_buffer(w, a->buffers[2].data + first, (size_t)(last - first)) : st;
}

static dbk_status put_views(body_writer *w, const dbk_array *a, int64_t at, int64_t count) {
    dbk_status st = DBK_OK;
    DBK_TRY(put_buffer(w, a->buffers[1].data + at * 16, (size_t)count * 16));
    DBK_TRY(put_i64(&w->variadic, (int64_t)(a->buffer_count - 2), w->err));
    for (size_t i = 2; i < a->buffer_count; i++) {
        DBK_TRY(put_buffer(w, a->buffers[i].data, a->buffers[i].size));
    }

done:
    return st;
}

static dbk_status put_list_view(body_writer *w, const dbk_field *f, const dbk_array *a,
                                size_t width, int64_t at, int64_t count) {
    dbk_status st = DBK_OK;
    for (size_t i = 1; i <= 2; i++) {
        DBK_TRY(put_buffer(w, a->buffers[i].data + (size_t)at * width, (size_t)count * width));
    }
    DBK_TRY(put_children(w, f, a, 0, a->children[0].length)); /* views go anywhere */

done:
    return st;
}

static dbk_status put_union(body_writer *w, const dbk_field *f, const dbk_array *a, int64_t at,
                            int64_t count) {
    dbk_status st = DBK_OK;
    DBK_TRY(put_buffer(w, a->buffers[0].data + at, (size_t)count));
    if (f->type == DBK_TYPE_SPARSE_UNION) {
        DBK_TRY(put_children(w, f, a, at, count));
        goto done;
    }
    DBK_TRY(put_buffer(w, a->buffers[1].data + at * 4, (size_t)count * 4));
    for (size_t i = 0; i < f->child_count; i++) {
        DBK_TRY(put_array(w, &f->children[i], &a->children[i], 0, a->children[i].length));
    }

done:
    return st;
}

static int64_t run_end_at(const dbk_field *ends, const dbk_array *a, int64_t i) {
    if (ends->type == DBK_TYPE_INT16) {
        int16_t v;
        memcpy(&v, a->buffers[1].data + (a->offset + i) * 2, sizeof v);
        return v;
    }
    return offset_at(a->buffers[1].data, ends->type == DBK_TYPE_INT64, a->offset + i);
}

/* The runs that rows [at, at + count) touch, their ends counted from `at` and cut at count. */
static dbk_status put_run_ends(body_writer *w, const dbk_field *f, const dbk_array *a, int64_t at,
                               int64_t count) {
    dbk_status st = DBK_OK;
    const dbk_field *ends_field = &f->children[0];
    const dbk_array *ends = &a->children[0];
    size_t width = dbk_type_bits(ends_field->type) / 8;
    int64_t first = 0;
    int64_t last = 0; /* one behind the last run needed */
    while (first < ends->length && run_end_at(ends_field, ends, first) <= at) {
        first++;
    }
    for (last = first; last < ends->length && count > 0; last++) {
        if (run_end_at(ends_field, ends, last) >= at + count) {
            last++;
            break;
        }
    }
    DBK_TRY(put_i64(&w->nodes, last - first, w->err)); /* the run ends, which are rewritten */
    DBK_TRY(put_i64(&w->nodes, 0, w->err));
    DBK_TRY(put_buffer(w, NULL, 0));
    DBK_TRY(put_piece(w, &(piece){.kind = PIECE_RUN_ENDS,
                                  .size = (size_t)(last - first) * width,
                                  .first = first,
                                  .count = last - first,
                                  .shift = at,
                                  .limit = count,
                                  .field = ends_field,
                                  .array = ends}));
    DBK_TRY(put_array(w, &f->children[1], &a->children[1], first, last - first));

done:
    return st;
}

static dbk_status put_layout(body_writer *w, const dbk_field *f, const dbk_array *a, int64_t at,
                             int64_t count) {
    size_t width = dbk_field_bits(f) / 8;
    switch (dbk_type_layout(dbk_field_storage(f))) {
    case DBK_LAYOUT_NULL:
        return DBK_OK;
    case DBK_LAYOUT_BITS:
        return put_bits(w, a->buffers[1].data, at, count);
    case DBK_LAYOUT_FIXED:
        return put_buffer(w, a->buffers[1].data + (size_t)at * width, (size_t)count * width);
    case DBK_LAYOUT_VAR32:
        return put_var(w, a, false, at, count);
    case DBK_LAYOUT_VAR64:
        return put_var(w, a, true, at, count);
    case DBK_LAYOUT_VIEW:
        return put_views(w, a, at, count);
    case DBK_LAYOUT_LIST32:
        return put_list(w, f, a, false, at, count);
    case DBK_LAYOUT_LIST64:
        return put_list(w, f, a, true, at, count);
    case DBK_LAYOUT_LISTVIEW32:
        return put_list_view(w, f, a, 4, at, count);
    case DBK_LAYOUT_LISTVIEW64:
        return put_list_view(w, f, a, 8, at, count);
    case DBK_LAYOUT_FIXED_LIST:
        return put_children(w, f, a, at * f->width, count * f->width);
    case DBK_LAYOUT_STRUCT:
        return put_children(w, f, a, at, count);
    case DBK_LAYOUT_SPARSE:
    case DBK_LAYOUT_DENSE:
        return put_union(w, f, a, at, count);
    case DBK_LAYOUT_RUN_END:
        return put_run_ends(w, f, a, at, count);
    }
    return DBK_OK;
}

/* Rows [start, start + count) of a, counted from a's first visible row. */
static dbk_status put_array(body_writer *w, const dbk_field *f, const dbk_array *a, int64_t start,
                            int64_t count) {
    dbk_status st = DBK_OK;
    dbk_type storage = dbk_field_storage(f);
    int64_t at = a->offset + start;
    bool has_validity = dbk_type_has_validity(storage);
    bool has_nulls = has_validity && a->null_count != 0 && a->buffers[0].data != NULL;
    int64_t nulls = storage == DBK_TYPE_NULL ? count : 0;
    if (has_nulls) {
        nulls = count - dbk_bits_count(a->buffers[0].data, at, count);
    }
    DBK_TRY(put_i64(&w->nodes, count, w->err));
    DBK_TRY(put_i64(&w->nodes, nulls, w->err));
    if (has_validity && nulls > 0) {
        DBK_TRY(put_bits(w, a->buffers[0].data, at, count));
    } else if (has_validity) {
        DBK_TRY(put_buffer(w, NULL, 0));
    }
    DBK_TRY(put_layout(w, f, a, at, count));

done:
    return st;
}

/* ---- pieces to bytes ---- */

static void write_offsets(const piece *p, bool wide, uint8_t *out) {
    size_t width = wide ? 8 : 4;
    if (p->shift == 0) {
        memcpy(out, p->from + (size_t)p->first * width, p->size);
        return;
    }
    for (int64_t i = 0; i < p->count; i++) {
        int64_t v = offset_at(p->from, wide, p->first + i) - p->shift;
        int32_t v32 = (int32_t)v;
        memcpy(out + (size_t)i * width, wide ? (const void *)&v : (const void *)&v32, width);
    }
}

static void write_run_ends(const piece *p, uint8_t *out) {
    size_t width = p->size / (size_t)p->count;
    for (int64_t i = 0; i < p->count; i++) {
        int64_t end = run_end_at(p->field, p->array, p->first + i) - p->shift;
        end = dbk_min_i64(end, p->limit);
        for (unsigned k = 0; k < width; k++) {
            out[(size_t)i * width + k] = (uint8_t)((uint64_t)end >> (8 * k));
        }
    }
}

static void write_piece(const piece *p, uint8_t *out) {
    switch (p->kind) {
    case PIECE_BYTES:
        memcpy(out, p->from, p->size);
        break;
    case PIECE_BITS:
        dbk_bits_copy(out, p->from, p->first, p->count);
        break;
    case PIECE_OFFSETS32:
        write_offsets(p, false, out);
        break;
    case PIECE_OFFSETS64:
        write_offsets(p, true, out);
        break;
    case PIECE_RUN_ENDS:
        write_run_ends(p, out);
        break;
    }
}

/* The body, for which out has room. */
static void write_body(const body_writer *w, dbk_buf *out) {
    for (size_t i = 0; i < w->piece_count; i++) {
        const piece *p = &w->pieces[i];
        size_t padding = (8 - p->size % 8) % 8;
        write_piece(p, (uint8_t *)out->ptr + out->len);
        memset(out->ptr + out->len + p->size, 0, padding);
        out->len += p->size + padding;
    }
}

/* ---- record batch and dictionary messages ---- */

static size_t put_i64_vector(dbk_fbw *w, const dbk_buf *values, size_t element_size) {
    size_t pos = dbk_fbw_add_vector(w, values->len / element_size, element_size, 8);
    if (w->st == DBK_OK && values->len > 0) {
        memcpy(w->buf.ptr + pos + 4, values->ptr, values->len);
    }
    return pos;
}

static size_t put_batch_table(dbk_fbw *w, const body_writer *bw, int64_t rows) {
    const uint8_t slots[] = {8, 4, 4, 0, bw->variadic.len > 0 ? 4 : 0};
    dbk_fbw_table t = dbk_fbw_add_table(w, slots, sizeof slots);
    dbk_fbw_set(w, &t, 0, rows, 8);
    dbk_fbw_point(w, dbk_fbw_slot_pos(&t, 1), put_i64_vector(w, &bw->nodes, 16));
    dbk_fbw_point(w, dbk_fbw_slot_pos(&t, 2), put_i64_vector(w, &bw->buffers, 16));
    if (bw->variadic.len > 0) {
        dbk_fbw_point(w, dbk_fbw_slot_pos(&t, 4), put_i64_vector(w, &bw->variadic, 8));
    }
    return t.pos;
}

/* The message around what bw has gathered. */
static dbk_status put_message(const body_writer *bw, dbk_ipc_kind kind, int64_t dictionary_id,
                              int64_t rows, dbk_buf *out, dbk_error *err) {
    static const uint8_t slots[] = {8, 4};
    dbk_fbw w = {.err = err};
    size_t before = out->len;
    size_t ref = start_message(&w, kind, bw->size);
    if (kind == DBK_IPC_DICTIONARY) {
        dbk_fbw_table t = dbk_fbw_add_table(&w, slots, sizeof slots);
        dbk_fbw_point(&w, ref, t.pos);
        dbk_fbw_set(&w, &t, 0, dictionary_id, 8);
        ref = dbk_fbw_slot_pos(&t, 1);
    }
    dbk_fbw_point(&w, ref, put_batch_table(&w, bw, rows));
    dbk_status st = dbk_buf_reserve(out, bw->size + w.buf.len + FRAME_BYTES, err); /* in one go */
    if (st == DBK_OK) {
        st = put_metadata(&w, out, err);
    }
    if (st == DBK_OK) {
        write_body(bw, out);
    } else {
        out->len = before; /* no half message */
    }
    dbk_buf_reset(&w.buf);
    return st;
}

static dbk_status put_dictionary_batch(const dbk_field *f, const dbk_array *a, int64_t id,
                                       dbk_buf *out, dbk_error *err) {
    body_writer bw = {.err = err};
    dbk_field values = *f;
    values.dictionary = NULL;
    dbk_status st = put_array(&bw, &values, a, 0, a->length);
    if (st == DBK_OK) {
        st = put_message(&bw, DBK_IPC_DICTIONARY, id, a->length, out, err);
    }
    writer_reset(&bw);
    return st;
}

/* Inner dictionaries first: a dictionary's values may be encoded themselves. */
static dbk_status put_dictionaries(const dbk_field *f, const dbk_array *a, int64_t *next_id,
                                   dbk_buf *out, dbk_error *err) {
    dbk_status st = DBK_OK;
    const dbk_array *holder = a;
    int64_t id = 0;
    if (f->dictionary != NULL) {
        id = (*next_id)++;
        holder = a->dictionary;
    }
    for (size_t i = 0; i < f->child_count; i++) {
        DBK_TRY(put_dictionaries(&f->children[i], &holder->children[i], next_id, out, err));
    }
    if (f->dictionary != NULL) {
        DBK_TRY(put_dictionary_batch(f, a->dictionary, id, out, err));
    }

done:
    return st;
}

dbk_status dbk_ipc_write_batch(const dbk_batch *b, dbk_buf *out, dbk_error *err) {
    dbk_status st = DBK_OK;
    body_writer bw = {.err = err};
    size_t before = out->len;
    int64_t next_id = 0;
    for (size_t i = 0; i < b->column_count; i++) {
        DBK_TRY(put_dictionaries(&b->schema->columns[i], &b->columns[i], &next_id, out, err));
    }
    for (size_t i = 0; i < b->column_count; i++) {
        DBK_TRY(put_array(&bw, &b->schema->columns[i], &b->columns[i], 0, b->row_count));
    }
    DBK_TRY(put_message(&bw, DBK_IPC_BATCH, 0, b->row_count, out, err));

done:
    if (st != DBK_OK) {
        out->len = before;
    }
    writer_reset(&bw);
    return st;
}
