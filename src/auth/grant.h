/* auth/grant.h: one POST to a token endpoint, from a form to a token or an error. */
#ifndef DBK_AUTH_GRANT_H
#define DBK_AUTH_GRANT_H

#include "auth/call.h"
#include "auth/token.h"

typedef struct dbk_grant {
    dbk_op op;
    dbk_auth_env *env;
    dbk_auth_call *call;
    const char *clause;   /* stands before the message of a failure; static */
    bool raw_errors;      /* "HTTP 401: <body>" instead of OAuth's words: the JWT mode's habit */
    dbk_token token;      /* when it went well */
    char oauth_error[64]; /* else: "invalid_grant", "" when the server did not say */
    bool clock_was_off;
} dbk_grant;

/* request.what and clause are static texts; clause NULL: messages are "HTTP 401: <body>", the JWT mode's
 * habit. A failure is Unauthenticated, with the HTTP status. */
DBK_MUST_USE dbk_status dbk_grant_new(dbk_auth_env *env, const dbk_auth_request *request,
                                      const char *clause, dbk_grant **out, dbk_error *err);
static inline void dbk_grant_unref(dbk_grant *grant) {
    dbk_op_unref(grant != NULL ? &grant->op : NULL);
}

/* What a token endpoint answers with 200; sent_ms: when it was asked (monotonic). DataLoss. */
DBK_MUST_USE dbk_status dbk_grant_parse(dbk_slice body, const dbk_clock *clock, uint64_t sent_ms,
                                        dbk_token *out, dbk_error *err);
/* Overwrites every text of a document that may hold tokens, and gives it back. */
void dbk_json_wipe(json_t *doc);

#endif
