#include "module.h"

/* AsyncStatement: runs on the server while the caller does something else; AsyncResultHandle: its rows. */

typedef struct submitted {
    object base;
    kernel_executed_async_statement_t *async; /* NULL: closed */
    queue queue;                              /* cancel and close go past it */
    remarks remarks;
    char id[ID_SIZE];
} submitted;

typedef struct result_handle {
    object base;
    rows rows;
    submitted *parent; /* counted: collecting it must not close the statement */
} result_handle;

static const char closed_text[] = "AsyncStatement already closed";

static void destroy(object *o) {
    submitted *s = (submitted *)o;
    if (s->async != NULL) {
        (void)dbk_async_close(s->async); /* tells the server in the background */
    }
    remarks_reset(&s->remarks);
}

void submitted_resolve(task *t) {
    submitted *s = object_new(t->addon, sizeof *s, destroy);
    if (s == NULL) {
        task_reject_text(t, "ResourceExhausted", "out of memory");
        return;
    }
    s->async = t->async;
    t->async = NULL;
    s->remarks.modified_rows = -1;
    read_id(dbk_async_query_id(s->async), s->id);
    task_resolve(t, object_wrap(CLASS_ASYNC_STATEMENT, s));
}

static napi_value get_id(napi_env env, napi_callback_info info) {
    call c = call_begin(env, info);
    const submitted *s = object_unwrap(&c, CLASS_ASYNC_STATEMENT);
    return s != NULL ? js_text(env, s->id) : NULL;
}

/* ---- calls that take turns ---- */

static napi_value in_turn(napi_env env, napi_callback_info info, task_step begin) {
    call c = call_begin(env, info);
    napi_value promise = NULL;
    submitted *s = object_unwrap(&c, CLASS_ASYNC_STATEMENT);
    task *t = s != NULL ? task_new(&c, s, &promise) : NULL;
    if (t != NULL) {
        task_enqueue(t, &s->queue, begin);
    }
    return promise;
}

/* NULL: rejected. */
static submitted *still_open(task *t) {
    submitted *s = (submitted *)t->about;
    if (s->async == NULL) {
        task_reject_text(t, "InvalidStatementHandle", closed_text);
        return NULL;
    }
    return s;
}

static void note_remarks(task *t) {
    submitted *s = (submitted *)t->about;
    KernelStatementStatusKind state = KernelStatementStatusKind_Pending;
    if (s->async != NULL && dbk_async_status(s->async, &state) == KernelStatusCode_Success &&
        state != KernelStatementStatusKind_Pending && state != KernelStatementStatusKind_Running) {
        remarks_read(&s->remarks, s->async);
    }
}

static void polled(task *t) {
    KernelStatementStatusKind state = KernelStatementStatusKind_Pending;
    if (dbk_future_take_state(t->ended, &state) == KernelStatusCode_Success) {
        task_resolve(t, js_text(t->addon->env, dbk_statement_state_name(state)));
    } else {
        task_reject_last(t);
    }
}

static void begin_status(task *t) {
    submitted *s = still_open(t);
    if (s != NULL) {
        t->on_settle = note_remarks;
        task_wait(t, dbk_async_poll_start(t->addon->loop, s->async, TASK_LOOP(t)), polled);
    }
}

static napi_value status(napi_env env, napi_callback_info info) {
    return in_turn(env, info, begin_status);
}

static void destroy_result(object *o) {
    result_handle *h = (result_handle *)o;
    rows_reset(&h->rows);
    object_unref(h->parent);
}

static void opened(task *t) {
    task_resolve(t, object_wrap(CLASS_ASYNC_RESULT, object_ref(t->made)));
}

static void has_result(task *t) {
    result_handle *h = object_new(t->addon, sizeof *h, destroy_result);
    if (h == NULL) {
        task_reject_text(t, "ResourceExhausted", "out of memory");
        return;
    }
    t->made = &h->base;
    h->parent = object_ref(t->about);
    if (dbk_future_take_executed(t->ended, &h->rows.executed) != KernelStatusCode_Success ||
        kernel_executed_statement_get_result_stream(h->rows.executed, &h->rows.stream) !=
            KernelStatusCode_Success) {
        task_reject_last(t);
        return;
    }
    rows_open(t, &h->rows, opened);
}

static void begin_await(task *t) {
    submitted *s = still_open(t);
    if (s != NULL) {
        t->on_settle = note_remarks;
        task_wait(t, dbk_async_take_result_start(t->addon->loop, s->async, TASK_LOOP(t)),
                  has_result);
    }
}

static napi_value await_result(napi_env env, napi_callback_info info) {
    return in_turn(env, info, begin_await);
}

static void begin_remark(task *t, size_t which) {
    const submitted *s = still_open(t);
    if (s != NULL) {
        task_resolve(t, remarks_value(t->addon->env, &s->remarks, which));
    }
}

static void begin_modified_rows(task *t) {
    begin_remark(t, 0);
}

static void begin_display_message(task *t) {
    begin_remark(t, 1);
}

static void begin_diagnostic_info(task *t) {
    begin_remark(t, 2);
}

static void begin_error_details(task *t) {
    begin_remark(t, 3);
}

static napi_value num_modified_rows(napi_env env, napi_callback_info info) {
    return in_turn(env, info, begin_modified_rows);
}

static napi_value display_message(napi_env env, napi_callback_info info) {
    return in_turn(env, info, begin_display_message);
}

static napi_value diagnostic_info(napi_env env, napi_callback_info info) {
    return in_turn(env, info, begin_diagnostic_info);
}

static napi_value error_details_json(napi_env env, napi_callback_info info) {
    return in_turn(env, info, begin_error_details);
}

/* ---- calls that go past them ---- */

static napi_value cancel(napi_env env, napi_callback_info info) {
    call c = call_begin(env, info);
    napi_value promise = NULL;
    submitted *s = object_unwrap(&c, CLASS_ASYNC_STATEMENT);
    task *t = s != NULL ? task_new(&c, s, &promise) : NULL;
    if (t != NULL && still_open(t) != NULL) {
        task_wait(t, dbk_async_cancel_start(t->addon->loop, s->async, TASK_LOOP(t)),
                  task_resolve_undefined);
    }
    return promise;
}

/* A call under way ends as cancelled, those behind it find the statement closed. */
static napi_value close_submitted(napi_env env, napi_callback_info info) {
    call c = call_begin(env, info);
    napi_value promise = NULL;
    submitted *s = object_unwrap(&c, CLASS_ASYNC_STATEMENT);
    task *t = s != NULL ? task_new(&c, s, &promise) : NULL;
    KernelStatementStatusKind state = KernelStatementStatusKind_Closed;
    if (t == NULL) {
        return NULL;
    }
    t->async = s->async; /* freed at the end of the task */
    s->async = NULL;
    if (t->async != NULL) {
        (void)dbk_async_status(t->async, &state);
    }
    if (s->queue.running != NULL && s->queue.running->future != NULL) {
        (void)dbk_future_cancel(s->queue.running->future);
    }
    if (state == KernelStatementStatusKind_Closed) {
        task_resolve_undefined(t);
    } else {
        task_wait(t, dbk_async_end_start(t->addon->loop, t->async, TASK_LOOP(t)),
                  task_resolve_undefined);
    }
    return promise;
}

const class_spec async_statement_class = {"AsyncStatement",
                                          "statementId",
                                          get_id,
                                          {{"awaitResult", await_result},
                                           {"cancel", cancel},
                                           {"close", close_submitted},
                                           {"diagnosticInfo", diagnostic_info},
                                           {"displayMessage", display_message},
                                           {"errorDetailsJson", error_details_json},
                                           {"numModifiedRows", num_modified_rows},
                                           {"status", status},
                                           {NULL, NULL}}};

/* ---- AsyncResultHandle ---- */

static napi_value result_id(napi_env env, napi_callback_info info) {
    call c = call_begin(env, info);
    const result_handle *h = object_unwrap(&c, CLASS_ASYNC_RESULT);
    return h != NULL ? js_text(env, h->parent->id) : NULL;
}

static napi_value result_schema(napi_env env, napi_callback_info info) {
    call c = call_begin(env, info);
    const result_handle *h = object_unwrap(&c, CLASS_ASYNC_RESULT);
    return h != NULL ? rows_schema(env, &h->rows) : NULL;
}

/* Read to the end it stays on the server: that belongs to the AsyncStatement. */
static napi_value result_fetch(napi_env env, napi_callback_info info) {
    call c = call_begin(env, info);
    result_handle *h = object_unwrap(&c, CLASS_ASYNC_RESULT);
    return h != NULL ? rows_fetch(&c, h, &h->rows, NULL) : NULL;
}

const class_spec async_result_class = {
    "AsyncResultHandle",
    "statementId",
    result_id,
    {{"fetchNextBatch", result_fetch}, {"schema", result_schema}, {NULL, NULL}}};
