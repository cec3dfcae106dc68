/* What stands between here and the warehouse, told as a block of lines or as JSON. No secrets. */
#include <stdio.h>

#include "session/internal.h"

typedef struct findings {
    dbk_target target;
    char proxy[200];
    char oidc_root[DBK_OIDC_ROOT_SIZE]; /* of the account; "": the host's own counts */
    dbk_host_facts host;
    dbk_auth_facts auth;
    bool open_ok, query_ok;
    uint64_t open_ms, query_ms;
    dbk_error error; /* of the round trip */
} findings;

/* ---- the token, read on its lane ---- */

typedef struct look {
    dbk_op op;
    dbk_auth *auth;
    dbk_auth_facts facts;
} look;

static dbk_step look_now(dbk_op *op) {
    look *l = DBK_CONTAINER_OF(op, look, op);
    dbk_auth_describe(l->auth, &l->facts);
    return dbk_op_finish(op, DBK_OK);
}

static void look_destroy(dbk_op *op) {
    dbk_free(DBK_CONTAINER_OF(op, look, op));
}

static const dbk_state look_states[] = {{"look", look_now, 0}};
static const dbk_machine look_machine = {"look at a token", look_states, 1, NULL, look_destroy};

static dbk_status read_auth(dbk_session *s, dbk_auth_facts *out, dbk_error *err) {
    look *l = dbk_alloc_zero(sizeof *l);
    if (l == NULL) {
        return dbk_error_oom(err, "a look at the token");
    }
    dbk_op_init(&l->op, &look_machine, dbk_runtime_control(s->runtime));
    l->auth = dbk_sea_auth(s->sea);
    dbk_status st = dbk_op_run(&l->op, err);
    *out = l->facts;
    dbk_op_unref(&l->op);
    return st;
}

/* ---- finding out ---- */

static bool is_oauth(dbk_auth_mode mode) {
    return mode == DBK_AUTH_M2M || mode == DBK_AUTH_M2M_JWT || mode == DBK_AUTH_U2M;
}

static dbk_status probe(dbk_http_config *http, findings *f, dbk_error *err) {
    dbk_runtime *runtime = NULL;
    dbk_host_probe *probe = NULL;
    dbk_status st = DBK_OK;
    DBK_TRY(dbk_runtime_acquire(&runtime, err));
    DBK_TRY(dbk_host_probe_new(dbk_runtime_control(runtime), http, dbk_str_slice(&f->target.origin),
                               &probe, err));
    DBK_TRY(dbk_op_run(&probe->op, err));
    f->host = probe->facts;
done:
    dbk_host_probe_unref(probe);
    dbk_runtime_unref(runtime);
    return st;
}

static dbk_status find_host(const dbk_config *c, findings *f, dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_http_config *http = NULL;
    const char *proxy = NULL;
    DBK_TRY(dbk_config_target(c, &f->target, err));
    DBK_TRY(dbk_config_http(c, &http, err));
    proxy = dbk_http_config_proxy(http, f->target.origin.ptr);
    if (proxy != NULL) {
        dbk_redact_url(dbk_slice_of(proxy), f->proxy, sizeof f->proxy);
    }
    DBK_TRY(probe(http, f, err));
    if (is_oauth(c->auth_mode) && f->target.org[0] != '\0') {
        dbk_host_oidc_root(&f->host, dbk_str_slice(&f->target.origin), f->oidc_root);
    }
done:
    dbk_http_config_unref(http);
    return st;
}

/* A session, SELECT 1, and their times. Failing is a finding. */
static void try_it(const dbk_config *c, findings *f) {
    dbk_session *s = NULL;
    uint64_t begun = dbk_clock_ms(&dbk_clock_system);
    f->open_ok = dbk_session_open(c, NULL, &s, &f->error) == DBK_OK;
    f->open_ms = dbk_clock_ms(&dbk_clock_system) - begun;
    if (!f->open_ok) {
        return;
    }
    begun = dbk_clock_ms(&dbk_clock_system);
    f->query_ok = dbk_session_test(s, &f->error) == DBK_OK;
    f->query_ms = dbk_clock_ms(&dbk_clock_system) - begun;
    dbk_error ignored = {0};
    (void)!read_auth(s, &f->auth, &ignored);
    dbk_error_reset(&ignored);
    dbk_session_close(s);
    dbk_session_unref(s);
}

/* ---- telling ---- */

static const char *mode_name(dbk_auth_mode mode) {
    static const char *const names[] = {"none",
                                        "token",
                                        "oauth-m2m",
                                        "oauth-m2m-jwt",
                                        "oauth-u2m",
                                        "azure-sp",
                                        "azure-managed-identity",
                                        "token-provider"};
    return names[mode];
}

static const char *source_name(dbk_org_source source) {
    static const char *const names[] = {"none", "query", "option", "malformed"};
    return names[source];
}

/* Absent texts are null. */
static dbk_status put_text(json_t *doc, const char *key, const char *text, dbk_error *err) {
    return text != NULL && text[0] != '\0' ? dbk_json_put_str(doc, key, dbk_slice_of(text), err)
                                           : dbk_json_put(doc, key, json_null(), err);
}

static dbk_status put_probe(json_t *doc, const findings *f, dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_str said = {0};
    uint64_t age = dbk_clock_ms(&dbk_clock_system) - f->host.asked_ms;
    DBK_TRY(dbk_str_setf(&said, err, "%s%s", f->host.known ? "ok" : "failed: ", f->host.why));
    DBK_TRY(put_text(doc, "host_type", f->host.host_type, err));
    DBK_TRY(put_text(doc, "probe", said.ptr, err));
    DBK_TRY(dbk_json_put_i64(doc, "probe_ms", (int64_t)f->host.took_ms, err));
    DBK_TRY(dbk_json_put_i64(doc, "probe_age_s", (int64_t)(age / 1000), err));
    DBK_TRY(put_text(doc, "cloud", f->host.cloud, err));
    DBK_TRY(put_text(doc, "account_id", f->host.account_id, err));
    DBK_TRY(put_text(doc, "oidc_endpoint", f->host.oidc_endpoint, err));
    DBK_TRY(put_text(doc, "oidc_endpoint_used", f->oidc_root, err));
done:
    dbk_str_reset(&said);
    return st;
}

/* Something was answered: the connection stood. */
static bool reached(const findings *f) {
    return f->host.known || f->open_ok || f->error.http_status != 0;
}

/* "yes", "no", ...; NULL: there is nothing to verify, or it did not come to that. */
static const char *verified(const dbk_config *c, const findings *f) {
    bool secure = strncmp(f->target.origin.ptr, "https:", 6) == 0;
    if (!secure || (!reached(f) && f->host.tls[0] == '\0')) {
        return NULL;
    }
    return c->tls_skip_verify     ? "no"
           : !reached(f)          ? "refused"
           : c->tls_skip_hostname ? "without the host name"
                                  : "yes";
}

/* What to do about the error, where its text does not say it itself; NULL: nothing to add. */
static const char *hint(const dbk_config *c, const findings *f) {
    const char *message = dbk_error_message(&f->error);
    bool token = c->auth_mode == DBK_AUTH_PAT || c->auth_mode == DBK_AUTH_PROVIDER;
    dbk_status code = f->error.code;
    if (code == DBK_UNAUTHENTICATED && token) {
        return "the token was not accepted: is it complete, not expired, and of this workspace?";
    }
    if (code == DBK_UNAUTHENTICATED) {
        return "the login was refused: check the client id and its secret or key, and that this "
               "identity may enter this workspace";
    }
    if (code == DBK_PERMISSION_DENIED) {
        return "the login is good but may not use this warehouse, or an IP access list forbids "
               "this network";
    }
    if (code == DBK_NOT_FOUND) {
        return "there is no such warehouse on this host: check the http_path";
    }
    if (code == DBK_NETWORK && strstr(message, "resolve host") != NULL) {
        return "there is no such host: check its name (without a path), the VPN and the DNS";
    }
    if (code == DBK_NETWORK && strstr(message, "onnect to") != NULL && f->proxy[0] == '\0') {
        return "nothing answers there: check host and port, the network and the VPN; does this "
               "network need a proxy (HTTPS_PROXY)?";
    }
    return code == DBK_UNAVAILABLE
               ? "the service is busy or the warehouse is starting: try again in a minute"
               : NULL;
}

static dbk_status put_warnings(json_t *doc, const dbk_config *c, const char *of_host,
                               dbk_error *err) {
    const char *const all[] = {
        of_host,
        c->tls_skip_verify     ? "the server's certificate is not verified: anybody in between can "
                                 "read and change everything"
        : c->tls_skip_hostname ? "the host name in the server's certificate is not verified"
                               : NULL,
        c->request_timeout_ms != 0 && c->request_timeout_ms < 1000
            ? "the request timeout is under a second: most requests will not end in time"
            : NULL,
    };
    json_t *list = json_array();
    bool ok = list != NULL;
    for (size_t i = 0; i < sizeof all / sizeof all[0] && ok; i++) {
        ok = all[i] == NULL || json_array_append_new(list, json_string(all[i])) == 0;
    }
    if (!ok) {
        json_decref(list);
    }
    return dbk_json_put(doc, "warnings", ok ? list : NULL, err);
}

static dbk_status put_way(json_t *doc, const dbk_config *c, const findings *f, dbk_error *err) {
    dbk_status st = DBK_OK;
    const char *warning = NULL;
    int row = dbk_host_matrix(f->host.host_type, f->target.org_source, &warning);
    DBK_TRY(put_text(doc, "workspace_id", f->target.org, err));
    DBK_TRY(put_text(doc, "workspace_id_source", source_name(f->target.org_source), err));
    DBK_TRY(dbk_json_put_bool(doc, "header_sent", f->target.org[0] != '\0', err));
    DBK_TRY(dbk_json_put_i64(doc, "matrix_row", row, err));
    DBK_TRY(put_warnings(doc, c, warning, err));
    DBK_TRY(put_text(doc, "tls", f->host.tls, err));
    DBK_TRY(put_text(doc, "tls_verified", verified(c, f), err));
    DBK_TRY(put_text(doc, "proxy", f->proxy, err));
done:
    return st;
}

static dbk_status put_trip(json_t *doc, const dbk_config *c, const findings *f, dbk_error *err) {
    dbk_status st = DBK_OK;
    DBK_TRY(put_text(doc, "auth", mode_name(c->auth_mode), err));
    if (f->auth.ages) {
        DBK_TRY(dbk_json_put_i64(doc, "token_age_s", f->auth.age_ms / 1000, err));
        DBK_TRY(dbk_json_put_i64(doc, "token_left_s", f->auth.left_ms / 1000, err));
    } else {
        DBK_TRY(put_text(doc, "token_age_s", NULL, err));
        DBK_TRY(put_text(doc, "token_left_s", NULL, err));
    }
    DBK_TRY(put_text(doc, "round_trip",
                     f->query_ok  ? "ok"
                     : f->open_ok ? "query failed"
                                  : "no session",
                     err));
    DBK_TRY(dbk_json_put_i64(doc, "open_ms", (int64_t)f->open_ms, err));
    DBK_TRY(dbk_json_put_i64(doc, "query_ms", (int64_t)f->query_ms, err));
    DBK_TRY(put_text(doc, "error", f->query_ok ? NULL : dbk_error_message(&f->error), err));
    DBK_TRY(put_text(doc, "hint", f->query_ok ? NULL : hint(c, f), err));
    DBK_TRY(put_text(doc, "kernel_version", DBK_VERSION, err));
    DBK_TRY(put_text(doc, "libraries", dbk_http_library(), err));
done:
    return st;
}

static dbk_status write_line(const char *key, const json_t *value, dbk_buf *out, dbk_error *err) {
    if (json_is_string(value)) {
        return dbk_buf_putf(out, err, "%-20s %s\n", key, json_string_value(value));
    }
    if (json_is_integer(value)) {
        return dbk_buf_putf(out, err, "%-20s %lld\n", key, (long long)json_integer_value(value));
    }
    return json_is_boolean(value)
               ? dbk_buf_putf(out, err, "%-20s %s\n", key, json_is_true(value) ? "yes" : "no")
               : DBK_OK;
}

/* "name   value", a line each; what is null is left out, of a list each entry is a line. */
static dbk_status write_lines(const json_t *doc, dbk_buf *out, dbk_error *err) {
    dbk_status st = DBK_OK;
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach((json_t *)(uintptr_t)doc, key, value) {
        if (strcmp(key, "matrix_row") == 0) { /* for programs */
            continue;
        }
        for (size_t i = 0; i < json_array_size(value); i++) {
            DBK_TRY(write_line(key, json_array_get(value, i), out, err));
        }
        DBK_TRY(write_line(key, value, out, err));
    }
done:
    return st;
}

static dbk_status write_report(const dbk_config *c, const findings *f, bool as_json, dbk_buf *out,
                               dbk_error *err) {
    dbk_status st = DBK_OK;
    json_t *doc = json_object();
    if (doc == NULL) {
        return dbk_error_oom(err, "a connection report");
    }
    DBK_TRY(put_text(doc, "host", f->target.origin.ptr, err));
    DBK_TRY(put_probe(doc, f, err));
    DBK_TRY(put_way(doc, c, f, err));
    DBK_TRY(put_trip(doc, c, f, err));
    if (as_json) {
        DBK_TRY(dbk_json_write(doc, out, err));
        DBK_TRY(dbk_buf_putc(out, '\n', err));
    } else {
        DBK_TRY(write_lines(doc, out, err));
    }
done:
    json_decref(doc);
    return st;
}

dbk_status dbk_connection_find(const dbk_config *c, bool as_json, dbk_buf *out, bool *healthy,
                               dbk_error *err) {
    dbk_status st = DBK_OK;
    findings *f = dbk_alloc_zero(sizeof *f);
    if (f == NULL) {
        return dbk_error_oom(err, "a connection report");
    }
    DBK_TRY(find_host(c, f, err));
    try_it(c, f);
    DBK_TRY(write_report(c, f, as_json, out, err));
    *healthy = f->query_ok;
done:
    dbk_error_reset(&f->error);
    dbk_target_reset(&f->target);
    dbk_free(f);
    return st;
}
