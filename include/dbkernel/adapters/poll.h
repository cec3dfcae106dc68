/* dbkernel/adapters/poll.h: a dbk_loop beside other descriptors in poll, select or epoll.
 *
 *     struct pollfd fds[N + 1];
 *     ... fill fds[0 .. N) ...
 *     int timeout_ms = dbk_poll_prepare(loop, &fds[N], my_timeout_ms);
 *     poll(fds, N + 1, timeout_ms);
 *     dbk_poll_dispatch(loop);
 *
 * In epoll dbk_loop_fd(loop) is watched for EPOLLIN from the start to the end, level-triggered:
 *
 *     epoll_wait(set, events, N, dbk_poll_timeout(loop, my_timeout_ms));
 *     dbk_poll_dispatch(loop);
 *
 * Threads: the loop's. */
#ifndef DBKERNEL_ADAPTERS_POLL_H
#define DBKERNEL_ADAPTERS_POLL_H

#include "dbkernel_async.h"

#include <limits.h>
#include <poll.h>

/* The time-out for this sleep: yours (-1: none), or less. Before every sleep: starters change it. */
static inline int dbk_poll_timeout(dbk_loop *loop, int timeout_ms) {
    int64_t wait = dbk_loop_timeout_ms(loop);
    if (wait < 0 || (timeout_ms >= 0 && timeout_ms < wait)) {
        return timeout_ms;
    }
    return wait > INT_MAX ? INT_MAX : (int)wait;
}

/* Fills slot and answers the time-out, as above. */
static inline int dbk_poll_prepare(dbk_loop *loop, struct pollfd *slot, int timeout_ms) {
    slot->fd = dbk_loop_fd(loop);
    slot->events = POLLIN;
    slot->revents = 0;
    return dbk_poll_timeout(loop, timeout_ms);
}

/* After every sleep, whatever ended it: timers of the library may be due. */
static inline KernelStatusCode dbk_poll_dispatch(dbk_loop *loop) {
    return dbk_loop_run_once(loop, 0, 0, NULL);
}

#endif
