/* Closing a session: a process often ends right after it, so what is under way for it is waited for,
 * within bounds. */
#include "session/internal.h"

/* A server holds the answer to execute for 10 s at most when not told otherwise. */
#define ABANDONED_LIMIT_MS 12000u
#define DELETE_LIMIT_MS    30000u
#define DETACHED_LIMIT_MS  5000u

typedef struct closing {
    dbk_op op;          /* first: the machine's functions cast */
    dbk_session *s;     /* counted */
    dbk_sea_call *call; /* counted */
    dbk_timer limit;    /* of the waits for others */
    bool late;
    uint64_t begun_ns; /* of the request */
    bool flushing;     /* events leave */
} closing;

enum { CLOSE_SETTLE, CLOSE_DELETE, CLOSE_DELETED, CLOSE_DRAIN, CLOSE_FLUSH };

static closing *closing_of(dbk_op *op) {
    return DBK_CONTAINER_OF(op, closing, op);
}

static void limit_passed(dbk_timer *timer) {
    closing *c = DBK_CONTAINER_OF(timer, closing, limit);
    c->late = true;
    dbk_op_wake(&c->op);
}

/* Parks in `state` while something is counted, for limit_ms at most. */
static bool must_wait(closing *c, const size_t *counter, uint64_t limit_ms) {
    if (c->late || dbk_session_count(c->s, counter) == 0) {
        dbk_timer_stop(&c->limit);
        c->late = false;
        return false;
    }
    /* Without memory for a timer nothing is waited for. */
    return c->limit.lane != NULL || dbk_timer_start(c->op.lane, &c->limit, limit_ms, limit_passed);
}

/* Statements whose answer a cancel left behind: they end before their session does. */
static dbk_step close_settle(dbk_op *op) {
    closing *c = closing_of(op);
    c->s->closer = op;
    if (c->limit.lane == NULL) { /* once */
        dbk_session_tell_open(c->s);
    }
    return must_wait(c, &c->s->abandoned, ABANDONED_LIMIT_MS) ? dbk_op_wait_wake(op, CLOSE_SETTLE)
                                                              : dbk_op_goto(op, CLOSE_DELETE);
}

static dbk_step close_delete(dbk_op *op) {
    closing_of(op)->begun_ns = dbk_session_now_ns(closing_of(op)->s);
    return dbk_op_try_op(op, dbk_sea_call_op(closing_of(op)->call), CLOSE_DELETED);
}

/* The server's refusal is only logged: the session is gone for us. */
static dbk_step close_deleted(dbk_op *op) {
    const dbk_op *call_op = dbk_sea_call_op(closing_of(op)->call);
    if (call_op->status != DBK_OK) {
        DBK_LOG(DEBUG, op->session_id, "closing the session: %s", dbk_error_message(&call_op->err));
    }
    dbk_session_tell(closing_of(op)->s, DBK_TELEMETRY_DELETE_SESSION, closing_of(op)->begun_ns,
                     call_op);
    return dbk_op_goto(op, CLOSE_DRAIN);
}

static void flushed(void *ctx) {
    closing *c = ctx;
    c->flushing = false;
    dbk_op_wake(&c->op);
}

static dbk_step close_drain(dbk_op *op) {
    closing *c = closing_of(op);
    if (must_wait(c, &c->s->detached, DETACHED_LIMIT_MS)) {
        return dbk_op_wait_wake(op, CLOSE_DRAIN);
    }
    c->s->closer = NULL;
    if (c->s->telemetry != NULL) {
        c->flushing = dbk_telemetry_flush(c->s->telemetry, flushed, c);
    }
    return dbk_op_goto(op, CLOSE_FLUSH);
}

static dbk_step close_flush(dbk_op *op) {
    closing *c = closing_of(op);
    bool timed = c->limit.lane != NULL;
    if (c->flushing && !c->late &&
        (timed || dbk_timer_start(op->lane, &c->limit, c->s->flush_ms, limit_passed))) {
        return dbk_op_wait_wake(op, CLOSE_FLUSH);
    }
    dbk_timer_stop(&c->limit);
    if (c->s->telemetry != NULL) {
        dbk_telemetry_leave(c->s->telemetry);
    }
    return dbk_op_finish(op, DBK_OK);
}

static void detached_delete(dbk_op *call_op, void *ctx) {
    dbk_session_unref(ctx);
    dbk_op_unref(call_op);
    dbk_background_end();
}

/* Whoever gives up waiting still wants it closed. */
static void close_cancelled(dbk_op *op) {
    closing *c = closing_of(op);
    dbk_timer_stop(&c->limit);
    c->s->closer = NULL;
    if (c->s->telemetry != NULL) {
        dbk_telemetry_leave(c->s->telemetry);
    }
    if (op->state <= CLOSE_DELETE && op->child == NULL) { /* not sent yet */
        dbk_session_send_detached(c->s, c->call);
        c->call = NULL;
    } else if (op->child != NULL) {
        dbk_background_begin();
        (void)dbk_op_detach_child(op, detached_delete, dbk_session_ref(c->s));
    }
}

static void close_destroy(dbk_op *op) {
    closing *c = closing_of(op);
    if (c->call != NULL) {
        dbk_op_unref(dbk_sea_call_op(c->call));
    }
    dbk_session_unref(c->s);
    dbk_free(c);
}

static const dbk_state close_states[] = {
    [CLOSE_SETTLE] = {"settle", close_settle, DBK_TO(CLOSE_SETTLE) | DBK_TO(CLOSE_DELETE)},
    [CLOSE_DELETE] = {"delete", close_delete, DBK_TO(CLOSE_DELETED)},
    [CLOSE_DELETED] = {"deleted", close_deleted, DBK_TO(CLOSE_DRAIN)},
    [CLOSE_DRAIN] = {"drain", close_drain, DBK_TO(CLOSE_DRAIN) | DBK_TO(CLOSE_FLUSH)},
    [CLOSE_FLUSH] = {"flush", close_flush, DBK_TO(CLOSE_FLUSH)},
};
static const dbk_machine close_machine = {"session close", close_states, 5, close_cancelled,
                                          close_destroy};

static dbk_sea_call *delete_call(dbk_session *s) { /* NULL: no memory */
    dbk_error err = {0};
    dbk_sea_call *call = NULL;
    (void)!dbk_sea_delete_session(s->sea, dbk_runtime_control(s->runtime), dbk_str_slice(&s->id),
                                  &call, &err);
    dbk_error_reset(&err);
    return call;
}

dbk_status dbk_session_close_begin(dbk_session *s, dbk_op **op, dbk_error *err) {
    *op = NULL;
    if (!atomic_exchange(&s->open, false) || !dbk_runtime_alive(s->runtime)) {
        return DBK_OK;
    }
    closing *c = dbk_alloc_zero(sizeof *c);
    dbk_sea_call *call = c != NULL ? delete_call(s) : NULL;
    if (call == NULL) {
        dbk_free(c);
        return dbk_error_oom(err, "closing a session");
    }
    dbk_op_init(&c->op, &close_machine, dbk_runtime_control(s->runtime));
    dbk_sea_call_op(call)->deadline_ms = DELETE_LIMIT_MS;
    c->op.session_id = s->id.ptr;
    c->call = call;
    c->s = dbk_session_ref(s);
    *op = &c->op;
    return DBK_OK;
}

static void closed_later(dbk_op *op, void *ctx) {
    (void)ctx;
    dbk_op_unref(op);
    dbk_background_end();
}

static void close_later(dbk_op *op) {
    dbk_background_begin();
    dbk_op_start(op, closed_later, NULL);
}

bool dbk_session_close_dropped(dbk_session *s) {
    dbk_error err = {0};
    dbk_op *op = NULL;
    if (dbk_session_close_begin(s, &op, &err) == DBK_OK && op != NULL) {
        close_later(op);
    }
    dbk_error_reset(&err);
    return op != NULL;
}

dbk_status dbk_session_close_within(dbk_session *s, uint64_t limit_ms, dbk_error *err) {
    dbk_op *op = NULL;
    dbk_status st = dbk_session_close_begin(s, &op, err);
    if (st == DBK_OK && op != NULL && dbk_lane_on_any()) { /* nobody may wait on a lane */
        close_later(op);
    } else if (st == DBK_OK && op != NULL) {
        op->deadline_ms = limit_ms;
        st = dbk_op_run(op, err);
        dbk_op_unref(op);
    }
    return st;
}

void dbk_session_close(dbk_session *s) {
    dbk_error err = {0};
    if (dbk_session_close_within(s, 0, &err) != DBK_OK) {
        DBK_LOG(DEBUG, s->id.ptr, "closing the session: %s", dbk_error_message(&err));
    }
    dbk_error_reset(&err);
}
