#include "arrow/lz4.h"

#include <stdio.h>
#include <string.h>

#include <lz4frame.h>

#define IDLE_MAX   4 /* idle decoders; each keeps the two buffers of its last frame, up to 8 MiB */
#define HEAD_SIZE  8
#define HINT_EXTRA 8

struct dbk_lz4 {
    LZ4F_dctx *ctx; /* its memory is liblz4's own: the library has no stable allocator hook */
    bool in_frame;
    bool broken;       /* an error was found: what the context holds is not known */
    size_t missing;    /* of the current LZ4 block and the header behind it, by liblz4's hint */
    uint64_t consumed; /* compressed bytes */
    uint64_t frames;   /* finished */
    size_t head_len;
    uint8_t head[HEAD_SIZE]; /* the first bytes of the input, for messages */
    uint8_t *stage;          /* NULL: not needed yet */
    dbk_lz4 *next;           /* in the pool */
};

/* A decoder's input buffer is touched at every LZ4 block that arrives in pieces: keeping a few
 * decoders saves its page faults for every chunk. */
static struct {
    dbk_mutex lock;
    size_t count;
    dbk_lz4 *first;
} idle = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* As in block.c: a child of fork gets the list in one piece and unlocked. */
static void fork_lock(void) {
    dbk_mutex_lock(&idle.lock);
}

static void fork_unlock(void) {
    dbk_mutex_unlock(&idle.lock);
}

static void fork_prepare(void) {
    (void)pthread_atfork(fork_lock, fork_unlock, fork_unlock);
}

static pthread_once_t fork_once = PTHREAD_ONCE_INIT;

dbk_status dbk_lz4_new(dbk_lz4 **out, dbk_error *err) {
    (void)pthread_once(&fork_once, fork_prepare);
    dbk_mutex_lock(&idle.lock);
    dbk_lz4 *z = idle.first;
    if (z != NULL) {
        idle.first = z->next;
        idle.count--;
    }
    dbk_mutex_unlock(&idle.lock);
    if (z != NULL) {
        *z = (dbk_lz4){.ctx = z->ctx, .stage = z->stage};
        *out = z;
        return DBK_OK;
    }
    z = dbk_alloc_zero(sizeof *z);
    if (z == NULL || LZ4F_isError(LZ4F_createDecompressionContext(&z->ctx, LZ4F_VERSION))) {
        dbk_free(z);
        return dbk_error_oom(err, "making an LZ4 decoder");
    }
    *out = z;
    return DBK_OK;
}

static void lz4_destroy(dbk_lz4 *z) {
    (void)LZ4F_freeDecompressionContext(z->ctx);
    dbk_free(z->stage);
    dbk_free(z);
}

void dbk_lz4_free(dbk_lz4 *z) {
    if (z == NULL) {
        return;
    }
    /* A context that stopped inside a frame is not used again: up to liblz4 1.9.4 its reset forgets the
     * frame's declared size, and the next frame, which declares none, is refused at its end. */
    bool whole = !z->in_frame && !z->broken;
    dbk_mutex_lock(&idle.lock);
    bool keep = whole && idle.count < IDLE_MAX;
    if (keep) {
        z->next = idle.first;
        idle.first = z;
        idle.count++;
    }
    dbk_mutex_unlock(&idle.lock);
    if (!keep) {
        lz4_destroy(z);
    }
}

void dbk_lz4_pool_trim(void) {
    dbk_mutex_lock(&idle.lock);
    dbk_lz4 *z = idle.first;
    idle.first = NULL;
    idle.count = 0;
    dbk_mutex_unlock(&idle.lock);
    while (z != NULL) {
        dbk_lz4 *next = z->next;
        lz4_destroy(z);
        z = next;
    }
}

void dbk_bytes_text(const uint8_t *p, size_t n, char out[DBK_BYTES_TEXT_SIZE]) {
    size_t len = 0;
    n = dbk_min_size(n, HEAD_SIZE);
    for (size_t i = 0; i < n; i++) {
        len += (size_t)snprintf(out + len, DBK_BYTES_TEXT_SIZE - len, "%02X ", p[i]);
    }
    out[len++] = '"';
    for (size_t i = 0; i < n; i++) {
        out[len++] = p[i] >= 0x20 && p[i] < 0x7f ? (char)p[i] : '.';
    }
    out[len++] = '"';
    out[len] = '\0';
}

/* The first four bytes of the input: a frame, or one of the sixteen skippable kinds. */
static bool begins_with_frame(const dbk_lz4 *z) {
    static const uint8_t magic[] = {0x04, 0x22, 0x4d, 0x18};
    return memcmp(z->head, magic, 4) == 0 ||
           ((z->head[0] & 0xf0) == 0x50 && memcmp(z->head + 1, "\x2a\x4d\x18", 3) == 0);
}

static dbk_status no_frame(const dbk_lz4 *z, dbk_error *err) {
    char head[DBK_BYTES_TEXT_SIZE];
    dbk_bytes_text(z->head, z->head_len, head);
    return dbk_error_set(
        err, DBK_DATA_LOSS,
        "the result is declared LZ4-compressed but is no LZ4 frame: it begins with "
        "%s",
        head);
}

static dbk_status lz4_error(const dbk_lz4 *z, LZ4F_errorCode_t code, dbk_error *err) {
    const char *name = LZ4F_getErrorName(code);
    if (strcmp(name, "ERROR_allocation_failed") == 0) {
        return dbk_error_oom(err, "decoding an LZ4 frame");
    }
    return dbk_error_set(err, DBK_DATA_LOSS,
                         "LZ4 frame %llu is broken near compressed byte %llu: %s",
                         (unsigned long long)z->frames + 1, (unsigned long long)z->consumed, name);
}

/* One call of liblz4. *stuck: there is nothing more to do with this input and this room. */
static dbk_status step(dbk_lz4 *z, dbk_slice *in, dbk_lz4_out *out, bool *stuck, dbk_error *err) {
    LZ4F_decompressOptions_t options = {0}; /* stableDst stays off: blocks may move */
    uint8_t *dst = out->dst != NULL ? out->dst + out->produced : NULL;
    size_t dst_size = out->room - out->produced;
    size_t src_size = in->len;
    size_t left = LZ4F_decompress(z->ctx, dst, &dst_size, in->ptr, &src_size, &options);
    if (LZ4F_isError(left)) {
        z->broken = true;
        return lz4_error(z, left, err);
    }
    in->ptr += src_size;
    in->len -= src_size;
    z->consumed += src_size;
    z->missing = left;
    out->produced += dst_size;
    bool moved = src_size > 0 || dst_size > 0;
    if (moved) {
        z->in_frame = left != 0;
        z->frames += left == 0;
    }
    *stuck = in->len == 0 || left == 0 || !moved;
    return DBK_OK;
}

dbk_status dbk_lz4_decode(dbk_lz4 *z, dbk_slice *in, dbk_lz4_out *out, dbk_error *err) {
    dbk_status st = DBK_OK;
    bool stuck = false;
    out->produced = 0;
    if (z->head_len < HEAD_SIZE) {
        size_t n = dbk_min_size(HEAD_SIZE - z->head_len, in->len);
        if (n > 0) {
            memcpy(z->head + z->head_len, in->ptr, n);
            z->head_len += n;
        }
        if (z->head_len >= 4 && !begins_with_frame(z)) {
            return no_frame(z, err);
        }
    }
    while (st == DBK_OK && out->produced < out->room && !stuck) {
        st = step(z, in, out, &stuck, err);
    }
    return st;
}

/* The hint counts the next block's header and may count a checksum. Were it wrong, liblz4 would decode
 * into its own buffer and give that out later. A block that is not compressed is left alone: it needs
 * room from its first byte on. */
dbk_status dbk_lz4_gather(dbk_lz4 *z, dbk_slice *in, dbk_error *err) {
    dbk_lz4_out nowhere = {0};
    bool stuck = false;
    bool known = z->in_frame && z->head_len == HEAD_SIZE;
    if (!known || in->len + HINT_EXTRA >= z->missing) {
        return DBK_OK;
    }
    return step(z, in, &nowhere, &stuck, err);
}

uint8_t *dbk_lz4_stage(dbk_lz4 *z) {
    if (z->stage == NULL) {
        z->stage = dbk_alloc(DBK_LZ4_STAGE);
    }
    return z->stage;
}

bool dbk_lz4_between_frames(const dbk_lz4 *z) {
    return !z->in_frame;
}

dbk_status dbk_lz4_finish(const dbk_lz4 *z, dbk_error *err) {
    if (!z->in_frame) {
        return DBK_OK;
    }
    return dbk_error_set(err, DBK_DATA_LOSS,
                         "the input ends inside LZ4 frame %llu, after %llu compressed bytes",
                         (unsigned long long)z->frames + 1, (unsigned long long)z->consumed);
}
