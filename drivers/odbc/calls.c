/* calls.c: the driver called as a driver manager calls it, for what Python cannot do: block cursors, pieces,
 * descriptors, states; calls_threads.c has asynchronous functions, threads, cancelling. odbc_calls SCENARIO
 * CONNECTION_STRING; exit 0: all held. Linked with the driver's objects, so that sanitizers see both sides. */
#include "calls.h"

SQLHENV env_handle;
SQLHDBC dbc_handle;
const char *connection;

_Noreturn void fail_at(const char *what, int line, SQLSMALLINT type, SQLHANDLE h) {
    SQLCHAR state[6] = "", message[1024] = "";
    SQLINTEGER native = 0;
    if (h != NULL) {
        (void)SQLGetDiagRec(type, h, 1, state, &native, message, sizeof message, NULL);
    }
    (void)fprintf(stderr, "line %d: %s: %s %s\n", line, what, (char *)state, (char *)message);
    exit(1);
}

void check_state(SQLHSTMT s, const char *want, int line) {
    SQLCHAR state[6] = "";
    SQLINTEGER native;
    (void)SQLGetDiagRec(SQL_HANDLE_STMT, s, 1, state, &native, NULL, 0, NULL);
    if (strcmp((char *)state, want) != 0) {
        (void)fprintf(stderr, "wanted %s\n", want);
        fail_at("state", line, SQL_HANDLE_STMT, s);
    }
}

SQLCHAR *sql(const char *chars) {
    static _Thread_local char copy[4096];
    (void)snprintf(copy, sizeof copy, "%s", chars);
    return (SQLCHAR *)copy;
}

SQLHSTMT statement_of(SQLHDBC d) {
    SQLHSTMT s = NULL;
    CHECK(SQLAllocHandle(SQL_HANDLE_STMT, d, &s) == SQL_SUCCESS);
    return s;
}

SQLHSTMT statement(void) {
    return statement_of(dbc_handle);
}

SQLHSTMT executed(const char *chars) {
    SQLHSTMT s = statement();
    OK(SQLExecDirect(s, sql(chars), SQL_NTS), s);
    return s;
}

void end(SQLHSTMT s) {
    CHECK(SQLFreeHandle(SQL_HANDLE_STMT, s) == SQL_SUCCESS);
}

static void just_run(const char *chars) {
    end(executed(chars));
}

SQLPOINTER number(size_t n) {
    return (SQLPOINTER)(uintptr_t)n;
}

void wait_a_moment(void) {
    struct timespec moment = {0, 1000000};
    (void)nanosleep(&moment, NULL);
}

/* ---- Block cursors ----------------------------------------------------------------------------------- */

static const char rows25[] = "SELECT id, CASE WHEN id % 5 = 0 THEN NULL ELSE concat('row ', id) "
                             "END FROM range(25) ORDER BY id";

static void block_cursor_by_column(void) {
    SQLHSTMT s = executed(rows25);
    int64_t ids[10];
    char texts[10][16];
    SQLLEN id_len[10], text_len[10];
    SQLUSMALLINT status[10];
    SQLULEN fetched = 0, total = 0;
    OK(SQLSetStmtAttr(s, SQL_ATTR_ROW_ARRAY_SIZE, number(10), 0), s);
    OK(SQLSetStmtAttr(s, SQL_ATTR_ROWS_FETCHED_PTR, &fetched, 0), s);
    OK(SQLSetStmtAttr(s, SQL_ATTR_ROW_STATUS_PTR, status, 0), s);
    OK(SQLBindCol(s, 1, SQL_C_SBIGINT, ids, 0, id_len), s);
    OK(SQLBindCol(s, 2, SQL_C_CHAR, texts, sizeof texts[0], text_len), s);
    while (SQLFetch(s) == SQL_SUCCESS) {
        for (SQLULEN i = 0; i < fetched; i++) {
            char want[16];
            (void)snprintf(want, sizeof want, "row %d", (int)(total + i));
            CHECK(ids[i] == (int64_t)(total + i) && id_len[i] == 8 && status[i] == SQL_ROW_SUCCESS);
            CHECK((total + i) % 5 == 0
                      ? text_len[i] == SQL_NULL_DATA
                      : strcmp(texts[i], want) == 0 && text_len[i] == (SQLLEN)strlen(want));
        }
        for (SQLULEN i = fetched; i < 10; i++) {
            CHECK(status[i] == SQL_ROW_NOROW);
        }
        total += fetched;
    }
    CHECK(total == 25 && fetched == 0 && SQLFetch(s) == SQL_NO_DATA);
    end(s);
}

typedef struct bound_row {
    SQLLEN id_len;
    int32_t id;
    char chars[6];
    SQLLEN text_len;
} bound_row;

static void block_cursor_by_row_with_an_offset(void) {
    SQLHSTMT s = executed(rows25);
    static bound_row rows[2][10];
    SQLLEN offset = (SQLLEN)sizeof rows[0];
    SQLULEN fetched = 0;
    SQLUSMALLINT status[10];
    OK(SQLSetStmtAttr(s, SQL_ATTR_ROW_BIND_TYPE, number(sizeof rows[0][0]), 0), s);
    OK(SQLSetStmtAttr(s, SQL_ATTR_ROW_BIND_OFFSET_PTR, &offset, 0), s);
    OK(SQLSetStmtAttr(s, SQL_ATTR_ROW_ARRAY_SIZE, number(10), 0), s);
    OK(SQLSetStmtAttr(s, SQL_ATTR_ROWS_FETCHED_PTR, &fetched, 0), s);
    OK(SQLSetStmtAttr(s, SQL_ATTR_ROW_STATUS_PTR, status, 0), s);
    OK(SQLBindCol(s, 1, SQL_C_SLONG, &rows[0][0].id, 0, &rows[0][0].id_len), s);
    OK(SQLBindCol(s, 2, SQL_C_CHAR, rows[0][0].chars, sizeof rows[0][0].chars,
                  &rows[0][0].text_len),
       s);
    CHECK(SQLFetch(s) == SQL_SUCCESS && fetched == 10);
    CHECK(rows[0][3].id == 0 && rows[1][3].id == 3 && strcmp(rows[1][3].chars, "row 3") == 0);
    CHECK(SQLFetch(s) == SQL_SUCCESS_WITH_INFO); /* "row 11" is too long for six bytes */
    CHECK(strcmp(rows[1][1].chars, "row 1") == 0 && rows[1][1].text_len == 6);
    CHECK(status[0] == SQL_ROW_SUCCESS && status[1] == SQL_ROW_SUCCESS_WITH_INFO);
    check_state(s, "01004", __LINE__);
    SQLLEN row = 0;
    CHECK(SQLGetDiagField(SQL_HANDLE_STMT, s, 1, SQL_DIAG_ROW_NUMBER, &row, 0, NULL) ==
          SQL_SUCCESS);
    CHECK(row == 2);
    end(s);
}

static void rows_with_errors_do_not_stop_the_others(void) {
    SQLHSTMT s =
        executed("SELECT CASE WHEN id = 1 THEN 1000 ELSE id END FROM range(3) ORDER BY id");
    signed char small[3];
    SQLUSMALLINT status[3];
    OK(SQLSetStmtAttr(s, SQL_ATTR_ROW_ARRAY_SIZE, number(3), 0), s);
    OK(SQLSetStmtAttr(s, SQL_ATTR_ROW_STATUS_PTR, status, 0), s);
    OK(SQLBindCol(s, 1, SQL_C_STINYINT, small, 0, NULL), s);
    CHECK(SQLFetch(s) == SQL_SUCCESS_WITH_INFO);
    CHECK(status[0] == SQL_ROW_SUCCESS && status[1] == SQL_ROW_ERROR && small[2] == 2);
    check_state(s, "22003", __LINE__);
    end(s);
}

static void position_in_a_rowset(void) {
    SQLHSTMT s = executed(rows25);
    OK(SQLSetStmtAttr(s, SQL_ATTR_ROW_ARRAY_SIZE, number(10), 0), s);
    CHECK(SQLFetch(s) == SQL_SUCCESS);
    char chars[16];
    SQLLEN length;
    for (SQLULEN row = 10; row >= 2; row--) {
        int64_t id = -1;
        OK(SQLSetPos(s, row, SQL_POSITION, SQL_LOCK_NO_CHANGE), s);
        OK(SQLGetData(s, 1, SQL_C_SBIGINT, &id, 0, NULL), s);
        OK(SQLGetData(s, 2, SQL_C_CHAR, chars, sizeof chars, &length), s);
        CHECK(id == (int64_t)row - 1 && (id % 5 == 0) == (length == SQL_NULL_DATA));
    }
    FAILS(SQLSetPos(s, 11, SQL_POSITION, SQL_LOCK_NO_CHANGE), s, "HY107");
    FAILS(SQLSetPos(s, 1, SQL_DELETE, SQL_LOCK_NO_CHANGE), s, "HYC00");
    SQLULEN absolute = 0;
    OK(SQLGetStmtAttr(s, SQL_ATTR_ROW_NUMBER, &absolute, 0, NULL), s);
    CHECK(absolute == 2);
    end(s);
}

/* ---- Pieces ---------------------------------------------------------------------------------------------- */

/* A value read in pieces of every size is the value, and every call says what was left. */
static void pieces_of(const char *query, SQLSMALLINT c_type, unsigned unit, const char *want,
                      size_t len) {
    for (size_t cap = 1; cap <= len + 2 * unit; cap++) {
        SQLHSTMT s = executed(query);
        CHECK(SQLFetch(s) == SQL_SUCCESS);
        char whole[512], piece[512];
        size_t got = 0;
        SQLLEN left = 0;
        size_t end_bytes = c_type == SQL_C_BINARY ? 0 : unit;
        SQLRETURN rc = SQL_SUCCESS;
        for (int i = 0; i < 300; i++) {
            memset(piece, 0x55, sizeof piece);
            rc = SQLGetData(s, 1, c_type, piece, (SQLLEN)cap, &left);
            if (rc == SQL_NO_DATA) {
                break;
            }
            OK(rc, s);
            CHECK(left == (SQLLEN)(len - got));
            size_t room = cap / unit * unit <= end_bytes ? 0 : cap / unit * unit - end_bytes;
            size_t n = (size_t)left < room ? (size_t)left : room;
            CHECK((rc == SQL_SUCCESS_WITH_INFO) == ((size_t)left > n));
            CHECK(piece[cap] == 0x55);
            memcpy(whole + got, piece, n);
            got += n;
            if (room == 0 && left > 0) {
                break; /* nothing ever fits: only the length is told */
            }
        }
        CHECK(got == len || cap / unit * unit <= end_bytes);
        CHECK(memcmp(whole, want, got) == 0);
        end(s);
    }
}

static void values_in_pieces(void) {
    static const char chars[] = "a\xc3\xa9\xe6\x97\xa5\xf0\x9f\x98\x80z";
    static const char query[] = "SELECT 'a\xc3\xa9\xe6\x97\xa5\xf0\x9f\x98\x80z'";
    char wide[64];
    pieces_of(query, SQL_C_CHAR, 1, chars, sizeof chars - 1);
    pieces_of(query, SQL_C_BINARY, 1, chars, sizeof chars - 1);
    unsigned unit = ((env *)env_handle)->unit;
    size_t units = wide_write(chars, sizeof chars - 1, unit, wide, sizeof wide / unit);
    pieces_of(query, SQL_C_WCHAR, unit, wide, units * unit);
    pieces_of("SELECT X'00ff10'", SQL_C_BINARY, 1, "\x00\xff\x10", 3);
    pieces_of("SELECT X'00ff10'", SQL_C_CHAR, 1, "00FF10", 6);
    SQLHSTMT s = executed("SELECT 'abc', 7, NULL");
    char out[8];
    SQLLEN length;
    CHECK(SQLFetch(s) == SQL_SUCCESS);
    CHECK(SQLGetData(s, 1, SQL_C_CHAR, NULL, 0, &length) == SQL_SUCCESS_WITH_INFO && length == 3);
    CHECK(SQLGetData(s, 1, SQL_C_CHAR, out, sizeof out, &length) == SQL_SUCCESS && length == 3);
    CHECK(SQLGetData(s, 1, SQL_C_CHAR, out, sizeof out, &length) == SQL_NO_DATA);
    int32_t seven = 0;
    CHECK(SQLGetData(s, 2, SQL_C_SLONG, &seven, 0, NULL) == SQL_SUCCESS && seven == 7);
    CHECK(SQLGetData(s, 2, SQL_C_SLONG, &seven, 0, NULL) == SQL_NO_DATA);
    CHECK(SQLGetData(s, 1, SQL_C_CHAR, out, sizeof out, &length) == SQL_SUCCESS); /* begins again */
    FAILS(SQLGetData(s, 3, SQL_C_CHAR, out, sizeof out, NULL), s, "22002");
    FAILS(SQLGetData(s, 4, SQL_C_CHAR, out, sizeof out, &length), s, "07009");
    FAILS(SQLGetData(s, 1, SQL_C_CHAR, out, -5, &length), s, "HY090");
    FAILS(SQLGetData(s, 1, 12345, out, sizeof out, &length), s, "HY003");
    end(s);
}

/* ---- Parameters -------------------------------------------------------------------------------------------- */

static void data_at_execution(void) {
    SQLHSTMT s = statement();
    SQLLEN at_exec = SQL_DATA_AT_EXEC, wide_exec = SQL_LEN_DATA_AT_EXEC(10), plain = 0;
    int32_t n = 42, token_a = 0, token_b = 0;
    SQLPOINTER token = NULL;
    OK(SQLPrepare(s, sql("SELECT ?, ?, ?"), SQL_NTS), s);
    OK(SQLBindParameter(s, 1, SQL_PARAM_INPUT, SQL_C_CHAR, SQL_VARCHAR, 100, 0, &token_a, 0,
                        &at_exec),
       s);
    OK(SQLBindParameter(s, 2, SQL_PARAM_INPUT, SQL_C_SLONG, SQL_INTEGER, 0, 0, &n, 0, &plain), s);
    OK(SQLBindParameter(s, 3, SQL_PARAM_INPUT, SQL_C_WCHAR, SQL_WVARCHAR, 100, 0, &token_b, 0,
                        &wide_exec),
       s);
    CHECK(SQLExecute(s) == SQL_NEED_DATA);
    FAILS(SQLFetch(s), s, "HY010");
    CHECK(SQLParamData(s, &token) == SQL_NEED_DATA && token == &token_a);
    OK(SQLPutData(s, sql("caf\xc3"), 4), s); /* a character in two pieces */
    OK(SQLPutData(s, sql("\xa9!"), SQL_NTS), s);
    CHECK(SQLParamData(s, &token) == SQL_NEED_DATA && token == &token_b);
    unsigned unit = ((env *)env_handle)->unit;
    char wide[16];
    size_t units = wide_write("\xf0\x9f\x98\x80", 4, unit, wide, 4);
    OK(SQLPutData(s, wide, 1), s); /* not even a whole unit */
    OK(SQLPutData(s, wide + 1, (SQLLEN)(units * unit) - 1), s);
    OK(SQLParamData(s, &token), s);
    char out[16];
    CHECK(SQLFetch(s) == SQL_SUCCESS);
    OK(SQLGetData(s, 1, SQL_C_CHAR, out, sizeof out, NULL), s);
    CHECK(strcmp(out, "caf\xc3\xa9!") == 0);
    OK(SQLGetData(s, 3, SQL_C_CHAR, out, sizeof out, NULL), s);
    CHECK(strcmp(out, "\xf0\x9f\x98\x80") == 0);
    OK(SQLCloseCursor(s), s);
    CHECK(SQLExecute(s) == SQL_NEED_DATA);
    CHECK(SQLCancel(s) == SQL_SUCCESS); /* back to prepared */
    FAILS(SQLParamData(s, &token), s, "HY010");
    end(s);
}

static void arrays_of_parameters(void) {
    just_run("CREATE OR REPLACE TABLE calls_arrays (a INT, b STRING)");
    SQLHSTMT s = statement();
    int32_t a[5] = {1, 2, 3, 4, 5};
    char b[5][8] = {"one", "it's", "\\", "", "skip"};
    SQLLEN b_len[5] = {SQL_NTS, SQL_NTS, SQL_NTS, SQL_NULL_DATA, SQL_NTS};
    SQLUSMALLINT status[5], operation[5] = {0, 0, 0, 0, SQL_PARAM_IGNORE};
    SQLULEN processed = 0;
    SQLLEN count = 0;
    OK(SQLSetStmtAttr(s, SQL_ATTR_PARAMSET_SIZE, number(5), 0), s);
    OK(SQLSetStmtAttr(s, SQL_ATTR_PARAM_STATUS_PTR, status, 0), s);
    OK(SQLSetStmtAttr(s, SQL_ATTR_PARAM_OPERATION_PTR, operation, 0), s);
    OK(SQLSetStmtAttr(s, SQL_ATTR_PARAMS_PROCESSED_PTR, &processed, 0), s);
    OK(SQLBindParameter(s, 1, SQL_PARAM_INPUT, SQL_C_SLONG, SQL_INTEGER, 0, 0, a, 0, NULL), s);
    OK(SQLBindParameter(s, 2, SQL_PARAM_INPUT, SQL_C_CHAR, SQL_VARCHAR, 8, 0, b, sizeof b[0],
                        b_len),
       s);
    OK(SQLExecDirect(s, sql("INSERT INTO calls_arrays VALUES (?, ?)"), SQL_NTS), s);
    OK(SQLRowCount(s, &count), s);
    CHECK(count == 4 && processed == 5 && status[0] == SQL_PARAM_SUCCESS &&
          status[4] == SQL_PARAM_UNUSED);
    OK(SQLExecDirect(s,
                     sql("UPDATE calls_arrays SET b = 'x' WHERE a = ? AND coalesce(b, '') <> "
                         "coalesce(?, 'none')"),
                     SQL_NTS),
       s);
    OK(SQLRowCount(s, &count), s);
    CHECK(count == 1); /* only the NULL differs from its own text */
    end(s);
    s = executed("SELECT a FROM calls_arrays WHERE b = 'it''s'");
    CHECK(SQLFetch(s) == SQL_SUCCESS);
    end(s);
}

static void conversions_fail_before_anything_is_sent(void) {
    SQLHSTMT s = statement();
    char chars[16] = "x";
    OK(SQLBindParameter(s, 1, SQL_PARAM_INPUT, SQL_C_CHAR, SQL_INTEGER, 0, 0, chars, sizeof chars,
                        NULL),
       s);
    FAILS(SQLExecDirect(s, sql("SELECT ?"), SQL_NTS), s, "22018");
    (void)snprintf(chars, sizeof chars, "99999999999");
    FAILS(SQLExecDirect(s, sql("SELECT ?"), SQL_NTS), s, "22003");
    FAILS(SQLExecDirect(s, sql("SELECT ?, ?"), SQL_NTS), s, "07002");
    FAILS(SQLBindParameter(s, 1, SQL_PARAM_OUTPUT, SQL_C_CHAR, SQL_CHAR, 0, 0, chars, 1, NULL), s,
          "HYC00");
    end(s);
}

/* ---- States ------------------------------------------------------------------------------------------------------ */

static void wrong_calls_have_their_states(void) {
    SQLHSTMT s = statement();
    SQLSMALLINT count;
    SQLLEN rows;
    int32_t n;
    FAILS(SQLExecute(s), s, "HY010");
    FAILS(SQLFetch(s), s, "HY010");
    FAILS(SQLNumResultCols(s, &count), s, "HY010");
    FAILS(SQLRowCount(s, &rows), s, "HY010");
    FAILS(SQLCloseCursor(s), s, "24000");
    OK(SQLPrepare(s, sql("SELECT 1 AS one, 'a' AS two"), SQL_NTS), s);
    FAILS(SQLFetch(s), s, "24000");
    OK(SQLNumResultCols(s, &count), s); /* asked of the server */
    CHECK(count == 2);
    OK(SQLExecute(s), s);
    FAILS(SQLGetData(s, 1, SQL_C_SLONG, &n, 0, NULL), s, "24000");
    FAILS(SQLExecute(s), s, "24000");
    FAILS(SQLPrepare(s, sql("SELECT 2"), SQL_NTS), s, "24000");
    FAILS(SQLTables(s, NULL, 0, NULL, 0, NULL, 0, NULL, 0), s, "24000");
    FAILS(SQLFetchScroll(s, SQL_FETCH_PRIOR, 0), s, "HY106");
    CHECK(SQLFetch(s) == SQL_SUCCESS && SQLFetch(s) == SQL_NO_DATA);
    CHECK(SQLMoreResults(s) == SQL_NO_DATA && SQLCancel(s) == SQL_SUCCESS);
    OK(SQLExecute(s), s);
    OK(SQLFreeStmt(s, SQL_CLOSE), s);
    OK(SQLExecDirect(s, sql("CREATE OR REPLACE TABLE calls_states (a INT)"), SQL_NTS), s);
    OK(SQLNumResultCols(s, &count), s);
    CHECK(count == 0);
    FAILS(SQLFetch(s), s, "24000");
    CHECK(SQLExecDirect(s, sql("DELETE FROM calls_states WHERE a = 1"), SQL_NTS) == SQL_NO_DATA);
    FAILS(SQLSetStmtAttr(s, SQL_ATTR_ROW_ARRAY_SIZE, number(0), 0), s, "HY024");
    FAILS(SQLSetStmtAttr(s, 1236, number(1), 0), s, "HY092");
    CHECK(SQLSetStmtAttr(s, SQL_ATTR_CURSOR_TYPE, number(SQL_CURSOR_STATIC), 0) ==
          SQL_SUCCESS_WITH_INFO);
    check_state(s, "01S02", __LINE__);
    end(s);
    CHECK(SQLFetch(NULL) == SQL_INVALID_HANDLE && SQLFetch(dbc_handle) == SQL_INVALID_HANDLE);
    CHECK(SQLFreeHandle(SQL_HANDLE_DBC, dbc_handle) == SQL_ERROR);
}

static void descriptors(void) {
    SQLHSTMT s = executed("SELECT CAST(1.5 AS DECIMAL(10,2)) AS price");
    SQLHDESC ard = NULL, ird = NULL, own = NULL;
    SQL_NUMERIC_STRUCT n;
    SQLLEN length = 0;
    SQLSMALLINT value = 0;
    char name[16] = "";
    OK(SQLGetStmtAttr(s, SQL_ATTR_APP_ROW_DESC, &ard, 0, NULL), s);
    OK(SQLGetStmtAttr(s, SQL_ATTR_IMP_ROW_DESC, &ird, 0, NULL), s);
    CHECK(SQLGetDescField(ird, 1, SQL_DESC_NAME, name, sizeof name, NULL) == SQL_SUCCESS);
    CHECK(strcmp(name, "price") == 0);
    CHECK(SQLGetDescField(ird, 1, SQL_DESC_SCALE, &value, 0, NULL) == SQL_SUCCESS && value == 2);
    CHECK(SQLGetDescField(ird, 2, SQL_DESC_SCALE, &value, 0, NULL) == SQL_NO_DATA);
    CHECK(SQLSetDescField(ird, 1, SQL_DESC_SCALE, number(1), 0) == SQL_ERROR);
    CHECK(SQLSetDescField(ard, 1, SQL_DESC_TYPE, number(SQL_C_NUMERIC), 0) == SQL_SUCCESS);
    CHECK(SQLSetDescField(ard, 1, SQL_DESC_PRECISION, number(8), 0) == SQL_SUCCESS);
    CHECK(SQLSetDescField(ard, 1, SQL_DESC_SCALE, number(4), 0) == SQL_SUCCESS);
    CHECK(SQLSetDescField(ard, 1, SQL_DESC_DATA_PTR, &n, 0) == SQL_SUCCESS);
    CHECK(SQLSetDescField(ard, 1, SQL_DESC_INDICATOR_PTR, &length, 0) == SQL_SUCCESS);
    CHECK(SQLFetch(s) == SQL_SUCCESS);
    CHECK(n.precision == 8 && n.scale == 4 && n.sign == 1 && n.val[0] == (15000 & 255) &&
          n.val[1] == 15000 >> 8);
    CHECK(SQLAllocHandle(SQL_HANDLE_DESC, dbc_handle, &own) == SQL_SUCCESS);
    CHECK(SQLCopyDesc(ird, own) == SQL_SUCCESS);
    CHECK(SQLGetDescField(own, 0, SQL_DESC_COUNT, &value, 0, NULL) == SQL_SUCCESS && value == 1);
    OK(SQLSetStmtAttr(s, SQL_ATTR_APP_ROW_DESC, own, 0), s);
    CHECK(SQLFreeHandle(SQL_HANDLE_DESC, own) == SQL_SUCCESS); /* the statement has its own again */
    SQLHDESC again = NULL;
    OK(SQLGetStmtAttr(s, SQL_ATTR_APP_ROW_DESC, &again, 0, NULL), s);
    CHECK(again == ard);
    end(s);
}

/* ---- Connecting by questions ------------------------------------------------------------------------- */

static SQLRETURN browse(SQLHDBC d, const char *given, char *asked, SQLSMALLINT cap) {
    SQLSMALLINT length = 0;
    asked[0] = '\0';
    return SQLBrowseConnect(d, sql(given), SQL_NTS, (SQLCHAR *)asked, cap, &length);
}

static void browsing_to_a_catalog(void) {
    SQLHDBC d = NULL;
    SQLHSTMT s;
    char asked[1024], catalog[64];
    CHECK(SQLAllocHandle(SQL_HANDLE_DBC, env_handle, &d) == SQL_SUCCESS);
    CHECK(browse(d, "BrowseCatalogs=1", asked, sizeof asked) == SQL_NEED_DATA);
    CHECK(strstr(asked, "HOST:Host=?;HTTPPATH:HTTPPath=?;AUTHMECH:") == asked);
    CHECK(strstr(asked, ";PWD:Token=?") != NULL && strstr(asked, ";*CATALOG:Catalog=?") != NULL);
    SQLRETURN rc = browse(d, connection, asked, sizeof asked); /* some are there, UID is not */
    CHECK(rc == SQL_NEED_DATA && strstr(asked, "UID:User={token}") == asked);
    rc = browse(d, "UID=token", asked, sizeof asked);
    CHECK(rc == SQL_NEED_DATA && strstr(asked, "*CATALOG:Catalog={") == asked);
    CHECK(strstr(asked, "samples") != NULL && strstr(asked, "main") != NULL);
    CHECK(browse(d, "Catalog=no_such", asked, sizeof asked) == SQL_ERROR); /* still in the round */
    CHECK(SQL_SUCCEEDED(browse(d, "Catalog=samples", asked, sizeof asked)));
    CHECK(strstr(asked, "Catalog=samples") != NULL || strstr(asked, "Catalog={samples}") != NULL);
    CHECK(SQLGetConnectAttr(d, SQL_ATTR_CURRENT_CATALOG, catalog, sizeof catalog, NULL) ==
          SQL_SUCCESS);
    CHECK(strcmp(catalog, "samples") == 0);
    s = statement_of(d);
    OK(SQLExecDirect(s, sql("SELECT count(*) FROM tpch.nation"), SQL_NTS), s);
    CHECK(SQLDisconnect(d) == SQL_SUCCESS);
    /* Given up in the last round; and with a catalog there is no such round. */
    CHECK(browse(d, "BrowseCatalogs=1;UID=token", asked, sizeof asked) == SQL_NEED_DATA);
    CHECK(browse(d, connection, asked, sizeof asked) == SQL_NEED_DATA);
    CHECK(SQLDisconnect(d) == SQL_SUCCESS);
    CHECK(browse(d, "BrowseCatalogs=1;UID=token;Catalog=main", asked, sizeof asked) ==
          SQL_NEED_DATA);
    CHECK(SQL_SUCCEEDED(browse(d, connection, asked, sizeof asked)));
    CHECK(SQLDisconnect(d) == SQL_SUCCESS);
    CHECK(SQLFreeHandle(SQL_HANDLE_DBC, d) == SQL_SUCCESS);
}

static void privileges_of_a_table(void) {
    static const char *const want[] = {"DELETE", "INSERT", "SELECT", "UPDATE"};
    SQLHSTMT s = statement();
    char table_name[64], privilege[64];
    SQLULEN rows = 0;
    SQLCHAR catalog[] = "samples", schema[] = "tpch", name[] = "regio_";
    OK(SQLTablePrivileges(s, catalog, SQL_NTS, schema, SQL_NTS, name, SQL_NTS), s);
    OK(SQLBindCol(s, 3, SQL_C_CHAR, table_name, sizeof table_name, NULL), s);
    OK(SQLBindCol(s, 6, SQL_C_CHAR, privilege, sizeof privilege, NULL), s);
    for (; SQLFetch(s) == SQL_SUCCESS; rows++) { /* MODIFY is three of them */
        CHECK(rows < COUNT_OF(want) && strcmp(table_name, "region") == 0);
        CHECK(strcmp(privilege, want[rows]) == 0);
    }
    CHECK(rows == COUNT_OF(want));
    end(s);
}

static void has_catalog(SQLHDBC d, const char *want) {
    char catalog[64];
    CHECK(SQLGetConnectAttr(d, SQL_ATTR_CURRENT_CATALOG, catalog, sizeof catalog, NULL) ==
          SQL_SUCCESS);
    CHECK(strcmp(catalog, want) == 0);
}

/* They hold for every connection of the handle, whatever the string says. */
static void attributes_before_connecting(void) {
    enum { SQL_ATTR_CREDENTIALS_OF_4 = 122 };
    SQLHDBC d = NULL;
    char string[1024];
    CHECK(SQLAllocHandle(SQL_HANDLE_DBC, env_handle, &d) == SQL_SUCCESS);
    CHECK(SQLSetConnectAttr(d, SQL_ATTR_CURRENT_CATALOG, sql("main"), SQL_NTS) == SQL_SUCCESS);
    CHECK(SQLSetConnectAttr(d, SQL_ATTR_CURRENT_CATALOG, sql("samples"), SQL_NTS) == SQL_SUCCESS);
    has_catalog(d, "samples");
    CHECK(SQLDriverConnect(d, NULL, sql("Port=x"), SQL_NTS, NULL, 0, NULL, 0) == SQL_ERROR);
    for (int i = 0; i < 2; i++) {
        (void)snprintf(string, sizeof string, "Catalog=main;%s", connection);
        CHECK(SQL_SUCCEEDED(SQLDriverConnect(d, NULL, sql(string), SQL_NTS, NULL, 0, NULL, 0)));
        has_catalog(d, "samples");
        SQLHSTMT s = statement_of(d);
        OK(SQLExecDirect(s, sql("SELECT count(*) FROM tpch.nation"), SQL_NTS), s);
        CHECK(SQLDisconnect(d) == SQL_SUCCESS);
    }
    /* A token, for a string that has none. */
    const char *token = strstr(connection, "PWD=");
    CHECK(token != NULL && strchr(token, ';') == NULL);
    (void)snprintf(string, sizeof string, "AuthMech=11;Auth_Flow=0;%.*s", (int)(token - connection),
                   connection); /* the first of two counts */
    CHECK(SQLSetConnectAttr(d, SQL_ATTR_CREDENTIALS_OF_4, sql(token + 4), SQL_NTS) == SQL_SUCCESS);
    CHECK(SQL_SUCCEEDED(SQLDriverConnect(d, NULL, sql(string), SQL_NTS, NULL, 0, NULL, 0)));
    CHECK(SQLDisconnect(d) == SQL_SUCCESS);
    CHECK(SQLFreeHandle(SQL_HANDLE_DBC, d) == SQL_SUCCESS);
}

static const scenario scenarios[] = {
    {"block_cursor_by_column", block_cursor_by_column},
    {"block_cursor_by_row_with_an_offset", block_cursor_by_row_with_an_offset},
    {"rows_with_errors_do_not_stop_the_others", rows_with_errors_do_not_stop_the_others},
    {"position_in_a_rowset", position_in_a_rowset},
    {"values_in_pieces", values_in_pieces},
    {"data_at_execution", data_at_execution},
    {"arrays_of_parameters", arrays_of_parameters},
    {"conversions_fail_before_anything_is_sent", conversions_fail_before_anything_is_sent},
    {"wrong_calls_have_their_states", wrong_calls_have_their_states},
    {"descriptors", descriptors},
    {"browsing_to_a_catalog", browsing_to_a_catalog},
    {"privileges_of_a_table", privileges_of_a_table},
    {"attributes_before_connecting", attributes_before_connecting},
};

static const scenario *at(size_t i) { /* of both parts; NULL: the end */
    if (i < COUNT_OF(scenarios)) {
        return &scenarios[i];
    }
    const scenario *s = &thread_scenarios[i - COUNT_OF(scenarios)];
    return s->name == NULL ? NULL : s;
}

int main(int argc, char **argv) {
    if (argc == 2 && strcmp(argv[1], "--list") == 0) {
        for (size_t i = 0; at(i) != NULL; i++) {
            (void)puts(at(i)->name);
        }
        return 0;
    }
    CHECK(argc == 3);
    connection = argv[2];
    CHECK(SQLAllocHandle(SQL_HANDLE_ENV, NULL, &env_handle) == SQL_SUCCESS);
    CHECK(SQLSetEnvAttr(env_handle, SQL_ATTR_ODBC_VERSION, number(SQL_OV_ODBC3_80), 0) ==
          SQL_SUCCESS);
    CHECK(SQLAllocHandle(SQL_HANDLE_DBC, env_handle, &dbc_handle) == SQL_SUCCESS);
    if (!SQL_SUCCEEDED(
            SQLDriverConnect(dbc_handle, NULL, sql(connection), SQL_NTS, NULL, 0, NULL, 0))) {
        fail_at("connect", __LINE__, SQL_HANDLE_DBC, dbc_handle);
    }
    size_t which = 0;
    while (at(which) != NULL && strcmp(at(which)->name, argv[1]) != 0) {
        which++;
    }
    CHECK(at(which) != NULL);
    at(which)->run();
    CHECK(SQLDisconnect(dbc_handle) == SQL_SUCCESS);
    CHECK(SQLFreeHandle(SQL_HANDLE_DBC, dbc_handle) == SQL_SUCCESS);
    CHECK(SQLFreeHandle(SQL_HANDLE_ENV, env_handle) == SQL_SUCCESS);
    return 0;
}
