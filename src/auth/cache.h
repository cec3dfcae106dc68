/* auth/cache.h: tokens of browser logins on disk, encrypted: spec auth 6.1, the Rust kernel's format; and
 * those that the JDBC driver left there, in nearly the same one.
 *
 * Threads: everything blocks (files, a slow hash): not on a lane.
 * Rule:    a file that we cannot read is left alone; ours then stands in a folder of our own. */
#ifndef DBK_AUTH_CACHE_H
#define DBK_AUTH_CACHE_H

#include "auth/token.h"

typedef struct dbk_cache_key { /* borrowed texts */
    dbk_slice origin;
    dbk_slice client_id;
    dbk_slice scopes;     /* by blanks */
    dbk_slice passphrase; /* empty: one made of this user, home and machine */
} dbk_cache_key;

typedef struct dbk_cache {
    dbk_str file;     /* where the Rust kernel keeps it too */
    dbk_str own_file; /* when that one is somebody else's */
    dbk_str lock_file;
    dbk_str jdbc_file; /* absent: there can be none */
    dbk_str scopes;
    dbk_secret passphrase;
    bool foreign; /* file is there, and not ours */
    int lock_fd;  /* -1: not held */
} dbk_cache;

/* False: no memory, or there is no home. */
DBK_MUST_USE bool dbk_cache_init(dbk_cache *c, const dbk_cache_key *key);
void dbk_cache_reset(dbk_cache *c); /* gives the lock back */

/* Waits for other processes that use the same login, until give_up says true; then goes on without. */
void dbk_cache_lock(dbk_cache *c, bool (*give_up)(void *ctx), void *ctx);
void dbk_cache_unlock(dbk_cache *c);
/* A token with a refresh token: ours, else the JDBC driver's; false: there is none. */
bool dbk_cache_read(dbk_cache *c, const dbk_clock *clock, dbk_token *out);
void dbk_cache_write(dbk_cache *c, const dbk_token *t); /* warns on failure */
void dbk_cache_remove(dbk_cache *c);

/* The pure parts. text: a file's content; salt: empty when the content begins with it; plain: what was
 * encrypted, with the names of the Rust kernel or those of the JDBC driver. False: not that. */
DBK_MUST_USE bool dbk_cache_decrypt(dbk_slice text, dbk_slice passphrase, dbk_slice salt,
                                    dbk_buf *plain);
DBK_MUST_USE bool dbk_cache_parse(dbk_slice plain, const dbk_clock *clock, dbk_token *out);

#endif
