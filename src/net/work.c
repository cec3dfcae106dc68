#include "net/work.h"

#include <signal.h>

#include "net/op.h"

struct dbk_work { /* of the operation and the thread together */
    atomic_int refs;
    const dbk_work_job *job;
    void *ctx;
    atomic_bool stopped;
    dbk_mutex lock;
    dbk_op *op;   /* under lock, counted: who is to be woken; NULL: nobody */
    dbk_task end; /* posted by the thread */
};

typedef struct work_op {
    dbk_op op;
    dbk_work *work;
} work_op;

enum { WORK_BEGIN, WORK_END };

static work_op *work_of(dbk_op *op) {
    return DBK_CONTAINER_OF(op, work_op, op);
}

static void work_unref(dbk_work *w) {
    if (atomic_fetch_sub(&w->refs, 1) == 1) {
        w->job->destroy(w->ctx);
        dbk_mutex_destroy(&w->lock);
        dbk_free(w);
    }
}

bool dbk_work_stopped(const dbk_work *work) {
    return atomic_load(&work->stopped);
}

/* ---- the thread ---- */

static void ended(dbk_task *task) { /* on the lane */
    dbk_work *w = DBK_CONTAINER_OF(task, dbk_work, end);
    dbk_op *op = w->op;
    w->op = NULL;
    dbk_op_wake(op);
    dbk_op_unref(op);
    work_unref(w);
}

static void *thread_main(void *user) {
    dbk_work *w = user;
    (void)pthread_setname_np(pthread_self(), w->job->name);
    w->job->run(w->ctx, w);
    dbk_mutex_lock(&w->lock);
    bool awaited = w->op != NULL; /* then the lane lives: its end would have ended the operation */
    if (awaited) {
        (void)atomic_fetch_add(&w->refs, 1); /* the task's */
        w->end.run = ended;
        dbk_lane_post(w->op->lane, &w->end);
    }
    dbk_mutex_unlock(&w->lock);
    work_unref(w); /* the thread's: after its last touch of the lock */
    return NULL;
}

static bool start_thread(dbk_work *w) {
    pthread_t thread;
    pthread_attr_t attr;
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    dbk_thread_attr_init(&attr);
    (void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are for the host's threads */
    bool ok = pthread_create(&thread, &attr, thread_main, w) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    (void)pthread_attr_destroy(&attr);
    return ok;
}

/* ---- the operation ---- */

static dbk_step work_begin(dbk_op *op) {
    dbk_work *w = work_of(op)->work;
    w->op = dbk_op_ref(op);
    (void)atomic_fetch_add(&w->refs, 1);
    if (!start_thread(w)) {
        w->op = NULL;
        dbk_op_unref(op);
        work_unref(w);
        return dbk_op_finish(op, dbk_error_set(&op->err, DBK_RESOURCE_EXHAUSTED,
                                               "the system gives no thread for %s", w->job->name));
    }
    return dbk_op_wait_wake(op, WORK_END);
}

static dbk_step work_end(dbk_op *op) {
    return dbk_op_finish(op, DBK_OK);
}

static void work_cancelled(dbk_op *op) {
    dbk_work *w = work_of(op)->work;
    atomic_store(&w->stopped, true);
    dbk_mutex_lock(&w->lock);
    bool posted = w->end.run != NULL; /* its task gives the reference back */
    dbk_op *awaiting = posted ? NULL : w->op;
    w->op = posted ? w->op : NULL;
    dbk_mutex_unlock(&w->lock);
    if (awaiting != NULL) {
        if (w->job->stop != NULL) {
            w->job->stop(w->ctx);
        }
        dbk_op_unref(awaiting);
    }
}

static void work_destroy(dbk_op *op) {
    work_unref(work_of(op)->work);
    dbk_free(work_of(op));
}

static const dbk_state work_states[] = {
    [WORK_BEGIN] = {"begin", work_begin, DBK_TO(WORK_END)},
    [WORK_END] = {"end", work_end, 0},
};
static const dbk_machine work_machine = {"work", work_states, 2, work_cancelled, work_destroy};

dbk_status dbk_work_new(dbk_lane *lane, const dbk_work_job *job, void *takes_ctx, dbk_op **out,
                        dbk_error *err) {
    work_op *o = dbk_alloc_zero(sizeof *o);
    dbk_work *w = dbk_alloc_zero(sizeof *w);
    if (o == NULL || w == NULL) {
        dbk_free(o);
        dbk_free(w);
        job->destroy(takes_ctx);
        return dbk_error_oom(err, job->name);
    }
    dbk_op_init(&o->op, &work_machine, lane);
    atomic_init(&w->refs, 1);
    atomic_init(&w->stopped, false);
    dbk_mutex_init(&w->lock);
    w->job = job;
    w->ctx = takes_ctx;
    o->work = w;
    *out = &o->op;
    return DBK_OK;
}
