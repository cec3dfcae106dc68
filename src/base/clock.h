/* base/clock.h: time is injected. Monotonic for every wait, wall only for expiry and HTTP dates. */
#ifndef DBK_BASE_CLOCK_H
#define DBK_BASE_CLOCK_H

#include <stdint.h>

typedef struct dbk_clock {
    uint64_t (*mono_ns)(const struct dbk_clock *self);
    int64_t (*wall_ms)(const struct dbk_clock *self); /* since 1970, UTC */
} dbk_clock;

extern const dbk_clock dbk_clock_system;

/* A clock that stands still until a test moves it. */
typedef struct dbk_clock_manual {
    dbk_clock clock; /* first: &m.clock is the dbk_clock */
    uint64_t now_ns;
    int64_t now_wall_ms;
} dbk_clock_manual;
void dbk_clock_manual_init(dbk_clock_manual *m, int64_t wall_ms);
void dbk_clock_manual_advance(dbk_clock_manual *m, uint64_t ms);

static inline uint64_t dbk_clock_ms(const dbk_clock *c) {
    return c->mono_ns(c) / 1000000u;
}
static inline int64_t dbk_clock_wall_ms(const dbk_clock *c) {
    return c->wall_ms(c);
}

#endif
