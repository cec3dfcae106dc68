#include "local.h"

#include "local_start.h"
#include "watch.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { START_LIMIT_MS = 20000, LOCK_LIMIT_MS = 30000, CONNECT_LIMIT_MS = 1000, LOOK_EVERY_MS = 50 };

/* ---- the state file ---- */

static bool read_state(const char *path, cli_target *target, int64_t *pid) {
    cli_buf text = {0};
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    bool ok = fd >= 0 && cli_read_all(fd, &text) == 0 &&
              cli_local_parse_state(cli_buf_str(&text), text.len, target, pid);
    if (fd >= 0) {
        (void)close(fd);
    }
    cli_buf_reset(&text);
    return ok;
}

/* Does somebody accept connections there? */
static bool answers(const char *url) {
    char host[256];
    uint16_t port = 0;
    char service[8];
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST};
    struct addrinfo *address = NULL;
    if (!cli_local_parse_url(url, host, &port)) {
        return false;
    }
    (void)snprintf(service, sizeof service, "%u", (unsigned)port);
    if (getaddrinfo(strcmp(host, "localhost") == 0 ? "127.0.0.1" : host, service, &hints,
                    &address) != 0) {
        return false;
    }
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    bool ok = fd >= 0 && connect(fd, address->ai_addr, address->ai_addrlen) == 0;
    if (fd >= 0 && !ok && errno == EINPROGRESS) {
        struct pollfd wait = {.fd = fd, .events = POLLOUT};
        int failed = 0;
        socklen_t size = sizeof failed;
        ok = poll(&wait, 1, CONNECT_LIMIT_MS) == 1 &&
             getsockopt(fd, SOL_SOCKET, SO_ERROR, &failed, &size) == 0 && failed == 0;
    }
    freeaddrinfo(address);
    if (fd >= 0) {
        (void)close(fd);
    }
    return ok;
}

static bool find_running(const char *state_path, cli_target *target) {
    int64_t pid = 0;
    if (!read_state(state_path, target, &pid)) {
        return false;
    }
    return (kill((pid_t)pid, 0) == 0 || errno == EPERM) && answers(target->host);
}

/* ---- the directory ---- */

/* A directory of this user alone: what stands in it is believed, and it holds a token. */
static bool make_directory(cli_buf *directory, cli_fault *fault) {
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    struct stat st;
    cli_buf_addf(directory, "%s/dbkernel-%u",
                 runtime != NULL && runtime[0] == '/' ? runtime : "/tmp", (unsigned)getuid());
    const char *path = cli_buf_str(directory);
    if (mkdir(path, 0700) != 0 && errno != EEXIST) {
        cli_fault_set(fault, CLI_EXIT_CONNECTION, "cannot make the directory %s: %s", path,
                      strerror(errno));
        return false;
    }
    if (lstat(path, &st) != 0 || !S_ISDIR(st.st_mode) || st.st_uid != getuid() ||
        (st.st_mode & 077u) != 0) {
        cli_fault_set(fault, CLI_EXIT_CONNECTION,
                      "%s is not a directory that only you can use: remove it", path);
        return false;
    }
    return true;
}

static void pause_ms(int ms) {
    (void)poll(NULL, 0, ms);
}

/* Only one dbk looks and starts at a time. Returns a descriptor that holds the lock, or -1. */
static int take_lock(const char *directory, cli_fault *fault) {
    cli_buf path = {0};
    cli_buf_addf(&path, "%s/lock", directory);
    int fd = open(cli_buf_str(&path), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool locked = false;
    for (int waited = 0; fd >= 0 && !locked && waited < LOCK_LIMIT_MS && cli_watch_signal() == 0;
         waited += LOOK_EVERY_MS) {
        locked = flock(fd, LOCK_EX | LOCK_NB) == 0;
        if (!locked) {
            pause_ms(LOOK_EVERY_MS);
        }
    }
    if (!locked) {
        cli_fault_set(fault, CLI_EXIT_CONNECTION, "cannot lock %s: %s", cli_buf_str(&path),
                      strerror(errno));
        if (fd >= 0) {
            (void)close(fd);
        }
        fd = -1;
    }
    cli_buf_reset(&path);
    return fd;
}

/* ---- starting ---- */

static void failed_start(const cli_start *start, const char *what, cli_fault *fault) {
    cli_buf log = {0};
    cli_start_log_tail(start, 10, &log);
    cli_fault_set(fault, CLI_EXIT_CONNECTION, "the local warehouse %s%s%s", what,
                  log.len > 0 ? "; its log ends with:\n" : "", cli_buf_str(&log));
    log.len = 0;
    cli_buf_addf(
        &log,
        "it is started with %s -m warehouse%s%s; the whole log is %s. `make setup` installs "
        "what it needs; DBK_WAREHOUSE_PYTHON names another Python",
        start->python, start->root != NULL ? " in " : "", start->root != NULL ? start->root : "",
        start->log_path);
    fault->hint = cli_strdup(cli_buf_str(&log));
    cli_buf_reset(&log);
}

static bool wait_until_up(const cli_start *start, cli_target *target, cli_fault *fault) {
    for (int waited = 0; waited < START_LIMIT_MS; waited += LOOK_EVERY_MS) {
        int status = 0;
        int64_t pid = 0;
        if (cli_watch_signal() != 0) {
            cli_fault_set(fault, CLI_EXIT_INTERRUPTED, "interrupted");
            return false;
        }
        if (read_state(start->state_path, target, &pid) && answers(target->host)) {
            return true;
        }
        if (waitpid(start->pid, &status, WNOHANG) == start->pid) {
            failed_start(start, "ended at once", fault);
            return false;
        }
        pause_ms(LOOK_EVERY_MS);
    }
    failed_start(start, "did not come up within 20 seconds", fault);
    return false;
}

static bool start_one(const char *directory, cli_target *target, bool quiet, cli_fault *fault) {
    cli_start start = {0};
    cli_start_prepare(&start, directory);
    (void)unlink(start.state_path); /* of one that is gone */
    if (!quiet && isatty(STDERR_FILENO)) {
        (void)fputs("starting the local warehouse\n", stderr);
    }
    int failed = cli_start_run(&start);
    bool ok = false;
    if (failed != 0) {
        cli_fault_set(fault, CLI_EXIT_CONNECTION, "cannot start %s: %s", start.python,
                      strerror(failed));
        fault->hint = cli_strdup("`make setup` makes .venv with what the local warehouse needs; "
                                 "DBK_WAREHOUSE_PYTHON names another Python");
    } else {
        ok = wait_until_up(&start, target, fault);
    }
    cli_start_reset(&start);
    return ok;
}

bool cli_local_find(cli_target *target, bool quiet, cli_fault *fault) {
    cli_buf directory = {0};
    cli_buf state = {0};
    bool ok = false;
    if (make_directory(&directory, fault)) {
        int lock = take_lock(cli_buf_str(&directory), fault);
        if (lock >= 0) {
            cli_buf_addf(&state, "%s/warehouse.json", cli_buf_str(&directory));
            ok = find_running(cli_buf_str(&state), target) ||
                 start_one(cli_buf_str(&directory), target, quiet, fault);
            (void)close(lock);
        }
    }
    cli_buf_reset(&directory);
    cli_buf_reset(&state);
    return ok;
}
