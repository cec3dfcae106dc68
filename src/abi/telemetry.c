#include "abi/abi.h"

#include "telemetry/telemetry.h"

#include <stddef.h>

/* Telemetry beyond databricks_kernel.h: who decides, who listens, what became of it. */

static KernelStatusCode refuse_null(const char *function) {
    return dbk_abi_refuse("%s: config must not be null", function);
}

/* NULL keeps the default; letters, digits, '-', '_' and '.' only: both become parts of a path. */
static bool set_word(dbk_str *to, const char *text, const char *name, dbk_error *err) {
    if (text == NULL) {
        dbk_str_reset(to);
        return true;
    }
    if (dbk_telemetry_id_of(dbk_slice_of(text)).text[0] == '\0') {
        (void)dbk_abi_refuse("%s must be letters, digits, '-', '_' and '.', at most 96", name);
        return false;
    }
    return dbk_str_set(to, dbk_slice_of(text), err) == DBK_OK;
}

KernelStatusCode dbk_session_config_set_telemetry_mode(KernelSessionConfig *config,
                                                       const char *mode, const char *client,
                                                       const char *flag) {
    dbk_error *err = dbk_abi_begin();
    if (config == NULL) {
        return refuse_null("dbk_session_config_set_telemetry_mode");
    }
    dbk_config *c = &config->config;
    dbk_slice word = dbk_slice_of(mode);
    bool on = dbk_slice_eq(word, DBK_SLICE("on"));
    bool asks = dbk_slice_eq(word, DBK_SLICE("auto"));
    if (!on && !asks && !dbk_slice_eq(word, DBK_SLICE("off"))) {
        return dbk_abi_refuse("telemetry mode must be \"off\", \"on\" or \"auto\"");
    }
    if (!set_word(&c->telemetry_client, client, "telemetry client", err) ||
        !set_word(&c->telemetry_flag, flag, "telemetry flag", err)) {
        return dbk_abi_code();
    }
    c->telemetry_enabled = on;
    c->telemetry_asks = asks;
    return KernelStatusCode_Success;
}

KernelStatusCode dbk_session_config_set_telemetry_refused(KernelSessionConfig *config, bool on) {
    (void)dbk_abi_begin();
    if (config == NULL) {
        return refuse_null("dbk_session_config_set_telemetry_refused");
    }
    config->config.telemetry_refused = on;
    return KernelStatusCode_Success;
}

/* ---- whoever listens ---- */

_Static_assert(sizeof(dbk_telemetry_attribute) == sizeof(dbk_attribute) &&
                   offsetof(dbk_telemetry_attribute, text) == offsetof(dbk_attribute, text) &&
                   offsetof(dbk_telemetry_attribute, number) == offsetof(dbk_attribute, number) &&
                   offsetof(dbk_telemetry_attribute, type) == offsetof(dbk_attribute, type) &&
                   offsetof(dbk_telemetry_attribute, scope) == offsetof(dbk_attribute, scope),
               "attributes are shown as they are");

typedef struct listener {
    dbk_telemetry_callback callback;
    void *user_data;
    void (*release)(void *user_data);
} listener;

static void forward(void *ctx, const dbk_record *record) {
    const listener *l = ctx;
    const dbk_telemetry_record shown = {
        .struct_size = sizeof shown,
        .failed = record->failed,
        .name = record->name,
        .start_unix_ns = record->start_unix_ns,
        .duration_ns = record->duration_ns,
        .attributes = (const dbk_telemetry_attribute *)(const void *)record->attributes,
        .attribute_count = record->count,
    };
    l->callback(&shown, l->user_data);
}

static void release_listener(void *ctx) {
    listener *l = ctx;
    if (l->release != NULL) {
        l->release(l->user_data);
    }
    dbk_free(l);
}

KernelStatusCode dbk_session_config_set_telemetry_callback(KernelSessionConfig *config,
                                                           dbk_telemetry_callback callback,
                                                           void *user_data,
                                                           void (*release)(void *user_data)) {
    dbk_error *err = dbk_abi_begin();
    if (config == NULL) {
        return refuse_null("dbk_session_config_set_telemetry_callback");
    }
    dbk_tracer *fresh = NULL;
    if (callback != NULL) {
        listener *l = dbk_alloc_zero(sizeof *l);
        if (l == NULL) {
            return dbk_abi_end(dbk_error_oom(err, "a listener"));
        }
        *l = (listener){callback, user_data, release};
        dbk_status st = dbk_local_new(forward, l, release_listener, &fresh, err);
        if (st != DBK_OK) {
            dbk_free(l);
            return dbk_abi_end(st);
        }
    }
    dbk_tracer_unref(config->config.tracer);
    config->config.tracer = fresh;
    return KernelStatusCode_Success;
}

/* ---- what became of it ---- */

KernelStatusCode dbk_telemetry_get_stats(const char *host, dbk_telemetry_stats *out) {
    dbk_error *err = dbk_abi_begin();
    dbk_str origin = {0};
    dbk_telemetry_counts counts;
    if (host == NULL || out == NULL || out->struct_size < sizeof *out) {
        return dbk_abi_refuse("dbk_telemetry_get_stats: host and out must be non-null and "
                              "out->struct_size set");
    }
    dbk_status st = dbk_url_origin(dbk_slice_of(host), &origin, err);
    if (st != DBK_OK) {
        return dbk_abi_end(st);
    }
    dbk_telemetry_measure(dbk_str_slice(&origin), &counts);
    dbk_str_reset(&origin);
    *out = (dbk_telemetry_stats){
        .struct_size = sizeof *out,
        .breaker_open = counts.open,
        .queued = counts.queued,
        .sent = counts.sent,
        .dropped_full = counts.dropped_full,
        .dropped_breaker = counts.dropped_open,
        .dropped_failed = counts.dropped_failed,
        .dropped_off = counts.dropped_off,
        .exports = counts.exports,
        .failed_exports = counts.failed_exports,
    };
    return KernelStatusCode_Success;
}

KernelStatusCode dbk_executed_get_stats(const kernel_executed_statement_t *exec,
                                        dbk_statement_stats *out) {
    dbk_error *err = dbk_abi_begin();
    if (exec == NULL || out == NULL || out->struct_size < sizeof *out) {
        return dbk_abi_refuse("dbk_executed_get_stats: exec and out must be non-null and "
                              "out->struct_size set");
    }
    if (!dbk_exec_alive(exec->exec)) {
        return dbk_abi_end(dbk_error_set(
            err, DBK_INVALID_HANDLE,
            "dbk_executed_get_stats: the statement belongs to the parent process of a fork"));
    }
    dbk_telemetry_event e;
    dbk_stream_snapshot now = {0};
    dbk_exec_describe(exec->exec, &e);
    if (dbk_exec_stream(exec->exec) != NULL) {
        dbk_stream_measure(dbk_exec_stream(exec->exec), &now);
    }
    *out = (dbk_statement_stats){
        .struct_size = sizeof *out,
        .is_compressed = e.compressed,
        .format = dbk_telemetry_format_name(e.format),
        .retry_count = e.retries,
        .poll_count = e.polls,
        .poll_ms = e.polls_ms,
        .latency_ms = e.latency_ms,
        .ready_ms = e.ready_ms,
        .consume_ms = e.consumed_ms,
        .chunks_total = e.chunks_present,
        .chunks_iterated = e.chunks_iterated,
        .chunk_first_ms = e.first_chunk_ms,
        .chunk_slowest_ms = e.first_chunk_ms >= 0 ? e.slowest_chunk_ms : -1,
        .chunk_sum_ms = e.first_chunk_ms >= 0 ? e.chunks_ms : -1,
        .bytes_received = now.bytes_wire,
        .rows = now.rows,
    };
    return KernelStatusCode_Success;
}
