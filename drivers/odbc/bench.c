/* bench.c: what a block cursor costs beside reading the same batches without looking at their rows, and
 * beside the floor of its conversion.
 * odbc_bench CONNECTION_STRING ROWS; prints CPU seconds of this process, warehouse not counted. */
#include "odbc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { COLUMNS = 10, ROWSET = 1000, WIDTH = 64 };

static SQLHENV env_handle;
static SQLHDBC dbc_handle;

static double cpu_seconds(void) {
    struct rusage u;
    (void)getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void must(bool ok, const char *what) {
    if (!ok) {
        (void)fprintf(stderr, "bench.c: %s failed\n", what);
        exit(1);
    }
}

static char cells[COLUMNS][ROWSET][WIDTH];
static SQLLEN lengths[COLUMNS][ROWSET];

/* The least that a block cursor does to a cell: it copies the number, or the text and its end, and writes the length. */
static void convert(const struct ArrowArray *batch) {
    for (int64_t from = 0; from < batch->length; from += ROWSET) {
        int64_t rows = batch->length - from < ROWSET ? batch->length - from : ROWSET;
        for (int c = 0; c < COLUMNS; c++) {
            const struct ArrowArray *child = batch->children[c];
            int64_t at = child->offset + from;
            const void *values = child->buffers[1];
            for (int64_t r = 0; r < rows; r++) {
                if (c < COLUMNS / 2) {
                    memcpy((int64_t *)(void *)cells[c] + r, (const int64_t *)values + at + r, 8);
                    lengths[c][r] = 8;
                } else {
                    const int32_t *ends = (const int32_t *)values + at + r;
                    size_t len = (size_t)(ends[1] - ends[0]);
                    memcpy(cells[c][r], (const char *)child->buffers[2] + ends[0], len);
                    cells[c][r][len] = '\0';
                    lengths[c][r] = (SQLLEN)len;
                }
            }
        }
    }
}

static void drain(const char *query, void (*see)(const struct ArrowArray *batch)) {
    kernel_session_t *session = ((dbc *)dbc_handle)->session;
    kernel_statement_t *s = NULL;
    kernel_executed_statement_t *e = NULL;
    kernel_result_stream_t *stream = NULL;
    must(kernel_session_new_statement(session, &s) == KernelStatusCode_Success &&
             kernel_statement_set_sql(s, query) == KernelStatusCode_Success &&
             kernel_statement_execute(s, &e) == KernelStatusCode_Success &&
             kernel_executed_statement_get_result_stream(e, &stream) == KernelStatusCode_Success,
         "drain");
    for (;;) {
        struct ArrowArray array;
        struct ArrowSchema schema;
        must(kernel_result_stream_next_batch(stream, &array, &schema) == KernelStatusCode_Success,
             "batch");
        if (array.release == NULL) {
            break;
        }
        if (see != NULL) {
            see(&array);
        }
        array.release(&array);
        schema.release(&schema);
    }
    (void)kernel_result_stream_close(stream);
    (void)kernel_executed_statement_close(e);
    (void)kernel_statement_close(s);
}

static void fetch_all(char *query, SQLSMALLINT number_type, SQLSMALLINT text_type) {
    SQLHSTMT s = NULL;
    must(SQLAllocHandle(SQL_HANDLE_STMT, dbc_handle, &s) == SQL_SUCCESS, "statement");
    (void)SQLSetStmtAttr(s, SQL_ATTR_ROW_ARRAY_SIZE, (SQLPOINTER)(uintptr_t)ROWSET, 0);
    must(SQL_SUCCEEDED(SQLExecDirect(s, (SQLCHAR *)query, SQL_NTS)), "query");
    for (SQLUSMALLINT i = 0; i < COLUMNS; i++) {
        (void)SQLBindCol(s, (SQLUSMALLINT)(i + 1), i < COLUMNS / 2 ? number_type : text_type,
                         cells[i], WIDTH, lengths[i]);
    }
    SQLRETURN rc;
    while (SQL_SUCCEEDED(rc = SQLFetch(s))) {
    }
    must(rc == SQL_NO_DATA, "fetch");
    (void)SQLFreeHandle(SQL_HANDLE_STMT, s);
}

int main(int argc, char **argv) {
    must(argc == 3, "usage: odbc_bench CONNECTION_STRING ROWS:");
    must(SQLAllocHandle(SQL_HANDLE_ENV, NULL, &env_handle) == SQL_SUCCESS &&
             SQLSetEnvAttr(env_handle, SQL_ATTR_ODBC_VERSION, (SQLPOINTER)(uintptr_t)3, 0) ==
                 SQL_SUCCESS &&
             SQLAllocHandle(SQL_HANDLE_DBC, env_handle, &dbc_handle) == SQL_SUCCESS &&
             SQL_SUCCEEDED(
                 SQLDriverConnect(dbc_handle, NULL, (SQLCHAR *)argv[1], SQL_NTS, NULL, 0, NULL, 0)),
         "connect");
    char query[512];
    (void)snprintf(
        query, sizeof query,
        "SELECT id, id + 1, id * 2, id - 7, id %% 1000, lpad(CAST(id AS STRING), 16, 'x') AS a, "
        "lpad(CAST(id AS STRING), 16, 'y') AS b, lpad(CAST(id AS STRING), 16, 'z') AS c, "
        "lpad(CAST(id AS STRING), 16, 'u') AS d, lpad(CAST(id AS STRING), 16, 'v') AS e "
        "FROM range(%s)",
        argv[2]);
    drain(query, NULL); /* the warehouse plans and warms up */
    for (int round = 0; round < 3; round++) {
        double begun = cpu_seconds();
        drain(query, NULL);
        double drained = cpu_seconds() - begun;
        drain(query, convert);
        double floor = cpu_seconds() - begun - drained;
        static const struct {
            const char *name;
            SQLSMALLINT number, text;
        } kinds[] = {{"numbers and CHAR", SQL_C_SBIGINT, SQL_C_CHAR},
                     {"all CHAR", SQL_C_CHAR, SQL_C_CHAR},
                     {"numbers and WCHAR", SQL_C_SBIGINT, SQL_C_WCHAR}};
        (void)printf("drain %.3f s, with conversion floor %.3f", drained, floor);
        for (size_t i = 0; i < COUNT_OF(kinds); i++) {
            double from = cpu_seconds();
            fetch_all(query, kinds[i].number, kinds[i].text);
            double took = cpu_seconds() - from;
            (void)printf("; %s %.3f (%.2f x drain, %.2f x floor)", kinds[i].name, took,
                         took / drained, took / floor);
        }
        (void)printf("\n");
    }
    (void)SQLDisconnect(dbc_handle);
    (void)SQLFreeHandle(SQL_HANDLE_DBC, dbc_handle);
    (void)SQLFreeHandle(SQL_HANDLE_ENV, env_handle);
    return 0;
}
