/* abi/loop.h: loops and futures, for the files of dbkernel_async.h.
 *
 * An operation ends on a lane. Its future makes the result there and then waits on its loop's list of what
 * is done until dbk_loop_run_once. Everything between the two threads is under the loop's lock. */
#ifndef DBK_ABI_LOOP_H
#define DBK_ABI_LOOP_H

#include "abi/abi.h"

struct dbk_loop {
    atomic_size_t refs;   /* the caller's, and one per future */
    unsigned epoch;       /* of the process: another one means that the loop is dead */
    int fds[2];           /* threaded: a pipe, a byte is in it while `told`; embedded: -1 */
    dbk_lane *lane;       /* embedded: owned; else NULL */
    dbk_runtime *runtime; /* of that lane; counted */
    dbk_task wake_task;
    bool wake_posted; /* under lock */
    bool dispatching; /* the loop's thread is in a callback */
    dbk_mutex lock;
    dbk_cond changed;
    dbk_list ready; /* under lock, as all below: futures that are done, in that order */
    size_t ready_count;
    size_t live;                 /* futures that were not freed */
    dbk_list changed_statements; /* whose progress is to be told (progress.c) */
    bool over;                   /* being freed: nothing more is told */
    bool woken;
    bool told;
    void (*notify)(void *ctx);
    void *notify_ctx;
};

DBK_MUST_USE bool dbk_loop_ok(const dbk_loop *loop, const char *function);
/* May work of this runtime be started on the loop? Else InvalidArgument as the last error. */
DBK_MUST_USE bool dbk_loop_carries(const dbk_loop *loop, dbk_runtime *runtime,
                                   const char *function);
/* Something is there to dispatch; it may be over. Under the lock. */
void dbk_loop_tell_locked(dbk_loop *loop);
void dbk_loop_settle_locked(dbk_loop *loop);
bool dbk_loop_wait_locked(dbk_loop *loop, int timeout_ms, bool (*over)(const void *ctx),
                          const void *ctx);
/* Inside a callback of an embedded loop a call that blocks would wait for the loop itself. */
void dbk_loop_enter_callback(dbk_loop *loop);
void dbk_loop_leave_callback(dbk_loop *loop);
/* progress.c: tells of at most so many statements. */
void dbk_progress_dispatch(dbk_loop *loop, size_t most);
dbk_loop *dbk_loop_ref(dbk_loop *loop);
void dbk_loop_unref(dbk_loop *loop);

typedef enum dbk_result_kind {
    DBK_RESULT_NONE,
    DBK_RESULT_SESSION,
    DBK_RESULT_EXECUTED,
    DBK_RESULT_ASYNC,
    DBK_RESULT_STREAM,
    DBK_RESULT_BATCH,
    DBK_RESULT_SCHEMA,
    DBK_RESULT_IPC,
    DBK_RESULT_STATE,
    DBK_RESULT_DISPATCHED
} dbk_result_kind;

/* What a starter asks for. finish runs once, on the lane that the operation ended on (or in the starter,
 * when there is nothing to wait for and op is NULL): fills the result and answers the future's status. */
typedef struct dbk_future_kind {
    const char *name; /* of the starter */
    dbk_result_kind result;
    dbk_status (*finish)(dbk_future *f, dbk_op *op, dbk_status ran); /* NULL: nothing to do */
} dbk_future_kind;

struct dbk_future {
    atomic_size_t refs; /* the caller's, and the operation's until it has ended */
    const dbk_future_kind *kind;
    dbk_loop *loop; /* counted */
    dbk_future_cb cb;
    void *user_data;

    dbk_node node;  /* under the loop's lock, as the four below: in loop->ready */
    bool orphan;    /* the caller has freed it */
    dbk_op *op;     /* counted; while it runs */
    dbk_exec *exec; /* counted; while it runs: the execution it is about, or NULL */
    char query_id[DBK_ERROR_ID_SIZE];
    atomic_bool done;   /* set under the lock; what follows does not change any more */
    dbk_handle *handle; /* begun; while it runs, or NULL */

    dbk_status status;
    dbk_error err;
    bool taken;
    dbk_session *session; /* counted, or NULL; what the operation needs, then the result */
    dbk_exec *executed;
    dbk_stream *stream;
    dbk_batch *batch;
    dbk_schema *schema; /* counted */
    dbk_buf ipc;
    dbk_placed placed;  /* in its place */
    size_t merge_bytes; /* of a payload */
    dbk_sea_state state;
    bool dispatched;
};

/* Who starts: the first arguments of every starter. */
typedef struct dbk_start {
    dbk_loop *loop;
    dbk_future_cb cb;
    void *user_data;
    dbk_future **out;
} dbk_start;

/* Arguments of a starter, checked together; fills the last error. */
DBK_MUST_USE bool dbk_start_ok(const dbk_start *start, const char *function);
DBK_MUST_USE dbk_status dbk_future_new(const dbk_start *start, const dbk_future_kind *kind,
                                       dbk_future **out, dbk_error *err);
/* Gives a reference back: also ends a future that was not launched. */
void dbk_future_drop(dbk_future *f);
/* Takes op; NULL: it is done. h may be NULL: is busy until the end. */
void dbk_future_launch(dbk_future *f, const dbk_start *start, dbk_op *takes_op, dbk_handle *h);

#endif
