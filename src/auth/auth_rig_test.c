#include "auth/auth_rig.h"

#include <stdio.h>
#include <time.h>

#include "net/test_peer.h"
#include "unit.h"

test_peer rig_peer;

#define NOW_MS INT64_C(1800000000000)

void rig_begin(rig *r) {
    dbk_http_settings http = {.user_agent = DBK_SLICE("rig")};
    memset(r, 0, sizeof *r);
    test_peer_init(&rig_peer);
    dbk_host_forget_for_tests();
    dbk_clock_manual_init(&r->clock, NOW_MS);
    CHECK_OK(dbk_lane_new("rig", DBK_LANE_EMBEDDED, &r->clock.clock, &r->lane, &r->err), &r->err);
    dbk_lane_set_socket_opener(r->lane, test_peer_open, &rig_peer);
    CHECK_OK(dbk_http_config_new(&http, &r->http, &r->err), &r->err);
    r->retry = dbk_retry_default;
    r->settings = (dbk_auth_settings){
        .lane = r->lane, .http = r->http, .origin = DBK_SLICE(RIG_ORIGIN), .retry = &r->retry};
}

void rig_end(rig *r, dbk_auth *auth) {
    CHECK(test_peer_used_up(&rig_peer));
    rig_end_early(r, auth);
}

void rig_end_early(rig *r, dbk_auth *auth) {
    dbk_auth_unref(auth);
    dbk_lane_free(r->lane);
    test_peer_end(&rig_peer);
    for (size_t i = 0; i < r->answer_count; i++) {
        dbk_buf_reset(&r->answers[i]);
    }
    dbk_http_config_unref(r->http);
    dbk_buf_wipe(&r->line);
    dbk_error_reset(&r->err);
    CHECK_EQ_SIZE(dbk_vault_used(), 0); /* a leak checker does not see it */
}

static dbk_slice http(rig *r, const char *status, const char *json, int64_t date_s) {
    char date[64];
    time_t at = (time_t)(r->clock.now_wall_ms / 1000 + date_s);
    struct tm parts;
    dbk_buf *b = &r->answers[r->answer_count++];
    CHECK(r->answer_count <= COUNT_OF(r->answers));
    (void)strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&at, &parts));
    CHECK_OK(dbk_buf_putf(b, &r->err, "HTTP/1.1 %s\r\ndate: %s\r\ncontent-length: %zu\r\n\r\n%s",
                          status, date, strlen(json), json),
             &r->err);
    return dbk_buf_slice(b);
}

void rig_on_dated(rig *r, const char *request, const char *status, const char *json,
                  int64_t date_s) {
    test_peer_on_bytes(&rig_peer, request, http(r, status, json, date_s), TEST_PEER_KEEP);
}

void rig_on(rig *r, const char *request, const char *status, const char *json) {
    rig_on_dated(r, request, status, json, 0);
}

void rig_stall(rig *r, const char *request) {
    (void)r;
    test_peer_on(&rig_peer, request, "", TEST_PEER_STALL);
}

void rig_pass(rig *r, uint64_t ms) {
    dbk_clock_manual_advance(&r->clock, ms);
}

void rig_settle(rig *r) {
    test_peer_settle(&rig_peer, r->lane);
}

dbk_status rig_run(rig *r, dbk_op *op) {
    dbk_op_start(op, NULL, NULL);
    rig_settle(r);
    for (int i = 0; i < 1000 && !dbk_op_is_done(op); i++) { /* curl has short timers of its own */
        int64_t wait = dbk_lane_timeout_ms(r->lane);
        rig_pass(r, wait > 0 ? (uint64_t)wait : 1);
        rig_settle(r);
    }
    CHECK(dbk_op_is_done(op));
    if (op->status != DBK_OK) {
        dbk_error_move(&r->err, &op->err);
    }
    return op->status;
}

const char *rig_bearer(rig *r, dbk_auth *auth) {
    static const char prefix[] = "authorization: Bearer ";
    dbk_op *op = NULL;
    size_t count = 0;
    dbk_error_reset(&r->err);
    CHECK_OK(dbk_auth_refresh(auth, &op, &r->err), &r->err);
    dbk_status st = op != NULL ? rig_run(r, op) : DBK_OK;
    dbk_op_unref(op);
    if (st != DBK_OK) {
        return NULL;
    }
    dbk_buf_wipe(&r->line);
    CHECK_OK(dbk_auth_put_lines(auth, &r->line, &count, &r->generation, &r->err), &r->err);
    CHECK(dbk_slice_has_prefix(dbk_buf_slice(&r->line), DBK_SLICE(prefix)));
    return r->line.ptr + sizeof prefix - 1;
}

dbk_auth *rig_m2m(rig *r) {
    dbk_auth *auth = NULL;
    dbk_auth_client client = {.client_id = DBK_SLICE("cid"),
                              .client_secret = DBK_SLICE("s3cret-value")};
    CHECK_OK(dbk_auth_new_m2m(&r->settings, &client, &auth, &r->err), &r->err);
    return auth;
}

dbk_auth *rig_m2m_with(rig *r, const char *token, const char *life_s) {
    char json[200];
    (void)snprintf(json, sizeof json, "{\"access_token\":\"%s\",\"expires_in\":%s}", token, life_s);
    dbk_auth *auth = rig_m2m(r);
    rig_on(r, RIG_DISCOVERY, "200 OK", RIG_ENDPOINTS);
    rig_on(r, RIG_TOKEN, "200 OK", json);
    CHECK_STR(rig_bearer(r, auth), token);
    return auth;
}
