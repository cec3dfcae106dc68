/* The http_path of a connection: spec spog 1. */
#include <stdio.h>

#include "sea/sea.h"

#define SHOWN_PATH 200 /* bytes of a refused path that the message shows */

/* ---- one query parameter ---- */

static bool decode_org(dbk_slice text, char out[DBK_ORG_ID_SIZE]) {
    size_t n = 0;
    while (text.len > 0) {
        char c = dbk_url_decode_next(&text);
        if (c < '0' || c > '9' || n == DBK_ORG_ID_SIZE - 1) {
            out[0] = '\0';
            return false;
        }
        out[n] = c;
        n++;
    }
    out[n] = '\0';
    return n > 0;
}

bool dbk_org_id_valid(dbk_slice text) {
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9') {
            return false;
        }
    }
    return text.len > 0 && text.len < DBK_ORG_ID_SIZE;
}

/* "o=value" with the name in any spelling of percent escapes; value stays encoded. */
static bool is_org_parameter(dbk_slice parameter, dbk_slice *value) {
    dbk_slice name;
    dbk_slice rest = parameter;
    if (!dbk_slice_split(&rest, '=', &name) || name.len == 0) {
        return false;
    }
    char c = dbk_url_decode_next(&name);
    *value = rest;
    return c == 'o' && name.len == 0;
}

/* ---- the query ---- */

/* Spec spog 1.2: the first o= with a value counts, and another number beside it is a conflict. */
static dbk_status find_org(dbk_slice query, dbk_http_path *out, dbk_error *err) {
    while (query.len > 0) {
        dbk_slice parameter = query;
        dbk_slice value;
        char digits[DBK_ORG_ID_SIZE];
        if (!dbk_slice_split(&query, '&', &parameter)) {
            query.len = 0; /* the last one */
        }
        if (!is_org_parameter(parameter, &value) || value.len == 0) {
            continue;
        }
        bool is_id = decode_org(value, digits);
        if (out->org[0] == '\0' && !out->org_malformed) {
            out->org_malformed = !is_id;
            memcpy(out->org, digits, sizeof digits);
        } else if (is_id && !out->org_malformed && strcmp(out->org, digits) != 0) {
            return dbk_error_set(err, DBK_INVALID_ARGUMENT,
                                 "conflicting workspace ids in http_path");
        }
    }
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

dbk_status dbk_http_path_parse(dbk_slice path, dbk_http_path *out, dbk_error *err) {
    dbk_slice trimmed = dbk_slice_trim(path);
    dbk_slice rest = trimmed;
    dbk_slice before_fragment = trimmed;
    (void)dbk_slice_split(&rest, '#', &before_fragment);

    dbk_http_path found = {0};
    dbk_slice query = before_fragment;
    dbk_slice plain = before_fragment;
    if (!dbk_slice_split(&query, '?', &plain)) {
        query.len = 0;
    }
    if (!find_warehouse(plain, &found.warehouse_id)) {
        return refuse(trimmed, err);
    }
    dbk_status st = find_org(query, &found, err);
    if (st == DBK_OK) {
        *out = found;
    }
    return st;
}
