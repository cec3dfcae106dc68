/* telemetry/internal.h: what the files of this room share.
 *
 * Locks, outer first: dbk_telemetry_table (sessions join and leave queues), a session's, a queue's. None is
 * held around I/O, a callback or the net room, but for posting a task. */
#ifndef DBK_TELEMETRY_INTERNAL_H
#define DBK_TELEMETRY_INTERNAL_H

#include "telemetry/breaker.h"
#include "telemetry/flags.h"
#include "telemetry/telemetry.h"

/* What is the same in all events of a session, as text; counted, because events outlive their session in a
 * queue that it shares. */
typedef struct dbk_telemetry_who {
    atomic_size_t refs;
    dbk_buf
        envelope; /* these three escaped as in a JSON string: inside of "client_context", up to the time */
    dbk_buf session;      /* "system_configuration" to inside of "driver_connection_params" */
    dbk_buf refused;      /* what a failed open tells of the caller */
    int64_t workspace_id; /* -1: not known */
} dbk_telemetry_who;

typedef struct dbk_telemetry_item { /* an event in the queue */
    dbk_node node;
    uint64_t number; /* counts the queue's events */
    int64_t wall_ms;
    dbk_telemetry *owner;   /* borrowed while that is a member, else NULL */
    dbk_telemetry_who *who; /* counted */
    dbk_telemetry_event event;
} dbk_telemetry_item;

typedef struct dbk_pipe_key {
    unsigned char sha[32];
    const dbk_lane *lane;
} dbk_pipe_key;

typedef struct dbk_pipe { /* the queue and the sender of some sessions */
    atomic_size_t refs;
    dbk_pipe_key key;
    dbk_node node; /* under the table's lock: in the table */
    dbk_lane *lane;
    dbk_str url;
    dbk_breaker_key host;
    dbk_flag flag; /* .client == NULL: it is not asked */
    struct {
        size_t batch_size;
        uint64_t flush_ms, retry_delay_ms, close_ms;
        uint32_t max_retries;
        bool breaker_enabled;
        dbk_breaker_rules breaker;
    } rules;

    dbk_mutex lock;
    dbk_list members; /* under lock, with all below */
    dbk_list queue;
    size_t queued;
    uint64_t numbers; /* given to events so far */
    dbk_op *exporter; /* runs; counted by its runner; NULL: none */
    bool dead;        /* nobody is left, or the lane has ended */
} dbk_pipe;

struct dbk_telemetry {
    atomic_size_t refs;
    unsigned epoch;                  /* of the process */
    dbk_telemetry_settings settings; /* http and auth are counted; no texts */
    dbk_str client, flag, origin;
    unsigned char place[32]; /* all of the key but the rights */
    dbk_telemetry_who *who;  /* counted */
    dbk_mutex lock;
    dbk_pipe *pipe; /* under lock; counted; NULL: it has left */
    dbk_node node;  /* under the pipe's lock: in its members */
    bool flushing;  /* under the pipe's lock, with the three below */
    uint64_t flush_until;
    void (*idle)(void *ctx);
    void *idle_ctx;
};

/* identity.c */
DBK_MUST_USE dbk_status dbk_telemetry_who_new(const dbk_telemetry_facts *facts,
                                              dbk_telemetry_who **out, dbk_error *err);
dbk_telemetry_who *dbk_telemetry_who_ref(dbk_telemetry_who *who);
void dbk_telemetry_who_unref(dbk_telemetry_who *who);

typedef struct
    dbk_telemetry_dice { /* random bytes for the ids of events; {.left = 0} to begin with */
    unsigned char bytes[16 * 32];
    size_t left; /* ids */
} dbk_telemetry_dice;

/* event.c: one event as JSON in a JSON string, appended. */
DBK_MUST_USE dbk_status dbk_telemetry_write(const dbk_telemetry_item *item,
                                            dbk_telemetry_dice *dice, dbk_buf *out, dbk_error *err);
DBK_MUST_USE dbk_status dbk_telemetry_write_refused(const dbk_telemetry_who *who, dbk_status error,
                                                    int64_t wall_ms, dbk_buf *out, dbk_error *err);

/* pipe.c */
extern dbk_mutex dbk_telemetry_table; /* also guards breaker and flags */
/* Puts t into the queue for its rights; makes one if there is none. */
DBK_MUST_USE dbk_status dbk_pipe_join(dbk_telemetry *t, dbk_slice rights, dbk_error *err);
void dbk_pipe_leave(dbk_telemetry *t);
dbk_pipe *dbk_pipe_ref(dbk_pipe *p);
void dbk_pipe_unref(dbk_pipe *p);
dbk_pipe *dbk_pipe_of(dbk_telemetry *t); /* counted; NULL: it has left */
void dbk_pipe_put(dbk_pipe *p, dbk_telemetry_item *takes_item);
bool dbk_pipe_flush(dbk_pipe *p, dbk_telemetry *t, void (*idle)(void *ctx), void *ctx);
void dbk_pipe_count(dbk_pipe *p, dbk_breaker_count what, uint64_t events);
void dbk_telemetry_item_free(dbk_telemetry_item *item);
/* A session that may be spoken for: owner when it is still there; counted; NULL: nobody is. */
dbk_telemetry *dbk_pipe_speaker(dbk_pipe *p, const dbk_telemetry *owner);
/* On the lane: tells those whose events have all left; nothing is under way. */
void dbk_pipe_tell_idle(dbk_pipe *p);

/* export.c: an operation that posts until the queue is empty. Holds p. */
DBK_MUST_USE dbk_status dbk_telemetry_export_new(dbk_pipe *p, dbk_op **out, dbk_error *err);
/* On the lane or by a task there: a reason to wait no longer. */
void dbk_telemetry_hurry(dbk_op *op);
/* What stands before the events of a POST. */
DBK_MUST_USE dbk_status dbk_telemetry_begin_body(int64_t wall_ms, dbk_buf *out, dbk_error *err);

#endif
