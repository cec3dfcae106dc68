/* telemetry/telemetry.h: events in, batches out; never blocks, never fails anybody.
 *
 * What:    one object per session. Sessions with the same destination, the same rights and the same user
 *          agent share one queue and one sender; it sends with the credentials of a session that is alive,
 *          and never with another's. The circuit breaker is one per host.
 * Threads: events from any thread; posting on the control lane.
 * Owner:   counted; a running export holds it.
 * Privacy: what leaves is the fields of the two structs below. None of them may carry SQL, values, messages,
 *          or a URL; ids come from the server and are refused when they do not look like ids (spec
 *          telemetry.md, 10). */
#ifndef DBK_TELEMETRY_TELEMETRY_H
#define DBK_TELEMETRY_TELEMETRY_H

#include "auth/auth.h"
#include "base/base.h"
#include "net/net.h"
#include "telemetry/local.h"

typedef struct dbk_telemetry dbk_telemetry; /* opaque, counted */

/* Who is calling, in the order of kernel_session_config_set_driver_system_configuration. */
#define DBK_TELEMETRY_IDENTITY 12

typedef struct dbk_telemetry_facts { /* of a session: part of every event */
    dbk_slice origin;                /* "https://host[:port]" */
    dbk_slice http_path;             /* without query */
    dbk_slice user_agent;
    dbk_slice workspace_id; /* digits; empty: not known */
    const char *auth_type;  /* these three: words of the spec's table 3.5 */
    const char *auth_mech;
    const char *auth_flow;
    dbk_slice auth_scope; /* empty: left out, like all texts below */
    dbk_slice proxy;      /* "http://host:port"; only host and port leave */
    bool proxy_asks;      /* for a name and a password */
    dbk_slice jwt_algorithm;
    dbk_slice azure_tenant_id, azure_resource_id;
    bool tls_unverified;
    bool own_roots;                                  /* beside the system's */
    bool complex_types;                              /* rows keep nested types */
    bool hybrid_results;                             /* inline or links, as the server likes */
    bool token_cache;                                /* of a browser login */
    bool jwt;                                        /* a signature instead of a secret */
    size_t connections;                              /* at most; 0: not limited */
    uint64_t timeout_ms;                             /* of a request; 0: default */
    const dbk_str *identity[DBK_TELEMETRY_IDENTITY]; /* empty: found out here, or left out */
} dbk_telemetry_facts;

typedef struct dbk_telemetry_settings {
    dbk_lane *lane; /* the session's control lane */
    dbk_http_config *http;
    dbk_auth *auth;
    const dbk_str *lines; /* custom headers, "name: value"; borrowed as long as keep is held */
    size_t line_count;
    void *keep; /* one reference, given back with release */
    void (*release)(void *keep);
    dbk_slice rights;  /* what tells one principal from another: hashed, not kept */
    dbk_slice becomes; /* whom the rights are exchanged for: federation; empty: nobody */
    bool ask_flag;     /* the server decides whether anything leaves */
    dbk_slice client;  /* in the flag's path; empty: "ADBC" */
    dbk_slice flag;    /* its last part, "enableTelemetryForAdbc"; empty: that one */
    bool tell_refused; /* failed opens, without credentials */
    /* These of the first session of a queue count for all of it: */
    size_t batch_size;
    uint64_t flush_ms, retry_delay_ms, close_ms;
    uint32_t max_retries;
    bool breaker_enabled;
    uint32_t breaker_threshold;
    uint64_t breaker_timeout_ms;
} dbk_telemetry_settings;

/* The kill switches of the environment, DATABRICKS_TELEMETRY_DISABLED and DO_NOT_TRACK: 1, true, yes, on.
 * Another text in the first one is warned of and ignored. */
bool dbk_telemetry_killed(void);

/* Takes keep, also on failure. */
DBK_MUST_USE dbk_status dbk_telemetry_new(const dbk_telemetry_settings *settings,
                                          const dbk_telemetry_facts *facts, dbk_telemetry **out,
                                          dbk_error *err);
dbk_telemetry *dbk_telemetry_ref(dbk_telemetry *t);
void dbk_telemetry_unref(dbk_telemetry *t); /* NULL is a no-op; leave before the last one */
/* The session speaks for somebody else from now on: its events leave its old queue. Any thread. */
void dbk_telemetry_change_rights(dbk_telemetry *t, dbk_slice rights);

/* ---- events ---- */

#define DBK_TELEMETRY_OPERATIONS(X)             \
    X(UNSPECIFIED, "TYPE_UNSPECIFIED")          \
    X(CREATE_SESSION, "CREATE_SESSION")         \
    X(DELETE_SESSION, "DELETE_SESSION")         \
    X(EXECUTE, "EXECUTE_STATEMENT")             \
    X(EXECUTE_ASYNC, "EXECUTE_STATEMENT_ASYNC") \
    X(CANCEL, "CANCEL_STATEMENT")               \
    X(TYPE_INFO, "LIST_TYPE_INFO")              \
    X(CATALOGS, "LIST_CATALOGS")                \
    X(SCHEMAS, "LIST_SCHEMAS")                  \
    X(TABLES, "LIST_TABLES")                    \
    X(TABLE_TYPES, "LIST_TABLE_TYPES")          \
    X(COLUMNS, "LIST_COLUMNS")                  \
    X(FUNCTIONS, "LIST_FUNCTIONS")              \
    X(PRIMARY_KEYS, "LIST_PRIMARY_KEYS")        \
    X(CROSS_REFERENCES, "LIST_CROSS_REFERENCES")
typedef enum dbk_telemetry_operation {
#define DBK_TELEMETRY_OPERATION_ENUM(name, text) DBK_TELEMETRY_##name,
    DBK_TELEMETRY_OPERATIONS(DBK_TELEMETRY_OPERATION_ENUM)
#undef DBK_TELEMETRY_OPERATION_ENUM
} dbk_telemetry_operation;

typedef enum dbk_telemetry_kind {                          /* of a statement */
                                  DBK_TELEMETRY_KIND_NONE, /* the event is not about one */
                                  DBK_TELEMETRY_KIND_SQL,
                                  DBK_TELEMETRY_KIND_UPDATE,
                                  DBK_TELEMETRY_KIND_METADATA,
                                  DBK_TELEMETRY_KIND_VOLUME
} dbk_telemetry_kind;

typedef enum dbk_telemetry_format {                            /* how rows came */
                                    DBK_TELEMETRY_FORMAT_NONE, /* there is no result */
                                    DBK_TELEMETRY_FORMAT_UNSPECIFIED,
                                    DBK_TELEMETRY_FORMAT_ARROW,
                                    DBK_TELEMETRY_FORMAT_JSON,
                                    DBK_TELEMETRY_FORMAT_LINKS
} dbk_telemetry_format;

typedef enum dbk_telemetry_volume {
    DBK_TELEMETRY_VOLUME_NONE,
    DBK_TELEMETRY_VOLUME_UNSPECIFIED,
    DBK_TELEMETRY_VOLUME_PUT,
    DBK_TELEMETRY_VOLUME_GET,
    DBK_TELEMETRY_VOLUME_DELETE
} dbk_telemetry_volume;

/* The words of the wire; NULL: none. */
const char *dbk_telemetry_operation_name(dbk_telemetry_operation operation);
const char *dbk_telemetry_kind_name(dbk_telemetry_kind kind);
const char *dbk_telemetry_format_name(dbk_telemetry_format format);
const char *dbk_telemetry_volume_name(dbk_telemetry_volume volume);

/* An id that the server gave. Only dbk_telemetry_id_of fills it, and it takes letters, digits, '-', '_' and
 * '.' only, 96 at most; of anything else nothing stays. */
typedef struct dbk_telemetry_id {
    char text[97]; /* "": none */
} dbk_telemetry_id;
dbk_telemetry_id dbk_telemetry_id_of(dbk_slice id);

/* Times that are not known are -1, and left out. */
typedef struct dbk_telemetry_event {
    dbk_telemetry_operation operation;
    dbk_telemetry_kind kind;
    dbk_telemetry_format format;
    dbk_telemetry_volume volume;
    dbk_telemetry_id session_id;
    dbk_telemetry_id statement_id;
    bool compressed; /* told with a format */
    bool internal;   /* the library's own statement */
    bool autocommit;
    uint32_t retries;
    uint32_t polls;
    uint64_t polls_ms;
    uint64_t latency_ms;
    int64_t ready_ms, consumed_ms; /* first rows there; first read to the end */
    int64_t chunks_present;        /* -1: there are no details of chunks */
    int64_t chunks_iterated;
    int64_t first_chunk_ms, slowest_chunk_ms, chunks_ms;
    int64_t failed_chunk; /* -1: none */
    dbk_status error;     /* DBK_OK: none */
    char sqlstate[6];     /* "": none */
} dbk_telemetry_event;
#define DBK_TELEMETRY_EVENT_INIT                                                     \
    {                                                                                \
        .autocommit = true, .ready_ms = -1, .consumed_ms = -1, .chunks_present = -1, \
        .first_chunk_ms = -1, .failed_chunk = -1                                     \
    }

/* Copies the event into the queue; a full queue drops its oldest event that tells no error. */
void dbk_telemetry_tell(dbk_telemetry *t, const dbk_telemetry_event *event);
/* The session was not opened: told without credentials, once. done (with its ctx) is called on the lane when
 * that has left or is lost; false: nothing is sent, because the settings do not want it. */
bool dbk_telemetry_refused(dbk_telemetry *t, dbk_status error, void (*done)(void *ctx), void *ctx);

/* ---- the end ---- */

/* On the lane: what was told so far leaves now. idle (with its ctx) is called on the lane when all of it
 * has left or is lost; not when nothing was there (false). */
bool dbk_telemetry_flush(dbk_telemetry *t, void (*idle)(void *ctx), void *ctx);
/* The session is over: nothing is sent with its credentials any more. With the last session of a queue what
 * has not left is lost. idle is not called any more. Any thread; idempotent. */
void dbk_telemetry_leave(dbk_telemetry *t);

typedef struct dbk_telemetry_counts {
    uint64_t sent;           /* events that the server took */
    uint64_t dropped_full;   /* no room, or no memory */
    uint64_t dropped_open;   /* the breaker was open */
    uint64_t dropped_failed; /* the server did not take them */
    uint64_t dropped_off;    /* the server's flag says no */
    uint64_t exports, failed_exports;
    size_t queued;
    bool open; /* the breaker */
} dbk_telemetry_counts;
/* Of a host ("https://name[:port]") since it was first told of; a long process may have forgotten. */
void dbk_telemetry_measure(dbk_slice origin, dbk_telemetry_counts *out); /* any thread */

#endif
