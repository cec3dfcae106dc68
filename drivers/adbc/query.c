#include "statement.h"

#include "build.h"
#include "sql.h"

#include <stdlib.h>
#include <string.h>

/* AdbcStatementExecuteQuery: once, or once for each bound row. */

/* The runs whose rows the caller gets. */
typedef struct runs {
    run **items;
    size_t count, cap;
    int64_t affected; /* -1: not known */
} runs;

static void drop(runs *rs) {
    for (size_t i = 0; i < rs->count; i++) {
        run_unref(rs->items[i]);
    }
    free(rs->items);
    *rs = (runs){0};
}

static bool keep(runs *rs, run *takes_run) {
    if (rs->count == rs->cap) {
        size_t cap = rs->cap < 4 ? 4 : rs->cap * 2;
        run **larger = realloc(rs->items, cap * sizeof(run *));
        if (larger == NULL) {
            run_unref(takes_run);
            return false;
        }
        rs->items = larger;
        rs->cap = cap;
    }
    rs->items[rs->count++] = takes_run;
    return true;
}

static void add_affected(runs *rs, const run *r, bool first) {
    int64_t n = run_affected(r);
    bool known = n >= 0 && (first || rs->affected >= 0);
    rs->affected = known ? (first ? 0 : rs->affected) + n : -1;
}

/* One execution. Rows are kept when they are wanted; of counts of changed rows the first is enough. */
static AdbcStatusCode execute_once(statement *s, const char *sql, latch *l, bool wanted, runs *rs,
                                   bool first, struct AdbcError *error) {
    run *r = NULL;
    RETURN_IF(statement_run(s, sql, l, &r, error));
    AdbcStatusCode status = ADBC_STATUS_OK;
    if (s->bound.columns != NULL) {
        status = params_bind(&s->bound, run_statement(r),
                             statement_flag(s, "adbc.statement.bind_by_name"), error);
    }
    if (status == ADBC_STATUS_OK && latch_fired(l)) {
        status = fail(error, ADBC_STATUS_CANCELLED, "the statement was cancelled");
    }
    if (status == ADBC_STATUS_OK) {
        status = run_start(r, error);
    }
    if (status != ADBC_STATUS_OK) {
        run_unref(r);
        return status;
    }
    add_affected(rs, r, first);
    if (wanted && (first || run_has_rows(r))) {
        return keep(rs, r) ? ADBC_STATUS_OK : fail_memory(error);
    }
    run_finish(r);
    run_unref(r);
    return ADBC_STATUS_OK;
}

static AdbcStatusCode check_count(const statement *s, const char *sql, struct AdbcError *error) {
    size_t markers = sql_markers(sql);
    if (!statement_flag(s, "adbc.statement.bind_by_name") && markers != s->bound.count) {
        return fail(error, ADBC_STATUS_INVALID_STATE,
                    "the query has %zu parameters, %zu columns are bound", markers, s->bound.count);
    }
    return ADBC_STATUS_OK;
}

static AdbcStatusCode execute_rows(statement *s, const char *sql, latch *l, bool wanted, runs *rs,
                                   struct AdbcError *error) {
    text dressed = {0};
    bool there = false;
    AdbcStatusCode status = params_open(&s->bound, error);
    if (status == ADBC_STATUS_OK) {
        status = check_count(s, sql, error);
    }
    if (status == ADBC_STATUS_OK) {
        sql_dress_markers(sql, s->bound.columns, s->bound.count, &dressed);
    }
    rs->affected = 0;
    for (bool first = true; status == ADBC_STATUS_OK; first = false) {
        status = params_next(&s->bound, &there, error);
        if (status != ADBC_STATUS_OK || !there) {
            break;
        }
        status = dressed.failed ? fail_memory(error)
                                : execute_once(s, text_str(&dressed), l, wanted, rs, first, error);
    }
    text_reset(&dressed);
    return status;
}

static AdbcStatusCode execute_all(statement *s, bool wanted, runs *rs, struct AdbcError *error) {
    text sql = {0};
    latch *l = statement_begin(s);
    rs->affected = -1;
    text_add_n(&sql, s->sql, sql_length(s->sql));
    if (l == NULL || sql.failed) {
        text_reset(&sql);
        return fail_memory(error);
    }
    AdbcStatusCode status = s->bound.stream.release != NULL
                                ? execute_rows(s, text_str(&sql), l, wanted, rs, error)
                                : execute_once(s, text_str(&sql), l, wanted, rs, true, error);
    text_reset(&sql);
    params_reset(&s->bound); /* a stream can be read once only */
    return status;
}

static AdbcStatusCode empty_stream(struct ArrowArrayStream *out, struct AdbcError *error) {
    return node_stream(node_struct("", 0, NULL), out, error);
}

AdbcStatusCode AdbcStatementExecuteQuery(struct AdbcStatement *handle, struct ArrowArrayStream *out,
                                         int64_t *rows_affected, struct AdbcError *error) {
    statement *s = statement_open(handle, error);
    runs rs = {0};
    if (s == NULL) {
        return ADBC_STATUS_INVALID_STATE;
    }
    if (out != NULL) {
        memset(out, 0, sizeof *out);
    }
    if (statement_option(s, "adbc.ingest.target_table") != NULL) {
        RETURN_IF(ingest_run(s, rows_affected, error));
        return out != NULL ? empty_stream(out, error) : ADBC_STATUS_OK;
    }
    if (s->sql == NULL) {
        return fail(error, ADBC_STATUS_INVALID_STATE, "there is no query to execute");
    }
    AdbcStatusCode status = execute_all(s, out != NULL, &rs, error);
    if (status != ADBC_STATUS_OK) {
        drop(&rs);
        return status;
    }
    if (rows_affected != NULL) {
        *rows_affected = rs.affected;
    }
    if (out == NULL) {
        return ADBC_STATUS_OK;
    }
    if (rs.count == 0) {
        drop(&rs);
        return empty_stream(out, error);
    }
    return stream_of_runs(rs.items, rs.count, out, error);
}
