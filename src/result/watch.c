/* The look that a stream's downloads get now and then.
 * Stragglers: a download that everything waits for and that has gone quiet, or is the last of all and
 * takes several times as long as the others did, is started a second time on another connection. Rows
 * count once, whichever of the two delivers them (dbk_stream_publish). */
#include "result/stream.h"

#define LOOK_EVERY_MS 250u
#define QUIET_MS      5000u /* without a byte */
#define SLOW_MS       2000u /* at the end of the result: and SLOW_FACTOR times the usual time */
#define SLOW_FACTOR   4u

/* Nothing is left to start: waiting for one slow download is all that happens. Under the lock. */
static bool at_the_end_locked(const dbk_stream *s) {
    int64_t filed = s->shared.head + (int64_t)s->shared.chunk_count;
    return s->shared.end != -1 && filed >= s->shared.end &&
           s->shared.chunks[s->shared.chunk_count - 1]->started;
}

/* The chunk to download a second time; NULL: none. Under the lock. */
static dbk_chunk *straggler_locked(const dbk_stream *s, uint64_t now_ms) {
    dbk_chunk *c = s->shared.chunk_count > 0 ? s->shared.chunks[0] : NULL;
    if (c == NULL || c->fetch == NULL || c->done || c->hedged || !dbk_stream_starves_locked(s, c) ||
        dbk_fetch_is_paused(c->fetch)) {
        return NULL;
    }
    uint64_t quiet = now_ms - dbk_min_u64(now_ms, dbk_fetch_last_byte_ms(c->fetch));
    uint64_t took = now_ms - dbk_min_u64(now_ms, dbk_fetch_begun_ms(c->fetch));
    uint64_t slow = dbk_max_u64(SLOW_MS, s->shared.chunk_ms * SLOW_FACTOR);
    bool last = s->shared.chunk_ms != 0 && at_the_end_locked(s) && took > slow;
    return quiet > QUIET_MS || last ? c : NULL;
}

static void hedge(dbk_stream *s, dbk_chunk *c) {
    dbk_error err = {0};
    dbk_lane *lane = NULL;
    size_t lanes = dbk_runtime_data_lane_count(s->runtime);
    DBK_LOG(DEBUG, s->session_id.ptr, "chunk %lld straggles: downloading it once more",
            (long long)c->index);
    (void)atomic_fetch_add(&s->chunk_retries, 1);
    dbk_status st = dbk_runtime_data_lane(s->runtime, (c->lane + 1) % lanes, &lane, &err);
    if (st == DBK_OK) {
        st = dbk_fetch_start(s, c, lane, true, &err);
    }
    if (st != DBK_OK) { /* the first download goes on all the same */
        dbk_mutex_lock(&s->shared.lock);
        s->shared.running--;
        bool last = --c->holders == 0 && c->dropped;
        dbk_mutex_unlock(&s->shared.lock);
        if (last) {
            dbk_chunk_free(c);
        }
        dbk_error_reset(&err);
    }
}

static void look(dbk_timer *timer) {
    dbk_stream *s = DBK_CONTAINER_OF(timer, dbk_stream, control.watch);
    dbk_mutex_lock(&s->shared.lock);
    dbk_chunk *c = s->shared.closed
                       ? NULL
                       : straggler_locked(s, dbk_lane_now_ms(dbk_runtime_control(s->runtime)));
    if (c != NULL) {
        c->hedged = true;
        c->holders++;
        s->shared.running++;
    }
    bool others_waited = s->shared.alone && s->shared.hungry && dbk_pace_alone_ms_locked(s) == 0;
    dbk_mutex_unlock(&s->shared.lock);
    if (c != NULL) {
        hedge(s, c);
    }
    if (others_waited) {
        dbk_stream_pump(s);
    }
    dbk_stream_watch(s);
    dbk_stream_unref(s); /* the timer's */
}

void dbk_stream_watch(dbk_stream *s) {
    dbk_mutex_lock(&s->shared.lock);
    bool needed = s->shared.running > 0 && !s->shared.closed;
    uint64_t alone_ms = dbk_pace_alone_ms_locked(s);
    uint64_t wait_ms = alone_ms > 0 ? alone_ms : LOOK_EVERY_MS;
    dbk_mutex_unlock(&s->shared.lock);
    if (needed && s->control.watch.lane == NULL) {
        /* Without memory for a timer nothing is hedged. */
        if (dbk_timer_start(dbk_runtime_control(s->runtime), &s->control.watch, wait_ms, look)) {
            (void)dbk_stream_ref(s);
        }
    }
}

void dbk_stream_stop_watch(dbk_stream *s) {
    if (s->control.watch.lane != NULL) {
        dbk_timer_stop(&s->control.watch);
        dbk_stream_unref(s);
    }
}
