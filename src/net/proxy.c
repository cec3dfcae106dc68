#include "net/proxy.h"

#include <arpa/inet.h>

#define ADDRESS_TEXT 64u

/* ---- "h", "h:port", "[::1]:port", "::1" ---- */

typedef struct place {
    dbk_slice host;
    uint64_t port; /* 0: none given */
} place;

static place split_place(dbk_slice text) {
    place p = {.host = text};
    size_t colon = text.len;
    size_t colons = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == ':') {
            colon = i;
            colons++;
        }
    }
    bool bracket = text.len > 0 && text.ptr[0] == '[';
    bool has_port =
        colon < text.len && (bracket ? colon > 0 && text.ptr[colon - 1] == ']' : colons == 1);
    if (has_port &&
        dbk_parse_u64(dbk_slice_n(text.ptr + colon + 1, text.len - colon - 1), &p.port)) {
        p.host.len = colon;
    }
    if (bracket && p.host.len > 1 && p.host.ptr[p.host.len - 1] == ']') {
        p.host = dbk_slice_n(p.host.ptr + 1, p.host.len - 2);
    }
    return p;
}

/* ---- addresses ---- */

typedef struct address {
    unsigned char bytes[16];
    size_t len; /* 4 or 16 */
} address;

static bool parse_address(dbk_slice text, address *out) {
    char copy[ADDRESS_TEXT];
    if (text.len == 0 || text.len >= sizeof copy) {
        return false;
    }
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    out->len = inet_pton(AF_INET, copy, out->bytes) == 1    ? 4
               : inet_pton(AF_INET6, copy, out->bytes) == 1 ? 16
                                                            : 0;
    return out->len > 0;
}

static bool same_bits(const address *a, const address *b, uint64_t bits) {
    size_t whole = (size_t)bits / 8;
    unsigned left = (unsigned)bits % 8;
    return a->len == b->len && bits <= a->len * 8 && memcmp(a->bytes, b->bytes, whole) == 0 &&
           (left == 0 || (a->bytes[whole] ^ b->bytes[whole]) >> (8 - left) == 0);
}

/* "10.0.0.0/8" or an address. */
static bool covers(dbk_slice network, const address *host) {
    address base;
    uint64_t bits = UINT64_MAX;
    dbk_slice before;
    dbk_slice rest = network;
    bool sized = dbk_slice_split(&rest, '/', &before);
    if (!parse_address(sized ? before : network, &base) || (sized && !dbk_parse_u64(rest, &bits))) {
        return false;
    }
    return same_bits(&base, host, sized ? bits : (uint64_t)base.len * 8);
}

/* ---- names ---- */

static dbk_slice without_last_dot(dbk_slice name) {
    return name.len > 0 && name.ptr[name.len - 1] == '.' ? dbk_slice_n(name.ptr, name.len - 1)
                                                         : name;
}

static bool names(dbk_slice entry, dbk_slice host) {
    if (dbk_slice_has_prefix(entry, DBK_SLICE("*."))) {
        entry = dbk_slice_n(entry.ptr + 1, entry.len - 1);
    }
    if (dbk_slice_has_prefix(entry, DBK_SLICE("."))) {
        entry = dbk_slice_n(entry.ptr + 1, entry.len - 1);
    }
    entry = without_last_dot(entry);
    host = without_last_dot(host);
    if (entry.len == 0 || host.len < entry.len) {
        return false;
    }
    size_t before = host.len - entry.len;
    return dbk_slice_eq_nocase(dbk_slice_n(host.ptr + before, entry.len), entry) &&
           (before == 0 || host.ptr[before - 1] == '.');
}

/* ---- the list ---- */

static bool matches(dbk_slice entry, const place *host) {
    address ip;
    place p = split_place(entry);
    if (dbk_slice_eq(entry, DBK_SLICE("*"))) {
        return true;
    }
    if (p.port != 0 && p.port != host->port) {
        return false;
    }
    return parse_address(host->host, &ip) ? covers(p.host, &ip) : names(p.host, host->host);
}

static bool between(char c) {
    return c == ',' || c == ' ' || c == '\t';
}

bool dbk_proxy_bypassed(dbk_slice list, dbk_slice authority, uint16_t default_port) {
    place host = split_place(authority);
    host.port = host.port != 0 ? host.port : default_port;
    /* A cloud's own service for this machine; no proxy can reach it for us. */
    bool found = dbk_slice_eq(host.host, DBK_SLICE("169.254.169.254"));
    for (size_t at = 0; at < list.len && !found;) {
        size_t end = at;
        while (end < list.len && !between(list.ptr[end])) {
            end++;
        }
        found = end > at && matches(dbk_slice_n(list.ptr + at, end - at), &host);
        at = end + 1;
    }
    return found;
}
