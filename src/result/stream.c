#include "result/stream.h"

#include <stdio.h>

/* ---- life ---- */

static dbk_status borrow_columns(dbk_stream *s, dbk_error *err) {
    const dbk_sea_manifest *m = &s->manifest;
    s->columns = dbk_alloc_array(m->columns_len, sizeof *s->columns);
    if (s->columns == NULL) {
        return dbk_error_oom(err, "the columns of a result");
    }
    for (size_t i = 0; i < m->columns_len; i++) {
        const dbk_sea_column *c = &m->columns[i];
        s->columns[i] = (dbk_column_desc){.name = dbk_str_slice(&c->name),
                                          .type_name = dbk_str_slice(&c->type_name),
                                          .type_text = dbk_str_slice(&c->type_text),
                                          .position = c->position,
                                          .precision = c->precision,
                                          .scale = c->scale,
                                          .interval_type = dbk_str_slice(&c->interval_type)};
    }
    return DBK_OK;
}

static bool try_ref(dbk_share *share) {
    dbk_stream *s = DBK_CONTAINER_OF(share, dbk_stream, share);
    size_t refs = atomic_load(&s->refs);
    while (refs > 0 && !atomic_compare_exchange_weak(&s->refs, &refs, refs + 1)) {
    }
    return refs > 0;
}

/* Other streams gave memory back. */
static void room_again(dbk_share *share) {
    dbk_stream *s = DBK_CONTAINER_OF(share, dbk_stream, share);
    if (dbk_runtime_alive(s->runtime)) {
        dbk_stream_pump(s);
    }
    dbk_stream_unref(s);
}

static dbk_stream *new_stream(void) {
    dbk_stream *s = dbk_alloc_zero(sizeof *s);
    if (s != NULL) {
        s->share.try_ref = try_ref;
        s->share.wake = room_again;
        atomic_init(&s->refs, 1);
        dbk_mutex_init(&s->shared.lock);
        dbk_cond_init(&s->shared.changed);
        s->shared.end = -1;
        s->shared.story = (dbk_stream_story){-1, -1, -1, 0, -1, -1, 0, -1, DBK_OK, ""};
        dbk_list_init(&s->control.refreshes);
    }
    return s;
}

static void set_options(dbk_stream *s, const dbk_stream_options *o) {
    s->options = *o;
    s->options.budget_bytes = o->budget_bytes != 0 ? o->budget_bytes : DBK_STREAM_BUDGET;
    s->options.max_chunks = o->max_chunks != 0 ? o->max_chunks : DBK_STREAM_MAX_CHUNKS;
    s->options.inline_window = o->inline_window != 0 ? o->inline_window : DBK_STREAM_INLINE_WINDOW;
    s->options.link_window = o->link_window != 0 ? o->link_window : DBK_STREAM_LINK_WINDOW;
}

/* The schema of a result without any chunk. */
static dbk_status schema_from_manifest(dbk_stream *s, dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_schema *schema = NULL;
    DBK_TRY(dbk_schema_from_columns(s->columns, s->manifest.columns_len, &schema, err));
    DBK_TRY(dbk_stream_see_schema(s, schema, true, 0, err));
done:
    dbk_schema_unref(schema);
    return st;
}

/* Chunks from the answer itself; nothing is asked for yet. */
static dbk_status file_answer(dbk_stream *s, dbk_sea_data *data, dbk_error *err) {
    const dbk_sea_manifest *m = &s->manifest;
    bool carries =
        data->has_attachment || data->link_count > 0 || (data->rows != NULL && m->columns_len > 0);
    if (m->total_chunk_count >= 0) {
        s->shared.end = m->total_chunk_count;
    }
    s->external = data->link_count > 0;
    if (carries) {
        if (s->shared.end == 0) {
            s->shared.end = -1; /* data came all the same: the chain tells where it ends */
        }
        return dbk_stream_file_locked(s, data, 0, err);
    }
    /* No data here: nothing at all, or only to be asked for when the manifest promises rows. A
     * manifest of one empty chunk is how servers say "no rows" (spec local-warehouse 2.3). */
    bool promised = m->total_chunk_count > 0 && m->total_row_count != 0 && m->columns_len > 0;
    if (!promised) {
        s->shared.end = 0;
        return schema_from_manifest(s, err);
    }
    return DBK_OK;
}

/* The same for a part of the result. What the answer carries is used as far as it belongs there. */
static dbk_status file_part(dbk_stream *s, const dbk_stream_source *source, dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_sea_data *data = source->data;
    int64_t first = source->first_chunk;
    int64_t total = s->manifest.total_chunk_count;
    int64_t most = total >= 0 ? total : INT64_MAX;
    if (first < 0 || first > most || source->chunk_count < 0 ||
        source->chunk_count > most - first) {
        return dbk_error_set(err, DBK_INVALID_ARGUMENT,
                             "%lld chunks from chunk %lld on were asked for, the result has %lld",
                             (long long)source->chunk_count, (long long)first, (long long)total);
    }
    s->partial = true;
    s->manifest.total_row_count = -1; /* of the whole; each chunk's own count is compared */
    s->external = data->link_count > 0;
    s->shared.head = first;
    s->shared.end = first + source->chunk_count;
    if (source->chunk_count == 0) {
        return schema_from_manifest(s, err);
    }
    if ((data->has_attachment || data->rows != NULL) && first == 0) {
        return dbk_stream_file_locked(s, data, 0, err);
    }
    for (size_t i = 0; i < data->link_count && st == DBK_OK; i++) {
        st = dbk_stream_file_link_locked(s, &data->links[i], err);
    }
    return st;
}

dbk_status dbk_stream_open(const dbk_stream_source *source, const dbk_stream_options *options,
                           dbk_stream **out, dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_stream *s = new_stream();
    if (s == NULL) {
        st = dbk_error_oom(err, "a result stream");
        goto done;
    }
    set_options(s, options);
    s->runtime = dbk_runtime_ref(source->runtime);
    s->sea = dbk_sea_ref(source->sea);
    s->manifest = *source->manifest;
    memset(source->manifest, 0, sizeof *source->manifest);
    if (source->server_unix_s >= 0) {
        const dbk_clock *clock = dbk_lane_clock(dbk_runtime_control(s->runtime));
        s->shared.clock_offset_ms = source->server_unix_s * 1000 - dbk_clock_wall_ms(clock);
    }
    DBK_TRY(dbk_str_set(&s->statement_id, source->statement_id, err));
    DBK_TRY(dbk_str_set(&s->session_id, dbk_slice_of(source->session_id), err));
    DBK_TRY(borrow_columns(s, err));
    DBK_TRY(source->partial ? file_part(s, source, err) : file_answer(s, source->data, err));
    s->whole = dbk_stream_is_whole_locked(s);
    dbk_pace_begin(s);
    dbk_stream_pump(s);
    *out = s;
    s = NULL;
done:
    dbk_sea_data_reset(source->data);
    dbk_stream_unref(s);
    return st == DBK_OK
               ? st
               : dbk_error_wrap(err, "opening the result of statement %.*s",
                                (int)dbk_min_size(source->statement_id.len, 64),
                                source->statement_id.ptr != NULL ? source->statement_id.ptr : "");
}

dbk_status dbk_stream_of_batches(dbk_schema *schema, dbk_batch *const *batches, size_t count,
                                 dbk_stream **out, dbk_error *err) {
    dbk_status st = DBK_OK;
    size_t taken = 0;
    dbk_stream *s = new_stream();
    dbk_chunk *c = NULL;
    if (s == NULL || (c = dbk_stream_append_locked(s)) == NULL) {
        st = dbk_error_oom(err, "a result stream");
        goto done;
    }
    s->shared.end = 1;
    c->done = true;
    DBK_TRY(dbk_stream_see_schema(s, schema, true, 0, err));
    while (taken < count) {
        dbk_batch *batch = batches[taken++];
        DBK_TRY(dbk_stream_publish(s, c, c->rows, batch, err));
    }
    *out = s;
    s = NULL;
done:
    while (taken < count) {
        dbk_batch_unref(batches[taken++]);
    }
    dbk_stream_unref(s);
    return st;
}

dbk_stream *dbk_stream_ref(dbk_stream *s) {
    (void)atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
    return s;
}

static void destroy(dbk_stream *s) {
    dbk_share_end(&s->share);
    for (size_t i = 0; i < s->shared.chunk_count; i++) {
        dbk_chunk_free(s->shared.chunks[i]);
    }
    dbk_free(s->shared.chunks);
    dbk_schema_unref(s->shared.wire);
    dbk_schema_unref(s->shared.dressed);
    dbk_schema_unref(s->shared.shown);
    if (s->shared.places) {
        dbk_block_pool_giver(false);
    }
    dbk_buf_reset(&s->schema_message);
    dbk_error_reset(&s->shared.error);
    dbk_str_reset(&s->shared.next_link);
    dbk_cond_destroy(&s->shared.changed);
    dbk_mutex_destroy(&s->shared.lock);
    dbk_free(s->columns);
    dbk_sea_reply holder = {.manifest = s->manifest};
    dbk_sea_reply_reset(&holder);
    dbk_str_reset(&s->session_id);
    dbk_str_reset(&s->statement_id);
    dbk_sea_unref(s->sea);
    dbk_runtime_unref(s->runtime);
    dbk_free(s);
}

void dbk_stream_unref(dbk_stream *s) {
    if (s != NULL && atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) == 1) {
        destroy(s);
    }
}

void dbk_stream_close(dbk_stream *s) {
    dbk_mutex_lock(&s->shared.lock);
    bool first = !s->shared.closed;
    s->shared.closed = true;
    dbk_stream_changed_locked(s);
    dbk_mutex_unlock(&s->shared.lock);
    if (first && s->runtime != NULL && dbk_runtime_alive(s->runtime)) {
        dbk_stream_pump(s); /* on the control lane: it ends the work under way */
    }
}

/* ---- what is told of it ---- */

static int64_t now_of(const dbk_stream *s) {
    return s->runtime != NULL ? (int64_t)dbk_lane_now_ms(dbk_runtime_control(s->runtime)) : -1;
}

void dbk_stream_note_ready_locked(dbk_stream *s) {
    if (s->shared.story.ready_at_ms < 0) {
        s->shared.story.ready_at_ms = now_of(s);
    }
}

void dbk_stream_tell(dbk_stream *s, dbk_stream_story *out) {
    dbk_mutex_lock(&s->shared.lock);
    *out = s->shared.story;
    dbk_mutex_unlock(&s->shared.lock);
}

void dbk_stream_on_end(dbk_stream *s, void (*ended)(void *ctx), void *ctx) {
    dbk_mutex_lock(&s->shared.lock);
    s->shared.ended = ended;
    s->shared.ended_ctx = ctx;
    dbk_mutex_unlock(&s->shared.lock);
}

/* Rows have ended, or failed with err (else NULL). A result that was closed has done neither. */
static void note_end(dbk_stream *s, const dbk_error *err) {
    dbk_stream_story *story = &s->shared.story;
    dbk_mutex_lock(&s->shared.lock);
    bool closed = err != NULL && s->shared.closed;
    if (err == NULL && story->ended_at_ms < 0) {
        story->ended_at_ms = now_of(s);
        story->chunks_iterated = s->shared.head;
    } else if (err != NULL && !closed && story->failed == DBK_OK) {
        const dbk_chunk *head = s->shared.chunk_count > 0 ? s->shared.chunks[0] : NULL;
        story->failed = err->code;
        story->failed_chunk = head != NULL && head->failed != DBK_OK ? head->index : -1;
        (void)snprintf(story->sqlstate, sizeof story->sqlstate, "%s", err->sqlstate);
    }
    void (*ended)(void *) = closed ? NULL : s->shared.ended;
    void *ctx = s->shared.ended_ctx;
    s->shared.ended = closed ? s->shared.ended : NULL;
    dbk_mutex_unlock(&s->shared.lock);
    if (ended != NULL) {
        ended(ctx);
    }
}

/* ---- reading ---- */

/* The chunk at the head is read to its end: on to the next. Under the lock. */
static void advance_locked(dbk_stream *s) {
    dbk_chunk *c = s->shared.chunks[0];
    s->shared.rows_read += c->rows;
    s->shared.reserved -= c->reserved;
    c->reserved = 0;
    s->shared.chunk_count--;
    memmove(s->shared.chunks, s->shared.chunks + 1,
            s->shared.chunk_count * sizeof *s->shared.chunks);
    s->shared.head++;
    s->shared.hungry |= s->shared.running > 0; /* the next one's download may wait for its turn */
    (void)atomic_fetch_add(&s->chunks_done, 1);
    dbk_stream_show_locked(s);
    dbk_stream_account_locked(s);
    if (c->holders > 0) { /* one that lost the race is still ending */
        c->dropped = true;
    } else {
        dbk_chunk_free(c);
    }
}

/* A chunk's declared place in the result against what was really read. Under the lock. */
static dbk_status check_offset_locked(const dbk_stream *s, const dbk_chunk *c, dbk_error *err) {
    if (c->row_offset >= 0 && c->row_offset != s->shared.rows_read) {
        return dbk_error_set(
            err, DBK_DATA_LOSS,
            "statement %s: chunk %lld starts at row %lld, %lld rows came before it",
            dbk_str_or(&s->statement_id, "?"), (long long)c->index, (long long)c->row_offset,
            (long long)s->shared.rows_read);
    }
    return DBK_OK;
}

static dbk_status check_total_locked(const dbk_stream *s, dbk_error *err) {
    int64_t total = s->manifest.total_row_count;
    if (s->runtime != NULL && s->manifest.present && total >= 0 && total != s->shared.rows_read) {
        return dbk_error_set(
            err, DBK_DATA_LOSS,
            "statement %s: %lld rows came in %lld chunks, the server declared %lld",
            dbk_str_or(&s->statement_id, "?"), (long long)s->shared.rows_read,
            (long long)s->shared.head, (long long)total);
    }
    return DBK_OK;
}

void dbk_stream_hand_out_locked(dbk_stream *s, dbk_chunk *c, size_t count) {
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        bytes += dbk_batch_byte_size(c->batches[c->first++]);
    }
    s->shared.story.chunks_iterated = c->index + 1;
    c->queued_bytes -= bytes;
    s->shared.queued_bytes -= bytes;
    dbk_stream_account_locked(s);
}

typedef enum read_step {
    READ_AGAIN,
    READ_BATCH,
    READ_RUN, /* batches to be placed */
    READ_RAW,
    READ_WAIT,
    READ_END,
    READ_FAILED
} read_step;

/* One look at the head of the stream. READ_BATCH gives a batch of the wire schema; run NULL: no READ_RUN. */
static read_step look_locked(dbk_stream *s, dbk_batch **batch, dbk_run_of_batches *run,
                             dbk_error *err) {
    if (s->shared.closed) {
        (void)dbk_error_set(err, DBK_CANCELLED, "the result stream was closed");
        return READ_FAILED;
    }
    if (s->shared.chunk_count == 0) {
        if (s->shared.failed != DBK_OK) {
            dbk_error_copy(err, &s->shared.error);
            return READ_FAILED;
        }
        if (s->shared.end == -1 || s->shared.head < s->shared.end) {
            return READ_WAIT;
        }
        return check_total_locked(s, err) == DBK_OK ? READ_END : READ_FAILED;
    }
    dbk_chunk *c = s->shared.chunks[0];
    if (dbk_stream_waits_for_whole_locked(s, c)) {
        return READ_WAIT;
    }
    if (c->first < c->count) {
        if (c->first == 0 && check_offset_locked(s, c, err) != DBK_OK) {
            return READ_FAILED;
        }
        if (run != NULL && dbk_stream_take_run_locked(s, c, run)) {
            return READ_RUN;
        }
        *batch = c->batches[c->first];
        dbk_stream_hand_out_locked(s, c, 1);
        return READ_BATCH;
    }
    if (c->failed != DBK_OK) {
        dbk_error_copy(err, &c->error);
        return READ_FAILED;
    }
    if (c->has_raw) {
        return READ_RAW;
    }
    if (!c->done) {
        return READ_WAIT;
    }
    advance_locked(s);
    return READ_AGAIN;
}

/* Decodes the inline chunk at the head; leaves its outcome in the chunk. */
static void decode_head(dbk_stream *s) {
    dbk_error err = {0};
    dbk_chunk *c = s->shared.chunks[0]; /* only the reader removes the head */
    dbk_status st = dbk_stream_decode_raw(s, c, &err);
    dbk_mutex_lock(&s->shared.lock);
    c->done = true;
    if (st != DBK_OK) {
        dbk_stream_fail_locked(s, c->index, &err);
    }
    dbk_mutex_unlock(&s->shared.lock);
}

/* Reading made room in the budget (or the head moved on: moved): is that what something waits for? Each
 * pump wakes the control lane, so not for a batch that changes nothing. Under the lock. */
static bool must_pump_locked(dbk_stream *s, bool moved) {
    bool hungry =
        s->shared.hungry && s->runtime != NULL && (moved || dbk_stream_has_work_locked(s));
    s->shared.hungry &= !hungry;
    return hungry;
}

static dbk_status finish_batch(dbk_stream *s, dbk_batch *raw, dbk_batch **out, dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_batch *dressed = NULL;
    if (s->shared.dressed != s->shared.wire) { /* all three are set once, before the first batch */
        DBK_TRY(dbk_batch_with_schema(raw, s->shared.dressed, &dressed, err));
    } else {
        dressed = dbk_batch_ref(raw);
    }
    if (s->shared.shown != s->shared.dressed) {
        st = dbk_convert_batch(dressed, s->shared.shown, &s->options.convert, (dbk_block_owner){0},
                               out, err);
    } else {
        *out = dbk_batch_ref(dressed);
    }
done:
    dbk_batch_unref(dressed);
    dbk_batch_unref(raw);
    return st;
}

/* The embedded lane that a blocked reader runs; NULL: threads do the work. */
static dbk_lane *lane_to_run(const dbk_stream *s) {
    dbk_lane *lane = s->runtime != NULL ? dbk_runtime_control(s->runtime) : NULL;
    return lane != NULL && dbk_lane_is_embedded(lane) ? lane : NULL;
}

/* A reader that its host calls away ends the stream, as closing it does. */
static void wait_locked(dbk_stream *s) {
    dbk_lane *lane = lane_to_run(s);
    if (lane != NULL) {
        dbk_mutex_unlock(&s->shared.lock);
        dbk_lane_run_for(lane, -1);
        dbk_mutex_lock(&s->shared.lock);
        return;
    }
    if (dbk_wait_hooked(&s->shared.changed, &s->shared.lock)) {
        dbk_mutex_unlock(&s->shared.lock);
        dbk_stream_close(s);
        dbk_mutex_lock(&s->shared.lock);
    }
}

static dbk_tracer *tracer_of(const dbk_stream *s) {
    return s->sea != NULL ? dbk_sea_tracer(s->sea) : NULL;
}

/* The reader waited since begun_ns; 0: it did not, or nobody listens. */
static void tell_wait(dbk_stream *s, uint64_t begun_ns) {
    dbk_tracer *t = tracer_of(s);
    if (t != NULL && begun_ns != 0) {
        dbk_span span = DBK_SPAN_INIT;
        span.kind = DBK_SPAN_WAIT;
        span.name = "rows";
        span.clock = dbk_lane_clock(dbk_runtime_control(s->runtime));
        span.begun_ns = begun_ns;
        span.session_id = s->session_id.ptr;
        span.statement_id = s->statement_id.ptr;
        t->tell(t, &span);
    }
}

/* One look, and what follows from it at once. wait: blocks until there is something to do. */
static read_step move(dbk_stream *s, bool wait, dbk_batch **batch, dbk_run_of_batches *run,
                      dbk_error *err) {
    dbk_mutex_lock(&s->shared.lock);
    if (s->shared.story.first_read_at_ms < 0) {
        s->shared.story.first_read_at_ms = now_of(s);
    }
    read_step step = look_locked(s, batch, run, err);
    uint64_t waits_ns = 0;
    if (step == READ_WAIT && wait && tracer_of(s) != NULL) {
        waits_ns = dbk_trace_now(tracer_of(s), dbk_lane_clock(dbk_runtime_control(s->runtime)));
    }
    while (step == READ_WAIT && wait) {
        wait_locked(s);
        step = look_locked(s, batch, run, err);
    }
    bool took = step == READ_AGAIN || step == READ_BATCH || step == READ_RUN;
    bool hungry = took && must_pump_locked(s, step == READ_AGAIN);
    dbk_mutex_unlock(&s->shared.lock);
    tell_wait(s, waits_ns);
    if (hungry) {
        dbk_stream_pump(s);
    }
    if (took) {
        dbk_process_wake();
    }
    if (step == READ_RAW) {
        decode_head(s);
    }
    return step;
}

/* Whatever failed, the caller learns which statement it was. */
static dbk_status failed(dbk_stream *s, dbk_error *err) {
    if (err->query_id[0] == '\0') {
        dbk_error_set_query_id(err, s->statement_id.ptr);
    }
    note_end(s, err);
    return err->code;
}

static dbk_status read_next(dbk_stream *s, bool wait, dbk_batch **out, dbk_run_of_batches *run,
                            bool *would_block, dbk_error *err) {
    dbk_batch *batch = NULL;
    read_step step = READ_AGAIN;
    while (step == READ_AGAIN || step == READ_RAW) {
        step = move(s, wait, &batch, run, err);
    }
    *would_block = step == READ_WAIT;
    if (step == READ_FAILED) {
        return failed(s, err);
    }
    if (step == READ_BATCH) {
        return finish_batch(s, batch, out, err) == DBK_OK ? DBK_OK : failed(s, err);
    }
    *out = NULL;
    if (step == READ_END) {
        note_end(s, NULL);
    }
    return DBK_OK;
}

/* On a lane nobody may wait: what it waits for would have to happen there. */
static dbk_status refuse_to_wait(dbk_error *err) {
    return dbk_error_set(err, DBK_INVALID_ARGUMENT,
                         "a blocking call inside a callback of the library would never return");
}

dbk_status dbk_stream_next(dbk_stream *s, dbk_batch **out, dbk_error *err) {
    bool would_block = false;
    dbk_status st = read_next(s, !dbk_lane_on_any(), out, NULL, &would_block, err);
    return st == DBK_OK && would_block ? refuse_to_wait(err) : st;
}

dbk_status dbk_stream_try_next(dbk_stream *s, dbk_batch **out, bool *would_block, dbk_error *err) {
    return read_next(s, false, out, NULL, would_block, err);
}

dbk_status dbk_stream_try_place(dbk_stream *s, dbk_schema *schema, dbk_placed *placed,
                                dbk_batch **out, bool *would_block, dbk_error *err) {
    dbk_run_of_batches run = {0};
    dbk_status st = dbk_stream_begin_placing(s, schema, err);
    if (st == DBK_OK) {
        st = read_next(s, false, out, &run, would_block, err);
    }
    if (run.count > 0) {
        dbk_ipc_place(dbk_buf_slice(&s->schema_message), run.batches, run.count, placed);
    }
    dbk_free(run.batches);
    return st;
}

/* What the schema is still waiting for. */
static read_step look_for_schema_locked(dbk_stream *s, dbk_error *err) {
    if (s->shared.shown != NULL) {
        return READ_END;
    }
    if (s->shared.closed) {
        (void)dbk_error_set(err, DBK_CANCELLED, "the result stream was closed");
        return READ_FAILED;
    }
    dbk_chunk *c = s->shared.chunk_count > 0 ? s->shared.chunks[0] : NULL;
    if (c != NULL && c->failed != DBK_OK) {
        dbk_error_copy(err, &c->error);
        return READ_FAILED;
    }
    if (c == NULL && s->shared.failed != DBK_OK) {
        dbk_error_copy(err, &s->shared.error);
        return READ_FAILED;
    }
    return c != NULL && c->has_raw ? READ_RAW : READ_WAIT;
}

static dbk_status read_schema(dbk_stream *s, bool wait, dbk_schema **out, bool *would_block,
                              dbk_error *err) {
    for (;;) {
        dbk_mutex_lock(&s->shared.lock);
        read_step step = look_for_schema_locked(s, err);
        while (step == READ_WAIT && wait) {
            wait_locked(s);
            step = look_for_schema_locked(s, err);
        }
        dbk_schema *shown = s->shared.shown;
        dbk_mutex_unlock(&s->shared.lock);
        *would_block = step == READ_WAIT;
        if (step == READ_RAW) {
            decode_head(s);
        } else if (step == READ_FAILED) {
            return failed(s, err);
        } else {
            *out = shown;
            return DBK_OK;
        }
    }
}

dbk_status dbk_stream_schema(dbk_stream *s, dbk_schema **out, dbk_error *err) {
    bool would_block = false;
    dbk_status st = read_schema(s, !dbk_lane_on_any(), out, &would_block, err);
    return st == DBK_OK && would_block ? refuse_to_wait(err) : st;
}

dbk_status dbk_stream_try_schema(dbk_stream *s, dbk_schema **out, bool *would_block,
                                 dbk_error *err) {
    return read_schema(s, false, out, would_block, err);
}

/* ---- looking without reading ---- */

static bool integer_cell(const struct ArrowArray *column, const char *format, int64_t *out) {
    const uint8_t *valid = column->buffers[0];
    int64_t at = column->offset;
    if (valid != NULL && (valid[at / 8] >> (at % 8) & 1) == 0) {
        return false;
    }
    if (strcmp(format, "l") == 0) {
        *out = ((const int64_t *)column->buffers[1])[at];
        return true;
    }
    if (strcmp(format, "i") == 0) {
        *out = ((const int32_t *)column->buffers[1])[at];
        return true;
    }
    return false;
}

static bool first_cell(dbk_batch *batch, int64_t *out) {
    dbk_error ignored = {0};
    struct ArrowArray array = {0};
    struct ArrowSchema schema = {0};
    bool found = false;
    if (dbk_batch_row_count(batch) == 1 && dbk_batch_export(batch, &array, &ignored) == DBK_OK &&
        dbk_schema_export(dbk_batch_schema(batch), &schema, &ignored) == DBK_OK) {
        found = integer_cell(array.children[0], schema.children[0]->format, out);
    }
    if (array.release != NULL) {
        array.release(&array);
    }
    if (schema.release != NULL) {
        schema.release(&schema);
    }
    dbk_error_reset(&ignored);
    return found;
}

bool dbk_stream_peek_i64(dbk_stream *s, const char *name, int64_t *out) {
    if (s->manifest.total_row_count != 1 || s->external || s->shared.chunk_count == 0 ||
        s->manifest.columns_len == 0 || !dbk_slice_eq(s->columns[0].name, dbk_slice_of(name))) {
        return false;
    }
    dbk_mutex_lock(&s->shared.lock);
    bool raw = s->shared.chunks[0]->has_raw;
    dbk_mutex_unlock(&s->shared.lock);
    if (raw) {
        decode_head(s);
    }
    dbk_mutex_lock(&s->shared.lock);
    dbk_chunk *c = s->shared.chunks[0];
    dbk_batch *batch = c->first < c->count ? dbk_batch_ref(c->batches[c->first]) : NULL;
    dbk_mutex_unlock(&s->shared.lock);
    bool found = batch != NULL && first_cell(batch, out);
    dbk_batch_unref(batch);
    return found;
}

void dbk_stream_measure(dbk_stream *s, dbk_stream_snapshot *out) {
    dbk_mutex_lock(&s->shared.lock);
    out->chunks_total = s->shared.end;
    out->peak_bytes = s->shared.peak_bytes;
    dbk_mutex_unlock(&s->shared.lock);
    out->rows_total = s->manifest.present ? s->manifest.total_row_count : -1;
    out->external = s->external;
    out->chunks_done = (uint32_t)atomic_load(&s->chunks_done);
    out->rows = atomic_load(&s->rows);
    out->bytes_wire = atomic_load(&s->bytes_wire);
    out->bytes_arrow = atomic_load(&s->bytes_arrow);
    out->link_refreshes = atomic_load(&s->link_refreshes);
    out->chunk_retries = atomic_load(&s->chunk_retries);
}
