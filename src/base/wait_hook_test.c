#include "base/base.h"

#include "unit.h"

typedef struct counting {
    int calls;
    int stop_at; /* 0: never */
} counting;

static bool count(void *ctx) {
    counting *c = ctx;
    return ++c->calls == c->stop_at;
}

DBK_TEST(a_hook_is_called_until_it_says_stop) {
    dbk_mutex m;
    dbk_cond c;
    counting seen = {.stop_at = 2};
    dbk_mutex_init(&m);
    dbk_cond_init(&c);
    CHECK(!dbk_wait_hook_on());
    dbk_wait_hook_set(count, &seen);
    CHECK(dbk_wait_hook_on());
    dbk_mutex_lock(&m);
    bool stopped = false;
    while (!stopped) {
        stopped = dbk_wait_hooked(&c, &m);
    }
    dbk_mutex_unlock(&m);
    CHECK_EQ_I64(seen.calls, 2);
    CHECK(!dbk_wait_hook_on()); /* what follows is waited for without it */
    dbk_wait_hook_set(count, &seen);
    CHECK(dbk_wait_hook_on());
    dbk_wait_hook_set(NULL, NULL);
    CHECK(!dbk_wait_hook_on());
    dbk_cond_destroy(&c);
    dbk_mutex_destroy(&m);
}
