#include "sea/call.h"

#include <stdio.h>

#include "sea/client.h"
#include "sea/login_page.h"
#include "sea/parser.h"

#define ERROR_BODY_MAX   (1024u * 1024u)
#define LONG_PAUSE_MS    10000u /* a user notices: spec logging 5 allows one WARN */
#define LINES_OF_OUR_OWN 2      /* can-run-fully-sync, content-type */

struct dbk_sea_call {
    dbk_op op;
    dbk_sea *sea;      /* reference */
    dbk_sea_plan plan; /* url and body owned; the ids are the two texts below */
    dbk_str statement_id;
    dbk_op *refresh;        /* owned: the login that SEND waits for */
    dbk_host_probe *host;   /* owned: asked once a login page has answered */
    dbk_sea_parser *parser; /* of the running attempt */
    dbk_error sink_err;     /* why the sink stopped the exchange */
    dbk_sea_reply reply;
    uint64_t started_ms; /* first attempt */
    uint64_t pause_ms;
    uint32_t attempts;   /* requests started */
    uint64_t waiting_ns; /* for a token or the next attempt since then; 0: not, or nobody listens */
    uint64_t sent_ns;
    bool in_flight;     /* between SEND and ANSWER */
    bool token_refused; /* a 401 came, and the request was or is about to be sent once more */
    dbk_auth_generation token;
};

/* One request. Read top to bottom; the table below is the map. The runner owns deadline and cancel.
 */
enum { CALL_TOKEN, CALL_SEND, CALL_ANSWER, CALL_PAUSE, CALL_HOST };

static dbk_sea_call *call_of(dbk_op *op) {
    return DBK_CONTAINER_OF(op, dbk_sea_call, op);
}

/* ---- what is told of it ---- */

static const dbk_clock *clock_of(const dbk_sea_call *c) {
    return dbk_lane_clock(c->op.lane);
}

static const char *statement_of(const dbk_sea_call *c) {
    return c->statement_id.ptr != NULL ? c->statement_id.ptr : c->reply.statement_id.ptr;
}

static void tell_wait(dbk_sea_call *c, const char *reason) {
    dbk_tracer *t = c->sea->tracer;
    if (t != NULL && c->waiting_ns != 0) {
        dbk_span span = DBK_SPAN_INIT;
        span.kind = DBK_SPAN_WAIT;
        span.name = reason;
        span.clock = clock_of(c);
        span.begun_ns = c->waiting_ns;
        span.session_id = c->op.session_id;
        span.statement_id = statement_of(c);
        t->tell(t, &span);
    }
    c->waiting_ns = 0;
}

static dbk_slice shown_path(const dbk_sea_call *c);

static void tell_request(const dbk_sea_call *c, const dbk_http_response *r) {
    dbk_tracer *t = c->sea->tracer;
    if (t != NULL) {
        dbk_span span = DBK_SPAN_INIT;
        span.kind = DBK_SPAN_REQUEST;
        span.name = c->plan.name;
        span.clock = clock_of(c);
        span.begun_ns = c->sent_ns;
        span.session_id = c->op.session_id;
        span.statement_id = statement_of(c);
        span.method = c->plan.method;
        span.path = shown_path(c);
        span.host = dbk_url_authority(dbk_str_slice(&c->sea->origin));
        span.http_status = r->status;
        span.attempt = c->attempts;
        span.error = c->op.err.code != DBK_OK          ? c->op.err.code
                     : r->outcome == DBK_HTTP_ANSWERED ? DBK_OK
                                                       : DBK_NETWORK;
        t->tell(t, &span);
    }
}

/* ---- token ---- */

static dbk_step call_token(dbk_op *op) { /* before every attempt: a pause may outlive a token */
    dbk_sea_call *c = call_of(op);
    if (c->attempts == 0) {
        c->started_ms = dbk_lane_now_ms(op->lane);
    }
    tell_wait(c, "retry");
    dbk_op_unref(c->refresh);
    dbk_status st = dbk_auth_refresh(c->sea->auth, &c->refresh, &op->err);
    if (st != DBK_OK) {
        return dbk_op_finish(op, st);
    }
    c->waiting_ns = c->refresh != NULL ? dbk_trace_now(c->sea->tracer, clock_of(c)) : 0;
    return c->refresh != NULL ? dbk_op_wait_op(op, c->refresh, CALL_SEND)
                              : dbk_op_goto(op, CALL_SEND);
}

/* ---- send ---- */

static dbk_sink_answer take_body(void *ctx, const dbk_http_response *head, dbk_slice bytes) {
    dbk_sea_call *c = ctx;
    if (c->plan.kind == DBK_SEA_EMPTY) {
        return DBK_SINK_GO;
    }
    (void)head;
    return dbk_sea_parser_feed(c->parser, bytes, &c->sink_err) == DBK_OK ? DBK_SINK_GO
                                                                         : DBK_SINK_STOP;
}

/* What an earlier attempt left behind is no part of this answer. */
static dbk_status fresh_parser(dbk_sea_call *c, dbk_error *err) {
    dbk_sea_parser_free(c->parser);
    c->parser = NULL;
    dbk_error_reset(&c->sink_err);
    return dbk_sea_parser_new(c->plan.kind, &c->parser, err);
}

/* The path without origin and query. */
static dbk_slice shown_path(const dbk_sea_call *c) {
    dbk_slice path =
        dbk_slice_n(c->plan.url.ptr + c->sea->origin.len, c->plan.url.len - c->sea->origin.len);
    dbk_slice rest = path;
    (void)dbk_slice_split(&rest, '?', &path);
    return path;
}

static void log_request(const dbk_sea_call *c) {
    dbk_slice path = shown_path(c);
    DBK_LOG(DEBUG, c->op.session_id, "%s: %s %.*s (attempt %u/%u)", c->plan.name, c->plan.method,
            (int)dbk_min_size(path.len, 300), path.ptr, c->attempts, c->sea->retry.max_attempts);
}

/* Fills lines (room for all) and gives their number; of auth: NUL after NUL. */
static size_t gather_lines(const dbk_sea_call *c, const char *auth, size_t auth_count,
                           const char **lines) {
    size_t n = 0;
    for (; n < c->sea->line_count; n++) {
        lines[n] = c->sea->lines[n].ptr;
    }
    if (c->plan.fully_sync) {
        lines[n++] = "x-databricks-sea-can-run-fully-sync: true";
    }
    if (c->plan.body.len > 0) {
        lines[n++] =
            c->plan.content_type != NULL ? c->plan.content_type : "content-type: application/json";
    }
    for (size_t i = 0; i < auth_count; i++, auth += strlen(auth) + 1) {
        lines[n++] = auth;
    }
    return n;
}

static dbk_step start_exchange(dbk_op *op, const char **lines, size_t line_count) {
    dbk_sea_call *c = call_of(op);
    dbk_http_request request = {
        .method = c->plan.method,
        .url = c->plan.url.ptr,
        .headers = lines,
        .header_count = line_count,
        .body = dbk_buf_slice(&c->plan.body),
        .has_body = c->plan.has_body,
        .repeatable = c->plan.effect == DBK_EFFECT_NONE,
        .max_body = ERROR_BODY_MAX, /* of an error: the sink takes the rest */
        .sink = {take_body, c},
    };
    c->attempts++;
    c->sent_ns = dbk_trace_now(c->sea->tracer, clock_of(c));
    c->in_flight = true;
    log_request(c);
    return dbk_op_wait_http(op, c->sea->http, &request, CALL_ANSWER);
}

static dbk_step call_send(dbk_op *op) {
    dbk_sea_call *c = call_of(op);
    dbk_status st = DBK_OK;
    dbk_buf auth = {0};
    size_t auth_count = 0;
    const char **lines =
        dbk_alloc_array(c->sea->line_count + LINES_OF_OUR_OWN + DBK_AUTH_LINES_MAX, sizeof *lines);
    if (lines == NULL) {
        return dbk_op_finish(op, dbk_error_oom(&op->err, "a request"));
    }
    dbk_step step = DBK_STEP_DONE;
    tell_wait(c, "token");
    DBK_TRY(fresh_parser(c, &op->err));
    DBK_TRY(dbk_auth_put_lines(c->sea->auth, &auth, &auth_count, &c->token, &op->err));
    step = start_exchange(op, lines, gather_lines(c, auth.ptr, auth_count, lines));
done:
    dbk_buf_wipe(&auth); /* the exchange has its own copy */
    dbk_free(lines);
    return st == DBK_OK ? step : dbk_op_finish(op, st);
}

/* ---- answer ---- */

static bool is_success(const dbk_http_response *r) {
    return r->outcome == DBK_HTTP_ANSWERED && r->status >= 200 && r->status < 300;
}

/* A status line that says no is the answer, even when the connection broke or our limit was reached
 * inside the body: that would only have explained it. */
static void accept_cut_answer(dbk_http_response *r) {
    if (r->status >= 300) {
        r->outcome = DBK_HTTP_ANSWERED;
    }
}

static dbk_status fail(dbk_sea_call *c, const dbk_http_response *r) {
    dbk_error *err = &c->op.err;
    if (c->sink_err.code != DBK_OK) { /* the sink knows better than "stopped by the sink" */
        dbk_error_move(err, &c->sink_err);
        err->attempts = c->attempts;
        err->may_have_executed = c->plan.effect == DBK_EFFECT_UNSAFE;
    } else {
        (void)dbk_sea_http_error(r, c->plan.url.ptr, c->attempts,
                                 c->plan.effect == DBK_EFFECT_UNSAFE, err);
        dbk_auth_scrub(c->sea->auth, err);
    }
    if (c->statement_id.len > 0) {
        dbk_error_set_query_id(err, c->statement_id.ptr);
    }
    return err->code;
}

static dbk_status read_reply(dbk_sea_call *c, const dbk_http_response *r) {
    dbk_error *err = &c->op.err;
    dbk_sea_parser_set_content_type(c->parser, r->content_type);
    dbk_status st = dbk_sea_parser_finish(c->parser, &c->reply, err);
    if (st == DBK_OK) {
        c->reply.server_unix_s = r->date_unix_s;
        return st;
    }
    err->attempts = c->attempts;
    err->may_have_executed = c->plan.effect == DBK_EFFECT_UNSAFE;
    (void)snprintf(err->request_id, sizeof err->request_id, "%s", r->request_id);
    if (c->statement_id.len > 0) {
        dbk_error_set_query_id(err, c->statement_id.ptr);
    }
    return st;
}

/* Spreads the retries of many clients; nothing depends on its quality. */
static uint32_t any_number(const dbk_sea_call *c) {
    uint64_t x =
        (uint64_t)(uintptr_t)c ^ dbk_lane_clock(c->op.lane)->mono_ns(dbk_lane_clock(c->op.lane));
    x = (x ^ (x >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    return (uint32_t)(x >> 32);
}

static bool may_repeat(dbk_sea_call *c, const dbk_http_response *r) {
    dbk_retry_input in = {
        .policy = &c->sea->retry,
        .response = r,
        .effect = c->plan.effect,
        .attempts_made = c->attempts,
        .elapsed_ms = dbk_lane_now_ms(c->op.lane) - c->started_ms,
        .wall_ms = dbk_clock_wall_ms(dbk_lane_clock(c->op.lane)),
        .random = any_number(c),
    };
    return c->sink_err.code == DBK_OK && dbk_retry_decide(&in, &c->pause_ms);
}

static void log_pause(const dbk_sea_call *c, const dbk_http_response *r) {
    bool warn = c->attempts == 1 && c->pause_ms >= LONG_PAUSE_MS;
    dbk_log_level level = warn ? DBK_LOG_WARN : DBK_LOG_DEBUG;
    if (!dbk_log_on(level)) {
        return;
    }
    char what[sizeof r->why];
    if (r->outcome == DBK_HTTP_ANSWERED) {
        (void)snprintf(what, sizeof what, "HTTP %d", r->status);
    } else {
        (void)snprintf(what, sizeof what, "%s", r->why);
    }
    dbk_log_write(level, c->op.session_id, "%s: %s (attempt %u/%u), waiting %llu ms before retry",
                  c->plan.name, what, c->attempts, c->sea->retry.max_attempts,
                  (unsigned long long)c->pause_ms);
}

/* A 401 is said before anything is done, so that every request may be sent once more with another
 * token: spec auth 10. Once: a server that refuses that one too means the caller. */
static bool token_refused(dbk_sea_call *c, const dbk_http_response *r) {
    if (r->status != 401 || c->token_refused || !dbk_auth_refused(c->sea->auth, c->token)) {
        return false;
    }
    c->token_refused = true;
    return true;
}

/* The error is known; the kind of host says more. */
static dbk_step ask_host(dbk_op *op, const dbk_http_response *r) {
    dbk_sea_call *c = call_of(op);
    dbk_error ignored = {0};
    dbk_status st = is_success(r) ? read_reply(c, r) : fail(c, r);
    if (st == DBK_OK) { /* a good answer under a wrong name */
        return dbk_op_finish(op, st);
    }
    st = dbk_host_probe_new(op->lane, c->sea->http, dbk_str_slice(&c->sea->origin), &c->host,
                            &ignored);
    dbk_error_reset(&ignored);
    return st == DBK_OK ? dbk_op_try_op(op, &c->host->op, CALL_HOST)
                        : dbk_op_finish(op, op->err.code);
}

static dbk_step call_host(dbk_op *op) {
    dbk_sea_call *c = call_of(op);
    return dbk_op_finish(op, dbk_sea_blame_login(c->sea, &c->host->facts, &op->err));
}

static dbk_step judge(dbk_sea_call *c, const dbk_http_response *r) {
    dbk_op *op = &c->op;
    if (dbk_sea_is_login_page(c->sea, c->plan.kind, r)) {
        return ask_host(op, r);
    }
    if (is_success(r)) {
        return dbk_op_finish(op, read_reply(c, r));
    }
    if (token_refused(c, r)) {
        return dbk_op_goto(op, CALL_TOKEN);
    }
    if (c->plan.gone_is_done && c->attempts > 1 && r->status == 404) {
        return dbk_op_finish(op, DBK_OK); /* the answer to an earlier attempt was lost */
    }
    if (may_repeat(c, r)) {
        log_pause(c, r);
        return dbk_op_goto(op, CALL_PAUSE);
    }
    return dbk_op_finish(op, fail(c, r));
}

static void log_answer(const dbk_sea_call *c, const dbk_http_response *r) {
    DBK_LOG(TRACE, c->op.session_id, "%s: HTTP %d (attempt %u/%u) after %llu ms%s%s", c->plan.name,
            r->status, c->attempts, c->sea->retry.max_attempts,
            (unsigned long long)(dbk_lane_now_ms(c->op.lane) - c->started_ms),
            statement_of(c) != NULL ? ", statement " : "",
            statement_of(c) != NULL ? statement_of(c) : "");
}

static dbk_step call_answer(dbk_op *op) {
    dbk_sea_call *c = call_of(op);
    dbk_http_response *r = dbk_http_response_of(op->http);
    c->in_flight = false;
    accept_cut_answer(r);
    dbk_auth_note_date(c->sea->auth, r->date_unix_s);
    dbk_step step = judge(c, r);
    log_answer(c, r);
    tell_request(c, r);
    return step;
}

static dbk_step call_pause(dbk_op *op) {
    dbk_sea_call *c = call_of(op);
    c->waiting_ns = dbk_trace_now(c->sea->tracer, clock_of(c));
    return dbk_op_wait_ms(op, call_of(op)->pause_ms, CALL_TOKEN);
}

/* Cancel or deadline. A request under way may still be served. */
static void call_cancelled(dbk_op *op) {
    dbk_sea_call *c = call_of(op);
    op->err.may_have_executed = c->in_flight && c->plan.effect == DBK_EFFECT_UNSAFE;
    op->err.attempts = c->attempts;
    if (c->statement_id.len > 0) {
        dbk_error_set_query_id(&op->err, c->statement_id.ptr);
    }
}

/* ---- the machine ---- */

static void call_destroy(dbk_op *op) {
    dbk_sea_call *c = call_of(op);
    dbk_op_unref(c->refresh);
    dbk_host_probe_unref(c->host);
    dbk_sea_parser_free(c->parser);
    dbk_error_reset(&c->sink_err);
    dbk_sea_reply_reset(&c->reply);
    dbk_str_reset(&c->plan.url);
    dbk_buf_wipe(&c->plan.body); /* SQL and bound values: not ours to leave behind */
    dbk_str_reset(&c->statement_id);
    dbk_sea_unref(c->sea);
    dbk_free(c);
}

static const dbk_state call_states[] = {
    /* state        name      code         may go to */
    [CALL_TOKEN] = {"token", call_token, DBK_TO(CALL_SEND)},
    [CALL_SEND] = {"send", call_send, DBK_TO(CALL_ANSWER)},
    [CALL_ANSWER] = {"answer", call_answer,
                     DBK_TO(CALL_PAUSE) | DBK_TO(CALL_TOKEN) | DBK_TO(CALL_HOST)},
    [CALL_PAUSE] = {"pause", call_pause, DBK_TO(CALL_TOKEN)},
    [CALL_HOST] = {"host", call_host, 0},
};
static const dbk_machine call_machine = {"request", call_states,
                                         sizeof call_states / sizeof call_states[0], call_cancelled,
                                         call_destroy};

static dbk_status copy_id(dbk_str *to, dbk_slice id, dbk_error *err) {
    return id.len > 0 ? dbk_str_set(to, id, err) : DBK_OK;
}

dbk_status dbk_sea_call_new(dbk_sea *sea, dbk_lane *lane, dbk_sea_plan *plan, dbk_sea_call **out,
                            dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_sea_call *c = dbk_alloc_zero(sizeof *c);
    if (c == NULL) {
        dbk_str_reset(&plan->url);
        dbk_buf_wipe(&plan->body);
        return dbk_error_oom(err, "a request");
    }
    dbk_op_init(&c->op, &call_machine, lane);
    c->sea = dbk_sea_ref(sea);
    c->plan = *plan;
    *plan = (dbk_sea_plan){0};
    DBK_TRY(copy_id(&c->statement_id, c->plan.statement_id, err));
    c->plan.statement_id = (dbk_slice){NULL, 0}; /* was the caller's */
    c->op.session_id = c->sea->session_id.ptr;
    *out = c;
done:
    if (st != DBK_OK) {
        dbk_op_unref(&c->op);
    }
    return st;
}

dbk_op *dbk_sea_call_op(dbk_sea_call *call) {
    return &call->op;
}

dbk_sea_reply *dbk_sea_call_reply(dbk_sea_call *call) {
    return &call->reply;
}

void dbk_sea_call_take_reply(dbk_sea_call *call, dbk_sea_reply *out) {
    *out = call->reply;
    call->reply = (dbk_sea_reply){0};
}

uint32_t dbk_sea_call_retries(const dbk_sea_call *call) {
    return call->attempts > 0 ? call->attempts - 1 : 0;
}
