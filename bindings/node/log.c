#include "module.h"

#include <pthread.h>
#include <strings.h>

/* The kernel's log to a JavaScript callback, in batches. The sink belongs to the process, as the library's
 * does: the last initKernelLogging wins, of whatever environment. The library's callback, on any thread, only
 * puts lines into a list. */

#define QUEUE_MAX 4096

typedef struct line {
    struct line *next;
    const char *level; /* static */
    char *message;
    char target[];
} line;

typedef struct sink { /* one per callback given to us; freed when its threadsafe function ends */
    napi_threadsafe_function function;
} sink;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* for all below */
static sink *current; /* NULL: none, or its environment is gone */
static bool installed;
static bool signalled; /* the current sink was told that there is something */
static line *oldest;
static line **newest = &oldest;
static size_t queued, dropped;
static size_t level_now; /* index in levels; 0 until a callback is there */

static const char *const levels[] = {"off", "error", "warn", "info", "debug", "trace"};

#define LEVEL_WARN 2

static size_t level_index(const char *word) {
    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++) {
        if (strcasecmp(word, levels[i]) == 0) {
            return i;
        }
    }
    return LEVEL_WARN;
}

static const char *known_level(const char *word) {
    return levels[level_index(word)];
}

static line *new_line(const char *level, const char *target, const char *message) {
    size_t target_len = strlen(target);
    size_t len = strlen(message);
    line *l = malloc(sizeof *l + target_len + len + 2);
    if (l != NULL) {
        l->next = NULL;
        l->level = known_level(level);
        l->message = l->target + target_len + 1;
        memcpy(l->target, target, target_len + 1);
        memcpy(l->message, message, len + 1);
    }
    return l;
}

static void free_lines(line *l) {
    while (l != NULL) {
        line *next = l->next;
        free(l);
        l = next;
    }
}

/* Any thread. */
static void on_line(const char *level, const char *target, const char *message, void *user_data) {
    (void)user_data;
    (void)pthread_mutex_lock(&lock);
    line *l = current != NULL && queued < QUEUE_MAX ? new_line(level, target, message) : NULL;
    if (l != NULL) {
        *newest = l;
        newest = &l->next;
        queued++;
    } else if (current != NULL) {
        dropped++;
    }
    if (l != NULL && !signalled) {
        signalled = napi_call_threadsafe_function(current->function, NULL, napi_tsfn_nonblocking) ==
                    napi_ok;
        if (!signalled) {
            current = NULL; /* closing: it must not be used any more */
        }
    }
    (void)pthread_mutex_unlock(&lock);
}

void log_warning(const char *message) {
    (void)pthread_mutex_lock(&lock);
    bool wanted = level_now >= LEVEL_WARN;
    (void)pthread_mutex_unlock(&lock);
    if (wanted) {
        on_line("warn", "databricks::sql::kernel", message, NULL);
    }
}

static void set_level(const char *level) {
    (void)pthread_mutex_lock(&lock);
    level_now = level_index(level);
    (void)pthread_mutex_unlock(&lock);
    (void)dbk_log_set_level(level);
}

static line *take_lines(void) {
    (void)pthread_mutex_lock(&lock);
    line *taken = oldest;
    oldest = NULL;
    newest = &oldest;
    queued = 0;
    signalled = false;
    (void)pthread_mutex_unlock(&lock);
    return taken;
}

static bool new_record(napi_env env, const line *l, napi_value *out) {
    return napi_create_object(env, out) == napi_ok &&
           napi_set_named_property(env, *out, "level", js_text(env, l->level)) == napi_ok &&
           napi_set_named_property(env, *out, "target", js_text(env, l->target)) == napi_ok &&
           napi_set_named_property(env, *out, "message", js_text(env, l->message)) == napi_ok;
}

static void hand_over(napi_env env, napi_value callback, void *ctx, void *data) {
    (void)ctx;
    (void)data;
    napi_value args[2] = {0};
    napi_value error = NULL;
    uint32_t count = 0;
    line *lines = take_lines();
    if (env != NULL && lines != NULL && napi_create_array(env, &args[1]) == napi_ok) {
        for (const line *l = lines; l != NULL; l = l->next) {
            napi_value record = NULL;
            if (new_record(env, l, &record)) {
                (void)napi_set_element(env, args[1], count++, record);
            }
        }
        args[0] = js_null(env);
        if (napi_call_function(env, js_undefined(env), callback, 2, args, NULL) != napi_ok &&
            napi_get_and_clear_last_exception(env, &error) == napi_ok) {
            (void)napi_fatal_exception(env, error); /* uncaughtException */
        }
    }
    free_lines(lines);
}

/* The threadsafe function ends: its environment does, or another callback took its place. */
static void sink_gone(napi_env env, void *data, void *hint) {
    (void)env;
    (void)hint;
    (void)pthread_mutex_lock(&lock);
    if (current == data) {
        current = NULL;
    }
    (void)pthread_mutex_unlock(&lock);
    free(data);
}

static void install(sink *s, const char *level) {
    (void)pthread_mutex_lock(&lock);
    if (current != NULL) {
        (void)napi_release_threadsafe_function(current->function, napi_tsfn_abort);
    }
    current = s;
    signalled = false; /* lines that wait go to the new one with the next line */
    bool first = !installed;
    installed = true;
    (void)pthread_mutex_unlock(&lock);
    if (first) {
        (void)kernel_init_logging_callback(level, on_line, NULL);
    }
    set_level(level);
}

napi_value init_kernel_logging(napi_env env, napi_callback_info info) {
    call c = call_begin(env, info);
    napi_valuetype type = napi_undefined;
    char *level = NULL;
    (void)napi_typeof(env, c.args[0], &type);
    if (type != napi_function) {
        throw_error(env, "InvalidArg",
                    "Create threadsafe function in ThreadsafeFunction::create failed");
        return NULL;
    }
    if (!read_text(env, c.args[1], "", &level, NULL)) {
        return NULL;
    }
    sink *s = calloc(1, sizeof *s);
    if (s == NULL ||
        napi_create_threadsafe_function(env, c.args[0], NULL, js_text(env, "dbkernel log"), 0, 1, s,
                                        sink_gone, NULL, hand_over, &s->function) != napi_ok) {
        free(s);
        free(level);
        throw_error(env, "GenericFailure", "Failed to create a threadsafe function");
        return NULL;
    }
    (void)napi_unref_threadsafe_function(env, s->function); /* a log keeps no process alive */
    install(s, known_level(level));
    free(level);
    return js_undefined(env);
}

napi_value set_kernel_log_level(napi_env env, napi_callback_info info) {
    call c = call_begin(env, info);
    char *level = NULL;
    if (!read_text(env, c.args[0], "", &level, NULL)) {
        return NULL;
    }
    set_level(known_level(level));
    free(level);
    return js_undefined(env);
}

napi_value kernel_logging_stats(napi_env env, napi_callback_info info) {
    (void)info;
    napi_value stats = NULL;
    napi_value is_installed = NULL;
    napi_value count = NULL;
    (void)pthread_mutex_lock(&lock);
    bool there = installed;
    size_t lost = dropped;
    (void)pthread_mutex_unlock(&lock);
    (void)napi_create_object(env, &stats);
    (void)napi_get_boolean(env, there, &is_installed);
    (void)napi_create_double(env, (double)lost, &count);
    (void)napi_set_named_property(env, stats, "installed", is_installed);
    (void)napi_set_named_property(env, stats, "dropped", count);
    return stats;
}
