#include "ingest.h"

#include "table.h"

#include <string.h>

/* Bulk ingest: makes the table as the mode says, then fills it with the bound rows. Rows are never sent
 * twice: an INSERT whose fate is not known is an error that says so, a COPY INTO loads each file once. */

typedef struct target {
    const char *catalog, *schema, *table, *mode;
    bool temporary;
} target;

static AdbcStatusCode read_target(const statement *s, target *t, struct AdbcError *error) {
    static const char prefix[] = "adbc.ingest.mode.";
    const char *mode = statement_option(s, "adbc.ingest.mode");
    *t = (target){.catalog = statement_option(s, "adbc.ingest.target_catalog"),
                  .schema = statement_option(s, "adbc.ingest.target_db_schema"),
                  .table = statement_option(s, "adbc.ingest.target_table"),
                  .mode = mode != NULL ? mode + sizeof prefix - 1 : "create",
                  .temporary = statement_flag(s, "adbc.ingest.temporary")};
    if (t->temporary && (t->catalog != NULL || t->schema != NULL)) {
        return fail(error, ADBC_STATUS_INVALID_STATE,
                    "a temporary table is in no catalog and no schema");
    }
    return ADBC_STATUS_OK;
}

/* A catalog without a schema is no name of SQL: the current one is meant. And names are looked up among the
 * session's temporary tables first: only a whole name means another table. */
static AdbcStatusCode add_place(statement *s, const target *t, text *sql, struct AdbcError *error) {
    table place = {0};
    bool whole = t->schema != NULL || (t->catalog == NULL && !s->conn->temporaries);
    if (whole || t->temporary) {
        return ADBC_STATUS_OK;
    }
    RETURN_IF(
        table_query(s->conn, "SELECT current_catalog(), current_schema()", NULL, &place, error));
    for (int i = t->catalog != NULL ? 1 : 0; i < 2; i++) {
        const char *name = NULL;
        size_t len = 0;
        text copy = {0};
        (void)table_text(&place, 0, i, &name, &len);
        text_add_n(&copy, name, len);
        text_add_identifier(sql, text_str(&copy));
        text_add(sql, ".");
        text_reset(&copy);
    }
    table_reset(&place);
    return ADBC_STATUS_OK;
}

static AdbcStatusCode add_name(statement *s, const target *t, text *sql, struct AdbcError *error) {
    const char *const path[] = {t->catalog, t->schema, t->table};
    for (size_t i = 0; i < 3; i++) {
        if (i == 2) {
            RETURN_IF(add_place(s, t, sql, error));
        }
        if (path[i] != NULL) {
            text_add_identifier(sql, path[i]);
            text_add(sql, i < 2 ? "." : "");
        }
    }
    return sql->failed ? fail_memory(error) : ADBC_STATUS_OK;
}

static void add_columns(const params *rows, bool with_types, text *sql) {
    for (size_t i = 0; i < rows->count; i++) {
        const column *c = &rows->columns[i];
        text_add(sql, i > 0 ? ", " : "");
        text_add_identifier(sql, c->name);
        if (with_types) {
            text_add(sql, " ");
            (void)column_sql_type(c, sql);
            text_add(sql, c->nullable ? "" : " NOT NULL");
        }
    }
}

/* create, replace and create_append; append finds its table. */
static AdbcStatusCode make_table(const ingest *in, const target *t, struct AdbcError *error) {
    text sql = {0};
    if (strcmp(t->mode, "append") == 0) {
        return ADBC_STATUS_OK;
    }
    text_add(&sql, strcmp(t->mode, "replace") == 0 ? "CREATE OR REPLACE " : "CREATE ");
    text_add(&sql, t->temporary ? "TEMPORARY TABLE " : "TABLE ");
    text_add(&sql, strcmp(t->mode, "create_append") == 0 ? "IF NOT EXISTS " : "");
    text_addf(&sql, "%s (", in->target);
    add_columns(in->rows, true, &sql);
    text_add(&sql, ")");
    AdbcStatusCode status = sql.failed
                                ? fail_memory(error)
                                : run_command(in->s->conn, text_str(&sql), in->cancel, NULL, error);
    text_reset(&sql);
    return status;
}

static AdbcStatusCode write_rows(ingest *in, const target *t, struct AdbcError *error) {
    const char *volume = statement_option(in->s, "databricks.ingest.staging_volume");
    return volume != NULL && !t->temporary ? ingest_stage(in, volume, error)
                                           : ingest_insert(in, error);
}

/* The table has other columns than the rows, or columns of types that these cannot be stored in. */
static bool other_columns(const struct AdbcError *error) {
    static const char *const states[] = {"42703", "21S01", "42802", "42825",
                                         "42K09", "42KDG", "KD000", "22005"};
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        if (memcmp(error->sqlstate, states[i], sizeof error->sqlstate) == 0) {
            return true;
        }
    }
    return false;
}

static AdbcStatusCode fill(ingest *in, const target *t, struct AdbcError *error) {
    struct AdbcError own;
    RETURN_IF(make_table(in, t, error));
    if (t->temporary) { /* other statements of the connection may be looking */
        atomic_store(&in->s->conn->temporaries, true);
    }
    error_init(&own);
    AdbcStatusCode status = write_rows(in, t, &own);
    if (status == ADBC_STATUS_OK) {
        return status;
    }
    bool existing = strcmp(t->mode, "append") == 0 || strcmp(t->mode, "create_append") == 0;
    status =
        existing && other_columns(&own) ? ADBC_STATUS_ALREADY_EXISTS : status; /* so ADBC says */
    return fail_moved(error, status, &own);
}

AdbcStatusCode ingest_run(statement *s, int64_t *affected, struct AdbcError *error) {
    target t = {0};
    text name = {0};
    text columns = {0};
    if (s->bound.stream.release == NULL) {
        return fail(error, ADBC_STATUS_INVALID_STATE, "there are no bound rows to ingest");
    }
    RETURN_IF(read_target(s, &t, error));
    ingest in = {.s = s, .rows = &s->bound, .cancel = statement_begin(s)};
    AdbcStatusCode status = in.cancel != NULL ? params_open(&s->bound, error) : fail_memory(error);
    if (status == ADBC_STATUS_OK) {
        status = add_name(s, &t, &name, error);
    }
    if (status == ADBC_STATUS_OK) {
        add_columns(&s->bound, false, &columns);
        in.target = text_str(&name);
        in.columns = text_str(&columns);
        status = columns.failed ? fail_memory(error) : fill(&in, &t, error);
    }
    if (affected != NULL) {
        *affected = status == ADBC_STATUS_OK ? in.written : -1;
    }
    params_reset(&s->bound);
    text_reset(&name);
    text_reset(&columns);
    return status;
}
