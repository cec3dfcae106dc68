/* Whoever wants to hear of each change of a statement's executions and of their results. */
#include "session/statement.h"

struct dbk_teller {
    atomic_size_t refs;
    dbk_mutex lock;
    dbk_stream_watcher *watcher; /* under lock; NULL: nobody */
};

static dbk_teller *new_teller(void) {
    dbk_teller *t = dbk_alloc_zero(sizeof *t);
    if (t != NULL) {
        atomic_init(&t->refs, 1);
        dbk_mutex_init(&t->lock);
    }
    return t;
}

static dbk_teller *ref(dbk_teller *t) {
    (void)atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed);
    return t;
}

void dbk_teller_unref(dbk_teller *t) {
    if (t != NULL && atomic_fetch_sub_explicit(&t->refs, 1, memory_order_acq_rel) == 1) {
        dbk_mutex_destroy(&t->lock);
        dbk_free(t);
    }
}

dbk_status dbk_statement_watch(dbk_statement *st, dbk_stream_watcher *watcher, dbk_error *err) {
    dbk_mutex_lock(&st->lock);
    if (st->teller == NULL && watcher != NULL) {
        st->teller = new_teller();
    }
    dbk_teller *t = st->teller;
    dbk_mutex_unlock(&st->lock);
    if (t == NULL) {
        return watcher == NULL ? DBK_OK : dbk_error_oom(err, "watching a statement");
    }
    dbk_mutex_lock(&t->lock);
    t->watcher = watcher;
    dbk_mutex_unlock(&t->lock);
    return DBK_OK;
}

void dbk_exec_set_teller(dbk_exec *e, dbk_statement *st) {
    dbk_mutex_lock(&st->lock);
    e->teller = st->teller != NULL ? ref(st->teller) : NULL;
    dbk_mutex_unlock(&st->lock);
}

void dbk_exec_changed(dbk_exec *e) {
    if (e->teller == NULL) {
        return;
    }
    dbk_mutex_lock(&e->teller->lock);
    if (e->teller->watcher != NULL) {
        e->teller->watcher->changed(e->teller->watcher);
    }
    dbk_mutex_unlock(&e->teller->lock);
}

static void stream_changed(dbk_stream_watcher *w) {
    dbk_exec_changed(DBK_CONTAINER_OF(w, dbk_exec, follower));
}

void dbk_exec_follow_stream(dbk_exec *e, bool on) {
    if (e->teller != NULL && e->stream != NULL) {
        e->follower.changed = stream_changed;
        dbk_stream_follow(e->stream, on ? &e->follower : NULL);
    }
}
