/* auth/auth_rig.h: tests only: credentials against a scripted login server, on one thread and with a clock
 * that only the test moves.
 *
 *     rig r;
 *     rig_begin(&r);
 *     rig_on(&r, "POST /oidc/v1/token ", "200 OK", "{\"access_token\":\"a\",\"expires_in\":60}");
 *     CHECK_STR(rig_bearer(&r, auth), "a");
 *     rig_end(&r, auth);
 */
#ifndef DBK_AUTH_AUTH_RIG_H
#define DBK_AUTH_AUTH_RIG_H

#include "auth/auth.h"

#define RIG_ORIGIN    "http://127.0.0.1:1"
#define RIG_DISCOVERY "GET /oidc/.well-known/oauth-authorization-server "
#define RIG_TOKEN     "POST /oidc/v1/token "
#define RIG_ENDPOINTS                                       \
    "{\"token_endpoint\":\"" RIG_ORIGIN "/oidc/v1/token\"," \
    "\"authorization_endpoint\":\"" RIG_ORIGIN "/oidc/v1/authorize\"}"

typedef struct rig {
    dbk_clock_manual clock;
    dbk_lane *lane;
    dbk_http_config *http;
    dbk_retry_policy retry;
    dbk_auth_settings settings; /* for the makers */
    dbk_error err;              /* of the last failure */
    dbk_buf answers[64];
    size_t answer_count;
    dbk_buf line;
    dbk_auth_generation generation; /* of the last header */
} rig;

extern struct test_peer rig_peer; /* net/test_peer.h */

void rig_begin(rig *r);
void rig_end(rig *r, dbk_auth *auth);       /* drops auth; every answer must be used */
void rig_end_early(rig *r, dbk_auth *auth); /* the same, whatever was used */
/* A client of RIG_ORIGIN with a secret, "s3cret-value"; what it finds out first, and its token. */
dbk_auth *rig_m2m(rig *r);
dbk_auth *rig_m2m_with(rig *r, const char *token, const char *life_s);
/* One request that contains `request` is answered so; the Date is the rig's clock plus date_s. */
void rig_on(rig *r, const char *request, const char *status, const char *json);
void rig_on_dated(rig *r, const char *request, const char *status, const char *json,
                  int64_t date_s);
void rig_stall(rig *r, const char *request);
/* Waits as a request would, and gives the token that it would send; NULL: r->err says why not. */
const char *rig_bearer(rig *r, dbk_auth *auth);
/* Runs until only time could change something. */
void rig_settle(rig *r);
/* Moves the clock in the way of timers until op is done. */
dbk_status rig_run(rig *r, dbk_op *op);
void rig_pass(rig *r, uint64_t ms);

#endif
