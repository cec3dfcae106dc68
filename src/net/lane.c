#include "net/lane_inside.h"

#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>

#include <openssl/crypto.h>

/* Timers of the lane itself. */
#define OWN_TIMERS 2

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

/* ---- timers: ten thousand waits cost one uv timer ---- */

static uint64_t until_ms(uint64_t due, uint64_t now) {
    return due > now ? due - now : 0;
}

/* Until the next timer of ours or curl's; UINT64_MAX: there is none. */
static uint64_t next_wait_ms(const dbk_lane *lane) {
    bool now_due = lane->loop.gave_up || lane->loop.more_held;
    uint64_t wait = now_due ? 0 : UINT64_MAX;
    if (lane->loop.timers.count > 0) {
        uint64_t due = lane->loop.timers.heap[0]->due_ms;
        wait = dbk_min_u64(wait, until_ms(due, dbk_lane_now_ms(lane)));
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
void dbk_lane_set_alarm(dbk_lane *lane) {
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

void dbk_lane_insert_timer(dbk_lane *lane, dbk_timer *timer, uint64_t delay_ms,
                           void (*fire)(dbk_timer *timer)) {
    uint64_t now = dbk_lane_now_ms(lane);
    timer->lane = lane;
    timer->fire = fire;
    timer->due_ms = delay_ms < UINT64_MAX - now ? now + delay_ms : UINT64_MAX;
    dbk_timer_heap_add(&lane->loop.timers, timer);
    if (timer->slot == 0) {
        dbk_lane_set_alarm(lane);
    }
}

/* Slots are kept for the lane's own timers, so that starting those cannot fail. */
static bool reserve_timer(dbk_lane *lane) {
    return dbk_timer_heap_reserve(&lane->loop.timers, 1 + OWN_TIMERS);
}

bool dbk_timer_start(dbk_lane *lane, dbk_timer *timer, uint64_t delay_ms,
                     void (*fire)(dbk_timer *timer)) {
    DBK_ASSERT(dbk_lane_on(lane));
    dbk_timer_stop(timer);
    if (!reserve_timer(lane)) {
        return false;
    }
    dbk_lane_insert_timer(lane, timer, delay_ms, fire);
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
    dbk_timer_heap_remove(&lane->loop.timers, timer);
    if (slot == 0) {
        dbk_lane_set_alarm(lane);
    }
}

/* Fires what is due and was started before this call: a timer that restarts itself with no delay does
 * not keep the loop from its sockets. True: something fired. */
static bool fire_due(dbk_lane *lane) {
    uint64_t now = dbk_lane_now_ms(lane);
    uint64_t end = lane->loop.timers.next_order;
    bool fired = false;
    while (lane->loop.timers.count > 0) {
        dbk_timer *t = lane->loop.timers.heap[0];
        if (t->due_ms > now || t->order >= end) {
            break;
        }
        dbk_timer_stop(t);
        t->fire(t);
        fired = true;
    }
    return fired;
}

static void take_turn(dbk_lane *lane) {
    dbk_lane_curl_turn(lane);
    (void)fire_due(lane);
    dbk_lane_set_alarm(lane);
}

static void on_alarm(uv_timer_t *handle) {
    take_turn(handle->data);
}

static void on_soon(uv_idle_t *handle) {
    take_turn(handle->data);
}

/* ---- tasks ---- */

void dbk_lane_run_list(dbk_task *task) {
    while (task != NULL) {
        dbk_task *next = task->next; /* the task's memory is free once it runs */
        task->run(task);
        task = next;
    }
}

static bool run_tasks(dbk_lane *lane, bool *stop) {
    dbk_mutex_lock(&lane->shared.lock);
    dbk_task *task = lane->shared.first;
    lane->shared.first = NULL;
    lane->shared.last = &lane->shared.first;
    *stop = lane->shared.stop;
    dbk_mutex_unlock(&lane->shared.lock);
    dbk_lane_run_list(task);
    return task != NULL;
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
    while (lane->loop.timers.count > 0) {
        dbk_timer_stop(lane->loop.timers.heap[lane->loop.timers.count - 1]);
    }
    uv_close((uv_handle_t *)&lane->loop.wake, NULL);
    uv_close((uv_handle_t *)&lane->loop.alarm, NULL);
    uv_close((uv_handle_t *)&lane->loop.soon, NULL);
    dbk_lane_curl_end(lane);
}

void dbk_lane_run_posted(dbk_lane *lane) {
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

static void on_wake(uv_async_t *handle) {
    dbk_lane_run_posted(handle->data);
}

/* The loop looks at what is shared. */
static void wake_locked(dbk_lane *lane) {
    if (lane->shared.owner == OWNER_NOBODY) {
        lane->shared.owner = OWNER_THREAD;
        dbk_cond_signal(&lane->shared.taken);
    }
    (void)uv_async_send(&lane->loop.wake);
}

static void post(dbk_lane *lane, dbk_task *task, bool hurry) {
    task->next = NULL;
    dbk_mutex_lock(&lane->shared.lock);
    DBK_ASSERT(!lane->shared.stop || dbk_lane_on(lane)); /* it might never run */
    bool dozing = lane->shared.owner == OWNER_NOBODY;
    bool wake = dozing ? hurry : lane->shared.first == NULL;
    *lane->shared.last = task;
    lane->shared.last = &task->next;
    if (wake) { /* under the lock: the loop cannot be closed in between */
        wake_locked(lane);
    }
    dbk_mutex_unlock(&lane->shared.lock);
}

void dbk_lane_post(dbk_lane *lane, dbk_task *task) {
    post(lane, task, true);
}

void dbk_lane_post_later(dbk_lane *lane, dbk_task *task) {
    post(lane, task, false);
}

/* ---- life ---- */

static void free_lane(dbk_lane *lane) {
    dbk_cond_destroy(&lane->shared.taken);
    dbk_mutex_destroy(&lane->shared.lock);
    dbk_free(lane);
}

static void destroy(dbk_lane *lane) {
    int rc = uv_loop_close(&lane->loop.uv);
    DBK_ASSERT(rc == 0);
    (void)rc;
    dbk_timer_heap_reset(&lane->loop.timers);
    free_lane(lane);
}

static bool frees_itself(dbk_lane *lane) {
    dbk_mutex_lock(&lane->shared.lock);
    bool free_self = lane->shared.free_self;
    dbk_mutex_unlock(&lane->shared.lock);
    return free_self;
}

/* True: there is more to run. */
static bool run_loop(dbk_lane *lane, uv_run_mode mode) {
    dbk_lane *before = current_lane;
    current_lane = lane;
    int more = uv_run(&lane->loop.uv, mode);
    current_lane = before;
    return more != 0;
}

static void *lane_main(void *arg) {
    dbk_lane *lane = arg;
    while (run_loop(lane, UV_RUN_DEFAULT)) {
        dbk_lane_doze(lane);
    }
    dbk_lane_run_list(lane->loop.leaving);
    if (frees_itself(lane)) {
        destroy(lane);
    }
    return NULL;
}

/* Signals belong to the host's threads (Go sends SIGURG to all, SIGPIPE must not kill), except those
 * that a crash raises: blocked, they would end the process before any handler saw them. */
static int start_thread(dbk_lane *lane) {
    static const int crashes[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS};
    pthread_attr_t attr;
    sigset_t blocked;
    sigset_t before;
    (void)sigfillset(&blocked);
    for (size_t i = 0; i < sizeof crashes / sizeof crashes[0]; i++) {
        (void)sigdelset(&blocked, crashes[i]);
    }
    (void)pthread_sigmask(SIG_SETMASK, &blocked, &before);
    dbk_thread_attr_init(&attr);
    int rc = pthread_create(&lane->thread, &attr, lane_main, lane);
    (void)pthread_attr_destroy(&attr);
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
    if (!dbk_lane_curl_begin(lane) ||
        uv_async_init(&lane->loop.uv, &lane->loop.wake, on_wake) != 0) {
        (void)curl_multi_cleanup(lane->loop.multi);
        (void)uv_loop_close(&lane->loop.uv);
        return false;
    }
    lane->loop.wake.data = lane;
    (void)uv_timer_init(&lane->loop.uv, &lane->loop.alarm);
    lane->loop.alarm.data = lane;
    (void)uv_idle_init(&lane->loop.uv, &lane->loop.soon);
    lane->loop.soon.data = lane;
    lane->loop.unpolled = true;
    return true;
}

static dbk_status start(dbk_lane *lane, dbk_error *err) {
    if (!init_loop(lane)) {
        dbk_timer_heap_reset(&lane->loop.timers);
        free_lane(lane);
        return dbk_error_set(err, DBK_RESOURCE_EXHAUSTED,
                             "starting the I/O loop: no file descriptors or memory left");
    }
    int rc = lane->mode == DBK_LANE_THREADED ? start_thread(lane) : 0;
    if (rc != 0) {
        close_loop(lane);
        (void)run_loop(lane, UV_RUN_DEFAULT);
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
    lane->shared.last = &lane->shared.first;
    dbk_mutex_init(&lane->shared.lock);
    dbk_cond_init(&lane->shared.taken);
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
    wake_locked(lane);
    dbk_mutex_unlock(&lane->shared.lock);
    if (on_it) {
        return;
    }
    if (threaded) {
        (void)pthread_join(lane->thread, NULL);
    } else {
        (void)run_loop(lane, UV_RUN_DEFAULT);
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

/* The wait is ours, not libuv's: that runs timers first, and would wait on for sockets when these have ended
 * what its caller waits for. */
void dbk_lane_run_for(dbk_lane *lane, int64_t timeout_ms) {
    int64_t wait = dbk_lane_timeout_ms(lane);
    if (wait < 0 || (timeout_ms >= 0 && timeout_ms < wait)) {
        wait = timeout_ms;
    }
    if (wait != 0) {
        struct pollfd p = {.fd = dbk_lane_fd(lane), .events = POLLIN};
        (void)poll(&p, 1, wait > INT_MAX ? INT_MAX : (int)wait);
    }
    dbk_lane_run_once(lane);
}

void dbk_lane_enter(dbk_lane *lane) {
    current_lane = lane;
}

bool dbk_lane_is_idle(const dbk_lane *lane) {
    return lane->loop.guests.head.next == &lane->loop.guests.head && lane->loop.transfer_count == 0;
}

void dbk_lane_run_once(dbk_lane *lane) {
    dbk_lane *before = current_lane;
    current_lane = lane;
    (void)fire_due(lane);
    current_lane = before;
    lane->loop.unpolled = false;
    (void)run_loop(lane, UV_RUN_NOWAIT);
    if (frees_itself(lane)) {
        (void)run_loop(lane, UV_RUN_DEFAULT);
        destroy(lane);
    }
}
