#include "odbc.h"

#include <string.h>

enum { REPLACEMENT = 0xFFFD };

/* One character of UTF-8 at s (len > 0 bytes are there): *point and how many bytes it took. Malformed
 * bytes are taken one by one as U+FFFD. */
static size_t utf8_next(const unsigned char *s, size_t len, uint32_t *point) {
    unsigned char lead = s[0];
    if (lead < 0x80) {
        *point = lead;
        return 1;
    }
    size_t need = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    *point = REPLACEMENT;
    if (lead < 0xC2 || lead > 0xF4 || need > len) {
        return 1;
    }
    uint32_t p = lead & (0xFFU >> (need + 1));
    for (size_t i = 1; i < need; i++) {
        if ((s[i] & 0xC0) != 0x80) {
            return 1;
        }
        p = p << 6 | (s[i] & 0x3FU);
    }
    bool too_long = (need == 3 && p < 0x800) || (need == 4 && p < 0x10000);
    if (too_long || (p >= 0xD800 && p <= 0xDFFF) || p > 0x10FFFF) {
        return 1;
    }
    *point = p;
    return need;
}

static bool eight_ascii(const char *s) {
    uint64_t word;
    memcpy(&word, s, sizeof word);
    return (word & 0x8080808080808080U) == 0;
}

size_t wide_units(const char *s, size_t len, unsigned unit) {
    if (unit == 1) {
        return len;
    }
    size_t units = 0;
    for (size_t i = 0; i < len;) {
        if (len - i >= 8 && eight_ascii(s + i)) {
            units += 8;
            i += 8;
            continue;
        }
        uint32_t point;
        i += utf8_next((const unsigned char *)s + i, len - i, &point);
        units += unit == 2 && point > 0xFFFF ? 2 : 1;
    }
    return units;
}

size_t utf8_whole(const char *s, size_t len) {
    size_t back = 0; /* continuation bytes at the end */
    while (back < 3 && back < len && ((unsigned char)s[len - 1 - back] & 0xC0) == 0x80) {
        back++;
    }
    if (back == len) {
        return len;
    }
    unsigned char lead = (unsigned char)s[len - 1 - back];
    size_t need = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
    return need > back + 1 ? len - 1 - back : len;
}

/* 16 bits: the common case has a loop of its own that the compiler turns into vector code. */
static size_t write16(const char *s, size_t len, char *out, size_t cap) {
    size_t units = 0;
    for (size_t i = 0; i < len && units < cap;) {
        if (len - i >= 8 && cap - units >= 8 && eight_ascii(s + i)) {
            uint16_t ascii[8];
            for (size_t k = 0; k < 8; k++) {
                ascii[k] = (uint8_t)s[i + k];
            }
            memcpy(out + units * 2, ascii, sizeof ascii);
            units += 8;
            i += 8;
            continue;
        }
        uint32_t point;
        size_t took = utf8_next((const unsigned char *)s + i, len - i, &point);
        uint16_t pair[2] = {(uint16_t)point, 0};
        size_t need = 1;
        if (point > 0xFFFF) {
            pair[0] = (uint16_t)(0xD800 + ((point - 0x10000) >> 10));
            pair[1] = (uint16_t)(0xDC00 + ((point - 0x10000) & 0x3FF));
            need = 2;
        }
        if (cap - units < need) {
            break;
        }
        memcpy(out + units * 2, pair, need * 2);
        units += need;
        i += took;
    }
    return units;
}

static size_t write32(const char *s, size_t len, char *out, size_t cap) {
    size_t units = 0;
    for (size_t i = 0; i < len && units < cap;) {
        uint32_t point;
        i += utf8_next((const unsigned char *)s + i, len - i, &point);
        memcpy(out + units * 4, &point, sizeof point);
        units++;
    }
    return units;
}

size_t wide_write(const char *s, size_t len, unsigned unit, void *out, size_t cap) {
    if (unit == 2) {
        return write16(s, len, out, cap);
    }
    if (unit == 4) {
        return write32(s, len, out, cap);
    }
    size_t fits = len <= cap ? len : utf8_whole(s, cap);
    memcpy(out, s, fits);
    return fits;
}

static uint32_t unit_at(const void *w, size_t i, unsigned unit) {
    if (unit == 2) {
        uint16_t u;
        memcpy(&u, (const char *)w + i * 2, sizeof u);
        return u;
    }
    uint32_t u;
    memcpy(&u, (const char *)w + i * 4, sizeof u);
    return u;
}

static void add_point(buf *out, uint32_t p) {
    char bytes[4];
    size_t len = 1;
    if (p < 0x80) {
        bytes[0] = (char)p;
    } else if (p < 0x800) {
        bytes[0] = (char)(0xC0 | p >> 6);
        bytes[1] = (char)(0x80 | (p & 0x3F));
        len = 2;
    } else if (p < 0x10000) {
        bytes[0] = (char)(0xE0 | p >> 12);
        bytes[1] = (char)(0x80 | (p >> 6 & 0x3F));
        bytes[2] = (char)(0x80 | (p & 0x3F));
        len = 3;
    } else {
        bytes[0] = (char)(0xF0 | p >> 18);
        bytes[1] = (char)(0x80 | (p >> 12 & 0x3F));
        bytes[2] = (char)(0x80 | (p >> 6 & 0x3F));
        bytes[3] = (char)(0x80 | (p & 0x3F));
        len = 4;
    }
    buf_add(out, bytes, len);
}

void wide_to_utf8(const void *w, size_t units, unsigned unit, buf *out) {
    if (unit == 1) {
        buf_add(out, w, units);
        return;
    }
    if (buf_room(out, units) == NULL) { /* what ASCII needs; more is added as it comes */
        return;
    }
    for (size_t i = 0; i < units; i++) {
        uint32_t p = unit_at(w, i, unit);
        if (unit == 2 && p >= 0xD800 && p <= 0xDBFF && i + 1 < units) {
            uint32_t low = unit_at(w, i + 1, unit);
            if (low >= 0xDC00 && low <= 0xDFFF) {
                p = 0x10000 + ((p - 0xD800) << 10) + (low - 0xDC00);
                i++;
            }
        }
        add_point(out, (p >= 0xD800 && p <= 0xDFFF) || p > 0x10FFFF ? REPLACEMENT : p);
    }
}

size_t wide_length(const void *w, unsigned unit) {
    if (unit == 1) {
        return strlen(w);
    }
    size_t n = 0;
    while (unit_at(w, n, unit) != 0) {
        n++;
    }
    return n;
}
