/* base/num.h: checked arithmetic on numbers that came from outside. */
#ifndef DBK_BASE_NUM_H
#define DBK_BASE_NUM_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline bool dbk_add_size(size_t a, size_t b, size_t *out) { /* false: overflow */
    return !__builtin_add_overflow(a, b, out);
}
static inline bool dbk_mul_size(size_t a, size_t b, size_t *out) {
    return !__builtin_mul_overflow(a, b, out);
}
static inline bool dbk_add_i64(int64_t a, int64_t b, int64_t *out) {
    return !__builtin_add_overflow(a, b, out);
}
static inline bool dbk_mul_i64(int64_t a, int64_t b, int64_t *out) {
    return !__builtin_mul_overflow(a, b, out);
}

static inline size_t dbk_min_size(size_t a, size_t b) {
    return a < b ? a : b;
}
static inline size_t dbk_max_size(size_t a, size_t b) {
    return a > b ? a : b;
}
static inline uint64_t dbk_min_u64(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}
static inline uint64_t dbk_max_u64(uint64_t a, uint64_t b) {
    return a > b ? a : b;
}
static inline int64_t dbk_min_i64(int64_t a, int64_t b) {
    return a < b ? a : b;
}
static inline int64_t dbk_max_i64(int64_t a, int64_t b) {
    return a > b ? a : b;
}

/* A wire number as a size: 0 <= v <= max, else DataLoss naming `what`. */
DBK_MUST_USE static inline dbk_status dbk_size_from_i64(int64_t v, size_t max, const char *what,
                                                        size_t *out, dbk_error *err) {
    if (v < 0 || (uint64_t)v > max) {
        return dbk_error_set(err, DBK_DATA_LOSS, "%s is %lld, allowed are 0 to %zu", what,
                             (long long)v, max);
    }
    *out = (size_t)v;
    return DBK_OK;
}

#endif
