#include "abi/abi.h"

/* What belongs to the process: version, features, logging. */

uint32_t kernel_abi_version(void) {
    return DATABRICKS_KERNEL_ABI_VERSION;
}

const char *dbk_version(void) {
    return DBK_VERSION;
}

bool dbk_has_feature(const char *name) {
    static const char *const features[] = {
        "arrow_stream", "async",    "cancel_token",      "error_info",         "ipc",
        "metadata",     "progress", "statement_options", "telemetry_callback", "token_provider"};
    for (size_t i = 0; name != NULL && i < sizeof features / sizeof features[0]; i++) {
        if (strcmp(name, features[i]) == 0) {
            return true;
        }
    }
    return false;
}

void dbk_set_wait_hook(bool (*hook)(void *ctx), void *ctx) {
    dbk_wait_hook_set(hook, ctx);
}

KernelStatusCode kernel_init_logging(const char *level, const char *file_path) {
    (void)dbk_abi_begin();
    if (!dbk_abi_optional_ok(level, "log level") ||
        !dbk_abi_optional_ok(file_path, "log file path")) {
        return KernelStatusCode_InvalidArgument;
    }
    return dbk_abi_end(dbk_log_init(level, file_path, dbk_abi_begin()));
}

KernelStatusCode kernel_init_logging_callback(const char *level, KernelLogCallback callback,
                                              void *user_data) {
    (void)dbk_abi_begin();
    if (!dbk_abi_optional_ok(level, "log level")) {
        return KernelStatusCode_InvalidArgument;
    }
    return dbk_abi_end(dbk_log_init_callback(level, callback, user_data, dbk_abi_begin()));
}

/* The older callback shape: the level as a number. One per process, like the sink itself. */
static struct {
    dbk_mutex lock;
    kernel_log_callback callback;
    void *ctx;
} numbered = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void forward_numbered(const char *level, const char *target, const char *message,
                             void *user_data) {
    (void)user_data;
    dbk_log_level number = DBK_LOG_OFF;
    (void)dbk_log_parse_level(level, &number);
    numbered.callback(numbered.ctx, (int)number, target, message);
}

KernelStatusCode kernel_set_log_callback(kernel_log_callback callback, void *ctx,
                                         const char *level) {
    dbk_error *err = dbk_abi_begin();
    if (callback == NULL) {
        return dbk_abi_refuse("kernel log callback must not be NULL");
    }
    dbk_mutex_lock(&numbered.lock);
    dbk_status st = DBK_OK;
    if (numbered.callback == NULL) {
        numbered.callback = callback;
        numbered.ctx = ctx;
        st = dbk_log_init_callback(level, forward_numbered, &numbered, err);
        if (st != DBK_OK) {
            numbered.callback = NULL; /* on failure ctx is not kept */
        }
    } else if (numbered.callback != callback || numbered.ctx != ctx) {
        st = dbk_error_set(err, DBK_INTERNAL,
                           "kernel_set_log_callback: a different callback sink was already "
                           "installed (first initializer wins)");
    }
    dbk_mutex_unlock(&numbered.lock);
    return dbk_abi_end(st);
}

KernelStatusCode dbk_log_set_level(const char *level) {
    (void)dbk_abi_begin();
    if (!dbk_abi_text_ok(level, "log level")) {
        return KernelStatusCode_InvalidArgument;
    }
    return dbk_abi_end(dbk_log_set_level_text(level, dbk_abi_begin()));
}
