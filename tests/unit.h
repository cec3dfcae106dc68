/* unit.h: the frame of the unit tests, a thin face over cmocka.
 *
 * A test file needs nothing but this header and DBK_TEST bodies; all test files of a room are linked
 * into one <room>_test program. `<room>_test TEXT` runs the tests whose name contains TEXT,
 * `<room>_test --list` prints the names.
 * Checks stop the test at the first failure and print the expression, both values, the place and the
 * case. Use them on the test's own thread; on another thread a failure ends the program. */
#ifndef DBK_TESTS_UNIT_H
#define DBK_TESTS_UNIT_H

#include "base/base.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef COUNT_OF
#    define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#endif

/* DBK_TEST(name) { ... } defines a test and registers it. */
#define DBK_TEST(name)                                                    \
    static void unit_body_##name(void);                                   \
    __attribute__((constructor)) static void unit_register_##name(void) { \
        static unit_test test = {#name, unit_body_##name, NULL};          \
        unit_register(&test);                                             \
    }                                                                     \
    static void unit_body_##name(void)

/* DBK_OOM_TEST(name) { ... return st; } has the body of
 *     dbk_status body(dbk_error *err)
 * and runs it with the n-th and all later allocations failing, n = 1, 2, ..., until it succeeds.
 * Every failure before that must be DBK_RESOURCE_EXHAUSTED with the same code in err. The body frees
 * what it made in both cases; the leak check of `make asan` sees whether it did. */
#define DBK_OOM_TEST(name)                                   \
    static dbk_status unit_oom_##name(dbk_error *err);       \
    DBK_TEST(name) {                                         \
        unit_oom_sweep(unit_oom_##name, __FILE__, __LINE__); \
    }                                                        \
    static dbk_status unit_oom_##name(dbk_error *err)

/* Names the table row at work; printed with a failure. The text is borrowed until the next
 * CHECK_CASE or the end of the test. */
#define CHECK_CASE(name) unit_case(name)

#define CHECK(cond)              ((cond) ? (void)0 : unit_fail(__FILE__, __LINE__, "%s is false", #cond))
#define CHECK_EQ_I64(got, want)  unit_check_i64((got), (want), __FILE__, __LINE__, #got, #want)
#define CHECK_EQ_U64(got, want)  unit_check_u64((got), (want), __FILE__, __LINE__, #got, #want)
#define CHECK_EQ_SIZE(got, want) unit_check_size((got), (want), __FILE__, __LINE__, #got, #want)
/* C strings; NULL equals only NULL. */
#define CHECK_STR(got, want) unit_check_str((got), (want), __FILE__, __LINE__, #got, #want)
/* The C string contains the text. */
#define CHECK_CONTAINS(got, want) \
    unit_check_contains((got), (want), __FILE__, __LINE__, #got, #want)
#define CHECK_MEM(got, want, len) \
    unit_check_mem((got), (want), (len), __FILE__, __LINE__, #got, #want)
/* A slice or a str (anything with ptr and len) against a C string. */
#define CHECK_SLICE(got, want) \
    unit_check_slice((got).ptr, (got).len, (want), __FILE__, __LINE__, #got, #want)
/* A fallible call that must succeed; its error is printed when it does not. */
#define CHECK_OK(call, err) unit_check_ok((call), (err), __FILE__, __LINE__, #call)
/* A fallible call that must fail with this code and a message that contains `text`. */
#define CHECK_FAILS(call, err, code, text) \
    unit_check_fails((call), (err), (code), (text), __FILE__, __LINE__, #call)

/* ---- behind the macros ---- */

typedef struct unit_test {
    const char *name;
    void (*body)(void);
    struct unit_test *next;
} unit_test;

typedef dbk_status (*unit_oom_body)(dbk_error *err);

void unit_register(unit_test *test);
void unit_case(const char *name);
void unit_oom_sweep(unit_oom_body body, const char *file, int line);

__attribute__((noreturn)) void unit_fail(const char *file, int line, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void unit_check_i64(int64_t got, int64_t want, const char *file, int line, const char *got_text,
                    const char *want_text);
void unit_check_u64(uint64_t got, uint64_t want, const char *file, int line, const char *got_text,
                    const char *want_text);
void unit_check_size(size_t got, size_t want, const char *file, int line, const char *got_text,
                     const char *want_text);
void unit_check_str(const char *got, const char *want, const char *file, int line,
                    const char *got_text, const char *want_text);
void unit_check_contains(const char *got, const char *want, const char *file, int line,
                         const char *got_text, const char *want_text);
void unit_check_mem(const void *got, const void *want, size_t len, const char *file, int line,
                    const char *got_text, const char *want_text);
void unit_check_slice(const char *got, size_t got_len, const char *want, const char *file, int line,
                      const char *got_text, const char *want_text);
void unit_check_ok(dbk_status got, const dbk_error *err, const char *file, int line,
                   const char *call);
void unit_check_fails(dbk_status got, const dbk_error *err, dbk_status want, const char *text,
                      const char *file, int line, const char *call);

#endif
