#include "module.h"

typedef struct executed_object {
    PyObject_HEAD rows rows;
    statement_object *statement;
    kernel_statement_canceller_t *canceller; /* made when it is first needed */
    PyObject *id;
    int64_t modified_rows;
    int64_t total_rows;
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
    dbk_executed_info info = {.struct_size = sizeof info};
    e->total_rows = dbk_executed_get_info(takes_source->exec, &info) == KernelStatusCode_Success
                        ? info.total_rows
                        : -1;
    e->id = PyUnicode_FromString(id);
    if (rows_init(&e->rows, takes_source, "ExecutedStatement") < 0 || e->id == NULL) {
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

rows *executed_rows(PyObject *self, rows_end *on_end) {
    *on_end = handles_gone;
    return &((executed_object *)self)->rows;
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
        return raise_error("InvalidStatementHandle", "ExecutedStatement is closed");
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

static PyObject *get_total_rows(PyObject *self, void *ignored) {
    int64_t count = ((executed_object *)self)->total_rows;
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
    {"total_rows", get_total_rows, NULL,
     "int or None: rows of the whole result; None when the server did not tell", NULL},
    {"display_message", get_none, NULL, "None", NULL},
    {"diagnostic_info", get_none, NULL, "None", NULL},
    {"error_details_json", get_none, NULL, "None", NULL},
    {NULL, NULL, NULL, NULL, NULL}};

static PyMethodDef methods[] = {
    ROWS_METHODS,
    {"cancel", cancel, METH_NOARGS,
     "cancel($self, /)\n--\n\nEnds a fetch under way; nothing when all rows were fetched. Any "
     "thread."},
    {NULL, NULL, 0, NULL}};

static char class_doc[] = "A statement that ran, and its rows. From Statement.execute().";

static PyType_Slot slots[] = {{Py_tp_dealloc, (void *)executed_dealloc},
                              {Py_tp_methods, methods},
                              {Py_tp_getset, properties},
                              {Py_tp_doc, class_doc},
                              {0, NULL}};

PyType_Spec executed_spec = {MODULE_NAME ".ExecutedStatement", sizeof(executed_object), 0,
                             Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots};
