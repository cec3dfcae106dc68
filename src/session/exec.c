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
    e->begun_ns = dbk_session_now_ns(s);
    e->modified_rows = -1;
    atomic_init(&e->owned, true);
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
    dbk_exec_end_telling(e);
    dbk_exec_release_server(e);
    dbk_exec_follow_stream(e, false);
    if (e->stream != NULL) {
        dbk_stream_on_end(e->stream, NULL, NULL);
    }
    dbk_teller_unref(e->teller);
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
        dbk_mutex_lock(&e->lock);
        e->modified_rows = rows;
        dbk_mutex_unlock(&e->lock);
    }
}

void dbk_exec_disarm(dbk_exec *e, dbk_op *takes_op) {
    dbk_mutex_lock(&e->lock);
    e->op = NULL;
    dbk_mutex_unlock(&e->lock);
    if (takes_op->status == DBK_OK && e->stream != NULL) {
        settle_modified_rows(e);
    }
    dbk_exec_note(e, takes_op);
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
        dbk_exec_tell(e);
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

void dbk_exec_get_remarks(const dbk_exec *e, dbk_exec_remarks *out) {
    out->display_message = e->reply.display_message.ptr;
    out->diagnostic_info = e->reply.diagnostic_info.ptr;
    out->details_json = e->reply.details_json.ptr;
    out->modified_rows = e->stream != NULL ? e->modified_rows : e->reply.modified_rows;
}

void dbk_exec_get_facts(const dbk_exec *e, dbk_exec_facts *out) {
    *out = e->facts;
    out->retry_count = atomic_load(&e->retries);
}

/* ---- submitted statements ---- */

dbk_session *dbk_exec_session(const dbk_exec *e) {
    return e->session;
}

bool dbk_exec_copy_id(dbk_exec *e, char *out, size_t size) {
    dbk_mutex_lock(&e->lock);
    bool known = e->statement_id.ptr != NULL && e->statement_id.len < size;
    if (known) {
        memcpy(out, e->statement_id.ptr, e->statement_id.len + 1);
    }
    dbk_mutex_unlock(&e->lock);
    return known;
}

dbk_status dbk_exec_begin(dbk_exec *e, dbk_run_kind kind, dbk_op **op, dbk_error *err) {
    bool finished =
        kind == DBK_RUN_LOOK ? dbk_sea_state_is_final(dbk_exec_state(e)) : e->stream != NULL;
    *op = NULL;
    if (finished) {
        return DBK_OK;
    }
    dbk_status st = dbk_run_new(e, kind, NULL, 0, op, err);
    if (st == DBK_OK) {
        dbk_exec_arm(e, *op);
    }
    return st;
}

void dbk_exec_finish(dbk_exec *e, dbk_op *takes_op) {
    dbk_exec_disarm(e, takes_op);
}

static dbk_status run_kind(dbk_exec *e, dbk_run_kind kind, uint64_t patience_ms, dbk_error *err) {
    dbk_op *op = NULL;
    dbk_status st = dbk_run_new(e, kind, NULL, patience_ms, &op, err);
    return st == DBK_OK ? dbk_exec_run(e, op, err) : st;
}

dbk_status dbk_exec_named(dbk_session *s, dbk_slice statement_id, dbk_exec *origin, dbk_exec **out,
                          dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_exec *e = NULL;
    if (statement_id.len == 0) {
        return dbk_error_set(err, DBK_INVALID_ARGUMENT, "statement id must not be empty");
    }
    DBK_TRY(dbk_exec_new(s, &e, err));
    e->owned = false;
    e->attached = true;
    e->origin = origin != NULL ? dbk_exec_ref(origin) : NULL;
    e->wants_rows = origin != NULL && origin->wants_rows;
    DBK_TRY(dbk_str_set(&e->statement_id, statement_id, err));
    *out = e;
    e = NULL;
done:
    dbk_exec_unref(e);
    return st;
}

static dbk_status look_afresh(dbk_session *s, dbk_slice statement_id, dbk_exec *origin,
                              dbk_exec **out, dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_exec *e = NULL;
    DBK_TRY(dbk_exec_named(s, statement_id, origin, &e, err));
    DBK_TRY(run_kind(e, DBK_RUN_LOOK, 0, err));
    *out = e;
    e = NULL;
done:
    dbk_exec_unref(e);
    return st;
}

dbk_status dbk_exec_attach(dbk_session *s, dbk_slice statement_id, dbk_exec **out, dbk_error *err) {
    return look_afresh(s, statement_id, NULL, out, err);
}

dbk_status dbk_exec_attach_again(dbk_exec *e, dbk_exec **out, dbk_error *err) {
    return look_afresh(e->session, dbk_str_slice(&e->statement_id), e, out, err);
}

void dbk_exec_select(dbk_exec *e, int64_t first_chunk, int64_t chunk_count) {
    e->partial = true;
    e->first_chunk = first_chunk;
    e->chunk_count = chunk_count;
}

void dbk_exec_keep(dbk_exec *e) {
    dbk_mutex_lock(&e->lock);
    e->owned = false;
    e->close_needed = false;
    dbk_mutex_unlock(&e->lock);
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

dbk_status dbk_exec_end_begin(dbk_exec *e, dbk_op **op, dbk_error *err) {
    dbk_sea_call *call = NULL;
    dbk_mutex_lock(&e->lock);
    e->close_needed = false;
    dbk_mutex_unlock(&e->lock);
    dbk_status st = dbk_sea_close(e->session->sea, dbk_runtime_control(e->session->runtime),
                                  dbk_str_slice(&e->statement_id), &call, err);
    if (st == DBK_OK) {
        *op = dbk_sea_call_op(call);
    }
    return st;
}

dbk_status dbk_exec_end(dbk_exec *e, dbk_error *err) {
    dbk_op *op = NULL;
    dbk_status st = dbk_exec_end_begin(e, &op, err);
    if (st == DBK_OK) {
        st = dbk_op_run(op, err);
        dbk_op_unref(op);
    }
    return st;
}
