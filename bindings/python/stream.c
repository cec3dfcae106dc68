#include "module.h"

typedef struct stream_object {
    PyObject_HEAD rows rows;
    PyObject *async; /* whose statement the server must keep until the rows are read; or NULL */
} stream_object;

static void handles_gone(PyObject *self) {
    stream_object *s = (stream_object *)self;
    PyObject *async = s->async;
    s->async = NULL;
    if (async != NULL) {
        async_stream_gone(async);
        Py_DECREF(async);
    }
}

PyObject *stream_new(rows_source *takes_source, PyObject *async) {
    stream_object *s = object_new(stream_type);
    if (s == NULL) {
        rows_abandon(takes_source);
        return NULL;
    }
    if (rows_init(&s->rows, takes_source) < 0) {
        Py_DECREF((PyObject *)s);
        return NULL;
    }
    s->async = Py_XNewRef(async);
    return (PyObject *)s;
}

static void stream_dealloc(PyObject *self) {
    rows_free(&((stream_object *)self)->rows);
    handles_gone(self);
    object_delete(self);
}

static PyObject *fetch_schema(PyObject *self, PyObject *ignored) {
    (void)ignored;
    return rows_arrow_schema(&((stream_object *)self)->rows);
}

static PyObject *fetch_next_batch(PyObject *self, PyObject *ignored) {
    (void)ignored;
    return rows_fetch(self, &((stream_object *)self)->rows, handles_gone);
}

static PyObject *fetch_all_arrow(PyObject *self, PyObject *ignored) {
    (void)ignored;
    return rows_fetch_all(self, &((stream_object *)self)->rows, handles_gone);
}

static PyObject *close_rows(PyObject *self, PyObject *ignored) {
    (void)ignored;
    return rows_close(self, &((stream_object *)self)->rows, handles_gone);
}

static PyObject *enter(PyObject *self, PyObject *ignored) {
    (void)ignored;
    return Py_NewRef(self);
}

static PyObject *c_schema(PyObject *self, PyObject *ignored) {
    (void)ignored;
    return rows_c_schema(&((stream_object *)self)->rows);
}

static PyObject *c_stream(PyObject *self, PyObject *args, PyObject *kwargs) {
    return rows_c_stream(&((stream_object *)self)->rows, args, kwargs);
}

static PyMethodDef methods[] = {
    {"arrow_schema", fetch_schema, METH_NOARGS,
     "arrow_schema($self, /)\n--\n\nThe pyarrow.Schema of the rows."},
    {"fetch_next_batch", fetch_next_batch, METH_NOARGS,
     "fetch_next_batch($self, /)\n--\n\n"
     "The next pyarrow.RecordBatch; None at the end, again and again. Waits for rows without the "
     "GIL."},
    {"fetch_all_arrow", fetch_all_arrow, METH_NOARGS,
     "fetch_all_arrow($self, /)\n--\n\nThe rows that were not fetched yet as one pyarrow.Table."},
    {"close", close_rows, METH_NOARGS, "close($self, /)\n--\n\nDrops the rows. Idempotent."},
    {"__enter__", enter, METH_NOARGS, NULL},
    {"__exit__", close_rows, METH_VARARGS, NULL},
    {"__arrow_c_schema__", c_schema, METH_NOARGS,
     "__arrow_c_schema__($self, /)\n--\n\nThe schema as a PyCapsule of the Arrow C Data "
     "Interface."},
    {"__arrow_c_stream__", (PyCFunction)(void (*)(void))c_stream, METH_VARARGS | METH_KEYWORDS,
     "__arrow_c_stream__($self, requested_schema=None)\n--\n\n"
     "The rows as a PyCapsule of the Arrow C Stream Interface, which owns them from then on."},
    {NULL, NULL, 0, NULL}};

static char class_doc[] = "Rows of a catalog call or of a submitted statement.";

static PyType_Slot slots[] = {{Py_tp_dealloc, (void *)stream_dealloc},
                              {Py_tp_methods, methods},
                              {Py_tp_doc, class_doc},
                              {0, NULL}};

PyType_Spec stream_spec = {MODULE_NAME ".ResultStream", sizeof(stream_object), 0,
                           Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots};
