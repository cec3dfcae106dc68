#include "abi_probe.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Reads commands, runs them where they say, writes answers. Every command may carry "thread": a name;
 * it then runs on that thread, in order with the others given to it, and answers when it is done. */

void probe_bad_script(const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    (void)fprintf(stderr, "abi_probe: ");
    (void)vfprintf(stderr, fmt, args);
    (void)fprintf(stderr, "\n");
    va_end(args);
    _exit(2);
}

/* ---- the library ---- */

static void *library;

void probe_load(const char *path) {
    library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        probe_bad_script("%s", dlerror());
    }
}

void probe_unload(void) {
    if (library == NULL || dlclose(library) != 0) {
        probe_bad_script("dlclose failed");
    }
    library = NULL;
}

probe_fn probe_find(const char *name) {
    probe_fn fn = NULL;
    void *symbol = library != NULL ? dlsym(library, name) : NULL;
    memcpy(&fn, &symbol, sizeof fn);
    return fn;
}

/* ---- handles ---- */

typedef struct named {
    struct named *next;
    void *handle;
    char name[];
} named;

static pthread_mutex_t handles_lock = PTHREAD_MUTEX_INITIALIZER;
static named *handles;

static named **find_name(const char *name) {
    named **at = &handles;
    while (*at != NULL && strcmp((*at)->name, name) != 0) {
        at = &(*at)->next;
    }
    return at;
}

void *probe_handle_get(const char *name) {
    pthread_mutex_lock(&handles_lock);
    const named *found = *find_name(name);
    void *handle = found != NULL ? found->handle : NULL;
    pthread_mutex_unlock(&handles_lock);
    if (found == NULL) {
        probe_bad_script("there is no handle %s", name);
    }
    return handle;
}

void probe_handle_set(const char *name, void *handle) {
    pthread_mutex_lock(&handles_lock);
    named **at = find_name(name);
    if (*at != NULL) {
        named *old = *at;
        *at = old->next;
        free(old);
    }
    if (handle != NULL) {
        named *entry = malloc(sizeof *entry + strlen(name) + 1);
        if (entry == NULL) {
            probe_bad_script("out of memory");
        }
        entry->handle = handle;
        memcpy(entry->name, name, strlen(name) + 1);
        entry->next = handles;
        handles = entry;
    }
    pthread_mutex_unlock(&handles_lock);
}

json_t *probe_handle_names(void) {
    json_t *names = json_array();
    pthread_mutex_lock(&handles_lock);
    for (const named *n = handles; n != NULL; n = n->next) {
        json_array_append_new(names, json_string(n->name));
    }
    pthread_mutex_unlock(&handles_lock);
    return names;
}

/* ---- answers ---- */

static pthread_mutex_t output_lock = PTHREAD_MUTEX_INITIALIZER;

static void write_all(const char *text, size_t len) {
    while (len > 0) {
        ssize_t n = write(STDOUT_FILENO, text, len);
        if (n < 0 && errno != EINTR) {
            _exit(3); /* nobody listens any more */
        }
        text += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
}

/* Takes answer. */
static void write_answer(json_t *answer) {
    char *text = json_dumps(answer, JSON_COMPACT);
    if (text == NULL) {
        probe_bad_script("an answer is not JSON");
    }
    size_t len = strlen(text);
    text[len] = '\n'; /* in place of the NUL: one write, one line */
    pthread_mutex_lock(&output_lock);
    write_all(text, len + 1);
    pthread_mutex_unlock(&output_lock);
    free(text);
    json_decref(answer);
}

static int64_t now_ms(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- commands ---- */

static bool in_child;

static void run(const json_t *command);

/* {"do": "fork", "commands": [...]}: the child runs them, answers and ends. */
static void run_fork(const json_t *command, json_t *answer) {
    pthread_mutex_lock(&output_lock);
    pthread_mutex_lock(&handles_lock);
    pid_t pid = fork();
    pthread_mutex_unlock(&handles_lock);
    pthread_mutex_unlock(&output_lock);
    if (pid == 0) {
        in_child = true;
        const json_t *commands = json_object_get(command, "commands");
        for (size_t i = 0; i < json_array_size(commands); i++) {
            run(json_array_get(commands, i));
        }
        _exit(0);
    }
    int status = -1;
    if (pid < 0 || waitpid(pid, &status, 0) != pid) {
        probe_bad_script("fork failed");
    }
    json_object_set_new(answer, "exit",
                        json_integer(WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status)));
}

static void run_other(const char *what, const json_t *command, json_t *answer) {
    if (strcmp(what, "drain") == 0) {
        probe_drain(command, answer);
    } else if (strcmp(what, "read") == 0 || strcmp(what, "release") == 0) {
        probe_kept(command, answer);
    } else if (strcmp(what, "fork") == 0) {
        run_fork(command, answer);
    } else if (strcmp(what, "load") == 0) {
        probe_load(json_string_value(json_object_get(command, "path")));
    } else if (strcmp(what, "unload") == 0) {
        probe_unload();
    } else if (strcmp(what, "handles") == 0) {
        json_object_set_new(answer, "handles", probe_handle_names());
    } else if (strcmp(what, "logs") == 0) {
        json_object_set_new(answer, "logs", probe_take_logs());
    } else if (strcmp(what, "records") == 0) {
        json_object_set_new(answer, "telemetry", probe_take_records());
    } else if (strcmp(what, "provider") == 0) {
        json_object_set_new(answer, "provider", probe_provider_counts());
    } else if (strcmp(what, "last_error") == 0) {
        probe_add_error(answer);
    } else {
        probe_bad_script("unknown command %s", what);
    }
}

static void run(const json_t *command) {
    json_t *answer = json_object();
    int64_t begun = now_ms();
    const char *what = json_string_value(json_object_get(command, "do"));
    json_object_set(answer, "n", json_object_get(command, "n"));
    if (json_object_get(command, "call") != NULL) {
        probe_call(command, answer);
    } else if (what != NULL) {
        run_other(what, command, answer);
    } else {
        probe_bad_script("a command has \"call\" or \"do\"");
    }
    json_object_set_new(answer, "ms", json_integer(now_ms() - begun));
    if (in_child) {
        json_object_set_new(answer, "child", json_true());
    }
    write_answer(answer);
}

/* ---- threads ---- */

typedef struct job {
    struct job *next;
    json_t *command;
} job;

typedef struct worker {
    struct worker *next;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    job *first, *last;
    bool stop;
    char name[];
} worker;

static worker *workers; /* the main thread's */

static void *work(void *arg) {
    worker *w = arg;
    pthread_mutex_lock(&w->lock);
    for (;;) {
        while (w->first == NULL && !w->stop) {
            pthread_cond_wait(&w->changed, &w->lock);
        }
        job *j = w->first;
        if (j == NULL) {
            break;
        }
        w->first = j->next;
        pthread_mutex_unlock(&w->lock);
        run(j->command);
        json_decref(j->command);
        free(j);
        pthread_mutex_lock(&w->lock);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

static worker *worker_named(const char *name) {
    worker *w = workers;
    while (w != NULL && strcmp(w->name, name) != 0) {
        w = w->next;
    }
    if (w != NULL) {
        return w;
    }
    w = calloc(1, sizeof *w + strlen(name) + 1);
    if (w == NULL) {
        probe_bad_script("out of memory");
    }
    memcpy(w->name, name, strlen(name) + 1);
    (void)pthread_mutex_init(&w->lock, NULL);
    (void)pthread_cond_init(&w->changed, NULL);
    w->next = workers;
    workers = w;
    if (pthread_create(&w->thread, NULL, work, w) != 0) {
        probe_bad_script("no thread for %s", name);
    }
    return w;
}

/* Takes command. */
static void give(worker *w, json_t *command) {
    job *j = calloc(1, sizeof *j);
    if (j == NULL) {
        probe_bad_script("out of memory");
    }
    j->command = command;
    pthread_mutex_lock(&w->lock);
    if (w->first == NULL) {
        w->first = j;
    } else {
        w->last->next = j;
    }
    w->last = j;
    pthread_cond_signal(&w->changed);
    pthread_mutex_unlock(&w->lock);
}

static void stop_workers(void) {
    while (workers != NULL) {
        worker *w = workers;
        workers = w->next;
        pthread_mutex_lock(&w->lock);
        w->stop = true;
        pthread_cond_signal(&w->changed);
        pthread_mutex_unlock(&w->lock);
        (void)pthread_join(w->thread, NULL);
        (void)pthread_mutex_destroy(&w->lock);
        (void)pthread_cond_destroy(&w->changed);
        free(w);
    }
}

/* Handles still open are the library's to report as leaks, so nothing of ours may point at them. */
static void forget_handles(void) {
    while (handles != NULL) {
        named *n = handles;
        handles = n->next;
        free(n);
    }
}

int main(int argc, char **argv) {
    char *line = NULL;
    size_t size = 0;
    if (argc > 2) {
        probe_bad_script("usage: abi_probe [library]");
    }
    if (argc == 2) {
        probe_load(argv[1]);
    }
    ssize_t len;
    while ((len = getline(&line, &size, stdin)) > 0) {
        json_error_t why;
        json_t *command = json_loadb(line, (size_t)len, JSON_ALLOW_NUL, &why);
        if (command == NULL) {
            probe_bad_script("not a JSON object: %s", why.text);
        }
        const char *thread = json_string_value(json_object_get(command, "thread"));
        if (thread != NULL) {
            give(worker_named(thread), command);
        } else {
            run(command);
            json_decref(command);
        }
    }
    free(line);
    stop_workers();
    json_decref(probe_take_logs());
    forget_handles();
    return 0;
}
