#include "odbc.h"

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Texts to values, without any locale. */

i128 pow10_i128(int n) {
    i128 p = 1;
    while (n-- > 0) {
        p *= 10;
    }
    return p;
}

static const i128 *limit38(void) { /* the first number of 39 digits */
    static i128 limit;
    if (limit == 0) {
        limit = pow10_i128(38);
    }
    return &limit;
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static int take_exponent(const char *p, const char *end, bool *ok) {
    bool minus = p < end && *p == '-';
    p += p < end && (*p == '-' || *p == '+');
    int n = 0;
    *ok = p < end;
    for (; p < end && *ok; p++) {
        *ok = is_digit(*p);
        n = n > 10000 ? n : n * 10 + (*p - '0');
    }
    return minus ? -n : n;
}

conv parse_decimal(text t, i128 *out, int *scale) {
    t = text_trim(t);
    const char *p = t.ptr, *end = t.ptr + t.len;
    bool minus = p < end && *p == '-', any = false, point = false, ok = true;
    i128 v = 0;
    int digits_behind = 0, exponent = 0;
    p += p < end && (*p == '-' || *p == '+');
    for (; p < end && (is_digit(*p) || (*p == '.' && !point)); p++) {
        if (*p == '.') {
            point = true;
            continue;
        }
        any = true;
        if (v >= *limit38() / 10) {
            if (!point) {
                return CONV_RANGE;
            }
            continue; /* digits that a 38-digit number cannot hold, behind the point */
        }
        v = v * 10 + (*p - '0');
        digits_behind += point;
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        exponent = take_exponent(p + 1, end, &ok);
        p = end;
    }
    if (!any || !ok || p != end) {
        return CONV_MALFORMED;
    }
    int s = digits_behind - exponent;
    for (; s < 0 && v != 0; s++) {
        if (v >= *limit38() / 10) {
            return CONV_RANGE;
        }
        v *= 10;
    }
    for (; s > 38; s--) {
        v /= 10;
    }
    *out = minus ? -v : v;
    *scale = s < 0 ? 0 : s;
    return CONV_OK;
}

static bool is_word(text t, double *out) {
    static const struct {
        const char *word;
        double value;
    } words[] = {{"nan", (double)NAN}, {"inf", HUGE_VAL},        {"infinity", HUGE_VAL},
                 {"-inf", -HUGE_VAL},  {"-infinity", -HUGE_VAL}, {"+infinity", HUGE_VAL}};
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (text_is(t, words[i].word)) {
            *out = words[i].value;
            return true;
        }
    }
    return false;
}

conv parse_double(text t, double *out) {
    static locale_t plain;
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&lock);
    if (plain == (locale_t)0) {
        plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    }
    pthread_mutex_unlock(&lock);
    t = text_trim(t);
    if (is_word(t, out)) {
        return CONV_OK;
    }
    char copy[512];
    if (t.len == 0 || t.len >= sizeof copy) {
        return CONV_MALFORMED;
    }
    memcpy(copy, t.ptr, t.len); /* the text itself has no end mark */
    copy[t.len] = '\0';
    if (strspn(copy, "+-.0123456789eE") < t.len) { /* what strtod takes besides: hex, "nan(...)" */
        return CONV_MALFORMED;
    }
    char *end = NULL;
    double d = strtod_l(copy, &end, plain);
    if (*end != '\0') {
        return CONV_MALFORMED;
    }
    if (isinf(d)) {
        return CONV_RANGE;
    }
    *out = d;
    return CONV_OK;
}

/* ---- Dates -------------------------------------------------------------------------------------------- */

typedef struct cursor {
    const char *p, *end;
} cursor;

static bool take_digits(cursor *c, int min, int max, unsigned *out) {
    int n = 0;
    *out = 0;
    while (n < max && c->p < c->end && is_digit(*c->p)) {
        *out = *out * 10 + (unsigned)(*c->p++ - '0');
        n++;
    }
    return n >= min;
}

static bool take_char(cursor *c, char want) {
    if (c->p < c->end && *c->p == want) {
        c->p++;
        return true;
    }
    return false;
}

static bool take_clock(cursor *c, SQL_TIMESTAMP_STRUCT *ts) {
    unsigned hour, minute, second = 0;
    if (!take_digits(c, 1, 2, &hour) || !take_char(c, ':') || !take_digits(c, 1, 2, &minute)) {
        return false;
    }
    if (take_char(c, ':') && !take_digits(c, 1, 2, &second)) {
        return false;
    }
    ts->hour = (SQLUSMALLINT)hour;
    ts->minute = (SQLUSMALLINT)minute;
    ts->second = (SQLUSMALLINT)second;
    if (take_char(c, '.')) {
        unsigned scale = 100000000;
        for (; c->p < c->end && is_digit(*c->p); c->p++) {
            ts->fraction += (SQLUINTEGER)(*c->p - '0') * scale;
            scale /= 10;
        }
    }
    return true;
}

static bool take_date(cursor *c, SQL_TIMESTAMP_STRUCT *ts) {
    unsigned y, m, d;
    if (!take_digits(c, 1, 4, &y) || !take_char(c, '-') || !take_digits(c, 1, 2, &m) ||
        !take_char(c, '-') || !take_digits(c, 1, 2, &d)) {
        return false;
    }
    ts->year = (SQLSMALLINT)y;
    ts->month = (SQLUSMALLINT)m;
    ts->day = (SQLUSMALLINT)d;
    return true;
}

/* Also the escapes {d '..'}, {t '..'}, {ts '..'} that ODBC allows in character data. */
static text without_escape(text t) {
    if (t.len > 2 && t.ptr[0] == '{' && t.ptr[t.len - 1] == '}') {
        const char *open = memchr(t.ptr, '\'', t.len);
        const char *close = open == NULL ? NULL : memrchr(t.ptr, '\'', t.len);
        if (open != NULL && close > open) {
            return (text){open + 1, (size_t)(close - open) - 1};
        }
    }
    return t;
}

conv parse_timestamp(text t, SQL_TIMESTAMP_STRUCT *out, bool *has_date, bool *has_time) {
    t = text_trim(without_escape(text_trim(t)));
    cursor c = {t.ptr, t.ptr + t.len};
    SQL_TIMESTAMP_STRUCT ts = {0};
    *has_date = take_date(&c, &ts);
    *has_time = false;
    if (!*has_date) {
        c = (cursor){t.ptr, t.ptr + t.len};
        ts = (SQL_TIMESTAMP_STRUCT){0};
        *has_time = take_clock(&c, &ts);
    } else if (take_char(&c, ' ') || take_char(&c, 'T')) {
        *has_time = take_clock(&c, &ts);
    }
    if (c.p != c.end || (!*has_date && !*has_time)) {
        return CONV_MALFORMED;
    }
    SQL_TIMESTAMP_STRUCT checked = ts;
    if (!*has_date) {
        checked.year = 2000;
        checked.month = checked.day = 1;
    }
    if (!civil_valid(&checked)) {
        return CONV_DATE;
    }
    *out = ts;
    return CONV_OK;
}

/* ---- Intervals ------------------------------------------------------------------------------------------ */

/* The numbers of "3-2", "1 02:03:04.5", "02:03" or "INTERVAL '..' UNIT", up to five. */
typedef struct parts {
    unsigned n[5];
    char separators[5]; /* behind n[i] */
    int count;
    SQLUINTEGER fraction; /* nanoseconds */
    bool minus;
} parts;

static conv read_parts(text t, parts *p) {
    t = text_trim(t);
    if (t.len > 8 && strncasecmp(t.ptr, "INTERVAL", 8) == 0) {
        const char *open = memchr(t.ptr, '\'', t.len);
        const char *close = open == NULL ? NULL : memrchr(t.ptr, '\'', t.len);
        if (open == NULL || close == open) {
            return CONV_MALFORMED;
        }
        p->minus = memchr(t.ptr, '-', (size_t)(open - t.ptr)) != NULL;
        t = text_trim((text){open + 1, (size_t)(close - open) - 1});
    }
    cursor c = {t.ptr, t.ptr + t.len};
    if (take_char(&c, '-')) {
        p->minus = !p->minus;
    } else {
        (void)take_char(&c, '+');
    }
    while (p->count < 5) {
        if (!take_digits(&c, 1, 9, &p->n[p->count++])) {
            return CONV_MALFORMED;
        }
        if (c.p == c.end) {
            return CONV_OK;
        }
        if (*c.p == '.') {
            unsigned scale = 100000000;
            for (c.p++; c.p < c.end && is_digit(*c.p); c.p++) {
                p->fraction += (SQLUINTEGER)(*c.p - '0') * scale;
                scale /= 10;
            }
            return c.p == c.end ? CONV_OK : CONV_MALFORMED;
        }
        if (memchr("- :", *c.p, 3) == NULL) {
            return CONV_MALFORMED;
        }
        p->separators[p->count - 1] = *c.p++;
    }
    return CONV_MALFORMED;
}

/* "3-2" of years and months; "1 02:03:04" of days and the clock. */
static bool separators_fit(const parts *p, bool months) {
    for (int i = 0; i + 1 < p->count; i++) {
        char want = months ? '-' : ':';
        bool day = !months && i == 0 && p->separators[i] == ' ';
        if (p->separators[i] != want && !day) {
            return false;
        }
    }
    return p->count <= (months ? 2 : 4);
}

/* First and last field of an interval type: year 0, month 1, day 2, hour 3, minute 4, second 5. */
static void field_span(SQLSMALLINT c_type, int *first, int *last) {
    static const signed char spans[][2] = {{0, 0}, {1, 1}, {2, 2}, {3, 3}, {4, 4}, {5, 5}, {0, 1},
                                           {2, 3}, {2, 4}, {2, 5}, {3, 4}, {3, 5}, {4, 5}};
    int at = c_type - SQL_INTERVAL_YEAR;
    *first = spans[at][0];
    *last = spans[at][1];
}

conv parse_interval(text t, SQLSMALLINT c_type, SQL_INTERVAL_STRUCT *out) {
    parts p = {.count = 0};
    conv c = read_parts(t, &p);
    if (c != CONV_OK) {
        return c;
    }
    int first = 0, last = 0;
    field_span(c_type, &first, &last);
    bool months = last <= 1;
    if (!separators_fit(&p, months)) {
        return CONV_MALFORMED;
    }
    /* Which field the first number is: a "-" says years, a " " days, ":" counts back from seconds. */
    int start = months ? (p.count == 2 ? 0 : first)
                : p.count > 1 && p.separators[0] == ' '
                    ? 2
                    : (p.count == 1                ? first
                       : p.count == 2 && last == 4 ? 3
                                                   : 6 - p.count);
    uint64_t field[6] = {0};
    for (int i = 0; i < p.count && start + i < 6; i++) {
        field[start + i] = p.n[i];
    }
    uint64_t total = months ? field[0] * 12 + field[1]
                            : ((field[2] * 24 + field[3]) * 60 + field[4]) * 60 + field[5];
    static const uint64_t seconds[] = {12, 1, 86400, 3600, 60, 1};
    uint64_t split[6] = {0};
    for (int f = first; f <= last; f++) {
        split[f] = total / seconds[f];
        total %= seconds[f];
    }
    *out = (SQL_INTERVAL_STRUCT){.interval_type = (SQLINTERVAL)(c_type - 100),
                                 .interval_sign = p.minus ? SQL_TRUE : SQL_FALSE};
    if (months) {
        out->intval.year_month.year = (SQLUINTEGER)split[0];
        out->intval.year_month.month = (SQLUINTEGER)split[1];
    } else {
        out->intval.day_second.day = (SQLUINTEGER)split[2];
        out->intval.day_second.hour = (SQLUINTEGER)split[3];
        out->intval.day_second.minute = (SQLUINTEGER)split[4];
        out->intval.day_second.second = (SQLUINTEGER)split[5];
        out->intval.day_second.fraction = last == 5 ? p.fraction / 1000 : 0; /* microseconds */
    }
    bool cut = total != 0 || (last != 5 && p.fraction != 0);
    return cut ? CONV_FRACTION : CONV_OK;
}

/* ---- Numbers of 128 bits -------------------------------------------------------------------------------- */

conv rescale(i128 v, int from, int to, i128 *out) {
    conv done = CONV_OK;
    for (; from < to; from++) {
        if (v >= *limit38() / 10 || v <= -(*limit38() / 10)) { /* 38 digits already */
            return CONV_RANGE;
        }
        v *= 10;
    }
    for (; from > to; from--) {
        if (v % 10 != 0) {
            done = CONV_FRACTION;
        }
        v /= 10;
    }
    *out = v;
    return done;
}

bool decimal_to_numeric(i128 v, int precision, int scale, SQL_NUMERIC_STRUCT *out) {
    u128 magnitude = v < 0 ? -(u128)v : (u128)v;
    if (precision < 38 && magnitude >= (u128)pow10_i128(precision)) {
        return false;
    }
    *out = (SQL_NUMERIC_STRUCT){
        .precision = (SQLCHAR)precision, .scale = (SQLSCHAR)scale, .sign = v < 0 ? 0 : 1};
    for (int i = 0; i < SQL_MAX_NUMERIC_LEN; i++) {
        out->val[i] = (SQLCHAR)(magnitude >> (i * 8));
    }
    return true;
}

i128 numeric_to_decimal(const SQL_NUMERIC_STRUCT *n) {
    u128 magnitude = 0;
    for (int i = SQL_MAX_NUMERIC_LEN - 1; i >= 0; i--) {
        magnitude = magnitude << 8 | n->val[i];
    }
    if (magnitude > (u128)pow10_i128(38)) { /* more than a DECIMAL holds; the caller refuses it */
        magnitude = (u128)pow10_i128(38);
    }
    return n->sign == 1 ? (i128)magnitude : -(i128)magnitude;
}

bool double_to_decimal(double d, i128 *out, int *scale) {
    char digits[64];
    if (isnan(d) || isinf(d)) {
        return false;
    }
    size_t len = put_double(digits, d, false);
    return parse_decimal((text){digits, len}, out, scale) == CONV_OK;
}
