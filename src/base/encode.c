#include "base/encode.h"

/* Value of a base64 character + 1; 0: not in the alphabet. */
static const uint8_t base64_value[256] = {
    ['A'] = 1,  ['B'] = 2,  ['C'] = 3,  ['D'] = 4,  ['E'] = 5,  ['F'] = 6,  ['G'] = 7,  ['H'] = 8,
    ['I'] = 9,  ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16,
    ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24,
    ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32,
    ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40,
    ['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48,
    ['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56,
    ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62, ['+'] = 63, ['/'] = 64,
};

/* Decodes groups of four without padding while possible; returns the characters consumed. */
static size_t decode_whole_groups(dbk_slice in, unsigned char **out) {
    size_t i = 0;
    unsigned char *o = *out;
    for (; i + 4 <= in.len; i += 4) {
        uint32_t a = base64_value[(unsigned char)in.ptr[i]];
        uint32_t b = base64_value[(unsigned char)in.ptr[i + 1]];
        uint32_t c = base64_value[(unsigned char)in.ptr[i + 2]];
        uint32_t d = base64_value[(unsigned char)in.ptr[i + 3]];
        if (a == 0 || b == 0 || c == 0 || d == 0) {
            break;
        }
        uint32_t v = (a - 1) << 18 | (b - 1) << 12 | (c - 1) << 6 | (d - 1);
        *o++ = (unsigned char)(v >> 16);
        *o++ = (unsigned char)(v >> 8);
        *o++ = (unsigned char)v;
    }
    *out = o;
    return i;
}

dbk_status dbk_base64_feed(dbk_base64 *d, dbk_slice in, dbk_buf *out, dbk_error *err) {
    dbk_status st = dbk_buf_reserve(out, in.len / 4 * 3 + 6, err);
    if (st != DBK_OK) {
        return st;
    }
    unsigned char *o = (unsigned char *)out->ptr + out->len;
    size_t i = 0;
    while (i < in.len) {
        if (d->count == 0 && d->padding == 0) {
            i += decode_whole_groups(dbk_slice_n(in.ptr + i, in.len - i), &o);
            if (i == in.len) {
                break;
            }
        }
        unsigned char c = (unsigned char)in.ptr[i++];
        uint32_t v = base64_value[c];
        bool pad = c == '=' && d->count >= 2;
        if ((v == 0 && !pad) || (v != 0 && d->padding > 0) || (c == '=' && d->count < 2)) {
            return dbk_error_set(err, DBK_DATA_LOSS, "byte 0x%02x is not base64", c);
        }
        d->bits = d->bits << 6 | (pad ? 0 : v - 1);
        d->padding = (uint8_t)(d->padding + (pad ? 1 : 0));
        d->count++;
        if (d->count == 4) {
            *o++ = (unsigned char)(d->bits >> 16);
            if (d->padding < 2) {
                *o++ = (unsigned char)(d->bits >> 8);
            }
            if (d->padding < 1) {
                *o++ = (unsigned char)d->bits;
            }
            d->count = 0;
            d->bits = 0;
        }
    }
    out->len = (size_t)((char *)o - out->ptr);
    return DBK_OK;
}

dbk_status dbk_base64_end(const dbk_base64 *d, dbk_error *err) {
    return d->count == 0 ? DBK_OK
                         : dbk_error_set(err, DBK_DATA_LOSS, "base64 text ends inside a group");
}

dbk_status dbk_url_encode(dbk_slice in, dbk_buf *out, dbk_error *err) {
    static const char hex[] = "0123456789ABCDEF";
    static const char plain[] = "-_.~";
    dbk_status st = DBK_OK;
    for (size_t i = 0; i < in.len && st == DBK_OK; i++) {
        unsigned char c = (unsigned char)in.ptr[i];
        bool keep = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                    (c != 0 && strchr(plain, c) != NULL);
        char coded[3] = {'%', hex[c >> 4], hex[c & 15]};
        st = keep ? dbk_buf_putc(out, (char)c, err) : dbk_buf_append(out, coded, 3, err);
    }
    return st;
}

int64_t dbk_days_from_civil(int64_t year, unsigned month, unsigned day) {
    /* Howard Hinnant's era arithmetic, years starting in March. */
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t yoe = y - era * 400;
    int64_t doy = (153 * (int64_t)(month > 2 ? month - 3 : month + 9) + 2) / 5 + (int64_t)day - 1;
    int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    return era * 146097 + doe - 719468;
}

/* Writes n decimal digits of v. */
static void put_digits(char *at, size_t n, int64_t v) {
    while (n > 0) {
        at[--n] = (char)('0' + v % 10);
        v /= 10;
    }
}

void dbk_format_utc_us(int64_t unix_us, char out[DBK_UTC_US_SIZE]) {
    const int64_t day_us = INT64_C(86400000000);
    int64_t us = unix_us % day_us;
    int64_t day = unix_us / day_us;
    if (us < 0) {
        us += day_us;
        day--;
    }
    /* The inverse of dbk_days_from_civil. */
    int64_t z = day + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    int64_t month = mp < 10 ? mp + 3 : mp - 9;
    int64_t year = yoe + era * 400 + (month <= 2 ? 1 : 0);

    memcpy(out, "0000-00-00T00:00:00.000000Z", DBK_UTC_US_SIZE);
    put_digits(out, 4, year < 0 ? 0 : year);
    put_digits(out + 5, 2, month);
    put_digits(out + 8, 2, doy - (153 * mp + 2) / 5 + 1);
    put_digits(out + 11, 2, us / INT64_C(3600000000));
    put_digits(out + 14, 2, us / 60000000 % 60);
    put_digits(out + 17, 2, us / 1000000 % 60);
    put_digits(out + 20, 6, us % 1000000);
}

/* Reads exactly n digits. */
static bool digits(dbk_slice *s, size_t n, unsigned *out) {
    uint64_t v = 0;
    if (s->len < n || !dbk_parse_u64(dbk_slice_n(s->ptr, n), &v)) {
        return false;
    }
    *out = (unsigned)v;
    s->ptr += n;
    s->len -= n;
    return true;
}

static bool literal(dbk_slice *s, char c) {
    if (s->len == 0 || s->ptr[0] != c) {
        return false;
    }
    s->ptr++;
    s->len--;
    return true;
}

static bool civil_ok(unsigned year, unsigned month, unsigned day, unsigned h, unsigned m,
                     unsigned sec) {
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (month < 1 || month > 12) {
        return false;
    }
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    unsigned last = days[month - 1] + (leap && month == 2 ? 1u : 0u);
    return day >= 1 && day <= last && h <= 23 && m <= 59 && sec <= 60;
}

/* The zone: Z or +hh:mm, as seconds east. */
static bool parse_zone(dbk_slice *s, int64_t *offset_s) {
    if (literal(s, 'Z') || literal(s, 'z')) {
        *offset_s = 0;
        return true;
    }
    bool west = s->len > 0 && s->ptr[0] == '-';
    unsigned h = 0;
    unsigned m = 0;
    if ((!literal(s, '+') && !literal(s, '-')) || !digits(s, 2, &h) || !literal(s, ':') ||
        !digits(s, 2, &m) || h > 23 || m > 59) {
        return false;
    }
    int64_t east = (int64_t)h * 3600 + (int64_t)m * 60;
    *offset_s = west ? -east : east;
    return true;
}

bool dbk_parse_rfc3339(dbk_slice s, int64_t *out_unix_ms) {
    unsigned y = 0;
    unsigned mon = 0;
    unsigned d = 0;
    unsigned h = 0;
    unsigned m = 0;
    unsigned sec = 0;
    if (!digits(&s, 4, &y) || !literal(&s, '-') || !digits(&s, 2, &mon) || !literal(&s, '-') ||
        !digits(&s, 2, &d) || (!literal(&s, 'T') && !literal(&s, 't') && !literal(&s, ' ')) ||
        !digits(&s, 2, &h) || !literal(&s, ':') || !digits(&s, 2, &m) || !literal(&s, ':') ||
        !digits(&s, 2, &sec) || !civil_ok(y, mon, d, h, m, sec)) {
        return false;
    }
    int64_t ms = 0;
    if (literal(&s, '.')) {
        int64_t scale = 100;
        size_t n = 0;
        unsigned digit = 0;
        while (digits(&s, 1, &digit)) {
            ms += (int64_t)digit * scale;
            scale /= 10;
            n++;
        }
        if (n == 0) {
            return false;
        }
    }
    int64_t offset_s = 0;
    if (!parse_zone(&s, &offset_s) || s.len != 0) {
        return false;
    }
    int64_t unix_s = dbk_days_from_civil((int64_t)y, mon, d) * 86400 + (int64_t)h * 3600 +
                     (int64_t)m * 60 + (int64_t)sec - offset_s;
    *out_unix_ms = unix_s * 1000 + ms;
    return true;
}

bool dbk_parse_http_date(dbk_slice s, int64_t *out_unix_s) {
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    unsigned d = 0;
    unsigned y = 0;
    unsigned h = 0;
    unsigned m = 0;
    unsigned sec = 0;
    dbk_slice weekday;
    if (!dbk_slice_split(&s, ',', &weekday) || weekday.len != 3 || !literal(&s, ' ') ||
        !digits(&s, 2, &d) || !literal(&s, ' ') || s.len < 3) {
        return false;
    }
    unsigned mon = 0;
    for (unsigned i = 0; i < 12; i++) {
        if (memcmp(months + (size_t)i * 3, s.ptr, 3) == 0) {
            mon = i + 1;
        }
    }
    s.ptr += 3;
    s.len -= 3;
    if (mon == 0 || !literal(&s, ' ') || !digits(&s, 4, &y) || !literal(&s, ' ') ||
        !digits(&s, 2, &h) || !literal(&s, ':') || !digits(&s, 2, &m) || !literal(&s, ':') ||
        !digits(&s, 2, &sec) || !dbk_slice_eq(s, DBK_SLICE(" GMT")) ||
        !civil_ok(y, mon, d, h, m, sec)) {
        return false;
    }
    *out_unix_s = dbk_days_from_civil((int64_t)y, mon, d) * 86400 + (int64_t)h * 3600 +
                  (int64_t)m * 60 + (int64_t)sec;
    return true;
}
