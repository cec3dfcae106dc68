/* Bytes as they arrive to batches: LZ4 frames and message framing.
 *
 * The decoded stream is written front to back into a block, messages with everything, and parsed
 * where it lies. When the block is full, the message that has begun moves to the front of a new one;
 * whole messages never move. So an input whose size is known in advance is written once. Bodies are
 * aligned as the stream aligns them, to 8 bytes: placing each at 64 would take liblz4's way through
 * its own buffer and a second copy of everything. */
#include "arrow/ipc_read.h"

#include <inttypes.h>
#include <string.h>

#define FIRST_BLOCK   ((size_t)64 << 10)
#define STEP_BLOCK    ((size_t)4 << 20) /* blocks for input of unknown size grow up to this */
#define TRUSTED_BYTES ((size_t)8 << 10) /* received before the declared size is believed */
#define END_ROOM      64
#define CONTINUATION  0xFFFFFFFFu

typedef enum unpack_state {
    UNPACK_PREFIX,   /* length of the next metadata */
    UNPACK_METADATA, /* the metadata itself */
    UNPACK_BODY,
    UNPACK_END /* the end-of-stream marker was seen: all that follows is ignored */
} unpack_state;

struct dbk_unpack {
    dbk_unpack_options options;
    dbk_lz4 *lz4; /* NULL: the input is not compressed */
    dbk_ipc_reader reader;
    dbk_block *block;      /* NULL: none yet */
    size_t retired_bytes;  /* charge of the blocks before it */
    size_t received_bytes; /* as fed */
    size_t decoded_bytes;

    unpack_state state;
    size_t front;    /* left free at the beginning of the block */
    bool batch_seen; /* in the block */
    size_t start;    /* of the current message in the block */
    size_t position; /* of the same byte in the decoded stream, for messages */
    size_t prefix_size;
    size_t metadata_size;
    size_t body_size;
    uint64_t message_number;

    bool failed;
    size_t queue_first, queue_count, queue_cap;
    dbk_batch **queue; /* decoded, not popped: queue[queue_first .. queue_count) */
};

dbk_status dbk_unpack_new(const dbk_unpack_options *options, dbk_unpack **out, dbk_error *err) {
    dbk_unpack *u = dbk_alloc_zero(sizeof *u);
    if (u == NULL) {
        return dbk_error_oom(err, "making an Arrow decoder");
    }
    u->options = *options;
    u->reader.owner = options->owner;
    u->reader.max_bytes = options->max_bytes;
    if (options->lz4) {
        dbk_status st = dbk_lz4_new(&u->lz4, err);
        if (st != DBK_OK) {
            dbk_free(u);
            return st;
        }
    }
    *out = u;
    return DBK_OK;
}

void dbk_unpack_free(dbk_unpack *u) {
    if (u == NULL) {
        return;
    }
    for (size_t i = u->queue_first; i < u->queue_count; i++) {
        dbk_batch_unref(u->queue[i]);
    }
    dbk_free(u->queue);
    dbk_ipc_reader_reset(&u->reader);
    dbk_block_unref(u->block);
    dbk_lz4_free(u->lz4);
    dbk_free(u);
}

dbk_batch *dbk_unpack_pop(dbk_unpack *u) {
    if (u->queue_first == u->queue_count) {
        return NULL;
    }
    dbk_batch *b = u->queue[u->queue_first++];
    if (u->queue_first == u->queue_count) {
        u->queue_first = u->queue_count = 0;
    }
    return b;
}

dbk_schema *dbk_unpack_schema(const dbk_unpack *u) {
    return u->reader.schema;
}

size_t dbk_unpack_block_bytes(const dbk_unpack *u) {
    return u->retired_bytes + u->reader.block_bytes +
           (u->block != NULL ? dbk_block_charge(u->block) : 0);
}

/* ---- blocks ---- */

/* What the next block should hold behind the `carry` bytes of the message that has begun: all that
 * is still expected once enough has been received to believe in it, else as much again as there is.
 * So memory stays within a small factor of the bytes that have really arrived (`incoming` ones
 * included), or the declared size, which the caller capped. END_ROOM keeps a block of exactly the
 * declared size from looking full when the last LZ4 block has been decoded. */
static size_t next_block_size(const dbk_unpack *u, size_t carry, size_t incoming) {
    size_t expected = u->options.expected_bytes;
    size_t rest = expected > u->decoded_bytes ? expected - u->decoded_bytes : 0;
    if (rest > 0 && (u->received_bytes >= TRUSTED_BYTES || rest <= FIRST_BLOCK)) {
        return carry + dbk_max_size(rest, incoming) + END_ROOM;
    }
    size_t step = dbk_max_size(carry, dbk_min_size(u->decoded_bytes, STEP_BLOCK));
    return carry + dbk_max_size(dbk_max_size(step, incoming), FIRST_BLOCK);
}

static dbk_status new_block(dbk_unpack *u, size_t incoming, dbk_error *err) {
    dbk_block *b = NULL;
    size_t carry = u->block != NULL ? dbk_block_used(u->block) - u->start : 0;
    size_t wanted = next_block_size(u, carry, incoming);
    dbk_status st = dbk_block_new(wanted, u->options.owner, &b, err);
    if (st != DBK_OK) {
        return st;
    }
    u->front = dbk_block_room(b) >= wanted + DBK_BLOCK_FRONT ? DBK_BLOCK_FRONT : 0;
    dbk_block_advance(b, u->front);
    u->batch_seen = false;
    if (carry > 0) {
        dbk_block_append(b, dbk_block_data(u->block) + u->start, carry);
    }
    if (u->block != NULL) {
        u->retired_bytes += dbk_block_charge(u->block);
        dbk_block_unref(u->block);
    }
    u->block = b;
    u->start = u->front;
    return DBK_OK;
}

/* A block with room. */
static dbk_status need_block(dbk_unpack *u, size_t incoming, dbk_error *err) {
    if (u->block != NULL) {
        /* An untouched block may have been chosen before the declared size was believed. */
        bool too_small = dbk_block_used(u->block) == u->front &&
                         next_block_size(u, 0, incoming) > dbk_block_charge(u->block);
        if (dbk_block_room(u->block) > 0 && !too_small) {
            return DBK_OK;
        }
    }
    return new_block(u, incoming, err);
}

/* ---- messages ---- */

static dbk_status not_arrow(const dbk_unpack *u, const uint8_t *p, size_t n, dbk_error *err) {
    char text[DBK_BYTES_TEXT_SIZE];
    dbk_bytes_text(p, n, text);
    if (u->message_number == 0) {
        return dbk_error_set(err, DBK_DATA_LOSS, "this is no Arrow IPC stream: it begins with %s",
                             text);
    }
    return dbk_error_set(err, DBK_DATA_LOSS,
                         "no Arrow message begins at byte %zu of the stream: %s", u->position,
                         text);
}

/* Current framing: FF FF FF FF, length, metadata, body. Before 0.15: length, metadata, body. Length
 * 0 ends the stream. Gives false while bytes are missing. */
static bool read_prefix(dbk_unpack *u, const uint8_t *p, size_t have, dbk_status *st,
                        dbk_error *err) {
    if (have < 4) {
        return false;
    }
    uint32_t size = dbk_load_u32(p);
    u->prefix_size = 4;
    if (size == CONTINUATION) {
        if (have < 8) {
            return false;
        }
        size = dbk_load_u32(p + 4);
        u->prefix_size = 8;
    }
    if (size == 0) {
        u->state = UNPACK_END;
        return true;
    }
    if (size > DBK_IPC_METADATA_MAX || size < 8) {
        *st = not_arrow(u, p, u->prefix_size, err);
        return false;
    }
    u->metadata_size = size;
    u->state = UNPACK_METADATA;
    return true;
}

static dbk_status parse_metadata(const dbk_unpack *u, const uint8_t *p, dbk_ipc_message *out,
                                 dbk_error *err) {
    return dbk_ipc_read_message(dbk_slice_n(p + u->prefix_size, u->metadata_size), out, err);
}

/* The metadata is there: refuse what cannot work before its body arrives. */
static bool read_metadata(dbk_unpack *u, const uint8_t *p, size_t have, dbk_status *st,
                          dbk_error *err) {
    dbk_ipc_message m;
    size_t max = u->options.max_bytes;
    if (have - u->prefix_size < u->metadata_size) {
        return false;
    }
    *st = parse_metadata(u, p, &m, err);
    if (*st == DBK_OK && max != 0 && m.body_size > max) {
        *st = dbk_error_set(err, DBK_DATA_LOSS,
                            "the body is declared with %zu bytes, the limit of the stream is %zu",
                            m.body_size, max);
    }
    if (*st == DBK_OK && u->reader.schema == NULL && m.kind != DBK_IPC_SCHEMA) {
        *st = dbk_error_set(err, DBK_DATA_LOSS, "the Arrow stream does not begin with a schema");
    }
    if (*st != DBK_OK) {
        return false;
    }
    u->body_size = m.body_size;
    u->state = UNPACK_BODY;
    return true;
}

static dbk_status queue_batch(dbk_unpack *u, dbk_batch *takes, dbk_error *err) {
    if (!dbk_array_grow(&u->queue, u->queue_count, &u->queue_cap)) {
        dbk_batch_unref(takes);
        return dbk_error_oom(err, "queueing an Arrow batch");
    }
    u->queue[u->queue_count++] = takes;
    return DBK_OK;
}

/* A batch whose bytes are all where they came can be handed on as they are. */
static void note_message(dbk_unpack *u, dbk_batch *b) {
    bool there = b->block_count == 1 && b->blocks[0] == u->block && u->prefix_size == 8 &&
                 u->reader.dictionary_count == 0;
    b->message.start = u->start;
    b->message.size = there ? u->prefix_size + u->metadata_size + u->body_size : 0;
    b->message.first = !u->batch_seen;
    u->batch_seen = true;
}

static dbk_status take_message(dbk_unpack *u, const uint8_t *p, dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_ipc_message m;
    dbk_batch *batch = NULL;
    const uint8_t *body = p + u->prefix_size + u->metadata_size;
    DBK_TRY(parse_metadata(u, p, &m, err));
    switch (m.kind) {
    case DBK_IPC_SCHEMA:
        DBK_TRY(dbk_ipc_reader_schema(&u->reader, &m, err));
        break;
    case DBK_IPC_DICTIONARY:
        DBK_TRY(dbk_ipc_reader_dictionary(&u->reader, &m, u->block, body, err));
        break;
    case DBK_IPC_BATCH:
        DBK_TRY(dbk_ipc_reader_batch(&u->reader, &m, u->block, body, &batch, err));
        note_message(u, batch);
        DBK_TRY(queue_batch(u, batch, err));
        break;
    }

done:
    return st;
}

/* The whole message is there. */
static bool read_body(dbk_unpack *u, const uint8_t *p, size_t have, dbk_status *st,
                      dbk_error *err) {
    size_t head = u->prefix_size + u->metadata_size;
    if (have - head < u->body_size) {
        return false;
    }
    *st = take_message(u, p, err);
    if (*st != DBK_OK) {
        return false;
    }
    u->start += head + u->body_size;
    u->position += head + u->body_size;
    u->message_number++;
    u->state = UNPACK_PREFIX;
    return true;
}

/* Takes every message that is complete in the block. */
static dbk_status parse(dbk_unpack *u, dbk_error *err) {
    dbk_status st = DBK_OK;
    bool more = true;
    while (more) {
        const uint8_t *p = dbk_block_data(u->block) + u->start;
        size_t have = dbk_block_used(u->block) - u->start;
        switch (u->state) {
        case UNPACK_PREFIX:
            more = read_prefix(u, p, have, &st, err);
            break;
        case UNPACK_METADATA:
            more = read_metadata(u, p, have, &st, err);
            break;
        case UNPACK_BODY:
            more = read_body(u, p, have, &st, err);
            break;
        case UNPACK_END:
            more = false;
            break;
        }
    }
    if (st != DBK_OK && u->state != UNPACK_PREFIX) {
        return dbk_error_wrap(err, "Arrow message %" PRIu64 " (byte %zu of the stream)",
                              u->message_number + 1, u->position);
    }
    return st;
}

/* ---- feeding ---- */

static dbk_status count_decoded(dbk_unpack *u, size_t n, dbk_error *err) {
    size_t max = u->options.max_bytes;
    u->decoded_bytes += n;
    u->reader.decoded_bytes += n;
    if (max != 0 && u->decoded_bytes > max) {
        return dbk_error_set(err, DBK_DATA_LOSS,
                             "the decoded Arrow stream is longer than its limit of %zu bytes", max);
    }
    return DBK_OK;
}

/* n bytes were written to the block's tail, or elsewhere. */
static dbk_status written(dbk_unpack *u, const uint8_t *elsewhere, size_t n, dbk_error *err) {
    dbk_status st = count_decoded(u, n, err);
    if (st != DBK_OK || n == 0 || u->state == UNPACK_END) {
        return st; /* behind the end-of-stream marker the tail is written again and again */
    }
    if (elsewhere != NULL) {
        dbk_block_append(u->block, elsewhere, n);
    } else {
        dbk_block_advance(u->block, n);
    }
    return parse(u, err);
}

static dbk_status feed_plain(dbk_unpack *u, dbk_slice in, dbk_error *err) {
    dbk_status st = DBK_OK;
    while (in.len > 0 && u->state != UNPACK_END) {
        DBK_TRY(need_block(u, in.len, err));
        size_t n = dbk_min_size(in.len, dbk_block_room(u->block));
        DBK_TRY(written(u, (const uint8_t *)in.ptr, n, err));
        in.ptr += n;
        in.len -= n;
    }

done:
    return st;
}

static dbk_status feed_lz4(dbk_unpack *u, dbk_slice in, dbk_error *err) {
    dbk_status st = DBK_OK;
    bool more = false;
    DBK_TRY(dbk_lz4_gather(u->lz4, &in, err)); /* no block before there is something to write */
    more = in.len > 0;
    while (more && !(u->state == UNPACK_END && dbk_lz4_between_frames(u->lz4))) {
        DBK_TRY(need_block(u, in.len, err));
        uint8_t *stage = dbk_block_copies(u->block) ? dbk_lz4_stage(u->lz4) : NULL;
        dbk_lz4_out out = {stage, dbk_min_size(DBK_LZ4_STAGE, dbk_block_room(u->block)), 0};
        if (stage == NULL) {
            out.dst = dbk_block_tail(u->block, &out.room);
        }
        DBK_TRY(dbk_lz4_decode(u->lz4, &in, &out, err));
        DBK_TRY(written(u, stage, out.produced, err));
        more = in.len > 0 || out.produced == out.room; /* full: there may be more to come */
    }

done:
    return st;
}

dbk_status dbk_unpack_feed(dbk_unpack *u, dbk_slice in, dbk_error *err) {
    if (u->failed) {
        return dbk_error_set(err, DBK_INTERNAL, "this Arrow decoder has failed before");
    }
    u->received_bytes += in.len;
    dbk_status st = u->lz4 != NULL ? feed_lz4(u, in, err) : feed_plain(u, in, err);
    u->failed = st != DBK_OK;
    return st;
}

dbk_status dbk_unpack_finish(dbk_unpack *u, dbk_error *err) {
    dbk_status st = DBK_OK;
    size_t have = u->block != NULL ? dbk_block_used(u->block) - u->start : 0;
    if (u->failed) {
        return dbk_error_set(err, DBK_INTERNAL, "this Arrow decoder has failed before");
    }
    if (u->lz4 != NULL) {
        DBK_TRY(dbk_lz4_finish(u->lz4, err));
    }
    if (u->state != UNPACK_END && have > 0) {
        st = dbk_error_set(err, DBK_DATA_LOSS,
                           "the input ends inside Arrow message %" PRIu64
                           ", which began at byte %zu: %zu bytes of it arrived",
                           u->message_number + 1, u->position, have);
        goto done;
    }
    if (u->reader.schema == NULL) {
        st = dbk_error_set(err, DBK_DATA_LOSS, "the input of %zu bytes holds no Arrow schema",
                           u->received_bytes);
    }

done:
    return st;
}
