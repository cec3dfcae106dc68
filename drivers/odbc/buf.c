#include "odbc.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static char *no_room(buf *b) { /* a failed buffer is empty: nobody reads len bytes of nothing */
    b->failed = true;
    b->len = 0;
    return NULL;
}

char *buf_room(buf *b, size_t len) {
    if (b->failed) {
        return NULL;
    }
    if (len >= SIZE_MAX / 2 - b->len) {
        return no_room(b);
    }
    size_t need = b->len + len + 1;
    if (need > b->cap) {
        size_t cap = b->cap + b->cap / 2;
        cap = cap < need ? need : cap;
        cap = cap < 64 ? 64 : cap;
        char *grown = realloc(b->ptr, cap);
        if (grown == NULL) {
            return no_room(b);
        }
        b->ptr = grown;
        b->cap = cap;
    }
    return b->ptr + b->len;
}

void buf_add(buf *b, const void *bytes, size_t len) {
    char *room = buf_room(b, len);
    if (room != NULL) {
        if (len > 0) {
            memcpy(room, bytes, len);
        }
        b->len += len;
        b->ptr[b->len] = '\0';
    }
}

void buf_add_text(buf *b, const char *s) {
    buf_add(b, s, strlen(s));
}

void buf_add_char(buf *b, char c) {
    buf_add(b, &c, 1);
}

void buf_printf(buf *b, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, fmt, args);
    char *room = len < 0 ? NULL : buf_room(b, (size_t)len);
    if (room != NULL) {
        (void)vsnprintf(room, (size_t)len + 1, fmt, again);
        b->len += (size_t)len;
    } else {
        (void)no_room(b);
    }
    va_end(again);
    va_end(args);
}

void buf_clear(buf *b) {
    b->len = 0;
    b->failed = false;
    if (b->ptr != NULL) {
        b->ptr[0] = '\0';
    }
}

void buf_free(buf *b) {
    free(b->ptr);
    *b = (buf){0};
}

void buf_wipe(buf *b) {
    if (b->ptr != NULL) {
        explicit_bzero(b->ptr, b->cap);
    }
    buf_free(b);
}

char *buf_take(buf *b) {
    char *taken = NULL;
    if (!b->failed && buf_room(b, 0) != NULL) {
        b->ptr[b->len] = '\0';
        taken = b->ptr;
        b->ptr = NULL;
    }
    buf_free(b);
    return taken;
}

const char *buf_text(buf *b) {
    return b->failed || b->ptr == NULL ? "" : b->ptr;
}

text text_of(const char *s) {
    return s == NULL ? (text){0} : (text){s, strlen(s)};
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

text text_trim(text t) {
    while (t.len > 0 && is_blank(t.ptr[0])) {
        t.ptr++;
        t.len--;
    }
    while (t.len > 0 && is_blank(t.ptr[t.len - 1])) {
        t.len--;
    }
    return t;
}

bool text_is(text t, const char *word) {
    return t.ptr != NULL && strlen(word) == t.len && strncasecmp(t.ptr, word, t.len) == 0;
}

char *text_copy(text t) {
    char *copy = t.ptr == NULL ? NULL : malloc(t.len + 1);
    if (copy != NULL) {
        memcpy(copy, t.ptr, t.len);
        copy[t.len] = '\0';
    }
    return copy;
}

void text_wipe(char *t) {
    if (t != NULL) {
        explicit_bzero(t, strlen(t));
        free(t);
    }
}
