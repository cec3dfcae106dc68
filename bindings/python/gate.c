#include "module.h"

#include <unistd.h>

/* How often a wait for another thread's call lets signals and logs through. */
#define LOOK_UP_US 50000

int gate_init(gate *g) {
    g->pid = (long)getpid();
    g->lock = PyThread_allocate_lock();
    if (g->lock == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    return 0;
}

void gate_reset(gate *g) {
    if (g->lock != NULL) {
        PyThread_free_lock(g->lock);
        g->lock = NULL;
    }
}

bool gate_foreign(const gate *g) {
    return g->pid != (long)getpid();
}

/* Runs without the GIL, on the thread of the call. */
bool gate_look_up(waiting *w) {
    PyEval_RestoreThread(w->thread);
    if (!w->interrupted) {
        log_drain();
        w->interrupted = PyErr_CheckSignals() != 0;
    }
    w->thread = PyEval_SaveThread();
    return w->interrupted;
}

static bool hook(void *ctx) {
    return gate_look_up(ctx);
}

/* False: a signal came first. */
static bool lock_gate(waiting *w) {
    while (PyThread_acquire_lock_timed(w->gate->lock, LOOK_UP_US, 0) != PY_LOCK_ACQUIRED) {
        if (gate_look_up(w)) {
            return false;
        }
    }
    return true;
}

int gate_enter(gate *g, waiting *w) {
    *w = (waiting){.gate = g};
    if (g != NULL && gate_foreign(g)) {
        (void)raise_error(
            "InvalidStatementHandle",
            "this object belongs to the parent process of a fork; open a new session");
        return -1;
    }
    log_enter();
    w->thread = PyEval_SaveThread();
    if (g != NULL && !lock_gate(w)) {
        PyEval_RestoreThread(w->thread);
        return -1;
    }
    dbk_set_wait_hook(hook, w);
    return 0;
}

int gate_leave(waiting *w, KernelStatusCode status) {
    dbk_set_wait_hook(NULL, NULL);
    if (w->gate != NULL) {
        PyThread_release_lock(w->gate->lock);
    }
    PyEval_RestoreThread(w->thread);
    if (status != KernelStatusCode_Success && !w->interrupted) {
        PyObject *error = error_of_last(); /* before anything else calls the library */
        if (error != NULL) {
            PyErr_SetObject(kernel_error_type, error);
            Py_DECREF(error);
        }
    }
    log_drain();
    return status != KernelStatusCode_Success || w->interrupted ? -1 : 0;
}
