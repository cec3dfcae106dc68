#include "base/log.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/encode.h"
#include "base/redact.h"
#include "base/text.h"

#define LOG_TARGET    "databricks::sql::kernel"
#define LOG_TRUNCATED "\xE2\x80\xA6[truncated]" /* …[truncated] */
#define LOG_NO_LEVEL                                                                             \
    "expected one of \"off\", \"error\", \"warn\", \"info\", \"debug\", \"trace\", or a number " \
    "0-5"

enum {
    LOG_TEXT_SIZE = 1024, /* the message with its NUL: spec logging.md section 7 */
    LOG_ID_SIZE = 97,
    LOG_LINE_SIZE = LOG_TEXT_SIZE + 256 /* below PIPE_BUF: one write is never torn */
};

/* Where records go. Immutable once published in `current`, and never freed after that: a thread may
 * be writing through it. No lock anywhere, so a child forked at any moment can log. */
typedef struct sink {
    struct sink *older;  /* list of all published sinks */
    dbk_log_callback cb; /* NULL: fd */
    void *user_data;
    int fd;
    bool owns_fd;
    bool colours;
    bool fell_back; /* the file could not be opened */
} sink;

atomic_int dbk_log_level_now;
static _Atomic(sink *) current;
static _Atomic(sink *) published;
static _Thread_local bool writing; /* a callback that comes back here is not served */

/* ---- levels ---- */

static const struct {
    const char *name;
    const char *column; /* right-aligned to 5 */
    const char *colour;
} levels[] = {
    [DBK_LOG_OFF] = {"off", "  OFF", "0"},      [DBK_LOG_ERROR] = {"error", "ERROR", "31"},
    [DBK_LOG_WARN] = {"warn", " WARN", "33"},   [DBK_LOG_INFO] = {"info", " INFO", "32"},
    [DBK_LOG_DEBUG] = {"debug", "DEBUG", "34"}, [DBK_LOG_TRACE] = {"trace", "TRACE", "35"},
};

static bool parse_level(dbk_slice text, dbk_log_level *out) {
    for (int i = DBK_LOG_OFF; i <= DBK_LOG_TRACE; i++) {
        char digit = (char)('0' + i);
        if (dbk_slice_eq_nocase(text, dbk_slice_of(levels[i].name)) ||
            dbk_slice_eq(text, dbk_slice_n(&digit, 1))) {
            *out = (dbk_log_level)i;
            return true;
        }
    }
    return false;
}

bool dbk_log_parse_level(const char *text, dbk_log_level *out) {
    return parse_level(dbk_slice_of(text), out);
}

static void set_level(dbk_log_level level) {
    atomic_store_explicit(&dbk_log_level_now, (int)level, memory_order_relaxed);
}

/* "info,hyper=debug,databricks::sql::kernel=trace": what is said about our target, else the bare
 * level; other targets are other libraries. False when nothing of it is meant for us. */
static bool parse_filter(const char *filter, dbk_log_level *out) {
    dbk_slice rest = dbk_slice_of(filter);
    dbk_slice item = {0};
    bool ours = false;
    bool bare = false;
    bool more = true;
    while (more) {
        more = dbk_slice_split(&rest, ',', &item);
        dbk_slice value = dbk_slice_trim(more ? item : rest);
        dbk_slice target = {0};
        if (dbk_slice_split(&value, '=', &target)) {
            bool us = dbk_slice_eq(dbk_slice_trim(target), DBK_SLICE(LOG_TARGET));
            ours = (us && parse_level(dbk_slice_trim(value), out)) || ours;
        } else if (dbk_slice_eq(value, DBK_SLICE(LOG_TARGET))) {
            *out = DBK_LOG_TRACE; /* a target alone means everything */
            ours = true;
        } else {
            bare = (!ours && parse_level(value, out)) || bare;
        }
    }
    return ours || bare;
}

typedef struct choice {
    dbk_log_level level;
    const char *setting; /* where the word came from, for the note */
    const char *unknown; /* the word that was not understood, or NULL */
} choice;

static choice choose_level(const char *level) {
    choice c = {DBK_LOG_WARN, LOG_TARGET, NULL};
    if (level != NULL && level[0] != '\0') {
        c.unknown = dbk_log_parse_level(level, &c.level) ? NULL : level;
        return c;
    }
    const char *env = getenv("DBK_LOG");
    if (env != NULL && env[0] != '\0') {
        c.setting = "DBK_LOG";
        c.unknown = parse_filter(env, &c.level) ? NULL : env;
        return c;
    }
    env = getenv("RUST_LOG"); /* shared with other libraries: what is not for us is no mistake */
    if (env != NULL) {
        (void)parse_filter(env, &c.level);
    }
    return c;
}

static void note_unknown_level(choice c) {
    char word[33];
    size_t n = 0;
    for (; n < sizeof word - 1 && c.unknown[n] != '\0'; n++) {
        unsigned char ch = (unsigned char)c.unknown[n];
        word[n] = (char)(ch >= ' ' && ch < 0x7f ? tolower(ch) : '?');
    }
    word[n] = '\0';
    (void)dprintf(STDERR_FILENO, "ignoring '%s=%s': error parsing level filter: " LOG_NO_LEVEL "\n",
                  c.setting, word);
}

/* ---- the sink ---- */

static sink *sink_new(dbk_log_callback cb, void *user_data, dbk_error *err) {
    sink *s = dbk_alloc_zero(sizeof *s);
    if (s == NULL) {
        (void)dbk_error_oom(err, "setting up the log");
        return NULL;
    }
    s->cb = cb;
    s->user_data = user_data;
    s->fd = STDERR_FILENO;
    return s;
}

static void sink_free(sink *s) {
    if (s->owns_fd) {
        (void)close(s->fd);
    }
    dbk_free(s);
}

static void sink_open(sink *s, const char *file_path) {
    int fd =
        file_path != NULL ? open(file_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666) : -1;
    if (fd >= 0) {
        s->fd = fd;
        s->owns_fd = true;
        return;
    }
    if (file_path != NULL) {
        int why = errno;
        s->fell_back = true;
        (void)dprintf(
            STDERR_FILENO,
            "databricks-sql-kernel: failed to open log file %s: %s (os error %d); falling "
            "back to stderr\n",
            file_path, strerror(why), why);
    }
    const char *no_color = getenv("NO_COLOR");
    s->colours = (no_color == NULL || no_color[0] == '\0') && isatty(STDERR_FILENO) == 1;
}

static void remember(sink *s) {
    s->older = atomic_load(&published);
    while (!atomic_compare_exchange_weak(&published, &s->older, s)) {
    }
}

/* Takes s. Installs it unless there is a sink already; returns the one that is installed. */
static const sink *install_first(sink *s, choice c) {
    sink *have = NULL;
    if (!atomic_compare_exchange_strong(&current, &have, s)) {
        sink_free(s);
        return have;
    }
    remember(s);
    set_level(c.level);
    if (c.unknown != NULL) {
        note_unknown_level(c);
    }
    return s;
}

dbk_status dbk_log_init(const char *level, const char *file_path, dbk_error *err) {
    choice c = choose_level(level);
    if (c.level == DBK_LOG_OFF) {
        return DBK_OK;
    }
    if (!dbk_utf8_valid(dbk_slice_of(file_path))) {
        return dbk_error_set(err, DBK_INVALID_ARGUMENT, "log file path is not valid UTF-8");
    }
    const sink *have = atomic_load(&current);
    if (have == NULL) {
        sink *made = sink_new(NULL, NULL, err);
        if (made == NULL) {
            return err->code;
        }
        sink_open(made, file_path);
        have = install_first(made, c);
    }
    if (have->cb != NULL) {
        return dbk_error_set(err, DBK_INTERNAL,
                             "kernel_init_logging: a callback log sink was already installed by an "
                             "earlier kernel_init_logging_callback; this file/stderr request had "
                             "no effect (first initializer wins)");
    }
    if (have->fell_back) {
        return dbk_error_set(err, DBK_INTERNAL,
                             "kernel_init_logging: the requested log file could not be opened; "
                             "kernel logs fell back to stderr");
    }
    return DBK_OK;
}

dbk_status dbk_log_init_callback(const char *level, dbk_log_callback cb, void *user_data,
                                 dbk_error *err) {
    if (cb == NULL) {
        return dbk_error_set(err, DBK_INVALID_ARGUMENT, "kernel log callback must not be NULL");
    }
    choice c = choose_level(level);
    if (c.level == DBK_LOG_OFF) {
        return DBK_OK;
    }
    const sink *have = atomic_load(&current);
    if (have == NULL) {
        sink *made = sink_new(cb, user_data, err);
        if (made == NULL) {
            return err->code;
        }
        have = install_first(made, c);
    }
    if (have->cb == NULL) {
        return dbk_error_set(err, DBK_INTERNAL,
                             "kernel_init_logging_callback: a file/stderr log sink was already "
                             "installed by an earlier kernel_init_logging; the callback was NOT "
                             "installed and will receive no records (first initializer wins)");
    }
    if (have->cb != cb || have->user_data != user_data) {
        return dbk_error_set(err, DBK_INTERNAL,
                             "kernel_init_logging_callback: a different callback sink was already "
                             "installed by an earlier kernel_init_logging_callback; the callback "
                             "was NOT installed and will receive no records (first initializer "
                             "wins)");
    }
    return DBK_OK;
}

dbk_status dbk_log_replace_callback(const char *level, dbk_log_callback cb, void *user_data,
                                    dbk_error *err) {
    if (cb == NULL) {
        atomic_store(&current, NULL);
        set_level(DBK_LOG_OFF);
        return DBK_OK;
    }
    choice c = choose_level(level);
    const sink *have = atomic_load(&current);
    if (have == NULL || have->cb != cb || have->user_data != user_data) {
        sink *made = sink_new(cb, user_data, err);
        if (made == NULL) {
            return err->code;
        }
        remember(made);
        atomic_store(&current, made);
    }
    set_level(c.level);
    return DBK_OK;
}

dbk_status dbk_log_set_level_text(const char *level, dbk_error *err) {
    dbk_log_level wanted = DBK_LOG_OFF;
    if (level == NULL || !dbk_log_parse_level(level, &wanted)) {
        return dbk_error_set(err, DBK_INVALID_ARGUMENT, "unknown log level: " LOG_NO_LEVEL);
    }
    set_level(wanted);
    return DBK_OK;
}

void dbk_log_reset_for_tests(void) {
    set_level(DBK_LOG_OFF);
    atomic_store(&current, NULL);
    sink *s = atomic_exchange(&published, NULL);
    while (s != NULL) {
        sink *older = s->older;
        sink_free(s);
        s = older;
    }
}

/* ---- a record ---- */

/* One line, valid UTF-8, nothing a terminal would obey. */
static void clean(char *text) {
    bool utf8 = dbk_utf8_valid(dbk_slice_of(text));
    for (char *at = text; *at != '\0'; at++) {
        unsigned char c = (unsigned char)*at;
        if (c < ' ' || c == 0x7f) {
            *at = ' ';
        } else if (c >= 0x80 && !utf8) {
            *at = '?';
        }
    }
}

/* Cuts a text that fills its buffer, so that the marker fits behind it; where possible at a blank:
 * half a credential might not be recognised as one. */
static void cut(char text[LOG_TEXT_SIZE]) {
    const size_t most = LOG_TEXT_SIZE - sizeof LOG_TRUNCATED;
    size_t at = most;
    while (at > most / 2 && text[at] != ' ') {
        at--;
    }
    text[text[at] == ' ' ? at : most] = '\0';
    dbk_utf8_trim(text);
}

DBK_PRINTF(2, 0)
static void format_text(char text[LOG_TEXT_SIZE], const char *fmt, va_list args) {
    text[0] = '\0';
    bool too_long = vsnprintf(text, LOG_TEXT_SIZE, fmt, args) >= LOG_TEXT_SIZE;
    if (too_long) {
        cut(text);
    }
    clean(text);
    dbk_redact_line(text);
    if (too_long) {
        memcpy(text + strlen(text), LOG_TRUNCATED, sizeof LOG_TRUNCATED);
    }
}

static void format_id(char id[LOG_ID_SIZE], const char *session_id) {
    (void)snprintf(id, LOG_ID_SIZE, "%s", session_id != NULL ? session_id : "");
    dbk_utf8_trim(id);
    clean(id);
    dbk_redact_line(id);
}

/* Normally one write; the rest of a short one follows, a full pipe or disk loses the record. */
static void write_line(int fd, const char *line, size_t len) {
    while (len > 0) {
        ssize_t n = write(fd, line, len);
        if (n < 0 && errno != EINTR) {
            return;
        }
        line += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
}

static void write_to_fd(const sink *s, dbk_log_level level, const char *id, const char *text) {
    struct timespec now;
    char when[DBK_UTC_US_SIZE];
    char line[LOG_LINE_SIZE];
    (void)clock_gettime(CLOCK_REALTIME, &now);
    dbk_format_utc_us((int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000, when);
    int n = snprintf(line, sizeof line,
                     s->colours ? "\x1b[2m%s\x1b[0m \x1b[%sm%s\x1b[0m " : "%s%.0s %s ", when,
                     levels[level].colour, levels[level].column);
    n += snprintf(line + n, sizeof line - (size_t)n, "%s%s%s%s\n",
                  id[0] != '\0' ? "kernel.session{session_id=" : "", id, id[0] != '\0' ? "}: " : "",
                  text);
    write_line(s->fd, line, (size_t)n);
}

static void write_to_callback(const sink *s, dbk_log_level level, const char *id,
                              const char *text) {
    char message[LOG_LINE_SIZE];
    (void)snprintf(message, sizeof message, "%s%s%s", text, id[0] != '\0' ? " session_id=" : "",
                   id);
    s->cb(levels[level].name, LOG_TARGET, message, s->user_data);
}

void dbk_log_write(dbk_log_level level, const char *session_id, const char *fmt, ...) {
    const sink *s = atomic_load_explicit(&current, memory_order_acquire);
    if (s == NULL || writing || level <= DBK_LOG_OFF || !dbk_log_on(level)) {
        return;
    }
    int saved_errno = errno;
    char text[LOG_TEXT_SIZE];
    char id[LOG_ID_SIZE];
    va_list args;
    va_start(args, fmt);
    format_text(text, fmt, args);
    va_end(args);
    format_id(id, session_id);
    writing = true;
    if (s->cb != NULL) {
        write_to_callback(s, level, id, text);
    } else {
        write_to_fd(s, level, id, text);
    }
    writing = false;
    errno = saved_errno;
}
