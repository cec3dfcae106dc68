/* OAuth client credentials with a secret: spec auth 4. */
#include "auth/form.h"
#include "auth/internal.h"
#include "auth/machine.h"

typedef struct m2m {
    dbk_auth base;
    dbk_client_mode client;
    dbk_secret basic; /* the whole header line */
} m2m;

static m2m *m2m_of(dbk_auth *auth) {
    return DBK_CONTAINER_OF(auth, m2m, base);
}

static dbk_status write_form(void *ctx, dbk_buf *form, dbk_error *err) {
    dbk_status st = DBK_OK;
    const m2m *m = m2m_of(ctx);
    DBK_TRY(dbk_form_begin(form, m->client.scopes.len, err));
    DBK_TRY(dbk_form_put(form, "grant_type", DBK_SLICE("client_credentials"), err));
    if (m->client.scopes.len > 0) {
        DBK_TRY(dbk_form_put(form, "scope", dbk_str_slice(&m->client.scopes), err));
    }
done:
    return st;
}

static dbk_status m2m_fetch(dbk_auth *auth, dbk_fetch **out, dbk_error *err) {
    m2m *m = m2m_of(auth);
    dbk_auth_request request = {.what = "client credentials grant",
                                .authorization = dbk_secret_slice(&m->basic),
                                .accept_json = true,
                                .effect = DBK_EFFECT_NONE,
                                .write_form = write_form,
                                .ctx = auth};
    return dbk_client_fetch(auth, &m->client, &request,
                            "could not client credentials grant: M2M token exchange failed", out,
                            err);
}

static void m2m_destroy(dbk_auth *auth) {
    m2m *m = m2m_of(auth);
    dbk_auth_drop(auth);
    dbk_client_reset(&m->client);
    dbk_secret_reset(&m->basic);
    dbk_free(m);
}

static const dbk_auth_mode m2m_mode = {
    .name = "oauth-m2m", .renews = true, .fetch = m2m_fetch, .destroy = m2m_destroy};

static dbk_status check(const dbk_auth_client *c, dbk_error *err) {
    const char *missing = c->client_id.len == 0       ? "client_id"
                          : c->client_secret.len == 0 ? "client_secret"
                                                      : NULL;
    return missing == NULL ? dbk_check_id(c->client_id, "client_id", err)
                           : dbk_error_set(err, DBK_INVALID_ARGUMENT,
                                           "OAuth M2M auth requires a non-empty %s", missing);
}

static dbk_auth *share(m2m *m, const dbk_auth_settings *settings, const dbk_auth_client *c) {
    const dbk_slice words[] = {c->client_id, c->client_secret, dbk_str_slice(&m->client.scopes),
                               c->token_url};
    return dbk_auth_share(&m->base, settings, words, sizeof words / sizeof words[0]);
}

dbk_status dbk_auth_new_m2m(const dbk_auth_settings *settings, const dbk_auth_client *client,
                            dbk_auth **out, dbk_error *err) {
    dbk_status st = check(client, err);
    if (st != DBK_OK) {
        return st;
    }
    m2m *m = dbk_alloc_zero(sizeof *m);
    if (m == NULL) {
        return dbk_error_oom(err, "the credentials");
    }
    DBK_TRY(dbk_auth_init(&m->base, &m2m_mode, settings, err));
    DBK_TRY(dbk_client_init(&m->client, client, err));
    DBK_TRY(dbk_basic_line(client->client_id, client->client_secret, &m->basic, err));
    *out = share(m, settings, client);
    m = NULL;
done:
    if (m != NULL) {
        dbk_auth_unref(&m->base);
    }
    return st;
}
