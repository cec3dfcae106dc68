/* base/macros.h: attributes, DBK_TRY and assertions. */
#ifndef DBK_BASE_MACROS_H
#define DBK_BASE_MACROS_H

#include <stddef.h>

#if defined(__GNUC__)
#    define DBK_MUST_USE          __attribute__((warn_unused_result))
#    define DBK_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#    define DBK_LIKELY(x)         __builtin_expect(!!(x), 1)
#    define DBK_UNLIKELY(x)       __builtin_expect(!!(x), 0)
#else
#    define DBK_MUST_USE
#    define DBK_PRINTF(fmt, args)
#    define DBK_LIKELY(x)   (x)
#    define DBK_UNLIKELY(x) (x)
#endif

/* The only macro that jumps: a fallible call inside a function with `dbk_status st` and a `done`
 * label. */
#define DBK_TRY(expr)       \
    do {                    \
        st = (expr);        \
        if (st != DBK_OK) { \
            goto done;      \
        }                   \
    } while (0)

/* For our own bugs only: stops a debug or fuzz build, costs nothing in a release. */
#ifdef DBK_DEBUG_CHECKS
#    define DBK_ASSERT(cond) ((cond) ? (void)0 : dbk_assert_failed(#    cond, __FILE__, __LINE__))
#else
#    define DBK_ASSERT(cond) ((void)sizeof(cond))
#endif

/* An invariant that a release build checks too: an Internal error with its place. */
#define DBK_ENSURE(cond, err) \
    ((cond) ? DBK_OK          \
            : dbk_error_set(err, DBK_INTERNAL, "%s:%d: expected %s", __FILE__, __LINE__, #cond))

/* The struct of type `type` whose field `member` is at `ptr`. */
#define DBK_CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

void dbk_assert_failed(const char *cond, const char *file, int line);

#endif
