/* calls_threads.c: scenarios of odbc_calls with functions that wait: asynchronous ones, cancelled ones, many
 * side by side, handles that go while they are used. */
#include "calls.h"

#include <unistd.h>

static SQLRETURN polled_exec(SQLHSTMT s, const char *chars) {
    SQLRETURN rc;
    while ((rc = SQLExecDirect(s, sql(chars), SQL_NTS)) == SQL_STILL_EXECUTING) {
        wait_a_moment();
    }
    return rc;
}

static void asynchronous_functions(void) {
    SQLHSTMT s = statement(), other = statement();
    OK(SQLSetStmtAttr(s, SQL_ATTR_ASYNC_ENABLE, number(SQL_ASYNC_ENABLE_ON), 0), s);
    CHECK(SQLExecDirect(s, sql("/*lw: pending=3*/ SELECT id FROM range(1000)"), SQL_NTS) ==
          SQL_STILL_EXECUTING);
    FAILS(SQLFetch(s), s, "HY010");
    OK(SQLExecDirect(other, sql("SELECT 1"), SQL_NTS), other); /* others go on */
    OK(polled_exec(s, "ignored"), s);
    int rows = 0;
    for (SQLRETURN rc; (rc = SQLFetch(s)) != SQL_NO_DATA;) {
        CHECK(rc == SQL_STILL_EXECUTING || rc == SQL_SUCCESS);
        rows += rc == SQL_SUCCESS;
    }
    CHECK(rows == 1000);
    OK(SQLFreeStmt(s, SQL_CLOSE), s);
    CHECK(SQLExecDirect(s, sql("/*lw: pending=1000000*/ SELECT 1"), SQL_NTS) ==
          SQL_STILL_EXECUTING);
    CHECK(SQLCancel(s) == SQL_SUCCESS);
    CHECK(polled_exec(s, "ignored") == SQL_ERROR);
    check_state(s, "HY008", __LINE__);
    SQLRETURN rc;
    while ((rc = SQLTables(s, NULL, 0, NULL, 0, sql("%"), SQL_NTS, NULL, 0)) ==
           SQL_STILL_EXECUTING) {
        wait_a_moment();
    }
    OK(rc, s);
    end(s);
    end(other);
}

/* ---- Cancelled ---------------------------------------------------------------------------------------- */

/* Another connection, with keys before the usual ones. */
static SQLHDBC connected(const char *more) {
    SQLHDBC d = NULL;
    char string[1024];
    (void)snprintf(string, sizeof string, "%s;%s", more, connection);
    CHECK(SQLAllocHandle(SQL_HANDLE_DBC, env_handle, &d) == SQL_SUCCESS);
    SQLRETURN rc = SQLDriverConnect(d, NULL, sql(string), SQL_NTS, NULL, 0, NULL, 0);
    if (!SQL_SUCCEEDED(rc)) {
        fail_at("connect", __LINE__, SQL_HANDLE_DBC, d);
    }
    return d;
}

static void disconnected(SQLHDBC d) {
    CHECK(SQLDisconnect(d) == SQL_SUCCESS);
    CHECK(SQLFreeHandle(SQL_HANDLE_DBC, d) == SQL_SUCCESS);
}

static const char pending[] =
    "http.header.x-lw-fault=pending=1000000"; /* nothing ever ends there */

/* A call that is inside can be cancelled from the moment that it is busy: looked at, not guessed by time. */
static void wait_until_busy(op *o) {
    for (bool busy = false; !busy;) {
        pthread_mutex_lock(&o->guard);
        busy = o->busy;
        pthread_mutex_unlock(&o->guard);
        if (!busy) {
            wait_a_moment();
        }
    }
}

static void *cancel_when_busy(void *s) {
    wait_until_busy(&((stmt *)s)->op);
    CHECK(SQLCancel(s) == SQL_SUCCESS);
    return NULL;
}

static void cancelled_by_another_thread(void) {
    SQLHSTMT s = statement();
    for (int i = 0; i < 3; i++) {
        pthread_t thread;
        CHECK(pthread_create(&thread, NULL, cancel_when_busy, s) == 0);
        FAILS(SQLExecDirect(s, sql("/*lw: pending=1000000*/ SELECT 1"), SQL_NTS), s, "HY008");
        CHECK(pthread_join(thread, NULL) == 0);
        OK(SQLExecDirect(s, sql("SELECT 1"), SQL_NTS), s); /* the wish is gone */
        CHECK(SQLFetch(s) == SQL_SUCCESS);
        OK(SQLFreeStmt(s, SQL_CLOSE), s);
    }
    OK(SQLSetStmtAttr(s, SQL_ATTR_QUERY_TIMEOUT, number(1), 0), s);
    FAILS(SQLExecDirect(s, sql("/*lw: pending=1000000*/ SELECT 1"), SQL_NTS), s, "HYT00");
    end(s);
}

static SQLRETURN direct(SQLHSTMT s) {
    return SQLExecDirect(s, sql("SELECT 1"), SQL_NTS);
}
static SQLRETURN unanswered(SQLHSTMT s) { /* the server has not even given it an id */
    return SQLExecDirect(s, sql("/*lw: fault=stmt.execute:stall(2)*/ SELECT 1"), SQL_NTS);
}
static SQLRETURN column_count(SQLHSTMT s) {
    SQLSMALLINT count = 0;
    return SQLNumResultCols(s, &count);
}
static SQLRETURN tables(SQLHSTMT s) {
    return SQLTables(s, NULL, 0, NULL, 0, sql("%"), SQL_NTS, NULL, 0);
}
static SQLRETURN primary_keys(SQLHSTMT s) {
    return SQLPrimaryKeys(s, NULL, 0, NULL, 0, sql("t"), SQL_NTS);
}
static SQLRETURN last_value(SQLHSTMT s) {
    SQLPOINTER token = NULL;
    return SQLParamData(s, &token);
}

static void prepared(SQLHSTMT s) {
    OK(SQLPrepare(s, sql("SELECT 1"), SQL_NTS), s);
}

static void an_array(SQLHSTMT s) {
    static int32_t values[3] = {1, 2, 3};
    OK(SQLPrepare(s, sql("UPDATE t SET a = ? WHERE a = 1"), SQL_NTS), s);
    OK(SQLSetStmtAttr(s, SQL_ATTR_PARAMSET_SIZE, number(COUNT_OF(values)), 0), s);
    OK(SQLBindParameter(s, 1, SQL_PARAM_INPUT, SQL_C_SLONG, SQL_INTEGER, 0, 0, values, 0, NULL), s);
}

static void all_but_the_end(SQLHSTMT s) {
    static SQLLEN at_execution = SQL_DATA_AT_EXEC;
    SQLPOINTER token = NULL;
    OK(SQLPrepare(s, sql("SELECT ?"), SQL_NTS), s);
    OK(SQLBindParameter(s, 1, SQL_PARAM_INPUT, SQL_C_CHAR, SQL_VARCHAR, 9, 0, s, 0, &at_execution),
       s);
    CHECK(SQLExecute(s) == SQL_NEED_DATA && SQLParamData(s, &token) == SQL_NEED_DATA);
    OK(SQLPutData(s, sql("x"), 1), s);
}

static void three_rowsets(SQLHSTMT s) { /* the fourth comes never */
    OK(SQLSetStmtAttr(s, SQL_ATTR_ROW_ARRAY_SIZE, number(100), 0), s);
    OK(SQLExecDirect(s,
                     sql("/*lw: chunk_rows=100, links_per_page=2, disposition=external, "
                         "fault=storage.get?chunk=3:stall(600)*/ SELECT id FROM range(1000)"),
                     SQL_NTS),
       s);
    for (int i = 0; i < 3; i++) {
        CHECK(SQLFetch(s) == SQL_SUCCESS);
    }
}

static SQLRETURN fetch_more(SQLHSTMT s) {
    return SQLFetch(s);
}

static void cancelled_in_every_state(void) {
    static const struct {
        const char *name;
        void (*before)(SQLHSTMT s);
        SQLRETURN (*call)(SQLHSTMT s);
        bool ends; /* on a connection where statements end */
    } cases[] = {
        {"executing", NULL, direct, false},
        {"no answer yet", NULL, unanswered, true},
        {"executing what was prepared", prepared, SQLExecute, false},
        {"executing an array", an_array, SQLExecute, false},
        {"executing after the last value", all_but_the_end, last_value, false},
        {"asking for columns", prepared, column_count, false},
        {"a catalog function", NULL, tables, false},
        {"another catalog function", NULL, primary_keys, false},
        {"fetching", three_rowsets, fetch_more, true},
    };
    SQLHDBC stuck = connected(pending);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        (void)fprintf(stderr, "cancelled: %s\n", cases[i].name);
        SQLHSTMT s = statement_of(cases[i].ends ? dbc_handle : stuck);
        if (cases[i].before != NULL) {
            cases[i].before(s);
        }
        pthread_t thread;
        CHECK(pthread_create(&thread, NULL, cancel_when_busy, s) == 0);
        FAILS(cases[i].call(s), s, "HY008");
        CHECK(pthread_join(thread, NULL) == 0);
        (void)SQLFreeStmt(s, SQL_CLOSE);
        OK(SQLPrepare(s, sql("SELECT 2"), SQL_NTS), s); /* as good as new */
        end(s);
    }
    disconnected(stuck);
}

/* Where nothing runs there is nothing to cancel: nothing changes. */
static void cancelled_where_nothing_runs(void) {
    SQLHSTMT s = statement();
    int32_t n = 0;
    CHECK(SQLCancel(s) == SQL_SUCCESS); /* allocated */
    prepared(s);
    CHECK(SQLCancel(s) == SQL_SUCCESS);
    OK(SQLExecute(s), s);
    CHECK(SQLCancel(s) == SQL_SUCCESS);                               /* before the first row */
    CHECK(SQLFetch(s) == SQL_SUCCESS && SQLCancel(s) == SQL_SUCCESS); /* on a row */
    OK(SQLGetData(s, 1, SQL_C_SLONG, &n, 0, NULL), s);
    CHECK(n == 1 && SQLFetch(s) == SQL_NO_DATA && SQLCancel(s) == SQL_SUCCESS);
    OK(SQLFreeStmt(s, SQL_CLOSE), s);
    CHECK(SQLCancelHandle(SQL_HANDLE_STMT, s) == SQL_SUCCESS);
    OK(SQLExecDirect(s, sql("CREATE OR REPLACE TABLE calls_idle (a INT)"), SQL_NTS), s);
    CHECK(SQLCancel(s) == SQL_SUCCESS); /* without a result */
    OK(SQLExecute(s), s);
    end(s);
    CHECK(SQLCancelHandle(SQL_HANDLE_DBC, dbc_handle) == SQL_SUCCESS);
}

static void *cancel_connecting(void *d) {
    wait_until_busy(&((dbc *)d)->op);
    CHECK(SQLCancelHandle(SQL_HANDLE_DBC, d) == SQL_SUCCESS);
    return NULL;
}

static void cancelled_while_connecting(void) {
    SQLHDBC d = NULL;
    char string[1024];
    pthread_t thread;
    SQLCHAR state[6] = "";
    SQLINTEGER native;
    (void)snprintf(string, sizeof string, "http.header.x-lw-fault=session.create:stall(2);%s",
                   connection);
    CHECK(SQLAllocHandle(SQL_HANDLE_DBC, env_handle, &d) == SQL_SUCCESS);
    CHECK(pthread_create(&thread, NULL, cancel_connecting, d) == 0);
    CHECK(SQLDriverConnect(d, NULL, sql(string), SQL_NTS, NULL, 0, NULL, 0) == SQL_ERROR);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(SQLGetDiagRec(SQL_HANDLE_DBC, d, 1, state, &native, NULL, 0, NULL) != SQL_ERROR);
    CHECK(strcmp((char *)state, "HY008") == 0);
    CHECK(SQLDriverConnect(d, NULL, sql(connection), SQL_NTS, NULL, 0, NULL, 0) != SQL_ERROR);
    disconnected(d);
}

/* ---- Side by side ------------------------------------------------------------------------------------- */

static void *one_of_many(void *which) {
    long seed = *(long *)which;
    for (int round = 0; round < 3; round++) {
        char query[128];
        (void)snprintf(query, sizeof query, "SELECT id + %ld FROM range(500) ORDER BY id", seed);
        SQLHSTMT s = executed(query);
        int64_t ids[64];
        SQLULEN fetched = 0;
        int64_t next = seed;
        OK(SQLSetStmtAttr(s, SQL_ATTR_ROW_ARRAY_SIZE, number(64), 0), s);
        OK(SQLSetStmtAttr(s, SQL_ATTR_ROWS_FETCHED_PTR, &fetched, 0), s);
        OK(SQLBindCol(s, 1, SQL_C_SBIGINT, ids, 0, NULL), s);
        while (SQLFetch(s) == SQL_SUCCESS) {
            for (SQLULEN i = 0; i < fetched; i++) {
                CHECK(ids[i] == next++);
            }
        }
        CHECK(next == seed + 500);
        end(s);
    }
    return NULL;
}

/* Each thread gets a number of its own, a thousand apart. */
static void run_side_by_side(void *(*body)(void *), long count) {
    pthread_t threads[64];
    long seeds[64];
    for (long i = 0; i < count; i++) {
        seeds[i] = i * 1000;
        CHECK(pthread_create(&threads[i], NULL, body, &seeds[i]) == 0);
    }
    for (long i = 0; i < count; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
}

static void sixty_four_threads_on_one_connection(void) {
    run_side_by_side(one_of_many, 64);
}

/* As node odbc calls from its worker threads: attributes after the execution, a cursor that is left open. */
static void *own_connection(void *which) {
    long seed = *(long *)which;
    for (int round = 0; round < 3; round++) {
        SQLHDBC d = connected("ApplicationName=node");
        SQLHSTMT s = statement_of(d), left = statement_of(d);
        char query[128];
        int64_t ids[3];
        SQLULEN fetched = 0;
        (void)snprintf(query, sizeof query, "SELECT id + %ld FROM range(7) ORDER BY id", seed);
        OK(SQLExecDirect(left, sql(query), SQL_NTS), left);
        OK(SQLExecDirect(s, sql(query), SQL_NTS), s);
        OK(SQLSetStmtAttr(s, SQL_ATTR_ROW_ARRAY_SIZE, number(3), 0), s);
        OK(SQLSetStmtAttr(s, SQL_ATTR_ROWS_FETCHED_PTR, &fetched, 0), s);
        OK(SQLBindCol(s, 1, SQL_C_SBIGINT, ids, 0, NULL), s);
        CHECK(SQLFetch(s) == SQL_SUCCESS && fetched == 3 && ids[2] == seed + 2);
        OK(SQLCloseCursor(s), s);
        end(s);
        CHECK(SQLFetch(left) == SQL_SUCCESS);
        CHECK(SQLEndTran(SQL_HANDLE_DBC, d, SQL_ROLLBACK) == SQL_SUCCESS);
        disconnected(d);
    }
    return NULL;
}

static void connections_side_by_side(void) {
    run_side_by_side(own_connection, 8);
}

/* ---- Handles that go while they are used -------------------------------------------------------------- */

static void *executes_until_it_is_gone(void *s) {
    CHECK(direct(s) == SQL_ERROR);
    return NULL;
}

static void freed_while_a_call_runs(void) {
    SQLHDBC stuck = connected(pending);
    pthread_t threads[4];
    SQLHSTMT s[4];
    for (size_t i = 0; i < 4; i++) {
        s[i] = statement_of(stuck);
        CHECK(pthread_create(&threads[i], NULL, executes_until_it_is_gone, s[i]) == 0);
        wait_until_busy(&((stmt *)s[i])->op);
    }
    end(s[0]); /* ends the call, then frees */
    end(s[1]);
    CHECK(SQLDisconnect(stuck) == SQL_SUCCESS); /* so does this with what is left */
    for (size_t i = 0; i < 4; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
    CHECK(SQLFreeHandle(SQL_HANDLE_DBC, stuck) == SQL_SUCCESS);
}

static void *selects(void *d) {
    for (int round = 0; round < 5; round++) {
        SQLHSTMT s = statement_of(d);
        OK(SQLExecDirect(s, sql("SELECT 1"), SQL_NTS), s);
        CHECK(SQLFetch(s) == SQL_SUCCESS);
        end(s);
    }
    return NULL;
}

/* The first request of this connection finds that its session has expired; so do all others of that time. */
static void a_session_lost_under_many(void) {
    char fault[128];
    (void)snprintf(fault, sizeof fault,
                   "http.header.x-lw-fault=chunk_rows=%d, stmt.execute#1:expiresession(404)",
                   1000 + (int)(getpid() % 100000)); /* counted for this text alone */
    SQLHDBC d = connected(fault);
    pthread_t threads[8];
    for (size_t i = 0; i < COUNT_OF(threads); i++) {
        CHECK(pthread_create(&threads[i], NULL, selects, d) == 0);
    }
    for (size_t i = 0; i < COUNT_OF(threads); i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
    disconnected(d);
}

/* Chunk 3 of ten cannot be read: the rows before it are given, then the error, never a short result. */
static void a_lost_result_is_an_error(void) {
    static const struct {
        const char *fault, *state;
    } cases[] = {
        {"garbage", "HY000"}, {"html", "HY000"}, {"length(-5)", "HY000"}, {"reset(200)", "08S01"}};
    SQLHDBC d = connected("RateLimitRetry=0;TemporarilyUnavailableRetry=0");
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char query[256];
        (void)snprintf(query, sizeof query,
                       "/*lw: chunk_rows=100, links_per_page=2, disposition=external, "
                       "fault=storage.get?chunk=3:%s*/ SELECT id FROM range(1000) ORDER BY id",
                       cases[i].fault);
        SQLHSTMT s = statement_of(d);
        SQLULEN fetched = 0, total = 0;
        int64_t ids[250];
        OK(SQLSetStmtAttr(s, SQL_ATTR_ROW_ARRAY_SIZE, number(250), 0), s);
        OK(SQLSetStmtAttr(s, SQL_ATTR_ROWS_FETCHED_PTR, &fetched, 0), s);
        OK(SQLBindCol(s, 1, SQL_C_SBIGINT, ids, 0, NULL), s);
        SQLRETURN rc = SQLExecDirect(s, sql(query), SQL_NTS);
        while (SQL_SUCCEEDED(rc) && SQL_SUCCEEDED(rc = SQLFetch(s))) {
            CHECK(ids[0] == (int64_t)total);
            total += fetched;
        }
        CHECK(rc == SQL_ERROR && total <= 300);
        check_state(s, cases[i].state, __LINE__);
        end(s);
    }
    disconnected(d);
}

/* ---- Descriptors that several statements use ---------------------------------------------------------- */

enum { SHARED_ROWS = 16, SHARED_ROUNDS = 100 };
typedef struct sharer {
    SQLHSTMT s;
    atomic_bool done;
} sharer;

/* Whatever it is bound to meanwhile, each rowset has its rows. */
static void *fetches_into_what_is_there(void *p) {
    sharer *me = p;
    SQLULEN fetched = 0;
    OK(SQLSetStmtAttr(me->s, SQL_ATTR_ROWS_FETCHED_PTR, &fetched, 0), me->s);
    for (int round = 0; round < 3; round++) {
        SQLULEN total = 0;
        OK(SQLExecDirect(me->s, sql("SELECT id, concat('row ', id) FROM range(5000)"), SQL_NTS),
           me->s);
        for (SQLRETURN rc; (rc = SQLFetch(me->s)) != SQL_NO_DATA; total += fetched) {
            OK(rc, me->s);
        }
        CHECK(total == 5000);
        OK(SQLFreeStmt(me->s, SQL_CLOSE), me->s);
    }
    atomic_store(&me->done, true);
    return NULL;
}

/* Binds, changes the bindings under the statement's fetches, frees. */
static void share_once(SQLHSTMT s, SQLHSTMT other) {
    static int64_t ids[SHARED_ROWS];
    static char names[SHARED_ROWS][32];
    static SQLLEN lengths[SHARED_ROWS], name_lengths[SHARED_ROWS];
    SQLHDESC shared = NULL;
    CHECK(SQLAllocHandle(SQL_HANDLE_DESC, dbc_handle, &shared) == SQL_SUCCESS);
    CHECK(SQLSetDescField(shared, 0, SQL_DESC_ARRAY_SIZE, number(SHARED_ROWS), 0) == SQL_SUCCESS);
    OK(SQLSetStmtAttr(other, SQL_ATTR_APP_ROW_DESC, shared, 0), other);
    OK(SQLBindCol(other, 1, SQL_C_SBIGINT, ids, 0, lengths), other);
    OK(SQLSetStmtAttr(s, SQL_ATTR_APP_ROW_DESC, shared, 0), s);
    for (SQLUSMALLINT i = 3; i < 40; i++) { /* more records than there is room for */
        CHECK(SQLSetDescField(shared, (SQLSMALLINT)i, SQL_DESC_TYPE, number(SQL_C_CHAR), 0) ==
              SQL_SUCCESS);
    }
    OK(SQLBindCol(other, 2, SQL_C_CHAR, names, sizeof names[0], name_lengths), other);
    CHECK(SQLFreeHandle(SQL_HANDLE_DESC, shared) == SQL_SUCCESS);
}

static void a_shared_descriptor_changed_while_another_fetches(void) {
    sharer me = {.s = statement()};
    SQLHSTMT other = statement();
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, fetches_into_what_is_there, &me) == 0);
    for (int i = 0; i < SHARED_ROUNDS || !atomic_load(&me.done); i++) {
        share_once(me.s, other);
    }
    CHECK(pthread_join(thread, NULL) == 0);
    end(other);
    end(me.s);
}

const scenario thread_scenarios[] = {
    {"asynchronous_functions", asynchronous_functions},
    {"cancelled_by_another_thread", cancelled_by_another_thread},
    {"cancelled_in_every_state", cancelled_in_every_state},
    {"cancelled_where_nothing_runs", cancelled_where_nothing_runs},
    {"cancelled_while_connecting", cancelled_while_connecting},
    {"sixty_four_threads_on_one_connection", sixty_four_threads_on_one_connection},
    {"connections_side_by_side", connections_side_by_side},
    {"freed_while_a_call_runs", freed_while_a_call_runs},
    {"a_session_lost_under_many", a_session_lost_under_many},
    {"a_lost_result_is_an_error", a_lost_result_is_an_error},
    {"a_shared_descriptor_changed_while_another_fetches",
     a_shared_descriptor_changed_while_another_fetches},
    {NULL, NULL},
};
