/* base/log.h: one process-wide level and sink; silent by default; one relaxed load when off.
 *
 * Rules (spec logging.md): first initialiser wins through the C ABI; nothing secret is formatted:
 * never pass tokens, SQL, parameter values, bodies or whole URLs (dbk_redact_url first). The
 * finished line is scrubbed once more by dbk_redact_line. */
#ifndef DBK_BASE_LOG_H
#define DBK_BASE_LOG_H

#include "base/error.h"
#include "base/macros.h"

#include <stdatomic.h>
#include <stdbool.h>

typedef enum dbk_log_level {
    DBK_LOG_OFF = 0,
    DBK_LOG_ERROR,
    DBK_LOG_WARN,
    DBK_LOG_INFO,
    DBK_LOG_DEBUG,
    DBK_LOG_TRACE
} dbk_log_level;

/* level: "error" .. "trace" in lower case. Strings live during the call only; calls may be
 * concurrent and on any thread; the callback must not call back into the library. */
typedef void (*dbk_log_callback)(const char *level, const char *target, const char *message,
                                 void *user_data);

extern atomic_int dbk_log_level_now;

static inline bool dbk_log_on(dbk_log_level level) {
    return (int)level <= atomic_load_explicit(&dbk_log_level_now, memory_order_relaxed);
}

/* DBK_LOG(WARN, session_id_or_NULL, "fmt", ...): arguments are evaluated only when the level is on.
 */
#define DBK_LOG(level, session_id, ...)                              \
    do {                                                             \
        if (DBK_UNLIKELY(dbk_log_on(DBK_LOG_##level))) {             \
            dbk_log_write(DBK_LOG_##level, session_id, __VA_ARGS__); \
        }                                                            \
    } while (0)

void dbk_log_write(dbk_log_level level, const char *session_id, const char *fmt, ...)
    DBK_PRINTF(3, 4);

/* kernel_init_logging / kernel_init_logging_callback semantics of spec logging.md section 2,
 * messages included: the first call whose level is not off decides for the process. level NULL or
 * "": environment (DBK_LOG, then RUST_LOG), else warn; an unknown word is noted on stderr and means
 * warn. user_data must live as long as the process. */
DBK_MUST_USE dbk_status dbk_log_init(const char *level, const char *file_path, dbk_error *err);
DBK_MUST_USE dbk_status dbk_log_init_callback(const char *level, dbk_log_callback cb,
                                              void *user_data, dbk_error *err);
/* The last caller wins (Node): whatever sink there is gets nothing any more, but for calls under way
 * on other threads. cb NULL: no sink. level as above. */
DBK_MUST_USE dbk_status dbk_log_replace_callback(const char *level, dbk_log_callback cb,
                                                 void *user_data, dbk_error *err);
/* Live level change; InvalidArgument for an unknown word. */
DBK_MUST_USE dbk_status dbk_log_set_level_text(const char *level, dbk_error *err);
bool dbk_log_parse_level(const char *text, dbk_log_level *out); /* names any case, 0-5 */

void dbk_log_reset_for_tests(void); /* back to the state at load; closes the file sink */

#endif
