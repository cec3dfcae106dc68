#include "net/http_config.h"

#include <stdio.h>

#include <openssl/pem.h>
#include <openssl/x509.h>

#define REQUEST_TIMEOUT_MS 120000u /* spec sea-protocol 1: whole round trip, body included [ran] */
#define CONNECT_TIMEOUT_MS 30000u
#define STALL_TIMEOUT_MS   60000u
#define CA_FILE_MAX        (4u * 1024u * 1024u)

/* Where distributions keep the system's roots as one PEM file; the first that exists is used. */
static const char *const ca_files[] = {
    "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem",
    "/etc/pki/tls/cacert.pem",            "/etc/ssl/cert.pem",
};

static dbk_status append_system_roots(dbk_buf *out, dbk_error *err) {
    dbk_status st = DBK_OK;
    for (size_t i = 0; i < sizeof ca_files / sizeof ca_files[0]; i++) {
        FILE *f = fopen(ca_files[i], "rb");
        if (f == NULL) {
            continue;
        }
        char chunk[16384];
        size_t n = fread(chunk, 1, sizeof chunk, f);
        while (n > 0 && out->len < CA_FILE_MAX && st == DBK_OK) {
            st = dbk_buf_append(out, chunk, n, err);
            n = fread(chunk, 1, sizeof chunk, f);
        }
        (void)fclose(f);
        break; /* without a file only the caller's roots are trusted */
    }
    return st;
}

/* At least one certificate, and nothing that claims to be one and is not. */
static dbk_status check_certs(dbk_slice pem, dbk_error *err) {
    BIO *bio = pem.len <= INT32_MAX ? BIO_new_mem_buf(pem.ptr, (int)pem.len) : NULL;
    if (bio == NULL) {
        return dbk_error_oom(err, "reading certificates");
    }
    size_t count = 0;
    X509 *cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    while (cert != NULL) {
        count++;
        X509_free(cert);
        cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    }
    BIO_free(bio);
    if (count == 0) {
        return dbk_error_set(err, DBK_INVALID_ARGUMENT,
                             "the trusted certificates hold no PEM certificate: no certificates "
                             "found");
    }
    return DBK_OK;
}

static dbk_status set_ca(dbk_http_config *c, dbk_slice pem, dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_buf all = {0};
    if (pem.len == 0) {
        return DBK_OK;
    }
    DBK_TRY(check_certs(pem, err));
    DBK_TRY(append_system_roots(&all, err));
    DBK_TRY(dbk_buf_putc(&all, '\n', err));
    DBK_TRY(dbk_buf_put_slice(&all, pem, err));
    DBK_TRY(dbk_str_set(&c->ca_pem, dbk_buf_slice(&all), err));
done:
    dbk_buf_reset(&all);
    return st;
}

static bool has_control(dbk_slice s) {
    for (size_t i = 0; i < s.len; i++) {
        if ((unsigned char)s.ptr[i] < 0x20 || (unsigned char)s.ptr[i] == 0x7F) {
            return true;
        }
    }
    return false;
}

static dbk_status check_proxy(dbk_slice url, dbk_error *err) {
    static const char *const schemes[] = {"http://",   "https://",  "socks4://",
                                          "socks4a://", "socks5://", "socks5h://"};
    if (has_control(url)) {
        return dbk_error_set(err, DBK_INVALID_ARGUMENT, "proxy url holds a control character");
    }
    bool has_scheme = url.len == 0;
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        dbk_slice prefix = dbk_slice_of(schemes[i]);
        has_scheme = has_scheme || (url.len > prefix.len &&
                                    dbk_slice_eq_nocase(dbk_slice_n(url.ptr, prefix.len), prefix));
    }
    if (!has_scheme) {
        return dbk_error_set(err, DBK_INVALID_ARGUMENT,
                             "proxy url must start with http://, https:// or socks5://");
    }
    return DBK_OK;
}

static dbk_status copy_str(dbk_str *to, dbk_slice from, dbk_error *err) {
    return from.len == 0 ? DBK_OK : dbk_str_set(to, from, err);
}

static dbk_status copy_secret(dbk_secret *to, dbk_slice from, dbk_error *err) {
    return from.len == 0 ? DBK_OK : dbk_secret_set(to, from, err);
}

static uint64_t or_default(uint64_t value, uint64_t fallback) {
    return value != 0 ? value : fallback;
}

dbk_status dbk_http_config_new(const dbk_http_settings *s, dbk_http_config **out, dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_http_config *c = dbk_alloc_zero(sizeof *c);
    if (c == NULL) {
        return dbk_error_oom(err, "HTTP settings");
    }
    atomic_init(&c->refs, 1);
    c->tls_skip_verify = s->tls_skip_verify;
    c->tls_skip_hostname = s->tls_skip_hostname;
    c->request_timeout_ms = or_default(s->request_timeout_ms, REQUEST_TIMEOUT_MS);
    c->connect_timeout_ms = or_default(s->connect_timeout_ms, CONNECT_TIMEOUT_MS);
    c->stall_timeout_ms = or_default(s->stall_timeout_ms, STALL_TIMEOUT_MS);
    DBK_TRY(check_proxy(s->proxy_url, err));
    DBK_TRY(set_ca(c, s->ca_pem, err));
    DBK_TRY(copy_str(&c->user_agent, s->user_agent, err));
    DBK_TRY(copy_secret(&c->client_cert_pem, s->client_cert_pem, err));
    DBK_TRY(copy_secret(&c->client_key_pem, s->client_key_pem, err));
    DBK_TRY(copy_str(&c->proxy_url, s->proxy_url, err));
    DBK_TRY(copy_secret(&c->proxy_user, s->proxy_user, err));
    DBK_TRY(copy_secret(&c->proxy_password, s->proxy_password, err));
    DBK_TRY(copy_str(&c->proxy_bypass, s->proxy_bypass, err));
    *out = c;
    c = NULL;
done:
    dbk_http_config_unref(c);
    return st;
}

dbk_http_config *dbk_http_config_ref(dbk_http_config *c) {
    (void)atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
    return c;
}

void dbk_http_config_unref(dbk_http_config *c) {
    if (c == NULL || atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1) {
        return;
    }
    dbk_str_reset(&c->user_agent);
    dbk_str_reset(&c->ca_pem);
    dbk_secret_reset(&c->client_cert_pem);
    dbk_secret_reset(&c->client_key_pem);
    dbk_str_reset(&c->proxy_url);
    dbk_secret_reset(&c->proxy_user);
    dbk_secret_reset(&c->proxy_password);
    dbk_str_reset(&c->proxy_bypass);
    dbk_free(c);
}
