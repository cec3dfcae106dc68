/* arrow/json_scan.h: reads JSON value by value, as the type of a column asks for it.
 *
 * What:    no document is built: numbers stay texts, so that decimals and big integers keep every
 *          digit; strings without escapes are slices of the text.
 * Threads: one thread at a time. Owner: borrows the text; scratch belongs to the scan. */
#ifndef DBK_ARROW_JSON_SCAN_H
#define DBK_ARROW_JSON_SCAN_H

#include "base/base.h"

#define DBK_JSON_SCAN_DEPTH 64 /* nesting of values that are skipped */

typedef struct dbk_json_scan {
    const char *at;
    const char *end;
    dbk_buf scratch; /* the last unescaped string */
} dbk_json_scan;

typedef enum dbk_json_kind {
    DBK_JSON_KIND_NULL,
    DBK_JSON_KIND_TRUE,
    DBK_JSON_KIND_FALSE,
    DBK_JSON_KIND_NUMBER,
    DBK_JSON_KIND_STRING,
    DBK_JSON_KIND_ARRAY,
    DBK_JSON_KIND_OBJECT,
    DBK_JSON_KIND_BAD /* the end, or no JSON */
} dbk_json_kind;

static inline dbk_json_scan dbk_json_scan_of(dbk_slice text) {
    const char *start = text.len > 0 ? text.ptr : "";
    return (dbk_json_scan){start, start + text.len, {0}};
}
void dbk_json_scan_reset(dbk_json_scan *s); /* frees the scratch */

dbk_json_kind dbk_json_scan_peek(dbk_json_scan *s); /* of the next value; skips blanks */
bool dbk_json_scan_take(dbk_json_scan *s, char c);  /* blanks, then c */
bool dbk_json_scan_ended(dbk_json_scan *s);         /* only blanks are left */

/* DataLoss: not JSON. The answer lives until the next string of this scan. */
DBK_MUST_USE dbk_status dbk_json_scan_string(dbk_json_scan *s, dbk_slice *out, dbk_error *err);
/* The text of the next value whatever it is, checked to be JSON and passed over. */
DBK_MUST_USE dbk_status dbk_json_scan_raw(dbk_json_scan *s, dbk_slice *out, dbk_error *err);
/* DataLoss "not JSON". */
dbk_status dbk_json_scan_bad(const dbk_json_scan *s, dbk_error *err);

#endif
