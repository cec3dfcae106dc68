/* One statement from "send it" to a result stream: the machine behind execute. */
#include "session/internal.h"

/* Waits between polls: a tenth of the time gone by, so that short statements are seen at once and
 * long ones cost few requests. The peer waits 500 ms always. */
#define POLL_MIN_MS 10u
#define POLL_MAX_MS 2000u
/* After an accepted cancel the server gets this long to say so. */
#define CANCEL_GRACE_MS 5000u

typedef struct run {
    dbk_op op;          /* first: the machine's functions cast */
    dbk_exec *e;        /* counted */
    dbk_sea_call *call; /* the last request; counted */
    bool may_have_executed;
    uint64_t cancel_seen_ms; /* an accepted cancel was noticed, 0: none */
    atomic_bool hurry;
    atomic_bool hurry_posted;
    dbk_task hurry_task;
} run;

enum { RUN_SEND, RUN_ANSWER, RUN_PAUSE, RUN_POLL };

static run *run_of(dbk_op *op) {
    return DBK_CONTAINER_OF(op, run, op);
}

static void set_call(run *r, dbk_sea_call *takes_call) {
    if (r->call != NULL) {
        dbk_op_unref(dbk_sea_call_op(r->call));
    }
    r->call = takes_call;
}

static dbk_step run_send(dbk_op *op) {
    return dbk_op_wait_op(op, dbk_sea_call_op(run_of(op)->call), RUN_ANSWER);
}

/* The id is what everything later is about: cancelling, closing, support tickets. */
static dbk_status note_id(run *r, dbk_sea_reply *reply, dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_exec *e = r->e;
    dbk_mutex_lock(&e->lock);
    if (e->statement_id.ptr == NULL) {
        st = dbk_str_set(&e->statement_id, dbk_str_slice(&reply->statement_id), err);
        e->close_needed = st == DBK_OK;
    }
    dbk_mutex_unlock(&e->lock);
    atomic_store(&e->state, (int)reply->state);
    (void)atomic_fetch_add(&e->retries, dbk_sea_call_retries(r->call));
    return st;
}

static void note_facts(dbk_exec *e, const dbk_sea_reply *reply) {
    const dbk_sea_manifest *m = &reply->manifest;
    e->modified_rows = reply->modified_rows;
    e->facts.truncated = m->truncated;
    e->facts.has_result_set = m->columns_len > 0;
    e->facts.external_links = reply->data.link_count > 0;
    e->facts.volume_operation = m->volume_operation;
    if (m->present) {
        e->facts.chunk_count = m->total_chunk_count;
        e->facts.total_rows = m->total_row_count;
        e->facts.total_bytes = m->total_byte_count;
    }
}

static dbk_step run_succeeded(run *r, dbk_sea_reply *reply) {
    dbk_exec *e = r->e;
    note_facts(e, reply);
    if (reply->state == DBK_SEA_CLOSED) {
        dbk_mutex_lock(&e->lock);
        e->close_needed = false; /* the server forgot it already */
        dbk_mutex_unlock(&e->lock);
    }
    dbk_stream_source source = {
        .runtime = e->session->runtime,
        .sea = e->session->sea,
        .session_id = e->session->id.ptr,
        .statement_id = dbk_str_slice(&e->statement_id),
        .manifest = &reply->manifest,
        .data = &reply->data,
        .server_unix_s = reply->server_unix_s,
    };
    dbk_status st = dbk_stream_open(&source, &e->session->stream, &e->stream, &r->op.err);
    if (st != DBK_OK) {
        dbk_error_set_query_id(&r->op.err, e->statement_id.ptr);
    }
    return dbk_op_finish(&r->op, st);
}

static dbk_step run_answer(dbk_op *op) {
    run *r = run_of(op);
    dbk_sea_reply *reply = dbk_sea_call_reply(r->call);
    dbk_status st = note_id(r, reply, &op->err);
    if (st != DBK_OK) {
        return dbk_op_finish(op, st);
    }
    DBK_LOG(DEBUG, op->session_id, "statement %s is %s", dbk_str_or(&r->e->statement_id, "?"),
            dbk_sea_state_name(reply->state));
    switch (reply->state) {
    case DBK_SEA_PENDING:
    case DBK_SEA_RUNNING:
        return dbk_op_goto(op, RUN_PAUSE);
    case DBK_SEA_SUCCEEDED:
    case DBK_SEA_CLOSED:
        return run_succeeded(r, reply);
    case DBK_SEA_FAILED:
    case DBK_SEA_CANCELED:
        break;
    }
    return dbk_op_finish(op, dbk_sea_statement_error(reply, &op->err));
}

static dbk_step run_pause(dbk_op *op) {
    run *r = run_of(op);
    uint64_t now = dbk_lane_now_ms(op->lane);
    uint64_t wait = dbk_min_u64(dbk_max_u64((now - r->e->begun_ms) / 10, POLL_MIN_MS), POLL_MAX_MS);
    if (atomic_load(&r->hurry)) {
        r->cancel_seen_ms = r->cancel_seen_ms != 0 ? r->cancel_seen_ms : now;
        wait = POLL_MIN_MS;
        if (now - r->cancel_seen_ms > CANCEL_GRACE_MS) {
            (void)dbk_error_set(
                &op->err, DBK_CANCELLED,
                "the server accepted the cancel but the statement goes on: given up");
            dbk_error_set_query_id(&op->err, r->e->statement_id.ptr);
            op->err.may_have_executed = true;
            return dbk_op_finish(op, DBK_CANCELLED);
        }
    }
    return dbk_op_wait_ms(op, wait, RUN_POLL);
}

static dbk_step run_poll(dbk_op *op) {
    run *r = run_of(op);
    dbk_sea_call *call = NULL;
    dbk_status st = dbk_sea_get(r->e->session->sea, op->lane, dbk_str_slice(&r->e->statement_id),
                                &call, &op->err);
    if (st != DBK_OK) {
        return dbk_op_finish(op, st);
    }
    set_call(r, call);
    return dbk_op_wait_op(op, dbk_sea_call_op(call), RUN_ANSWER);
}

/* ---- cancelled before its end ---- */

/* The answer to an abandoned execute: cancel and close what the server has begun. */
static void abandoned_answer(dbk_op *call_op, void *ctx) {
    dbk_exec *e = ctx;
    dbk_mutex_lock(&e->lock);
    dbk_sea_call *call = e->abandoned;
    e->abandoned = NULL;
    dbk_mutex_unlock(&e->lock);
    if (call_op->status == DBK_OK) {
        const dbk_sea_reply *reply = dbk_sea_call_reply(call);
        dbk_slice id = dbk_str_slice(&reply->statement_id);
        if (!dbk_sea_state_is_final(reply->state)) {
            dbk_session_cancel_detached(e->session, id);
        }
        if (reply->state != DBK_SEA_CLOSED) {
            dbk_session_close_detached(e->session, id);
        }
    }
    dbk_op_unref(call_op);
    dbk_exec_unref(e);
}

static void run_cancelled(dbk_op *op) {
    run *r = run_of(op);
    dbk_exec *e = r->e;
    dbk_error_set_query_id(&op->err, e->statement_id.ptr);
    if (e->statement_id.ptr != NULL) {
        dbk_session_cancel_detached(e->session, dbk_str_slice(&e->statement_id));
        return;
    }
    op->err.may_have_executed = true;
    dbk_mutex_lock(&e->lock);
    e->abandoned = r->call; /* this reference goes with it */
    dbk_mutex_unlock(&e->lock);
    dbk_op *sent = dbk_op_detach_child(op, abandoned_answer, e);
    if (sent != NULL) {
        (void)dbk_exec_ref(e);
    } else {
        dbk_mutex_lock(&e->lock);
        e->abandoned = NULL;
        dbk_mutex_unlock(&e->lock);
    }
}

static void run_destroy(dbk_op *op) {
    run *r = run_of(op);
    set_call(r, NULL);
    dbk_exec_unref(r->e);
    dbk_free(r);
}

static const dbk_state run_states[] = {
    [RUN_SEND] = {"send", run_send, DBK_TO(RUN_ANSWER)},
    [RUN_ANSWER] = {"answer", run_answer, DBK_TO(RUN_PAUSE)},
    [RUN_PAUSE] = {"pause", run_pause, DBK_TO(RUN_POLL)},
    [RUN_POLL] = {"poll", run_poll, DBK_TO(RUN_ANSWER)},
};
static const dbk_machine run_machine = {"statement", run_states, 4, run_cancelled, run_destroy};

dbk_status dbk_run_new(dbk_exec *e, const dbk_sea_statement_request *request, dbk_op **out,
                       dbk_error *err) {
    run *r = dbk_alloc_zero(sizeof *r);
    if (r == NULL) {
        return dbk_error_oom(err, "an execution");
    }
    dbk_lane *lane = dbk_runtime_control(e->session->runtime);
    dbk_status st = dbk_sea_execute(e->session->sea, lane, request, &r->call, err);
    if (st != DBK_OK) {
        dbk_free(r);
        return st;
    }
    dbk_op_init(&r->op, &run_machine, lane);
    r->op.session_id = e->session->id.ptr;
    r->e = dbk_exec_ref(e);
    atomic_init(&r->hurry, false);
    atomic_init(&r->hurry_posted, false);
    *out = &r->op;
    return DBK_OK;
}

static void poll_now(dbk_task *task) {
    run *r = DBK_CONTAINER_OF(task, run, hurry_task);
    if (r->op.running && r->op.state == RUN_PAUSE && r->op.timer.lane != NULL) {
        void (*fire)(dbk_timer *) = r->op.timer.fire;
        dbk_timer_stop(&r->op.timer);
        fire(&r->op.timer);
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
