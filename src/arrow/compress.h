/* arrow/compress.h: decompressing single Arrow buffers (LZ4 frame, ZSTD). */
#ifndef DBK_ARROW_COMPRESS_H
#define DBK_ARROW_COMPRESS_H

#include "arrow/lz4.h"

typedef enum dbk_codec { DBK_CODEC_NONE = -1, DBK_CODEC_LZ4 = 0, DBK_CODEC_ZSTD = 1 } dbk_codec;

/* Contexts, made when first needed. {0} is empty. */
typedef struct dbk_decompressor {
    dbk_lz4 *lz4;
    struct ZSTD_DCtx_s *zstd;
} dbk_decompressor;

void dbk_decompressor_reset(dbk_decompressor *d);

/* Before memory is taken for `size` declared bytes: DataLoss when src cannot hold that much. An
 * unusually high ratio is believed only after decoding src once without keeping the result. */
DBK_MUST_USE dbk_status dbk_decompress_check(dbk_decompressor *d, dbk_codec codec, dbk_slice src,
                                             size_t size, dbk_error *err);
/* Fills exactly `size` (> 0) bytes; DataLoss when src holds more or less. */
DBK_MUST_USE dbk_status dbk_decompress(dbk_decompressor *d, dbk_codec codec, dbk_slice src,
                                       uint8_t *dst, size_t size, dbk_error *err);

#endif
