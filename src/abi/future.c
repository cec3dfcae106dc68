#include "abi/loop.h"

/* ---- life ---- */

static void drop_result(dbk_future *f) {
    dbk_session_unref(f->session);
    dbk_exec_unref(f->executed);
    dbk_stream_unref(f->stream);
    dbk_batch_unref(f->batch);
    dbk_schema_unref(f->schema);
    dbk_buf_reset(&f->ipc);
    dbk_placed_reset(&f->placed);
    f->session = NULL;
    f->executed = NULL;
    f->stream = NULL;
    f->batch = NULL;
    f->schema = NULL;
}

void dbk_future_drop(dbk_future *f) {
    if (atomic_fetch_sub_explicit(&f->refs, 1, memory_order_acq_rel) != 1) {
        return;
    }
    if (!f->orphan) { /* it never was the caller's */
        dbk_mutex_lock(&f->loop->lock);
        f->loop->live--;
        dbk_mutex_unlock(&f->loop->lock);
    }
    drop_result(f);
    dbk_exec_unref(f->exec);
    dbk_error_reset(&f->err);
    dbk_loop_unref(f->loop);
    dbk_free(f);
}

bool dbk_start_ok(const dbk_start *start, const char *function) {
    if (!dbk_loop_ok(start->loop, function)) {
        return false;
    }
    if (start->cb == NULL && start->out == NULL) {
        (void)dbk_abi_refuse("%s: without a callback out must not be null", function);
        return false;
    }
    return true;
}

dbk_status dbk_future_new(const dbk_start *start, const dbk_future_kind *kind, dbk_future **out,
                          dbk_error *err) {
    dbk_future *f = dbk_alloc_zero(sizeof *f);
    if (f == NULL) {
        return dbk_error_oom(err, "an operation");
    }
    atomic_init(&f->refs, 1);
    atomic_init(&f->done, false);
    f->kind = kind;
    f->loop = dbk_loop_ref(start->loop);
    f->cb = start->cb;
    f->user_data = start->user_data;
    dbk_mutex_lock(&f->loop->lock);
    f->loop->live++;
    dbk_mutex_unlock(&f->loop->lock);
    *out = f;
    return DBK_OK;
}

/* ---- the end of the operation: on its lane ---- */

/* Under the loop's lock; what it took away from f is given back without the lock. */
static void become_done_locked(dbk_future *f) {
    if (f->exec != NULL && !dbk_exec_copy_id(f->exec, f->query_id, sizeof f->query_id)) {
        f->query_id[0] = '\0';
    }
    f->op = NULL;
    f->exec = NULL;
    f->handle = NULL;
    atomic_store_explicit(&f->done, true, memory_order_release);
    if (!f->orphan) {
        dbk_list_push_back(&f->loop->ready, &f->node);
        f->loop->ready_count++;
    }
    dbk_loop_tell_locked(f->loop);
}

static void finish(dbk_future *f, dbk_op *op, dbk_status ran) {
    dbk_exec *exec = f->exec;
    dbk_handle *handle = f->handle;
    f->status = f->kind->finish != NULL ? f->kind->finish(f, op, ran) : ran;
    if (handle != NULL) { /* before anybody can see that it is done */
        dbk_handle_end(handle);
    }
    dbk_mutex_lock(&f->loop->lock);
    bool orphan = f->orphan;
    become_done_locked(f);
    dbk_mutex_unlock(&f->loop->lock);
    if (orphan) {
        drop_result(f);
    }
    dbk_exec_unref(exec);
    dbk_op_unref(op);
    dbk_future_drop(f); /* the operation's */
    if (orphan) {
        dbk_background_end(); /* what follows from its end has begun */
    }
}

static void ended(dbk_op *op, void *ctx) {
    dbk_future *f = ctx;
    if (op->status != DBK_OK) {
        dbk_error_move(&f->err, &op->err);
    }
    finish(f, op, op->status);
}

void dbk_future_launch(dbk_future *f, const dbk_start *start, dbk_op *takes_op, dbk_handle *h) {
    if (start->out != NULL) {
        *start->out = f;
    }
    (void)atomic_fetch_add(&f->refs, 1); /* the operation's */
    if (takes_op == NULL) {
        finish(f, NULL, DBK_OK);
        return;
    }
    if (h != NULL) {
        dbk_handle_begin(h, takes_op);
        f->handle = h;
    }
    f->op = takes_op;
    dbk_op_start(takes_op, ended, f);
}

/* ---- looking at it ---- */

bool dbk_future_done(const dbk_future *future) {
    return future != NULL && atomic_load_explicit(&future->done, memory_order_acquire);
}

static bool done_ok(const dbk_future *future, const char *function) {
    (void)dbk_abi_begin();
    if (future == NULL) {
        (void)dbk_abi_refuse("%s: future must not be null", function);
        return false;
    }
    if (!dbk_future_done(future)) {
        (void)dbk_abi_refuse("%s: the operation is not done", function);
        return false;
    }
    return true;
}

KernelStatusCode dbk_future_status(const dbk_future *future) {
    return done_ok(future, "dbk_future_status") ? dbk_abi_end(future->status) : dbk_abi_code();
}

bool dbk_future_error(const dbk_future *future, KernelError *out) {
    return dbk_future_done(future) && dbk_abi_show_error(&future->err, out);
}

bool dbk_future_error_info(const dbk_future *future, dbk_error_info *out) {
    return dbk_future_done(future) && dbk_abi_show_info(&future->err, out);
}

bool dbk_future_query_id(const dbk_future *future, char *buf, size_t size) {
    bool known = false;
    if (future == NULL || buf == NULL || future->loop->epoch != dbk_process_epoch()) {
        return false;
    }
    dbk_mutex_lock(&future->loop->lock);
    if (future->exec != NULL) {
        known = dbk_exec_copy_id(future->exec, buf, size);
    } else if (future->query_id[0] != '\0' && strlen(future->query_id) < size) {
        memcpy(buf, future->query_id, strlen(future->query_id) + 1);
        known = true;
    }
    dbk_mutex_unlock(&future->loop->lock);
    return known;
}

/* ---- ending it ---- */

/* The running operation, counted; NULL: it is done. */
static dbk_op *running(const dbk_future *f) {
    dbk_mutex_lock(&f->loop->lock);
    dbk_op *op = f->op != NULL ? dbk_op_ref(f->op) : NULL;
    dbk_mutex_unlock(&f->loop->lock);
    return op;
}

static bool future_ok(const dbk_future *future, const char *function) {
    (void)dbk_abi_begin();
    if (future == NULL) {
        (void)dbk_abi_refuse("%s: future must not be null", function);
        return false;
    }
    return dbk_loop_ok(future->loop, function);
}

KernelStatusCode dbk_future_cancel(dbk_future *future) {
    if (!future_ok(future, "dbk_future_cancel")) {
        return dbk_abi_code();
    }
    dbk_op *op = running(future);
    if (op != NULL) {
        dbk_op_cancel(op);
        dbk_op_unref(op);
    }
    return KernelStatusCode_Success;
}

KernelStatusCode dbk_future_set_deadline_ms(dbk_future *future, uint64_t ms) {
    if (!future_ok(future, "dbk_future_set_deadline_ms")) {
        return dbk_abi_code();
    }
    dbk_op *op = running(future);
    if (op != NULL) {
        dbk_op_limit(op, ms);
        dbk_op_unref(op);
    }
    return KernelStatusCode_Success;
}

static bool is_done(const void *ctx) {
    return dbk_future_done(ctx);
}

KernelStatusCode dbk_future_wait(dbk_future *future, int timeout_ms) {
    if (!future_ok(future, "dbk_future_wait")) {
        return dbk_abi_code();
    }
    dbk_loop *loop = future->loop;
    if (loop->lane != NULL && dbk_lane_on_any()) {
        return dbk_abi_refuse("dbk_future_wait: called from a callback of an embedded loop");
    }
    dbk_mutex_lock(&loop->lock);
    bool done = dbk_loop_wait_locked(loop, timeout_ms, is_done, future);
    dbk_mutex_unlock(&loop->lock);
    if (done) {
        return KernelStatusCode_Success;
    }
    return dbk_abi_end(dbk_error_set(dbk_abi_begin(), DBK_TIMEOUT,
                                     "dbk_future_wait: not done after %d ms", timeout_ms));
}

void dbk_future_free(dbk_future *future) {
    (void)dbk_abi_begin();
    if (future == NULL || future->loop->epoch != dbk_process_epoch()) {
        return; /* a fork's child leaves what the parent's threads work on alone */
    }
    dbk_loop *loop = future->loop;
    dbk_mutex_lock(&loop->lock);
    future->orphan = true;
    loop->live--;
    if (!dbk_future_done(future)) {
        dbk_background_begin(); /* until the operation has ended */
    }
    if (dbk_node_linked(&future->node)) {
        dbk_node_unlink(&future->node);
        loop->ready_count--;
        dbk_loop_settle_locked(loop);
    }
    dbk_op *op = future->op != NULL ? dbk_op_ref(future->op) : NULL;
    bool done = dbk_future_done(future);
    dbk_mutex_unlock(&loop->lock);
    if (op != NULL) {
        dbk_op_cancel(op);
        dbk_op_unref(op);
    }
    if (done) {
        drop_result(future);
    }
    dbk_future_drop(future);
}

/* ---- results ---- */

/* The future holds this result, which was not taken yet; else the last error says why not. */
static bool may_take(dbk_future *f, dbk_result_kind result, const void *out, const char *function) {
    if (!done_ok(f, function)) {
        return false;
    }
    if (out == NULL) {
        (void)dbk_abi_refuse("%s: out must not be null", function);
    } else if (f->kind->result != result) {
        (void)dbk_abi_refuse("%s: not a result of %s", function, f->kind->name);
    } else if (f->status != DBK_OK) {
        dbk_error_copy(dbk_abi_begin(), &f->err);
    } else if (f->taken) {
        (void)dbk_abi_refuse("%s: the result was taken before", function);
    } else {
        f->taken = true;
        return true;
    }
    return false;
}

KernelStatusCode dbk_future_take_session(dbk_future *future, kernel_session_t **out) {
    if (!may_take(future, DBK_RESULT_SESSION, (const void *)out, "dbk_future_take_session")) {
        return dbk_abi_code();
    }
    kernel_session_t *handle = dbk_alloc_zero(sizeof *handle);
    if (handle == NULL) {
        future->taken = false;
        return dbk_abi_end(dbk_error_oom(dbk_abi_begin(), "a session"));
    }
    handle->session = future->session;
    future->session = NULL;
    *out = handle;
    return KernelStatusCode_Success;
}

KernelStatusCode dbk_future_take_executed(dbk_future *future, kernel_executed_statement_t **out) {
    if (!may_take(future, DBK_RESULT_EXECUTED, (const void *)out, "dbk_future_take_executed")) {
        return dbk_abi_code();
    }
    dbk_exec *exec = future->executed;
    future->executed = NULL;
    return dbk_abi_end(dbk_abi_new_executed(exec, out, dbk_abi_begin()));
}

KernelStatusCode dbk_future_take_async(dbk_future *future,
                                       kernel_executed_async_statement_t **out) {
    if (!may_take(future, DBK_RESULT_ASYNC, (const void *)out, "dbk_future_take_async")) {
        return dbk_abi_code();
    }
    dbk_exec *exec = future->executed;
    future->executed = NULL;
    return dbk_abi_end(dbk_abi_new_async(exec, out, dbk_abi_begin()));
}

KernelStatusCode dbk_future_take_stream(dbk_future *future, kernel_result_stream_t **out) {
    if (!may_take(future, DBK_RESULT_STREAM, (const void *)out, "dbk_future_take_stream")) {
        return dbk_abi_code();
    }
    dbk_stream *stream = future->stream;
    future->stream = NULL;
    return dbk_abi_end(dbk_abi_new_stream(stream, NULL, future->session, out, dbk_abi_begin()));
}

KernelStatusCode dbk_future_take_batch(dbk_future *future, struct ArrowArray *out_array,
                                       struct ArrowSchema *out_schema) {
    const void *both = out_schema != NULL ? out_array : NULL;
    if (!may_take(future, DBK_RESULT_BATCH, both, "dbk_future_take_batch")) {
        return dbk_abi_code();
    }
    dbk_status st = dbk_abi_export_batch(future->batch, out_array, out_schema, dbk_abi_begin());
    future->taken = st == DBK_OK; /* without memory it may be tried again */
    return dbk_abi_end(st);
}

KernelStatusCode dbk_future_take_schema(dbk_future *future, struct ArrowSchema *out) {
    if (!may_take(future, DBK_RESULT_SCHEMA, out, "dbk_future_take_schema")) {
        return dbk_abi_code();
    }
    return dbk_abi_end(dbk_schema_export(future->schema, out, dbk_abi_begin()));
}

static void release_buffer(dbk_buffer *buffer) {
    dbk_free(buffer->private_data);
    *buffer = (dbk_buffer){0};
}

static void release_placed(dbk_buffer *buffer) {
    dbk_placed placed = {.block = buffer->private_data};
    dbk_placed_reset(&placed);
    *buffer = (dbk_buffer){0};
}

KernelStatusCode dbk_future_take_ipc(dbk_future *future, dbk_buffer *out) {
    if (!may_take(future, DBK_RESULT_IPC, out, "dbk_future_take_ipc")) {
        return dbk_abi_code();
    }
    dbk_buf ipc = dbk_buf_take(&future->ipc);
    *out = (dbk_buffer){0};
    if (future->placed.len > 0) {
        const dbk_placed *p = &future->placed;
        *out = (dbk_buffer){p->data, p->len, release_placed, p->block};
        future->placed = (dbk_placed){0};
    } else if (ipc.len > 0) {
        *out = (dbk_buffer){(const uint8_t *)ipc.ptr, ipc.len, release_buffer, ipc.ptr};
    }
    return KernelStatusCode_Success;
}

KernelStatusCode dbk_future_take_state(dbk_future *future, KernelStatementStatusKind *out) {
    if (!may_take(future, DBK_RESULT_STATE, out, "dbk_future_take_state")) {
        return dbk_abi_code();
    }
    *out = dbk_abi_state(future->state);
    return KernelStatusCode_Success;
}

KernelStatusCode dbk_future_take_dispatched(dbk_future *future, bool *out) {
    if (!may_take(future, DBK_RESULT_DISPATCHED, out, "dbk_future_take_dispatched")) {
        return dbk_abi_code();
    }
    *out = future->dispatched;
    return KernelStatusCode_Success;
}
