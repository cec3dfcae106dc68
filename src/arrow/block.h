/* arrow/block.h: counted memory that decoded bytes and column buffers live in.
 *
 * What:    a bump allocator over one piece of memory. From 1 MiB on the memory is mapped 2 MiB-
 *          aligned, backed ahead of what is written, by huge pages where they come quickly (arrow/pages.h), and
 *          returns to a bounded warm pool; smaller blocks are ordinary heap memory. Nothing is zeroed.
 * Threads: one thread fills a block; any thread may ref and unref.
 * Owner:   counted; the last unref tells the dbk_block_owner how many bytes came back. */
#ifndef DBK_ARROW_BLOCK_H
#define DBK_ARROW_BLOCK_H

#include "arrow/arrow.h"

/* Room that the decoder leaves at the front of a mapped block, for a schema message (ipc_place.c). */
#define DBK_BLOCK_FRONT ((size_t)64 << 10)
#define DBK_BLOCK_ALIGN 64 /* of the block's start and of every dbk_block_alloc */

/* A block with room for at least `size` bytes (several pieces: count their rounding to 64). */
DBK_MUST_USE dbk_status dbk_block_new(size_t size, dbk_block_owner owner, dbk_block **out,
                                      dbk_error *err);
dbk_block *dbk_block_ref(dbk_block *b);
void dbk_block_unref(dbk_block *b); /* NULL is a no-op */

/* It goes to somebody who may keep it for long: it does not count as in use any more. Once, by whoever holds
 * it; then only unref. */
void dbk_block_give(dbk_block *b);

/* The next `size` bytes, 64-byte aligned, uninitialised; NULL: they do not fit any more. */
void *dbk_block_alloc(dbk_block *b, size_t size);

/* For the decoder, which fills a block front to back: the free part, and "n bytes of it are now
 * written" (n <= room). */
uint8_t *dbk_block_tail(dbk_block *b, size_t *room);
void dbk_block_advance(dbk_block *b, size_t n);
size_t dbk_block_room(const dbk_block *b);
/* Whether bytes that are made elsewhere and appended cost less than bytes written to the tail: in memory that
 * the reader keeps, pages are then made with their content (arrow/pages.h). */
bool dbk_block_copies(const dbk_block *b);
void dbk_block_append(dbk_block *b, const uint8_t *p, size_t n); /* n <= room */
uint8_t *dbk_block_data(dbk_block *b);
size_t dbk_block_used(const dbk_block *b);
/* n bytes at an offset, which may be written; NULL: they are not within the block. */
uint8_t *dbk_block_at(dbk_block *b, size_t offset, size_t n);
size_t dbk_block_charge(const dbk_block *b); /* what the owner will be told */

/* The pool's bound: mapped memory in use and kept together stays within this many bytes; what is
 * in use alone may be more, then nothing is kept. With givers (dbk_block_pool_giver) 64 MiB more are kept.
 * Three chunks of the usual 18.5 MB: those of two lanes, and one that the reader has not left yet. */
#define DBK_BLOCK_POOL_BYTES ((size_t)54 << 20)
size_t dbk_block_pool_bytes(void); /* kept right now; for tests and stats */

#endif
