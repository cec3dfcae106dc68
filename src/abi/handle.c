#include "abi/abi.h"

/* Handles that take part in one operation at a time. */

void dbk_handle_init(dbk_handle *h, void (*destroy)(dbk_handle *h)) {
    atomic_init(&h->refs, 1);
    dbk_mutex_init(&h->lock);
    h->op = NULL;
    h->destroy = destroy;
}

static void unref(dbk_handle *h) {
    if (atomic_fetch_sub_explicit(&h->refs, 1, memory_order_acq_rel) == 1) {
        h->destroy(h);
    }
}

/* In a fork's child a handle may have been busy in the parent, where its lock may have been held. */
static dbk_op *busy_with(dbk_handle *h) {
    dbk_mutex_lock(&h->lock);
    dbk_op *op = h->op != NULL ? dbk_op_ref(h->op) : NULL;
    dbk_mutex_unlock(&h->lock);
    return op;
}

void dbk_handle_close(dbk_handle *h) {
    dbk_op *op = busy_with(h);
    if (op != NULL) {
        dbk_op_cancel(op);
        dbk_op_unref(op);
    }
    unref(h);
}

void dbk_handle_begin(dbk_handle *h, dbk_op *op) {
    (void)atomic_fetch_add_explicit(&h->refs, 1, memory_order_relaxed);
    dbk_mutex_lock(&h->lock);
    h->op = dbk_op_ref(op);
    dbk_mutex_unlock(&h->lock);
}

void dbk_handle_end(dbk_handle *h) {
    dbk_mutex_lock(&h->lock);
    dbk_op *op = h->op;
    h->op = NULL;
    dbk_mutex_unlock(&h->lock);
    dbk_op_unref(op);
    unref(h);
}

bool dbk_handle_idle(dbk_handle *h, const char *function) {
    dbk_op *op = busy_with(h);
    dbk_op_unref(op);
    if (op != NULL) {
        (void)dbk_abi_refuse("%s: an operation on this handle is under way", function);
    }
    return op == NULL;
}
