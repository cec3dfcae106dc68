#include "odbc.h"

#include <string.h>

/* A statement's network operations, one at a time. Every one is a future on a loop of the statement's
 * own: waited for (synchronous statements), or looked at once per call (SQL_ATTR_ASYNC_ENABLE). The
 * functions that need several operations are chains of steps: a step starts the next operation and
 * answers SQL_STILL_EXECUTING, and op_drive calls the step after it when the operation has ended.
 *
 * SQLCancel comes on any thread while another one holds the statement's lock: it only touches what the
 * guard protects. */

void op_init(op *o) {
    pthread_mutex_init(&o->guard, NULL);
}

void op_end(op *o) {
    if (o->future != NULL) {
        dbk_future_free(o->future);
    }
    if (o->loop != NULL) {
        (void)dbk_loop_free(o->loop);
    }
    pthread_mutex_destroy(&o->guard);
    *o = (op){0};
}

dbk_loop *op_loop(op *o) {
    if (o->loop == NULL && dbk_loop_new(DBK_LOOP_THREADED, &o->loop) != KernelStatusCode_Success) {
        o->loop = NULL;
    }
    return o->loop;
}

void op_busy(op *o, bool busy) {
    pthread_mutex_lock(&o->guard);
    o->busy = busy;
    o->wish = false;
    pthread_mutex_unlock(&o->guard);
}

bool op_wished(op *o) {
    pthread_mutex_lock(&o->guard);
    bool wish = o->wish;
    pthread_mutex_unlock(&o->guard);
    return wish;
}

static void set_future(op *o, dbk_future *future) {
    pthread_mutex_lock(&o->guard);
    dbk_future *old = o->future;
    o->future = future;
    if (future != NULL && o->wish) {
        (void)dbk_future_cancel(future);
    }
    pthread_mutex_unlock(&o->guard);
    if (old != NULL) {
        dbk_future_free(old);
    }
}

SQLRETURN op_started(stmt *s, dbk_future *future, SQLRETURN (*next)(stmt *s)) {
    if (s->query_timeout > 0) {
        (void)dbk_future_set_deadline_ms(future, (uint64_t)s->query_timeout * 1000);
    }
    s->op.next = next;
    set_future(&s->op, future);
    return SQL_STILL_EXECUTING;
}

dbk_future *op_future(stmt *s) {
    return s->op.future;
}

void op_done(stmt *s) {
    set_future(&s->op, NULL);
}

SQLRETURN op_failed(stmt *s) {
    SQLRETURN rc = fail_kernel(&s->h, AT_STATEMENT);
    (void)dbk_future_query_id(s->op.future, s->query_id, sizeof s->query_id);
    op_done(s);
    return rc;
}

void op_wait(op *o, dbk_future *future, uint64_t timeout_ms) {
    if (timeout_ms > 0) {
        (void)dbk_future_set_deadline_ms(future, timeout_ms);
    }
    pthread_mutex_lock(&o->guard);
    o->future = future;
    if (o->wish) {
        (void)dbk_future_cancel(future);
    }
    pthread_mutex_unlock(&o->guard);
    (void)dbk_future_wait(future, -1);
    pthread_mutex_lock(&o->guard);
    o->future = NULL;
    pthread_mutex_unlock(&o->guard);
}

void op_wait_here(stmt *s, dbk_future *future) {
    bool held = shared_let_go(s);
    (void)dbk_future_wait(future, -1);
    shared_take_back(s, held);
}

/* rc is what the first step answered, or SQL_STILL_EXECUTING when the application asks again. */
SQLRETURN op_drive(stmt *s, SQLUSMALLINT fn, SQLRETURN rc) {
    bool asynchronous = s->async_enable == SQL_ASYNC_ENABLE_ON;
    while (rc == SQL_STILL_EXECUTING) {
        if (asynchronous && !dbk_future_done(s->op.future)) {
            s->async_fn = fn;
            return rc;
        }
        op_wait_here(s, s->op.future);
        rc = s->op.next(s);
    }
    s->async_fn = 0;
    op_busy(&s->op, false);
    return rc;
}

void op_wish(op *o) {
    pthread_mutex_lock(&o->guard);
    if (o->busy) {
        o->wish = true;
        if (o->future != NULL) {
            (void)dbk_future_cancel(o->future);
        }
    }
    pthread_mutex_unlock(&o->guard);
}

SQLRETURN op_cancel(SQLHSTMT p) {
    if (!handle_check(p, SQL_HANDLE_STMT)) {
        return SQL_INVALID_HANDLE;
    }
    stmt *s = p;
    op_wish(&s->op);
    if (pthread_mutex_trylock(&s->h.lock) == 0) { /* nobody is inside: the records are ours */
        diag_clear(&s->h.diag);
        if (s->dae.active && s->async_fn == 0) {
            dae_reset(&s->dae);
        }
        pthread_mutex_unlock(&s->h.lock);
    }
    return SQL_SUCCESS;
}

/* ---- Connections ------------------------------------------------------------------------------------ */

void op_wait_dbc(dbc *d, dbk_future *future, uint64_t timeout_ms) {
    op_busy(&d->op, true);
    op_wait(&d->op, future, timeout_ms);
    op_busy(&d->op, false);
}

SQLRETURN op_cancel_dbc(SQLHDBC p) {
    if (!handle_check(p, SQL_HANDLE_DBC)) {
        return SQL_INVALID_HANDLE;
    }
    op_wish(&((dbc *)p)->op);
    return SQL_SUCCESS;
}
