#include "net/timer_heap.h"

static bool due_before(const dbk_timer *a, const dbk_timer *b) {
    return a->due_ms != b->due_ms ? a->due_ms < b->due_ms : a->order < b->order;
}

static void place(dbk_timer_heap *h, size_t slot, dbk_timer *t) {
    h->heap[slot] = t;
    t->slot = slot;
}

static void up(dbk_timer_heap *h, size_t slot) {
    dbk_timer *t = h->heap[slot];
    while (slot > 0 && due_before(t, h->heap[(slot - 1) / 2])) {
        place(h, slot, h->heap[(slot - 1) / 2]);
        slot = (slot - 1) / 2;
    }
    place(h, slot, t);
}

static void down(dbk_timer_heap *h, size_t slot) {
    dbk_timer *t = h->heap[slot];
    for (;;) {
        size_t child = slot * 2 + 1;
        if (child + 1 < h->count && due_before(h->heap[child + 1], h->heap[child])) {
            child++;
        }
        if (child >= h->count || !due_before(h->heap[child], t)) {
            break;
        }
        place(h, slot, h->heap[child]);
        slot = child;
    }
    place(h, slot, t);
}

bool dbk_timer_heap_reserve(dbk_timer_heap *h, size_t more) {
    return dbk_array_grow(&h->heap, h->count + more - 1, &h->cap);
}

void dbk_timer_heap_add(dbk_timer_heap *h, dbk_timer *timer) {
    timer->order = h->next_order++;
    h->heap[h->count] = timer;
    h->count++;
    up(h, h->count - 1);
}

void dbk_timer_heap_remove(dbk_timer_heap *h, dbk_timer *timer) {
    size_t slot = timer->slot;
    dbk_timer *last = h->heap[--h->count];
    if (last != timer) {
        place(h, slot, last);
        up(h, slot);
        down(h, last->slot);
    }
}

void dbk_timer_heap_reset(dbk_timer_heap *h) {
    dbk_free(h->heap);
    *h = (dbk_timer_heap){0};
}
