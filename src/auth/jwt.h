/* auth/jwt.h: JSON Web Tokens: what is read of others', and how ours are signed. */
#ifndef DBK_AUTH_JWT_H
#define DBK_AUTH_JWT_H

#include "base/base.h"

typedef struct dbk_jwt_claims {
    dbk_str issuer;      /* ptr NULL: none */
    int64_t ends_unix_s; /* exp; 0: none */
} dbk_jwt_claims;

/* False: not a JWT whose claims can be read (an opaque token). Nothing is verified: these are the
 * caller's own tokens. */
bool dbk_jwt_read(dbk_slice token, dbk_jwt_claims *out);

/* ---- assertions: spec auth 5 ---- */

typedef struct dbk_jwt_key dbk_jwt_key; /* opaque, immutable: a private key and an algorithm */

/* pem: PKCS#8, also encrypted (then with a passphrase), PKCS#1 or SEC1. algorithm: RS256 (also for an
 * empty one), RS384, RS512, PS256, PS384, PS512, ES256, ES384. InvalidArgument says what is wrong. */
DBK_MUST_USE dbk_status dbk_jwt_key_new(dbk_slice pem, dbk_slice passphrase, dbk_slice algorithm,
                                        dbk_jwt_key **out, dbk_error *err);
/* The same from a file. */
DBK_MUST_USE dbk_status dbk_jwt_key_load(const char *path, dbk_slice passphrase,
                                         dbk_slice algorithm, dbk_jwt_key **out, dbk_error *err);
/* Its public half (DER): which key it is. */
DBK_MUST_USE dbk_status dbk_jwt_key_public(const dbk_jwt_key *key, dbk_buf *der, dbk_error *err);
void dbk_jwt_key_free(dbk_jwt_key *key); /* NULL is a no-op */

/* Writes a signed assertion of the client for the audience: good from now_unix_s for 300 s, with an id
 * nobody else has. */
DBK_MUST_USE dbk_status dbk_jwt_assert(const dbk_jwt_key *key, dbk_slice key_id,
                                       dbk_slice client_id, dbk_slice audience, int64_t now_unix_s,
                                       dbk_buf *out, dbk_error *err);

#endif
