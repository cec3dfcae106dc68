#include "module.h"

typedef struct async_object {
    PyObject_HEAD gate gate;
    kernel_executed_async_statement_t *handle; /* NULL: closed, and no rows need it */
    session_object *session;
    PyObject *id;
    async_kind kind;
    atomic_bool closed; /* set under the gate: no call that holds it later uses handle */
    int streams;        /* rows that were taken and are neither read nor closed */
    int cancelling;     /* calls of cancel() under way, which go past the gate */
} async_object;

PyObject *async_new(session_object *s, kernel_executed_async_statement_t *takes_handle,
                    async_kind kind) {
    async_object *a = object_new(async_type);
    if (a == NULL || gate_init(&a->gate) < 0) {
        (void)dbk_async_close(takes_handle);
        Py_XDECREF((PyObject *)a);
        return NULL;
    }
    a->handle = takes_handle;
    a->kind = kind;
    a->session = (session_object *)Py_NewRef((PyObject *)s);
    const char *id = dbk_async_query_id(takes_handle);
    a->id = PyUnicode_FromString(id != NULL ? id : "");
    if (a->id == NULL) {
        Py_DECREF((PyObject *)a);
        return NULL;
    }
    return (PyObject *)a;
}

PyObject *async_attach(session_object *s, const char *id, async_kind kind) {
    kernel_executed_async_statement_t *async = NULL;
    waiting w;
    kernel_session_t *handle = session_use(s);
    if (handle == NULL) {
        return NULL;
    }
    int failed = gate_enter(NULL, &w);
    if (failed == 0) {
        failed = gate_leave(&w, dbk_async_attach(handle, id, &async));
    }
    session_unuse(s);
    if (failed < 0) {
        if (async != NULL) {
            (void)dbk_async_close(async);
        }
        return NULL;
    }
    return async_new(s, async, kind);
}

static void free_handle(async_object *a) {
    if (a->handle != NULL) {
        (void)dbk_async_close(a->handle); /* tells the server in the background */
        a->handle = NULL;
    }
}

static void async_dealloc(PyObject *self) {
    async_object *a = (async_object *)self;
    free_handle(a);
    gate_reset(&a->gate);
    Py_XDECREF((PyObject *)a->session);
    Py_XDECREF(a->id);
    object_delete(self);
}

void async_stream_gone(PyObject *self) {
    async_object *a = (async_object *)self;
    a->streams--;
    if (a->closed && a->streams == 0 && a->cancelling == 0) {
        free_handle(a);
    }
}

static int raise_when_closed(const async_object *a) {
    if (a->closed) {
        (void)raise_error("InvalidStatementHandle", "ExecutedAsyncStatement is closed");
        return -1;
    }
    return 0;
}

/* Why it failed: the library knows it without asking the server again. Raises it. */
static int await_failure(async_object *a) {
    waiting w;
    bool finished = false;
    if (gate_enter(&a->gate, &w) < 0) {
        return -1;
    }
    return gate_leave(&w, a->closed ? KernelStatusCode_Success
                                    : dbk_async_await(a->handle, 0, &finished));
}

static PyObject *failure_of(async_object *a) {
    PyObject *type = NULL;
    PyObject *value = NULL;
    PyObject *trace = NULL;
    if (await_failure(a) == 0) {
        return Py_NewRef(Py_None);
    }
    if (!PyErr_ExceptionMatches(kernel_error_type)) {
        return NULL;
    }
    PyErr_Fetch(&type, &value, &trace);
    Py_XDECREF(type);
    Py_XDECREF(trace);
    return value;
}

static PyObject *status(PyObject *self, PyObject *ignored) {
    async_object *a = (async_object *)self;
    KernelStatementStatusKind state = KernelStatementStatusKind_Pending;
    waiting w;
    (void)ignored;
    if (raise_when_closed(a) < 0 || gate_enter(&a->gate, &w) < 0) {
        return NULL;
    }
    KernelStatusCode code =
        a->closed ? KernelStatusCode_Success : dbk_async_poll(a->handle, &state);
    if (gate_leave(&w, code) < 0 || raise_when_closed(a) < 0) {
        return NULL;
    }
    PyObject *failure =
        state == KernelStatementStatusKind_Failed ? failure_of(a) : Py_NewRef(Py_None);
    return failure == NULL ? NULL : Py_BuildValue("(sN)", dbk_statement_state_name(state), failure);
}

static PyObject *await_result(PyObject *self, PyObject *ignored) {
    async_object *a = (async_object *)self;
    rows_source source = {0};
    kernel_executed_statement_t *exec = NULL;
    waiting w;
    (void)ignored;
    if (raise_when_closed(a) < 0 || gate_enter(&a->gate, &w) < 0) {
        return NULL;
    }
    KernelStatusCode code = KernelStatusCode_Success;
    if (!a->closed) {
        code = dbk_async_take_result(a->handle, &exec);
        code = code == KernelStatusCode_Success ? rows_open(exec, &source) : code;
    }
    if (gate_leave(&w, code) < 0 || (exec == NULL && raise_when_closed(a) < 0)) {
        rows_abandon(&source);
        return NULL;
    }
    PyObject *stream = stream_new(&source, self);
    a->streams += stream != NULL ? 1 : 0;
    return stream;
}

static PyObject *reader(PyObject *self, PyObject *ignored) {
    async_object *a = (async_object *)self;
    const char *id = NULL;
    (void)ignored;
    if (raise_when_closed(a) < 0 || args_text(a->id, "statement_id", false, &id) < 0) {
        return NULL;
    }
    return async_attach(a->session, id, ASYNC_READER);
}

/* Past the gate: it ends an await_result() of another thread. */
static PyObject *cancel(PyObject *self, PyObject *ignored) {
    async_object *a = (async_object *)self;
    waiting w;
    (void)ignored;
    if (raise_when_closed(a) < 0) {
        return NULL;
    }
    if (gate_foreign(&a->gate)) {
        return raise_error("InvalidStatementHandle", "this object belongs to the parent of a fork");
    }
    a->cancelling++;
    int failed = gate_enter(NULL, &w);
    if (failed == 0) {
        failed = gate_leave(&w, dbk_async_cancel(a->handle));
    }
    a->cancelling--;
    if (a->closed && a->streams == 0 && a->cancelling == 0) {
        free_handle(a);
    }
    return failed < 0 ? NULL : Py_NewRef(Py_None);
}

static PyObject *close_handle(PyObject *self, PyObject *ignored) {
    async_object *a = (async_object *)self;
    waiting w;
    KernelStatusCode code = KernelStatusCode_Success;
    (void)ignored;
    if (a->closed || gate_foreign(&a->gate)) {
        a->closed = true;
        Py_RETURN_NONE;
    }
    if (gate_enter(&a->gate, &w) < 0) {
        return NULL;
    }
    if (a->kind == ASYNC_ATTACHED && !a->closed) {
        code = dbk_async_end(a->handle);
    }
    a->closed = true;
    int failed = gate_leave(&w, code);
    if (a->streams == 0 && a->cancelling == 0) {
        free_handle(a);
    }
    return failed < 0 ? NULL : Py_NewRef(Py_None);
}

static PyObject *enter(PyObject *self, PyObject *ignored) {
    (void)ignored;
    return Py_NewRef(self);
}

static PyObject *get_statement_id(PyObject *self, void *ignored) {
    (void)ignored;
    return Py_NewRef(((async_object *)self)->id);
}

static PyGetSetDef properties[] = {
    {"statement_id", get_statement_id, NULL, "str: the server's id, also after close()", NULL},
    {NULL, NULL, NULL, NULL, NULL}};

static PyMethodDef methods[] = {
    {"status", status, METH_NOARGS,
     "status($self, /)\n--\n\n"
     "(state, failure): asks the server once. state is 'Pending', 'Running', 'Succeeded', "
     "'Failed',\n"
     "'Cancelled' or 'Closed'; failure is a KernelError when it failed, else None."},
    {"await_result", await_result, METH_NOARGS,
     "await_result($self, /)\n--\n\n"
     "Waits for the end and gives the rows as a ResultStream; each call gives all rows anew.\n"
     "KernelError when the statement failed or was cancelled."},
    {"fetch_result", await_result, METH_NOARGS,
     "fetch_result($self, /)\n--\n\nThe same as await_result()."},
    {"reader", reader, METH_NOARGS,
     "reader($self, /)\n--\n\n"
     "Another ExecutedAsyncStatement for the same statement, for a second thread or a second "
     "reading;\n"
     "closing or dropping it leaves the statement alone."},
    {"cancel", cancel, METH_NOARGS,
     "cancel($self, /)\n--\n\nCancels the statement on the server. Any thread."},
    {"close", close_handle, METH_NOARGS,
     "close($self, /)\n--\n\n"
     "Closes the statement on the server, once rows that were taken are read or closed. "
     "Idempotent."},
    {"__enter__", enter, METH_NOARGS, NULL},
    {"__exit__", close_handle, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL}};

static char class_doc[] =
    "A statement that runs on the server while the caller does something else.\n"
    "From Statement.submit() or Session.attach_async_statement().";

static PyType_Slot slots[] = {{Py_tp_dealloc, (void *)async_dealloc},
                              {Py_tp_methods, methods},
                              {Py_tp_getset, properties},
                              {Py_tp_doc, class_doc},
                              {0, NULL}};

PyType_Spec async_spec = {MODULE_NAME ".ExecutedAsyncStatement", sizeof(async_object), 0,
                          Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots};
