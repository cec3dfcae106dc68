#include "net/retry.h"

/* A policy's waits are cut to a day, so that sums and products stay far from overflow. */
#define WAIT_MAX_MS UINT64_C(86400000)

const dbk_retry_policy dbk_retry_default = {1000, 60000, 6, 900000};

bool dbk_retry_after_parse(const char *text, int64_t now_unix_s, uint64_t *wait_ms) {
    dbk_slice s = dbk_slice_trim(dbk_slice_of(text));
    uint64_t seconds = 0;
    int64_t date_s = 0;
    if (dbk_parse_u64(s, &seconds)) {
        *wait_ms = seconds > UINT64_MAX / 1000u ? UINT64_MAX : seconds * 1000u;
        return true;
    }
    if (dbk_parse_http_date(s, &date_s)) {
        *wait_ms = date_s > now_unix_s ? ((uint64_t)date_s - (uint64_t)now_unix_s) * 1000u : 0;
        return true;
    }
    return false;
}

/* Statuses that answer the same however often they are asked: spec sea-protocol 11. */
static bool is_final_status(int status) {
    switch (status) {
    case 400:
    case 401:
    case 403:
    case 404:
    case 405:
    case 407: /* a proxy wants credentials that we do not have: spec auth 12 */
    case 409:
    case 410:
    case 411:
    case 412:
    case 413:
    case 414:
    case 415:
    case 416:
        return true;
    default:
        /* Redirects are answers too: a login page does not go away. */
        return status >= 300 && status < 400;
    }
}

/* An unsafe request is repeated only when the server says that it did nothing: 429, or a 503 that
 * names a time to come back. */
static bool status_allows(const dbk_retry_input *in) {
    const dbk_http_response *r = in->response;
    if (r->status >= 200 && r->status < 300) {
        return false;
    }
    if (in->effect == DBK_EFFECT_UNSAFE) {
        return r->status == 429 || (r->status == 503 && r->retry_after[0] != '\0');
    }
    return !is_final_status(r->status);
}

static bool outcome_allows(const dbk_retry_input *in) {
    switch (in->response->outcome) {
    case DBK_HTTP_ANSWERED:
        return status_allows(in);
    case DBK_HTTP_UNREACHABLE: /* a proxy may have said why */
        return !is_final_status(in->response->proxy_status);
    case DBK_HTTP_TLS:     /* a certificate does not get better by asking again */
    case DBK_HTTP_REFUSED: /* our own decision */
        return false;
    case DBK_HTTP_BROKEN:
    case DBK_HTTP_TIMED_OUT:
    case DBK_HTTP_STALLED:
        return in->effect == DBK_EFFECT_NONE || !in->response->request_sent;
    }
    return false;
}

static uint64_t min_wait(const dbk_retry_policy *p) {
    return dbk_min_u64(dbk_max_u64(p->min_wait_ms, 1), WAIT_MAX_MS);
}

static uint64_t max_wait(const dbk_retry_policy *p) {
    return dbk_min_u64(dbk_max_u64(p->max_wait_ms, min_wait(p)), WAIT_MAX_MS);
}

/* min_wait doubled per attempt, 5-25 % jitter on top (at least 50 ms): spec sea-protocol 11. */
static uint64_t backoff_ms(const dbk_retry_input *in) {
    uint64_t wait = min_wait(in->policy);
    uint64_t max = max_wait(in->policy);
    for (uint32_t i = 0; i < in->attempts_made && wait < max; i++) {
        wait *= 2;
    }
    return dbk_min_u64(wait, max);
}

static uint64_t with_jitter(uint64_t wait_ms, uint32_t random) {
    uint64_t percent = 5u + random % 21u;
    return wait_ms + dbk_max_u64(wait_ms * percent / 100u, 50);
}

bool dbk_retry_decide(const dbk_retry_input *in, uint64_t *wait_ms) {
    const dbk_retry_policy *p = in->policy;
    uint64_t wait = 0;
    if (in->attempts_made >= dbk_max_u64(p->max_attempts, 1) || !outcome_allows(in)) {
        return false;
    }
    int64_t now_s = in->response->date_unix_s >= 0 ? in->response->date_unix_s : in->wall_ms / 1000;
    if (in->response->retry_after[0] != '\0' &&
        dbk_retry_after_parse(in->response->retry_after, now_s, &wait)) {
        wait = dbk_min_u64(dbk_max_u64(wait, min_wait(p)), max_wait(p));
    } else {
        wait = backoff_ms(in);
    }
    wait = with_jitter(wait, in->random);
    if (in->elapsed_ms > p->budget_ms || wait > p->budget_ms - in->elapsed_ms) {
        return false;
    }
    *wait_ms = wait;
    return true;
}
