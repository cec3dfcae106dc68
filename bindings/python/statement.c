#include "module.h"

#include <stdlib.h>

PyObject *statement_new(session_object *s, kernel_statement_t *takes_handle) {
    statement_object *st = object_new(statement_type);
    if (st == NULL || gate_init(&st->gate) < 0) {
        (void)kernel_statement_close(takes_handle);
        Py_XDECREF((PyObject *)st);
        return NULL;
    }
    st->handle = takes_handle;
    st->session = (session_object *)Py_NewRef((PyObject *)s);
    return (PyObject *)st;
}

/* Closing the library's statement makes its results stale: it waits for them (contract 3.3). */
static void free_handle(statement_object *st) {
    if (st->handle != NULL && st->results == 0) {
        (void)kernel_statement_close(st->handle);
        st->handle = NULL;
    }
}

void statement_result_gone(statement_object *st) {
    st->results--;
    if (st->closed) {
        free_handle(st);
    }
}

static void statement_dealloc(PyObject *self) {
    statement_object *st = (statement_object *)self;
    free_handle(st); /* results hold the statement: there are none */
    gate_reset(&st->gate);
    Py_XDECREF((PyObject *)st->session);
    object_delete(self);
}

static PyObject *raise_closed(void) {
    return raise_error("InvalidStatementHandle", "Statement is closed");
}

/* ---- text, options, parameters: short calls of the library, one at a time ---- */

typedef KernelStatusCode (*small_call)(kernel_statement_t *handle, const void *arg);

static PyObject *run_small(PyObject *self, small_call call, const void *arg) {
    statement_object *st = (statement_object *)self;
    waiting w;
    if (gate_enter(&st->gate, &w) < 0) {
        return NULL;
    }
    bool closed = st->closed;
    if (gate_leave(&w, closed ? KernelStatusCode_Success : call(st->handle, arg)) < 0) {
        return NULL;
    }
    return closed ? raise_closed() : Py_NewRef(Py_None);
}

typedef struct text_arg {
    const char *text;
    Py_ssize_t len;
} text_arg;

static KernelStatusCode call_set_sql(kernel_statement_t *handle, const void *arg) {
    const text_arg *sql = arg;
    return dbk_statement_set_sql_n(handle, sql->text, (size_t)sql->len);
}

static PyObject *set_sql(PyObject *self, PyObject *sql) {
    text_arg arg = {0};
    if (!PyUnicode_Check(sql)) {
        return PyErr_Format(PyExc_TypeError, "sql must be a str, not %R", Py_TYPE(sql));
    }
    arg.text = PyUnicode_AsUTF8AndSize(sql, &arg.len);
    return arg.text == NULL ? NULL : run_small(self, call_set_sql, &arg);
}

static KernelStatusCode call_row_limit(kernel_statement_t *handle, const void *arg) {
    return dbk_statement_set_option(handle, "row_limit", arg);
}

static PyObject *set_row_limit(PyObject *self, PyObject *limit) {
    char text[24] = "";
    if (limit != Py_None) {
        long long count = PyLong_AsLongLong(limit);
        if (count == -1 && PyErr_Occurred() != NULL) {
            return NULL;
        }
        if (count >= 0) {
            (void)PyOS_snprintf(text, sizeof text, "%lld", count);
        }
    }
    return run_small(self, call_row_limit, text);
}

/* Appends text to *at, with a \ before what the option's format uses itself. */
static char *put_escaped(char *at, const char *text) {
    for (; *text != '\0'; text++) {
        if (*text == '\\' || *text == ':' || *text == ',') {
            *at++ = '\\';
        }
        *at++ = *text;
    }
    return at;
}

/* "key:value,key2" of a dict; free() it. */
static char *tags_text(PyObject *tags) {
    Py_ssize_t at = 0;
    PyObject *key = NULL;
    PyObject *value = NULL;
    const char *text = NULL;
    size_t room = 1;
    while (PyDict_Next(tags, &at, &key, &value)) {
        if (args_text(key, "a tag", false, &text) < 0) {
            return NULL;
        }
        room += 2 * strlen(text) + 2;
        if (args_text(value, "the value of a tag", true, &text) < 0) {
            return NULL;
        }
        room += text != NULL ? 2 * strlen(text) : 0;
    }
    char *made = malloc(room);
    char *end = made;
    if (made == NULL) {
        (void)PyErr_NoMemory();
        return NULL;
    }
    at = 0;
    while (PyDict_Next(tags, &at, &key, &value)) {
        end = end != made ? (*end = ',', end + 1) : end;
        (void)args_text(key, "a tag", false, &text);
        end = put_escaped(end, text);
        (void)args_text(value, "the value of a tag", true, &text);
        if (text != NULL) {
            *end++ = ':';
            end = put_escaped(end, text);
        }
    }
    *end = '\0';
    return made;
}

static KernelStatusCode call_tags(kernel_statement_t *handle, const void *arg) {
    return dbk_statement_set_option(handle, "query_tags", arg);
}

static PyObject *set_query_tags(PyObject *self, PyObject *tags) {
    if (!PyDict_Check(tags)) {
        return PyErr_Format(PyExc_TypeError, "tags must be a dict, not %R", Py_TYPE(tags));
    }
    char *text = tags_text(tags);
    PyObject *done = text == NULL ? NULL : run_small(self, call_tags, text);
    free(text);
    return done;
}

typedef struct bind_arg {
    size_t ordinal;
    const char *name;
    const char *sql_type;
    text_arg value;
} bind_arg;

static KernelStatusCode call_bind(kernel_statement_t *handle, const void *arg) {
    const bind_arg *b = arg;
    return dbk_statement_bind_typed(handle, b->ordinal, b->name, b->sql_type, b->value.text,
                                    (size_t)b->value.len);
}

static PyObject *bind(PyObject *self, bind_arg *arg, PyObject *value, PyObject *sql_type) {
    if (value != Py_None && !PyUnicode_Check(value)) {
        return PyErr_Format(PyExc_TypeError, "value_str must be a str or None, not %R",
                            Py_TYPE(value));
    }
    if (args_text(sql_type, "sql_type", false, &arg->sql_type) < 0) {
        return NULL;
    }
    if (value != Py_None) {
        arg->value.text = PyUnicode_AsUTF8AndSize(value, &arg->value.len);
        if (arg->value.text == NULL) {
            return NULL;
        }
    }
    return run_small(self, call_bind, arg);
}

static PyObject *bind_param(PyObject *self, PyObject *args, PyObject *kwargs) {
    static const char *const names[] = {"ordinal", "value_str", "sql_type"};
    PyObject *given[3];
    bind_arg arg = {0};
    if (args_parse("bind_param", names, 3, 3, 3, args, kwargs, given) < 0) {
        return NULL;
    }
    Py_ssize_t ordinal = PyLong_AsSsize_t(given[0]);
    if (ordinal == -1 && PyErr_Occurred() != NULL) {
        return NULL;
    }
    arg.ordinal = ordinal < 0 ? 0 : (size_t)ordinal; /* 0 is refused by the library */
    return bind(self, &arg, given[1], given[2]);
}

static PyObject *bind_named_param(PyObject *self, PyObject *args, PyObject *kwargs) {
    static const char *const names[] = {"name", "value_str", "sql_type"};
    PyObject *given[3];
    bind_arg arg = {0};
    if (args_parse("bind_named_param", names, 3, 3, 3, args, kwargs, given) < 0 ||
        args_text(given[0], "name", false, &arg.name) < 0) {
        return NULL;
    }
    return bind(self, &arg, given[1], given[2]);
}

/* ---- running ---- */

static int ready_to_run(const statement_object *st) {
    if (st->session->handle == NULL && !gate_foreign(&st->gate)) {
        (void)raise_error("InvalidStatementHandle", "Session is closed");
        return -1;
    }
    if (st->closed) {
        (void)raise_closed();
        return -1;
    }
    return 0;
}

static PyObject *execute(PyObject *self, PyObject *ignored) {
    statement_object *st = (statement_object *)self;
    kernel_executed_statement_t *exec = NULL;
    rows_source source = {0};
    char id[256] = "";
    int64_t modified = -1;
    waiting w;
    (void)ignored;
    if (ready_to_run(st) < 0 || gate_enter(&st->gate, &w) < 0) {
        return NULL;
    }
    KernelStatusCode code = KernelStatusCode_Success;
    if (!st->closed) {
        code = kernel_statement_execute(st->handle, &exec);
    }
    if (exec != NULL) {
        const char *known = kernel_executed_statement_query_id(exec);
        (void)PyOS_snprintf(id, sizeof id, "%s", known != NULL ? known : "");
        modified = kernel_executed_statement_num_modified_rows(exec);
        code = rows_open(exec, &source);
    }
    if (gate_leave(&w, code) < 0) {
        rows_abandon(&source);
        return NULL;
    }
    return exec == NULL ? raise_closed() : executed_new(st, &source, id, modified);
}

static PyObject *submit(PyObject *self, PyObject *ignored) {
    statement_object *st = (statement_object *)self;
    kernel_executed_async_statement_t *async = NULL;
    waiting w;
    (void)ignored;
    if (ready_to_run(st) < 0 || gate_enter(&st->gate, &w) < 0) {
        return NULL;
    }
    KernelStatusCode code = KernelStatusCode_Success;
    if (!st->closed) {
        code = kernel_statement_submit(st->handle, &async);
    }
    if (gate_leave(&w, code) < 0) {
        if (async != NULL) {
            (void)dbk_async_close(async);
        }
        return NULL;
    }
    return async == NULL ? raise_closed() : async_new(st->session, async, ASYNC_SUBMITTED);
}

static PyObject *canceller(PyObject *self, PyObject *ignored) {
    statement_object *st = (statement_object *)self;
    (void)ignored;
    return st->handle == NULL ? raise_closed() : canceller_new(st);
}

static PyObject *close_statement(PyObject *self, PyObject *ignored) {
    statement_object *st = (statement_object *)self;
    waiting w;
    (void)ignored;
    if (st->closed || gate_foreign(&st->gate)) {
        st->closed = true;
        Py_RETURN_NONE;
    }
    if (gate_enter(&st->gate, &w) < 0) {
        return NULL;
    }
    st->closed = true;
    int failed = gate_leave(&w, KernelStatusCode_Success);
    free_handle(st);
    return failed < 0 ? NULL : Py_NewRef(Py_None);
}

static PyObject *enter(PyObject *self, PyObject *ignored) {
    (void)ignored;
    return Py_NewRef(self);
}

static PyMethodDef methods[] = {
    {"set_sql", set_sql, METH_O,
     "set_sql($self, sql, /)\n--\n\nThe text, a str; takes all parameters away."},
    {"set_row_limit", set_row_limit, METH_O,
     "set_row_limit($self, row_limit, /)\n--\n\n"
     "int: at most so many rows, 0 is none; None or negative: all."},
    {"set_query_tags", set_query_tags, METH_O,
     "set_query_tags($self, tags, /)\n--\n\n"
     "dict of str to str or None: tags of this statement in the query history."},
    {"bind_param", (PyCFunction)(void (*)(void))bind_param, METH_VARARGS | METH_KEYWORDS,
     "bind_param($self, ordinal, value_str, sql_type)\n--\n\n"
     "A positional parameter: ordinal from 1, value as text (None: NULL), SQL type such as\n"
     "'DECIMAL(10,2)'. KernelError InvalidArgument when the text is not of the type."},
    {"bind_named_param", (PyCFunction)(void (*)(void))bind_named_param,
     METH_VARARGS | METH_KEYWORDS,
     "bind_named_param($self, name, value_str, sql_type)\n--\n\n"
     "A named parameter (:name, name without the colon), otherwise as bind_param."},
    {"execute", execute, METH_NOARGS,
     "execute($self, /)\n--\n\n"
     "Runs the statement, waits for its end without the GIL and gives an ExecutedStatement.\n"
     "KernelError when it fails or is cancelled; Ctrl-C cancels it on the server."},
    {"submit", submit, METH_NOARGS,
     "submit($self, /)\n--\n\n"
     "Sends the statement and gives an ExecutedAsyncStatement as soon as the server has it."},
    {"canceller", canceller, METH_NOARGS,
     "canceller($self, /)\n--\n\nA StatementCanceller; make it before execute()."},
    {"close", close_statement, METH_NOARGS,
     "close($self, /)\n--\n\nNo more runs; results that are still read stay whole. Idempotent."},
    {"__enter__", enter, METH_NOARGS, NULL},
    {"__exit__", close_statement, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL}};

static char class_doc[] = "A SQL text with its parameters and options. From Session.statement().";

static PyType_Slot slots[] = {{Py_tp_dealloc, (void *)statement_dealloc},
                              {Py_tp_methods, methods},
                              {Py_tp_doc, class_doc},
                              {0, NULL}};

PyType_Spec statement_spec = {MODULE_NAME ".Statement", sizeof(statement_object), 0,
                              Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots};
