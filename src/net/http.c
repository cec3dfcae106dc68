#include "net/http_config.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include <curl/curl.h>

#define DEFAULT_MAX_BODY (64u * 1024u * 1024u)
/* 128-256 KiB is where receiving gets cheapest (docs/performance.md; curl's default is 16 KiB). */
#define RECEIVE_BUFFER 262144L
#define MAX_REDIRECTS  3L
/* Pooled connections that were idle for longer are not used again. */
#define IDLE_CONNECTION_S 60L

struct dbk_http {
    dbk_lane *lane;
    dbk_http_config *config; /* reference */
    CURL *easy;
    struct curl_slist *headers;
    dbk_http_sink sink;
    dbk_http_done done;
    void *ctx;
    size_t max_body;
    bool attached;    /* added to the lane's multi handle */
    bool head_done;   /* the header block of the final response is complete */
    bool refused;     /* the sink or max_body ended it */
    bool out_of_memory;
    dbk_http_response response;
    char curl_error[CURL_ERROR_SIZE];
};

/* ---- header lines ---- */

/* "name: value\r\n" with this name (any case): the trimmed value. */
static bool header_value(dbk_slice line, const char *name, dbk_slice *value) {
    dbk_slice head;
    dbk_slice rest = line;
    if (!dbk_slice_split(&rest, ':', &head) || !dbk_slice_eq_nocase(head, dbk_slice_of(name))) {
        return false;
    }
    *value = dbk_slice_trim(rest);
    return true;
}

static void keep_text(char *to, size_t size, dbk_slice value) {
    (void)snprintf(to, size, "%.*s", (int)dbk_min_size(value.len, INT_MAX), value.ptr);
}

static void keep_header(dbk_http_response *r, dbk_slice line) {
    dbk_slice v;
    if (header_value(line, "retry-after", &v)) {
        keep_text(r->retry_after, sizeof r->retry_after, v);
    } else if (header_value(line, "content-type", &v)) {
        keep_text(r->content_type, sizeof r->content_type, v);
    } else if (header_value(line, "x-request-id", &v) ||
               header_value(line, "x-databricks-request-id", &v)) {
        keep_text(r->request_id, sizeof r->request_id, v);
    } else if (header_value(line, "content-length", &v)) {
        uint64_t n = 0;
        r->content_length = dbk_parse_u64(v, &n) && n <= INT64_MAX ? (int64_t)n : -1;
    } else if (header_value(line, "date", &v)) {
        if (!dbk_parse_http_date(v, &r->date_unix_s)) {
            r->date_unix_s = -1;
        }
    } else if (header_value(line, "location", &v)) {
        dbk_slice path;
        dbk_slice rest = v;
        keep_text(r->location, sizeof r->location, dbk_slice_split(&rest, '?', &path) ? path : v);
    }
}

static void clear_head(dbk_http_response *r) {
    r->retry_after[0] = r->content_type[0] = r->request_id[0] = r->location[0] = '\0';
    r->date_unix_s = -1;
    r->content_length = -1;
}

static size_t on_header(char *ptr, size_t size, size_t count, void *user) {
    dbk_http *h = user;
    dbk_slice line = dbk_slice_n(ptr, size * count);
    if (dbk_slice_has_prefix(line, DBK_SLICE("HTTP/"))) {
        clear_head(&h->response); /* of an interim, proxy or redirect answer */
        h->head_done = false;
    } else {
        keep_header(&h->response, line);
    }
    return line.len;
}

/* ---- body ---- */

static size_t gather(dbk_http *h, dbk_slice bytes) {
    dbk_error ignored = {0};
    if (bytes.len > h->max_body - h->response.body.len) {
        h->refused = true;
        (void)snprintf(h->response.why, sizeof h->response.why,
                       "the answer is larger than %zu bytes", h->max_body);
        return CURL_WRITEFUNC_ERROR;
    }
    if (dbk_buf_append(&h->response.body, bytes.ptr, bytes.len, &ignored) != DBK_OK) {
        dbk_error_reset(&ignored);
        h->out_of_memory = true;
        return CURL_WRITEFUNC_ERROR;
    }
    return bytes.len;
}

static size_t on_body(char *ptr, size_t size, size_t count, void *user) {
    dbk_http *h = user;
    dbk_slice bytes = dbk_slice_n(ptr, size * count);
    if (!h->head_done) {
        long status = 0;
        (void)curl_easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, &status);
        h->response.status = (int)status;
        h->head_done = true;
    }
    if (h->sink.data == NULL || h->response.status < 200 || h->response.status > 299) {
        size_t taken = gather(h, bytes);
        h->response.bytes_received += taken == bytes.len ? bytes.len : 0;
        return taken;
    }
    switch (h->sink.data(h->sink.ctx, &h->response, bytes)) {
    case DBK_SINK_GO:
        h->response.bytes_received += bytes.len;
        return bytes.len;
    case DBK_SINK_PAUSE:
        return CURL_WRITEFUNC_PAUSE;
    case DBK_SINK_STOP:
        break;
    }
    h->refused = true;
    return CURL_WRITEFUNC_ERROR;
}

/* ---- outcome ---- */

static bool is_tls_error(CURLcode code) {
    return code == CURLE_SSL_CONNECT_ERROR || code == CURLE_PEER_FAILED_VERIFICATION ||
           code == CURLE_SSL_CERTPROBLEM || code == CURLE_SSL_CIPHER ||
           code == CURLE_SSL_CACERT_BADFILE || code == CURLE_SSL_ISSUER_ERROR ||
           code == CURLE_SSL_INVALIDCERTSTATUS || code == CURLE_SSL_CLIENTCERT;
}

static bool is_unreachable(CURLcode code) {
    return code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_RESOLVE_PROXY ||
           code == CURLE_COULDNT_CONNECT || code == CURLE_PROXY || code == CURLE_URL_MALFORMAT ||
           code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_INTERFACE_FAILED;
}

/* Did a byte of the request possibly leave? curl counts header bytes it handed to the socket, those
 * of a proxy's CONNECT too; "pretransfer" is set once the connection stands. */
static bool request_left(CURL *easy) {
    long sent = 0;
    curl_off_t ready_us = 0;
    (void)curl_easy_getinfo(easy, CURLINFO_REQUEST_SIZE, &sent);
    (void)curl_easy_getinfo(easy, CURLINFO_PRETRANSFER_TIME_T, &ready_us);
    return sent > 0 && ready_us > 0;
}

static dbk_http_outcome timeout_kind(const dbk_http *h) {
    curl_off_t total_us = 0;
    (void)curl_easy_getinfo(h->easy, CURLINFO_TOTAL_TIME_T, &total_us);
    if (!h->response.request_sent) {
        return DBK_HTTP_UNREACHABLE; /* still connecting */
    }
    bool deadline = (uint64_t)total_us / 1000u + 50u >= h->config->request_timeout_ms;
    return deadline ? DBK_HTTP_TIMED_OUT : DBK_HTTP_STALLED;
}

static dbk_http_outcome outcome_of(dbk_http *h, CURLcode code) {
    if (code == CURLE_OK) {
        return DBK_HTTP_ANSWERED;
    }
    if (h->refused) {
        return DBK_HTTP_REFUSED;
    }
    if (code == CURLE_OPERATION_TIMEDOUT) {
        return timeout_kind(h);
    }
    if (is_tls_error(code) && !h->response.request_sent) {
        return DBK_HTTP_TLS;
    }
    if (is_unreachable(code) && !h->response.request_sent) {
        return DBK_HTTP_UNREACHABLE;
    }
    return DBK_HTTP_BROKEN;
}

static void explain(dbk_http *h, CURLcode code) {
    dbk_http_response *r = &h->response;
    if (r->outcome == DBK_HTTP_ANSWERED || r->why[0] != '\0') {
        return;
    }
    if (h->out_of_memory) {
        (void)snprintf(r->why, sizeof r->why, "out of memory for the answer");
        return;
    }
    const char *text = h->curl_error[0] != '\0' ? h->curl_error : curl_easy_strerror(code);
    (void)snprintf(r->why, sizeof r->why, "%s", text);
    dbk_utf8_trim(r->why);
    dbk_redact_line(r->why);
}

static void detach(dbk_http *h) {
    if (h->attached) {
        h->attached = false;
        (void)curl_multi_remove_handle(dbk_lane_multi(h->lane), h->easy);
    }
}

static void on_transfer_done(void *easy, int curl_code) {
    dbk_http *h = NULL;
    (void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, &h);
    long status = 0;
    (void)curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    h->response.status = (int)status;
    h->response.request_sent = request_left(easy);
    h->response.outcome = outcome_of(h, (CURLcode)curl_code);
    explain(h, (CURLcode)curl_code);
    detach(h);
    h->done(h, h->ctx); /* may free h */
}

/* ---- starting ---- */

static void set_blob(CURL *easy, CURLoption option, dbk_slice pem) {
    if (pem.len > 0) { /* curl reads it without writing; the config outlives the handle */
        struct curl_blob blob = {(void *)(uintptr_t)pem.ptr, pem.len, CURL_BLOB_NOCOPY};
        (void)curl_easy_setopt(easy, option, &blob);
    }
}

static void apply_tls(CURL *easy, const dbk_http_config *c) {
    bool verify = !c->tls_skip_verify;
    (void)curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, verify ? 1L : 0L);
    (void)curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, c->tls_skip_hostname ? 0L : 2L);
    (void)curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (c->ca_pem.len > 0) {
        (void)curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    }
    set_blob(easy, CURLOPT_CAINFO_BLOB, dbk_str_slice(&c->ca_pem));
    set_blob(easy, CURLOPT_SSLCERT_BLOB, dbk_secret_slice(&c->client_cert_pem));
    set_blob(easy, CURLOPT_SSLKEY_BLOB, dbk_secret_slice(&c->client_key_pem));
}

static void apply_proxy(CURL *easy, const dbk_http_config *c) {
    if (c->proxy_url.len == 0) {
        return; /* curl reads the environment */
    }
    (void)curl_easy_setopt(easy, CURLOPT_PROXY, c->proxy_url.ptr);
    (void)curl_easy_setopt(easy, CURLOPT_PROXYAUTH, (long)CURLAUTH_ANY);
    if (c->proxy_user.len > 0) {
        (void)curl_easy_setopt(easy, CURLOPT_PROXYAUTH, (long)CURLAUTH_BASIC);
        (void)curl_easy_setopt(easy, CURLOPT_PROXYUSERNAME, c->proxy_user.ptr);
        (void)curl_easy_setopt(easy, CURLOPT_PROXYPASSWORD,
                               c->proxy_password.ptr != NULL ? c->proxy_password.ptr : "");
    }
    (void)curl_easy_setopt(easy, CURLOPT_NOPROXY,
                           c->proxy_bypass.ptr != NULL ? c->proxy_bypass.ptr : "");
}

static long clamp_long(uint64_t v) {
    return v > (uint64_t)LONG_MAX ? LONG_MAX : (long)v;
}

static void apply_timeouts(CURL *easy, const dbk_http_config *c, const dbk_http_request *r) {
    uint64_t stall_s = (c->stall_timeout_ms + 999u) / 1000u;
    (void)curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS,
                           r->no_deadline ? 0L : clamp_long(c->request_timeout_ms));
    uint64_t connect_ms = r->no_deadline
                              ? c->connect_timeout_ms
                              : dbk_min_u64(c->connect_timeout_ms, c->request_timeout_ms);
    (void)curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, clamp_long(connect_ms));
    if (r->no_deadline) {
        (void)curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
        (void)curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, clamp_long(stall_s));
    }
}

static void apply_method(CURL *easy, const dbk_http_request *r) {
    if (r->has_body) {
        (void)curl_easy_setopt(easy, CURLOPT_POST, 1L);
        (void)curl_easy_setopt(easy, CURLOPT_POSTFIELDS, r->body.len > 0 ? r->body.ptr : "");
        (void)curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body.len);
    }
    if (strcmp(r->method, r->has_body ? "POST" : "GET") != 0) {
        (void)curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, r->method);
    }
    if (r->follow && !r->has_body) {
        (void)curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 1L);
        (void)curl_easy_setopt(easy, CURLOPT_MAXREDIRS, MAX_REDIRECTS);
    }
}

static void apply(dbk_http *h, const dbk_http_request *r) {
    CURL *easy = h->easy;
    const dbk_http_config *c = h->config;
    (void)curl_easy_setopt(easy, CURLOPT_URL, r->url);
    (void)curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    (void)curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    (void)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, h->curl_error);
    (void)curl_easy_setopt(easy, CURLOPT_PRIVATE, h);
    (void)curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, RECEIVE_BUFFER);
    (void)curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip");
    (void)curl_easy_setopt(easy, CURLOPT_USERAGENT, dbk_str_or(&c->user_agent, "dbkernel"));
    (void)curl_easy_setopt(easy, CURLOPT_HTTPHEADER, h->headers);
    (void)curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    (void)curl_easy_setopt(easy, CURLOPT_HEADERDATA, h);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEDATA, h);
    (void)curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, IDLE_CONNECTION_S);
    (void)curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
                           (long)(r->http1_only ? CURL_HTTP_VERSION_1_1 : CURL_HTTP_VERSION_2TLS));
    apply_tls(easy, c);
    apply_proxy(easy, c);
    apply_timeouts(easy, c, r);
    apply_method(easy, r);
}

static bool build_headers(dbk_http *h, const dbk_http_request *r) {
    for (size_t i = 0; i < r->header_count; i++) {
        struct curl_slist *grown = curl_slist_append(h->headers, r->headers[i]);
        if (grown == NULL) {
            return false;
        }
        h->headers = grown;
    }
    /* No waiting for "100 Continue": it costs a round trip and servers ignore it. */
    struct curl_slist *grown = curl_slist_append(h->headers, "Expect:");
    h->headers = grown != NULL ? grown : h->headers;
    return grown != NULL;
}

dbk_status dbk_http_start(dbk_lane *lane, dbk_http_config *config, const dbk_http_request *request,
                          dbk_http_done done, void *ctx, dbk_http **out, dbk_error *err) {
    DBK_ASSERT(dbk_lane_on(lane));
    dbk_http *h = dbk_alloc_zero(sizeof *h);
    if (h == NULL) {
        return dbk_error_oom(err, "an HTTP exchange");
    }
    h->lane = lane;
    h->config = dbk_http_config_ref(config);
    h->sink = request->sink;
    h->done = done;
    h->ctx = ctx;
    h->max_body = request->max_body != 0 ? request->max_body : DEFAULT_MAX_BODY;
    clear_head(&h->response);
    h->easy = curl_easy_init();
    if (h->easy == NULL || !build_headers(h, request)) {
        dbk_http_free(h);
        return dbk_error_oom(err, "an HTTP exchange");
    }
    apply(h, request);
    dbk_lane_set_transfer_done(lane, on_transfer_done);
    if (curl_multi_add_handle(dbk_lane_multi(lane), h->easy) != CURLM_OK) {
        dbk_http_free(h);
        return dbk_error_oom(err, "an HTTP exchange");
    }
    h->attached = true;
    *out = h;
    return DBK_OK;
}

dbk_http_response *dbk_http_response_of(dbk_http *http) {
    return &http->response;
}

void dbk_http_resume(dbk_http *http) {
    if (http->attached) {
        (void)curl_easy_pause(http->easy, CURLPAUSE_CONT);
    }
}

void dbk_http_free(dbk_http *http) {
    if (http == NULL) {
        return;
    }
    detach(http);
    if (http->easy != NULL) {
        curl_easy_cleanup(http->easy);
    }
    curl_slist_free_all(http->headers);
    dbk_http_config_unref(http->config);
    dbk_buf_reset(&http->response.body);
    dbk_free(http);
}
