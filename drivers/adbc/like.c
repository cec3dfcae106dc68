#include "like.h"

#include <string.h>

/* One character of UTF-8. */
static const char *after(const char *name) {
    name++;
    while (((unsigned char)*name & 0xc0u) == 0x80u) {
        name++;
    }
    return name;
}

bool like_matches(const char *pattern, const char *name) {
    const char *star = NULL;
    const char *from = NULL; /* where the name goes on when the last '%' takes one more */
    if (pattern == NULL) {
        return true;
    }
    if (pattern[0] == '\0') {
        return false;
    }
    while (*name != '\0') {
        bool escaped = pattern[0] == '\\' && pattern[1] != '\0';
        char want = escaped ? pattern[1] : pattern[0];
        if (!escaped && want == '%') {
            star = ++pattern;
            from = name;
        } else if (!escaped && want == '_') {
            pattern++;
            name = after(name);
        } else if (want != '\0' && ascii_lower(want) == ascii_lower(*name)) {
            pattern += escaped ? 2 : 1;
            name++;
        } else if (star != NULL) {
            pattern = star;
            name = from = after(from);
        } else {
            return false;
        }
    }
    while (*pattern == '%') {
        pattern++;
    }
    return *pattern == '\0';
}

bool like_is_exact(const char *pattern) {
    for (const char *at = pattern; at != NULL && *at != '\0'; at++) {
        if (*at == '%' || *at == '_') {
            return false;
        }
        at += *at == '\\' && at[1] != '\0' ? 1 : 0;
    }
    return pattern != NULL;
}

void like_name(const char *pattern, text *out) {
    for (; *pattern != '\0'; pattern++) {
        pattern += *pattern == '\\' && pattern[1] != '\0' ? 1 : 0;
        text_add_n(out, pattern, 1);
    }
}
