#include "abi/loop.h"

/* Progress callbacks: what changes a statement marks its watch on the loop's list, once; the next
 * dbk_loop_run_once looks at the statement and tells its callback. */

struct dbk_progress_watch {
    atomic_size_t refs;       /* the statement handle's, and the dispatcher's */
    dbk_loop *loop;           /* counted */
    dbk_statement *statement; /* counted */
    dbk_progress_cb cb;
    void *user_data;
    dbk_stream_watcher watcher;
    dbk_node node; /* under the loop's lock: in loop->changed_statements */
    bool off;      /* under the loop's lock */
};

/* Under locks of the rooms below, on any thread. */
static void statement_changed(dbk_stream_watcher *watcher) {
    dbk_progress_watch *w = DBK_CONTAINER_OF(watcher, dbk_progress_watch, watcher);
    dbk_mutex_lock(&w->loop->lock);
    if (!w->off && !w->loop->over && !dbk_node_linked(&w->node)) {
        dbk_list_push_back(&w->loop->changed_statements, &w->node);
        dbk_loop_tell_locked(w->loop);
    }
    dbk_mutex_unlock(&w->loop->lock);
}

static void unref(dbk_progress_watch *w) {
    if (atomic_fetch_sub_explicit(&w->refs, 1, memory_order_acq_rel) == 1) {
        dbk_statement_unref(w->statement);
        dbk_loop_unref(w->loop);
        dbk_free(w);
    }
}

void dbk_progress_stop(dbk_progress_watch *w) {
    dbk_error err = {0};
    if (w == NULL) {
        return;
    }
    (void)!dbk_statement_watch(w->statement, NULL, &err);
    dbk_mutex_lock(&w->loop->lock);
    w->off = true;
    dbk_node_unlink(&w->node);
    dbk_loop_settle_locked(w->loop);
    dbk_mutex_unlock(&w->loop->lock);
    unref(w);
}

/* The next of at most `most`, counted; NULL: there is none. */
static dbk_progress_watch *pop(dbk_loop *loop) {
    dbk_mutex_lock(&loop->lock);
    dbk_node *node = dbk_list_pop_front(&loop->changed_statements);
    dbk_progress_watch *w = node != NULL ? DBK_CONTAINER_OF(node, dbk_progress_watch, node) : NULL;
    if (w != NULL) {
        (void)atomic_fetch_add(&w->refs, 1);
    }
    dbk_loop_settle_locked(loop);
    dbk_mutex_unlock(&loop->lock);
    return w;
}

static void tell(const dbk_progress_watch *w) {
    dbk_exec_progress p;
    dbk_progress shown = {.struct_size = sizeof shown};
    dbk_statement_progress(w->statement, &p);
    dbk_abi_show_progress(&p, &shown);
    dbk_loop_enter_callback(w->loop);
    w->cb(&shown, p.query_id[0] != '\0' ? p.query_id : NULL, w->user_data);
    dbk_loop_leave_callback(w->loop);
}

void dbk_progress_dispatch(dbk_loop *loop, size_t most) {
    dbk_progress_watch *w = NULL;
    for (size_t i = 0; i < most && (w = pop(loop)) != NULL; i++) {
        tell(w);
        unref(w);
    }
}

KernelStatusCode dbk_statement_set_progress(dbk_loop *loop, kernel_statement_t *stmt,
                                            dbk_progress_cb cb, void *user_data) {
    static const char name[] = "dbk_statement_set_progress";
    if (!dbk_loop_ok(loop, name)) {
        return dbk_abi_code();
    }
    dbk_error *err = dbk_abi_begin();
    if (stmt == NULL) {
        return dbk_abi_refuse("%s: stmt must not be null", name);
    }
    dbk_session *session = dbk_statement_session(stmt->statement);
    if (!dbk_session_alive(session)) {
        return dbk_abi_end(
            dbk_error_set(err, DBK_INVALID_HANDLE,
                          "%s: the statement belongs to the parent process of a fork", name));
    }
    if (!dbk_loop_carries(loop, dbk_session_runtime(session), name) ||
        !dbk_handle_idle(&stmt->handle, name)) {
        return dbk_abi_code();
    }
    dbk_progress_stop(stmt->progress);
    stmt->progress = NULL;
    if (cb == NULL) {
        return KernelStatusCode_Success;
    }
    dbk_progress_watch *w = dbk_alloc_zero(sizeof *w);
    if (w == NULL) {
        return dbk_abi_end(dbk_error_oom(err, "watching a statement"));
    }
    atomic_init(&w->refs, 1);
    w->loop = dbk_loop_ref(loop);
    w->statement = dbk_statement_ref(stmt->statement);
    w->cb = cb;
    w->user_data = user_data;
    w->watcher.changed = statement_changed;
    dbk_status st = dbk_statement_watch(stmt->statement, &w->watcher, err);
    if (st != DBK_OK) {
        unref(w);
        return dbk_abi_end(st);
    }
    stmt->progress = w;
    return KernelStatusCode_Success;
}
