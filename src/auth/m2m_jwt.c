/* OAuth client credentials with a private key: spec auth 5. */
#include "auth/form.h"
#include "auth/internal.h"
#include "auth/jwt.h"
#include "auth/machine.h"

typedef struct m2m_jwt {
    dbk_auth base;
    dbk_client_mode client;
    dbk_str client_id;
    dbk_str key_id;
    dbk_jwt_key *key;
} m2m_jwt;

static m2m_jwt *jwt_of(dbk_auth *auth) {
    return DBK_CONTAINER_OF(auth, m2m_jwt, base);
}

/* Of the server's time: ours may be hours off. */
static int64_t now_s(const dbk_auth *auth) {
    return (dbk_clock_wall_ms(dbk_auth_clock(auth)) + auth->env.offset_ms) / 1000;
}

static dbk_status write_form(void *ctx, dbk_buf *form, dbk_error *err) {
    dbk_status st = DBK_OK;
    const m2m_jwt *m = jwt_of(ctx);
    dbk_buf assertion = {0};
    DBK_TRY(dbk_jwt_assert(m->key, dbk_str_slice(&m->key_id), dbk_str_slice(&m->client_id),
                           dbk_str_slice(&m->client.token_url), now_s(&m->base), &assertion, err));
    DBK_TRY(dbk_form_begin(form, assertion.len + m->client.scopes.len, err));
    DBK_TRY(dbk_form_put(form, "grant_type", DBK_SLICE("client_credentials"), err));
    DBK_TRY(dbk_form_put(form, "client_assertion_type",
                         DBK_SLICE("urn:ietf:params:oauth:client-assertion-type:jwt-bearer"), err));
    DBK_TRY(dbk_form_put(form, "client_assertion", dbk_buf_slice(&assertion), err));
    if (m->client.scopes.len > 0) {
        DBK_TRY(dbk_form_put(form, "scope", dbk_str_slice(&m->client.scopes), err));
    }
done:
    dbk_buf_wipe(&assertion);
    return st;
}

static dbk_status jwt_fetch(dbk_auth *auth, dbk_fetch **out, dbk_error *err) {
    dbk_auth_request request = {.what = "client assertion grant",
                                .effect = DBK_EFFECT_NONE,
                                .write_form = write_form,
                                .ctx = auth};
    return dbk_client_fetch(auth, &jwt_of(auth)->client, &request, NULL, out, err);
}

static void jwt_destroy(dbk_auth *auth) {
    m2m_jwt *m = jwt_of(auth);
    dbk_auth_drop(auth);
    dbk_client_reset(&m->client);
    dbk_str_reset(&m->client_id);
    dbk_str_reset(&m->key_id);
    dbk_jwt_key_free(m->key);
    dbk_free(m);
}

static const dbk_auth_mode jwt_mode = {
    .name = "oauth-m2m-jwt", .renews = true, .fetch = jwt_fetch, .destroy = jwt_destroy};

static dbk_status check(const dbk_auth_client *c, const dbk_auth_jwt *j, dbk_error *err) {
    const char *missing = c->client_id.len == 0  ? "client_id"
                          : j->key_id.len == 0   ? "jwt_kid"
                          : j->key_file.len == 0 ? "jwt_key_file"
                                                 : NULL;
    return missing == NULL
               ? dbk_check_id(c->client_id, "client_id", err)
               : dbk_error_set(err, DBK_INVALID_ARGUMENT,
                               "OAuth M2M private-key auth requires a non-empty %s", missing);
}

static dbk_auth *share(m2m_jwt *m, const dbk_auth_settings *settings, const dbk_auth_client *c,
                       dbk_slice algorithm, const dbk_buf *public_key) {
    const dbk_slice words[] = {c->client_id, dbk_str_slice(&m->client.scopes),
                               c->token_url, dbk_str_slice(&m->key_id),
                               algorithm,    dbk_buf_slice(public_key)};
    return dbk_auth_share(&m->base, settings, words, sizeof words / sizeof words[0]);
}

dbk_status dbk_auth_new_m2m_jwt(const dbk_auth_settings *settings, const dbk_auth_client *client,
                                const dbk_auth_jwt *jwt, dbk_auth **out, dbk_error *err) {
    dbk_str path = {0};
    dbk_buf public_key = {0};
    dbk_status st = check(client, jwt, err);
    if (st != DBK_OK) {
        return st;
    }
    m2m_jwt *m = dbk_alloc_zero(sizeof *m);
    if (m == NULL) {
        return dbk_error_oom(err, "the credentials");
    }
    m->client.signs = true;
    DBK_TRY(dbk_auth_init(&m->base, &jwt_mode, settings, err));
    DBK_TRY(dbk_client_init(&m->client, client, err));
    DBK_TRY(dbk_str_set(&m->client_id, client->client_id, err));
    DBK_TRY(dbk_str_set(&m->key_id, jwt->key_id, err));
    DBK_TRY(dbk_str_set(&path, jwt->key_file, err));
    DBK_TRY(dbk_jwt_key_load(path.ptr, jwt->passphrase, jwt->algorithm, &m->key, err));
    DBK_TRY(dbk_jwt_key_public(m->key, &public_key, err));
    *out = share(m, settings, client, jwt->algorithm, &public_key);
    m = NULL;
done:
    dbk_str_reset(&path);
    dbk_buf_reset(&public_key);
    if (m != NULL) {
        dbk_auth_unref(&m->base);
    }
    return st;
}
