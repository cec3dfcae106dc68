#include "module.h"

#include <math.h>

/* A Python callable as the way to a token. The library calls it on a thread of its own, where the GIL is
 * taken: the threads that wait for the token have let go of it. Not at the interpreter's end, when a
 * thread that asks for the GIL does not come back. */
static atomic_bool stopped;
static bool registered; /* under the GIL */

static PyObject *stop_tokens(PyObject *self, PyObject *ignored) {
    (void)self;
    (void)ignored;
    stopped = true;
    Py_RETURN_NONE;
}

static PyMethodDef stop_method = {"_stop_tokens", stop_tokens, METH_NOARGS, NULL};

static int stop_at_exit(void) {
    if (registered) {
        return 0;
    }
    PyObject *atexit = PyImport_ImportModule("atexit");
    PyObject *stop = atexit == NULL ? NULL : PyCFunction_NewEx(&stop_method, NULL, NULL);
    PyObject *done = stop == NULL ? NULL : PyObject_CallMethod(atexit, "register", "O", stop);
    registered = done != NULL;
    Py_XDECREF(done);
    Py_XDECREF(stop);
    Py_XDECREF(atexit);
    return registered ? 0 : -1;
}

/* token, or (token, expires_at). -1: raised. */
static int read_answer(PyObject *answer, const char **token, int64_t *expires_at) {
    PyObject *text = answer;
    *expires_at = 0;
    if (PyTuple_Check(answer)) {
        if (PyTuple_Size(answer) != 2) {
            PyErr_SetString(PyExc_TypeError, "expected a token or (token, expires_at)");
            return -1;
        }
        text = PyTuple_GetItem(answer, 0);
        PyObject *end = PyTuple_GetItem(answer, 1);
        double seconds = end == Py_None ? 0 : PyFloat_AsDouble(end);
        if (PyErr_Occurred() != NULL) {
            return -1;
        }
        *expires_at = seconds > 0 && seconds < 1e15 ? (int64_t)floor(seconds) : 0;
    }
    return args_text(text, "the token of token_provider", false, token);
}

static void fail_with_exception(dbk_token_call *call) {
    PyObject *type = NULL;
    PyObject *value = NULL;
    PyObject *trace = NULL;
    PyErr_Fetch(&type, &value, &trace);
    PyErr_NormalizeException(&type, &value, &trace);
    PyObject *text = PyUnicode_FromFormat("token_provider raised %R", value);
    const char *message = text == NULL ? NULL : PyUnicode_AsUTF8AndSize(text, NULL);
    (void)dbk_token_call_fail(call, message != NULL ? message : "token_provider raised");
    Py_XDECREF(text);
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(trace);
    PyErr_Clear();
}

static void answer_call(PyObject *callable, dbk_token_call *call) {
    const char *token = NULL;
    int64_t expires_at = 0;
    PyObject *answer = PyObject_CallObject(callable, NULL);
    if (answer == NULL || read_answer(answer, &token, &expires_at) < 0) {
        fail_with_exception(call);
    } else if (dbk_token_call_answer(call, token, expires_at) != KernelStatusCode_Success) {
        char text[256]; /* the next call of the library replaces the error */
        KernelError why = {.message = ""};
        (void)kernel_get_last_error(&why);
        (void)PyOS_snprintf(text, sizeof text, "%s", why.message);
        (void)dbk_token_call_fail(call, text);
    }
    Py_XDECREF(answer);
}

static void provide(void *ctx, dbk_token_call *call) {
    if (stopped) {
        (void)dbk_token_call_fail(call, "the interpreter ends");
        return;
    }
    PyGILState_STATE state = PyGILState_Ensure();
    answer_call(ctx, call);
    PyGILState_Release(state);
}

static void release(void *ctx) {
    if (stopped) {
        return; /* the interpreter takes it along */
    }
    PyGILState_STATE state = PyGILState_Ensure();
    Py_DECREF((PyObject *)ctx);
    PyGILState_Release(state);
}

int token_set_provider(KernelSessionConfig *config, PyObject *callable) {
    if (!PyCallable_Check(callable)) {
        PyErr_SetString(PyExc_TypeError, "token_provider must be callable");
        return -1;
    }
    if (stop_at_exit() < 0) {
        return -1;
    }
    Py_INCREF(callable);
    if (dbk_session_config_set_token_provider(config, provide, callable, release) ==
        KernelStatusCode_Success) {
        return 0;
    }
    PyObject *error = error_of_last();
    if (error != NULL) {
        PyErr_SetObject(kernel_error_type, error);
        Py_DECREF(error);
    }
    return -1;
}
