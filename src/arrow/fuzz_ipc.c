/* Target: dbk_unpack (framing, flatbuffers, schemas, batches, dictionaries, buffer compression),
 * dbk_*_export, dbk_ipc_write_*, dbk_batch_slice. The first byte says how to feed the rest.
 *
 * Properties: any split gives the same answer and the same values; every value can be read; what
 * was read can be exported, written and read back; all block memory comes back and stays within a
 * small factor of the limit given. */
#include "arrow/exercise_test.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 3) {
        return 0;
    }
    bool lz4 = (data[0] & 1) != 0;
    size_t expected = (data[0] & 2) != 0 ? size : 0;
    dbk_slice in = dbk_slice_n(data + 3, size - 3);
    size_t at = in.len == 0 ? 0 : (data[1] + 256u * data[2]) % (in.len + 1);
    exercise whole = exercise_stream(in, lz4, 0, expected);
    exercise split = exercise_stream(in, lz4, at, 0);
    dbk_error none = {0};
    /* liblz4 tells of the same fault at different bytes when it is fed in different pieces: what was read
     * before it may be more or less. */
    exercise_need(whole.st == split.st && (lz4 || strcmp(whole.error, split.error) == 0),
                  "any split gives the same answer", &none);
    size_t both = dbk_min_size(whole.text.len, split.text.len);
    bool same_end = whole.text.len == split.text.len || (lz4 && whole.st != DBK_OK);
    exercise_need(same_end && (both == 0 || memcmp(whole.text.ptr, split.text.ptr, both) == 0),
                  "any split gives the same values", &none);
    dbk_buf_reset(&whole.text);
    dbk_buf_reset(&split.text);
    return 0;
}
