/* net/lane.h: one event loop: tasks from other threads, timers, sockets. */
#ifndef DBK_NET_LANE_H
#define DBK_NET_LANE_H

#include "base/base.h"

typedef struct dbk_lane dbk_lane; /* opaque */

typedef enum dbk_lane_mode {
    DBK_LANE_THREADED, /* its own thread, started by dbk_lane_new */
    DBK_LANE_EMBEDDED  /* no thread: runs inside dbk_lane_run_once */
} dbk_lane_mode;

/* clock is borrowed and outlives the lane. */
DBK_MUST_USE dbk_status dbk_lane_new(const char *name, dbk_lane_mode mode, const dbk_clock *clock,
                                     dbk_lane **out, dbk_error *err);
/* Ends the loop after the tasks already posted, joins the thread, closes all sockets. Called on the
 * lane itself it only asks: the thread frees the lane when it leaves. NULL is a no-op. */
void dbk_lane_free(dbk_lane *lane);
/* In a fork's child: forgets the lane without touching the parent's sockets (leaks on purpose). */
void dbk_lane_abandon(dbk_lane *lane);

bool dbk_lane_on(const dbk_lane *lane); /* any thread: is this the lane's thread? */
bool dbk_lane_on_any(void);             /* any thread: is this the thread of some lane? */
uint64_t dbk_lane_now_ms(const dbk_lane *lane); /* any thread; monotonic, of the lane's clock */
const dbk_clock *dbk_lane_clock(const dbk_lane *lane);

/* Work handed to a lane: the node is the caller's memory until run is called. */
typedef struct dbk_task {
    struct dbk_task *next;
    void (*run)(struct dbk_task *task);
} dbk_task;
void dbk_lane_post(dbk_lane *lane, dbk_task *task); /* any thread; FIFO per posting thread */

/* Timers: intrusive, one shot; {0} is a stopped timer. Lane thread only. */
typedef struct dbk_timer {
    dbk_lane *lane; /* NULL: stopped */
    uint64_t due_ms;
    size_t slot;
    void (*fire)(struct dbk_timer *timer);
} dbk_timer;
/* Restarts when it is running already. False: no memory for the timer table. */
DBK_MUST_USE bool dbk_timer_start(dbk_lane *lane, dbk_timer *timer, uint64_t delay_ms,
                                  void (*fire)(dbk_timer *timer));
void dbk_timer_stop(dbk_timer *timer); /* stopped is a no-op */

/* Embedded lanes, host's thread only. */
int dbk_lane_fd(const dbk_lane *lane);             /* readable: run_once has work; -1 on Windows */
int64_t dbk_lane_timeout_ms(const dbk_lane *lane); /* -1: no timer pending */
void dbk_lane_run_once(dbk_lane *lane, bool may_block);

/* The curl multi handle, for http.c. */
void *dbk_lane_multi(dbk_lane *lane);
/* Completed transfers call this (curl private pointer), for http.c. */
typedef void (*dbk_lane_transfer_done)(void *easy, int curl_code);
void dbk_lane_set_transfer_done(dbk_lane *lane, dbk_lane_transfer_done fn);

#endif
