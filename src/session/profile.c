/* Profiles of the Databricks CLI's configuration file (~/.databrickscfg): where to connect, and as whom. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "session/session.h"

#define MAX_FILE (1024u * 1024u)

/* ---- the file ---- */

static dbk_status default_path(dbk_str *out, dbk_error *err) {
    const char *named = getenv("DATABRICKS_CONFIG_FILE");
    const char *home = getenv("HOME");
    if (named != NULL && named[0] != '\0') {
        return dbk_str_set(out, dbk_slice_of(named), err);
    }
    return home != NULL && home[0] != '\0'
               ? dbk_str_setf(out, err, "%s/.databrickscfg", home)
               : dbk_error_set(err, DBK_INVALID_ARGUMENT,
                               "there is no home directory to look for .databrickscfg in");
}

static dbk_status find_path(const char *given, dbk_str *out, dbk_error *err) {
    const char *home = getenv("HOME");
    if (given == NULL || given[0] == '\0') {
        return default_path(out, err);
    }
    return given[0] == '~' && given[1] == '/' && home != NULL
               ? dbk_str_setf(out, err, "%s%s", home, given + 1)
               : dbk_str_set(out, dbk_slice_of(given), err);
}

static dbk_status read_stream(FILE *f, const char *path, dbk_buf *out, dbk_error *err) {
    struct stat st;
    dbk_status status = dbk_buf_reserve(out, MAX_FILE + 1, err);
    if (status != DBK_OK) {
        return status;
    }
    out->len = fread(out->ptr, 1, MAX_FILE + 1, f);
    if (ferror(f) != 0 || out->len > MAX_FILE) {
        return dbk_error_set(err, DBK_INVALID_ARGUMENT, "the profiles in %s cannot be read: %s",
                             path, out->len > MAX_FILE ? "the file is too large" : strerror(errno));
    }
    if (fstat(fileno(f), &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 077u) != 0) {
        DBK_LOG(WARN, NULL, "other users can read %s: chmod 600", path);
    }
    return DBK_OK;
}

static dbk_status read_file(const char *path, dbk_buf *out, dbk_error *err) {
    FILE *f = fopen(path, "rbe");
    if (f == NULL) {
        return dbk_error_set(err, DBK_INVALID_ARGUMENT, "the profiles in %s cannot be read: %s",
                             path, strerror(errno));
    }
    (void)setvbuf(f, NULL, _IONBF, 0); /* secrets must not stay in a buffer of libc */
    dbk_status st = read_stream(f, path, out, err);
    (void)fclose(f);
    return st;
}

/* ---- its text ---- */

static bool is_section(dbk_slice line, dbk_slice *name) {
    if (line.len < 2 || line.ptr[0] != '[' || line.ptr[line.len - 1] != ']') {
        return false;
    }
    *name = dbk_slice_trim(dbk_slice_n(line.ptr + 1, line.len - 2));
    return true;
}

static void keep_value(dbk_slice line, dbk_profile *out) {
    const struct {
        const char *key;
        dbk_slice *value;
    } known[] = {
        {"host", &out->host},
        {"token", &out->token},
        {"client_id", &out->client_id},
        {"client_secret", &out->client_secret},
        {"auth_type", &out->auth_type},
        {"azure_client_id", &out->azure_client_id},
        {"azure_client_secret", &out->azure_client_secret},
        {"azure_tenant_id", &out->azure_tenant_id},
        {"azure_workspace_resource_id", &out->azure_resource_id},
        {"warehouse_id", &out->warehouse_id},
        {"http_path", &out->http_path},
        {"scopes", &out->scopes},
    };
    dbk_slice key;
    if (!dbk_slice_split(&line, '=', &key)) {
        return;
    }
    key = dbk_slice_trim(key);
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (dbk_slice_eq_nocase(key, dbk_slice_of(known[i].key))) {
            *known[i].value = dbk_slice_trim(line);
        }
    }
}

bool dbk_profile_parse(dbk_slice text, dbk_slice name, dbk_profile *out) {
    bool found = false;
    bool inside = false;
    bool more = true;
    *out = (dbk_profile){0};
    while (more) {
        dbk_slice line;
        dbk_slice section;
        more = dbk_slice_split(&text, '\n', &line);
        line = dbk_slice_trim(more ? line : text);
        if (line.len == 0 || line.ptr[0] == '#' || line.ptr[0] == ';') {
            continue;
        }
        if (is_section(line, &section)) {
            inside = dbk_slice_eq(section, name);
            found = found || inside;
        } else if (inside) {
            keep_value(line, out);
        }
    }
    return found;
}

/* ---- into a configuration ---- */

static dbk_status use_pat(dbk_config *c, const dbk_profile *p, dbk_error *err) {
    c->token_expires_unix_s = 0;
    c->auth_mode = DBK_AUTH_PAT;
    return dbk_secret_set(&c->token, p->token, err);
}

static dbk_status use_client(dbk_config *c, dbk_auth_mode mode, dbk_slice id, dbk_slice secret,
                             dbk_error *err) {
    dbk_status st = dbk_str_set(&c->client_id, id, err);
    c->auth_mode = mode;
    return st == DBK_OK ? dbk_secret_set(&c->client_secret, secret, err) : st;
}

static dbk_status use_azure(dbk_config *c, const dbk_profile *p, dbk_error *err) {
    dbk_status st = DBK_OK;
    DBK_TRY(use_client(c, DBK_AUTH_AZURE_SP, p->azure_client_id, p->azure_client_secret, err));
    DBK_TRY(dbk_str_set(&c->azure_tenant_id, p->azure_tenant_id, err));
    DBK_TRY(dbk_str_set(&c->azure_resource_id, p->azure_resource_id, err));
done:
    return st;
}

/* The CLI's own login is a browser login; its token cache is its own, ours is asked for once more. */
static dbk_status use_browser(dbk_config *c, const dbk_profile *p, dbk_error *err) {
    dbk_str_reset(&c->client_id);
    c->auth_mode = DBK_AUTH_U2M;
    return p->client_id.len > 0 ? dbk_str_set(&c->client_id, p->client_id, err) : DBK_OK;
}

static dbk_status use_credentials(dbk_config *c, const dbk_profile *p, const char *name,
                                  dbk_error *err) {
    dbk_slice type = p->auth_type;
    bool any = type.len == 0;
    if (dbk_slice_eq(type, DBK_SLICE("pat")) || (any && p->token.len > 0)) {
        return use_pat(c, p, err);
    }
    if (dbk_slice_eq(type, DBK_SLICE("oauth-m2m")) || (any && p->client_secret.len > 0)) {
        return use_client(c, DBK_AUTH_M2M, p->client_id, p->client_secret, err);
    }
    if (dbk_slice_eq(type, DBK_SLICE("azure-client-secret")) ||
        (any && p->azure_client_secret.len > 0)) {
        return use_azure(c, p, err);
    }
    if (dbk_slice_eq(type, DBK_SLICE("databricks-cli")) ||
        dbk_slice_eq(type, DBK_SLICE("external-browser"))) {
        return use_browser(c, p, err);
    }
    if (any) {
        return dbk_error_set(err, DBK_INVALID_ARGUMENT,
                             "profile '%s' holds no credentials: token, or client_id and "
                             "client_secret, or auth_type",
                             name);
    }
    return dbk_error_set(err, DBK_INVALID_ARGUMENT,
                         "profile '%s' has auth_type '%.*s'; known are pat, oauth-m2m, "
                         "azure-client-secret, databricks-cli, external-browser",
                         name, (int)dbk_min_size(type.len, 100), type.ptr);
}

static dbk_status use_place(dbk_config *c, const dbk_profile *p, const char *name,
                            const char *http_path, dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_slice path = http_path != NULL ? dbk_slice_of(http_path) : p->http_path;
    if (p->host.len == 0) {
        return dbk_error_set(err, DBK_INVALID_ARGUMENT, "profile '%s' has no host", name);
    }
    if (path.len == 0 && p->warehouse_id.len == 0) {
        return dbk_error_set(
            err, DBK_INVALID_ARGUMENT,
            "profile '%s' names no warehouse (warehouse_id) and no HTTP path was given", name);
    }
    DBK_TRY(dbk_str_set(&c->host, p->host, err));
    if (path.len > 0) {
        dbk_str_reset(&c->warehouse_id);
        DBK_TRY(dbk_str_set(&c->http_path, path, err));
    } else {
        dbk_str_reset(&c->http_path);
        DBK_TRY(dbk_str_set(&c->warehouse_id, p->warehouse_id, err));
    }
done:
    return st;
}

dbk_status dbk_config_set_profile(dbk_config *c, const char *file, const char *name,
                                  const char *http_path, dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_str path = {0};
    dbk_buf text = {0};
    dbk_profile profile;
    const char *named = getenv("DATABRICKS_CONFIG_PROFILE");
    if (name == NULL || name[0] == '\0') {
        name = named != NULL && named[0] != '\0' ? named : "DEFAULT";
    }
    DBK_TRY(find_path(file, &path, err));
    DBK_TRY(read_file(path.ptr, &text, err));
    if (!dbk_profile_parse(dbk_buf_slice(&text), dbk_slice_of(name), &profile)) {
        st = dbk_error_set(err, DBK_INVALID_ARGUMENT, "there is no profile '%.100s' in %s", name,
                           path.ptr);
        goto done;
    }
    DBK_TRY(use_place(c, &profile, name, http_path, err));
    DBK_TRY(use_credentials(c, &profile, name, err));
    if (profile.scopes.len > 0) {
        DBK_TRY(dbk_str_set(&c->oauth_scopes, profile.scopes, err));
    }
done:
    dbk_buf_wipe(&text);
    dbk_str_reset(&path);
    return st;
}
