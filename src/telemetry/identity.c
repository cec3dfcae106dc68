/* What is the same in all events of a session: who is calling, where to, with what kind of credentials. */
#include "telemetry/internal.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/utsname.h>
#include <unistd.h>

#define TEXT_MAX 256 /* of what a binding gave: spec telemetry.md 10 */

enum {
    DRIVER_NAME,
    DRIVER_VERSION,
    RUNTIME_NAME,
    RUNTIME_VERSION,
    RUNTIME_VENDOR,
    OS_NAME,
    OS_VERSION,
    OS_ARCH,
    CLIENT_APP,
    LOCALE,
    CHARSET,
    PROCESS
};

static const char *const names[DBK_TELEMETRY_IDENTITY] = {
    "driver_name",     "driver_version", "runtime_name",      "runtime_version",
    "runtime_vendor",  "os_name",        "os_version",        "os_arch",
    "client_app_name", "locale_name",    "char_set_encoding", "process_name"};

/* "fr_FR" of "fr_FR.UTF-8"; "C" and "POSIX" name no place. */
static void find_locale(char out[TEXT_MAX]) {
    static const char *const variables[] = {"LC_ALL", "LC_MESSAGES", "LANG"};
    const char *v = NULL;
    for (size_t i = 0; i < 3 && (v == NULL || v[0] == '\0'); i++) {
        v = getenv(variables[i]);
    }
    (void)snprintf(out, TEXT_MAX, "%.*s", (int)strcspn(v != NULL ? v : "", "."),
                   v != NULL ? v : "");
    if (strcmp(out, "C") == 0 || strcmp(out, "POSIX") == 0) {
        out[0] = '\0';
    }
}

/* Of a path the last part, of a command its first word. */
static dbk_slice base_name(dbk_slice text) {
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == ' ' || text.ptr[i] == '\t') {
            text.len = i;
        }
    }
    for (size_t i = text.len; i > 0; i--) {
        if (text.ptr[i - 1] == '/' || text.ptr[i - 1] == '\\') {
            return dbk_slice_n(text.ptr + i, text.len - i);
        }
    }
    return text;
}

/* ---- what the machine says, once per process ---- */

static struct {
    pthread_once_t once;
    struct utsname uts; /* empty texts: not known */
    char os_version[TEXT_MAX];
    char process[TEXT_MAX];
} machine = {.once = PTHREAD_ONCE_INIT};

/* PRETTY_NAME="Debian GNU/Linux 12 (bookworm)" */
static bool read_os_release(char out[TEXT_MAX]) {
    static const char key[] = "PRETTY_NAME=";
    char line[TEXT_MAX];
    bool found = false;
    FILE *file = fopen("/etc/os-release", "re");
    while (file != NULL && !found && fgets(line, sizeof line, file) != NULL) {
        found = strncmp(line, key, sizeof key - 1) == 0;
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    if (found) {
        const char *value = line + sizeof key - 1;
        value += strspn(value, "\"'");
        (void)snprintf(out, TEXT_MAX, "%.*s", (int)strcspn(value, "\"'\n"), value);
    }
    return found && out[0] != '\0';
}

static void look_at_machine(void) {
    char path[4096];
    if (uname(&machine.uts) != 0) {
        memset(&machine.uts, 0, sizeof machine.uts);
    }
    for (char *c = machine.uts.sysname; *c != '\0'; c++) {
        *c = (char)tolower((unsigned char)*c);
    }
    if (!read_os_release(machine.os_version)) {
        (void)snprintf(machine.os_version, TEXT_MAX, "%.*s", TEXT_MAX - 1, machine.uts.release);
    }
    ssize_t len = readlink("/proc/self/exe", path, sizeof path);
    dbk_slice name = base_name(dbk_slice_n(path, len > 0 ? (size_t)len : 0));
    (void)snprintf(machine.process, TEXT_MAX, "%.*s", (int)dbk_min_size(name.len, TEXT_MAX - 1),
                   name.len > 0 ? name.ptr : "");
}

/* What we know ourselves when the binding says nothing; "": leave it out. */
static const char *fallback(size_t i, bool has_runtime, char scratch[TEXT_MAX]) {
    (void)pthread_once(&machine.once, look_at_machine);
    switch (i) {
    case DRIVER_NAME:
        return "dbkernel";
    case DRIVER_VERSION:
        return DBK_VERSION;
    case RUNTIME_NAME:
        return has_runtime ? "" : "c";
    case OS_NAME:
        return machine.uts.sysname;
    case OS_VERSION:
        return machine.os_version;
    case OS_ARCH:
        return machine.uts.machine;
    case CHARSET:
        return "UTF-8";
    case PROCESS:
        return machine.process;
    case LOCALE:
        find_locale(scratch);
        return scratch;
    default:
        return "";
    }
}

/* ---- texts ---- */

/* The scrubber of spec telemetry.md 10: no credentials, no home folders, 256 bytes, UTF-8. */
static void scrub(dbk_slice given, char out[TEXT_MAX + 1]) {
    char text[4 * TEXT_MAX]; /* a secret that the cut would leave half of is seen whole */
    size_t len = dbk_min_size(given.len, sizeof text - 1);
    memcpy(text, given.ptr != NULL ? given.ptr : "", len);
    text[len] = '\0';
    dbk_redact_line(text);
    text[TEXT_MAX] = '\0';
    dbk_utf8_trim(text);
    bool utf8 = dbk_utf8_valid(dbk_slice_of(text));
    for (char *c = text; *c != '\0'; c++) {
        bool plain = (unsigned char)*c >= ' ' && (unsigned char)*c != 0x7f;
        *c = plain && (utf8 || (unsigned char)*c < 0x80) ? *c : '?';
    }
    memcpy(out, text, strlen(text) + 1);
}

/* Empty texts are left out. */
static dbk_status put(json_t *obj, const char *name, dbk_slice given, dbk_error *err) {
    char text[TEXT_MAX + 1];
    if (given.len == 0) {
        return DBK_OK;
    }
    scrub(given, text);
    return dbk_json_put_str(obj, name, dbk_slice_of(text), err);
}

static dbk_status put_system(json_t *obj, const dbk_telemetry_facts *f, size_t count,
                             dbk_error *err) {
    dbk_status st = DBK_OK;
    bool has_runtime = f->identity[RUNTIME_NAME] != NULL || f->identity[RUNTIME_VERSION] != NULL;
    for (size_t i = 0; i < count && st == DBK_OK; i++) {
        char scratch[TEXT_MAX];
        dbk_slice given = f->identity[i] != NULL ? dbk_str_slice(f->identity[i]) : (dbk_slice){0};
        if (given.len == 0) {
            given = dbk_slice_of(fallback(i, has_runtime, scratch));
        } else if (i == PROCESS) {
            given = base_name(given);
        }
        st = put(obj, names[i], given, err);
    }
    return st;
}

/* "https://host:port" as host name and port; the port only when it is not `usual`. */
static dbk_status put_host(json_t *obj, const char *name, dbk_slice origin, long usual,
                           json_t **out, dbk_error *err) {
    dbk_status st = DBK_OK;
    json_t *info = json_object();
    dbk_slice host = dbk_url_authority(origin);
    size_t colon = host.len;
    for (size_t i = 0; i < host.len && host.ptr[0] != '['; i++) {
        colon = host.ptr[i] == ':' ? i : colon;
    }
    long port = colon < host.len ? strtol(host.ptr + colon + 1, NULL, 10) : 0;
    DBK_TRY(dbk_json_put(obj, name, info, err));
    DBK_TRY(put(info, "host_url", dbk_slice_n(host.ptr, colon), err));
    if (port != 0 && port != usual) {
        DBK_TRY(dbk_json_put_i64(info, "port", port, err));
    }
    *out = info;
done:
    return st;
}

static dbk_status put_proxy(json_t *obj, const dbk_telemetry_facts *f, dbk_error *err) {
    dbk_status st = DBK_OK;
    json_t *info = NULL;
    DBK_TRY(dbk_json_put_bool(obj, "use_proxy", f->proxy.len > 0, err));
    if (f->proxy.len > 0) {
        DBK_TRY(put_host(obj, "proxy_host_info", f->proxy, 0, &info, err));
        DBK_TRY(put(info, "proxy_auth_type", dbk_slice_of(f->proxy_asks ? "BASIC" : "NONE"), err));
    }
done:
    return st;
}

static dbk_status put_auth(json_t *obj, const dbk_telemetry_facts *f, dbk_error *err) {
    dbk_status st = DBK_OK;
    DBK_TRY(put(obj, "auth_mech", dbk_slice_of(f->auth_mech), err));
    DBK_TRY(put(obj, "auth_flow", dbk_slice_of(f->auth_flow), err));
    DBK_TRY(put(obj, "auth_scope", f->auth_scope, err));
    DBK_TRY(dbk_json_put_bool(obj, "enable_token_cache", f->token_cache, err));
    DBK_TRY(dbk_json_put_bool(obj, "enable_jwt_assertion", f->jwt, err));
    DBK_TRY(put(obj, "jwt_algorithm", f->jwt_algorithm, err));
    DBK_TRY(put(obj, "azure_tenant_id", f->azure_tenant_id, err));
    DBK_TRY(put(obj, "azure_workspace_resource_id", f->azure_resource_id, err));
done:
    return st;
}

static dbk_status put_connection(json_t *obj, const dbk_telemetry_facts *f, dbk_error *err) {
    const struct {
        const char *name;
        bool value;
    } switches[] = {{"allow_self_signed_support", f->tls_unverified},
                    {"use_system_trust_store", !f->own_roots},
                    {"enable_arrow", true},
                    {"enable_direct_results", true},
                    {"enable_complex_datatype_support", f->complex_types},
                    {"enable_sea_hybrid_results", f->hybrid_results},
                    {"support_many_parameters", true}};
    dbk_status st = DBK_OK;
    json_t *info = NULL;
    DBK_TRY(put(obj, "http_path", f->http_path, err));
    DBK_TRY(put(obj, "mode", DBK_SLICE("SEA"), err));
    DBK_TRY(put_host(obj, "host_info", f->origin, 443, &info, err));
    DBK_TRY(put_auth(obj, f, err));
    DBK_TRY(put_proxy(obj, f, err));
    for (size_t i = 0; i < sizeof switches / sizeof switches[0]; i++) {
        DBK_TRY(dbk_json_put_bool(obj, switches[i].name, switches[i].value, err));
    }
    if (f->connections > 0) {
        DBK_TRY(dbk_json_put_i64(obj, "http_connection_pool_size", (int64_t)f->connections, err));
    }
    if (f->timeout_ms > 0) {
        DBK_TRY(dbk_json_put_i64(obj, "socket_timeout", (int64_t)(f->timeout_ms / 1000), err));
    }
done:
    return st;
}

/* ---- as text ---- */

/* The members of doc, each followed by a comma; the last `open` braces and the comma stay away. */
static dbk_status write_members(const json_t *doc, size_t open, dbk_buf *out, dbk_error *err) {
    dbk_buf text = {0};
    dbk_status st = dbk_json_write(doc, &text, err);
    if (st == DBK_OK) {
        st = dbk_buf_append(out, text.ptr + 1, text.len - 2 - open, err);
    }
    dbk_buf_reset(&text);
    return st == DBK_OK ? dbk_buf_putc(out, ',', err) : st;
}

static dbk_status write_session(const dbk_telemetry_facts *f, dbk_buf *out, dbk_error *err) {
    dbk_status st = DBK_OK;
    json_t *doc = json_object();
    json_t *system = json_object();
    json_t *connection = json_object();
    DBK_TRY(dbk_json_put(doc, "system_configuration", system, err));
    DBK_TRY(put_system(system, f, DBK_TELEMETRY_IDENTITY, err));
    DBK_TRY(put(doc, "auth_type", dbk_slice_of(f->auth_type), err));
    DBK_TRY(dbk_json_put(doc, "driver_connection_params", connection, err));
    DBK_TRY(put_connection(connection, f, err));
    DBK_TRY(write_members(doc, 1, out, err));
done:
    json_decref(doc);
    return st;
}

static dbk_status write_small(const dbk_telemetry_facts *f, dbk_telemetry_who *who,
                              dbk_error *err) {
    dbk_status st = DBK_OK;
    json_t *agent = json_object();
    json_t *driver = json_object();
    DBK_TRY(put(agent, "user_agent", f->user_agent, err));
    DBK_TRY(write_members(agent, 0, &who->envelope, err));
    DBK_TRY(put_system(driver, f, DRIVER_VERSION + 1, err));
    DBK_TRY(write_members(driver, 0, &who->refused, err));
done:
    json_decref(agent);
    json_decref(driver);
    return st;
}

static int64_t number_of(dbk_slice digits) {
    uint64_t n = 0;
    return dbk_parse_u64(digits, &n) && n <= INT64_MAX ? (int64_t)n : -1;
}

/* As it stands in a JSON string. JSON without blanks holds no control characters. */
static dbk_status escape(dbk_buf *text, dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_buf plain = dbk_buf_take(text);
    DBK_TRY(dbk_buf_reserve(text, 2 * plain.len, err));
    for (size_t i = 0; i < plain.len; i++) {
        if (plain.ptr[i] == '"' || plain.ptr[i] == '\\') {
            text->ptr[text->len++] = '\\';
        }
        text->ptr[text->len++] = plain.ptr[i];
    }
done:
    dbk_buf_reset(&plain);
    return st;
}

dbk_status dbk_telemetry_who_new(const dbk_telemetry_facts *f, dbk_telemetry_who **out,
                                 dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_telemetry_who *who = dbk_alloc_zero(sizeof *who);
    if (who == NULL) {
        return dbk_error_oom(err, "telemetry");
    }
    atomic_init(&who->refs, 1);
    who->workspace_id = number_of(f->workspace_id);
    DBK_TRY(write_small(f, who, err));
    DBK_TRY(write_session(f, &who->session, err));
    DBK_TRY(escape(&who->envelope, err));
    DBK_TRY(escape(&who->session, err));
    DBK_TRY(escape(&who->refused, err));
    *out = who;
    who = NULL;
done:
    dbk_telemetry_who_unref(who);
    return st;
}

dbk_telemetry_who *dbk_telemetry_who_ref(dbk_telemetry_who *who) {
    (void)atomic_fetch_add_explicit(&who->refs, 1, memory_order_relaxed);
    return who;
}

void dbk_telemetry_who_unref(dbk_telemetry_who *who) {
    if (who != NULL && atomic_fetch_sub_explicit(&who->refs, 1, memory_order_acq_rel) == 1) {
        dbk_buf_reset(&who->envelope);
        dbk_buf_reset(&who->session);
        dbk_buf_reset(&who->refused);
        dbk_free(who);
    }
}
