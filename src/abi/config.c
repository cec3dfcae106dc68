#include "abi/abi.h"

/* Setters check NULL, UTF-8 and the few numeric rules of spec c-abi 2.3; kernel_session_open judges
 * the rest. */

KernelStatusCode kernel_session_config_new(KernelSessionConfig **out) {
    dbk_error *err = dbk_abi_begin();
    if (out == NULL) {
        return dbk_abi_refuse("kernel_session_config_new: out must not be null");
    }
    KernelSessionConfig *config = dbk_alloc_zero(sizeof *config);
    if (config == NULL) {
        return dbk_abi_end(dbk_error_oom(err, "a session configuration"));
    }
    dbk_config_init(&config->config);
    *out = config;
    return KernelStatusCode_Success;
}

void kernel_session_config_free(KernelSessionConfig *config) {
    /* The last error stays: who frees after a setter failed can still read why. */
    if (config != NULL) {
        dbk_config_reset(&config->config);
        dbk_free(config);
    }
}

/* ---- shared by the setters ---- */

static bool config_ok(const KernelSessionConfig *config) {
    if (config == NULL) {
        (void)dbk_abi_refuse("config handle must not be null");
        return false;
    }
    return true;
}

/* One argument of a setter: where it goes, and how the contract names it. */
typedef struct text_arg {
    const char *value;
    const char *name;
    bool optional;
    dbk_str *text; /* one of these two */
    dbk_secret *secret;
} text_arg;

/* Stores all or reports the first that is wrong; NULL optional ones clear their field. */
static KernelStatusCode store(const KernelSessionConfig *config, const text_arg *args,
                              size_t count) {
    dbk_error *err = dbk_abi_begin();
    if (!config_ok(config)) {
        return KernelStatusCode_InvalidArgument;
    }
    for (size_t i = 0; i < count; i++) {
        if (args[i].optional ? !dbk_abi_optional_ok(args[i].value, args[i].name)
                             : !dbk_abi_text_ok(args[i].value, args[i].name)) {
            return KernelStatusCode_InvalidArgument;
        }
    }
    dbk_status st = DBK_OK;
    for (size_t i = 0; i < count && st == DBK_OK; i++) {
        const text_arg *a = &args[i];
        if (a->value == NULL && a->text != NULL) {
            dbk_str_reset(a->text);
        } else if (a->value == NULL) {
            dbk_secret_reset(a->secret);
        } else if (a->text != NULL) {
            st = dbk_str_set(a->text, dbk_slice_of(a->value), err);
        } else {
            st = dbk_secret_set(a->secret, dbk_slice_of(a->value), err);
        }
    }
    return dbk_abi_end(st);
}
#define STORE(config, ...)                         \
    store(config, (const text_arg[]){__VA_ARGS__}, \
          sizeof((const text_arg[]){__VA_ARGS__}) / sizeof(text_arg))
/* Where a field is, also for a NULL config (store refuses it before looking). */
static KernelSessionConfig nowhere;
#define FIELD(config, field) (&((config) != NULL ? (config) : &nowhere)->config.field)
#define TEXT(config, field, value, name) \
    { value, name, false, FIELD(config, field), NULL }
#define OPTIONAL(config, field, value, name) \
    { value, name, true, FIELD(config, field), NULL }
#define SECRET(config, field, value, name) \
    { value, name, false, NULL, FIELD(config, field) }
#define OPT_SECRET(config, field, value, name) \
    { value, name, true, NULL, FIELD(config, field) }

static KernelStatusCode set_mode(KernelSessionConfig *config, KernelStatusCode stored,
                                 dbk_auth_mode mode) {
    if (stored == KernelStatusCode_Success) {
        config->config.auth_mode = mode; /* the last auth setter wins */
    }
    return stored;
}

/* ---- connection ---- */

KernelStatusCode kernel_session_config_set_warehouse(KernelSessionConfig *config, const char *host,
                                                     const char *warehouse_id) {
    KernelStatusCode st = STORE(config, TEXT(config, host, host, "host"),
                                TEXT(config, warehouse_id, warehouse_id, "warehouse_id"));
    if (st == KernelStatusCode_Success) {
        dbk_str_reset(&config->config.http_path);
    }
    return st;
}

KernelStatusCode kernel_session_config_set_http_path(KernelSessionConfig *config, const char *host,
                                                     const char *http_path) {
    KernelStatusCode st = STORE(config, TEXT(config, host, host, "host"),
                                TEXT(config, http_path, http_path, "http_path"));
    if (st == KernelStatusCode_Success) {
        dbk_str_reset(&config->config.warehouse_id);
    }
    return st;
}

KernelStatusCode dbk_session_config_set_namespace(KernelSessionConfig *config, const char *catalog,
                                                  const char *schema) {
    return STORE(config, OPTIONAL(config, catalog, catalog, "catalog"),
                 OPTIONAL(config, schema, schema, "schema"));
}

KernelStatusCode dbk_session_config_set_tls_client_key_password(KernelSessionConfig *config,
                                                                const char *password) {
    return STORE(config, OPT_SECRET(config, client_key_password, password, "password"));
}

KernelStatusCode dbk_session_config_set_tls_min_version(KernelSessionConfig *config,
                                                        const char *version) {
    (void)dbk_abi_begin();
    if (!config_ok(config) || !dbk_abi_text_ok(version, "version")) {
        return KernelStatusCode_InvalidArgument;
    }
    bool newest = strcmp(version, "1.3") == 0;
    if (!newest && strcmp(version, "1.2") != 0) {
        return dbk_abi_refuse("the oldest TLS version is \"1.2\" or \"1.3\"");
    }
    config->config.tls_least = newest ? DBK_TLS_1_3 : DBK_TLS_1_2;
    return KernelStatusCode_Success;
}

KernelStatusCode dbk_session_config_set_memory_budget(KernelSessionConfig *config, size_t bytes) {
    (void)dbk_abi_begin();
    if (!config_ok(config)) {
        return KernelStatusCode_InvalidArgument;
    }
    config->config.memory_budget = bytes;
    return KernelStatusCode_Success;
}

/* ---- authentication ---- */

KernelStatusCode kernel_session_config_set_auth_pat(KernelSessionConfig *config,
                                                    const char *token) {
    KernelStatusCode st =
        set_mode(config, STORE(config, SECRET(config, token, token, "token")), DBK_AUTH_PAT);
    if (st == KernelStatusCode_Success) {
        config->config.token_expires_unix_s = 0;
    }
    return st;
}

KernelStatusCode kernel_session_config_set_auth_m2m(KernelSessionConfig *config,
                                                    const char *client_id,
                                                    const char *client_secret) {
    return set_mode(config,
                    STORE(config, TEXT(config, client_id, client_id, "client_id"),
                          SECRET(config, client_secret, client_secret, "client_secret")),
                    DBK_AUTH_M2M);
}

KernelStatusCode
kernel_session_config_set_auth_m2m_jwt(KernelSessionConfig *config, const char *client_id,
                                       const char *jwt_key_file, const char *jwt_kid,
                                       const char *jwt_passphrase, const char *jwt_algorithm,
                                       const char *scopes, const char *token_url) {
    return set_mode(config,
                    STORE(config, TEXT(config, client_id, client_id, "client_id"),
                          TEXT(config, jwt_key_file, jwt_key_file, "jwt_key_file"),
                          TEXT(config, jwt_kid, jwt_kid, "jwt_kid"),
                          OPT_SECRET(config, jwt_passphrase, jwt_passphrase, "jwt_passphrase"),
                          OPTIONAL(config, jwt_algorithm, jwt_algorithm, "jwt_algorithm"),
                          OPTIONAL(config, auth_scopes, scopes, "scopes"),
                          OPTIONAL(config, token_url, token_url, "token_url")),
                    DBK_AUTH_M2M_JWT);
}

KernelStatusCode kernel_session_config_set_auth_u2m(KernelSessionConfig *config,
                                                    const char *client_id, uint16_t redirect_port,
                                                    const char *scopes) {
    KernelStatusCode st =
        set_mode(config,
                 STORE(config, OPTIONAL(config, client_id, client_id, "client_id"),
                       OPTIONAL(config, auth_scopes, scopes, "scopes")),
                 DBK_AUTH_U2M);
    if (st == KernelStatusCode_Success) {
        config->config.redirect_port = redirect_port;
    }
    return st;
}

KernelStatusCode kernel_session_config_set_auth_azure_sp(KernelSessionConfig *config,
                                                         const char *azure_client_id,
                                                         const char *azure_client_secret,
                                                         const char *azure_tenant_id,
                                                         const char *azure_workspace_resource_id) {
    return set_mode(config,
                    STORE(config, TEXT(config, client_id, azure_client_id, "azure_client_id"),
                          SECRET(config, client_secret, azure_client_secret, "azure_client_secret"),
                          OPTIONAL(config, azure_tenant_id, azure_tenant_id, "azure_tenant_id"),
                          OPTIONAL(config, azure_resource_id, azure_workspace_resource_id,
                                   "azure_workspace_resource_id")),
                    DBK_AUTH_AZURE_SP);
}

KernelStatusCode
dbk_session_config_set_auth_azure_identity(KernelSessionConfig *config, const char *client_id,
                                           const char *azure_workspace_resource_id) {
    return set_mode(config,
                    STORE(config, OPTIONAL(config, client_id, client_id, "client_id"),
                          OPTIONAL(config, azure_resource_id, azure_workspace_resource_id,
                                   "azure_workspace_resource_id")),
                    DBK_AUTH_AZURE_IDENTITY);
}

KernelStatusCode dbk_session_config_set_auth_token(KernelSessionConfig *config, const char *token,
                                                   int64_t expires_at) {
    KernelStatusCode st = kernel_session_config_set_auth_pat(config, token);
    if (st == KernelStatusCode_Success) {
        config->config.token_expires_unix_s = expires_at;
    }
    return st;
}

KernelStatusCode dbk_session_config_set_token_provider(KernelSessionConfig *config,
                                                       dbk_token_provider provider, void *ctx,
                                                       void (*release)(void *ctx)) {
    dbk_error *err = dbk_abi_begin();
    dbk_provider *made = NULL;
    if (!config_ok(config)) {
        return KernelStatusCode_InvalidArgument;
    }
    if (provider == NULL) {
        return dbk_abi_refuse("token provider must not be null");
    }
    dbk_status st = dbk_provider_new(provider, ctx, release, &made, err);
    if (st == DBK_OK) {
        dbk_provider_unref(config->config.provider);
        config->config.provider = made;
        config->config.auth_mode = DBK_AUTH_PROVIDER;
    }
    return dbk_abi_end(st);
}

KernelStatusCode dbk_session_config_set_profile(KernelSessionConfig *config, const char *file,
                                                const char *profile, const char *http_path) {
    dbk_error *err = dbk_abi_begin();
    if (!config_ok(config) || !dbk_abi_optional_ok(file, "file") ||
        !dbk_abi_optional_ok(profile, "profile") || !dbk_abi_optional_ok(http_path, "http_path")) {
        return KernelStatusCode_InvalidArgument;
    }
    return dbk_abi_end(dbk_config_set_profile(&config->config, file, profile, http_path, err));
}

KernelStatusCode dbk_session_config_set_login_opener(KernelSessionConfig *config,
                                                     void (*show)(void *ctx, const char *url),
                                                     void *ctx) {
    (void)dbk_abi_begin();
    if (!config_ok(config)) {
        return KernelStatusCode_InvalidArgument;
    }
    config->config.login_opener = show;
    config->config.login_opener_ctx = ctx;
    return KernelStatusCode_Success;
}

KernelStatusCode dbk_session_config_set_federation(KernelSessionConfig *config,
                                                   const char *client_id, bool rfc8693,
                                                   bool strict) {
    KernelStatusCode st =
        STORE(config, OPTIONAL(config, federation_client_id, client_id, "client_id"));
    if (st == KernelStatusCode_Success) {
        config->config.federation_token_exchange = rfc8693;
        config->config.federation_strict = strict;
    }
    return st;
}

KernelStatusCode dbk_session_config_set_workspace_id(KernelSessionConfig *config,
                                                     const char *workspace_id,
                                                     bool not_in_exchange) {
    KernelStatusCode st =
        STORE(config, OPTIONAL(config, workspace_id, workspace_id, "workspace_id"));
    if (st == KernelStatusCode_Success) {
        config->config.federation_without_org_id = not_in_exchange;
    }
    return st;
}

KernelStatusCode
kernel_session_config_set_identity_federation_client_id(KernelSessionConfig *config,
                                                        const char *client_id) {
    return STORE(config, TEXT(config, federation_client_id, client_id, "client_id"));
}

KernelStatusCode kernel_session_config_set_oauth_token_endpoint(KernelSessionConfig *config,
                                                                const char *token_endpoint) {
    return STORE(config, TEXT(config, oauth_token_endpoint, token_endpoint, "token_endpoint"));
}

KernelStatusCode kernel_session_config_set_oauth_scopes(KernelSessionConfig *config,
                                                        const char *scopes) {
    return STORE(config, TEXT(config, oauth_scopes, scopes, "scopes"));
}

KernelStatusCode kernel_session_config_set_u2m_token_cache_config(KernelSessionConfig *config,
                                                                  bool enabled,
                                                                  const char *passphrase) {
    KernelStatusCode st =
        STORE(config, OPT_SECRET(config, token_cache_passphrase, passphrase, "passphrase"));
    if (st == KernelStatusCode_Success) {
        config->config.token_cache_enabled = enabled;
    }
    return st;
}

/* ---- behaviour ---- */

/* A name and a value, both required: checked, then handed to `put`. */
static KernelStatusCode put_pair(KernelSessionConfig *config, const char *name,
                                 const char *name_arg, const char *value, const char *value_arg,
                                 dbk_status (*put)(dbk_config *, dbk_slice, dbk_slice,
                                                   dbk_error *)) {
    (void)dbk_abi_begin();
    if (!config_ok(config) || !dbk_abi_text_ok(name, name_arg) ||
        !dbk_abi_text_ok(value, value_arg)) {
        return KernelStatusCode_InvalidArgument;
    }
    return dbk_abi_end(
        put(&config->config, dbk_slice_of(name), dbk_slice_of(value), dbk_abi_begin()));
}

KernelStatusCode kernel_session_config_set_session_conf(KernelSessionConfig *config,
                                                        const char *key, const char *value) {
    return put_pair(config, key, "session_conf key", value, "session_conf value",
                    dbk_config_set_session_conf);
}

KernelStatusCode kernel_session_config_set_client_conf(KernelSessionConfig *config, const char *key,
                                                       const char *value) {
    return put_pair(config, key, "client_conf key", value, "client_conf value",
                    dbk_config_set_client_conf);
}

static dbk_status put_header(dbk_config *config, dbk_slice name, dbk_slice value, dbk_error *err) {
    return dbk_pairs_add(&config->headers, name, value, err);
}

KernelStatusCode kernel_session_config_set_custom_header(KernelSessionConfig *config,
                                                         const char *name, const char *value) {
    return put_pair(config, name, "header name", value, "header value", put_header);
}

KernelStatusCode kernel_session_config_set_request_timeout(KernelSessionConfig *config,
                                                           uint64_t request_timeout_ms) {
    (void)dbk_abi_begin();
    if (!config_ok(config)) {
        return KernelStatusCode_InvalidArgument;
    }
    config->config.request_timeout_ms = request_timeout_ms;
    return KernelStatusCode_Success;
}

KernelStatusCode kernel_session_config_set_max_connections(KernelSessionConfig *config,
                                                           size_t max_connections) {
    (void)dbk_abi_begin();
    if (!config_ok(config)) {
        return KernelStatusCode_InvalidArgument;
    }
    config->config.max_connections = max_connections;
    return KernelStatusCode_Success;
}

KernelStatusCode kernel_session_config_set_cloudfetch_enabled(KernelSessionConfig *config,
                                                              bool enabled) {
    (void)dbk_abi_begin();
    if (!config_ok(config)) {
        return KernelStatusCode_InvalidArgument;
    }
    config->config.cloudfetch_disabled = !enabled;
    return KernelStatusCode_Success;
}

KernelStatusCode kernel_session_config_set_ignore_transactions(KernelSessionConfig *config,
                                                               bool ignore) {
    (void)dbk_abi_begin();
    if (!config_ok(config)) {
        return KernelStatusCode_InvalidArgument;
    }
    config->config.honour_transactions = !ignore;
    return KernelStatusCode_Success;
}

KernelStatusCode kernel_session_config_set_retry_config(KernelSessionConfig *config,
                                                        uint64_t min_wait_ms, uint64_t max_wait_ms,
                                                        uint32_t max_retries,
                                                        uint64_t overall_timeout_ms) {
    (void)dbk_abi_begin();
    if (!config_ok(config)) {
        return KernelStatusCode_InvalidArgument;
    }
    if (min_wait_ms == 0) {
        return dbk_abi_refuse("retry min_wait_ms must be > 0");
    }
    if (max_wait_ms < min_wait_ms) { /* decision of spec c-abi 7 */
        DBK_LOG(WARN, NULL, "retry max_wait_ms is below min_wait_ms: raised to it");
    }
    config->config.retry = (dbk_retry_policy){
        .min_wait_ms = min_wait_ms,
        .max_wait_ms = dbk_max_u64(min_wait_ms, max_wait_ms),
        .max_attempts = max_retries == UINT32_MAX ? UINT32_MAX : max_retries + 1,
        .budget_ms = overall_timeout_ms != 0 ? overall_timeout_ms : dbk_retry_default.budget_ms,
    };
    return KernelStatusCode_Success;
}

/* ---- telemetry ---- */

KernelStatusCode kernel_session_config_set_telemetry_config(
    KernelSessionConfig *config, bool enabled, size_t batch_size, uint64_t flush_interval_ms,
    uint32_t max_retries, uint64_t retry_delay_ms, uint64_t close_flush_timeout_ms) {
    (void)dbk_abi_begin();
    if (!config_ok(config)) {
        return KernelStatusCode_InvalidArgument;
    }
    if (batch_size == 0) {
        return dbk_abi_refuse("telemetry batch_size must be > 0");
    }
    if (flush_interval_ms == 0) {
        return dbk_abi_refuse("telemetry flush_interval_ms must be > 0");
    }
    if (close_flush_timeout_ms == 0) {
        return dbk_abi_refuse("telemetry close_flush_timeout_ms must be > 0");
    }
    dbk_config *c = &config->config;
    c->telemetry_enabled = enabled;
    c->telemetry_batch_size = batch_size;
    c->telemetry_flush_ms = flush_interval_ms;
    c->telemetry_max_retries = max_retries;
    c->telemetry_retry_delay_ms = retry_delay_ms;
    c->telemetry_close_ms = close_flush_timeout_ms;
    return KernelStatusCode_Success;
}

KernelStatusCode kernel_session_config_set_telemetry_circuit_breaker_config(
    KernelSessionConfig *config, bool enabled, uint32_t threshold, uint64_t timeout_ms) {
    (void)dbk_abi_begin();
    if (!config_ok(config)) {
        return KernelStatusCode_InvalidArgument;
    }
    if (enabled && threshold == 0) {
        return dbk_abi_refuse("telemetry circuit breaker threshold must be > 0 when enabled");
    }
    if (enabled && timeout_ms == 0) {
        return dbk_abi_refuse("telemetry circuit breaker timeout_ms must be > 0 when enabled");
    }
    config->config.breaker_enabled = enabled;
    config->config.breaker_threshold = threshold;
    config->config.breaker_timeout_ms = timeout_ms;
    return KernelStatusCode_Success;
}

KernelStatusCode kernel_session_config_set_driver_system_configuration(
    KernelSessionConfig *config, const char *driver_name, const char *driver_version,
    const char *runtime_name, const char *runtime_version, const char *runtime_vendor,
    const char *os_name, const char *os_version, const char *os_arch, const char *client_app_name,
    const char *locale_name, const char *char_set_encoding, const char *process_name) {
    return STORE(config, OPTIONAL(config, system[0], driver_name, "driver_name"),
                 OPTIONAL(config, system[1], driver_version, "driver_version"),
                 OPTIONAL(config, system[2], runtime_name, "runtime_name"),
                 OPTIONAL(config, system[3], runtime_version, "runtime_version"),
                 OPTIONAL(config, system[4], runtime_vendor, "runtime_vendor"),
                 OPTIONAL(config, system[5], os_name, "os_name"),
                 OPTIONAL(config, system[6], os_version, "os_version"),
                 OPTIONAL(config, system[7], os_arch, "os_arch"),
                 OPTIONAL(config, system[8], client_app_name, "client_app_name"),
                 OPTIONAL(config, system[9], locale_name, "locale_name"),
                 OPTIONAL(config, system[10], char_set_encoding, "char_set_encoding"),
                 OPTIONAL(config, system[11], process_name, "process_name"));
}

/* ---- proxy and TLS ---- */

KernelStatusCode kernel_session_config_set_proxy(KernelSessionConfig *config, const char *url,
                                                 const char *username, const char *password,
                                                 const char *bypass_hosts) {
    return STORE(config, SECRET(config, proxy_url, url, "proxy url"),
                 OPTIONAL(config, proxy_user, username, "proxy username"),
                 OPT_SECRET(config, proxy_password, password, "proxy password"),
                 OPTIONAL(config, proxy_bypass, bypass_hosts, "proxy bypass_hosts"));
}

KernelStatusCode kernel_session_config_set_tls_trusted_certs(KernelSessionConfig *config,
                                                             const uint8_t *pem, size_t len) {
    dbk_error *err = dbk_abi_begin();
    if (!config_ok(config)) {
        return KernelStatusCode_InvalidArgument;
    }
    if (pem == NULL) {
        return dbk_abi_refuse("trusted certs pem must not be null");
    }
    dbk_buf_clear(&config->config.ca_pem);
    return dbk_abi_end(dbk_buf_append(&config->config.ca_pem, pem, len, err));
}

KernelStatusCode kernel_session_config_set_tls_allow_self_signed(KernelSessionConfig *config,
                                                                 bool allow) {
    (void)dbk_abi_begin();
    if (!config_ok(config)) {
        return KernelStatusCode_InvalidArgument;
    }
    config->config.tls_skip_verify = allow;
    return KernelStatusCode_Success;
}

KernelStatusCode
kernel_session_config_set_tls_skip_hostname_verification(KernelSessionConfig *config, bool skip) {
    (void)dbk_abi_begin();
    if (!config_ok(config)) {
        return KernelStatusCode_InvalidArgument;
    }
    config->config.tls_skip_hostname = skip;
    return KernelStatusCode_Success;
}

KernelStatusCode kernel_session_config_set_tls_client_certificate(KernelSessionConfig *config,
                                                                  const uint8_t *cert_pem,
                                                                  size_t cert_len,
                                                                  const uint8_t *key_pem,
                                                                  size_t key_len) {
    dbk_status st = DBK_OK;
    dbk_error *err = dbk_abi_begin();
    if (!config_ok(config)) {
        return KernelStatusCode_InvalidArgument;
    }
    if (cert_pem == NULL || cert_len == 0) {
        return dbk_abi_refuse("mTLS client cert must be a non-empty PEM buffer");
    }
    if (key_pem == NULL || key_len == 0) {
        return dbk_abi_refuse("mTLS client key must be a non-empty PEM buffer");
    }
    dbk_buf_clear(&config->config.client_cert_pem);
    DBK_TRY(dbk_buf_append(&config->config.client_cert_pem, cert_pem, cert_len, err));
    DBK_TRY(dbk_secret_set(&config->config.client_key_pem, dbk_slice_n(key_pem, key_len), err));
done:
    return dbk_abi_end(st);
}
