/* session/internal.h: what the files of this room share. */
#ifndef DBK_SESSION_INTERNAL_H
#define DBK_SESSION_INTERNAL_H

#include "session/session.h"
#include "telemetry/telemetry.h"

struct dbk_session {
    atomic_size_t refs;
    dbk_runtime *runtime;     /* counted */
    dbk_sea *sea;             /* counted */
    dbk_telemetry *telemetry; /* counted; NULL: off */
    dbk_tracer *tracer;       /* counted; NULL: nobody listens */
    dbk_str id;
    atomic_bool open;
    uint64_t flush_ms; /* a close waits so long for events to leave */
    bool honour_transactions;
    atomic_bool autocommit;
    bool inline_only;
    dbk_stream_options stream;
    dbk_mutex lock;
    size_t detached;  /* under lock: requests nobody waits for, under way */
    size_t abandoned; /* under lock: executes a cancel left behind, until the server was told */
    size_t sending;   /* under lock: detached requests that were started */
    dbk_list errands; /* under lock: those that were not yet */
    dbk_list execs;   /* under lock: those whose end telemetry has not heard of */
    dbk_op *closer;   /* on the lane: the close under way, which waits for both */
    dbk_list pausing; /* on the lane: runs between two polls, first who was asked longest ago */
    uint64_t asked_ahead_ms, asked_ahead; /* on the lane: see run.c */
};

/* client.c; lane: the session's control lane. */
DBK_MUST_USE dbk_status dbk_config_client(const dbk_config *c, dbk_lane *lane, dbk_sea **out,
                                          dbk_error *err);
/* Where; to be reset by whoever asked, whatever came of it. */
typedef struct dbk_target {
    dbk_str origin;
    dbk_slice warehouse_id;    /* borrowed of the configuration */
    char org[DBK_ORG_ID_SIZE]; /* the workspace behind a unified host; "": not told */
    dbk_org_source org_source;
} dbk_target;
DBK_MUST_USE dbk_status dbk_config_target(const dbk_config *c, dbk_target *out, dbk_error *err);
static inline void dbk_target_reset(dbk_target *t) {
    dbk_str_reset(&t->origin);
}
/* The way there. */
DBK_MUST_USE dbk_status dbk_config_http(const dbk_config *c, dbk_http_config **out, dbk_error *err);
/* The last User-Agent among the custom headers, else ours. */
dbk_slice dbk_config_user_agent(const dbk_config *c);
/* tell.c: events. All do nothing when nobody wants them. */
/* What goes wrong in these two is logged: the session does without. The first settles what c says of telemetry and who
 * listens in this process, before the session speaks. */
void dbk_session_listen(dbk_session *s, dbk_config *c);
void dbk_session_telemetry(dbk_session *s, const dbk_config *c);
uint64_t dbk_session_now_ns(const dbk_session *s);
/* After an exchange that began at begun_ns (dbk_session_now_ns). */
void dbk_session_tell(dbk_session *s, dbk_telemetry_operation operation, uint64_t begun_ns,
                      const dbk_op *call_op);
/* The session was not opened. */
void dbk_session_tell_refused(dbk_session *s, uint64_t begun_ns, const dbk_error *err);
/* Statements that are open while their session closes: on the control lane. */
void dbk_session_tell_open(dbk_session *s);
/* e joins those whose end is told. */
void dbk_exec_begin_telling(dbk_exec *e);
/* After an operation of e: what it says of the statement. */
void dbk_exec_note(dbk_exec *e, const dbk_op *op);
/* The statement is over for its user; the first call counts. */
void dbk_exec_tell(dbk_exec *e);
void dbk_exec_end_telling(dbk_exec *e); /* before it is freed */
/* A cancel was sent. */
void dbk_exec_tell_cancel(dbk_exec *e, uint64_t begun_ns, const dbk_op *call_op);
/* What a statement of a catalog call adds to the call's event. */
void dbk_exec_add_up(dbk_exec *e, dbk_telemetry_event *event);
void dbk_session_tell_catalog(dbk_session *s, dbk_metadata_call call, uint64_t begun_ns,
                              dbk_telemetry_event *event);
/* "PUT", "GET", "REMOVE" at the beginning of a statement. */
dbk_telemetry_volume dbk_volume_of(dbk_slice sql);
/* The pairs as slices into them; *out is an array to be freed. */
DBK_MUST_USE dbk_status dbk_pairs_borrow(const dbk_pairs *pairs, dbk_sea_header **out,
                                         dbk_error *err);

/* A session that the server does not know yet; runtime NULL: the process-wide one. */
DBK_MUST_USE dbk_status dbk_session_new(const dbk_config *config, dbk_runtime *runtime,
                                        dbk_session **out, dbk_error *err);

/* On the lane: is a request of the call on its way? Else it waits for a token or for its next attempt,
 * and the server need not hear of it any more. */
bool dbk_session_in_flight(dbk_sea_call *call);

/* A counter of the session, for its close to look at. Any thread. */
size_t dbk_session_count(dbk_session *s, const size_t *counter);
/* Closes an open session that nobody holds any more, in the background: its last events leave like those of
 * a closed one. The closing holds it then; false: it is for the caller to free. */
bool dbk_session_close_dropped(dbk_session *s);

void dbk_session_abandoned_begin(dbk_session *s);
void dbk_session_abandoned_end(dbk_session *s);

/* Sends a request nobody waits for: it holds the session until it is answered, at most 30 s.
 * Takes call (with its one reference). */
void dbk_session_send_detached(dbk_session *s, dbk_sea_call *takes_call);
/* Closes (or cancels) a statement on the server, nobody waits. Without memory nothing is sent. */
void dbk_session_close_detached(dbk_session *s, dbk_slice statement_id);
void dbk_session_cancel_detached(dbk_session *s, dbk_slice statement_id);

/* watch.c: who hears of changes; shared by a statement and its executions. */
typedef struct dbk_teller dbk_teller;
void dbk_teller_unref(dbk_teller *t);                     /* NULL is a no-op */
void dbk_exec_set_teller(dbk_exec *e, dbk_statement *st); /* before it runs */
void dbk_exec_changed(dbk_exec *e);                       /* without its lock */
void dbk_exec_follow_stream(dbk_exec *e, bool on);

/* One run on the server. */
struct dbk_exec {
    atomic_size_t refs;
    dbk_session *session; /* counted */
    atomic_int validity;  /* dbk_exec_validity */
    uint64_t begun_ms;
    uint64_t answered_ms; /* on the lane: the last answer about its state; 0: none */
    atomic_int state;     /* dbk_sea_state, as last told by the server */
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
    atomic_uint polls;
    atomic_uint_fast64_t polls_ms;
    uint64_t begun_ns;
    uint64_t told_ms;  /* under lock: until the result or the error was there */
    dbk_status failed; /* under lock: why it has no result */
    char sqlstate[6];  /* with failed */
    bool partial;      /* of its result only the chunks below are opened */
    int64_t first_chunk, chunk_count;
    bool wants_rows; /* its SQL asks for rows: an answer without a manifest has lost them */
    bool no_wait;    /* sent without waiting for its result: an ASYNC event */
    dbk_telemetry_volume volume;
    dbk_node telling; /* under the session's lock */
    bool internal;    /* the library's own */
    bool catalog;     /* a part of a catalog call */
    bool compressed, inline_arrow;
    atomic_bool told;  /* its event was given to telemetry */
    bool impatient;    /* the last await ended while a poll was under way */
    atomic_bool owned; /* false: attached by id, or left: somebody else closes it on the server */
    bool attached;     /* by its id: whoever ran it has told of it */
    bool submitted;    /* its handle lives apart from the statement: closing that changes nothing */
    dbk_stream *stream; /* counted; NULL until the result was opened */
    dbk_exec_facts facts;
    dbk_teller *teller; /* counted; NULL: nobody listens */
    dbk_stream_watcher follower;
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
