#include "module.h"

typedef struct metadata_object {
    PyObject_HEAD session_object *session;
} metadata_object;

PyObject *metadata_new(session_object *s) {
    metadata_object *m = object_new(metadata_type);
    if (m != NULL) {
        m->session = (session_object *)Py_NewRef((PyObject *)s);
    }
    return (PyObject *)m;
}

static void metadata_dealloc(PyObject *self) {
    Py_XDECREF((PyObject *)((metadata_object *)self)->session);
    object_delete(self);
}

/* ---- one call ---- */

typedef KernelStatusCode (*catalog_call)(kernel_session_t *session, const void *arg,
                                         kernel_result_stream_t **out);

static PyObject *run(PyObject *self, catalog_call call, const void *arg) {
    session_object *s = ((metadata_object *)self)->session;
    rows_source source = {0};
    waiting w;
    kernel_session_t *handle = session_use(s);
    if (handle == NULL) {
        return NULL;
    }
    int failed = gate_enter(NULL, &w);
    if (failed == 0) {
        failed = gate_leave(&w, call(handle, arg, &source.stream));
    }
    session_unuse(s);
    if (failed < 0) {
        rows_abandon(&source);
        return NULL;
    }
    return stream_new(&source, NULL);
}

/* ---- lists with filters ---- */

#define FILTERS_MAX 4

typedef struct list_spec { /* one method: its arguments in order, and where they go */
    const char *name;
    dbk_catalog_call call;
    const char *args[FILTERS_MAX + 1]; /* NULL ends */
} list_spec;

static KernelStatusCode call_list(kernel_session_t *session, const void *arg,
                                  kernel_result_stream_t **out) {
    return dbk_metadata_list(session, arg, out);
}

/* The strings of a list; PyMem_Free it. NULL: raised. */
static const char **type_names(PyObject *types, size_t *count) {
    Py_ssize_t len =
        PySequence_Check(types) && !PyUnicode_Check(types) ? PySequence_Size(types) : -1;
    if (len < 0) {
        PyErr_SetString(PyExc_TypeError, "table_types must be a list of str or None");
        return NULL;
    }
    const char **names = PyMem_Calloc((size_t)len + 1, sizeof *names);
    bool ok = names != NULL;
    for (Py_ssize_t i = 0; ok && i < len; i++) {
        PyObject *item = PySequence_GetItem(types, i);
        ok = item != NULL && args_text(item, "a table type", false, &names[i]) == 0;
        Py_XDECREF(item); /* the sequence keeps it */
    }
    if (!ok) {
        PyMem_Free((void *)names);
        return NULL;
    }
    *count = (size_t)len;
    return names;
}

static PyObject *run_list(PyObject *self, const list_spec *spec, PyObject *args, PyObject *kwargs) {
    PyObject *given[FILTERS_MAX] = {0};
    dbk_catalog_filter filter = {.struct_size = sizeof filter, .call = spec->call};
    const char **targets[FILTERS_MAX] = {&filter.catalog, &filter.schema, &filter.object,
                                         &filter.column};
    const char **types = NULL;
    PyObject *held = NULL; /* keeps the texts of the types */
    size_t count = 0;
    while (spec->args[count] != NULL) {
        count++;
    }
    if (args_parse(spec->name, spec->args, count, 0, 0, args, kwargs, given) < 0) {
        return NULL;
    }
    bool with_types = spec->call == DBK_CATALOG_CALL_TABLES;
    for (size_t i = 0; i < count - (with_types ? 1 : 0); i++) {
        if (args_text(given[i], spec->args[i], true, targets[i]) < 0) {
            return NULL;
        }
    }
    if (with_types && given[3] != NULL && given[3] != Py_None) {
        held = PySequence_Tuple(given[3]);
        types =
            held == NULL || PyUnicode_Check(given[3]) ? NULL : type_names(held, &filter.type_count);
        if (types == NULL) {
            if (PyErr_Occurred() == NULL) {
                PyErr_SetString(PyExc_TypeError, "table_types must be a list of str or None");
            }
            Py_XDECREF(held);
            return NULL;
        }
        filter.types = types;
    }
    PyObject *stream = run(self, call_list, &filter);
    PyMem_Free((void *)types);
    Py_XDECREF(held);
    return stream;
}

static PyObject *list_catalogs(PyObject *self, PyObject *ignored) {
    dbk_catalog_filter filter = {.struct_size = sizeof filter, .call = DBK_CATALOG_CALL_CATALOGS};
    (void)ignored;
    return run(self, call_list, &filter);
}

#define LIST_METHOD(function, call, ...)                                          \
    static PyObject *function(PyObject *self, PyObject *args, PyObject *kwargs) { \
        static const list_spec spec = {#function, call, {__VA_ARGS__, NULL}};     \
        return run_list(self, &spec, args, kwargs);                               \
    }
LIST_METHOD(list_schemas, DBK_CATALOG_CALL_SCHEMAS, "catalog", "schema_pattern")
LIST_METHOD(list_tables, DBK_CATALOG_CALL_TABLES, "catalog", "schema_pattern", "table_pattern",
            "table_types")
LIST_METHOD(list_columns, DBK_CATALOG_CALL_COLUMNS, "catalog", "schema_pattern", "table_pattern",
            "column_pattern")
LIST_METHOD(functions, DBK_CATALOG_CALL_FUNCTIONS, "catalog", "schema_pattern", "name_pattern")
LIST_METHOD(procedures, DBK_CATALOG_CALL_PROCEDURES, "catalog", "schema_pattern", "name_pattern")
LIST_METHOD(procedure_columns, DBK_CATALOG_CALL_PROCEDURE_COLUMNS, "catalog", "schema_pattern",
            "name_pattern", "column_pattern")

/* ---- keys and what is always the same ---- */

static KernelStatusCode call_table_types(kernel_session_t *session, const void *arg,
                                         kernel_result_stream_t **out) {
    (void)arg;
    return kernel_metadata_list_table_types(session, out);
}

static PyObject *table_types(PyObject *self, PyObject *ignored) {
    (void)ignored;
    return run(self, call_table_types, NULL);
}

static KernelStatusCode call_type_info(kernel_session_t *session, const void *arg,
                                       kernel_result_stream_t **out) {
    (void)arg;
    return dbk_metadata_type_info(session, out);
}

static PyObject *type_info(PyObject *self, PyObject *ignored) {
    (void)ignored;
    return run(self, call_type_info, NULL);
}

static KernelStatusCode call_primary_keys(kernel_session_t *session, const void *arg,
                                          kernel_result_stream_t **out) {
    const char *const *t = arg;
    return kernel_metadata_primary_keys(session, t[0], t[1], t[2], out);
}

static PyObject *primary_keys(PyObject *self, PyObject *args, PyObject *kwargs) {
    static const char *const names[] = {"catalog", "schema", "table"};
    PyObject *given[3];
    const char *texts[3];
    if (args_parse("primary_keys", names, 3, 0, 3, args, kwargs, given) < 0) {
        return NULL;
    }
    for (size_t i = 0; i < 3; i++) {
        if (args_text(given[i], names[i], false, &texts[i]) < 0) {
            return NULL;
        }
    }
    return run(self, call_primary_keys, texts);
}

static KernelStatusCode call_foreign_keys(kernel_session_t *session, const void *arg,
                                          kernel_result_stream_t **out) {
    const char *const *t = arg; /* the child first, as the arguments that are needed */
    return dbk_metadata_cross_reference(session, t[3], t[4], t[5], t[0], t[1], t[2], out);
}

static PyObject *foreign_keys(PyObject *self, PyObject *args, PyObject *kwargs) {
    static const char *const names[] = {"foreign_catalog", "foreign_schema", "foreign_table",
                                        "parent_catalog",  "parent_schema",  "parent_table"};
    PyObject *given[6];
    const char *texts[6];
    if (args_parse("foreign_keys", names, 6, 0, 3, args, kwargs, given) < 0) {
        return NULL;
    }
    for (size_t i = 0; i < 6; i++) {
        if (args_text(given[i], names[i], i >= 3, &texts[i]) < 0) {
            return NULL;
        }
    }
    return run(self, call_foreign_keys, texts);
}

#define KEYWORDS(function) (PyCFunction)(void (*)(void)) function, METH_VARARGS | METH_KEYWORDS
#define FUNCTIONS_SIGNATURE \
    "($self, /, *, catalog=None, schema_pattern=None, name_pattern=None)\n--\n\n"
#define FOREIGN_SIGNATURE                                                        \
    "($self, /, *, parent_catalog=None, parent_schema=None, parent_table=None, " \
    "foreign_catalog, foreign_schema, foreign_table)\n--\n\n"

static PyMethodDef methods[] = {
    {"list_catalogs", list_catalogs, METH_NOARGS,
     "list_catalogs($self, /)\n--\n\nThe catalogs: TABLE_CAT."},
    {"list_schemas", KEYWORDS(list_schemas),
     "list_schemas($self, /, *, catalog=None, schema_pattern=None)\n--\n\n"
     "The schemas: TABLE_SCHEM, TABLE_CATALOG. Patterns are those of LIKE; None: all, '': none."},
    {"list_tables", KEYWORDS(list_tables),
     "list_tables($self, /, *, catalog=None, schema_pattern=None, table_pattern=None, "
     "table_types=None)\n--\n\n"
     "Tables and views as JDBC's getTables; table_types: list of str in any case, None: all."},
    {"list_columns", KEYWORDS(list_columns),
     "list_columns($self, /, *, catalog=None, schema_pattern=None, table_pattern=None, "
     "column_pattern=None)\n--\n\nColumns as JDBC's getColumns."},
    {"functions", KEYWORDS(functions), "functions" FUNCTIONS_SIGNATURE "As JDBC's getFunctions."},
    {"procedures", KEYWORDS(procedures),
     "procedures" FUNCTIONS_SIGNATURE "As JDBC's getProcedures."},
    {"procedure_columns", KEYWORDS(procedure_columns),
     "procedure_columns($self, /, *, catalog=None, schema_pattern=None, name_pattern=None, "
     "column_pattern=None)\n--\n\nAs JDBC's getProcedureColumns."},
    {"primary_keys", KEYWORDS(primary_keys),
     "primary_keys($self, /, *, catalog, schema, table)\n--\n\nAs JDBC's getPrimaryKeys."},
    {"foreign_keys", KEYWORDS(foreign_keys),
     "foreign_keys" FOREIGN_SIGNATURE "As JDBC's getCrossReference; parent_* None: every parent."},
    {"table_types", table_types, METH_NOARGS, "table_types($self, /)\n--\n\nThe table types."},
    {"type_info", type_info, METH_NOARGS, "type_info($self, /)\n--\n\nAs JDBC's getTypeInfo."},
    /* names of the Node binding */
    {"list_functions", KEYWORDS(functions), "list_functions" FUNCTIONS_SIGNATURE "functions()."},
    {"list_procedures", KEYWORDS(procedures),
     "list_procedures" FUNCTIONS_SIGNATURE "procedures()."},
    {"list_table_types", table_types, METH_NOARGS,
     "list_table_types($self, /)\n--\n\ntable_types()."},
    {"list_type_info", type_info, METH_NOARGS, "list_type_info($self, /)\n--\n\ntype_info()."},
    {"get_primary_keys", KEYWORDS(primary_keys),
     "get_primary_keys($self, /, *, catalog, schema, table)\n--\n\nprimary_keys()."},
    {"get_cross_reference", KEYWORDS(foreign_keys),
     "get_cross_reference" FOREIGN_SIGNATURE "foreign_keys()."},
    {NULL, NULL, 0, NULL}};

static char class_doc[] = "Catalog calls; each gives a ResultStream. From Session.metadata().";

static PyType_Slot slots[] = {{Py_tp_dealloc, (void *)metadata_dealloc},
                              {Py_tp_methods, methods},
                              {Py_tp_doc, class_doc},
                              {0, NULL}};

PyType_Spec metadata_spec = {MODULE_NAME ".Metadata", sizeof(metadata_object), 0,
                             Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots};
