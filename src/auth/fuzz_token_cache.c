/* Token caches: dbk_cache_decrypt for inputs that begin with a byte 0, or 1 with the salt of the JDBC driver's older
 * files (65,536 rounds each), dbk_cache_parse of the decrypted text for the others. Property: what is taken can be sent, and can be renewed. */
#include <stdint.h>
#include <stdlib.h>

#include "auth/cache.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool cond) {
    if (!cond) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    dbk_clock_manual clock;
    dbk_token t = {0};
    dbk_buf plain = {0};
    dbk_clock_manual_init(&clock, INT64_C(1800000000000));
    dbk_slice text = dbk_slice_n(data, size);
    if (size > 0 && data[0] <= 1) {
        dbk_slice salt = data[0] == 1 ? DBK_SLICE("DatabricksJdbcTokenCache") : (dbk_slice){0};
        bool ok = dbk_cache_decrypt(dbk_slice_n(data + 1, size - 1), DBK_SLICE("pp"), salt, &plain);
        text = ok ? dbk_buf_slice(&plain) : (dbk_slice){0};
    }
    if (dbk_cache_parse(text, &clock.clock, &t)) {
        must(dbk_token_text_valid(dbk_secret_slice(&t.access)) && t.refresh.len > 0 && t.ages);
        must(dbk_token_left_ms(&t, &clock.clock) >= 0);
    } else {
        must(t.access.ptr == NULL && t.refresh.ptr == NULL);
    }
    dbk_token_reset(&t);
    dbk_buf_wipe(&plain);
    return 0;
}
