#include "abi/abi.h"

/* Submitted statements: kernel_statement_submit and the dbk_async_* functions. */

static bool async_ok(const kernel_executed_async_statement_t *async, const char *function) {
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

static dbk_status new_async(dbk_exec *takes_exec, kernel_executed_async_statement_t **out,
                            dbk_error *err) {
    kernel_executed_async_statement_t *handle = dbk_alloc_zero(sizeof *handle);
    if (handle == NULL) {
        dbk_exec_unref(takes_exec);
        return dbk_error_oom(err, "a submitted statement");
    }
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
    dbk_status st = dbk_statement_submit(stmt->statement, &exec, err);
    return dbk_abi_end(st == DBK_OK ? new_async(exec, out, err) : st);
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
    return dbk_abi_end(st == DBK_OK ? new_async(exec, out, err) : st);
}

KernelStatusCode dbk_async_status(const kernel_executed_async_statement_t *async,
                                  KernelStatementStatusKind *out) {
    if (!async_ok(async, "dbk_async_status")) {
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
    if (!async_ok(async, "dbk_async_poll")) {
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
    return async_ok(async, "dbk_async_query_id") ? dbk_exec_query_id(async->exec) : NULL;
}

KernelStatusCode dbk_async_await(kernel_executed_async_statement_t *async, uint64_t timeout_ms,
                                 bool *finished) {
    bool done = false;
    if (!async_ok(async, "dbk_async_await")) {
        return dbk_abi_code();
    }
    dbk_status st = dbk_exec_await(async->exec, timeout_ms, &done, dbk_abi_begin());
    if (st == DBK_OK && finished != NULL) {
        *finished = done;
    }
    return dbk_abi_end(st);
}

KernelStatusCode dbk_async_cancel(kernel_executed_async_statement_t *async) {
    bool told = false;
    if (!async_ok(async, "dbk_async_cancel")) {
        return dbk_abi_code();
    }
    return dbk_abi_end(dbk_exec_cancel(async->exec, &told, dbk_abi_begin()));
}

/* The execution whose rows nobody has taken yet: the handle's own first, then fresh looks at it. */
static dbk_status untaken(kernel_executed_async_statement_t *async, dbk_exec **out,
                          dbk_error *err) {
    if (!async->taken) {
        *out = dbk_exec_ref(async->exec);
        return DBK_OK;
    }
    return dbk_exec_attach_again(async->exec, out, err);
}

KernelStatusCode dbk_async_take_result(kernel_executed_async_statement_t *async,
                                       kernel_executed_statement_t **out) {
    dbk_status st = DBK_OK;
    dbk_exec *exec = NULL;
    bool finished = false;
    if (!async_ok(async, "dbk_async_take_result")) {
        return dbk_abi_code();
    }
    if (out == NULL) {
        return dbk_abi_refuse("dbk_async_take_result: out must not be null");
    }
    dbk_error *err = dbk_abi_begin();
    DBK_TRY(untaken(async, &exec, err));
    DBK_TRY(dbk_exec_await(exec, 0, &finished, err));
    DBK_TRY(dbk_abi_new_executed(dbk_exec_ref(exec), out, err));
    async->taken = true;
done:
    dbk_exec_unref(exec);
    return dbk_abi_end(st);
}

KernelStatusCode dbk_async_end(kernel_executed_async_statement_t *async) {
    if (!async_ok(async, "dbk_async_end")) {
        return dbk_abi_code();
    }
    return dbk_abi_end(dbk_exec_end(async->exec, dbk_abi_begin()));
}

KernelStatusCode dbk_async_close(kernel_executed_async_statement_t *async) {
    (void)dbk_abi_begin();
    if (async == NULL) {
        return dbk_abi_refuse("dbk_async_close: async must not be null");
    }
    if (dbk_exec_alive(async->exec)) {
        dbk_exec_unref(async->exec); /* the last handle closes it on the server */
    }
    dbk_free(async);
    return KernelStatusCode_Success;
}
