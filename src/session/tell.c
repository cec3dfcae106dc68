/* What telemetry, and whoever listens in this process, hear of a session and its statements. */
#include "session/internal.h"

#include <stdio.h>

static const struct words {
    const char *type, *mech, *flow;
} auth_words[] = {
    /* spec telemetry.md 3.5 */
    [DBK_AUTH_NONE] = {"", "TYPE_UNSPECIFIED", "TYPE_UNSPECIFIED"},
    [DBK_AUTH_PAT] = {"pat", "PAT", "TOKEN_PASSTHROUGH"},
    [DBK_AUTH_M2M] = {"oauth-m2m", "OAUTH", "CLIENT_CREDENTIALS"},
    [DBK_AUTH_M2M_JWT] = {"oauth-m2m-jwt", "OAUTH", "CLIENT_CREDENTIALS"},
    [DBK_AUTH_U2M] = {"oauth-u2m", "OAUTH", "BROWSER_BASED_AUTHENTICATION"},
    [DBK_AUTH_AZURE_SP] = {"azure-sp-m2m", "OAUTH", "CLIENT_CREDENTIALS"},
    [DBK_AUTH_AZURE_IDENTITY] = {"azure-msi", "OAUTH", "AZURE_MANAGED_IDENTITIES"},
    [DBK_AUTH_PROVIDER] = {"token-provider", "OTHER", "TOKEN_PASSTHROUGH"},
};

/* ---- who is calling ---- */

static void release_sea(void *sea) {
    dbk_sea_unref(sea);
}

static void describe_auth(const dbk_config *c, dbk_telemetry_facts *f) {
    bool browser = c->auth_mode == DBK_AUTH_U2M;
    bool azure = c->auth_mode == DBK_AUTH_AZURE_SP || c->auth_mode == DBK_AUTH_AZURE_IDENTITY;
    f->auth_type = auth_words[c->auth_mode].type;
    f->auth_mech = auth_words[c->auth_mode].mech;
    f->auth_flow = auth_words[c->auth_mode].flow;
    f->auth_scope = dbk_str_slice(c->oauth_scopes.ptr != NULL ? &c->oauth_scopes : &c->auth_scopes);
    f->jwt = c->auth_mode == DBK_AUTH_M2M_JWT;
    f->jwt_algorithm = f->jwt ? dbk_str_slice(&c->jwt_algorithm) : (dbk_slice){0};
    f->token_cache = browser && c->token_cache_enabled;
    f->azure_tenant_id = azure ? dbk_str_slice(&c->azure_tenant_id) : (dbk_slice){0};
    f->azure_resource_id = azure ? dbk_str_slice(&c->azure_resource_id) : (dbk_slice){0};
}

/* "/sql/protocolv1/o/<digits>/<cluster>" names the workspace too. */
static dbk_slice workspace_in_path(dbk_slice path) {
    dbk_slice part = {0};
    uint64_t n = 0;
    while (dbk_slice_split(&path, '/', &part)) {
        if (dbk_slice_eq(part, DBK_SLICE("o"))) {
            dbk_slice digits = path;
            (void)dbk_slice_split(&path, '/', &digits);
            return dbk_parse_u64(digits, &n) ? digits : (dbk_slice){0};
        }
    }
    return (dbk_slice){0};
}

static void describe_place(const dbk_session *s, const dbk_str *path, dbk_telemetry_facts *f) {
    dbk_slice rest = dbk_str_slice(path);
    f->workspace_id = dbk_sea_org_id(s->sea);
    f->http_path = rest;
    (void)dbk_slice_split(&rest, '?', &f->http_path);
    if (f->workspace_id.len == 0) {
        f->workspace_id = workspace_in_path(f->http_path);
    }
}

static void describe(const dbk_session *s, const dbk_config *c, const dbk_str *path,
                     dbk_telemetry_facts *f) {
    const char *proxy = dbk_http_config_proxy(dbk_sea_http(s->sea), dbk_sea_origin(s->sea));
    *f = (dbk_telemetry_facts){
        .origin = dbk_slice_of(dbk_sea_origin(s->sea)),
        .user_agent = dbk_config_user_agent(c),
        .proxy = dbk_slice_of(proxy),
        .proxy_asks = c->proxy_user.len > 0,
        .tls_unverified = c->tls_skip_verify,
        .own_roots = c->ca_pem.len > 0,
        .complex_types = !c->convert.complex_as_json,
        .hybrid_results = !c->cloudfetch_disabled,
        .connections = c->max_connections,
        .timeout_ms = c->request_timeout_ms,
    };
    describe_auth(c, f);
    describe_place(s, path, f);
    for (size_t i = 0; i < DBK_TELEMETRY_IDENTITY; i++) {
        f->identity[i] = c->system[i].len > 0 ? &c->system[i] : NULL;
    }
}

/* What tells one principal from another. A token alone is one: dbk_session_replace_token. */
static dbk_status put_rights(const dbk_config *c, dbk_buf *out, dbk_error *err) {
    dbk_status st = DBK_OK;
    if (c->auth_mode == DBK_AUTH_PAT) {
        return dbk_buf_put_slice(out, dbk_secret_slice(&c->token), err);
    }
    const dbk_slice texts[] = {
        dbk_str_slice(&c->client_id),
        dbk_secret_slice(&c->client_secret),
        dbk_str_slice(&c->jwt_key_file),
        dbk_str_slice(&c->jwt_kid),
        dbk_str_slice(&c->azure_tenant_id),
        dbk_str_slice(&c->azure_resource_id),
        dbk_str_slice(&c->oauth_token_endpoint),
        dbk_slice_n(&c->provider, sizeof c->provider),
    };
    size_t room = 0;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        room += texts[i].len + 1;
    }
    DBK_TRY(dbk_buf_reserve(out, room, err)); /* a secret must not be left behind by growing */
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        DBK_TRY(dbk_buf_put_slice(out, texts[i], err));
        DBK_TRY(dbk_buf_putc(out, '\n', err));
    }
done:
    return st;
}

static void set(const dbk_session *s, const dbk_config *c, dbk_telemetry_settings *out) {
    *out = (dbk_telemetry_settings){
        .lane = dbk_runtime_control(s->runtime),
        .http = dbk_sea_http(s->sea),
        .auth = dbk_sea_auth(s->sea),
        .release = release_sea,
        .ask_flag = c->telemetry_asks,
        .tell_refused = c->telemetry_refused,
        .becomes = dbk_str_slice(&c->federation_client_id),
        .client = dbk_str_slice(&c->telemetry_client),
        .flag = dbk_str_slice(&c->telemetry_flag),
        .batch_size = c->telemetry_batch_size,
        .flush_ms = c->telemetry_flush_ms,
        .retry_delay_ms = c->telemetry_retry_delay_ms,
        .close_ms = c->telemetry_close_ms,
        .max_retries = c->telemetry_max_retries,
        .breaker_enabled = c->breaker_enabled,
        .breaker_threshold = c->breaker_threshold,
        .breaker_timeout_ms = c->breaker_timeout_ms,
    };
    out->lines = dbk_sea_lines(s->sea, &out->line_count);
}

static dbk_status make(dbk_session *s, const dbk_config *c, dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_str path = {0};
    dbk_buf rights = {0};
    dbk_telemetry_facts facts;
    dbk_telemetry_settings settings;
    set(s, c, &settings);
    s->flush_ms = c->telemetry_close_ms;
    if (c->http_path.ptr != NULL) {
        DBK_TRY(dbk_str_set(&path, dbk_str_slice(&c->http_path), err));
    } else {
        DBK_TRY(dbk_str_setf(&path, err, "/sql/1.0/warehouses/%s", dbk_sea_warehouse_id(s->sea)));
    }
    describe(s, c, &path, &facts);
    DBK_TRY(put_rights(c, &rights, err));
    settings.rights = dbk_buf_slice(&rights);
    settings.keep = dbk_sea_ref(s->sea);
    DBK_TRY(dbk_telemetry_new(&settings, &facts, &s->telemetry, err));
done:
    dbk_buf_wipe(&rights);
    dbk_str_reset(&path);
    return st;
}

void dbk_session_listen(dbk_session *s, dbk_config *c) {
    dbk_error err = {0};
    dbk_config_settle_telemetry(c);
    s->tracer = dbk_tracer_ref(c->tracer);
    if (s->tracer == NULL && c->telemetry_sink.len > 0 &&
        dbk_sink_new(c->telemetry_sink.ptr, &s->tracer, &err) != DBK_OK) {
        DBK_LOG(WARN, NULL, "databricks.telemetry.local_sink is ignored: %s",
                dbk_error_message(&err));
    }
    c->tracer = s->tracer;
    dbk_error_reset(&err);
}

void dbk_session_telemetry(dbk_session *s, const dbk_config *c) {
    dbk_error err = {0};
    bool wanted = c->telemetry_enabled || c->telemetry_asks;
    if (wanted && !dbk_telemetry_killed() && make(s, c, &err) != DBK_OK) {
        DBK_LOG(DEBUG, NULL, "telemetry is off: %s", dbk_error_message(&err));
    }
    dbk_error_reset(&err);
}

/* ---- sessions ---- */

static const dbk_clock *clock_of(const dbk_session *s) {
    return dbk_lane_clock(dbk_runtime_control(s->runtime));
}

uint64_t dbk_session_now_ns(const dbk_session *s) {
    return clock_of(s)->mono_ns(clock_of(s));
}

static uint64_t gone_ms(const dbk_session *s, uint64_t begun_ns) {
    return (dbk_session_now_ns(s) - begun_ns) / 1000000u;
}

static bool heard(const dbk_session *s) {
    return s->telemetry != NULL || s->tracer != NULL;
}

static void tell(dbk_session *s, dbk_telemetry_event *event, uint64_t begun_ns) {
    event->session_id = dbk_telemetry_id_of(dbk_str_slice(&s->id));
    event->autocommit = atomic_load(&s->autocommit);
    if (s->tracer != NULL) {
        dbk_local_tell(s->tracer, event, dbk_slice_of(dbk_sea_origin(s->sea)), clock_of(s),
                       begun_ns);
    }
    if (s->telemetry != NULL) {
        dbk_telemetry_tell(s->telemetry, event);
    }
}

void dbk_session_tell(dbk_session *s, dbk_telemetry_operation operation, uint64_t begun_ns,
                      const dbk_op *call_op) {
    if (!heard(s)) {
        return;
    }
    dbk_telemetry_event event = DBK_TELEMETRY_EVENT_INIT;
    event.operation = operation;
    event.latency_ms = gone_ms(s, begun_ns);
    event.error = call_op->status;
    (void)snprintf(event.sqlstate, sizeof event.sqlstate, "%s", call_op->err.sqlstate);
    tell(s, &event, begun_ns);
}

static void told_refused(void *session) {
    dbk_session_unref(session);
}

/* Nobody vouches for a session that the server did not make: only whoever listens here, and those who want to
 * hear of it without credentials. */
void dbk_session_tell_refused(dbk_session *s, uint64_t begun_ns, const dbk_error *err) {
    if (s->tracer != NULL) {
        dbk_telemetry_event event = DBK_TELEMETRY_EVENT_INIT;
        event.operation = DBK_TELEMETRY_CREATE_SESSION;
        event.latency_ms = gone_ms(s, begun_ns);
        event.error = err->code;
        dbk_local_tell(s->tracer, &event, dbk_slice_of(dbk_sea_origin(s->sea)), clock_of(s),
                       begun_ns);
    }
    if (s->telemetry != NULL &&
        dbk_telemetry_refused(s->telemetry, err->code, told_refused, dbk_session_ref(s))) {
        return;
    }
    if (s->telemetry != NULL) {
        dbk_session_unref(s); /* nothing is sent */
    }
}

/* ---- statements ---- */

static bool is_told(const dbk_exec *e) {
    return heard(e->session) && !e->attached && !e->catalog;
}

void dbk_exec_begin_telling(dbk_exec *e) {
    dbk_session *s = e->session;
    if (is_told(e)) {
        dbk_mutex_lock(&s->lock);
        dbk_list_push_back(&s->execs, &e->telling);
        dbk_mutex_unlock(&s->lock);
    }
}

void dbk_exec_end_telling(dbk_exec *e) {
    dbk_exec_tell(e);
    dbk_mutex_lock(&e->session->lock);
    dbk_node_unlink(&e->telling);
    dbk_mutex_unlock(&e->session->lock);
}

static void ended(void *exec) {
    dbk_exec_tell(exec);
}

void dbk_exec_note(dbk_exec *e, const dbk_op *op) {
    /* The operation's error has moved to the caller when it blocks: what the server said stays. */
    const char *state =
        op->err.sqlstate[0] != '\0' ? op->err.sqlstate : dbk_str_or(&e->reply.sqlstate, "");
    dbk_mutex_lock(&e->lock);
    e->told_ms = dbk_lane_now_ms(op->lane) - e->begun_ms;
    e->failed = op->status;
    (void)snprintf(e->sqlstate, sizeof e->sqlstate, "%s", op->status != DBK_OK ? state : "");
    dbk_mutex_unlock(&e->lock);
    if (op->status == DBK_OK && e->stream != NULL && is_told(e)) {
        dbk_stream_on_end(e->stream, ended, e);
    }
}

/* A statement with rows that changed some is an UPDATE; the count of others is not known. */
static dbk_telemetry_kind kind_of(const dbk_exec *e) {
    if (e->facts.volume_operation) {
        return DBK_TELEMETRY_KIND_VOLUME;
    }
    return e->modified_rows >= 0 ? DBK_TELEMETRY_KIND_UPDATE : DBK_TELEMETRY_KIND_SQL;
}

static dbk_telemetry_format format_of(const dbk_exec *e) {
    if (e->facts.external_links) {
        return DBK_TELEMETRY_FORMAT_LINKS;
    }
    return e->inline_arrow           ? DBK_TELEMETRY_FORMAT_ARROW
           : e->facts.total_rows > 0 ? DBK_TELEMETRY_FORMAT_JSON
                                     : DBK_TELEMETRY_FORMAT_UNSPECIFIED;
}

static int64_t between(int64_t from_ms, int64_t to_ms) {
    return from_ms >= 0 && to_ms >= from_ms ? to_ms - from_ms : -1;
}

static void add_result(dbk_exec *e, dbk_telemetry_event *event) {
    dbk_stream_story story;
    dbk_stream_snapshot now;
    dbk_stream_tell(e->stream, &story);
    dbk_stream_measure(e->stream, &now);
    event->format = format_of(e);
    event->compressed = e->compressed;
    event->ready_ms = between((int64_t)e->begun_ms, story.ready_at_ms);
    event->consumed_ms = between(story.first_read_at_ms, story.ended_at_ms);
    event->retries += (uint32_t)now.chunk_retries;
    if (e->facts.external_links || e->facts.chunk_count > 1) {
        event->chunks_present = dbk_max_i64(e->facts.chunk_count, story.chunks_iterated);
        event->chunks_iterated = story.chunks_iterated;
        event->first_chunk_ms = story.first_chunk_ms;
        event->slowest_chunk_ms = story.slowest_chunk_ms;
        event->chunks_ms = story.chunks_ms;
    }
    if (story.failed != DBK_OK) {
        event->error = story.failed;
        event->failed_chunk = story.failed_chunk;
        memcpy(event->sqlstate, story.sqlstate, sizeof event->sqlstate);
    }
}

static void gather(dbk_exec *e, dbk_telemetry_event *event) {
    bool finished = atomic_load_explicit(&e->finished, memory_order_acquire);
    event->internal = e->internal;
    event->retries = atomic_load(&e->retries);
    event->polls = atomic_load(&e->polls);
    event->polls_ms = atomic_load(&e->polls_ms);
    dbk_mutex_lock(&e->lock);
    event->statement_id = dbk_telemetry_id_of(dbk_str_slice(&e->statement_id));
    event->latency_ms = e->told_ms;
    event->error = e->failed;
    memcpy(event->sqlstate, e->sqlstate, sizeof event->sqlstate);
    event->kind = finished ? kind_of(e) : DBK_TELEMETRY_KIND_SQL;
    dbk_mutex_unlock(&e->lock);
    if (event->kind == DBK_TELEMETRY_KIND_VOLUME) {
        event->volume = e->volume;
    }
    if (finished && e->stream != NULL) {
        add_result(e, event);
    }
}

void dbk_exec_describe(dbk_exec *e, dbk_telemetry_event *out) {
    *out = (dbk_telemetry_event)DBK_TELEMETRY_EVENT_INIT;
    out->operation = e->no_wait ? DBK_TELEMETRY_EXECUTE_ASYNC : DBK_TELEMETRY_EXECUTE;
    gather(e, out);
}

void dbk_exec_tell(dbk_exec *e) {
    dbk_session *s = e->session;
    if (!is_told(e) || !dbk_runtime_alive(s->runtime) || atomic_exchange(&e->told, true)) {
        return;
    }
    dbk_telemetry_event event;
    dbk_exec_describe(e, &event);
    tell(s, &event, e->begun_ns);
}

/* The next that still lives, counted; NULL: none. */
static dbk_exec *pop_open(dbk_session *s) {
    dbk_exec *found = NULL;
    dbk_mutex_lock(&s->lock);
    for (dbk_node *n = dbk_list_pop_front(&s->execs); n != NULL && found == NULL;
         n = found == NULL ? dbk_list_pop_front(&s->execs) : n) {
        dbk_exec *e = DBK_CONTAINER_OF(n, dbk_exec, telling);
        size_t refs = atomic_load(&e->refs);
        while (refs > 0 && !atomic_compare_exchange_weak(&e->refs, &refs, refs + 1)) {
        }
        found = refs > 0 ? e : NULL; /* else it is being freed, and tells itself */
    }
    dbk_mutex_unlock(&s->lock);
    return found;
}

void dbk_session_tell_open(dbk_session *s) {
    dbk_exec *e = NULL;
    while ((e = pop_open(s)) != NULL) {
        dbk_exec_tell(e);
        dbk_exec_unref(e);
    }
}

void dbk_exec_tell_cancel(dbk_exec *e, uint64_t begun_ns, const dbk_op *call_op) {
    if (!heard(e->session)) {
        return;
    }
    dbk_telemetry_event event = DBK_TELEMETRY_EVENT_INIT;
    event.operation = DBK_TELEMETRY_CANCEL;
    event.kind = DBK_TELEMETRY_KIND_SQL;
    event.latency_ms = gone_ms(e->session, begun_ns);
    event.error = call_op->status;
    dbk_mutex_lock(&e->lock);
    event.statement_id = dbk_telemetry_id_of(dbk_str_slice(&e->statement_id));
    dbk_mutex_unlock(&e->lock);
    tell(e->session, &event, begun_ns);
}

dbk_telemetry_volume dbk_volume_of(dbk_slice sql) {
    static const struct {
        dbk_slice word;
        dbk_telemetry_volume volume;
    } words[] = {{{"PUT", 3}, DBK_TELEMETRY_VOLUME_PUT},
                 {{"GET", 3}, DBK_TELEMETRY_VOLUME_GET},
                 {{"REMOVE", 6}, DBK_TELEMETRY_VOLUME_DELETE}};
    sql = dbk_slice_trim(sql);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        dbk_slice word = words[i].word;
        if (sql.len > word.len && dbk_slice_eq_nocase(dbk_slice_n(sql.ptr, word.len), word)) {
            return words[i].volume;
        }
    }
    return DBK_TELEMETRY_VOLUME_UNSPECIFIED;
}

/* ---- catalog calls: one event, however many statements ---- */

void dbk_exec_add_up(dbk_exec *e, dbk_telemetry_event *event) {
    dbk_telemetry_event one = DBK_TELEMETRY_EVENT_INIT;
    if (!heard(e->session)) {
        return;
    }
    gather(e, &one);
    if (event->statement_id.text[0] == '\0') {
        event->statement_id = one.statement_id;
    }
    event->retries += one.retries;
    event->polls += one.polls;
    event->polls_ms += one.polls_ms;
    event->format = one.format != DBK_TELEMETRY_FORMAT_NONE ? one.format : event->format;
    event->compressed = event->compressed || one.compressed;
    if (one.error != DBK_OK) {
        memcpy(event->sqlstate, one.sqlstate, sizeof event->sqlstate);
    }
}

void dbk_session_tell_catalog(dbk_session *s, dbk_metadata_call call, uint64_t begun_ns,
                              dbk_telemetry_event *event) {
    static const dbk_telemetry_operation operations[] = {
        /* spec telemetry.md 4.2; others have no word */
        [DBK_METADATA_CATALOGS] = DBK_TELEMETRY_CATALOGS,
        [DBK_METADATA_SCHEMAS] = DBK_TELEMETRY_SCHEMAS,
        [DBK_METADATA_TABLES] = DBK_TELEMETRY_TABLES,
        [DBK_METADATA_COLUMNS] = DBK_TELEMETRY_COLUMNS,
        [DBK_METADATA_FUNCTIONS] = DBK_TELEMETRY_FUNCTIONS,
        [DBK_METADATA_PRIMARY_KEYS] = DBK_TELEMETRY_PRIMARY_KEYS,
        [DBK_METADATA_FOREIGN_KEYS] = DBK_TELEMETRY_CROSS_REFERENCES,
        [DBK_METADATA_TABLE_TYPES] = DBK_TELEMETRY_TABLE_TYPES,
        [DBK_METADATA_TYPE_INFO] = DBK_TELEMETRY_TYPE_INFO,
    };
    if (!heard(s) || !dbk_runtime_alive(s->runtime)) {
        return;
    }
    event->operation = operations[call];
    event->kind = DBK_TELEMETRY_KIND_METADATA;
    if (event->error == DBK_OK) {
        event->sqlstate[0] = '\0'; /* of a failure that meant "nothing there" */
        event->ready_ms = (int64_t)event->latency_ms;
    }
    tell(s, event, begun_ns);
}
