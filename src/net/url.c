#include "net/url.h"

static bool is_host_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_' || c == ':' || c == '[' || c == ']' || c == '%';
}

dbk_status dbk_url_origin(dbk_slice host, dbk_str *out, dbk_error *err) {
    const char *scheme = "https://";
    dbk_slice rest = dbk_slice_trim(host);
    if (dbk_slice_has_prefix(rest, DBK_SLICE("https://"))) {
        rest = dbk_slice_n(rest.ptr + 8, rest.len - 8);
    } else if (dbk_slice_has_prefix(rest, DBK_SLICE("http://"))) {
        scheme = "http://";
        rest = dbk_slice_n(rest.ptr + 7, rest.len - 7);
    }
    if (rest.len > 0 && rest.ptr[rest.len - 1] == '/') {
        rest.len--;
    }
    if (rest.len == 0) {
        return dbk_error_set(err, DBK_INVALID_ARGUMENT, "host must not be empty");
    }
    for (size_t i = 0; i < rest.len; i++) {
        if (!is_host_char(rest.ptr[i])) {
            return dbk_error_set(err, DBK_INVALID_ARGUMENT,
                                 "host '%.*s' is not a host name with an optional port and an "
                                 "optional https:// before it",
                                 (int)dbk_min_size(rest.len, 200), rest.ptr);
        }
    }
    return dbk_str_setf(out, err, "%s%.*s", scheme, (int)dbk_min_size(rest.len, 4096), rest.ptr);
}

dbk_slice dbk_url_authority(dbk_slice url) {
    size_t start = 0;
    for (size_t i = 0; i + 2 < url.len; i++) {
        if (memcmp(url.ptr + i, "://", 3) == 0) {
            start = i + 3;
            break;
        }
    }
    size_t end = start;
    while (start > 0 && end < url.len && url.ptr[end] != '/' && url.ptr[end] != '?' &&
           url.ptr[end] != '#') {
        if (url.ptr[end] == '@') {
            start = end + 1;
        }
        end++;
    }
    return dbk_slice_n(url.ptr + start, end - start);
}

bool dbk_header_name_valid(dbk_slice name) {
    static const char marks[] = "!#$%&'*+-.^_`|~";
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && (c == '\0' || strchr(marks, c) == NULL)) {
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
