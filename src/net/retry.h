/* net/retry.h: the one decision whether a request is sent again, and when. Pure functions. */
#ifndef DBK_NET_RETRY_H
#define DBK_NET_RETRY_H

#include "net/http.h"

/* What repeating a request could do. */
typedef enum dbk_effect {
    DBK_EFFECT_NONE,  /* reads and idempotent requests: may be repeated after any failure */
    DBK_EFFECT_UNSAFE /* may change data: only when it provably was not processed */
} dbk_effect;

typedef struct dbk_retry_policy {
    uint64_t min_wait_ms;
    uint64_t max_wait_ms;
    uint32_t max_attempts; /* in all; 0 counts as 1 */
    uint64_t budget_ms;    /* from the first attempt to the start of the last */
} dbk_retry_policy;

/* 1 s .. 60 s, 6 attempts, 900 s: spec sea-protocol 11 [ran] */
extern const dbk_retry_policy dbk_retry_default;

typedef struct dbk_retry_input {
    const dbk_retry_policy *policy;
    const dbk_http_response *response;
    dbk_effect effect;
    uint32_t attempts_made; /* this failed one included */
    uint64_t elapsed_ms;    /* since the first attempt began */
    int64_t wall_ms;        /* to understand Retry-After dates; the response's Date wins */
    uint32_t random;        /* any number: jitter */
} dbk_retry_input;

/* True: send again after *wait_ms. */
bool dbk_retry_decide(const dbk_retry_input *in, uint64_t *wait_ms);

/* "3" or an HTTP date, relative to now_unix_s; false when it is neither. Not clamped. */
bool dbk_retry_after_parse(const char *text, int64_t now_unix_s, uint64_t *wait_ms);

#endif
