#include "driver.h"

#include <stdlib.h>
#include <string.h>

/* One run of SQL: a statement of the kernel's, what it executed, and its rows. */

struct run {
    atomic_size_t refs;
    latch *cancel;                           /* counted; may be NULL */
    kernel_statement_t *stmt;                /* lives as long as the run: progress */
    kernel_statement_canceller_t *canceller; /* tells the server's id, also of one that failed */
    kernel_executed_statement_t *executed;   /* NULL: not started, or finished */
    kernel_result_stream_t *rows;            /* NULL: not asked for, or finished */
    int64_t affected;
    bool has_rows;
};

AdbcStatusCode run_new(connection *c, const char *sql, latch *l, run **out,
                       struct AdbcError *error) {
    run *r = calloc(1, sizeof *r);
    if (r == NULL) {
        return fail_memory(error);
    }
    atomic_init(&r->refs, 1);
    r->affected = -1;
    r->cancel = l != NULL ? latch_ref(l) : NULL;
    if (kernel_session_new_statement(c->session, &r->stmt) != KernelStatusCode_Success ||
        kernel_statement_set_sql(r->stmt, sql) != KernelStatusCode_Success ||
        kernel_statement_canceller_new(r->stmt, &r->canceller) != KernelStatusCode_Success) {
        AdbcStatusCode status = fail_kernel(error, "preparing a statement");
        run_unref(r);
        return status;
    }
    *out = r;
    return ADBC_STATUS_OK;
}

AdbcStatusCode run_of_executed(kernel_executed_statement_t *takes_executed, run **out,
                               struct AdbcError *error) {
    run *r = calloc(1, sizeof *r);
    if (r == NULL) {
        (void)kernel_executed_statement_close(takes_executed);
        return fail_memory(error);
    }
    atomic_init(&r->refs, 1);
    r->executed = takes_executed;
    r->affected = -1;
    r->has_rows = true;
    *out = r;
    return ADBC_STATUS_OK;
}

run *run_ref(run *r) {
    (void)atomic_fetch_add_explicit(&r->refs, 1, memory_order_relaxed);
    return r;
}

void run_unref(run *r) {
    if (r == NULL || atomic_fetch_sub_explicit(&r->refs, 1, memory_order_acq_rel) != 1) {
        return;
    }
    run_finish(r);
    if (r->canceller != NULL) {
        (void)kernel_statement_canceller_free(r->canceller);
    }
    if (r->stmt != NULL) {
        (void)kernel_statement_close(r->stmt);
    }
    latch_unref(r->cancel);
    free(r);
}

void run_finish(run *r) {
    if (r->rows != NULL) {
        (void)kernel_result_stream_close(r->rows);
        r->rows = NULL;
    }
    if (r->executed != NULL) {
        (void)kernel_executed_statement_close(r->executed);
        r->executed = NULL;
    }
}

kernel_statement_t *run_statement(const run *r) {
    return r->stmt;
}

AdbcStatusCode run_option(run *r, const char *key, const char *value, struct AdbcError *error) {
    return dbk_statement_set_option(r->stmt, key, value) == KernelStatusCode_Success
               ? ADBC_STATUS_OK
               : fail_kernel(error, "setting an option of the statement");
}

AdbcStatusCode run_start(run *r, struct AdbcError *error) {
    dbk_executed_info info = {.struct_size = sizeof info};
    latch *before = latch_watch(r->cancel);
    KernelStatusCode code = kernel_statement_execute(r->stmt, &r->executed);
    latch_unwatch(before);
    if (code != KernelStatusCode_Success) {
        return fail_kernel(error, "executing a statement");
    }
    r->affected = kernel_executed_statement_num_modified_rows(r->executed);
    if (dbk_executed_get_info(r->executed, &info) == KernelStatusCode_Success) {
        r->has_rows = info.has_result_set && r->affected < 0;
    }
    return ADBC_STATUS_OK;
}

int64_t run_affected(const run *r) {
    return r->affected;
}

bool run_has_rows(const run *r) {
    return r->has_rows;
}

kernel_executed_statement_t *run_executed(const run *r) {
    return r->executed;
}

static AdbcStatusCode open_rows(run *r, struct AdbcError *error) {
    if (r->rows != NULL) {
        return ADBC_STATUS_OK;
    }
    if (r->executed == NULL) {
        return fail(error, ADBC_STATUS_INVALID_STATE, "the result was given up");
    }
    return kernel_executed_statement_get_result_stream(r->executed, &r->rows) ==
                   KernelStatusCode_Success
               ? ADBC_STATUS_OK
               : fail_kernel(error, "opening the result");
}

AdbcStatusCode run_schema(run *r, struct ArrowSchema *out, struct AdbcError *error) {
    RETURN_IF(open_rows(r, error));
    latch *before = latch_watch(r->cancel);
    KernelStatusCode code = kernel_result_stream_get_schema(r->rows, out);
    latch_unwatch(before);
    return code == KernelStatusCode_Success ? ADBC_STATUS_OK
                                            : fail_kernel(error, "reading the result's schema");
}

AdbcStatusCode run_next(run *r, struct ArrowArray *out, struct AdbcError *error) {
    struct ArrowSchema schema = {0};
    RETURN_IF(open_rows(r, error));
    if (r->cancel != NULL && latch_fired(r->cancel)) {
        return fail(error, ADBC_STATUS_CANCELLED, "the statement was cancelled");
    }
    latch *before = latch_watch(r->cancel);
    KernelStatusCode code = kernel_result_stream_next_batch(r->rows, out, &schema);
    latch_unwatch(before);
    if (code != KernelStatusCode_Success) {
        return fail_kernel(error, "reading the result");
    }
    if (schema.release != NULL) {
        schema.release(&schema);
    }
    return ADBC_STATUS_OK;
}

bool run_query_id(const run *r, char *buf, size_t size) {
    return r->canceller != NULL && dbk_canceller_get_query_id(r->canceller, buf, size);
}

bool run_progress(const run *r, double *done, double *total) {
    dbk_progress p = {.struct_size = sizeof p};
    if (r->stmt == NULL || dbk_statement_get_progress(r->stmt, &p) != KernelStatusCode_Success) {
        return false;
    }
    *done = (double)p.chunks_done;
    *total = p.chunks_total > 0 ? (double)p.chunks_total : 0;
    return true;
}

AdbcStatusCode run_command(connection *c, const char *sql, latch *l, int64_t *affected,
                           struct AdbcError *error) {
    run *r = NULL;
    RETURN_IF(run_new(c, sql, l, &r, error));
    AdbcStatusCode status = run_start(r, error);
    if (status == ADBC_STATUS_OK && affected != NULL) {
        *affected = run_affected(r);
    }
    run_unref(r);
    return status;
}
