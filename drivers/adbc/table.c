#include "table.h"

#include <stdlib.h>
#include <string.h>

static bool append(table *t, struct ArrowArray *takes_batch) {
    if (t->count == t->cap) {
        size_t cap = t->cap < 4 ? 4 : t->cap * 2;
        struct ArrowArray *batches = realloc(t->batches, cap * sizeof *batches);
        t->batches = batches != NULL ? batches : t->batches;
        int64_t *starts = realloc(t->starts, cap * sizeof *starts);
        t->starts = starts != NULL ? starts : t->starts;
        if (batches == NULL || starts == NULL) {
            takes_batch->release(takes_batch);
            return false;
        }
        t->cap = cap;
    }
    t->starts[t->count] = t->rows;
    t->rows += takes_batch->length;
    t->batches[t->count++] = *takes_batch;
    return true;
}

void table_reset(table *t) {
    for (size_t i = 0; i < t->count; i++) {
        t->batches[i].release(&t->batches[i]);
    }
    if (t->schema.release != NULL) {
        t->schema.release(&t->schema);
    }
    free(t->batches);
    free(t->starts);
    *t = (table){0};
}

static AdbcStatusCode read_run(run *r, table *out, struct AdbcError *error) {
    struct ArrowArray batch = {0};
    RETURN_IF(run_start(r, error));
    RETURN_IF(run_schema(r, &out->schema, error));
    for (;;) {
        RETURN_IF(run_next(r, &batch, error));
        if (batch.release == NULL) {
            return ADBC_STATUS_OK;
        }
        if (!append(out, &batch)) {
            return fail_memory(error);
        }
    }
}

AdbcStatusCode table_query(connection *c, const char *sql, latch *l, table *out,
                           struct AdbcError *error) {
    run *r = NULL;
    table t = {0};
    RETURN_IF(run_new(c, sql, l, &r, error));
    AdbcStatusCode status = read_run(r, &t, error);
    run_unref(r);
    if (status != ADBC_STATUS_OK) {
        table_reset(&t);
        return status;
    }
    *out = t;
    return ADBC_STATUS_OK;
}

static AdbcStatusCode read_stream(kernel_result_stream_t *stream, table *out,
                                  struct AdbcError *error) {
    struct ArrowArray batch = {0};
    struct ArrowSchema schema = {0};
    if (kernel_result_stream_get_schema(stream, &out->schema) != KernelStatusCode_Success) {
        return fail_kernel(error, "reading the catalog");
    }
    for (;;) {
        if (kernel_result_stream_next_batch(stream, &batch, &schema) != KernelStatusCode_Success) {
            return fail_kernel(error, "reading the catalog");
        }
        if (batch.release == NULL) {
            return ADBC_STATUS_OK;
        }
        schema.release(&schema);
        if (!append(out, &batch)) {
            return fail_memory(error);
        }
    }
}

AdbcStatusCode table_of_stream(kernel_result_stream_t *takes_stream, table *out,
                               struct AdbcError *error) {
    table t = {0};
    AdbcStatusCode status = read_stream(takes_stream, &t, error);
    (void)kernel_result_stream_close(takes_stream);
    if (status != ADBC_STATUS_OK) {
        table_reset(&t);
        return status;
    }
    *out = t;
    return ADBC_STATUS_OK;
}

int table_column(const table *t, const char *name) {
    for (int64_t i = 0; i < t->schema.n_children; i++) {
        if (ascii_same(t->schema.children[i]->name, name)) {
            return (int)i;
        }
    }
    return -1;
}

bool table_cell(table *t, int64_t row, int at, column *out, int64_t *in_batch) {
    if (at < 0 || at >= t->schema.n_children || row < 0 || row >= t->rows) {
        return false;
    }
    if (t->at >= t->count || row < t->starts[t->at]) {
        t->at = 0;
    }
    while (row >= t->starts[t->at] + t->batches[t->at].length) {
        t->at++;
    }
    const struct ArrowArray *batch = &t->batches[t->at];
    if (!column_of(t->schema.children[at], out)) {
        return false;
    }
    column_attach(out, batch->children[at]);
    *in_batch = row - t->starts[t->at] + batch->offset;
    return !cell_is_null(out, *in_batch);
}

bool table_text(table *t, int64_t row, int at, const char **out, size_t *len) {
    column c;
    int64_t in_batch = 0;
    if (!table_cell(t, row, at, &c, &in_batch) || c.kind != CELL_TEXT) {
        return false;
    }
    cell_bytes(&c, in_batch, out, len);
    return true;
}

bool table_int(table *t, int64_t row, int at, int64_t *out) {
    column c;
    int64_t in_batch = 0;
    return table_cell(t, row, at, &c, &in_batch) && cell_int(&c, in_batch, out);
}
