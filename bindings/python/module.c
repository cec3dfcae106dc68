#include "module.h"

PyTypeObject *session_type, *statement_type, *executed_type, *async_type, *stream_type,
    *metadata_type, *canceller_type, *batch_type, *loop_type, *operation_type;

PyDoc_STRVAR(module_doc,
             "The Databricks SQL kernel: sessions, statements and their rows as Arrow.\n\n"
             "Opened through databricks-sql-connector (use_kernel=True) or directly:\n\n"
             "    with Session(host, http_path, access_token=token) as session:\n"
             "        statement = session.statement()\n"
             "        statement.set_sql(\"SELECT 1 AS n\")\n"
             "        table = statement.execute().fetch_all_arrow()\n\n"
             "Every object may be used from every thread. Failures are KernelError.");

void *object_new(PyTypeObject *type) {
    allocfunc alloc = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    return alloc(type, 0); /* zeroed */
}

void object_delete(PyObject *self) {
    PyTypeObject *type = Py_TYPE(self);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(self);
    Py_DECREF(type);
}

static int add_type(PyObject *module, PyType_Spec *spec, PyTypeObject **out) {
    if (*out == NULL) {
        *out = (PyTypeObject *)PyType_FromModuleAndSpec(module, spec, NULL);
    }
    return *out == NULL ? -1 : PyModule_AddType(module, *out);
}

static int add_all_names(PyObject *module) {
    static const char *const names[] = {"Batch",
                                        "ExecutedAsyncStatement",
                                        "ExecutedStatement",
                                        "KernelError",
                                        "Loop",
                                        "Metadata",
                                        "Operation",
                                        "ResultStream",
                                        "Session",
                                        "Statement",
                                        "StatementCanceller",
                                        "init_logging",
                                        "reset_logging"};
    PyObject *all = PyList_New(0);
    int failed = all == NULL ? -1 : 0;
    for (size_t i = 0; failed == 0 && i < sizeof names / sizeof names[0]; i++) {
        PyObject *name = PyUnicode_FromString(names[i]);
        failed = name == NULL ? -1 : PyList_Append(all, name);
        Py_XDECREF(name);
    }
    if (failed == 0) {
        failed = PyModule_AddObjectRef(module, "__all__", all);
    }
    Py_XDECREF(all);
    return failed;
}

static int module_exec(PyObject *module) {
    if (PyInterpreterState_GetID(PyInterpreterState_Get()) != 0) {
        PyErr_SetString(PyExc_ImportError,
                        MODULE_NAME " works in the main interpreter of a process only");
        return -1;
    }
    bool failed = errors_init(module) < 0 || log_init(module) < 0 ||
                  add_type(module, &session_spec, &session_type) < 0 ||
                  add_type(module, &statement_spec, &statement_type) < 0 ||
                  add_type(module, &executed_spec, &executed_type) < 0 ||
                  add_type(module, &async_spec, &async_type) < 0 ||
                  add_type(module, &stream_spec, &stream_type) < 0 ||
                  add_type(module, &metadata_spec, &metadata_type) < 0 ||
                  add_type(module, &canceller_spec, &canceller_type) < 0 ||
                  add_type(module, &batch_spec, &batch_type) < 0 ||
                  add_type(module, &loop_spec, &loop_type) < 0 ||
                  add_type(module, &operation_spec, &operation_type) < 0 ||
                  PyModule_AddStringConstant(module, "__version__", DBK_PYTHON_VERSION) < 0 ||
                  PyModule_AddStringConstant(module, "__kernel_version__", dbk_version()) < 0 ||
                  add_all_names(module) < 0;
    return failed ? -1 : 0;
}

static PyModuleDef_Slot module_slots[] = {{Py_mod_exec, (void *)module_exec}, {0, NULL}};

static struct PyModuleDef module_def = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = MODULE_NAME,
    .m_doc = module_doc,
    .m_size = 0,
    .m_slots = module_slots,
};

PyMODINIT_FUNC PyInit_databricks_sql_kernel(void);
PyMODINIT_FUNC PyInit_databricks_sql_kernel(void) {
    return PyModuleDef_Init(&module_def);
}
