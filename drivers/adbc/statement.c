#include "statement.h"

#include "keys.h"
#include "sql.h"

#include <stdlib.h>
#include <string.h>

/* ---- life ---- */

static statement *statement_of(const struct AdbcStatement *handle) {
    return handle != NULL ? handle->private_data : NULL;
}

statement *statement_open(const struct AdbcStatement *handle, struct AdbcError *error) {
    statement *s = statement_of(handle);
    if (s == NULL) {
        (void)fail(error, ADBC_STATUS_INVALID_STATE, "the statement was not made or is released");
        return NULL;
    }
    if (s->conn->session == NULL) {
        (void)fail(error, ADBC_STATUS_INVALID_STATE, "the statement's connection is closed");
        return NULL;
    }
    return s;
}

AdbcStatusCode AdbcStatementNew(struct AdbcConnection *connection_handle,
                                struct AdbcStatement *handle, struct AdbcError *error) {
    connection *c = connection_open(connection_handle, error);
    if (handle == NULL) {
        return fail(error, ADBC_STATUS_INVALID_ARGUMENT, "statement must not be NULL");
    }
    if (c == NULL) {
        return ADBC_STATUS_INVALID_STATE;
    }
    statement *s = calloc(1, sizeof *s);
    if (s == NULL) {
        return fail_memory(error);
    }
    (void)pthread_mutex_init(&s->lock, NULL);
    s->conn = connection_ref(c);
    handle->private_data = s;
    return ADBC_STATUS_OK;
}

AdbcStatusCode AdbcStatementRelease(struct AdbcStatement *handle, struct AdbcError *error) {
    statement *s = statement_of(handle);
    if (s == NULL) {
        return fail(error, ADBC_STATUS_INVALID_STATE, "the statement was not made or is released");
    }
    handle->private_data = NULL;
    run_unref(s->last); /* a stream that is still read holds its own */
    latch_unref(s->busy);
    params_reset(&s->bound);
    options_reset(&s->given);
    free(s->sql);
    connection_unref(s->conn);
    (void)pthread_mutex_destroy(&s->lock);
    free(s);
    return ADBC_STATUS_OK;
}

latch *statement_begin(statement *s) {
    latch *fresh = latch_new();
    if (fresh != NULL) {
        (void)pthread_mutex_lock(&s->lock);
        latch *old = s->busy;
        s->busy = fresh;
        (void)pthread_mutex_unlock(&s->lock);
        latch_unref(old);
    }
    return fresh;
}

AdbcStatusCode AdbcStatementCancel(struct AdbcStatement *handle, struct AdbcError *error) {
    statement *s = statement_of(handle);
    if (s == NULL) {
        return fail(error, ADBC_STATUS_INVALID_STATE, "the statement was not made or is released");
    }
    (void)pthread_mutex_lock(&s->lock);
    if (s->busy != NULL) {
        latch_fire(s->busy);
    }
    (void)pthread_mutex_unlock(&s->lock);
    return ADBC_STATUS_OK;
}

/* ---- SQL and parameters ---- */

AdbcStatusCode AdbcStatementSetSqlQuery(struct AdbcStatement *handle, const char *query,
                                        struct AdbcError *error) {
    statement *s = statement_open(handle, error);
    if (s == NULL) {
        return ADBC_STATUS_INVALID_STATE;
    }
    char *copy = query != NULL ? strdup(query) : NULL;
    if (copy == NULL) {
        return query == NULL ? fail(error, ADBC_STATUS_INVALID_ARGUMENT, "query must not be NULL")
                             : fail_memory(error);
    }
    free(s->sql);
    s->sql = copy;
    s->prepared = s->partitioned = false;
    params_reset(&s->bound);
    (void)pthread_mutex_lock(&s->lock);
    (void)options_put(&s->given, "adbc.ingest.target_table", NULL);
    (void)pthread_mutex_unlock(&s->lock);
    return ADBC_STATUS_OK;
}

AdbcStatusCode AdbcStatementSetSubstraitPlan(struct AdbcStatement *handle, const uint8_t *plan,
                                             size_t length, struct AdbcError *error) {
    (void)handle;
    (void)plan;
    (void)length;
    return fail(error, ADBC_STATUS_NOT_IMPLEMENTED, "the server takes no Substrait plans");
}

/* No call to the server: the same text is sent when it is executed. */
AdbcStatusCode AdbcStatementPrepare(struct AdbcStatement *handle, struct AdbcError *error) {
    statement *s = statement_open(handle, error);
    if (s == NULL) {
        return ADBC_STATUS_INVALID_STATE;
    }
    if (s->sql == NULL && statement_option(s, "adbc.ingest.target_table") == NULL) {
        return fail(error, ADBC_STATUS_INVALID_STATE, "there is no query to prepare");
    }
    s->prepared = true;
    return ADBC_STATUS_OK;
}

AdbcStatusCode AdbcStatementBindStream(struct AdbcStatement *handle,
                                       struct ArrowArrayStream *stream, struct AdbcError *error) {
    statement *s = statement_open(handle, error);
    if (s == NULL) {
        return ADBC_STATUS_INVALID_STATE;
    }
    if (stream == NULL || stream->release == NULL) {
        return fail(error, ADBC_STATUS_INVALID_ARGUMENT, "the stream is NULL or was released");
    }
    params_reset(&s->bound);
    s->bound.stream = *stream;
    memset(stream, 0, sizeof *stream);
    return ADBC_STATUS_OK;
}

AdbcStatusCode AdbcStatementBind(struct AdbcStatement *handle, struct ArrowArray *values,
                                 struct ArrowSchema *schema, struct AdbcError *error) {
    statement *s = statement_open(handle, error);
    struct ArrowArrayStream stream = {0};
    if (s == NULL) {
        return ADBC_STATUS_INVALID_STATE;
    }
    if (values == NULL || values->release == NULL || schema == NULL || schema->release == NULL) {
        return fail(error, ADBC_STATUS_INVALID_ARGUMENT,
                    "values or schema is NULL or was released");
    }
    RETURN_IF(stream_of_batch(schema, values, &stream, error));
    params_reset(&s->bound);
    s->bound.stream = stream;
    return ADBC_STATUS_OK;
}

/* ---- options ---- */

static const char incremental_key[] = "adbc.statement.exec.incremental";
static const char by_name_key[] = "adbc.statement.bind_by_name";
static const char temporary_key[] = "adbc.ingest.temporary";

static bool is_flag(const char *key) {
    return strcmp(key, incremental_key) == 0 || strcmp(key, by_name_key) == 0 ||
           strcmp(key, temporary_key) == 0;
}

static bool is_text(const char *key) {
    static const char *const names[] = {"adbc.ingest.target_table", "adbc.ingest.target_catalog",
                                        "adbc.ingest.target_db_schema"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(key, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_mode(const char *value) {
    static const char *const modes[] = {"create", "append", "replace", "create_append"};
    static const char prefix[] = "adbc.ingest.mode.";
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        if (strncmp(value, prefix, sizeof prefix - 1) == 0 &&
            strcmp(value + sizeof prefix - 1, modes[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* Keys of databases that make sense for one statement too. */
static const key *shared_key(const char *name) {
    static const char *const names[] = {
        "databricks.statement.row_limit",       "databricks.query_tags",
        "adbc.databricks.query_tags",           "databricks.ingest.staging_volume",
        "adbc.apache.statement.batch_size",     "adbc.apache.statement.polltime_ms",
        "adbc.apache.statement.query_timeout_s"};
    const char *conf = NULL;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(name, names[i]) == 0) {
            return database_key(name, &conf);
        }
    }
    return NULL;
}

static AdbcStatusCode check_option(const char *name, const char *value, struct AdbcError *error) {
    const key *shared = shared_key(name);
    bool flag = false;
    if (is_text(name)) {
        return ADBC_STATUS_OK;
    }
    if (is_flag(name)) {
        return value == NULL || parse_flag(value, &flag)
                   ? ADBC_STATUS_OK
                   : fail(error, ADBC_STATUS_INVALID_ARGUMENT, "option %s takes true or false",
                          name);
    }
    if (strcmp(name, "adbc.ingest.mode") == 0) {
        return value == NULL || is_mode(value)
                   ? ADBC_STATUS_OK
                   : fail(error, ADBC_STATUS_INVALID_ARGUMENT,
                          "option %s takes adbc.ingest.mode.create, .append, .replace or "
                          ".create_append",
                          name);
    }
    if (shared == NULL) {
        return fail(error, ADBC_STATUS_NOT_IMPLEMENTED, "unknown option %s", name);
    }
    return value != NULL ? key_check(shared, name, value, error) : ADBC_STATUS_OK;
}

static AdbcStatusCode write_option(void *object, const char *name, const char *value,
                                   struct AdbcError *error) {
    statement *s = object;
    RETURN_IF(check_option(name, value, error));
    bool target = strcmp(name, "adbc.ingest.target_table") == 0;
    bool flag = false;
    if (value != NULL && is_flag(name) && parse_flag(value, &flag)) {
        value = flag ? "true" : "false";
    }
    (void)pthread_mutex_lock(&s->lock);
    bool kept = options_put(&s->given, name, value);
    (void)pthread_mutex_unlock(&s->lock);
    if (target && value != NULL) { /* the bound rows are for the table now */
        free(s->sql);
        s->sql = NULL;
    }
    return kept ? ADBC_STATUS_OK : fail_memory(error);
}

const char *statement_option(const statement *s, const char *key) {
    const char *value = options_get(&s->given, key);
    value = value != NULL ? value : options_get(&s->conn->defaults, key);
    return value != NULL && value[0] != '\0' ? value : NULL;
}

bool statement_flag(const statement *s, const char *key) {
    bool flag = false;
    const char *value = statement_option(s, key);
    return value != NULL && parse_flag(value, &flag) && flag;
}

static run *last_run(statement *s) {
    (void)pthread_mutex_lock(&s->lock);
    run *r = s->last != NULL ? run_ref(s->last) : NULL;
    (void)pthread_mutex_unlock(&s->lock);
    return r;
}

/* What the last run tells of itself; false: key is none of these, or there is nothing to tell. */
static bool read_run(statement *s, const char *key, text *out) {
    char id[64];
    double done = 0;
    double total = 0;
    run *r = last_run(s);
    bool known = false;
    if (strcmp(key, "databricks.statement.query_id") == 0) {
        known = r != NULL && run_query_id(r, id, sizeof id);
        text_add(out, known ? id : "");
    } else if (strcmp(key, "adbc.statement.exec.progress") == 0 ||
               strcmp(key, "adbc.statement.exec.max_progress") == 0) {
        known = r == NULL || run_progress(r, &done, &total);
        bool maximum = strcmp(key, "adbc.statement.exec.max_progress") == 0;
        text_addf(out, "%.0f", maximum ? total : done);
    }
    run_unref(r);
    return known;
}

static AdbcStatusCode read_option(void *object, const char *key, text *out,
                                  struct AdbcError *error) {
    statement *s = object;
    if (read_run(s, key, out)) {
        return ADBC_STATUS_OK;
    }
    (void)pthread_mutex_lock(&s->lock);
    const char *value = options_get(&s->given, key);
    if (value == NULL && shared_key(key) != NULL) {
        value = options_get(&s->conn->defaults, key);
    }
    if (value == NULL && is_flag(key)) {
        value = "false";
    }
    text_add(out, value != NULL ? value : "");
    (void)pthread_mutex_unlock(&s->lock);
    return value != NULL
               ? ADBC_STATUS_OK
               : fail(error, ADBC_STATUS_NOT_FOUND, "option %s is unknown or not set", key);
}

/* ---- running ---- */

AdbcStatusCode statement_run(statement *s, const char *sql, latch *l, run **out,
                             struct AdbcError *error) {
    run *r = NULL;
    const char *limit = statement_option(s, "databricks.statement.row_limit");
    const char *tags = statement_option(s, "databricks.query_tags");
    tags = tags != NULL ? tags : statement_option(s, "adbc.databricks.query_tags");
    RETURN_IF(run_new(s->conn, sql, l, &r, error));
    AdbcStatusCode status = ADBC_STATUS_OK;
    if (limit != NULL) {
        status = run_option(r, "row_limit", limit, error);
    }
    if (status == ADBC_STATUS_OK && tags != NULL) {
        status = run_option(r, "query_tags", tags, error);
    }
    if (status != ADBC_STATUS_OK) {
        run_unref(r);
        return status;
    }
    (void)pthread_mutex_lock(&s->lock);
    run *old = s->last;
    s->last = run_ref(r);
    (void)pthread_mutex_unlock(&s->lock);
    run_unref(old);
    *out = r;
    return ADBC_STATUS_OK;
}

/* ---- typed options ---- */

AdbcStatusCode AdbcStatementSetOption(struct AdbcStatement *handle, const char *key,
                                      const char *value, struct AdbcError *error) {
    return option_set_text(write_option, statement_of(handle), key, value, error);
}

AdbcStatusCode AdbcStatementSetOptionBytes(struct AdbcStatement *handle, const char *key,
                                           const uint8_t *value, size_t length,
                                           struct AdbcError *error) {
    return option_set_bytes(write_option, statement_of(handle), key, value, length, error);
}

AdbcStatusCode AdbcStatementSetOptionInt(struct AdbcStatement *handle, const char *key,
                                         int64_t value, struct AdbcError *error) {
    return option_set_int(write_option, statement_of(handle), key, value, error);
}

AdbcStatusCode AdbcStatementSetOptionDouble(struct AdbcStatement *handle, const char *key,
                                            double value, struct AdbcError *error) {
    return option_set_double(write_option, statement_of(handle), key, value, error);
}

AdbcStatusCode AdbcStatementGetOption(struct AdbcStatement *handle, const char *key, char *value,
                                      size_t *length, struct AdbcError *error) {
    return option_get_text(read_option, statement_of(handle), key, value, length, error);
}

AdbcStatusCode AdbcStatementGetOptionBytes(struct AdbcStatement *handle, const char *key,
                                           uint8_t *value, size_t *length,
                                           struct AdbcError *error) {
    return option_get_bytes(read_option, statement_of(handle), key, value, length, error);
}

AdbcStatusCode AdbcStatementGetOptionInt(struct AdbcStatement *handle, const char *key,
                                         int64_t *value, struct AdbcError *error) {
    return option_get_int(read_option, statement_of(handle), key, value, error);
}

AdbcStatusCode AdbcStatementGetOptionDouble(struct AdbcStatement *handle, const char *key,
                                            double *value, struct AdbcError *error) {
    return option_get_double(read_option, statement_of(handle), key, value, error);
}
