#include "module.h"

#include <stdio.h>

/* ConnectionOptions: read as a whole first (wrong types throw), then told to the library (what it refuses
 * becomes a rejection). X(field, kind) in the order of the contract. */
#define CONNECTION_OPTIONS(X)                   \
    X(hostName, TEXT)                           \
    X(httpPath, TEXT)                           \
    X(authMode, AUTH_MODE)                      \
    X(token, TEXT)                              \
    X(oauthClientId, TEXT)                      \
    X(oauthClientSecret, TEXT)                  \
    X(oauthRedirectPort, PORT)                  \
    X(oauthScopes, STRINGS)                     \
    X(tokenUrl, TEXT)                           \
    X(tokenCacheEnabled, BOOL)                  \
    X(tokenCachePassphrase, TEXT)               \
    X(jwtKeyFile, TEXT)                         \
    X(jwtKid, TEXT)                             \
    X(jwtPassphrase, TEXT)                      \
    X(jwtAlgorithm, TEXT)                       \
    X(identityFederationClientId, TEXT)         \
    X(azureClientId, TEXT)                      \
    X(azureClientSecret, TEXT)                  \
    X(azureTenantId, TEXT)                      \
    X(azureWorkspaceResourceId, TEXT)           \
    X(catalog, TEXT)                            \
    X(schema, TEXT)                             \
    X(sessionConf, CONF)                        \
    X(driverName, TEXT)                         \
    X(driverVersion, TEXT)                      \
    X(runtimeName, TEXT)                        \
    X(runtimeVersion, TEXT)                     \
    X(runtimeVendor, TEXT)                      \
    X(osName, TEXT)                             \
    X(osVersion, TEXT)                          \
    X(osArch, TEXT)                             \
    X(clientAppName, TEXT)                      \
    X(localeName, TEXT)                         \
    X(charSetEncoding, TEXT)                    \
    X(processName, TEXT)                        \
    X(maxConnections, NUMBER)                   \
    X(intervalsAsString, BOOL)                  \
    X(complexTypesAsJson, BOOL)                 \
    X(checkServerCertificate, BOOL)             \
    X(checkServerCertificateHostname, BOOL)     \
    X(customCaCert, BYTES)                      \
    X(clientCertPem, BYTES)                     \
    X(clientKeyPem, BYTES)                      \
    X(customHeaders, HEADERS)                   \
    X(retryMinWaitSecs, NUMBER)                 \
    X(retryMaxWaitSecs, NUMBER)                 \
    X(retryMaxAttempts, NUMBER)                 \
    X(retryOverallTimeoutSecs, NUMBER)          \
    X(telemetryEnabled, BOOL)                   \
    X(telemetryBatchSize, NUMBER)               \
    X(telemetryFlushIntervalMs, NUMBER)         \
    X(telemetryMaxRetries, NUMBER)              \
    X(telemetryRetryDelayMs, NUMBER)            \
    X(telemetryCloseFlushTimeoutMs, NUMBER)     \
    X(telemetryCircuitBreakerEnabled, BOOL)     \
    X(telemetryCircuitBreakerThreshold, NUMBER) \
    X(telemetryCircuitBreakerTimeoutMs, NUMBER) \
    X(proxy, PROXY)                             \
    X(socketTimeoutMs, NUMBER)

typedef enum kind {
    KIND_TEXT,
    KIND_NUMBER,
    KIND_PORT,
    KIND_BOOL,
    KIND_BYTES,
    KIND_STRINGS,
    KIND_CONF,
    KIND_HEADERS,
    KIND_AUTH_MODE,
    KIND_PROXY
} kind;

enum {
#define AS_ENUM(name, kind) OPT_##name,
    CONNECTION_OPTIONS(AS_ENUM)
#undef AS_ENUM
        OPT_COUNT
};

static const struct {
    const char *name;
    const char *owner; /* the end of messages about it */
    kind kind;
} fields[OPT_COUNT] = {
#define AS_FIELD(name, kind) {#name, " on ConnectionOptions." #name, KIND_##kind},
    CONNECTION_OPTIONS(AS_FIELD)
#undef AS_FIELD
};

typedef struct pair {
    char *name, *value;
} pair;

typedef struct reader {
    napi_env env;
    KernelSessionConfig *config;
    const char *refusal; /* of our own; else the library's last error */
    bool given[OPT_COUNT];
    char *texts[OPT_COUNT];
    uint32_t numbers[OPT_COUNT]; /* and truths */
    struct {
        const uint8_t *data; /* JavaScript's, for the call */
        size_t len;
    } bytes[OPT_COUNT];
    char **scopes;
    size_t scope_count;
    pair *confs, *headers;
    uint32_t conf_count, header_count;
    char *proxy[4]; /* url, username, password, bypassHosts */
} reader;

/* ---- reading: false has thrown ---- */

static bool read_number(const reader *r, napi_value v, int opt, uint32_t *out) {
    if (napi_get_value_uint32(r->env, v, out) == napi_ok) {
        return true;
    }
    static const char *const words[] = {"Undefined", "Null",   "Boolean",  "Number",   "String",
                                        "Symbol",    "Object", "Function", "External", "BigInt"};
    napi_valuetype type = napi_undefined;
    (void)napi_typeof(r->env, v, &type);
    throw_error(r->env, "NumberExpected", "Failed to convert napi value %s into rust type `u32`%s",
                words[type], fields[opt].owner);
    return false;
}

static bool read_port(const reader *r, napi_value v, int opt, uint32_t *out) {
    if (!read_number(r, v, opt, out)) {
        return false;
    }
    if (*out > UINT16_MAX) {
        throw_error(r->env, "GenericFailure", "Failed to convert u32 to u16%s", fields[opt].owner);
        return false;
    }
    return true;
}

static bool read_bool(const reader *r, napi_value v, int opt, uint32_t *out) {
    bool truth = false;
    if (napi_get_value_bool(r->env, v, &truth) != napi_ok) {
        throw_error(r->env, "BooleanExpected",
                    "Failed to convert napi value into rust type `bool`%s", fields[opt].owner);
        return false;
    }
    *out = truth;
    return true;
}

static bool read_bytes(reader *r, napi_value v, int opt) {
    bool is_buffer = false;
    void *data = NULL;
    size_t len = 0;
    (void)napi_is_buffer(r->env, v, &is_buffer); /* Uint8Array too */
    if (!is_buffer || napi_get_buffer_info(r->env, v, &data, &len) != napi_ok) {
        throw_error(r->env, "InvalidArg", "Failed to create reference from Buffer%s",
                    fields[opt].owner);
        return false;
    }
    r->bytes[opt].data = data != NULL ? data : (const uint8_t *)"";
    r->bytes[opt].len = len;
    return true;
}

static bool read_auth_mode(reader *r, napi_value v, int opt) {
    static const char *const modes[] = {"Pat", "OAuthM2m", "OAuthM2mJwt", "OAuthU2m", "AzureSpM2m"};
    if (!read_text(r->env, v, fields[opt].owner, &r->texts[opt], NULL)) {
        return false;
    }
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        if (strcmp(r->texts[opt], modes[i]) == 0) {
            r->numbers[opt] = (uint32_t)i;
            return true;
        }
    }
    throw_error(r->env, "InvalidArg",
                "value `\"%s\"` does not match any variant of enum `AuthMode`%s", r->texts[opt],
                fields[opt].owner);
    return false;
}

static bool read_conf(reader *r, napi_value v, int opt) {
    napi_value keys = NULL;
    uint32_t count = 0;
    if (!read_keys(r->env, v, fields[opt].owner, &keys, &count)) {
        return false;
    }
    r->confs = calloc(count + 1, sizeof *r->confs);
    for (uint32_t i = 0; r->confs != NULL && i < count; i++) {
        napi_value key = NULL;
        napi_value value = NULL;
        r->conf_count = i + 1;
        if (!get_element(r->env, keys, i, &key) ||
            napi_get_property(r->env, v, key, &value) != napi_ok ||
            !read_text(r->env, key, fields[opt].owner, &r->confs[i].name, NULL) ||
            !read_text(r->env, value, fields[opt].owner, &r->confs[i].value, NULL)) {
            return false;
        }
    }
    return r->confs != NULL;
}

static bool read_headers(reader *r, napi_value v, int opt) {
    uint32_t count = 0;
    if (napi_get_array_length(r->env, v, &count) != napi_ok) {
        throw_error(r->env, "ArrayExpected", "Failed to get Array length%s", fields[opt].owner);
        return false;
    }
    r->headers = calloc(count + 1, sizeof *r->headers);
    for (uint32_t i = 0; r->headers != NULL && i < count; i++) {
        napi_value item = NULL;
        napi_value name = NULL;
        napi_value value = NULL;
        r->header_count = i + 1;
        if (!get_element(r->env, v, i, &item) ||
            !get_required(r->env, item, "name", fields[opt].owner, &name) ||
            !get_required(r->env, item, "value", fields[opt].owner, &value) ||
            !read_text(r->env, name, " on HeaderEntry.name", &r->headers[i].name, NULL) ||
            !read_text(r->env, value, " on HeaderEntry.value", &r->headers[i].value, NULL)) {
            return false;
        }
    }
    return r->headers != NULL;
}

static bool read_proxy(reader *r, napi_value v, int opt) {
    static const char *const names[] = {"url", "username", "password", "bypassHosts"};
    for (size_t i = 0; i < 4; i++) {
        napi_value field = NULL;
        char owner[64];
        (void)snprintf(owner, sizeof owner, " on ProxyInput.%s", names[i]);
        bool got = i == 0 ? get_required(r->env, v, names[i], fields[opt].owner, &field)
                          : get_field(r->env, v, names[i], &field);
        if (!got || !(i == 0 ? read_text(r->env, field, owner, &r->proxy[i], NULL)
                             : read_optional_text(r->env, field, owner, &r->proxy[i], NULL))) {
            return false;
        }
    }
    return true;
}

static bool read_value(reader *r, napi_value v, int opt) {
    switch (fields[opt].kind) {
    case KIND_TEXT:
        return read_text(r->env, v, fields[opt].owner, &r->texts[opt], NULL);
    case KIND_NUMBER:
        return read_number(r, v, opt, &r->numbers[opt]);
    case KIND_PORT:
        return read_port(r, v, opt, &r->numbers[opt]);
    case KIND_BOOL:
        return read_bool(r, v, opt, &r->numbers[opt]);
    case KIND_BYTES:
        return read_bytes(r, v, opt);
    case KIND_STRINGS:
        return read_strings(r->env, v, fields[opt].owner, &r->scopes, &r->scope_count);
    case KIND_CONF:
        return read_conf(r, v, opt);
    case KIND_HEADERS:
        return read_headers(r, v, opt);
    case KIND_AUTH_MODE:
        return read_auth_mode(r, v, opt);
    case KIND_PROXY:
        break;
    }
    return read_proxy(r, v, opt);
}

static bool read_all(reader *r, napi_value options) {
    if (is_absent(r->env, options)) {
        (void)napi_throw_type_error(r->env, NULL, "Cannot convert undefined or null to object");
        return false;
    }
    for (int i = 0; i < OPT_COUNT; i++) {
        napi_value v = NULL;
        bool required = i == OPT_hostName || i == OPT_httpPath;
        if (!(required ? get_required(r->env, options, fields[i].name, "", &v)
                       : get_field(r->env, options, fields[i].name, &v))) {
            return false;
        }
        r->given[i] = required || !is_absent(r->env, v);
        if (r->given[i] && !read_value(r, v, i)) {
            return false;
        }
    }
    return true;
}

/* ---- telling the library: false is a refusal ---- */

static bool told(KernelStatusCode status) {
    return status == KernelStatusCode_Success;
}

static const char *text_of(const reader *r, int opt) {
    return r->texts[opt];
}

static const char *or_empty(const reader *r, int opt) { /* an empty one is judged by the library */
    return r->texts[opt] != NULL ? r->texts[opt] : "";
}

static uint32_t number_or(const reader *r, int opt, uint32_t absent) {
    return r->given[opt] ? r->numbers[opt] : absent;
}

static bool joined_scopes(const reader *r, text *out) {
    for (size_t i = 0; i < r->scope_count; i++) {
        text_puts(out, i > 0 ? "," : "");
        text_puts(out, r->scopes[i]);
    }
    return !out->failed;
}

static bool apply_auth(const reader *r) {
    switch (r->numbers[OPT_authMode]) {
    case 1:
        return told(kernel_session_config_set_auth_m2m(r->config, or_empty(r, OPT_oauthClientId),
                                                       or_empty(r, OPT_oauthClientSecret)));
    case 2:
        return told(kernel_session_config_set_auth_m2m_jwt(
            r->config, or_empty(r, OPT_oauthClientId), or_empty(r, OPT_jwtKeyFile),
            or_empty(r, OPT_jwtKid), text_of(r, OPT_jwtPassphrase), text_of(r, OPT_jwtAlgorithm),
            NULL, NULL));
    case 3:
        return told(kernel_session_config_set_auth_u2m(r->config, text_of(r, OPT_oauthClientId),
                                                       (uint16_t)r->numbers[OPT_oauthRedirectPort],
                                                       NULL)) &&
               told(kernel_session_config_set_u2m_token_cache_config(
                   r->config,
                   number_or(r, OPT_tokenCacheEnabled, 1) != 0 ||
                       r->given[OPT_tokenCachePassphrase],
                   text_of(r, OPT_tokenCachePassphrase)));
    case 4:
        return told(kernel_session_config_set_auth_azure_sp(
            r->config, or_empty(r, OPT_azureClientId), or_empty(r, OPT_azureClientSecret),
            text_of(r, OPT_azureTenantId), text_of(r, OPT_azureWorkspaceResourceId)));
    default:
        return told(kernel_session_config_set_auth_pat(r->config, or_empty(r, OPT_token)));
    }
}

static bool apply_tokens(const reader *r) {
    text scopes = {0};
    bool fine = joined_scopes(r, &scopes);
    if (fine && scopes.len > 0) {
        fine = told(kernel_session_config_set_oauth_scopes(r->config, scopes.ptr));
    }
    text_reset(&scopes);
    if (fine && r->given[OPT_tokenUrl]) {
        fine = told(
            kernel_session_config_set_oauth_token_endpoint(r->config, text_of(r, OPT_tokenUrl)));
    }
    if (fine && r->given[OPT_identityFederationClientId]) {
        fine = told(kernel_session_config_set_identity_federation_client_id(
            r->config, text_of(r, OPT_identityFederationClientId)));
    }
    return fine;
}

static bool apply_target(const reader *r) {
    if (!told(kernel_session_config_set_http_path(r->config, text_of(r, OPT_hostName),
                                                  text_of(r, OPT_httpPath))) ||
        !told(dbk_session_config_set_namespace(r->config, text_of(r, OPT_catalog),
                                               text_of(r, OPT_schema)))) {
        return false;
    }
    for (uint32_t i = 0; i < r->conf_count; i++) {
        if (!told(kernel_session_config_set_session_conf(r->config, r->confs[i].name,
                                                         r->confs[i].value))) {
            return false;
        }
    }
    return true;
}

static bool apply_network(const reader *r) {
    for (uint32_t i = 0; i < r->header_count; i++) {
        if (!told(kernel_session_config_set_custom_header(r->config, r->headers[i].name,
                                                          r->headers[i].value))) {
            return false;
        }
    }
    uint64_t min_ms = (uint64_t)number_or(r, OPT_retryMinWaitSecs, 1) * 1000;
    uint32_t attempts = number_or(r, OPT_retryMaxAttempts, 6);
    return told(kernel_session_config_set_request_timeout(r->config,
                                                          r->numbers[OPT_socketTimeoutMs])) &&
           told(kernel_session_config_set_max_connections(r->config,
                                                          r->numbers[OPT_maxConnections])) &&
           told(kernel_session_config_set_retry_config(
               r->config, min_ms == 0 ? 1 : min_ms,
               (uint64_t)number_or(r, OPT_retryMaxWaitSecs, 60) * 1000,
               attempts > 0 ? attempts - 1 : 0,
               (uint64_t)number_or(r, OPT_retryOverallTimeoutSecs, 900) * 1000)) &&
           (r->proxy[0] == NULL ||
            told(kernel_session_config_set_proxy(r->config, r->proxy[0], r->proxy[1], r->proxy[2],
                                                 r->proxy[3])));
}

static bool apply_tls(reader *r) {
    if (!told(kernel_session_config_set_tls_allow_self_signed(
            r->config, number_or(r, OPT_checkServerCertificate, 1) == 0)) ||
        !told(kernel_session_config_set_tls_skip_hostname_verification(
            r->config, number_or(r, OPT_checkServerCertificateHostname, 1) == 0)) ||
        (r->given[OPT_customCaCert] &&
         !told(kernel_session_config_set_tls_trusted_certs(
             r->config, r->bytes[OPT_customCaCert].data, r->bytes[OPT_customCaCert].len)))) {
        return false;
    }
    if (r->given[OPT_clientCertPem] != r->given[OPT_clientKeyPem]) {
        r->refusal = r->given[OPT_clientCertPem]
                         ? "Failed to construct HTTP client: InvalidArgument: "
                           "TlsConfig.client_cert_pem is set without client_key_pem; mTLS requires "
                           "both the client certificate and its private key"
                         : "Failed to construct HTTP client: InvalidArgument: "
                           "TlsConfig.client_key_pem is set without client_cert_pem; mTLS requires "
                           "both the client certificate and its private key";
        return false;
    }
    return !r->given[OPT_clientCertPem] ||
           told(kernel_session_config_set_tls_client_certificate(
               r->config, r->bytes[OPT_clientCertPem].data, r->bytes[OPT_clientCertPem].len,
               r->bytes[OPT_clientKeyPem].data, r->bytes[OPT_clientKeyPem].len));
}

static bool apply_conversions(const reader *r) {
    return told(kernel_session_config_set_client_conf(
               r->config, "intervals_as_string",
               r->numbers[OPT_intervalsAsString] != 0 ? "true" : "false")) &&
           told(kernel_session_config_set_client_conf(
               r->config, "complex_types_as_json",
               r->numbers[OPT_complexTypesAsJson] != 0 ? "true" : "false"));
}

static bool check_telemetry(reader *r) {
    static const struct {
        int opt;
        const char *refusal;
    } positive[] = {
        {OPT_telemetryBatchSize, "telemetryBatchSize must be > 0"},
        {OPT_telemetryFlushIntervalMs, "telemetryFlushIntervalMs must be > 0"},
        {OPT_telemetryCloseFlushTimeoutMs, "telemetryCloseFlushTimeoutMs must be > 0"},
        {OPT_telemetryCircuitBreakerThreshold,
         "telemetryCircuitBreakerThreshold must be > 0 when enabled"},
        {OPT_telemetryCircuitBreakerTimeoutMs,
         "telemetryCircuitBreakerTimeoutMs must be > 0 when enabled"},
    };
    bool breaker = number_or(r, OPT_telemetryCircuitBreakerEnabled, 1) != 0;
    for (size_t i = 0; i < (breaker ? 5 : 3); i++) {
        if (number_or(r, positive[i].opt, 1) == 0) {
            r->refusal = positive[i].refusal;
            return false;
        }
    }
    return true;
}

/* The defaults of c-abi.md 4.2 stand where nothing is given. */
static bool apply_telemetry(reader *r) {
    const char *system[12];
    for (int i = 0; i < 12; i++) {
        system[i] = r->texts[OPT_driverName + i];
    }
    return check_telemetry(r) &&
           told(kernel_session_config_set_telemetry_config(
               r->config, r->numbers[OPT_telemetryEnabled] != 0,
               number_or(r, OPT_telemetryBatchSize, 100),
               number_or(r, OPT_telemetryFlushIntervalMs, 5000),
               number_or(r, OPT_telemetryMaxRetries, 3),
               number_or(r, OPT_telemetryRetryDelayMs, 100),
               number_or(r, OPT_telemetryCloseFlushTimeoutMs, 5000))) &&
           told(kernel_session_config_set_telemetry_circuit_breaker_config(
               r->config, number_or(r, OPT_telemetryCircuitBreakerEnabled, 1) != 0,
               number_or(r, OPT_telemetryCircuitBreakerThreshold, 5),
               number_or(r, OPT_telemetryCircuitBreakerTimeoutMs, 60000))) &&
           told(kernel_session_config_set_driver_system_configuration(
               r->config, system[0], system[1], system[2], system[3], system[4], system[5],
               system[6], system[7], system[8], system[9], system[10], system[11]));
}

static void free_pairs(pair *pairs, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        free(pairs[i].name);
        free(pairs[i].value);
    }
    free(pairs);
}

static void free_reader(reader *r) {
    for (int i = 0; i < OPT_COUNT; i++) {
        if (r->texts[i] != NULL) {
            explicit_bzero(r->texts[i],
                           strlen(r->texts[i])); /* tokens and secrets are among them */
            free(r->texts[i]);
        }
    }
    for (int i = 0; i < 4; i++) {
        free(r->proxy[i]);
    }
    free_strings(r->scopes, r->scope_count);
    free_pairs(r->confs, r->conf_count);
    free_pairs(r->headers, r->header_count);
}

bool options_read(const call *c, napi_value options, KernelSessionConfig **out,
                  napi_value *refusal) {
    reader r = {.env = c->env};
    bool read = read_all(&r, options);
    *out = NULL;
    *refusal = NULL;
    if (read) {
        bool fine = told(kernel_session_config_new(&r.config)) && apply_target(&r) &&
                    apply_auth(&r) && apply_tokens(&r) && apply_network(&r) && apply_tls(&r) &&
                    apply_conversions(&r) && apply_telemetry(&r);
        if (fine) {
            *out = r.config;
        } else {
            bool tls = r.refusal != NULL && strncmp(r.refusal, "Failed", 6) == 0;
            *refusal =
                r.refusal == NULL
                    ? error_of_last(c->env)
                    : error_of_text(c->env, tls ? "NetworkError" : "InvalidArgument", r.refusal);
            kernel_session_config_free(r.config);
        }
    }
    free_reader(&r);
    return read;
}
