#include "net/http_config.h"

#include <limits.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <curl/curl.h>
#include <openssl/ssl.h>

#include "net/roots.h"

#define DEFAULT_MAX_BODY (64u * 1024u * 1024u)
/* 128-256 KiB is where receiving gets cheapest (docs/performance.md; curl's default is 16 KiB). */
#define RECEIVE_BUFFER 262144L
/* Of requests to the API: below malloc's threshold for mapping, it costs no page faults per exchange. */
#define SMALL_RECEIVE_BUFFER 65536L
#define MAX_REDIRECTS        3L

struct dbk_http {
    dbk_lane *lane;
    dbk_http_config *config; /* reference */
    CURL *easy;
    struct curl_slist *headers;
    dbk_http_sink sink;
    dbk_http_done done;
    void *ctx;
    size_t max_body;
    dbk_timer watchdog;    /* runs while attached: deadline, stall timeout, resume */
    uint64_t deadline_ms;  /* absolute, UINT64_MAX: none */
    uint64_t stall_ms;     /* 0: not watched */
    uint64_t last_byte_ms; /* or when bytes began to be due */
    long size_before; /* bytes curl had sent before the request, to a proxy; -1: not connected */
    bool attached;    /* added to the lane's multi handle */
    bool head_done;   /* the header block of the response is complete */
    bool body_begun;
    bool status_seen; /* since the request was last sent: the server (or proxy) took notice */
    bool repeatable;
    bool paused;
    bool resume_wanted;
    bool unset;               /* an option could not be set */
    dbk_http_outcome verdict; /* ours, when we end it; else ANSWERED */
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

/* Copies what fits; bytes that could upset a log or a UTF-8 reader become '?'. */
static void keep_text(char *to, size_t size, dbk_slice value) {
    size_t n = dbk_min_size(value.len, size - 1);
    for (size_t i = 0; i < n; i++) {
        to[i] = value.ptr[i] >= 0x20 && value.ptr[i] < 0x7F ? value.ptr[i] : '?';
    }
    to[n] = '\0';
}

/* Query and fragment of a redirect may hold a signature or a token. */
static void keep_location(dbk_http_response *r, dbk_slice value) {
    dbk_slice part;
    dbk_slice rest = value;
    value = dbk_slice_split(&rest, '?', &part) ? part : value;
    rest = value;
    value = dbk_slice_split(&rest, '#', &part) ? part : value;
    keep_text(r->location, sizeof r->location, value);
    dbk_redact_line(r->location);
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
        keep_location(r, v);
    }
}

static void clear_head(dbk_http_response *r) {
    r->retry_after[0] = r->content_type[0] = r->request_id[0] = r->location[0] = '\0';
    r->date_unix_s = -1;
    r->content_length = -1;
}

static void touch(dbk_http *h) {
    h->last_byte_ms = dbk_lane_now_ms(h->lane);
}

static size_t on_header(char *ptr, size_t size, size_t count, void *user) {
    dbk_http *h = user;
    dbk_slice line = dbk_slice_n(ptr, size * count);
    touch(h);
    if (dbk_slice_has_prefix(line, DBK_SLICE("HTTP/"))) {
        clear_head(&h->response); /* of an interim, proxy or redirect answer */
        h->head_done = h->body_begun = false;
        h->status_seen = true;
    } else if (dbk_slice_trim(line).len == 0) {
        h->head_done = true;
    } else if (!h->head_done) { /* else a trailer */
        keep_header(&h->response, line);
    }
    return line.len;
}

/* ---- body ---- */

static size_t refuse(dbk_http *h, dbk_http_outcome verdict, const char *why) {
    h->verdict = verdict;
    (void)snprintf(h->response.why, sizeof h->response.why, "%s", why);
    return CURL_WRITEFUNC_ERROR;
}

static size_t gather(dbk_http *h, dbk_slice bytes) {
    dbk_error ignored = {0};
    if (bytes.len > h->max_body - h->response.body.len) {
        char why[64];
        (void)snprintf(why, sizeof why, "the answer is larger than %zu bytes", h->max_body);
        return refuse(h, DBK_HTTP_REFUSED, why);
    }
    if (dbk_buf_append(&h->response.body, bytes.ptr, bytes.len, &ignored) != DBK_OK) {
        dbk_error_reset(&ignored);
        return refuse(h, DBK_HTTP_BROKEN, "out of memory for the answer");
    }
    return bytes.len;
}

static size_t pour(dbk_http *h, dbk_slice bytes) {
    dbk_lane_enter_sink(h->lane);
    dbk_sink_answer answer = h->sink.data(h->sink.ctx, &h->response, bytes);
    dbk_lane_leave_sink(h->lane);
    switch (answer) {
    case DBK_SINK_GO:
        return bytes.len;
    case DBK_SINK_PAUSE:
        h->paused = true;
        return CURL_WRITEFUNC_PAUSE;
    case DBK_SINK_STOP:
        break;
    }
    return refuse(h, DBK_HTTP_REFUSED, "the reader stopped the answer");
}

static size_t on_body(char *ptr, size_t size, size_t count, void *user) {
    dbk_http *h = user;
    dbk_slice bytes = dbk_slice_n(ptr, size * count);
    touch(h);
    if (!h->body_begun) {
        long status = 0;
        (void)curl_easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, &status);
        h->response.status = (int)status;
        h->body_begun = true;
    }
    bool ok = h->response.status >= 200 && h->response.status <= 299;
    size_t taken = h->sink.data != NULL && ok ? pour(h, bytes) : gather(h, bytes);
    if (taken == bytes.len) {
        h->response.bytes_received += bytes.len;
    }
    return taken;
}

/* ---- what leaves ---- */

/* Did a byte of the request possibly leave? curl counts the header bytes that it handed to the socket,
 * a proxy's CONNECT included, over all its attempts; body bytes it counts apart. */
static bool request_left(const dbk_http *h) {
    long sent = 0;
    curl_off_t uploaded = 0;
    (void)curl_easy_getinfo(h->easy, CURLINFO_REQUEST_SIZE, &sent);
    (void)curl_easy_getinfo(h->easy, CURLINFO_SIZE_UPLOAD_T, &uploaded);
    return h->size_before >= 0 && (sent > h->size_before || uploaded > 0);
}

/* The connection stands (TLS and tunnel too) and the request goes out next. curl gets here again by
 * itself after a redirect, after a proxy asked for credentials, and when a pooled connection died
 * without a byte of an answer. In that last case the server may have processed what it was sent, so an
 * unsafe request ends here: the rule is design.md section 5. */
static int on_send(void *user, char *remote_ip, char *local_ip, int remote_port, int local_port) {
    (void)remote_ip, (void)local_ip, (void)remote_port, (void)local_port;
    dbk_http *h = user;
    if (request_left(h) && !h->status_seen && !h->repeatable) {
        (void)refuse(h, DBK_HTTP_BROKEN,
                     "the pooled connection was closed before an answer came; the request was not "
                     "sent again");
        return CURL_PREREQFUNC_ABORT;
    }
    if (h->size_before < 0) {
        (void)curl_easy_getinfo(h->easy, CURLINFO_REQUEST_SIZE, &h->size_before);
    }
    h->status_seen = false;
    touch(h);
    return CURL_PREREQFUNC_OK;
}

static curl_socket_t open_socket(void *user, curlsocktype purpose, struct curl_sockaddr *a) {
    (void)purpose;
    dbk_lane *lane = user;
    int fd = -1;
    if (dbk_lane_open_socket(lane, &a->addr, &a->addrlen, &fd)) {
        a->family = a->addr.sa_family;
    } else {
        /* A socket of curl's own would be inherited by programs that the host starts. */
        fd = socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
    }
    if (fd >= 0) {
        dbk_lane_adopt_socket(lane, fd);
    }
    return fd;
}

/* The connection may outlive the exchange that opened it, never the lane. */
static int close_socket(void *user, curl_socket_t fd) {
    dbk_lane_disown_socket(user, fd);
    return close(fd);
}

/* ---- outcome ---- */

/* A handshake that the network cut short may go well next time, one that failed on its contents not;
 * curl has one code for both. */
static bool is_tls_error(const dbk_http *h, CURLcode code) {
    static const char *const network[] = {"failure: ", "SYSCALL", "unexpected eof", "onnection "};
    for (size_t i = 0; i < sizeof network / sizeof network[0]; i++) {
        if (code == CURLE_SSL_CONNECT_ERROR && strstr(h->curl_error, network[i]) != NULL) {
            return false;
        }
    }
    return code == CURLE_SSL_CONNECT_ERROR || code == CURLE_PEER_FAILED_VERIFICATION ||
           code == CURLE_SSL_CERTPROBLEM || code == CURLE_SSL_CIPHER ||
           code == CURLE_SSL_CACERT_BADFILE || code == CURLE_SSL_ISSUER_ERROR ||
           code == CURLE_SSL_INVALIDCERTSTATUS || code == CURLE_SSL_CLIENTCERT;
}

static dbk_http_outcome outcome_of(const dbk_http *h, CURLcode code) {
    if (code == CURLE_OK) {
        return DBK_HTTP_ANSWERED;
    }
    if (h->verdict == DBK_HTTP_REFUSED ||
        (h->verdict != DBK_HTTP_ANSWERED && h->response.request_sent)) {
        return h->verdict;
    }
    if (!h->response.request_sent) {
        return is_tls_error(h, code) ? DBK_HTTP_TLS : DBK_HTTP_UNREACHABLE;
    }
    return code == CURLE_OPERATION_TIMEDOUT ? DBK_HTTP_TIMED_OUT : DBK_HTTP_BROKEN;
}

static void explain(dbk_http *h, CURLcode code) {
    dbk_http_response *r = &h->response;
    if (r->outcome == DBK_HTTP_ANSWERED || r->why[0] != '\0') {
        return;
    }
    char line[CURL_ERROR_SIZE + 64];
    (void)snprintf(line, sizeof line, "%s%s",
                   r->proxy_status == 407 ? "proxy authentication required: " : "",
                   h->curl_error[0] != '\0' ? h->curl_error : curl_easy_strerror(code));
    dbk_redact_line(line);
    keep_text(r->why, sizeof r->why, dbk_slice_of(line));
}

static void detach(dbk_http *h) {
    dbk_timer_stop(&h->watchdog);
    if (h->attached) {
        h->attached = false;
        dbk_lane_remove_transfer(h->lane, h->easy);
    }
}

static void finish(dbk_http *h, CURLcode code) {
    dbk_http_response *r = &h->response;
    long status = 0;
    long proxy_status = 0;
    if (code == CURLE_OK && !h->head_done) { /* curl takes the end of the connection for its end */
        (void)refuse(h, DBK_HTTP_BROKEN, "the connection was closed inside the answer's head");
        code = CURLE_PARTIAL_FILE;
    }
    (void)curl_easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, &status);
    (void)curl_easy_getinfo(h->easy, CURLINFO_HTTP_CONNECTCODE, &proxy_status);
    r->status = status >= 200 ? (int)status : 0; /* not an interim answer */
    r->request_sent = request_left(h);
    r->proxy_status = r->request_sent || proxy_status / 100 == 2 ? 0 : (int)proxy_status;
    r->outcome = outcome_of(h, code);
    explain(h, code);
    detach(h);
    h->done(h, h->ctx); /* may free h */
}

static void on_transfer_done(void *easy, int curl_code) {
    dbk_http *h = NULL;
    (void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, &h);
    finish(h, (CURLcode)curl_code);
}

/* ---- deadline, stall, resume ---- */

static void give_up(dbk_http *h, dbk_http_outcome verdict, const char *what, uint64_t limit_ms) {
    char why[128];
    (void)snprintf(why, sizeof why, "%s %llu ms", what, (unsigned long long)limit_ms);
    (void)refuse(h, verdict, why);
    finish(h, CURLE_OPERATION_TIMEDOUT);
}

/* curl hands over what it holds from inside curl_easy_pause, and a refusal by the sink comes back only
 * as its result: the transfer itself would go on without those bytes. */
static CURLcode resume(dbk_http *h) {
    h->resume_wanted = false;
    if (!h->paused) { /* the sink asked for it and went on by itself */
        return CURLE_OK;
    }
    h->paused = false;
    touch(h);
    return curl_easy_pause(h->easy, CURLPAUSE_CONT);
}

static void on_watchdog(dbk_timer *timer);

static bool start_watchdog(dbk_http *h) {
    uint64_t now = dbk_lane_now_ms(h->lane);
    uint64_t due = h->deadline_ms;
    if (h->stall_ms != 0) {
        due = dbk_min_u64(due, h->last_byte_ms + h->stall_ms);
    }
    return dbk_timer_start(h->lane, &h->watchdog, due > now ? due - now : 0, on_watchdog);
}

static void on_watchdog(dbk_timer *timer) {
    dbk_http *h = DBK_CONTAINER_OF(timer, dbk_http, watchdog);
    uint64_t now = dbk_lane_now_ms(h->lane);
    CURLcode code = h->resume_wanted ? resume(h) : CURLE_OK;
    if (h->paused || h->size_before < 0) {
        h->last_byte_ms = now; /* no bytes are due; connecting has its own limit */
    }
    if (code != CURLE_OK) {
        finish(h, code);
    } else if (now >= h->deadline_ms) {
        give_up(h, DBK_HTTP_TIMED_OUT, "no complete answer within", h->config->request_timeout_ms);
    } else if (h->stall_ms != 0 && now - h->last_byte_ms >= h->stall_ms) {
        give_up(h, DBK_HTTP_STALLED, "no byte came for", h->stall_ms);
    } else if (!start_watchdog(h)) {
        give_up(h, DBK_HTTP_BROKEN, "out of memory for a timeout of", h->stall_ms);
    }
}

void dbk_http_resume(dbk_http *http) {
    if (http->attached) {
        http->resume_wanted = true;
        /* Restarting a running timer needs no memory. */
        bool ok = dbk_timer_start(http->lane, &http->watchdog, 0, on_watchdog);
        DBK_ASSERT(ok);
        (void)ok;
    }
}

/* ---- starting ---- */

#define SET(h, option, value) \
    ((h)->unset = (h)->unset || curl_easy_setopt((h)->easy, option, value) != CURLE_OK)

static void set_blob(dbk_http *h, CURLoption option, dbk_slice pem) {
    if (pem.len > 0) { /* curl reads it without writing; the config outlives the handle */
        struct curl_blob blob = {(void *)(uintptr_t)pem.ptr, pem.len, CURL_BLOB_NOCOPY};
        SET(h, option, &blob);
    }
}

/* The store may be shared: curl adds nothing to it, because it was told of no file and no folder. */
static CURLcode use_roots(CURL *easy, void *ssl_ctx, void *user) {
    (void)easy;
    const dbk_http_config *c = ((const dbk_http *)user)->config;
    if (c->roots != NULL) {
        SSL_CTX_set1_cert_store(ssl_ctx, c->roots);
        return CURLE_OK;
    }
    X509_STORE *system =
        c->tls_skip_verify ? NULL : dbk_roots_system(c->ca_file.ptr, c->ca_dir.ptr);
    if (system != NULL) {
        SSL_CTX_set_cert_store(ssl_ctx, system); /* takes the reference */
    }
    return system != NULL || c->tls_skip_verify ? CURLE_OK : CURLE_OUT_OF_MEMORY;
}

static void apply_tls(dbk_http *h) {
    const dbk_http_config *c = h->config;
    SET(h, CURLOPT_SSL_VERIFYPEER, c->tls_skip_verify ? 0L : 1L);
    SET(h, CURLOPT_SSL_VERIFYHOST, c->tls_skip_verify || c->tls_skip_hostname ? 0L : 2L);
    SET(h, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (c->roots != NULL || c->ca_file.len > 0 || c->ca_dir.len > 0) {
        SET(h, CURLOPT_CAINFO, NULL);
        SET(h, CURLOPT_CAPATH, NULL);
        SET(h, CURLOPT_CA_CACHE_TIMEOUT,
            0L); /* it would keep ours for exchanges of other settings */
        SET(h, CURLOPT_SSL_CTX_FUNCTION, use_roots);
        SET(h, CURLOPT_SSL_CTX_DATA, h);
    }
    set_blob(h, CURLOPT_CAINFO_BLOB, dbk_str_slice(&c->ca_pem));
    set_blob(h, CURLOPT_SSLCERT_BLOB, dbk_secret_slice(&c->client_cert_pem));
    set_blob(h, CURLOPT_SSLKEY_BLOB, dbk_secret_slice(&c->client_key_pem));
}

static void apply_proxy(dbk_http *h) {
    const dbk_http_config *c = h->config;
    if (c->proxy_url.len == 0) {
        return; /* curl reads the environment */
    }
    SET(h, CURLOPT_PROXY, c->proxy_url.ptr);
    bool basic = c->proxy_user.len > 0 || c->proxy_has_user; /* without being asked: spec auth 12 */
    SET(h, CURLOPT_PROXYAUTH, (long)(basic ? CURLAUTH_BASIC : CURLAUTH_ANY));
    if (c->proxy_user.len > 0) {
        SET(h, CURLOPT_PROXYUSERNAME, c->proxy_user.ptr);
        SET(h, CURLOPT_PROXYPASSWORD, c->proxy_password.ptr != NULL ? c->proxy_password.ptr : "");
    }
    SET(h, CURLOPT_NOPROXY, dbk_str_or(&c->proxy_bypass, "")); /* "": not the environment's */
}

static void apply_method(dbk_http *h, const dbk_http_request *r) {
    if (r->has_body) {
        SET(h, CURLOPT_POST, 1L);
        SET(h, CURLOPT_POSTFIELDS, r->body.len > 0 ? r->body.ptr : "");
        SET(h, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body.len);
    }
    if (strcmp(r->method, r->has_body ? "POST" : "GET") != 0) {
        SET(h, CURLOPT_CUSTOMREQUEST, r->method);
    }
    if (r->follow && !r->has_body) {
        bool secure = strncmp(r->url, "https:", 6) == 0;
        SET(h, CURLOPT_FOLLOWLOCATION, 1L);
        SET(h, CURLOPT_MAXREDIRS, MAX_REDIRECTS);
        SET(h, CURLOPT_REDIR_PROTOCOLS_STR, secure ? "https" : "http,https");
    }
}

static void apply_connection(dbk_http *h, const dbk_http_request *r) {
    uint64_t connect_ms = dbk_min_u64(h->config->connect_timeout_ms, LONG_MAX);
    SET(h, CURLOPT_CONNECTTIMEOUT_MS, (long)connect_ms);
    SET(h, CURLOPT_MAXAGE_CONN, (long)DBK_IDLE_CONNECTION_S);
    SET(h, CURLOPT_HTTP_VERSION,
        (long)(r->http1_only ? CURL_HTTP_VERSION_1_1 : CURL_HTTP_VERSION_2TLS));
    SET(h, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    SET(h, CURLOPT_OPENSOCKETDATA, h->lane);
    SET(h, CURLOPT_CLOSESOCKETFUNCTION, close_socket);
    SET(h, CURLOPT_CLOSESOCKETDATA, h->lane);
    SET(h, CURLOPT_PREREQFUNCTION, on_send);
    SET(h, CURLOPT_PREREQDATA, h);
    SET(h, CURLOPT_NOSIGNAL, 1L);
    /* Else ending an exchange that waits for getaddrinfo would block the lane until that returns. The
     * resolver's thread ends by itself later and touches nothing of ours. */
    SET(h, CURLOPT_QUICK_EXIT, 1L);
}

static void apply(dbk_http *h, const dbk_http_request *r) {
    SET(h, CURLOPT_URL, r->url);
    SET(h, CURLOPT_PROTOCOLS_STR, "http,https");
    SET(h, CURLOPT_ERRORBUFFER, h->curl_error);
    SET(h, CURLOPT_PRIVATE, h);
    SET(h, CURLOPT_BUFFERSIZE, r->no_deadline ? RECEIVE_BUFFER : SMALL_RECEIVE_BUFFER);
    SET(h, CURLOPT_ACCEPT_ENCODING, "gzip");
    SET(h, CURLOPT_USERAGENT, dbk_str_or(&h->config->user_agent, "dbkernel"));
    SET(h, CURLOPT_HTTPHEADER, h->headers);
    SET(h, CURLOPT_HEADERFUNCTION, on_header);
    SET(h, CURLOPT_HEADERDATA, h);
    SET(h, CURLOPT_WRITEFUNCTION, on_body);
    SET(h, CURLOPT_WRITEDATA, h);
    SET(h, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    apply_connection(h, r);
    apply_tls(h);
    apply_proxy(h);
    apply_method(h, r);
}

static bool add_header(dbk_http *h, const char *line) {
    struct curl_slist *grown = curl_slist_append(h->headers, line);
    h->headers = grown != NULL ? grown : h->headers;
    return grown != NULL;
}

/* "name:" would tell curl to leave the header out; "name;" is how it sends an empty value. */
static bool add_line(dbk_http *h, const char *line) {
    const char *colon = strchr(line, ':');
    if (colon == NULL || colon[1 + strspn(colon + 1, " \t")] != '\0') {
        return add_header(h, line);
    }
    dbk_str empty = {0};
    dbk_error ignored = {0};
    bool ok = dbk_str_setf(&empty, &ignored, "%.*s;", (int)(colon - line), line) == DBK_OK &&
              add_header(h, empty.ptr);
    dbk_error_reset(&ignored);
    dbk_str_reset(&empty);
    return ok;
}

static bool build_headers(dbk_http *h, const dbk_http_request *r) {
    bool ok =
        add_header(h, "Expect:"); /* no waiting for "100 Continue": a round trip for nothing */
    for (size_t i = 0; ok && i < r->header_count; i++) {
        ok = add_line(h, r->headers[i]);
    }
    return ok;
}

static bool prepare(dbk_http *h, const dbk_http_request *r) {
    uint64_t now = dbk_lane_now_ms(h->lane);
    h->max_body = r->max_body != 0 ? r->max_body : DEFAULT_MAX_BODY;
    h->repeatable = r->repeatable || strcmp(r->method, "POST") != 0;
    h->stall_ms = r->no_deadline ? h->config->stall_timeout_ms : 0;
    h->deadline_ms = r->no_deadline ? UINT64_MAX : now + h->config->request_timeout_ms;
    h->last_byte_ms = now;
    h->size_before = -1;
    clear_head(&h->response);
    h->easy = curl_easy_init();
    if (h->easy == NULL || !build_headers(h, r)) {
        return false;
    }
    apply(h, r);
    return !h->unset && start_watchdog(h);
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
    h->attached = prepare(h, request) && dbk_lane_add_transfer(lane, h->easy, on_transfer_done);
    if (!h->attached) {
        dbk_http_free(h);
        return dbk_error_oom(err, "an HTTP exchange");
    }
    *out = h;
    return DBK_OK;
}

dbk_http_response *dbk_http_response_of(dbk_http *http) {
    return &http->response;
}

static void free_headers(struct curl_slist *headers) {
    for (struct curl_slist *line = headers; line != NULL; line = line->next) {
        dbk_wipe(line->data, strlen(line->data)); /* one of them holds the token */
    }
    curl_slist_free_all(headers);
}

void dbk_http_free(dbk_http *http) {
    if (http == NULL) {
        return;
    }
    detach(http);
    if (http->easy != NULL) {
        curl_easy_cleanup(http->easy);
    }
    free_headers(http->headers);
    dbk_http_config_unref(http->config);
    dbk_buf_reset(&http->response.body);
    dbk_free(http);
}
