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
    if (rows_init(&s->rows, takes_source, "ResultStream") < 0) {
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

rows *stream_rows(PyObject *self, rows_end *on_end) {
    *on_end = handles_gone;
    return &((stream_object *)self)->rows;
}

static PyMethodDef methods[] = {ROWS_METHODS, {NULL, NULL, 0, NULL}};

static char class_doc[] = "Rows of a catalog call or of a submitted statement.";

static PyType_Slot slots[] = {{Py_tp_dealloc, (void *)stream_dealloc},
                              {Py_tp_methods, methods},
                              {Py_tp_doc, class_doc},
                              {0, NULL}};

PyType_Spec stream_spec = {MODULE_NAME ".ResultStream", sizeof(stream_object), 0,
                           Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots};
