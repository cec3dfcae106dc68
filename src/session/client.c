/* From the configuration of a session to the client that speaks for it. */
#include "session/internal.h"

#define STALL_LIMIT_MS 60000u

/* The first word is what the server keys several links per answer on (spec sea-protocol 1). */
#define DEFAULT_USER_AGENT "DatabricksJDBCDriverOSS/1.0.0 dbkernel/" DBK_VERSION

/* The last User-Agent among the custom headers replaces ours. */
static dbk_slice user_agent(const dbk_config *c) {
    dbk_slice ua = DBK_SLICE(DEFAULT_USER_AGENT);
    for (size_t i = 0; i < c->headers.count; i++) {
        if (dbk_slice_eq_nocase(dbk_str_slice(&c->headers.items[i].name),
                                DBK_SLICE("user-agent"))) {
            ua = dbk_str_slice(&c->headers.items[i].value);
        }
    }
    return ua;
}

static dbk_status new_http(const dbk_config *c, dbk_http_config **out, dbk_error *err) {
    dbk_http_settings s = {
        .user_agent = user_agent(c),
        .ca_pem = dbk_buf_slice(&c->ca_pem),
        .client_cert_pem = dbk_buf_slice(&c->client_cert_pem),
        .client_key_pem = dbk_secret_slice(&c->client_key_pem),
        .tls_skip_verify = c->tls_skip_verify,
        .tls_skip_hostname = c->tls_skip_hostname,
        .proxy_url = dbk_str_slice(&c->proxy_url),
        .proxy_user = dbk_str_slice(&c->proxy_user),
        .proxy_password = dbk_secret_slice(&c->proxy_password),
        .proxy_bypass = dbk_str_slice(&c->proxy_bypass),
        .request_timeout_ms = c->request_timeout_ms,
        /* Downloads have no limit for the whole; who wants less than the usual silence gets it. */
        .stall_timeout_ms = c->request_timeout_ms < STALL_LIMIT_MS ? c->request_timeout_ms : 0,
    };
    if (!dbk_header_value_valid(s.user_agent)) {
        return dbk_error_set(err, DBK_INVALID_ARGUMENT,
                             "header User-Agent holds a control character");
    }
    return dbk_http_config_new(&s, out, err);
}

static dbk_status new_auth(const dbk_config *c, dbk_auth **out, dbk_error *err) {
    switch (c->auth_mode) {
    case DBK_AUTH_PAT:
        return dbk_auth_new_pat(dbk_secret_slice(&c->token), out, err);
    case DBK_AUTH_M2M:
    case DBK_AUTH_M2M_JWT:
    case DBK_AUTH_U2M:
    case DBK_AUTH_AZURE_SP:
        return dbk_error_set(err, DBK_INVALID_ARGUMENT,
                             "this build authenticates with a personal access token only; OAuth "
                             "modes can be configured but not used yet");
    case DBK_AUTH_NONE:
        break;
    }
    return dbk_error_set(err, DBK_INVALID_ARGUMENT,
                         "session config requires auth (set_auth_pat, set_auth_m2m, "
                         "set_auth_m2m_jwt, or set_auth_u2m)");
}

/* Where: host and either a warehouse id or an http_path. */
static dbk_status resolve_target(const dbk_config *c, dbk_str *origin, dbk_slice *warehouse,
                                 dbk_slice *org, dbk_error *err) {
    dbk_status st = DBK_OK;
    if (c->host.ptr == NULL || (c->warehouse_id.ptr == NULL && c->http_path.ptr == NULL)) {
        return dbk_error_set(err, DBK_INVALID_ARGUMENT,
                             "session config requires a connection (set_warehouse or "
                             "set_http_path)");
    }
    *org = (dbk_slice){0};
    if (c->http_path.ptr != NULL) {
        DBK_TRY(dbk_http_path_parse(dbk_str_slice(&c->http_path), warehouse, org, err));
    } else {
        *warehouse = dbk_str_slice(&c->warehouse_id);
    }
    DBK_TRY(dbk_url_origin(dbk_str_slice(&c->host), origin, err));
done:
    return st;
}

dbk_status dbk_pairs_borrow(const dbk_pairs *pairs, dbk_sea_header **out, dbk_error *err) {
    dbk_sea_header *list = dbk_alloc_array(pairs->count, sizeof *list);
    if (list == NULL) {
        return dbk_error_oom(err, "a list of headers");
    }
    for (size_t i = 0; i < pairs->count; i++) {
        list[i].name = dbk_str_slice(&pairs->items[i].name);
        list[i].value = dbk_str_slice(&pairs->items[i].value);
    }
    *out = list;
    return DBK_OK;
}

dbk_status dbk_config_client(const dbk_config *c, dbk_sea **out, dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_str origin = {0};
    dbk_sea_header *headers = NULL;
    dbk_sea_settings s = {.retry = c->retry, .header_count = c->headers.count};
    DBK_TRY(resolve_target(c, &origin, &s.warehouse_id, &s.org_id, err));
    s.origin = dbk_str_slice(&origin);
    DBK_TRY(new_auth(c, &s.auth, err));
    DBK_TRY(new_http(c, &s.http, err));
    DBK_TRY(dbk_pairs_borrow(&c->headers, &headers, err));
    s.headers = headers;
    DBK_TRY(dbk_sea_new(&s, out, err));
done:
    dbk_free(headers);
    dbk_http_config_unref(s.http);
    dbk_auth_unref(s.auth);
    dbk_str_reset(&origin);
    return st;
}
