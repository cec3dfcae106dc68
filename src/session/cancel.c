/* Telling the server to cancel a statement, and the operation that waits for it to hear. */
#include "session/statement.h"

typedef struct cancelling {
    dbk_op op;          /* first: the machine's functions cast */
    dbk_exec *e;        /* counted */
    dbk_sea_call *call; /* counted */
    uint64_t begun_ns;
} cancelling;

enum { CANCEL_SEND, CANCEL_TOLD };

static cancelling *cancelling_of(dbk_op *op) {
    return DBK_CONTAINER_OF(op, cancelling, op);
}

/* The operation that runs on e, counted; NULL: none. */
static dbk_op *running_op(dbk_exec *e) {
    dbk_mutex_lock(&e->lock);
    dbk_op *run = e->op != NULL ? dbk_op_ref(e->op) : NULL;
    dbk_mutex_unlock(&e->lock);
    return run;
}

static dbk_step cancel_send(dbk_op *op) {
    cancelling_of(op)->begun_ns = dbk_session_now_ns(cancelling_of(op)->e->session);
    return dbk_op_try_op(op, dbk_sea_call_op(cancelling_of(op)->call), CANCEL_TOLD);
}

/* Whoever waits for the statement looks at once. */
static dbk_step cancel_told(dbk_op *op) {
    cancelling *c = cancelling_of(op);
    dbk_op *call_op = dbk_sea_call_op(c->call);
    dbk_exec_tell_cancel(c->e, c->begun_ns, call_op);
    if (call_op->status != DBK_OK) {
        dbk_error_move(&op->err, &call_op->err);
        return dbk_op_finish(op, call_op->status);
    }
    dbk_op *run = running_op(c->e);
    if (run != NULL) {
        dbk_run_hurry(run);
        dbk_op_unref(run);
    }
    return dbk_op_finish(op, DBK_OK);
}

static void cancel_destroy(dbk_op *op) {
    cancelling *c = cancelling_of(op);
    dbk_op_unref(dbk_sea_call_op(c->call));
    dbk_exec_unref(c->e);
    dbk_free(c);
}

static const dbk_state cancel_states[] = {
    [CANCEL_SEND] = {"send", cancel_send, DBK_TO(CANCEL_TOLD)},
    [CANCEL_TOLD] = {"told", cancel_told, 0},
};
static const dbk_machine cancel_machine = {"cancel", cancel_states, 2, NULL, cancel_destroy};

static dbk_status new_cancel(dbk_exec *e, dbk_op **out, dbk_error *err) {
    dbk_lane *lane = dbk_runtime_control(e->session->runtime);
    cancelling *c = dbk_alloc_zero(sizeof *c);
    if (c == NULL) {
        return dbk_error_oom(err, "cancelling a statement");
    }
    dbk_status st =
        dbk_sea_cancel(e->session->sea, lane, dbk_str_slice(&e->statement_id), &c->call, err);
    if (st != DBK_OK) {
        dbk_free(c);
        return st;
    }
    dbk_op_init(&c->op, &cancel_machine, lane);
    c->op.session_id = e->session->id.ptr;
    c->e = dbk_exec_ref(e);
    *out = &c->op;
    return DBK_OK;
}

/* Latches the wish when the id is not known yet: the answer under way is waited for in the background. */
static bool latch(dbk_exec *e) {
    dbk_mutex_lock(&e->lock);
    bool known = e->statement_id.ptr != NULL;
    e->cancel_wanted = e->cancel_wanted || !known;
    dbk_op *run = !known && e->op != NULL ? dbk_op_ref(e->op) : NULL;
    dbk_mutex_unlock(&e->lock);
    if (run != NULL) {
        dbk_op_cancel(run);
        dbk_op_unref(run);
    }
    return !known;
}

dbk_status dbk_exec_cancel_begin(dbk_exec *e, dbk_op **op, dbk_error *err) {
    *op = NULL;
    return latch(e) ? DBK_OK : new_cancel(e, op, err);
}

/* ---- for whoever is not on the thread of an embedded lane ---- */

typedef struct posted_cancel {
    dbk_task task;
    dbk_exec *e; /* counted; given back on the lane, where it may be the last */
    bool tell;   /* the server knows the statement */
} posted_cancel;

static void cancel_over(dbk_op *op, void *ctx) {
    (void)ctx;
    dbk_op_unref(op);
    dbk_background_end();
}

static void cancel_on_lane(dbk_task *task) {
    posted_cancel *p = DBK_CONTAINER_OF(task, posted_cancel, task);
    dbk_error err = {0};
    dbk_op *op = NULL;
    if (p->tell && dbk_exec_cancel_begin(p->e, &op, &err) == DBK_OK && op != NULL) {
        dbk_background_begin();
        dbk_op_start(op, cancel_over, NULL);
    }
    dbk_error_reset(&err);
    dbk_exec_unref(p->e);
    dbk_free(p);
}

/* Nobody but the lane's own thread may run it: that thread hears of the wish when it comes by. */
static dbk_status post_cancel(dbk_exec *takes_e, bool *dispatched, dbk_error *err) {
    posted_cancel *p = dbk_alloc_zero(sizeof *p);
    if (p == NULL) {
        dbk_exec_unref(takes_e);
        return dbk_error_oom(err, "cancelling a statement");
    }
    p->e = takes_e;
    p->task.run = cancel_on_lane;
    *dispatched = p->tell = !latch(takes_e);
    dbk_lane_post(dbk_runtime_control(takes_e->session->runtime), &p->task);
    return DBK_OK;
}

dbk_status dbk_exec_cancel(dbk_exec *takes_e, bool *dispatched, dbk_error *err) {
    dbk_op *op = NULL;
    if (dbk_lane_is_embedded(dbk_runtime_control(takes_e->session->runtime))) {
        return post_cancel(takes_e, dispatched, err);
    }
    dbk_status st = dbk_exec_cancel_begin(takes_e, &op, err);
    if (op != NULL) {
        *dispatched = true;
        st = dbk_op_run(op, err);
        dbk_op_unref(op);
    }
    dbk_exec_unref(takes_e);
    return st;
}
