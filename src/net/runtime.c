#include "net/runtime.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "net/roots.h"

#define DATA_LANES_MAX 4u
/* A tenth of the weight of an ordinary thread: one that wakes for a moment need not wait for the end of a
 * lane's slice (docs/performance.md, "The Node.js addon"). */
#define GIVE_WAY_NICE 10
/* exit() waits no longer than this for lanes to stand still. */
#define PARK_LIMIT_MS 200u

struct dbk_runtime {
    atomic_size_t refs; /* changed to zero only under `process.lock` for the shared runtime */
    unsigned epoch;     /* of the process: ends with a fork (in the child) and with exit */
    bool embedded;
    dbk_lane *control;
    size_t data_count;
    dbk_mutex lock; /* data lanes start under it */
    dbk_lane *data[DATA_LANES_MAX];
    dbk_task giving[DATA_LANES_MAX];
};

static struct {
    dbk_mutex lock;
    dbk_runtime *shared; /* no reference: the runtime clears it when it ends */
    pthread_once_t once;
} process = {.lock = PTHREAD_MUTEX_INITIALIZER, .once = PTHREAD_ONCE_INIT};

static atomic_uint epoch;
static atomic_bool gives_way;

static void forget_background(void);

static void before_fork(void) {
    dbk_mutex_lock(&process.lock);
    dbk_roots_before_fork();
}

static void after_fork_parent(void) {
    dbk_roots_after_fork();
    dbk_mutex_unlock(&process.lock);
}

/* The parent's threads do not exist here and its sockets are not ours to speak on. */
static void after_fork_child(void) {
    process.shared = NULL;
    forget_background();
    (void)atomic_fetch_add(&epoch, 1);
    dbk_lane_forget_thread();
    dbk_roots_after_fork();
    dbk_mutex_unlock(&process.lock);
}

/* ---- exit ---- */

static struct {
    dbk_mutex lock;
    dbk_cond changed;
    size_t moving; /* lanes that have not parked yet */
    dbk_task tasks[DATA_LANES_MAX + 1];
    const dbk_runtime *kept; /* its memory stays, and a leak checker finds it here */
} parking = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void park(dbk_task *task) {
    (void)task;
    dbk_mutex_lock(&parking.lock);
    parking.moving--;
    dbk_cond_signal(&parking.changed);
    dbk_mutex_unlock(&parking.lock);
    for (;;) {
        (void)pause();
    }
}

static void park_lane(dbk_lane *lane, size_t i) {
    if (lane != NULL && !dbk_lane_on(lane)) {
        parking.moving++;
        parking.tasks[i].run = park;
        dbk_lane_post(lane, &parking.tasks[i]);
    }
}

/* A process that exits with sessions open: its lanes stop using OpenSSL and libc before the exit
 * handlers of those take their memory down, and from then on every handle is dead: an exit handler of
 * the host that closes one must not wait for a lane. A lane inside a host's callback is not waited
 * for. */
static void park_at_exit(void) {
    dbk_mutex_lock(&process.lock);
    dbk_runtime *rt = process.shared;
    process.shared = NULL;
    (void)atomic_fetch_add(&epoch, 1);
    dbk_mutex_lock(&parking.lock);
    parking.kept = rt;
    if (rt != NULL) {
        dbk_mutex_lock(&rt->lock);
        park_lane(rt->control, DATA_LANES_MAX);
        for (size_t i = 0; i < rt->data_count; i++) {
            park_lane(rt->data[i], i);
        }
        dbk_mutex_unlock(&rt->lock);
    }
    dbk_mutex_unlock(&process.lock);
    dbk_cond_init(&parking.changed);
    uint64_t until = dbk_clock_ms(&dbk_clock_system) + PARK_LIMIT_MS;
    while (parking.moving > 0 && dbk_cond_wait_until(&parking.changed, &parking.lock, until)) {
    }
    dbk_mutex_unlock(&parking.lock);
}

/* ---- work in the background ---- */

static struct {
    dbk_mutex lock;
    dbk_cond none; /* on the monotonic clock: made on first use */
    bool made;
    size_t count;
} background = {.lock = PTHREAD_MUTEX_INITIALIZER};

void dbk_background_begin(void) {
    dbk_mutex_lock(&background.lock);
    background.count++;
    dbk_mutex_unlock(&background.lock);
}

void dbk_background_end(void) {
    dbk_mutex_lock(&background.lock);
    background.count--;
    if (background.count == 0 && background.made) {
        dbk_cond_broadcast(&background.none);
    }
    dbk_mutex_unlock(&background.lock);
}

size_t dbk_background_wait(uint64_t timeout_ms) {
    uint64_t now = dbk_clock_ms(&dbk_clock_system);
    uint64_t until = timeout_ms < UINT32_MAX ? now + timeout_ms : now + UINT32_MAX;
    dbk_mutex_lock(&background.lock);
    if (!background.made) {
        dbk_cond_init(&background.none);
        background.made = true;
    }
    while (background.count > 0 && dbk_cond_wait_until(&background.none, &background.lock, until)) {
    }
    size_t left = background.count;
    dbk_mutex_unlock(&background.lock);
    return left;
}

/* What the parent's threads were about to do is not this process's. */
static void forget_background(void) {
    (void)pthread_mutex_init(&background.lock, NULL);
    background.made = false;
    background.count = 0;
}

static void watch_process(void) {
    (void)pthread_atfork(before_fork, after_fork_parent, after_fork_child);
    (void)atexit(park_at_exit);
}

unsigned dbk_process_epoch(void) {
    (void)pthread_once(&process.once, watch_process);
    return atomic_load_explicit(&epoch, memory_order_relaxed);
}

bool dbk_runtime_alive(const dbk_runtime *rt) {
    return rt->epoch == atomic_load_explicit(&epoch, memory_order_relaxed);
}

static size_t core_count(void) {
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n > 0 ? (size_t)n : 1;
}

static dbk_status new_runtime(dbk_lane *embedded, dbk_runtime **out, dbk_error *err) {
    dbk_runtime *rt = dbk_alloc_zero(sizeof *rt);
    if (rt == NULL) {
        return dbk_error_oom(err, "the runtime");
    }
    dbk_status st = DBK_OK;
    if (embedded != NULL) {
        rt->control = embedded;
    } else {
        st = dbk_lane_new("dbk-control", DBK_LANE_THREADED, &dbk_clock_system, &rt->control, err);
    }
    if (st != DBK_OK) {
        dbk_free(rt);
        return st;
    }
    atomic_init(&rt->refs, 1);
    rt->embedded = embedded != NULL;
    rt->epoch = atomic_load(&epoch);
    rt->data_count = rt->embedded ? 1 : dbk_min_size(core_count(), DATA_LANES_MAX);
    dbk_mutex_init(&rt->lock);
    *out = rt;
    return DBK_OK;
}

dbk_status dbk_runtime_acquire(dbk_runtime **out, dbk_error *err) {
    (void)pthread_once(&process.once, watch_process);
    dbk_status st = DBK_OK;
    dbk_mutex_lock(&process.lock);
    if (process.shared != NULL) {
        *out = dbk_runtime_ref(process.shared);
    } else {
        st = new_runtime(NULL, &process.shared, err);
        if (st == DBK_OK) {
            *out = process.shared;
        }
    }
    dbk_mutex_unlock(&process.lock);
    return st;
}

dbk_status dbk_runtime_embed(dbk_lane *lane, dbk_runtime **out, dbk_error *err) {
    (void)pthread_once(&process.once, watch_process);
    return new_runtime(lane, out, err);
}

dbk_runtime *dbk_runtime_ref(dbk_runtime *rt) {
    (void)atomic_fetch_add_explicit(&rt->refs, 1, memory_order_relaxed);
    return rt;
}

static void end_runtime(dbk_runtime *rt) {
    if (!rt->embedded) {
        for (size_t i = 0; i < rt->data_count; i++) {
            dbk_lane_free(rt->data[i]);
        }
        dbk_lane_free(rt->control);
    }
    dbk_mutex_destroy(&rt->lock);
    dbk_free(rt);
}

void dbk_runtime_unref(dbk_runtime *rt) {
    if (rt == NULL || !dbk_runtime_alive(rt)) {
        return; /* the parent's: its memory stays, nothing of it is touched */
    }
    dbk_mutex_lock(&process.lock);
    bool last = atomic_fetch_sub_explicit(&rt->refs, 1, memory_order_acq_rel) == 1;
    if (last && process.shared == rt) {
        process.shared = NULL;
    }
    dbk_mutex_unlock(&process.lock);
    if (last) {
        end_runtime(rt);
    }
}

bool dbk_runtime_is_shared(dbk_runtime *rt) {
    return atomic_load(&rt->refs) > 1;
}

dbk_lane *dbk_runtime_control(dbk_runtime *rt) {
    return rt->control;
}

size_t dbk_runtime_data_lane_count(const dbk_runtime *rt) {
    return rt->data_count;
}

void dbk_runtime_give_way(void) {
    atomic_store(&gives_way, true);
}

/* On the lane. Elsewhere than on Linux it would be the priority of the whole process. */
static void give_way(dbk_task *task) {
    (void)task;
#ifdef __linux__
    (void)setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0) + GIVE_WAY_NICE);
#endif
}

dbk_status dbk_runtime_data_lane(dbk_runtime *rt, size_t i, dbk_lane **out, dbk_error *err) {
    DBK_ASSERT(i < rt->data_count);
    if (rt->embedded) {
        *out = rt->control;
        return DBK_OK;
    }
    dbk_status st = DBK_OK;
    dbk_mutex_lock(&rt->lock);
    if (rt->data[i] == NULL) {
        char name[16];
        (void)snprintf(name, sizeof name, "dbk-data-%zu", i % 100);
        st = dbk_lane_new(name, DBK_LANE_THREADED, &dbk_clock_system, &rt->data[i], err);
        if (st == DBK_OK && atomic_load(&gives_way)) {
            rt->giving[i].run = give_way;
            dbk_lane_post(rt->data[i], &rt->giving[i]);
        }
    }
    if (st == DBK_OK) {
        *out = rt->data[i];
    }
    dbk_mutex_unlock(&rt->lock);
    return st;
}
