#include "session/session_rig.h"

#include <stdio.h>

#include "net/test_peer.h"
#include "unit.h"

#define GET    "GET /api/2.0/sql/statements/st "
#define DELETE "DELETE /api/2.0/sql/statements/st "
#define CANCEL "POST /api/2.0/sql/statements/st/cancel "

static dbk_canceller *canceller_of(rig *r, dbk_statement *st) {
    dbk_canceller *c = NULL;
    CHECK_OK(dbk_canceller_new(st, &c, &r->err), &r->err);
    return c;
}

/* Starts st and leaves it where it waits. */
static dbk_op *begin(rig *r, dbk_statement *st, dbk_exec **e) {
    dbk_op *op = NULL;
    CHECK_OK(dbk_statement_begin(st, DBK_RUN_EXECUTE, e, &op, &r->err), &r->err);
    dbk_op_start(op, NULL, NULL);
    rig_settle(r);
    return op;
}

static void check_cancelled(rig *r, dbk_exec *e, dbk_op *op, bool may_have_executed) {
    CHECK(dbk_op_is_done(op));
    CHECK(op->status == DBK_CANCELLED);
    CHECK_STR(dbk_error_message(&op->err), "statement was cancelled");
    CHECK(op->err.may_have_executed == may_have_executed);
    CHECK(dbk_statement_finish(e, op, op->status, &e) == DBK_CANCELLED);
    (void)r;
}

/* ---- before the id is known ---- */

DBK_TEST(cancel_before_anything_ran) {
    rig r;
    bool told = true;
    rig_begin(&r, RIG_STEPPED);
    rig_open(&r);
    dbk_statement *st = rig_statement(&r, "S");
    dbk_canceller *c = canceller_of(&r, st);
    CHECK_OK(dbk_canceller_cancel(c, &told, &r.err), &r.err);
    CHECK(!told);
    rig_settle(&r);
    CHECK_STR(rig_story(&r), "");
    dbk_canceller_free(c);
    dbk_canceller_free(NULL);
    dbk_statement_unref(st);
    rig_end(&r);
}

/* Between "it can be found" and "it is sent": nothing is sent at all. */
DBK_TEST(cancel_before_it_is_sent) {
    rig r;
    bool told = true;
    dbk_exec *e = NULL;
    dbk_op *op = NULL;
    rig_begin(&r, RIG_STEPPED);
    rig_open(&r);
    dbk_statement *st = rig_statement(&r, "S");
    dbk_canceller *c = canceller_of(&r, st);
    CHECK_OK(dbk_statement_begin(st, DBK_RUN_EXECUTE, &e, &op, &r.err), &r.err);
    CHECK_OK(dbk_canceller_cancel(c, &told, &r.err), &r.err);
    CHECK(!told);
    CHECK(rig_run(&r, op) == DBK_CANCELLED);
    check_cancelled(&r, e, op, false);
    rig_settle(&r);
    CHECK_STR(rig_story(&r), "");
    dbk_canceller_free(c);
    dbk_statement_unref(st);
    rig_end(&r);
}

/* The latch of the execution itself: it counts for an operation that is armed later. */
DBK_TEST(cancel_of_an_execution_without_operation) {
    rig r;
    bool told = false;
    dbk_exec *e = NULL;
    dbk_op *op = NULL;
    dbk_sea_statement_request wire = {.session_id = DBK_SLICE("se"), .sql = DBK_SLICE("S")};
    rig_begin(&r, RIG_STEPPED);
    rig_open(&r);
    CHECK_OK(dbk_exec_new(r.session, &e, &r.err), &r.err);
    CHECK_OK(dbk_exec_cancel(dbk_exec_ref(e), &told, &r.err), &r.err);
    CHECK(!told);
    CHECK_OK(dbk_run_new(e, DBK_RUN_EXECUTE, &wire, 0, &op, &r.err), &r.err);
    dbk_exec_arm(e, op);
    CHECK(rig_run(&r, op) == DBK_CANCELLED);
    dbk_exec_disarm(e, op);
    dbk_exec_unref(e);
    CHECK_STR(rig_story(&r), "");
    rig_end(&r);
}

/* The server is still thinking about the execute: the caller is free at once, the server is told as
 * soon as the answer comes. */
DBK_TEST(cancel_while_execute_is_unanswered) {
    static const struct {
        const char *name, *head, *json;
        bool cancels, closes;
    } rows[] = {
        {"it runs", RIG_OK, RIG_STATE("st", "RUNNING"), true, true},
        {"it is done", RIG_OK, RIG_STATE("st", "SUCCEEDED"), false, true},
        {"it failed", RIG_OK, RIG_STATE("st", "FAILED"), false, true},
        {"it is closed", RIG_OK, RIG_STATE("st", "CLOSED"), false, false},
        {"unreadable", RIG_OK, RIG_STATE("st", "WALKING"), true, true},
        {"unreadable without an id", RIG_OK, "{}", false, false},
        {"refused", "400 Bad", "{}", false, false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        rig r;
        bool told = true;
        dbk_exec *e = NULL;
        CHECK_CASE(rows[i].name);
        rig_begin(&r, RIG_STEPPED);
        rig_open(&r);
        dbk_statement *st = rig_statement(&r, "S");
        dbk_canceller *c = canceller_of(&r, st);
        rig_stall(&r, RIG_EXECUTE);
        dbk_op *op = begin(&r, st, &e);
        CHECK_STR(rig_story(&r), "POST statements");
        CHECK_OK(dbk_canceller_cancel(c, &told, &r.err), &r.err);
        CHECK(!told);
        rig_settle(&r);
        check_cancelled(&r, e, op, true);
        CHECK_STR(rig_story(&r), "");
        if (rows[i].cancels) {
            rig_answer(&r, CANCEL, RIG_OK, "{}");
        }
        if (rows[i].closes) {
            rig_answer(&r, DELETE, RIG_OK, "{}");
        }
        test_peer_go_on(&rig_peer, rig_http(&r, rows[i].head, rows[i].json), TEST_PEER_KEEP);
        rig_settle(&r);
        const char *story = rig_story(&r);
        CHECK((strstr(story, "POST statements/st/cancel") != NULL) == rows[i].cancels);
        CHECK((strstr(story, "DELETE statements/st") != NULL) == rows[i].closes);
        dbk_canceller_free(c);
        dbk_statement_unref(st);
        rig_settle(&r);
        CHECK_STR(rig_story(&r), "");
        rig_end(&r);
    }
}

/* Refused for now, and waiting to be sent again: it is not sent again, and never ran. */
DBK_TEST(cancel_between_two_attempts) {
    rig r;
    bool told = true;
    dbk_exec *e = NULL;
    rig_begin(&r, RIG_STEPPED);
    r.config.retry = (dbk_retry_policy){1000, 1000, 3, 60000};
    rig_open(&r);
    dbk_statement *st = rig_statement(&r, "S");
    dbk_canceller *c = canceller_of(&r, st);
    rig_answer(&r, RIG_EXECUTE, "503 Busy\r\nretry-after: 1", "{}");
    dbk_op *op = begin(&r, st, &e);
    CHECK(!dbk_op_is_done(op));
    CHECK_OK(dbk_canceller_cancel(c, &told, &r.err), &r.err);
    rig_settle(&r);
    check_cancelled(&r, e, op, false);
    rig_pass(&r, 60000);
    rig_settle(&r);
    CHECK_STR(rig_story(&r), "POST statements");
    dbk_canceller_free(c);
    dbk_statement_unref(st);
    rig_end(&r);
}

/* ---- in every state ---- */

typedef struct trap {
    const char *line; /* of the log: the operation enters a state */
    dbk_op *op;
    bool sprung;
} trap;

static void spring(const char *level, const char *target, const char *message, void *user_data) {
    trap *t = user_data;
    (void)level;
    (void)target;
    if (!t->sprung && t->op != NULL && strstr(message, t->line) != NULL) {
        t->sprung = true;
        dbk_op_cancel(t->op); /* only posts a task */
    }
}

/* Cancelled on entering each state: no statement that the server knows of is left behind. */
DBK_TEST(cancel_in_every_state) {
    static const struct {
        const char *line;
        bool polled;
        const char *story;
    } rows[] = {
        {"statement: send -> answer", false, "POST statements"},
        {"statement: answer -> pause", false, "POST statements"},
        {"statement: pause -> poll", false, "POST statements"},
        {"statement: poll -> answer", true, "POST statements, GET statements/st"},
        {"statement: answer -> result", true, "POST statements, GET statements/st"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        rig r;
        trap t = {.line = rows[i].line};
        dbk_exec *e = NULL;
        CHECK_CASE(rows[i].line);
        rig_begin(&r, RIG_STEPPED);
        rig_open(&r);
        dbk_statement *st = rig_statement(&r, "S");
        rig_answer(&r, RIG_EXECUTE, RIG_OK, RIG_STATE("st", "RUNNING"));
        if (rows[i].polled) {
            rig_answer(&r, GET, RIG_OK, RIG_ROW("st", "a", "1"));
        }
        rig_answer(&r, CANCEL, RIG_OK, "{}");
        rig_answer(&r, DELETE, RIG_OK, "{}");
        CHECK_OK(dbk_log_replace_callback("trace", spring, &t, &r.err), &r.err);
        CHECK_OK(dbk_statement_begin(st, DBK_RUN_EXECUTE, &e, &t.op, &r.err), &r.err);
        dbk_op *op = t.op;
        dbk_status got = rig_run(&r, op);
        dbk_log_reset_for_tests();
        CHECK(t.sprung);
        CHECK(got == DBK_CANCELLED);
        CHECK_STR(op->err.query_id, "st");
        check_cancelled(&r, e, op, false);
        rig_settle(&r);
        const char *story = rig_story(&r);
        CHECK(strncmp(story, rows[i].story, strlen(rows[i].story)) == 0);
        CHECK_CONTAINS(story, "POST statements/st/cancel");
        CHECK_CONTAINS(story, "DELETE statements/st");
        dbk_statement_unref(st);
        rig_end(&r);
    }
}

/* Submitting: the cancel is told to the server although the answer came. */
DBK_TEST(cancel_as_the_answer_to_submit_comes) {
    rig r;
    trap t = {.line = "statement: send -> answer"};
    dbk_exec *e = NULL;
    rig_begin(&r, RIG_STEPPED);
    rig_open(&r);
    dbk_statement *st = rig_statement(&r, "S");
    rig_answer(&r, RIG_EXECUTE, RIG_OK, RIG_STATE("st", "RUNNING"));
    rig_answer(&r, CANCEL, RIG_OK, "{}");
    rig_answer(&r, DELETE, RIG_OK, "{}");
    CHECK_OK(dbk_log_replace_callback("trace", spring, &t, &r.err), &r.err);
    CHECK_OK(dbk_statement_begin(st, DBK_RUN_SUBMIT, &e, &t.op, &r.err), &r.err);
    dbk_op *op = t.op;
    CHECK(rig_run(&r, op) == DBK_CANCELLED);
    dbk_log_reset_for_tests();
    check_cancelled(&r, e, op, false);
    dbk_statement_unref(st);
    rig_end(&r);
}

/* ---- the server knows ---- */

DBK_TEST(a_server_that_ignores_the_cancel_is_given_up) {
    rig r;
    dbk_exec *e = NULL;
    rig_begin(&r, RIG_STEPPED);
    rig_open(&r);
    dbk_statement *st = rig_statement(&r, "S");
    rig_answer(&r, RIG_EXECUTE, RIG_OK, RIG_STATE("st", "RUNNING"));
    dbk_op *op = begin(&r, st, &e);
    CHECK_STR(rig_story(&r), "POST statements");
    rig_answer(&r, GET, RIG_OK, RIG_STATE("st", "RUNNING"));
    dbk_run_hurry(op); /* what an accepted cancel does */
    rig_settle(&r);
    CHECK_STR(rig_story(&r), "GET statements/st"); /* at once, not after the pause */
    uint64_t waited = 0;
    size_t polls = 0;
    while (!dbk_op_is_done(op)) {
        int64_t ms = dbk_lane_timeout_ms(r.lane);
        CHECK(ms > 0 && polls < 100);
        rig_answer(&r, GET, RIG_OK, RIG_STATE("st", "RUNNING"));
        rig_pass(&r, (uint64_t)ms);
        waited += (uint64_t)ms;
        polls++;
        if (waited > 1000) {
            rig_answer(&r, DELETE, RIG_OK, "{}");
        }
        rig_settle(&r);
    }
    CHECK(waited > 1000 && waited < 1200);
    CHECK(op->status == DBK_CANCELLED);
    CHECK_STR(dbk_error_message(&op->err),
              "the server accepted the cancel but the statement goes on: given up");
    CHECK(op->err.may_have_executed);
    CHECK_STR(op->err.query_id, "st");
    CHECK(dbk_statement_finish(e, op, op->status, &e) == DBK_CANCELLED);
    rig_settle(&r);
    CHECK_CONTAINS(rig_story(&r), "DELETE statements/st");
    dbk_statement_unref(st);
    rig_end(&r);
}

typedef struct other {
    dbk_canceller *c;
    dbk_status status;
    bool told;
} other;
static other helper; /* what the other thread has and found */

static void cancel_there(rig *r) {
    dbk_error err = {0};
    rig_answer(r, CANCEL, RIG_OK, "{}");
    rig_answer(r, DELETE, RIG_OK, "{}");
    helper.status = dbk_canceller_cancel(helper.c, &helper.told, &err);
    dbk_error_reset(&err);
    test_peer_go_on(&rig_peer, rig_http(r, RIG_OK, RIG_STATE("st", "CANCELED")), TEST_PEER_KEEP);
}

static void cancel_while_polling(rig_mode mode) {
    rig r;
    dbk_exec *e = NULL;
    rig_begin(&r, mode);
    rig_open(&r);
    dbk_statement *st = rig_statement(&r, "S");
    helper = (other){.c = canceller_of(&r, st)};
    rig_answer(&r, RIG_EXECUTE, RIG_OK, RIG_STATE("st", "RUNNING"));
    rig_stall(&r, GET);
    rig_when(&r, GET, cancel_there);
    CHECK_FAILS(dbk_statement_execute(st, &e, &r.err), &r.err, DBK_CANCELLED,
                "Statement was canceled");
    rig_join(&r);
    CHECK(helper.status == DBK_OK && helper.told);
    dbk_canceller_free(helper.c);
    dbk_statement_unref(st);
    rig_end(&r);
}

/* Of an embedded lane the other thread only posts the wish. */
DBK_TEST(cancel_from_another_thread_while_polling) {
    cancel_while_polling(RIG_THREADED);
    cancel_while_polling(RIG_SERVED);
}

static void cancel_without_id(rig *r) {
    dbk_error err = {0};
    (void)r;
    helper.status = dbk_canceller_cancel(helper.c, &helper.told, &err);
    dbk_error_reset(&err);
}

/* A process that closes its session right after: the late answer is waited for, and acted on. */
static void cancel_before_the_answer(rig_mode mode) {
    rig r;
    dbk_exec *e = NULL;
    rig_begin(&r, mode);
    rig_open(&r);
    dbk_statement *st = rig_statement(&r, "S");
    helper = (other){.c = canceller_of(&r, st)};
    rig_stall(&r, RIG_EXECUTE);
    rig_when(&r, RIG_EXECUTE, cancel_without_id);
    CHECK_FAILS(dbk_statement_execute(st, &e, &r.err), &r.err, DBK_CANCELLED,
                "statement was cancelled");
    rig_join(&r);
    CHECK(helper.status == DBK_OK && !helper.told);
    rig_answer(&r, CANCEL, RIG_OK, "{}");
    rig_answer(&r, DELETE, RIG_OK, "{}");
    rig_answer(&r, "DELETE /api/2.0/sql/sessions/", RIG_OK, "{}");
    test_peer_go_on(&rig_peer, rig_http(&r, RIG_OK, RIG_STATE("st", "RUNNING")), TEST_PEER_KEEP);
    dbk_canceller_free(helper.c);
    dbk_statement_unref(st);
    dbk_session_close(r.session);
    CHECK(test_peer_used_up(&rig_peer)); /* all told by the time close comes back */
    rig_end(&r);
}

DBK_TEST(cancel_from_another_thread_before_the_answer) {
    cancel_before_the_answer(RIG_THREADED);
    cancel_before_the_answer(RIG_SERVED);
}

DBK_TEST(cancel_after_the_end_is_sent_all_the_same) {
    rig r;
    bool told = false;
    dbk_exec *e = NULL;
    rig_begin(&r, RIG_THREADED);
    rig_open(&r);
    dbk_statement *st = rig_statement(&r, "S");
    dbk_canceller *c = canceller_of(&r, st);
    rig_answer(&r, RIG_EXECUTE, RIG_OK, RIG_ROW("st", "a", "1"));
    CHECK_OK(dbk_statement_execute(st, &e, &r.err), &r.err);
    rig_answer(&r, CANCEL, RIG_OK, "{}");
    CHECK_OK(dbk_canceller_cancel(c, &told, &r.err), &r.err);
    CHECK(told);
    rig_answer(&r, CANCEL, "400 Bad", "{\"message\":\"too late\"}");
    told = false;
    CHECK_FAILS(dbk_canceller_cancel(c, &told, &r.err), &r.err, DBK_INVALID_ARGUMENT,
                "HTTP 400: too late");
    CHECK(told); /* an id was known */
    rig_answer(&r, DELETE, RIG_OK, "{}");
    dbk_exec_unref(e);
    dbk_canceller_free(c);
    dbk_statement_unref(st);
    rig_end(&r);
}

/* ---- cancel tokens ---- */

static dbk_cancel_token *token_of(rig *r) {
    dbk_cancel_token *t = NULL;
    CHECK_OK(dbk_cancel_token_new(&t, &r->err), &r->err);
    return t;
}

DBK_TEST(a_token_stays_fired) {
    rig r;
    rig_begin(&r, RIG_SERVED);
    dbk_cancel_token *t = token_of(&r);
    CHECK(!dbk_cancel_token_fired(t) && !dbk_cancel_token_fired(NULL));
    dbk_cancel_token_fire(t);
    dbk_cancel_token_fire(t);
    CHECK(dbk_cancel_token_fired(t));
    CHECK_FAILS(dbk_session_open_on(&r.config, r.runtime, t, &r.session, &r.err), &r.err,
                DBK_CANCELLED, "session open was cancelled");
    CHECK(r.session == NULL);
    CHECK_STR(rig_story(&r), ""); /* nothing was sent */
    dbk_cancel_token_unref(t);
    dbk_cancel_token_unref(NULL);
    rig_end(&r);
}

static dbk_cancel_token *token;

static void fire(rig *r) {
    (void)r;
    dbk_cancel_token_fire(token);
}

/* The session that the server makes all the same is deleted. */
DBK_TEST(a_token_ends_open) {
    rig r;
    rig_begin(&r, RIG_THREADED);
    token = token_of(&r);
    rig_stall(&r, RIG_SESSIONS);
    rig_when(&r, RIG_SESSIONS, fire);
    CHECK_FAILS(dbk_session_open_on(&r.config, r.runtime, token, &r.session, &r.err), &r.err,
                DBK_CANCELLED, "session open was cancelled");
    rig_join(&r);
    CHECK(r.session == NULL);
    rig_answer(&r, "DELETE /api/2.0/sql/sessions/late?", RIG_OK, "{}");
    test_peer_go_on(&rig_peer, rig_http(&r, RIG_OK, "{\"session_id\":\"late\"}"), TEST_PEER_KEEP);
    rig_wait_seen("DELETE /api/2.0/sql/sessions/late?");
    dbk_cancel_token_unref(token);
    rig_end(&r);
}

#define TWO_CHUNKS                                                                          \
    "{\"statement_id\":\"st\",\"status\":{\"state\":\"SUCCEEDED\"},\"manifest\":{"          \
    "\"total_chunk_count\":2,\"total_row_count\":2," RIG_COLUMN(                            \
        "a") "},\"result\":{"                                                               \
             "\"chunk_index\":0,\"row_offset\":0,\"row_count\":1,\"next_chunk_index\":1,"   \
             "\"next_chunk_internal_link\":\"/api/2.0/sql/statements/st/result/chunks/1\"," \
             "\"data_array\":[[\"1\"]]}}"

DBK_TEST(a_token_ends_next_batch) {
    rig r;
    dbk_exec *e = NULL;
    dbk_batch *batch = NULL;
    rig_begin(&r, RIG_THREADED);
    rig_open(&r);
    token = token_of(&r);
    dbk_statement *st = rig_statement(&r, "S");
    rig_answer(&r, RIG_EXECUTE, RIG_OK, TWO_CHUNKS);
    rig_stall(&r, "/result/chunks/1");
    CHECK_OK(dbk_statement_execute(st, &e, &r.err), &r.err);
    dbk_stream *stream = dbk_exec_stream(e);
    CHECK_OK(dbk_cancel_token_next(token, stream, &batch, &r.err), &r.err);
    CHECK_EQ_I64(dbk_batch_row_count(batch), 1);
    dbk_batch_unref(batch);
    batch = NULL;
    rig_when(&r, "/result/chunks/1", fire);
    CHECK_FAILS(dbk_cancel_token_next(token, stream, &batch, &r.err), &r.err, DBK_CANCELLED,
                "the result stream was closed");
    rig_join(&r);
    CHECK(batch == NULL);
    CHECK_FAILS(dbk_cancel_token_next(NULL, stream, &batch, &r.err), &r.err, DBK_CANCELLED,
                "the result stream was closed"); /* for good */
    rig_answer(&r, DELETE, RIG_OK, "{}");
    dbk_exec_unref(e);
    dbk_statement_unref(st);
    dbk_cancel_token_unref(token);
    rig_end(&r);
}
