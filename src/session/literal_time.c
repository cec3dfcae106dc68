#include "session/literals.h"

#include <stdio.h>

/* The grammar of the Rust kernel's date library [ran]: fields of one or two digits, blanks before a
 * field, years of four digits or signed ones of any length. */

typedef enum scan { SCAN_OK, SCAN_RANGE, SCAN_INVALID, SCAN_SHORT, SCAN_TRAILING } scan;

static const char *scan_text(scan s) {
    switch (s) {
    case SCAN_RANGE:
        return "input is out of range";
    case SCAN_SHORT:
        return "premature end of input";
    case SCAN_TRAILING:
        return "trailing input";
    case SCAN_INVALID:
    case SCAN_OK:
        break;
    }
    return "input contains invalid characters";
}

/* Reading stops at the first thing that is wrong: later steps see `why` and do nothing. */
typedef struct cursor {
    const char *at, *end;
    scan why;
} cursor;

static bool is_blank(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static void skip_blanks(cursor *c) {
    while (c->why == SCAN_OK && c->at < c->end && is_blank(*c->at)) {
        c->at++;
    }
}

static bool next_is(const cursor *c, char want) {
    return c->why == SCAN_OK && c->at < c->end && *c->at == want;
}

static bool skip_if(cursor *c, char want) {
    bool there = next_is(c, want);
    c->at += there ? 1 : 0;
    return there;
}

static bool digit(const cursor *c) {
    return c->at < c->end && *c->at >= '0' && *c->at <= '9';
}

static void stop(cursor *c, scan why) {
    c->why = c->why == SCAN_OK ? why : c->why;
}

static void field(cursor *c, int max_digits, int32_t min, int32_t max, int32_t *out) {
    int32_t v = 0;
    int n = 0;
    if (c->why != SCAN_OK) {
        return;
    }
    if (c->at == c->end) {
        stop(c, SCAN_SHORT);
        return;
    }
    for (; n < max_digits && digit(c); n++) {
        v = v > 99999999 ? v : v * 10 + (*c->at - '0');
        c->at++;
    }
    if (n == 0) {
        stop(c, SCAN_INVALID);
    } else if (v < min || v > max) {
        stop(c, SCAN_RANGE);
    }
    *out = v;
}

static void literal(cursor *c, char want) {
    if (!skip_if(c, want)) {
        stop(c, c->at == c->end ? SCAN_SHORT : SCAN_INVALID);
    }
}

typedef struct date {
    int32_t year, month, day;
} date;

#define YEAR_MAX 262142 /* the date library's own limits */
#define YEAR_MIN (-262143)

static bool is_leap(int32_t y) {
    return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
}

static int32_t days_in(int32_t year, int32_t month) {
    static const int32_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && is_leap(year) ? 1 : 0);
}

static void read_date(cursor *c, date *out) {
    skip_blanks(c);
    bool negative = skip_if(c, '-');
    bool sign = negative || skip_if(c, '+');
    field(c, sign ? INT32_MAX : 4, 0, INT32_MAX, &out->year);
    out->year = negative ? -out->year : out->year;
    literal(c, '-');
    skip_blanks(c);
    field(c, 2, 1, 12, &out->month);
    literal(c, '-');
    skip_blanks(c);
    field(c, 2, 1, 31, &out->day);
}

/* The whole text was read and the day exists. */
static void check_end(cursor *c, const date *d) {
    if (c->at != c->end) {
        stop(c, SCAN_TRAILING);
    }
    if (c->why == SCAN_OK &&
        (d->year < YEAR_MIN || d->year > YEAR_MAX || d->day > days_in(d->year, d->month))) {
        stop(c, SCAN_RANGE);
    }
}

typedef struct moment {
    date date;
    int32_t hour, minute, second; /* second 60: a leap second stays one */
    int32_t nanos;
    int32_t offset_minutes;
} moment;

static void read_fraction(cursor *c, int32_t *nanos) {
    if (!skip_if(c, '.')) {
        return;
    }
    if (!digit(c)) {
        stop(c, SCAN_INVALID);
    }
    int n = 0;
    for (; digit(c); c->at++) { /* what is finer than a nanosecond is dropped */
        *nanos = n < 9 ? *nanos * 10 + (*c->at - '0') : *nanos;
        n += n < 9 ? 1 : 0;
    }
    for (; n < 9; n++) {
        *nanos *= 10;
    }
}

/* "Z", "+05:30", "+0530"; blanks before the latter unless the parts are joined by a T. */
static void read_offset(cursor *c, bool blanks, int32_t *minutes) {
    int32_t hour = 0;
    int32_t minute = 0;
    if (skip_if(c, 'Z') || skip_if(c, 'z')) {
        return;
    }
    if (blanks) {
        skip_blanks(c);
    }
    bool negative = skip_if(c, '-');
    if (!negative) {
        literal(c, '+');
    }
    const char *start = c->at;
    field(c, 2, 0, 23, &hour);
    start += skip_if(c, ':') ? 1 : 0;
    field(c, 2, 0, 59, &minute);
    if (c->at - start != 4) {
        stop(c, SCAN_INVALID); /* both have two digits */
    }
    *minutes = (hour * 60 + minute) * (negative ? -1 : 1);
}

static void read_moment(cursor *c, moment *m) {
    read_date(c, &m->date);
    bool joined = skip_if(c, 'T');
    if (!joined && (c->at == c->end || !is_blank(*c->at))) {
        stop(c, SCAN_INVALID);
    }
    skip_blanks(c);
    field(c, 2, 0, 23, &m->hour);
    literal(c, ':');
    field(c, 2, 0, 59, &m->minute);
    literal(c, ':');
    field(c, 2, 0, 60, &m->second);
    read_fraction(c, &m->nanos);
    if (c->at < c->end) {
        read_offset(c, !joined, &m->offset_minutes);
    }
}

static void previous_day(date *d) {
    if (--d->day == 0) {
        d->month = d->month == 1 ? 12 : d->month - 1;
        d->year -= d->month == 12 ? 1 : 0;
        d->day = days_in(d->year, d->month);
    }
}

static void next_day(date *d) {
    if (++d->day > days_in(d->year, d->month)) {
        d->day = 1;
        d->month = d->month == 12 ? 1 : d->month + 1;
        d->year += d->month == 1 ? 1 : 0;
    }
}

static void to_utc(moment *m) { /* an offset is less than a day */
    int32_t minutes = m->hour * 60 + m->minute - m->offset_minutes;
    if (minutes < 0) {
        minutes += 1440;
        previous_day(&m->date);
    } else if (minutes >= 1440) {
        minutes -= 1440;
        next_day(&m->date);
    }
    m->hour = minutes / 60;
    m->minute = minutes % 60;
}

/* Years outside 0 to 9999 carry a sign. */
static int write_date(const date *d, char *out, size_t size) {
    return d->year >= 0 && d->year <= 9999
               ? snprintf(out, size, "%04d-%02d-%02d", d->year, d->month, d->day)
               : snprintf(out, size, "%+05d-%02d-%02d", d->year, d->month, d->day);
}

/* Three, six or nine digits, or none. */
static int write_fraction(int32_t nanos, char *out, size_t size) {
    if (nanos == 0) {
        out[0] = '\0';
        return 0;
    }
    if (nanos % 1000000 == 0) {
        return snprintf(out, size, ".%03d", nanos / 1000000);
    }
    return nanos % 1000 == 0 ? snprintf(out, size, ".%06d", nanos / 1000)
                             : snprintf(out, size, ".%09d", nanos);
}

static void write_moment(const moment *m, bool ltz, char *out, size_t size) {
    size_t n = (size_t)write_date(&m->date, out, size);
    n += (size_t)snprintf(out + n, size - n, "%c%02d:%02d:%02d", ltz ? 'T' : ' ', m->hour,
                          m->minute, m->second);
    n += (size_t)write_fraction(m->nanos, out + n, size - n);
    (void)snprintf(out + n, size - n, "%s", ltz ? "Z" : "");
}

dbk_status dbk_time_normalise(dbk_time_kind kind, dbk_slice value, char out[DBK_TIME_TEXT],
                              dbk_error *err) {
    cursor c = {value.ptr, value.ptr + value.len, SCAN_OK};
    moment m = {0};
    int shown = (int)dbk_min_size(value.len, 200);
    if (kind == DBK_TIME_DATE) {
        read_date(&c, &m.date);
    } else {
        read_moment(&c, &m);
    }
    check_end(&c, &m.date);
    if (c.why != SCAN_OK && kind == DBK_TIME_DATE) {
        return dbk_error_set(err, DBK_INVALID_ARGUMENT, "invalid DATE literal \"%.*s\": %s", shown,
                             value.ptr, scan_text(c.why));
    }
    if (c.why != SCAN_OK) {
        return dbk_error_set(err, DBK_INVALID_ARGUMENT, "invalid %s literal \"%.*s\"",
                             kind == DBK_TIME_LTZ ? "TIMESTAMP_LTZ" : "TIMESTAMP", shown,
                             value.ptr);
    }
    if (kind == DBK_TIME_DATE) {
        (void)write_date(&m.date, out, DBK_TIME_TEXT);
    } else {
        to_utc(&m);
        write_moment(&m, kind == DBK_TIME_LTZ, out, DBK_TIME_TEXT);
    }
    return DBK_OK;
}
