/* Key files: dbk_jwt_key_new. The first byte chooses the algorithm. No passphrase is given: the rounds of an
 * encrypted key are the file's to choose, and the fuzzer would choose billions. Properties: a key that was
 * taken signs; a refusal is InvalidArgument and shows nothing of the file. */
#include <stdint.h>
#include <stdlib.h>

#include "auth/jwt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool cond) {
    if (!cond) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const names[] = {"RS256", "PS512", "ES256", "ES384"};
    dbk_jwt_key *key = NULL;
    dbk_error err = {0};
    dbk_buf out = {0};
    if (size == 0) {
        return 0;
    }
    dbk_slice name = dbk_slice_of(names[data[0] % 4]);
    dbk_status st =
        dbk_jwt_key_new(dbk_slice_n(data + 1, size - 1), (dbk_slice){0}, name, &key, &err);
    if (st == DBK_OK) {
        /* A key with nonsense for numbers may be read and cannot sign: an error, no more. */
        (void)!dbk_jwt_assert(key, DBK_SLICE("k"), DBK_SLICE("c"), DBK_SLICE("a"), 1, &out, &err);
    } else {
        must(st == DBK_INVALID_ARGUMENT && key == NULL && strlen(dbk_error_message(&err)) < 400);
    }
    dbk_jwt_key_free(key);
    dbk_buf_reset(&out);
    dbk_error_reset(&err);
    return 0;
}
