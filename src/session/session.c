#include "session/statement.h"

#define DETACHED_LIMIT_MS 30000u
#define DETACHED_AT_ONCE  32u

/* Sessions that hold memory of the process-wide pool warm. */
static atomic_size_t live_sessions;

dbk_status dbk_session_new(const dbk_config *config, dbk_runtime *runtime, dbk_session **out,
                           dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_config settled = *config; /* all of it borrowed */
    dbk_session *s = dbk_alloc_zero(sizeof *s);
    if (s == NULL) {
        return dbk_error_oom(err, "a session");
    }
    atomic_init(&s->refs, 1);
    (void)atomic_fetch_add(&live_sessions, 1);
    dbk_mutex_init(&s->lock);
    dbk_list_init(&s->errands);
    dbk_list_init(&s->execs);
    dbk_list_init(&s->pausing);
    atomic_init(&s->open, false);
    atomic_init(&s->autocommit, true);
    s->honour_transactions = config->honour_transactions;
    s->inline_only = config->cloudfetch_disabled;
    s->stream = (dbk_stream_options){.convert = config->convert,
                                     .max_chunks = (size_t)config->max_chunks,
                                     .budget_bytes = config->memory_budget,
                                     .link_window = (size_t)config->link_window,
                                     .inline_window = (size_t)config->inline_max_chunks};
    if (runtime != NULL) {
        s->runtime = dbk_runtime_ref(runtime);
    } else {
        DBK_TRY(dbk_runtime_acquire(&s->runtime, err));
    }
    dbk_session_listen(s, &settled);
    DBK_TRY(dbk_config_client(&settled, dbk_runtime_control(s->runtime), &s->sea, err));
    dbk_session_telemetry(s, &settled);
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
    dbk_mutex_unlock(&s->lock);
    if (up) {
        dbk_background_begin();
    } else {
        dbk_background_end();
    }
    if (!up && s->closer != NULL) { /* counted down on the lane only */
        dbk_op_wake(s->closer);
    }
}

size_t dbk_session_count(dbk_session *s, const size_t *counter) {
    dbk_mutex_lock(&s->lock);
    size_t count = *counter;
    dbk_mutex_unlock(&s->lock);
    return count;
}

void dbk_session_abandoned_begin(dbk_session *s) {
    change(s, &s->abandoned, true);
}

void dbk_session_abandoned_end(dbk_session *s) {
    change(s, &s->abandoned, false);
}

/* A request that waits for its turn: a thousand handles may be closed at once. */
typedef struct errand {
    dbk_node node;
    dbk_op *op;
} errand;

/* The next request in the place of one that has ended; NULL: there is none. */
static dbk_op *next_errand(dbk_session *s) {
    dbk_mutex_lock(&s->lock);
    dbk_node *node = dbk_list_pop_front(&s->errands);
    s->sending -= node == NULL ? 1 : 0;
    dbk_mutex_unlock(&s->lock);
    errand *e = node != NULL ? DBK_CONTAINER_OF(node, errand, node) : NULL;
    dbk_op *op = e != NULL ? e->op : NULL;
    dbk_free(e);
    return op;
}

/* May the request start? Else it is in the queue. */
static bool take_turn(dbk_session *s, dbk_op *op) {
    errand *e = NULL;
    dbk_mutex_lock(&s->lock);
    if (s->sending >= DETACHED_AT_ONCE) {
        e = dbk_alloc_zero(sizeof *e); /* without memory it does not wait */
    }
    if (e != NULL) {
        e->op = op;
        dbk_list_push_back(&s->errands, &e->node);
    } else {
        s->sending++;
    }
    dbk_mutex_unlock(&s->lock);
    return e == NULL;
}

static void detached_done(dbk_op *op, void *ctx) {
    dbk_session *s = ctx;
    dbk_op *next = next_errand(s);
    if (next != NULL) {
        dbk_op_start(next, detached_done, s); /* with the reference it came with */
    }
    dbk_background_begin(); /* until what follows from its end has begun */
    change(s, &s->detached, false);
    dbk_op_unref(op);
    dbk_session_unref(s);
    dbk_background_end();
}

void dbk_session_send_detached(dbk_session *s, dbk_sea_call *takes_call) {
    dbk_op *op = dbk_sea_call_op(takes_call);
    op->deadline_ms = DETACHED_LIMIT_MS;
    change(s, &s->detached, true);
    (void)dbk_session_ref(s);
    if (take_turn(s, op)) {
        dbk_op_start(op, detached_done, s);
    }
}

void dbk_session_close_detached(dbk_session *s, dbk_slice statement_id) {
    dbk_error err = {0};
    dbk_sea_call *call = NULL;
    if (dbk_sea_close(s->sea, dbk_runtime_control(s->runtime), statement_id, &call, &err) ==
        DBK_OK) {
        dbk_op_set_unattended(dbk_sea_call_op(call)); /* it frees memory there: no hurry */
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

/* ---- the end ---- */

dbk_session *dbk_session_ref(dbk_session *s) {
    (void)atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
    return s;
}

void dbk_session_unref(dbk_session *s) {
    if (s == NULL || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1) {
        return;
    }
    if (atomic_load(&s->open) && dbk_session_close_dropped(s)) {
        return; /* the closing holds it, and comes back here */
    }
    if (s->telemetry != NULL) {
        dbk_telemetry_leave(s->telemetry);
        dbk_telemetry_unref(s->telemetry);
    }
    dbk_tracer_unref(s->tracer);
    dbk_sea_unref(s->sea);
    dbk_str_reset(&s->id);
    dbk_mutex_destroy(&s->lock);
    dbk_runtime_unref(s->runtime);
    dbk_free(s);
    if (atomic_fetch_sub(&live_sessions, 1) == 1) {
        dbk_block_pool_trim();
    }
}

dbk_runtime *dbk_session_runtime(const dbk_session *s) {
    return s->runtime;
}

dbk_status dbk_session_reader(dbk_session *s, const dbk_stream *stream, dbk_lane **out,
                              dbk_error *err) {
    size_t lanes = dbk_runtime_data_lane_count(s->runtime);
    size_t i = (uintptr_t)stream / 128 % lanes; /* a stream keeps its lane, many spread */
    return dbk_runtime_data_lane(s->runtime, i, out, err);
}

dbk_status dbk_session_replace_token(dbk_session *s, dbk_slice token, int64_t expires_unix_s,
                                     dbk_error *err) {
    dbk_status st = dbk_auth_set_token(dbk_sea_auth(s->sea), token, expires_unix_s, err);
    if (st == DBK_OK && s->telemetry != NULL) {
        dbk_telemetry_change_rights(s->telemetry, token);
    }
    return st;
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
    stmt->internal = true;
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
