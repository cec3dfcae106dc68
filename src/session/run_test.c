#include "session/session_rig.h"

#include "unit.h"

#define GET "GET /api/2.0/sql/statements/st "

static void answer_states(rig *r, const char *request, const char *state, size_t count) {
    for (size_t i = 0; i < count; i++) {
        rig_answer(r, request, RIG_OK, state);
    }
}

static void close_all(rig *r, dbk_statement *st, dbk_exec *e) {
    dbk_exec_unref(e);
    dbk_statement_unref(st);
    rig_settle(r);
}

DBK_TEST(execute_that_is_done_at_once) {
    rig r;
    dbk_exec *e = NULL;
    rig_begin(&r, RIG_STEPPED);
    rig_open(&r);
    dbk_statement *st = rig_statement(&r, "SELECT 1");
    rig_answer(&r, RIG_EXECUTE, RIG_OK, RIG_ROW("st", "a", "7"));
    CHECK_OK(rig_execute(&r, st, DBK_RUN_EXECUTE, &e), &r.err);
    CHECK_EQ_SIZE(r.wait_count, 0);
    CHECK_STR(dbk_exec_query_id(e), "st");
    CHECK(dbk_exec_state(e) == DBK_SEA_SUCCEEDED);
    CHECK(dbk_exec_stream(e) != NULL);
    CHECK_EQ_I64(dbk_exec_modified_rows(e), -1);
    dbk_exec_facts facts;
    dbk_exec_get_facts(e, &facts);
    CHECK_EQ_I64(facts.total_rows, 1);
    CHECK_EQ_I64(facts.chunk_count, 1);
    CHECK_EQ_I64(facts.total_bytes, 9);
    CHECK(facts.has_result_set && !facts.truncated && !facts.external_links);
    CHECK_EQ_U64(facts.retry_count, 0);
    CHECK_STR(rig_story(&r), "POST statements");
    rig_answer(&r, "DELETE /api/2.0/sql/statements/st ", RIG_OK, "{}");
    close_all(&r, st, e);
    CHECK_STR(rig_story(&r), "DELETE statements/st");
    rig_end(&r);
}

DBK_TEST(polls_wait_a_tenth_of_the_time_gone_by) {
    rig r;
    dbk_exec *e = NULL;
    rig_begin(&r, RIG_STEPPED);
    rig_open(&r);
    dbk_statement *st = rig_statement(&r, "SELECT 1");
    rig_answer(&r, RIG_EXECUTE, RIG_OK, RIG_STATE("st", "PENDING"));
    answer_states(&r, GET, RIG_STATE("st", "PENDING"), 5);
    answer_states(&r, GET, RIG_STATE("st", "RUNNING"), 75);
    rig_answer(&r, GET, RIG_OK, RIG_ROW("st", "a", "7"));
    CHECK_OK(rig_execute(&r, st, DBK_RUN_EXECUTE, &e), &r.err);
    uint64_t gone = 0;
    CHECK_EQ_SIZE(r.wait_count, 81);
    for (size_t i = 0; i < r.wait_count; i++) {
        uint64_t want = gone / 10 < 10 ? 10 : gone / 10 > 2000 ? 2000 : gone / 10;
        CHECK_EQ_U64(r.waits[i], want);
        gone += r.waits[i];
    }
    CHECK_EQ_U64(r.waits[0], 10);
    CHECK_EQ_U64(r.waits[80], 2000);
    rig_answer(&r, "DELETE /api/2.0/sql/statements/st ", RIG_OK, "{}");
    close_all(&r, st, e);
    rig_end(&r);
}
