#include "auth/discovery.h"

#include <stdio.h>

#include "auth/form.h"

#define ACCOUNT_LIMIT_MS 10000u /* spec spog 2 */

static const char document[] = ".well-known/oauth-authorization-server";

enum { DISCOVER_KIND, DISCOVER_ACCOUNT, DISCOVER_TOLD, DISCOVER_SEND, DISCOVER_ANSWER };

static dbk_discovery *discovery_of(dbk_op *op) {
    return DBK_CONTAINER_OF(op, dbk_discovery, op);
}

static dbk_status code_of(int status) {
    return status == 404                    ? DBK_NOT_FOUND
           : status == 401 || status == 403 ? DBK_PERMISSION_DENIED
                                            : DBK_INTERNAL;
}

static dbk_status refuse_status(const dbk_auth_answer *a, dbk_error *err) {
    char words[DBK_SERVER_TEXT_SIZE];
    dbk_server_words(dbk_buf_slice(&a->body), words);
    bool moved = a->status >= 300 && a->status < 400;
    (void)dbk_error_set(err, moved ? DBK_UNAUTHENTICATED : code_of(a->status), "HTTP %d: %s%s",
                        a->status, moved ? "redirected, which is not followed, to " : "",
                        moved ? a->location : words);
    err->http_status = (uint16_t)a->status;
    return err->code;
}

static dbk_status take_endpoint(dbk_slice url, const char *key, dbk_str *out, dbk_error *err) {
    char shown[256];
    if (url.len == 0) {
        return DBK_OK;
    }
    if (!dbk_url_safe(url)) {
        dbk_redact_url(url, shown, sizeof shown);
        return dbk_error_set(err, DBK_INVALID_ARGUMENT, "%s %s is not an https:// URL", key, shown);
    }
    return dbk_str_set(out, url, err);
}

static dbk_status parse(dbk_discovery *d, dbk_slice body, dbk_error *err) {
    dbk_status st = DBK_OK;
    json_t *doc = NULL;
    dbk_slice token = {0};
    dbk_slice authorize = {0};
    if (dbk_json_parse(body, &doc, err) != DBK_OK) {
        return dbk_error_set(err, DBK_INTERNAL,
                             "Failed to parse OIDC discovery response as JSON: the answer is %s",
                             body.len == 0 ? "empty" : "no JSON document (a login page?)");
    }
    DBK_TRY(dbk_json_need_str(doc, "token_endpoint", &token, err));
    DBK_TRY(dbk_json_want_str(doc, "authorization_endpoint", &authorize, err));
    DBK_TRY(take_endpoint(token, "token_endpoint", &d->token, err));
    DBK_TRY(take_endpoint(authorize, "authorization_endpoint", &d->authorize, err));
done:
    json_decref(doc);
    return st;
}

static dbk_status read_answer(dbk_discovery *d, dbk_error *err) {
    const dbk_auth_answer *a = &d->call->answer;
    if (a->outcome != DBK_HTTP_ANSWERED) {
        (void)dbk_error_set(err, DBK_NETWORK, "%s", a->why);
        err->retryable = a->outcome != DBK_HTTP_TLS;
        return err->code;
    }
    return a->status >= 200 && a->status < 300 ? parse(d, dbk_buf_slice(&a->body), err)
                                               : refuse_status(a, err);
}

/* ---- the machine ---- */

static dbk_step discover_kind(dbk_op *op) {
    dbk_discovery *d = discovery_of(op);
    if (!d->env->unified) {
        return dbk_op_goto(op, DISCOVER_SEND);
    }
    dbk_status st = dbk_host_probe_new(op->lane, d->env->http, dbk_str_slice(&d->env->origin),
                                       &d->probe, &op->err);
    return st == DBK_OK ? dbk_op_wait_op(op, &d->probe->op, DISCOVER_ACCOUNT)
                        : dbk_op_finish(op, st);
}

static dbk_step ask(dbk_op *op, const char *root, const char *folder, uint64_t limit_ms,
                    uint32_t next) {
    dbk_discovery *d = discovery_of(op);
    dbk_str url = {0};
    dbk_auth_request request = {.what = "OIDC discovery", .effect = DBK_EFFECT_NONE};
    dbk_auth_call_unref(d->call);
    d->call = NULL;
    dbk_status st = dbk_str_setf(&url, &op->err, "%s%s%s", root, folder, document);
    request.url = dbk_str_slice(&url);
    st = st == DBK_OK ? dbk_auth_call_new(d->env, &request, &d->call, &op->err) : st;
    dbk_str_reset(&url);
    if (st == DBK_OK) {
        d->call->op.deadline_ms = limit_ms;
    }
    return st == DBK_OK ? dbk_op_try_op(op, &d->call->op, next) : dbk_op_finish(op, st);
}

static dbk_step discover_account(dbk_op *op) {
    dbk_discovery *d = discovery_of(op);
    dbk_host_oidc_root(&d->probe->facts, dbk_str_slice(&d->env->origin), d->account);
    return d->account[0] != '\0' ? ask(op, d->account, "/", ACCOUNT_LIMIT_MS, DISCOVER_TOLD)
                                 : dbk_op_goto(op, DISCOVER_SEND);
}

static dbk_step discover_told(dbk_op *op) {
    dbk_discovery *d = discovery_of(op);
    dbk_error why = {0};
    if (d->call->op.status == DBK_OK && read_answer(d, &why) == DBK_OK) {
        return dbk_op_finish(op, DBK_OK);
    }
    DBK_LOG(WARN, NULL, "OIDC discovery at %s: %s; asking the host itself", d->account,
            dbk_error_message(d->call->op.status != DBK_OK ? &d->call->op.err : &why));
    dbk_error_reset(&why);
    d->account[0] = '\0';
    return dbk_op_goto(op, DISCOVER_SEND);
}

static dbk_step discover_send(dbk_op *op) {
    const char *origin = discovery_of(op)->env->origin.ptr;
    return ask(op, origin, "/oidc/", DBK_AUTH_LIMIT_MS, DISCOVER_ANSWER);
}

static dbk_step discover_answer(dbk_op *op) {
    dbk_discovery *d = discovery_of(op);
    char url[300];
    dbk_status st = d->call->op.status;
    if (st != DBK_OK) { /* out of time or memory */
        dbk_error_move(&op->err, &d->call->op.err);
    } else {
        st = read_answer(d, &op->err);
    }
    if (st != DBK_OK) {
        dbk_redact_url(dbk_str_slice(&d->call->url), url, sizeof url);
        (void)dbk_error_wrap(&op->err, "OIDC discovery at %s", url);
        op->err.attempts = d->call->answer.attempts;
    }
    return dbk_op_finish(op, st);
}

static void discover_destroy(dbk_op *op) {
    dbk_discovery *d = discovery_of(op);
    dbk_host_probe_unref(d->probe);
    dbk_auth_call_unref(d->call);
    dbk_str_reset(&d->authorize);
    dbk_str_reset(&d->token);
    dbk_free(d);
}

static const dbk_state discover_states[] = {
    [DISCOVER_KIND] = {"kind", discover_kind, DBK_TO(DISCOVER_ACCOUNT) | DBK_TO(DISCOVER_SEND)},
    [DISCOVER_ACCOUNT] = {"account", discover_account,
                          DBK_TO(DISCOVER_TOLD) | DBK_TO(DISCOVER_SEND)},
    [DISCOVER_TOLD] = {"told", discover_told, DBK_TO(DISCOVER_SEND)},
    [DISCOVER_SEND] = {"send", discover_send, DBK_TO(DISCOVER_ANSWER)},
    [DISCOVER_ANSWER] = {"answer", discover_answer, 0},
};
static const dbk_machine discover_machine = {"OIDC discovery", discover_states, 5, NULL,
                                             discover_destroy};

dbk_status dbk_discovery_new(dbk_auth_env *env, dbk_discovery **out, dbk_error *err) {
    dbk_discovery *d = dbk_alloc_zero(sizeof *d);
    if (d == NULL) {
        return dbk_error_oom(err, "OIDC discovery");
    }
    dbk_op_init(&d->op, &discover_machine, env->lane);
    d->env = env;
    *out = d;
    return DBK_OK;
}
