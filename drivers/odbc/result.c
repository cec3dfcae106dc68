#include "odbc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The result of a statement: where its rows come from, and the batches that are still needed. */

static void drop_batch(held_batch *h) {
    if (h->array.release != NULL) {
        h->array.release(&h->array);
    }
    free(h->columns);
}

void result_reset(result *r) {
    for (size_t i = 0; i < r->batch_count; i++) {
        drop_batch(&r->batches[i]);
    }
    free(r->batches);
    columns_free(r->columns, r->column_count);
    zone_close(r->zone);
    if (r->stream != NULL) {
        (void)kernel_result_stream_close(r->stream);
    }
    if (r->executed != NULL) {
        (void)kernel_executed_statement_close(r->executed);
    }
    table_free(r->table);
    free(r->late.message);
    *r = (result){.rows_known = -1};
}

/* All timestamps of a result with a zone name the session's; the first one is opened. */
static void open_zone(result *r, column *c, const char *format) {
    if (r->zone == NULL) {
        (void)snprintf(r->zone_name, sizeof r->zone_name, "%s", format + 4);
        r->zone = zone_open(r->zone_name);
    }
    c->zone = r->zone; /* NULL for a zone this system does not know: UTC is shown */
}

SQLRETURN result_set_columns(stmt *s, const struct ArrowSchema *schema) {
    result *r = &s->res;
    size_t count = schema->n_children > 0 ? (size_t)schema->n_children : 0;
    r->columns = calloc(count == 0 ? 1 : count, sizeof *r->columns);
    if (r->columns == NULL) {
        return fail_memory(&s->h);
    }
    for (size_t i = 0; i < count; i++) {
        r->column_count = i + 1;
        if (!column_from_arrow(&s->h.dbc->set, schema->children[i], &r->columns[i])) {
            return fail_memory(&s->h);
        }
        if (r->columns[i].zoned) {
            const struct ArrowSchema *f = schema->children[i];
            open_zone(r, &r->columns[i], f->dictionary == NULL ? f->format : f->dictionary->format);
            if (r->zone == NULL) {
                (void)warn(&s->h, "01000",
                           "The time zone %s is not known here: its timestamps are shown in UTC.",
                           r->zone_name);
            }
        }
    }
    return SQL_SUCCESS;
}

SQLRETURN result_open(stmt *s, kernel_executed_statement_t *executed, bool rows_wanted) {
    result_reset(&s->res);
    result *r = &s->res;
    r->executed = executed;
    const char *id = kernel_executed_statement_query_id(executed);
    (void)snprintf(s->query_id, sizeof s->query_id, "%s", id == NULL ? "" : id);
    dbk_executed_info info = {.struct_size = sizeof info};
    if (dbk_executed_get_info(executed, &info) != KernelStatusCode_Success) {
        return fail_kernel(&s->h, AT_STATEMENT);
    }
    if (!info.has_result_set || !rows_wanted) {
        return SQL_SUCCESS;
    }
    struct ArrowSchema schema = {0};
    if (kernel_executed_statement_get_result_stream(executed, &r->stream) !=
            KernelStatusCode_Success ||
        kernel_result_stream_get_schema(r->stream, &schema) != KernelStatusCode_Success) {
        return fail_kernel(&s->h, AT_STATEMENT);
    }
    SQLRETURN rc = result_set_columns(s, &schema);
    schema.release(&schema);
    r->rows_known = info.total_rows;
    r->open = rc == SQL_SUCCESS && r->column_count > 0;
    return rc;
}

SQLRETURN result_open_table(stmt *s, table *t) {
    static const struct {
        char type;
        source source;
        const char *text;
    } kinds[] = {{'s', SRC_I16, "SMALLINT"}, {'i', SRC_I32, "INT"}, {'u', SRC_TEXT, NULL}};
    result_reset(&s->res);
    result *r = &s->res;
    r->table = t;
    r->columns = calloc(t->width, sizeof *r->columns);
    if (r->columns == NULL || t->failed) {
        return fail_memory(&s->h);
    }
    bool old = s->h.env->version == SQL_OV_ODBC2;
    for (size_t i = 0; i < t->width; i++) {
        const table_column *from = &t->columns[i];
        column *c = &r->columns[i];
        size_t k = from->type == 's' ? 0 : from->type == 'i' ? 1 : 2;
        char varchar[24];
        (void)snprintf(varchar, sizeof varchar, "VARCHAR(%d)", from->size);
        r->column_count = i + 1;
        c->source = kinds[k].source;
        c->name = text_copy(text_of(old && from->name2 != NULL ? from->name2 : from->name));
        c->type_text = text_copy(text_of(k == 2 ? varchar : kinds[k].text));
        if (c->name == NULL || c->type_text == NULL) {
            return fail_memory(&s->h);
        }
        type_describe(&s->h.dbc->set, c->type_text, c);
        c->nullable = from->nullable ? SQL_NULLABLE : SQL_NO_NULLS;
    }
    r->rows_known = (int64_t)t->rows;
    r->open = true;
    s->executed = true;
    s->row_count = (SQLLEN)t->rows;
    return SQL_SUCCESS;
}

/* ---- Batches ------------------------------------------------------------------------------------------- */

static SQLRETURN hold(stmt *s, struct ArrowArray *array) {
    result *r = &s->res;
    if (array->n_children < 0 || (size_t)array->n_children < r->column_count) {
        array->release(array);
        return fail(&s->h, "HY000", "A batch has fewer columns than the result.");
    }
    if (r->batch_count == r->batch_cap) {
        size_t cap = r->batch_cap == 0 ? 4 : r->batch_cap * 2;
        held_batch *grown = realloc(r->batches, cap * sizeof *grown);
        if (grown == NULL) {
            array->release(array);
            return fail_memory(&s->h);
        }
        r->batches = grown;
        r->batch_cap = cap;
    }
    held_batch *h = &r->batches[r->batch_count];
    int64_t first = r->batch_count == 0 ? r->next_row
                                        : r->batches[r->batch_count - 1].first_row +
                                              r->batches[r->batch_count - 1].array.length;
    *h = (held_batch){.array = *array, .first_row = first};
    h->columns = calloc(r->column_count, sizeof *h->columns);
    if (h->columns == NULL) {
        array->release(array);
        return fail_memory(&s->h);
    }
    for (size_t i = 0; i < r->column_count; i++) {
        batch_column_set(&h->columns[i], &r->columns[i], array->children[i]);
    }
    r->batch_count++;
    return SQL_SUCCESS;
}

/* SQL_SUCCESS: held; SQL_NO_DATA: the end; SQL_STILL_EXECUTING: it was empty, ask again. */
static SQLRETURN take(stmt *s, struct ArrowArray *array, struct ArrowSchema *schema) {
    if (schema->release != NULL) {
        schema->release(schema);
    }
    if (array->release == NULL) {
        s->res.ended = true;
        return SQL_NO_DATA;
    }
    if (array->length == 0) {
        array->release(array);
        return SQL_STILL_EXECUTING;
    }
    return hold(s, array);
}

SQLRETURN result_more(stmt *s, SQLRETURN (*next)(stmt *s)) {
    result *r = &s->res;
    struct ArrowArray array = {0};
    struct ArrowSchema schema = {0};
    if (r->table != NULL && !r->table_given && !r->ended) {
        r->table_given = true;
        if (!table_export(r->table, &array)) {
            return fail_memory(&s->h);
        }
        SQLRETURN rc = take(s, &array, &schema);
        r->ended = r->ended || rc == SQL_STILL_EXECUTING;
        return rc == SQL_STILL_EXECUTING ? SQL_NO_DATA : rc;
    }
    if (r->ended || r->table != NULL) {
        r->ended = true;
        return SQL_NO_DATA;
    }
    for (;;) {
        bool would_block = false;
        if (op_wished(&s->op)) {
            return fail(&s->h, "HY008", "The operation was cancelled.");
        }
        if (dbk_result_stream_try_next(r->stream, &array, &schema, &would_block) !=
            KernelStatusCode_Success) {
            return fail_kernel(&s->h, AT_STATEMENT);
        }
        if (would_block) {
            break;
        }
        SQLRETURN rc = take(s, &array, &schema);
        if (rc != SQL_STILL_EXECUTING) {
            return rc;
        }
    }
    dbk_future *future = NULL;
    dbk_loop *loop = op_loop(&s->op);
    if (loop == NULL || dbk_result_stream_next_start(loop, r->stream, NULL, NULL, &future) !=
                            KernelStatusCode_Success) {
        return fail_kernel(&s->h, AT_STATEMENT);
    }
    return op_started(s, future, next);
}

SQLRETURN result_taken(stmt *s) {
    struct ArrowArray array = {0};
    struct ArrowSchema schema = {0};
    if (dbk_future_take_batch(op_future(s), &array, &schema) != KernelStatusCode_Success) {
        return op_failed(s);
    }
    op_done(s);
    return take(s, &array, &schema);
}

void result_drop_before(result *r, int64_t row) {
    size_t gone = 0;
    while (gone < r->batch_count &&
           r->batches[gone].first_row + r->batches[gone].array.length <= row) {
        drop_batch(&r->batches[gone]);
        gone++;
    }
    if (gone > 0) {
        memmove(r->batches, r->batches + gone, (r->batch_count - gone) * sizeof *r->batches);
        r->batch_count -= gone;
    }
}

const held_batch *result_batch_of(const result *r, int64_t row) {
    for (size_t i = 0; i < r->batch_count; i++) {
        const held_batch *h = &r->batches[i];
        if (row >= h->first_row && row < h->first_row + h->array.length) {
            return h;
        }
    }
    return NULL;
}
