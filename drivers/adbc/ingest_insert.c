#include "ingest.h"

#include <string.h>

/* The service takes 256 parameters a statement. */
#define PARAMETERS_MAX 256

static void add_marker(const column *c, text *sql) {
    text type = {0};
    if (c->kind == CELL_BINARY) {
        text_add(sql, "unhex(?)");
    } else if (c->kind == CELL_LIST || c->kind == CELL_MAP || c->kind == CELL_STRUCT) {
        (void)column_sql_type(c, &type);
        text_addf(sql, "from_json(?, '%s')", text_str(&type));
    } else {
        text_add(sql, "?");
    }
    text_reset(&type);
}

static void write_insert(const ingest *in, int64_t rows, text *sql) {
    text_addf(sql, "INSERT INTO %s (%s) VALUES ", in->target, in->columns);
    for (int64_t row = 0; row < rows; row++) {
        text_add(sql, row > 0 ? ", (" : "(");
        for (size_t i = 0; i < in->rows->count; i++) {
            text_add(sql, i > 0 ? ", " : "");
            add_marker(&in->rows->columns[i], sql);
        }
        text_add(sql, ")");
    }
}

/* The current row and those after it in its batch; the last of them becomes the current one. */
static AdbcStatusCode bind_rows(ingest *in, run *r, int64_t rows, struct AdbcError *error) {
    for (int64_t i = 0; i < rows; i++) {
        in->rows->row += i > 0 ? 1 : 0;
        RETURN_IF(params_bind(in->rows, run_statement(r), false, error));
    }
    return ADBC_STATUS_OK;
}

static AdbcStatusCode insert_rows(ingest *in, int64_t rows, struct AdbcError *error) {
    run *r = NULL;
    text sql = {0};
    write_insert(in, rows, &sql);
    AdbcStatusCode status = sql.failed
                                ? fail_memory(error)
                                : statement_run(in->s, text_str(&sql), in->cancel, &r, error);
    text_reset(&sql);
    RETURN_IF(status);
    status = bind_rows(in, r, rows, error);
    if (status == ADBC_STATUS_OK) {
        status = run_start(r, error);
    }
    if (status == ADBC_STATUS_OK) {
        in->written += rows;
    }
    run_unref(r);
    return status;
}

/* What came before a failure is in the table: whoever mends it must know how much. */
static AdbcStatusCode tell_written(const ingest *in, AdbcStatusCode status,
                                   struct AdbcError *error) {
    if (error == NULL || in->written == 0) {
        return status;
    }
    return fail_because(error, status, "%lld rows are in %s; those after them failed",
                        (long long)in->written, in->target);
}

AdbcStatusCode ingest_insert(ingest *in, struct AdbcError *error) {
    bool there = false;
    if (in->rows->count > PARAMETERS_MAX || in->rows->count == 0) {
        return fail(error, ADBC_STATUS_NOT_IMPLEMENTED,
                    "rows of %zu columns cannot be inserted by parameters (1 to %d); set "
                    "databricks.ingest.staging_volume to a volume to stage them as files",
                    in->rows->count, PARAMETERS_MAX);
    }
    int64_t most = PARAMETERS_MAX / (int64_t)in->rows->count;
    for (;;) {
        RETURN_IF(params_next(in->rows, &there, error));
        if (!there) {
            return ADBC_STATUS_OK;
        }
        int64_t left = in->rows->batch.length - in->rows->row;
        AdbcStatusCode status = insert_rows(in, left < most ? left : most, error);
        if (status != ADBC_STATUS_OK) {
            return tell_written(in, status, error);
        }
    }
}
