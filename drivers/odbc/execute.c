#include "odbc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* SQLPrepare, SQLExecute: the text, the kernel statement, the first step of an execution (arrays.c has the
 * ones after it). */

SQLRETURN execute_prepare(stmt *s, text sql) {
    SQLRETURN rc = stmt_need_idle(s);
    if (rc != SQL_SUCCESS) {
        return rc;
    }
    stmt_close_cursor(s);
    if (s->param_columns != NULL) {
        columns_free(s->param_columns, s->sql.marker_count);
        s->param_columns = NULL;
    }
    s->prepared = false;
    s->row_count = -1;
    if (!sql_prepare(&s->sql, sql, s->noscan != SQL_NOSCAN_ON, s->h.dbc->set.ntz_literals)) {
        return fail_memory(&s->h);
    }
    s->prepared = true;
    return SQL_SUCCESS;
}

static SQLRETURN set_option(stmt *s, const char *key, const char *value) {
    return dbk_statement_set_option(s->kernel, key, value) == KernelStatusCode_Success
               ? SQL_SUCCESS
               : fail_kernel(&s->h, AT_STATEMENT);
}

SQLRETURN kernel_stmt_need(stmt *s) {
    kernel_session_t *session = s->h.dbc->session;
    if (s->kernel != NULL && s->session != session) { /* of one that is gone */
        (void)kernel_statement_close(s->kernel);
        s->kernel = NULL;
    }
    s->session = session;
    if (s->kernel == NULL &&
        kernel_session_new_statement(session, &s->kernel) != KernelStatusCode_Success) {
        return fail_kernel(&s->h, AT_STATEMENT);
    }
    char limit[24] = "";
    if (s->max_rows > 0) {
        (void)snprintf(limit, sizeof limit, "%lu", (unsigned long)s->max_rows);
    }
    SQLRETURN rc = set_option(s, "row_limit", limit);
    if (rc == SQL_SUCCESS && s->query_tags != NULL) {
        rc = set_option(s, "query_tags", s->query_tags);
    }
    return rc;
}

SQLRETURN execute_run(stmt *s, bool direct) {
    if (!s->prepared) {
        return fail(&s->h, "HY010", "The statement was not prepared.");
    }
    SQLRETURN rc = stmt_need_idle(s);
    if (rc != SQL_SUCCESS) {
        return rc;
    }
    result_reset(&s->res);
    s->executed = false;
    s->described = false;
    s->get.column = 0;
    free(s->plans);
    s->plans = NULL;
    s->row_count = -1;
    rc = dae_begin(s, direct);
    return rc == SQL_SUCCESS ? execute_start(s) : rc;
}

SQLRETURN execute_start(stmt *s) {
    run *r = &s->run;
    buf sql = r->sql, values = r->values;
    param_value *params = r->params;
    size_t cap = r->param_cap;
    *r = (run){.sql = sql, .values = values, .params = params, .param_cap = cap};
    r->sets = s->sql.marker_count > 0 && s->apd->array_size > 0 ? s->apd->array_size : 1;
    for (SQLULEN i = 0; s->ipd.array_status != NULL && i < r->sets; i++) {
        s->ipd.array_status[i] = SQL_PARAM_UNUSED;
    }
    if (s->ipd.rows_processed != NULL) {
        *s->ipd.rows_processed = 0;
    }
    op_busy(&s->op, true);
    return arrays_next(s);
}
