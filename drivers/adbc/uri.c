#include "keys.h"

#include <stdlib.h>
#include <string.h>

/* https://host[:port][/path][?o=org], http:// for a server of this machine, and
 * databricks://[token:<token>@]host[:port][/path][?key=value&...] with the keys of the Go driver.
 * Percent-encoding is undone in user, password, path and values. */

typedef struct piece { /* borrowed */
    const char *at;
    size_t len;
} piece;

static int hex(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool decode(piece p, text *out) {
    for (size_t i = 0; i < p.len; i++) {
        char c = p.at[i];
        if (c == '%') {
            int high = i + 2 < p.len ? hex(p.at[i + 1]) : -1;
            int low = high >= 0 ? hex(p.at[i + 2]) : -1;
            if (low < 0 || high * 16 + low == 0) {
                return false;
            }
            c = (char)(high * 16 + low);
            i += 2;
        }
        text_add_n(out, &c, 1);
    }
    return true;
}

static AdbcStatusCode put(options *out, const char *key, piece value, struct AdbcError *error) {
    text decoded = {0};
    AdbcStatusCode status = ADBC_STATUS_OK;
    text_add(&decoded, "");
    if (!decode(value, &decoded)) {
        status = fail(error, ADBC_STATUS_INVALID_ARGUMENT,
                      "uri: a percent sign must be followed by two hexadecimal digits");
    } else if (decoded.failed || !options_put(out, key, text_str(&decoded))) {
        status = fail_memory(error);
    }
    text_reset(&decoded);
    return status;
}

/* Cuts what comes before `mark` off *rest; false: no such mark, nothing is cut. */
static bool cut(piece *rest, char mark, piece *before) {
    const char *found = memchr(rest->at, mark, rest->len);
    if (found == NULL) {
        return false;
    }
    *before = (piece){rest->at, (size_t)(found - rest->at)};
    rest->at = found + 1;
    rest->len -= before->len + 1;
    return true;
}

static bool is(piece p, const char *word) {
    return p.len == strlen(word) && ascii_same_n(p.at, word, p.len);
}

/* Query keys of databricks-sql-go; "" are read and need nothing of us. */
static const struct {
    const char *name, *key;
} go_keys[] = {{"catalog", "databricks.catalog"},
               {"schema", "databricks.schema"},
               {"timeout", "databricks.query.timeout"},
               {"userAgentEntry", "databricks.user_agent_entry"},
               {"useCloudFetch", "databricks.cloudfetch.enabled"},
               {"warehouseId", "databricks.warehouse_id"},
               {"enableTelemetry", "databricks.telemetry.enabled"},
               {"clientID", "databricks.auth.client_id"},
               {"clientSecret", "databricks.auth.client_secret"},
               {"accessToken", "databricks.access_token"},
               {"timezone", "databricks.session_conf.TIMEZONE"},
               {"maxRows", ""},
               {"maxDownloadThreads", ""},
               {"enableMetricViewMetadata", ""},
               {"useArrowNativeDecimal", ""},
               {"useKernel", ""},
               {"telemetry_batch_size", "databricks.telemetry.batch_size"},
               {"telemetry_flush_interval", ""},
               {"telemetry_retry_count", "databricks.telemetry.max_retries"},
               {"telemetry_retry_delay", ""}};

static AdbcStatusCode put_auth_type(options *out, piece value, struct AdbcError *error) {
    static const struct {
        const char *go, *ours;
    } rows[] = {{"pat", "access_token"}, {"OAuthM2M", "oauth_m2m"}, {"OauthU2M", "oauth_u2m"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (is(value, rows[i].go)) {
            return options_put(out, "databricks.auth.type", rows[i].ours) ? ADBC_STATUS_OK
                                                                          : fail_memory(error);
        }
    }
    return fail(error, ADBC_STATUS_INVALID_ARGUMENT,
                "uri: authType must be PAT, OAuthM2M or OauthU2M");
}

/* Any other key is a session conf, as in the Go driver. */
static AdbcStatusCode put_query(options *out, piece name, piece value, struct AdbcError *error) {
    if (is(name, "authType")) {
        return put_auth_type(out, value, error);
    }
    for (size_t i = 0; i < sizeof go_keys / sizeof go_keys[0]; i++) {
        if (is(name, go_keys[i].name)) {
            return go_keys[i].key[0] != '\0' ? put(out, go_keys[i].key, value, error)
                                             : ADBC_STATUS_OK;
        }
    }
    text key = {0};
    text_add(&key, "databricks.session_conf.");
    text_add_n(&key, name.at, name.len);
    AdbcStatusCode status =
        key.failed ? fail_memory(error) : put(out, text_str(&key), value, error);
    text_reset(&key);
    return status;
}

static AdbcStatusCode split_query(piece rest, options *out, struct AdbcError *error) {
    while (rest.len > 0) {
        piece pair = rest;
        piece name = {0};
        if (!cut(&rest, '&', &pair)) {
            rest.len = 0;
        }
        if (pair.len > 0 && !cut(&pair, '=', &name)) {
            return fail(error, ADBC_STATUS_INVALID_ARGUMENT,
                        "uri: what follows '?' must be key=value pairs");
        }
        if (name.len > 0) {
            RETURN_IF(put_query(out, name, pair, error));
        }
    }
    return ADBC_STATUS_OK;
}

/* [user:password@]host[:port] */
static AdbcStatusCode split_place(piece place, const char *scheme, options *out,
                                  struct AdbcError *error) {
    piece user = {0};
    piece name = {0};
    if (cut(&place, '@', &user)) {
        if (!cut(&user, ':', &name) || !is(name, "token")) {
            return fail(error, ADBC_STATUS_INVALID_ARGUMENT,
                        "uri: the user must be token:<personal access token>");
        }
        RETURN_IF(put(out, "databricks.access_token", user, error));
    }
    if (place.len == 0) {
        return fail(error, ADBC_STATUS_INVALID_ARGUMENT, "uri: there is no host");
    }
    text host = {0};
    text_addf(&host, "%s://%.*s", scheme, (int)place.len, place.at);
    AdbcStatusCode status =
        host.failed || !options_put(out, "databricks.server_hostname", text_str(&host))
            ? fail_memory(error)
            : ADBC_STATUS_OK;
    text_reset(&host);
    return status;
}

static AdbcStatusCode put_path(piece path, options *out, struct AdbcError *error) {
    static const char cluster[] = "sql/protocolv1/";
    while (path.len > 0 && path.at[0] == '/') {
        path = (piece){path.at + 1, path.len - 1};
    }
    if (path.len >= sizeof cluster - 1 && memcmp(path.at, cluster, sizeof cluster - 1) == 0) {
        return fail(error, ADBC_STATUS_INVALID_ARGUMENT,
                    "uri: /%.*s is an all-purpose cluster; this driver speaks to SQL warehouses "
                    "(/sql/1.0/warehouses/<id>)",
                    (int)path.len, path.at);
    }
    text whole = {0};
    text_addf(&whole, "/%.*s", (int)path.len, path.at);
    AdbcStatusCode status = ADBC_STATUS_OK;
    if (path.len > 0) {
        status = put(out, "databricks.http_path", (piece){text_str(&whole), whole.len}, error);
    }
    text_reset(&whole);
    return status;
}

AdbcStatusCode uri_split(const char *uri, options *out, struct AdbcError *error) {
    static const char *const schemes[][2] = {
        {"databricks://", "https"}, {"https://", "https"}, {"http://", "http"}};
    piece rest = {0};
    piece place = {0};
    piece query = {0};
    const char *scheme = NULL;
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        size_t len = strlen(schemes[i][0]);
        if (ascii_same_n(uri, schemes[i][0], len)) {
            scheme = schemes[i][1];
            rest = (piece){uri + len, strlen(uri + len)};
        }
    }
    if (scheme == NULL) {
        return fail(error, ADBC_STATUS_INVALID_ARGUMENT,
                    "uri must begin with databricks://, https:// or http://");
    }
    piece path = rest;
    if (cut(&path, '?', &rest)) { /* rest: what comes before */
        query = path;
    }
    bool has_path = cut(&rest, '/', &place);
    if (!has_path) {
        place = rest;
        rest.len = 0;
    }
    RETURN_IF(split_place(place, scheme, out, error));
    bool of_web = ascii_same_n(uri, "http", 4);
    if (of_web && has_path && query.len > 0) { /* ?o=<organisation> is a part of the path */
        rest.len += query.len + 1;
        query.len = 0;
    }
    RETURN_IF(put_path(rest, out, error));
    return split_query(query, out, error);
}
