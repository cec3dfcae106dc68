#include "module.h"

typedef struct executed_object {
    PyObject_HEAD rows rows;
    statement_object *statement;
    kernel_statement_canceller_t *canceller; /* made when it is first needed */
    PyObject *id;
    int64_t modified_rows;
    bool gone; /* the statement was told */
} executed_object;

static void handles_gone(PyObject *self) {
    executed_object *e = (executed_object *)self;
    if (!e->gone) {
        e->gone = true;
        statement_result_gone(e->statement);
    }
}

PyObject *executed_new(statement_object *s, rows_source *takes_source, const char *id,
                       int64_t modified_rows) {
    executed_object *e = object_new(executed_type);
    if (e == NULL) {
        rows_abandon(takes_source);
        return NULL;
    }
    e->statement = (statement_object *)Py_NewRef((PyObject *)s);
    s->results++;
    e->modified_rows = modified_rows;
    e->id = PyUnicode_FromString(id);
    if (rows_init(&e->rows, takes_source) < 0 || e->id == NULL) {
        Py_DECREF((PyObject *)e);
        return NULL;
    }
    return (PyObject *)e;
}

static void executed_dealloc(PyObject *self) {
    executed_object *e = (executed_object *)self;
    rows_free(&e->rows);
    if (e->canceller != NULL) {
        (void)kernel_statement_canceller_free(e->canceller);
    }
    if (e->statement != NULL) {
        handles_gone(self);
        Py_DECREF((PyObject *)e->statement);
    }
    Py_XDECREF(e->id);
    object_delete(self);
}

static PyObject *fetch_schema(PyObject *self, PyObject *ignored) {
    (void)ignored;
    return rows_arrow_schema(&((executed_object *)self)->rows);
}

static PyObject *fetch_next_batch(PyObject *self, PyObject *ignored) {
    (void)ignored;
    return rows_fetch(self, &((executed_object *)self)->rows, handles_gone);
}

static PyObject *fetch_all_arrow(PyObject *self, PyObject *ignored) {
    (void)ignored;
    return rows_fetch_all(self, &((executed_object *)self)->rows, handles_gone);
}

static PyObject *close_rows(PyObject *self, PyObject *ignored) {
    (void)ignored;
    return rows_close(self, &((executed_object *)self)->rows, handles_gone);
}

static PyObject *enter(PyObject *self, PyObject *ignored) {
    (void)ignored;
    return Py_NewRef(self);
}

static PyObject *c_schema(PyObject *self, PyObject *ignored) {
    (void)ignored;
    return rows_c_schema(&((executed_object *)self)->rows);
}

static PyObject *c_stream(PyObject *self, PyObject *args, PyObject *kwargs) {
    return rows_c_stream(&((executed_object *)self)->rows, args, kwargs);
}

/* Without the gate, which a fetch under way holds. */
static PyObject *cancel(PyObject *self, PyObject *ignored) {
    executed_object *e = (executed_object *)self;
    waiting w;
    (void)ignored;
    if (e->rows.closed || e->rows.drained || gate_foreign(&e->rows.gate)) {
        Py_RETURN_NONE;
    }
    if (e->canceller == NULL &&
        (e->statement->handle == NULL ||
         kernel_statement_canceller_new(e->statement->handle, &e->canceller) !=
             KernelStatusCode_Success)) {
        return raise_error("InvalidStatementHandle", "statement already closed");
    }
    if (gate_enter(NULL, &w) < 0) {
        return NULL;
    }
    (void)kernel_cancel_token_cancel(e->rows.token); /* a fetch ends at once */
    if (gate_leave(&w, kernel_statement_canceller_cancel(e->canceller, NULL)) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *get_statement_id(PyObject *self, void *ignored) {
    (void)ignored;
    return Py_NewRef(((executed_object *)self)->id);
}

static PyObject *get_modified_rows(PyObject *self, void *ignored) {
    int64_t count = ((executed_object *)self)->modified_rows;
    (void)ignored;
    return count < 0 ? Py_NewRef(Py_None) : PyLong_FromLongLong(count);
}

static PyObject *get_none(PyObject *self, void *ignored) { /* a success has none of these */
    (void)self;
    (void)ignored;
    return Py_NewRef(Py_None);
}

static PyGetSetDef properties[] = {
    {"statement_id", get_statement_id, NULL, "str: the server's id, also after close()", NULL},
    {"num_modified_rows", get_modified_rows, NULL,
     "int or None: rows changed by INSERT, UPDATE, DELETE, MERGE; None when not told", NULL},
    {"display_message", get_none, NULL, "None", NULL},
    {"diagnostic_info", get_none, NULL, "None", NULL},
    {"error_details_json", get_none, NULL, "None", NULL},
    {NULL, NULL, NULL, NULL, NULL}};

static PyMethodDef methods[] = {
    {"arrow_schema", fetch_schema, METH_NOARGS,
     "arrow_schema($self, /)\n--\n\nThe pyarrow.Schema of the rows."},
    {"fetch_next_batch", fetch_next_batch, METH_NOARGS,
     "fetch_next_batch($self, /)\n--\n\n"
     "The next pyarrow.RecordBatch; None at the end, again and again. Waits for rows without the "
     "GIL.\n"
     "At the end the statement is closed on the server. KernelError: the stream is dead then."},
    {"fetch_all_arrow", fetch_all_arrow, METH_NOARGS,
     "fetch_all_arrow($self, /)\n--\n\nThe rows that were not fetched yet as one pyarrow.Table."},
    {"cancel", cancel, METH_NOARGS,
     "cancel($self, /)\n--\n\nEnds a fetch under way; nothing when all rows were fetched. Any "
     "thread."},
    {"close", close_rows, METH_NOARGS,
     "close($self, /)\n--\n\nDrops the rows and closes the statement on the server. Idempotent."},
    {"__enter__", enter, METH_NOARGS, NULL},
    {"__exit__", close_rows, METH_VARARGS, NULL},
    {"__arrow_c_schema__", c_schema, METH_NOARGS,
     "__arrow_c_schema__($self, /)\n--\n\nThe schema as a PyCapsule of the Arrow C Data "
     "Interface."},
    {"__arrow_c_stream__", (PyCFunction)(void (*)(void))c_stream, METH_VARARGS | METH_KEYWORDS,
     "__arrow_c_stream__($self, requested_schema=None)\n--\n\n"
     "The rows as a PyCapsule of the Arrow C Stream Interface, which owns them from then on."},
    {NULL, NULL, 0, NULL}};

static char class_doc[] = "A statement that ran, and its rows. From Statement.execute().";

static PyType_Slot slots[] = {{Py_tp_dealloc, (void *)executed_dealloc},
                              {Py_tp_methods, methods},
                              {Py_tp_getset, properties},
                              {Py_tp_doc, class_doc},
                              {0, NULL}};

PyType_Spec executed_spec = {MODULE_NAME ".ExecutedStatement", sizeof(executed_object), 0,
                             Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots};
