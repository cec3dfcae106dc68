#include "net/http_config.h"

#include <limits.h>
#include <stdio.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <curl/curl.h>
#include <openssl/ssl.h>

#include "net/roots.h"
#include "net/tls_ahead.h"
#include "net/tls_note.h"
#include "net/url.h"

#define DEFAULT_MAX_BODY (64u * 1024u * 1024u)
/* Of downloads. The fewer and larger the reads, the fewer answers TCP sends (docs/performance.md); but a thousand
 * small downloads at once must not hold more in buffers than in chunks. */
#define RECEIVE_BUFFER_MIN 131072
#define RECEIVE_BUFFER_MAX 524288
/* Of requests to the API: below malloc's threshold for mapping, it costs no page faults per exchange. */
#define SMALL_RECEIVE_BUFFER 65536L
#define MAX_REDIRECTS        3L

struct dbk_http {
    dbk_lane *lane;
    dbk_http_config *config; /* reference */
    dbk_transfer transfer;
    struct curl_slist *headers;
    dbk_http_sink sink;
    dbk_http_done done;
    void *ctx;
    size_t max_body;
    dbk_timer watchdog;    /* runs while attached: deadline, stall timeout, resume */
    uint64_t deadline_ms;  /* absolute, UINT64_MAX: none */
    uint64_t timeout_ms;   /* of the whole exchange, when it has a deadline */
    uint64_t stall_ms;     /* 0: not watched */
    uint64_t last_byte_ms; /* or when bytes began to be due */
    long size_before; /* bytes curl had sent before the request, to a proxy; -1: not connected */
    bool attached;    /* added to the lane's multi handle */
    bool head_done;   /* the header block of the response is complete */
    bool body_begun;
    bool status_seen; /* since the request was last sent: the server (or proxy) took notice */
    bool repeatable;
    bool secret;
    bool cut; /* the body of an error answer is longer than what is kept of it */
    bool resume_wanted;
    bool unset;               /* an option could not be set */
    dbk_http_outcome verdict; /* ours, when we end it; else ANSWERED */
    dbk_tls_note *tls;        /* of the handshake that this exchange made last; NULL: none */
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

static bool is_download(const dbk_http *h) {
    return h->deadline_ms == UINT64_MAX;
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

/* A buffer that grows leaves its old bytes in freed memory: for secrets the old one is wiped. */
static dbk_status append_body(dbk_http *h, dbk_slice bytes, dbk_error *err) {
    dbk_buf *body = &h->response.body;
    dbk_buf bigger = {0};
    if (!h->secret || bytes.len <= body->cap - body->len) {
        return dbk_buf_append(body, bytes.ptr, bytes.len, err);
    }
    dbk_status st = dbk_buf_reserve(&bigger, 2 * (body->len + bytes.len), err);
    st = st == DBK_OK ? dbk_buf_put_slice(&bigger, dbk_buf_slice(body), err) : st;
    st = st == DBK_OK ? dbk_buf_put_slice(&bigger, bytes, err) : st;
    if (st == DBK_OK) {
        dbk_buf_wipe(body);
        *body = dbk_buf_take(&bigger);
    }
    dbk_buf_wipe(&bigger);
    return st;
}

static size_t gather(dbk_http *h, dbk_slice bytes) {
    dbk_error ignored = {0};
    size_t room = h->max_body - h->response.body.len;
    h->cut = bytes.len > room && h->response.status >= 400; /* its beginning says enough */
    if (h->cut) {
        bytes.len = room;
    } else if (bytes.len > room) {
        char why[64];
        (void)snprintf(why, sizeof why, "the answer is larger than %zu bytes", h->max_body);
        return refuse(h, DBK_HTTP_REFUSED, why);
    }
    if (append_body(h, bytes, &ignored) != DBK_OK) {
        dbk_error_reset(&ignored);
        return refuse(h, DBK_HTTP_BROKEN, "out of memory for the answer");
    }
    return h->cut ? CURL_WRITEFUNC_ERROR : bytes.len;
}

static size_t pour(dbk_http *h, dbk_slice bytes) {
    dbk_lane_enter_sink(h->lane);
    dbk_sink_answer answer = h->sink.data(h->sink.ctx, &h->response, bytes);
    dbk_lane_leave_sink(h->lane);
    switch (answer) {
    case DBK_SINK_GO:
        return bytes.len;
    case DBK_SINK_PAUSE:
        h->transfer.paused = true;
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
        (void)curl_easy_getinfo(h->transfer.easy, CURLINFO_RESPONSE_CODE, &status);
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
    (void)curl_easy_getinfo(h->transfer.easy, CURLINFO_REQUEST_SIZE, &sent);
    (void)curl_easy_getinfo(h->transfer.easy, CURLINFO_SIZE_UPLOAD_T, &uploaded);
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
        (void)curl_easy_getinfo(h->transfer.easy, CURLINFO_REQUEST_SIZE, &h->size_before);
    }
    h->status_seen = false;
    touch(h);
    h->response.sent_ms = h->last_byte_ms;
    dbk_lane_connected(h->lane, &h->transfer);
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
        dbk_lane_socket_opened(lane, fd);
    }
    return fd;
}

/* The connection may outlive the exchange that opened it, never the lane. */
static int close_socket(void *user, curl_socket_t fd) {
    dbk_lane_socket_closing(user, fd);
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
    if (code == CURLE_OK || h->cut) {
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

/* What OpenSSL's words for a handshake that came to nothing mean. */
static bool explain_handshake(const dbk_http *h, char *out, size_t size) {
    static const struct {
        const char *word;
        const char *what;
    } rows[] = {
        {"unsupported protocol", "the server, or a proxy in between, speaks no TLS version that is "
                                 "accepted here; the oldest accepted is "},
        {"wrong version number",
         "the answer is no TLS: is this the port of a server that speaks https?"},
        {"SYSCALL", "the connection was closed in the middle of the TLS handshake: by a server "
                    "that speaks no TLS or another version of it, or by a firewall in between?"},
    };
    bool alert = strstr(h->curl_error, "protocol version") != NULL; /* the same, by the server */
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strstr(h->curl_error, rows[i].word) != NULL || (i == 0 && alert)) {
            const char *least = h->config->tls_least == DBK_TLS_1_3 ? "1.3, as configured" : "1.2";
            (void)snprintf(out, size, "%s%s", rows[i].what, i == 0 ? least : "");
            return true;
        }
    }
    return false;
}

/* Which certificate, and what to do; curl says neither. */
static bool explain_tls(const dbk_http *h, CURLcode code, char *out, size_t size) {
    char *url = NULL;
    if (code != CURLE_PEER_FAILED_VERIFICATION && code != CURLE_SSL_CONNECT_ERROR) {
        return false;
    }
    (void)curl_easy_getinfo(h->transfer.easy, CURLINFO_EFFECTIVE_URL, &url);
    dbk_slice host = dbk_url_authority(dbk_slice_of(url));
    return explain_handshake(h, out, size) ||
           dbk_tls_note_explain(h->tls, host, false, out, size) ||
           (code == CURLE_PEER_FAILED_VERIFICATION &&
            dbk_tls_note_explain(h->tls, host, true, out, size));
}

static bool names_user(const char *proxy) {
    dbk_slice before;
    dbk_slice rest = dbk_slice_of(proxy);
    return dbk_slice_split(&rest, '@', &before);
}

/* A proxy that is given credentials is not asked what it takes. */
static const char *explain_407(const dbk_http *h) {
    long taken = 0;
    const char *url = NULL;
    (void)curl_easy_getinfo(h->transfer.easy, CURLINFO_PROXYAUTH_AVAIL, &taken);
    (void)curl_easy_getinfo(h->transfer.easy, CURLINFO_EFFECTIVE_URL, &url);
    const char *proxy = dbk_http_config_proxy(h->config, url != NULL ? url : "");
    bool given = h->config->proxy_user.len > 0 || (proxy != NULL && names_user(proxy));
    if (given || ((unsigned long)taken & CURLAUTH_NEGOTIATE) == 0) {
        return "proxy authentication required: the proxy's user or password is missing or wrong";
    }
    return (curl_version_info(CURLVERSION_NOW)->features & CURL_VERSION_SPNEGO) != 0
               ? "proxy authentication required: no Kerberos ticket that is good for this proxy "
                 "(klist shows the tickets and their ends, kinit gets a new one)"
               : "proxy authentication required: this proxy takes Kerberos tickets, which this "
                 "build's libcurl does not know: use a proxy with user and password";
}

/* A proxy in between fails in its own words: said whose they are, and what to do. */
static bool explain_proxy(const dbk_http *h, CURLcode code, char *out, size_t size) {
    const char *what = NULL;
    int status = h->response.proxy_status;
    if (code == CURLE_COULDNT_RESOLVE_PROXY) {
        what = "there is no such proxy host: check the proxy's URL, or HTTPS_PROXY and ALL_PROXY";
    } else if (strstr(h->curl_error, "Unsupported proxy") != NULL) {
        what = "HTTPS_PROXY or ALL_PROXY names a proxy of an unknown kind: http://, https://, "
               "socks4://, socks4a://, socks5:// and socks5h:// are known";
    } else if (code == CURLE_COULDNT_CONNECT && h->response.proxied) {
        what = "the proxy does not answer: check its URL, or HTTPS_PROXY and ALL_PROXY; hosts "
               "that need none go into NO_PROXY";
    } else if (code == CURLE_PROXY) {
        what =
            "the SOCKS proxy refused: check its user and password, and whether it allows this host";
    } else if (status == 407) {
        what = explain_407(h);
    } else if (status == 403) {
        what =
            "the proxy does not allow this host: ask for it to be allowed, or put it in NO_PROXY";
    } else if (status == 502 || status == 503 || status == 504) {
        what = "the proxy could not reach the host: does its name resolve there?";
    } else if (status != 0) {
        what = "the proxy refused the connection";
    } else if (!h->response.request_sent && h->response.proxied &&
               (code == CURLE_RECV_ERROR || code == CURLE_WEIRD_SERVER_REPLY ||
                code == CURLE_GOT_NOTHING || code == CURLE_UNSUPPORTED_PROTOCOL)) {
        what = "the proxy closed the connection or did not answer in HTTP: is this a proxy of that "
               "kind?";
    }
    if (what != NULL) {
        (void)snprintf(out, size, "%s", what);
    }
    return what != NULL;
}

static void explain(dbk_http *h, CURLcode code) {
    dbk_http_response *r = &h->response;
    if (r->outcome == DBK_HTTP_ANSWERED || r->why[0] != '\0') {
        return;
    }
    char line[2 * sizeof r->why];
    char more[sizeof r->why];
    const char *what = h->curl_error[0] != '\0' ? h->curl_error : curl_easy_strerror(code);
    (void)snprintf(line, sizeof line, "%s", what);
    if (explain_tls(h, code, more, sizeof more) || explain_proxy(h, code, more, sizeof more)) {
        (void)snprintf(line, sizeof line, "%s (%s)", more, what);
    }
    dbk_redact_line(line);
    keep_text(r->why, sizeof r->why, dbk_slice_of(line));
}

static void detach(dbk_http *h) {
    dbk_timer_stop(&h->watchdog);
    if (h->attached) {
        h->attached = false;
        dbk_lane_remove_transfer(h->lane, &h->transfer);
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
    (void)curl_easy_getinfo(h->transfer.easy, CURLINFO_RESPONSE_CODE, &status);
    (void)curl_easy_getinfo(h->transfer.easy, CURLINFO_HTTP_CONNECTCODE, &proxy_status);
    r->status = status >= 200 ? (int)status : 0; /* not an interim answer */
    r->request_sent = request_left(h);
    r->proxy_status = r->request_sent || proxy_status / 100 == 2 ? 0 : (int)proxy_status;
    r->outcome = outcome_of(h, code);
    explain(h, code);
    (void)dbk_tls_note_chain(h->tls, r->tls, sizeof r->tls);
    detach(h);
    h->done(h, h->ctx); /* may free h */
}

static void on_transfer_done(dbk_transfer *transfer, int curl_code) {
    finish(DBK_CONTAINER_OF(transfer, dbk_http, transfer), (CURLcode)curl_code);
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
    if (!h->transfer.paused) { /* the sink asked for it and went on by itself */
        return CURLE_OK;
    }
    h->transfer.paused = false;
    touch(h);
    return curl_easy_pause(h->transfer.easy, CURLPAUSE_CONT);
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
    CURLcode code = h->resume_wanted ? resume(h) : CURLE_OK;
    uint64_t now = dbk_lane_now_ms(h->lane); /* not before what resuming calls the time of a byte */
    if (h->transfer.paused || h->size_before < 0) {
        h->last_byte_ms = now; /* no bytes are due; connecting has its own limit */
    }
    if (code != CURLE_OK) {
        finish(h, code);
    } else if (now >= h->deadline_ms) {
        give_up(h, DBK_HTTP_TIMED_OUT, "no complete answer within", h->timeout_ms);
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
    ((h)->unset = (h)->unset || curl_easy_setopt((h)->transfer.easy, option, value) != CURLE_OK)

static void set_blob(dbk_http *h, CURLoption option, dbk_slice pem) {
    if (pem.len > 0) { /* curl reads it without writing; the config outlives the handle */
        struct curl_blob blob = {(void *)(uintptr_t)pem.ptr, pem.len, CURL_BLOB_NOCOPY};
        SET(h, option, &blob);
    }
}

/* Else curl's default. */
static bool has_roots(const dbk_http_config *c) {
    return c->roots != NULL || c->ca_file.len > 0 || c->ca_dir.len > 0;
}

/* The store may be shared: curl adds nothing to it, because it was told of no file, and what it was told of a
 * folder went to a store of its own, which ours replaces. */
static CURLcode use_roots(const dbk_http_config *c, SSL_CTX *ctx) {
    if (c->roots != NULL) {
        SSL_CTX_set1_cert_store(ctx, c->roots);
    } else if (!c->tls_skip_verify && has_roots(c)) {
        X509_STORE *system = dbk_roots_system(c->ca_file.ptr, c->ca_dir.ptr);
        if (system == NULL) {
            return CURLE_OUT_OF_MEMORY;
        }
        SSL_CTX_set_cert_store(ctx, system); /* takes the reference */
    }
    return CURLE_OK;
}

static CURLcode on_ssl_ctx(CURL *easy, void *ssl_ctx, void *user) {
    (void)easy;
    dbk_http *h = user;
    dbk_tls_note_unref(h->tls); /* of an https proxy in front, or of a redirect's first host */
    if (is_download(h)) {
        dbk_tls_read_ahead(ssl_ctx);
        dbk_tls_prefer_quick(ssl_ctx);
    }
    h->tls = dbk_tls_note_attach(ssl_ctx);
    return h->tls != NULL ? use_roots(h->config, ssl_ctx) : CURLE_OUT_OF_MEMORY;
}

static void apply_tls(dbk_http *h) {
    const dbk_http_config *c = h->config;
    SET(h, CURLOPT_SSL_VERIFYPEER, c->tls_skip_verify ? 0L : 1L);
    SET(h, CURLOPT_SSL_VERIFYHOST, c->tls_skip_verify || c->tls_skip_hostname ? 0L : 2L);
    SET(h, CURLOPT_PROXY_SSL_VERIFYPEER, c->tls_skip_verify ? 0L : 1L);
    SET(h, CURLOPT_PROXY_SSL_VERIFYHOST, c->tls_skip_verify || c->tls_skip_hostname ? 0L : 2L);
    long least = c->tls_least == DBK_TLS_1_3 ? CURL_SSLVERSION_TLSv1_3 : CURL_SSLVERSION_TLSv1_2;
    SET(h, CURLOPT_SSLVERSION, least);
    SET(h, CURLOPT_PROXY_SSLVERSION, least);
    SET(h, CURLOPT_SSL_CTX_FUNCTION, on_ssl_ctx);
    SET(h, CURLOPT_SSL_CTX_DATA, h);
    if (has_roots(c)) {
        SET(h, CURLOPT_CAINFO, NULL);
        SET(h, CURLOPT_CAPATH, c->ca_name.ptr);
        SET(h, CURLOPT_PROXY_CAINFO, NULL);
        SET(h, CURLOPT_PROXY_CAPATH, c->ca_name.ptr);
        SET(h, CURLOPT_CA_CACHE_TIMEOUT,
            0L); /* it would keep ours for exchanges of other settings */
    }
    set_blob(h, CURLOPT_SSLCERT_BLOB, dbk_secret_slice(&c->client_cert_pem));
    set_blob(h, CURLOPT_SSLKEY_BLOB, dbk_secret_slice(&c->client_key_pem));
    if (c->client_key_password.len > 0) {
        SET(h, CURLOPT_KEYPASSWD, c->client_key_password.ptr);
    }
}

/* Which one, and whether any, is decided here: curl's own lists know neither ports nor "*.name". A redirect
 * to storage keeps it. */
static void apply_proxy(dbk_http *h, const char *url) {
    const dbk_http_config *c = h->config;
    const char *proxy = dbk_http_config_proxy(c, url);
    h->response.proxied = proxy != NULL;
    SET(h, CURLOPT_PROXY, proxy != NULL ? proxy : ""); /* "": not the environment's */
    SET(h, CURLOPT_NOPROXY, "");
    if (proxy == NULL) {
        return;
    }
    if (c->proxy_user.len > 0) {
        SET(h, CURLOPT_PROXYUSERNAME, c->proxy_user.ptr);
        SET(h, CURLOPT_PROXYPASSWORD, c->proxy_password.ptr != NULL ? c->proxy_password.ptr : "");
    }
    if (c->proxy_user.len > 0 || names_user(proxy)) {
        SET(h, CURLOPT_PROXYAUTH, (long)CURLAUTH_BASIC); /* without being asked: spec auth 12 */
    } else if (strncasecmp(proxy, "socks", 5) != 0) { /* the user's Kerberos ticket, when asked */
        SET(h, CURLOPT_PROXYAUTH, (long)(CURLAUTH_NEGOTIATE | CURLAUTH_DIGEST));
        SET(h, CURLOPT_PROXYUSERPWD, ":");
    }
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

static long receive_buffer(const dbk_http_request *r) {
    if (!r->no_deadline) {
        return SMALL_RECEIVE_BUFFER;
    }
    uint64_t eighth = r->likely_size > 0 ? (uint64_t)r->likely_size / 8 : 0;
    return (long)dbk_min_u64(dbk_max_u64(eighth, RECEIVE_BUFFER_MIN), RECEIVE_BUFFER_MAX);
}

static void apply(dbk_http *h, const dbk_http_request *r) {
    SET(h, CURLOPT_URL, r->url);
    SET(h, CURLOPT_PROTOCOLS_STR, "http,https");
    SET(h, CURLOPT_ERRORBUFFER, h->curl_error);
    SET(h, CURLOPT_BUFFERSIZE, receive_buffer(r));
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
    apply_proxy(h, r->url);
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
    h->secret = r->secret;
    h->repeatable = r->repeatable || strcmp(r->method, "POST") != 0;
    h->stall_ms = r->no_deadline ? h->config->stall_timeout_ms : 0;
    h->timeout_ms = r->timeout_ms != 0 ? r->timeout_ms : h->config->request_timeout_ms;
    h->deadline_ms = r->no_deadline ? UINT64_MAX : now + h->timeout_ms;
    h->last_byte_ms = now;
    h->size_before = -1;
    clear_head(&h->response);
    h->transfer.easy = curl_easy_init();
    h->transfer.done = on_transfer_done;
    if (h->transfer.easy == NULL || !build_headers(h, r)) {
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
    dbk_lane_keep_connections(lane, h->config->max_connections);
    h->attached = prepare(h, request) && dbk_lane_add_transfer(lane, &h->transfer);
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
    if (http->transfer.easy != NULL) {
        curl_easy_cleanup(http->transfer.easy);
    }
    dbk_tls_note_unref(http->tls);
    free_headers(http->headers);
    dbk_http_config_unref(http->config);
    if (http->secret) {
        dbk_buf_wipe(&http->response.body);
    }
    dbk_buf_reset(&http->response.body);
    dbk_free(http);
}

const char *dbk_http_library(void) {
    return curl_version();
}
