#include "odbc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Parameters: from the application's memory to a type and a text for the server. Contract 6.2. */

SQLRETURN params_bind(stmt *s, SQLUSMALLINT number, SQLSMALLINT direction, SQLSMALLINT c_type,
                      SQLSMALLINT sql_type, SQLULEN size, SQLSMALLINT digits, SQLPOINTER data,
                      SQLLEN cap, SQLLEN *length) {
    if (number == 0) {
        return fail(&s->h, "07009", "Parameters are counted from 1.");
    }
    if (direction != SQL_PARAM_INPUT) {
        bool known = direction == SQL_PARAM_INPUT_OUTPUT || direction == SQL_PARAM_OUTPUT;
        return fail(&s->h, known ? "HYC00" : "HY105",
                    "Only input parameters exist in the Statement Execution API.");
    }
    c_type = type_odbc3(c_type);
    if (c_type != SQL_C_DEFAULT && c_type_size(c_type) < 0) {
        return fail(&s->h, "HY003", "There is no C type %d.", (int)c_type);
    }
    desc_record *app = desc_need(s->apd, number), *imp = desc_need(&s->ipd, number);
    if (app == NULL || imp == NULL) {
        return fail_memory(&s->h);
    }
    app->c_type = c_type == SQL_C_DEFAULT ? type_default_c(sql_type) : c_type;
    app->data = data;
    app->octet_length = cap;
    app->length = app->indicator = length;
    app->precision = c_type == SQL_C_NUMERIC ? (SQLSMALLINT)(size > 38 ? 38 : size) : 0;
    app->scale = c_type == SQL_C_NUMERIC ? digits : 0;
    imp->c_type = type_odbc3(sql_type);
    imp->size = size;
    imp->precision = (SQLSMALLINT)(size > 32767 ? 32767 : size);
    imp->scale = digits;
    imp->direction = direction;
    s->apd->changes++;
    return SQL_SUCCESS;
}

static SQLLEN slot_size(const desc_record *r) {
    SQLLEN size = c_type_size(r->c_type);
    return size > 0 ? size : r->octet_length;
}

char *params_data_of(const desc *apd, const desc_record *r, SQLULEN set) {
    if (r->data == NULL) {
        return NULL;
    }
    SQLLEN offset = apd->bind_offset == NULL ? 0 : *apd->bind_offset;
    SQLLEN stride =
        apd->bind_type == SQL_PARAM_BIND_BY_COLUMN ? slot_size(r) : (SQLLEN)apd->bind_type;
    return (char *)r->data + offset + stride * (SQLLEN)set;
}

static SQLLEN *length_at(const desc *apd, SQLLEN *base, SQLULEN set) {
    if (base == NULL) {
        return NULL;
    }
    SQLLEN offset = apd->bind_offset == NULL ? 0 : *apd->bind_offset;
    SQLLEN stride = apd->bind_type == SQL_PARAM_BIND_BY_COLUMN ? (SQLLEN)sizeof(SQLLEN)
                                                               : (SQLLEN)apd->bind_type;
    return (SQLLEN *)(void *)((char *)base + offset + stride * (SQLLEN)set);
}

SQLLEN *params_length_of(const desc *apd, const desc_record *r, SQLULEN set) {
    SQLLEN *indicator = length_at(apd, r->indicator, set);
    if (indicator != NULL && length_get(indicator) == SQL_NULL_DATA) {
        return indicator;
    }
    return r->length != NULL ? length_at(apd, r->length, set) : indicator;
}

bool params_at_exec(const stmt *s, SQLULEN set, size_t index) {
    if (index >= s->apd->count) {
        return false;
    }
    const SQLLEN *at = params_length_of(s->apd, &s->apd->records[index], set);
    SQLLEN length = at == NULL ? 0 : length_get(at);
    return length == SQL_DATA_AT_EXEC || length <= SQL_LEN_DATA_AT_EXEC_OFFSET;
}

/* ---- From C types to cells --------------------------------------------------------------------------- */

static int64_t load_int(SQLSMALLINT c_type, const char *p) {
    uint64_t bits = 0;
    size_t size = (size_t)c_type_size(c_type);
    memcpy(&bits, p, size);
    bool is_signed = c_type != SQL_C_UTINYINT && c_type != SQL_C_USHORT && c_type != SQL_C_ULONG;
    unsigned unused = (unsigned)(64 - size * 8);
    return is_signed ? (int64_t)(bits << unused) >> unused : (int64_t)bits;
}

static void load_moment(SQLSMALLINT c_type, const char *p, cell *c) {
    if (c_type == SQL_C_TYPE_DATE) {
        SQL_DATE_STRUCT d;
        memcpy(&d, p, sizeof d);
        c->ts = (SQL_TIMESTAMP_STRUCT){.year = d.year, .month = d.month, .day = d.day};
        c->kind = CELL_DATE;
    } else if (c_type == SQL_C_TYPE_TIME) {
        SQL_TIME_STRUCT t;
        memcpy(&t, p, sizeof t);
        c->ts = (SQL_TIMESTAMP_STRUCT){.hour = t.hour, .minute = t.minute, .second = t.second};
        c->kind = CELL_TIME;
    } else {
        memcpy(&c->ts, p, sizeof c->ts);
        c->kind = CELL_TIMESTAMP;
    }
}

static void load_guid(const char *p, buf *text_space, cell *c) {
    static const unsigned char order[] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};
    buf_clear(text_space);
    for (size_t i = 0; i < 16; i++) {
        buf_printf(text_space, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x",
                   (unsigned)(unsigned char)p[order[i]]);
    }
    c->kind = CELL_TEXT;
    c->text = (text){buf_text(text_space), text_space->len};
}

static const char *const interval_units[] = {"YEAR",   "MONTH",  "DAY",   "HOUR",   "MINUTE",
                                             "SECOND", "MONTH",  "HOUR",  "MINUTE", "SECOND",
                                             "MINUTE", "SECOND", "SECOND"};

/* An interval as the server's two kinds are written: '3-2' and '1 02:03:04.000005'. */
static void load_interval(const char *p, SQLSMALLINT c_type, buf *out, cell *c) {
    SQL_INTERVAL_STRUCT v;
    memcpy(&v, p, sizeof v);
    buf_clear(out);
    const char *unit = interval_units[c_type - SQL_INTERVAL_YEAR];
    const char *sign = v.interval_sign == SQL_TRUE ? "-" : "";
    if (strcmp(unit, "YEAR") == 0 || strcmp(unit, "MONTH") == 0) {
        buf_printf(out, "%s%u-%u", sign, (unsigned)v.intval.year_month.year,
                   (unsigned)v.intval.year_month.month);
    } else {
        const SQL_DAY_SECOND_STRUCT *d = &v.intval.day_second;
        buf_printf(out, "%s%u %02u:%02u:%02u.%06u", sign, (unsigned)d->day, (unsigned)d->hour,
                   (unsigned)d->minute, (unsigned)d->second, (unsigned)d->fraction % 1000000);
    }
    c->kind = CELL_TEXT;
    c->text = (text){buf_text(out), out->len};
}

/* Variable data: length bytes of text or binary at p. */
static conv load_variable(const stmt *s, SQLSMALLINT c_type, const char *p, SQLLEN length,
                          buf *space, cell *c) {
    unsigned unit = s->h.env->unit;
    if (c_type == SQL_C_WCHAR) {
        if (length != SQL_NTS && length % (SQLLEN)unit != 0) {
            return CONV_LENGTH; /* half a character at the end: not to be lost in silence */
        }
        size_t units = length == SQL_NTS ? wide_length(p, unit) : (size_t)length / unit;
        buf_clear(space);
        wide_to_utf8(p, units, unit, space);
        c->text = (text){buf_text(space), space->len};
        c->kind = CELL_TEXT;
        return space->failed ? CONV_MEMORY : CONV_OK;
    }
    c->kind = c_type == SQL_C_BINARY ? CELL_BYTES : CELL_TEXT;
    c->text = (text){p, length == SQL_NTS ? strlen(p) : (size_t)length};
    return CONV_OK;
}

/* SQL_C_NUMERIC: the scale comes from the descriptor or the value, where anything may stand. */
static conv load_numeric(const desc_record *r, const char *p, cell *c) {
    SQL_NUMERIC_STRUCT n;
    memcpy(&n, p, sizeof n);
    int scale = r->scale >= 0 && r->precision > 0 ? r->scale : n.scale;
    *c = (cell){.kind = CELL_DECIMAL, .decimal = numeric_to_decimal(&n), .scale = scale};
    if (scale < 0) { /* hundreds, thousands ... */
        c->scale = 0;
        return rescale(c->decimal, scale, 0, &c->decimal);
    }
    i128 limit = pow10_i128(38);
    return c->decimal > -limit && c->decimal < limit && scale <= 38 ? CONV_OK : CONV_RANGE;
}

static conv load_cell(const stmt *s, const desc_record *r, const char *p, SQLLEN length, buf *space,
                      cell *c) {
    SQLSMALLINT t = r->c_type;
    if (c_type_size(t) < 0) { /* set through the descriptor, where nobody looks at it */
        return CONV_UNKNOWN_C;
    }
    if (t == SQL_C_CHAR || t == SQL_C_WCHAR || t == SQL_C_BINARY) {
        return load_variable(s, t, p, length, space, c);
    }
    if (t == SQL_C_BIT) {
        *c = (cell){.kind = CELL_BIT, .i = *p != 0};
    } else if (t == SQL_C_FLOAT) {
        float f;
        memcpy(&f, p, sizeof f);
        *c = (cell){.kind = CELL_FLOAT, .d = (double)f};
    } else if (t == SQL_C_DOUBLE) {
        *c = (cell){.kind = CELL_DOUBLE};
        memcpy(&c->d, p, sizeof c->d);
    } else if (t == SQL_C_NUMERIC) {
        return load_numeric(r, p, c);
    } else if (type_verbose(t) == SQL_DATETIME) {
        load_moment(t, p, c);
        SQL_TIMESTAMP_STRUCT check = c->ts;
        if (c->kind == CELL_TIME) {
            check.year = 2000;
            check.month = check.day = 1;
        }
        return civil_valid(&check) ? CONV_OK : CONV_DATE;
    } else if (t == SQL_C_GUID) {
        load_guid(p, space, c);
    } else if (type_is_interval(t)) {
        load_interval(p, t, space, c);
    } else if (t == SQL_C_UBIGINT) { /* the upper half is no int64 */
        uint64_t v;
        memcpy(&v, p, sizeof v);
        *c = (cell){.kind = CELL_DECIMAL, .decimal = (i128)v};
    } else {
        *c = (cell){.kind = CELL_INT, .i = load_int(t, p)};
    }
    return CONV_OK;
}

/* ---- From cells to the server's texts ----------------------------------------------------------------- */

static const char *sent_type(const settings *set, SQLSMALLINT sql_type) {
    switch (sql_type) {
    case SQL_BIT:
        return "BOOLEAN";
    case SQL_TINYINT:
        return "TINYINT";
    case SQL_SMALLINT:
        return "SMALLINT";
    case SQL_INTEGER:
        return "INT";
    case SQL_BIGINT:
        return "BIGINT";
    case SQL_REAL:
        return "FLOAT";
    case SQL_FLOAT:
    case SQL_DOUBLE:
        return "DOUBLE";
    case SQL_DECIMAL:
    case SQL_NUMERIC:
        return "DECIMAL";
    case SQL_TYPE_DATE:
        return "DATE";
    case SQL_TYPE_TIMESTAMP:
        return set->ntz_params ? "TIMESTAMP_NTZ" : "TIMESTAMP";
    default:
        return type_verbose(sql_type) == SQL_INTERVAL ? "INTERVAL" : "STRING";
    }
}

static bool is_binary(SQLSMALLINT t) {
    return t == SQL_BINARY || t == SQL_VARBINARY || t == SQL_LONGVARBINARY;
}

static conv put_hex(const cell *c, buf *out) {
    if (c->kind != CELL_BYTES && c->kind != CELL_TEXT) {
        return CONV_TYPE;
    }
    char *room = buf_room(out, c->text.len * 2);
    for (size_t i = 0; room != NULL && i < c->text.len; i++) {
        unsigned char b = (unsigned char)c->text.ptr[i];
        room[i * 2] = "0123456789ABCDEF"[b >> 4];
        room[i * 2 + 1] = "0123456789ABCDEF"[b & 15];
    }
    if (room != NULL) {
        out->len += c->text.len * 2;
        out->ptr[out->len] = '\0';
    }
    return CONV_OK;
}

/* Digits of a decimal's text before and behind the point. */
static void count_digits(const char *t, size_t len, int *before, int *behind) {
    const char *point = memchr(t, '.', len);
    size_t sign = len > 0 && (t[0] == '-' || t[0] == '+');
    *behind = point == NULL ? 0 : (int)(len - (size_t)(point - t) - 1);
    *before = (int)(len - sign) - *behind - (point != NULL);
}

static conv put_decimal_param(const cell *c, const desc_record *imp, param_value *p, buf *out) {
    SQL_NUMERIC_STRUCT ignored = {0};
    SQLLEN size;
    i128 v = 0;
    int scale = 0;
    conv r = CONV_OK;
    if (c->kind == CELL_DECIMAL) {
        v = c->decimal;
        scale = c->scale;
    } else if (c->kind == CELL_TEXT) {
        r = parse_decimal(c->text, &v, &scale);
    } else { /* is it a number at all? */
        r = cell_fixed(c, SQL_C_NUMERIC, 38, -1, &ignored, &size);
        v = numeric_to_decimal(&ignored);
        scale = ignored.scale;
    }
    if (conv_is_error(r)) {
        return r;
    }
    char digits[64];
    size_t len = put_decimal(digits, v, scale);
    int before, behind;
    count_digits(digits, len, &before, &behind);
    int want_scale = imp->scale > behind ? imp->scale : behind;
    int precision = (int)(imp->size > 38 ? 38 : imp->size);
    if (precision < before + want_scale) {
        precision = before + want_scale;
    }
    if (precision > 38) {
        want_scale = behind;
        precision = 38;
    }
    (void)snprintf(p->type_buf, sizeof p->type_buf, "DECIMAL(%d,%d)", precision, want_scale);
    p->type = p->type_buf;
    buf_add(out, digits, len);
    return CONV_OK;
}

static conv put_number(const cell *c, SQLSMALLINT sql_type, buf *out) {
    char fixed[32];
    SQLLEN size;
    cell own = {0};
    if (sql_type == SQL_REAL || sql_type == SQL_DOUBLE || sql_type == SQL_FLOAT) {
        bool is_float = sql_type == SQL_REAL && c->kind == CELL_FLOAT;
        own.kind = is_float ? CELL_FLOAT : CELL_DOUBLE;
        conv r = cell_fixed(c, SQL_C_DOUBLE, -1, -1, &own.d, &size);
        if (conv_is_error(r)) {
            return r;
        }
    } else if (sql_type == SQL_BIT) {
        unsigned char bit = 0;
        conv r = cell_fixed(c, SQL_C_BIT, -1, -1, &bit, &size);
        if (!conv_is_error(r)) {
            buf_add_text(out, bit ? "true" : "false");
        }
        return r;
    } else {
        SQLSMALLINT c_type = type_default_c(sql_type);
        conv r = cell_fixed(c, c_type, -1, -1, fixed, &size);
        if (conv_is_error(r)) {
            return r;
        }
        own = (cell){.kind = CELL_INT, .i = load_int(c_type, fixed)};
    }
    char digits[CELL_TEXT_MAX];
    text t = cell_text(&own, (text_style){0}, digits);
    buf_add(out, t.ptr, t.len);
    return CONV_OK;
}

static conv put_moment(const cell *c, SQLSMALLINT sql_type, buf *out) {
    cell own = {.kind = sql_type == SQL_TYPE_DATE   ? CELL_DATE
                        : sql_type == SQL_TYPE_TIME ? CELL_TIME
                                                    : CELL_TIMESTAMP};
    bool has_date = c->kind == CELL_DATE || c->kind == CELL_TIMESTAMP, has_time = !has_date;
    own.ts = c->ts;
    if (c->kind == CELL_TEXT) {
        conv r = parse_timestamp(c->text, &own.ts, &has_date, &has_time);
        if (r != CONV_OK) {
            return r;
        }
    } else if (c->kind != CELL_DATE && c->kind != CELL_TIME && c->kind != CELL_TIMESTAMP) {
        return CONV_TYPE;
    }
    if (!has_date && own.kind != CELL_TIME) {
        return CONV_DATE;
    }
    char scratch[CELL_TEXT_MAX];
    text t = cell_text(&own, (text_style){0}, scratch);
    buf_add(out, t.ptr, t.len);
    return CONV_OK;
}

static conv put_value(const stmt *s, const cell *c, const desc_record *imp, param_value *p,
                      buf *out) {
    SQLSMALLINT t = imp->c_type;
    p->type = sent_type(&s->h.dbc->set, t);
    p->binary = is_binary(t);
    if (p->binary) {
        return put_hex(c, out);
    }
    if (t == SQL_DECIMAL || t == SQL_NUMERIC) {
        return put_decimal_param(c, imp, p, out);
    }
    if (t == SQL_BIT || type_is_number(t)) {
        return put_number(c, t, out);
    }
    if (type_verbose(t) == SQL_DATETIME) {
        return put_moment(c, t, out);
    }
    if (c->kind == CELL_BYTES &&
        type_is_text(t)) { /* SQL_C_BINARY to a text: the bytes are the text */
        buf_add(out, c->text.ptr, c->text.len);
        return CONV_OK;
    }
    char scratch[CELL_TEXT_MAX];
    text_style plain = {.bools_as_text = false};
    text v = cell_text(c, plain, scratch);
    buf_add(out, v.ptr, v.len);
    return CONV_OK;
}

static const desc_record plain_text = {.c_type = SQL_VARCHAR};

/* Values that came by SQLPutData. */
static conv read_put(const stmt *s, const desc_record *app, size_t number, bool *null, buf *space,
                     cell *c) {
    for (size_t i = 0; i < s->dae.count; i++) {
        if (s->dae.numbers[i] == number) {
            *null = s->dae.nulls[i];
            const buf *v = &s->dae.values[i];
            return *null
                       ? CONV_OK
                       : load_cell(s, app, v->ptr == NULL ? "" : v->ptr, (SQLLEN)v->len, space, c);
        }
    }
    return CONV_TYPE;
}

static conv read_one(stmt *s, SQLULEN set, size_t index, buf *space) {
    run *work = &s->run;
    desc_record given = s->apd->records[index];
    const desc_record *app = &given;
    const desc_record *imp = index < s->ipd.count ? &s->ipd.records[index] : &plain_text;
    param_value *p = &work->params[index];
    *p = (param_value){.start = work->values.len, .type = sent_type(&s->h.dbc->set, imp->c_type)};
    p->binary = is_binary(imp->c_type);
    p->time = imp->c_type == SQL_TYPE_TIME && s->param_columns != NULL &&
              s->param_columns[index].sql_type == SQL_TYPE_TIME;
    if (given.c_type == SQL_C_DEFAULT) { /* bound through the descriptor's fields */
        given.c_type = type_default_c(imp->c_type);
    }
    const SQLLEN *at = params_length_of(s->apd, app, set);
    /* Without a length, binary data are as long as their buffer. */
    SQLLEN length = at != NULL                    ? length_get(at)
                    : app->c_type == SQL_C_BINARY ? app->octet_length
                                                  : SQL_NTS;
    const char *data = params_data_of(s->apd, app, set);
    cell c = {0};
    conv r = CONV_OK;
    if (params_at_exec(s, set, index)) {
        r = read_put(s, app, set * s->sql.marker_count + index, &p->null, space, &c);
    } else if (at != NULL && (length == SQL_NULL_DATA || length == SQL_DEFAULT_PARAM)) {
        p->null = true;
    } else if (data == NULL) {
        return CONV_TYPE;
    } else if (length < 0 && length != SQL_NTS) {
        return CONV_LENGTH;
    } else {
        r = load_cell(s, app, data, length, space, &c);
    }
    if (r == CONV_OK && !p->null) {
        r = put_value(s, &c, imp, p, &work->values);
    }
    if (p->null && type_is_text(imp->c_type)) {
        p->type = "VOID"; /* an untyped NULL fits any column */
    }
    p->len = work->values.len - p->start;
    return r;
}

SQLRETURN params_read(stmt *s, SQLULEN set) {
    run *work = &s->run;
    size_t count = s->sql.marker_count;
    buf space = {0};
    if (s->apd->count < count) {
        return fail(&s->h, "07002", "%zu parameters are bound; the statement has %zu markers.",
                    s->apd->count, count);
    }
    if (work->param_cap < count) {
        param_value *grown = realloc(work->params, count * sizeof *grown);
        if (grown == NULL) {
            return fail_memory(&s->h);
        }
        work->params = grown;
        work->param_cap = count;
    }
    buf_clear(&work->values);
    SQLRETURN rc = SQL_SUCCESS;
    for (size_t i = 0; i < count && rc == SQL_SUCCESS; i++) {
        const desc_record *app = &s->apd->records[i];
        if (app->data == NULL && app->length == NULL && app->indicator == NULL) {
            rc = fail(&s->h, "07002", "Parameter %zu is not bound.", i + 1);
            break;
        }
        conv r = read_one(s, set, i, &space);
        if (conv_is_error(r)) {
            diag_at(&s->h, true, conv_state(r),
                    s->run.sets > 1 ? (SQLLEN)set + 1 : SQL_NO_ROW_NUMBER, (SQLINTEGER)i + 1,
                    conv_message(r));
            rc = SQL_ERROR;
        }
    }
    buf_free(&space);
    return rc == SQL_SUCCESS && work->values.failed ? fail_memory(&s->h) : rc;
}

/* ---- As literals ------------------------------------------------------------------------------------------ */

static void put_string_literal(const char *v, size_t len, buf *out) {
    buf_add_char(out, '\'');
    size_t start = 0;
    for (size_t i = 0; i < len; i++) {
        if (v[i] == '\'' || v[i] == '\\') {
            buf_add(out, v + start, i - start);
            buf_add_char(out, '\\');
            start = i;
        }
    }
    buf_add(out, v + start, len - start);
    buf_add_char(out, '\'');
}

void param_literal(const param_value *p, const char *values, buf *out) {
    const char *v = values == NULL ? "" : values + p->start;
    if (p->null) {
        buf_add_text(out, "NULL");
    } else if (p->binary) {
        buf_add_text(out, "X'");
        buf_add(out, v, p->len);
        buf_add_char(out, '\'');
    } else if (p->time) {
        buf_add_text(out, "TIME");
        put_string_literal(v, p->len, out);
    } else if (strcmp(p->type, "STRING") == 0) {
        put_string_literal(v, p->len, out);
    } else if (strcmp(p->type, "INTERVAL") == 0) {
        bool months = memchr(v, ':', p->len) == NULL;
        buf_add_text(out, "INTERVAL ");
        put_string_literal(v, p->len, out);
        buf_add_text(out, months ? " YEAR TO MONTH" : " DAY TO SECOND");
    } else if (strcmp(p->type, "DATE") == 0 || strncmp(p->type, "TIMESTAMP", 9) == 0) {
        buf_add_text(out, p->type);
        put_string_literal(v, p->len, out);
    } else { /* numbers: typed, so that 1e300, NaN and 1.0 keep their type */
        buf_add_text(out, "CAST('");
        buf_add(out, v, p->len);
        buf_printf(out, "' AS %s)", p->type);
    }
}
