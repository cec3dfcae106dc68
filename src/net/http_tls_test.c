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
#include "net/http_config.h"
#include "net/test_peer.h"
#include "net/tls_ahead.h"
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

typedef enum server_way {
    SERVER_TLS,
    SERVER_MTLS,
    SERVER_TLS_1_1,
    SERVER_TLS_1_2,
    SERVER_LONG,   /* its answers */
    SERVER_PIECES, /* the same, chunked, with the head of each chunk in a record of its own */
    SERVER_HANGS_UP,
    SERVER_PLAIN
} server_way;

static test_peer peer; /* only its listener is used */
static struct {
    const identity *id;
    server_way way;
    pthread_t thread;
    atomic_bool stop;
    atomic_uint cipher; /* of the last connection */
} server;

static SSL_CTX *server_context(void) {
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    CHECK(SSL_CTX_use_certificate(ctx, server.id->cert) == 1);
    CHECK(SSL_CTX_use_PrivateKey(ctx, server.id->key) == 1);
    if (server.way == SERVER_TLS_1_2) {
        SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
    }
    if (server.way == SERVER_TLS_1_1) { /* which OpenSSL's usual level of security does not allow */
        CHECK(SSL_CTX_set_cipher_list(ctx, "ALL:@SECLEVEL=0") == 1);
        CHECK(SSL_CTX_set_min_proto_version(ctx, TLS1_1_VERSION) == 1);
        CHECK(SSL_CTX_set_max_proto_version(ctx, TLS1_1_VERSION) == 1);
    }
    if (server.way == SERVER_MTLS) {
        X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), ids.ca.cert);
        SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    }
    return ctx;
}

#define LONG_BODY 1000000

static char long_byte(size_t i) {
    return (char)(i * 131 + (i >> 12));
}

#define PIECE 10000

static void send_text(SSL *ssl, const char *text) {
    (void)SSL_write(ssl, text, (int)strlen(text));
}

static void send_pieces(SSL *ssl, const char *body) {
    send_text(ssl, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
    for (size_t at = 0; at < LONG_BODY; at += PIECE) {
        char head[16];
        (void)snprintf(head, sizeof head, "%x\r\n", PIECE);
        send_text(ssl, head);
        (void)SSL_write(ssl, body + at, PIECE);
        send_text(ssl, "\r\n");
    }
    send_text(ssl, "0\r\n");
    send_text(ssl, "\r\n");
}

static void answer_long(SSL *ssl) {
    char *body = dbk_alloc(LONG_BODY);
    char head[64];
    (void)snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n", LONG_BODY);
    for (size_t i = 0; i < LONG_BODY; i++) {
        body[i] = long_byte(i);
    }
    if (server.way == SERVER_PIECES) {
        send_pieces(ssl, body);
    } else {
        send_text(ssl, head);
        (void)SSL_write(ssl, body, LONG_BODY);
    }
    dbk_free(body);
}

static void serve_tls(SSL *ssl) {
    static const char answer[] = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
    char in[4096];
    if (SSL_accept(ssl) != 1) {
        return;
    }
    atomic_store(&server.cipher, SSL_CIPHER_get_protocol_id(SSL_get_current_cipher(ssl)));
    while (SSL_read(ssl, in, sizeof in) > 0) { /* a small GET comes in one record */
        if (server.way == SERVER_LONG || server.way == SERVER_PIECES) {
            answer_long(ssl);
        } else {
            (void)SSL_write(ssl, answer, sizeof answer - 1);
        }
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
        dbk_lane_run_for(lane, -1);
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
        {"unknown authority",
         &ids.good,
         {.user_agent = {NULL, 0}},
         DBK_HTTP_TLS,
         "issued by CN=test 1: that issuer is not trusted here"},
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
         "it is self-signed: if this is your server"},
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
        {"wrong name",
         &ids.wrong_name,
         {.ca_pem = ca},
         DBK_HTTP_TLS,
         "it is for example.test, not for 127.0.0.1"},
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
        {"expired",
         &ids.expired,
         {.ca_pem = ca},
         DBK_HTTP_TLS,
         "issued by CN=test 1: it expired on 20"},
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

static void set_variable(const char *name, const char *value) {
    CHECK((value == NULL ? unsetenv(name) : setenv(name, value, 1)) == 0);
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
    const struct {
        const char *name, *file, *requests, *extra;
        dbk_slice ca_pem;
        dbk_http_outcome want;
    } others[] = {
        {"requests", NULL, file, NULL, {NULL, 0}, DBK_HTTP_ANSWERED},
        {"requests, a folder", NULL, folder, NULL, {NULL, 0}, DBK_HTTP_ANSWERED},
        {"OpenSSL's goes before", "/nowhere", file, NULL, {NULL, 0}, DBK_HTTP_TLS},
        {"extra", NULL, NULL, file, {NULL, 0}, DBK_HTTP_ANSWERED},
        {"extra beside all", "/nowhere", NULL, file, dbk_slice_of(ids.other_ca.cert_pem),
         DBK_HTTP_ANSWERED},
        {"extra that is not there", NULL, file, "/nowhere", {NULL, 0}, DBK_HTTP_ANSWERED},
        {"extra that is none", NULL, NULL, "/dev/null", {NULL, 0}, DBK_HTTP_TLS},
    };
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        CHECK_CASE(others[i].name);
        set_variable("SSL_CERT_FILE", others[i].file);
        set_variable("SSL_CERT_DIR", NULL);
        set_variable("REQUESTS_CA_BUNDLE", others[i].requests);
        set_variable("NODE_EXTRA_CA_CERTS", others[i].extra);
        set_up(&ids.good, SERVER_TLS);
        dbk_http_settings settings = {.ca_pem = others[i].ca_pem};
        CHECK_EQ_I64(exchange(&settings).outcome, others[i].want);
        tear_down();
        set_variable("REQUESTS_CA_BUNDLE", NULL);
        set_variable("NODE_EXTRA_CA_CERTS", NULL);
    }
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CHECK_CASE(rows[i].name);
        set_variable("SSL_CERT_FILE", rows[i].file);
        set_variable("SSL_CERT_DIR", rows[i].dir);
        set_up(&ids.good, SERVER_TLS);
        dbk_http_settings settings = {.ca_pem = rows[i].ca_pem};
        CHECK_EQ_I64(exchange(&settings).outcome, rows[i].want);
        tear_down();
    }
    CHECK(unsetenv("SSL_CERT_FILE") == 0 && unsetenv("SSL_CERT_DIR") == 0);
    CHECK(unlink(file) == 0 && unlink(hashed) == 0 && rmdir(folder) == 0);
}

DBK_TEST(tls_chain_of_a_new_connection) {
    make_identities();
    dbk_http_settings settings = {.ca_pem = dbk_slice_of(ids.ca.cert_pem)};
    set_up(&ids.good, SERVER_TLS);
    CHECK_STR(exchange(&settings).tls, "TLSv1.3, CN=test 3 < CN=test 1");
    CHECK_STR(exchange(&settings).tls, ""); /* the pooled one */
    tear_down();
}

DBK_TEST(tls_least_version) {
    static const struct {
        const char *name;
        server_way server;
        dbk_tls_least least;
        const char *version; /* NULL: refused */
        const char *why;
    } rows[] = {
        {"1.3", SERVER_TLS, DBK_TLS_1_3, "TLSv1.3, ", NULL},
        {"1.2", SERVER_TLS_1_2, DBK_TLS_1_2, "TLSv1.2, ", NULL},
        {"1.2 is too old", SERVER_TLS_1_2, DBK_TLS_1_3, NULL,
         "oldest accepted is 1.3, as configured"},
        {"1.1", SERVER_TLS_1_1, DBK_TLS_1_2, NULL, "oldest accepted is 1.2"},
        {"1.1, far too old", SERVER_TLS_1_1, DBK_TLS_1_3, NULL, "oldest accepted is 1.3"},
    };
    make_identities();
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        dbk_http_settings settings = {.ca_pem = dbk_slice_of(ids.ca.cert_pem),
                                      .tls_least = rows[i].least};
        CHECK_CASE(rows[i].name);
        set_up(&ids.good, rows[i].server);
        dbk_http_response r = exchange(&settings);
        CHECK_EQ_I64(r.outcome, rows[i].version != NULL ? DBK_HTTP_ANSWERED : DBK_HTTP_TLS);
        CHECK_CONTAINS(rows[i].version != NULL ? r.tls : r.why,
                       rows[i].version != NULL ? rows[i].version : rows[i].why);
        tear_down();
    }
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

/* curl copies what it pools connections by for every connection: a name, not hundreds of certificates. */
DBK_TEST(tls_added_roots_have_short_names) {
    make_identities();
    dbk_error err = {0};
    dbk_http_config *configs[3] = {NULL};
    const char *pems[] = {ids.ca.cert_pem, ids.ca.cert_pem, ids.other_ca.cert_pem};
    for (size_t i = 0; i < COUNT_OF(pems); i++) {
        dbk_http_settings settings = {.ca_pem = dbk_slice_of(pems[i])};
        CHECK_OK(dbk_http_config_new(&settings, &configs[i], &err), &err);
        CHECK(configs[i]->ca_name.len < 100);
    }
    CHECK_STR(configs[0]->ca_name.ptr, configs[1]->ca_name.ptr);
    CHECK(strcmp(configs[0]->ca_name.ptr, configs[2]->ca_name.ptr) != 0);
    CHECK(configs[0]->roots == configs[1]->roots); /* parsed once */
    CHECK(configs[0]->roots != configs[2]->roots);
    for (size_t i = 0; i < COUNT_OF(pems); i++) {
        dbk_http_config_unref(configs[i]);
    }
}

/* What is in the bundle already is not added to it. */
DBK_TEST(tls_extra_roots_that_are_the_systems) {
    dbk_error err = {0};
    dbk_http_settings settings = {0};
    static const struct {
        const char *system, *extra;
        bool added;
    } rows[] = {{"/dev/null", NULL, false},
                {"/dev/null", "/dev/null", false},
                {"/dev/null", "/nowhere.pem", true}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        dbk_http_config *config = NULL;
        set_variable("SSL_CERT_FILE", rows[i].system);
        set_variable("NODE_EXTRA_CA_CERTS", rows[i].extra);
        CHECK_OK(dbk_http_config_new(&settings, &config, &err), &err);
        CHECK_EQ_I64(config->roots != NULL, rows[i].added);
        dbk_http_config_unref(config);
    }
    set_variable("SSL_CERT_FILE", NULL);
    set_variable("NODE_EXTRA_CA_CERTS", NULL);
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

/* key as PKCS#8 that a password protects; freed by the caller */
static BIO *encrypted_key(const char *key_pem, const char *password) {
    BIO *in = BIO_new_mem_buf(key_pem, -1);
    BIO *out = BIO_new(BIO_s_mem());
    EVP_PKEY *key = PEM_read_bio_PrivateKey(in, NULL, NULL, NULL);
    CHECK_EQ_I64(PEM_write_bio_PKCS8PrivateKey(out, key, EVP_aes_256_cbc(), password,
                                               (int)strlen(password), NULL, NULL),
                 1);
    EVP_PKEY_free(key);
    BIO_free(in);
    return out;
}

DBK_TEST(tls_encrypted_client_key) {
    make_identities();
    BIO *pem = encrypted_key(ids.client.key_pem, "open sesame");
    char *text = NULL;
    size_t len = (size_t)BIO_get_mem_data(pem, &text);
    dbk_http_settings with = {.ca_pem = dbk_slice_of(ids.ca.cert_pem),
                              .client_cert_pem = dbk_slice_of(ids.client.cert_pem),
                              .client_key_pem = dbk_slice_n(text, len),
                              .client_key_password = DBK_SLICE("open sesame")};
    set_up(&ids.good, SERVER_MTLS);
    CHECK_EQ_I64(exchange(&with).outcome, DBK_HTTP_ANSWERED);
    tear_down();
    static const struct {
        const char *password, *message;
    } rows[] = {{"wrong", "with this passphrase"}, {"", "without a passphrase"}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        dbk_error err = {0};
        dbk_http_config *config = NULL;
        with.client_key_password = dbk_slice_of(rows[i].password);
        CHECK_FAILS(dbk_http_config_new(&with, &config, &err), &err, DBK_INVALID_ARGUMENT,
                    rows[i].message);
        dbk_error_reset(&err);
    }
    BIO_free(pem);
}

/* ---- reading ahead ---- */

typedef struct download {
    size_t bytes, wrong, calls, pauses;
    size_t pause_every; /* calls; 0: never */
    bool paused, done;
} download;

static dbk_sink_answer take_long(void *ctx, const dbk_http_response *head, dbk_slice bytes) {
    download *d = ctx;
    (void)head;
    if (d->pause_every != 0 && ++d->calls % d->pause_every == 0) {
        d->paused = true;
        d->pauses++;
        return DBK_SINK_PAUSE;
    }
    for (size_t i = 0; i < bytes.len; i++) {
        d->wrong += bytes.ptr[i] != long_byte(d->bytes + i);
    }
    d->bytes += bytes.len;
    return DBK_SINK_GO;
}

static void on_download_done(dbk_http *http, void *ctx) {
    (void)http;
    ((download *)ctx)->done = true;
}

/* The server sends all at once and then waits: what was read ahead is asked for without an event. */
static void check_download(dbk_http_config *config, size_t pause_every) {
    dbk_error err = {0};
    dbk_http *http = NULL;
    download d = {.pause_every = pause_every};
    dbk_http_request request = {.method = "GET",
                                .url = "https://127.0.0.1:1/",
                                .http1_only = true,
                                .no_deadline = true,
                                .sink = {take_long, &d}};
    CHECK_OK(dbk_http_start(lane, config, &request, on_download_done, &d, &http, &err), &err);
    while (!d.done) {
        dbk_lane_run_for(lane, -1);
        if (d.paused) {
            d.paused = false;
            dbk_http_resume(http);
        }
    }
    CHECK_EQ_I64(dbk_http_response_of(http)->outcome, DBK_HTTP_ANSWERED);
    CHECK_EQ_SIZE(d.bytes, LONG_BODY);
    CHECK_EQ_SIZE(d.wrong, 0);
    CHECK(pause_every == 0 || d.pauses > 0);
    dbk_http_free(http);
}

static void check_downloads(server_way way) {
    static const size_t pauses[] = {0, 30, 7, 3, 2};
    dbk_error err = {0};
    dbk_http_config *config = NULL;
    set_up(&ids.good, way);
    dbk_http_settings settings = {.ca_pem = dbk_slice_of(ids.ca.cert_pem),
                                  .stall_timeout_ms = 5000};
    CHECK_OK(dbk_http_config_new(&settings, &config, &err), &err);
    for (size_t i = 0; i < sizeof pauses / sizeof pauses[0]; i++) {
        check_download(config, pauses[i]); /* on one connection */
    }
    dbk_http_config_unref(config);
    tear_down();
}

DBK_TEST(tls_download_reads_ahead) {
    check_downloads(SERVER_LONG);
    check_downloads(SERVER_PIECES);
}

#define AES_128 0x1301u
#define AES_256 0x1302u

/* Of a context with these TLS 1.3 ciphers; NULL: those of the machine. */
static unsigned first_cipher(const char *configured, bool prefer) {
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    CHECK(configured == NULL || SSL_CTX_set_ciphersuites(ctx, configured) == 1);
    if (prefer) {
        dbk_tls_prefer_quick(ctx);
    }
    unsigned id = SSL_CIPHER_get_protocol_id(sk_SSL_CIPHER_value(SSL_CTX_get_ciphers(ctx), 0));
    SSL_CTX_free(ctx);
    return id;
}

DBK_TEST(tls_downloads_prefer_short_keys) {
    check_downloads(SERVER_LONG);
    CHECK_EQ_U64(atomic_load(&server.cipher), first_cipher(NULL, true));
    set_up(&ids.good, SERVER_TLS);
    dbk_http_settings settings = {.ca_pem = dbk_slice_of(ids.ca.cert_pem)};
    CHECK_EQ_I64(exchange(&settings).outcome, DBK_HTTP_ANSWERED);
    CHECK_EQ_U64(atomic_load(&server.cipher), first_cipher(NULL, false));
    tear_down();
}

DBK_TEST(ciphers_that_were_configured_keep_their_order) {
    CHECK_EQ_U64(first_cipher("TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:"
                              "TLS_AES_128_GCM_SHA256",
                              true),
                 AES_128); /* that is what OpenSSL has without being told */
    CHECK_EQ_U64(first_cipher("TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256", true), AES_256);
    CHECK_EQ_U64(first_cipher("TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:"
                              "TLS_AES_128_GCM_SHA256:TLS_AES_128_CCM_SHA256",
                              true),
                 AES_256);
    CHECK_EQ_U64(first_cipher("TLS_CHACHA20_POLY1305_SHA256", true), 0x1303u);
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
