/* Tokens of others: dbk_jwt_read and the texts around it. Properties: reading twice gives the same; what is
 * no base64url is no JWT; an encoded text reads back as it was. */
#include <stdint.h>
#include <stdlib.h>

#include "auth/form.h"
#include "auth/jwt.h"
#include "net/net.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool cond) {
    if (!cond) {
        abort();
    }
}

static void check_claims(dbk_slice token) {
    dbk_jwt_claims a;
    dbk_jwt_claims b;
    bool ok = dbk_jwt_read(token, &a);
    must(dbk_jwt_read(token, &b) == ok && a.ends_unix_s == b.ends_unix_s && a.ends_unix_s >= 0);
    must(dbk_slice_eq(dbk_str_slice(&a.issuer), dbk_str_slice(&b.issuer)));
    must(ok || (a.issuer.ptr == NULL && a.ends_unix_s == 0));
    dbk_slice host = dbk_authority_host(dbk_url_authority(dbk_str_slice(&a.issuer)));
    must(host.len <= a.issuer.len);
    dbk_str_reset(&a.issuer);
    dbk_str_reset(&b.issuer);
}

static void check_base64url(dbk_slice text) {
    dbk_buf coded = {0};
    dbk_buf back = {0};
    dbk_error err = {0};
    must(dbk_base64url_put(text, &coded, &err) == DBK_OK);
    must(dbk_base64url_read(dbk_buf_slice(&coded), &back));
    must(dbk_slice_eq(dbk_buf_slice(&back), text));
    dbk_buf_reset(&coded);
    dbk_buf_reset(&back);
    (void)!dbk_base64url_read(text, &back);
    dbk_buf_reset(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    dbk_slice text = dbk_slice_n(data, size);
    char words[DBK_SERVER_TEXT_SIZE];
    check_claims(text);
    check_base64url(text);
    dbk_server_words(text, words);
    for (const char *c = words; *c != '\0'; c++) {
        must(*c >= 0x20 && *c < 0x7F);
    }
    return 0;
}
