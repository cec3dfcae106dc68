/* auth/internal.h: what the modes of this room share. */
#ifndef DBK_AUTH_INTERNAL_H
#define DBK_AUTH_INTERNAL_H

#include <stdatomic.h>

#include "auth/auth.h"
#include "auth/call.h"
#include "auth/token.h"

/* One fetching of a token: the first member of every mode's operation. It succeeds with `token`. */
typedef struct dbk_fetch {
    dbk_op op;
    dbk_auth *auth; /* borrowed: the flight holds it */
    dbk_token token;
} dbk_fetch;

/* What one way to log in has to bring. It embeds dbk_auth first. */
typedef struct dbk_auth_mode {
    const char *name; /* "pat", for log lines */
    bool renews;      /* asking again can give another token */
    bool interactive; /* a person is asked: nobody waiting any more ends it */
    bool at_home;     /* the workspace takes its tokens whoever issued them: no federation */
    DBK_MUST_USE dbk_status (*fetch)(dbk_auth *auth, dbk_fetch **out, dbk_error *err);
    void (*destroy)(dbk_auth *auth); /* wipes and frees the enclosing object, dbk_auth_drop first */
} dbk_auth_mode;

struct dbk_auth {
    const dbk_auth_mode *mode;
    size_t refs;          /* under the lock of auth.c */
    uint8_t identity[32]; /* equal ones share one object; all zero: never shared */
    dbk_node shared;      /* under the lock of auth.c */
    dbk_auth_env env;
    dbk_str extra_line; /* a header that goes with the token; absent: none */
    dbk_str federation_client_id;
    bool federation_token_exchange, federation_strict;
    atomic_bool spent; /* the mode has another token now: set_token */

    /* On the lane. */
    dbk_token base;                 /* as the mode gave it */
    dbk_token exchanged;            /* the workspace's token for it, when that is another one */
    dbk_auth_generation generation; /* grows with every new token; 0: there was none */
    dbk_auth_generation refused;    /* the server did not take this one; 0: none */
    uint64_t exchange_again_ms;     /* an exchange failed: not before then again; 0: none did */
    uint64_t background_again_ms;   /* the same for fetching in the background */
    dbk_op *flight;                 /* the one that fetches; counted */
    dbk_list waiters;
};

/* Prepares the embedded object with one reference; undone by dbk_auth_drop. */
DBK_MUST_USE dbk_status dbk_auth_init(dbk_auth *auth, const dbk_auth_mode *mode,
                                      const dbk_auth_settings *settings, dbk_error *err);
void dbk_auth_drop(dbk_auth *auth);
/* Shares: gives the living object with the same mode, lane, origin, connection settings and words
 * (and drops this one), else this one. */
dbk_auth *dbk_auth_share(dbk_auth *auth, const dbk_auth_settings *settings, const dbk_slice *words,
                         size_t count);

/* The token to be sent, or one without text. */
static inline const dbk_token *dbk_auth_current(const dbk_auth *auth) {
    return auth->exchanged.access.len > 0 ? &auth->exchanged : &auth->base;
}
/* Is it good no more, whatever its age? */
static inline bool dbk_auth_is_spent(const dbk_auth *auth) {
    return atomic_load(&auth->spent) || (auth->refused != 0 && auth->refused == auth->generation);
}
static inline const dbk_clock *dbk_auth_clock(const dbk_auth *auth) {
    return dbk_lane_clock(auth->env.lane);
}

/* Zeroed memory for a fetch of this size, ready to run. NULL: no memory. */
void *dbk_fetch_new(dbk_auth *auth, size_t size, const dbk_machine *machine);

/* flight.c: fetches, unless that is under way; it may be over when this returns. */
void dbk_flight_start(dbk_auth *auth);
/* Tells everybody who waits how it went; err NULL: well. */
void dbk_auth_tell(dbk_auth *auth, const dbk_error *err);

/* federation.c: does the workspace want another token in place of this one? Spec auth 7. */
bool dbk_federation_needed(const dbk_auth *auth, dbk_slice token);
struct dbk_grant;
DBK_MUST_USE dbk_status dbk_federation_grant(dbk_auth *auth, struct dbk_grant **out,
                                             dbk_error *err);

#endif
