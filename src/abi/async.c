#include "abi/abi.h"

/* Submitted statements: kernel_statement_submit and the dbk_async_* functions. */

bool dbk_abi_async_ok(const kernel_executed_async_statement_t *async, const char *function) {
    dbk_error *err = dbk_abi_begin();
    if (async == NULL) {
        (void)dbk_abi_refuse("%s: async must not be null", function);
        return false;
    }
    if (!dbk_exec_alive(async->exec)) {
        (void)dbk_error_set(err, DBK_INVALID_HANDLE,
                            "%s: the statement belongs to the parent process of a fork", function);
        return false;
    }
    return true;
}

static void free_async(dbk_handle *h) {
    kernel_executed_async_statement_t *async = (kernel_executed_async_statement_t *)h;
    if (dbk_exec_alive(async->exec)) {
        dbk_exec_unref(async->exec); /* the last handle closes it on the server */
    }
    dbk_mutex_destroy(&h->lock);
    dbk_free(async);
}

dbk_status dbk_abi_new_async(dbk_exec *takes_exec, kernel_executed_async_statement_t **out,
                             dbk_error *err) {
    kernel_executed_async_statement_t *handle = dbk_alloc_zero(sizeof *handle);
    if (handle == NULL) {
        dbk_exec_unref(takes_exec);
        return dbk_error_oom(err, "a submitted statement");
    }
    dbk_handle_init(&handle->handle, free_async);
    handle->exec = takes_exec;
    *out = handle;
    return DBK_OK;
}

KernelStatusCode kernel_statement_submit(kernel_statement_t *stmt,
                                         kernel_executed_async_statement_t **out) {
    dbk_error *err = dbk_abi_begin();
    dbk_exec *exec = NULL;
    if (stmt == NULL) {
        return dbk_abi_refuse("kernel_statement_submit: stmt must not be null");
    }
    if (out == NULL) {
        return dbk_abi_refuse("kernel_statement_submit: out must not be null");
    }
    if (!dbk_session_alive(dbk_statement_session(stmt->statement))) {
        return dbk_abi_end(dbk_error_set(
            err, DBK_INVALID_HANDLE,
            "kernel_statement_submit: the statement belongs to the parent process of a fork"));
    }
    if (!dbk_handle_idle(&stmt->handle, "kernel_statement_submit")) {
        return dbk_abi_code();
    }
    dbk_status st = dbk_statement_submit(stmt->statement, &exec, err);
    return dbk_abi_end(st == DBK_OK ? dbk_abi_new_async(exec, out, err) : st);
}

KernelStatusCode dbk_async_attach(kernel_session_t *session, const char *query_id,
                                  kernel_executed_async_statement_t **out) {
    dbk_error *err = dbk_abi_begin();
    dbk_exec *exec = NULL;
    if (session == NULL || out == NULL) {
        return dbk_abi_refuse("dbk_async_attach: session and out must be non-null");
    }
    if (!dbk_abi_text_ok(query_id, "query_id")) {
        return KernelStatusCode_InvalidArgument;
    }
    if (!dbk_session_alive(session->session)) {
        return dbk_abi_end(
            dbk_error_set(err, DBK_INVALID_HANDLE,
                          "dbk_async_attach: the session belongs to the parent process of a fork"));
    }
    dbk_status st = dbk_exec_attach(session->session, dbk_slice_of(query_id), &exec, err);
    return dbk_abi_end(st == DBK_OK ? dbk_abi_new_async(exec, out, err) : st);
}

const char *dbk_statement_state_name(KernelStatementStatusKind state) {
    switch (state) {
    case KernelStatementStatusKind_Pending:
        return "Pending";
    case KernelStatementStatusKind_Running:
        return "Running";
    case KernelStatementStatusKind_Succeeded:
        return "Succeeded";
    case KernelStatementStatusKind_Failed:
        return "Failed";
    case KernelStatementStatusKind_Cancelled:
        return "Cancelled";
    case KernelStatementStatusKind_Closed:
        return "Closed";
    }
    return "Unknown";
}

KernelStatusCode dbk_async_status(const kernel_executed_async_statement_t *async,
                                  KernelStatementStatusKind *out) {
    if (!dbk_abi_async_ok(async, "dbk_async_status")) {
        return dbk_abi_code();
    }
    if (out == NULL) {
        return dbk_abi_refuse("dbk_async_status: out must not be null");
    }
    *out = dbk_abi_state(dbk_exec_state(async->exec));
    return KernelStatusCode_Success;
}

KernelStatusCode dbk_async_poll(kernel_executed_async_statement_t *async,
                                KernelStatementStatusKind *out) {
    if (!dbk_abi_async_ok(async, "dbk_async_poll") ||
        !dbk_handle_idle(&async->handle, "dbk_async_poll")) {
        return dbk_abi_code();
    }
    if (out == NULL) {
        return dbk_abi_refuse("dbk_async_poll: out must not be null");
    }
    dbk_status st = dbk_exec_look(async->exec, dbk_abi_begin());
    if (st == DBK_OK) {
        *out = dbk_abi_state(dbk_exec_state(async->exec));
    }
    return dbk_abi_end(st);
}

const char *dbk_async_query_id(const kernel_executed_async_statement_t *async) {
    return dbk_abi_async_ok(async, "dbk_async_query_id") ? dbk_exec_query_id(async->exec) : NULL;
}

KernelStatusCode dbk_async_get_remarks(kernel_executed_async_statement_t *async,
                                       dbk_async_remarks *out) {
    dbk_exec_remarks remarks;
    if (!dbk_abi_async_ok(async, "dbk_async_get_remarks") ||
        !dbk_handle_idle(&async->handle, "dbk_async_get_remarks")) {
        return dbk_abi_code();
    }
    if (out == NULL || out->struct_size < sizeof *out) {
        return dbk_abi_refuse("dbk_async_get_remarks: out must be non-null and struct_size set");
    }
    dbk_exec_get_remarks(async->exec, &remarks);
    out->modified_rows = remarks.modified_rows;
    out->display_message = remarks.display_message;
    out->diagnostic_info = remarks.diagnostic_info;
    out->error_details_json = remarks.details_json;
    return KernelStatusCode_Success;
}

KernelStatusCode dbk_async_await(kernel_executed_async_statement_t *async, uint64_t timeout_ms,
                                 bool *finished) {
    bool done = false;
    if (!dbk_abi_async_ok(async, "dbk_async_await") ||
        !dbk_handle_idle(&async->handle, "dbk_async_await")) {
        return dbk_abi_code();
    }
    dbk_status st = dbk_exec_await(async->exec, timeout_ms, &done, dbk_abi_begin());
    if (st == DBK_OK && finished != NULL) {
        *finished = done;
    }
    return dbk_abi_end(st);
}

KernelStatusCode dbk_async_cancel(kernel_executed_async_statement_t *async) {
    bool told = false; /* not blocking on an embedded loop: its thread sends the request */
    if (!dbk_abi_async_ok(async, "dbk_async_cancel")) {
        return dbk_abi_code();
    }
    return dbk_abi_end(dbk_exec_cancel(dbk_exec_ref(async->exec), &told, dbk_abi_begin()));
}

dbk_status dbk_abi_untaken(const kernel_executed_async_statement_t *async, dbk_exec **out,
                           dbk_error *err) {
    if (!async->taken) {
        *out = dbk_exec_ref(async->exec);
        return DBK_OK;
    }
    return dbk_exec_named(dbk_exec_session(async->exec),
                          dbk_slice_of(dbk_exec_query_id(async->exec)), async->exec, out, err);
}

KernelStatusCode dbk_async_take_result(kernel_executed_async_statement_t *async,
                                       kernel_executed_statement_t **out) {
    dbk_status st = DBK_OK;
    dbk_exec *exec = NULL;
    bool finished = false;
    if (!dbk_abi_async_ok(async, "dbk_async_take_result") ||
        !dbk_handle_idle(&async->handle, "dbk_async_take_result")) {
        return dbk_abi_code();
    }
    if (out == NULL) {
        return dbk_abi_refuse("dbk_async_take_result: out must not be null");
    }
    dbk_error *err = dbk_abi_begin();
    DBK_TRY(dbk_abi_untaken(async, &exec, err));
    DBK_TRY(dbk_exec_await(exec, 0, &finished, err));
    DBK_TRY(dbk_abi_new_executed(dbk_exec_ref(exec), out, err));
    async->taken = true;
done:
    dbk_exec_unref(exec);
    return dbk_abi_end(st);
}

KernelStatusCode dbk_async_leave(kernel_executed_async_statement_t *async) {
    if (!dbk_abi_async_ok(async, "dbk_async_leave") ||
        !dbk_handle_idle(&async->handle, "dbk_async_leave")) {
        return dbk_abi_code();
    }
    dbk_exec_keep(async->exec);
    dbk_exec_select(async->exec, 0, 0);
    return KernelStatusCode_Success;
}

KernelStatusCode dbk_async_take_chunks(kernel_executed_async_statement_t *async,
                                       int64_t first_chunk, int64_t chunk_count,
                                       kernel_executed_statement_t **out) {
    dbk_status st = DBK_OK;
    dbk_exec *exec = NULL;
    bool finished = false;
    if (!dbk_abi_async_ok(async, "dbk_async_take_chunks") ||
        !dbk_handle_idle(&async->handle, "dbk_async_take_chunks")) {
        return dbk_abi_code();
    }
    if (out == NULL) {
        return dbk_abi_refuse("dbk_async_take_chunks: out must not be null");
    }
    if (first_chunk < 0 || chunk_count < 0) {
        return dbk_abi_refuse(
            "dbk_async_take_chunks: first_chunk and chunk_count must not be negative");
    }
    dbk_error *err = dbk_abi_begin();
    DBK_TRY(dbk_exec_named(dbk_exec_session(async->exec),
                           dbk_slice_of(dbk_exec_query_id(async->exec)), async->exec, &exec, err));
    dbk_exec_select(exec, first_chunk, chunk_count);
    DBK_TRY(dbk_exec_await(exec, 0, &finished, err));
    DBK_TRY(dbk_abi_new_executed(dbk_exec_ref(exec), out, err));
done:
    dbk_exec_unref(exec);
    return dbk_abi_end(st);
}

KernelStatusCode dbk_async_end(kernel_executed_async_statement_t *async) {
    if (!dbk_abi_async_ok(async, "dbk_async_end")) {
        return dbk_abi_code();
    }
    return dbk_abi_end(dbk_exec_end(async->exec, dbk_abi_begin()));
}

KernelStatusCode dbk_async_close(kernel_executed_async_statement_t *async) {
    (void)dbk_abi_begin();
    if (async == NULL) {
        return dbk_abi_refuse("dbk_async_close: async must not be null");
    }
    dbk_handle_close(&async->handle);
    return KernelStatusCode_Success;
}
