#include "odbc.h"

#include <stdlib.h>
#include <string.h>

/* Descriptors: what is bound where. The IRD is not stored: it is the columns of the result. */

void desc_init(desc *d, dbc *owner, desc_role role, stmt *s) {
    handle_init(&d->h, SQL_HANDLE_DESC, owner->h.env, owner);
    d->role = role;
    d->stmt = s;
    d->array_size = 1;
}

static void shrink(desc *d, size_t count) {
    while (d->count > count) {
        free(d->records[--d->count].name);
    }
}

void desc_reset(desc *d) {
    shrink(d, 0);
    free(d->records);
    d->records = NULL;
    d->cap = 0;
    d->changes++;
}

void shared_hold(stmt *s) {
    if (s->shares && !s->holds) {
        pthread_mutex_lock(&s->h.dbc->shared_lock);
        s->holds = true;
    }
}

bool shared_let_go(stmt *s) {
    bool held = s->holds;
    if (held) {
        s->holds = false;
        pthread_mutex_unlock(&s->h.dbc->shared_lock);
    }
    return held;
}

void shared_take_back(stmt *s, bool held) {
    if (held) {
        shared_hold(s);
    }
}

/* The statements that use it go back to their own, which they do not look at meanwhile. */
static void give_back(dbc *owner, const desc *d) {
    pthread_mutex_lock(&owner->shared_lock);
    for (stmt *s = owner->stmts; s != NULL; s = s->next) {
        if (s->ard == d) {
            s->ard = &s->ard0;
            s->plan_desc = NULL;
        }
        s->apd = s->apd == d ? &s->apd0 : s->apd;
    }
    pthread_mutex_unlock(&owner->shared_lock);
}

void desc_free_explicit(desc *d) {
    dbc *owner = d->h.dbc;
    desc **at = &owner->descs;
    while (*at != NULL && *at != d) {
        at = &(*at)->next;
    }
    if (*at == NULL) { /* another thread was first */
        return;
    }
    *at = d->next;
    give_back(owner, d);
    desc_reset(d);
    handle_end(&d->h);
    free(d);
}

desc_record *desc_need(desc *d, size_t number) {
    if (number > d->cap) {
        size_t cap = d->cap * 2 < number ? number + 8 : d->cap * 2;
        desc_record *grown = realloc(d->records, cap * sizeof *grown);
        if (grown == NULL) {
            return NULL;
        }
        d->records = grown;
        d->cap = cap;
    }
    for (; d->count < number; d->count++) {
        d->records[d->count] = (desc_record){
            .c_type = d->role == ROLE_IPD ? SQL_VARCHAR : SQL_C_DEFAULT, .direction = 1};
    }
    d->changes++;
    return &d->records[number - 1];
}

static bool is_ird(const desc *d) {
    return d->role == ROLE_IRD;
}

static size_t field_count(const desc *d) {
    return is_ird(d) ? d->stmt->res.column_count : d->count;
}

/* ---- Header fields ----------------------------------------------------------------------------------------- */

static bool get_header(const desc *d, SQLSMALLINT field, attr_value *v) {
    switch (field) {
    case SQL_DESC_ALLOC_TYPE:
        *v = value_number(V_I16,
                          d->role == ROLE_EXPLICIT ? SQL_DESC_ALLOC_USER : SQL_DESC_ALLOC_AUTO);
        return true;
    case SQL_DESC_ARRAY_SIZE:
        *v = value_number(V_ULEN, (int64_t)d->array_size);
        return true;
    case SQL_DESC_ARRAY_STATUS_PTR:
        *v = value_pointer(d->array_status);
        return true;
    case SQL_DESC_BIND_OFFSET_PTR:
        *v = value_pointer(d->bind_offset);
        return true;
    case SQL_DESC_BIND_TYPE:
        *v = value_number(V_I32, (int64_t)d->bind_type);
        return true;
    case SQL_DESC_COUNT:
        *v = value_number(V_I16, (int64_t)field_count(d));
        return true;
    case SQL_DESC_ROWS_PROCESSED_PTR:
        *v = value_pointer(d->rows_processed);
        return true;
    default:
        return false;
    }
}

SQLRETURN desc_set_array_size(handle *h, desc *d, SQLULEN rows) {
    if (rows == 0 || rows > INT32_MAX) {
        return fail(h, "HY024", "An array of %lu rows is not possible.", (unsigned long)rows);
    }
    d->array_size = rows;
    d->changes++;
    return SQL_SUCCESS;
}

static SQLRETURN set_count(desc *d, SQLPOINTER p) {
    SQLSMALLINT count = (SQLSMALLINT)(intptr_t)p;
    if (count < 0) {
        return fail(&d->h, "07009", "A descriptor cannot have %d records.", (int)count);
    }
    shrink(d, (size_t)count);
    d->changes++;
    return count == 0 || desc_need(d, (size_t)count) != NULL ? SQL_SUCCESS : fail_memory(&d->h);
}

static bool set_header(desc *d, SQLSMALLINT field, SQLPOINTER p) {
    switch (field) {
    case SQL_DESC_ARRAY_STATUS_PTR:
        d->array_status = p;
        return true;
    case SQL_DESC_BIND_OFFSET_PTR:
        d->bind_offset = p;
        return true;
    case SQL_DESC_BIND_TYPE:
        d->bind_type = (SQLULEN)(uintptr_t)p;
        return true;
    case SQL_DESC_ROWS_PROCESSED_PTR:
        d->rows_processed = p;
        return true;
    default:
        return false;
    }
}

/* ---- Record fields ------------------------------------------------------------------------------------------ */

static bool get_record(const desc *d, const desc_record *r, SQLSMALLINT field, attr_value *v) {
    switch (field) {
    case SQL_DESC_TYPE:
        *v = value_number(V_I16, type_verbose(r->c_type));
        return true;
    case SQL_DESC_CONCISE_TYPE:
        *v = value_number(V_I16, r->c_type);
        return true;
    case SQL_DESC_DATETIME_INTERVAL_CODE:
        *v = value_number(V_I16, type_subcode(r->c_type));
        return true;
    case SQL_DESC_LENGTH:
        *v = value_number(V_ULEN, (int64_t)r->size);
        return true;
    case SQL_DESC_OCTET_LENGTH:
        *v = value_number(V_LEN, r->octet_length);
        return true;
    case SQL_DESC_PRECISION:
        *v = value_number(V_I16, r->precision);
        return true;
    case SQL_DESC_SCALE:
        *v = value_number(V_I16, r->scale);
        return true;
    case SQL_DESC_DATETIME_INTERVAL_PRECISION:
        *v = value_number(V_I32, r->interval_precision);
        return true;
    case SQL_DESC_DATA_PTR:
        *v = value_pointer(r->data);
        return true;
    case SQL_DESC_OCTET_LENGTH_PTR:
        *v = value_pointer(r->length);
        return true;
    case SQL_DESC_INDICATOR_PTR:
        *v = value_pointer(r->indicator);
        return true;
    case SQL_DESC_PARAMETER_TYPE:
        *v = value_number(V_I16, r->direction);
        return true;
    case SQL_DESC_NULLABLE:
        *v = value_number(V_I16, SQL_NULLABLE);
        return d->role == ROLE_IPD;
    case SQL_DESC_NAME:
        *v = value_text(r->name);
        return true;
    case SQL_DESC_UNNAMED:
        *v = value_number(V_I16, r->name == NULL ? SQL_UNNAMED : SQL_NAMED);
        return true;
    default:
        return false;
    }
}

SQLRETURN desc_get_field(desc *d, SQLSMALLINT record, SQLSMALLINT field, const value_out *out) {
    attr_value v;
    if (get_header(d, field, &v)) {
        return value_give(&d->h, out, v);
    }
    if (record < 1) {
        return fail(&d->h, "07009", "There is no record %d.", (int)record);
    }
    if ((size_t)record > field_count(d)) {
        return SQL_NO_DATA;
    }
    bool known = is_ird(d) ? column_field(d->stmt, &d->stmt->res.columns[record - 1],
                                          (SQLUSMALLINT)field, &v)
                           : get_record(d, &d->records[record - 1], field, &v);
    return known ? value_give(&d->h, out, v)
                 : fail(&d->h, "HY091", "There is no descriptor field %d here.", (int)field);
}

static void set_type(desc_record *r, SQLSMALLINT type) {
    r->c_type = type;
    if (type == SQL_C_NUMERIC) { /* the standard's defaults */
        r->precision = 38;
        r->scale = 0;
    }
}

/* Everything but the data pointer unbinds a column: its type must not change under a binding. */
static bool set_record(desc_record *r, SQLSMALLINT field, SQLPOINTER p) {
    int64_t n = (int64_t)(intptr_t)p;
    switch (field) {
    case SQL_DESC_TYPE: /* 10 is SQL_INTERVAL here, and SQL_TIME of ODBC 2 as a concise type */
    case SQL_DESC_CONCISE_TYPE:
        set_type(r, field == SQL_DESC_TYPE && n == SQL_INTERVAL ? SQL_INTERVAL
                                                                : type_odbc3((SQLSMALLINT)n));
        break;
    case SQL_DESC_DATETIME_INTERVAL_CODE:
        r->c_type = (SQLSMALLINT)((r->c_type == SQL_INTERVAL || r->c_type > 100 ? 100 : 90) + n);
        break;
    case SQL_DESC_LENGTH:
        r->size = (SQLULEN)n;
        break;
    case SQL_DESC_OCTET_LENGTH:
        r->octet_length = (SQLLEN)n;
        break;
    case SQL_DESC_PRECISION:
        r->precision = (SQLSMALLINT)n;
        break;
    case SQL_DESC_SCALE:
        r->scale = (SQLSMALLINT)n;
        break;
    case SQL_DESC_DATETIME_INTERVAL_PRECISION:
        r->interval_precision = (SQLINTEGER)n;
        break;
    case SQL_DESC_PARAMETER_TYPE:
        r->direction = (SQLSMALLINT)n;
        return true;
    case SQL_DESC_DATA_PTR:
        r->data = p;
        return true;
    case SQL_DESC_OCTET_LENGTH_PTR:
        r->length = p;
        return true;
    case SQL_DESC_INDICATOR_PTR:
        r->indicator = p;
        return true;
    default:
        return false;
    }
    r->data = NULL;
    return true;
}

static SQLRETURN set_name(desc *d, SQLSMALLINT record, SQLPOINTER p, SQLINTEGER length,
                          unsigned unit) {
    char *name = NULL;
    SQLRETURN rc = value_take_text(&d->h, p, length, unit, &name);
    if (rc != SQL_SUCCESS) {
        return rc;
    }
    desc_record *r = desc_need(d, (size_t)record);
    if (r == NULL) {
        free(name);
        return fail_memory(&d->h);
    }
    free(r->name);
    r->name = name;
    return SQL_SUCCESS;
}

SQLRETURN desc_set_field(desc *d, SQLSMALLINT record, SQLSMALLINT field, SQLPOINTER p,
                         SQLINTEGER length, unsigned unit) {
    if (is_ird(d) && field != SQL_DESC_ARRAY_STATUS_PTR && field != SQL_DESC_ROWS_PROCESSED_PTR) {
        return fail(&d->h, "HY016", "The description of a result cannot be changed.");
    }
    if (field == SQL_DESC_ARRAY_SIZE) {
        return desc_set_array_size(&d->h, d, (SQLULEN)(uintptr_t)p);
    }
    if (field == SQL_DESC_COUNT) {
        return set_count(d, p);
    }
    if (set_header(d, field, p)) {
        d->changes++;
        return SQL_SUCCESS;
    }
    bool names =
        field == SQL_DESC_NAME && d->role == ROLE_IPD;        /* elsewhere names are the result's */
    if (!names && !set_record(&(desc_record){0}, field, p)) { /* before a record is made for it */
        return fail(&d->h, "HY091", "There is no descriptor field %d to be set here.", (int)field);
    }
    if (record < 1) {
        return fail(&d->h, "07009", "There is no record %d.", (int)record);
    }
    if (names) {
        return set_name(d, record, p, length, unit);
    }
    desc_record *r = desc_need(d, (size_t)record);
    if (r == NULL) {
        return fail_memory(&d->h);
    }
    (void)set_record(r, field, p);
    return SQL_SUCCESS;
}

SQLRETURN desc_set_rec(desc *d, SQLSMALLINT number, SQLSMALLINT type, SQLSMALLINT sub,
                       SQLLEN length, SQLSMALLINT precision, SQLSMALLINT scale, SQLPOINTER data,
                       SQLLEN *octets, SQLLEN *indicator) {
    if (is_ird(d)) {
        return fail(&d->h, "HY016", "The description of a result cannot be changed.");
    }
    if (number < 1) {
        return fail(&d->h, "07009", "There is no record %d.", (int)number);
    }
    desc_record *r = desc_need(d, (size_t)number);
    if (r == NULL) {
        return fail_memory(&d->h);
    }
    SQLSMALLINT concise = type == SQL_DATETIME   ? (SQLSMALLINT)(90 + sub)
                          : type == SQL_INTERVAL ? (SQLSMALLINT)(100 + sub)
                                                 : type;
    set_type(r, concise);
    r->octet_length = length;
    r->size = (SQLULEN)length;
    r->precision = precision;
    r->scale = scale;
    r->data = data;
    r->length = octets;
    r->indicator = indicator;
    return SQL_SUCCESS;
}

SQLRETURN desc_get_rec(desc *d, SQLSMALLINT number, const text_out *name, SQLSMALLINT *type,
                       SQLSMALLINT *sub, SQLLEN *length, SQLSMALLINT *precision, SQLSMALLINT *scale,
                       SQLSMALLINT *nullable) {
    if (number < 1) {
        return fail(&d->h, "07009", "There is no record %d.", (int)number);
    }
    if ((size_t)number > field_count(d)) {
        return SQL_NO_DATA;
    }
    SQLSMALLINT concise, p, s, n = SQL_NULLABLE;
    SQLLEN octets;
    text called;
    if (is_ird(d)) {
        const column *c = &d->stmt->res.columns[number - 1];
        concise = c->sql_type;
        p = (SQLSMALLINT)(c->size > 32767 ? 32767 : c->size);
        s = c->digits < 0 ? 0 : c->digits;
        n = c->nullable;
        octets = c->octets;
        called = text_of(c->name);
    } else {
        const desc_record *r = &d->records[number - 1];
        concise = r->c_type;
        p = r->precision;
        s = r->scale;
        octets = r->octet_length;
        called = text_of(r->name == NULL ? "" : r->name);
    }
    SQLSMALLINT *const places[] = {type, sub, precision, scale, nullable};
    const SQLSMALLINT values[] = {type_verbose(concise), type_subcode(concise), p, s, n};
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        if (places[i] != NULL) {
            *places[i] = values[i];
        }
    }
    if (length != NULL) {
        *length = octets;
    }
    return text_out_give(&d->h, name, called);
}

/* A column of a result as a binding would describe it. */
static desc_record record_of(const column *c) {
    return (desc_record){.c_type = c->sql_type,
                         .size = c->size,
                         .octet_length = c->octets,
                         .precision = (SQLSMALLINT)(c->size > 32767 ? 32767 : c->size),
                         .scale = c->digits < 0 ? 0 : c->digits};
}

bool desc_snapshot(const desc *from, desc *copy) {
    bool whole = true;
    for (size_t i = 0; i < field_count(from) && whole; i++) {
        desc_record *r = desc_need(copy, i + 1);
        if (r == NULL) {
            return false;
        }
        *r = is_ird(from) ? record_of(&from->stmt->res.columns[i]) : from->records[i];
        const char *name = r->name;
        r->name = text_copy(text_of(name));
        whole = name == NULL || r->name != NULL;
    }
    copy->array_size = from->array_size;
    copy->array_status = from->array_status;
    copy->bind_offset = from->bind_offset;
    copy->bind_type = from->bind_type;
    copy->rows_processed = from->rows_processed;
    return whole;
}

SQLRETURN desc_assign(desc *to, desc *copy) {
    if (is_ird(to)) {
        return fail(&to->h, "HY016", "The description of a result cannot be changed.");
    }
    desc_reset(to);
    to->records = copy->records;
    to->count = copy->count;
    to->cap = copy->cap;
    copy->records = NULL;
    copy->count = copy->cap = 0;
    to->array_size = copy->array_size;
    to->array_status = copy->array_status;
    to->bind_offset = copy->bind_offset;
    to->bind_type = copy->bind_type;
    to->rows_processed = copy->rows_processed;
    return SQL_SUCCESS;
}
