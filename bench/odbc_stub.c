/* odbc_stub.so: an ODBC driver that does nothing, for a floor: what a driver manager and an application cost
 * with any driver. Every statement answers ROWS=n rows of 5 BIGINT and 5 texts of 16 characters, made where
 * they are asked for; only what pyodbc's fetchall calls is there, one call at a time. */
#define SQL_NOUNICODEMAP
#include <sql.h>
#include <sqlext.h>
#include <sqlucode.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))
enum { COLUMNS = 10, NUMBERS = 5, TEXT = 16 };

static int64_t rows, row;
static char handle[8]; /* something to point at */

EXPORT SQLRETURN SQLAllocHandle(SQLSMALLINT type, SQLHANDLE in, SQLHANDLE *out) {
    (void)type, (void)in;
    *out = handle;
    return SQL_SUCCESS;
}
EXPORT SQLRETURN SQLFreeHandle(SQLSMALLINT type, SQLHANDLE h) {
    (void)type, (void)h;
    return SQL_SUCCESS;
}
EXPORT SQLRETURN SQLSetEnvAttr(SQLHENV h, SQLINTEGER attr, SQLPOINTER value, SQLINTEGER length) {
    (void)h, (void)attr, (void)value, (void)length;
    return SQL_SUCCESS;
}

EXPORT SQLRETURN SQLDriverConnectW(SQLHDBC h, SQLHWND window, SQLWCHAR *string, SQLSMALLINT length,
                                   SQLWCHAR *out, SQLSMALLINT cap, SQLSMALLINT *out_length,
                                   SQLUSMALLINT completion) {
    (void)h, (void)window, (void)completion;
    static const char key[] = "ROWS=";
    rows = 0;
    for (SQLSMALLINT i = 0, at = 0; (length == SQL_NTS || i < length) && string[i] != 0; i++) {
        if (at == (SQLSMALLINT)sizeof key - 1 && string[i] >= '0' && string[i] <= '9') {
            rows = rows * 10 + string[i] - '0';
        } else {
            at = string[i] == (SQLWCHAR)key[at] ? (SQLSMALLINT)(at + 1) : 0;
        }
    }
    if (out != NULL && cap > 0) {
        out[0] = 0;
    }
    if (out_length != NULL) {
        *out_length = 0;
    }
    return SQL_SUCCESS;
}
EXPORT SQLRETURN SQLDisconnect(SQLHDBC h) {
    (void)h;
    return SQL_SUCCESS;
}
EXPORT SQLRETURN SQLEndTran(SQLSMALLINT type, SQLHANDLE h, SQLSMALLINT how) {
    (void)type, (void)h, (void)how;
    return SQL_SUCCESS;
}
EXPORT SQLRETURN SQLSetConnectAttrW(SQLHDBC h, SQLINTEGER attr, SQLPOINTER value, SQLINTEGER n) {
    (void)h, (void)attr, (void)value, (void)n;
    return SQL_SUCCESS;
}

EXPORT SQLRETURN SQLGetInfoW(SQLHDBC h, SQLUSMALLINT type, SQLPOINTER value, SQLSMALLINT cap,
                             SQLSMALLINT *length) {
    (void)h;
    static const SQLWCHAR version[] = {'0', '3', '.', '8', '0', 0};
    if (type == SQL_DRIVER_ODBC_VER && value != NULL && cap >= (SQLSMALLINT)sizeof version) {
        memcpy(value, version, sizeof version);
    } else if (value != NULL && cap > 0) {
        memset(value, 0, (size_t)cap);
    }
    if (length != NULL) {
        *length = type == SQL_DRIVER_ODBC_VER ? (SQLSMALLINT)(sizeof version - 2) : 0;
    }
    return SQL_SUCCESS;
}
EXPORT SQLRETURN SQLGetDiagRecW(SQLSMALLINT type, SQLHANDLE h, SQLSMALLINT number, SQLWCHAR *state,
                                SQLINTEGER *native, SQLWCHAR *text, SQLSMALLINT cap,
                                SQLSMALLINT *length) {
    (void)type, (void)h, (void)number, (void)state, (void)native, (void)text, (void)cap;
    (void)length;
    return SQL_NO_DATA;
}

/* ---- Statements --------------------------------------------------------------------------------------- */

EXPORT SQLRETURN SQLGetStmtAttrW(SQLHSTMT h, SQLINTEGER attr, SQLPOINTER value, SQLINTEGER cap,
                                 SQLINTEGER *length) {
    (void)h, (void)attr, (void)cap, (void)length;
    *(SQLPOINTER *)value = handle; /* the driver manager asks for the descriptors */
    return SQL_SUCCESS;
}
EXPORT SQLRETURN SQLSetStmtAttrW(SQLHSTMT h, SQLINTEGER attr, SQLPOINTER value, SQLINTEGER length) {
    (void)h, (void)attr, (void)value, (void)length;
    return SQL_SUCCESS;
}
EXPORT SQLRETURN SQLGetTypeInfoW(SQLHSTMT h, SQLSMALLINT type) {
    (void)h, (void)type;
    return SQL_ERROR; /* pyodbc has a length of its own then */
}
EXPORT SQLRETURN SQLExecDirectW(SQLHSTMT h, SQLWCHAR *sql, SQLINTEGER length) {
    (void)h, (void)sql, (void)length;
    row = 0;
    return SQL_SUCCESS;
}
EXPORT SQLRETURN SQLFreeStmt(SQLHSTMT h, SQLUSMALLINT what) {
    (void)h, (void)what;
    return SQL_SUCCESS;
}
EXPORT SQLRETURN SQLNumResultCols(SQLHSTMT h, SQLSMALLINT *count) {
    (void)h;
    *count = COLUMNS;
    return SQL_SUCCESS;
}
EXPORT SQLRETURN SQLRowCount(SQLHSTMT h, SQLLEN *count) {
    (void)h;
    *count = rows;
    return SQL_SUCCESS;
}
EXPORT SQLRETURN SQLMoreResults(SQLHSTMT h) {
    (void)h;
    return SQL_NO_DATA;
}

EXPORT SQLRETURN SQLDescribeColW(SQLHSTMT h, SQLUSMALLINT column, SQLWCHAR *name, SQLSMALLINT cap,
                                 SQLSMALLINT *length, SQLSMALLINT *type, SQLULEN *size,
                                 SQLSMALLINT *digits, SQLSMALLINT *nullable) {
    (void)h;
    if (name != NULL && cap > 1) {
        name[0] = (SQLWCHAR)('a' + column - 1);
        name[1] = 0;
    }
    if (length != NULL) {
        *length = 1;
    }
    *type = column <= NUMBERS ? SQL_BIGINT : SQL_VARCHAR;
    *size = column <= NUMBERS ? 19 : 65535;
    *digits = 0;
    *nullable = SQL_NULLABLE;
    return SQL_SUCCESS;
}
EXPORT SQLRETURN SQLColAttributeW(SQLHSTMT h, SQLUSMALLINT column, SQLUSMALLINT field,
                                  SQLPOINTER text, SQLSMALLINT cap, SQLSMALLINT *length,
                                  SQLLEN *number) {
    (void)h, (void)column, (void)field, (void)text, (void)cap, (void)length;
    if (number != NULL) {
        *number = 0; /* SQL_DESC_UNSIGNED: signed */
    }
    return SQL_SUCCESS;
}

EXPORT SQLRETURN SQLFetch(SQLHSTMT h) {
    (void)h;
    return row++ < rows ? SQL_SUCCESS : SQL_NO_DATA;
}
EXPORT SQLRETURN SQLGetData(SQLHSTMT h, SQLUSMALLINT column, SQLSMALLINT type, SQLPOINTER value,
                            SQLLEN cap, SQLLEN *length) {
    (void)h;
    if (column <= NUMBERS) {
        memcpy(value, &(int64_t){row + column}, sizeof(int64_t));
        *length = (SQLLEN)sizeof(int64_t);
        return SQL_SUCCESS;
    }
    if (type != SQL_C_WCHAR || cap < (SQLLEN)((TEXT + 1) * sizeof(SQLWCHAR))) {
        return SQL_ERROR;
    }
    SQLWCHAR *out = value;
    int64_t n = row;
    for (int i = TEXT - 1; i >= 0; i--, n /= 10) {
        out[i] = n > 0 ? (SQLWCHAR)('0' + n % 10) : (SQLWCHAR)('x' + column % 3);
    }
    out[TEXT] = 0;
    *length = TEXT * (SQLLEN)sizeof(SQLWCHAR);
    return SQL_SUCCESS;
}
