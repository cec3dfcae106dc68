#include "module.h"

#include <stdarg.h>

PyObject *kernel_error_type;

PyDoc_STRVAR(error_doc,
             "A failure told by the kernel, the network or the server.\n\n"
             "code: str, such as 'InvalidArgument', 'Unauthenticated', 'Timeout', 'Cancelled',\n"
             "    'InvalidStatementHandle', 'NetworkError', 'SqlError'\n"
             "message: str\n"
             "sql_state: str or None, five characters\n"
             "error_code: str or None, the server's word\n"
             "vendor_code, http_status: int or None\n"
             "retryable: bool, the same call may succeed later and repeating it is safe\n"
             "query_id: str or None, the statement it is about\n"
             "display_message, diagnostic_info, error_details_json, request_id: str or None\n"
             "attempts: int or None, HTTP requests made\n"
             "may_have_executed: bool, the statement may have run although the call failed");

/* The words of the contract (python-module.md 1.7), by KernelStatusCode. */
static const char *code_word(int32_t code) {
    static const char *const words[] = {
        "Unknown",      "InvalidArgument",   "Unauthenticated", "PermissionDenied",
        "NotFound",     "ResourceExhausted", "Unavailable",     "Timeout",
        "Cancelled",    "DataLoss",          "Internal",        "InvalidStatementHandle",
        "NetworkError", "SqlError"};
    bool known = code >= 0 && (size_t)code < sizeof words / sizeof words[0];
    return known ? words[code] : "Unknown";
}

/* What instances made in Python lack. */
static PyObject *new_defaults(void) {
    return Py_BuildValue("{sssssOsOsOsOsOsOsOsOsOsOsOsO}", "code", "Unknown", "message", "",
                         "sql_state", Py_None, "error_code", Py_None, "vendor_code", Py_None,
                         "http_status", Py_None, "retryable", Py_False, "query_id", Py_None,
                         "display_message", Py_None, "diagnostic_info", Py_None,
                         "error_details_json", Py_None, "request_id", Py_None, "attempts", Py_None,
                         "may_have_executed", Py_False);
}

int errors_init(PyObject *module) {
    if (kernel_error_type == NULL) {
        PyObject *defaults = new_defaults();
        if (defaults == NULL) {
            return -1;
        }
        kernel_error_type =
            PyErr_NewExceptionWithDoc(MODULE_NAME ".KernelError", error_doc, NULL, defaults);
        Py_DECREF(defaults);
    }
    return kernel_error_type == NULL
               ? -1
               : PyModule_AddObjectRef(module, "KernelError", kernel_error_type);
}

static int set(PyObject *error, const char *name, PyObject *takes_value) {
    int failed = takes_value == NULL ? -1 : PyObject_SetAttrString(error, name, takes_value);
    Py_XDECREF(takes_value);
    return failed;
}

static PyObject *text_or_none(const char *text) {
    return text == NULL ? Py_NewRef(Py_None)
                        : PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text), "replace");
}

static PyObject *number_or_none(long number) {
    return number == 0 ? Py_NewRef(Py_None) : PyLong_FromLong(number);
}

static int set_basics(PyObject *error, const char *code, PyObject *message) {
    return set(error, "code", PyUnicode_FromString(code)) < 0 ||
                   set(error, "message", Py_NewRef(message)) < 0
               ? -1
               : 0;
}

static int set_facts(PyObject *error, const KernelError *e, const dbk_error_info *info) {
    bool failed = set(error, "sql_state", text_or_none(e->sql_state)) < 0 ||
                  set(error, "error_code", text_or_none(info->error_code)) < 0 ||
                  set(error, "vendor_code", number_or_none(e->vendor_code)) < 0 ||
                  set(error, "http_status", number_or_none(e->http_status)) < 0 ||
                  set(error, "retryable", PyBool_FromLong(e->retryable)) < 0 ||
                  set(error, "query_id", text_or_none(e->query_id)) < 0 ||
                  set(error, "display_message", text_or_none(info->display_message)) < 0 ||
                  set(error, "diagnostic_info", text_or_none(info->diagnostic_info)) < 0 ||
                  set(error, "error_details_json", text_or_none(info->error_details_json)) < 0 ||
                  set(error, "request_id", text_or_none(info->request_id)) < 0 ||
                  set(error, "attempts", number_or_none((long)info->attempts)) < 0 ||
                  set(error, "may_have_executed", PyBool_FromLong(info->may_have_executed)) < 0;
    return failed ? -1 : 0;
}

static PyObject *new_error(const char *code, PyObject *message) {
    PyObject *error = PyObject_CallFunctionObjArgs(kernel_error_type, message, NULL);
    if (error != NULL && set_basics(error, code, message) < 0) {
        Py_CLEAR(error);
    }
    return error;
}

static PyObject *error_of(const KernelError *e, const dbk_error_info *info) {
    /* Without the error code at its end: that is an attribute. */
    PyObject *message =
        PyUnicode_DecodeUTF8(e->message, (Py_ssize_t)info->message_length, "replace");
    PyObject *error = message == NULL ? NULL : new_error(code_word(e->code), message);
    if (error != NULL && set_facts(error, e, info) < 0) {
        Py_CLEAR(error);
    }
    Py_XDECREF(message);
    return error;
}

PyObject *error_of_last(void) {
    KernelError e = {0};
    dbk_error_info info = {.struct_size = sizeof info};
    if (!kernel_get_last_error(&e)) {
        e.code = KernelStatusCode_Internal;
        e.message = "the call failed without saying why";
    }
    if (!dbk_get_last_error_info(&info)) {
        info.message_length = strlen(e.message);
    }
    return error_of(&e, &info);
}

PyObject *error_of_future(dbk_future *future) {
    KernelError e = {0};
    dbk_error_info info = {.struct_size = sizeof info};
    if (!dbk_future_error(future, &e)) {
        e.code = KernelStatusCode_Internal;
        e.message = "the operation failed without saying why";
    }
    if (!dbk_future_error_info(future, &info)) {
        info.message_length = strlen(e.message);
    }
    return error_of(&e, &info);
}

PyObject *raise_error(const char *code, const char *format, ...) {
    va_list args;
    va_start(args, format);
    PyObject *message = PyUnicode_FromFormatV(format, args);
    va_end(args);
    PyObject *error = message == NULL ? NULL : new_error(code, message);
    if (error != NULL) {
        PyErr_SetObject(kernel_error_type, error);
    }
    Py_XDECREF(error);
    Py_XDECREF(message);
    return NULL;
}
