#include "session/session_rig.h"

#include "unit.h"

#define GET    "GET /api/2.0/sql/statements/"
#define DELETE "DELETE /api/2.0/sql/statements/"

static dbk_exec *run(rig *r, dbk_statement *st, dbk_run_kind kind, const char *json) {
    dbk_exec *e = NULL;
    rig_answer(r, RIG_EXECUTE, RIG_OK, json);
    CHECK_OK(rig_execute(r, st, kind, &e), &r->err);
    return e;
}

/* The next DELETE is this one, and it is the only request. */
static void expect_delete(rig *r, const char *told) {
    rig_settle(r);
    CHECK_STR(rig_story(r), told);
}

DBK_TEST(a_second_execute_makes_the_first_stale) {
    rig r;
    rig_begin(&r, RIG_STEPPED);
    rig_open(&r);
    dbk_statement *st = rig_statement(&r, "S");
    dbk_exec *first = run(&r, st, DBK_RUN_EXECUTE, RIG_ROW("one", "a", "1"));
    CHECK(dbk_exec_check(first) == DBK_EXEC_VALID && dbk_exec_alive(first));
    rig_answer(&r, DELETE "one ", RIG_OK, "{}");
    dbk_exec *second = run(&r, st, DBK_RUN_EXECUTE, RIG_ROW("two", "a", "2"));
    CHECK(dbk_exec_check(first) == DBK_EXEC_STALE);
    CHECK(dbk_exec_check(second) == DBK_EXEC_VALID);
    rig_settle(&r);
    (void)rig_story(&r);
    dbk_exec_close(first);
    CHECK(dbk_exec_check(first) == DBK_EXEC_STALE); /* stays what it was */
    dbk_exec_unref(first);
    expect_delete(&r, "");
    rig_answer(&r, DELETE "two ", RIG_OK, "{}");
    dbk_statement_invalidate(st);
    CHECK(dbk_exec_check(second) == DBK_EXEC_STALE);
    expect_delete(&r, "DELETE statements/two");
    dbk_exec_unref(second);
    dbk_statement_unref(st);
    expect_delete(&r, "");
    rig_end(&r);
}

DBK_TEST(a_closed_execution_is_closed_once) {
    rig r;
    rig_begin(&r, RIG_STEPPED);
    rig_open(&r);
    dbk_statement *st = rig_statement(&r, "S");
    dbk_exec *e = run(&r, st, DBK_RUN_EXECUTE, RIG_ROW("st", "a", "1"));
    (void)rig_story(&r);
    rig_answer(&r, DELETE "st ", RIG_OK, "{}");
    dbk_exec_close(e);
    CHECK(dbk_exec_check(e) == DBK_EXEC_CLOSED);
    expect_delete(&r, "DELETE statements/st");
    dbk_exec_close(e);
    dbk_statement_invalidate(st);
    CHECK(dbk_exec_check(e) == DBK_EXEC_CLOSED);
    dbk_exec_unref(e);
    dbk_statement_unref(st);
    expect_delete(&r, "");
    rig_end(&r);
}

DBK_TEST(a_refused_request_leaves_the_last_execution_alone) {
    rig r;
    dbk_exec *none = NULL;
    rig_begin(&r, RIG_STEPPED);
    rig_open(&r);
    dbk_statement *st = rig_statement(&r, "S");
    dbk_exec *e = run(&r, st, DBK_RUN_EXECUTE, RIG_ROW("st", "a", "1"));
    CHECK_OK(dbk_statement_bind(st, 1, "INT", DBK_SLICE("1"), &r.err), &r.err);
    CHECK_OK(dbk_statement_bind_raw(st, DBK_SLICE("a"), DBK_SLICE("INT"), DBK_SLICE("1"), &r.err),
             &r.err);
    CHECK_FAILS(rig_execute(&r, st, DBK_RUN_EXECUTE, &none), &r.err, DBK_INVALID_ARGUMENT,
                "raw parameters cannot be mixed");
    CHECK(dbk_exec_check(e) == DBK_EXEC_VALID);
    (void)rig_story(&r);
    rig_answer(&r, DELETE "st ", RIG_OK, "{}");
    dbk_exec_unref(e);
    dbk_statement_unref(st);
    expect_delete(&r, "DELETE statements/st");
    rig_end(&r);
}

/* Neither closing nor another execute nor the end of the statement takes a lent stream away. */
DBK_TEST(a_lent_stream_lives_on) {
    rig r;
    dbk_batch *batch = NULL;
    rig_begin(&r, RIG_STEPPED);
    rig_open(&r);
    dbk_statement *st = rig_statement(&r, "S");
    dbk_exec *e = run(&r, st, DBK_RUN_EXECUTE, RIG_ROW("one", "a", "1"));
    dbk_exec_lend_stream(e);
    dbk_exec *second = run(&r, st, DBK_RUN_EXECUTE, RIG_STATE("two", "CLOSED"));
    dbk_exec_close(e);
    dbk_statement_invalidate(st);
    dbk_exec_unref(second);
    dbk_statement_unref(st);
    (void)rig_story(&r);
    expect_delete(&r, "");
    CHECK_OK(dbk_stream_next(dbk_exec_stream(e), &batch, &r.err), &r.err);
    CHECK_EQ_I64(dbk_batch_row_count(batch), 1);
    dbk_batch_unref(batch);
    rig_answer(&r, DELETE "one ", RIG_OK, "{}");
    dbk_exec_unref(e);
    expect_delete(&r, "DELETE statements/one");
    rig_end(&r);
}

DBK_TEST(a_submitted_execution_outlives_its_statement) {
    rig r;
    rig_begin(&r, RIG_STEPPED);
    rig_open(&r);
    dbk_statement *st = rig_statement(&r, "S");
    dbk_exec *e = run(&r, st, DBK_RUN_SUBMIT, RIG_STATE("one", "RUNNING"));
    dbk_exec *second = run(&r, st, DBK_RUN_EXECUTE, RIG_STATE("two", "CLOSED"));
    CHECK(dbk_exec_check(e) == DBK_EXEC_VALID);
    dbk_statement_invalidate(st);
    dbk_exec_unref(second);
    dbk_statement_unref(st);
    (void)rig_story(&r);
    expect_delete(&r, "");
    rig_answer(&r, GET "one ", RIG_OK, RIG_ROW("one", "a", "1"));
    CHECK_OK(rig_follow(&r, e, DBK_RUN_AWAIT, 0), &r.err);
    CHECK_STR(rig_story(&r), "GET statements/one");
    dbk_exec_close(e); /* ends this reading, not the statement */
    CHECK(dbk_exec_check(e) == DBK_EXEC_CLOSED);
    expect_delete(&r, "");
    rig_answer(&r, DELETE "one ", RIG_OK, "{}");
    dbk_exec_unref(e);
    expect_delete(&r, "DELETE statements/one");
    rig_end(&r);
}

DBK_TEST(closing_a_submitted_execution_that_was_never_awaited) {
    rig r;
    rig_begin(&r, RIG_STEPPED);
    rig_open(&r);
    dbk_statement *st = rig_statement(&r, "S");
    dbk_exec *e = run(&r, st, DBK_RUN_SUBMIT, RIG_STATE("st", "RUNNING"));
    dbk_exec_close(e); /* there is no stream to end */
    (void)rig_story(&r);
    rig_answer(&r, DELETE "st ", RIG_OK, "{}");
    dbk_exec_unref(e);
    dbk_statement_unref(st);
    expect_delete(&r, "DELETE statements/st");
    rig_end(&r);
}

DBK_TEST(progress_of_a_statement) {
    rig r;
    dbk_exec_progress p;
    rig_begin(&r, RIG_STEPPED);
    rig_open(&r);
    dbk_statement *st = rig_statement(&r, "S");
    dbk_statement_progress(st, &p);
    CHECK(p.state == DBK_SEA_PENDING && !p.has_result);
    CHECK_EQ_U64(p.elapsed_ms, 0);
    CHECK_EQ_I64(p.result.chunks_total, -1);
    CHECK_EQ_I64(p.result.rows_total, -1);
    dbk_exec *e = run(&r, st, DBK_RUN_SUBMIT, RIG_STATE("st", "RUNNING"));
    rig_pass(&r, 1234);
    dbk_statement_progress(st, &p);
    CHECK(p.state == DBK_SEA_RUNNING && !p.has_result);
    CHECK_EQ_U64(p.elapsed_ms, 1234);
    rig_answer(&r, GET "st ", RIG_OK, RIG_ROW("st", "a", "1"));
    CHECK_OK(rig_follow(&r, e, DBK_RUN_AWAIT, 0), &r.err);
    dbk_statement_progress(st, &p);
    CHECK(p.state == DBK_SEA_SUCCEEDED && p.has_result);
    CHECK_EQ_I64(p.result.chunks_total, 1);
    CHECK_EQ_I64(p.result.rows_total, 1);
    rig_answer(&r, DELETE "st ", RIG_OK, "{}");
    dbk_exec_unref(e);
    dbk_statement_unref(st);
    rig_end(&r);
}
