#include "session/statement.h"

dbk_status dbk_exec_new(dbk_session *s, dbk_exec **out, dbk_error *err) {
    dbk_exec *e = dbk_alloc_zero(sizeof *e);
    if (e == NULL) {
        return dbk_error_oom(err, "an execution");
    }
    atomic_init(&e->refs, 1);
    atomic_init(&e->validity, DBK_EXEC_VALID);
    atomic_init(&e->state, DBK_SEA_PENDING);
    e->session = dbk_session_ref(s);
    e->begun_ms = dbk_lane_now_ms(dbk_runtime_control(s->runtime));
    e->modified_rows = -1;
    e->owned = true;
    e->facts.chunk_count = e->facts.total_rows = e->facts.total_bytes = -1;
    dbk_mutex_init(&e->lock);
    *out = e;
    return DBK_OK;
}

dbk_exec *dbk_exec_ref(dbk_exec *e) {
    (void)atomic_fetch_add_explicit(&e->refs, 1, memory_order_relaxed);
    return e;
}

void dbk_exec_unref(dbk_exec *e) {
    if (e == NULL || atomic_fetch_sub_explicit(&e->refs, 1, memory_order_acq_rel) != 1) {
        return;
    }
    dbk_exec_release_server(e);
    dbk_stream_unref(e->stream);
    dbk_sea_reply_reset(&e->reply);
    dbk_str_reset(&e->statement_id);
    dbk_mutex_destroy(&e->lock);
    dbk_exec_unref(e->origin);
    dbk_session_unref(e->session);
    dbk_free(e);
}

void dbk_exec_arm(dbk_exec *e, dbk_op *op) {
    dbk_mutex_lock(&e->lock);
    e->op = op;
    bool cancel = e->cancel_wanted;
    dbk_mutex_unlock(&e->lock);
    if (cancel) {
        dbk_op_cancel(op);
    }
}

/* Some servers tell the count only as a row (spec c-abi 2.7); it is looked at before anybody reads. */
static void settle_modified_rows(dbk_exec *e) {
    int64_t rows = -1;
    if (e->modified_rows < 0 && dbk_stream_peek_i64(e->stream, "num_affected_rows", &rows)) {
        e->modified_rows = rows;
    }
}

void dbk_exec_disarm(dbk_exec *e, dbk_op *takes_op) {
    dbk_mutex_lock(&e->lock);
    e->op = NULL;
    dbk_mutex_unlock(&e->lock);
    if (takes_op->status == DBK_OK && e->stream != NULL) {
        settle_modified_rows(e);
    }
    dbk_op_unref(takes_op);
}

dbk_status dbk_exec_run(dbk_exec *e, dbk_op *takes_op, dbk_error *err) {
    dbk_exec_arm(e, takes_op);
    dbk_status st = dbk_op_run(takes_op, err);
    dbk_exec_disarm(e, takes_op);
    return st;
}

void dbk_exec_release_server(dbk_exec *e) {
    if (!dbk_runtime_alive(e->session->runtime)) {
        return;
    }
    if (e->stream != NULL) {
        dbk_stream_close(e->stream);
    }
    dbk_mutex_lock(&e->lock);
    bool close = e->close_needed;
    e->close_needed = false;
    dbk_mutex_unlock(&e->lock);
    if (close) {
        dbk_session_close_detached(e->session, dbk_str_slice(&e->statement_id));
    }
}

void dbk_exec_retire(dbk_exec *e, dbk_exec_validity validity) {
    int valid = DBK_EXEC_VALID;
    (void)atomic_compare_exchange_strong(&e->validity, &valid, (int)validity);
    if (atomic_load(&e->lent)) {
        return; /* whoever has the stream ends it, and holds e */
    }
    if (!e->submitted) {
        dbk_exec_release_server(e);
    } else if (e->stream != NULL) { /* may be read again: closed with the last handle */
        dbk_stream_close(e->stream);
    }
}

void dbk_exec_close(dbk_exec *e) {
    dbk_exec_retire(e, DBK_EXEC_CLOSED);
}

void dbk_exec_lend_stream(dbk_exec *e) {
    atomic_store(&e->lent, true);
}

dbk_exec_validity dbk_exec_check(const dbk_exec *e) {
    return (dbk_exec_validity)atomic_load(&e->validity);
}

bool dbk_exec_alive(const dbk_exec *e) {
    return dbk_runtime_alive(e->session->runtime);
}

dbk_stream *dbk_exec_stream(dbk_exec *e) {
    return e->stream;
}

const char *dbk_exec_query_id(const dbk_exec *e) {
    return e->statement_id.ptr;
}

int64_t dbk_exec_modified_rows(const dbk_exec *e) {
    return e->modified_rows;
}

void dbk_exec_get_facts(const dbk_exec *e, dbk_exec_facts *out) {
    *out = e->facts;
    out->retry_count = atomic_load(&e->retries);
}

/* ---- submitted statements ---- */

static dbk_status run_kind(dbk_exec *e, dbk_run_kind kind, uint64_t patience_ms, dbk_error *err) {
    dbk_op *op = NULL;
    dbk_status st = dbk_run_new(e, kind, NULL, patience_ms, &op, err);
    return st == DBK_OK ? dbk_exec_run(e, op, err) : st;
}

static dbk_status look_afresh(dbk_session *s, dbk_slice statement_id, dbk_exec *origin,
                              dbk_exec **out, dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_exec *e = NULL;
    DBK_TRY(dbk_exec_new(s, &e, err));
    e->owned = false;
    e->origin = origin != NULL ? dbk_exec_ref(origin) : NULL;
    DBK_TRY(dbk_str_set(&e->statement_id, statement_id, err));
    DBK_TRY(run_kind(e, DBK_RUN_LOOK, 0, err));
    *out = e;
    e = NULL;
done:
    dbk_exec_unref(e);
    return st;
}

dbk_status dbk_exec_attach(dbk_session *s, dbk_slice statement_id, dbk_exec **out, dbk_error *err) {
    if (statement_id.len == 0) {
        return dbk_error_set(err, DBK_INVALID_ARGUMENT, "statement id must not be empty");
    }
    return look_afresh(s, statement_id, NULL, out, err);
}

dbk_status dbk_exec_attach_again(dbk_exec *e, dbk_exec **out, dbk_error *err) {
    return look_afresh(e->session, dbk_str_slice(&e->statement_id), e, out, err);
}

dbk_sea_state dbk_exec_state(const dbk_exec *e) {
    return (dbk_sea_state)atomic_load(&e->state);
}

dbk_status dbk_exec_look(dbk_exec *e, dbk_error *err) {
    return dbk_sea_state_is_final(dbk_exec_state(e)) ? DBK_OK : run_kind(e, DBK_RUN_LOOK, 0, err);
}

dbk_status dbk_exec_await(dbk_exec *e, uint64_t patience_ms, bool *finished, dbk_error *err) {
    dbk_status st = DBK_OK;
    if (e->stream == NULL) {
        e->impatient = false;
        st = run_kind(e, DBK_RUN_AWAIT, patience_ms, err);
    }
    if (st == DBK_TIMEOUT && e->impatient) {
        dbk_error_reset(err);
        st = DBK_OK;
    }
    *finished = e->stream != NULL;
    return st;
}

dbk_status dbk_exec_end(dbk_exec *e, dbk_error *err) {
    dbk_sea_call *call = NULL;
    dbk_mutex_lock(&e->lock);
    e->close_needed = false;
    dbk_mutex_unlock(&e->lock);
    dbk_status st = dbk_sea_close(e->session->sea, dbk_runtime_control(e->session->runtime),
                                  dbk_str_slice(&e->statement_id), &call, err);
    if (st == DBK_OK) {
        st = dbk_op_run(dbk_sea_call_op(call), err);
        dbk_op_unref(dbk_sea_call_op(call));
    }
    return st;
}

/* ---- cancelling ---- */

dbk_status dbk_exec_cancel(dbk_exec *e, bool *dispatched, dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_sea_call *call = NULL;
    dbk_mutex_lock(&e->lock);
    bool known = e->statement_id.ptr != NULL;
    e->cancel_wanted = e->cancel_wanted || !known;
    dbk_op *run = e->op != NULL ? dbk_op_ref(e->op) : NULL;
    dbk_mutex_unlock(&e->lock);
    if (!known) {
        if (run != NULL) {
            dbk_op_cancel(run); /* the answer under way is waited for in the background */
        }
        goto done;
    }
    DBK_TRY(dbk_sea_cancel(e->session->sea, dbk_runtime_control(e->session->runtime),
                           dbk_str_slice(&e->statement_id), &call, err));
    *dispatched = true;
    DBK_TRY(dbk_op_run(dbk_sea_call_op(call), err));
    if (run != NULL) {
        dbk_run_hurry(run);
    }
done:
    if (call != NULL) {
        dbk_op_unref(dbk_sea_call_op(call));
    }
    dbk_op_unref(run);
    return st;
}
