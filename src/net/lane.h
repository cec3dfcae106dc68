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
/* The same for what can wait some milliseconds: it wakes no thread that leaves the loop to callers. */
void dbk_lane_post_later(dbk_lane *lane, dbk_task *task);

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
    bool unattended; /* nobody waits for it: it can stand still for some milliseconds */
} dbk_guest;
void dbk_lane_join(dbk_lane *lane, dbk_guest *guest);
void dbk_lane_leave(dbk_guest *guest); /* not joined is a no-op */

/* Embedded lanes, host's thread only. With a manual clock, run_once fires what is due by that. */
int dbk_lane_fd(const dbk_lane *lane);             /* readable: run_once has work; -1 on Windows */
int64_t dbk_lane_timeout_ms(const dbk_lane *lane); /* -1: no timer pending */
void dbk_lane_run_once(dbk_lane *lane);            /* does not wait */
/* Waits for something to do, timeout_ms at most (-1: without end), then the same. */
void dbk_lane_run_for(dbk_lane *lane, int64_t timeout_ms);
/* Before a callback of the host, until dbk_lane_forget_thread: what would block on a lane is refused. */
void dbk_lane_enter(dbk_lane *lane);
/* Have all operations and transfers ended? */
bool dbk_lane_is_idle(const dbk_lane *lane);

/* Lending: a thread that blocks for an operation of its own runs the loop itself while it waits, so that
 * no other thread has to be woken twice per request. The lane's thread lends the loop when a blocking
 * call has ended and nothing else is under way; it takes it back when no caller came for some
 * milliseconds, when there is a task, or when a caller leaves work behind. Whoever runs the loop is "on the
 * lane". Threaded lanes only. */
/* On the lane: task wakes a caller whose operation has ended, as soon as that finds the loop to be had. */
void dbk_lane_lend(dbk_lane *lane, dbk_task *task);
/* Any thread that is on no lane. True: the loop is the caller's, who makes turns and gives it back. */
bool dbk_lane_borrow(dbk_lane *lane);
bool dbk_lane_turn(dbk_lane *lane); /* blocks; false: time to give it back */
void dbk_lane_give_back(dbk_lane *lane);

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

/* A curl easy handle on its way through the lane's multi handle, whose CURLOPT_PRIVATE it is. */
typedef struct dbk_transfer {
    void *easy;
    void (*done)(struct dbk_transfer *transfer,
                 int curl_code); /* once, unless it is removed before */
    bool paused;                 /* by its sink: takes nothing */
    struct dbk_tls_ahead *ahead; /* what its connection has read ahead; NULL: it does not */
    dbk_node node;               /* in the lane's list of those that read ahead */
} dbk_transfer;
DBK_MUST_USE bool dbk_lane_add_transfer(dbk_lane *lane, dbk_transfer *transfer);
void dbk_lane_remove_transfer(dbk_lane *lane, dbk_transfer *transfer);
/* It is about to use a connection, maybe another than before. One that reads ahead may hold bytes of which the
 * socket does not tell: it is read again until it holds none. Lane thread only. */
void dbk_lane_connected(dbk_lane *lane, dbk_transfer *transfer);
/* At most so many connections stay open beside those in use, of all hosts; the oldest ones close. Lane thread only. */
void dbk_lane_keep_connections(dbk_lane *lane, size_t most);

/* False: there is no opener; else *fd is what it answered. */
bool dbk_lane_open_socket(const dbk_lane *lane, struct sockaddr *address, unsigned *address_len,
                          int *fd);

/* A connection's socket was made, or is about to be closed; in between it stays watched, also while no
 * exchange uses it. */
void dbk_lane_socket_opened(dbk_lane *lane, int fd);
void dbk_lane_socket_closing(dbk_lane *lane, int fd);

/* Inside a sink curl is on the stack: exchanges must not start or end there. */
void dbk_lane_enter_sink(dbk_lane *lane);
void dbk_lane_leave_sink(dbk_lane *lane);
bool dbk_lane_in_sink(const dbk_lane *lane); /* lane thread */

void dbk_lane_forget_thread(void); /* this thread is on no lane; also in a fork's child */

#endif
