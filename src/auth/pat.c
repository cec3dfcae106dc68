/* A personal access token, or any other that somebody else renews: sent as it is. */
#include "auth/internal.h"

typedef struct pat {
    dbk_auth base;
    dbk_mutex lock; /* around the two below: set_token comes on any thread */
    dbk_secret token;
    int64_t expires_unix_s; /* 0: never */
} pat;

static pat *pat_of(dbk_auth *auth) {
    return DBK_CONTAINER_OF(auth, pat, base);
}

/* ---- the token as it is now ---- */

static dbk_status give(pat *p, dbk_token *out, dbk_error *err) {
    dbk_mutex_lock(&p->lock);
    int64_t expires_s = p->expires_unix_s;
    dbk_status st = dbk_secret_set(&out->access, dbk_secret_slice(&p->token), err);
    dbk_mutex_unlock(&p->lock);
    if (st != DBK_OK || expires_s == 0) {
        return st;
    }
    const dbk_clock *clock = dbk_auth_clock(&p->base);
    dbk_token_set_end(out, clock, p->base.env.offset_ms, expires_s * 1000);
    if (dbk_token_left_ms(out, clock) <= 0) {
        char when[DBK_UTC_US_SIZE];
        dbk_token_reset(out);
        dbk_format_utc_us(expires_s * 1000000, when);
        return dbk_error_set(
            err, DBK_UNAUTHENTICATED,
            "the access token has expired (%.19sZ); give the session a new one with "
            "dbk_session_set_token",
            when);
    }
    return DBK_OK;
}

static dbk_step pat_step(dbk_op *op) {
    dbk_fetch *f = DBK_CONTAINER_OF(op, dbk_fetch, op);
    return dbk_op_finish(op, give(pat_of(f->auth), &f->token, &op->err));
}

static void pat_fetch_destroy(dbk_op *op) {
    dbk_fetch *f = DBK_CONTAINER_OF(op, dbk_fetch, op);
    dbk_token_reset(&f->token);
    dbk_free(f);
}

static const dbk_state fetch_states[] = {{"give", pat_step, 0}};
static const dbk_machine fetch_machine = {"taking the token", fetch_states, 1, NULL,
                                          pat_fetch_destroy};

static dbk_status pat_fetch(dbk_auth *auth, dbk_fetch **out, dbk_error *err) {
    *out = dbk_fetch_new(auth, sizeof **out, &fetch_machine);
    return *out != NULL ? DBK_OK : dbk_error_oom(err, "a token");
}

static void pat_destroy(dbk_auth *auth) {
    pat *p = pat_of(auth);
    dbk_auth_drop(auth);
    dbk_secret_reset(&p->token);
    dbk_mutex_destroy(&p->lock);
    dbk_free(p);
}

static const dbk_auth_mode pat_mode = {.name = "pat", .fetch = pat_fetch, .destroy = pat_destroy};

/* ---- making and changing ---- */

static dbk_status check_token(dbk_slice token, int64_t expires_unix_s, dbk_error *err) {
    if (token.len == 0) {
        return dbk_error_set(err, DBK_INVALID_ARGUMENT,
                             "PAT auth requires a non-empty access token");
    }
    if (!dbk_token_text_valid(token)) { /* the value itself is a secret: not shown */
        return dbk_error_set(err, DBK_INVALID_ARGUMENT,
                             "access token contains control characters or whitespace (a line break "
                             "at its end?)");
    }
    if (expires_unix_s < 0 || expires_unix_s > INT64_MAX / 1000000) {
        return dbk_error_set(err, DBK_INVALID_ARGUMENT, "the access token's end is no time");
    }
    return DBK_OK;
}

dbk_status dbk_auth_new_pat(const dbk_auth_settings *settings, dbk_slice token,
                            int64_t expires_unix_s, dbk_auth **out, dbk_error *err) {
    dbk_status st = check_token(token, expires_unix_s, err);
    if (st != DBK_OK) {
        return st;
    }
    pat *p = dbk_alloc_zero(sizeof *p);
    if (p == NULL) {
        return dbk_error_oom(err, "the credentials");
    }
    dbk_mutex_init(&p->lock);
    DBK_TRY(dbk_auth_init(&p->base, &pat_mode, settings, err));
    DBK_TRY(dbk_secret_set(&p->token, token, err));
    p->expires_unix_s = expires_unix_s;
    if (expires_unix_s == 0 && !dbk_federation_needed(&p->base, token)) {
        DBK_TRY(give(p, &p->base.base, err)); /* no need to wait for anything, ever */
    }
    *out = &p->base;
    p = NULL;
done:
    if (p != NULL) {
        dbk_auth_unref(&p->base);
    }
    return st;
}

dbk_status dbk_auth_set_token(dbk_auth *auth, dbk_slice token, int64_t expires_unix_s,
                              dbk_error *err) {
    if (auth->mode != &pat_mode) {
        return dbk_error_set(err, DBK_INVALID_ARGUMENT,
                             "this session renews its token by itself (%s); only the token of a "
                             "session opened with one can be replaced",
                             auth->mode->name);
    }
    pat *p = pat_of(auth);
    dbk_secret fresh = {0};
    dbk_status st = check_token(token, expires_unix_s, err);
    st = st == DBK_OK ? dbk_secret_set(&fresh, token, err) : st;
    if (st == DBK_OK) {
        dbk_mutex_lock(&p->lock);
        dbk_secret_move(&p->token, &fresh);
        p->expires_unix_s = expires_unix_s;
        dbk_mutex_unlock(&p->lock);
        atomic_store(&auth->spent, true);
    }
    return st;
}
