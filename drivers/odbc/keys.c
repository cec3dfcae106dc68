#include "odbc.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Every key of the official driver, and ours; the first word is what the rest of the driver asks for.
 * docs/odbc.md says what each does. Those below the line are taken and have no meaning here. */
static const char *const words[] = {
    "Host Server HostName ServerHostname",
    "HTTPPath",
    "WarehouseId",
    "Port",
    "SSL",
    "Catalog ConnCatalog",
    "Schema Database ConnSchema",
    "AuthMech",
    "UID User UserName",
    "PWD Password Token",
    "Auth_Flow",
    "Auth_AccessToken",
    "Auth_Client_ID OAuth2ClientId",
    "Auth_Client_Secret OAuth2Secret",
    "Auth_Scope",
    "OAuth2RedirectUrlPort",
    "EnableTokenCache",
    "TokenCachePassPhrase",
    "UseJWTAssertion",
    "Auth_JWT_Key_File",
    "Auth_KID",
    "Auth_JWT_Key_Passphrase",
    "Auth_JWT_Alg",
    "OAuth2TokenEndpoint OAuth2ConnAuthTokenEndpoint",
    "Identity_Federation_Client_Id",
    "AzureTenantId",
    "azure_workspace_resource_id",
    "AzureSP",
    "Profile",
    "TrustedCerts",
    "AllowSelfSignedServerCert AllowSelfSignedCerts",
    "AllowHostNameCNMismatch CAIssuedCertNamesMismatch",
    "Min_TLS",
    "TwoWaySSL",
    "ClientCert",
    "ClientPrivateKey",
    "ClientPrivateKeyPassword",
    "UseProxy",
    "ProxyHost",
    "ProxyPort",
    "ProxyUID",
    "ProxyPWD",
    "ProxyIgnoreList NonProxyHosts",
    "UserAgentEntry",
    "ApplicationName APP",
    "timezone",
    "QueryTags",
    "AnsiMode",
    "StatementTimeout",
    "EnableQueryResultDownload",
    "MaxNumResultFileDownloadThreads cloudFetchThreadPoolSize",
    "DefaultStringColumnLength StringColumnLength",
    "BinaryColumnLength",
    "UseUnicodeSqlCharacterTypes",
    "MapStringToLongVarchar UseLongVarchar",
    "EnableMultipleCatalogsSupport",
    "NullCatalog",
    "EnablePKFK",
    "MetadataTypeCase",
    "IgnoreTransactions",
    "LoginTimeout",
    "ConnectionTimeout socketTimeout",
    "QueryTimeout",
    "RateLimitRetry",
    "RateLimitRetryTimeout",
    "TemporarilyUnavailableRetry",
    "TemporarilyUnavailableRetryTimeout",
    "LogLevel",
    "LogPath",
    "ErrMsgMaxLen",
    "EnableTelemetry",
    "DriverManagerEncoding",
    "PrepareMetadata",
    "BoolsAsText",
    "TimestampText",
    "TimestampParam",
    "TsLiteral",
    "MapSqlState",
    "ManyParameters",
    "BatchInsert",
    "ContinueOnError",
    "RawTableTypes",
    "BrowseCatalogs",
    "DSN",
    "Driver",
    "FILEDSN",
    "SAVEFILE",
    "Description",
    /* without meaning here */
    "ThriftTransport",
    "SparkServerType",
    "Protocol",
    "EnableArrow",
    "ServiceDiscoveryMode",
    "GetTablesWithQuery",
    "DelegationUID",
    "ShowSystemTable",
    "EnableAsyncExec",
    "ErrorMessagesPath",
    "SwapFilePath",
    "ODBCInstLib",
    "KeepAlive",
    "UseSystemTrustStore",
    "CheckCertRevocation",
    "AllowMissingCRLDistributionPoints",
    "AcceptUndeterminedRevocation",
    "AllowDetailedSSLErrorMessages",
    "OIDCDiscoveryEndpoint",
    "OAuthDiscoveryURL",
    "TokenRenewLimit",
    "LCaseSspKeyName",
    "ApplySSPWithQueries",
    "UseNativeQuery",
    "EnableNativeParameterizedQuery",
    "PopulateParametersForNativeQuery",
    "FastSQLPrepare",
    "EnableQueryResultLZ4Compression QueryResultCompressionType",
    "MaxConsecutiveResultFileDownloadRetries",
    "MaxBytesPerFetchRequest",
    "EnableFetchHeartbeat",
    "FetchHeartbeatInterval",
    "RowsFetchedPerBlock BatchSize",
    "DefaultVarcharColumnLength",
    "DecimalColumnScale",
    "ComplexTypes",
    "ShowLocalTempSchemasInSQLTablesSchemasOnly",
    "ShowGlobalTempSchemasInSQLTablesSchemasOnly",
    "InvalidSessionAutoRecover AutoReconnect",
    "AsyncExecPollInterval",
    "LogFileSize",
    "LogFileCount",
    "LogNamespace",
};

static char first_words[COUNT_OF(words)][64];

static void split_words(void) {
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        size_t len = strcspn(words[i], " ");
        memcpy(first_words[i], words[i], len);
    }
}

const char *key_canonical(text name) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, split_words);
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        for (const char *w = words[i]; *w != '\0';) {
            size_t len = strcspn(w, " ");
            if (len == name.len && strncasecmp(w, name.ptr, len) == 0) {
                return first_words[i];
            }
            w += len + (w[len] == ' ');
        }
    }
    return NULL;
}

static const key_pair *find(const keys *k, const char *name) {
    for (size_t i = 0; i < k->count; i++) {
        if (strcasecmp(k->pairs[i].name, name) == 0) {
            return &k->pairs[i];
        }
    }
    return NULL;
}

bool keys_add(keys *k, text name, text value) {
    const char *known = key_canonical(name);
    key_pair p = {.known = known != NULL};
    p.given = text_copy(name);
    p.value = text_copy(value);
    if (p.given == NULL || p.value == NULL) {
        free(p.given);
        free(p.value);
        return false;
    }
    p.name = known != NULL ? known : p.given;
    bool grown = true;
    if (find(k, p.name) != NULL) { /* the first one wins */
        explicit_bzero(p.value, value.len);
        free(p.given);
        free(p.value);
        return true;
    }
    if (k->count == k->cap) {
        size_t cap = k->cap == 0 ? 16 : k->cap * 2;
        key_pair *pairs = realloc(k->pairs, cap * sizeof *pairs);
        grown = pairs != NULL;
        if (grown) {
            k->pairs = pairs;
            k->cap = cap;
        }
    }
    if (!grown) {
        free(p.given);
        free(p.value);
        return false;
    }
    k->pairs[k->count++] = p;
    return true;
}

/* The value at *at: up to ';', or in braces with "}}" for one brace. False: the brace stays open. */
static bool take_value(text t, size_t *at, buf *out) {
    size_t i = *at;
    while (i < t.len && (t.ptr[i] == ' ' || t.ptr[i] == '\t')) {
        i++;
    }
    if (i >= t.len || t.ptr[i] != '{') {
        size_t end = i;
        while (end < t.len && t.ptr[end] != ';') {
            end++;
        }
        text value = text_trim((text){t.ptr + i, end - i});
        buf_add(out, value.ptr, value.len);
        *at = end;
        return true;
    }
    bool closed = false;
    for (i++; i < t.len && !closed; i++) {
        if (t.ptr[i] == '}') {
            closed = i + 1 >= t.len || t.ptr[i + 1] != '}';
            i += !closed;
        }
        if (!closed) {
            buf_add_char(out, t.ptr[i]);
        }
    }
    while (i < t.len && t.ptr[i] != ';') {
        i++;
    }
    *at = i;
    return closed;
}

const char *keys_parse(keys *k, text t) {
    const char *wrong = NULL;
    t.len = t.len == 0 ? 0 : strnlen(t.ptr, t.len); /* some applications count the terminator */
    for (size_t at = 0; at < t.len && wrong == NULL;) {
        if (t.ptr[at] == ';' || t.ptr[at] == ' ' || t.ptr[at] == '\n') {
            at++;
            continue;
        }
        size_t start = at;
        while (at < t.len && t.ptr[at] != '=' && t.ptr[at] != ';') {
            at++;
        }
        text name = text_trim((text){t.ptr + start, at - start});
        if (at >= t.len || t.ptr[at] != '=') {
            wrong = "a word without '='";
            break;
        }
        at++;
        buf value = {0};
        if (!take_value(t, &at, &value)) {
            wrong = "a value in braces without its closing brace";
        } else if (name.len == 0) {
            wrong = "a value without a name";
        } else if (value.failed ||
                   !keys_add(k, name, (text){value.len > 0 ? value.ptr : "", value.len})) {
            wrong = "out of memory";
        }
        buf_wipe(&value);
    }
    return wrong;
}

bool keys_has(const keys *k, const char *name) {
    return find(k, name) != NULL;
}

const char *keys_get(const keys *k, const char *name) {
    const key_pair *p = find(k, name);
    return p == NULL || p->value[0] == '\0' ? NULL : p->value;
}

bool keys_flag(const keys *k, const char *name, bool otherwise) {
    const char *v = keys_get(k, name);
    if (v == NULL) {
        return otherwise;
    }
    return strcasecmp(v, "0") != 0 && strcasecmp(v, "false") != 0 && strcasecmp(v, "no") != 0 &&
           strcasecmp(v, "off") != 0;
}

int64_t keys_number(const keys *k, const char *name, int64_t otherwise) {
    const char *v = keys_get(k, name);
    if (v == NULL) {
        return otherwise;
    }
    char *end = NULL;
    long long n = strtoll(v, &end, 10);
    return *end == '\0' && n >= 0 ? n : otherwise;
}

void keys_write(const keys *k, buf *out) {
    for (size_t i = 0; i < k->count; i++) {
        const key_pair *p = &k->pairs[i];
        buf_add_text(out, p->given);
        buf_add_char(out, '=');
        bool driver = strcmp(p->name, "Driver") == 0; /* the driver manager writes it in braces */
        bool quote = driver || p->value[strcspn(p->value, ";{}[](),?*=!@ \t\r\n")] != '\0';
        if (quote) {
            buf_add_char(out, '{');
            for (const char *c = p->value; *c != '\0'; c++) {
                buf_add(out, *c == '}' ? "}}" : c, *c == '}' ? 2 : 1);
            }
            buf_add_char(out, '}');
        } else {
            buf_add_text(out, p->value);
        }
        buf_add_char(out, ';');
    }
}

void keys_free(keys *k) {
    for (size_t i = 0; i < k->count; i++) {
        text_wipe(k->pairs[i].value);
        free(k->pairs[i].given);
    }
    free(k->pairs);
    *k = (keys){0};
}
