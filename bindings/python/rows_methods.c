/* The methods that both classes of rows have: ExecutedStatement and ResultStream (ROWS_METHODS). */
#include "module.h"

PyObject *rows_method_schema(PyObject *self, PyObject *ignored) {
    rows_end on_end = NULL;
    (void)ignored;
    return rows_arrow_schema(rows_of(self, &on_end));
}

PyObject *rows_method_fetch(PyObject *self, PyObject *ignored) {
    rows_end on_end = NULL;
    rows *r = rows_of(self, &on_end);
    (void)ignored;
    return rows_fetch(self, r, on_end);
}

PyObject *rows_method_fetch_next(PyObject *self, PyObject *ignored) {
    rows_end on_end = NULL;
    rows *r = rows_of(self, &on_end);
    (void)ignored;
    return rows_fetch_next(self, r, on_end);
}

PyObject *rows_method_columns(PyObject *self, PyObject *ignored) {
    rows_end on_end = NULL;
    (void)ignored;
    return rows_columns(rows_of(self, &on_end));
}

PyObject *rows_method_stats(PyObject *self, PyObject *ignored) {
    rows_end on_end = NULL;
    (void)ignored;
    return rows_stats(rows_of(self, &on_end));
}

PyObject *rows_method_fetch_all(PyObject *self, PyObject *ignored) {
    rows_end on_end = NULL;
    rows *r = rows_of(self, &on_end);
    (void)ignored;
    return rows_fetch_all(self, r, on_end);
}

PyObject *rows_method_close(PyObject *self, PyObject *ignored) {
    rows_end on_end = NULL;
    rows *r = rows_of(self, &on_end);
    (void)ignored;
    return rows_close(self, r, on_end);
}

PyObject *rows_method_enter(PyObject *self, PyObject *ignored) {
    (void)ignored;
    return Py_NewRef(self);
}

PyObject *rows_method_c_schema(PyObject *self, PyObject *ignored) {
    rows_end on_end = NULL;
    (void)ignored;
    return rows_c_schema(rows_of(self, &on_end));
}

PyObject *rows_method_c_stream(PyObject *self, PyObject *args, PyObject *kwargs) {
    rows_end on_end = NULL;
    return rows_c_stream(rows_of(self, &on_end), args, kwargs);
}
