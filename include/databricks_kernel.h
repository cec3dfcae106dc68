/* databricks_kernel.h: the C ABI that the Databricks SQL drivers load.
 *
 * This is the interface of the closed kernel it replaces, function by function; additions of our own
 * are in dbkernel.h. dbkernel is independent of Databricks.
 *
 * Rules for every function unless its comment says otherwise:
 *   - 0 (KernelStatusCode_Success) is success; for anything else kernel_get_last_error has the
 *     details for the calling thread until its next kernel call.
 *   - Text is UTF-8, NUL-terminated and copied before the call returns; byte buffers too.
 *   - Output pointers are written on success only. A NULL handle or a NULL required argument is
 *     InvalidArgument, never a crash.
 *   - A handle belongs to one thread at a time and may move between threads; different handles are
 *     independent. Only cancellers, cancel tokens and the log callback cross threads.
 *   - Setters check NULL, UTF-8 and the rules named here; everything else is judged by
 *     kernel_session_open.
 *   - Free in the order streams, executed statements, statements, session. Batches are
 *     self-contained: they may be released on any thread after everything else is gone. */
#ifndef DATABRICKS_KERNEL_H
#define DATABRICKS_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32)
#    define KERNEL_API
#elif defined(__GNUC__)
#    define KERNEL_API __attribute__((visibility("default")))
#else
#    define KERNEL_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* The Arrow C Data Interface structs. Define DATABRICKS_KERNEL_NO_ARROW_CDATA when another header of
 * the program defines them. */
#ifndef DATABRICKS_KERNEL_NO_ARROW_CDATA
#    ifndef ARROW_C_DATA_INTERFACE
#        define ARROW_C_DATA_INTERFACE

#        define ARROW_FLAG_DICTIONARY_ORDERED 1
#        define ARROW_FLAG_NULLABLE           2
#        define ARROW_FLAG_MAP_KEYS_SORTED    4

struct ArrowSchema {
    const char *format;
    const char *name;
    const char *metadata;
    int64_t flags;
    int64_t n_children;
    struct ArrowSchema **children;
    struct ArrowSchema *dictionary;
    void (*release)(struct ArrowSchema *);
    void *private_data;
};

struct ArrowArray {
    int64_t length;
    int64_t null_count;
    int64_t offset;
    int64_t n_buffers;
    int64_t n_children;
    const void **buffers;
    struct ArrowArray **children;
    struct ArrowArray *dictionary;
    void (*release)(struct ArrowArray *);
    void *private_data;
};

#    endif
#else
struct ArrowSchema;
struct ArrowArray;
#endif

/* ---- Status and errors ----------------------------------------------------------------------- */

typedef enum KernelStatusCode {
    KernelStatusCode_Success = 0,
    KernelStatusCode_InvalidArgument = 1,         /* a wrong argument, HTTP 400 and 409 */
    KernelStatusCode_Unauthenticated = 2,         /* HTTP 401 */
    KernelStatusCode_PermissionDenied = 3,        /* HTTP 403 */
    KernelStatusCode_NotFound = 4,                /* HTTP 404 */
    KernelStatusCode_ResourceExhausted = 5,       /* HTTP 429, out of memory or of a budget */
    KernelStatusCode_Unavailable = 6,             /* HTTP 503 */
    KernelStatusCode_Timeout = 7,                 /* HTTP 504, a deadline passed */
    KernelStatusCode_Cancelled = 8,               /* cancelled by the caller or the server */
    KernelStatusCode_DataLoss = 9,                /* the server's data contradicts itself */
    KernelStatusCode_Internal = 10,               /* HTTP 500, a fault of this library */
    KernelStatusCode_InvalidStatementHandle = 11, /* stale handle, closed session, after a fork */
    KernelStatusCode_NetworkError = 12,           /* connect, TLS, reset */
    KernelStatusCode_SqlError = 13                /* the statement failed; see sql_state */
} KernelStatusCode;

/* State of a submitted statement. */
typedef enum KernelStatementStatusKind {
    KernelStatementStatusKind_Pending = 0,
    KernelStatementStatusKind_Running = 1,
    KernelStatementStatusKind_Succeeded = 2,
    KernelStatementStatusKind_Failed = 3,
    KernelStatementStatusKind_Cancelled = 4,
    KernelStatementStatusKind_Closed = 5
} KernelStatementStatusKind;

typedef struct KernelError {
    int32_t code; /* a KernelStatusCode value */
    const char *message;
    const char *sql_state; /* five characters, or NULL */
    int32_t vendor_code;   /* 0: absent */
    uint16_t http_status;  /* 0: absent */
    bool retryable;        /* the same call may succeed later and repeating it is safe */
    const char *query_id;  /* or NULL */
} KernelError;

/* Fills *out with the calling thread's last error and returns true; returns false and leaves *out
 * alone when the last call succeeded or out is NULL. Does not clear it: reading twice gives the
 * same. The texts live until the thread's next kernel call. */
KERNEL_API bool kernel_get_last_error(KernelError *out);

/* ---- Handles --------------------------------------------------------------------------------- */

typedef struct kernel_session_config_t KernelSessionConfig;
typedef struct kernel_session_t kernel_session_t;
typedef struct kernel_statement_t kernel_statement_t;
typedef struct kernel_executed_statement_t kernel_executed_statement_t;
typedef struct kernel_executed_async_statement_t kernel_executed_async_statement_t;
typedef struct kernel_result_stream_t kernel_result_stream_t;
typedef struct kernel_statement_canceller_t kernel_statement_canceller_t;
typedef struct kernel_cancel_token_t kernel_cancel_token_t;

/* ---- Session configuration: life, connection, authentication ---------------------------------- */

/* A new configuration; free it or hand it to kernel_session_open. */
KERNEL_API KernelStatusCode kernel_session_config_new(KernelSessionConfig **out);
/* Frees a configuration that was not handed to kernel_session_open. NULL is a no-op. */
KERNEL_API void kernel_session_config_free(KernelSessionConfig *config);
/* Where to connect. host: "h", "h:port", "https://h" or "http://h" (without a scheme: https). The
 * last of set_warehouse and set_http_path wins. */
KERNEL_API KernelStatusCode kernel_session_config_set_warehouse(KernelSessionConfig *config,
                                                                const char *host,
                                                                const char *warehouse_id);
/* http_path: "/sql/1.0/warehouses/{id}" or "/sql/1.0/endpoints/{id}", "?o={org}" selects a workspace
 * of a single-gateway host. */
KERNEL_API KernelStatusCode kernel_session_config_set_http_path(KernelSessionConfig *config,
                                                                const char *host,
                                                                const char *http_path);
/* Authentication: the last setter wins. A personal access token. */
KERNEL_API KernelStatusCode kernel_session_config_set_auth_pat(KernelSessionConfig *config,
                                                               const char *token);
/* OAuth client credentials with a secret. */
KERNEL_API KernelStatusCode kernel_session_config_set_auth_m2m(KernelSessionConfig *config,
                                                               const char *client_id,
                                                               const char *client_secret);
/* OAuth client credentials with a private key (PKCS#8 PEM file). passphrase, algorithm (default
 * RS256), scopes (comma-separated, default all-apis) and token_url may be NULL. */
KERNEL_API KernelStatusCode kernel_session_config_set_auth_m2m_jwt(
    KernelSessionConfig *config, const char *client_id, const char *jwt_key_file,
    const char *jwt_kid, const char *jwt_passphrase, const char *jwt_algorithm, const char *scopes,
    const char *token_url);
/* OAuth in the browser. NULL and 0 give databricks-sql-connector, 8030, sql,offline_access. */
KERNEL_API KernelStatusCode kernel_session_config_set_auth_u2m(KernelSessionConfig *config,
                                                               const char *client_id,
                                                               uint16_t redirect_port,
                                                               const char *scopes);
/* Azure service principal; tenant and workspace resource id may be NULL. */
KERNEL_API KernelStatusCode kernel_session_config_set_auth_azure_sp(
    KernelSessionConfig *config, const char *azure_client_id, const char *azure_client_secret,
    const char *azure_tenant_id, const char *azure_workspace_resource_id);
/* Exchanges foreign tokens as this federated client. */
KERNEL_API KernelStatusCode kernel_session_config_set_identity_federation_client_id(
    KernelSessionConfig *config, const char *client_id);
/* Replaces the discovered OAuth token endpoint. */
KERNEL_API KernelStatusCode kernel_session_config_set_oauth_token_endpoint(
    KernelSessionConfig *config, const char *token_endpoint);
/* Comma-separated OAuth scopes instead of the mode's own. */
KERNEL_API KernelStatusCode kernel_session_config_set_oauth_scopes(KernelSessionConfig *config,
                                                                   const char *scopes);
/* Browser tokens on disk, encrypted; passphrase NULL or blank: a key of this machine. */
KERNEL_API KernelStatusCode kernel_session_config_set_u2m_token_cache_config(
    KernelSessionConfig *config, bool enabled, const char *passphrase);

/* ---- Session configuration: behaviour --------------------------------------------------------- */

/* A session configuration sent to the server as it is; later values of a key win. The key
 * cloudfetch_max_chunks_in_memory is applied here and not sent; so are those that begin with databricks.telemetry.
 * (as kernel_session_config_set_client_conf has them; a bad value is ignored with a warning). */
KERNEL_API KernelStatusCode kernel_session_config_set_session_conf(KernelSessionConfig *config,
                                                                   const char *key,
                                                                   const char *value);
/* An option of this library: cloudfetch_enabled, complex_types_as_json, intervals_as_string ("true",
 * "false"); cloudfetch_link_prefetch_window, cloudfetch_max_chunks_in_memory,
 * inline_max_chunks_in_memory (positive integers); databricks.telemetry.mode ("off", "on", "auto") and the other
 * keys of docs/telemetry.md, which win over the setters for telemetry. Anything else is InvalidArgument. */
KERNEL_API KernelStatusCode kernel_session_config_set_client_conf(KernelSessionConfig *config,
                                                                  const char *key,
                                                                  const char *value);
/* An HTTP header for every workspace request, in order; User-Agent replaces ours, Authorization and
 * x-databricks-org-id are ignored with a warning. */
KERNEL_API KernelStatusCode kernel_session_config_set_custom_header(KernelSessionConfig *config,
                                                                    const char *name,
                                                                    const char *value);
/* Milliseconds for one HTTP request from start to last byte; 0: 120,000. */
KERNEL_API KernelStatusCode kernel_session_config_set_request_timeout(KernelSessionConfig *config,
                                                                      uint64_t request_timeout_ms);
/* Idle connections that stay open on each network thread (one for the workspace, up to four for
 * downloads); 0: 100. Sessions of a process share the threads: the one whose request began last says. */
KERNEL_API KernelStatusCode kernel_session_config_set_max_connections(KernelSessionConfig *config,
                                                                      size_t max_connections);
/* false: results come inline only. Default true. */
KERNEL_API KernelStatusCode
kernel_session_config_set_cloudfetch_enabled(KernelSessionConfig *config, bool enabled);
/* true (default): autocommit calls succeed without doing anything. */
KERNEL_API KernelStatusCode
kernel_session_config_set_ignore_transactions(KernelSessionConfig *config, bool ignore);
/* Waits between attempts of a request and how many retries follow the first attempt. min_wait_ms 0
 * is InvalidArgument; max below min is raised to min; overall 0 keeps the default (900 s). */
KERNEL_API KernelStatusCode kernel_session_config_set_retry_config(KernelSessionConfig *config,
                                                                   uint64_t min_wait_ms,
                                                                   uint64_t max_wait_ms,
                                                                   uint32_t max_retries,
                                                                   uint64_t overall_timeout_ms);
/* Telemetry, off by default. Zero batch size, flush interval or close timeout: InvalidArgument. */
KERNEL_API KernelStatusCode kernel_session_config_set_telemetry_config(
    KernelSessionConfig *config, bool enabled, size_t batch_size, uint64_t flush_interval_ms,
    uint32_t max_retries, uint64_t retry_delay_ms, uint64_t close_flush_timeout_ms);
/* When enabled, threshold and timeout must not be zero. */
KERNEL_API KernelStatusCode kernel_session_config_set_telemetry_circuit_breaker_config(
    KernelSessionConfig *config, bool enabled, uint32_t threshold, uint64_t timeout_ms);
/* Who is calling, for telemetry; every text may be NULL. */
KERNEL_API KernelStatusCode kernel_session_config_set_driver_system_configuration(
    KernelSessionConfig *config, const char *driver_name, const char *driver_version,
    const char *runtime_name, const char *runtime_version, const char *runtime_vendor,
    const char *os_name, const char *os_version, const char *os_arch, const char *client_app_name,
    const char *locale_name, const char *char_set_encoding, const char *process_name);

/* ---- Session configuration: proxy and TLS ------------------------------------------------------ */

/* url: http://, https:// or socks5://; the rest may be NULL; bypass_hosts is comma-separated.
 * Without this call HTTPS_PROXY, HTTP_PROXY and NO_PROXY count. */
KERNEL_API KernelStatusCode kernel_session_config_set_proxy(KernelSessionConfig *config,
                                                            const char *url, const char *username,
                                                            const char *password,
                                                            const char *bypass_hosts);
/* PEM certificates trusted beside the system's. */
KERNEL_API KernelStatusCode kernel_session_config_set_tls_trusted_certs(KernelSessionConfig *config,
                                                                        const uint8_t *pem,
                                                                        size_t len);
/* true: any certificate chain is accepted. */
KERNEL_API KernelStatusCode
kernel_session_config_set_tls_allow_self_signed(KernelSessionConfig *config, bool allow);
/* true: the certificate may name another host. */
KERNEL_API KernelStatusCode
kernel_session_config_set_tls_skip_hostname_verification(KernelSessionConfig *config, bool skip);
/* Client certificate and key, PEM, neither empty. */
KERNEL_API KernelStatusCode kernel_session_config_set_tls_client_certificate(
    KernelSessionConfig *config, const uint8_t *cert_pem, size_t cert_len, const uint8_t *key_pem,
    size_t key_len);

/* ---- Process-wide logging and version ---------------------------------------------------------- */

/* level: "off", "error", "warn", "info", "debug", "trace"; the texts live during the call only. Called
 * on any thread, possibly concurrently; must not call back into the library. */
typedef void (*KernelLogCallback)(const char *level, const char *target, const char *message,
                                  void *user_data);

/* First initialiser wins for the process. level NULL: DBK_LOG, else RUST_LOG, else warn; file_path
 * NULL: stderr. A file that cannot be opened is Internal and logs go to stderr. */
KERNEL_API KernelStatusCode kernel_init_logging(const char *level, const char *file_path);
KERNEL_API KernelStatusCode kernel_init_logging_callback(const char *level,
                                                         KernelLogCallback callback,
                                                         void *user_data);

#define DATABRICKS_KERNEL_ABI_VERSION 1u
KERNEL_API uint32_t kernel_abi_version(void); /* cannot fail */

/* The same sink in an older shape: level 1 = error ... 5 = trace. */
typedef void (*kernel_log_callback)(void *ctx, int level, const char *target, const char *message);
KERNEL_API KernelStatusCode kernel_set_log_callback(kernel_log_callback callback, void *ctx,
                                                    const char *level);

/* ---- Session ----------------------------------------------------------------------------------- */

/* Opens a session on the server; blocks. Consumes config whatever the result. */
KERNEL_API KernelStatusCode kernel_session_open(KernelSessionConfig *config,
                                                kernel_session_t **out);
/* Closes the session on the server (bounded wait; a server's refusal is ignored) and frees the
 * handle. */
KERNEL_API KernelStatusCode kernel_session_close(kernel_session_t *session);
KERNEL_API KernelStatusCode kernel_session_is_open(const kernel_session_t *session, bool *out);
KERNEL_API KernelStatusCode kernel_session_test(const kernel_session_t *session); /* SELECT 1 */
/* A statement of this session; it keeps what it needs of the session alive. */
KERNEL_API KernelStatusCode kernel_session_new_statement(kernel_session_t *session,
                                                         kernel_statement_t **out);
/* Transactions: no-ops unless kernel_session_config_set_ignore_transactions(config, false). */
KERNEL_API KernelStatusCode kernel_session_set_autocommit(kernel_session_t *session, bool enabled);
KERNEL_API KernelStatusCode kernel_session_get_autocommit(const kernel_session_t *session,
                                                          bool *out);
KERNEL_API KernelStatusCode kernel_session_commit(kernel_session_t *session);
KERNEL_API KernelStatusCode kernel_session_rollback(kernel_session_t *session);

/* ---- Statement --------------------------------------------------------------------------------- */

/* Sets the SQL text and clears all parameters. */
KERNEL_API KernelStatusCode kernel_statement_set_sql(kernel_statement_t *stmt, const char *sql);
/* Typed positional parameters; ordinal starts at 1; binding again replaces; gaps are NULL. */
KERNEL_API KernelStatusCode kernel_statement_bind_null(kernel_statement_t *stmt, size_t ordinal);
KERNEL_API KernelStatusCode kernel_statement_bind_int64(kernel_statement_t *stmt, size_t ordinal,
                                                        int64_t value);
KERNEL_API KernelStatusCode kernel_statement_bind_double(kernel_statement_t *stmt, size_t ordinal,
                                                         double value);
KERNEL_API KernelStatusCode kernel_statement_bind_bool(kernel_statement_t *stmt, size_t ordinal,
                                                       bool value);
KERNEL_API KernelStatusCode kernel_statement_bind_string(kernel_statement_t *stmt, size_t ordinal,
                                                         const char *value);
/* A parameter as text with its SQL type. name NULL or "": positional, in the order of the calls;
 * value NULL: SQL NULL. Not to be mixed with the typed ones. */
KERNEL_API KernelStatusCode kernel_statement_bind_parameter(kernel_statement_t *stmt,
                                                            const char *name, const char *sql_type,
                                                            const char *value);
/* Runs the statement and waits for its end. Earlier executed handles of the statement become stale. */
KERNEL_API KernelStatusCode kernel_statement_execute(kernel_statement_t *stmt,
                                                     kernel_executed_statement_t **out);
/* Sends the statement and returns once the server has taken it; dbkernel.h has what follows. */
KERNEL_API KernelStatusCode kernel_statement_submit(kernel_statement_t *stmt,
                                                    kernel_executed_async_statement_t **out);
/* Frees the statement; its executed handles and streams become stale but must still be closed. */
KERNEL_API KernelStatusCode kernel_statement_close(kernel_statement_t *stmt);

/* ---- Cancelling -------------------------------------------------------------------------------- */

/* Made before or while a statement executes; usable from any thread. */
KERNEL_API KernelStatusCode kernel_statement_canceller_new(kernel_statement_t *stmt,
                                                           kernel_statement_canceller_t **out);
/* Cancels on the server. *dispatched (may be NULL): a server statement was known and told. Before
 * that the wish is kept and carried out as soon as the id is known. The statement then ends as the server tells;
 * one that still runs a second after the server accepted the cancel ends as Cancelled. Blocks until the server has answered; not
 * for statements of an embedded loop (dbkernel_async.h), whose thread sends it. */
KERNEL_API KernelStatusCode
kernel_statement_canceller_cancel(kernel_statement_canceller_t *canceller, bool *dispatched);
KERNEL_API KernelStatusCode
kernel_statement_canceller_free(kernel_statement_canceller_t *canceller);

/* ---- Executed statement and its rows ------------------------------------------------------------ */

/* The rows; once per executed statement. */
KERNEL_API KernelStatusCode kernel_executed_statement_get_result_stream(
    kernel_executed_statement_t *exec, kernel_result_stream_t **out);
/* Rows changed by INSERT, UPDATE, DELETE, MERGE; -1: not known. */
KERNEL_API int64_t
kernel_executed_statement_num_modified_rows(const kernel_executed_statement_t *exec);
/* The server's statement id, borrowed until exec is closed; NULL: none. */
KERNEL_API const char *kernel_executed_statement_query_id(const kernel_executed_statement_t *exec);
KERNEL_API KernelStatusCode kernel_executed_statement_close(kernel_executed_statement_t *exec);

/* The schema, any number of times; each export is independent. */
KERNEL_API KernelStatusCode kernel_result_stream_get_schema(kernel_result_stream_t *stream,
                                                            struct ArrowSchema *out);
/* The next batch with a schema of its own. At the end both structs are released (release == NULL),
 * again and again. Blocks until rows are there. */
KERNEL_API KernelStatusCode kernel_result_stream_next_batch(kernel_result_stream_t *stream,
                                                            struct ArrowArray *out_array,
                                                            struct ArrowSchema *out_schema);
KERNEL_API KernelStatusCode kernel_result_stream_close(kernel_result_stream_t *stream);

/* ---- Metadata ---------------------------------------------------------------------------------- */

/* NULL and blank texts mean "no filter"; *_pattern are LIKE patterns with '\' as escape. */
KERNEL_API KernelStatusCode kernel_metadata_list_catalogs(kernel_session_t *session,
                                                          kernel_result_stream_t **out);
KERNEL_API KernelStatusCode kernel_metadata_list_schemas(kernel_session_t *session,
                                                         const char *catalog,
                                                         const char *schema_pattern,
                                                         kernel_result_stream_t **out);
KERNEL_API KernelStatusCode kernel_metadata_list_tables(
    kernel_session_t *session, const char *catalog, const char *schema_pattern,
    const char *table_pattern, const char *table_types_csv, kernel_result_stream_t **out);
KERNEL_API KernelStatusCode kernel_metadata_list_columns(
    kernel_session_t *session, const char *catalog, const char *schema_pattern,
    const char *table_pattern, const char *column_pattern, kernel_result_stream_t **out);
KERNEL_API KernelStatusCode kernel_metadata_primary_keys(kernel_session_t *session,
                                                         const char *catalog, const char *schema,
                                                         const char *table,
                                                         kernel_result_stream_t **out);
KERNEL_API KernelStatusCode kernel_metadata_foreign_keys(
    kernel_session_t *session, const char *parent_catalog, const char *parent_schema,
    const char *parent_table, const char *foreign_catalog, const char *foreign_schema,
    const char *foreign_table, kernel_result_stream_t **out);
KERNEL_API KernelStatusCode kernel_metadata_list_table_types(kernel_session_t *session,
                                                             kernel_result_stream_t **out);
KERNEL_API KernelStatusCode kernel_metadata_procedures(kernel_session_t *session,
                                                       const char *catalog,
                                                       const char *schema_pattern,
                                                       const char *procedure_pattern,
                                                       kernel_result_stream_t **out);
KERNEL_API KernelStatusCode kernel_metadata_functions(kernel_session_t *session,
                                                      const char *catalog,
                                                      const char *schema_pattern,
                                                      const char *function_pattern,
                                                      kernel_result_stream_t **out);
KERNEL_API KernelStatusCode kernel_metadata_procedure_columns(
    kernel_session_t *session, const char *catalog, const char *schema_pattern,
    const char *procedure_pattern, const char *column_pattern, kernel_result_stream_t **out);

/* ---- Cancel tokens: give up a blocking call from another thread --------------------------------- */

KERNEL_API KernelStatusCode kernel_cancel_token_new(kernel_cancel_token_t **out);
KERNEL_API KernelStatusCode
kernel_cancel_token_cancel(kernel_cancel_token_t *token); /* stays fired */
KERNEL_API KernelStatusCode kernel_cancel_token_is_cancelled(const kernel_cancel_token_t *token,
                                                             bool *out);
KERNEL_API KernelStatusCode kernel_cancel_token_free(kernel_cancel_token_t *token);
/* token NULL: the plain call. A fired token makes it return Cancelled promptly. */
KERNEL_API KernelStatusCode kernel_session_open_cancellable(KernelSessionConfig *config,
                                                            kernel_session_t **out,
                                                            kernel_cancel_token_t *token);
KERNEL_API KernelStatusCode kernel_result_stream_next_batch_cancellable(
    kernel_result_stream_t *stream, struct ArrowArray *out_array, struct ArrowSchema *out_schema,
    kernel_cancel_token_t *token);

#ifdef __cplusplus
}
#endif

#endif
