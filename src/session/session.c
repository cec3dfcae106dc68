#include "session/internal.h"

#define DETACHED_LIMIT_MS 30000u
#define CLOSE_LIMIT_MS    30000u
/* A server holds the answer to execute for 10 s at most when not told otherwise. */
#define ABANDONED_LIMIT_MS 12000u
#define DETACHED_CLOSE_MS  5000u
#define STALL_LIMIT_MS     60000u

/* The first word is what the server keys several links per answer on (spec sea-protocol 1). */
#define DEFAULT_USER_AGENT "DatabricksJDBCDriverOSS/1.0.0 dbkernel/" DBK_VERSION

/* Sessions that hold memory of the process-wide pool warm. */
static atomic_size_t live_sessions;

/* ---- configuration to client ---- */

/* The last User-Agent among the custom headers replaces ours. */
static dbk_slice user_agent(const dbk_config *c) {
    dbk_slice ua = DBK_SLICE(DEFAULT_USER_AGENT);
    for (size_t i = 0; i < c->headers.count; i++) {
        if (dbk_slice_eq_nocase(dbk_str_slice(&c->headers.items[i].name),
                                DBK_SLICE("user-agent"))) {
            ua = dbk_str_slice(&c->headers.items[i].value);
        }
    }
    return ua;
}

static dbk_status new_http(const dbk_config *c, dbk_http_config **out, dbk_error *err) {
    dbk_http_settings s = {
        .user_agent = user_agent(c),
        .ca_pem = dbk_buf_slice(&c->ca_pem),
        .client_cert_pem = dbk_buf_slice(&c->client_cert_pem),
        .client_key_pem = dbk_secret_slice(&c->client_key_pem),
        .tls_skip_verify = c->tls_skip_verify,
        .tls_skip_hostname = c->tls_skip_hostname,
        .proxy_url = dbk_str_slice(&c->proxy_url),
        .proxy_user = dbk_str_slice(&c->proxy_user),
        .proxy_password = dbk_secret_slice(&c->proxy_password),
        .proxy_bypass = dbk_str_slice(&c->proxy_bypass),
        .request_timeout_ms = c->request_timeout_ms,
        /* Downloads have no limit for the whole; who wants less than the usual silence gets it. */
        .stall_timeout_ms = c->request_timeout_ms < STALL_LIMIT_MS ? c->request_timeout_ms : 0,
    };
    if (!dbk_header_value_valid(s.user_agent)) {
        return dbk_error_set(err, DBK_INVALID_ARGUMENT,
                             "header User-Agent holds a control character");
    }
    return dbk_http_config_new(&s, out, err);
}

static dbk_status new_auth(const dbk_config *c, dbk_auth **out, dbk_error *err) {
    switch (c->auth_mode) {
    case DBK_AUTH_PAT:
        return dbk_auth_new_pat(dbk_secret_slice(&c->token), out, err);
    case DBK_AUTH_M2M:
    case DBK_AUTH_M2M_JWT:
    case DBK_AUTH_U2M:
    case DBK_AUTH_AZURE_SP:
        return dbk_error_set(err, DBK_INVALID_ARGUMENT,
                             "this build authenticates with a personal access token only; OAuth "
                             "modes can be configured but not used yet");
    case DBK_AUTH_NONE:
        break;
    }
    return dbk_error_set(err, DBK_INVALID_ARGUMENT,
                         "session config requires auth (set_auth_pat, set_auth_m2m, "
                         "set_auth_m2m_jwt, or set_auth_u2m)");
}

/* Where: host and either a warehouse id or an http_path. */
static dbk_status resolve_target(const dbk_config *c, dbk_str *origin, dbk_slice *warehouse,
                                 dbk_slice *org, dbk_error *err) {
    dbk_status st = DBK_OK;
    if (c->host.ptr == NULL || (c->warehouse_id.ptr == NULL && c->http_path.ptr == NULL)) {
        return dbk_error_set(err, DBK_INVALID_ARGUMENT,
                             "session config requires a connection (set_warehouse or "
                             "set_http_path)");
    }
    *org = (dbk_slice){0};
    if (c->http_path.ptr != NULL) {
        DBK_TRY(dbk_http_path_parse(dbk_str_slice(&c->http_path), warehouse, org, err));
    } else {
        *warehouse = dbk_str_slice(&c->warehouse_id);
    }
    DBK_TRY(dbk_url_origin(dbk_str_slice(&c->host), origin, err));
done:
    return st;
}

static dbk_status borrow_headers(const dbk_pairs *pairs, dbk_sea_header **out, dbk_error *err) {
    dbk_sea_header *list = dbk_alloc_array(pairs->count, sizeof *list);
    if (list == NULL) {
        return dbk_error_oom(err, "a list of headers");
    }
    for (size_t i = 0; i < pairs->count; i++) {
        list[i].name = dbk_str_slice(&pairs->items[i].name);
        list[i].value = dbk_str_slice(&pairs->items[i].value);
    }
    *out = list;
    return DBK_OK;
}

static dbk_status new_sea(const dbk_config *c, dbk_sea **out, dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_str origin = {0};
    dbk_sea_header *headers = NULL;
    dbk_sea_settings s = {.retry = c->retry, .header_count = c->headers.count};
    DBK_TRY(resolve_target(c, &origin, &s.warehouse_id, &s.org_id, err));
    s.origin = dbk_str_slice(&origin);
    DBK_TRY(new_auth(c, &s.auth, err));
    DBK_TRY(new_http(c, &s.http, err));
    DBK_TRY(borrow_headers(&c->headers, &headers, err));
    s.headers = headers;
    DBK_TRY(dbk_sea_new(&s, out, err));
done:
    dbk_free(headers);
    dbk_http_config_unref(s.http);
    dbk_auth_unref(s.auth);
    dbk_str_reset(&origin);
    return st;
}

/* ---- open ---- */

typedef struct open_watch {
    dbk_cancel_watch watch; /* first */
    dbk_op *op;
} open_watch;

static void cancel_open(dbk_cancel_watch *w) {
    dbk_op_cancel(((open_watch *)(void *)w)->op);
}

static dbk_status run_cancellable(dbk_op *op, dbk_cancel_token *token, dbk_error *err) {
    open_watch w = {.op = op};
    dbk_cancel_watch_begin(&w.watch, token, cancel_open);
    dbk_status st = dbk_op_run(op, err);
    dbk_cancel_watch_end(&w.watch);
    return st;
}

static dbk_status create_on_server(dbk_session *s, const dbk_config *c, dbk_cancel_token *token,
                                   dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_sea_header *confs = NULL;
    dbk_sea_call *call = NULL;
    dbk_sea_session_request request = {.catalog = dbk_str_slice(&c->catalog),
                                       .schema = dbk_str_slice(&c->schema),
                                       .conf_count = c->session_confs.count};
    DBK_TRY(borrow_headers(&c->session_confs, &confs, err));
    request.confs = confs;
    DBK_TRY(dbk_sea_create_session(s->sea, dbk_runtime_control(s->runtime), &request, &call, err));
    DBK_TRY(run_cancellable(dbk_sea_call_op(call), token, err));
    dbk_str_move(&s->id, &dbk_sea_call_reply(call)->session_id);
done:
    if (call != NULL) {
        dbk_op_unref(dbk_sea_call_op(call));
    }
    dbk_free(confs);
    return st;
}

static void warn_of_settings(const dbk_session *s, const dbk_config *c) {
    if (c->tls_skip_verify) {
        DBK_LOG(WARN, s->id.ptr, "TLS certificates are not verified for this session");
    } else if (c->tls_skip_hostname) {
        DBK_LOG(WARN, s->id.ptr, "TLS host names are not verified for this session");
    }
}

dbk_status dbk_session_open(const dbk_config *config, dbk_cancel_token *token, dbk_session **out,
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
    DBK_TRY(new_sea(config, &s->sea, err));
    DBK_TRY(dbk_runtime_acquire(&s->runtime, err));
    DBK_TRY(create_on_server(s, config, token, err));
    atomic_store(&s->open, true);
    warn_of_settings(s, config);
    *out = s;
    s = NULL;
done:
    dbk_session_unref(s);
    return st;
}

/* ---- requests nobody waits for ---- */

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
