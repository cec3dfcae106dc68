#include "odbc.h"

#include <stdio.h>
#include <string.h>

/* SQLGetInfo: contract 3.2. One row per type; those that depend on the connection have a function. */

typedef struct info_row {
    SQLUSMALLINT type;
    value_kind kind;
    uint32_t number;
    const char *text;
    const char *(*ask)(dbc *d);
} info_row;

#define TEXT(type, text) \
    { type, V_TEXT, 0, text, NULL }
#define ASK(type, ask) \
    { type, V_TEXT, 0, NULL, ask }
#define U16(type, n) \
    { type, V_U16, n, NULL, NULL }
#define U32(type, n) \
    { type, V_U32, n, NULL, NULL }

static const char *ask_driver_version(dbc *d) {
    (void)d;
    static char version[16]; /* "0.1.0" as "00.01.0000" */
    int major = 0, minor = 0, patch = 0;
    (void)sscanf(DBK_VERSION, "%d.%d.%d", &major, &minor, &patch);
    (void)snprintf(version, sizeof version, "%02d.%02d.%04d", major % 100, minor % 100,
                   patch % 10000);
    return version;
}
static const char *ask_server(dbc *d) {
    return keys_get(&d->keys, "Host");
}
static const char *ask_source(dbc *d) {
    return keys_get(&d->keys, "DSN");
}
static const char *ask_user(dbc *d) {
    const char *uid = keys_get(&d->keys, "UID");
    return uid == NULL ? "token" : uid;
}
static const char *ask_catalogs(dbc *d) {
    return d->set.catalogs ? "Y" : "N";
}
static const char *ask_catalog_term(dbc *d) {
    return d->set.catalogs ? "catalog" : "";
}
static const char *ask_separator(dbc *d) {
    return d->set.catalogs ? "." : "";
}

enum { NUMBERS = 0x00A071FF, TEXTS = 0x00A2FDFF, DATES = 0x00A28101, BINARIES = 0x00A00D01 };

static const info_row rows[] = {
    TEXT(SQL_DRIVER_NAME, "libdatabricks_odbc.so"),
    ASK(SQL_DRIVER_VER, ask_driver_version),
    TEXT(SQL_DRIVER_ODBC_VER, "03.80"),
    TEXT(SQL_ODBC_VER, "03.80.0000"),
    TEXT(SQL_DBMS_NAME, "Spark SQL"), /* R and others choose their dialect by it */
    TEXT(SQL_DBMS_VER, "03.01.0001"),
    ASK(SQL_SERVER_NAME, ask_server),
    ASK(SQL_DATA_SOURCE_NAME, ask_source),
    ASK(SQL_DATABASE_NAME, dbc_catalog),
    ASK(SQL_USER_NAME, ask_user),
    TEXT(SQL_IDENTIFIER_QUOTE_CHAR, "`"),
    TEXT(SQL_SEARCH_PATTERN_ESCAPE, "\\"),
    TEXT(SQL_SPECIAL_CHARACTERS, ""),
    U16(SQL_IDENTIFIER_CASE, SQL_IC_MIXED),
    U16(SQL_QUOTED_IDENTIFIER_CASE, SQL_IC_MIXED),
    ASK(SQL_CATALOG_NAME, ask_catalogs),
    ASK(SQL_CATALOG_TERM, ask_catalog_term),
    ASK(SQL_CATALOG_NAME_SEPARATOR, ask_separator),
    U16(SQL_CATALOG_LOCATION, SQL_CL_START),
    U32(SQL_CATALOG_USAGE, 0x17),
    TEXT(SQL_SCHEMA_TERM, "schema"),
    U32(SQL_SCHEMA_USAGE, 0x17),
    TEXT(SQL_TABLE_TERM, "table"),
    TEXT(SQL_PROCEDURE_TERM, "procedure"),
    U16(SQL_MAX_CATALOG_NAME_LEN, 255),
    U16(SQL_MAX_SCHEMA_NAME_LEN, 255),
    U16(SQL_MAX_TABLE_NAME_LEN, 255),
    U16(SQL_MAX_PROCEDURE_NAME_LEN, 255),
    U16(SQL_MAX_IDENTIFIER_LEN, 255),
    U16(SQL_MAX_COLUMN_NAME_LEN, 1024),
    U16(SQL_MAX_CURSOR_NAME_LEN, 128),
    U16(SQL_MAX_USER_NAME_LEN, 0),
    U16(SQL_MAX_COLUMNS_IN_GROUP_BY, 0),
    U16(SQL_MAX_COLUMNS_IN_INDEX, 0),
    U16(SQL_MAX_COLUMNS_IN_ORDER_BY, 0),
    U16(SQL_MAX_COLUMNS_IN_SELECT, 0),
    U16(SQL_MAX_COLUMNS_IN_TABLE, 0),
    U32(SQL_MAX_INDEX_SIZE, 0),
    U32(SQL_MAX_ROW_SIZE, 0),
    U32(SQL_MAX_STATEMENT_LEN, 0),
    U16(SQL_MAX_TABLES_IN_SELECT, 0),
    U32(SQL_MAX_CHAR_LITERAL_LEN, 0),
    U32(SQL_MAX_BINARY_LITERAL_LEN, 0),
    TEXT(SQL_MAX_ROW_SIZE_INCLUDES_LONG, "Y"),
    U16(SQL_MAX_DRIVER_CONNECTIONS, 0),
    U16(SQL_MAX_CONCURRENT_ACTIVITIES, 0),
    U16(SQL_ACTIVE_ENVIRONMENTS, 0),
    U16(SQL_CURSOR_COMMIT_BEHAVIOR, SQL_CB_PRESERVE),
    U16(SQL_CURSOR_ROLLBACK_BEHAVIOR, SQL_CB_PRESERVE),
    TEXT(SQL_MULTIPLE_ACTIVE_TXN, "Y"),
    TEXT(SQL_MULT_RESULT_SETS, "N"),
    TEXT(SQL_PROCEDURES, "Y"),
    TEXT(SQL_ACCESSIBLE_TABLES, "N"),
    TEXT(SQL_ACCESSIBLE_PROCEDURES, "N"),
    TEXT(SQL_DATA_SOURCE_READ_ONLY, "N"),
    TEXT(SQL_ROW_UPDATES, "N"),
    TEXT(SQL_INTEGRITY, "N"),
    TEXT(SQL_NEED_LONG_DATA_LEN, "N"),
    TEXT(SQL_DESCRIBE_PARAMETER, "Y"),
    TEXT(SQL_EXPRESSIONS_IN_ORDERBY, "Y"),
    TEXT(SQL_COLUMN_ALIAS, "Y"),
    TEXT(SQL_LIKE_ESCAPE_CLAUSE, "Y"),
    TEXT(SQL_OUTER_JOINS, "Y"),
    TEXT(SQL_ORDER_BY_COLUMNS_IN_SELECT, "N"),
    U16(SQL_CORRELATION_NAME, SQL_CN_ANY),
    U16(SQL_CONCAT_NULL_BEHAVIOR, SQL_CB_NULL),
    U16(SQL_NULL_COLLATION, SQL_NC_LOW),
    U16(SQL_NON_NULLABLE_COLUMNS, SQL_NNC_NON_NULL),
    U16(SQL_GROUP_BY, SQL_GB_GROUP_BY_CONTAINS_SELECT),
    U32(SQL_GETDATA_EXTENSIONS, 0xF),
    U32(SQL_FETCH_DIRECTION, SQL_FD_FETCH_NEXT),
    U32(SQL_SCROLL_OPTIONS, SQL_SO_FORWARD_ONLY),
    U32(SQL_SCROLL_CONCURRENCY, SQL_SCCO_READ_ONLY),
    U32(SQL_LOCK_TYPES, SQL_LCK_NO_CHANGE),
    U32(SQL_POS_OPERATIONS, SQL_POS_POSITION),
    U32(SQL_POSITIONED_STATEMENTS, 0),
    U32(SQL_BOOKMARK_PERSISTENCE, 0),
    U32(SQL_STATIC_SENSITIVITY, 0),
    U32(SQL_CURSOR_SENSITIVITY, SQL_INSENSITIVE),
    U16(SQL_FILE_USAGE, SQL_FILE_NOT_SUPPORTED),
    U32(SQL_FORWARD_ONLY_CURSOR_ATTRIBUTES1, 0x201),
    U32(SQL_FORWARD_ONLY_CURSOR_ATTRIBUTES2, 0x1081),
    /* Static cursors become forward-only ones (01S02). But without SQL_CA1_ABSOLUTE here unixODBC puts its
     * cursor library between us and PHP's PDO, which then reads NULLs and crashes [ran, 2.3.11]. */
    U32(SQL_STATIC_CURSOR_ATTRIBUTES1, 0x203),
    U32(SQL_STATIC_CURSOR_ATTRIBUTES2, 0),
    U32(SQL_DYNAMIC_CURSOR_ATTRIBUTES1, 0),
    U32(SQL_DYNAMIC_CURSOR_ATTRIBUTES2, 0),
    U32(SQL_KEYSET_CURSOR_ATTRIBUTES1, 0),
    U32(SQL_KEYSET_CURSOR_ATTRIBUTES2, 0),
    U32(SQL_ASYNC_MODE, SQL_AM_STATEMENT),
    U32(SQL_MAX_ASYNC_CONCURRENT_STATEMENTS, 0),
    U32(10023, 0), /* SQL_ASYNC_DBC_FUNCTIONS */
    U32(10024, 0), /* SQL_DRIVER_AWARE_POOLING_SUPPORTED */
    U32(10025, 0), /* SQL_ASYNC_NOTIFICATION */
    U32(SQL_BATCH_SUPPORT, 0),
    U32(SQL_BATCH_ROW_COUNT, 0),
    U32(SQL_PARAM_ARRAY_ROW_COUNTS, SQL_PARC_NO_BATCH),
    U32(SQL_PARAM_ARRAY_SELECTS, SQL_PAS_NO_SELECT),
    U32(SQL_ODBC_INTERFACE_CONFORMANCE, SQL_OIC_CORE),
    U16(SQL_ODBC_API_CONFORMANCE, 2),
    U16(SQL_ODBC_SAG_CLI_CONFORMANCE, 1),
    U16(SQL_ODBC_SQL_CONFORMANCE, 1),
    U32(SQL_SQL_CONFORMANCE, SQL_SC_SQL92_ENTRY),
    U32(SQL_STANDARD_CLI_CONFORMANCE, 1),
    TEXT(SQL_XOPEN_CLI_YEAR, "1995"),
    U32(SQL_STRING_FUNCTIONS, 0x00FF7FFF),
    U32(SQL_NUMERIC_FUNCTIONS, 0x00FFFFFF),
    U32(SQL_TIMEDATE_FUNCTIONS, 0x001BFDFF),
    U32(SQL_SYSTEM_FUNCTIONS, 0x7),
    U32(SQL_TIMEDATE_ADD_INTERVALS, 0x1FF),
    U32(SQL_TIMEDATE_DIFF_INTERVALS, 0x1FF),
    U32(SQL_CONVERT_FUNCTIONS, 3),
    U32(SQL_CONVERT_BIGINT, NUMBERS),
    U32(SQL_CONVERT_BIT, NUMBERS),
    U32(SQL_CONVERT_DECIMAL, NUMBERS),
    U32(SQL_CONVERT_DOUBLE, NUMBERS),
    U32(SQL_CONVERT_FLOAT, NUMBERS),
    U32(SQL_CONVERT_INTEGER, NUMBERS),
    U32(SQL_CONVERT_NUMERIC, NUMBERS),
    U32(SQL_CONVERT_REAL, NUMBERS),
    U32(SQL_CONVERT_SMALLINT, NUMBERS),
    U32(SQL_CONVERT_TINYINT, NUMBERS),
    U32(SQL_CONVERT_CHAR, TEXTS),
    U32(SQL_CONVERT_VARCHAR, TEXTS),
    U32(SQL_CONVERT_LONGVARCHAR, TEXTS),
    U32(SQL_CONVERT_WCHAR, TEXTS),
    U32(SQL_CONVERT_WVARCHAR, TEXTS),
    U32(SQL_CONVERT_WLONGVARCHAR, TEXTS),
    U32(SQL_CONVERT_DATE, DATES),
    U32(SQL_CONVERT_TIMESTAMP, DATES),
    U32(SQL_CONVERT_BINARY, BINARIES),
    U32(SQL_CONVERT_VARBINARY, BINARIES),
    U32(SQL_CONVERT_LONGVARBINARY, BINARIES),
    U32(SQL_CONVERT_TIME, 0),
    U32(SQL_CONVERT_GUID, 0),
    U32(SQL_CONVERT_INTERVAL_YEAR_MONTH, 0),
    U32(SQL_CONVERT_INTERVAL_DAY_TIME, 0),
    U32(SQL_AGGREGATE_FUNCTIONS, 0x7F),
    U32(SQL_SQL92_PREDICATES, 0x3E07),
    U32(SQL_SQL92_RELATIONAL_JOIN_OPERATORS, 0x1FE),
    U32(SQL_OJ_CAPABILITIES, 0x7F),
    U32(65003, 0x7F), /* SQL_OJ_CAPABILITIES of ODBC 2.01 */
    U32(SQL_SQL92_VALUE_EXPRESSIONS, 0xF),
    U32(SQL_SQL92_STRING_FUNCTIONS, 0xEE),
    U32(SQL_SQL92_DATETIME_FUNCTIONS, 0x5),
    U32(SQL_SQL92_NUMERIC_VALUE_FUNCTIONS, 0x3F),
    U32(SQL_SQL92_ROW_VALUE_CONSTRUCTOR, 0xF),
    U32(SQL_DATETIME_LITERALS, 0xFFFD),
    U32(SQL_SUBQUERIES, 0x1F),
    U32(SQL_UNION, 3),
    U32(SQL_INSERT_STATEMENT, 3),
    U32(SQL_CREATE_TABLE, 0x3601),
    U32(SQL_DROP_TABLE, 1),
    U32(SQL_CREATE_VIEW, 1),
    U32(SQL_DROP_VIEW, 1),
    U32(SQL_CREATE_SCHEMA, 1),
    U32(SQL_DROP_SCHEMA, 7),
    U32(SQL_ALTER_TABLE, 0x9368),
    U32(SQL_INFO_SCHEMA_VIEWS, 0x0042B840),
    TEXT(SQL_KEYWORDS, "ANTI,LATERAL,MINUS,SEMI"),
    TEXT(SQL_COLLATION_SEQ, "UTF8_BINARY"),
    U32(SQL_DTC_TRANSITION_COST, 0),
};

/* Depends on whether transactions are ignored. */
static bool transaction_row(const dbc *d, SQLUSMALLINT type, attr_value *v) {
    bool on = !d->set.ignore_transactions;
    switch (type) {
    case SQL_TXN_CAPABLE:
        *v = value_number(V_U16, on ? SQL_TC_DML : SQL_TC_NONE);
        return true;
    case SQL_DEFAULT_TXN_ISOLATION:
    case SQL_TXN_ISOLATION_OPTION:
        *v = value_number(V_U32, on ? SQL_TXN_REPEATABLE_READ : 0);
        return true;
    case SQL_CATALOG_LOCATION:
        *v = value_number(V_U16, d->set.catalogs ? SQL_CL_START : 0);
        return true;
    case SQL_CATALOG_USAGE:
        *v = value_number(V_U32, d->set.catalogs ? 0x17 : 0);
        return true;
    default:
        return false;
    }
}

SQLRETURN info_get(dbc *d, SQLUSMALLINT type, const value_out *out) {
    attr_value v;
    if (transaction_row(d, type, &v)) {
        return value_give(&d->h, out, v);
    }
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const info_row *r = &rows[i];
        if (r->type == type) {
            v = r->kind != V_TEXT ? value_number(r->kind, r->number)
                                  : value_text(r->ask != NULL ? r->ask(d) : r->text);
            return value_give(&d->h, out, v);
        }
    }
    if (type > 65000) {
        return fail(&d->h, "HY096", "There is no information type %u.", type);
    }
    /* Newer tools ask for types of newer standards and give up on an error: nothing is an answer. */
    return value_give(&d->h, out, value_number(V_U32, 0));
}
