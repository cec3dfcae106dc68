/* An Azure service principal, or the identity of this machine: tokens of Microsoft Entra, for the workspace and
 * for Azure's management: spec auth 8. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/form.h"
#include "auth/grant.h"
#include "auth/internal.h"

/* Azure's clouds: who issues the tokens there, and what management is called. */
typedef struct cloud {
    const char *login, *management, *suffix; /* suffix of its workspaces; NULL: of no other */
} cloud;

static const cloud clouds[] = {
    {"login.microsoftonline.us", "https://management.core.usgovcloudapi.net/",
     ".databricks.azure.us"},
    {"login.chinacloudapi.cn", "https://management.core.chinacloudapi.cn/", ".databricks.azure.cn"},
    {"login.partner.microsoftonline.cn", "https://management.core.chinacloudapi.cn/", NULL},
    {"login.microsoftonline.com", "https://management.core.windows.net/", ""},
};

static const struct {
    const char *suffix, *application;
} applications[] = {
    {".dev.azuredatabricks.net", "62a912ac-b58e-4c1d-89ea-b2dbfc7358fc"},
    {".staging.azuredatabricks.net", "4a67d088-db5c-48f1-9ff2-0aace800ae68"},
    {"", "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d"},
};

typedef struct azure {
    dbk_auth base;
    dbk_str client_id;
    dbk_secret client_secret;
    dbk_secret basic;
    dbk_str tenant; /* as given, or as once discovered; absent: not known yet */
    const cloud *cloud;
    bool manages; /* a management token goes along */
    dbk_str
        identity_url; /* of a managed identity: where this machine's tokens are; absent: a principal */
} azure;

typedef struct azure_fetch {
    dbk_fetch base;
    dbk_auth_call *call; /* to the workspace, for the tenant */
    dbk_grant *grant;
    dbk_grant *management;
} azure_fetch;

enum { AZURE_PLACE, AZURE_FOUND, AZURE_ASK, AZURE_TOLD, AZURE_MANAGED };

static azure *azure_of(dbk_auth *auth) {
    return DBK_CONTAINER_OF(auth, azure, base);
}

static azure_fetch *fetch_of(dbk_op *op) {
    return DBK_CONTAINER_OF(op, azure_fetch, base.op);
}

static const cloud *cloud_of_host(dbk_slice host) {
    size_t i = 0;
    while (clouds[i].suffix == NULL || !dbk_host_has_suffix(host, clouds[i].suffix)) {
        i++; /* the last one has every suffix */
    }
    return &clouds[i];
}

static const char *application_of(dbk_slice host) {
    size_t i = 0;
    while (!dbk_host_has_suffix(host, applications[i].suffix)) {
        i++;
    }
    return applications[i].application;
}

static dbk_slice host_of(const azure *z) {
    return dbk_authority_host(dbk_url_authority(dbk_str_slice(&z->base.env.origin)));
}

/* ---- the tenant ---- */

static dbk_status check_tenant(dbk_slice tenant, dbk_status code, dbk_error *err) {
    static const char *const of_nobody[] = {"organizations", "common", "consumers"};
    bool ok = tenant.len >= 1 && tenant.len <= 255 && tenant.ptr[0] != '.';
    for (size_t i = 0; i < tenant.len && ok; i++) {
        char c = tenant.ptr[i];
        ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
             c == '.' || c == '-';
    }
    for (size_t i = 0; i < sizeof of_nobody / sizeof of_nobody[0] && ok; i++) {
        ok = !dbk_slice_eq_nocase(tenant, dbk_slice_of(of_nobody[i]));
    }
    return ok ? DBK_OK
              : dbk_error_set(err, code,
                              "the Azure tenant is not the id or the domain of one directory; pass "
                              "azure_tenant_id explicitly");
}

static dbk_step azure_place(dbk_op *op) {
    azure_fetch *f = fetch_of(op);
    dbk_auth *auth = f->base.auth;
    dbk_str url = {0};
    if (azure_of(auth)->tenant.len > 0 || azure_of(auth)->identity_url.len > 0) {
        return dbk_op_goto(op, AZURE_ASK);
    }
    dbk_auth_request request = {.what = "Azure tenant discovery", .effect = DBK_EFFECT_NONE};
    dbk_status st = dbk_str_setf(&url, &op->err, "%s/aad/auth", auth->env.origin.ptr);
    request.url = dbk_str_slice(&url);
    st = st == DBK_OK ? dbk_auth_call_new(&auth->env, &request, &f->call, &op->err) : st;
    dbk_str_reset(&url);
    return st == DBK_OK ? dbk_op_wait_op(op, &f->call->op, AZURE_FOUND) : dbk_op_finish(op, st);
}

static dbk_status refuse_answer(const azure *z, const dbk_auth_answer *a, dbk_error *err) {
    if (a->outcome != DBK_HTTP_ANSWERED) {
        (void)dbk_error_set(err, DBK_NETWORK, "Azure tenant discovery: %s", a->why);
        err->retryable = a->outcome != DBK_HTTP_TLS;
        return err->code;
    }
    (void)dbk_error_set(
        err, DBK_UNAUTHENTICATED,
        "Azure tenant discovery: %s/aad/auth did not return a redirect Location; pass "
        "azure_tenant_id explicitly",
        z->base.env.origin.ptr);
    err->http_status = (uint16_t)a->status;
    return err->code;
}

/* "https://<login host>/<tenant>/oauth2/authorize" */
static dbk_status take_location(azure *z, const char *location, dbk_error *err) {
    dbk_slice host = dbk_authority_host(dbk_url_authority(dbk_slice_of(location)));
    bool safe = strncmp(location, "https://", 8) == 0;
    for (size_t i = 0; i < sizeof clouds / sizeof clouds[0] && safe; i++) {
        if (dbk_slice_eq_nocase(host, dbk_slice_of(clouds[i].login))) {
            dbk_slice path = dbk_slice_of(strchr(location + 8, '/'));
            dbk_slice tenant;
            path = dbk_slice_n(path.ptr + (path.len > 0), path.len - (path.len > 0));
            dbk_slice rest = path;
            tenant = dbk_slice_split(&rest, '/', &tenant) ? tenant : path;
            z->cloud = &clouds[i];
            dbk_status st = check_tenant(tenant, DBK_UNAUTHENTICATED, err);
            return st == DBK_OK ? dbk_str_set(&z->tenant, tenant, err) : st;
        }
    }
    return dbk_error_set(err, DBK_UNAUTHENTICATED,
                         "Azure tenant discovery: /aad/auth did not redirect to a Microsoft login "
                         "host (got \"%.*s\"); pass azure_tenant_id explicitly",
                         (int)dbk_min_size(host.len, 100), host.ptr);
}

static dbk_step azure_found(dbk_op *op) {
    azure_fetch *f = fetch_of(op);
    azure *z = azure_of(f->base.auth);
    const dbk_auth_answer *a = &f->call->answer;
    bool moved = a->outcome == DBK_HTTP_ANSWERED && a->status >= 300 && a->status < 400 &&
                 a->location[0] != '\0';
    dbk_status st = moved ? take_location(z, a->location, &op->err) : refuse_answer(z, a, &op->err);
    return st == DBK_OK ? dbk_op_goto(op, AZURE_ASK) : dbk_op_finish(op, st);
}

/* ---- the tokens ---- */

static dbk_status write_scope(void *ctx, dbk_buf *form, dbk_error *err) {
    dbk_status st = DBK_OK;
    char scope[80];
    (void)snprintf(scope, sizeof scope, "%s/.default", application_of(host_of(ctx)));
    DBK_TRY(dbk_form_put(form, "grant_type", DBK_SLICE("client_credentials"), err));
    DBK_TRY(dbk_form_put(form, "scope", dbk_slice_of(scope), err));
done:
    return st;
}

static dbk_status write_resource(void *ctx, dbk_buf *form, dbk_error *err) {
    dbk_status st = DBK_OK;
    const azure *z = ctx;
    DBK_TRY(dbk_form_begin(form, z->client_id.len + z->client_secret.len, err));
    DBK_TRY(dbk_form_put(form, "grant_type", DBK_SLICE("client_credentials"), err));
    DBK_TRY(dbk_form_put(form, "client_id", dbk_str_slice(&z->client_id), err));
    DBK_TRY(dbk_form_put(form, "client_secret", dbk_secret_slice(&z->client_secret), err));
    DBK_TRY(dbk_form_put(form, "resource", dbk_slice_of(z->cloud->management), err));
done:
    return st;
}

/* "http://169.254.169.254/metadata/identity/oauth2/token?...": learn.microsoft.com, "How to use managed
 * identities ... to acquire an access token" (2018-02-01). The header keeps forged requests out. */
static dbk_status identity_grant(azure *z, bool management, dbk_grant **out, dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_buf query = {0};
    dbk_str url = {0};
    dbk_auth_request request = {.what = management ? "Azure management identity"
                                                   : "Azure managed identity",
                                .authorization = DBK_SLICE("metadata: true"),
                                .effect = DBK_EFFECT_NONE};
    dbk_slice resource =
        dbk_slice_of(management ? z->cloud->management : application_of(host_of(z)));
    DBK_TRY(dbk_form_begin(&query, resource.len + z->client_id.len, err));
    DBK_TRY(dbk_form_put(&query, "api-version", DBK_SLICE("2018-02-01"), err));
    DBK_TRY(dbk_form_put(&query, "resource", resource, err));
    if (z->client_id.len > 0) {
        DBK_TRY(dbk_form_put(&query, "client_id", dbk_str_slice(&z->client_id), err));
    }
    DBK_TRY(dbk_str_setf(&url, err, "%s?%.*s", z->identity_url.ptr, (int)query.len,
                         (const char *)query.ptr));
    request.url = dbk_str_slice(&url);
    DBK_TRY(dbk_grant_new(&z->base.env, &request, "Azure managed identity", out, err));
done:
    dbk_buf_wipe(&query);
    dbk_str_reset(&url);
    return st;
}

static dbk_status new_grant(azure *z, bool management, dbk_grant **out, dbk_error *err) {
    if (z->identity_url.len > 0) {
        return identity_grant(z, management, out, err);
    }
    dbk_str url = {0};
    dbk_auth_request request = {.what = management ? "Azure management grant" : "Azure grant",
                                .accept_json = !management,
                                .effect = DBK_EFFECT_NONE,
                                .write_form = management ? write_resource : write_scope,
                                .ctx = z};
    if (!management) {
        request.authorization = dbk_secret_slice(&z->basic);
    }
    dbk_status st = dbk_str_setf(&url, err, "https://%s/%s/oauth2/%stoken", z->cloud->login,
                                 z->tenant.ptr, management ? "" : "v2.0/");
    request.url = dbk_str_slice(&url);
    st = st == DBK_OK
             ? dbk_grant_new(&z->base.env, &request,
                             management ? "could not client credentials grant: Azure "
                                          "management token request failed"
                                        : "could not client credentials grant: Azure token "
                                          "request failed",
                             out, err)
             : st;
    dbk_str_reset(&url);
    return st;
}

static dbk_step azure_ask(dbk_op *op) {
    azure_fetch *f = fetch_of(op);
    dbk_status st = new_grant(azure_of(f->base.auth), false, &f->grant, &op->err);
    return st == DBK_OK ? dbk_op_wait_op(op, &f->grant->op, AZURE_TOLD) : dbk_op_finish(op, st);
}

static dbk_step azure_told(dbk_op *op) {
    azure_fetch *f = fetch_of(op);
    azure *z = azure_of(f->base.auth);
    dbk_token_move(&f->base.token, &f->grant->token);
    if (!z->manages) {
        return dbk_op_finish(op, DBK_OK);
    }
    dbk_status st = new_grant(z, true, &f->management, &op->err);
    return st == DBK_OK ? dbk_op_wait_op(op, &f->management->op, AZURE_MANAGED)
                        : dbk_op_finish(op, st);
}

/* Both are sent with each request, so the pair ends with the one that ends first. */
static dbk_step azure_managed(dbk_op *op) {
    azure_fetch *f = fetch_of(op);
    dbk_token *t = &f->base.token;
    dbk_token *m = &f->management->token;
    dbk_secret_move(&t->second, &m->access);
    t->ends_ms = dbk_min_u64(t->ends_ms, m->ends_ms);
    t->ends_wall_ms = dbk_min_i64(t->ends_wall_ms, m->ends_wall_ms);
    t->life_ms = dbk_min_u64(t->life_ms, m->life_ms);
    return dbk_op_finish(op, DBK_OK);
}

static void azure_fetch_destroy(dbk_op *op) {
    azure_fetch *f = fetch_of(op);
    dbk_auth_call_unref(f->call);
    dbk_grant_unref(f->grant);
    dbk_grant_unref(f->management);
    dbk_token_reset(&f->base.token);
    dbk_free(f);
}

static const dbk_state azure_states[] = {
    [AZURE_PLACE] = {"place", azure_place, DBK_TO(AZURE_FOUND) | DBK_TO(AZURE_ASK)},
    [AZURE_FOUND] = {"found", azure_found, DBK_TO(AZURE_ASK)},
    [AZURE_ASK] = {"ask", azure_ask, DBK_TO(AZURE_TOLD)},
    [AZURE_TOLD] = {"told", azure_told, DBK_TO(AZURE_MANAGED)},
    [AZURE_MANAGED] = {"managed", azure_managed, 0},
};
static const dbk_machine azure_machine = {"Azure login", azure_states, 5, NULL,
                                          azure_fetch_destroy};

static dbk_status azure_fetch_new(dbk_auth *auth, dbk_fetch **out, dbk_error *err) {
    azure_fetch *f = dbk_fetch_new(auth, sizeof *f, &azure_machine);
    if (f == NULL) {
        return dbk_error_oom(err, "an Azure login");
    }
    *out = &f->base;
    return DBK_OK;
}

/* ---- making one ---- */

static void azure_destroy(dbk_auth *auth) {
    azure *z = azure_of(auth);
    dbk_auth_drop(auth);
    dbk_str_reset(&z->client_id);
    dbk_secret_reset(&z->client_secret);
    dbk_secret_reset(&z->basic);
    dbk_str_reset(&z->tenant);
    dbk_str_reset(&z->identity_url);
    dbk_free(z);
}

static const dbk_auth_mode azure_mode = {.name = "azure-sp-m2m",
                                         .renews = true,
                                         .at_home = true,
                                         .fetch = azure_fetch_new,
                                         .destroy = azure_destroy};

static dbk_status check(const dbk_auth_azure *a, dbk_error *err) {
    const char *missing = a->managed_identity         ? NULL
                          : a->client_id.len == 0     ? "azure_client_id"
                          : a->client_secret.len == 0 ? "azure_client_secret"
                                                      : NULL;
    if (missing != NULL) {
        return dbk_error_set(err, DBK_INVALID_ARGUMENT, "Azure SP auth requires a non-empty %s",
                             missing);
    }
    dbk_status st = DBK_OK;
    DBK_TRY(dbk_check_id(a->client_id, "azure_client_id", err));
    DBK_TRY(dbk_check_id(a->resource_id, "azure_workspace_resource_id", err));
    if (a->tenant_id.len > 0) {
        DBK_TRY(check_tenant(a->tenant_id, DBK_INVALID_ARGUMENT, err));
    }
done:
    return st;
}

/* The variable is that of Azure's own libraries. */
static dbk_status find_identity(dbk_str *url, dbk_error *err) {
    const char *host = getenv("AZURE_POD_IDENTITY_AUTHORITY_HOST");
    bool named = host != NULL && host[0] != '\0';
    dbk_slice base = dbk_slice_of(named ? host : "http://169.254.169.254");
    while (base.len > 0 && base.ptr[base.len - 1] == '/') {
        base.len--;
    }
    return dbk_str_setf(url, err, "%.*s/metadata/identity/oauth2/token", (int)base.len, base.ptr);
}

static dbk_status fill(azure *z, const dbk_auth_azure *a, dbk_error *err) {
    dbk_status st = DBK_OK;
    z->cloud = cloud_of_host(host_of(z));
    z->manages = a->resource_id.len > 0;
    DBK_TRY(dbk_str_set(&z->client_id, a->client_id, err));
    if (a->managed_identity) {
        DBK_TRY(find_identity(&z->identity_url, err));
    } else {
        DBK_TRY(dbk_secret_set(&z->client_secret, a->client_secret, err));
        DBK_TRY(dbk_basic_line(a->client_id, a->client_secret, &z->basic, err));
    }
    if (a->tenant_id.len > 0) {
        DBK_TRY(dbk_str_set(&z->tenant, a->tenant_id, err));
    }
    if (z->manages) {
        DBK_TRY(dbk_str_setf(&z->base.extra_line, err,
                             "x-databricks-azure-workspace-resource-id: %.*s",
                             (int)a->resource_id.len, a->resource_id.ptr));
    }
done:
    return st;
}

static dbk_auth *share(azure *z, const dbk_auth_settings *settings, const dbk_auth_azure *a) {
    const dbk_slice words[] = {a->client_id, a->client_secret, a->tenant_id, a->resource_id,
                               dbk_str_slice(&z->identity_url)};
    return dbk_auth_share(&z->base, settings, words, sizeof words / sizeof words[0]);
}

dbk_status dbk_auth_new_azure(const dbk_auth_settings *settings, const dbk_auth_azure *principal,
                              dbk_auth **out, dbk_error *err) {
    dbk_status st = check(principal, err);
    if (st != DBK_OK) {
        return st;
    }
    azure *z = dbk_alloc_zero(sizeof *z);
    if (z == NULL) {
        return dbk_error_oom(err, "the credentials");
    }
    DBK_TRY(dbk_auth_init(&z->base, &azure_mode, settings, err));
    DBK_TRY(fill(z, principal, err));
    *out = share(z, settings, principal);
    z = NULL;
done:
    if (z != NULL) {
        dbk_auth_unref(&z->base);
    }
    return st;
}
