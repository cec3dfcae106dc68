/* From the queue to the server: one POST at a time, never more often than the settings say. */
#include "telemetry/request.h"

#include <inttypes.h>

#define POST_MAX        (512u * 1024u)
#define LONG_PAUSE_MS   1000u /* a server that asks for more is left alone: the breaker hears of it */
#define ASK_AGAIN_MS    100u /* another queue asks for the flag */
#define FIRST_PHASE_MIN 1000u

typedef struct export {
    dbk_op op;       /* first: the machine's functions cast */
    dbk_pipe *p;     /* counted */
    dbk_timer timer; /* of the wait for a full batch */
    dbk_task hurry;
    atomic_bool hurried;
    bool due;
    bool phased; /* the first wait is over */
    dbk_buf body;
    dbk_telemetry_dice dice;
    size_t events;                  /* in body */
    const dbk_telemetry *owner;     /* of the first of them; only compared */
    dbk_telemetry_request *request; /* the last attempt, or the flag's; counted */
    uint32_t attempts;
    uint64_t begun_ms; /* of the first one */
    bool asked;        /* the breaker said GO and heard nothing yet */
    bool fetching;     /* the flag is ours to fetch */
}
export;

enum { EXPORT_GATHER, EXPORT_POST, EXPORT_POSTED, EXPORT_FLAGGED };

static export *export_of(dbk_op *op) {
    return DBK_CONTAINER_OF(op, export, op);
}

/* ---- waiting for a batch ---- */

static void time_passed(dbk_timer *timer) {
    export *x = DBK_CONTAINER_OF(timer, export, timer);
    x->due = true;
    dbk_op_wake(&x->op);
}

static void hurry_task(dbk_task *task) {
    export *x = DBK_CONTAINER_OF(task, export, hurry);
    atomic_store(&x->hurried, false);
    dbk_op_wake(&x->op);
    dbk_op_unref(&x->op);
}

void dbk_telemetry_hurry(dbk_op *op) {
    export *x = export_of(op);
    if (!atomic_exchange(&x->hurried, true)) {
        (void)dbk_op_ref(op);
        x->hurry.run = hurry_task;
        dbk_lane_post(op->lane, &x->hurry);
    }
}

static bool somebody_waits_locked(const dbk_pipe *p) {
    for (dbk_node *n = p->members.head.next; n != &p->members.head; n = n->next) {
        if (DBK_CONTAINER_OF(n, dbk_telemetry, node)->flushing) {
            return true;
        }
    }
    return false;
}

static uint64_t any_number(const export *x) {
    const dbk_clock *clock = dbk_lane_clock(x->op.lane);
    return clock->mono_ns(clock) / 1000 ^ (uint64_t)(uintptr_t)x->p >> 6;
}

/* Many clients that start together do not send together. */
static uint64_t wait_of(export *x) {
    uint64_t interval = x->p->rules.flush_ms;
    bool first = !x->phased && interval >= FIRST_PHASE_MIN;
    x->phased = true;
    return first ? any_number(x) % interval : interval;
}

/* Is it time for the next batch? Else the timer of the wait runs. */
static bool is_due(export *x, bool *flushing) {
    dbk_pipe *p = x->p;
    dbk_mutex_lock(&p->lock);
    *flushing = somebody_waits_locked(p);
    bool due = x->due || *flushing || p->queued >= p->rules.batch_size;
    dbk_mutex_unlock(&p->lock);
    if (!due && x->timer.lane == NULL) {
        due = !dbk_timer_start(x->op.lane, &x->timer, wait_of(x), time_passed);
    }
    return due;
}

/* Nothing to do and nobody can give us something: the next event starts another export. */
static bool leave_if_empty(export *x) {
    dbk_pipe *p = x->p;
    dbk_mutex_lock(&p->lock);
    bool empty = dbk_list_empty(&p->queue);
    if (empty && p->exporter == &x->op) {
        p->exporter = NULL;
    }
    dbk_mutex_unlock(&p->lock);
    return empty;
}

/* ---- a batch ---- */

dbk_status dbk_telemetry_begin_body(int64_t wall_ms, dbk_buf *out, dbk_error *err) {
    return dbk_buf_putf(out, err, "{\"uploadTime\":%" PRId64 ",\"items\":[],\"protoLogs\":[",
                        wall_ms);
}

static dbk_telemetry_item *pop(dbk_pipe *p) {
    dbk_mutex_lock(&p->lock);
    dbk_node *node = dbk_list_pop_front(&p->queue);
    p->queued -= node != NULL ? 1 : 0;
    dbk_mutex_unlock(&p->lock);
    return node != NULL ? DBK_CONTAINER_OF(node, dbk_telemetry_item, node) : NULL;
}

static void push_back_in_front(dbk_pipe *p, dbk_telemetry_item *item) {
    dbk_mutex_lock(&p->lock);
    dbk_node *first = p->queue.head.next;
    item->node.prev = &p->queue.head;
    item->node.next = first;
    first->prev = &item->node;
    p->queue.head.next = &item->node;
    p->queued++;
    dbk_mutex_unlock(&p->lock);
}

/* Appends the event; *full: it found no room and is to come again. */
static dbk_status add_event(export *x, const dbk_telemetry_item *item, bool *full, dbk_error *err) {
    dbk_status st = DBK_OK;
    size_t before = x->body.len;
    if (x->events > 0) {
        DBK_TRY(dbk_buf_putc(&x->body, ',', err));
    } else {
        x->owner = item->owner;
    }
    DBK_TRY(dbk_telemetry_write(item, &x->dice, &x->body, err));
    *full = x->events > 0 && x->body.len > POST_MAX;
    if (*full) {
        x->body.len = before;
    }
done:
    return st;
}

static dbk_status take_batch(export *x, dbk_error *err) {
    dbk_status st = DBK_OK;
    bool full = false;
    dbk_telemetry_item *item = NULL;
    dbk_buf_clear(&x->body);
    x->events = 0;
    DBK_TRY(dbk_telemetry_begin_body(dbk_clock_wall_ms(dbk_lane_clock(x->op.lane)), &x->body, err));
    while (!full && x->events < x->p->rules.batch_size && (item = pop(x->p)) != NULL) {
        st = add_event(x, item, &full, err);
        if (full) {
            push_back_in_front(x->p, item);
            break;
        }
        dbk_telemetry_item_free(item);
        x->events++; /* also of a lost one: it is counted */
        DBK_TRY(st);
    }
    DBK_TRY(dbk_buf_puts(&x->body, "]}", err));
done:
    return st;
}

/* Drops what would be the next batch without writing it. */
static void drop_batch(export *x, dbk_breaker_count why) {
    uint64_t dropped = 0;
    dbk_telemetry_item *item = NULL;
    while (dropped < x->p->rules.batch_size && (item = pop(x->p)) != NULL) {
        dbk_telemetry_item_free(item);
        dropped++;
    }
    dbk_pipe_count(x->p, why, dropped);
}

static dbk_step lost(export *x, dbk_breaker_count why) {
    if (x->asked) {
        dbk_breaker_gave_up(x->p->host);
        x->asked = false;
    }
    dbk_error_reset(&x->op.err);
    dbk_pipe_count(x->p, why, x->events);
    x->events = 0;
    return dbk_op_goto(&x->op, EXPORT_GATHER);
}

static dbk_step begin_batch(export *x) {
    dbk_pipe *p = x->p;
    dbk_breaker_answer answer = DBK_BREAKER_GO;
    if (p->rules.breaker_enabled) {
        answer = dbk_breaker_ask(p->host, dbk_lane_now_ms(x->op.lane));
    }
    if (answer == DBK_BREAKER_DROP) {
        drop_batch(x, DBK_COUNT_OPEN);
        return dbk_op_goto(&x->op, EXPORT_GATHER);
    }
    if (answer == DBK_BREAKER_WAIT) {
        return dbk_op_wait_ms(&x->op, ASK_AGAIN_MS, EXPORT_GATHER);
    }
    x->asked = p->rules.breaker_enabled;
    if (take_batch(x, &x->op.err) != DBK_OK || x->events == 0) {
        return lost(x, DBK_COUNT_FULL);
    }
    x->attempts = 0;
    x->begun_ms = dbk_lane_now_ms(x->op.lane);
    return dbk_op_goto(&x->op, EXPORT_POST);
}

/* ---- the server's flag ---- */

static void set_request(export *x, dbk_telemetry_request *takes_request) {
    if (x->request != NULL) {
        dbk_op_unref(&x->request->op);
    }
    x->request = takes_request;
}

static dbk_step fetch_flag(export *x) {
    dbk_telemetry_request *r = NULL;
    dbk_telemetry *t = dbk_pipe_speaker(x->p, NULL);
    dbk_status st = DBK_INTERNAL;
    if (t != NULL) {
        st = dbk_telemetry_request_new(t, "GET", dbk_str_slice(&x->p->flag.url), NULL, &r,
                                       &x->op.err);
    }
    dbk_telemetry_unref(t);
    if (st != DBK_OK) {
        dbk_error_reset(&x->op.err);
        dbk_flag_failed(&x->p->flag, dbk_lane_now_ms(x->op.lane));
        return dbk_op_goto(&x->op, EXPORT_GATHER);
    }
    set_request(x, r);
    x->fetching = true;
    return dbk_op_try_op(&x->op, &r->op, EXPORT_FLAGGED);
}

static dbk_step export_flagged(dbk_op *op) {
    export *x = export_of(op);
    const dbk_telemetry_request *r = x->request;
    uint64_t now = dbk_lane_now_ms(op->lane);
    x->fetching = false;
    if (r->op.status == DBK_OK && r->status == 200) {
        dbk_flag_came(&x->p->flag, dbk_buf_slice(&r->answer), now);
    } else {
        DBK_LOG(DEBUG, NULL, "telemetry: the server's flags could not be read, HTTP %d", r->status);
        dbk_flag_failed(&x->p->flag, now);
    }
    return dbk_op_goto(op, EXPORT_GATHER);
}

/* May events leave? False: *step says what comes first. */
static bool is_wanted(export *x, bool flushing, dbk_step *step) {
    bool fetch = false;
    if (x->p->flag.url.ptr == NULL) {
        return true;
    }
    dbk_flag_answer answer = dbk_flag_ask(&x->p->flag, dbk_lane_now_ms(x->op.lane), &fetch);
    if (fetch && flushing && answer != DBK_FLAG_WAIT) { /* nobody waits for a newer answer */
        dbk_flag_gave_up(&x->p->flag);
        fetch = false;
    }
    if (fetch) {
        *step = fetch_flag(x);
        return false;
    }
    if (answer == DBK_FLAG_OFF) {
        drop_batch(x, DBK_COUNT_OFF);
        *step = dbk_op_goto(&x->op, EXPORT_GATHER);
    } else if (answer == DBK_FLAG_WAIT) {
        *step = dbk_op_wait_ms(&x->op, ASK_AGAIN_MS, EXPORT_GATHER);
    }
    return answer == DBK_FLAG_ON;
}

/* ---- the machine ---- */

static dbk_step export_gather(dbk_op *op) {
    export *x = export_of(op);
    bool flushing = false;
    dbk_step step = DBK_STEP_DONE;
    dbk_pipe_tell_idle(x->p);
    if (leave_if_empty(x)) {
        dbk_timer_stop(&x->timer);
        return dbk_op_finish(op, DBK_OK);
    }
    bool due = is_due(x, &flushing);
    if (!is_wanted(x, flushing, &step)) {
        return step;
    }
    if (!due) {
        return dbk_op_wait_wake(op, EXPORT_GATHER);
    }
    dbk_timer_stop(&x->timer);
    x->due = false;
    return begin_batch(x);
}

static dbk_step export_post(dbk_op *op) {
    export *x = export_of(op);
    dbk_telemetry_request *r = NULL;
    dbk_status st = DBK_INTERNAL;
    dbk_telemetry *t = dbk_pipe_speaker(x->p, x->owner);
    if (t != NULL) {
        st =
            dbk_telemetry_request_new(t, "POST", dbk_str_slice(&x->p->url), &x->body, &r, &op->err);
    }
    dbk_telemetry_unref(t);
    if (st != DBK_OK) { /* the batch is lost, what comes later may not be */
        return lost(x, DBK_COUNT_FULL);
    }
    set_request(x, r);
    x->attempts++;
    return dbk_op_try_op(op, &r->op, EXPORT_POSTED);
}

static bool may_repeat(const export *x, uint64_t pause_ms) {
    int status = x->request->status;
    bool passing = status == 0 || status == 408 || status == 429 || status >= 500;
    return passing && x->attempts <= x->p->rules.max_retries &&
           x->request->retry_after_ms <= LONG_PAUSE_MS &&
           dbk_lane_now_ms(x->op.lane) + pause_ms - x->begun_ms < x->p->rules.close_ms;
}

/* Up to a quarter more, so that many clients do not come back together. */
static uint64_t pause_of(const export *x) {
    uint64_t delay = x->p->rules.retry_delay_ms;
    return delay + any_number(x) % (delay / 4 + 1);
}

static void batch_failed(export *x) {
    DBK_LOG(DEBUG, NULL, "telemetry: %zu events are lost, HTTP %d after %u attempts", x->events,
            x->request->status, x->attempts);
    dbk_pipe_count(x->p, DBK_COUNT_FAILED, x->events);
    dbk_pipe_count(x->p, DBK_COUNT_FAILED_EXPORTS, 1);
    if (x->asked) {
        dbk_breaker_failed(x->p->host, &x->p->rules.breaker, dbk_lane_now_ms(x->op.lane),
                           x->request->retry_after_ms);
    }
}

static dbk_step export_posted(dbk_op *op) {
    export *x = export_of(op);
    uint64_t pause = pause_of(x);
    bool taken = dbk_telemetry_request_worked(x->request);
    if (!taken && may_repeat(x, pause)) {
        return dbk_op_wait_ms(op, pause, EXPORT_POST);
    }
    dbk_pipe_count(x->p, DBK_COUNT_EXPORTS, 1);
    if (taken) {
        dbk_pipe_count(x->p, DBK_COUNT_SENT, x->events);
    } else {
        batch_failed(x);
    }
    if (taken && x->asked) {
        dbk_breaker_worked(x->p->host);
    }
    x->asked = false;
    x->events = 0;
    return dbk_op_goto(op, EXPORT_GATHER);
}

static void export_cancelled(dbk_op *op) {
    export *x = export_of(op);
    dbk_timer_stop(&x->timer);
    if (x->asked) {
        dbk_breaker_gave_up(x->p->host);
    }
    if (x->fetching) {
        dbk_flag_gave_up(&x->p->flag);
    }
    dbk_mutex_lock(&x->p->lock);
    uint64_t waiting =
        x->p->queued; /* freed with the queue; also what came back out of a full batch */
    x->p->queued = 0;
    x->p->dead = true;
    x->p->exporter = NULL;
    dbk_mutex_unlock(&x->p->lock);
    dbk_pipe_count(x->p, DBK_COUNT_FAILED, x->events + waiting);
}

static void export_destroy(dbk_op *op) {
    export *x = export_of(op);
    set_request(x, NULL);
    dbk_buf_reset(&x->body);
    dbk_pipe_unref(x->p);
    dbk_free(x);
}

static const dbk_state export_states[] = {
    [EXPORT_GATHER] = {"gather", export_gather,
                       DBK_TO(EXPORT_GATHER) | DBK_TO(EXPORT_POST) | DBK_TO(EXPORT_FLAGGED)},
    [EXPORT_POST] = {"post", export_post, DBK_TO(EXPORT_POSTED) | DBK_TO(EXPORT_GATHER)},
    [EXPORT_POSTED] = {"posted", export_posted, DBK_TO(EXPORT_POST) | DBK_TO(EXPORT_GATHER)},
    [EXPORT_FLAGGED] = {"flagged", export_flagged, DBK_TO(EXPORT_GATHER)},
};
static const dbk_machine export_machine = {"telemetry export", export_states, 4, export_cancelled,
                                           export_destroy};

dbk_status dbk_telemetry_export_new(dbk_pipe *p, dbk_op **out, dbk_error *err) {
    export *x = dbk_alloc_zero(sizeof *x);
    if (x == NULL) {
        return dbk_error_oom(err, "telemetry");
    }
    dbk_op_init(&x->op, &export_machine, p->lane);
    x->p = dbk_pipe_ref(p);
    atomic_init(&x->hurried, false);
    *out = &x->op;
    return DBK_OK;
}
