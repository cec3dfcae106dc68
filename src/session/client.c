/* From the configuration of a session to the client that speaks for it. */
#include "session/internal.h"

#define STALL_LIMIT_MS 60000u

/* The first word is what the server keys several links per answer on (spec sea-protocol 1). */
#define DEFAULT_USER_AGENT "DatabricksJDBCDriverOSS/1.0.0 dbkernel/" DBK_VERSION

/* The last User-Agent among the custom headers replaces ours. */
dbk_slice dbk_config_user_agent(const dbk_config *c) {
    dbk_slice ua = DBK_SLICE(DEFAULT_USER_AGENT);
    for (size_t i = 0; i < c->headers.count; i++) {
        if (dbk_slice_eq_nocase(dbk_str_slice(&c->headers.items[i].name),
                                DBK_SLICE("user-agent"))) {
            ua = dbk_str_slice(&c->headers.items[i].value);
        }
    }
    return ua;
}

dbk_status dbk_config_http(const dbk_config *c, dbk_http_config **out, dbk_error *err) {
    dbk_http_settings s = {
        .user_agent = dbk_config_user_agent(c),
        .ca_pem = dbk_buf_slice(&c->ca_pem),
        .client_cert_pem = dbk_buf_slice(&c->client_cert_pem),
        .client_key_pem = dbk_secret_slice(&c->client_key_pem),
        .client_key_password = dbk_secret_slice(&c->client_key_password),
        .tls_skip_verify = c->tls_skip_verify,
        .tls_skip_hostname = c->tls_skip_hostname,
        .tls_least = c->tls_least,
        .proxy_url = dbk_secret_slice(&c->proxy_url),
        .proxy_user = dbk_str_slice(&c->proxy_user),
        .proxy_password = dbk_secret_slice(&c->proxy_password),
        .proxy_bypass = dbk_str_slice(&c->proxy_bypass),
        .request_timeout_ms = c->request_timeout_ms,
        .max_connections = c->max_connections,
        /* Downloads have no limit for the whole; who wants less than the usual silence gets it. */
        .stall_timeout_ms = c->request_timeout_ms < STALL_LIMIT_MS ? c->request_timeout_ms : 0,
    };
    if (!dbk_header_value_valid(s.user_agent)) {
        return dbk_error_set(err, DBK_INVALID_ARGUMENT,
                             "header User-Agent holds a control character");
    }
    return dbk_http_config_new(&s, out, err);
}

/* What was given with the mode, unless it was given for every mode. */
static dbk_slice either(const dbk_str *first, const dbk_str *second) {
    return dbk_str_slice(first->ptr != NULL ? first : second);
}

static dbk_status new_jwt(const dbk_config *c, const dbk_auth_settings *s, dbk_auth_client client,
                          dbk_auth **out, dbk_error *err) {
    const dbk_auth_jwt jwt = {
        .key_file = dbk_str_slice(&c->jwt_key_file),
        .key_id = dbk_str_slice(&c->jwt_kid),
        .passphrase = dbk_secret_slice(&c->jwt_passphrase),
        .algorithm = dbk_str_slice(&c->jwt_algorithm),
    };
    client.scopes = either(&c->oauth_scopes, &c->auth_scopes);
    client.token_url = either(&c->oauth_token_endpoint, &c->token_url);
    return dbk_auth_new_m2m_jwt(s, &client, &jwt, out, err);
}

static dbk_status new_u2m(const dbk_config *c, const dbk_auth_settings *s, dbk_auth **out,
                          dbk_error *err) {
    const dbk_auth_person person = {
        .client_id = dbk_str_slice(&c->client_id),
        .scopes = either(&c->oauth_scopes, &c->auth_scopes),
        .port = c->redirect_port,
        .cache_enabled = c->token_cache_enabled,
        .passphrase = dbk_secret_slice(&c->token_cache_passphrase),
        .open = c->login_opener,
        .open_ctx = c->login_opener_ctx,
    };
    return dbk_auth_new_u2m(s, &person, out, err);
}

static dbk_status new_azure(const dbk_config *c, const dbk_auth_settings *s, dbk_auth **out,
                            dbk_error *err) {
    const dbk_auth_azure principal = {
        .managed_identity = c->auth_mode == DBK_AUTH_AZURE_IDENTITY,
        .client_id = dbk_str_slice(&c->client_id),
        .client_secret = dbk_secret_slice(&c->client_secret),
        .tenant_id = dbk_str_slice(&c->azure_tenant_id),
        .resource_id = dbk_str_slice(&c->azure_resource_id),
    };
    return dbk_auth_new_azure(s, &principal, out, err);
}

static dbk_status new_auth(const dbk_config *c, const dbk_auth_settings *s, dbk_auth **out,
                           dbk_error *err) {
    dbk_auth_client client = {
        .client_id = dbk_str_slice(&c->client_id),
        .client_secret = dbk_secret_slice(&c->client_secret),
        .scopes = dbk_str_slice(&c->oauth_scopes),
        .token_url = dbk_str_slice(&c->oauth_token_endpoint),
    };
    switch (c->auth_mode) {
    case DBK_AUTH_PAT:
        return dbk_auth_new_pat(s, dbk_secret_slice(&c->token), c->token_expires_unix_s, out, err);
    case DBK_AUTH_M2M:
        return dbk_auth_new_m2m(s, &client, out, err);
    case DBK_AUTH_M2M_JWT:
        return new_jwt(c, s, client, out, err);
    case DBK_AUTH_U2M:
        return new_u2m(c, s, out, err);
    case DBK_AUTH_AZURE_SP:
    case DBK_AUTH_AZURE_IDENTITY:
        return new_azure(c, s, out, err);
    case DBK_AUTH_PROVIDER:
        return dbk_auth_new_provider(s, c->provider, out, err);
    case DBK_AUTH_NONE:
        break;
    }
    return dbk_error_set(err, DBK_INVALID_ARGUMENT,
                         "session config requires auth (set_auth_pat, set_auth_m2m, "
                         "set_auth_m2m_jwt, or set_auth_u2m)");
}

/* The workspace as the option says it, which the http_path must not contradict. */
static dbk_status take_workspace_id(const dbk_config *c, dbk_target *t, dbk_error *err) {
    dbk_slice given = dbk_str_slice(&c->workspace_id);
    if (given.len == 0) {
        return DBK_OK;
    }
    if (!dbk_org_id_valid(given)) {
        return dbk_error_set(err, DBK_INVALID_ARGUMENT, "workspace_id is not a number");
    }
    if (t->org[0] != '\0' && !dbk_slice_eq(given, dbk_slice_of(t->org))) {
        return dbk_error_set(err, DBK_INVALID_ARGUMENT,
                             "conflicting workspace ids: %s in http_path, workspace_id is %s",
                             t->org, given.ptr);
    }
    memcpy(t->org, given.ptr, given.len + 1);
    t->org_source = DBK_ORG_OPTION;
    return DBK_OK;
}

/* Host and either a warehouse id or an http_path. */
dbk_status dbk_config_target(const dbk_config *c, dbk_target *t, dbk_error *err) {
    dbk_status st = DBK_OK;
    *t = (dbk_target){.warehouse_id = dbk_str_slice(&c->warehouse_id)};
    if (c->host.ptr == NULL || (c->warehouse_id.ptr == NULL && c->http_path.ptr == NULL)) {
        return dbk_error_set(err, DBK_INVALID_ARGUMENT,
                             "session config requires a connection (set_warehouse or "
                             "set_http_path)");
    }
    if (c->http_path.ptr != NULL) {
        dbk_http_path path;
        DBK_TRY(dbk_http_path_parse(dbk_str_slice(&c->http_path), &path, err));
        t->warehouse_id = path.warehouse_id;
        memcpy(t->org, path.org, sizeof t->org);
        t->org_source = path.org_malformed    ? DBK_ORG_MALFORMED
                        : path.org[0] != '\0' ? DBK_ORG_QUERY
                                              : DBK_ORG_NONE;
    }
    DBK_TRY(take_workspace_id(c, t, err));
    DBK_TRY(dbk_url_origin(dbk_str_slice(&c->host), &t->origin, err));
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

dbk_status dbk_config_client(const dbk_config *c, dbk_lane *lane, dbk_sea **out, dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_target target;
    dbk_sea_header *headers = NULL;
    dbk_sea_settings s = {.retry = c->retry, .tracer = c->tracer, .header_count = c->headers.count};
    dbk_auth_settings auth = {.lane = lane,
                              .retry = &c->retry,
                              .federation_client_id = dbk_str_slice(&c->federation_client_id),
                              .federation_token_exchange = c->federation_token_exchange,
                              .federation_strict = c->federation_strict,
                              .federation_without_org_id = c->federation_without_org_id};
    DBK_TRY(dbk_config_target(c, &target, err));
    if (target.org_source == DBK_ORG_MALFORMED) {
        /* Without its '?': the log would take that for the query of a URL and star it out. */
        DBK_LOG(WARN, NULL, "ignoring non-numeric o= value in http_path");
    }
    s.warehouse_id = target.warehouse_id;
    auth.origin = s.origin = dbk_str_slice(&target.origin);
    auth.org_id = s.org_id = dbk_slice_of(target.org);
    DBK_TRY(dbk_config_http(c, &s.http, err));
    auth.http = s.http;
    DBK_TRY(new_auth(c, &auth, &s.auth, err));
    DBK_TRY(dbk_pairs_borrow(&c->headers, &headers, err));
    s.headers = headers;
    DBK_TRY(dbk_sea_new(&s, out, err));
done:
    dbk_free(headers);
    dbk_http_config_unref(s.http);
    dbk_auth_unref(s.auth);
    dbk_target_reset(&target);
    return st;
}
