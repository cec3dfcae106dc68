/* session/internal.h: what the files of this room share. */
#ifndef DBK_SESSION_INTERNAL_H
#define DBK_SESSION_INTERNAL_H

#include "session/session.h"

struct dbk_session {
    atomic_size_t refs;
    dbk_runtime *runtime; /* counted */
    dbk_sea *sea;         /* counted */
    dbk_str id;
    atomic_bool open;
    bool honour_transactions;
    atomic_bool autocommit;
    bool inline_only;
    dbk_stream_options stream;
    dbk_mutex lock;
    dbk_cond idle;
    size_t detached;  /* under lock: requests nobody waits for, under way */
    size_t abandoned; /* under lock: executes a cancel left behind, until the server was told */
};

/* client.c */
DBK_MUST_USE dbk_status dbk_config_client(const dbk_config *c, dbk_sea **out, dbk_error *err);
/* The pairs as slices into them; *out is an array to be freed. */
DBK_MUST_USE dbk_status dbk_pairs_borrow(const dbk_pairs *pairs, dbk_sea_header **out,
                                         dbk_error *err);

/* A session that the server does not know yet; runtime NULL: the process-wide one. */
DBK_MUST_USE dbk_status dbk_session_new(const dbk_config *config, dbk_runtime *runtime,
                                        dbk_session **out, dbk_error *err);
/* The same, and the operation that opens it, one reference each. Nothing is sent before that starts. */
DBK_MUST_USE dbk_status dbk_session_prepare(const dbk_config *config, dbk_runtime *runtime,
                                            dbk_session **out, dbk_op **op, dbk_error *err);

/* On the lane: is a request of the call on its way? Else it waits for a token or for its next attempt,
 * and the server need not hear of it any more. */
bool dbk_session_in_flight(dbk_sea_call *call);

void dbk_session_abandoned_begin(dbk_session *s);
void dbk_session_abandoned_end(dbk_session *s);

/* Sends a request nobody waits for: it holds the session until it is answered, at most 30 s.
 * Takes call (with its one reference). */
void dbk_session_send_detached(dbk_session *s, dbk_sea_call *takes_call);
/* Closes (or cancels) a statement on the server, nobody waits. Without memory nothing is sent. */
void dbk_session_close_detached(dbk_session *s, dbk_slice statement_id);
void dbk_session_cancel_detached(dbk_session *s, dbk_slice statement_id);

/* One run on the server. */
struct dbk_exec {
    atomic_size_t refs;
    dbk_session *session; /* counted */
    atomic_int validity;  /* dbk_exec_validity */
    uint64_t begun_ms;
    atomic_int state; /* dbk_sea_state, as last told by the server */
    atomic_uint retries;
    atomic_bool finished; /* the stream is there, facts no longer change */
    dbk_mutex lock;
    dbk_op *op;           /* under lock: while it runs; counted */
    dbk_str statement_id; /* under lock until finished; set once */
    bool cancel_wanted;   /* under lock: told before the id was known: counts from the start */
    bool close_needed;    /* under lock: the server holds the statement and we close it */
    atomic_bool lent;     /* the stream outlives the handle */
    int64_t modified_rows;
    dbk_sea_reply reply; /* the server's last answer; its data moves into the stream */
    bool reply_used;     /* it has moved */
    bool came_closed;    /* the first answer said CLOSED: success without rows */
    bool impatient;      /* the last await ended while a poll was under way */
    bool owned;          /* false: attached by id, somebody else closes it on the server */
    bool submitted; /* its handle lives apart from the statement: closing that changes nothing */
    dbk_stream *stream; /* counted; NULL until the result was opened */
    dbk_exec_facts facts;
    dbk_exec *origin; /* counted: of a second look, the one that closes the statement; or NULL */
};

DBK_MUST_USE dbk_status dbk_exec_new(dbk_session *s, dbk_exec **out, dbk_error *err);

/* A statement's request as the wire wants it; texts are borrowed from the statement. */
typedef struct dbk_request {
    dbk_sea_statement_request wire;
    dbk_sea_parameter *parameters; /* owned */
    dbk_sea_tag *tags;             /* owned */
} dbk_request;

/* Operations on an execution; one at a time. One reference for the caller. */
typedef enum dbk_run_kind {
    DBK_RUN_EXECUTE, /* send, poll to the end, open the result */
    DBK_RUN_SUBMIT,  /* send, first answer */
    DBK_RUN_LOOK,    /* one poll */
    DBK_RUN_AWAIT    /* poll to the end, open the result */
} dbk_run_kind;
/* request: for EXECUTE and SUBMIT, used during the call only; else NULL. patience_ms: AWAIT gives up
 * looking after so long and is done with DBK_OK and an unfinished execution; 0: never. */
DBK_MUST_USE dbk_status dbk_run_new(dbk_exec *e, dbk_run_kind kind,
                                    const dbk_sea_statement_request *request, uint64_t patience_ms,
                                    dbk_op **out, dbk_error *err);
/* Around the running of an operation: a canceller finds it between the two, and a cancel that came before
 * takes effect at its start. disarm takes op, which is done. */
void dbk_exec_arm(dbk_exec *e, dbk_op *op);
void dbk_exec_disarm(dbk_exec *e, dbk_op *takes_op);
/* Both, and blocks in between. */
DBK_MUST_USE dbk_status dbk_exec_run(dbk_exec *e, dbk_op *takes_op, dbk_error *err);
/* A cancel was accepted by the server: look at once, and wait a bounded time for the state to follow.
 * Any thread. */
void dbk_run_hurry(dbk_op *op);

/* Watches a cancel token during one blocking call. `fired` runs under the token's lock, on the thread
 * that fires: it sets flags and posts tasks only. token NULL: nothing happens. */
typedef struct dbk_cancel_watch {
    dbk_node node;
    dbk_cancel_token *token;
    void (*fired)(struct dbk_cancel_watch *w);
} dbk_cancel_watch;
void dbk_cancel_watch_begin(dbk_cancel_watch *w, dbk_cancel_token *t,
                            void (*fired)(dbk_cancel_watch *w));
void dbk_cancel_watch_end(dbk_cancel_watch *w);

/* "1.5", "10000000000": the shortest decimal text that reads back as v, never with an exponent.
 * "NaN", "inf", "-inf". size must be at least 400. */
void dbk_double_text(double v, char *out, size_t size);
/* The shortest that reads back as the same single precision number. */
void dbk_float_text(float v, char *out, size_t size);

#endif
