/* result/budget.h: what all streams of the process hold together, and who waits for room.
 *
 * What:    each stream states its decoded and reserved bytes; the sum is bounded, so that many
 *          streams at once stay within a few hundred MiB. A stream's chunk being read is exempt:
 *          every stream always gets on.
 * Threads: any; no lock is held while a waiter is woken. */
#ifndef DBK_RESULT_BUDGET_H
#define DBK_RESULT_BUDGET_H

#include "base/base.h"

#include <stdatomic.h>

#define DBK_PROCESS_BUDGET ((size_t)256 << 20)

typedef struct dbk_share {
    dbk_node node; /* under the process lock: waits for room */
    atomic_size_t bytes;
    /* Takes a reference to the owner when it still lives; then wake is called, which gives it back. */
    bool (*try_ref)(struct dbk_share *share);
    void (*wake)(struct dbk_share *share);
} dbk_share;

void dbk_share_set(dbk_share *share, size_t bytes); /* what the owner holds now; takes no lock */
void dbk_process_wake(void);           /* after shares became smaller; not under a lock */
void dbk_share_wait(dbk_share *share); /* wake it once when there is room again */
void dbk_share_end(dbk_share *share);  /* holds nothing, waits for nothing */
/* Would `more` bytes fit? */
bool dbk_process_has_room(size_t more);
size_t dbk_process_bytes(void);                 /* held by all streams now */
size_t dbk_process_set_limit(size_t new_limit); /* gives the old one; tests, options */

#endif
