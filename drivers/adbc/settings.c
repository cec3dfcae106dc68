#include "keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* From options to the kernel's configuration. The order in which options were given never matters:
 * everything is looked at here, once it is complete. */

typedef struct maker {
    options all; /* the URI's parts, over them the database's, over them the connection's */
    KernelSessionConfig *config;
    text place; /* scheme, host and port */
    struct AdbcError *error;
} maker;

static const char *get(const maker *m, const char *name) {
    const char *value = key_value(&m->all, name);
    return value != NULL && value[0] != '\0' ? value : NULL;
}

static bool get_flag(const maker *m, const char *name, bool fallback) {
    bool flag = fallback;
    const char *value = get(m, name);
    return value != NULL && parse_flag(value, &flag) ? flag : fallback;
}

static int64_t get_count(const maker *m, const char *name, int64_t fallback) {
    int64_t n = fallback;
    const char *value = get(m, name);
    return value != NULL && parse_int(value, &n) ? n : fallback;
}

static AdbcStatusCode done(const maker *m, KernelStatusCode code) {
    return code == KernelStatusCode_Success ? ADBC_STATUS_OK
                                            : fail_kernel(m->error, "reading the options");
}

static AdbcStatusCode refuse(const maker *m, const char *why) {
    return fail(m->error, ADBC_STATUS_INVALID_ARGUMENT, "%s", why);
}

/* ---- gathering ---- */

/* The key of ours that `name` stands for, appended to *out; true: it was an alias. */
static bool our_name(const char *name, text *out) {
    const char *conf = NULL;
    const key *k = database_key(name, &conf);
    if (conf != NULL) {
        text_addf(out, "databricks.session_conf.%s", conf);
        return false;
    }
    bool alias = k != NULL && k->means != NULL;
    text_add(out, alias ? k->means : name);
    return alias;
}

/* Aliases first: a key under its own name wins, in whatever order they were given. */
static AdbcStatusCode overlay(maker *m, const options *from) {
    for (size_t i = 0; i < 2 * from->count; i++) {
        const option *o = &from->items[i % from->count];
        text ours = {0};
        bool alias = our_name(o->key, &ours);
        bool turn = alias == (i < from->count);
        bool kept = !ours.failed && (!turn || options_put(&m->all, text_str(&ours), o->value));
        text_reset(&ours);
        if (!kept) {
            return fail_memory(m->error);
        }
    }
    return ADBC_STATUS_OK;
}

static AdbcStatusCode gather(maker *m, const options *database, const options *connection) {
    const char *uri = options_get(database, "uri");
    if (uri != NULL && uri[0] != '\0') {
        options parts = {0};
        AdbcStatusCode status = uri_split(uri, &parts, m->error);
        if (status == ADBC_STATUS_OK) {
            status = overlay(m, &parts);
        }
        options_reset(&parts);
        RETURN_IF(status);
    }
    RETURN_IF(overlay(m, database));
    return connection != NULL ? overlay(m, connection) : ADBC_STATUS_OK;
}

/* ---- where ---- */

static void add_host(const maker *m, const char *host, text *out) {
    const char *place = strstr(host, "://");
    const char *port = get(m, "databricks.port");
    bool bare = place == NULL;
    place = bare ? host : place + 3;
    bool plain = !get_flag(m, "databricks.http.tls.enabled", true);
    if (bare || plain) {
        text_addf(out, "%s://%s", plain ? "http" : "https", place);
    } else {
        text_add(out, host);
    }
    const char *literal = strchr(place, ']'); /* [::1] */
    if (port != NULL && strchr(literal != NULL ? literal : place, ':') == NULL) {
        text_addf(out, ":%s", port);
    }
}

static AdbcStatusCode set_place(maker *m) {
    const char *host = get(m, "databricks.server_hostname");
    const char *path = get(m, "databricks.http_path");
    const char *warehouse = get(m, "databricks.warehouse_id");
    text *whole = &m->place;
    text_add(whole, "");
    if (host == NULL && get(m, "databricks.profile") != NULL) {
        return ADBC_STATUS_OK; /* the profile says */
    }
    if (host == NULL) {
        return refuse(m, "no host: set uri (https://<workspace>) or databricks.server_hostname");
    }
    if (path == NULL && warehouse == NULL) {
        return refuse(m, "no warehouse: set databricks.http_path (/sql/1.0/warehouses/<id>) or "
                         "databricks.warehouse_id");
    }
    add_host(m, host, whole);
    AdbcStatusCode status = ADBC_STATUS_OK;
    if (whole->failed) {
        status = fail_memory(m->error);
    } else if (path != NULL) {
        text slash = {0};
        text_addf(&slash, "%s%s", path[0] == '/' ? "" : "/", path);
        status = done(
            m, kernel_session_config_set_http_path(m->config, text_str(whole), text_str(&slash)));
        text_reset(&slash);
    } else {
        status =
            done(m, kernel_session_config_set_warehouse(m->config, text_str(whole), warehouse));
    }
    return status;
}

/* ---- who ---- */

typedef enum auth { AUTH_TOKEN, AUTH_M2M, AUTH_U2M, AUTH_AZURE, AUTH_PROFILE, AUTH_NONE } auth;

static auth choose_auth(const maker *m) {
    static const struct {
        const char *word;
        auth mode;
    } words[] = {{"access_token", AUTH_TOKEN},
                 {"oauth_m2m", AUTH_M2M},
                 {"oauth_u2m", AUTH_U2M},
                 {"azure_client_secret", AUTH_AZURE},
                 {"profile", AUTH_PROFILE}};
    const char *type = get(m, "databricks.auth.type");
    const char *grant = get(m, "adbc.databricks.oauth.grant_type");
    for (size_t i = 0; type != NULL && i < sizeof words / sizeof words[0]; i++) {
        if (ascii_same(type, words[i].word)) {
            return words[i].mode;
        }
    }
    if (grant != NULL && ascii_same(grant, "client_credentials")) {
        return AUTH_M2M;
    }
    if (get(m, "databricks.access_token") != NULL) {
        return AUTH_TOKEN;
    }
    if (get(m, "databricks.auth.client_id") != NULL) {
        return AUTH_M2M;
    }
    return get(m, "databricks.profile") != NULL ? AUTH_PROFILE : AUTH_NONE;
}

/* The kernel takes scopes with commas, the drivers with blanks. */
static AdbcStatusCode set_scopes(maker *m) {
    const char *given = get(m, "databricks.auth.scopes");
    char *commas = given != NULL ? strdup(given) : NULL;
    if (given == NULL) {
        return ADBC_STATUS_OK;
    }
    if (commas == NULL) {
        return fail_memory(m->error);
    }
    for (char *c = commas; *c != '\0'; c++) {
        *c = *c == ' ' ? ',' : *c;
    }
    AdbcStatusCode status = done(m, kernel_session_config_set_oauth_scopes(m->config, commas));
    free(commas);
    return status;
}

static AdbcStatusCode set_oauth(maker *m, auth mode) {
    const char *id = get(m, "databricks.auth.client_id");
    const char *secret = get(m, "databricks.auth.client_secret");
    int64_t port = get_count(m, "databricks.auth.redirect_port", 8020);
    if (mode == AUTH_U2M) {
        if (port > 65535) {
            return refuse(m, "databricks.auth.redirect_port must be 0 to 65535");
        }
        return done(m, kernel_session_config_set_auth_u2m(
                           m->config, id != NULL ? id : "databricks-cli", (uint16_t)port, NULL));
    }
    if (id == NULL || secret == NULL) {
        return refuse(m, "databricks.auth.client_id and databricks.auth.client_secret must both "
                         "be set for this way to log in");
    }
    if (mode == AUTH_AZURE) {
        return done(m, kernel_session_config_set_auth_azure_sp(
                           m->config, id, secret, get(m, "databricks.auth.azure_tenant_id"),
                           get(m, "databricks.auth.azure_workspace_resource_id")));
    }
    return done(m, kernel_session_config_set_auth_m2m(m->config, id, secret));
}

static AdbcStatusCode set_identity(maker *m) {
    auth mode = choose_auth(m);
    const char *token = get(m, "databricks.access_token");
    const char *user = get(m, "username");
    const char *endpoint = get(m, "databricks.auth.token_endpoint");
    const char *federation = get(m, "databricks.auth.identity_federation_client_id");
    if (token != NULL && get(m, "databricks.auth.client_secret") != NULL) {
        return refuse(m, "a token and an OAuth client secret are both set: choose one");
    }
    if (user != NULL && strcmp(user, "token") != 0) {
        return refuse(m, "username must be 'token', with the personal access token as password");
    }
    if (mode == AUTH_NONE || (mode == AUTH_TOKEN && token == NULL)) {
        return refuse(m,
                      "no credentials: set databricks.access_token, or databricks.auth.client_id "
                      "and .client_secret, or databricks.auth.type=oauth_u2m for a login in the "
                      "browser, or databricks.profile");
    }
    if (mode == AUTH_TOKEN) {
        RETURN_IF(done(m, kernel_session_config_set_auth_pat(m->config, token)));
    } else if (mode != AUTH_PROFILE) {
        RETURN_IF(set_oauth(m, mode));
        RETURN_IF(set_scopes(m));
    }
    if (endpoint != NULL) {
        RETURN_IF(done(m, kernel_session_config_set_oauth_token_endpoint(m->config, endpoint)));
    }
    if (federation != NULL) {
        RETURN_IF(done(
            m, kernel_session_config_set_identity_federation_client_id(m->config, federation)));
    }
    if (get_flag(m, "databricks.auth.token_cache", false)) {
        RETURN_IF(done(m, kernel_session_config_set_u2m_token_cache_config(m->config, true, NULL)));
    }
    return ADBC_STATUS_OK;
}

/* ---- the network ---- */

static AdbcStatusCode read_file(const maker *m, const char *path, text *out) {
    char part[4096];
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return fail(m->error, ADBC_STATUS_INVALID_ARGUMENT, "cannot open the certificates in %s",
                    path);
    }
    for (size_t n; (n = fread(part, 1, sizeof part, file)) > 0;) {
        text_add_n(out, part, n);
    }
    bool broken = ferror(file) != 0;
    (void)fclose(file);
    return broken || out->failed
               ? fail(m->error, ADBC_STATUS_INVALID_ARGUMENT, "cannot read %s", path)
               : ADBC_STATUS_OK;
}

static AdbcStatusCode set_tls(maker *m) {
    const char *mode = get(m, "databricks.ssl_mode");
    const char *path = get(m, "databricks.http.tls.trusted_certificate_path");
    bool anything =
        get_flag(m, "adbc.http_options.tls.disable_server_certificate_validation", false) ||
        (mode != NULL && ascii_same(mode, "insecure"));
    if (anything || get_flag(m, "databricks.http.tls.allow_self_signed", false)) {
        RETURN_IF(done(m, kernel_session_config_set_tls_allow_self_signed(m->config, true)));
    }
    if (anything || get_flag(m, "databricks.http.tls.allow_hostname_mismatch", false)) {
        RETURN_IF(
            done(m, kernel_session_config_set_tls_skip_hostname_verification(m->config, true)));
    }
    if (path == NULL) {
        return ADBC_STATUS_OK;
    }
    text pem = {0};
    AdbcStatusCode status = read_file(m, path, &pem);
    if (status == ADBC_STATUS_OK) {
        status = done(m, kernel_session_config_set_tls_trusted_certs(
                             m->config, (const uint8_t *)text_str(&pem), pem.len));
    }
    text_reset(&pem);
    return status;
}

static AdbcStatusCode set_proxy(maker *m) {
    const char *url = get(m, "databricks.http.proxy.url");
    const char *host = get(m, "adbc.proxy_options.proxy_host");
    text made = {0};
    if (url == NULL && host != NULL && get_flag(m, "adbc.proxy_options.use_proxy", false)) {
        text_addf(&made, "http://%s:%s", host,
                  get(m, "adbc.proxy_options.proxy_port") != NULL
                      ? get(m, "adbc.proxy_options.proxy_port")
                      : "80");
        url = text_str(&made);
    }
    AdbcStatusCode status = ADBC_STATUS_OK;
    if (url != NULL) {
        status = done(m, kernel_session_config_set_proxy(
                             m->config, url, get(m, "databricks.http.proxy.username"),
                             get(m, "databricks.http.proxy.password"),
                             get(m, "databricks.http.proxy.bypass_hosts")));
    }
    text_reset(&made);
    return status;
}

static AdbcStatusCode set_retries(maker *m) {
    int64_t read_ms = get_count(m, "databricks.http.read_timeout_ms", 0);
    int64_t min = get_count(m, "databricks.retry.min_wait_ms", 1000);
    int64_t max = get_count(m, "databricks.retry.max_wait_ms", 60000);
    int64_t overall = get_count(m, "databricks.retry.overall_timeout_ms", 900000);
    int64_t retries = get_count(m, "databricks.retry.max_retries", 5);
    if (read_ms > 0) {
        RETURN_IF(done(m, kernel_session_config_set_request_timeout(m->config, (uint64_t)read_ms)));
    }
    if (retries > UINT32_MAX) {
        return refuse(m, "databricks.retry.max_retries is too large");
    }
    return done(m, kernel_session_config_set_retry_config(m->config, (uint64_t)min, (uint64_t)max,
                                                          (uint32_t)retries, (uint64_t)overall));
}

static AdbcStatusCode set_user_agent(maker *m) {
    const char *entry = get(m, "databricks.user_agent_entry");
    text agent = {0};
    if (entry == NULL) {
        return ADBC_STATUS_OK;
    }
    text_addf(&agent, "dbkernel-adbc/%s (%s)", dbk_version(), entry);
    AdbcStatusCode status = agent.failed ? fail_memory(m->error)
                                         : done(m, kernel_session_config_set_custom_header(
                                                       m->config, "User-Agent", text_str(&agent)));
    text_reset(&agent);
    return status;
}

/* ---- sessions and results ---- */

static AdbcStatusCode set_confs(maker *m) {
    static const char prefix[] = "databricks.session_conf.";
    const char *span = get(m, "databricks.query.timeout");
    int64_t seconds = 0;
    for (size_t i = 0; i < m->all.count; i++) {
        const option *o = &m->all.items[i];
        if (strncmp(o->key, prefix, sizeof prefix - 1) == 0) {
            RETURN_IF(done(m, kernel_session_config_set_session_conf(
                                  m->config, o->key + sizeof prefix - 1, o->value)));
        }
    }
    if (span != NULL && parse_span(span, &seconds) && seconds > 0) {
        char value[24];
        (void)snprintf(value, sizeof value, "%lld", (long long)seconds);
        return done(m,
                    kernel_session_config_set_session_conf(m->config, "STATEMENT_TIMEOUT", value));
    }
    return ADBC_STATUS_OK;
}

static AdbcStatusCode set_results(maker *m) {
    static const struct {
        const char *ours, *kernels;
    } rows[] = {{"databricks.cloudfetch.link_prefetch_window", "cloudfetch_link_prefetch_window"},
                {"databricks.cloudfetch.max_chunks_in_memory", "cloudfetch_max_chunks_in_memory"}};
    int64_t mb = get_count(m, "databricks.memory_budget_mb", 0);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *value = get(m, rows[i].ours);
        if (value != NULL) {
            RETURN_IF(
                done(m, kernel_session_config_set_client_conf(m->config, rows[i].kernels, value)));
        }
    }
    if (!get_flag(m, "databricks.cloudfetch.enabled", true)) {
        RETURN_IF(done(m, kernel_session_config_set_cloudfetch_enabled(m->config, false)));
    }
    if (!get_flag(m, "adbc.databricks.enable_complex_datatype_support", true)) {
        RETURN_IF(done(
            m, kernel_session_config_set_client_conf(m->config, "complex_types_as_json", "true")));
    }
    if (mb > 0 && mb < 1 << 20) {
        RETURN_IF(done(m, dbk_session_config_set_memory_budget(m->config, (size_t)mb << 20)));
    }
    if (get_flag(m, "databricks.transactions", false)) {
        RETURN_IF(done(m, kernel_session_config_set_ignore_transactions(m->config, false)));
    }
    return done(m, dbk_session_config_set_namespace(m->config, get(m, "databricks.catalog"),
                                                    get(m, "databricks.schema")));
}

static AdbcStatusCode set_telemetry(maker *m) {
    static const char *const by_name[] = {
        "databricks.telemetry.mode",
        "databricks.telemetry.batch_size",
        "databricks.telemetry.flush_interval_ms",
        "databricks.telemetry.max_retries",
        "databricks.telemetry.retry_delay_ms",
        "databricks.telemetry.close_flush_timeout_ms",
        "databricks.telemetry.circuit_breaker_threshold",
        "databricks.telemetry.circuit_breaker_timeout_ms",
        "databricks.telemetry.local_sink",
    };
    static const char breaker[] = "databricks.telemetry.circuit_breaker_enabled";
    bool on = get_flag(m, "databricks.telemetry.enabled", false);
    RETURN_IF(done(
        m, kernel_session_config_set_telemetry_config(m->config, on, 100, 5000, 3, 100, 2000)));
    for (size_t i = 0; i < sizeof by_name / sizeof by_name[0]; i++) {
        const char *value = get(m, by_name[i]);
        if (value != NULL) {
            RETURN_IF(done(m, kernel_session_config_set_client_conf(m->config, by_name[i], value)));
        }
    }
    return done(m, kernel_session_config_set_client_conf(
                       m->config, breaker, get_flag(m, breaker, true) ? "true" : "false"));
}

static AdbcStatusCode set_observers(maker *m) {
    const char *level = get(m, "databricks.log_level");
    const char *file = get(m, "databricks.log_file");
    if (level != NULL || file != NULL) { /* of the process: the first one wins */
        KernelStatusCode code = kernel_init_logging(level, file);
        if (code != KernelStatusCode_Success) {
            RETURN_IF(done(m, code));
        }
    }
    RETURN_IF(done(m, kernel_session_config_set_driver_system_configuration(
                          m->config, DRIVER_NAME, dbk_version(), NULL, NULL, NULL, NULL, NULL, NULL,
                          NULL, NULL, NULL, NULL)));
    return set_telemetry(m);
}

static AdbcStatusCode set_profile(maker *m) {
    const char *profile = get(m, "databricks.profile");
    if (profile == NULL) {
        return ADBC_STATUS_OK;
    }
    return done(m, dbk_session_config_set_profile(m->config, get(m, "databricks.config_file"),
                                                  profile, get(m, "databricks.http_path")));
}

AdbcStatusCode settings_make(const options *database, const options *connection,
                             KernelSessionConfig **out, text *place, struct AdbcError *error) {
    static AdbcStatusCode (*const steps[])(maker *) = {
        set_profile, set_place,      set_identity, set_tls,     set_proxy,
        set_retries, set_user_agent, set_confs,    set_results, set_observers};
    maker m = {.error = error};
    AdbcStatusCode status = gather(&m, database, connection);
    if (status == ADBC_STATUS_OK) {
        status = done(&m, kernel_session_config_new(&m.config));
    }
    for (size_t i = 0; status == ADBC_STATUS_OK && i < sizeof steps / sizeof steps[0]; i++) {
        status = steps[i](&m);
    }
    options_reset(&m.all);
    if (status == ADBC_STATUS_OK && m.place.failed) {
        status = fail_memory(error);
    }
    if (status == ADBC_STATUS_OK && place != NULL) {
        *place = m.place;
        m.place = (text){0};
    }
    text_reset(&m.place);
    if (status == ADBC_STATUS_OK) {
        *out = m.config;
    } else if (m.config != NULL) {
        kernel_session_config_free(m.config);
    }
    return status;
}
