#include "net/lane.h"

#include <signal.h>
#include <stdlib.h>

#include <curl/curl.h>
#include <uv.h>

/* A socket that curl asked us to watch. */
typedef struct watch {
    uv_poll_t poll; /* first: handle->data is not needed */
    dbk_lane *lane;
    curl_socket_t fd;
} watch;

struct dbk_lane {
    char name[16];
    dbk_lane_mode mode;
    const dbk_clock *clock;
    struct { /* touched by the lane's thread only */
        uv_loop_t uv;
        uv_async_t wake;
        uv_timer_t alarm; /* for the earliest of timers[] */
        CURLM *multi;
        dbk_timer curl_timer;
        dbk_timer **timers; /* binary heap by due_ms */
        size_t timer_count;
        size_t timer_cap;
        dbk_lane_transfer_done transfer_done;
        bool stopping;
    } loop;
    struct {
        dbk_mutex lock;
        dbk_task *first;
        dbk_task **last;
        bool stop;
        bool free_self; /* the thread frees the lane: nobody joins */
    } shared;
    pthread_t thread;
    bool thread_started;
};

static _Thread_local dbk_lane *current_lane;

bool dbk_lane_on(const dbk_lane *lane) {
    return lane->mode == DBK_LANE_EMBEDDED || current_lane == lane;
}

bool dbk_lane_on_any(void) {
    return current_lane != NULL;
}

uint64_t dbk_lane_now_ms(const dbk_lane *lane) {
    return dbk_clock_ms(lane->clock);
}

const dbk_clock *dbk_lane_clock(const dbk_lane *lane) {
    return lane->clock;
}

void *dbk_lane_multi(dbk_lane *lane) {
    return lane->loop.multi;
}

void dbk_lane_set_transfer_done(dbk_lane *lane, dbk_lane_transfer_done fn) {
    lane->loop.transfer_done = fn;
}

/* ---- timers: a binary heap, so that ten thousand waits cost one uv timer ---- */

static bool due_before(const dbk_timer *a, const dbk_timer *b) {
    return a->due_ms < b->due_ms;
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
        if (child + 1 < count && due_before(lane->loop.timers[child + 1], lane->loop.timers[child])) {
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

static void on_alarm(uv_timer_t *handle);

static void set_alarm(dbk_lane *lane) {
    if (lane->loop.stopping) {
        return;
    }
    if (lane->loop.timer_count == 0) {
        (void)uv_timer_stop(&lane->loop.alarm);
        return;
    }
    uint64_t now = dbk_lane_now_ms(lane);
    uint64_t due = lane->loop.timers[0]->due_ms;
    uv_update_time(&lane->loop.uv);
    (void)uv_timer_start(&lane->loop.alarm, on_alarm, due > now ? due - now : 0, 0);
}

bool dbk_timer_start(dbk_lane *lane, dbk_timer *timer, uint64_t delay_ms,
                     void (*fire)(dbk_timer *timer)) {
    DBK_ASSERT(dbk_lane_on(lane));
    dbk_timer_stop(timer);
    if (!dbk_array_grow(&lane->loop.timers, lane->loop.timer_count, &lane->loop.timer_cap)) {
        return false;
    }
    timer->lane = lane;
    timer->fire = fire;
    timer->due_ms = dbk_lane_now_ms(lane) + delay_ms;
    lane->loop.timers[lane->loop.timer_count] = timer;
    lane->loop.timer_count++;
    heap_up(lane, lane->loop.timer_count - 1);
    if (timer->slot == 0) {
        set_alarm(lane);
    }
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

static void on_alarm(uv_timer_t *handle) {
    dbk_lane *lane = handle->data;
    uint64_t now = dbk_lane_now_ms(lane);
    while (lane->loop.timer_count > 0 && lane->loop.timers[0]->due_ms <= now) {
        dbk_timer *t = lane->loop.timers[0];
        dbk_timer_stop(t);
        t->fire(t);
    }
    set_alarm(lane);
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
    int flags = status < 0 ? CURL_CSELECT_ERR : 0;
    flags |= (events & UV_READABLE) != 0 ? CURL_CSELECT_IN : 0;
    flags |= (events & UV_WRITABLE) != 0 ? CURL_CSELECT_OUT : 0;
    socket_action(w->lane, w->fd, flags);
}

static void free_watch(uv_handle_t *handle) {
    dbk_free(handle); /* the poll handle is the first member */
}

static int on_curl_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *socket_data) {
    (void)easy;
    dbk_lane *lane = user;
    watch *w = socket_data;
    if (what == CURL_POLL_REMOVE) {
        if (w != NULL) {
            (void)curl_multi_assign(lane->loop.multi, fd, NULL);
            (void)uv_poll_stop(&w->poll);
            uv_close((uv_handle_t *)&w->poll, free_watch);
        }
        return 0;
    }
    if (w == NULL) {
        w = dbk_alloc_zero(sizeof *w);
        if (w == NULL) {
            return -1;
        }
        w->lane = lane;
        w->fd = fd;
        if (uv_poll_init_socket(&lane->loop.uv, &w->poll, fd) != 0) {
            dbk_free(w);
            return -1;
        }
        (void)curl_multi_assign(lane->loop.multi, fd, w);
    }
    int events = (what & CURL_POLL_IN) != 0 ? UV_READABLE : 0;
    events |= (what & CURL_POLL_OUT) != 0 ? UV_WRITABLE : 0;
    return uv_poll_start(&w->poll, events, on_socket) == 0 ? 0 : -1;
}

static void on_curl_timer_fired(dbk_timer *timer) {
    dbk_lane *lane = DBK_CONTAINER_OF(timer, dbk_lane, loop.curl_timer);
    socket_action(lane, CURL_SOCKET_TIMEOUT, 0);
}

static int on_curl_timer(CURLM *multi, long timeout_ms, void *user) {
    (void)multi;
    dbk_lane *lane = user;
    if (timeout_ms < 0) {
        dbk_timer_stop(&lane->loop.curl_timer);
        return 0;
    }
    /* Never act from inside curl: even 0 ms goes through the loop. */
    return dbk_timer_start(lane, &lane->loop.curl_timer, (uint64_t)timeout_ms, on_curl_timer_fired)
               ? 0
               : -1;
}

/* ---- tasks ---- */

static void close_loop_handles(dbk_lane *lane) {
    lane->loop.stopping = true;
    uv_close((uv_handle_t *)&lane->loop.wake, NULL);
    uv_close((uv_handle_t *)&lane->loop.alarm, NULL);
    dbk_timer_stop(&lane->loop.curl_timer);
    /* Closes pooled connections; their watches go through on_curl_socket. */
    (void)curl_multi_cleanup(lane->loop.multi);
    lane->loop.multi = NULL;
}

static dbk_task *swap_tasks(dbk_lane *lane, bool *stop) {
    dbk_mutex_lock(&lane->shared.lock);
    dbk_task *first = lane->shared.first;
    lane->shared.first = NULL;
    lane->shared.last = &lane->shared.first;
    *stop = lane->shared.stop;
    dbk_mutex_unlock(&lane->shared.lock);
    return first;
}

static void run_tasks(dbk_lane *lane) {
    bool stop = false;
    dbk_task *task = swap_tasks(lane, &stop);
    while (task != NULL) {
        dbk_task *next = task->next; /* the task's memory is free once it runs */
        task->run(task);
        task = next;
    }
    if (stop && !lane->loop.stopping) {
        close_loop_handles(lane);
    }
}

static void on_wake(uv_async_t *handle) {
    run_tasks(handle->data);
}

void dbk_lane_post(dbk_lane *lane, dbk_task *task) {
    task->next = NULL;
    dbk_mutex_lock(&lane->shared.lock);
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
    (void)uv_loop_close(&lane->loop.uv);
    dbk_free(lane->loop.timers);
    dbk_mutex_destroy(&lane->shared.lock);
    dbk_free(lane);
}

static void *lane_main(void *arg) {
    dbk_lane *lane = arg;
    current_lane = lane;
    (void)uv_run(&lane->loop.uv, UV_RUN_DEFAULT);
    current_lane = NULL;
    dbk_mutex_lock(&lane->shared.lock);
    bool free_self = lane->shared.free_self;
    dbk_mutex_unlock(&lane->shared.lock);
    if (free_self) {
        destroy(lane);
    }
    return NULL;
}

/* Signals belong to the host's threads (Go sends SIGURG to all, SIGPIPE must not kill). */
static int start_thread(dbk_lane *lane) {
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&lane->thread, NULL, lane_main, lane);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    lane->thread_started = rc == 0;
#ifdef __linux__
    if (rc == 0) {
        (void)pthread_setname_np(lane->thread, lane->name);
    }
#endif
    return rc;
}

static void init_curl(void) {
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
}

static bool init_loop(dbk_lane *lane) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, init_curl);
    if (uv_loop_init(&lane->loop.uv) != 0) {
        return false;
    }
    lane->loop.wake.data = lane->loop.alarm.data = lane;
    if (uv_async_init(&lane->loop.uv, &lane->loop.wake, on_wake) != 0) {
        (void)uv_loop_close(&lane->loop.uv);
        return false;
    }
    lane->loop.wake.data = lane;
    (void)uv_timer_init(&lane->loop.uv, &lane->loop.alarm);
    lane->loop.alarm.data = lane;
    lane->loop.multi = curl_multi_init();
    if (lane->loop.multi == NULL) {
        uv_close((uv_handle_t *)&lane->loop.wake, NULL);
        uv_close((uv_handle_t *)&lane->loop.alarm, NULL);
        (void)uv_run(&lane->loop.uv, UV_RUN_DEFAULT);
        (void)uv_loop_close(&lane->loop.uv);
        return false;
    }
    (void)curl_multi_setopt(lane->loop.multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket);
    (void)curl_multi_setopt(lane->loop.multi, CURLMOPT_SOCKETDATA, lane);
    (void)curl_multi_setopt(lane->loop.multi, CURLMOPT_TIMERFUNCTION, on_curl_timer);
    (void)curl_multi_setopt(lane->loop.multi, CURLMOPT_TIMERDATA, lane);
    return true;
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
    lane->shared.last = &lane->shared.first;
    dbk_mutex_init(&lane->shared.lock);
    if (!init_loop(lane)) {
        dbk_mutex_destroy(&lane->shared.lock);
        dbk_free(lane);
        return dbk_error_set(err, DBK_RESOURCE_EXHAUSTED,
                             "starting the I/O loop: no file descriptors or memory left");
    }
    int rc = mode == DBK_LANE_THREADED ? start_thread(lane) : 0;
    if (rc != 0) {
        close_loop_handles(lane);
        (void)uv_run(&lane->loop.uv, UV_RUN_DEFAULT);
        destroy(lane);
        return dbk_error_set(err, DBK_RESOURCE_EXHAUSTED, "starting the I/O thread: %s",
                             strerror(rc));
    }
    *out = lane;
    return DBK_OK;
}

void dbk_lane_free(dbk_lane *lane) {
    if (lane == NULL) {
        return;
    }
    bool on_it = current_lane == lane;
    dbk_mutex_lock(&lane->shared.lock);
    lane->shared.stop = true;
    lane->shared.free_self = on_it && lane->thread_started;
    (void)uv_async_send(&lane->loop.wake);
    dbk_mutex_unlock(&lane->shared.lock);
    if (on_it && lane->thread_started) {
        (void)pthread_detach(lane->thread);
        return;
    }
    if (lane->thread_started) {
        (void)pthread_join(lane->thread, NULL);
    } else {
        (void)uv_run(&lane->loop.uv, UV_RUN_DEFAULT);
    }
    destroy(lane);
}

void dbk_lane_abandon(dbk_lane *lane) {
    (void)lane; /* its memory, sockets and locks are the parent's; the child never looks at them */
}

int dbk_lane_fd(const dbk_lane *lane) {
    return uv_backend_fd(&lane->loop.uv);
}

int64_t dbk_lane_timeout_ms(const dbk_lane *lane) {
    return uv_backend_timeout(&lane->loop.uv);
}

void dbk_lane_run_once(dbk_lane *lane, bool may_block) {
    dbk_lane *before = current_lane;
    current_lane = lane;
    (void)uv_run(&lane->loop.uv, may_block ? UV_RUN_ONCE : UV_RUN_NOWAIT);
    current_lane = before;
}
