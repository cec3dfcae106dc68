#include "sea/login_page.h"

static bool is_redirect(int status) {
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

static dbk_slice path_of(dbk_slice url) {
    dbk_slice authority = dbk_url_authority(url);
    const char *end = authority.len > 0 ? authority.ptr + authority.len : url.ptr;
    return dbk_slice_n(end, (size_t)(url.ptr + url.len - end));
}

static bool leads_to_login(const dbk_sea *sea, dbk_slice location) {
    dbk_slice ours = dbk_authority_host(dbk_url_authority(dbk_str_slice(&sea->origin)));
    dbk_slice theirs = dbk_authority_host(dbk_url_authority(location));
    bool elsewhere = theirs.len > 0 && !dbk_slice_eq_nocase(ours, theirs);
    return elsewhere || dbk_slice_has_prefix(path_of(location), DBK_SLICE("/login")) ||
           dbk_slice_has_prefix(location, DBK_SLICE("//"));
}

bool dbk_sea_is_login_page(const dbk_sea *sea, dbk_sea_kind kind, const dbk_http_response *r) {
    if (is_redirect(r->status)) {
        return leads_to_login(sea, dbk_slice_of(r->location));
    }
    return kind == DBK_SEA_SESSION && r->status == 200 &&
           dbk_slice_has_prefix(dbk_slice_of(r->content_type), DBK_SLICE("text/html"));
}

dbk_status dbk_sea_blame_login(const dbk_sea *sea, const dbk_host_facts *facts, dbk_error *err) {
    const char *why = NULL;
    err->code = DBK_UNAUTHENTICATED;
    if (sea->org_id.len > 0) {
        return dbk_error_wrap(err, "workspace %s is not reachable through this host",
                              sea->org_id.ptr);
    }
    if (facts->known) {
        (void)dbk_host_matrix(facts->host_type, DBK_ORG_NONE, &why);
    } else {
        why = "if this host serves many workspaces, the http_path must say which: write "
              "/sql/1.0/warehouses/<id>?o=<workspace-id>; the id is the o= in the address of the "
              "workspace's pages";
    }
    return why != NULL ? dbk_error_wrap(err, "%s", why) : err->code;
}
