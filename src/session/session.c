#include "session/internal.h"

#define DETACHED_LIMIT_MS 30000u
#define CLOSE_LIMIT_MS    30000u
/* A server holds the answer to execute for 10 s at most when not told otherwise. */
#define ABANDONED_LIMIT_MS 12000u
#define DETACHED_CLOSE_MS  5000u

/* Sessions that hold memory of the process-wide pool warm. */
static atomic_size_t live_sessions;

dbk_status dbk_session_new(const dbk_config *config, dbk_runtime *runtime, dbk_session **out,
                           dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_session *s = dbk_alloc_zero(sizeof *s);
    if (s == NULL) {
        return dbk_error_oom(err, "a session");
    }
    atomic_init(&s->refs, 1);
    (void)atomic_fetch_add(&live_sessions, 1);
    dbk_mutex_init(&s->lock);
    dbk_cond_init(&s->idle);
    atomic_init(&s->open, false);
    atomic_init(&s->autocommit, true);
    s->honour_transactions = config->honour_transactions;
    s->inline_only = config->cloudfetch_disabled;
    s->stream = (dbk_stream_options){.convert = config->convert,
                                     .max_chunks = (size_t)config->max_chunks,
                                     .link_window = (size_t)config->link_window};
    DBK_TRY(dbk_config_client(config, &s->sea, err));
    if (runtime != NULL) {
        s->runtime = dbk_runtime_ref(runtime);
    } else {
        DBK_TRY(dbk_runtime_acquire(&s->runtime, err));
    }
    *out = s;
    s = NULL;
done:
    dbk_session_unref(s);
    return st;
}

/* ---- requests nobody waits for ---- */

bool dbk_session_in_flight(dbk_sea_call *call) {
    const dbk_op *op = dbk_sea_call_op(call);
    return op->running && op->http != NULL && op->child == NULL && op->timer.lane == NULL;
}

static void change(dbk_session *s, size_t *counter, bool up) {
    dbk_mutex_lock(&s->lock);
    *counter += up ? 1 : (size_t)-1;
    dbk_cond_broadcast(&s->idle);
    dbk_mutex_unlock(&s->lock);
}

void dbk_session_abandoned_begin(dbk_session *s) {
    change(s, &s->abandoned, true);
}

void dbk_session_abandoned_end(dbk_session *s) {
    change(s, &s->abandoned, false);
}

static void detached_done(dbk_op *op, void *ctx) {
    dbk_session *s = ctx;
    change(s, &s->detached, false);
    dbk_op_unref(op);
    dbk_session_unref(s);
}

void dbk_session_send_detached(dbk_session *s, dbk_sea_call *takes_call) {
    dbk_op *op = dbk_sea_call_op(takes_call);
    op->deadline_ms = DETACHED_LIMIT_MS;
    change(s, &s->detached, true);
    dbk_op_start(op, detached_done, dbk_session_ref(s));
}

void dbk_session_close_detached(dbk_session *s, dbk_slice statement_id) {
    dbk_error err = {0};
    dbk_sea_call *call = NULL;
    if (dbk_sea_close(s->sea, dbk_runtime_control(s->runtime), statement_id, &call, &err) ==
        DBK_OK) {
        dbk_session_send_detached(s, call);
    }
    dbk_error_reset(&err);
}

void dbk_session_cancel_detached(dbk_session *s, dbk_slice statement_id) {
    dbk_error err = {0};
    dbk_sea_call *call = NULL;
    if (dbk_sea_cancel(s->sea, dbk_runtime_control(s->runtime), statement_id, &call, &err) ==
        DBK_OK) {
        dbk_session_send_detached(s, call);
    }
    dbk_error_reset(&err);
}

/* ---- close ---- */

static dbk_sea_call *new_delete(dbk_session *s) {
    dbk_error err = {0};
    dbk_sea_call *call = NULL;
    (void)!dbk_sea_delete_session(s->sea, dbk_runtime_control(s->runtime), dbk_str_slice(&s->id),
                                  &call, &err);
    dbk_error_reset(&err);
    return call;
}

/* A process often ends right after the session: what is under way for it must not be lost. An embedded
 * lane is not run here, so nothing is waited for. */
static void wait_for(dbk_session *s, const size_t *counter, uint64_t limit_ms) {
    dbk_lane *lane = dbk_runtime_control(s->runtime);
    if (dbk_lane_is_embedded(lane) || dbk_lane_on_any()) {
        return;
    }
    uint64_t deadline_ms = dbk_clock_ms(&dbk_clock_system) + limit_ms;
    dbk_mutex_lock(&s->lock);
    while (*counter > 0 && dbk_cond_wait_until(&s->idle, &s->lock, deadline_ms)) {
    }
    dbk_mutex_unlock(&s->lock);
}

static void delete_session(dbk_session *s) {
    dbk_error err = {0};
    dbk_sea_call *call = new_delete(s);
    if (call == NULL) {
        return;
    }
    if (dbk_lane_on_any()) { /* inside a callback of the library: nobody may wait here */
        dbk_session_send_detached(s, call);
        return;
    }
    dbk_op *op = dbk_sea_call_op(call);
    op->deadline_ms = CLOSE_LIMIT_MS;
    if (dbk_op_run(op, &err) != DBK_OK) {
        DBK_LOG(DEBUG, s->id.ptr, "closing the session: %s", dbk_error_message(&err));
    }
    dbk_error_reset(&err);
    dbk_op_unref(op);
}

void dbk_session_close(dbk_session *s) {
    if (!atomic_exchange(&s->open, false) || !dbk_runtime_alive(s->runtime)) {
        return;
    }
    wait_for(s, &s->abandoned, ABANDONED_LIMIT_MS);
    delete_session(s);
    wait_for(s, &s->detached, DETACHED_CLOSE_MS);
}

dbk_session *dbk_session_ref(dbk_session *s) {
    (void)atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
    return s;
}

void dbk_session_unref(dbk_session *s) {
    if (s == NULL || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1) {
        return;
    }
    dbk_sea_call *call = NULL;
    if (atomic_exchange(&s->open, false) && dbk_runtime_alive(s->runtime)) {
        call = new_delete(s);
    }
    if (call != NULL) {
        atomic_store(&s->refs, 1); /* the request's, given back when it is answered */
        s->detached = 1;
        dbk_op *op = dbk_sea_call_op(call);
        op->deadline_ms = DETACHED_LIMIT_MS;
        dbk_op_start(op, detached_done, s);
        return;
    }
    dbk_sea_unref(s->sea);
    dbk_str_reset(&s->id);
    dbk_cond_destroy(&s->idle);
    dbk_mutex_destroy(&s->lock);
    dbk_runtime_unref(s->runtime);
    dbk_free(s);
    if (atomic_fetch_sub(&live_sessions, 1) == 1) {
        dbk_block_pool_trim();
    }
}

bool dbk_session_is_open(const dbk_session *s) {
    return atomic_load(&s->open);
}

bool dbk_session_alive(const dbk_session *s) {
    return dbk_runtime_alive(s->runtime);
}

const char *dbk_session_server_id(const dbk_session *s) {
    return dbk_str_or(&s->id, "");
}

/* ---- small statements of the library's own ---- */

static dbk_status run_sql(dbk_session *s, const char *sql, dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_statement *stmt = NULL;
    dbk_exec *exec = NULL;
    DBK_TRY(dbk_statement_new(s, &stmt, err));
    DBK_TRY(dbk_statement_set_sql(stmt, dbk_slice_of(sql), err));
    DBK_TRY(dbk_statement_execute(stmt, &exec, err));
    dbk_exec_close(exec);
done:
    dbk_exec_unref(exec);
    dbk_statement_unref(stmt);
    return st;
}

dbk_status dbk_session_test(dbk_session *s, dbk_error *err) {
    return run_sql(s, "SELECT 1", err);
}

dbk_status dbk_session_set_autocommit(dbk_session *s, bool on, dbk_error *err) {
    if (!s->honour_transactions) {
        return DBK_OK;
    }
    dbk_status st = run_sql(s, on ? "SET AUTOCOMMIT = TRUE" : "SET AUTOCOMMIT = FALSE", err);
    if (st == DBK_OK) {
        atomic_store(&s->autocommit, on);
    }
    return st;
}

bool dbk_session_autocommit(const dbk_session *s) {
    return atomic_load(&s->autocommit);
}

dbk_status dbk_session_end_transaction(dbk_session *s, bool commit, dbk_error *err) {
    return s->honour_transactions ? run_sql(s, commit ? "COMMIT" : "ROLLBACK", err) : DBK_OK;
}
