/* net/proxy.h: whether a host is reached through a proxy. Pure functions. */
#ifndef DBK_NET_PROXY_H
#define DBK_NET_PROXY_H

#include "base/base.h"

/* Does the list (entries with commas or blanks between, as in NO_PROXY) name this authority ("h",
 * "h:port", "[::1]:port")? An entry is a name and all below it, ".name" or "*.name" the same, an address, a
 * network ("10.0.0.0/8", "fd00::/8") for hosts written as addresses, any of these with ":port", or "*". A URL
 * without a port is of default_port. */
bool dbk_proxy_bypassed(dbk_slice list, dbk_slice authority, uint16_t default_port);

#endif
