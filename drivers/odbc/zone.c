#include "odbc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Time zones from the system's tzdata (RFC 8536 files): the process's own zone has no part in it, and
 * localtime_r knows only that one. A zone remembers the stretch of its last answer. */

typedef struct rule { /* of a POSIX TZ string: Mm.w.d/time */
    int month, week, day;
    int64_t seconds;
} rule;

struct zone {
    int64_t *times; /* where a new offset begins */
    int32_t *offsets;
    size_t count;
    int32_t first; /* before the first time */
    bool has_footer, has_dst;
    int32_t standard, summer;
    rule start, end;
    int64_t from, until; /* the last answer holds in [from, until) */
    int32_t offset;
};

static uint32_t be32(const unsigned char *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int64_t be64(const unsigned char *p) {
    return (int64_t)((uint64_t)be32(p) << 32 | be32(p + 4));
}

/* ---- The footer: what holds after the last transition ---------------------------------------------- */

static const char *skip_name(const char *p) {
    if (*p == '<') {
        const char *end = strchr(p, '>');
        return end == NULL ? p : end + 1;
    }
    while ((*p >= 'A' && *p <= 'Z') || (*p >= 'a' && *p <= 'z')) {
        p++;
    }
    return p;
}

static const char *take_number(const char *p, int *out) {
    *out = 0;
    while (*p >= '0' && *p <= '9' && *out < 1000) {
        *out = *out * 10 + (*p++ - '0');
    }
    return p;
}

static const char *take_time(const char *p, int64_t *seconds) { /* [+-]hh[:mm[:ss]] */
    int sign = *p == '-' ? -1 : 1, part = 0;
    p += *p == '-' || *p == '+';
    int64_t total = 0, weight = 3600;
    for (int i = 0; i < 3; i++) {
        p = take_number(p, &part);
        total += part * weight;
        weight /= 60;
        if (*p != ':') {
            break;
        }
        p++;
    }
    *seconds = sign * total;
    return p;
}

static const char *take_rule(const char *p, rule *r) { /* ",M3.5.0/2" */
    if (p[0] != ',' || p[1] != 'M') {
        return NULL; /* day-of-year rules: no zone of today has one */
    }
    p = take_number(p + 2, &r->month);
    p = take_number(p + (*p == '.'), &r->week);
    p = take_number(p + (*p == '.'), &r->day);
    r->seconds = 7200;
    if (*p == '/') {
        p = take_time(p + 1, &r->seconds);
    }
    return p;
}

static void read_footer(struct zone *z, const char *p) {
    int64_t seconds = 0;
    p = skip_name(p);
    p = take_time(p, &seconds);
    z->standard = (int32_t)-seconds;
    z->has_footer = true;
    if (*p == '\0' || *p == '\n') {
        return;
    }
    p = skip_name(p);
    z->summer = z->standard + 3600;
    if (*p != ',') {
        p = take_time(p, &seconds);
        z->summer = (int32_t)-seconds;
    }
    p = take_rule(p, &z->start);
    p = p == NULL ? NULL : take_rule(p, &z->end);
    z->has_dst = p != NULL;
}

static int64_t rule_day(const rule *r, int64_t year) { /* days since 1970 */
    int64_t first = days_from_civil(year, r->month, 1);
    int64_t weekday = ((first + 4) % 7 + 7) % 7;
    int64_t day = first + ((r->day - weekday) % 7 + 7) % 7 + (int64_t)(r->week - 1) * 7;
    int64_t next =
        r->month == 12 ? days_from_civil(year + 1, 1, 1) : days_from_civil(year, r->month + 1, 1);
    while (day >= next) { /* week 5 is the last one */
        day -= 7;
    }
    return day;
}

static int64_t footer_offset(struct zone *z, int64_t utc) {
    if (!z->has_dst) {
        return z->standard;
    }
    SQL_TIMESTAMP_STRUCT date;
    int64_t days = utc >= 0 ? utc / 86400 : -((-utc + 86399) / 86400);
    civil_from_days(days, &date);
    int64_t start = rule_day(&z->start, date.year) * 86400 + z->start.seconds - z->standard;
    int64_t end = rule_day(&z->end, date.year) * 86400 + z->end.seconds - z->summer;
    bool summer = start < end ? utc >= start && utc < end : utc >= start || utc < end;
    return summer ? z->summer : z->standard;
}

/* ---- The file ---------------------------------------------------------------------------------------- */

/* One block of transitions; wide: 8-byte times. */
static bool read_block(struct zone *z, const unsigned char *p, const unsigned char *end,
                       bool wide) {
    size_t times = be32(p + 32), types = be32(p + 36), chars = be32(p + 40);
    size_t size = wide ? 8 : 4;
    const unsigned char *body = p + 44;
    if (types == 0 || times > 100000 || types > 256 ||
        (size_t)(end - body) < times * size + times + types * 6 + chars) {
        return false;
    }
    const unsigned char *indexes = body + times * size, *infos = indexes + times;
    z->times = calloc(times + 1, sizeof *z->times);
    z->offsets = calloc(times + 1, sizeof *z->offsets);
    if (z->times == NULL || z->offsets == NULL) {
        return false;
    }
    z->first = (int32_t)be32(infos);
    for (size_t i = 0; i < times; i++) {
        if (indexes[i] >= types) {
            return false;
        }
        z->times[i] = wide ? be64(body + i * 8) : (int32_t)be32(body + i * 4);
        z->offsets[i] = (int32_t)be32(infos + (size_t)indexes[i] * 6);
    }
    z->count = times;
    return true;
}

static bool read_zone(struct zone *z, const unsigned char *p, size_t len) {
    const unsigned char *end = p + len;
    if (len < 44 || memcmp(p, "TZif", 4) != 0) {
        return false;
    }
    if (p[4] < '2') {
        return read_block(z, p, end, false);
    }
    uint64_t skip = 44 + (uint64_t)be32(p + 32) * 5 + (uint64_t)be32(p + 36) * 6 + be32(p + 40) +
                    (uint64_t)be32(p + 28) * 8 + be32(p + 24) + be32(p + 20);
    if (skip + 44 > len || !read_block(z, p + skip, end, true)) {
        return false;
    }
    const unsigned char *h = p + skip;
    const unsigned char *footer = h + 44 + (size_t)be32(h + 32) * 9 + (size_t)be32(h + 36) * 6 +
                                  be32(h + 40) + (size_t)be32(h + 28) * 12 + be32(h + 24) +
                                  be32(h + 20);
    if (footer + 1 < end && *footer == '\n' && footer[1] != '\n') {
        read_footer(z, (const char *)footer + 1); /* the buffer ends with a NUL */
    }
    return true;
}

static bool load(struct zone *z, const char *name) {
    buf path = {0}, content = {0};
    buf_printf(&path, "/usr/share/zoneinfo/%s", name);
    FILE *f = path.failed ? NULL : fopen(path.ptr, "re");
    buf_free(&path);
    if (f == NULL) {
        return false;
    }
    char piece[4096];
    for (size_t n; (n = fread(piece, 1, sizeof piece, f)) > 0 && content.len < 1 << 20;) {
        buf_add(&content, piece, n);
    }
    (void)fclose(f);
    bool ok = !content.failed && content.ptr != NULL &&
              read_zone(z, (const unsigned char *)content.ptr, content.len);
    buf_free(&content);
    return ok;
}

static bool is_fixed(struct zone *z, const char *name) { /* "UTC", "+05:30", "GMT+1" */
    if (strcmp(name, "UTC") == 0 || strcmp(name, "Z") == 0 || strcmp(name, "Etc/UTC") == 0 ||
        strcmp(name, "GMT") == 0) {
        return true;
    }
    const char *p = strncmp(name, "GMT", 3) == 0 || strncmp(name, "UTC", 3) == 0 ? name + 3 : name;
    int64_t seconds = 0;
    if ((*p != '+' && *p != '-') || *take_time(p, &seconds) != '\0') {
        return false;
    }
    z->first = (int32_t)seconds;
    return true;
}

struct zone *zone_open(const char *name) {
    struct zone *z = calloc(1, sizeof *z);
    bool sane = name[0] != '/' && strstr(name, "..") == NULL;
    if (z != NULL && !is_fixed(z, name) && (!sane || !load(z, name))) {
        zone_close(z);
        return NULL;
    }
    return z;
}

int64_t zone_offset(struct zone *z, int64_t utc) {
    if (utc >= z->from && utc < z->until) {
        return z->offset;
    }
    size_t low = 0, high = z->count; /* the number of times that are <= utc */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (z->times[middle] <= utc) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == z->count && z->has_footer) {
        return footer_offset(z, utc);
    }
    z->from = low == 0 ? INT64_MIN : z->times[low - 1];
    z->until = low == z->count ? INT64_MAX : z->times[low];
    z->offset = low == 0 ? z->first : z->offsets[low - 1];
    return z->offset;
}

void zone_close(struct zone *z) {
    if (z != NULL) {
        free(z->times);
        free(z->offsets);
        free(z);
    }
}
