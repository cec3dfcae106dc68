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
/* Changes the level of the installed log sink: "off" ... "trace". Any thread. */
KERNEL_API KernelStatusCode dbk_log_set_level(const char *level);

/* Facts about the calling thread's last error that KernelError has no room for; struct_size is set
 * by the caller to sizeof. Texts live until the thread's next kernel call; absent ones are NULL. */
typedef struct dbk_error_info {
    uint32_t struct_size;
    uint32_t attempts;      /* HTTP requests made */
    bool may_have_executed; /* the statement may have run although the call failed */
    const char *error_code; /* the server's word, "TABLE_OR_VIEW_NOT_FOUND" */
    const char *request_id; /* x-request-id of the failing answer */
    const char *display_message;
    const char *diagnostic_info;
    const char *error_details_json;
} dbk_error_info;
KERNEL_API bool dbk_get_last_error_info(dbk_error_info *out);

/* For languages that see signals only in their own code: while the calling thread waits in a blocking
 * call, hook is called on it about every 50 ms; true ends the wait like a cancel (the call returns
 * Cancelled; a statement under way is cancelled on the server). hook must not call the library. Set
 * it before such a call and take it away (NULL) after it; it is the thread's own. */
KERNEL_API void dbk_set_wait_hook(bool (*hook)(void *ctx), void *ctx);

/* ---- Session ----------------------------------------------------------------------------------- */

/* Catalog and schema the session starts in; NULL: the server's default. */
KERNEL_API KernelStatusCode dbk_session_config_set_namespace(KernelSessionConfig *config,
                                                             const char *catalog,
                                                             const char *schema);
/* The server's session id, borrowed until the session is closed. */
KERNEL_API const char *dbk_session_id(const kernel_session_t *session);
/* Frees the handle without waiting: the session is closed on the server in the background when
 * nothing of it is used any more. For destructors; kernel_session_close is the way to be sure. */
KERNEL_API KernelStatusCode dbk_session_release(kernel_session_t *session);

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

/* The state as last told by the server; no request. */
KERNEL_API KernelStatusCode dbk_async_status(const kernel_executed_async_statement_t *async,
                                             KernelStatementStatusKind *out);
/* Asks the server once (not again after a final state) and gives the state. */
KERNEL_API KernelStatusCode dbk_async_poll(kernel_executed_async_statement_t *async,
                                           KernelStatementStatusKind *out);
/* The server's statement id, borrowed until the handle is closed. */
KERNEL_API const char *dbk_async_query_id(const kernel_executed_async_statement_t *async);
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
    DBK_CATALOG_CALL_PROCEDURE_COLUMNS
} dbk_catalog_call;
typedef struct dbk_catalog_filter {
    uint32_t struct_size; /* caller: sizeof(dbk_catalog_filter) */
    dbk_catalog_call call;
    const char *catalog;
    const char *schema; /* a LIKE pattern, like the two below */
    const char *object; /* table, function or procedure */
    const char *column;
    const char *const *types; /* TABLES: only these types, in any case; NULL: all; none: no rows */
    size_t type_count;
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
