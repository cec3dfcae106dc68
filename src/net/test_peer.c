#include "net/test_peer.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <linux/sockios.h>

/* Ends the program: also on a thread of its own, and in a release build. */
#define MUST(cond)  ((cond) ? (void)0 : dbk_assert_failed(#cond, __FILE__, __LINE__))
#define PATIENCE_MS 30000u /* a test that hangs ends with a message, not with the suite's limit */

/* A Unix socket whose file is gone at once: it is reached through the descriptor of the file. (curl does
 * not pool connections to sockets of the abstract name space.) */
static void open_listener(test_peer *p) {
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    char dir[64];
    const char *tmp = getenv("TMPDIR");
    (void)snprintf(dir, sizeof dir, "%s/dbk-XXXXXX", tmp != NULL ? tmp : P_tmpdir);
    MUST(mkdtemp(dir) != NULL);
    (void)snprintf(name.sun_path, sizeof name.sun_path, "%s/s", dir);
    p->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    MUST(bind(p->listener, (struct sockaddr *)&name, sizeof name) == 0);
    MUST(listen(p->listener, TEST_PEER_CONNECTIONS) == 0);
    p->file = open(name.sun_path, O_PATH | O_CLOEXEC);
    MUST(p->file >= 0);
    (void)unlink(name.sun_path);
    (void)rmdir(dir);
}

void test_peer_init(test_peer *p) {
    memset(p, 0, sizeof *p);
    dbk_mutex_init(&p->lock);
    for (size_t i = 0; i < TEST_PEER_CONNECTIONS; i++) {
        p->connections[i].fd = -1;
    }
    open_listener(p);
}

/* ---- connections ---- */

static void hang_up(test_peer_connection *c) {
    (void)close(c->fd);
    c->fd = -1;
}

static void take_held(test_peer_connection *c) {
    char byte;
    if (c->held) {
        (void)recv(c->fd, &byte, 1, 0);
        c->held = false;
    }
}

static void hang_up_in_order(test_peer_connection *c) {
    take_held(c);
    hang_up(c);
}

int test_peer_open(void *peer, struct sockaddr *address, unsigned *address_len) {
    test_peer *p = peer;
    dbk_mutex_lock(&p->lock);
    bool refuse = p->refuse > 0;
    p->refuse -= refuse ? 1 : 0;
    p->opened += refuse ? 0 : 1;
    dbk_mutex_unlock(&p->lock);
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    (void)snprintf(name.sun_path, sizeof name.sun_path, "/proc/self/fd/%d", p->file);
    memcpy(address, &name, sizeof name);
    *address_len = sizeof name;
    return refuse ? -1 : socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static bool accept_one(test_peer *p) {
    size_t i = 0;
    while (i < TEST_PEER_CONNECTIONS && p->connections[i].fd >= 0) {
        i++;
    }
    int fd = accept4(p->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
        return false;
    }
    MUST(i < TEST_PEER_CONNECTIONS);
    memset(&p->connections[i], 0, sizeof p->connections[i]);
    p->connections[i].fd = fd;
    return true;
}

/* ---- the script ---- */

void test_peer_on_bytes(test_peer *p, const char *request, dbk_slice answer, test_peer_then then) {
    MUST(p->scene_count < TEST_PEER_SCENES);
    dbk_mutex_lock(&p->lock);
    p->scenes[p->scene_count++] = (test_peer_scene){request, answer, then, false, 0};
    dbk_mutex_unlock(&p->lock);
}

void test_peer_on(test_peer *p, const char *request, const char *answer, test_peer_then then) {
    test_peer_on_bytes(p, request, dbk_slice_of(answer), then);
}

void test_peer_always(test_peer *p, const char *request, const char *answer) {
    MUST(p->always_count < TEST_PEER_ALWAYS);
    dbk_mutex_lock(&p->lock);
    p->always[p->always_count++] =
        (test_peer_scene){request, dbk_slice_of(answer), TEST_PEER_KEEP, true, 0};
    dbk_mutex_unlock(&p->lock);
}

static test_peer_scene *find_always(test_peer *p, const char *request) {
    for (size_t i = 0; i < p->always_count; i++) {
        if (strstr(request, p->always[i].request) != NULL) {
            return &p->always[i];
        }
    }
    return NULL;
}

size_t test_peer_plays(test_peer *p, const char *request) {
    dbk_mutex_lock(&p->lock);
    const test_peer_scene *s = find_always(p, request);
    MUST(s != NULL);
    size_t plays = s->plays;
    dbk_mutex_unlock(&p->lock);
    return plays;
}

void test_peer_refuse(test_peer *p, size_t count) {
    dbk_mutex_lock(&p->lock);
    p->refuse = count;
    dbk_mutex_unlock(&p->lock);
}

void test_peer_split(test_peer *p, size_t piece) {
    dbk_mutex_lock(&p->lock);
    p->piece = piece;
    dbk_mutex_unlock(&p->lock);
}

void test_peer_go_on(test_peer *p, const char *more, test_peer_then then) {
    MUST(p->scene_count < TEST_PEER_SCENES);
    dbk_mutex_lock(&p->lock);
    test_peer_scene *rest = &p->scenes[p->scene_count++];
    *rest = (test_peer_scene){NULL, dbk_slice_of(more), then, true, 0};
    for (size_t i = 0; i < TEST_PEER_CONNECTIONS; i++) {
        test_peer_connection *c = &p->connections[i];
        if (c->fd >= 0 && c->scene != NULL && c->scene->then == TEST_PEER_STALL) {
            c->scene = rest;
            c->sent = 0;
        }
    }
    dbk_mutex_unlock(&p->lock);
}

void test_peer_drop(test_peer *p) {
    dbk_mutex_lock(&p->lock);
    for (size_t i = 0; i < TEST_PEER_CONNECTIONS; i++) {
        if (p->connections[i].fd >= 0) {
            hang_up_in_order(&p->connections[i]);
        }
    }
    dbk_mutex_unlock(&p->lock);
}

/* ---- reading requests ---- */

/* Length of the whole request, 0 while the head is incomplete. */
static size_t request_length(test_peer_connection *c) {
    c->in[c->in_len] = '\0';
    const char *end = strstr(c->in, "\r\n\r\n");
    const char *field = strcasestr(c->in, "\r\ncontent-length:");
    if (end == NULL) {
        return 0;
    }
    uint64_t body = 0;
    if (field != NULL && field < end) {
        dbk_slice value = dbk_slice_of(field + strlen("\r\ncontent-length:"));
        dbk_slice line = value;
        (void)dbk_slice_split(&value, '\r', &line);
        MUST(dbk_parse_u64(dbk_slice_trim(line), &body));
    }
    return (size_t)(end - c->in) + 4 + body;
}

static void keep(test_peer_connection *c, const char *bytes, size_t n) {
    size_t kept = dbk_min_size(n, sizeof c->in - 1 - c->in_len);
    memcpy(c->in + c->in_len, bytes, kept);
    c->in_len += kept;
    c->in_total += n;
}

/* Takes all bytes but the last, which is only looked at. False: nothing new. */
static bool read_more(test_peer_connection *c) {
    char chunk[65536];
    int waiting = 0;
    (void)ioctl(c->fd, FIONREAD, &waiting);
    if (waiting <= (c->held ? 1 : 0)) {
        struct pollfd state = {c->fd, POLLIN, 0};
        if (poll(&state, 1, 0) == 1 && (state.revents & (POLLHUP | POLLERR)) != 0) {
            hang_up(c); /* the client left */
            return true;
        }
        return false;
    }
    size_t n = dbk_min_size((size_t)waiting, sizeof chunk);
    bool all = n == (size_t)waiting;
    ssize_t got = recv(c->fd, chunk, all ? n - 1 : n, 0);
    MUST(got == (ssize_t)(all ? n - 1 : n));
    if (all) {
        MUST(recv(c->fd, chunk + n - 1, 1, MSG_PEEK) == 1);
    }
    size_t known = c->held ? 1 : 0; /* counted before, or of the request before */
    c->held = all;
    keep(c, chunk + known, n - known);
    return true;
}

static const test_peer_scene no_scene = {
    NULL, {"HTTP/1.1 599 no scene\r\ncontent-length: 0\r\n\r\n", 44}, TEST_PEER_CLOSE, true, 0};

static const test_peer_scene *find_scene(test_peer *p, const char *request) {
    for (size_t i = 0; i < p->scene_count; i++) {
        test_peer_scene *s = &p->scenes[i];
        if (!s->used && (s->request == NULL || strstr(request, s->request) != NULL)) {
            s->used = true;
            return s;
        }
    }
    return NULL;
}

static void take_request(test_peer *p, test_peer_connection *c) {
    size_t length = request_length(c);
    if (length == 0 || c->in_total < length) {
        return;
    }
    const test_peer_scene *scene = find_scene(p, c->in);
    test_peer_scene *always = scene == NULL ? find_always(p, c->in) : NULL;
    if (always != NULL) {
        always->plays++;
        scene = always;
    } else if (p->request_count < TEST_PEER_REQUESTS) {
        memcpy(p->requests[p->request_count++], c->in, c->in_len + 1);
    }
    c->scene = scene != NULL ? scene : &no_scene;
    c->sent = 0;
    c->in_len = c->in_total = 0;
}

/* ---- answering ---- */

static bool reader_took_all(const test_peer_connection *c) {
    int waiting = 0;
    return ioctl(c->fd, SIOCOUTQ, &waiting) == 0 && waiting == 0;
}

static bool send_more(const test_peer *p, test_peer_connection *c) {
    dbk_slice answer = c->scene->answer;
    if (p->piece > 0 && !reader_took_all(c)) {
        return false;
    }
    size_t n = answer.len - c->sent;
    n = p->piece > 0 ? dbk_min_size(n, p->piece) : n;
    ssize_t sent = send(c->fd, answer.ptr + c->sent, n, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno != EAGAIN) {
        hang_up(c); /* the client left */
        return true;
    }
    c->sent += sent > 0 ? (size_t)sent : 0;
    return sent > 0;
}

static bool end_scene(test_peer_connection *c) {
    switch (c->scene->then) {
    case TEST_PEER_KEEP:
        c->scene = NULL;
        return true;
    case TEST_PEER_CLOSE:
        hang_up_in_order(c);
        return true;
    case TEST_PEER_RESET:
        hang_up(c);
        return true;
    case TEST_PEER_STALL:
        break;
    }
    return read_more(c); /* does the client still wait? */
}

static bool step_connection(test_peer *p, test_peer_connection *c) {
    if (c->scene != NULL) {
        return c->sent < c->scene->answer.len ? send_more(p, c) : end_scene(c);
    }
    bool moved = read_more(c);
    if (moved && c->fd >= 0) {
        take_request(p, c);
    }
    return moved;
}

/* One move of every connection; false: nothing moved. */
static bool step(test_peer *p) {
    dbk_mutex_lock(&p->lock);
    bool moved = accept_one(p);
    for (size_t i = 0; i < TEST_PEER_CONNECTIONS; i++) {
        if (p->connections[i].fd >= 0) {
            moved = step_connection(p, &p->connections[i]) || moved;
        }
    }
    dbk_mutex_unlock(&p->lock);
    return moved;
}

/* ---- witnesses ---- */

size_t test_peer_opened(test_peer *p) {
    dbk_mutex_lock(&p->lock);
    size_t n = p->opened;
    dbk_mutex_unlock(&p->lock);
    return n;
}

size_t test_peer_open_now(test_peer *p) {
    size_t n = 0;
    while (step(p)) {
    }
    dbk_mutex_lock(&p->lock);
    for (size_t i = 0; i < TEST_PEER_CONNECTIONS; i++) {
        n += p->connections[i].fd >= 0 ? 1 : 0;
    }
    dbk_mutex_unlock(&p->lock);
    return n;
}

size_t test_peer_request_count(test_peer *p) {
    dbk_mutex_lock(&p->lock);
    size_t n = p->request_count;
    dbk_mutex_unlock(&p->lock);
    return n;
}

const char *test_peer_request(test_peer *p, size_t i) {
    return i < test_peer_request_count(p) ? p->requests[i] : "";
}

bool test_peer_used_up(test_peer *p) {
    bool all = true;
    dbk_mutex_lock(&p->lock);
    for (size_t i = 0; i < p->scene_count; i++) {
        all = all && p->scenes[i].used;
    }
    dbk_mutex_unlock(&p->lock);
    return all;
}

void test_peer_excuse(test_peer *p) {
    dbk_mutex_lock(&p->lock);
    for (size_t i = 0; i < p->scene_count; i++) {
        p->scenes[i].used = true;
    }
    dbk_mutex_unlock(&p->lock);
}

/* ---- running ---- */

static uint64_t now_ms(void) {
    return dbk_clock_ms(&dbk_clock_system);
}

void test_peer_run(test_peer *p, dbk_lane *lane, bool (*until)(void *ctx), void *ctx) {
    uint64_t limit = now_ms() + PATIENCE_MS;
    while (!until(ctx)) {
        bool moved = step(p);
        dbk_lane_run_once(lane);
        if (!moved && dbk_lane_timeout_ms(lane) != 0) {
            struct pollfd lane_fd = {dbk_lane_fd(lane), POLLIN, 0};
            (void)poll(&lane_fd, 1, 1);
        }
        MUST(now_ms() < limit);
    }
}

static bool op_is_done(void *ctx) {
    return dbk_op_is_done(ctx);
}

void test_peer_run_op(test_peer *p, dbk_lane *lane, dbk_op *op) {
    test_peer_run(p, lane, op_is_done, op);
}

bool test_peer_turn(test_peer *p, dbk_lane *lane) {
    bool moved = step(p);
    struct pollfd lane_fd = {dbk_lane_fd(lane), POLLIN, 0};
    bool busy = dbk_lane_timeout_ms(lane) == 0 || poll(&lane_fd, 1, 0) == 1;
    dbk_lane_run_once(lane);
    return moved || busy;
}

void test_peer_settle(test_peer *p, dbk_lane *lane) {
    unsigned quiet = 0;
    while (quiet < 20) {
        quiet = test_peer_turn(p, lane) ? 0 : quiet + 1;
    }
}

static void *serve(void *arg) {
    test_peer *p = arg;
    bool stop = false;
    while (!stop) {
        if (!step(p)) {
            (void)poll(NULL, 0, 1);
        }
        dbk_mutex_lock(&p->lock);
        stop = p->stop;
        dbk_mutex_unlock(&p->lock);
    }
    return NULL;
}

void test_peer_serve(test_peer *p) {
    p->serving = true;
    MUST(pthread_create(&p->thread, NULL, serve, p) == 0);
}

void test_peer_end(test_peer *p) {
    if (p->serving) {
        dbk_mutex_lock(&p->lock);
        p->stop = true;
        dbk_mutex_unlock(&p->lock);
        (void)pthread_join(p->thread, NULL);
    }
    test_peer_drop(p);
    (void)close(p->listener);
    (void)close(p->file);
    dbk_mutex_destroy(&p->lock);
}
