/* dbkernel/adapters/libev.h: a dbk_loop inside an ev_loop.
 *
 *     dbk_ev adapter;
 *     dbk_ev_attach(&adapter, EV_DEFAULT, loop);
 *     ... starters; their callbacks run in ev_run ...
 *     dbk_ev_detach(&adapter);   // the loop stays and is freed by its owner
 *
 * The memory of the adapter is the caller's while it is attached. Threads: the ev loop's. */
#ifndef DBKERNEL_ADAPTERS_LIBEV_H
#define DBKERNEL_ADAPTERS_LIBEV_H

#include "dbkernel_async.h"

#include <ev.h>

typedef struct dbk_ev {
    dbk_loop *loop;
    struct ev_loop *ev;
    ev_io readable;
    ev_timer due;
    ev_prepare before_sleep; /* starters may have changed what is due */
} dbk_ev;

static inline void dbk_ev_on_readable(struct ev_loop *ev, ev_io *w, int events) {
    (void)ev;
    (void)events;
    (void)dbk_loop_run_once(((dbk_ev *)w->data)->loop, 0, 0, NULL);
}

static inline void dbk_ev_on_due(struct ev_loop *ev, ev_timer *w, int events) {
    (void)ev;
    (void)events;
    (void)dbk_loop_run_once(((dbk_ev *)w->data)->loop, 0, 0, NULL);
}

/* Before ev sleeps: for how long may it? */
static inline void dbk_ev_on_prepare(struct ev_loop *ev, ev_prepare *w, int events) {
    dbk_ev *a = (dbk_ev *)w->data;
    int64_t wait = dbk_loop_timeout_ms(a->loop);
    (void)events;
    ev_timer_stop(ev, &a->due);
    if (wait >= 0) {
        ev_now_update(ev);
        ev_timer_set(&a->due, (double)wait / 1000.0, 0.0);
        ev_timer_start(ev, &a->due);
    }
}

static inline void dbk_ev_attach(dbk_ev *a, struct ev_loop *ev, dbk_loop *loop) {
    a->loop = loop;
    a->ev = ev;
    ev_io_init(&a->readable, dbk_ev_on_readable, dbk_loop_fd(loop), EV_READ);
    ev_timer_init(&a->due, dbk_ev_on_due, 0.0, 0.0);
    ev_prepare_init(&a->before_sleep, dbk_ev_on_prepare);
    a->readable.data = a->due.data = a->before_sleep.data = a;
    ev_io_start(ev, &a->readable);
    ev_prepare_start(ev, &a->before_sleep);
}

static inline void dbk_ev_detach(dbk_ev *a) {
    ev_io_stop(a->ev, &a->readable);
    ev_timer_stop(a->ev, &a->due);
    ev_prepare_stop(a->ev, &a->before_sleep);
}

#endif
