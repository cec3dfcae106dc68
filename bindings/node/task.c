#include "module.h"

/* ---- from the library's threads to ours ---- */

static void wake(void *ctx) {
    addon *a = ctx;
    (void)napi_call_threadsafe_function(a->wake, NULL, napi_tsfn_nonblocking);
}

static void dispatch(napi_env env, napi_value unused, void *ctx, void *data) {
    addon *a = ctx;
    (void)unused;
    (void)data;
    if (env == NULL || a->loop == NULL) {
        return; /* torn down */
    }
    (void)dbk_loop_run_once(a->loop, 0, 0, NULL);
    if (a->loop != NULL && dbk_loop_timeout_ms(a->loop) == 0) {
        wake(a); /* more has come meanwhile: the event loop's other work first */
    }
}

bool tasks_start(addon *a) {
    napi_value name = js_text(a->env, "dbkernel");
    return dbk_loop_new(DBK_LOOP_THREADED, &a->loop) == KernelStatusCode_Success &&
           napi_create_threadsafe_function(a->env, NULL, NULL, name, 0, 1, NULL, NULL, a, dispatch,
                                           &a->wake) == napi_ok &&
           napi_unref_threadsafe_function(a->env, a->wake) == napi_ok &&
           dbk_loop_set_notify(a->loop, wake, a) == KernelStatusCode_Success;
}

/* ---- life ---- */

task *task_new(const call *c, void *about, napi_value *promise) {
    task *t = calloc(1, sizeof *t);
    if (t == NULL || napi_create_promise(c->env, &t->deferred, promise) != napi_ok) {
        free(t);
        throw_error(c->env, "GenericFailure", "Failed to create a promise");
        return NULL;
    }
    addon *a = c->addon;
    t->addon = a;
    t->about = about != NULL ? object_ref(about) : NULL;
    t->next = a->tasks;
    if (a->tasks != NULL) {
        a->tasks->prev = t;
    } else {
        (void)napi_ref_threadsafe_function(a->env, a->wake); /* the process waits for promises */
    }
    a->tasks = t;
    return t;
}

static void free_task(task *t) {
    addon *a = t->addon;
    if (t->prev != NULL) {
        t->prev->next = t->next;
    } else {
        a->tasks = t->next;
    }
    if (t->next != NULL) {
        t->next->prev = t->prev;
    }
    if (t->future != NULL) {
        dbk_future_free(t->future);
    }
    if (t->statement != NULL) {
        (void)kernel_statement_close(t->statement);
    }
    if (t->async != NULL) {
        (void)dbk_async_close(t->async);
    }
    object_unref(t->made);
    object_unref(t->about);
    free(t);
}

void tasks_stop(addon *a) {
    (void)dbk_loop_set_notify(a->loop, NULL, NULL);
    while (a->tasks != NULL) {
        free_task(a->tasks); /* what is under way is cancelled; nobody is told */
    }
    (void)dbk_loop_free(a->loop);
    a->loop = NULL;
}

/* ---- taking turns ---- */

static void advance(queue *q) {
    if (q->advancing) {
        return;
    }
    q->advancing = true;
    while (q->running == NULL && q->first != NULL) {
        task *t = q->first;
        q->first = t->after;
        q->last = q->first == NULL ? NULL : q->last;
        q->running = t;
        t->begin(t);
    }
    q->advancing = false;
}

void task_enqueue(task *t, queue *q, task_step begin) {
    t->queue = q;
    t->begin = begin;
    if (q->last != NULL) {
        q->last->after = t;
    } else {
        q->first = t;
    }
    q->last = t;
    advance(q);
}

/* ---- settling ---- */

static void settled(task *t) {
    addon *a = t->addon;
    queue *q = t->queue;
    object *about = t->about != NULL ? object_ref(t->about) : NULL; /* the queue is in it */
    if (t->on_settle != NULL) {
        t->on_settle(t);
    }
    free_task(t);
    if (a->tasks == NULL) {
        (void)napi_unref_threadsafe_function(a->env, a->wake);
    }
    if (q != NULL) {
        q->running = NULL;
        advance(q);
    }
    object_unref(about);
}

void task_resolve(task *t, napi_value value) {
    napi_env env = t->addon->env;
    if (value != NULL) {
        (void)napi_resolve_deferred(env, t->deferred, value);
        settled(t);
        return;
    }
    napi_value error = NULL;
    if (napi_get_and_clear_last_exception(env, &error) != napi_ok) {
        error = error_of_text(env, "Internal", "the engine refused to make the result");
    }
    task_reject(t, error);
}

void task_resolve_undefined(task *t) {
    task_resolve(t, js_undefined(t->addon->env));
}

void task_reject(task *t, napi_value error) {
    (void)napi_reject_deferred(t->addon->env, t->deferred, error);
    settled(t);
}

void task_reject_last(task *t) {
    task_reject(t, error_of_last(t->addon->env));
}

void task_reject_text(task *t, const char *code, const char *message) {
    task_reject(t, error_of_text(t->addon->env, code, message));
}

/* ---- steps ---- */

void task_ended(dbk_future *f, void *ud) {
    task *t = ud;
    napi_env env = t->addon->env;
    napi_handle_scope scope = NULL;
    (void)napi_open_handle_scope(env, &scope);
    t->future = NULL;
    t->ended = f;
    if (dbk_future_status(f) == KernelStatusCode_Success) {
        t->step(t);
    } else {
        task_reject(t, error_of_future(env, f));
    }
    dbk_future_free(f);
    (void)napi_close_handle_scope(env, scope);
}

void task_wait(task *t, KernelStatusCode started, task_step step) {
    t->step = step;
    if (started != KernelStatusCode_Success) {
        task_reject_last(t);
    }
}
