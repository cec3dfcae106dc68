/* auth/auth.h: "give me a header": the credentials of one session and their life.
 *
 * Threads: counted; put_header on the session's control lane.
 * Owner:   tokens live in dbk_secret and are wiped; they leave only through put_header. */
#ifndef DBK_AUTH_AUTH_H
#define DBK_AUTH_AUTH_H

#include "base/base.h"
#include "net/net.h"

typedef struct dbk_auth dbk_auth; /* opaque, counted */

/* A personal access token. Empty: InvalidArgument "PAT auth requires a non-empty access token";
 * control characters: InvalidArgument. */
DBK_MUST_USE dbk_status dbk_auth_new_pat(dbk_slice token, dbk_auth **out, dbk_error *err);
dbk_auth *dbk_auth_ref(dbk_auth *auth);
void dbk_auth_unref(dbk_auth *auth); /* NULL is a no-op */

/* What has to be waited for before put_header gives a good token: an operation the caller owns, or
 * NULL when nothing has (always for a PAT). */
dbk_op *dbk_auth_refresh(dbk_auth *auth, dbk_lane *lane);

/* Appends "authorization: Bearer <token>" (no line end). The caller wipes the buffer. */
DBK_MUST_USE dbk_status dbk_auth_put_header(dbk_auth *auth, dbk_buf *line, dbk_error *err);

#endif
