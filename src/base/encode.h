/* base/encode.h: base64, hex-free URL encoding and RFC 3339 / HTTP dates. */
#ifndef DBK_BASE_ENCODE_H
#define DBK_BASE_ENCODE_H

#include "base/buf.h"

/* Incremental base64 decoder (standard alphabet, padding at the end only): whole = any split. */
typedef struct dbk_base64 {
    uint32_t bits;
    uint8_t count; /* characters gathered of the current group of four */
    uint8_t padding;
} dbk_base64; /* {0} to start */

/* Appends what in decodes to; DataLoss on a character outside the alphabet. */
DBK_MUST_USE dbk_status dbk_base64_feed(dbk_base64 *d, dbk_slice in, dbk_buf *out, dbk_error *err);
DBK_MUST_USE dbk_status dbk_base64_end(const dbk_base64 *d, dbk_error *err); /* incomplete group */

/* Everything but A-Z a-z 0-9 - _ . ~ becomes %XX. */
DBK_MUST_USE dbk_status dbk_url_encode(dbk_slice in, dbk_buf *out, dbk_error *err);

/* "2026-11-21T10:00:00.5+02:00" to milliseconds since 1970 UTC; false when it is not RFC 3339. */
bool dbk_parse_rfc3339(dbk_slice s, int64_t *out_unix_ms);
/* "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 IMF-fixdate) to seconds since 1970; false otherwise. */
bool dbk_parse_http_date(dbk_slice s, int64_t *out_unix_s);
/* Microseconds since 1970 to "2026-11-21T00:17:24.425497Z"; years outside 0 to 9999 are cut to four
 * digits. Calls nothing that takes a lock, so that a forked child may log. */
#define DBK_UTC_US_SIZE 28
void dbk_format_utc_us(int64_t unix_us, char out[DBK_UTC_US_SIZE]);
/* Days since 1970-01-01 of a proleptic Gregorian date. */
int64_t dbk_days_from_civil(int64_t year, unsigned month, unsigned day);

#endif
