#include "module.h"

#include <stdlib.h>

/* A batch of rows that pyarrow, polars and plain Python may all read: the buffers belong to all of them
 * together, and are released with the last. */

typedef struct owner {
    atomic_int users;
    struct ArrowArray array;
    struct ArrowSchema schema;
} owner;

typedef struct batch_object {
    PyObject_HEAD owner *owner;
} batch_object;

static void owner_drop(owner *o) {
    if (atomic_fetch_sub(&o->users, 1) == 1) {
        o->array.release(&o->array);
        o->schema.release(&o->schema);
        free(o);
    }
}

/* ---- structs lent to a consumer: it may move children out, so each node holds the owner ---- */

#define LENT(kind, Struct)                                                                    \
    typedef struct kind##_node {                                                              \
        owner *owner;                                                                         \
        struct Struct **children;                                                             \
        struct Struct nodes[]; /* the children, then the dictionary */                        \
    } kind##_node;                                                                            \
    static void kind##_release(struct Struct *lent) {                                         \
        kind##_node *node = lent->private_data;                                               \
        int64_t count = lent->n_children + (lent->dictionary != NULL ? 1 : 0);                \
        for (int64_t i = 0; i < count; i++) {                                                 \
            if (node->nodes[i].release != NULL) {                                             \
                node->nodes[i].release(&node->nodes[i]);                                      \
            }                                                                                 \
        }                                                                                     \
        lent->release = NULL;                                                                 \
        owner_drop(node->owner);                                                              \
        free((void *)node->children);                                                         \
        free(node);                                                                           \
    }                                                                                         \
    static int kind##_lend(struct Struct *out, const struct Struct *in, owner *o) {           \
        size_t count = (size_t)in->n_children;                                                \
        kind##_node *node = calloc(1, sizeof *node + (count + 1) * sizeof node->nodes[0]);    \
        struct Struct **children = calloc(count + 1, sizeof *children);                       \
        if (node == NULL || children == NULL) {                                               \
            free((void *)children);                                                           \
            free(node);                                                                       \
            return -1;                                                                        \
        }                                                                                     \
        atomic_fetch_add(&o->users, 1);                                                       \
        node->owner = o;                                                                      \
        node->children = children;                                                            \
        *out = *in;                                                                           \
        out->children = in->n_children > 0 ? children : NULL;                                 \
        out->dictionary = in->dictionary != NULL ? &node->nodes[count] : NULL;                \
        out->private_data = node;                                                             \
        out->release = kind##_release;                                                        \
        int failed =                                                                          \
            in->dictionary != NULL ? kind##_lend(&node->nodes[count], in->dictionary, o) : 0; \
        for (size_t i = 0; i < count; i++) {                                                  \
            children[i] = &node->nodes[i];                                                    \
            failed = failed < 0 ? -1 : kind##_lend(&node->nodes[i], in->children[i], o);      \
        }                                                                                     \
        if (failed < 0) {                                                                     \
            out->release(out);                                                                \
        }                                                                                     \
        return failed;                                                                        \
    }

/* NOLINTBEGIN(misc-no-recursion): as deep as the type is nested */
LENT(array, ArrowArray)
LENT(schema, ArrowSchema)
/* NOLINTEND(misc-no-recursion) */

PyObject *batch_new(struct ArrowArray *takes_array, struct ArrowSchema *takes_schema) {
    owner *o = malloc(sizeof *o);
    batch_object *b = o == NULL ? NULL : object_new(batch_type);
    if (b == NULL) {
        free(o);
        takes_array->release(takes_array);
        takes_schema->release(takes_schema);
        return o == NULL ? PyErr_NoMemory() : NULL;
    }
    atomic_init(&o->users, 1);
    o->array = *takes_array;
    o->schema = *takes_schema;
    b->owner = o;
    return (PyObject *)b;
}

static void batch_dealloc(PyObject *self) {
    owner_drop(((batch_object *)self)->owner);
    object_delete(self);
}

static Py_ssize_t length(PyObject *self) {
    return (Py_ssize_t)((batch_object *)self)->owner->array.length;
}

static PyObject *rows_between(PyObject *self, PyObject *args) {
    const owner *o = ((batch_object *)self)->owner;
    Py_ssize_t start = 0;
    Py_ssize_t stop = PY_SSIZE_T_MAX;
    PyObject *given = Py_None;
    if (!PyArg_ParseTuple(args, "|nO:rows", &start, &given)) {
        return NULL;
    }
    if (given != Py_None) {
        stop = PyNumber_AsSsize_t(given, NULL);
        if (stop == -1 && PyErr_Occurred()) {
            return NULL;
        }
    }
    start = start < 0 ? 0 : start;
    stop = stop > o->array.length ? (Py_ssize_t)o->array.length : stop;
    return values_rows(&o->schema, &o->array, start, stop < start ? start : stop);
}

static PyObject *c_schema(PyObject *self, PyObject *ignored) {
    owner *o = ((batch_object *)self)->owner;
    struct ArrowSchema lent;
    (void)ignored;
    return schema_lend(&lent, &o->schema, o) < 0 ? PyErr_NoMemory() : arrow_schema_capsule(&lent);
}

static PyObject *c_array(PyObject *self, PyObject *args, PyObject *kwargs) {
    static const char *const names[] = {"requested_schema"};
    PyObject *requested = NULL; /* a wish that the protocol allows to pass over */
    owner *o = ((batch_object *)self)->owner;
    struct ArrowArray lent;
    if (args_parse("__arrow_c_array__", names, 1, 1, 0, args, kwargs, &requested) < 0) {
        return NULL;
    }
    PyObject *schema = c_schema(self, NULL);
    if (schema == NULL || array_lend(&lent, &o->array, o) < 0) {
        Py_XDECREF(schema);
        return schema == NULL ? NULL : PyErr_NoMemory();
    }
    PyObject *array = arrow_array_capsule(&lent);
    return array == NULL ? (Py_DECREF(schema), NULL) : Py_BuildValue("(NN)", schema, array);
}

static PyMethodDef methods[] = {
    {"rows", rows_between, METH_VARARGS,
     "rows($self, start=0, stop=None, /)\n--\n\n"
     "list of tuple: the rows from start to before stop as Python values, without pyarrow."},
    {"__arrow_c_schema__", c_schema, METH_NOARGS,
     "__arrow_c_schema__($self, /)\n--\n\nThe schema as a PyCapsule of the Arrow C Data "
     "Interface."},
    {"__arrow_c_array__", (PyCFunction)(void (*)(void))c_array, METH_VARARGS | METH_KEYWORDS,
     "__arrow_c_array__($self, requested_schema=None)\n--\n\n"
     "Two PyCapsules of the Arrow C Data Interface, which share the batch's memory."},
    {NULL, NULL, 0, NULL}};

static char class_doc[] = "Some rows of a result; len() of them. Valid after everything else was "
                          "closed.";

static PyType_Slot slots[] = {{Py_tp_dealloc, (void *)batch_dealloc},
                              {Py_sq_length, (void *)length},
                              {Py_tp_methods, methods},
                              {Py_tp_doc, class_doc},
                              {0, NULL}};

PyType_Spec batch_spec = {MODULE_NAME ".Batch", sizeof(batch_object), 0,
                          Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots};
