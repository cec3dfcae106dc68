#include "session/session_rig.h"

#include <sys/wait.h>
#include <unistd.h>

#include "net/test_peer.h"
#include "unit.h"

#define DELETE_SESSION "DELETE /api/2.0/sql/sessions/"

static dbk_status open_here(rig *r, dbk_cancel_token *token) {
    return dbk_session_open_on(&r->config, r->runtime, token, &r->session, &r->err);
}

/* ---- open ---- */

DBK_TEST(open_sends_the_configuration) {
    rig r;
    rig_begin(&r, RIG_SERVED);
    dbk_config *c = &r.config;
    dbk_str_reset(&c->warehouse_id);
    CHECK_OK(dbk_str_set(&c->http_path, DBK_SLICE("/sql/1.0/warehouses/w?o=64"), &r.err), &r.err);
    CHECK_OK(dbk_str_set(&c->catalog, DBK_SLICE("main"), &r.err), &r.err);
    CHECK_OK(dbk_str_set(&c->schema, DBK_SLICE(""), &r.err), &r.err); /* sent all the same */
    CHECK_OK(dbk_config_set_session_conf(c, DBK_SLICE("TIMEZONE"), DBK_SLICE("UTC"), &r.err),
             &r.err);
    CHECK_OK(dbk_pairs_add(&c->headers, DBK_SLICE("X-Mine"), DBK_SLICE("1"), &r.err), &r.err);
    rig_open(&r);
    CHECK_STR(rig_body(0), "{\"warehouse_id\":\"w\",\"catalog\":\"main\",\"schema\":\"\","
                           "\"session_confs\":{\"TIMEZONE\":\"UTC\"}}");
    const char *request = test_peer_request(&rig_peer, 0);
    CHECK(strcasestr(request, "\r\nauthorization: Bearer secret\r\n") != NULL);
    CHECK(strcasestr(request, "\r\nx-databricks-org-id: 64\r\n") != NULL);
    CHECK(strcasestr(request, "\r\nx-mine: 1\r\n") != NULL);
    CHECK(strcasestr(request, "\r\nuser-agent: DatabricksJDBCDriverOSS/1.0.0 dbkernel/") != NULL);
    CHECK_STR(dbk_session_server_id(r.session), "se");
    CHECK(dbk_session_is_open(r.session) && dbk_session_alive(r.session));
    rig_end(&r);
}

DBK_TEST(open_sends_little_by_default) {
    rig r;
    rig_begin(&r, RIG_STEPPED);
    rig_open(&r);
    CHECK_STR(rig_body(0), "{\"warehouse_id\":\"w\"}");
    rig_end(&r);
}

DBK_TEST(user_agents) {
    static const struct {
        const char *first, *second; /* custom headers; NULL: none */
        const char *want;
    } rows[] = {
        {"Mine/1", NULL, "\r\nuser-agent: Mine/1\r\n"},
        {"Mine/1", "Mine/2", "\r\nuser-agent: Mine/2\r\n"}, /* the last one wins */
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        rig r;
        rig_begin(&r, RIG_SERVED);
        const char *values[] = {rows[i].first, rows[i].second};
        for (size_t v = 0; v < 2 && values[v] != NULL; v++) {
            CHECK_OK(dbk_pairs_add(&r.config.headers, DBK_SLICE("USER-Agent"),
                                   dbk_slice_of(values[v]), &r.err),
                     &r.err);
        }
        rig_open(&r);
        const char *request = test_peer_request(&rig_peer, 0);
        const char *found = strcasestr(request, "user-agent:");
        CHECK(strcasestr(request, rows[i].want) != NULL);
        CHECK(strcasestr(found + 1, "user-agent:") == NULL); /* once */
        rig_end(&r);
    }
}

DBK_TEST(a_user_agent_with_a_line_break_is_refused) {
    rig r;
    rig_begin(&r, RIG_SERVED);
    CHECK_OK(
        dbk_pairs_add(&r.config.headers, DBK_SLICE("user-agent"), DBK_SLICE("a\r\nx: y"), &r.err),
        &r.err);
    CHECK_FAILS(open_here(&r, NULL), &r.err, DBK_INVALID_ARGUMENT,
                "header User-Agent holds a control character");
    CHECK(r.session == NULL);
    rig_end(&r);
}

DBK_TEST(open_is_repeated_on_503) {
    rig r;
    rig_begin(&r, RIG_SERVED);
    rig_answer(&r, RIG_SESSIONS, "503 Busy", "{}");
    rig_answer(&r, RIG_SESSIONS, RIG_OK, "{\"session_id\":\"se\"}");
    CHECK_OK(open_here(&r, NULL), &r.err);
    CHECK_STR(rig_story(&r), "POST sessions, POST sessions");
    rig_end(&r);
}

DBK_TEST(open_that_fails) {
    static const struct {
        const char *head, *json;
        dbk_status want;
        const char *message;
    } rows[] = {
        {"401 Unauthorized", "{\"message\":\"who?\"}", DBK_UNAUTHENTICATED, "HTTP 401: who?"},
        {"403 Forbidden", "{\"message\":\"no\"}", DBK_PERMISSION_DENIED, "HTTP 403: no"},
        {"404 Not Found", "{\"message\":\"where?\"}", DBK_NOT_FOUND, "HTTP 404: where?"},
        {"400 Bad", "{\"message\":\"bad\"}", DBK_INVALID_ARGUMENT, "HTTP 400: bad"},
        {RIG_OK, "{}", DBK_DATA_LOSS, "Failed to parse session response:"},
        {RIG_OK, "<html>", DBK_DATA_LOSS, "Failed to parse session response:"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        rig r;
        CHECK_CASE(rows[i].head);
        rig_begin(&r, RIG_SERVED);
        rig_answer(&r, RIG_SESSIONS, rows[i].head, rows[i].json);
        CHECK_FAILS(open_here(&r, NULL), &r.err, rows[i].want, rows[i].message);
        CHECK(r.session == NULL);
        rig_end(&r);
        CHECK_EQ_SIZE(r.request_count, 1); /* nothing to delete */
    }
}

DBK_TEST(open_on_the_process_wide_runtime) {
    rig r;
    rig_begin(&r, RIG_SERVED);
    r.config.retry.max_attempts = 1; /* port 1 of this machine: nobody listens */
    CHECK_FAILS(dbk_session_open_on(&r.config, NULL, NULL, &r.session, &r.err), &r.err, DBK_NETWORK,
                "HTTP request failed after 1 attempt");
    CHECK(r.session == NULL);
    rig_end(&r);
}

/* ---- close ---- */

DBK_TEST(close_waits_for_the_answer_and_is_idempotent) {
    rig r;
    rig_begin(&r, RIG_SERVED);
    rig_open(&r);
    rig_answer(&r, DELETE_SESSION "se?warehouse_id=w ", RIG_OK, "{}");
    dbk_session_close(r.session);
    CHECK(test_peer_used_up(&rig_peer));
    CHECK(!dbk_session_is_open(r.session));
    dbk_session_close(r.session);
    CHECK_STR(rig_story(&r), "DELETE sessions/se");
    rig_end(&r);
    CHECK_EQ_SIZE(r.request_count, 2);
}

DBK_TEST(a_refused_delete_is_ignored) {
    rig r;
    rig_begin(&r, RIG_SERVED);
    rig_open(&r);
    rig_answer(&r, DELETE_SESSION, "400 Bad Request", "{\"message\":\"no\"}");
    dbk_session_close(r.session);
    CHECK(!dbk_session_is_open(r.session));
    rig_end(&r);
}

static void pass_the_limit(rig *r) {
    rig_pass(r, 30000);
}

DBK_TEST(close_is_bounded) {
    rig r;
    rig_begin(&r, RIG_SERVED);
    rig_open(&r);
    rig_stall(&r, DELETE_SESSION);
    rig_when(&r, DELETE_SESSION, pass_the_limit);
    dbk_session_close(r.session); /* would hang here */
    rig_join(&r);
    rig_end(&r);
}

/* ---- telemetry ---- */

#define TELEMETRY "POST /telemetry-ext "

static void telemetry_on(rig *r, uint64_t close_ms) {
    r->config.telemetry_enabled = true;
    r->config.telemetry_batch_size = 1;
    r->config.telemetry_flush_ms = 100;
    r->config.telemetry_close_ms = close_ms;
}

/* Its first event leaves at once. */
static void open_telling(rig *r) {
    rig_answer(r, RIG_SESSIONS, RIG_OK, "{\"session_id\":\"se\"}");
    dbk_op *op = NULL;
    CHECK_OK(dbk_session_prepare(&r->config, r->runtime, &r->session, &op, &r->err), &r->err);
    CHECK_OK(rig_run(r, op), &r->err);
    dbk_op_unref(op);
    rig_settle(r);
    CHECK_STR(rig_story(r), "POST sessions, POST telemetry-ext");
}

static void close_in_time(rig *r, uint64_t limit_ms) {
    dbk_op *op = NULL;
    rig_answer(r, DELETE_SESSION, RIG_OK, "{}");
    CHECK_OK(dbk_session_close_begin(r->session, &op, &r->err), &r->err);
    uint64_t before = atomic_load(&r->skipped_ms);
    CHECK_OK(rig_run(r, op), &r->err);
    CHECK_EQ_I64((int64_t)(atomic_load(&r->skipped_ms) - before), (int64_t)limit_ms);
    dbk_op_unref(op);
}

/* T25 of the spec: with an upload under way, and as the last session of its host. */
DBK_TEST(close_waits_for_telemetry_as_long_as_it_may) {
    rig r;
    rig_begin(&r, RIG_STEPPED);
    telemetry_on(&r, 300);
    rig_stall(&r, TELEMETRY);
    open_telling(&r);
    close_in_time(&r, 300);
    rig_end(&r);
}

DBK_TEST(close_waits_for_nothing_when_telemetry_has_left) {
    rig r;
    rig_begin(&r, RIG_STEPPED);
    telemetry_on(&r, 300);
    rig_answer(&r, TELEMETRY, RIG_OK, "{}");
    open_telling(&r);
    rig_answer(&r, TELEMETRY, RIG_OK, "{}");
    close_in_time(&r, 0);
    CHECK_STR(rig_story(&r), "DELETE sessions/se, POST telemetry-ext");
    rig_end(&r);
}

/* A handle that is let go without a close: the same, in the background. */
DBK_TEST(a_dropped_session_tells_its_end) {
    rig r;
    rig_begin(&r, RIG_STEPPED);
    telemetry_on(&r, 300);
    r.config.telemetry_batch_size = 100;
    rig_open(&r);
    rig_answer(&r, DELETE_SESSION, RIG_OK, "{}");
    rig_answer(&r, TELEMETRY, RIG_OK, "{}");
    dbk_session_unref(r.session);
    r.session = NULL;
    rig_settle(&r);
    CHECK(test_peer_used_up(&rig_peer));
    CHECK_CONTAINS(rig_body(2), "DELETE_SESSION");
    rig_end(&r);
}

static void pass_a_second(rig *r) {
    rig_pass(r, 1000);
}

/* The caller's own bound; the request goes on and is answered later. */
DBK_TEST(close_within_a_time) {
    rig r;
    rig_begin(&r, RIG_SERVED);
    rig_open(&r);
    rig_stall(&r, DELETE_SESSION);
    rig_when(&r, DELETE_SESSION, pass_a_second);
    CHECK_FAILS(dbk_session_close_within(r.session, 1000, &r.err), &r.err, DBK_TIMEOUT,
                "session close took longer than 1000 ms");
    rig_join(&r);
    CHECK(!dbk_session_is_open(r.session));
    CHECK_OK(dbk_session_close_within(r.session, 1000, &r.err), &r.err); /* is closing */
    test_peer_go_on(&rig_peer, rig_http(&r, RIG_OK, "{}"), TEST_PEER_KEEP);
    rig_end(&r);
}

/* A statement that was cancelled before the server's answer: the close does not wait for that longer than
 * it may, and the cancel is sent all the same when the answer comes. */
DBK_TEST(close_within_a_time_loses_no_cancel) {
    rig r;
    dbk_exec *e = NULL;
    dbk_op *op = NULL;
    rig_begin(&r, RIG_STEPPED);
    rig_open(&r);
    dbk_statement *st = rig_statement(&r, "S");
    rig_stall(&r, RIG_EXECUTE);
    CHECK_OK(dbk_statement_begin(st, DBK_RUN_EXECUTE, &e, &op, &r.err), &r.err);
    dbk_op_start(op, NULL, NULL);
    rig_settle(&r);
    dbk_op_cancel(op);
    rig_settle(&r);
    CHECK(dbk_statement_finish(e, op, op->status, &e) == DBK_CANCELLED);
    dbk_statement_unref(st);
    CHECK_STR(rig_story(&r), "POST statements");
    CHECK_OK(dbk_session_close_begin(r.session, &op, &r.err), &r.err);
    op->deadline_ms = 500;
    rig_answer(&r, DELETE_SESSION, RIG_OK, "{}");
    uint64_t before = atomic_load(&r.skipped_ms);
    CHECK(rig_run(&r, op) == DBK_TIMEOUT);
    CHECK_EQ_U64(atomic_load(&r.skipped_ms) - before, 500);
    dbk_op_unref(op);
    rig_settle(&r);
    CHECK_STR(rig_story(&r), "DELETE sessions/se");
    rig_answer(&r, "POST /api/2.0/sql/statements/st/cancel ", RIG_OK, "{}");
    rig_answer(&r, "DELETE /api/2.0/sql/statements/st ", RIG_OK, "{}");
    test_peer_go_on(&rig_peer, rig_http(&r, RIG_OK, RIG_STATE("st", "RUNNING")), TEST_PEER_KEEP);
    rig_settle(&r);
    CHECK_STR(rig_story(&r), "POST statements/st/cancel, DELETE statements/st");
    rig_end(&r);
}

DBK_TEST(the_last_reference_deletes_in_the_background) {
    rig r;
    rig_begin(&r, RIG_STEPPED);
    rig_open(&r);
    rig_answer(&r, DELETE_SESSION, RIG_OK, "{}");
    dbk_session *s = dbk_session_ref(r.session);
    dbk_session_unref(r.session);
    r.session = NULL;
    rig_settle(&r);
    CHECK_STR(rig_story(&r), "");
    dbk_session_unref(s);
    dbk_session_unref(NULL);
    rig_settle(&r);
    CHECK_STR(rig_story(&r), "DELETE sessions/se");
    rig_end(&r);
}

/* A statement holds the session, which is deleted only after it. */
DBK_TEST(a_statement_outlives_the_session_handle) {
    rig r;
    dbk_exec *e = NULL;
    rig_begin(&r, RIG_STEPPED);
    rig_open(&r);
    dbk_statement *st = rig_statement(&r, "SELECT 1");
    dbk_session_unref(r.session);
    r.session = NULL;
    rig_answer(&r, RIG_EXECUTE, RIG_OK, RIG_CLOSED);
    CHECK_OK(rig_execute(&r, st, DBK_RUN_EXECUTE, &e), &r.err);
    CHECK_STR(rig_story(&r), "POST statements");
    rig_answer(&r, DELETE_SESSION, RIG_OK, "{}");
    dbk_exec_unref(e);
    dbk_statement_unref(st);
    rig_settle(&r);
    CHECK_STR(rig_story(&r), "DELETE sessions/se");
    rig_end(&r);
}

/* ---- statements of the library's own ---- */

/* SQL that is executed and closed. */
static void expect_sql(rig *r, const char *sql) {
    rig_answer(r, sql, RIG_OK, RIG_STATE("st", "SUCCEEDED"));
    rig_answer(r, "DELETE /api/2.0/sql/statements/st ", RIG_OK, "{}");
}

DBK_TEST(transactions_that_count) {
    rig r;
    rig_begin(&r, RIG_SERVED);
    r.config.honour_transactions = true;
    rig_open(&r);
    CHECK(dbk_session_autocommit(r.session));
    expect_sql(&r, "\"statement\":\"SET AUTOCOMMIT = FALSE\"");
    CHECK_OK(dbk_session_set_autocommit(r.session, false, &r.err), &r.err);
    CHECK(!dbk_session_autocommit(r.session));
    expect_sql(&r, "\"statement\":\"COMMIT\"");
    CHECK_OK(dbk_session_end_transaction(r.session, true, &r.err), &r.err);
    expect_sql(&r, "\"statement\":\"ROLLBACK\"");
    CHECK_OK(dbk_session_end_transaction(r.session, false, &r.err), &r.err);
    rig_answer(&r, "\"statement\":\"SET AUTOCOMMIT = TRUE\"", "400 Bad", "{\"message\":\"no\"}");
    CHECK_FAILS(dbk_session_set_autocommit(r.session, true, &r.err), &r.err, DBK_INVALID_ARGUMENT,
                "HTTP 400: no");
    CHECK(!dbk_session_autocommit(r.session)); /* as it was */
    expect_sql(&r, "\"statement\":\"SET AUTOCOMMIT = TRUE\"");
    CHECK_OK(dbk_session_set_autocommit(r.session, true, &r.err), &r.err);
    CHECK(dbk_session_autocommit(r.session));
    rig_end(&r);
}

DBK_TEST(transactions_are_ignored_by_default) {
    rig r;
    rig_begin(&r, RIG_SERVED);
    rig_open(&r);
    CHECK_OK(dbk_session_set_autocommit(r.session, false, &r.err), &r.err);
    CHECK(dbk_session_autocommit(r.session));
    CHECK_OK(dbk_session_end_transaction(r.session, true, &r.err), &r.err);
    CHECK_OK(dbk_session_end_transaction(r.session, false, &r.err), &r.err);
    CHECK_STR(rig_story(&r), "");
    rig_end(&r);
}

DBK_TEST(test_of_a_session) {
    rig r;
    rig_begin(&r, RIG_SERVED);
    rig_open(&r);
    expect_sql(&r, "\"statement\":\"SELECT 1\"");
    CHECK_OK(dbk_session_test(r.session, &r.err), &r.err);
    rig_answer(&r, RIG_EXECUTE, "403 Forbidden", "{\"message\":\"no\"}");
    CHECK_FAILS(dbk_session_test(r.session, &r.err), &r.err, DBK_PERMISSION_DENIED, "HTTP 403: no");
    rig_end(&r);
}

/* ---- fork ---- */

/* In the child handles are dead, and nothing is sent for them. */
DBK_TEST(a_forked_child_has_dead_handles) {
    rig r;
    rig_begin(&r, RIG_STEPPED);
    rig_open(&r);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        bool dead = !dbk_session_alive(r.session);
        dbk_session_close(r.session); /* comes back at once */
        _exit(dead ? 0 : 1);
    }
    int status = -1;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status));
    CHECK_EQ_I64(WEXITSTATUS(status), 0);
    rig_settle(&r);
    CHECK_STR(rig_story(&r), "");
    CHECK(dbk_session_alive(r.session));
    rig_end(&r);
}
