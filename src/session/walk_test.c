/* A walk through every operation that ends each of them by a cancel at every step of its way: after each turn of
 * the lane, and on entering each state of it and of the operations it waits for. The clock stands still meanwhile:
 * what has to come by itself comes at once. The states come from the machines' own tables: a state that no cancel
 * met fails the walk. */
#include <stdio.h>

#include "net/test_peer.h"
#include "session/session_rig.h"
#include "unit.h"

#define GET    "GET /api/2.0/sql/statements/st "
#define DELETE "DELETE /api/2.0/sql/statements/st "
#define CANCEL "POST /api/2.0/sql/statements/st/cancel "
#define PROBE  "GET /.well-known/databricks-config "
#define SPARE  6 /* answers to what an end may send; what is not asked for stays over */

/* A string column of two rows. */
#define NAMES(column)                                                                            \
    "{\"statement_id\":\"st\",\"status\":{\"state\":\"SUCCEEDED\"},\"manifest\":{\"format\":"    \
    "\"JSON_ARRAY\",\"total_chunk_count\":1,\"total_row_count\":2,\"schema\":{\"column_count\":" \
    "1,\"columns\":[{\"name\":\"" column                                                         \
    "\",\"type_name\":\"STRING\",\"type_text\":\"STRING\",\"position\":0}]}},\"result\":{"       \
    "\"chunk_index\":0,\"row_offset\":0,\"row_count\":2,\"data_array\":[[\"c0\"],[\"c1\"]]}}"
/* The first of two chunks, and the second. */
#define CHUNK_0                                                                                 \
    "{\"statement_id\":\"st\",\"status\":{\"state\":\"SUCCEEDED\"},\"manifest\":{"              \
    "\"total_chunk_count\":2,\"total_row_count\":2,\"total_byte_count\":18," RIG_COLUMN(        \
        "a") "},\"result\":{\"chunk_index\":0,\"row_offset\":0,\"row_count\":1,"                \
             "\"next_chunk_index\":1,\"next_chunk_internal_link\":\"/api/2.0/sql/statements/st" \
             "/result/chunks/1\",\"data_array\":[[\"1\"]]}}"
#define CHUNK_1 "{\"chunk_index\":1,\"row_offset\":1,\"row_count\":1,\"data_array\":[[\"2\"]]}"

typedef struct walk walk;

/* One operation of the house. */
typedef struct walk_case {
    const char *name;
    bool runs_statements; /* the server must hear of the end of those it has begun */
    dbk_op *(*begin)(walk *w);
    void (*end)(walk *w, dbk_status st); /* gives the operation and its result back */
} walk_case;

struct walk {
    rig r;
    const walk_case *row;
    dbk_op *op; /* the operation that is to be cancelled */
    dbk_statement *st;
    dbk_exec *e;
    const char *late[4]; /* what stalls is answered so, one by one, when nothing else moves */
    size_t late_count, late_next;
    bool on_entry;  /* the cancel comes on entering a state, else between two turns */
    size_t at;      /* at the n-th of them */
    size_t entries; /* so far */
    bool sprung;
};

/* ---- which states were met ---- */

enum { MACHINES = 16, STATES = 16 };
typedef struct seen {
    const dbk_machine *machine;
    bool met[STATES];
} seen;
static seen machines[MACHINES];
static size_t machine_count;

static seen *seen_of(const dbk_machine *m) {
    for (size_t i = 0; i < machine_count; i++) {
        if (machines[i].machine == m) {
            return &machines[i];
        }
    }
    CHECK(machine_count < MACHINES && m->state_count <= STATES);
    machines[machine_count] = (seen){.machine = m};
    return &machines[machine_count++];
}

static void meet(const dbk_op *op, bool cancelled) {
    for (; op != NULL; op = op->child) {
        seen *s = seen_of(op->machine);
        s->met[op->state] = s->met[op->state] || cancelled;
    }
}

/* Of "statement: pause -> poll session_id=se" the state that is entered. */
static void meet_line(const char *line) {
    for (size_t i = 0; i < machine_count; i++) {
        const dbk_machine *m = machines[i].machine;
        const char *to = strstr(line, " -> ");
        size_t len = strlen(m->name);
        if (strncmp(line, m->name, len) != 0 || line[len] != ':' || to == NULL) {
            continue;
        }
        size_t to_len = strcspn(to + 4, " ");
        for (size_t n = 0; n < m->state_count; n++) {
            const char *name = m->states[n].name;
            bool met = strlen(name) == to_len && strncmp(to + 4, name, to_len) == 0;
            machines[i].met[n] = machines[i].met[n] || met;
        }
    }
}

static void check_all_met(void) {
    static const char *const expected[] = {
        "session open", "session close", "statement",     "cancel",    "request",
        "read",         "catalog call",  "catalog query", "host kind", "host probe"};
    CHECK_EQ_SIZE(machine_count, COUNT_OF(expected));
    for (size_t i = 0; i < machine_count; i++) {
        const dbk_machine *m = machines[i].machine;
        bool known = false;
        for (size_t n = 0; n < COUNT_OF(expected); n++) {
            known = known || strcmp(expected[n], m->name) == 0;
        }
        CHECK_CASE(m->name);
        CHECK(known);
        for (size_t n = 0; n < m->state_count; n++) {
            char text[96];
            (void)snprintf(text, sizeof text, "%s: no cancel met the state %s", m->name,
                           m->states[n].name);
            CHECK_CASE(text);
            CHECK(machines[i].met[n]);
        }
    }
}

/* ---- the operations ---- */

static dbk_op *begin_open(walk *w) {
    dbk_op *op = NULL;
    rig_answer(&w->r, RIG_SESSIONS, "503 Busy\r\nretry-after: 0", "{}");
    rig_answer(&w->r, RIG_SESSIONS, RIG_OK, "{\"session_id\":\"se\"}");
    CHECK_OK(dbk_session_prepare(&w->r.config, w->r.runtime, &w->r.session, &op, &w->r.err),
             &w->r.err);
    return op;
}

/* A login page answers, and the host is asked what it is. */
static dbk_op *begin_lost(walk *w) {
    dbk_op *op = NULL;
    rig_answer(&w->r, RIG_SESSIONS, "303 See\r\nlocation: /login.html", "");
    rig_answer(&w->r, PROBE, "500 No", "");
    rig_answer(&w->r, PROBE, RIG_OK, "{\"host_type\":\"unified\"}");
    CHECK_OK(dbk_session_prepare(&w->r.config, w->r.runtime, &w->r.session, &op, &w->r.err),
             &w->r.err);
    return op;
}

static void end_plain(walk *w, dbk_status st) {
    (void)st;
    dbk_op_unref(w->op);
}

static dbk_statement *new_statement(walk *w) {
    return w->st = rig_statement(&w->r, "S");
}

/* It has to wait for an execute that was left behind, and for the requests that follow from that. */
static dbk_op *begin_close(walk *w) {
    dbk_op *op = NULL;
    dbk_op *left = NULL;
    rig_stall(&w->r, RIG_EXECUTE);
    rig_stall(&w->r, DELETE);
    w->late[0] = rig_http(&w->r, RIG_OK, RIG_STATE("st", "RUNNING"));
    w->late[1] = rig_http(&w->r, RIG_OK, "{}");
    w->late_count = 2;
    CHECK_OK(dbk_statement_begin(new_statement(w), DBK_RUN_EXECUTE, &w->e, &left, &w->r.err),
             &w->r.err);
    dbk_op_start(left, NULL, NULL);
    rig_settle(&w->r);
    dbk_op_cancel(left);
    rig_settle(&w->r);
    CHECK(dbk_statement_finish(w->e, left, left->status, &w->e) == DBK_CANCELLED);
    CHECK_OK(dbk_session_close_begin(w->r.session, &op, &w->r.err), &w->r.err);
    return op;
}

static dbk_op *begin_run(walk *w, dbk_run_kind kind) {
    dbk_op *op = NULL;
    rig_answer(&w->r, RIG_EXECUTE, "503 Busy\r\nretry-after: 0", "{}");
    rig_answer(&w->r, RIG_EXECUTE, RIG_OK, RIG_STATE("st", "PENDING"));
    rig_answer(&w->r, GET, RIG_OK, RIG_STATE("st", "RUNNING"));
    rig_answer(&w->r, GET, RIG_OK, RIG_ROW("st", "a", "1"));
    CHECK_OK(dbk_statement_begin(new_statement(w), kind, &w->e, &op, &w->r.err), &w->r.err);
    return op;
}

static dbk_op *begin_execute(walk *w) {
    return begin_run(w, DBK_RUN_EXECUTE);
}

static dbk_op *begin_submit(walk *w) {
    return begin_run(w, DBK_RUN_SUBMIT);
}

static void end_run(walk *w, dbk_status st) {
    if (dbk_statement_finish(w->e, w->op, st, &w->e) == DBK_OK) {
        dbk_exec_unref(w->e);
    }
}

/* Somebody else's statement: its end here is none on the server. */
static dbk_op *begin_follow(walk *w, dbk_run_kind kind) {
    dbk_op *op = NULL;
    rig_answer(&w->r, GET, "503 Busy\r\nretry-after: 0", "{}");
    rig_answer(&w->r, GET, RIG_OK, RIG_STATE("st", "RUNNING"));
    rig_answer(&w->r, GET, RIG_OK, RIG_ROW("st", "a", "1"));
    CHECK_OK(dbk_exec_named(w->r.session, DBK_SLICE("st"), NULL, &w->e, &w->r.err), &w->r.err);
    CHECK_OK(dbk_exec_begin(w->e, kind, &op, &w->r.err), &w->r.err);
    return op;
}

static dbk_op *begin_poll(walk *w) {
    return begin_follow(w, DBK_RUN_LOOK);
}

static dbk_op *begin_await(walk *w) {
    return begin_follow(w, DBK_RUN_AWAIT);
}

static void end_follow(walk *w, dbk_status st) {
    (void)st;
    dbk_exec_finish(w->e, w->op);
    dbk_exec_unref(w->e);
}

static dbk_op *begin_cancel(walk *w) {
    dbk_op *op = NULL;
    rig_answer(&w->r, CANCEL, "503 Busy\r\nretry-after: 0", "{}");
    CHECK_OK(dbk_exec_named(w->r.session, DBK_SLICE("st"), NULL, &w->e, &w->r.err), &w->r.err);
    CHECK_OK(dbk_exec_cancel_begin(w->e, &op, &w->r.err), &w->r.err);
    return op;
}

static dbk_op *begin_end(walk *w) {
    dbk_op *op = NULL;
    CHECK_OK(dbk_exec_named(w->r.session, DBK_SLICE("st"), NULL, &w->e, &w->r.err), &w->r.err);
    CHECK_OK(dbk_exec_end_begin(w->e, &op, &w->r.err), &w->r.err);
    return op;
}

static void end_request(walk *w, dbk_status st) {
    (void)st;
    dbk_op_unref(w->op);
    dbk_exec_unref(w->e);
}

static dbk_op *begin_read(walk *w) {
    dbk_op *op = NULL;
    dbk_batch *b = NULL;
    bool would_block = false;
    rig_answer(&w->r, RIG_EXECUTE, RIG_OK, CHUNK_0);
    rig_stall(&w->r, "/result/chunks/1 ");
    w->late[0] = rig_http(&w->r, RIG_OK, CHUNK_1);
    w->late_count = 1;
    CHECK_OK(rig_execute(&w->r, new_statement(w), DBK_RUN_EXECUTE, &w->e), &w->r.err);
    dbk_stream *s = dbk_exec_stream(w->e);
    CHECK_OK(dbk_stream_try_next(s, &b, &would_block, &w->r.err), &w->r.err);
    CHECK(!would_block && dbk_batch_row_count(b) == 1);
    dbk_batch_unref(b);
    CHECK_OK(dbk_stream_read_new(s, w->r.lane, false, &op, &w->r.err), &w->r.err);
    return op;
}

/* The next answer that stalls goes on; false: there is none. */
static bool release_late(walk *w) {
    if (w->late_next == w->late_count) {
        return false;
    }
    test_peer_go_on(&rig_peer, w->late[w->late_next++], TEST_PEER_KEEP);
    return true;
}

static dbk_batch *read_again(walk *w) {
    dbk_op *op = NULL;
    dbk_schema *schema = NULL;
    CHECK_OK(dbk_stream_read_new(dbk_exec_stream(w->e), w->r.lane, false, &op, &w->r.err),
             &w->r.err);
    CHECK(rig_run(&w->r, op) == DBK_OK);
    dbk_batch *b = dbk_stream_read_take(op, &schema);
    dbk_op_unref(op);
    return b;
}

/* A cancelled read has taken nothing: the next one gets the row. */
static void end_read(walk *w, dbk_status st) {
    dbk_schema *schema = NULL;
    (void)release_late(w);
    dbk_batch *b = st == DBK_OK ? dbk_stream_read_take(w->op, &schema) : read_again(w);
    CHECK(b != NULL && dbk_batch_row_count(b) == 1);
    dbk_batch_unref(b);
    CHECK(read_again(w) == NULL);
    dbk_op_unref(w->op);
    dbk_exec_unref(w->e);
}

static dbk_op *begin_catalog(walk *w) {
    dbk_op *op = NULL;
    dbk_metadata_request request = {.call = DBK_METADATA_TABLES, .catalog = DBK_SLICE("c%")};
    rig_answer(&w->r, RIG_EXECUTE, RIG_OK, RIG_STATE("st", "RUNNING"));
    rig_answer(&w->r, GET, RIG_OK, NAMES("catalog"));
    for (size_t i = 0; i < 2; i++) {
        rig_answer(&w->r, RIG_EXECUTE, RIG_OK, RIG_STATE("st", "RUNNING"));
        rig_answer(&w->r, GET, RIG_OK, NAMES("tableName"));
    }
    CHECK_OK(dbk_session_metadata_begin(w->r.session, &request, &op, &w->r.err), &w->r.err);
    return op;
}

static void end_catalog(walk *w, dbk_status st) {
    dbk_stream *s = st == DBK_OK ? dbk_session_metadata_take(w->op) : NULL;
    if (s != NULL) {
        dbk_stream_close(s);
        dbk_stream_unref(s);
    }
    dbk_op_unref(w->op);
}

static const walk_case cases[] = {
    {"open", false, begin_open, end_plain},
    {"close", true, begin_close, end_plain},
    {"execute", true, begin_execute, end_run},
    {"submit", true, begin_submit, end_run},
    {"poll", false, begin_poll, end_follow},
    {"await", false, begin_await, end_follow},
    {"cancel", false, begin_cancel, end_request},
    {"end", false, begin_end, end_request},
    {"next batch", true, begin_read, end_read},
    {"metadata", true, begin_catalog, end_catalog},
    {"open at a login page", false, begin_lost, end_plain},
};

/* ---- one walk ---- */

static bool opens(const walk_case *row) {
    return row->begin == begin_open || row->begin == begin_lost;
}

static void entered(const char *level, const char *target, const char *message, void *user_data) {
    walk *w = user_data;
    (void)level;
    (void)target;
    if (w->op == NULL || strstr(message, " -> ") == NULL || w->entries++ != w->at || !w->on_entry) {
        return;
    }
    w->sprung = true;
    meet_line(message);
    dbk_op_cancel(w->op); /* only posts a task */
}

static void begin_walk(walk *w, const walk_case *row, bool on_entry, size_t at) {
    memset(w, 0, sizeof *w);
    w->row = row;
    w->on_entry = on_entry;
    w->at = at;
    rig_begin(&w->r, RIG_STEPPED);
    if (!opens(row)) {
        rig_open(&w->r);
    }
    w->op = row->begin(w);
    for (size_t i = 0; i < SPARE; i++) {
        rig_answer(&w->r, CANCEL, RIG_OK, "{}");
        rig_answer(&w->r, DELETE, RIG_OK, "{}");
        rig_answer(&w->r, "DELETE /api/2.0/sql/sessions/", RIG_OK, "{}");
    }
}

/* One turn in which something happened, and the clock or the server goes on when nothing else does. */
static void take_step(walk *w) {
    unsigned quiet = 0;
    while (quiet < 20 && !dbk_op_is_done(w->op)) {
        if (test_peer_turn(&rig_peer, w->r.lane)) {
            return;
        }
        quiet++;
    }
    if (!dbk_op_is_done(w->op) && !release_late(w)) {
        int64_t ms = dbk_lane_timeout_ms(w->r.lane);
        CHECK(ms > 0);
        rig_pass(&w->r, (uint64_t)ms);
    }
}

static size_t count_of(const char *text) {
    size_t n = 0;
    for (size_t i = 0; i < test_peer_request_count(&rig_peer); i++) {
        n += strstr(test_peer_request(&rig_peer, i), text) != NULL ? 1 : 0;
    }
    return n;
}

/* What the server holds in the end: nothing that was begun here. */
static void check_server(const walk *w, bool cancelled, size_t polls_before) {
    size_t begun = count_of(RIG_EXECUTE);
    size_t refused = w->row->begin == begin_execute || w->row->begin == begin_submit ? 1 : 0;
    begun -= dbk_min_size(begun, refused);
    if (w->row->runs_statements) {
        CHECK_EQ_SIZE(count_of(DELETE), begun);
    }
    if (cancelled && refused == 1 && begun > 0) {
        CHECK(count_of(CANCEL) == 1);
    }
    if (cancelled && w->row->begin == begin_catalog && begun > polls_before) {
        CHECK(count_of(CANCEL) >= begun - polls_before);
    }
    if (w->row->begin == begin_poll || w->row->begin == begin_await) {
        CHECK(count_of(CANCEL) == 0 && count_of(DELETE) == 0);
    }
}

/* What was left to do in the background gets its time: retries, late answers. */
static void finish_background(walk *w) {
    rig_settle(&w->r);
    for (size_t i = 0; i < 20 && !dbk_lane_is_idle(w->r.lane); i++) {
        if (!release_late(w)) {
            rig_pass(&w->r, (uint64_t)dbk_lane_timeout_ms(w->r.lane));
        }
        rig_settle(&w->r);
    }
    CHECK(dbk_lane_is_idle(w->r.lane));
}

static void end_walk(walk *w, bool cancelled) {
    size_t polls = count_of(GET);
    size_t opened = opens(w->row) ? 1 : 0;
    dbk_status st = w->op->status;
    w->row->end(w, st);
    dbk_statement_unref(w->st);
    finish_background(w);
    dbk_session_unref(w->r.session);
    w->r.session = NULL;
    finish_background(w);
    check_server(w, cancelled, polls);
    size_t sessions = count_of(RIG_SESSIONS);
    CHECK_EQ_SIZE(count_of("DELETE /api/2.0/sql/sessions/"),
                  sessions - dbk_min_size(sessions, opened));
    test_peer_excuse(&rig_peer);
    rig_end(&w->r);
}

/* False: the way was over before. */
static bool cancel_at(const walk_case *row, bool on_entry, size_t at) {
    walk w;
    char text[64];
    (void)snprintf(text, sizeof text, "%s, %s %zu", row->name, on_entry ? "state" : "step", at);
    CHECK_CASE(text);
    begin_walk(&w, row, on_entry, at);
    dbk_op *op = w.op;
    CHECK_OK(dbk_log_replace_callback("trace", entered, &w, &w.r.err), &w.r.err);
    dbk_op_start(op, NULL, NULL);
    for (size_t step = 0; !dbk_op_is_done(op) && !w.sprung; step++) {
        if (!on_entry && step == at) {
            meet(op, true);
            dbk_op_cancel(op);
            w.sprung = true;
        } else {
            take_step(&w);
            meet(op, false);
        }
    }
    /* Neither the clock nor the server moves: it is over in a turn or two, or it never will be. */
    for (size_t turn = 0; turn < 4; turn++) {
        dbk_lane_run_once(w.r.lane);
    }
    dbk_log_reset_for_tests();
    CHECK(dbk_op_is_done(op));
    dbk_status outcome = row->begin == begin_lost ? DBK_UNAUTHENTICATED : DBK_OK;
    CHECK(op->status == DBK_CANCELLED || op->status == outcome);
    CHECK(w.sprung || op->status == outcome);
    bool cancelled = op->status == DBK_CANCELLED;
    bool sprung = w.sprung;
    end_walk(&w, cancelled);
    return sprung;
}

DBK_TEST(cancel_at_every_state_of_every_operation) {
    machine_count = 0;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        size_t steps = 0;
        size_t entries = 0;
        (void)cancel_at(&cases[i], false, SIZE_MAX); /* the whole way: which machines take part */
        while (cancel_at(&cases[i], false, steps)) {
            steps++;
        }
        while (cancel_at(&cases[i], true, entries)) {
            entries++;
        }
        CHECK(steps > 2);
    }
    check_all_met();
}
