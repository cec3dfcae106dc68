#include "module.h"

typedef struct canceller_object {
    PyObject_HEAD gate gate; /* its pid only: a canceller may be used by many threads at once */
    kernel_statement_canceller_t *handle;
} canceller_object;

PyObject *canceller_new(statement_object *s) {
    canceller_object *c = object_new(canceller_type);
    if (c == NULL) {
        return NULL;
    }
    c->gate.pid = s->gate.pid;
    if (kernel_statement_canceller_new(s->handle, &c->handle) != KernelStatusCode_Success) {
        PyObject *error = error_of_last();
        PyErr_SetObject(kernel_error_type, error);
        Py_XDECREF(error);
        Py_DECREF((PyObject *)c);
        return NULL;
    }
    return (PyObject *)c;
}

static void canceller_dealloc(PyObject *self) {
    canceller_object *c = (canceller_object *)self;
    if (c->handle != NULL && !gate_foreign(&c->gate)) {
        (void)kernel_statement_canceller_free(c->handle);
    }
    object_delete(self);
}

static PyObject *cancel(PyObject *self, PyObject *ignored) {
    canceller_object *c = (canceller_object *)self;
    waiting w;
    (void)ignored;
    if (gate_foreign(&c->gate)) {
        Py_RETURN_NONE;
    }
    if (gate_enter(NULL, &w) < 0 ||
        gate_leave(&w, kernel_statement_canceller_cancel(c->handle, NULL)) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *statement_id(PyObject *self, PyObject *ignored) {
    canceller_object *c = (canceller_object *)self;
    char id[256];
    (void)ignored;
    if (gate_foreign(&c->gate) || !dbk_canceller_get_query_id(c->handle, id, sizeof id)) {
        Py_RETURN_NONE;
    }
    return PyUnicode_FromString(id);
}

static PyMethodDef methods[] = {
    {"cancel", cancel, METH_NOARGS,
     "cancel($self, /)\n--\n\n"
     "Cancels the statement on the server; one whose id is not known yet as soon as it is. Any "
     "thread;\n"
     "never waits for execute()."},
    {"statement_id", statement_id, METH_NOARGS,
     "statement_id($self, /)\n--\n\n"
     "str or None: the server's id as soon as it is known, also of a statement that failed."},
    {NULL, NULL, 0, NULL}};

static char class_doc[] = "Cancels a statement from another thread. From Statement.canceller().";

static PyType_Slot slots[] = {{Py_tp_dealloc, (void *)canceller_dealloc},
                              {Py_tp_methods, methods},
                              {Py_tp_doc, class_doc},
                              {0, NULL}};

PyType_Spec canceller_spec = {MODULE_NAME ".StatementCanceller", sizeof(canceller_object), 0,
                              Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots};
