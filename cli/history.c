#include "history.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- what is not kept ---- */

bool cli_history_is_secret(const char *entry) {
    /* Rather one entry too few than one secret too many. */
    static const char *const words[] = {
        "password",   "passwd",        "passphrase", "pwd",           "secret",     "token",
        "credential", "api_key",       "apikey",     "access_key",    "accesskey",  "private_key",
        "privatekey", "account_key",   "bearer",     "authorization", "signature=", "sig=",
        "begin rsa",  "begin private", "dapi",       "dose",          "dkea",       "eyj",
        "akia",       "ghp_",
    };
    if (*entry == ' ' || *entry == '\t') {
        return true;
    }
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (strcasestr(entry, words[i]) != NULL) {
            return true;
        }
    }
    return false;
}

/* ---- one entry as one line ---- */

static void add_escaped(cli_buf *out, const char *entry) {
    for (; *entry != '\0'; entry++) {
        if (*entry == '\n' || *entry == '\\') {
            cli_buf_add_char(out, '\\');
        }
        cli_buf_add_char(out, *entry == '\n' ? 'n' : *entry);
    }
    cli_buf_add_char(out, '\n');
}

static char *unescaped(const char *line, size_t len) {
    cli_buf entry = {0};
    for (size_t i = 0; i < len; i++) {
        bool escape = line[i] == '\\' && i + 1 < len;
        i += escape ? 1 : 0;
        cli_buf_add_char(&entry, escape && line[i] == 'n' ? '\n' : line[i]);
    }
    char *text = cli_strdup(cli_buf_str(&entry));
    cli_buf_reset(&entry);
    return text;
}

/* ---- the file ---- */

/* Makes every folder of path that is missing, readable by its owner only. */
static bool make_folders(const char *path) {
    char *copy = cli_strdup(path);
    bool ok = true;
    for (char *slash = strchr(copy + 1, '/'); ok && slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        ok = mkdir(copy, 0700) == 0 || errno == EEXIST;
        *slash = '/';
    }
    free(copy);
    return ok;
}

static char *find_path(void) {
    const char *state = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");
    cli_buf path = {0};
    if (state != NULL && state[0] == '/') { /* relative ones are to be ignored, says the standard */
        cli_buf_addf(&path, "%s/dbk/history", state);
    } else if (home != NULL && home[0] == '/') {
        cli_buf_addf(&path, "%s/.local/state/dbk/history", home);
    } else {
        return NULL;
    }
    char *found = cli_strdup(cli_buf_str(&path));
    cli_buf_reset(&path);
    return found;
}

static void write_all(int fd, const cli_buf *bytes) {
    size_t done = 0;
    while (done < bytes->len) {
        ssize_t n = write(fd, bytes->ptr + done, bytes->len - done);
        if (n < 0 && errno != EINTR) {
            return; /* a full disk: the history is not worth a word in the middle of the work */
        }
        done += n > 0 ? (size_t)n : 0;
    }
}

static void read_entries(cli_history *history, const cli_buf *text) {
    size_t lines = 0;
    const char *end = text->ptr + text->len;
    for (const char *p = text->ptr; p < end; p++) {
        lines += *p == '\n' ? 1 : 0;
    }
    size_t skip = lines > CLI_HISTORY_MAX ? lines - CLI_HISTORY_MAX : 0;
    history->entries = cli_alloc(lines - skip + 1, sizeof(char *));
    for (const char *p = text->ptr; p < end; p++) {
        const char *newline = memchr(p, '\n', (size_t)(end - p));
        if (newline == NULL) { /* a write that broke off */
            break;
        }
        if (skip > 0) {
            skip--;
        } else if (newline > p) {
            history->entries[history->count++] = unescaped(p, (size_t)(newline - p));
        }
        p = newline;
    }
}

/* The newest entries under another name, then in place of the file. */
static void shorten(const cli_history *history) {
    cli_buf name = {0};
    cli_buf text = {0};
    cli_buf_addf(&name, "%s.XXXXXX", history->path);
    (void)cli_buf_str(&name);
    int fd = mkostemp(name.ptr, O_CLOEXEC); /* 0600 */
    if (fd >= 0) {
        for (size_t i = 0; i < history->count; i++) {
            add_escaped(&text, history->entries[i]);
        }
        write_all(fd, &text);
        (void)close(fd);
        if (rename(name.ptr, history->path) != 0) {
            (void)unlink(name.ptr);
        }
    }
    cli_buf_reset(&name);
    cli_buf_reset(&text);
}

void cli_history_open(cli_history *history, cli_buf *why) {
    cli_buf text = {0};
    *history = (cli_history){.path = find_path()};
    if (history->path == NULL) {
        cli_buf_add_str(why, "no history: neither XDG_STATE_HOME nor HOME is set");
        return;
    }
    (void)make_folders(history->path);
    int fd = open(history->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    int failed = fd < 0 ? errno : 0;
    if (failed == 0) {
        failed = fchmod(fd, 0600) != 0 ? errno : cli_read_all(fd, &text);
        (void)close(fd);
    }
    if (failed != 0) {
        cli_buf_addf(why, "no history: %s: %s", history->path, strerror(failed));
        free(history->path);
        history->path = NULL;
    } else if (text.len > 0) {
        read_entries(history, &text);
        if (history->count == CLI_HISTORY_MAX) {
            shorten(history);
        }
    }
    cli_buf_reset(&text);
}

void cli_history_add(const cli_history *history, const char *entry) {
    if (history->path == NULL || *entry == '\0' || cli_history_is_secret(entry)) {
        return;
    }
    cli_buf line = {0};
    int fd = open(history->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd >= 0) {
        add_escaped(&line, entry);
        write_all(fd, &line);
        (void)close(fd);
    }
    cli_buf_reset(&line);
}

void cli_history_reset(cli_history *history) {
    for (size_t i = 0; i < history->count; i++) {
        free(history->entries[i]);
    }
    free(history->entries);
    free(history->path);
    *history = (cli_history){0};
}
