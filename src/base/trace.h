/* base/trace.h: what takes time, told to whoever listens in this process: requests, downloads, waits.
 *
 * A tracer is made by an upper room and handed down; most sessions have none, and then nothing is measured.
 * Spans are told when they have ended, on the thread where they ended, and never under a lock. */
#ifndef DBK_BASE_TRACE_H
#define DBK_BASE_TRACE_H

#include "base/clock.h"
#include "base/status.h"
#include "base/text.h"

#include <stdatomic.h>

typedef enum dbk_span_kind {
    DBK_SPAN_REQUEST,  /* to the workspace; one attempt */
    DBK_SPAN_DOWNLOAD, /* from storage; one attempt */
    DBK_SPAN_WAIT
} dbk_span_kind;

typedef struct dbk_span {
    dbk_span_kind kind;
    const char *name; /* of the request; or what is waited for: "poll", "retry", "token", "rows" */
    const dbk_clock *clock;
    uint64_t begun_ns;                     /* by that clock */
    const char *session_id, *statement_id; /* NULL: not known */
    const char *method;                    /* NULL: no request */
    dbk_slice path;                        /* of the workspace, without query */
    dbk_slice host;                        /* of storage */
    int http_status;                       /* 0: no answer */
    uint32_t attempt;                      /* from 1 */
    int64_t chunk, bytes, rows;            /* -1: none, not known */
    dbk_status error;
} dbk_span;
#define DBK_SPAN_INIT \
    { .chunk = -1, .bytes = -1, .rows = -1 }

typedef struct dbk_tracer {
    atomic_size_t refs;
    void (*tell)(struct dbk_tracer *t, const dbk_span *span);
    void (*destroy)(struct dbk_tracer *t);
} dbk_tracer;

static inline dbk_tracer *dbk_tracer_ref(dbk_tracer *t) { /* NULL stays NULL */
    if (t != NULL) {
        (void)atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed);
    }
    return t;
}

static inline void dbk_tracer_unref(dbk_tracer *t) {
    if (t != NULL && atomic_fetch_sub_explicit(&t->refs, 1, memory_order_acq_rel) == 1) {
        t->destroy(t);
    }
}

/* Where a span begins; 0 when nobody listens. */
static inline uint64_t dbk_trace_now(const dbk_tracer *t, const dbk_clock *clock) {
    return t != NULL ? clock->mono_ns(clock) : 0;
}

#endif
