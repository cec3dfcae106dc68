#include "net/retry.h"

#include "unit.h"

static const dbk_retry_policy quick = {100, 1000, 3, 10000};

/* ---- whether: spec sea-protocol 11, design 5 ---- */

typedef struct answer {
    dbk_http_outcome outcome;
    bool sent;
    int status;
    const char *retry_after;
    int proxy_status;
} answer;

static bool decide(const answer *a, dbk_effect effect, uint64_t *wait_ms) {
    dbk_http_response r = {.outcome = a->outcome,
                           .request_sent = a->sent,
                           .status = a->status,
                           .proxy_status = a->proxy_status,
                           .date_unix_s = -1};
    (void)snprintf(r.retry_after, sizeof r.retry_after, "%s",
                   a->retry_after != NULL ? a->retry_after : "");
    dbk_retry_input in = {
        .policy = &dbk_retry_default, .response = &r, .effect = effect, .attempts_made = 1};
    return dbk_retry_decide(&in, wait_ms);
}

DBK_TEST(retry_by_status) {
    static const struct {
        int status;
        bool read, unsafe;
    } rows[] = {
        {200, false, false}, {201, false, false}, {204, false, false}, {299, false, false},
        {301, false, false}, {302, false, false}, {307, false, false}, {400, false, false},
        {401, false, false}, {402, true, false},  {403, false, false}, {404, false, false},
        {405, false, false}, {406, true, false},  {407, false, false}, {408, true, false},
        {409, false, false}, {410, false, false}, {411, false, false}, {412, false, false},
        {413, false, false}, {414, false, false}, {415, false, false}, {416, false, false},
        {417, true, false},  {422, true, false},  {425, true, false},  {429, true, true},
        {499, true, false},  {500, true, false},  {501, true, false},  {502, true, false},
        {503, true, false},  {504, true, false},  {599, true, false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "%d", rows[i].status);
        CHECK_CASE(name);
        answer a = {DBK_HTTP_ANSWERED, true, rows[i].status, NULL, 0};
        uint64_t wait = 7;
        CHECK_EQ_I64(decide(&a, DBK_EFFECT_UNSAFE, &wait), rows[i].unsafe);
        CHECK_EQ_I64(wait == 7, !rows[i].unsafe); /* untouched when it is not sent again */
        wait = 7;
        CHECK_EQ_I64(decide(&a, DBK_EFFECT_NONE, &wait), rows[i].read);
        CHECK_EQ_I64(wait == 7, !rows[i].read);
    }
}

DBK_TEST(retry_by_outcome) {
    static const struct {
        const char *name;
        answer a;
        bool read, unsafe;
    } rows[] = {
        {"503 with seconds", {DBK_HTTP_ANSWERED, true, 503, "1", 0}, true, true},
        {"503 with a text", {DBK_HTTP_ANSWERED, true, 503, "soon", 0}, true, true},
        {"500 with Retry-After", {DBK_HTTP_ANSWERED, true, 500, "1", 0}, true, false},
        {"504 with Retry-After", {DBK_HTTP_ANSWERED, true, 504, "1", 0}, true, false},
        {"400 with Retry-After", {DBK_HTTP_ANSWERED, true, 400, "1", 0}, false, false},
        {"200 with Retry-After", {DBK_HTTP_ANSWERED, true, 200, "1", 0}, false, false},
        {"unreachable", {DBK_HTTP_UNREACHABLE, false, 0, NULL, 0}, true, true},
        {"proxy wants credentials", {DBK_HTTP_UNREACHABLE, false, 0, NULL, 407}, false, false},
        {"proxy forbids", {DBK_HTTP_UNREACHABLE, false, 0, NULL, 403}, false, false},
        {"proxy is unwell", {DBK_HTTP_UNREACHABLE, false, 0, NULL, 502}, true, true},
        {"certificate", {DBK_HTTP_TLS, false, 0, NULL, 0}, false, false},
        {"broken", {DBK_HTTP_BROKEN, true, 0, NULL, 0}, true, false},
        {"broken in a 200", {DBK_HTTP_BROKEN, true, 200, NULL, 0}, true, false},
        {"broken in a 429", {DBK_HTTP_BROKEN, true, 429, "1", 0}, true, false},
        {"broken before it left", {DBK_HTTP_BROKEN, false, 0, NULL, 0}, true, true},
        {"timed out", {DBK_HTTP_TIMED_OUT, true, 0, NULL, 0}, true, false},
        {"timed out before it left", {DBK_HTTP_TIMED_OUT, false, 0, NULL, 0}, true, true},
        {"stalled", {DBK_HTTP_STALLED, true, 200, NULL, 0}, true, false},
        {"refused by us", {DBK_HTTP_REFUSED, true, 200, NULL, 0}, false, false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        uint64_t wait = 0;
        CHECK_CASE(rows[i].name);
        CHECK_EQ_I64(decide(&rows[i].a, DBK_EFFECT_NONE, &wait), rows[i].read);
        CHECK_EQ_I64(decide(&rows[i].a, DBK_EFFECT_UNSAFE, &wait), rows[i].unsafe);
    }
}

/* ---- when ---- */

static dbk_http_response busy(const char *retry_after, int64_t date) {
    dbk_http_response r = {
        .outcome = DBK_HTTP_ANSWERED, .request_sent = true, .status = 503, .date_unix_s = date};
    (void)snprintf(r.retry_after, sizeof r.retry_after, "%s", retry_after);
    return r;
}

/* Without jitter: 5 % or 50 ms is what random 0 adds. */
static uint64_t without_jitter(uint64_t wait_ms) {
    return wait_ms <= 1050 ? wait_ms - 50 : wait_ms - wait_ms / 21;
}

DBK_TEST(retry_backoff) {
    static const uint64_t want[] = {2000, 4000, 8000, 16000, 32000};
    dbk_http_response r = busy("", -1);
    dbk_retry_input in = {.policy = &dbk_retry_default, .response = &r};
    for (uint32_t made = 1; made <= 6; made++) {
        uint64_t wait = 0;
        in.attempts_made = made;
        CHECK_EQ_I64(dbk_retry_decide(&in, &wait), made < 6);
        if (made < 6) {
            CHECK_EQ_U64(without_jitter(wait), want[made - 1]);
        }
    }
    in.attempts_made = UINT32_MAX;
    uint64_t wait = 0;
    CHECK(!dbk_retry_decide(&in, &wait));
}

DBK_TEST(retry_jitter_bounds) {
    dbk_http_response r = busy("", -1);
    dbk_retry_input in = {.policy = &dbk_retry_default, .response = &r, .attempts_made = 3};
    uint64_t low = UINT64_MAX;
    uint64_t high = 0;
    for (uint32_t random = 0; random < 1000; random++) {
        uint64_t wait = 0;
        in.random = random * 2654435761u;
        CHECK(dbk_retry_decide(&in, &wait));
        low = dbk_min_u64(low, wait);
        high = dbk_max_u64(high, wait);
    }
    CHECK_EQ_U64(low, 8000 + 8000 * 5 / 100);
    CHECK_EQ_U64(high, 8000 + 8000 * 25 / 100);
    in.policy = &quick; /* at least 50 ms */
    in.attempts_made = 1;
    in.random = 20;
    uint64_t wait = 0;
    CHECK(dbk_retry_decide(&in, &wait));
    CHECK_EQ_U64(wait, 250);
}

DBK_TEST(retry_limits) {
    static const struct {
        const char *name;
        dbk_retry_policy policy;
        uint32_t made;
        uint64_t elapsed;
        bool want;
        uint64_t wait;
    } rows[] = {
        {"zero attempts are one", {100, 1000, 0, 10000}, 1, 0, false, 0},
        {"one attempt", {100, 1000, 1, 10000}, 1, 0, false, 0},
        {"two attempts", {100, 1000, 2, 10000}, 1, 0, true, 250},
        {"the budget just suffices", {100, 1000, 5, 1250}, 1, 1000, true, 250},
        {"the budget does not", {100, 1000, 5, 1249}, 1, 1000, false, 0},
        {"the budget is spent", {100, 1000, 5, 1000}, 1, 2000, false, 0},
        {"no budget", {100, 1000, 5, 0}, 1, 0, false, 0},
        {"no end", {100, 1000, 5, UINT64_MAX}, 1, UINT64_MAX / 2, true, 250},
        {"no minimum", {0, 1000, 5, 10000}, 1, 0, true, 52},
        {"minimum above maximum", {2000, 1000, 5, 10000}, 1, 0, true, 2100},
        {"for ever is a day",
         {UINT64_MAX, UINT64_MAX, UINT32_MAX, UINT64_MAX},
         UINT32_MAX - 1,
         0,
         true,
         86400000 + 86400000 / 20},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        dbk_http_response r = busy("", -1);
        dbk_retry_input in = {.policy = &rows[i].policy,
                              .response = &r,
                              .attempts_made = rows[i].made,
                              .elapsed_ms = rows[i].elapsed};
        uint64_t wait = 0;
        CHECK_CASE(rows[i].name);
        CHECK_EQ_I64(dbk_retry_decide(&in, &wait), rows[i].want);
        CHECK_EQ_U64(wait, rows[i].wait);
    }
}

DBK_TEST(retry_after_wins_within_limits) {
    enum { NOON = 784123200 }; /* Sun, 06 Nov 1994 12:00:00 GMT */
    static const struct {
        const char *name, *text;
        int64_t date; /* of the answer */
        int64_t wall; /* ours */
        uint64_t want;
    } rows[] = {
        {"seconds", "7", -1, 0, 7000},
        {"below the minimum", "0", -1, 0, 1000},
        {"above the maximum", "86400", -1, 0, 60000},
        {"far above", "18446744073709551615", -1, 0, 60000},
        {"unreadable: backoff", "soon", -1, 0, 2000},
        {"fraction: backoff", "1.5", -1, 0, 2000},
        {"date, our clock", "Sun, 06 Nov 1994 12:00:09 GMT", -1, NOON, 9000},
        {"date, the server's clock wins", "Sun, 06 Nov 1994 12:00:09 GMT", NOON + 4, 0, 5000},
        {"date in the past", "Sun, 06 Nov 1994 11:59:00 GMT", NOON, 0, 1000},
        {"date far ahead", "Fri, 31 Dec 9999 23:59:59 GMT", NOON, 0, 60000},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        dbk_http_response r = busy(rows[i].text, rows[i].date);
        dbk_retry_input in = {.policy = &dbk_retry_default,
                              .response = &r,
                              .effect = DBK_EFFECT_UNSAFE,
                              .attempts_made = 1,
                              .wall_ms = rows[i].wall * 1000};
        uint64_t wait = 0;
        CHECK_CASE(rows[i].name);
        CHECK(dbk_retry_decide(&in, &wait));
        CHECK_EQ_U64(without_jitter(wait), rows[i].want);
    }
}

DBK_TEST(retry_after_values) {
    static const struct {
        const char *name, *text;
        int64_t now;
        bool ok;
        uint64_t want_ms;
    } rows[] = {
        {"seconds", "3", 0, true, 3000},
        {"zero", "0", 0, true, 0},
        {"blanks", " \t3 ", 0, true, 3000},
        {"leading zeros", "007", 0, true, 7000},
        {"a day", "86400", 0, true, 86400000},
        {"too long for milliseconds", "18446744073709551615", 0, true, UINT64_MAX},
        {"does not fit in 64 bits", "99999999999999999999", 0, false, 7},
        {"negative", "-1", 0, false, 7},
        {"plus", "+1", 0, false, 7},
        {"fraction", "1.5", 0, false, 7},
        {"trailing text", "3s", 0, false, 7},
        {"two numbers", "3 4", 0, false, 7},
        {"empty", "", 0, false, 7},
        {"blank", "  ", 0, false, 7},
        {"date", "Sun, 06 Nov 1994 08:49:37 GMT", 784111770, true, 7000},
        {"date now", "Sun, 06 Nov 1994 08:49:37 GMT", 784111777, true, 0},
        {"date past", "Sun, 06 Nov 1994 08:49:37 GMT", 784111778, true, 0},
        {"date and a clock before 1970", "Thu, 01 Jan 1970 00:00:01 GMT", -1, true, 2000},
        {"date and no clock at all", "Thu, 01 Jan 1970 00:00:00 GMT", INT64_MIN / 4000, true,
         (uint64_t)(INT64_MAX / 4000) * 1000},
        {"obsolete date", "Sunday, 06-Nov-94 08:49:37 GMT", 0, false, 7},
        {"local time", "Sun, 06 Nov 1994 08:49:37 PST", 0, false, 7},
        {"impossible date", "Sun, 32 Nov 1994 08:49:37 GMT", 0, false, 7},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        uint64_t got_ms = 7; /* must stay when the text is refused */
        CHECK_CASE(rows[i].name);
        CHECK_EQ_I64(dbk_retry_after_parse(rows[i].text, rows[i].now, &got_ms), rows[i].ok);
        CHECK_EQ_U64(got_ms, rows[i].want_ms);
    }
}
