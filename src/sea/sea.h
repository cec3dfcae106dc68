/* sea/sea.h: the wire of the Statement Execution API: requests as JSON, replies as strict structs.
 *
 * What:    one operation per request ("call"), with token, retries and error mapping inside.
 * Threads: a dbk_sea is immutable and counted (any thread); calls run on the lane they are made for.
 * Owner:   a call owns its reply until dbk_sea_call_take_reply or its last unref. */
#ifndef DBK_SEA_SEA_H
#define DBK_SEA_SEA_H

#include "auth/auth.h"
#include "base/base.h"
#include "net/net.h"

/* ---- http_path ---- */

#define DBK_ORG_ID_SIZE 21 /* 20 digits: spec spog 1.2 */
typedef struct dbk_http_path {
    dbk_slice warehouse_id;    /* borrowed from the path */
    char org[DBK_ORG_ID_SIZE]; /* the workspace's id, decoded; "": none */
    bool org_malformed;        /* there is one, and it is no number */
} dbk_http_path;
/* "/sql/1.0/warehouses/{id}[?o=org]" or ".../endpoints/{id}": spec spog 1.2, sea-protocol 1.
 * InvalidArgument with the contract's message; *out is then untouched. */
DBK_MUST_USE dbk_status dbk_http_path_parse(dbk_slice path, dbk_http_path *out, dbk_error *err);
/* 1 to 20 digits. */
bool dbk_org_id_valid(dbk_slice text);

/* ---- client ---- */

typedef struct dbk_sea dbk_sea; /* opaque, counted, immutable */

typedef struct dbk_sea_header {
    dbk_slice name;
    dbk_slice value;
} dbk_sea_header;

typedef struct dbk_sea_settings { /* texts are copied, objects are referenced */
    dbk_slice origin;             /* from dbk_url_origin */
    dbk_slice warehouse_id;
    dbk_slice org_id; /* digits; empty: none */
    dbk_http_config *http;
    dbk_auth *auth;
    const dbk_sea_header
        *headers; /* custom headers in order; the names that are reserved (spec auth
                                      13) are dropped with one warning. user-agent is skipped without
                                      a word: it belongs into dbk_http_settings */
    size_t header_count;
    dbk_retry_policy retry;
    dbk_tracer *tracer; /* referenced; NULL: nobody listens */
} dbk_sea_settings;

/* InvalidArgument: a header name or value that HTTP forbids. */
DBK_MUST_USE dbk_status dbk_sea_new(const dbk_sea_settings *settings, dbk_sea **out,
                                    dbk_error *err);
dbk_sea *dbk_sea_ref(dbk_sea *sea);
void dbk_sea_unref(dbk_sea *sea);                  /* NULL is a no-op */
dbk_http_config *dbk_sea_http(const dbk_sea *sea); /* borrowed; also used for storage */
const char *dbk_sea_origin(const dbk_sea *sea);
/* Was storage slow to answer when it was last asked? Results then begin with several downloads at once. Any
 * thread. */
void dbk_sea_note_storage(dbk_sea *sea, bool far);
bool dbk_sea_storage_is_far(const dbk_sea *sea);
/* The session that the requests from now on are about, for the log and whoever listens; without memory they tell
 * none. Once, before another thread makes requests. */
void dbk_sea_note_session(dbk_sea *sea, dbk_slice id);
dbk_auth *dbk_sea_auth(const dbk_sea *sea);     /* borrowed */
dbk_tracer *dbk_sea_tracer(const dbk_sea *sea); /* borrowed; NULL: nobody listens */
/* The custom headers and the workspace id, "name: value"; borrowed. */
const dbk_str *dbk_sea_lines(const dbk_sea *sea, size_t *count);
const char *dbk_sea_warehouse_id(const dbk_sea *sea);
dbk_slice dbk_sea_org_id(const dbk_sea *sea); /* digits; empty: not told */

/* ---- replies ---- */

typedef enum dbk_sea_state {
    DBK_SEA_PENDING,
    DBK_SEA_RUNNING,
    DBK_SEA_SUCCEEDED,
    DBK_SEA_FAILED,
    DBK_SEA_CANCELED,
    DBK_SEA_CLOSED
} dbk_sea_state;

typedef struct dbk_sea_column {
    dbk_str name;
    dbk_str type_name;
    dbk_str type_text;
    int64_t position;
    int64_t precision; /* -1: absent */
    int64_t scale;     /* -1: absent */
    dbk_str interval_type;
} dbk_sea_column;

typedef struct dbk_sea_chunk {
    int64_t chunk_index;
    int64_t row_offset;
    int64_t row_count;
    int64_t byte_count; /* -1: absent */
} dbk_sea_chunk;

typedef struct dbk_sea_manifest {
    bool present;
    bool lz4;        /* result_compression is LZ4_FRAME */
    bool json_array; /* format is JSON_ARRAY */
    bool truncated;
    bool volume_operation;
    int64_t column_count;
    dbk_sea_column *columns;   /* sorted by position */
    size_t columns_len;        /* 0 when the server sent no list */
    int64_t total_chunk_count; /* -1: absent; the same below */
    int64_t total_row_count;
    int64_t total_byte_count;
    dbk_sea_chunk *chunks;
    size_t chunks_len;
} dbk_sea_manifest;

typedef struct dbk_sea_link {
    dbk_str url;    /* a secret: log only dbk_url_authority of it */
    char **headers; /* "name: value" lines for the download */
    size_t header_count;
    int64_t expires_ms; /* unix milliseconds; 0: unreadable */
    int64_t chunk_index;
    int64_t row_offset;
    int64_t row_count;
    int64_t byte_count;
    int64_t next_chunk_index; /* -1: absent or null */
    dbk_str next_link;        /* as in dbk_sea_data; ptr NULL: absent */
} dbk_sea_link;

/* "result" of a statement, or the answer to a chunk request. */
typedef struct dbk_sea_data {
    bool present;
    bool has_attachment;
    dbk_buf attachment; /* base64 undone: Arrow IPC, LZ4 when the manifest says so */
    json_t *rows;       /* data_array, owned; NULL: absent */
    dbk_sea_link *links;
    size_t link_count;
    int64_t chunk_index; /* -1: absent; the same below */
    int64_t row_offset;
    int64_t row_count;
    int64_t byte_count;
    int64_t next_chunk_index;
    dbk_str next_link; /* next_chunk_internal_link: path and query on the same origin */
} dbk_sea_data;

typedef struct dbk_sea_reply {
    dbk_str session_id;
    dbk_str statement_id; /* ptr NULL: the server sent none */
    dbk_sea_state state;
    dbk_str error_code; /* status.error of a FAILED statement */
    dbk_str error_message;
    dbk_str sqlstate;
    dbk_str display_message;
    dbk_str diagnostic_info;
    dbk_str details_json;
    int64_t modified_rows; /* status.num_modified_rows, -1: absent */
    int64_t server_unix_s; /* Date header, -1: absent */
    dbk_sea_manifest manifest;
    dbk_sea_data data;
} dbk_sea_reply;

void dbk_sea_reply_reset(dbk_sea_reply *reply);
void dbk_sea_data_reset(dbk_sea_data *data);
void dbk_sea_link_reset(dbk_sea_link *link); /* frees what it holds, leaves a zeroed link */
bool dbk_sea_state_is_final(dbk_sea_state state);
const char *dbk_sea_state_name(dbk_sea_state state); /* "PENDING" */

/* The error of a FAILED or CANCELED statement (code, message, sqlstate, query id, diagnostics):
 * spec c-abi 2.2, sea-protocol 10. Returns its status. */
dbk_status dbk_sea_statement_error(const dbk_sea_reply *reply, dbk_error *err);

/* The body of a statement or chunk answer, in pieces as they arrive; whole = any split. The values
 * of "attachment" keys are decoded on the fly and never reach the JSON parser. */
typedef struct dbk_sea_parser dbk_sea_parser; /* opaque */
typedef enum dbk_sea_kind {
    DBK_SEA_SESSION,
    DBK_SEA_STATEMENT, /* the answer to execute: without a statement_id it is DataLoss */
    DBK_SEA_CHUNK,
    DBK_SEA_EMPTY, /* nothing of the body is read */
    DBK_SEA_STATUS /* the answer to a poll: as DBK_SEA_STATEMENT, but the id may be missing */
} dbk_sea_kind;
DBK_MUST_USE dbk_status dbk_sea_parser_new(dbk_sea_kind kind, dbk_sea_parser **out, dbk_error *err);
DBK_MUST_USE dbk_status dbk_sea_parser_feed(dbk_sea_parser *p, dbk_slice in, dbk_error *err);
/* At the end of the body. *out is untouched on failure; err then still names the statement in
 * query_id when the answer did, so that it can be closed. */
DBK_MUST_USE dbk_status dbk_sea_parser_finish(dbk_sea_parser *p, dbk_sea_reply *out,
                                              dbk_error *err);
void dbk_sea_parser_free(dbk_sea_parser *p);

/* ---- requests ---- */

typedef struct dbk_sea_call dbk_sea_call; /* an operation; opaque */

dbk_op *dbk_sea_call_op(dbk_sea_call *call);           /* start, wait, cancel, unref it as an op */
dbk_sea_reply *dbk_sea_call_reply(dbk_sea_call *call); /* valid when the op is done with DBK_OK */
/* Moves the reply out, for callers that outlive the call; *out is overwritten, not reset. */
void dbk_sea_call_take_reply(dbk_sea_call *call, dbk_sea_reply *out);
uint32_t dbk_sea_call_retries(const dbk_sea_call *call); /* requests repeated so far */

typedef struct dbk_sea_session_request {
    dbk_slice catalog; /* ptr NULL: not sent; "" is sent */
    dbk_slice schema;
    const dbk_sea_header *confs; /* name -> value, in order */
    size_t conf_count;
} dbk_sea_session_request;

typedef struct dbk_sea_parameter {
    dbk_slice name;  /* empty: positional */
    int64_t ordinal; /* positional: 1-based */
    dbk_slice type;
    dbk_slice value; /* ptr NULL: SQL NULL */
} dbk_sea_parameter;

typedef struct dbk_sea_tag {
    dbk_slice key;
    dbk_slice value; /* ptr NULL: a bare key */
} dbk_sea_tag;

typedef struct dbk_sea_statement_request {
    dbk_slice session_id;
    dbk_slice sql;
    bool no_wait;     /* submit: wait_timeout "0s", on_wait_timeout "CONTINUE" */
    bool inline_only; /* disposition INLINE instead of INLINE_OR_EXTERNAL_LINKS */
    bool read_only;   /* metadata: may be repeated after any failure, and carries the header
                           x-databricks-sea-can-run-fully-sync: true */
    bool has_row_limit;
    int64_t row_limit;
    const dbk_sea_parameter *parameters;
    size_t parameter_count;
    const dbk_sea_tag *tags;
    size_t tag_count;
} dbk_sea_statement_request;

/* Makers build and check the request; nothing is sent before the op starts. The new call has one
 * reference: dbk_op_unref(dbk_sea_call_op(call)). */
DBK_MUST_USE dbk_status dbk_sea_create_session(dbk_sea *sea, dbk_lane *lane,
                                               const dbk_sea_session_request *request,
                                               dbk_sea_call **out, dbk_error *err);
DBK_MUST_USE dbk_status dbk_sea_delete_session(dbk_sea *sea, dbk_lane *lane, dbk_slice session_id,
                                               dbk_sea_call **out, dbk_error *err);
DBK_MUST_USE dbk_status dbk_sea_execute(dbk_sea *sea, dbk_lane *lane,
                                        const dbk_sea_statement_request *request,
                                        dbk_sea_call **out, dbk_error *err);
DBK_MUST_USE dbk_status dbk_sea_get(dbk_sea *sea, dbk_lane *lane, dbk_slice statement_id,
                                    dbk_sea_call **out, dbk_error *err);
/* next_link (path and query, may be empty) wins over chunk_index. */
DBK_MUST_USE dbk_status dbk_sea_get_chunk(dbk_sea *sea, dbk_lane *lane, dbk_slice statement_id,
                                          int64_t chunk_index, dbk_slice next_link,
                                          dbk_sea_call **out, dbk_error *err);
DBK_MUST_USE dbk_status dbk_sea_cancel(dbk_sea *sea, dbk_lane *lane, dbk_slice statement_id,
                                       dbk_sea_call **out, dbk_error *err);
DBK_MUST_USE dbk_status dbk_sea_close(dbk_sea *sea, dbk_lane *lane, dbk_slice statement_id,
                                      dbk_sea_call **out, dbk_error *err);

/* A file on a volume, by its path ("/Volumes/catalog/schema/volume/name"), written whole or not at all;
 * one that is there is replaced. Takes body, also on failure. InvalidArgument: no such path can be. */
DBK_MUST_USE dbk_status dbk_sea_put_file(dbk_sea *sea, dbk_lane *lane, dbk_slice path,
                                         dbk_buf *takes_body, dbk_sea_call **out, dbk_error *err);
DBK_MUST_USE dbk_status dbk_sea_remove_file(dbk_sea *sea, dbk_lane *lane, dbk_slice path,
                                            dbk_sea_call **out, dbk_error *err);

/* What an exchange that is no success means (also used for storage): status, message cut and freed
 * of HTML, error_code, sqlstate, request id; of url only the authority is shown. unsafe: repeating
 * the request could change data twice, so retryable and may_have_executed are judged strictly. */
dbk_status dbk_sea_http_error(const dbk_http_response *response, const char *url, uint32_t attempts,
                              bool unsafe, dbk_error *err);

#endif
