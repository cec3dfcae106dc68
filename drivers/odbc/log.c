#include "odbc.h"

#include <stdlib.h>
#include <unistd.h>

/* LogLevel of the official driver: a number 0 to 6 or its name; the kernel writes, and redacts secrets. */
static const char *level_of(const char *given) {
    static const struct {
        const char *number, *name, *level;
    } rows[] = {{"0", "OFF", NULL},      {"1", "FATAL", "error"},  {"2", "ERROR", "error"},
                {"3", "WARN", "warn"},   {"3", "WARNING", "warn"}, {"4", "INFO", "info"},
                {"5", "DEBUG", "debug"}, {"6", "TRACE", "trace"}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (text_is(text_of(given), rows[i].number) || text_is(text_of(given), rows[i].name)) {
            return rows[i].level;
        }
    }
    return NULL;
}

void log_setup(const keys *k) {
    const char *given = keys_get(k, "LogLevel"), *folder = keys_get(k, "LogPath");
    const char *level = given == NULL ? NULL : level_of(given);
    if (level == NULL) {
        return;
    }
    buf path = {0};
    if (folder != NULL) {
        buf_printf(&path, "%s/databricks_odbc_%ld.log", folder, (long)getpid());
    }
    /* The first connection of the process that logs decides where to; later ones change the level. */
    if (kernel_init_logging(level, path.len > 0 && !path.failed ? path.ptr : NULL) !=
        KernelStatusCode_Success) {
        (void)dbk_log_set_level(level);
    }
    buf_free(&path);
}
