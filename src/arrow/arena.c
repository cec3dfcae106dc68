#include "arrow/arena.h"

#include <string.h>

#include "base/base.h"

#define ARENA_FIRST 1024
#define ARENA_MAX   ((size_t)64 << 10) /* chunks stop growing here; larger pieces get their own */
#define ARENA_ALIGN 16

struct dbk_arena_chunk {
    struct dbk_arena_chunk *next;
    size_t size;
    _Alignas(ARENA_ALIGN) char data[];
};

static bool arena_grow(dbk_arena *a, size_t need) {
    size_t size = dbk_max_size(need, dbk_max_size(a->next_size, ARENA_FIRST));
    size_t bytes = 0;
    if (!dbk_add_size(size, sizeof(struct dbk_arena_chunk), &bytes)) {
        return false;
    }
    struct dbk_arena_chunk *c = dbk_alloc_zero(bytes);
    if (c == NULL) {
        return false;
    }
    c->next = a->chunks;
    c->size = size;
    a->chunks = c;
    a->used = 0;
    a->next_size = dbk_min_size(size * 2, ARENA_MAX);
    return true;
}

void *dbk_arena_alloc(dbk_arena *a, size_t size) {
    size_t rounded = 0;
    if (!dbk_add_size(dbk_max_size(size, 1), ARENA_ALIGN - 1, &rounded)) {
        return NULL;
    }
    rounded &= ~(size_t)(ARENA_ALIGN - 1);
    if ((a->chunks == NULL || a->chunks->size - a->used < rounded) && !arena_grow(a, rounded)) {
        return NULL;
    }
    void *p = a->chunks->data + a->used;
    a->used += rounded;
    return p;
}

void *dbk_arena_array(dbk_arena *a, size_t count, size_t size) {
    size_t bytes = 0;
    return dbk_mul_size(count, size, &bytes) ? dbk_arena_alloc(a, bytes) : NULL;
}

void dbk_arena_reset(dbk_arena *a) {
    struct dbk_arena_chunk *c = a->chunks;
    while (c != NULL) {
        struct dbk_arena_chunk *next = c->next;
        dbk_free(c);
        c = next;
    }
    memset(a, 0, sizeof *a);
}
