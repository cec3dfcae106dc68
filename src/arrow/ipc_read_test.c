#include "arrow/ipc_read.h"

#include <lz4frame.h>

#include "arrow/block.h"
#include "arrow/golden_test.h"
#include "arrow/pages.h"
#include "arrow/walk_test.h"
#include "unit.h"

static void check_golden(const char *name, size_t piece, size_t expected_bytes) {
    dbk_error err = {0};
    dbk_buf in = golden_read(name);
    dbk_buf want = golden_text(name);
    dbk_buf got = {0};
    decoded d = {0};
    const char *want_text = NULL;
    dbk_unpack_options options = {.lz4 = golden_is_lz4(name), .expected_bytes = expected_bytes};
    CHECK_CASE(name);
    CHECK_OK(decode(dbk_buf_slice(&in), &options, piece, &d, &err), &err);
    decoded_walk(&d, &got);
    CHECK_OK(dbk_buf_cstr(&want, &want_text, &err), &err);
    CHECK_SLICE(got, want_text);
    decoded_reset(&d);
    dbk_buf_reset(&in);
    dbk_buf_reset(&want);
    dbk_buf_reset(&got);
}

DBK_TEST(ipc_read_golden_whole) {
    for (size_t i = 0; golden_names[i] != NULL; i++) {
        check_golden(golden_names[i], 0, 0);
    }
}

DBK_TEST(ipc_read_golden_in_pieces) {
    static const size_t pieces[] = {1, 2, 3, 7, 64, 1000};
    for (size_t i = 0; golden_names[i] != NULL; i++) {
        for (size_t p = 0; p < COUNT_OF(pieces); p++) {
            check_golden(golden_names[i], pieces[p], p % 2 == 0 ? 0 : 500);
        }
    }
}

/* Split in two at every byte, with right, wrong and no declared sizes. */
static void check_splits(const char *name) {
    dbk_error err = {0};
    dbk_buf in = golden_read(name);
    dbk_buf want = golden_text(name);
    CHECK_CASE(name);
    for (size_t at = 1; at < in.len; at++) {
        dbk_buf got = {0};
        dbk_unpack *u = NULL;
        dbk_batch *b = NULL;
        dbk_unpack_options options = {.lz4 = golden_is_lz4(name),
                                      .expected_bytes = at % 3 * in.len};
        CHECK_OK(dbk_unpack_new(&options, &u, &err), &err);
        CHECK_OK(dbk_unpack_feed(u, dbk_slice_n(in.ptr, at), &err), &err);
        CHECK_OK(dbk_unpack_feed(u, dbk_slice_n(in.ptr + at, in.len - at), &err), &err);
        CHECK_OK(dbk_unpack_finish(u, &err), &err);
        while ((b = dbk_unpack_pop(u)) != NULL) {
            walk_batch(b, &got);
            dbk_batch_unref(b);
        }
        CHECK_EQ_SIZE(got.len, want.len);
        CHECK(want.len == 0 || memcmp(got.ptr, want.ptr, want.len) == 0);
        dbk_unpack_free(u);
        dbk_buf_reset(&got);
    }
    dbk_buf_reset(&in);
    dbk_buf_reset(&want);
}

DBK_TEST(ipc_read_every_split) {
    for (size_t i = 0; golden_names[i] != NULL; i++) {
        check_splits(golden_names[i]);
    }
}

/* ---- ends and padding ---- */

static void check_ints(dbk_slice in, bool lz4, size_t piece) {
    dbk_error err = {0};
    decoded d = {0};
    dbk_buf want = golden_text("ints.arrow");
    dbk_buf got = {0};
    dbk_unpack_options options = {.lz4 = lz4, .expected_bytes = 1400};
    CHECK_OK(decode(in, &options, piece, &d, &err), &err);
    decoded_walk(&d, &got);
    CHECK_EQ_SIZE(got.len, want.len);
    CHECK_MEM(got.ptr, want.ptr, want.len);
    decoded_reset(&d);
    dbk_buf_reset(&want);
    dbk_buf_reset(&got);
}

DBK_TEST(ipc_read_without_an_end_marker) {
    dbk_buf in = golden_read("ints.arrow");
    check_ints(dbk_slice_n(in.ptr, in.len - 8), false, 0);
    dbk_buf_reset(&in);
}

/* What follows the end marker is nobody's business: padding, or another stream. */
DBK_TEST(ipc_read_ignores_what_follows_the_end) {
    dbk_error err = {0};
    dbk_buf in = golden_read("ints.arrow");
    dbk_buf frame = {0};
    char junk[300];
    memset(junk, 'x', sizeof junk);
    for (size_t i = 0; i < 1000; i++) {
        CHECK_OK(dbk_buf_append(&in, junk, sizeof junk, &err), &err);
    }
    check_ints(dbk_buf_slice(&in), false, 0);
    check_ints(dbk_buf_slice(&in), false, 100);
    CHECK_OK(dbk_buf_reserve(&frame, LZ4F_compressFrameBound(in.len, NULL) + 10, &err), &err);
    frame.len = LZ4F_compressFrame(frame.ptr, frame.cap, in.ptr, in.len, NULL);
    CHECK_OK(dbk_buf_puts(&frame, "no frame", &err), &err);
    check_ints(dbk_buf_slice(&frame), true, 0);
    check_ints(dbk_buf_slice(&frame), true, 10);
    dbk_buf_reset(&frame);
    dbk_buf_reset(&in);
}

/* A writer that pads metadata to 4 bytes only: bodies are off by 4, their buffers are copied. */
DBK_TEST(ipc_read_realigns_buffers) {
    dbk_error err = {0};
    for (size_t g = 0; golden_names[g] != NULL; g++) {
        dbk_buf in = golden_read(golden_names[g]);
        dbk_buf want = golden_text(golden_names[g]);
        dbk_buf odd = {0};
        dbk_buf got = {0};
        decoded d = {0};
        dbk_unpack_options options = {0};
        CHECK_CASE(golden_names[g]);
        if (golden_is_lz4(golden_names[g]) || (uint8_t)in.ptr[3] != 0xff) { /* legacy framing */
            dbk_buf_reset(&in);
            dbk_buf_reset(&want);
            continue;
        }
        uint32_t size = dbk_load_u32((const uint8_t *)in.ptr + 4); /* of the schema's metadata */
        CHECK_OK(dbk_buf_append(&odd, in.ptr, 8 + size, &err), &err);
        CHECK_OK(dbk_buf_append(&odd, "\0\0\0", 4, &err), &err);
        CHECK_OK(dbk_buf_append(&odd, in.ptr + 8 + size, in.len - 8 - size, &err), &err);
        odd.ptr[4] = (char)(uint8_t)(size + 4);
        odd.ptr[5] = (char)(uint8_t)((size + 4) >> 8);
        CHECK_OK(decode(dbk_buf_slice(&odd), &options, 0, &d, &err), &err);
        decoded_walk(&d, &got); /* stops at misaligned buffers */
        CHECK_EQ_SIZE(got.len, want.len);
        CHECK(want.len == 0 || memcmp(got.ptr, want.ptr, want.len) == 0);
        decoded_reset(&d);
        dbk_buf_reset(&in);
        dbk_buf_reset(&want);
        dbk_buf_reset(&odd);
        dbk_buf_reset(&got);
    }
}

/* ---- large streams ---- */

#define LARGE_ROWS    250000
#define LARGE_BATCHES 4

/* Four batches of 2 MB: int64 numbers that compress, but not too well. */
static dbk_buf large_stream(void) {
    dbk_error err = {0};
    dbk_buf out = {0};
    dbk_schema *s = NULL;
    dbk_batch *b = NULL;
    int64_t *values = dbk_alloc_array(LARGE_ROWS, sizeof *values);
    CHECK(values != NULL);
    for (int64_t i = 0; i < LARGE_ROWS; i++) {
        values[i] = i * i % 100003;
    }
    CHECK_OK(dbk_schema_new(1, &s, &err), &err);
    s->columns[0] = (dbk_field){.name = DBK_SLICE("n"), .type = DBK_TYPE_INT64};
    CHECK_OK(dbk_batch_new(s, LARGE_ROWS, &b, &err), &err);
    CHECK_OK(dbk_array_add_buffers(b, &b->columns[0], 2, &err), &err);
    b->columns[0].length = LARGE_ROWS;
    b->columns[0].buffers[1] = (dbk_buffer){(const uint8_t *)values, LARGE_ROWS * sizeof *values};
    CHECK_OK(dbk_ipc_write_schema(s, &out, &err), &err);
    for (size_t i = 0; i < LARGE_BATCHES; i++) {
        CHECK_OK(dbk_ipc_write_batch(b, &out, &err), &err);
    }
    CHECK_OK(dbk_ipc_write_end(&out, &err), &err);
    dbk_batch_unref(b);
    dbk_schema_unref(s);
    dbk_free(values);
    return out;
}

/* Feeds pieces of random sizes; gives the number of blocks that the batches lie in. */
static size_t check_large(dbk_slice in, const dbk_unpack_options *options, uint32_t seed) {
    dbk_error err = {0};
    dbk_unpack *u = NULL;
    dbk_batch *batches[LARGE_BATCHES];
    size_t count = 0;
    size_t blocks = 0;
    CHECK_OK(dbk_unpack_new(options, &u, &err), &err);
    while (in.len > 0) {
        seed = seed * 1103515245u + 12345u;
        size_t n = dbk_min_size(in.len, (size_t)1 << ((seed >> 16) % 20));
        CHECK_OK(dbk_unpack_feed(u, dbk_slice_n(in.ptr, n), &err), &err);
        in.ptr += n;
        in.len -= n;
        dbk_batch *b = NULL;
        while ((b = dbk_unpack_pop(u)) != NULL) {
            CHECK(count < LARGE_BATCHES);
            batches[count++] = b;
        }
    }
    CHECK_OK(dbk_unpack_finish(u, &err), &err);
    dbk_unpack_free(u);
    CHECK_EQ_SIZE(count, LARGE_BATCHES);
    for (size_t i = 0; i < count; i++) {
        const uint8_t *p = batches[i]->columns[0].buffers[1].data;
        CHECK_EQ_I64(batches[i]->row_count, LARGE_ROWS);
        for (int64_t row = 0; row < LARGE_ROWS; row++) {
            if (dbk_load_i64(p + row * 8) != row * row % 100003) {
                CHECK_EQ_I64(row, -1);
            }
        }
        CHECK_EQ_SIZE(batches[i]->block_count, 1);
        blocks += i == 0 || batches[i]->blocks[0] != batches[i - 1]->blocks[0];
    }
    for (size_t i = 0; i < count; i++) {
        dbk_batch_unref(batches[i]);
    }
    return blocks;
}

static void check_large_streams(void) {
    static const LZ4F_frameInfo_t frames[] = {
        {.blockSizeID = LZ4F_max4MB, .blockMode = LZ4F_blockIndependent},
        {.blockSizeID = LZ4F_max64KB, .blockMode = LZ4F_blockLinked},
        {.blockSizeID = LZ4F_max1MB, .contentChecksumFlag = LZ4F_contentChecksumEnabled}};
    dbk_error err = {0};
    dbk_buf in = large_stream();
    for (uint32_t seed = 1; seed <= 3; seed++) {
        dbk_unpack_options options = {.expected_bytes = in.len};
        CHECK_EQ_SIZE(check_large(dbk_buf_slice(&in), &options, seed), 1);
        options.expected_bytes = 0;
        (void)check_large(dbk_buf_slice(&in), &options, seed);
        options.expected_bytes = in.len / 3;
        (void)check_large(dbk_buf_slice(&in), &options, seed);
    }
    for (size_t f = 0; f < COUNT_OF(frames); f++) {
        LZ4F_preferences_t prefs = {.frameInfo = frames[f]};
        dbk_buf frame = {0};
        CHECK_OK(dbk_buf_reserve(&frame, LZ4F_compressFrameBound(in.len, &prefs), &err), &err);
        frame.len = LZ4F_compressFrame(frame.ptr, frame.cap, in.ptr, in.len, &prefs);
        CHECK(!LZ4F_isError(frame.len));
        dbk_unpack_options options = {.lz4 = true, .expected_bytes = in.len};
        CHECK_EQ_SIZE(check_large(dbk_buf_slice(&frame), &options, 5), 1);
        options.expected_bytes = 0;
        (void)check_large(dbk_buf_slice(&frame), &options, 6);
        options.expected_bytes = in.len / 2;
        (void)check_large(dbk_buf_slice(&frame), &options, 7);
        dbk_buf_reset(&frame);
    }
    dbk_buf_reset(&in);
    dbk_block_pool_trim();
}

DBK_TEST(ipc_read_large) {
    check_large_streams();
}

/* Decoded elsewhere, and appended to blocks whose pages come with their content. */
DBK_TEST(ipc_read_large_for_a_reader_that_keeps_all) {
    dbk_error err = {0};
    dbk_block *kept = NULL;
    CHECK_OK(dbk_block_new(DBK_BLOCK_POOL_BYTES, (dbk_block_owner){0}, &kept, &err), &err);
    dbk_pages_begin(-1000000000);
    check_large_streams();
    dbk_block_unref(kept);
    dbk_block_pool_trim();
    dbk_pages_begin(0);
}
