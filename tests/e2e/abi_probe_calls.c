#include "abi_probe.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Every function of the two public headers, called by name. The types come from the headers: a line
 * of the table that does not fit its declaration does not compile. */

#define ARGS_MAX    16
#define FLAG_MARK   0x5a
#define LENGTH_MARK (-77)

typedef struct call {
    const json_t *args;
    probe_fn fn;
    json_t *answer;
    char *bytes[ARGS_MAX]; /* decoded arguments; freed after the call */
    /* What out parameters point at, filled with marks that show whether the call wrote them. */
    void *handle;
    const char *handle_name; /* NULL: the call has no such parameter */
    int8_t flag;
    struct ArrowArray array;
    struct ArrowSchema schema;
    struct ArrowArrayStream stream;
    KernelError error;
    bool has_flag, has_array, has_schema, has_stream;
} call;

static char untouched[1]; /* its address marks an out handle */

/* ---- arguments: null, or what the position needs ---- */

static const json_t *arg_at(const call *c, size_t index) {
    const json_t *arg = json_array_get(c->args, index);
    if (arg == NULL || index >= ARGS_MAX) {
        probe_bad_script("argument %zu is missing", index);
    }
    return arg;
}

static void *arg_handle(const call *c, size_t index) {
    const json_t *arg = arg_at(c, index);
    if (json_is_null(arg)) {
        return NULL;
    }
    if (!json_is_string(arg)) {
        probe_bad_script("argument %zu is not the name of a handle", index);
    }
    return probe_handle_get(json_string_value(arg));
}

static int hex_digit(char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : 0;
}

/* A string, or {"hex": "ff00"} for bytes that JSON does not carry. The copy is as long as the text
 * and not longer: a sanitizer sees who reads past its end. */
static char *arg_bytes(call *c, size_t index, size_t *len) {
    const json_t *arg = arg_at(c, index);
    const char *hex = json_string_value(json_object_get(arg, "hex"));
    *len = 0;
    if (json_is_null(arg)) {
        return NULL;
    }
    if (hex == NULL && !json_is_string(arg)) {
        probe_bad_script("argument %zu is not a text", index);
    }
    *len = hex != NULL ? strlen(hex) / 2 : json_string_length(arg);
    char *bytes = malloc(*len + 1);
    if (bytes == NULL) {
        probe_bad_script("out of memory");
    }
    if (hex != NULL) {
        for (size_t i = 0; i < *len; i++) {
            bytes[i] = (char)(hex_digit(hex[2 * i]) * 16 + hex_digit(hex[2 * i + 1]));
        }
    } else {
        memcpy(bytes, json_string_value(arg), *len);
    }
    bytes[*len] = '\0';
    free(c->bytes[index]);
    c->bytes[index] = bytes;
    return bytes;
}

static const char *arg_text(call *c, size_t index) {
    size_t len;
    return arg_bytes(c, index, &len);
}

/* A pointer and its length, as two arguments of the C function from one of the script. */
static const uint8_t *arg_data(call *c, size_t index) {
    size_t len;
    return (const uint8_t *)arg_bytes(c, index, &len);
}

static size_t arg_length(call *c, size_t index) {
    const json_t *arg = arg_at(c, index);
    const char *hex = json_string_value(json_object_get(arg, "hex"));
    return hex != NULL ? strlen(hex) / 2 : json_string_length(arg);
}

static int64_t arg_int(const call *c, size_t index) {
    const json_t *arg = arg_at(c, index);
    if (!json_is_integer(arg)) {
        probe_bad_script("argument %zu is not an integer", index);
    }
    return json_integer_value(arg);
}

/* -1 stands for the largest value. */
static uint64_t arg_u64(const call *c, size_t index) {
    return (uint64_t)arg_int(c, index);
}

static double arg_double(const call *c, size_t index) {
    const json_t *arg = arg_at(c, index);
    return json_is_string(arg) ? strtod(json_string_value(arg), NULL) : json_number_value(arg);
}

static bool arg_bool(const call *c, size_t index) {
    return json_is_true(arg_at(c, index));
}

/* ---- out parameters: null, or the name that the result gets ---- */

static void *out_handle(call *c, size_t index) {
    c->handle_name = json_string_value(arg_at(c, index));
    c->handle = untouched;
    return c->handle_name != NULL ? &c->handle : NULL;
}

static bool *out_flag(call *c, size_t index) {
    c->has_flag = !json_is_null(arg_at(c, index));
    c->flag = FLAG_MARK;
    return c->has_flag ? (bool *)&c->flag : NULL;
}

static struct ArrowArray *out_array(call *c, size_t index) {
    c->has_array = !json_is_null(arg_at(c, index));
    c->array.length = LENGTH_MARK;
    return c->has_array ? &c->array : NULL;
}

static struct ArrowSchema *out_schema(call *c, size_t index) {
    c->has_schema = !json_is_null(arg_at(c, index));
    c->schema.flags = LENGTH_MARK;
    return c->has_schema ? &c->schema : NULL;
}

static struct ArrowArrayStream *out_stream(call *c, size_t index) {
    c->has_stream = !json_is_null(arg_at(c, index));
    return c->has_stream ? &c->stream : NULL;
}

/* ---- what came back ---- */

static void put(const call *c, const char *key, json_t *value) {
    json_object_set_new(c->answer, key, value);
}

static void put_status(const call *c, KernelStatusCode status) {
    put(c, "status", json_integer(status));
}

static void put_text(const call *c, const char *text) {
    put(c, "text", text != NULL ? json_string(text) : json_null());
}

static void put_number(const call *c, int64_t number) {
    put(c, "number", json_integer(number));
}

/* ---- log callbacks: "one" and "two", each counting on its own ---- */

static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;
static json_t *logs;
static int log_owners[4]; /* user_data is the address of one */

static void keep_log(json_t *record) {
    pthread_mutex_lock(&log_lock);
    logs = logs != NULL ? logs : json_array();
    json_array_append_new(logs, record);
    pthread_mutex_unlock(&log_lock);
}

static void log_record(const char *which, const char *level, const char *target,
                       const char *message, const void *owner) {
    json_int_t number = owner == NULL ? -1 : (const int *)owner - log_owners;
    keep_log(json_pack("{s:s,s:s?,s:s?,s:s?,s:I}", "callback", which, "level", level, "target",
                       target, "message", message, "owner", number));
}

static void log_one(const char *level, const char *target, const char *message, void *owner) {
    log_record("one", level, target, message, owner);
}

static void log_two(const char *level, const char *target, const char *message, void *owner) {
    log_record("two", level, target, message, owner);
}

static void log_numbered(void *owner, int level, const char *target, const char *message) {
    char text[16];
    (void)snprintf(text, sizeof text, "%d", level);
    log_record("numbered", text, target, message, owner);
}

json_t *probe_take_logs(void) {
    pthread_mutex_lock(&log_lock);
    json_t *taken = logs != NULL ? logs : json_array();
    logs = NULL;
    pthread_mutex_unlock(&log_lock);
    return taken;
}

static KernelLogCallback arg_callback(const call *c, size_t index) {
    const char *name = json_string_value(arg_at(c, index));
    return name == NULL ? NULL : strcmp(name, "one") == 0 ? log_one : log_two;
}

static kernel_log_callback arg_numbered(const call *c, size_t index) {
    return json_is_null(arg_at(c, index)) ? NULL : log_numbered;
}

static void *arg_owner(const call *c, size_t index) {
    return json_is_null(arg_at(c, index)) ? NULL : &log_owners[arg_int(c, index) & 3];
}

/* ---- token providers: a script of one word per call, the last one repeated ----
 * "token:<text>[:<expires_at>]", "fail:<message>", "nothing", "wait" (until cancelled) */

typedef struct provider {
    char *script, *at;
} provider;

static atomic_uint provider_calls;
static atomic_uint provider_refused;
static atomic_uint provider_released;

static void provider_answer(char *word, dbk_token_call *asked) {
    int64_t expires_at = 0;
    char *token = word + strlen("token:");
    char *colon = strchr(token, ':');
    if (colon != NULL) {
        *colon = '\0';
        expires_at = (int64_t)strtoll(colon + 1, NULL, 10);
    }
    __typeof__(&dbk_token_call_answer) answer =
        (__typeof__(answer))probe_find("dbk_token_call_answer");
    (void)answer(asked, token, expires_at);
}

static void provide(void *ctx, dbk_token_call *asked) {
    provider *p = ctx;
    __typeof__(&dbk_token_call_fail) fail = (__typeof__(fail))probe_find("dbk_token_call_fail");
    __typeof__(&dbk_token_call_cancelled) cancelled =
        (__typeof__(cancelled))probe_find("dbk_token_call_cancelled");
    __typeof__(&dbk_token_call_refused) refused =
        (__typeof__(refused))probe_find("dbk_token_call_refused");
    (void)atomic_fetch_add(&provider_calls, 1);
    (void)atomic_fetch_add(&provider_refused, refused(asked) ? 1 : 0);
    char word[4096];
    size_t len = strcspn(p->at, " ");
    (void)snprintf(word, sizeof word, "%.*s", (int)len, p->at);
    p->at += p->at[len] != '\0' ? len + 1 : 0;
    if (strncmp(word, "token:", 6) == 0) {
        provider_answer(word, asked);
    } else if (strncmp(word, "fail:", 5) == 0) {
        (void)fail(asked, word + 5);
    } else if (strcmp(word, "wait") == 0) {
        while (!cancelled(asked)) {
            (void)usleep(1000);
        }
    }
}

static void provider_release(void *ctx) {
    provider *p = ctx;
    free(p->script);
    free(p);
    (void)atomic_fetch_add(&provider_released, 1);
}

static provider *new_provider(const char *script) {
    provider *p = calloc(1, sizeof *p);
    if (p == NULL || (p->script = strdup(script)) == NULL) {
        probe_bad_script("no memory for a provider");
    }
    p->at = p->script;
    return p;
}

json_t *probe_provider_counts(void) {
    return json_pack("{s:i,s:i,s:i}", "calls", (int)atomic_load(&provider_calls), "refused",
                     (int)atomic_load(&provider_refused), "released",
                     (int)atomic_load(&provider_released));
}

/* ---- the table ---- */

#define FN(name) ((__typeof__(&name))c->fn)
#define DO(name) static void do_##name(call *c)
/* A function that returns a status. */
#define STATUS(name, ...)                     \
    DO(name) {                                \
        put_status(c, FN(name)(__VA_ARGS__)); \
    }
#define H(i)     arg_handle(c, i)
#define T(i)     arg_text(c, i)
#define D(i)     arg_data(c, i), arg_length(c, i)
#define U64(i)   arg_u64(c, i)
#define U32(i)   (uint32_t) arg_u64(c, i)
#define U16(i)   (uint16_t) arg_u64(c, i)
#define SIZE(i)  (size_t) arg_u64(c, i)
#define B(i)     arg_bool(c, i)
#define OUT(i)   out_handle(c, i)
#define FLAG(i)  out_flag(c, i)
#define BATCH(i) out_array(c, i), out_schema(c, (i) + 1)

STATUS(kernel_session_config_new, OUT(0))
DO(kernel_session_config_free) {
    FN(kernel_session_config_free)(H(0));
}
STATUS(kernel_session_config_set_warehouse, H(0), T(1), T(2))
STATUS(kernel_session_config_set_http_path, H(0), T(1), T(2))
STATUS(kernel_session_config_set_auth_pat, H(0), T(1))
STATUS(kernel_session_config_set_auth_m2m, H(0), T(1), T(2))
STATUS(kernel_session_config_set_auth_m2m_jwt, H(0), T(1), T(2), T(3), T(4), T(5), T(6), T(7))
STATUS(kernel_session_config_set_auth_u2m, H(0), T(1), U16(2), T(3))
STATUS(kernel_session_config_set_auth_azure_sp, H(0), T(1), T(2), T(3), T(4))
STATUS(kernel_session_config_set_identity_federation_client_id, H(0), T(1))
STATUS(kernel_session_config_set_oauth_token_endpoint, H(0), T(1))
STATUS(dbk_session_config_set_auth_azure_identity, H(0), T(1), T(2))
STATUS(dbk_session_config_set_auth_token, H(0), T(1), (int64_t)arg_int(c, 2))
STATUS(dbk_session_config_set_profile, H(0), T(1), T(2), T(3))
STATUS(dbk_session_config_set_federation, H(0), T(1), B(2), B(3))
STATUS(dbk_session_config_set_workspace_id, H(0), T(1), B(2))
STATUS(dbk_session_config_set_token_provider, H(0), T(1) != NULL ? provide : NULL,
       T(1) != NULL ? new_provider(T(1)) : NULL, provider_release)
STATUS(dbk_session_set_token, H(0), T(1), (int64_t)arg_int(c, 2))
STATUS(kernel_session_config_set_oauth_scopes, H(0), T(1))
STATUS(kernel_session_config_set_u2m_token_cache_config, H(0), B(1), T(2))
STATUS(kernel_session_config_set_session_conf, H(0), T(1), T(2))
STATUS(kernel_session_config_set_client_conf, H(0), T(1), T(2))
STATUS(kernel_session_config_set_custom_header, H(0), T(1), T(2))
STATUS(kernel_session_config_set_request_timeout, H(0), U64(1))
STATUS(kernel_session_config_set_max_connections, H(0), SIZE(1))
STATUS(kernel_session_config_set_cloudfetch_enabled, H(0), B(1))
STATUS(kernel_session_config_set_ignore_transactions, H(0), B(1))
STATUS(kernel_session_config_set_retry_config, H(0), U64(1), U64(2), U32(3), U64(4))
STATUS(kernel_session_config_set_telemetry_config, H(0), B(1), SIZE(2), U64(3), U32(4), U64(5),
       U64(6))
STATUS(kernel_session_config_set_telemetry_circuit_breaker_config, H(0), B(1), U32(2), U64(3))
STATUS(dbk_session_config_set_telemetry_mode, H(0), T(1), T(2), T(3))
STATUS(dbk_session_config_set_telemetry_refused, H(0), B(1))
STATUS(dbk_session_config_set_telemetry_callback, H(0), B(1) ? probe_keep_record : NULL, NULL,
       B(2) ? probe_release_records : NULL)
DO(dbk_telemetry_get_stats) {
    dbk_telemetry_stats s = {.struct_size = U32(2)};
    KernelStatusCode status = FN(dbk_telemetry_get_stats)(T(0), B(1) ? &s : NULL);
    put_status(c, status);
    put(c, "stats",
        json_pack("{s:b,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "breaker_open", s.breaker_open, "queued",
                  (json_int_t)s.queued, "sent", (json_int_t)s.sent, "dropped_full",
                  (json_int_t)s.dropped_full, "dropped_breaker", (json_int_t)s.dropped_breaker,
                  "dropped_failed", (json_int_t)s.dropped_failed, "dropped_off",
                  (json_int_t)s.dropped_off, "exports", (json_int_t)s.exports, "failed_exports",
                  (json_int_t)s.failed_exports));
}
STATUS(kernel_session_config_set_driver_system_configuration, H(0), T(1), T(2), T(3), T(4), T(5),
       T(6), T(7), T(8), T(9), T(10), T(11), T(12))
STATUS(kernel_session_config_set_proxy, H(0), T(1), T(2), T(3), T(4))
STATUS(kernel_session_config_set_tls_trusted_certs, H(0), D(1))
STATUS(kernel_session_config_set_tls_allow_self_signed, H(0), B(1))
STATUS(kernel_session_config_set_tls_skip_hostname_verification, H(0), B(1))
STATUS(kernel_session_config_set_tls_client_certificate, H(0), D(1), D(2))
STATUS(dbk_session_config_set_namespace, H(0), T(1), T(2))
STATUS(dbk_session_config_set_tls_client_key_password, H(0), T(1))
STATUS(dbk_session_config_set_tls_min_version, H(0), T(1))
STATUS(dbk_session_config_set_memory_budget, H(0), U64(1))

STATUS(kernel_init_logging, T(0), T(1))
STATUS(kernel_init_logging_callback, T(0), arg_callback(c, 1), arg_owner(c, 2))
STATUS(kernel_set_log_callback, arg_numbered(c, 0), arg_owner(c, 1), T(2))
STATUS(dbk_log_set_level, T(0))
DO(kernel_abi_version) {
    put_number(c, FN(kernel_abi_version)());
}
DO(dbk_version) {
    put_text(c, FN(dbk_version)());
}
DO(dbk_has_feature) {
    put(c, "flag", json_boolean(FN(dbk_has_feature)(T(0))));
}

DO(dbk_connection_report) { /* without the two out parameters: they come as "text" and "flag" */
    char *report = NULL;
    bool healthy = false;
    put_status(c, FN(dbk_connection_report)(H(0), B(1), &report, &healthy));
    put_text(c, report);
    put(c, "flag", json_boolean(healthy));
    ((__typeof__(&dbk_report_free))probe_find("dbk_report_free"))(report);
}

STATUS(kernel_session_open, H(0), OUT(1))
STATUS(kernel_session_close, H(0))
STATUS(dbk_session_release, H(0))
STATUS(kernel_session_is_open, H(0), FLAG(1))
STATUS(kernel_session_test, H(0))
STATUS(kernel_session_new_statement, H(0), OUT(1))
STATUS(kernel_session_set_autocommit, H(0), B(1))
STATUS(kernel_session_get_autocommit, H(0), FLAG(1))
STATUS(kernel_session_commit, H(0))
STATUS(kernel_session_rollback, H(0))
DO(dbk_session_id) {
    put_text(c, FN(dbk_session_id)(H(0)));
}

STATUS(kernel_statement_set_sql, H(0), T(1))
STATUS(kernel_statement_bind_null, H(0), SIZE(1))
STATUS(kernel_statement_bind_int64, H(0), SIZE(1), arg_int(c, 2))
STATUS(kernel_statement_bind_double, H(0), SIZE(1), arg_double(c, 2))
STATUS(kernel_statement_bind_bool, H(0), SIZE(1), B(2))
STATUS(kernel_statement_bind_string, H(0), SIZE(1), T(2))
STATUS(kernel_statement_bind_parameter, H(0), T(1), T(2), T(3))
STATUS(kernel_statement_execute, H(0), OUT(1))
STATUS(kernel_statement_submit, H(0), OUT(1))
STATUS(kernel_statement_close, H(0))
STATUS(dbk_statement_set_sql_n, H(0), T(1), arg_length(c, 1))
STATUS(dbk_statement_bind_parameter_n, H(0), T(1), T(2), T(3), arg_length(c, 3))
STATUS(dbk_statement_set_option, H(0), T(1), T(2))
DO(dbk_statement_get_progress) {
    dbk_progress p = {.struct_size = sizeof p};
    KernelStatusCode status = FN(dbk_statement_get_progress)(H(0), B(1) ? &p : NULL);
    put_status(c, status);
    if (status == KernelStatusCode_Success) {
        put(c, "progress",
            json_pack("{s:i,s:I,s:I,s:I,s:I,s:I}", "state", (int)p.state, "chunks_total",
                      (json_int_t)p.chunks_total, "chunks_done", (json_int_t)p.chunks_done,
                      "rows_total", (json_int_t)p.rows_total, "rows_decoded",
                      (json_int_t)p.rows_decoded, "bytes_received", (json_int_t)p.bytes_received));
    }
}

static void put_kind(call *c, KernelStatusCode status, KernelStatementStatusKind kind) {
    put_status(c, status);
    if (status == KernelStatusCode_Success) {
        put(c, "kind", json_integer(kind));
    }
}
DO(dbk_async_status) {
    KernelStatementStatusKind kind = KernelStatementStatusKind_Pending;
    KernelStatusCode status = FN(dbk_async_status)(H(0), B(1) ? &kind : NULL);
    put_kind(c, status, kind);
}
DO(dbk_async_poll) {
    KernelStatementStatusKind kind = KernelStatementStatusKind_Pending;
    KernelStatusCode status = FN(dbk_async_poll)(H(0), B(1) ? &kind : NULL);
    put_kind(c, status, kind);
}
DO(dbk_async_query_id) {
    put_text(c, FN(dbk_async_query_id)(H(0)));
}
STATUS(dbk_async_await, H(0), U64(1), FLAG(2))
STATUS(dbk_async_cancel, H(0))
STATUS(dbk_async_take_result, H(0), OUT(1))
STATUS(dbk_async_leave, H(0))
STATUS(dbk_async_take_chunks, H(0), (int64_t)U64(1), (int64_t)U64(2), OUT(3))
STATUS(dbk_async_attach, H(0), T(1), OUT(2))
STATUS(dbk_async_close, H(0))

STATUS(kernel_statement_canceller_new, H(0), OUT(1))
STATUS(kernel_statement_canceller_cancel, H(0), FLAG(1))
STATUS(kernel_statement_canceller_free, H(0))

STATUS(kernel_executed_statement_get_result_stream, H(0), OUT(1))
DO(kernel_executed_statement_num_modified_rows) {
    put_number(c, FN(kernel_executed_statement_num_modified_rows)(H(0)));
}
DO(kernel_executed_statement_query_id) {
    put_text(c, FN(kernel_executed_statement_query_id)(H(0)));
}
STATUS(kernel_executed_statement_close, H(0))
DO(dbk_executed_get_info) {
    dbk_executed_info info = {.struct_size = sizeof info};
    KernelStatusCode status = FN(dbk_executed_get_info)(H(0), B(1) ? &info : NULL);
    put_status(c, status);
    if (status == KernelStatusCode_Success) {
        put(c, "facts",
            json_pack("{s:i,s:I,s:I,s:I,s:b,s:b,s:b,s:b}", "retry_count", (int)info.retry_count,
                      "chunk_count", (json_int_t)info.chunk_count, "total_rows",
                      (json_int_t)info.total_rows, "total_bytes", (json_int_t)info.total_bytes,
                      "truncated", info.truncated, "has_result_set", info.has_result_set,
                      "external_links", info.external_links, "is_staging", info.is_staging));
    }
}
DO(dbk_executed_get_stats) {
    dbk_statement_stats s = {.struct_size = U32(2)};
    KernelStatusCode status = FN(dbk_executed_get_stats)(H(0), B(1) ? &s : NULL);
    put_status(c, status);
    if (status == KernelStatusCode_Success) {
        put(c, "stats",
            json_pack("{s:b,s:s?,s:i,s:i,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I}",
                      "is_compressed", s.is_compressed, "format", s.format, "retry_count",
                      (int)s.retry_count, "poll_count", (int)s.poll_count, "poll_ms",
                      (json_int_t)s.poll_ms, "latency_ms", (json_int_t)s.latency_ms, "ready_ms",
                      (json_int_t)s.ready_ms, "consume_ms", (json_int_t)s.consume_ms,
                      "chunks_total", (json_int_t)s.chunks_total, "chunks_iterated",
                      (json_int_t)s.chunks_iterated, "chunk_first_ms", (json_int_t)s.chunk_first_ms,
                      "chunk_slowest_ms", (json_int_t)s.chunk_slowest_ms, "chunk_sum_ms",
                      (json_int_t)s.chunk_sum_ms, "bytes_received", (json_int_t)s.bytes_received,
                      "rows", (json_int_t)s.rows));
    }
}
STATUS(kernel_result_stream_get_schema, H(0), out_schema(c, 1))
STATUS(kernel_result_stream_next_batch, H(0), BATCH(1))
STATUS(kernel_result_stream_close, H(0))
DO(dbk_result_stream_get_stats) {
    dbk_stream_stats s = {.struct_size = sizeof s};
    KernelStatusCode status = FN(dbk_result_stream_get_stats)(H(0), B(1) ? &s : NULL);
    put_status(c, status);
    if (status == KernelStatusCode_Success) {
        put(c, "stats",
            json_pack("{s:i,s:I,s:I,s:I,s:I,s:I,s:I}", "chunks_fetched", (int)s.chunks_fetched,
                      "bytes_wire", (json_int_t)s.bytes_wire, "bytes_arrow",
                      (json_int_t)s.bytes_arrow, "rows", (json_int_t)s.rows, "peak_bytes",
                      (json_int_t)s.peak_bytes, "link_refreshes", (json_int_t)s.link_refreshes,
                      "chunk_retries", (json_int_t)s.chunk_retries));
    }
}
STATUS(dbk_result_stream_export, H(0), out_stream(c, 1))
DO(dbk_result_stream_next_ipc) {
    const uint8_t *piece = NULL;
    size_t len = 0;
    put_status(c, FN(dbk_result_stream_next_ipc)(H(0), B(1) ? &piece : NULL, &len));
    put_number(c, (int64_t)len);
}

STATUS(kernel_metadata_list_catalogs, H(0), OUT(1))
STATUS(kernel_metadata_list_schemas, H(0), T(1), T(2), OUT(3))
STATUS(kernel_metadata_list_tables, H(0), T(1), T(2), T(3), T(4), OUT(5))
STATUS(kernel_metadata_list_columns, H(0), T(1), T(2), T(3), T(4), OUT(5))
STATUS(kernel_metadata_primary_keys, H(0), T(1), T(2), T(3), OUT(4))
STATUS(kernel_metadata_foreign_keys, H(0), T(1), T(2), T(3), T(4), T(5), T(6), OUT(7))
STATUS(kernel_metadata_list_table_types, H(0), OUT(1))
STATUS(kernel_metadata_procedures, H(0), T(1), T(2), T(3), OUT(4))
STATUS(kernel_metadata_functions, H(0), T(1), T(2), T(3), OUT(4))
STATUS(kernel_metadata_procedure_columns, H(0), T(1), T(2), T(3), T(4), OUT(5))
STATUS(dbk_metadata_type_info, H(0), OUT(1))
STATUS(dbk_metadata_cross_reference, H(0), T(1), T(2), T(3), T(4), T(5), T(6), OUT(7))

STATUS(kernel_cancel_token_new, OUT(0))
STATUS(kernel_cancel_token_cancel, H(0))
STATUS(kernel_cancel_token_is_cancelled, H(0), FLAG(1))
STATUS(kernel_cancel_token_free, H(0))
STATUS(kernel_session_open_cancellable, H(0), OUT(1), H(2))
STATUS(kernel_result_stream_next_batch_cancellable, H(0), BATCH(1), H(3))

DO(kernel_get_last_error) {
    bool with_out = B(0);
    put(c, "flag", json_boolean(FN(kernel_get_last_error)(with_out ? &c->error : NULL)));
}

/* Which argument a call frees or takes over: its name is forgotten once the call succeeded. */
enum { KEEPS = -1, ENDS_FIRST = 0 };

#define ROW(name) \
    { #name, do_##name, KEEPS }
#define ENDING(name) \
    { #name, do_##name, ENDS_FIRST }
static const struct {
    const char *name;
    void (*run)(call *);
    int ends;
} calls[] = {
    ROW(kernel_get_last_error),
    ROW(kernel_session_config_new),
    ENDING(kernel_session_config_free),
    ROW(kernel_session_config_set_warehouse),
    ROW(kernel_session_config_set_http_path),
    ROW(kernel_session_config_set_auth_pat),
    ROW(kernel_session_config_set_auth_m2m),
    ROW(kernel_session_config_set_auth_m2m_jwt),
    ROW(kernel_session_config_set_auth_u2m),
    ROW(kernel_session_config_set_auth_azure_sp),
    ROW(kernel_session_config_set_identity_federation_client_id),
    ROW(kernel_session_config_set_oauth_token_endpoint),
    ROW(dbk_session_config_set_auth_azure_identity),
    ROW(dbk_session_config_set_auth_token),
    ROW(dbk_session_config_set_profile),
    ROW(dbk_session_config_set_federation),
    ROW(dbk_session_config_set_workspace_id),
    ROW(dbk_session_config_set_token_provider),
    ROW(dbk_session_set_token),
    ROW(kernel_session_config_set_oauth_scopes),
    ROW(kernel_session_config_set_u2m_token_cache_config),
    ROW(kernel_session_config_set_session_conf),
    ROW(kernel_session_config_set_client_conf),
    ROW(kernel_session_config_set_custom_header),
    ROW(kernel_session_config_set_request_timeout),
    ROW(kernel_session_config_set_max_connections),
    ROW(kernel_session_config_set_cloudfetch_enabled),
    ROW(kernel_session_config_set_ignore_transactions),
    ROW(kernel_session_config_set_retry_config),
    ROW(kernel_session_config_set_telemetry_config),
    ROW(kernel_session_config_set_telemetry_circuit_breaker_config),
    ROW(dbk_session_config_set_telemetry_mode),
    ROW(dbk_session_config_set_telemetry_refused),
    ROW(dbk_session_config_set_telemetry_callback),
    ROW(dbk_telemetry_get_stats),
    ROW(kernel_session_config_set_driver_system_configuration),
    ROW(kernel_session_config_set_proxy),
    ROW(kernel_session_config_set_tls_trusted_certs),
    ROW(kernel_session_config_set_tls_allow_self_signed),
    ROW(kernel_session_config_set_tls_skip_hostname_verification),
    ROW(kernel_session_config_set_tls_client_certificate),
    ROW(dbk_session_config_set_namespace),
    ROW(dbk_session_config_set_tls_client_key_password),
    ROW(dbk_session_config_set_tls_min_version),
    ROW(dbk_session_config_set_memory_budget),
    ROW(dbk_connection_report),
    ROW(kernel_init_logging),
    ROW(kernel_init_logging_callback),
    ROW(kernel_set_log_callback),
    ROW(dbk_log_set_level),
    ROW(kernel_abi_version),
    ROW(dbk_version),
    ROW(dbk_has_feature),
    ENDING(kernel_session_open), /* takes the configuration, also when it fails */
    ENDING(kernel_session_close),
    ENDING(dbk_session_release),
    ROW(kernel_session_is_open),
    ROW(kernel_session_test),
    ROW(kernel_session_new_statement),
    ROW(kernel_session_set_autocommit),
    ROW(kernel_session_get_autocommit),
    ROW(kernel_session_commit),
    ROW(kernel_session_rollback),
    ROW(dbk_session_id),
    ROW(kernel_statement_set_sql),
    ROW(kernel_statement_bind_null),
    ROW(kernel_statement_bind_int64),
    ROW(kernel_statement_bind_double),
    ROW(kernel_statement_bind_bool),
    ROW(kernel_statement_bind_string),
    ROW(kernel_statement_bind_parameter),
    ROW(kernel_statement_execute),
    ROW(kernel_statement_submit),
    ENDING(kernel_statement_close),
    ROW(dbk_statement_set_sql_n),
    ROW(dbk_statement_bind_parameter_n),
    ROW(dbk_statement_set_option),
    ROW(dbk_statement_get_progress),
    ROW(dbk_async_status),
    ROW(dbk_async_poll),
    ROW(dbk_async_query_id),
    ROW(dbk_async_await),
    ROW(dbk_async_cancel),
    ROW(dbk_async_take_result),
    ROW(dbk_async_leave),
    ROW(dbk_async_take_chunks),
    ROW(dbk_async_attach),
    ENDING(dbk_async_close),
    ROW(kernel_statement_canceller_new),
    ROW(kernel_statement_canceller_cancel),
    ENDING(kernel_statement_canceller_free),
    ROW(kernel_executed_statement_get_result_stream),
    ROW(kernel_executed_statement_num_modified_rows),
    ROW(kernel_executed_statement_query_id),
    ENDING(kernel_executed_statement_close),
    ROW(dbk_executed_get_info),
    ROW(dbk_executed_get_stats),
    ROW(kernel_result_stream_get_schema),
    ROW(kernel_result_stream_next_batch),
    ENDING(kernel_result_stream_close),
    ROW(dbk_result_stream_get_stats),
    ROW(dbk_result_stream_export),
    ROW(dbk_result_stream_next_ipc),
    ROW(kernel_metadata_list_catalogs),
    ROW(kernel_metadata_list_schemas),
    ROW(kernel_metadata_list_tables),
    ROW(kernel_metadata_list_columns),
    ROW(kernel_metadata_primary_keys),
    ROW(kernel_metadata_foreign_keys),
    ROW(kernel_metadata_list_table_types),
    ROW(kernel_metadata_procedures),
    ROW(kernel_metadata_functions),
    ROW(kernel_metadata_procedure_columns),
    ROW(dbk_metadata_type_info),
    ROW(dbk_metadata_cross_reference),
    ROW(kernel_cancel_token_new),
    ROW(kernel_cancel_token_cancel),
    ROW(kernel_cancel_token_is_cancelled),
    ENDING(kernel_cancel_token_free),
    ENDING(kernel_session_open_cancellable),
    ROW(kernel_result_stream_next_batch_cancellable),
};

/* ---- after the call ---- */

void probe_add_error(json_t *answer) {
    KernelError e = {.code = LENGTH_MARK};
    dbk_error_info info = {.struct_size = sizeof info};
    __typeof__(&kernel_get_last_error) last =
        (__typeof__(&kernel_get_last_error))probe_find("kernel_get_last_error");
    if (!last(&e)) {
        json_object_set_new(answer, "error",
                            e.code == LENGTH_MARK ? json_null() : json_string("written"));
        return;
    }
    json_object_set_new(answer, "error",
                        json_pack("{s:i,s:s?,s:s?,s:i,s:i,s:b,s:s?}", "code", (int)e.code,
                                  "message", e.message, "sql_state", e.sql_state, "vendor_code",
                                  (int)e.vendor_code, "http_status", (int)e.http_status,
                                  "retryable", e.retryable, "query_id", e.query_id));
    probe_fn more = probe_find("dbk_get_last_error_info");
    if (more != NULL && ((__typeof__(&dbk_get_last_error_info))more)(&info)) {
        json_object_set_new(
            answer, "info",
            json_pack("{s:i,s:b,s:s?,s:s?,s:s?,s:s?,s:s?,s:I}", "attempts", (int)info.attempts,
                      "may_have_executed", info.may_have_executed, "error_code", info.error_code,
                      "request_id", info.request_id, "display_message", info.display_message,
                      "diagnostic_info", info.diagnostic_info, "error_details_json",
                      info.error_details_json, "message_length", (json_int_t)info.message_length));
    }
}

/* A batch that outlives its call under a name. */
typedef struct kept_batch {
    struct ArrowArray array;
    struct ArrowSchema schema;
} kept_batch;

static void keep_batch(call *c, const char *name) {
    kept_batch *kept = malloc(sizeof *kept);
    if (kept == NULL) {
        probe_bad_script("out of memory");
    }
    *kept = (kept_batch){c->array, c->schema};
    probe_handle_set(name, kept);
}

void probe_kept(const json_t *command, json_t *answer) {
    const char *name = json_string_value(json_object_get(command, "batch"));
    kept_batch *kept = probe_handle_get(name != NULL ? name : "");
    if (strcmp(json_string_value(json_object_get(command, "do")), "read") == 0) {
        json_object_set_new(answer, "batch", probe_batch_json(&kept->schema, &kept->array, true));
        return;
    }
    kept->array.release(&kept->array);
    kept->schema.release(&kept->schema);
    free(kept);
    probe_handle_set(name, NULL);
}

/* "untouched", "end" (written, nothing in it), or the batch itself. */
static void put_batch(call *c, const json_t *command) {
    const json_t *values = json_object_get(command, "values");
    const char *keep = json_string_value(json_object_get(command, "keep"));
    if (c->array.release == NULL || c->schema.release == NULL) {
        bool touched = c->array.length != LENGTH_MARK || c->schema.flags != LENGTH_MARK;
        bool half = c->array.release != NULL || c->schema.release != NULL;
        put(c, "batch", json_string(half ? "half" : touched ? "end" : "untouched"));
        return;
    }
    put(c, "batch", probe_batch_json(&c->schema, &c->array, !json_is_false(values)));
    put(c, "schema", probe_schema_json(&c->schema));
    if (keep != NULL) {
        keep_batch(c, keep);
        return;
    }
    c->array.release(&c->array);
    c->schema.release(&c->schema);
    if (c->array.release != NULL || c->schema.release != NULL) {
        put(c, "batch", json_string("release did not mark the structs"));
    }
}

static void put_schema(call *c) {
    if (c->schema.release == NULL) {
        put(c, "schema", json_string(c->schema.flags == LENGTH_MARK ? "untouched" : "empty"));
        return;
    }
    put(c, "schema", probe_schema_json(&c->schema));
    c->schema.release(&c->schema);
}

/* The whole ArrowArrayStream, read and released at once. */
static void put_stream(call *c) {
    struct ArrowArrayStream *s = &c->stream;
    struct ArrowSchema schema = {0};
    json_t *batches = json_array();
    int code = s->get_schema(s, &schema);
    while (code == 0) {
        struct ArrowArray array = {0};
        code = s->get_next(s, &array);
        if (code != 0 || array.release == NULL) {
            break;
        }
        json_array_append_new(batches, probe_batch_json(&schema, &array, true));
        array.release(&array);
    }
    put(c, "errno", json_integer(code));
    put(c, "stream_error",
        code != 0 && s->get_last_error(s) != NULL ? json_string(s->get_last_error(s))
                                                  : json_null());
    put(c, "batches", batches);
    if (schema.release != NULL) {
        schema.release(&schema);
    }
    s->release(s);
}

static void put_results(call *c, const json_t *command) {
    if (c->handle_name != NULL) {
        bool set = c->handle != untouched;
        put(c, "out", json_string(!set ? "untouched" : c->handle == NULL ? "null" : "set"));
        if (set && c->handle != NULL) {
            probe_handle_set(c->handle_name, c->handle);
        }
    }
    if (c->has_flag) {
        put(c, "flag",
            c->flag == FLAG_MARK ? json_string("untouched") : json_boolean(c->flag != 0));
    }
    if (c->has_array && c->has_schema) {
        put_batch(c, command);
    } else if (c->has_schema) {
        put_schema(c);
    }
    if (c->has_stream && c->stream.release != NULL) {
        put_stream(c);
    }
}

static void forget_ended(const call *c, const char *name, int ends, KernelStatusCode status) {
    bool opens = strncmp(name, "kernel_session_open", 19) == 0;
    const json_t *first = json_array_get(c->args, 0);
    if (ends == KEEPS || !json_is_string(first) || (status != 0 && !opens)) {
        return;
    }
    if (opens && json_is_null(json_array_get(c->args, 1))) {
        return; /* who owns the configuration then is what the tests ask */
    }
    probe_handle_set(json_string_value(first), NULL);
}

void probe_call(const json_t *command, json_t *answer) {
    const char *name = json_string_value(json_object_get(command, "call"));
    call c = {.args = json_object_get(command, "args"), .answer = answer};
    size_t row = 0;
    while (row < sizeof calls / sizeof calls[0] && strcmp(calls[row].name, name) != 0) {
        row++;
    }
    if (row == sizeof calls / sizeof calls[0]) {
        probe_bad_script("the probe knows no function %s", name);
    }
    c.fn = probe_find(name);
    if (c.fn == NULL) {
        json_object_set_new(answer, "missing", json_true());
        return;
    }
    calls[row].run(&c);
    probe_add_error(answer);
    put_results(&c, command);
    forget_ended(&c, name, calls[row].ends,
                 (KernelStatusCode)json_integer_value(json_object_get(answer, "status")));
    for (size_t i = 0; i < ARGS_MAX; i++) {
        free(c.bytes[i]);
    }
}

/* ---- draining ---- */

#define COLUMNS_MAX 256

static void put_hashes(json_t *answer, const uint64_t *hashes, int64_t columns) {
    json_t *list = json_array();
    for (int64_t i = 0; i < columns; i++) {
        json_array_append_new(list, json_sprintf("%016llx", (unsigned long long)hashes[i]));
    }
    json_object_set_new(answer, "hashes", list);
}

void probe_drain(const json_t *command, json_t *answer) {
    const char *mode = json_string_value(json_object_get(command, "values"));
    const char *name = json_string_value(json_object_get(command, "stream"));
    kernel_result_stream_t *stream = probe_handle_get(name != NULL ? name : "");
    __typeof__(&kernel_result_stream_next_batch) next =
        (__typeof__(&kernel_result_stream_next_batch))probe_find("kernel_result_stream_next_batch");
    bool hash = mode != NULL && strcmp(mode, "hash") == 0;
    uint64_t hashes[COLUMNS_MAX];
    int64_t rows = 0, columns = 0;
    json_t *sizes = json_array();
    KernelStatusCode status;
    for (size_t i = 0; i < COLUMNS_MAX; i++) {
        hashes[i] = UINT64_C(14695981039346656037);
    }
    for (;;) {
        struct ArrowArray array = {0};
        struct ArrowSchema schema = {0};
        status = next(stream, &array, &schema);
        if (status != KernelStatusCode_Success) {
            probe_add_error(answer);
        }
        if (status != KernelStatusCode_Success || array.release == NULL) {
            break;
        }
        if (hash && array.n_children <= COLUMNS_MAX) {
            probe_batch_hash(&schema, &array, hashes);
        }
        rows += array.length;
        columns = array.n_children;
        json_array_append_new(sizes, json_integer(array.length));
        array.release(&array);
        schema.release(&schema);
    }
    json_object_set_new(answer, "status", json_integer(status));
    json_object_set_new(answer, "rows", json_integer(rows));
    json_object_set_new(answer, "batch_rows", sizes);
    if (hash) {
        put_hashes(answer, hashes, columns);
    }
}
