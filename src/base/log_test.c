#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- stderr and files, seen by the test ---- */

typedef struct capture {
    int saved;
    FILE *file;
    char text[64 * 1024];
} capture;

static capture caught;

static void capture_start(void) {
    caught.file = tmpfile();
    CHECK(caught.file != NULL);
    (void)fflush(stderr);
    caught.saved = dup(STDERR_FILENO);
    CHECK(caught.saved >= 0 && dup2(fileno(caught.file), STDERR_FILENO) >= 0);
}

/* What was written to stderr since capture_start. */
static const char *capture_end(void) {
    (void)dup2(caught.saved, STDERR_FILENO);
    (void)close(caught.saved);
    rewind(caught.file);
    size_t n = fread(caught.text, 1, sizeof caught.text - 1, caught.file);
    caught.text[n] = '\0';
    (void)fclose(caught.file);
    return caught.text;
}

typedef struct temp_file {
    char path[64];
    char text[256 * 1024];
} temp_file;

static temp_file temp;

static const char *temp_path(void) {
    (void)snprintf(temp.path, sizeof temp.path, "/tmp/dbk_log_test_XXXXXX");
    int fd = mkstemp(temp.path);
    CHECK(fd >= 0);
    (void)close(fd);
    return temp.path;
}

static const char *temp_read(void) {
    FILE *f = fopen(temp.path, "r");
    CHECK(f != NULL);
    size_t n = fread(temp.text, 1, sizeof temp.text - 1, f);
    temp.text[n] = '\0';
    (void)fclose(f);
    return temp.text;
}

/* ---- a callback that remembers ---- */

typedef struct record {
    int calls;
    char level[16];
    char target[64];
    char message[2048];
    bool nested; /* the callback logs itself */
} record;

static void remember(const char *level, const char *target, const char *message, void *user_data) {
    record *r = user_data;
    r->calls++;
    (void)snprintf(r->level, sizeof r->level, "%s", level);
    (void)snprintf(r->target, sizeof r->target, "%s", target);
    (void)snprintf(r->message, sizeof r->message, "%s", message);
    if (r->nested) {
        DBK_LOG(ERROR, NULL, "from inside the callback");
    }
}

static void other_callback(const char *level, const char *target, const char *message,
                           void *user_data) {
    remember(level, target, message, user_data);
}

static void clean_start(void) {
    dbk_log_reset_for_tests();
    (void)unsetenv("DBK_LOG");
    (void)unsetenv("RUST_LOG");
    (void)unsetenv("NO_COLOR");
}

static int level_now(void) {
    return atomic_load(&dbk_log_level_now);
}

/* Without the timestamp, which must have its shape: "2026-11-21T00:17:24.425497Z". */
static const char *without_time(const char *line) {
    static const char shape[] = "dddd-dd-ddTdd:dd:dd.ddddddZ";
    for (size_t i = 0; i < sizeof shape - 1; i++) {
        CHECK(shape[i] == 'd' ? line[i] >= '0' && line[i] <= '9' : line[i] == shape[i]);
    }
    return line + sizeof shape - 1;
}

/* ---- levels ---- */

DBK_TEST(log_parse_level) {
    static const struct {
        const char *text;
        bool ok;
        dbk_log_level want;
    } rows[] = {
        {"off", true, DBK_LOG_OFF},     {"error", true, DBK_LOG_ERROR},
        {"WARN", true, DBK_LOG_WARN},   {"Info", true, DBK_LOG_INFO},
        {"debug", true, DBK_LOG_DEBUG}, {"trace", true, DBK_LOG_TRACE},
        {"0", true, DBK_LOG_OFF},       {"3", true, DBK_LOG_INFO},
        {"5", true, DBK_LOG_TRACE},     {"6", false, DBK_LOG_INFO},
        {"-1", false, DBK_LOG_INFO},    {"33", false, DBK_LOG_INFO},
        {"", false, DBK_LOG_INFO},      {"warning", false, DBK_LOG_INFO},
        {" info", false, DBK_LOG_INFO}, {"LOUD", false, DBK_LOG_INFO},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        dbk_log_level level = DBK_LOG_INFO;
        CHECK_CASE(rows[i].text);
        CHECK_EQ_I64(dbk_log_parse_level(rows[i].text, &level), rows[i].ok);
        CHECK_EQ_I64(level, rows[i].want);
    }
}

DBK_TEST(log_level_from_environment) {
    static const char ours[] = "databricks::sql::kernel";
    static const struct {
        const char *name, *level, *dbk_log, *rust_log;
        dbk_log_level want;
        const char *note;
    } rows[] = {
        {"nothing set", NULL, NULL, NULL, DBK_LOG_WARN, ""},
        {"L4 RUST_LOG", NULL, NULL, "debug", DBK_LOG_DEBUG, ""},
        {"L4 explicit wins", "info", "trace", "trace", DBK_LOG_INFO, ""},
        {"empty level is none", "", NULL, "debug", DBK_LOG_DEBUG, ""},
        {"DBK_LOG first", NULL, "error", "trace", DBK_LOG_ERROR, ""},
        {"empty DBK_LOG is unset", NULL, "", "trace", DBK_LOG_TRACE, ""},
        {"our target", NULL, NULL, "hyper=trace,databricks::sql::kernel=info", DBK_LOG_INFO, ""},
        {"our target beats a bare one", NULL, NULL, "databricks::sql::kernel=error,trace",
         DBK_LOG_ERROR, ""},
        {"bare one before", NULL, NULL, "trace, databricks::sql::kernel = error ", DBK_LOG_ERROR,
         ""},
        {"target alone", NULL, NULL, "databricks::sql::kernel", DBK_LOG_TRACE, ""},
        {"others only", NULL, NULL, "hyper=trace,reqwest", DBK_LOG_WARN, ""},
        {"bad level for us", NULL, NULL, "databricks::sql::kernel=loud", DBK_LOG_WARN, ""},
        {"commas", NULL, NULL, ",,info,", DBK_LOG_INFO, ""},
        {"L14 unknown", "LOUD", NULL, "trace", DBK_LOG_WARN,
         "ignoring 'databricks::sql::kernel=loud': error parsing level filter: expected one of "
         "\"off\", \"error\", \"warn\", \"info\", \"debug\", \"trace\", or a number 0-5\n"},
        {"unknown with control bytes", "a\n\x1b[1mb", NULL, NULL, DBK_LOG_WARN,
         "ignoring 'databricks::sql::kernel=a??[1mb': error"},
        {"DBK_LOG unknown", NULL, "loud", "trace", DBK_LOG_WARN, "ignoring 'DBK_LOG=loud': error"},
    };
    CHECK_EQ_SIZE(strlen(ours), 23);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        dbk_error err = {0};
        record r = {0};
        CHECK_CASE(rows[i].name);
        clean_start();
        CHECK(rows[i].dbk_log == NULL || setenv("DBK_LOG", rows[i].dbk_log, 1) == 0);
        CHECK(rows[i].rust_log == NULL || setenv("RUST_LOG", rows[i].rust_log, 1) == 0);
        capture_start();
        dbk_status st = dbk_log_init_callback(rows[i].level, remember, &r, &err);
        const char *note = capture_end();
        CHECK_OK(st, &err);
        CHECK_EQ_I64(level_now(), (int)rows[i].want);
        CHECK(rows[i].note[0] != '\0' || note[0] == '\0');
        CHECK_CONTAINS(note, rows[i].note);
    }
    clean_start();
}

DBK_TEST(log_off_installs_nothing) {
    dbk_error err = {0};
    record r = {0};
    clean_start();
    CHECK_OK(dbk_log_init("OFF", "/nonexistent/x", &err), &err);
    CHECK_OK(dbk_log_init("off", "\xff", &err), &err);
    CHECK_OK(dbk_log_init_callback("0", remember, &r, &err), &err);
    CHECK(setenv("RUST_LOG", "off", 1) == 0);
    CHECK_OK(dbk_log_init(NULL, NULL, &err), &err);
    CHECK_EQ_I64(level_now(), DBK_LOG_OFF);
    CHECK_OK(dbk_log_init_callback("info", remember, &r, &err), &err); /* the slot was still free */
    DBK_LOG(INFO, NULL, "hello");
    CHECK_EQ_I64(r.calls, 1);
    clean_start();
}

DBK_TEST(log_silent_by_default) {
    int evaluated = 0;
    clean_start();
    capture_start();
    DBK_LOG(ERROR, "s", "nobody listens %d", ++evaluated);
    dbk_log_write(DBK_LOG_ERROR, NULL, "not even directly");
    CHECK_STR(capture_end(), "");
    CHECK_EQ_I64(evaluated, 0);
}

DBK_TEST(log_set_level_text) {
    dbk_error err = {0};
    record r = {0};
    clean_start();
    CHECK_OK(dbk_log_init_callback("warn", remember, &r, &err), &err);
    DBK_LOG(INFO, NULL, "no");
    CHECK_OK(dbk_log_set_level_text("INFO", &err), &err);
    DBK_LOG(INFO, NULL, "yes");
    CHECK_EQ_I64(r.calls, 1);
    CHECK_FAILS(dbk_log_set_level_text("loud", &err), &err, DBK_INVALID_ARGUMENT,
                "unknown log level: expected one of \"off\", \"error\"");
    CHECK_EQ_I64(dbk_log_set_level_text(NULL, &err), DBK_INVALID_ARGUMENT);
    CHECK_EQ_I64(level_now(), DBK_LOG_INFO);
    CHECK_OK(dbk_log_set_level_text("off", &err), &err);
    DBK_LOG(ERROR, NULL, "no");
    dbk_log_write(DBK_LOG_ERROR, NULL, "no");
    CHECK_EQ_I64(r.calls, 1);
    dbk_error_reset(&err);
    clean_start();
}

/* ---- who installs first: logging.md section 2, row by row ---- */

DBK_TEST(log_init_twice_gives_the_first_outcome) {
    dbk_error err = {0};
    clean_start();
    capture_start();
    CHECK_OK(dbk_log_init("error", NULL, &err), &err);
    CHECK_OK(dbk_log_init("trace", "/nonexistent/x", &err), &err); /* ignored */
    CHECK_OK(dbk_log_init("LOUD", NULL, &err), &err);              /* ignored, no note */
    CHECK_EQ_I64(level_now(), DBK_LOG_ERROR);
    CHECK_STR(capture_end(), "");
    clean_start();
}

DBK_TEST(log_file_that_cannot_be_opened) {
    static const char message[] =
        "kernel_init_logging: the requested log file could not be opened; "
        "kernel logs fell back to stderr";
    dbk_error err = {0};
    record r = {0};
    clean_start();
    capture_start();
    dbk_status first = dbk_log_init("info", "/nonexistent/x", &err);
    CHECK_STR(dbk_error_message(&err), message);
    dbk_error_reset(&err);
    dbk_status second = dbk_log_init("info", NULL, &err);
    CHECK_STR(dbk_error_message(&err), message);
    DBK_LOG(INFO, NULL, "still heard");
    const char *text = capture_end();
    CHECK_EQ_I64(first, DBK_INTERNAL);
    CHECK_EQ_I64(second, DBK_INTERNAL);
    static const char note[] =
        "databricks-sql-kernel: failed to open log file /nonexistent/x: No such "
        "file or directory (os error 2); falling back to stderr\n";
    CHECK_MEM(text, note, sizeof note - 1);
    CHECK_STR(without_time(text + sizeof note - 1), "  INFO still heard\n");
    CHECK_FAILS(dbk_log_init_callback("info", remember, &r, &err), &err, DBK_INTERNAL,
                "kernel_init_logging_callback: a file/stderr log sink was already installed by an "
                "earlier kernel_init_logging; the callback was NOT installed and will receive no "
                "records (first initializer wins)");
    dbk_error_reset(&err);
    clean_start();
}

DBK_TEST(log_init_refuses_bad_arguments) {
    dbk_error err = {0};
    clean_start();
    CHECK_FAILS(dbk_log_init("info", "/tmp/\xff", &err), &err, DBK_INVALID_ARGUMENT,
                "log file path is not valid UTF-8");
    CHECK_FAILS(dbk_log_init_callback("info", NULL, NULL, &err), &err, DBK_INVALID_ARGUMENT,
                "kernel log callback must not be NULL");
    CHECK_EQ_I64(level_now(), DBK_LOG_OFF);
    dbk_error_reset(&err);
}

DBK_TEST(log_init_callback_first_wins) {
    dbk_error err = {0};
    record a = {0};
    record b = {0};
    static const char different[] = "a different callback sink was already installed";
    clean_start();
    CHECK_OK(dbk_log_init_callback("info", remember, &a, &err), &err);
    CHECK_OK(dbk_log_init_callback("trace", remember, &a, &err), &err); /* the same again */
    CHECK_EQ_I64(level_now(), DBK_LOG_INFO);
    CHECK_FAILS(dbk_log_init_callback("info", remember, &b, &err), &err, DBK_INTERNAL, different);
    CHECK_FAILS(dbk_log_init_callback("info", other_callback, &a, &err), &err, DBK_INTERNAL,
                different);
    CHECK_CONTAINS(dbk_error_message(&err), "(first initializer wins)");
    CHECK_FAILS(dbk_log_init("info", NULL, &err), &err, DBK_INTERNAL,
                "kernel_init_logging: a callback log sink was already installed by an earlier "
                "kernel_init_logging_callback; this file/stderr request had no effect (first "
                "initializer wins)");
    DBK_LOG(INFO, NULL, "x");
    CHECK_EQ_I64(a.calls, 1);
    CHECK_EQ_I64(b.calls, 0);
    dbk_error_reset(&err);
    clean_start();
}

DBK_TEST(log_replace_callback_last_wins) {
    dbk_error err = {0};
    record a = {0};
    record b = {0};
    clean_start();
    CHECK_OK(dbk_log_init_callback("info", remember, &a, &err), &err);
    capture_start();
    CHECK_OK(dbk_log_replace_callback("LOUD", remember, &b, &err), &err);
    CHECK_STR(capture_end(), "");
    CHECK_EQ_I64(level_now(), DBK_LOG_WARN);
    CHECK_OK(dbk_log_replace_callback("debug", remember, &b, &err), &err);
    DBK_LOG(DEBUG, NULL, "x");
    CHECK_EQ_I64(a.calls, 0);
    CHECK_EQ_I64(b.calls, 1);
    CHECK_OK(dbk_log_replace_callback("debug", NULL, NULL, &err), &err);
    DBK_LOG(ERROR, NULL, "x");
    CHECK_EQ_I64(b.calls, 1);
    CHECK_OK(dbk_log_init_callback("info", remember, &a, &err), &err); /* free again */
    clean_start();
}

DBK_OOM_TEST(log_init_oom) {
    static record r;
    clean_start();
    dbk_status st = dbk_log_init_callback("info", remember, &r, err);
    if (st == DBK_OK) {
        st = dbk_log_replace_callback("info", other_callback, &r, err);
    } else {
        CHECK_EQ_I64(level_now(), DBK_LOG_OFF);
    }
    clean_start();
    return st;
}

/* ---- records ---- */

DBK_TEST(log_line_formats) {
    static const struct {
        const char *name, *session, *text, *line, *message;
    } rows[] = {
        {"plain", NULL, "hello", "  INFO hello\n", "hello"},
        {"empty session", "", "hello", "  INFO hello\n", "hello"},
        {"session", "sess-3264", "hello", "  INFO kernel.session{session_id=sess-3264}: hello\n",
         "hello session_id=sess-3264"},
        {"empty text", NULL, "", "  INFO \n", ""},
        {"one line", "a\nb", "x\r\ny\x1b[0m", "  INFO kernel.session{session_id=a b}: x  y [0m\n",
         "x  y [0m session_id=a b"},
        {"UTF-8 stays", NULL, "\xC3\xA9", "  INFO \xC3\xA9\n", "\xC3\xA9"},
        {"other bytes do not", NULL, "\xC3\xA9\xFF", "  INFO ???\n", "???"},
        {"scrubbed", NULL, "Bearer abc https://h/p?sig=1", "  INFO Bearer *** https://h/p?***\n",
         "Bearer *** https://h/p?***"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        dbk_error err = {0};
        record r = {0};
        CHECK_CASE(rows[i].name);
        clean_start();
        CHECK_OK(dbk_log_init("info", temp_path(), &err), &err);
        DBK_LOG(INFO, rows[i].session, "%s", rows[i].text);
        CHECK_STR(without_time(temp_read()), rows[i].line);
        (void)unlink(temp.path);
        clean_start();
        CHECK_OK(dbk_log_init_callback("info", remember, &r, &err), &err);
        DBK_LOG(INFO, rows[i].session, "%s", rows[i].text);
        CHECK_STR(r.level, "info");
        CHECK_STR(r.target, "databricks::sql::kernel");
        CHECK_STR(r.message, rows[i].message);
    }
    clean_start();
}

DBK_TEST(log_levels_and_appending) {
    dbk_error err = {0};
    const char *path = temp_path();
    for (int round = 0; round < 2; round++) {
        clean_start();
        CHECK_OK(dbk_log_init("trace", path, &err), &err);
        DBK_LOG(ERROR, NULL, "1");
        DBK_LOG(WARN, NULL, "2");
        DBK_LOG(INFO, NULL, "3");
        DBK_LOG(DEBUG, NULL, "4");
        DBK_LOG(TRACE, NULL, "5");
    }
    static const char *const want[] = {" ERROR 1\n", "  WARN 2\n", "  INFO 3\n", " DEBUG 4\n",
                                       " TRACE 5\n"};
    const char *at = temp_read();
    for (size_t i = 0; i < 2 * COUNT_OF(want); i++) {
        const char *line = without_time(at);
        CHECK_MEM(line, want[i % COUNT_OF(want)], strlen(want[i % COUNT_OF(want)]));
        at = line + strlen(want[i % COUNT_OF(want)]);
    }
    CHECK_STR(at, "");
    (void)unlink(path);
    clean_start();
}

DBK_TEST(log_long_messages_are_cut) {
    static const size_t rows[] = {1022, 1023, 1024, 1025, 100000};
    static const char marker[] = "\xE2\x80\xA6[truncated]";
    static char text[100001];
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        dbk_error err = {0};
        record r = {0};
        memset(text, 'x', rows[i]);
        text[rows[i]] = '\0';
        clean_start();
        CHECK_OK(dbk_log_init_callback("info", remember, &r, &err), &err);
        DBK_LOG(INFO, NULL, "%s", text);
        if (rows[i] < 1024) {
            CHECK_STR(r.message, text);
        } else {
            CHECK_EQ_SIZE(strlen(r.message), 1023);
            CHECK_STR(r.message + 1023 - (sizeof marker - 1), marker);
        }
    }
    clean_start();
}

DBK_TEST(log_cut_message_keeps_characters_and_secrets_safe) {
    dbk_error err = {0};
    record r = {0};
    char text[1200];
    clean_start();
    CHECK_OK(dbk_log_init_callback("info", remember, &r, &err), &err);
    for (size_t n = 960; n < 1024; n++) {
        /* A secret that is cut at every place, so late that its end is missing. */
        memset(text, 'x', n);
        (void)snprintf(text + n, sizeof text - n, " https://user:hunter2hunter2@host/ %0100d", 1);
        DBK_LOG(INFO, NULL, "%s", text);
        CHECK(strstr(r.message, "hunter") == NULL);
        CHECK_CONTAINS(r.message, "[truncated]");
        /* A character of three bytes there. */
        (void)snprintf(text + n, sizeof text - n, "\xE2\x82\xAC\xE2\x82\xAC\xE2\x82\xAC%0100d", 1);
        DBK_LOG(INFO, NULL, "%s", text);
        CHECK(dbk_utf8_valid(dbk_slice_of(r.message)));
        CHECK(strchr(r.message, '?') == NULL);
    }
    clean_start();
}

DBK_TEST(log_secrets_never_appear) { /* L7 */
    static const char *const rows[] = {
        "token dapi0123456789abcdef",
        "client_secret=hunter2hunter2",
        "proxy http://user:hunter2@proxy:3128",
        "GET https://b.s3.amazonaws.com/x?X-Amz-Signature=hunter2&X-Amz-Date=1",
        "Authorization: Bearer hunter2",
        "{\"refresh_token\":\"hunter2\"}",
    };
    dbk_error err = {0};
    record r = {0};
    clean_start();
    CHECK_OK(dbk_log_init_callback("trace", remember, &r, &err), &err);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CHECK_CASE(rows[i]);
        DBK_LOG(TRACE, rows[i], "%s", rows[i]);
        CHECK(strstr(r.message, "hunter2") == NULL);
        CHECK(strstr(r.message, "0123456789") == NULL);
    }
    clean_start();
}

DBK_TEST(log_callback_that_logs_is_not_served) { /* L10 */
    dbk_error err = {0};
    record r = {.nested = true};
    clean_start();
    CHECK_OK(dbk_log_init_callback("trace", remember, &r, &err), &err);
    DBK_LOG(WARN, NULL, "outer");
    CHECK_EQ_I64(r.calls, 1);
    CHECK_STR(r.message, "outer");
    DBK_LOG(WARN, NULL, "next");
    CHECK_EQ_I64(r.calls, 2);
    clean_start();
}

DBK_TEST(log_keeps_errno) {
    dbk_error err = {0};
    clean_start();
    CHECK_OK(dbk_log_init("info", "/dev/full", &err), &err); /* every write fails */
    errno = EDOM;
    DBK_LOG(INFO, NULL, "lost");
    CHECK_EQ_I64(errno, EDOM);
    clean_start();
}

DBK_TEST(log_colours_only_on_a_terminal) { /* L13 */
    static const struct {
        const char *name, *no_color;
        bool terminal, colours;
    } rows[] = {
        {"file", NULL, false, false},
        {"terminal", NULL, true, true},
        {"terminal, NO_COLOR empty", "", true, true},
        {"terminal, NO_COLOR", "1", true, false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        dbk_error err = {0};
        char text[512] = "";
        CHECK_CASE(rows[i].name);
        clean_start();
        CHECK(rows[i].no_color == NULL || setenv("NO_COLOR", rows[i].no_color, 1) == 0);
        int master = posix_openpt(O_RDWR | O_NOCTTY);
        if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0) {
            return; /* no pseudo terminals on this machine */
        }
        int terminal = open(ptsname(master), O_RDWR | O_NOCTTY);
        CHECK(terminal >= 0);
        capture_start();
        if (rows[i].terminal) {
            (void)dup2(terminal, STDERR_FILENO);
        }
        dbk_status st = dbk_log_init("info", NULL, &err);
        DBK_LOG(WARN, NULL, "hello");
        const char *seen = capture_end();
        CHECK_OK(st, &err);
        if (rows[i].terminal) {
            ssize_t n = read(master, text, sizeof text - 1);
            CHECK(n > 0);
            seen = text;
        }
        CHECK_CONTAINS(seen, "hello");
        CHECK_EQ_I64(strstr(seen, "\x1b[33m WARN\x1b[0m hello") != NULL, rows[i].colours);
        CHECK_EQ_I64(strchr(seen, '\x1b') != NULL, rows[i].colours);
        (void)close(terminal);
        (void)close(master);
    }
    clean_start();
}

/* ---- threads and processes ---- */

enum { THREADS = 16, LINES = 100 };

static void *log_lines(void *arg) {
    const int *id = arg;
    for (int i = 0; i < LINES; i++) {
        DBK_LOG(INFO, "sess", "thread %02d line %03d", *id, i);
    }
    return NULL;
}

DBK_TEST(log_threads_do_not_tear_lines) { /* L5 */
    dbk_error err = {0};
    pthread_t threads[THREADS];
    int ids[THREADS];
    bool seen[THREADS][LINES] = {{false}};
    clean_start();
    CHECK_OK(dbk_log_init("info", temp_path(), &err), &err);
    for (int i = 0; i < THREADS; i++) {
        ids[i] = i;
        CHECK(pthread_create(&threads[i], NULL, log_lines, &ids[i]) == 0);
    }
    for (int i = 0; i < THREADS; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    const char *at = temp_read();
    for (int i = 0; i < THREADS * LINES; i++) {
        int thread = -1;
        int line = -1;
        int used = 0;
        at = without_time(at);
        CHECK(sscanf(at, "  INFO kernel.session{session_id=sess}: thread %d line %d%n", &thread,
                     &line, &used) == 2);
        CHECK(thread >= 0 && thread < THREADS && line >= 0 && line < LINES);
        CHECK(!seen[thread][line] && at[used] == '\n');
        seen[thread][line] = true;
        at += used + 1;
    }
    CHECK_STR(at, "");
    (void)unlink(temp.path);
    clean_start();
}

static record race_records[THREADS];
static atomic_int race_winners;

static void *race(void *arg) {
    dbk_error err = {0};
    if (dbk_log_init_callback("info", remember, arg, &err) == DBK_OK) {
        atomic_fetch_add(&race_winners, 1);
    }
    dbk_error_reset(&err);
    return NULL;
}

DBK_TEST(log_init_race_has_one_winner) {
    pthread_t threads[THREADS];
    clean_start();
    atomic_store(&race_winners, 0);
    for (size_t i = 0; i < THREADS; i++) {
        CHECK(pthread_create(&threads[i], NULL, race, &race_records[i]) == 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    CHECK_EQ_I64(atomic_load(&race_winners), 1);
    DBK_LOG(INFO, NULL, "x");
    int calls = 0;
    for (size_t i = 0; i < THREADS; i++) {
        calls += race_records[i].calls;
    }
    CHECK_EQ_I64(calls, 1);
    clean_start();
}

DBK_TEST(log_works_in_a_forked_child) {
    dbk_error err = {0};
    clean_start();
    CHECK_OK(dbk_log_init("info", temp_path(), &err), &err);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        DBK_LOG(INFO, NULL, "child");
        _exit(0);
    }
    int status = -1;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    DBK_LOG(INFO, NULL, "parent");
    const char *text = temp_read();
    CHECK_CONTAINS(text, "  INFO child\n");
    CHECK_CONTAINS(text, "  INFO parent\n");
    (void)unlink(temp.path);
    clean_start();
}
