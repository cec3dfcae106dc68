#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Growing copies and wipes: option values and parameters pass through here, and some are secrets. */
static bool room(text *t, size_t more) {
    if (t->failed || more > SIZE_MAX / 4 - t->len) {
        t->failed = true;
        return false;
    }
    if (t->len + more + 1 <= t->cap) {
        return true;
    }
    size_t cap = t->cap < 64 ? 64 : t->cap;
    while (cap < t->len + more + 1) {
        cap *= 2;
    }
    char *larger = malloc(cap);
    if (larger == NULL) {
        t->failed = true;
        return false;
    }
    if (t->ptr != NULL) {
        memcpy(larger, t->ptr, t->len + 1);
    }
    larger[t->len] = '\0';
    size_t len = t->len;
    text_reset(t);
    *t = (text){larger, len, cap, false};
    return true;
}

void text_reset(text *t) {
    if (t->ptr != NULL) {
        explicit_bzero(t->ptr, t->cap);
    }
    free(t->ptr);
    *t = (text){0};
}

void text_clear(text *t) {
    t->len = 0;
    if (t->ptr != NULL) {
        t->ptr[0] = '\0';
    }
}

void text_add_n(text *t, const char *s, size_t len) {
    if (room(t, len)) {
        if (len > 0) {
            memcpy(t->ptr + t->len, s, len);
        }
        t->len += len;
        t->ptr[t->len] = '\0';
    }
}

void text_add(text *t, const char *s) {
    text_add_n(t, s, strlen(s));
}

void text_vaddf(text *t, const char *fmt, va_list args) {
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, fmt, args);
    if (len < 0) {
        t->failed = true;
    } else if (room(t, (size_t)len)) {
        (void)vsnprintf(t->ptr + t->len, (size_t)len + 1, fmt, again);
        t->len += (size_t)len;
    }
    va_end(again);
}

void text_addf(text *t, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    text_vaddf(t, fmt, args);
    va_end(args);
}

void text_add_identifier(text *t, const char *name) {
    text_add_n(t, "`", 1);
    for (; *name != '\0'; name++) {
        text_add_n(t, name, 1);
        if (*name == '`') {
            text_add_n(t, "`", 1);
        }
    }
    text_add_n(t, "`", 1);
}

void text_add_literal(text *t, const char *value) {
    text_add_n(t, "'", 1);
    for (; *value != '\0'; value++) {
        if (*value == '\'' || *value == '\\') {
            text_add_n(t, "\\", 1);
        }
        text_add_n(t, value, 1);
    }
    text_add_n(t, "'", 1);
}

const char *text_str(const text *t) {
    return t->ptr != NULL ? t->ptr : "";
}

char *text_copy(const char *s, size_t len) {
    char *copy = malloc(len + 1);
    if (copy != NULL) {
        if (len > 0) {
            memcpy(copy, s, len);
        }
        copy[len] = '\0';
    }
    return copy;
}

/* ---- whatever the locale ---- */

bool is_blank(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

char ascii_lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

bool is_letter(char c) {
    return ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z';
}

bool is_word(char c) {
    return is_letter(c) || (c >= '0' && c <= '9') || c == '_';
}

bool ascii_same_n(const char *a, const char *b, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (ascii_lower(a[i]) != ascii_lower(b[i])) {
            return false;
        }
        if (a[i] == '\0') {
            break;
        }
    }
    return true;
}

bool ascii_same(const char *a, const char *b) {
    return ascii_same_n(a, b, strlen(a) + 1);
}

/* The C locale is a static object of the C library: this cannot fail, and costs no memory. */
c_locale c_locale_enter(void) {
    locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    return (c_locale){uselocale(c), c};
}

void c_locale_leave(c_locale l) {
    (void)uselocale(l.before);
    if (l.c != (locale_t)0) {
        freelocale(l.c);
    }
}

/* ---- options ---- */

static void wipe(char *value) {
    if (value != NULL) {
        explicit_bzero(value, strlen(value));
        free(value);
    }
}

static option *find(const options *o, const char *key) {
    for (size_t i = 0; i < o->count; i++) {
        if (strcmp(o->items[i].key, key) == 0) {
            return &o->items[i];
        }
    }
    return NULL;
}

const char *options_get(const options *o, const char *key) {
    const option *item = find(o, key);
    return item != NULL ? item->value : NULL;
}

static bool append(options *o, const char *key) {
    if (o->count == o->cap) {
        size_t cap = o->cap < 8 ? 8 : o->cap * 2;
        option *larger = realloc(o->items, cap * sizeof *larger);
        if (larger == NULL) {
            return false;
        }
        o->items = larger;
        o->cap = cap;
    }
    char *copy = strdup(key);
    if (copy == NULL) {
        return false;
    }
    o->items[o->count++] = (option){copy, NULL};
    return true;
}

bool options_put(options *o, const char *key, const char *value) {
    option *item = find(o, key);
    if (value == NULL) {
        if (item != NULL) {
            wipe(item->value);
            free(item->key);
            *item = o->items[--o->count];
        }
        return true;
    }
    char *copy = strdup(value);
    if (copy == NULL || (item == NULL && !append(o, key))) {
        wipe(copy);
        return false;
    }
    item = item != NULL ? item : &o->items[o->count - 1];
    wipe(item->value);
    item->value = copy;
    return true;
}

void options_reset(options *o) {
    for (size_t i = 0; i < o->count; i++) {
        wipe(o->items[i].value);
        free(o->items[i].key);
    }
    free(o->items);
    *o = (options){0};
}
