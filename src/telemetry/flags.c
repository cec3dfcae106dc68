#include "telemetry/flags.h"

#include "telemetry/breaker.h"

#define FLAGS       64
#define TTL_S       900
#define TTL_MIN_S   60
#define TTL_MAX_S   3600
#define QUIET_MS    60000u /* after a failure */
#define NAME_PREFIX "databricks.partnerplatform.clientConfigsFeatureFlags."

typedef struct known {
    uint64_t key; /* 0: free */
    uint64_t asked;
    bool answered; /* `on` is what the server said */
    bool on;
    bool fetching;
    uint64_t next_ms; /* before that it is not fetched again; 0: never was */
} known;

static struct { /* under dbk_telemetry_hosts */
    uint64_t questions;
    known flags[FLAGS];
} table;

dbk_status dbk_flag_set(dbk_flag *f, dbk_slice origin, dbk_slice client, dbk_slice last,
                        dbk_error *err) {
    dbk_status st = DBK_OK;
    client = client.len > 0 ? client : DBK_SLICE("ADBC");
    last = last.len > 0 ? last : DBK_SLICE("enableTelemetryForAdbc");
    DBK_TRY(dbk_str_setf(&f->url, err, "%.*s/api/2.0/connector-service/feature-flags/%.*s/%s",
                         (int)origin.len, origin.ptr, (int)client.len, client.ptr, DBK_VERSION));
    DBK_TRY(dbk_str_setf(&f->name, err, NAME_PREFIX "%.*s", (int)last.len, last.ptr));
    f->key = dbk_slice_hash(dbk_str_slice(&f->name),
                            dbk_slice_hash(dbk_str_slice(&f->url), DBK_HASH_INIT)) |
             1;
done:
    return st;
}

void dbk_flag_reset(dbk_flag *f) {
    dbk_str_reset(&f->url);
    dbk_str_reset(&f->name);
}

/* A flag that is being fetched keeps its place. */
static known *find_locked(const dbk_flag *f) {
    known *oldest = NULL;
    for (size_t i = 0; i < FLAGS; i++) {
        known *k = &table.flags[i];
        if (k->key == f->key) {
            return k;
        }
        if (!k->fetching && (oldest == NULL || k->asked < oldest->asked)) {
            oldest = k;
        }
    }
    oldest = oldest != NULL ? oldest : &table.flags[0];
    *oldest = (known){.key = f->key, .asked = ++table.questions};
    return oldest;
}

static dbk_flag_answer answer_of(const known *k, uint64_t now_ms) {
    if (k->answered) {
        return k->on ? DBK_FLAG_ON : DBK_FLAG_OFF;
    }
    return k->next_ms != 0 && now_ms < k->next_ms ? DBK_FLAG_OFF : DBK_FLAG_WAIT;
}

dbk_flag_answer dbk_flag_ask(const dbk_flag *f, uint64_t now_ms, bool *fetch) {
    dbk_mutex_lock(&dbk_telemetry_hosts);
    known *k = find_locked(f);
    k->asked = ++table.questions;
    *fetch = !k->fetching && now_ms >= k->next_ms;
    k->fetching = k->fetching || *fetch;
    dbk_flag_answer answer = answer_of(k, now_ms);
    dbk_mutex_unlock(&dbk_telemetry_hosts);
    return answer;
}

dbk_flag_answer dbk_flag_look(const dbk_flag *f, uint64_t now_ms) {
    dbk_mutex_lock(&dbk_telemetry_hosts);
    const known *k = find_locked(f);
    bool stale = now_ms >= k->next_ms; /* then it is time to ask */
    dbk_flag_answer answer = stale ? DBK_FLAG_WAIT : answer_of(k, now_ms);
    dbk_mutex_unlock(&dbk_telemetry_hosts);
    return answer;
}

/* ---- the server's answer ---- */

/* {"flags":[{"name":..,"value":"true"}],"ttl_seconds":900}: absent is "no"; false: it is no answer. */
static bool read_answer(dbk_slice body, dbk_slice name, bool *on, int64_t *ttl_s) {
    dbk_error ignored = {0};
    json_t *doc = NULL;
    json_t *flags = NULL;
    bool good = dbk_json_parse(body, &doc, &ignored) == DBK_OK &&
                dbk_json_array(doc, "flags", &flags) == DBK_JSON_OK;
    *on = false;
    for (size_t i = 0; good && i < json_array_size(flags); i++) {
        const json_t *flag = json_array_get(flags, i);
        dbk_slice is = {0}, value = {0};
        if (dbk_json_str(flag, "name", &is) == DBK_JSON_OK && dbk_slice_eq(is, name) &&
            dbk_json_str(flag, "value", &value) == DBK_JSON_OK) {
            *on = dbk_slice_eq_nocase(value, DBK_SLICE("true"));
        }
    }
    if (dbk_json_i64(doc, "ttl_seconds", ttl_s) != DBK_JSON_OK || *ttl_s <= 0) {
        *ttl_s = TTL_S;
    }
    json_decref(doc);
    dbk_error_reset(&ignored);
    return good;
}

void dbk_flag_came(const dbk_flag *f, dbk_slice body, uint64_t now_ms) {
    bool on = false;
    int64_t ttl_s = TTL_S;
    if (!read_answer(body, dbk_str_slice(&f->name), &on, &ttl_s)) {
        dbk_flag_failed(f, now_ms);
        return;
    }
    ttl_s = ttl_s < TTL_MIN_S ? TTL_MIN_S : dbk_min_i64(ttl_s, TTL_MAX_S);
    dbk_mutex_lock(&dbk_telemetry_hosts);
    known *k = find_locked(f);
    k->answered = true;
    k->on = on;
    k->fetching = false;
    k->next_ms = now_ms + (uint64_t)ttl_s * 1000;
    dbk_mutex_unlock(&dbk_telemetry_hosts);
}

void dbk_flag_failed(const dbk_flag *f, uint64_t now_ms) {
    dbk_mutex_lock(&dbk_telemetry_hosts);
    known *k = find_locked(f);
    k->fetching = false;
    k->next_ms = now_ms + QUIET_MS;
    dbk_mutex_unlock(&dbk_telemetry_hosts);
}

void dbk_flag_gave_up(const dbk_flag *f) {
    dbk_mutex_lock(&dbk_telemetry_hosts);
    find_locked(f)->fetching = false;
    dbk_mutex_unlock(&dbk_telemetry_hosts);
}

void dbk_flag_forget_asking_locked(void) {
    for (size_t i = 0; i < FLAGS; i++) {
        table.flags[i].fetching = false;
    }
}

void dbk_flag_reset_for_tests(void) {
    dbk_mutex_lock(&dbk_telemetry_hosts);
    memset(table.flags, 0, sizeof table.flags);
    dbk_mutex_unlock(&dbk_telemetry_hosts);
}
