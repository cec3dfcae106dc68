/* Whole chunks in the memory that they were decoded into, for a reader that asks for IPC streams.
 *
 * The reader of such streams waits until a chunk is whole: only then nobody writes to its memory any more. The
 * first chunk it reads as it comes, so that the first rows are there as soon as ever. */
#include "result/stream.h"

/* Smaller chunks lie in the heap, with others' bytes before them: they are copied, and merged. */
#define PLACE_FROM ((size_t)1 << 20)

bool dbk_stream_waits_for_whole_locked(const dbk_stream *s, const dbk_chunk *c) {
    if (!s->shared.places || c->done || c->failed != DBK_OK || c->hedged || c->index == 0 ||
        c->first > 0 || c->count == 0) {
        return false;
    }
    size_t expected = dbk_pace_expect_locked(s, c);
    return expected >= PLACE_FROM && expected < DBK_CHUNK_EXPECT_MAX;
}

/* Of a chunk with two downloads the one that lost may still write to its memory. */
static size_t placeable_locked(const dbk_stream *s, const dbk_chunk *c) {
    bool as_it_came = s->shared.shown == s->shared.dressed;
    return as_it_came && c->done && !c->hedged
               ? dbk_ipc_placeable(c->batches + c->first, c->count - c->first,
                                   s->schema_message.len)
               : 0;
}

bool dbk_stream_take_run_locked(dbk_stream *s, dbk_chunk *c, dbk_run_of_batches *out) {
    size_t count = placeable_locked(s, c);
    out->batches = count > 0 ? dbk_alloc_array(count, sizeof(dbk_batch *)) : NULL;
    if (out->batches == NULL) { /* without memory they are copied */
        return false;
    }
    memcpy(out->batches, c->batches + c->first, count * sizeof(dbk_batch *));
    out->count = count;
    dbk_stream_hand_out_locked(s, c, count);
    return true;
}

bool dbk_stream_can_place(dbk_stream *s) {
    dbk_mutex_lock(&s->shared.lock);
    size_t at = s->shared.chunk_count > 1 && s->shared.chunks[0]->done &&
                s->shared.chunks[0]->first == s->shared.chunks[0]->count;
    bool can = s->shared.places && at < s->shared.chunk_count &&
               placeable_locked(s, s->shared.chunks[at]) > 0;
    dbk_mutex_unlock(&s->shared.lock);
    return can;
}

dbk_status dbk_stream_begin_placing(dbk_stream *s, dbk_schema *schema, dbk_error *err) {
    if (s->schema_message.len > 0) {
        return DBK_OK;
    }
    dbk_status st = dbk_ipc_write_schema(schema, &s->schema_message, err);
    if (st != DBK_OK) {
        return st;
    }
    dbk_block_pool_giver(true);
    dbk_mutex_lock(&s->shared.lock);
    s->shared.places = true;
    dbk_mutex_unlock(&s->shared.lock);
    if (s->runtime != NULL) {
        dbk_stream_pump(s); /* the head's download may have paused for a reader that was slow */
    }
    return st;
}
