/* The download of one chunk, on a data lane: receive, decode as bytes arrive, publish batches.
 *
 * A download that broke in the middle starts again from the first byte and drops the rows that were
 * published already: chunk files are immutable. */
#include "result/stream.h"

#define MAX_REFRESHES 2u
#define MAX_DATA_ERRORS \
    2u /* a chunk that decodes badly is fetched once more, then it is DataLoss */
#define ERROR_BODY_MAX 65536u

/* Storage answers fast or not at all; its waits are shorter than those of the API. */
static const dbk_retry_policy storage_retry = {100, 10000, 5, 120000};

struct dbk_fetch {
    dbk_op op;     /* first: the machine's functions cast */
    dbk_stream *s; /* counted */
    dbk_chunk *c;  /* lives at least until this operation is done */
    dbk_unpack *unpack;
    bool schema_seen;
    int64_t skip_rows; /* published by an earlier attempt */
    int64_t rows_decoded;
    size_t bytes_decoded;
    uint32_t attempts;
    uint32_t refreshes;
    uint32_t data_errors;
    uint64_t begun_ms;
    uint64_t pause_ms;
    dbk_error bad_data; /* why the sink stopped */
    atomic_bool paused;
    atomic_bool resume_posted;
    dbk_task resume_task;
    dbk_task link_task;
    dbk_status link_status;
    dbk_error link_error;
};

static dbk_fetch *fetch_of(dbk_op *op) {
    return DBK_CONTAINER_OF(op, dbk_fetch, op);
}

/* ---- the sink ---- */

static bool must_wait(dbk_fetch *f) {
    dbk_stream *s = f->s;
    dbk_mutex_lock(&s->shared.lock);
    bool full = s->shared.queued_bytes >= s->options.budget_bytes;
    bool starving = f->c->index == s->shared.head && f->c->first == f->c->count;
    bool wait = full && !starving && !s->shared.closed;
    if (wait) {
        s->shared.hungry = true;
        atomic_store(&f->paused, true);
    }
    dbk_mutex_unlock(&s->shared.lock);
    return wait;
}

/* One decoded batch; rows that an earlier attempt published are dropped. Takes batch. */
static dbk_status keep_batch(dbk_fetch *f, dbk_batch *batch, dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_batch *rest = NULL;
    int64_t rows = dbk_batch_row_count(batch);
    int64_t skip = dbk_min_i64(f->skip_rows, rows);
    f->skip_rows -= skip;
    f->rows_decoded += rows;
    f->bytes_decoded += dbk_batch_byte_size(batch);
    if (skip == 0) {
        return dbk_stream_publish(f->s, f->c, batch, err);
    }
    if (skip < rows) {
        st = dbk_batch_slice(batch, skip, rows - skip, &rest, err);
    }
    dbk_batch_unref(batch);
    return rest != NULL ? dbk_stream_publish(f->s, f->c, rest, err) : st;
}

static dbk_status take_batches(dbk_fetch *f, dbk_error *err) {
    dbk_status st = DBK_OK;
    if (!f->schema_seen && dbk_unpack_schema(f->unpack) != NULL) {
        f->schema_seen = true;
        st = dbk_stream_see_schema(f->s, dbk_unpack_schema(f->unpack), false, f->c->index, err);
    }
    dbk_batch *b = st == DBK_OK ? dbk_unpack_pop(f->unpack) : NULL;
    while (b != NULL && st == DBK_OK) {
        st = keep_batch(f, b, err);
        b = st == DBK_OK ? dbk_unpack_pop(f->unpack) : NULL;
    }
    return st;
}

static dbk_sink_answer take_bytes(void *ctx, const dbk_http_response *head, dbk_slice bytes) {
    (void)head;
    dbk_fetch *f = ctx;
    if (must_wait(f)) {
        return DBK_SINK_PAUSE;
    }
    (void)atomic_fetch_add(&f->s->bytes_wire, bytes.len);
    dbk_status st = dbk_unpack_feed(f->unpack, bytes, &f->bad_data);
    if (st == DBK_OK) {
        st = take_batches(f, &f->bad_data);
    }
    return st == DBK_OK ? DBK_SINK_GO : DBK_SINK_STOP;
}

/* ---- the machine ---- */

enum { FETCH_LINK, FETCH_GET, FETCH_JUDGE, FETCH_NEW_LINK, FETCH_PAUSE };

/* By the server's clock: the local one may be hours off. */
static bool looks_expired(const dbk_fetch *f) {
    dbk_stream *s = f->s;
    dbk_mutex_lock(&s->shared.lock);
    int64_t expires_ms = f->c->link.expires_ms;
    int64_t now_ms = dbk_clock_wall_ms(dbk_lane_clock(f->op.lane)) + s->shared.clock_offset_ms;
    dbk_mutex_unlock(&s->shared.lock);
    return expires_ms != 0 && expires_ms <= now_ms;
}

static dbk_step ask_for_link(dbk_fetch *f) {
    f->refreshes++;
    dbk_stream_refresh_link(f->s, f);
    return dbk_op_wait_wake(&f->op, FETCH_NEW_LINK);
}

static dbk_step fetch_link(dbk_op *op) {
    dbk_fetch *f = fetch_of(op);
    /* A link that still looks expired after one refresh is tried: the clocks may be wrong. */
    if (f->refreshes == 0 && looks_expired(f)) {
        return ask_for_link(f);
    }
    return dbk_op_goto(op, FETCH_GET);
}

static dbk_step fetch_new_link(dbk_op *op) {
    dbk_fetch *f = fetch_of(op);
    if (f->link_status != DBK_OK) {
        dbk_error_move(&op->err, &f->link_error);
        (void)dbk_error_wrap(&op->err, "asking for a fresh link to chunk %lld of statement %s",
                             (long long)f->c->index, dbk_str_or(&f->s->statement_id, "?"));
        return dbk_op_finish(op, op->err.code);
    }
    return dbk_op_goto(op, FETCH_GET);
}

static dbk_status new_unpack(dbk_fetch *f, dbk_error *err) {
    dbk_unpack_options options = {.lz4 = f->s->manifest.lz4};
    dbk_mutex_lock(&f->s->shared.lock);
    options.expected_bytes = f->c->reserved;
    f->skip_rows = f->c->rows;
    dbk_mutex_unlock(&f->s->shared.lock);
    dbk_unpack_free(f->unpack);
    f->unpack = NULL;
    f->schema_seen = false;
    f->rows_decoded = 0;
    f->bytes_decoded = 0;
    return dbk_unpack_new(&options, &f->unpack, err);
}

static dbk_step fetch_get(dbk_op *op) {
    dbk_fetch *f = fetch_of(op);
    dbk_status st = new_unpack(f, &op->err);
    if (st != DBK_OK) {
        return dbk_op_finish(op, st);
    }
    f->attempts++;
    dbk_error_reset(&f->bad_data);
    atomic_store(&f->paused, false);
    /* Only this operation's link requests change c->link, and none is under way now. */
    const dbk_sea_link *link = &f->c->link;
    dbk_http_request request = {
        .method = "GET",
        .url = link->url.ptr,
        .headers = (const char *const *)link->headers,
        .header_count = link->header_count,
        .follow = true,
        .http1_only = true,
        .no_deadline = true,
        .max_body = ERROR_BODY_MAX,
        .sink = {take_bytes, f},
    };
    dbk_slice host = dbk_url_authority(dbk_str_slice(&link->url));
    DBK_LOG(DEBUG, op->session_id, "downloading chunk %lld from %.*s, attempt %u",
            (long long)f->c->index, (int)host.len, host.ptr, f->attempts);
    return dbk_op_wait_http(op, dbk_sea_http(f->s->sea), &request, FETCH_JUDGE);
}

/* The error names the chunk, the host (never the whole link) and how often it was tried. */
static dbk_step fail(dbk_fetch *f) {
    dbk_op *op = &f->op;
    dbk_slice host = dbk_url_authority(dbk_str_slice(&f->c->link.url));
    dbk_error_set_query_id(&op->err, f->s->statement_id.ptr);
    (void)dbk_error_wrap(&op->err, "downloading chunk %lld of statement %s from %.*s (%u attempts)",
                         (long long)f->c->index, dbk_str_or(&f->s->statement_id, "?"),
                         (int)dbk_min_size(host.len, 128), host.ptr != NULL ? host.ptr : "",
                         f->attempts);
    return dbk_op_finish(op, op->err.code);
}

static dbk_step again_after(dbk_fetch *f, uint64_t wait_ms) {
    (void)atomic_fetch_add(&f->s->chunk_retries, 1);
    f->pause_ms = wait_ms;
    return dbk_op_goto(&f->op, FETCH_PAUSE);
}

/* bad_data says what is wrong with the bytes. */
static dbk_step judge_bad_data(dbk_fetch *f, const dbk_http_response *r) {
    f->data_errors++;
    if (f->bad_data.code == DBK_DATA_LOSS && f->data_errors < MAX_DATA_ERRORS) {
        return again_after(f, 0);
    }
    char type[sizeof r->content_type];
    (void)snprintf(type, sizeof type, "%s", r->content_type);
    dbk_error_move(&f->op.err, &f->bad_data);
    if (type[0] != '\0') {
        (void)dbk_error_wrap(&f->op.err, "content-type %s", type);
    }
    return fail(f);
}

static dbk_step judge_whole_body(dbk_fetch *f, const dbk_http_response *r) {
    dbk_status st = dbk_unpack_finish(f->unpack, &f->bad_data);
    if (st == DBK_OK) {
        st = take_batches(f, &f->bad_data);
    }
    if (st == DBK_OK) {
        st = dbk_stream_check_chunk(f->s, f->c, &f->bad_data);
    }
    return st == DBK_OK ? dbk_op_finish(&f->op, DBK_OK) : judge_bad_data(f, r);
}

static bool link_refused(const dbk_http_response *r) {
    return r->outcome == DBK_HTTP_ANSWERED &&
           (r->status == 401 || r->status == 403 || r->status == 404 || r->status == 410);
}

static dbk_step fetch_judge(dbk_op *op) {
    dbk_fetch *f = fetch_of(op);
    const dbk_http_response *r = dbk_http_response_of(op->http);
    if (f->bad_data.code != DBK_OK) {
        return judge_bad_data(f, r);
    }
    if (r->outcome == DBK_HTTP_ANSWERED && r->status >= 200 && r->status <= 299) {
        return judge_whole_body(f, r);
    }
    if (link_refused(r) && f->refreshes < MAX_REFRESHES) {
        (void)atomic_fetch_add(&f->s->chunk_retries, 1);
        return ask_for_link(f);
    }
    dbk_retry_input in = {
        .policy = &storage_retry,
        .response = r,
        .effect = DBK_EFFECT_NONE,
        .attempts_made = f->attempts,
        .elapsed_ms = dbk_lane_now_ms(op->lane) - f->begun_ms,
        .wall_ms = dbk_clock_wall_ms(dbk_lane_clock(op->lane)),
        .random = (uint32_t)f->c->index * 2654435761u + f->attempts,
    };
    uint64_t wait_ms = 0;
    if (dbk_retry_decide(&in, &wait_ms)) {
        return again_after(f, wait_ms);
    }
    (void)dbk_sea_http_error(r, f->c->link.url.ptr, f->attempts, false, &op->err);
    return fail(f);
}

static dbk_step fetch_pause(dbk_op *op) {
    return dbk_op_wait_ms(op, fetch_of(op)->pause_ms, FETCH_LINK);
}

static void fetch_destroy(dbk_op *op) {
    dbk_fetch *f = fetch_of(op);
    dbk_unpack_free(f->unpack);
    dbk_error_reset(&f->bad_data);
    dbk_error_reset(&f->link_error);
    dbk_stream_unref(f->s);
    dbk_free(f);
}

static const dbk_state fetch_states[] = {
    [FETCH_LINK] = {"link", fetch_link, DBK_TO(FETCH_GET) | DBK_TO(FETCH_NEW_LINK)},
    [FETCH_GET] = {"get", fetch_get, DBK_TO(FETCH_JUDGE)},
    [FETCH_JUDGE] = {"judge", fetch_judge, DBK_TO(FETCH_NEW_LINK) | DBK_TO(FETCH_PAUSE)},
    [FETCH_NEW_LINK] = {"new-link", fetch_new_link, DBK_TO(FETCH_GET)},
    [FETCH_PAUSE] = {"pause", fetch_pause, DBK_TO(FETCH_LINK)},
};
static const dbk_machine fetch_machine = {"download", fetch_states, 5, NULL, fetch_destroy};

/* ---- for the pump ---- */

/* The last touch of the chunk: after this the reader may free it. */
static void fetch_done(dbk_op *op, void *ctx) {
    (void)ctx;
    dbk_fetch *f = fetch_of(op);
    dbk_stream *s = dbk_stream_ref(f->s);
    dbk_chunk *c = f->c;
    dbk_mutex_lock(&s->shared.lock);
    dbk_fetch *held = c->fetch;
    c->fetch = NULL;
    s->shared.running--;
    s->shared.reserved -= c->reserved;
    c->reserved = 0;
    if (op->status == DBK_OK) {
        c->done = true;
        if (c->byte_count > 0) {
            s->shared.decoded_per_declared = (double)f->bytes_decoded / (double)c->byte_count;
        }
    } else {
        dbk_stream_fail_locked(s, c->index, &op->err);
    }
    dbk_cond_broadcast(&s->shared.changed);
    dbk_mutex_unlock(&s->shared.lock);
    dbk_fetch_unref(held);
    dbk_stream_pump(s);
    dbk_stream_unref(s);
}

dbk_status dbk_fetch_start(dbk_stream *s, dbk_chunk *c, dbk_lane *lane, dbk_error *err) {
    dbk_fetch *f = dbk_alloc_zero(sizeof *f);
    if (f == NULL) {
        return dbk_error_oom(err, "a download");
    }
    dbk_op_init(&f->op, &fetch_machine, lane);
    f->op.session_id = s->session_id.ptr;
    f->s = dbk_stream_ref(s);
    f->c = c;
    f->begun_ms = dbk_lane_now_ms(lane);
    dbk_mutex_lock(&s->shared.lock);
    c->fetch = dbk_fetch_ref(f);
    dbk_mutex_unlock(&s->shared.lock);
    dbk_op_start(&f->op, fetch_done, NULL);
    dbk_fetch_unref(f);
    return DBK_OK;
}

dbk_fetch *dbk_fetch_ref(dbk_fetch *f) {
    (void)dbk_op_ref(&f->op);
    return f;
}

void dbk_fetch_unref(dbk_fetch *f) {
    if (f != NULL) {
        dbk_op_unref(&f->op);
    }
}

void dbk_fetch_cancel(dbk_fetch *f) {
    dbk_op_cancel(&f->op);
}

int64_t dbk_fetch_chunk_index(const dbk_fetch *f) {
    return f->c->index;
}

static void resume(dbk_task *task) {
    dbk_fetch *f = DBK_CONTAINER_OF(task, dbk_fetch, resume_task);
    atomic_store(&f->resume_posted, false);
    if (f->op.running && f->op.http != NULL && atomic_exchange(&f->paused, false)) {
        dbk_http_resume(f->op.http);
    }
    dbk_fetch_unref(f);
}

void dbk_fetch_unpause(dbk_fetch *f) {
    if (!atomic_load(&f->paused) || atomic_exchange(&f->resume_posted, true)) {
        return;
    }
    (void)dbk_fetch_ref(f);
    f->resume_task.run = resume;
    dbk_lane_post(f->op.lane, &f->resume_task);
}

static void link_came(dbk_task *task) {
    dbk_fetch *f = DBK_CONTAINER_OF(task, dbk_fetch, link_task);
    dbk_op_wake(&f->op);
    dbk_fetch_unref(f);
}

void dbk_fetch_link_came(dbk_fetch *f, dbk_status st, dbk_error *err) {
    f->link_status = st;
    dbk_error_move(&f->link_error, err);
    (void)dbk_fetch_ref(f);
    f->link_task.run = link_came;
    dbk_lane_post(f->op.lane, &f->link_task);
}
