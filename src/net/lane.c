#include "net/lane.h"

#include <signal.h>
#include <stdio.h>

#include <curl/curl.h>
#include <openssl/crypto.h>
#include <uv.h>

/* A socket that curl asked us to watch. Those of connections stay watched while they are pooled: taking
 * one out of epoll and back costs six system calls per exchange. */
typedef struct watch {
    uv_poll_t poll; /* first: handle->data is not needed */
    dbk_node node;  /* in loop.kept: a connection's; else a socket of curl's own making */
    dbk_lane *lane;
    curl_socket_t fd;
    int events;  /* UV_READABLE, UV_WRITABLE */
    bool wanted; /* by curl; false: of a pooled connection */
} watch;

struct dbk_lane {
    char name[16];
    dbk_lane_mode mode;
    const dbk_clock *clock;
    struct { /* touched by the lane's thread only */
        uv_loop_t uv;
        uv_async_t wake;
        uv_timer_t alarm;     /* for the earliest of timers[] and curl's */
        uv_idle_t soon;       /* when one of them is due now */
        uint64_t curl_due_ms; /* curl lives by the system's clock; UINT64_MAX: none */
        CURLM *multi;
        size_t transfer_count;
        dbk_transfer_done transfer_done;
        dbk_timer idle_timer; /* runs while there is no transfer but may be pooled connections */
        dbk_timer **timers;   /* binary heap by due_ms, then order */
        size_t timer_count;
        size_t timer_cap;
        uint64_t next_order;
        dbk_list guests;
        dbk_list kept; /* watches of connections */
        dbk_socket_opener open;
        void *open_ctx;
        unsigned sinks; /* sinks on the stack */
        bool unpolled;  /* a handle was started that epoll has not been told of yet */
        bool stopping;
    } loop;
    struct {
        dbk_mutex lock;
        dbk_task *first;
        dbk_task **last;
        bool stop;
        bool free_self; /* nobody joins: whoever runs the loop frees the lane */
    } shared;
    pthread_t thread;
};

static _Thread_local dbk_lane *current_lane;

bool dbk_lane_on(const dbk_lane *lane) {
    return lane->mode == DBK_LANE_EMBEDDED || current_lane == lane;
}

bool dbk_lane_on_any(void) {
    return current_lane != NULL;
}

void dbk_lane_forget_thread(void) {
    current_lane = NULL;
}

bool dbk_lane_is_embedded(const dbk_lane *lane) {
    return lane->mode == DBK_LANE_EMBEDDED;
}

uint64_t dbk_lane_now_ms(const dbk_lane *lane) {
    return dbk_clock_ms(lane->clock);
}

const dbk_clock *dbk_lane_clock(const dbk_lane *lane) {
    return lane->clock;
}

void dbk_lane_enter_sink(dbk_lane *lane) {
    lane->loop.sinks++;
}

void dbk_lane_leave_sink(dbk_lane *lane) {
    lane->loop.sinks--;
}

bool dbk_lane_in_sink(const dbk_lane *lane) {
    return lane->loop.sinks > 0;
}

void dbk_lane_join(dbk_lane *lane, dbk_guest *guest) {
    DBK_ASSERT(dbk_lane_on(lane));
    dbk_list_push_back(&lane->loop.guests, &guest->node);
}

void dbk_lane_leave(dbk_guest *guest) {
    dbk_node_unlink(&guest->node);
}

void dbk_lane_set_socket_opener(dbk_lane *lane, dbk_socket_opener open, void *ctx) {
    lane->loop.open = open;
    lane->loop.open_ctx = ctx;
}

bool dbk_lane_open_socket(const dbk_lane *lane, struct sockaddr *address, unsigned *address_len,
                          int *fd) {
    if (lane->loop.open == NULL) {
        return false;
    }
    *fd = lane->loop.open(lane->loop.open_ctx, address, address_len);
    return true;
}

/* ---- timers: a binary heap, so that ten thousand waits cost one uv timer ---- */

static bool due_before(const dbk_timer *a, const dbk_timer *b) {
    return a->due_ms != b->due_ms ? a->due_ms < b->due_ms : a->order < b->order;
}

static void heap_place(dbk_lane *lane, size_t slot, dbk_timer *t) {
    lane->loop.timers[slot] = t;
    t->slot = slot;
}

static void heap_up(dbk_lane *lane, size_t slot) {
    dbk_timer *t = lane->loop.timers[slot];
    while (slot > 0 && due_before(t, lane->loop.timers[(slot - 1) / 2])) {
        heap_place(lane, slot, lane->loop.timers[(slot - 1) / 2]);
        slot = (slot - 1) / 2;
    }
    heap_place(lane, slot, t);
}

static void heap_down(dbk_lane *lane, size_t slot) {
    dbk_timer *t = lane->loop.timers[slot];
    size_t count = lane->loop.timer_count;
    for (;;) {
        size_t child = slot * 2 + 1;
        if (child + 1 < count &&
            due_before(lane->loop.timers[child + 1], lane->loop.timers[child])) {
            child++;
        }
        if (child >= count || !due_before(lane->loop.timers[child], t)) {
            break;
        }
        heap_place(lane, slot, lane->loop.timers[child]);
        slot = child;
    }
    heap_place(lane, slot, t);
}

static uint64_t until_ms(uint64_t due, uint64_t now) {
    return due > now ? due - now : 0;
}

/* Until the next timer of ours or curl's; UINT64_MAX: there is none. */
static uint64_t next_wait_ms(const dbk_lane *lane) {
    uint64_t wait = UINT64_MAX;
    if (lane->loop.timer_count > 0) {
        wait = until_ms(lane->loop.timers[0]->due_ms, dbk_lane_now_ms(lane));
    }
    if (lane->loop.curl_due_ms != UINT64_MAX) {
        uint64_t now = dbk_clock_ms(&dbk_clock_system);
        wait = dbk_min_u64(wait, until_ms(lane->loop.curl_due_ms, now));
    }
    return wait;
}

static void on_alarm(uv_timer_t *handle);
static void on_soon(uv_idle_t *handle);

/* What is due now goes through an idle handle: libuv 1.44 runs a timer of 0 ms that is restarted in its
 * callback again and again, and the sockets never get their turn. */
static void set_alarm(dbk_lane *lane) {
    if (lane->loop.stopping) {
        return;
    }
    uint64_t wait = next_wait_ms(lane);
    if (wait == 0) {
        (void)uv_idle_start(&lane->loop.soon, on_soon);
        return;
    }
    (void)uv_idle_stop(&lane->loop.soon);
    if (wait == UINT64_MAX) {
        (void)uv_timer_stop(&lane->loop.alarm);
        return;
    }
    uv_update_time(&lane->loop.uv);
    (void)uv_timer_start(&lane->loop.alarm, on_alarm, wait, 0);
}

/* The caller has made room. */
static void insert_timer(dbk_lane *lane, dbk_timer *timer, uint64_t delay_ms,
                         void (*fire)(dbk_timer *timer)) {
    uint64_t now = dbk_lane_now_ms(lane);
    timer->lane = lane;
    timer->fire = fire;
    timer->due_ms = delay_ms < UINT64_MAX - now ? now + delay_ms : UINT64_MAX;
    timer->order = lane->loop.next_order++;
    lane->loop.timers[lane->loop.timer_count] = timer;
    lane->loop.timer_count++;
    heap_up(lane, lane->loop.timer_count - 1);
    if (timer->slot == 0) {
        set_alarm(lane);
    }
}

/* One slot is kept for idle_timer, so that starting it cannot fail. */
static bool reserve_timer(dbk_lane *lane) {
    return dbk_array_grow(&lane->loop.timers, lane->loop.timer_count + 1, &lane->loop.timer_cap);
}

bool dbk_timer_start(dbk_lane *lane, dbk_timer *timer, uint64_t delay_ms,
                     void (*fire)(dbk_timer *timer)) {
    DBK_ASSERT(dbk_lane_on(lane));
    dbk_timer_stop(timer);
    if (!reserve_timer(lane)) {
        return false;
    }
    insert_timer(lane, timer, delay_ms, fire);
    return true;
}

void dbk_timer_stop(dbk_timer *timer) {
    dbk_lane *lane = timer->lane;
    if (lane == NULL) {
        return;
    }
    DBK_ASSERT(dbk_lane_on(lane));
    size_t slot = timer->slot;
    timer->lane = NULL;
    dbk_timer *last = lane->loop.timers[--lane->loop.timer_count];
    if (last != timer) {
        heap_place(lane, slot, last);
        heap_up(lane, slot);
        heap_down(lane, last->slot);
    }
    if (slot == 0) {
        set_alarm(lane);
    }
}

/* Fires what is due and was started before this call: a timer that restarts itself with no delay does
 * not keep the loop from its sockets. True: something fired. */
static bool fire_due(dbk_lane *lane) {
    uint64_t now = dbk_lane_now_ms(lane);
    uint64_t end = lane->loop.next_order;
    bool fired = false;
    while (lane->loop.timer_count > 0) {
        dbk_timer *t = lane->loop.timers[0];
        if (t->due_ms > now || t->order >= end) {
            break;
        }
        dbk_timer_stop(t);
        t->fire(t);
        fired = true;
    }
    return fired;
}

/* ---- curl's multi-socket interface ---- */

static void take_finished(dbk_lane *lane) {
    int left = 0;
    CURLMsg *msg = curl_multi_info_read(lane->loop.multi, &left);
    while (msg != NULL) {
        if (msg->msg == CURLMSG_DONE) {
            CURL *easy = msg->easy_handle;
            int code = (int)msg->data.result; /* msg dies with the handle's removal */
            lane->loop.transfer_done(easy, code);
        }
        msg = curl_multi_info_read(lane->loop.multi, &left);
    }
}

static void socket_action(dbk_lane *lane, curl_socket_t fd, int events) {
    int running = 0;
    (void)curl_multi_socket_action(lane->loop.multi, fd, events, &running);
    take_finished(lane);
}

static void on_socket(uv_poll_t *poll, int status, int events) {
    watch *w = (watch *)(void *)poll;
    if (!w->wanted) { /* closed by the server: curl finds out when it wants to use it again */
        (void)uv_poll_stop(&w->poll);
        return;
    }
    if (status < 0) {
        /* A reset: libuv has stopped watching. What came before it may still be unread, and only
         * reading tells curl what happened: CURL_CSELECT_ERR would hide both. */
        (void)uv_poll_start(&w->poll, w->events, on_socket);
        events = UV_READABLE | UV_WRITABLE;
    }
    int flags = (events & UV_READABLE) != 0 ? CURL_CSELECT_IN : 0;
    flags |= (events & UV_WRITABLE) != 0 ? CURL_CSELECT_OUT : 0;
    socket_action(w->lane, w->fd, flags);
}

static void free_watch(uv_handle_t *handle) {
    dbk_free(handle); /* the poll handle is the first member */
}

static void close_watch(watch *w) {
    dbk_node_unlink(&w->node);
    (void)uv_poll_stop(&w->poll);
    uv_close((uv_handle_t *)&w->poll, free_watch);
}

static watch *new_watch(dbk_lane *lane, curl_socket_t fd) {
    watch *w = dbk_alloc_zero(sizeof *w);
    if (w == NULL) {
        return NULL;
    }
    w->lane = lane;
    w->fd = fd;
    if (uv_poll_init_socket(&lane->loop.uv, &w->poll, fd) != 0) {
        dbk_free(w);
        return NULL;
    }
    return w;
}

static watch *kept_watch(dbk_lane *lane, curl_socket_t fd) {
    for (dbk_node *n = lane->loop.kept.head.next; n != &lane->loop.kept.head; n = n->next) {
        watch *w = DBK_CONTAINER_OF(n, watch, node);
        if (w->fd == fd) {
            return w;
        }
    }
    return NULL;
}

void dbk_lane_adopt_socket(dbk_lane *lane, int fd) {
    dbk_lane_disown_socket(lane, fd); /* a namesake that was closed behind our back */
    watch *w = new_watch(lane, fd);
    if (w != NULL) {
        dbk_list_push_back(&lane->loop.kept, &w->node);
    }
}

void dbk_lane_disown_socket(dbk_lane *lane, int fd) {
    watch *w = kept_watch(lane, fd);
    if (w != NULL) {
        close_watch(w);
    }
}

/* Always answers 0: after -1 curl refuses every further call on this multi handle. A socket that
 * cannot be watched for want of memory runs into its exchange's timeout. */
static int on_curl_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *socket_data) {
    (void)easy;
    dbk_lane *lane = user;
    watch *w = socket_data;
    if (what == CURL_POLL_REMOVE) {
        if (w != NULL) {
            (void)curl_multi_assign(lane->loop.multi, fd, NULL);
            w->wanted = false;
            if (!dbk_node_linked(&w->node)) {
                close_watch(w);
            }
        }
        return 0;
    }
    if (w == NULL) {
        w = kept_watch(lane, fd);
        w = w != NULL ? w : new_watch(lane, fd);
        (void)curl_multi_assign(lane->loop.multi, fd, w);
    }
    if (w != NULL) {
        w->wanted = true;
        w->events = (what & CURL_POLL_IN) != 0 ? UV_READABLE : 0;
        w->events |= (what & CURL_POLL_OUT) != 0 ? UV_WRITABLE : 0;
        lane->loop.unpolled = true;
        (void)uv_poll_start(&w->poll, w->events, on_socket);
    }
    return 0;
}

static int on_curl_timer(CURLM *multi, long timeout_ms, void *user) {
    (void)multi;
    dbk_lane *lane = user;
    lane->loop.curl_due_ms = UINT64_MAX;
    if (timeout_ms >= 0) { /* never act from inside curl: even 0 ms goes through the loop */
        lane->loop.curl_due_ms = dbk_clock_ms(&dbk_clock_system) + (uint64_t)timeout_ms;
    }
    set_alarm(lane);
    return 0;
}

static void take_turn(dbk_lane *lane) {
    if (lane->loop.curl_due_ms <= dbk_clock_ms(&dbk_clock_system)) {
        lane->loop.curl_due_ms = UINT64_MAX;
        socket_action(lane, CURL_SOCKET_TIMEOUT, 0);
    }
    (void)fire_due(lane);
    set_alarm(lane);
}

static void on_alarm(uv_timer_t *handle) {
    take_turn(handle->data);
}

static void on_soon(uv_idle_t *handle) {
    take_turn(handle->data);
}

static CURLM *new_multi(dbk_lane *lane) {
    CURLM *multi = curl_multi_init();
    if (multi != NULL) {
        (void)curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket);
        (void)curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, lane);
        (void)curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_curl_timer);
        (void)curl_multi_setopt(multi, CURLMOPT_TIMERDATA, lane);
    }
    return multi;
}

/* curl closes idle connections only when it makes the next one; this also closes those of a process
 * that has gone quiet. */
static void close_idle_connections(dbk_timer *timer) {
    dbk_lane *lane = DBK_CONTAINER_OF(timer, dbk_lane, loop.idle_timer);
    CURLM *fresh = new_multi(lane);
    if (fresh != NULL) {
        (void)curl_multi_cleanup(lane->loop.multi);
        lane->loop.multi = fresh;
        (void)on_curl_timer(fresh, -1, lane);
    }
}

bool dbk_lane_add_transfer(dbk_lane *lane, void *easy, dbk_transfer_done done) {
    DBK_ASSERT(!dbk_lane_in_sink(lane));
    lane->loop.transfer_done = done;
    if (curl_multi_add_handle(lane->loop.multi, easy) != CURLM_OK) {
        return false;
    }
    lane->loop.transfer_count++;
    dbk_timer_stop(&lane->loop.idle_timer);
    return true;
}

void dbk_lane_remove_transfer(dbk_lane *lane, void *easy) {
    DBK_ASSERT(!dbk_lane_in_sink(lane));
    (void)curl_multi_remove_handle(lane->loop.multi, easy);
    lane->loop.transfer_count--;
    if (lane->loop.transfer_count == 0 && !lane->loop.stopping) {
        dbk_timer_stop(&lane->loop.idle_timer);
        insert_timer(lane, &lane->loop.idle_timer, DBK_IDLE_CONNECTION_S * 1000u,
                     close_idle_connections);
    }
}

/* ---- tasks ---- */

static bool run_tasks(dbk_lane *lane, bool *stop) {
    dbk_mutex_lock(&lane->shared.lock);
    dbk_task *task = lane->shared.first;
    lane->shared.first = NULL;
    lane->shared.last = &lane->shared.first;
    *stop = lane->shared.stop;
    dbk_mutex_unlock(&lane->shared.lock);
    bool ran = task != NULL;
    while (task != NULL) {
        dbk_task *next = task->next; /* the task's memory is free once it runs */
        task->run(task);
        task = next;
    }
    return ran;
}

static bool end_guests(dbk_lane *lane) {
    bool any = !dbk_list_empty(&lane->loop.guests);
    while (!dbk_list_empty(&lane->loop.guests)) {
        dbk_guest *guest = DBK_CONTAINER_OF(lane->loop.guests.head.next, dbk_guest, node);
        guest->end(guest);
    }
    return any;
}

static void close_loop(dbk_lane *lane) {
    DBK_ASSERT(lane->loop.transfer_count == 0); /* exchanges are freed before their lane */
    lane->loop.stopping = true;
    while (lane->loop.timer_count > 0) {
        dbk_timer_stop(lane->loop.timers[lane->loop.timer_count - 1]);
    }
    uv_close((uv_handle_t *)&lane->loop.wake, NULL);
    uv_close((uv_handle_t *)&lane->loop.alarm, NULL);
    uv_close((uv_handle_t *)&lane->loop.soon, NULL);
    /* Closes pooled connections; their watches go through on_curl_socket. */
    (void)curl_multi_cleanup(lane->loop.multi);
    lane->loop.multi = NULL;
    while (!dbk_list_empty(&lane->loop.kept)) { /* sockets that curl closed without a word */
        close_watch(DBK_CONTAINER_OF(lane->loop.kept.head.next, watch, node));
    }
}

static void on_wake(uv_async_t *handle) {
    dbk_lane *lane = handle->data;
    bool stop = false;
    bool again = false;
    do {
        again = run_tasks(lane, &stop);
        if (stop) { /* what guests and tasks post at their end still runs */
            again = end_guests(lane) || again;
        }
    } while (stop && again);
    if (stop) {
        close_loop(lane);
    } else {
        (void)fire_due(lane);
    }
}

void dbk_lane_post(dbk_lane *lane, dbk_task *task) {
    task->next = NULL;
    dbk_mutex_lock(&lane->shared.lock);
    DBK_ASSERT(!lane->shared.stop || dbk_lane_on(lane)); /* it might never run */
    bool was_empty = lane->shared.first == NULL;
    *lane->shared.last = task;
    lane->shared.last = &task->next;
    if (was_empty) { /* under the lock: the loop cannot be closed in between */
        (void)uv_async_send(&lane->loop.wake);
    }
    dbk_mutex_unlock(&lane->shared.lock);
}

/* ---- life ---- */

static void destroy(dbk_lane *lane) {
    int rc = uv_loop_close(&lane->loop.uv);
    DBK_ASSERT(rc == 0);
    (void)rc;
    dbk_free(lane->loop.timers);
    dbk_mutex_destroy(&lane->shared.lock);
    dbk_free(lane);
}

static bool frees_itself(dbk_lane *lane) {
    dbk_mutex_lock(&lane->shared.lock);
    bool free_self = lane->shared.free_self;
    dbk_mutex_unlock(&lane->shared.lock);
    return free_self;
}

static void run_loop(dbk_lane *lane, uv_run_mode mode) {
    dbk_lane *before = current_lane;
    current_lane = lane;
    (void)uv_run(&lane->loop.uv, mode);
    current_lane = before;
}

static void *lane_main(void *arg) {
    dbk_lane *lane = arg;
    run_loop(lane, UV_RUN_DEFAULT);
    if (frees_itself(lane)) {
        destroy(lane);
    }
    return NULL;
}

/* Signals belong to the host's threads (Go sends SIGURG to all, SIGPIPE must not kill), except those
 * that a crash raises: blocked, they would end the process before any handler saw them. */
static int start_thread(dbk_lane *lane) {
    static const int crashes[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS};
    sigset_t blocked;
    sigset_t before;
    (void)sigfillset(&blocked);
    for (size_t i = 0; i < sizeof crashes / sizeof crashes[0]; i++) {
        (void)sigdelset(&blocked, crashes[i]);
    }
    (void)pthread_sigmask(SIG_SETMASK, &blocked, &before);
    int rc = pthread_create(&lane->thread, NULL, lane_main, lane);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
#ifdef __linux__
    if (rc == 0) {
        (void)pthread_setname_np(lane->thread, lane->name);
    }
#endif
    return rc;
}

static void init_curl(void) {
    /* OpenSSL would free its tables in exit() while our threads still use them. */
    (void)OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, NULL);
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
}

static bool init_loop(dbk_lane *lane) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, init_curl);
    if (!reserve_timer(lane) || uv_loop_init(&lane->loop.uv) != 0) {
        return false;
    }
    lane->loop.multi = new_multi(lane);
    if (lane->loop.multi == NULL || uv_async_init(&lane->loop.uv, &lane->loop.wake, on_wake) != 0) {
        (void)curl_multi_cleanup(lane->loop.multi);
        (void)uv_loop_close(&lane->loop.uv);
        return false;
    }
    lane->loop.wake.data = lane;
    (void)uv_timer_init(&lane->loop.uv, &lane->loop.alarm);
    lane->loop.alarm.data = lane;
    (void)uv_idle_init(&lane->loop.uv, &lane->loop.soon);
    lane->loop.soon.data = lane;
    lane->loop.curl_due_ms = UINT64_MAX;
    lane->loop.unpolled = true;
    return true;
}

static dbk_status start(dbk_lane *lane, dbk_error *err) {
    if (!init_loop(lane)) {
        dbk_free(lane->loop.timers);
        dbk_mutex_destroy(&lane->shared.lock);
        dbk_free(lane);
        return dbk_error_set(err, DBK_RESOURCE_EXHAUSTED,
                             "starting the I/O loop: no file descriptors or memory left");
    }
    int rc = lane->mode == DBK_LANE_THREADED ? start_thread(lane) : 0;
    if (rc != 0) {
        close_loop(lane);
        run_loop(lane, UV_RUN_DEFAULT);
        destroy(lane);
        return dbk_error_set(err, DBK_RESOURCE_EXHAUSTED, "starting the I/O thread: %s",
                             strerror(rc));
    }
    return DBK_OK;
}

dbk_status dbk_lane_new(const char *name, dbk_lane_mode mode, const dbk_clock *clock,
                        dbk_lane **out, dbk_error *err) {
    dbk_lane *lane = dbk_alloc_zero(sizeof *lane);
    if (lane == NULL) {
        return dbk_error_oom(err, "a lane");
    }
    (void)snprintf(lane->name, sizeof lane->name, "%s", name);
    lane->mode = mode;
    lane->clock = clock;
    dbk_list_init(&lane->loop.guests);
    dbk_list_init(&lane->loop.kept);
    lane->shared.last = &lane->shared.first;
    dbk_mutex_init(&lane->shared.lock);
    dbk_status st = start(lane, err);
    if (st == DBK_OK) {
        *out = lane;
    }
    return st;
}

void dbk_lane_free(dbk_lane *lane) {
    if (lane == NULL) {
        return;
    }
    bool on_it = current_lane == lane;
    bool threaded = lane->mode == DBK_LANE_THREADED;
    if (on_it && threaded) {
        (void)pthread_detach(lane->thread);
    }
    dbk_mutex_lock(&lane->shared.lock);
    lane->shared.stop = true;
    lane->shared.free_self = on_it;
    (void)uv_async_send(&lane->loop.wake);
    dbk_mutex_unlock(&lane->shared.lock);
    if (on_it) {
        return;
    }
    if (threaded) {
        (void)pthread_join(lane->thread, NULL);
    } else {
        run_loop(lane, UV_RUN_DEFAULT);
    }
    destroy(lane);
}

/* ---- embedded ---- */

int dbk_lane_fd(const dbk_lane *lane) {
    return uv_backend_fd(&lane->loop.uv);
}

int64_t dbk_lane_timeout_ms(const dbk_lane *lane) {
    /* libuv tells epoll of new sockets when it waits itself, not before. */
    if (lane->loop.unpolled || uv_backend_timeout(&lane->loop.uv) == 0) {
        return 0;
    }
    uint64_t wait = next_wait_ms(lane);
    return wait > INT64_MAX ? -1 : (int64_t)wait;
}

void dbk_lane_run_once(dbk_lane *lane, bool may_block) {
    dbk_lane *before = current_lane;
    current_lane = lane;
    bool block = !fire_due(lane) && may_block;
    current_lane = before;
    lane->loop.unpolled = false;
    run_loop(lane, block ? UV_RUN_ONCE : UV_RUN_NOWAIT);
    if (frees_itself(lane)) {
        run_loop(lane, UV_RUN_DEFAULT);
        destroy(lane);
    }
}
