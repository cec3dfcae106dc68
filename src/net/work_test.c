#include "net/net.h"

#include <unistd.h>

#include "unit.h"

typedef struct job {
    bool until_stopped;
    atomic_bool begun;
    int result;
} job;

static atomic_int destroyed;
static atomic_int stops;

static void run(void *ctx, const dbk_work *work) {
    job *j = ctx;
    atomic_store(&j->begun, true);
    while (j->until_stopped && !dbk_work_stopped(work)) {
        (void)usleep(100);
    }
    j->result = 42;
}

static void stop(void *ctx) {
    (void)ctx;
    (void)atomic_fetch_add(&stops, 1);
}

static void destroy(void *ctx) {
    dbk_free(ctx);
    (void)atomic_fetch_add(&destroyed, 1);
}

static const dbk_work_job kind = {"test-work", run, stop, destroy};

static dbk_lane *new_lane(dbk_lane_mode mode) {
    dbk_lane *lane = NULL;
    dbk_error err = {0};
    atomic_store(&destroyed, 0);
    atomic_store(&stops, 0);
    CHECK_OK(dbk_lane_new("work", mode, &dbk_clock_system, &lane, &err), &err);
    return lane;
}

static dbk_op *new_work(dbk_lane *lane, bool until_stopped, job **out) {
    dbk_op *op = NULL;
    dbk_error err = {0};
    *out = dbk_alloc_zero(sizeof **out);
    CHECK(*out != NULL);
    (*out)->until_stopped = until_stopped;
    CHECK_OK(dbk_work_new(lane, &kind, *out, &op, &err), &err);
    return op;
}

static void wait_destroyed(int count) {
    while (atomic_load(&destroyed) < count) {
        (void)usleep(100);
    }
}

DBK_TEST(work_is_awaited) {
    static const dbk_lane_mode modes[] = {DBK_LANE_THREADED, DBK_LANE_EMBEDDED};
    for (size_t i = 0; i < COUNT_OF(modes); i++) {
        dbk_lane *lane = new_lane(modes[i]);
        for (int n = 1; n <= 50; n++) { /* the end of the thread and of the operation race */
            job *j = NULL;
            dbk_error err = {0};
            dbk_op *op = new_work(lane, false, &j);
            CHECK_OK(dbk_op_run(op, &err), &err);
            CHECK_EQ_I64(j->result, 42);
            dbk_op_unref(op);
        }
        wait_destroyed(50);
        CHECK_EQ_I64(atomic_load(&stops), 0);
        dbk_lane_free(lane);
    }
}

DBK_TEST(work_that_nobody_awaits_any_more) {
    dbk_lane *lane = new_lane(DBK_LANE_THREADED);
    job *j = NULL;
    dbk_op *op = new_work(lane, true, &j);
    dbk_op_start(op, NULL, NULL);
    while (!atomic_load(&j->begun)) {
        (void)usleep(100);
    }
    dbk_op_cancel(op);
    while (!dbk_op_is_done(op)) {
        (void)usleep(100);
    }
    CHECK_EQ_I64(op->status, DBK_CANCELLED);
    dbk_op_unref(op);
    wait_destroyed(1);
    CHECK_EQ_I64(atomic_load(&stops), 1);
    dbk_lane_free(lane);
}

DBK_TEST(work_outlives_its_lane) {
    dbk_lane *lane = new_lane(DBK_LANE_THREADED);
    job *j = NULL;
    dbk_op *op = new_work(lane, true, &j);
    dbk_op_start(op, NULL, NULL);
    while (!atomic_load(&j->begun)) {
        (void)usleep(100);
    }
    dbk_lane_free(lane);
    CHECK_EQ_I64(op->status, DBK_CANCELLED);
    dbk_op_unref(op);
    wait_destroyed(1);
}

DBK_TEST(work_that_never_began) {
    dbk_lane *lane = new_lane(DBK_LANE_EMBEDDED);
    job *j = NULL;
    dbk_op_unref(new_work(lane, false, &j));
    CHECK_EQ_I64(atomic_load(&destroyed), 1);
    dbk_lane_free(lane);
}

DBK_OOM_TEST(work_out_of_memory) {
    dbk_lane *lane = NULL;
    dbk_op *op = NULL;
    job *j = NULL;
    dbk_status st = dbk_lane_new("work", DBK_LANE_EMBEDDED, &dbk_clock_system, &lane, err);
    j = st == DBK_OK ? dbk_alloc_zero(sizeof *j) : NULL;
    if (st == DBK_OK) {
        st = j != NULL ? dbk_work_new(lane, &kind, j, &op, err) : dbk_error_oom(err, "a job");
    }
    dbk_op_unref(op);
    dbk_lane_free(lane);
    return st;
}
