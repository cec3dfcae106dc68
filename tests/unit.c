#include "unit.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A sweep that has not succeeded by then is a body that cannot succeed. */
enum { OOM_SWEEP_MAX = 100000 };

static unit_test *first_test;
static unit_test **next_slot = &first_test;
static size_t test_count;

static _Thread_local const char *current_case;
static _Thread_local int64_t current_oom_round; /* 0: no sweep is running */

void unit_register(unit_test *test) {
    *next_slot = test;
    next_slot = &test->next;
    test_count++;
}

void unit_case(const char *name) {
    current_case = name;
}

/* ---- failures ---- */

__attribute__((noreturn)) static void fail_now(const char *file, int line) {
    dbk_alloc_fail_after(0);
    if (current_oom_round > 0) {
        print_error("    with allocation %" PRId64 " failing\n", current_oom_round);
    }
    if (current_case != NULL) {
        print_error("    case: %s\n", current_case);
    }
    _fail(file, line);
    abort(); /* _fail jumps out of the test; cmocka does not declare that */
}

void unit_fail(const char *file, int line, const char *fmt, ...) {
    char text[1024];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    print_error("%s:%d: %s\n", file, line, text);
    fail_now(file, line);
}

void unit_check_i64(int64_t got, int64_t want, const char *file, int line, const char *got_text,
                    const char *want_text) {
    if (got != want) {
        unit_fail(file, line, "%s == %s\n    got:  %" PRId64 "\n    want: %" PRId64, got_text,
                  want_text, got, want);
    }
}

void unit_check_u64(uint64_t got, uint64_t want, const char *file, int line, const char *got_text,
                    const char *want_text) {
    if (got != want) {
        unit_fail(file, line, "%s == %s\n    got:  %" PRIu64 "\n    want: %" PRIu64, got_text,
                  want_text, got, want);
    }
}

void unit_check_size(size_t got, size_t want, const char *file, int line, const char *got_text,
                     const char *want_text) {
    unit_check_u64(got, want, file, line, got_text, want_text);
}

/* ---- text and bytes ---- */

static size_t first_difference(const char *a, size_t a_len, const char *b, size_t b_len) {
    size_t i = 0;
    while (i < a_len && i < b_len && a[i] == b[i]) {
        i++;
    }
    return i;
}

/* Prints up to 400 bytes with everything unprintable as \xNN. */
static void print_text(const char *label, const char *text, size_t len) {
    if (text == NULL) {
        print_error("    %s (null)\n", label);
        return;
    }
    char line[1700];
    size_t used = 0;
    size_t shown = len < 400 ? len : 400;
    for (size_t i = 0; i < shown; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c >= 0x20 && c < 0x7f) {
            line[used++] = (char)c;
        } else {
            used += (size_t)snprintf(line + used, sizeof line - used, "\\x%02x", c);
        }
    }
    line[used] = '\0';
    print_error("    %s \"%s\"%s (%zu bytes)\n", label, line, shown < len ? "..." : "", len);
}

static void check_text(const char *got, size_t got_len, const char *want, size_t want_len,
                       const char *file, int line, const char *got_text, const char *want_text) {
    if (got == NULL && want == NULL) {
        return;
    }
    size_t at = 0;
    if (got != NULL && want != NULL) {
        at = first_difference(got, got_len, want, want_len);
        if (at == got_len && at == want_len) {
            return;
        }
    }
    print_error("%s:%d: %s == %s, first difference at byte %zu\n", file, line, got_text, want_text,
                at);
    print_text("got: ", got, got_len);
    print_text("want:", want, want_len);
    fail_now(file, line);
}

void unit_check_str(const char *got, const char *want, const char *file, int line,
                    const char *got_text, const char *want_text) {
    check_text(got, got != NULL ? strlen(got) : 0, want, want != NULL ? strlen(want) : 0, file,
               line, got_text, want_text);
}

void unit_check_slice(const char *got, size_t got_len, const char *want, const char *file, int line,
                      const char *got_text, const char *want_text) {
    /* The empty slice may have no pointer and still equals "". */
    check_text(got != NULL || got_len > 0 ? got : "", got_len, want, strlen(want), file, line,
               got_text, want_text);
}

void unit_check_contains(const char *got, const char *want, const char *file, int line,
                         const char *got_text, const char *want_text) {
    if (got != NULL && strstr(got, want) != NULL) {
        return;
    }
    print_error("%s:%d: %s contains %s\n", file, line, got_text, want_text);
    print_text("got: ", got, got != NULL ? strlen(got) : 0);
    print_text("want:", want, strlen(want));
    fail_now(file, line);
}

static void print_bytes(const char *label, const unsigned char *bytes, size_t len, size_t from) {
    char line[3 * 16 + 1] = "";
    for (size_t i = from; i < len && i < from + 16; i++) {
        (void)snprintf(line + 3 * (i - from), 4, "%02x ", bytes[i]);
    }
    print_error("    %s %s\n", label, line);
}

void unit_check_mem(const void *got, const void *want, size_t len, const char *file, int line,
                    const char *got_text, const char *want_text) {
    if (len == 0) {
        return;
    }
    if (got == NULL || want == NULL) {
        unit_fail(file, line, "%s == %s\n    got:  %p\n    want: %p", got_text, want_text, got,
                  want);
    }
    size_t at = first_difference(got, len, want, len);
    if (at == len) {
        return;
    }
    print_error("%s:%d: %s == %s, first difference at byte %zu of %zu\n", file, line, got_text,
                want_text, at, len);
    size_t from = at - at % 16;
    print_bytes("got: ", got, len, from);
    print_bytes("want:", want, len, from);
    fail_now(file, line);
}

/* ---- statuses ---- */

void unit_check_ok(dbk_status got, const dbk_error *err, const char *file, int line,
                   const char *call) {
    if (got != DBK_OK) {
        unit_fail(file, line, "%s\n    got:  %s: %s\n    want: Success", call, dbk_status_name(got),
                  dbk_error_message(err));
    }
}

void unit_check_fails(dbk_status got, const dbk_error *err, dbk_status want, const char *text,
                      const char *file, int line, const char *call) {
    if (got != want || err->code != want || strstr(dbk_error_message(err), text) == NULL) {
        unit_fail(file, line,
                  "%s\n    got:  %s (in the error: %s): %s\n    want: %s with the text: %s", call,
                  dbk_status_name(got), dbk_status_name(err->code), dbk_error_message(err),
                  dbk_status_name(want), text);
    }
}

/* ---- out of memory ---- */

void unit_oom_sweep(unit_oom_body body, const char *file, int line) {
    for (int64_t n = 1; n <= OOM_SWEEP_MAX; n++) {
        dbk_error err = {0};
        current_oom_round = n;
        dbk_alloc_fail_after(n);
        dbk_status st = body(&err);
        dbk_alloc_fail_after(0);
        if (st != DBK_OK && (st != DBK_RESOURCE_EXHAUSTED || err.code != st)) {
            unit_fail(file, line, "got:  %s (in the error: %s): %s\n    want: %s",
                      dbk_status_name(st), dbk_status_name(err.code), dbk_error_message(&err),
                      dbk_status_name(DBK_RESOURCE_EXHAUSTED));
        }
        dbk_error_reset(&err);
        if (st == DBK_OK) {
            current_oom_round = 0;
            return;
        }
    }
    unit_fail(file, line, "still failing with only allocation %d failing", OOM_SWEEP_MAX);
}

/* ---- the program ---- */

static void run_registered(void **state) {
    const unit_test *test = *state;
    current_case = NULL;
    current_oom_round = 0;
    dbk_alloc_fail_after(0);
    test->body();
}

/* "path/to/base_test" -> "base_test", the name of the group in the output. */
static const char *program_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

#if defined(DBK_SANITIZED)
/* cmocka catches SIGSEGV and friends; under a sanitizer its report is worth more. An allocation too
 * large for the sanitizer gives NULL, as it does without one. */
#    define VISIBLE __attribute__((visibility("default"))) /* for a sanitizer in a shared library */
VISIBLE const char *__asan_default_options(void);
const char *__asan_default_options(void) {
    return "handle_segv=2:handle_sigbus=2:handle_sigfpe=2:handle_sigill=2:handle_abort=2:"
           "detect_stack_use_after_return=1:strict_string_checks=1:allocator_may_return_null=1";
}
VISIBLE const char *__tsan_default_options(void);
const char *__tsan_default_options(void) {
    return "allocator_may_return_null=1";
}
VISIBLE const char *__ubsan_default_options(void);
const char *__ubsan_default_options(void) {
    return "print_stacktrace=1";
}
#endif

int main(int argc, char **argv) {
    const char *filter = argc > 1 ? argv[1] : "";
    bool list = strcmp(filter, "--list") == 0;
    struct CMUnitTest *tests = calloc(test_count + 1, sizeof *tests);
    size_t chosen = 0;
    if (tests == NULL) {
        return EXIT_FAILURE;
    }
    for (unit_test *test = first_test; test != NULL; test = test->next) {
        if (list) {
            (void)printf("%s\n", test->name);
        } else if (strstr(test->name, filter) != NULL) {
            tests[chosen++] = (struct CMUnitTest){test->name, run_registered, NULL, NULL, test};
        }
    }
    int failed = 0;
    if (!list && chosen == 0) {
        (void)fprintf(stderr, "%s: %zu tests, none with '%s' in its name; --list prints them\n",
                      program_name(argv[0]), test_count, filter);
        failed = 1;
    } else if (!list) {
        /* The function behind cmocka_run_group_tests, whose macro wants an array of known size. */
        failed = _cmocka_run_group_tests(program_name(argv[0]), tests, chosen, NULL, NULL);
    }
    free(tests);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
