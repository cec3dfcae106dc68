#include "session/statement.h"

#include "session/literals.h"

#include <inttypes.h>
#include <stdlib.h>

#define SQL_SHOWN 4096u /* a log line holds less */

/* ---- life ---- */

dbk_status dbk_statement_new(dbk_session *s, dbk_statement **out, dbk_error *err) {
    dbk_statement *st = dbk_alloc_zero(sizeof *st);
    if (st == NULL) {
        return dbk_error_oom(err, "a statement");
    }
    atomic_init(&st->refs, 1);
    st->session = dbk_session_ref(s);
    dbk_mutex_init(&st->lock);
    *out = st;
    return DBK_OK;
}

dbk_statement *dbk_statement_ref(dbk_statement *st) {
    (void)atomic_fetch_add_explicit(&st->refs, 1, memory_order_relaxed);
    return st;
}

static void reset_param(dbk_param *p) {
    dbk_str_reset(&p->name);
    dbk_str_reset(&p->type);
    dbk_str_reset(&p->value);
    memset(p, 0, sizeof *p);
}

static void reset_list(dbk_params *list) {
    for (size_t i = 0; i < list->count; i++) {
        reset_param(&list->items[i]);
    }
    dbk_free(list->items);
    *list = (dbk_params){0};
}

void dbk_statement_unref(dbk_statement *st) {
    if (st == NULL || atomic_fetch_sub_explicit(&st->refs, 1, memory_order_acq_rel) != 1) {
        return;
    }
    dbk_str_reset(&st->sql);
    reset_list(&st->typed);
    reset_list(&st->named);
    reset_list(&st->raw);
    dbk_pairs_reset(&st->tags);
    dbk_exec_unref(st->current);
    dbk_teller_unref(st->teller);
    dbk_mutex_destroy(&st->lock);
    dbk_session_unref(st->session);
    dbk_free(st);
}

dbk_session *dbk_statement_session(const dbk_statement *st) {
    return st->session;
}

/* ---- text and parameters ---- */

dbk_status dbk_statement_set_sql(dbk_statement *st, dbk_slice sql, dbk_error *err) {
    dbk_status status = dbk_str_set(&st->sql, sql, err);
    if (status == DBK_OK) {
        reset_list(&st->typed);
        reset_list(&st->named);
        reset_list(&st->raw);
    }
    return status;
}

static dbk_status fill_param(dbk_param *p, dbk_slice name, dbk_slice type, dbk_slice value,
                             dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_param fresh = {.set = true};
    DBK_TRY(dbk_str_set(&fresh.name, name, err));
    DBK_TRY(dbk_str_set(&fresh.type, type, err));
    if (value.ptr != NULL) {
        DBK_TRY(dbk_str_set(&fresh.value, value, err));
    }
    reset_param(p);
    *p = fresh;
    fresh = (dbk_param){0};
done:
    reset_param(&fresh);
    return st;
}

static dbk_status append_param(dbk_params *list, dbk_error *err) {
    if (list->count >= DBK_PARAMS_MAX) {
        return dbk_error_set(err, DBK_INVALID_ARGUMENT, "a statement takes at most %u parameters",
                             DBK_PARAMS_MAX);
    }
    if (!dbk_array_grow(&list->items, list->count, &list->cap)) {
        return dbk_error_oom(err, "a parameter");
    }
    memset(&list->items[list->count++], 0, sizeof *list->items);
    return DBK_OK;
}

dbk_status dbk_statement_bind(dbk_statement *st, size_t ordinal, const char *type, dbk_slice value,
                              dbk_error *err) {
    if (ordinal == 0) {
        return dbk_error_set(err, DBK_INVALID_ARGUMENT,
                             "positional parameter ordinal must be >= 1 (1-based)");
    }
    if (ordinal > DBK_PARAMS_MAX) {
        return dbk_error_set(err, DBK_INVALID_ARGUMENT, "a statement takes at most %u parameters",
                             DBK_PARAMS_MAX);
    }
    dbk_status status = DBK_OK;
    size_t before = st->typed.count;
    while (st->typed.count < ordinal && status == DBK_OK) {
        status = append_param(&st->typed, err);
    }
    if (status == DBK_OK) {
        status = fill_param(&st->typed.items[ordinal - 1], (dbk_slice){0}, dbk_slice_of(type),
                            value, err);
    }
    if (status != DBK_OK) {
        st->typed.count = before; /* no gaps of a bind that failed */
    }
    return status;
}

/* The named parameter of that name, made when there is none: the last value of a name wins. */
static dbk_status named_param(dbk_statement *st, dbk_slice name, dbk_param **out, dbk_error *err) {
    for (size_t i = 0; i < st->named.count; i++) {
        if (dbk_slice_eq(dbk_str_slice(&st->named.items[i].name), name)) {
            *out = &st->named.items[i];
            return DBK_OK;
        }
    }
    dbk_status status = append_param(&st->named, err);
    *out = status == DBK_OK ? &st->named.items[st->named.count - 1] : NULL;
    return status;
}

dbk_status dbk_statement_bind_literal(dbk_statement *st, size_t ordinal, dbk_slice name,
                                      dbk_slice type, dbk_slice value, dbk_error *err) {
    dbk_status status = DBK_OK;
    dbk_literal literal = {0};
    dbk_param *param = NULL;
    if (name.ptr != NULL && name.len == 0) {
        return dbk_error_set(err, DBK_INVALID_ARGUMENT, "named parameter name must not be empty");
    }
    status = dbk_literal_make(type, value, &literal, err);
    if (status == DBK_OK && name.ptr == NULL) {
        status =
            dbk_statement_bind(st, ordinal, literal.type.ptr, dbk_str_slice(&literal.value), err);
    } else if (status == DBK_OK) {
        size_t before = st->named.count;
        status = named_param(st, name, &param, err);
        status = status == DBK_OK ? fill_param(param, name, dbk_str_slice(&literal.type),
                                               dbk_str_slice(&literal.value), err)
                                  : status;
        st->named.count = status == DBK_OK ? st->named.count : before;
    }
    dbk_literal_reset(&literal);
    return status;
}

dbk_status dbk_statement_bind_double(dbk_statement *st, size_t ordinal, double value,
                                     dbk_error *err) {
    char text[400];
    dbk_double_text(value, text, sizeof text);
    return dbk_statement_bind(st, ordinal, "DOUBLE", dbk_slice_of(text), err);
}

dbk_status dbk_statement_bind_raw(dbk_statement *st, dbk_slice name, dbk_slice type,
                                  dbk_slice value, dbk_error *err) {
    dbk_status status = append_param(&st->raw, err);
    if (status == DBK_OK) {
        status = fill_param(&st->raw.items[st->raw.count - 1], name, type, value, err);
        st->raw.count -= status == DBK_OK ? 0 : 1;
    }
    return status;
}

/* ---- options ---- */

static dbk_status set_row_limit(dbk_statement *st, dbk_slice value, dbk_error *err) {
    int64_t limit = 0;
    if (value.len == 0) {
        st->has_row_limit = false;
        return DBK_OK;
    }
    if (!dbk_parse_i64(value, &limit) || limit < 0) {
        return dbk_error_set(err, DBK_INVALID_ARGUMENT,
                             "statement option 'row_limit' expects a count of rows, got \"%.*s\"",
                             (int)dbk_min_size(value.len, 100), value.ptr);
    }
    st->has_row_limit = true;
    st->row_limit = limit;
    return DBK_OK;
}

/* One "key:value" or "key"; \ escapes the next character. Spec sea-protocol 3. */
static dbk_status add_tag(dbk_pairs *tags, dbk_slice text, dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_buf key = {0};
    dbk_buf value = {0};
    bool in_value = false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool escaped = c == '\\' && i + 1 < text.len;
        if (escaped) {
            c = text.ptr[++i];
        } else if (c == ':' && !in_value) {
            in_value = true;
            continue;
        }
        DBK_TRY(dbk_buf_putc(in_value ? &value : &key, c, err));
    }
    DBK_TRY(dbk_pairs_add(tags, dbk_buf_slice(&key), dbk_buf_slice(&value), err));
    if (!in_value) {
        dbk_str_reset(&tags->items[tags->count - 1].value); /* a bare key */
    }
done:
    dbk_buf_reset(&key);
    dbk_buf_reset(&value);
    return st;
}

static dbk_status set_tags(dbk_statement *st, dbk_slice text, dbk_error *err) {
    dbk_status status = DBK_OK;
    dbk_pairs tags = {0};
    size_t at = 0;
    while (at < text.len && status == DBK_OK) {
        size_t start = at;
        while (at < text.len && text.ptr[at] != ',') {
            at += text.ptr[at] == '\\' && at + 1 < text.len ? 2 : 1;
        }
        if (at > start) {
            status = add_tag(&tags, dbk_slice_n(text.ptr + start, at - start), err);
        }
        at++; /* the comma */
    }
    if (status == DBK_OK) {
        dbk_pairs old = st->tags;
        st->tags = tags;
        tags = old;
    }
    dbk_pairs_reset(&tags);
    return status;
}

dbk_status dbk_statement_configure(dbk_statement *st, dbk_slice key, dbk_slice value,
                                   dbk_error *err) {
    if (dbk_slice_eq(key, DBK_SLICE("row_limit"))) {
        return set_row_limit(st, value, err);
    }
    if (dbk_slice_eq(key, DBK_SLICE("query_tags"))) {
        return set_tags(st, value, err);
    }
    return dbk_error_set(err, DBK_INVALID_ARGUMENT,
                         "unknown statement option '%.*s'; supported: row_limit, query_tags",
                         (int)dbk_min_size(key.len, 100), key.ptr);
}

/* ---- the request ---- */

static dbk_status check_params(const dbk_statement *st, dbk_error *err) {
    bool named = false;
    bool positional = false;
    for (size_t i = 0; i < st->raw.count; i++) {
        named = named || st->raw.items[i].name.len > 0;
        positional = positional || st->raw.items[i].name.len == 0;
    }
    if (st->typed.count > 0 && st->named.count > 0) {
        return dbk_error_set(err, DBK_INVALID_ARGUMENT,
                             "positional and named parameters are mutually exclusive; pass only "
                             "one");
    }
    if (st->raw.count > 0 && st->typed.count + st->named.count > 0) {
        return dbk_error_set(err, DBK_INVALID_ARGUMENT,
                             "raw parameters cannot be mixed with positional/named TypedValue "
                             "params");
    }
    if (named && positional) {
        return dbk_error_set(err, DBK_INVALID_ARGUMENT,
                             "positional and named raw parameters are mutually exclusive; pass "
                             "only one");
    }
    return DBK_OK;
}

static void describe_param(const dbk_param *p, size_t at, dbk_sea_parameter *out) {
    *out = (dbk_sea_parameter){.name = dbk_str_slice(&p->name),
                               .ordinal = (int64_t)at + 1,
                               .type = dbk_str_slice(&p->type),
                               .value = dbk_str_slice(&p->value)};
    if (!p->set) { /* a gap between bound ordinals */
        out->type = DBK_SLICE("STRING");
    }
}

static dbk_status build_request(const dbk_statement *st, dbk_request *r, dbk_error *err) {
    dbk_status status = DBK_OK;
    const dbk_params *params = st->raw.count > 0     ? &st->raw
                               : st->named.count > 0 ? &st->named
                                                     : &st->typed;
    if (st->sql.ptr == NULL) {
        return dbk_error_set(err, DBK_INVALID_ARGUMENT,
                             "StatementSpec.sql must be set before execute()");
    }
    status = check_params(st, err);
    if (status != DBK_OK) {
        return status;
    }
    r->parameters = dbk_alloc_array(params->count, sizeof *r->parameters);
    r->tags = dbk_alloc_array(st->tags.count, sizeof *r->tags);
    if (r->parameters == NULL || r->tags == NULL) {
        return dbk_error_oom(err, "a statement request");
    }
    for (size_t i = 0; i < params->count; i++) {
        describe_param(&params->items[i], i, &r->parameters[i]);
    }
    for (size_t i = 0; i < st->tags.count; i++) {
        r->tags[i].key = dbk_str_slice(&st->tags.items[i].name);
        r->tags[i].value = dbk_str_slice(&st->tags.items[i].value);
    }
    r->wire = (dbk_sea_statement_request){
        .session_id = dbk_str_slice(&st->session->id),
        .sql = dbk_str_slice(&st->sql),
        .inline_only = st->session->inline_only,
        .has_row_limit = st->has_row_limit,
        .row_limit = st->row_limit,
        .parameters = r->parameters,
        .parameter_count = params->count,
        .tags = r->tags,
        .tag_count = st->tags.count,
    };
    return DBK_OK;
}

static void reset_request(dbk_request *r) {
    dbk_free(r->parameters);
    dbk_free(r->tags);
}

/* ---- execute ---- */

/* The execution that a canceller or a progress reader finds; the one before becomes stale. */
static void set_current(dbk_statement *st, dbk_exec *e) {
    dbk_mutex_lock(&st->lock);
    dbk_exec *old = st->current;
    st->current = e != NULL ? dbk_exec_ref(e) : NULL;
    dbk_mutex_unlock(&st->lock);
    if (old != NULL && !old->submitted && !atomic_load(&old->lent)) {
        dbk_exec_retire(old, DBK_EXEC_STALE);
    }
    dbk_exec_unref(old);
}

/* Length and hash tell one from another; the text is for those who ask for it twice. */
static void log_sql(const dbk_statement *st) {
    const char *asked = getenv("DBK_LOG_SQL");
    dbk_slice sql = dbk_str_slice(&st->sql);
    DBK_LOG(DEBUG, st->session->id.ptr, "executing %zu bytes of SQL, hash %016" PRIx64, sql.len,
            dbk_slice_hash(sql, DBK_HASH_INIT));
    if (asked != NULL && strcmp(asked, "1") == 0) {
        DBK_LOG(TRACE, st->session->id.ptr, "SQL: %.*s", (int)dbk_min_size(sql.len, SQL_SHOWN),
                sql.ptr);
    }
}

dbk_status dbk_statement_begin(dbk_statement *st, dbk_run_kind kind, dbk_exec **out, dbk_op **op,
                               dbk_error *err) {
    dbk_request request = {0};
    dbk_exec *e = NULL;
    dbk_status status = build_request(st, &request, err);
    if (status == DBK_OK) {
        status = dbk_exec_new(st->session, &e, err);
    }
    if (status == DBK_OK) {
        e->internal = st->internal;
        e->wants_rows = !st->internal && dbk_sql_asks_for_rows(dbk_str_slice(&st->sql));
        e->volume = dbk_volume_of(dbk_str_slice(&st->sql));
        e->submitted = kind == DBK_RUN_SUBMIT || kind == DBK_RUN_ASK;
        request.wire.no_wait = e->no_wait = kind == DBK_RUN_SUBMIT;
        status = dbk_run_new(e, kind, &request.wire, 0, op, err);
    }
    reset_request(&request);
    if (status != DBK_OK) {
        dbk_exec_unref(e);
        return status;
    }
    if (dbk_log_on(DBK_LOG_DEBUG)) {
        log_sql(st);
    }
    dbk_exec_set_teller(e, st);
    dbk_exec_begin_telling(e);
    dbk_exec_arm(e, *op); /* before anybody can find e */
    set_current(st, e);
    *out = e;
    return DBK_OK;
}

dbk_status dbk_statement_finish(dbk_exec *takes_e, dbk_op *takes_op, dbk_status ran,
                                dbk_exec **out) {
    dbk_exec_disarm(takes_e, takes_op);
    if (ran == DBK_OK) {
        *out = takes_e;
        return DBK_OK;
    }
    dbk_exec_release_server(takes_e); /* nobody gets a handle: the server need not keep it */
    dbk_exec_unref(takes_e);
    return ran;
}

static dbk_status start(dbk_statement *st, dbk_run_kind kind, dbk_exec **out, dbk_error *err) {
    dbk_exec *e = NULL;
    dbk_op *op = NULL;
    dbk_status status = dbk_statement_begin(st, kind, &e, &op, err);
    return status == DBK_OK ? dbk_statement_finish(e, op, dbk_op_run(op, err), out) : status;
}

dbk_status dbk_statement_execute(dbk_statement *st, dbk_exec **out, dbk_error *err) {
    return start(st, DBK_RUN_EXECUTE, out, err);
}

dbk_status dbk_statement_submit(dbk_statement *st, dbk_exec **out, dbk_error *err) {
    return start(st, DBK_RUN_SUBMIT, out, err);
}

void dbk_statement_invalidate(dbk_statement *st) {
    set_current(st, NULL);
}

/* ---- looking from other threads ---- */

dbk_exec *dbk_statement_current(dbk_statement *st) {
    dbk_mutex_lock(&st->lock);
    dbk_exec *e = st->current != NULL ? dbk_exec_ref(st->current) : NULL;
    dbk_mutex_unlock(&st->lock);
    return e;
}

void dbk_statement_progress(dbk_statement *st, dbk_exec_progress *out) {
    memset(out, 0, sizeof *out);
    out->result.chunks_total = out->result.rows_total = -1;
    dbk_exec *e = dbk_statement_current(st);
    if (e == NULL) {
        return;
    }
    bool finished = atomic_load_explicit(&e->finished, memory_order_acquire);
    uint64_t now = dbk_lane_now_ms(dbk_runtime_control(e->session->runtime));
    out->state = (dbk_sea_state)atomic_load(&e->state);
    out->elapsed_ms = now - e->begun_ms;
    if (!dbk_exec_copy_id(e, out->query_id, sizeof out->query_id)) {
        out->query_id[0] = '\0';
    }
    out->has_result = finished && e->stream != NULL;
    if (out->has_result) {
        dbk_stream_measure(e->stream, &out->result);
    }
    dbk_exec_unref(e);
}

/* ---- cancelling ---- */

struct dbk_canceller {
    dbk_statement *st; /* counted */
};

dbk_status dbk_canceller_new(dbk_statement *st, dbk_canceller **out, dbk_error *err) {
    dbk_canceller *c = dbk_alloc_zero(sizeof *c);
    if (c == NULL) {
        return dbk_error_oom(err, "a canceller");
    }
    c->st = dbk_statement_ref(st);
    *out = c;
    return DBK_OK;
}

void dbk_canceller_free(dbk_canceller *c) {
    if (c != NULL) {
        dbk_statement_unref(c->st);
        dbk_free(c);
    }
}

bool dbk_canceller_query_id(const dbk_canceller *c, char *out, size_t size) {
    dbk_exec *e = dbk_statement_current(c->st);
    bool known = e != NULL && dbk_exec_copy_id(e, out, size);
    dbk_exec_unref(e);
    return known;
}

dbk_exec *dbk_canceller_exec(const dbk_canceller *c) {
    return dbk_statement_current(c->st);
}

dbk_status dbk_canceller_cancel(dbk_canceller *c, bool *dispatched, dbk_error *err) {
    *dispatched = false;
    dbk_exec *e = dbk_statement_current(c->st);
    if (e == NULL) {
        return DBK_OK; /* nothing ran yet */
    }
    return dbk_exec_cancel(e, dispatched, err);
}
