#include "abi/abi.h"

static bool statement_ok(const kernel_statement_t *stmt) {
    (void)dbk_abi_begin();
    if (stmt == NULL) {
        (void)dbk_abi_refuse("statement handle must not be null");
        return false;
    }
    return true;
}

/* ---- SQL text and options ---- */

KernelStatusCode kernel_statement_set_sql(kernel_statement_t *stmt, const char *sql) {
    if (!statement_ok(stmt) || !dbk_abi_text_ok(sql, "sql")) {
        return KernelStatusCode_InvalidArgument;
    }
    return dbk_abi_end(dbk_statement_set_sql(stmt->statement, dbk_slice_of(sql), dbk_abi_begin()));
}

KernelStatusCode dbk_statement_set_sql_n(kernel_statement_t *stmt, const char *sql, size_t len) {
    if (!statement_ok(stmt)) {
        return KernelStatusCode_InvalidArgument;
    }
    if (sql == NULL) {
        return dbk_abi_refuse("sql must not be null");
    }
    if (!dbk_utf8_valid(dbk_slice_n(sql, len))) {
        return dbk_abi_refuse("sql is not valid UTF-8");
    }
    return dbk_abi_end(
        dbk_statement_set_sql(stmt->statement, dbk_slice_n(sql, len), dbk_abi_begin()));
}

KernelStatusCode dbk_statement_set_option(kernel_statement_t *stmt, const char *key,
                                          const char *value) {
    if (!statement_ok(stmt) || !dbk_abi_text_ok(key, "option key") ||
        !dbk_abi_text_ok(value, "option value")) {
        return KernelStatusCode_InvalidArgument;
    }
    return dbk_abi_end(dbk_statement_configure(stmt->statement, dbk_slice_of(key),
                                               dbk_slice_of(value), dbk_abi_begin()));
}

/* ---- parameters ---- */

static KernelStatusCode bind_text(kernel_statement_t *stmt, size_t ordinal, const char *type,
                                  dbk_slice value) {
    if (!statement_ok(stmt)) {
        return KernelStatusCode_InvalidArgument;
    }
    return dbk_abi_end(dbk_statement_bind(stmt->statement, ordinal, type, value, dbk_abi_begin()));
}

KernelStatusCode kernel_statement_bind_null(kernel_statement_t *stmt, size_t ordinal) {
    return bind_text(stmt, ordinal, "STRING", (dbk_slice){0});
}

KernelStatusCode kernel_statement_bind_int64(kernel_statement_t *stmt, size_t ordinal,
                                             int64_t value) {
    char text[24];
    (void)snprintf(text, sizeof text, "%lld", (long long)value);
    return bind_text(stmt, ordinal, "BIGINT", dbk_slice_of(text));
}

KernelStatusCode kernel_statement_bind_double(kernel_statement_t *stmt, size_t ordinal,
                                              double value) {
    if (!statement_ok(stmt)) {
        return KernelStatusCode_InvalidArgument;
    }
    return dbk_abi_end(dbk_statement_bind_double(stmt->statement, ordinal, value, dbk_abi_begin()));
}

KernelStatusCode kernel_statement_bind_bool(kernel_statement_t *stmt, size_t ordinal, bool value) {
    return bind_text(stmt, ordinal, "BOOLEAN", dbk_slice_of(value ? "true" : "false"));
}

KernelStatusCode kernel_statement_bind_string(kernel_statement_t *stmt, size_t ordinal,
                                              const char *value) {
    if (!statement_ok(stmt)) {
        return KernelStatusCode_InvalidArgument;
    }
    if (value == NULL) {
        return dbk_abi_refuse("string parameter value must not be null");
    }
    if (!dbk_abi_optional_ok(value, "string parameter")) {
        return KernelStatusCode_InvalidArgument;
    }
    return bind_text(stmt, ordinal, "STRING", dbk_slice_of(value));
}

static KernelStatusCode bind_raw(kernel_statement_t *stmt, const char *name, const char *sql_type,
                                 dbk_slice value) {
    if (!statement_ok(stmt)) {
        return KernelStatusCode_InvalidArgument;
    }
    if (sql_type == NULL) {
        return dbk_abi_refuse("parameter sql_type must not be null");
    }
    if (!dbk_abi_optional_ok(name, "parameter name") ||
        !dbk_abi_optional_ok(sql_type, "parameter sql_type")) {
        return KernelStatusCode_InvalidArgument;
    }
    if (sql_type[0] == '\0') {
        return dbk_abi_refuse("parameter sql_type must not be empty");
    }
    if (!dbk_utf8_valid(value)) {
        return dbk_abi_refuse("parameter value is not valid UTF-8");
    }
    return dbk_abi_end(dbk_statement_bind_raw(stmt->statement, dbk_slice_of(name),
                                              dbk_slice_of(sql_type), value, dbk_abi_begin()));
}

KernelStatusCode kernel_statement_bind_parameter(kernel_statement_t *stmt, const char *name,
                                                 const char *sql_type, const char *value) {
    return bind_raw(stmt, name, sql_type, dbk_slice_of(value));
}

KernelStatusCode dbk_statement_bind_parameter_n(kernel_statement_t *stmt, const char *name,
                                                const char *sql_type, const char *value,
                                                size_t len) {
    return bind_raw(stmt, name, sql_type, dbk_slice_n(value, value != NULL ? len : 0));
}

KernelStatusCode dbk_statement_bind_typed(kernel_statement_t *stmt, size_t ordinal,
                                          const char *name, const char *sql_type, const char *value,
                                          size_t len) {
    if (!statement_ok(stmt) || !dbk_abi_optional_ok(name, "parameter name") ||
        !dbk_abi_text_ok(sql_type, "parameter sql_type")) {
        return KernelStatusCode_InvalidArgument;
    }
    dbk_slice text = dbk_slice_n(value, value != NULL ? len : 0);
    if (!dbk_utf8_valid(text)) {
        return dbk_abi_refuse("parameter value is not valid UTF-8");
    }
    return dbk_abi_end(dbk_statement_bind_literal(stmt->statement, ordinal, dbk_slice_of(name),
                                                  dbk_slice_of(sql_type), text, dbk_abi_begin()));
}

/* ---- running ---- */

void dbk_abi_free_statement(dbk_handle *h) {
    kernel_statement_t *stmt = (kernel_statement_t *)h;
    if (dbk_session_alive(dbk_statement_session(stmt->statement))) {
        dbk_statement_unref(stmt->statement);
    }
    dbk_mutex_destroy(&h->lock);
    dbk_free(stmt);
}

KernelStatusCode kernel_statement_execute(kernel_statement_t *stmt,
                                          kernel_executed_statement_t **out) {
    dbk_error *err = dbk_abi_begin();
    if (stmt == NULL) {
        return dbk_abi_refuse("kernel_statement_execute: stmt must not be null");
    }
    if (out == NULL) {
        return dbk_abi_refuse("kernel_statement_execute: out must not be null");
    }
    if (!dbk_session_alive(dbk_statement_session(stmt->statement))) {
        return dbk_abi_end(dbk_error_set(
            err, DBK_INVALID_HANDLE,
            "kernel_statement_execute: the statement belongs to the parent process of a fork"));
    }
    if (!dbk_handle_idle(&stmt->handle, "kernel_statement_execute")) {
        return dbk_abi_code();
    }
    dbk_exec *exec = NULL;
    dbk_status st = dbk_statement_execute(stmt->statement, &exec, err);
    return dbk_abi_end(st == DBK_OK ? dbk_abi_new_executed(exec, out, err) : st);
}

KernelStatusCode kernel_statement_close(kernel_statement_t *stmt) {
    (void)dbk_abi_begin();
    if (stmt == NULL) {
        return dbk_abi_refuse("kernel_statement_close: stmt must not be null");
    }
    if (dbk_session_alive(dbk_statement_session(stmt->statement))) {
        dbk_progress_stop(stmt->progress);
        stmt->progress = NULL;
        dbk_statement_invalidate(stmt->statement);
    }
    dbk_handle_close(&stmt->handle);
    return KernelStatusCode_Success;
}

KernelStatementStatusKind dbk_abi_state(dbk_sea_state state) {
    switch (state) {
    case DBK_SEA_PENDING:
        return KernelStatementStatusKind_Pending;
    case DBK_SEA_RUNNING:
        return KernelStatementStatusKind_Running;
    case DBK_SEA_SUCCEEDED:
        return KernelStatementStatusKind_Succeeded;
    case DBK_SEA_FAILED:
        return KernelStatementStatusKind_Failed;
    case DBK_SEA_CANCELED:
        return KernelStatementStatusKind_Cancelled;
    case DBK_SEA_CLOSED:
        break;
    }
    return KernelStatementStatusKind_Closed;
}

void dbk_abi_show_progress(const dbk_exec_progress *p, dbk_progress *out) {
    out->state = dbk_abi_state(p->state);
    out->elapsed_ms = p->elapsed_ms;
    out->chunks_total = p->result.chunks_total;
    out->chunks_done = (int64_t)p->result.chunks_done;
    out->rows_total = p->result.rows_total;
    out->rows_decoded = (int64_t)p->result.rows;
    out->bytes_received = p->result.bytes_wire;
}

KernelStatusCode dbk_statement_get_progress(const kernel_statement_t *stmt, dbk_progress *out) {
    (void)dbk_abi_begin();
    if (stmt == NULL || out == NULL || out->struct_size < sizeof *out) {
        return dbk_abi_refuse("dbk_statement_get_progress: stmt and out must be non-null and "
                              "struct_size set");
    }
    dbk_exec_progress p;
    dbk_statement_progress(stmt->statement, &p);
    dbk_abi_show_progress(&p, out);
    return KernelStatusCode_Success;
}

/* ---- cancelling ---- */

KernelStatusCode kernel_statement_canceller_new(kernel_statement_t *stmt,
                                                kernel_statement_canceller_t **out) {
    dbk_error *err = dbk_abi_begin();
    if (stmt == NULL) {
        return dbk_abi_refuse("kernel_statement_canceller_new: stmt must not be null");
    }
    if (out == NULL) {
        return dbk_abi_refuse("kernel_statement_canceller_new: out must not be null");
    }
    kernel_statement_canceller_t *handle = dbk_alloc_zero(sizeof *handle);
    if (handle == NULL) {
        return dbk_abi_end(dbk_error_oom(err, "a canceller"));
    }
    dbk_status st = dbk_canceller_new(stmt->statement, &handle->canceller, err);
    if (st != DBK_OK) {
        dbk_free(handle);
        return dbk_abi_end(st);
    }
    *out = handle;
    return KernelStatusCode_Success;
}

KernelStatusCode kernel_statement_canceller_cancel(kernel_statement_canceller_t *canceller,
                                                   bool *dispatched) {
    dbk_error *err = dbk_abi_begin();
    bool told = false;
    if (dispatched != NULL) {
        *dispatched = false;
    }
    if (canceller == NULL) {
        return dbk_abi_refuse("kernel_statement_canceller_cancel: handle must not be null");
    }
    dbk_status st = dbk_canceller_cancel(canceller->canceller, &told, err);
    if (dispatched != NULL) {
        *dispatched = told;
    }
    return dbk_abi_end(st);
}

bool dbk_canceller_get_query_id(const kernel_statement_canceller_t *canceller, char *buf,
                                size_t size) {
    (void)dbk_abi_begin();
    if (canceller == NULL || buf == NULL) {
        (void)dbk_abi_refuse("dbk_canceller_get_query_id: canceller and buf must be non-null");
        return false;
    }
    return dbk_canceller_query_id(canceller->canceller, buf, size);
}

KernelStatusCode kernel_statement_canceller_free(kernel_statement_canceller_t *canceller) {
    (void)dbk_abi_begin();
    if (canceller == NULL) {
        return dbk_abi_refuse("kernel_statement_canceller_free: handle must not be null");
    }
    dbk_canceller_free(canceller->canceller);
    dbk_free(canceller);
    return KernelStatusCode_Success;
}
