#include "net/runtime.h"

#include "net/op.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit.h"

typedef struct census {
    size_t fds, threads;
} census;

/* Without opening a file: that would take part in what is counted. */
static size_t count_threads(void) {
    struct stat task;
    CHECK(stat("/proc/self/task", &task) == 0);
    return (size_t)task.st_nlink - 2;
}

static size_t count_fds(void) {
    size_t n = 0;
    for (int fd = 0; fd < 1024; fd++) {
        n += fcntl(fd, F_GETFD) >= 0 ? 1 : 0;
    }
    return n;
}

static census count_now(void) {
    return (census){count_fds(), count_threads()};
}

/* The kernel takes a joined thread out of the list a moment later. */
static void wait_for_threads(size_t want) {
    while (count_threads() > want) {
        (void)poll(NULL, 0, 1);
    }
}

static dbk_runtime *acquire(void) {
    dbk_error err = {0};
    dbk_runtime *rt = NULL;
    CHECK_OK(dbk_runtime_acquire(&rt, &err), &err);
    return rt;
}

static void start_data_lanes(dbk_runtime *rt) {
    dbk_error err = {0};
    for (size_t i = 0; i < dbk_runtime_data_lane_count(rt); i++) {
        dbk_lane *lane = NULL;
        dbk_lane *again = NULL;
        CHECK_OK(dbk_runtime_data_lane(rt, i, &lane, &err), &err);
        CHECK_OK(dbk_runtime_data_lane(rt, i, &again, &err), &err);
        CHECK(lane != NULL && lane == again && lane != dbk_runtime_control(rt));
    }
}

/* What the sanitizers and libraries start once is started before anything is counted. */
static census warm_up(void) {
    dbk_runtime_unref(acquire());
    return count_now();
}

typedef struct nice_seen {
    dbk_task task;
    dbk_mutex lock;
    dbk_cond told;
    bool done;
    int value;
} nice_seen;

static void see_nice(dbk_task *task) {
    nice_seen *seen = DBK_CONTAINER_OF(task, nice_seen, task);
    dbk_mutex_lock(&seen->lock);
    seen->value = getpriority(PRIO_PROCESS, 0);
    seen->done = true;
    dbk_cond_signal(&seen->told);
    dbk_mutex_unlock(&seen->lock);
}

static int nice_of(dbk_lane *lane) {
    nice_seen seen = {.task.run = see_nice};
    dbk_mutex_init(&seen.lock);
    dbk_cond_init(&seen.told);
    dbk_lane_post(lane, &seen.task);
    dbk_mutex_lock(&seen.lock);
    while (!seen.done) {
        dbk_cond_wait(&seen.told, &seen.lock);
    }
    dbk_mutex_unlock(&seen.lock);
    dbk_cond_destroy(&seen.told);
    dbk_mutex_destroy(&seen.lock);
    return seen.value;
}

static int nice_of_new_data_lane(dbk_runtime *rt, size_t i) {
    dbk_error err = {0};
    dbk_lane *lane = NULL;
    CHECK_OK(dbk_runtime_data_lane(rt, i, &lane, &err), &err);
    return nice_of(lane);
}

DBK_TEST(data_lanes_give_way) {
    int own = getpriority(PRIO_PROCESS, 0);
    dbk_runtime *rt = acquire();
    CHECK(nice_of_new_data_lane(rt, 0) == own);
    dbk_runtime_unref(rt);
    dbk_runtime_give_way();
    rt = acquire();
    CHECK(nice_of_new_data_lane(rt, 0) == (own + 10 < 19 ? own + 10 : 19));
    CHECK(nice_of(dbk_runtime_control(rt)) == own);
    dbk_runtime_unref(rt);
}

DBK_TEST(runtime_starts_and_ends_everything) {
    census before = warm_up();
    for (int i = 0; i < 3; i++) {
        dbk_runtime *rt = acquire();
        dbk_runtime *same = acquire();
        CHECK(rt == same);
        CHECK(dbk_runtime_alive(rt));
        CHECK_EQ_SIZE(count_now().threads, before.threads + 1); /* data lanes start when used */
        start_data_lanes(rt);
        size_t lanes = 1 + dbk_runtime_data_lane_count(rt);
        CHECK_EQ_SIZE(count_now().threads, before.threads + lanes);
        dbk_runtime_unref(dbk_runtime_ref(rt));
        dbk_runtime_unref(same);
        CHECK_EQ_SIZE(count_now().threads, before.threads + lanes);
        dbk_runtime_unref(rt);
        wait_for_threads(before.threads);
        CHECK_EQ_SIZE(count_now().threads, before.threads);
        CHECK_EQ_SIZE(count_now().fds, before.fds);
    }
    dbk_runtime_unref(NULL);
}

static struct {
    dbk_task task;
    dbk_runtime *rt;
} last;

static void unref_on_lane(dbk_task *task) {
    (void)task;
    dbk_runtime_unref(last.rt);
}

DBK_TEST(runtime_ends_on_its_own_lane) {
    dbk_error err = {0};
    census before = warm_up();
    for (int i = 0; i < 2; i++) { /* on the control lane, on a data lane */
        last.rt = acquire();
        start_data_lanes(last.rt);
        dbk_lane *lane = dbk_runtime_control(last.rt);
        if (i == 1) {
            CHECK_OK(dbk_runtime_data_lane(last.rt, 0, &lane, &err), &err);
        }
        last.task.run = unref_on_lane;
        dbk_lane_post(lane, &last.task);
        wait_for_threads(before.threads);
        while (count_now().fds != before.fds) { /* the thread's last deeds */
            (void)poll(NULL, 0, 1);
        }
    }
}

DBK_TEST(runtime_embedded) {
    dbk_error err = {0};
    census before = warm_up();
    dbk_lane *lane = NULL;
    dbk_lane *data = NULL;
    dbk_runtime *rt = NULL;
    CHECK_OK(dbk_lane_new("host", DBK_LANE_EMBEDDED, &dbk_clock_system, &lane, &err), &err);
    CHECK_OK(dbk_runtime_embed(lane, &rt, &err), &err);
    CHECK(dbk_runtime_alive(rt));
    CHECK(dbk_runtime_control(rt) == lane);
    CHECK_EQ_SIZE(dbk_runtime_data_lane_count(rt), 1);
    CHECK_OK(dbk_runtime_data_lane(rt, 0, &data, &err), &err);
    CHECK(data == lane);
    CHECK_EQ_SIZE(count_now().threads, before.threads);
    dbk_runtime_unref(rt);
    dbk_lane_free(lane);
    CHECK_EQ_SIZE(count_now().fds, before.fds);
}

static void *churn(void *arg) {
    (void)arg;
    for (int i = 0; i < 30; i++) {
        dbk_error err = {0};
        dbk_runtime *rt = NULL;
        dbk_lane *lane = NULL;
        if (dbk_runtime_acquire(&rt, &err) == DBK_OK) {
            dbk_status st = dbk_runtime_data_lane(rt, 0, &lane, &err);
            (void)st;
            dbk_runtime_unref(rt);
        }
        dbk_error_reset(&err);
    }
    return NULL;
}

DBK_TEST(runtime_from_many_threads) {
    census before = warm_up();
    pthread_t threads[4];
    for (size_t i = 0; i < COUNT_OF(threads); i++) {
        CHECK(pthread_create(&threads[i], NULL, churn, NULL) == 0);
    }
    for (size_t i = 0; i < COUNT_OF(threads); i++) {
        (void)pthread_join(threads[i], NULL);
    }
    wait_for_threads(before.threads);
    CHECK_EQ_SIZE(count_now().fds, before.fds);
}

/* ---- fork ---- */

/* Runs check in a child, which leaves by exit with its answer: 0 is good. */
static void in_child(int (*check)(void *ctx), void *ctx) {
#if defined(__SANITIZE_THREAD__)
    return; /* it supports no threads in a fork's child */
#elif defined(__has_feature)
#    if __has_feature(thread_sanitizer)
    return;
#    endif
#endif
    (void)fflush(NULL);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        (void)alarm(20); /* a child that hangs fails */
        exit(check(ctx));
    }
    int status = 0;
    CHECK(waitpid(pid, &status, 0) == pid);
    CHECK_EQ_I64(status, 0);
}

static int use_in_child(void *ctx) {
    dbk_runtime *old = ctx;
    dbk_error err = {0};
    dbk_runtime *fresh = NULL;
    dbk_lane *lane = NULL;
    if (dbk_runtime_alive(old) || dbk_lane_on_any()) {
        return 1;
    }
    dbk_runtime_unref(old); /* touches nothing */
    if (dbk_runtime_acquire(&fresh, &err) != DBK_OK || fresh == old || !dbk_runtime_alive(fresh)) {
        return 2;
    }
    if (dbk_runtime_data_lane(fresh, 0, &lane, &err) != DBK_OK) {
        return 3;
    }
    dbk_runtime_unref(fresh);
    return 0;
}

DBK_TEST(runtime_fork) {
    dbk_runtime *rt = acquire();
    start_data_lanes(rt);
    in_child(use_in_child, rt);
    CHECK(dbk_runtime_alive(rt)); /* the parent goes on */
    dbk_runtime *same = acquire();
    CHECK(same == rt);
    dbk_runtime_unref(same);
    dbk_runtime_unref(rt);
}

/* An operation in whose midst the process forks: by what it runs, or by another thread. */
typedef struct midst {
    dbk_op op; /* first */
    dbk_runtime *rt;
    pthread_t caller;
    bool forks;       /* itself, when its caller runs it */
    bool runs_loop;   /* its caller does */
    atomic_bool busy; /* others fork meanwhile */
} midst;

enum { MIDST_LOOK, MIDST_END };

/* Without exit handlers: a leak checker does not see the stack of a thread that the child has not. */
static int use_and_leave(void *ctx) {
    _exit(use_in_child(ctx));
}

static dbk_step midst_look(dbk_op *op) {
    midst *m = DBK_CONTAINER_OF(op, midst, op);
    m->runs_loop = pthread_equal(m->caller, pthread_self()) != 0;
    if (m->forks && m->runs_loop) {
        in_child(use_and_leave, m->rt);
    }
    return dbk_op_wait_ms(op, 0, atomic_load(&m->busy) ? MIDST_LOOK : MIDST_END);
}

static dbk_step midst_end(dbk_op *op) {
    return dbk_op_finish(op, DBK_OK);
}

static void midst_destroy(dbk_op *op) {
    (void)op; /* on the stack */
}

static const dbk_state midst_states[] = {
    [MIDST_LOOK] = {"look", midst_look, DBK_TO(MIDST_LOOK) | DBK_TO(MIDST_END)},
    [MIDST_END] = {"end", midst_end, 0},
};
static const dbk_machine midst_machine = {"midst", midst_states, 2, NULL, midst_destroy};

static bool run_midst(midst *m) {
    dbk_error err = {0};
    memset(&m->op, 0, sizeof m->op);
    dbk_op_init(&m->op, &midst_machine, dbk_runtime_control(m->rt));
    m->caller = pthread_self();
    CHECK_OK(dbk_op_run(&m->op, &err), &err);
    dbk_op_unref(&m->op);
    return m->runs_loop;
}

static void *run_midst_on(void *ctx) {
    (void)run_midst(ctx);
    return NULL;
}

DBK_TEST(runtime_fork_while_a_caller_runs_the_loop) {
    midst m = {.rt = acquire(), .forks = true};
    pthread_t thread;
    while (!run_midst(&m)) { /* the loop is lent for some milliseconds */
    }
    m.forks = false;
    atomic_store(&m.busy, true);
    CHECK(pthread_create(&thread, NULL, run_midst_on, &m) == 0);
    for (int i = 0; i < 5; i++) {
        in_child(use_and_leave, m.rt);
    }
    atomic_store(&m.busy, false);
    (void)pthread_join(thread, NULL);
    dbk_runtime_unref(m.rt);
}

/* ---- exit with a session open ---- */

static dbk_runtime *forgotten;

/* Runs after the library's own exit handler: an object of the host that closes its session late. */
__attribute__((destructor)) static void close_late(void) {
    if (forgotten != NULL && dbk_runtime_alive(forgotten)) {
        _exit(9);
    }
    dbk_runtime_unref(forgotten);
}

static void stay_busy(dbk_task *task) {
    dbk_lane_post(dbk_runtime_control(forgotten), task);
}

static int leave_lanes_running(void *ctx) {
    (void)ctx;
    static dbk_task task = {NULL, stay_busy};
    dbk_error err = {0};
    dbk_lane *lane = NULL;
    if (dbk_runtime_acquire(&forgotten, &err) != DBK_OK ||
        dbk_runtime_data_lane(forgotten, 0, &lane, &err) != DBK_OK) {
        return 1;
    }
    dbk_lane_post(dbk_runtime_control(forgotten), &task);
    return 0;
}

DBK_TEST(runtime_exit_with_lanes_running) {
    in_child(leave_lanes_running, NULL);
}

DBK_OOM_TEST(runtime_out_of_memory) {
    dbk_runtime *rt = NULL;
    dbk_lane *lane = NULL;
    dbk_status st = dbk_runtime_acquire(&rt, err);
    if (st == DBK_OK) {
        st = dbk_runtime_data_lane(rt, 0, &lane, err);
    }
    dbk_runtime_unref(rt);
    return st;
}
