/* arrow/block.h: counted memory that decoded bytes and column buffers live in.
 *
 * What:    a bump allocator over one piece of memory. From 1 MiB on the memory is mapped 2 MiB-
 *          aligned with huge pages advised and returns to a bounded warm pool; smaller blocks are
 *          ordinary heap memory. Nothing is zeroed.
 * Threads: one thread fills a block; any thread may ref and unref.
 * Owner:   counted; the last unref tells the dbk_block_owner how many bytes came back. */
#ifndef DBK_ARROW_BLOCK_H
#define DBK_ARROW_BLOCK_H

#include "arrow/arrow.h"

#define DBK_BLOCK_ALIGN 64 /* of the block's start and of every dbk_block_alloc */

/* A block with room for at least `size` bytes (several pieces: count their rounding to 64). */
DBK_MUST_USE dbk_status dbk_block_new(size_t size, dbk_block_owner owner, dbk_block **out,
                                      dbk_error *err);
/* Takes the memory of buf (consumed, also on failure) as a full block: no copy. */
DBK_MUST_USE dbk_status dbk_block_from_buf(dbk_buf *buf, dbk_block_owner owner, dbk_block **out,
                                           dbk_error *err);
dbk_block *dbk_block_ref(dbk_block *b);
void dbk_block_unref(dbk_block *b); /* NULL is a no-op */

/* The next `size` bytes, 64-byte aligned, uninitialised; NULL: they do not fit any more. */
void *dbk_block_alloc(dbk_block *b, size_t size);

/* For the decoder, which fills a block front to back: the free part, and "n bytes of it are now
 * written" (n <= room). */
uint8_t *dbk_block_tail(dbk_block *b, size_t *room);
void dbk_block_advance(dbk_block *b, size_t n);
uint8_t *dbk_block_data(dbk_block *b);
size_t dbk_block_used(const dbk_block *b);
size_t dbk_block_charge(const dbk_block *b); /* what the owner will be told */

/* The pool's bound: mapped memory in use and kept together stays within this many bytes; what is
 * in use alone may be more, then nothing is kept. */
#define DBK_BLOCK_POOL_BYTES ((size_t)48 << 20)
size_t dbk_block_pool_bytes(void); /* kept right now; for tests and stats */

#endif
