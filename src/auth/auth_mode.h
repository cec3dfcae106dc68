/* auth/auth_mode.h: what one way to log in has to bring; auth.c is the door in front of all of them.
 *
 * A mode embeds dbk_auth first. A mode with tokens that age (OAuth) fills `refresh`; a PAT never
 * ages and leaves it NULL. */
#ifndef DBK_AUTH_AUTH_MODE_H
#define DBK_AUTH_AUTH_MODE_H

#include <stdatomic.h>

#include "auth/auth.h"

typedef struct dbk_auth_mode {
    const char *name;                                   /* for log lines: "pat" */
    dbk_op *(*refresh)(dbk_auth *auth, dbk_lane *lane); /* NULL: never anything to wait for */
    dbk_status (*put_header)(dbk_auth *auth, dbk_buf *line, dbk_error *err);
    void (*destroy)(dbk_auth *auth); /* wipes and frees the enclosing object */
} dbk_auth_mode;

struct dbk_auth {
    const dbk_auth_mode *mode;
    atomic_size_t refs;
};

void dbk_auth_init(dbk_auth *auth, const dbk_auth_mode *mode); /* one reference, the caller's */

/* Appends "authorization: Bearer <token>" without leaving a copy of the token behind: the line gets
 * its final size, closing NUL included, before the first byte of the token is written. */
DBK_MUST_USE dbk_status dbk_auth_put_bearer(const dbk_secret *token, dbk_buf *line, dbk_error *err);

#endif
