/* Retry-After, HTTP dates and RFC 3339 instants from a server: dbk_retry_after_parse,
 * dbk_parse_http_date, dbk_parse_rfc3339. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "net/retry.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool cond) {
    if (!cond) {
        abort();
    }
}

static void check_retry_after(dbk_slice s) {
    char text[256];
    size_t n = dbk_min_size(s.len, sizeof text - 1);
    memcpy(text, s.ptr, n);
    text[n] = '\0';
    uint64_t first = 7;
    uint64_t second = 7;
    uint64_t later = 7;
    bool ok = dbk_retry_after_parse(text, 1000000000, &first);
    must(dbk_retry_after_parse(text, 1000000000, &second) == ok && first == second);
    must(ok || first == 7); /* untouched when refused */
    must(dbk_retry_after_parse(text, 2000000000, &later) == ok);
    must(later <= first); /* seconds do not depend on the clock, a date comes nearer */
}

/* The decision stays within the policy, whatever the server says. */
static void check_decision(dbk_slice s) {
    dbk_http_response r = {.outcome = DBK_HTTP_ANSWERED, .request_sent = true, .status = 503};
    r.date_unix_s = s.len % 2 == 0 ? -1 : 1000000000;
    size_t n = dbk_min_size(s.len, sizeof r.retry_after - 1);
    memcpy(r.retry_after, s.ptr, n);
    dbk_retry_input in = {.policy = &dbk_retry_default, .response = &r, .attempts_made = 1};
    uint64_t wait = 0;
    must(dbk_retry_decide(&in, &wait));
    must(wait >= 1050 && wait <= 75000);
}

static void check_dates(dbk_slice s) {
    int64_t a = 7;
    int64_t b = 7;
    bool ok = dbk_parse_http_date(s, &a);
    must(dbk_parse_http_date(s, &b) == ok && a == b);
    must(ok || a == 7);
    must(!ok || (a >= -62167219200 - 86400 && a <= 253402300800 + 86400)); /* years 0 to 9999 */
    a = b = 7;
    ok = dbk_parse_rfc3339(s, &a);
    must(dbk_parse_rfc3339(s, &b) == ok && a == b);
    must(ok || a == 7);
    must(!ok || (a / 1000 >= -62167219200 - 86400 && a / 1000 <= 253402300800 + 86400));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    dbk_slice s = dbk_slice_n(data, size);
    if (size == 0) {
        s.ptr = "";
    }
    check_retry_after(s);
    check_decision(s);
    check_dates(s);
    return 0;
}
