/* result/stream.h: the stream and its chunks, shared by the files of this room.
 *
 * Who touches what: `shared` under its lock, any thread; `control` on the control lane only; a
 * running chunk's fetch operation lives on its data lane. No lock is held while decoding, while
 * calling the net room, or around a callback. */
#ifndef DBK_RESULT_STREAM_H
#define DBK_RESULT_STREAM_H

#include "result/budget.h"
#include "result/result.h"
#include "result/spool.h"

#include <stdatomic.h>

#define DBK_STREAM_BUDGET      (48u * 1024u * 1024u)
#define DBK_STREAM_MAX_CHUNKS  16u
#define DBK_STREAM_LINK_WINDOW 32u
/* Inline chunks cost memory as soon as they are there, links only when they are followed. */
#define DBK_STREAM_INLINE_WINDOW 3u
/* What a declared byte_count may cost before bytes arrive. */
#define DBK_CHUNK_EXPECT_MAX (32u * 1024u * 1024u)

typedef struct dbk_fetch dbk_fetch; /* fetch.c: the download operation of one chunk */

/* One chunk between "its place in the order is known" and "all its batches were read". */
typedef struct dbk_chunk {
    int64_t index;
    int64_t row_offset; /* declared; -1: not told */
    int64_t row_count;  /* declared; -1: not told */
    int64_t byte_count; /* declared; -1: not told */

    dbk_sea_link link; /* external: where to get it; its download takes it */
    bool has_link;
    dbk_sea_data raw; /* inline: not decoded yet */
    bool has_raw;

    dbk_batch **batches; /* decoded, not read: [first, count) */
    size_t first, count, cap;
    int64_t rows;        /* decoded and kept so far */
    size_t queued_bytes; /* of the batches not read */
    size_t reserved;     /* budget held for what a running download will still decode */

    bool started; /* a fetch was made */
    size_t lane;  /* of its first download */
    bool done;    /* all batches are here */
    dbk_status failed;
    dbk_error error;
    dbk_fetch *fetch; /* counted while it runs */
    dbk_fetch *hedge; /* the same download once more, because the first one straggles (watch.c) */
    bool hedged;      /* there was one */
    unsigned holders; /* downloads started or about to be */
    bool dropped;     /* out of the stream: the last download to end frees it */
} dbk_chunk;

struct dbk_stream {
    atomic_size_t refs;
    dbk_runtime *runtime; /* counted; NULL for batches in hand */
    dbk_sea *sea;         /* counted; NULL for batches in hand */
    dbk_str session_id;
    dbk_str statement_id;
    dbk_sea_manifest manifest;
    dbk_column_desc *columns; /* borrow from manifest */
    dbk_stream_options options;
    bool external;
    bool whole;   /* the first answer held all chunks: there is nothing to pump */
    bool partial; /* shared.end is where the reader wants to end, not where the result does */

    struct {
        dbk_mutex lock;
        dbk_cond changed;
        dbk_stream_watcher *observer; /* of whoever looks now and then; NULL: none */
        dbk_stream_watcher *follower; /* of whoever shows progress; NULL: none */
        dbk_stream_watcher *watcher;  /* of a read that parks (read.c); NULL: none */
        bool closed;
        dbk_schema *wire;    /* of the data; NULL: not seen yet */
        dbk_schema *shown;   /* dressed and converted: what the reader gets */
        dbk_schema *dressed; /* between the two */
        dbk_chunk **chunks;  /* consecutive indices from `head` on */
        size_t chunk_count, chunk_cap;
        int64_t head; /* index of chunks[0]: the one being read */
        int64_t end;  /* number of chunks; -1: not known yet */
        int64_t rows_read;
        size_t queued_bytes;
        size_t reserved;
        size_t running;  /* fetches */
        bool hungry;     /* work waits for room: the reader asks for a pump when it made some */
        bool any_paused; /* a download stopped since the last pump */
        bool places;     /* the reader takes whole chunks where they lie (place.c) */
        bool raw_last;   /* the last answer was inline data, so the next one is too */
        uint64_t peak_bytes;
        double decoded_per_declared; /* learned from finished chunks, 0: nothing learned */
        double wire_per_declared;    /* the same of bytes as they come */
        uint64_t latency_ms;         /* shortest seen, from request to first byte */
        uint64_t answers;            /* of storage */
        bool alone; /* the first download, until its first rows are here (pace.c) */
        uint64_t alone_since_ms;
        bool far;          /* the network, not this machine, is what is waited for (pace.c) */
        uint64_t chunk_ms; /* what a download takes, smoothed; 0: none has ended */
        dbk_status failed; /* final error of the whole stream, told once head gets there */
        dbk_error error;
        int64_t clock_offset_ms; /* server minus local wall clock */
        dbk_stream_story story;
        void (*ended)(void *ctx); /* NULL: nobody asked, or it was told */
        void *ended_ctx;
        dbk_str next_link; /* internal link to chunk `end of chunks[]`, may be absent */
    } shared;

    struct {
        dbk_sea_call *asking; /* the chunk request under way; counted */
        int64_t asking_for;
        dbk_list refreshes; /* link requests under way (pump.c) */
        dbk_timer watch;    /* runs while downloads do; holds a reference (watch.c) */
    } control;

    dbk_buf schema_message; /* of the reader: what it puts before batches where they lie */

    dbk_share share; /* of the process's budget */

    dbk_task pump_task;
    atomic_bool pump_posted;

    atomic_uint_fast32_t chunks_done;
    atomic_uint_fast64_t rows;
    atomic_uint_fast64_t bytes_wire;
    atomic_uint_fast64_t bytes_arrow;
    atomic_uint_fast64_t link_refreshes;
    atomic_uint_fast64_t chunk_retries;
};

/* Tells whoever shows progress; under the lock. */
static inline void dbk_stream_show_locked(dbk_stream *s) {
    if (s->shared.follower != NULL) {
        s->shared.follower->changed(s->shared.follower);
    }
}

/* Wakes whoever waits for the stream; under the lock. */
static inline void dbk_stream_changed_locked(dbk_stream *s) {
    dbk_cond_broadcast(&s->shared.changed);
    if (s->shared.watcher != NULL) {
        s->shared.watcher->changed(s->shared.watcher);
    }
    dbk_stream_show_locked(s);
    if (s->shared.observer != NULL) {
        s->shared.observer->changed(s->shared.observer);
    }
}

/* chunk.c */
dbk_chunk *dbk_chunk_new(int64_t index);
void dbk_chunk_free(dbk_chunk *c);
/* The chunk with this index, NULL when the stream holds none; under the lock. */
dbk_chunk *dbk_stream_chunk_locked(dbk_stream *s, int64_t index);
/* Appends the chunk that follows the last one; under the lock. NULL: no memory. */
dbk_chunk *dbk_stream_append_locked(dbk_stream *s);
/* Files an answer's links or inline data as chunks; under the lock; takes data. `wanted` is the
 * index that was asked for (0 for the execute answer): an answer without it is DataLoss. */
DBK_MUST_USE dbk_status dbk_stream_file_locked(dbk_stream *s, dbk_sea_data *data, int64_t wanted,
                                               dbk_error *err);
/* One link, if it is the next in the order; under the lock; takes it. */
DBK_MUST_USE dbk_status dbk_stream_file_link_locked(dbk_stream *s, dbk_sea_link *link,
                                                    dbk_error *err);
/* Declares the order broken from chunk `index` on: the reader gets err when it arrives there; under
 * the lock; takes err. */
void dbk_stream_fail_locked(dbk_stream *s, int64_t index, dbk_error *err);
/* Publishes one decoded batch that begins at row `start` of the chunk. Rows that are there already,
 * from an earlier or a parallel download, and padding are cut off. Takes batch. Any thread, without
 * the lock. */
DBK_MUST_USE dbk_status dbk_stream_publish(dbk_stream *s, dbk_chunk *c, int64_t start,
                                           dbk_batch *batch, dbk_error *err);
/* Wakes a reader that waits for this chunk: once after several batches, because each waking costs two
 * context switches. Without the lock. */
void dbk_stream_announce(dbk_stream *s, const dbk_chunk *c);
/* Rows of chunk 0 are here: the first time counts; under the lock. */
void dbk_stream_note_ready_locked(dbk_stream *s);
/* Tells the process what the stream holds; under the lock. */
void dbk_stream_account_locked(dbk_stream *s);
/* Makes the wire schema known (or compares it with the known one). dressed: it was made from the
 * manifest and needs no names and metadata from there. Any thread, without the lock. */
DBK_MUST_USE dbk_status dbk_stream_see_schema(dbk_stream *s, dbk_schema *wire, bool dressed,
                                              int64_t chunk_index, dbk_error *err);
/* The rows of a whole chunk against what was declared. */
DBK_MUST_USE dbk_status dbk_stream_check_chunk(const dbk_stream *s, const dbk_chunk *c,
                                               dbk_error *err);
/* Decodes a chunk that came inline; on the reading thread, without the lock. */
DBK_MUST_USE dbk_status dbk_stream_decode_raw(dbk_stream *s, dbk_chunk *c, dbk_error *err);

/* pump.c: decides what to do next; control lane. dbk_stream_pump asks for a run from any thread. */
void dbk_stream_pump(dbk_stream *s);
/* Are all chunks here, or none to come? Under the lock, or before others know the stream. */
bool dbk_stream_is_whole_locked(const dbk_stream *s);
/* Did the reader make room for something that waits? Under the lock. */
bool dbk_stream_has_work_locked(const dbk_stream *s);
/* A fetch wants a fresh link; the answer is dbk_fetch_link_came on the fetch's lane. Any thread. */
void dbk_stream_refresh_link(dbk_stream *s, dbk_fetch *fetch);

/* pace.c: how many downloads at a time. All under the lock but the first. */
typedef struct dbk_pace {
    uint64_t busy_ns;    /* decoding */
    uint64_t elapsed_ms; /* from request to end, pauses left out */
    size_t wire_bytes;
    size_t decoded_bytes;
} dbk_pace;
void dbk_pace_first_byte(dbk_stream *s, uint64_t latency_ms); /* takes the lock */
/* The stream has its first links. Before others know it. */
void dbk_pace_begin(dbk_stream *s);
/* For how long the first download still has everything to itself; 0: others may start. */
uint64_t dbk_pace_alone_ms_locked(const dbk_stream *s);
void dbk_pace_learn_locked(dbk_stream *s, const dbk_chunk *c, const dbk_pace *p);
/* The size of the first block of memory it is decoded into. */
size_t dbk_pace_block_locked(const dbk_stream *s, const dbk_chunk *c);
/* Does a download of this chunk keep its bytes compressed until the reader gets to it? */
bool dbk_pace_spools_locked(const dbk_stream *s, const dbk_chunk *c);
/* May this chunk's download start? *process_full: not, because of other streams. */
bool dbk_pace_may_start_locked(const dbk_stream *s, const dbk_chunk *c, bool *process_full);
size_t dbk_pace_reserve_locked(const dbk_stream *s, const dbk_chunk *c);
/* Decoded bytes to expect of the chunk, capped. */
size_t dbk_pace_expect_locked(const dbk_stream *s, const dbk_chunk *c);
/* Must the download of this chunk pause before it takes more? */
bool dbk_pace_must_wait_locked(const dbk_stream *s, const dbk_chunk *c);
/* Is there room enough for those that paused to go on for a while? */
bool dbk_pace_may_resume_locked(const dbk_stream *s);

/* place.c: chunks handed out where they lie. */
typedef struct dbk_run_of_batches {
    dbk_batch **batches; /* counted, in an array to be freed */
    size_t count;
} dbk_run_of_batches;
/* From now on the reader takes what it can where it lies, behind this schema's message. Without the lock. */
DBK_MUST_USE dbk_status dbk_stream_begin_placing(dbk_stream *s, dbk_schema *schema, dbk_error *err);
/* The batches of the head, as many as can be placed; false: none. Under the lock. */
bool dbk_stream_take_run_locked(dbk_stream *s, dbk_chunk *c, dbk_run_of_batches *out);
/* Are there batches at the head that the reader leaves until their chunk is whole? Under the lock. */
bool dbk_stream_waits_for_whole_locked(const dbk_stream *s, const dbk_chunk *c);
/* Nothing that the reader would take: it waits for this chunk's download. Under the lock. */
static inline bool dbk_stream_starves_locked(const dbk_stream *s, const dbk_chunk *c) {
    return c->first == c->count || dbk_stream_waits_for_whole_locked(s, c);
}
/* The next count batches of c are the reader's now. Under the lock. */
void dbk_stream_hand_out_locked(dbk_stream *s, dbk_chunk *c, size_t count);

/* watch.c: stragglers. Control lane. */
void dbk_stream_watch(dbk_stream *s);
void dbk_stream_stop_watch(dbk_stream *s);

/* fetch.c */
/* Starts a download of the chunk: its first, or with hedge a second one beside it. */
DBK_MUST_USE dbk_status dbk_fetch_start(dbk_stream *s, dbk_chunk *c, dbk_lane *lane, bool hedge,
                                        dbk_error *err);
uint64_t dbk_fetch_begun_ms(const dbk_fetch *f);     /* any thread, system's clock of its lane */
uint64_t dbk_fetch_last_byte_ms(const dbk_fetch *f); /* any thread; of the same clock */
bool dbk_fetch_is_paused(const dbk_fetch *f);        /* any thread */
void dbk_fetch_cancel(dbk_fetch *f);                 /* any thread */
void dbk_fetch_unref(dbk_fetch *f);
dbk_fetch *dbk_fetch_ref(dbk_fetch *f);
/* Any thread: there is room in the budget, go on if it was paused; or its chunk is being read now. */
void dbk_fetch_unpause(dbk_fetch *f, bool its_turn);
int64_t dbk_fetch_chunk_index(const dbk_fetch *f);
/* Any thread: the answer to dbk_stream_refresh_link; takes link (NULL with a failure) and err. */
void dbk_fetch_link_came(dbk_fetch *f, dbk_sea_link *link, dbk_status st, dbk_error *err);

#endif
