#include "odbc.h"

#include <string.h>

/* An execution over one or many sets of parameters: one request at a time. INSERT ... VALUES (one tuple)
 * takes many sets per request; everything else is sent once per set. Contract 6.5. */

enum { BATCH_BYTES = 4 << 20, BATCH_ROWS = 10000, PARAMS_MAX = 256 };

/* ---- One request ------------------------------------------------------------------------------------------- */

static void add_marker(const param_value *p, buf *out) {
    buf_add_text(out, p->binary ? "unhex(?)" : p->time ? "CAST(? AS TIME)" : "?");
}

/* sql[from, to) with its markers; params starts at the marker `first`. */
static void add_span(const stmt *s, size_t from, size_t to, bool literals, buf *out) {
    const sql_text *t = &s->sql;
    size_t at = from;
    for (size_t i = 0; i < t->marker_count; i++) {
        if (t->markers[i] < from || t->markers[i] >= to) {
            continue;
        }
        buf_add(out, t->sql.ptr + at, t->markers[i] - at);
        if (literals) {
            param_literal(&s->run.params[i], s->run.values.ptr, out);
        } else {
            add_marker(&s->run.params[i], out);
        }
        at = t->markers[i] + 1;
    }
    buf_add(out, t->sql.ptr + at, to - at);
}

static SQLRETURN bind_all(stmt *s, size_t first_ordinal) {
    for (size_t i = 0; i < s->sql.marker_count; i++) {
        const param_value *p = &s->run.params[i];
        const char *value = p->null ? NULL : buf_text(&s->run.values) + p->start;
        if (dbk_statement_bind_typed(s->kernel, first_ordinal + i, NULL,
                                     p->type == NULL ? p->type_buf : p->type, value,
                                     p->len) != KernelStatusCode_Success) {
            return fail_kernel(&s->h, AT_STATEMENT);
        }
    }
    return SQL_SUCCESS;
}

static SQLRETURN send_sql(stmt *s, const char *sql, size_t len) {
    return dbk_statement_set_sql_n(s->kernel, sql, len) == KernelStatusCode_Success
               ? SQL_SUCCESS
               : fail_kernel(&s->h, AT_STATEMENT);
}

SQLRETURN params_send(stmt *s) {
    size_t count = s->sql.marker_count;
    if (count == 0) {
        return send_sql(s, buf_text(&s->sql.sql), s->sql.sql.len);
    }
    bool literals = count > PARAMS_MAX && s->h.dbc->set.many_params;
    buf_clear(&s->run.sql);
    add_span(s, 0, s->sql.sql.len, literals, &s->run.sql);
    if (s->run.sql.failed) {
        return fail_memory(&s->h);
    }
    SQLRETURN rc = send_sql(s, s->run.sql.ptr, s->run.sql.len);
    return rc == SQL_SUCCESS && !literals ? bind_all(s, 1) : rc;
}

static bool ignored(const stmt *s, SQLULEN set) {
    return s->apd->array_status != NULL && s->apd->array_status[set] == SQL_PARAM_IGNORE;
}

/* As many sets as fit, as tuples of literals behind one another. */
static SQLRETURN send_literal_tuples(stmt *s) {
    run *r = &s->run;
    const sql_text *t = &s->sql;
    buf_clear(&r->sql);
    buf_add(&r->sql, t->sql.ptr, t->tuple_start);
    SQLULEN rows = 0;
    for (; r->set < r->sets && rows < BATCH_ROWS && r->sql.len < BATCH_BYTES; r->set++) {
        if (ignored(s, r->set)) {
            continue;
        }
        SQLRETURN rc = params_read(s, r->set);
        if (rc != SQL_SUCCESS) {
            return rc;
        }
        buf_add_text(&r->sql, rows > 0 ? ", " : "");
        add_span(s, t->tuple_start, t->tuple_end, true, &r->sql);
        rows++;
    }
    if (r->sql.failed) {
        return fail_memory(&s->h);
    }
    return send_sql(s, r->sql.ptr, r->sql.len);
}

/* The same with markers: the statement is written for the number of sets first, then they are bound. */
static SQLRETURN send_marker_tuples(stmt *s) {
    run *r = &s->run;
    const sql_text *t = &s->sql;
    SQLULEN rows = PARAMS_MAX / t->marker_count, first = r->set;
    rows = rows < r->sets - r->set ? rows : r->sets - r->set;
    SQLRETURN rc = params_read(s, first);
    buf_clear(&r->sql);
    buf_add(&r->sql, t->sql.ptr, t->tuple_start);
    for (SQLULEN i = 0; rc == SQL_SUCCESS && i < rows; i++) {
        buf_add_text(&r->sql, i > 0 ? ", " : "");
        add_span(s, t->tuple_start, t->tuple_end, false, &r->sql);
    }
    if (rc == SQL_SUCCESS) {
        rc = r->sql.failed ? fail_memory(&s->h) : send_sql(s, r->sql.ptr, r->sql.len);
    }
    for (SQLULEN i = 0; rc == SQL_SUCCESS && i < rows; i++) {
        rc = params_read(s, first + i);
        if (rc == SQL_SUCCESS) {
            rc = bind_all(s, i * t->marker_count + 1);
        }
        r->set = first + i + 1;
    }
    return rc;
}

static bool has_ignored(const stmt *s) {
    for (SQLULEN i = s->run.set; s->apd->array_status != NULL && i < s->run.sets; i++) {
        if (ignored(s, i)) {
            return true;
        }
    }
    return false;
}

static SQLRETURN send_sets(stmt *s) {
    run *r = &s->run;
    int batch = (int)s->h.dbc->set.batch;
    bool tuple = s->sql.tuple_end > 0 && r->sets - r->set > 1;
    r->batch_first = r->set;
    SQLRETURN rc;
    if (tuple && batch == BATCH_LITERALS) {
        rc = send_literal_tuples(s);
    } else if (tuple && batch == BATCH_PARAMS && s->sql.marker_count <= PARAMS_MAX / 2 &&
               !has_ignored(s)) {
        rc = send_marker_tuples(s);
    } else {
        rc = s->sql.marker_count > 0 ? params_read(s, r->set) : SQL_SUCCESS;
        rc = rc == SQL_SUCCESS ? params_send(s) : rc;
        r->set += rc == SQL_SUCCESS;
    }
    r->batch_count = r->set - r->batch_first;
    return rc;
}

/* ---- The run ------------------------------------------------------------------------------------------------- */

static void mark(stmt *s, SQLUSMALLINT status) {
    run *r = &s->run;
    for (SQLULEN i = r->batch_first; i < r->batch_first + r->batch_count; i++) {
        if (s->ipd.array_status != NULL) {
            s->ipd.array_status[i] = ignored(s, i) ? SQL_PARAM_UNUSED : status;
        }
    }
    if (s->ipd.rows_processed != NULL) {
        *s->ipd.rows_processed = r->batch_first + r->batch_count;
    }
}

/* What happened once all requests are done. */
static SQLRETURN conclude(stmt *s) {
    run *r = &s->run;
    dae_reset(&s->dae);
    s->executed = true;
    s->row_count = s->res.open ? (SQLLEN)s->res.rows_known : r->modified;
    if (r->failed > 0) {
        return r->done > 0 ? SQL_SUCCESS_WITH_INFO : SQL_ERROR;
    }
    bool searched = s->sql.kind == SQL_KIND_SEARCHED && r->sets == 1 && r->modified == 0;
    if (searched && s->h.env->version != SQL_OV_ODBC2) {
        return SQL_NO_DATA;
    }
    return s->h.diag.count > 0 ? SQL_SUCCESS_WITH_INFO : SQL_SUCCESS;
}

/* A request, or reading its parameters, failed: the record is there. True: the next sets are tried. */
static bool goes_on_after_failure(stmt *s) {
    run *r = &s->run;
    if (r->batch_count == 0) { /* it failed before it was sent */
        r->batch_count = 1;
        r->set = r->set == r->batch_first ? r->set + 1 : r->set;
    }
    mark(s, r->batch_count > 1 ? SQL_PARAM_DIAG_UNAVAILABLE : SQL_PARAM_ERROR);
    r->failed += r->batch_count;
    if (!s->h.dbc->set.continue_on_error || r->sets == 1) {
        r->set = r->sets;
        dae_reset(&s->dae);
        s->row_count = r->done > 0 ? r->modified : -1;
        return false;
    }
    return true;
}

static SQLRETURN after_failure(stmt *s) {
    return goes_on_after_failure(s) ? arrays_next(s) : SQL_ERROR;
}

static void note_effects(stmt *s, SQLLEN modified) {
    run *r = &s->run;
    dbc *d = s->h.dbc;
    r->modified = r->done == 0                      ? modified
                  : modified < 0 || r->modified < 0 ? -1
                                                    : r->modified + modified;
    r->done += r->batch_count;
    if (s->sql.kind == SQL_KIND_CHANGE || s->sql.kind == SQL_KIND_SEARCHED) {
        atomic_fetch_add(&d->changes, 1);
    } else if (s->sql.kind == SQL_KIND_SESSION) {
        atomic_fetch_add(&d->moves, 1);
        atomic_store(&d->own_state, true);
    }
}

static SQLRETURN request_done(stmt *s) {
    kernel_executed_statement_t *executed = NULL;
    if (dbk_future_take_executed(op_future(s), &executed) != KernelStatusCode_Success) {
        (void)op_failed(s);
        if (stmt_recover(s)) {
            s->run.set = s->run.batch_first;
            return arrays_next(s);
        }
        return after_failure(s);
    }
    op_done(s);
    SQLLEN modified = (SQLLEN)kernel_executed_statement_num_modified_rows(executed);
    /* The server's table of counts behind a change is the row count, not a result. */
    bool changed =
        modified >= 0 && (s->sql.kind == SQL_KIND_CHANGE || s->sql.kind == SQL_KIND_SEARCHED);
    SQLRETURN rc = result_open(s, executed, !changed);
    if (rc == SQL_ERROR) {
        result_reset(&s->res);
        return after_failure(s);
    }
    mark(s, SQL_PARAM_SUCCESS);
    note_effects(s, modified);
    return s->res.open ? conclude(s) : arrays_next(s);
}

/* Makes the next request ready. SQL_SUCCESS: it is; SQL_NO_DATA: there is none any more. Sets that fail
 * here are passed one by one, in a loop: there may be millions. */
static SQLRETURN prepare_request(stmt *s) {
    run *r = &s->run;
    for (;;) {
        while (r->set < r->sets && ignored(s, r->set) && s->sql.marker_count > 0) {
            r->set++;
        }
        if (r->set >= r->sets) {
            return SQL_NO_DATA;
        }
        if (op_wished(&s->op)) {
            dae_reset(&s->dae);
            return fail(&s->h, "HY008", "The operation was cancelled.");
        }
        r->batch_count = 0;
        SQLRETURN rc = kernel_stmt_need(s);
        if (rc != SQL_SUCCESS || send_sets(s) == SQL_SUCCESS) {
            return rc;
        }
        if (!goes_on_after_failure(s)) {
            return SQL_ERROR;
        }
    }
}

SQLRETURN arrays_next(stmt *s) {
    SQLRETURN rc = prepare_request(s);
    if (rc != SQL_SUCCESS) {
        return rc == SQL_NO_DATA ? conclude(s) : rc;
    }
    dbk_future *future = NULL;
    dbk_loop *loop = op_loop(&s->op);
    if (loop == NULL || dbk_statement_execute_start(loop, s->kernel, NULL, NULL, &future) !=
                            KernelStatusCode_Success) {
        (void)fail_kernel(&s->h, AT_STATEMENT);
        return after_failure(s);
    }
    return op_started(s, future, request_done);
}
