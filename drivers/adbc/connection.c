#include "keys.h"

#include "table.h"

#include <stdlib.h>
#include <string.h>

/* A connection is a session on the server. */

connection *connection_ref(connection *c) {
    (void)atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
    return c;
}

void connection_unref(connection *c) {
    if (c == NULL || atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1) {
        return;
    }
    if (c->session != NULL) {
        (void)kernel_session_close(c->session);
    }
    latch_unref(c->busy);
    free(c->place);
    options_reset(&c->given);
    options_reset(&c->defaults);
    (void)pthread_mutex_destroy(&c->lock);
    free(c);
}

static connection *connection_of(const struct AdbcConnection *handle) {
    return handle != NULL ? handle->private_data : NULL;
}

connection *connection_open(const struct AdbcConnection *handle, struct AdbcError *error) {
    connection *c = connection_of(handle);
    if (c == NULL || c->session == NULL) {
        (void)fail(error, ADBC_STATUS_INVALID_STATE, "the connection is not open");
        return NULL;
    }
    return c;
}

AdbcStatusCode connection_begin(connection *c, latch **before, struct AdbcError *error) {
    latch *fresh = latch_new();
    if (fresh == NULL) {
        return fail_memory(error);
    }
    (void)pthread_mutex_lock(&c->lock);
    latch *old = c->busy; /* of a call on another thread: it goes on, Cancel is ours now */
    c->busy = latch_ref(fresh);
    (void)pthread_mutex_unlock(&c->lock);
    latch_unref(old);
    *before = latch_watch(fresh);
    return ADBC_STATUS_OK;
}

void connection_end(connection *c, latch *before) {
    latch *mine = latch_watched();
    latch *old = NULL;
    latch_unwatch(before);
    (void)pthread_mutex_lock(&c->lock);
    if (c->busy == mine) {
        old = c->busy;
        c->busy = NULL;
    }
    (void)pthread_mutex_unlock(&c->lock);
    latch_unref(old);
    latch_unref(mine);
}

/* ---- life ---- */

AdbcStatusCode AdbcConnectionNew(struct AdbcConnection *handle, struct AdbcError *error) {
    if (handle == NULL) {
        return fail(error, ADBC_STATUS_INVALID_ARGUMENT, "connection must not be NULL");
    }
    connection *c = calloc(1, sizeof *c);
    if (c == NULL) {
        return fail_memory(error);
    }
    atomic_init(&c->refs, 1);
    (void)pthread_mutex_init(&c->lock, NULL);
    handle->private_data = c;
    return ADBC_STATUS_OK;
}

/* What statements start with. */
static bool keep_defaults(connection *c, const options *database) {
    static const char *const names[] = {"databricks.statement.row_limit", "databricks.query_tags",
                                        "databricks.ingest.staging_volume"};
    bool kept = true;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *value = key_value(database, names[i]);
        kept = kept && (value == NULL || options_put(&c->defaults, names[i], value));
    }
    return kept;
}

/* Off only where it was asked for: a program that never commits, because the drivers it knows cannot,
 * would lose what it writes. */
static AdbcStatusCode set_autocommit(connection *c, const char *value, struct AdbcError *error) {
    bool on = true;
    if (value != NULL && !parse_flag(value, &on)) {
        return fail(error, ADBC_STATUS_INVALID_ARGUMENT,
                    "adbc.connection.autocommit takes true or false");
    }
    if (c->session == NULL) {
        return options_put(&c->given, "adbc.connection.autocommit", on ? NULL : "false")
                   ? ADBC_STATUS_OK
                   : fail_memory(error);
    }
    if (!c->transactions) {
        return on ? ADBC_STATUS_OK
                  : fail(error, ADBC_STATUS_NOT_IMPLEMENTED,
                         "autocommit stays on: set databricks.transactions=true on the database "
                         "to use transactions");
    }
    return kernel_session_set_autocommit(c->session, on) == KernelStatusCode_Success
               ? ADBC_STATUS_OK
               : fail_kernel(error, "switching autocommit");
}

static AdbcStatusCode begin_transactions(connection *c, struct AdbcError *error) {
    const char *autocommit = options_get(&c->given, "adbc.connection.autocommit");
    if (autocommit == NULL || strcmp(autocommit, "false") != 0) {
        return ADBC_STATUS_OK;
    }
    return set_autocommit(c, "false", error);
}

AdbcStatusCode AdbcConnectionInit(struct AdbcConnection *handle,
                                  struct AdbcDatabase *database_handle, struct AdbcError *error) {
    connection *c = connection_of(handle);
    const database *d = database_handle != NULL ? database_handle->private_data : NULL;
    KernelSessionConfig *config = NULL;
    text place = {0};
    latch *before = NULL;
    AdbcStatusCode status = ADBC_STATUS_OK;
    if (c == NULL || c->session != NULL) {
        return fail(error, ADBC_STATUS_INVALID_STATE, "the connection was not made or is open");
    }
    if (d == NULL || !d->ready) {
        return fail(error, ADBC_STATUS_INVALID_STATE, "the database is not initialised");
    }
    const char *transactions = key_value(&d->given, "databricks.transactions");
    if (transactions != NULL) {
        (void)parse_flag(transactions, &c->transactions);
    }
    if (!keep_defaults(c, &d->given)) {
        return fail_memory(error);
    }
    RETURN_IF(settings_make(&d->given, &c->given, &config, &place, error));
    free(c->place);       /* of an attempt that failed */
    c->place = place.ptr; /* the connection's now */
    status = connection_begin(c, &before, error);
    if (status != ADBC_STATUS_OK) {
        kernel_session_config_free(config);
        return status;
    }
    KernelStatusCode code = kernel_session_open(config, &c->session);
    if (code != KernelStatusCode_Success) {
        status = fail_kernel(error, "opening a session");
    }
    connection_end(c, before);
    return status == ADBC_STATUS_OK ? begin_transactions(c, error) : status;
}

AdbcStatusCode AdbcConnectionRelease(struct AdbcConnection *handle, struct AdbcError *error) {
    connection *c = connection_of(handle);
    if (c == NULL) {
        return fail(error, ADBC_STATUS_INVALID_STATE, "the connection was not made or is released");
    }
    handle->private_data = NULL;
    kernel_session_t *session = c->session;
    c->session = NULL; /* statements that are still there answer INVALID_STATE */
    if (session != NULL) {
        (void)kernel_session_close(session);
    }
    connection_unref(c);
    return ADBC_STATUS_OK;
}

AdbcStatusCode AdbcConnectionCancel(struct AdbcConnection *handle, struct AdbcError *error) {
    connection *c = connection_of(handle);
    if (c == NULL) {
        return fail(error, ADBC_STATUS_INVALID_STATE, "the connection was not made or is released");
    }
    (void)pthread_mutex_lock(&c->lock);
    if (c->busy != NULL) {
        latch_fire(c->busy);
    }
    (void)pthread_mutex_unlock(&c->lock);
    return ADBC_STATUS_OK;
}

/* ---- transactions ---- */

/* To the server a COMMIT without a statement before it is an error; to ADBC there is nothing to do. */
static bool nothing_to_commit(void) {
    KernelError k = {0};
    return kernel_get_last_error(&k) && k.message != NULL &&
           strstr(k.message, "NO_ACTIVE_TRANSACTION") != NULL;
}

static AdbcStatusCode end_transaction(struct AdbcConnection *handle, bool commit,
                                      struct AdbcError *error) {
    connection *c = connection_open(handle, error);
    bool autocommit = true;
    if (c == NULL) {
        return ADBC_STATUS_INVALID_STATE;
    }
    (void)kernel_session_get_autocommit(c->session, &autocommit);
    if (autocommit) {
        return fail(error, ADBC_STATUS_INVALID_STATE,
                    "there is no transaction: the connection is in autocommit mode");
    }
    KernelStatusCode code =
        commit ? kernel_session_commit(c->session) : kernel_session_rollback(c->session);
    return code == KernelStatusCode_Success || (commit && nothing_to_commit())
               ? ADBC_STATUS_OK
               : fail_kernel(error, "ending a transaction");
}

AdbcStatusCode AdbcConnectionCommit(struct AdbcConnection *handle, struct AdbcError *error) {
    return end_transaction(handle, true, error);
}

AdbcStatusCode AdbcConnectionRollback(struct AdbcConnection *handle, struct AdbcError *error) {
    return end_transaction(handle, false, error);
}

/* ---- catalog and schema ---- */

static AdbcStatusCode ask(connection *c, const char *sql, text *out, struct AdbcError *error) {
    table t = {0};
    const char *value = NULL;
    size_t len = 0;
    RETURN_IF(table_query(c, sql, NULL, &t, error));
    if (t.rows > 0 && table_text(&t, 0, 0, &value, &len)) {
        text_add_n(out, value, len);
    }
    table_reset(&t);
    return ADBC_STATUS_OK;
}

static AdbcStatusCode use(connection *c, bool schema, const char *name, struct AdbcError *error) {
    text sql = {0};
    if (name == NULL || name[0] == '\0') {
        return fail(error, ADBC_STATUS_INVALID_ARGUMENT, "the name of a %s must not be empty",
                    schema ? "schema" : "catalog");
    }
    text_add(&sql, schema ? "USE SCHEMA " : "USE CATALOG ");
    text_add_identifier(&sql, name);
    AdbcStatusCode status =
        sql.failed ? fail_memory(error) : run_command(c, text_str(&sql), NULL, NULL, error);
    text_reset(&sql);
    return status;
}

static const char catalog_key[] = "adbc.connection.catalog";
static const char schema_key[] = "adbc.connection.db_schema";
static const char isolation_key[] = "adbc.connection.transaction.isolation_level";
static const char isolation_default[] = "adbc.connection.transaction.isolation.default";

static AdbcStatusCode set_place(connection *c, const char *key, const char *value,
                                struct AdbcError *error) {
    if (c->session != NULL) {
        return use(c, key == schema_key, value, error);
    }
    return options_put(&c->given, key, value) ? ADBC_STATUS_OK : fail_memory(error);
}

static AdbcStatusCode write_option(void *object, const char *key, const char *value,
                                   struct AdbcError *error) {
    connection *c = object;
    bool flag = false;
    if (strcmp(key, "adbc.connection.autocommit") == 0) {
        return set_autocommit(c, value, error);
    }
    if (strcmp(key, catalog_key) == 0 || strcmp(key, schema_key) == 0) {
        return set_place(c, strcmp(key, schema_key) == 0 ? schema_key : catalog_key, value, error);
    }
    if (strcmp(key, "adbc.connection.readonly") == 0) {
        bool off = value == NULL || (parse_flag(value, &flag) && !flag);
        return off ? ADBC_STATUS_OK
                   : fail(error, ADBC_STATUS_NOT_IMPLEMENTED, "read-only is not offered");
    }
    if (strcmp(key, isolation_key) == 0) {
        bool usual = value == NULL || strcmp(value, isolation_default) == 0;
        return usual ? ADBC_STATUS_OK
                     : fail(error, ADBC_STATUS_NOT_IMPLEMENTED,
                            "the isolation level is the tables' own and cannot be chosen");
    }
    return fail(error, ADBC_STATUS_NOT_IMPLEMENTED, "unknown option %s", key);
}

static AdbcStatusCode read_option(void *object, const char *key, text *out,
                                  struct AdbcError *error) {
    connection *c = object;
    bool autocommit = true;
    if (strcmp(key, "adbc.connection.autocommit") == 0) {
        if (c->session != NULL) {
            (void)kernel_session_get_autocommit(c->session, &autocommit);
        }
        text_add(out, autocommit ? "true" : "false");
    } else if (strcmp(key, "adbc.connection.readonly") == 0) {
        text_add(out, "false");
    } else if (strcmp(key, isolation_key) == 0) {
        text_add(out, isolation_default);
    } else if (strcmp(key, "databricks.session_id") == 0 && c->session != NULL) {
        text_add(out, dbk_session_id(c->session));
    } else if (c->session != NULL && strcmp(key, catalog_key) == 0) {
        return ask(c, "SELECT current_catalog()", out, error);
    } else if (c->session != NULL && strcmp(key, schema_key) == 0) {
        return ask(c, "SELECT current_schema()", out, error);
    } else {
        const char *given = options_get(&c->given, key);
        if (given == NULL) {
            return fail(error, ADBC_STATUS_NOT_FOUND, "unknown option %s", key);
        }
        text_add(out, given);
    }
    return ADBC_STATUS_OK;
}

AdbcStatusCode AdbcConnectionSetOption(struct AdbcConnection *handle, const char *key,
                                       const char *value, struct AdbcError *error) {
    return option_set_text(write_option, connection_of(handle), key, value, error);
}

AdbcStatusCode AdbcConnectionSetOptionBytes(struct AdbcConnection *handle, const char *key,
                                            const uint8_t *value, size_t length,
                                            struct AdbcError *error) {
    return option_set_bytes(write_option, connection_of(handle), key, value, length, error);
}

AdbcStatusCode AdbcConnectionSetOptionInt(struct AdbcConnection *handle, const char *key,
                                          int64_t value, struct AdbcError *error) {
    return option_set_int(write_option, connection_of(handle), key, value, error);
}

AdbcStatusCode AdbcConnectionSetOptionDouble(struct AdbcConnection *handle, const char *key,
                                             double value, struct AdbcError *error) {
    return option_set_double(write_option, connection_of(handle), key, value, error);
}

AdbcStatusCode AdbcConnectionGetOption(struct AdbcConnection *handle, const char *key, char *value,
                                       size_t *length, struct AdbcError *error) {
    return option_get_text(read_option, connection_of(handle), key, value, length, error);
}

AdbcStatusCode AdbcConnectionGetOptionBytes(struct AdbcConnection *handle, const char *key,
                                            uint8_t *value, size_t *length,
                                            struct AdbcError *error) {
    return option_get_bytes(read_option, connection_of(handle), key, value, length, error);
}

AdbcStatusCode AdbcConnectionGetOptionInt(struct AdbcConnection *handle, const char *key,
                                          int64_t *value, struct AdbcError *error) {
    return option_get_int(read_option, connection_of(handle), key, value, error);
}

AdbcStatusCode AdbcConnectionGetOptionDouble(struct AdbcConnection *handle, const char *key,
                                             double *value, struct AdbcError *error) {
    return option_get_double(read_option, connection_of(handle), key, value, error);
}
