#include "entry.h"

#include <string.h>

/* Exported: attributes, descriptors, information about the driver. */

static value_out out_bytes(void *data, SQLLEN cap, unsigned unit, SQLINTEGER *length) {
    return (value_out){.data = data, .cap = cap, .unit = unit, .length32 = length};
}

/* ---- Connection attributes ---------------------------------------------------------------------------------- */

static SQLRETURN set_connect_attr(SQLHDBC p, SQLINTEGER attr, SQLPOINTER value, SQLINTEGER length,
                                  unsigned unit) {
    handle *h = NULL;
    SQLRETURN rc = handle_enter(p, SQL_HANDLE_DBC, false, &h);
    return rc != SQL_SUCCESS ? rc
                             : handle_leave(h, dbc_set_attr((dbc *)h, attr, value, length, unit));
}

ODBC_EXPORT SQLRETURN SQL_API SQLSetConnectAttr(SQLHDBC p, SQLINTEGER attr, SQLPOINTER value,
                                                SQLINTEGER length) {
    return set_connect_attr(p, attr, value, length, 1);
}
ODBC_EXPORT SQLRETURN SQL_API SQLSetConnectAttrW(SQLHDBC p, SQLINTEGER attr, SQLPOINTER value,
                                                 SQLINTEGER length) {
    return set_connect_attr(p, attr, value, length, unit_of(p, SQL_HANDLE_DBC, true));
}

static SQLRETURN get_connect_attr(SQLHDBC p, SQLINTEGER attr, const value_out *out) {
    handle *h = NULL;
    SQLRETURN rc = handle_enter(p, SQL_HANDLE_DBC, false, &h);
    return rc != SQL_SUCCESS ? rc : handle_leave(h, dbc_get_attr((dbc *)h, attr, out));
}

ODBC_EXPORT SQLRETURN SQL_API SQLGetConnectAttr(SQLHDBC p, SQLINTEGER attr, SQLPOINTER value,
                                                SQLINTEGER cap, SQLINTEGER *length) {
    value_out out = out_bytes(value, cap, 1, length);
    return get_connect_attr(p, attr, &out);
}
ODBC_EXPORT SQLRETURN SQL_API SQLGetConnectAttrW(SQLHDBC p, SQLINTEGER attr, SQLPOINTER value,
                                                 SQLINTEGER cap, SQLINTEGER *length) {
    value_out out = out_bytes(value, cap, unit_of(p, SQL_HANDLE_DBC, true), length);
    return get_connect_attr(p, attr, &out);
}

/* ---- Statement attributes ------------------------------------------------------------------------------------ */

static SQLRETURN set_stmt_attr(SQLHSTMT p, SQLINTEGER attr, SQLPOINTER value, SQLINTEGER length,
                               unsigned unit) {
    stmt *s = NULL;
    SQLRETURN rc = stmt_enter(p, SQL_API_SQLSETSTMTATTR, &s);
    return rc != SQL_SUCCESS ? rc : stmt_leave(s, stmt_set_attr(s, attr, value, length, unit));
}

ODBC_EXPORT SQLRETURN SQL_API SQLSetStmtAttr(SQLHSTMT p, SQLINTEGER attr, SQLPOINTER value,
                                             SQLINTEGER length) {
    return set_stmt_attr(p, attr, value, length, 1);
}
ODBC_EXPORT SQLRETURN SQL_API SQLSetStmtAttrW(SQLHSTMT p, SQLINTEGER attr, SQLPOINTER value,
                                              SQLINTEGER length) {
    return set_stmt_attr(p, attr, value, length, unit_of(p, SQL_HANDLE_STMT, true));
}

static SQLRETURN get_stmt_attr(SQLHSTMT p, SQLINTEGER attr, const value_out *out) {
    stmt *s = NULL;
    SQLRETURN rc = stmt_enter(p, SQL_API_SQLGETSTMTATTR, &s);
    return rc != SQL_SUCCESS ? rc : stmt_leave(s, stmt_get_attr(s, attr, out));
}

ODBC_EXPORT SQLRETURN SQL_API SQLGetStmtAttr(SQLHSTMT p, SQLINTEGER attr, SQLPOINTER value,
                                             SQLINTEGER cap, SQLINTEGER *length) {
    value_out out = out_bytes(value, cap, 1, length);
    return get_stmt_attr(p, attr, &out);
}
ODBC_EXPORT SQLRETURN SQL_API SQLGetStmtAttrW(SQLHSTMT p, SQLINTEGER attr, SQLPOINTER value,
                                              SQLINTEGER cap, SQLINTEGER *length) {
    value_out out = out_bytes(value, cap, unit_of(p, SQL_HANDLE_STMT, true), length);
    return get_stmt_attr(p, attr, &out);
}

/* ---- Descriptors ------------------------------------------------------------------------------------------------ */

/* A statement's own descriptor is locked with its statement (in this order): the statement's functions
 * use it without a lock of its own, and the IRD is the statement's result. An explicit one is locked with all
 * others of its connection, for statements use it, too. */
static SQLRETURN desc_leave(desc *d, SQLRETURN rc) {
    stmt *s = d->stmt;
    if (d->role == ROLE_EXPLICIT) {
        pthread_mutex_unlock(&d->h.dbc->shared_lock);
    }
    rc = handle_leave(&d->h, rc);
    if (s != NULL) {
        pthread_mutex_unlock(&s->h.lock);
    }
    return rc;
}

static SQLRETURN desc_enter(SQLHDESC p, bool to_change, desc **out) {
    if (!handle_check(p, SQL_HANDLE_DESC)) {
        return SQL_INVALID_HANDLE;
    }
    desc *d = p;
    stmt *s = d->stmt;
    if (s != NULL) {
        pthread_mutex_lock(&s->h.lock);
    }
    handle *h = NULL;
    (void)handle_enter(p, SQL_HANDLE_DESC, false, &h);
    if (d->role == ROLE_EXPLICIT) {
        pthread_mutex_lock(&d->h.dbc->shared_lock);
    }
    *out = d;
    if (to_change && s != NULL && (s->async_fn != 0 || s->dae.active)) {
        return desc_leave(d, fail(h, "HY010", "The descriptor's statement is executing."));
    }
    return SQL_SUCCESS;
}

/* A result's description exists once its statement is executed, or asked for after SQLPrepare. */
static SQLRETURN need_columns(desc *d) {
    stmt *s = d->stmt;
    if (d->role != ROLE_IRD || s->executed || s->described || !s->prepared) {
        return SQL_SUCCESS;
    }
    if (s->async_fn != 0 || s->dae.active) { /* the question would end the operation under way */
        return fail(&d->h, "HY010", "The descriptor's statement is executing.");
    }
    return describe_columns(s, SQL_API_SQLGETDESCFIELD) == SQL_ERROR
               ? fail(&d->h, "HY007", "The statement could not be described.")
               : SQL_SUCCESS;
}

static SQLRETURN get_desc_field(SQLHDESC p, SQLSMALLINT record, SQLSMALLINT field,
                                const value_out *out) {
    desc *d = NULL;
    SQLRETURN rc = desc_enter(p, false, &d);
    if (rc != SQL_SUCCESS) {
        return rc;
    }
    rc = need_columns(d);
    return desc_leave(d, rc == SQL_SUCCESS ? desc_get_field(d, record, field, out) : rc);
}

ODBC_EXPORT SQLRETURN SQL_API SQLGetDescField(SQLHDESC p, SQLSMALLINT record, SQLSMALLINT field,
                                              SQLPOINTER value, SQLINTEGER cap,
                                              SQLINTEGER *length) {
    value_out out = out_bytes(value, cap, 1, length);
    return get_desc_field(p, record, field, &out);
}
ODBC_EXPORT SQLRETURN SQL_API SQLGetDescFieldW(SQLHDESC p, SQLSMALLINT record, SQLSMALLINT field,
                                               SQLPOINTER value, SQLINTEGER cap,
                                               SQLINTEGER *length) {
    value_out out = out_bytes(value, cap, unit_of(p, SQL_HANDLE_DESC, true), length);
    return get_desc_field(p, record, field, &out);
}

static SQLRETURN set_desc_field(SQLHDESC p, SQLSMALLINT record, SQLSMALLINT field, SQLPOINTER value,
                                SQLINTEGER length, unsigned unit) {
    desc *d = NULL;
    SQLRETURN rc = desc_enter(p, true, &d);
    return rc != SQL_SUCCESS ? rc
                             : desc_leave(d, desc_set_field(d, record, field, value, length, unit));
}

ODBC_EXPORT SQLRETURN SQL_API SQLSetDescField(SQLHDESC p, SQLSMALLINT record, SQLSMALLINT field,
                                              SQLPOINTER value, SQLINTEGER length) {
    return set_desc_field(p, record, field, value, length, 1);
}
ODBC_EXPORT SQLRETURN SQL_API SQLSetDescFieldW(SQLHDESC p, SQLSMALLINT record, SQLSMALLINT field,
                                               SQLPOINTER value, SQLINTEGER length) {
    return set_desc_field(p, record, field, value, length, unit_of(p, SQL_HANDLE_DESC, true));
}

ODBC_EXPORT SQLRETURN SQL_API SQLSetDescRec(SQLHDESC p, SQLSMALLINT record, SQLSMALLINT type,
                                            SQLSMALLINT sub, SQLLEN length, SQLSMALLINT precision,
                                            SQLSMALLINT scale, SQLPOINTER data, SQLLEN *octets,
                                            SQLLEN *indicator) {
    desc *d = NULL;
    SQLRETURN rc = desc_enter(p, true, &d);
    return rc != SQL_SUCCESS ? rc
                             : desc_leave(d, desc_set_rec(d, record, type, sub, length, precision,
                                                          scale, data, octets, indicator));
}

static SQLRETURN get_desc_rec(SQLHDESC p, SQLSMALLINT record, const text_out *name,
                              SQLSMALLINT *type, SQLSMALLINT *sub, SQLLEN *length,
                              SQLSMALLINT *precision, SQLSMALLINT *scale, SQLSMALLINT *nullable) {
    desc *d = NULL;
    SQLRETURN rc = desc_enter(p, false, &d);
    if (rc != SQL_SUCCESS) {
        return rc;
    }
    rc = need_columns(d);
    return desc_leave(d, rc != SQL_SUCCESS ? rc
                                           : desc_get_rec(d, record, name, type, sub, length,
                                                          precision, scale, nullable));
}

ODBC_EXPORT SQLRETURN SQL_API SQLGetDescRec(SQLHDESC p, SQLSMALLINT record, SQLCHAR *name,
                                            SQLSMALLINT cap, SQLSMALLINT *name_length,
                                            SQLSMALLINT *type, SQLSMALLINT *sub, SQLLEN *length,
                                            SQLSMALLINT *precision, SQLSMALLINT *scale,
                                            SQLSMALLINT *nullable) {
    text_out out = {name, cap, 1, false, name_length, NULL};
    return get_desc_rec(p, record, &out, type, sub, length, precision, scale, nullable);
}
ODBC_EXPORT SQLRETURN SQL_API SQLGetDescRecW(SQLHDESC p, SQLSMALLINT record, SQLWCHAR *name,
                                             SQLSMALLINT cap, SQLSMALLINT *name_length,
                                             SQLSMALLINT *type, SQLSMALLINT *sub, SQLLEN *length,
                                             SQLSMALLINT *precision, SQLSMALLINT *scale,
                                             SQLSMALLINT *nullable) {
    text_out out = {name, cap, unit_of(p, SQL_HANDLE_DESC, true), false, name_length, NULL};
    return get_desc_rec(p, record, &out, type, sub, length, precision, scale, nullable);
}

ODBC_EXPORT SQLRETURN SQL_API SQLCopyDesc(SQLHDESC from, SQLHDESC destination) {
    desc *d = NULL, copy = {.role = ROLE_EXPLICIT}; /* two descriptors are never locked together */
    if (!handle_check(destination, SQL_HANDLE_DESC)) {
        return SQL_INVALID_HANDLE;
    }
    SQLRETURN rc = desc_enter(from, false, &d);
    if (rc != SQL_SUCCESS) {
        return rc;
    }
    rc = need_columns(d);
    bool whole = rc == SQL_SUCCESS && desc_snapshot(d, &copy);
    (void)desc_leave(d, rc);
    if (rc == SQL_SUCCESS) {
        rc = desc_enter(destination, true, &d);
    }
    if (rc == SQL_SUCCESS) {
        rc = desc_leave(d, whole ? desc_assign(d, &copy) : fail_memory(&d->h));
    }
    desc_reset(&copy);
    return rc;
}

/* ---- Information --------------------------------------------------------------------------------------------------- */

static SQLRETURN get_info(SQLHDBC p, SQLUSMALLINT type, const value_out *out) {
    handle *h = NULL;
    SQLRETURN rc = handle_enter(p, SQL_HANDLE_DBC, false, &h);
    return rc != SQL_SUCCESS ? rc : handle_leave(h, info_get((dbc *)h, type, out));
}

ODBC_EXPORT SQLRETURN SQL_API SQLGetInfo(SQLHDBC p, SQLUSMALLINT type, SQLPOINTER value,
                                         SQLSMALLINT cap, SQLSMALLINT *length) {
    value_out out = {.data = value, .cap = cap, .unit = 1, .length16 = length};
    return get_info(p, type, &out);
}
ODBC_EXPORT SQLRETURN SQL_API SQLGetInfoW(SQLHDBC p, SQLUSMALLINT type, SQLPOINTER value,
                                          SQLSMALLINT cap, SQLSMALLINT *length) {
    value_out out = {
        .data = value, .cap = cap, .unit = unit_of(p, SQL_HANDLE_DBC, true), .length16 = length};
    return get_info(p, type, &out);
}

ODBC_EXPORT SQLRETURN SQL_API SQLGetFunctions(SQLHDBC p, SQLUSMALLINT fn, SQLUSMALLINT *out) {
    handle *h = NULL;
    SQLRETURN rc = handle_enter(p, SQL_HANDLE_DBC, false, &h);
    if (rc != SQL_SUCCESS) {
        return rc;
    }
    return handle_leave(h, out == NULL ? fail(h, "HY009", "The place for the answer is NULL.")
                                       : functions_get(fn, out));
}
