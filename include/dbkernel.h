/* dbkernel.h: what this library offers beyond databricks_kernel.h. The same rules hold. */
#ifndef DBKERNEL_H
#define DBKERNEL_H

#include "databricks_kernel.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The Arrow C Stream Interface struct, guarded as its specification says. */
#ifndef ARROW_C_STREAM_INTERFACE
#    define ARROW_C_STREAM_INTERFACE
struct ArrowArrayStream {
    int (*get_schema)(struct ArrowArrayStream *, struct ArrowSchema *out);
    int (*get_next)(struct ArrowArrayStream *, struct ArrowArray *out);
    const char *(*get_last_error)(struct ArrowArrayStream *);
    void (*release)(struct ArrowArrayStream *);
    void *private_data;
};
#endif

/* "0.1.0"; lives for ever. */
KERNEL_API const char *dbk_version(void);
/* Is a named feature in this build? "ipc", "arrow_stream", "progress", "submit", ... */
KERNEL_API bool dbk_has_feature(const char *name);
/* Changes the level of the installed log sink: "off" ... "trace". Any thread. Of SQL only the length and a hash
 * are logged (debug); with DBK_LOG_SQL=1 in the environment its text, too (trace). */
KERNEL_API KernelStatusCode dbk_log_set_level(const char *level);

/* Facts about the calling thread's last error that KernelError has no room for; struct_size is set
 * by the caller to sizeof (a smaller one, of an older header, is fine). Texts live until the thread's next kernel call; absent ones are NULL. */
typedef struct dbk_error_info {
    uint32_t struct_size;
    uint32_t attempts;      /* HTTP requests made */
    bool may_have_executed; /* the statement may have run although the call failed */
    const char *error_code; /* the server's word, "TABLE_OR_VIEW_NOT_FOUND" */
    const char *request_id; /* x-request-id of the failing answer */
    const char *display_message;
    const char *diagnostic_info;
    const char *error_details_json;
    size_t
        message_length; /* bytes of KernelError's message before its "; error_code=...": for faces
                              that show error_code on its own */
} dbk_error_info;
KERNEL_API bool dbk_get_last_error_info(dbk_error_info *out);

/* For languages that see signals only in their own code: while the calling thread waits in a blocking
 * call, hook is called on it about every 50 ms; true ends the wait like a cancel (the call returns
 * Cancelled; a statement under way is cancelled on the server). hook must not call the library. Set
 * it before such a call and take it away (NULL) after it; it is the thread's own. Calls on what belongs to an
 * embedded loop, dbk_future_wait and dbk_loop_run_once do not look up: give the latter two a time-out. */
KERNEL_API void dbk_set_wait_hook(bool (*hook)(void *ctx), void *ctx);

/* ---- Session ----------------------------------------------------------------------------------- */

/* Catalog and schema the session starts in; NULL: the server's default. */
KERNEL_API KernelStatusCode dbk_session_config_set_namespace(KernelSessionConfig *config,
                                                             const char *catalog,
                                                             const char *schema);
/* What the private key of kernel_session_config_set_tls_client_certificate is encrypted with; NULL: it
 * is not. Either may be set first. A wrong one is InvalidArgument when the session is opened. */
KERNEL_API KernelStatusCode
dbk_session_config_set_tls_client_key_password(KernelSessionConfig *config, const char *password);
/* The oldest TLS version that is accepted: "1.2" (the default) or "1.3"; else InvalidArgument. */
KERNEL_API KernelStatusCode dbk_session_config_set_tls_min_version(KernelSessionConfig *config,
                                                                   const char *version);
/* Bytes of decoded rows that each result may hold before they are read; 0: 48 MiB. A result holds one
 * chunk of the server at least, whatever its size. */
KERNEL_API KernelStatusCode dbk_session_config_set_memory_budget(KernelSessionConfig *config,
                                                                 size_t bytes);

/* Host, warehouse and credentials of a profile in the Databricks CLI's configuration file. file NULL:
 * $DATABRICKS_CONFIG_FILE, else ~/.databrickscfg; profile NULL: $DATABRICKS_CONFIG_PROFILE, else DEFAULT;
 * http_path NULL: the profile's http_path, or that of its warehouse_id. Read: host, token, client_id,
 * client_secret, azure_*, auth_type (pat, oauth-m2m, azure-client-secret, databricks-cli,
 * external-browser; the last two log in with a browser), scopes. InvalidArgument says what is missing. */
KERNEL_API KernelStatusCode dbk_session_config_set_profile(KernelSessionConfig *config,
                                                           const char *file, const char *profile,
                                                           const char *http_path);
/* The managed identity of this Azure machine (virtual machines, AKS, container instances): its tokens come from
 * http://169.254.169.254, never through a proxy, or from the host that $AZURE_POD_IDENTITY_AUTHORITY_HOST
 * names. client_id NULL: the machine's only identity; else that of the user-assigned one. With the resource
 * id of the workspace (NULL: none) a management token goes along, for identities that were not added to it. */
KERNEL_API KernelStatusCode dbk_session_config_set_auth_azure_identity(
    KernelSessionConfig *config, const char *client_id, const char *azure_workspace_resource_id);
/* A token that somebody else renews. expires_at: seconds since 1970, 0 when it does not end by itself;
 * after that statements fail as Unauthenticated, and nothing is sent, until dbk_session_set_token. */
KERNEL_API KernelStatusCode dbk_session_config_set_auth_token(KernelSessionConfig *config,
                                                              const char *token,
                                                              int64_t expires_at);
/* Gives a live session (of set_auth_pat or set_auth_token) its next token: requests from now on carry
 * it. The string is copied. Any thread. InvalidArgument for a token with blanks or control characters, and
 * for sessions that renew their own. */
KERNEL_API KernelStatusCode dbk_session_set_token(kernel_session_t *session, const char *token,
                                                  int64_t expires_at);

/* A call for a token; lives during one call of the provider. Its functions: on the provider's thread. */
typedef struct dbk_token_call dbk_token_call;
/* The host's way to a token. It runs on a thread of the library's, never with a lock held, one call at a
 * time per session, ahead of the last token's end or when the server refused it. It may block, calls
 * dbk_token_call_answer or dbk_token_call_fail before it returns, and must not call other functions of
 * this library on a session that waits for it. It should return soon once
 * dbk_token_call_cancelled says true (the session went, or 60 s are over). */
typedef void (*dbk_token_provider)(void *ctx, dbk_token_call *call);
/* release (may be NULL) is called with ctx once, on any thread, when the provider will not be called any
 * more: after config and every session opened with it are closed. */
KERNEL_API KernelStatusCode dbk_session_config_set_token_provider(KernelSessionConfig *config,
                                                                  dbk_token_provider provider,
                                                                  void *ctx,
                                                                  void (*release)(void *ctx));
/* Copies token. expires_at: seconds since 1970; 0: when it is a JWT its own "exp" counts, else it is kept
 * until the server refuses it. InvalidArgument: the token is empty or no header value. */
KERNEL_API KernelStatusCode dbk_token_call_answer(dbk_token_call *call, const char *token,
                                                  int64_t expires_at);
/* Ends the call without a token; who waits gets Unauthenticated with this message. */
KERNEL_API KernelStatusCode dbk_token_call_fail(dbk_token_call *call, const char *message);
KERNEL_API uint64_t dbk_token_call_time_left_ms(const dbk_token_call *call);
KERNEL_API bool dbk_token_call_cancelled(const dbk_token_call *call);
/* The server did not take the last token: do not answer with a cached one. */
KERNEL_API bool dbk_token_call_refused(const dbk_token_call *call);

/* Browser logins: show is called with the URL that the person must open, on a thread of the library's,
 * instead of the desktop's browser (without a desktop the URL is written to stderr). url lives during the
 * call, holds one-time secrets and is not to be logged. ctx must live until every session opened with
 * config is open or failed. show NULL: as before. */
KERNEL_API KernelStatusCode dbk_session_config_set_login_opener(
    KernelSessionConfig *config, void (*show)(void *ctx, const char *url), void *ctx);

/* How tokens of foreign issuers are exchanged for the workspace's. client_id: the identity to become, NULL:
 * the account-wide policy decides. rfc8693: the token-exchange grant instead of jwt-bearer. strict: with a
 * client_id, a failed exchange is an error; else the token is tried as it is, with a warning. */
KERNEL_API KernelStatusCode dbk_session_config_set_federation(KernelSessionConfig *config,
                                                              const char *client_id, bool rfc8693,
                                                              bool strict);

/* The workspace behind a host that serves many (a unified host): 1 to 20 digits, as ?o= of the http_path says
 * it too. NULL: as the http_path says. InvalidArgument when the session is opened: no number, or the http_path
 * names another. not_in_exchange: the requests of federation do not name it, for servers that refuse
 * that. Copied. */
KERNEL_API KernelStatusCode dbk_session_config_set_workspace_id(KernelSessionConfig *config,
                                                                const char *workspace_id,
                                                                bool not_in_exchange);

/* What stands between here and the warehouse: host and its kind, workspace id, proxy, certificates, age of
 * the token, versions, and how a session with SELECT 1 went; with warnings and a hint, without secrets. config stays
 * the caller's and is not changed. Blocks: 3 s at most for the kind of host, then as kernel_session_open (a
 * browser login asks the person). *out: one JSON object, or lines for people; freed with dbk_report_free.
 * *healthy: the round trip went well; what the network refused is in the report and no error. InvalidArgument:
 * the configuration itself is wrong. */
KERNEL_API KernelStatusCode dbk_connection_report(const KernelSessionConfig *config, bool as_json,
                                                  char **out, bool *healthy);
KERNEL_API void dbk_report_free(char *report); /* NULL is a no-op */

/* The server's session id, borrowed until the session is closed. */
KERNEL_API const char *dbk_session_id(const kernel_session_t *session);
/* As kernel_session_close, but waits at most timeout_ms: then Timeout, and the rest (what statements were told
 * before, the session's own end) goes on in the background; dbk_runtime_shutdown waits for that. Frees the
 * handle in any case. kernel_session_close itself waits for statements that were cancelled before the server's
 * first answer (12 seconds at most: servers hold that answer for 10), so that a process may end right after it and
 * no cancel is lost; then 30 seconds at most for the session's own end. */
KERNEL_API KernelStatusCode dbk_session_close_timeout(kernel_session_t *session,
                                                      uint64_t timeout_ms);
/* Frees the handle without waiting: the session is closed on the server in the background when
 * nothing of it is used any more, and its last telemetry leaves then. For destructors; kernel_session_close is
 * the way to be sure. */
KERNEL_API KernelStatusCode dbk_session_release(kernel_session_t *session);

/* ---- Volumes ----------------------------------------------------------------------------------- */

/* Writes a file on a Unity Catalog volume, "/Volumes/<catalog>/<schema>/<volume>/<path>", whole or not at
 * all; one that is there is replaced, so that the request is repeated like a read. Blocks; bytes are copied;
 * one request, so len is bounded by the service (5 GB) and by the request timeout. NotFound: no such
 * volume; InvalidArgument: path is no path of a file on a volume. */
KERNEL_API KernelStatusCode dbk_volume_put(kernel_session_t *session, const char *path,
                                           const uint8_t *bytes, size_t len);
/* Deletes one; NotFound: there is none. */
KERNEL_API KernelStatusCode dbk_volume_remove(kernel_session_t *session, const char *path);

/* ---- Statement --------------------------------------------------------------------------------- */

/* SQL of len bytes, which may hold NUL; otherwise as kernel_statement_set_sql. */
KERNEL_API KernelStatusCode dbk_statement_set_sql_n(kernel_statement_t *stmt, const char *sql,
                                                    size_t len);
/* A parameter value of len bytes; value NULL: SQL NULL. */
KERNEL_API KernelStatusCode dbk_statement_bind_parameter_n(kernel_statement_t *stmt,
                                                           const char *name, const char *sql_type,
                                                           const char *value, size_t len);
/* A parameter as text of len bytes, checked and normalised for sql_type: BOOLEAN, TINYINT, SMALLINT,
 * INT, BIGINT, FLOAT, DOUBLE, DECIMAL(p,s), STRING, DATE, TIMESTAMP, TIMESTAMP_NTZ, TIMESTAMP_LTZ,
 * INTERVAL, VARIANT, GEOMETRY, GEOGRAPHY, VOID, in any case; value NULL: SQL NULL of any type. name
 * NULL: positional at ordinal (from 1; gaps are NULL); else named, ordinal is ignored and the last
 * value of a name wins. Other types and texts that are not of the type are InvalidArgument. Both kinds
 * in one statement are refused by execute. */
KERNEL_API KernelStatusCode dbk_statement_bind_typed(kernel_statement_t *stmt, size_t ordinal,
                                                     const char *name, const char *sql_type,
                                                     const char *value, size_t len);
/* Options of one statement, kept across set_sql: "row_limit" (integer; "" removes it), "query_tags"
 * ("key:value,key2", escapes \\ \: \,). Anything else is InvalidArgument. */
KERNEL_API KernelStatusCode dbk_statement_set_option(kernel_statement_t *stmt, const char *key,
                                                     const char *value);

/* What a running or finished statement is doing. Any thread while stmt lives; a snapshot. */
typedef struct dbk_progress {
    uint32_t struct_size; /* caller: sizeof(dbk_progress) */
    KernelStatementStatusKind state;
    int64_t chunks_total; /* -1: not known */
    int64_t chunks_done;  /* chunks fully decoded */
    int64_t rows_total;   /* -1: not known */
    int64_t rows_decoded;
    uint64_t bytes_received; /* from the network, result data only */
    uint64_t elapsed_ms;     /* since execute began */
} dbk_progress;
KERNEL_API KernelStatusCode dbk_statement_get_progress(const kernel_statement_t *stmt,
                                                       dbk_progress *out);

/* The server's id of the canceller's statement, as soon as it is known, also of one that failed: copied
 * into buf with its NUL. False: not known, or size is too small (64 is enough). Any thread. */
KERNEL_API bool dbk_canceller_get_query_id(const kernel_statement_canceller_t *canceller, char *buf,
                                           size_t size);

/* ---- Submitted statements ------------------------------------------------------------------------ */

/* What kernel_statement_submit gives: a statement that runs on the server while the caller does
 * something else. Failed and cancelled statements are told by the state here; they become an error in
 * dbk_async_await and dbk_async_take_result. */

/* "Pending", "Running", "Succeeded", "Failed", "Cancelled" or "Closed"; "Unknown" for any other number. Static
 * text; any thread. */
KERNEL_API const char *dbk_statement_state_name(KernelStatementStatusKind state);
/* The state as last told by the server; no request. */
KERNEL_API KernelStatusCode dbk_async_status(const kernel_executed_async_statement_t *async,
                                             KernelStatementStatusKind *out);
/* Asks the server once (not again after a final state) and gives the state. */
KERNEL_API KernelStatusCode dbk_async_poll(kernel_executed_async_statement_t *async,
                                           KernelStatementStatusKind *out);
/* The server's statement id, borrowed until the handle is closed. */
KERNEL_API const char *dbk_async_query_id(const kernel_executed_async_statement_t *async);
/* What the server's last answer says beside the state. Texts are NULL when absent, and borrowed until the
 * next operation on async; not to be called while one is under way. */
typedef struct dbk_async_remarks {
    uint32_t struct_size;  /* caller: sizeof(dbk_async_remarks) */
    int64_t modified_rows; /* -1: not known */
    const char *display_message;
    const char *diagnostic_info;
    const char *error_details_json;
} dbk_async_remarks;
KERNEL_API KernelStatusCode dbk_async_get_remarks(kernel_executed_async_statement_t *async,
                                                  dbk_async_remarks *out);
/* Waits for the end, at most timeout_ms (0: as long as it takes). *finished false with Success: it
 * still runs. */
KERNEL_API KernelStatusCode dbk_async_await(kernel_executed_async_statement_t *async,
                                            uint64_t timeout_ms, bool *finished);
/* Tells the server to cancel; any thread, also while another waits in dbk_async_await. */
KERNEL_API KernelStatusCode dbk_async_cancel(kernel_executed_async_statement_t *async);
/* The executed statement, waiting for the end when it still runs. May be called again: each handle
 * reads the whole result, the later ones by asking the server for it once more. */
KERNEL_API KernelStatusCode dbk_async_take_result(kernel_executed_async_statement_t *async,
                                                  kernel_executed_statement_t **out);
/* A handle to a statement of the session's server by its id (of another process, say). Closing it does
 * not close the statement on the server. An unknown id is NotFound. */
KERNEL_API KernelStatusCode dbk_async_attach(kernel_session_t *session, const char *query_id,
                                             kernel_executed_async_statement_t **out);
/* For results that others read in pieces: the statement stays on the server when its handles are closed
 * (until the server forgets it: its session's end, or about an hour), and dbk_async_take_result gives its
 * schema and its facts (dbk_executed_get_info) but no rows. Before dbk_async_await and take_result. */
KERNEL_API KernelStatusCode dbk_async_leave(kernel_executed_async_statement_t *async);
/* A piece of the result: chunk_count chunks from first_chunk (0 is the first) on, waiting for the end when
 * the statement still runs. Costs one request for the statement and those for the piece; may be called
 * again, for other pieces too. InvalidArgument: the result has no such chunks. */
KERNEL_API KernelStatusCode dbk_async_take_chunks(kernel_executed_async_statement_t *async,
                                                  int64_t first_chunk, int64_t chunk_count,
                                                  kernel_executed_statement_t **out);
/* Tells the server now to forget the statement, also an attached one; the handle stays to be freed. */
KERNEL_API KernelStatusCode dbk_async_end(kernel_executed_async_statement_t *async);
/* Frees the handle. The statement is closed on the server, in the background, when the executed
 * statements taken from it are closed too; an attached one is left alone. */
KERNEL_API KernelStatusCode dbk_async_close(kernel_executed_async_statement_t *async);

/* ---- Executed statement and its rows ------------------------------------------------------------ */

typedef struct dbk_executed_info {
    uint32_t struct_size; /* caller: sizeof(dbk_executed_info) */
    uint32_t retry_count; /* HTTP requests repeated for this statement */
    int64_t chunk_count;  /* -1: not told; the same below */
    int64_t total_rows;
    int64_t total_bytes;
    bool truncated;      /* the server cut the result (row_limit, byte limit) */
    bool has_result_set; /* the statement has columns */
    bool external_links; /* rows come from cloud storage */
    bool is_staging;     /* a PUT/GET/REMOVE volume operation */
} dbk_executed_info;
KERNEL_API KernelStatusCode dbk_executed_get_info(const kernel_executed_statement_t *exec,
                                                  dbk_executed_info *out);

typedef struct dbk_stream_stats {
    uint32_t struct_size; /* caller: sizeof(dbk_stream_stats) */
    uint32_t chunks_fetched;
    uint64_t bytes_wire;  /* received */
    uint64_t bytes_arrow; /* decoded */
    uint64_t rows;        /* decoded */
    uint64_t peak_bytes;  /* most memory the stream held at a time */
    uint64_t link_refreshes;
    uint64_t chunk_retries;
} dbk_stream_stats;
KERNEL_API KernelStatusCode dbk_result_stream_get_stats(const kernel_result_stream_t *stream,
                                                        dbk_stream_stats *out);

/* Hands the rest of the rows to an ArrowArrayStream, which then owns them: stream may be closed. The
 * ArrowArrayStream belongs to one thread at a time. */
KERNEL_API KernelStatusCode dbk_result_stream_export(kernel_result_stream_t *stream,
                                                     struct ArrowArrayStream *out);
/* The next piece of one Arrow IPC stream: first call the schema, then a batch per call, then the
 * end-of-stream marker once; after that *len is 0. *buf is borrowed until the next call on stream. */
KERNEL_API KernelStatusCode dbk_result_stream_next_ipc(kernel_result_stream_t *stream,
                                                       const uint8_t **buf, size_t *len);

/* ---- Telemetry --------------------------------------------------------------------------------- */

/* Who decides whether telemetry leaves: "off" (the default), "on", "auto" (the server's feature flag; asked for
 * in the background, kept as long as the server says; until it is known events wait, and "no" drops them).
 * client and flag name that flag: /api/2.0/connector-service/feature-flags/<client>/<version> and
 * ...clientConfigsFeatureFlags.<flag>; NULL: "ADBC" and "enableTelemetryForAdbc". The environment variables
 * DATABRICKS_TELEMETRY_DISABLED and DO_NOT_TRACK win over everything. The texts are copied; one thread per config.
 * The last call wins, kernel_session_config_set_telemetry_config included. InvalidArgument (nothing changes): config
 * NULL, another mode, or a name that is not 1 to 96 of letters, digits, '-', '_' and '.'. */
KERNEL_API KernelStatusCode dbk_session_config_set_telemetry_mode(KernelSessionConfig *config,
                                                                  const char *mode,
                                                                  const char *client,
                                                                  const char *flag);
/* true: when telemetry is on, a session that the server refuses is told to /telemetry-unauth: the name of the
 * error, driver and version, nothing else, without credentials, in the background, once. Off by default. One thread
 * per config. InvalidArgument: config NULL. */
KERNEL_API KernelStatusCode dbk_session_config_set_telemetry_refused(KernelSessionConfig *config,
                                                                     bool on);

typedef enum dbk_telemetry_type {
    DBK_TELEMETRY_TYPE_TEXT = 0,
    DBK_TELEMETRY_TYPE_INT = 1,
    DBK_TELEMETRY_TYPE_BOOL = 2 /* number is 0 or 1 */
} dbk_telemetry_type;
typedef enum dbk_telemetry_scope {
    DBK_TELEMETRY_SCOPE_LOCAL = 0,   /* for diagnosis on this machine: no upload of ours holds it */
    DBK_TELEMETRY_SCOPE_EXPORTED = 1 /* part of what is uploaded when telemetry is on */
} dbk_telemetry_scope;
typedef struct dbk_telemetry_attribute {
    const char *name; /* OpenTelemetry's where it has one: "db.operation.name"; lives for ever */
    dbk_telemetry_type type;
    dbk_telemetry_scope scope;
    const char *text; /* of TEXT */
    int64_t number;   /* of INT and BOOL */
} dbk_telemetry_attribute;
/* Something that took time and has ended. Neither SQL nor values, messages, tokens or whole URLs are in it. */
typedef struct dbk_telemetry_record {
    uint32_t struct_size;
    bool failed;
    const char *name; /* docs/telemetry.md lists them: "databricks.statement"; lives for ever */
    int64_t start_unix_ns; /* since 1970, by the wall clock at its end */
    uint64_t duration_ns;
    const dbk_telemetry_attribute *attributes;
    size_t attribute_count;
} dbk_telemetry_record;
/* record and its texts live during the call. It runs on any thread of the library or the caller's, on several
 * at a time, must return soon and must not call the library. */
typedef void (*dbk_telemetry_callback)(const dbk_telemetry_record *record, void *user_data);
/* Tells callback of sessions, statements, requests, downloads and waits of every session opened with config;
 * nothing is sent for it, and telemetry may be off. release (may be NULL) is called with user_data once, on any
 * thread, when callback will not be called any more: the session has ended, was refused, or config was freed or given
 * another callback. callback NULL: nobody, and release is not called for it. One thread per config. InvalidArgument:
 * config NULL; Internal: no memory; release is not called then. */
KERNEL_API KernelStatusCode dbk_session_config_set_telemetry_callback(
    KernelSessionConfig *config, dbk_telemetry_callback callback, void *user_data,
    void (*release)(void *user_data));

/* What became of the events for a host, of all its sessions in this process. */
typedef struct dbk_telemetry_stats {
    uint32_t struct_size; /* caller: sizeof(dbk_telemetry_stats) */
    bool breaker_open;    /* exports rest after failures */
    uint64_t queued;
    uint64_t sent;            /* the server took them */
    uint64_t dropped_full;    /* no room, or no memory */
    uint64_t dropped_breaker; /* while exports rested */
    uint64_t dropped_failed;  /* the server did not take them, or their session ended before */
    uint64_t dropped_off;     /* the server's flag said no */
    uint64_t exports;         /* batches that were taken or given up */
    uint64_t failed_exports;
} dbk_telemetry_stats;
/* host: as for the session. Any thread; zeroes for a host that was never told of. A process that talks to more
 * than 256 hosts forgets the one it told of longest ago. InvalidArgument: NULL, a struct_size that is smaller, or a
 * host that is none; out is not written then. */
KERNEL_API KernelStatusCode dbk_telemetry_get_stats(const char *host, dbk_telemetry_stats *out);

/* What telemetry would tell of a statement, so far, whether telemetry is on or not; whole when its rows have
 * ended. Times are in milliseconds. */
typedef struct dbk_statement_stats {
    uint32_t struct_size; /* caller: sizeof(dbk_statement_stats) */
    bool is_compressed;
    /* "INLINE_ARROW", "INLINE_JSON", "EXTERNAL_LINKS", "FORMAT_UNSPECIFIED", which live for ever; NULL: no result
     * (yet) */
    const char *format;
    uint32_t retry_count; /* requests and downloads sent again */
    uint32_t poll_count;  /* how often the server was asked for the state */
    uint64_t poll_ms;     /* what that took */
    uint64_t latency_ms;  /* until the result was there */
    int64_t ready_ms;     /* from execute to the first rows; -1: not known; the same below */
    int64_t consume_ms;   /* from the first read to the end of the rows */
    int64_t chunks_total, chunks_iterated;
    int64_t chunk_first_ms, chunk_slowest_ms, chunk_sum_ms; /* downloads */
    uint64_t bytes_received, rows;
} dbk_statement_stats;
/* Any thread, also while another one reads the rows; until exec is closed. InvalidArgument (out is not written):
 * NULL, or a struct_size that is smaller. */
KERNEL_API KernelStatusCode dbk_executed_get_stats(const kernel_executed_statement_t *exec,
                                                   dbk_statement_stats *out);

/* ---- Metadata ---------------------------------------------------------------------------------- */

/* A catalog call whose texts are taken as they are: NULL is "no filter", "" matches nothing, a blank
 * catalog is InvalidArgument. (kernel_metadata_* take blank texts for "no filter".) */
typedef enum dbk_catalog_call {
    DBK_CATALOG_CALL_CATALOGS = 0,
    DBK_CATALOG_CALL_SCHEMAS,
    DBK_CATALOG_CALL_TABLES,
    DBK_CATALOG_CALL_COLUMNS,
    DBK_CATALOG_CALL_FUNCTIONS,
    DBK_CATALOG_CALL_PROCEDURES,
    DBK_CATALOG_CALL_PROCEDURE_COLUMNS,
    DBK_CATALOG_CALL_PRIMARY_KEYS,    /* of the table: names, no patterns; so are the two below */
    DBK_CATALOG_CALL_FOREIGN_KEYS,    /* as kernel_metadata_foreign_keys */
    DBK_CATALOG_CALL_CROSS_REFERENCE, /* as dbk_metadata_cross_reference */
    DBK_CATALOG_CALL_TABLE_TYPES,
    DBK_CATALOG_CALL_TYPE_INFO
} dbk_catalog_call;
typedef struct dbk_catalog_filter {
    uint32_t struct_size; /* caller: sizeof(dbk_catalog_filter) */
    dbk_catalog_call call;
    const char *catalog;
    const char *schema; /* a LIKE pattern, like the two below */
    const char *object; /* table, function or procedure; CATALOGS: the catalog's name */
    const char *column;
    const char *const *types; /* TABLES: only these types, in any case; NULL: all; none: no rows */
    size_t type_count;
    /* Not read when struct_size ends before them: */
    const char *parent_catalog; /* FOREIGN_KEYS, CROSS_REFERENCE: the table that is referred to */
    const char *parent_schema;
    const char *parent_table;
} dbk_catalog_filter;
KERNEL_API KernelStatusCode dbk_metadata_list(kernel_session_t *session,
                                              const dbk_catalog_filter *filter,
                                              kernel_result_stream_t **out);

/* The SQL types and their properties, in the 18 columns of JDBC's getTypeInfo; no request is made. */
KERNEL_API KernelStatusCode dbk_metadata_type_info(kernel_session_t *session,
                                                   kernel_result_stream_t **out);
/* As kernel_metadata_foreign_keys, but only keys that refer to the parent table: its names are
 * compared in any case, NULL ones are not. */
KERNEL_API KernelStatusCode dbk_metadata_cross_reference(
    kernel_session_t *session, const char *parent_catalog, const char *parent_schema,
    const char *parent_table, const char *foreign_catalog, const char *foreign_schema,
    const char *foreign_table, kernel_result_stream_t **out);

#ifdef __cplusplus
}
#endif

#endif
