#include "arrow/compress.h"

#include <zstd.h>

#define PLAUSIBLE_RATIO 64 /* believed without a trial run */
#define PLAUSIBLE_BASE  ((size_t)64 << 10)
#define TRIAL_SIZE      ((size_t)64 << 10)

void dbk_decompressor_reset(dbk_decompressor *d) {
    dbk_lz4_free(d->lz4);
    (void)ZSTD_freeDCtx(d->zstd);
    *d = (dbk_decompressor){0};
}

static dbk_status wrong_size(const char *codec, size_t declared, const char *found,
                             dbk_error *err) {
    return dbk_error_set(err, DBK_DATA_LOSS,
                         "a %s-compressed buffer declares %zu bytes and holds %s", codec, declared,
                         found);
}

/* A fresh decoder: the one before may have failed in mid-frame. */
static dbk_status fresh_lz4(dbk_decompressor *d, dbk_error *err) {
    dbk_lz4_free(d->lz4);
    d->lz4 = NULL;
    return dbk_lz4_new(&d->lz4, err);
}

static dbk_status lz4_all(dbk_decompressor *d, dbk_slice src, uint8_t *dst, size_t size,
                          dbk_error *err) {
    dbk_status st = DBK_OK;
    size_t done = 0;
    DBK_TRY(fresh_lz4(d, err));
    while (src.len > 0 && done < size) {
        dbk_lz4_out out = {.dst = dst + done, .room = size - done};
        DBK_TRY(dbk_lz4_decode(d->lz4, &src, &out, err));
        done += out.produced;
    }
    if (src.len > 0) { /* the end mark of a full buffer, or too much data */
        uint8_t more[1];
        dbk_lz4_out out = {.dst = more, .room = sizeof more};
        DBK_TRY(dbk_lz4_decode(d->lz4, &src, &out, err));
        done += out.produced;
    }
    if (done > size || src.len > 0) {
        st = wrong_size("LZ4", size, "more", err);
        goto done;
    }
    DBK_TRY(dbk_lz4_finish(d->lz4, err));
    if (done < size) {
        st = wrong_size("LZ4", size, "fewer", err);
    }

done:
    return st;
}

static dbk_status need_zstd(dbk_decompressor *d, dbk_error *err) {
    if (d->zstd == NULL) {
        d->zstd = ZSTD_createDCtx(); /* its memory is libzstd's own, as with LZ4 */
    }
    return d->zstd != NULL ? DBK_OK : dbk_error_oom(err, "making a ZSTD decoder");
}

static dbk_status zstd_all(dbk_decompressor *d, dbk_slice src, uint8_t *dst, size_t size,
                           dbk_error *err) {
    dbk_status st = need_zstd(d, err);
    if (st != DBK_OK) {
        return st;
    }
    size_t n = ZSTD_decompressDCtx(d->zstd, dst, size, src.ptr, src.len);
    if (ZSTD_isError(n)) {
        return dbk_error_set(err, DBK_DATA_LOSS, "a ZSTD-compressed buffer is broken: %s",
                             ZSTD_getErrorName(n));
    }
    return n == size ? DBK_OK : wrong_size("ZSTD", size, "fewer", err);
}

dbk_status dbk_decompress(dbk_decompressor *d, dbk_codec codec, dbk_slice src, uint8_t *dst,
                          size_t size, dbk_error *err) {
    return codec == DBK_CODEC_LZ4 ? lz4_all(d, src, dst, size, err)
                                  : zstd_all(d, src, dst, size, err);
}

/* ---- trial runs ---- */

static dbk_status lz4_trial(dbk_decompressor *d, dbk_slice src, size_t size, uint8_t *scratch,
                            dbk_error *err) {
    dbk_status st = fresh_lz4(d, err);
    size_t done = 0;
    dbk_lz4_out out = {.dst = scratch, .room = TRIAL_SIZE};
    while (st == DBK_OK && done <= size && (src.len > 0 || out.produced == out.room)) {
        st = dbk_lz4_decode(d->lz4, &src, &out, err);
        done += out.produced;
    }
    return st == DBK_OK && done != size
               ? wrong_size("LZ4", size, done < size ? "fewer" : "more", err)
               : st;
}

static dbk_status zstd_trial(dbk_decompressor *d, dbk_slice src, size_t size, uint8_t *scratch,
                             dbk_error *err) {
    dbk_status st = need_zstd(d, err);
    if (st != DBK_OK) {
        return st;
    }
    (void)ZSTD_DCtx_reset(d->zstd, ZSTD_reset_session_only);
    ZSTD_inBuffer in = {src.ptr, src.len, 0};
    size_t done = 0;
    while (done <= size) {
        ZSTD_outBuffer out = {scratch, TRIAL_SIZE, 0};
        size_t left = ZSTD_decompressStream(d->zstd, &out, &in);
        done += out.pos;
        if (ZSTD_isError(left)) {
            return dbk_error_set(err, DBK_DATA_LOSS, "a ZSTD-compressed buffer is broken: %s",
                                 ZSTD_getErrorName(left));
        }
        if (left == 0 || out.pos < out.size) {
            break; /* the frame's end, or the input's */
        }
    }
    (void)ZSTD_DCtx_reset(d->zstd, ZSTD_reset_session_only);
    return done == size ? DBK_OK : wrong_size("ZSTD", size, done < size ? "fewer" : "more", err);
}

dbk_status dbk_decompress_check(dbk_decompressor *d, dbk_codec codec, dbk_slice src, size_t size,
                                dbk_error *err) {
    size_t plausible = 0;
    if (!dbk_mul_size(src.len, PLAUSIBLE_RATIO, &plausible) ||
        !dbk_add_size(plausible, PLAUSIBLE_BASE, &plausible) || size <= plausible) {
        return DBK_OK;
    }
    uint8_t *scratch = dbk_alloc(TRIAL_SIZE);
    if (scratch == NULL) {
        return dbk_error_oom(err, "checking a compressed buffer");
    }
    dbk_status st = codec == DBK_CODEC_LZ4 ? lz4_trial(d, src, size, scratch, err)
                                           : zstd_trial(d, src, size, scratch, err);
    dbk_free(scratch);
    return st;
}
