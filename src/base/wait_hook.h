/* base/wait_hook.h: a host's look up from a blocking call: signals of a scripting language, logs.
 *
 * A thread that has a hook calls it about every DBK_WAIT_HOOK_MS while it is blocked in this library,
 * without any lock of ours held. Once the hook said stop, the wait is ended like a cancel, and the
 * hook is not called again before it is set anew. */
#ifndef DBK_BASE_WAIT_HOOK_H
#define DBK_BASE_WAIT_HOOK_H

#include "base/thread.h"

#include <stdbool.h>

#define DBK_WAIT_HOOK_MS 50u

typedef bool (*dbk_wait_hook_fn)(void *ctx); /* true: stop waiting */

/* For the calling thread; fn NULL: none. */
void dbk_wait_hook_set(dbk_wait_hook_fn fn, void *ctx);
bool dbk_wait_hook_on(void); /* does this thread have one that did not say stop yet? */

/* As dbk_cond_wait, but returns now and then. Under lock m, which the hook runs without. True: the
 * hook said stop. Without a hook a plain wait. */
bool dbk_wait_hooked(dbk_cond *c, dbk_mutex *m);

#endif
