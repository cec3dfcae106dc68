#include "telemetry/breaker.h"

#define HOSTS           256
#define AT_LEAST_MAX_MS 900000u /* of Retry-After: spec telemetry.md 8 */

typedef struct host {
    dbk_breaker_key key;    /* 0: free */
    uint64_t asked;         /* order of the last question */
    uint32_t failures;      /* in a row */
    uint64_t open_until_ms; /* 0: closed */
    bool probing;
    uint64_t counts[DBK_COUNTS];
} host;

dbk_mutex dbk_telemetry_hosts = PTHREAD_MUTEX_INITIALIZER;

static struct { /* under dbk_telemetry_hosts */
    uint64_t questions;
    host hosts[HOSTS];
} table;

dbk_breaker_key dbk_breaker_key_of(dbk_slice origin) {
    uint64_t h = dbk_slice_hash(origin, DBK_HASH_INIT);
    return h != 0 ? h : 1;
}

static host *look_locked(dbk_breaker_key key) { /* NULL: not known */
    for (size_t i = 0; i < HOSTS; i++) {
        if (table.hosts[i].key == key) {
            return &table.hosts[i];
        }
    }
    return NULL;
}

static host *find_locked(dbk_breaker_key key) {
    host *found = look_locked(key);
    host *oldest = &table.hosts[0];
    for (size_t i = 0; i < HOSTS && found == NULL; i++) {
        host *h = &table.hosts[i];
        oldest = h->asked < oldest->asked ? h : oldest;
    }
    if (found == NULL) {
        *oldest = (host){.key = key, .asked = ++table.questions};
    }
    return found != NULL ? found : oldest;
}

dbk_breaker_answer dbk_breaker_ask(dbk_breaker_key key, uint64_t now_ms) {
    dbk_breaker_answer answer = DBK_BREAKER_GO;
    dbk_mutex_lock(&dbk_telemetry_hosts);
    host *h = find_locked(key);
    h->asked = ++table.questions;
    if (h->open_until_ms > now_ms) {
        answer = DBK_BREAKER_DROP;
    } else if (h->open_until_ms != 0 && h->probing) {
        answer = DBK_BREAKER_WAIT;
    } else {
        h->probing = h->open_until_ms != 0;
    }
    dbk_mutex_unlock(&dbk_telemetry_hosts);
    return answer;
}

void dbk_breaker_worked(dbk_breaker_key key) {
    dbk_mutex_lock(&dbk_telemetry_hosts);
    host *h = find_locked(key);
    h->failures = 0;
    h->open_until_ms = 0;
    h->probing = false;
    dbk_mutex_unlock(&dbk_telemetry_hosts);
}

void dbk_breaker_failed(dbk_breaker_key key, const dbk_breaker_rules *rules, uint64_t now_ms,
                        uint64_t at_least_ms) {
    dbk_mutex_lock(&dbk_telemetry_hosts);
    host *h = find_locked(key);
    h->failures++;
    if (h->probing || h->failures >= rules->threshold) {
        h->open_until_ms =
            now_ms + dbk_max_u64(rules->timeout_ms, dbk_min_u64(at_least_ms, AT_LEAST_MAX_MS));
        h->failures = 0;
    }
    h->probing = false;
    dbk_mutex_unlock(&dbk_telemetry_hosts);
}

void dbk_breaker_gave_up(dbk_breaker_key key) {
    dbk_mutex_lock(&dbk_telemetry_hosts);
    find_locked(key)->probing = false;
    dbk_mutex_unlock(&dbk_telemetry_hosts);
}

void dbk_breaker_add(dbk_breaker_key key, dbk_breaker_count what, uint64_t events) {
    dbk_mutex_lock(&dbk_telemetry_hosts);
    find_locked(key)->counts[what] += events;
    dbk_mutex_unlock(&dbk_telemetry_hosts);
}

bool dbk_breaker_look(dbk_breaker_key key, uint64_t now_ms, uint64_t out[DBK_COUNTS]) {
    dbk_mutex_lock(&dbk_telemetry_hosts);
    const host *h = look_locked(key);
    bool open = h != NULL && h->open_until_ms > now_ms;
    for (size_t i = 0; i < DBK_COUNTS; i++) {
        out[i] = h != NULL ? h->counts[i] : 0;
    }
    dbk_mutex_unlock(&dbk_telemetry_hosts);
    return open;
}

void dbk_breaker_forget_asking_locked(void) {
    for (size_t i = 0; i < HOSTS; i++) {
        table.hosts[i].probing = false;
    }
}

void dbk_breaker_reset_for_tests(void) {
    dbk_mutex_lock(&dbk_telemetry_hosts);
    memset(table.hosts, 0, sizeof table.hosts);
    dbk_mutex_unlock(&dbk_telemetry_hosts);
}
