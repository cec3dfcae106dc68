#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "net/http.h"
#include "net/test_peer.h"
#include "unit.h"

/* ---- certificates made on the spot ---- */

typedef struct identity {
    EVP_PKEY *key;
    X509 *cert;
    char cert_pem[4096];
    char key_pem[4096];
} identity;

static void write_pem(identity *id) {
    BIO *bio = BIO_new(BIO_s_mem());
    CHECK(PEM_write_bio_X509(bio, id->cert) == 1);
    int n = BIO_read(bio, id->cert_pem, sizeof id->cert_pem - 1);
    id->cert_pem[n] = '\0';
    CHECK(PEM_write_bio_PrivateKey(bio, id->key, NULL, NULL, 0, NULL, NULL) == 1);
    n = BIO_read(bio, id->key_pem, sizeof id->key_pem - 1);
    id->key_pem[n] = '\0';
    BIO_free(bio);
}

static void add_extension(X509 *cert, int nid, const char *value) {
    X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    CHECK(ext != NULL && X509_add_ext(cert, ext, -1) == 1);
    X509_EXTENSION_free(ext);
}

/* issuer NULL: self-signed. name: "IP:127.0.0.1"; NULL: an authority. */
static void make_identity(identity *id, const identity *issuer, const char *name, long days) {
    static long serial;
    id->key = EVP_EC_gen("P-256");
    id->cert = X509_new();
    X509_set_version(id->cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(id->cert), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(id->cert), -86400L * 10);
    X509_gmtime_adj(X509_getm_notAfter(id->cert), 86400L * days);
    X509_set_pubkey(id->cert, id->key);
    X509_NAME *subject = X509_get_subject_name(id->cert);
    char cn[32];
    (void)snprintf(cn, sizeof cn, "test %ld", serial);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)cn, -1, -1, 0);
    X509_set_issuer_name(id->cert, issuer != NULL ? X509_get_subject_name(issuer->cert) : subject);
    add_extension(id->cert, NID_basic_constraints, name == NULL ? "critical,CA:TRUE" : "CA:FALSE");
    if (name != NULL) {
        add_extension(id->cert, NID_subject_alt_name, name);
    }
    CHECK(X509_sign(id->cert, issuer != NULL ? issuer->key : id->key, EVP_sha256()) > 0);
    write_pem(id);
}

static struct { identity ca, other_ca, good, wrong_name, expired, self_signed, client; } ids;

static void make_identities(void) {
    if (ids.ca.cert != NULL) {
        return;
    }
    make_identity(&ids.ca, NULL, NULL, 10);
    make_identity(&ids.other_ca, NULL, NULL, 10);
    make_identity(&ids.good, &ids.ca, "IP:127.0.0.1", 10);
    make_identity(&ids.wrong_name, &ids.ca, "DNS:example.test", 10);
    make_identity(&ids.expired, &ids.ca, "IP:127.0.0.1", -1);
    make_identity(&ids.self_signed, NULL, "IP:127.0.0.1", 10);
    make_identity(&ids.client, &ids.ca, "DNS:client", 10);
}

__attribute__((destructor)) static void free_identities(void) {
    identity *all = &ids.ca;
    for (size_t i = 0; i < sizeof ids / sizeof(identity); i++) {
        X509_free(all[i].cert);
        EVP_PKEY_free(all[i].key);
    }
}

/* ---- a TLS server on a thread, one connection after the other ---- */

typedef enum server_way { SERVER_TLS, SERVER_MTLS, SERVER_HANGS_UP, SERVER_PLAIN } server_way;

static test_peer peer; /* only its listener is used */
static struct {
    const identity *id;
    server_way way;
    pthread_t thread;
    atomic_bool stop;
} server;

static SSL_CTX *server_context(void) {
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    CHECK(SSL_CTX_use_certificate(ctx, server.id->cert) == 1);
    CHECK(SSL_CTX_use_PrivateKey(ctx, server.id->key) == 1);
    if (server.way == SERVER_MTLS) {
        X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), ids.ca.cert);
        SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    }
    return ctx;
}

static void serve_tls(SSL *ssl) {
    static const char answer[] = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
    char in[4096];
    if (SSL_accept(ssl) != 1) {
        return;
    }
    while (SSL_read(ssl, in, sizeof in) > 0) { /* a small GET comes in one record */
        (void)SSL_write(ssl, answer, sizeof answer - 1);
    }
    (void)SSL_shutdown(ssl);
}

static void serve_one(SSL_CTX *ctx, int fd) {
    if (server.way == SERVER_PLAIN) {
        char in[4096];
        (void)!read(fd, in, sizeof in);
        (void)!write(fd, "HTTP/1.1 400 Bad\r\n\r\n", 20);
    } else if (server.way != SERVER_HANGS_UP) {
        SSL *ssl = SSL_new(ctx);
        SSL_set_fd(ssl, fd);
        serve_tls(ssl);
        SSL_free(ssl);
    }
    (void)close(fd);
}

static void *server_main(void *arg) {
    SSL_CTX *ctx = arg;
    sigset_t pipe; /* on this thread only: the lane must do without */
    (void)sigemptyset(&pipe);
    (void)sigaddset(&pipe, SIGPIPE);
    (void)pthread_sigmask(SIG_BLOCK, &pipe, NULL);
    while (!atomic_load(&server.stop)) {
        struct pollfd p = {peer.listener, POLLIN, 0};
        if (poll(&p, 1, 5) == 1) {
            int fd = accept4(peer.listener, NULL, NULL, SOCK_CLOEXEC);
            serve_one(ctx, fd);
        }
    }
    SSL_CTX_free(ctx);
    return NULL;
}

static dbk_lane *lane;

static void set_up(const identity *id, server_way way) {
    dbk_error err = {0};
    make_identities();
    test_peer_init(&peer);
    server.id = id;
    server.way = way;
    atomic_store(&server.stop, false);
    SSL_CTX *ctx = server_context();
    CHECK(pthread_create(&server.thread, NULL, server_main, ctx) == 0);
    CHECK_OK(dbk_lane_new("test", DBK_LANE_EMBEDDED, &dbk_clock_system, &lane, &err), &err);
    dbk_lane_set_socket_opener(lane, test_peer_open, &peer);
}

static void tear_down(void) {
    dbk_lane_free(lane);
    atomic_store(&server.stop, true);
    (void)pthread_join(server.thread, NULL);
    test_peer_end(&peer);
}

/* ---- exchanges ---- */

static void on_done(dbk_http *http, void *ctx) {
    (void)http;
    *(bool *)ctx = true;
}

static dbk_http_response exchange(const dbk_http_settings *settings) {
    dbk_error err = {0};
    dbk_http_config *config = NULL;
    dbk_http *http = NULL;
    bool done = false;
    dbk_http_request request = {.method = "GET", .url = "https://127.0.0.1:1/"};
    CHECK_OK(dbk_http_config_new(settings, &config, &err), &err);
    CHECK_OK(dbk_http_start(lane, config, &request, on_done, &done, &http, &err), &err);
    while (!done) {
        dbk_lane_run_once(lane, true);
    }
    dbk_http_response r = *dbk_http_response_of(http);
    r.body = (dbk_buf){0};
    dbk_http_free(http);
    dbk_http_config_unref(config);
    return r;
}

DBK_TEST(tls_verification) {
    make_identities();
    dbk_slice ca = dbk_slice_of(ids.ca.cert_pem);
    const struct {
        const char *name;
        const identity *server;
        dbk_http_settings settings;
        dbk_http_outcome want;
        const char *why;
    } rows[] = {
        {"unknown authority", &ids.good, {.user_agent = {NULL, 0}}, DBK_HTTP_TLS, "certificate"},
        {"given authority", &ids.good, {.ca_pem = ca}, DBK_HTTP_ANSWERED, ""},
        {"another authority",
         &ids.good,
         {.ca_pem = dbk_slice_of(ids.other_ca.cert_pem)},
         DBK_HTTP_TLS,
         "certificate"},
        {"given leaf",
         &ids.good,
         {.ca_pem = dbk_slice_of(ids.good.cert_pem)},
         DBK_HTTP_ANSWERED,
         ""},
        {"self-signed",
         &ids.self_signed,
         {.user_agent = {NULL, 0}},
         DBK_HTTP_TLS,
         "self-signed certificate"},
        {"self-signed and given",
         &ids.self_signed,
         {.ca_pem = dbk_slice_of(ids.self_signed.cert_pem)},
         DBK_HTTP_ANSWERED,
         ""},
        {"skip verify", &ids.self_signed, {.tls_skip_verify = true}, DBK_HTTP_ANSWERED, ""},
        {"skip verify, wrong name",
         &ids.wrong_name,
         {.tls_skip_verify = true},
         DBK_HTTP_ANSWERED,
         ""},
        {"wrong name", &ids.wrong_name, {.ca_pem = ca}, DBK_HTTP_TLS, "127.0.0.1"},
        {"skip hostname",
         &ids.wrong_name,
         {.ca_pem = ca, .tls_skip_hostname = true},
         DBK_HTTP_ANSWERED,
         ""},
        {"skip hostname, unknown authority",
         &ids.wrong_name,
         {.tls_skip_hostname = true},
         DBK_HTTP_TLS,
         "certificate"},
        {"expired", &ids.expired, {.ca_pem = ca}, DBK_HTTP_TLS, "expired"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CHECK_CASE(rows[i].name);
        set_up(rows[i].server, SERVER_TLS);
        dbk_http_response r = exchange(&rows[i].settings);
        CHECK_EQ_I64(r.outcome, rows[i].want);
        CHECK_EQ_I64(r.request_sent, rows[i].want == DBK_HTTP_ANSWERED);
        CHECK_CONTAINS(r.why, rows[i].why);
        tear_down();
    }
}

static void write_ca(const char *path) {
    FILE *file = fopen(path, "w");
    CHECK(file != NULL && fputs(ids.ca.cert_pem, file) >= 0);
    (void)fclose(file);
}

/* Folders of roots are looked up by the hash of the subject, as c_rehash names them. */
DBK_TEST(tls_roots_from_the_environment) {
    char folder[] = "/tmp/dbk-roots-XXXXXX";
    char file[64];
    char hashed[64];
    char folders[64];
    make_identities();
    CHECK(mkdtemp(folder) != NULL);
    (void)snprintf(file, sizeof file, "%s/ca.pem", folder);
    (void)snprintf(hashed, sizeof hashed, "%s/%08lx.0", folder,
                   X509_NAME_hash_ex(X509_get_subject_name(ids.ca.cert), NULL, NULL, NULL));
    (void)snprintf(folders, sizeof folders, "/nowhere:%s", folder);
    write_ca(file);
    write_ca(hashed);
    const struct {
        const char *name, *file, *dir;
        dbk_slice ca_pem;
        dbk_http_outcome want;
    } rows[] = {
        {"neither", NULL, NULL, {NULL, 0}, DBK_HTTP_TLS},
        {"empty is unset", "", "", {NULL, 0}, DBK_HTTP_TLS},
        {"file", file, NULL, {NULL, 0}, DBK_HTTP_ANSWERED},
        {"folder", NULL, folder, {NULL, 0}, DBK_HTTP_ANSWERED},
        {"folders", "", folders, {NULL, 0}, DBK_HTTP_ANSWERED},
        {"both", file, "/nowhere", {NULL, 0}, DBK_HTTP_ANSWERED},
        {"file beside given roots", file, NULL, dbk_slice_of(ids.other_ca.cert_pem),
         DBK_HTTP_ANSWERED},
        {"folder beside given roots", NULL, folder, dbk_slice_of(ids.other_ca.cert_pem),
         DBK_HTTP_ANSWERED},
        {"a folder without it", NULL, "/nowhere", {NULL, 0}, DBK_HTTP_TLS},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CHECK_CASE(rows[i].name);
        CHECK((rows[i].file == NULL ? unsetenv("SSL_CERT_FILE")
                                    : setenv("SSL_CERT_FILE", rows[i].file, 1)) == 0);
        CHECK((rows[i].dir == NULL ? unsetenv("SSL_CERT_DIR")
                                   : setenv("SSL_CERT_DIR", rows[i].dir, 1)) == 0);
        set_up(&ids.good, SERVER_TLS);
        dbk_http_settings settings = {.ca_pem = rows[i].ca_pem};
        CHECK_EQ_I64(exchange(&settings).outcome, rows[i].want);
        tear_down();
    }
    CHECK(unsetenv("SSL_CERT_FILE") == 0 && unsetenv("SSL_CERT_DIR") == 0);
    CHECK(unlink(file) == 0 && unlink(hashed) == 0 && rmdir(folder) == 0);
}

/* A connection that one configuration trusts must not serve another that would not. */
DBK_TEST(tls_pool_keeps_trust_apart) {
    set_up(&ids.good, SERVER_TLS);
    make_identities();
    dbk_http_settings trusting = {.ca_pem = dbk_slice_of(ids.ca.cert_pem)};
    dbk_http_settings plain = {0};
    CHECK_EQ_I64(exchange(&trusting).outcome, DBK_HTTP_ANSWERED);
    CHECK_EQ_I64(exchange(&trusting).outcome, DBK_HTTP_ANSWERED);
    CHECK_EQ_SIZE(test_peer_opened(&peer), 1);
    dbk_lane_free(lane); /* the server takes one connection at a time */
    dbk_error err = {0};
    CHECK_OK(dbk_lane_new("test", DBK_LANE_EMBEDDED, &dbk_clock_system, &lane, &err), &err);
    dbk_lane_set_socket_opener(lane, test_peer_open, &peer);
    CHECK_EQ_I64(exchange(&plain).outcome, DBK_HTTP_TLS);
    dbk_http_settings skipping = {.tls_skip_verify = true};
    CHECK_EQ_I64(exchange(&skipping).outcome, DBK_HTTP_ANSWERED);
    tear_down();
}

DBK_TEST(tls_client_certificate) {
    make_identities();
    dbk_http_settings with = {.ca_pem = dbk_slice_of(ids.ca.cert_pem),
                              .client_cert_pem = dbk_slice_of(ids.client.cert_pem),
                              .client_key_pem = dbk_slice_of(ids.client.key_pem)};
    set_up(&ids.good, SERVER_MTLS);
    CHECK_EQ_I64(exchange(&with).outcome, DBK_HTTP_ANSWERED);
    tear_down();
    dbk_http_settings without = {.ca_pem = dbk_slice_of(ids.ca.cert_pem)};
    set_up(&ids.good, SERVER_MTLS);
    CHECK(exchange(&without).outcome !=
          DBK_HTTP_ANSWERED); /* TLS 1.3: refused after the handshake */
    tear_down();
}

DBK_TEST(tls_handshake_cut_short) {
    dbk_http_settings settings = {0};
    set_up(&ids.good, SERVER_HANGS_UP); /* the network's doing: may go well next time */
    CHECK_EQ_I64(exchange(&settings).outcome, DBK_HTTP_UNREACHABLE);
    tear_down();
    set_up(&ids.good, SERVER_PLAIN); /* will not */
    dbk_http_response r = exchange(&settings);
    CHECK_EQ_I64(r.outcome, DBK_HTTP_TLS);
    CHECK(!r.request_sent);
    tear_down();
}

/* ---- settings ---- */

DBK_TEST(http_config_refusals) {
    make_identities();
    static char two[8192];
    (void)snprintf(two, sizeof two,
                   "%s-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
                   ids.ca.cert_pem);
    dbk_slice cert = dbk_slice_of(ids.client.cert_pem);
    dbk_slice key = dbk_slice_of(ids.client.key_pem);
    static const char encrypted[] =
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
        "MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAgO\n-----END ENCRYPTED PRIVATE KEY-----\n";
    const struct {
        const char *name;
        dbk_http_settings settings;
        const char *message;
    } rows[] = {
        {"garbage", {.ca_pem = DBK_SLICE("x")}, "no certificates found"},
        {"a key is no certificate", {.ca_pem = key}, "no certificates found"},
        {"one good, one bad", {.ca_pem = dbk_slice_of(two)}, "no certificates found"},
        {"certificate alone",
         {.client_cert_pem = cert},
         "client_cert_pem is set without client_key"},
        {"key alone", {.client_key_pem = key}, "client_key_pem is set without client_cert"},
        {"another's key",
         {.client_cert_pem = cert, .client_key_pem = dbk_slice_of(ids.good.key_pem)},
         "the key does not belong to the certificate"},
        {"encrypted key",
         {.client_cert_pem = cert, .client_key_pem = DBK_SLICE(encrypted)},
         "without a passphrase"},
        {"no client certificate",
         {.client_cert_pem = key, .client_key_pem = key},
         "no certificate"},
        {"user agent with a line end", {.user_agent = DBK_SLICE("a\r\nb: c")}, "user agent"},
        {"proxy without scheme", {.proxy_url = DBK_SLICE("p:3128")}, "Proxy URL must use"},
        {"proxy scheme only", {.proxy_url = DBK_SLICE("http://")}, "Proxy URL must use"},
        {"another scheme", {.proxy_url = DBK_SLICE("ftp://u:secret@p")}, "Proxy URL must use"},
        {"control in the proxy", {.proxy_url = DBK_SLICE("http://p\n")}, "proxy url"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CHECK_CASE(rows[i].name);
        dbk_error err = {0};
        dbk_http_config *config = NULL;
        ERR_clear_error();
        CHECK_FAILS(dbk_http_config_new(&rows[i].settings, &config, &err), &err,
                    DBK_INVALID_ARGUMENT, rows[i].message);
        CHECK(config == NULL);
        CHECK(strstr(dbk_error_message(&err), "secret") == NULL);
        CHECK_EQ_U64(ERR_peek_error(), 0); /* the host's queue stays as it was */
        dbk_error_reset(&err);
    }
}

DBK_TEST(http_config_accepts) {
    make_identities();
    static char both[9000];
    (void)snprintf(both, sizeof both, "%s%s", ids.client.key_pem, ids.client.cert_pem);
    dbk_http_settings settings = {.ca_pem = dbk_slice_of(both), /* other blocks are skipped */
                                  .client_cert_pem = dbk_slice_of(both),
                                  .client_key_pem = dbk_slice_of(both),
                                  .proxy_url = DBK_SLICE("SOCKS5H://p:1"),
                                  .proxy_bypass = DBK_SLICE("a, *"),
                                  .request_timeout_ms = UINT64_MAX};
    dbk_error err = {0};
    dbk_http_config *config = NULL;
    CHECK_OK(dbk_http_config_new(&settings, &config, &err), &err);
    CHECK(dbk_http_config_ref(config) == config);
    dbk_http_config_unref(config);
    dbk_http_config_unref(config);
    dbk_http_config_unref(NULL);
}

DBK_OOM_TEST(http_config_out_of_memory) {
    make_identities();
    dbk_http_settings settings = {.user_agent = DBK_SLICE("a"),
                                  .ca_pem = dbk_slice_of(ids.ca.cert_pem),
                                  .client_cert_pem = dbk_slice_of(ids.client.cert_pem),
                                  .client_key_pem = dbk_slice_of(ids.client.key_pem),
                                  .proxy_url = DBK_SLICE("http://p"),
                                  .proxy_user = DBK_SLICE("u"),
                                  .proxy_password = DBK_SLICE("w"),
                                  .proxy_bypass = DBK_SLICE("a,*.b")};
    dbk_http_config *config = NULL;
    dbk_status st = dbk_http_config_new(&settings, &config, err);
    dbk_http_config_unref(config);
    return st;
}
