#include <stdio.h>

#include "sea/sea.h"
#include "sea/server_text.h"
#include "unit.h"

#define URL "https://user:pw@host.example:8443/api/2.0/sql/statements?x=secret"

/* ---- answers ---- */

static dbk_http_response answer(int status, const char *body) {
    dbk_http_response r = {.outcome = DBK_HTTP_ANSWERED, .request_sent = true, .status = status};
    dbk_error err = {0};
    CHECK_OK(dbk_buf_puts(&r.body, body, &err), &err);
    return r;
}

/* Spec sea-protocol 10 and c-abi 2.2; retryable and may_have_executed for reads and for execute. */
DBK_TEST(http_statuses) {
    static const struct {
        int status;
        dbk_status code;
        bool retryable, retryable_unsafe, executed_unsafe;
    } rows[] = {
        {400, DBK_INVALID_ARGUMENT, false, false, false},
        {401, DBK_UNAUTHENTICATED, false, false, false},
        {403, DBK_PERMISSION_DENIED, false, false, false},
        {404, DBK_NOT_FOUND, false, false, false},
        {405, DBK_INVALID_ARGUMENT, false, false, false},
        {408, DBK_INVALID_ARGUMENT, false, false, false},
        {409, DBK_INVALID_ARGUMENT, false, false, false},
        {410, DBK_INVALID_ARGUMENT, false, false, false},
        {412, DBK_INVALID_ARGUMENT, false, false, false},
        {413, DBK_INVALID_ARGUMENT, false, false, false},
        {422, DBK_INVALID_ARGUMENT, false, false, false},
        {425, DBK_INVALID_ARGUMENT, false, false, false},
        {429, DBK_RESOURCE_EXHAUSTED, true, true, false},
        {499, DBK_INVALID_ARGUMENT, false, false, false},
        {500, DBK_INTERNAL, false, false, true},
        {501, DBK_INTERNAL, false, false, true},
        {502, DBK_INTERNAL, false, false, true},
        {503, DBK_UNAVAILABLE, true, false, true},
        {504, DBK_TIMEOUT, true, false, true},
        {599, DBK_INTERNAL, false, false, true},
        {301, DBK_INVALID_ARGUMENT, false, false, false},
        {303, DBK_INVALID_ARGUMENT, false, false, false},
        {307, DBK_INVALID_ARGUMENT, false, false, false},
        {204, DBK_DATA_LOSS, false, false, false},
        {600, DBK_INTERNAL, false, false, true},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char name[16];
        dbk_error err = {0};
        (void)snprintf(name, sizeof name, "%d", rows[i].status);
        CHECK_CASE(name);
        dbk_http_response r = answer(rows[i].status, "{\"error_code\":\"C\",\"message\":\"m\"}");
        CHECK_EQ_I64(dbk_sea_http_error(&r, URL, 3, false, &err), rows[i].code);
        CHECK_EQ_I64(err.code, rows[i].code);
        CHECK_EQ_I64(err.http_status, rows[i].status);
        CHECK_EQ_I64(err.attempts, 3);
        CHECK_EQ_I64(err.retryable, rows[i].retryable);
        CHECK_EQ_I64(err.may_have_executed, false);
        CHECK_EQ_I64(dbk_sea_http_error(&r, URL, 1, true, &err), rows[i].code);
        CHECK_EQ_I64(err.retryable, rows[i].retryable_unsafe);
        CHECK_EQ_I64(err.may_have_executed, rows[i].executed_unsafe);
        dbk_error_reset(&err);
        dbk_buf_reset(&r.body);
    }
}

DBK_TEST(http_503_with_retry_after_did_nothing) {
    dbk_error err = {0};
    dbk_http_response r = answer(503, "");
    (void)snprintf(r.retry_after, sizeof r.retry_after, "soon");
    CHECK_EQ_I64(dbk_sea_http_error(&r, URL, 1, true, &err), DBK_UNAVAILABLE);
    CHECK(err.retryable && !err.may_have_executed);
    dbk_error_reset(&err);
    dbk_buf_reset(&r.body);
}

DBK_TEST(http_messages) {
    static const struct {
        int status;
        const char *body, *message, *code, *sqlstate;
    } rows[] = {
        {400, "{\"error_code\":\"BAD_REQUEST\",\"message\":\"no\"}",
         "HTTP 400: no; error_code=BAD_REQUEST", "BAD_REQUEST", ""},
        {400, "{\"message\":\"no\"}", "HTTP 400: no", "", ""},
        {400, "{\"error\":{\"message\":\"deep\"}}", "HTTP 400: deep", "", ""},
        {400, "{\"error_code\":\"X\",\"error\":{\"message\":\"deep\"}}",
         "HTTP 400: deep; error_code=X", "X", ""},
        {400, "{\"error_code\":\"X\"}", "HTTP 400: server returned error_code X; error_code=X", "X",
         ""},
        {400, "{\"error_code\":\"X\",\"message\":\"\"}",
         "HTTP 400: server returned error_code X; error_code=X", "X", ""},
        {400, "{\"error_code\":5,\"message\":\"no\"}", "HTTP 400: no", "", ""},
        {400, "{\"errorCode\":\"X\"}", "HTTP 400: {\"errorCode\":\"X\"}", "", ""},
        {400, "{\"message\":5}", "HTTP 400: {\"message\":5}", "", ""},
        {400, "[]", "HTTP 400: []", "", ""},
        {400, "{\"message\":\"x\",\"sql_state\":\"42000\"}", "HTTP 400: x", "", "42000"},
        {400, "{\"message\":\"x\",\"sql_state\":\"4200\"}", "HTTP 400: x", "", ""},
        {400, "{\"message\":\"x SQLSTATE: 42P01 y\"}", "HTTP 400: x SQLSTATE: 42P01 y", "",
         "42P01"},
        {400, "{\"message\":\"x SQLSTATE: 42P01\",\"sql_state\":\"07001\"}",
         "HTTP 400: x SQLSTATE: 42P01", "", "07001"},
        {400, "{\"message\":\"a < b\\nnext   line\"}", "HTTP 400: a < b\nnext   line", "", ""},
        {502, "plain   text\r\n\r\nhere", "HTTP 502: plain text here", "", ""},
        {502,
         "<html><head><title>502 Bad</title><style>b{}</style></head><body><script>x<y</script>"
         "<h1>Bad&nbsp;Gateway</h1><!-- no --><p>a &lt; b &amp; c</p></body></html>",
         "HTTP 502: 502 Bad Bad Gateway a < b & c", "", ""},
        {502, "<html></html>", "HTTP 502: the answer has no text (content type: none)", "", ""},
        {500, "", "HTTP 500: the answer has no text (content type: none)", "", ""},
        {500, "bad \xFF\xC3 utf", "HTTP 500: bad ?? utf", "", ""},
        {401, "{\"message\":\"Invalid token dapi0123456789abcdef0123456789abcdef\"}",
         "HTTP 401: Invalid token ", "", ""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        dbk_error err = {0};
        CHECK_CASE(rows[i].message);
        dbk_http_response r = answer(rows[i].status, rows[i].body);
        (void)snprintf(r.request_id, sizeof r.request_id, "req-1");
        (void)dbk_sea_http_error(&r, URL, 1, false, &err);
        if (rows[i].status == 401) {
            CHECK_CONTAINS(dbk_error_message(&err), rows[i].message);
            CHECK(strstr(dbk_error_message(&err), "dapi0123") == NULL);
        } else {
            CHECK_STR(dbk_error_message(&err), rows[i].message);
        }
        CHECK_STR(err.server_code, rows[i].code);
        CHECK_STR(err.sqlstate, rows[i].sqlstate);
        CHECK_STR(err.request_id, "req-1");
        CHECK_STR(err.query_id, "");
        dbk_error_reset(&err);
        dbk_buf_reset(&r.body);
    }
}

DBK_TEST(http_long_message_is_cut) {
    dbk_error err = {0};
    dbk_buf body = {0};
    CHECK_OK(dbk_buf_puts(&body, "{\"error_code\":\"X\",\"message\":\"", &err), &err);
    for (size_t i = 0; i < 20000; i++) {
        CHECK_OK(dbk_buf_puts(&body, "\xC3\xA4", &err), &err);
    }
    CHECK_OK(dbk_buf_puts(&body, "\"}", &err), &err);
    dbk_http_response r = {.outcome = DBK_HTTP_ANSWERED, .status = 400, .body = body};
    (void)dbk_sea_http_error(&r, URL, 1, false, &err);
    size_t len = strlen(dbk_error_message(&err));
    CHECK(len > 15000 && len < DBK_ERROR_MAX);
    CHECK(dbk_utf8_valid(dbk_slice_of(dbk_error_message(&err))));
    CHECK(dbk_slice_has_suffix(dbk_slice_of(dbk_error_message(&err)),
                               DBK_SLICE("; error_code=X"))); /* the code survives the cut */
    dbk_error_reset(&err);
    dbk_buf_reset(&body);
}

DBK_TEST(http_redirects) {
    static const struct {
        const char *location, *message;
    } rows[] = {
        {"https://login.example/oauth",
         "HTTP 303: redirected to login.example/oauth: the workspace host or path is wrong, or a "
         "login page is in front"},
        {"https://u:p@login.example/x", "HTTP 303: redirected to login.example/x: the workspace"},
        {"/login", "HTTP 303: redirected to /login: the workspace host or path is wrong"},
        {"", "HTTP 303: redirected to nowhere: the workspace host or path is wrong"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        dbk_error err = {0};
        CHECK_CASE(rows[i].location);
        dbk_http_response r = answer(303, "<html>moved</html>");
        (void)snprintf(r.location, sizeof r.location, "%s", rows[i].location);
        CHECK_FAILS(dbk_sea_http_error(&r, URL, 1, true, &err), &err, DBK_INVALID_ARGUMENT,
                    rows[i].message);
        CHECK(!err.retryable && !err.may_have_executed);
        dbk_error_reset(&err);
        dbk_buf_reset(&r.body);
    }
}

/* ---- transport ---- */

DBK_TEST(transport_failures) {
    static const struct {
        const char *name;
        dbk_http_outcome outcome;
        bool sent;
        dbk_status code;
        bool retryable, retryable_unsafe, executed_unsafe;
        const char *message;
    } rows[] = {
        {"unreachable", DBK_HTTP_UNREACHABLE, false, DBK_NETWORK, true, true, false,
         "HTTP request failed after 4 attempts: why (host.example:8443)"},
        {"tls", DBK_HTTP_TLS, false, DBK_NETWORK, false, false, false,
         "HTTP request failed after 4 attempts: why (host.example:8443); TLS failed: check"},
        {"broken", DBK_HTTP_BROKEN, true, DBK_NETWORK, true, false, true,
         "HTTP request failed after 4 attempts: why (host.example:8443)"},
        {"broken unsent", DBK_HTTP_BROKEN, false, DBK_NETWORK, true, true, false,
         "HTTP request failed after 4 attempts: why (host.example:8443)"},
        {"timed out", DBK_HTTP_TIMED_OUT, true, DBK_TIMEOUT, true, false, true,
         "HTTP request failed after 4 attempts: why (host.example:8443); the request timeout"},
        {"stalled", DBK_HTTP_STALLED, true, DBK_TIMEOUT, true, false, true,
         "HTTP request failed after 4 attempts: why (host.example:8443); no byte arrived"},
        {"refused", DBK_HTTP_REFUSED, true, DBK_DATA_LOSS, false, false, true,
         "HTTP request failed after 4 attempts: why (host.example:8443)"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        dbk_error err = {0};
        CHECK_CASE(rows[i].name);
        dbk_http_response r = {
            .outcome = rows[i].outcome, .request_sent = rows[i].sent, .why = "why"};
        CHECK_FAILS(dbk_sea_http_error(&r, URL, 4, false, &err), &err, rows[i].code,
                    rows[i].message);
        CHECK(strstr(dbk_error_message(&err), "secret") == NULL);
        CHECK(strstr(dbk_error_message(&err), "pw") == NULL);
        CHECK_EQ_I64(err.http_status, 0);
        CHECK_EQ_I64(err.attempts, 4);
        CHECK_EQ_I64(err.retryable, rows[i].retryable);
        CHECK_EQ_I64(err.may_have_executed, false);
        (void)dbk_sea_http_error(&r, URL, 4, true, &err);
        CHECK_EQ_I64(err.retryable, rows[i].retryable_unsafe);
        CHECK_EQ_I64(err.may_have_executed, rows[i].executed_unsafe);
        dbk_error_reset(&err);
    }
}

DBK_TEST(transport_proxy_refusals) {
    static const struct {
        int proxy_status;
        bool retryable;
    } rows[] = {{407, false}, {403, false}, {502, true}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        dbk_error err = {0};
        dbk_http_response r = {.outcome = DBK_HTTP_UNREACHABLE,
                               .proxy_status = rows[i].proxy_status,
                               .why = "proxy authentication required: x"};
        CHECK_FAILS(dbk_sea_http_error(&r, URL, 1, true, &err), &err, DBK_NETWORK,
                    "HTTP request failed after 1 attempts: proxy authentication required: x");
        CHECK_EQ_I64(err.retryable, rows[i].retryable);
        CHECK_EQ_I64(err.http_status, 0);
        dbk_error_reset(&err);
    }
}

/* ---- statements ---- */

static dbk_str text_of(const char *text) {
    dbk_str s = {0};
    dbk_error err = {0};
    if (text != NULL) {
        CHECK_OK(dbk_str_set(&s, dbk_slice_of(text), &err), &err);
    }
    return s;
}

DBK_TEST(statement_failures) {
    static const struct {
        dbk_sea_state state;
        dbk_status want;
        const char *code, *text, *sqlstate, *message, *want_sqlstate;
    } rows[] = {
        {DBK_SEA_FAILED, DBK_SQL, "BAD_REQUEST", "no table", "42P01",
         "no table; error_code=BAD_REQUEST", "42P01"},
        {DBK_SEA_FAILED, DBK_SQL, "CANCELLED", "x", NULL, "x; error_code=CANCELLED", ""},
        {DBK_SEA_FAILED, DBK_SQL, NULL, "[X] y SQLSTATE: 22012 (line 1)", NULL,
         "[X] y SQLSTATE: 22012 (line 1)", "22012"},
        {DBK_SEA_FAILED, DBK_SQL, NULL, "SQLSTATE: 22012", "07001", "SQLSTATE: 22012", "07001"},
        {DBK_SEA_FAILED, DBK_SQL, NULL, "SQLSTATE: 22012", "bad", "SQLSTATE: 22012", "22012"},
        {DBK_SEA_FAILED, DBK_SQL, NULL, NULL, NULL, "Unknown error", ""},
        {DBK_SEA_FAILED, DBK_SQL, "X", NULL, NULL, "Unknown error; error_code=X", ""},
        {DBK_SEA_FAILED, DBK_SQL, "X", "", NULL, "Unknown error; error_code=X", ""},
        {DBK_SEA_CANCELED, DBK_CANCELLED, "X", "SQLSTATE: 22012", "57014", "Statement was canceled",
         ""},
        {DBK_SEA_SUCCEEDED, DBK_INTERNAL, NULL, NULL, NULL,
         "statement state SUCCEEDED is no failure", ""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        dbk_error err = {0};
        CHECK_CASE(rows[i].message);
        dbk_sea_reply r = {.statement_id = text_of("st-1"),
                           .state = rows[i].state,
                           .error_code = text_of(rows[i].code),
                           .error_message = text_of(rows[i].text),
                           .sqlstate = text_of(rows[i].sqlstate),
                           .display_message = text_of("dm"),
                           .diagnostic_info = text_of("di"),
                           .details_json = text_of("{}")};
        CHECK_EQ_I64(dbk_sea_statement_error(&r, &err), rows[i].want);
        CHECK_EQ_I64(err.code, rows[i].want);
        CHECK_STR(dbk_error_message(&err), rows[i].message);
        CHECK_STR(err.sqlstate, rows[i].want_sqlstate);
        CHECK_STR(err.query_id, "st-1");
        CHECK_STR(err.display_message, "dm");
        CHECK_STR(err.diagnostic_info, "di");
        CHECK_STR(err.details_json, "{}");
        CHECK_EQ_I64(err.http_status, 0);
        CHECK_EQ_I64(err.vendor_code, 0);
        CHECK(!err.retryable && !err.may_have_executed);
        dbk_error_reset(&err);
        dbk_sea_reply_reset(&r);
    }
}

/* ---- texts ---- */

DBK_TEST(sqlstate_in_messages) {
    static const struct {
        const char *text, *want; /* NULL: none */
    } rows[] = {
        {"SQLSTATE: 42P01", "42P01"},
        {"x SQLSTATE:42P01.", "42P01"},
        {"SQLSTATE:    42P01", "42P01"},
        {"SQLSTATE: 42 SQLSTATE: 42P02", "42P02"},
        {"SQLSTATE: 42P012", NULL},
        {"SQLSTATE: 42P0", NULL},
        {"SQLSTATE=42P01", NULL},
        {"sqlstate: 42P01", NULL},
        {"SQLSTATE:", NULL},
        {"SQLSTAT", NULL},
        {"", NULL},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char got[6] = "-----";
        CHECK_CASE(rows[i].text);
        CHECK(dbk_server_text_sqlstate(dbk_slice_of(rows[i].text), got) == (rows[i].want != NULL));
        CHECK_STR(got, rows[i].want != NULL ? rows[i].want : "-----");
    }
}

DBK_TEST(page_texts) {
    static const struct {
        const char *page, *want;
    } rows[] = {
        {"", ""},
        {" \n\t ", ""},
        {"a <b> c", "a <b> c"}, /* not HTML: it does not start with a tag */
        {"<b", ""},
        {"<p>a", "a"},
        {"<p>a<", "a<"},
        {"<p>1 < 2", "1 < 2"},
        {"<script>x", ""},
        {"<SCRIPT>x</Script>y", "y"},
        {"<!-- x", ""},
        {"<!DOCTYPE html><p>&eacute;&", "&eacute;&"},
        {"<td>a</td><td>b</td>", "a b"},
        {"<p>a\x01\x7f"
         "b",
         "a b"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        dbk_buf out = {0};
        dbk_error err = {0};
        CHECK_CASE(rows[i].page);
        CHECK_OK(dbk_server_text_of_page(dbk_slice_of(rows[i].page), &out, &err), &err);
        CHECK_SLICE(out, rows[i].want);
        CHECK_EQ_I64(out.ptr[out.len], 0);
        dbk_buf_reset(&out);
    }
}

DBK_TEST(page_text_is_cut) {
    dbk_error err = {0};
    dbk_buf page = {0};
    dbk_buf out = {0};
    CHECK_OK(dbk_buf_reserve(&page, 1u << 20, &err), &err);
    memset(page.ptr, 'x', 1u << 20);
    page.len = 1u << 20;
    CHECK_OK(dbk_server_text_of_page(dbk_buf_slice(&page), &out, &err), &err);
    CHECK_EQ_SIZE(out.len, DBK_SERVER_TEXT_MAX);
    dbk_buf_clear(&out);
    CHECK_OK(dbk_server_text_copy(dbk_buf_slice(&page), &out, &err), &err);
    CHECK_EQ_SIZE(out.len, DBK_SERVER_TEXT_MAX);
    dbk_buf_reset(&page);
    dbk_buf_reset(&out);
}

/* Without memory the message is shorter, the rest of the error is whole. */
DBK_TEST(http_error_without_memory) {
    dbk_error err = {0};
    dbk_http_response r = answer(429, "{\"error_code\":\"C\",\"message\":\"m\"}");
    dbk_alloc_fail_after(1);
    dbk_status st = dbk_sea_http_error(&r, URL, 2, true, &err);
    dbk_alloc_fail_after(0);
    CHECK_EQ_I64(st, DBK_RESOURCE_EXHAUSTED);
    CHECK_STR(dbk_error_message(&err), "HTTP 429: ; error_code=C");
    CHECK(err.retryable);
    CHECK_EQ_I64(err.http_status, 429);
    dbk_error_reset(&err);
    dbk_buf_reset(&r.body);
}
