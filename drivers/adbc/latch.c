#include "driver.h"

#include <stdlib.h>

struct latch {
    atomic_size_t refs;
    atomic_bool fired;
};

latch *latch_new(void) {
    latch *l = malloc(sizeof *l);
    if (l != NULL) {
        atomic_init(&l->refs, 1);
        atomic_init(&l->fired, false);
    }
    return l;
}

latch *latch_ref(latch *l) {
    (void)atomic_fetch_add_explicit(&l->refs, 1, memory_order_relaxed);
    return l;
}

void latch_unref(latch *l) {
    if (l != NULL && atomic_fetch_sub_explicit(&l->refs, 1, memory_order_acq_rel) == 1) {
        free(l);
    }
}

void latch_fire(latch *l) {
    atomic_store(&l->fired, true);
}

bool latch_fired(const latch *l) {
    return atomic_load(&l->fired);
}

static bool asked_to_stop(void *ctx) {
    return latch_fired(ctx);
}

static _Thread_local latch *watched; /* borrowed: whoever called latch_watch holds it */

latch *latch_watch(latch *l) {
    latch *before = watched;
    if (l != NULL) {
        watched = l;
        dbk_set_wait_hook(asked_to_stop, l);
    }
    return before;
}

latch *latch_watched(void) {
    return watched;
}

void latch_unwatch(latch *before) {
    watched = before;
    dbk_set_wait_hook(before != NULL ? asked_to_stop : NULL, before);
}
