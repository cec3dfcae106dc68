#include "sea/http_path.h"

#include <stdio.h>

#include "sea/sea.h"

#define SHOWN_PATH 200 /* bytes of a refused path that the message shows */

/* ---- one query parameter ---- */

static int hex_value(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Takes one character off the text, undoing %XX and '+'. A '%' without two digits is itself. */
static char next_decoded(dbk_slice *s) {
    char c = s->ptr[0];
    size_t used = 1;
    if (c == '+') {
        c = ' ';
    } else if (c == '%' && s->len >= 3) {
        int high = hex_value(s->ptr[1]);
        int low = hex_value(s->ptr[2]);
        if (high >= 0 && low >= 0) {
            c = (char)(high * 16 + low);
            used = 3;
        }
    }
    s->ptr += used;
    s->len -= used;
    return c;
}

bool dbk_org_id_decode(dbk_slice text, char out[DBK_ORG_ID_DIGITS + 1]) {
    size_t n = 0;
    while (text.len > 0) {
        char c = next_decoded(&text);
        if (c < '0' || c > '9' || n == DBK_ORG_ID_DIGITS) {
            return false;
        }
        out[n] = c;
        n++;
    }
    out[n] = '\0';
    return n > 0;
}

/* "o=value" with the name in any spelling of percent escapes; value stays encoded. */
static bool is_org_parameter(dbk_slice parameter, dbk_slice *value) {
    dbk_slice name;
    dbk_slice rest = parameter;
    if (!dbk_slice_split(&rest, '=', &name) || name.len == 0) {
        return false;
    }
    char c = next_decoded(&name);
    *value = rest;
    return c == 'o' && name.len == 0;
}

/* ---- the query ---- */

/* Spec spog 1.2: the first o= with a value counts, another value beside it is a conflict, and what
 * is no number is left out with a warning that does not show it. */
static dbk_status find_org(dbk_slice query, dbk_slice *org, dbk_error *err) {
    char first[DBK_ORG_ID_DIGITS + 1] = "";
    bool malformed = false;
    dbk_slice found = {"", 0};
    while (query.len > 0) {
        dbk_slice parameter = query;
        dbk_slice value;
        if (!dbk_slice_split(&query, '&', &parameter)) {
            query.len = 0; /* the last one */
        }
        if (!is_org_parameter(parameter, &value) || value.len == 0) {
            continue;
        }
        char digits[DBK_ORG_ID_DIGITS + 1] = "";
        bool is_id = dbk_org_id_decode(value, digits);
        if (found.len == 0 && !malformed) {
            malformed = !is_id;
            found = is_id ? value : found;
            memcpy(first, digits, sizeof first);
        } else if (is_id && !malformed && strcmp(first, digits) != 0) {
            return dbk_error_set(err, DBK_INVALID_ARGUMENT,
                                 "conflicting workspace ids in http_path");
        }
    }
    if (malformed) {
        DBK_LOG(WARN, NULL, "ignoring non-numeric ?o= value in http_path");
    }
    *org = found;
    return DBK_OK;
}

/* ---- the path ---- */

static bool is_id_char(char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' ||
           c == '-';
}

static bool cut_prefix(dbk_slice *s, dbk_slice prefix) {
    if (!dbk_slice_has_prefix(*s, prefix)) {
        return false;
    }
    s->ptr += prefix.len;
    s->len -= prefix.len;
    return true;
}

/* The id of "[/]sql/1.0/warehouses/{id}[/]"; false for every other path. */
static bool find_warehouse(dbk_slice path, dbk_slice *id) {
    (void)cut_prefix(&path, DBK_SLICE("/"));
    if (!cut_prefix(&path, DBK_SLICE("sql/1.0/warehouses/")) &&
        !cut_prefix(&path, DBK_SLICE("sql/1.0/endpoints/"))) {
        return false;
    }
    while (path.len > 0 && path.ptr[path.len - 1] == '/') {
        path.len--;
    }
    for (size_t i = 0; i < path.len; i++) {
        if (!is_id_char(path.ptr[i])) {
            return false;
        }
    }
    *id = path;
    return path.len > 0;
}

static bool is_cluster_path(dbk_slice path) {
    (void)cut_prefix(&path, DBK_SLICE("/"));
    return dbk_slice_has_prefix(path, DBK_SLICE("sql/protocolv1/o/"));
}

/* Printable ASCII stays, everything else is shown as \xNN. */
static void show_path(dbk_slice path, char *out, size_t size) {
    size_t used = 0;
    size_t shown = dbk_min_size(path.len, SHOWN_PATH);
    for (size_t i = 0; i < shown && used + 5 < size; i++) {
        unsigned char c = (unsigned char)path.ptr[i];
        bool plain = c >= 0x20 && c < 0x7F;
        used += (size_t)snprintf(out + used, size - used, plain ? "%c" : "\\x%02x", c);
    }
    (void)snprintf(out + used, size - used, "%s", shown < path.len ? "..." : "");
}

static dbk_status refuse(dbk_slice path, dbk_error *err) {
    char shown[4 * SHOWN_PATH + 8] = "";
    show_path(path, shown, sizeof shown);
    return dbk_error_set(
        err, DBK_INVALID_ARGUMENT,
        "http_path '%s' does not match /sql/1.0/warehouses/{id} or "
        "/sql/1.0/endpoints/{id}%s",
        shown, is_cluster_path(path) ? ": all-purpose cluster paths need the Thrift backend" : "");
}

dbk_status dbk_http_path_parse(dbk_slice path, dbk_slice *warehouse_id, dbk_slice *org,
                               dbk_error *err) {
    dbk_slice trimmed = dbk_slice_trim(path);
    dbk_slice rest = trimmed;
    dbk_slice before_fragment = trimmed;
    (void)dbk_slice_split(&rest, '#', &before_fragment);

    dbk_slice query = before_fragment;
    dbk_slice plain = before_fragment;
    if (!dbk_slice_split(&query, '?', &plain)) {
        query.len = 0;
    }
    dbk_slice id;
    dbk_slice found_org;
    if (!find_warehouse(plain, &id)) {
        return refuse(trimmed, err);
    }
    dbk_status st = find_org(query, &found_org, err);
    if (st == DBK_OK) {
        *warehouse_id = id;
        *org = found_org;
    }
    return st;
}
