/* net/timer_heap.h: the timers of one lane, the earliest first. */
#ifndef DBK_NET_TIMER_HEAP_H
#define DBK_NET_TIMER_HEAP_H

#include "net/lane.h"

typedef struct dbk_timer_heap {
    dbk_timer **heap; /* binary, by due_ms, then order; heap[0] is next */
    size_t count;
    size_t cap;
    uint64_t next_order;
} dbk_timer_heap;

/* Room for so many more. False: no memory. */
DBK_MUST_USE bool dbk_timer_heap_reserve(dbk_timer_heap *h, size_t more);
void dbk_timer_heap_add(dbk_timer_heap *h, dbk_timer *timer); /* the caller has reserved */
void dbk_timer_heap_remove(dbk_timer_heap *h, dbk_timer *timer);
void dbk_timer_heap_reset(dbk_timer_heap *h);

#endif
