#include "auth/auth.h"

#include "auth/auth_rig.h"
#include "auth/form.h"
#include "auth/grant.h"
#include "auth/jwt.h"
#include "unit.h"

/* ---- personal access tokens ---- */

static dbk_auth *new_pat(const char *token) {
    dbk_auth *auth = NULL;
    dbk_error err = {0};
    CHECK_OK(dbk_auth_new_pat(&(dbk_auth_settings){0}, dbk_slice_of(token), 0, &auth, &err), &err);
    return auth;
}

static dbk_status put(dbk_auth *auth, dbk_buf *lines, dbk_error *err) {
    size_t count = 0;
    dbk_auth_generation generation = 0;
    dbk_status st = dbk_auth_put_lines(auth, lines, &count, &generation, err);
    CHECK(st != DBK_OK || count == 1);
    return st;
}

DBK_TEST(pat_line) {
    dbk_auth *auth = new_pat("dapi0123");
    dbk_error err = {0};
    dbk_buf lines = {0};
    CHECK_OK(put(auth, &lines, &err), &err);
    CHECK_STR(lines.ptr, "authorization: Bearer dapi0123");
    dbk_buf_wipe(&lines);
    dbk_auth_unref(auth);
}

/* Growing would leave the token in freed memory. */
DBK_TEST(pat_line_has_room_for_its_end) {
    char token[512];
    dbk_error err = {0};
    for (size_t len = 1; len < sizeof token; len++) {
        memset(token, 'x', len);
        token[len] = '\0';
        dbk_auth *auth = new_pat(token);
        dbk_buf lines = {0};
        CHECK_OK(put(auth, &lines, &err), &err);
        CHECK_EQ_SIZE(strlen(lines.ptr), 22 + len);
        CHECK(lines.len <= lines.cap);
        dbk_buf_wipe(&lines);
        dbk_auth_unref(auth);
    }
}

DBK_TEST(pat_never_waits) {
    dbk_auth *auth = new_pat("dapi0123");
    dbk_error err = {0};
    dbk_op *op = NULL;
    CHECK_OK(dbk_auth_refresh(auth, &op, &err), &err);
    CHECK(op == NULL);
    CHECK(!dbk_auth_refused(auth, 0)); /* there is no other */
    dbk_auth_unref(auth);
}

DBK_TEST(pat_refused_tokens) {
    static const struct {
        const char *name;
        dbk_slice token;
        const char *text;
    } rows[] = {
        {"empty", {"", 0}, "PAT auth requires a non-empty access token"},
        {"no pointer", {NULL, 0}, "PAT auth requires a non-empty access token"},
        {"line feed at the end",
         {"dapi\n", 5},
         "access token contains control characters or whitespace"},
        {"header injection", {"a\r\nx: y", 7}, "access token contains control characters"},
        {"NUL inside", {"a\0b", 3}, "access token contains control characters"},
        {"delete", {"a\x7f", 2}, "access token contains control characters"},
        {"blank", {" ", 1}, "access token contains control characters"},
        {"blank inside", {"a b", 3}, "access token contains control characters"},
        {"not ASCII", {"a\xc3\xa9", 3}, "access token contains control characters"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        dbk_auth *auth = NULL;
        dbk_error err = {0};
        CHECK_CASE(rows[i].name);
        CHECK_FAILS(dbk_auth_new_pat(&(dbk_auth_settings){0}, rows[i].token, 0, &auth, &err), &err,
                    DBK_INVALID_ARGUMENT, rows[i].text);
        CHECK(auth == NULL);
        CHECK(strstr(dbk_error_message(&err), "dapi") == NULL);
        dbk_error_reset(&err);
    }
}

/* Spec auth 16, 19: a server that repeats the token. */
DBK_TEST(tokens_are_taken_out_of_errors) {
    static const struct {
        const char *token, *text, *shown;
    } rows[] = {
        {"opaque-token-1", "bad opaque-token-1, opaque-token-1!", "bad [REDACTED], [REDACTED]!"},
        {"opaque-token-1", "opaque-token-1", "[REDACTED]"},
        {"tok4", "is tok4 here", "is **** here"},
        {"tok", "tok is a part of words", "tok is a part of words"},
        {"opaque-token-1", "another token", "another token"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        dbk_auth *auth = new_pat(rows[i].token);
        dbk_error err = {0};
        CHECK_CASE(rows[i].text);
        (void)dbk_error_set(&err, DBK_UNAUTHENTICATED, "%s", rows[i].text);
        dbk_auth_scrub(auth, &err);
        CHECK_STR(dbk_error_message(&err), rows[i].shown);
        dbk_auth_unref(auth);
    }
}

DBK_TEST(pat_references) {
    dbk_auth *auth = new_pat("t");
    dbk_auth *again = dbk_auth_ref(auth);
    CHECK(again == auth);
    dbk_auth_unref(again);
    dbk_error err = {0};
    dbk_buf lines = {0};
    CHECK_OK(put(auth, &lines, &err), &err); /* still alive */
    dbk_buf_wipe(&lines);
    dbk_auth_unref(auth);
    dbk_auth_unref(NULL);
}

DBK_OOM_TEST(pat_out_of_memory) {
    dbk_auth *auth = NULL;
    dbk_buf lines = {0};
    dbk_status st = dbk_auth_new_pat(&(dbk_auth_settings){0}, DBK_SLICE("dapi0123"), 0, &auth, err);
    if (st == DBK_OK) {
        st = put(auth, &lines, err);
    }
    dbk_buf_wipe(&lines);
    dbk_auth_unref(auth);
    return st;
}

DBK_TEST(pat_is_replaced) {
    rig r;
    dbk_auth *auth = NULL;
    rig_begin(&r);
    CHECK_OK(dbk_auth_new_pat(&r.settings, DBK_SLICE("one"), 0, &auth, &r.err), &r.err);
    CHECK_STR(rig_bearer(&r, auth), "one");
    CHECK_FAILS(dbk_auth_set_token(auth, DBK_SLICE("t\no"), 0, &r.err), &r.err,
                DBK_INVALID_ARGUMENT, "control characters");
    CHECK_STR(rig_bearer(&r, auth), "one");
    CHECK_OK(dbk_auth_set_token(auth, DBK_SLICE("two"), 0, &r.err), &r.err);
    CHECK(dbk_auth_refused(auth, r.generation)); /* a request that left with "one" may try "two" */
    CHECK_STR(rig_bearer(&r, auth), "two");
    rig_end(&r, auth);
}

DBK_TEST(pat_with_an_end) {
    rig r;
    dbk_auth *auth = NULL;
    rig_begin(&r);
    int64_t now_s = r.clock.now_wall_ms / 1000;
    CHECK_OK(dbk_auth_new_pat(&r.settings, DBK_SLICE("one"), now_s + 100, &auth, &r.err), &r.err);
    CHECK_STR(rig_bearer(&r, auth), "one");
    rig_pass(&r, 99000);
    CHECK_STR(rig_bearer(&r, auth), "one"); /* to its last second: nobody else renews it */
    rig_pass(&r, 1000);
    CHECK(rig_bearer(&r, auth) == NULL);
    CHECK_FAILS(r.err.code, &r.err, DBK_UNAUTHENTICATED,
                "the access token has expired (2027-01-15T08:01:40Z)");
    CHECK_OK(dbk_auth_set_token(auth, DBK_SLICE("two"), now_s + 400, &r.err), &r.err);
    CHECK_STR(rig_bearer(&r, auth), "two");
    rig_end(&r, auth);
}

/* ---- forms ---- */

DBK_TEST(basic_lines) {
    static const struct {
        const char *id, *secret, *line;
    } rows[] = {
        {"cid", "sec ret&=\xc3\xa9", "authorization: Basic Y2lkOnNlYytyZXQlMjYlM0QlQzMlQTk="},
        {"cid", "a:b", "authorization: Basic Y2lkOmElM0Fi"},
        {"", "", "authorization: Basic Og=="},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        dbk_secret line = {0};
        dbk_error err = {0};
        CHECK_CASE(rows[i].secret);
        CHECK_OK(
            dbk_basic_line(dbk_slice_of(rows[i].id), dbk_slice_of(rows[i].secret), &line, &err),
            &err);
        CHECK_STR(line.ptr, rows[i].line);
        dbk_secret_reset(&line);
    }
}

DBK_TEST(base64url_both_ways) {
    static const struct {
        const char *plain, *coded;
    } rows[] = {
        {"", ""}, {"f", "Zg"}, {"fo", "Zm8"}, {"foo", "Zm9v"}, {"\xfb\xff", "-_8"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        dbk_buf out = {0};
        dbk_buf back = {0};
        dbk_error err = {0};
        CHECK_CASE(rows[i].coded);
        CHECK_OK(dbk_base64url_put(dbk_slice_of(rows[i].plain), &out, &err), &err);
        CHECK_SLICE(out, rows[i].coded);
        CHECK(dbk_base64url_read(dbk_buf_slice(&out), &back));
        CHECK_SLICE(back, rows[i].plain);
        dbk_buf_reset(&out);
        dbk_buf_reset(&back);
    }
    static const char *const bad[] = {"a", "Zg==", "Z+8", "Z/8", "Zg!", "abcde"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        dbk_buf back = {0};
        CHECK_CASE(bad[i]);
        CHECK(!dbk_base64url_read(dbk_slice_of(bad[i]), &back));
        dbk_buf_reset(&back);
    }
}

DBK_TEST(scopes) {
    static const struct {
        const char *given, *joined;
    } rows[] = {
        {NULL, "all-apis"}, {"", "all-apis"}, {" , ", "all-apis"},
        {"a", "a"},         {"a,b", "a b"},   {" a  b,c ", "a b c"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        dbk_str out = {0};
        dbk_error err = {0};
        CHECK_OK(dbk_scopes_join(dbk_slice_of(rows[i].given), "all-apis", &out, &err), &err);
        CHECK_STR(out.ptr, rows[i].joined);
        dbk_str_reset(&out);
    }
}

DBK_TEST(safe_urls) {
    static const struct {
        const char *url;
        bool safe;
    } rows[] = {
        {"https://h/x", true},
        {"HTTPS://h", true},
        {"http://h/x", false},
        {"http://localhost:80/x", true},
        {"http://127.0.0.1/x", true},
        {"http://[::1]:8/x", true},
        {"http://localhost.evil/", false},
        {"http://127.0.0.1@evil/", false},
        {"ftp://h", false},
        {"", false},
        {"https://", false},
        {"javascript:alert(1)", false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CHECK_CASE(rows[i].url);
        CHECK(dbk_url_safe(dbk_slice_of(rows[i].url)) == rows[i].safe);
    }
}

/* ---- answers of token endpoints ---- */

DBK_TEST(grant_answers) {
    static const struct {
        const char *body;
        int64_t life_s; /* -1: refused */
        const char *why;
    } rows[] = {
        {"{\"access_token\":\"a\",\"token_type\":\"Bearer\",\"expires_in\":3600}", 3600, NULL},
        {"{\"access_token\":\"a\",\"token_type\":\"bearer\",\"expires_in\":\"60\"}", 60, NULL},
        {"{\"access_token\":\"a\"}", 3600, NULL},
        {"{\"access_token\":\"a\",\"expires_in\":null,\"token_type\":null,\"x\":{}}", 3600, NULL},
        {"{\"access_token\":\"a\",\"expires_in\":0}", 0, NULL},
        {"{\"access_token\":\"a\",\"expires_in\":59.5}", 59, NULL},
        {"{\"access_token\":\"a\",\"expires_in\":1e300}", 316224000, NULL},
        {"{\"access_token\":\"a\",\"expires_in\":-1}", -1, "expires_in"},
        {"{\"access_token\":\"a\",\"expires_in\":\"soon\"}", -1, "expires_in"},
        {"{\"access_token\":\"a\",\"expires_in\":true}", -1, "expires_in"},
        {"{\"access_token\":\"a\",\"token_type\":\"MAC\"}", -1, "token_type"},
        {"{\"access_token\":\"\"}", -1, "access_token is empty"},
        {"{\"access_token\":\"a\\nb\"}", -1, "control characters"},
        {"{\"access_token\":7}", -1, "access_token"},
        {"{\"token_type\":\"Bearer\"}", -1, "access_token"},
        {"[]", -1, "access_token"},
        {"<html>", -1, ""},
        {"", -1, ""},
    };
    dbk_clock_manual clock;
    dbk_clock_manual_init(&clock, 0);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        dbk_token t = {0};
        dbk_error err = {0};
        CHECK_CASE(rows[i].body);
        dbk_status st = dbk_grant_parse(dbk_slice_of(rows[i].body), &clock.clock,
                                        dbk_clock_ms(&clock.clock), &t, &err);
        if (rows[i].life_s < 0) {
            CHECK_FAILS(st, &err, DBK_DATA_LOSS, rows[i].why);
        } else {
            CHECK_OK(st, &err);
            CHECK_EQ_I64(dbk_token_left_ms(&t, &clock.clock) / 1000, rows[i].life_s);
        }
        dbk_token_reset(&t);
        dbk_error_reset(&err);
    }
}

/* ---- the age of a token: spec auth 10 ---- */

DBK_TEST(token_ages) {
    static const struct {
        int64_t life_s, passed_s;
        dbk_token_state state;
    } rows[] = {
        {3600, 0, DBK_TOKEN_FRESH},      {3600, 2400, DBK_TOKEN_FRESH},
        {3600, 2401, DBK_TOKEN_STALE},   {3600, 3560, DBK_TOKEN_STALE},
        {3600, 3561, DBK_TOKEN_EXPIRED}, {100, 50, DBK_TOKEN_FRESH},
        {100, 52, DBK_TOKEN_STALE},      {100, 75, DBK_TOKEN_STALE},
        {100, 76, DBK_TOKEN_EXPIRED},    {60, 29, DBK_TOKEN_FRESH},
        {60, 31, DBK_TOKEN_STALE},       {60, 46, DBK_TOKEN_EXPIRED},
        {0, 0, DBK_TOKEN_EXPIRED},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        dbk_clock_manual clock;
        dbk_token t = {0};
        dbk_error err = {0};
        dbk_clock_manual_init(&clock, 1000);
        CHECK_OK(dbk_secret_set(&t.access, DBK_SLICE("a"), &err), &err);
        dbk_token_set_life(&t, &clock.clock, dbk_clock_ms(&clock.clock),
                           (uint64_t)rows[i].life_s * 1000);
        dbk_clock_manual_advance(&clock, (uint64_t)rows[i].passed_s * 1000);
        CHECK_EQ_I64(dbk_token_judge(&t, &clock.clock), rows[i].state);
        dbk_token_reset(&t);
    }
}

/* A machine that slept: the monotonic clock stood still, the wall clock went on. */
DBK_TEST(token_ages_while_asleep) {
    dbk_clock_manual clock;
    dbk_token t = {0};
    dbk_error err = {0};
    dbk_clock_manual_init(&clock, 1000);
    CHECK_OK(dbk_secret_set(&t.access, DBK_SLICE("a"), &err), &err);
    dbk_token_set_life(&t, &clock.clock, dbk_clock_ms(&clock.clock), 3600000);
    clock.now_wall_ms += 3600000;
    CHECK_EQ_I64(dbk_token_judge(&t, &clock.clock), DBK_TOKEN_EXPIRED);
    clock.now_wall_ms -= 7200000; /* and a clock that was put back changes nothing */
    CHECK_EQ_I64(dbk_token_judge(&t, &clock.clock), DBK_TOKEN_FRESH);
    dbk_token_reset(&t);
}

/* Azure's service for this machine gives the token, and with a resource id the one for management. */
DBK_TEST(the_identity_of_this_machine) {
    rig r;
    rig_begin(&r);
    dbk_auth *auth = NULL;
    dbk_auth_azure identity = {.managed_identity = true, .client_id = DBK_SLICE("user one")};
    CHECK_EQ_I64(setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", RIG_ORIGIN "/", 1), 0);
    CHECK_OK(dbk_auth_new_azure(&r.settings, &identity, &auth, &r.err), &r.err);
    rig_on(&r,
           "GET /metadata/identity/oauth2/token?api-version=2018-02-01&"
           "resource=2ff814a6-3304-4ab8-85cb-cd0e6f879c1d&client_id=user+one ",
           "200 OK",
           "{\"access_token\":\"mine\",\"expires_in\":\"3600\",\"token_type\":\"Bearer\"}");
    CHECK_STR(rig_bearer(&r, auth), "mine");
    rig_pass(&r, 3590000);
    rig_on(&r, "metadata: true", "400 Bad Request",
           "{\"error\":\"invalid_request\",\"error_description\":\"Identity not found\"}");
    CHECK(rig_bearer(&r, auth) == NULL);
    CHECK_STR(dbk_error_message(&r.err),
              "Azure managed identity: Server returned error response: invalid_request: Identity "
              "not found (token endpoint on 127.0.0.1:1)");
    (void)unsetenv("AZURE_POD_IDENTITY_AUTHORITY_HOST");
    rig_end(&r, auth);
}
