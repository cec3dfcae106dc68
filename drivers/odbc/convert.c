#include "odbc.h"

#include <math.h>
#include <string.h>
#include <time.h>

/* A cell into the application's C types: the matrix of contract 4.2, the lengths of 4.3. */

static const struct {
    const char *state, *message;
    bool error;
} convs[] = {
    [CONV_OK] = {"00000", "", false},
    [CONV_CUT] = {"01004", "The data was cut: the buffer is too short.", false},
    [CONV_FRACTION] = {"01S07", "The fraction was cut.", false},
    [CONV_NULL] = {"22002", "The value is NULL and there is no indicator to say so.", true},
    [CONV_RANGE] = {"22003", "The number is out of the range of the C type.", true},
    [CONV_MALFORMED] = {"22018", "The text is not a value of the C type.", true},
    [CONV_DATE] = {"22007", "The date or time is not valid, or not of the years 1 to 9999.", true},
    [CONV_INTERVAL] = {"22015", "The interval does not fit.", true},
    [CONV_TYPE] = {"07006", "The SQL type cannot be converted to this C type.", true},
    [CONV_LENGTH] = {"HY090", "A buffer length is negative.", true},
    [CONV_UNKNOWN_C] = {"HY003", "There is no such C type.", true},
    [CONV_MEMORY] = {"HY001", "Out of memory.", true},
    [CONV_ENCODING] = {"HYC00", "The column's Arrow type is not supported.", true},
    [CONV_END] = {"00000", "", false},
};

bool conv_is_error(conv c) {
    return convs[c].error;
}
const char *conv_state(conv c) {
    return convs[c].state;
}
const char *conv_message(conv c) {
    return convs[c].message;
}

/* ---- Numbers ------------------------------------------------------------------------------------------- */

/* Any number as an integer of 128 bits; FRACTION when it had one. */
static conv cell_integer(const cell *c, i128 *out) {
    cell parsed = *c;
    if (c->kind == CELL_TEXT) {
        parsed.kind = CELL_DECIMAL;
        conv r = parse_decimal(c->text, &parsed.decimal, &parsed.scale);
        if (r == CONV_MALFORMED && parse_double(c->text, &parsed.d) != CONV_MALFORMED) {
            return CONV_RANGE; /* NaN, Infinity */
        }
        if (r != CONV_OK) {
            return r;
        }
    }
    switch (parsed.kind) {
    case CELL_BIT:
    case CELL_INT:
        *out = c->i;
        return CONV_OK;
    case CELL_FLOAT:
    case CELL_DOUBLE:
        if (isnan(c->d) || fabs(c->d) >= 1e37) {
            return CONV_RANGE;
        }
        *out = (i128)c->d;
        return trunc(c->d) == c->d ? CONV_OK : CONV_FRACTION;
    case CELL_DECIMAL:
        return rescale(parsed.decimal, parsed.scale, 0, out);
    case CELL_NULL:
    case CELL_DATE:
    case CELL_TIME:
    case CELL_TIMESTAMP:
    case CELL_TEXT:
    case CELL_BYTES:
        break;
    }
    return CONV_TYPE;
}

static const struct int_type {
    SQLSMALLINT c_type;
    int size;
    int64_t min;
    uint64_t max;
} int_types[] = {
    {SQL_C_STINYINT, 1, INT8_MIN, INT8_MAX}, {SQL_C_TINYINT, 1, INT8_MIN, INT8_MAX},
    {SQL_C_UTINYINT, 1, 0, UINT8_MAX},       {SQL_C_SSHORT, 2, INT16_MIN, INT16_MAX},
    {SQL_C_SHORT, 2, INT16_MIN, INT16_MAX},  {SQL_C_USHORT, 2, 0, UINT16_MAX},
    {SQL_C_SLONG, 4, INT32_MIN, INT32_MAX},  {SQL_C_LONG, 4, INT32_MIN, INT32_MAX},
    {SQL_C_ULONG, 4, 0, UINT32_MAX},         {SQL_C_SBIGINT, 8, INT64_MIN, INT64_MAX},
    {SQL_C_UBIGINT, 8, 0, UINT64_MAX},
};

static const struct int_type *find_int(SQLSMALLINT c_type) {
    for (size_t i = 0; i < COUNT_OF(int_types); i++) {
        if (int_types[i].c_type == c_type) {
            return &int_types[i];
        }
    }
    return NULL;
}

static conv to_integer(const cell *c, const struct int_type *type, void *out) {
    i128 v = 0;
    conv r = cell_integer(c, &v);
    if (conv_is_error(r)) {
        return r;
    }
    if (v < type->min || v > (i128)type->max) {
        return CONV_RANGE;
    }
    uint64_t bits = (uint64_t)v;
    memcpy(out, &bits, (size_t)type->size); /* little endian, as Arrow is */
    return r;
}

static conv to_bit(const cell *c, void *out) {
    cell parsed = *c;
    if (c->kind == CELL_TEXT) { /* a server's booleans as text, too */
        text t = text_trim(c->text);
        if (text_is(t, "true") || text_is(t, "false")) {
            parsed = (cell){.kind = CELL_BIT, .i = text_is(t, "true")};
        }
    }
    i128 v = 0;
    conv r = cell_integer(&parsed, &v);
    if (conv_is_error(r)) {
        return r;
    }
    if (v < 0 || v > 1 || (r == CONV_FRACTION && parsed.kind != CELL_TEXT && parsed.d < 0)) {
        return CONV_RANGE;
    }
    *(unsigned char *)out = (unsigned char)v;
    return r;
}

static conv to_real(const cell *c, bool is_float, void *out) {
    double d = 0;
    char digits[CELL_TEXT_MAX];
    conv r = CONV_OK;
    switch (c->kind) {
    case CELL_BIT:
    case CELL_INT:
        d = (double)c->i;
        break;
    case CELL_FLOAT:
    case CELL_DOUBLE:
        d = c->d;
        break;
    case CELL_DECIMAL: /* by its digits: dividing would round twice */
        r = parse_double((text){digits, put_decimal(digits, c->decimal, c->scale)}, &d);
        break;
    case CELL_TEXT:
        r = parse_double(c->text, &d);
        break;
    case CELL_NULL:
    case CELL_DATE:
    case CELL_TIME:
    case CELL_TIMESTAMP:
    case CELL_BYTES:
        return CONV_TYPE;
    }
    if (r != CONV_OK) {
        return r;
    }
    if (!is_float) {
        memcpy(out, &d, sizeof d);
        return CONV_OK;
    }
    if (!isinf(d) && isinf((float)d)) {
        return CONV_RANGE;
    }
    float f = (float)d;
    memcpy(out, &f, sizeof f);
    return CONV_OK;
}

static conv to_numeric(const cell *c, int precision, int scale, void *out) {
    i128 v = 0;
    int own_precision = 38, own_scale = 0;
    conv r = CONV_OK;
    switch (c->kind) {
    case CELL_DECIMAL:
        v = c->decimal;
        own_precision = c->precision;
        own_scale = c->scale;
        break;
    case CELL_BIT:
    case CELL_INT:
        v = c->i;
        break;
    case CELL_FLOAT:
    case CELL_DOUBLE:
        if (!double_to_decimal(c->d, &v, &own_scale)) {
            return CONV_RANGE;
        }
        break;
    case CELL_TEXT:
        r = parse_decimal(c->text, &v, &own_scale);
        break;
    case CELL_NULL:
    case CELL_DATE:
    case CELL_TIME:
    case CELL_TIMESTAMP:
    case CELL_BYTES:
        r = CONV_TYPE;
        break;
    }
    if (r != CONV_OK) {
        return r;
    }
    int to_scale = scale >= 0 ? scale : own_scale;
    if (to_scale > 38) { /* a descriptor may say anything */
        return CONV_RANGE;
    }
    r = rescale(v, own_scale, to_scale, &v);
    int to_precision = precision > 0 ? precision : own_precision > 0 ? own_precision : 38;
    SQL_NUMERIC_STRUCT n;
    if (conv_is_error(r) || !decimal_to_numeric(v, to_precision, to_scale, &n)) {
        return CONV_RANGE;
    }
    memcpy(out, &n, sizeof n);
    return r;
}

/* ---- Dates and the rest ------------------------------------------------------------------------------------ */

static conv cell_moment(const cell *c, SQL_TIMESTAMP_STRUCT *ts, bool *has_date, bool *has_time) {
    *ts = c->ts;
    *has_date = c->kind == CELL_DATE || c->kind == CELL_TIMESTAMP;
    *has_time = c->kind == CELL_TIME || c->kind == CELL_TIMESTAMP;
    if (c->kind == CELL_TEXT) {
        return parse_timestamp(c->text, ts, has_date, has_time);
    }
    return *has_date || *has_time ? CONV_OK : CONV_TYPE;
}

/* ODBC's rule for a time of day as a timestamp. */
static void set_today(SQL_TIMESTAMP_STRUCT *ts) {
    time_t now = time(NULL);
    struct tm today = {0};
    (void)localtime_r(&now, &today);
    ts->year = (SQLSMALLINT)(today.tm_year + 1900);
    ts->month = (SQLUSMALLINT)(today.tm_mon + 1);
    ts->day = (SQLUSMALLINT)today.tm_mday;
}

static conv to_moment(const cell *c, SQLSMALLINT c_type, void *out) {
    SQL_TIMESTAMP_STRUCT ts = {0};
    bool has_date = false, has_time = false;
    conv r = cell_moment(c, &ts, &has_date, &has_time);
    if (r != CONV_OK) {
        return r;
    }
    bool clock = ts.hour != 0 || ts.minute != 0 || ts.second != 0 || ts.fraction != 0;
    if (c_type == SQL_C_TYPE_DATE) {
        if (!has_date) {
            return c->kind == CELL_TEXT ? CONV_MALFORMED : CONV_TYPE;
        }
        SQL_DATE_STRUCT d = {ts.year, ts.month, ts.day};
        memcpy(out, &d, sizeof d);
        return has_time && clock ? CONV_FRACTION : CONV_OK;
    }
    if (c_type == SQL_C_TYPE_TIME) {
        if (!has_time) {
            return c->kind == CELL_TEXT ? CONV_MALFORMED : CONV_TYPE;
        }
        SQL_TIME_STRUCT t = {ts.hour, ts.minute, ts.second};
        memcpy(out, &t, sizeof t);
        return ts.fraction != 0 ? CONV_FRACTION : CONV_OK;
    }
    if (!has_date && c->kind == CELL_TEXT) {
        return CONV_MALFORMED;
    }
    if (!has_date) {
        set_today(&ts);
    }
    memcpy(out, &ts, sizeof ts);
    return CONV_OK;
}

static int hex_digit(char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static conv to_guid(const cell *c, void *out) {
    if (c->kind == CELL_BYTES && c->text.len == 16) {
        memcpy(out, c->text.ptr, 16);
        return CONV_OK;
    }
    if (c->kind != CELL_TEXT) {
        return CONV_TYPE;
    }
    text t = text_trim(c->text);
    unsigned char bytes[16];
    size_t n = 0;
    if (t.len != 36) {
        return CONV_MALFORMED;
    }
    for (size_t i = 0; i < t.len;) {
        if (i == 8 || i == 13 || i == 18 || i == 23) {
            if (t.ptr[i++] != '-') {
                return CONV_MALFORMED;
            }
            continue;
        }
        int high = hex_digit(t.ptr[i]), low = hex_digit(t.ptr[i + 1]);
        if (high < 0 || low < 0) {
            return CONV_MALFORMED;
        }
        bytes[n++] = (unsigned char)(high << 4 | low);
        i += 2;
    }
    static const unsigned char order[] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};
    for (size_t i = 0; i < 16; i++) { /* SQLGUID: three little-endian numbers, then bytes */
        ((unsigned char *)out)[i] = bytes[order[i]];
    }
    return CONV_OK;
}

static conv to_interval(const cell *c, SQLSMALLINT c_type, void *out) {
    SQL_INTERVAL_STRUCT v;
    conv r = CONV_TYPE;
    if (c->kind == CELL_TEXT) {
        r = parse_interval(c->text, c_type, &v);
    } else if (c->kind == CELL_INT && c_type <= SQL_C_INTERVAL_SECOND) {
        char digits[24];
        r = parse_interval((text){digits, put_i64(digits, c->i)}, c_type, &v);
        r = r == CONV_MALFORMED ? CONV_INTERVAL : r;
    }
    if (!conv_is_error(r)) {
        memcpy(out, &v, sizeof v);
    }
    return r;
}

conv cell_fixed(const cell *c, SQLSMALLINT c_type, int precision, int scale, void *out,
                SQLLEN *size) {
    *size = c_type_size(c_type);
    const struct int_type *type = find_int(c_type);
    if (type != NULL) {
        return to_integer(c, type, out);
    }
    switch (c_type) {
    case SQL_C_BIT:
        return to_bit(c, out);
    case SQL_C_FLOAT:
    case SQL_C_DOUBLE:
        return to_real(c, c_type == SQL_C_FLOAT, out);
    case SQL_C_NUMERIC:
        return to_numeric(c, precision, scale, out);
    case SQL_C_TYPE_DATE:
    case SQL_C_TYPE_TIME:
    case SQL_C_TYPE_TIMESTAMP:
        return to_moment(c, c_type, out);
    case SQL_C_GUID:
        return to_guid(c, out);
    default:
        return type_is_interval(c_type) ? to_interval(c, c_type, out) : CONV_UNKNOWN_C;
    }
}

/* ---- Variable types ------------------------------------------------------------------------------------------ */

static bool is_number(cell_kind k) {
    return k == CELL_INT || k == CELL_FLOAT || k == CELL_DOUBLE || k == CELL_DECIMAL;
}

conv cell_cut(const cell *c, text t, size_t fits) {
    if (c->kind == CELL_DATE || c->kind == CELL_BIT) {
        return CONV_RANGE;
    }
    if (c->kind == CELL_TIME) {
        return fits >= 8 ? CONV_CUT : CONV_RANGE;
    }
    if (c->kind == CELL_TIMESTAMP) {
        return fits >= 19 ? CONV_CUT : CONV_RANGE;
    }
    if (is_number(c->kind)) {
        const char *point = memchr(t.ptr, '.', t.len);
        bool exponent = memchr(t.ptr, 'e', t.len) != NULL;
        return point != NULL && !exponent && fits >= (size_t)(point - t.ptr) ? CONV_CUT
                                                                             : CONV_RANGE;
    }
    return CONV_CUT;
}

static void set_length(const target *t, SQLLEN length) {
    if (t->length != NULL) {
        length_set(t->length, length);
    }
    if (t->indicator != NULL && t->indicator != t->length) {
        length_set(t->indicator, length);
    }
}

static conv to_text(const cell *c, const target *t, text v) {
    unsigned unit = t->c_type == SQL_C_WCHAR ? t->unit : 1;
    size_t units = wide_units(v.ptr, v.len, unit);
    if (t->max_length > 0 && units > t->max_length && c->kind == CELL_TEXT) {
        v.len = unit == 1 ? utf8_whole(v.ptr, t->max_length) : v.len;
        units = t->max_length;
    }
    size_t cap = t->data == NULL || t->cap < 0 ? 0 : (size_t)t->cap / unit;
    conv r = CONV_OK;
    if (t->data != NULL && units >= cap) {
        r = cell_cut(c, v, cap == 0 ? 0 : cap - 1);
        if (r != CONV_CUT) {
            return r;
        }
    }
    set_length(t, (SQLLEN)(units * unit));
    if (cap > 0) {
        size_t room = units < cap - 1 ? units : cap - 1;
        size_t written = wide_write(v.ptr, v.len, unit, t->data, room);
        memset((char *)t->data + written * unit, 0, unit);
    }
    return r;
}

static const char hex_digits[] = "0123456789ABCDEF";

static conv bytes_to_hex(const target *t, text v) {
    unsigned unit = t->c_type == SQL_C_WCHAR ? t->unit : 1;
    size_t cap = t->data == NULL || t->cap < 0 ? 0 : (size_t)t->cap / unit;
    set_length(t, (SQLLEN)(v.len * 2 * unit));
    if (cap == 0) {
        return t->data == NULL || v.len == 0 ? CONV_OK : CONV_CUT;
    }
    size_t pairs = v.len * 2 < cap ? v.len : (cap - 1) / 2;
    for (size_t i = 0; i < pairs; i++) {
        unsigned char b = (unsigned char)v.ptr[i];
        char two[2] = {hex_digits[b >> 4], hex_digits[b & 15]};
        (void)wide_write(two, 2, unit, (char *)t->data + i * 2 * unit, 2);
    }
    memset((char *)t->data + pairs * 2 * unit, 0, unit);
    return pairs < v.len ? CONV_CUT : CONV_OK;
}

/* The bytes a value is for SQL_C_BINARY: text and binary as they are, the rest as its own C type. */
static conv cell_bytes(const cell *c, char scratch[64], text *out) {
    SQLLEN size = 0;
    SQLSMALLINT own = SQL_C_SBIGINT;
    switch (c->kind) {
    case CELL_TEXT:
    case CELL_BYTES:
        *out = c->text;
        return CONV_OK;
    case CELL_BIT:
        own = SQL_C_BIT;
        break;
    case CELL_INT:
        break;
    case CELL_FLOAT:
        own = SQL_C_FLOAT;
        break;
    case CELL_DOUBLE:
        own = SQL_C_DOUBLE;
        break;
    case CELL_DECIMAL:
        own = SQL_C_NUMERIC;
        break;
    case CELL_DATE:
        own = SQL_C_TYPE_DATE;
        break;
    case CELL_TIME:
        own = SQL_C_TYPE_TIME;
        break;
    case CELL_TIMESTAMP:
        own = SQL_C_TYPE_TIMESTAMP;
        break;
    case CELL_NULL:
        return CONV_TYPE;
    }
    conv r = cell_fixed(c, own, -1, -1, scratch, &size);
    if (c->kind == CELL_INT && c->precision > 0) {
        size = c->precision; /* bytes of the column's own type; little endian */
    }
    *out = (text){scratch, (size_t)size};
    return r;
}

static conv to_binary(const cell *c, const target *t) {
    char scratch[64];
    text v = {0};
    conv r = cell_bytes(c, scratch, &v);
    if (conv_is_error(r)) {
        return r;
    }
    if (t->max_length > 0 && v.len > t->max_length && c->kind == CELL_BYTES) {
        v.len = t->max_length;
    }
    bool variable = c->kind == CELL_TEXT || c->kind == CELL_BYTES;
    size_t cap = t->data == NULL || t->cap < 0 ? 0 : (size_t)t->cap;
    if (t->data != NULL && v.len > cap && !variable) {
        return CONV_RANGE;
    }
    set_length(t, (SQLLEN)v.len);
    if (t->data == NULL) {
        return r;
    }
    memcpy(t->data, v.ptr, v.len < cap ? v.len : cap);
    return v.len > cap ? CONV_CUT : r;
}

conv cell_convert(const cell *c, const target *t, text_style style) {
    if (c->kind == CELL_NULL) {
        if (t->indicator == NULL) {
            return CONV_NULL;
        }
        length_set(t->indicator, SQL_NULL_DATA);
        return CONV_OK;
    }
    if (t->c_type == SQL_C_CHAR || t->c_type == SQL_C_WCHAR) {
        if (t->cap < 0) {
            return CONV_LENGTH;
        }
        if (c->kind == CELL_BYTES) {
            return bytes_to_hex(t, c->text);
        }
        char scratch[CELL_TEXT_MAX];
        return to_text(c, t, cell_text(c, style, scratch));
    }
    if (t->c_type == SQL_C_BINARY) {
        return t->cap < 0 ? CONV_LENGTH : to_binary(c, t);
    }
    char fixed[64];
    SQLLEN size = 0;
    conv r = cell_fixed(c, t->c_type, t->precision, t->scale, fixed, &size);
    if (conv_is_error(r)) {
        return r;
    }
    if (t->data != NULL) {
        memcpy(t->data, fixed, (size_t)size);
    }
    set_length(t, size);
    return r;
}
