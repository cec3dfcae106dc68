#include "net/tls_ahead.h"

#include <pthread.h>
#include <string.h>

#include <openssl/bio.h>

#include "base/base.h"

/* 64 to 256 KiB cost more (docs/performance.md). */
#define AHEAD_BYTES 524288

/* Between OpenSSL and curl's own BIO, which is next in the chain; reading only. */
struct dbk_tls_ahead {
    size_t refs;       /* the BIO's and those of transfers, all on one lane */
    size_t begin, end; /* of what waits in bytes */
    char bytes[AHEAD_BYTES];
};

static int type;
static BIO_METHOD *method;
static pthread_once_t method_once = PTHREAD_ONCE_INIT;

static int take(dbk_tls_ahead *a, char *out, size_t size) {
    size_t n = dbk_min_size(size, a->end - a->begin);
    memcpy(out, a->bytes + a->begin, n);
    a->begin += n;
    return (int)n;
}

static int ahead_read(BIO *bio, char *out, int size) {
    dbk_tls_ahead *a = BIO_get_data(bio);
    BIO *next = BIO_next(bio);
    BIO_clear_retry_flags(bio);
    if (a == NULL || next == NULL || size <= 0) {
        return 0;
    }
    if (a->begin == a->end) {
        int n = BIO_read(next, a->bytes, AHEAD_BYTES);
        BIO_copy_next_retry(bio);
        if (n <= 0) {
            return n;
        }
        a->begin = 0;
        a->end = (size_t)n;
    }
    return take(a, out, (size_t)size);
}

static long ahead_ctrl(BIO *bio, int what, long number, void *pointer) {
    dbk_tls_ahead *a = BIO_get_data(bio);
    BIO *next = BIO_next(bio);
    if (what == BIO_CTRL_PENDING && a != NULL && dbk_tls_ahead_holds_bytes(a)) {
        return (long)(a->end - a->begin);
    }
    return next != NULL ? BIO_ctrl(next, what, number, pointer) : 0;
}

void dbk_tls_ahead_unref(dbk_tls_ahead *ahead) {
    if (ahead != NULL && --ahead->refs == 0) {
        dbk_free(ahead);
    }
}

static int ahead_free(BIO *bio) {
    dbk_tls_ahead *a = BIO_get_data(bio);
    BIO_set_data(bio, NULL);
    if (a != NULL) {
        a->begin = a->end = 0;
    }
    dbk_tls_ahead_unref(a);
    return 1;
}

static void make_method(void) {
    type = BIO_get_new_index() | BIO_TYPE_FILTER;
    method = BIO_meth_new(type, "read ahead");
    if (method != NULL &&
        (BIO_meth_set_read(method, ahead_read) != 1 || BIO_meth_set_ctrl(method, ahead_ctrl) != 1 ||
         BIO_meth_set_destroy(method, ahead_free) != 1)) {
        BIO_meth_free(method);
        method = NULL;
    }
}

/* NULL: there was no memory for it. Any lane may be the first that asks. */
static const BIO_METHOD *ahead_method(void) {
    (void)pthread_once(&method_once, make_method);
    return method;
}

static BIO *new_ahead(void) {
    dbk_tls_ahead *a = dbk_alloc(sizeof *a);
    BIO *bio = a != NULL ? BIO_new(ahead_method()) : NULL;
    if (bio == NULL) {
        dbk_free(a);
        return NULL;
    }
    a->refs = 1;
    a->begin = a->end = 0;
    BIO_set_data(bio, a);
    BIO_set_init(bio, 1);
    return bio;
}

/* In front of this chain, or NULL. */
static BIO *find_ahead(BIO *chain) {
    return chain != NULL && ahead_method() != NULL ? BIO_find_type(chain, type) : NULL;
}

dbk_tls_ahead *dbk_tls_ahead_of(CURL *easy) {
    const struct curl_tlssessioninfo *tls = NULL;
    bool ours = curl_easy_getinfo(easy, CURLINFO_TLS_SSL_PTR, &tls) == CURLE_OK && tls != NULL &&
                tls->backend == CURLSSLBACKEND_OPENSSL && tls->internals != NULL;
    BIO *bio = ours ? find_ahead(SSL_get_rbio(tls->internals)) : NULL;
    dbk_tls_ahead *a = bio != NULL ? BIO_get_data(bio) : NULL;
    if (a != NULL) {
        a->refs++;
    }
    return a;
}

bool dbk_tls_ahead_holds_bytes(const dbk_tls_ahead *ahead) {
    return ahead->begin < ahead->end;
}

/* Before the first byte of a handshake is read; later ones of the connection find it done. */
static void on_info(const SSL *ssl, int where, int ret) {
    (void)ret;
    BIO *bio = SSL_get_rbio(ssl);
    if (where != SSL_CB_HANDSHAKE_START || bio == NULL || find_ahead(bio) != NULL) {
        return;
    }
    BIO *front = new_ahead();
    if (front != NULL &&
        BIO_up_ref(bio) == 1) { /* one reference is the chain's, one goes with set0 */
        SSL_set0_rbio((SSL *)(uintptr_t)ssl, BIO_push(front, bio));
    } else {
        BIO_free(front);
    }
}

void dbk_tls_read_ahead(SSL_CTX *ctx) {
    if (ahead_method() != NULL) {
        SSL_CTX_set_info_callback(ctx, on_info);
    }
}

/* The ids of the TLS 1.3 ciphers that ctx offers, in order; how many there are, which may be more than fit. */
static size_t ciphers_of(const SSL_CTX *ctx, uint16_t *ids, size_t most) {
    STACK_OF(SSL_CIPHER) *all = SSL_CTX_get_ciphers(ctx);
    size_t count = 0;
    for (int i = 0; i < sk_SSL_CIPHER_num(all); i++) {
        uint16_t id = SSL_CIPHER_get_protocol_id(sk_SSL_CIPHER_value(all, i));
        if (id >> 8 == 0x13) {
            if (count < most) {
                ids[count] = id;
            }
            count++;
        }
    }
    return count;
}

void dbk_tls_prefer_quick(SSL_CTX *ctx) {
    static const uint16_t usual[] = {0x1302, 0x1303, 0x1301}; /* AES-256, ChaCha20, AES-128 */
    uint16_t ids[3] = {0};
    if (ciphers_of(ctx, ids, 3) == 3 && memcmp(ids, usual, sizeof ids) == 0) {
        (void)SSL_CTX_set_ciphersuites(ctx, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:"
                                            "TLS_CHACHA20_POLY1305_SHA256");
    }
}
