#include "net/http.h"

#include <stdio.h>
#include <stdlib.h>

#include "net/test_peer.h"
#include "unit.h"

#define URL(path) "http://127.0.0.1:1" path
#define OK_BODY   "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"

/* The machine's proxies are not for these tests. */
__attribute__((constructor)) static void forget_proxies(void) {
    static const char *const names[] = {"http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY",
                                        "all_proxy",  "ALL_PROXY",  "no_proxy",    "NO_PROXY"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        (void)unsetenv(names[i]);
    }
}

/* ---- the bench: one lane with a clock that stands still, one peer ---- */

static struct {
    dbk_clock_manual clock;
    dbk_lane *lane;
    dbk_http_config *config;
} bench;
static test_peer peer;

static void set_up_with(const dbk_http_settings *settings) {
    dbk_error err = {0};
    dbk_clock_manual_init(&bench.clock, 0);
    CHECK_OK(dbk_lane_new("test", DBK_LANE_EMBEDDED, &bench.clock.clock, &bench.lane, &err), &err);
    CHECK_OK(dbk_http_config_new(settings, &bench.config, &err), &err);
    test_peer_init(&peer);
    dbk_lane_set_socket_opener(bench.lane, test_peer_open, &peer);
}

static void set_up(void) {
    dbk_http_settings settings = {.user_agent = DBK_SLICE("test/1")};
    set_up_with(&settings);
}

static void tear_down(void) {
    CHECK(test_peer_used_up(&peer));
    dbk_http_config_unref(bench.config);
    dbk_lane_free(bench.lane);
    CHECK_EQ_SIZE(test_peer_open_now(&peer), 0);
    test_peer_end(&peer);
}

/* ---- one exchange ---- */

typedef struct call {
    dbk_http *http;
    int done;
    bool free_when_done;
    dbk_buf got;     /* what the sink took */
    size_t pause_at; /* the sink pauses once when it holds so many bytes; 0: never */
    size_t stop_at;  /* the sink stops then; 0: never */
    size_t pauses;
    bool resume_at_once; /* from inside the sink */
    int head_status;
} call;

static void on_done(dbk_http *http, void *ctx) {
    call *c = ctx;
    CHECK(c->http == http);
    c->done++;
    if (c->free_when_done) {
        dbk_http_free(http);
        c->http = NULL;
    }
}

static bool is_done(void *ctx) {
    return ((const call *)ctx)->done > 0;
}

static dbk_sink_answer take(void *ctx, const dbk_http_response *head, dbk_slice bytes) {
    call *c = ctx;
    dbk_error err = {0};
    c->head_status = head->status;
    if (c->stop_at > 0 && c->got.len >= c->stop_at) {
        return DBK_SINK_STOP;
    }
    if (c->pause_at > 0 && c->got.len >= c->pause_at) {
        c->pause_at = 0;
        c->pauses++;
        if (c->resume_at_once) {
            dbk_http_resume(c->http);
        }
        return DBK_SINK_PAUSE;
    }
    CHECK_OK(dbk_buf_append(&c->got, bytes.ptr, bytes.len, &err), &err);
    return DBK_SINK_GO;
}

static void start(call *c, const dbk_http_request *request) {
    dbk_error err = {0};
    CHECK_OK(dbk_http_start(bench.lane, bench.config, request, on_done, c, &c->http, &err), &err);
    CHECK_EQ_I64(c->done, 0);
}

static dbk_http_response *finish(call *c) {
    test_peer_run(&peer, bench.lane, is_done, c);
    CHECK_EQ_I64(c->done, 1);
    return c->http != NULL ? dbk_http_response_of(c->http) : NULL;
}

static dbk_http_response *run(call *c, const dbk_http_request *request) {
    start(c, request);
    return finish(c);
}

static void end(call *c) {
    dbk_http_free(c->http);
    dbk_buf_reset(&c->got);
}

static const dbk_http_request get_a = {.method = "GET", .url = URL("/a")};
static const dbk_http_request post_a = {
    .method = "POST", .url = URL("/a"), .body = {"{}", 2}, .has_body = true};

/* A whole GET /a; the rest of the test may look at the copied outcome. */
static dbk_http_outcome get_once(void) {
    call c = {0};
    dbk_http_outcome outcome = run(&c, &get_a)->outcome;
    end(&c);
    return outcome;
}

/* ---- requests ---- */

DBK_TEST(http_get) {
    set_up();
    test_peer_on(&peer, "GET /a HTTP/1.1\r\n", OK_BODY, TEST_PEER_KEEP);
    call c = {0};
    const char *headers[] = {"authorization: Bearer abc", "x-two: 2"};
    dbk_http_request request = {
        .method = "GET", .url = URL("/a"), .headers = headers, .header_count = 2};
    dbk_http_response *r = run(&c, &request);
    CHECK_EQ_I64(r->outcome, DBK_HTTP_ANSWERED);
    CHECK_EQ_I64(r->status, 200);
    CHECK(r->request_sent);
    CHECK_SLICE(r->body, "ok");
    CHECK_EQ_U64(r->bytes_received, 2);
    CHECK_EQ_I64(r->content_length, 2);
    CHECK_EQ_I64(r->date_unix_s, -1);
    CHECK_STR(r->why, "");
    const char *sent = test_peer_request(&peer, 0);
    CHECK_CONTAINS(sent, "\r\nauthorization: Bearer abc\r\n");
    CHECK_CONTAINS(sent, "\r\nx-two: 2\r\n");
    CHECK_CONTAINS(sent, "\r\nUser-Agent: test/1\r\n");
    CHECK_CONTAINS(sent, "\r\nAccept-Encoding: gzip\r\n");
    CHECK(strstr(sent, "Expect") == NULL);
    end(&c);
    tear_down();
}

DBK_TEST(http_methods) {
    static const struct {
        const char *name, *method, *body, *want;
    } rows[] = {
        {"get", "GET", NULL, "GET /m HTTP/1.1\r\n"},
        {"post", "POST", "{\"a\":1}", "POST /m HTTP/1.1\r\n"},
        {"post, empty body", "POST", "", "POST /m HTTP/1.1\r\n"},
        {"delete", "DELETE", NULL, "DELETE /m HTTP/1.1\r\n"},
        {"put", "PUT", "x", "PUT /m HTTP/1.1\r\n"},
    };
    set_up();
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CHECK_CASE(rows[i].name);
        test_peer_on(&peer, rows[i].want, OK_BODY, TEST_PEER_KEEP);
        dbk_http_request request = {.method = rows[i].method,
                                    .url = URL("/m"),
                                    .body = dbk_slice_of(rows[i].body),
                                    .has_body = rows[i].body != NULL};
        call c = {0};
        CHECK_EQ_I64(run(&c, &request)->status, 200);
        char length[64];
        (void)snprintf(length, sizeof length, "Content-Length: %zu\r\n", request.body.len);
        const char *sent = test_peer_request(&peer, i);
        CHECK_EQ_I64(strstr(sent, "Content-Length") != NULL, request.has_body);
        if (request.has_body) {
            CHECK_CONTAINS(sent, length);
            CHECK_STR(strstr(sent, "\r\n\r\n") + 4, rows[i].body);
        }
        end(&c);
    }
    CHECK_EQ_SIZE(test_peer_opened(&peer), 1);
    tear_down();
}

DBK_TEST(http_large_request_body) {
    static char body[1 << 20];
    memset(body, 'x', sizeof body);
    set_up();
    test_peer_on(&peer, "POST", OK_BODY, TEST_PEER_KEEP);
    dbk_http_request request = post_a;
    request.body = dbk_slice_n(body, sizeof body);
    call c = {0};
    CHECK_EQ_I64(run(&c, &request)->status, 200);
    end(&c);
    tear_down();
}

DBK_TEST(http_error_statuses_are_answers) {
    static const int statuses[] = {204, 302, 400, 401, 404, 407, 429, 500, 503, 599};
    set_up();
    for (size_t i = 0; i < COUNT_OF(statuses); i++) {
        static char answers[COUNT_OF(statuses)][64];
        (void)snprintf(answers[i], sizeof answers[i], "HTTP/1.1 %d X\r\ncontent-length: 0\r\n\r\n",
                       statuses[i]);
        CHECK_CASE(answers[i]);
        test_peer_on(&peer, "GET", answers[i], TEST_PEER_KEEP);
        call c = {0};
        dbk_http_response *r = run(&c, &get_a);
        CHECK_EQ_I64(r->outcome, DBK_HTTP_ANSWERED);
        CHECK_EQ_I64(r->status, statuses[i]);
        CHECK_EQ_SIZE(r->body.len, 0);
        end(&c);
    }
    tear_down();
}

/* ---- answers ---- */

DBK_TEST(http_response_headers) {
    set_up();
    test_peer_on(&peer, "GET",
                 "HTTP/1.1 503 Busy\r\n"
                 "Retry-After:  17 \r\n"
                 "content-type: text/html; charset=utf-8\r\n"
                 "X-Request-Id: r\x01-\xc3\xbc\r\n"
                 "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
                 "Location: https://u:p@h/p?sig=s#t\r\n"
                 "Content-Length: 4\r\n\r\nbusy",
                 TEST_PEER_KEEP);
    call c = {0};
    dbk_http_response *r = run(&c, &get_a);
    CHECK_EQ_I64(r->status, 503);
    CHECK_STR(r->retry_after, "17");
    CHECK_STR(r->content_type, "text/html; charset=utf-8");
    CHECK_STR(r->request_id, "r?-??");
    CHECK_EQ_I64(r->date_unix_s, 784111777);
    CHECK_CONTAINS(r->location, "@h/p");
    CHECK(strstr(r->location, "sig") == NULL && strstr(r->location, ":p@") == NULL);
    CHECK_EQ_I64(r->content_length, 4);
    CHECK_SLICE(r->body, "busy");
    end(&c);
    tear_down();
}

DBK_TEST(http_odd_headers) {
    static const struct {
        const char *name, *head, *request_id;
        int64_t date, length;
    } rows[] = {
        {"databricks' own id", "x-databricks-request-id: q\r\ncontent-length: 0\r\n", "q", -1, 0},
        {"no blanks", "x-request-id:a\r\ncontent-length:0\r\n", "a", -1, 0},
        {"unreadable date", "date: yesterday\r\ncontent-length: 0\r\n", "", -1, 0},
        {"empty value", "x-request-id:\r\ncontent-length: 0\r\n", "", -1, 0},
        {"a trailer is no header",
         "transfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nx-request-id: t\r\n", "", -1, -1},
    };
    set_up();
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        static char answers[COUNT_OF(rows)][256];
        CHECK_CASE(rows[i].name);
        (void)snprintf(answers[i], sizeof answers[i], "HTTP/1.1 200 OK\r\n%s\r\n", rows[i].head);
        test_peer_on(&peer, "GET", answers[i], TEST_PEER_KEEP);
        call c = {0};
        dbk_http_response *r = run(&c, &get_a);
        CHECK_EQ_I64(r->outcome, DBK_HTTP_ANSWERED);
        CHECK_STR(r->request_id, rows[i].request_id);
        CHECK_EQ_I64(r->date_unix_s, rows[i].date);
        CHECK_EQ_I64(r->content_length, rows[i].length);
        end(&c);
    }
    tear_down();
}

DBK_TEST(http_interim_answers_are_skipped) {
    set_up();
    test_peer_on(&peer, "POST",
                 "HTTP/1.1 100 Continue\r\nx-request-id: no\r\n\r\n"
                 "HTTP/1.1 103 Early Hints\r\nretry-after: 9\r\n\r\n" OK_BODY,
                 TEST_PEER_KEEP);
    call c = {0};
    dbk_http_response *r = run(&c, &post_a);
    CHECK_EQ_I64(r->status, 200);
    CHECK_STR(r->request_id, "");
    CHECK_STR(r->retry_after, "");
    CHECK_SLICE(r->body, "ok");
    end(&c);
    tear_down();
}

#define CHUNKED "HTTP/1.1 200 OK\r\nx-request-id: id\r\ntransfer-encoding: chunked\r\n\r\n"

DBK_TEST(http_split_at_every_byte) {
    static const char *const answers[] = {
        "HTTP/1.1 200 OK\r\nx-request-id: id\r\ncontent-length: 10\r\n\r\n0123456789",
        CHUNKED "4\r\n0123\r\n6;x=y\r\n456789\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nx-request-id: id\r\nconnection: close\r\n\r\n0123456789",
    };
    for (size_t piece = 1; piece <= 3; piece++) {
        for (size_t i = 0; i < COUNT_OF(answers); i++) {
            CHECK_CASE(answers[i]);
            set_up();
            test_peer_split(&peer, piece);
            test_peer_on(&peer, "GET", answers[i], i == 2 ? TEST_PEER_CLOSE : TEST_PEER_KEEP);
            call c = {0};
            dbk_http_request request = get_a;
            request.sink = (dbk_http_sink){take, &c};
            dbk_http_response *r = run(&c, &request);
            CHECK_EQ_I64(r->outcome, DBK_HTTP_ANSWERED);
            CHECK_STR(r->request_id, "id");
            CHECK_SLICE(c.got, "0123456789");
            CHECK_EQ_I64(c.head_status, 200);
            CHECK_EQ_SIZE(r->body.len, 0);
            CHECK_EQ_U64(r->bytes_received, 10);
            end(&c);
            tear_down();
        }
    }
}

static uint32_t crc32(const char *p, size_t n) {
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < n; i++) {
        crc ^= (unsigned char)p[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ ((crc & 1u) != 0 ? 0xEDB88320u : 0);
        }
    }
    return ~crc;
}

static void put_u32(dbk_buf *out, uint32_t v) {
    dbk_error err = {0};
    for (int shift = 0; shift < 32; shift += 8) {
        CHECK_OK(dbk_buf_putc(out, (char)(v >> shift & 0xFF), &err), &err);
    }
}

/* An answer whose gzip body is one stored block (n < 65536). */
static dbk_buf gzip_answer(const char *text, size_t n) {
    static const char head[] = "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\nconnection: close\r\n"
                               "\r\n\x1f\x8b\x08\0\0\0\0\0\0\xff\x01";
    dbk_buf out = {0};
    dbk_error err = {0};
    CHECK_OK(dbk_buf_append(&out, head, sizeof head - 1, &err), &err);
    put_u32(&out, (uint32_t)n | ~(uint32_t)n << 16);
    CHECK_OK(dbk_buf_append(&out, text, n, &err), &err);
    put_u32(&out, crc32(text, n));
    put_u32(&out, (uint32_t)n);
    return out;
}

DBK_TEST(http_gzip) {
    static char text[20000];
    for (size_t i = 0; i < sizeof text; i++) {
        text[i] = (char)('a' + i * i % 23);
    }
    for (size_t piece = 0; piece < 3; piece++) {
        set_up();
        test_peer_split(&peer, piece * 7);
        dbk_buf answer = gzip_answer(text, sizeof text);
        test_peer_on_bytes(&peer, "GET", dbk_buf_slice(&answer), TEST_PEER_CLOSE);
        call c = {.pause_at = piece * 100};
        dbk_http_request request = get_a;
        request.sink = (dbk_http_sink){take, &c};
        start(&c, &request);
        if (piece > 0) {
            c.resume_at_once = true;
        }
        dbk_http_response *r = finish(&c);
        CHECK_EQ_I64(r->outcome, DBK_HTTP_ANSWERED);
        CHECK_EQ_SIZE(c.got.len, sizeof text);
        CHECK_MEM(c.got.ptr, text, sizeof text);
        CHECK_EQ_U64(r->bytes_received, sizeof text);
        end(&c);
        tear_down();
        dbk_buf_reset(&answer);
    }
}

DBK_TEST(http_max_body) {
    static const struct {
        const char *name;
        const char *status;
        size_t max;
        dbk_http_outcome want;
        const char *body;
    } rows[] = {
        {"one byte too many", "200 OK", 9, DBK_HTTP_REFUSED, ""},
        {"an error is cut", "500 X", 9, DBK_HTTP_ANSWERED, "012345678"},
        {"exactly", "500 X", 10, DBK_HTTP_ANSWERED, "0123456789"},
        {"room left", "200 OK", 11, DBK_HTTP_ANSWERED, "0123456789"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char answer[128];
        CHECK_CASE(rows[i].name);
        set_up();
        (void)snprintf(answer, sizeof answer, "HTTP/1.1 %s\r\ncontent-length: 10\r\n\r\n0123456789",
                       rows[i].status);
        test_peer_on(&peer, "GET", answer, TEST_PEER_KEEP);
        call c = {0};
        dbk_http_request request = get_a;
        request.max_body = rows[i].max;
        if (rows[i].status[0] == '5') { /* a sink takes 2xx only */
            request.sink = (dbk_http_sink){take, &c};
        }
        dbk_http_response *r = run(&c, &request);
        CHECK_EQ_I64(r->outcome, rows[i].want);
        CHECK_EQ_SIZE(c.got.len, 0);
        CHECK_EQ_I64(r->status, rows[i].status[0] == '5' ? 500 : 200);
        CHECK_SLICE(r->body, rows[i].body);
        if (rows[i].want == DBK_HTTP_REFUSED) {
            CHECK_STR(r->why, "the answer is larger than 9 bytes");
        }
        end(&c);
        tear_down();
    }
}

/* ---- the sink ---- */

static bool has_paused(void *ctx) {
    return ((const call *)ctx)->pauses > 0;
}

/* Time passes between the pieces that a resumed transfer holds: the last of them came after the look at the
 * clock that began the resuming. */
static dbk_sink_answer take_slowly(void *ctx, const dbk_http_response *head, dbk_slice bytes) {
    dbk_clock_manual_advance(&bench.clock, 1);
    return take(ctx, head, bytes);
}

DBK_TEST(http_sink_pause_and_resume) {
    static char answer[200000];
    int head = snprintf(answer, sizeof answer, "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n");
    for (size_t i = (size_t)head; i < sizeof answer; i++) {
        answer[i] = (char)('a' + i % 26);
    }
    for (size_t at = 1; at < sizeof answer; at = at * 7 + 1) {
        set_up();
        test_peer_on_bytes(&peer, "GET", dbk_slice_n(answer, sizeof answer), TEST_PEER_CLOSE);
        call c = {.pause_at = at};
        dbk_http_request request = get_a;
        request.no_deadline = true;
        request.sink = (dbk_http_sink){take_slowly, &c};
        start(&c, &request);
        test_peer_run(&peer, bench.lane, has_paused, &c);
        size_t before = c.got.len;
        /* A paused transfer neither stalls nor receives. */
        for (int i = 0; i < 3; i++) {
            dbk_clock_manual_advance(&bench.clock, 100000);
            test_peer_settle(&peer, bench.lane);
        }
        CHECK_EQ_I64(c.done, 0);
        CHECK_EQ_SIZE(c.got.len, before);
        dbk_http_resume(c.http);
        CHECK_EQ_SIZE(c.got.len, before); /* the sink is not called from inside */
        dbk_http_resume(c.http);          /* twice is once */
        dbk_http_response *r = finish(&c);
        CHECK_EQ_I64(r->outcome, DBK_HTTP_ANSWERED);
        CHECK_EQ_SIZE(c.got.len, sizeof answer - (size_t)head);
        CHECK_MEM(c.got.ptr, answer + head, c.got.len);
        dbk_http_resume(c.http); /* after the end: nothing */
        end(&c);
        tear_down();
    }
}

/* The refusal must not be lost when curl calls the sink while it is being resumed. */
DBK_TEST(http_sink_stops_when_resumed) {
    set_up();
    test_peer_on(&peer, "GET", "HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\n0123456789",
                 TEST_PEER_STALL);
    call c = {.pause_at = 1};
    dbk_error err = {0};
    CHECK_OK(dbk_buf_append(&c.got, "x", 1, &err), &err); /* pauses at once, then stops */
    dbk_http_request request = get_a;
    request.sink = (dbk_http_sink){take, &c};
    start(&c, &request);
    test_peer_run(&peer, bench.lane, has_paused, &c);
    c.stop_at = 1;
    dbk_http_resume(c.http);
    dbk_http_response *r = finish(&c);
    CHECK_EQ_I64(r->outcome, DBK_HTTP_REFUSED);
    CHECK_STR(r->why, "the reader stopped the answer");
    CHECK_SLICE(c.got, "x");
    end(&c);
    tear_down();
}

DBK_TEST(http_sink_stop) {
    set_up();
    test_peer_split(&peer, 1);
    test_peer_on(&peer, "GET", "HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\n01234567890123456789",
                 TEST_PEER_KEEP);
    call c = {.stop_at = 5};
    dbk_http_request request = get_a;
    request.sink = (dbk_http_sink){take, &c};
    dbk_http_response *r = run(&c, &request);
    CHECK_EQ_I64(r->outcome, DBK_HTTP_REFUSED);
    CHECK_EQ_I64(r->status, 200);
    CHECK_SLICE(c.got, "01234");
    CHECK_EQ_U64(r->bytes_received, 5);
    end(&c);
    tear_down();
}

/* ---- failures ---- */

DBK_TEST(http_refused_connection) {
    set_up();
    test_peer_refuse(&peer, 1);
    call c = {0};
    dbk_http_response *r = run(&c, &post_a);
    CHECK_EQ_I64(r->outcome, DBK_HTTP_UNREACHABLE);
    CHECK(!r->request_sent);
    CHECK_EQ_I64(r->status, 0);
    CHECK_CONTAINS(r->why, "127.0.0.1");
    end(&c);
    tear_down();
}

DBK_TEST(http_broken_answers) {
    static const struct {
        const char *name, *answer;
        test_peer_then then;
        int status;
    } rows[] = {
        {"closed without an answer", "", TEST_PEER_CLOSE, 0},
        {"reset without an answer", "", TEST_PEER_RESET, 0},
        {"closed in the status line", "HTTP/1.1 2", TEST_PEER_CLOSE, 0},
        {"reset in the head", "HTTP/1.1 200 OK\r\ncontent-le", TEST_PEER_RESET, 200},
        {"closed in the head", "HTTP/1.1 200 OK\r\ncontent-le", TEST_PEER_CLOSE, 200},
        {"reset after an interim answer", "HTTP/1.1 100 Continue\r\n\r\n", TEST_PEER_RESET, 0},
        {"short body", "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nshort", TEST_PEER_CLOSE, 200},
        {"reset in the body", "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nshort", TEST_PEER_RESET,
         200},
        {"closed inside chunks", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab",
         TEST_PEER_CLOSE, 200},
        {"no last chunk", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n",
         TEST_PEER_CLOSE, 200},
        {"bad chunk size", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nab",
         TEST_PEER_KEEP, 200},
        {"not gzip", "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\nabcd",
         TEST_PEER_KEEP, 200},
        {"not HTTP", "SSH-2.0-OpenSSH\r\n", TEST_PEER_CLOSE, 0},
        {"HTTP/0.9", "hello", TEST_PEER_CLOSE, 0},
        {"no status", "HTTP/1.1 OK\r\n\r\n", TEST_PEER_CLOSE, 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CHECK_CASE(rows[i].name);
        set_up();
        test_peer_on(&peer, "POST", rows[i].answer, rows[i].then);
        call c = {0};
        dbk_http_response *r = run(&c, &post_a);
        CHECK_EQ_I64(r->outcome, DBK_HTTP_BROKEN);
        CHECK(r->request_sent);
        CHECK_EQ_I64(r->status, rows[i].status);
        CHECK(r->why[0] != '\0');
        end(&c);
        CHECK_EQ_SIZE(test_peer_opened(&peer), 1);
        tear_down();
    }
}

DBK_TEST(http_body_longer_than_declared) {
    set_up();
    test_peer_on(&peer, "GET", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 666 evil",
                 TEST_PEER_KEEP);
    test_peer_on(&peer, "GET", OK_BODY, TEST_PEER_KEEP);
    for (int i = 0; i < 2; i++) { /* what is left over does not answer the next request */
        call c = {0};
        dbk_http_response *r = run(&c, &get_a);
        CHECK_EQ_I64(r->status, 200);
        CHECK_SLICE(r->body, "ok");
        end(&c);
    }
    CHECK_EQ_SIZE(test_peer_opened(&peer), 2);
    tear_down();
}

DBK_TEST(http_contradicting_lengths) {
    static const struct {
        const char *name, *head;
    } rows[] = {
        {"negative", "content-length: -1\r\n"},
        {"not a number", "content-length: ten\r\n"},
        {"overflow", "content-length: 99999999999999999999999\r\n"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        static char answer[128];
        CHECK_CASE(rows[i].name);
        set_up();
        (void)snprintf(answer, sizeof answer, "HTTP/1.1 200 OK\r\n%s\r\nab", rows[i].head);
        test_peer_on(&peer, "GET", answer, TEST_PEER_CLOSE);
        call c = {0};
        dbk_http_response *r = run(&c, &get_a);
        /* curl may take the body up to the end of the connection or refuse; it must not hang. */
        CHECK(r->outcome == DBK_HTTP_BROKEN || r->body.len == 2);
        end(&c);
        tear_down();
    }
}

DBK_TEST(http_huge_head) {
    static char answer[600000];
    int head = snprintf(answer, sizeof answer, "HTTP/1.1 200 OK\r\nx-a: ");
    memset(answer + head, 'a', sizeof answer - (size_t)head - 1);
    set_up();
    test_peer_on(&peer, "GET", answer, TEST_PEER_STALL);
    call c = {0};
    dbk_http_response *r = run(&c, &get_a);
    CHECK_EQ_I64(r->outcome, DBK_HTTP_BROKEN);
    end(&c);
    tear_down();
}

DBK_TEST(http_nul_in_head) {
    static const char answer[] =
        "HTTP/1.1 200 OK\r\nx-request-id: a\0b\r\ncontent-length: 0\r\n\r\n";
    set_up();
    test_peer_on_bytes(&peer, "GET", dbk_slice_n(answer, sizeof answer - 1), TEST_PEER_CLOSE);
    call c = {0};
    dbk_http_response *r = run(&c, &get_a);
    CHECK(r->outcome == DBK_HTTP_BROKEN || strcmp(r->request_id, "a?b") == 0);
    end(&c);
    tear_down();
}

/* ---- time ---- */

static bool request_arrived(void *ctx) {
    (void)ctx;
    return test_peer_request_count(&peer) > 0;
}

DBK_TEST(http_deadline) {
    dbk_http_settings settings = {.request_timeout_ms = 5000, .stall_timeout_ms = 10};
    static const char *const answers[] = {"", "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nab"};
    for (size_t i = 0; i < COUNT_OF(answers); i++) {
        set_up_with(&settings);
        test_peer_on(&peer, "POST", answers[i], TEST_PEER_STALL);
        call c = {0};
        start(&c, &post_a);
        test_peer_run(&peer, bench.lane, request_arrived, NULL);
        dbk_clock_manual_advance(&bench.clock, 4999);
        test_peer_settle(&peer, bench.lane);
        CHECK_EQ_I64(c.done, 0);
        dbk_clock_manual_advance(&bench.clock, 1);
        dbk_http_response *r = finish(&c);
        CHECK_EQ_I64(r->outcome, DBK_HTTP_TIMED_OUT);
        CHECK(r->request_sent);
        CHECK_EQ_I64(r->status, i == 0 ? 0 : 200);
        CHECK_STR(r->why, "no complete answer within 5000 ms");
        end(&c);
        tear_down();
    }
}

DBK_TEST(http_stall) {
    dbk_http_settings settings = {.request_timeout_ms = 10, .stall_timeout_ms = 3000};
    set_up_with(&settings);
    test_peer_on(&peer, "GET", "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nab", TEST_PEER_STALL);
    call c = {0};
    dbk_http_request request = get_a;
    request.no_deadline = true;
    request.sink = (dbk_http_sink){take, &c};
    start(&c, &request);
    test_peer_run(&peer, bench.lane, request_arrived, NULL);
    test_peer_settle(&peer, bench.lane);
    for (int i = 0; i < 5; i++) { /* a byte now and then is enough */
        dbk_clock_manual_advance(&bench.clock, 2999);
        test_peer_settle(&peer, bench.lane);
        CHECK_EQ_I64(c.done, 0);
        test_peer_go_on(&peer, "c", TEST_PEER_STALL);
        test_peer_settle(&peer, bench.lane);
    }
    CHECK_SLICE(c.got, "abccccc");
    dbk_clock_manual_advance(&bench.clock, 3000);
    dbk_http_response *r = finish(&c);
    CHECK_EQ_I64(r->outcome, DBK_HTTP_STALLED);
    CHECK_STR(r->why, "no byte came for 3000 ms");
    CHECK(r->request_sent);
    end(&c);
    tear_down();
}

/* TLS against a peer that says nothing: curl's own limit, in real milliseconds. */
DBK_TEST(http_connect_timeout) {
    dbk_http_settings settings = {.connect_timeout_ms = 30};
    set_up_with(&settings);
    call c = {0};
    dbk_http_request request = post_a;
    request.url = "https://127.0.0.1:1/";
    dbk_http_response *r = run(&c, &request);
    CHECK_EQ_I64(r->outcome, DBK_HTTP_UNREACHABLE);
    CHECK(!r->request_sent);
    end(&c);
    tear_down();
}

/* ---- connections ---- */

DBK_TEST(http_reuses_connections) {
    set_up();
    for (int i = 0; i < 3; i++) {
        test_peer_on(&peer, "GET", OK_BODY, TEST_PEER_KEEP);
        CHECK_EQ_I64(get_once(), DBK_HTTP_ANSWERED);
    }
    CHECK_EQ_SIZE(test_peer_opened(&peer), 1);
    CHECK_EQ_SIZE(test_peer_open_now(&peer), 1);
    tear_down();
}

/* Two exchanges at once need two connections; how many of them stay is the caller's choice. */
DBK_TEST(http_keeps_so_many_connections) {
    static const struct { size_t most, kept; } rows[] = {{0, 2}, {1, 1}, {2, 2}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        dbk_http_settings settings = {.max_connections = rows[i].most};
        set_up_with(&settings);
        for (size_t round = 1; round <= 2; round++) {
            call a = {0};
            call b = {0};
            test_peer_on(&peer, "POST", OK_BODY, TEST_PEER_KEEP);
            test_peer_on(&peer, "POST", OK_BODY, TEST_PEER_KEEP);
            start(&a, &post_a);
            start(&b, &post_a);
            CHECK_EQ_I64(finish(&a)->outcome, DBK_HTTP_ANSWERED);
            CHECK_EQ_I64(finish(&b)->outcome, DBK_HTTP_ANSWERED);
            end(&a);
            end(&b);
            test_peer_settle(&peer, bench.lane);
            CHECK_EQ_SIZE(test_peer_open_now(&peer), rows[i].kept);
        }
        CHECK_EQ_SIZE(test_peer_opened(&peer), rows[i].kept == 2 ? 2 : 3);
        tear_down();
    }
}

/* Beside those in use: while b still goes on, a's connection is c's. */
DBK_TEST(http_connections_in_use_are_not_idle_ones) {
    dbk_http_settings settings = {.max_connections = 1};
    set_up_with(&settings);
    call a = {0};
    call b = {0};
    call c = {0};
    test_peer_on(&peer, "POST", OK_BODY, TEST_PEER_KEEP);
    test_peer_on(&peer, "POST", "", TEST_PEER_STALL);
    test_peer_on(&peer, "POST", OK_BODY, TEST_PEER_KEEP);
    start(&a, &post_a);
    start(&b, &post_a);
    CHECK_EQ_I64(finish(&a)->outcome, DBK_HTTP_ANSWERED);
    start(&c, &post_a);
    CHECK_EQ_I64(finish(&c)->outcome, DBK_HTTP_ANSWERED);
    test_peer_go_on(&peer, OK_BODY, TEST_PEER_KEEP);
    CHECK_EQ_I64(finish(&b)->outcome, DBK_HTTP_ANSWERED);
    CHECK_EQ_SIZE(test_peer_opened(&peer), 2);
    end(&a);
    end(&b);
    end(&c);
    tear_down();
}

DBK_TEST(http_replaces_closed_idle_connection) {
    set_up();
    test_peer_on(&peer, "GET", OK_BODY, TEST_PEER_KEEP);
    test_peer_on(&peer, "POST", OK_BODY, TEST_PEER_KEEP);
    CHECK_EQ_I64(get_once(), DBK_HTTP_ANSWERED);
    test_peer_drop(&peer);
    call c = {0};
    CHECK_EQ_I64(run(&c, &post_a)->outcome, DBK_HTTP_ANSWERED);
    CHECK_EQ_SIZE(test_peer_opened(&peer), 2);
    CHECK_EQ_SIZE(test_peer_request_count(&peer), 2);
    end(&c);
    tear_down();
}

/* A pooled connection that dies after the request was read and before a byte of the answer: curl by
 * itself would send any request again. */
DBK_TEST(http_pooled_connection_dies) {
    static const struct {
        const char *name, *method;
        bool repeatable, sent_again;
    } rows[] = {
        {"GET", "GET", false, true},
        {"DELETE", "DELETE", false, true},
        {"unsafe POST", "POST", false, false},
        {"repeatable POST", "POST", true, true},
    };
    static const test_peer_then ways[] = {TEST_PEER_CLOSE, TEST_PEER_RESET};
    for (size_t i = 0; i < COUNT_OF(rows) * COUNT_OF(ways); i++) {
        size_t row = i / COUNT_OF(ways);
        CHECK_CASE(rows[row].name);
        set_up();
        test_peer_on(&peer, "GET /a", OK_BODY, TEST_PEER_KEEP);
        CHECK_EQ_I64(get_once(), DBK_HTTP_ANSWERED);
        test_peer_on(&peer, "/b", "", ways[i % COUNT_OF(ways)]);
        if (rows[row].sent_again) {
            test_peer_on(&peer, "/b", OK_BODY, TEST_PEER_KEEP);
        }
        dbk_http_request request = post_a;
        request.method = rows[row].method;
        request.url = URL("/b");
        request.has_body = strcmp(request.method, "POST") == 0;
        request.repeatable = rows[row].repeatable;
        call c = {0};
        dbk_http_response *r = run(&c, &request);
        CHECK(r->request_sent);
        if (rows[row].sent_again) {
            CHECK_EQ_I64(r->outcome, DBK_HTTP_ANSWERED);
            CHECK_EQ_SIZE(test_peer_request_count(&peer), 3);
        } else {
            CHECK_EQ_I64(r->outcome, DBK_HTTP_BROKEN);
            CHECK_STR(r->why, "the pooled connection was closed before an answer came; the request "
                              "was not sent again");
            CHECK_EQ_SIZE(test_peer_request_count(&peer), 2);
        }
        end(&c);
        tear_down();
    }
}

DBK_TEST(http_closes_idle_connections) {
    set_up();
    test_peer_on(&peer, "GET", OK_BODY, TEST_PEER_KEEP);
    test_peer_on(&peer, "GET", OK_BODY, TEST_PEER_KEEP);
    CHECK_EQ_I64(get_once(), DBK_HTTP_ANSWERED);
    dbk_clock_manual_advance(&bench.clock, DBK_IDLE_CONNECTION_S * 1000u - 1);
    test_peer_settle(&peer, bench.lane);
    CHECK_EQ_SIZE(test_peer_open_now(&peer), 1);
    dbk_clock_manual_advance(&bench.clock, 1);
    test_peer_settle(&peer, bench.lane);
    CHECK_EQ_SIZE(test_peer_open_now(&peer), 0);
    CHECK_EQ_I64(get_once(), DBK_HTTP_ANSWERED);
    CHECK_EQ_SIZE(test_peer_opened(&peer), 2);
    tear_down();
}

DBK_TEST(http_parallel) {
    enum { N = 40 };
    static call calls[N];
    set_up();
    memset(calls, 0, sizeof calls);
    for (size_t i = 0; i < N; i++) {
        test_peer_on(&peer, NULL, OK_BODY, TEST_PEER_KEEP);
        start(&calls[i], &get_a);
    }
    for (size_t i = 0; i < N; i++) {
        CHECK_EQ_I64(finish(&calls[i])->status, 200);
    }
    for (size_t i = 0; i < N; i++) {
        end(&calls[i]);
    }
    tear_down();
}

DBK_TEST(http_redirects) {
    static const char moved[] = "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/b?sig=1\r\n"
                                "x-request-id: first\r\ncontent-length: 5\r\n\r\nmoved";
    set_up();
    test_peer_on(&peer, "GET /a", moved, TEST_PEER_KEEP);
    call c = {0};
    dbk_http_response *r = run(&c, &get_a);
    CHECK_EQ_I64(r->status, 302);
    CHECK_STR(r->location, "http://127.0.0.1:1/b");
    end(&c);

    test_peer_on(&peer, "GET /a", moved, TEST_PEER_KEEP);
    test_peer_on(&peer, "GET /b?sig=1", OK_BODY, TEST_PEER_KEEP);
    c = (call){0};
    dbk_http_request request = get_a;
    request.follow = true;
    request.sink = (dbk_http_sink){take, &c};
    r = run(&c, &request);
    CHECK_EQ_I64(r->status, 200);
    CHECK_SLICE(c.got, "ok");
    CHECK_STR(r->request_id, "");
    end(&c);

    for (int i = 0; i < 4; i++) {
        test_peer_on(&peer, "GET", moved, TEST_PEER_KEEP);
    }
    c = (call){0};
    r = run(&c, &request);
    CHECK_EQ_I64(r->outcome, DBK_HTTP_BROKEN);
    CHECK_CONTAINS(r->why, "redirect");
    end(&c);
    tear_down();
}

/* ---- proxies ---- */

DBK_TEST(http_proxy_tunnel) {
    static const struct {
        const char *name, *answer, *why;
        int proxy_status;
    } rows[] = {
        {"credentials wanted",
         "HTTP/1.1 407 No\r\nproxy-authenticate: Basic realm=x\r\ncontent-length: 0\r\n\r\n",
         "proxy authentication required", 407},
        {"forbidden", "HTTP/1.1 403 No\r\ncontent-length: 0\r\n\r\n", "403", 403},
        {"no way", "HTTP/1.1 502 No\r\ncontent-length: 0\r\n\r\n", "502", 502},
        {"closed", "", "", 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CHECK_CASE(rows[i].name);
        dbk_http_settings settings = {.proxy_url = DBK_SLICE("http://127.0.0.1:3"),
                                      .proxy_user = DBK_SLICE("u"),
                                      .proxy_password = DBK_SLICE("p"),
                                      .user_agent = DBK_SLICE("test/1")};
        set_up_with(&settings);
        test_peer_on(&peer, "CONNECT 127.0.0.1:2 HTTP/1.1", rows[i].answer, TEST_PEER_CLOSE);
        call c = {0};
        const char *headers[] = {"authorization: Bearer secret"};
        dbk_http_request request = post_a;
        request.url = "https://127.0.0.1:2/";
        request.headers = headers;
        request.header_count = 1;
        dbk_http_response *r = run(&c, &request);
        CHECK_EQ_I64(r->outcome, DBK_HTTP_UNREACHABLE);
        CHECK(!r->request_sent);
        CHECK_EQ_I64(r->proxy_status, rows[i].proxy_status);
        CHECK_EQ_I64(r->status, 0);
        CHECK_CONTAINS(r->why, rows[i].why);
        CHECK_CONTAINS(test_peer_request(&peer, 0), "Proxy-Authorization: Basic dTpw\r\n");
        CHECK(strstr(test_peer_request(&peer, 0), "secret") == NULL);
        end(&c);
        tear_down();
    }
}

DBK_TEST(http_proxy_for_plain_http) {
    dbk_http_settings settings = {.proxy_url = DBK_SLICE("http://u:p@127.0.0.1:3"),
                                  .proxy_bypass = DBK_SLICE(" *.internal, 127.0.0.9 ")};
    set_up_with(&settings);
    test_peer_on(&peer, "GET http://127.0.0.1:1/a HTTP/1.1", OK_BODY, TEST_PEER_KEEP);
    CHECK_EQ_I64(get_once(), DBK_HTTP_ANSWERED);
    CHECK_CONTAINS(test_peer_request(&peer, 0), "Proxy-Authorization: Basic dTpw\r\n");
    test_peer_on(&peer, "GET /a HTTP/1.1", OK_BODY, TEST_PEER_KEEP);
    call c = {0};
    dbk_http_request request = get_a;
    request.url = "http://127.0.0.9:1/a";
    CHECK_EQ_I64(run(&c, &request)->status, 200);
    end(&c);
    tear_down();
}

/* ---- life ---- */

DBK_TEST(http_free_while_running) {
    static const char *const answers[] = {"", "HTTP/1.1 200 OK\r\n",
                                          "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nab"};
    for (size_t i = 0; i < COUNT_OF(answers); i++) {
        set_up();
        test_peer_on(&peer, "GET", answers[i], TEST_PEER_STALL);
        call c = {0};
        start(&c, &get_a);
        test_peer_run(&peer, bench.lane, request_arrived, NULL);
        test_peer_settle(&peer, bench.lane);
        dbk_http_free(c.http);
        c.http = NULL;
        test_peer_settle(&peer, bench.lane);
        CHECK_EQ_I64(c.done, 0);
        CHECK_EQ_SIZE(test_peer_open_now(&peer), 0);
        end(&c);
        tear_down();
    }
    set_up(); /* before anything happened, and while paused */
    call c = {0};
    start(&c, &get_a);
    end(&c);
    test_peer_on(&peer, "GET", OK_BODY, TEST_PEER_STALL);
    c = (call){.pause_at = 1};
    dbk_error err = {0};
    CHECK_OK(dbk_buf_append(&c.got, "x", 1, &err), &err);
    dbk_http_request request = get_a;
    request.sink = (dbk_http_sink){take, &c};
    start(&c, &request);
    test_peer_run(&peer, bench.lane, has_paused, &c);
    dbk_http_resume(c.http);
    end(&c);
    tear_down();
}

DBK_TEST(http_free_inside_done) {
    set_up();
    test_peer_on(&peer, "GET", OK_BODY, TEST_PEER_KEEP);
    test_peer_on(&peer, "GET", "", TEST_PEER_CLOSE);
    for (int i = 0; i < 2; i++) {
        call c = {.free_when_done = true};
        CHECK(run(&c, &get_a) == NULL);
        end(&c);
    }
    dbk_http_free(NULL);
    tear_down();
}

DBK_OOM_TEST(http_out_of_memory) {
    dbk_status st = DBK_OK;
    dbk_http *http = NULL;
    dbk_http_config *config = NULL;
    dbk_lane *lane = NULL;
    call c = {0};
    dbk_http_settings settings = {.user_agent = DBK_SLICE("a"),
                                  .proxy_url = DBK_SLICE("http://p"),
                                  .proxy_user = DBK_SLICE("u"),
                                  .proxy_password = DBK_SLICE("w"),
                                  .proxy_bypass = DBK_SLICE("a,b")};
    DBK_TRY(dbk_lane_new("test", DBK_LANE_EMBEDDED, &dbk_clock_system, &lane, err));
    DBK_TRY(dbk_http_config_new(&settings, &config, err));
    DBK_TRY(dbk_http_start(lane, config, &get_a, on_done, &c, &http, err));
done:
    dbk_http_free(http);
    dbk_http_config_unref(config);
    dbk_lane_free(lane);
    return st;
}
