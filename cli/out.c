#include "out.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OUT_CAP = 128 * 1024 };

/* A new file beside path. An existing file lends its mode, otherwise the umask decides. */
static int open_temp(cli_out *out, const struct stat *old) {
    cli_buf name = {0};
    cli_buf_addf(&name, "%s.XXXXXX", out->path);
    (void)cli_buf_str(&name);
    int fd = mkostemp(name.ptr, O_CLOEXEC);
    if (fd < 0) {
        int failed = errno;
        cli_buf_reset(&name);
        return failed;
    }
    mode_t mask = umask(0);
    (void)umask(mask);
    (void)fchmod(fd, old != NULL ? old->st_mode & 0777u : 0666u & ~mask);
    out->fd = fd;
    out->temp_path = name.ptr;
    return 0;
}

static int open_path(cli_out *out, const char *path) {
    struct stat st;
    bool exists = stat(path, &st) == 0;
    if (exists && S_ISDIR(st.st_mode)) {
        return EISDIR;
    }
    /* A link stays a link: what it points to is replaced. */
    char *resolved = exists ? realpath(path, NULL) : NULL;
    out->path = cli_strdup(resolved != NULL ? resolved : path);
    free(resolved);
    if (!exists || S_ISREG(st.st_mode)) {
        return open_temp(out, exists ? &st : NULL);
    }
    out->fd = open(out->path, O_WRONLY | O_CLOEXEC); /* a device, a pipe */
    return out->fd < 0 ? errno : 0;
}

int cli_out_open(cli_out *out, const char *path) {
    int failed = 0;
    *out = (cli_out){.fd = -1};
    if (path == NULL || strcmp(path, "-") == 0) {
        out->fd = STDOUT_FILENO;
    } else {
        failed = open_path(out, path);
    }
    if (failed != 0) {
        free(out->path);
        *out = (cli_out){.fd = -1};
        return failed;
    }
    out->buf = cli_alloc(OUT_CAP, 1);
    out->cap = OUT_CAP;
    out->is_terminal = isatty(out->fd) == 1;
    return 0;
}

static void write_all(cli_out *out, const char *bytes, size_t len) {
    if (out->is_terminal && out->before_terminal_write != NULL && len > 0) {
        out->before_terminal_write();
    }
    while (len > 0 && !cli_out_stopped(out)) {
        ssize_t done = write(out->fd, bytes, len);
        if (done >= 0) {
            bytes += done;
            len -= (size_t)done;
            out->bytes_written += (uint64_t)done;
        } else if (errno == EAGAIN) { /* somebody made our standard output non-blocking */
            struct pollfd wait = {.fd = out->fd, .events = POLLOUT};
            (void)poll(&wait, 1, -1);
        } else if (errno == EPIPE) {
            out->reader_gone = true;
        } else if (errno != EINTR) {
            out->error = errno;
        }
    }
}

void cli_out_flush(cli_out *out) {
    write_all(out, out->buf, out->len);
    out->len = 0;
}

void cli_out_add_slow(cli_out *out, const char *bytes, size_t len) {
    cli_out_flush(out);
    if (len >= out->cap) {
        write_all(out, bytes, len);
        return;
    }
    memcpy(out->buf, bytes, len);
    out->len = len;
}

/* cli_out_abandon_now comes from the thread of the signals while the main thread may be finishing. */
static pthread_mutex_t names_lock = PTHREAD_MUTEX_INITIALIZER;

static void release(cli_out *out) {
    (void)pthread_mutex_lock(&names_lock);
    if (out->path != NULL && out->fd >= 0) {
        (void)close(out->fd);
    }
    free(out->buf);
    free(out->path);
    free(out->temp_path);
    *out = (cli_out){.fd = -1};
    (void)pthread_mutex_unlock(&names_lock);
}

int cli_out_finish(cli_out *out) {
    if (out->fd < 0) {
        return 0;
    }
    cli_out_flush(out);
    int failed = out->error;
    if (failed == 0 && out->path != NULL) {
        failed = close(out->fd) == 0 ? 0 : errno; /* full disks of network file systems tell here */
        out->fd = -1;
        if (failed == 0 && out->temp_path != NULL && rename(out->temp_path, out->path) != 0) {
            failed = errno;
        }
    }
    if (failed != 0) {
        cli_out_abandon_now(out);
    }
    release(out);
    return failed;
}

void cli_out_abandon(cli_out *out) {
    if (out->fd >= 0) {
        cli_out_abandon_now(out);
        release(out);
    }
}

void cli_out_abandon_now(const cli_out *out) {
    (void)pthread_mutex_lock(&names_lock);
    if (out->temp_path != NULL) {
        (void)unlink(out->temp_path);
    }
    (void)pthread_mutex_unlock(&names_lock);
}
