/* session/session.h: what the user means: sessions, statements, executions.
 *
 * What:    configuration to a live session; SQL and parameters to an execution; an execution to a
 *          result stream. All waiting is done by operations on the control lane.
 * Threads: a session may be used by many threads; a statement by one at a time; cancelling, progress
 *          and everything counted by any thread.
 * Owner:   counted objects; an execution holds its session, a stream holds what it needs of both. */
#ifndef DBK_SESSION_SESSION_H
#define DBK_SESSION_SESSION_H

#include "arrow/arrow.h"
#include "auth/auth.h"
#include "base/base.h"
#include "metadata/metadata.h"
#include "net/net.h"
#include "result/result.h"
#include "sea/sea.h"

/* ---- configuration: plain data, filled by setters, judged by dbk_session_open ------------------ */

typedef enum dbk_auth_mode {
    DBK_AUTH_NONE,
    DBK_AUTH_PAT,
    DBK_AUTH_M2M,
    DBK_AUTH_M2M_JWT,
    DBK_AUTH_U2M,
    DBK_AUTH_AZURE_SP,
    DBK_AUTH_AZURE_IDENTITY, /* this machine's: client_id may be empty */
    DBK_AUTH_PROVIDER
} dbk_auth_mode;

typedef struct dbk_pair {
    dbk_str name;
    dbk_str value;
} dbk_pair;

typedef struct dbk_pairs { /* in the order they were added */
    dbk_pair *items;
    size_t count, cap;
} dbk_pairs;
DBK_MUST_USE dbk_status dbk_pairs_add(dbk_pairs *p, dbk_slice name, dbk_slice value,
                                      dbk_error *err);
/* Replaces the value of an equal name, else adds. */
DBK_MUST_USE dbk_status dbk_pairs_put(dbk_pairs *p, dbk_slice name, dbk_slice value,
                                      dbk_error *err);
void dbk_pairs_reset(dbk_pairs *p);

/* Who is calling, for telemetry: the order of kernel_session_config_set_driver_system_configuration.
 */
#define DBK_SYSTEM_TEXTS 12

typedef struct dbk_config {
    dbk_str host;
    dbk_str warehouse_id; /* set by set_warehouse; excludes http_path */
    dbk_str http_path;
    dbk_str workspace_id; /* behind a unified host; absent: as the http_path says */
    dbk_auth_mode auth_mode;
    dbk_secret token;             /* PAT */
    int64_t token_expires_unix_s; /* 0: never */
    dbk_provider *provider;       /* counted */
    dbk_str client_id;            /* the modes below */
    dbk_secret client_secret;
    dbk_str jwt_key_file, jwt_kid, jwt_algorithm;
    dbk_secret jwt_passphrase;
    dbk_str token_url; /* JWT mode's own; oauth_token_endpoint wins */
    uint16_t redirect_port;
    dbk_login_opener login_opener; /* NULL: the desktop's browser */
    void *login_opener_ctx;
    dbk_str auth_scopes; /* given with the mode; oauth_scopes wins */
    dbk_str azure_tenant_id, azure_resource_id;
    dbk_str federation_client_id, oauth_token_endpoint, oauth_scopes;
    bool federation_token_exchange, federation_strict, federation_without_org_id;
    bool token_cache_enabled;
    dbk_secret token_cache_passphrase;

    dbk_str catalog, schema; /* ptr NULL: not sent */
    dbk_pairs session_confs;
    dbk_pairs headers;
    dbk_convert_options convert;
    bool cloudfetch_disabled;
    size_t memory_budget; /* bytes, 0: default */
    uint64_t link_window; /* these three 0: default */
    uint64_t max_chunks;
    uint64_t inline_max_chunks;
    bool honour_transactions;
    uint64_t request_timeout_ms; /* 0: default */
    size_t max_connections;      /* 0: default */
    dbk_retry_policy retry;

    dbk_secret proxy_url; /* may hold a password */
    dbk_str proxy_user, proxy_bypass;
    dbk_secret proxy_password;
    dbk_buf ca_pem;
    dbk_buf client_cert_pem;
    dbk_secret client_key_pem, client_key_password;
    bool tls_skip_verify, tls_skip_hostname;
    dbk_tls_least tls_least;

    bool telemetry_enabled;
    bool telemetry_asks;    /* the server's flag decides */
    bool telemetry_refused; /* failed opens are told without credentials */
    dbk_str telemetry_client, telemetry_flag;
    dbk_str telemetry_sink;    /* a file for what is told in this process; ptr NULL: none */
    dbk_pairs telemetry_confs; /* set by name: they win over the setters of a binding */
    dbk_tracer *tracer;        /* counted; NULL: nobody listens */
    size_t telemetry_batch_size;
    uint64_t telemetry_flush_ms, telemetry_retry_delay_ms, telemetry_close_ms;
    uint32_t telemetry_max_retries;
    bool breaker_enabled;
    uint32_t breaker_threshold;
    uint64_t breaker_timeout_ms;
    dbk_str system[DBK_SYSTEM_TEXTS];
} dbk_config;

void dbk_config_init(dbk_config *c);  /* defaults */
void dbk_config_reset(dbk_config *c); /* wipes secrets, frees */
/* Puts what was set by name over what a binding's setters said; changes numbers and switches only. */
void dbk_config_settle_telemetry(dbk_config *c);
/* The library's own options (kernel_session_config_set_client_conf); messages of spec c-abi 2.3. */
DBK_MUST_USE dbk_status dbk_config_set_client_conf(dbk_config *c, dbk_slice key, dbk_slice value,
                                                   dbk_error *err);
/* A session conf; cloudfetch_max_chunks_in_memory is applied here and not sent. */
DBK_MUST_USE dbk_status dbk_config_set_session_conf(dbk_config *c, dbk_slice key, dbk_slice value,
                                                    dbk_error *err);

/* A section of the Databricks CLI's configuration file; texts are borrowed from the file's. */
typedef struct dbk_profile {
    dbk_slice host, http_path, warehouse_id;
    dbk_slice auth_type, token, client_id, client_secret, scopes;
    dbk_slice azure_client_id, azure_client_secret, azure_tenant_id, azure_resource_id;
} dbk_profile;
bool dbk_profile_parse(dbk_slice text, dbk_slice name,
                       dbk_profile *out); /* false: no such section */
/* Place and credentials from a profile. file NULL: DATABRICKS_CONFIG_FILE, else ~/.databrickscfg; name NULL:
 * DATABRICKS_CONFIG_PROFILE, else DEFAULT; http_path NULL: the profile's, or that of its warehouse_id. */
DBK_MUST_USE dbk_status dbk_config_set_profile(dbk_config *c, const char *file, const char *name,
                                               const char *http_path, dbk_error *err);

/* Probes the host, opens a session, runs SELECT 1 and tells (lines or JSON); blocks. healthy: all went well.
 * Errors are of the configuration itself and a lack of memory; what the network says is in the report. */
DBK_MUST_USE dbk_status dbk_connection_find(const dbk_config *c, bool as_json, dbk_buf *out,
                                            bool *healthy, dbk_error *err);

/* ---- cancel tokens: a flag that ends the calls it was given to ---------------------------------- */

typedef struct dbk_cancel_token dbk_cancel_token; /* opaque, counted */
DBK_MUST_USE dbk_status dbk_cancel_token_new(dbk_cancel_token **out, dbk_error *err);
void dbk_cancel_token_unref(dbk_cancel_token *t);
void dbk_cancel_token_fire(dbk_cancel_token *t);        /* any thread; stays fired */
bool dbk_cancel_token_fired(const dbk_cancel_token *t); /* NULL: false */
/* dbk_stream_next that a fired token ends with Cancelled; the stream is closed then. token may be
 * NULL. */
DBK_MUST_USE dbk_status dbk_cancel_token_next(dbk_cancel_token *t, dbk_stream *stream,
                                              dbk_batch **out, dbk_error *err);

/* ---- session ------------------------------------------------------------------------------------ */

typedef struct dbk_session dbk_session; /* opaque, counted */

/* Judges the configuration and opens a session on the server; blocks. config keeps its content (the
 * caller resets it). token may be NULL; fired, it ends the call as Cancelled, and a session that the
 * server makes all the same is deleted in the background. */
DBK_MUST_USE dbk_status dbk_session_open(const dbk_config *config, dbk_cancel_token *token,
                                         dbk_session **out, dbk_error *err);
/* The same on lanes of the caller's; runtime NULL: the process-wide one. An embedded lane runs inside the
 * calls that wait. */
DBK_MUST_USE dbk_status dbk_session_open_on(const dbk_config *config, dbk_runtime *runtime,
                                            dbk_cancel_token *token, dbk_session **out,
                                            dbk_error *err);
/* A session that the server does not know yet, and the operation that opens it; one reference each.
 * Nothing is sent before that starts; when it fails the session is only to be unreferenced. */
DBK_MUST_USE dbk_status dbk_session_prepare(const dbk_config *config, dbk_runtime *runtime,
                                            dbk_session **out, dbk_op **op, dbk_error *err);
/* The operation behind dbk_session_close, which always ends well but for a cancel; *op NULL: there is
 * nothing to close. */
DBK_MUST_USE dbk_status dbk_session_close_begin(dbk_session *s, dbk_op **op, dbk_error *err);
/* Where a stream of this session is read for somebody who must not be held up: a data lane. */
DBK_MUST_USE dbk_status dbk_session_reader(dbk_session *s, const dbk_stream *stream, dbk_lane **out,
                                           dbk_error *err);
/* The next requests carry this token. Any thread. InvalidArgument in modes that renew their own. */
DBK_MUST_USE dbk_status dbk_session_replace_token(dbk_session *s, dbk_slice token,
                                                  int64_t expires_unix_s, dbk_error *err);
/* Deletes it on the server, waits at most 30 s (not at all on a lane); the server's refusal is only
 * logged. Idempotent. */
void dbk_session_close(dbk_session *s);
/* The same, but waits at most limit_ms (0: as above), then Timeout: the rest goes on in the background. */
DBK_MUST_USE dbk_status dbk_session_close_within(dbk_session *s, uint64_t limit_ms, dbk_error *err);
dbk_session *dbk_session_ref(dbk_session *s);
/* NULL is a no-op; the last one deletes it in the background when it was not closed. */
void dbk_session_unref(dbk_session *s);
dbk_runtime *dbk_session_runtime(const dbk_session *s); /* borrowed */
bool dbk_session_is_open(const dbk_session *s);
bool dbk_session_alive(const dbk_session *s);            /* false in a fork's child */
const char *dbk_session_server_id(const dbk_session *s); /* borrowed */
DBK_MUST_USE dbk_status dbk_session_test(dbk_session *s, dbk_error *err); /* SELECT 1 */

/* Transactions; without honour_transactions they succeed and do nothing. */
DBK_MUST_USE dbk_status dbk_session_set_autocommit(dbk_session *s, bool on, dbk_error *err);
bool dbk_session_autocommit(const dbk_session *s);
DBK_MUST_USE dbk_status dbk_session_end_transaction(dbk_session *s, bool commit, dbk_error *err);

/* Files on volumes; block. A file is replaced; it is there whole or not at all. */
DBK_MUST_USE dbk_status dbk_session_put_file(dbk_session *s, dbk_slice path, dbk_slice bytes,
                                             dbk_error *err);
DBK_MUST_USE dbk_status dbk_session_remove_file(dbk_session *s, dbk_slice path, dbk_error *err);

/* ---- statement: SQL, parameters, options --------------------------------------------------------- */

typedef struct dbk_statement dbk_statement; /* opaque, counted */

DBK_MUST_USE dbk_status dbk_statement_new(dbk_session *s, dbk_statement **out, dbk_error *err);
dbk_statement *dbk_statement_ref(dbk_statement *st);
void dbk_statement_unref(dbk_statement *st);
dbk_session *dbk_statement_session(const dbk_statement *st); /* borrowed */
/* Replaces the SQL and clears all parameters. */
DBK_MUST_USE dbk_status dbk_statement_set_sql(dbk_statement *st, dbk_slice sql, dbk_error *err);
/* A typed positional value; ordinal from 1; value ptr NULL: SQL NULL; binding again replaces. */
DBK_MUST_USE dbk_status dbk_statement_bind(dbk_statement *st, size_t ordinal, const char *type,
                                           dbk_slice value, dbk_error *err);
DBK_MUST_USE dbk_status dbk_statement_bind_double(dbk_statement *st, size_t ordinal, double value,
                                                  dbk_error *err);
/* Checked and normalised (literals.h). name ptr NULL: positional at ordinal; else named, and the last
 * value of a name wins. The two kinds exclude each other. */
DBK_MUST_USE dbk_status dbk_statement_bind_literal(dbk_statement *st, size_t ordinal,
                                                   dbk_slice name, dbk_slice type, dbk_slice value,
                                                   dbk_error *err);
/* A raw parameter; name empty: positional in order of the calls. */
DBK_MUST_USE dbk_status dbk_statement_bind_raw(dbk_statement *st, dbk_slice name, dbk_slice type,
                                               dbk_slice value, dbk_error *err);
/* Options by name, as dbk_statement_set_option of dbkernel.h. */
DBK_MUST_USE dbk_status dbk_statement_configure(dbk_statement *st, dbk_slice key, dbk_slice value,
                                                dbk_error *err);

/* ---- execution: one run of a statement on the server --------------------------------------------- */

typedef struct dbk_exec dbk_exec; /* opaque, counted */

/* Runs to the end; blocks. An earlier execution of st becomes stale. */
DBK_MUST_USE dbk_status dbk_statement_execute(dbk_statement *st, dbk_exec **out, dbk_error *err);
/* Sends it and returns after the server's first answer, whatever its state. */
DBK_MUST_USE dbk_status dbk_statement_submit(dbk_statement *st, dbk_exec **out, dbk_error *err);
/* The same in two halves, for callers that do not block: nothing is sent before the operation starts.
 * EXECUTE, SUBMIT or ASK; one reference each. */
typedef enum dbk_run_kind {
    DBK_RUN_EXECUTE, /* send, poll to the end, open the result */
    DBK_RUN_SUBMIT,  /* send, first answer */
    DBK_RUN_ASK,     /* the same, and the server may take its time to answer with the result */
    DBK_RUN_LOOK,    /* one poll */
    DBK_RUN_AWAIT    /* poll to the end, open the result */
} dbk_run_kind;
DBK_MUST_USE dbk_status dbk_statement_begin(dbk_statement *st, dbk_run_kind kind, dbk_exec **out,
                                            dbk_op **op, dbk_error *err);
/* After the operation, which gave `ran`: takes both, answers ran. Any thread. */
DBK_MUST_USE dbk_status dbk_statement_finish(dbk_exec *takes_e, dbk_op *takes_op, dbk_status ran,
                                             dbk_exec **out);
/* Makes the executions of a statement stale (it is being closed). */
void dbk_statement_invalidate(dbk_statement *st);
/* What st does or did last; zeroes when it never ran. */
typedef struct dbk_exec_progress {
    dbk_sea_state state;
    uint64_t elapsed_ms;
    bool has_result;
    char query_id[DBK_ERROR_ID_SIZE]; /* "": not known */
    dbk_stream_snapshot result;
} dbk_exec_progress;
void dbk_statement_progress(dbk_statement *st, dbk_exec_progress *out); /* any thread */
/* Told of every change of that, from the next execution on; any thread, under locks of this room and of
 * streams: it may only set flags and post. NULL: nobody any more; after the call it does not run. */
DBK_MUST_USE dbk_status dbk_statement_watch(dbk_statement *st, dbk_stream_watcher *watcher,
                                            dbk_error *err);

dbk_exec *dbk_exec_ref(dbk_exec *e);
void dbk_exec_unref(dbk_exec *e);
typedef enum dbk_exec_validity {
    DBK_EXEC_VALID,
    DBK_EXEC_STALE,
    DBK_EXEC_CLOSED
} dbk_exec_validity;
dbk_exec_validity dbk_exec_check(const dbk_exec *e);
bool dbk_exec_alive(const dbk_exec *e); /* false in a fork's child */
/* The stream lives on by itself: closing the execution no longer ends it, its last reference does. */
void dbk_exec_lend_stream(dbk_exec *e);
/* Ends its stream and closes it on the server in the background. Idempotent. */
void dbk_exec_close(dbk_exec *e);
dbk_stream *dbk_exec_stream(dbk_exec *e); /* NULL: not finished */ /* borrowed */
const char *dbk_exec_query_id(const dbk_exec *e);                  /* NULL: none */
int64_t dbk_exec_modified_rows(const dbk_exec *e);                 /* -1: not known */
/* What the server's last answer says beside the state, borrowed until it is asked again; absent: NULL. */
typedef struct dbk_exec_remarks {
    const char *display_message, *diagnostic_info, *details_json;
    int64_t modified_rows; /* -1: not known */
} dbk_exec_remarks;
void dbk_exec_get_remarks(const dbk_exec *e, dbk_exec_remarks *out);
typedef struct dbk_exec_facts {
    uint32_t retry_count;
    int64_t chunk_count, total_rows, total_bytes; /* -1: not told */
    bool truncated, has_result_set, external_links, volume_operation;
} dbk_exec_facts;
void dbk_exec_get_facts(const dbk_exec *e, dbk_exec_facts *out);
/* What telemetry would tell of it now; any thread. */
struct dbk_telemetry_event;
void dbk_exec_describe(dbk_exec *e, struct dbk_telemetry_event *out);

/* ---- catalog calls --------------------------------------------------------------------------------- */

/* Asks the server (one statement, or one per catalog with at most eight at a time) and blocks until
 * all rows are here, in the columns of the call. InvalidHandle after dbk_session_close. */
DBK_MUST_USE dbk_status dbk_session_metadata(dbk_session *s, const dbk_metadata_request *request,
                                             dbk_stream **out, dbk_error *err);

/* The operation behind it, and its stream once that ended well (taken once). */
DBK_MUST_USE dbk_status dbk_session_metadata_begin(dbk_session *s,
                                                   const dbk_metadata_request *request, dbk_op **op,
                                                   dbk_error *err);
dbk_stream *dbk_session_metadata_take(dbk_op *op);

/* A statement of this session's server by its id, looked at once; closing it here does not close it
 * on the server. */
DBK_MUST_USE dbk_status dbk_exec_attach(dbk_session *s, dbk_slice statement_id, dbk_exec **out,
                                        dbk_error *err);
/* The same statement looked at once more, for another reading of its result; holds e. */
DBK_MUST_USE dbk_status dbk_exec_attach_again(dbk_exec *e, dbk_exec **out, dbk_error *err);
/* Before its result is opened: of that only these chunks are read; none: the schema alone. */
void dbk_exec_select(dbk_exec *e, int64_t first_chunk, int64_t chunk_count);
/* Leaves the statement to others: nothing here closes it on the server. */
void dbk_exec_keep(dbk_exec *e);
dbk_sea_state dbk_exec_state(const dbk_exec *e); /* as last told; any thread */
/* Asks the server once; a failed statement is no error here. */
DBK_MUST_USE dbk_status dbk_exec_look(dbk_exec *e, dbk_error *err);
/* Waits for the end, at most patience_ms (0: as long as it takes; a poll under way then gets two seconds
 * more), and opens the result. *finished
 * false with DBK_OK: it still runs. A statement that failed or was cancelled is an error. */
DBK_MUST_USE dbk_status dbk_exec_await(dbk_exec *e, uint64_t patience_ms, bool *finished,
                                       dbk_error *err);
/* Tells the server now to forget the statement, whoever made it. */
DBK_MUST_USE dbk_status dbk_exec_end(dbk_exec *e, dbk_error *err);
/* The halves of look and await: a finished one needs no operation (*op NULL). finish takes op. */
DBK_MUST_USE dbk_status dbk_exec_begin(dbk_exec *e, dbk_run_kind kind, dbk_op **op, dbk_error *err);
void dbk_exec_finish(dbk_exec *e, dbk_op *takes_op);
/* A statement by its id that was not looked at yet: dbk_exec_begin does that. origin: as
 * dbk_exec_attach_again, or NULL. */
DBK_MUST_USE dbk_status dbk_exec_named(dbk_session *s, dbk_slice statement_id, dbk_exec *origin,
                                       dbk_exec **out, dbk_error *err);
DBK_MUST_USE dbk_status dbk_exec_end_begin(dbk_exec *e, dbk_op **op, dbk_error *err);
dbk_session *dbk_exec_session(const dbk_exec *e); /* borrowed */
/* The id, also while it runs; false: not known, or it does not fit. Any thread. */
DBK_MUST_USE bool dbk_exec_copy_id(dbk_exec *e, char *out, size_t size);
/* The operation that tells the server to cancel; *op NULL: the id is not known yet, the wish is
 * latched. Any thread. */
DBK_MUST_USE dbk_status dbk_exec_cancel_begin(dbk_exec *e, dbk_op **op, dbk_error *err);
/* Any thread: tells the server to cancel; see dbk_canceller_cancel. */
DBK_MUST_USE dbk_status dbk_exec_cancel(dbk_exec *takes_e, bool *dispatched, dbk_error *err);

/* ---- cancelling ------------------------------------------------------------------------------------ */

typedef struct dbk_canceller dbk_canceller; /* opaque */

DBK_MUST_USE dbk_status dbk_canceller_new(dbk_statement *st, dbk_canceller **out, dbk_error *err);
void dbk_canceller_free(dbk_canceller *c);
/* Any thread; blocks for the cancel request when the statement's id is known (*dispatched true). When
 * the id is not known yet, a running execution ends as Cancelled and the server is told as soon as
 * the id comes. On an embedded lane it never blocks: the lane's thread sends the request when it runs next. */
DBK_MUST_USE dbk_status dbk_canceller_cancel(dbk_canceller *c, bool *dispatched, dbk_error *err);
/* The statement's last execution, counted; NULL: it never ran. Any thread. */
dbk_exec *dbk_canceller_exec(const dbk_canceller *c);
/* The id of the statement's last execution, also of one that failed; false: none is known (yet), or
 * it does not fit. Any thread. */
DBK_MUST_USE bool dbk_canceller_query_id(const dbk_canceller *c, char *out, size_t size);

#endif
