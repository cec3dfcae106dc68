/* Certificates and keys as users give them: dbk_http_config_new. The first byte says what the rest is: trusted
 * certificates, a client's certificate and key in one file, or one after the other (split at a NUL). No
 * passphrase is given: the rounds of an encrypted key are the file's to choose. Properties: what is taken has a
 * digest; a refusal is InvalidArgument in one short line. */
#include <stdint.h>
#include <stdlib.h>

#include "net/net.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static void must(bool cond) {
    if (!cond) {
        abort();
    }
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc, (void)argv;
    (void)setenv("SSL_CERT_FILE", "/dev/null", 1); /* the system's roots are not the subject */
    (void)unsetenv("NODE_EXTRA_CA_CERTS");
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    dbk_http_config *config = NULL;
    dbk_http_settings s = {0};
    dbk_error err = {0};
    uint8_t digest[DBK_HTTP_DIGEST_SIZE];
    if (size == 0) {
        return 0;
    }
    dbk_slice text = dbk_slice_n(data + 1, size - 1);
    dbk_slice first = text;
    dbk_slice rest = text;
    if (data[0] % 3 == 0) {
        s.ca_pem = text;
    } else if (data[0] % 3 == 1) {
        s.client_cert_pem = s.client_key_pem = text;
    } else if (dbk_slice_split(&rest, '\0', &first)) {
        s.client_cert_pem = first;
        s.client_key_pem = rest;
    }
    dbk_status st = dbk_http_config_new(&s, &config, &err);
    if (st == DBK_OK) {
        must(dbk_http_config_digest(config, digest));
    } else {
        must(st == DBK_INVALID_ARGUMENT && config == NULL);
        must(strlen(dbk_error_message(&err)) < 300 &&
             strchr(dbk_error_message(&err), '\n') == NULL);
    }
    dbk_http_config_unref(config);
    dbk_error_reset(&err);
    return 0;
}
