#include "text.h"

#include <stdio.h>
#include <string.h>

#define ELLIPSIS "\xe2\x80\xa6"

size_t cli_utf8_next(const char *s, size_t len, uint32_t *cp, bool *valid) {
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *u = (const unsigned char *)s;
    size_t need = 0;
    *valid = true;
    if (u[0] < 0x80) {
        *cp = u[0];
        return 1;
    }
    if (u[0] >= 0xc2 && u[0] <= 0xdf) {
        need = 2;
        *cp = u[0] & 0x1fu;
    } else if (u[0] >= 0xe0 && u[0] <= 0xef) {
        need = 3;
        *cp = u[0] & 0x0fu;
    } else if (u[0] >= 0xf0 && u[0] <= 0xf4) {
        need = 4;
        *cp = u[0] & 0x07u;
    }
    for (size_t i = 1; need != 0 && i < need; i++) {
        if (i >= len || (u[i] & 0xc0u) != 0x80) {
            need = 0;
        } else {
            *cp = *cp << 6 | (u[i] & 0x3fu);
        }
    }
    if (need == 0 || *cp < least[need] || *cp > 0x10ffff || (*cp >= 0xd800 && *cp <= 0xdfff)) {
        *cp = 0xfffd;
        *valid = false;
        return 1;
    }
    return need;
}

typedef struct range {
    uint32_t first, last;
} range;

/* Unicode 15: general categories Mn, Me, Cf and the Hangul medial vowels and finals, in the blocks
 * that occur in practice. Sorted. */
static const range zero_width[] = {
    {0x0300, 0x036f},   {0x0483, 0x0489},   {0x0591, 0x05bd},   {0x05bf, 0x05bf},
    {0x05c1, 0x05c2},   {0x05c4, 0x05c5},   {0x05c7, 0x05c7},   {0x0610, 0x061a},
    {0x064b, 0x065f},   {0x0670, 0x0670},   {0x06d6, 0x06dc},   {0x06df, 0x06e4},
    {0x06e7, 0x06e8},   {0x06ea, 0x06ed},   {0x0711, 0x0711},   {0x0730, 0x074a},
    {0x07a6, 0x07b0},   {0x07eb, 0x07f3},   {0x0816, 0x082d},   {0x0859, 0x085b},
    {0x0898, 0x08e1},   {0x08e3, 0x0902},   {0x093a, 0x093a},   {0x093c, 0x093c},
    {0x0941, 0x0948},   {0x094d, 0x094d},   {0x0951, 0x0957},   {0x0962, 0x0963},
    {0x0981, 0x0981},   {0x09bc, 0x09bc},   {0x09c1, 0x09c4},   {0x09cd, 0x09cd},
    {0x0a01, 0x0a02},   {0x0a3c, 0x0a3c},   {0x0a41, 0x0a51},   {0x0abc, 0x0abc},
    {0x0ac1, 0x0ac8},   {0x0acd, 0x0acd},   {0x0b3c, 0x0b3c},   {0x0b4d, 0x0b4d},
    {0x0bcd, 0x0bcd},   {0x0c4d, 0x0c4d},   {0x0ccd, 0x0ccd},   {0x0d4d, 0x0d4d},
    {0x0e31, 0x0e31},   {0x0e34, 0x0e3a},   {0x0e47, 0x0e4e},   {0x0eb1, 0x0eb1},
    {0x0eb4, 0x0ebc},   {0x0ec8, 0x0ece},   {0x0f18, 0x0f19},   {0x0f35, 0x0f39},
    {0x0f71, 0x0f7e},   {0x0f80, 0x0f84},   {0x0f86, 0x0fbc},   {0x102d, 0x1030},
    {0x1032, 0x1037},   {0x1039, 0x103a},   {0x1160, 0x11ff},   {0x135d, 0x135f},
    {0x17b4, 0x17b5},   {0x17b7, 0x17bd},   {0x17c6, 0x17c6},   {0x17c9, 0x17d3},
    {0x180b, 0x180f},   {0x1ab0, 0x1ace},   {0x1b00, 0x1b03},   {0x1b34, 0x1b34},
    {0x1dc0, 0x1dff},   {0x200b, 0x200d},   {0x2060, 0x2064},   {0x20d0, 0x20f0},
    {0x2de0, 0x2dff},   {0x302a, 0x302d},   {0x3099, 0x309a},   {0xa66f, 0xa672},
    {0xa674, 0xa67d},   {0xfb1e, 0xfb1e},   {0xfe00, 0xfe0f},   {0xfe20, 0xfe2f},
    {0xfeff, 0xfeff},   {0x1d167, 0x1d169}, {0x1f3fb, 0x1f3ff}, {0xe0020, 0xe007f},
    {0xe0100, 0xe01ef},
};

/* East Asian Width W and F, and emoji shown as pictures. Sorted. */
static const range double_width[] = {
    {0x1100, 0x115f},   {0x231a, 0x231b},   {0x2329, 0x232a},   {0x23e9, 0x23ec},
    {0x23f0, 0x23f0},   {0x23f3, 0x23f3},   {0x25fd, 0x25fe},   {0x2614, 0x2615},
    {0x2648, 0x2653},   {0x267f, 0x267f},   {0x2693, 0x2693},   {0x26a1, 0x26a1},
    {0x26aa, 0x26ab},   {0x26bd, 0x26be},   {0x26c4, 0x26c5},   {0x26ce, 0x26ce},
    {0x26d4, 0x26d4},   {0x26ea, 0x26ea},   {0x26f2, 0x26f3},   {0x26f5, 0x26f5},
    {0x26fa, 0x26fa},   {0x26fd, 0x26fd},   {0x2705, 0x2705},   {0x270a, 0x270b},
    {0x2728, 0x2728},   {0x274c, 0x274c},   {0x274e, 0x274e},   {0x2753, 0x2755},
    {0x2757, 0x2757},   {0x2795, 0x2797},   {0x27b0, 0x27b0},   {0x27bf, 0x27bf},
    {0x2b1b, 0x2b1c},   {0x2b50, 0x2b50},   {0x2b55, 0x2b55},   {0x2e80, 0x303e},
    {0x3041, 0x33ff},   {0x3400, 0x4dbf},   {0x4e00, 0xa4cf},   {0xa960, 0xa97f},
    {0xac00, 0xd7a3},   {0xf900, 0xfaff},   {0xfe10, 0xfe19},   {0xfe30, 0xfe6f},
    {0xff00, 0xff60},   {0xffe0, 0xffe6},   {0x16fe0, 0x18aff}, {0x1b000, 0x1b2ff},
    {0x1f004, 0x1f004}, {0x1f0cf, 0x1f0cf}, {0x1f18e, 0x1f18e}, {0x1f191, 0x1f19a},
    {0x1f200, 0x1f320}, {0x1f32d, 0x1f335}, {0x1f337, 0x1f37c}, {0x1f37e, 0x1f393},
    {0x1f3a0, 0x1f3ca}, {0x1f3cf, 0x1f3d3}, {0x1f3e0, 0x1f3f0}, {0x1f3f4, 0x1f3f4},
    {0x1f3f8, 0x1f43e}, {0x1f440, 0x1f440}, {0x1f442, 0x1f4fc}, {0x1f4ff, 0x1f53d},
    {0x1f54b, 0x1f54e}, {0x1f550, 0x1f567}, {0x1f57a, 0x1f57a}, {0x1f595, 0x1f596},
    {0x1f5a4, 0x1f5a4}, {0x1f5fb, 0x1f64f}, {0x1f680, 0x1f6c5}, {0x1f6cc, 0x1f6cc},
    {0x1f6d0, 0x1f6d2}, {0x1f6d5, 0x1f6d7}, {0x1f6dc, 0x1f6df}, {0x1f6eb, 0x1f6ec},
    {0x1f6f4, 0x1f6fc}, {0x1f7e0, 0x1f7eb}, {0x1f7f0, 0x1f7f0}, {0x1f90c, 0x1f93a},
    {0x1f93c, 0x1f945}, {0x1f947, 0x1f9ff}, {0x1fa70, 0x1faff}, {0x20000, 0x2fffd},
    {0x30000, 0x3fffd},
};

static bool in_ranges(const range *ranges, size_t count, uint32_t cp) {
    size_t low = 0;
    size_t high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (cp > ranges[middle].last) {
            low = middle + 1;
        } else if (cp < ranges[middle].first) {
            high = middle;
        } else {
            return true;
        }
    }
    return false;
}

/* Controls, and the characters that reorder what follows them: text could be made to lie. */
static bool must_escape(uint32_t cp) {
    return cp < 0x20 || (cp >= 0x7f && cp <= 0x9f) || cp == 0x061c || cp == 0x200e ||
           cp == 0x200f || (cp >= 0x2028 && cp <= 0x202e) || (cp >= 0x2066 && cp <= 0x2069);
}

int cli_char_width(uint32_t cp) {
    if (must_escape(cp)) {
        return -1;
    }
    if (cp < 0x0300) {
        return cp == 0x00ad ? 0 : 1;
    }
    if (in_ranges(zero_width, COUNT_OF(zero_width), cp)) {
        return 0;
    }
    return in_ranges(double_width, COUNT_OF(double_width), cp) ? 2 : 1;
}

/* Writes what stands for cp (at most 10 bytes) and returns its length, which is also its width. */
static size_t escape(uint32_t cp, char out[16]) {
    static const char letters[] = {['\a'] = 'a', ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n',
                                   ['\v'] = 'v', ['\f'] = 'f', ['\r'] = 'r'};
    int len = 0;
    if (cp < sizeof letters && letters[cp] != '\0') {
        len = snprintf(out, 16, "\\%c", letters[cp]);
    } else if (cp < 0x100) {
        len = snprintf(out, 16, "\\x%02x", (unsigned)cp);
    } else {
        len = snprintf(out, 16, "\\u%04x", (unsigned)cp);
    }
    return (size_t)len;
}

size_t cli_show(cli_buf *out, const char *s, size_t len, size_t max_width) {
    size_t start = out->len;
    size_t width = 0;
    size_t cut_at = start; /* length of out and its width when the ellipsis still fits behind */
    size_t cut_width = 0;
    for (size_t i = 0; i < len;) {
        uint32_t cp = (unsigned char)s[i];
        bool valid = true;
        size_t step = cp < 0x80 ? 1 : cli_utf8_next(s + i, len - i, &cp, &valid);
        int columns = cli_char_width(cp);
        char escaped[16];
        size_t shown_len = step;
        const char *shown = s + i;
        if (columns < 0) {
            shown_len = escape(cp, escaped);
            shown = escaped;
            columns = (int)shown_len;
        } else if (!valid) {
            shown = "\xef\xbf\xbd";
            shown_len = 3;
        }
        if (max_width != 0 && width + (size_t)columns > max_width) {
            out->len = cut_at;
            cli_buf_add_str(out, ELLIPSIS);
            return cut_width + 1;
        }
        cli_buf_add(out, shown, shown_len);
        width += (size_t)columns;
        if (width < max_width) {
            cut_at = out->len;
            cut_width = width;
        }
        i += step;
    }
    return width;
}
