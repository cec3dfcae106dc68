#include "net/tls_note.h"

#include <stdio.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#define SHOWN_NAME  120 /* bytes of a certificate's name */
#define SHOWN_NAMES 160 /* bytes of the hosts a certificate is for */
#define MAX_CHAIN   6   /* certificates of a chain that are shown */

struct dbk_tls_note {
    size_t refs;
    int error;              /* X509_V_ERR_*, of `refused` */
    X509 *leaf;             /* counted; the server's own */
    X509 *refused;          /* counted */
    STACK_OF(X509) * chain; /* as verified, or as far as that came */
    const char *version;    /* static */
};

static int note_slot = -1;
static pthread_once_t note_once = PTHREAD_ONCE_INIT;

void dbk_tls_note_unref(dbk_tls_note *note) {
    if (note == NULL || --note->refs > 0) {
        return;
    }
    X509_free(note->leaf);
    X509_free(note->refused);
    sk_X509_pop_free(note->chain, X509_free);
    dbk_free(note);
}

static void connection_gone(void *parent, void *note, CRYPTO_EX_DATA *data, int slot, long argl,
                            void *argp) {
    (void)parent, (void)data, (void)slot, (void)argl, (void)argp;
    dbk_tls_note_unref(note);
}

static void make_slot(void) {
    note_slot = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, connection_gone);
}

static void keep(X509 **to, X509 *cert) {
    if (*to == NULL && cert != NULL && X509_up_ref(cert) == 1) {
        *to = cert;
    }
}

/* Called per certificate from the root down, and once more for each that is refused. Judges nothing. */
static int on_certificate(int ok, X509_STORE_CTX *store) {
    const SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    dbk_tls_note *note = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), note_slot);
    if (note == NULL) {
        return ok;
    }
    note->version = SSL_get_version(ssl);
    keep(&note->leaf, X509_STORE_CTX_get0_cert(store));
    if (ok == 0 && note->refused == NULL) {
        note->error = X509_STORE_CTX_get_error(store);
        keep(&note->refused, X509_STORE_CTX_get_current_cert(store));
    }
    if (note->chain == NULL && (ok == 0 || X509_STORE_CTX_get_error_depth(store) == 0)) {
        note->chain = X509_STORE_CTX_get1_chain(store);
    }
    return ok;
}

dbk_tls_note *dbk_tls_note_attach(SSL_CTX *ctx) {
    (void)pthread_once(&note_once, make_slot);
    dbk_tls_note *note = note_slot >= 0 ? dbk_alloc_zero(sizeof *note) : NULL;
    if (note == NULL || SSL_CTX_set_ex_data(ctx, note_slot, note) != 1) {
        dbk_free(note);
        return NULL;
    }
    note->refs = 2; /* the connection's and the caller's */
    SSL_CTX_set_verify(ctx, SSL_CTX_get_verify_mode(ctx), on_certificate);
    return note;
}

/* ---- text ---- */

/* "CN=name, O=organisation", printable ASCII; certificates come from strangers. */
static void show_name(const X509_NAME *name, char *out, size_t size) {
    BIO *bio = BIO_new(BIO_s_mem());
    int n = 0;
    if (bio != NULL && name != NULL &&
        X509_NAME_print_ex(bio, name, 0, XN_FLAG_ONELINE & ~XN_FLAG_SPC_EQ) >= 0) {
        n = BIO_read(bio, out, (int)size - 1);
    }
    BIO_free(bio);
    out[n > 0 ? n : 0] = '\0';
    for (char *p = out; *p != '\0'; p++) {
        *p = *p >= 0x20 && *p < 0x7F ? *p : '?';
    }
    if (out[0] == '\0') {
        (void)snprintf(out, size, "(no name)");
    }
}

static void show_time(const ASN1_TIME *time, char *out, size_t size) {
    struct tm t = {0};
    (void)snprintf(out, size, "an unreadable time");
    if (ASN1_TIME_to_tm(time, &t) == 1) {
        (void)strftime(out, size, "%Y-%m-%d %H:%M UTC", &t);
    }
}

static void add_host(char *out, size_t size, const GENERAL_NAME *name) {
    size_t used = strlen(out);
    const char *comma = used > 0 ? ", " : "";
    const ASN1_STRING *text = name->type == GEN_DNS     ? name->d.dNSName
                              : name->type == GEN_IPADD ? name->d.iPAddress
                                                        : NULL;
    if (text == NULL) {
        return;
    }
    const unsigned char *bytes = ASN1_STRING_get0_data(text);
    int len = ASN1_STRING_length(text);
    if (name->type == GEN_DNS) {
        (void)snprintf(out + used, size - used, "%s%.*s", comma, len, (const char *)bytes);
    } else if (len == 4) {
        (void)snprintf(out + used, size - used, "%s%d.%d.%d.%d", comma, bytes[0], bytes[1],
                       bytes[2], bytes[3]);
    }
    for (char *p = out + used; *p != '\0'; p++) {
        *p = *p >= 0x20 && *p < 0x7F ? *p : '?';
    }
}

/* The hosts a certificate is for; "" when it names none. */
static void show_hosts(X509 *cert, char *out, size_t size) {
    GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
    out[0] = '\0';
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        add_host(out, size, sk_GENERAL_NAME_value(names, i));
    }
    GENERAL_NAMES_free(names);
}

bool dbk_tls_note_chain(const dbk_tls_note *note, char *out, size_t size) {
    if (note == NULL || note->leaf == NULL) {
        return false;
    }
    char name[SHOWN_NAME];
    show_name(X509_get_subject_name(note->leaf), name, sizeof name);
    (void)snprintf(out, size, "%s, %s", note->version, name);
    int count = note->chain != NULL ? sk_X509_num(note->chain) : 0;
    for (int i = 1; i < count && i < MAX_CHAIN; i++) {
        size_t used = strlen(out);
        show_name(X509_get_subject_name(sk_X509_value(note->chain, i)), name, sizeof name);
        (void)snprintf(out + used, size - used, " < %s", name);
    }
    if (count <= 1) {
        size_t used = strlen(out);
        show_name(X509_get_issuer_name(note->leaf), name, sizeof name);
        (void)snprintf(out + used, size - used, " < %s", name);
    }
    return true;
}

static const char *advice(int error) {
    switch (error) {
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        return "it is self-signed: if this is your server, add it to the trusted certificates "
               "(SSL_CERT_FILE, or the driver's option)";
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        return "that issuer is not trusted here: a proxy that inspects TLS and a private server "
               "have "
               "a CA of their own, whose certificate goes into NODE_EXTRA_CA_CERTS, SSL_CERT_FILE "
               "or "
               "the driver's option";
    default:
        return X509_verify_cert_error_string(error);
    }
}

static void explain_refusal(const dbk_tls_note *note, char *out, size_t size) {
    char when[32];
    if (note->error == X509_V_ERR_CERT_HAS_EXPIRED) {
        show_time(X509_get0_notAfter(note->refused), when, sizeof when);
        (void)snprintf(out, size,
                       "it expired on %s: the server needs a new one, unless this "
                       "machine's clock is wrong",
                       when);
    } else if (note->error == X509_V_ERR_CERT_NOT_YET_VALID) {
        show_time(X509_get0_notBefore(note->refused), when, sizeof when);
        (void)snprintf(out, size, "it is valid from %s: is this machine's clock right?", when);
    } else {
        (void)snprintf(out, size, "%s", advice(note->error));
    }
}

bool dbk_tls_note_explain(const dbk_tls_note *note, dbk_slice host, bool wrong_name, char *out,
                          size_t size) {
    X509 *cert = note == NULL ? NULL : wrong_name ? note->leaf : note->refused;
    char subject[SHOWN_NAME];
    char issuer[SHOWN_NAME];
    char what[320] = "";
    if (cert == NULL) {
        return false;
    }
    show_name(X509_get_subject_name(cert), subject, sizeof subject);
    show_name(X509_get_issuer_name(cert), issuer, sizeof issuer);
    if (wrong_name) {
        char hosts[SHOWN_NAMES];
        show_hosts(cert, hosts, sizeof hosts);
        (void)snprintf(what, sizeof what, "it is for %s, not for %.*s: check the host name",
                       hosts[0] != '\0' ? hosts : "no host", (int)dbk_min_size(host.len, 100),
                       host.ptr);
    } else {
        explain_refusal(note, what, sizeof what);
    }
    (void)snprintf(out, size, "certificate of %s, issued by %s: %s", subject, issuer, what);
    return true;
}
