#include "net/http_config.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#include "net/roots.h"

#define REQUEST_TIMEOUT_MS 120000u /* spec sea-protocol 1: whole round trip, body included [ran] */
#define CONNECT_TIMEOUT_MS 30000u
#define STALL_TIMEOUT_MS   60000u
#define TIMEOUT_MAX_MS     (UINT64_C(1) << 40) /* longer is for ever, and sums stay in range */

/* ---- TLS ---- */

/* Where distributions keep the system's roots as one PEM file; the first that exists is used. */
static const char *const ca_files[] = {
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/tls/cacert.pem",
    "/etc/ssl/cert.pem",
};

static const char *first_ca_file(void) {
    for (size_t i = 0; i < sizeof ca_files / sizeof ca_files[0]; i++) {
        if (access(ca_files[i], R_OK) == 0) {
            return ca_files[i];
        }
    }
    return ""; /* curl's default */
}

static dbk_status copy_str(dbk_str *to, dbk_slice from, dbk_error *err) {
    return from.len == 0 ? DBK_OK : dbk_str_set(to, from, err);
}

/* The system's roots: what OpenSSL's variables name and nothing else, where one is set (spec auth 11). */
static dbk_status find_roots(dbk_http_config *c, dbk_error *err) {
    dbk_status st = DBK_OK;
    const char *file = getenv("SSL_CERT_FILE");
    const char *dir = getenv("SSL_CERT_DIR");
    bool named = (file != NULL && file[0] != '\0') || (dir != NULL && dir[0] != '\0');
    DBK_TRY(copy_str(&c->ca_file, dbk_slice_of(named ? file : first_ca_file()), err));
    DBK_TRY(copy_str(&c->ca_dir, dbk_slice_of(named ? dir : NULL), err));
done:
    return st;
}

static int no_passphrase(char *buf, int size, int writing, void *user) {
    (void)buf, (void)size, (void)writing, (void)user;
    return -1; /* OpenSSL's own would ask on the terminal */
}

static dbk_status open_pem(dbk_slice pem, BIO **out, dbk_error *err) {
    *out = pem.len <= INT32_MAX ? BIO_new_mem_buf(pem.ptr, (int)pem.len) : NULL;
    return *out != NULL ? DBK_OK : dbk_error_oom(err, "reading PEM");
}

/* Adds every certificate of the text; false when there is none or one that cannot be read. */
static bool add_certs(X509_STORE *store, BIO *pem) {
    size_t count = 0;
    X509 *cert = PEM_read_bio_X509(pem, NULL, no_passphrase, NULL);
    bool ok = true;
    while (cert != NULL) {
        ok = X509_STORE_add_cert(store, cert) == 1 && ok; /* takes a reference */
        count++;
        X509_free(cert);
        cert = PEM_read_bio_X509(pem, NULL, no_passphrase, NULL);
    }
    return ok && count > 0 && ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
}

static dbk_status set_ca(dbk_http_config *c, dbk_slice pem, dbk_error *err) {
    dbk_status st = DBK_OK;
    BIO *bio = NULL;
    if (pem.len == 0) {
        return DBK_OK;
    }
    DBK_TRY(dbk_str_set(&c->ca_pem, pem, err));
    DBK_TRY(open_pem(pem, &bio, err));
    c->roots = dbk_roots_copy(c->ca_file.ptr, c->ca_dir.ptr);
    if (c->roots == NULL) {
        st = dbk_error_oom(err, "trusted certificates");
        goto done;
    }
    if (!add_certs(c->roots, bio)) {
        st = dbk_error_set(err, DBK_INVALID_ARGUMENT,
                           "Invalid PEM bytes in TlsConfig.custom_ca_cert: no certificates found");
        goto done;
    }
done:
    BIO_free(bio);
    return st;
}

static dbk_status check_key_pair(dbk_slice cert_pem, dbk_slice key_pem, dbk_error *err) {
    dbk_status st = DBK_OK;
    BIO *cert_bio = NULL;
    BIO *key_bio = NULL;
    X509 *cert = NULL;
    EVP_PKEY *key = NULL;
    DBK_TRY(open_pem(cert_pem, &cert_bio, err));
    DBK_TRY(open_pem(key_pem, &key_bio, err));
    cert = PEM_read_bio_X509(cert_bio, NULL, no_passphrase, NULL);
    key = PEM_read_bio_PrivateKey(key_bio, NULL, no_passphrase, NULL);
    if (cert == NULL || key == NULL || X509_check_private_key(cert, key) != 1) {
        st = dbk_error_set(err, DBK_INVALID_ARGUMENT,
                           "Invalid mTLS client certificate/key in "
                           "TlsConfig.client_cert_pem/client_key_pem: %s",
                           cert == NULL  ? "no certificate found"
                           : key == NULL ? "no private key that can be read without a passphrase"
                                         : "the key does not belong to the certificate");
    }
done:
    EVP_PKEY_free(key);
    X509_free(cert);
    BIO_free(key_bio);
    BIO_free(cert_bio);
    return st;
}

static dbk_status check_client(const dbk_http_settings *s, dbk_error *err) {
    if (s->client_cert_pem.len == 0 && s->client_key_pem.len == 0) {
        return DBK_OK;
    }
    if (s->client_cert_pem.len == 0 || s->client_key_pem.len == 0) {
        bool has_cert = s->client_cert_pem.len > 0;
        return dbk_error_set(err, DBK_INVALID_ARGUMENT,
                             "TlsConfig.%s is set without %s; mTLS requires both the client "
                             "certificate and its private key",
                             has_cert ? "client_cert_pem" : "client_key_pem",
                             has_cert ? "client_key_pem" : "client_cert_pem");
    }
    return check_key_pair(s->client_cert_pem, s->client_key_pem, err);
}

/* ---- proxy ---- */

static bool has_control(dbk_slice s) {
    for (size_t i = 0; i < s.len; i++) {
        if ((unsigned char)s.ptr[i] < 0x20 || (unsigned char)s.ptr[i] == 0x7F) {
            return true;
        }
    }
    return false;
}

static dbk_status check_no_control(dbk_slice s, const char *what, dbk_error *err) {
    return has_control(s)
               ? dbk_error_set(err, DBK_INVALID_ARGUMENT, "the %s holds a control character", what)
               : DBK_OK;
}

static dbk_status check_proxy(dbk_slice url, dbk_error *err) {
    static const char *const schemes[] = {"http://",    "https://",  "socks4://",
                                          "socks4a://", "socks5://", "socks5h://"};
    bool ok = url.len == 0;
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        dbk_slice prefix = dbk_slice_of(schemes[i]);
        ok = ok || (url.len > prefix.len &&
                    dbk_slice_eq_nocase(dbk_slice_n(url.ptr, prefix.len), prefix));
    }
    if (!ok) {
        char shown[200];
        dbk_redact_url(url, shown, sizeof shown);
        return dbk_error_set(err, DBK_INVALID_ARGUMENT,
                             "Proxy URL must use http:// or https:// scheme (or socks5://), got: "
                             "'%s'",
                             shown);
    }
    return DBK_OK;
}

static bool has_user(dbk_slice url) {
    dbk_slice before;
    return dbk_slice_split(&url, '@', &before);
}

/* curl knows ".suffix" but not "*.suffix", and "*" only alone: spec auth 12 */
static dbk_status set_bypass(dbk_str *to, dbk_slice list, dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_buf out = {0};
    bool more = list.len > 0;
    while (more) {
        dbk_slice entry;
        more = dbk_slice_split(&list, ',', &entry);
        entry = dbk_slice_trim(more ? entry : list);
        if (dbk_slice_eq(entry, DBK_SLICE("*"))) {
            dbk_buf_clear(&out);
            more = false;
        }
        if (entry.len > 2 && dbk_slice_has_prefix(entry, DBK_SLICE("*."))) {
            entry = dbk_slice_n(entry.ptr + 1, entry.len - 1);
        }
        if (entry.len > 0 && out.len > 0) {
            DBK_TRY(dbk_buf_putc(&out, ',', err));
        }
        DBK_TRY(dbk_buf_put_slice(&out, entry, err));
    }
    DBK_TRY(dbk_str_set(to, dbk_buf_slice(&out), err));
done:
    dbk_buf_reset(&out);
    return st;
}

/* ---- the whole ---- */

static dbk_status check(const dbk_http_settings *s, dbk_error *err) {
    dbk_status st = DBK_OK;
    DBK_TRY(check_no_control(s->user_agent, "user agent", err));
    DBK_TRY(check_no_control(s->proxy_url, "proxy url", err));
    DBK_TRY(check_no_control(s->proxy_user, "proxy user", err));
    DBK_TRY(check_no_control(s->proxy_password, "proxy password", err));
    DBK_TRY(check_no_control(s->proxy_bypass, "proxy bypass list", err));
    DBK_TRY(check_proxy(s->proxy_url, err));
    DBK_TRY(check_client(s, err));
done:
    return st;
}

static dbk_status copy_secret(dbk_secret *to, dbk_slice from, dbk_error *err) {
    return from.len == 0 ? DBK_OK : dbk_secret_set(to, from, err);
}

static uint64_t timeout_or(uint64_t value, uint64_t fallback) {
    return value != 0 ? dbk_min_u64(value, TIMEOUT_MAX_MS) : fallback;
}

static dbk_status fill(dbk_http_config *c, const dbk_http_settings *s, dbk_error *err) {
    dbk_status st = DBK_OK;
    c->tls_skip_verify = s->tls_skip_verify;
    c->tls_skip_hostname = s->tls_skip_hostname;
    c->proxy_has_user = has_user(s->proxy_url);
    c->request_timeout_ms = timeout_or(s->request_timeout_ms, REQUEST_TIMEOUT_MS);
    c->connect_timeout_ms = timeout_or(s->connect_timeout_ms, CONNECT_TIMEOUT_MS);
    c->stall_timeout_ms = timeout_or(s->stall_timeout_ms, STALL_TIMEOUT_MS);
    DBK_TRY(find_roots(c, err));
    DBK_TRY(set_ca(c, s->ca_pem, err));
    DBK_TRY(copy_str(&c->user_agent, s->user_agent, err));
    DBK_TRY(copy_secret(&c->client_cert_pem, s->client_cert_pem, err));
    DBK_TRY(copy_secret(&c->client_key_pem, s->client_key_pem, err));
    DBK_TRY(copy_str(&c->proxy_url, s->proxy_url, err));
    DBK_TRY(copy_secret(&c->proxy_user, s->proxy_user, err));
    DBK_TRY(copy_secret(&c->proxy_password, s->proxy_password, err));
    DBK_TRY(set_bypass(&c->proxy_bypass, s->proxy_bypass, err));
done:
    return st;
}

dbk_status dbk_http_config_new(const dbk_http_settings *s, dbk_http_config **out, dbk_error *err) {
    dbk_http_config *c = dbk_alloc_zero(sizeof *c);
    if (c == NULL) {
        return dbk_error_oom(err, "HTTP settings");
    }
    atomic_init(&c->refs, 1);
    (void)ERR_set_mark(); /* the thread's error queue belongs to the host too */
    dbk_status st = check(s, err);
    st = st == DBK_OK ? fill(c, s, err) : st;
    (void)ERR_pop_to_mark();
    if (st != DBK_OK) {
        dbk_http_config_unref(c);
        return st;
    }
    *out = c;
    return DBK_OK;
}

dbk_http_config *dbk_http_config_ref(dbk_http_config *c) {
    (void)atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
    return c;
}

void dbk_http_config_unref(dbk_http_config *c) {
    if (c == NULL || atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1) {
        return;
    }
    X509_STORE_free(c->roots);
    dbk_str_reset(&c->user_agent);
    dbk_str_reset(&c->ca_file);
    dbk_str_reset(&c->ca_dir);
    dbk_str_reset(&c->ca_pem);
    dbk_secret_reset(&c->client_cert_pem);
    dbk_secret_reset(&c->client_key_pem);
    if (c->proxy_url.len > 0) {
        dbk_wipe(c->proxy_url.ptr, c->proxy_url.len); /* may hold a password */
    }
    dbk_str_reset(&c->proxy_url);
    dbk_secret_reset(&c->proxy_user);
    dbk_secret_reset(&c->proxy_password);
    dbk_str_reset(&c->proxy_bypass);
    dbk_free(c);
}
