#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "auth/auth_rig.h"
#include "net/test_peer.h"
#include "telemetry/internal.h"
#include "unit.h"

#define POST_EVENTS "POST /telemetry-ext "
#define MANY        ((size_t)1000000)
#define FINE        "{\"numProtoSuccess\":1}"

static void keep_nothing(void *keep) {
    (void)keep;
}

typedef struct fixture {
    rig r;
    dbk_auth *auth;
    dbk_telemetry *t;
    dbk_telemetry_settings settings;
} fixture;

static void begin(fixture *f) {
    rig_begin(&f->r);
    dbk_breaker_reset_for_tests();
    dbk_flag_reset_for_tests();
    CHECK_OK(dbk_auth_new_pat(&f->r.settings, DBK_SLICE("secret"), 0, &f->auth, &f->r.err),
             &f->r.err);
    f->settings = (dbk_telemetry_settings){.lane = f->r.lane,
                                           .http = f->r.http,
                                           .auth = f->auth,
                                           .release = keep_nothing,
                                           .rights = DBK_SLICE("secret"),
                                           .batch_size = 3,
                                           .flush_ms = 5000,
                                           .retry_delay_ms = 100,
                                           .close_ms = 5000,
                                           .max_retries = 3,
                                           .breaker_enabled = true,
                                           .breaker_threshold = 2,
                                           .breaker_timeout_ms = 60000};
}

static dbk_telemetry_facts facts_of(const char *agent) {
    return (dbk_telemetry_facts){.origin = DBK_SLICE(RIG_ORIGIN),
                                 .http_path = DBK_SLICE("/sql/1.0/warehouses/w"),
                                 .user_agent = dbk_slice_of(agent),
                                 .workspace_id = DBK_SLICE("987"),
                                 .auth_type = "pat",
                                 .auth_mech = "PAT",
                                 .auth_flow = "TOKEN_PASSTHROUGH"};
}

static void start(fixture *f) {
    dbk_telemetry_facts facts = facts_of("rig");
    CHECK_OK(dbk_telemetry_new(&f->settings, &facts, &f->t, &f->r.err), &f->r.err);
}

static void end(fixture *f) {
    dbk_telemetry_leave(f->t);
    rig_settle(&f->r);
    dbk_telemetry_unref(f->t);
    rig_end(&f->r, f->auth);
}

static dbk_telemetry_event an_event(dbk_status error) {
    dbk_telemetry_event event = DBK_TELEMETRY_EVENT_INIT;
    event.operation = DBK_TELEMETRY_EXECUTE;
    event.kind = DBK_TELEMETRY_KIND_SQL;
    event.session_id = dbk_telemetry_id_of(DBK_SLICE("se"));
    event.statement_id = dbk_telemetry_id_of(DBK_SLICE("st"));
    event.error = error;
    return event;
}

static void tell(fixture *f, size_t count, dbk_status error) {
    dbk_telemetry_event event = an_event(error);
    for (size_t i = 0; i < count; i++) {
        dbk_telemetry_tell(f->t, &event);
    }
    rig_settle(&f->r);
}

static void pass(fixture *f, uint64_t ms) {
    rig_pass(&f->r, ms);
    rig_settle(&f->r);
}

static dbk_telemetry_counts counts(fixture *f) {
    dbk_telemetry_counts c;
    (void)f;
    dbk_telemetry_measure(DBK_SLICE(RIG_ORIGIN), &c);
    return c;
}

DBK_TEST(a_full_batch_leaves_at_once_and_the_rest_by_the_clock) {
    fixture f;
    begin(&f);
    start(&f);
    rig_on(&f.r, POST_EVENTS, "200 OK", FINE);
    tell(&f, 2, DBK_OK);
    CHECK(test_peer_request_count(&rig_peer) == 0);
    tell(&f, 2, DBK_OK);
    CHECK(test_peer_request_count(&rig_peer) == 1 && counts(&f).sent == 3);
    rig_on(&f.r, POST_EVENTS, "200 OK", "garbage");
    pass(&f, 5000);
    CHECK(counts(&f).sent == 4 && counts(&f).queued == 0);
    pass(&f, 50000);
    CHECK(test_peer_request_count(&rig_peer) == 2); /* nothing to say */
    const char *request = test_peer_request(&rig_peer, 0);
    CHECK(strcasestr(request, "authorization: Bearer secret\r\n") != NULL);
    CHECK(strcasestr(request, "content-type: application/json\r\n") != NULL);
    CHECK(strstr(request, "\"items\":[]") != NULL &&
          strstr(request, "\\\"workspace_id\\\":987") != NULL);
    end(&f);
}

DBK_TEST(passing_failures_are_tried_again_and_others_are_not) {
    static const struct {
        const char *status;
        uint64_t tries;
    } rows[] = {{"500 No", 4}, {"503 No", 4}, {"429 No", 4}, {"408 No", 4}, {"400 No", 1},
                {"401 No", 1}, {"403 No", 1}, {"404 No", 1}, {"413 No", 1}, {"301 Moved", 1}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        fixture f;
        CHECK_CASE(rows[i].status);
        begin(&f);
        start(&f);
        for (uint64_t k = 0; k < rows[i].tries; k++) {
            rig_on(&f.r, POST_EVENTS, rows[i].status, "{}");
        }
        tell(&f, 3, DBK_OK);
        for (int k = 0; k < 5; k++) {
            pass(&f, 200);
        }
        CHECK(test_peer_request_count(&rig_peer) == rows[i].tries);
        CHECK(counts(&f).dropped_failed == 3 && counts(&f).queued == 0);
        end(&f);
    }
}

/* All attempts together may take as long as a close waits: spec telemetry.md 6. */
DBK_TEST(attempts_end_with_the_time_that_a_close_waits) {
    static const struct {
        const char *name;
        uint64_t close_ms;
        size_t at_least, at_most;
    } rows[] = {{"a hundred", 100, 1, 1}, {"five seconds", 5000, 4, 5}, {"a minute", 60000, 7, 7}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        fixture f;
        CHECK_CASE(rows[i].name);
        begin(&f);
        f.settings.max_retries = 6;
        f.settings.retry_delay_ms = 1000; /* and up to a quarter more */
        f.settings.close_ms = rows[i].close_ms;
        start(&f);
        for (size_t k = 0; k < rows[i].at_most; k++) {
            rig_on(&f.r, POST_EVENTS, "503 No", "{}");
        }
        tell(&f, 3, DBK_OK);
        for (int k = 0; k < 8; k++) {
            pass(&f, 1250);
        }
        test_peer_excuse(&rig_peer);
        size_t tries = test_peer_request_count(&rig_peer);
        CHECK(tries >= rows[i].at_least && tries <= rows[i].at_most);
        CHECK(counts(&f).dropped_failed == 3 && counts(&f).queued == 0);
        end(&f);
    }
}

DBK_TEST(an_open_breaker_sends_nothing) {
    fixture f;
    begin(&f);
    f.settings.max_retries = 0;
    start(&f);
    rig_on(&f.r, POST_EVENTS, "503 No", "{}");
    rig_on(&f.r, POST_EVENTS, "503 No", "{}");
    tell(&f, 3, DBK_OK);
    tell(&f, 3, DBK_OK);
    tell(&f, 3, DBK_OK);
    CHECK(test_peer_request_count(&rig_peer) == 2 && counts(&f).dropped_open == 3);
    pass(&f, 60000);
    rig_on(&f.r, POST_EVENTS, "200 OK", FINE);
    tell(&f, 3, DBK_OK);
    CHECK(counts(&f).sent == 3);
    end(&f);
}

DBK_TEST(events_before_a_silent_server_take_bounded_memory_and_are_counted) {
    fixture f;
    begin(&f);
    start(&f);
    rig_stall(&f.r, POST_EVENTS);
    tell(&f, 3, DBK_OK); /* they hang */
    tell(&f, 1, DBK_INTERNAL);
    dbk_telemetry_event event = an_event(DBK_OK);
    for (size_t i = 0; i < MANY; i++) {
        dbk_telemetry_tell(f.t, &event);
    }
    dbk_telemetry_counts c = counts(&f);
    CHECK(c.queued == 1000 && c.dropped_full == MANY + 1 - 1000);
    const dbk_telemetry_item *oldest =
        DBK_CONTAINER_OF(f.t->pipe->queue.head.next, dbk_telemetry_item, node);
    CHECK(oldest->event.error == DBK_INTERNAL);
    end(&f);
}

static void note(void *ctx) {
    *(bool *)ctx = true;
}

DBK_TEST(flushing_waits_for_no_batch) {
    fixture f;
    bool idle = false;
    begin(&f);
    start(&f);
    CHECK(!dbk_telemetry_flush(f.t, note, &idle) && !idle);
    rig_on(&f.r, POST_EVENTS, "200 OK", FINE);
    tell(&f, 1, DBK_OK);
    (void)dbk_telemetry_flush(f.t, note, &idle);
    rig_settle(&f.r);
    CHECK(counts(&f).sent == 1);
    end(&f);
}

DBK_TEST(who_has_left_neither_waits_nor_sends) {
    fixture f;
    begin(&f);
    start(&f);
    rig_stall(&f.r, POST_EVENTS);
    tell(&f, 3, DBK_OK);
    dbk_pipe *pipe = dbk_pipe_of(f.t);
    dbk_telemetry_leave(f.t);
    rig_settle(&f.r);
    CHECK(pipe->exporter == NULL && f.t->pipe == NULL);
    dbk_pipe_unref(pipe);
    tell(&f, 3, DBK_OK);
    CHECK(test_peer_request_count(&rig_peer) == 1 && counts(&f).queued == 0);
    end(&f);
}

/* ---- several sessions ---- */

/* A session like f's, with another token and another id. */
static dbk_telemetry *join(fixture *f, dbk_auth *auth, const char *rights, const char *agent) {
    dbk_telemetry *t = NULL;
    dbk_telemetry_settings settings = f->settings;
    settings.auth = auth;
    settings.rights = dbk_slice_of(rights);
    dbk_telemetry_facts facts = facts_of(agent);
    CHECK_OK(dbk_telemetry_new(&settings, &facts, &t, &f->r.err), &f->r.err);
    return t;
}

static void leave(fixture *f, dbk_telemetry *t) {
    dbk_telemetry_leave(t);
    rig_settle(&f->r);
    dbk_telemetry_unref(t);
}

static void tell_to(fixture *f, dbk_telemetry *t, const char *session) {
    dbk_telemetry_event event = an_event(DBK_OK);
    event.session_id = dbk_telemetry_id_of(dbk_slice_of(session));
    dbk_telemetry_tell(t, &event);
    rig_settle(&f->r);
}

static bool request_has(size_t i, const char *text) {
    return strstr(test_peer_request(&rig_peer, i), text) != NULL;
}

DBK_TEST(sessions_of_one_principal_share_their_posts) {
    fixture f;
    begin(&f);
    start(&f);
    dbk_telemetry *b = join(&f, f.auth, "secret", "rig");
    CHECK(f.t->pipe == b->pipe);
    rig_on(&f.r, POST_EVENTS, "200 OK", FINE);
    tell_to(&f, f.t, "first");
    tell_to(&f, b, "second");
    tell_to(&f, f.t, "first");
    CHECK(test_peer_request_count(&rig_peer) == 1 && counts(&f).sent == 3);
    CHECK(request_has(0, "\\\"session_id\\\":\\\"first\\\"") &&
          request_has(0, "\\\"session_id\\\":\\\"second\\\""));
    leave(&f, b);
    CHECK(f.t->pipe != NULL);
    end(&f);
}

DBK_TEST(another_principal_or_user_agent_has_a_queue_of_its_own) {
    fixture f;
    dbk_auth *other = NULL;
    begin(&f);
    start(&f);
    CHECK_OK(dbk_auth_new_pat(&f.r.settings, DBK_SLICE("theirs"), 0, &other, &f.r.err), &f.r.err);
    dbk_telemetry *b = join(&f, other, "theirs", "rig");
    dbk_telemetry *c = join(&f, f.auth, "secret", "another");
    CHECK(f.t->pipe != b->pipe && f.t->pipe != c->pipe && b->pipe != c->pipe);
    rig_on(&f.r, POST_EVENTS, "200 OK", FINE);
    for (int i = 0; i < 3; i++) {
        tell_to(&f, b, "b");
    }
    CHECK(request_has(0, "Bearer theirs") && !request_has(0, "Bearer secret"));
    leave(&f, b);
    leave(&f, c);
    dbk_auth_unref(other);
    end(&f);
}

/* The peer goes on with the token of a session that is gone. */
DBK_TEST(nothing_is_sent_with_the_token_of_a_closed_session) {
    fixture f;
    dbk_auth *fresh = NULL;
    begin(&f);
    start(&f); /* token "secret" */
    CHECK_OK(dbk_auth_new_pat(&f.r.settings, DBK_SLICE("fresh"), 0, &fresh, &f.r.err), &f.r.err);
    dbk_telemetry *b = join(&f, fresh, "secret", "rig"); /* the same principal */
    CHECK(f.t->pipe == b->pipe);
    tell_to(&f, f.t, "first");
    dbk_telemetry_leave(f.t);
    rig_settle(&f.r);
    rig_on(&f.r, POST_EVENTS, "200 OK", FINE);
    tell_to(&f, b, "second");
    tell_to(&f, b, "second");
    CHECK(request_has(0, "Bearer fresh") && !request_has(0, "Bearer secret"));
    CHECK(request_has(0, "\\\"session_id\\\":\\\"first\\\""));
    leave(&f, b);
    dbk_auth_unref(fresh);
    end(&f);
}

DBK_TEST(a_session_with_a_new_principal_takes_its_events_along) {
    fixture f;
    begin(&f);
    start(&f);
    dbk_telemetry *b = join(&f, f.auth, "secret", "rig");
    tell_to(&f, f.t, "a");
    tell_to(&f, b, "b");
    dbk_telemetry_change_rights(f.t, DBK_SLICE("somebody else"));
    rig_settle(&f.r);
    CHECK(f.t->pipe != b->pipe && f.t->pipe->queued == 1 && b->pipe->queued == 1);
    rig_on(&f.r, POST_EVENTS, "200 OK", FINE);
    tell_to(&f, f.t, "a");
    tell_to(&f, f.t, "a");
    CHECK(!request_has(0, "\\\"b\\\""));
    leave(&f, b);
    end(&f);
}

DBK_TEST(a_close_waits_for_its_own_events_only) {
    fixture f;
    bool idle = false;
    begin(&f);
    f.settings.batch_size = 100;
    start(&f);
    dbk_telemetry *b = join(&f, f.auth, "secret", "rig");
    tell_to(&f, b, "b");
    rig_on(&f.r, POST_EVENTS, "200 OK", FINE);
    CHECK(dbk_telemetry_flush(b, note, &idle));
    rig_settle(&f.r);
    CHECK(idle && counts(&f).sent == 1);
    tell_to(&f, f.t, "a"); /* waits for the clock again */
    CHECK(counts(&f).queued == 1);
    leave(&f, b);
    end(&f);
}

/* ---- the server's flag ---- */

#define GET_FLAGS "GET /api/2.0/connector-service/feature-flags/ADBC/"
#define FLAGS(value)                                                                \
    "{\"flags\":[{\"name\":\"databricks.partnerplatform.clientConfigsFeatureFlags." \
    "enableTelemetryForAdbc\",\"value\":\"" value "\"}],\"ttl_seconds\":900}"

static void begin_asking(fixture *f) {
    begin(f);
    f->settings.ask_flag = true;
    start(f);
}

DBK_TEST(the_servers_flag_decides) {
    static const struct {
        const char *status, *answer;
        bool on;
    } rows[] = {{"200 OK", FLAGS("true"), true},   {"200 OK", FLAGS("TRUE"), true},
                {"200 OK", FLAGS("false"), false}, {"200 OK", "{\"flags\":[]}", false},
                {"200 OK", "garbage", false},      {"500 No", "{}", false},
                {"403 No", FLAGS("true"), false}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        fixture f;
        CHECK_CASE(rows[i].answer);
        begin_asking(&f);
        rig_on(&f.r, GET_FLAGS, rows[i].status, rows[i].answer);
        if (rows[i].on) {
            rig_on(&f.r, POST_EVENTS, "200 OK", FINE);
        }
        tell(&f, 3, DBK_OK);
        pass(&f, 5000);
        CHECK(counts(&f).sent == (rows[i].on ? 3u : 0u));
        CHECK(counts(&f).dropped_off == (rows[i].on ? 0u : 3u) && counts(&f).queued == 0);
        tell(&f, 1, DBK_OK); /* off: not even gathered */
        CHECK(counts(&f).queued == (rows[i].on ? 1u : 0u));
        end(&f);
    }
}

DBK_TEST(many_sessions_ask_for_the_flag_once) {
    fixture f;
    dbk_telemetry *others[20];
    char rights[32];
    begin_asking(&f);
    rig_stall(&f.r, GET_FLAGS);
    tell(&f, 1, DBK_OK);
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        (void)snprintf(rights, sizeof rights, "principal %zu", i);
        others[i] = join(&f, f.auth, rights, "rig");
        tell_to(&f, others[i], "x");
    }
    CHECK_EQ_I64((int64_t)test_peer_request_count(&rig_peer), 1);
    CHECK_EQ_I64((int64_t)counts(&f).queued, 21);
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        leave(&f, others[i]);
    }
    end(&f);
}

/* flags.c alone: times are its arguments. */
DBK_TEST(a_flag_counts_for_its_time_and_stays_when_the_server_fails) {
    static const struct {
        const char *ttl;
        uint64_t ms;
    } rows[] = {{"5", 60000}, {"99999", 3600000}, {"900", 900000}, {"-1", 900000}};
    dbk_flag flag = {0};
    dbk_error err = {0};
    char body[256];
    bool fetch = false;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        dbk_flag_reset_for_tests();
        CHECK_OK(dbk_flag_set(&flag, DBK_SLICE("https://h"), DBK_SLICE("X"), DBK_SLICE("y"), &err),
                 &err);
        CHECK(dbk_flag_ask(&flag, 1, &fetch) == DBK_FLAG_WAIT && fetch);
        CHECK(dbk_flag_ask(&flag, 1, &fetch) == DBK_FLAG_WAIT && !fetch);
        (void)snprintf(body, sizeof body,
                       "{\"flags\":[{\"name\":\"%s\",\"value\":\"true\"}],\"ttl_seconds\":%s}",
                       flag.name.ptr, rows[i].ttl);
        dbk_flag_came(&flag, dbk_slice_of(body), 1);
        CHECK(dbk_flag_ask(&flag, rows[i].ms, &fetch) == DBK_FLAG_ON && !fetch);
        CHECK(dbk_flag_ask(&flag, rows[i].ms + 1, &fetch) == DBK_FLAG_ON && fetch);
        dbk_flag_failed(&flag, rows[i].ms + 1);
        CHECK(dbk_flag_ask(&flag, rows[i].ms + 60000, &fetch) == DBK_FLAG_ON && !fetch);
        CHECK(dbk_flag_ask(&flag, rows[i].ms + 60001, &fetch) == DBK_FLAG_ON && fetch);
        dbk_flag_gave_up(&flag);
    }
    dbk_flag_reset(&flag);
}

DBK_TEST(a_flag_that_never_came_is_off_for_a_minute) {
    dbk_flag flag = {0};
    dbk_error err = {0};
    bool fetch = false;
    dbk_flag_reset_for_tests();
    CHECK_OK(dbk_flag_set(&flag, DBK_SLICE("https://h"), (dbk_slice){0}, (dbk_slice){0}, &err),
             &err);
    (void)dbk_flag_ask(&flag, 5, &fetch);
    dbk_flag_failed(&flag, 5);
    CHECK(dbk_flag_ask(&flag, 60004, &fetch) == DBK_FLAG_OFF && !fetch);
    CHECK(dbk_flag_ask(&flag, 60005, &fetch) == DBK_FLAG_WAIT && fetch);
    dbk_flag_gave_up(&flag);
    dbk_flag_reset(&flag);
}

/* What was being found out while the process forked is found out in the child too: nobody there ever says how it
 * ended. */
DBK_TEST(a_forked_child_asks_for_itself) {
    static const dbk_breaker_rules rules = {1, 1000};
    fixture f;
    dbk_flag flag = {0};
    bool fetch = false;
    begin(&f);
    start(&f);
    dbk_breaker_key host = dbk_breaker_key_of(DBK_SLICE("https://h"));
    CHECK_OK(dbk_flag_set(&flag, DBK_SLICE("https://h"), DBK_SLICE("X"), DBK_SLICE("y"), &f.r.err),
             &f.r.err);
    CHECK(dbk_flag_ask(&flag, 1, &fetch) == DBK_FLAG_WAIT && fetch);
    dbk_breaker_failed(host, &rules, 1, 0);
    CHECK(dbk_breaker_ask(host, 1001) == DBK_BREAKER_GO);
    pid_t child = fork();
    CHECK(child >= 0);
    bool asks = dbk_flag_ask(&flag, 1, &fetch) == DBK_FLAG_WAIT && fetch &&
                dbk_breaker_ask(host, 1001) == DBK_BREAKER_GO;
    if (child == 0) {
        _exit(asks ? 0 : 1);
    }
    int status = -1;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    CHECK(!asks && !fetch && dbk_breaker_ask(host, 1001) == DBK_BREAKER_WAIT);
    dbk_flag_reset(&flag);
    end(&f);
}

/* ---- what may be said ---- */

DBK_TEST(ids_that_are_none_do_not_leave) {
    static const char *const bad[] = {"a b", "x\"y", "https://h/", "\xff", "a/b", "é"};
    char long_one[200];
    memset(long_one, 'a', sizeof long_one);
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        CHECK(dbk_telemetry_id_of(dbk_slice_of(bad[i])).text[0] == '\0');
    }
    CHECK(dbk_telemetry_id_of(dbk_slice_n(long_one, sizeof long_one)).text[0] == '\0');
    CHECK_STR(dbk_telemetry_id_of(DBK_SLICE("01ef-Ab_c.9")).text, "01ef-Ab_c.9");
}

DBK_TEST(a_post_is_bounded_in_bytes) {
    fixture f;
    dbk_str long_name = {0};
    char text[257];
    memset(text, 'n', 256);
    text[256] = '\0';
    begin(&f);
    f.settings.batch_size = 1000;
    CHECK_OK(dbk_str_set(&long_name, dbk_slice_of(text), &f.r.err), &f.r.err);
    dbk_telemetry_facts facts = facts_of("rig");
    for (size_t i = 0; i < DBK_TELEMETRY_IDENTITY; i++) {
        facts.identity[i] = &long_name;
    }
    CHECK_OK(dbk_telemetry_new(&f.settings, &facts, &f.t, &f.r.err), &f.r.err);
    for (int i = 0; i < 5; i++) {
        rig_on(&f.r, POST_EVENTS, "200 OK", FINE);
    }
    tell(&f, 400, DBK_OK);
    for (int i = 0; i < 5; i++) {
        pass(&f, 5000);
    }
    test_peer_excuse(&rig_peer);
    CHECK(counts(&f).sent == 400);
    CHECK(test_peer_request_count(&rig_peer) > 1);
    for (size_t i = 0; i < test_peer_request_count(&rig_peer); i++) {
        const char *length = strcasestr(test_peer_request(&rig_peer, i), "content-length: ");
        CHECK(length != NULL && strtoul(length + 16, NULL, 10) <= 512 * 1024 + 2);
    }
    dbk_str_reset(&long_name);
    end(&f);
}

/* ---- threads: under the thread sanitizer, too ---- */

enum { THREADS = 16, SESSIONS = 112, HOSTS = 10, EVENTS = 50 };

typedef struct crowd {
    fixture f;
    dbk_lane *lane;
    atomic_size_t next;
} crowd;

static int refuse(void *ctx, struct sockaddr *address, unsigned *address_len) {
    (void)ctx;
    (void)address;
    (void)address_len;
    return -1;
}

static void live(crowd *c, size_t session) {
    char origin[32];
    dbk_error err = {0};
    dbk_auth *auth = NULL;
    dbk_telemetry *t = NULL;
    dbk_auth_settings auth_settings = {.lane = c->lane, .http = c->f.r.http};
    dbk_telemetry_settings settings = c->f.settings;
    dbk_telemetry_facts facts = facts_of("rig");
    dbk_telemetry_event event = an_event(session % 3 == 0 ? DBK_SQL : DBK_OK);
    (void)snprintf(origin, sizeof origin, "http://127.0.0.1:%zu", session % HOSTS + 1);
    facts.origin = dbk_slice_of(origin);
    CHECK_OK(dbk_auth_new_pat(&auth_settings, DBK_SLICE("secret"), 0, &auth, &err), &err);
    settings.lane = c->lane;
    settings.auth = auth;
    CHECK_OK(dbk_telemetry_new(&settings, &facts, &t, &err), &err);
    dbk_auth_unref(auth);
    for (size_t i = 0; i < EVENTS; i++) {
        dbk_telemetry_tell(t, &event);
        if (i == EVENTS / 2 && session % 5 == 0) {
            dbk_telemetry_change_rights(t, DBK_SLICE("renewed"));
        }
    }
    dbk_telemetry_leave(t);
    dbk_telemetry_unref(t);
}

static void *live_sessions(void *ctx) {
    crowd *c = ctx;
    for (size_t i = atomic_fetch_add(&c->next, 1); i < SESSIONS;
         i = atomic_fetch_add(&c->next, 1)) {
        live(c, i);
    }
    return NULL;
}

DBK_TEST(a_hundred_sessions_on_ten_hosts_from_many_threads) {
    static crowd c;
    pthread_t threads[THREADS];
    char origin[32];
    uint64_t told = 0;
    begin(&c.f);
    c.f.settings.max_retries = 1;
    c.f.settings.retry_delay_ms = 0;
    atomic_init(&c.next, 0);
    CHECK_OK(dbk_lane_new("telemetry", DBK_LANE_THREADED, &dbk_clock_system, &c.lane, &c.f.r.err),
             &c.f.r.err);
    dbk_lane_set_socket_opener(c.lane, refuse, NULL);
    for (size_t i = 0; i < THREADS; i++) {
        CHECK(pthread_create(&threads[i], NULL, live_sessions, &c) == 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    dbk_lane_free(c.lane); /* what was under way is counted now */
    for (size_t i = 1; i <= HOSTS; i++) {
        dbk_telemetry_counts n;
        (void)snprintf(origin, sizeof origin, "http://127.0.0.1:%zu", i);
        dbk_telemetry_measure(dbk_slice_of(origin), &n);
        CHECK(n.queued == 0 && n.sent == 0);
        told += n.dropped_full + n.dropped_open + n.dropped_failed;
    }
    CHECK_EQ_I64((int64_t)told, SESSIONS * EVENTS);
    rig_end(&c.f.r, c.f.auth);
}

DBK_TEST(the_environment_switches_it_off) {
    static const struct {
        const char *name, *value;
        bool killed;
    } rows[] = {{"DATABRICKS_TELEMETRY_DISABLED", "on", true},
                {"DATABRICKS_TELEMETRY_DISABLED", "TRUE", true},
                {"DATABRICKS_TELEMETRY_DISABLED", "0", false},
                {"DATABRICKS_TELEMETRY_DISABLED", "maybe", false},
                {"DO_NOT_TRACK", "1", true},
                {"DO_NOT_TRACK", "0", false},
                {"DO_NOT_TRACK", "", false}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CHECK_CASE(rows[i].value);
        (void)setenv(rows[i].name, rows[i].value, 1);
        CHECK(dbk_telemetry_killed() == rows[i].killed);
        (void)unsetenv(rows[i].name);
    }
    CHECK(!dbk_telemetry_killed());
}
