/* Runs a statement through a kernel library given by path and measures it: CPU seconds, wall, peak
 * memory, time to the first batch, rows. Our library and the closed kernel (its npm addon exports the
 * same C functions) run the same code here. Output: one JSON line.
 *
 *   drain LIBRARY URL "SQL" [repeat] [slow_us_per_batch] */
#include "databricks_kernel.h"

#include <dlfcn.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define FUNCTIONS(X)                                   \
    X(kernel_get_last_error)                           \
    X(kernel_session_config_new)                       \
    X(kernel_session_config_set_warehouse)             \
    X(kernel_session_config_set_auth_pat)              \
    X(kernel_session_config_set_tls_allow_self_signed) \
    X(kernel_session_open)                             \
    X(kernel_session_close)                            \
    X(kernel_session_new_statement)                    \
    X(kernel_statement_set_sql)                        \
    X(kernel_statement_execute)                        \
    X(kernel_statement_close)                          \
    X(kernel_executed_statement_get_result_stream)     \
    X(kernel_executed_statement_close)                 \
    X(kernel_result_stream_next_batch)                 \
    X(kernel_result_stream_close)

static struct {
#define MEMBER(name) __typeof__(&name) name;
    FUNCTIONS(MEMBER)
#undef MEMBER
} k;

static void load(const char *path) {
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        exit(2);
    }
#define LOOK_UP(name)                                  \
    *(void **)(void *)&k.name = dlsym(library, #name); \
    if (k.name == NULL) {                              \
        fprintf(stderr, "no %s in %s\n", #name, path); \
        exit(2);                                       \
    }
    FUNCTIONS(LOOK_UP)
#undef LOOK_UP
}

static void check(KernelStatusCode st, const char *what) {
    KernelError err;
    if (st != KernelStatusCode_Success) {
        fprintf(stderr, "%s: %d %s\n", what, (int)st,
                k.kernel_get_last_error(&err) ? err.message : "");
        exit(1);
    }
}

static double now_s(void) {
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static double cpu_s(void) {
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

/* Peak resident memory in kB since it was last reset through clear_refs. */
static long peak_kb(void) {
    char line[256];
    long kb = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        if (sscanf(line, "VmHWM: %ld", &kb) == 1) {
            break;
        }
    }
    if (f != NULL) {
        fclose(f);
    }
    return kb;
}

typedef struct totals {
    int64_t rows, batches;
    double first_s; /* from execute to the first batch */
} totals;

static void drain(kernel_session_t *session, const char *sql, unsigned slow_us, totals *t) {
    kernel_statement_t *stmt = NULL;
    kernel_executed_statement_t *exec = NULL;
    kernel_result_stream_t *stream = NULL;
    double start = now_s();
    check(k.kernel_session_new_statement(session, &stmt), "new_statement");
    check(k.kernel_statement_set_sql(stmt, sql), "set_sql");
    check(k.kernel_statement_execute(stmt, &exec), "execute");
    check(k.kernel_executed_statement_get_result_stream(exec, &stream), "get_result_stream");
    for (;;) {
        struct ArrowArray array = {0};
        struct ArrowSchema schema = {0};
        check(k.kernel_result_stream_next_batch(stream, &array, &schema), "next_batch");
        if (array.release == NULL) {
            break;
        }
        t->first_s = t->batches == 0 ? now_s() - start : t->first_s;
        t->rows += array.length;
        t->batches++;
        if (slow_us > 0) {
            usleep(slow_us);
        }
        array.release(&array);
        schema.release(&schema);
    }
    check(k.kernel_result_stream_close(stream), "stream_close");
    check(k.kernel_executed_statement_close(exec), "executed_close");
    check(k.kernel_statement_close(stmt), "statement_close");
}

static int by_value(const void *a, const void *b) {
    double d = *(const double *)a - *(const double *)b;
    return d < 0 ? -1 : d > 0;
}

int main(int argc, char **argv) {
    if (argc < 4) {
        fprintf(stderr, "usage: drain LIBRARY URL SQL [repeat] [slow_us_per_batch]\n");
        return 2;
    }
    long repeat = argc > 4 ? strtol(argv[4], NULL, 10) : 1;
    unsigned slow_us = argc > 5 ? (unsigned)strtoul(argv[5], NULL, 10) : 0;
    double load_start = now_s();
    load(argv[1]);
    double load_s = now_s() - load_start;

    KernelSessionConfig *config = NULL;
    kernel_session_t *session = NULL;
    check(k.kernel_session_config_new(&config), "config_new");
    check(k.kernel_session_config_set_warehouse(config, argv[2], "bench"), "set_warehouse");
    check(k.kernel_session_config_set_auth_pat(config, "bench"), "set_auth_pat");
    check(k.kernel_session_config_set_tls_allow_self_signed(config, true), "tls");
    check(k.kernel_session_open(config, &session), "open");

    totals t = {0};
    double *walls = calloc((size_t)repeat, sizeof *walls);
    double cpu = cpu_s();
    double start = now_s();
    for (long i = 0; i < repeat; i++) {
        double one = now_s();
        drain(session, argv[3], slow_us, &t);
        walls[i] = now_s() - one;
    }
    double wall = now_s() - start;
    cpu = cpu_s() - cpu;
    long peak = peak_kb();
    check(k.kernel_session_close(session), "session_close");
    qsort(walls, (size_t)repeat, sizeof *walls, by_value);
    printf("{\"cpu_s\": %.6f, \"wall_s\": %.6f, \"peak_kb\": %ld, \"first_ms\": %.3f, \"rows\": "
           "%" PRId64 ", \"batches\": %" PRId64 ", \"p50_ms\": %.4f, \"load_ms\": %.3f}\n",
           cpu, wall, peak, t.first_s * 1e3, t.rows, t.batches, walls[repeat / 2] * 1e3,
           load_s * 1e3);
    free(walls);
    return 0;
}
