#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/num.h"
#include "base/secret.h"

dbk_status dbk_buf_reserve(dbk_buf *b, size_t more, dbk_error *err) {
    size_t need = 0;
    if (!dbk_add_size(b->len, more, &need)) {
        return dbk_error_set(err, DBK_RESOURCE_EXHAUSTED, "a buffer cannot grow by %zu bytes",
                             more);
    }
    if (need <= b->cap) {
        return DBK_OK;
    }
    size_t cap = dbk_max_size(need, b->cap + b->cap / 2); /* cap is far from SIZE_MAX: allocated */
    char *grown = dbk_realloc(b->ptr, cap);
    if (grown == NULL) {
        return dbk_error_set(err, DBK_RESOURCE_EXHAUSTED, "out of memory: a buffer of %zu bytes",
                             cap);
    }
    b->ptr = grown;
    b->cap = cap;
    return DBK_OK;
}

dbk_status dbk_buf_append(dbk_buf *b, const void *p, size_t n, dbk_error *err) {
    dbk_status st = dbk_buf_reserve(b, n, err);
    if (st == DBK_OK && n > 0) {
        memcpy(b->ptr + b->len, p, n);
        b->len += n;
    }
    return st;
}

dbk_status dbk_buf_puts(dbk_buf *b, const char *s, dbk_error *err) {
    return dbk_buf_append(b, s, strlen(s), err);
}

dbk_status dbk_buf_put_slice(dbk_buf *b, dbk_slice s, dbk_error *err) {
    return dbk_buf_append(b, s.ptr, s.len, err);
}

dbk_status dbk_buf_putc(dbk_buf *b, char c, dbk_error *err) {
    return dbk_buf_append(b, &c, 1, err);
}

dbk_status dbk_buf_putf(dbk_buf *b, dbk_error *err, const char *fmt, ...) {
    va_list args;
    va_list again;
    va_start(args, fmt);
    va_copy(again, args);
    int need = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    dbk_status st = need < 0 ? dbk_error_set(err, DBK_INTERNAL, "bad format")
                             : dbk_buf_reserve(b, (size_t)need + 1, err);
    if (st == DBK_OK) {
        (void)vsnprintf(b->ptr + b->len, (size_t)need + 1, fmt, again);
        b->len += (size_t)need;
    }
    va_end(again);
    return st;
}

dbk_status dbk_buf_cstr(dbk_buf *b, const char **out, dbk_error *err) {
    dbk_status st = dbk_buf_reserve(b, 1, err);
    if (st == DBK_OK) {
        b->ptr[b->len] = '\0';
        *out = b->ptr;
    }
    return st;
}

dbk_buf dbk_buf_take(dbk_buf *b) {
    dbk_buf out = *b;
    *b = (dbk_buf){0};
    return out;
}

void dbk_buf_reset(dbk_buf *b) {
    dbk_free(b->ptr);
    *b = (dbk_buf){0};
}

void dbk_buf_wipe(dbk_buf *b) {
    if (b->ptr != NULL) {
        dbk_wipe(b->ptr, b->cap);
    }
    dbk_buf_reset(b);
}
