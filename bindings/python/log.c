#include "module.h"

#include <stdatomic.h>
#include <stdlib.h>

/* The bridge to Python's logging. The library's callback only puts lines into a list, on any thread and
 * without the GIL; calls of the module hand them to the logger "databricks.sql.kernel" when they end and
 * while they wait. No lock: the list is pushed and emptied as a whole, so a fork finds it whole. */

#define LOGGER_NAME "databricks.sql.kernel"
#define QUEUE_MAX   4096

typedef struct line {
    struct line *next;
    int level;
    char text[];
} line;

static _Atomic(line *) newest;
static atomic_size_t queued;
static atomic_size_t dropped;

static PyObject *logger;  /* NULL: init_logging was not called */
static int level_now = 0; /* Python's level that the library was told */
static bool draining;     /* under the GIL: a handler calls the module */

static int python_level(const char *word) {
    static const struct {
        const char *word;
        int level;
    } levels[] = {{"trace", 5}, {"debug", 10}, {"info", 20}, {"warn", 30}, {"error", 40}};
    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++) {
        if (strcmp(word, levels[i].word) == 0) {
            return levels[i].level;
        }
    }
    return 30;
}

static const char *kernel_level(int level) {
    return level <= 5    ? "trace"
           : level <= 10 ? "debug"
           : level <= 20 ? "info"
           : level <= 30 ? "warn"
           : level <= 40 ? "error"
                         : "off";
}

/* Any thread, without the GIL. */
static void on_line(const char *level, const char *target, const char *message, void *user_data) {
    (void)target;
    (void)user_data;
    size_t len = strlen(message);
    if (atomic_fetch_add(&queued, 1) >= QUEUE_MAX) {
        (void)atomic_fetch_sub(&queued, 1);
        (void)atomic_fetch_add(&dropped, 1);
        return;
    }
    line *l = malloc(sizeof *l + len + 1);
    if (l == NULL) {
        (void)atomic_fetch_sub(&queued, 1);
        (void)atomic_fetch_add(&dropped, 1);
        return;
    }
    l->level = python_level(level);
    memcpy(l->text, message, len + 1);
    l->next = atomic_load(&newest);
    while (!atomic_compare_exchange_weak(&newest, &l->next, l)) {
    }
}

/* ---- with the GIL ---- */

static void hand_over(int level, const char *text, bool *enabled) {
    PyObject *is_on = PyObject_CallMethod(logger, "isEnabledFor", "i", level);
    *enabled = is_on != NULL && PyObject_IsTrue(is_on) == 1;
    Py_XDECREF(is_on);
    if (!*enabled) {
        return;
    }
    PyObject *message = PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text), "replace");
    PyObject *record = message == NULL
                           ? NULL
                           : PyObject_CallMethod(logger, "makeRecord", "sisiO()O", LOGGER_NAME,
                                                 level, MODULE_NAME, 0, message, Py_None);
    PyObject *done = record == NULL ? NULL : PyObject_CallMethod(logger, "handle", "O", record);
    Py_XDECREF(done);
    Py_XDECREF(record);
    Py_XDECREF(message);
}

static void hand_over_all(line *oldest) {
    while (oldest != NULL) {
        line *next = oldest->next;
        bool enabled = false;
        hand_over(oldest->level, oldest->text, &enabled);
        if (PyErr_Occurred() != NULL) {
            PyErr_WriteUnraisable(logger); /* a handler's failure is not the call's */
        }
        free(oldest);
        (void)atomic_fetch_sub(&queued, 1);
        oldest = next;
    }
    size_t lost = atomic_exchange(&dropped, 0);
    if (lost > 0) {
        char text[80];
        bool enabled = false;
        (void)PyOS_snprintf(text, sizeof text, "%zu log lines were dropped", lost);
        hand_over(30, text, &enabled);
        PyErr_Clear();
    }
}

void log_drain(void) {
    if (logger == NULL || draining || atomic_load_explicit(&newest, memory_order_relaxed) == NULL) {
        return;
    }
    PyObject *type = NULL;
    PyObject *value = NULL;
    PyObject *trace = NULL;
    PyErr_Fetch(&type, &value, &trace);
    draining = true;
    line *oldest = NULL;
    for (line *l = atomic_exchange(&newest, NULL); l != NULL;) {
        line *next = l->next;
        l->next = oldest;
        oldest = l;
        l = next;
    }
    hand_over_all(oldest);
    draining = false;
    PyErr_Restore(type, value, trace);
}

void log_enter(void) {
    if (logger == NULL) {
        return;
    }
    PyObject *level = PyObject_CallMethod(logger, "getEffectiveLevel", NULL);
    long now = level == NULL ? -1 : PyLong_AsLong(level);
    Py_XDECREF(level);
    if (PyErr_Occurred() != NULL) {
        PyErr_Clear();
        return;
    }
    if ((int)now != level_now) {
        level_now = (int)now;
        (void)dbk_log_set_level(kernel_level(level_now));
    }
}

/* ---- init_logging, reset_logging ---- */

/* At exit nothing is handed over any more: handlers may be gone. */
static PyObject *stop_logging(PyObject *self, PyObject *ignored) {
    (void)self;
    (void)ignored;
    log_drain();
    (void)dbk_log_set_level("off");
    Py_CLEAR(logger);
    Py_RETURN_NONE;
}

static PyMethodDef stop_method = {"_stop_logging", stop_logging, METH_NOARGS, NULL};

static int stop_at_exit(PyObject *module) {
    PyObject *atexit = PyImport_ImportModule("atexit");
    PyObject *stop = atexit == NULL ? NULL : PyCFunction_NewEx(&stop_method, module, NULL);
    PyObject *done = stop == NULL ? NULL : PyObject_CallMethod(atexit, "register", "O", stop);
    int failed = done == NULL ? -1 : 0;
    Py_XDECREF(done);
    Py_XDECREF(stop);
    Py_XDECREF(atexit);
    return failed;
}

PyDoc_STRVAR(
    init_logging_doc,
    "init_logging()\n--\n\n"
    "Sends the kernel's log to the logger 'databricks.sql.kernel'. True the first time, False\n"
    "when it is already done or another sink was installed before.");

static PyObject *init_logging(PyObject *module, PyObject *ignored) {
    (void)ignored;
    if (logger != NULL) {
        Py_RETURN_FALSE;
    }
    if (kernel_init_logging_callback("error", on_line, NULL) != KernelStatusCode_Success) {
        Py_RETURN_FALSE;
    }
    PyObject *logging = PyImport_ImportModule("logging");
    PyObject *made =
        logging == NULL ? NULL : PyObject_CallMethod(logging, "getLogger", "s", LOGGER_NAME);
    Py_XDECREF(logging);
    if (made == NULL || stop_at_exit(module) < 0) {
        Py_XDECREF(made);
        PyErr_Clear(); /* never raises: it runs when the connector is imported */
        Py_RETURN_FALSE;
    }
    logger = made;
    level_now = 40;
    Py_RETURN_TRUE;
}

PyDoc_STRVAR(reset_logging_doc,
             "reset_logging()\n--\n\n"
             "Nothing to do: the level of the logger counts anew with every call.");

static PyObject *reset_logging(PyObject *module, PyObject *ignored) {
    (void)module;
    (void)ignored;
    Py_RETURN_NONE;
}

static PyMethodDef functions[] = {{"init_logging", init_logging, METH_NOARGS, init_logging_doc},
                                  {"reset_logging", reset_logging, METH_NOARGS, reset_logging_doc},
                                  {NULL, NULL, 0, NULL}};

int log_init(PyObject *module) {
    return PyModule_AddFunctions(module, functions);
}
