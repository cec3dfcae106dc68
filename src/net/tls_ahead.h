/* net/tls_ahead.h: TLS connections for downloads, which take large pieces from the network.
 *
 * OpenSSL asks for the 5 bytes of a record's head, then for its 16 KiB: two system calls a record, and as many
 * answers of TCP. (Its own reading ahead moves all that it holds once per record.)
 *
 * Bytes that wait here make no event: the connection is read again until none are left (lane_curl.c). All of it on the thread of
 * the connection's lane. */
#ifndef DBK_NET_TLS_AHEAD_H
#define DBK_NET_TLS_AHEAD_H

#include <stdbool.h>

#include <curl/curl.h>
#include <openssl/ssl.h>

/* For the connections that are made of ctx. One that gets no memory for it reads as OpenSSL does. */
void dbk_tls_read_ahead(SSL_CTX *ctx);
/* Offers AES with 128 bits first, which takes a sixth less time than with 256. Only where the order of TLS 1.3's
 * ciphers is OpenSSL's own: what the machine's administrator has decided stays. */
void dbk_tls_prefer_quick(SSL_CTX *ctx);
typedef struct dbk_tls_ahead dbk_tls_ahead;
/* Of the connection that this transfer uses, which others may have made: a reference, or NULL when it does not
 * read ahead. It may outlive the connection, and is empty then. */
dbk_tls_ahead *dbk_tls_ahead_of(CURL *easy);
void dbk_tls_ahead_unref(dbk_tls_ahead *ahead);
bool dbk_tls_ahead_holds_bytes(const dbk_tls_ahead *ahead);

#endif
