#include "module.h"

#include <time.h>

/* ---- life ---- */

static PyObject *session_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    kernel_session_t *handle = NULL;
    waiting w;
    KernelSessionConfig *config = config_from_args(args, kwargs);
    if (config == NULL) {
        return NULL;
    }
    if (gate_enter(NULL, &w) < 0) {
        kernel_session_config_free(config);
        return NULL;
    }
    if (gate_leave(&w, kernel_session_open(config, &handle)) < 0) {
        if (handle != NULL) {
            (void)dbk_session_release(handle);
        }
        return NULL;
    }
    return session_of_handle(type, handle);
}

PyObject *session_of_handle(PyTypeObject *type, kernel_session_t *handle) {
    session_object *s = object_new(type);
    if (s == NULL || gate_init(&s->gate) < 0) {
        (void)dbk_session_release(handle);
        Py_XDECREF((PyObject *)s);
        return NULL;
    }
    s->handle = handle;
    const char *id = dbk_session_id(handle);
    s->id = PyUnicode_FromString(id != NULL ? id : "");
    if (s->id == NULL) {
        Py_CLEAR(s);
    }
    return (PyObject *)s;
}

static void session_dealloc(PyObject *self) {
    session_object *s = (session_object *)self;
    if (s->handle != NULL) {
        (void)dbk_session_release(s->handle); /* closed on the server in the background */
    }
    gate_reset(&s->gate);
    Py_XDECREF(s->id);
    object_delete(self);
}

kernel_session_t *session_use(session_object *s) {
    if (gate_foreign(&s->gate)) {
        (void)raise_error("InvalidStatementHandle",
                          "this session belongs to the parent process of a fork; open a new one");
        return NULL;
    }
    if (s->handle == NULL) {
        (void)raise_error("InvalidStatementHandle", "Session is closed");
        return NULL;
    }
    s->users++;
    return s->handle;
}

void session_unuse(session_object *s) {
    s->users--;
}

/* ---- what it makes ---- */

static PyObject *make_statement(PyObject *self, PyObject *ignored) {
    session_object *s = (session_object *)self;
    kernel_statement_t *statement = NULL;
    waiting w;
    (void)ignored;
    kernel_session_t *handle = session_use(s);
    if (handle == NULL) {
        return NULL;
    }
    int failed = gate_enter(NULL, &w);
    if (failed == 0) {
        failed = gate_leave(&w, kernel_session_new_statement(handle, &statement));
    }
    session_unuse(s);
    if (failed < 0) {
        if (statement != NULL) {
            (void)kernel_statement_close(statement);
        }
        return NULL;
    }
    return statement_new(s, statement);
}

static PyObject *make_metadata(PyObject *self, PyObject *ignored) {
    session_object *s = (session_object *)self;
    (void)ignored;
    if (session_use(s) == NULL) {
        return NULL;
    }
    session_unuse(s);
    return metadata_new(s);
}

static PyObject *attach(PyObject *self, PyObject *args, PyObject *kwargs) {
    static const char *const names[] = {"statement_id"};
    PyObject *given = NULL;
    const char *id = NULL;
    if (args_parse("attach_async_statement", names, 1, 1, 1, args, kwargs, &given) < 0 ||
        args_text(given, names[0], false, &id) < 0) {
        return NULL;
    }
    return async_attach((session_object *)self, id, ASYNC_ATTACHED);
}

/* ---- close ---- */

/* Calls that use the handle on other threads end first; -1: a signal came before that. */
static int wait_for_users(session_object *s) {
    while (s->users > 0) {
        static const struct timespec pause = {0, 2000000};
        PyThreadState *thread = PyEval_SaveThread();
        (void)nanosleep(&pause, NULL);
        PyEval_RestoreThread(thread);
        if (PyErr_CheckSignals() != 0) {
            return -1;
        }
    }
    return 0;
}

static PyObject *close_session(PyObject *self, PyObject *ignored) {
    session_object *s = (session_object *)self;
    kernel_session_t *handle = s->handle;
    waiting w;
    (void)ignored;
    s->handle = NULL; /* nobody begins anything new */
    if (handle == NULL) {
        Py_RETURN_NONE;
    }
    if (gate_foreign(&s->gate)) {
        (void)dbk_session_release(handle); /* frees memory only */
        Py_RETURN_NONE;
    }
    if (wait_for_users(s) < 0 || gate_enter(NULL, &w) < 0) {
        s->handle = handle;
        return NULL;
    }
    if (gate_leave(&w, kernel_session_close(handle)) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *enter(PyObject *self, PyObject *ignored) {
    (void)ignored;
    return Py_NewRef(self);
}

static PyObject *get_session_id(PyObject *self, void *ignored) {
    (void)ignored;
    return Py_NewRef(((session_object *)self)->id);
}

static PyObject *get_closed(PyObject *self, void *ignored) {
    (void)ignored;
    return PyBool_FromLong(((session_object *)self)->handle == NULL);
}

static PyGetSetDef properties[] = {
    {"session_id", get_session_id, NULL, "str: the server's id, also after close()", NULL},
    {"closed", get_closed, NULL, "bool: was close() called?", NULL},
    {NULL, NULL, NULL, NULL, NULL}};

static PyMethodDef methods[] = {
    {"statement", make_statement, METH_NOARGS,
     "statement($self, /)\n--\n\nA new Statement; nothing is sent."},
    {"metadata", make_metadata, METH_NOARGS,
     "metadata($self, /)\n--\n\nThe catalog calls of this session, a Metadata."},
    {"attach_async_statement", (PyCFunction)(void (*)(void))attach, METH_VARARGS | METH_KEYWORDS,
     "attach_async_statement($self, statement_id)\n--\n\n"
     "An ExecutedAsyncStatement for a statement that runs or ran on the server, looked at once.\n"
     "Dropping it does not close the statement. KernelError NotFound: there is none of that id."},
    {"close", close_session, METH_NOARGS,
     "close($self, /)\n--\n\n"
     "Closes the session on the server, waiting a bounded time; what was logged is delivered.\n"
     "Idempotent."},
    {"__enter__", enter, METH_NOARGS, NULL},
    {"__exit__", close_session, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL}};

static PyType_Slot slots[] = {
    {Py_tp_new, (void *)session_new}, {Py_tp_dealloc, (void *)session_dealloc},
    {Py_tp_methods, methods},         {Py_tp_getset, properties},
    {Py_tp_doc, session_doc},         {0, NULL}};

PyType_Spec session_spec = {MODULE_NAME ".Session", sizeof(session_object), 0, Py_TPFLAGS_DEFAULT,
                            slots};
