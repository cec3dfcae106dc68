/* auth/discovery.h: where a workspace's login server has its endpoints (RFC 8414).
 *
 * Of a unified host whose workspace the user named, that of the account is asked first (spec spog 2): the
 * host's own issues tokens of another account. Without an answer from there the host's own counts. */
#ifndef DBK_AUTH_DISCOVERY_H
#define DBK_AUTH_DISCOVERY_H

#include "auth/call.h"
#include "auth/host_probe.h"

typedef struct dbk_discovery {
    dbk_op op;
    dbk_auth_env *env;                /* borrowed */
    dbk_host_probe *probe;            /* counted */
    char account[DBK_OIDC_ROOT_SIZE]; /* of the account's login server; "": not asked */
    dbk_auth_call *call;
    dbk_str authorize; /* absent: the document names none */
    dbk_str token;
} dbk_discovery;

DBK_MUST_USE dbk_status dbk_discovery_new(dbk_auth_env *env, dbk_discovery **out, dbk_error *err);
static inline void dbk_discovery_unref(dbk_discovery *d) {
    dbk_op_unref(d != NULL ? &d->op : NULL);
}

#endif
