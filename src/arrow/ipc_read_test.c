#include "arrow/ipc_read.h"

#include <stdio.h>

#include "arrow/golden_test.h"
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
