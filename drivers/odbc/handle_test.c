#include "odbc.h"

#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The exported functions with arguments that no careful application gives, without a server. */

typedef struct rig {
    SQLHENV env;
    SQLHDBC dbc;
    stmt *s;
    desc *shared; /* an explicit descriptor */
} rig;

static void rig_open(rig *r) {
    static char stands_for_a_session;
    *r = (rig){0};
    CHECK_EQ_I64(SQLAllocHandle(SQL_HANDLE_ENV, NULL, &r->env), SQL_SUCCESS);
    (void)SQLSetEnvAttr(r->env, SQL_ATTR_ODBC_VERSION, (SQLPOINTER)(intptr_t)SQL_OV_ODBC3, 0);
    CHECK_EQ_I64(SQLAllocHandle(SQL_HANDLE_DBC, r->env, &r->dbc), SQL_SUCCESS);
    dbc *d = r->dbc;
    SQLHANDLE made = NULL;
    CHECK_EQ_I64(SQLAllocHandle(SQL_HANDLE_STMT, d, &made), SQL_ERROR); /* 08003: not connected */
    CHECK_EQ_I64(SQLAllocHandle(SQL_HANDLE_DESC, d, &made), SQL_ERROR);
    d->session =
        (kernel_session_t *)(void *)&stands_for_a_session; /* nothing here calls the kernel */
    CHECK_EQ_I64(SQLAllocHandle(SQL_HANDLE_STMT, d, &made), SQL_SUCCESS);
    r->s = made;
    CHECK_EQ_I64(SQLAllocHandle(SQL_HANDLE_DESC, d, &made), SQL_SUCCESS);
    r->shared = made;
    d->session = NULL;
}

static void rig_close(rig *r) {
    CHECK_EQ_I64(SQLFreeHandle(SQL_HANDLE_STMT, r->s), SQL_SUCCESS);
    CHECK_EQ_I64(SQLFreeHandle(SQL_HANDLE_DBC, r->dbc), SQL_SUCCESS); /* with its descriptors */
    CHECK_EQ_I64(SQLFreeHandle(SQL_HANDLE_ENV, r->env), SQL_SUCCESS);
}

static const table_column layout[] = {
    {"NAME", NULL, 'u', true, 20}, {"SMALL", NULL, 's', true, 0}, {"NUMBER", NULL, 'i', true, 0}};

static void open_rows(stmt *s, size_t rows) {
    table *t = table_new(layout, COUNT_OF(layout));
    for (size_t i = 0; i < rows; i++) {
        table_row(t);
        table_set_text(t, 0, text_of(i % 3 == 2 ? NULL : "na\xc3\xafve \xf0\x9f\x98\x80"));
        table_set_number(t, 1, (int64_t)i);
        table_set_number(t, 2, -70000);
    }
    CHECK_EQ_I64(result_open_table(s, t), SQL_SUCCESS);
}

static void check_state(SQLSMALLINT type, SQLHANDLE h, const char *want) {
    SQLCHAR state[6] = "";
    CHECK_EQ_I64(SQLGetDiagRec(type, h, 1, state, NULL, NULL, 0, NULL) >= 0, 1);
    CHECK_STR((const char *)state, want);
}

/* ---- Descriptors -------------------------------------------------------------------------------------------- */

DBK_TEST(descriptor_fields_with_bad_values) {
    enum { ARD, APD, IRD, IPD, SHARED };
    static const struct {
        const char *name;
        int desc;
        SQLSMALLINT record, field;
        intptr_t value;
        SQLINTEGER length;
        const char *want; /* NULL: it succeeds */
    } rows[] = {
        {"count -1", ARD, 0, SQL_DESC_COUNT, -1, 0, "07009"},
        {"count -32768", SHARED, 0, SQL_DESC_COUNT, -32768, 0, "07009"},
        {"count 32767", SHARED, 0, SQL_DESC_COUNT, 32767, 0, NULL},
        {"count 0", SHARED, 0, SQL_DESC_COUNT, 0, 0, NULL},
        {"array of none", ARD, 0, SQL_DESC_ARRAY_SIZE, 0, 0, "HY024"},
        {"array of -1", APD, 0, SQL_DESC_ARRAY_SIZE, -1, 0, "HY024"},
        {"record 0", ARD, 0, SQL_DESC_TYPE, SQL_C_CHAR, 0, "07009"},
        {"record -1", APD, -1, SQL_DESC_TYPE, SQL_C_CHAR, 0, "07009"},
        {"no such field", ARD, 1, 31999, 0, 0, "HY091"},
        {"alloc type", ARD, 1, SQL_DESC_ALLOC_TYPE, 1, 0, "HY091"},
        {"name of a column", ARD, 1, SQL_DESC_NAME, 0, 0, "HY091"},
        {"name without text", IPD, 1, SQL_DESC_NAME, 0, 0, NULL},
        {"result", IRD, 1, SQL_DESC_TYPE, SQL_C_CHAR, 0, "HY016"},
    };
    rig r;
    rig_open(&r);
    desc *const descs[] = {r.s->ard, r.s->apd, &r.s->ird, &r.s->ipd, r.shared};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CHECK_CASE(rows[i].name);
        desc *d = descs[rows[i].desc];
        SQLRETURN rc = SQLSetDescField(d, rows[i].record, rows[i].field, (SQLPOINTER)rows[i].value,
                                       rows[i].length);
        CHECK_EQ_I64(rc, rows[i].want == NULL ? SQL_SUCCESS : SQL_ERROR);
        if (rows[i].want != NULL) {
            check_state(SQL_HANDLE_DESC, d, rows[i].want);
        }
    }
    CHECK_EQ_SIZE(r.s->ard->count, 0); /* what is refused makes no record */
    rig_close(&r);
}

DBK_TEST(lengths_of_texts_are_looked_at) {
    rig r;
    rig_open(&r);
    static SQLWCHAR wide[] = {'a', 'b', 0};
    CHECK_EQ_I64(SQLSetDescField(&r.s->ipd, 1, SQL_DESC_NAME, wide, -7), SQL_ERROR);
    check_state(SQL_HANDLE_DESC, &r.s->ipd, "HY090");
    CHECK_EQ_I64(SQLSetDescFieldW(&r.s->ipd, 1, SQL_DESC_NAME, wide, 3), SQL_ERROR); /* odd */
    check_state(SQL_HANDLE_DESC, &r.s->ipd, "HY090");
    CHECK_EQ_I64(SQLSetDescFieldW(&r.s->ipd, 1, SQL_DESC_NAME, wide, 2), SQL_SUCCESS);
    CHECK_STR(r.s->ipd.records[0].name, "a");
    CHECK_EQ_I64(SQLSetDescFieldW(&r.s->ipd, 1, SQL_DESC_NAME, wide, SQL_NTS), SQL_SUCCESS);
    CHECK_STR(r.s->ipd.records[0].name, "ab");
    SQLCHAR native[16] = "ab";
    SQLINTEGER length = 0; /* the terminator is counted, as Qt 6 does */
    CHECK_EQ_I64(SQLNativeSqlW(r.dbc, wide, 3, wide, 3, &length), SQL_SUCCESS);
    CHECK_EQ_I64(length, 2);
    CHECK_EQ_I64(SQLNativeSql(r.dbc, native, 3, native, 16, &length), SQL_SUCCESS);
    CHECK_EQ_I64(length, 2);
    CHECK_EQ_I64(SQLSetConnectAttrW(r.dbc, SQL_ATTR_CURRENT_CATALOG, wide, 3), SQL_ERROR);
    check_state(SQL_HANDLE_DBC, r.dbc, "HY090");
    CHECK_EQ_I64(SQLSetStmtAttr(r.s, 20102, wide, -2), SQL_ERROR); /* query tags */
    check_state(SQL_HANDLE_STMT, r.s, "HY090");
    SQLWCHAR out[4];
    CHECK_EQ_I64(SQLGetCursorNameW(r.s, out, -1, NULL), SQL_ERROR);
    check_state(SQL_HANDLE_STMT, r.s, "HY090");
    CHECK_EQ_I64(SQLGetInfoW(r.dbc, SQL_DBMS_NAME, out, 7, NULL), SQL_ERROR);
    check_state(SQL_HANDLE_DBC, r.dbc, "HY090");
    rig_close(&r);
}

DBK_TEST(copies_of_descriptors) {
    rig r;
    rig_open(&r);
    open_rows(r.s, 1);
    SQLLEN n = 0;
    CHECK_EQ_I64(SQLCopyDesc(&r.s->ird, r.shared), SQL_SUCCESS);
    CHECK_EQ_SIZE(r.shared->count, COUNT_OF(layout));
    CHECK_EQ_I64(SQLCopyDesc(r.shared, r.shared), SQL_SUCCESS); /* nothing is lost */
    CHECK_EQ_SIZE(r.shared->count, COUNT_OF(layout));
    CHECK_EQ_I64(SQLCopyDesc(r.shared, &r.s->ird), SQL_ERROR);
    check_state(SQL_HANDLE_DESC, &r.s->ird, "HY016");
    CHECK_EQ_I64(SQLSetStmtAttr(r.s, SQL_ATTR_APP_ROW_DESC, r.shared, 0), SQL_SUCCESS);
    CHECK_EQ_I64(SQLBindCol(r.s, 2, SQL_C_SLONG, NULL, 0, &n), SQL_SUCCESS);
    CHECK_EQ_I64(SQLFreeHandle(SQL_HANDLE_DESC, r.shared),
                 SQL_SUCCESS); /* in use: back to its own */
    CHECK(r.s->ard == &r.s->ard0);
    CHECK_EQ_I64(SQLFreeHandle(SQL_HANDLE_DESC, r.s->ard), SQL_ERROR);
    check_state(SQL_HANDLE_DESC, r.s->ard, "HY017");
    CHECK_EQ_I64(SQLFetch(r.s), SQL_SUCCESS);
    rig_close(&r);
}

/* ---- Handles --------------------------------------------------------------------------------------------------- */

DBK_TEST(what_is_no_handle_is_refused) {
    rig r;
    rig_open(&r);
    static char zeros[sizeof(stmt)];
    SQLHANDLE const bad[] = {NULL, zeros, zeros + 1, r.env, r.dbc, r.shared};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        CHECK_EQ_I64(SQLFetch(bad[i]), SQL_INVALID_HANDLE);
        CHECK_EQ_I64(SQLCancel(bad[i]), SQL_INVALID_HANDLE);
        CHECK_EQ_I64(SQLExecDirectW(bad[i], NULL, SQL_NTS), SQL_INVALID_HANDLE);
        CHECK_EQ_I64(SQLGetDiagRec(SQL_HANDLE_STMT, bad[i], 1, NULL, NULL, NULL, 0, NULL),
                     SQL_INVALID_HANDLE);
        CHECK_EQ_I64(SQLFreeHandle(SQL_HANDLE_STMT, bad[i]), SQL_INVALID_HANDLE);
    }
    CHECK_EQ_I64(SQLFreeHandle(77, r.s), SQL_INVALID_HANDLE);
    CHECK_EQ_I64(SQLFreeHandle(SQL_HANDLE_ENV, r.env), SQL_ERROR);
    check_state(SQL_HANDLE_ENV, r.env, "HY010");
    rig_close(&r);
}

DBK_TEST(a_place_may_be_null_wherever_something_comes_out) {
    rig r;
    rig_open(&r);
    open_rows(r.s, 1);
    CHECK_EQ_I64(SQLFetch(r.s), SQL_SUCCESS);
    stmt *s = r.s;
    const SQLRETURN got[] = {
        SQLGetInfo(r.dbc, SQL_DBMS_NAME, NULL, 0, NULL),
        SQLGetInfoW(r.dbc, SQL_TXN_CAPABLE, NULL, 0, NULL),
        SQLGetConnectAttr(r.dbc, SQL_ATTR_AUTOCOMMIT, NULL, 0, NULL),
        SQLGetStmtAttrW(s, SQL_ATTR_APP_ROW_DESC, NULL, 0, NULL),
        SQLGetDescField(&s->ird, 1, SQL_DESC_NAME, NULL, 0, NULL),
        SQLGetDescRecW(&s->ird, 1, NULL, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
        SQLNumResultCols(s, NULL),
        SQLDescribeColW(s, 1, NULL, 0, NULL, NULL, NULL, NULL, NULL),
        SQLColAttribute(s, 1, SQL_DESC_NAME, NULL, 0, NULL, NULL),
        SQLColAttributeW(s, 2, SQL_DESC_TYPE, NULL, 0, NULL, NULL),
        SQLRowCount(s, NULL),
        SQLGetCursorName(s, NULL, 0, NULL),
        SQLNativeSqlW(r.dbc, NULL, 0, NULL, 0, NULL),
        SQLGetData(s, 2, SQL_C_SLONG, NULL, 0, NULL),
        SQLGetEnvAttr(r.env, SQL_ATTR_ODBC_VERSION, NULL, 0, NULL),
    };
    for (size_t i = 0; i < COUNT_OF(got); i++) {
        char name[24];
        (void)snprintf(name, sizeof name, "call %zu", i);
        CHECK_CASE(name);
        CHECK_EQ_I64(got[i], SQL_SUCCESS);
    }
    CHECK_EQ_I64(SQLGetData(s, 1, SQL_C_WCHAR, NULL, 0, NULL), SQL_SUCCESS_WITH_INFO); /* 01004 */
    CHECK_EQ_I64(SQLGetData(s, 1, SQL_C_WCHAR, NULL, -1, NULL), SQL_ERROR);
    check_state(SQL_HANDLE_STMT, s, "HY090");
    CHECK_EQ_I64(SQLGetFunctions(r.dbc, SQL_API_ALL_FUNCTIONS, NULL), SQL_ERROR);
    CHECK_EQ_I64(SQLAllocHandle(SQL_HANDLE_STMT, r.dbc, NULL), SQL_ERROR);
    rig_close(&r);
}

DBK_TEST(no_information_type_of_the_standard_is_an_error) {
    rig r;
    rig_open(&r);
    for (int type = 0; type < 10100; type += type == 999 ? 9001 : 1) { /* 180: Power BI */
        char out[8192];
        SQLSMALLINT length = -1;
        char name[24];
        (void)snprintf(name, sizeof name, "type %d", type);
        CHECK_CASE(name);
        CHECK_EQ_I64(SQLGetInfo(r.dbc, (SQLUSMALLINT)type, out, sizeof out, &length), SQL_SUCCESS);
        CHECK(length >= 0);
    }
    CHECK_EQ_I64(SQLGetInfo(r.dbc, 65001, NULL, 0, NULL), SQL_ERROR);
    check_state(SQL_HANDLE_DBC, r.dbc, "HY096");
    rig_close(&r);
}

/* ---- Diagnostics ------------------------------------------------------------------------------------------------- */

DBK_TEST(records_are_cut_loudly_and_stay) {
    rig r;
    rig_open(&r);
    CHECK_EQ_I64(SQLSetStmtAttr(r.s, 31999, NULL, 0), SQL_ERROR);
    SQLSMALLINT full = 0, length = 0;
    CHECK_EQ_I64(SQLGetDiagRec(SQL_HANDLE_STMT, r.s, 1, NULL, NULL, NULL, 0, &full), SQL_SUCCESS);
    CHECK(full > 20);
    for (SQLSMALLINT cap = 0; cap <= full + 1; cap++) { /* exactly that many bytes are there */
        SQLCHAR *out = malloc((size_t)cap + (cap == 0));
        SQLRETURN rc = SQLGetDiagRec(SQL_HANDLE_STMT, r.s, 1, NULL, NULL, out, cap, &length);
        CHECK_EQ_I64(rc, cap > full ? SQL_SUCCESS : SQL_SUCCESS_WITH_INFO);
        CHECK_EQ_I64(length, full);
        CHECK(cap == 0 || out[(cap > full ? full : cap - 1)] == '\0');
        free(out);
        SQLWCHAR *wide = malloc((size_t)cap * 2 + (cap == 0));
        rc = SQLGetDiagRecW(SQL_HANDLE_STMT, r.s, 1, NULL, NULL, wide, cap, &length);
        CHECK_EQ_I64(rc, cap > full ? SQL_SUCCESS : SQL_SUCCESS_WITH_INFO);
        CHECK_EQ_I64(length, full); /* units here, bytes in SQLGetDiagField */
        free(wide);
    }
    SQLWCHAR few[4];
    CHECK_EQ_I64(
        SQLGetDiagFieldW(SQL_HANDLE_STMT, r.s, 1, SQL_DIAG_MESSAGE_TEXT, few, sizeof few, &length),
        SQL_SUCCESS_WITH_INFO);
    CHECK_EQ_I64(length, full * 2);
    CHECK_EQ_I64(SQLGetDiagRec(SQL_HANDLE_STMT, r.s, 1, NULL, NULL, (SQLCHAR *)few, -1, NULL),
                 SQL_ERROR);
    CHECK_EQ_I64(SQLGetDiagRec(SQL_HANDLE_STMT, r.s, 0, NULL, NULL, NULL, 0, NULL), SQL_ERROR);
    CHECK_EQ_I64(SQLGetDiagRec(SQL_HANDLE_STMT, r.s, 2, NULL, NULL, NULL, 0, NULL), SQL_NO_DATA);
    check_state(SQL_HANDLE_STMT, r.s, "HY092"); /* it is still there */
    rig_close(&r);
}

/* ---- Parameters ---------------------------------------------------------------------------------------------------- */

DBK_TEST(parameters_that_only_descriptors_allow) {
    static SQL_NUMERIC_STRUCT numeric = {.precision = 5, .scale = 127, .sign = 1, .val = {7}};
    static SQL_NUMERIC_STRUCT huge = {.precision = 38, .sign = 1, .val = {[15] = 0xFF}};
    static SQL_NUMERIC_STRUCT thousands = {.precision = 5, .scale = -3, .sign = 1, .val = {7}};
    static char abc[] = "abc";
    static SQLLEN odd = 3, minus = -77;
    static const struct {
        const char *name;
        SQLSMALLINT c_type, sql_type;
        SQLPOINTER data;
        SQLLEN *length, octets;
        const char *want; /* a state, or the text that is sent behind a "=" */
    } rows[] = {
        {"scale 127", SQL_C_NUMERIC, SQL_DECIMAL, &numeric, NULL, 0, "22003"},
        {"128 bits", SQL_C_NUMERIC, SQL_VARCHAR, &huge, NULL, 0, "22003"},
        {"scale -3", SQL_C_NUMERIC, SQL_DECIMAL, &thousands, NULL, 0, "=7000"},
        {"no C type", 77, SQL_INTEGER, &numeric, NULL, 0, "HY003"},
        {"default", SQL_C_DEFAULT, SQL_INTEGER, &odd, NULL, 0, "=3"},
        {"half a unit", SQL_C_WCHAR, SQL_VARCHAR, abc, &odd, 0, "HY090"},
        {"length -77", SQL_C_CHAR, SQL_VARCHAR, abc, &minus, 0, "HY090"},
        {"buffer -5", SQL_C_BINARY, SQL_VARBINARY, abc, NULL, -5, "HY090"},
    };
    rig r;
    rig_open(&r);
    CHECK(sql_prepare(&r.s->sql, text_of("SELECT ?"), true, false));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CHECK_CASE(rows[i].name);
        (void)SQLFreeStmt(r.s, SQL_RESET_PARAMS);
        CHECK_EQ_I64(SQLBindParameter(r.s, 1, SQL_PARAM_INPUT, SQL_C_CHAR, rows[i].sql_type, 0, 0,
                                      rows[i].data, rows[i].octets, rows[i].length),
                     SQL_SUCCESS);
        desc_record *app = &r.s->apd->records[0];
        app->c_type = rows[i].c_type; /* as SQLSetDescField sets it, the pointer after it */
        SQLRETURN rc = params_read(r.s, 0);
        if (rows[i].want[0] == '=') {
            CHECK_EQ_I64(rc, SQL_SUCCESS);
            CHECK_STR(buf_text(&r.s->run.values), rows[i].want + 1);
        } else {
            CHECK_EQ_I64(rc, SQL_ERROR);
            check_state(SQL_HANDLE_STMT, r.s, rows[i].want);
        }
    }
    rig_close(&r);
}

static bool is_held(const stmt *s) {
    dbc *d = s->h.dbc;
    bool held = pthread_mutex_trylock(&d->shared_lock) != 0;
    if (!held) {
        pthread_mutex_unlock(&d->shared_lock);
    }
    return held;
}

DBK_TEST(a_call_that_waited_holds_shared_descriptors_again_if_it_did_before) {
    rig r;
    rig_open(&r);
    bool held = shared_let_go(r.s);
    CHECK(!held);
    shared_take_back(r.s, held);
    CHECK(!is_held(r.s)); /* nothing is shared */
    r.s->shares = true;
    shared_hold(r.s);
    held = shared_let_go(r.s);
    CHECK(held && !is_held(r.s)); /* others may, while it waits */
    shared_take_back(r.s, held);
    CHECK(is_held(r.s));
    (void)shared_let_go(r.s);
    rig_close(&r);
}

DBK_TEST(a_parameter_unbound_while_it_waits_for_data) {
    rig r;
    rig_open(&r);
    SQLLEN later = SQL_DATA_AT_EXEC;
    SQLPOINTER token = NULL;
    for (int puts = 0; puts < 2; puts++) {
        CHECK(sql_prepare(&r.s->sql, text_of("SELECT ?"), true, false));
        CHECK_EQ_I64(SQLBindParameter(r.s, 1, SQL_PARAM_INPUT, SQL_C_CHAR, SQL_VARCHAR, 0, 0,
                                      &later, 0, &later),
                     SQL_SUCCESS);
        CHECK_EQ_I64(dae_begin(r.s, true), SQL_NEED_DATA);
        CHECK_EQ_I64(SQLExecute(r.s), SQL_ERROR);
        check_state(SQL_HANDLE_STMT, r.s, "HY010");
        CHECK_EQ_I64(SQLSetDescField(r.s->apd, 0, SQL_DESC_COUNT, NULL, 0), SQL_ERROR);
        check_state(SQL_HANDLE_DESC, r.s->apd, "HY010");
        if (puts == 1) {
            CHECK_EQ_I64(SQLParamData(r.s, &token), SQL_NEED_DATA);
        }
        desc_reset(r.s->apd); /* a shared descriptor is changed by another statement */
        CHECK_EQ_I64(puts == 1 ? SQLPutData(r.s, &later, 1) : SQLParamData(r.s, &token), SQL_ERROR);
        check_state(SQL_HANDLE_STMT, r.s, "07002");
    }
    rig_close(&r);
}

/* ---- A walk at random ------------------------------------------------------------------------------------------------ */

static uint64_t dice_state;
static uint32_t dice(uint32_t sides) { /* xorshift: the same walk every time */
    dice_state ^= dice_state << 13;
    dice_state ^= dice_state >> 7;
    dice_state ^= dice_state << 17;
    return (uint32_t)(dice_state >> 32) % sides;
}

static SQLSMALLINT any_number(void) {
    static const SQLSMALLINT odd_ones[] = {-32768, -100, -28, -25, -16, -8,  -3,  -2,   -1,
                                           0,      1,    2,   3,   4,   5,   8,   9,    10,
                                           11,     91,   93,  99,  101, 113, 255, 1001, 32767};
    return odd_ones[dice(COUNT_OF(odd_ones))];
}

enum { ARENA = 1 << 21, AREA_CAP = 300 };

typedef struct walk {
    rig r;
    char *arena; /* bindings point into its middle: any stride of 16 bits stays inside for 4 rows */
} walk;

static desc *any_desc(walk *w) {
    stmt *s = w->r.s;
    desc *const descs[] = {&s->ard0, &s->apd0, &s->ird, &s->ipd, w->r.shared};
    return descs[dice(COUNT_OF(descs))];
}

static void step_set_field(walk *w) {
    static const SQLSMALLINT fields[] = {
        SQL_DESC_COUNT,        SQL_DESC_BIND_TYPE,  SQL_DESC_ARRAY_SIZE,
        SQL_DESC_TYPE,         SQL_DESC_LENGTH,     SQL_DESC_CONCISE_TYPE,
        SQL_DESC_PRECISION,    SQL_DESC_SCALE,      SQL_DESC_NULLABLE,
        SQL_DESC_OCTET_LENGTH, SQL_DESC_ALLOC_TYPE, SQL_DESC_DATETIME_INTERVAL_CODE};
    static const SQLSMALLINT places[] = {SQL_DESC_DATA_PTR, SQL_DESC_OCTET_LENGTH_PTR,
                                         SQL_DESC_INDICATOR_PTR, SQL_DESC_ARRAY_STATUS_PTR,
                                         SQL_DESC_ROWS_PROCESSED_PTR};
    SQLSMALLINT record = (SQLSMALLINT)(dice(8) == 0 ? any_number() : (int)dice(5));
    if (dice(2) == 0) {
        (void)SQLSetDescField(any_desc(w), record, places[dice(COUNT_OF(places))],
                              dice(4) == 0 ? NULL : w->arena + ARENA / 2 + dice(64) * 8, 0);
    } else {
        (void)SQLSetDescField(any_desc(w), record, fields[dice(COUNT_OF(fields))],
                              (SQLPOINTER)(intptr_t)any_number(), any_number());
    }
}

/* Every buffer has exactly as many bytes as the call says (numbers need up to 8). */
static void step_ask(walk *w) {
    int cap = (int)dice(AREA_CAP) - 4;
    bool wide = dice(2) == 0;
    char *out = malloc((size_t)(cap < 8 ? 8 : cap));
    SQLSMALLINT small = 0, record = any_number();
    SQLINTEGER length = 0;
    SQLLEN number = 0;
    SQLSMALLINT chars = (SQLSMALLINT)(wide ? cap / 2 : cap), bytes = (SQLSMALLINT)cap;
    stmt *s = w->r.s;
    desc *d = any_desc(w);
    SQLUSMALLINT nth = (SQLUSMALLINT)dice(5);
    switch (dice(6)) {
    case 0:
        (void)(wide ? SQLGetDescFieldW : SQLGetDescField)(d, record, any_number(), out, cap,
                                                          &length);
        break;
    case 1:
        (void)(wide ? SQLColAttributeW : SQLColAttribute)(s, nth, (SQLUSMALLINT)any_number(), out,
                                                          bytes, &small, &number);
        break;
    case 2:
        (void)(wide ? SQLGetDiagFieldW : SQLGetDiagField)(SQL_HANDLE_DESC, d, record, any_number(),
                                                          out, bytes, &small);
        break;
    case 3:
        (void)(wide ? SQLGetStmtAttrW : SQLGetStmtAttr)(s, any_number(), out, cap, &length);
        break;
    case 4:
        (void)(wide ? SQLGetInfoW : SQLGetInfo)(w->r.dbc, (SQLUSMALLINT)any_number(), out, bytes,
                                                &small);
        break;
    default:
        if (wide) {
            (void)SQLGetDescRecW(d, record, (SQLWCHAR *)(void *)out, chars, &small, &small, &small,
                                 &number, &small, &small, &small);
        } else {
            (void)SQLGetDescRec(d, record, (SQLCHAR *)out, chars, &small, &small, &small, &number,
                                &small, &small, &small);
        }
    }
    free(out);
}

static void step_rows(walk *w) {
    stmt *s = w->r.s;
    int cap = (int)dice(40) - 2;
    char *out = malloc((size_t)(cap < 64 ? 64 : cap));
    SQLLEN length = 0;
    switch (dice(5)) {
    case 0:
        (void)SQLFreeStmt(s, (SQLUSMALLINT)dice(5) == 4 ? SQL_RESET_PARAMS : SQL_CLOSE);
        open_rows(s, 1 + dice(9));
        break;
    case 1:
        (void)SQLSetStmtAttr(s, SQL_ATTR_ROW_ARRAY_SIZE, (SQLPOINTER)(uintptr_t)(1 + dice(4)), 0);
        (void)SQLFetch(s);
        break;
    case 2:
        (void)SQLGetData(s, (SQLUSMALLINT)dice(5), any_number(), out, cap,
                         dice(3) ? &length : NULL);
        break;
    case 3:
        (void)SQLSetPos(s, dice(6), (SQLUSMALLINT)dice(6), (SQLUSMALLINT)dice(2));
        break;
    default:
        (void)SQLSetStmtAttr(s, SQL_ATTR_APP_ROW_DESC, dice(2) ? w->r.shared : NULL, 0);
    }
    free(out);
}

/* The values of parameters are read with whatever types the walk has left in the descriptors. */
static void step_parameters(walk *w) {
    static SQLLEN lengths[] = {SQL_NTS, SQL_NULL_DATA, 0, 1, 2, 8, -7, SQL_DEFAULT_PARAM};
    static char values[256];
    stmt *s = w->r.s;
    memset(values, (int)dice(256), sizeof values - 8);
    for (size_t i = 0; i < s->apd->count; i++) {
        desc_record *r = &s->apd->records[i];
        r->data = values;
        r->octet_length = r->octet_length > 100 ? 100 : r->octet_length;
        r->length = r->indicator = dice(4) == 0 ? NULL : &lengths[dice(COUNT_OF(lengths))];
    }
    s->apd->bind_offset = NULL;
    (void)params_read(s, 0);
    for (size_t i = 0; i < s->apd->count; i++) { /* a copy of this descriptor may be fetched into */
        s->apd->records[i].data = NULL;
        s->apd->records[i].length = s->apd->records[i].indicator = NULL;
    }
    diag_clear(&s->h.diag);
}

static void step_records(walk *w) {
    desc *d = any_desc(w);
    char *place = w->arena + ARENA / 2 + dice(64) * 8;
    if (dice(3) == 0) {
        (void)SQLCopyDesc(any_desc(w), d);
    } else {
        (void)SQLSetDescRec(d, (SQLSMALLINT)(dice(6) - 1), any_number(), any_number(), any_number(),
                            any_number(), any_number(), place, (SQLLEN *)(void *)place,
                            (SQLLEN *)(void *)place);
    }
}

DBK_TEST(a_walk_at_random_through_descriptors_and_rows) {
    static void (*const steps[])(walk *) = {step_set_field, step_set_field,  step_ask,    step_rows,
                                            step_rows,      step_parameters, step_records};
    walk w = {.arena = calloc(1, ARENA)};
    dice_state = 20240229;
    rig_open(&w.r);
    CHECK(sql_prepare(&w.r.s->sql, text_of("INSERT INTO t VALUES (?, ?)"), true, false));
    w.r.s->prepared = true;
    open_rows(w.r.s, 5);
    for (int i = 0; i < 60000; i++) {
        steps[dice(COUNT_OF(steps))](&w);
    }
    CHECK(handle_check(w.r.s, SQL_HANDLE_STMT)); /* nobody wrote over it */
    rig_close(&w.r);
    free(w.arena);
}
