/* base/text.h: borrowed text (slice), owned immutable text (str) and small text helpers. */
#ifndef DBK_BASE_TEXT_H
#define DBK_BASE_TEXT_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Borrowed bytes; may hold NUL; not terminated. ptr may be NULL when len is 0. */
typedef struct dbk_slice {
    const char *ptr;
    size_t len;
} dbk_slice;

static inline dbk_slice dbk_slice_of(const char *s) { /* NULL gives the empty slice */
    return (dbk_slice){s, s != NULL ? strlen(s) : 0};
}
static inline dbk_slice dbk_slice_n(const void *p, size_t n) {
    return (dbk_slice){(const char *)p, n};
}
#define DBK_SLICE(literal) ((dbk_slice){(literal), sizeof(literal) - 1})

bool dbk_slice_eq(dbk_slice a, dbk_slice b);
bool dbk_slice_eq_nocase(dbk_slice a, dbk_slice b); /* ASCII letters only */
bool dbk_slice_has_prefix(dbk_slice s, dbk_slice prefix);
bool dbk_slice_has_suffix(dbk_slice s, dbk_slice suffix);
dbk_slice dbk_slice_trim(dbk_slice s); /* blanks, tabs, CR, LF at both ends */
#define DBK_HASH_INIT UINT64_C(14695981039346656037)
uint64_t
dbk_slice_hash(dbk_slice s,
               uint64_t so_far); /* FNV-1a; so_far: DBK_HASH_INIT, or of what is before s */
/* Cuts s at the first `sep`: *head is before it, the rest stays in *s (true); false: no sep. */
bool dbk_slice_split(dbk_slice *s, char sep, dbk_slice *head);

/* Owned, NUL-terminated, immutable; {0} is "absent" (ptr NULL). */
typedef struct dbk_str {
    char *ptr;
    size_t len;
} dbk_str;

DBK_MUST_USE dbk_status dbk_str_set(dbk_str *s, dbk_slice value, dbk_error *err); /* replaces */
DBK_MUST_USE dbk_status dbk_str_setf(dbk_str *s, dbk_error *err, const char *fmt, ...)
    DBK_PRINTF(3, 4);
void dbk_str_reset(dbk_str *s);
void dbk_str_move(dbk_str *dst, dbk_str *src);
static inline dbk_slice dbk_str_slice(const dbk_str *s) {
    return (dbk_slice){s->ptr, s->len};
}
static inline const char *dbk_str_or(const dbk_str *s, const char *fallback) {
    return s->ptr != NULL ? s->ptr : fallback;
}

bool dbk_utf8_valid(dbk_slice s);
void dbk_utf8_trim(char *text); /* cuts an incomplete sequence off the end of a C string */

/* Decimal integers, the whole text, no blanks: false when it is anything else or overflows. */
bool dbk_parse_i64(dbk_slice s, int64_t *out); /* optional '-' */
bool dbk_parse_u64(dbk_slice s, uint64_t *out);

#endif
