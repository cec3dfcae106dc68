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
    dbk_chunk *c;  /* held by the pump until this operation is done */
    dbk_sea_link link;
    dbk_unpack *unpack;
    bool hedge;
    bool schema_seen;
    int64_t rows_decoded; /* of this attempt */
    dbk_pace pace;        /* of this attempt */
    dbk_spool spool;      /* received, not decoded; counted in the stream's queued_bytes */
    atomic_bool spooling; /* what comes goes there until the reader gets to this chunk */
    uint64_t sent_ms;
    uint64_t sent_ns, waiting_ns; /* for whoever listens; 0: nobody, or not waiting */
    uint64_t network_ms;   /* of all attempts: requests to bodies, without pauses and decoding */
    uint64_t paused_at_ms; /* 0: not paused */
    uint32_t attempts;
    uint32_t refreshes;
    uint32_t data_errors;
    uint64_t begun_ms;
    uint64_t pause_ms;
    dbk_error bad_data; /* why the sink stopped */
    atomic_uint_fast64_t last_byte_ms;
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
    bool wait = dbk_pace_must_wait_locked(s, f->c);
    if (wait) {
        s->shared.hungry = s->shared.any_paused = true;
        atomic_store(&f->paused, true);
    }
    dbk_mutex_unlock(&s->shared.lock);
    if (wait && !dbk_process_has_room(0)) {
        dbk_share_wait(&s->share);
    }
    return wait;
}

/* One decoded batch; takes it. */
static dbk_status keep_batch(dbk_fetch *f, dbk_batch *batch, dbk_error *err) {
    int64_t start = f->rows_decoded;
    f->rows_decoded += dbk_batch_row_count(batch);
    f->pace.decoded_bytes += dbk_batch_byte_size(batch);
    return dbk_stream_publish(f->s, f->c, start, batch, err);
}

static dbk_status take_batches(dbk_fetch *f, dbk_error *err) {
    dbk_status st = DBK_OK;
    if (!f->schema_seen && dbk_unpack_schema(f->unpack) != NULL) {
        f->schema_seen = true;
        st = dbk_stream_see_schema(f->s, dbk_unpack_schema(f->unpack), false, f->c->index, err);
    }
    dbk_batch *b = st == DBK_OK ? dbk_unpack_pop(f->unpack) : NULL;
    bool any = b != NULL;
    while (b != NULL && st == DBK_OK) {
        st = keep_batch(f, b, err);
        b = st == DBK_OK ? dbk_unpack_pop(f->unpack) : NULL;
    }
    if (any) {
        dbk_stream_announce(f->s, f->c);
    }
    return st;
}

/* What connecting and TLS took says nothing of how long answers take. */
static void note_bytes(dbk_fetch *f, const dbk_http_response *head, uint64_t now_ms) {
    if (f->paused_at_ms != 0) { /* waiting for the reader is not the network's fault */
        f->sent_ms += now_ms - f->paused_at_ms;
        f->paused_at_ms = 0;
    }
    if (f->pace.wire_bytes == 0) {
        dbk_pace_first_byte(f->s, now_ms - head->sent_ms);
    }
    atomic_store(&f->last_byte_ms, now_ms);
}

/* ---- keeping bytes until their turn comes ---- */

static void count_spool(dbk_fetch *f, size_t before) {
    dbk_stream *s = f->s;
    size_t now = f->spool.bytes;
    size_t more = now > before ? now - before : 0;
    dbk_mutex_lock(&s->shared.lock);
    size_t given_back = dbk_min_size(more, f->c->reserved);
    f->c->reserved -= given_back;
    s->shared.reserved -= given_back;
    f->c->queued_bytes += now - before; /* modulo 2^64: right for less, too */
    s->shared.queued_bytes += now - before;
    dbk_stream_account_locked(s);
    dbk_mutex_unlock(&s->shared.lock);
}

static void clear_spool(dbk_fetch *f) {
    size_t before = f->spool.bytes;
    if (before > 0) {
        dbk_spool_reset(&f->spool);
        count_spool(f, before);
    }
}

/* Asks to be told when it is, when it is not. */
static bool its_turn(dbk_fetch *f) {
    dbk_stream *s = f->s;
    dbk_mutex_lock(&s->shared.lock);
    bool turn = f->c->index <= s->shared.head;
    s->shared.hungry |= !turn;
    dbk_mutex_unlock(&s->shared.lock);
    atomic_store(&f->spooling, !turn);
    return turn;
}

static dbk_status decode(dbk_fetch *f, dbk_slice bytes) {
    const dbk_clock *clock = dbk_lane_clock(f->op.lane);
    uint64_t begin_ns = clock->mono_ns(clock);
    dbk_status st = dbk_unpack_feed(f->unpack, bytes, &f->bad_data);
    if (st == DBK_OK) {
        st = take_batches(f, &f->bad_data);
    }
    f->pace.busy_ns += clock->mono_ns(clock) - begin_ns;
    return st;
}

/* What was kept comes before what comes now. *more: the budget is full, call it again. */
static dbk_status drain_spool(dbk_fetch *f, bool *more) {
    dbk_status st = DBK_OK;
    while (f->spool.bytes > 0 && st == DBK_OK && !must_wait(f)) {
        size_t before = f->spool.bytes;
        st = decode(f, dbk_spool_peek(&f->spool));
        dbk_spool_drop(&f->spool);
        count_spool(f, before);
    }
    *more = st == DBK_OK && f->spool.bytes > 0;
    return st;
}

static dbk_status keep_bytes(dbk_fetch *f, dbk_slice bytes) {
    size_t before = f->spool.bytes;
    dbk_status st = dbk_spool_put(&f->spool, bytes, &f->bad_data);
    count_spool(f, before);
    return st;
}

static dbk_sink_answer pause_at(dbk_fetch *f, uint64_t now_ms) {
    f->paused_at_ms = f->paused_at_ms != 0 ? f->paused_at_ms : now_ms;
    return DBK_SINK_PAUSE;
}

static dbk_sink_answer take_bytes(void *ctx, const dbk_http_response *head, dbk_slice bytes) {
    dbk_fetch *f = ctx;
    bool more = false;
    uint64_t now_ms = dbk_lane_now_ms(f->op.lane);
    dbk_status st = f->bad_data.code; /* of bytes that were kept */
    if (st == DBK_OK && must_wait(f)) {
        return pause_at(f, now_ms);
    }
    note_bytes(f, head, now_ms);
    if (st == DBK_OK && atomic_load(&f->spooling) && !its_turn(f)) {
        st = keep_bytes(f, bytes);
    } else if (st == DBK_OK) {
        st = drain_spool(f, &more);
        if (more) {
            return pause_at(f, now_ms);
        }
        st = st == DBK_OK ? decode(f, bytes) : st;
    }
    f->pace.wire_bytes += bytes.len;
    (void)atomic_fetch_add(&f->s->bytes_wire, bytes.len);
    return st == DBK_OK ? DBK_SINK_GO : DBK_SINK_STOP;
}

/* ---- what is told of it ---- */

static dbk_span span_of(const dbk_fetch *f, dbk_span_kind kind, uint64_t begun_ns) {
    dbk_span span = DBK_SPAN_INIT;
    span.kind = kind;
    span.clock = dbk_lane_clock(f->op.lane);
    span.begun_ns = begun_ns;
    span.session_id = f->op.session_id;
    span.statement_id = f->s->statement_id.ptr;
    span.chunk = f->c->index;
    return span;
}

static void tell_wait(dbk_fetch *f) {
    dbk_tracer *t = dbk_sea_tracer(f->s->sea);
    if (t != NULL && f->waiting_ns != 0) {
        dbk_span span = span_of(f, DBK_SPAN_WAIT, f->waiting_ns);
        span.name = "storage";
        t->tell(t, &span);
    }
    f->waiting_ns = 0;
}

/* Of rows only those of this attempt: what came before is dropped. */
static void tell_download(const dbk_fetch *f, const dbk_http_response *r) {
    dbk_tracer *t = dbk_sea_tracer(f->s->sea);
    if (t != NULL) {
        dbk_span span = span_of(f, DBK_SPAN_DOWNLOAD, f->sent_ns);
        span.method = "GET";
        span.host = dbk_url_authority(dbk_str_slice(&f->link.url));
        span.http_status = r->status;
        span.attempt = f->attempts;
        span.bytes = (int64_t)f->pace.wire_bytes;
        span.rows = f->rows_decoded;
        span.error = f->bad_data.code != DBK_OK        ? f->bad_data.code
                     : r->outcome == DBK_HTTP_ANSWERED ? DBK_OK
                                                       : DBK_NETWORK;
        t->tell(t, &span);
    }
}

/* ---- the machine ---- */

enum { FETCH_LINK, FETCH_GET, FETCH_JUDGE, FETCH_TURN, FETCH_NEW_LINK, FETCH_PAUSE };

/* By the server's clock: the local one may be hours off. */
static bool looks_expired(const dbk_fetch *f) {
    dbk_stream *s = f->s;
    dbk_mutex_lock(&s->shared.lock);
    int64_t expires_ms = f->link.expires_ms;
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
    tell_wait(f);
    /* A link that still looks expired after one refresh is tried: the clocks may be wrong. */
    if (f->link.url.ptr == NULL || (f->refreshes == 0 && looks_expired(f))) {
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
    options.expected_bytes = dbk_pace_block_locked(f->s, f->c);
    atomic_store(&f->spooling, dbk_pace_spools_locked(f->s, f->c));
    dbk_mutex_unlock(&f->s->shared.lock);
    clear_spool(f);
    dbk_unpack_free(f->unpack);
    f->unpack = NULL;
    f->schema_seen = false;
    f->rows_decoded = 0;
    f->pace = (dbk_pace){0};
    return dbk_unpack_new(&options, &f->unpack, err);
}

static dbk_step fetch_get(dbk_op *op) {
    dbk_fetch *f = fetch_of(op);
    dbk_status st = new_unpack(f, &op->err);
    if (st != DBK_OK) {
        return dbk_op_finish(op, st);
    }
    f->attempts++;
    f->sent_ms = dbk_lane_now_ms(op->lane);
    f->sent_ns = dbk_trace_now(dbk_sea_tracer(f->s->sea), dbk_lane_clock(op->lane));
    f->paused_at_ms = 0;
    dbk_error_reset(&f->bad_data);
    atomic_store(&f->paused, false);
    atomic_store(&f->last_byte_ms, f->sent_ms);
    const dbk_sea_link *link = &f->link;
    dbk_http_request request = {
        .method = "GET",
        .url = link->url.ptr,
        .headers = (const char *const *)link->headers,
        .header_count = link->header_count,
        .follow = true,
        .http1_only = true,
        .no_deadline = true,
        .likely_size = link->byte_count,
        .max_body = ERROR_BODY_MAX,
        .sink = {take_bytes, f},
    };
    dbk_slice host = dbk_url_authority(dbk_str_slice(&link->url));
    DBK_LOG(DEBUG, op->session_id, "statement %s: downloading chunk %lld from %.*s, attempt %u",
            dbk_str_or(&f->s->statement_id, "?"), (long long)f->c->index, (int)host.len, host.ptr,
            f->attempts);
    return dbk_op_wait_http(op, dbk_sea_http(f->s->sea), &request, FETCH_JUDGE);
}

/* The error names the chunk, the host (never the whole link) and how often it was tried. */
static dbk_step fail(dbk_fetch *f) {
    dbk_op *op = &f->op;
    dbk_slice host = dbk_url_authority(dbk_str_slice(&f->link.url));
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
    uint64_t took_ms = dbk_lane_now_ms(op->lane) - f->sent_ms;
    tell_download(f, r);
    f->network_ms += took_ms - dbk_min_u64(took_ms, f->pace.busy_ns / 1000000u);
    if (f->bad_data.code != DBK_OK) {
        return judge_bad_data(f, r);
    }
    if (r->outcome == DBK_HTTP_ANSWERED && r->status >= 200 && r->status <= 299) {
        return dbk_op_goto(op, FETCH_TURN);
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
    (void)dbk_sea_http_error(r, f->link.url.ptr, f->attempts, false, &op->err);
    return fail(f);
}

/* The whole body is here; what of it was kept is decoded when the reader gets to it. */
static dbk_step fetch_turn(dbk_op *op) {
    dbk_fetch *f = fetch_of(op);
    bool more = f->spool.bytes > 0;
    if (more && its_turn(f) && drain_spool(f, &more) != DBK_OK) {
        return judge_bad_data(f, dbk_http_response_of(op->http));
    }
    return more ? dbk_op_wait_wake(op, FETCH_TURN)
                : judge_whole_body(f, dbk_http_response_of(op->http));
}

static dbk_step fetch_pause(dbk_op *op) {
    dbk_fetch *f = fetch_of(op);
    f->waiting_ns = dbk_trace_now(dbk_sea_tracer(f->s->sea), dbk_lane_clock(op->lane));
    return dbk_op_wait_ms(op, fetch_of(op)->pause_ms, FETCH_LINK);
}

static void fetch_destroy(dbk_op *op) {
    dbk_fetch *f = fetch_of(op);
    dbk_unpack_free(f->unpack);
    dbk_spool_reset(&f->spool);
    dbk_sea_link_reset(&f->link);
    dbk_error_reset(&f->bad_data);
    dbk_error_reset(&f->link_error);
    dbk_stream_unref(f->s);
    dbk_free(f);
}

static const dbk_state fetch_states[] = {
    [FETCH_LINK] = {"link", fetch_link, DBK_TO(FETCH_GET) | DBK_TO(FETCH_NEW_LINK)},
    [FETCH_GET] = {"get", fetch_get, DBK_TO(FETCH_JUDGE)},
    [FETCH_JUDGE] = {"judge", fetch_judge,
                     DBK_TO(FETCH_TURN) | DBK_TO(FETCH_NEW_LINK) | DBK_TO(FETCH_PAUSE)},
    [FETCH_TURN] = {"turn", fetch_turn, DBK_TO(FETCH_TURN) | DBK_TO(FETCH_PAUSE)},
    [FETCH_NEW_LINK] = {"new-link", fetch_new_link, DBK_TO(FETCH_GET)},
    [FETCH_PAUSE] = {"pause", fetch_pause, DBK_TO(FETCH_LINK)},
};
static const dbk_machine fetch_machine = {"download", fetch_states, 6, NULL, fetch_destroy};

/* ---- for the pump ---- */

static void note_chunk_locked(dbk_stream *s, const dbk_fetch *f) {
    dbk_stream_story *story = &s->shared.story;
    int64_t ms = (int64_t)f->network_ms;
    story->first_chunk_ms = f->c->index == 0 ? ms : story->first_chunk_ms;
    story->slowest_chunk_ms = dbk_max_i64(story->slowest_chunk_ms, ms);
    story->chunks_ms += ms;
}

/* Success: the chunk is whole, whichever download made it so. A failure counts only when no other
 * download of the chunk is left to make good for it. Under the lock; gives that other one. */
static dbk_fetch *settle_locked(dbk_fetch *f) {
    dbk_stream *s = f->s;
    dbk_chunk *c = f->c;
    dbk_fetch *other = f->hedge ? c->fetch : c->hedge;
    if (f->op.status == DBK_OK && !c->done) {
        c->done = true;
        f->pace.elapsed_ms = dbk_lane_now_ms(f->op.lane) - f->sent_ms;
        dbk_pace_learn_locked(s, c, &f->pace);
        note_chunk_locked(s, f);
    } else if (f->op.status != DBK_OK && other == NULL && !c->done) {
        dbk_stream_fail_locked(s, c->index, &f->op.err);
    }
    if (other == NULL || c->done) {
        s->shared.reserved -= c->reserved;
        c->reserved = 0;
    }
    return other != NULL && c->done ? dbk_fetch_ref(other) : NULL;
}

/* The last touch of the chunk: after this the reader may free it. */
static void fetch_done(dbk_op *op, void *ctx) {
    (void)ctx;
    dbk_fetch *f = fetch_of(op);
    dbk_stream *s = dbk_stream_ref(f->s);
    dbk_chunk *c = f->c;
    clear_spool(f);
    dbk_mutex_lock(&s->shared.lock);
    dbk_fetch *loser = settle_locked(f);
    if (f->hedge) {
        c->hedge = NULL;
    } else {
        c->fetch = NULL;
    }
    s->shared.running--;
    s->shared.alone = false;
    dbk_stream_account_locked(s);
    bool last = --c->holders == 0 && c->dropped;
    dbk_stream_changed_locked(s);
    dbk_mutex_unlock(&s->shared.lock);
    if (last) {
        dbk_chunk_free(c);
    }
    if (loser != NULL) {
        dbk_fetch_cancel(loser);
        dbk_fetch_unref(loser);
    }
    dbk_fetch_unref(f); /* the chunk's */
    dbk_stream_pump(s);
    dbk_stream_unref(s);
}

dbk_status dbk_fetch_start(dbk_stream *s, dbk_chunk *c, dbk_lane *lane, bool hedge,
                           dbk_error *err) {
    dbk_fetch *f = dbk_alloc_zero(sizeof *f);
    if (f == NULL) {
        return dbk_error_oom(err, "a download");
    }
    dbk_op_init(&f->op, &fetch_machine, lane);
    f->op.session_id = s->session_id.ptr;
    f->s = dbk_stream_ref(s);
    f->c = c;
    f->hedge = hedge;
    f->begun_ms = dbk_lane_now_ms(lane);
    atomic_init(&f->last_byte_ms, f->begun_ms);
    dbk_mutex_lock(&s->shared.lock);
    bool late = c->done; /* the first download ended meanwhile */
    *(hedge ? &c->hedge : &c->fetch) = dbk_fetch_ref(f);
    if (!hedge) { /* a hedge asks for a link of its own */
        f->link = c->link;
        memset(&c->link, 0, sizeof c->link);
    }
    dbk_mutex_unlock(&s->shared.lock);
    dbk_op_start(&f->op, fetch_done, NULL);
    if (late) {
        dbk_fetch_cancel(f);
    }
    dbk_fetch_unref(f);
    return DBK_OK;
}

uint64_t dbk_fetch_begun_ms(const dbk_fetch *f) {
    return f->begun_ms;
}

uint64_t dbk_fetch_last_byte_ms(const dbk_fetch *f) {
    return atomic_load(&f->last_byte_ms);
}

bool dbk_fetch_is_paused(const dbk_fetch *f) {
    return atomic_load(&f->paused);
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
    bool more = false;
    atomic_store(&f->resume_posted, false);
    if (f->op.running && f->op.http != NULL) {
        bool was_paused = atomic_exchange(&f->paused, false);
        if (f->op.parked) {
            dbk_op_wake(&f->op);
        } else {
            if (f->spool.bytes > 0 && f->bad_data.code == DBK_OK && its_turn(f)) {
                (void)drain_spool(f, &more); /* an error waits in bad_data for the next bytes */
            }
            if (was_paused && !more) {
                dbk_http_resume(f->op.http);
            }
        }
    }
    dbk_fetch_unref(f);
}

void dbk_fetch_unpause(dbk_fetch *f, bool its_turn) {
    bool wanted = atomic_load(&f->paused) || (its_turn && atomic_load(&f->spooling));
    if (!wanted || atomic_exchange(&f->resume_posted, true)) {
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

void dbk_fetch_link_came(dbk_fetch *f, dbk_sea_link *link, dbk_status st, dbk_error *err) {
    if (link != NULL) { /* nobody reads the old one: the operation waits for this call */
        dbk_sea_link_reset(&f->link);
        f->link = *link;
        memset(link, 0, sizeof *link);
    }
    f->link_status = st;
    dbk_error_move(&f->link_error, err);
    (void)dbk_fetch_ref(f);
    f->link_task.run = link_came;
    dbk_lane_post(f->op.lane, &f->link_task);
}
