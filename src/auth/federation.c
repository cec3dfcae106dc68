/* Token federation: a token that another issuer made is exchanged for one of the workspace. */
#include <string.h>

#include "auth/form.h"
#include "auth/grant.h"
#include "auth/internal.h"
#include "auth/jwt.h"

static const char path[] = "/oidc/v1/token";

bool dbk_federation_needed(const dbk_auth *auth, dbk_slice token) {
    dbk_jwt_claims claims = {0};
    bool needed = false;
    if (!auth->mode->at_home && auth->env.origin.len > 0 && dbk_jwt_read(token, &claims) &&
        claims.issuer.len > 0) {
        dbk_slice ours = dbk_authority_host(dbk_url_authority(dbk_str_slice(&auth->env.origin)));
        dbk_slice theirs = dbk_authority_host(dbk_url_authority(dbk_str_slice(&claims.issuer)));
        needed = !dbk_slice_eq_nocase(ours, theirs); /* an issuer that is no URL is foreign too */
    }
    dbk_str_reset(&claims.issuer);
    return needed;
}

static dbk_status write_jwt_bearer(const dbk_auth *auth, dbk_slice token, dbk_buf *form,
                                   dbk_error *err) {
    dbk_status st = DBK_OK;
    bool named = auth->federation_client_id.len > 0;
    DBK_TRY(dbk_form_put(form, "grant_type",
                         DBK_SLICE("urn:ietf:params:oauth:grant-type:jwt-bearer"), err));
    DBK_TRY(dbk_form_put(form, "assertion", token, err));
    DBK_TRY(dbk_form_put(form, "scope", DBK_SLICE("sql"), err));
    DBK_TRY(dbk_form_put(
        form, named ? "identity_federation_client_id" : "return_original_token_if_authenticated",
        named ? dbk_str_slice(&auth->federation_client_id) : DBK_SLICE("true"), err));
done:
    return st;
}

static dbk_status write_token_exchange(const dbk_auth *auth, dbk_slice token, dbk_buf *form,
                                       dbk_error *err) {
    dbk_status st = DBK_OK;
    DBK_TRY(dbk_form_put(form, "grant_type",
                         DBK_SLICE("urn:ietf:params:oauth:grant-type:token-exchange"), err));
    DBK_TRY(dbk_form_put(form, "subject_token", token, err));
    DBK_TRY(dbk_form_put(form, "subject_token_type",
                         DBK_SLICE("urn:ietf:params:oauth:token-type:jwt"), err));
    DBK_TRY(dbk_form_put(form, "scope", DBK_SLICE("sql"), err));
    DBK_TRY(dbk_form_put(form, "return_original_token_if_authenticated", DBK_SLICE("true"), err));
    if (auth->federation_client_id.len > 0) {
        DBK_TRY(dbk_form_put(form, "client_id", dbk_str_slice(&auth->federation_client_id), err));
    }
done:
    return st;
}

static dbk_status write_form(void *ctx, dbk_buf *form, dbk_error *err) {
    const dbk_auth *auth = ctx;
    dbk_slice token = dbk_secret_slice(&auth->base.access);
    dbk_status st = dbk_form_begin(form, token.len + auth->federation_client_id.len, err);
    if (st != DBK_OK) {
        return st;
    }
    return auth->federation_token_exchange ? write_token_exchange(auth, token, form, err)
                                           : write_jwt_bearer(auth, token, form, err);
}

dbk_status dbk_federation_grant(dbk_auth *auth, dbk_grant **out, dbk_error *err) {
    dbk_str url = {0};
    dbk_status st = dbk_str_setf(&url, err, "%s%s", auth->env.origin.ptr, path);
    dbk_auth_request request = {.what = "token exchange",
                                .url = dbk_str_slice(&url),
                                .names_workspace = true,
                                .effect = DBK_EFFECT_NONE,
                                .write_form = write_form,
                                .ctx = auth};
    st = st == DBK_OK ? dbk_grant_new(&auth->env, &request, "token exchange", out, err) : st;
    dbk_str_reset(&url);
    return st;
}
