#include <stdio.h>

#include "sea/sea.h"
#include "sea/server_text.h"

/* ---- what a status means: spec sea-protocol 10, c-abi 2.2 [ran] ---- */

static dbk_status code_of(int http_status) {
    switch (http_status) {
    case 401:
        return DBK_UNAUTHENTICATED;
    case 403:
        return DBK_PERMISSION_DENIED;
    case 404:
        return DBK_NOT_FOUND;
    case 429:
        return DBK_RESOURCE_EXHAUSTED;
    case 503:
        return DBK_UNAVAILABLE;
    case 504:
        return DBK_TIMEOUT;
    default:
        break;
    }
    if (http_status >= 200 && http_status < 300) {
        return DBK_DATA_LOSS;
    }
    /* 3xx too: the address is wrong, and asking again will not help. */
    return http_status >= 300 && http_status < 500 ? DBK_INVALID_ARGUMENT : DBK_INTERNAL;
}

/* Did the server say that it did not process the request? Everything from 500 on may come from a
 * gateway that lost sight of a request that runs: spec design 5. */
static bool surely_not_processed(const dbk_http_response *r) {
    return r->status < 500 || (r->status == 503 && r->retry_after[0] != '\0');
}

static void judge_effects(const dbk_http_response *r, bool unsafe, dbk_error *err) {
    bool transient = r->status == 429 || r->status == 503 || r->status == 504;
    bool harmless = !unsafe || surely_not_processed(r);
    err->may_have_executed = !harmless;
    err->retryable = transient && harmless;
}

/* ---- what the body says ---- */

typedef struct body_text {
    dbk_buf text; /* NUL behind its end */
    char code[DBK_ERROR_ID_SIZE];
    char sqlstate[6];
} body_text;

static bool text_field(const json_t *obj, const char *key, dbk_slice *out) {
    return dbk_json_str(obj, key, out) == DBK_JSON_OK && out->len > 0;
}

static void keep(char *to, size_t size, dbk_slice from) {
    (void)snprintf(to, size, "%.*s", (int)dbk_min_size(from.len, size), from.ptr);
    dbk_utf8_trim(to);
}

/* message, else error.message, else "server returned error_code <C>": spec sea-protocol 10. False
 * when the object holds nothing of that: the raw body is the text then. */
static dbk_status read_error_object(const json_t *doc, body_text *b, bool *found, dbk_error *err) {
    json_t *nested = NULL;
    dbk_slice text = DBK_SLICE("");
    dbk_slice code = DBK_SLICE("");
    dbk_slice sqlstate = DBK_SLICE("");
    bool has_code = text_field(doc, "error_code", &code);
    keep(b->code, sizeof b->code, code);
    if (text_field(doc, "sql_state", &sqlstate) && sqlstate.len == 5) {
        keep(b->sqlstate, sizeof b->sqlstate, sqlstate);
    }
    bool has_text =
        text_field(doc, "message", &text) || (dbk_json_obj(doc, "error", &nested) == DBK_JSON_OK &&
                                              text_field(nested, "message", &text));
    *found = has_text || has_code;
    if (has_text) {
        return dbk_server_text_copy(text, &b->text, err);
    }
    return has_code ? dbk_buf_putf(&b->text, err, "server returned error_code %s", b->code)
                    : DBK_OK;
}

static dbk_status read_body(const dbk_http_response *r, body_text *b, dbk_error *err) {
    json_t *doc = NULL;
    bool found = false;
    dbk_status st = DBK_OK;
    dbk_error ignored = {0};
    if (dbk_json_parse(dbk_buf_slice(&r->body), &doc, &ignored) == DBK_OK) {
        st = read_error_object(doc, b, &found, err);
    }
    dbk_error_reset(&ignored);
    json_decref(doc);
    if (st != DBK_OK || found) {
        return st;
    }
    st = dbk_server_text_of_page(dbk_buf_slice(&r->body), &b->text, err);
    if (st == DBK_OK && b->text.len == 0) {
        st = dbk_buf_putf(&b->text, err, "the answer has no text (content type: %s)",
                          r->content_type[0] != '\0' ? r->content_type : "none");
    }
    return st;
}

/* ---- answers ---- */

/* "redirected to host/path": where a redirect points is the whole diagnosis. */
static dbk_status redirect_text(const dbk_http_response *r, body_text *b, dbk_error *err) {
    char target[sizeof r->location] = "";
    dbk_redact_url(dbk_slice_of(r->location), target, sizeof target);
    bool absolute = strstr(r->location, "://") != NULL;
    const char *place = r->location[0] == '\0' ? "nowhere" : absolute ? target : r->location;
    const char *scheme_end = strstr(place, "://");
    return dbk_buf_putf(&b->text, err,
                        "redirected to %s: the workspace host or path is wrong, or a login page "
                        "is in front",
                        scheme_end != NULL ? scheme_end + 3 : place);
}

/* The message is for a person who may paste it anywhere: what looks like a credential goes. */
static void set_http_message(const dbk_http_response *r, body_text *b, dbk_error *err) {
    if (b->text.ptr != NULL) {
        dbk_redact_line(b->text.ptr);
    }
    (void)dbk_error_set(err, code_of(r->status), "HTTP %d: %s%s%s", r->status,
                        b->text.ptr != NULL ? b->text.ptr : "",
                        b->code[0] != '\0' ? "; error_code=" : "", b->code);
}

static dbk_status answer_error(const dbk_http_response *r, bool unsafe, dbk_error *err) {
    body_text b = {0};
    dbk_error no_memory = {0};
    bool redirect = r->status >= 300 && r->status < 400;
    dbk_status st = redirect ? redirect_text(r, &b, &no_memory) : read_body(r, &b, &no_memory);
    if (st != DBK_OK) { /* a shorter message is better than another error */
        dbk_buf_reset(&b.text);
    }
    if (b.sqlstate[0] == '\0' && b.text.ptr != NULL) {
        (void)dbk_server_text_sqlstate(dbk_slice_of(b.text.ptr), b.sqlstate);
    }
    set_http_message(r, &b, err);
    err->http_status = (uint16_t)r->status;
    dbk_error_set_sqlstate(err, b.sqlstate);
    (void)snprintf(err->server_code, sizeof err->server_code, "%s", b.code);
    judge_effects(r, unsafe, err);
    dbk_buf_reset(&b.text);
    dbk_error_reset(&no_memory);
    return err->code;
}

/* ---- transport ---- */

static dbk_status transport_code(dbk_http_outcome outcome) {
    switch (outcome) {
    case DBK_HTTP_TIMED_OUT:
    case DBK_HTTP_STALLED:
        return DBK_TIMEOUT;
    case DBK_HTTP_REFUSED: /* the answer was larger than we take, or not what we can read */
        return DBK_DATA_LOSS;
    case DBK_HTTP_ANSWERED:
    case DBK_HTTP_UNREACHABLE:
    case DBK_HTTP_TLS:
    case DBK_HTTP_BROKEN:
        break;
    }
    return DBK_NETWORK;
}

static const char *transport_hint(dbk_http_outcome outcome) {
    switch (outcome) {
    case DBK_HTTP_TLS:
        return "; TLS failed: check the host name, the trusted certificates and any proxy that "
               "re-signs traffic";
    case DBK_HTTP_TIMED_OUT:
        return "; the request timeout passed";
    case DBK_HTTP_STALLED:
        return "; no byte arrived for too long";
    case DBK_HTTP_ANSWERED:
    case DBK_HTTP_UNREACHABLE:
    case DBK_HTTP_BROKEN:
    case DBK_HTTP_REFUSED:
        break;
    }
    return "";
}

static dbk_status transport_error(const dbk_http_response *r, const char *url, uint32_t attempts,
                                  bool unsafe, dbk_error *err) {
    dbk_slice host = dbk_url_authority(dbk_slice_of(url));
    (void)dbk_error_set(err, transport_code(r->outcome),
                        "HTTP request failed after %u attempts: %s (%.*s)%s", attempts,
                        r->why[0] != '\0' ? r->why : "the connection broke",
                        (int)dbk_min_size(host.len, 300), host.ptr, transport_hint(r->outcome));
    /* Not retryable: a certificate does not get better, nor does an answer that we refused, nor a
     * proxy that does not let us through. */
    bool lasting = r->outcome == DBK_HTTP_TLS || r->outcome == DBK_HTTP_REFUSED ||
                   (r->proxy_status >= 400 && r->proxy_status < 500);
    err->may_have_executed = unsafe && r->request_sent;
    err->retryable = !lasting && !err->may_have_executed;
    return err->code;
}

dbk_status dbk_sea_http_error(const dbk_http_response *response, const char *url, uint32_t attempts,
                              bool unsafe, dbk_error *err) {
    dbk_status st = response->outcome == DBK_HTTP_ANSWERED
                        ? answer_error(response, unsafe, err)
                        : transport_error(response, url, attempts, unsafe, err);
    err->attempts = attempts;
    (void)snprintf(err->request_id, sizeof err->request_id, "%s", response->request_id);
    return st;
}

/* ---- statements ---- */

static dbk_status failed_error(const dbk_sea_reply *reply, dbk_error *err) {
    const char *message = reply->error_message.len > 0 ? reply->error_message.ptr : "Unknown error";
    const char *code = dbk_str_or(&reply->error_code, "");
    char sqlstate[6] = "";
    (void)dbk_error_set(err, DBK_SQL, "%s%s%s", message, code[0] != '\0' ? "; error_code=" : "",
                        code);
    if (reply->sqlstate.len == 5) {
        (void)snprintf(sqlstate, sizeof sqlstate, "%s", reply->sqlstate.ptr);
    } else {
        (void)dbk_server_text_sqlstate(dbk_slice_of(message), sqlstate);
    }
    dbk_error_set_sqlstate(err, sqlstate);
    (void)snprintf(err->server_code, sizeof err->server_code, "%s", code);
    return DBK_SQL;
}

dbk_status dbk_sea_statement_error(const dbk_sea_reply *reply, dbk_error *err) {
    dbk_status st = DBK_OK;
    switch (reply->state) {
    case DBK_SEA_FAILED:
        st = failed_error(reply, err);
        break;
    case DBK_SEA_CANCELED:
        st = dbk_error_set(err, DBK_CANCELLED, "Statement was canceled");
        break;
    case DBK_SEA_PENDING:
    case DBK_SEA_RUNNING:
    case DBK_SEA_SUCCEEDED:
    case DBK_SEA_CLOSED:
        break;
    }
    if (st == DBK_OK) {
        st = dbk_error_set(err, DBK_INTERNAL, "statement state %s is no failure",
                           dbk_sea_state_name(reply->state));
    }
    dbk_error_set_query_id(err, dbk_str_or(&reply->statement_id, ""));
    err->display_message = dbk_strdup_or_null(reply->display_message.ptr);
    err->diagnostic_info = dbk_strdup_or_null(reply->diagnostic_info.ptr);
    err->details_json = dbk_strdup_or_null(reply->details_json.ptr);
    return st;
}
