/* Record batch messages: field nodes and buffers to arrays. */
#include "arrow/ipc_read.h"

#include <inttypes.h>

#include "arrow/validate.h"

/* Buffers may overlap in theory; no writer does it. The bound keeps a short body from being scanned
 * or copied once per column of a wide schema. */
#define OVERLAP_MAX 4

typedef struct body { /* one record batch being read */
    dbk_ipc_reader *r;
    dbk_batch *batch;
    dbk_block *block; /* where data lies */
    const uint8_t *data;
    size_t size;
    int16_t version;
    dbk_codec codec;
    dbk_fb_vector nodes, buffers, variadic;
    size_t node, buffer, variadic_at; /* next to be read */
    dbk_block *extra;                 /* decompressed and re-aligned buffers; NULL: none yet */
    bool points_into_block;
    dbk_error *err;
} body;

typedef struct span { /* a Buffer of the message: where it is in the body */
    const uint8_t *data;
    size_t size;
} span;

static dbk_status bad(const body *c, const char *what, int64_t value) {
    return dbk_error_set(c->err, DBK_DATA_LOSS, "%s %" PRId64, what, value);
}

/* ---- buffers ---- */

static dbk_status span_at(const body *c, size_t i, span *out) {
    const uint8_t *p = c->buffers.data + c->buffers.pos + i * 16;
    int64_t offset = dbk_load_i64(p);
    int64_t size = dbk_load_i64(p + 8);
    if (offset < 0 || size < 0 || (uint64_t)offset > c->size ||
        (uint64_t)size > c->size - (uint64_t)offset) {
        return dbk_error_set(c->err, DBK_DATA_LOSS,
                             "buffer %zu (offset %" PRId64 ", length %" PRId64
                             ") lies outside the message body of %zu bytes",
                             i, offset, size, c->size);
    }
    *out = (span){c->data + offset, (size_t)size};
    return DBK_OK;
}

/* What a span holds: compressed buffers begin with their size as int64, -1 for "stored". */
static dbk_status span_open(const body *c, span *s, bool *compressed, size_t *size) {
    *compressed = false;
    *size = s->size;
    if (c->codec == DBK_CODEC_NONE || s->size == 0) {
        return DBK_OK;
    }
    if (s->size < 8) {
        return bad(c, "a compressed buffer is shorter than its length prefix:", (int64_t)s->size);
    }
    int64_t declared = dbk_load_i64(s->data);
    s->data += 8;
    s->size -= 8;
    if (declared == -1) {
        *size = s->size;
        return DBK_OK;
    }
    *compressed = true;
    return dbk_size_from_i64(declared, SIZE_MAX / 4, "the length of a compressed buffer", size,
                             c->err);
}

/* Sum of the buffers from `first` on, each rounded up for the block it may be put into. */
static dbk_status spans_total(body *c, size_t first, bool check, size_t *out) {
    dbk_status st = DBK_OK;
    size_t total = 0;
    for (size_t i = first; i < c->buffers.count; i++) {
        span s;
        bool compressed = false;
        size_t size = 0;
        DBK_TRY(span_at(c, i, &s));
        DBK_TRY(span_open(c, &s, &compressed, &size));
        if (compressed && check) {
            DBK_TRY(dbk_decompress_check(&c->r->decompressor, c->codec, dbk_slice_n(s.data, s.size),
                                         size, c->err));
        }
        if (!dbk_add_size(total, size + DBK_BLOCK_ALIGN, &total)) {
            st = bad(c, "impossible total of buffer lengths, buffer", (int64_t)i);
            goto done;
        }
    }
    *out = total;

done:
    return st;
}

static dbk_status check_overlap(const body *c) {
    size_t total = 0;
    for (size_t i = 0; i < c->buffers.count; i++) {
        span s;
        dbk_status st = span_at(c, i, &s);
        if (st != DBK_OK) {
            return st;
        }
        total += s.size / OVERLAP_MAX; /* <= SIZE_MAX / 4 each; their number fits the metadata */
        if (total > c->size) {
            return bad(c, "buffers overlap, first seen at buffer", (int64_t)i);
        }
    }
    return DBK_OK;
}

/* Decompressed bytes count against the stream's limit; copies for alignment do not. */
static dbk_status count_decompressed(const body *c, size_t total) {
    size_t all = 0;
    if (c->codec == DBK_CODEC_NONE) {
        return DBK_OK;
    }
    if (!dbk_add_size(c->r->decoded_bytes, total, &all) ||
        (c->r->max_bytes != 0 && all > c->r->max_bytes + DBK_BLOCK_ALIGN * c->buffers.count)) {
        return dbk_error_set(c->err, DBK_DATA_LOSS,
                             "the decompressed buffers take %zu bytes, which exceeds the limit of "
                             "%zu for the stream",
                             total, c->r->max_bytes);
    }
    c->r->decoded_bytes = all;
    return DBK_OK;
}

/* Memory for a buffer that cannot stay where it is; one block holds all of a batch. */
static dbk_status extra_alloc(body *c, size_t size, uint8_t **out) {
    dbk_status st = DBK_OK;
    if (c->extra == NULL) {
        size_t total = 0;
        DBK_TRY(spans_total(c, c->buffer - 1, true, &total));
        DBK_TRY(count_decompressed(c, total));
        DBK_TRY(dbk_block_new(total, c->r->owner, &c->extra, c->err));
        c->r->block_bytes += dbk_block_charge(c->extra);
        DBK_TRY(dbk_batch_hold_block(c->batch, c->extra, c->err));
    }
    *out = dbk_block_alloc(c->extra, size);
    st = DBK_ENSURE(*out != NULL, c->err);

done:
    return st;
}

/* Next buffer, zero-copy where possible, for values that need `align`. */
static dbk_status next_buffer(body *c, size_t align, dbk_buffer *out) {
    dbk_status st = DBK_OK;
    span s = {NULL, 0};
    bool compressed = false;
    size_t size = 0;
    uint8_t *copy = NULL;
    if (c->buffer >= c->buffers.count) {
        return bad(c, "the message has too few buffers:", (int64_t)c->buffers.count);
    }
    DBK_TRY(span_at(c, c->buffer++, &s));
    DBK_TRY(span_open(c, &s, &compressed, &size));
    if (size == 0) {
        *out = (dbk_buffer){dbk_zeros, 0};
    } else if (compressed) {
        DBK_TRY(extra_alloc(c, size, &copy));
        DBK_TRY(dbk_decompress(&c->r->decompressor, c->codec, dbk_slice_n(s.data, s.size), copy,
                               size, c->err));
        *out = (dbk_buffer){copy, size};
    } else if ((uintptr_t)s.data % align != 0) {
        DBK_TRY(extra_alloc(c, size, &copy));
        memcpy(copy, s.data, size);
        *out = (dbk_buffer){copy, size};
    } else {
        c->points_into_block = true;
        *out = (dbk_buffer){s.data, size};
    }

done:
    return st;
}

static dbk_status skip_buffer(body *c) {
    if (c->buffer >= c->buffers.count) {
        return bad(c, "the message has too few buffers:", (int64_t)c->buffers.count);
    }
    c->buffer++;
    return DBK_OK;
}

/* ---- arrays ---- */

static dbk_status next_node(body *c, dbk_array *a) {
    if (c->node >= c->nodes.count) {
        return bad(c, "the message has too few field nodes:", (int64_t)c->nodes.count);
    }
    const uint8_t *p = c->nodes.data + c->nodes.pos + c->node++ * 16;
    a->length = dbk_load_i64(p);
    a->null_count = dbk_load_i64(p + 8);
    if (a->length < 0) {
        return bad(c, "a field node has the length", a->length);
    }
    if (a->null_count < -1 || a->null_count > a->length) {
        return bad(c, "a field node has the null count", a->null_count);
    }
    return DBK_OK;
}

/* buffers[0]: left out when nothing is null. The declared count only says whether to look: the bits
 * are what every reader goes by. */
static dbk_status read_validity(body *c, dbk_array *a) {
    if (a->null_count == 0) {
        return skip_buffer(c);
    }
    dbk_buffer bits = {NULL, 0};
    dbk_status st = next_buffer(c, 1, &bits);
    if (st != DBK_OK) {
        return st;
    }
    if (bits.size == 0) {
        if (a->null_count > 0) {
            return bad(c, "rows are null and there is no validity bitmap; null count",
                       a->null_count);
        }
        a->null_count = 0;
        return DBK_OK;
    }
    if (bits.size < dbk_bits_bytes(a->length)) {
        return bad(c, "the validity bitmap is too short, bytes:", (int64_t)bits.size);
    }
    a->null_count = a->length - dbk_bits_count(bits.data, 0, a->length);
    if (a->null_count != 0) {
        a->buffers[0] = bits;
    }
    return DBK_OK;
}

/* Unions: V4 streams carry a validity bitmap, which must be unused. */
static dbk_status read_union_head(body *c, dbk_array *a, dbk_layout layout) {
    if (layout != DBK_LAYOUT_SPARSE && layout != DBK_LAYOUT_DENSE) {
        return DBK_OK;
    }
    if (c->version == DBK_IPC_V4) {
        if (a->null_count != 0) {
            return bad(c, "a union of a V4 stream has nulls of its own:", a->null_count);
        }
        return skip_buffer(c);
    }
    a->null_count = 0;
    return DBK_OK;
}

static dbk_status variadic_count(body *c, dbk_layout layout, size_t *out) {
    *out = 0;
    if (layout != DBK_LAYOUT_VIEW) {
        return DBK_OK;
    }
    if (c->variadic_at >= c->variadic.count) {
        return bad(c,
                   "the message has too few variadic buffer counts:", (int64_t)c->variadic.count);
    }
    int64_t n = dbk_load_i64(c->variadic.data + c->variadic.pos + c->variadic_at++ * 8);
    if (n < 0 || (uint64_t)n > c->buffers.count) {
        return bad(c, "a variadic buffer count of", n);
    }
    *out = (size_t)n;
    return DBK_OK;
}

static dbk_status read_buffers(body *c, const dbk_field *f, dbk_array *a) {
    dbk_status st = DBK_OK;
    dbk_type storage = dbk_field_storage(f);
    dbk_layout layout = dbk_type_layout(storage);
    size_t align = dbk_type_align(storage);
    size_t data_buffers = 0;
    bool has_validity = dbk_type_has_validity(storage);
    bool has_offsets = (layout == DBK_LAYOUT_VAR32 || layout == DBK_LAYOUT_VAR64 ||
                        layout == DBK_LAYOUT_LIST32 || layout == DBK_LAYOUT_LIST64);
    size_t i = 0;

    DBK_TRY(variadic_count(c, layout, &data_buffers));
    DBK_TRY(
        dbk_array_add_buffers(c->batch, a, dbk_type_buffer_count(storage) + data_buffers, c->err));
    if (has_validity) {
        DBK_TRY(read_validity(c, a));
        i = 1;
    }
    DBK_TRY(read_union_head(c, a, layout));
    for (; i < a->buffer_count; i++) {
        bool is_bytes = i >= 2 && (layout == DBK_LAYOUT_VAR32 || layout == DBK_LAYOUT_VAR64 ||
                                   layout == DBK_LAYOUT_VIEW);
        bool is_ids = i == 0;
        DBK_TRY(next_buffer(c, is_bytes || is_ids ? 1 : align, &a->buffers[i]));
    }
    if (has_offsets && a->length == 0 && a->buffers[1].size == 0) {
        a->buffers[1] = (dbk_buffer){dbk_zeros, sizeof dbk_zeros}; /* old writers leave it out */
    }
    if (layout == DBK_LAYOUT_NULL) {
        a->null_count = a->length;
    } else if (layout == DBK_LAYOUT_RUN_END) {
        a->null_count = 0;
    }

done:
    return st;
}

static dbk_status link_dictionary(body *c, const dbk_field *f, dbk_array *a) {
    const dbk_ipc_dictionary *d = dbk_ipc_find_dictionary(c->r, f->dictionary->id);
    if (d != NULL && d->values != NULL) {
        a->dictionary = &d->values->columns[0];
        return dbk_batch_hold_batch(c->batch, d->values, c->err);
    }
    if (a->null_count != a->length) {
        return bad(c, "the stream has not sent dictionary", f->dictionary->id);
    }
    dbk_array empty = {0};
    dbk_status st = dbk_array_set_empty(c->batch, &empty, f, c->err);
    a->dictionary = empty.dictionary;
    return st;
}

/* Depth: at most DBK_ARROW_MAX_DEPTH, checked with the schema. */
static dbk_status read_array(body *c, const dbk_field *f, dbk_array *a) {
    dbk_status st = DBK_OK;
    DBK_TRY(next_node(c, a));
    DBK_TRY(read_buffers(c, f, a));
    if (f->dictionary != NULL) {
        DBK_TRY(link_dictionary(c, f, a));
    } else {
        DBK_TRY(dbk_array_add_children(c->batch, a, f->child_count, c->err));
        for (size_t i = 0; i < f->child_count; i++) {
            DBK_TRY(read_array(c, &f->children[i], &a->children[i]));
        }
    }
    DBK_TRY(dbk_array_check(f, a, c->err));

done:
    return st;
}

static dbk_status read_codec(body *c, const dbk_fb_table *header) {
    dbk_status st = DBK_OK;
    dbk_fb_table t;
    bool present = false;
    uint8_t codec = 0;
    uint8_t method = 0;
    c->codec = DBK_CODEC_NONE;
    DBK_TRY(dbk_fb_child(header, 3, &present, &t, c->err));
    if (!present) {
        goto done;
    }
    DBK_TRY(dbk_fb_u8(&t, 0, 0, &codec, c->err));
    DBK_TRY(dbk_fb_u8(&t, 1, 0, &method, c->err));
    if (codec > (uint8_t)DBK_CODEC_ZSTD || method != 0) {
        st = bad(c, "unknown codec of compressed buffers:", codec);
        goto done;
    }
    c->codec = codec == (uint8_t)DBK_CODEC_LZ4 ? DBK_CODEC_LZ4 : DBK_CODEC_ZSTD;

done:
    return st;
}

static dbk_status read_columns(body *c, const dbk_schema *schema) {
    dbk_status st = DBK_OK;
    for (size_t i = 0; i < schema->column_count; i++) {
        const dbk_field *f = &schema->columns[i];
        dbk_array *a = &c->batch->columns[i];
        st = read_array(c, f, a);
        if (st == DBK_OK && a->length != c->batch->row_count) {
            st = dbk_error_set(c->err, DBK_DATA_LOSS,
                               "it has %" PRId64 " rows, the record batch has %" PRId64, a->length,
                               c->batch->row_count);
        }
        if (st != DBK_OK) {
            return dbk_error_wrap(c->err, "column %zu \"%s\" (%s)", i, f->name.ptr,
                                  dbk_type_name(f->type));
        }
    }
    if (c->node != c->nodes.count) {
        return bad(c, "the message has more field nodes than the schema has fields:",
                   (int64_t)c->nodes.count);
    }
    return DBK_OK;
}

dbk_status dbk_ipc_read_batch(dbk_ipc_reader *r, const dbk_ipc_message *m,
                              const dbk_fb_table *header, dbk_schema *schema, dbk_block *block,
                              const uint8_t *data, dbk_batch **out, dbk_error *err) {
    dbk_status st = DBK_OK;
    int64_t rows = 0;
    body c = {.r = r,
              .block = block,
              .data = data,
              .size = m->body_size,
              .version = m->version,
              .err = err};

    DBK_TRY(dbk_fb_i64(header, 0, 0, &rows, err));
    if (rows < 0) {
        st = bad(&c, "a record batch has the length", rows);
        goto done;
    }
    DBK_TRY(dbk_fb_elements(header, 1, 16, &c.nodes, err));
    DBK_TRY(dbk_fb_elements(header, 2, 16, &c.buffers, err));
    DBK_TRY(dbk_fb_elements(header, 4, 8, &c.variadic, err));
    DBK_TRY(read_codec(&c, header));
    DBK_TRY(check_overlap(&c));
    DBK_TRY(dbk_batch_new(schema, rows, &c.batch, err));
    DBK_TRY(read_columns(&c, schema));
    if (c.points_into_block) {
        DBK_TRY(dbk_batch_hold_block(c.batch, block, err));
    }
    *out = c.batch;
    c.batch = NULL;

done:
    dbk_block_unref(c.extra); /* the batch holds it */
    dbk_batch_unref(c.batch);
    return st;
}

dbk_status dbk_ipc_reader_batch(dbk_ipc_reader *r, const dbk_ipc_message *m, dbk_block *block,
                                const uint8_t *data, dbk_batch **out, dbk_error *err) {
    if (r->schema == NULL) {
        return dbk_error_set(err, DBK_DATA_LOSS,
                             "the Arrow stream has a record batch before its schema");
    }
    return dbk_ipc_read_batch(r, m, &m->header, r->schema, block, data, out, err);
}
