#include "entry.h"

#include <stdio.h>
#include <string.h>

/* Exported: preparing, executing, parameters, results. */

static SQLRETURN prepare(SQLHSTMT p, const void *sql, SQLLEN length, unsigned unit) {
    stmt *s = NULL;
    SQLRETURN rc = stmt_enter(p, SQL_API_SQLPREPARE, &s);
    if (rc != SQL_SUCCESS) {
        return rc;
    }
    arg a;
    arg_take(&a, sql, length, unit);
    rc = arg_check(&s->h, &a);
    if (rc == SQL_SUCCESS) {
        rc = a.text.ptr == NULL ? fail(&s->h, "HY009", "The statement's text is NULL.")
                                : execute_prepare(s, a.text);
    }
    arg_end(&a);
    return stmt_leave(s, rc);
}

static SQLRETURN exec_direct(SQLHSTMT p, const void *sql, SQLLEN length, unsigned unit) {
    stmt *s = NULL;
    SQLRETURN rc = stmt_enter(p, SQL_API_SQLEXECDIRECT, &s);
    if (rc != SQL_SUCCESS) {
        return rc;
    }
    if (s->async_fn != 0) {
        return stmt_leave(s, op_drive(s, SQL_API_SQLEXECDIRECT, SQL_STILL_EXECUTING));
    }
    arg a;
    arg_take(&a, sql, length, unit);
    rc = arg_check(&s->h, &a);
    if (rc == SQL_SUCCESS) {
        rc = a.text.ptr == NULL ? fail(&s->h, "HY009", "The statement's text is NULL.")
                                : execute_prepare(s, a.text);
    }
    arg_end(&a);
    if (rc == SQL_SUCCESS) {
        rc = op_drive(s, SQL_API_SQLEXECDIRECT, execute_run(s, true));
    }
    return stmt_leave(s, rc);
}

ODBC_EXPORT SQLRETURN SQL_API SQLPrepare(SQLHSTMT p, SQLCHAR *sql, SQLINTEGER length) {
    return prepare(p, sql, length, 1);
}
ODBC_EXPORT SQLRETURN SQL_API SQLPrepareW(SQLHSTMT p, SQLWCHAR *sql, SQLINTEGER length) {
    return prepare(p, sql, length, unit_of(p, SQL_HANDLE_STMT, true));
}
ODBC_EXPORT SQLRETURN SQL_API SQLExecDirect(SQLHSTMT p, SQLCHAR *sql, SQLINTEGER length) {
    return exec_direct(p, sql, length, 1);
}
ODBC_EXPORT SQLRETURN SQL_API SQLExecDirectW(SQLHSTMT p, SQLWCHAR *sql, SQLINTEGER length) {
    return exec_direct(p, sql, length, unit_of(p, SQL_HANDLE_STMT, true));
}

ODBC_EXPORT SQLRETURN SQL_API SQLExecute(SQLHSTMT p) {
    stmt *s = NULL;
    SQLRETURN rc = stmt_enter(p, SQL_API_SQLEXECUTE, &s);
    if (rc != SQL_SUCCESS) {
        return rc;
    }
    rc = s->async_fn != 0 ? SQL_STILL_EXECUTING : execute_run(s, false);
    return stmt_leave(s, op_drive(s, SQL_API_SQLEXECUTE, rc));
}

ODBC_EXPORT SQLRETURN SQL_API SQLNumParams(SQLHSTMT p, SQLSMALLINT *count) {
    stmt *s = NULL;
    SQLRETURN rc = stmt_enter(p, SQL_API_SQLNUMPARAMS, &s);
    if (rc != SQL_SUCCESS) {
        return rc;
    }
    if (!s->prepared) {
        return stmt_leave(s, fail(&s->h, "HY010", "The statement was not prepared."));
    }
    if (count != NULL) {
        *count = (SQLSMALLINT)(s->sql.marker_count > INT16_MAX ? INT16_MAX : s->sql.marker_count);
    }
    return stmt_leave(s, SQL_SUCCESS);
}

ODBC_EXPORT SQLRETURN SQL_API SQLDescribeParam(SQLHSTMT p, SQLUSMALLINT number, SQLSMALLINT *type,
                                               SQLULEN *size, SQLSMALLINT *digits,
                                               SQLSMALLINT *nullable) {
    stmt *s = NULL;
    SQLRETURN rc = stmt_enter(p, SQL_API_SQLDESCRIBEPARAM, &s);
    return rc != SQL_SUCCESS
               ? rc
               : stmt_leave(s, describe_param(s, number, type, size, digits, nullable));
}

ODBC_EXPORT SQLRETURN SQL_API SQLBindParameter(SQLHSTMT p, SQLUSMALLINT number,
                                               SQLSMALLINT direction, SQLSMALLINT c_type,
                                               SQLSMALLINT sql_type, SQLULEN size,
                                               SQLSMALLINT digits, SQLPOINTER data, SQLLEN cap,
                                               SQLLEN *length) {
    stmt *s = NULL;
    SQLRETURN rc = stmt_enter(p, SQL_API_SQLBINDPARAMETER, &s);
    return rc != SQL_SUCCESS ? rc
                             : stmt_leave(s, params_bind(s, number, direction, c_type, sql_type,
                                                         size, digits, data, cap, length));
}

ODBC_EXPORT SQLRETURN SQL_API SQLParamData(SQLHSTMT p, SQLPOINTER *token) {
    stmt *s = NULL;
    SQLRETURN rc = stmt_enter(p, SQL_API_SQLPARAMDATA, &s);
    if (rc != SQL_SUCCESS) {
        return rc;
    }
    rc = s->async_fn != 0 ? SQL_STILL_EXECUTING : dae_param_data(s, token);
    return stmt_leave(s, op_drive(s, SQL_API_SQLPARAMDATA, rc));
}

ODBC_EXPORT SQLRETURN SQL_API SQLPutData(SQLHSTMT p, SQLPOINTER data, SQLLEN length) {
    stmt *s = NULL;
    SQLRETURN rc = stmt_enter(p, SQL_API_SQLPUTDATA, &s);
    return rc != SQL_SUCCESS ? rc : stmt_leave(s, dae_put(s, data, length));
}

/* ---- Results ----------------------------------------------------------------------------------------------- */

ODBC_EXPORT SQLRETURN SQL_API SQLNumResultCols(SQLHSTMT p, SQLSMALLINT *count) {
    stmt *s = NULL;
    SQLRETURN rc = stmt_enter(p, SQL_API_SQLNUMRESULTCOLS, &s);
    if (rc != SQL_SUCCESS) {
        return rc;
    }
    rc = describe_columns(s, SQL_API_SQLNUMRESULTCOLS);
    if (rc != SQL_ERROR && count != NULL) {
        *count = (SQLSMALLINT)s->res.column_count;
    }
    return stmt_leave(s, rc);
}

/* The column, or NULL with a record. */
static const column *find_column(stmt *s, SQLUSMALLINT number, SQLUSMALLINT fn) {
    if (describe_columns(s, fn) == SQL_ERROR) {
        return NULL;
    }
    if (s->res.column_count == 0) {
        (void)fail(&s->h, "07005", "The statement gives no result.");
        return NULL;
    }
    if (number == 0 || number > s->res.column_count) {
        (void)fail(&s->h, "07009", "There is no column %u; the result has %zu.", number,
                   s->res.column_count);
        return NULL;
    }
    return &s->res.columns[number - 1];
}

static SQLRETURN describe_col(SQLHSTMT p, SQLUSMALLINT number, const text_out *name,
                              SQLSMALLINT *type, SQLULEN *size, SQLSMALLINT *digits,
                              SQLSMALLINT *nullable) {
    stmt *s = NULL;
    SQLRETURN rc = stmt_enter(p, SQL_API_SQLDESCRIBECOL, &s);
    if (rc != SQL_SUCCESS) {
        return rc;
    }
    const column *c = find_column(s, number, SQL_API_SQLDESCRIBECOL);
    if (c == NULL) {
        return stmt_leave(s, SQL_ERROR);
    }
    if (type != NULL) {
        *type = s->h.env->version == SQL_OV_ODBC2 ? type_odbc2(c->sql_type) : c->sql_type;
    }
    if (size != NULL) {
        *size = c->size;
    }
    if (digits != NULL) {
        *digits = c->digits < 0 ? 0 : c->digits;
    }
    if (nullable != NULL) {
        *nullable = c->nullable;
    }
    return stmt_leave(s, text_out_give(&s->h, name, text_of(c->name)));
}

ODBC_EXPORT SQLRETURN SQL_API SQLDescribeCol(SQLHSTMT p, SQLUSMALLINT number, SQLCHAR *name,
                                             SQLSMALLINT cap, SQLSMALLINT *length,
                                             SQLSMALLINT *type, SQLULEN *size, SQLSMALLINT *digits,
                                             SQLSMALLINT *nullable) {
    text_out out = {name, cap, 1, false, length, NULL};
    return describe_col(p, number, &out, type, size, digits, nullable);
}

ODBC_EXPORT SQLRETURN SQL_API SQLDescribeColW(SQLHSTMT p, SQLUSMALLINT number, SQLWCHAR *name,
                                              SQLSMALLINT cap, SQLSMALLINT *length,
                                              SQLSMALLINT *type, SQLULEN *size, SQLSMALLINT *digits,
                                              SQLSMALLINT *nullable) {
    text_out out = {name, cap, unit_of(p, SQL_HANDLE_STMT, true), false, length, NULL};
    return describe_col(p, number, &out, type, size, digits, nullable);
}

static SQLRETURN col_attribute(SQLHSTMT p, SQLUSMALLINT number, SQLUSMALLINT field, void *data,
                               SQLSMALLINT cap, SQLSMALLINT *length, SQLLEN *number_out,
                               unsigned unit) {
    stmt *s = NULL;
    SQLRETURN rc = stmt_enter(p, SQL_API_SQLCOLATTRIBUTE, &s);
    if (rc != SQL_SUCCESS) {
        return rc;
    }
    if (field == SQL_DESC_COUNT || field == SQL_COLUMN_COUNT) {
        rc = describe_columns(s, SQL_API_SQLCOLATTRIBUTE);
        if (rc != SQL_ERROR && number_out != NULL) {
            *number_out = (SQLLEN)s->res.column_count;
        }
        return stmt_leave(s, rc);
    }
    const column *c = find_column(s, number, SQL_API_SQLCOLATTRIBUTE);
    attr_value v;
    if (c == NULL) {
        return stmt_leave(s, SQL_ERROR);
    }
    if (!column_field(s, c, field, &v)) {
        return stmt_leave(s, fail(&s->h, "HY091", "There is no column attribute %u.", field));
    }
    if (v.kind != V_TEXT) {
        if (number_out != NULL) {
            *number_out = (SQLLEN)v.number; /* numbers are always as wide as SQLLEN here */
        }
        return stmt_leave(s, SQL_SUCCESS);
    }
    value_out out = {data, cap, unit, length, NULL};
    return stmt_leave(s, value_give(&s->h, &out, v));
}

ODBC_EXPORT SQLRETURN SQL_API SQLColAttribute(SQLHSTMT p, SQLUSMALLINT number, SQLUSMALLINT field,
                                              SQLPOINTER data, SQLSMALLINT cap, SQLSMALLINT *length,
                                              SQLLEN *number_out) {
    return col_attribute(p, number, field, data, cap, length, number_out, 1);
}
ODBC_EXPORT SQLRETURN SQL_API SQLColAttributeW(SQLHSTMT p, SQLUSMALLINT number, SQLUSMALLINT field,
                                               SQLPOINTER data, SQLSMALLINT cap,
                                               SQLSMALLINT *length, SQLLEN *number_out) {
    return col_attribute(p, number, field, data, cap, length, number_out,
                         unit_of(p, SQL_HANDLE_STMT, true));
}

ODBC_EXPORT SQLRETURN SQL_API SQLRowCount(SQLHSTMT p, SQLLEN *count) {
    stmt *s = NULL;
    SQLRETURN rc = stmt_enter(p, SQL_API_SQLROWCOUNT, &s);
    if (rc != SQL_SUCCESS) {
        return rc;
    }
    if (!s->executed) {
        return stmt_leave(s, fail(&s->h, "HY010", "The statement was not executed."));
    }
    if (count != NULL) {
        *count = s->row_count;
    }
    return stmt_leave(s, SQL_SUCCESS);
}

ODBC_EXPORT SQLRETURN SQL_API SQLBindCol(SQLHSTMT p, SQLUSMALLINT number, SQLSMALLINT c_type,
                                         SQLPOINTER data, SQLLEN cap, SQLLEN *length) {
    stmt *s = NULL;
    SQLRETURN rc = stmt_enter(p, SQL_API_SQLBINDCOL, &s);
    if (rc != SQL_SUCCESS) {
        return rc;
    }
    c_type = type_odbc3(c_type);
    if (number == 0) {
        return stmt_leave(s, fail(&s->h, "07009", "There are no bookmarks."));
    }
    if (c_type != SQL_C_DEFAULT && c_type_size(c_type) < 0) {
        return stmt_leave(s, fail(&s->h, "HY003", "There is no C type %d.", (int)c_type));
    }
    if (cap < 0 && data != NULL && c_type_size(c_type) == 0) {
        return stmt_leave(s,
                          fail(&s->h, "HY090", "A buffer length of %ld is not valid.", (long)cap));
    }
    desc_record *r = desc_need(s->ard, number);
    if (r == NULL) {
        return stmt_leave(s, fail_memory(&s->h));
    }
    *r = (desc_record){.c_type = c_type,
                       .data = data,
                       .octet_length = cap,
                       .length = length,
                       .indicator = length,
                       .direction = 1};
    if (data == NULL && length == NULL) { /* unbound columns at the end are no columns */
        while (s->ard->count > 0 && s->ard->records[s->ard->count - 1].data == NULL &&
               s->ard->records[s->ard->count - 1].length == NULL) {
            s->ard->count--;
        }
    }
    return stmt_leave(s, SQL_SUCCESS);
}

/* ---- Fetching ------------------------------------------------------------------------------------------------ */

static SQLRETURN fetch(SQLHSTMT p, SQLUSMALLINT fn, SQLSMALLINT direction) {
    stmt *s = NULL;
    SQLRETURN rc = stmt_enter(p, fn, &s);
    if (rc != SQL_SUCCESS) {
        return rc;
    }
    if (s->async_fn != 0) {
        return stmt_leave(s, op_drive(s, fn, SQL_STILL_EXECUTING));
    }
    if (direction != SQL_FETCH_NEXT) {
        return stmt_leave(s, fail(&s->h, "HY106", "Cursors go forward only."));
    }
    if (s->res.open && s->res.extended) {
        return stmt_leave(s, fail(&s->h, "HY010", "SQLExtendedFetch has begun this cursor."));
    }
    rc = fetch_rowset(s, s->ard->array_size, s->ird.rows_processed, s->ird.array_status);
    return stmt_leave(s, op_drive(s, fn, rc));
}

ODBC_EXPORT SQLRETURN SQL_API SQLFetch(SQLHSTMT p) {
    return fetch(p, SQL_API_SQLFETCH, SQL_FETCH_NEXT);
}
ODBC_EXPORT SQLRETURN SQL_API SQLFetchScroll(SQLHSTMT p, SQLSMALLINT direction, SQLLEN offset) {
    (void)offset;
    return fetch(p, SQL_API_SQLFETCHSCROLL, direction);
}

ODBC_EXPORT SQLRETURN SQL_API SQLExtendedFetch(SQLHSTMT p, SQLUSMALLINT direction, SQLLEN offset,
                                               SQLULEN *count, SQLUSMALLINT *status) {
    (void)offset;
    stmt *s = NULL;
    SQLRETURN rc = stmt_enter(p, SQL_API_SQLEXTENDEDFETCH, &s);
    if (rc != SQL_SUCCESS) {
        return rc;
    }
    if (s->async_fn != 0) {
        return stmt_leave(s, op_drive(s, SQL_API_SQLEXTENDEDFETCH, SQL_STILL_EXECUTING));
    }
    if (direction != SQL_FETCH_NEXT) {
        return stmt_leave(s, fail(&s->h, "HY106", "Cursors go forward only."));
    }
    if (s->res.open && s->res.next_row > 0 && !s->res.extended) {
        return stmt_leave(s, fail(&s->h, "HY010", "SQLFetch has begun this cursor."));
    }
    s->res.extended = s->res.open;
    rc = fetch_rowset(s, s->rowset_size, count, status);
    return stmt_leave(s, op_drive(s, SQL_API_SQLEXTENDEDFETCH, rc));
}

ODBC_EXPORT SQLRETURN SQL_API SQLGetData(SQLHSTMT p, SQLUSMALLINT number, SQLSMALLINT c_type,
                                         SQLPOINTER data, SQLLEN cap, SQLLEN *length) {
    stmt *s = NULL;
    SQLRETURN rc = stmt_enter(p, SQL_API_SQLGETDATA, &s);
    return rc != SQL_SUCCESS ? rc : stmt_leave(s, get_data(s, number, c_type, data, cap, length));
}

ODBC_EXPORT SQLRETURN SQL_API SQLSetPos(SQLHSTMT p, SQLSETPOSIROW row, SQLUSMALLINT operation,
                                        SQLUSMALLINT lock) {
    stmt *s = NULL;
    SQLRETURN rc = stmt_enter(p, SQL_API_SQLSETPOS, &s);
    if (rc != SQL_SUCCESS) {
        return rc;
    }
    return stmt_leave(s, lock != SQL_LOCK_NO_CHANGE
                             ? fail(&s->h, "HYC00", "There are no row locks.")
                             : set_pos(s, row, operation));
}

ODBC_EXPORT SQLRETURN SQL_API SQLBulkOperations(SQLHSTMT p, SQLSMALLINT operation) {
    (void)operation;
    stmt *s = NULL;
    SQLRETURN rc = stmt_enter(p, SQL_API_SQLBULKOPERATIONS, &s);
    return rc != SQL_SUCCESS ? rc
                             : stmt_leave(s, fail(&s->h, "HYC00", "Bulk operations: use INSERT."));
}

/* The next set of an array of parameters, when each set gives a result. */
ODBC_EXPORT SQLRETURN SQL_API SQLMoreResults(SQLHSTMT p) {
    stmt *s = NULL;
    SQLRETURN rc = stmt_enter(p, SQL_API_SQLMORERESULTS, &s);
    if (rc != SQL_SUCCESS) {
        return rc;
    }
    if (s->async_fn != 0) {
        return stmt_leave(s, op_drive(s, SQL_API_SQLMORERESULTS, SQL_STILL_EXECUTING));
    }
    bool more = s->executed && s->res.open && s->run.set < s->run.sets;
    run kept = s->run;
    if (s->res.open || !s->executed) {
        stmt_close_cursor(s);
    }
    if (!more) {
        return stmt_leave(s, SQL_NO_DATA);
    }
    s->run = kept;
    op_busy(&s->op, true);
    return stmt_leave(s, op_drive(s, SQL_API_SQLMORERESULTS, arrays_next(s)));
}

ODBC_EXPORT SQLRETURN SQL_API SQLCloseCursor(SQLHSTMT p) {
    stmt *s = NULL;
    SQLRETURN rc = stmt_enter(p, SQL_API_SQLCLOSECURSOR, &s);
    if (rc != SQL_SUCCESS) {
        return rc;
    }
    if (!s->res.open) {
        return stmt_leave(s, fail(&s->h, "24000", "No cursor is open."));
    }
    stmt_close_cursor(s);
    return stmt_leave(s, SQL_SUCCESS);
}

ODBC_EXPORT SQLRETURN SQL_API SQLFreeStmt(SQLHSTMT p, SQLUSMALLINT option) {
    if (option == SQL_DROP) {
        return handle_free(SQL_HANDLE_STMT, p);
    }
    stmt *s = NULL;
    SQLRETURN rc = stmt_enter(p, SQL_API_SQLFREESTMT, &s);
    if (rc != SQL_SUCCESS) {
        return rc;
    }
    if (option == SQL_CLOSE) {
        stmt_close_cursor(s);
    } else if (option == SQL_UNBIND) {
        desc_reset(s->ard);
    } else if (option == SQL_RESET_PARAMS) {
        desc_reset(s->apd);
        desc_reset(&s->ipd);
    } else {
        rc = fail(&s->h, "HY092", "SQLFreeStmt has no option %u.", option);
    }
    return stmt_leave(s, rc);
}

/* ---- Cursor names, native SQL ----------------------------------------------------------------------------------- */

static SQLRETURN set_cursor_name(SQLHSTMT p, const void *name, SQLLEN length, unsigned unit) {
    stmt *s = NULL;
    SQLRETURN rc = stmt_enter(p, SQL_API_SQLSETCURSORNAME, &s);
    if (rc != SQL_SUCCESS) {
        return rc;
    }
    arg a;
    arg_take(&a, name, length, unit);
    rc = arg_check(&s->h, &a);
    if (rc == SQL_SUCCESS && (a.text.len == 0 || a.text.len >= sizeof s->cursor_name)) {
        rc = fail(&s->h, "34000", "A cursor's name has 1 to 128 bytes.");
    }
    if (rc == SQL_SUCCESS) {
        (void)snprintf(s->cursor_name, sizeof s->cursor_name, "%.*s", (int)a.text.len, a.text.ptr);
    }
    arg_end(&a);
    return stmt_leave(s, rc);
}

static SQLRETURN get_cursor_name(SQLHSTMT p, const text_out *out) {
    stmt *s = NULL;
    SQLRETURN rc = stmt_enter(p, SQL_API_SQLGETCURSORNAME, &s);
    return rc != SQL_SUCCESS ? rc
                             : stmt_leave(s, text_out_give(&s->h, out, text_of(s->cursor_name)));
}

ODBC_EXPORT SQLRETURN SQL_API SQLSetCursorName(SQLHSTMT p, SQLCHAR *name, SQLSMALLINT length) {
    return set_cursor_name(p, name, length, 1);
}
ODBC_EXPORT SQLRETURN SQL_API SQLSetCursorNameW(SQLHSTMT p, SQLWCHAR *name, SQLSMALLINT length) {
    return set_cursor_name(p, name, length, unit_of(p, SQL_HANDLE_STMT, true));
}
ODBC_EXPORT SQLRETURN SQL_API SQLGetCursorName(SQLHSTMT p, SQLCHAR *name, SQLSMALLINT cap,
                                               SQLSMALLINT *length) {
    text_out out = {name, cap, 1, false, length, NULL};
    return get_cursor_name(p, &out);
}
ODBC_EXPORT SQLRETURN SQL_API SQLGetCursorNameW(SQLHSTMT p, SQLWCHAR *name, SQLSMALLINT cap,
                                                SQLSMALLINT *length) {
    text_out out = {name, cap, unit_of(p, SQL_HANDLE_STMT, true), false, length, NULL};
    return get_cursor_name(p, &out);
}

static SQLRETURN native_sql(SQLHDBC p, const void *sql, SQLLEN length, const text_out *out) {
    handle *h = NULL;
    SQLRETURN rc = handle_enter(p, SQL_HANDLE_DBC, false, &h);
    if (rc != SQL_SUCCESS) {
        return rc;
    }
    arg a;
    arg_take(&a, sql, length, out->unit);
    rc = arg_check(h, &a);
    buf native = {0};
    if (rc == SQL_SUCCESS) {
        sql_translate(a.text.ptr == NULL ? text_of("") : a.text, h->dbc->set.ntz_literals, &native);
        rc = native.failed ? fail_memory(h)
                           : text_out_give(h, out, (text){buf_text(&native), native.len});
    }
    buf_free(&native);
    arg_end(&a);
    return handle_leave(h, rc);
}

ODBC_EXPORT SQLRETURN SQL_API SQLNativeSql(SQLHDBC p, SQLCHAR *sql, SQLINTEGER length, SQLCHAR *out,
                                           SQLINTEGER cap, SQLINTEGER *out_length) {
    text_out o = {out, cap, 1, false, NULL, out_length};
    return native_sql(p, sql, length, &o);
}
ODBC_EXPORT SQLRETURN SQL_API SQLNativeSqlW(SQLHDBC p, SQLWCHAR *sql, SQLINTEGER length,
                                            SQLWCHAR *out, SQLINTEGER cap, SQLINTEGER *out_length) {
    text_out o = {out, cap, unit_of(p, SQL_HANDLE_DBC, true), false, NULL, out_length};
    return native_sql(p, sql, length, &o);
}
