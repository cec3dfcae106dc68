#include "auth/host_probe.h"

#include <stdio.h>

#include "auth/form.h"

#define MAX_BODY    65536u
#define PAUSE_MS    250u
#define GOOD_FOR_MS 3600000u
#define FAILED_MS   60000u
#define REMEMBERED  32u

/* ---- what is remembered ---- */

typedef struct host_key { /* all bytes count */
    uint8_t way[DBK_HTTP_DIGEST_SIZE];
    char origin[300];
} host_key;

static struct {
    dbk_mutex lock;
    struct {
        host_key key;
        dbk_host_facts facts; /* asked_ms 0: unused */
    } hosts[REMEMBERED];
    size_t next; /* the oldest is overwritten */
} memory = {.lock = PTHREAD_MUTEX_INITIALIZER};
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void fork_lock(void) {
    dbk_mutex_lock(&memory.lock);
}

static void fork_unlock(void) {
    dbk_mutex_unlock(&memory.lock);
}

static void prepare(void) {
    (void)pthread_atfork(fork_lock, fork_unlock, fork_unlock);
}

/* False: no memory, or a name that is too long to be remembered. */
static bool make_key(const dbk_http_config *http, dbk_slice origin, host_key *key) {
    *key = (host_key){0};
    if (origin.len >= sizeof key->origin || !dbk_http_config_digest(http, key->way)) {
        return false;
    }
    memcpy(key->origin, origin.ptr, origin.len);
    return true;
}

static bool recall(const host_key *key, uint64_t now, dbk_host_facts *out) {
    bool found = false;
    dbk_mutex_lock(&memory.lock);
    for (size_t i = 0; i < REMEMBERED && !found; i++) {
        const dbk_host_facts *f = &memory.hosts[i].facts;
        uint64_t life = f->known ? GOOD_FOR_MS : FAILED_MS;
        found = f->asked_ms != 0 && now - f->asked_ms < life &&
                memcmp(&memory.hosts[i].key, key, sizeof *key) == 0;
        if (found) {
            *out = *f;
        }
    }
    dbk_mutex_unlock(&memory.lock);
    return found;
}

static void remember(const host_key *key, const dbk_host_facts *facts) {
    dbk_mutex_lock(&memory.lock);
    memory.hosts[memory.next].key = *key;
    memory.hosts[memory.next].facts = *facts;
    memory.next = (memory.next + 1) % REMEMBERED;
    dbk_mutex_unlock(&memory.lock);
}

void dbk_host_forget_for_tests(void) {
    dbk_mutex_lock(&memory.lock);
    memset(memory.hosts, 0, sizeof memory.hosts);
    dbk_mutex_unlock(&memory.lock);
}

/* ---- the answer ---- */

/* What is longer than its place, or not printable, counts as absent. */
static void take(const json_t *doc, const char *key, char *out, size_t size) {
    dbk_slice text;
    out[0] = '\0';
    if (dbk_json_str(doc, key, &text) != DBK_JSON_OK || text.len >= size) {
        return;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] <= 0x20 || text.ptr[i] >= 0x7F) {
            return;
        }
    }
    memcpy(out, text.ptr, text.len);
    out[text.len] = '\0';
}

bool dbk_host_facts_parse(dbk_slice body, dbk_host_facts *out) {
    json_t *doc = NULL;
    dbk_error ignored = {0};
    bool ok = dbk_json_parse(body, &doc, &ignored) == DBK_OK && json_is_object(doc);
    dbk_error_reset(&ignored);
    if (ok) {
        take(doc, "host_type", out->host_type, sizeof out->host_type);
        take(doc, "account_id", out->account_id, sizeof out->account_id);
        take(doc, "workspace_id", out->workspace_id, sizeof out->workspace_id);
        take(doc, "oidc_endpoint", out->oidc_endpoint, sizeof out->oidc_endpoint);
        take(doc, "cloud", out->cloud, sizeof out->cloud);
    }
    json_decref(doc);
    return ok;
}

/* ---- asking ---- */

typedef struct asking {
    dbk_op op;
    dbk_http_config *http; /* counted */
    dbk_str url;
    unsigned tries;
    dbk_host_facts facts;
} asking;

enum { ASK_SEND, ASK_ANSWER, ASK_PAUSE };

static asking *asking_of(dbk_op *op) {
    return DBK_CONTAINER_OF(op, asking, op);
}

static dbk_step ask_send(dbk_op *op) {
    asking *a = asking_of(op);
    static const char *const accept[] = {"accept: application/json"};
    dbk_http_request request = {.method = "GET",
                                .url = a->url.ptr,
                                .headers = accept,
                                .header_count = 1,
                                .timeout_ms = DBK_PROBE_TRY_MS,
                                .max_body = MAX_BODY};
    a->tries++;
    return dbk_op_wait_http(op, a->http, &request, ASK_ANSWER);
}

static void take_answer(const dbk_http_response *r, dbk_host_facts *f) {
    bool answered = r->outcome == DBK_HTTP_ANSWERED;
    if (r->tls[0] != '\0') {
        (void)snprintf(f->tls, sizeof f->tls, "%s", r->tls);
    }
    if (answered && r->status == 200) {
        f->known = dbk_host_facts_parse(dbk_buf_slice(&r->body), f);
        (void)snprintf(f->why, sizeof f->why, "%s", f->known ? "" : "the answer is no JSON object");
    } else if (answered) {
        (void)snprintf(f->why, sizeof f->why, "HTTP %d", r->status);
    } else {
        (void)snprintf(f->why, sizeof f->why, "%s", r->why);
    }
}

static dbk_step ask_answer(dbk_op *op) {
    asking *a = asking_of(op);
    const dbk_http_response *r = dbk_http_response_of(op->http);
    bool answered = r->outcome == DBK_HTTP_ANSWERED;
    bool may_pass =
        answered ? r->status >= 500 : r->outcome != DBK_HTTP_TLS && r->proxy_status / 100 != 4;
    take_answer(r, &a->facts);
    return a->tries < 2 && may_pass ? dbk_op_goto(op, ASK_PAUSE) : dbk_op_finish(op, DBK_OK);
}

static dbk_step ask_pause(dbk_op *op) {
    return dbk_op_wait_ms(op, PAUSE_MS, ASK_SEND);
}

static void ask_destroy(dbk_op *op) {
    asking *a = asking_of(op);
    dbk_http_config_unref(a->http);
    dbk_str_reset(&a->url);
    dbk_free(a);
}

static const dbk_state ask_states[] = {
    [ASK_SEND] = {"send", ask_send, DBK_TO(ASK_ANSWER)},
    [ASK_ANSWER] = {"answer", ask_answer, DBK_TO(ASK_PAUSE)},
    [ASK_PAUSE] = {"pause", ask_pause, DBK_TO(ASK_SEND)},
};
static const dbk_machine ask_machine = {"host probe", ask_states, 3, NULL, ask_destroy};

static dbk_status new_asking(dbk_host_probe *p, asking **out, dbk_error *err) {
    asking *a = dbk_alloc_zero(sizeof *a);
    if (a == NULL) {
        return dbk_error_oom(err, "a host probe");
    }
    dbk_op_init(&a->op, &ask_machine, p->op.lane);
    a->op.deadline_ms = DBK_PROBE_ALL_MS;
    a->http = dbk_http_config_ref(p->http);
    *out = a;
    return dbk_str_setf(&a->url, err, "%s/.well-known/databricks-config", p->origin.ptr);
}

/* ---- remembering, else asking ---- */

enum { PROBE_RECALL, PROBE_ASKED };

static dbk_host_probe *probe_of(dbk_op *op) {
    return DBK_CONTAINER_OF(op, dbk_host_probe, op);
}

static dbk_step probe_recall(dbk_op *op) {
    dbk_host_probe *p = probe_of(op);
    host_key key;
    asking *a = NULL;
    uint64_t now = dbk_lane_now_ms(op->lane);
    if (make_key(p->http, dbk_str_slice(&p->origin), &key) && recall(&key, now, &p->facts)) {
        return dbk_op_finish(op, DBK_OK);
    }
    p->facts = (dbk_host_facts){.asked_ms = now != 0 ? now : 1};
    dbk_status st = new_asking(p, &a, &op->err);
    p->asking = a != NULL ? &a->op : NULL;
    return st == DBK_OK ? dbk_op_try_op(op, p->asking, PROBE_ASKED) : dbk_op_finish(op, st);
}

static dbk_step probe_asked(dbk_op *op) {
    dbk_host_probe *p = probe_of(op);
    dbk_host_facts *f = &p->facts;
    host_key key;
    uint64_t asked_ms = f->asked_ms;
    *f = asking_of(p->asking)->facts;
    f->asked_ms = asked_ms;
    f->took_ms = dbk_lane_now_ms(op->lane) - asked_ms;
    if (p->asking->status != DBK_OK && !f->known && f->why[0] == '\0') { /* out of time */
        (void)snprintf(f->why, sizeof f->why, "%s", dbk_error_message(&p->asking->err));
    }
    if (!f->known) {
        DBK_LOG(WARN, NULL, "host metadata of %s: %s", p->origin.ptr, f->why);
    }
    if (make_key(p->http, dbk_str_slice(&p->origin), &key)) {
        remember(&key, f);
    }
    return dbk_op_finish(op, DBK_OK);
}

static void probe_destroy(dbk_op *op) {
    dbk_host_probe *p = probe_of(op);
    dbk_op_unref(p->asking);
    dbk_http_config_unref(p->http);
    dbk_str_reset(&p->origin);
    dbk_free(p);
}

static const dbk_state probe_states[] = {
    [PROBE_RECALL] = {"recall", probe_recall, DBK_TO(PROBE_ASKED)},
    [PROBE_ASKED] = {"asked", probe_asked, 0},
};
static const dbk_machine probe_machine = {"host kind", probe_states, 2, NULL, probe_destroy};

dbk_status dbk_host_probe_new(dbk_lane *lane, dbk_http_config *http, dbk_slice origin,
                              dbk_host_probe **out, dbk_error *err) {
    (void)pthread_once(&once, prepare);
    dbk_host_probe *p = dbk_alloc_zero(sizeof *p);
    if (p == NULL) {
        return dbk_error_oom(err, "a host probe");
    }
    dbk_op_init(&p->op, &probe_machine, lane);
    p->http = dbk_http_config_ref(http);
    dbk_status st = dbk_str_set(&p->origin, origin, err);
    if (st != DBK_OK) {
        dbk_op_unref(&p->op);
        return st;
    }
    *out = p;
    return DBK_OK;
}

/* ---- the account's login server ---- */

static bool is_databricks(dbk_slice host) {
    static const char *const suffixes[] = {".databricks.com", ".cloud.databricks.us",
                                           ".azuredatabricks.net", ".databricks.azure.us",
                                           ".databricks.azure.cn"};
    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
        if (dbk_host_has_suffix(host, suffixes[i])) {
            return true;
        }
    }
    return false;
}

/* Puts the account into "https://host/oidc/accounts/{account_id}". False: no room, or no account. */
static bool put_account(const dbk_host_facts *f, char out[DBK_OIDC_ROOT_SIZE]) {
    static const char mark[] = "{account_id}";
    const char *at = strstr(f->oidc_endpoint, mark);
    int n = at == NULL ? snprintf(out, DBK_OIDC_ROOT_SIZE, "%s", f->oidc_endpoint)
                       : snprintf(out, DBK_OIDC_ROOT_SIZE, "%.*s%s%s", (int)(at - f->oidc_endpoint),
                                  f->oidc_endpoint, f->account_id, at + sizeof mark - 1);
    bool fits = n > 0 && n < DBK_OIDC_ROOT_SIZE;
    return fits && (at == NULL || f->account_id[0] != '\0') && strpbrk(out, "{}?#@\\") == NULL;
}

void dbk_host_oidc_root(const dbk_host_facts *facts, dbk_slice origin,
                        char out[DBK_OIDC_ROOT_SIZE]) {
    bool ok = facts->known && put_account(facts, out) && dbk_url_safe(dbk_slice_of(out));
    if (ok) {
        dbk_slice ours = dbk_url_authority(origin);
        dbk_slice theirs = dbk_url_authority(dbk_slice_of(out));
        ok = dbk_slice_eq_nocase(theirs, ours) || is_databricks(dbk_authority_host(theirs));
    }
    size_t len = ok ? strlen(out) : 0;
    while (len > 0 && out[len - 1] == '/') {
        len--;
    }
    out[len] = '\0';
}

/* ---- what it means ---- */

int dbk_host_matrix(const char *host_type, dbk_org_source source, const char **warning) {
    bool has_id = source == DBK_ORG_QUERY || source == DBK_ORG_OPTION;
    *warning = NULL;
    if (source == DBK_ORG_MALFORMED) {
        *warning =
            "the value of ?o= in the http_path is not a number and is ignored: no workspace id "
            "is sent";
        return 8;
    }
    if (host_type[0] == '\0') {
        return has_id ? 6 : 7;
    }
    if (strcmp(host_type, "unified") == 0 && !has_id) {
        *warning =
            "this host serves many workspaces, and the http_path does not say which: requests "
            "may end at a login page. Write /sql/1.0/warehouses/<id>?o=<workspace-id>; the id is "
            "the o= in the address of the workspace's pages";
        return 3;
    }
    if (strcmp(host_type, "unified") != 0 && has_id) {
        *warning =
            "this host serves one workspace, so the workspace id is likely ignored: leave out "
            "?o=, or use the unified host's name";
        return 4;
    }
    return has_id ? 2 : 5;
}
