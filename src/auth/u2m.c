/* A person logs in with a browser; the refresh token keeps the login, on disk when wanted: spec auth 6. */
#include "auth/browser.h"
#include "auth/cache.h"
#include "auth/discovery.h"
#include "auth/form.h"
#include "auth/grant.h"
#include "auth/internal.h"

#define LOCK_LIMIT_MS 130000u /* another process may be waiting for its person */

typedef struct u2m {
    dbk_auth base;
    dbk_str client_id;
    dbk_str scopes;
    uint16_t port;
    bool cache_enabled;
    dbk_secret passphrase;
    dbk_login_opener open;
    void *open_ctx;
    dbk_str authorize_url, token_url; /* once discovered */
    dbk_secret last;                  /* the access token given last */
} u2m;

/* What the threads beside the lane work on; used by one of them, or by the lane, at a time. */
typedef struct visit {
    atomic_int refs;
    bool has_cache;
    dbk_cache cache;
    const dbk_clock *clock;
    uint64_t lock_until_ms;
    dbk_token found; /* in the cache */
    dbk_token keep;  /* to be written; empty: the file goes */
    bool login_begun;
    dbk_login login;
} visit;

typedef struct u2m_fetch {
    dbk_fetch base;
    visit *visit; /* counted */
    dbk_op *work; /* counted: the one under way */
    dbk_discovery *discovery;
    dbk_grant *grant;
    dbk_secret refresh; /* the token to be spent; empty: a person is asked */
    dbk_error refused;  /* why it could not be spent */
} u2m_fetch;

enum {
    U2M_OPEN,
    U2M_OPENED,
    U2M_PLACE,
    U2M_FOUND,
    U2M_ASK,
    U2M_REFRESHED,
    U2M_LOGIN,
    U2M_CODE,
    U2M_GRANTED,
    U2M_SAVE,
    U2M_END
};

static u2m *u2m_of(dbk_auth *auth) {
    return DBK_CONTAINER_OF(auth, u2m, base);
}

static u2m_fetch *fetch_of(dbk_op *op) {
    return DBK_CONTAINER_OF(op, u2m_fetch, base.op);
}

/* ---- beside the lane ---- */

static void visit_unref(void *ctx) {
    visit *v = ctx;
    if (v == NULL || atomic_fetch_sub(&v->refs, 1) != 1) {
        return;
    }
    if (v->has_cache) {
        dbk_cache_reset(&v->cache);
    }
    if (v->login_begun) {
        dbk_login_reset(&v->login);
    }
    dbk_token_reset(&v->found);
    dbk_token_reset(&v->keep);
    dbk_free(v);
}

typedef struct lock_wait {
    const visit *visit;
    const dbk_work *work;
} lock_wait;

static bool lock_wait_over(void *ctx) {
    const lock_wait *w = ctx;
    return dbk_work_stopped(w->work) || dbk_clock_ms(&dbk_clock_system) >= w->visit->lock_until_ms;
}

static void open_run(void *ctx, const dbk_work *work) {
    visit *v = ctx;
    lock_wait wait = {v, work};
    v->lock_until_ms = dbk_clock_ms(&dbk_clock_system) + LOCK_LIMIT_MS;
    dbk_cache_lock(&v->cache, lock_wait_over, &wait);
    (void)!dbk_cache_read(&v->cache, v->clock, &v->found);
}

static void login_run(void *ctx, const dbk_work *work) {
    (void)work;
    dbk_login_run(&((visit *)ctx)->login);
}

static void login_stop(void *ctx) {
    dbk_login_stop(&((visit *)ctx)->login);
}

static void save_run(void *ctx, const dbk_work *work) {
    visit *v = ctx;
    (void)work;
    if (v->keep.refresh.len > 0) {
        dbk_cache_write(&v->cache, &v->keep);
    } else {
        dbk_cache_remove(&v->cache);
    }
    dbk_cache_unlock(&v->cache);
}

static const dbk_work_job open_job = {"dbk-cache", open_run, NULL, visit_unref};
static const dbk_work_job login_job = {"dbk-login", login_run, login_stop, visit_unref};
static const dbk_work_job save_job = {"dbk-cache", save_run, NULL, visit_unref};

static dbk_step do_work(dbk_op *op, const dbk_work_job *job, uint32_t next) {
    u2m_fetch *f = fetch_of(op);
    dbk_op_unref(f->work);
    f->work = NULL;
    (void)atomic_fetch_add(&f->visit->refs, 1);
    dbk_status st = dbk_work_new(op->lane, job, f->visit, &f->work, &op->err);
    return st == DBK_OK ? dbk_op_wait_op(op, f->work, next) : dbk_op_finish(op, st);
}

/* ---- the machine ---- */

static dbk_step u2m_open(dbk_op *op) {
    u2m_fetch *f = fetch_of(op);
    return f->visit->has_cache ? do_work(op, &open_job, U2M_OPENED) : dbk_op_goto(op, U2M_OPENED);
}

/* Another process may have renewed it meanwhile; the one we gave last was refused or is at its end. */
static bool cached_serves(const u2m *m, const dbk_token *found, const dbk_clock *clock) {
    return found->access.len > 0 && dbk_token_judge(found, clock) == DBK_TOKEN_FRESH &&
           !dbk_secret_eq(&found->access, &m->last);
}

static dbk_step u2m_opened(dbk_op *op) {
    u2m_fetch *f = fetch_of(op);
    const u2m *m = u2m_of(f->base.auth);
    dbk_token *found = &f->visit->found;
    if (cached_serves(m, found, dbk_auth_clock(f->base.auth))) {
        dbk_token_move(&f->base.token, found);
        return dbk_op_goto(op, U2M_END);
    }
    const dbk_secret *refresh =
        found->refresh.len > 0 ? &found->refresh : &f->base.auth->base.refresh;
    dbk_status st = dbk_secret_set(&f->refresh, dbk_secret_slice(refresh), &op->err);
    return st == DBK_OK ? dbk_op_goto(op, U2M_PLACE) : dbk_op_finish(op, st);
}

static dbk_step u2m_place(dbk_op *op) {
    u2m_fetch *f = fetch_of(op);
    if (u2m_of(f->base.auth)->token_url.len > 0) {
        return dbk_op_goto(op, U2M_ASK);
    }
    dbk_status st = dbk_discovery_new(&f->base.auth->env, &f->discovery, &op->err);
    return st == DBK_OK ? dbk_op_wait_op(op, &f->discovery->op, U2M_FOUND) : dbk_op_finish(op, st);
}

static dbk_step u2m_found(dbk_op *op) {
    u2m_fetch *f = fetch_of(op);
    u2m *m = u2m_of(f->base.auth);
    if (f->discovery->authorize.len == 0) {
        return dbk_op_finish(op,
                             dbk_error_set(&op->err, DBK_DATA_LOSS,
                                           "OIDC discovery: authorization_endpoint is missing"));
    }
    dbk_str_move(&m->authorize_url, &f->discovery->authorize);
    dbk_str_move(&m->token_url, &f->discovery->token);
    return dbk_op_goto(op, U2M_ASK);
}

static dbk_status write_refresh(void *ctx, dbk_buf *form, dbk_error *err) {
    dbk_status st = DBK_OK;
    const u2m_fetch *f = ctx;
    const u2m *m = u2m_of(f->base.auth);
    DBK_TRY(dbk_form_begin(form, f->refresh.len + m->client_id.len, err));
    DBK_TRY(dbk_form_put(form, "grant_type", DBK_SLICE("refresh_token"), err));
    DBK_TRY(dbk_form_put(form, "refresh_token", dbk_secret_slice(&f->refresh), err));
    DBK_TRY(dbk_form_put(form, "client_id", dbk_str_slice(&m->client_id), err));
done:
    return st;
}

static dbk_status write_code(void *ctx, dbk_buf *form, dbk_error *err) {
    dbk_status st = DBK_OK;
    const u2m_fetch *f = ctx;
    const u2m *m = u2m_of(f->base.auth);
    const dbk_login *l = &f->visit->login;
    DBK_TRY(dbk_form_begin(form, l->code.len + l->verifier.len + m->client_id.len, err));
    DBK_TRY(dbk_form_put(form, "grant_type", DBK_SLICE("authorization_code"), err));
    DBK_TRY(dbk_form_put(form, "code", dbk_secret_slice(&l->code), err));
    DBK_TRY(dbk_form_put(form, "code_verifier", dbk_secret_slice(&l->verifier), err));
    DBK_TRY(dbk_form_put(form, "client_id", dbk_str_slice(&m->client_id), err));
    DBK_TRY(dbk_form_put(form, "redirect_uri", dbk_str_slice(&l->redirect_uri), err));
done:
    return st;
}

static dbk_step post(dbk_op *op, const char *what, const char *clause,
                     dbk_status (*form)(void *, dbk_buf *, dbk_error *), uint32_t next) {
    u2m_fetch *f = fetch_of(op);
    dbk_auth_request request = {.what = what,
                                .url = dbk_str_slice(&u2m_of(f->base.auth)->token_url),
                                .accept_json = true,
                                .effect = DBK_EFFECT_UNSAFE, /* both are spent by being sent */
                                .write_form = form,
                                .ctx = f};
    dbk_grant_unref(f->grant);
    f->grant = NULL;
    dbk_status st = dbk_grant_new(&f->base.auth->env, &request, clause, &f->grant, &op->err);
    return st == DBK_OK ? dbk_op_try_op(op, &f->grant->op, next) : dbk_op_finish(op, st);
}

/* A person is asked at the start only: nobody may be there later. */
static dbk_step u2m_ask(dbk_op *op) {
    u2m_fetch *f = fetch_of(op);
    if (f->refresh.len > 0) {
        return post(op, "refresh grant", "OAuth token refresh failed", write_refresh,
                    U2M_REFRESHED);
    }
    if (f->base.auth->generation == 0) {
        return dbk_op_goto(op, U2M_LOGIN);
    }
    return dbk_op_finish(op,
                         dbk_error_set(&op->err, DBK_UNAUTHENTICATED,
                                       "the browser login has ended and the server gave no "
                                       "refresh token (scope offline_access); open a new session"));
}

static dbk_step u2m_refreshed(dbk_op *op) {
    u2m_fetch *f = fetch_of(op);
    dbk_grant *g = f->grant;
    if (g->op.status == DBK_OK) {
        return dbk_op_goto(op, U2M_GRANTED);
    }
    if (strcmp(g->oauth_error, "invalid_grant") != 0) {
        dbk_error_move(&op->err, &g->op.err);
        return dbk_op_finish(op, op->err.code);
    }
    uint16_t status = g->op.err.http_status;
    (void)dbk_error_set(
        &f->refused, DBK_UNAUTHENTICATED,
        "OAuth token refresh failed (refresh token expired or revoked); "
        "re-authentication required: Server returned error response: invalid_grant");
    f->refused.http_status = status;
    dbk_secret_reset(&f->refresh);
    dbk_secret_reset(&f->base.auth->base.refresh);
    return dbk_op_goto(op, f->base.auth->generation == 0 ? U2M_LOGIN : U2M_SAVE);
}

static dbk_status fill_login(const u2m *m, dbk_login *l, dbk_error *err) {
    dbk_status st = DBK_OK;
    DBK_TRY(dbk_login_init(l, err));
    DBK_TRY(dbk_str_set(&l->authorize, dbk_str_slice(&m->authorize_url), err));
    DBK_TRY(dbk_str_set(&l->client_id, dbk_str_slice(&m->client_id), err));
    DBK_TRY(dbk_str_set(&l->scopes, dbk_str_slice(&m->scopes), err));
    l->port = m->port;
    l->open = m->open;
    l->open_ctx = m->open_ctx;
done:
    return st;
}

static dbk_step u2m_login(dbk_op *op) {
    u2m_fetch *f = fetch_of(op);
    f->visit->login_begun = true;
    dbk_error_reset(&f->refused);
    dbk_status st = fill_login(u2m_of(f->base.auth), &f->visit->login, &op->err);
    return st == DBK_OK ? do_work(op, &login_job, U2M_CODE) : dbk_op_finish(op, st);
}

static dbk_step u2m_code(dbk_op *op) {
    dbk_login *l = &fetch_of(op)->visit->login;
    if (l->code.len == 0) {
        dbk_error_move(&op->err, &l->err);
        return dbk_op_finish(op, op->err.code != DBK_OK ? op->err.code : DBK_INTERNAL);
    }
    return post(op, "code grant", "could not OAuth code exchange", write_code, U2M_GRANTED);
}

static dbk_step u2m_granted(dbk_op *op) {
    u2m_fetch *f = fetch_of(op);
    dbk_grant *g = f->grant;
    if (g->op.status != DBK_OK) {
        dbk_error_move(&op->err, &g->op.err);
        return dbk_op_finish(op, op->err.code);
    }
    dbk_token_move(&f->base.token, &g->token);
    if (f->base.token.refresh.len == 0) { /* the old one goes on */
        dbk_secret_move(&f->base.token.refresh, &f->refresh);
    }
    return dbk_op_goto(op, U2M_SAVE);
}

static dbk_step u2m_save(dbk_op *op) {
    u2m_fetch *f = fetch_of(op);
    if (!f->visit->has_cache) {
        return dbk_op_goto(op, U2M_END);
    }
    if (f->refused.code == DBK_OK &&
        dbk_token_copy(&f->visit->keep, &f->base.token, &op->err) != DBK_OK) {
        return dbk_op_finish(op, op->err.code);
    }
    return do_work(op, &save_job, U2M_END);
}

static dbk_step u2m_end(dbk_op *op) {
    u2m_fetch *f = fetch_of(op);
    if (f->refused.code != DBK_OK) {
        dbk_error_move(&op->err, &f->refused);
        return dbk_op_finish(op, op->err.code);
    }
    return dbk_op_finish(op, dbk_secret_set(&u2m_of(f->base.auth)->last,
                                            dbk_secret_slice(&f->base.token.access), &op->err));
}

static void u2m_fetch_destroy(dbk_op *op) {
    u2m_fetch *f = fetch_of(op);
    dbk_op_unref(f->work);
    dbk_discovery_unref(f->discovery);
    dbk_grant_unref(f->grant);
    dbk_secret_reset(&f->refresh);
    dbk_error_reset(&f->refused);
    dbk_token_reset(&f->base.token);
    visit_unref(f->visit);
    dbk_free(f);
}

static const dbk_state u2m_states[] = {
    [U2M_OPEN] = {"open", u2m_open, DBK_TO(U2M_OPENED)},
    [U2M_OPENED] = {"opened", u2m_opened, DBK_TO(U2M_PLACE) | DBK_TO(U2M_END)},
    [U2M_PLACE] = {"place", u2m_place, DBK_TO(U2M_FOUND) | DBK_TO(U2M_ASK)},
    [U2M_FOUND] = {"found", u2m_found, DBK_TO(U2M_ASK)},
    [U2M_ASK] = {"ask", u2m_ask, DBK_TO(U2M_REFRESHED) | DBK_TO(U2M_LOGIN)},
    [U2M_REFRESHED] = {"refreshed", u2m_refreshed,
                       DBK_TO(U2M_GRANTED) | DBK_TO(U2M_LOGIN) | DBK_TO(U2M_SAVE)},
    [U2M_LOGIN] = {"login", u2m_login, DBK_TO(U2M_CODE)},
    [U2M_CODE] = {"code", u2m_code, DBK_TO(U2M_GRANTED)},
    [U2M_GRANTED] = {"granted", u2m_granted, DBK_TO(U2M_SAVE)},
    [U2M_SAVE] = {"save", u2m_save, DBK_TO(U2M_END)},
    [U2M_END] = {"end", u2m_end, 0},
};
static const dbk_machine u2m_machine = {
    "browser login", u2m_states, sizeof u2m_states / sizeof u2m_states[0], NULL, u2m_fetch_destroy};

static dbk_status u2m_fetch_new(dbk_auth *auth, dbk_fetch **out, dbk_error *err) {
    const u2m *m = u2m_of(auth);
    u2m_fetch *f = dbk_fetch_new(auth, sizeof *f, &u2m_machine);
    visit *v = f != NULL ? dbk_alloc_zero(sizeof *v) : NULL;
    if (v == NULL) {
        dbk_op_unref(f != NULL ? &f->base.op : NULL);
        return dbk_error_oom(err, "a browser login");
    }
    const dbk_cache_key key = {dbk_str_slice(&auth->env.origin), dbk_str_slice(&m->client_id),
                               dbk_str_slice(&m->scopes), dbk_secret_slice(&m->passphrase)};
    atomic_init(&v->refs, 1);
    v->clock = dbk_auth_clock(auth);
    v->has_cache = m->cache_enabled && dbk_cache_init(&v->cache, &key);
    f->visit = v;
    *out = &f->base;
    return DBK_OK;
}

/* ---- making one ---- */

static void u2m_destroy(dbk_auth *auth) {
    u2m *m = u2m_of(auth);
    dbk_auth_drop(auth);
    dbk_str_reset(&m->client_id);
    dbk_str_reset(&m->scopes);
    dbk_str_reset(&m->authorize_url);
    dbk_str_reset(&m->token_url);
    dbk_secret_reset(&m->passphrase);
    dbk_secret_reset(&m->last);
    dbk_free(m);
}

static const dbk_auth_mode u2m_mode = {.name = "oauth-u2m",
                                       .renews = true,
                                       .interactive = true,
                                       .fetch = u2m_fetch_new,
                                       .destroy = u2m_destroy};

static dbk_auth *share(u2m *m, const dbk_auth_settings *settings, const dbk_auth_person *p) {
    const dbk_slice words[] = {dbk_str_slice(&m->client_id), dbk_str_slice(&m->scopes),
                               p->passphrase,
                               p->cache_enabled ? DBK_SLICE("cache") : DBK_SLICE("")};
    return dbk_auth_share(&m->base, settings, words, sizeof words / sizeof words[0]);
}

dbk_status dbk_auth_new_u2m(const dbk_auth_settings *settings, const dbk_auth_person *person,
                            dbk_auth **out, dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_slice id =
        person->client_id.len > 0 ? person->client_id : DBK_SLICE("databricks-sql-connector");
    u2m *m = dbk_alloc_zero(sizeof *m);
    if (m == NULL) {
        return dbk_error_oom(err, "the credentials");
    }
    m->port = person->port != 0 ? person->port : DBK_LOGIN_PORT;
    m->cache_enabled = person->cache_enabled;
    m->open = person->open;
    m->open_ctx = person->open_ctx;
    DBK_TRY(dbk_auth_init(&m->base, &u2m_mode, settings, err));
    DBK_TRY(dbk_check_id(id, "client_id", err));
    DBK_TRY(dbk_str_set(&m->client_id, id, err));
    DBK_TRY(dbk_scopes_join(person->scopes, "sql offline_access", &m->scopes, err));
    DBK_TRY(dbk_secret_set(&m->passphrase, person->passphrase, err));
    *out = share(m, settings, person);
    m = NULL;
done:
    if (m != NULL) {
        dbk_auth_unref(&m->base);
    }
    return st;
}
