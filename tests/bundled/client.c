/* A host of the bundled library: opens a session, runs a statement, reads one number, and says how long
 * each step took. test_bundled.py builds it in several ways:
 *   (none)     linked with the static archive
 *   WITH_CURL  the same, in a host with another libcurl and OpenSSL of its own, which it uses too
 *   POISON     the host defines functions named like those of the bundled libraries; calling one ends it
 *   LOAD       nothing linked: dlopen of the shared library named by DBK_LIBRARY
 *
 * client HOST HTTP_PATH TOKEN [REPEAT]      environment: CLIENT_CA names a PEM file of trusted roots */
#include <dlfcn.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "databricks_kernel.h"

#ifdef WITH_CURL
#    include <curl/curl.h>
#    include <openssl/crypto.h>
#endif

#ifdef POISON
#    define POISONED(name)                                            \
        void name(void);                                              \
        void name(void) {                                             \
            (void)fputs("the host's " #name " was called\n", stderr); \
            _Exit(70);                                                \
        }
POISONED(SSL_new)
POISONED(SSL_CTX_new)
POISONED(SSL_connect)
POISONED(EVP_DigestInit_ex)
POISONED(EVP_CIPHER_fetch)
POISONED(OPENSSL_init_crypto)
POISONED(OPENSSL_init_ssl)
POISONED(CRYPTO_malloc)
POISONED(X509_verify_cert)
POISONED(BIO_new)
POISONED(ERR_get_error)
POISONED(curl_global_init)
POISONED(curl_easy_init)
POISONED(curl_multi_init)
POISONED(uv_loop_init)
POISONED(uv_run)
POISONED(inflate)
POISONED(inflateInit2_)
POISONED(crc32)
POISONED(nghttp2_session_client_new)
POISONED(LZ4F_decompress)
POISONED(LZ4F_createDecompressionContext)
POISONED(ZSTD_decompressDCtx)
POISONED(json_loadb)
POISONED(json_object)
#endif

#ifdef LOAD
static void *library;
static void *find(const char *name) {
    void *f = dlsym(library, name);
    if (f == NULL) {
        (void)fprintf(stderr, "%s\n", dlerror());
        _Exit(71);
    }
    return f;
}
#    define CALL(name) \
        (*(__typeof__(&name))find(#name)) /* NOLINT: a pointer to a function, as POSIX says */
#else
#    define CALL(name) name
#endif

static double now_ms(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void must(KernelStatusCode status, const char *what) {
    if (status != KernelStatusCode_Success) {
        KernelError e = {.message = "no detail"};
        (void)CALL(kernel_get_last_error)(&e);
        (void)fprintf(stderr, "%s: status %d: %s\n", what, (int)status, e.message);
        exit(1);
    }
}

static kernel_session_t *open_session(char **argv) {
    KernelSessionConfig *config = NULL;
    kernel_session_t *session = NULL;
    must(CALL(kernel_session_config_new)(&config), "config");
    must(CALL(kernel_session_config_set_http_path)(config, argv[1], argv[2]), "http path");
    must(CALL(kernel_session_config_set_auth_pat)(config, argv[3]), "token");
    const char *roots = getenv("CLIENT_CA");
    if (roots != NULL) {
        static char pem[65536];
        FILE *file = fopen(roots, "r");
        size_t n = file != NULL ? fread(pem, 1, sizeof pem, file) : 0;
        must(CALL(kernel_session_config_set_tls_trusted_certs)(config, (const uint8_t *)pem, n),
             "trusted certificates");
        if (file != NULL) {
            (void)fclose(file);
        }
    }
    must(CALL(kernel_session_config_set_retry_config)(config, 1, 1, 0, 1000), "retry");
    must(CALL(kernel_session_open)(config, &session), "open");
    return session;
}

/* Reads every batch; returns the last value of the first column, an int64 or int32. */
static int64_t read_number(kernel_result_stream_t *stream) {
    int64_t value = -1;
    for (;;) {
        struct ArrowArray a;
        struct ArrowSchema s;
        memset(&a, 0, sizeof a);
        memset(&s, 0, sizeof s);
        must(CALL(kernel_result_stream_next_batch)(stream, &a, &s), "next batch");
        if (a.release == NULL) {
            return value;
        }
        if (a.length > 0 && a.n_children > 0) {
            const void *data = a.children[0]->buffers[1];
            int64_t row = a.children[0]->offset + a.length - 1;
            bool wide = strcmp(s.children[0]->format, "l") == 0;
            value = wide ? ((const int64_t *)data)[row] : ((const int32_t *)data)[row];
        }
        a.release(&a);
        s.release(&s);
    }
}

static int64_t query(kernel_session_t *session, const char *sql) {
    kernel_statement_t *statement = NULL;
    kernel_executed_statement_t *executed = NULL;
    kernel_result_stream_t *stream = NULL;
    must(CALL(kernel_session_new_statement)(session, &statement), "statement");
    must(CALL(kernel_statement_set_sql)(statement, sql), "sql");
    must(CALL(kernel_statement_execute)(statement, &executed), "execute");
    must(CALL(kernel_executed_statement_get_result_stream)(executed, &stream), "stream");
    int64_t value = read_number(stream);
    must(CALL(kernel_result_stream_close)(stream), "close stream");
    must(CALL(kernel_executed_statement_close)(executed), "close executed");
    must(CALL(kernel_statement_close)(statement), "close statement");
    return value;
}

#ifdef WITH_CURL
static size_t swallow(char *data, size_t size, size_t n, void *user) {
    (void)data, (void)user;
    return size * n;
}

/* The host's own HTTPS, through its own libraries. */
static void use_own_curl(const char *host) {
    char url[256];
    (void)snprintf(url, sizeof url, "https://%s/", host);
    CURL *easy = curl_easy_init();
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_CAINFO, getenv("CLIENT_CA"));
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, swallow);
    CURLcode code = curl_easy_perform(easy);
    curl_easy_cleanup(easy);
    printf("own_curl=%s own_openssl=%s result=%d\n", curl_version_info(CURLVERSION_NOW)->version,
           OpenSSL_version(OPENSSL_VERSION_STRING), (int)code);
}
#endif

int main(int argc, char **argv) {
    if (argc < 4) {
        (void)fprintf(stderr, "usage: client HOST HTTP_PATH TOKEN [REPEAT]\n");
        return 2;
    }
    double start = now_ms();
#ifdef LOAD
    const char *path = getenv("DBK_LIBRARY");
    library = dlopen(path != NULL ? path : "", RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        (void)fprintf(stderr, "%s\n", dlerror());
        return 71;
    }
#endif
    double loaded = now_ms();
    kernel_session_t *session = open_session(argv);
    double opened = now_ms();
#ifdef WITH_CURL
    use_own_curl(argv[1]);
#endif
    double first = now_ms();
    int64_t one = query(session, "SELECT 1");
    double queried = now_ms();
    printf("one=%" PRId64 " load_ms=%.2f open_ms=%.2f first_ms=%.2f\n", one, loaded - start,
           opened - loaded, queried - first);

    int repeat = argc > 4 ? (int)strtol(argv[4], NULL, 10) : 0;
    for (int i = 0; i < repeat; i++) {
        one = query(session, "SELECT 1");
    }
    if (repeat > 0) {
        printf("select_ms=%.3f\n", (now_ms() - queried) / repeat);
    }
    printf("last=%" PRId64 "\n", query(session, "SELECT id FROM range(0, 300000)"));
#ifdef WITH_CURL
    use_own_curl(argv[1]);
#endif
    must(CALL(kernel_session_close)(session), "close session");
    return 0;
}
