#include "unit.h"

#include "metadata/parts.h"

#include <stdio.h>

static char x256[257]; /* one byte too long for a name */

static const char *too_long(void) {
    memset(x256, 'x', sizeof x256 - 1);
    return x256;
}

static dbk_slice or_none(const char *text) {
    return text != NULL ? dbk_slice_of(text) : (dbk_slice){0};
}

#define NO_NAME      "identifier must not be empty"
#define BLANK_NAME   "identifier must not be all whitespace"
#define BACKTICK     "identifier must not contain a backtick character"
#define NUL_NAME     "identifier must not contain a NUL byte"
#define LONG_NAME    "identifier exceeds 255-byte limit (256 bytes)"
#define BLANK_LIKE   "LIKE pattern must not be all whitespace (pass None for \"match all\")"
#define NUL_LIKE     "LIKE pattern must not contain a NUL byte"
#define LONG_LIKE    "LIKE pattern exceeds 255-byte limit (256 bytes)"
#define NO_CATALOG   "primary_keys requires a catalog identifier"
#define NO_SCHEMA    "primary_keys requires a schema identifier"
#define NO_TABLE     "table must not be null"
#define NO_F_CATALOG "foreign_keys requires foreign_catalog"
#define NO_F_SCHEMA  "foreign_keys requires foreign_schema"

DBK_TEST(one_text_as_name_and_as_pattern) {
    const struct {
        const char *what, *text;
        size_t len;
        const char *as_name, *as_pattern; /* messages; NULL: accepted */
    } rows[] = {
        {"plain", "main", 4, NULL, NULL},
        {"empty", "", 0, NO_NAME, NULL},
        {"one blank", " ", 1, BLANK_NAME, BLANK_LIKE},
        {"tab and line end", "\t\r\n", 3, BLANK_NAME, BLANK_LIKE},
        {"ideographic space", "\xe3\x80\x80", 3, BLANK_NAME, BLANK_LIKE},
        {"no-break space", "\xc2\xa0", 2, BLANK_NAME, BLANK_LIKE},
        {"zero-width space is a letter", "\xe2\x80\x8b", 3, NULL, NULL},
        {"blanks around", " a ", 3, NULL, NULL},
        {"backtick", "a`b", 3, BACKTICK, NULL},
        {"NUL", "a\0b", 3, NUL_NAME, NUL_LIKE},
        {"only NUL", "\0", 1, NUL_NAME, NUL_LIKE},
        {"255 bytes", too_long(), 255, NULL, NULL},
        {"256 bytes", too_long(), 256, LONG_NAME, LONG_LIKE},
        {"SQL", "a'; DROP TABLE t; --\n\"", 22, NULL, NULL},
        {"dots", "a.b", 3, NULL, NULL},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        dbk_error err = {0};
        dbk_slice text = dbk_slice_n(rows[i].text, rows[i].len);
        dbk_metadata_request name = {.call = DBK_METADATA_FUNCTIONS, .catalog = text};
        dbk_metadata_request pattern = {.call = DBK_METADATA_FUNCTIONS, .object = text};
        CHECK_CASE(rows[i].what);
        dbk_status st = dbk_metadata_check(&name, &err);
        CHECK_EQ_I64(st, rows[i].as_name != NULL ? DBK_INVALID_ARGUMENT : DBK_OK);
        CHECK_STR(dbk_error_message(&err), rows[i].as_name != NULL ? rows[i].as_name : "");
        dbk_error_reset(&err);
        st = dbk_metadata_check(&pattern, &err);
        CHECK_EQ_I64(st, rows[i].as_pattern != NULL ? DBK_INVALID_ARGUMENT : DBK_OK);
        CHECK_STR(dbk_error_message(&err), rows[i].as_pattern != NULL ? rows[i].as_pattern : "");
        dbk_error_reset(&err);
    }
}

DBK_TEST(arguments_of_each_call) {
    (void)too_long();
    const struct {
        dbk_metadata_call call;
        const char *args[7]; /* catalog, schema, object, column, then the parent's three */
        const char *message; /* NULL: accepted */
    } rows[] = {
        {DBK_METADATA_CATALOGS, {"`", "`", x256}, NULL},
        {DBK_METADATA_SCHEMAS, {"", "", NULL}, NULL},
        {DBK_METADATA_SCHEMAS, {" "}, BLANK_NAME},
        {DBK_METADATA_SCHEMAS, {x256}, LONG_NAME},
        {DBK_METADATA_SCHEMAS, {"a", x256}, LONG_LIKE},
        {DBK_METADATA_SCHEMAS, {"`", x256}, BACKTICK},
        {DBK_METADATA_SCHEMAS, {"\xff", "`"}, "catalog is not valid UTF-8"},
        {DBK_METADATA_SCHEMAS, {"`", "\xff"}, BACKTICK},
        {DBK_METADATA_SCHEMAS, {"a", "\xff"}, "schema_pattern is not valid UTF-8"},
        {DBK_METADATA_TABLES, {"", "", ""}, NULL},
        {DBK_METADATA_TABLES, {"a`b"}, NULL},
        {DBK_METADATA_TABLES, {x256}, LONG_LIKE},
        {DBK_METADATA_TABLES, {"%", " "}, BLANK_LIKE},
        {DBK_METADATA_TABLES, {"%", "s", "\t"}, BLANK_LIKE},
        {DBK_METADATA_TABLES, {"%", "s", "\xff"}, "table_pattern is not valid UTF-8"},
        {DBK_METADATA_COLUMNS, {"", "", "", ""}, NULL},
        {DBK_METADATA_COLUMNS, {"a", "s", "t", " "}, BLANK_LIKE},
        {DBK_METADATA_COLUMNS, {"a", "s", "t", "\xff"}, "column_pattern is not valid UTF-8"},
        {DBK_METADATA_FUNCTIONS, {""}, NO_NAME},
        {DBK_METADATA_FUNCTIONS, {"a", "", ""}, NULL},
        {DBK_METADATA_FUNCTIONS, {"a", "s", "\xff"}, "function_pattern is not valid UTF-8"},
        {DBK_METADATA_PROCEDURES, {""}, NO_NAME},
        {DBK_METADATA_PROCEDURES, {"a", "s", "\xff"}, "procedure_pattern is not valid UTF-8"},
        {DBK_METADATA_PROCEDURE_COLUMNS, {""}, NO_NAME},
        {DBK_METADATA_PROCEDURE_COLUMNS, {"a", "s", "p", " "}, BLANK_LIKE},
        {DBK_METADATA_PRIMARY_KEYS, {"c", "s", "t"}, NULL},
        {DBK_METADATA_PRIMARY_KEYS, {NULL, NULL, NULL}, NO_TABLE},
        {DBK_METADATA_PRIMARY_KEYS, {NULL, NULL, "t"}, NO_CATALOG},
        {DBK_METADATA_PRIMARY_KEYS, {"c", NULL, "t"}, NO_SCHEMA},
        {DBK_METADATA_PRIMARY_KEYS, {"c", "s", NULL}, NO_TABLE},
        {DBK_METADATA_PRIMARY_KEYS, {"c", "s", ""}, NO_NAME},
        {DBK_METADATA_PRIMARY_KEYS, {"c", "", "t"}, NO_NAME},
        {DBK_METADATA_PRIMARY_KEYS, {"`", NULL, NULL}, BACKTICK},
        {DBK_METADATA_PRIMARY_KEYS, {"c", "s", "\xff"}, "table is not valid UTF-8"},
        {DBK_METADATA_FOREIGN_KEYS, {"c", "s", "t"}, NULL},
        {DBK_METADATA_FOREIGN_KEYS, {NULL, NULL, NULL}, NULL},
        {DBK_METADATA_FOREIGN_KEYS, {"c", "s", NULL}, NULL},
        {DBK_METADATA_FOREIGN_KEYS, {NULL, NULL, "t"}, NO_F_CATALOG},
        {DBK_METADATA_FOREIGN_KEYS, {"c", NULL, "t"}, NO_F_SCHEMA},
        {DBK_METADATA_FOREIGN_KEYS, {NULL, "s", "t"}, NO_F_CATALOG},
        {DBK_METADATA_FOREIGN_KEYS, {"c", "s", ""}, NO_NAME},
        {DBK_METADATA_FOREIGN_KEYS, {"c", "s", NULL, NULL, "`"}, BACKTICK},
        {DBK_METADATA_FOREIGN_KEYS, {NULL, NULL, NULL, NULL, NULL, NULL, ""}, NO_NAME},
        {DBK_METADATA_FOREIGN_KEYS, {"\xff"}, "foreign_catalog is not valid UTF-8"},
        {DBK_METADATA_FOREIGN_KEYS,
         {NULL, NULL, NULL, NULL, NULL, "\xff"},
         "parent_schema is not valid UTF-8"},
        {DBK_METADATA_TABLE_TYPES, {"`", " ", x256}, NULL},
        {DBK_METADATA_TYPE_INFO, {"`", " ", x256}, NULL},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *const *a = rows[i].args;
        dbk_error err = {0};
        dbk_metadata_plan plan = {0};
        dbk_metadata_request r = {
            .call = rows[i].call,
            .catalog = or_none(a[0]),
            .schema = or_none(a[1]),
            .object = or_none(a[2]),
            .column = or_none(a[3]),
            .parent_catalog = or_none(a[4]),
            .parent_schema = or_none(a[5]),
            .parent_table = or_none(a[6]),
        };
        CHECK_CASE(rows[i].message != NULL ? rows[i].message : dbk_metadata_word(r.call));
        dbk_status st = dbk_metadata_make_plan(&r, &plan, &err);
        CHECK_EQ_I64(st, rows[i].message != NULL ? DBK_INVALID_ARGUMENT : DBK_OK);
        CHECK_STR(dbk_error_message(&err), rows[i].message != NULL ? rows[i].message : "");
        CHECK(st == DBK_OK || plan.sql.ptr == NULL);
        dbk_metadata_plan_reset(&plan);
        dbk_error_reset(&err);
    }
}

DBK_TEST(table_types_must_be_text) {
    dbk_error err = {0};
    const dbk_slice types[] = {DBK_SLICE("VIEW"), DBK_SLICE("\xff")};
    dbk_metadata_request r = {
        .call = DBK_METADATA_TABLES, .has_types = true, .types = types, .type_count = 2};
    CHECK_FAILS(dbk_metadata_check(&r, &err), &err, DBK_INVALID_ARGUMENT,
                "table_types is not valid UTF-8");
    dbk_error_reset(&err);
    r.type_count = 1;
    CHECK_OK(dbk_metadata_check(&r, &err), &err);
}

DBK_TEST(blank_texts) {
    static const struct {
        const char *text;
        bool blank;
    } rows[] = {
        {NULL, true},
        {"", true},
        {" \t\n\v\f\r", true},
        {"\xc2\x85\xe1\x9a\x80\xe2\x80\x80\xe2\x80\x8a\xe2\x80\xa8\xe2\x80\xa9", true},
        {"\xe2\x80\xaf\xe2\x81\x9f\xe3\x80\x80", true},
        {"\x1c", false},
        {"\xe2\x80\x8b", false}, /* zero-width space */
        {"\xe2\x80", false},     /* cut short */
        {"\xff", false},
        {" a", false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CHECK_CASE(rows[i].text);
        CHECK_EQ_I64(dbk_metadata_is_blank(dbk_slice_of(rows[i].text)), rows[i].blank);
    }
}

/* ---- failures ---- */

DBK_TEST(failures_that_mean_nothing_there) {
    static const struct {
        const char *what, *message, *server_code, *sqlstate;
        dbk_status code;
        uint16_t http_status;
        bool tolerated;
    } rows[] = {
        {"sqlstate", "x; error_code=Y", "Y", "42704", DBK_SQL, 0, true},
        {"sqlstate over HTTP", "HTTP 400: x", "", "42704", DBK_INVALID_ARGUMENT, 400, true},
        {"catalog", "[NO_SUCH_CATALOG_EXCEPTION] x", "", "", DBK_SQL, 0, true},
        {"table", "x TABLE_OR_VIEW_NOT_FOUND y", "", "42P01", DBK_SQL, 0, true},
        {"schema", "SCHEMA_NOT_FOUND", "", "", DBK_SQL, 0, true},
        {"parameter", "xINVALID_PARAMETER_VALUEx", "", "", DBK_SQL, 0, true},
        {"over HTTP", "HTTP 404: SCHEMA_NOT_FOUND", "", "", DBK_NOT_FOUND, 404, true},
        {"word without message",
         "HTTP 403: server returned error_code SCHEMA_NOT_FOUND; error_code=SCHEMA_NOT_FOUND",
         "SCHEMA_NOT_FOUND", "", DBK_PERMISSION_DENIED, 403, true},
        {"only the code", "x; error_code=SCHEMA_NOT_FOUND", "SCHEMA_NOT_FOUND", "", DBK_SQL, 0,
         false},
        {"only the code over HTTP", "HTTP 404: x; error_code=SCHEMA_NOT_FOUND", "SCHEMA_NOT_FOUND",
         "", DBK_NOT_FOUND, 404, false},
        {"lower case", "schema_not_found", "", "", DBK_SQL, 0, false},
        {"other word", "CATALOG_NOT_FOUND", "", "", DBK_SQL, 0, false},
        {"no namespace", "NO_SUCH_NAMESPACE", "", "", DBK_SQL, 0, false},
        {"no permission", "INSUFFICIENT_PERMISSIONS", "", "42501", DBK_SQL, 0, false},
        {"42P01 alone", "x", "", "42P01", DBK_SQL, 0, false},
        {"syntax", "PARSE_SYNTAX_ERROR", "", "42601", DBK_SQL, 0, false},
        {"empty", "", "", "", DBK_SQL, 0, false},
        {"cancelled", "SCHEMA_NOT_FOUND", "", "42704", DBK_CANCELLED, 0, false},
        {"not from the server", "SCHEMA_NOT_FOUND", "", "", DBK_NETWORK, 0, false},
        {"damaged", "SCHEMA_NOT_FOUND", "", "", DBK_DATA_LOSS, 200, false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        dbk_error err = {0};
        CHECK_CASE(rows[i].what);
        (void)dbk_error_set(&err, rows[i].code, "%s", rows[i].message);
        (void)snprintf(err.server_code, sizeof err.server_code, "%s", rows[i].server_code);
        (void)snprintf(err.sqlstate, sizeof err.sqlstate, "%s", rows[i].sqlstate);
        err.http_status = rows[i].http_status;
        CHECK_EQ_I64(dbk_metadata_tolerates(DBK_METADATA_SCHEMAS, &err), rows[i].tolerated);
        CHECK_EQ_I64(dbk_metadata_tolerates(DBK_METADATA_FOREIGN_KEYS, &err), rows[i].tolerated);
        CHECK(!dbk_metadata_tolerates(DBK_METADATA_CATALOGS, &err));
        dbk_error_reset(&err);
    }
}

DBK_TEST(words_of_calls) {
    CHECK_STR(dbk_metadata_word(DBK_METADATA_CATALOGS), "catalogs");
    CHECK_STR(dbk_metadata_word(DBK_METADATA_PROCEDURE_COLUMNS), "procedure_columns");
    CHECK_STR(dbk_metadata_word(DBK_METADATA_TYPE_INFO), "type_info");
}
