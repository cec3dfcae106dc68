/* arrow/lz4.h: LZ4 frames (any number of them, one behind the other) as bytes arrive.
 *
 * What:    liblz4's frame decoder, which writes straight to the destination as long as a whole LZ4
 *          block fits there; checksums are checked when the frame has them.
 * Threads: a decoder belongs to one thread at a time. Idle decoders are kept for reuse. */
#ifndef DBK_ARROW_LZ4_H
#define DBK_ARROW_LZ4_H

#include "base/base.h"

typedef struct dbk_lz4 dbk_lz4; /* opaque */

DBK_MUST_USE dbk_status dbk_lz4_new(dbk_lz4 **out, dbk_error *err);
void dbk_lz4_free(dbk_lz4 *z); /* NULL is a no-op */

typedef struct dbk_lz4_out {
    uint8_t *dst;
    size_t room;     /* > 0 */
    size_t produced; /* out: equal to room when there may be more without further input */
} dbk_lz4_out;

/* Decodes until *in (advanced) is used up or the room is full. */
DBK_MUST_USE dbk_status dbk_lz4_decode(dbk_lz4 *z, dbk_slice *in, dbk_lz4_out *out, dbk_error *err);
/* Takes *in if it brings no LZ4 block to its end, so nothing that has to be written anywhere; else leaves it
 * for dbk_lz4_decode. */
DBK_MUST_USE dbk_status dbk_lz4_gather(dbk_lz4 *z, dbk_slice *in, dbk_error *err);
/* DBK_LZ4_STAGE bytes to decode to, the decoder's; NULL: no memory. Two of the largest LZ4 blocks: the first is
 * decoded in place wherever it begins. */
#define DBK_LZ4_STAGE ((size_t)8 << 20)
uint8_t *dbk_lz4_stage(dbk_lz4 *z);
bool dbk_lz4_between_frames(const dbk_lz4 *z); /* at a frame's end, or nothing was read yet */
/* DataLoss when the input stopped inside a frame. */
DBK_MUST_USE dbk_status dbk_lz4_finish(const dbk_lz4 *z, dbk_error *err);

void dbk_lz4_pool_trim(void); /* frees the idle decoders */

/* "3C 68 74 6D 6C \"<html\"": the first bytes of something that is not what it should be. */
#define DBK_BYTES_TEXT_SIZE 48
void dbk_bytes_text(const uint8_t *p, size_t n, char out[DBK_BYTES_TEXT_SIZE]); /* up to 8 bytes */

#endif
