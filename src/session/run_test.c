#include "session/session_rig.h"

#include "unit.h"

#define GET    "GET /api/2.0/sql/statements/st "
#define DELETE "DELETE /api/2.0/sql/statements/st "
#define FAILED_JSON                                                                        \
    "{\"statement_id\":\"st\",\"status\":{\"state\":\"FAILED\",\"error\":{\"error_code\":" \
    "\"BAD_REQUEST\",\"message\":\"[DIVIDE_BY_ZERO] by zero. SQLSTATE: 22012\"}}}"

static void answer_states(rig *r, const char *request, const char *state, size_t count) {
    for (size_t i = 0; i < count; i++) {
        rig_answer(r, request, RIG_OK, state);
    }
}

/* The last references go; one DELETE is expected. */
static void close_all(rig *r, dbk_statement *st, dbk_exec *e) {
    rig_answer(r, DELETE, RIG_OK, "{}");
    dbk_exec_unref(e);
    dbk_statement_unref(st);
    rig_settle(r);
    CHECK_STR(rig_story(r), "DELETE statements/st");
}

/* ---- execute ---- */

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
    CHECK(!facts.volume_operation);
    CHECK_EQ_U64(facts.retry_count, 0);
    CHECK_STR(rig_story(&r), "POST statements");
    close_all(&r, st, e);
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
        CHECK_EQ_U64(r.waits[i], dbk_min_u64(dbk_max_u64(gone / 10, 10), 2000));
        gone += r.waits[i];
    }
    CHECK_EQ_U64(r.waits[0], 10);
    CHECK_EQ_U64(r.waits[80], 2000);
    CHECK(dbk_exec_state(e) == DBK_SEA_SUCCEEDED);
    (void)rig_story(&r);
    close_all(&r, st, e);
    rig_end(&r);
}

/* How a statement ends: in its first answer, and after a poll. */
static const struct {
    const char *name;
    const char *head;
    const char *first;
    const char *then; /* NULL: there is no poll */
    dbk_status want;
    const char *message;
    const char *query_id;
    bool is_closed; /* a DELETE follows */
} endings[] = {
    {"failed at once", RIG_OK, FAILED_JSON, NULL, DBK_SQL, "[DIVIDE_BY_ZERO] by zero", "st", true},
    {"failed later", RIG_OK, RIG_STATE("st", "RUNNING"), FAILED_JSON, DBK_SQL,
     "[DIVIDE_BY_ZERO] by zero", "st", true},
    {"failed without a reason", RIG_OK, RIG_STATE("st", "FAILED"), NULL, DBK_SQL, "Unknown error",
     "st", true},
    {"canceled at once", RIG_OK, RIG_STATE("st", "CANCELED"), NULL, DBK_CANCELLED,
     "Statement was canceled", "st", true},
    {"canceled later", RIG_OK, RIG_STATE("st", "PENDING"), RIG_STATE("st", "CANCELED"),
     DBK_CANCELLED, "Statement was canceled", "st", true},
    {"closed later", RIG_OK, RIG_STATE("st", "PENDING"), RIG_STATE("st", "CLOSED"),
     DBK_INVALID_HANDLE, "statement st was closed on the server before its result was read", "st",
     false},
    {"a state nobody knows", RIG_OK, RIG_STATE("st", "WALKING"), NULL, DBK_DATA_LOSS,
     "Failed to parse execute response:", "st", true},
    {"a state nobody knows, later", RIG_OK, RIG_STATE("st", "RUNNING"), RIG_STATE("st", "WALKING"),
     DBK_DATA_LOSS, "Failed to parse status response:", "st", true},
    {"a state of a wrong type", RIG_OK, "{\"statement_id\":\"st\",\"status\":{\"state\":7}}", NULL,
     DBK_DATA_LOSS, "Failed to parse execute response:", "st", true},
    {"no JSON", RIG_OK, "<html>login</html>", NULL, DBK_DATA_LOSS,
     "Failed to parse execute response:", "", false},
    {"a query without its manifest", RIG_OK, RIG_STATE("st", "SUCCEEDED"), NULL, DBK_DATA_LOSS,
     "statement st is SUCCEEDED, but the answer holds neither a manifest nor rows", "st", true},
    {"and an empty result", RIG_OK,
     "{\"statement_id\":\"st\",\"status\":{\"state\":\"SUCCEEDED\"},\"result\":{}}", NULL,
     DBK_DATA_LOSS, "statement st is SUCCEEDED, but the answer holds neither", "st", true},
    {"the same later", RIG_OK, RIG_STATE("st", "RUNNING"), RIG_STATE("st", "SUCCEEDED"),
     DBK_DATA_LOSS, "statement st is SUCCEEDED, but the answer holds neither", "st", true},
    {"a closed query without its manifest", RIG_OK, RIG_STATE("st", "CLOSED"), NULL, DBK_DATA_LOSS,
     "statement st is CLOSED, but the answer holds neither", "st", false},
    {"no id", RIG_OK, "{\"status\":{\"state\":\"SUCCEEDED\"}}", NULL, DBK_DATA_LOSS,
     "Failed to parse execute response:", "", false},
    {"refused", "403 Forbidden", "{\"message\":\"no\"}", NULL, DBK_PERMISSION_DENIED,
     "HTTP 403: no", "", false},
    {"broken", "500 Internal Server Error", "{\"message\":\"no\"}", NULL, DBK_INTERNAL,
     "HTTP 500: no", "", false},
};

DBK_TEST(every_end_has_its_error) {
    for (size_t i = 0; i < COUNT_OF(endings); i++) {
        rig r;
        dbk_exec *e = NULL;
        CHECK_CASE(endings[i].name);
        rig_begin(&r, RIG_STEPPED);
        rig_open(&r);
        dbk_statement *st = rig_statement(&r, "SELECT 1");
        rig_answer(&r, RIG_EXECUTE, endings[i].head, endings[i].first);
        if (endings[i].then != NULL) {
            rig_answer(&r, GET, RIG_OK, endings[i].then);
        }
        if (endings[i].is_closed) {
            rig_answer(&r, DELETE, RIG_OK, "{}");
        }
        CHECK_FAILS(rig_execute(&r, st, DBK_RUN_EXECUTE, &e), &r.err, endings[i].want,
                    endings[i].message);
        CHECK(e == NULL);
        CHECK_STR(r.err.query_id, endings[i].query_id);
        rig_settle(&r); /* closed at once: nobody has a handle */
        dbk_buf want = {0};
        const char *text = NULL;
        CHECK_OK(dbk_buf_putf(&want, &r.err, "POST statements%s%s",
                              endings[i].then != NULL ? ", GET statements/st" : "",
                              endings[i].is_closed ? ", DELETE statements/st" : ""),
                 &r.err);
        CHECK_OK(dbk_buf_cstr(&want, &text, &r.err), &r.err);
        CHECK_STR(rig_story(&r), text);
        dbk_buf_reset(&want);
        dbk_statement_unref(st);
        rig_settle(&r);
        CHECK_STR(rig_story(&r), "");
        rig_end(&r);
    }
}

/* CLOSED as the answer to the statement itself: success without rows, and nothing to close. */
DBK_TEST(closed_in_the_first_answer_is_success) {
    static const dbk_run_kind kinds[] = {DBK_RUN_EXECUTE, DBK_RUN_SUBMIT};
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        rig r;
        dbk_exec *e = NULL;
        dbk_batch *batch = NULL;
        rig_begin(&r, RIG_STEPPED);
        rig_open(&r);
        dbk_statement *st = rig_statement(&r, "CREATE TABLE t");
        rig_answer(&r, RIG_EXECUTE, RIG_OK, RIG_STATE("st", "CLOSED"));
        CHECK_OK(rig_execute(&r, st, kinds[i], &e), &r.err);
        if (kinds[i] == DBK_RUN_SUBMIT) {
            CHECK_OK(rig_follow(&r, e, DBK_RUN_AWAIT, 0), &r.err);
        }
        CHECK_OK(dbk_stream_next(dbk_exec_stream(e), &batch, &r.err), &r.err);
        CHECK(batch == NULL);
        dbk_exec_unref(e);
        dbk_statement_unref(st);
        rig_settle(&r);
        CHECK_STR(rig_story(&r), "POST statements");
        rig_end(&r);
    }
}

DBK_TEST(which_statements_ask_for_rows) {
    static const struct {
        const char *sql;
        bool asks;
    } rows[] = {
        {"SELECT 1", true},
        {" \n\tselect\t1", true},
        {"((SELECT 1) UNION (SELECT 2))", true},
        {"/* a /* b */ c */ -- d\n SELECT 1", true},
        {"-- only this", false},
        {"/* never closed", false},
        {"", false},
        {"/", false},
        {"VALUES (1)", true},
        {"WITH a AS (SELECT 1) SELECT * FROM a", true},
        {"TABLE t", true},
        {"show tables", true},
        {"DESCRIBE t", true},
        {"DESC t", true},
        {"EXPLAIN SELECT 1", true},
        {"LIST '/Volumes/a'", true},
        {"SELECTED", false},
        {"TABLES", false},
        {"INSERT INTO t SELECT 1", false},
        {"CREATE TABLE t AS SELECT 1", false},
        {"SET a = b", false},
        {"`select`", false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CHECK_CASE(rows[i].sql);
        CHECK_EQ_I64(dbk_sql_asks_for_rows(dbk_slice_of(rows[i].sql)), rows[i].asks);
    }
}

/* What changes data may be answered without a manifest; so may a WITH whose changes the server counts. */
DBK_TEST(no_manifest_is_no_rows_where_none_were_asked_for) {
    static const char *const rows[][2] = {
        {"DROP TABLE t", RIG_STATE("st", "SUCCEEDED")},
        {"WITH a AS (SELECT 1) INSERT INTO t SELECT * FROM a",
         "{\"statement_id\":\"st\",\"status\":{\"state\":\"SUCCEEDED\",\"num_modified_rows\":1}}"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        rig r;
        dbk_exec *e = NULL;
        dbk_batch *batch = NULL;
        CHECK_CASE(rows[i][0]);
        rig_begin(&r, RIG_STEPPED);
        rig_open(&r);
        dbk_statement *st = rig_statement(&r, rows[i][0]);
        rig_answer(&r, RIG_EXECUTE, RIG_OK, rows[i][1]);
        CHECK_OK(rig_execute(&r, st, DBK_RUN_EXECUTE, &e), &r.err);
        CHECK_OK(dbk_stream_next(dbk_exec_stream(e), &batch, &r.err), &r.err);
        CHECK(batch == NULL);
        (void)rig_story(&r);
        close_all(&r, st, e);
        rig_end(&r);
    }
}

DBK_TEST(retries_are_counted) {
    rig r;
    dbk_exec *e = NULL;
    rig_begin(&r, RIG_STEPPED);
    rig_open(&r);
    dbk_statement *st = rig_statement(&r, "SELECT 1");
    rig_answer(&r, RIG_EXECUTE, "503 Busy\r\nretry-after: 0", "{}");
    rig_answer(&r, RIG_EXECUTE, RIG_OK, RIG_STATE("st", "RUNNING"));
    rig_answer(&r, GET, "500 Oops", "{}");
    rig_answer(&r, GET, RIG_OK, RIG_ROW("st", "a", "7"));
    CHECK_OK(rig_execute(&r, st, DBK_RUN_EXECUTE, &e), &r.err);
    dbk_exec_facts facts;
    dbk_exec_get_facts(e, &facts);
    CHECK_EQ_U64(facts.retry_count, 2);
    (void)rig_story(&r);
    close_all(&r, st, e);
    rig_end(&r);
}

/* ---- modified rows ---- */

DBK_TEST(modified_rows) {
    static const struct {
        const char *name, *json;
        int64_t want;
    } rows[] = {
        {"in the status",
         "{\"statement_id\":\"st\",\"status\":{\"state\":\"SUCCEEDED\",\"num_modified_rows\":5}}",
         5},
        {"as a row", RIG_ROW("st", "num_affected_rows", "12"), 12},
        {"a row of something else", RIG_ROW("st", "id", "12"), -1},
        {"a row that is no number", RIG_ROW("st", "num_affected_rows", "many"), -1},
        {"not told", "{\"statement_id\":\"st\",\"status\":{\"state\":\"SUCCEEDED\"}}", -1},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        rig r;
        dbk_exec *e = NULL;
        dbk_batch *batch = NULL;
        CHECK_CASE(rows[i].name);
        rig_begin(&r, RIG_STEPPED);
        rig_open(&r);
        dbk_statement *st = rig_statement(&r, "DELETE FROM t");
        rig_answer(&r, RIG_EXECUTE, RIG_OK, rows[i].json);
        CHECK_OK(rig_execute(&r, st, DBK_RUN_EXECUTE, &e), &r.err);
        CHECK_EQ_I64(dbk_exec_modified_rows(e), rows[i].want);
        (void)!dbk_stream_next(dbk_exec_stream(e), &batch, &r.err);
        dbk_batch_unref(batch);
        CHECK_EQ_I64(dbk_exec_modified_rows(e), rows[i].want); /* also after reading */
        (void)rig_story(&r);
        close_all(&r, st, e);
        rig_end(&r);
    }
}

/* ---- submit, look, await ---- */

static dbk_exec *submit(rig *r, dbk_statement *st, const char *json) {
    dbk_exec *e = NULL;
    rig_answer(r, RIG_EXECUTE, RIG_OK, json);
    CHECK_OK(rig_execute(r, st, DBK_RUN_SUBMIT, &e), &r->err);
    CHECK_STR(rig_story(r), "POST statements");
    return e;
}

DBK_TEST(submit_look_await) {
    rig r;
    rig_begin(&r, RIG_STEPPED);
    rig_open(&r);
    dbk_statement *st = rig_statement(&r, "SELECT 1");
    dbk_exec *e = submit(&r, st, RIG_STATE("st", "PENDING"));
    CHECK_CONTAINS(rig_body(1), "\"wait_timeout\":\"0s\",\"on_wait_timeout\":\"CONTINUE\"");
    CHECK(dbk_exec_state(e) == DBK_SEA_PENDING);
    CHECK(dbk_exec_stream(e) == NULL);
    rig_answer(&r, GET, RIG_OK, RIG_STATE("st", "RUNNING"));
    CHECK_OK(rig_follow(&r, e, DBK_RUN_LOOK, 0), &r.err);
    CHECK(dbk_exec_state(e) == DBK_SEA_RUNNING);
    rig_answer(&r, GET, RIG_OK, RIG_ROW("st", "a", "7"));
    CHECK_OK(rig_follow(&r, e, DBK_RUN_AWAIT, 0), &r.err);
    CHECK(dbk_exec_stream(e) != NULL);
    CHECK_EQ_SIZE(r.wait_count, 0);
    CHECK_STR(rig_story(&r), "GET statements/st, GET statements/st");
    bool finished = false;
    CHECK_OK(dbk_exec_await(e, 0, &finished, &r.err), &r.err); /* asks nobody */
    CHECK(finished);
    CHECK_OK(dbk_exec_look(e, &r.err), &r.err);
    CHECK_STR(rig_story(&r), "");
    close_all(&r, st, e);
    rig_end(&r);
}

/* The answer to submit has the result: no request is made for it. */
DBK_TEST(await_what_is_already_here) {
    rig r;
    rig_begin(&r, RIG_STEPPED);
    rig_open(&r);
    dbk_statement *st = rig_statement(&r, "SELECT 1");
    dbk_exec *e = submit(&r, st, RIG_ROW("st", "a", "7"));
    CHECK_OK(rig_follow(&r, e, DBK_RUN_AWAIT, 0), &r.err);
    CHECK(dbk_exec_stream(e) != NULL);
    CHECK_STR(rig_story(&r), "");
    close_all(&r, st, e);
    rig_end(&r);
}

DBK_TEST(submit_of_what_fails) {
    rig r;
    rig_begin(&r, RIG_STEPPED);
    rig_open(&r);
    dbk_statement *st = rig_statement(&r, "SELECT 1/0");
    dbk_exec *e = submit(&r, st, FAILED_JSON);
    CHECK(dbk_exec_state(e) == DBK_SEA_FAILED);
    for (size_t i = 0; i < 2; i++) { /* as often as one asks, without a request */
        CHECK_FAILS(rig_follow(&r, e, DBK_RUN_AWAIT, 0), &r.err, DBK_SQL, "[DIVIDE_BY_ZERO]");
        CHECK_STR(r.err.sqlstate, "22012");
        CHECK_STR(r.err.query_id, "st");
    }
    CHECK_STR(rig_story(&r), "");
    close_all(&r, st, e);
    rig_end(&r);
}

DBK_TEST(patience_ends_between_polls) {
    rig r;
    rig_begin(&r, RIG_STEPPED);
    rig_open(&r);
    dbk_statement *st = rig_statement(&r, "SELECT 1");
    dbk_exec *e = submit(&r, st, RIG_STATE("st", "PENDING"));
    answer_states(&r, GET, RIG_STATE("st", "RUNNING"), 4);
    CHECK_OK(rig_follow(&r, e, DBK_RUN_AWAIT, 25), &r.err);
    CHECK(dbk_exec_stream(e) == NULL);
    CHECK_EQ_SIZE(r.wait_count, 3);
    CHECK_EQ_U64(r.waits[0], 10);
    CHECK_EQ_U64(r.waits[1], 10);
    CHECK_EQ_U64(r.waits[2], 5); /* the last one is cut */
    CHECK_STR(rig_story(&r), "GET statements/st, GET statements/st, GET statements/st, "
                             "GET statements/st");
    rig_answer(&r, GET, RIG_OK, RIG_ROW("st", "a", "7"));
    CHECK_OK(rig_follow(&r, e, DBK_RUN_AWAIT, 1), &r.err);
    CHECK(dbk_exec_stream(e) != NULL);
    (void)rig_story(&r);
    close_all(&r, st, e);
    rig_end(&r);
}

static void pass_patience(rig *r) {
    rig_pass(r, 60000);
}

/* A server that does not answer the poll: bounded, no error, and the statement goes on. */
DBK_TEST(patience_ends_in_a_poll) {
    rig r;
    bool finished = true;
    dbk_exec *e = NULL;
    rig_begin(&r, RIG_SERVED);
    rig_open(&r);
    dbk_statement *st = rig_statement(&r, "SELECT 1");
    rig_answer(&r, RIG_EXECUTE, RIG_OK, RIG_STATE("st", "PENDING"));
    CHECK_OK(dbk_statement_submit(st, &e, &r.err), &r.err);
    rig_stall(&r, GET);
    rig_when(&r, GET, pass_patience);
    CHECK_OK(dbk_exec_await(e, 50000, &finished, &r.err), &r.err);
    rig_join(&r);
    CHECK(!finished && r.err.code == DBK_OK);
    CHECK_STR(rig_story(&r), "POST statements, GET statements/st");
    rig_answer(&r, GET, RIG_OK, RIG_ROW("st", "a", "7"));
    CHECK_OK(dbk_exec_await(e, UINT64_MAX, &finished, &r.err), &r.err);
    CHECK(finished);
    rig_answer(&r, DELETE, RIG_OK, "{}");
    dbk_exec_unref(e);
    dbk_statement_unref(st);
    rig_end(&r);
}

DBK_TEST(a_poll_that_fails_ends_the_await_not_the_statement) {
    rig r;
    rig_begin(&r, RIG_STEPPED);
    rig_open(&r);
    dbk_statement *st = rig_statement(&r, "SELECT 1");
    dbk_exec *e = submit(&r, st, RIG_STATE("st", "PENDING"));
    rig_answer(&r, GET, "504 Late", "{\"message\":\"late\"}");
    rig_answer(&r, GET, "504 Late", "{\"message\":\"late\"}");
    rig_answer(&r, GET, "504 Late", "{\"message\":\"late\"}");
    CHECK_FAILS(rig_follow(&r, e, DBK_RUN_AWAIT, 5000), &r.err, DBK_TIMEOUT, "HTTP 504: late");
    CHECK_STR(r.err.query_id, "st");
    rig_answer(&r, GET, RIG_OK, RIG_ROW("st", "a", "7"));
    CHECK_OK(rig_follow(&r, e, DBK_RUN_AWAIT, 5000), &r.err);
    (void)rig_story(&r);
    close_all(&r, st, e);
    rig_end(&r);
}

/* What could not be opened is asked for again, and never taken for an empty result. */
DBK_TEST(a_result_that_cannot_be_opened_is_asked_for_again) {
    static const char wrong[] =
        "{\"statement_id\":\"st\",\"status\":{\"state\":\"SUCCEEDED\"},\"manifest\":{"
        "\"total_chunk_count\":1,\"total_row_count\":1," RIG_COLUMN(
            "a") "},\"result\":{"
                 "\"chunk_index\":3,\"row_offset\":0,\"row_count\":1,\"data_array\":[[\"1\"]]}}";
    rig r;
    rig_begin(&r, RIG_STEPPED);
    rig_open(&r);
    dbk_statement *st = rig_statement(&r, "SELECT 1");
    dbk_exec *e = submit(&r, st, wrong);
    CHECK_FAILS(rig_follow(&r, e, DBK_RUN_AWAIT, 0), &r.err, DBK_DATA_LOSS,
                "opening the result of statement st");
    CHECK_STR(r.err.query_id, "st");
    rig_answer(&r, GET, RIG_OK, wrong);
    CHECK_FAILS(rig_follow(&r, e, DBK_RUN_AWAIT, 0), &r.err, DBK_DATA_LOSS,
                "opening the result of statement st");
    rig_answer(&r, GET, RIG_OK, RIG_ROW("st", "a", "7"));
    CHECK_OK(rig_follow(&r, e, DBK_RUN_AWAIT, 0), &r.err);
    (void)rig_story(&r);
    close_all(&r, st, e);
    rig_end(&r);
}

/* ---- attach ---- */

DBK_TEST(attach_reads_and_leaves_the_statement_alone) {
    rig r;
    bool finished = false;
    dbk_exec *e = NULL;
    dbk_exec *again = NULL;
    rig_begin(&r, RIG_SERVED);
    rig_open(&r);
    rig_answer(&r, GET, RIG_OK, RIG_ROW("st", "a", "7"));
    CHECK_OK(dbk_exec_attach(r.session, DBK_SLICE("st"), &e, &r.err), &r.err);
    CHECK(dbk_exec_state(e) == DBK_SEA_SUCCEEDED);
    CHECK_OK(dbk_exec_await(e, 0, &finished, &r.err), &r.err);
    CHECK(finished);
    rig_answer(&r, GET, RIG_OK, RIG_ROW("st", "a", "7"));
    CHECK_OK(dbk_exec_attach_again(e, &again, &r.err), &r.err);
    CHECK_STR(rig_story(&r), "GET statements/st, GET statements/st");
    dbk_exec_unref(e);
    dbk_exec_unref(again);
    rig_end(&r); /* a DELETE would have no answer there */
    CHECK_EQ_SIZE(r.told, 3);
}

DBK_TEST(attach_to_nothing) {
    rig r;
    dbk_exec *e = NULL;
    rig_begin(&r, RIG_SERVED);
    rig_open(&r);
    CHECK_FAILS(dbk_exec_attach(r.session, DBK_SLICE(""), &e, &r.err), &r.err, DBK_INVALID_ARGUMENT,
                "statement id must not be empty");
    rig_answer(&r, GET, "404 Not Found", "{\"message\":\"no such statement\"}");
    CHECK_FAILS(dbk_exec_attach(r.session, DBK_SLICE("st"), &e, &r.err), &r.err, DBK_NOT_FOUND,
                "HTTP 404: no such statement");
    CHECK_STR(r.err.query_id, "st");
    CHECK(e == NULL);
    rig_end(&r);
}

/* The submitted statement stays on the server as long as somebody reads it a second time. */
DBK_TEST(a_second_reading_holds_the_first) {
    rig r;
    bool finished = false;
    dbk_exec *e = NULL;
    dbk_exec *again = NULL;
    rig_begin(&r, RIG_SERVED);
    rig_open(&r);
    dbk_statement *st = rig_statement(&r, "SELECT 1");
    rig_answer(&r, RIG_EXECUTE, RIG_OK, RIG_ROW("st", "a", "7"));
    CHECK_OK(dbk_statement_submit(st, &e, &r.err), &r.err);
    dbk_statement_invalidate(st);
    dbk_statement_unref(st);
    rig_answer(&r, GET, RIG_OK, RIG_ROW("st", "a", "7"));
    CHECK_OK(dbk_exec_attach_again(e, &again, &r.err), &r.err);
    dbk_exec_unref(e);
    CHECK_OK(dbk_exec_await(again, 0, &finished, &r.err), &r.err);
    CHECK(finished);
    CHECK_STR(rig_story(&r), "POST statements, GET statements/st");
    rig_answer(&r, DELETE, RIG_OK, "{}");
    dbk_exec_unref(again);
    rig_end(&r);
}

/* ---- no memory ---- */

/* Everything up to the moment before something is sent. */
DBK_OOM_TEST(begin_without_memory) {
    static const dbk_clock *const clock = &dbk_clock_system;
    dbk_status st = DBK_OK;
    dbk_lane *lane = NULL;
    dbk_runtime *runtime = NULL;
    dbk_session *s = NULL;
    dbk_statement *stmt = NULL;
    dbk_exec *e = NULL;
    dbk_op *open = NULL;
    dbk_op *op = NULL;
    dbk_config c;
    dbk_config_init(&c);
    c.auth_mode = DBK_AUTH_PAT;
    DBK_TRY(dbk_str_set(&c.host, DBK_SLICE("http://127.0.0.1:1"), err));
    DBK_TRY(dbk_str_set(&c.warehouse_id, DBK_SLICE("w"), err));
    DBK_TRY(dbk_secret_set(&c.token, DBK_SLICE("secret"), err));
    DBK_TRY(dbk_config_set_session_conf(&c, DBK_SLICE("k"), DBK_SLICE("v"), err));
    DBK_TRY(dbk_pairs_add(&c.headers, DBK_SLICE("x-a"), DBK_SLICE("1"), err));
    DBK_TRY(dbk_lane_new("oom", DBK_LANE_EMBEDDED, clock, &lane, err));
    DBK_TRY(dbk_runtime_embed(lane, &runtime, err));
    DBK_TRY(dbk_session_prepare(&c, runtime, &s, &open, err));
    DBK_TRY(dbk_statement_new(s, &stmt, err));
    DBK_TRY(dbk_statement_set_sql(stmt, DBK_SLICE("SELECT ?, ?"), err));
    DBK_TRY(dbk_statement_bind(stmt, 2, "STRING", DBK_SLICE("b"), err));
    DBK_TRY(dbk_statement_configure(stmt, DBK_SLICE("query_tags"), DBK_SLICE("a:1,b"), err));
    DBK_TRY(dbk_statement_begin(stmt, DBK_RUN_EXECUTE, &e, &op, err));
    CHECK_OK(dbk_statement_finish(e, op, DBK_OK, &e), err);
done:
    dbk_exec_unref(e);
    dbk_statement_unref(stmt);
    dbk_op_unref(open);
    dbk_session_unref(s);
    dbk_runtime_unref(runtime);
    dbk_lane_free(lane);
    dbk_config_reset(&c);
    return st;
}
