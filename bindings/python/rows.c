#include "module.h"

/* ---- handles ---- */

KernelStatusCode rows_open(kernel_executed_statement_t *takes_exec, rows_source *out) {
    out->exec = takes_exec; /* also on failure: closing it here would lose the last error */
    return kernel_executed_statement_get_result_stream(takes_exec, &out->stream);
}

void rows_abandon(rows_source *source) {
    if (source->stream != NULL) {
        (void)kernel_result_stream_close(source->stream);
    }
    if (source->exec != NULL) {
        (void)kernel_executed_statement_close(source->exec);
    }
    *source = (rows_source){0};
}

int rows_init(rows *r, rows_source *takes_source, const char *class_name) {
    r->class_name = class_name;
    if (gate_init(&r->gate) < 0) {
        rows_abandon(takes_source);
        return -1;
    }
    if (kernel_cancel_token_new(&r->token) != KernelStatusCode_Success) {
        rows_abandon(takes_source);
        PyErr_NoMemory();
        return -1;
    }
    r->exec = takes_source->exec;
    r->stream = takes_source->stream;
    *takes_source = (rows_source){0};
    return 0;
}

static void measure(rows *r) {
    if (r->stream != NULL) {
        r->stats.struct_size = sizeof r->stats;
        (void)dbk_result_stream_get_stats(r->stream, &r->stats);
    }
}

/* The library tells the server in the background when that is due. */
static void close_handles(rows *r) {
    measure(r);
    rows_source source = {r->exec, r->stream};
    r->exec = NULL;
    r->stream = NULL;
    rows_abandon(&source);
}

void rows_free(rows *r) {
    close_handles(r);
    if (r->token != NULL) {
        (void)kernel_cancel_token_free(r->token);
    }
    gate_reset(&r->gate);
    Py_CLEAR(r->schema);
}

static PyObject *raise_closed(const rows *r) {
    return raise_error("InvalidStatementHandle", "%s is closed", r->class_name);
}

/* ---- schema ---- */

/* 1: there are no rows any more. */
static int export_schema(rows *r, struct ArrowSchema *out) {
    waiting w;
    KernelStatusCode status = KernelStatusCode_Success;
    if (gate_enter(&r->gate, &w) < 0) {
        return -1;
    }
    bool usable = r->stream != NULL;
    if (usable) {
        status = kernel_result_stream_get_schema(r->stream, out);
    }
    if (gate_leave(&w, status) < 0) {
        if (usable && status == KernelStatusCode_Success) {
            out->release(out);
        }
        return -1;
    }
    return usable ? 0 : 1;
}

static int need_schema(rows *r) {
    struct ArrowSchema schema;
    if (r->schema != NULL) {
        return 0;
    }
    int failed = export_schema(r, &schema);
    if (failed > 0 && r->schema != NULL) {
        return 0; /* another thread was first, and read the rows to their end */
    }
    if (failed != 0) {
        (void)(failed > 0 ? raise_closed(r) : NULL);
        return -1;
    }
    PyObject *made = arrow_schema(&schema);
    if (made != NULL && r->schema == NULL) {
        r->schema = Py_NewRef(made); /* it outlives the rows */
    }
    Py_XDECREF(made);
    return made == NULL ? -1 : 0;
}

PyObject *rows_arrow_schema(rows *r) {
    return need_schema(r) < 0 ? NULL : Py_NewRef(r->schema);
}

PyObject *rows_c_schema(rows *r) {
    struct ArrowSchema schema;
    int failed = export_schema(r, &schema);
    if (failed != 0) {
        return failed > 0 ? raise_closed(r) : NULL;
    }
    return arrow_schema_capsule(&schema);
}

PyObject *rows_columns(rows *r) {
    struct ArrowSchema schema;
    int failed = export_schema(r, &schema);
    if (failed != 0) {
        return failed > 0 ? raise_closed(r) : NULL;
    }
    PyObject *columns = values_columns(&schema);
    schema.release(&schema);
    return columns;
}

PyObject *rows_stats(rows *r) {
    waiting w;
    if (gate_enter(&r->gate, &w) < 0) {
        return NULL;
    }
    measure(r);
    dbk_stream_stats stats = r->stats;
    if (gate_leave(&w, KernelStatusCode_Success) < 0) {
        return NULL;
    }
    return Py_BuildValue(
        "{s:K,s:K,s:K,s:K,s:K}", "chunks", (unsigned long long)stats.chunks_fetched, "rows",
        (unsigned long long)stats.rows, "bytes_wire", (unsigned long long)stats.bytes_wire,
        "bytes_arrow", (unsigned long long)stats.bytes_arrow, "peak_bytes",
        (unsigned long long)stats.peak_bytes);
}

/* ---- batches ---- */

/* *out and *schema stay released (release NULL) at the end of the rows. */
static int next_batch(PyObject *self, rows *r, rows_end on_end, struct ArrowArray *out,
                      struct ArrowSchema *schema) {
    waiting w;
    KernelStatusCode status = KernelStatusCode_Success;
    if (gate_enter(&r->gate, &w) < 0) {
        return -1;
    }
    bool usable = r->stream != NULL;
    if (usable) {
        status = kernel_result_stream_next_batch_cancellable(r->stream, out, schema, r->token);
    }
    bool ended = usable && status == KernelStatusCode_Success && out->release == NULL;
    if (ended) {
        r->drained = true;
        close_handles(r);
    }
    int failed = gate_leave(&w, status);
    if (failed < 0 && out->release != NULL) {
        out->release(out);
        schema->release(schema);
    }
    if (ended) {
        on_end(self);
    }
    if (failed == 0 && !usable && !r->drained) {
        (void)raise_closed(r);
        failed = -1;
    }
    return failed;
}

PyObject *rows_fetch(PyObject *self, rows *r, rows_end on_end) {
    struct ArrowArray array = {0};
    struct ArrowSchema schema = {0};
    if (r->closed) {
        return raise_closed(r);
    }
    if (r->drained) {
        Py_RETURN_NONE;
    }
    if (need_schema(r) < 0 || next_batch(self, r, on_end, &array, &schema) < 0) {
        return NULL;
    }
    if (array.release == NULL) {
        Py_RETURN_NONE;
    }
    schema.release(&schema); /* every batch has that of the rows */
    return arrow_batch(&array, r->schema);
}

PyObject *rows_fetch_next(PyObject *self, rows *r, rows_end on_end) {
    struct ArrowArray array = {0};
    struct ArrowSchema schema = {0};
    if (r->closed) {
        return raise_closed(r);
    }
    if (!r->drained && next_batch(self, r, on_end, &array, &schema) < 0) {
        return NULL;
    }
    return array.release == NULL ? Py_NewRef(Py_None) : batch_new(&array, &schema);
}

PyObject *rows_fetch_all(PyObject *self, rows *r, rows_end on_end) {
    PyObject *table = NULL;
    PyObject *batches = PyList_New(0);
    bool more = batches != NULL;
    while (more) {
        PyObject *batch = rows_fetch(self, r, on_end);
        more = batch != NULL && batch != Py_None && PyList_Append(batches, batch) == 0;
        if (batch == Py_None) {
            table = need_schema(r) < 0 ? NULL : arrow_table(batches, r->schema);
        }
        Py_XDECREF(batch);
    }
    Py_XDECREF(batches);
    return table;
}

/* ---- the end ---- */

rows *rows_of(PyObject *object, rows_end *on_end) {
    if (PyObject_TypeCheck(object, executed_type)) {
        return executed_rows(object, on_end);
    }
    if (PyObject_TypeCheck(object, stream_type)) {
        return stream_rows(object, on_end);
    }
    PyErr_Format(PyExc_TypeError, "an ExecutedStatement or a ResultStream expected, not %R",
                 (PyObject *)Py_TYPE(object));
    return NULL;
}

void rows_end_of(PyObject *self, rows *r, rows_end on_end) {
    if (PyThread_acquire_lock(r->gate.lock, NOWAIT_LOCK) != 0) { /* else it is being closed */
        r->drained = true;
        close_handles(r);
        PyThread_release_lock(r->gate.lock);
        on_end(self);
    }
}

PyObject *rows_close(PyObject *self, rows *r, rows_end on_end) {
    waiting w;
    if (r->closed || gate_foreign(&r->gate)) {
        r->closed = true;
        Py_RETURN_NONE;
    }
    if (gate_enter(&r->gate, &w) < 0) {
        return NULL;
    }
    bool open = r->stream != NULL;
    r->closed = true;
    close_handles(r);
    int failed = gate_leave(&w, KernelStatusCode_Success);
    if (open) {
        on_end(self);
    }
    if (failed < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

PyObject *rows_c_stream(rows *r, PyObject *args, PyObject *kwargs) {
    static const char *const names[] = {"requested_schema"};
    PyObject *requested = NULL; /* a wish that the protocol allows to pass over */
    struct ArrowArrayStream out;
    waiting w;
    KernelStatusCode status = KernelStatusCode_Success;
    if (args_parse("__arrow_c_stream__", names, 1, 1, 0, args, kwargs, &requested) < 0 ||
        gate_enter(&r->gate, &w) < 0) {
        return NULL;
    }
    bool usable = r->stream != NULL;
    if (usable) {
        status = dbk_result_stream_export(r->stream, &out);
    }
    bool exported = usable && status == KernelStatusCode_Success;
    if (exported) { /* the Arrow stream owns the rows now, and keeps the statement alive */
        r->closed = true;
        close_handles(r);
    }
    if (gate_leave(&w, status) < 0) {
        if (exported) {
            out.release(&out);
        }
        return NULL;
    }
    return usable ? arrow_stream_capsule(&out) : raise_closed(r);
}
