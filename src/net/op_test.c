#include "net/op.h"

#include <sched.h>
#include <stdio.h>

#include "net/test_peer.h"
#include "unit.h"

/* ---- a machine whose way is written down: it notes each step in a log ---- */

enum { WAY_START, WAY_TIMER, WAY_CHILD, WAY_PARK, WAY_END };

typedef struct way {
    dbk_op op;
    char name;
    const char *plan; /* one letter per step, see next_step */
    size_t at;
    struct way *child; /* owned reference, the next one to be waited for */
    uint64_t pause_ms;
    bool free_in_done;
    bool silent;     /* not in the journal: others run beside it */
    bool keep_child; /* the child outlives a cancel */
    struct way *victim;
    int child_done;
} way;

static char journal[4096];
static dbk_clock_manual clock_now;
static dbk_lane *lane;
static atomic_size_t alive; /* ways that were not destroyed */
static struct {
    pthread_t thread;
    bool runs_loop;   /* did a step run on it? */
    atomic_bool back; /* from its call */
} caller;

static void note(const way *w, char what) {
    if (w->silent) {
        return;
    }
    size_t n = strlen(journal);
    (void)snprintf(journal + n, sizeof journal - n, "%c%c ", w->name, what);
}

static way *way_of(dbk_op *op) {
    return DBK_CONTAINER_OF(op, way, op);
}

static dbk_step next_step(dbk_op *op) {
    way *w = way_of(op);
    char what = w->plan[w->at];
    w->at += what != '\0' ? 1 : 0;
    note(w, what != '\0' ? what : '.');
    switch (what) {
    case 't': /* a timer */
        return dbk_op_wait_ms(op, w->pause_ms, WAY_TIMER);
    case 'h': /* looks who runs it */
        caller.runs_loop = pthread_equal(caller.thread, pthread_self()) != 0;
        return dbk_op_goto(op, WAY_START);
    case 'b': /* busy for longer than a caller keeps the loop; what follows is due at once */
        for (uint64_t until = dbk_lane_now_ms(lane) + 25; dbk_lane_now_ms(lane) < until;) {
        }
        return dbk_op_wait_ms(op, 0, WAY_TIMER);
    case 's': /* a timer, and another operation's right after it */
        (void)dbk_op_wait_ms(op, 0, WAY_TIMER);
        dbk_op_start(&w->victim->op, NULL, NULL);
        return DBK_STEP_WAIT;
    case 'w': /* keeps the lane until the caller is back */
        while (!atomic_load(&caller.back)) {
            sched_yield();
        }
        return dbk_op_goto(op, WAY_START);
    case 'l': /* the last one who needs the lane */
        dbk_lane_free(op->lane);
        return dbk_op_goto(op, WAY_START);
    case 'g': /* straight on */
        return dbk_op_goto(op, WAY_START);
    case 'c': /* a child */
        return dbk_op_wait_op(op, &w->child->op, WAY_CHILD);
    case 'y': /* a child that may fail */
        return dbk_op_try_op(op, &w->child->op, WAY_CHILD);
    case 'p': /* until woken */
        return dbk_op_wait_wake(op, WAY_PARK);
    case 'f': /* fails */
        (void)dbk_error_set(&op->err, DBK_UNAVAILABLE, "%c failed", w->name);
        op->err.may_have_executed = true;
        return dbk_op_finish(op, DBK_UNAVAILABLE);
    case 'F': /* fails without a word */
        return dbk_op_finish(op, DBK_INTERNAL);
    case 'k': /* cancels itself and waits */
        dbk_op_cancel(op);
        return dbk_op_wait_ms(op, w->pause_ms, WAY_TIMER);
    case 'x': /* its parent is cancelled at the moment it ends */
        dbk_op_cancel(&w->victim->op);
        return dbk_op_finish(op, DBK_OK);
    case 'm': /* knows something of the statement, waits */
        op->err.may_have_executed = true;
        dbk_error_set_query_id(&op->err, "q1");
        return dbk_op_wait_ms(op, w->pause_ms, WAY_TIMER);
    default:
        return dbk_op_finish(op, DBK_OK);
    }
}

static void on_done(dbk_op *op, void *ctx);

static void way_cancelled(dbk_op *op) {
    way *w = way_of(op);
    note(w, '!');
    if (w->keep_child) {
        w->keep_child = dbk_op_detach_child(op, on_done, &w->child_done) != NULL;
    }
}

static void way_destroy(dbk_op *op) {
    way *w = way_of(op);
    if (w->child != NULL) {
        dbk_op_unref(&w->child->op);
    }
    alive--;
    dbk_free(w);
}

#define ANYWHERE \
    (DBK_TO(WAY_START) | DBK_TO(WAY_TIMER) | DBK_TO(WAY_CHILD) | DBK_TO(WAY_PARK) | DBK_TO(WAY_END))
static const dbk_state way_states[] = {
    [WAY_START] = {"start", next_step, ANYWHERE},
    [WAY_TIMER] = {"timer", next_step, ANYWHERE},
    [WAY_CHILD] = {"child", next_step, ANYWHERE},
    [WAY_PARK] = {"park", next_step, ANYWHERE},
    [WAY_END] = {"end", next_step, 0},
};
static const dbk_machine way_machine = {"way", way_states, 5, way_cancelled, way_destroy};

static way *new_way(char name, const char *plan, way *child) {
    way *w = dbk_alloc_zero(sizeof *w);
    dbk_op_init(&w->op, &way_machine, lane);
    w->name = name;
    w->plan = plan;
    w->pause_ms = 10;
    w->child = child;
    alive++;
    return w;
}

static void set_up(void) {
    dbk_error err = {0};
    journal[0] = '\0';
    dbk_clock_manual_init(&clock_now, 0);
    CHECK_OK(dbk_lane_new("test", DBK_LANE_EMBEDDED, &clock_now.clock, &lane, &err), &err);
    alive = 0;
}

static void tear_down(void) {
    dbk_lane_free(lane);
    CHECK_EQ_SIZE(alive, 0);
    lane = NULL;
}

static void on_done(dbk_op *op, void *ctx) {
    way *w = way_of(op);
    note(w, '*');
    CHECK(dbk_op_is_done(op));
    CHECK_EQ_I64(op->status == DBK_OK, op->err.code == DBK_OK);
    *(int *)ctx += 1;
    if (w->free_in_done) {
        dbk_op_unref(op);
    }
}

static void turn(void) {
    for (int i = 0; i < 3; i++) {
        dbk_lane_run_once(lane);
    }
}

static void advance(uint64_t ms) {
    dbk_clock_manual_advance(&clock_now, ms);
    turn();
}

/* ---- ways to the end ---- */

DBK_TEST(op_ways) {
    static const struct {
        const char *name, *plan, *child, *grandchild; /* of: a, b, c */
        dbk_status want;
        const char *journal, *message;
    } rows[] = {
        {"at once", "", NULL, NULL, DBK_OK, "a. a* ", NULL},
        {"gotos", "gg", NULL, NULL, DBK_OK, "ag ag a. a* ", NULL},
        {"timers", "tt", NULL, NULL, DBK_OK, "at at a. a* ", NULL},
        {"fails", "tf", NULL, NULL, DBK_UNAVAILABLE, "at af a* ", "a failed"},
        {"fails silently", "F", NULL, NULL, DBK_INTERNAL, "aF a* ", "way failed"},
        {"child at once", "c", "", NULL, DBK_OK, "ac b. a. a* ", NULL},
        {"child later", "c", "t", NULL, DBK_OK, "ac bt b. a. a* ", NULL},
        {"child fails at once", "c", "f", NULL, DBK_UNAVAILABLE, "ac bf a* ", "b failed"},
        {"child fails later", "c", "tf", NULL, DBK_UNAVAILABLE, "ac bt bf a* ", "b failed"},
        {"tolerated at once", "y", "f", NULL, DBK_OK, "ay bf a. a* ", NULL},
        {"tolerated later", "yt", "tf", NULL, DBK_OK, "ay bt bf at a. a* ", NULL},
        {"grandchild", "tc", "tc", "t", DBK_OK, "at ac bt bc ct c. b. a. a* ", NULL},
        {"grandchild fails", "c", "c", "tf", DBK_UNAVAILABLE, "ac bc ct cf a* ", "c failed"},
        {"grandchild tolerated", "c", "y", "f", DBK_OK, "ac by cf b. a. a* ", NULL},
        {"cancels itself", "k", NULL, NULL, DBK_CANCELLED, "ak a! a* ", "way was cancelled"},
        {"child cancels itself", "c", "k", NULL, DBK_CANCELLED, "ac bk b! a* ",
         "way was cancelled"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CHECK_CASE(rows[i].name);
        set_up();
        way *c = rows[i].grandchild != NULL ? new_way('c', rows[i].grandchild, NULL) : NULL;
        way *b = rows[i].child != NULL ? new_way('b', rows[i].child, c) : NULL;
        way *a = new_way('a', rows[i].plan, b);
        int done = 0;
        CHECK(!dbk_op_is_done(&a->op));
        dbk_op_start(&a->op, on_done, &done);
        for (int k = 0; k < 10; k++) {
            advance(10);
        }
        CHECK_EQ_I64(done, 1);
        CHECK_STR(journal, rows[i].journal);
        CHECK_EQ_I64(a->op.status, rows[i].want);
        if (rows[i].message != NULL) {
            CHECK_STR(dbk_error_message(&a->op.err), rows[i].message);
            CHECK_EQ_I64(a->op.err.may_have_executed, rows[i].want == DBK_UNAVAILABLE);
        }
        dbk_op_unref(&a->op);
        tear_down();
    }
}

DBK_TEST(op_wake) {
    set_up();
    way *a = new_way('a', "ptp", NULL);
    int done = 0;
    dbk_op_start(&a->op, on_done, &done);
    turn();
    CHECK_STR(journal, "ap ");
    dbk_op_wake(&a->op);
    CHECK_STR(journal, "ap at ");
    dbk_op_wake(&a->op); /* does not park now */
    CHECK_STR(journal, "ap at ");
    advance(10);
    CHECK_STR(journal, "ap at ap ");
    dbk_op_wake(&a->op);
    CHECK_STR(journal, "ap at ap a. a* ");
    dbk_op_wake(&a->op); /* done */
    CHECK_EQ_I64(done, 1);
    dbk_op_unref(&a->op);
    tear_down();
}

/* ---- cancel and deadline at every point of a nested way ---- */

static void walk(int steps) {
    for (int i = 0; i < steps; i++) {
        advance(10);
    }
}

DBK_TEST(op_cancel_at_every_point) {
    for (int steps = 0; steps <= 7; steps++) {
        set_up();
        way *a = new_way('a', "tct", new_way('b', "tyt", new_way('c', "tp", NULL)));
        int done = 0;
        dbk_op_start(&a->op, on_done, &done);
        walk(steps);
        dbk_op_cancel(&a->op);
        dbk_op_cancel(&a->op);
        CHECK_EQ_I64(done, 0);
        turn();
        CHECK_EQ_I64(done, 1);
        CHECK_EQ_I64(a->op.status, DBK_CANCELLED);
        const char *want = steps == 0   ? "at a! a* "
                           : steps == 1 ? "at ac bt a! b! a* "
                           : steps == 2 ? "at ac bt by ct a! b! c! a* "
                                        : "at ac bt by ct cp a! b! c! a* ";
        CHECK_STR(journal, want);
        dbk_op_cancel(&a->op); /* too late: nothing */
        turn();
        CHECK_EQ_I64(done, 1);
        dbk_op_unref(&a->op);
        tear_down();
    }
}

/* What a wait brought is seen to, however close the cancel came: a statement id that arrived in the
 * same moment must not be lost. */
DBK_TEST(op_cancel_while_a_wait_ends) {
    static const struct {
        const char *name, *child, *journal;
    } rows[] = {
        {"later", "tx", "ac bt bx ag a! a* "},
        {"at once", "x", "ac bx ag a! a* "},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CHECK_CASE(rows[i].name);
        set_up();
        way *a = new_way('a', "cgt", new_way('b', rows[i].child, NULL));
        int done = 0;
        a->child->victim = a;
        dbk_op_start(&a->op, on_done, &done);
        walk(2);
        CHECK_EQ_I64(done, 1);
        CHECK_EQ_I64(a->op.status, DBK_CANCELLED);
        CHECK_STR(journal, rows[i].journal);
        dbk_op_unref(&a->op);
        tear_down();
    }
}

DBK_TEST(op_detached_child_runs_on) {
    static const struct {
        const char *name, *plan, *journal;
        bool detached;
    } rows[] = {
        {"a child", "c", "ac bt a! a* b. b* ", true},
        {"no child yet", "tc", "at a! a* ", false},
        {"no child any more", "ct", "ac bt b. at a! a* ", false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CHECK_CASE(rows[i].name);
        set_up();
        way *a = new_way('a', rows[i].plan, new_way('b', "t", NULL));
        way *b = a->child;
        int done = 0;
        a->keep_child = true;
        dbk_op_start(&a->op, on_done, &done);
        walk(i == 2 ? 1 : 0);
        dbk_op_cancel(&a->op);
        turn();
        CHECK_EQ_I64(done, 1);
        CHECK_EQ_I64(a->keep_child, rows[i].detached);
        walk(2);
        CHECK_EQ_I64(a->child_done, rows[i].detached);
        CHECK_STR(journal, rows[i].journal);
        dbk_op_unref(&a->op);
        if (rows[i].detached) {
            CHECK_EQ_I64(b->op.status, DBK_OK);
            dbk_op_unref(&b->op); /* the reference that detaching handed over */
        }
        tear_down();
    }
}

DBK_TEST(op_deadline_at_every_point) {
    for (uint64_t limit = 1; limit <= 41; limit += 10) {
        set_up();
        way *a = new_way('a', "mct", new_way('b', "tt", NULL));
        int done = 0;
        a->op.deadline_ms = limit;
        dbk_op_start(&a->op, on_done, &done);
        for (int i = 0; i < 60; i++) {
            advance(1);
        }
        CHECK_EQ_I64(done, 1);
        if (limit <= 31) {
            char message[64];
            (void)snprintf(message, sizeof message, "way took longer than %llu ms",
                           (unsigned long long)limit);
            CHECK_EQ_I64(a->op.status, DBK_TIMEOUT);
            CHECK_CONTAINS(dbk_error_message(&a->op.err), message);
            CHECK(a->op.err.may_have_executed); /* what was known stays known */
            CHECK_STR(a->op.err.query_id, "q1");
        } else {
            CHECK_EQ_I64(a->op.status, DBK_OK);
        }
        dbk_op_unref(&a->op);
        tear_down();
    }
}

DBK_TEST(op_cancel_before_start) {
    set_up();
    way *a = new_way('a', "t", NULL);
    int done = 0;
    dbk_op_cancel(&a->op);
    turn();
    dbk_op_start(&a->op, on_done, &done);
    CHECK_EQ_I64(done, 1);
    CHECK_EQ_I64(a->op.status, DBK_CANCELLED);
    CHECK_STR(journal, "a! a* ");
    dbk_op_unref(&a->op);

    a = new_way('a', "t", NULL); /* never started */
    dbk_op_cancel(&a->op);
    dbk_op_unref(&a->op);
    turn();
    tear_down();
}

DBK_TEST(op_unref_inside_done) {
    static const char *const plans[] = {"", "t", "tf", "k"};
    set_up();
    for (size_t i = 0; i < COUNT_OF(plans); i++) {
        way *a = new_way('a', plans[i], NULL);
        int done = 0;
        a->free_in_done = true;
        dbk_op_start(&a->op, on_done, &done);
        walk(3);
        CHECK_EQ_I64(done, 1);
        CHECK_EQ_SIZE(alive, 0);
    }
    way *a = new_way('a', "t", NULL); /* nobody waits for it */
    dbk_op_start(&a->op, NULL, NULL);
    dbk_op_unref(&a->op);
    CHECK_EQ_SIZE(alive, 1);
    walk(2);
    CHECK_EQ_SIZE(alive, 0);
    tear_down();
}

DBK_TEST(op_lane_free_cancels) {
    set_up();
    way *a = new_way('a', "c", new_way('b', "p", NULL));
    int done = 0;
    dbk_op_start(&a->op, on_done, &done);
    turn();
    dbk_lane_free(lane);
    CHECK_EQ_I64(done, 1);
    CHECK_EQ_I64(a->op.status, DBK_CANCELLED);
    CHECK_STR(journal, "ac bp a! b! a* ");
    dbk_op_unref(&a->op);
    CHECK_EQ_SIZE(alive, 0);
}

/* ---- exchanges ---- */

typedef struct fetch {
    dbk_op op;
    dbk_http_config *config;
    const char *url;
    int status;
    dbk_op *to_wake; /* from inside the sink */
    way *to_start;   /* from inside the sink */
    bool woken_in_sink;
} fetch;

static dbk_sink_answer wake_others(void *ctx, const dbk_http_response *head, dbk_slice bytes) {
    (void)head, (void)bytes;
    fetch *f = ctx;
    size_t before = strlen(journal);
    dbk_op_wake(f->to_wake);
    dbk_op_wake(f->to_wake);
    dbk_op_start(&f->to_start->op, NULL, NULL);
    f->woken_in_sink = strlen(journal) != before;
    return DBK_SINK_GO;
}

static dbk_step fetch_send(dbk_op *op) {
    fetch *f = DBK_CONTAINER_OF(op, fetch, op);
    dbk_http_request request = {.method = "GET", .url = f->url};
    if (f->to_wake != NULL) {
        request.sink = (dbk_http_sink){wake_others, f};
    }
    return dbk_op_wait_http(op, f->config, &request, 1);
}

static dbk_step fetch_answer(dbk_op *op) {
    fetch *f = DBK_CONTAINER_OF(op, fetch, op);
    f->status = dbk_http_response_of(op->http)->status;
    return f->status == 503 ? dbk_op_goto(op, 0) : dbk_op_finish(op, DBK_OK);
}

static void fetch_destroy(dbk_op *op) {
    (void)op;
}

static const dbk_state fetch_states[] = {{"send", fetch_send, DBK_TO(1)},
                                         {"answer", fetch_answer, DBK_TO(0)}};
static const dbk_machine fetch_machine = {"fetch", fetch_states, 2, NULL, fetch_destroy};
static test_peer peer;

static void set_up_fetch(fetch *f) {
    dbk_error err = {0};
    dbk_http_settings settings = {.user_agent = DBK_SLICE("t")};
    set_up();
    test_peer_init(&peer);
    dbk_lane_set_socket_opener(lane, test_peer_open, &peer);
    memset(f, 0, sizeof *f);
    f->url = "http://127.0.0.1:1/";
    CHECK_OK(dbk_http_config_new(&settings, &f->config, &err), &err);
    dbk_op_init(&f->op, &fetch_machine, lane);
}

static void tear_down_fetch(fetch *f) {
    dbk_op_unref(&f->op);
    dbk_http_config_unref(f->config);
    tear_down();
    CHECK_EQ_SIZE(test_peer_open_now(&peer), 0);
    test_peer_end(&peer);
}

DBK_TEST(op_http) {
    fetch f;
    set_up_fetch(&f);
    test_peer_on(&peer, NULL, "HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n", TEST_PEER_KEEP);
    test_peer_on(&peer, NULL, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", TEST_PEER_KEEP);
    dbk_op_start(&f.op, NULL, NULL);
    test_peer_run_op(&peer, lane, &f.op);
    CHECK_EQ_I64(f.status, 200);
    CHECK_EQ_SIZE(test_peer_request_count(&peer), 2);
    tear_down_fetch(&f);
}

DBK_TEST(op_http_cancelled) {
    fetch f;
    set_up_fetch(&f);
    test_peer_on(&peer, NULL, "", TEST_PEER_STALL);
    dbk_op_start(&f.op, NULL, NULL);
    test_peer_settle(&peer, lane);
    dbk_op_cancel(&f.op);
    test_peer_run_op(&peer, lane, &f.op);
    CHECK_EQ_I64(f.op.status, DBK_CANCELLED);
    CHECK_EQ_SIZE(test_peer_open_now(&peer), 0);
    tear_down_fetch(&f);
}

/* curl is on the stack of a sink: what is woken or started there must run later. */
DBK_TEST(op_woken_and_started_inside_a_sink) {
    fetch f;
    set_up_fetch(&f);
    way *parked = new_way('a', "p", NULL);
    f.to_wake = &parked->op;
    f.to_start = new_way('b', "", NULL);
    dbk_op_start(&parked->op, NULL, NULL);
    test_peer_on(&peer, NULL, "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", TEST_PEER_KEEP);
    dbk_op_start(&f.op, NULL, NULL);
    test_peer_run_op(&peer, lane, &f.op);
    turn();
    CHECK(!f.woken_in_sink);
    CHECK_STR(journal, "ap a. b. ");
    dbk_op_unref(&parked->op);
    dbk_op_unref(&f.to_start->op);
    tear_down_fetch(&f);
}

/* ---- blocking ---- */

DBK_TEST(op_run_embedded) {
    dbk_error err = {0};
    CHECK_OK(dbk_lane_new("test", DBK_LANE_EMBEDDED, &dbk_clock_system, &lane, &err), &err);
    way *a = new_way('a', "tct", new_way('b', "t", NULL));
    a->pause_ms = 1;
    CHECK_OK(dbk_op_run(&a->op, &err), &err);
    dbk_op_unref(&a->op);
    a = new_way('a', "tf", NULL);
    CHECK_FAILS(dbk_op_run(&a->op, &err), &err, DBK_UNAVAILABLE, "a failed");
    dbk_op_unref(&a->op);
    dbk_error_reset(&err);
    tear_down();
}

static void *cancel_later(void *arg) {
    dbk_op_cancel(arg);
    return NULL;
}

DBK_TEST(op_run_threaded) {
    dbk_error err = {0};
    journal[0] = '\0';
    CHECK_OK(dbk_lane_new("test", DBK_LANE_THREADED, &dbk_clock_system, &lane, &err), &err);
    way *a = new_way('a', "tct", new_way('b', "t", NULL));
    CHECK_OK(dbk_op_run(&a->op, &err), &err);
    dbk_op_unref(&a->op);
    a = new_way('a', "tf", NULL);
    CHECK_FAILS(dbk_op_run(&a->op, &err), &err, DBK_UNAVAILABLE, "a failed");
    CHECK(err.may_have_executed);
    dbk_op_unref(&a->op);
    for (int i = 0; i < 50; i++) { /* cancelled from another thread, at any moment */
        pthread_t thread;
        journal[0] = '\0';
        a = new_way('a', "cp", new_way('b', "t", NULL));
        a->child->pause_ms = (uint64_t)i % 3;
        CHECK(pthread_create(&thread, NULL, cancel_later, &a->op) == 0);
        CHECK_FAILS(dbk_op_run(&a->op, &err), &err, DBK_CANCELLED, "way was cancelled");
        (void)pthread_join(thread, NULL);
        dbk_op_unref(&a->op);
    }
    dbk_error_reset(&err);
    tear_down();
}

/* Runs a way like a caller that blocks; who ran its last 'h' is in `caller`. */
static void run_way(const char *plan, uint64_t pause_ms) {
    dbk_error err = {0};
    way *a = new_way('a', plan, NULL);
    journal[0] = '\0';
    a->pause_ms = pause_ms;
    caller.thread = pthread_self();
    CHECK_OK(dbk_op_run(&a->op, &err), &err);
    dbk_op_unref(&a->op);
}

/* The loop is lent for some milliseconds: a slow machine needs another try. */
static void borrow_loop(void) {
    caller.runs_loop = false;
    while (!caller.runs_loop) {
        run_way("", 0);
        run_way("h", 0);
    }
}

static void start_lent(void) {
    dbk_error err = {0};
    CHECK_OK(dbk_lane_new("test", DBK_LANE_THREADED, &dbk_clock_system, &lane, &err), &err);
    borrow_loop();
}

/* The first call of all is always run by the lane's thread, and so is what takes long: its end comes
 * whoever began it. */
DBK_TEST(op_run_by_its_caller) {
    dbk_error err = {0};
    CHECK_OK(dbk_lane_new("test", DBK_LANE_THREADED, &dbk_clock_system, &lane, &err), &err);
    run_way("h", 0);
    CHECK(!caller.runs_loop);
    borrow_loop();
    run_way("tgth", 1);
    for (caller.runs_loop = true; caller.runs_loop;) { /* it is given back before the end */
        run_way("th", 100);
    }
    borrow_loop();
    tear_down();
}

/* A loop that nobody runs: what is posted wakes its thread, what can wait is run a little later. */
DBK_TEST(op_started_on_a_lent_lane) {
    for (int later = 0; later < 2; later++) {
        start_lent();
        int done = 0;
        way *a = new_way('b', "h", NULL);
        if (later != 0) {
            dbk_op_set_unattended(&a->op);
        }
        dbk_op_start(&a->op, on_done, &done);
        while (!dbk_op_is_done(&a->op)) {
            sched_yield();
        }
        CHECK(!caller.runs_loop);
        dbk_op_unref(&a->op);
        tear_down();
        CHECK_EQ_I64(done, 1);
    }
}

/* What others wait for does not stand still when the caller that ran the loop leaves. */
DBK_TEST(op_left_behind_by_a_borrower) {
    start_lent();
    int done =
        0; /* on_done may still be at it when the operation is done: looked at when the lane is gone */
    for (int i = 0; i < 20; i++) {
        way *other = new_way('b', "t", NULL);
        other->silent = true;
        other->pause_ms = (uint64_t)i % 3;
        dbk_op_start(&other->op, on_done, &done);
        run_way("h", 0);
        while (!dbk_op_is_done(&other->op)) {
            sched_yield();
        }
        dbk_op_unref(&other->op);
    }
    tear_down();
    CHECK_EQ_I64(done, 20);
}

/* libuv runs timers, then waits for sockets: not when they ended what the caller waits for. */
DBK_TEST(op_ended_by_a_timer_under_a_borrower) {
    start_lent();
    for (caller.runs_loop = false; !caller.runs_loop;) {
        run_way("", 0);
        run_way("hb", 0);
    }
    tear_down();
}

/* Others keep the loop: a caller is woken when its call ends, not when the lane has seen to them. */
DBK_TEST(op_wakes_its_caller_at_once) {
    dbk_error err = {0};
    CHECK_OK(dbk_lane_new("test", DBK_LANE_THREADED, &dbk_clock_system, &lane, &err), &err);
    way *b = new_way('b', "tw", NULL);
    way *a = new_way('a', "s", NULL);
    b->pause_ms = 0;
    a->victim = b;
    atomic_store(&caller.back, false);
    CHECK_OK(dbk_op_run(&a->op, &err), &err); /* hung: b waits for us */
    atomic_store(&caller.back, true);
    dbk_op_unref(&a->op);
    dbk_op_unref(&b->op);
    tear_down();
}

/* ---- a timer that comes due between the lane's look at its timers and libuv's ---- */

/* Stands still until armed; then one look sees the old time, and the next ones the time after. */
static struct {
    dbk_clock clock;        /* first */
    atomic_uint looks_left; /* until it has moved; 0: it has, or stands still */
    atomic_uint now_ms;
} sly;

static uint64_t sly_ns(const dbk_clock *self) {
    (void)self;
    unsigned now = atomic_load(&sly.now_ms);
    unsigned left = atomic_load(&sly.looks_left);
    if (left > 0) {
        atomic_store(&sly.looks_left, left - 1);
        atomic_store(&sly.now_ms, left == 1 ? now + 1 : now);
    }
    return (uint64_t)now * 1000000u;
}

static int64_t sly_wall_ms(const dbk_clock *self) {
    (void)self;
    return 0;
}

enum { NARROW_WAIT, NARROW_END };

static dbk_step narrow_wait(dbk_op *op) {
    dbk_step step = dbk_op_wait_ms(op, 1, NARROW_END);
    uint64_t until = dbk_clock_ms(&dbk_clock_system) + 3; /* libuv's timer is due as well */
    while (dbk_clock_ms(&dbk_clock_system) < until) {
    }
    atomic_store(&sly.looks_left, 1);
    return step;
}

static dbk_step narrow_end(dbk_op *op) {
    return dbk_op_finish(op, DBK_OK);
}

static void narrow_destroy(dbk_op *op) {
    (void)op; /* on the stack */
}

static const dbk_state narrow_states[] = {
    [NARROW_WAIT] = {"wait", narrow_wait, DBK_TO(NARROW_END)},
    [NARROW_END] = {"end", narrow_end, 0},
};
static const dbk_machine narrow_machine = {"narrow", narrow_states, 2, NULL, narrow_destroy};

/* It ended inside libuv, which then waited for sockets: for ever, for there are none. */
DBK_TEST(op_ended_by_a_timer_on_an_embedded_lane) {
    dbk_error err = {0};
    dbk_op op = {0};
    sly.clock = (dbk_clock){sly_ns, sly_wall_ms};
    CHECK_OK(dbk_lane_new("test", DBK_LANE_EMBEDDED, &sly.clock, &lane, &err), &err);
    dbk_lane_run_once(lane); /* the first turn only makes libuv see its handles */
    dbk_op_init(&op, &narrow_machine, lane);
    CHECK_OK(dbk_op_run(&op, &err), &err);
    dbk_op_unref(&op);
    dbk_lane_free(lane);
    lane = NULL;
}

/* The lane may be freed by what it runs, also while a caller has its loop; and while nobody has. */
DBK_TEST(lane_freed_while_lent) {
    start_lent();
    run_way("hlh", 0);
    CHECK_EQ_SIZE(alive, 0);
    start_lent();
    run_way("", 0);
    tear_down();
}

static atomic_bool hammering;

static void *hammer(void *arg) {
    (void)arg;
    while (atomic_load(&hammering)) {
        dbk_error err = {0};
        way *a = new_way('c', "", NULL);
        a->silent = true;
        CHECK_OK(dbk_op_run(&a->op, &err), &err);
        dbk_op_unref(&a->op);
    }
    return NULL;
}

/* Many callers at once, each running the loop when it finds it free, and one of them cancelled. */
DBK_TEST(op_run_by_many_callers) {
    pthread_t threads[4];
    start_lent();
    atomic_store(&hammering, true);
    for (size_t i = 0; i < 4; i++) {
        CHECK(pthread_create(&threads[i], NULL, hammer, NULL) == 0);
    }
    for (int i = 0; i < 50; i++) {
        dbk_error err = {0};
        pthread_t thread;
        way *a = new_way('a', "p", NULL);
        a->silent = true;
        CHECK(pthread_create(&thread, NULL, cancel_later, &a->op) == 0);
        CHECK_FAILS(dbk_op_run(&a->op, &err), &err, DBK_CANCELLED, "way was cancelled");
        (void)pthread_join(thread, NULL);
        dbk_op_unref(&a->op);
        dbk_error_reset(&err);
    }
    atomic_store(&hammering, false);
    for (size_t i = 0; i < 4; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    tear_down();
}

static struct {
    dbk_task task;
    dbk_status status;
    dbk_error err;
} inner;

static void run_on_lane(dbk_task *task) {
    (void)task;
    way *a = new_way('a', "", NULL);
    inner.status = dbk_op_run(&a->op, &inner.err);
    dbk_op_unref(&a->op);
}

DBK_TEST(op_run_on_a_lane_is_refused) {
    dbk_error err = {0};
    for (int mode = 0; mode < 2; mode++) {
        CHECK_OK(dbk_lane_new("test", mode == 0 ? DBK_LANE_THREADED : DBK_LANE_EMBEDDED,
                              &dbk_clock_system, &lane, &err),
                 &err);
        memset(&inner, 0, sizeof inner);
        inner.task.run = run_on_lane;
        dbk_lane_post(lane, &inner.task);
        tear_down();
        CHECK_FAILS(inner.status, &inner.err, DBK_INVALID_ARGUMENT, "inside a callback");
        dbk_error_reset(&inner.err);
    }
}

/* ---- many ---- */

static size_t many_done;

static void count_done(dbk_op *op, void *ctx) {
    (void)ctx;
    many_done += op->status == DBK_OK ? 1 : 0;
}

DBK_TEST(op_ten_thousand_wait) {
    enum { N = 10000 };
    static way *ways[N];
    set_up();
    many_done = 0;
    for (size_t i = 0; i < N; i++) {
        ways[i] = new_way('a', "ttt", NULL);
        ways[i]->pause_ms = 1 + i * 7919 % 50;
        ways[i]->op.deadline_ms = 1000;
        dbk_op_start(&ways[i]->op, count_done, NULL);
    }
    size_t cancelled = 0;
    for (size_t i = 0; i < N; i += 100) {
        dbk_op_cancel(&ways[i]->op);
        cancelled++;
    }
    for (int i = 0; i < 160; i++) {
        journal[0] = '\0';
        advance(1);
    }
    CHECK_EQ_SIZE(many_done, N - cancelled);
    for (size_t i = 0; i < N; i++) {
        CHECK(dbk_op_is_done(&ways[i]->op));
        dbk_op_unref(&ways[i]->op);
    }
    CHECK_EQ_I64(dbk_lane_timeout_ms(lane), -1);
    tear_down();
}

DBK_OOM_TEST(op_out_of_memory) {
    dbk_status st = DBK_OK;
    way *a = NULL;
    dbk_clock_manual_init(&clock_now, 0);
    journal[0] = '\0';
    lane = NULL;
    DBK_TRY(dbk_lane_new("test", DBK_LANE_EMBEDDED, &clock_now.clock, &lane, err));
    a = dbk_alloc_zero(sizeof *a);
    if (a == NULL) {
        st = dbk_error_oom(err, "a way");
        goto done;
    }
    alive++;
    dbk_op_init(&a->op, &way_machine, lane);
    a->name = 'a';
    a->plan = "tt";
    a->op.deadline_ms = 1000;
    dbk_op_start(&a->op, NULL, NULL);
    walk(3);
    CHECK(dbk_op_is_done(&a->op));
    st = a->op.status;
    dbk_error_move(err, &a->op.err);
done:
    if (a != NULL) {
        dbk_op_unref(&a->op);
    }
    dbk_lane_free(lane);
    lane = NULL;
    return st;
}
