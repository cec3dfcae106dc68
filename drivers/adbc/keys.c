#include "keys.h"

#include <stdlib.h>
#include <string.h>

#define OURS(name, kind, fallback) \
    { name, NULL, kind, fallback, NULL }
#define WORDS(name, fallback, takes) \
    { name, NULL, KEY_TEXT, fallback, takes }
#define ALIAS(name, means, kind, fallback) \
    { name, means, kind, fallback, NULL }
/* Accepted, checked and read back; the kernel does by itself what they steer elsewhere, or they belong
 * to the Thrift protocol. docs/adbc.md says so of each. */
#define IDLE(name, kind, fallback) \
    { name, NULL, kind, fallback, NULL }

#define RETRY_FAMILY(family)                                                     \
    IDLE("databricks.retry." family ".min_wait_ms", KEY_COUNT, NULL),            \
        IDLE("databricks.retry." family ".max_wait_ms", KEY_COUNT, NULL),        \
        IDLE("databricks.retry." family ".overall_timeout_ms", KEY_COUNT, NULL), \
        IDLE("databricks.retry." family ".max_retries", KEY_COUNT, NULL)

#define TELEMETRY(name, kind, fallback)                 \
    OURS("databricks.telemetry." name, kind, fallback), \
        ALIAS("adbc.databricks.telemetry." name, "databricks.telemetry." name, kind, fallback)

/* Defaults are those of the driver the key comes from. */
static const key keys[] = {
    /* where */
    OURS("uri", KEY_SECRET, NULL), /* may hold a token */
    OURS("username", KEY_TEXT, NULL),
    ALIAS("password", "databricks.access_token", KEY_SECRET, NULL),
    OURS("databricks.server_hostname", KEY_TEXT, NULL),
    ALIAS("adbc.spark.host", "databricks.server_hostname", KEY_TEXT, NULL),
    OURS("databricks.port", KEY_COUNT, "443"),
    ALIAS("adbc.spark.port", "databricks.port", KEY_COUNT, "443"),
    OURS("databricks.http_path", KEY_TEXT, NULL),
    ALIAS("adbc.spark.path", "databricks.http_path", KEY_TEXT, NULL),
    OURS("databricks.warehouse_id", KEY_TEXT, NULL),
    ALIAS("adbc.databricks.warehouse_id", "databricks.warehouse_id", KEY_TEXT, NULL),
    OURS("databricks.catalog", KEY_TEXT, NULL),
    ALIAS("adbc.connection.catalog", "databricks.catalog", KEY_TEXT, NULL),
    OURS("databricks.schema", KEY_TEXT, NULL),
    ALIAS("adbc.connection.db_schema", "databricks.schema", KEY_TEXT, NULL),
    OURS("databricks.profile", KEY_TEXT, NULL),
    OURS("databricks.config_file", KEY_TEXT, NULL),

    /* who */
    OURS("databricks.access_token", KEY_SECRET, NULL),
    ALIAS("adbc.spark.token", "databricks.access_token", KEY_SECRET, NULL),
    ALIAS("adbc.spark.access_token", "databricks.access_token", KEY_SECRET, NULL),
    ALIAS("adbc.spark.oauth.access_token", "databricks.access_token", KEY_SECRET, NULL),
    WORDS("databricks.auth.type", NULL,
          "|access_token|oauth_m2m|oauth_u2m|azure_client_secret|profile|"),
    WORDS("adbc.spark.auth_type", NULL, "|none|username_only|basic|token|oauth|"),
    WORDS("adbc.databricks.oauth.grant_type", "access_token", "|access_token|client_credentials|"),
    OURS("databricks.auth.client_id", KEY_TEXT, NULL),
    ALIAS("databricks.oauth.client_id", "databricks.auth.client_id", KEY_TEXT, NULL),
    ALIAS("adbc.databricks.oauth.client_id", "databricks.auth.client_id", KEY_TEXT, NULL),
    OURS("databricks.auth.client_secret", KEY_SECRET, NULL),
    ALIAS("databricks.oauth.client_secret", "databricks.auth.client_secret", KEY_SECRET, NULL),
    ALIAS("adbc.databricks.oauth.client_secret", "databricks.auth.client_secret", KEY_SECRET, NULL),
    OURS("databricks.auth.scopes", KEY_TEXT, NULL),
    ALIAS("adbc.databricks.oauth.scope", "databricks.auth.scopes", KEY_TEXT, "sql"),
    OURS("databricks.auth.token_endpoint", KEY_TEXT, NULL),
    OURS("databricks.auth.redirect_port", KEY_COUNT, "8020"),
    OURS("databricks.auth.azure_tenant_id", KEY_TEXT, NULL),
    OURS("databricks.auth.azure_workspace_resource_id", KEY_TEXT, NULL),
    OURS("databricks.auth.identity_federation_client_id", KEY_TEXT, NULL),
    ALIAS("adbc.databricks.identity_federation_client_id",
          "databricks.auth.identity_federation_client_id", KEY_TEXT, NULL),
    OURS("databricks.auth.token_cache", KEY_FLAG, "false"),
    IDLE("databricks.oauth.refresh_token", KEY_SECRET, NULL),
    IDLE("adbc.databricks.token_renew_limit", KEY_COUNT, "0"),

    /* results */
    OURS("databricks.cloudfetch.enabled", KEY_FLAG, "true"),
    ALIAS("adbc.databricks.cloudfetch.enabled", "databricks.cloudfetch.enabled", KEY_FLAG, "true"),
    OURS("databricks.cloudfetch.link_prefetch_window", KEY_COUNT, "128"),
    OURS("databricks.cloudfetch.max_chunks_in_memory", KEY_COUNT, "16"),
    OURS("databricks.memory_budget_mb", KEY_COUNT, "48"),
    ALIAS("adbc.databricks.cloudfetch.memory_buffer_size_mb", "databricks.memory_budget_mb",
          KEY_COUNT, "200"),
    OURS("adbc.databricks.enable_complex_datatype_support", KEY_FLAG, NULL),
    OURS("databricks.statement.row_limit", KEY_COUNT, NULL),
    OURS("databricks.query_tags", KEY_TEXT, NULL),
    ALIAS("adbc.databricks.query_tags", "databricks.query_tags", KEY_TEXT, NULL),
    OURS("databricks.query.timeout", KEY_SPAN, NULL),
    ALIAS("adbc.apache.statement.query_timeout_s", "databricks.query.timeout", KEY_SPAN, NULL),
    IDLE("databricks.query.max_rows", KEY_COUNT, NULL), /* rows a page: SEA has none */
    IDLE("databricks.download_thread_count", KEY_COUNT, NULL),
    IDLE("databricks.cloudfetch.max_retries", KEY_COUNT, "5"),
    IDLE("databricks.cloudfetch.retry_delay_ms", KEY_COUNT, "1500"),
    IDLE("databricks.cloudfetch.chunk_ready_timeout_ms", KEY_COUNT, "30000"),
    IDLE("databricks.cloudfetch.speed_threshold_mbps", KEY_REAL, "0.1"),
    IDLE("databricks.cloudfetch.batch_merge_target_rows", KEY_COUNT, "0"),
    IDLE("adbc.databricks.cloudfetch.lz4.enabled", KEY_FLAG, "true"),
    IDLE("adbc.databricks.cloudfetch.max_bytes_per_file", KEY_TEXT, "20MB"),
    IDLE("adbc.databricks.cloudfetch.parallel_downloads", KEY_COUNT, "3"),
    IDLE("adbc.databricks.cloudfetch.prefetch_count", KEY_COUNT, "2"),
    IDLE("adbc.databricks.cloudfetch.prefetch_enabled", KEY_FLAG, "true"),
    IDLE("adbc.databricks.cloudfetch.max_retries", KEY_COUNT, "0"),
    IDLE("adbc.databricks.cloudfetch.retry_timeout_seconds", KEY_COUNT, "300"),
    IDLE("adbc.databricks.cloudfetch.retry_delay_ms", KEY_COUNT, "500"),
    IDLE("adbc.databricks.cloudfetch.timeout_minutes", KEY_COUNT, "15"),
    IDLE("adbc.databricks.cloudfetch.url_expiration_buffer_seconds", KEY_COUNT, "60"),
    IDLE("adbc.databricks.cloudfetch.max_url_refresh_attempts", KEY_COUNT, "3"),
    IDLE("adbc.databricks.cloudfetch.straggler_mitigation_enabled", KEY_FLAG, "false"),
    IDLE("adbc.databricks.cloudfetch.straggler_multiplier", KEY_REAL, "1.5"),
    IDLE("adbc.databricks.cloudfetch.straggler_quantile", KEY_REAL, "0.6"),
    IDLE("adbc.databricks.cloudfetch.straggler_padding_seconds", KEY_COUNT, "5"),
    IDLE("adbc.databricks.cloudfetch.max_stragglers_per_query", KEY_COUNT, "10"),
    IDLE("adbc.databricks.cloudfetch.synchronous_fallback_enabled", KEY_FLAG, "false"),

    /* the network */
    OURS("databricks.http.read_timeout_ms", KEY_COUNT, "60000"),
    IDLE("databricks.http.connect_timeout_ms", KEY_COUNT, "30000"),
    IDLE("adbc.spark.connect_timeout_ms", KEY_COUNT, "30000"),
    OURS("databricks.http.proxy.url", KEY_SECRET, NULL), /* may hold a password */
    OURS("databricks.http.proxy.username", KEY_TEXT, NULL),
    ALIAS("adbc.proxy_options.proxy_uid", "databricks.http.proxy.username", KEY_TEXT, NULL),
    OURS("databricks.http.proxy.password", KEY_SECRET, NULL),
    ALIAS("adbc.proxy_options.proxy_pwd", "databricks.http.proxy.password", KEY_SECRET, NULL),
    OURS("databricks.http.proxy.bypass_hosts", KEY_TEXT, NULL),
    ALIAS("adbc.proxy_options.proxy_ignore_list", "databricks.http.proxy.bypass_hosts", KEY_TEXT,
          NULL),
    OURS("adbc.proxy_options.use_proxy", KEY_FLAG, "false"),
    OURS("adbc.proxy_options.proxy_host", KEY_TEXT, NULL),
    OURS("adbc.proxy_options.proxy_port", KEY_COUNT, NULL),
    IDLE("adbc.proxy_options.proxy_auth", KEY_TEXT, NULL),
    OURS("databricks.http.tls.enabled", KEY_FLAG, NULL),
    ALIAS("adbc.http_options.tls.enabled", "databricks.http.tls.enabled", KEY_FLAG, "true"),
    OURS("databricks.http.tls.allow_self_signed", KEY_FLAG, NULL),
    ALIAS("adbc.http_options.tls.allow_self_signed", "databricks.http.tls.allow_self_signed",
          KEY_FLAG, "false"),
    OURS("databricks.http.tls.allow_hostname_mismatch", KEY_FLAG, NULL),
    ALIAS("adbc.http_options.tls.allow_hostname_mismatch",
          "databricks.http.tls.allow_hostname_mismatch", KEY_FLAG, "false"),
    OURS("adbc.http_options.tls.disable_server_certificate_validation", KEY_FLAG, "false"),
    OURS("databricks.http.tls.trusted_certificate_path", KEY_TEXT, NULL),
    ALIAS("adbc.http_options.tls.trusted_certificate_path",
          "databricks.http.tls.trusted_certificate_path", KEY_TEXT, NULL),
    ALIAS("databricks.ssl_root_cert", "databricks.http.tls.trusted_certificate_path", KEY_TEXT,
          NULL),
    WORDS("databricks.ssl_mode", "require", "|require|insecure|"),
    OURS("databricks.user_agent_entry", KEY_TEXT, NULL),
    ALIAS("adbc.spark.user_agent_entry", "databricks.user_agent_entry", KEY_TEXT, NULL),

    /* repeated requests */
    OURS("databricks.retry.min_wait_ms", KEY_COUNT, "1000"),
    OURS("databricks.retry.max_wait_ms", KEY_COUNT, "60000"),
    OURS("databricks.retry.overall_timeout_ms", KEY_COUNT, "900000"),
    OURS("databricks.retry.max_retries", KEY_COUNT, "5"),
    ALIAS("databricks.query.retry_count", "databricks.retry.max_retries", KEY_COUNT, NULL),
    RETRY_FAMILY("sea"),
    RETRY_FAMILY("auth"),
    RETRY_FAMILY("cloudfetch"),
    IDLE("adbc.spark.temporarily_unavailable_retry", KEY_FLAG, "true"),
    IDLE("adbc.spark.temporarily_unavailable_retry_timeout", KEY_COUNT, "900"),
    IDLE("adbc.databricks.rate_limit_retry", KEY_FLAG, "true"),
    IDLE("adbc.databricks.rate_limit_retry_timeout", KEY_COUNT, "120"),
    IDLE("adbc.databricks.transport_error_retry", KEY_FLAG, "true"),
    IDLE("adbc.databricks.http_request_timeout", KEY_COUNT, "900"),

    /* behaviour */
    OURS("databricks.transactions", KEY_FLAG, "false"),
    OURS("databricks.ingest.staging_volume", KEY_TEXT, NULL),
    WORDS("databricks.log_level", "off", "|off|error|warn|info|debug|trace|"),
    OURS("databricks.log_file", KEY_TEXT, NULL),
    OURS("databricks.telemetry.enabled", KEY_FLAG, "false"),
    ALIAS("adbc.databricks.telemetry.enabled", "databricks.telemetry.enabled", KEY_FLAG, "false"),
    WORDS("databricks.telemetry.mode", NULL, "|off|on|auto|"),
    ALIAS("adbc.databricks.telemetry.mode", "databricks.telemetry.mode", KEY_TEXT, NULL),
    OURS("databricks.telemetry.local_sink", KEY_TEXT, NULL),
    ALIAS("adbc.databricks.telemetry.local_sink", "databricks.telemetry.local_sink", KEY_TEXT,
          NULL),
    TELEMETRY("batch_size", KEY_COUNT, "100"),
    TELEMETRY("flush_interval_ms", KEY_COUNT, "5000"),
    TELEMETRY("max_retries", KEY_COUNT, "3"),
    TELEMETRY("retry_delay_ms", KEY_COUNT, "100"),
    TELEMETRY("close_flush_timeout_ms", KEY_COUNT, "2000"),
    TELEMETRY("circuit_breaker_enabled", KEY_FLAG, "true"),
    TELEMETRY("circuit_breaker_threshold", KEY_COUNT, "5"),
    TELEMETRY("circuit_breaker_timeout_ms", KEY_COUNT, "60000"),

    /* of the C# driver and of Thrift */
    WORDS("adbc.databricks.protocol", "thrift", "|thrift|rest|"),
    IDLE("adbc.databricks.rest.result_disposition", KEY_TEXT, "inline_or_external_links"),
    IDLE("adbc.databricks.rest.result_format", KEY_TEXT, "arrow_stream"),
    IDLE("adbc.databricks.rest.result_compression", KEY_TEXT, NULL),
    IDLE("adbc.databricks.rest.wait_timeout", KEY_TEXT, NULL),
    IDLE("adbc.databricks.rest.enable_session_management", KEY_FLAG, "true"),
    IDLE("adbc.databricks.enable_direct_results", KEY_FLAG, "true"),
    IDLE("adbc.databricks.enable_run_async_thrift", KEY_FLAG, "true"),
    IDLE("adbc.databricks.enable_multiple_catalog_support", KEY_FLAG, "true"),
    IDLE("adbc.databricks.enable_pk_fk", KEY_FLAG, "true"),
    IDLE("adbc.databricks.use_desc_table_extended", KEY_FLAG, "true"),
    IDLE("adbc.databricks.enable_fast_metadata_query", KEY_FLAG, "false"),
    IDLE("adbc.databricks.max_bytes_per_fetch_request", KEY_TEXT, "400MB"),
    IDLE("adbc.databricks.apply_ssp_with_queries", KEY_FLAG, "false"),
    IDLE("adbc.databricks.fetch_heartbeat_interval", KEY_COUNT, "60"),
    IDLE("adbc.databricks.operation_status_request_timeout", KEY_COUNT, "30"),
    IDLE("adbc.databricks.trace_propagation.enabled", KEY_FLAG, "true"),
    IDLE("adbc.databricks.trace_propagation.header_name", KEY_TEXT, "traceparent"),
    IDLE("adbc.databricks.trace_propagation.state_enabled", KEY_FLAG, "false"),
    IDLE("adbc.databricks.driver_config_take_precedence", KEY_FLAG, "false"),
    IDLE("adbc.databricks.feature_flag_cache_enabled", KEY_FLAG, "true"),
    IDLE("adbc.databricks.feature_flag_timeout_seconds", KEY_COUNT, "5"),
    IDLE("adbc.databricks.feature_flag_cache_ttl_seconds", KEY_COUNT, "900"),
    IDLE("adbc.spark.type", KEY_TEXT, NULL),
    IDLE("adbc.spark.data_type_conv", KEY_TEXT, NULL),
    IDLE("adbc.apache.statement.batch_size", KEY_COUNT, "2000000"),
    IDLE("adbc.apache.statement.batch_size_stop_condition", KEY_TEXT, NULL),
    IDLE("adbc.apache.statement.polltime_ms", KEY_COUNT, "100"),
    IDLE("adbc.apache.connection.polltime_ms", KEY_COUNT, "100"),
};

static const char *const conf_prefixes[] = {"databricks.session_conf.", "adbc.databricks.ssp_",
                                            "ssp_"};
static const key conf_key = {"databricks.session_conf.", NULL, KEY_TEXT, NULL, NULL};

const key *database_key(const char *name, const char **conf) {
    *conf = NULL;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (strcmp(keys[i].name, name) == 0) {
            return &keys[i];
        }
    }
    for (size_t i = 0; i < sizeof conf_prefixes / sizeof conf_prefixes[0]; i++) {
        size_t len = strlen(conf_prefixes[i]);
        if (strncmp(name, conf_prefixes[i], len) == 0 && name[len] != '\0') {
            *conf = name + len;
            return &conf_key;
        }
    }
    return NULL;
}

static double read_double(const char *at, char **end) {
    c_locale l = c_locale_enter();
    double d = strtod(at, end);
    c_locale_leave(l);
    return d;
}

/* 90, 90s, 1m30s, 1h, 1500ms; a fraction of a second counts as a whole one. */
bool parse_span(const char *value, int64_t *seconds) {
    static const struct {
        const char *unit;
        double seconds;
    } units[] = {{"ms", 0.001}, {"us", 0.000001}, {"ns", 0.000000001},
                 {"h", 3600},   {"m", 60},        {"s", 1}};
    double sum = 0;
    const char *at = value;
    if (parse_int(value, seconds)) {
        return *seconds >= 0;
    }
    while (*at != '\0') {
        char *end = NULL;
        double n = read_double(at, &end);
        size_t u = 0;
        while (u < sizeof units / sizeof units[0] &&
               strncmp(end, units[u].unit, strlen(units[u].unit)) != 0) {
            u++;
        }
        if (end == at || !(n >= 0) || u == sizeof units / sizeof units[0]) {
            return false;
        }
        sum += n * units[u].seconds;
        at = end + strlen(units[u].unit);
    }
    if (at == value || !(sum < 1e9)) { /* also infinity */
        return false;
    }
    *seconds = (int64_t)sum + (sum > (double)(int64_t)sum ? 1 : 0);
    return true;
}

static bool of_kind(const key *k, const char *value) {
    bool flag = false;
    int64_t n = 0;
    double d = 0;
    switch (k->kind) {
    case KEY_TEXT:
    case KEY_SECRET:
        return true;
    case KEY_FLAG:
        return parse_flag(value, &flag);
    case KEY_COUNT:
        return parse_int(value, &n) && n >= 0;
    case KEY_REAL:
        return parse_double(value, &d) && d >= 0;
    case KEY_SPAN:
        return parse_span(value, &n);
    }
    return false;
}

static bool among(const char *words, const char *value) {
    size_t len = strlen(value);
    for (const char *at = strchr(words, '|'); at != NULL && at[1] != '\0';
         at = strchr(at + 1, '|')) {
        if (ascii_same_n(at + 1, value, len) && at[1 + len] == '|' && len > 0) {
            return true;
        }
    }
    return false;
}

AdbcStatusCode key_check(const key *k, const char *name, const char *value,
                         struct AdbcError *error) {
    static const char *const wants[] = {[KEY_TEXT] = "text",
                                        [KEY_SECRET] = "text",
                                        [KEY_FLAG] = "true or false",
                                        [KEY_COUNT] = "an integer that is not negative",
                                        [KEY_REAL] = "a number that is not negative",
                                        [KEY_SPAN] = "a duration such as 1m30s"};
    if (!of_kind(k, value)) {
        return fail(error, ADBC_STATUS_INVALID_ARGUMENT, "option %s is '%.64s': it takes %s", name,
                    value, wants[k->kind]);
    }
    if (k->takes != NULL && !among(k->takes, value)) {
        return fail(error, ADBC_STATUS_INVALID_ARGUMENT, "option %s is '%.64s': it takes one of %s",
                    name, value, k->takes);
    }
    return ADBC_STATUS_OK;
}

const char *key_value(const options *given, const char *name) {
    const char *value = options_get(given, name);
    for (size_t i = 0; value == NULL && i < sizeof keys / sizeof keys[0]; i++) {
        if (keys[i].means != NULL && strcmp(keys[i].means, name) == 0) {
            value = options_get(given, keys[i].name);
        }
    }
    return value;
}
