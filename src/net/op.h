/* net/op.h: operations: explicit state machines that wait on lanes.
 *
 * A machine is a table of states in the order of the happy path. A state function starts at most
 * one wait and says where to go; the runner owns failure, deadline and cancelling:
 *   - a failed child, the deadline or a cancel end the operation with that error;
 *   - the end of an exchange or a child is told to the next state also when a cancel came meanwhile:
 *     what the server answered is never lost; the cancel takes effect after that state;
 *   - `cancelled` is called once, on the lane, when the latch ends a running operation;
 *   - the completion callback runs exactly once, last, on the lane.
 * What err said of may_have_executed and query_id before a cancel or a deadline stays said.
 * An operation is counted: its creator holds one reference, the runner one while it runs. A lane that
 * is freed cancels the operations that still run on it. */
#ifndef DBK_NET_OP_H
#define DBK_NET_OP_H

#include "net/http.h"
#include "net/lane.h"

typedef struct dbk_op dbk_op;

/* What a state function answers; made only by the functions below. */
typedef enum dbk_step {
    DBK_STEP_GOTO,
    DBK_STEP_NEXT, /* like GOTO, after a wait that ended at once */
    DBK_STEP_WAIT,
    DBK_STEP_DONE
} dbk_step;

typedef struct dbk_state {
    const char *name;
    dbk_step (*run)(dbk_op *op);
    uint32_t may_go_to; /* mask of TO(state): checked in debug builds */
} dbk_state;
#define DBK_TO(state) (1u << (state))

typedef struct dbk_machine {
    const char *name;
    const dbk_state *states; /* the first is the start */
    size_t state_count;
    void (*cancelled)(dbk_op *op); /* may be NULL; also called when the deadline ends it, while the
                                      wait it ends is still there: see dbk_op_detach_child */
    void (*destroy)(dbk_op *op);   /* frees the enclosing object; never NULL */
} dbk_machine;

typedef void (*dbk_op_done_cb)(dbk_op *op, void *ctx);

/* First member of every operation. Fields are for op.c and, where said, for state functions. */
struct dbk_op {
    const dbk_machine *machine;
    dbk_lane *lane;
    dbk_error err;          /* why it failed; state functions may fill it before finishing */
    dbk_status status;      /* valid when done */
    dbk_http *http;         /* the exchange last waited for: state functions read its response */
    const char *session_id; /* for log lines; borrowed, may be NULL */
    atomic_size_t refs;
    atomic_bool done;
    atomic_bool cancel_wanted;
    atomic_bool cancel_posted;
    bool running;
    bool tolerant;       /* the child's failure goes to the next state, not to the caller */
    bool parked;         /* waits for dbk_op_wake */
    bool starting_child; /* inside wait_child: a child that ends at once is seen there */
    bool wake_posted;
    uint32_t state;
    uint32_t next_state;
    dbk_op *child;
    dbk_timer timer;
    dbk_timer deadline;
    uint64_t deadline_ms; /* relative, 0: none; before the start */
    atomic_uint_fast64_t limit_ms;
    atomic_bool limit_posted;
    dbk_task start_task;
    dbk_task cancel_task;
    dbk_task wake_task;
    dbk_task limit_task;
    dbk_guest guest; /* while it runs */
    dbk_op_done_cb on_done;
    void *ctx;
};

/* Prepares the embedded op of a zeroed object, with one reference for the caller. */
void dbk_op_init(dbk_op *op, const dbk_machine *machine, dbk_lane *lane);
/* Nobody waits for it: it may begin some milliseconds later, and stand still as long. Before the start. */
void dbk_op_set_unattended(dbk_op *op);
dbk_op *dbk_op_ref(dbk_op *op); /* any thread */
void dbk_op_unref(dbk_op *op);  /* any thread; NULL is a no-op; the last calls machine->destroy */

/* Starts it: at once when called on its lane and not inside a sink, else through a task. on_done may
 * be NULL. Any thread. */
void dbk_op_start(dbk_op *op, dbk_op_done_cb on_done, void *ctx);
/* Latches the wish to cancel; it takes effect on the lane. Any thread, any time, idempotent. */
void dbk_op_cancel(dbk_op *op);
bool dbk_op_is_done(const dbk_op *op); /* any thread */
/* Of a started operation: its deadline is ms from now; 0: none. Any thread. */
void dbk_op_limit(dbk_op *op, uint64_t ms);

/* Starts it and blocks until it is done; its error is moved to err. An embedded lane is run meanwhile,
 * a threaded one that is lent too.
 * InvalidArgument on a lane. */
DBK_MUST_USE dbk_status dbk_op_run(dbk_op *op, dbk_error *err);

/* ---- for state functions, on the lane ---- */

dbk_step dbk_op_goto(dbk_op *op, uint32_t state);
dbk_step dbk_op_wait_ms(dbk_op *op, uint64_t delay_ms, uint32_t next);
/* Exchange; whatever its outcome, the next state reads op->http. */
dbk_step dbk_op_wait_http(dbk_op *op, dbk_http_config *config, const dbk_http_request *request,
                          uint32_t next);
/* Runs the child on this lane; the caller keeps its reference to the child. A failure of the child
 * is moved up and ends this operation. */
dbk_step dbk_op_wait_op(dbk_op *op, dbk_op *child, uint32_t next);
/* The same, but the next state also runs when the child failed (it reads child->status and err). */
dbk_step dbk_op_try_op(dbk_op *op, dbk_op *child, uint32_t next);
/* Lets the child this operation waits for run on by itself: its end goes to on_done. The caller of
 * this function gets the runner's reference to the child. NULL: there is no running child. */
dbk_op *dbk_op_detach_child(dbk_op *op, dbk_op_done_cb on_done, void *ctx);
/* Parks until dbk_op_wake. */
dbk_step dbk_op_wait_wake(dbk_op *op, uint32_t next);
/* Lane thread; no-op when it is not parked. It goes on inside this call, inside a sink after it. */
void dbk_op_wake(dbk_op *op);
/* The end. A status other than OK is expected to be described in op->err. */
dbk_step dbk_op_finish(dbk_op *op, dbk_status st);

#endif
