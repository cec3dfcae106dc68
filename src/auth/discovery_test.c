/* Where the login server is: the host's own, or that of the account behind a unified host (spec spog 2). */
#include "auth/auth_rig.h"
#include "net/test_peer.h"
#include "unit.h"

#define PROBE   "GET /.well-known/databricks-config "
#define ACCOUNT "GET /oidc/accounts/acc-123/.well-known/oauth-authorization-server "
#define FACTS(endpoint) \
    "{\"host_type\":\"unified\",\"account_id\":\"acc-123\",\"oidc_endpoint\":\"" endpoint "\"}"
#define OF_ACCOUNT "{\"token_endpoint\":\"" RIG_ORIGIN "/oidc/accounts/acc-123/v1/token\"}"
#define ANSWER     "{\"access_token\":\"at\",\"expires_in\":3600}"

static const char *request(size_t i) {
    return test_peer_request(&rig_peer, i);
}

DBK_TEST(discovery_without_a_workspace_id_asks_the_host) {
    rig r;
    rig_begin(&r);
    dbk_auth *auth = rig_m2m(&r);
    rig_on(&r, RIG_DISCOVERY, "200 OK", RIG_ENDPOINTS);
    rig_on(&r, RIG_TOKEN, "200 OK", ANSWER);
    CHECK_STR(rig_bearer(&r, auth), "at");
    CHECK_EQ_SIZE(test_peer_request_count(&rig_peer), 2);
    rig_end(&r, auth);
}

DBK_TEST(discovery_of_the_account) {
    rig r;
    rig_begin(&r);
    r.settings.org_id = DBK_SLICE("64");
    dbk_auth *auth = rig_m2m(&r);
    rig_on(&r, PROBE, "200 OK", FACTS(RIG_ORIGIN "/oidc/accounts/{account_id}"));
    rig_on(&r, ACCOUNT, "200 OK", OF_ACCOUNT);
    rig_on(&r, "POST /oidc/accounts/acc-123/v1/token ", "200 OK", ANSWER);
    CHECK_STR(rig_bearer(&r, auth), "at");
    for (size_t i = 0; i < test_peer_request_count(&rig_peer); i++) {
        CHECK(strstr(request(i), "org-id") == NULL); /* login servers do not hear of it */
    }
    rig_end(&r, auth);
}

/* Whatever is wrong on the way to the account, the host's own document is next. */
DBK_TEST(discovery_falls_back_to_the_host) {
    static const struct {
        const char *name, *probe_status, *facts, *account_status, *document;
    } rows[] = {
        {"no metadata", "404 No", "", NULL, NULL},
        {"plain http", "200 OK", FACTS("http://h.databricks.com/oidc"), NULL, NULL},
        {"another's", "200 OK", FACTS("https://databricks.com.evil.example/oidc"), NULL, NULL},
        {"no document", "200 OK", FACTS(RIG_ORIGIN "/oidc/accounts/{account_id}"), "404 No", ""},
        {"a page", "200 OK", FACTS(RIG_ORIGIN "/oidc/accounts/{account_id}"), "200 OK", "<html>"},
        {"moved", "200 OK", FACTS(RIG_ORIGIN "/oidc/accounts/{account_id}"),
         "303 Go\r\nlocation: /login.html", ""},
        {"a plain endpoint", "200 OK", FACTS(RIG_ORIGIN "/oidc/accounts/{account_id}"), "200 OK",
         "{\"token_endpoint\":\"http://h.databricks.com/t\"}"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        rig r;
        CHECK_CASE(rows[i].name);
        rig_begin(&r);
        r.settings.org_id = DBK_SLICE("64");
        dbk_auth *auth = rig_m2m(&r);
        rig_on(&r, PROBE, rows[i].probe_status, rows[i].facts);
        if (rows[i].account_status != NULL) {
            rig_on(&r, ACCOUNT, rows[i].account_status, rows[i].document);
        }
        rig_on(&r, RIG_DISCOVERY, "200 OK", RIG_ENDPOINTS);
        rig_on(&r, RIG_TOKEN, "200 OK", ANSWER);
        CHECK_STR(rig_bearer(&r, auth), "at");
        rig_end(&r, auth);
    }
}

/* Spec spog 7, row 39: an OAuth login is delayed by 3 s at most. */
DBK_TEST(discovery_behind_a_probe_that_hangs) {
    rig r;
    rig_begin(&r);
    r.settings.org_id = DBK_SLICE("64");
    dbk_auth *auth = rig_m2m(&r);
    rig_stall(&r, PROBE);
    rig_stall(&r, PROBE);
    rig_on(&r, RIG_DISCOVERY, "200 OK", RIG_ENDPOINTS);
    rig_on(&r, RIG_TOKEN, "200 OK", ANSWER);
    uint64_t before = dbk_clock_ms(&r.clock.clock);
    CHECK_STR(rig_bearer(&r, auth), "at");
    CHECK(dbk_clock_ms(&r.clock.clock) - before <= DBK_PROBE_ALL_MS + 10);
    rig_end(&r, auth);
}

/* A document that never comes costs 10 s, then the host's own counts. */
DBK_TEST(discovery_of_an_account_that_hangs) {
    rig r;
    rig_begin(&r);
    r.settings.org_id = DBK_SLICE("64");
    dbk_auth *auth = rig_m2m(&r);
    rig_on(&r, PROBE, "200 OK", FACTS(RIG_ORIGIN "/oidc/accounts/{account_id}"));
    rig_stall(&r, ACCOUNT);
    rig_on(&r, RIG_DISCOVERY, "200 OK", RIG_ENDPOINTS);
    rig_on(&r, RIG_TOKEN, "200 OK", ANSWER);
    uint64_t before = dbk_clock_ms(&r.clock.clock);
    CHECK_STR(rig_bearer(&r, auth), "at");
    CHECK(dbk_clock_ms(&r.clock.clock) - before <= 10010);
    rig_end(&r, auth);
}

/* The exchange of tokens is the workspace's own: it is told which one, unless that was switched off. */
DBK_TEST(exchange_names_the_workspace) {
    static const char foreign[] =
        "eyJhbGciOiJub25lIn0.eyJpc3MiOiJodHRwczovL2lkcC5leGFtcGxlIn0.c2ln";
    for (int without = 0; without < 2; without++) {
        rig r;
        dbk_auth *auth = NULL;
        rig_begin(&r);
        r.settings.org_id = DBK_SLICE("64");
        r.settings.federation_without_org_id = without != 0;
        CHECK_OK(dbk_auth_new_pat(&r.settings, DBK_SLICE(foreign), 0, &auth, &r.err), &r.err);
        rig_on(&r, RIG_TOKEN, "200 OK", ANSWER);
        CHECK_STR(rig_bearer(&r, auth), "at");
        CHECK((strstr(request(0), "\r\nx-databricks-org-id: 64\r\n") == NULL) == (without != 0));
        rig_end(&r, auth);
    }
}
