#include "odbc.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Values as text. No locale has a part in it. */

static const char two_digits[] =
    "00010203040506070809101112131415161718192021222324252627282930313233"
    "34353637383940414243444546474849505152535455565758596061626364656667"
    "6869707172737475767778798081828384858687888990919293949596979899";

static size_t put_u64(char *out, uint64_t v) {
    char digits[20];
    size_t at = sizeof digits;
    while (v >= 100) {
        at -= 2;
        memcpy(digits + at, two_digits + v % 100 * 2, 2);
        v /= 100;
    }
    if (v >= 10) {
        at -= 2;
        memcpy(digits + at, two_digits + v * 2, 2);
    } else {
        digits[--at] = (char)('0' + v);
    }
    memcpy(out, digits + at, sizeof digits - at);
    return sizeof digits - at;
}

size_t put_i64(char *out, int64_t v) {
    size_t sign = v < 0;
    if (v < 0) {
        *out = '-';
    }
    return sign + put_u64(out + sign, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

/* All digits of a 128-bit number, in limbs of 18 digits. */
static size_t put_u128(char *out, u128 v) {
    const uint64_t limb = 1000000000000000000U;
    if (v < limb) {
        return put_u64(out, (uint64_t)v);
    }
    size_t len = put_u128(out, v / limb);
    char low[20];
    size_t low_len = put_u64(low, (uint64_t)(v % limb));
    memset(out + len, '0', 18 - low_len);
    memcpy(out + len + 18 - low_len, low, low_len);
    return len + 18;
}

size_t put_decimal(char *out, i128 v, int scale) {
    char digits[48];
    size_t at = 0, len = put_u128(digits, v < 0 ? -(u128)v : (u128)v);
    size_t point = scale > 0 ? (size_t)scale : 0;
    if (v < 0) {
        out[at++] = '-';
    }
    if (len > point) {
        memcpy(out + at, digits, len - point);
        at += len - point;
    } else {
        out[at++] = '0';
    }
    if (point > 0) {
        out[at++] = '.';
        size_t zeros = len < point ? point - len : 0;
        memset(out + at, '0', zeros);
        at += zeros;
        memcpy(out + at, digits + len - (point - zeros), point - zeros);
        at += point - zeros;
    }
    for (int i = scale; i < 0; i++) { /* a negative scale: tens */
        out[at++] = '0';
    }
    return at;
}

static locale_t plain_locale(void) {
    static locale_t plain;
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&lock);
    if (plain == (locale_t)0) {
        plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    }
    pthread_mutex_unlock(&lock);
    return plain;
}

size_t put_double(char *out, double v, bool is_float) {
    if (isnan(v) || isinf(v)) {
        const char *word = isnan(v) ? "NaN" : v < 0 ? "-Infinity" : "Infinity";
        memcpy(out, word, strlen(word));
        return strlen(word);
    }
    if (v == (double)(int32_t)v && (v != 0 || !signbit(v))) {
        return put_i64(out, (int64_t)v);
    }
    locale_t plain = plain_locale();
    locale_t before = uselocale(plain);
    int len = 0;
    bool few = fabs(v) < (is_float ? (double)FLT_MIN : DBL_MIN); /* subnormals have few digits */
    for (int digits = few ? 1 : is_float ? 6 : 15; digits <= (is_float ? 9 : 17); digits++) {
        len = snprintf(out, 32, "%.*g", digits, v);
        bool same =
            is_float ? strtof_l(out, NULL, plain) == (float)v : strtod_l(out, NULL, plain) == v;
        if (same) { /* the shortest that comes back as the same number */
            break;
        }
    }
    (void)uselocale(before);
    return (size_t)len;
}

static void put_two(char *out, unsigned v) {
    memcpy(out, two_digits + (size_t)(v % 100) * 2, 2);
}

size_t put_date(char *out, const SQL_TIMESTAMP_STRUCT *ts) {
    put_two(out, (unsigned)ts->year / 100);
    put_two(out + 2, (unsigned)ts->year % 100);
    out[4] = '-';
    put_two(out + 5, ts->month);
    out[7] = '-';
    put_two(out + 8, ts->day);
    return 10;
}

static size_t put_time(char *out, const SQL_TIMESTAMP_STRUCT *ts) {
    put_two(out, ts->hour);
    out[2] = ':';
    put_two(out + 3, ts->minute);
    out[5] = ':';
    put_two(out + 6, ts->second);
    return 8;
}

/* The length: none for zero, unless six digits are wanted. */
static size_t put_micros(char *out, const SQL_TIMESTAMP_STRUCT *ts, bool six_digits) {
    unsigned micros = ts->fraction / 1000;
    if (micros == 0 && !six_digits) {
        return 0;
    }
    out[0] = '.';
    put_two(out + 1, micros / 10000);
    put_two(out + 3, micros / 100 % 100);
    put_two(out + 5, micros % 100);
    return 7;
}

size_t put_timestamp(char *out, const SQL_TIMESTAMP_STRUCT *ts, bool six_digits) {
    put_date(out, ts);
    out[10] = ' ';
    put_time(out + 11, ts);
    return 19 + put_micros(out + 19, ts, six_digits);
}

text cell_text(const cell *c, text_style style, char scratch[CELL_TEXT_MAX]) {
    size_t len = 0;
    switch (c->kind) {
    case CELL_BIT:
        return style.bools_as_text ? text_of(c->i != 0 ? "true" : "false")
                                   : text_of(c->i != 0 ? "1" : "0");
    case CELL_INT:
        len = put_i64(scratch, c->i);
        break;
    case CELL_FLOAT:
    case CELL_DOUBLE:
        len = put_double(scratch, c->d, c->kind == CELL_FLOAT);
        break;
    case CELL_DECIMAL:
        len = put_decimal(scratch, c->decimal, c->scale);
        break;
    case CELL_DATE:
        len = put_date(scratch, &c->ts);
        break;
    case CELL_TIME:
        len = put_time(scratch, &c->ts);
        len += put_micros(scratch + len, &c->ts, false);
        break;
    case CELL_TIMESTAMP:
        len = put_timestamp(scratch, &c->ts, style.six_digits);
        break;
    case CELL_TEXT:
    case CELL_BYTES:
        return c->text;
    case CELL_NULL:
        break;
    }
    return (text){scratch, len};
}
