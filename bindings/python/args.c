#include "module.h"

static int find_name(const char *const *names, size_t count, PyObject *key, size_t *out) {
    for (size_t i = 0; i < count; i++) {
        if (PyUnicode_CompareWithASCIIString(key, names[i]) == 0) {
            *out = i;
            return 0;
        }
    }
    return -1;
}

static int take_keywords(const char *function, const char *const *names, size_t count,
                         PyObject *kwargs, PyObject **out) {
    Py_ssize_t at = 0;
    PyObject *key = NULL;
    PyObject *value = NULL;
    size_t i = 0;
    while (PyDict_Next(kwargs, &at, &key, &value)) {
        if (!PyUnicode_Check(key) || find_name(names, count, key, &i) < 0) {
            PyErr_Format(PyExc_TypeError, "%s() got an unexpected keyword argument '%S'", function,
                         key);
            return -1;
        }
        if (out[i] != NULL) {
            PyErr_Format(PyExc_TypeError, "%s() got multiple values for argument '%s'", function,
                         names[i]);
            return -1;
        }
        out[i] = value;
    }
    return 0;
}

int args_parse(const char *function, const char *const *names, size_t count, size_t positional,
               size_t required, PyObject *args, PyObject *kwargs, PyObject **out) {
    Py_ssize_t given = PyTuple_Size(args);
    for (size_t i = 0; i < count; i++) {
        out[i] = NULL;
    }
    if ((size_t)given > positional) {
        PyErr_Format(PyExc_TypeError, "%s() takes at most %zu positional arguments (%zd given)",
                     function, positional, given);
        return -1;
    }
    for (Py_ssize_t i = 0; i < given; i++) {
        out[i] = PyTuple_GetItem(args, i);
    }
    if (kwargs != NULL && take_keywords(function, names, count, kwargs, out) < 0) {
        return -1;
    }
    for (size_t i = 0; i < required; i++) {
        if (out[i] == NULL) {
            PyErr_Format(PyExc_TypeError, "%s() missing required argument: '%s'", function,
                         names[i]);
            return -1;
        }
    }
    return 0;
}

int args_text(PyObject *value, const char *name, bool optional, const char **out) {
    *out = NULL;
    if (optional && (value == NULL || value == Py_None)) {
        return 0;
    }
    if (value == NULL || !PyUnicode_Check(value)) {
        PyErr_Format(PyExc_TypeError, "%s must be a str%s, not %R", name,
                     optional ? " or None" : "",
                     value == NULL ? Py_None : (PyObject *)Py_TYPE(value));
        return -1;
    }
    Py_ssize_t len = 0;
    const char *text = PyUnicode_AsUTF8AndSize(value, &len);
    if (text == NULL) {
        return -1;
    }
    if (strlen(text) != (size_t)len) {
        PyErr_Format(PyExc_ValueError, "%s must not hold a NUL character", name);
        return -1;
    }
    *out = text;
    return 0;
}
