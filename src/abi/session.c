#include "abi/abi.h"

/* ---- cancel tokens ---- */

KernelStatusCode kernel_cancel_token_new(kernel_cancel_token_t **out) {
    dbk_error *err = dbk_abi_begin();
    if (out == NULL) {
        return dbk_abi_refuse("kernel_cancel_token_new: out must not be null");
    }
    kernel_cancel_token_t *handle = dbk_alloc_zero(sizeof *handle);
    if (handle == NULL) {
        return dbk_abi_end(dbk_error_oom(err, "a cancel token"));
    }
    dbk_status st = dbk_cancel_token_new(&handle->token, err);
    if (st != DBK_OK) {
        dbk_free(handle);
        return dbk_abi_end(st);
    }
    *out = handle;
    return KernelStatusCode_Success;
}

KernelStatusCode kernel_cancel_token_cancel(kernel_cancel_token_t *token) {
    (void)dbk_abi_begin();
    if (token == NULL) {
        return dbk_abi_refuse("kernel_cancel_token_cancel: token must not be null");
    }
    dbk_cancel_token_fire(token->token);
    return KernelStatusCode_Success;
}

KernelStatusCode kernel_cancel_token_is_cancelled(const kernel_cancel_token_t *token, bool *out) {
    (void)dbk_abi_begin();
    if (token == NULL || out == NULL) {
        return dbk_abi_refuse("kernel_cancel_token_is_cancelled: token and out must be non-null");
    }
    *out = dbk_cancel_token_fired(token->token);
    return KernelStatusCode_Success;
}

KernelStatusCode kernel_cancel_token_free(kernel_cancel_token_t *token) {
    (void)dbk_abi_begin();
    if (token == NULL) {
        return dbk_abi_refuse("kernel_cancel_token_free: token must not be null");
    }
    dbk_cancel_token_unref(token->token);
    dbk_free(token);
    return KernelStatusCode_Success;
}

/* ---- session ---- */

static KernelStatusCode open_session(KernelSessionConfig *config, kernel_session_t **out,
                                     dbk_cancel_token *token) {
    dbk_error *err = dbk_abi_begin();
    if (config == NULL || out == NULL) {
        kernel_session_config_free(config); /* consumed all the same: spec c-abi 7 */
        return dbk_abi_refuse("kernel_session_open: config and out must be non-null");
    }
    dbk_status st = DBK_OK;
    kernel_session_t *handle = dbk_alloc_zero(sizeof *handle);
    if (handle == NULL) {
        st = dbk_error_oom(err, "a session");
    } else {
        st = dbk_session_open(&config->config, token, &handle->session, err);
    }
    dbk_config_reset(&config->config);
    dbk_free(config);
    if (st != DBK_OK) {
        dbk_free(handle);
        return dbk_abi_end(st);
    }
    *out = handle;
    return KernelStatusCode_Success;
}

KernelStatusCode kernel_session_open(KernelSessionConfig *config, kernel_session_t **out) {
    return open_session(config, out, NULL);
}

KernelStatusCode kernel_session_open_cancellable(KernelSessionConfig *config,
                                                 kernel_session_t **out,
                                                 kernel_cancel_token_t *token) {
    return open_session(config, out, token != NULL ? token->token : NULL);
}

/* NULL and handles from before a fork are refused; everything else may be used. */
bool dbk_abi_session_ok(const kernel_session_t *session, const char *function) {
    dbk_error *err = dbk_abi_begin();
    if (session == NULL) {
        (void)dbk_abi_refuse("%s: session must not be null", function);
        return false;
    }
    if (!dbk_session_alive(session->session)) {
        (void)dbk_error_set(err, DBK_INVALID_HANDLE,
                            "%s: the session belongs to the parent process of a fork; open a new "
                            "one",
                            function);
        return false;
    }
    return true;
}

KernelStatusCode kernel_session_close(kernel_session_t *session) {
    (void)dbk_abi_begin();
    if (session == NULL) {
        return dbk_abi_refuse("kernel_session_close: session must not be null");
    }
    if (dbk_session_alive(session->session)) {
        dbk_session_close(session->session);
        dbk_session_unref(session->session);
    }
    dbk_free(session);
    return KernelStatusCode_Success;
}

KernelStatusCode dbk_session_close_timeout(kernel_session_t *session, uint64_t timeout_ms) {
    dbk_error *err = dbk_abi_begin();
    dbk_status st = DBK_OK;
    if (session == NULL) {
        return dbk_abi_refuse("dbk_session_close_timeout: session must not be null");
    }
    if (dbk_session_alive(session->session)) {
        st = dbk_session_close_within(session->session, dbk_max_u64(timeout_ms, 1), err);
        dbk_session_unref(session->session);
    }
    dbk_free(session);
    return dbk_abi_end(st);
}

KernelStatusCode dbk_session_release(kernel_session_t *session) {
    (void)dbk_abi_begin();
    if (session == NULL) {
        return dbk_abi_refuse("dbk_session_release: session must not be null");
    }
    if (dbk_session_alive(session->session)) {
        dbk_session_unref(session->session); /* the last one deletes it in the background */
    }
    dbk_free(session);
    return KernelStatusCode_Success;
}

KernelStatusCode kernel_session_is_open(const kernel_session_t *session, bool *out) {
    (void)dbk_abi_begin();
    if (session == NULL) {
        return dbk_abi_refuse("kernel_session_is_open: session must not be null");
    }
    if (out == NULL) {
        return dbk_abi_refuse("kernel_session_is_open: out must not be null");
    }
    *out = dbk_session_alive(session->session) && dbk_session_is_open(session->session);
    return KernelStatusCode_Success;
}

KernelStatusCode kernel_session_test(const kernel_session_t *session) {
    if (!dbk_abi_session_ok(session, "kernel_session_test")) {
        return dbk_abi_code();
    }
    return dbk_abi_end(dbk_session_test(session->session, dbk_abi_begin()));
}

KernelStatusCode kernel_session_new_statement(kernel_session_t *session, kernel_statement_t **out) {
    dbk_error *err = dbk_abi_begin();
    if (session == NULL || out == NULL) {
        return dbk_abi_refuse("kernel_session_new_statement: session and out must be non-null");
    }
    if (!dbk_abi_session_ok(session, "kernel_session_new_statement")) {
        return dbk_abi_code();
    }
    kernel_statement_t *handle = dbk_alloc_zero(sizeof *handle);
    if (handle == NULL) {
        return dbk_abi_end(dbk_error_oom(err, "a statement"));
    }
    dbk_handle_init(&handle->handle, dbk_abi_free_statement);
    dbk_status st = dbk_statement_new(session->session, &handle->statement, err);
    if (st != DBK_OK) {
        dbk_free(handle);
        return dbk_abi_end(st);
    }
    *out = handle;
    return KernelStatusCode_Success;
}

KernelStatusCode kernel_session_set_autocommit(kernel_session_t *session, bool enabled) {
    if (!dbk_abi_session_ok(session, "kernel_session_set_autocommit")) {
        return dbk_abi_code();
    }
    return dbk_abi_end(dbk_session_set_autocommit(session->session, enabled, dbk_abi_begin()));
}

KernelStatusCode kernel_session_get_autocommit(const kernel_session_t *session, bool *out) {
    (void)dbk_abi_begin();
    if (session == NULL) {
        return dbk_abi_refuse("kernel_session_get_autocommit: session must not be null");
    }
    if (out == NULL) {
        return dbk_abi_refuse("kernel_session_get_autocommit: out must not be null");
    }
    *out = dbk_session_autocommit(session->session);
    return KernelStatusCode_Success;
}

KernelStatusCode kernel_session_commit(kernel_session_t *session) {
    if (!dbk_abi_session_ok(session, "kernel_session_commit")) {
        return dbk_abi_code();
    }
    return dbk_abi_end(dbk_session_end_transaction(session->session, true, dbk_abi_begin()));
}

KernelStatusCode kernel_session_rollback(kernel_session_t *session) {
    if (!dbk_abi_session_ok(session, "kernel_session_rollback")) {
        return dbk_abi_code();
    }
    return dbk_abi_end(dbk_session_end_transaction(session->session, false, dbk_abi_begin()));
}

const char *dbk_session_id(const kernel_session_t *session) {
    (void)dbk_abi_begin();
    if (session == NULL) {
        (void)dbk_abi_refuse("dbk_session_id: session must not be null");
        return NULL;
    }
    return dbk_session_server_id(session->session);
}

/* ---- the way there ---- */

KernelStatusCode dbk_connection_report(const KernelSessionConfig *config, bool as_json, char **out,
                                       bool *healthy) {
    dbk_buf text = {0};
    dbk_error *err = dbk_abi_begin();
    if (config == NULL || out == NULL || healthy == NULL) {
        return dbk_abi_refuse("dbk_connection_report: config, out and healthy must be non-null");
    }
    dbk_status st = dbk_connection_find(&config->config, as_json, &text, healthy, err);
    if (st == DBK_OK) {
        st = dbk_buf_putc(&text, '\0', err);
    }
    if (st == DBK_OK) {
        *out = text.ptr;
        text = (dbk_buf){0};
    }
    dbk_buf_reset(&text);
    return dbk_abi_end(st);
}

void dbk_report_free(char *report) {
    dbk_free(report);
}
