#include "auth/browser.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "auth/form.h"

#define WAIT_MS     120000
#define CLIENT_MS   5000
#define MAX_REQUEST 8192

extern char **environ;

/* ---- what the browser asks ---- */

static bool decode(dbk_slice text, dbk_buf *out) {
    dbk_error ignored = {0};
    dbk_buf_clear(out);
    if (dbk_buf_reserve(out, text.len + 1, &ignored) != DBK_OK) {
        return false;
    }
    while (text.len > 0) {
        out->ptr[out->len++] = dbk_url_decode_next(&text);
    }
    return true;
}

static void take_pair(dbk_slice pair, dbk_callback *c) {
    dbk_slice name = pair;
    dbk_slice value = pair;
    if (!dbk_slice_split(&value, '=', &name)) {
        return;
    }
    if (dbk_slice_eq(name, DBK_SLICE("state"))) {
        c->has_state = decode(value, &c->state);
    } else if (dbk_slice_eq(name, DBK_SLICE("code"))) {
        c->has_code = decode(value, &c->code) && c->code.len > 0;
    } else if (dbk_slice_eq(name, DBK_SLICE("error"))) {
        c->has_error = decode(value, &c->error);
    } else if (dbk_slice_eq(name, DBK_SLICE("error_description"))) {
        (void)decode(value, &c->description);
    }
}

void dbk_callback_parse(dbk_slice line, dbk_callback *out) {
    dbk_slice target = line;
    dbk_slice part;
    *out = (dbk_callback){0};
    if (!dbk_slice_split(&target, ' ', &part)) {
        return;
    }
    out->get = dbk_slice_eq(part, DBK_SLICE("GET"));
    dbk_slice rest = target;
    target = dbk_slice_split(&rest, ' ', &part) ? part : target;
    if (!dbk_slice_split(&target, '?', &part)) {
        return;
    }
    bool more = true;
    while (more) {
        more = dbk_slice_split(&target, '&', &part);
        take_pair(more ? part : target, out);
    }
}

void dbk_callback_reset(dbk_callback *c) {
    dbk_buf_wipe(&c->state);
    dbk_buf_wipe(&c->code);
    dbk_buf_reset(&c->error);
    dbk_buf_reset(&c->description);
}

/* ---- the URL ---- */

static dbk_status put_param(dbk_buf *url, const char *name, dbk_slice value, dbk_error *err) {
    dbk_status st = dbk_buf_putc(url, '&', err);
    dbk_buf form = {0};
    st = st == DBK_OK ? dbk_form_put(&form, name, value, err) : st;
    st = st == DBK_OK ? dbk_buf_put_slice(url, dbk_buf_slice(&form), err) : st;
    dbk_buf_reset(&form);
    return st;
}

static dbk_status challenge_of(const dbk_secret *verifier, dbk_buf *out, dbk_error *err) {
    unsigned char sum[32];
    return EVP_Digest(verifier->ptr, verifier->len, sum, NULL, EVP_sha256(), NULL) == 1
               ? dbk_base64url_put(dbk_slice_n(sum, sizeof sum), out, err)
               : dbk_error_oom(err, "a hash");
}

dbk_status dbk_login_url(const dbk_login *l, dbk_str *out, dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_buf url = {0};
    dbk_buf challenge = {0};
    bool has_query = l->authorize.ptr != NULL && strchr(l->authorize.ptr, '?') != NULL;
    DBK_TRY(challenge_of(&l->verifier, &challenge, err));
    DBK_TRY(dbk_buf_put_slice(&url, dbk_str_slice(&l->authorize), err));
    DBK_TRY(dbk_buf_puts(&url, has_query ? "&response_type=code" : "?response_type=code", err));
    DBK_TRY(put_param(&url, "client_id", dbk_str_slice(&l->client_id), err));
    DBK_TRY(put_param(&url, "state", dbk_slice_of(l->state), err));
    DBK_TRY(put_param(&url, "code_challenge", dbk_buf_slice(&challenge), err));
    DBK_TRY(put_param(&url, "code_challenge_method", DBK_SLICE("S256"), err));
    DBK_TRY(put_param(&url, "redirect_uri", dbk_str_slice(&l->redirect_uri), err));
    DBK_TRY(put_param(&url, "scope", dbk_str_slice(&l->scopes), err));
    DBK_TRY(dbk_str_set(out, dbk_buf_slice(&url), err));
done:
    dbk_buf_reset(&challenge);
    dbk_buf_wipe(&url);
    return st;
}

/* ---- life ---- */

static dbk_status random_text(size_t bytes, dbk_buf *out, dbk_error *err) {
    unsigned char raw[32];
    dbk_status st = dbk_random(raw, bytes, err);
    st = st == DBK_OK ? dbk_base64url_put(dbk_slice_n(raw, bytes), out, err) : st;
    dbk_wipe(raw, sizeof raw);
    return st;
}

dbk_status dbk_login_init(dbk_login *l, dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_buf text = {0};
    l->wake[0] = l->wake[1] = -1;
    if (pipe2(l->wake, O_CLOEXEC | O_NONBLOCK) != 0) {
        return dbk_error_set(err, DBK_RESOURCE_EXHAUSTED, "no pipe for a login: %s",
                             strerror(errno));
    }
    DBK_TRY(random_text(16, &text, err));
    (void)snprintf(l->state, sizeof l->state, "%.*s", (int)text.len, text.ptr);
    dbk_buf_clear(&text);
    DBK_TRY(random_text(32, &text, err));
    DBK_TRY(dbk_secret_set(&l->verifier, dbk_buf_slice(&text), err));
done:
    dbk_buf_wipe(&text);
    return st;
}

void dbk_login_reset(dbk_login *l) {
    for (size_t i = 0; i < 2; i++) {
        if (l->wake[i] >= 0) {
            (void)close(l->wake[i]);
        }
    }
    dbk_str_reset(&l->authorize);
    dbk_str_reset(&l->client_id);
    dbk_str_reset(&l->scopes);
    dbk_str_reset(&l->redirect_uri);
    dbk_secret_reset(&l->verifier);
    dbk_secret_reset(&l->code);
    dbk_error_reset(&l->err);
}

void dbk_login_stop(dbk_login *l) {
    (void)!write(l->wake[1], "", 1);
}

/* ---- the port ---- */

static int listen_on(uint16_t port) {
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons(port),
                             .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0) {
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        if (bind(fd, (struct sockaddr *)&at, sizeof at) == 0 && listen(fd, 8) == 0) {
            return fd;
        }
        int why = errno;
        (void)close(fd);
        errno = why;
    }
    return -1;
}

static int listen_somewhere(dbk_login *l) {
    uint32_t port = l->port;
    for (uint32_t i = 0; i < DBK_LOGIN_PORTS && port + i <= UINT16_MAX; i++) {
        int fd = listen_on((uint16_t)(port + i));
        if (fd >= 0) {
            if (dbk_str_setf(&l->redirect_uri, &l->err, "http://localhost:%u", port + i) ==
                DBK_OK) {
                return fd;
            }
            (void)close(fd);
            return -1;
        }
    }
    (void)dbk_error_set(&l->err, DBK_INTERNAL,
                        "could not OAuth callback server: All candidate callback ports are in use: "
                        "[%u, %u, %u, %u, %u] (last error: %s)",
                        port, port + 1, port + 2, port + 3, port + 4, strerror(errno));
    return -1;
}

/* ---- the browser ---- */

/* A browser that stays in the foreground must not become a zombie of the host's. */
static void *reap(void *user) {
    pid_t pid = (pid_t)(intptr_t)user;
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
    }
    return NULL;
}

static bool spawn(const char *program, const char *url) {
    char *const argv[] = {(char *)(uintptr_t)program, (char *)(uintptr_t)url, NULL};
    posix_spawn_file_actions_t files;
    pthread_t thread;
    pid_t pid = 0;
    (void)posix_spawn_file_actions_init(&files);
    (void)posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    (void)posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
    (void)posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0);
    bool ok = posix_spawnp(&pid, program, &files, NULL, argv, environ) == 0;
    (void)posix_spawn_file_actions_destroy(&files);
    if (ok && pthread_create(&thread, NULL, reap, (void *)(intptr_t)pid) == 0) {
        (void)pthread_detach(thread);
    }
    return ok;
}

static bool is_set(const char *variable) {
    const char *value = getenv(variable);
    return value != NULL && value[0] != '\0';
}

static void open_browser(const dbk_login *l, const char *url) {
    char shown[256];
    dbk_redact_url(dbk_slice_of(url), shown, sizeof shown); /* the query holds the state */
    DBK_LOG(INFO, NULL, "browser login at %s, back to %s", shown, l->redirect_uri.ptr);
    if (l->open != NULL) {
        l->open(l->open_ctx, url);
        return;
    }
#ifdef __APPLE__
    bool opened = spawn("open", url);
#else
    bool desktop = is_set("DISPLAY") || is_set("WAYLAND_DISPLAY") || is_set("BROWSER");
    bool opened = desktop && spawn("xdg-open", url);
#endif
    if (!opened) {
        (void)fprintf(stderr, "To log in, open this URL in a browser on this machine:\n%s\n", url);
    }
}

/* ---- the conversation ---- */

/* False: the time is over or somebody said stop. */
static bool wait_for(const dbk_login *l, int fd, uint64_t deadline_ms) {
    for (;;) {
        struct pollfd fds[] = {{.fd = fd, .events = POLLIN}, {.fd = l->wake[0], .events = POLLIN}};
        uint64_t now = dbk_clock_ms(&dbk_clock_system);
        int n = now < deadline_ms ? poll(fds, 2, (int)(deadline_ms - now)) : 0;
        if (n < 0 && errno == EINTR) {
            continue;
        }
        return n > 0 && fds[1].revents == 0;
    }
}

static dbk_slice first_line(const char *text, size_t len) {
    dbk_slice rest = dbk_slice_n(text, len);
    dbk_slice line;
    return dbk_slice_split(&rest, '\n', &line) ? dbk_slice_trim(line) : (dbk_slice){0};
}

/* Reads to the end of the head, so that closing is no reset; the first line counts. */
static dbk_slice read_line(const dbk_login *l, int fd, char *buf) {
    uint64_t deadline = dbk_clock_ms(&dbk_clock_system) + CLIENT_MS;
    size_t len = 0;
    while (len < MAX_REQUEST && wait_for(l, fd, deadline)) {
        ssize_t n = recv(fd, buf + len, MAX_REQUEST - len, MSG_DONTWAIT);
        if (n <= 0) {
            break;
        }
        len += (size_t)n;
        buf[len] = '\0';
        if (strstr(buf, "\r\n\r\n") != NULL) {
            break;
        }
    }
    return first_line(buf, len);
}

static void answer(int fd, bool good) {
    static const char format[] = "HTTP/1.1 %s\r\nContent-Type: text/html; charset=utf-8\r\n"
                                 "Content-Length: %zu\r\nCache-Control: no-store\r\n"
                                 "Connection: close\r\n\r\n%s";
    static const char fine[] =
        "<!DOCTYPE html>\n<title>Authentication Successful</title>\n"
        "<h1>Authentication Successful</h1>\n"
        "<p>This tab can be closed. The application goes on by itself.</p>\n";
    static const char bad[] = "<!DOCTYPE html>\n<title>Authentication Error</title>\n"
                              "<h1>Authentication Error</h1>\n"
                              "<p>The login did not succeed; the application says why.</p>\n";
    char text[1024];
    const char *page = good ? fine : bad;
    int n = snprintf(text, sizeof text, format, good ? "200 OK" : "400 Bad Request", strlen(page),
                     page);
    (void)send(fd, text, (size_t)n, MSG_NOSIGNAL);
}

static bool same_state(const dbk_login *l, const dbk_callback *c) {
    size_t len = strlen(l->state);
    return c->has_state && c->state.len == len && CRYPTO_memcmp(c->state.ptr, l->state, len) == 0;
}

static void refuse(dbk_login *l, const dbk_callback *c) {
    char error[DBK_SERVER_TEXT_SIZE];
    char description[DBK_SERVER_TEXT_SIZE];
    dbk_server_words(dbk_buf_slice(&c->error), error);
    dbk_server_words(dbk_buf_slice(&c->description), description);
    (void)dbk_error_set(&l->err, DBK_UNAUTHENTICATED,
                        "could not OAuth authorization: OAuth authorization failed: %.100s%s%.400s",
                        error, description[0] != '\0' ? " - " : "", description);
}

/* True: this was the one. Everything else (icons, other tabs, other programs) is turned away. */
static bool serve(dbk_login *l, int fd) {
    char buf[MAX_REQUEST + 1];
    dbk_callback c;
    dbk_callback_parse(read_line(l, fd, buf), &c);
    bool ours = c.get && same_state(l, &c) && (c.has_code || c.has_error);
    answer(fd, ours && !c.has_error);
    if (ours && c.has_error) {
        refuse(l, &c);
    } else if (ours) {
        (void)!dbk_secret_set(&l->code, dbk_buf_slice(&c.code), &l->err);
    }
    dbk_callback_reset(&c);
    dbk_wipe(buf, sizeof buf);
    return ours;
}

static void await(dbk_login *l, int listener) {
    uint64_t deadline = dbk_clock_ms(&dbk_clock_system) + WAIT_MS;
    bool done = false;
    while (!done && wait_for(l, listener, deadline)) {
        int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0) {
            done = serve(l, fd);
            (void)close(fd);
        }
    }
    if (!done) {
        (void)dbk_error_set(
            &l->err, DBK_TIMEOUT,
            "OAuth callback timeout after %d seconds. No response received from browser.",
            WAIT_MS / 1000);
    }
}

void dbk_login_run(dbk_login *l) {
    dbk_str url = {0};
    int listener = listen_somewhere(l);
    if (listener < 0) {
        return;
    }
    if (dbk_login_url(l, &url, &l->err) == DBK_OK) {
        open_browser(l, url.ptr);
        dbk_wipe(url.ptr, url.len);
        await(l, listener);
    }
    dbk_str_reset(&url);
    (void)close(listener);
}
