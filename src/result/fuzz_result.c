/* Target: an execute answer from JSON to batches: dbk_sea_parser, dbk_stream_open, the decoding of
 * attachments and JSON rows, counts and schemas. Links lead nowhere: connections are refused.
 *
 * Properties: it ends, every batch has rows, and the process's budget is empty afterwards. */
#include "result/stream.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int refuse(void *ctx, struct sockaddr *address, unsigned *address_len) {
    (void)ctx, (void)address, (void)address_len;
    return -1;
}

typedef struct bench {
    dbk_clock_manual clock;
    dbk_lane *lane;
    dbk_runtime *runtime;
    dbk_sea *sea;
} bench;

static void need(bool ok) {
    if (!ok) {
        abort();
    }
}

/* Made once: all inputs use the same lane. */
static bench *get_bench(void) {
    static bench b;
    dbk_error err = {0};
    dbk_auth *auth = NULL;
    dbk_http_config *http = NULL;
    if (b.lane != NULL) {
        return &b;
    }
    /* Behind a proxy no name of an input's links is looked up. */
    dbk_http_settings settings = {.user_agent = DBK_SLICE("fuzz"),
                                  .proxy_url = DBK_SLICE("http://127.0.0.1:1")};
    dbk_clock_manual_init(&b.clock, 1700000000000);
    need(dbk_lane_new("fuzz", DBK_LANE_EMBEDDED, &b.clock.clock, &b.lane, &err) == DBK_OK);
    need(dbk_runtime_embed(b.lane, &b.runtime, &err) == DBK_OK);
    dbk_lane_set_socket_opener(b.lane, refuse, NULL);
    need(dbk_auth_new_pat(&(dbk_auth_settings){0}, DBK_SLICE("secret"), 0, &auth, &err) == DBK_OK);
    need(dbk_http_config_new(&settings, &http, &err) == DBK_OK);
    dbk_sea_settings sea = {.origin = DBK_SLICE("http://127.0.0.1:1"),
                            .warehouse_id = DBK_SLICE("w"),
                            .http = http,
                            .auth = auth,
                            .retry = {1, 1, 1, 1}};
    need(dbk_sea_new(&sea, &b.sea, &err) == DBK_OK);
    return &b;
}

static dbk_status parse(dbk_slice json, dbk_sea_reply *reply, dbk_error *err) {
    dbk_sea_parser *p = NULL;
    need(dbk_sea_parser_new(DBK_SEA_STATEMENT, &p, err) == DBK_OK);
    dbk_status st = dbk_sea_parser_feed(p, json, err);
    st = st == DBK_OK ? dbk_sea_parser_finish(p, reply, err) : st;
    dbk_sea_parser_free(p);
    return st;
}

/* Links that cannot be followed end after their attempts: the clock makes the pauses pass. */
static void drain(bench *b, dbk_stream *s) {
    dbk_error err = {0};
    for (int turn = 0; turn < 500; turn++) {
        dbk_batch *batch = NULL;
        bool blocked = false;
        dbk_status st = dbk_stream_try_next(s, &batch, &blocked, &err);
        if (st != DBK_OK || (batch == NULL && !blocked)) {
            break;
        }
        if (batch != NULL) {
            need(dbk_batch_row_count(batch) > 0);
            dbk_batch_unref(batch);
        } else {
            dbk_clock_manual_advance(&b->clock, 1000);
            dbk_lane_run_once(b->lane);
        }
    }
    dbk_error_reset(&err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    bench *b = get_bench();
    dbk_error err = {0};
    dbk_sea_reply reply = {0};
    dbk_stream *s = NULL;
    dbk_stream_options options = {.budget_bytes = 1 << 20};
    if (parse(dbk_slice_n(data, size), &reply, &err) == DBK_OK) {
        dbk_stream_source source = {.runtime = b->runtime,
                                    .sea = b->sea,
                                    .session_id = "se",
                                    .statement_id = DBK_SLICE("st"),
                                    .manifest = &reply.manifest,
                                    .data = &reply.data,
                                    .server_unix_s = -1};
        if (dbk_stream_open(&source, &options, &s, &err) == DBK_OK) {
            drain(b, s);
            dbk_stream_close(s);
        }
    }
    for (int i = 0; i < 8; i++) {
        dbk_lane_run_once(b->lane);
    }
    dbk_stream_unref(s);
    for (int i = 0; i < 8; i++) {
        dbk_lane_run_once(b->lane);
    }
    need(dbk_process_bytes() == 0);
    dbk_sea_reply_reset(&reply);
    dbk_error_reset(&err);
    return 0;
}
