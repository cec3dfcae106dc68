/* auth/call.h: one request to a login server, repeated by the policy of logins. Redirects are answers.
 *
 * Custom headers do not go there, and the workspace id with an exchange of tokens only. */
#ifndef DBK_AUTH_CALL_H
#define DBK_AUTH_CALL_H

#include "net/net.h"

/* What all requests of one session's login share; borrowed from its dbk_auth. */
typedef struct dbk_auth_env {
    dbk_lane *lane;
    dbk_http_config *http; /* counted */
    dbk_str origin;        /* of the workspace */
    bool unified;          /* the user named the workspace behind the host */
    dbk_str org_line;      /* the header that names it to the exchange; absent: none */
    dbk_retry_policy retry;
    int64_t offset_ms; /* the servers' clock is so far ahead of ours; by their last Date */
} dbk_auth_env;

typedef struct dbk_auth_request {
    const char *what; /* for log lines; static */
    dbk_slice url;
    dbk_slice authorization; /* a whole header line; empty: none */
    bool accept_json;
    bool names_workspace; /* with org_line */
    dbk_effect effect;
    /* Writes the form of a POST, anew for each attempt; NULL: a GET. ctx lives as long as the call. */
    dbk_status (*write_form)(void *ctx, dbk_buf *form, dbk_error *err);
    void *ctx;
} dbk_auth_request;

/* The last answer. body and why are worth keeping to the end of the call only. */
typedef struct dbk_auth_answer {
    dbk_http_outcome outcome;
    int status;
    dbk_buf body; /* may hold tokens */
    char location[256];
    char request_id[96];
    char why[DBK_HTTP_WHY];
    bool request_sent;
    uint32_t attempts;
    uint64_t sent_ms;   /* monotonic, when the last attempt began */
    bool clock_was_off; /* by more than a minute, which nobody had known */
} dbk_auth_answer;

typedef struct dbk_auth_call { /* an operation that succeeds with any answer */
    dbk_op op;
    dbk_auth_env *env;
    dbk_auth_request request;
    dbk_str url;
    dbk_secret authorization;
    dbk_buf form;
    dbk_retry_policy policy;
    uint64_t begun_ms, pause_ms;
    dbk_auth_answer answer;
} dbk_auth_call;

#define DBK_AUTH_LIMIT_MS 30000u /* for all attempts together: spec auth 2 */

DBK_MUST_USE dbk_status dbk_auth_call_new(dbk_auth_env *env, const dbk_auth_request *request,
                                          dbk_auth_call **out, dbk_error *err);
static inline void dbk_auth_call_unref(dbk_auth_call *call) {
    dbk_op_unref(call != NULL ? &call->op : NULL);
}

#endif
