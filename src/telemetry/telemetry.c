#include "telemetry/internal.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <strings.h>

/* ---- switches ---- */

static bool is_yes(const char *text) {
    static const char *const words[] = {"1", "true", "yes", "on"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcasecmp(text, words[i]) == 0) {
            return true;
        }
    }
    return false;
}

bool dbk_telemetry_killed(void) {
    const char *ours = getenv("DATABRICKS_TELEMETRY_DISABLED");
    const char *everybody = getenv("DO_NOT_TRACK");
    bool off = ours != NULL && is_yes(ours);
    if (ours != NULL && ours[0] != '\0' && strcmp(ours, "0") != 0 && !off) {
        DBK_LOG(WARN, NULL, "DATABRICKS_TELEMETRY_DISABLED is none of 1, true, yes, on: ignored");
    }
    return off || (everybody != NULL && is_yes(everybody));
}

/* ---- life ---- */

/* All that makes two sessions' requests look alike, but for the principal. Custom headers belong to it: a
 * gateway may take them for credentials. */
static bool make_place(dbk_telemetry *t, const dbk_telemetry_facts *facts) {
    const dbk_telemetry_settings *s = &t->settings;
    EVP_MD_CTX *sha = EVP_MD_CTX_new();
    bool ok = sha != NULL && EVP_DigestInit_ex(sha, EVP_sha256(), NULL) == 1;
    const dbk_slice texts[] = {facts->origin,
                               facts->workspace_id,
                               facts->user_agent,
                               dbk_slice_of(facts->auth_type),
                               dbk_str_slice(&t->client),
                               dbk_str_slice(&t->flag),
                               s->becomes};
    for (size_t i = 0; ok && i < sizeof texts / sizeof texts[0]; i++) {
        ok = EVP_DigestUpdate(sha, &texts[i].len, sizeof texts[i].len) == 1 &&
             EVP_DigestUpdate(sha, texts[i].ptr, texts[i].len) == 1;
    }
    for (size_t i = 0; ok && i < s->line_count; i++) {
        ok = EVP_DigestUpdate(sha, s->lines[i].ptr, s->lines[i].len + 1) == 1;
    }
    ok = ok && EVP_DigestUpdate(sha, &s->ask_flag, sizeof s->ask_flag) == 1 &&
         EVP_DigestFinal_ex(sha, t->place, NULL) == 1;
    EVP_MD_CTX_free(sha);
    return ok;
}

static dbk_status fill(dbk_telemetry *t, const dbk_telemetry_facts *facts, dbk_error *err) {
    dbk_status st = DBK_OK;
    DBK_TRY(dbk_str_set(&t->origin, facts->origin, err));
    DBK_TRY(dbk_str_set(&t->client, t->settings.client, err));
    DBK_TRY(dbk_str_set(&t->flag, t->settings.flag, err));
    DBK_TRY(dbk_telemetry_who_new(facts, &t->who, err));
    if (!make_place(t, facts)) {
        return dbk_error_oom(err, "telemetry");
    }
    DBK_TRY(dbk_pipe_join(t, t->settings.rights, err));
done:
    t->settings.rights = t->settings.becomes = (dbk_slice){0}; /* were the caller's */
    t->settings.client = t->settings.flag = (dbk_slice){0};
    return st;
}

dbk_status dbk_telemetry_new(const dbk_telemetry_settings *settings,
                             const dbk_telemetry_facts *facts, dbk_telemetry **out,
                             dbk_error *err) {
    dbk_telemetry *t = dbk_alloc_zero(sizeof *t);
    if (t == NULL) {
        settings->release(settings->keep);
        return dbk_error_oom(err, "telemetry");
    }
    atomic_init(&t->refs, 1);
    dbk_mutex_init(&t->lock);
    t->epoch = dbk_process_epoch();
    t->settings = *settings;
    (void)dbk_http_config_ref(settings->http);
    (void)dbk_auth_ref(settings->auth);
    dbk_status st = fill(t, facts, err);
    if (st != DBK_OK) {
        dbk_telemetry_unref(t);
        return st;
    }
    *out = t;
    return DBK_OK;
}

dbk_telemetry *dbk_telemetry_ref(dbk_telemetry *t) {
    (void)atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed);
    return t;
}

void dbk_telemetry_unref(dbk_telemetry *t) {
    if (t == NULL || atomic_fetch_sub_explicit(&t->refs, 1, memory_order_acq_rel) != 1) {
        return;
    }
    dbk_http_config_unref(t->settings.http);
    dbk_auth_unref(t->settings.auth);
    t->settings.release(t->settings.keep);
    dbk_telemetry_who_unref(t->who);
    dbk_str_reset(&t->origin);
    dbk_str_reset(&t->client);
    dbk_str_reset(&t->flag);
    dbk_mutex_destroy(&t->lock);
    dbk_free(t);
}

/* ---- events ---- */

/* Does the server's flag say no? Then nothing is gathered; but when it is time to ask again, the queue
 * does. */
static bool is_off(const dbk_pipe *p) {
    return p->flag.url.ptr != NULL &&
           dbk_flag_look(&p->flag, dbk_lane_now_ms(p->lane)) == DBK_FLAG_OFF;
}

static void enqueue(dbk_telemetry *t, dbk_pipe *p, const dbk_telemetry_event *event) {
    dbk_telemetry_item *item = dbk_alloc_zero(sizeof *item);
    if (item == NULL) {
        dbk_pipe_count(p, DBK_COUNT_FULL, 1);
        return;
    }
    item->wall_ms = dbk_clock_wall_ms(dbk_lane_clock(t->settings.lane));
    item->owner = t;
    item->who = dbk_telemetry_who_ref(t->who);
    item->event = *event;
    dbk_pipe_put(p, item);
}

void dbk_telemetry_tell(dbk_telemetry *t, const dbk_telemetry_event *event) {
    dbk_pipe *p = t->epoch == dbk_process_epoch() ? dbk_pipe_of(t) : NULL;
    if (p == NULL) {
        return;
    }
    if (is_off(p)) {
        dbk_pipe_count(p, DBK_COUNT_OFF, 1);
    } else {
        enqueue(t, p, event);
    }
    dbk_pipe_unref(p);
}

/* ---- the end ---- */

bool dbk_telemetry_flush(dbk_telemetry *t, void (*idle)(void *ctx), void *ctx) {
    dbk_pipe *p = t->epoch == dbk_process_epoch() ? dbk_pipe_of(t) : NULL;
    bool busy = p != NULL && dbk_pipe_flush(p, t, idle, ctx);
    dbk_pipe_unref(p);
    return busy;
}

void dbk_telemetry_leave(dbk_telemetry *t) {
    if (t->epoch == dbk_process_epoch()) { /* a fork's child has nothing to do with it */
        dbk_pipe_leave(t);
    }
}
