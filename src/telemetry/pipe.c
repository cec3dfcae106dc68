/* Queues, each shared by the sessions of one destination that speak for the same principal. */
#include "telemetry/internal.h"

#include <openssl/evp.h>

/* What may wait to leave: spec telemetry.md 6. An event takes half a kilobyte here. */
#define QUEUE_EVENTS 1000u

dbk_mutex dbk_telemetry_table = PTHREAD_MUTEX_INITIALIZER;

static struct { /* under dbk_telemetry_table */
    pthread_once_t once;
    dbk_list pipes;
} table = {.once = PTHREAD_ONCE_INIT};

/* ---- fork: the child begins with nothing ---- */

static void before_fork(void) {
    dbk_mutex_lock(&dbk_telemetry_table);
    dbk_mutex_lock(&dbk_telemetry_hosts);
}

static void after_fork_parent(void) {
    dbk_mutex_unlock(&dbk_telemetry_hosts);
    dbk_mutex_unlock(&dbk_telemetry_table);
}

/* Whoever was asking a server asks it in the parent only. */
static void after_fork_child(void) {
    dbk_list_init(&table.pipes);
    dbk_breaker_forget_asking_locked();
    dbk_flag_forget_asking_locked();
    after_fork_parent();
}

static void prepare(void) {
    dbk_list_init(&table.pipes);
    (void)pthread_atfork(before_fork, after_fork_parent, after_fork_child);
}

/* ---- life ---- */

dbk_pipe *dbk_pipe_ref(dbk_pipe *p) {
    (void)atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);
    return p;
}

void dbk_telemetry_item_free(dbk_telemetry_item *item) {
    dbk_telemetry_who_unref(item->who);
    dbk_free(item);
}

static dbk_telemetry_item *item_of(dbk_node *node) {
    return DBK_CONTAINER_OF(node, dbk_telemetry_item, node);
}

static dbk_telemetry *member_of(dbk_node *node) {
    return DBK_CONTAINER_OF(node, dbk_telemetry, node);
}

void dbk_pipe_unref(dbk_pipe *p) {
    if (p == NULL || atomic_fetch_sub_explicit(&p->refs, 1, memory_order_acq_rel) != 1) {
        return;
    }
    while (!dbk_list_empty(&p->queue)) {
        dbk_telemetry_item_free(item_of(dbk_list_pop_front(&p->queue)));
    }
    dbk_flag_reset(&p->flag);
    dbk_str_reset(&p->url);
    dbk_mutex_destroy(&p->lock);
    dbk_free(p);
}

static dbk_status new_pipe(const dbk_telemetry *t, const dbk_pipe_key *key, dbk_pipe **out,
                           dbk_error *err) {
    dbk_status st = DBK_OK;
    const dbk_telemetry_settings *s = &t->settings;
    dbk_pipe *p = dbk_alloc_zero(sizeof *p);
    if (p == NULL) {
        return dbk_error_oom(err, "telemetry");
    }
    atomic_init(&p->refs, 1);
    dbk_mutex_init(&p->lock);
    dbk_list_init(&p->members);
    dbk_list_init(&p->queue);
    p->key = *key;
    p->lane = s->lane;
    p->host = dbk_breaker_key_of(dbk_str_slice(&t->origin));
    p->rules.batch_size = s->batch_size;
    p->rules.flush_ms = s->flush_ms;
    p->rules.retry_delay_ms = s->retry_delay_ms;
    p->rules.close_ms = s->close_ms;
    p->rules.max_retries = s->max_retries;
    p->rules.breaker_enabled = s->breaker_enabled;
    p->rules.breaker = (dbk_breaker_rules){s->breaker_threshold, s->breaker_timeout_ms};
    DBK_TRY(dbk_str_setf(&p->url, err, "%s/telemetry-ext", t->origin.ptr));
    if (s->ask_flag) {
        DBK_TRY(dbk_flag_set(&p->flag, dbk_str_slice(&t->origin), dbk_str_slice(&t->client),
                             dbk_str_slice(&t->flag), err));
    }
    *out = p;
    p = NULL;
done:
    dbk_pipe_unref(p);
    return st;
}

/* ---- who belongs where ---- */

static bool make_key(const dbk_telemetry *t, dbk_slice rights, dbk_pipe_key *key) {
    EVP_MD_CTX *sha = EVP_MD_CTX_new();
    bool ok = sha != NULL && EVP_DigestInit_ex(sha, EVP_sha256(), NULL) == 1 &&
              EVP_DigestUpdate(sha, t->place, sizeof t->place) == 1 &&
              EVP_DigestUpdate(sha, rights.ptr, rights.len) == 1 &&
              EVP_DigestFinal_ex(sha, key->sha, NULL) == 1;
    EVP_MD_CTX_free(sha);
    key->lane = t->settings.lane;
    return ok;
}

static dbk_pipe *find_locked(const dbk_pipe_key *key) {
    for (dbk_node *n = table.pipes.head.next; n != &table.pipes.head; n = n->next) {
        dbk_pipe *p = DBK_CONTAINER_OF(n, dbk_pipe, node);
        if (p->key.lane == key->lane && memcmp(p->key.sha, key->sha, sizeof key->sha) == 0 &&
            !p->dead) {
            return p;
        }
    }
    return NULL;
}

/* Tuning is the first session's. */
static void note_difference(const dbk_pipe *p, const dbk_telemetry_settings *s) {
    if (p->rules.batch_size != s->batch_size || p->rules.flush_ms != s->flush_ms ||
        p->rules.max_retries != s->max_retries || p->rules.close_ms != s->close_ms) {
        DBK_LOG(DEBUG, NULL, "telemetry: the settings of the host's first session stay");
    }
}

static void join_locked(dbk_telemetry *t, dbk_pipe *takes_p) {
    dbk_mutex_lock(&takes_p->lock);
    dbk_list_push_back(&takes_p->members, &t->node);
    dbk_mutex_unlock(&takes_p->lock);
    dbk_mutex_lock(&t->lock);
    t->pipe = takes_p;
    dbk_mutex_unlock(&t->lock);
}

dbk_status dbk_pipe_join(dbk_telemetry *t, dbk_slice rights, dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_pipe_key key;
    if (!make_key(t, rights, &key)) {
        return dbk_error_oom(err, "telemetry");
    }
    (void)pthread_once(&table.once, prepare);
    dbk_mutex_lock(&dbk_telemetry_table);
    dbk_pipe *p = find_locked(&key);
    if (p != NULL) {
        note_difference(p, &t->settings);
        join_locked(t, dbk_pipe_ref(p));
    } else {
        st = new_pipe(t, &key, &p, err);
        if (p != NULL) {
            dbk_list_push_back(&table.pipes, &p->node);
            join_locked(t, p);
        }
    }
    dbk_mutex_unlock(&dbk_telemetry_table);
    return st;
}

dbk_pipe *dbk_pipe_of(dbk_telemetry *t) {
    dbk_mutex_lock(&t->lock);
    dbk_pipe *p = t->pipe != NULL ? dbk_pipe_ref(t->pipe) : NULL;
    dbk_mutex_unlock(&t->lock);
    return p;
}

/* Nobody may be spoken for any more: what is there is lost. Gives the exporter to cancel. */
static dbk_op *end_locked(dbk_pipe *p, uint64_t *lost) {
    *lost = p->queued;
    p->dead = true;
    p->queued = 0;
    while (!dbk_list_empty(&p->queue)) {
        dbk_telemetry_item_free(item_of(dbk_list_pop_front(&p->queue)));
    }
    return p->exporter != NULL ? dbk_op_ref(p->exporter) : NULL;
}

/* Its events stay, for another session to send, or go to `next` (not NULL: their owner goes too). */
static void take_items_locked(dbk_pipe *p, const dbk_telemetry *t, dbk_list *moved) {
    for (dbk_node *n = p->queue.head.next, *after = NULL; n != &p->queue.head; n = after) {
        after = n->next;
        if (item_of(n)->owner == t && moved != NULL) {
            dbk_node_unlink(n);
            p->queued--;
            dbk_list_push_back(moved, n);
        } else if (item_of(n)->owner == t) {
            item_of(n)->owner = NULL;
        }
    }
}

static void leave(dbk_telemetry *t, dbk_list *moved) {
    uint64_t lost = 0;
    dbk_op *exporter = NULL;
    dbk_mutex_lock(&dbk_telemetry_table);
    dbk_mutex_lock(&t->lock);
    dbk_pipe *p = t->pipe;
    t->pipe = NULL;
    dbk_mutex_unlock(&t->lock);
    if (p != NULL) {
        dbk_mutex_lock(&p->lock);
        dbk_node_unlink(&t->node);
        t->flushing = false;
        t->idle = NULL;
        take_items_locked(p, t, moved);
        if (dbk_list_empty(&p->members)) {
            exporter = end_locked(p, &lost);
            dbk_node_unlink(&p->node);
        }
        dbk_mutex_unlock(&p->lock);
    }
    dbk_mutex_unlock(&dbk_telemetry_table);
    if (exporter != NULL) {
        dbk_op_cancel(exporter);
        dbk_op_unref(exporter);
    }
    if (p != NULL) {
        dbk_pipe_count(p, DBK_COUNT_FAILED, lost);
        dbk_pipe_unref(p);
    }
}

void dbk_pipe_leave(dbk_telemetry *t) {
    leave(t, NULL);
}

void dbk_telemetry_change_rights(dbk_telemetry *t, dbk_slice rights) {
    dbk_error err = {0};
    dbk_list moved;
    dbk_list_init(&moved);
    if (t->epoch != dbk_process_epoch()) {
        return;
    }
    leave(t, &moved);
    dbk_pipe *p = dbk_pipe_join(t, rights, &err) == DBK_OK ? dbk_pipe_of(t) : NULL;
    while (!dbk_list_empty(&moved)) {
        dbk_telemetry_item *item = item_of(dbk_list_pop_front(&moved));
        if (p != NULL) {
            dbk_pipe_put(p, item);
        } else {
            dbk_breaker_add(dbk_breaker_key_of(dbk_str_slice(&t->origin)), DBK_COUNT_FULL, 1);
            dbk_telemetry_item_free(item);
        }
    }
    dbk_pipe_unref(p);
    dbk_error_reset(&err);
}

dbk_telemetry *dbk_pipe_speaker(dbk_pipe *p, const dbk_telemetry *owner) {
    dbk_telemetry *found = NULL;
    dbk_mutex_lock(&p->lock);
    for (dbk_node *n = p->members.head.next; n != &p->members.head; n = n->next) {
        if (found == NULL || member_of(n) == owner) {
            found = member_of(n);
        }
    }
    found = found != NULL ? dbk_telemetry_ref(found) : NULL;
    dbk_mutex_unlock(&p->lock);
    return found;
}

/* ---- the queue ---- */

void dbk_pipe_count(dbk_pipe *p, dbk_breaker_count what, uint64_t events) {
    if (events > 0) {
        dbk_breaker_add(p->host, what, events);
    }
}

/* The oldest event that tells no error, else the oldest. */
static dbk_telemetry_item *victim_locked(dbk_pipe *p) {
    for (dbk_node *n = p->queue.head.next; n != &p->queue.head; n = n->next) {
        if (item_of(n)->event.error == DBK_OK) {
            return item_of(n);
        }
    }
    return item_of(p->queue.head.next);
}

static dbk_telemetry_item *push_locked(dbk_pipe *p, dbk_telemetry_item *item) {
    dbk_telemetry_item *victim = NULL;
    if (p->queued >= QUEUE_EVENTS) {
        victim = victim_locked(p);
        dbk_node_unlink(&victim->node);
        p->queued--;
    }
    item->number = ++p->numbers;
    dbk_list_push_back(&p->queue, &item->node);
    p->queued++;
    return victim;
}

/* An export for the queue, unless there is one; NULL: it need not be started. */
static dbk_op *new_exporter_locked(dbk_pipe *p) {
    dbk_error err = {0};
    if (p->exporter == NULL && dbk_telemetry_export_new(p, &p->exporter, &err) == DBK_OK) {
        return p->exporter;
    }
    dbk_error_reset(&err);
    return NULL;
}

/* One that ended for want of memory has not left by itself. */
static void exporter_ended(dbk_op *op, void *pipe) {
    dbk_pipe *p = pipe; /* of the exporter, which still holds it */
    dbk_mutex_lock(&p->lock);
    if (p->exporter == op) {
        p->exporter = NULL;
    }
    dbk_mutex_unlock(&p->lock);
}

/* Starts one, or wakes the one that waits for a full batch. */
static void export_now(dbk_pipe *p, dbk_op *fresh, dbk_op *hurried) {
    if (fresh != NULL) {
        dbk_op_set_unattended(fresh);
        dbk_op_start(fresh, exporter_ended, p);
        dbk_op_unref(fresh);
    }
    if (hurried != NULL) {
        dbk_telemetry_hurry(hurried);
        dbk_op_unref(hurried);
    }
}

void dbk_pipe_put(dbk_pipe *p, dbk_telemetry_item *takes_item) {
    dbk_op *fresh = NULL, *hurried = NULL;
    dbk_telemetry_item *lost = takes_item;
    dbk_mutex_lock(&p->lock);
    if (!p->dead) {
        lost = push_locked(p, takes_item);
        fresh = new_exporter_locked(p);
        if (fresh == NULL && p->exporter != NULL && p->queued == p->rules.batch_size) {
            hurried = dbk_op_ref(p->exporter);
        }
    }
    dbk_mutex_unlock(&p->lock);
    if (lost != NULL) {
        dbk_pipe_count(p, DBK_COUNT_FULL, 1);
        dbk_telemetry_item_free(lost);
    }
    export_now(p, fresh, hurried);
}

/* ---- those who wait for the end ---- */

bool dbk_pipe_flush(dbk_pipe *p, dbk_telemetry *t, void (*idle)(void *ctx), void *ctx) {
    dbk_mutex_lock(&p->lock);
    dbk_op *exporter = p->exporter != NULL ? dbk_op_ref(p->exporter) : NULL;
    t->flushing = exporter != NULL;
    t->flush_until = p->numbers;
    t->idle = exporter != NULL ? idle : NULL;
    t->idle_ctx = ctx;
    dbk_mutex_unlock(&p->lock);
    export_now(p, NULL, exporter);
    return exporter != NULL;
}

/* The next one whose events are gone; NULL: none. */
static void (*pop_idle_locked(dbk_pipe *p, void **ctx))(void *) {
    uint64_t oldest = dbk_list_empty(&p->queue) ? UINT64_MAX : item_of(p->queue.head.next)->number;
    for (dbk_node *n = p->members.head.next; n != &p->members.head; n = n->next) {
        dbk_telemetry *t = member_of(n);
        if (t->flushing && t->flush_until < oldest) {
            void (*idle)(void *) = t->idle;
            *ctx = t->idle_ctx;
            t->flushing = false;
            t->idle = NULL;
            return idle;
        }
    }
    return NULL;
}

void dbk_pipe_tell_idle(dbk_pipe *p) {
    for (;;) {
        void *ctx = NULL;
        dbk_mutex_lock(&p->lock);
        void (*idle)(void *) = pop_idle_locked(p, &ctx);
        dbk_mutex_unlock(&p->lock);
        if (idle == NULL) {
            return;
        }
        idle(ctx);
    }
}

void dbk_telemetry_measure(dbk_slice origin, dbk_telemetry_counts *out) {
    uint64_t counts[DBK_COUNTS];
    dbk_breaker_key host = dbk_breaker_key_of(origin);
    memset(out, 0, sizeof *out);
    out->open = dbk_breaker_look(host, dbk_clock_ms(&dbk_clock_system), counts);
    out->sent = counts[DBK_COUNT_SENT];
    out->dropped_full = counts[DBK_COUNT_FULL];
    out->dropped_open = counts[DBK_COUNT_OPEN];
    out->dropped_failed = counts[DBK_COUNT_FAILED];
    out->dropped_off = counts[DBK_COUNT_OFF];
    out->exports = counts[DBK_COUNT_EXPORTS];
    out->failed_exports = counts[DBK_COUNT_FAILED_EXPORTS];
    (void)pthread_once(&table.once, prepare);
    dbk_mutex_lock(&dbk_telemetry_table);
    for (dbk_node *n = table.pipes.head.next; n != &table.pipes.head; n = n->next) {
        dbk_pipe *p = DBK_CONTAINER_OF(n, dbk_pipe, node);
        dbk_mutex_lock(&p->lock);
        out->queued += p->host == host ? p->queued : 0;
        dbk_mutex_unlock(&p->lock);
    }
    dbk_mutex_unlock(&dbk_telemetry_table);
}
