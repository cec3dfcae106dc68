#include "module.h"

#include <unistd.h>

/* The library's asynchronous calls for a host's event loop (dbkernel_async.h): Loop starts operations and
 * tells their ends inside run_once. No thread of ours, and nothing here blocks.
 *
 * The library wants one thread at a time: a Loop belongs to the thread that made it. An Operation reads
 * its result as soon as it is done, on that thread, and needs the library no more; so any thread may drop it. */

typedef struct loop_object {
    PyObject_HEAD dbk_loop *handle; /* NULL: closed */
    long pid;
    unsigned long thread;
    PyObject *pending; /* set of the operations that are under way */
    bool dispatching;
} loop_object;

typedef struct operation operation;
typedef PyObject *(*taker)(operation *op); /* the result; NULL: raised */

struct operation {
    PyObject_HEAD dbk_future *future; /* NULL: done */
    loop_object *loop;
    PyObject *callback; /* NULL: called, or never to be */
    PyObject *subject;  /* what it works on, kept alive */
    taker take;
    PyObject *result;
    PyObject *error;
    PyObject *query_id; /* once it is known */
};

/* ---- operations ---- */

static PyObject *raise_of_future(dbk_future *future) {
    PyObject *error = error_of_future(future);
    if (error != NULL) {
        PyErr_SetObject(kernel_error_type, error);
        Py_DECREF(error);
    }
    return NULL;
}

static PyObject *find_query_id(operation *op) {
    char id[256];
    if (op->query_id == NULL && op->future != NULL &&
        dbk_future_query_id(op->future, id, sizeof id)) {
        op->query_id = PyUnicode_FromString(id);
    }
    return op->query_id;
}

static void keep_error(operation *op) {
    PyObject *type = NULL;
    PyObject *trace = NULL;
    PyErr_Fetch(&type, &op->error, &trace);
    PyErr_NormalizeException(&type, &op->error, &trace);
    Py_XDECREF(type);
    Py_XDECREF(trace);
}

/* On the loop's thread: result and error move into the object. */
static void settle(operation *op) {
    (void)find_query_id(op);
    op->result = dbk_future_status(op->future) == KernelStatusCode_Success
                     ? op->take(op)
                     : raise_of_future(op->future);
    if (op->result == NULL) {
        keep_error(op);
    }
    dbk_future_free(op->future);
    op->future = NULL;
    Py_CLEAR(op->subject);
}

static void on_done(dbk_future *future, void *user_data) {
    operation *op = user_data;
    PyObject *callback = op->callback;
    (void)future;
    op->callback = NULL;
    settle(op);
    PyObject *answer = PyObject_CallFunctionObjArgs(callback, (PyObject *)op, NULL);
    if (answer == NULL) {
        PyErr_WriteUnraisable(callback);
    }
    Py_XDECREF(answer);
    Py_DECREF(callback);
    if (PySet_Discard(op->loop->pending, (PyObject *)op) < 0) {
        PyErr_WriteUnraisable((PyObject *)op);
    }
}

static void operation_dealloc(PyObject *self) {
    operation *op = (operation *)self; /* pending ones are held by the loop: future is NULL */
    Py_XDECREF((PyObject *)op->loop);
    Py_XDECREF(op->callback);
    Py_XDECREF(op->subject);
    Py_XDECREF(op->result);
    Py_XDECREF(op->error);
    Py_XDECREF(op->query_id);
    object_delete(self);
}

static PyObject *cancel(PyObject *self, PyObject *ignored) {
    operation *op = (operation *)self;
    (void)ignored;
    if (op->future != NULL) {
        (void)dbk_future_cancel(op->future);
    }
    Py_RETURN_NONE;
}

static PyObject *result(PyObject *self, PyObject *ignored) {
    operation *op = (operation *)self;
    (void)ignored;
    if (op->error != NULL) {
        PyErr_SetObject((PyObject *)Py_TYPE(op->error), op->error);
        return NULL;
    }
    return op->result != NULL ? Py_NewRef(op->result)
                              : raise_error("InvalidArgument", "the operation is not done");
}

static PyObject *is_done(PyObject *self, PyObject *ignored) {
    (void)ignored;
    return PyBool_FromLong(((operation *)self)->future == NULL);
}

static PyObject *get_query_id(PyObject *self, void *ignored) {
    PyObject *id = find_query_id((operation *)self);
    (void)ignored;
    return id != NULL ? Py_NewRef(id) : PyErr_Occurred() != NULL ? NULL : Py_NewRef(Py_None);
}

static PyGetSetDef operation_properties[] = {
    {"query_id", get_query_id, NULL,
     "str or None: the statement's id as soon as the server told it, also when it failed", NULL},
    {NULL, NULL, NULL, NULL, NULL}};

static PyMethodDef operation_methods[] = {
    {"cancel", cancel, METH_NOARGS,
     "cancel($self, /)\n--\n\n"
     "Asks for its end: it completes with KernelError Cancelled, unless it is done. A statement "
     "is\n"
     "cancelled on the server. Never blocks; any thread."},
    {"done", is_done, METH_NOARGS, "done($self, /)\n--\n\nbool: is there a result or an error?"},
    {"result", result, METH_NOARGS, "result($self, /)\n--\n\nWhat came of it, or its KernelError."},
    {NULL, NULL, 0, NULL}};

static char operation_doc[] = "Something that a Loop does.";

static PyType_Slot operation_slots[] = {{Py_tp_dealloc, (void *)operation_dealloc},
                                        {Py_tp_methods, operation_methods},
                                        {Py_tp_getset, operation_properties},
                                        {Py_tp_doc, operation_doc},
                                        {0, NULL}};

PyType_Spec operation_spec = {MODULE_NAME ".Operation", sizeof(operation), 0,
                              Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                              operation_slots};

/* ---- results ---- */

static PyObject *take_session(operation *op) {
    kernel_session_t *handle = NULL;
    return dbk_future_take_session(op->future, &handle) == KernelStatusCode_Success
               ? session_of_handle(session_type, handle)
               : raise_of_future(op->future);
}

static PyObject *take_nothing(operation *op) {
    (void)op;
    return Py_NewRef(Py_None);
}

static PyObject *take_executed(operation *op) {
    kernel_executed_statement_t *exec = NULL;
    rows_source source = {0};
    if (dbk_future_take_executed(op->future, &exec) != KernelStatusCode_Success) {
        return raise_of_future(op->future);
    }
    const char *id = kernel_executed_statement_query_id(exec);
    int64_t modified = kernel_executed_statement_num_modified_rows(exec);
    if (rows_open(exec, &source) != KernelStatusCode_Success) {
        PyObject *error = error_of_last();
        rows_abandon(&source);
        if (error != NULL) {
            PyErr_SetObject(kernel_error_type, error);
            Py_DECREF(error);
        }
        return NULL;
    }
    return executed_new((statement_object *)op->subject, &source, id != NULL ? id : "", modified);
}

static PyObject *take_batch(operation *op) {
    struct ArrowArray array = {0};
    struct ArrowSchema schema = {0};
    if (dbk_future_take_batch(op->future, &array, &schema) != KernelStatusCode_Success) {
        return raise_of_future(op->future);
    }
    if (array.release == NULL) {
        rows_end on_end = NULL;
        rows *r = rows_of(op->subject, &on_end);
        rows_end_of(op->subject, r, on_end);
        return Py_NewRef(Py_None);
    }
    return batch_new(&array, &schema);
}

static PyObject *take_columns(operation *op) {
    struct ArrowSchema schema = {0};
    if (dbk_future_take_schema(op->future, &schema) != KernelStatusCode_Success) {
        return raise_of_future(op->future);
    }
    PyObject *columns = values_columns(&schema);
    schema.release(&schema);
    return columns;
}

static PyObject *take_stream(operation *op) {
    rows_source source = {0};
    return dbk_future_take_stream(op->future, &source.stream) == KernelStatusCode_Success
               ? stream_new(&source, NULL)
               : raise_of_future(op->future);
}

/* ---- starting ---- */

static int usable(const loop_object *l) {
    if (l->pid != (long)getpid()) {
        (void)raise_error("InvalidStatementHandle", "this loop belongs to the parent of a fork");
        return -1;
    }
    if (l->handle == NULL) {
        (void)raise_error("InvalidStatementHandle", "Loop is closed");
        return -1;
    }
    if (l->thread != PyThread_get_thread_ident()) {
        (void)raise_error("InvalidArgument", "a Loop belongs to the thread that made it");
        return -1;
    }
    return 0;
}

static operation *operation_new(loop_object *l, PyObject *callback, PyObject *subject, taker take) {
    if (!PyCallable_Check(callback)) {
        PyErr_SetString(PyExc_TypeError, "callback must be callable");
        return NULL;
    }
    operation *op = usable(l) < 0 ? NULL : object_new(operation_type);
    if (op == NULL) {
        return NULL;
    }
    log_enter();
    op->loop = (loop_object *)Py_NewRef((PyObject *)l);
    op->callback = Py_NewRef(callback);
    op->subject = Py_XNewRef(subject);
    op->take = take;
    return op;
}

/* The end of every starter: status is what the library said. */
static PyObject *started(operation *op, KernelStatusCode status) {
    if (status != KernelStatusCode_Success) {
        PyObject *error = error_of_last();
        if (error != NULL) {
            PyErr_SetObject(kernel_error_type, error);
            Py_DECREF(error);
        }
        Py_DECREF((PyObject *)op);
        return NULL;
    }
    if (PySet_Add(op->loop->pending, (PyObject *)op) < 0) {
        dbk_future_free(op->future);
        op->future = NULL;
        Py_DECREF((PyObject *)op);
        return NULL;
    }
    return (PyObject *)op;
}

static PyObject *open_session(PyObject *self, PyObject *args, PyObject *kwargs) {
    Py_ssize_t count = PyTuple_Size(args);
    PyObject *callback = count > 0 ? PyTuple_GetItem(args, 0) : Py_None;
    operation *op = operation_new((loop_object *)self, callback, NULL, take_session);
    if (op == NULL) {
        return NULL;
    }
    PyObject *rest = PyTuple_GetSlice(args, 1, count);
    KernelSessionConfig *config = rest == NULL ? NULL : config_from_args(rest, kwargs);
    Py_XDECREF(rest);
    if (config == NULL) {
        Py_DECREF((PyObject *)op);
        return NULL;
    }
    return started(op, dbk_session_open_start(op->loop->handle, config, on_done, op, &op->future));
}

static int is_a(PyObject *value, PyTypeObject *type, const char *what) {
    if (!PyObject_TypeCheck(value, type)) {
        PyErr_Format(PyExc_TypeError, "%s expected, not %R", what, (PyObject *)Py_TYPE(value));
        return -1;
    }
    return 0;
}

static PyObject *close_session(PyObject *self, PyObject *args) {
    PyObject *callback = NULL;
    PyObject *subject = NULL;
    if (!PyArg_ParseTuple(args, "OO:close_session", &callback, &subject) ||
        is_a(subject, session_type, "a Session") < 0) {
        return NULL;
    }
    session_object *s = (session_object *)subject;
    kernel_session_t *handle = session_use(s);
    operation *op =
        handle == NULL ? NULL : operation_new((loop_object *)self, callback, subject, take_nothing);
    if (handle != NULL) {
        session_unuse(s);
    }
    if (op == NULL) {
        return NULL;
    }
    if (s->users > 0) {
        Py_DECREF((PyObject *)op);
        return raise_error("InvalidArgument", "another thread uses this session");
    }
    KernelStatusCode status =
        dbk_session_close_start(op->loop->handle, handle, on_done, op, &op->future);
    if (status == KernelStatusCode_Success) {
        s->handle = NULL;
    }
    return started(op, status);
}

/* Takes the gate of an object for a starter; nobody waits. */
static int gate_take(gate *g) {
    if (gate_foreign(g)) {
        (void)raise_error("InvalidStatementHandle", "this object belongs to the parent of a fork");
        return -1;
    }
    if (PyThread_acquire_lock(g->lock, NOWAIT_LOCK) == 0) {
        (void)raise_error("InvalidArgument", "another thread uses this object");
        return -1;
    }
    return 0;
}

static PyObject *execute(PyObject *self, PyObject *args) {
    PyObject *callback = NULL;
    PyObject *subject = NULL;
    if (!PyArg_ParseTuple(args, "OO:execute", &callback, &subject) ||
        is_a(subject, statement_type, "a Statement") < 0) {
        return NULL;
    }
    statement_object *st = (statement_object *)subject;
    operation *op = operation_new((loop_object *)self, callback, subject, take_executed);
    if (op == NULL || gate_take(&st->gate) < 0) {
        Py_XDECREF((PyObject *)op);
        return NULL;
    }
    PyObject *made = NULL;
    if (st->handle == NULL || st->closed || st->session->handle == NULL) {
        Py_DECREF((PyObject *)op);
        (void)raise_error("InvalidStatementHandle", "Statement is closed");
    } else {
        made = started(op, dbk_statement_execute_start(op->loop->handle, st->handle, on_done, op,
                                                       &op->future));
    }
    PyThread_release_lock(st->gate.lock);
    return made;
}

typedef KernelStatusCode (*rows_starter)(dbk_loop *, kernel_result_stream_t *, dbk_future_cb,
                                         void *, dbk_future **);

static PyObject *start_rows(PyObject *self, PyObject *args, rows_starter start, taker take) {
    PyObject *callback = NULL;
    PyObject *subject = NULL;
    rows_end on_end = NULL;
    if (!PyArg_ParseTuple(args, "OO", &callback, &subject)) {
        return NULL;
    }
    rows *r = rows_of(subject, &on_end);
    operation *op = r == NULL ? NULL : operation_new((loop_object *)self, callback, subject, take);
    if (op == NULL || gate_take(&r->gate) < 0) {
        Py_XDECREF((PyObject *)op);
        return NULL;
    }
    PyObject *made = NULL;
    if (r->stream == NULL) {
        Py_DECREF((PyObject *)op);
        (void)raise_error("InvalidStatementHandle", "%s is closed", r->class_name);
    } else {
        made = started(op, start(op->loop->handle, r->stream, on_done, op, &op->future));
    }
    PyThread_release_lock(r->gate.lock);
    return made;
}

static PyObject *next_batch(PyObject *self, PyObject *args) {
    return start_rows(self, args, dbk_result_stream_next_start, take_batch);
}

static PyObject *columns(PyObject *self, PyObject *args) {
    return start_rows(self, args, dbk_result_stream_schema_start, take_columns);
}

static PyObject *metadata(PyObject *self, PyObject *args) {
    PyObject *callback = NULL;
    PyObject *subject = NULL;
    int call = 0;
    dbk_catalog_filter filter = {.struct_size = sizeof filter};
    if (!PyArg_ParseTuple(args, "OOi|zzzzzzz:metadata", &callback, &subject, &call, &filter.catalog,
                          &filter.schema, &filter.object, &filter.column, &filter.parent_catalog,
                          &filter.parent_schema, &filter.parent_table) ||
        is_a(subject, session_type, "a Session") < 0) {
        return NULL;
    }
    filter.call = (dbk_catalog_call)call;
    kernel_session_t *handle = session_use((session_object *)subject);
    if (handle == NULL) {
        return NULL;
    }
    operation *op = operation_new((loop_object *)self, callback, subject, take_stream);
    PyObject *made = op == NULL
                         ? NULL
                         : started(op, dbk_metadata_list_start(op->loop->handle, handle, &filter,
                                                               on_done, op, &op->future));
    session_unuse((session_object *)subject);
    return made;
}

/* ---- the loop ---- */

static PyObject *loop_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    if (!PyArg_ParseTuple(args, ":Loop") || (kwargs != NULL && PyDict_Size(kwargs) > 0)) {
        return PyErr_Occurred() != NULL ? NULL
                                        : PyErr_Format(PyExc_TypeError, "Loop takes no arguments");
    }
    loop_object *l = object_new(type);
    if (l == NULL) {
        return NULL;
    }
    l->pid = (long)getpid();
    l->thread = PyThread_get_thread_ident();
    l->pending = PySet_New(NULL);
    if (l->pending == NULL || dbk_loop_new(DBK_LOOP_THREADED, &l->handle) != 0) {
        Py_DECREF((PyObject *)l);
        return PyErr_Occurred() != NULL ? NULL : PyErr_NoMemory();
    }
    return (PyObject *)l;
}

/* What is under way ends in the background; nobody is told. */
static void abandon(loop_object *l) {
    PyObject *one = NULL;
    while (l->pending != NULL && PySet_Size(l->pending) > 0 &&
           (one = PySet_Pop(l->pending)) != NULL) {
        operation *op = (operation *)one;
        if (op->future != NULL) { /* NULL: its callback is closing the loop */
            dbk_future_free(op->future);
            op->future = NULL;
            (void)raise_error("Cancelled", "the loop was closed");
            keep_error(op);
        }
        Py_CLEAR(op->callback);
        Py_CLEAR(op->subject);
        Py_DECREF(one);
    }
    (void)dbk_loop_free(l->handle);
    l->handle = NULL;
}

static void loop_dealloc(PyObject *self) {
    loop_object *l = (loop_object *)self; /* operations hold it: none is under way */
    if (l->handle != NULL) {
        (void)dbk_loop_free(l->handle);
    }
    Py_XDECREF(l->pending);
    object_delete(self);
}

static PyObject *close_loop(PyObject *self, PyObject *ignored) {
    loop_object *l = (loop_object *)self;
    (void)ignored;
    if (l->handle == NULL || l->pid != (long)getpid()) {
        Py_RETURN_NONE;
    }
    if (l->dispatching) {
        return raise_error("InvalidArgument", "a Loop cannot be closed in a callback");
    }
    abandon(l);
    Py_RETURN_NONE;
}

static PyObject *get_fd(PyObject *self, PyObject *ignored) {
    loop_object *l = (loop_object *)self;
    (void)ignored;
    return usable(l) < 0 ? NULL : PyLong_FromLong(dbk_loop_fd(l->handle));
}

static PyObject *run_once(PyObject *self, PyObject *ignored) {
    loop_object *l = (loop_object *)self;
    uint32_t count = 0;
    (void)ignored;
    if (usable(l) < 0) {
        return NULL;
    }
    if (l->dispatching) {
        return raise_error("InvalidArgument", "run_once must not be called in a callback");
    }
    l->dispatching = true;
    KernelStatusCode status = dbk_loop_run_once(l->handle, 0, 0, &count);
    l->dispatching = false;
    log_drain();
    return status == KernelStatusCode_Success ? PyLong_FromUnsignedLong(count)
                                              : raise_error("Internal", "the loop failed");
}

static PyObject *get_pending(PyObject *self, void *ignored) {
    (void)ignored;
    return PyLong_FromSsize_t(PySet_Size(((loop_object *)self)->pending));
}

static PyGetSetDef loop_properties[] = {
    {"pending", get_pending, NULL, "int: operations under way", NULL},
    {NULL, NULL, NULL, NULL, NULL}};

static PyMethodDef loop_methods[] = {
    {"fileno", get_fd, METH_NOARGS,
     "fileno($self, /)\n--\n\nint: readable while run_once has something to do."},
    {"run_once", run_once, METH_NOARGS,
     "run_once($self, /)\n--\n\n"
     "Calls the callbacks of what is done, each with its Operation; how many there were. Never "
     "waits."},
    {"close", close_loop, METH_NOARGS,
     "close($self, /)\n--\n\n"
     "What is under way is cancelled in the background and its callbacks do not run. Idempotent."},
    {"open_session", (PyCFunction)(void (*)(void))open_session, METH_VARARGS | METH_KEYWORDS,
     "open_session($self, callback, host, http_path, /, **options)\n--\n\n"
     "Opens a Session, with the options of Session. All starters give an Operation at once and "
     "call\n"
     "callback(operation) in run_once."},
    {"close_session", close_session, METH_VARARGS,
     "close_session($self, callback, session, /)\n--\n\nCloses session; nobody may use it any "
     "more."},
    {"execute", execute, METH_VARARGS,
     "execute($self, callback, statement, /)\n--\n\nRuns statement; gives an ExecutedStatement."},
    {"next_batch", next_batch, METH_VARARGS,
     "next_batch($self, callback, rows, /)\n--\n\nThe next Batch of rows, None at their end."},
    {"columns", columns, METH_VARARGS,
     "columns($self, callback, rows, /)\n--\n\nAs rows.columns()."},
    {"metadata", metadata, METH_VARARGS,
     "metadata($self, callback, session, call, catalog=None, schema=None, object=None, "
     "column=None,\n"
     "         parent_catalog=None, parent_schema=None, parent_table=None, /)\n--\n\n"
     "A catalog call by its number in dbk_catalog_call; gives a ResultStream."},
    {NULL, NULL, 0, NULL}};

static char loop_doc[] =
    "Loop()\n--\n\n"
    "The kernel's asynchronous calls inside an event loop that can watch a file "
    "descriptor.\nBelongs to the thread that makes it.";

static PyType_Slot loop_slots[] = {
    {Py_tp_new, (void *)loop_new}, {Py_tp_dealloc, (void *)loop_dealloc},
    {Py_tp_methods, loop_methods}, {Py_tp_getset, loop_properties},
    {Py_tp_doc, loop_doc},         {0, NULL}};

PyType_Spec loop_spec = {MODULE_NAME ".Loop", sizeof(loop_object), 0, Py_TPFLAGS_DEFAULT,
                         loop_slots};
