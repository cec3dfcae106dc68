#include "auth/auth_mode.h"

void dbk_auth_init(dbk_auth *auth, const dbk_auth_mode *mode) {
    auth->mode = mode;
    atomic_init(&auth->refs, 1);
}

dbk_auth *dbk_auth_ref(dbk_auth *auth) {
    size_t old = atomic_fetch_add_explicit(&auth->refs, 1, memory_order_relaxed);
    DBK_ASSERT(old > 0 && old < SIZE_MAX / 2);
    (void)old;
    return auth;
}

void dbk_auth_unref(dbk_auth *auth) {
    if (auth == NULL || atomic_fetch_sub_explicit(&auth->refs, 1, memory_order_acq_rel) != 1) {
        return;
    }
    auth->mode->destroy(auth);
}

dbk_op *dbk_auth_refresh(dbk_auth *auth, dbk_lane *lane) {
    return auth->mode->refresh != NULL ? auth->mode->refresh(auth, lane) : NULL;
}

dbk_status dbk_auth_put_header(dbk_auth *auth, dbk_buf *line, dbk_error *err) {
    return auth->mode->put_header(auth, line, err);
}

dbk_status dbk_auth_put_bearer(const dbk_secret *token, dbk_buf *line, dbk_error *err) {
    static const char prefix[] = "authorization: Bearer ";
    dbk_status st = DBK_OK;
    /* A buffer that grows with a token inside would leave the old block unwiped. sizeof counts the
     * NUL that dbk_buf_cstr may add later. */
    DBK_TRY(dbk_buf_reserve(line, sizeof prefix + token->len, err));
    DBK_TRY(dbk_buf_puts(line, prefix, err));
    DBK_TRY(dbk_buf_put_slice(line, dbk_secret_slice(token), err));
done:
    return st;
}
