#include "odbc.h"

#include <stdlib.h>

/* SQLBrowseConnect: rounds of questions until there is a connection. */

static void ask_for(const dbc *d, const char *key, const char *words, buf *out) {
    if (!keys_has(&d->keys, key)) {
        buf_printf(out, "%s%s", out->len > 0 ? ";" : "", words);
    }
}

static void browse_request(const dbc *d, buf *out) {
    ask_for(d, "Host", "HOST:Host=?", out);
    ask_for(d, "HTTPPath", "HTTPPATH:HTTPPath=?", out);
    ask_for(d, "AuthMech", "AUTHMECH:Authentication={3,11}", out);
    if (keys_number(&d->keys, "AuthMech", 3) == 11) {
        ask_for(d, "Auth_Flow", "AUTH_FLOW:Flow={0,1,2,3}", out);
        int64_t flow = keys_number(&d->keys, "Auth_Flow", 2);
        if (flow == 0) {
            ask_for(d, "Auth_AccessToken", "AUTH_ACCESSTOKEN:Token=?", out);
        } else if (flow == 1) {
            ask_for(d, "Auth_Client_ID", "AUTH_CLIENT_ID:Client=?", out);
            ask_for(d, "Auth_Client_Secret", "AUTH_CLIENT_SECRET:Secret=?", out);
        }
    } else {
        ask_for(d, "UID", "UID:User={token}", out);
        ask_for(d, "PWD", "PWD:Token=?", out);
    }
    if (out->len > 0) { /* asked for only beside something that is needed */
        ask_for(d, "Catalog", "*CATALOG:Catalog=?", out);
        ask_for(d, "Schema", "*SCHEMA:Schema=?", out);
    }
}

/* The first rounds: until nothing that is needed is missing. */
static SQLRETURN browse_keys(dbc *d, text connection_string, const text_out *out) {
    if (d->browse.len > 0) {
        buf_add_char(&d->browse, ';');
    }
    buf_add(&d->browse, connection_string.ptr, connection_string.len);
    dbc_forget(d);
    SQLRETURN rc = d->browse.failed ? fail_memory(&d->h)
                                    : dbc_read_keys(d, (text){buf_text(&d->browse), d->browse.len});
    if (rc != SQL_SUCCESS) {
        return rc;
    }
    buf request = {0};
    browse_request(d, &request);
    if (request.len == 0) {
        return dbc_open(d);
    }
    rc = text_out_give(&d->h, out, (text){buf_text(&request), request.len});
    buf_free(&request);
    return rc == SQL_ERROR ? rc : SQL_NEED_DATA;
}

/* The last round, when it is wanted: logged in, so that the catalogs can be listed. */
static SQLRETURN browse_catalogs(dbc *d, const text_out *out) {
    buf names = {0}, request = {0};
    SQLRETURN rc = dbc_ask(d, "SHOW CATALOGS", &names);
    if (rc == SQL_SUCCESS) {
        buf_printf(&request, "*CATALOG:Catalog={%s}", buf_text(&names));
        rc = names.failed || request.failed
                 ? fail_memory(&d->h)
                 : text_out_give(&d->h, out, (text){buf_text(&request), request.len});
    }
    buf_free(&names);
    buf_free(&request);
    if (rc == SQL_ERROR) { /* the next call begins again */
        (void)dbk_session_release(d->session);
        d->session = NULL;
        return rc;
    }
    d->browsing = true;
    return SQL_NEED_DATA;
}

/* A catalog that cannot be used leaves the round open: another one, or SQLDisconnect. */
static SQLRETURN browse_catalog_given(dbc *d, text connection_string) {
    keys given = {0};
    const char *wrong = keys_parse(&given, connection_string);
    const char *name = keys_get(&given, "Catalog");
    SQLRETURN rc = SQL_SUCCESS;
    if (wrong != NULL) {
        rc = fail_native(&d->h, "HY000", 10380, "The connection string has %s.", wrong);
    } else if (name != NULL) {
        rc = dbc_use(d, "CATALOG", name);
    }
    if (rc == SQL_SUCCESS && name != NULL) { /* as if the first round had said it */
        (void)keys_add(&d->keys, text_of("Catalog"), text_of(name));
        free(d->start_catalog);
        d->start_catalog = text_copy(text_of(name));
        d->home_moves = atomic_load(&d->moves);
        atomic_store(&d->own_state, false);
        buf_printf(&d->browse, ";Catalog={%s}", name);
    }
    keys_free(&given);
    return rc;
}

SQLRETURN dbc_browse(dbc *d, text connection_string, const text_out *out) {
    if (d->session != NULL && !d->browsing) {
        return fail(&d->h, "08002", "The connection is open already.");
    }
    SQLRETURN rc = d->browsing ? browse_catalog_given(d, connection_string)
                               : browse_keys(d, connection_string, out);
    bool ask_catalog = keys_flag(&d->keys, "BrowseCatalogs", false) &&
                       start_catalog(&d->keys) == NULL && !d->browsing;
    if (rc == SQL_SUCCESS && ask_catalog) {
        rc = browse_catalogs(d, out);
    }
    if (rc == SQL_NEED_DATA || (rc == SQL_ERROR && d->browsing)) {
        return rc;
    }
    if (rc == SQL_SUCCESS) {
        rc = dbc_give_string(d, (text){buf_text(&d->browse), d->browse.len}, out);
    }
    d->browsing = false;
    buf_wipe(&d->browse); /* after a failure the next call begins again */
    return rc;
}
