/* Answers of token endpoints: dbk_grant_parse. Properties: what is taken can be sent as a header and has a
 * life; what is refused says so in one line without the token, and leaves the result alone. */
#include <stdint.h>
#include <stdlib.h>

#include "auth/grant.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool cond) {
    if (!cond) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    dbk_clock_manual clock;
    dbk_token t = {0};
    dbk_error err = {0};
    dbk_clock_manual_init(&clock, INT64_C(1800000000000));
    dbk_status st = dbk_grant_parse(dbk_slice_n(data, size), &clock.clock,
                                    dbk_clock_ms(&clock.clock), &t, &err);
    if (st == DBK_OK) {
        must(dbk_token_text_valid(dbk_secret_slice(&t.access)));
        must(t.ages && dbk_token_left_ms(&t, &clock.clock) >= 0);
        must(dbk_token_judge(&t, &clock.clock) != DBK_TOKEN_NONE);
    } else {
        must(st == DBK_DATA_LOSS && err.code == st && t.access.ptr == NULL && !t.ages);
        must(strchr(dbk_error_message(&err), '\n') == NULL);
    }
    dbk_token_reset(&t);
    dbk_error_reset(&err);
    return 0;
}
