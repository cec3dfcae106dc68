#include "abi/loop.h"

/* The starters of dbkernel_async.h: each checks as its blocking sister does, prepares the same operation of
 * the rooms below and launches a future with it. */

/* ---- session ---- */

static dbk_status opened(dbk_future *f, dbk_op *op, dbk_status ran) {
    (void)op;
    if (ran != DBK_OK) {
        dbk_session_unref(f->session);
        f->session = NULL;
    }
    return ran;
}

KernelStatusCode dbk_session_open_start(dbk_loop *loop, KernelSessionConfig *config,
                                        dbk_future_cb cb, void *user_data, dbk_future **out) {
    static const dbk_future_kind kind = {"dbk_session_open_start", DBK_RESULT_SESSION, opened};
    dbk_start start = {loop, cb, user_data, out};
    dbk_future *f = NULL;
    dbk_op *op = NULL;
    if (!dbk_start_ok(&start, kind.name)) {
        kernel_session_config_free(config);
        return dbk_abi_code();
    }
    if (config == NULL) {
        return dbk_abi_refuse("dbk_session_open_start: config must not be null");
    }
    dbk_error *err = dbk_abi_begin();
    dbk_status st = dbk_future_new(&start, &kind, &f, err);
    if (st == DBK_OK) {
        st = dbk_session_prepare(&config->config, loop->runtime, &f->session, &op, err);
    }
    kernel_session_config_free(config);
    if (st == DBK_OK) {
        dbk_future_launch(f, &start, op, NULL);
    } else if (f != NULL) {
        dbk_future_drop(f);
    }
    return dbk_abi_end(st);
}

/* A refusal of the server is no failure of closing. */
static dbk_status closed(dbk_future *f, dbk_op *op, dbk_status ran) {
    (void)op;
    dbk_session_unref(f->session);
    f->session = NULL;
    return ran;
}

KernelStatusCode dbk_session_close_start(dbk_loop *loop, kernel_session_t *session,
                                         dbk_future_cb cb, void *user_data, dbk_future **out) {
    static const dbk_future_kind kind = {"dbk_session_close_start", DBK_RESULT_NONE, closed};
    dbk_start start = {loop, cb, user_data, out};
    dbk_future *f = NULL;
    dbk_op *op = NULL;
    if (!dbk_start_ok(&start, kind.name) || !dbk_abi_session_ok(session, kind.name) ||
        !dbk_loop_carries(loop, dbk_session_runtime(session->session), kind.name)) {
        return dbk_abi_code();
    }
    dbk_error *err = dbk_abi_begin();
    dbk_status st = dbk_future_new(&start, &kind, &f, err);
    if (st != DBK_OK) {
        return dbk_abi_end(st);
    }
    st = dbk_session_close_begin(session->session, &op, err);
    if (st != DBK_OK) {
        dbk_future_drop(f);
        return dbk_abi_end(st);
    }
    f->session = session->session;
    dbk_free(session);
    dbk_future_launch(f, &start, op, NULL);
    return KernelStatusCode_Success;
}

/* ---- statement ---- */

static dbk_status ran_statement(dbk_future *f, dbk_op *op, dbk_status ran) {
    return dbk_statement_finish(dbk_exec_ref(f->exec), dbk_op_ref(op), ran, &f->executed);
}

static KernelStatusCode start_run(const dbk_start *start, kernel_statement_t *stmt,
                                  const dbk_future_kind *kind, dbk_run_kind run) {
    dbk_future *f = NULL;
    dbk_op *op = NULL;
    if (!dbk_start_ok(start, kind->name)) {
        return dbk_abi_code();
    }
    if (stmt == NULL) {
        return dbk_abi_refuse("%s: stmt must not be null", kind->name);
    }
    const dbk_session *session = dbk_statement_session(stmt->statement);
    dbk_error *err = dbk_abi_begin();
    if (!dbk_session_alive(session)) {
        return dbk_abi_end(
            dbk_error_set(err, DBK_INVALID_HANDLE,
                          "%s: the statement belongs to the parent process of a fork", kind->name));
    }
    if (!dbk_loop_carries(start->loop, dbk_session_runtime(session), kind->name) ||
        !dbk_handle_idle(&stmt->handle, kind->name)) {
        return dbk_abi_code();
    }
    dbk_status st = dbk_future_new(start, kind, &f, err);
    if (st != DBK_OK) {
        return dbk_abi_end(st);
    }
    st = dbk_statement_begin(stmt->statement, run, &f->exec, &op, err);
    if (st != DBK_OK) {
        dbk_future_drop(f);
        return dbk_abi_end(st);
    }
    dbk_future_launch(f, start, op, &stmt->handle);
    return KernelStatusCode_Success;
}

KernelStatusCode dbk_statement_execute_start(dbk_loop *loop, kernel_statement_t *stmt,
                                             dbk_future_cb cb, void *user_data, dbk_future **out) {
    static const dbk_future_kind kind = {"dbk_statement_execute_start", DBK_RESULT_EXECUTED,
                                         ran_statement};
    dbk_start start = {loop, cb, user_data, out};
    return start_run(&start, stmt, &kind, DBK_RUN_EXECUTE);
}

KernelStatusCode dbk_statement_submit_start(dbk_loop *loop, kernel_statement_t *stmt,
                                            dbk_future_cb cb, void *user_data, dbk_future **out) {
    static const dbk_future_kind kind = {"dbk_statement_submit_start", DBK_RESULT_ASYNC,
                                         ran_statement};
    dbk_start start = {loop, cb, user_data, out};
    return start_run(&start, stmt, &kind, DBK_RUN_SUBMIT);
}

KernelStatusCode dbk_statement_ask_start(dbk_loop *loop, kernel_statement_t *stmt, dbk_future_cb cb,
                                         void *user_data, dbk_future **out) {
    static const dbk_future_kind kind = {"dbk_statement_ask_start", DBK_RESULT_ASYNC,
                                         ran_statement};
    dbk_start start = {loop, cb, user_data, out};
    return start_run(&start, stmt, &kind, DBK_RUN_ASK);
}

/* ---- cancelling ---- */

/* exec NULL: nothing ran yet, nothing is to be cancelled. Takes exec. */
static KernelStatusCode start_cancel(const dbk_start *start, const dbk_future_kind *kind,
                                     dbk_exec *takes_exec) {
    dbk_future *f = NULL;
    dbk_op *op = NULL;
    dbk_error *err = dbk_abi_begin();
    dbk_status st = dbk_future_new(start, kind, &f, err);
    if (st == DBK_OK && takes_exec != NULL) {
        st = dbk_exec_cancel_begin(takes_exec, &op, err);
    }
    if (st == DBK_OK) {
        f->dispatched = op != NULL;
        f->exec = takes_exec;
        dbk_future_launch(f, start, op, NULL);
        return KernelStatusCode_Success;
    }
    if (f != NULL) {
        dbk_future_drop(f);
    }
    dbk_exec_unref(takes_exec);
    return dbk_abi_end(st);
}

KernelStatusCode dbk_canceller_cancel_start(dbk_loop *loop, kernel_statement_canceller_t *canceller,
                                            dbk_future_cb cb, void *user_data, dbk_future **out) {
    static const dbk_future_kind kind = {"dbk_canceller_cancel_start", DBK_RESULT_DISPATCHED, NULL};
    dbk_start start = {loop, cb, user_data, out};
    if (!dbk_start_ok(&start, kind.name)) {
        return dbk_abi_code();
    }
    if (canceller == NULL) {
        return dbk_abi_refuse("%s: canceller must not be null", kind.name);
    }
    dbk_exec *exec = dbk_canceller_exec(canceller->canceller);
    if (exec != NULL &&
        !dbk_loop_carries(loop, dbk_session_runtime(dbk_exec_session(exec)), kind.name)) {
        dbk_exec_unref(exec);
        return dbk_abi_code();
    }
    return start_cancel(&start, &kind, exec);
}

/* ---- submitted statements ---- */

static bool start_async_ok(const dbk_start *start, const kernel_executed_async_statement_t *async,
                           const dbk_future_kind *kind) {
    return dbk_start_ok(start, kind->name) && dbk_abi_async_ok(async, kind->name) &&
           dbk_loop_carries(start->loop, dbk_session_runtime(dbk_exec_session(async->exec)),
                            kind->name);
}

/* Looks at exec (taken) until what `run` says. */
static KernelStatusCode start_looking(const dbk_start *start, const dbk_future_kind *kind,
                                      dbk_exec *takes_exec, dbk_run_kind run, dbk_handle *h) {
    dbk_future *f = NULL;
    dbk_op *op = NULL;
    dbk_error *err = dbk_abi_begin();
    dbk_status st = dbk_future_new(start, kind, &f, err);
    if (st == DBK_OK) {
        st = dbk_exec_begin(takes_exec, run, &op, err);
    }
    if (st == DBK_OK) {
        f->exec = takes_exec;
        dbk_future_launch(f, start, op, h);
        return KernelStatusCode_Success;
    }
    if (f != NULL) {
        dbk_future_drop(f);
    }
    dbk_exec_unref(takes_exec);
    return dbk_abi_end(st);
}

static void stop_looking(const dbk_future *f, dbk_op *op) {
    if (op != NULL) {
        dbk_exec_finish(f->exec, dbk_op_ref(op));
    }
}

static dbk_status looked(dbk_future *f, dbk_op *op, dbk_status ran) {
    stop_looking(f, op);
    f->state = dbk_exec_state(f->exec);
    return ran;
}

KernelStatusCode dbk_async_poll_start(dbk_loop *loop, kernel_executed_async_statement_t *async,
                                      dbk_future_cb cb, void *user_data, dbk_future **out) {
    static const dbk_future_kind kind = {"dbk_async_poll_start", DBK_RESULT_STATE, looked};
    dbk_start start = {loop, cb, user_data, out};
    if (!start_async_ok(&start, async, &kind) || !dbk_handle_idle(&async->handle, kind.name)) {
        return dbk_abi_code();
    }
    return start_looking(&start, &kind, dbk_exec_ref(async->exec), DBK_RUN_LOOK, &async->handle);
}

KernelStatusCode dbk_async_await_start(dbk_loop *loop, kernel_executed_async_statement_t *async,
                                       dbk_future_cb cb, void *user_data, dbk_future **out) {
    static const dbk_future_kind kind = {"dbk_async_await_start", DBK_RESULT_STATE, looked};
    dbk_start start = {loop, cb, user_data, out};
    if (!start_async_ok(&start, async, &kind) || !dbk_handle_idle(&async->handle, kind.name)) {
        return dbk_abi_code();
    }
    return start_looking(&start, &kind, dbk_exec_ref(async->exec), DBK_RUN_AWAIT, &async->handle);
}

static dbk_status took_result(dbk_future *f, dbk_op *op, dbk_status ran) {
    stop_looking(f, op);
    if (ran == DBK_OK) {
        f->executed = dbk_exec_ref(f->exec);
    }
    return ran;
}

KernelStatusCode dbk_async_take_result_start(dbk_loop *loop,
                                             kernel_executed_async_statement_t *async,
                                             dbk_future_cb cb, void *user_data, dbk_future **out) {
    static const dbk_future_kind kind = {"dbk_async_take_result_start", DBK_RESULT_EXECUTED,
                                         took_result};
    dbk_start start = {loop, cb, user_data, out};
    dbk_exec *exec = NULL;
    if (!start_async_ok(&start, async, &kind) || !dbk_handle_idle(&async->handle, kind.name)) {
        return dbk_abi_code();
    }
    dbk_status st = dbk_abi_untaken(async, &exec, dbk_abi_begin());
    if (st != DBK_OK) {
        return dbk_abi_end(st);
    }
    KernelStatusCode code = start_looking(&start, &kind, exec, DBK_RUN_AWAIT, &async->handle);
    /* Whoever comes next reads another look at it, also when this one fails. */
    async->taken = async->taken || code == KernelStatusCode_Success;
    return code;
}

KernelStatusCode dbk_async_attach_start(dbk_loop *loop, kernel_session_t *session,
                                        const char *query_id, dbk_future_cb cb, void *user_data,
                                        dbk_future **out) {
    static const dbk_future_kind kind = {"dbk_async_attach_start", DBK_RESULT_ASYNC, took_result};
    dbk_start start = {loop, cb, user_data, out};
    dbk_exec *exec = NULL;
    if (!dbk_start_ok(&start, kind.name) || !dbk_abi_session_ok(session, kind.name) ||
        !dbk_loop_carries(loop, dbk_session_runtime(session->session), kind.name) ||
        !dbk_abi_text_ok(query_id, "query_id")) {
        return dbk_abi_code();
    }
    dbk_status st =
        dbk_exec_named(session->session, dbk_slice_of(query_id), NULL, &exec, dbk_abi_begin());
    return st == DBK_OK ? start_looking(&start, &kind, exec, DBK_RUN_LOOK, NULL) : dbk_abi_end(st);
}

KernelStatusCode dbk_async_cancel_start(dbk_loop *loop, kernel_executed_async_statement_t *async,
                                        dbk_future_cb cb, void *user_data, dbk_future **out) {
    static const dbk_future_kind kind = {"dbk_async_cancel_start", DBK_RESULT_DISPATCHED, NULL};
    dbk_start start = {loop, cb, user_data, out};
    if (!start_async_ok(&start, async, &kind)) {
        return dbk_abi_code();
    }
    return start_cancel(&start, &kind, dbk_exec_ref(async->exec));
}

KernelStatusCode dbk_async_end_start(dbk_loop *loop, kernel_executed_async_statement_t *async,
                                     dbk_future_cb cb, void *user_data, dbk_future **out) {
    static const dbk_future_kind kind = {"dbk_async_end_start", DBK_RESULT_NONE, NULL};
    dbk_start start = {loop, cb, user_data, out};
    dbk_future *f = NULL;
    dbk_op *op = NULL;
    if (!start_async_ok(&start, async, &kind)) {
        return dbk_abi_code();
    }
    dbk_error *err = dbk_abi_begin();
    dbk_status st = dbk_future_new(&start, &kind, &f, err);
    if (st != DBK_OK) {
        return dbk_abi_end(st);
    }
    st = dbk_exec_end_begin(async->exec, &op, err);
    if (st != DBK_OK) {
        dbk_future_drop(f);
        return dbk_abi_end(st);
    }
    f->exec = dbk_exec_ref(async->exec);
    dbk_future_launch(f, &start, op, NULL);
    return KernelStatusCode_Success;
}

/* ---- result streams ---- */

static dbk_session *session_of(const kernel_result_stream_t *stream) {
    return stream->exec != NULL ? dbk_exec_session(stream->exec) : stream->session;
}

static KernelStatusCode start_read(const dbk_start *start, kernel_result_stream_t *stream,
                                   const dbk_future_kind *kind, bool schema_only,
                                   size_t merge_bytes) {
    dbk_status st = DBK_OK;
    dbk_future *f = NULL;
    dbk_op *op = NULL;
    dbk_lane *lane = NULL;
    dbk_error *err = dbk_abi_begin();
    DBK_TRY(dbk_future_new(start, kind, &f, err));
    DBK_TRY(dbk_session_reader(session_of(stream), stream->stream, &lane, err));
    DBK_TRY(dbk_stream_read_new(stream->stream, lane, schema_only, &op, err));
    f->merge_bytes = merge_bytes;
    if (merge_bytes > 0 && !schema_only) { /* as many rows as there are */
        dbk_stream_read_in_place(op);
    }
    f->session = dbk_session_ref(session_of(stream)); /* the lane's life */
    dbk_future_launch(f, start, op, &stream->handle);
    f = NULL;
done:
    if (f != NULL) {
        dbk_future_drop(f);
    }
    return dbk_abi_end(st);
}

static bool start_read_ok(const dbk_start *start, kernel_result_stream_t *stream,
                          const dbk_future_kind *kind) {
    if (!dbk_start_ok(start, kind->name)) {
        return false;
    }
    if (stream == NULL) {
        (void)dbk_abi_refuse("%s: stream must not be null", kind->name);
        return false;
    }
    return dbk_abi_check_stream(stream, dbk_abi_begin()) == DBK_OK &&
           dbk_loop_carries(start->loop, dbk_session_runtime(session_of(stream)), kind->name) &&
           dbk_handle_idle(&stream->handle, kind->name);
}

static dbk_status read_batch(dbk_future *f, dbk_op *op, dbk_status ran) {
    dbk_schema *schema = NULL;
    f->batch = dbk_stream_read_take(op, &schema);
    return ran;
}

KernelStatusCode dbk_result_stream_next_start(dbk_loop *loop, kernel_result_stream_t *stream,
                                              dbk_future_cb cb, void *user_data, dbk_future **out) {
    static const dbk_future_kind kind = {"dbk_result_stream_next_start", DBK_RESULT_BATCH,
                                         read_batch};
    dbk_start start = {loop, cb, user_data, out};
    return start_read_ok(&start, stream, &kind) ? start_read(&start, stream, &kind, false, 0)
                                                : dbk_abi_code();
}

static dbk_status read_schema(dbk_future *f, dbk_op *op, dbk_status ran) {
    dbk_schema *schema = NULL;
    (void)dbk_stream_read_take(op, &schema);
    if (ran == DBK_OK) {
        f->schema = dbk_schema_ref(schema);
    }
    return ran;
}

KernelStatusCode dbk_result_stream_schema_start(dbk_loop *loop, kernel_result_stream_t *stream,
                                                dbk_future_cb cb, void *user_data,
                                                dbk_future **out) {
    static const dbk_future_kind kind = {"dbk_result_stream_schema_start", DBK_RESULT_SCHEMA,
                                         read_schema};
    dbk_start start = {loop, cb, user_data, out};
    return start_read_ok(&start, stream, &kind) ? start_read(&start, stream, &kind, true, 0)
                                                : dbk_abi_code();
}

/* Written here, on the lane, while the handle is busy. */
static dbk_status read_ipc(dbk_future *f, dbk_op *op, dbk_status ran) {
    if (ran != DBK_OK || op == NULL) {
        return ran;
    }
    dbk_schema *schema = NULL;
    kernel_result_stream_t *stream = (kernel_result_stream_t *)f->handle;
    dbk_batch *batch = dbk_stream_read_take(op, &schema);
    dbk_status st = dbk_abi_ipc_piece(stream, schema, batch, &f->ipc, &f->err);
    dbk_batch_unref(batch);
    return st;
}

KernelStatusCode dbk_result_stream_next_ipc_start(dbk_loop *loop, kernel_result_stream_t *stream,
                                                  dbk_future_cb cb, void *user_data,
                                                  dbk_future **out) {
    static const dbk_future_kind kind = {"dbk_result_stream_next_ipc_start", DBK_RESULT_IPC,
                                         read_ipc};
    dbk_start start = {loop, cb, user_data, out};
    dbk_future *f = NULL;
    if (!start_read_ok(&start, stream, &kind)) {
        return dbk_abi_code();
    }
    if (!dbk_abi_ipc_ended(stream)) {
        return start_read(&start, stream, &kind, !dbk_abi_ipc_needs_batch(stream), 0);
    }
    dbk_status st = dbk_future_new(&start, &kind, &f, dbk_abi_begin());
    if (st == DBK_OK) {
        dbk_future_launch(f, &start, NULL, NULL);
    }
    return dbk_abi_end(st);
}

/* The batch that was waited for, and those that follow without waiting. An error among these comes
 * again with the next read. */
static dbk_status put_batches(dbk_future *f, dbk_stream *stream, dbk_batch *takes_batch,
                              size_t merge_bytes) {
    dbk_error later = {0};
    dbk_status st = DBK_OK;
    dbk_batch *batch = takes_batch;
    while (st == DBK_OK && batch != NULL) {
        bool would_block = false;
        st = dbk_ipc_write_batch(batch, &f->ipc, &f->err);
        dbk_batch_unref(batch);
        batch = NULL;
        if (st == DBK_OK && f->ipc.len < merge_bytes && !dbk_stream_can_place(stream)) {
            (void)!dbk_stream_try_next(stream, &batch, &would_block, &later);
        }
    }
    dbk_error_reset(&later);
    return st;
}

static dbk_status read_payload(dbk_future *f, dbk_op *op, dbk_status ran) {
    dbk_status st = ran;
    dbk_schema *schema = NULL;
    kernel_result_stream_t *stream = (kernel_result_stream_t *)f->handle;
    if (dbk_stream_read_take_placed(op, &f->placed)) {
        return DBK_OK;
    }
    dbk_batch *batch = dbk_stream_read_take(op, &schema);
    bool schema_only = f->merge_bytes == SIZE_MAX;
    if (st == DBK_OK && (schema_only || batch != NULL)) {
        DBK_TRY(dbk_stream_schema(stream->stream, &schema, &f->err)); /* known: does not wait */
        DBK_TRY(dbk_ipc_write_schema(schema, &f->ipc, &f->err));
        DBK_TRY(put_batches(f, stream->stream, batch, f->merge_bytes));
        batch = NULL;
        DBK_TRY(dbk_ipc_write_end(&f->ipc, &f->err));
    }
done:
    dbk_batch_unref(batch);
    return st;
}

KernelStatusCode dbk_result_stream_next_payload_start(dbk_loop *loop,
                                                      kernel_result_stream_t *stream,
                                                      size_t merge_bytes, dbk_future_cb cb,
                                                      void *user_data, dbk_future **out) {
    static const dbk_future_kind kind = {"dbk_result_stream_next_payload_start", DBK_RESULT_IPC,
                                         read_payload};
    dbk_start start = {loop, cb, user_data, out};
    return start_read_ok(&start, stream, &kind)
               ? start_read(&start, stream, &kind, merge_bytes == SIZE_MAX, merge_bytes)
               : dbk_abi_code();
}

/* ---- catalog calls ---- */

static dbk_status listed(dbk_future *f, dbk_op *op, dbk_status ran) {
    if (ran == DBK_OK) {
        f->stream = dbk_session_metadata_take(op);
    }
    return ran;
}

KernelStatusCode dbk_metadata_list_start(dbk_loop *loop, kernel_session_t *session,
                                         const dbk_catalog_filter *filter, dbk_future_cb cb,
                                         void *user_data, dbk_future **out) {
    static const dbk_future_kind kind = {"dbk_metadata_list_start", DBK_RESULT_STREAM, listed};
    dbk_status st = DBK_OK;
    dbk_start start = {loop, cb, user_data, out};
    dbk_future *f = NULL;
    dbk_op *op = NULL;
    dbk_slice *types = NULL;
    dbk_metadata_request request;
    if (!dbk_start_ok(&start, kind.name) || !dbk_abi_session_ok(session, kind.name) ||
        !dbk_loop_carries(loop, dbk_session_runtime(session->session), kind.name) ||
        !dbk_abi_filter_ok(filter, kind.name)) {
        return dbk_abi_code();
    }
    dbk_error *err = dbk_abi_begin();
    DBK_TRY(dbk_future_new(&start, &kind, &f, err));
    DBK_TRY(dbk_abi_request(filter, &request, &types, err));
    DBK_TRY(dbk_session_metadata_begin(session->session, &request, &op, err));
    f->session = dbk_session_ref(session->session);
    dbk_future_launch(f, &start, op, NULL);
    f = NULL;
done:
    if (f != NULL) {
        dbk_future_drop(f);
    }
    dbk_free(types);
    return dbk_abi_end(st);
}
