#include "odbc.h"

#include <string.h>

void batch_column_set(batch_column *b, const column *c, const struct ArrowArray *array) {
    *b = (batch_column){.column = c};
    if (c->index_format != 0) {
        b->indices = array;
        array = array->dictionary;
    }
    b->offset = array->offset;
    if (c->source == SRC_NULL || c->source == SRC_OTHER) {
        return;
    }
    b->validity = array->null_count == 0 ? NULL : array->buffers[0];
    b->values = array->buffers[1];
    if (c->source == SRC_TEXT || c->source == SRC_TEXT64 || c->source == SRC_BYTES ||
        c->source == SRC_BYTES64) {
        b->bytes = array->buffers[2];
    } else if (c->source == SRC_TEXT_VIEW || c->source == SRC_BYTES_VIEW) {
        b->pieces = array->buffers + 2;
    }
}

static bool bit_is_zero(const uint8_t *bits, int64_t at) {
    return bits != NULL && (bits[at >> 3] >> (at & 7) & 1) == 0;
}

/* The row of a dictionary's values that a row stands for; -1: NULL. */
static int64_t look_up(const batch_column *b, int64_t row) {
    const struct ArrowArray *a = b->indices;
    int64_t at = row + a->offset;
    if (a->null_count != 0 && bit_is_zero(a->buffers[0], at)) {
        return -1;
    }
    const void *values = a->buffers[1];
    switch (b->column->index_format) {
    case 'c':
        return ((const int8_t *)values)[at];
    case 'C':
        return ((const uint8_t *)values)[at];
    case 's':
        return ((const int16_t *)values)[at];
    case 'S':
        return ((const uint16_t *)values)[at];
    case 'i':
        return ((const int32_t *)values)[at];
    case 'I':
        return ((const uint32_t *)values)[at];
    default: /* l, L */
        return ((const int64_t *)values)[at];
    }
}

bool batch_is_null(const batch_column *b, int64_t row) {
    if (b->column->source == SRC_NULL) {
        return true;
    }
    return bit_is_zero(b->validity, row + b->offset);
}

static int64_t floor_div(int64_t a, int64_t b) {
    return a / b - (a % b < 0);
}

/* Howard Hinnant's civil_from_days: exact for every day of the proleptic Gregorian calendar. */
void civil_from_days(int64_t days, SQL_TIMESTAMP_STRUCT *out) {
    days += 719468;
    int64_t era = floor_div(days, 146097);
    int64_t doe = days - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    out->day = (SQLUSMALLINT)(doy - (153 * mp + 2) / 5 + 1);
    out->month = (SQLUSMALLINT)(mp < 10 ? mp + 3 : mp - 9);
    out->year = (SQLSMALLINT)(yoe + era * 400 + (out->month <= 2));
}

int64_t days_from_civil(int64_t y, int64_t m, int64_t d) {
    y -= m <= 2;
    int64_t era = floor_div(y, 400);
    int64_t yoe = y - era * 400;
    int64_t doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    return era * 146097 + doe - 719468;
}

bool civil_valid(const SQL_TIMESTAMP_STRUCT *ts) {
    static const int days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = ts->year % 4 == 0 && (ts->year % 100 != 0 || ts->year % 400 == 0);
    return ts->year >= 0 && ts->year <= 9999 && ts->month >= 1 && ts->month <= 12 && ts->day >= 1 &&
           ts->day <= days[ts->month - 1] && (ts->month != 2 || ts->day <= 28 || leap) &&
           ts->hour <= 23 && ts->minute <= 59 && ts->second <= 61 && ts->fraction <= 999999999;
}

/* Days of the years 1 to 9999, beyond which ODBC has no dates. */
enum { FIRST_DAY = -719162, LAST_DAY = 2932896 };

static void set_clock(int64_t second_of_day, int64_t rest, int64_t unit, cell *out) {
    out->ts.hour = (SQLUSMALLINT)(second_of_day / 3600);
    out->ts.minute = (SQLUSMALLINT)(second_of_day / 60 % 60);
    out->ts.second = (SQLUSMALLINT)(second_of_day % 60);
    out->ts.fraction = (SQLUINTEGER)(rest * (1000000000 / unit));
}

static conv read_time(const column *c, int64_t ticks, cell *out) {
    if (ticks < 0 || ticks / c->unit >= 86400) {
        return CONV_DATE;
    }
    out->ts = (SQL_TIMESTAMP_STRUCT){0};
    set_clock(ticks / c->unit, ticks % c->unit, c->unit, out);
    out->kind = CELL_TIME;
    return CONV_OK;
}

static conv read_timestamp(const column *c, int64_t ticks, cell *out) {
    int64_t seconds = floor_div(ticks, c->unit);
    int64_t rest = ticks - seconds * c->unit;
    if (c->zone != NULL) {
        seconds += zone_offset(c->zone, seconds);
    }
    int64_t days = floor_div(seconds, 86400), clock = seconds - days * 86400;
    if (days < FIRST_DAY || days > LAST_DAY) {
        return CONV_DATE;
    }
    civil_from_days(days, &out->ts);
    set_clock(clock, rest, c->unit, out);
    out->kind = CELL_TIMESTAMP;
    return CONV_OK;
}

static conv read_date(int32_t days, cell *out) {
    if (days < FIRST_DAY || days > LAST_DAY) {
        return CONV_DATE;
    }
    out->ts = (SQL_TIMESTAMP_STRUCT){0};
    civil_from_days(days, &out->ts);
    out->kind = CELL_DATE;
    return CONV_OK;
}

static void read_bytes(const batch_column *b, int64_t at, cell *out) {
    int64_t from, to;
    if (b->column->source == SRC_TEXT || b->column->source == SRC_BYTES) {
        const int32_t *offsets = b->values;
        from = offsets[at];
        to = offsets[at + 1];
    } else {
        const int64_t *offsets = b->values;
        from = offsets[at];
        to = offsets[at + 1];
    }
    out->text =
        to > from ? (text){(const char *)b->bytes + from, (size_t)(to - from)} : (text){"", 0};
}

/* 16 bytes a value: its length, then up to 12 bytes of it, or 4 of them, the piece and the place there. */
static void read_view(const batch_column *b, int64_t at, cell *out) {
    const char *view = (const char *)b->values + at * 16;
    int32_t length, piece, start;
    memcpy(&length, view, 4);
    memcpy(&piece, view + 8, 4);
    memcpy(&start, view + 12, 4);
    const char *bytes = length <= 12 ? view + 4 : (const char *)b->pieces[piece] + start;
    out->text = length > 0 ? (text){bytes, (size_t)length} : (text){"", 0};
}

static conv set_int(cell *out, int64_t v, int width) {
    out->kind = CELL_INT;
    out->i = v;
    out->precision = width; /* bytes, for SQL_C_BINARY */
    return CONV_OK;
}

conv cell_read(const batch_column *b, int64_t row, cell *out) {
    if (b->indices != NULL) {
        row = look_up(b, row);
    }
    if (row < 0 || batch_is_null(b, row)) {
        out->kind = CELL_NULL;
        return CONV_OK;
    }
    int64_t at = row + b->offset;
    switch (b->column->source) {
    case SRC_NULL:
        break;
    case SRC_BOOL:
        out->kind = CELL_BIT;
        out->i = ((const uint8_t *)b->values)[at >> 3] >> (at & 7) & 1;
        return CONV_OK;
    case SRC_I8:
        return set_int(out, ((const int8_t *)b->values)[at], 1);
    case SRC_I16:
        return set_int(out, ((const int16_t *)b->values)[at], 2);
    case SRC_I32:
        return set_int(out, ((const int32_t *)b->values)[at], 4);
    case SRC_I64:
        return set_int(out, ((const int64_t *)b->values)[at], 8);
    case SRC_F32:
        out->kind = CELL_FLOAT;
        out->d = (double)((const float *)b->values)[at];
        return CONV_OK;
    case SRC_F64:
        out->kind = CELL_DOUBLE;
        out->d = ((const double *)b->values)[at];
        return CONV_OK;
    case SRC_DEC128:
        out->kind = CELL_DECIMAL;
        memcpy(&out->decimal, (const char *)b->values + at * 16, 16);
        out->precision = b->column->precision;
        out->scale = b->column->scale;
        return CONV_OK;
    case SRC_DATE32:
        return read_date(((const int32_t *)b->values)[at], out);
    case SRC_TIMESTAMP:
        return read_timestamp(b->column, ((const int64_t *)b->values)[at], out);
    case SRC_TIME:
        return read_time(b->column,
                         b->column->unit <= 1000 ? ((const int32_t *)b->values)[at]
                                                 : ((const int64_t *)b->values)[at],
                         out);
    case SRC_TEXT:
    case SRC_TEXT64:
        out->kind = CELL_TEXT;
        read_bytes(b, at, out);
        return CONV_OK;
    case SRC_BYTES:
    case SRC_BYTES64:
        out->kind = CELL_BYTES;
        read_bytes(b, at, out);
        return CONV_OK;
    case SRC_TEXT_VIEW:
    case SRC_BYTES_VIEW:
        out->kind = b->column->source == SRC_TEXT_VIEW ? CELL_TEXT : CELL_BYTES;
        read_view(b, at, out);
        return CONV_OK;
    case SRC_OTHER:
        break;
    }
    return CONV_ENCODING;
}
