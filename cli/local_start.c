#include "local_start.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool usable(const char *folder, const char *file, int mode) {
    cli_buf path = {0};
    cli_buf_addf(&path, "%s/%s", folder, file);
    bool ok = access(cli_buf_str(&path), mode) == 0;
    cli_buf_reset(&path);
    return ok;
}

/* The repository: dbk is in build/ or in build/cmake/<preset>/. NULL: dbk stands somewhere else. */
static char *find_root(void) {
    char path[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", path, sizeof path - 1);
    if (len <= 0) {
        return NULL;
    }
    path[len] = '\0';
    for (int level = 0; level < 5; level++) {
        char *slash = strrchr(path, '/');
        if (slash == NULL || slash == path) {
            return NULL;
        }
        *slash = '\0';
        if (usable(path, "warehouse/__main__.py", R_OK)) {
            return cli_strdup(path);
        }
    }
    return NULL;
}

static char *find_python(const char *root) {
    const char *chosen = getenv("DBK_WAREHOUSE_PYTHON");
    if (chosen != NULL && chosen[0] != '\0') {
        return cli_strdup(chosen);
    }
    if (root != NULL && usable(root, ".venv/bin/python", X_OK)) {
        cli_buf path = {0};
        cli_buf_addf(&path, "%s/.venv/bin/python", root);
        (void)cli_buf_str(&path);
        return path.ptr;
    }
    return cli_strdup("python3");
}

void cli_start_prepare(cli_start *start, const char *directory) {
    cli_buf state = {0};
    cli_buf log = {0};
    cli_buf_addf(&state, "%s/warehouse.json", directory);
    cli_buf_addf(&log, "%s/warehouse.log", directory);
    (void)cli_buf_str(&state);
    (void)cli_buf_str(&log);
    char *root = find_root();
    *start = (cli_start){.python = find_python(root),
                         .root = root,
                         .state_path = state.ptr,
                         .log_path = log.ptr,
                         .pid = -1};
}

void cli_start_reset(cli_start *start) {
    free(start->python);
    free(start->root);
    free(start->state_path);
    free(start->log_path);
    *start = (cli_start){0};
}

/* This environment with the root in front of PYTHONPATH; the copy and its last entry are owned. */
static char **make_environment(const char *root) {
    static const char name[] = "PYTHONPATH=";
    size_t count = 0;
    while (environ[count] != NULL) {
        count++;
    }
    char **copy = cli_alloc(count + 2, sizeof *copy);
    const char *old = getenv("PYTHONPATH");
    cli_buf path = {0};
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        bool replaced = root != NULL && strncmp(environ[i], name, sizeof name - 1) == 0;
        /* a token for a real workspace is no business of the warehouse */
        if (!replaced && strncmp(environ[i], "DATABRICKS_", 11) != 0) {
            copy[kept++] = environ[i];
        }
    }
    if (root != NULL) {
        bool more = old != NULL && old[0] != '\0';
        cli_buf_addf(&path, "%s%s%s%s", name, root, more ? ":" : "", more ? old : "");
        (void)cli_buf_str(&path);
        copy[kept] = path.ptr;
    }
    return copy;
}

static int add_files(posix_spawn_file_actions_t *files, const cli_start *start) {
    int failed = posix_spawn_file_actions_addopen(files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (failed == 0) {
        failed = posix_spawn_file_actions_addopen(files, STDOUT_FILENO, start->log_path,
                                                  O_WRONLY | O_CREAT | O_TRUNC, 0600);
    }
    if (failed == 0) {
        failed = posix_spawn_file_actions_adddup2(files, STDOUT_FILENO, STDERR_FILENO);
    }
    if (failed == 0 && start->root != NULL) {
        failed = posix_spawn_file_actions_addchdir_np(files, start->root);
    }
    return failed;
}

/* Its own session, no blocked signals, none ignored: as if started from a fresh shell. */
static int add_attributes(posix_spawnattr_t *attributes) {
    sigset_t none;
    sigset_t all;
    (void)sigemptyset(&none);
    (void)sigfillset(&all);
    (void)posix_spawnattr_setsigmask(attributes, &none);
    (void)posix_spawnattr_setsigdefault(attributes, &all);
    return posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK |
                                                    POSIX_SPAWN_SETSIGDEF);
}

int cli_start_run(cli_start *start) {
    char minus_m[] = "-m", package[] = "warehouse", port[] = "--port", zero[] = "0";
    char port_file[] = "--port-file", idle[] = "--idle-exit", limit[] = "600";
    /* By its path: that is how Python finds the environment it belongs to. */
    char *const arguments[] = {start->python, minus_m,           package, port,  zero,
                               port_file,     start->state_path, idle,    limit, NULL};
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    char **environment = make_environment(start->root);
    int failed = posix_spawn_file_actions_init(&files);
    if (failed == 0) {
        failed = posix_spawnattr_init(&attributes);
        if (failed == 0) {
            failed = add_files(&files, start);
            failed = failed == 0 ? add_attributes(&attributes) : failed;
            if (failed == 0) {
                failed = posix_spawnp(&start->pid, start->python, &files, &attributes, arguments,
                                      environment);
            }
            (void)posix_spawnattr_destroy(&attributes);
        }
        (void)posix_spawn_file_actions_destroy(&files);
    }
    size_t last = 0;
    while (environment[last] != NULL) {
        last++;
    }
    if (start->root != NULL) {
        free(environment[last - 1]);
    }
    free(environment);
    return failed;
}

void cli_start_log_tail(const cli_start *start, size_t lines, cli_buf *out) {
    cli_buf text = {0};
    int fd = open(start->log_path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return;
    }
    if (lseek(fd, -65536, SEEK_END) < 0) {
        (void)lseek(fd, 0, SEEK_SET);
    }
    (void)cli_read_all(fd, &text);
    (void)close(fd);
    size_t at = text.len;
    while (at > 0 && text.ptr[at - 1] == '\n') {
        at--;
    }
    size_t end = at;
    for (; at > 0; at--) {
        if (text.ptr[at - 1] == '\n' && --lines == 0) {
            break;
        }
    }
    cli_buf_add(out, text.ptr + at, end - at);
    cli_buf_reset(&text);
}
