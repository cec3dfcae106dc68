#include "base/wait_hook.h"

#include "base/clock.h"

static _Thread_local struct {
    dbk_wait_hook_fn fn;
    void *ctx;
    bool stopped;
} hook;

void dbk_wait_hook_set(dbk_wait_hook_fn fn, void *ctx) {
    hook.fn = fn;
    hook.ctx = ctx;
    hook.stopped = false;
}

bool dbk_wait_hook_on(void) {
    return hook.fn != NULL && !hook.stopped;
}

bool dbk_wait_hooked(dbk_cond *c, dbk_mutex *m) {
    if (!dbk_wait_hook_on()) {
        dbk_cond_wait(c, m);
        return false;
    }
    if (dbk_cond_wait_until(c, m, dbk_clock_ms(&dbk_clock_system) + DBK_WAIT_HOOK_MS)) {
        return false;
    }
    dbk_mutex_unlock(m);
    hook.stopped = hook.fn(hook.ctx);
    dbk_mutex_lock(m);
    return hook.stopped;
}
