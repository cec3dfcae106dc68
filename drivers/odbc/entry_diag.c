#include "entry.h"

#include <string.h>

/* Exported: diagnostics. They neither clear nor add records, and may be asked again and again. */

enum { DIAG_QUERY_ID = 20010, DIAG_RAW_STATE = 20011, DIAG_HTTP = 20012, DIAG_MAYBE = 20013 };

static SQLRETURN get_rec(SQLSMALLINT type, SQLHANDLE p, SQLSMALLINT number, const text_out *state,
                         SQLINTEGER *native, const text_out *message) {
    handle *h = NULL;
    if (!handle_check(p, type)) {
        return SQL_INVALID_HANDLE;
    }
    if (number < 1 || (message->data != NULL && message->cap < 0)) {
        return SQL_ERROR;
    }
    (void)handle_enter(p, type, true, &h);
    SQLRETURN rc = SQL_NO_DATA;
    if ((size_t)number <= h->diag.count) {
        const diag_record *r = &h->diag.records[number - 1];
        buf text_of_it = {0};
        diag_message(h, r, &text_of_it);
        (void)text_out_put(state, text_of(diag_state(h, r)));
        if (native != NULL) {
            *native = r->native;
        }
        bool whole = text_out_put(message, (text){buf_text(&text_of_it), text_of_it.len});
        rc = whole ? SQL_SUCCESS : SQL_SUCCESS_WITH_INFO;
        buf_free(&text_of_it);
    }
    pthread_mutex_unlock(&h->lock);
    return rc;
}

ODBC_EXPORT SQLRETURN SQL_API SQLGetDiagRec(SQLSMALLINT type, SQLHANDLE p, SQLSMALLINT number,
                                            SQLCHAR *state, SQLINTEGER *native, SQLCHAR *message,
                                            SQLSMALLINT cap, SQLSMALLINT *length) {
    text_out s = {state, 6, 1, false, NULL, NULL}, m = {message, cap, 1, false, length, NULL};
    return get_rec(type, p, number, &s, native, &m);
}
ODBC_EXPORT SQLRETURN SQL_API SQLGetDiagRecW(SQLSMALLINT type, SQLHANDLE p, SQLSMALLINT number,
                                             SQLWCHAR *state, SQLINTEGER *native, SQLWCHAR *message,
                                             SQLSMALLINT cap, SQLSMALLINT *length) {
    unsigned unit = unit_of(p, type, true);
    text_out s = {state, 6, unit, false, NULL, NULL}, m = {message, cap, unit, false, length, NULL};
    return get_rec(type, p, number, &s, native, &m);
}

static bool header_field(const handle *h, SQLSMALLINT field, attr_value *v) {
    switch (field) {
    case SQL_DIAG_NUMBER:
        *v = value_number(V_I32, (int64_t)h->diag.count);
        return true;
    case SQL_DIAG_RETURNCODE:
        *v = value_number(V_I16, h->diag.rc);
        return true;
    case SQL_DIAG_ROW_COUNT:
    case SQL_DIAG_CURSOR_ROW_COUNT:
        *v = value_number(V_LEN, h->diag.row_count);
        return true;
    case SQL_DIAG_DYNAMIC_FUNCTION:
        *v = value_text("");
        return true;
    case SQL_DIAG_DYNAMIC_FUNCTION_CODE:
        *v = value_number(V_I32, SQL_DIAG_UNKNOWN_STATEMENT);
        return true;
    default:
        return false;
    }
}

static bool record_field(const handle *h, const diag_record *r, SQLSMALLINT field, buf *message,
                         attr_value *v) {
    bool odbc = strncmp(r->state, "IM", 2) == 0 || strncmp(r->state, "HY", 2) == 0 ||
                strncmp(r->state, "01S", 3) == 0;
    const char *server = h->dbc == NULL ? NULL : keys_get(&h->dbc->keys, "Host");
    switch (field) {
    case SQL_DIAG_SQLSTATE:
        *v = value_text(diag_state(h, r));
        return true;
    case SQL_DIAG_NATIVE:
        *v = value_number(V_I32, r->native);
        return true;
    case SQL_DIAG_MESSAGE_TEXT:
        diag_message(h, r, message);
        *v = value_text(buf_text(message));
        return true;
    case SQL_DIAG_CLASS_ORIGIN:
    case SQL_DIAG_SUBCLASS_ORIGIN:
        *v = value_text(odbc ? "ODBC 3.0" : "ISO 9075");
        return true;
    case SQL_DIAG_CONNECTION_NAME:
        *v = value_text("");
        return true;
    case SQL_DIAG_SERVER_NAME:
        *v = value_text(server);
        return true;
    case SQL_DIAG_ROW_NUMBER:
        *v = value_number(V_LEN, r->row);
        return true;
    case SQL_DIAG_COLUMN_NUMBER:
        *v = value_number(V_I32, r->column);
        return true;
    case DIAG_QUERY_ID:
        *v = value_text(r->query_id);
        return true;
    case DIAG_RAW_STATE:
        *v = value_text(r->raw_state);
        return true;
    case DIAG_HTTP:
        *v = value_number(V_I32, r->http_status);
        return true;
    case DIAG_MAYBE:
        *v = value_number(V_I32, r->may_have_executed);
        return true;
    default:
        return false;
    }
}

/* No record may come of it: a cut text is told by the return code alone. */
static SQLRETURN give(const value_out *out, const attr_value *v) {
    if (v->kind != V_TEXT) {
        handle none = {0};
        return value_give(&none, out, *v);
    }
    if (out->data != NULL && out->cap < 0) {
        return SQL_ERROR;
    }
    text_out to = {out->data,    out->cap / (SQLLEN)out->unit, out->unit, true, out->length16,
                   out->length32};
    return text_out_put(&to, v->text) ? SQL_SUCCESS : SQL_SUCCESS_WITH_INFO;
}

static SQLRETURN get_field(SQLSMALLINT type, SQLHANDLE p, SQLSMALLINT number, SQLSMALLINT field,
                           const value_out *out) {
    handle *h = NULL;
    SQLRETURN rc = handle_enter(p, type, true, &h);
    if (rc != SQL_SUCCESS) {
        return rc;
    }
    attr_value v;
    buf message = {0};
    if (header_field(h, field, &v)) {
        rc = give(out, &v);
    } else if (number < 1) {
        rc = SQL_ERROR;
    } else if ((size_t)number > h->diag.count) {
        rc = SQL_NO_DATA;
    } else if (record_field(h, &h->diag.records[number - 1], field, &message, &v)) {
        rc = give(out, &v);
    } else {
        rc = SQL_ERROR;
    }
    buf_free(&message);
    pthread_mutex_unlock(&h->lock);
    return rc;
}

ODBC_EXPORT SQLRETURN SQL_API SQLGetDiagField(SQLSMALLINT type, SQLHANDLE p, SQLSMALLINT number,
                                              SQLSMALLINT field, SQLPOINTER value, SQLSMALLINT cap,
                                              SQLSMALLINT *length) {
    value_out out = {.data = value, .cap = cap, .unit = 1, .length16 = length};
    return get_field(type, p, number, field, &out);
}
ODBC_EXPORT SQLRETURN SQL_API SQLGetDiagFieldW(SQLSMALLINT type, SQLHANDLE p, SQLSMALLINT number,
                                               SQLSMALLINT field, SQLPOINTER value, SQLSMALLINT cap,
                                               SQLSMALLINT *length) {
    value_out out = {.data = value, .cap = cap, .unit = unit_of(p, type, true), .length16 = length};
    return get_field(type, p, number, field, &out);
}
