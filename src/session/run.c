/* One statement from "send it" to a result stream: the machine behind execute, submit and await. */
#include "session/internal.h"

/* Waits between polls: a tenth of the time gone by, so that short statements are seen at once and
 * long ones cost few requests. The peer waits 500 ms always. */
#define POLL_MIN_MS 10u
#define POLL_MAX_MS 2000u
/* All waiting statements of the process together ask no more often than this, and only so many of them at
 * a time (a connection each); for that alone none of them waits longer than the last. */
#define POLL_EVERY_MS     2u
#define POLLS_AT_ONCE     64u
#define POLL_CROWD_MAX_MS 30000u
/* Where one is done others, asked longest ago, may be too: two of its session are asked at once. So many of
 * these in a row, and then one more for this time gone by. */
#define POLLS_AHEAD          2u
#define POLLS_AHEAD_MAX      1000u
#define POLLS_AHEAD_EVERY_MS 10u
/* After an accepted cancel the server gets this long to say so: a dozen polls. */
#define CANCEL_GRACE_MS 1000u
/* A poll under way when the patience ends gets this long, so that short patience leads somewhere too. */
#define PATIENCE_GRACE_MS 2000u
#define PATIENCE_MAX_MS   UINT64_C(1000000000000) /* 30 years: from here on, no end */

typedef struct run {
    dbk_op op; /* first: the machine's functions cast */
    dbk_run_kind kind;
    dbk_exec *e;          /* counted */
    dbk_sea_call *call;   /* the last request; counted */
    bool waits;           /* is one of `waiting` */
    bool polls;           /* is one of `polling` */
    dbk_node pausing;     /* in the session's list while it waits for its next poll; on the lane */
    uint64_t asked_ms;    /* the poll under way */
    bool polled;          /* the answer is not the one to the statement itself */
    uint64_t begun_ms;    /* this operation, not the statement */
    uint64_t patience_ms; /* 0: no end */
    uint64_t paused_ns;   /* the pause under way began then; 0: none, or nobody listens */
    uint64_t cancel_seen_ms; /* an accepted cancel was noticed, 0: none */
    atomic_bool hurry;
    atomic_bool hurry_posted;
    dbk_task hurry_task;
} run;

enum { RUN_SEND, RUN_ANSWER, RUN_PAUSE, RUN_POLL, RUN_RESULT };

/* Statements between two polls, in this process. */
static atomic_size_t waiting;
static atomic_size_t polling; /* polls under way */

static run *run_of(dbk_op *op) {
    return DBK_CONTAINER_OF(op, run, op);
}

static void set_call(run *r, dbk_sea_call *takes_call) {
    if (r->call != NULL) {
        dbk_op_unref(dbk_sea_call_op(r->call));
    }
    r->call = takes_call;
}

/* A submitted statement was sent already: it goes on where its last answer left it. */
static dbk_step run_send(dbk_op *op) {
    run *r = run_of(op);
    r->begun_ms = dbk_lane_now_ms(op->lane);
    if (r->call != NULL) {
        return dbk_op_try_op(op, dbk_sea_call_op(r->call), RUN_ANSWER);
    }
    bool told = dbk_sea_state_is_final(dbk_exec_state(r->e)) && !r->e->reply_used;
    if (r->kind != DBK_RUN_AWAIT) {
        return dbk_op_goto(op, RUN_POLL);
    }
    /* Told as lately as the others of a crowd were: it takes turns with them. */
    size_t crowd = atomic_load(&waiting) + atomic_load(&polling);
    uint64_t age = r->begun_ms - r->e->answered_ms;
    bool turns = crowd >= POLLS_AT_ONCE && age < crowd * POLL_EVERY_MS;
    return dbk_op_goto(op, told ? RUN_RESULT : turns ? RUN_PAUSE : RUN_POLL);
}

static bool first_answer_only(const run *r) {
    return r->kind == DBK_RUN_SUBMIT || r->kind == DBK_RUN_ASK;
}

static bool sends(const run *r) {
    return r->kind == DBK_RUN_EXECUTE || first_answer_only(r);
}

/* The answer to the statement itself, not to a poll. */
static bool is_first_answer(const run *r) {
    return sends(r) && !r->polled;
}

static dbk_status note_id_locked(dbk_exec *e, dbk_slice id, dbk_error *err) {
    if (e->statement_id.ptr != NULL) {
        return DBK_OK;
    }
    dbk_status st = dbk_str_set(&e->statement_id, id, err);
    e->close_needed = st == DBK_OK && e->owned;
    return st;
}

/* The id is what everything later is about: cancelling, closing, support tickets. */
static dbk_status note_answer(run *r, dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_exec *e = r->e;
    dbk_sea_reply_reset(&e->reply);
    dbk_sea_call_take_reply(r->call, &e->reply);
    e->reply_used = false;
    e->answered_ms = dbk_lane_now_ms(r->op.lane);
    dbk_mutex_lock(&e->lock);
    st = note_id_locked(e, dbk_str_slice(&e->reply.statement_id), err);
    if (e->reply.state == DBK_SEA_CLOSED) {
        e->close_needed = false; /* the server forgot it already */
        e->came_closed = e->came_closed || is_first_answer(r);
    }
    dbk_mutex_unlock(&e->lock);
    atomic_store(&e->state, (int)e->reply.state);
    (void)atomic_fetch_add(&e->retries, dbk_sea_call_retries(r->call));
    DBK_LOG(DEBUG, r->op.session_id, "statement %s is %s after %llu ms",
            dbk_str_or(&e->statement_id, "?"), dbk_sea_state_name(e->reply.state),
            (unsigned long long)(dbk_lane_now_ms(r->op.lane) - e->begun_ms));
    dbk_exec_changed(e);
    return st;
}

/* Of a statement whose answer cannot be read only the id is known, from the error: it is closed like
 * any other. Ids of full length may have been cut. */
static dbk_slice id_of_failure(const dbk_error *err) {
    dbk_slice id = dbk_slice_of(err->query_id);
    return id.len > 0 && id.len < DBK_ERROR_ID_SIZE - 1 ? id : (dbk_slice){0};
}

static dbk_step no_answer(run *r, dbk_op *call_op) {
    dbk_error ignored = {0};
    dbk_slice id = id_of_failure(&call_op->err);
    if (is_first_answer(r) && id.len > 0) {
        dbk_mutex_lock(&r->e->lock);
        (void)!note_id_locked(r->e, id, &ignored);
        dbk_mutex_unlock(&r->e->lock);
    }
    dbk_error_reset(&ignored);
    dbk_error_move(&r->op.err, &call_op->err);
    return dbk_op_finish(&r->op, call_op->status);
}

static void end_poll(run *r) {
    if (r->polls) {
        r->polls = false;
        (void)atomic_fetch_sub(&polling, 1);
        (void)atomic_fetch_add(&r->e->polls, 1);
        (void)atomic_fetch_add(&r->e->polls_ms, dbk_lane_now_ms(r->op.lane) - r->asked_ms);
    }
}

static bool may_ask_ahead(dbk_session *s, uint64_t now_ms) {
    uint64_t less = (now_ms - s->asked_ahead_ms) / POLLS_AHEAD_EVERY_MS;
    s->asked_ahead_ms = less > 0 ? now_ms : s->asked_ahead_ms;
    s->asked_ahead -= dbk_min_u64(s->asked_ahead, less);
    return s->asked_ahead < POLLS_AHEAD_MAX && atomic_load(&polling) < POLLS_AT_ONCE;
}

static void poll_at_once(run *r) {
    void (*fire)(dbk_timer *) = r->op.timer.fire;
    dbk_timer_stop(&r->op.timer);
    fire(&r->op.timer);
}

/* Each that is done asks on, so that a crowd that ends together is not told at the pace of one that waits. */
static void ask_ahead(const run *done) {
    dbk_session *s = done->e->session;
    uint64_t now = dbk_lane_now_ms(done->op.lane);
    for (size_t i = 0; i < POLLS_AHEAD && may_ask_ahead(s, now); i++) {
        dbk_node *first = dbk_list_pop_front(&s->pausing);
        if (first == NULL) {
            return;
        }
        s->asked_ahead++;
        poll_at_once(DBK_CONTAINER_OF(first, run, pausing));
    }
}

static dbk_step run_answer(dbk_op *op) {
    run *r = run_of(op);
    end_poll(r);
    dbk_op *call_op = dbk_sea_call_op(r->call);
    if (call_op->status != DBK_OK) {
        return no_answer(r, call_op);
    }
    dbk_status st = note_answer(r, &op->err);
    if (st != DBK_OK || r->kind == DBK_RUN_LOOK) {
        return dbk_op_finish(op, st);
    }
    bool final = dbk_sea_state_is_final(r->e->reply.state);
    if (final && r->polled) {
        ask_ahead(r);
    }
    if (first_answer_only(r) && (final || !atomic_load(&op->cancel_wanted))) {
        return dbk_op_finish(op, DBK_OK); /* else the runner sees the cancel, which now has an id */
    }
    return dbk_op_goto(op, final ? RUN_RESULT : RUN_PAUSE);
}

/* The server accepted a cancel and goes on all the same. */
static dbk_step give_up(run *r) {
    dbk_error *err = &r->op.err;
    (void)dbk_error_set(err, DBK_CANCELLED,
                        "the server accepted the cancel but the statement goes on: given up");
    dbk_error_set_query_id(err, r->e->statement_id.ptr);
    err->may_have_executed = true;
    return dbk_op_finish(&r->op, DBK_CANCELLED);
}

static uint64_t pause_after(uint64_t gone_ms) {
    return dbk_min_u64(dbk_max_u64(gone_ms / 10, POLL_MIN_MS), POLL_MAX_MS);
}

static dbk_step run_pause(dbk_op *op) {
    run *r = run_of(op);
    uint64_t now = dbk_lane_now_ms(op->lane);
    size_t crowd = atomic_fetch_add(&waiting, r->waits ? 0 : 1);
    uint64_t wait = pause_after(now - r->e->begun_ms);
    wait = dbk_max_u64(wait, dbk_min_u64(crowd * POLL_EVERY_MS, POLL_CROWD_MAX_MS));
    r->waits = true;
    set_call(r, NULL); /* thousands may wait: their exchanges need not */
    if (atomic_load(&r->hurry)) {
        r->cancel_seen_ms = r->cancel_seen_ms != 0 ? r->cancel_seen_ms : now;
        wait = pause_after(now - r->cancel_seen_ms);
        if (now - r->cancel_seen_ms > CANCEL_GRACE_MS) {
            return give_up(r);
        }
    }
    if (r->patience_ms != 0) {
        uint64_t gone = now - r->begun_ms;
        if (gone >= r->patience_ms) {
            return dbk_op_finish(op, DBK_OK); /* not finished, and no error */
        }
        wait = dbk_min_u64(wait, r->patience_ms - gone);
    }
    if (r->paused_ns == 0) {
        r->paused_ns = dbk_trace_now(r->e->session->tracer, dbk_lane_clock(op->lane));
    }
    dbk_step step = dbk_op_wait_ms(op, wait, RUN_POLL);
    if (step == DBK_STEP_WAIT) {
        dbk_list_push_back(&r->e->session->pausing, &r->pausing);
    }
    return step;
}

static void tell_pause(run *r) {
    dbk_tracer *t = r->e->session->tracer;
    if (t != NULL && r->paused_ns != 0) {
        dbk_span span = DBK_SPAN_INIT;
        span.kind = DBK_SPAN_WAIT;
        span.name = "poll";
        span.clock = dbk_lane_clock(r->op.lane);
        span.begun_ns = r->paused_ns;
        span.session_id = r->op.session_id;
        span.statement_id = r->e->statement_id.ptr;
        t->tell(t, &span);
    }
    r->paused_ns = 0;
}

static dbk_step run_poll(dbk_op *op) {
    run *r = run_of(op);
    dbk_sea_call *call = NULL;
    dbk_node_unlink(&r->pausing);
    if (r->waits && !atomic_load(&r->hurry) && atomic_load(&polling) >= POLLS_AT_ONCE) {
        return dbk_op_goto(op, RUN_PAUSE); /* the server is slower than we ask */
    }
    tell_pause(r);
    dbk_status st = dbk_sea_get(r->e->session->sea, op->lane, dbk_str_slice(&r->e->statement_id),
                                &call, &op->err);
    if (st != DBK_OK) {
        return dbk_op_finish(op, st);
    }
    set_call(r, call);
    r->polled = true;
    r->polls = true;
    r->asked_ms = dbk_lane_now_ms(op->lane);
    (void)atomic_fetch_add(&polling, 1);
    return dbk_op_try_op(op, dbk_sea_call_op(call), RUN_ANSWER);
}

static void note_facts(dbk_exec *e) {
    const dbk_sea_manifest *m = &e->reply.manifest;
    e->modified_rows = e->reply.modified_rows;
    e->facts.truncated = m->truncated;
    e->facts.has_result_set = m->columns_len > 0;
    e->facts.external_links = e->reply.data.link_count > 0;
    e->facts.volume_operation = m->volume_operation;
    e->compressed = m->lz4;
    e->inline_arrow = e->reply.data.has_attachment;
    if (m->present) {
        e->facts.chunk_count = m->total_chunk_count;
        e->facts.total_rows = m->total_row_count;
        e->facts.total_bytes = m->total_byte_count;
    }
}

/* CLOSED in the answer to the statement itself is success without rows (spec c-abi 2.2); seen later
 * it means that somebody closed the statement, and the rows with it. */
static dbk_status check_closed(const dbk_exec *e, dbk_error *err) {
    if (e->reply.state != DBK_SEA_CLOSED || e->reply.manifest.present || e->came_closed) {
        return DBK_OK;
    }
    (void)dbk_error_set(err, DBK_INVALID_HANDLE,
                        "statement %s was closed on the server before its result was read",
                        dbk_str_or(&e->statement_id, "?"));
    dbk_error_set_query_id(err, e->statement_id.ptr);
    return err->code;
}

/* DDL may be answered without a manifest (spec local-warehouse 2.3); a query whose manifest is missing has
 * columns at least, and perhaps rows, that nobody would miss otherwise (3.3 there). Of a statement that was
 * attached by id the text is not known. */
static dbk_status check_manifest(const dbk_exec *e, dbk_error *err) {
    const dbk_sea_data *data = &e->reply.data;
    bool carries = data->has_attachment || data->link_count > 0 || data->rows != NULL;
    if (e->reply.manifest.present || carries || !e->wants_rows || e->reply.modified_rows >= 0) {
        return DBK_OK; /* data without a manifest is refused where it is opened */
    }
    (void)dbk_error_set(err, DBK_DATA_LOSS,
                        "statement %s is %s, but the answer holds neither a manifest nor rows, "
                        "and its SQL asks for rows",
                        dbk_str_or(&e->statement_id, "?"), dbk_sea_state_name(e->reply.state));
    dbk_error_set_query_id(err, e->statement_id.ptr);
    return err->code;
}

static dbk_status open_result(dbk_exec *e, dbk_error *err) {
    dbk_status closed = check_closed(e, err);
    if (closed == DBK_OK) {
        closed = check_manifest(e, err);
    }
    if (closed != DBK_OK) {
        return closed;
    }
    note_facts(e);
    dbk_stream_source source = {
        .runtime = e->session->runtime,
        .sea = e->session->sea,
        .session_id = e->session->id.ptr,
        .statement_id = dbk_str_slice(&e->statement_id),
        .manifest = &e->reply.manifest,
        .data = &e->reply.data,
        .server_unix_s = e->reply.server_unix_s,
        .partial = e->partial,
        .first_chunk = e->first_chunk,
        .chunk_count = e->chunk_count,
    };
    e->reply_used = true;
    dbk_status st = dbk_stream_open(&source, &e->session->stream, &e->stream, err);
    if (st == DBK_OK) {
        atomic_store_explicit(&e->finished, true, memory_order_release);
        dbk_exec_follow_stream(e, true);
        dbk_exec_changed(e);
    } else {
        dbk_error_set_query_id(err, e->statement_id.ptr);
    }
    return st;
}

static dbk_step run_result(dbk_op *op) {
    run *r = run_of(op);
    dbk_exec *e = r->e;
    switch (e->reply.state) {
    case DBK_SEA_SUCCEEDED:
    case DBK_SEA_CLOSED:
        return dbk_op_finish(op, open_result(e, &op->err));
    case DBK_SEA_FAILED:
    case DBK_SEA_CANCELED:
    case DBK_SEA_PENDING:
    case DBK_SEA_RUNNING:
        break;
    }
    return dbk_op_finish(op, dbk_sea_statement_error(&e->reply, &op->err));
}

/* ---- cancelled before its end ---- */

/* The answer to an abandoned execute: cancel and close what the server has begun. */
static void abandoned_answer(dbk_op *call_op, void *ctx) {
    run *r = ctx;
    dbk_session *s = r->e->session;
    const dbk_sea_reply *reply = dbk_sea_call_reply(r->call);
    bool read = call_op->status == DBK_OK;
    dbk_slice id = read ? dbk_str_slice(&reply->statement_id) : id_of_failure(&call_op->err);
    if (id.len > 0 && !(read && dbk_sea_state_is_final(reply->state))) {
        dbk_session_cancel_detached(s, id);
    }
    if (id.len > 0 && !(read && reply->state == DBK_SEA_CLOSED)) {
        dbk_session_close_detached(s, id);
    }
    dbk_background_begin(); /* until what follows from its end has begun */
    dbk_session_abandoned_end(s);
    dbk_op_unref(call_op);
    dbk_op_unref(&r->op);
    dbk_background_end();
}

/* What was sent here must end on the server too. Otherwise, and when the patience is at its end, only the
 * poll under way is dropped. */
static void run_cancelled(dbk_op *op) {
    run *r = run_of(op);
    dbk_exec *e = r->e;
    dbk_node_unlink(&r->pausing);
    dbk_error_set_query_id(&op->err, e->statement_id.ptr);
    if (!sends(r)) {
        e->impatient = op->err.code == DBK_TIMEOUT;
    } else if (e->statement_id.ptr != NULL) {
        dbk_session_cancel_detached(e->session, dbk_str_slice(&e->statement_id));
    } else if (dbk_session_in_flight(r->call)) {
        op->err.may_have_executed = true;
        dbk_session_abandoned_begin(e->session);
        (void)dbk_op_ref(op);
        (void)dbk_op_detach_child(op, abandoned_answer, r);
    }
}

static void run_destroy(dbk_op *op) {
    run *r = run_of(op);
    if (r->waits) {
        (void)atomic_fetch_sub(&waiting, 1);
    }
    end_poll(r);
    set_call(r, NULL);
    dbk_exec_unref(r->e);
    dbk_free(r);
}

static const dbk_state run_states[] = {
    [RUN_SEND] = {"send", run_send,
                  DBK_TO(RUN_ANSWER) | DBK_TO(RUN_PAUSE) | DBK_TO(RUN_POLL) | DBK_TO(RUN_RESULT)},
    [RUN_ANSWER] = {"answer", run_answer, DBK_TO(RUN_PAUSE) | DBK_TO(RUN_RESULT)},
    [RUN_PAUSE] = {"pause", run_pause, DBK_TO(RUN_POLL)},
    [RUN_POLL] = {"poll", run_poll, DBK_TO(RUN_ANSWER) | DBK_TO(RUN_PAUSE)},
    [RUN_RESULT] = {"result", run_result, 0},
};
static const dbk_machine run_machine = {"statement", run_states, 5, run_cancelled, run_destroy};

dbk_status dbk_run_new(dbk_exec *e, dbk_run_kind kind, const dbk_sea_statement_request *request,
                       uint64_t patience_ms, dbk_op **out, dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_lane *lane = dbk_runtime_control(e->session->runtime);
    run *r = dbk_alloc_zero(sizeof *r);
    if (r == NULL) {
        return dbk_error_oom(err, "an execution");
    }
    if (request != NULL) {
        st = dbk_sea_execute(e->session->sea, lane, request, &r->call, err);
    }
    if (st != DBK_OK) {
        dbk_free(r);
        return st;
    }
    dbk_op_init(&r->op, &run_machine, lane);
    r->op.session_id = e->session->id.ptr;
    r->kind = kind;
    r->patience_ms = patience_ms < PATIENCE_MAX_MS ? patience_ms : 0;
    r->op.deadline_ms = r->patience_ms == 0 ? 0 : r->patience_ms + PATIENCE_GRACE_MS;
    r->e = dbk_exec_ref(e);
    atomic_init(&r->hurry, false);
    atomic_init(&r->hurry_posted, false);
    *out = &r->op;
    return DBK_OK;
}

static void poll_now(dbk_task *task) {
    run *r = DBK_CONTAINER_OF(task, run, hurry_task);
    if (r->op.running && r->op.state == RUN_PAUSE && r->op.timer.lane != NULL) {
        poll_at_once(r);
    }
    dbk_op_unref(&r->op);
}

void dbk_run_hurry(dbk_op *op) {
    run *r = run_of(op);
    atomic_store(&r->hurry, true);
    if (!atomic_exchange(&r->hurry_posted, true)) {
        (void)dbk_op_ref(op);
        r->hurry_task.run = poll_now;
        dbk_lane_post(op->lane, &r->hurry_task);
    }
}
