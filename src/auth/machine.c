#include "auth/machine.h"

#include "auth/discovery.h"
#include "auth/form.h"

typedef struct client_fetch {
    dbk_fetch base;
    dbk_client_mode *client; /* borrowed of the mode */
    dbk_auth_request request;
    const char *clause;
    dbk_discovery *discovery; /* counted */
    dbk_grant *grant;         /* counted */
    bool clock_corrected;
} client_fetch;

enum { CLIENT_PLACE, CLIENT_FOUND, CLIENT_ASK, CLIENT_ANSWER };

static client_fetch *fetch_of(dbk_op *op) {
    return DBK_CONTAINER_OF(op, client_fetch, base.op);
}

static dbk_step client_place(dbk_op *op) {
    client_fetch *f = fetch_of(op);
    if (f->client->token_url.len > 0) {
        return dbk_op_goto(op, CLIENT_ASK);
    }
    dbk_status st = dbk_discovery_new(&f->base.auth->env, &f->discovery, &op->err);
    return st == DBK_OK ? dbk_op_wait_op(op, &f->discovery->op, CLIENT_FOUND)
                        : dbk_op_finish(op, st);
}

static dbk_step client_found(dbk_op *op) {
    client_fetch *f = fetch_of(op);
    dbk_str_move(&f->client->token_url, &f->discovery->token);
    return dbk_op_goto(op, CLIENT_ASK);
}

static dbk_step client_ask(dbk_op *op) {
    client_fetch *f = fetch_of(op);
    f->request.url = dbk_str_slice(&f->client->token_url);
    dbk_grant_unref(f->grant);
    f->grant = NULL;
    dbk_status st = dbk_grant_new(&f->base.auth->env, &f->request, f->clause, &f->grant, &op->err);
    return st == DBK_OK ? dbk_op_try_op(op, &f->grant->op, CLIENT_ANSWER) : dbk_op_finish(op, st);
}

static dbk_step client_answer(dbk_op *op) {
    client_fetch *f = fetch_of(op);
    dbk_grant *g = f->grant;
    if (g->op.status == DBK_OK) {
        dbk_token_move(&f->base.token, &g->token);
        return dbk_op_finish(op, DBK_OK);
    }
    if (f->client->signs && g->clock_was_off && !f->clock_corrected) {
        f->clock_corrected = true;
        DBK_LOG(INFO, NULL, "%s: the server's clock differs by %lld s, asking again with its time",
                f->request.what, (long long)(f->base.auth->env.offset_ms / 1000));
        return dbk_op_goto(op, CLIENT_ASK);
    }
    dbk_error_move(&op->err, &g->op.err);
    return dbk_op_finish(op, op->err.code);
}

static void client_destroy(dbk_op *op) {
    client_fetch *f = fetch_of(op);
    dbk_discovery_unref(f->discovery);
    dbk_grant_unref(f->grant);
    dbk_token_reset(&f->base.token);
    dbk_free(f);
}

static const dbk_state client_states[] = {
    [CLIENT_PLACE] = {"place", client_place, DBK_TO(CLIENT_FOUND) | DBK_TO(CLIENT_ASK)},
    [CLIENT_FOUND] = {"found", client_found, DBK_TO(CLIENT_ASK)},
    [CLIENT_ASK] = {"ask", client_ask, DBK_TO(CLIENT_ANSWER)},
    [CLIENT_ANSWER] = {"answer", client_answer, DBK_TO(CLIENT_ASK)},
};
static const dbk_machine client_machine = {"client credentials", client_states, 4, NULL,
                                           client_destroy};

dbk_status dbk_client_init(dbk_client_mode *c, const dbk_auth_client *from, dbk_error *err) {
    dbk_status st = DBK_OK;
    DBK_TRY(
        dbk_scopes_join(from->scopes, from->scopes.ptr == NULL ? "all-apis" : "", &c->scopes, err));
    if (from->token_url.len > 0 && !dbk_url_safe(from->token_url)) {
        st = dbk_error_set(err, DBK_INVALID_ARGUMENT, "the token URL is not an https:// URL");
        goto done;
    }
    if (from->token_url.len > 0) {
        DBK_TRY(dbk_str_set(&c->token_url, from->token_url, err));
    }
done:
    return st;
}

void dbk_client_reset(dbk_client_mode *c) {
    dbk_str_reset(&c->scopes);
    dbk_str_reset(&c->token_url);
}

dbk_status dbk_client_fetch(dbk_auth *auth, dbk_client_mode *c, const dbk_auth_request *request,
                            const char *clause, dbk_fetch **out, dbk_error *err) {
    client_fetch *f = dbk_fetch_new(auth, sizeof *f, &client_machine);
    if (f == NULL) {
        return dbk_error_oom(err, "client credentials");
    }
    f->client = c;
    f->request = *request;
    f->clause = clause;
    *out = &f->base;
    return DBK_OK;
}
