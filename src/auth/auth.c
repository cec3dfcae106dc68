#include <openssl/evp.h>

#include "auth/form.h"
#include "auth/internal.h"

/* Guards the list of objects that sessions share, and all counts. */
static dbk_mutex lock = PTHREAD_MUTEX_INITIALIZER;
static dbk_list shared;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void fork_lock(void) {
    dbk_mutex_lock(&lock);
}

static void fork_unlock(void) {
    dbk_mutex_unlock(&lock);
}

static void prepare(void) {
    dbk_list_init(&shared);
    (void)pthread_atfork(fork_lock, fork_unlock, fork_unlock);
}

/* ---- life ---- */

dbk_status dbk_auth_init(dbk_auth *auth, const dbk_auth_mode *mode, const dbk_auth_settings *s,
                         dbk_error *err) {
    dbk_status st = DBK_OK;
    (void)pthread_once(&once, prepare);
    auth->mode = mode;
    auth->refs = 1;
    auth->env.lane = s->lane;
    auth->env.retry = s->retry != NULL ? *s->retry : dbk_retry_default;
    auth->env.http = s->http != NULL ? dbk_http_config_ref(s->http) : NULL;
    auth->federation_token_exchange = s->federation_token_exchange;
    auth->federation_strict = s->federation_strict;
    atomic_init(&auth->spent, false);
    dbk_list_init(&auth->waiters);
    DBK_TRY(dbk_check_id(s->federation_client_id, "identity_federation_client_id", err));
    DBK_TRY(dbk_str_set(&auth->env.origin, s->origin, err));
    DBK_TRY(dbk_str_set(&auth->federation_client_id, s->federation_client_id, err));
    auth->env.unified = s->org_id.len > 0;
    if (auth->env.unified && !s->federation_without_org_id) {
        DBK_TRY(dbk_str_setf(&auth->env.org_line, err, "x-databricks-org-id: %.*s",
                             (int)s->org_id.len, s->org_id.ptr));
    }
done:
    return st;
}

void dbk_auth_drop(dbk_auth *auth) {
    DBK_ASSERT(auth->flight == NULL && dbk_list_empty(&auth->waiters));
    dbk_token_reset(&auth->base);
    dbk_token_reset(&auth->exchanged);
    dbk_str_reset(&auth->extra_line);
    dbk_str_reset(&auth->federation_client_id);
    dbk_str_reset(&auth->env.origin);
    dbk_str_reset(&auth->env.org_line);
    dbk_http_config_unref(auth->env.http);
}

dbk_auth *dbk_auth_ref(dbk_auth *auth) {
    dbk_mutex_lock(&lock);
    DBK_ASSERT(auth->refs > 0);
    auth->refs++;
    dbk_mutex_unlock(&lock);
    return auth;
}

void dbk_auth_unref(dbk_auth *auth) {
    if (auth == NULL) {
        return;
    }
    dbk_mutex_lock(&lock);
    bool last = --auth->refs == 0;
    if (last) {
        dbk_node_unlink(&auth->shared);
    }
    dbk_mutex_unlock(&lock);
    if (last) {
        auth->mode->destroy(auth);
    }
}

/* ---- sharing ---- */

/* Each word with its length: "ab","c" is not "a","bc". */
static bool digest_word(EVP_MD_CTX *sha, dbk_slice word) {
    uint64_t len = word.len;
    return EVP_DigestUpdate(sha, &len, sizeof len) == 1 &&
           EVP_DigestUpdate(sha, word.ptr, word.len) == 1;
}

static bool identify(dbk_auth *auth, const dbk_auth_settings *s, const dbk_slice *words,
                     size_t count) {
    uint8_t connection[DBK_HTTP_DIGEST_SIZE];
    uint8_t flags[] = {s->federation_token_exchange, s->federation_strict,
                       s->federation_without_org_id};
    EVP_MD_CTX *sha = EVP_MD_CTX_new();
    bool ok = sha != NULL && EVP_DigestInit_ex(sha, EVP_sha256(), NULL) == 1 &&
              dbk_http_config_digest(s->http, connection);
    ok = ok && digest_word(sha, dbk_slice_of(auth->mode->name)) &&
         digest_word(sha, dbk_slice_n(&auth->env.lane, sizeof auth->env.lane)) &&
         digest_word(sha, dbk_slice_n(connection, sizeof connection)) &&
         digest_word(sha, s->origin) && digest_word(sha, s->org_id) &&
         digest_word(sha, s->federation_client_id) &&
         digest_word(sha, dbk_slice_n(flags, sizeof flags));
    for (size_t i = 0; i < count && ok; i++) {
        ok = digest_word(sha, words[i]);
    }
    ok = ok && EVP_DigestFinal_ex(sha, auth->identity, NULL) == 1;
    EVP_MD_CTX_free(sha);
    return ok;
}

dbk_auth *dbk_auth_share(dbk_auth *auth, const dbk_auth_settings *s, const dbk_slice *words,
                         size_t count) {
    dbk_auth *found = NULL;
    if (!identify(auth, s, words, count)) { /* no memory: this session has a token of its own */
        return auth;
    }
    dbk_mutex_lock(&lock);
    for (dbk_node *n = shared.head.next; n != &shared.head && found == NULL; n = n->next) {
        dbk_auth *other = DBK_CONTAINER_OF(n, dbk_auth, shared);
        if (memcmp(other->identity, auth->identity, sizeof auth->identity) == 0) {
            found = other;
            found->refs++;
        }
    }
    if (found == NULL) {
        dbk_list_push_back(&shared, &auth->shared);
    }
    dbk_mutex_unlock(&lock);
    if (found != NULL) {
        dbk_auth_unref(auth);
    }
    return found != NULL ? found : auth;
}

/* ---- headers ---- */

static dbk_status put_line(dbk_buf *lines, const char *name, dbk_slice value, dbk_error *err) {
    dbk_status st = DBK_OK;
    DBK_TRY(dbk_buf_puts(lines, name, err));
    DBK_TRY(dbk_buf_put_slice(lines, value, err));
    DBK_TRY(dbk_buf_putc(lines, '\0', err));
done:
    return st;
}

dbk_status dbk_auth_put_lines(dbk_auth *auth, dbk_buf *lines, size_t *count,
                              dbk_auth_generation *generation, dbk_error *err) {
    static const char bearer[] = "authorization: Bearer ";
    static const char second[] = "x-databricks-azure-sp-management-token: ";
    dbk_status st = DBK_OK;
    const dbk_token *t = dbk_auth_current(auth);
    DBK_TRY(DBK_ENSURE(t->access.len > 0, err));
    /* A buffer that grows with a token inside would leave the old block unwiped. */
    DBK_TRY(dbk_buf_reserve(lines,
                            sizeof bearer + sizeof second + t->access.len + t->second.len +
                                auth->extra_line.len + 1,
                            err));
    DBK_TRY(put_line(lines, bearer, dbk_secret_slice(&t->access), err));
    *count = 1;
    if (t->second.len > 0) {
        DBK_TRY(put_line(lines, second, dbk_secret_slice(&t->second), err));
        ++*count;
    }
    if (auth->extra_line.len > 0) {
        DBK_TRY(put_line(lines, auth->extra_line.ptr, DBK_SLICE(""), err));
        ++*count;
    }
    *generation = auth->generation;
done:
    return st;
}

/* ---- the state machine ---- */

/* Time for the next token, or for asking once more what federation makes of this one. */
static bool wants_background(const dbk_auth *auth, dbk_token_state state) {
    uint64_t now = dbk_lane_now_ms(auth->env.lane);
    bool stale = state == DBK_TOKEN_STALE && now >= auth->background_again_ms;
    return stale || (auth->exchange_again_ms != 0 && now >= auth->exchange_again_ms);
}

typedef struct waiter {
    dbk_op op;
    dbk_auth *auth; /* counted */
    dbk_node node;  /* in auth->waiters until the flight has landed */
    bool landed;
} waiter;

enum { WAIT_JOIN, WAIT_LANDED };

static waiter *waiter_of(dbk_op *op) {
    return DBK_CONTAINER_OF(op, waiter, op);
}

static dbk_step wait_join(dbk_op *op) {
    waiter *w = waiter_of(op);
    dbk_list_push_back(&w->auth->waiters, &w->node);
    dbk_flight_start(w->auth);
    return w->landed ? dbk_op_finish(op, op->err.code) : dbk_op_wait_wake(op, WAIT_LANDED);
}

static dbk_step wait_landed(dbk_op *op) {
    return dbk_op_finish(op, op->err.code);
}

/* One who waited goes: the others and the flight go on, unless only this one person was asked. */
static void wait_cancelled(dbk_op *op) {
    dbk_auth *auth = waiter_of(op)->auth;
    dbk_node_unlink(&waiter_of(op)->node);
    if (auth->mode->interactive && dbk_list_empty(&auth->waiters) && auth->flight != NULL) {
        dbk_op_cancel(auth->flight);
    }
}

static void wait_destroy(dbk_op *op) {
    dbk_auth_unref(waiter_of(op)->auth);
    dbk_free(waiter_of(op));
}

static const dbk_state wait_states[] = {
    [WAIT_JOIN] = {"join", wait_join, DBK_TO(WAIT_LANDED)},
    [WAIT_LANDED] = {"landed", wait_landed, 0},
};
static const dbk_machine wait_machine = {"waiting for a token", wait_states, 2, wait_cancelled,
                                         wait_destroy};

static dbk_status new_waiter(dbk_auth *auth, dbk_op **out, dbk_error *err) {
    waiter *w = dbk_alloc_zero(sizeof *w);
    if (w == NULL) {
        return dbk_error_oom(err, "waiting for a token");
    }
    dbk_op_init(&w->op, &wait_machine, auth->env.lane);
    w->auth = dbk_auth_ref(auth);
    *out = &w->op;
    return DBK_OK;
}

dbk_status dbk_auth_refresh(dbk_auth *auth, dbk_op **out, dbk_error *err) {
    const dbk_token *t = dbk_auth_current(auth);
    bool spent = dbk_auth_is_spent(auth);
    *out = NULL;
    if (!spent && !t->ages && t->access.len > 0 && auth->exchange_again_ms == 0) {
        return DBK_OK; /* most sessions: a personal access token */
    }
    dbk_token_state state = spent ? DBK_TOKEN_NONE : dbk_token_judge(t, dbk_auth_clock(auth));
    if (state == DBK_TOKEN_NONE || state == DBK_TOKEN_EXPIRED) {
        return new_waiter(auth, out, err);
    }
    if (auth->flight == NULL && wants_background(auth, state)) {
        DBK_LOG(DEBUG, NULL, "%s: the token ends in %lld s, fetching the next one",
                auth->mode->name, (long long)(dbk_token_left_ms(t, dbk_auth_clock(auth)) / 1000));
        dbk_flight_start(auth);
    }
    return DBK_OK;
}

void dbk_auth_tell(dbk_auth *auth, const dbk_error *err) {
    dbk_list told;
    dbk_list_init(&told);
    for (dbk_node *n = dbk_list_pop_front(&auth->waiters); n != NULL;
         n = dbk_list_pop_front(&auth->waiters)) {
        dbk_list_push_back(&told, n); /* who wakes now may ask again: not in this round */
    }
    for (dbk_node *n = dbk_list_pop_front(&told); n != NULL; n = dbk_list_pop_front(&told)) {
        waiter *w = DBK_CONTAINER_OF(n, waiter, node);
        w->landed = true;
        if (err != NULL) {
            dbk_error_copy(&w->op.err, err);
        }
        dbk_op_wake(&w->op);
    }
}

bool dbk_auth_refused(dbk_auth *auth, dbk_auth_generation generation) {
    bool renews = auth->mode->renews || auth->exchanged.access.len > 0;
    if (renews && generation == auth->generation && generation != auth->refused) {
        DBK_LOG(INFO, NULL, "%s: the server refused the token, fetching another", auth->mode->name);
        auth->refused = generation; /* a fetch that is under way will give a newer one */
    }
    /* spent: also a token that was replaced meanwhile */
    return renews || generation != auth->generation || atomic_load(&auth->spent);
}

/* Shorter ones are parts of any word. */
static void take_out(char *text, const dbk_secret *token) {
    static const char mark[] = "[REDACTED]";
    size_t n = dbk_min_size(sizeof mark - 1, token->len);
    char *at = text != NULL && token->len >= 4 ? strstr(text, token->ptr) : NULL;
    for (; at != NULL; at = strstr(at, token->ptr)) {
        char *rest = at + token->len;
        memmove(at + n, rest, strlen(rest) + 1);
        memcpy(at, n < sizeof mark - 1 ? "**********" : mark, n);
        at += n;
    }
}

void dbk_auth_scrub(const dbk_auth *auth, dbk_error *err) {
    char *texts[] = {err->text, err->long_text, err->display_message, err->diagnostic_info,
                     err->details_json};
    const dbk_secret *tokens[] = {&auth->base.access, &auth->exchanged.access, &auth->base.second};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        for (size_t j = 0; j < sizeof tokens / sizeof tokens[0]; j++) {
            take_out(texts[i], tokens[j]);
        }
    }
}

void dbk_auth_note_date(dbk_auth *auth, int64_t unix_s) {
    if (unix_s >= 0 && auth->env.lane != NULL) {
        auth->env.offset_ms = unix_s * 1000 + 500 - dbk_clock_wall_ms(dbk_auth_clock(auth));
    }
}

void *dbk_fetch_new(dbk_auth *auth, size_t size, const dbk_machine *machine) {
    dbk_fetch *f = dbk_alloc_zero(size);
    if (f != NULL) {
        dbk_op_init(&f->op, machine, auth->env.lane);
        f->auth = auth;
    }
    return f;
}

void dbk_auth_describe(const dbk_auth *auth, dbk_auth_facts *out) {
    const dbk_token *t = dbk_auth_current(auth);
    *out = (dbk_auth_facts){.ages = t->access.len > 0 && t->ages};
    if (out->ages) {
        out->left_ms = dbk_token_left_ms(t, dbk_auth_clock(auth));
        out->age_ms = (int64_t)t->life_ms - out->left_ms;
    }
}
