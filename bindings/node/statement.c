#include "module.h"

/* ---- what the server says beside the rows ---- */

void remarks_reset(remarks *r) {
    for (size_t i = 0; i < 3; i++) {
        free(r->texts[i]);
    }
    *r = (remarks){.modified_rows = -1};
}

void remarks_read(remarks *r, kernel_executed_async_statement_t *async) {
    dbk_async_remarks told = {.struct_size = sizeof told};
    if (dbk_async_get_remarks(async, &told) != KernelStatusCode_Success) {
        return;
    }
    const char *const texts[] = {told.display_message, told.diagnostic_info,
                                 told.error_details_json};
    remarks_reset(r);
    r->modified_rows = (double)told.modified_rows;
    for (size_t i = 0; i < 3; i++) {
        r->texts[i] = texts[i] != NULL ? strdup(texts[i]) : NULL;
    }
}

napi_value remarks_value(napi_env env, const remarks *r, size_t which) {
    napi_value number = NULL;
    if (which > 0) {
        return js_text(env, r->texts[which - 1]);
    }
    if (r->modified_rows < 0) {
        return js_null(env);
    }
    (void)napi_create_double(env, r->modified_rows, &number);
    return number;
}

/* ---- opening ---- */

static void destroy(object *o) {
    statement *s = (statement *)o;
    rows_reset(&s->rows);
    if (s->async != NULL) {
        (void)dbk_async_close(s->async); /* tells the server in the background */
    }
    remarks_reset(&s->remarks);
}

static void opened(task *t) {
    task_resolve(t, object_wrap(CLASS_STATEMENT, object_ref(t->made)));
}

static statement *new_statement(task *t) {
    statement *s = object_new(t->addon, sizeof *s, destroy);
    if (s == NULL) {
        task_reject_text(t, "ResourceExhausted", "out of memory");
        return NULL;
    }
    s->remarks.modified_rows = -1;
    t->made = &s->base;
    return s;
}

static void has_result(task *t) {
    statement *s = new_statement(t);
    if (s == NULL) {
        return;
    }
    s->async = t->async;
    t->async = NULL;
    read_id(dbk_async_query_id(s->async), s->id);
    if (dbk_future_take_executed(t->ended, &s->rows.executed) != KernelStatusCode_Success ||
        kernel_executed_statement_get_result_stream(s->rows.executed, &s->rows.stream) !=
            KernelStatusCode_Success) {
        task_reject_last(t);
        return;
    }
    remarks_read(&s->remarks, s->async);
    rows_open(t, &s->rows, opened);
}

void statement_await(task *t) {
    task_wait(t, dbk_async_take_result_start(t->addon->loop, t->async, TASK_LOOP(t)), has_result);
}

void statement_of_stream(task *t, kernel_result_stream_t *takes_stream) {
    statement *s = new_statement(t);
    if (s == NULL) {
        (void)kernel_result_stream_close(takes_stream);
        return;
    }
    s->rows.stream = takes_stream;
    rows_open(t, &s->rows, opened);
}

/* ---- members ---- */

static napi_value get_id(napi_env env, napi_callback_info info) {
    call c = call_begin(env, info);
    const statement *s = object_unwrap(&c, CLASS_STATEMENT);
    return s != NULL ? js_text(env, s->id) : NULL;
}

static napi_value schema(napi_env env, napi_callback_info info) {
    call c = call_begin(env, info);
    const statement *s = object_unwrap(&c, CLASS_STATEMENT);
    return s != NULL ? rows_schema(env, &s->rows) : NULL;
}

/* Read to the end: the server forgets it now, in the background. */
static void drained(task *t) {
    statement *s = (statement *)t->about;
    if (s->async != NULL) {
        (void)dbk_async_close(s->async);
        s->async = NULL;
    }
}

static napi_value fetch_next_batch(napi_env env, napi_callback_info info) {
    call c = call_begin(env, info);
    statement *s = object_unwrap(&c, CLASS_STATEMENT);
    return s != NULL ? rows_fetch(&c, s, &s->rows, drained) : NULL;
}

static napi_value remark(napi_env env, napi_callback_info info, size_t which) {
    call c = call_begin(env, info);
    napi_value promise = NULL;
    statement *s = object_unwrap(&c, CLASS_STATEMENT);
    task *t = s != NULL ? task_new(&c, s, &promise) : NULL;
    if (t == NULL) {
        return NULL;
    }
    if (s->rows.closed) {
        task_reject_text(t, "InvalidStatementHandle", "statement already closed");
    } else {
        task_resolve(t, remarks_value(env, &s->remarks, which));
    }
    return promise;
}

static napi_value num_modified_rows(napi_env env, napi_callback_info info) {
    return remark(env, info, 0);
}

static napi_value display_message(napi_env env, napi_callback_info info) {
    return remark(env, info, 1);
}

static napi_value diagnostic_info(napi_env env, napi_callback_info info) {
    return remark(env, info, 2);
}

static napi_value error_details_json(napi_env env, napi_callback_info info) {
    return remark(env, info, 3);
}

/* Does not wait for a read under way: that ends as cancelled. */
static napi_value cancel(napi_env env, napi_callback_info info) {
    call c = call_begin(env, info);
    napi_value promise = NULL;
    statement *s = object_unwrap(&c, CLASS_STATEMENT);
    task *t = s != NULL ? task_new(&c, s, &promise) : NULL;
    if (t == NULL) {
        return NULL;
    }
    if (s->rows.closed && !s->rows.drained) {
        task_reject_text(t, "InvalidStatementHandle", "statement already closed");
    } else if (s->async == NULL) {
        task_resolve_undefined(t);
    } else {
        if (s->rows.queue.running != NULL && s->rows.queue.running->future != NULL) {
            (void)dbk_future_cancel(s->rows.queue.running->future);
        }
        task_wait(t, dbk_async_cancel_start(t->addon->loop, s->async, TASK_LOOP(t)),
                  task_resolve_undefined);
    }
    return promise;
}

static napi_value close_statement(napi_env env, napi_callback_info info) {
    call c = call_begin(env, info);
    napi_value promise = NULL;
    KernelStatementStatusKind state = KernelStatementStatusKind_Closed;
    statement *s = object_unwrap(&c, CLASS_STATEMENT);
    task *t = s != NULL ? task_new(&c, s, &promise) : NULL;
    if (t == NULL) {
        return NULL;
    }
    rows_close(&s->rows);
    t->async = s->async; /* freed at the end of the task */
    s->async = NULL;
    if (t->async != NULL) {
        (void)dbk_async_status(t->async, &state);
    }
    if (state == KernelStatementStatusKind_Closed) { /* nothing left on the server */
        task_resolve_undefined(t);
    } else {
        task_wait(t, dbk_async_end_start(t->addon->loop, t->async, TASK_LOOP(t)),
                  task_resolve_undefined);
    }
    return promise;
}

const class_spec statement_class = {"Statement",
                                    "statementId",
                                    get_id,
                                    {{"cancel", cancel},
                                     {"close", close_statement},
                                     {"diagnosticInfo", diagnostic_info},
                                     {"displayMessage", display_message},
                                     {"errorDetailsJson", error_details_json},
                                     {"fetchNextBatch", fetch_next_batch},
                                     {"numModifiedRows", num_modified_rows},
                                     {"schema", schema},
                                     {NULL, NULL}}};
