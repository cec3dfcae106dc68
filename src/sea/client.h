/* sea/client.h: what every request of one session shares. */
#ifndef DBK_SEA_CLIENT_H
#define DBK_SEA_CLIENT_H

#include <stdatomic.h>

#include "sea/sea.h"

struct dbk_sea { /* immutable after dbk_sea_new, but for the last two */
    atomic_size_t refs;
    dbk_str origin; /* "https://host[:port]" */
    dbk_str warehouse_id;
    dbk_str org_id; /* the workspace behind a unified host; absent: not told */
    dbk_http_config *http;
    dbk_auth *auth;
    dbk_str *lines; /* custom headers, then the workspace id: "name: value" */
    size_t line_count;
    dbk_retry_policy retry;
    dbk_tracer *tracer; /* counted; NULL: nobody listens */
    dbk_str session_id; /* set once; absent: there is none yet */
    atomic_bool storage_far;
};

/* "<origin>/api/2.0/sql/<collection>[/<id>][<tail>]". id is percent-encoded, ptr NULL leaves it out;
 * tail is taken as it is. InvalidArgument for an id that would name another resource: empty, "." or
 * "..". */
typedef struct dbk_sea_path {
    const char *collection; /* "sessions", "statements" */
    dbk_slice id;
    const char *tail; /* "/cancel", "?warehouse_id=x"; NULL: none */
} dbk_sea_path;
DBK_MUST_USE dbk_status dbk_sea_url(const dbk_sea *sea, const dbk_sea_path *path, dbk_str *out,
                                    dbk_error *err);

/* origin + link, where link is a path and query that the server gave. DataLoss when it is anything
 * that could lead to another host or break the request line. */
DBK_MUST_USE dbk_status dbk_sea_link_url(const dbk_sea *sea, dbk_slice link, dbk_str *out,
                                         dbk_error *err);

#endif
