#include "telemetry/breaker.h"

#include "unit.h"

static const dbk_breaker_rules rules = {3, 60000};

DBK_TEST(opens_after_failures_in_a_row_and_lets_one_probe_through) {
    dbk_breaker_key a = dbk_breaker_key_of(DBK_SLICE("https://a")),
                    b = dbk_breaker_key_of(DBK_SLICE("https://b"));
    dbk_breaker_reset_for_tests();
    for (int i = 0; i < 3; i++) {
        CHECK(dbk_breaker_ask(a, 1000) == DBK_BREAKER_GO);
        dbk_breaker_failed(a, &rules, 1000, 0);
    }
    CHECK(dbk_breaker_ask(a, 60999) == DBK_BREAKER_DROP);
    CHECK(dbk_breaker_ask(b, 60999) == DBK_BREAKER_GO);
    CHECK(dbk_breaker_ask(a, 61000) == DBK_BREAKER_GO);
    CHECK(dbk_breaker_ask(a, 61000) == DBK_BREAKER_WAIT);
    dbk_breaker_failed(a, &rules, 61000, 0);
    CHECK(dbk_breaker_ask(a, 120999) == DBK_BREAKER_DROP);
    CHECK(dbk_breaker_ask(a, 121000) == DBK_BREAKER_GO);
    dbk_breaker_worked(a);
    dbk_breaker_failed(a, &rules, 121000, 0);
    dbk_breaker_failed(a, &rules, 121000, 0);
    CHECK(dbk_breaker_ask(a, 121000) == DBK_BREAKER_GO);
}

DBK_TEST(a_success_starts_the_count_anew) {
    dbk_breaker_key a = dbk_breaker_key_of(DBK_SLICE("https://a"));
    dbk_breaker_reset_for_tests();
    for (int i = 0; i < 6; i++) {
        CHECK(dbk_breaker_ask(a, 5) == DBK_BREAKER_GO);
        if (i % 3 == 2) {
            dbk_breaker_worked(a);
        } else {
            dbk_breaker_failed(a, &rules, 5, 0);
        }
    }
    CHECK(dbk_breaker_ask(a, 5) == DBK_BREAKER_GO);
}

DBK_TEST(rests_as_long_as_the_server_asks_within_bounds) {
    dbk_breaker_key a = dbk_breaker_key_of(DBK_SLICE("https://a"));
    dbk_breaker_reset_for_tests();
    for (int i = 0; i < 3; i++) {
        dbk_breaker_failed(a, &rules, 0, 120000);
    }
    CHECK(dbk_breaker_ask(a, 119999) == DBK_BREAKER_DROP);
    CHECK(dbk_breaker_ask(a, 120000) == DBK_BREAKER_GO);
    dbk_breaker_failed(a, &rules, 120000, UINT64_MAX);
    CHECK(dbk_breaker_ask(a, 1019999) == DBK_BREAKER_DROP);
    CHECK(dbk_breaker_ask(a, 1020000) == DBK_BREAKER_GO);
    dbk_breaker_gave_up(a);
    CHECK(dbk_breaker_ask(a, 1020000) == DBK_BREAKER_GO);
}

DBK_TEST(the_table_is_bounded) {
    dbk_breaker_reset_for_tests();
    for (int i = 0; i < 1000; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "https://%d", i);
        CHECK(dbk_breaker_ask(dbk_breaker_key_of(dbk_slice_of(name)), 1) == DBK_BREAKER_GO);
    }
}
