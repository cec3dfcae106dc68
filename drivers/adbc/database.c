#include "keys.h"

#include <stdlib.h>
#include <string.h>

/* A database is its options: nothing is connected before AdbcConnectionInit. */

static AdbcStatusCode read_option(void *object, const char *name, text *out,
                                  struct AdbcError *error) {
    database *d = object;
    const char *conf = NULL;
    const key *k = database_key(name, &conf);
    AdbcStatusCode status = ADBC_STATUS_OK;
    (void)pthread_mutex_lock(&d->lock);
    const char *value = options_get(&d->given, name);
    if (value == NULL && k != NULL && k->means != NULL) {
        value = key_value(&d->given, k->means);
    } else if (value == NULL && k != NULL) {
        value = key_value(&d->given, name);
    }
    if (k == NULL) {
        status = fail(error, ADBC_STATUS_NOT_FOUND, "unknown option %s", name);
    } else if (k->kind == KEY_SECRET) {
        status =
            fail(error, ADBC_STATUS_NOT_FOUND, "option %s is secret and is not read back", name);
    } else if (value == NULL && k->fallback == NULL) {
        status = fail(error, ADBC_STATUS_NOT_FOUND, "option %s is not set", name);
    } else {
        text_add(out, value != NULL ? value : k->fallback);
    }
    (void)pthread_mutex_unlock(&d->lock);
    return status;
}

static AdbcStatusCode write_option(void *object, const char *name, const char *value,
                                   struct AdbcError *error) {
    database *d = object;
    const char *conf = NULL;
    const key *k = database_key(name, &conf);
    if (k == NULL) {
        return fail(error, ADBC_STATUS_NOT_IMPLEMENTED, "unknown option %s", name);
    }
    if (value != NULL) {
        RETURN_IF(key_check(k, name, value, error));
    }
    (void)pthread_mutex_lock(&d->lock);
    bool kept = options_put(&d->given, name, value);
    (void)pthread_mutex_unlock(&d->lock);
    return kept ? ADBC_STATUS_OK : fail_memory(error);
}

AdbcStatusCode AdbcDatabaseNew(struct AdbcDatabase *handle, struct AdbcError *error) {
    if (handle == NULL) {
        return fail(error, ADBC_STATUS_INVALID_ARGUMENT, "database must not be NULL");
    }
    database *d = calloc(1, sizeof *d);
    if (d == NULL) {
        return fail_memory(error);
    }
    (void)pthread_mutex_init(&d->lock, NULL);
    handle->private_data = d;
    return ADBC_STATUS_OK;
}

static database *database_of(const struct AdbcDatabase *handle) {
    return handle != NULL ? handle->private_data : NULL;
}

AdbcStatusCode AdbcDatabaseInit(struct AdbcDatabase *handle, struct AdbcError *error) {
    database *d = database_of(handle);
    KernelSessionConfig *config = NULL;
    if (d == NULL) {
        return fail(error, ADBC_STATUS_INVALID_STATE, "the database was not made or is released");
    }
    RETURN_IF(settings_make(&d->given, NULL, &config, NULL, error));
    kernel_session_config_free(config);
    d->ready = true;
    return ADBC_STATUS_OK;
}

/* Connections copied what they need: they may outlive their database. */
AdbcStatusCode AdbcDatabaseRelease(struct AdbcDatabase *handle, struct AdbcError *error) {
    database *d = database_of(handle);
    if (d == NULL) {
        return fail(error, ADBC_STATUS_INVALID_STATE, "the database was not made or is released");
    }
    handle->private_data = NULL;
    options_reset(&d->given);
    (void)pthread_mutex_destroy(&d->lock);
    free(d);
    return ADBC_STATUS_OK;
}

AdbcStatusCode AdbcDatabaseSetOption(struct AdbcDatabase *handle, const char *name,
                                     const char *value, struct AdbcError *error) {
    return option_set_text(write_option, database_of(handle), name, value, error);
}

AdbcStatusCode AdbcDatabaseSetOptionBytes(struct AdbcDatabase *handle, const char *name,
                                          const uint8_t *value, size_t length,
                                          struct AdbcError *error) {
    return option_set_bytes(write_option, database_of(handle), name, value, length, error);
}

AdbcStatusCode AdbcDatabaseSetOptionInt(struct AdbcDatabase *handle, const char *name,
                                        int64_t value, struct AdbcError *error) {
    return option_set_int(write_option, database_of(handle), name, value, error);
}

AdbcStatusCode AdbcDatabaseSetOptionDouble(struct AdbcDatabase *handle, const char *name,
                                           double value, struct AdbcError *error) {
    return option_set_double(write_option, database_of(handle), name, value, error);
}

AdbcStatusCode AdbcDatabaseGetOption(struct AdbcDatabase *handle, const char *name, char *value,
                                     size_t *length, struct AdbcError *error) {
    return option_get_text(read_option, database_of(handle), name, value, length, error);
}

AdbcStatusCode AdbcDatabaseGetOptionBytes(struct AdbcDatabase *handle, const char *name,
                                          uint8_t *value, size_t *length, struct AdbcError *error) {
    return option_get_bytes(read_option, database_of(handle), name, value, length, error);
}

AdbcStatusCode AdbcDatabaseGetOptionInt(struct AdbcDatabase *handle, const char *name,
                                        int64_t *value, struct AdbcError *error) {
    return option_get_int(read_option, database_of(handle), name, value, error);
}

AdbcStatusCode AdbcDatabaseGetOptionDouble(struct AdbcDatabase *handle, const char *name,
                                           double *value, struct AdbcError *error) {
    return option_get_double(read_option, database_of(handle), name, value, error);
}
