#include "abi/loop.h"

#include <fcntl.h>
#include <unistd.h>

bool dbk_loop_ok(const dbk_loop *loop, const char *function) {
    dbk_error *err = dbk_abi_begin();
    if (loop == NULL) {
        (void)dbk_abi_refuse("%s: loop must not be null", function);
        return false;
    }
    if (loop->epoch != dbk_process_epoch()) {
        (void)dbk_error_set(err, DBK_INVALID_HANDLE,
                            "%s: the loop belongs to the parent process of a fork", function);
        return false;
    }
    return true;
}

bool dbk_loop_carries(const dbk_loop *loop, dbk_runtime *runtime, const char *function) {
    bool embedded = dbk_lane_is_embedded(dbk_runtime_control(runtime));
    if (loop->lane != NULL ? loop->runtime == runtime : !embedded) {
        return true;
    }
    (void)dbk_abi_refuse(
        "%s: the session was not opened on this loop, which an embedded loop needs", function);
    return false;
}

/* ---- life ---- */

bool dbk_abi_open_pipe(int fds[2]) {
    if (pipe(fds) != 0) {
        return false;
    }
    for (int i = 0; i < 2; i++) {
        (void)fcntl(fds[i], F_SETFD, FD_CLOEXEC);
        (void)fcntl(fds[i], F_SETFL, O_NONBLOCK);
    }
    return true;
}

static dbk_status open_threaded(dbk_loop *loop, dbk_error *err) {
    return dbk_abi_open_pipe(loop->fds)
               ? DBK_OK
               : dbk_error_set(err, DBK_RESOURCE_EXHAUSTED, "a loop: no file descriptors left");
}

static dbk_status open_embedded(dbk_loop *loop, dbk_error *err) {
    dbk_status st = DBK_OK;
    loop->fds[0] = loop->fds[1] = -1;
    DBK_TRY(dbk_lane_new("dbk-embedded", DBK_LANE_EMBEDDED, &dbk_clock_system, &loop->lane, err));
    DBK_TRY(dbk_runtime_embed(loop->lane, &loop->runtime, err));
done:
    if (st != DBK_OK) {
        dbk_lane_free(loop->lane);
    }
    return st;
}

KernelStatusCode dbk_loop_new(dbk_loop_mode mode, dbk_loop **out) {
    dbk_error *err = dbk_abi_begin();
    if (out == NULL) {
        return dbk_abi_refuse("dbk_loop_new: out must not be null");
    }
    if (mode != DBK_LOOP_THREADED && mode != DBK_LOOP_EMBEDDED) {
        return dbk_abi_refuse("dbk_loop_new: unknown mode %d", (int)mode);
    }
    dbk_loop *loop = dbk_alloc_zero(sizeof *loop);
    if (loop == NULL) {
        return dbk_abi_end(dbk_error_oom(err, "a loop"));
    }
    dbk_status st = mode == DBK_LOOP_EMBEDDED ? open_embedded(loop, err) : open_threaded(loop, err);
    if (st != DBK_OK) {
        dbk_free(loop);
        return dbk_abi_end(st);
    }
    atomic_init(&loop->refs, 1);
    loop->epoch = dbk_process_epoch();
    dbk_mutex_init(&loop->lock);
    dbk_cond_init(&loop->changed);
    dbk_list_init(&loop->ready);
    dbk_list_init(&loop->changed_statements);
    *out = loop;
    return KernelStatusCode_Success;
}

dbk_loop *dbk_loop_ref(dbk_loop *loop) {
    (void)atomic_fetch_add_explicit(&loop->refs, 1, memory_order_relaxed);
    return loop;
}

void dbk_loop_unref(dbk_loop *loop) {
    if (atomic_fetch_sub_explicit(&loop->refs, 1, memory_order_acq_rel) == 1) {
        if (loop->lane == NULL) {
            (void)close(loop->fds[0]);
            (void)close(loop->fds[1]);
        }
        dbk_cond_destroy(&loop->changed);
        dbk_mutex_destroy(&loop->lock);
        dbk_free(loop);
    }
}

#define DRAIN_LIMIT_MS 5000

/* What runs in the background on an embedded lane ends with its loop: it is given a moment. False: handles
 * still hold it. */
static bool end_lane(dbk_loop *loop) {
    uint64_t until = dbk_clock_ms(&dbk_clock_system) + DRAIN_LIMIT_MS;
    uint64_t now = 0;
    dbk_lane_run_for(loop->lane, 0);
    while (!dbk_lane_is_idle(loop->lane) && (now = dbk_clock_ms(&dbk_clock_system)) < until) {
        dbk_lane_run_for(loop->lane, (int64_t)(until - now));
    }
    if (dbk_runtime_is_shared(loop->runtime) && dbk_lane_is_idle(loop->lane)) {
        return false;
    }
    dbk_lane_free(loop->lane);
    dbk_runtime_unref(loop->runtime);
    loop->runtime = NULL;
    return true;
}

KernelStatusCode dbk_loop_free(dbk_loop *loop) {
    (void)dbk_abi_begin();
    if (loop == NULL) {
        return KernelStatusCode_Success;
    }
    if (loop->epoch != dbk_process_epoch()) {
        dbk_loop_unref(loop); /* in a fork's child: its futures keep what is left of it */
        return KernelStatusCode_Success;
    }
    dbk_mutex_lock(&loop->lock);
    size_t live = loop->live;
    loop->notify = NULL;
    dbk_mutex_unlock(&loop->lock);
    if (loop->dispatching) {
        return dbk_abi_refuse("dbk_loop_free: called from a callback of the loop");
    }
    if (live > 0) {
        return dbk_abi_refuse("dbk_loop_free: %zu futures were not freed", live);
    }
    dbk_mutex_lock(&loop->lock);
    loop->over = true;
    dbk_mutex_unlock(&loop->lock);
    if (loop->lane != NULL && !end_lane(loop)) {
        dbk_mutex_lock(&loop->lock);
        loop->over = false;
        dbk_mutex_unlock(&loop->lock);
        return dbk_abi_refuse("dbk_loop_free: a session or something of it was not closed");
    }
    dbk_loop_unref(loop);
    return KernelStatusCode_Success;
}

/* ---- telling the host ---- */

static void woken(dbk_task *task) {
    dbk_loop *loop = DBK_CONTAINER_OF(task, dbk_loop, wake_task);
    dbk_mutex_lock(&loop->lock);
    loop->wake_posted = false;
    dbk_mutex_unlock(&loop->lock);
}

/* Under the lock. The fd of an embedded loop is its lane's, and that is readable when a task comes. */
static void make_readable(dbk_loop *loop) {
    if (loop->lane == NULL) {
        (void)!write(loop->fds[1], "", 1); /* one byte in an empty pipe */
    } else if (!loop->wake_posted) {
        loop->wake_posted = true;
        loop->wake_task.run = woken;
        dbk_lane_post(loop->lane, &loop->wake_task);
    }
}

void dbk_loop_tell_locked(dbk_loop *loop) {
    dbk_cond_broadcast(&loop->changed);
    if (!loop->told) {
        loop->told = true;
        make_readable(loop);
        if (loop->notify != NULL) {
            loop->notify(loop->notify_ctx);
        }
    }
}

void dbk_loop_settle_locked(dbk_loop *loop) {
    if (loop->told && loop->ready_count == 0 && dbk_list_empty(&loop->changed_statements) &&
        !loop->woken) {
        char byte = 0;
        loop->told = false;
        if (loop->lane == NULL) {
            (void)!read(loop->fds[0], &byte, 1);
        }
    }
}

KernelStatusCode dbk_loop_wake(dbk_loop *loop) {
    if (!dbk_loop_ok(loop, "dbk_loop_wake")) {
        return dbk_abi_code();
    }
    dbk_mutex_lock(&loop->lock);
    loop->woken = true;
    dbk_loop_tell_locked(loop);
    dbk_mutex_unlock(&loop->lock);
    return KernelStatusCode_Success;
}

KernelStatusCode dbk_loop_set_notify(dbk_loop *loop, void (*notify)(void *ctx), void *ctx) {
    if (!dbk_loop_ok(loop, "dbk_loop_set_notify")) {
        return dbk_abi_code();
    }
    if (notify != NULL && loop->lane == NULL) {
        dbk_runtime_give_way();
    }
    dbk_mutex_lock(&loop->lock);
    loop->notify = notify;
    loop->notify_ctx = ctx;
    if (notify != NULL && loop->told) {
        notify(ctx);
    }
    dbk_mutex_unlock(&loop->lock);
    return KernelStatusCode_Success;
}

int dbk_loop_fd(const dbk_loop *loop) {
    if (!dbk_loop_ok(loop, "dbk_loop_fd")) {
        return -1;
    }
    return loop->lane != NULL ? dbk_lane_fd(loop->lane) : loop->fds[0];
}

int64_t dbk_loop_timeout_ms(dbk_loop *loop) {
    if (!dbk_loop_ok(loop, "dbk_loop_timeout_ms")) {
        return -1;
    }
    dbk_mutex_lock(&loop->lock);
    bool told = loop->told;
    dbk_mutex_unlock(&loop->lock);
    if (told) {
        return 0;
    }
    return loop->lane != NULL ? dbk_lane_timeout_ms(loop->lane) : -1;
}

/* ---- dispatching ---- */

/* Waits until `over`, timeout_ms at most (-1: without end); under the lock. An embedded lane runs meanwhile,
 * once in any case. False: the time is over. */
bool dbk_loop_wait_locked(dbk_loop *loop, int timeout_ms, bool (*over)(const void *ctx),
                          const void *ctx) {
    uint64_t now = dbk_clock_ms(&dbk_clock_system);
    uint64_t until = now + (timeout_ms > 0 ? (uint64_t)timeout_ms : 0);
    bool first = loop->lane != NULL;
    while (first || !over(ctx)) {
        now = dbk_clock_ms(&dbk_clock_system);
        int64_t left = timeout_ms < 0 ? -1 : (int64_t)(until - dbk_min_u64(now, until));
        if (left == 0 && !first) {
            return false;
        }
        if (loop->lane != NULL) {
            bool at_once = over(ctx);
            dbk_mutex_unlock(&loop->lock);
            dbk_lane_run_for(loop->lane, at_once ? 0 : left);
            dbk_mutex_lock(&loop->lock);
        } else if (left < 0) {
            dbk_cond_wait(&loop->changed, &loop->lock);
        } else {
            (void)dbk_cond_wait_until(&loop->changed, &loop->lock, until);
        }
        first = false;
    }
    return true;
}

static bool something_to_do(const void *ctx) {
    const dbk_loop *loop = ctx;
    return loop->ready_count > 0 || !dbk_list_empty(&loop->changed_statements) || loop->woken;
}

/* The next future that is done, counted; NULL: none. */
static dbk_future *pop(dbk_loop *loop) {
    dbk_mutex_lock(&loop->lock);
    dbk_node *node = dbk_list_pop_front(&loop->ready);
    dbk_future *f = node != NULL ? DBK_CONTAINER_OF(node, dbk_future, node) : NULL;
    if (f != NULL) {
        loop->ready_count--;
        (void)atomic_fetch_add(&f->refs, 1);
    }
    dbk_loop_settle_locked(loop);
    dbk_mutex_unlock(&loop->lock);
    return f;
}

void dbk_loop_enter_callback(dbk_loop *loop) {
    if (loop->lane != NULL) {
        dbk_lane_enter(loop->lane);
    }
}

void dbk_loop_leave_callback(dbk_loop *loop) {
    if (loop->lane != NULL) {
        dbk_lane_forget_thread();
    }
}

static void call_back(dbk_loop *loop, dbk_future *f) {
    if (f->cb != NULL) {
        dbk_loop_enter_callback(loop);
        f->cb(f, f->user_data);
        dbk_loop_leave_callback(loop);
    }
}

KernelStatusCode dbk_loop_run_once(dbk_loop *loop, int timeout_ms, uint32_t max_events,
                                   uint32_t *dispatched) {
    uint32_t count = 0;
    if (!dbk_loop_ok(loop, "dbk_loop_run_once")) {
        return dbk_abi_code();
    }
    if (loop->dispatching) {
        return dbk_abi_refuse("dbk_loop_run_once: called from a callback of the loop");
    }
    if (loop->lane != NULL && dbk_lane_on_any()) {
        return dbk_abi_refuse("dbk_loop_run_once: called from a callback of the library");
    }
    dbk_mutex_lock(&loop->lock);
    (void)dbk_loop_wait_locked(loop, timeout_ms, something_to_do, loop);
    loop->woken = false;
    size_t most = loop->ready_count;
    size_t changed = 0;
    for (dbk_node *n = loop->changed_statements.head.next; n != &loop->changed_statements.head;
         n = n->next) {
        changed++;
    }
    dbk_mutex_unlock(&loop->lock);
    most = max_events != 0 ? dbk_min_size(most, max_events) : most;
    (void)dbk_loop_ref(loop);
    loop->dispatching = true;
    dbk_progress_dispatch(loop, changed);
    for (size_t i = 0; i < dbk_max_size(most, 1); i++) { /* settles also when there is nothing */
        dbk_future *f = pop(loop);
        if (f == NULL) {
            break;
        }
        count++;
        call_back(loop, f);
        dbk_future_drop(f);
    }
    loop->dispatching = false;
    dbk_loop_unref(loop);
    if (dispatched != NULL) {
        *dispatched = count;
    }
    return KernelStatusCode_Success;
}

KernelStatusCode dbk_runtime_shutdown(uint64_t timeout_ms) {
    dbk_error *err = dbk_abi_begin();
    if (dbk_lane_on_any()) {
        return dbk_abi_refuse("dbk_runtime_shutdown: called from a callback of the library");
    }
    size_t left = dbk_background_wait(timeout_ms);
    if (left > 0) {
        return dbk_abi_end(dbk_error_set(err, DBK_TIMEOUT,
                                         "dbk_runtime_shutdown: %zu requests are still under way "
                                         "after %llu ms",
                                         left, (unsigned long long)timeout_ms));
    }
    return KernelStatusCode_Success;
}
