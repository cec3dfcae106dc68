/* Batches as an IPC stream where they lie.
 *
 * A chunk was decoded front to back into a block, framing included. With the reader's schema message written
 * before its first batch, where the decoder left room, and an end marker behind its last one, that memory is a
 * stream again. Whoever gets it may write into it: so nobody else may hold a batch of it, and the decoder
 * must have ended (LZ4 looks back at what it wrote). */
#include "arrow/batch.h"

#include <string.h>

#define END_SIZE 8
#define ALIGN    8 /* of messages in a stream: JavaScript's typed arrays refuse anything else */

static bool lies_in(const dbk_batch *b, const dbk_block *block) {
    return b->message.size > 0 && b->blocks[0] == block && b->message.start % ALIGN == 0 &&
           atomic_load(&b->refs) == 1;
}

static size_t end_of(const dbk_batch *b) {
    return b->message.start + b->message.size;
}

size_t dbk_ipc_placeable(dbk_batch *const *batches, size_t count, size_t schema_len) {
    const dbk_batch *first = count > 0 ? batches[0] : NULL;
    if (first == NULL || first->message.size == 0 || !first->message.first ||
        first->message.start < schema_len || schema_len % ALIGN != 0) {
        return 0;
    }
    dbk_block *block = first->blocks[0];
    size_t n = 0;
    while (n < count && lies_in(batches[n], block)) {
        n++;
    }
    return n > 0 && dbk_block_at(block, end_of(batches[n - 1]), END_SIZE) != NULL ? n : 0;
}

void dbk_ipc_place(dbk_slice schema, dbk_batch *const *takes_batches, size_t count,
                   dbk_placed *out) {
    static const uint8_t end_marker[END_SIZE] = {0xff, 0xff, 0xff, 0xff};
    dbk_block *block = takes_batches[0]->blocks[0];
    size_t start = takes_batches[0]->message.start - schema.len;
    size_t end = end_of(takes_batches[count - 1]);
    memcpy(dbk_block_at(block, start, schema.len), schema.ptr, schema.len);
    memcpy(dbk_block_at(block, end, END_SIZE), end_marker, END_SIZE);
    *out = (dbk_placed){.data = dbk_block_at(block, start, end + END_SIZE - start),
                        .len = end + END_SIZE - start,
                        .block = dbk_block_ref(block)};
    dbk_block_give(block);
    for (size_t i = 0; i < count; i++) {
        dbk_batch_unref(takes_batches[i]);
    }
}

void dbk_placed_reset(dbk_placed *p) {
    dbk_block_unref(p->block);
    *p = (dbk_placed){0};
}
