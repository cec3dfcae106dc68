#include "module.h"

#include <stdlib.h>

/* pyarrow is imported at the first hand-over, never at import of the module. */
static PyObject *schema_class;
static PyObject *batch_class;
static PyObject *table_class;

static int load_pyarrow(void) {
    if (table_class != NULL) {
        return 0;
    }
    PyObject *pa = PyImport_ImportModule("pyarrow");
    if (pa == NULL) {
        return -1;
    }
    PyObject *schema = PyObject_GetAttrString(pa, "Schema");
    PyObject *batch = schema == NULL ? NULL : PyObject_GetAttrString(pa, "RecordBatch");
    PyObject *table = batch == NULL ? NULL : PyObject_GetAttrString(pa, "Table");
    Py_DECREF(pa);
    if (table == NULL) {
        Py_XDECREF(schema);
        Py_XDECREF(batch);
        return -1;
    }
    schema_class = schema;
    batch_class = batch;
    table_class = table;
    return 0;
}

/* The importer empties the struct; if it did not come to that, we do. */
PyObject *arrow_schema(struct ArrowSchema *takes_schema) {
    PyObject *made = NULL;
    if (load_pyarrow() == 0) {
        PyObject *address = PyLong_FromVoidPtr(takes_schema);
        made = address == NULL ? NULL
                               : PyObject_CallMethod(schema_class, "_import_from_c", "O", address);
        Py_XDECREF(address);
    }
    if (takes_schema->release != NULL) {
        takes_schema->release(takes_schema);
    }
    return made;
}

PyObject *arrow_batch(struct ArrowArray *takes_array, PyObject *schema) {
    PyObject *address = PyLong_FromVoidPtr(takes_array);
    PyObject *made =
        address == NULL ? NULL
                        : PyObject_CallMethod(batch_class, "_import_from_c", "OO", address, schema);
    Py_XDECREF(address);
    if (takes_array->release != NULL) {
        takes_array->release(takes_array);
    }
    return made;
}

PyObject *arrow_table(PyObject *batches, PyObject *schema) {
    return PyObject_CallMethod(table_class, "from_batches", "OO", batches, schema);
}

/* ---- capsules of the PyCapsule interface ---- */

static void free_schema(PyObject *capsule) {
    struct ArrowSchema *s = PyCapsule_GetPointer(capsule, "arrow_schema");
    if (s != NULL && s->release != NULL) {
        s->release(s);
    }
    free(s);
}

static void free_array(PyObject *capsule) {
    struct ArrowArray *a = PyCapsule_GetPointer(capsule, "arrow_array");
    if (a != NULL && a->release != NULL) {
        a->release(a);
    }
    free(a);
}

static void free_stream(PyObject *capsule) {
    struct ArrowArrayStream *s = PyCapsule_GetPointer(capsule, "arrow_array_stream");
    if (s != NULL && s->release != NULL) {
        s->release(s);
    }
    free(s);
}

PyObject *arrow_schema_capsule(struct ArrowSchema *takes_schema) {
    struct ArrowSchema *s = malloc(sizeof *s);
    PyObject *capsule =
        s == NULL ? PyErr_NoMemory() : PyCapsule_New(s, "arrow_schema", free_schema);
    if (capsule == NULL) {
        takes_schema->release(takes_schema);
        free(s);
        return NULL;
    }
    *s = *takes_schema;
    return capsule;
}

PyObject *arrow_array_capsule(struct ArrowArray *takes_array) {
    struct ArrowArray *a = malloc(sizeof *a);
    PyObject *capsule = a == NULL ? PyErr_NoMemory() : PyCapsule_New(a, "arrow_array", free_array);
    if (capsule == NULL) {
        takes_array->release(takes_array);
        free(a);
        return NULL;
    }
    *a = *takes_array;
    return capsule;
}

PyObject *arrow_stream_capsule(struct ArrowArrayStream *takes_stream) {
    struct ArrowArrayStream *s = malloc(sizeof *s);
    PyObject *capsule =
        s == NULL ? PyErr_NoMemory() : PyCapsule_New(s, "arrow_array_stream", free_stream);
    if (capsule == NULL) {
        takes_stream->release(takes_stream);
        free(s);
        return NULL;
    }
    *s = *takes_stream;
    return capsule;
}
