/* net/url.h: the host string a user gives, and the parts of a URL that log lines may show. */
#ifndef DBK_NET_URL_H
#define DBK_NET_URL_H

#include "base/base.h"

/* "h", "h:port", "https://h/", "http://h:port" to "scheme://h[:port]" without a trailing slash;
 * without a scheme https is meant. InvalidArgument for an empty host, blanks, control characters,
 * user info, a path, a query or another scheme. Spec c-abi 2.3, sea-protocol 1. */
DBK_MUST_USE dbk_status dbk_url_origin(dbk_slice host, dbk_str *out, dbk_error *err);

/* The host (and port) of a URL, borrowed from it: "h:port"; empty when there is none. */
dbk_slice dbk_url_authority(dbk_slice url);
/* "[2001:db8::1]:443", "Host:8443", "host" to the host alone, borrowed. */
dbk_slice dbk_authority_host(dbk_slice authority);
bool dbk_host_has_suffix(dbk_slice host, const char *suffix); /* in any case */

/* Takes one character off a query's text, undoing "%XX" and '+'. A '%' without two digits is itself. text must
 * not be empty. */
char dbk_url_decode_next(dbk_slice *text);

/* A header line is safe to send: a token as name, no CR, LF, NUL or other control in the value. */
bool dbk_header_name_valid(dbk_slice name);
bool dbk_header_value_valid(dbk_slice value);

#endif
