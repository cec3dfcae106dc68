#include "net/lane.h"

#include <poll.h>
#include <signal.h>
#include <sys/stat.h>

#include "unit.h"

static dbk_lane *new_lane(dbk_lane_mode mode, const dbk_clock *clock) {
    dbk_error err = {0};
    dbk_lane *lane = NULL;
    CHECK_OK(dbk_lane_new("test", mode, clock, &lane, &err), &err);
    return lane;
}

/* ---- tasks ---- */

typedef struct numbered {
    dbk_task task;
    dbk_lane *lane;
    unsigned poster;
    unsigned number;
} numbered;

enum { POSTERS = 4, PER_POSTER = 5000 };

static struct {
    numbered tasks[POSTERS][PER_POSTER];
    unsigned next[POSTERS]; /* lane only */
    bool in_order, on_lane;
    dbk_lane *lane;
} fifo;

static void run_numbered(dbk_task *task) {
    numbered *t = DBK_CONTAINER_OF(task, numbered, task);
    fifo.in_order = fifo.in_order && fifo.next[t->poster] == t->number;
    fifo.on_lane = fifo.on_lane && dbk_lane_on(t->lane) && dbk_lane_on_any();
    fifo.next[t->poster]++;
}

static void *post_all(void *arg) {
    numbered *mine = arg;
    for (unsigned i = 0; i < PER_POSTER; i++) {
        mine[i].task.run = run_numbered;
        mine[i].lane = fifo.lane;
        mine[i].number = i;
        dbk_lane_post(fifo.lane, &mine[i].task);
    }
    return NULL;
}

DBK_TEST(lane_tasks_are_fifo_per_thread) {
    pthread_t threads[POSTERS];
    memset(&fifo, 0, sizeof fifo);
    fifo.in_order = fifo.on_lane = true;
    fifo.lane = new_lane(DBK_LANE_THREADED, &dbk_clock_system);
    CHECK(!dbk_lane_on(fifo.lane));
    CHECK(!dbk_lane_on_any());
    CHECK(!dbk_lane_is_embedded(fifo.lane));
    for (unsigned i = 0; i < POSTERS; i++) {
        for (unsigned k = 0; k < PER_POSTER; k++) {
            fifo.tasks[i][k].poster = i;
        }
        CHECK(pthread_create(&threads[i], NULL, post_all, fifo.tasks[i]) == 0);
    }
    for (unsigned i = 0; i < POSTERS; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    dbk_lane_free(fifo.lane); /* runs what was posted before */
    CHECK(fifo.in_order);
    CHECK(fifo.on_lane);
    for (unsigned i = 0; i < POSTERS; i++) {
        CHECK_EQ_U64(fifo.next[i], PER_POSTER);
    }
}

typedef struct chain {
    dbk_task task;
    dbk_lane *lane;
    unsigned left;
} chain;

static void run_chain(dbk_task *task) {
    chain *c = DBK_CONTAINER_OF(task, chain, task);
    if (c->left > 0) {
        c->left--;
        dbk_lane_post(c->lane, task); /* its memory is free again once it runs */
    }
}

DBK_TEST(lane_free_runs_what_the_last_tasks_post) {
    for (int mode = 0; mode < 2; mode++) {
        chain c = {.task = {NULL, run_chain}, .left = 100};
        c.lane = new_lane(mode == 0 ? DBK_LANE_THREADED : DBK_LANE_EMBEDDED, &dbk_clock_system);
        dbk_lane_post(c.lane, &c.task);
        dbk_lane_free(c.lane);
        CHECK_EQ_U64(c.left, 0);
    }
    dbk_lane_free(NULL);
}

/* ---- timers, on a clock that the test moves ---- */

enum { TIMERS = 3000 };

typedef struct stamp {
    dbk_timer timer;
    unsigned id;
    dbk_lane *lane;
} stamp;

static unsigned fired[TIMERS];
static size_t fired_count;

static void note(dbk_timer *timer) {
    fired[fired_count++] = DBK_CONTAINER_OF(timer, stamp, timer)->id;
}

static void start(dbk_lane *lane, stamp *s, uint64_t delay_ms) {
    s->lane = lane;
    CHECK(dbk_timer_start(lane, &s->timer, delay_ms, note));
}

DBK_TEST(timer_order) {
    dbk_clock_manual clock;
    dbk_clock_manual_init(&clock, 0);
    dbk_lane *lane = new_lane(DBK_LANE_EMBEDDED, &clock.clock);
    stamp s[6];
    memset(s, 0, sizeof s);
    for (unsigned i = 0; i < COUNT_OF(s); i++) {
        s[i].id = i;
    }
    fired_count = 0;
    CHECK_EQ_I64(dbk_lane_timeout_ms(lane), 0); /* libuv has not seen its handles yet */
    dbk_lane_run_once(lane);
    CHECK_EQ_I64(dbk_lane_timeout_ms(lane), -1);
    start(lane, &s[0], 30);
    start(lane, &s[1], 10);
    start(lane, &s[2], 20);
    start(lane, &s[3], 10); /* the same time as 1, later */
    start(lane, &s[4], 0);
    start(lane, &s[5], UINT64_MAX);
    CHECK_EQ_I64(dbk_lane_timeout_ms(lane), 0);
    CHECK_EQ_SIZE(fired_count, 0); /* never from inside start */
    dbk_lane_run_once(lane);
    CHECK_EQ_SIZE(fired_count, 1);
    CHECK_EQ_I64(dbk_lane_timeout_ms(lane), 10);
    dbk_clock_manual_advance(&clock, 9);
    dbk_lane_run_once(lane);
    CHECK_EQ_SIZE(fired_count, 1);
    dbk_timer_stop(&s[2].timer);
    dbk_timer_stop(&s[2].timer);
    start(lane, &s[1], 1); /* restarted: now after 3 */
    dbk_clock_manual_advance(&clock, 1);
    dbk_lane_run_once(lane);
    dbk_clock_manual_advance(&clock, 1000);
    dbk_lane_run_once(lane);
    static const unsigned want[] = {4, 3, 1, 0};
    CHECK_EQ_SIZE(fired_count, COUNT_OF(want));
    for (size_t i = 0; i < COUNT_OF(want); i++) {
        CHECK_EQ_U64(fired[i], want[i]);
    }
    dbk_lane_free(lane);
    dbk_timer_stop(&s[5].timer); /* the lane has let go of it */
}

DBK_TEST(timer_many) {
    static stamp s[TIMERS];
    static uint64_t due[TIMERS];
    dbk_clock_manual clock;
    dbk_clock_manual_init(&clock, 0);
    dbk_lane *lane = new_lane(DBK_LANE_EMBEDDED, &clock.clock);
    uint32_t random = 1;
    size_t running = 0;
    fired_count = 0;
    for (unsigned i = 0; i < TIMERS; i++) {
        random = random * 1664525u + 1013904223u;
        s[i].id = i;
        due[i] = random >> 16 & 0x3FF;
        start(lane, &s[i], due[i]);
    }
    for (unsigned i = 0; i < TIMERS; i++) { /* a third restarts, a third stops */
        random = random * 1664525u + 1013904223u;
        if (i % 3 == 0) {
            due[i] = random >> 16 & 0x3FF;
            start(lane, &s[i], due[i]);
        } else if (i % 3 == 1) {
            dbk_timer_stop(&s[i].timer);
        }
        running += i % 3 == 1 ? 0 : 1;
    }
    for (uint64_t now = 0; now <= 0x3FF; now++) {
        size_t before = fired_count;
        dbk_lane_run_once(lane);
        for (size_t i = before; i < fired_count; i++) {
            CHECK_EQ_U64(due[fired[i]], now);
            CHECK(fired[i] % 3 != 1);
        }
        dbk_clock_manual_advance(&clock, 1);
    }
    CHECK_EQ_SIZE(fired_count, running);
    dbk_lane_free(lane);
}

static stamp other;
static unsigned repeats;

static void restart_itself(dbk_timer *timer) {
    repeats++;
    CHECK(
        dbk_timer_start(timer->lane != NULL ? timer->lane : other.lane, timer, 0, restart_itself));
}

static void stop_other(dbk_timer *timer) {
    (void)timer;
    dbk_timer_stop(&other.timer);
}

DBK_TEST(timer_callbacks_may_start_and_stop) {
    dbk_clock_manual clock;
    dbk_clock_manual_init(&clock, 0);
    dbk_lane *lane = new_lane(DBK_LANE_EMBEDDED, &clock.clock);
    dbk_timer timer = {0};
    other.lane = lane;
    repeats = 0;
    CHECK(dbk_timer_start(lane, &timer, 0, restart_itself));
    dbk_lane_run_once(lane);
    CHECK(repeats >= 1 && repeats <= 2); /* a turn of run_once, a turn of the loop */
    dbk_timer_stop(&timer);

    fired_count = 0;
    CHECK(dbk_timer_start(lane, &timer, 5, stop_other));
    start(lane, &other, 5);
    dbk_clock_manual_advance(&clock, 5);
    dbk_lane_run_once(lane);
    CHECK_EQ_SIZE(fired_count, 0);
    dbk_lane_free(lane);
}

/* ---- threads ---- */

typedef struct gate {
    dbk_mutex lock;
    dbk_cond changed;
    unsigned count;
} gate;

static void gate_init(gate *g) {
    dbk_mutex_init(&g->lock);
    dbk_cond_init(&g->changed);
    g->count = 0;
}

static void gate_end(gate *g) {
    dbk_cond_destroy(&g->changed);
    dbk_mutex_destroy(&g->lock);
}

static void gate_pass(gate *g) {
    dbk_mutex_lock(&g->lock);
    g->count++;
    dbk_cond_broadcast(&g->changed);
    dbk_mutex_unlock(&g->lock);
}

static void gate_wait(gate *g, unsigned count) {
    dbk_mutex_lock(&g->lock);
    while (g->count < count) {
        dbk_cond_wait(&g->changed, &g->lock);
    }
    dbk_mutex_unlock(&g->lock);
}

static struct {
    dbk_task task;
    dbk_timer timer;
    dbk_lane *lane;
    gate gate;
    int signals_blocked;
} remote;

static void pass_remote(dbk_timer *timer) {
    (void)timer;
    gate_pass(&remote.gate);
}

static void start_remote_timer(dbk_task *task) {
    (void)task;
    CHECK(dbk_timer_start(remote.lane, &remote.timer, 1, pass_remote));
}

DBK_TEST(lane_threaded_timer) {
    memset(&remote, 0, sizeof remote);
    gate_init(&remote.gate);
    remote.lane = new_lane(DBK_LANE_THREADED, &dbk_clock_system);
    remote.task.run = start_remote_timer;
    dbk_lane_post(remote.lane, &remote.task);
    gate_wait(&remote.gate, 1);
    dbk_lane_free(remote.lane);
    gate_end(&remote.gate);
}

static void look_at_signals(dbk_task *task) {
    (void)task;
    sigset_t mask;
    (void)pthread_sigmask(SIG_SETMASK, NULL, &mask);
    bool host = sigismember(&mask, SIGINT) == 1 && sigismember(&mask, SIGURG) == 1 &&
                sigismember(&mask, SIGPIPE) == 1;
    remote.signals_blocked = host && sigismember(&mask, SIGSEGV) == 0;
}

DBK_TEST(lane_leaves_signals_to_the_host) {
    memset(&remote, 0, sizeof remote);
    remote.lane = new_lane(DBK_LANE_THREADED, &dbk_clock_system);
    remote.task.run = look_at_signals;
    dbk_lane_post(remote.lane, &remote.task);
    dbk_lane_free(remote.lane);
    CHECK(remote.signals_blocked);
    sigset_t mask;
    (void)pthread_sigmask(SIG_SETMASK, NULL, &mask);
    CHECK(sigismember(&mask, SIGINT) == 0);
}

static void free_lane(dbk_task *task) {
    (void)task;
    dbk_lane_free(remote.lane); /* only asks: returns here */
    gate_pass(&remote.gate);
}

static size_t count_threads(void) {
    struct stat task;
    CHECK(stat("/proc/self/task", &task) == 0);
    return (size_t)task.st_nlink - 2;
}

DBK_TEST(lane_freed_on_its_own_thread) {
    size_t before = count_threads();
    memset(&remote, 0, sizeof remote);
    gate_init(&remote.gate);
    remote.lane = new_lane(DBK_LANE_THREADED, &dbk_clock_system);
    remote.task.run = free_lane;
    dbk_lane_post(remote.lane, &remote.task);
    gate_wait(&remote.gate, 1);
    while (count_threads() > before) { /* nobody can join it */
        (void)poll(NULL, 0, 1);
    }
    gate_end(&remote.gate);
}

DBK_TEST(lane_embedded_freed_in_a_callback) {
    memset(&remote, 0, sizeof remote);
    gate_init(&remote.gate);
    remote.lane = new_lane(DBK_LANE_EMBEDDED, &dbk_clock_system);
    remote.task.run = free_lane;
    dbk_lane_post(remote.lane, &remote.task);
    dbk_lane_run_for(remote.lane, -1); /* frees it; the leak check looks */
    gate_end(&remote.gate);
}

/* ---- embedding ---- */

static void *post_remote(void *arg) {
    (void)arg;
    dbk_lane_post(remote.lane, &remote.task);
    return NULL;
}

static void pass_task(dbk_task *task) {
    (void)task;
    gate_pass(&remote.gate);
}

DBK_TEST(lane_embedded_wakes_the_host) {
    pthread_t thread;
    memset(&remote, 0, sizeof remote);
    gate_init(&remote.gate);
    remote.lane = new_lane(DBK_LANE_EMBEDDED, &dbk_clock_system);
    CHECK(dbk_lane_is_embedded(remote.lane));
    CHECK(dbk_lane_on(remote.lane));
    CHECK(!dbk_lane_on_any());
    while (dbk_lane_timeout_ms(remote.lane) == 0) {
        dbk_lane_run_once(remote.lane);
    }
    struct pollfd p = {dbk_lane_fd(remote.lane), POLLIN, 0};
    CHECK(poll(&p, 1, 0) == 0);
    remote.task.run = pass_task;
    CHECK(pthread_create(&thread, NULL, post_remote, NULL) == 0);
    CHECK(poll(&p, 1, -1) == 1);
    dbk_lane_run_once(remote.lane);
    CHECK_EQ_U64(remote.gate.count, 1);
    (void)pthread_join(thread, NULL);

    CHECK(pthread_create(&thread, NULL, post_remote, NULL) == 0);
    while (remote.gate.count < 2) {
        dbk_lane_run_for(remote.lane, -1); /* blocks until the post */
    }
    (void)pthread_join(thread, NULL);
    dbk_lane_free(remote.lane);
    gate_end(&remote.gate);
}

/* ---- guests ---- */

typedef struct visitor {
    dbk_guest guest;
    unsigned id;
} visitor;

static void leave(dbk_guest *guest) {
    dbk_lane_leave(guest);
    fired[fired_count++] = DBK_CONTAINER_OF(guest, visitor, guest)->id;
}

DBK_TEST(lane_ends_its_guests) {
    visitor v[3] = {{.guest.end = leave, .id = 0},
                    {.guest.end = leave, .id = 1},
                    {.guest.end = leave, .id = 2}};
    dbk_lane *lane = new_lane(DBK_LANE_EMBEDDED, &dbk_clock_system);
    fired_count = 0;
    for (size_t i = 0; i < COUNT_OF(v); i++) {
        dbk_lane_join(lane, &v[i].guest);
    }
    dbk_lane_leave(&v[1].guest);
    dbk_lane_leave(&v[1].guest);
    dbk_lane_free(lane);
    CHECK_EQ_SIZE(fired_count, 2);
    CHECK_EQ_U64(fired[0], 0);
    CHECK_EQ_U64(fired[1], 2);
}

/* ---- memory ---- */

DBK_OOM_TEST(lane_out_of_memory) {
    dbk_lane *lane = NULL;
    dbk_timer timer = {0};
    dbk_status st = dbk_lane_new("test", DBK_LANE_THREADED, &dbk_clock_system, &lane, err);
    if (st != DBK_OK) {
        CHECK(lane == NULL);
        return st;
    }
    dbk_lane_free(lane);
    lane = NULL;
    st = dbk_lane_new("test", DBK_LANE_EMBEDDED, &dbk_clock_system, &lane, err);
    for (int i = 0; st == DBK_OK && i < 100; i++) {
        dbk_timer_stop(&timer);
        st = dbk_timer_start(lane, &timer, 1, note) ? DBK_OK : dbk_error_oom(err, "a timer");
    }
    if (lane != NULL) {
        dbk_timer_stop(&timer);
        dbk_lane_free(lane);
    }
    return st;
}
