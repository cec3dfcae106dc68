/* net/work.h: work that blocks (a caller's callback, a person, a slow hash): beside the lanes, on a thread
 * of its own, awaited by an operation. */
#ifndef DBK_NET_WORK_H
#define DBK_NET_WORK_H

#include "net/op.h"

typedef struct dbk_work dbk_work; /* opaque; lives as long as run */

typedef struct dbk_work_job {
    const char *name;                             /* of the thread; at most 15 bytes */
    void (*run)(void *ctx, const dbk_work *work); /* on its thread */
    void (*stop)(void *ctx); /* nobody waits any more, while run may still run; may be NULL. Lane */
    void (*destroy)(void *ctx); /* when both sides are through with it; any thread */
} dbk_work_job;

/* An operation that succeeds when run has returned. Ended before that, it calls stop and does not wait:
 * run goes on alone and must return soon. job is static; ctx is taken, also on failure, and may be read
 * by who holds the operation, once it is done and well. */
DBK_MUST_USE dbk_status dbk_work_new(dbk_lane *lane, const dbk_work_job *job, void *takes_ctx,
                                     dbk_op **out, dbk_error *err);
bool dbk_work_stopped(const dbk_work *work); /* any thread */

#endif
