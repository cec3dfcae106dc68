#include "base/alloc.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* 0: off; n > 0: allocations until the first that fails; -1: failing. */
static atomic_llong fail_countdown;

void dbk_alloc_fail_after(int64_t n) {
    atomic_store(&fail_countdown, n > 0 ? n : 0);
}

bool dbk_alloc_denied(void) {
    long long left = atomic_load_explicit(&fail_countdown, memory_order_relaxed);
    while (left > 0) { /* exchanged, not stored: another thread may switch failing off meanwhile */
        long long next = left == 1 ? -1 : left - 1;
        if (atomic_compare_exchange_weak(&fail_countdown, &left, next)) {
            return left == 1;
        }
    }
    return left < 0;
}

void *dbk_alloc(size_t size) {
    return dbk_alloc_denied() ? NULL : malloc(size > 0 ? size : 1);
}

void *dbk_alloc_zero(size_t size) {
    return dbk_alloc_denied() ? NULL : calloc(1, size > 0 ? size : 1);
}

void *dbk_alloc_array(size_t count, size_t size) {
    return dbk_alloc_denied() ? NULL : calloc(count > 0 ? count : 1, size > 0 ? size : 1);
}

void *dbk_realloc(void *p, size_t size) {
    return dbk_alloc_denied() ? NULL : realloc(p, size > 0 ? size : 1);
}

void dbk_free(void *p) {
    free(p);
}

char *dbk_strdup_or_null(const char *s) {
    if (s == NULL) {
        return NULL;
    }
    size_t size = strlen(s) + 1;
    char *copy = dbk_alloc(size);
    if (copy != NULL) {
        memcpy(copy, s, size);
    }
    return copy;
}

bool dbk_array_grow_size(void *items, size_t count, size_t *cap, size_t item_size) {
    if (count < *cap) {
        return true;
    }
    size_t wanted = *cap < 4 ? 4 : *cap + *cap / 2;
    size_t bytes = 0;
    if (__builtin_mul_overflow(wanted, item_size, &bytes)) {
        return false;
    }
    void *old = NULL; /* items points to a pointer of some type: copied, not cast */
    memcpy(&old, items, sizeof old);
    void *grown = dbk_realloc(old, bytes);
    if (grown == NULL) {
        return false;
    }
    memcpy(items, &grown, sizeof grown);
    *cap = wanted;
    return true;
}
