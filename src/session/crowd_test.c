/* Statements of one session that wait at the same time: who is asked, and when. */
#include "net/test_peer.h"
#include "session/session_rig.h"
#include "unit.h"

#define CROWD 64 /* from here on a statement that was just submitted is not asked about at once */

typedef struct member {
    dbk_statement *st;
    dbk_exec *e;
    dbk_op *op;
} member;

static void begin_crowd(rig *r) {
    rig_begin(r, RIG_STEPPED);
    test_peer_always(&rig_peer, "DELETE /api/2.0/sql/statements/", rig_http(r, RIG_OK, "{}"));
    rig_open(r);
}

static void begin(rig *r, member *m, dbk_run_kind kind, const char *answer) {
    m->st = rig_statement(r, "SELECT 1");
    rig_answer(r, RIG_EXECUTE, RIG_OK, answer);
    CHECK_OK(dbk_statement_begin(m->st, kind, &m->e, &m->op, &r->err), &r->err);
    dbk_op_start(m->op, NULL, NULL);
    rig_settle(r);
}

static void live_until_done(rig *r, const dbk_op *op) {
    rig_settle(r);
    while (!dbk_op_is_done(op)) {
        int64_t ms = dbk_lane_timeout_ms(r->lane);
        CHECK(ms > 0);
        rig_pass(r, (uint64_t)ms);
        rig_settle(r);
    }
}

static void end(rig *r, member *m) {
    live_until_done(r, m->op);
    CHECK_OK(dbk_statement_finish(m->e, m->op, m->op->status, &m->e), &r->err);
    CHECK(dbk_exec_stream(m->e) != NULL);
    dbk_exec_unref(m->e);
    dbk_statement_unref(m->st);
    rig_settle(r);
}

static void answer_about(rig *r, const char *request, const char *json) {
    rig_answer(r, request, RIG_OK, json);
}

/* The first is due after 10 ms, the others 5 ms later: they are asked with it. One of them goes on. */
DBK_TEST(what_is_done_lets_others_be_asked) {
    rig r;
    member a = {0};
    member b = {0};
    member c = {0};
    begin_crowd(&r);
    begin(&r, &a, DBK_RUN_EXECUTE, RIG_STATE("a", "PENDING"));
    rig_pass(&r, 5);
    begin(&r, &b, DBK_RUN_EXECUTE, RIG_STATE("b", "PENDING"));
    begin(&r, &c, DBK_RUN_EXECUTE, RIG_STATE("c", "PENDING"));
    (void)rig_story(&r);
    answer_about(&r, "GET /api/2.0/sql/statements/a ", RIG_ROW("a", "x", "1"));
    answer_about(&r, "GET /api/2.0/sql/statements/b ", RIG_ROW("b", "x", "2"));
    answer_about(&r, "GET /api/2.0/sql/statements/c ", RIG_STATE("c", "RUNNING"));
    rig_pass(&r, 5);
    rig_settle(&r);
    CHECK(dbk_op_is_done(a.op) && dbk_op_is_done(b.op) && !dbk_op_is_done(c.op));
    CHECK_STR(rig_story(&r), "GET statements/a, GET statements/b, GET statements/c");
    rig_pass(&r, 9);
    rig_settle(&r);
    CHECK_STR(rig_story(&r), "");
    answer_about(&r, "GET /api/2.0/sql/statements/c ", RIG_ROW("c", "x", "3"));
    end(&r, &a);
    end(&r, &b);
    end(&r, &c);
    rig_end(&r);
}

/* Cancelled while it waits for its turn, it is not asked about any more. */
DBK_TEST(what_is_cancelled_leaves_the_crowd) {
    rig r;
    member a = {0};
    member b = {0};
    begin_crowd(&r);
    begin(&r, &a, DBK_RUN_EXECUTE, RIG_STATE("a", "PENDING"));
    rig_pass(&r, 5);
    begin(&r, &b, DBK_RUN_EXECUTE, RIG_STATE("b", "PENDING"));
    answer_about(&r, "POST /api/2.0/sql/statements/b/cancel ", "{}");
    dbk_op_cancel(b.op);
    rig_settle(&r);
    CHECK(dbk_statement_finish(b.e, b.op, b.op->status, &b.e) == DBK_CANCELLED);
    dbk_statement_unref(b.st);
    rig_settle(&r);
    (void)rig_story(&r);
    answer_about(&r, "GET /api/2.0/sql/statements/a ", RIG_ROW("a", "x", "1"));
    end(&r, &a);
    CHECK_CONTAINS(rig_story(&r), "GET statements/a");
    rig_end(&r);
}

/* Submitted where many wait, and awaited at once: its turn comes two milliseconds per waiting statement later. */
DBK_TEST(who_comes_to_a_crowd_takes_turns) {
    rig r;
    member crowd[CROWD] = {0};
    member late = {0};
    begin_crowd(&r);
    for (size_t i = 0; i < CROWD; i++) {
        begin(&r, &crowd[i], DBK_RUN_EXECUTE, RIG_STATE("st", "PENDING"));
    }
    begin(&r, &late, DBK_RUN_SUBMIT, RIG_STATE("late", "PENDING"));
    CHECK_OK(dbk_statement_finish(late.e, late.op, late.op->status, &late.e), &r.err);
    (void)rig_story(&r);
    CHECK_OK(dbk_run_new(late.e, DBK_RUN_AWAIT, NULL, 0, &late.op, &r.err), &r.err);
    dbk_exec_arm(late.e, late.op);
    dbk_op_start(late.op, NULL, NULL);
    rig_settle(&r);
    CHECK_STR(rig_story(&r), "");
    test_peer_always(&rig_peer, "GET /api/2.0/sql/statements/st ",
                     rig_http(&r, RIG_OK, RIG_ROW("st", "a", "7")));
    test_peer_always(&rig_peer, "GET /api/2.0/sql/statements/late ",
                     rig_http(&r, RIG_OK, RIG_ROW("late", "a", "7")));
    live_until_done(&r, late.op);
    CHECK(late.op->status == DBK_OK && dbk_exec_stream(late.e) != NULL);
    dbk_exec_disarm(late.e, late.op);
    dbk_exec_unref(late.e);
    dbk_statement_unref(late.st);
    for (size_t i = 0; i < CROWD; i++) {
        end(&r, &crowd[i]);
    }
    CHECK_EQ_SIZE(test_peer_plays(&rig_peer, "GET /api/2.0/sql/statements/st "), CROWD);
    CHECK_EQ_SIZE(test_peer_plays(&rig_peer, "GET /api/2.0/sql/statements/late "), 1);
    rig_end(&r);
}
