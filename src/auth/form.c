#include "auth/form.h"

#include <openssl/rand.h>

#include "net/net.h"

dbk_status dbk_form_begin(dbk_buf *form, size_t value_bytes, dbk_error *err) {
    return dbk_buf_reserve(form, 1024 + 3 * value_bytes, err);
}

static dbk_status put_encoded(dbk_buf *out, dbk_slice value, dbk_error *err) {
    static const char hex[] = "0123456789ABCDEF";
    dbk_status st = dbk_buf_reserve(out, 3 * value.len, err);
    for (size_t i = 0; i < value.len && st == DBK_OK; i++) {
        unsigned char c = (unsigned char)value.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     (c != 0 && strchr("-._*", c) != NULL);
        char escaped[] = {'%', hex[c >> 4], hex[c & 15u]};
        char one = c == ' ' ? '+' : (char)c;
        st = plain || c == ' ' ? dbk_buf_putc(out, one, err) : dbk_buf_append(out, escaped, 3, err);
    }
    return st;
}

dbk_status dbk_form_put(dbk_buf *form, const char *name, dbk_slice value, dbk_error *err) {
    dbk_status st = DBK_OK;
    if (form->len > 0) {
        DBK_TRY(dbk_buf_putc(form, '&', err));
    }
    DBK_TRY(put_encoded(form, dbk_slice_of(name), err));
    DBK_TRY(dbk_buf_putc(form, '=', err));
    DBK_TRY(put_encoded(form, value, err));
done:
    return st;
}

static dbk_status put_base64(dbk_slice in, const char *alphabet, bool padded, dbk_buf *out,
                             dbk_error *err) {
    dbk_status st = dbk_buf_reserve(out, in.len / 3 * 4 + 5, err);
    for (size_t i = 0; i < in.len && st == DBK_OK; i += 3) {
        const unsigned char *p = (const unsigned char *)in.ptr + i;
        size_t n = dbk_min_size(in.len - i, 3);
        unsigned bits =
            (unsigned)p[0] << 16 | (n > 1 ? (unsigned)p[1] << 8 : 0u) | (n > 2 ? p[2] : 0u);
        char group[] = {alphabet[bits >> 18 & 63u], alphabet[bits >> 12 & 63u],
                        alphabet[bits >> 6 & 63u], alphabet[bits & 63u]};
        memset(group + n + 1, '=', 3 - n);
        st = dbk_buf_append(out, group, padded ? 4 : n + 1, err);
    }
    return st;
}

static const char standard[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char urlsafe[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

dbk_status dbk_base64url_put(dbk_slice in, dbk_buf *out, dbk_error *err) {
    return put_base64(in, urlsafe, false, out, err);
}

dbk_status dbk_base64_put(dbk_slice in, dbk_buf *out, dbk_error *err) {
    return put_base64(in, standard, true, out, err);
}

bool dbk_base64url_read(dbk_slice in, dbk_buf *out) {
    dbk_error ignored = {0};
    dbk_base64 decoder = {0};
    dbk_status st = in.len % 4 == 1 ? DBK_DATA_LOSS : dbk_buf_reserve(out, in.len, &ignored);
    for (size_t i = 0; i < in.len && st == DBK_OK; i++) {
        char c = in.ptr[i];
        c = c == '-' ? '+' : c == '_' ? '/' : c == '+' || c == '/' || c == '=' ? '!' : c;
        st = dbk_base64_feed(&decoder, dbk_slice_n(&c, 1), out, &ignored);
    }
    if (st == DBK_OK && in.len % 4 != 0) {
        st = dbk_base64_feed(&decoder, dbk_slice_n("==", 4 - in.len % 4), out, &ignored);
    }
    dbk_error_reset(&ignored);
    return st == DBK_OK;
}

dbk_status dbk_basic_line(dbk_slice id, dbk_slice secret, dbk_secret *out, dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_buf plain = {0};
    dbk_buf line = {0};
    DBK_TRY(dbk_buf_reserve(&plain, 3 * (id.len + secret.len) + 1, err));
    DBK_TRY(put_encoded(&plain, id, err));
    DBK_TRY(dbk_buf_putc(&plain, ':', err));
    DBK_TRY(put_encoded(&plain, secret, err));
    DBK_TRY(dbk_buf_reserve(&line, 32 + 2 * plain.len, err));
    DBK_TRY(dbk_buf_puts(&line, "authorization: Basic ", err));
    DBK_TRY(dbk_base64_put(dbk_buf_slice(&plain), &line, err));
    DBK_TRY(dbk_secret_set(out, dbk_buf_slice(&line), err));
done:
    dbk_buf_wipe(&plain);
    dbk_buf_wipe(&line);
    return st;
}

dbk_status dbk_random(void *out, size_t len, dbk_error *err) {
    return RAND_bytes(out, (int)len) == 1
               ? DBK_OK
               : dbk_error_set(err, DBK_INTERNAL, "the system gives no random bytes");
}

dbk_status dbk_scopes_join(dbk_slice given, const char *fallback, dbk_str *out, dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_buf joined = {0};
    for (size_t i = 0; i < given.len; i++) {
        bool gap = strchr(", \t\r\n", given.ptr[i]) != NULL;
        bool first = i == 0 || strchr(", \t\r\n", given.ptr[i - 1]) != NULL;
        if (!gap && first && joined.len > 0) {
            DBK_TRY(dbk_buf_putc(&joined, ' ', err));
        }
        if (!gap) {
            DBK_TRY(dbk_buf_putc(&joined, given.ptr[i], err));
        }
    }
    DBK_TRY(
        dbk_str_set(out, joined.len > 0 ? dbk_buf_slice(&joined) : dbk_slice_of(fallback), err));
done:
    dbk_buf_reset(&joined);
    return st;
}

dbk_status dbk_check_id(dbk_slice id, const char *name, dbk_error *err) {
    return dbk_header_value_valid(id)
               ? DBK_OK
               : dbk_error_set(err, DBK_INVALID_ARGUMENT, "%s holds a control character", name);
}

void dbk_server_words(dbk_slice text, char out[DBK_SERVER_TEXT_SIZE]) {
    size_t n = dbk_min_size(text.len, DBK_SERVER_TEXT_SIZE - 1);
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        out[i] = c >= 0x20 && c < 0x7F ? (char)c : '?';
    }
    out[n] = '\0';
    dbk_redact_line(out);
}

bool dbk_url_safe(dbk_slice url) {
    dbk_slice host = dbk_authority_host(dbk_url_authority(url));
    if (host.len == 0) {
        return false;
    }
    if (dbk_slice_eq_nocase(dbk_slice_n(url.ptr, dbk_min_size(url.len, 8)),
                            DBK_SLICE("https://"))) {
        return true;
    }
    return dbk_slice_eq_nocase(dbk_slice_n(url.ptr, dbk_min_size(url.len, 7)),
                               DBK_SLICE("http://")) &&
           (dbk_slice_eq_nocase(host, DBK_SLICE("localhost")) ||
            dbk_slice_has_prefix(host, DBK_SLICE("127.")) || dbk_slice_eq(host, DBK_SLICE("::1")));
}
