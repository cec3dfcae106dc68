#include "session/internal.h"

struct dbk_cancel_token {
    atomic_size_t refs;
    atomic_bool fired;
    dbk_mutex lock;
    dbk_list watches;
};

dbk_status dbk_cancel_token_new(dbk_cancel_token **out, dbk_error *err) {
    dbk_cancel_token *t = dbk_alloc_zero(sizeof *t);
    if (t == NULL) {
        return dbk_error_oom(err, "a cancel token");
    }
    atomic_init(&t->refs, 1);
    atomic_init(&t->fired, false);
    dbk_mutex_init(&t->lock);
    dbk_list_init(&t->watches);
    *out = t;
    return DBK_OK;
}

void dbk_cancel_token_unref(dbk_cancel_token *t) {
    if (t != NULL && atomic_fetch_sub_explicit(&t->refs, 1, memory_order_acq_rel) == 1) {
        dbk_mutex_destroy(&t->lock);
        dbk_free(t);
    }
}

void dbk_cancel_token_fire(dbk_cancel_token *t) {
    atomic_store(&t->fired, true);
    dbk_mutex_lock(&t->lock);
    for (dbk_node *n = t->watches.head.next; n != &t->watches.head; n = n->next) {
        dbk_cancel_watch *w = DBK_CONTAINER_OF(n, dbk_cancel_watch, node);
        w->fired(w); /* only sets flags and posts tasks: fine under the lock */
    }
    dbk_mutex_unlock(&t->lock);
}

bool dbk_cancel_token_fired(const dbk_cancel_token *t) {
    return t != NULL && atomic_load(&t->fired);
}

void dbk_cancel_watch_begin(dbk_cancel_watch *w, dbk_cancel_token *t,
                            void (*fired)(dbk_cancel_watch *w)) {
    w->token = t;
    w->fired = fired;
    if (t == NULL) {
        return;
    }
    (void)atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed);
    dbk_mutex_lock(&t->lock);
    dbk_list_push_back(&t->watches, &w->node);
    if (atomic_load(&t->fired)) {
        fired(w);
    }
    dbk_mutex_unlock(&t->lock);
}

void dbk_cancel_watch_end(dbk_cancel_watch *w) {
    if (w->token == NULL) {
        return;
    }
    dbk_mutex_lock(&w->token->lock);
    dbk_node_unlink(&w->node);
    dbk_mutex_unlock(&w->token->lock);
    dbk_cancel_token_unref(w->token);
    w->token = NULL;
}

typedef struct stream_watch {
    dbk_cancel_watch watch; /* first */
    dbk_stream *stream;
} stream_watch;

static void close_stream(dbk_cancel_watch *w) {
    dbk_stream_close(((stream_watch *)(void *)w)->stream);
}

dbk_status dbk_cancel_token_next(dbk_cancel_token *t, dbk_stream *stream, dbk_batch **out,
                                 dbk_error *err) {
    stream_watch w = {.stream = stream};
    dbk_cancel_watch_begin(&w.watch, t, close_stream);
    dbk_status st = dbk_stream_next(stream, out, err);
    dbk_cancel_watch_end(&w.watch);
    return st;
}
