/* auth/browser.h: a person logs in: the browser is sent away with a URL and comes back to a port here.
 *
 * Threads: dbk_login_run blocks on a thread of its own (net: dbk_work); the one place outside the lanes that
 * listens, on 127.0.0.1, for two minutes at most. */
#ifndef DBK_AUTH_BROWSER_H
#define DBK_AUTH_BROWSER_H

#include "auth/auth.h"

#define DBK_LOGIN_PORT  8030
#define DBK_LOGIN_PORTS 5

typedef struct dbk_login {
    dbk_str authorize; /* endpoint */
    dbk_str client_id;
    dbk_str scopes;
    uint16_t port;         /* the first of DBK_LOGIN_PORTS to try */
    dbk_login_opener open; /* NULL: the desktop's, else a line on stderr */
    void *open_ctx;
    int wake[2]; /* pipe: a byte ends the wait */
    char state[32];
    dbk_secret verifier;
    /* what came of it */
    dbk_str redirect_uri;
    dbk_secret code;
    dbk_error err;
} dbk_login;

DBK_MUST_USE dbk_status dbk_login_init(dbk_login *l, dbk_error *err); /* of a zeroed one */
void dbk_login_reset(dbk_login *l);
void dbk_login_run(dbk_login *l);  /* ends with a code or an error */
void dbk_login_stop(dbk_login *l); /* any thread */

/* What a browser asks of the port. line: the first of the request, without its end. */
typedef struct dbk_callback {
    bool get;
    bool has_state, has_code, has_error;
    dbk_buf state, code, error, description; /* percent escapes undone */
} dbk_callback;
void dbk_callback_parse(dbk_slice line, dbk_callback *out);
void dbk_callback_reset(dbk_callback *c);

/* The authorize URL, parameters in the order of spec auth 6. */
DBK_MUST_USE dbk_status dbk_login_url(const dbk_login *l, dbk_str *out, dbk_error *err);

#endif
