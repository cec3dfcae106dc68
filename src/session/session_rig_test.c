#include "session/session_rig.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "net/test_peer.h"
#include "unit.h"

#define PATIENCE_ROUNDS 20000 /* of a millisecond */

test_peer rig_peer;

/* ---- time ---- */

static const rig *rig_of(const dbk_clock *clock) {
    return (const rig *)(const void *)clock;
}

static uint64_t mono_ns(const dbk_clock *clock) {
    const rig *r = rig_of(clock);
    uint64_t base =
        r->mode == RIG_STEPPED ? UINT64_C(1000000000) : dbk_clock_system.mono_ns(&dbk_clock_system);
    return base + atomic_load(&r->skipped_ms) * 1000000u;
}

static int64_t wall_ms(const dbk_clock *clock) {
    return INT64_C(1795248000000) + (int64_t)atomic_load(&rig_of(clock)->skipped_ms);
}

static void woken(dbk_task *task) {
    atomic_store(&DBK_CONTAINER_OF(task, rig, wake)->waking, false);
}

void rig_pass(rig *r, uint64_t ms) {
    (void)atomic_fetch_add(&r->skipped_ms, ms);
    if (r->mode != RIG_STEPPED && !atomic_exchange(&r->waking, true)) {
        r->wake.run = woken;
        dbk_lane_post(r->lane, &r->wake);
    }
}

/* ---- life ---- */

/* Certificates that a machine adds to every Node.js process are no part of these tests, and parsing a whole bundle
 * of them for each session takes most of the time. */
void rig_begin(rig *r, rig_mode mode) {
    (void)unsetenv("NODE_EXTRA_CA_CERTS");
    memset(r, 0, sizeof *r);
    r->clock = (dbk_clock){mono_ns, wall_ms};
    r->mode = mode;
    dbk_lane_mode lane_mode = mode == RIG_THREADED ? DBK_LANE_THREADED : DBK_LANE_EMBEDDED;
    CHECK_OK(dbk_lane_new("rig", lane_mode, &r->clock, &r->lane, &r->err), &r->err);
    CHECK_OK(dbk_runtime_embed(r->lane, &r->runtime, &r->err), &r->err);
    test_peer_init(&rig_peer);
    dbk_host_forget_for_tests();
    dbk_lane_set_socket_opener(r->lane, test_peer_open, &rig_peer);
    dbk_config *c = &r->config;
    dbk_config_init(c);
    CHECK_OK(dbk_str_set(&c->host, DBK_SLICE("http://127.0.0.1:1"), &r->err), &r->err);
    CHECK_OK(dbk_str_set(&c->warehouse_id, DBK_SLICE("w"), &r->err), &r->err);
    c->auth_mode = DBK_AUTH_PAT;
    CHECK_OK(dbk_secret_set(&c->token, DBK_SLICE("secret"), &r->err), &r->err);
    c->retry = (dbk_retry_policy){1, 1, 3, 1000};
    if (mode != RIG_STEPPED) {
        test_peer_serve(&rig_peer);
    }
}

static dbk_status open_stepped(rig *r) {
    dbk_op *op = NULL;
    dbk_status st = dbk_session_prepare(&r->config, r->runtime, &r->session, &op, &r->err);
    if (st == DBK_OK) {
        st = rig_run(r, op);
        dbk_error_move(&r->err, &op->err);
        dbk_op_unref(op);
    }
    return st;
}

void rig_open(rig *r) {
    rig_answer(r, RIG_SESSIONS, RIG_OK, "{\"session_id\":\"se\"}");
    dbk_status st = r->mode == RIG_STEPPED
                        ? open_stepped(r)
                        : dbk_session_open_on(&r->config, r->runtime, NULL, &r->session, &r->err);
    CHECK_OK(st, &r->err);
    CHECK_STR(rig_story(r), "POST sessions");
}

void rig_end(rig *r) {
    if (r->session != NULL && dbk_session_is_open(r->session)) {
        rig_answer(r, "DELETE /api/2.0/sql/sessions/", RIG_OK, "{}");
    }
    dbk_session_unref(r->session);
    if (r->mode == RIG_STEPPED) {
        rig_settle(r);
    } else {
        for (size_t i = 0; !test_peer_used_up(&rig_peer) && i < PATIENCE_ROUNDS; i++) {
            if (r->mode == RIG_SERVED) {
                dbk_lane_run_once(r->lane);
            }
            (void)poll(NULL, 0, 1);
        }
    }
    CHECK(test_peer_used_up(&rig_peer));
    dbk_runtime_unref(r->runtime);
    dbk_lane_free(r->lane);
    r->request_count = test_peer_request_count(&rig_peer);
    test_peer_end(&rig_peer);
    for (size_t i = 0; i < r->answer_count; i++) {
        dbk_buf_reset(&r->answers[i]);
    }
    dbk_buf_reset(&r->story);
    dbk_config_reset(&r->config);
    dbk_error_reset(&r->err);
}

/* ---- the script ---- */

const char *rig_http(rig *r, const char *head, const char *json) {
    dbk_error err = {0};
    const char *text = NULL;
    CHECK(r->answer_count < RIG_ANSWERS);
    dbk_buf *out = &r->answers[r->answer_count++];
    CHECK_OK(dbk_buf_putf(out, &err,
                          "HTTP/1.1 %s\r\ncontent-type: application/json\r\ncontent-length: "
                          "%zu\r\n\r\n%s",
                          head, strlen(json), json),
             &err);
    CHECK_OK(dbk_buf_cstr(out, &text, &err), &err);
    return text;
}

void rig_answer(rig *r, const char *request, const char *head, const char *json) {
    test_peer_on(&rig_peer, request, rig_http(r, head, json), TEST_PEER_KEEP);
}

void rig_stall(rig *r, const char *request) {
    (void)r;
    test_peer_on(&rig_peer, request, "", TEST_PEER_STALL);
}

/* ---- running ---- */

void rig_settle(rig *r) {
    test_peer_settle(&rig_peer, r->lane);
}

dbk_status rig_run(rig *r, dbk_op *op) {
    dbk_op_start(op, NULL, NULL);
    rig_settle(r);
    while (!dbk_op_is_done(op)) {
        int64_t ms = dbk_lane_timeout_ms(r->lane);
        CHECK(ms > 0 && r->wait_count < RIG_WAITS);
        r->waits[r->wait_count++] = (uint64_t)ms;
        rig_pass(r, (uint64_t)ms);
        rig_settle(r);
    }
    return op->status;
}

dbk_status rig_execute(rig *r, dbk_statement *st, dbk_run_kind kind, dbk_exec **out) {
    dbk_exec *e = NULL;
    dbk_op *op = NULL;
    dbk_status status = dbk_statement_begin(st, kind, &e, &op, &r->err);
    if (status != DBK_OK) {
        return status;
    }
    status = rig_run(r, op);
    dbk_error_move(&r->err, &op->err);
    return dbk_statement_finish(e, op, status, out);
}

dbk_status rig_follow(rig *r, dbk_exec *e, dbk_run_kind kind, uint64_t patience_ms) {
    dbk_op *op = NULL;
    dbk_status st = dbk_run_new(e, kind, NULL, patience_ms, &op, &r->err);
    if (st != DBK_OK) {
        return st;
    }
    dbk_exec_arm(e, op);
    st = rig_run(r, op);
    dbk_error_move(&r->err, &op->err);
    dbk_exec_disarm(e, op);
    return st;
}

/* ---- another thread ---- */

bool rig_seen(const char *request) {
    size_t count = test_peer_request_count(&rig_peer);
    for (size_t i = 0; i < count; i++) {
        if (strstr(test_peer_request(&rig_peer, i), request) != NULL) {
            return true;
        }
    }
    return false;
}

static bool seen_in_time(const char *request) {
    for (size_t i = 0; i < PATIENCE_ROUNDS && !rig_seen(request); i++) {
        (void)poll(NULL, 0, 1);
    }
    return rig_seen(request);
}

void rig_wait_seen(const char *request) {
    CHECK_CASE(request);
    CHECK(seen_in_time(request));
}

static void *help(void *arg) {
    rig *r = arg;
    if (seen_in_time(r->helper_waits_for)) {
        r->helper_does(r);
    }
    return NULL;
}

void rig_when(rig *r, const char *request, void (*does)(rig *r)) {
    r->helper_waits_for = request;
    r->helper_does = does;
    CHECK(pthread_create(&r->helper, NULL, help, r) == 0);
}

void rig_join(rig *r) {
    CHECK(pthread_join(r->helper, NULL) == 0);
}

/* ---- witnesses ---- */

/* "POST /api/2.0/sql/statements?x HTTP/1.1" is told as "POST statements", "POST /x HTTP/1.1" as "POST x". */
static void tell(rig *r, const char *request) {
    static const char root[] = "/api/2.0/sql/";
    const char *path = strchr(request, '/');
    CHECK(path != NULL);
    const char *rest = path + (strncmp(path, root, strlen(root)) == 0 ? strlen(root) : 1);
    CHECK_OK(dbk_buf_putf(&r->story, &r->err, "%s%.*s%.*s", r->story.len > 0 ? ", " : "",
                          (int)(path - request), request, (int)strcspn(rest, "? "), rest),
             &r->err);
}

const char *rig_story(rig *r) {
    const char *text = NULL;
    dbk_buf_clear(&r->story);
    for (size_t n = test_peer_request_count(&rig_peer); r->told < n; r->told++) {
        tell(r, test_peer_request(&rig_peer, r->told));
    }
    CHECK_OK(dbk_buf_cstr(&r->story, &text, &r->err), &r->err);
    return text;
}

const char *rig_body(size_t request) {
    const char *end = strstr(test_peer_request(&rig_peer, request), "\r\n\r\n");
    CHECK(end != NULL);
    return end + 4;
}

dbk_statement *rig_statement(rig *r, const char *sql) {
    dbk_statement *st = NULL;
    CHECK_OK(dbk_statement_new(r->session, &st, &r->err), &r->err);
    CHECK_OK(dbk_statement_set_sql(st, dbk_slice_of(sql), &r->err), &r->err);
    return st;
}
