#include "auth/host_probe.h"

#include "auth/auth_rig.h"
#include "net/test_peer.h"
#include "unit.h"

/* Spec spog 4. */
DBK_TEST(host_matrix) {
    static const struct {
        const char *host_type;
        dbk_org_source source;
        int row;
        const char *warning;
    } rows[] = {
        {"unified", DBK_ORG_QUERY, 2, ""},
        {"unified", DBK_ORG_OPTION, 2, ""},
        {"unified", DBK_ORG_NONE, 3, "/sql/1.0/warehouses/<id>?o=<workspace-id>"},
        {"workspace", DBK_ORG_QUERY, 4, "likely ignored"},
        {"accounts", DBK_ORG_QUERY, 4, "likely ignored"},
        {"something new", DBK_ORG_QUERY, 4, "likely ignored"},
        {"workspace", DBK_ORG_NONE, 5, ""},
        {"", DBK_ORG_QUERY, 6, ""},
        {"", DBK_ORG_NONE, 7, ""},
        {"unified", DBK_ORG_MALFORMED, 8, "not a number"},
        {"", DBK_ORG_MALFORMED, 8, "not a number"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *warning = NULL;
        CHECK_CASE(rows[i].host_type);
        CHECK_EQ_I64(dbk_host_matrix(rows[i].host_type, rows[i].source, &warning), rows[i].row);
        CHECK_EQ_I64(warning == NULL, rows[i].warning[0] == '\0');
        CHECK_CONTAINS(warning != NULL ? warning : "", rows[i].warning);
    }
}

DBK_TEST(host_facts) {
    static const struct {
        const char *body;
        bool ok;
        const char *host_type, *account;
    } rows[] = {
        {"{\"host_type\":\"unified\",\"account_id\":\"a-1\",\"new\":[1]}", true, "unified", "a-1"},
        {"{}", true, "", ""},
        {"{\"host_type\":5,\"account_id\":null}", true, "", ""},
        {"{\"host_type\":\"a\\nb\",\"account_id\":\"\"}", true, "", ""},
        {"{\"host_type\":\"longer than the place that there is for it\"}", true, "", ""},
        {"[]", false, "", ""},
        {"\"unified\"", false, "", ""},
        {"<html></html>", false, "", ""},
        {"", false, "", ""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        dbk_host_facts facts = {0};
        CHECK_CASE(rows[i].body);
        CHECK_EQ_I64(dbk_host_facts_parse(dbk_slice_of(rows[i].body), &facts), rows[i].ok);
        CHECK_STR(facts.host_type, rows[i].host_type);
        CHECK_STR(facts.account_id, rows[i].account);
    }
}

/* ---- asking: spec spog 3 ---- */

#define PROBE "GET /.well-known/databricks-config "

static dbk_host_facts probe(rig *r) {
    dbk_host_probe *p = NULL;
    CHECK_OK(dbk_host_probe_new(r->lane, r->http, DBK_SLICE(RIG_ORIGIN), &p, &r->err), &r->err);
    CHECK_OK(rig_run(r, &p->op), &r->err);
    dbk_host_facts facts = p->facts;
    dbk_host_probe_unref(p);
    return facts;
}

DBK_TEST(host_is_asked_once_an_hour) {
    rig r;
    rig_begin(&r);
    rig_on(&r, PROBE, "200 OK", "{\"host_type\":\"unified\"}");
    for (int i = 0; i < 3; i++) {
        dbk_host_facts f = probe(&r);
        CHECK(f.known);
        CHECK_STR(f.host_type, "unified");
    }
    const char *request = test_peer_request(&rig_peer, 0);
    CHECK(strstr(request, "authorization") == NULL && strstr(request, "org-id") == NULL);
    rig_pass(&r, 3600000);
    rig_on(&r, PROBE, "200 OK", "{\"host_type\":\"workspace\"}");
    CHECK_STR(probe(&r).host_type, "workspace");
    rig_end(&r, NULL);
}

/* Spec spog 7, row 40: all of these are an unknown host, remembered for a minute. */
DBK_TEST(host_that_does_not_tell) {
    static const struct {
        const char *name, *status, *body, *why;
        int requests;
        bool known;
    } rows[] = {
        {"gone", "404 No", "{\"host_type\":\"unified\"}", "HTTP 404", 1, false},
        {"moved", "303 Go\r\nlocation: /login", "", "HTTP 303", 1, false},
        {"broken", "500 No", "", "HTTP 500", 2, false},
        {"a page", "200 OK", "<html>", "the answer is no JSON object", 1, false},
        {"a list", "200 OK", "[]", "the answer is no JSON object", 1, false},
        {"another type", "200 OK", "{\"host_type\":5}", "", 1, true},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        rig r;
        CHECK_CASE(rows[i].name);
        rig_begin(&r);
        for (int j = 0; j < rows[i].requests; j++) {
            rig_on(&r, PROBE, rows[i].status, rows[i].body);
        }
        for (int j = 0; j < 2; j++) {
            dbk_host_facts f = probe(&r);
            CHECK(f.known == rows[i].known);
            CHECK_STR(f.host_type, "");
            CHECK_STR(f.why, rows[i].why);
        }
        rig_end(&r, NULL);
    }
}

DBK_TEST(host_that_hangs) {
    rig r;
    rig_begin(&r);
    rig_stall(&r, PROBE);
    rig_stall(&r, PROBE);
    uint64_t before = dbk_clock_ms(&r.clock.clock);
    dbk_host_facts f = probe(&r);
    CHECK(!f.known);
    CHECK_CONTAINS(f.why, "no complete answer within 2000 ms");
    CHECK(dbk_clock_ms(&r.clock.clock) - before <= DBK_PROBE_ALL_MS + 10);
    CHECK(!probe(&r).known); /* nothing more for a minute */
    rig_pass(&r, 60000);
    rig_on(&r, PROBE, "200 OK", "{}");
    CHECK(probe(&r).known);
    rig_end(&r, NULL);
}

/* Spec spog 2 and 7, rows 44 and 45. */
DBK_TEST(host_oidc_roots) {
    static const struct {
        const char *endpoint, *account, *root;
    } rows[] = {
        {"https://h.databricks.com/oidc/accounts/{account_id}", "acc-123",
         "https://h.databricks.com/oidc/accounts/acc-123"},
        {"https://h.databricks.com/oidc/accounts/{account_id}/", "acc-123",
         "https://h.databricks.com/oidc/accounts/acc-123"},
        {"https://H.AzureDatabricks.NET/oidc", "", "https://H.AzureDatabricks.NET/oidc"},
        {"https://h.cloud.databricks.us/oidc", "", "https://h.cloud.databricks.us/oidc"},
        {"https://h.databricks.azure.us:443/oidc", "", "https://h.databricks.azure.us:443/oidc"},
        {"https://h.databricks.azure.cn/oidc", "", "https://h.databricks.azure.cn/oidc"},
        {RIG_ORIGIN "/oidc/accounts/{account_id}", "a", RIG_ORIGIN "/oidc/accounts/a"},
        {"https://h.databricks.com/oidc/accounts/{account_id}", "", ""},
        {"https://h.databricks.com/{account_id}/{account_id}", "a", ""},
        {"https://h.databricks.com/{other}", "a", ""},
        {"http://h.databricks.com/oidc", "a", ""},
        {"https://databricks.com.evil.example/oidc", "a", ""},
        {"https://evildatabricks.com/oidc", "a", ""},
        {"https://evil.example/.databricks.com", "a", ""},
        {"https://h.databricks.com@evil.example/oidc", "a", ""},
        {"https://h.databricks.com/oidc?x={account_id}", "a", ""},
        {"https://127.0.0.1:2/oidc", "a", ""},
        {"https://h.databricks.com/{account_id}", "a/../..?", ""},
        {"javascript:alert(1)", "a", ""},
        {"", "a", ""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        dbk_host_facts facts = {.known = true};
        char root[DBK_OIDC_ROOT_SIZE];
        CHECK_CASE(rows[i].endpoint);
        (void)snprintf(facts.oidc_endpoint, sizeof facts.oidc_endpoint, "%s", rows[i].endpoint);
        (void)snprintf(facts.account_id, sizeof facts.account_id, "%s", rows[i].account);
        dbk_host_oidc_root(&facts, DBK_SLICE(RIG_ORIGIN), root);
        CHECK_STR(root, rows[i].root);
        facts.known = false;
        dbk_host_oidc_root(&facts, DBK_SLICE(RIG_ORIGIN), root);
        CHECK_STR(root, "");
    }
}
