/* Private keys for assertions: reading them, and signing with them. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "auth/form.h"
#include "auth/jwt.h"

#define MAX_KEY_FILE 262144u
#define MAX_EC_BYTES 66u

typedef enum family { RSA_PKCS1, RSA_PSS, ECDSA } family;

typedef struct algorithm {
    const char *name;
    family family;
    const char *hash;
    int bits;          /* of the curve */
    size_t number_len; /* of each half of an EC signature */
} algorithm;

static const algorithm algorithms[] = {
    {"RS256", RSA_PKCS1, "SHA256", 0, 0}, {"RS384", RSA_PKCS1, "SHA384", 0, 0},
    {"RS512", RSA_PKCS1, "SHA512", 0, 0}, {"PS256", RSA_PSS, "SHA256", 0, 0},
    {"PS384", RSA_PSS, "SHA384", 0, 0},   {"PS512", RSA_PSS, "SHA512", 0, 0},
    {"ES256", ECDSA, "SHA256", 256, 32},  {"ES384", ECDSA, "SHA384", 384, 48},
};

struct dbk_jwt_key {
    const algorithm *algorithm;
    EVP_PKEY *pkey;
};

static dbk_status find_algorithm(dbk_slice name, const algorithm **out, dbk_error *err) {
    if (name.len == 0) {
        name = DBK_SLICE("RS256");
    }
    for (size_t i = 0; i < sizeof algorithms / sizeof algorithms[0]; i++) {
        if (dbk_slice_eq(name, dbk_slice_of(algorithms[i].name))) {
            *out = &algorithms[i];
            return DBK_OK;
        }
    }
    return dbk_error_set(err, DBK_INVALID_ARGUMENT,
                         "unsupported JWT algorithm '%.*s'. Supported: RS256, RS384, RS512, PS256, "
                         "PS384, PS512, ES256, ES384 (ES512 is not supported)",
                         (int)dbk_min_size(name.len, 100), name.ptr);
}

/* ---- PEM ---- */

static bool holds(dbk_slice text, const char *word) {
    size_t n = strlen(word);
    for (size_t i = 0; i + n <= text.len; i++) {
        if (memcmp(text.ptr + i, word, n) == 0) {
            return true;
        }
    }
    return false;
}

/* What the text says of itself, before OpenSSL looks. */
static dbk_status check_armour(dbk_slice pem, dbk_slice passphrase, dbk_error *err) {
    bool encrypted = holds(pem, "-----BEGIN ENCRYPTED PRIVATE KEY-----");
    if (holds(pem, "Proc-Type: 4,ENCRYPTED")) {
        return dbk_error_set(err, DBK_INVALID_ARGUMENT,
                             "Cannot decrypt private JWT key PEM error: PEM headers disallowed by "
                             "RFC7468 (an old format; openssl pkcs8 -topk8 makes the new one)");
    }
    if (encrypted && passphrase.len == 0) {
        return dbk_error_set(err, DBK_INVALID_ARGUMENT,
                             "Cannot decrypt private JWT key: the key is encrypted and no "
                             "jwt_passphrase was given");
    }
    if (!encrypted && passphrase.len > 0 && holds(pem, "PRIVATE KEY-----")) {
        return dbk_error_set(
            err, DBK_INVALID_ARGUMENT,
            "Cannot decrypt private JWT key: a passphrase was supplied but the key PEM is labelled "
            "'%sPRIVATE KEY', not 'ENCRYPTED PRIVATE KEY'; only encrypted PKCS#8 keys use a "
            "passphrase",
            holds(pem, "BEGIN RSA PRIVATE")  ? "RSA "
            : holds(pem, "BEGIN EC PRIVATE") ? "EC "
                                             : "");
    }
    return DBK_OK;
}

static int give_passphrase(char *to, int size, int writing, void *user) {
    const dbk_slice *passphrase = user;
    (void)writing;
    if (passphrase->len == 0 || passphrase->len > (size_t)size) {
        return -1; /* OpenSSL's own would ask on the terminal */
    }
    memcpy(to, passphrase->ptr, passphrase->len);
    return (int)passphrase->len;
}

static EVP_PKEY *read_key(dbk_slice pem, dbk_slice passphrase) {
    BIO *bio = pem.len <= MAX_KEY_FILE ? BIO_new_mem_buf(pem.ptr, (int)pem.len) : NULL;
    EVP_PKEY *key =
        bio != NULL ? PEM_read_bio_PrivateKey(bio, NULL, give_passphrase, &passphrase) : NULL;
    BIO_free(bio);
    return key;
}

static bool fits(const algorithm *a, const EVP_PKEY *key) {
    if (a->family != ECDSA) {
        return EVP_PKEY_is_a(key, "RSA") || (a->family == RSA_PSS && EVP_PKEY_is_a(key, "RSA-PSS"));
    }
    return EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_bits(key) == a->bits;
}

static dbk_status refuse_key(const algorithm *a, dbk_slice passphrase, bool read, dbk_error *err) {
    if (!read && passphrase.len > 0) {
        return dbk_error_set(err, DBK_INVALID_ARGUMENT,
                             "Cannot decrypt private JWT key (wrong passphrase, or an unsupported "
                             "encryption scheme; PBES2 with PBKDF2/scrypt + AES is supported)");
    }
    bool ec = a->family == ECDSA;
    return dbk_error_set(err, DBK_INVALID_ARGUMENT,
                         "Failed to parse private key: expected an %s key (for an %s algorithm); "
                         "check that the key type matches the configured algorithm: "
                         "InvalidKeyFormat%s",
                         ec ? "EC" : "RSA", ec ? "ES*" : "RS*/PS*",
                         read && ec ? (a->bits == 256 ? " (ES256 needs the curve P-256)"
                                                      : " (ES384 needs the curve P-384)")
                                    : "");
}

dbk_status dbk_jwt_key_new(dbk_slice pem, dbk_slice passphrase, dbk_slice name, dbk_jwt_key **out,
                           dbk_error *err) {
    dbk_status st = DBK_OK;
    const algorithm *a = NULL;
    EVP_PKEY *pkey = NULL;
    dbk_jwt_key *key = NULL;
    (void)ERR_set_mark(); /* the thread's error queue belongs to the host too */
    DBK_TRY(find_algorithm(name, &a, err));
    DBK_TRY(check_armour(pem, passphrase, err));
    pkey = read_key(pem, passphrase);
    if (pkey == NULL || !fits(a, pkey)) {
        st = refuse_key(a, passphrase, pkey != NULL, err);
        goto done;
    }
    key = dbk_alloc_zero(sizeof *key);
    if (key == NULL) {
        st = dbk_error_oom(err, "a private key");
        goto done;
    }
    key->algorithm = a;
    key->pkey = pkey;
    pkey = NULL;
    *out = key;
done:
    EVP_PKEY_free(pkey);
    (void)ERR_pop_to_mark();
    return st;
}

static dbk_status read_file(FILE *f, dbk_buf *out, dbk_error *err) {
    dbk_status st = dbk_buf_reserve(out, MAX_KEY_FILE, err);
    if (st == DBK_OK) {
        out->len = fread(out->ptr, 1, MAX_KEY_FILE, f);
    }
    return st == DBK_OK && ferror(f) != 0
               ? dbk_error_set(err, DBK_INVALID_ARGUMENT,
                               "Failed to parse private key: it cannot be read")
               : st;
}

dbk_status dbk_jwt_key_load(const char *path, dbk_slice passphrase, dbk_slice name,
                            dbk_jwt_key **out, dbk_error *err) {
    dbk_buf pem = {0};
    FILE *f = fopen(path, "rbe");
    if (f == NULL) {
        return dbk_error_set(err, DBK_INVALID_ARGUMENT,
                             "Failed to parse private key: %s (os error %d)", strerror(errno),
                             errno);
    }
    (void)setvbuf(f, NULL, _IONBF, 0); /* the key must not stay in a buffer of libc */
    dbk_status st = read_file(f, &pem, err);
    st = st == DBK_OK ? dbk_jwt_key_new(dbk_buf_slice(&pem), passphrase, name, out, err) : st;
    (void)fclose(f);
    dbk_buf_wipe(&pem);
    return st;
}

dbk_status dbk_jwt_key_public(const dbk_jwt_key *key, dbk_buf *der, dbk_error *err) {
    int len = i2d_PUBKEY(key->pkey, NULL);
    dbk_status st = len > 0 ? dbk_buf_reserve(der, (size_t)len, err) : dbk_error_oom(err, "a key");
    if (st == DBK_OK) {
        unsigned char *at = (unsigned char *)der->ptr;
        der->len = (size_t)i2d_PUBKEY(key->pkey, &at);
    }
    return st;
}

void dbk_jwt_key_free(dbk_jwt_key *key) {
    if (key != NULL) {
        EVP_PKEY_free(key->pkey);
        dbk_free(key);
    }
}

/* ---- signing ---- */

/* OpenSSL writes ASN.1; a JWT wants the two numbers side by side. */
static bool flatten(const algorithm *a, unsigned char *signature, size_t *len) {
    const unsigned char *at = signature;
    unsigned char flat[2 * MAX_EC_BYTES];
    ECDSA_SIG *parts = d2i_ECDSA_SIG(NULL, &at, (long)*len);
    size_t n = a->number_len;
    bool ok = parts != NULL && BN_bn2binpad(ECDSA_SIG_get0_r(parts), flat, (int)n) == (int)n &&
              BN_bn2binpad(ECDSA_SIG_get0_s(parts), flat + n, (int)n) == (int)n;
    ECDSA_SIG_free(parts);
    if (ok) {
        memcpy(signature, flat, 2 * n);
        *len = 2 * n;
    }
    return ok;
}

static bool sign_with(EVP_MD_CTX *ctx, const dbk_jwt_key *key, dbk_slice text, unsigned char *out,
                      size_t *len) {
    const algorithm *a = key->algorithm;
    EVP_PKEY_CTX *options = NULL;
    if (EVP_DigestSignInit_ex(ctx, &options, a->hash, NULL, NULL, key->pkey, NULL) != 1) {
        return false;
    }
    if (a->family == RSA_PSS &&
        (EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING) != 1 ||
         EVP_PKEY_CTX_set_rsa_pss_saltlen(options, RSA_PSS_SALTLEN_DIGEST) != 1)) {
        return false;
    }
    return EVP_DigestSign(ctx, out, len, (const unsigned char *)text.ptr, text.len) == 1 &&
           (a->family != ECDSA || flatten(a, out, len));
}

static dbk_status sign(const dbk_jwt_key *key, dbk_slice text, dbk_buf *out, dbk_error *err) {
    size_t len = (size_t)EVP_PKEY_get_size(key->pkey);
    size_t room = dbk_max_size(len, 2 * (size_t)MAX_EC_BYTES);
    dbk_status st = dbk_buf_reserve(out, room, err);
    if (st != DBK_OK) {
        return st;
    }
    (void)ERR_set_mark();
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = ctx != NULL && sign_with(ctx, key, text, (unsigned char *)out->ptr, &len);
    EVP_MD_CTX_free(ctx);
    (void)ERR_pop_to_mark();
    out->len = ok ? len : 0;
    return ok ? DBK_OK
              : dbk_error_set(err, DBK_INVALID_ARGUMENT, "the private key cannot sign with %s",
                              key->algorithm->name);
}

/* ---- the assertion ---- */

static dbk_status put_part(json_t *doc, dbk_buf *out, dbk_error *err) {
    dbk_buf text = {0};
    dbk_status st = dbk_json_write(doc, &text, err);
    st = st == DBK_OK ? dbk_base64url_put(dbk_buf_slice(&text), out, err) : st;
    dbk_buf_reset(&text);
    return st;
}

static dbk_status put_header(const dbk_jwt_key *key, dbk_slice key_id, dbk_buf *out,
                             dbk_error *err) {
    dbk_status st = DBK_OK;
    json_t *doc = json_object();
    DBK_TRY(doc != NULL ? DBK_OK : dbk_error_oom(err, "an assertion"));
    DBK_TRY(dbk_json_put_str(doc, "typ", DBK_SLICE("JWT"), err));
    DBK_TRY(dbk_json_put_str(doc, "alg", dbk_slice_of(key->algorithm->name), err));
    DBK_TRY(dbk_json_put_str(doc, "kid", key_id, err));
    DBK_TRY(put_part(doc, out, err));
done:
    json_decref(doc);
    return st;
}

static dbk_status put_claims(dbk_slice client_id, dbk_slice audience, int64_t now_s, dbk_buf *out,
                             dbk_error *err) {
    dbk_status st = DBK_OK;
    unsigned char id[16];
    char hex[33];
    json_t *doc = json_object();
    DBK_TRY(doc != NULL ? DBK_OK : dbk_error_oom(err, "an assertion"));
    DBK_TRY(dbk_random(id, sizeof id, err));
    for (size_t i = 0; i < sizeof id; i++) {
        (void)snprintf(hex + 2 * i, 3, "%02x", id[i]);
    }
    DBK_TRY(dbk_json_put_str(doc, "iss", client_id, err));
    DBK_TRY(dbk_json_put_str(doc, "sub", client_id, err));
    DBK_TRY(dbk_json_put_str(doc, "aud", audience, err));
    DBK_TRY(dbk_json_put_str(doc, "jti", dbk_slice_of(hex), err));
    DBK_TRY(dbk_json_put_i64(doc, "iat", now_s, err));
    DBK_TRY(dbk_json_put_i64(doc, "exp", now_s + 300, err));
    DBK_TRY(put_part(doc, out, err));
done:
    json_decref(doc);
    return st;
}

dbk_status dbk_jwt_assert(const dbk_jwt_key *key, dbk_slice key_id, dbk_slice client_id,
                          dbk_slice audience, int64_t now_unix_s, dbk_buf *out, dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_buf signature = {0};
    DBK_TRY(put_header(key, key_id, out, err));
    DBK_TRY(dbk_buf_putc(out, '.', err));
    DBK_TRY(put_claims(client_id, audience, now_unix_s, out, err));
    DBK_TRY(sign(key, dbk_buf_slice(out), &signature, err));
    DBK_TRY(dbk_buf_putc(out, '.', err));
    DBK_TRY(dbk_base64url_put(dbk_buf_slice(&signature), out, err));
done:
    dbk_buf_reset(&signature);
    return st;
}
