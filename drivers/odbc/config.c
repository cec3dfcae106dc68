#include "odbc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/utsname.h>

/* Connection keys to the kernel's configuration. docs/odbc.md has the table for people. */

void settings_read(settings *set, const keys *k) {
    const char *prepare = keys_get(k, "PrepareMetadata"), *batch = keys_get(k, "BatchInsert");
    *set = (settings){
        .string_length = (SQLULEN)keys_number(k, "DefaultStringColumnLength", 65535),
        .binary_length = (SQLULEN)keys_number(k, "BinaryColumnLength", 32767),
        .wide_types = keys_flag(k, "UseUnicodeSqlCharacterTypes", false),
        .long_string = keys_flag(k, "MapStringToLongVarchar", false),
        .bools_as_text = keys_flag(k, "BoolsAsText", false),
        .six_digits = text_is(text_of(keys_get(k, "TimestampText")), "6"),
        .map_states = keys_flag(k, "MapSqlState", true),
        .lower_types = text_is(text_of(keys_get(k, "MetadataTypeCase")), "lower"),
        .catalogs = keys_flag(k, "EnableMultipleCatalogsSupport", true),
        .all_catalogs = text_is(text_of(keys_get(k, "NullCatalog")), "all"),
        .keys_on = keys_flag(k, "EnablePKFK", true),
        .raw_table_types = keys_flag(k, "RawTableTypes", false),
        .ignore_transactions = keys_flag(k, "IgnoreTransactions", true),
        .ntz_literals = text_is(text_of(keys_get(k, "TsLiteral")), "NTZ"),
        .ntz_params = text_is(text_of(keys_get(k, "TimestampParam")), "NTZ"),
        .many_params = keys_flag(k, "ManyParameters", true),
        .continue_on_error = keys_flag(k, "ContinueOnError", false),
        .recover = keys_flag(k, "InvalidSessionAutoRecover", true),
        .message_max = (size_t)keys_number(k, "ErrMsgMaxLen", 16384),
    };
    set->prepare_metadata = text_is(text_of(prepare), "none")      ? DESCRIBE_NONE
                            : text_is(text_of(prepare), "execute") ? DESCRIBE_RUN
                                                                   : DESCRIBE_QUERY;
    set->batch = text_is(text_of(batch), "off")      ? BATCH_OFF
                 : text_is(text_of(batch), "params") ? BATCH_PARAMS
                                                     : BATCH_LITERALS;
}

typedef struct maker { /* stops at the first failure; its record is on the handle */
    dbc *d;
    handle *h; /* gets the records */
    const keys *k;
    KernelSessionConfig *config;
    SQLRETURN rc;
} maker;

static void must(maker *m, KernelStatusCode code) {
    if (code != KernelStatusCode_Success && m->rc == SQL_SUCCESS) {
        m->rc = fail_kernel(m->h, AT_CONNECT);
    }
}

static const char *get(const maker *m, const char *name) {
    return keys_get(m->k, name);
}

/* ---- Where ------------------------------------------------------------------------------------------ */

static void add_missing(buf *missing, const char *name) {
    buf_printf(missing, "%s[%s]", missing->len > 0 ? ", " : "", name);
}

/* "https://h/path" or "h": scheme and path go; http stays only when SSL=0. */
static void add_host(const maker *m, buf *out) {
    text host = text_trim(text_of(get(m, "Host")));
    const char *scheme = strstr(host.ptr, "://");
    if (scheme != NULL) {
        size_t skip = (size_t)(scheme - host.ptr) + 3;
        host = (text){host.ptr + skip, host.len - skip};
    }
    host.len = strcspn(host.ptr, "/ ");
    buf_add_text(out, keys_flag(m->k, "SSL", true) ? "https://" : "http://");
    buf_add(out, host.ptr, host.len);
    bool has_port = memchr(host.ptr, ':', host.len) != NULL;
    int64_t port = keys_number(m->k, "Port", 443);
    if (!has_port && port != 443) {
        buf_printf(out, ":%ld", (long)port);
    }
}

static void set_where(maker *m) {
    const char *path = get(m, "HTTPPath"), *id = get(m, "WarehouseId");
    buf missing = {0}, host = {0};
    if (get(m, "Host") == NULL) {
        add_missing(&missing, "Host");
    }
    if (path == NULL && id == NULL) {
        add_missing(&missing, "HTTPPath");
    }
    if (missing.len > 0) {
        m->rc = fail_native(m->h, "08001", 10380,
                            "Unable to establish connection with data source. Missing settings: "
                            "{%s}",
                            buf_text(&missing));
    } else if (path != NULL && strstr(path, "sql/protocolv1") != NULL) {
        m->rc = fail_native(m->h, "08001", 10380,
                            "HTTPPath is that of a cluster; clusters are not reachable through the "
                            "Statement Execution API: use a SQL warehouse path "
                            "(/sql/1.0/warehouses/...).");
    } else {
        add_host(m, &host);
        if (path != NULL) {
            must(m, kernel_session_config_set_http_path(m->config, buf_text(&host), path));
        } else {
            must(m, kernel_session_config_set_warehouse(m->config, buf_text(&host), id));
        }
    }
    buf_free(&missing);
    buf_free(&host);
}

/* ---- Who -------------------------------------------------------------------------------------------- */

static void no_credentials(maker *m, const char *what) {
    m->rc = fail_native(m->h, "28000", 11570, "Credentials are missing: %s.", what);
}

static void auth_token(maker *m) {
    const char *uid = get(m, "UID"), *pwd = get(m, "PWD");
    if (uid != NULL && strcasecmp(uid, "token") != 0) {
        m->rc = fail_native(m->h, "28000", 11570,
                            "AuthMech=3 takes UID=token and a personal access token as PWD; user "
                            "names with passwords are not accepted any more by Databricks.");
    } else if (pwd == NULL) {
        no_credentials(m, "PWD is to be a personal access token");
    } else {
        must(m, kernel_session_config_set_auth_pat(m->config, pwd));
    }
}

static void auth_client(maker *m) {
    const char *id = get(m, "Auth_Client_ID"), *secret = get(m, "Auth_Client_Secret");
    if (keys_flag(m->k, "UseJWTAssertion", false)) {
        must(m, kernel_session_config_set_auth_m2m_jwt(
                    m->config, id, get(m, "Auth_JWT_Key_File"), get(m, "Auth_KID"),
                    get(m, "Auth_JWT_Key_Passphrase"), get(m, "Auth_JWT_Alg"), get(m, "Auth_Scope"),
                    get(m, "OAuth2TokenEndpoint")));
    } else if (id == NULL || secret == NULL) {
        no_credentials(m, "Auth_Client_ID and Auth_Client_Secret are needed for Auth_Flow=1");
    } else if (keys_flag(m->k, "AzureSP", false)) {
        must(m,
             kernel_session_config_set_auth_azure_sp(m->config, id, secret, get(m, "AzureTenantId"),
                                                     get(m, "azure_workspace_resource_id")));
    } else {
        must(m, kernel_session_config_set_auth_m2m(m->config, id, secret));
    }
}

static void auth_browser(maker *m) {
    const char *id = get(m, "Auth_Client_ID");
    uint16_t port = (uint16_t)keys_number(m->k, "OAuth2RedirectUrlPort", 0);
    must(m, kernel_session_config_set_auth_u2m(m->config, id == NULL ? "databricks-sql-odbc" : id,
                                               port, NULL));
    must(m,
         kernel_session_config_set_u2m_token_cache_config(
             m->config, keys_flag(m->k, "EnableTokenCache", true), get(m, "TokenCachePassPhrase")));
}

static void auth_oauth(maker *m) {
    switch (keys_number(m->k, "Auth_Flow", 0)) {
    case 0:
        if (get(m, "Auth_AccessToken") == NULL) {
            no_credentials(m, "Auth_AccessToken is needed for Auth_Flow=0");
        } else {
            must(m, kernel_session_config_set_auth_pat(m->config, get(m, "Auth_AccessToken")));
        }
        break;
    case 1:
        auth_client(m);
        break;
    case 2:
        auth_browser(m);
        break;
    case 3:
        must(m, dbk_session_config_set_auth_azure_identity(m->config, get(m, "Auth_Client_ID"),
                                                           get(m, "azure_workspace_resource_id")));
        return; /* Azure knows no scopes here */
    default:
        m->rc = fail_native(m->h, "HYC00", 11570,
                            "Auth_Flow=%s is not supported; 0 (token), 1 (client credentials), "
                            "2 (browser) and 3 (managed identity of Azure) are.",
                            get(m, "Auth_Flow"));
        return;
    }
    const char *scopes = get(m, "Auth_Scope");
    if (scopes != NULL && !keys_flag(m->k, "UseJWTAssertion", false)) {
        buf commas = {0};
        buf_add_text(&commas, scopes);
        for (size_t i = 0; i < commas.len && !commas.failed; i++) {
            commas.ptr[i] = commas.ptr[i] == ' ' ? ',' : commas.ptr[i];
        }
        must(m, kernel_session_config_set_oauth_scopes(m->config, buf_text(&commas)));
        buf_free(&commas);
    }
}

static void set_who(maker *m) {
    bool oauth_keys = get(m, "Auth_AccessToken") != NULL || get(m, "Auth_Client_ID") != NULL ||
                      get(m, "Auth_Flow") != NULL;
    int64_t mech = keys_number(m->k, "AuthMech", oauth_keys && get(m, "PWD") == NULL ? 11 : 3);
    if (mech == 3) {
        auth_token(m);
    } else if (mech == 11) {
        auth_oauth(m);
    } else {
        m->rc = fail_native(m->h, "08001", 10380,
                            "AuthMech=%s is not supported; 3 (token) and 11 (OAuth) are.",
                            get(m, "AuthMech"));
    }
    if (get(m, "Identity_Federation_Client_Id") != NULL) {
        must(m, kernel_session_config_set_identity_federation_client_id(
                    m->config, get(m, "Identity_Federation_Client_Id")));
    }
    if (get(m, "OAuth2TokenEndpoint") != NULL) {
        must(m, kernel_session_config_set_oauth_token_endpoint(m->config,
                                                               get(m, "OAuth2TokenEndpoint")));
    }
}

/* ---- How -------------------------------------------------------------------------------------------- */

/* A whole file; false: it cannot be read, with a record. */
static bool read_file(maker *m, const char *key, buf *out) {
    const char *path = get(m, key);
    FILE *f = path == NULL ? NULL : fopen(path, "re");
    if (f == NULL) {
        m->rc = fail_native(m->h, "08001", 1160, "The file that %s names cannot be read.", key);
        return false;
    }
    char piece[4096];
    for (size_t n; (n = fread(piece, 1, sizeof piece, f)) > 0;) {
        buf_add(out, piece, n);
    }
    (void)fclose(f);
    return !out->failed;
}

static void set_tls(maker *m) {
    const char *min = get(m, "Min_TLS");
    if (min != NULL && strcmp(min, "1.3") == 0) {
        must(m, dbk_session_config_set_tls_min_version(m->config, "1.3"));
    }
    must(m, kernel_session_config_set_tls_allow_self_signed(
                m->config, keys_flag(m->k, "AllowSelfSignedServerCert", false)));
    must(m, kernel_session_config_set_tls_skip_hostname_verification(
                m->config, keys_flag(m->k, "AllowHostNameCNMismatch", false)));
    buf pem = {0}, key = {0};
    if (get(m, "TrustedCerts") != NULL && read_file(m, "TrustedCerts", &pem)) {
        must(m, kernel_session_config_set_tls_trusted_certs(m->config, (const uint8_t *)pem.ptr,
                                                            pem.len));
    }
    buf_clear(&pem);
    if (keys_flag(m->k, "TwoWaySSL", false) && read_file(m, "ClientCert", &pem) &&
        read_file(m, "ClientPrivateKey", &key)) {
        must(m,
             kernel_session_config_set_tls_client_certificate(
                 m->config, (const uint8_t *)pem.ptr, pem.len, (const uint8_t *)key.ptr, key.len));
        must(m, dbk_session_config_set_tls_client_key_password(m->config,
                                                               get(m, "ClientPrivateKeyPassword")));
    }
    buf_free(&pem);
    buf_wipe(&key);
}

static void set_proxy(maker *m) {
    if (keys_has(m->k, "UseProxy") && !keys_flag(m->k, "UseProxy", false)) {
        /* No proxy, whatever the environment says: one that no host is to use. */
        must(m, kernel_session_config_set_proxy(m->config, "http://127.0.0.1:9", NULL, NULL, "*"));
    } else if (keys_flag(m->k, "UseProxy", false)) {
        buf url = {0};
        const char *host = get(m, "ProxyHost");
        buf_printf(&url, "http://%s:%ld", host == NULL ? "" : host,
                   (long)keys_number(m->k, "ProxyPort", 8080));
        must(m, kernel_session_config_set_proxy(m->config, buf_text(&url), get(m, "ProxyUID"),
                                                get(m, "ProxyPWD"), get(m, "ProxyIgnoreList")));
        buf_free(&url);
    }
}

static void set_identity(maker *m) {
    struct utsname os = {0};
    (void)uname(&os);
    const char *entry = get(m, "UserAgentEntry"), *app = get(m, "ApplicationName");
    if (app == NULL) {
        app = m->d->application_name;
    }
    buf agent = {0};
    buf_printf(&agent, "DatabricksOdbc/" DBK_VERSION "%s%s (%s; %s)", entry == NULL ? "" : " ",
               entry == NULL ? "" : entry, os.sysname,
               m->d->h.env->unit == 4 ? "iODBC" : "unixODBC");
    must(m, kernel_session_config_set_custom_header(m->config, "User-Agent", buf_text(&agent)));
    must(m, kernel_session_config_set_driver_system_configuration(
                m->config, "Databricks dbkernel ODBC", DBK_VERSION, "C", NULL, NULL, os.sysname,
                os.release, os.machine, app, NULL, "UTF-8", NULL));
    buf_free(&agent);
}

/* SSP_x=v is session configuration x; http.header.x is a header. */
static void set_prefixed(maker *m) {
    for (size_t i = 0; i < m->k->count; i++) {
        const key_pair *p = &m->k->pairs[i];
        if (strncasecmp(p->given, "http.header.", 12) == 0) {
            must(m, kernel_session_config_set_custom_header(m->config, p->given + 12, p->value));
        } else if (strncasecmp(p->given, "SSP_", 4) == 0) {
            const char *name = p->given + 4;
            if (strcasecmp(name, "databricks.catalog") != 0 &&
                strcasecmp(name, "spark.databricks.sql.initial.catalog.namespace") != 0) {
                must(m, kernel_session_config_set_session_conf(m->config, name, p->value));
            }
        }
    }
}

static void set_confs(maker *m) {
    static const struct {
        const char *key, *conf;
    } confs[] = {{"timezone", "TIMEZONE"},
                 {"QueryTags", "QUERY_TAGS"},
                 {"AnsiMode", "ANSI_MODE"},
                 {"StatementTimeout", "STATEMENT_TIMEOUT"}};
    for (size_t i = 0; i < COUNT_OF(confs); i++) {
        if (get(m, confs[i].key) != NULL) {
            must(m, kernel_session_config_set_session_conf(m->config, confs[i].conf,
                                                           get(m, confs[i].key)));
        }
    }
    set_prefixed(m);
    must(m, kernel_session_config_set_client_conf(m->config, "complex_types_as_json", "true"));
    must(m, kernel_session_config_set_client_conf(m->config, "intervals_as_string", "true"));
    must(m, kernel_session_config_set_cloudfetch_enabled(
                m->config, keys_flag(m->k, "EnableQueryResultDownload", true)));
    const char *downloads = get(m, "MaxNumResultFileDownloadThreads");
    if (downloads != NULL) {
        must(m, kernel_session_config_set_client_conf(m->config, "cloudfetch_max_chunks_in_memory",
                                                      downloads));
    }
    must(m,
         kernel_session_config_set_ignore_transactions(m->config, m->d->set.ignore_transactions));
    if (m->d->connection_timeout > 0) {
        must(m, kernel_session_config_set_request_timeout(
                    m->config, (uint64_t)m->d->connection_timeout * 1000));
    }
    if (keys_flag(m->k, "EnableTelemetry", false)) {
        must(m,
             kernel_session_config_set_telemetry_config(m->config, true, 100, 5000, 3, 1000, 1000));
    }
}

static void set_retries(maker *m) {
    bool rate = keys_flag(m->k, "RateLimitRetry", true);
    bool down = keys_flag(m->k, "TemporarilyUnavailableRetry", true);
    int64_t rate_s = keys_number(m->k, "RateLimitRetryTimeout", 120);
    int64_t down_s = keys_number(m->k, "TemporarilyUnavailableRetryTimeout", 900);
    if (!rate && !down) {
        must(m, kernel_session_config_set_retry_config(m->config, 1000, 60000, 0, 0));
    } else if (keys_has(m->k, "RateLimitRetryTimeout") ||
               keys_has(m->k, "TemporarilyUnavailableRetryTimeout")) {
        int64_t overall = !down || (rate && rate_s > down_s) ? rate_s : down_s;
        must(m, kernel_session_config_set_retry_config(m->config, 1000, 60000, 30,
                                                       (uint64_t)overall * 1000));
    }
}

/* A catalog also comes by two session configurations of the official driver. */
const char *start_catalog(const keys *k) {
    const char *given = keys_get(k, "Catalog");
    given = given != NULL ? given : keys_get(k, "SSP_databricks.catalog");
    return given != NULL ? given
                         : keys_get(k, "SSP_spark.databricks.sql.initial.catalog.namespace");
}

SQLRETURN config_make(dbc *d, handle *h, KernelSessionConfig **out) {
    maker m = {.d = d, .h = h, .k = &d->keys, .rc = SQL_SUCCESS};
    must(&m, kernel_session_config_new(&m.config));
    if (m.rc != SQL_SUCCESS) {
        return m.rc;
    }
    bool profile = get(&m, "Profile") != NULL && get(&m, "Host") == NULL;
    if (profile) {
        must(&m, dbk_session_config_set_profile(m.config, NULL, get(&m, "Profile"),
                                                get(&m, "HTTPPath")));
    }
    static void (*const parts[])(maker *) = {set_where,    set_who,   set_tls,    set_proxy,
                                             set_identity, set_confs, set_retries};
    for (size_t i = profile ? 2 : 0; i < COUNT_OF(parts) && m.rc == SQL_SUCCESS; i++) {
        parts[i](&m);
    }
    const char *catalog = start_catalog(m.k), *schema = get(&m, "Schema");
    if (m.rc == SQL_SUCCESS && (catalog != NULL || schema != NULL)) {
        must(&m, dbk_session_config_set_namespace(m.config, catalog, schema));
    }
    if (m.rc != SQL_SUCCESS) {
        kernel_session_config_free(m.config);
        return m.rc;
    }
    *out = m.config;
    return SQL_SUCCESS;
}
