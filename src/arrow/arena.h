/* arrow/arena.h: many small zeroed pieces with one end of life (fields, arrays, texts).
 *
 * Threads: one thread at a time. Owner: the struct that embeds it; {0} is the empty arena. */
#ifndef DBK_ARROW_ARENA_H
#define DBK_ARROW_ARENA_H

#include <stddef.h>

typedef struct dbk_arena {
    struct dbk_arena_chunk *chunks; /* newest first */
    size_t used;                    /* of the newest chunk */
    size_t next_size;               /* of the next chunk; 0: the default. Settable as a hint. */
} dbk_arena;

void *dbk_arena_alloc(dbk_arena *a, size_t size); /* zeroed, 16-byte aligned; NULL: no memory */
void *dbk_arena_array(dbk_arena *a, size_t count, size_t size); /* NULL also when it overflows */
void dbk_arena_reset(dbk_arena *a);

#endif
