#include "statement.h"

#include "build.h"
#include "sql.h"

#include <stdio.h>
#include <string.h>

/* What a table, a query or its parameters look like, without their rows. */

static AdbcStatusCode schema_of(connection *c, const char *sql, latch *l, struct ArrowSchema *out,
                                struct AdbcError *error) {
    run *r = NULL;
    RETURN_IF(run_new(c, sql, l, &r, error));
    AdbcStatusCode status = run_start(r, error);
    if (status == ADBC_STATUS_OK) {
        status = run_schema(r, out, error);
    }
    run_unref(r);
    return status;
}

/* SELECT ... LIMIT 0 rather than the catalog: the answer is by construction what a SELECT gives, nested
 * types and field metadata included, and names are compared by the server. */
AdbcStatusCode AdbcConnectionGetTableSchema(struct AdbcConnection *handle, const char *catalog,
                                            const char *db_schema, const char *table_name,
                                            struct ArrowSchema *schema, struct AdbcError *error) {
    connection *c = connection_open(handle, error);
    latch *before = NULL;
    text sql = {0};
    if (c == NULL) {
        return ADBC_STATUS_INVALID_STATE;
    }
    if (table_name == NULL || schema == NULL) {
        return fail(error, ADBC_STATUS_INVALID_ARGUMENT, "table_name and schema must not be NULL");
    }
    text_add(&sql, "SELECT * FROM ");
    const char *const path[] = {catalog, db_schema, table_name};
    for (size_t i = 0; i < 3; i++) {
        if (path[i] != NULL && (path[i][0] != '\0' || i == 2)) {
            text_add_identifier(&sql, path[i]);
            text_add(&sql, i < 2 ? "." : " LIMIT 0");
        }
    }
    AdbcStatusCode status = sql.failed ? fail_memory(error) : connection_begin(c, &before, error);
    if (status == ADBC_STATUS_OK) {
        status = schema_of(c, text_str(&sql), NULL, schema, error);
        connection_end(c, before);
    }
    text_reset(&sql);
    return status;
}

/* A query is asked for none of its rows. What only shows something is simply run. */
static AdbcStatusCode describing_sql(const char *sql, text *out, struct AdbcError *error) {
    text filled = {0};
    sql_fill_markers(sql, &filled);
    size_t len = sql_length(text_str(&filled));
    AdbcStatusCode status = ADBC_STATUS_OK;
    if (sql_begins(sql, "|select|with|values|table|from|")) {
        text_add(out, "SELECT * FROM (");
        text_add_n(out, text_str(&filled), len);
        text_add(out, "\n) LIMIT 0"); /* the query may end with a comment */
    } else if (sql_begins(sql, "|show|describe|desc|explain|")) {
        text_add_n(out, text_str(&filled), len);
    } else {
        status = fail(error, ADBC_STATUS_INVALID_ARGUMENT,
                      "only queries have a result schema that can be told without running them");
    }
    out->failed |= filled.failed;
    text_reset(&filled);
    return status == ADBC_STATUS_OK && out->failed ? fail_memory(error) : status;
}

AdbcStatusCode AdbcStatementExecuteSchema(struct AdbcStatement *handle, struct ArrowSchema *schema,
                                          struct AdbcError *error) {
    statement *s = statement_open(handle, error);
    text sql = {0};
    if (s == NULL) {
        return ADBC_STATUS_INVALID_STATE;
    }
    if (s->sql == NULL) {
        return fail(error, ADBC_STATUS_INVALID_STATE, "there is no query");
    }
    latch *l = statement_begin(s);
    if (l == NULL) {
        return fail_memory(error);
    }
    AdbcStatusCode status = describing_sql(s->sql, &sql, error);
    if (status == ADBC_STATUS_OK) {
        status = schema_of(s->conn, text_str(&sql), l, schema, error);
    }
    text_reset(&sql);
    return status;
}

static AdbcStatusCode unknown_parameters(size_t count, struct ArrowSchema *out,
                                         struct AdbcError *error) {
    node *fields[1024]; /* the server takes 256 */
    if (count > sizeof fields / sizeof fields[0]) {
        return fail(error, ADBC_STATUS_INVALID_ARGUMENT, "%zu parameters are too many", count);
    }
    for (size_t i = 0; i < count; i++) {
        char name[24];
        (void)snprintf(name, sizeof name, "%zu", i);
        fields[i] = node_new(name, "n", 0);
    }
    return node_schema(node_struct("", count, fields), out, error);
}

AdbcStatusCode AdbcStatementGetParameterSchema(struct AdbcStatement *handle,
                                               struct ArrowSchema *schema,
                                               struct AdbcError *error) {
    statement *s = statement_open(handle, error);
    if (s == NULL) {
        return ADBC_STATUS_INVALID_STATE;
    }
    if (!s->prepared || s->sql == NULL) {
        return fail(error, ADBC_STATUS_INVALID_STATE, "the statement is not prepared");
    }
    if (s->bound.stream.release != NULL) {
        RETURN_IF(params_open(&s->bound, error));
        return schema_copy(&s->bound.schema, schema) ? ADBC_STATUS_OK : fail_memory(error);
    }
    return unknown_parameters(sql_markers(s->sql), schema, error);
}
