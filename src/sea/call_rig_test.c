#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sea/call_rig.h"
#include "unit.h"

#define IDLE_ROUNDS 25    /* of 1 ms without any byte: only time can help */
#define MAX_ROUNDS  20000 /* a test that needs more hangs */

/* ---- the server's side of a connection ---- */

static void hang_up(rig *r) {
    if (r->fd >= 0) {
        (void)close(r->fd);
    }
    r->fd = -1;
    r->answering = false;
    dbk_buf_clear(&r->partial);
    dbk_buf_reset(&r->out);
}

/* Listens on r->port, 0: any. */
static void start_listening(rig *r) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)r->port)};
    socklen_t size = sizeof address;
    int on = 1;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    struct sockaddr *any = (struct sockaddr *)(void *)&address;
    r->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    CHECK(setsockopt(r->listen_fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0);
    CHECK(bind(r->listen_fd, any, size) == 0 && listen(r->listen_fd, 8) == 0);
    CHECK(getsockname(r->listen_fd, any, &size) == 0);
    r->port = ntohs(address.sin_port);
}

static void stop_listening(rig *r) {
    if (r->listen_fd >= 0) {
        (void)close(r->listen_fd);
    }
    r->listen_fd = -1;
}

static bool refuses(const rig *r) {
    return r->step < r->step_count && r->steps[r->step].answer == NULL;
}

static bool receive_connection(rig *r) {
    if (refuses(r) && r->fd < 0) {
        stop_listening(r);
    }
    int fd =
        r->listen_fd >= 0 ? accept4(r->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK) : -1;
    if (fd < 0) {
        return false;
    }
    hang_up(r);
    r->fd = fd;
    r->connections++;
    return true;
}

/* The length of the request at the start of text, 0 when it is not complete. */
static size_t request_length(dbk_buf *b) {
    dbk_error err = {0};
    const char *text = NULL;
    CHECK_OK(dbk_buf_cstr(b, &text, &err), &err);
    const char *end = strstr(text, "\r\n\r\n");
    const char *length = strstr(text, "Content-Length: ");
    if (end == NULL) {
        return 0;
    }
    size_t head = (size_t)(end - text) + 4;
    size_t body = length != NULL && length < end ? (size_t)strtoul(length + 16, NULL, 10) : 0;
    return b->len >= head + body ? head + body : 0;
}

static void answer_request(rig *r) {
    dbk_error err = {0};
    CHECK(r->step < r->step_count); /* a request that the script does not know */
    const rig_step *s = &r->steps[r->step];
    r->step++;
    r->out_sent = 0;
    r->answering = true;
    r->out_end = s->end;
    CHECK_OK(dbk_buf_puts(&r->out, s->answer, &err), &err);
    CHECK_OK(dbk_buf_reserve(&r->out, s->pad, &err), &err);
    if (s->pad > 0) {
        memset(r->out.ptr + r->out.len, 'x', s->pad);
        r->out.len += s->pad;
    }
}

static bool receive(rig *r) {
    char piece[4096];
    const char *text = NULL;
    dbk_error err = {0};
    ssize_t n = recv(r->fd, piece, sizeof piece, 0);
    if (n == 0) {
        hang_up(r);
    }
    if (n <= 0) {
        return n == 0;
    }
    CHECK_OK(dbk_buf_append(&r->partial, piece, (size_t)n, &err), &err);
    size_t length = request_length(&r->partial);
    if (length > 0) {
        CHECK_EQ_SIZE(length, r->partial.len); /* no second request before the answer */
        CHECK(r->request_count < RIG_REQUESTS);
        r->requests[r->request_count] = dbk_buf_take(&r->partial);
        CHECK_OK(dbk_buf_cstr(&r->requests[r->request_count], &text, &err), &err);
        r->request_count++;
        answer_request(r);
    }
    return true;
}

static bool transmit(rig *r) {
    if (!r->answering) {
        return false;
    }
    size_t rest = r->out.len - r->out_sent;
    ssize_t n = rest > 0 ? send(r->fd, r->out.ptr + r->out_sent, rest, MSG_NOSIGNAL) : 0;
    if (n < 0) {
        if (errno != EAGAIN) {
            hang_up(r); /* curl has closed its end */
        }
        return errno != EAGAIN;
    }
    r->out_sent += (size_t)n;
    if (r->out_sent < r->out.len) {
        return true;
    }
    dbk_buf_reset(&r->out);
    r->answering = false;
    if (r->out_end == RIG_CLOSE) {
        hang_up(r);
    }
    return true;
}

static bool serve(rig *r) {
    bool moved = receive_connection(r);
    moved = (r->fd >= 0 && receive(r)) || moved;
    return (r->fd >= 0 && transmit(r)) || moved;
}

/* ---- time ---- */

static void let_time_pass(rig *r, dbk_sea_call *call) {
    if (r->idle != NULL) {
        void (*idle)(rig *, dbk_op *) = r->idle;
        r->idle = NULL;
        idle(r, dbk_sea_call_op(call));
        return;
    }
    size_t attempts = 1 + dbk_sea_call_retries(call);
    if (r->listen_fd < 0 && attempts > r->step - r->first_step) { /* it was refused */
        r->step++;
        if (!refuses(r)) {
            start_listening(r);
        }
    }
    int64_t ms = dbk_lane_timeout_ms(r->lane);
    r->stuck = ms < 0;
    if (ms > 0) {
        dbk_clock_manual_advance(&r->clock, (uint64_t)ms);
        r->waited_ms += (uint64_t)ms;
    }
}

dbk_status rig_run(rig *r, dbk_sea_call *call) {
    dbk_op *op = dbk_sea_call_op(call);
    size_t idle = 0;
    size_t rounds = 0;
    r->stuck = false;
    r->first_step = r->step;
    dbk_op_start(op, NULL, NULL);
    while (!dbk_op_is_done(op) && !r->stuck) {
        CHECK(rounds < MAX_ROUNDS);
        rounds++;
        dbk_lane_run_once(r->lane);
        idle = serve(r) ? 0 : idle + 1;
        if (idle > 0 && !dbk_op_is_done(op)) {
            (void)poll(NULL, 0, 1);
        }
        if (idle > IDLE_ROUNDS) {
            idle = 0;
            let_time_pass(r, call);
        }
    }
    CHECK(!r->stuck);
    return op->status;
}

/* ---- life ---- */

static void init(rig *r, const rig_step *steps, size_t step_count, const dbk_sea_header *headers,
                 size_t header_count, const char *org_id) {
    dbk_error err = {0};
    char origin[40];
    *r = (rig){.steps = steps, .step_count = step_count, .fd = -1, .listen_fd = -1};
    start_listening(r);
    (void)snprintf(origin, sizeof origin, "http://127.0.0.1:%d", r->port);
    if (refuses(r)) {
        stop_listening(r);
    }
    dbk_host_forget_for_tests();
    (void)unsetenv("http_proxy"); /* of the machine that runs the test */
    (void)unsetenv("ALL_PROXY");
    (void)unsetenv("all_proxy");
    dbk_clock_manual_init(&r->clock, INT64_C(1795248000000));
    CHECK_OK(dbk_lane_new("rig", DBK_LANE_EMBEDDED, &r->clock.clock, &r->lane, &err), &err);
    dbk_http_settings settings = {.user_agent = DBK_SLICE("TestAgent/1")};
    CHECK_OK(dbk_http_config_new(&settings, &r->http, &err), &err);
    CHECK_OK(dbk_auth_new_pat(&(dbk_auth_settings){0}, DBK_SLICE(RIG_TOKEN), 0, &r->auth, &err),
             &err);
    dbk_sea_settings sea = {.origin = dbk_slice_of(origin),
                            .warehouse_id = DBK_SLICE("w 1"),
                            .org_id = dbk_slice_of(org_id),
                            .http = r->http,
                            .auth = r->auth,
                            .headers = headers,
                            .header_count = header_count,
                            .retry = {100, 60000, 4, 900000}};
    CHECK_OK(dbk_sea_new(&sea, &r->sea, &err), &err);
}

void rig_init(rig *r, const rig_step *steps, size_t step_count, const dbk_sea_header *headers,
              size_t header_count) {
    init(r, steps, step_count, headers, header_count, "64");
}

void rig_init_at(rig *r, const rig_step *steps, size_t step_count, const char *org_id) {
    init(r, steps, step_count, NULL, 0, org_id);
}

void rig_reset(rig *r) {
    hang_up(r);
    stop_listening(r);
    dbk_sea_unref(r->sea);
    dbk_auth_unref(r->auth);
    dbk_http_config_unref(r->http);
    dbk_lane_free(r->lane);
    for (size_t i = 0; i < r->request_count; i++) {
        dbk_buf_reset(&r->requests[i]);
    }
    dbk_buf_reset(&r->partial);
    dbk_buf_reset(&r->out);
}
