/* net/roots.h: the trusted certificates, parsed once per process.
 *
 * Parsing a distribution's 144 takes 20-50 ms of CPU: more than all handshakes of a short program. curl
 * would do it for each connection when a folder is named, else once per lane. */
#ifndef DBK_NET_ROOTS_H
#define DBK_NET_ROOTS_H

#include "base/base.h"

#include <openssl/x509.h>

/* The certificates of a PEM file and of folders with hashed names (OpenSSL's, separated by ':'); either
 * may be NULL, and what cannot be read counts as empty. A reference for the caller, who must not add to
 * the store; NULL: out of memory. Any thread. */
X509_STORE *dbk_roots_system(const char *file, const char *dir);
/* A store of its own with the same certificates. */
X509_STORE *dbk_roots_copy(const char *file, const char *dir);

/* Those and what was added to them, under a name that stands for the added text: the last one that was kept, or
 * NULL. A reference for the caller, who must not add to it. */
X509_STORE *dbk_roots_kept(const char *file, const char *dir, const char *name);
void dbk_roots_keep(const char *file, const char *dir, const char *name, X509_STORE *store);

void dbk_roots_before_fork(void); /* so that a child finds the lock free */
void dbk_roots_after_fork(void);

#endif
