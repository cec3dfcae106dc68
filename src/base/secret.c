#include "base/secret.h"

#include "base/vault.h"

void dbk_wipe(void *p, size_t n) {
    volatile unsigned char *at = p;
    while (n > 0) {
        *at++ = 0;
        n--;
    }
}

dbk_status dbk_secret_set(dbk_secret *s, dbk_slice value, dbk_error *err) {
    char *copy = dbk_vault_take(value.len + 1);
    if (copy == NULL) {
        return dbk_error_oom(err, "copying a secret");
    }
    if (value.len > 0) {
        memcpy(copy, value.ptr, value.len);
    }
    copy[value.len] = '\0';
    dbk_secret_reset(s);
    s->ptr = copy;
    s->len = value.len;
    return DBK_OK;
}

void dbk_secret_reset(dbk_secret *s) {
    dbk_vault_give(s->ptr, s->len + 1);
    s->ptr = NULL;
    s->len = 0;
}

void dbk_secret_move(dbk_secret *dst, dbk_secret *src) {
    if (dst == src) {
        return;
    }
    dbk_secret_reset(dst);
    *dst = *src;
    src->ptr = NULL;
    src->len = 0;
}

bool dbk_secret_eq(const dbk_secret *a, const dbk_secret *b) {
    if (a->len != b->len) {
        return false;
    }
    unsigned char diff = 0;
    for (size_t i = 0; i < a->len; i++) {
        diff |= (unsigned char)(a->ptr[i] ^ b->ptr[i]);
    }
    return diff == 0;
}
