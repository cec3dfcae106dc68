/* Tokens over time: who fetches, who waits, who is told. */
#include "auth/auth_rig.h"
#include "auth/form.h"
#include "auth/jwt.h"
#include "net/test_peer.h"
#include "unit.h"

#define TOKEN(name, life) \
    "{\"access_token\":\"" name "\",\"token_type\":\"Bearer\",\"expires_in\":" life "}"

static const char *request(size_t i) {
    return test_peer_request(&rig_peer, i);
}

DBK_TEST(m2m_on_the_wire) {
    rig r;
    rig_begin(&r);
    dbk_auth *auth = rig_m2m_with(&r, "at", "3600");
    CHECK_CONTAINS(request(1), "authorization: Basic Y2lkOnMzY3JldC12YWx1ZQ==\r\n");
    CHECK_CONTAINS(request(1), "accept: application/json\r\n");
    CHECK_CONTAINS(request(1), "content-type: application/x-www-form-urlencoded\r\n");
    CHECK_CONTAINS(request(1), "\r\n\r\ngrant_type=client_credentials&scope=all-apis");
    CHECK_CONTAINS(request(1), "ontent-Length: 44\r\n"); /* spec auth 16, 2 */
    CHECK(strstr(request(0), "\r\nauthorization") == NULL);
    CHECK_STR(rig_bearer(&r, auth), "at"); /* no more requests */
    rig_end(&r, auth);
}

DBK_TEST(m2m_refused_settings) {
    static const struct {
        dbk_auth_client client;
        const char *text;
    } rows[] = {
        {{.client_secret = {"s", 1}}, "OAuth M2M auth requires a non-empty client_id"},
        {{.client_id = {"c", 1}}, "OAuth M2M auth requires a non-empty client_secret"},
        {{.client_id = {"c", 1}, .client_secret = {"s", 1}, .token_url = {"http://idp/t", 12}},
         "the token URL is not an https:// URL"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        dbk_auth *auth = NULL;
        dbk_error err = {0};
        CHECK_FAILS(dbk_auth_new_m2m(&(dbk_auth_settings){0}, &rows[i].client, &auth, &err), &err,
                    DBK_INVALID_ARGUMENT, rows[i].text);
        dbk_error_reset(&err);
    }
}

/* What a login server may say, and what becomes of it. */
DBK_TEST(m2m_failures) {
    static const struct {
        const char *name, *discovery, *document, *token, *answer;
        dbk_status code;
        int status;
        const char *text;
    } rows[] = {
        {"wrong secret", "200 OK", RIG_ENDPOINTS, "401 No",
         "{\"error\":\"invalid_client\",\"error_description\":\"no such\"}", DBK_UNAUTHENTICATED,
         401,
         "could not client credentials grant: M2M token exchange failed: Server returned error "
         "response: "
         "invalid_client: no such"},
        {"refused", "200 OK", RIG_ENDPOINTS, "403 No", "{\"error\":\"access_denied\"}",
         DBK_UNAUTHENTICATED, 403, "Server returned error response: access_denied"},
        {"no JSON", "200 OK", RIG_ENDPOINTS, "200 OK", "<html>", DBK_UNAUTHENTICATED, 200,
         "Failed to parse server response"},
        {"an error page", "200 OK", RIG_ENDPOINTS, "400 Bad", "<html>\x01", DBK_UNAUTHENTICATED,
         400, "Failed to parse server response: HTTP 400: <html>?"},
        {"empty token", "200 OK", RIG_ENDPOINTS, "200 OK", "{\"access_token\":\"\"}",
         DBK_UNAUTHENTICATED, 200, "access_token is empty"},
        {"another kind", "200 OK", RIG_ENDPOINTS, "200 OK",
         "{\"access_token\":\"a\",\"token_type\":\"MAC\"}", DBK_UNAUTHENTICATED, 200, "not Bearer"},
        {"a redirect", "200 OK", RIG_ENDPOINTS,
         "302 Found\r\nlocation: https://evil.example/login.html?x=1", "", DBK_UNAUTHENTICATED, 302,
         "redirected to evil.example, which is not followed"},
        {"no discovery", "404 No", "gone", NULL, NULL, DBK_NOT_FOUND, 404, "HTTP 404: gone"},
        {"discovery is a page", "200 OK", "<html>", NULL, NULL, DBK_INTERNAL, 0,
         "Failed to parse OIDC discovery response as JSON"},
        {"discovery moved", "303 Go\r\nlocation: /login.html", "", NULL, NULL, DBK_UNAUTHENTICATED,
         303, "/login.html"},
        {"no endpoint", "200 OK", "{}", NULL, NULL, DBK_DATA_LOSS, 0, "token_endpoint"},
        {"a plain endpoint", "200 OK", "{\"token_endpoint\":\"http://idp.example/t?secret=1\"}",
         NULL, NULL, DBK_INVALID_ARGUMENT, 0,
         "token_endpoint http://idp.example/t is not an https:// URL"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        rig r;
        CHECK_CASE(rows[i].name);
        rig_begin(&r);
        dbk_auth *auth = rig_m2m(&r);
        rig_on(&r, RIG_DISCOVERY, rows[i].discovery, rows[i].document);
        if (rows[i].token != NULL) {
            rig_on(&r, RIG_TOKEN, rows[i].token, rows[i].answer);
        }
        CHECK(rig_bearer(&r, auth) == NULL);
        CHECK_FAILS(r.err.code, &r.err, rows[i].code, rows[i].text);
        CHECK_EQ_I64(r.err.http_status, rows[i].status);
        CHECK(strstr(dbk_error_message(&r.err), "s3cret") == NULL);
        rig_end(&r, auth);
    }
}

/* 503 four times, then silence: bounded, and the clause stays. */
DBK_TEST(m2m_retries) {
    rig r;
    rig_begin(&r);
    r.retry.min_wait_ms = 20;
    dbk_auth *auth = rig_m2m(&r);
    rig_on(&r, RIG_DISCOVERY, "503 Busy", "");
    rig_on(&r, RIG_DISCOVERY, "200 OK", RIG_ENDPOINTS);
    for (int i = 0; i < 4; i++) {
        rig_on(&r, RIG_TOKEN, "503 Busy", "");
    }
    CHECK(rig_bearer(&r, auth) == NULL);
    CHECK_FAILS(r.err.code, &r.err, DBK_UNAUTHENTICATED, "M2M token exchange failed");
    CHECK_EQ_I64(r.err.attempts, 4);
    CHECK(r.err.retryable);
    rig_on(&r, RIG_TOKEN, "429 Slow\r\nretry-after: 2", "");
    rig_on(&r, RIG_TOKEN, "200 OK", TOKEN("at", "3600"));
    uint64_t before = dbk_clock_ms(&r.clock.clock);
    CHECK_STR(rig_bearer(&r, auth), "at");
    CHECK(dbk_clock_ms(&r.clock.clock) - before >= 2000);
    rig_end(&r, auth);
}

/* ---- servers that say nothing: each way ends in bounded time ---- */

static dbk_auth *new_federated(rig *r) {
    static const char foreign[] =
        "eyJhbGciOiJub25lIn0.eyJpc3MiOiJodHRwczovL2lkcC5leGFtcGxlIn0.c2ln";
    dbk_auth *auth = NULL;
    r->settings.federation_client_id = DBK_SLICE("fed");
    r->settings.federation_strict = true;
    CHECK_OK(dbk_auth_new_pat(&r->settings, DBK_SLICE(foreign), 0, &auth, &r->err), &r->err);
    return auth;
}

static dbk_auth *new_azure(rig *r) {
    dbk_auth *auth = NULL;
    dbk_auth_azure azure = {.client_id = DBK_SLICE("cid"), .client_secret = DBK_SLICE("s3cret")};
    CHECK_OK(dbk_auth_new_azure(&r->settings, &azure, &auth, &r->err), &r->err);
    return auth;
}

DBK_TEST(login_servers_that_hang) {
    static const struct {
        const char *name;
        dbk_auth *(*make)(rig *r);
        const char *answered, *document; /* a request that is still answered; NULL: none */
        const char *hangs, *text;
        dbk_status code;
    } rows[] = {
        {"discovery", rig_m2m, NULL, NULL, RIG_DISCOVERY, "OIDC discovery at ", DBK_TIMEOUT},
        {"token endpoint", rig_m2m, RIG_DISCOVERY, RIG_ENDPOINTS, RIG_TOKEN,
         "M2M token exchange failed: Request failed: login request took longer",
         DBK_UNAUTHENTICATED},
        {"exchange", new_federated, NULL, NULL, RIG_TOKEN,
         "Token federation: token exchange: Request failed: login request took longer",
         DBK_UNAUTHENTICATED},
        {"tenant", new_azure, NULL, NULL, "GET /aad/auth ", "login request took longer",
         DBK_TIMEOUT},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        rig r;
        CHECK_CASE(rows[i].name);
        rig_begin(&r);
        dbk_auth *auth = rows[i].make(&r);
        if (rows[i].answered != NULL) {
            rig_on(&r, rows[i].answered, "200 OK", rows[i].document);
        }
        rig_stall(&r, rows[i].hangs);
        uint64_t before = dbk_clock_ms(&r.clock.clock);
        CHECK(rig_bearer(&r, auth) == NULL);
        CHECK_FAILS(r.err.code, &r.err, rows[i].code, rows[i].text);
        CHECK(dbk_clock_ms(&r.clock.clock) - before <= 31000);
        rig_end(&r, auth);
    }
}

/* Spec auth 16, 3 and 4: short lives are used, a stale token is replaced in the background. */
DBK_TEST(token_goes_stale_then_is_replaced) {
    rig r;
    rig_begin(&r);
    dbk_auth *auth = rig_m2m_with(&r, "one", "100");
    rig_pass(&r, 52000);
    rig_on(&r, RIG_TOKEN, "200 OK", TOKEN("two", "100"));
    CHECK_STR(rig_bearer(&r, auth), "one"); /* nobody waits */
    CHECK_STR(rig_bearer(&r, auth), "one"); /* and asking again starts nothing */
    rig_settle(&r);
    CHECK_STR(rig_bearer(&r, auth), "two");
    CHECK_EQ_SIZE(test_peer_request_count(&rig_peer), 3);
    rig_end(&r, auth);
}

DBK_TEST(background_failure_rests) {
    rig r;
    rig_begin(&r);
    dbk_auth *auth = rig_m2m_with(&r, "one", "3600");
    rig_pass(&r, 2500000);
    rig_on(&r, RIG_TOKEN, "400 Bad", "{\"error\":\"invalid_client\"}");
    for (int i = 0; i < 20; i++) { /* one request per minute, not one per statement */
        CHECK_STR(rig_bearer(&r, auth), "one");
        rig_settle(&r);
    }
    rig_pass(&r, 61000);
    rig_on(&r, RIG_TOKEN, "200 OK", TOKEN("two", "3600"));
    CHECK_STR(rig_bearer(&r, auth), "one");
    rig_settle(&r);
    CHECK_STR(rig_bearer(&r, auth), "two");
    rig_end(&r, auth);
}

/* Spec auth 16, 5: however many wait, one request; each is told how it went. */
static void many_wait(size_t count, bool good) {
    rig r;
    dbk_op *ops[64];
    rig_begin(&r);
    dbk_auth *auth = rig_m2m(&r);
    rig_on(&r, RIG_DISCOVERY, "200 OK", RIG_ENDPOINTS);
    rig_on(&r, RIG_TOKEN, good ? "200 OK" : "401 No",
           good ? TOKEN("at", "3600") : "{\"error\":\"invalid_client\"}");
    for (size_t i = 0; i < count; i++) {
        CHECK_OK(dbk_auth_refresh(auth, &ops[i], &r.err), &r.err);
        dbk_op_start(ops[i], NULL, NULL);
    }
    rig_settle(&r);
    for (size_t i = 0; i < count; i++) {
        CHECK(dbk_op_is_done(ops[i]));
        CHECK_EQ_I64(ops[i]->status, good ? DBK_OK : DBK_UNAUTHENTICATED);
        CHECK(good || strstr(dbk_error_message(&ops[i]->err), "invalid_client") != NULL);
        dbk_op_unref(ops[i]);
    }
    CHECK_EQ_SIZE(test_peer_request_count(&rig_peer), 2);
    rig_end(&r, auth);
}

DBK_TEST(many_wait_for_one_request) {
    static const size_t counts[] = {1, 2, 3, 4, 64};
    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        many_wait(counts[i], true);
        many_wait(counts[i], false);
    }
}

DBK_TEST(one_of_many_is_cancelled) {
    rig r;
    dbk_op *ops[3];
    rig_begin(&r);
    dbk_auth *auth = rig_m2m(&r);
    rig_on(&r, RIG_DISCOVERY, "200 OK", RIG_ENDPOINTS);
    rig_stall(&r, RIG_TOKEN);
    for (size_t i = 0; i < COUNT_OF(ops); i++) {
        CHECK_OK(dbk_auth_refresh(auth, &ops[i], &r.err), &r.err);
        dbk_op_start(ops[i], NULL, NULL);
    }
    rig_settle(&r);
    dbk_op_cancel(ops[0]); /* the one that started it */
    rig_settle(&r);
    CHECK_EQ_I64(ops[0]->status, DBK_CANCELLED);
    CHECK(!dbk_op_is_done(ops[1]));
    test_peer_go_on(&rig_peer,
                    "HTTP/1.1 200 OK\r\ncontent-length: 38\r\n\r\n"
                    "{\"access_token\":\"a\",\"expires_in\":3600}",
                    TEST_PEER_KEEP);
    rig_settle(&r);
    CHECK_EQ_I64(ops[1]->status, DBK_OK);
    CHECK_EQ_I64(ops[2]->status, DBK_OK);
    for (size_t i = 0; i < COUNT_OF(ops); i++) {
        dbk_op_unref(ops[i]);
    }
    CHECK_STR(rig_bearer(&r, auth), "a");
    rig_end(&r, auth);
}

DBK_TEST(refused_token_is_replaced_once) {
    rig r;
    rig_begin(&r);
    dbk_auth *auth = rig_m2m_with(&r, "one", "3600");
    dbk_auth_generation first = r.generation;
    rig_on(&r, RIG_TOKEN, "200 OK", TOKEN("two", "3600"));
    CHECK(dbk_auth_refused(auth, first));
    CHECK(dbk_auth_refused(auth, first)); /* another request that had left with it */
    CHECK_STR(rig_bearer(&r, auth), "two");
    CHECK(
        dbk_auth_refused(auth, first)); /* a late one: there is a newer token, nothing is fetched */
    CHECK_STR(rig_bearer(&r, auth), "two");
    rig_end(&r, auth);
}

/* Refusals of the old token that arrive while the next one is on its way ask for nothing more, also when
 * that was started for another reason. */
DBK_TEST(refused_while_the_next_is_fetched) {
    rig r;
    dbk_op *op = NULL;
    rig_begin(&r);
    dbk_auth *auth = rig_m2m_with(&r, "one", "100");
    rig_pass(&r, 60000);
    rig_on(&r, RIG_TOKEN, "200 OK", TOKEN("two", "100"));
    CHECK_STR(rig_bearer(&r, auth), "one"); /* starts the background fetch */
    CHECK(dbk_auth_refused(auth, r.generation));
    CHECK_OK(dbk_auth_refresh(auth, &op, &r.err), &r.err);
    CHECK(op != NULL); /* "one" is not sent again */
    CHECK_OK(rig_run(&r, op), &r.err);
    dbk_op_unref(op);
    CHECK_STR(rig_bearer(&r, auth), "two");
    rig_settle(&r);
    rig_end(&r, auth);
}

DBK_TEST(sessions_share_tokens) {
    rig r;
    rig_begin(&r);
    dbk_auth *auth = rig_m2m(&r);
    dbk_auth *same = rig_m2m(&r);
    dbk_auth *other = NULL;
    dbk_auth_client client = {.client_id = DBK_SLICE("cid"),
                              .client_secret = DBK_SLICE("s3cret-valuf")};
    CHECK_OK(dbk_auth_new_m2m(&r.settings, &client, &other, &r.err), &r.err);
    CHECK(same == auth);
    CHECK(other != auth);
    dbk_auth_unref(other);
    r.settings.origin = DBK_SLICE("http://127.0.0.1:2");
    other = rig_m2m(&r);
    CHECK(other != auth);
    dbk_auth_unref(other);
    dbk_auth_unref(same);
    rig_end(&r, auth);
}

/* ---- 10,000 statements over an hour, tokens of 60 s: one request per life ---- */

enum { HOUR_STATEMENTS = 10000, HOUR_LIVES = 122 };

DBK_TEST(an_hour_of_short_tokens) {
    rig r;
    size_t lives = 0;
    char last[32] = "";
    rig_begin(&r);
    dbk_auth *auth = rig_m2m(&r);
    test_peer_on(&rig_peer, RIG_DISCOVERY,
                 "HTTP/1.1 200 OK\r\ncontent-length: "
                 "43\r\n\r\n{\"token_endpoint\":\"http://127.0.0.1:1/t\"}  ",
                 TEST_PEER_KEEP);
    static char answers[HOUR_LIVES][160];
    for (size_t i = 0; i < HOUR_LIVES; i++) {
        char body[80];
        (void)snprintf(body, sizeof body, "{\"access_token\":\"t%zu\",\"expires_in\":60}", i);
        (void)snprintf(answers[i], sizeof answers[i],
                       "HTTP/1.1 200 OK\r\ncontent-length: %zu\r\n\r\n%s", strlen(body), body);
        test_peer_on(&rig_peer, "POST /t ", answers[i], TEST_PEER_KEEP);
    }
    for (size_t i = 0; i < HOUR_STATEMENTS; i++) {
        const char *token = rig_bearer(&r, auth);
        CHECK(token != NULL);
        lives += strcmp(token, last) != 0 ? 1 : 0;
        (void)snprintf(last, sizeof last, "%s", token);
        rig_settle(&r);
        rig_pass(&r, 360);
    }
    CHECK_EQ_SIZE(test_peer_request_count(&rig_peer), 1 + lives);
    CHECK(lives >= 3600 / 60 && lives <= 3600 / 30 + 1);
    rig_end_early(&r, auth);
}

/* ---- federation: spec auth 7 ---- */

static void make_jwt(const char *claims, char *out, size_t size) {
    dbk_buf b = {0};
    dbk_error err = {0};
    CHECK_OK(dbk_buf_puts(&b, "eyJhbGciOiJub25lIn0.", &err), &err);
    CHECK_OK(dbk_base64url_put(dbk_slice_of(claims), &b, &err), &err);
    CHECK_OK(dbk_buf_puts(&b, ".c2ln", &err), &err);
    (void)snprintf(out, size, "%.*s", (int)b.len, b.ptr);
    dbk_buf_reset(&b);
}

DBK_TEST(federation_decisions) {
    static const struct {
        const char *name, *claims;
        bool exchanged;
    } rows[] = {
        {"foreign", "{\"iss\":\"https://idp.example/x\"}", true},
        {"no URL", "{\"iss\":\"idp.example\"}", true},
        {"same host", "{\"iss\":\"http://127.0.0.1/oidc\"}", false},
        {"upper case", "{\"iss\":\"HTTPS://127.0.0.1/OIDC\"}", false},
        {"another port", "{\"iss\":\"https://127.0.0.1:99/oidc\"}", false},
        {"expired foreign", "{\"iss\":\"https://idp.example\",\"exp\":1}", true},
        {"no iss", "{\"sub\":\"x\"}", false},
        {"iss is no text", "{\"iss\":7}", false},
        {"claims are no object", "[1]", false},
        {"claims are no JSON", "{", false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        rig r;
        char token[400];
        dbk_auth *auth = NULL;
        CHECK_CASE(rows[i].name);
        rig_begin(&r);
        make_jwt(rows[i].claims, token, sizeof token);
        CHECK_OK(dbk_auth_new_pat(&r.settings, dbk_slice_of(token), 0, &auth, &r.err), &r.err);
        if (rows[i].exchanged) {
            rig_on(&r, RIG_TOKEN, "200 OK", TOKEN("inhouse", "3600"));
        }
        CHECK_STR(rig_bearer(&r, auth), rows[i].exchanged ? "inhouse" : token);
        rig_end(&r, auth);
    }
}

static dbk_auth *new_foreign(rig *r, char token[400]) {
    dbk_auth *auth = NULL;
    make_jwt("{\"iss\":\"https://IDP.example/x\"}", token, 400);
    CHECK_OK(dbk_auth_new_pat(&r->settings, dbk_slice_of(token), 0, &auth, &r->err), &r->err);
    return auth;
}

DBK_TEST(federation_on_the_wire) {
    static const struct {
        const char *client_id;
        bool rfc8693;
        const char *form; /* %s is the token */
    } rows[] = {
        {"", false,
         "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=TOKEN&scope="
         "sql"
         "&return_original_token_if_authenticated=true"},
        {"fed", false,
         "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=TOKEN&scope="
         "sql"
         "&identity_federation_client_id=fed"},
        {"fed", true,
         "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange&subject_token=TOKEN"
         "&subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Ajwt&scope=sql"
         "&return_original_token_if_authenticated=true&client_id=fed"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        rig r;
        char token[400];
        char want[900];
        rig_begin(&r);
        r.settings.federation_client_id = dbk_slice_of(rows[i].client_id);
        r.settings.federation_token_exchange = rows[i].rfc8693;
        dbk_auth *auth = new_foreign(&r, token);
        rig_on(&r, RIG_TOKEN, "200 OK", "{\"access_token\":\"inhouse\"}");
        CHECK_STR(rig_bearer(&r, auth), "inhouse");
        const char *at = strstr(rows[i].form, "TOKEN");
        (void)snprintf(want, sizeof want, "\r\n\r\n%.*s%s%s", (int)(at - rows[i].form),
                       rows[i].form, token, at + 5);
        CHECK_CONTAINS(request(0), want);
        CHECK(strstr(request(0), "\r\nauthorization") == NULL);
        rig_end(&r, auth);
    }
}

DBK_TEST(federation_falls_back_and_asks_again_later) {
    rig r;
    char token[400];
    rig_begin(&r);
    dbk_auth *auth = new_foreign(&r, token);
    rig_on(&r, RIG_TOKEN, "401 No", "{\"error\":\"invalid_grant\"}");
    CHECK_STR(rig_bearer(&r, auth), token);
    CHECK_STR(rig_bearer(&r, auth), token); /* one attempt */
    rig_pass(&r, 61000);
    rig_on(&r, RIG_TOKEN, "200 OK", TOKEN("inhouse", "100"));
    CHECK_STR(rig_bearer(&r, auth), token); /* in the background */
    rig_settle(&r);
    CHECK_STR(rig_bearer(&r, auth), "inhouse");
    rig_pass(&r, 80000);
    rig_on(&r, RIG_TOKEN, "200 OK", TOKEN("inhouse2", "100")); /* the same assertion again */
    CHECK_STR(rig_bearer(&r, auth), "inhouse2");
    CHECK_CONTAINS(request(2), token);
    rig_end(&r, auth);
}

DBK_TEST(federation_strict) {
    rig r;
    char token[400];
    rig_begin(&r);
    r.settings.federation_client_id = DBK_SLICE("fed");
    r.settings.federation_strict = true;
    dbk_auth *auth = new_foreign(&r, token);
    rig_on(&r, RIG_TOKEN, "401 No", "{\"error\":\"invalid_grant\"}");
    CHECK(rig_bearer(&r, auth) == NULL);
    CHECK_FAILS(r.err.code, &r.err, DBK_UNAUTHENTICATED,
                "Token federation: token exchange: Server returned");
    rig_on(&r, RIG_TOKEN, "200 OK", TOKEN("inhouse", "100"));
    CHECK_STR(rig_bearer(&r, auth), "inhouse");
    rig_end(&r, auth);
}

/* An M2M token of a foreign issuer: both tokens renew, each when it is its time. */
DBK_TEST(federation_of_fetched_tokens) {
    rig r;
    char token[400];
    char json[600];
    rig_begin(&r);
    make_jwt("{\"iss\":\"https://idp.example\"}", token, sizeof token);
    (void)snprintf(json, sizeof json, "{\"access_token\":\"%s\",\"expires_in\":3600}", token);
    dbk_auth *auth = NULL;
    dbk_auth_client client = {.client_id = DBK_SLICE("c"),
                              .client_secret = DBK_SLICE("s"),
                              .token_url = DBK_SLICE(RIG_ORIGIN "/idp")};
    CHECK_OK(dbk_auth_new_m2m(&r.settings, &client, &auth, &r.err), &r.err);
    rig_on(&r, "POST /idp ", "200 OK", json);
    rig_on(&r, RIG_TOKEN, "200 OK", TOKEN("inhouse", "600"));
    CHECK_STR(rig_bearer(&r, auth), "inhouse");
    rig_pass(&r, 590000);
    rig_on(&r, RIG_TOKEN, "200 OK", TOKEN("inhouse2", "3600")); /* the base still serves */
    CHECK_STR(rig_bearer(&r, auth), "inhouse2");
    CHECK(dbk_auth_refused(auth, r.generation));
    rig_on(&r, "POST /idp ", "200 OK", json); /* refused: everything anew */
    rig_on(&r, RIG_TOKEN, "200 OK", TOKEN("inhouse3", "3600"));
    CHECK_STR(rig_bearer(&r, auth), "inhouse3");
    rig_end(&r, auth);
}

DBK_OOM_TEST(m2m_out_of_memory) {
    dbk_auth *auth = NULL;
    dbk_auth_settings settings = {.origin = DBK_SLICE(RIG_ORIGIN)};
    dbk_auth_client client = {.client_id = DBK_SLICE("cid"), .client_secret = DBK_SLICE("secret")};
    dbk_status st = dbk_auth_new_m2m(&settings, &client, &auth, err);
    dbk_auth_unref(auth);
    return st;
}
