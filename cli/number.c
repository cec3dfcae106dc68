#include "number.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char digit_pairs[] = "00010203040506070809"
                                  "10111213141516171819"
                                  "20212223242526272829"
                                  "30313233343536373839"
                                  "40414243444546474849"
                                  "50515253545556575859"
                                  "60616263646566676869"
                                  "70717273747576777879"
                                  "80818283848586878889"
                                  "90919293949596979899";

size_t cli_put_u64(char *out, uint64_t value) {
    char digits[20];
    size_t at = sizeof digits;
    while (value >= 100) {
        at -= 2;
        memcpy(digits + at, digit_pairs + (value % 100) * 2, 2);
        value /= 100;
    }
    if (value >= 10) {
        at -= 2;
        memcpy(digits + at, digit_pairs + value * 2, 2);
    } else {
        digits[--at] = (char)('0' + value);
    }
    memcpy(out, digits + at, sizeof digits - at);
    return sizeof digits - at;
}

size_t cli_put_i64(char *out, int64_t value) {
    if (value >= 0) {
        return cli_put_u64(out, (uint64_t)value);
    }
    out[0] = '-';
    return 1 + cli_put_u64(out + 1, 0 - (uint64_t)value);
}

/* Exactly `digits` digits (at most 20), with leading zeros; more when the value needs them. */
static size_t put_padded(char *out, uint64_t value, size_t digits) {
    char plain[20];
    size_t len = cli_put_u64(plain, value);
    size_t zeros = len < digits ? digits - len : 0;
    memset(out, '0', zeros);
    memcpy(out + zeros, plain, len);
    return zeros + len;
}

/* ---- floating point ---- */

static const double powers_of_ten[] = {1e0, 1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7, 1e8,
                                       1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16};

/* digits with `decimals` of them behind the point; 0 decimals end in ".0". */
static size_t put_fixed(char *out, uint64_t digits, size_t decimals) {
    char text[40];
    if (decimals == 0) {
        size_t n = cli_put_u64(out, digits);
        memcpy(out + n, ".0", 2);
        return n + 2;
    }
    size_t len = put_padded(text, digits, decimals + 1);
    size_t whole = len - decimals;
    memcpy(out, text, whole);
    out[whole] = '.';
    memcpy(out + whole + 1, text + whole, decimals);
    return len + 1;
}

/* Drops the zeros that %.*e leaves at the end of the mantissa: 1.500e+20 -> 1.5e+20. */
static size_t put_trimmed(char *out, const char *text) {
    const char *exponent = strchr(text, 'e');
    size_t mantissa = exponent == NULL ? strlen(text) : (size_t)(exponent - text);
    size_t len = mantissa;
    if (memchr(text, '.', mantissa) != NULL) {
        while (text[len - 1] == '0') {
            len--;
        }
        if (text[len - 1] == '.') {
            len--;
        }
    }
    memcpy(out, text, len);
    if (exponent != NULL) {
        size_t tail = strlen(exponent);
        memcpy(out + len, exponent, tail);
        len += tail;
    }
    return len;
}

static size_t put_special(char *out, double value) {
    const char *text = isnan(value) ? "NaN" : value < 0 ? "-Infinity" : "Infinity";
    size_t len = strlen(text);
    memcpy(out, text, len);
    return len;
}

/* The general way, for the values whose digits the fast ways do not find: the first precision at
 * which printf and strtod give the value back. magnitude has a fraction or is at least 1e16; is_float:
 * compare as float. */
static size_t put_by_search(char *out, double magnitude, bool is_float) {
    char text[64];
    bool plain = magnitude >= 1e-4 && magnitude < 1e16;
    int last = is_float ? 9 : 17;
    /* plain doubles of up to 15 digits were found before */
    for (int precision = is_float ? 6 : plain ? 16 : 15; precision <= last; precision++) {
        (void)(plain ? snprintf(text, sizeof text, "%.*g", precision, magnitude)
                     : snprintf(text, sizeof text, "%.*e", precision - 1, magnitude));
        if (is_float ? strtof(text, NULL) == (float)magnitude : strtod(text, NULL) == magnitude) {
            break;
        }
    }
    return put_trimmed(out, text);
}

size_t cli_put_double(char *out, double value) {
    size_t sign = 0;
    if (!isfinite(value)) {
        return put_special(out, value);
    }
    if (signbit(value)) {
        out[sign++] = '-';
        value = -value;
    }
    if (value == 0) {
        return sign + put_fixed(out + sign, 0, 0);
    }
    if (value < 1e-4 || value >= 1e16) {
        return sign + put_by_search(out + sign, value, false);
    }
    /* Digits below 2^53 and the power are exact doubles, so their quotient is what strtod gives for
     * this text; the first match has the fewest digits. */
    for (size_t k = 0; k < COUNT_OF(powers_of_ten); k++) {
        double digits = rint(value * powers_of_ten[k]);
        if (digits >= 9007199254740992.0 && k > 0) {
            break;
        }
        if (digits / powers_of_ten[k] == value) {
            return sign + put_fixed(out + sign, (uint64_t)digits, k);
        }
    }
    return sign + put_by_search(out + sign, value, false);
}

size_t cli_put_float(char *out, float value) {
    size_t sign = 0;
    double wide = (double)value;
    if (!isfinite(wide)) {
        return put_special(out, wide);
    }
    if (signbit(wide)) {
        out[sign++] = '-';
        wide = -wide;
    }
    if (wide < 1e16 && wide == floor(wide)) {
        return sign + put_fixed(out + sign, (uint64_t)wide, 0);
    }
    if (wide >= 1e-4 && wide < 1e6) {
        /* Up to six digits and eight decimals the quotient, rounded twice, is still strtof's. */
        for (size_t k = 1; k <= 8; k++) {
            double digits = rint(wide * powers_of_ten[k]);
            if (digits >= 1e6) {
                break;
            }
            if ((double)(float)(digits / powers_of_ten[k]) == wide) {
                return sign + put_fixed(out + sign, (uint64_t)digits, k);
            }
        }
    }
    return sign + put_by_search(out + sign, wide, true);
}

/* ---- decimals ---- */

/* Puts the point into a text of digits without leading zeros. */
static size_t put_scaled(char *out, const char *digits, size_t len, int scale) {
    if (scale <= 0) {
        size_t zeros = len == 1 && digits[0] == '0' ? 0 : (size_t)-scale;
        memcpy(out, digits, len);
        memset(out + len, '0', zeros);
        return len + zeros;
    }
    size_t decimals = (size_t)scale;
    size_t whole = len > decimals ? len - decimals : 0;
    size_t at = 0;
    if (whole == 0) {
        out[at++] = '0';
    }
    memcpy(out + at, digits, whole);
    at += whole;
    out[at++] = '.';
    memset(out + at, '0', decimals - (len - whole));
    at += decimals - (len - whole);
    memcpy(out + at, digits + whole, len - whole);
    return at + (len - whole);
}

/* Divides the limbs (least significant first) by 10^9 until nothing is left. */
static size_t wide_digits(char digits[90], uint32_t limbs[8], size_t count) {
    uint32_t groups[9]; /* of nine digits: 2^256 has 78 digits */
    size_t group_count = 0;
    while (count > 0 && group_count < COUNT_OF(groups)) {
        uint64_t rest = 0;
        for (size_t i = count; i-- > 0;) {
            uint64_t part = rest << 32 | limbs[i];
            limbs[i] = (uint32_t)(part / 1000000000u);
            rest = part % 1000000000u;
        }
        groups[group_count++] = (uint32_t)rest;
        while (count > 0 && limbs[count - 1] == 0) {
            count--;
        }
    }
    size_t len = cli_put_u64(digits, groups[group_count - 1]);
    for (size_t i = group_count - 1; i-- > 0;) {
        len += put_padded(digits + len, groups[i], 9);
    }
    return len;
}

size_t cli_put_decimal(char *out, const void *bytes, size_t width, int scale) {
    uint32_t limbs[8];
    size_t count = width / 4;
    memcpy(limbs, bytes, width);
    bool negative = (limbs[count - 1] & 0x80000000u) != 0;
    if (negative) {
        uint64_t carry = 1;
        for (size_t i = 0; i < count; i++) {
            carry += (uint32_t)~limbs[i];
            limbs[i] = (uint32_t)carry;
            carry >>= 32;
        }
        out[0] = '-';
    }
    while (count > 1 && limbs[count - 1] == 0) {
        count--;
    }
    char digits[90];
    size_t len = 0;
    if (count <= 2) { /* nearly every value */
        uint64_t high = count == 2 ? limbs[1] : 0;
        len = cli_put_u64(digits, high << 32 | limbs[0]);
    } else {
        len = wide_digits(digits, limbs, count);
    }
    size_t sign = negative ? 1 : 0;
    return sign + put_scaled(out + sign, digits, len, scale);
}

/* ---- dates and times ---- */

static int64_t floor_div(int64_t a, int64_t b) { /* b > 0 */
    return a / b - (a % b < 0 ? 1 : 0);
}

static int64_t floor_mod(int64_t a, int64_t b) { /* b > 0 */
    return a % b + (a % b < 0 ? b : 0);
}

size_t cli_put_date(char *out, int64_t days) {
    /* Eras of 400 years from 0000-03-01 in the proleptic Gregorian calendar. */
    int64_t shifted = days + 719468;
    int64_t era = floor_div(shifted, 146097);
    int64_t day_of_era = shifted - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month_from_march = (5 * day_of_year + 2) / 153;
    int64_t day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    int64_t month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
    int64_t year = year_of_era + era * 400 + (month <= 2 ? 1 : 0);
    size_t n = 0;
    if (year < 0) {
        out[n++] = '-';
        year = -year;
    } else if (year > 9999) {
        out[n++] = '+';
    }
    n += put_padded(out + n, (uint64_t)year, 4);
    out[n++] = '-';
    memcpy(out + n, digit_pairs + month * 2, 2);
    out[n + 2] = '-';
    memcpy(out + n + 3, digit_pairs + day * 2, 2);
    return n + 5;
}

/* A clock text of ticks >= 0; hours may have more than two digits. */
static size_t put_clock(char *out, int64_t ticks, int64_t ticks_per_s) {
    int64_t seconds = ticks / ticks_per_s;
    int64_t fraction = ticks % ticks_per_s;
    size_t n = put_padded(out, (uint64_t)(seconds / 3600), 2);
    out[n] = ':';
    memcpy(out + n + 1, digit_pairs + seconds / 60 % 60 * 2, 2);
    out[n + 3] = ':';
    memcpy(out + n + 4, digit_pairs + seconds % 60 * 2, 2);
    n += 6;
    if (fraction != 0) {
        size_t places = ticks_per_s == 1000 ? 3 : ticks_per_s == 1000000 ? 6 : 9;
        out[n++] = '.';
        n += put_padded(out + n, (uint64_t)fraction, places);
        while (out[n - 1] == '0') {
            n--;
        }
    }
    return n;
}

size_t cli_put_time(char *out, int64_t ticks, int64_t ticks_per_s) {
    return ticks < 0 ? cli_put_duration(out, ticks, ticks_per_s)
                     : put_clock(out, ticks, ticks_per_s);
}

size_t cli_put_timestamp(char *out, int64_t ticks, int64_t ticks_per_s, char separator) {
    int64_t seconds = floor_div(ticks, ticks_per_s);
    int64_t clock = floor_mod(seconds, 86400) * ticks_per_s + floor_mod(ticks, ticks_per_s);
    size_t n = cli_put_date(out, floor_div(seconds, 86400));
    out[n++] = separator;
    return n + put_clock(out + n, clock, ticks_per_s);
}

size_t cli_put_duration(char *out, int64_t ticks, int64_t ticks_per_s) {
    uint64_t magnitude = ticks < 0 ? 0 - (uint64_t)ticks : (uint64_t)ticks;
    uint64_t per_day = 86400u * (uint64_t)ticks_per_s;
    size_t n = 0;
    if (ticks < 0) {
        out[n++] = '-';
    }
    n += cli_put_u64(out + n, magnitude / per_day);
    out[n++] = ' ';
    return n + put_clock(out + n, (int64_t)(magnitude % per_day), ticks_per_s);
}

size_t cli_put_months(char *out, int64_t months) {
    uint64_t magnitude = months < 0 ? 0 - (uint64_t)months : (uint64_t)months;
    size_t n = 0;
    if (months < 0) {
        out[n++] = '-';
    }
    n += cli_put_u64(out + n, magnitude / 12);
    out[n++] = '-';
    return n + cli_put_u64(out + n, magnitude % 12);
}
