#include "auth/grant.h"

#include <stdio.h>

#include "auth/form.h"

#define DEFAULT_LIFE_S 3600.0

/* ---- the answer ---- */

void dbk_json_wipe(json_t *doc) {
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach(doc, key, value) {
        if (json_is_string(value)) { /* jansson's own copy: ours alone, and about to be freed */
            dbk_wipe((void *)(uintptr_t)json_string_value(value), json_string_length(value));
        }
    }
    json_decref(doc);
}

static dbk_status parse_life(const json_t *doc, double *out_s, dbk_error *err) {
    const json_t *v = json_object_get(doc, "expires_in");
    uint64_t n = 0;
    *out_s = DEFAULT_LIFE_S;
    if (v == NULL || json_is_null(v)) {
        return DBK_OK;
    }
    if (json_is_string(v) &&
        dbk_parse_u64(dbk_slice_n(json_string_value(v), json_string_length(v)), &n)) {
        *out_s = (double)n; /* Entra's first version sends numbers as text */
        return DBK_OK;
    }
    if (json_is_number(v) && json_number_value(v) >= 0) {
        *out_s = json_number_value(v);
        return DBK_OK;
    }
    return dbk_error_set(err, DBK_DATA_LOSS, "expires_in is no number of seconds");
}

static dbk_status parse_object(const json_t *doc, dbk_token *t, double *life_s, dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_slice access = {0};
    dbk_slice refresh = {0};
    dbk_slice type = DBK_SLICE("Bearer");
    DBK_TRY(dbk_json_need_str(doc, "access_token", &access, err));
    DBK_TRY(dbk_json_want_str(doc, "token_type", &type, err));
    DBK_TRY(dbk_json_want_str(doc, "refresh_token", &refresh, err));
    DBK_TRY(parse_life(doc, life_s, err));
    if (!dbk_token_text_valid(access)) {
        st = dbk_error_set(err, DBK_DATA_LOSS, "access_token is %s",
                           access.len == 0 ? "empty"
                                           : "no token: it holds blanks or control characters");
        goto done;
    }
    if (!dbk_slice_eq_nocase(type, DBK_SLICE("Bearer"))) {
        st = dbk_error_set(err, DBK_DATA_LOSS, "token_type is not Bearer");
        goto done;
    }
    DBK_TRY(dbk_secret_set(&t->access, access, err));
    if (refresh.len > 0) {
        DBK_TRY(dbk_secret_set(&t->refresh, refresh, err));
    }
done:
    return st;
}

dbk_status dbk_grant_parse(dbk_slice body, const dbk_clock *clock, uint64_t sent_ms, dbk_token *out,
                           dbk_error *err) {
    json_t *doc = NULL;
    double life_s = 0;
    dbk_token t = {0};
    dbk_status st = dbk_json_parse(body, &doc, err);
    if (st == DBK_OK) {
        st = parse_object(doc, &t, &life_s, err);
        dbk_json_wipe(doc);
    }
    if (st == DBK_OK) {
        dbk_token_set_life(&t, clock, sent_ms,
                           life_s < 1e12 ? (uint64_t)(life_s * 1000) : UINT64_MAX);
        dbk_token_move(out, &t);
    }
    dbk_token_reset(&t);
    return st;
}

/* ---- failures ---- */

/* OAuth's two words of a refusal: "invalid_client: <description>". False: the body is none. */
static bool oauth_words(dbk_grant *g, dbk_slice body, char out[DBK_SERVER_TEXT_SIZE]) {
    dbk_error ignored = {0};
    json_t *doc = NULL;
    dbk_slice code = {0};
    dbk_slice text = {0};
    char description[DBK_SERVER_TEXT_SIZE];
    if (dbk_json_parse(body, &doc, &ignored) != DBK_OK) {
        dbk_error_reset(&ignored);
        return false;
    }
    bool found = dbk_json_str(doc, "error", &code) == DBK_JSON_OK && code.len > 0;
    if (found) {
        (void)dbk_json_str(doc, "error_description", &text);
        dbk_server_words(code, out);
        dbk_server_words(text, description);
        (void)snprintf(g->oauth_error, sizeof g->oauth_error, "%.63s", out);
        if (description[0] != '\0') {
            (void)snprintf(out, DBK_SERVER_TEXT_SIZE, "%.80s: %.420s", g->oauth_error, description);
        }
    }
    json_decref(doc);
    return found;
}

static dbk_status refuse(dbk_grant *g, const dbk_auth_answer *a, const char *text) {
    dbk_error *err = &g->op.err;
    dbk_slice host = dbk_url_authority(dbk_str_slice(&g->call->url));
    (void)dbk_error_set(err, DBK_UNAUTHENTICATED, "%s%s%s (token endpoint on %.*s)", g->clause,
                        g->clause[0] != '\0' ? ": " : "", text, (int)host.len, host.ptr);
    err->http_status = (uint16_t)a->status;
    err->attempts = a->attempts;
    err->retryable = a->outcome != DBK_HTTP_ANSWERED || a->status == 429 || a->status >= 500;
    (void)snprintf(err->request_id, sizeof err->request_id, "%s", a->request_id);
    return err->code;
}

static dbk_status refuse_status(dbk_grant *g, const dbk_auth_answer *a) {
    char words[DBK_SERVER_TEXT_SIZE] = "";
    char text[DBK_SERVER_TEXT_SIZE + 320];
    bool oauth = oauth_words(g, dbk_buf_slice(&a->body), words);
    dbk_slice to = dbk_url_authority(dbk_slice_of(a->location));
    if (a->status >= 300 && a->status < 400) {
        (void)snprintf(text, sizeof text, "HTTP %d: redirected to %.*s, which is not followed",
                       a->status, (int)to.len, to.ptr);
    } else if (oauth && !g->raw_errors) {
        (void)snprintf(text, sizeof text, "Server returned error response: %s", words);
    } else {
        dbk_server_words(dbk_buf_slice(&a->body), words);
        (void)snprintf(text, sizeof text, "%sHTTP %d: %s",
                       g->raw_errors ? "" : "Failed to parse server response: ", a->status, words);
    }
    return refuse(g, a, text);
}

/* ---- the machine ---- */

enum { GRANT_SEND, GRANT_ANSWER };

static dbk_grant *grant_of(dbk_op *op) {
    return DBK_CONTAINER_OF(op, dbk_grant, op);
}

static dbk_step grant_send(dbk_op *op) {
    return dbk_op_try_op(op, &grant_of(op)->call->op, GRANT_ANSWER);
}

static dbk_status read_token(dbk_grant *g, const dbk_auth_answer *a) {
    dbk_error *err = &g->op.err;
    dbk_status st = dbk_grant_parse(dbk_buf_slice(&a->body), dbk_lane_clock(g->op.lane), a->sent_ms,
                                    &g->token, err);
    if (st == DBK_DATA_LOSS) {
        char text[DBK_SERVER_TEXT_SIZE];
        (void)snprintf(text, sizeof text, "Failed to parse server response: %.400s",
                       dbk_error_message(err));
        st = refuse(g, a, text);
    }
    return st;
}

static dbk_step grant_answer(dbk_op *op) {
    dbk_grant *g = grant_of(op);
    dbk_auth_answer *a = &g->call->answer;
    char text[DBK_HTTP_WHY + 32];
    g->clock_was_off = a->clock_was_off;
    if (g->call->op.status != DBK_OK) { /* out of time or memory */
        (void)snprintf(text, sizeof text, "Request failed: %.360s",
                       dbk_error_message(&g->call->op.err));
        dbk_status st = g->call->op.status;
        if (st != DBK_TIMEOUT) {
            dbk_error_move(&op->err, &g->call->op.err);
            return dbk_op_finish(op, st);
        }
        a->outcome = DBK_HTTP_TIMED_OUT;
        return dbk_op_finish(op, refuse(g, a, text));
    }
    if (a->outcome != DBK_HTTP_ANSWERED) {
        (void)snprintf(text, sizeof text, "Request failed: %s", a->why);
        return dbk_op_finish(op, refuse(g, a, text));
    }
    return dbk_op_finish(op, a->status >= 200 && a->status < 300 ? read_token(g, a)
                                                                 : refuse_status(g, a));
}

static void grant_destroy(dbk_op *op) {
    dbk_grant *g = grant_of(op);
    dbk_auth_call_unref(g->call);
    dbk_token_reset(&g->token);
    dbk_free(g);
}

static const dbk_state grant_states[] = {
    [GRANT_SEND] = {"send", grant_send, DBK_TO(GRANT_ANSWER)},
    [GRANT_ANSWER] = {"answer", grant_answer, 0},
};
static const dbk_machine grant_machine = {"token request", grant_states, 2, NULL, grant_destroy};

dbk_status dbk_grant_new(dbk_auth_env *env, const dbk_auth_request *request, const char *clause,
                         dbk_grant **out, dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_grant *g = dbk_alloc_zero(sizeof *g);
    if (g == NULL) {
        return dbk_error_oom(err, "a token request");
    }
    dbk_op_init(&g->op, &grant_machine, env->lane);
    g->env = env;
    g->clause = clause != NULL ? clause : "";
    g->raw_errors = clause == NULL;
    DBK_TRY(dbk_auth_call_new(env, request, &g->call, err));
    *out = g;
    g = NULL;
done:
    dbk_grant_unref(g);
    return st;
}
