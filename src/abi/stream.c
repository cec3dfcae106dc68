#include "abi/abi.h"

#include <unistd.h>

/* Executed statements and result streams, with the rules of stale handles (spec c-abi 2.7, 2.9). */

/* ---- executed statement ---- */

static dbk_status check_exec(const dbk_exec *exec, dbk_error *err) {
    if (!dbk_exec_alive(exec)) {
        return dbk_error_set(err, DBK_INVALID_HANDLE,
                             "executed statement belongs to the parent process of a fork");
    }
    if (dbk_exec_check(exec) == DBK_EXEC_STALE) {
        return dbk_error_set(err, DBK_INVALID_HANDLE,
                             "executed statement was invalidated by a re-execute or close on its "
                             "parent statement; execute again and use the new handle");
    }
    return DBK_OK;
}

dbk_status dbk_abi_new_executed(dbk_exec *takes_exec, kernel_executed_statement_t **out,
                                dbk_error *err) {
    kernel_executed_statement_t *handle = dbk_alloc_zero(sizeof *handle);
    if (handle == NULL) {
        dbk_exec_unref(takes_exec);
        return dbk_error_oom(err, "an executed statement");
    }
    handle->exec = takes_exec;
    *out = handle;
    return DBK_OK;
}

static void free_stream(dbk_handle *h) {
    kernel_result_stream_t *stream = (kernel_result_stream_t *)h;
    dbk_buf_reset(&stream->ipc);
    if (stream->exec == NULL || dbk_exec_alive(stream->exec)) {
        dbk_stream_observe(stream->stream, NULL);
        dbk_stream_unref(stream->stream);
        dbk_exec_unref(stream->exec);
        dbk_session_unref(stream->session);
    }
    if (stream->fds != NULL) {
        (void)close(stream->fds[0]);
        (void)close(stream->fds[1]);
        dbk_free(stream->fds);
    }
    dbk_mutex_destroy(&h->lock);
    dbk_free(stream);
}

dbk_status dbk_abi_new_stream(dbk_stream *takes_s, dbk_exec *exec, dbk_session *session,
                              kernel_result_stream_t **out, dbk_error *err) {
    kernel_result_stream_t *handle = dbk_alloc_zero(sizeof *handle);
    if (handle == NULL) {
        dbk_stream_unref(takes_s);
        return dbk_error_oom(err, "a result stream");
    }
    dbk_handle_init(&handle->handle, free_stream);
    handle->stream = takes_s;
    handle->exec = exec != NULL ? dbk_exec_ref(exec) : NULL;
    handle->session = session != NULL ? dbk_session_ref(session) : NULL;
    *out = handle;
    return DBK_OK;
}

KernelStatusCode kernel_executed_statement_get_result_stream(kernel_executed_statement_t *exec,
                                                             kernel_result_stream_t **out) {
    dbk_error *err = dbk_abi_begin();
    if (exec == NULL) {
        return dbk_abi_refuse("get_result_stream: exec must not be null");
    }
    if (out == NULL) {
        return dbk_abi_refuse("get_result_stream: out must not be null");
    }
    dbk_status st = check_exec(exec->exec, err);
    if (st != DBK_OK) {
        return dbk_abi_end(st);
    }
    if (exec->stream_taken) {
        return dbk_abi_refuse("a result stream has already been taken from this executed "
                              "statement; only one is allowed");
    }
    dbk_stream *stream = dbk_stream_ref(dbk_exec_stream(exec->exec));
    st = dbk_abi_new_stream(stream, exec->exec, NULL, out, err);
    exec->stream_taken = st == DBK_OK;
    return dbk_abi_end(st);
}

int64_t kernel_executed_statement_num_modified_rows(const kernel_executed_statement_t *exec) {
    dbk_error *err = dbk_abi_begin();
    if (exec == NULL) {
        (void)dbk_abi_refuse("kernel_executed_statement_num_modified_rows: exec must not be null");
        return -1;
    }
    return check_exec(exec->exec, err) == DBK_OK ? dbk_exec_modified_rows(exec->exec) : -1;
}

const char *kernel_executed_statement_query_id(const kernel_executed_statement_t *exec) {
    dbk_error *err = dbk_abi_begin();
    if (exec == NULL) {
        (void)dbk_abi_refuse("kernel_executed_statement_query_id: exec must not be null");
        return NULL;
    }
    return check_exec(exec->exec, err) == DBK_OK ? dbk_exec_query_id(exec->exec) : NULL;
}

KernelStatusCode dbk_executed_get_info(const kernel_executed_statement_t *exec,
                                       dbk_executed_info *out) {
    dbk_error *err = dbk_abi_begin();
    if (exec == NULL || out == NULL || out->struct_size < sizeof *out) {
        return dbk_abi_refuse("dbk_executed_get_info: exec and out must be non-null and "
                              "struct_size set");
    }
    dbk_status st = check_exec(exec->exec, err);
    if (st != DBK_OK) {
        return dbk_abi_end(st);
    }
    dbk_exec_facts facts;
    dbk_exec_get_facts(exec->exec, &facts);
    out->retry_count = facts.retry_count;
    out->chunk_count = facts.chunk_count;
    out->total_rows = facts.total_rows;
    out->total_bytes = facts.total_bytes;
    out->truncated = facts.truncated;
    out->has_result_set = facts.has_result_set;
    out->external_links = facts.external_links;
    out->is_staging = facts.volume_operation;
    return KernelStatusCode_Success;
}

KernelStatusCode kernel_executed_statement_close(kernel_executed_statement_t *exec) {
    (void)dbk_abi_begin();
    if (exec == NULL) {
        return dbk_abi_refuse("kernel_executed_statement_close: exec must not be null");
    }
    if (dbk_exec_alive(exec->exec)) {
        dbk_exec_close(exec->exec);
        dbk_exec_unref(exec->exec);
    }
    dbk_free(exec);
    return KernelStatusCode_Success;
}

/* ---- result stream ---- */

dbk_status dbk_abi_check_stream(const kernel_result_stream_t *stream, dbk_error *err) {
    if (stream->lent) {
        return dbk_error_set(
            err, DBK_INVALID_HANDLE,
            "result stream was handed to an ArrowArrayStream, which owns its rows");
    }
    if (stream->exec == NULL) {
        return DBK_OK;
    }
    if (!dbk_exec_alive(stream->exec)) {
        return dbk_error_set(err, DBK_INVALID_HANDLE,
                             "result stream belongs to the parent process of a fork");
    }
    switch (dbk_exec_check(stream->exec)) {
    case DBK_EXEC_VALID:
        return DBK_OK;
    case DBK_EXEC_CLOSED:
        return dbk_error_set(err, DBK_INVALID_HANDLE,
                             "result stream used after its executed statement was closed");
    case DBK_EXEC_STALE:
        break;
    }
    return dbk_error_set(err, DBK_INVALID_HANDLE,
                         "result stream's executed statement was invalidated by a re-execute or "
                         "close on its parent statement; execute again and use the new handle");
}

KernelStatusCode kernel_result_stream_get_schema(kernel_result_stream_t *stream,
                                                 struct ArrowSchema *out) {
    dbk_error *err = dbk_abi_begin();
    if (stream == NULL) {
        return dbk_abi_refuse("kernel_result_stream_get_schema: stream must not be null");
    }
    if (out == NULL) {
        return dbk_abi_refuse("kernel_result_stream_get_schema: out must not be null");
    }
    if (!dbk_handle_idle(&stream->handle, "kernel_result_stream_get_schema")) {
        return dbk_abi_code();
    }
    dbk_schema *schema = NULL;
    dbk_status st = dbk_abi_check_stream(stream, err);
    if (st == DBK_OK) {
        st = dbk_stream_schema(stream->stream, &schema, err);
    }
    return dbk_abi_end(st == DBK_OK ? dbk_schema_export(schema, out, err) : st);
}

dbk_status dbk_abi_export_batch(dbk_batch *batch, struct ArrowArray *out_array,
                                struct ArrowSchema *out_schema, dbk_error *err) {
    dbk_status st = DBK_OK;
    struct ArrowArray array = {0};
    struct ArrowSchema schema = {0};
    if (batch != NULL) {
        DBK_TRY(dbk_batch_export(batch, &array, err));
        st = dbk_schema_export(dbk_batch_schema(batch), &schema, err);
        if (st != DBK_OK) {
            array.release(&array);
            goto done;
        }
    }
    *out_array = array;
    *out_schema = schema;
done:
    return st;
}

static KernelStatusCode next_batch(kernel_result_stream_t *stream, struct ArrowArray *out_array,
                                   struct ArrowSchema *out_schema, dbk_cancel_token *token) {
    dbk_error *err = dbk_abi_begin();
    dbk_batch *batch = NULL;
    if (stream == NULL) {
        return dbk_abi_refuse("kernel_result_stream_next_batch: stream must not be null");
    }
    if (out_array == NULL || out_schema == NULL) {
        return dbk_abi_refuse("kernel_result_stream_next_batch: out pointers must not be null");
    }
    if (!dbk_handle_idle(&stream->handle, "kernel_result_stream_next_batch")) {
        return dbk_abi_code();
    }
    dbk_status st = dbk_abi_check_stream(stream, err);
    if (st == DBK_OK) {
        st = dbk_cancel_token_next(token, stream->stream, &batch, err);
    }
    if (st == DBK_OK) {
        st = dbk_abi_export_batch(batch, out_array, out_schema, err);
        dbk_batch_unref(batch);
    }
    return dbk_abi_end(st);
}

KernelStatusCode kernel_result_stream_next_batch(kernel_result_stream_t *stream,
                                                 struct ArrowArray *out_array,
                                                 struct ArrowSchema *out_schema) {
    return next_batch(stream, out_array, out_schema, NULL);
}

KernelStatusCode kernel_result_stream_next_batch_cancellable(kernel_result_stream_t *stream,
                                                             struct ArrowArray *out_array,
                                                             struct ArrowSchema *out_schema,
                                                             kernel_cancel_token_t *token) {
    return next_batch(stream, out_array, out_schema, token != NULL ? token->token : NULL);
}

KernelStatusCode kernel_result_stream_close(kernel_result_stream_t *stream) {
    (void)dbk_abi_begin();
    if (stream == NULL) {
        return dbk_abi_refuse("kernel_result_stream_close: stream must not be null");
    }
    bool dead = stream->exec != NULL && !dbk_exec_alive(stream->exec);
    if (!dead && !stream->lent) {
        dbk_stream_close(stream->stream); /* a read under way ends */
    }
    dbk_handle_close(&stream->handle);
    return KernelStatusCode_Success;
}

KernelStatusCode dbk_result_stream_get_stats(const kernel_result_stream_t *stream,
                                             dbk_stream_stats *out) {
    (void)dbk_abi_begin();
    if (stream == NULL || out == NULL || out->struct_size < sizeof *out) {
        return dbk_abi_refuse("dbk_result_stream_get_stats: stream and out must be non-null and "
                              "struct_size set");
    }
    dbk_stream_snapshot s;
    dbk_stream_measure(stream->stream, &s);
    out->chunks_fetched = s.chunks_done;
    out->bytes_wire = s.bytes_wire;
    out->bytes_arrow = s.bytes_arrow;
    out->rows = s.rows;
    out->peak_bytes = s.peak_bytes;
    out->link_refreshes = s.link_refreshes;
    out->chunk_retries = s.chunk_retries;
    return KernelStatusCode_Success;
}

/* ---- reading without waiting ---- */

static void tell(kernel_result_stream_t *s, bool there) {
    char byte = 0;
    dbk_mutex_lock(&s->handle.lock);
    if (s->fds != NULL && there != s->told) {
        s->told = there;
        ssize_t n = there ? write(s->fds[1], &byte, 1) : read(s->fds[0], &byte, 1);
        (void)n; /* one byte in an empty pipe */
    }
    dbk_mutex_unlock(&s->handle.lock);
}

static void stream_changed(dbk_stream_watcher *w) {
    tell(DBK_CONTAINER_OF(w, kernel_result_stream_t, observer), true);
}

static bool try_ok(kernel_result_stream_t *stream, const char *function) {
    dbk_error *err = dbk_abi_begin();
    if (stream == NULL) {
        (void)dbk_abi_refuse("%s: stream must not be null", function);
        return false;
    }
    return dbk_abi_check_stream(stream, err) == DBK_OK &&
           dbk_handle_idle(&stream->handle, function);
}

int dbk_result_stream_fd(kernel_result_stream_t *stream) {
    if (!try_ok(stream, "dbk_result_stream_fd")) {
        return -1;
    }
    if (stream->fds == NULL) {
        int *fds = dbk_alloc_array(2, sizeof *fds);
        if (fds == NULL || !dbk_abi_open_pipe(fds)) {
            dbk_free(fds);
            return -1;
        }
        stream->fds = fds;
        stream->observer.changed = stream_changed;
        dbk_stream_observe(stream->stream, &stream->observer);
        tell(stream, true); /* what came before */
    }
    return stream->fds[0];
}

KernelStatusCode dbk_result_stream_try_next(kernel_result_stream_t *stream,
                                            struct ArrowArray *out_array,
                                            struct ArrowSchema *out_schema, bool *would_block) {
    dbk_batch *batch = NULL;
    bool wait = false;
    if (!try_ok(stream, "dbk_result_stream_try_next")) {
        return dbk_abi_code();
    }
    if (out_array == NULL || out_schema == NULL || would_block == NULL) {
        return dbk_abi_refuse("dbk_result_stream_try_next: out pointers must not be null");
    }
    dbk_error *err = dbk_abi_begin();
    tell(stream, false); /* before the look: what changes after it is told anew */
    dbk_status st = dbk_stream_try_next(stream->stream, &batch, &wait, err);
    if (st != DBK_OK || !wait) {
        tell(stream, true);
    }
    if (st == DBK_OK && !wait) {
        st = dbk_abi_export_batch(batch, out_array, out_schema, err);
        dbk_batch_unref(batch);
    }
    *would_block = st == DBK_OK && wait;
    return dbk_abi_end(st);
}

/* ---- one IPC stream in pieces ---- */

enum { IPC_SCHEMA, IPC_BATCHES, IPC_END };

bool dbk_abi_ipc_needs_batch(const kernel_result_stream_t *stream) {
    return stream->ipc_state == IPC_BATCHES;
}

bool dbk_abi_ipc_ended(const kernel_result_stream_t *stream) {
    return stream->ipc_state == IPC_END;
}

dbk_status dbk_abi_ipc_piece(kernel_result_stream_t *stream, const dbk_schema *schema,
                             const dbk_batch *batch, dbk_buf *out, dbk_error *err) {
    dbk_status st = DBK_OK;
    if (stream->ipc_state == IPC_SCHEMA) {
        DBK_TRY(dbk_ipc_write_schema(schema, out, err));
        stream->ipc_state = IPC_BATCHES;
    } else if (batch != NULL) {
        DBK_TRY(dbk_ipc_write_batch(batch, out, err));
    } else {
        DBK_TRY(dbk_ipc_write_end(out, err));
        stream->ipc_state = IPC_END;
    }
done:
    return st;
}

static dbk_status next_ipc(kernel_result_stream_t *s, dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_schema *schema = NULL;
    dbk_batch *batch = NULL;
    dbk_buf_clear(&s->ipc);
    if (dbk_abi_ipc_ended(s)) {
        return DBK_OK;
    }
    if (dbk_abi_ipc_needs_batch(s)) {
        DBK_TRY(dbk_stream_next(s->stream, &batch, err));
    } else {
        DBK_TRY(dbk_stream_schema(s->stream, &schema, err));
    }
    DBK_TRY(dbk_abi_ipc_piece(s, schema, batch, &s->ipc, err));
done:
    dbk_batch_unref(batch);
    return st;
}

KernelStatusCode dbk_result_stream_next_ipc(kernel_result_stream_t *stream, const uint8_t **buf,
                                            size_t *len) {
    dbk_error *err = dbk_abi_begin();
    if (stream == NULL || buf == NULL || len == NULL) {
        return dbk_abi_refuse("dbk_result_stream_next_ipc: stream, buf and len must be non-null");
    }
    if (!dbk_handle_idle(&stream->handle, "dbk_result_stream_next_ipc")) {
        return dbk_abi_code();
    }
    dbk_status st = dbk_abi_check_stream(stream, err);
    if (st == DBK_OK) {
        st = next_ipc(stream, err);
    }
    if (st == DBK_OK) {
        *buf = (const uint8_t *)stream->ipc.ptr;
        *len = stream->ipc.len;
    }
    return dbk_abi_end(st);
}

/* ---- the C Stream Interface ---- */

typedef struct exported {
    dbk_stream *stream; /* counted */
    dbk_exec *exec;     /* counted; NULL for metadata */
    dbk_session *session;
    dbk_error err;
} exported;

static int stream_errno(dbk_status st) {
    switch (st) {
    case DBK_OK:
        return 0;
    case DBK_INVALID_ARGUMENT:
    case DBK_INVALID_HANDLE:
        return EINVAL;
    case DBK_RESOURCE_EXHAUSTED:
        return ENOMEM;
    case DBK_CANCELLED:
        return ECANCELED;
    case DBK_TIMEOUT:
        return ETIMEDOUT;
    case DBK_UNAUTHENTICATED:
    case DBK_PERMISSION_DENIED:
    case DBK_NOT_FOUND:
    case DBK_UNAVAILABLE:
    case DBK_DATA_LOSS:
    case DBK_INTERNAL:
    case DBK_NETWORK:
    case DBK_SQL:
        break;
    }
    return EIO;
}

static int exported_schema(struct ArrowArrayStream *self, struct ArrowSchema *out) {
    exported *x = self->private_data;
    dbk_schema *schema = NULL;
    dbk_error_reset(&x->err);
    dbk_status st = dbk_stream_schema(x->stream, &schema, &x->err);
    return stream_errno(st == DBK_OK ? dbk_schema_export(schema, out, &x->err) : st);
}

static int exported_next(struct ArrowArrayStream *self, struct ArrowArray *out) {
    exported *x = self->private_data;
    dbk_batch *batch = NULL;
    dbk_error_reset(&x->err);
    dbk_status st = dbk_stream_next(x->stream, &batch, &x->err);
    if (st == DBK_OK && batch == NULL) {
        memset(out, 0, sizeof *out);
    } else if (st == DBK_OK) {
        st = dbk_batch_export(batch, out, &x->err);
        dbk_batch_unref(batch);
    }
    return stream_errno(st);
}

static const char *exported_error(struct ArrowArrayStream *self) {
    const exported *x = self->private_data;
    return x->err.code != DBK_OK ? dbk_error_message(&x->err) : NULL;
}

static void exported_release(struct ArrowArrayStream *self) {
    exported *x = self->private_data;
    if (x->exec == NULL || dbk_exec_alive(x->exec)) {
        dbk_stream_close(x->stream);
        dbk_stream_unref(x->stream);
        dbk_exec_unref(x->exec);
        dbk_session_unref(x->session);
    }
    dbk_error_reset(&x->err);
    dbk_free(x);
    self->release = NULL;
}

KernelStatusCode dbk_result_stream_export(kernel_result_stream_t *stream,
                                          struct ArrowArrayStream *out) {
    dbk_error *err = dbk_abi_begin();
    if (stream == NULL || out == NULL) {
        return dbk_abi_refuse("dbk_result_stream_export: stream and out must be non-null");
    }
    if (!dbk_handle_idle(&stream->handle, "dbk_result_stream_export")) {
        return dbk_abi_code();
    }
    dbk_status st = dbk_abi_check_stream(stream, err);
    if (st != DBK_OK) {
        return dbk_abi_end(st);
    }
    exported *x = dbk_alloc_zero(sizeof *x);
    if (x == NULL) {
        return dbk_abi_end(dbk_error_oom(err, "an Arrow stream"));
    }
    x->stream = dbk_stream_ref(stream->stream);
    x->exec = stream->exec != NULL ? dbk_exec_ref(stream->exec) : NULL;
    x->session = stream->session != NULL ? dbk_session_ref(stream->session) : NULL;
    stream->lent = true;
    if (x->exec != NULL) {
        dbk_exec_lend_stream(x->exec);
    }
    *out = (struct ArrowArrayStream){exported_schema, exported_next, exported_error,
                                     exported_release, x};
    return KernelStatusCode_Success;
}
