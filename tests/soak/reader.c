/* Runs statements one after the other in one session and prints what came back as one line each:
 * "rows hash", the hash being over every value in order. The first and the last line are "process rss_kb
 * fds threads" before the session was opened and after it was closed; a session that did nothing came
 * before that, because libuv keeps a pipe per process. Statements come from standard input, a line each.
 *
 *   reader LIBRARY URL [times]     each statement so often; only a difference is printed again */
#include "databricks_kernel.h"
#include "dbkernel_async.h"

#include <dirent.h>
#include <dlfcn.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define FUNCTIONS(X)                               \
    X(kernel_get_last_error)                       \
    X(kernel_session_config_new)                   \
    X(kernel_session_config_set_warehouse)         \
    X(kernel_session_config_set_auth_pat)          \
    X(kernel_session_open)                         \
    X(kernel_session_close)                        \
    X(kernel_session_new_statement)                \
    X(kernel_statement_set_sql)                    \
    X(kernel_statement_execute)                    \
    X(kernel_statement_close)                      \
    X(kernel_executed_statement_get_result_stream) \
    X(kernel_executed_statement_close)             \
    X(kernel_result_stream_next_batch)             \
    X(kernel_result_stream_close)                  \
    X(dbk_runtime_shutdown)

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
#define LOOK_UP(name) *(void **)(void *)&k.name = dlsym(library, #name);
    FUNCTIONS(LOOK_UP)
#undef LOOK_UP
}

static bool failed(KernelStatusCode st, const char *what) {
    KernelError err;
    if (st != KernelStatusCode_Success) {
        printf("error %d %s: %s\n", (int)st, what,
               k.kernel_get_last_error(&err) ? err.message : "");
        return true;
    }
    return false;
}

/* Closes that met a fault are repeated in the background, threads end there too. */
static void close_session(kernel_session_t *session) {
    (void)failed(k.kernel_session_close(session), "close");
    (void)failed(k.dbk_runtime_shutdown(60000), "the end of the background's work");
}

/* ---- the hash ---- */

typedef struct result {
    int64_t rows;
    uint64_t hash; /* FNV-1a */
} result;

static void add(result *r, const void *bytes, size_t n) {
    const unsigned char *p = bytes;
    for (size_t i = 0; i < n; i++) {
        r->hash = (r->hash ^ p[i]) * UINT64_C(1099511628211);
    }
}

static void add_value(result *r, const struct ArrowArray *a, const char *format, int64_t row) {
    int64_t at = row + a->offset;
    const uint8_t *valid = a->buffers[0];
    if (valid != NULL && (valid[at / 8] >> (at % 8) & 1) == 0) {
        add(r, "null", 4);
    } else if (format[0] == 'u') {
        const int32_t *offsets = a->buffers[1];
        add(r, (const char *)a->buffers[2] + offsets[at], (size_t)(offsets[at + 1] - offsets[at]));
    } else {
        size_t width = format[0] == 'i' || format[0] == 'f' ? 4 : format[0] == 'd' ? 16 : 8;
        add(r, (const char *)a->buffers[1] + (size_t)at * width, width);
    }
}

static void add_batch(result *r, const struct ArrowArray *a, const struct ArrowSchema *schema) {
    for (int64_t row = 0; row < a->length; row++) {
        for (int64_t c = 0; c < a->n_children; c++) {
            add_value(r, a->children[c], schema->children[c]->format, row);
        }
    }
    r->rows += a->length;
}

/* ---- one statement ---- */

static bool drain(kernel_result_stream_t *stream, result *r) {
    for (;;) {
        struct ArrowArray array = {0};
        struct ArrowSchema schema = {0};
        if (failed(k.kernel_result_stream_next_batch(stream, &array, &schema), "next_batch")) {
            return false;
        }
        if (array.release == NULL) {
            return true;
        }
        add_batch(r, &array, &schema);
        array.release(&array);
        schema.release(&schema);
    }
}

static bool run(kernel_session_t *session, const char *sql, result *r) {
    kernel_statement_t *stmt = NULL;
    kernel_executed_statement_t *exec = NULL;
    kernel_result_stream_t *stream = NULL;
    *r = (result){0, UINT64_C(14695981039346656037)};
    bool ok = !failed(k.kernel_session_new_statement(session, &stmt), "new_statement") &&
              !failed(k.kernel_statement_set_sql(stmt, sql), "set_sql") &&
              !failed(k.kernel_statement_execute(stmt, &exec), "execute") &&
              !failed(k.kernel_executed_statement_get_result_stream(exec, &stream), "stream") &&
              drain(stream, r);
    if (stream != NULL) {
        (void)k.kernel_result_stream_close(stream);
    }
    if (exec != NULL) {
        (void)k.kernel_executed_statement_close(exec);
    }
    if (stmt != NULL) {
        (void)k.kernel_statement_close(stmt);
    }
    return ok;
}

static kernel_session_t *open_session(const char *url) {
    KernelSessionConfig *config = NULL;
    kernel_session_t *session = NULL;
    bool ok = !failed(k.kernel_session_config_new(&config), "config") &&
              !failed(k.kernel_session_config_set_warehouse(config, url, "local"), "warehouse") &&
              !failed(k.kernel_session_config_set_auth_pat(config, "soak"), "pat") &&
              !failed(k.kernel_session_open(config, &session), "open");
    return ok ? session : NULL;
}

/* ---- the process ---- */

static long status_field(const char *name) {
    char line[256];
    long value = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        if (strncmp(line, name, strlen(name)) == 0) {
            value = strtol(line + strlen(name), NULL, 10);
        }
    }
    if (f != NULL) {
        fclose(f);
    }
    return value;
}

static int open_files(void) {
    int n = 0;
    DIR *d = opendir("/proc/self/fd");
    while (d != NULL && readdir(d) != NULL) {
        n++;
    }
    if (d != NULL) {
        closedir(d);
    }
    return n;
}

/* A closed session's threads end by themselves a moment after the call that closed it. */
static void wait_for_threads(void) {
    const struct timespec moment = {.tv_nsec = 1000000};
    for (int i = 0; i < 10000 && status_field("Threads:") > 1; i++) {
        (void)nanosleep(&moment, NULL);
    }
}

static void show_process(void) {
    wait_for_threads();
    printf("process %ld %d %ld\n", status_field("VmRSS:"), open_files(), status_field("Threads:"));
}

int main(int argc, char **argv) {
    static char sql[65536];
    kernel_session_t *session = NULL;
    long bad = 0;
    if (argc < 3) {
        fprintf(stderr, "usage: reader LIBRARY URL [times]\n");
        return 2;
    }
    long times = argc > 3 ? strtol(argv[3], NULL, 10) : 1;
    load(argv[1]);
    session = open_session(argv[2]);
    if (session == NULL) {
        return 1;
    }
    close_session(session);
    show_process();
    session = open_session(argv[2]);
    if (session == NULL) {
        return 1;
    }
    while (fgets(sql, sizeof sql, stdin) != NULL) {
        result first = {0};
        sql[strcspn(sql, "\n")] = '\0';
        for (long i = 0; i < times; i++) {
            result r;
            bool ok = run(session, sql, &r);
            bad += !ok;
            if (ok && (i == 0 || r.rows != first.rows || r.hash != first.hash)) {
                printf("%" PRId64 " %016" PRIx64 "\n", r.rows, r.hash);
                first = i == 0 ? r : first;
            }
        }
    }
    close_session(session);
    show_process();
    return bad > 0;
}
