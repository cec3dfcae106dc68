#include "arrow/scalar_text.h"

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_TEXT_MAX 1100 /* longest text handed to strtod; a double never needs more digits */

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static char peek(const dbk_slice *s) {
    return s->len > 0 ? s->ptr[0] : '\0';
}

static void skip(dbk_slice *s, size_t n) {
    s->ptr = n > 0 ? s->ptr + n : s->ptr; /* NULL + 0 is not C */
    s->len -= n;
}

static bool take(dbk_slice *s, char c) {
    if (s->len == 0 || s->ptr[0] != c) {
        return false;
    }
    skip(s, 1);
    return true;
}

/* An optional sign: true for minus. */
static bool take_sign(dbk_slice *s) {
    bool negative = peek(s) == '-';
    if (negative || peek(s) == '+') {
        skip(s, 1);
    }
    return negative;
}

/* Between min and max digits (max <= 18). */
static bool take_digits(dbk_slice *s, size_t min, size_t max, int64_t *out) {
    int64_t v = 0;
    size_t n = 0;
    while (n < s->len && n < max && is_digit(s->ptr[n])) {
        v = v * 10 + (s->ptr[n] - '0');
        n++;
    }
    if (n < min) {
        return false;
    }
    skip(s, n);
    *out = v;
    return true;
}

static size_t skip_blanks(dbk_slice *s) {
    size_t n = 0;
    while (n < s->len && s->ptr[n] == ' ') {
        n++;
    }
    skip(s, n);
    return n;
}

static bool narrow(dbk_i128 v, int64_t *out) {
    if (v < INT64_MIN || v > INT64_MAX) {
        return false;
    }
    *out = (int64_t)v;
    return true;
}

bool dbk_text_read_bool(dbk_slice s, bool *out) {
    bool yes = dbk_slice_eq_nocase(s, DBK_SLICE("true"));
    if (!yes && !dbk_slice_eq_nocase(s, DBK_SLICE("false"))) {
        return false;
    }
    *out = yes;
    return true;
}

/* ---- binary floating point ------------------------------------------------------------------ */

/* [sign] digits [. digits] [e [sign] digits], at least one digit before the exponent. */
static bool is_number(dbk_slice s) {
    (void)take_sign(&s);
    size_t digits = 0;
    bool point = false;
    while (s.len > 0 && (is_digit(s.ptr[0]) || (s.ptr[0] == '.' && !point))) {
        point = point || s.ptr[0] == '.';
        digits += is_digit(s.ptr[0]) ? 1 : 0;
        skip(&s, 1);
    }
    if (digits == 0 || s.len == 0) {
        return digits > 0;
    }
    if (!take(&s, 'e') && !take(&s, 'E')) {
        return false;
    }
    (void)take_sign(&s);
    for (size_t i = 0; i < s.len; i++) {
        if (!is_digit(s.ptr[i])) {
            return false;
        }
    }
    return s.len > 0;
}

static bool read_special(dbk_slice s, double *out) {
    bool negative = take_sign(&s);
    if (dbk_slice_eq_nocase(s, DBK_SLICE("infinity")) || dbk_slice_eq_nocase(s, DBK_SLICE("inf"))) {
        *out = negative ? -(double)INFINITY : (double)INFINITY;
        return true;
    }
    if (dbk_slice_eq_nocase(s, DBK_SLICE("nan"))) {
        *out = (double)NAN;
        return true;
    }
    return false;
}

/* Clinger's case: up to 15 digits and a power of ten that a double holds exactly. */
static bool read_exact(dbk_slice s, double *out) {
    static const double powers[] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
    bool negative = take_sign(&s);
    uint64_t mantissa = 0;
    size_t digits = 0;
    size_t fraction = 0;
    bool point = false;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '.' && !point) {
            point = true;
            continue;
        }
        if (!is_digit(s.ptr[i]) || ++digits > 15) {
            return false;
        }
        mantissa = mantissa * 10 + (uint64_t)(s.ptr[i] - '0');
        fraction += point ? 1 : 0;
    }
    if (digits == 0) {
        return false;
    }
    double v = (double)mantissa / powers[fraction];
    *out = negative ? -v : v;
    return true;
}

/* The C library's conversion in the C locale: a host may have set one with a decimal comma. */
static bool read_slow(dbk_slice s, bool single, double *out) {
    char text[NUMBER_TEXT_MAX + 1];
    if (s.len > NUMBER_TEXT_MAX) {
        return false;
    }
    memcpy(text, s.ptr, s.len);
    text[s.len] = '\0';
    locale_t c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (c_locale == (locale_t)0) {
        return false;
    }
    char *end = NULL;
    double v = single ? (double)strtof_l(text, &end, c_locale) : strtod_l(text, &end, c_locale);
    freelocale(c_locale);
    if (end != text + s.len || isinf(v)) {
        return false;
    }
    *out = v;
    return true;
}

bool dbk_text_read_f64(dbk_slice s, double *out) {
    if (s.len == 0) {
        return false;
    }
    return read_exact(s, out) || (is_number(s) ? read_slow(s, false, out) : read_special(s, out));
}

bool dbk_text_read_f32(dbk_slice s, float *out) {
    double v = 0;
    if (s.len == 0 || !(is_number(s) ? read_slow(s, true, &v) : read_special(s, &v))) {
        return false;
    }
    *out = (float)v;
    return true;
}

/* ---- decimals ------------------------------------------------------------------------------- */

/* Digits of a decimal text gathered in one number; exponent 10. */
typedef struct decimal_text {
    dbk_u128 digits;
    int64_t exponent; /* value = digits * 10^exponent */
    bool overflow;
} decimal_text;

static void decimal_digit(decimal_text *d, char c) {
    /* 10^38 - 1 is the largest value of any precision; from 10^37 on one more digit is too much. */
    const dbk_u128 limit = (dbk_u128)10000000000000000000U * 1000000000000000000U;
    if (d->digits >= limit) {
        d->overflow = true;
        return;
    }
    d->digits = d->digits * 10 + (unsigned)(c - '0');
}

/* Zeros at the end of the fraction are not gathered: any number of them may follow. */
static void decimal_fraction(decimal_text *d, dbk_slice digits) {
    while (digits.len > 0 && digits.ptr[digits.len - 1] == '0') {
        digits.len--;
    }
    for (size_t i = 0; i < digits.len; i++) {
        decimal_digit(d, digits.ptr[i]);
    }
    d->exponent -= (int64_t)digits.len;
}

static dbk_slice take_digit_run(dbk_slice *s) {
    dbk_slice run = {s->ptr, 0};
    while (run.len < s->len && is_digit(s->ptr[run.len])) {
        run.len++;
    }
    skip(s, run.len);
    return run;
}

static bool read_decimal_text(dbk_slice s, decimal_text *d) {
    dbk_slice whole = take_digit_run(&s);
    dbk_slice fraction = {0};
    if (take(&s, '.')) {
        fraction = take_digit_run(&s);
    }
    if (whole.len + fraction.len == 0) {
        return false;
    }
    for (size_t i = 0; i < whole.len; i++) {
        decimal_digit(d, whole.ptr[i]);
    }
    decimal_fraction(d, fraction);
    if (take(&s, 'e') || take(&s, 'E')) {
        int64_t exponent = 0;
        bool negative = take_sign(&s);
        if (!take_digits(&s, 1, 6, &exponent)) {
            return false;
        }
        d->exponent += negative ? -exponent : exponent;
    }
    return s.len == 0 && !d->overflow;
}

static dbk_u128 power_of_ten(int n) {
    dbk_u128 v = 1;
    for (int i = 0; i < n; i++) {
        v *= 10;
    }
    return v;
}

bool dbk_text_read_decimal(dbk_slice s, int precision, int scale, dbk_i128 *out) {
    decimal_text d = {0};
    bool negative = take_sign(&s);
    if (!read_decimal_text(s, &d) || precision < 1 || precision > 38) {
        return false;
    }
    const dbk_u128 limit = power_of_ten(precision);
    int64_t shift = d.exponent + scale;
    while (shift < 0 && d.digits != 0) {
        if (d.digits % 10 != 0) {
            return false;
        }
        d.digits /= 10;
        shift++;
    }
    while (shift > 0 && d.digits != 0) {
        if (d.digits >= limit / 10) {
            return false;
        }
        d.digits *= 10;
        shift--;
    }
    if (d.digits >= limit) {
        return false;
    }
    *out = negative ? -(dbk_i128)d.digits : (dbk_i128)d.digits;
    return true;
}

/* ---- dates and timestamps --------------------------------------------------------------------- */

static bool take_date(dbk_slice *s, int64_t *out_days) {
    static const uint8_t month_days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t year = 0;
    int64_t month = 0;
    int64_t day = 0;
    bool negative = take_sign(s);
    if (!take_digits(s, 1, 7, &year) || !take(s, '-') || !take_digits(s, 1, 2, &month) ||
        !take(s, '-') || !take_digits(s, 1, 2, &day)) {
        return false;
    }
    year = negative ? -year : year;
    if (month < 1 || month > 12) {
        return false;
    }
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    int64_t last = month == 2 && leap ? 29 : month_days[month - 1];
    if (day < 1 || day > last) {
        return false;
    }
    *out_days = dbk_days_from_civil(year, (unsigned)month, (unsigned)day);
    return true;
}

bool dbk_text_read_date(dbk_slice s, int32_t *out_days) {
    int64_t days = 0;
    if (!take_date(&s, &days) || s.len > 0 || days < INT32_MIN || days > INT32_MAX) {
        return false;
    }
    *out_days = (int32_t)days;
    return true;
}

/* .digits as microseconds; nothing when there is no point. */
static bool take_fraction(dbk_slice *s, int64_t *out_us) {
    *out_us = 0;
    if (!take(s, '.')) {
        return true;
    }
    dbk_slice digits = take_digit_run(s);
    int64_t us = 0;
    for (size_t i = 0; i < digits.len; i++) {
        if (i >= 6 && digits.ptr[i] != '0') {
            return false;
        }
        us = i < 6 ? us * 10 + (digits.ptr[i] - '0') : us;
    }
    for (size_t i = digits.len; i < 6; i++) {
        us *= 10;
    }
    *out_us = us;
    return digits.len > 0;
}

/* HH:MM[:SS[.f]] as microseconds. */
static bool take_clock(dbk_slice *s, int64_t *out_us) {
    int64_t hour = 0;
    int64_t minute = 0;
    int64_t second = 0;
    int64_t us = 0;
    if (!take_digits(s, 1, 2, &hour) || !take(s, ':') || !take_digits(s, 2, 2, &minute)) {
        return false;
    }
    if (take(s, ':') && (!take_digits(s, 2, 2, &second) || !take_fraction(s, &us))) {
        return false;
    }
    if (hour > 23 || minute > 59 || second > 59) {
        return false;
    }
    *out_us = ((hour * 60 + minute) * 60 + second) * DBK_PER_SECOND_US + us;
    return true;
}

/* The rest of a timestamp: nothing, Z, UTC or an offset, as seconds east of UTC. */
static bool take_offset(dbk_slice *s, int64_t *out_seconds, bool *out_offset) {
    int64_t hour = 0;
    int64_t minute = 0;
    *out_seconds = 0;
    (void)skip_blanks(s);
    if (take(s, 'Z') || take(s, 'z') || s->len == 0) {
        return true;
    }
    if (dbk_slice_eq(*s, DBK_SLICE("UTC"))) {
        skip(s, 3);
        return true;
    }
    if (peek(s) != '-' && peek(s) != '+') {
        return false;
    }
    bool west = take_sign(s);
    if (!take_digits(s, 1, 2, &hour)) {
        return false;
    }
    bool colon = take(s, ':');
    if ((colon || s->len > 0) && !take_digits(s, 2, 2, &minute)) {
        return false;
    }
    if (hour > 18 || minute > 59) { /* java.time allows up to 18 hours */
        return false;
    }
    *out_offset = true;
    *out_seconds = (west ? -1 : 1) * (hour * 60 + minute) * 60;
    return true;
}

bool dbk_text_read_timestamp(dbk_slice s, bool zoned, int64_t *out_us) {
    int64_t days = 0;
    int64_t clock_us = 0;
    int64_t offset_s = 0;
    bool has_offset = false;
    if (!take_date(&s, &days)) {
        return false;
    }
    if (s.len > 0) {
        if (!take(&s, 'T') && skip_blanks(&s) == 0) {
            return false;
        }
        if (!take_clock(&s, &clock_us) || !take_offset(&s, &offset_s, &has_offset) || s.len > 0 ||
            (has_offset && !zoned)) {
            return false;
        }
    }
    return narrow(((dbk_i128)days * 86400 - offset_s) * DBK_PER_SECOND_US + clock_us, out_us);
}

/* ---- intervals ------------------------------------------------------------------------------ */

enum { UNIT_YEAR, UNIT_MONTH, UNIT_DAY, UNIT_HOUR, UNIT_MINUTE, UNIT_SECOND, UNIT_COUNT };

static bool take_word(dbk_slice *s, dbk_slice word) {
    if (s->len < word.len || !dbk_slice_eq_nocase(dbk_slice_n(s->ptr, word.len), word)) {
        return false;
    }
    skip(s, word.len);
    return true;
}

static bool take_unit(dbk_slice *s, int *out) {
    static const char *const names[] = {"YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND"};
    for (int i = 0; i < UNIT_COUNT; i++) {
        if (take_word(s, dbk_slice_of(names[i]))) {
            *out = i;
            return true;
        }
    }
    return false;
}

/* An interval text without its decoration. */
typedef struct interval_text {
    dbk_slice fields; /* between the quotes */
    bool negative;
    int from;
    int to;
} interval_text;

/* INTERVAL [-]'fields' UNIT [TO UNIT], or the bare fields with the units the caller put in *t. */
static bool read_decoration(dbk_slice s, interval_text *t) {
    t->fields = s;
    t->negative = false;
    if (take_word(&s, DBK_SLICE("INTERVAL"))) {
        (void)skip_blanks(&s);
        t->negative = take_sign(&s);
        (void)skip_blanks(&s);
        if (!take(&s, '\'') || !dbk_slice_split(&s, '\'', &t->fields) || skip_blanks(&s) == 0 ||
            !take_unit(&s, &t->from)) {
            return false;
        }
        t->to = t->from;
        if (skip_blanks(&s) > 0 &&
            (!take_word(&s, DBK_SLICE("TO")) || skip_blanks(&s) == 0 || !take_unit(&s, &t->to))) {
            return false;
        }
        if (s.len > 0 || t->to < t->from) {
            return false;
        }
    }
    bool inner = take_sign(&t->fields);
    t->negative = t->negative != inner;
    return true;
}

bool dbk_text_read_year_month(dbk_slice s, int32_t *out_months) {
    interval_text t = {.from = UNIT_YEAR, .to = UNIT_MONTH};
    int64_t years = 0;
    int64_t months = 0;
    if (!read_decoration(s, &t) || t.to > UNIT_MONTH) {
        return false;
    }
    bool ok = t.from == UNIT_MONTH || take_digits(&t.fields, 1, 10, &years);
    if (ok && t.to != t.from) {
        ok = take(&t.fields, '-') && take_digits(&t.fields, 1, 2, &months) && months < 12;
    } else if (ok && t.from == UNIT_MONTH) {
        ok = take_digits(&t.fields, 1, 10, &months);
    }
    int64_t total = (years * 12 + months) * (t.negative ? -1 : 1);
    if (!ok || t.fields.len > 0 || total < INT32_MIN || total > INT32_MAX) {
        return false;
    }
    *out_months = (int32_t)total;
    return true;
}

/* The units from t->from to t->to, the first of any size, the others below their limit. */
static bool take_day_time_fields(interval_text *t, dbk_i128 *out_us) {
    static const int64_t unit_s[UNIT_COUNT] = {0, 0, 86400, 3600, 60, 1};
    static const int64_t limit[UNIT_COUNT] = {0, 0, 0, 24, 60, 60};
    dbk_i128 seconds = 0;
    int64_t us = 0;
    for (int unit = t->from; unit <= t->to; unit++) {
        int64_t v = 0;
        bool first = unit == t->from;
        if (!first && (unit == UNIT_HOUR ? skip_blanks(&t->fields) == 0 : !take(&t->fields, ':'))) {
            return false;
        }
        if (!take_digits(&t->fields, 1, first ? 15 : 2, &v) || (!first && v >= limit[unit])) {
            return false;
        }
        seconds += (dbk_i128)v * unit_s[unit];
    }
    if (t->to == UNIT_SECOND && !take_fraction(&t->fields, &us)) {
        return false;
    }
    *out_us = seconds * DBK_PER_SECOND_US + us;
    return t->fields.len == 0;
}

bool dbk_text_read_day_time(dbk_slice s, int64_t *out_us) {
    interval_text t = {.from = UNIT_DAY, .to = UNIT_SECOND};
    dbk_i128 us = 0;
    if (!read_decoration(s, &t) || t.from < UNIT_DAY || !take_day_time_fields(&t, &us)) {
        return false;
    }
    return narrow(t.negative ? -us : us, out_us);
}
