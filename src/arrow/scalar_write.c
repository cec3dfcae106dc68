#include "arrow/scalar_text.h"

#include <string.h>

size_t dbk_text_write_u64(char *p, uint64_t v) {
    char digits[20];
    size_t n = 0;
    do {
        digits[n++] = (char)('0' + v % 10);
        v /= 10;
    } while (v > 0);
    for (size_t i = 0; i < n; i++) {
        p[i] = digits[n - 1 - i];
    }
    return n;
}

size_t dbk_text_write_i64(char *p, int64_t v) {
    if (v >= 0) {
        return dbk_text_write_u64(p, (uint64_t)v);
    }
    p[0] = '-';
    return 1 + dbk_text_write_u64(p + 1, 0 - (uint64_t)v);
}

/* Exactly n digits. */
static size_t write_padded(char *p, uint64_t v, size_t n) {
    for (size_t i = n; i > 0; i--) {
        p[i - 1] = (char)('0' + v % 10);
        v /= 10;
    }
    return n;
}

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

/* ---- decimals ------------------------------------------------------------------------------- */

#define LIMBS 8 /* of 32 bits */

/* The magnitude in limbs, lowest first; true: the value was negative. */
static bool load_magnitude(const uint8_t *value, size_t width, uint32_t *limbs) {
    bool negative = (value[width - 1] & 0x80) != 0;
    uint64_t carry = negative ? 1 : 0;
    for (size_t i = 0; i < LIMBS; i++) {
        uint32_t limb = 0;
        if (i * 4 < width) {
            const uint8_t *b = value + i * 4;
            limb =
                (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
            if (negative) {
                carry += (uint32_t)~limb;
                limb = (uint32_t)carry;
                carry >>= 32;
            }
        }
        limbs[i] = limb;
    }
    return negative;
}

/* Divides by 10^9 in place, gives the remainder; *top is the number of limbs that may be non-zero. */
static uint32_t divide_limbs(uint32_t *limbs, size_t *top) {
    uint64_t rest = 0;
    for (size_t i = *top; i > 0; i--) {
        uint64_t v = rest << 32 | limbs[i - 1];
        limbs[i - 1] = (uint32_t)(v / 1000000000);
        rest = v % 1000000000;
    }
    while (*top > 0 && limbs[*top - 1] == 0) {
        (*top)--;
    }
    return (uint32_t)rest;
}

/* The digits without leading zeros; zero gives no digit. 10^77 > 2^256, in groups of nine: 81. */
static size_t magnitude_digits(uint32_t *limbs, char *out) {
    char groups[81];
    size_t at = sizeof groups;
    size_t top = LIMBS;
    while (top > 0 && limbs[top - 1] == 0) {
        top--;
    }
    while (top > 0) {
        at -= 9;
        (void)write_padded(groups + at, divide_limbs(limbs, &top), 9);
    }
    while (at < sizeof groups && groups[at] == '0') {
        at++;
    }
    return put(out, groups + at, sizeof groups - at);
}

size_t dbk_text_write_decimal(char *p, const uint8_t *value, size_t width, int scale) {
    uint32_t limbs[LIMBS];
    char digits[81];
    size_t n = 0;
    bool negative = load_magnitude(value, width, limbs);
    size_t count = magnitude_digits(limbs, digits);
    if (negative) {
        p[n++] = '-';
    }
    if (count == 0 && scale <= 0) {
        p[n++] = '0';
        return n;
    }
    if (scale <= 0) {
        n += put(p + n, digits, count);
        return n + put_zeros(p + n, -scale);
    }
    size_t fraction = (size_t)scale;
    if (count > fraction) {
        n += put(p + n, digits, count - fraction);
        p[n++] = '.';
        return n + put(p + n, digits + count - fraction, fraction);
    }
    n += put(p + n, "0.", 2);
    n += put_zeros(p + n, (int)(fraction - count));
    return n + put(p + n, digits, count);
}

/* ---- dates, times, intervals ------------------------------------------------------------------ */

/* The largest q with q * divisor <= v; *rest is what is left, never negative. */
static int64_t floor_div(int64_t v, int64_t divisor, int64_t *rest) {
    int64_t q = v / divisor;
    int64_t r = v % divisor;
    if (r < 0) {
        r += divisor;
        q--;
    }
    *rest = r;
    return q;
}

void dbk_civil_from_days(int64_t days, int64_t *year, unsigned *month, unsigned *day) {
    /* The inverse of dbk_days_from_civil: eras of 400 years that start on 0000-03-01. */
    int64_t doe = 0;
    int64_t era = floor_div(days + 719468, 146097, &doe);
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t from_march = (5 * doy + 2) / 153;
    *day = (unsigned)(doy - (153 * from_march + 2) / 5 + 1);
    *month = (unsigned)(from_march < 10 ? from_march + 3 : from_march - 9);
    *year = era * 400 + yoe + (*month <= 2 ? 1 : 0);
}

size_t dbk_text_write_date(char *p, int64_t days) {
    int64_t year = 0;
    unsigned month = 0;
    unsigned day = 0;
    size_t n = 0;
    dbk_civil_from_days(days, &year, &month, &day);
    if (year < 0) {
        p[n++] = '-';
        year = -year;
    } else if (year > 9999) {
        p[n++] = '+';
    }
    n += year > 9999 ? dbk_text_write_i64(p + n, year) : write_padded(p + n, (uint64_t)year, 4);
    p[n++] = '-';
    n += write_padded(p + n, month, 2);
    p[n++] = '-';
    return n + write_padded(p + n, day, 2);
}

static size_t write_clock(char *p, int64_t seconds) {
    size_t n = write_padded(p, (uint64_t)(seconds / 3600), 2);
    p[n++] = ':';
    n += write_padded(p + n, (uint64_t)(seconds / 60 % 60), 2);
    p[n++] = ':';
    return n + write_padded(p + n, (uint64_t)(seconds % 60), 2);
}

/* A point and 3, 6 or 9 digits, or nothing. */
static size_t write_fraction(char *p, int64_t nanos) {
    if (nanos == 0) {
        return 0;
    }
    size_t digits = nanos % 1000 != 0 ? 9 : nanos % 1000000 != 0 ? 6 : 3;
    int64_t v = digits == 9 ? nanos : digits == 6 ? nanos / 1000 : nanos / 1000000;
    p[0] = '.';
    return 1 + write_padded(p + 1, (uint64_t)v, digits);
}

size_t dbk_text_write_timestamp(char *p, int64_t v, int64_t per_second) {
    int64_t part = 0;
    int64_t second = 0;
    int64_t seconds = floor_div(v, per_second, &part);
    int64_t days = floor_div(seconds, 86400, &second);
    size_t n = dbk_text_write_date(p, days);
    p[n++] = ' ';
    n += write_clock(p + n, second);
    return n + write_fraction(p + n, part * (DBK_PER_SECOND_NS / per_second));
}

size_t dbk_text_write_time(char *p, int64_t v, int64_t per_second) {
    int64_t part = 0;
    int64_t second = 0;
    (void)floor_div(floor_div(v, per_second, &part), 86400, &second);
    size_t n = write_clock(p, second);
    return n + write_fraction(p + n, part * (DBK_PER_SECOND_NS / per_second));
}

size_t dbk_text_write_year_month(char *p, int64_t months) {
    size_t n = 0;
    uint64_t v = (uint64_t)months;
    if (months < 0) {
        p[n++] = '-';
        v = 0 - v;
    }
    n += dbk_text_write_u64(p + n, v / 12);
    p[n++] = '-';
    return n + dbk_text_write_u64(p + n, v % 12);
}

static size_t write_day_time(char *p, bool negative, uint64_t days, uint64_t second,
                             uint64_t nanos) {
    size_t n = 0;
    if (negative) {
        p[n++] = '-';
    }
    n += dbk_text_write_u64(p + n, days);
    p[n++] = ' ';
    n += write_clock(p + n, (int64_t)second);
    p[n++] = '.';
    return n + write_padded(p + n, nanos, 9);
}

size_t dbk_text_write_duration(char *p, int64_t v, int64_t per_second) {
    uint64_t unit = (uint64_t)per_second;
    uint64_t magnitude = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    uint64_t seconds = magnitude / unit;
    uint64_t nanos = magnitude % unit * ((uint64_t)DBK_PER_SECOND_NS / unit);
    return write_day_time(p, v < 0, seconds / 86400, seconds % 86400, nanos);
}

size_t dbk_text_write_days_nanos(char *p, int64_t days, int64_t nanos) {
    const dbk_i128 day_ns = (dbk_i128)86400 * DBK_PER_SECOND_NS;
    dbk_i128 total = (dbk_i128)days * day_ns + nanos;
    bool negative = total < 0;
    dbk_u128 magnitude = negative ? 0 - (dbk_u128)total : (dbk_u128)total;
    uint64_t in_day = (uint64_t)(magnitude % (dbk_u128)day_ns);
    return write_day_time(p, negative, (uint64_t)(magnitude / (dbk_u128)day_ns),
                          in_day / (uint64_t)DBK_PER_SECOND_NS,
                          in_day % (uint64_t)DBK_PER_SECOND_NS);
}
