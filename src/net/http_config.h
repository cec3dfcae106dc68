/* net/http_config.h: what http.c applies to each curl handle. */
#ifndef DBK_NET_HTTP_CONFIG_H
#define DBK_NET_HTTP_CONFIG_H

#include "net/http.h"

#include <stdatomic.h>

#include <openssl/x509.h>

struct dbk_http_config {
    atomic_size_t refs;
    dbk_str user_agent;
    dbk_str ca_file; /* the system's roots; this and ca_dir absent: curl's default */
    dbk_str ca_dir;
    dbk_str ca_pem;    /* the added roots alone */
    dbk_str ca_name;   /* of these, short: curl pools connections by it */
    X509_STORE *roots; /* both, parsed once; NULL without ca_pem */
    dbk_secret client_cert_pem;
    dbk_secret client_key_pem;
    dbk_secret client_key_password;
    bool tls_skip_verify;
    bool tls_skip_hostname;
    dbk_tls_least tls_least;
    dbk_secret proxy_url;       /* for https, may hold a password; absent: none */
    dbk_secret plain_proxy_url; /* for http */
    dbk_secret proxy_user;
    dbk_secret proxy_password;
    dbk_str proxy_bypass;
    uint64_t request_timeout_ms;
    uint64_t connect_timeout_ms;
    uint64_t stall_timeout_ms;
    size_t max_connections;
};

#endif
