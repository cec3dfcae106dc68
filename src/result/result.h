/* result/result.h: from a statement's answer to ordered Arrow batches.
 *
 * What:    a stream gathers chunks (attachments, JSON rows, cloud storage links), decodes them within
 *          a byte budget and hands out batches in order; it fails loudly when counts disagree.
 * Threads: open on the control lane; next/schema/close/stats on any one thread at a time (stats: any
 *          thread). Downloads run on data lanes, attachments are decoded by the reading thread.
 * Owner:   counted; batches outlive the stream. */
#ifndef DBK_RESULT_RESULT_H
#define DBK_RESULT_RESULT_H

#include "arrow/arrow.h"
#include "base/base.h"
#include "net/net.h"
#include "sea/sea.h"

typedef struct dbk_stream dbk_stream; /* opaque, counted */

typedef struct dbk_stream_options {
    dbk_convert_options convert;
    size_t budget_bytes;  /* decoded, not yet read; 0: 48 MiB */
    size_t max_chunks;    /* chunks downloaded or waiting to be read at a time; 0: 16 */
    size_t link_window;   /* links held ahead of the reader; 0: 32 */
    size_t inline_window; /* inline chunks held ahead of the reader; 0: 3 */
} dbk_stream_options;

/* What the server answered for a finished statement. Takes manifest and data (also on failure; both
 * are empty after). runtime and sea are referenced. server_unix_s: the answer's Date, -1: none. */
typedef struct dbk_stream_source {
    dbk_runtime *runtime;
    dbk_sea *sea;
    const char *session_id; /* borrowed for the call */
    dbk_slice statement_id;
    dbk_sea_manifest *manifest;
    dbk_sea_data *data;
    int64_t server_unix_s;
    bool partial; /* only these chunks, not the whole result; none: the schema alone */
    int64_t first_chunk, chunk_count;
} dbk_stream_source;

DBK_MUST_USE dbk_status dbk_stream_open(const dbk_stream_source *source,
                                        const dbk_stream_options *options, dbk_stream **out,
                                        dbk_error *err);
/* A stream over batches in hand (metadata, static results); takes the batches' references. */
DBK_MUST_USE dbk_status dbk_stream_of_batches(dbk_schema *schema, dbk_batch *const *batches,
                                              size_t count, dbk_stream **out, dbk_error *err);
dbk_stream *dbk_stream_ref(dbk_stream *s);
void dbk_stream_unref(dbk_stream *s); /* NULL is a no-op; close it first: its downloads hold
                                         references too */
/* Stops all work for the stream; a waiting reader gets Cancelled. Any thread, idempotent. */
void dbk_stream_close(dbk_stream *s);

/* Blocks until the schema is known; *out is borrowed from the stream. */
DBK_MUST_USE dbk_status dbk_stream_schema(dbk_stream *s, dbk_schema **out, dbk_error *err);
/* Blocks until a batch is there (owned by the caller) or the end (*out = NULL). An error is final:
 * it comes again at the next call. Batches have at least one row. */
DBK_MUST_USE dbk_status dbk_stream_next(dbk_stream *s, dbk_batch **out, dbk_error *err);

/* The same without blocking: *would_block true and *out NULL when nothing is there yet. Decodes at
 * most one inline chunk. */
DBK_MUST_USE dbk_status dbk_stream_try_next(dbk_stream *s, dbk_batch **out, bool *would_block,
                                            dbk_error *err);

/* The same for a reader of IPC streams: preferably *placed, rows in the memory they came in, behind this
 * schema (the stream's); else *out. From the first such call on chunks but the first are left until they are
 * whole. */
DBK_MUST_USE dbk_status dbk_stream_try_place(dbk_stream *s, dbk_schema *schema, dbk_placed *placed,
                                             dbk_batch **out, bool *would_block, dbk_error *err);
/* Would such a call give rows in place now, or behind what is left of the chunk at the head? */
bool dbk_stream_can_place(dbk_stream *s);

/* The same of the schema. */
DBK_MUST_USE dbk_status dbk_stream_try_schema(dbk_stream *s, dbk_schema **out, bool *would_block,
                                              dbk_error *err);

/* The operation of a read that does not block: the next batch (or the end), or only the schema, on this
 * lane of the stream's runtime; decoding happens there. One reader at a time, as above; cancelled, it has
 * taken nothing. take: once, after the end; *schema is borrowed from the stream. */
DBK_MUST_USE dbk_status dbk_stream_read_new(dbk_stream *s, dbk_lane *lane, bool schema_only,
                                            dbk_op **out, dbk_error *err);
dbk_batch *dbk_stream_read_take(dbk_op *op, dbk_schema **schema);
/* Before its start: it reads as dbk_stream_try_place does. take_placed: once, after the end; false: there is
 * a batch, or the end of the rows. */
void dbk_stream_read_in_place(dbk_op *op);
bool dbk_stream_read_take_placed(dbk_op *op, dbk_placed *out);

/* First value of column `name` of the first batch when the result has one row and the column is an
 * integer: the row count of DML. False otherwise; takes nothing out of the stream and does not wait:
 * looks at an inline result only. */
bool dbk_stream_peek_i64(dbk_stream *s, const char *name, int64_t *out);

/* Told of every change a reader may wait for; under the stream's lock, on any thread. */
typedef struct dbk_stream_watcher {
    void (*changed)(struct dbk_stream_watcher *w);
} dbk_stream_watcher;
/* NULL: nobody any more; after the call it does not run. */
void dbk_stream_observe(dbk_stream *s, dbk_stream_watcher *observer);
/* The same, beside it, for whoever shows progress. */
void dbk_stream_follow(dbk_stream *s, dbk_stream_watcher *follower);

/* What telemetry tells of a result. Times are the control lane's; -1: not known. */
typedef struct dbk_stream_story {
    int64_t ready_at_ms;                   /* the first rows were here */
    int64_t first_read_at_ms, ended_at_ms; /* asked for rows; told that there are no more */
    int64_t chunks_iterated;               /* rows of it were handed out, or it was passed */
    int64_t first_chunk_ms, slowest_chunk_ms,
        chunks_ms; /* downloads, without pauses and decoding */
    int64_t failed_chunk;
    dbk_status failed; /* why reading ended; DBK_OK also when it was closed */
    char sqlstate[6];
} dbk_stream_story;
void dbk_stream_tell(dbk_stream *s, dbk_stream_story *out); /* any thread */
/* Called once, on the reading thread and without a lock, when rows have ended or failed. Whoever reads must
 * keep ctx alive; before the first read. */
void dbk_stream_on_end(dbk_stream *s, void (*ended)(void *ctx), void *ctx);

typedef struct dbk_stream_snapshot {
    int64_t chunks_total; /* -1: not known */
    int64_t rows_total;   /* -1: not known */
    uint32_t chunks_done;
    uint64_t rows; /* decoded */
    uint64_t bytes_wire;
    uint64_t bytes_arrow;
    uint64_t peak_bytes;
    uint64_t link_refreshes;
    uint64_t chunk_retries;
    bool external; /* rows come from cloud storage */
} dbk_stream_snapshot;
void dbk_stream_measure(dbk_stream *s, dbk_stream_snapshot *out); /* any thread */

#endif
