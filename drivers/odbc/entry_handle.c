#include "entry.h"

/* Exported: handles, environment, connection, transactions, cancelling. */

ODBC_EXPORT SQLRETURN SQL_API SQLAllocHandle(SQLSMALLINT type, SQLHANDLE input, SQLHANDLE *output) {
    return handle_alloc(type, input, output, __builtin_return_address(0));
}

ODBC_EXPORT SQLRETURN SQL_API SQLFreeHandle(SQLSMALLINT type, SQLHANDLE p) {
    return handle_free(type, p);
}

ODBC_EXPORT SQLRETURN SQL_API SQLSetEnvAttr(SQLHENV p, SQLINTEGER attr, SQLPOINTER value,
                                            SQLINTEGER length) {
    (void)length;
    handle *h = NULL;
    SQLRETURN rc = handle_enter(p, SQL_HANDLE_ENV, false, &h);
    return rc != SQL_SUCCESS ? rc : handle_leave(h, env_set_attr((env *)h, attr, value));
}

ODBC_EXPORT SQLRETURN SQL_API SQLGetEnvAttr(SQLHENV p, SQLINTEGER attr, SQLPOINTER value,
                                            SQLINTEGER cap, SQLINTEGER *length) {
    (void)cap;
    handle *h = NULL;
    SQLRETURN rc = handle_enter(p, SQL_HANDLE_ENV, false, &h);
    return rc != SQL_SUCCESS ? rc : handle_leave(h, env_get_attr((env *)h, attr, value, length));
}

static SQLRETURN connect_string(SQLHDBC p, const void *string, SQLLEN length, const text_out *out,
                                unsigned unit, bool browse) {
    handle *h = NULL;
    SQLRETURN rc = handle_enter(p, SQL_HANDLE_DBC, false, &h);
    if (rc != SQL_SUCCESS) {
        return rc;
    }
    arg a;
    arg_take(&a, string, length, unit);
    rc = arg_check(h, &a);
    if (rc == SQL_SUCCESS) {
        text t = a.text.ptr == NULL ? text_of("") : a.text;
        rc = browse ? dbc_browse((dbc *)h, t, out) : dbc_connect((dbc *)h, t, out);
    }
    arg_end(&a);
    return handle_leave(h, rc);
}

static text_out out_units(void *data, SQLLEN cap, unsigned unit, SQLSMALLINT *length) {
    return (text_out){.data = data, .cap = cap, .unit = unit, .length16 = length};
}

ODBC_EXPORT SQLRETURN SQL_API SQLDriverConnect(SQLHDBC p, SQLHWND window, SQLCHAR *string,
                                               SQLSMALLINT length, SQLCHAR *out, SQLSMALLINT cap,
                                               SQLSMALLINT *out_length, SQLUSMALLINT completion) {
    (void)window; /* no dialogs: what is missing is an error */
    (void)completion;
    text_out o = out_units(out, cap, 1, out_length);
    return connect_string(p, string, length, &o, 1, false);
}

ODBC_EXPORT SQLRETURN SQL_API SQLDriverConnectW(SQLHDBC p, SQLHWND window, SQLWCHAR *string,
                                                SQLSMALLINT length, SQLWCHAR *out, SQLSMALLINT cap,
                                                SQLSMALLINT *out_length, SQLUSMALLINT completion) {
    (void)window;
    (void)completion;
    unsigned unit = unit_of(p, SQL_HANDLE_DBC, true);
    text_out o = out_units(out, cap, unit, out_length);
    return connect_string(p, string, length, &o, unit, false);
}

ODBC_EXPORT SQLRETURN SQL_API SQLBrowseConnect(SQLHDBC p, SQLCHAR *string, SQLSMALLINT length,
                                               SQLCHAR *out, SQLSMALLINT cap,
                                               SQLSMALLINT *out_length) {
    text_out o = out_units(out, cap, 1, out_length);
    return connect_string(p, string, length, &o, 1, true);
}

ODBC_EXPORT SQLRETURN SQL_API SQLBrowseConnectW(SQLHDBC p, SQLWCHAR *string, SQLSMALLINT length,
                                                SQLWCHAR *out, SQLSMALLINT cap,
                                                SQLSMALLINT *out_length) {
    unsigned unit = unit_of(p, SQL_HANDLE_DBC, true);
    text_out o = out_units(out, cap, unit, out_length);
    return connect_string(p, string, length, &o, unit, true);
}

static void add_key(buf *out, const char *key, text value) {
    if (value.ptr == NULL) {
        return;
    }
    buf_printf(out, "%s={", key);
    for (size_t i = 0; i < value.len; i++) {
        buf_add(out, value.ptr[i] == '}' ? "}}" : value.ptr + i, value.ptr[i] == '}' ? 2 : 1);
    }
    buf_add_text(out, "};");
}

/* SQLConnect is SQLDriverConnect with DSN, UID and PWD. */
static SQLRETURN connect_dsn(SQLHDBC p, const void *dsn, SQLLEN dsn_length, const void *user,
                             SQLLEN user_length, const void *password, SQLLEN password_length,
                             unsigned unit) {
    handle *h = NULL;
    SQLRETURN rc = handle_enter(p, SQL_HANDLE_DBC, false, &h);
    if (rc != SQL_SUCCESS) {
        return rc;
    }
    arg a[3];
    arg_take(&a[0], dsn, dsn_length, unit);
    arg_take(&a[1], user, user_length, unit);
    arg_take(&a[2], password, password_length, unit);
    static const char *const names[] = {"DSN", "UID", "PWD"};
    buf string = {0};
    for (size_t i = 0; i < COUNT_OF(a); i++) {
        rc = rc == SQL_SUCCESS ? arg_check(h, &a[i]) : rc;
        if (a[i].text.len > 0) { /* an empty user leaves the data source's */
            add_key(&string, names[i], a[i].text);
        }
        arg_end(&a[i]);
    }
    text_out nowhere = {.unit = 1};
    if (rc == SQL_SUCCESS) {
        rc = string.failed ? fail_memory(h)
                           : dbc_connect((dbc *)h, (text){buf_text(&string), string.len}, &nowhere);
    }
    buf_wipe(&string);
    return handle_leave(h, rc);
}

ODBC_EXPORT SQLRETURN SQL_API SQLConnect(SQLHDBC p, SQLCHAR *dsn, SQLSMALLINT dsn_length,
                                         SQLCHAR *user, SQLSMALLINT user_length, SQLCHAR *password,
                                         SQLSMALLINT password_length) {
    return connect_dsn(p, dsn, dsn_length, user, user_length, password, password_length, 1);
}

ODBC_EXPORT SQLRETURN SQL_API SQLConnectW(SQLHDBC p, SQLWCHAR *dsn, SQLSMALLINT dsn_length,
                                          SQLWCHAR *user, SQLSMALLINT user_length,
                                          SQLWCHAR *password, SQLSMALLINT password_length) {
    return connect_dsn(p, dsn, dsn_length, user, user_length, password, password_length,
                       unit_of(p, SQL_HANDLE_DBC, true));
}

ODBC_EXPORT SQLRETURN SQL_API SQLDisconnect(SQLHDBC p) {
    handle *h = NULL;
    SQLRETURN rc = handle_enter(p, SQL_HANDLE_DBC, false, &h);
    return rc != SQL_SUCCESS ? rc : handle_leave(h, dbc_disconnect((dbc *)h));
}

/* The connections of an environment are not listed here: the driver manager calls each one. */
ODBC_EXPORT SQLRETURN SQL_API SQLEndTran(SQLSMALLINT type, SQLHANDLE p, SQLSMALLINT completion) {
    handle *h = NULL;
    SQLRETURN rc = handle_enter(p, type, false, &h);
    if (rc != SQL_SUCCESS) {
        return rc;
    }
    if (type != SQL_HANDLE_DBC) {
        return handle_leave(h, type == SQL_HANDLE_ENV
                                   ? SQL_SUCCESS
                                   : fail(h, "HY092", "Transactions end at a connection."));
    }
    return handle_leave(h, dbc_end_tran((dbc *)h, completion));
}

ODBC_EXPORT SQLRETURN SQL_API SQLCancel(SQLHSTMT p) {
    return op_cancel(p);
}

ODBC_EXPORT SQLRETURN SQL_API SQLCancelHandle(SQLSMALLINT type, SQLHANDLE p) {
    return type == SQL_HANDLE_DBC ? op_cancel_dbc(p) : op_cancel(p);
}

/* Notification of asynchronous functions exists under Windows only; unixODBC has no prototype. */
SQLRETURN SQL_API SQLCompleteAsync(SQLSMALLINT type, SQLHANDLE p, RETCODE *rc);
ODBC_EXPORT SQLRETURN SQL_API SQLCompleteAsync(SQLSMALLINT type, SQLHANDLE p, RETCODE *rc) {
    (void)rc;
    return handle_check(p, type) ? SQL_ERROR : SQL_INVALID_HANDLE;
}
