#include "module.h"

#include <stdio.h>

void text_put(text *t, const char *s, size_t len) {
    size_t need = t->len + len + 1;
    if (t->failed) {
        return;
    }
    if (need > t->cap) {
        size_t cap = need + need / 2;
        char *grown = realloc(t->ptr, cap);
        if (grown == NULL) {
            t->failed = true;
            return;
        }
        t->ptr = grown;
        t->cap = cap;
    }
    if (len > 0) {
        memcpy(t->ptr + t->len, s, len);
    }
    t->len += len;
    t->ptr[t->len] = '\0';
}

void text_puts(text *t, const char *s) {
    text_put(t, s, strlen(s));
}

void text_put_number(text *t, long long number) {
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%lld", number);
    text_put(t, digits, (size_t)len);
}

void text_put_json(text *t, const char *s, size_t len) {
    text_put(t, "\"", 1);
    for (size_t i = 0; i < len; i++) {
        char c = s[i];
        char escaped[8];
        if (c == '"' || c == '\\') {
            text_put(t, "\\", 1);
            text_put(t, &c, 1);
        } else if ((unsigned char)c < 0x20) {
            static const char shorts[] = "btn?fr"; /* 8 to 13 */
            if (c >= 8 && c <= 13 && c != 11) {
                (void)snprintf(escaped, sizeof escaped, "\\%c", shorts[c - 8]);
            } else {
                (void)snprintf(escaped, sizeof escaped, "\\u%04x", (unsigned)(unsigned char)c);
            }
            text_puts(t, escaped);
        } else {
            text_put(t, &c, 1);
        }
    }
    text_put(t, "\"", 1);
}

void text_reset(text *t) {
    free(t->ptr);
    *t = (text){0};
}
