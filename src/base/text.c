#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/alloc.h"

static char lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool dbk_slice_eq(dbk_slice a, dbk_slice b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

uint64_t dbk_slice_hash(dbk_slice s, uint64_t so_far) {
    for (size_t i = 0; i < s.len; i++) {
        so_far = (so_far ^ (unsigned char)s.ptr[i]) * UINT64_C(1099511628211);
    }
    return so_far;
}

bool dbk_slice_eq_nocase(dbk_slice a, dbk_slice b) {
    if (a.len != b.len) {
        return false;
    }
    for (size_t i = 0; i < a.len; i++) {
        if (lower(a.ptr[i]) != lower(b.ptr[i])) {
            return false;
        }
    }
    return true;
}

bool dbk_slice_has_prefix(dbk_slice s, dbk_slice prefix) {
    return s.len >= prefix.len && dbk_slice_eq(dbk_slice_n(s.ptr, prefix.len), prefix);
}

bool dbk_slice_has_suffix(dbk_slice s, dbk_slice suffix) {
    if (suffix.len == 0 || s.len < suffix.len) {
        return suffix.len == 0;
    }
    return dbk_slice_eq(dbk_slice_n(s.ptr + (s.len - suffix.len), suffix.len), suffix);
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

dbk_slice dbk_slice_trim(dbk_slice s) {
    while (s.len > 0 && is_blank(s.ptr[0])) {
        s.ptr++;
        s.len--;
    }
    while (s.len > 0 && is_blank(s.ptr[s.len - 1])) {
        s.len--;
    }
    return s;
}

bool dbk_slice_split(dbk_slice *s, char sep, dbk_slice *head) {
    const char *at = s->len > 0 ? memchr(s->ptr, sep, s->len) : NULL;
    if (at == NULL) {
        return false;
    }
    size_t n = (size_t)(at - s->ptr);
    *head = dbk_slice_n(s->ptr, n);
    s->ptr += n + 1;
    s->len -= n + 1;
    return true;
}

dbk_status dbk_str_set(dbk_str *s, dbk_slice value, dbk_error *err) {
    char *copy = dbk_alloc(value.len + 1);
    if (copy == NULL) {
        return dbk_error_oom(err, "copying a text");
    }
    if (value.len > 0) {
        memcpy(copy, value.ptr, value.len);
    }
    copy[value.len] = '\0';
    dbk_free(s->ptr);
    s->ptr = copy;
    s->len = value.len;
    return DBK_OK;
}

dbk_status dbk_str_setf(dbk_str *s, dbk_error *err, const char *fmt, ...) {
    va_list args;
    va_list again;
    va_start(args, fmt);
    va_copy(again, args);
    int need = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    char *text = need < 0 ? NULL : dbk_alloc((size_t)need + 1);
    if (text != NULL) {
        (void)vsnprintf(text, (size_t)need + 1, fmt, again);
    }
    va_end(again);
    if (text == NULL) {
        return dbk_error_oom(err, "formatting a text");
    }
    dbk_free(s->ptr);
    s->ptr = text;
    s->len = (size_t)need;
    return DBK_OK;
}

void dbk_str_reset(dbk_str *s) {
    dbk_free(s->ptr);
    s->ptr = NULL;
    s->len = 0;
}

void dbk_str_move(dbk_str *dst, dbk_str *src) {
    if (dst == src) {
        return;
    }
    dbk_free(dst->ptr);
    *dst = *src;
    src->ptr = NULL;
    src->len = 0;
}

/* Length of the sequence that starts with `c`, 0 when c cannot start one. */
static size_t sequence_length(unsigned char c) {
    if (c < 0x80) {
        return 1;
    }
    if (c >= 0xC2 && c <= 0xDF) {
        return 2;
    }
    if (c >= 0xE0 && c <= 0xEF) {
        return 3;
    }
    return c >= 0xF0 && c <= 0xF4 ? 4 : 0;
}

/* The second byte's range is narrower after these first bytes (RFC 3629: overlong forms,
 * surrogates, beyond U+10FFFF). */
static bool second_ok(unsigned char first, unsigned char second) {
    switch (first) {
    case 0xE0:
        return second >= 0xA0 && second <= 0xBF;
    case 0xED:
        return second >= 0x80 && second <= 0x9F;
    case 0xF0:
        return second >= 0x90 && second <= 0xBF;
    case 0xF4:
        return second >= 0x80 && second <= 0x8F;
    default:
        return second >= 0x80 && second <= 0xBF;
    }
}

bool dbk_utf8_valid(dbk_slice s) {
    size_t i = 0;
    while (i < s.len) {
        unsigned char c = (unsigned char)s.ptr[i];
        size_t n = sequence_length(c);
        if (n == 0 || n > s.len - i) {
            return false;
        }
        if (n > 1 && !second_ok(c, (unsigned char)s.ptr[i + 1])) {
            return false;
        }
        for (size_t k = 2; k < n; k++) {
            if (((unsigned char)s.ptr[i + k] & 0xC0) != 0x80) {
                return false;
            }
        }
        i += n;
    }
    return true;
}

void dbk_utf8_trim(char *text) {
    size_t len = strlen(text);
    size_t start = len;
    while (start > 0 && len - start < 4 && ((unsigned char)text[start - 1] & 0xC0) == 0x80) {
        start--;
    }
    if (start == 0) {
        return;
    }
    size_t have = len - (start - 1);
    size_t want = sequence_length((unsigned char)text[start - 1]);
    if (want > have) {
        text[start - 1] = '\0';
    }
}

bool dbk_parse_u64(dbk_slice s, uint64_t *out) {
    uint64_t v = 0;
    if (s.len == 0) {
        return false;
    }
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9' || __builtin_mul_overflow(v, 10u, &v) ||
            __builtin_add_overflow(v, (uint64_t)(s.ptr[i] - '0'), &v)) {
            return false;
        }
    }
    *out = v;
    return true;
}

bool dbk_parse_i64(dbk_slice s, int64_t *out) {
    bool negative = s.len > 0 && s.ptr[0] == '-';
    uint64_t magnitude = 0;
    if (!dbk_parse_u64(negative ? dbk_slice_n(s.ptr + 1, s.len - 1) : s, &magnitude) ||
        magnitude > (uint64_t)INT64_MAX + (negative ? 1u : 0u)) {
        return false;
    }
    *out = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
    return true;
}
