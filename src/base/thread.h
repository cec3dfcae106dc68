/* base/thread.h: locks and conditions with deadlines on the monotonic clock. */
#ifndef DBK_BASE_THREAD_H
#define DBK_BASE_THREAD_H

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

typedef pthread_mutex_t dbk_mutex;
typedef pthread_cond_t dbk_cond;

static inline void dbk_mutex_init(dbk_mutex *m) {
    (void)pthread_mutex_init(m, NULL);
}
static inline void dbk_mutex_destroy(dbk_mutex *m) {
    (void)pthread_mutex_destroy(m);
}
static inline void dbk_mutex_lock(dbk_mutex *m) {
    (void)pthread_mutex_lock(m);
}
static inline void dbk_mutex_unlock(dbk_mutex *m) {
    (void)pthread_mutex_unlock(m);
}

static inline void dbk_cond_init(dbk_cond *c) {
    pthread_condattr_t attr;
    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(c, &attr);
    (void)pthread_condattr_destroy(&attr);
}
static inline void dbk_cond_destroy(dbk_cond *c) {
    (void)pthread_cond_destroy(c);
}
static inline void dbk_cond_signal(dbk_cond *c) {
    (void)pthread_cond_signal(c);
}
static inline void dbk_cond_broadcast(dbk_cond *c) {
    (void)pthread_cond_broadcast(c);
}
/* musl gives a thread 128 KiB, too little for TLS; glibc what the process's limit says, 8 MiB mostly. */
static inline void dbk_thread_attr_init(pthread_attr_t *attr) {
    (void)pthread_attr_init(attr);
#ifndef __GLIBC__
    (void)pthread_attr_setstacksize(attr, (size_t)1 << 20);
#endif
}

static inline void dbk_cond_wait(dbk_cond *c, dbk_mutex *m) {
    (void)pthread_cond_wait(c, m);
}

/* deadline_ms: monotonic milliseconds as dbk_clock_ms(&dbk_clock_system). False: it has passed. */
static inline bool dbk_cond_wait_until(dbk_cond *c, dbk_mutex *m, uint64_t deadline_ms) {
    struct timespec ts = {(time_t)(deadline_ms / 1000u), (long)(deadline_ms % 1000u) * 1000000L};
    return pthread_cond_timedwait(c, m, &ts) != ETIMEDOUT;
}

#endif
