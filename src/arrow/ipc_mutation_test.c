/* Golden streams with every byte changed and cut at every byte: never a crash, never a read outside,
 * and what is still accepted can be walked, exported and written. */
#include "arrow/exercise_test.h"
#include "arrow/golden_test.h"
#include "unit.h"

static void mutate(const char *name, uint8_t flip) {
    dbk_buf in = golden_read(name);
    CHECK_CASE(name);
    for (size_t i = 0; i < in.len; i++) {
        in.ptr[i] = (char)((uint8_t)in.ptr[i] ^ flip);
        exercise x =
            exercise_stream(dbk_buf_slice(&in), golden_is_lz4(name), i % 2 == 0 ? 0 : i, in.len);
        in.ptr[i] = (char)((uint8_t)in.ptr[i] ^ flip);
        dbk_buf_reset(&x.text);
    }
    dbk_buf_reset(&in);
}

DBK_TEST(ipc_mutation_ff) {
    for (size_t i = 0; golden_names[i] != NULL; i++) {
        mutate(golden_names[i], 0xff);
    }
}

DBK_TEST(ipc_mutation_01) {
    for (size_t i = 0; golden_names[i] != NULL; i++) {
        mutate(golden_names[i], 0x01);
    }
}

/* Small changes of offsets and lengths: the next alignment up or down. */
DBK_TEST(ipc_mutation_08) {
    for (size_t i = 0; golden_names[i] != NULL; i++) {
        mutate(golden_names[i], 0x08);
    }
}

DBK_TEST(ipc_mutation_cut) {
    for (size_t i = 0; golden_names[i] != NULL; i++) {
        dbk_buf in = golden_read(golden_names[i]);
        CHECK_CASE(golden_names[i]);
        for (size_t size = 0; size < in.len; size++) {
            exercise x =
                exercise_stream(dbk_slice_n(in.ptr, size), golden_is_lz4(golden_names[i]), 0, size);
            dbk_buf_reset(&x.text);
        }
        dbk_buf_reset(&in);
    }
}
