/* net/tls_note.h: what a TLS handshake saw of the server's certificates, for messages and for status.
 *
 * Lane thread only. A connection and the exchange that opens it hold the note together: either may go
 * first. */
#ifndef DBK_NET_TLS_NOTE_H
#define DBK_NET_TLS_NOTE_H

#include "base/base.h"

#include <openssl/ssl.h>

typedef struct dbk_tls_note dbk_tls_note; /* opaque, counted */

/* Lets the handshakes of ctx write into a new note; a reference for the caller. NULL: no memory. */
dbk_tls_note *dbk_tls_note_attach(SSL_CTX *ctx);
void dbk_tls_note_unref(dbk_tls_note *note); /* NULL is a no-op */

/* "TLSv1.3, CN=server < CN=authority": leaf first; false: no certificate was seen. */
bool dbk_tls_note_chain(const dbk_tls_note *note, char *out, size_t size);
/* Which certificate was refused, who issued it, and what to do; false: nothing is known. host as in the
 * URL; wrong_name: the chain is fine, the name is not. */
bool dbk_tls_note_explain(const dbk_tls_note *note, dbk_slice host, bool wrong_name, char *out,
                          size_t size);

#endif
