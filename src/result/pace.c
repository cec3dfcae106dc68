/* How many downloads run at a time.
 *
 * Memory bounds it: every download reserves what it will decode, and the sum stays within the budget.
 * Near storage keeps a lane busy with one download; the next one begins when little of it is left to
 * decode. When the network is what is waited
 * for (latency, or a slow rate per connection), more have to run side by side: those that are not read
 * yet then keep what they receive as it came, compressed (spool.h), and reserve that much less.
 *
 * A download that has begun should never have to pause: after a pause with a full socket buffer TCP
 * often waits for a timer of 200 to 400 ms before it goes on (docs/performance.md). */
#include "result/stream.h"

#define MIN_RESERVE    ((size_t)64 << 10)
#define FAR_LATENCY_MS 15u /* to the first byte; on one machine or in one rack it is 1 or 2 */
/* A lane that decodes less than 1/24 of a download's time waits for the network; on one machine it is
 * a third. */
#define BUSY_FAR      24u
#define SLOW_CHUNK_MS 150u
#define FAR_BLOCK     ((size_t)6 << 20)
/* A lane that has less than this left to decode gets its next chunk: the request is answered meanwhile. */
#define NEAR_AHEAD ((size_t)4 << 20)
/* The first download has the machine to itself until its first rows are here, no longer than so many ms: for
 * its answer to begin (connecting and TLS included), and from the start to the rows where it began soon. */
#define ALONE_ANSWER_MS 8u
#define ALONE_ROWS_MS   25u
#define WIRE_GUESS      0.5 /* compressed size over declared size, before the first chunk has ended */

/* ---- what a chunk will cost ---- */

static double declared(const dbk_chunk *c) {
    return c->byte_count > 0 ? (double)c->byte_count : (double)MIN_RESERVE;
}

static size_t capped(double bytes) {
    return bytes < (double)DBK_CHUNK_EXPECT_MAX ? (size_t)bytes : DBK_CHUNK_EXPECT_MAX;
}

/* Its declared size, corrected by what finished chunks taught. */
size_t dbk_pace_expect_locked(const dbk_stream *s, const dbk_chunk *c) {
    double factor = s->shared.decoded_per_declared;
    return capped(declared(c) * (factor > 0 ? factor : 1.0));
}

/* Where several downloads wait compressed, their chunks come into memory through smaller blocks, one
 * chunk at a time: two whole ones would cost more than all that waits. */
size_t dbk_pace_block_locked(const dbk_stream *s, const dbk_chunk *c) {
    size_t expected = dbk_pace_expect_locked(s, c);
    return s->shared.far && s->manifest.lz4 ? dbk_min_size(expected, FAR_BLOCK) : expected;
}

bool dbk_pace_spools_locked(const dbk_stream *s, const dbk_chunk *c) {
    return s->shared.far && s->manifest.lz4 && c->index > s->shared.head;
}

static size_t wire_bytes(const dbk_stream *s, const dbk_chunk *c) {
    double factor = s->shared.wire_per_declared;
    size_t wire = capped(declared(c) * (factor > 0 ? factor : WIRE_GUESS));
    return dbk_max_size(wire, MIN_RESERVE);
}

/* Downloads that run side by side are not all whole at the same time (limit_of has the other side). */
size_t dbk_pace_reserve_locked(const dbk_stream *s, const dbk_chunk *c) {
    size_t reserve =
        dbk_pace_spools_locked(s, c) ? wire_bytes(s, c) / 3 * 2 : dbk_pace_expect_locked(s, c);
    return dbk_min_size(dbk_max_size(reserve, MIN_RESERVE), s->options.budget_bytes / 2);
}

/* ---- decisions ---- */

/* Near storage fills a lane with one download; a second one would only slow the first down and hold
 * another chunk in memory. */
static bool lanes_are_busy(const dbk_stream *s) {
    return !s->shared.far &&
           s->shared.reserved >= dbk_runtime_data_lane_count(s->runtime) * NEAR_AHEAD &&
           s->shared.running >= dbk_runtime_data_lane_count(s->runtime);
}

/* Downloads that run side by side over a slow network begin and end together, each with half as much again as
 * it reserved; those that began are let through to their end. */
static size_t admitted(const dbk_stream *s) {
    size_t budget = s->options.budget_bytes;
    return s->shared.far ? budget + budget / 3 : budget;
}

static size_t limit_of(const dbk_stream *s) {
    size_t budget = s->options.budget_bytes;
    return s->shared.far ? 2 * budget : budget;
}

void dbk_pace_begin(dbk_stream *s) {
    bool several = s->shared.end != s->shared.head + 1;
    s->shared.alone = s->external && several && !dbk_sea_storage_is_far(s->sea);
    s->shared.alone_since_ms = dbk_lane_now_ms(dbk_runtime_control(s->runtime));
}

static bool answers_soon(uint64_t latency_ms) {
    return latency_ms < FAR_LATENCY_MS / 2;
}

/* Where storage is near, what the reader waits for first is a core: for the download, and then for itself.
 * Where it is far, a second request costs nothing and should not wait for the first one's answer. */
uint64_t dbk_pace_alone_ms_locked(const dbk_stream *s) {
    uint64_t limit = s->shared.answers == 0               ? ALONE_ANSWER_MS
                     : answers_soon(s->shared.latency_ms) ? ALONE_ROWS_MS
                                                          : 0;
    uint64_t took = dbk_lane_now_ms(dbk_runtime_control(s->runtime)) - s->shared.alone_since_ms;
    return s->shared.alone ? limit - dbk_min_u64(limit, took) : 0;
}

/* The chunk being read may always start: everything else waits for it. */
bool dbk_pace_may_start_locked(const dbk_stream *s, const dbk_chunk *c, bool *process_full) {
    if (c->index == s->shared.head) {
        return true;
    }
    if (lanes_are_busy(s) || dbk_pace_alone_ms_locked(s) > 0) {
        return false;
    }
    size_t need = dbk_pace_reserve_locked(s, c);
    size_t used = s->shared.queued_bytes + s->shared.reserved;
    bool room =
        used + need <= admitted(s) && (uint64_t)(c->index - s->shared.head) < s->options.max_chunks;
    *process_full = room && !dbk_process_has_room(need);
    return room && !*process_full;
}

bool dbk_pace_must_wait_locked(const dbk_stream *s, const dbk_chunk *c) {
    bool reading = c->index <= s->shared.head;
    if (s->shared.closed || c->done || (reading && dbk_stream_starves_locked(s, c))) {
        return false; /* nobody waits for memory, or the reader waits for this one */
    }
    if (reading && s->shared.far) { /* what the others hold has been admitted */
        return c->queued_bytes >= s->options.budget_bytes / 2;
    }
    return s->shared.queued_bytes >= limit_of(s) || (!reading && !dbk_process_has_room(0));
}

/* Not at the first free byte: pausing and going on cost system calls. */
bool dbk_pace_may_resume_locked(const dbk_stream *s) {
    const dbk_chunk *c = s->shared.chunk_count > 0 ? s->shared.chunks[0] : NULL;
    size_t budget = s->options.budget_bytes;
    return s->shared.any_paused &&
           (c == NULL || dbk_stream_starves_locked(s, c) ||
            (s->shared.queued_bytes < budget / 4 * 3 && c->queued_bytes < budget / 2));
}

/* ---- learning ---- */

/* One quick answer shows that the storage is near, whatever kept the others waiting. */
void dbk_pace_first_byte(dbk_stream *s, uint64_t latency_ms) {
    dbk_mutex_lock(&s->shared.lock);
    bool was = s->shared.far;
    s->shared.answers++;
    s->shared.latency_ms =
        s->shared.answers == 1 ? latency_ms : dbk_min_u64(s->shared.latency_ms, latency_ms);
    if (answers_soon(latency_ms)) {
        s->shared.far = false;
    } else if (s->shared.answers >= 2 && s->shared.latency_ms >= FAR_LATENCY_MS) {
        s->shared.far = true;
    }
    bool more = s->shared.far && !was;
    dbk_sea_note_storage(s->sea, !answers_soon(s->shared.latency_ms));
    dbk_mutex_unlock(&s->shared.lock);
    if (more) {
        dbk_stream_pump(s);
    }
}

static uint64_t smooth(uint64_t old, uint64_t fresh) {
    return old == 0 ? fresh : old - old / 4 + fresh / 4;
}

void dbk_pace_learn_locked(dbk_stream *s, const dbk_chunk *c, const dbk_pace *p) {
    uint64_t busy_ms = p->busy_ns / 1000000;
    if (c->byte_count > 0) {
        s->shared.decoded_per_declared = (double)p->decoded_bytes / (double)c->byte_count;
        s->shared.wire_per_declared = (double)p->wire_bytes / (double)c->byte_count;
    }
    if (busy_ms * BUSY_FAR < p->elapsed_ms && p->elapsed_ms > SLOW_CHUNK_MS) {
        s->shared.far = true;
    }
    s->shared.chunk_ms = smooth(s->shared.chunk_ms, p->elapsed_ms);
}
