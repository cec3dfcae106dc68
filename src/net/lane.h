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
/* Runs the tasks already posted, ends the guests, closes all sockets and joins the thread. Exchanges
 * are freed before. Called on the lane itself it only asks: the lane is freed when its thread (or
 * dbk_lane_run_once) leaves the loop. NULL is a no-op. */
void dbk_lane_free(dbk_lane *lane);

bool dbk_lane_on(const dbk_lane *lane);          /* any thread: is this the lane's thread? */
bool dbk_lane_on_any(void);                      /* any thread: is this the thread of some lane? */
bool dbk_lane_is_embedded(const dbk_lane *lane); /* any thread */
uint64_t dbk_lane_now_ms(const dbk_lane *lane);  /* any thread; monotonic, of the lane's clock */
const dbk_clock *dbk_lane_clock(const dbk_lane *lane);

/* Work handed to a lane: the node is the caller's memory until run is called. */
typedef struct dbk_task {
    struct dbk_task *next;
    void (*run)(struct dbk_task *task);
} dbk_task;
void dbk_lane_post(dbk_lane *lane, dbk_task *task); /* any thread; FIFO per posting thread */

/* Timers: intrusive, one shot; {0} is a stopped timer. Lane thread only. Timers with the same due
 * time fire in the order of their start. */
typedef struct dbk_timer {
    dbk_lane *lane; /* NULL: stopped */
    uint64_t due_ms;
    uint64_t order;
    size_t slot;
    void (*fire)(struct dbk_timer *timer);
} dbk_timer;
/* Restarts when it is running already. False: no memory for the timer table. */
DBK_MUST_USE bool dbk_timer_start(dbk_lane *lane, dbk_timer *timer, uint64_t delay_ms,
                                  void (*fire)(dbk_timer *timer));
void dbk_timer_stop(dbk_timer *timer); /* stopped is a no-op */

/* Something that lives on the lane and must end before it: dbk_lane_free calls end on the lane, oldest
 * guest first, and end leaves. Lane thread only. */
typedef struct dbk_guest {
    dbk_node node;
    void (*end)(struct dbk_guest *guest);
} dbk_guest;
void dbk_lane_join(dbk_lane *lane, dbk_guest *guest);
void dbk_lane_leave(dbk_guest *guest); /* not joined is a no-op */

/* Embedded lanes, host's thread only. With a manual clock, run_once fires what is due by that. */
int dbk_lane_fd(const dbk_lane *lane);             /* readable: run_once has work; -1 on Windows */
int64_t dbk_lane_timeout_ms(const dbk_lane *lane); /* -1: no timer pending */
void dbk_lane_run_once(dbk_lane *lane, bool may_block);

/* Tests: where connections really go. open answers a new stream socket, which curl then owns, and
 * replaces the address that curl connects it to (a sockaddr_storage), or answers -1 for "refused". Before
 * the first exchange. */
struct sockaddr;
typedef int (*dbk_socket_opener)(void *ctx, struct sockaddr *address, unsigned *address_len);
void dbk_lane_set_socket_opener(dbk_lane *lane, dbk_socket_opener open, void *ctx);

/* ---- for http.c and op.c ---- */

/* Pooled connections close when the lane was idle for so long, and are not used again when they were.
 * Shorter than the 60 s after which common load balancers close: a request that meets a closing
 * connection is lost, and an unsafe one may not be sent again. */
#define DBK_IDLE_CONNECTION_S 45

typedef void (*dbk_transfer_done)(void *easy, int curl_code);
/* A curl easy handle joins or leaves the lane's multi handle; done is called once in between. */
DBK_MUST_USE bool dbk_lane_add_transfer(dbk_lane *lane, void *easy, dbk_transfer_done done);
void dbk_lane_remove_transfer(dbk_lane *lane, void *easy);
/* False: there is no opener; else *fd is what it answered. */
bool dbk_lane_open_socket(const dbk_lane *lane, struct sockaddr *address, unsigned *address_len,
                          int *fd);

/* A connection's socket, from its making to just before it is closed: it stays watched in between,
 * also while no exchange uses it. */
void dbk_lane_adopt_socket(dbk_lane *lane, int fd);
void dbk_lane_disown_socket(dbk_lane *lane, int fd); /* not adopted is a no-op */

/* Inside a sink curl is on the stack: exchanges must not start or end there. */
void dbk_lane_enter_sink(dbk_lane *lane);
void dbk_lane_leave_sink(dbk_lane *lane);
bool dbk_lane_in_sink(const dbk_lane *lane); /* lane thread */

/* ---- for runtime.c ---- */

void dbk_lane_forget_thread(void); /* in a fork's child: this thread is on no lane */

#endif
