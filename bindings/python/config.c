#include "module.h"

#include <math.h>
#include <stdlib.h>

/* The arguments of Session(...): the contract's (python-module.md 1.2), those of the published wheels up
 * to 1.3.0, and ours. X(name, default as it is shown) */
#define SESSION_ARGS(X)                            \
    X(auth_type, "None")                           \
    X(access_token, "None")                        \
    X(token_provider, "None")                      \
    X(client_id, "None")                           \
    X(client_secret, "None")                       \
    X(oauth_scopes, "None")                        \
    X(token_url, "None")                           \
    X(redirect_ports, "None")                      \
    X(redirect_port, "None")                       \
    X(oauth_callback_timeout_secs, "None")         \
    X(jwt_key_file, "None")                        \
    X(jwt_kid, "None")                             \
    X(jwt_passphrase, "None")                      \
    X(jwt_algorithm, "None")                       \
    X(identity_federation_client_id, "None")       \
    X(azure_client_id, "None")                     \
    X(azure_client_secret, "None")                 \
    X(azure_tenant_id, "None")                     \
    X(azure_workspace_resource_id, "None")         \
    X(token_cache_enabled, "None")                 \
    X(token_cache_passphrase, "None")              \
    X(tls_ca_cert, "None")                         \
    X(tls_skip_verify, "False")                    \
    X(tls_skip_hostname_verify, "False")           \
    X(tls_client_cert, "None")                     \
    X(tls_client_key, "None")                      \
    X(tls_client_key_password, "None")             \
    X(proxy, "None")                               \
    X(proxy_username, "None")                      \
    X(proxy_password, "None")                      \
    X(proxy_bypass, "None")                        \
    X(sea_response_compression_enabled, "False")   \
    X(request_timeout_secs, "None")                \
    X(max_connections, "None")                     \
    X(memory_budget_bytes, "None")                 \
    X(retry_min_wait_secs, "None")                 \
    X(retry_max_wait_secs, "None")                 \
    X(retry_max_attempts, "None")                  \
    X(retry_overall_timeout_secs, "None")          \
    X(http_headers, "None")                        \
    X(catalog, "None")                             \
    X(schema, "None")                              \
    X(session_conf, "None")                        \
    X(enable_geospatial_support, "True")           \
    X(driver_name, "None")                         \
    X(driver_version, "None")                      \
    X(runtime_name, "None")                        \
    X(runtime_version, "None")                     \
    X(runtime_vendor, "None")                      \
    X(os_name, "None")                             \
    X(os_version, "None")                          \
    X(os_arch, "None")                             \
    X(client_app_name, "None")                     \
    X(locale_name, "None")                         \
    X(char_set_encoding, "None")                   \
    X(process_name, "None")                        \
    X(complex_types_as_json, "False")              \
    X(intervals_as_string, "False")                \
    X(telemetry_enabled, "None")                   \
    X(telemetry_batch_size, "None")                \
    X(telemetry_flush_interval_ms, "None")         \
    X(telemetry_max_retries, "None")               \
    X(telemetry_retry_delay_ms, "None")            \
    X(telemetry_close_flush_timeout_ms, "None")    \
    X(telemetry_circuit_breaker_enabled, "None")   \
    X(telemetry_circuit_breaker_threshold, "None") \
    X(telemetry_circuit_breaker_timeout_ms, "None")

enum {
    ARG_host,
    ARG_http_path,
#define SESSION_ENUM(name, shown) ARG_##name,
    SESSION_ARGS(SESSION_ENUM)
#undef SESSION_ENUM
        ARG_COUNT
};

static const char *const names[ARG_COUNT] = {"host", "http_path",
#define SESSION_NAME(name, shown) #name,
                                             SESSION_ARGS(SESSION_NAME)
#undef SESSION_NAME
};

#define SESSION_SIGNATURE(name, shown) ", " #name "=" shown
char session_doc[] = "Session(host, http_path, *" SESSION_ARGS(
    SESSION_SIGNATURE) ")\n--\n\n"
                       "Opens a session on a SQL warehouse; blocks without the GIL, Ctrl-C gives "
                       "up.\n\n"
                       "host: 'name', 'name:port' or a URL; without a scheme it is https\n"
                       "http_path: '/sql/1.0/warehouses/{id}', optionally with '?o={workspace}'\n"
                       "auth_type: 'pat' (when access_token is given), 'oauth-m2m', "
                       "'oauth-m2m-jwt', 'oauth-u2m'\n"
                       "    ('azure-oauth' is the same), 'azure-sp-m2m'\n"
                       "token_provider: called without arguments, gives a token or (token, seconds "
                       "since 1970 at which\n"
                       "    it ends); called from another thread when the session needs a new "
                       "one\n"
                       "session_conf: dict of str to str, sent to the server as it is\n"
                       "http_headers: list of (name, value), sent with every request to the "
                       "workspace\n"
                       "tls_ca_cert, tls_client_cert, tls_client_key: bytes, PEM; "
                       "tls_client_key_password: str\n"
                       "proxy: 'http://host:port' and the like; without it HTTPS_PROXY, HTTP_PROXY "
                       "and NO_PROXY count;\n"
                       "    proxy_bypass: host names that are asked directly, separated by commas\n"
                       "request_timeout_secs: float, seconds for one HTTP request, None or 0: 120\n"
                       "memory_budget_bytes: rows that each result holds before they are "
                       "read, None or 0: 48 MiB\n"
                       "retry_*: seconds (1, 60, 900 in all) and the number of attempts (6)\n"
                       "complex_types_as_json, intervals_as_string: such columns come as text\n"
                       "None is always 'not given'. sea_response_compression_enabled, "
                       "enable_geospatial_support and\n"
                       "oauth_callback_timeout_secs are taken and change nothing.\n\n"
                       "KernelError: InvalidArgument, Unauthenticated, PermissionDenied, "
                       "NetworkError, Timeout, ...\n"
                       "TypeError: an unknown keyword, or an argument of a wrong type.";

typedef struct reader { /* the arguments, and the configuration that is made of them */
    PyObject *given[ARG_COUNT];
    KernelSessionConfig *config;
} reader;

static bool is_given(const reader *r, int arg) {
    return r->given[arg] != NULL && r->given[arg] != Py_None;
}

static int told(KernelStatusCode status) {
    if (status == KernelStatusCode_Success) {
        return 0;
    }
    PyObject *error = error_of_last();
    if (error != NULL) {
        PyErr_SetObject(kernel_error_type, error);
        Py_DECREF(error);
    }
    return -1;
}

/* ---- readers of one argument; -1: raised; nothing is written when it is not given ---- */

static int read_text(const reader *r, int arg, const char **out) {
    return args_text(r->given[arg], names[arg], true, out);
}

static int read_texts(const reader *r, const int *args, size_t count, const char **out) {
    for (size_t i = 0; i < count; i++) {
        if (read_text(r, args[i], &out[i]) < 0) {
            return -1;
        }
    }
    return 0;
}

static int read_bool(const reader *r, int arg, bool *out) {
    if (!is_given(r, arg)) {
        return 0;
    }
    int truth = PyObject_IsTrue(r->given[arg]);
    *out = truth == 1;
    return truth < 0 ? -1 : 0;
}

static int read_count(const reader *r, int arg, uint64_t max, uint64_t *out) {
    if (!is_given(r, arg)) {
        return 0;
    }
    unsigned long long v =
        PyLong_AsUnsignedLongLong(r->given[arg]); /* int only; no negative ones */
    if (v == (unsigned long long)-1 && PyErr_Occurred() != NULL) {
        if (PyErr_ExceptionMatches(PyExc_OverflowError)) {
            PyErr_Clear();
            (void)raise_error("InvalidArgument", "%s must be >= 0 and not that large", names[arg]);
        }
        return -1;
    }
    if (v > max) {
        (void)raise_error("InvalidArgument", "%s is too large", names[arg]);
        return -1;
    }
    *out = v;
    return 0;
}

static int read_seconds(const reader *r, int arg, uint64_t *out_ms) {
    if (!is_given(r, arg)) {
        return 0;
    }
    double seconds = PyFloat_AsDouble(r->given[arg]);
    if (PyErr_Occurred() != NULL) {
        return -1;
    }
    if (!isfinite(seconds) || seconds < 0 || seconds > 1e12) {
        (void)raise_error("InvalidArgument", "%s must be finite and >= 0", names[arg]);
        return -1;
    }
    *out_ms = (uint64_t)ceil(seconds * 1000);
    return 0;
}

/* bytes, or anything that bytes() copies. Free *held. */
static int read_bytes(const reader *r, int arg, PyObject **held, const uint8_t **out, size_t *len) {
    char *data = NULL;
    Py_ssize_t size = 0;
    if (!is_given(r, arg)) {
        return 0;
    }
    if (PyUnicode_Check(r->given[arg]) || PyLong_Check(r->given[arg])) {
        PyErr_Format(PyExc_TypeError, "%s must be bytes, not %R", names[arg],
                     Py_TYPE(r->given[arg]));
        return -1;
    }
    *held = PyBytes_FromObject(r->given[arg]);
    if (*held == NULL || PyBytes_AsStringAndSize(*held, &data, &size) < 0) {
        return -1;
    }
    *out = (const uint8_t *)data;
    *len = (size_t)size;
    return 0;
}

/* ---- groups ---- */

static int set_target(const reader *r) {
    const char *host = NULL;
    const char *path = NULL;
    if (args_text(r->given[ARG_host], "host", false, &host) < 0 ||
        args_text(r->given[ARG_http_path], "http_path", false, &path) < 0) {
        return -1;
    }
    if (host[0] == '\0') {
        (void)raise_error("InvalidArgument", "host must not be empty");
        return -1;
    }
    return told(kernel_session_config_set_http_path(r->config, host, path));
}

static int set_namespace(const reader *r) {
    static const int args[] = {ARG_catalog, ARG_schema};
    const char *texts[2];
    if (read_texts(r, args, 2, texts) < 0) {
        return -1;
    }
    return told(dbk_session_config_set_namespace(r->config, texts[0], texts[1]));
}

static const char *or_empty(const char *text) { /* an empty one is judged by the library */
    return text != NULL ? text : "";
}

static int set_auth_pat(const reader *r) {
    const char *token = NULL;
    if (read_text(r, ARG_access_token, &token) < 0) {
        return -1;
    }
    return told(kernel_session_config_set_auth_pat(r->config, or_empty(token)));
}

static int set_auth_m2m(const reader *r) {
    static const int args[] = {ARG_client_id, ARG_client_secret, ARG_token_url};
    const char *t[3];
    if (read_texts(r, args, 3, t) < 0 ||
        told(kernel_session_config_set_auth_m2m(r->config, or_empty(t[0]), or_empty(t[1]))) < 0) {
        return -1;
    }
    return t[2] == NULL ? 0 : told(kernel_session_config_set_oauth_token_endpoint(r->config, t[2]));
}

static int set_auth_jwt(const reader *r) {
    static const int args[] = {ARG_client_id,      ARG_jwt_key_file,  ARG_jwt_kid,
                               ARG_jwt_passphrase, ARG_jwt_algorithm, ARG_token_url};
    const char *t[6];
    if (read_texts(r, args, 6, t) < 0) {
        return -1;
    }
    return told(kernel_session_config_set_auth_m2m_jwt(r->config, or_empty(t[0]), or_empty(t[1]),
                                                       or_empty(t[2]), t[3], t[4], NULL, t[5]));
}

/* The connector sends a list of ports or, before 4.4, one. The first one is used. */
static int read_port(const reader *r, uint64_t *port) {
    if (is_given(r, ARG_redirect_ports)) {
        PyObject *first = PySequence_GetItem(r->given[ARG_redirect_ports], 0);
        reader one = {.given = {[ARG_redirect_port] = first}};
        int failed = first == NULL ? -1 : read_count(&one, ARG_redirect_port, 65535, port);
        Py_XDECREF(first);
        return failed;
    }
    return read_count(r, ARG_redirect_port, 65535, port);
}

static int set_auth_u2m(const reader *r) {
    static const int args[] = {ARG_client_id, ARG_token_cache_passphrase};
    const char *t[2];
    uint64_t port = 0;
    bool cache = true;
    if (read_texts(r, args, 2, t) < 0 || read_port(r, &port) < 0 ||
        read_bool(r, ARG_token_cache_enabled, &cache) < 0 ||
        told(kernel_session_config_set_auth_u2m(r->config, t[0], (uint16_t)port, NULL)) < 0) {
        return -1;
    }
    return told(kernel_session_config_set_u2m_token_cache_config(r->config, cache, t[1]));
}

static int set_auth_azure(const reader *r) {
    static const int args[] = {ARG_azure_client_id, ARG_azure_client_secret, ARG_azure_tenant_id,
                               ARG_azure_workspace_resource_id};
    const char *t[4];
    if (read_texts(r, args, 4, t) < 0) {
        return -1;
    }
    return told(kernel_session_config_set_auth_azure_sp(r->config, or_empty(t[0]), or_empty(t[1]),
                                                        t[2], t[3]));
}

static int set_auth_provider(const reader *r) {
    if (is_given(r, ARG_auth_type) || is_given(r, ARG_access_token)) {
        (void)raise_error("InvalidArgument",
                          "token_provider takes the place of auth_type and access_token");
        return -1;
    }
    return token_set_provider(r->config, r->given[ARG_token_provider]);
}

static int set_auth_mode(const reader *r) {
    static const struct {
        const char *name;
        int (*set)(const reader *r);
    } modes[] = {{"pat", set_auth_pat},           {"oauth-m2m", set_auth_m2m},
                 {"oauth-m2m-jwt", set_auth_jwt}, {"oauth-u2m", set_auth_u2m},
                 {"azure-oauth", set_auth_u2m},   {"azure-sp-m2m", set_auth_azure}};
    const char *type = NULL;
    if (read_text(r, ARG_auth_type, &type) < 0) {
        return -1;
    }
    if (is_given(r, ARG_token_provider)) {
        return set_auth_provider(r);
    }
    if (type == NULL && is_given(r, ARG_access_token)) {
        type = "pat";
    }
    if (type == NULL) {
        (void)raise_error("InvalidArgument",
                          "Session requires auth: pass access_token (PAT) or set auth_type to "
                          "'oauth-m2m' / 'oauth-m2m-jwt' / 'oauth-u2m' with the matching "
                          "credentials");
        return -1;
    }
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        if (strcmp(type, modes[i].name) == 0) {
            return modes[i].set(r);
        }
    }
    (void)raise_error("InvalidArgument",
                      "unsupported auth_type \"%s\"; expected one of 'pat', 'oauth-m2m', "
                      "'oauth-m2m-jwt', 'oauth-u2m', 'azure-sp-m2m'",
                      type);
    return -1;
}

/* The texts of a list, joined by commas; *out stays NULL when it is not given. */
static int join_texts(const reader *r, int arg, PyObject **out) {
    if (!is_given(r, arg)) {
        return 0;
    }
    PyObject *comma = PyUnicode_FromString(",");
    *out = comma == NULL ? NULL : PyUnicode_Join(comma, r->given[arg]);
    Py_XDECREF(comma);
    return *out == NULL ? -1 : 0;
}

static int set_auth(const reader *r) {
    PyObject *joined = NULL;
    const char *federation = NULL;
    const char *scopes = NULL;
    if (set_auth_mode(r) < 0 || read_text(r, ARG_identity_federation_client_id, &federation) < 0 ||
        join_texts(r, ARG_oauth_scopes, &joined) < 0) {
        return -1;
    }
    int failed = args_text(joined, "oauth_scopes", true, &scopes);
    if (failed == 0 && scopes != NULL) {
        failed = told(kernel_session_config_set_oauth_scopes(r->config, scopes));
    }
    if (failed == 0 && federation != NULL) {
        failed =
            told(kernel_session_config_set_identity_federation_client_id(r->config, federation));
    }
    Py_XDECREF(joined);
    return failed;
}

static int set_confs(const reader *r) {
    Py_ssize_t at = 0;
    PyObject *key = NULL;
    PyObject *value = NULL;
    const char *texts[2];
    if (!is_given(r, ARG_session_conf)) {
        return 0;
    }
    if (!PyDict_Check(r->given[ARG_session_conf])) {
        PyErr_SetString(PyExc_TypeError, "session_conf must be a dict of str to str");
        return -1;
    }
    while (PyDict_Next(r->given[ARG_session_conf], &at, &key, &value)) {
        if (args_text(key, "a key of session_conf", false, &texts[0]) < 0 ||
            args_text(value, "a value of session_conf", false, &texts[1]) < 0 ||
            told(kernel_session_config_set_session_conf(r->config, texts[0], texts[1])) < 0) {
            return -1;
        }
    }
    return 0;
}

static int set_header(const reader *r, PyObject *pair) {
    const char *texts[2];
    if (!PyTuple_Check(pair) && !PyList_Check(pair)) {
        PyErr_SetString(PyExc_TypeError, "http_headers must be a list of (name, value)");
        return -1;
    }
    PyObject *tuple = PySequence_Tuple(pair);
    int failed = -1;
    if (tuple != NULL && PyTuple_Size(tuple) != 2) {
        PyErr_Format(PyExc_ValueError,
                     "http_headers must be a list of (name, value): one has %zd elements",
                     PyTuple_Size(tuple));
    } else if (tuple != NULL &&
               args_text(PyTuple_GetItem(tuple, 0), "a header name", false, &texts[0]) == 0 &&
               args_text(PyTuple_GetItem(tuple, 1), "a header value", false, &texts[1]) == 0) {
        failed = told(kernel_session_config_set_custom_header(r->config, texts[0], texts[1]));
    }
    Py_XDECREF(tuple);
    return failed;
}

static int set_headers(const reader *r) {
    PyObject *item = NULL;
    int failed = 0;
    if (!is_given(r, ARG_http_headers)) {
        return 0;
    }
    PyObject *items = PyObject_GetIter(r->given[ARG_http_headers]);
    if (items == NULL) {
        return -1;
    }
    while (failed == 0 && (item = PyIter_Next(items)) != NULL) {
        failed = set_header(r, item);
        Py_DECREF(item);
    }
    Py_DECREF(items);
    return failed < 0 || PyErr_Occurred() != NULL ? -1 : 0;
}

static int set_network(const reader *r) {
    static const int proxy_args[] = {ARG_proxy, ARG_proxy_username, ARG_proxy_password,
                                     ARG_proxy_bypass};
    const char *proxy[4];
    uint64_t timeout_ms = 0;
    uint64_t connections = 0;
    uint64_t budget = 0;
    if (read_seconds(r, ARG_request_timeout_secs, &timeout_ms) < 0 ||
        read_count(r, ARG_max_connections, SIZE_MAX, &connections) < 0 ||
        read_count(r, ARG_memory_budget_bytes, SIZE_MAX, &budget) < 0 ||
        read_texts(r, proxy_args, 4, proxy) < 0 ||
        told(dbk_session_config_set_memory_budget(r->config, (size_t)budget)) < 0 ||
        told(kernel_session_config_set_request_timeout(r->config, timeout_ms)) < 0 ||
        told(kernel_session_config_set_max_connections(r->config, (size_t)connections)) < 0) {
        return -1;
    }
    return proxy[0] == NULL ? 0
                            : told(kernel_session_config_set_proxy(r->config, proxy[0], proxy[1],
                                                                   proxy[2], proxy[3]));
}

static int set_retries(const reader *r) {
    uint64_t min_ms = 1000;
    uint64_t max_ms = 60000;
    uint64_t attempts = 6;
    uint64_t overall_ms = 900000;
    if (read_seconds(r, ARG_retry_min_wait_secs, &min_ms) < 0 ||
        read_seconds(r, ARG_retry_max_wait_secs, &max_ms) < 0 ||
        read_count(r, ARG_retry_max_attempts, UINT32_MAX, &attempts) < 0 ||
        read_seconds(r, ARG_retry_overall_timeout_secs, &overall_ms) < 0) {
        return -1;
    }
    min_ms = min_ms == 0 ? 1 : min_ms; /* 0: no wait worth mentioning */
    uint64_t retries = attempts > 0 ? attempts - 1 : 0;
    return told(kernel_session_config_set_retry_config(r->config, min_ms, max_ms, (uint32_t)retries,
                                                       overall_ms));
}

static int set_tls_flags(const reader *r) {
    bool skip = false;
    bool skip_name = false;
    if (read_bool(r, ARG_tls_skip_verify, &skip) < 0 ||
        read_bool(r, ARG_tls_skip_hostname_verify, &skip_name) < 0 ||
        told(kernel_session_config_set_tls_allow_self_signed(r->config, skip)) < 0) {
        return -1;
    }
    return told(kernel_session_config_set_tls_skip_hostname_verification(r->config, skip_name));
}

static int set_tls(const reader *r) {
    const char *password = NULL;
    PyObject *held[3] = {0};
    const uint8_t *pem[3] = {0};
    size_t len[3] = {0};
    int failed =
        set_tls_flags(r) < 0 || read_text(r, ARG_tls_client_key_password, &password) < 0 ||
                told(dbk_session_config_set_tls_client_key_password(r->config, password)) < 0 ||
                read_bytes(r, ARG_tls_ca_cert, &held[0], &pem[0], &len[0]) < 0 ||
                read_bytes(r, ARG_tls_client_cert, &held[1], &pem[1], &len[1]) < 0 ||
                read_bytes(r, ARG_tls_client_key, &held[2], &pem[2], &len[2]) < 0
            ? -1
            : 0;
    if (failed == 0 && pem[0] != NULL) {
        failed = told(kernel_session_config_set_tls_trusted_certs(r->config, pem[0], len[0]));
    }
    if (failed == 0 && (pem[1] == NULL) != (pem[2] == NULL)) {
        (void)raise_error(
            "InvalidArgument",
            "tls_client_cert and tls_client_key must be given together; mTLS requires "
            "both the client certificate and its private key");
        failed = -1;
    } else if (failed == 0 && pem[1] != NULL) {
        failed = told(kernel_session_config_set_tls_client_certificate(r->config, pem[1], len[1],
                                                                       pem[2], len[2]));
    }
    for (size_t i = 0; i < 3; i++) {
        Py_XDECREF(held[i]);
    }
    return failed;
}

static int set_conversions(const reader *r) {
    static const int args[] = {ARG_complex_types_as_json, ARG_intervals_as_string};
    for (size_t i = 0; i < 2; i++) {
        bool on = false;
        if (read_bool(r, args[i], &on) < 0 ||
            told(kernel_session_config_set_client_conf(r->config, names[args[i]],
                                                       on ? "true" : "false")) < 0) {
            return -1;
        }
    }
    return 0;
}

/* The library's defaults, c-abi.md 4.2, stand where nothing is given. */
static int set_telemetry(const reader *r) {
    bool enabled = false;
    bool breaker = true;
    uint64_t batch = 100;
    uint64_t flush_ms = 5000;
    uint64_t retries = 3;
    uint64_t delay_ms = 100;
    uint64_t close_ms = 5000;
    uint64_t threshold = 5;
    uint64_t breaker_ms = 60000;
    if (read_bool(r, ARG_telemetry_enabled, &enabled) < 0 ||
        read_count(r, ARG_telemetry_batch_size, SIZE_MAX, &batch) < 0 ||
        read_count(r, ARG_telemetry_flush_interval_ms, UINT64_MAX, &flush_ms) < 0 ||
        read_count(r, ARG_telemetry_max_retries, UINT32_MAX, &retries) < 0 ||
        read_count(r, ARG_telemetry_retry_delay_ms, UINT64_MAX, &delay_ms) < 0 ||
        read_count(r, ARG_telemetry_close_flush_timeout_ms, UINT64_MAX, &close_ms) < 0 ||
        read_bool(r, ARG_telemetry_circuit_breaker_enabled, &breaker) < 0 ||
        read_count(r, ARG_telemetry_circuit_breaker_threshold, UINT32_MAX, &threshold) < 0 ||
        read_count(r, ARG_telemetry_circuit_breaker_timeout_ms, UINT64_MAX, &breaker_ms) < 0 ||
        told(kernel_session_config_set_telemetry_config(r->config, enabled, (size_t)batch, flush_ms,
                                                        (uint32_t)retries, delay_ms, close_ms)) <
            0) {
        return -1;
    }
    return told(kernel_session_config_set_telemetry_circuit_breaker_config(
        r->config, breaker, (uint32_t)threshold, breaker_ms));
}

static int set_system(const reader *r) {
    static const int args[12] = {ARG_driver_name,     ARG_driver_version,    ARG_runtime_name,
                                 ARG_runtime_version, ARG_runtime_vendor,    ARG_os_name,
                                 ARG_os_version,      ARG_os_arch,           ARG_client_app_name,
                                 ARG_locale_name,     ARG_char_set_encoding, ARG_process_name};
    const char *t[12];
    if (read_texts(r, args, 12, t) < 0) {
        return -1;
    }
    return told(kernel_session_config_set_driver_system_configuration(
        r->config, t[0], t[1], t[2], t[3], t[4], t[5], t[6], t[7], t[8], t[9], t[10], t[11]));
}

KernelSessionConfig *config_from_args(PyObject *args, PyObject *kwargs) {
    reader r = {.config = NULL};
    if (args_parse("Session", names, ARG_COUNT, 2, 2, args, kwargs, r.given) < 0 ||
        told(kernel_session_config_new(&r.config)) < 0) {
        return NULL;
    }
    bool failed = set_target(&r) < 0 || set_namespace(&r) < 0 || set_auth(&r) < 0 ||
                  set_confs(&r) < 0 || set_headers(&r) < 0 || set_network(&r) < 0 ||
                  set_retries(&r) < 0 || set_tls(&r) < 0 || set_conversions(&r) < 0 ||
                  set_telemetry(&r) < 0 || set_system(&r) < 0;
    if (failed) {
        kernel_session_config_free(r.config);
        return NULL;
    }
    return r.config;
}
