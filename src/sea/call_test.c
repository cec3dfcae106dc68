#include <stdio.h>

#include "sea/call_rig.h"
#include "unit.h"

#define JSON_HEAD   "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
#define FINISHED    "{\"statement_id\":\"st-1\",\"status\":{\"state\":\"SUCCEEDED\"}}" /* 54 bytes */
#define OK_FINISHED JSON_HEAD "Content-Length: 54\r\n\r\n" FINISHED
#define OK_EMPTY    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
#define ERROR_503   "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"

_Static_assert(sizeof FINISHED - 1 == 54, "Content-Length above");

/* ---- helpers ---- */

static dbk_sea_call *execute_call(rig *r, bool read_only) {
    dbk_sea_call *call = NULL;
    dbk_error err = {0};
    dbk_sea_statement_request request = {.session_id = DBK_SLICE("se-1"),
                                         .sql = DBK_SLICE("SELECT 'secret-literal'"),
                                         .read_only = read_only};
    CHECK_OK(dbk_sea_execute(r->sea, r->lane, &request, &call, &err), &err);
    return call;
}

static dbk_sea_call *get_call(rig *r) {
    dbk_sea_call *call = NULL;
    dbk_error err = {0};
    CHECK_OK(dbk_sea_get(r->sea, r->lane, DBK_SLICE("st-1"), &call, &err), &err);
    return call;
}

static const dbk_error *error_of(dbk_sea_call *call) {
    return &dbk_sea_call_op(call)->err;
}

static void drop(dbk_sea_call *call) {
    dbk_op_unref(dbk_sea_call_op(call));
}

static void check_succeeds(rig *r, dbk_sea_call *call) {
    CHECK_OK(rig_run(r, call), error_of(call));
}

static void check_fails(rig *r, dbk_sea_call *call, dbk_status want, const char *text) {
    CHECK_FAILS(rig_run(r, call), error_of(call), want, text);
    CHECK(strstr(dbk_error_message(error_of(call)), "secret") == NULL);
    CHECK(strstr(dbk_error_message(error_of(call)), RIG_TOKEN) == NULL);
}

/* ---- what goes out ---- */

DBK_TEST(call_execute_request) {
    static const rig_step script[] = {{OK_FINISHED, RIG_KEEP, 0}};
    static const dbk_sea_header headers[] = {{{"X-First", 7}, {"1", 1}},
                                             {{"x-second", 8}, {"", 0}}};
    rig r;
    rig_init(&r, script, 1, headers, COUNT_OF(headers));
    dbk_sea_call *call = execute_call(&r, false);
    check_succeeds(&r, call);
    CHECK_EQ_SIZE(r.request_count, 1);
    const char *text = r.requests[0].ptr;
    CHECK(strstr(text, "POST /api/2.0/sql/statements HTTP/1.1\r\n") == text);
    CHECK_CONTAINS(text, "\r\nUser-Agent: TestAgent/1\r\n");
    CHECK_CONTAINS(text, "\r\nAccept: */*\r\n");
    CHECK_CONTAINS(text, "\r\nAccept-Encoding: gzip\r\n");
    CHECK_CONTAINS(text, "\r\nX-First: 1\r\nx-second:\r\n");
    CHECK_CONTAINS(text, "\r\nx-databricks-org-id: 64\r\n"
                         "content-type: application/json\r\n"
                         "authorization: Bearer " RIG_TOKEN "\r\n");
    CHECK_CONTAINS(text, "\r\n\r\n{\"warehouse_id\":\"w 1\",\"statement\":\"SELECT "
                         "'secret-literal'\",\"session_id\":\"se-1\",");
    CHECK(strstr(text, "fully-sync") == NULL);
    CHECK(strstr(text, "Expect") == NULL);
    CHECK_EQ_I64(dbk_sea_call_reply(call)->state, DBK_SEA_SUCCEEDED);
    CHECK_EQ_I64(dbk_sea_call_retries(call), 0);
    dbk_sea_reply taken;
    dbk_sea_call_take_reply(call, &taken);
    drop(call);
    CHECK_STR(taken.statement_id.ptr, "st-1");
    dbk_sea_reply_reset(&taken);
    rig_reset(&r);
}

typedef dbk_status (*maker)(rig *r, dbk_sea_call **out, dbk_error *err);

static dbk_status make_session(rig *r, dbk_sea_call **out, dbk_error *err) {
    dbk_sea_session_request request = {.catalog = DBK_SLICE("c")};
    return dbk_sea_create_session(r->sea, r->lane, &request, out, err);
}
static dbk_status make_delete_session(rig *r, dbk_sea_call **out, dbk_error *err) {
    return dbk_sea_delete_session(r->sea, r->lane, DBK_SLICE("a/b"), out, err);
}
static dbk_status make_metadata(rig *r, dbk_sea_call **out, dbk_error *err) {
    dbk_sea_statement_request request = {
        .session_id = DBK_SLICE("s"), .sql = DBK_SLICE("SHOW CATALOGS"), .read_only = true};
    return dbk_sea_execute(r->sea, r->lane, &request, out, err);
}
static dbk_status make_get(rig *r, dbk_sea_call **out, dbk_error *err) {
    return dbk_sea_get(r->sea, r->lane, DBK_SLICE("st?1"), out, err);
}
static dbk_status make_chunk(rig *r, dbk_sea_call **out, dbk_error *err) {
    return dbk_sea_get_chunk(r->sea, r->lane, DBK_SLICE("st"), 12, DBK_SLICE(""), out, err);
}
static dbk_status make_linked_chunk(rig *r, dbk_sea_call **out, dbk_error *err) {
    return dbk_sea_get_chunk(r->sea, r->lane, DBK_SLICE("st"), 12,
                             DBK_SLICE("/api/2.0/sql/statements/st/result/chunks/3?row_offset=7"),
                             out, err);
}
static dbk_status make_cancel(rig *r, dbk_sea_call **out, dbk_error *err) {
    return dbk_sea_cancel(r->sea, r->lane, DBK_SLICE("st"), out, err);
}
static dbk_status make_close(rig *r, dbk_sea_call **out, dbk_error *err) {
    return dbk_sea_close(r->sea, r->lane, DBK_SLICE("st"), out, err);
}

DBK_TEST(call_requests) {
    static const struct {
        maker make;
        const char *answer, *line, *header, *body;
    } rows[] = {
        {make_session, JSON_HEAD "Content-Length: 18\r\n\r\n{\"session_id\":\"s\"}",
         "POST /api/2.0/sql/sessions HTTP/1.1\r\n", "\r\ncontent-type: application/json\r\n",
         "{\"warehouse_id\":\"w 1\",\"catalog\":\"c\"}"},
        {make_delete_session, OK_EMPTY,
         "DELETE /api/2.0/sql/sessions/a%2Fb?warehouse_id=w%201 HTTP/1.1\r\n", "", ""},
        {make_metadata, OK_FINISHED, "POST /api/2.0/sql/statements HTTP/1.1\r\n",
         "\r\nx-databricks-sea-can-run-fully-sync: true\r\n", NULL},
        {make_get, OK_FINISHED, "GET /api/2.0/sql/statements/st%3F1 HTTP/1.1\r\n", "", ""},
        {make_chunk, OK_EMPTY, "GET /api/2.0/sql/statements/st/result/chunks/12 HTTP/1.1\r\n", "",
         ""},
        {make_linked_chunk, OK_EMPTY,
         "GET /api/2.0/sql/statements/st/result/chunks/3?row_offset=7 HTTP/1.1\r\n", "", ""},
        {make_cancel, OK_EMPTY, "POST /api/2.0/sql/statements/st/cancel HTTP/1.1\r\n",
         "\r\nContent-Length: 0\r\n", ""},
        {make_close, OK_EMPTY, "DELETE /api/2.0/sql/statements/st HTTP/1.1\r\n", "", ""},
        {make_close, "HTTP/1.1 204 Gone\r\n\r\n", "DELETE /api/2.0/sql/statements/st HTTP/1.1\r\n",
         "", ""},
        {make_cancel,
         "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>",
         "POST /api/2.0/sql/statements/st/cancel HTTP/1.1\r\n", "", ""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        dbk_sea_call *call = NULL;
        dbk_error err = {0};
        rig_step step = {rows[i].answer, RIG_KEEP, 0};
        CHECK_CASE(rows[i].line);
        rig r;
        rig_init(&r, &step, 1, NULL, 0);
        CHECK_OK(rows[i].make(&r, &call, &err), &err);
        check_succeeds(&r, call);
        CHECK_EQ_SIZE(r.request_count, 1);
        const char *text = r.requests[0].ptr;
        CHECK(strncmp(text, rows[i].line, strlen(rows[i].line)) == 0);
        CHECK_CONTAINS(text, rows[i].header);
        CHECK_CONTAINS(text, "\r\nauthorization: Bearer " RIG_TOKEN "\r\n");
        CHECK_CONTAINS(text, "\r\nx-databricks-org-id: 64\r\n");
        if (rows[i].body != NULL) {
            CHECK_STR(strstr(text, "\r\n\r\n") + 4, rows[i].body);
            CHECK((strstr(text, "content-type") != NULL) == (rows[i].body[0] != '\0'));
        }
        drop(call);
        rig_reset(&r);
    }
}

DBK_TEST(call_bad_arguments) {
    dbk_sea_call *call = NULL;
    dbk_error err = {0};
    rig r;
    rig_init(&r, NULL, 0, NULL, 0);
    const dbk_slice none = {NULL, 0};
    CHECK_FAILS(dbk_sea_get(r.sea, r.lane, none, &call, &err), &err, DBK_INVALID_ARGUMENT,
                "'' is not an id of statements");
    CHECK_FAILS(dbk_sea_close(r.sea, r.lane, DBK_SLICE(""), &call, &err), &err,
                DBK_INVALID_ARGUMENT, "'' is not an id of statements");
    CHECK_FAILS(dbk_sea_cancel(r.sea, r.lane, DBK_SLICE(".."), &call, &err), &err,
                DBK_INVALID_ARGUMENT, "'..' is not an id of statements");
    CHECK_FAILS(dbk_sea_delete_session(r.sea, r.lane, none, &call, &err), &err,
                DBK_INVALID_ARGUMENT, "'' is not an id of sessions");
    CHECK_FAILS(dbk_sea_get_chunk(r.sea, r.lane, DBK_SLICE("s"), -1, none, &call, &err), &err,
                DBK_INVALID_ARGUMENT, "chunk index -1 is negative");
    CHECK_FAILS(
        dbk_sea_get_chunk(r.sea, r.lane, DBK_SLICE("s"), 1, DBK_SLICE("//evil/"), &call, &err),
        &err, DBK_DATA_LOSS, "next_chunk_internal_link is not a path of the workspace");
    CHECK_FAILS(dbk_sea_execute(r.sea, r.lane,
                                &(dbk_sea_statement_request){.sql = DBK_SLICE("\xFF")}, &call,
                                &err),
                &err, DBK_INVALID_ARGUMENT, "statement is not valid UTF-8");
    CHECK_FAILS(dbk_sea_create_session(r.sea, r.lane,
                                       &(dbk_sea_session_request){.catalog = DBK_SLICE("\xFF")},
                                       &call, &err),
                &err, DBK_INVALID_ARGUMENT, "catalog is not valid UTF-8");
    CHECK(call == NULL);
    dbk_error_reset(&err);
    rig_reset(&r);
}

/* ---- answers ---- */

DBK_TEST(call_reads_the_server_clock) {
    static const rig_step script[] = {
        {JSON_HEAD "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 54\r\n\r\n" FINISHED,
         RIG_KEEP, 0}};
    rig r;
    RIG_INIT(&r, script);
    dbk_sea_call *call = get_call(&r);
    check_succeeds(&r, call);
    CHECK_EQ_I64(dbk_sea_call_reply(call)->server_unix_s, 784111777);
    drop(call);
    rig_reset(&r);
}

DBK_TEST(call_bad_answers) {
    static const struct {
        const char *answer, *text, *query_id;
    } rows[] = {
        {"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 13\r\n\r\n<html>Sign in",
         "Failed to parse execute response: ", ""},
        {"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 13\r\n\r\n<html>Sign in",
         "(content type: text/html) - body: <html>Sign in", ""},
        {"HTTP/1.1 204 No\r\n\r\n",
         "Failed to parse execute response: the body is empty (content type: none) - body: ", ""},
        {JSON_HEAD "Content-Length: 22\r\n\r\n{\"statement_id\":\"st-7\"}",
         "Failed to parse execute response: ", ""}, /* cut by one byte */
        {JSON_HEAD "Content-Length: 23\r\n\r\n{\"statement_id\":\"st-7\"}",
         "Failed to parse execute response: missing field `status` - body: {\"statement_id\"",
         "st-7"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        rig_step step = {rows[i].answer, RIG_KEEP, 0};
        CHECK_CASE(rows[i].text);
        rig r;
        rig_init(&r, &step, 1, NULL, 0);
        dbk_sea_call *call = execute_call(&r, false);
        check_fails(&r, call, DBK_DATA_LOSS, rows[i].text);
        CHECK(error_of(call)->may_have_executed && !error_of(call)->retryable);
        CHECK_STR(error_of(call)->query_id, rows[i].query_id);
        CHECK_EQ_I64(error_of(call)->attempts, 1);
        drop(call);
        rig_reset(&r);
    }
}

DBK_TEST(call_http_error) {
    static const rig_step script[] = {
        {"HTTP/1.1 404 No\r\nX-Request-Id: req-9\r\nContent-Length: 37\r\n\r\n"
         "{\"error_code\":\"NOT\",\"message\":\"gone\"}",
         RIG_KEEP, 0}};
    rig r;
    RIG_INIT(&r, script);
    dbk_sea_call *call = get_call(&r);
    check_fails(&r, call, DBK_NOT_FOUND, "HTTP 404: gone; error_code=NOT");
    CHECK_STR(error_of(call)->query_id, "st-1");
    CHECK_STR(error_of(call)->request_id, "req-9");
    CHECK_EQ_I64(error_of(call)->http_status, 404);
    drop(call);
    rig_reset(&r);
}

DBK_TEST(call_huge_error_body) {
    static const rig_step script[] = {
        {"HTTP/1.1 400 No\r\nContent-Type: text/plain\r\n\r\nstart ", RIG_CLOSE, 3u << 20}};
    rig r;
    RIG_INIT(&r, script);
    dbk_sea_call *call = execute_call(&r, false);
    check_fails(&r, call, DBK_INVALID_ARGUMENT, "HTTP 400: start xxx");
    CHECK(!error_of(call)->may_have_executed);
    CHECK(strlen(dbk_error_message(error_of(call))) < DBK_ERROR_MAX);
    drop(call);
    rig_reset(&r);
}

DBK_TEST(call_endless_answer) {
    static const rig_step script[] = {{JSON_HEAD "\r\n{\"statement_id\":\"", RIG_NEVER, 65u << 20}};
    rig r;
    RIG_INIT(&r, script);
    dbk_sea_call *call = execute_call(&r, false);
    check_fails(&r, call, DBK_DATA_LOSS,
                "Failed to parse execute response: the answer is larger than 64 MiB - body: {");
    CHECK(error_of(call)->may_have_executed && !error_of(call)->retryable);
    CHECK_EQ_I64(error_of(call)->attempts, 1);
    drop(call);
    rig_reset(&r);
}

DBK_TEST(call_error_with_a_cut_body) {
    static const rig_step script[] = {
        {"HTTP/1.1 403 No\r\nContent-Length: 1000\r\n\r\n<p>Forb", RIG_CLOSE, 0}};
    rig r;
    RIG_INIT(&r, script);
    dbk_sea_call *call = execute_call(&r, false);
    check_fails(&r, call, DBK_PERMISSION_DENIED, "HTTP 403: Forb");
    CHECK(!error_of(call)->may_have_executed);
    drop(call);
    rig_reset(&r);
}

DBK_TEST(call_redirect_is_not_followed) {
    static const rig_step script[] = {{"HTTP/1.1 307 No\r\nLocation: /elsewhere?token=secret\r\n"
                                       "Content-Length: 0\r\n\r\n",
                                       RIG_KEEP, 0}};
    rig r;
    RIG_INIT(&r, script);
    dbk_sea_call *call = get_call(&r);
    check_fails(&r, call, DBK_INVALID_ARGUMENT, "HTTP 307: redirected to /elsewhere: ");
    CHECK_EQ_SIZE(r.request_count, 1);
    drop(call);
    rig_reset(&r);
}

#define JSON_OBJECT(length, text) \
    { JSON_HEAD "Content-Length: " length "\r\n\r\n" text, RIG_KEEP, 0 }
#define MOVED(status, to) \
    { "HTTP/1.1 " status " Go\r\nLocation: " to "\r\nContent-Length: 0\r\n\r\n", RIG_KEEP, 0 }

/* Spec spog 4, evidence: one request to the host, and the error says what it means. */
DBK_TEST(call_led_to_a_login_page) {
    static const struct {
        rig_step script[2];
        const char *org_id, *text;
    } rows[] = {
        {{MOVED("303", "/login.html?next=x"), JSON_OBJECT("23", "{\"host_type\":\"unified\"}")},
         "",
         "this host serves many workspaces, and the http_path does not say which: requests may end "
         "at a login page. Write /sql/1.0/warehouses/<id>?o=<workspace-id>; "},
        {{MOVED("302", "/login"), JSON_OBJECT("25", "{\"host_type\":\"workspace\"}")},
         "",
         "HTTP 302: redirected to /login: the workspace host or path is wrong, or a login page is "
         "in front"},
        {{MOVED("301", "/login.html"),
          {"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", RIG_KEEP, 0}},
         "",
         "if this host serves many workspaces, the http_path must say which: write "},
        {{MOVED("307", "https://other.example/x"), JSON_OBJECT("2", "{}")},
         "64",
         "workspace 64 is not reachable through this host: HTTP 307: redirected to "
         "other.example/x"},
        {{MOVED("308", "//other.example/x"), JSON_OBJECT("2", "{}")},
         "64",
         "workspace 64 is not reachable through this host: HTTP 308: redirected to "},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        rig r;
        CHECK_CASE(rows[i].text);
        rig_init_at(&r, rows[i].script, COUNT_OF(rows[i].script), rows[i].org_id);
        dbk_sea_call *call = execute_call(&r, false);
        check_fails(&r, call, DBK_UNAUTHENTICATED, rows[i].text);
        CHECK(error_of(call)->http_status >= 301);
        CHECK(!error_of(call)->retryable && !error_of(call)->may_have_executed);
        CHECK_EQ_SIZE(r.request_count, 2);
        CHECK_CONTAINS(r.requests[1].ptr, "GET /.well-known/databricks-config HTTP/1.1\r\n");
        CHECK(strstr(r.requests[1].ptr, "x-databricks-org-id") == NULL);
        CHECK(strstr(r.requests[1].ptr, RIG_TOKEN) == NULL);
        drop(call);
        rig_reset(&r);
    }
}

/* A page where a session should be made comes from a login page; later it is a broken answer. */
DBK_TEST(call_answered_by_a_page) {
    static const rig_step page[] = {
        {"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 13\r\n\r\n<html>Sign in",
         RIG_KEEP, 0},
        JSON_OBJECT("23", "{\"host_type\":\"unified\"}")};
    rig r;
    dbk_error err = {0};
    dbk_sea_call *call = NULL;
    rig_init_at(&r, page, 2, "");
    CHECK_OK(make_session(&r, &call, &err), &err);
    check_fails(&r, call, DBK_UNAUTHENTICATED, "this host serves many workspaces");
    CHECK_CONTAINS(dbk_error_message(error_of(call)), "<html>Sign in");
    drop(call);
    rig_reset(&r);
    rig_init_at(&r, page, 1, "");
    call = get_call(&r);
    check_fails(&r, call, DBK_DATA_LOSS, "<html>Sign in");
    drop(call);
    rig_reset(&r);
}

/* ---- retries: design 5 ---- */

DBK_TEST(call_retries_of_reads) {
    static const rig_step script[] = {
        {JSON_HEAD "Content-Length: 54\r\n\r\n{\"statement_id\":\"st-OLD\",", RIG_CLOSE, 0},
        {NULL, RIG_KEEP, 0},
        {"", RIG_CLOSE, 0},
        {OK_FINISHED, RIG_KEEP, 0},
    };
    rig r;
    RIG_INIT(&r, script);
    dbk_sea_call *call = get_call(&r);
    check_succeeds(&r, call);
    CHECK_EQ_I64(dbk_sea_call_retries(call), 3);
    CHECK_STR(dbk_sea_call_reply(call)->statement_id.ptr, "st-1"); /* nothing of the first answer */
    CHECK(r.waited_ms >= 200 + 400 + 800);
    drop(call);
    rig_reset(&r);
}

DBK_TEST(call_gives_up_after_the_last_attempt) {
    static const rig_step script[] = {{ERROR_503, RIG_KEEP, 0},
                                      {ERROR_503, RIG_KEEP, 0},
                                      {ERROR_503, RIG_KEEP, 0},
                                      {ERROR_503, RIG_KEEP, 0}};
    rig r;
    RIG_INIT(&r, script);
    dbk_sea_call *call = get_call(&r);
    check_fails(&r, call, DBK_UNAVAILABLE, "HTTP 503: ");
    CHECK_EQ_I64(error_of(call)->attempts, 4);
    CHECK(error_of(call)->retryable);
    CHECK_EQ_SIZE(r.request_count, 4);
    CHECK_EQ_SIZE(r.connections, 1);
    drop(call);
    rig_reset(&r);
}

DBK_TEST(call_unreachable) {
    static const rig_step script[] = {
        {NULL, RIG_KEEP, 0}, {NULL, RIG_KEEP, 0}, {NULL, RIG_KEEP, 0}, {NULL, RIG_KEEP, 0}};
    rig r;
    RIG_INIT(&r, script);
    dbk_sea_call *call = execute_call(&r, false);
    check_fails(&r, call, DBK_NETWORK, "HTTP request failed after 4 attempts: ");
    CHECK_CONTAINS(dbk_error_message(error_of(call)), " (127.0.0.1:");
    CHECK(error_of(call)->retryable && !error_of(call)->may_have_executed);
    drop(call);
    rig_reset(&r);
}

/* One attempt and what it says about the statement. */
DBK_TEST(call_execute_is_not_repeated) {
    static const struct {
        const char *name;
        rig_step step;
        dbk_status code;
        bool may_have_executed;
    } rows[] = {
        {"closed without a byte", {"", RIG_CLOSE, 0}, DBK_NETWORK, true},
        {"cut inside the answer",
         {JSON_HEAD "Content-Length: 54\r\n\r\n{", RIG_CLOSE, 0},
         DBK_NETWORK,
         true},
        {"503", {ERROR_503, RIG_KEEP, 0}, DBK_UNAVAILABLE, true},
        {"500", {"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", RIG_KEEP, 0}, DBK_INTERNAL, true},
        {"504", {"HTTP/1.1 504 No\r\nContent-Length: 0\r\n\r\n", RIG_KEEP, 0}, DBK_TIMEOUT, true},
        {"400",
         {"HTTP/1.1 400 No\r\nContent-Length: 0\r\n\r\n", RIG_KEEP, 0},
         DBK_INVALID_ARGUMENT,
         false},
        {"no answer in time", {"", RIG_NEVER, 0}, DBK_TIMEOUT, true},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CHECK_CASE(rows[i].name);
        rig r;
        rig_init(&r, &rows[i].step, 1, NULL, 0);
        dbk_sea_call *call = execute_call(&r, false);
        check_fails(&r, call, rows[i].code, "HTTP ");
        CHECK_EQ_I64(error_of(call)->may_have_executed, rows[i].may_have_executed);
        CHECK(!error_of(call)->retryable);
        CHECK_EQ_I64(error_of(call)->attempts, 1);
        CHECK_EQ_SIZE(r.request_count, 1);
        drop(call);
        rig_reset(&r);
    }
}

/* Every one of these says that nothing was done. */
DBK_TEST(call_execute_is_repeated) {
    static const rig_step script[] = {
        {NULL, RIG_KEEP, 0},
        {"HTTP/1.1 429 No\r\nContent-Length: 0\r\n\r\n", RIG_KEEP, 0},
        {"HTTP/1.1 503 No\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n", RIG_KEEP, 0},
        {OK_FINISHED, RIG_KEEP, 0}};
    rig r;
    RIG_INIT(&r, script);
    dbk_sea_call *call = execute_call(&r, false);
    check_succeeds(&r, call);
    CHECK_EQ_I64(dbk_sea_call_retries(call), 3);
    CHECK(r.waited_ms >= 7000);
    CHECK_EQ_SIZE(r.request_count, 3);
    CHECK_STR(r.requests[0].ptr, r.requests[2].ptr);
    drop(call);
    rig_reset(&r);
}

DBK_TEST(call_metadata_is_repeated) {
    static const rig_step script[] = {{"", RIG_CLOSE, 0}, {OK_FINISHED, RIG_KEEP, 0}};
    rig r;
    RIG_INIT(&r, script);
    dbk_sea_call *call = execute_call(&r, true);
    check_succeeds(&r, call);
    CHECK_EQ_SIZE(r.request_count, 2);
    drop(call);
    rig_reset(&r);
}

/* curl alone would send the statement again on a fresh connection. */
DBK_TEST(call_execute_on_a_dying_pooled_connection) {
    static const rig_step script[] = {{OK_FINISHED, RIG_KEEP, 0}, {"", RIG_CLOSE, 0}};
    rig r;
    RIG_INIT(&r, script);
    dbk_sea_call *first = get_call(&r);
    check_succeeds(&r, first);
    drop(first);
    dbk_sea_call *call = execute_call(&r, false);
    check_fails(&r, call, DBK_NETWORK, "HTTP request failed after 1 attempts: ");
    CHECK(error_of(call)->may_have_executed && !error_of(call)->retryable);
    CHECK_EQ_SIZE(r.request_count, 2);
    drop(call);
    rig_reset(&r);
}

DBK_TEST(call_repeated_delete_finds_nothing) {
    static const rig_step script[] = {
        {"", RIG_CLOSE, 0},
        {"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", RIG_KEEP, 0},
        {"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", RIG_KEEP, 0}};
    dbk_sea_call *call = NULL;
    dbk_error err = {0};
    rig r;
    RIG_INIT(&r, script);
    CHECK_OK(dbk_sea_close(r.sea, r.lane, DBK_SLICE("st"), &call, &err), &err);
    check_succeeds(&r, call);
    drop(call);
    CHECK_OK(dbk_sea_close(r.sea, r.lane, DBK_SLICE("st"), &call, &err), &err);
    check_fails(&r, call, DBK_NOT_FOUND, "HTTP 404: "); /* the first try says so: an error */
    drop(call);
    rig_reset(&r);
}

/* ---- cancel and deadline ---- */

static void cancel_op(rig *r, dbk_op *op) {
    (void)r;
    dbk_op_cancel(op);
}

DBK_TEST(call_cancelled_in_flight) {
    static const rig_step script[] = {{"", RIG_NEVER, 0}, {"", RIG_NEVER, 0}};
    rig r;
    RIG_INIT(&r, script);
    r.idle = cancel_op;
    dbk_sea_call *call = execute_call(&r, false);
    check_fails(&r, call, DBK_CANCELLED, "request was cancelled");
    CHECK(error_of(call)->may_have_executed);
    CHECK_EQ_I64(error_of(call)->attempts, 1);
    drop(call);
    r.idle = cancel_op;
    call = get_call(&r);
    check_fails(&r, call, DBK_CANCELLED, "request was cancelled");
    CHECK(!error_of(call)->may_have_executed);
    CHECK_STR(error_of(call)->query_id, "st-1");
    drop(call);
    rig_reset(&r);
}

DBK_TEST(call_cancelled_while_it_pauses) {
    static const rig_step script[] = {
        {"HTTP/1.1 429 No\r\nRetry-After: 30\r\nContent-Length: 0\r\n\r\n", RIG_KEEP, 0}};
    rig r;
    RIG_INIT(&r, script);
    r.idle = cancel_op;
    dbk_sea_call *call = execute_call(&r, false);
    check_fails(&r, call, DBK_CANCELLED, "request was cancelled");
    CHECK(!error_of(call)->may_have_executed);
    CHECK(r.waited_ms < 30000);
    drop(call);
    rig_reset(&r);
}

DBK_TEST(call_deadline) {
    static const rig_step script[] = {{"", RIG_NEVER, 0}};
    rig r;
    RIG_INIT(&r, script);
    dbk_sea_call *call = execute_call(&r, false);
    dbk_sea_call_op(call)->deadline_ms = 5000;
    check_fails(&r, call, DBK_TIMEOUT, "request took longer than 5000 ms");
    CHECK(error_of(call)->may_have_executed);
    CHECK(r.waited_ms < 120000);
    drop(call);
    rig_reset(&r);
}

DBK_TEST(call_dropped_before_it_starts) {
    rig r;
    rig_init(&r, NULL, 0, NULL, 0);
    drop(execute_call(&r, false));
    drop(get_call(&r));
    rig_reset(&r);
}

/* ---- log lines ---- */

typedef struct lines {
    char text[4000];
    bool warned;
} lines;

static void on_log(const char *level, const char *target, const char *message, void *user) {
    lines *l = user;
    size_t n = strlen(l->text);
    (void)target;
    l->warned = l->warned || strcmp(level, "warn") == 0;
    (void)snprintf(l->text + n, sizeof l->text - n, "%s\n", message);
}

DBK_TEST(call_log_lines) {
    static const rig_step script[] = {
        {"HTTP/1.1 429 No\r\nRetry-After: 30\r\nContent-Length: 0\r\n\r\n", RIG_KEEP, 0},
        {OK_EMPTY, RIG_KEEP, 0}};
    static lines seen;
    dbk_error err = {0};
    memset(&seen, 0, sizeof seen);
    dbk_log_reset_for_tests();
    CHECK_OK(dbk_log_init_callback("debug", on_log, &seen, &err), &err);
    dbk_sea_call *call = NULL;
    rig r;
    RIG_INIT(&r, script);
    CHECK_OK(dbk_sea_delete_session(r.sea, r.lane, DBK_SLICE("se-1"), &call, &err), &err);
    check_succeeds(&r, call);
    CHECK_CONTAINS(seen.text, "DeleteSession: DELETE /api/2.0/sql/sessions/se-1 (attempt 1/4)");
    CHECK_CONTAINS(seen.text, "DeleteSession: HTTP 429 (attempt 1/4), waiting 3");
    CHECK_CONTAINS(seen.text, " ms before retry");
    CHECK_CONTAINS(seen.text, "DeleteSession: DELETE /api/2.0/sql/sessions/se-1 (attempt 2/4)");
    CHECK(strstr(seen.text, "warehouse_id") == NULL);
    CHECK(strstr(seen.text, RIG_TOKEN) == NULL);
    CHECK(seen.warned); /* half a minute is worth a word */
    drop(call);
    rig_reset(&r);
    dbk_log_reset_for_tests();
}

/* ---- memory ---- */

DBK_OOM_TEST(call_makers_out_of_memory) {
    static const maker makers[] = {make_session, make_delete_session, make_metadata, make_get,
                                   make_chunk,   make_linked_chunk,   make_cancel,   make_close};
    static rig r;
    static bool ready;
    dbk_status st = DBK_OK;
    if (!ready) { /* the rig itself is not what is tested */
        dbk_alloc_fail_after(0);
        rig_init(&r, NULL, 0, NULL, 0);
        ready = true;
        dbk_alloc_fail_after(1);
    }
    for (size_t i = 0; i < COUNT_OF(makers) && st == DBK_OK; i++) {
        dbk_sea_call *call = NULL;
        st = makers[i](&r, &call, err);
        dbk_op_unref(call != NULL ? dbk_sea_call_op(call) : NULL);
    }
    if (st == DBK_OK) {
        dbk_alloc_fail_after(0);
        rig_reset(&r);
        ready = false;
    }
    return st;
}

/* Memory runs out inside a running call: it ends with the error, and nothing is left behind. */
DBK_TEST(call_out_of_memory_while_it_runs) {
    static const rig_step script[] = {{OK_FINISHED, RIG_KEEP, 0}};
    for (int64_t n = 1; n < 40; n++) {
        rig r;
        RIG_INIT(&r, script);
        dbk_sea_call *call = execute_call(&r, false);
        dbk_op *op = dbk_sea_call_op(call);
        dbk_alloc_fail_after(n);
        dbk_op_start(op, NULL, NULL);
        dbk_alloc_fail_after(0);
        CHECK(!dbk_op_is_done(op) || op->status == DBK_RESOURCE_EXHAUSTED);
        dbk_op_cancel(op);
        while (!dbk_op_is_done(op)) {
            dbk_lane_run_once(r.lane);
        }
        drop(call);
        rig_reset(&r);
    }
}
