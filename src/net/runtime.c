#include "net/runtime.h"

#include <unistd.h>

#define DATA_LANES_MAX 4u

struct dbk_runtime {
    atomic_size_t refs; /* changed to zero only under `process.lock` for the shared runtime */
    unsigned generation; /* fork generation it belongs to */
    bool embedded;
    dbk_lane *control;
    size_t data_count;
    dbk_mutex lock; /* data lanes start under it */
    dbk_lane *data[DATA_LANES_MAX];
};

static struct {
    dbk_mutex lock;
    dbk_runtime *shared; /* no reference: the runtime clears it when it ends */
    pthread_once_t once;
} process = {.lock = PTHREAD_MUTEX_INITIALIZER, .once = PTHREAD_ONCE_INIT};

static atomic_uint fork_generation;

static void before_fork(void) {
    dbk_mutex_lock(&process.lock);
}

static void after_fork_parent(void) {
    dbk_mutex_unlock(&process.lock);
}

/* The parent's threads do not exist here and its sockets are not ours to speak on. */
static void after_fork_child(void) {
    process.shared = NULL;
    (void)atomic_fetch_add(&fork_generation, 1);
    dbk_mutex_unlock(&process.lock);
}

static void watch_forks(void) {
    (void)pthread_atfork(before_fork, after_fork_parent, after_fork_child);
}

bool dbk_runtime_alive(const dbk_runtime *rt) {
    return rt->generation == atomic_load_explicit(&fork_generation, memory_order_relaxed);
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
    rt->generation = atomic_load(&fork_generation);
    rt->data_count = rt->embedded ? 1 : dbk_min_size(core_count(), DATA_LANES_MAX);
    dbk_mutex_init(&rt->lock);
    *out = rt;
    return DBK_OK;
}

dbk_status dbk_runtime_acquire(dbk_runtime **out, dbk_error *err) {
    (void)pthread_once(&process.once, watch_forks);
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
    (void)pthread_once(&process.once, watch_forks);
    return new_runtime(lane, out, err);
}

dbk_runtime *dbk_runtime_ref(dbk_runtime *rt) {
    (void)atomic_fetch_add_explicit(&rt->refs, 1, memory_order_relaxed);
    return rt;
}

static void end_runtime(dbk_runtime *rt) {
    if (!dbk_runtime_alive(rt)) {
        return; /* the parent's: its memory stays, nothing of it is touched */
    }
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
    if (rt == NULL) {
        return;
    }
    if (!dbk_runtime_alive(rt)) {
        return;
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

dbk_lane *dbk_runtime_control(dbk_runtime *rt) {
    return rt->control;
}

size_t dbk_runtime_data_lane_count(const dbk_runtime *rt) {
    return rt->data_count;
}

dbk_status dbk_runtime_data_lane(dbk_runtime *rt, size_t i, dbk_lane **out, dbk_error *err) {
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
    }
    *out = rt->data[i];
    dbk_mutex_unlock(&rt->lock);
    return st;
}
