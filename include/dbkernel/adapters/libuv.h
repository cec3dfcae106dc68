/* dbkernel/adapters/libuv.h: a dbk_loop inside a uv_loop_t.
 *
 *     dbk_uv adapter;
 *     dbk_uv_attach(&adapter, uv_loop, loop);
 *     ... starters; their callbacks run in uv_run ...
 *     dbk_uv_detach(&adapter, closed);   // then free: closed(&adapter) runs in uv_run
 *
 * The memory of the adapter is the caller's until closed was called. While attached it keeps uv_run from
 * returning; dbk_uv_unref and dbk_uv_ref change that. Threads: the uv loop's. */
#ifndef DBKERNEL_ADAPTERS_LIBUV_H
#define DBKERNEL_ADAPTERS_LIBUV_H

#include "dbkernel_async.h"

#include <uv.h>

typedef struct dbk_uv {
    dbk_loop *loop;
    uv_poll_t readable;
    uv_timer_t due;
    uv_prepare_t before_sleep; /* starters may have changed what is due */
    uv_idle_t at_once;         /* something is due now: uv must not sleep */
    int closing;
    void (*closed)(struct dbk_uv *adapter);
    void *user_data; /* the caller's */
} dbk_uv;

static inline void dbk_uv_run(dbk_uv *a) {
    (void)dbk_loop_run_once(a->loop, 0, 0, NULL);
}

static inline void dbk_uv_on_readable(uv_poll_t *handle, int status, int events) {
    (void)status;
    (void)events;
    dbk_uv_run((dbk_uv *)handle->data);
}

static inline void dbk_uv_on_due(uv_timer_t *handle) {
    dbk_uv_run((dbk_uv *)handle->data);
}

static inline void dbk_uv_on_idle(uv_idle_t *handle) {
    dbk_uv_run((dbk_uv *)handle->data);
}

/* Before uv sleeps: for how long may it? */
static inline void dbk_uv_on_prepare(uv_prepare_t *handle) {
    dbk_uv *a = (dbk_uv *)handle->data;
    int64_t wait = dbk_loop_timeout_ms(a->loop);
    (void)uv_idle_stop(&a->at_once);
    (void)uv_timer_stop(&a->due);
    if (wait == 0) {
        dbk_uv_run(a);
        wait = dbk_loop_timeout_ms(a->loop);
    }
    if (wait == 0) {
        (void)uv_idle_start(&a->at_once, dbk_uv_on_idle);
    } else if (wait > 0) {
        uv_update_time(handle->loop);
        (void)uv_timer_start(&a->due, dbk_uv_on_due, (uint64_t)wait, 0);
    }
}

/* 0, or libuv's error code; then nothing is attached. */
static inline int dbk_uv_attach(dbk_uv *a, uv_loop_t *uv, dbk_loop *loop) {
    int rc = uv_poll_init(uv, &a->readable, dbk_loop_fd(loop));
    if (rc != 0) {
        return rc;
    }
    a->loop = loop;
    (void)uv_timer_init(uv, &a->due);
    (void)uv_prepare_init(uv, &a->before_sleep);
    (void)uv_idle_init(uv, &a->at_once);
    a->readable.data = a->due.data = a->before_sleep.data = a->at_once.data = a;
    (void)uv_poll_start(&a->readable, UV_READABLE, dbk_uv_on_readable);
    (void)uv_prepare_start(&a->before_sleep, dbk_uv_on_prepare);
    return 0;
}

static inline void dbk_uv_ref(dbk_uv *a) {
    uv_ref((uv_handle_t *)&a->readable);
    uv_ref((uv_handle_t *)&a->before_sleep);
    uv_ref((uv_handle_t *)&a->due);
    uv_ref((uv_handle_t *)&a->at_once);
}

static inline void dbk_uv_unref(dbk_uv *a) {
    uv_unref((uv_handle_t *)&a->readable);
    uv_unref((uv_handle_t *)&a->before_sleep);
    uv_unref((uv_handle_t *)&a->due);
    uv_unref((uv_handle_t *)&a->at_once);
}

static inline void dbk_uv_on_closed(uv_handle_t *handle) {
    dbk_uv *a = (dbk_uv *)handle->data;
    if (--a->closing == 0 && a->closed != NULL) {
        a->closed(a);
    }
}

/* The loop itself stays and is freed by its owner. closed may be NULL. */
static inline void dbk_uv_detach(dbk_uv *a, void (*closed)(dbk_uv *adapter)) {
    a->closing = 4;
    a->closed = closed;
    uv_close((uv_handle_t *)&a->readable, dbk_uv_on_closed);
    uv_close((uv_handle_t *)&a->due, dbk_uv_on_closed);
    uv_close((uv_handle_t *)&a->before_sleep, dbk_uv_on_closed);
    uv_close((uv_handle_t *)&a->at_once, dbk_uv_on_closed);
}

#endif
