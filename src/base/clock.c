#include "base/clock.h"

#include <time.h>

static uint64_t system_mono_ns(const dbk_clock *self) {
    (void)self;
    struct timespec ts;
    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static int64_t system_wall_ms(const dbk_clock *self) {
    (void)self;
    struct timespec ts;
    (void)clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

const dbk_clock dbk_clock_system = {system_mono_ns, system_wall_ms};

static uint64_t manual_mono_ns(const dbk_clock *self) {
    return ((const dbk_clock_manual *)(const void *)self)->now_ns;
}

static int64_t manual_wall_ms(const dbk_clock *self) {
    return ((const dbk_clock_manual *)(const void *)self)->now_wall_ms;
}

void dbk_clock_manual_init(dbk_clock_manual *m, int64_t wall_ms) {
    m->clock = (dbk_clock){manual_mono_ns, manual_wall_ms};
    m->now_ns = 1000000000u;
    m->now_wall_ms = wall_ms;
}

void dbk_clock_manual_advance(dbk_clock_manual *m, uint64_t ms) {
    m->now_ns += ms * 1000000u;
    m->now_wall_ms += (int64_t)ms;
}
