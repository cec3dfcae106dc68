/* auth/host_probe.h: what a host says of itself at /.well-known/databricks-config (spec spog 3).
 *
 * Asked without credentials and without any header of the session; then remembered by the process for each
 * host and way to it. A probe that fails is never an error. */
#ifndef DBK_AUTH_HOST_PROBE_H
#define DBK_AUTH_HOST_PROBE_H

#include "net/net.h"

#define DBK_PROBE_TRY_MS 2000u /* connect and read, per try */
#define DBK_PROBE_ALL_MS 3000u /* for both tries */

typedef struct dbk_host_facts {
    bool known;         /* the fields below were told; absent ones are "" */
    char host_type[32]; /* "unified", "workspace", "accounts", ... */
    char account_id[64];
    char workspace_id[32];
    char oidc_endpoint[256];
    char cloud[16];
    char why[DBK_HTTP_WHY]; /* known false: why not */
    char tls[320];          /* as in dbk_http_response */
    uint64_t took_ms;
    uint64_t asked_ms; /* monotonic */
} dbk_host_facts;

/* An operation that always succeeds, with facts; at once when they are remembered (an hour; a failure for a
 * minute), else after DBK_PROBE_ALL_MS at most. */
typedef struct dbk_host_probe {
    dbk_op op;
    dbk_host_facts facts;
    dbk_http_config *http; /* counted */
    dbk_str origin;
    dbk_op *asking; /* counted */
} dbk_host_probe;
DBK_MUST_USE dbk_status dbk_host_probe_new(dbk_lane *lane, dbk_http_config *http, dbk_slice origin,
                                           dbk_host_probe **out, dbk_error *err);
static inline void dbk_host_probe_unref(dbk_host_probe *p) {
    dbk_op_unref(p != NULL ? &p->op : NULL);
}

void dbk_host_forget_for_tests(void);

/* From the body of a 200. Unknown and mistyped fields are absent; false: no JSON object. */
bool dbk_host_facts_parse(dbk_slice body, dbk_host_facts *out);
/* The root of the login server that the host names for its account; "" when it names none, or one that
 * is not Databricks' or the host's own. */
#define DBK_OIDC_ROOT_SIZE 400
void dbk_host_oidc_root(const dbk_host_facts *facts, dbk_slice origin,
                        char out[DBK_OIDC_ROOT_SIZE]);

/* Spec spog 4: the row of the matrix, and what to tell the user; NULL: nothing. */
typedef enum dbk_org_source {
    DBK_ORG_NONE,
    DBK_ORG_QUERY,
    DBK_ORG_OPTION,
    DBK_ORG_MALFORMED
} dbk_org_source;
int dbk_host_matrix(const char *host_type, dbk_org_source source, const char **warning);

#endif
