#include "auth/auth_mode.h"

/* A personal access token: sent as it is, never refreshed. */
typedef struct pat {
    dbk_auth base;
    dbk_secret token;
} pat;

static pat *pat_of(dbk_auth *auth) {
    return DBK_CONTAINER_OF(auth, pat, base);
}

static dbk_status pat_put_header(dbk_auth *auth, dbk_buf *line, dbk_error *err) {
    return dbk_auth_put_bearer(&pat_of(auth)->token, line, err);
}

static void pat_destroy(dbk_auth *auth) {
    pat *p = pat_of(auth);
    dbk_secret_reset(&p->token);
    dbk_free(p);
}

static const dbk_auth_mode pat_mode = {"pat", NULL, pat_put_header, pat_destroy};

static dbk_status check_token(dbk_slice token, dbk_error *err) {
    if (token.len == 0) {
        return dbk_error_set(err, DBK_INVALID_ARGUMENT,
                             "PAT auth requires a non-empty access token");
    }
    if (!dbk_header_value_valid(token)) { /* the value itself is a secret: not shown */
        return dbk_error_set(err, DBK_INVALID_ARGUMENT,
                             "PAT auth: the access token holds a control character (a line break "
                             "at its end?)");
    }
    return DBK_OK;
}

dbk_status dbk_auth_new_pat(dbk_slice token, dbk_auth **out, dbk_error *err) {
    dbk_status st = check_token(token, err);
    if (st != DBK_OK) {
        return st;
    }
    pat *p = dbk_alloc_zero(sizeof *p);
    if (p == NULL) {
        return dbk_error_oom(err, "the credentials");
    }
    st = dbk_secret_set(&p->token, token, err);
    if (st != DBK_OK) {
        dbk_free(p);
        return st;
    }
    dbk_auth_init(&p->base, &pat_mode);
    *out = &p->base;
    return DBK_OK;
}
