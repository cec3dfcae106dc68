#include "odbc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

stmt *stmt_new(dbc *d) {
    static atomic_uint cursors;
    stmt *s = calloc(1, sizeof *s);
    if (s == NULL) {
        return NULL;
    }
    handle_init(&s->h, SQL_HANDLE_STMT, d->h.env, d);
    op_init(&s->op);
    desc_init(&s->ard0, d, ROLE_ARD, s);
    desc_init(&s->apd0, d, ROLE_APD, s);
    desc_init(&s->ird, d, ROLE_IRD, s);
    desc_init(&s->ipd, d, ROLE_IPD, s);
    s->ard = &s->ard0;
    s->apd = &s->apd0;
    s->rowset_size = 1;
    s->concurrency = SQL_CONCUR_READ_ONLY;
    s->retrieve_data = SQL_RD_ON;
    s->row_count = -1;
    s->query_timeout = (SQLULEN)keys_number(&d->keys, "QueryTimeout", 0);
    s->async_enable = d->async_enable;
    s->metadata_id = d->metadata_id;
    s->res.rows_known = -1;
    (void)snprintf(s->cursor_name, sizeof s->cursor_name, "SQL_CUR%u",
                   atomic_fetch_add(&cursors, 1) + 1);
    s->next = d->stmts; /* the connection is locked by the caller */
    d->stmts = s;
    return s;
}

void stmt_close_cursor(stmt *s) {
    op_done(s);
    result_reset(&s->res);
    s->get.column = 0;
    buf_free(&s->get.buffer);
    s->executed = false;
    s->described = false;
    s->async_fn = 0;
    free(s->plans);
    s->plans = NULL;
    s->plan_count = 0;
    s->plan_desc = NULL;
    catalog_call_free(s->catalog);
    s->catalog = NULL;
}

/* A call of another thread that is still inside is cancelled, and ends before the memory goes. */
static void wait_for_calls(stmt *s) {
    op_wish(&s->op);
    pthread_mutex_lock(&s->h.lock);
    pthread_mutex_unlock(&s->h.lock);
}

void stmt_free(stmt *s) {
    wait_for_calls(s);
    stmt_close_cursor(s);
    dae_reset(&s->dae);
    if (s->kernel != NULL) {
        (void)kernel_statement_close(s->kernel);
    }
    op_end(&s->op);
    sql_text_free(&s->sql);
    buf_free(&s->run.sql);
    buf_free(&s->run.values);
    free(s->run.params);
    free(s->query_tags);
    if (s->param_columns != NULL) {
        columns_free(s->param_columns, s->sql.marker_count);
    }
    desc *own[] = {&s->ard0, &s->apd0, &s->ird, &s->ipd};
    for (size_t i = 0; i < COUNT_OF(own); i++) {
        desc_reset(own[i]);
        handle_end(&own[i]->h);
    }
    handle_end(&s->h);
    free(s);
}

SQLRETURN stmt_need_cursor(stmt *s) {
    if (!s->res.open) {
        return fail(&s->h, s->executed || s->prepared ? "24000" : "HY010",
                    s->executed ? "The statement has no result to fetch from."
                                : "The statement was not executed.");
    }
    return SQL_SUCCESS;
}

SQLRETURN stmt_need_idle(stmt *s) {
    if (s->h.dbc->session == NULL) {
        return fail(&s->h, "08003", "The connection is not open.");
    }
    if (s->res.open) {
        return fail(&s->h, "24000", "A cursor is open: close it first.");
    }
    return SQL_SUCCESS;
}
