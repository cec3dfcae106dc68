/* module.h: what the files of the Node.js addon share (contract: spec/node-addon.md).
 *
 * Threads: everything runs on the JavaScript thread of its environment, but for the loop's notify function
 *          and the log callback, which only wake it. No thread waits for the network.
 * Promises: a task holds the promise and what the call needs; each step of it starts an operation of
 *          dbkernel_async.h and names the next step.
 * Owner:   objects are counted: the JavaScript object has one reference, each task on it another. */
#ifndef DBK_NODE_MODULE_H
#define DBK_NODE_MODULE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <node_api.h>

#include "dbkernel.h"
#include "dbkernel_async.h"

#define ID_SIZE 128 /* of a statement or session, with its NUL */

typedef enum class_id {
    CLASS_CONNECTION,
    CLASS_STATEMENT,
    CLASS_ASYNC_STATEMENT,
    CLASS_ASYNC_RESULT,
    CLASS_EXECUTION,
    CLASS_COUNT
} class_id;

typedef struct task task;

/* One per environment (the main thread, each worker); counted by its objects. */
typedef struct addon {
    size_t refs;
    napi_env env;   /* NULL: torn down */
    dbk_loop *loop; /* NULL: torn down */
    napi_threadsafe_function wake;
    task *tasks; /* all that are not settled */
    napi_ref classes[CLASS_COUNT];
    void *making; /* the object that the constructor running now wraps */
} addon;
addon *addon_ref(addon *a);
void addon_unref(addon *a);

/* ---- text.c: growable text, and JSON ---- */

typedef struct text {
    char *ptr; /* NUL-terminated once anything was put */
    size_t len, cap;
    bool failed; /* no memory: what follows is ignored */
} text;
void text_put(text *t, const char *s, size_t len);
void text_puts(text *t, const char *s);
void text_put_number(text *t, long long number);
void text_put_json(text *t, const char *s, size_t len); /* quoted; not UTF-8: replaced */
void text_reset(text *t);

/* ---- values.c: from and to JavaScript; what returns false has thrown ---- */

typedef struct call { /* one call from JavaScript */
    napi_env env;
    addon *addon;
    napi_value self;
    napi_value args[8];
} call;
call call_begin(napi_env env, napi_callback_info info);
void throw_error(napi_env env, const char *code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* undefined, null and missing are absent */
bool is_absent(napi_env env, napi_value v);
/* A copy of a string, NUL-terminated, *len without; field: " on X.y" of messages, or "". */
bool read_text(napi_env env, napi_value v, const char *field, char **out, size_t *len);
bool read_optional_text(napi_env env, napi_value v, const char *field, char **out, size_t *len);
bool read_strings(napi_env env, napi_value v, const char *field, char ***out, size_t *count);
void free_strings(char **strings, size_t count);
/* The own enumerable string keys of an object. */
bool read_keys(napi_env env, napi_value object, const char *field, napi_value *keys,
               uint32_t *count);
bool get_element(napi_env env, napi_value array, uint32_t i, napi_value *out);
bool get_field(napi_env env, napi_value object, const char *name, napi_value *out);
/* Missing is an error that names it. owner: "" or " on ConnectionOptions.proxy". */
bool get_required(napi_env env, napi_value object, const char *name, const char *owner,
                  napi_value *out);
napi_value js_undefined(napi_env env);
napi_value js_null(napi_env env);
napi_value js_text(napi_env env, const char *s); /* NULL: null */
/* Takes buffer: external memory where the engine allows it, else a copy. */
napi_value js_buffer(napi_env env, dbk_buffer *buffer);
/* {ipcBytes: bytes}; bytes NULL: a JavaScript exception is pending. */
napi_value js_ipc(napi_env env, napi_value bytes);

/* ---- errors.c: failures of the kernel as JavaScript errors ---- */

napi_value error_of_last(napi_env env);
napi_value error_of_future(napi_env env, const dbk_future *f);
/* code: a word such as "InvalidArgument" */
napi_value error_of_text(napi_env env, const char *code, const char *message);

/* ---- object.c: what the five classes have in common ---- */

typedef struct object {
    size_t refs;
    addon *addon;
    void (*destroy)(struct object *self);
} object;
void *object_new(addon *a, size_t size, void (*destroy)(object *)); /* NULL: no memory */
void *object_ref(void *o);
void object_unref(void *o); /* NULL is a no-op */
/* A JavaScript object of this class around o, of which it takes a reference; NULL: an exception. */
napi_value object_wrap(class_id id, void *takes_o);
void *object_unwrap(const call *c, class_id id); /* NULL: thrown */
bool classes_define(addon *a, napi_value exports);

/* The members of a class. */
typedef struct class_spec {
    const char *name;
    const char *getter;
    napi_callback get;
    const struct {
        const char *name;
        napi_callback call;
    } methods[24];
} class_spec;
extern const class_spec connection_class, statement_class, async_statement_class,
    async_result_class, execution_class;

/* ---- task.c: promises ---- */

typedef void (*task_step)(task *t);

typedef struct queue { /* tasks that take turns */
    task *running;
    task *first, *last;
    bool advancing;
} queue;

struct task {
    addon *addon;
    task *prev, *next;
    napi_deferred deferred;
    task_step step;     /* after the future under way */
    dbk_future *future; /* under way */
    dbk_future *ended;  /* during a step: the future that led to it */
    task_step begin;    /* of a queued task */
    queue *queue;
    task *after; /* in the queue */

    object *about;                            /* counted, or NULL */
    object *made;                             /* counted: what is being opened */
    struct rows *rows;                        /* of either of them */
    task_step then;                           /* after a part of several steps */
    task_step on_settle;                      /* at the end, whatever it is */
    kernel_statement_t *statement;            /* owned, as below */
    kernel_executed_async_statement_t *async; /* sent */
};

/* A promise and its task; about is counted. NULL: thrown. */
task *task_new(const call *c, void *about, napi_value *promise);
/* Takes turns on q: begin is called now or when those before are settled. */
void task_enqueue(task *t, queue *q, task_step begin);
/* Settle and end the task. value NULL: rejects with the pending exception. */
void task_resolve(task *t, napi_value value);
void task_reject(task *t, napi_value error);
void task_reject_last(task *t); /* with the thread's last error */
void task_reject_text(task *t, const char *code, const char *message);
/* Around the starter: dbk_..._start(TASK_LOOP(t)). On failure the task is rejected. */
#define TASK_LOOP(t) task_ended, (t), &(t)->future
void task_ended(dbk_future *f, void *task);
void task_wait(task *t, KernelStatusCode started, task_step step);
bool tasks_start(addon *a);
void tasks_stop(addon *a);

/* ---- options.c, params.c ---- */

/* False: thrown. *refusal: what the promise is to be rejected with; *out is NULL then. */
bool options_read(const call *c, napi_value options, KernelSessionConfig **out,
                  napi_value *refusal);
/* SQL and ExecuteOptions onto stmt; the same. */
bool params_read(const call *c, napi_value sql, napi_value options, kernel_statement_t *stmt,
                 napi_value *refusal);

/* ---- connection.c ---- */

napi_value open_session(napi_env env, napi_callback_info info);

/* ---- rows.c: a result being read ---- */

typedef struct rows {
    kernel_executed_statement_t *executed; /* NULL: catalog call */
    kernel_result_stream_t *stream;        /* NULL: closed, or read to the end */
    dbk_buffer schema;
    queue queue;
    bool drained;
    bool closed;
} rows;
/* Gets the schema of r, then `then`. */
void rows_open(task *t, rows *r, task_step then);
/* fetchNextBatch(); drained (may be NULL) runs at the end of the rows. */
napi_value rows_fetch(const call *c, void *about, rows *r, task_step drained);
void rows_close(rows *r); /* a read under way ends as cancelled */
void rows_reset(rows *r);
napi_value rows_schema(napi_env env, const rows *r);
void read_id(const char *id, char out[static ID_SIZE]); /* NULL: "" */
void task_resolve_undefined(task *t);

/* ---- statement.c ---- */

typedef struct remarks {  /* what the server says beside the rows */
    double modified_rows; /* -1: not known */
    char *texts[3];       /* display message, diagnostic info, error details */
} remarks;
void remarks_read(remarks *r, kernel_executed_async_statement_t *async);
void remarks_reset(remarks *r);
/* numModifiedRows() and its three sisters, by number. */
napi_value remarks_value(napi_env env, const remarks *r, size_t which);

typedef struct statement {
    object base;
    rows rows;
    kernel_executed_async_statement_t *async; /* NULL: catalog call, or closed */
    remarks remarks;
    char id[ID_SIZE];
} statement;
/* Of t->async, which has ended or is waited for: to a Statement. */
void statement_await(task *t);
/* A catalog call's rows. */
void statement_of_stream(task *t, kernel_result_stream_t *takes_stream);

/* ---- submitted.c ---- */

/* Resolves with an AsyncStatement of t->async. */
void submitted_resolve(task *t);

/* ---- execution.c ---- */

napi_value execution_new(addon *a, kernel_statement_t *takes_statement);
/* Sends t->statement, then `then` with t->async. */
void statement_ask(task *t, task_step then);

/* ---- log.c ---- */

/* A line of our own for the callback, if it wants warnings. */
void log_warning(const char *message);
napi_value init_kernel_logging(napi_env env, napi_callback_info info);
napi_value set_kernel_log_level(napi_env env, napi_callback_info info);
napi_value kernel_logging_stats(napi_env env, napi_callback_info info);

#endif
