#include "net/url.h"

#define HOST_MAX 1024u /* a DNS name has at most 253 characters */

static bool is_alnum(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool is_name(dbk_slice s) {
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (!is_alnum(c) && c != '.' && c != '-' && c != '_') {
            return false;
        }
    }
    return s.len > 0;
}

/* Between the brackets: "::1", "fe80::1%eth0". */
static bool is_ipv6(dbk_slice s) {
    dbk_slice address = s;
    dbk_slice zone = s;
    if (dbk_slice_split(&zone, '%', &address) && !is_name(zone)) {
        return false;
    }
    for (size_t i = 0; i < address.len; i++) {
        char c = address.ptr[i];
        if (!is_alnum(c) && c != ':' && c != '.') {
            return false;
        }
    }
    return address.len > 1;
}

static bool is_port(dbk_slice s) {
    uint64_t port = 0;
    return dbk_parse_u64(s, &port) && port >= 1 && port <= 65535;
}

static bool is_host_and_port(dbk_slice s) {
    dbk_slice host = s;
    dbk_slice port = s;
    bool bracket = s.len > 0 && s.ptr[0] == '[';
    if (bracket) {
        port = dbk_slice_n(s.ptr + 1, s.len - 1);
        if (!dbk_slice_split(&port, ']', &host) || !is_ipv6(host)) {
            return false;
        }
        dbk_slice before;
        return port.len == 0 ||
               (dbk_slice_split(&port, ':', &before) && before.len == 0 && is_port(port));
    }
    return dbk_slice_split(&port, ':', &host) ? is_name(host) && is_port(port) : is_name(s);
}

static bool cut_prefix(dbk_slice *s, dbk_slice prefix) {
    if (s->len < prefix.len || !dbk_slice_eq_nocase(dbk_slice_n(s->ptr, prefix.len), prefix)) {
        return false;
    }
    *s = dbk_slice_n(s->ptr + prefix.len, s->len - prefix.len);
    return true;
}

/* What stands before an '@' may be a password, and nothing unprintable gets into a message. */
static dbk_status refuse_host(dbk_slice host, dbk_error *err) {
    char shown[101];
    dbk_slice user;
    while (dbk_slice_split(&host, '@', &user)) {
    }
    size_t n = dbk_min_size(host.len, sizeof shown - 1);
    for (size_t i = 0; i < n; i++) {
        shown[i] = host.ptr[i] >= 0x20 && host.ptr[i] < 0x7F ? host.ptr[i] : '?';
    }
    shown[n] = '\0';
    return dbk_error_set(err, DBK_INVALID_ARGUMENT,
                         "host '%s' is not a host name with an optional port and an optional "
                         "https:// before it",
                         shown);
}

dbk_status dbk_url_origin(dbk_slice host, dbk_str *out, dbk_error *err) {
    dbk_slice rest = dbk_slice_trim(host);
    bool plain = cut_prefix(&rest, DBK_SLICE("http://"));
    if (!plain) {
        (void)cut_prefix(&rest, DBK_SLICE("https://"));
    }
    if (rest.len > 0 && rest.ptr[rest.len - 1] == '/') {
        rest.len--;
    }
    if (rest.len == 0) {
        return dbk_error_set(err, DBK_INVALID_ARGUMENT, "host must not be empty");
    }
    if (rest.len > HOST_MAX || !is_host_and_port(rest)) {
        return refuse_host(rest, err);
    }
    return dbk_str_setf(out, err, "%s%.*s", plain ? "http://" : "https://", (int)rest.len,
                        rest.ptr);
}

static bool is_authority_char(char c) {
    return is_alnum(c) || (c != '\0' && strchr(".-_:[]%", c) != NULL);
}

dbk_slice dbk_url_authority(dbk_slice url) {
    dbk_slice scheme;
    dbk_slice rest = url;
    if (!dbk_slice_split(&rest, ':', &scheme) || !is_name(scheme) ||
        !dbk_slice_has_prefix(rest, DBK_SLICE("//"))) {
        return dbk_slice_n(url.ptr, 0);
    }
    rest = dbk_slice_n(rest.ptr + 2, rest.len - 2);
    size_t end = 0;
    while (end < rest.len && strchr("/?#", rest.ptr[end]) == NULL) {
        end++;
    }
    rest.len = end;
    dbk_slice user;
    while (dbk_slice_split(&rest, '@', &user)) { /* what follows the last one is the host */
    }
    for (end = 0; end < rest.len && is_authority_char(rest.ptr[end]); end++) {
    }
    return dbk_slice_n(rest.ptr, end);
}

bool dbk_header_name_valid(dbk_slice name) {
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (!is_alnum(c) && (c == '\0' || strchr("!#$%&'*+-.^_`|~", c) == NULL)) {
            return false;
        }
    }
    return name.len > 0;
}

bool dbk_header_value_valid(dbk_slice value) {
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.ptr[i];
        if ((c < 0x20 && c != '\t') || c == 0x7F) {
            return false;
        }
    }
    return true;
}

dbk_slice dbk_authority_host(dbk_slice authority) {
    dbk_slice host = authority;
    dbk_slice rest = authority;
    if (authority.len > 0 && authority.ptr[0] == '[') {
        return dbk_slice_split(&rest, ']', &host) ? dbk_slice_n(host.ptr + 1, host.len - 1)
                                                  : authority;
    }
    return dbk_slice_split(&rest, ':', &host) ? host : authority;
}

bool dbk_host_has_suffix(dbk_slice host, const char *suffix) {
    dbk_slice s = dbk_slice_of(suffix);
    return host.len >= s.len &&
           dbk_slice_eq_nocase(dbk_slice_n(host.ptr + host.len - s.len, s.len), s);
}

static int hex_value(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

char dbk_url_decode_next(dbk_slice *text) {
    char c = text->ptr[0];
    size_t used = 1;
    if (c == '+') {
        c = ' ';
    } else if (c == '%' && text->len >= 3) {
        int high = hex_value(text->ptr[1]);
        int low = hex_value(text->ptr[2]);
        if (high >= 0 && low >= 0) {
            c = (char)(high * 16 + low);
            used = 3;
        }
    }
    *text = dbk_slice_n(text->ptr + used, text->len - used);
    return c;
}
