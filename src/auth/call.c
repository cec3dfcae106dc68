#include "auth/call.h"

#include <stdio.h>

#define MAX_ANSWER   (1024u * 1024u)
#define ATTEMPTS     4u
#define CLOCK_OFF_MS 60000

enum { CALL_SEND, CALL_ANSWER, CALL_PAUSE };

static dbk_auth_call *call_of(dbk_op *op) {
    return DBK_CONTAINER_OF(op, dbk_auth_call, op);
}

static dbk_status write_form(dbk_auth_call *c, dbk_error *err) {
    dbk_buf_wipe(&c->form);
    return c->request.write_form != NULL ? c->request.write_form(c->request.ctx, &c->form, err)
                                         : DBK_OK;
}

static dbk_step call_send(dbk_op *op) {
    dbk_auth_call *c = call_of(op);
    const char *lines[4];
    size_t n = 0;
    bool post = c->request.write_form != NULL;
    if (write_form(c, &op->err) != DBK_OK) {
        return dbk_op_finish(op, op->err.code);
    }
    c->answer.sent_ms = dbk_lane_now_ms(op->lane);
    c->begun_ms = c->answer.attempts == 0 ? c->answer.sent_ms : c->begun_ms;
    if (c->request.accept_json) {
        lines[n++] = "accept: application/json";
    }
    if (post) {
        lines[n++] = "content-type: application/x-www-form-urlencoded";
    }
    if (c->authorization.len > 0) {
        lines[n++] = c->authorization.ptr;
    }
    if (c->request.names_workspace && c->env->org_line.len > 0) {
        lines[n++] = c->env->org_line.ptr;
    }
    dbk_http_request request = {
        .method = post ? "POST" : "GET",
        .url = c->url.ptr,
        .headers = lines,
        .header_count = n,
        .body = dbk_buf_slice(&c->form),
        .has_body = post,
        .repeatable = c->request.effect == DBK_EFFECT_NONE,
        .secret = true,
        .max_body = MAX_ANSWER,
    };
    c->answer.attempts++;
    DBK_LOG(DEBUG, op->session_id, "%s (attempt %u/%u)", c->request.what, c->answer.attempts,
            c->policy.max_attempts);
    return dbk_op_wait_http(op, c->env->http, &request, CALL_ANSWER);
}

/* The Date of an answer is the time half a round trip ago, to a second. */
static void note_date(dbk_auth_call *c, const dbk_http_response *r) {
    if (r->date_unix_s >= 0) {
        int64_t offset =
            r->date_unix_s * 1000 + 500 - dbk_clock_wall_ms(dbk_lane_clock(c->op.lane));
        int64_t change = offset - c->env->offset_ms;
        c->answer.clock_was_off = change > CLOCK_OFF_MS || change < -CLOCK_OFF_MS;
        c->env->offset_ms = offset;
    }
}

static void keep_answer(dbk_auth_call *c, dbk_http_response *r) {
    dbk_auth_answer *a = &c->answer;
    a->outcome = r->status >= 300 ? DBK_HTTP_ANSWERED : r->outcome;
    a->status = r->status;
    a->request_sent = r->request_sent;
    (void)snprintf(a->location, sizeof a->location, "%s", r->location);
    (void)snprintf(a->request_id, sizeof a->request_id, "%s", r->request_id);
    (void)snprintf(a->why, sizeof a->why, "%s", r->why);
    dbk_buf_wipe(&a->body);
    a->body = dbk_buf_take(&r->body);
}

static dbk_step call_answer(dbk_op *op) {
    dbk_auth_call *c = call_of(op);
    dbk_http_response *r = dbk_http_response_of(op->http);
    const dbk_clock *clock = dbk_lane_clock(op->lane);
    dbk_retry_input in = {
        .policy = &c->policy,
        .response = r,
        .effect = c->request.effect,
        .attempts_made = c->answer.attempts,
        .elapsed_ms = dbk_lane_now_ms(op->lane) - c->begun_ms,
        .wall_ms = dbk_clock_wall_ms(clock),
        .random = (uint32_t)clock->mono_ns(clock),
    };
    note_date(c, r);
    bool again = dbk_retry_decide(&in, &c->pause_ms);
    if (again) {
        DBK_LOG(DEBUG, op->session_id, "%s: %s %d, waiting %llu ms before retry", c->request.what,
                r->why[0] != '\0' ? r->why : "HTTP", r->status, (unsigned long long)c->pause_ms);
        return dbk_op_goto(op, CALL_PAUSE);
    }
    keep_answer(c, r);
    return dbk_op_finish(op, DBK_OK);
}

static dbk_step call_pause(dbk_op *op) {
    return dbk_op_wait_ms(op, call_of(op)->pause_ms, CALL_SEND);
}

static void call_destroy(dbk_op *op) {
    dbk_auth_call *c = call_of(op);
    dbk_buf_wipe(&c->form);
    dbk_buf_wipe(&c->answer.body);
    dbk_secret_reset(&c->authorization);
    dbk_str_reset(&c->url);
    dbk_free(c);
}

static const dbk_state call_states[] = {
    [CALL_SEND] = {"send", call_send, DBK_TO(CALL_ANSWER)},
    [CALL_ANSWER] = {"answer", call_answer, DBK_TO(CALL_PAUSE)},
    [CALL_PAUSE] = {"pause", call_pause, DBK_TO(CALL_SEND)},
};
static const dbk_machine call_machine = {"login request", call_states, 3, NULL, call_destroy};

dbk_status dbk_auth_call_new(dbk_auth_env *env, const dbk_auth_request *request,
                             dbk_auth_call **out, dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_auth_call *c = dbk_alloc_zero(sizeof *c);
    if (c == NULL) {
        return dbk_error_oom(err, "a login request");
    }
    dbk_op_init(&c->op, &call_machine, env->lane);
    c->op.deadline_ms = DBK_AUTH_LIMIT_MS;
    c->env = env;
    c->request = *request;
    c->policy = env->retry;
    c->policy.max_attempts = ATTEMPTS;
    c->policy.budget_ms = DBK_AUTH_LIMIT_MS;
    DBK_TRY(dbk_str_set(&c->url, request->url, err));
    DBK_TRY(dbk_secret_set(&c->authorization, request->authorization, err));
    *out = c;
    c = NULL;
done:
    dbk_auth_call_unref(c);
    return st;
}
