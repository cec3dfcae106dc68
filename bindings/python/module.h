/* module.h: what the files of the Python module share. Limited API 3.10; only the public headers.
 *
 * One file per class. Every object may be used from any thread: a handle of the library is guarded by
 * the gate of its object, waits happen without the GIL, and Ctrl-C ends them (gate.c).
 * Objects live in one interpreter: static variables below are set at import. */
#ifndef DBK_PYTHON_MODULE_H
#define DBK_PYTHON_MODULE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dbkernel_async.h"

#define MODULE_NAME "databricks_sql_kernel"

/* ---- errors.c ---- */

extern PyObject *kernel_error_type;
int errors_init(PyObject *module);
/* A KernelError of the calling thread's last error (which any call of the library replaces). */
PyObject *error_of_last(void);
PyObject *error_of_future(dbk_future *future); /* of one that failed */
/* Raises a KernelError of the binding's own; code is "InvalidArgument" and the like. NULL. */
PyObject *raise_error(const char *code, const char *format, ...);

/* ---- log.c ---- */

int log_init(PyObject *module);
void log_enter(void); /* start of a call: Python's level counts from here on */
void log_drain(void); /* hands what was logged to logging; keeps a raised exception */

/* ---- gate.c: one call at a time per object, without the GIL ---- */

typedef struct gate {
    PyThread_type_lock lock;
    long pid; /* whose objects these are: a forked child must not touch them */
} gate;

typedef struct waiting { /* one call */
    gate *gate;
    PyThreadState *thread;
    bool interrupted; /* an exception (KeyboardInterrupt) is set */
} waiting;

int gate_init(gate *g); /* raises; -1 */
void gate_reset(gate *g);
bool gate_foreign(const gate *g); /* made by the parent of a fork */

/* Waits for the object and lets go of the GIL. -1: raised, nothing is held. g NULL: no object. */
int gate_enter(gate *g, waiting *w);
/* Takes the GIL back. What the library said decides: -1 and an exception, or 0. */
int gate_leave(waiting *w, KernelStatusCode status);
/* For loops of the binding's own, between enter and leave: signals and logs. True: give up. */
bool gate_look_up(waiting *w);

/* ---- args.c ---- */

/* METH_VARARGS | METH_KEYWORDS: positional and keyword arguments by name into out[count] (borrowed; NULL: not
 * given). The first `positional` may be given without a name, the first `required` must be given. -1:
 * raised. */
int args_parse(const char *function, const char *const *names, size_t count, size_t positional,
               size_t required, PyObject *args, PyObject *kwargs, PyObject **out);
/* UTF-8 of a str, borrowed from it; *out NULL for None (only when optional). -1: raised. */
int args_text(PyObject *value, const char *name, bool optional, const char **out);

/* ---- arrow.c: to pyarrow and to capsules ---- */

PyObject *arrow_schema(struct ArrowSchema *takes_schema); /* pyarrow.Schema */
PyObject *arrow_batch(struct ArrowArray *takes_array, PyObject *schema);
PyObject *arrow_table(PyObject *batches, PyObject *schema);
PyObject *arrow_schema_capsule(struct ArrowSchema *takes_schema);
PyObject *arrow_stream_capsule(struct ArrowArrayStream *takes_stream);
PyObject *arrow_array_capsule(struct ArrowArray *takes_array);

/* ---- values.c: to plain Python ---- */

/* list of tuple: rows start <= i < stop. */
PyObject *values_rows(const struct ArrowSchema *schema, const struct ArrowArray *array,
                      int64_t start, int64_t stop);
/* list of (name, Arrow format, nullable, metadata). */
PyObject *values_columns(const struct ArrowSchema *schema);

/* ---- token.c ---- */

int token_set_provider(KernelSessionConfig *config, PyObject *callable); /* raises; -1 */

/* ---- config.c ---- */

extern char session_doc[]; /* a slot of the type wants it unconst */
/* A configuration of the arguments of Session(...). NULL: raised. */
KernelSessionConfig *config_from_args(PyObject *args, PyObject *kwargs);

/* ---- the classes ---- */

typedef struct session_object {
    PyObject_HEAD gate gate;  /* of closing */
    kernel_session_t *handle; /* NULL: closed */
    int users;                /* calls that use handle without the gate */
    PyObject *id;
} session_object;

typedef struct statement_object {
    PyObject_HEAD gate gate;
    kernel_statement_t *handle; /* NULL: closed, and no result needs it */
    session_object *session;
    int results;        /* executed statements that were not closed */
    atomic_bool closed; /* set under the gate: no call that holds it later uses handle */
} statement_object;

/* Rows: what ExecutedStatement and ResultStream have in common. */
typedef struct rows {
    gate gate;
    kernel_executed_statement_t *exec; /* NULL: a catalog call, or closed */
    kernel_result_stream_t *stream;    /* NULL: closed or read to the end */
    kernel_cancel_token_t *token;
    const char *class_name;
    PyObject *schema;       /* pyarrow.Schema, once asked for */
    dbk_stream_stats stats; /* of the stream when it went */
    atomic_bool drained;    /* both change under the gate */
    atomic_bool closed;
} rows;

/* What a new object of rows takes over from the library. */
typedef struct rows_source {
    kernel_executed_statement_t *exec;
    kernel_result_stream_t *stream;
} rows_source;

KernelStatusCode rows_open(kernel_executed_statement_t *takes_exec, rows_source *out); /* no GIL */
void rows_abandon(rows_source *source);
int rows_init(rows *r, rows_source *takes_source, const char *class_name); /* raises; -1 */
void rows_free(rows *r); /* closes without waiting */
/* on_end runs once, with the GIL, when the rows' handles are gone. */
typedef void (*rows_end)(PyObject *self);
PyObject *rows_arrow_schema(rows *r);
PyObject *rows_fetch(PyObject *self, rows *r, rows_end on_end);
PyObject *rows_fetch_all(PyObject *self, rows *r, rows_end on_end);
PyObject *rows_close(PyObject *self, rows *r, rows_end on_end);
PyObject *rows_c_schema(rows *r);
PyObject *rows_columns(rows *r);
PyObject *rows_stats(rows *r);
PyObject *rows_fetch_next(PyObject *self, rows *r, rows_end on_end);
/* The rows of an ExecutedStatement or a ResultStream; NULL: raised, it is neither. */
rows *rows_of(PyObject *object, rows_end *on_end);
void rows_end_of(PyObject *self, rows *r, rows_end on_end); /* they were read to their end */
rows *executed_rows(PyObject *executed, rows_end *on_end);
rows *stream_rows(PyObject *stream, rows_end *on_end);
PyObject *rows_c_stream(rows *r, PyObject *args, PyObject *kwargs);

/* rows_methods.c: what both classes of rows have in their tables. */
PyObject *rows_method_schema(PyObject *self, PyObject *ignored);
PyObject *rows_method_fetch(PyObject *self, PyObject *ignored);
PyObject *rows_method_fetch_next(PyObject *self, PyObject *ignored);
PyObject *rows_method_columns(PyObject *self, PyObject *ignored);
PyObject *rows_method_stats(PyObject *self, PyObject *ignored);
PyObject *rows_method_fetch_all(PyObject *self, PyObject *ignored);
PyObject *rows_method_close(PyObject *self, PyObject *ignored);
PyObject *rows_method_enter(PyObject *self, PyObject *ignored);
PyObject *rows_method_c_schema(PyObject *self, PyObject *ignored);
PyObject *rows_method_c_stream(PyObject *self, PyObject *args, PyObject *kwargs);
/* clang-format off */
#define ROWS_METHODS                                                                               \
    {"arrow_schema", rows_method_schema, METH_NOARGS,                                              \
     "arrow_schema($self, /)\n--\n\nThe pyarrow.Schema of the rows."},                             \
    {"fetch_next_batch", rows_method_fetch, METH_NOARGS,                                           \
     "fetch_next_batch($self, /)\n--\n\n"                                                          \
     "The next pyarrow.RecordBatch; None at the end, again and again. Waits for rows without the " \
     "GIL.\n"                                                                                      \
     "At the end the statement is closed on the server. KernelError: the stream is dead then."},   \
    {"fetch_next", rows_method_fetch_next, METH_NOARGS,                                            \
     "fetch_next($self, /)\n--\n\n"                                                                \
     "As fetch_next_batch, but a Batch, which needs no pyarrow."},                                 \
    {"columns", rows_method_columns, METH_NOARGS,                                                  \
     "columns($self, /)\n--\n\n"                                                                   \
     "list of (name, Arrow format, nullable, metadata), a dict of str, per column; no pyarrow."},  \
    {"stats", rows_method_stats, METH_NOARGS,                                                      \
     "stats($self, /)\n--\n\n"                                                                     \
     "dict of int, also after close(): chunks and rows read so far, bytes_wire as received, "      \
     "bytes_arrow\ndecoded, peak_bytes: the most memory that the rows held at a time."},           \
    {"fetch_all_arrow", rows_method_fetch_all, METH_NOARGS,                                        \
     "fetch_all_arrow($self, /)\n--\n\n"                                                           \
     "The rows that were not fetched yet as one pyarrow.Table."},                                  \
    {"close", rows_method_close, METH_NOARGS,                                                      \
     "close($self, /)\n--\n\n"                                                                     \
     "Drops the rows and closes their statement on the server. Idempotent."},                      \
    {"__enter__", rows_method_enter, METH_NOARGS, NULL},                                           \
    {"__exit__", rows_method_close, METH_VARARGS, NULL},                                           \
    {"__arrow_c_schema__", rows_method_c_schema, METH_NOARGS,                                      \
     "__arrow_c_schema__($self, /)\n--\n\n"                                                        \
     "The schema as a PyCapsule of the Arrow C Data Interface."},                                  \
    {"__arrow_c_stream__", (PyCFunction)(void (*)(void))rows_method_c_stream,                      \
     METH_VARARGS | METH_KEYWORDS,                                                                 \
     "__arrow_c_stream__($self, requested_schema=None)\n--\n\n"                                    \
     "The rows as a PyCapsule of the Arrow C Stream Interface, which owns them from then on."}
/* clang-format on */

extern PyType_Spec session_spec, statement_spec, executed_spec, async_spec, stream_spec,
    metadata_spec, canceller_spec, batch_spec, loop_spec, operation_spec;
extern PyTypeObject *session_type, *statement_type, *executed_type, *async_type, *stream_type,
    *metadata_type, *canceller_type, *batch_type, *loop_type, *operation_type;

/* A new object that only the module makes. */
void *object_new(PyTypeObject *type);
void object_delete(PyObject *self); /* the last step of a dealloc */

PyObject *session_of_handle(PyTypeObject *type, kernel_session_t *takes_handle);
/* The handle for one call without the gate; NULL: raised ("Session is closed"). */
kernel_session_t *session_use(session_object *s);
void session_unuse(session_object *s);

PyObject *batch_new(struct ArrowArray *takes_array, struct ArrowSchema *takes_schema);
PyObject *metadata_new(session_object *s);
PyObject *statement_new(session_object *s, kernel_statement_t *takes_handle);
void statement_result_gone(statement_object *s);
PyObject *canceller_new(statement_object *s);
PyObject *executed_new(statement_object *s, rows_source *takes_source, const char *id,
                       int64_t modified_rows);
/* Whose statement it is: that says what closing and dropping the handle do on the server. */
typedef enum async_kind {
    ASYNC_SUBMITTED, /* ours: closed with the handle */
    ASYNC_ATTACHED,  /* somebody's: closed when close() is called, not when the handle is dropped */
    ASYNC_READER     /* another handle's: never closed by this one */
} async_kind;
PyObject *async_new(session_object *s, kernel_executed_async_statement_t *takes_handle,
                    async_kind kind);
PyObject *async_attach(session_object *s, const char *id, async_kind kind); /* asks the server */
void async_stream_gone(PyObject *async);
/* async: the handle that must outlive the rows, or NULL. */
PyObject *stream_new(rows_source *takes_source, PyObject *async);

#endif
