/* Long lives by a clock that the test moves from timer to timer. DBK_DAY_HOURS=24 (make async-check) lives a day in ten
 * seconds of CPU; without it one hour passes. */
#include <stdlib.h>

#include "net/test_peer.h"
#include "session/session_rig.h"
#include "unit.h"

#define GET             "GET /api/2.0/sql/statements/st "
#define TOKENS          "POST /oidc/v1/token "
#define HOUR_MS         UINT64_C(3600000)
#define AT_ORIGIN(path) "\"http://127.0.0.1:1/oidc/v1/" path "\""

static uint64_t day_ms(void) {
    const char *hours = getenv("DBK_DAY_HOURS");
    return HOUR_MS * (hours != NULL ? strtoul(hours, NULL, 10) : 1);
}

static uint64_t now(const rig *r) {
    return dbk_clock_ms(&r->clock);
}

/* Signed in as a machine whose tokens last an hour. */
static void open_with_tokens(rig *r) {
    rig_begin(r, RIG_STEPPED);
    r->config.auth_mode = DBK_AUTH_M2M;
    CHECK_OK(dbk_str_set(&r->config.client_id, DBK_SLICE("id"), &r->err), &r->err);
    CHECK_OK(dbk_secret_set(&r->config.client_secret, DBK_SLICE("secret"), &r->err), &r->err);
    test_peer_always(
        &rig_peer, "GET /oidc/.well-known/oauth-authorization-server ",
        rig_http(r, RIG_OK,
                 "{\"token_endpoint\":" AT_ORIGIN("token") ",\"authorization_endpoint\":" AT_ORIGIN(
                     "authorize") "}"));
    test_peer_always(
        &rig_peer, TOKENS,
        rig_http(r, RIG_OK,
                 "{\"access_token\":\"a\",\"token_type\":\"Bearer\",\"expires_in\":3600}"));
    test_peer_always(&rig_peer, GET, rig_http(r, RIG_OK, RIG_STATE("st", "RUNNING")));
    rig_open(r);
}

/* A statement that the server has answered as pending. */
typedef struct pending {
    rig r;
    dbk_statement *st;
    dbk_exec *e;
    dbk_op *op;
    uint64_t begun;
} pending;

static void begin_pending(pending *p) {
    *p = (pending){0};
    open_with_tokens(&p->r);
    p->st = rig_statement(&p->r, "SELECT 1");
    rig_answer(&p->r, RIG_EXECUTE, RIG_OK, RIG_STATE("st", "PENDING"));
    CHECK_OK(dbk_statement_begin(p->st, DBK_RUN_EXECUTE, &p->e, &p->op, &p->r.err), &p->r.err);
    p->begun = now(&p->r);
    dbk_op_start(p->op, NULL, NULL);
    rig_settle(&p->r);
}

/* From timer to timer until op is done, until_ms at most. */
static void live_until(rig *r, const dbk_op *op, uint64_t until_ms) {
    rig_settle(r);
    while (!dbk_op_is_done(op) && now(r) < until_ms) {
        int64_t wait = dbk_lane_timeout_ms(r->lane);
        CHECK(wait > 0);
        rig_pass(r, dbk_min_u64((uint64_t)wait, until_ms - now(r)));
        rig_settle(r);
    }
}

/* Polled for a day, with a token per hour, and read at the end of it. */
DBK_TEST(a_statement_of_a_day) {
    pending p;
    dbk_batch *batch = NULL;
    begin_pending(&p);
    rig *r = &p.r;
    live_until(r, p.op, p.begun + day_ms());
    CHECK(!dbk_op_is_done(p.op));
    size_t polls = test_peer_plays(&rig_peer, GET);
    CHECK(polls > day_ms() / 2000 &&
          polls < day_ms() / 2000 + 100); /* every 2 s after the first ones */
    size_t tokens = test_peer_plays(&rig_peer, TOKENS);
    CHECK(tokens > day_ms() / HOUR_MS &&
          tokens <= day_ms() / HOUR_MS * 3 / 2 + 1); /* renewed ahead of need */
    CHECK(test_peer_open_now(&rig_peer) <= 2);       /* one for polls, one for tokens */
    rig_answer(r, GET, RIG_OK, RIG_ROW("st", "a", "7"));
    live_until(r, p.op, p.begun + day_ms() + 2000);
    CHECK(dbk_op_is_done(p.op) && p.op->status == DBK_OK);
    CHECK_OK(dbk_statement_finish(p.e, p.op, p.op->status, &p.e), &r->err);
    CHECK_OK(dbk_stream_next(dbk_exec_stream(p.e), &batch, &r->err), &r->err);
    CHECK_EQ_I64(dbk_batch_row_count(batch), 1);
    dbk_batch_unref(batch);
    rig_answer(r, "DELETE /api/2.0/sql/statements/st ", RIG_OK, "{}");
    dbk_exec_unref(p.e);
    dbk_statement_unref(p.st);
    rig_settle(r);
    rig_end(r);
}

/* Asks for the end of a statement that goes on, for a day: what it gets is that it goes on. */
static void be_patient(rig *r) {
    dbk_exec *e = NULL;
    dbk_op *op = NULL;
    CHECK_OK(dbk_exec_named(r->session, DBK_SLICE("st"), NULL, &e, &r->err), &r->err);
    CHECK_OK(dbk_run_new(e, DBK_RUN_AWAIT, NULL, day_ms(), &op, &r->err), &r->err);
    dbk_exec_arm(e, op);
    uint64_t begun = now(r);
    dbk_op_start(op, NULL, NULL);
    live_until(r, op, begun + 2 * day_ms());
    CHECK(dbk_op_is_done(op) && op->status == DBK_OK && dbk_exec_stream(e) == NULL);
    CHECK(now(r) - begun >= day_ms() && now(r) - begun <= day_ms() + 2000);
    dbk_exec_disarm(e, op);
    dbk_exec_unref(e);
}

/* A deadline of a day, a patience of a day and a session that nobody uses: each ends to the millisecond. */
DBK_TEST(deadlines_of_a_day) {
    pending p;
    begin_pending(&p);
    rig *r = &p.r;
    dbk_op_limit(p.op, day_ms());
    live_until(r, p.op, p.begun + day_ms() - 1);
    CHECK(!dbk_op_is_done(p.op));
    rig_answer(r, "POST /api/2.0/sql/statements/st/cancel ", RIG_OK, "{}");
    rig_answer(r, "DELETE /api/2.0/sql/statements/st ", RIG_OK, "{}");
    live_until(r, p.op, p.begun + day_ms());
    CHECK(dbk_op_is_done(p.op) && p.op->status == DBK_TIMEOUT);
    CHECK(dbk_statement_finish(p.e, p.op, p.op->status, &p.e) == DBK_TIMEOUT);
    dbk_statement_unref(p.st);
    rig_settle(r);
    be_patient(r);
    rig_pass(r, day_ms()); /* nobody uses it: pooled connections close, nothing else is due */
    rig_settle(r);
    CHECK_EQ_SIZE(test_peer_open_now(&rig_peer), 0);
    CHECK_EQ_I64(dbk_lane_timeout_ms(r->lane), -1);
    rig_end(r);
}
