#include "net/http_config.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "net/proxy.h"
#include "net/roots.h"
#include "net/url.h"

#define REQUEST_TIMEOUT_MS 120000u /* spec sea-protocol 1: whole round trip, body included [ran] */
#define CONNECT_TIMEOUT_MS 30000u
#define STALL_TIMEOUT_MS   60000u
#define MAX_CONNECTIONS    100u                /* as the peer keeps per host */
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

static dbk_status copy_secret(dbk_secret *to, dbk_slice from, dbk_error *err) {
    return from.len == 0 ? DBK_OK : dbk_secret_set(to, from, err);
}

static const char *variable(const char *name) {
    const char *value = getenv(name);
    return value != NULL && value[0] != '\0' ? value : NULL;
}

static bool is_folder(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static void warn_unreadable(const char *name, const char *path) {
    if (path != NULL && strchr(path, ':') == NULL && access(path, R_OK) != 0) {
        DBK_LOG(WARN, NULL,
                "%s names %.200s, which cannot be read: no certificates come from there", name,
                path);
    }
}

/* The system's roots; a variable replaces them. OpenSSL's own come before the one of Python's requests
 * (docs/connecting.md). */
static dbk_status find_roots(dbk_http_config *c, dbk_error *err) {
    dbk_status st = DBK_OK;
    const char *file = variable("SSL_CERT_FILE");
    const char *dir = variable("SSL_CERT_DIR");
    const char *requests = variable("REQUESTS_CA_BUNDLE");
    warn_unreadable("SSL_CERT_FILE", file);
    warn_unreadable("SSL_CERT_DIR", dir);
    if (file == NULL && dir == NULL && requests != NULL) {
        warn_unreadable("REQUESTS_CA_BUNDLE", requests);
        dir = is_folder(requests) ? requests : NULL;
        file = dir == NULL ? requests : NULL;
    }
    if (file == NULL && dir == NULL) {
        file = first_ca_file();
    }
    DBK_TRY(copy_str(&c->ca_file, dbk_slice_of(file), err));
    DBK_TRY(copy_str(&c->ca_dir, dbk_slice_of(dir), err));
done:
    return st;
}

static int no_passphrase(char *buf, int size, int writing, void *user) {
    (void)buf, (void)size, (void)writing, (void)user;
    return -1; /* OpenSSL's own would ask on the terminal */
}

static int give_passphrase(char *buf, int size, int writing, void *user) {
    const dbk_slice *password = user;
    (void)writing;
    if (password->len == 0 || size < 0 || password->len > (size_t)size) {
        return -1;
    }
    memcpy(buf, password->ptr, password->len);
    return (int)password->len;
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

static dbk_status need_certs(X509_STORE *store, dbk_slice pem, dbk_error *err) {
    BIO *bio = NULL;
    dbk_status st = open_pem(pem, &bio, err);
    if (st == DBK_OK && !add_certs(store, bio)) {
        st = dbk_error_set(err, DBK_INVALID_ARGUMENT,
                           "Invalid PEM bytes in TlsConfig.custom_ca_cert: no certificates found");
    }
    BIO_free(bio);
    return st;
}

static dbk_status read_text(BIO *file, dbk_buf *out, dbk_error *err) {
    char piece[4096];
    dbk_status st = DBK_OK;
    for (int n = BIO_read(file, piece, sizeof piece); st == DBK_OK && n > 0;
         n = BIO_read(file, piece, sizeof piece)) {
        st = dbk_buf_append(out, piece, (size_t)n, err);
    }
    return st;
}

/* The configuration's certificates and those of the file, as one text. */
static dbk_status gather_added(dbk_http_config *c, dbk_slice pem, const char *path,
                               dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_buf text = {0};
    BIO *file = path != NULL ? BIO_new_file(path, "r") : NULL;
    DBK_TRY(dbk_buf_put_slice(&text, pem, err));
    if (file != NULL) {
        DBK_TRY(dbk_buf_putc(&text, '\n', err));
        DBK_TRY(read_text(file, &text, err));
    }
    DBK_TRY(dbk_str_set(&c->ca_pem, dbk_buf_slice(&text), err));
done:
    dbk_buf_reset(&text);
    BIO_free(file);
    return st;
}

/* Of the host's environment, at the end of the text: what is wrong with it is a warning, as in Node itself. */
static dbk_status add_extra(dbk_http_config *c, size_t from, const char *path, dbk_error *err) {
    dbk_status st = DBK_OK;
    BIO *text = NULL;
    DBK_TRY(open_pem(dbk_slice_n(c->ca_pem.ptr + from, c->ca_pem.len - from), &text, err));
    if (!add_certs(c->roots, text)) {
        DBK_LOG(WARN, NULL,
                "NODE_EXTRA_CA_CERTS names %.200s, which holds no readable certificates", path);
    }
done:
    BIO_free(text);
    return st;
}

/* curl keeps connections of other roots apart when it is told of the difference. As a blob it would copy them
 * twice into each connection and parse them anew; a folder that does not exist is only compared. */
static dbk_status name_roots(dbk_http_config *c, dbk_error *err) {
    uint8_t sum[32];
    char hex[2 * sizeof sum + 1];
    if (EVP_Digest(c->ca_pem.ptr, c->ca_pem.len, sum, NULL, EVP_sha256(), NULL) != 1) {
        return dbk_error_oom(err, "trusted certificates");
    }
    for (size_t i = 0; i < sizeof sum; i++) {
        (void)snprintf(hex + 2 * i, 3, "%02x", sum[i]);
    }
    return dbk_str_setf(&c->ca_name, err, "/nonexistent/roots-%s", hex);
}

static dbk_status parse_added(dbk_http_config *c, dbk_slice pem, const char *extra,
                              dbk_error *err) {
    dbk_status st = DBK_OK;
    c->roots = dbk_roots_copy(c->ca_file.ptr, c->ca_dir.ptr);
    if (c->roots == NULL) {
        return dbk_error_oom(err, "trusted certificates");
    }
    if (pem.len > 0) {
        DBK_TRY(need_certs(c->roots, pem, err));
    }
    if (extra != NULL) {
        DBK_TRY(add_extra(c, pem.len, extra, err));
    }
    dbk_roots_keep(c->ca_file.ptr, c->ca_dir.ptr, c->ca_name.ptr, c->roots);
done:
    return st;
}

static dbk_status set_ca(dbk_http_config *c, dbk_slice pem, dbk_error *err) {
    dbk_status st = DBK_OK;
    const char *extra = variable("NODE_EXTRA_CA_CERTS");
    if (extra != NULL && strcmp(extra, dbk_str_or(&c->ca_file, "")) == 0) {
        extra = NULL; /* there already, and reading a bundle takes 25 ms */
    }
    if (pem.len == 0 && extra == NULL) {
        return DBK_OK;
    }
    DBK_TRY(gather_added(c, pem, extra, err));
    DBK_TRY(name_roots(c, err));
    c->roots = dbk_roots_kept(c->ca_file.ptr, c->ca_dir.ptr, c->ca_name.ptr);
    if (c->roots == NULL) {
        DBK_TRY(parse_added(c, pem, extra, err));
    }
done:
    return st;
}

static const char *key_problem(dbk_slice password) {
    return password.len == 0 ? "no private key that can be read without a passphrase"
                             : "no private key that can be read with this passphrase";
}

static dbk_status check_key_pair(const dbk_http_settings *s, dbk_error *err) {
    dbk_status st = DBK_OK;
    BIO *cert_bio = NULL;
    BIO *key_bio = NULL;
    X509 *cert = NULL;
    EVP_PKEY *key = NULL;
    dbk_slice password = s->client_key_password;
    DBK_TRY(open_pem(s->client_cert_pem, &cert_bio, err));
    DBK_TRY(open_pem(s->client_key_pem, &key_bio, err));
    cert = PEM_read_bio_X509(cert_bio, NULL, no_passphrase, NULL);
    key = PEM_read_bio_PrivateKey(key_bio, NULL, give_passphrase, &password);
    if (cert == NULL || key == NULL || X509_check_private_key(cert, key) != 1) {
        st = dbk_error_set(err, DBK_INVALID_ARGUMENT,
                           "Invalid mTLS client certificate/key in "
                           "TlsConfig.client_cert_pem/client_key_pem: %s",
                           cert == NULL  ? "no certificate found"
                           : key == NULL ? key_problem(s->client_key_password)
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
    return check_key_pair(s, err);
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

static const char *first_variable(const char *const *names) {
    const char *value = NULL;
    for (size_t i = 0; names[i] != NULL && value == NULL; i++) {
        value = variable(names[i]);
    }
    return value;
}

/* A web server's CGI programs find a request's Proxy header in HTTP_PROXY: there it is not believed. */
static dbk_status proxies_of_environment(dbk_http_config *c, dbk_error *err) {
    static const char *const secure[] = {"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY",
                                         NULL};
    static const char *const plain[] = {"http_proxy", "all_proxy", "ALL_PROXY", NULL};
    static const char *const bypass[] = {"no_proxy", "NO_PROXY", NULL};
    const char *upper = variable("REQUEST_METHOD") == NULL ? variable("HTTP_PROXY") : NULL;
    bool use_upper = variable("http_proxy") == NULL && upper != NULL;
    dbk_status st = DBK_OK;
    DBK_TRY(copy_secret(&c->proxy_url, dbk_slice_of(first_variable(secure)), err));
    DBK_TRY(copy_secret(&c->plain_proxy_url,
                        dbk_slice_of(use_upper ? upper : first_variable(plain)), err));
    DBK_TRY(copy_str(&c->proxy_bypass, dbk_slice_of(first_variable(bypass)), err));
done:
    return st;
}

static dbk_status set_proxy(dbk_http_config *c, const dbk_http_settings *s, dbk_error *err) {
    dbk_status st = DBK_OK;
    if (s->proxy_url.len == 0) {
        return proxies_of_environment(c, err);
    }
    DBK_TRY(dbk_secret_set(&c->proxy_url, s->proxy_url, err));
    DBK_TRY(dbk_secret_set(&c->plain_proxy_url, s->proxy_url, err));
    DBK_TRY(copy_secret(&c->proxy_user, s->proxy_user, err));
    DBK_TRY(copy_secret(&c->proxy_password, s->proxy_password, err));
    DBK_TRY(copy_str(&c->proxy_bypass, s->proxy_bypass, err));
done:
    return st;
}

const char *dbk_http_config_proxy(const dbk_http_config *c, const char *url) {
    bool secure = strncmp(url, "https:", 6) == 0;
    const dbk_secret *proxy = secure ? &c->proxy_url : &c->plain_proxy_url;
    bool direct = proxy->len == 0 ||
                  dbk_proxy_bypassed(dbk_str_slice(&c->proxy_bypass),
                                     dbk_url_authority(dbk_slice_of(url)), secure ? 443 : 80);
    return direct ? NULL : proxy->ptr;
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

static uint64_t timeout_or(uint64_t value, uint64_t fallback) {
    return value != 0 ? dbk_min_u64(value, TIMEOUT_MAX_MS) : fallback;
}

static dbk_status fill(dbk_http_config *c, const dbk_http_settings *s, dbk_error *err) {
    dbk_status st = DBK_OK;
    c->tls_skip_verify = s->tls_skip_verify;
    c->tls_skip_hostname = s->tls_skip_hostname;
    c->tls_least = s->tls_least;
    c->max_connections = s->max_connections != 0 ? s->max_connections : MAX_CONNECTIONS;
    c->request_timeout_ms = timeout_or(s->request_timeout_ms, REQUEST_TIMEOUT_MS);
    c->connect_timeout_ms = timeout_or(s->connect_timeout_ms, CONNECT_TIMEOUT_MS);
    c->stall_timeout_ms = timeout_or(s->stall_timeout_ms, STALL_TIMEOUT_MS);
    DBK_TRY(find_roots(c, err));
    DBK_TRY(set_ca(c, s->ca_pem, err));
    DBK_TRY(copy_str(&c->user_agent, s->user_agent, err));
    DBK_TRY(copy_secret(&c->client_cert_pem, s->client_cert_pem, err));
    DBK_TRY(copy_secret(&c->client_key_pem, s->client_key_pem, err));
    DBK_TRY(copy_secret(&c->client_key_password, s->client_key_password, err));
    DBK_TRY(set_proxy(c, s, err));
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
    dbk_str_reset(&c->ca_name);
    dbk_secret_reset(&c->client_cert_pem);
    dbk_secret_reset(&c->client_key_pem);
    dbk_secret_reset(&c->client_key_password);
    dbk_secret_reset(&c->proxy_url);
    dbk_secret_reset(&c->plain_proxy_url);
    dbk_secret_reset(&c->proxy_user);
    dbk_secret_reset(&c->proxy_password);
    dbk_str_reset(&c->proxy_bypass);
    dbk_free(c);
}

/* ---- equal ones ---- */

bool dbk_http_config_digest(const dbk_http_config *c, uint8_t out[DBK_HTTP_DIGEST_SIZE]) {
    static const dbk_http_config none;
    c = c != NULL ? c : &none;
    const dbk_slice parts[] = {
        dbk_str_slice(&c->user_agent),
        dbk_str_slice(&c->ca_file),
        dbk_str_slice(&c->ca_dir),
        dbk_str_slice(&c->ca_pem),
        dbk_secret_slice(&c->client_cert_pem),
        dbk_secret_slice(&c->client_key_pem),
        dbk_secret_slice(&c->client_key_password),
        dbk_secret_slice(&c->proxy_url),
        dbk_secret_slice(&c->plain_proxy_url),
        dbk_secret_slice(&c->proxy_user),
        dbk_secret_slice(&c->proxy_password),
        dbk_str_slice(&c->proxy_bypass),
        {(const char *)&c->tls_skip_verify, sizeof c->tls_skip_verify},
        {(const char *)&c->tls_skip_hostname, sizeof c->tls_skip_hostname},
        {(const char *)&c->tls_least, sizeof c->tls_least},
    };
    EVP_MD_CTX *sha = EVP_MD_CTX_new();
    bool ok = sha != NULL && EVP_DigestInit_ex(sha, EVP_sha256(), NULL) == 1;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0] && ok; i++) {
        uint64_t len = parts[i].len; /* "ab","c" is not "a","bc" */
        ok = EVP_DigestUpdate(sha, &len, sizeof len) == 1 &&
             EVP_DigestUpdate(sha, parts[i].ptr, parts[i].len) == 1;
    }
    ok = ok && EVP_DigestFinal_ex(sha, out, NULL) == 1;
    EVP_MD_CTX_free(sha);
    return ok;
}
