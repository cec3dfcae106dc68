/* bench.h: what the programs of bench/ share: errors end them, and what the kernel says of this process. */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include "dbkernel_async.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

static inline void need(KernelStatusCode st, const char *what) {
    KernelError e;
    if (st != KernelStatusCode_Success) {
        fprintf(stderr, "%s: %d %s\n", what, (int)st, kernel_get_last_error(&e) ? e.message : "");
        exit(1);
    }
}

/* A line of /proc/self/status: "VmRSS:", "VmHWM:" (kB), "Threads:". */
static inline long status_value(const char *field) {
    char line[256];
    long value = -1;
    FILE *f = fopen("/proc/self/status", "r");
    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        if (strncmp(line, field, strlen(field)) == 0) {
            value = strtol(line + strlen(field), NULL, 10);
        }
    }
    if (f != NULL) {
        (void)fclose(f);
    }
    return value;
}

/* The most threads seen; looks at every 64th call, since a look costs as much as many a turn of a loop. */
static inline int peak_threads(void) {
    static int most, calls;
    int now = calls++ % 64 == 0 ? (int)status_value("Threads:") : 0;
    most = now > most ? now : most;
    return most;
}

static inline double cpu_s(void) {
    struct rusage u;
    (void)getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static inline double now_s(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* A session on loop; blocks. */
static inline kernel_session_t *open_session(dbk_loop *loop, const char *url) {
    KernelSessionConfig *config = NULL;
    kernel_session_t *session = NULL;
    dbk_future *f = NULL;
    need(kernel_session_config_new(&config), "config");
    need(kernel_session_config_set_warehouse(config, url, "bench"), "config");
    need(kernel_session_config_set_auth_pat(config, "bench"), "config");
    need(dbk_session_open_start(loop, config, NULL, NULL, &f), "open");
    need(dbk_future_wait(f, -1), "open");
    need(dbk_future_take_session(f, &session), "open");
    dbk_future_free(f);
    return session;
}

/* A loop, "embedded" or "threaded", with a session; what it costs counts from here on. */
typedef struct loop_run {
    dbk_loop *loop;
    kernel_session_t *session;
    long idle_kb;
    double cpu_s, wall_s;
    double peak_mb; /* resident memory above the idle process */
} loop_run;

static inline loop_run loop_run_begin(const char *url, const char *mode) {
    loop_run r = {0};
    bool embedded = strcmp(mode, "embedded") == 0;
    need(dbk_loop_new(embedded ? DBK_LOOP_EMBEDDED : DBK_LOOP_THREADED, &r.loop), "loop");
    r.session = open_session(r.loop, url);
    r.idle_kb = status_value("VmRSS:");
    r.cpu_s = cpu_s();
    r.wall_s = now_s();
    return r;
}

/* Until the callbacks have finished so many; then everything is closed. */
static inline void loop_run_end(loop_run *r, const int *finished, int count) {
    while (*finished < count) {
        struct pollfd p = {.fd = dbk_loop_fd(r->loop), .events = POLLIN};
        (void)poll(&p, 1, (int)dbk_loop_timeout_ms(r->loop));
        need(dbk_loop_run_once(r->loop, 0, 0, NULL), "run");
        (void)peak_threads();
    }
    r->wall_s = now_s() - r->wall_s;
    r->cpu_s = cpu_s() - r->cpu_s;
    r->peak_mb = (double)(status_value("VmHWM:") - r->idle_kb) / 1024;
    need(kernel_session_close(r->session), "close");
    need(dbk_loop_free(r->loop), "free");
}

static inline kernel_statement_t *new_statement(kernel_session_t *session, const char *sql) {
    kernel_statement_t *stmt = NULL;
    need(kernel_session_new_statement(session, &stmt), "statement");
    need(kernel_statement_set_sql(stmt, sql), "sql");
    return stmt;
}

#endif
