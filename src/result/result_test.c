#include "net/test_peer.h"
#include "result/stream.h"

#include <stdio.h>
#include <stdlib.h>

#include "unit.h"

/* A statement's answer as JSON, a scripted server for what is asked later, and a stream between them,
 * all on one embedded lane with a clock that stands still. Results have one BIGINT column that counts
 * up from 0, so that a lost, repeated or swapped row is seen. */

enum { CHUNKS_MAX = 40 };

typedef struct fixture {
    dbk_clock_manual clock;
    dbk_lane *lane;
    dbk_runtime *runtime;
    dbk_auth *auth;
    dbk_http_config *http;
    dbk_sea *sea;
    dbk_sea_reply reply;
    dbk_stream_options options;
    dbk_stream *stream;
    dbk_buf answers[CHUNKS_MAX]; /* bytes the peer borrows */
    size_t answer_count;
    dbk_error err;
} fixture;

static test_peer peer; /* large */

static void begin(fixture *f) {
    memset(f, 0, sizeof *f);
    dbk_clock_manual_init(&f->clock, 1700000000000);
    CHECK_OK(dbk_lane_new("test", DBK_LANE_EMBEDDED, &f->clock.clock, &f->lane, &f->err), &f->err);
    CHECK_OK(dbk_runtime_embed(f->lane, &f->runtime, &f->err), &f->err);
    test_peer_init(&peer);
    dbk_lane_set_socket_opener(f->lane, test_peer_open, &peer);
    CHECK_OK(dbk_auth_new_pat(&(dbk_auth_settings){0}, DBK_SLICE("secret"), 0, &f->auth, &f->err),
             &f->err);
    dbk_http_settings settings = {.user_agent = DBK_SLICE("test")};
    CHECK_OK(dbk_http_config_new(&settings, &f->http, &f->err), &f->err);
    dbk_sea_settings sea = {.origin = DBK_SLICE("http://127.0.0.1:1"),
                            .warehouse_id = DBK_SLICE("w"),
                            .http = f->http,
                            .auth = f->auth,
                            .retry = {1, 1, 3, 1000}};
    CHECK_OK(dbk_sea_new(&sea, &f->sea, &f->err), &f->err);
}

static void end(fixture *f) {
    if (f->stream != NULL) {
        dbk_stream_close(f->stream);
        test_peer_settle(&peer, f->lane);
        dbk_stream_unref(f->stream);
    }
    test_peer_settle(&peer, f->lane);
    dbk_sea_reply_reset(&f->reply);
    dbk_sea_unref(f->sea);
    dbk_http_config_unref(f->http);
    dbk_auth_unref(f->auth);
    dbk_runtime_unref(f->runtime);
    dbk_lane_free(f->lane);
    test_peer_end(&peer);
    for (size_t i = 0; i < f->answer_count; i++) {
        dbk_buf_reset(&f->answers[i]);
    }
    dbk_error_reset(&f->err);
}

/* ---- making data ---- */

/* An Arrow IPC stream of batches of `batch` rows, counting [from, from + count). */
static dbk_buf ipc_rows(int64_t from, int64_t count, int64_t batch) {
    dbk_error err = {0};
    dbk_buf out = {0};
    dbk_schema *schema = NULL;
    dbk_column_desc column = {.name = DBK_SLICE("wire_name"),
                              .type_name = DBK_SLICE("LONG"),
                              .type_text = DBK_SLICE("BIGINT"),
                              .precision = -1,
                              .scale = -1};
    CHECK_OK(dbk_schema_from_columns(&column, 1, &schema, &err), &err);
    CHECK_OK(dbk_ipc_write_schema(schema, &out, &err), &err);
    for (int64_t at = 0; at < count; at += batch) {
        json_t *rows = json_array();
        for (int64_t i = at; i < at + batch && i < count; i++) {
            char text[32];
            (void)snprintf(text, sizeof text, "%lld", (long long)(from + i));
            CHECK(json_array_append_new(rows, json_pack("[s]", text)) == 0);
        }
        dbk_batch *b = NULL;
        CHECK_OK(dbk_batch_from_json(schema, rows, (dbk_block_owner){0}, &b, &err), &err);
        CHECK_OK(dbk_ipc_write_batch(b, &out, &err), &err);
        dbk_batch_unref(b);
        json_decref(rows);
    }
    CHECK_OK(dbk_ipc_write_end(&out, &err), &err);
    dbk_schema_unref(schema);
    return out;
}

/* An LZ4 frame of uncompressed blocks: legal, and made without a compressor. */
static void lz4_stored(dbk_slice in, dbk_buf *out) {
    static const char head[] = {0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, (char)0x82};
    dbk_error err = {0};
    CHECK_OK(dbk_buf_append(out, head, sizeof head, &err), &err);
    for (size_t at = 0; at < in.len; at += 65536) {
        size_t n = dbk_min_size(in.len - at, 65536);
        uint32_t size = (uint32_t)n | 0x80000000u;
        CHECK_OK(dbk_buf_append(out, (const char *)&size, 4, &err), &err);
        CHECK_OK(dbk_buf_append(out, in.ptr + at, n, &err), &err);
    }
    CHECK_OK(dbk_buf_append(out, "\0\0\0\0", 4, &err), &err);
}

/* "HTTP/1.1 200 OK ..." around a body; kept until the end of the test. */
static dbk_slice http_answer(fixture *f, const char *head, dbk_slice body) {
    dbk_error err = {0};
    CHECK(f->answer_count < CHUNKS_MAX);
    dbk_buf *out = &f->answers[f->answer_count++];
    CHECK_OK(dbk_buf_putf(out, &err, "HTTP/1.1 %s\r\ncontent-length: %zu\r\n\r\n", head, body.len),
             &err);
    CHECK_OK(dbk_buf_put_slice(out, body, &err), &err);
    return dbk_buf_slice(out);
}

static void serve_rows(fixture *f, const char *request, int64_t from, int64_t count,
                       int64_t batch) {
    dbk_buf rows = ipc_rows(from, count, batch);
    test_peer_on_bytes(&peer, request, http_answer(f, "200 OK", dbk_buf_slice(&rows)),
                       TEST_PEER_KEEP);
    dbk_buf_reset(&rows);
}

static void serve_json(fixture *f, const char *request, const char *json) {
    test_peer_on_bytes(
        &peer, request,
        http_answer(f, "200 OK\r\ncontent-type: application/json", dbk_slice_of(json)),
        TEST_PEER_KEEP);
}

static void base64(dbk_slice in, dbk_buf *out) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    dbk_error err = {0};
    for (size_t i = 0; i < in.len; i += 3) {
        uint32_t v = 0;
        for (size_t k = 0; k < 3; k++) {
            v = v << 8 | (i + k < in.len ? (unsigned char)in.ptr[i + k] : 0);
        }
        char group[4];
        for (size_t k = 0; k < 4; k++) {
            group[k] = i + k > in.len ? '=' : digits[v >> (18 - 6 * k) & 63];
        }
        CHECK_OK(dbk_buf_append(out, group, 4, &err), &err);
    }
}

#define COLUMN_JSON \
    "{\"name\":\"id\",\"type_name\":\"LONG\",\"type_text\":\"BIGINT\",\"position\":0}"

/* The whole execute answer; `totals` are manifest fields with a comma behind, `result` an object. */
static void answer(fixture *f, const char *totals, const char *result) {
    dbk_sea_parser *p = NULL;
    dbk_buf json = {0};
    CHECK_OK(dbk_buf_putf(&json, &f->err,
                          "{\"statement_id\":\"st\",\"status\":{\"state\":\"SUCCEEDED\"},"
                          "\"manifest\":{\"format\":\"ARROW_STREAM\",%s\"schema\":"
                          "{\"column_count\":1,\"columns\":[" COLUMN_JSON "]}},\"result\":%s}",
                          totals, result),
             &f->err);
    CHECK_OK(dbk_sea_parser_new(DBK_SEA_STATEMENT, &p, &f->err), &f->err);
    CHECK_OK(dbk_sea_parser_feed(p, dbk_buf_slice(&json), &f->err), &f->err);
    CHECK_OK(dbk_sea_parser_finish(p, &f->reply, &f->err), &f->err);
    dbk_sea_parser_free(p);
    dbk_buf_reset(&json);
}

static dbk_stream_source source_of(fixture *f) {
    return (dbk_stream_source){.runtime = f->runtime,
                               .sea = f->sea,
                               .session_id = "se",
                               .statement_id = DBK_SLICE("st"),
                               .manifest = &f->reply.manifest,
                               .data = &f->reply.data,
                               .server_unix_s = -1};
}

static dbk_status open_stream(fixture *f) {
    dbk_stream_source source = source_of(f);
    return dbk_stream_open(&source, &f->options, &f->stream, &f->err);
}

static dbk_status open_part(fixture *f, int64_t first, int64_t count) {
    dbk_stream_source source = source_of(f);
    source.partial = true;
    source.first_chunk = first;
    source.chunk_count = count;
    return dbk_stream_open(&source, &f->options, &f->stream, &f->err);
}

/* One link object; next < 0: none. Links to chunk i point to /c<i>. */
static const char *link_json(int64_t index, int64_t offset, int64_t rows, int64_t next) {
    static char text[4][400];
    static unsigned turn;
    char *out = text[turn++ % 4];
    char more[64] = "";
    if (next >= 0) {
        (void)snprintf(more, sizeof more, ",\"next_chunk_index\":%lld", (long long)next);
    }
    (void)snprintf(out, sizeof text[0],
                   "{\"external_link\":\"http://127.0.0.1:1/c%lld?sig=topsecret\",\"expiration\":"
                   "\"2099-01-01T00:00:00Z\",\"chunk_index\":%lld,\"row_offset\":%lld,"
                   "\"row_count\":%lld,\"byte_count\":%lld%s}",
                   (long long)index, (long long)index, (long long)offset, (long long)rows,
                   (long long)dbk_max_i64(1000, rows / 100000 * rows * 8), more);
    return out;
}

static void answer_links(fixture *f, const char *totals, const char *links) {
    dbk_buf result = {0};
    const char *text = NULL;
    CHECK_OK(dbk_buf_putf(&result, &f->err, "{\"external_links\":[%s]}", links), &f->err);
    CHECK_OK(dbk_buf_cstr(&result, &text, &f->err), &f->err);
    answer(f, totals, text);
    dbk_buf_reset(&result);
}

/* ---- reading ---- */

typedef struct reading {
    fixture *f;
    dbk_batch *batch;
    bool blocked;
    dbk_status st;
} reading;

static bool answered(void *ctx) {
    reading *r = ctx;
    r->st = dbk_stream_try_next(r->f->stream, &r->batch, &r->blocked, &r->f->err);
    if (r->blocked) {
        dbk_clock_manual_advance(&r->f->clock, 50); /* waits between attempts pass */
    }
    return !r->blocked;
}

static dbk_status next(fixture *f, dbk_batch **out) {
    reading r = {.f = f};
    test_peer_run(&peer, f->lane, answered, &r);
    *out = r.batch;
    return r.st;
}

/* Checks that the batch counts up from `from`. */
static void check_rows(dbk_batch *b, int64_t from) {
    dbk_error err = {0};
    struct ArrowArray a;
    CHECK_OK(dbk_batch_export(b, &a, &err), &err);
    const int64_t *values = a.children[0]->buffers[1];
    for (int64_t i = 0; i < a.length; i++) {
        CHECK_EQ_I64(values[a.children[0]->offset + i], from + i);
    }
    a.release(&a);
}

/* Reads to the end or an error; the rows read before it count up from 0. */
static dbk_status drain(fixture *f, int64_t *rows) {
    *rows = 0;
    for (;;) {
        dbk_batch *b = NULL;
        dbk_status st = next(f, &b);
        if (st != DBK_OK || b == NULL) {
            return st;
        }
        CHECK(dbk_batch_row_count(b) > 0);
        check_rows(b, *rows);
        *rows += dbk_batch_row_count(b);
        dbk_batch_unref(b);
    }
}

static void check_drains(fixture *f, int64_t want) {
    int64_t rows = 0;
    CHECK_OK(drain(f, &rows), &f->err);
    CHECK_EQ_I64(rows, want);
    CHECK_OK(drain(f, &rows), &f->err); /* the end stays the end */
    CHECK_EQ_I64(rows, 0);
}

static void check_breaks(fixture *f, int64_t want_rows, dbk_status code, const char *text) {
    int64_t rows = 0;
    CHECK_FAILS(drain(f, &rows), &f->err, code, text);
    CHECK_EQ_I64(rows, want_rows);
    CHECK(strstr(dbk_error_message(&f->err), "topsecret") == NULL);
    CHECK_FAILS(drain(f, &rows), &f->err, code, text); /* an error is final */
}

static size_t requests_with(const char *text) {
    size_t n = 0;
    for (size_t i = 0; i < test_peer_request_count(&peer); i++) {
        n += strstr(test_peer_request(&peer, i), text) != NULL ? 1 : 0;
    }
    return n;
}

/* ---- links ---- */

static void three_chunks(fixture *f, const char *totals) {
    char links[1300];
    (void)snprintf(links, sizeof links, "%s,%s,%s", link_json(0, 0, 10, 1), link_json(1, 10, 10, 2),
                   link_json(2, 20, 5, -1));
    answer_links(f, totals, links);
}

DBK_TEST(links_of_one_answer_are_read_in_order) {
    fixture f;
    begin(&f);
    three_chunks(&f, "\"total_chunk_count\":3,\"total_row_count\":25,");
    serve_rows(&f, "GET /c2", 20, 5, 5);
    serve_rows(&f, "GET /c1", 10, 10, 3);
    serve_rows(&f, "GET /c0", 0, 10, 4);
    CHECK_OK(open_stream(&f), &f.err);
    check_drains(&f, 25);
    CHECK_EQ_SIZE(test_peer_request_count(&peer), 3);
    CHECK_EQ_SIZE(requests_with("uthorization"), 0); /* storage never sees the token */
    dbk_stream_snapshot s;
    dbk_stream_measure(f.stream, &s);
    CHECK_EQ_U64(s.rows, 25);
    CHECK_EQ_U64(s.chunks_done, 3);
    CHECK_EQ_I64(s.chunks_total, 3);
    CHECK(s.external);
    end(&f);
}

DBK_TEST(links_are_asked_for_one_after_another) {
    fixture f;
    char body[512];
    begin(&f);
    answer_links(&f, "\"total_chunk_count\":4,\"total_row_count\":40,", link_json(0, 0, 10, 1));
    static const char *const asked[] = {"", "/chunks/1 ", "/chunks/2 ", "/chunks/3 "};
    static const char *const stored[] = {"GET /c0", "GET /c1", "GET /c2", "GET /c3"};
    for (int i = 1; i < 4; i++) {
        (void)snprintf(body, sizeof body, "{\"external_links\":[%s]}",
                       link_json(i, i * 10, 10, i < 3 ? i + 1 : -1));
        serve_json(&f, asked[i], body);
    }
    for (int i = 0; i < 4; i++) {
        serve_rows(&f, stored[i], i * 10, 10, 10);
    }
    CHECK_OK(open_stream(&f), &f.err);
    check_drains(&f, 40);
    CHECK_EQ_SIZE(requests_with("/result/chunks/"),
                  3); /* each once: the peer asks up to three times */
    end(&f);
}

DBK_TEST(totals_may_be_missing) {
    fixture f;
    begin(&f);
    three_chunks(&f, "");
    serve_rows(&f, "GET /c0", 0, 10, 10);
    serve_rows(&f, "GET /c1", 10, 10, 10);
    serve_rows(&f, "GET /c2", 20, 5, 10);
    CHECK_OK(open_stream(&f), &f.err);
    check_drains(&f, 25);
    end(&f);
}

DBK_TEST(padding_rows_are_cut) {
    fixture f;
    begin(&f);
    three_chunks(&f, "\"total_chunk_count\":3,\"total_row_count\":25,");
    serve_rows(&f, "GET /c0", 0, 14, 6);
    serve_rows(&f, "GET /c1", 10, 10, 10);
    serve_rows(&f, "GET /c2", 20, 6, 10);
    CHECK_OK(open_stream(&f), &f.err);
    check_drains(&f, 25);
    end(&f);
}

DBK_TEST(any_split_of_the_body_gives_the_same_rows) {
    static const size_t pieces[] = {1, 7, 64, 1000};
    for (size_t i = 0; i < COUNT_OF(pieces); i++) {
        fixture f;
        begin(&f);
        test_peer_split(&peer, pieces[i]);
        three_chunks(&f, "\"total_chunk_count\":3,\"total_row_count\":25,");
        serve_rows(&f, "GET /c0", 0, 10, 4);
        serve_rows(&f, "GET /c1", 10, 10, 10);
        serve_rows(&f, "GET /c2", 20, 5, 1);
        CHECK_OK(open_stream(&f), &f.err);
        check_drains(&f, 25);
        end(&f);
    }
}

/* ---- disagreement ---- */

DBK_TEST(counts_that_disagree_are_loud) {
    static const struct {
        const char *name, *totals, *links;
        int64_t rows_served, rows_before;
        const char *message;
    } rows[] = {
        {"short chunk", "\"total_chunk_count\":1,", "10,0,0,-1", 7, 7,
         "chunk 0 holds 7 rows, the server declared 10"},
        {"total too high", "\"total_chunk_count\":1,\"total_row_count\":11,", "10,0,0,-1", 10, 10,
         "10 rows came in 1 chunks, the server declared 11"},
        {"total too low", "\"total_chunk_count\":1,\"total_row_count\":9,", "10,0,0,-1", 10, 10,
         "10 rows came in 1 chunks, the server declared 9"},
        {"wrong offset", "\"total_chunk_count\":1,", "10,5,0,-1", 10, 0,
         "chunk 0 starts at row 5, 0 rows came before it"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        fixture f;
        long long count = 0;
        long long offset = 0;
        CHECK_CASE(rows[i].name);
        begin(&f);
        CHECK(sscanf(rows[i].links, "%lld,%lld", &count, &offset) == 2);
        answer_links(&f, rows[i].totals, link_json(0, offset, count, -1));
        serve_rows(&f, "GET /c0", 0, rows[i].rows_served, 100);
        serve_rows(&f, "GET /c0", 0, rows[i].rows_served, 100); /* bad data is fetched twice */
        CHECK_OK(open_stream(&f), &f.err);
        check_breaks(&f, rows[i].rows_before, DBK_DATA_LOSS, rows[i].message);
        end(&f);
    }
}

DBK_TEST(a_chain_that_jumps_is_loud) {
    fixture f;
    begin(&f);
    answer_links(&f, "", link_json(0, 0, 10, 0));
    CHECK_FAILS(open_stream(&f), &f.err, DBK_DATA_LOSS,
                "chunk 0 names chunk 0 as the next one, expected 1");
    end(&f);
}

DBK_TEST(answers_without_the_chunk_are_loud) {
    static const struct {
        const char *name, *body, *message;
    } rows[] = {
        {"no links", "{\"external_links\":[]}", "holds no data and no link for chunk 1"},
        {"nothing", "{}", "holds no data and no link for chunk 1"},
        {"another chunk",
         "{\"external_links\":[{\"external_link\":\"http://127.0.0.1:1/c0\",\"expiration\":"
         "\"2099-01-01T00:00:00Z\",\"chunk_index\":0,\"row_offset\":0,\"row_count\":10,"
         "\"byte_count\":1}]}",
         "asked for the link of chunk 1, the answer starts with 0"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        fixture f;
        CHECK_CASE(rows[i].name);
        begin(&f);
        answer_links(&f, "\"total_chunk_count\":2,", link_json(0, 0, 10, 1));
        serve_rows(&f, "GET /c0", 0, 10, 10);
        serve_json(&f, "/st/result/chunks/1 ", rows[i].body);
        CHECK_OK(open_stream(&f), &f.err);
        check_breaks(&f, 10, DBK_DATA_LOSS, rows[i].message);
        end(&f);
    }
}

DBK_TEST(a_refused_chunk_request_fails_the_stream) { /* the peer hangs for ever here */
    fixture f;
    begin(&f);
    answer_links(&f, "\"total_chunk_count\":2,", link_json(0, 0, 10, 1));
    serve_rows(&f, "GET /c0", 0, 10, 10);
    test_peer_on_bytes(
        &peer, "/st/result/chunks/1 ",
        http_answer(&f, "404 Not Found",
                    DBK_SLICE("{\"error_code\":\"NOT_FOUND\",\"message\":\"gone\"}")),
        TEST_PEER_KEEP);
    CHECK_OK(open_stream(&f), &f.err);
    check_breaks(&f, 10, DBK_NOT_FOUND, "asking for chunk 1 of statement st");
    end(&f);
}

DBK_TEST(another_schema_in_a_later_chunk_is_loud) {
    fixture f;
    dbk_error err = {0};
    dbk_schema *other = NULL;
    dbk_buf bytes = {0};
    dbk_column_desc column = {.name = DBK_SLICE("id"),
                              .type_name = DBK_SLICE("STRING"),
                              .type_text = DBK_SLICE("STRING"),
                              .precision = -1,
                              .scale = -1};
    begin(&f);
    three_chunks(&f, "");
    serve_rows(&f, "GET /c0", 0, 10, 10);
    CHECK_OK(dbk_schema_from_columns(&column, 1, &other, &err), &err);
    CHECK_OK(dbk_ipc_write_schema(other, &bytes, &err), &err);
    dbk_slice body = http_answer(&f, "200 OK", dbk_buf_slice(&bytes));
    test_peer_on_bytes(&peer, "GET /c1", body, TEST_PEER_KEEP);
    test_peer_on_bytes(&peer, "GET /c1", body, TEST_PEER_KEEP);
    serve_rows(&f, "GET /c2", 20, 5, 10);
    CHECK_OK(open_stream(&f), &f.err);
    check_breaks(&f, 10, DBK_DATA_LOSS, "chunk 1 has another schema than the chunks before it");
    dbk_schema_unref(other);
    dbk_buf_reset(&bytes);
    end(&f);
}

/* ---- storage that fails ---- */

DBK_TEST(a_refused_link_is_replaced_at_once) {
    static const char *const statuses[] = {"401 Unauthorized", "403 Forbidden", "404 Not Found",
                                           "410 Gone"};
    for (size_t i = 0; i < COUNT_OF(statuses); i++) {
        fixture f;
        char body[512];
        CHECK_CASE(statuses[i]);
        begin(&f);
        answer_links(&f, "\"total_chunk_count\":1,\"total_row_count\":10,",
                     link_json(0, 0, 10, -1));
        test_peer_on_bytes(&peer, "GET /c0", http_answer(&f, statuses[i], DBK_SLICE("<xml/>")),
                           TEST_PEER_KEEP);
        (void)snprintf(body, sizeof body, "{\"external_links\":[%s]}", link_json(0, 0, 10, -1));
        serve_json(&f, "/st/result/chunks/0 ", body);
        serve_rows(&f, "GET /c0", 0, 10, 10);
        CHECK_OK(open_stream(&f), &f.err);
        check_drains(&f, 10);
        dbk_stream_snapshot s;
        dbk_stream_measure(f.stream, &s);
        CHECK_EQ_U64(s.link_refreshes, 1);
        end(&f);
    }
}

DBK_TEST(a_link_refused_for_ever_is_an_error) {
    fixture f;
    char body[512];
    begin(&f);
    answer_links(&f, "\"total_chunk_count\":1,", link_json(0, 0, 10, -1));
    (void)snprintf(body, sizeof body, "{\"external_links\":[%s]}", link_json(0, 0, 10, -1));
    for (int i = 0; i < 3; i++) {
        test_peer_on_bytes(&peer, "GET /c0", http_answer(&f, "403 Forbidden", DBK_SLICE("denied")),
                           TEST_PEER_KEEP);
        serve_json(&f, "/st/result/chunks/0 ", body);
    }
    CHECK_OK(open_stream(&f), &f.err);
    check_breaks(&f, 0, DBK_PERMISSION_DENIED,
                 "downloading chunk 0 of statement st from 127.0.0.1:1 (3 attempts)");
    CHECK_STR(f.err.query_id, "st");
    end(&f);
}

DBK_TEST(an_expired_link_is_replaced_before_it_is_used) {
    fixture f;
    char body[512];
    begin(&f);
    answer_links(&f, "\"total_chunk_count\":1,",
                 "{\"external_link\":\"http://127.0.0.1:1/old\",\"expiration\":"
                 "\"2001-01-01T00:00:00Z\",\"chunk_index\":0,\"row_offset\":0,\"row_count\":10,"
                 "\"byte_count\":1}");
    (void)snprintf(body, sizeof body, "{\"external_links\":[%s]}", link_json(0, 0, 10, -1));
    serve_json(&f, "/st/result/chunks/0 ", body);
    serve_rows(&f, "GET /c0", 0, 10, 10);
    CHECK_OK(open_stream(&f), &f.err);
    check_drains(&f, 10);
    CHECK_EQ_SIZE(requests_with("GET /old"), 0);
    end(&f);
}

DBK_TEST(a_broken_download_starts_again_without_repeating_rows) {
    static const test_peer_then ends[] = {TEST_PEER_CLOSE, TEST_PEER_RESET};
    for (size_t i = 0; i < COUNT_OF(ends); i++) {
        fixture f;
        begin(&f);
        answer_links(&f, "\"total_chunk_count\":1,\"total_row_count\":60,",
                     link_json(0, 0, 60, -1));
        dbk_buf rows = ipc_rows(0, 60, 20);
        dbk_slice whole = http_answer(&f, "200 OK", dbk_buf_slice(&rows));
        test_peer_on_bytes(&peer, "GET /c0", dbk_slice_n(whole.ptr, whole.len - 300), ends[i]);
        test_peer_on_bytes(&peer, "GET /c0", whole, TEST_PEER_KEEP);
        CHECK_OK(open_stream(&f), &f.err);
        check_drains(&f, 60);
        dbk_stream_snapshot s;
        dbk_stream_measure(f.stream, &s);
        CHECK_EQ_U64(s.chunk_retries, 1);
        dbk_buf_reset(&rows);
        end(&f);
    }
}

DBK_TEST(passing_server_errors_are_waited_out) {
    fixture f;
    begin(&f);
    answer_links(&f, "\"total_chunk_count\":1,", link_json(0, 0, 10, -1));
    test_peer_on_bytes(&peer, "GET /c0", http_answer(&f, "500 Oops", DBK_SLICE("")),
                       TEST_PEER_KEEP);
    test_peer_on_bytes(&peer, "GET /c0",
                       http_answer(&f, "503 Busy\r\nretry-after: 0", DBK_SLICE("")),
                       TEST_PEER_KEEP);
    serve_rows(&f, "GET /c0", 0, 10, 10);
    CHECK_OK(open_stream(&f), &f.err);
    check_drains(&f, 10);
    end(&f);
}

DBK_TEST(server_errors_without_end_are_an_error) {
    fixture f;
    begin(&f);
    answer_links(&f, "\"total_chunk_count\":1,", link_json(0, 0, 10, -1));
    for (int i = 0; i < 6; i++) {
        test_peer_on_bytes(&peer, "GET /c0", http_answer(&f, "500 Oops", DBK_SLICE("down")),
                           TEST_PEER_KEEP);
    }
    CHECK_OK(open_stream(&f), &f.err);
    check_breaks(&f, 0, DBK_INTERNAL, "(5 attempts)");
    CHECK_EQ_I64(f.err.http_status, 500);
    end(&f);
}

DBK_TEST(a_web_page_instead_of_data_is_named) {
    fixture f;
    begin(&f);
    answer_links(&f, "\"total_chunk_count\":1,", link_json(0, 0, 10, -1));
    for (int i = 0; i < 2; i++) {
        test_peer_on_bytes(&peer, "GET /c0",
                           http_answer(&f, "200 OK\r\ncontent-type: text/html",
                                       DBK_SLICE("<html>please log in</html>")),
                           TEST_PEER_KEEP);
    }
    CHECK_OK(open_stream(&f), &f.err);
    check_breaks(&f, 0, DBK_DATA_LOSS, "content-type text/html");
    CHECK_EQ_SIZE(requests_with("GET /c0"), 2);
    end(&f);
}

/* ---- back-pressure and closing ---- */

DBK_TEST(a_small_budget_pauses_and_goes_on) {
    fixture f;
    begin(&f);
    f.options.budget_bytes = 4096;
    /* Chunk 0 is several times the budget: it is the one being read, so it always gets on. */
    char links[900];
    (void)snprintf(links, sizeof links, "%s,%s", link_json(0, 0, 3000, 1),
                   link_json(1, 3000, 10, -1));
    answer_links(&f, "\"total_chunk_count\":2,\"total_row_count\":3010,", links);
    serve_rows(&f, "GET /c0", 0, 3000, 100);
    serve_rows(&f, "GET /c1", 3000, 10, 10);
    test_peer_split(&peer, 512);
    CHECK_OK(open_stream(&f), &f.err);
    check_drains(&f, 3010);
    dbk_stream_snapshot s;
    dbk_stream_measure(f.stream, &s);
    CHECK(s.peak_bytes < 3 * 4096); /* of 24,000 */
    end(&f);
}

DBK_TEST(a_download_that_goes_quiet_is_started_a_second_time) {
    fixture f;
    char body[512];
    begin(&f);
    answer_links(&f, "\"total_chunk_count\":1,\"total_row_count\":60,", link_json(0, 0, 60, -1));
    dbk_buf rows = ipc_rows(0, 60, 20);
    dbk_slice whole = http_answer(&f, "200 OK", dbk_buf_slice(&rows));
    test_peer_on_bytes(&peer, "GET /c0", dbk_slice_n(whole.ptr, whole.len - 300), TEST_PEER_STALL);
    (void)snprintf(body, sizeof body, "{\"external_links\":[%s]}", link_json(0, 0, 60, -1));
    serve_json(&f, "/st/result/chunks/0 ", body); /* the second download takes a link of its own */
    test_peer_on_bytes(&peer, "GET /c0", whole, TEST_PEER_KEEP);
    CHECK_OK(open_stream(&f), &f.err);
    check_drains(&f, 60);
    CHECK_EQ_SIZE(requests_with("GET /c0"), 2);
    CHECK_EQ_SIZE(test_peer_open_now(&peer),
                  2); /* the API's and the second one; the loser is gone */
    dbk_buf_reset(&rows);
    end(&f);
}

DBK_TEST(a_second_download_that_fails_leaves_the_first_one_alone) {
    fixture f;
    begin(&f);
    answer_links(&f, "\"total_chunk_count\":1,\"total_row_count\":60,", link_json(0, 0, 60, -1));
    dbk_buf rows = ipc_rows(0, 60, 20);
    dbk_slice whole = http_answer(&f, "200 OK", dbk_buf_slice(&rows));
    test_peer_on_bytes(&peer, "GET /c0", dbk_slice_n(whole.ptr, whole.len - 300), TEST_PEER_STALL);
    serve_json(&f, "/st/result/chunks/0 ", "{\"external_links\":[]}");
    CHECK_OK(open_stream(&f), &f.err);
    for (int64_t at = 0; at < 40; at += 20) {
        dbk_batch *b = NULL;
        CHECK_OK(next(&f, &b), &f.err);
        check_rows(b, at);
        dbk_batch_unref(b);
    }
    for (int i = 0; i < 10; i++) {
        dbk_clock_manual_advance(&f.clock, 1000);
        test_peer_settle(&peer, f.lane);
    }
    CHECK_EQ_SIZE(requests_with("/st/result/chunks/0 "), 1);
    test_peer_on_bytes(&peer, "GET /c0", whole, TEST_PEER_KEEP);
    test_peer_go_on(&peer, "", TEST_PEER_CLOSE); /* the first one tries again */
    dbk_batch *b = NULL;
    CHECK_OK(next(&f, &b), &f.err);
    check_rows(b, 40);
    dbk_batch_unref(b);
    dbk_buf_reset(&rows);
    end(&f);
}

/* Storage that takes 40 ms to answer, by the manual clock: later chunks wait compressed. */
DBK_TEST(chunks_from_afar_are_kept_as_they_come_and_read_in_order) {
    fixture f;
    char links[4000] = "";
    char path[8][24];
    begin(&f);
    for (int i = 0; i < 8; i++) {
        size_t len = strlen(links);
        (void)snprintf(links + len, sizeof links - len, "%s%s", i > 0 ? "," : "",
                       link_json(i, i * 100, 100, i < 7 ? i + 1 : -1));
    }
    answer_links(&f, "\"total_chunk_count\":8,\"result_compression\":\"LZ4_FRAME\",", links);
    for (int i = 7; i >= 0; i--) {
        dbk_buf rows = ipc_rows(i * 100, 100, 30);
        dbk_buf packed = {0};
        lz4_stored(dbk_buf_slice(&rows), &packed);
        (void)snprintf(path[i], sizeof path[i], "GET /c%d", i);
        test_peer_on_bytes(&peer, path[i], http_answer(&f, "200 OK", dbk_buf_slice(&packed)),
                           TEST_PEER_KEEP);
        dbk_buf_reset(&packed);
        dbk_buf_reset(&rows);
    }
    CHECK_OK(open_stream(&f), &f.err);
    f.stream->shared.far = true;
    check_drains(&f, 800);
    CHECK_EQ_SIZE(f.stream->shared.queued_bytes, 0);
    CHECK_EQ_SIZE(f.stream->shared.reserved, 0);
    end(&f);
    CHECK_EQ_SIZE(dbk_process_bytes(), 0);
}

/* ---- whole chunks where they lie ---- */

enum { WIDE_ROWS = 140000, WIDE_BATCH = 20000 }; /* of a chunk: 1.1 MB, seven batches */

typedef struct placing {
    reading r; /* first */
    dbk_placed placed;
} placing;

static bool place_answered(void *ctx) {
    placing *p = ctx;
    fixture *f = p->r.f;
    dbk_schema *schema = NULL;
    p->r.st = dbk_stream_try_schema(f->stream, &schema, &p->r.blocked, &f->err);
    if (p->r.st == DBK_OK && !p->r.blocked) {
        p->r.st = dbk_stream_try_place(f->stream, schema, &p->placed, &p->r.batch, &p->r.blocked,
                                       &f->err);
    }
    if (p->r.blocked) {
        dbk_clock_manual_advance(&f->clock, 50);
    }
    return !p->r.blocked;
}

/* The rows of an IPC stream, which count up from `from`. */
static int64_t check_placed(const dbk_placed *placed, int64_t from) {
    dbk_error err = {0};
    dbk_unpack *u = NULL;
    dbk_batch *b = NULL;
    int64_t rows = 0;
    CHECK_OK(dbk_unpack_new(&(dbk_unpack_options){0}, &u, &err), &err);
    CHECK_OK(dbk_unpack_feed(u, dbk_slice_n((const char *)placed->data, placed->len), &err), &err);
    CHECK_OK(dbk_unpack_finish(u, &err), &err);
    while ((b = dbk_unpack_pop(u)) != NULL) {
        check_rows(b, from + rows);
        rows += dbk_batch_row_count(b);
        dbk_batch_unref(b);
    }
    dbk_unpack_free(u);
    return rows;
}

typedef struct placed_counts {
    int64_t rows, placed_rows;
    size_t placed;
} placed_counts;

static dbk_status drain_placing(fixture *f, placed_counts *n) {
    *n = (placed_counts){0};
    for (;;) {
        placing p = {.r = {.f = f}};
        test_peer_run(&peer, f->lane, place_answered, &p);
        if (p.placed.len > 0) {
            int64_t rows = check_placed(&p.placed, n->rows);
            memset(p.placed.data, 0xAB, p.placed.len); /* its owner may; the next ones are whole */
            dbk_placed_reset(&p.placed);
            n->placed++;
            n->placed_rows += rows;
            n->rows += rows;
        } else if (p.r.st == DBK_OK && p.r.batch != NULL) {
            check_rows(p.r.batch, n->rows);
            n->rows += dbk_batch_row_count(p.r.batch);
            dbk_batch_unref(p.r.batch);
        } else {
            return p.r.st;
        }
    }
}

static void wide_chunks(fixture *f) {
    char links[1300];
    (void)snprintf(links, sizeof links, "%s,%s,%s", link_json(0, 0, WIDE_ROWS, 1),
                   link_json(1, WIDE_ROWS, WIDE_ROWS, 2),
                   link_json(2, 2 * WIDE_ROWS, WIDE_ROWS, -1));
    answer_links(f, "", links);
}

DBK_TEST(whole_chunks_are_handed_out_where_they_lie) {
    static const size_t budgets[] = {0, 300000}; /* less than a chunk: the one waited for gets on */
    for (size_t i = 0; i < COUNT_OF(budgets); i++) {
        fixture f;
        placed_counts n;
        begin(&f);
        f.options.budget_bytes = budgets[i];
        wide_chunks(&f);
        serve_rows(&f, "GET /c0", 0, WIDE_ROWS, WIDE_BATCH);
        serve_rows(&f, "GET /c1", WIDE_ROWS, WIDE_ROWS, WIDE_BATCH);
        serve_rows(&f, "GET /c2", 2 * WIDE_ROWS, WIDE_ROWS, WIDE_BATCH);
        test_peer_split(&peer, 100000);
        CHECK_OK(open_stream(&f), &f.err);
        CHECK_OK(drain_placing(&f, &n), &f.err);
        CHECK_EQ_I64(n.rows, 3 * WIDE_ROWS);
        CHECK_EQ_SIZE(n.placed, 2); /* the first one was read as it came */
        CHECK_EQ_I64(n.placed_rows, 2 * WIDE_ROWS);
        CHECK_EQ_SIZE(f.stream->shared.queued_bytes, 0);
        end(&f);
        CHECK_EQ_SIZE(dbk_process_bytes(), 0);
    }
}

/* The file's last batch holds rows that were not declared: what is cut is copied. */
DBK_TEST(a_chunk_with_padding_is_placed_but_for_its_end) {
    fixture f;
    placed_counts n;
    begin(&f);
    wide_chunks(&f);
    serve_rows(&f, "GET /c0", 0, WIDE_ROWS, WIDE_BATCH);
    serve_rows(&f, "GET /c1", WIDE_ROWS, WIDE_ROWS + 7, WIDE_BATCH + 1);
    serve_rows(&f, "GET /c2", 2 * WIDE_ROWS, WIDE_ROWS, WIDE_BATCH);
    CHECK_OK(open_stream(&f), &f.err);
    CHECK_OK(drain_placing(&f, &n), &f.err);
    CHECK_EQ_I64(n.rows, 3 * WIDE_ROWS);
    CHECK_EQ_SIZE(n.placed, 2);
    CHECK_EQ_I64(n.placed_rows, 2 * WIDE_ROWS - (WIDE_BATCH - 6));
    end(&f);
}

/* A download that is waited for goes quiet: batches of it are here, and it is started again all the same. Two
 * downloads write to memory of their own, so nothing of this chunk is placed. */
DBK_TEST(a_chunk_that_is_waited_for_may_straggle) {
    fixture f;
    placed_counts n;
    char body[512];
    begin(&f);
    wide_chunks(&f);
    serve_rows(&f, "GET /c0", 0, WIDE_ROWS, WIDE_BATCH);
    dbk_buf rows = ipc_rows(WIDE_ROWS, WIDE_ROWS, WIDE_BATCH);
    dbk_slice whole = http_answer(&f, "200 OK", dbk_buf_slice(&rows));
    test_peer_on_bytes(&peer, "GET /c1", dbk_slice_n(whole.ptr, whole.len - 300), TEST_PEER_STALL);
    (void)snprintf(body, sizeof body, "{\"external_links\":[%s]}",
                   link_json(1, WIDE_ROWS, WIDE_ROWS, 2));
    serve_json(&f, "/st/result/chunks/1 ", body);
    test_peer_on_bytes(&peer, "GET /c1", whole, TEST_PEER_KEEP);
    serve_rows(&f, "GET /c2", 2 * WIDE_ROWS, WIDE_ROWS, WIDE_BATCH);
    CHECK_OK(open_stream(&f), &f.err);
    CHECK_OK(drain_placing(&f, &n), &f.err);
    CHECK_EQ_I64(n.rows, 3 * WIDE_ROWS);
    CHECK_EQ_SIZE(n.placed, 1);
    CHECK_EQ_SIZE(requests_with("GET /c1"), 2);
    dbk_buf_reset(&rows);
    end(&f);
}

/* ---- the first rows ---- */

/* Three chunks; of the first one's answer only so many bytes come, -1: all but the last of them. */
static void open_with_first_stalled(fixture *f, int64_t bytes) {
    three_chunks(f, "\"total_chunk_count\":3,\"total_row_count\":25,");
    dbk_buf rows = ipc_rows(0, 10, 4);
    dbk_slice whole = http_answer(f, "200 OK", dbk_buf_slice(&rows));
    size_t n = bytes < 0 ? whole.len - 1 : whole.len - rows.len + (size_t)bytes;
    test_peer_on_bytes(&peer, "GET /c0", dbk_slice_n(whole.ptr, n), TEST_PEER_STALL);
    serve_rows(f, "GET /c1", 10, 10, 4);
    serve_rows(f, "GET /c2", 20, 5, 4);
    CHECK_OK(open_stream(f), &f->err);
    test_peer_settle(&peer, f->lane);
    dbk_buf_reset(&rows);
}

static size_t requests_after_ms(fixture *f, uint64_t ms) {
    dbk_clock_manual_advance(&f->clock, ms);
    test_peer_settle(&peer, f->lane);
    return test_peer_request_count(&peer);
}

DBK_TEST(the_first_download_is_alone_until_its_first_rows) {
    static const struct {
        int64_t bytes;     /* of the first answer */
        uint64_t alone_ms; /* 0: it is not */
    } cases[] = {{0, 8}, {1, 25}, {-1, 0}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        fixture f;
        begin(&f);
        open_with_first_stalled(&f, cases[i].bytes);
        if (cases[i].alone_ms > 0) {
            CHECK_EQ_SIZE(requests_after_ms(&f, 0), 1);
            CHECK_EQ_SIZE(requests_after_ms(&f, cases[i].alone_ms - 1), 1);
            CHECK_EQ_SIZE(requests_after_ms(&f, 1), 3);
        } else {
            CHECK_EQ_SIZE(requests_after_ms(&f, 0), 3);
        }
        end(&f);
    }
}

DBK_TEST(where_storage_is_far_nothing_waits_for_the_first_rows) {
    fixture f;
    begin(&f);
    dbk_sea_note_storage(f.sea, true);
    open_with_first_stalled(&f, 0);
    CHECK_EQ_SIZE(requests_after_ms(&f, 0), 3);
    end(&f);
}

/* For the next result of the session. */
DBK_TEST(storage_that_answers_late_is_remembered) {
    static const struct {
        uint64_t ms;
        bool far;
    } cases[] = {{6, false}, {7, true}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        fixture f;
        begin(&f);
        answer_links(&f, "", link_json(0, 0, 10, -1));
        test_peer_on(&peer, "GET /c0", "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n",
                     TEST_PEER_STALL);
        CHECK_OK(open_stream(&f), &f.err);
        test_peer_settle(&peer, f.lane);
        CHECK_EQ_SIZE(requests_after_ms(&f, cases[i].ms), 1);
        test_peer_go_on(&peer, "\xFF", TEST_PEER_STALL);
        test_peer_settle(&peer, f.lane);
        CHECK(dbk_sea_storage_is_far(f.sea) == cases[i].far);
        end(&f);
    }
}

DBK_TEST(a_full_process_leaves_each_stream_its_chunk_being_read) {
    fixture f;
    size_t before = dbk_process_set_limit(1);
    begin(&f);
    three_chunks(&f, "\"total_chunk_count\":3,\"total_row_count\":25,");
    serve_rows(&f, "GET /c0", 0, 10, 4);
    serve_rows(&f, "GET /c1", 10, 10, 4);
    serve_rows(&f, "GET /c2", 20, 5, 4);
    CHECK_OK(open_stream(&f), &f.err);
    test_peer_settle(&peer, f.lane);
    CHECK_EQ_SIZE(test_peer_request_count(&peer), 1);
    check_drains(&f, 25);
    end(&f);
    CHECK_EQ_SIZE(dbk_process_bytes(), 0);
    (void)dbk_process_set_limit(before);
}

DBK_TEST(room_in_the_process_wakes_who_waits_for_it) {
    fixture f;
    dbk_share other = {0};
    size_t before = dbk_process_set_limit((size_t)1 << 20);
    dbk_share_set(&other, (size_t)2 << 20);
    begin(&f);
    three_chunks(&f, "\"total_chunk_count\":3,\"total_row_count\":25,");
    serve_rows(&f, "GET /c0", 0, 10, 4);
    serve_rows(&f, "GET /c1", 10, 10, 4);
    serve_rows(&f, "GET /c2", 20, 5, 4);
    CHECK_OK(open_stream(&f), &f.err);
    test_peer_settle(&peer, f.lane);
    CHECK_EQ_SIZE(test_peer_request_count(&peer), 1);
    dbk_share_end(&other);
    test_peer_settle(&peer, f.lane); /* nobody reads: the room alone starts the others */
    CHECK_EQ_SIZE(test_peer_request_count(&peer), 3);
    check_drains(&f, 25);
    end(&f);
    (void)dbk_process_set_limit(before);
}

DBK_TEST(closing_ends_downloads_and_readers) {
    fixture f;
    dbk_batch *b = NULL;
    bool blocked = false;
    begin(&f);
    three_chunks(&f, "\"total_chunk_count\":3,");
    test_peer_on(&peer, "GET /c0", "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n",
                 TEST_PEER_STALL);
    test_peer_on(&peer, "GET /c1", "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n",
                 TEST_PEER_STALL);
    test_peer_on(&peer, "GET /c2", "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n",
                 TEST_PEER_STALL);
    CHECK_OK(open_stream(&f), &f.err);
    test_peer_settle(&peer, f.lane);
    CHECK_OK(dbk_stream_try_next(f.stream, &b, &blocked, &f.err), &f.err);
    CHECK(blocked && b == NULL);
    dbk_stream_close(f.stream);
    CHECK_FAILS(dbk_stream_try_next(f.stream, &b, &blocked, &f.err), &f.err, DBK_CANCELLED,
                "the result stream was closed");
    test_peer_settle(&peer, f.lane);
    CHECK_EQ_SIZE(test_peer_open_now(&peer), 0);
    end(&f);
}

/* ---- inline ---- */

static void inline_result(char *out, size_t size, int64_t index, int64_t from, int64_t rows,
                          int64_t next_index) {
    dbk_error err = {0};
    dbk_buf packed = {0};
    dbk_buf bytes = ipc_rows(from, rows, 4);
    char more[48] = "";
    base64(dbk_buf_slice(&bytes), &packed);
    if (next_index >= 0) {
        (void)snprintf(more, sizeof more, ",\"next_chunk_index\":%lld", (long long)next_index);
    }
    CHECK_OK(dbk_buf_putc(&packed, '\0', &err), &err);
    CHECK(snprintf(out, size,
                   "{\"chunk_index\":%lld,\"row_offset\":%lld,\"row_count\":%lld%s,"
                   "\"attachment\":\"%s\"}",
                   (long long)index, (long long)from, (long long)rows, more,
                   packed.ptr) < (int)size);
    dbk_buf_reset(&packed);
    dbk_buf_reset(&bytes);
}

DBK_TEST(inline_chunks) {
    fixture f;
    static char body[8192];
    begin(&f);
    inline_result(body, sizeof body, 0, 0, 10, 1);
    answer(&f, "\"total_chunk_count\":3,\"total_row_count\":30,", body);
    inline_result(body, sizeof body, 1, 10, 10, 2);
    serve_json(&f, "/chunks/1 ", body);
    inline_result(body, sizeof body, 2, 20, 10, -1);
    serve_json(&f, "/chunks/2 ", body);
    CHECK_OK(open_stream(&f), &f.err);
    check_drains(&f, 30);
    end(&f);
}

DBK_TEST(inline_chunks_are_asked_for_within_their_window) {
    static const struct {
        size_t window, asked; /* before anything is read */
    } rows[] = {{1, 0}, {2, 1}, {0, 2}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        fixture f;
        static char bodies[4][4096];
        begin(&f);
        f.options.inline_window = rows[i].window;
        inline_result(bodies[0], sizeof bodies[0], 0, 0, 10, 1);
        answer(&f, "\"total_chunk_count\":4,\"total_row_count\":40,", bodies[0]);
        inline_result(bodies[1], sizeof bodies[1], 1, 10, 10, 2);
        serve_json(&f, "/chunks/1 ", bodies[1]);
        inline_result(bodies[2], sizeof bodies[2], 2, 20, 10, 3);
        serve_json(&f, "/chunks/2 ", bodies[2]);
        inline_result(bodies[3], sizeof bodies[3], 3, 30, 10, -1);
        serve_json(&f, "/chunks/3 ", bodies[3]);
        CHECK_OK(open_stream(&f), &f.err);
        test_peer_settle(&peer, f.lane);
        CHECK_EQ_SIZE(test_peer_request_count(&peer), rows[i].asked);
        check_drains(&f, 40);
        CHECK_EQ_SIZE(test_peer_request_count(&peer), 3);
        end(&f);
    }
}

DBK_TEST(a_zero_row_attachment_gives_its_schema) { /* the peer fails here */
    fixture f;
    static char body[4096];
    dbk_schema *schema = NULL;
    begin(&f);
    inline_result(body, sizeof body, 0, 0, 0, -1);
    answer(&f, "\"total_chunk_count\":1,\"total_row_count\":0,", body);
    CHECK_OK(open_stream(&f), &f.err);
    CHECK_OK(dbk_stream_schema(f.stream, &schema, &f.err), &f.err);
    CHECK_STR(dbk_schema_column_name(schema, 0), "id"); /* the manifest's name, not the wire's */
    check_drains(&f, 0);
    end(&f);
}

DBK_TEST(json_rows) {
    fixture f;
    begin(&f);
    answer(&f, "\"total_chunk_count\":1,\"total_row_count\":3,",
           "{\"chunk_index\":0,\"row_offset\":0,\"row_count\":3,"
           "\"data_array\":[[\"0\"],[\"1\"],[\"2\"]]}");
    CHECK_OK(open_stream(&f), &f.err);
    check_drains(&f, 3);
    end(&f);
}

DBK_TEST(results_without_data) {
    static const struct {
        const char *name, *totals, *result;
    } rows[] = {
        {"no chunks", "\"total_chunk_count\":0,\"total_row_count\":0,", "{}"},
        {"one empty chunk", "\"total_chunk_count\":1,\"total_row_count\":0,", "{}"},
        {"no totals", "", "{}"},
        {"empty links", "\"total_chunk_count\":0,", "{\"external_links\":[]}"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        fixture f;
        dbk_schema *schema = NULL;
        CHECK_CASE(rows[i].name);
        begin(&f);
        answer(&f, rows[i].totals, rows[i].result);
        CHECK_OK(open_stream(&f), &f.err);
        CHECK_OK(dbk_stream_schema(f.stream, &schema, &f.err), &f.err);
        CHECK_STR(dbk_schema_column_name(schema, 0), "id");
        check_drains(&f, 0);
        end(&f);
    }
}

DBK_TEST(promised_rows_without_data_are_asked_for) {
    fixture f;
    char body[512];
    begin(&f);
    answer(&f, "\"total_chunk_count\":1,\"total_row_count\":10,", "{}");
    (void)snprintf(body, sizeof body, "{\"external_links\":[%s]}", link_json(0, 0, 10, -1));
    serve_json(&f, "/chunks/0 ", body);
    serve_rows(&f, "GET /c0", 0, 10, 10);
    CHECK_OK(open_stream(&f), &f.err);
    check_drains(&f, 10);
    end(&f);
}

/* ---- parts ---- */

DBK_TEST(a_part_begins_where_its_chunk_says) {
    fixture f;
    begin(&f);
    answer_links(&f, "\"total_chunk_count\":3,\"total_row_count\":25,", link_json(1, 10, 10, 2));
    serve_rows(&f, "GET /c1", 0, 10, 5);
    CHECK_OK(open_part(&f, 1, 1), &f.err);
    check_drains(&f, 10);
    end(&f);
}

/* The caller's numbers, and the server's. */
DBK_TEST(numbers_of_a_part_do_not_overflow) {
    static const int64_t ends[][2] = {{INT64_MAX, 1}, {1, INT64_MAX}, {INT64_MAX, INT64_MAX}};
    fixture f;
    for (size_t i = 0; i < COUNT_OF(ends); i++) {
        begin(&f);
        answer_links(&f, "", link_json(0, 0, 10, 1)); /* how many chunks is not told */
        CHECK_FAILS(open_part(&f, ends[i][0], ends[i][1]), &f.err, DBK_INVALID_ARGUMENT,
                    "were asked for");
        dbk_error_reset(&f.err);
        end(&f);
    }
    begin(&f);
    answer_links(&f, "\"total_chunk_count\":3,", link_json(1, INT64_MAX, 10, 2));
    serve_rows(&f, "GET /c1", 0, 10, 10);
    CHECK_OK(open_part(&f, 1, 1), &f.err);
    check_breaks(&f, 0, DBK_DATA_LOSS, "chunk 1 starts at row 9223372036854775807");
    end(&f);
}

DBK_TEST(affected_rows_are_peeked) {
    fixture f;
    int64_t n = -1;
    begin(&f);
    answer(&f, "\"total_chunk_count\":1,\"total_row_count\":1,",
           "{\"chunk_index\":0,\"row_offset\":0,\"row_count\":1,\"data_array\":[[\"0\"]]}");
    CHECK_OK(open_stream(&f), &f.err);
    CHECK(!dbk_stream_peek_i64(f.stream, "num_affected_rows", &n));
    CHECK(dbk_stream_peek_i64(f.stream, "id", &n));
    CHECK_EQ_I64(n, 0);
    check_drains(&f, 1); /* nothing was taken out */
    end(&f);
}

DBK_TEST(batches_in_hand) {
    fixture f;
    begin(&f);
    dbk_schema *schema = NULL;
    dbk_batch *batch = NULL;
    dbk_column_desc column = {.name = DBK_SLICE("id"),
                              .type_name = DBK_SLICE("LONG"),
                              .type_text = DBK_SLICE("BIGINT"),
                              .precision = -1,
                              .scale = -1};
    json_t *rows = json_pack("[[s],[s]]", "0", "1");
    CHECK_OK(dbk_schema_from_columns(&column, 1, &schema, &f.err), &f.err);
    CHECK_OK(dbk_batch_from_json(schema, rows, (dbk_block_owner){0}, &batch, &f.err), &f.err);
    CHECK_OK(dbk_stream_of_batches(schema, &batch, 1, &f.stream, &f.err), &f.err);
    check_drains(&f, 2);
    json_decref(rows);
    dbk_schema_unref(schema);
    end(&f);
}
