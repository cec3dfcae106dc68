#include "arrow/scalar_text.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The shortest digits that read back as the value: value = 0.d1d2d3... * 10^point. */
typedef struct float_digits {
    char digits[20];
    int count;
    int point;
} float_digits;

static void strip_zeros(float_digits *d) {
    while (d->count > 1 && d->digits[d->count - 1] == '0') {
        d->count--;
    }
}

static void digits_from_u64(float_digits *d, uint64_t v, int exponent) {
    d->count = (int)dbk_text_write_u64(d->digits, v);
    d->point = d->count + exponent;
    strip_zeros(d);
}

/* ---- values from about 0.0001 to 3.6e16: exact integers ------------------------------------------- */

#define EXACT_MIN 0x1p-13
#define EXACT_MAX 0x1p55

/* The largest n with 10^n <= v, or one less when v is within rounding of a power of ten. */
static int decimal_exponent(double v, int exponent) {
    static const double powers[] = {1e-4, 1e-3, 1e-2, 1e-1, 1e0,  1e1, 1e2,  1e3,
                                    1e4,  1e5,  1e6,  1e7,  1e8,  1e9, 1e10, 1e11,
                                    1e12, 1e13, 1e14, 1e15, 1e16, 1e17};
    int n = ((exponent * 1233 + (16 << 12)) >> 12) - 16; /* 1233 / 4096 is log10(2) */
    return v >= powers[n + 1 + 4] ? n + 1 : n;
}

static dbk_u128 power_of_ten(int k) {
    dbk_u128 v = 1;
    for (; k > 0; k--) {
        v *= 10;
    }
    return v;
}

/* The value and the ends of the interval of texts that read back as it, times 10^k, with 18 digits. */
typedef struct float_interval {
    uint64_t value;
    uint64_t low;
    uint64_t high;
    bool low_reads_back; /* low itself is in the interval, not only what is above it */
} float_interval;

/* v = m * 2^e. Quarters of m make room for the ends; all products are below 2^127. */
static float_interval scale_interval(uint64_t m, int e, dbk_u128 scale) {
    int shift = 2 - e;
    bool even = m % 2 == 0;              /* readers round half to even */
    bool power = m == (uint64_t)1 << 52; /* the doubles below a power of two are twice as dense */
    dbk_u128 mask = ((dbk_u128)1 << shift) - 1;
    dbk_u128 value = (dbk_u128)(4 * m) * scale;
    dbk_u128 high = (dbk_u128)(4 * m + 2) * scale;
    dbk_u128 low = (dbk_u128)(4 * m - (power ? 1 : 2)) * scale;
    return (float_interval){
        .value = (uint64_t)(value >> shift),
        .high = (uint64_t)(high >> shift) - (!even && (high & mask) == 0 ? 1 : 0),
        .low = (uint64_t)(low >> shift),
        .low_reads_back = even && (low & mask) == 0,
    };
}

/* Drops digits as long as the interval holds a shorter number, as in Ryu; of the numbers of that
 * length the nearest, the upper one when two are equally near. */
static bool digits_exact(double v, float_digits *d) {
    if (v < EXACT_MIN || v >= EXACT_MAX) {
        return false;
    }
    uint64_t bits = 0;
    memcpy(&bits, &v, sizeof bits);
    int exponent = (int)(bits >> 52) - 1023;
    uint64_t m = (bits & (((uint64_t)1 << 52) - 1)) | (uint64_t)1 << 52;
    int k = 17 - decimal_exponent(v, exponent);
    float_interval i = scale_interval(m, exponent - 52, power_of_ten(k));
    uint64_t last = 0;
    int removed = 0;
    while (i.high / 10 > i.low / 10 || (i.low_reads_back && i.low % 10 == 0)) {
        i.low_reads_back = i.low_reads_back && i.low % 10 == 0;
        last = i.value % 10;
        i.value /= 10;
        i.low /= 10;
        i.high /= 10;
        removed++;
    }
    bool up = last >= 5 || (i.value == i.low && !i.low_reads_back);
    digits_from_u64(d, i.value + (up ? 1 : 0), removed - k);
    return true;
}

/* ---- all others: the C library ------------------------------------------------------------------ */

#define LONG_DIGITS 40 /* so many that rounding them again gives what rounding the value gives */

/* The first LONG_DIGITS digits of v, whatever the host's decimal point looks like. */
static void long_digits(double v, char digits[LONG_DIGITS], int *point) {
    char text[LONG_DIGITS + 32];
    int count = 0;
    int n = snprintf(text, sizeof text, "%.*e", LONG_DIGITS - 1, v);
    const char *e = n > 0 ? strchr(text, 'e') : NULL;
    memset(digits, '0', LONG_DIGITS);
    for (const char *c = text; e != NULL && c < e && count < LONG_DIGITS; c++) {
        if (*c >= '0' && *c <= '9') {
            digits[count++] = *c;
        }
    }
    *point = e != NULL ? (int)strtol(e + 1, NULL, 10) + 1 : 0;
}

static bool reads_back(double v, const float_digits *d) {
    char text[64];
    int n = snprintf(text, sizeof text, "%.*se%d", d->count, d->digits, d->point - d->count);
    return n > 0 && strtod(text, NULL) == v;
}

/* Adds one to the last digit; 999 becomes 1 with one more digit before the point. */
static void round_up(float_digits *d) {
    while (d->count > 0 && d->digits[d->count - 1] == '9') {
        d->count--;
    }
    if (d->count == 0) {
        d->digits[d->count++] = '1';
        d->point++;
        return;
    }
    d->digits[d->count - 1]++;
}

/* The first `count` digits, rounded half up. */
static void round_digits(const char digits[LONG_DIGITS], int point, int count, float_digits *d) {
    memcpy(d->digits, digits, (size_t)count);
    d->count = count;
    d->point = point;
    if (digits[count] >= '5') {
        round_up(d);
    }
}

static void digits_of_library(double v, float_digits *d) {
    char digits[LONG_DIGITS];
    int point = 0;
    long_digits(v, digits, &point);
    /* Normal doubles hold every text of 15 digits apart, so 15 find all shorter ones too. */
    for (int count = v < DBL_MIN ? 1 : 15; count <= 17; count++) {
        round_digits(digits, point, count, d);
        if (reads_back(v, d)) {
            break;
        }
        /* Above a power of two the doubles are twice as far apart as below: there the nearest text
         * may read back as another double while the next higher one does not. */
        if (count == 16 && digits[count] < '5') {
            round_up(d);
            if (reads_back(v, d)) {
                break;
            }
        }
    }
    strip_zeros(d);
}

static void shortest_digits(double v, float_digits *d) {
    if (!digits_exact(v, d)) {
        digits_of_library(v, d);
    }
}

/* ---- Java's two forms --------------------------------------------------------------------------- */

static size_t put(char *p, const char *text, size_t n) {
    memcpy(p, text, n);
    return n;
}

static size_t put_zeros(char *p, int n) {
    for (int i = 0; i < n; i++) {
        p[i] = '0';
    }
    return n > 0 ? (size_t)n : 0;
}

/* 0.001 to 9999999.9: digits around a point, at least one on each side. */
static size_t write_plain(char *p, const float_digits *d) {
    size_t n = 0;
    if (d->point <= 0) {
        n += put(p, "0.", 2);
        n += put_zeros(p + n, -d->point);
        return n + put(p + n, d->digits, (size_t)d->count);
    }
    int whole = d->point < d->count ? d->point : d->count;
    n += put(p, d->digits, (size_t)whole);
    n += put_zeros(p + n, d->point - whole);
    p[n++] = '.';
    if (whole == d->count) {
        p[n++] = '0';
        return n;
    }
    return n + put(p + n, d->digits + whole, (size_t)(d->count - whole));
}

static size_t write_scientific(char *p, const float_digits *d) {
    size_t n = 0;
    p[n++] = d->digits[0];
    p[n++] = '.';
    if (d->count == 1) {
        p[n++] = '0';
    } else {
        n += put(p + n, d->digits + 1, (size_t)d->count - 1);
    }
    p[n++] = 'E';
    return n + dbk_text_write_i64(p + n, d->point - 1);
}

size_t dbk_text_write_f64(char *p, double v) {
    if (isnan(v)) {
        return put(p, "NaN", 3);
    }
    size_t n = 0;
    if (signbit(v)) {
        p[n++] = '-';
        v = -v;
    }
    if (isinf(v)) {
        return n + put(p + n, "Infinity", 8);
    }
    if (v == 0) {
        return n + put(p + n, "0.0", 3);
    }
    float_digits d;
    shortest_digits(v, &d);
    bool plain = v >= 1e-3 && v < 1e7;
    return n + (plain ? write_plain(p + n, &d) : write_scientific(p + n, &d));
}
