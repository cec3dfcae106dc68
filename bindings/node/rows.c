#include "module.h"

#include <stdio.h>

/* Small batches are merged to about this many bytes: a promise per tiny batch costs more than its rows. */
#define MERGE_BYTES (1024u * 1024u)

void read_id(const char *id, char out[static ID_SIZE]) {
    (void)snprintf(out, ID_SIZE, "%s", id != NULL ? id : "");
}

/* ---- the schema comes first ---- */

static void schema_read(task *t) {
    if (dbk_future_take_ipc(t->ended, &t->rows->schema) == KernelStatusCode_Success) {
        t->then(t);
    } else {
        task_reject_last(t);
    }
}

void rows_open(task *t, rows *r, task_step then) {
    t->rows = r;
    t->then = then;
    task_wait(
        t, dbk_result_stream_next_payload_start(t->addon->loop, r->stream, SIZE_MAX, TASK_LOOP(t)),
        schema_read);
}

napi_value rows_schema(napi_env env, const rows *r) {
    napi_value bytes = NULL;
    void *copy = NULL;
    bool made =
        napi_create_buffer_copy(env, r->schema.len, r->schema.data, &copy, &bytes) == napi_ok;
    return js_ipc(env, made ? bytes : NULL);
}

/* ---- reading ---- */

static void release(rows *r) {
    if (r->stream != NULL) {
        (void)kernel_result_stream_close(r->stream);
        r->stream = NULL;
    }
    if (r->executed != NULL) {
        (void)kernel_executed_statement_close(r->executed);
        r->executed = NULL;
    }
}

static void batch_read(task *t) {
    dbk_buffer payload = {0};
    napi_env env = t->addon->env;
    if (dbk_future_take_ipc(t->ended, &payload) != KernelStatusCode_Success) {
        task_reject_last(t);
    } else if (payload.len > 0) {
        task_resolve(t, js_ipc(env, js_buffer(env, &payload)));
    } else {
        t->rows->drained = true;
        release(t->rows);
        if (t->then != NULL) {
            t->then(t);
        }
        task_resolve(t, js_null(env));
    }
}

static void fetch(task *t) {
    const rows *r = t->rows;
    if (r->closed) {
        task_reject_text(t, "InvalidStatementHandle", "statement already closed");
    } else if (r->drained) {
        task_resolve(t, js_null(t->addon->env));
    } else {
        task_wait(t,
                  dbk_result_stream_next_payload_start(t->addon->loop, r->stream, MERGE_BYTES,
                                                       TASK_LOOP(t)),
                  batch_read);
    }
}

napi_value rows_fetch(const call *c, void *about, rows *r, task_step drained) {
    napi_value promise = NULL;
    task *t = task_new(c, about, &promise);
    if (t != NULL) {
        t->rows = r;
        t->then = drained;
        task_enqueue(t, &r->queue, fetch);
    }
    return promise;
}

void rows_close(rows *r) {
    r->closed = true;
    release(r);
}

void rows_reset(rows *r) {
    release(r);
    if (r->schema.release != NULL) {
        r->schema.release(&r->schema);
    }
}
