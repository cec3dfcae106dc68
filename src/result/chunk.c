#include "result/stream.h"

dbk_chunk *dbk_chunk_new(int64_t index) {
    dbk_chunk *c = dbk_alloc_zero(sizeof *c);
    if (c != NULL) {
        c->index = index;
        c->row_offset = c->row_count = c->byte_count = -1;
    }
    return c;
}

void dbk_chunk_free(dbk_chunk *c) {
    if (c == NULL) {
        return;
    }
    for (size_t i = c->first; i < c->count; i++) {
        dbk_batch_unref(c->batches[i]);
    }
    dbk_free(c->batches);
    dbk_sea_link_reset(&c->link);
    dbk_sea_data_reset(&c->raw);
    dbk_error_reset(&c->error);
    dbk_fetch_unref(c->fetch);
    dbk_fetch_unref(c->hedge);
    dbk_free(c);
}

/* ---- the ordered list of chunks ---- */

dbk_chunk *dbk_stream_chunk_locked(dbk_stream *s, int64_t index) {
    int64_t at = index - s->shared.head;
    return at >= 0 && (uint64_t)at < s->shared.chunk_count ? s->shared.chunks[at] : NULL;
}

dbk_chunk *dbk_stream_append_locked(dbk_stream *s) {
    dbk_chunk *c = dbk_chunk_new(s->shared.head + (int64_t)s->shared.chunk_count);
    if (c == NULL ||
        !dbk_array_grow(&s->shared.chunks, s->shared.chunk_count, &s->shared.chunk_cap)) {
        dbk_chunk_free(c);
        return NULL;
    }
    s->shared.chunks[s->shared.chunk_count++] = c;
    return c;
}

void dbk_stream_fail_locked(dbk_stream *s, int64_t index, dbk_error *err) {
    dbk_chunk *c = dbk_stream_chunk_locked(s, index);
    if (c != NULL) {
        if (c->failed == DBK_OK) {
            c->failed = err->code;
            dbk_error_move(&c->error, err);
        }
    } else if (s->shared.failed == DBK_OK) {
        s->shared.failed = err->code;
        dbk_error_move(&s->shared.error, err);
    }
    dbk_error_reset(err);
    dbk_stream_changed_locked(s);
}

/* ---- filing answers ---- */

/* What the manifest says of a chunk fills what the link or answer left out. */
static void declare(dbk_stream *s, dbk_chunk *c, int64_t row_offset, int64_t row_count,
                    int64_t byte_count) {
    c->row_offset = row_offset;
    c->row_count = row_count;
    c->byte_count = byte_count;
    if ((uint64_t)c->index < s->manifest.chunks_len) {
        const dbk_sea_chunk *m = &s->manifest.chunks[c->index];
        if (m->chunk_index == c->index) {
            c->row_offset = c->row_offset >= 0 ? c->row_offset : m->row_offset;
            c->row_count = c->row_count >= 0 ? c->row_count : m->row_count;
            c->byte_count = c->byte_count >= 0 ? c->byte_count : m->byte_count;
        }
    }
    if (s->partial && s->shared.chunk_count == 1 && s->shared.rows_read == 0) {
        /* Of the chunks that are left out; counting on from there must not overflow. */
        s->shared.rows_read = dbk_min_i64(dbk_max_i64(c->row_offset, 0), INT64_MAX / 2);
    }
}

/* "next" after chunk `index`: -1 ends the chain, index + 1 goes on, anything else is a loop or a
 * gap. The manifest's total wins over a chain that stops early (seen on real servers: spec
 * sea-protocol 7), a chain that goes on wins over a total that is too small. */
static dbk_status learn_next(dbk_stream *s, int64_t index, int64_t next, dbk_error *err) {
    if (s->partial) {
        return DBK_OK; /* the end is known */
    }
    if (next == -1) {
        if (s->shared.end == -1) {
            s->shared.end = index + 1;
        }
        return DBK_OK;
    }
    if (next != index + 1) {
        return dbk_error_set(err, DBK_DATA_LOSS,
                             "chunk %lld names chunk %lld as the next one, expected %lld",
                             (long long)index, (long long)next, (long long)index + 1);
    }
    if (s->shared.end != -1 && next >= s->shared.end) {
        s->shared.end = -1;
    }
    return DBK_OK;
}

dbk_status dbk_stream_file_link_locked(dbk_stream *s, dbk_sea_link *link, dbk_error *err) {
    int64_t expected = s->shared.head + (int64_t)s->shared.chunk_count;
    if (s->partial && expected >= s->shared.end) {
        return DBK_OK; /* not wanted */
    }
    if (link->chunk_index != expected) {
        return DBK_OK; /* a repeated link, or one ahead of its turn: it is asked for again then */
    }
    dbk_chunk *c = dbk_stream_append_locked(s);
    if (c == NULL) {
        return dbk_error_oom(err, "a result chunk");
    }
    declare(s, c, link->row_offset, link->row_count, link->byte_count);
    int64_t next = link->next_chunk_index;
    c->link = *link;
    c->has_link = true;
    memset(link, 0, sizeof *link);
    return learn_next(s, c->index, next, err);
}

static dbk_status file_raw(dbk_stream *s, dbk_sea_data *data, int64_t wanted, dbk_error *err) {
    if (data->chunk_index != -1 && data->chunk_index != wanted) {
        return dbk_error_set(err, DBK_DATA_LOSS, "asked for chunk %lld, the answer is chunk %lld",
                             (long long)wanted, (long long)data->chunk_index);
    }
    dbk_chunk *c = dbk_stream_append_locked(s);
    if (c == NULL) {
        return dbk_error_oom(err, "a result chunk");
    }
    declare(s, c, data->row_offset, data->row_count, data->byte_count);
    int64_t next = data->next_chunk_index;
    c->raw = *data;
    c->has_raw = true;
    memset(data, 0, sizeof *data);
    if (c->index == 0) {
        dbk_stream_note_ready_locked(s);
    }
    c->queued_bytes = c->raw.attachment.len;
    s->shared.queued_bytes += c->queued_bytes;
    return learn_next(s, c->index, next, err);
}

dbk_status dbk_stream_file_locked(dbk_stream *s, dbk_sea_data *data, int64_t wanted,
                                  dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_str_move(&s->shared.next_link, &data->next_link);
    s->shared.raw_last = data->has_attachment || data->rows != NULL;
    if (s->shared.raw_last) {
        return file_raw(s, data, wanted, err);
    }
    for (size_t i = 0; i < data->link_count && st == DBK_OK; i++) {
        st = dbk_stream_file_link_locked(s, &data->links[i], err);
    }
    if (st == DBK_OK && dbk_stream_chunk_locked(s, wanted) == NULL) {
        st = data->link_count == 0
                 ? dbk_error_set(err, DBK_DATA_LOSS,
                                 "the server's answer holds no data and no link "
                                 "for chunk %lld",
                                 (long long)wanted)
                 : dbk_error_set(err, DBK_DATA_LOSS,
                                 "asked for the link of chunk %lld, the answer starts with %lld",
                                 (long long)wanted, (long long)data->links[0].chunk_index);
    }
    return st;
}

/* ---- schemas ---- */

dbk_status dbk_stream_see_schema(dbk_stream *s, dbk_schema *wire, bool is_dressed,
                                 int64_t chunk_index, dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_schema *dressed = NULL;
    dbk_schema *shown = NULL;
    dbk_mutex_lock(&s->shared.lock);
    dbk_schema *known = s->shared.wire;
    dbk_mutex_unlock(&s->shared.lock);
    if (known != NULL) { /* set once, lives as long as the stream */
        return dbk_schema_same_types(known, wire)
                   ? DBK_OK
                   : dbk_error_set(err, DBK_DATA_LOSS,
                                   "chunk %lld has another schema than the chunks before it",
                                   (long long)chunk_index);
    }
    if (!is_dressed && s->manifest.columns_len > 0) {
        DBK_TRY(dbk_schema_dress(wire, s->columns, s->manifest.columns_len, &dressed, err));
    } else {
        dressed = dbk_schema_ref(wire);
    }
    DBK_TRY(dbk_convert_schema(dressed, &s->options.convert, &shown, err));
    dbk_mutex_lock(&s->shared.lock);
    if (s->shared.wire == NULL) {
        s->shared.wire = dbk_schema_ref(wire);
        s->shared.dressed = dressed;
        s->shared.shown = shown;
        dressed = shown = NULL;
        dbk_stream_changed_locked(s);
    }
    dbk_mutex_unlock(&s->shared.lock);
done:
    dbk_schema_unref(dressed);
    dbk_schema_unref(shown);
    return st;
}

/* ---- batches ---- */

void dbk_stream_account_locked(dbk_stream *s) {
    dbk_share_set(&s->share, s->shared.queued_bytes + s->shared.reserved);
}

static dbk_status push_locked(dbk_stream *s, dbk_chunk *c, dbk_batch *batch, dbk_error *err) {
    if (!dbk_array_grow(&c->batches, c->count, &c->cap)) {
        return dbk_error_oom(err, "a queue of batches");
    }
    size_t bytes = dbk_batch_byte_size(batch);
    size_t given_back = dbk_min_size(c->reserved, bytes);
    c->batches[c->count++] = batch;
    dbk_stream_note_ready_locked(s);
    c->rows += dbk_batch_row_count(batch);
    c->queued_bytes += bytes;
    c->reserved -= given_back;
    s->shared.reserved -= given_back;
    s->shared.queued_bytes += bytes;
    s->shared.peak_bytes =
        dbk_max_u64(s->shared.peak_bytes, s->shared.queued_bytes + s->shared.reserved);
    dbk_stream_account_locked(s);
    (void)atomic_fetch_add(&s->rows, (uint64_t)dbk_batch_row_count(batch));
    (void)atomic_fetch_add(&s->bytes_arrow, bytes);
    return DBK_OK;
}

void dbk_stream_announce(dbk_stream *s, const dbk_chunk *c) {
    dbk_mutex_lock(&s->shared.lock);
    if (c->index <= s->shared.head) {
        dbk_stream_changed_locked(s);
    }
    bool others_waited = s->shared.alone && s->shared.hungry;
    s->shared.alone = false;
    dbk_mutex_unlock(&s->shared.lock);
    if (others_waited) {
        dbk_stream_pump(s);
    }
}

/* Rows of the chunk that end a batch beginning at `start`: real chunk files may hold padding rows
 * behind the declared ones (spec local-warehouse 2.3). */
static int64_t end_of(const dbk_chunk *c, int64_t start, const dbk_batch *batch) {
    int64_t end = start + dbk_batch_row_count(batch);
    return c->row_count >= 0 ? dbk_min_i64(end, c->row_count) : end;
}

dbk_status dbk_stream_publish(dbk_stream *s, dbk_chunk *c, int64_t start, dbk_batch *batch,
                              dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_batch *part = NULL;
    for (;;) { /* cutting happens without the lock: look again after it */
        dbk_mutex_lock(&s->shared.lock);
        int64_t have = c->rows;
        int64_t end = end_of(c, start, batch);
        bool fits = have == start && end == start + dbk_batch_row_count(batch);
        if (fits && end > start) {
            st = push_locked(s, c, batch, err);
            batch = st == DBK_OK ? NULL : batch;
        }
        dbk_mutex_unlock(&s->shared.lock);
        if (fits || end <= have) {
            goto done;
        }
        DBK_TRY(dbk_batch_slice(batch, have - start, end - have, &part, err));
        dbk_batch_unref(batch);
        batch = part;
        start = have;
    }
done:
    dbk_batch_unref(batch);
    return st;
}

dbk_status dbk_stream_check_chunk(const dbk_stream *s, const dbk_chunk *c, dbk_error *err) {
    if (c->row_count >= 0 && c->rows != c->row_count) {
        return dbk_error_set(err, DBK_DATA_LOSS,
                             "statement %s: chunk %lld holds %lld rows, the server declared %lld",
                             dbk_str_or(&s->statement_id, "?"), (long long)c->index,
                             (long long)c->rows, (long long)c->row_count);
    }
    return DBK_OK;
}

/* ---- chunks that came inline ---- */

static dbk_status decode_attachment(dbk_stream *s, dbk_chunk *c, dbk_slice bytes, dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_unpack *u = NULL;
    int64_t start = 0;
    dbk_unpack_options options = {.lz4 = s->manifest.lz4};
    if (c->byte_count > 0) {
        options.expected_bytes = dbk_min_size((size_t)c->byte_count, DBK_CHUNK_EXPECT_MAX);
    }
    options.expected_bytes = dbk_max_size(options.expected_bytes, bytes.len);
    DBK_TRY(dbk_unpack_new(&options, &u, err));
    DBK_TRY(dbk_unpack_feed(u, bytes, err));
    DBK_TRY(dbk_unpack_finish(u, err));
    DBK_TRY(dbk_stream_see_schema(s, dbk_unpack_schema(u), false, c->index, err));
    for (dbk_batch *b = dbk_unpack_pop(u); b != NULL; b = dbk_unpack_pop(u)) {
        int64_t rows = dbk_batch_row_count(b);
        DBK_TRY(dbk_stream_publish(s, c, start, b, err));
        start += rows;
    }
done:
    dbk_unpack_free(u);
    return st;
}

static dbk_status decode_rows(dbk_stream *s, dbk_chunk *c, const json_t *rows, dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_schema *schema = NULL;
    dbk_batch *batch = NULL;
    DBK_TRY(dbk_schema_for_rows(s->columns, s->manifest.columns_len, &schema, err));
    DBK_TRY(dbk_stream_see_schema(s, schema, true, c->index, err));
    if (json_array_size(rows) > 0) {
        DBK_TRY(dbk_batch_from_json(schema, rows, (dbk_block_owner){0}, &batch, err));
        st = dbk_stream_publish(s, c, 0, batch, err);
    }
done:
    dbk_schema_unref(schema);
    return st;
}

dbk_status dbk_stream_decode_raw(dbk_stream *s, dbk_chunk *c, dbk_error *err) {
    /* The chunk is the reader's alone once it is at the head: only has_raw is seen by others. */
    dbk_sea_data raw = c->raw;
    memset(&c->raw, 0, sizeof c->raw);
    dbk_mutex_lock(&s->shared.lock);
    c->has_raw = false;
    s->shared.queued_bytes -= c->queued_bytes;
    c->queued_bytes = 0;
    dbk_stream_account_locked(s);
    dbk_mutex_unlock(&s->shared.lock);
    (void)atomic_fetch_add(&s->bytes_wire, raw.attachment.len);
    dbk_status st = raw.rows != NULL ? decode_rows(s, c, raw.rows, err)
                                     : decode_attachment(s, c, dbk_buf_slice(&raw.attachment), err);
    dbk_sea_data_reset(&raw);
    return st == DBK_OK ? dbk_stream_check_chunk(s, c, err)
                        : dbk_error_wrap(err, "decoding chunk %lld of statement %s",
                                         (long long)c->index, dbk_str_or(&s->statement_id, "?"));
}
