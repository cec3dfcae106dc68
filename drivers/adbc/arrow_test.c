#include "cells.h"
#include "params.h"

#include "unit.h"

#include <stdlib.h>
#include <string.h>

static void release_schema(struct ArrowSchema *s) {
    s->release = NULL;
}

static void release_array(struct ArrowArray *a) {
    a->release = NULL;
}

static struct ArrowSchema field(const char *format) {
    return (struct ArrowSchema){.format = format, .name = "c", .release = release_schema};
}

/* One cell of `format` whose values are at `values`, as text. */
static bool write_cell(const char *format, const void *values, text *out) {
    struct ArrowSchema schema = field(format);
    const void *buffers[] = {NULL, values};
    struct ArrowArray array = {.length = 1, .n_buffers = 2, .buffers = buffers};
    column c;
    text_clear(out);
    if (!column_of(&schema, &c)) {
        return false;
    }
    column_attach(&c, &array);
    return cell_write(&c, 0, out);
}

/* ---- formats ---- */

DBK_TEST(formats_that_are_not_known_are_refused) {
    static const char *const rows[] = {
        "",
        "x",
        "ib",
        "d",
        "d:",
        "d:,",
        "d:5",
        "d:5,",
        "d:x,2",
        "d:0,0",
        "d:77,0",
        "d:38,77",
        "d:38,-77",
        "d:5,2,16",
        "d:5,2,",
        "d:5,2,128x",
        "d:99999999999,2",
        "w",
        "w:",
        "w:-1",
        "w:x",
        "w:4x",
        "+w",
        "+w:",
        "+",
        "+l",
        "+m",
        "+r",
        "+vl",
        "+ud:0",
        "+us:0",
        "t",
        "ts",
        "tt",
        "tD",
        "tsx:",
        "v",
        "vx",
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct ArrowSchema schema = {0};
        char *exact = strdup(rows[i]); /* so that a sanitizer sees a read behind it */
        column c;
        CHECK_CASE(rows[i]);
        CHECK(exact != NULL);
        schema = field(exact);
        CHECK(!column_of(&schema, &c));
        CHECK(c.kind == CELL_UNKNOWN);
        free(exact);
    }
}

DBK_TEST(formats_and_their_sql_types) {
    static const struct {
        const char *format, *sql;
    } rows[] = {
        {"c", "TINYINT"},          {"C", "SMALLINT"},           {"S", "INT"},
        {"I", "BIGINT"},           {"L", "DECIMAL(20,0)"},      {"e", "FLOAT"},
        {"g", "DOUBLE"},           {"d:10,2", "DECIMAL(10,2)"}, {"d:5,-3,64", "DECIMAL(8,0)"},
        {"vz", "BINARY"},          {"w:3", "BINARY"},           {"tdm", "DATE"},
        {"tsn:", "TIMESTAMP_NTZ"}, {"tss:UTC", "TIMESTAMP"},    {"n", "STRING"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct ArrowSchema schema = field(rows[i].format);
        column c;
        text type = {0};
        CHECK_CASE(rows[i].format);
        CHECK(column_of(&schema, &c) && column_sql_type(&c, &type));
        CHECK_STR(text_str(&type), rows[i].sql);
        text_reset(&type);
    }
}

/* ---- values ---- */

DBK_TEST(the_edges_of_values) {
    static const struct {
        const char *format;
        int64_t low, high; /* sixteen bytes */
        const char *want;
    } rows[] = {
        {"l", INT64_MIN, 0, "-9223372036854775808"},
        {"L", -1, 0, "18446744073709551615"},
        {"tsu:", INT64_MIN, 0, "-290308-12-21 19:59:05.224192"},
        {"tsu:", INT64_MAX, 0, "294247-01-10 04:00:54.775807"},
        {"tsn:", INT64_MIN, 0, "1677-09-21 00:12:43.145224"},
        {"tss:", -1, 0, "1969-12-31 23:59:59"},
        {"tsn:UTC", -1, 0, "1969-12-31 23:59:59.999999+00:00"},
        {"d:38,0", 0, INT64_MIN, "-170141183460469231731687303715884105728"},
        {"d:2,5", -1, -1, "-0.00001"},
        {"d:2,-3", 12, 0, "12000"},
        {"d:76,76", 1, 0,
         "0.0000000000000000000000000000000000000000000000000000000000000000000000000001"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const int64_t values[] = {rows[i].low, rows[i].high};
        text out = {0};
        CHECK_CASE(rows[i].format);
        CHECK(write_cell(rows[i].format, values, &out));
        CHECK_STR(text_str(&out), rows[i].want);
        text_reset(&out);
    }
}

DBK_TEST(a_map_that_cannot_be_written_is_told) {
    struct ArrowSchema key = field("u");
    struct ArrowSchema value = field("+ud:0"); /* unknown */
    struct ArrowSchema *pair[] = {&key, &value};
    struct ArrowSchema entries = {.format = "+s", .name = "", .n_children = 2, .children = pair};
    struct ArrowSchema *child[] = {&entries};
    struct ArrowSchema map = {.format = "+m", .name = "", .n_children = 1, .children = child};
    struct ArrowArray none = {0};
    struct ArrowArray *pair_arrays[] = {&none, &none};
    struct ArrowArray entries_array = {.n_children = 2, .children = pair_arrays};
    struct ArrowArray *child_array[] = {&entries_array};
    struct ArrowArray array = {.length = 1, .n_children = 1, .children = child_array};
    column c;
    text out = {0};
    CHECK(column_of(&map, &c));
    column_attach(&c, &array);
    CHECK(!cell_write(&c, 0, &out));
    text_reset(&out);
}

/* ---- bound streams ---- */

static struct ArrowSchema *columns[2];
static struct ArrowSchema bound_schema;
static int64_t batch_columns;

static int get_schema(struct ArrowArrayStream *self, struct ArrowSchema *out) {
    (void)self;
    *out = bound_schema;
    return 0;
}

static int get_next(struct ArrowArrayStream *self, struct ArrowArray *out) {
    (void)self;
    *out = (struct ArrowArray){.length = 1, .n_children = batch_columns, .release = release_array};
    return 0;
}

static const char *get_last_error(struct ArrowArrayStream *self) {
    (void)self;
    return NULL;
}

static void release_stream(struct ArrowArrayStream *self) {
    self->release = NULL;
}

static params bind(const char *second) {
    static struct ArrowSchema fields[2];
    fields[0] = field("l");
    fields[1] = field(second);
    columns[0] = &fields[0];
    columns[1] = &fields[1];
    bound_schema = field("+s");
    bound_schema.n_children = 2;
    bound_schema.children = columns;
    return (params){.stream = {get_schema, get_next, get_last_error, release_stream, NULL}};
}

DBK_TEST(a_column_that_cannot_be_sent_is_refused_each_time) {
    params p = bind("tDs");
    for (int attempt = 0; attempt < 2; attempt++) {
        struct AdbcError error;
        error_init(&error);
        CHECK(params_open(&p, &error) == ADBC_STATUS_NOT_IMPLEMENTED);
        CHECK_CONTAINS(error.message, "Arrow type 'tDs' cannot be sent");
        CHECK(p.columns == NULL && p.schema.release == NULL);
        error_release(&error);
    }
    params_reset(&p);
}

DBK_TEST(a_batch_of_fewer_columns_than_its_schema_is_refused) {
    params p = bind("u");
    struct AdbcError error;
    bool there = false;
    batch_columns = 1;
    error_init(&error);
    CHECK(params_open(&p, &error) == ADBC_STATUS_OK);
    CHECK(params_next(&p, &there, &error) == ADBC_STATUS_INVALID_ARGUMENT);
    CHECK_CONTAINS(error.message, "a bound batch has 1 columns, its schema 2");
    error_release(&error);
    params_reset(&p);
}

/* ---- errors ---- */

/* The struct of ADBC 1.0.0 ends before the fields of 1.1.0: they are not ours to touch. */
DBK_TEST(an_error_of_the_old_interface_keeps_its_size) {
    struct AdbcError error;
    memset(&error, 0x5A, sizeof error);
    struct AdbcError before = error;
    error.message = NULL;
    error.vendor_code = 0;
    error.release = NULL;
    CHECK(fail(&error, ADBC_STATUS_IO, "%s", "one") == ADBC_STATUS_IO);
    CHECK(fail(&error, ADBC_STATUS_IO, "%s", "two") == ADBC_STATUS_IO); /* frees the first */
    CHECK_STR(error.message, "[Databricks] two");
    CHECK_EQ_I64(AdbcErrorGetDetailCount(&error), 0);
    error.release(&error);
    CHECK(error.release == NULL && error.message == NULL);
    CHECK_MEM((char *)&error + ADBC_ERROR_1_0_0_SIZE, (char *)&before + ADBC_ERROR_1_0_0_SIZE,
              sizeof error - ADBC_ERROR_1_0_0_SIZE);
}

/* Every function with handles that were never made: a status, no crash. */
DBK_TEST(handles_that_were_not_made) {
    struct AdbcDatabase d = {0};
    struct AdbcConnection c = {0};
    struct AdbcStatement s = {0};
    struct AdbcError e;
    struct ArrowArrayStream rows = {0};
    struct ArrowSchema schema = {0};
    struct AdbcPartitions partitions = {0};
    size_t length = 0;
    error_init(&e);
    const AdbcStatusCode got[] = {
        AdbcDatabaseInit(&d, &e),
        AdbcDatabaseInit(NULL, NULL),
        AdbcDatabaseSetOption(&d, "uri", "x", &e),
        AdbcDatabaseGetOption(&d, "uri", NULL, &length, &e),
        AdbcDatabaseRelease(&d, &e),
        AdbcDatabaseRelease(NULL, NULL),
        AdbcConnectionInit(&c, &d, &e),
        AdbcConnectionSetOption(&c, "x", "y", &e),
        AdbcConnectionCancel(&c, &e),
        AdbcConnectionCommit(&c, &e),
        AdbcConnectionRollback(NULL, NULL),
        AdbcConnectionGetInfo(&c, NULL, 0, &rows, &e),
        AdbcConnectionGetObjects(&c, 0, NULL, NULL, NULL, NULL, NULL, &rows, &e),
        AdbcConnectionGetTableSchema(&c, NULL, NULL, "t", &schema, &e),
        AdbcConnectionGetTableTypes(&c, &rows, &e),
        AdbcConnectionGetStatistics(&c, NULL, NULL, NULL, 1, &rows, &e),
        AdbcConnectionGetStatisticNames(&c, &rows, &e),
        AdbcConnectionReadPartition(&c, NULL, 0, &rows, &e),
        AdbcConnectionRelease(&c, &e),
        AdbcConnectionRelease(NULL, NULL),
        AdbcStatementNew(&c, &s, &e),
        AdbcStatementSetSqlQuery(&s, "x", &e),
        AdbcStatementPrepare(&s, &e),
        AdbcStatementCancel(&s, &e),
        AdbcStatementBindStream(&s, &rows, &e),
        AdbcStatementExecuteQuery(&s, &rows, NULL, &e),
        AdbcStatementExecuteSchema(&s, &schema, &e),
        AdbcStatementExecutePartitions(&s, &schema, &partitions, NULL, &e),
        AdbcStatementGetParameterSchema(&s, &schema, &e),
        AdbcStatementRelease(&s, &e),
        AdbcStatementRelease(NULL, NULL),
    };
    for (size_t i = 0; i < COUNT_OF(got); i++) {
        CHECK_EQ_I64(got[i], ADBC_STATUS_INVALID_STATE);
    }
    CHECK_CONTAINS(e.message, "[Databricks] ");
    error_release(&e);
}

/* A database that is released with an error struct that holds the error of a call before. */
DBK_TEST(a_database_is_made_and_released_once) {
    struct AdbcDatabase d = {0};
    struct AdbcError e;
    error_init(&e);
    CHECK(AdbcDatabaseNew(&d, &e) == ADBC_STATUS_OK);
    CHECK(AdbcDatabaseSetOption(&d, "no.such", "x", &e) == ADBC_STATUS_NOT_IMPLEMENTED);
    CHECK(AdbcDatabaseSetOption(&d, NULL, "x", &e) == ADBC_STATUS_INVALID_ARGUMENT);
    CHECK(AdbcDatabaseInit(&d, &e) == ADBC_STATUS_INVALID_ARGUMENT);
    CHECK(AdbcDatabaseRelease(&d, &e) == ADBC_STATUS_OK);
    CHECK(AdbcDatabaseRelease(&d, &e) == ADBC_STATUS_INVALID_STATE);
    error_release(&e);
    CHECK(e.release == NULL && e.private_data == NULL);
}
