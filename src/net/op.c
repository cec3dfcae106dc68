#include "net/op.h"

#include <stdarg.h>
#include <stdio.h>

#include <uv.h>

static void end_cancelled(dbk_op *op);

void dbk_op_init(dbk_op *op, const dbk_machine *machine, dbk_lane *lane) {
    op->machine = machine;
    op->lane = lane;
    atomic_init(&op->refs, 1);
    atomic_init(&op->done, false);
    atomic_init(&op->cancel_wanted, false);
    atomic_init(&op->cancel_posted, false);
    atomic_init(&op->limit_ms, 0);
    atomic_init(&op->limit_posted, false);
}

void dbk_op_set_unattended(dbk_op *op) {
    op->guest.unattended = true;
}

dbk_op *dbk_op_ref(dbk_op *op) {
    size_t old = atomic_fetch_add_explicit(&op->refs, 1, memory_order_relaxed);
    DBK_ASSERT(old > 0);
    (void)old;
    return op;
}

void dbk_op_unref(dbk_op *op) {
    if (op == NULL || atomic_fetch_sub_explicit(&op->refs, 1, memory_order_acq_rel) != 1) {
        return;
    }
    DBK_ASSERT(!op->running && op->http == NULL && op->child == NULL);
    dbk_error_reset(&op->err);
    op->machine->destroy(op);
}

bool dbk_op_is_done(const dbk_op *op) {
    return atomic_load_explicit(&op->done, memory_order_acquire);
}

/* Ends whatever the operation waits for. */
static void drop_waits(dbk_op *op) {
    dbk_timer_stop(&op->timer);
    dbk_http_free(op->http);
    op->http = NULL;
    op->parked = false;
    dbk_op *child = op->child;
    op->child = NULL;
    if (child != NULL) {
        child->on_done = NULL; /* its end is no news for us any more */
        atomic_store(&child->cancel_wanted, true);
        if (child->running) {
            end_cancelled(child);
        }
        dbk_op_unref(child);
    }
}

/* Replaces the error but keeps what was known of the statement's fate. */
static dbk_status fail(dbk_op *op, dbk_status st, const char *fmt, ...) DBK_PRINTF(3, 4);
static dbk_status fail(dbk_op *op, dbk_status st, const char *fmt, ...) {
    char text[DBK_ERROR_INLINE];
    char query_id[DBK_ERROR_ID_SIZE];
    bool may_have_executed = op->err.may_have_executed;
    memcpy(query_id, op->err.query_id, sizeof query_id);
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    (void)dbk_error_set(&op->err, st, "%s", text);
    op->err.may_have_executed = may_have_executed;
    memcpy(op->err.query_id, query_id, sizeof query_id);
    return st;
}

static void complete(dbk_op *op, dbk_status st) {
    drop_waits(op);
    dbk_timer_stop(&op->deadline);
    dbk_lane_leave(&op->guest);
    op->status = st;
    if (st != DBK_OK && op->err.code == DBK_OK) {
        (void)fail(op, st, "%s failed", op->machine->name);
    }
    op->running = false;
    atomic_store_explicit(&op->done, true, memory_order_release);
    DBK_LOG(TRACE, op->session_id, "%s: done: %s", op->machine->name, dbk_status_name(st));
    if (op->on_done != NULL) {
        op->on_done(op, op->ctx);
    }
    dbk_op_unref(op); /* the runner's reference */
}

/* The latch, the deadline or the lane's end stops a running operation. */
static void end_early(dbk_op *op, dbk_status st) {
    if (op->machine->cancelled != NULL) {
        op->machine->cancelled(op);
    }
    complete(op, st);
}

static void end_cancelled(dbk_op *op) {
    end_early(op, fail(op, DBK_CANCELLED, "%s was cancelled", op->machine->name));
}

static void lane_ends(dbk_guest *guest) {
    end_cancelled(DBK_CONTAINER_OF(guest, dbk_op, guest));
}

static void enter(dbk_op *op, uint32_t state) {
    DBK_ASSERT(state < op->machine->state_count);
    DBK_ASSERT((op->machine->states[op->state].may_go_to & DBK_TO(state)) != 0);
    DBK_LOG(TRACE, op->session_id, "%s: %s -> %s", op->machine->name,
            op->machine->states[op->state].name, op->machine->states[state].name);
    op->state = state;
}

/* Runs states until one waits or ends. told: the first has an answer to see to before a cancel counts. */
static void run_from(dbk_op *op, bool told) {
    for (;;) {
        if (!told && atomic_load(&op->cancel_wanted)) {
            end_cancelled(op);
            return;
        }
        dbk_step step = op->machine->states[op->state].run(op);
        switch (step) {
        case DBK_STEP_GOTO:
        case DBK_STEP_NEXT:
            told = step == DBK_STEP_NEXT;
            enter(op, op->next_state);
            break;
        case DBK_STEP_WAIT:
            return;
        case DBK_STEP_DONE:
            complete(op, op->status);
            return;
        }
    }
}

static void go_on(dbk_op *op, bool told) {
    enter(op, op->next_state);
    run_from(op, told);
}

/* ---- start, cancel, deadline ---- */

static void deadline_passed(dbk_timer *timer) {
    dbk_op *op = DBK_CONTAINER_OF(timer, dbk_op, deadline);
    end_early(op, fail(op, DBK_TIMEOUT, "%s took longer than %llu ms (state %s)", op->machine->name,
                       (unsigned long long)op->deadline_ms, op->machine->states[op->state].name));
}

static void begin(dbk_op *op) {
    op->running = true;
    op->state = 0;
    op->guest.end = lane_ends;
    dbk_lane_join(op->lane, &op->guest);
    if (op->deadline_ms != 0 &&
        !dbk_timer_start(op->lane, &op->deadline, op->deadline_ms, deadline_passed)) {
        complete(op, dbk_error_oom(&op->err, "a deadline"));
        return;
    }
    run_from(op, false);
}

static void begin_task(dbk_task *task) {
    begin(DBK_CONTAINER_OF(task, dbk_op, start_task));
}

void dbk_op_start(dbk_op *op, dbk_op_done_cb on_done, void *ctx) {
    op->on_done = on_done;
    op->ctx = ctx;
    (void)dbk_op_ref(op); /* the runner's; complete gives it back */
    op->start_task.run = begin_task;
    if (dbk_lane_on(op->lane) && !dbk_lane_in_sink(op->lane)) {
        begin(op);
    } else if (op->guest.unattended) {
        dbk_lane_post_later(op->lane, &op->start_task);
    } else {
        dbk_lane_post(op->lane, &op->start_task);
    }
}

static void cancel_task(dbk_task *task) {
    dbk_op *op = DBK_CONTAINER_OF(task, dbk_op, cancel_task);
    if (op->running) {
        end_cancelled(op);
    }
    dbk_op_unref(op); /* the task's */
}

void dbk_op_cancel(dbk_op *op) {
    atomic_store(&op->cancel_wanted, true);
    if (dbk_op_is_done(op) || atomic_exchange(&op->cancel_posted, true)) {
        return;
    }
    (void)dbk_op_ref(op);
    op->cancel_task.run = cancel_task;
    dbk_lane_post(op->lane, &op->cancel_task);
}

static void limit_task(dbk_task *task) {
    dbk_op *op = DBK_CONTAINER_OF(task, dbk_op, limit_task);
    atomic_store(&op->limit_posted, false);
    op->deadline_ms = atomic_load(&op->limit_ms);
    dbk_timer_stop(&op->deadline);
    if (op->running && op->deadline_ms != 0 &&
        !dbk_timer_start(op->lane, &op->deadline, op->deadline_ms, deadline_passed)) {
        end_early(op, dbk_error_oom(&op->err, "a deadline"));
    }
    dbk_op_unref(op); /* the task's */
}

void dbk_op_limit(dbk_op *op, uint64_t ms) {
    atomic_store(&op->limit_ms, ms);
    if (dbk_op_is_done(op) || atomic_exchange(&op->limit_posted, true)) {
        return; /* a task on its way reads the new value */
    }
    (void)dbk_op_ref(op);
    op->limit_task.run = limit_task;
    dbk_lane_post(op->lane, &op->limit_task);
}

/* ---- blocking ---- */

/* A semaphore, not a condition: the waiter does not have to win a lock back after it was woken, and
 * its post is the last touch of memory that the waiter frees. */
typedef struct plain_wait {
    dbk_task wake; /* first */
    uv_sem_t done;
} plain_wait;

static void wake_plain(dbk_task *task) {
    uv_sem_post(&DBK_CONTAINER_OF(task, plain_wait, wake)->done);
}

/* A caller with a wait hook looks up meanwhile, which a semaphore cannot. */
typedef struct hooked_wait {
    dbk_task wake; /* first */
    dbk_mutex lock;
    dbk_cond changed;
    bool done;
} hooked_wait;

static void wake_hooked(dbk_task *task) {
    hooked_wait *w = DBK_CONTAINER_OF(task, hooked_wait, wake);
    dbk_mutex_lock(&w->lock);
    w->done = true;
    dbk_cond_signal(&w->changed);
    dbk_mutex_unlock(&w->lock);
}

static void wake_waiter(dbk_op *op, void *ctx) {
    dbk_lane_lend(op->lane, ctx);
}

/* Starts it and runs the loop itself for a while, if the loop is to be had. */
static void start_or_drive(dbk_op *op, dbk_task *wake) {
    bool mine = dbk_lane_borrow(op->lane);
    dbk_op_start(op, wake_waiter, wake);
    if (mine) {
        while (!dbk_op_is_done(op) && dbk_lane_turn(op->lane)) {
        }
        dbk_lane_give_back(op->lane);
    }
}

static void wait_hooked(dbk_op *op) {
    hooked_wait w = {.wake = {.run = wake_hooked}, .done = false};
    dbk_mutex_init(&w.lock);
    dbk_cond_init(&w.changed);
    start_or_drive(op, &w.wake);
    dbk_mutex_lock(&w.lock);
    while (!w.done) {
        if (dbk_wait_hooked(&w.changed, &w.lock)) {
            dbk_op_cancel(op); /* only posts a task: fine under the lock */
        }
    }
    dbk_mutex_unlock(&w.lock);
    dbk_cond_destroy(&w.changed);
    dbk_mutex_destroy(&w.lock);
}

static dbk_status wait_threaded(dbk_op *op, dbk_error *err) {
    plain_wait w = {.wake = {.run = wake_plain}};
    if (dbk_wait_hook_on()) {
        wait_hooked(op);
        return DBK_OK;
    }
    if (uv_sem_init(&w.done, 0) != 0) {
        return dbk_error_oom(err, "a semaphore");
    }
    start_or_drive(op, &w.wake);
    uv_sem_wait(&w.done);
    uv_sem_destroy(&w.done);
    return DBK_OK;
}

static void wait_embedded(dbk_op *op) {
    dbk_op_start(op, NULL, NULL);
    while (!dbk_op_is_done(op)) {
        dbk_lane_run_for(op->lane, -1);
    }
}

dbk_status dbk_op_run(dbk_op *op, dbk_error *err) {
    if (dbk_lane_on_any()) {
        return dbk_error_set(err, DBK_INVALID_ARGUMENT,
                             "a blocking call inside a callback of the library would never return");
    }
    if (dbk_lane_is_embedded(op->lane)) {
        wait_embedded(op);
    } else {
        dbk_status st = wait_threaded(op, err);
        if (st != DBK_OK) {
            return st;
        }
    }
    if (op->status != DBK_OK) {
        dbk_error_move(err, &op->err);
    }
    return op->status;
}

/* ---- waits ---- */

dbk_step dbk_op_goto(dbk_op *op, uint32_t state) {
    op->next_state = state;
    return DBK_STEP_GOTO;
}

dbk_step dbk_op_finish(dbk_op *op, dbk_status st) {
    op->status = st;
    return DBK_STEP_DONE;
}

static void timer_fired(dbk_timer *timer) {
    go_on(DBK_CONTAINER_OF(timer, dbk_op, timer), false);
}

dbk_step dbk_op_wait_ms(dbk_op *op, uint64_t delay_ms, uint32_t next) {
    op->next_state = next;
    if (!dbk_timer_start(op->lane, &op->timer, delay_ms, timer_fired)) {
        return dbk_op_finish(op, dbk_error_oom(&op->err, "a timer"));
    }
    return DBK_STEP_WAIT;
}

static void http_done(dbk_http *http, void *ctx) {
    (void)http;
    go_on(ctx, true);
}

dbk_step dbk_op_wait_http(dbk_op *op, dbk_http_config *config, const dbk_http_request *request,
                          uint32_t next) {
    dbk_http_free(op->http);
    op->http = NULL;
    op->next_state = next;
    dbk_status st = dbk_http_start(op->lane, config, request, http_done, op, &op->http, &op->err);
    return st == DBK_OK ? DBK_STEP_WAIT : dbk_op_finish(op, st);
}

static void child_done(dbk_op *child, void *ctx) {
    dbk_op *op = ctx;
    if (op->starting_child) {
        return; /* wait_child looks at it */
    }
    op->child = NULL;
    if (child->status != DBK_OK && !op->tolerant) {
        dbk_error_move(&op->err, &child->err);
        complete(op, child->status);
    } else {
        go_on(op, true);
    }
    dbk_op_unref(child);
}

static dbk_step wait_child(dbk_op *op, dbk_op *child, uint32_t next, bool tolerant) {
    DBK_ASSERT(child->lane == op->lane);
    op->next_state = next;
    op->tolerant = tolerant;
    op->child = dbk_op_ref(child);
    child->guest.unattended = op->guest.unattended;
    op->starting_child = true;
    dbk_op_start(child, child_done, op);
    op->starting_child = false;
    if (!dbk_op_is_done(child)) {
        return DBK_STEP_WAIT;
    }
    op->child = NULL;
    dbk_status st = tolerant ? DBK_OK : child->status;
    if (st != DBK_OK) {
        dbk_error_move(&op->err, &child->err);
    }
    dbk_op_unref(child);
    return st == DBK_OK ? DBK_STEP_NEXT : dbk_op_finish(op, st);
}

dbk_step dbk_op_wait_op(dbk_op *op, dbk_op *child, uint32_t next) {
    return wait_child(op, child, next, false);
}

dbk_step dbk_op_try_op(dbk_op *op, dbk_op *child, uint32_t next) {
    return wait_child(op, child, next, true);
}

dbk_op *dbk_op_detach_child(dbk_op *op, dbk_op_done_cb on_done, void *ctx) {
    dbk_op *child = op->child;
    op->child = NULL;
    if (child != NULL) {
        child->on_done = on_done;
        child->ctx = ctx;
    }
    return child;
}

dbk_step dbk_op_wait_wake(dbk_op *op, uint32_t next) {
    op->next_state = next;
    op->parked = true;
    return DBK_STEP_WAIT;
}

static void wake_now(dbk_op *op) {
    if (op->running && op->parked) {
        op->parked = false;
        go_on(op, false);
    }
}

static void wake_task(dbk_task *task) {
    dbk_op *op = DBK_CONTAINER_OF(task, dbk_op, wake_task);
    op->wake_posted = false;
    wake_now(op);
    dbk_op_unref(op); /* the task's */
}

void dbk_op_wake(dbk_op *op) {
    DBK_ASSERT(dbk_lane_on(op->lane));
    if (!dbk_lane_in_sink(op->lane)) {
        wake_now(op);
    } else if (!op->wake_posted) {
        op->wake_posted = true;
        (void)dbk_op_ref(op);
        op->wake_task.run = wake_task;
        dbk_lane_post(op->lane, &op->wake_task);
    }
}
