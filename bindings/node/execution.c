#include "module.h"

/* CancellableExecution: a statement that result() sends and cancel() ends at any time. */

typedef struct execution {
    object base;
    kernel_statement_t *statement; /* NULL: result() was called */
    task *running;                 /* result() under way */
    bool cancelled;                /* before result() */
    char id[ID_SIZE];
} execution;

static void destroy(object *o) {
    execution *e = (execution *)o;
    if (e->statement != NULL) {
        (void)kernel_statement_close(e->statement);
    }
}

napi_value execution_new(addon *a, kernel_statement_t *takes_statement) {
    execution *e = object_new(a, sizeof *e, destroy);
    if (e == NULL) {
        (void)kernel_statement_close(takes_statement);
        return NULL;
    }
    e->statement = takes_statement;
    return object_wrap(CLASS_EXECUTION, e);
}

static void asked(task *t) {
    kernel_statement_t *statement = t->statement;
    t->statement = NULL;
    bool taken = dbk_future_take_async(t->ended, &t->async) == KernelStatusCode_Success;
    if (taken) {
        (void)kernel_statement_close(statement);
        t->then(t);
    } else {
        task_reject_last(t);
        (void)kernel_statement_close(statement);
    }
}

void statement_ask(task *t, task_step then) {
    t->then = then;
    task_wait(t, dbk_statement_ask_start(t->addon->loop, t->statement, TASK_LOOP(t)), asked);
}

static void answered(task *t) {
    execution *e = (execution *)t->about;
    read_id(dbk_async_query_id(t->async), e->id);
    statement_await(t);
}

static void ended(task *t) {
    ((execution *)t->about)->running = NULL;
}

static napi_value result(napi_env env, napi_callback_info info) {
    call c = call_begin(env, info);
    napi_value promise = NULL;
    execution *e = object_unwrap(&c, CLASS_EXECUTION);
    task *t = e != NULL ? task_new(&c, e, &promise) : NULL;
    if (t == NULL) {
        return NULL;
    }
    t->statement = e->statement;
    e->statement = NULL;
    if (t->statement == NULL) {
        task_reject_text(t, "InvalidStatementHandle", "statement already closed");
    } else if (e->cancelled) {
        task_reject_text(t, "Cancelled", "Statement was canceled");
    } else {
        e->running = t;
        t->on_settle = ended;
        statement_ask(t, answered);
    }
    return promise;
}

static napi_value cancel(napi_env env, napi_callback_info info) {
    call c = call_begin(env, info);
    napi_value promise = NULL;
    execution *e = object_unwrap(&c, CLASS_EXECUTION);
    task *t = e != NULL ? task_new(&c, e, &promise) : NULL;
    if (t == NULL) {
        return NULL;
    }
    task *running = e->running;
    if (running != NULL && running->async != NULL) {
        task_wait(t, dbk_async_cancel_start(t->addon->loop, running->async, TASK_LOOP(t)),
                  task_resolve_undefined);
        return promise;
    }
    if (running != NULL) { /* the server is told as soon as it has named the statement */
        (void)dbk_future_cancel(running->future);
    }
    e->cancelled = true;
    task_resolve_undefined(t);
    return promise;
}

static napi_value get_id(napi_env env, napi_callback_info info) {
    call c = call_begin(env, info);
    execution *e = object_unwrap(&c, CLASS_EXECUTION);
    if (e == NULL) {
        return NULL;
    }
    if (e->id[0] == '\0' && e->running != NULL && e->running->future != NULL) {
        (void)dbk_future_query_id(e->running->future, e->id, sizeof e->id);
    }
    return js_text(env, e->id[0] != '\0' ? e->id : NULL);
}

const class_spec execution_class = {"CancellableExecution",
                                    "statementId",
                                    get_id,
                                    {{"cancel", cancel}, {"result", result}, {NULL, NULL}}};
