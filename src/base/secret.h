/* base/secret.h: the one type for tokens, keys and passphrases: never reallocated, never printed,
 * wiped when freed, and in memory that no core dump holds (vault.h). */
#ifndef DBK_BASE_SECRET_H
#define DBK_BASE_SECRET_H

#include "base/error.h"
#include "base/text.h"

typedef struct dbk_secret { /* {0}: absent */
    char *ptr;              /* NUL-terminated for libraries that want a C string */
    size_t len;
} dbk_secret;

DBK_MUST_USE dbk_status dbk_secret_set(dbk_secret *s, dbk_slice value, dbk_error *err); /* copies */
void dbk_secret_reset(dbk_secret *s);
void dbk_secret_move(dbk_secret *dst, dbk_secret *src);
bool dbk_secret_eq(const dbk_secret *a, const dbk_secret *b); /* constant time for equal lengths */
static inline dbk_slice dbk_secret_slice(const dbk_secret *s) {
    return (dbk_slice){s->ptr, s->len};
}

void dbk_wipe(void *p, size_t n); /* not optimised away */

#endif
