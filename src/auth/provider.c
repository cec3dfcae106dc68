/* Tokens that the host brings: a callback of its own, on a thread of its own. */
#include "auth/internal.h"
#include "auth/jwt.h"

#define LIMIT_MS 60000u

/* The host's function; what still calls it may outlive the session that gave it up. */
struct dbk_provider {
    atomic_size_t refs;
    dbk_provider_fn fn;
    void *ctx;
    void (*release)(void *ctx);
};

dbk_status dbk_provider_new(dbk_provider_fn fn, void *ctx, void (*release)(void *ctx),
                            dbk_provider **out, dbk_error *err) {
    dbk_provider *p = dbk_alloc_zero(sizeof *p);
    if (p == NULL) {
        return dbk_error_oom(err, "a token provider");
    }
    atomic_init(&p->refs, 1);
    p->fn = fn;
    p->ctx = ctx;
    p->release = release;
    *out = p;
    return DBK_OK;
}

dbk_provider *dbk_provider_ref(dbk_provider *p) {
    (void)atomic_fetch_add(&p->refs, 1);
    return p;
}

void dbk_provider_unref(dbk_provider *p) {
    if (p != NULL && atomic_fetch_sub(&p->refs, 1) == 1) {
        if (p->release != NULL) {
            p->release(p->ctx);
        }
        dbk_free(p);
    }
}

/* ---- one call ---- */

struct dbk_token_call {
    dbk_provider *provider; /* counted */
    const dbk_work *work;
    uint64_t deadline_ms; /* monotonic, of the system */
    bool refused;
    bool answered;
    dbk_secret token;
    int64_t expires_unix_s;
    dbk_error err;
};

uint64_t dbk_provider_left_ms(const dbk_token_call *call) {
    uint64_t now = dbk_clock_ms(&dbk_clock_system);
    return call->deadline_ms > now ? call->deadline_ms - now : 0;
}

bool dbk_provider_stopped(const dbk_token_call *call) {
    return dbk_work_stopped(call->work);
}

bool dbk_provider_refused(const dbk_token_call *call) {
    return call->refused;
}

dbk_status dbk_provider_answer(dbk_token_call *call, dbk_slice token, int64_t expires_unix_s,
                               dbk_error *err) {
    if (!dbk_token_text_valid(token)) {
        return dbk_error_set(err, DBK_INVALID_ARGUMENT,
                             token.len == 0
                                 ? "the token provider gave an empty token"
                                 : "access token contains control characters or whitespace");
    }
    if (expires_unix_s < 0 || expires_unix_s > INT64_MAX / 1000000) {
        return dbk_error_set(err, DBK_INVALID_ARGUMENT, "the access token's end is no time");
    }
    call->answered = true;
    call->expires_unix_s = expires_unix_s;
    return dbk_secret_set(&call->token, token, err);
}

void dbk_provider_fail(dbk_token_call *call, const char *why) {
    call->answered = false;
    (void)dbk_error_set(&call->err, DBK_UNAUTHENTICATED, "the token provider failed: %.512s", why);
}

static void call_run(void *ctx, const dbk_work *work) {
    dbk_token_call *call = ctx;
    call->work = work;
    call->provider->fn(call->provider->ctx, call);
}

static void call_destroy(void *ctx) {
    dbk_token_call *call = ctx;
    dbk_secret_reset(&call->token);
    dbk_error_reset(&call->err);
    dbk_provider_unref(call->provider);
    dbk_free(call);
}

static const dbk_work_job call_job = {"dbk-token", call_run, NULL, call_destroy};

/* ---- the mode ---- */

typedef struct provided {
    dbk_auth base;
    dbk_provider *provider; /* counted */
} provided;

typedef struct provided_fetch {
    dbk_fetch base;
    dbk_token_call *call; /* of work */
    dbk_op *work;         /* counted */
} provided_fetch;

enum { PROVIDE_ASK, PROVIDE_TOLD };

static provided_fetch *fetch_of(dbk_op *op) {
    return DBK_CONTAINER_OF(op, provided_fetch, base.op);
}

static dbk_step provide_ask(dbk_op *op) {
    return dbk_op_wait_op(op, fetch_of(op)->work, PROVIDE_TOLD);
}

/* The end of a token that comes without one is in the token itself, when that is a JWT. */
static int64_t end_of(const dbk_token_call *call) {
    dbk_jwt_claims claims = {0};
    if (call->expires_unix_s == 0) {
        (void)dbk_jwt_read(dbk_secret_slice(&call->token), &claims);
        dbk_str_reset(&claims.issuer);
    }
    return call->expires_unix_s != 0 ? call->expires_unix_s : claims.ends_unix_s;
}

static dbk_step provide_told(dbk_op *op) {
    provided_fetch *f = fetch_of(op);
    dbk_token_call *call = f->call;
    if (!call->answered) {
        if (call->err.code == DBK_OK) {
            dbk_provider_fail(call, "it returned without a token");
        }
        dbk_error_move(&op->err, &call->err);
        return dbk_op_finish(op, op->err.code);
    }
    int64_t end_s = end_of(call);
    dbk_secret_move(&f->base.token.access, &call->token);
    if (end_s != 0) {
        dbk_auth *auth = f->base.auth;
        dbk_token_set_end(&f->base.token, dbk_auth_clock(auth), auth->env.offset_ms, end_s * 1000);
    }
    return dbk_op_finish(op, DBK_OK);
}

static void provide_destroy(dbk_op *op) {
    provided_fetch *f = fetch_of(op);
    dbk_op_unref(f->work);
    dbk_token_reset(&f->base.token);
    dbk_free(f);
}

static const dbk_state provide_states[] = {
    [PROVIDE_ASK] = {"ask", provide_ask, DBK_TO(PROVIDE_TOLD)},
    [PROVIDE_TOLD] = {"told", provide_told, 0},
};
static const dbk_machine provide_machine = {"asking the token provider", provide_states, 2, NULL,
                                            provide_destroy};

static dbk_status provided_fetch_new(dbk_auth *auth, dbk_fetch **out, dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_provider *provider = DBK_CONTAINER_OF(auth, provided, base)->provider;
    provided_fetch *f = dbk_fetch_new(auth, sizeof *f, &provide_machine);
    dbk_token_call *call = f != NULL ? dbk_alloc_zero(sizeof *call) : NULL;
    if (call == NULL) {
        st = dbk_error_oom(err, "asking the token provider");
        goto done;
    }
    call->provider = dbk_provider_ref(provider);
    call->deadline_ms = dbk_clock_ms(&dbk_clock_system) + LIMIT_MS;
    call->refused = auth->refused != 0 && auth->refused == auth->generation;
    DBK_TRY(dbk_work_new(auth->env.lane, &call_job, call, &f->work, err));
    f->call = call;
    f->base.op.deadline_ms = LIMIT_MS;
    *out = &f->base;
    f = NULL;
done:
    dbk_op_unref(f != NULL ? &f->base.op : NULL);
    return st;
}

static void provided_destroy(dbk_auth *auth) {
    provided *p = DBK_CONTAINER_OF(auth, provided, base);
    dbk_auth_drop(auth);
    dbk_provider_unref(p->provider);
    dbk_free(p);
}

static const dbk_auth_mode provided_mode = {.name = "token-provider",
                                            .renews = true,
                                            .fetch = provided_fetch_new,
                                            .destroy = provided_destroy};

dbk_status dbk_auth_new_provider(const dbk_auth_settings *settings, dbk_provider *provider,
                                 dbk_auth **out, dbk_error *err) {
    provided *p = dbk_alloc_zero(sizeof *p);
    if (p == NULL) {
        return dbk_error_oom(err, "the credentials");
    }
    p->provider = dbk_provider_ref(provider);
    dbk_status st = dbk_auth_init(&p->base, &provided_mode, settings, err);
    if (st != DBK_OK) {
        dbk_auth_unref(&p->base);
        return st;
    }
    *out = &p->base;
    return DBK_OK;
}
