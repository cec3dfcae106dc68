/* net/http.h: one HTTP exchange at a time on a lane: request in, response or reason out.
 *
 * No retries, no redirects, no meaning of status codes: those belong to the rooms above. */
#ifndef DBK_NET_HTTP_H
#define DBK_NET_HTTP_H

#include "net/lane.h"

/* ---- settings shared by many exchanges: TLS, proxy, timeouts ---- */

typedef struct dbk_http_config dbk_http_config; /* opaque, counted, immutable */

typedef enum dbk_tls_least { DBK_TLS_1_2, DBK_TLS_1_3 } dbk_tls_least; /* oldest version accepted */

/* Plain settings; texts are copied by dbk_http_config_new. {0} is the default for each. */
typedef struct dbk_http_settings {
    dbk_slice user_agent;
    dbk_slice ca_pem; /* added to the system's roots (docs/connecting.md) */
    dbk_slice client_cert_pem;
    dbk_slice client_key_pem;
    dbk_slice client_key_password; /* empty: the key is not encrypted */
    bool tls_skip_verify;          /* accept any chain and any name */
    bool tls_skip_hostname;        /* accept any name */
    dbk_tls_least tls_least;
    dbk_slice proxy_url; /* empty: those of the environment (docs/connecting.md) */
    dbk_slice proxy_user;
    dbk_slice proxy_password;
    dbk_slice proxy_bypass;      /* as NO_PROXY: net/proxy.h */
    uint64_t request_timeout_ms; /* whole exchange, 0: 120 s */
    uint64_t connect_timeout_ms; /* 0: 30 s */
    uint64_t stall_timeout_ms;   /* no byte for so long, 0: 60 s */
    size_t max_connections;      /* kept open by a lane when they are idle, 0: 100 */
} dbk_http_settings;

/* InvalidArgument for PEM that is none, a certificate and key that do not belong together, a bad proxy
 * URL, control characters. */
DBK_MUST_USE dbk_status dbk_http_config_new(const dbk_http_settings *settings,
                                            dbk_http_config **out, dbk_error *err);
dbk_http_config *dbk_http_config_ref(dbk_http_config *c); /* any thread */
void dbk_http_config_unref(dbk_http_config *c);           /* any thread; NULL is a no-op */
/* Two configurations with one digest reach the same servers in the same way. c NULL: none. False: no
 * memory. */
#define DBK_HTTP_DIGEST_SIZE 32
DBK_MUST_USE bool dbk_http_config_digest(const dbk_http_config *c,
                                         uint8_t out[DBK_HTTP_DIGEST_SIZE]);

/* The proxy for a URL, with its password; NULL: none. Borrowed from c. */
const char *dbk_http_config_proxy(const dbk_http_config *c, const char *url);
const char *dbk_http_library(void); /* "libcurl/8.5.0 OpenSSL/3.0.2 ..."; lives for ever */

/* ---- an exchange ---- */

typedef enum dbk_http_outcome {
    DBK_HTTP_ANSWERED,    /* a whole response, whatever its status */
    DBK_HTTP_UNREACHABLE, /* no byte of the request left: resolve, connect, proxy refused */
    DBK_HTTP_TLS,         /* handshake or certificate; no byte of the request left */
    DBK_HTTP_BROKEN,      /* reset, closed or malformed after the request may have left */
    DBK_HTTP_TIMED_OUT,   /* request_timeout_ms passed */
    DBK_HTTP_STALLED,     /* stall_timeout_ms without a byte */
    DBK_HTTP_REFUSED      /* the sink said stop, or the body passed max_body */
} dbk_http_outcome;

#define DBK_HTTP_WHY 768

/* Texts from the server hold printable ASCII only: other bytes are '?'. */
typedef struct dbk_http_response {
    dbk_http_outcome outcome;
    bool request_sent;    /* at least one byte of the request may have left */
    int status;           /* 0: no status line seen */
    int proxy_status;     /* of a proxy that refused the tunnel (UNREACHABLE), else 0 */
    dbk_buf body;         /* what no sink took */
    char retry_after[64]; /* header text, "" when absent */
    char content_type[96];
    char request_id[96];     /* x-request-id or x-databricks-request-id */
    char location[256];      /* without its query */
    int64_t date_unix_s;     /* Date header, -1 when absent */
    int64_t content_length;  /* as sent, gzip not undone; -1: unknown */
    uint64_t sent_ms;        /* the connection stood and the request left, by the lane's clock */
    uint64_t bytes_received; /* body bytes, gzip undone */
    char why[DBK_HTTP_WHY];  /* for outcomes other than ANSWERED: what went wrong, no secrets */
    char tls[320];           /* "TLSv1.3, CN=server < CN=authority", "" on a reused connection */
    bool proxied;            /* went through a proxy */
} dbk_http_response;

typedef enum dbk_sink_answer {
    DBK_SINK_GO,
    DBK_SINK_PAUSE, /* nothing of this piece was taken: it comes again after dbk_http_resume */
    DBK_SINK_STOP   /* ends the exchange with DBK_HTTP_REFUSED */
} dbk_sink_answer;

/* Takes body bytes of a 2xx answer as they arrive; other bodies are gathered in response.body. Inside
 * the sink no exchange may start or be freed; operations that are started or woken there run later. */
typedef struct dbk_http_sink {
    dbk_sink_answer (*data)(void *ctx, const dbk_http_response *head, dbk_slice bytes);
    void *ctx;
} dbk_http_sink;

typedef struct dbk_http_request {
    const char *method; /* "GET", "POST", "DELETE", "PUT" */
    const char *url;
    const char *const *headers; /* "name: value" lines, copied */
    size_t header_count;
    dbk_slice body;      /* borrowed until the exchange ends */
    bool has_body;       /* also an empty one */
    bool follow;         /* GET only: follow up to 3 redirects (storage; no credentials there) */
    bool http1_only;     /* storage: one connection per transfer is faster than one h2 stream */
    uint64_t timeout_ms; /* whole exchange; 0: the configuration's */
    bool no_deadline;    /* only the stall timeout bounds it (large downloads) */
    int64_t
        likely_size; /* of such a download, bytes; 0 or less: not known. Large ones get large buffers */
    bool repeatable;    /* POST only: doing it twice is harmless. A pooled connection that dies
                           without an answer is then replaced silently, as for other methods;
                           else the outcome is BROKEN, because the server may have done it */
    bool secret;        /* the answer holds tokens: response.body is wiped wherever it was */
    size_t max_body;    /* bytes of response.body; 0: 64 MiB */
    dbk_http_sink sink; /* data NULL: everything is gathered */
} dbk_http_request;

typedef struct dbk_http dbk_http; /* opaque */
typedef void (*dbk_http_done)(dbk_http *http, void *ctx);

/* Starts an exchange on the lane (lane thread). done is called once, on the lane, never from inside
 * this function; the response is readable from then until dbk_http_free. */
DBK_MUST_USE dbk_status dbk_http_start(dbk_lane *lane, dbk_http_config *config,
                                       const dbk_http_request *request, dbk_http_done done,
                                       void *ctx, dbk_http **out, dbk_error *err);
dbk_http_response *dbk_http_response_of(dbk_http *http);
/* After DBK_SINK_PAUSE; lane thread. The sink is not called from inside this function. */
void dbk_http_resume(dbk_http *http);
/* Ends it when it still runs (done is then never called) and frees it. Lane thread, not inside a
 * sink. NULL is a no-op. */
void dbk_http_free(dbk_http *http);

#endif
