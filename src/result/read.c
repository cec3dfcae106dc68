/* The operation behind a read that does not block: it parks until the stream has something to say. */
#include "result/stream.h"

typedef struct reading {
    dbk_op op;     /* first: the machine's functions cast */
    dbk_stream *s; /* counted */
    bool schema_only;
    bool in_place;
    dbk_placed placed;
    dbk_batch *batch;   /* counted: what was read; NULL: the end */
    dbk_schema *schema; /* borrowed of the stream */
    dbk_stream_watcher watcher;
    dbk_task wake_task;
    atomic_bool wake_posted;
} reading;

enum { READ_TRY };

static reading *reading_of(dbk_op *op) {
    return DBK_CONTAINER_OF(op, reading, op);
}

static void go_on(dbk_task *task) {
    reading *r = DBK_CONTAINER_OF(task, reading, wake_task);
    atomic_store(&r->wake_posted, false);
    dbk_op_wake(&r->op);
    dbk_op_unref(&r->op); /* the task's */
}

/* Under the stream's lock, any thread. The task runs after the state that parks has returned. */
static void stream_changed(dbk_stream_watcher *w) {
    reading *r = DBK_CONTAINER_OF(w, reading, watcher);
    if (!atomic_exchange(&r->wake_posted, true)) {
        (void)dbk_op_ref(&r->op);
        r->wake_task.run = go_on;
        dbk_lane_post(r->op.lane, &r->wake_task);
    }
}

static void watch(reading *r, bool on) {
    dbk_mutex_lock(&r->s->shared.lock);
    r->s->shared.watcher = on ? &r->watcher : NULL;
    dbk_mutex_unlock(&r->s->shared.lock);
}

/* Watches before it looks: what changes in between wakes it. */
static dbk_step read_try(dbk_op *op) {
    reading *r = reading_of(op);
    bool would_block = false;
    watch(r, true);
    dbk_status st = dbk_stream_try_schema(r->s, &r->schema, &would_block, &op->err);
    if (st == DBK_OK && !would_block && r->in_place) {
        st = dbk_stream_try_place(r->s, r->schema, &r->placed, &r->batch, &would_block, &op->err);
    } else if (st == DBK_OK && !would_block && !r->schema_only) {
        st = dbk_stream_try_next(r->s, &r->batch, &would_block, &op->err);
    }
    if (st == DBK_OK && would_block) {
        return dbk_op_wait_wake(op, READ_TRY);
    }
    watch(r, false);
    return dbk_op_finish(op, st);
}

static void read_cancelled(dbk_op *op) {
    watch(reading_of(op), false);
}

static void read_destroy(dbk_op *op) {
    reading *r = reading_of(op);
    dbk_batch_unref(r->batch);
    dbk_placed_reset(&r->placed);
    dbk_stream_unref(r->s);
    dbk_free(r);
}

static const dbk_state read_states[] = {[READ_TRY] = {"try", read_try, DBK_TO(READ_TRY)}};
static const dbk_machine read_machine = {"read", read_states, 1, read_cancelled, read_destroy};

dbk_status dbk_stream_read_new(dbk_stream *s, dbk_lane *lane, bool schema_only, dbk_op **out,
                               dbk_error *err) {
    reading *r = dbk_alloc_zero(sizeof *r);
    if (r == NULL) {
        return dbk_error_oom(err, "a read");
    }
    dbk_op_init(&r->op, &read_machine, lane);
    r->s = dbk_stream_ref(s);
    r->schema_only = schema_only;
    r->watcher.changed = stream_changed;
    atomic_init(&r->wake_posted, false);
    *out = &r->op;
    return DBK_OK;
}

dbk_batch *dbk_stream_read_take(dbk_op *op, dbk_schema **schema) {
    reading *r = reading_of(op);
    dbk_batch *batch = r->batch;
    r->batch = NULL;
    *schema = r->schema;
    return batch;
}

void dbk_stream_read_in_place(dbk_op *op) {
    reading_of(op)->in_place = true;
}

bool dbk_stream_read_take_placed(dbk_op *op, dbk_placed *out) {
    reading *r = reading_of(op);
    *out = r->placed;
    r->placed = (dbk_placed){0};
    return out->len > 0;
}

void dbk_stream_observe(dbk_stream *s, dbk_stream_watcher *observer) {
    dbk_mutex_lock(&s->shared.lock);
    s->shared.observer = observer;
    dbk_mutex_unlock(&s->shared.lock);
}

void dbk_stream_follow(dbk_stream *s, dbk_stream_watcher *follower) {
    dbk_mutex_lock(&s->shared.lock);
    s->shared.follower = follower;
    dbk_mutex_unlock(&s->shared.lock);
}
