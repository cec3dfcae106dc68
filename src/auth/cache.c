#include "auth/cache.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/evp.h>

#include "auth/form.h"
#include "auth/grant.h"

enum { SALT = 16, IV = 16, KEY = 32, ROUNDS = 65536, MAX_FILE = 256 * 1024 };

static const char shared_dir[] = "databricks-sql-kernel/oauth";
static const char own_dir[] = "dbkernel/oauth";

/* ---- names ---- */

static dbk_status hex_digest(dbk_slice text, char out[65], dbk_error *err) {
    unsigned char sum[32];
    if (EVP_Digest(text.ptr, text.len, sum, NULL, EVP_sha256(), NULL) != 1) {
        return dbk_error_oom(err, "a hash");
    }
    for (size_t i = 0; i < sizeof sum; i++) {
        (void)snprintf(out + 2 * i, 3, "%02x", sum[i]);
    }
    return DBK_OK;
}

static dbk_status put_scopes(json_t *doc, dbk_slice scopes, dbk_error *err) {
    json_t *list = json_array();
    bool ok = list != NULL;
    bool more = true;
    while (ok && more) {
        dbk_slice one;
        more = dbk_slice_split(&scopes, ' ', &one);
        one = more ? one : scopes;
        ok = one.len == 0 || json_array_append_new(list, json_stringn(one.ptr, one.len)) == 0;
    }
    return dbk_json_put(doc, "scopes", ok ? list : NULL, err);
}

/* The file's name is a hash of who logs in where for what, whatever the passphrase. */
static dbk_status name_of(const dbk_cache_key *key, char out[65], dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_buf text = {0};
    json_t *doc = json_object();
    DBK_TRY(doc != NULL ? DBK_OK : dbk_error_oom(err, "a file name"));
    DBK_TRY(dbk_json_put_str(doc, "host", key->origin, err));
    DBK_TRY(dbk_json_put_str(doc, "client_id", key->client_id, err));
    DBK_TRY(put_scopes(doc, key->scopes, err));
    DBK_TRY(dbk_json_write(doc, &text, err));
    DBK_TRY(hex_digest(dbk_buf_slice(&text), out, err));
done:
    json_decref(doc);
    dbk_buf_reset(&text);
    return st;
}

/* "" when there is none: then nothing is kept. */
static dbk_status config_dir(dbk_str *out, dbk_error *err) {
    const char *xdg = getenv("XDG_CONFIG_HOME");
    const char *home = getenv("HOME");
    if (xdg != NULL && xdg[0] == '/') {
        return dbk_str_set(out, dbk_slice_of(xdg), err);
    }
    return home != NULL && home[0] != '\0'
               ? dbk_str_setf(out, err, "%s/.config", home)
               : dbk_error_set(err, DBK_INVALID_ARGUMENT, "there is no home directory");
}

/* String.hashCode of Java, for the ASCII that these texts are. */
static void java_hash(dbk_slice text, uint32_t *hash) {
    for (size_t i = 0; i < text.len; i++) {
        *hash = *hash * 31 + (unsigned char)text.ptr[i];
    }
}

/* Named after a hash of "host;client;scope,scope". Without a passphrase that driver keeps none. */
static dbk_status name_of_jdbc(dbk_cache *c, const dbk_cache_key *key, dbk_error *err) {
    const char *home = getenv("HOME");
    uint32_t hash = 0;
    if (dbk_slice_trim(key->passphrase).len == 0 || home == NULL || home[0] == '\0') {
        return DBK_OK;
    }
    java_hash(key->origin, &hash);
    java_hash(DBK_SLICE(";"), &hash);
    java_hash(key->client_id, &hash);
    java_hash(DBK_SLICE(";"), &hash);
    for (size_t i = 0; i < key->scopes.len; i++) {
        char one = key->scopes.ptr[i] == ' ' ? ',' : key->scopes.ptr[i];
        java_hash(dbk_slice_n(&one, 1), &hash);
    }
    return dbk_str_setf(&c->jdbc_file, err, "%s/.config/databricks-jdbc/oauth/token-cache-%x", home,
                        (unsigned)(hash & 0x7FFFFFFFu));
}

/* Keeps others of this machine from reading a copied file; nobody who can read this user's files. */
static dbk_status default_passphrase(dbk_secret *out, dbk_error *err) {
    char machine[64] = "";
    char text[512];
    char hex[65];
    FILE *f = fopen("/etc/machine-id", "re");
    if (f != NULL) {
        (void)!fgets(machine, sizeof machine, f);
        (void)fclose(f);
    }
    const char *home = getenv("HOME");
    (void)snprintf(text, sizeof text, "dbkernel/token-cache/v1|%u|%.63s|%.300s", (unsigned)getuid(),
                   machine, home != NULL ? home : "");
    dbk_status st = hex_digest(dbk_slice_of(text), hex, err);
    st = st == DBK_OK ? dbk_secret_set(out, dbk_slice_of(hex), err) : st;
    dbk_wipe(text, sizeof text);
    dbk_wipe(hex, sizeof hex);
    return st;
}

static dbk_status fill(dbk_cache *c, const dbk_cache_key *key, dbk_error *err) {
    dbk_status st = DBK_OK;
    char name[65];
    dbk_str dir = {0};
    DBK_TRY(name_of(key, name, err));
    DBK_TRY(config_dir(&dir, err));
    DBK_TRY(dbk_str_setf(&c->file, err, "%s/%s/%s.json", dir.ptr, shared_dir, name));
    DBK_TRY(dbk_str_setf(&c->own_file, err, "%s/%s/%s.json", dir.ptr, own_dir, name));
    DBK_TRY(dbk_str_setf(&c->lock_file, err, "%s/%s/%s.lock", dir.ptr, own_dir, name));
    DBK_TRY(dbk_str_set(&c->scopes, key->scopes, err));
    DBK_TRY(name_of_jdbc(c, key, err));
    if (dbk_slice_trim(key->passphrase).len > 0) {
        DBK_TRY(dbk_secret_set(&c->passphrase, key->passphrase, err));
    } else {
        DBK_TRY(default_passphrase(&c->passphrase, err));
    }
done:
    dbk_str_reset(&dir);
    return st;
}

bool dbk_cache_init(dbk_cache *c, const dbk_cache_key *key) {
    dbk_error err = {0};
    *c = (dbk_cache){.lock_fd = -1};
    bool ok = fill(c, key, &err) == DBK_OK;
    dbk_error_reset(&err);
    if (!ok) {
        dbk_cache_reset(c);
    }
    return ok;
}

void dbk_cache_reset(dbk_cache *c) {
    dbk_cache_unlock(c);
    dbk_str_reset(&c->file);
    dbk_str_reset(&c->own_file);
    dbk_str_reset(&c->lock_file);
    dbk_str_reset(&c->jdbc_file);
    dbk_str_reset(&c->scopes);
    dbk_secret_reset(&c->passphrase);
    *c = (dbk_cache){.lock_fd = -1};
}

/* ---- the format ---- */

static bool derive(dbk_slice passphrase, dbk_slice salt, unsigned char key[KEY]) {
    return passphrase.len <= INT32_MAX &&
           PKCS5_PBKDF2_HMAC(passphrase.ptr, (int)passphrase.len, (const unsigned char *)salt.ptr,
                             (int)salt.len, ROUNDS, EVP_sha256(), KEY, key) == 1;
}

/* AES-256-CBC, either way; out has room for in.len + 16. */
static bool run_cipher(bool encrypt, const unsigned char *key, const unsigned char *iv,
                       dbk_slice in, dbk_buf *out) {
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int n = 0;
    int rest = 0;
    unsigned char *to = (unsigned char *)out->ptr + out->len;
    bool ok = ctx != NULL && in.len <= MAX_FILE &&
              EVP_CipherInit_ex(ctx, EVP_aes_256_cbc(), NULL, key, iv, encrypt ? 1 : 0) == 1 &&
              EVP_CipherUpdate(ctx, to, &n, (const unsigned char *)in.ptr, (int)in.len) == 1 &&
              EVP_CipherFinal_ex(ctx, to + n, &rest) == 1;
    EVP_CIPHER_CTX_free(ctx);
    out->len += ok ? (size_t)n + (size_t)rest : 0;
    return ok;
}

static bool unpack(dbk_slice text, dbk_buf *raw) {
    dbk_base64 decoder = {0};
    dbk_error err = {0};
    bool ok = text.len <= MAX_FILE && dbk_base64_feed(&decoder, text, raw, &err) == DBK_OK &&
              dbk_base64_end(&decoder, &err) == DBK_OK;
    dbk_error_reset(&err);
    return ok;
}

static dbk_slice cut_off(dbk_slice *s, size_t n) {
    dbk_slice head = dbk_slice_n(s->ptr, n);
    *s = dbk_slice_n(s->ptr + n, s->len - n);
    return head;
}

bool dbk_cache_decrypt(dbk_slice text, dbk_slice passphrase, dbk_slice salt, dbk_buf *plain) {
    dbk_error err = {0};
    dbk_buf raw = {0};
    unsigned char key[KEY];
    size_t head = IV + (salt.len == 0 ? SALT : 0);
    (void)ERR_set_mark();
    bool ok = unpack(text, &raw) && raw.len >= head + 16 &&
              dbk_buf_reserve(plain, raw.len + 16, &err) == DBK_OK;
    if (ok) {
        dbk_slice rest = dbk_buf_slice(&raw);
        salt = salt.len == 0 ? cut_off(&rest, SALT) : salt;
        dbk_slice iv = cut_off(&rest, IV);
        ok = derive(passphrase, salt, key) &&
             run_cipher(false, key, (const unsigned char *)iv.ptr, rest, plain);
    }
    (void)ERR_pop_to_mark();
    dbk_wipe(key, sizeof key);
    dbk_buf_reset(&raw);
    dbk_error_reset(&err);
    return ok;
}

/* Not "encrypt": unistd.h of musl has a function of that name. */
static dbk_status encrypt_text(dbk_slice plain, dbk_slice passphrase, dbk_buf *text,
                               dbk_error *err) {
    dbk_buf raw = {0};
    unsigned char key[KEY];
    dbk_status st = dbk_buf_reserve(&raw, SALT + IV + plain.len + 16, err);
    st = st == DBK_OK ? dbk_random(raw.ptr, SALT + IV, err) : st;
    if (st == DBK_OK) {
        const unsigned char *iv = (const unsigned char *)raw.ptr + SALT;
        raw.len = SALT + IV;
        bool ok = derive(passphrase, dbk_slice_n(raw.ptr, SALT), key) &&
                  run_cipher(true, key, iv, plain, &raw);
        st = ok ? dbk_base64_put(dbk_buf_slice(&raw), text, err) : dbk_error_oom(err, "encrypting");
    }
    dbk_wipe(key, sizeof key);
    dbk_buf_reset(&raw);
    return st;
}

/* The Rust kernel's word for it, else the JDBC driver's. */
static bool read_text(const json_t *doc, const char *name, const char *jdbc, dbk_slice *out) {
    return dbk_json_str(doc, name, out) == DBK_JSON_OK ||
           dbk_json_str(doc, jdbc, out) == DBK_JSON_OK;
}

static bool read_object(const json_t *doc, const dbk_clock *clock, dbk_token *t) {
    dbk_error err = {0};
    dbk_slice access;
    dbk_slice refresh;
    dbk_slice end;
    int64_t end_ms = 0;
    int64_t stale_s = 0;
    bool ok = read_text(doc, "access_token", "accessToken", &access) &&
              read_text(doc, "refresh_token", "refreshToken", &refresh) && refresh.len > 0 &&
              read_text(doc, "expires_at", "expiry", &end) && dbk_parse_rfc3339(end, &end_ms) &&
              dbk_token_text_valid(access) && dbk_secret_set(&t->access, access, &err) == DBK_OK &&
              dbk_secret_set(&t->refresh, refresh, &err) == DBK_OK;
    if (ok) {
        dbk_token_set_end(t, clock, 0, end_ms);
        if (dbk_json_i64(doc, "stale_threshold_seconds", &stale_s) == DBK_JSON_OK && stale_s > 0 &&
            stale_s <= 1200) { /* half of its life, or the largest there is */
            t->life_ms = dbk_max_u64(t->life_ms, (uint64_t)stale_s * 2000);
        }
    }
    dbk_error_reset(&err);
    return ok;
}

bool dbk_cache_parse(dbk_slice plain, const dbk_clock *clock, dbk_token *out) {
    dbk_error err = {0};
    json_t *doc = NULL;
    dbk_token t = {0};
    bool ok = dbk_json_parse(plain, &doc, &err) == DBK_OK;
    if (ok) {
        ok = read_object(doc, clock, &t);
        dbk_json_wipe(doc);
    }
    if (ok) {
        dbk_token_move(out, &t);
    }
    dbk_token_reset(&t);
    dbk_error_reset(&err);
    return ok;
}

static dbk_status write_object(const dbk_cache *c, const dbk_token *t, dbk_buf *plain,
                               dbk_error *err) {
    dbk_status st = DBK_OK;
    char end[DBK_UTC_US_SIZE];
    json_t *doc = json_object();
    DBK_TRY(doc != NULL ? DBK_OK : dbk_error_oom(err, "a token cache"));
    dbk_format_utc_us(t->ends_wall_ms * 1000, end);
    DBK_TRY(dbk_json_put_str(doc, "access_token", dbk_secret_slice(&t->access), err));
    DBK_TRY(dbk_json_put_str(doc, "token_type", DBK_SLICE("bearer"), err));
    DBK_TRY(dbk_json_put_str(doc, "refresh_token", dbk_secret_slice(&t->refresh), err));
    DBK_TRY(dbk_json_put_str(doc, "expires_at", dbk_slice_of(end), err));
    DBK_TRY(put_scopes(doc, dbk_str_slice(&c->scopes), err));
    DBK_TRY(dbk_json_put_i64(doc, "stale_threshold_seconds",
                             (int64_t)dbk_min_u64(t->life_ms / 2000, 1200), err));
    DBK_TRY(
        dbk_buf_reserve(plain, 1024 + 6 * (t->access.len + t->refresh.len + c->scopes.len), err));
    DBK_TRY(dbk_json_write(doc, plain, err));
done:
    dbk_json_wipe(doc);
    return st;
}

/* ---- files ---- */

static bool make_dirs(const char *file) {
    char path[4096];
    size_t len = strlen(file);
    if (len >= sizeof path) {
        return false;
    }
    for (size_t i = 1; i < len; i++) {
        if (file[i] == '/') {
            (void)snprintf(path, sizeof path, "%.*s", (int)i, file);
            (void)mkdir(path, 0700); /* its absence shows when the file is opened */
        }
    }
    return true;
}

/* Of a regular file that belongs to this user alone. errno otherwise (EACCES: not alone). */
static int read_private(const char *path, dbk_buf *out) {
    struct stat st;
    dbk_error err = {0};
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    int failed = fd < 0 || fstat(fd, &st) != 0 ? errno : 0;
    if (failed == 0 &&
        (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 077u) != 0)) {
        failed = EACCES;
    }
    if (failed == 0 && (st.st_size > MAX_FILE || dbk_buf_reserve(out, MAX_FILE, &err) != DBK_OK)) {
        failed = EFBIG;
    }
    ssize_t n = failed == 0 ? read(fd, out->ptr, MAX_FILE) : -1;
    out->len = n > 0 ? (size_t)n : 0;
    if (fd >= 0) {
        (void)close(fd);
    }
    dbk_error_reset(&err);
    return failed == 0 && n < 0 ? EIO : failed;
}

static bool open_text(dbk_slice text, const dbk_cache *c, dbk_slice salt, const dbk_clock *clock,
                      dbk_token *out) {
    dbk_buf plain = {0};
    bool ok = dbk_cache_decrypt(text, dbk_secret_slice(&c->passphrase), salt, &plain) &&
              dbk_cache_parse(dbk_buf_slice(&plain), clock, out);
    dbk_buf_wipe(&plain);
    return ok;
}

/* 1: read; 0: there is none; -1: there is one that is not for us. */
static int read_from(const char *path, const dbk_cache *c, const dbk_clock *clock, dbk_token *out) {
    dbk_buf text = {0};
    int failed = read_private(path, &text);
    int got = failed == ENOENT || failed == ENOTDIR ? 0 : -1;
    if (failed == EACCES) {
        DBK_LOG(WARN, NULL, "Token cache at \"%s\" is not private to this user; ignoring it", path);
    } else if (failed == 0 && open_text(dbk_buf_slice(&text), c, (dbk_slice){0}, clock, out)) {
        got = 1;
    } else if (failed == 0) {
        DBK_LOG(WARN, NULL,
                "Token cache at \"%s\" could not be decrypted (wrong passphrase, or the file is "
                "corrupt); ignoring it and re-authenticating",
                path);
    }
    dbk_buf_wipe(&text);
    return got;
}

/* Older versions of that driver have one salt for everybody. */
static bool read_jdbc(const dbk_cache *c, const dbk_clock *clock, dbk_token *out) {
    dbk_buf text = {0};
    bool ok = c->jdbc_file.len > 0 && read_private(c->jdbc_file.ptr, &text) == 0;
    ok = ok &&
         (open_text(dbk_buf_slice(&text), c, (dbk_slice){0}, clock, out) ||
          open_text(dbk_buf_slice(&text), c, DBK_SLICE("DatabricksJdbcTokenCache"), clock, out));
    if (ok) {
        DBK_LOG(INFO, NULL, "using the browser login of the JDBC driver (%s)", c->jdbc_file.ptr);
    }
    dbk_buf_wipe(&text);
    return ok;
}

bool dbk_cache_read(dbk_cache *c, const dbk_clock *clock, dbk_token *out) {
    int got = read_from(c->file.ptr, c, clock, out);
    c->foreign = got < 0;
    return got > 0 || (c->foreign && read_from(c->own_file.ptr, c, clock, out) > 0) ||
           read_jdbc(c, clock, out);
}

static bool write_private(const char *path, dbk_slice text) {
    char tmp[4200];
    if (!make_dirs(path) || snprintf(tmp, sizeof tmp, "%s.tmp", path) >= (int)sizeof tmp) {
        return false;
    }
    (void)unlink(tmp);
    int fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool ok = fd >= 0 && write(fd, text.ptr, text.len) == (ssize_t)text.len;
    ok = fd >= 0 && close(fd) == 0 && ok;
    ok = ok && rename(tmp, path) == 0;
    if (!ok && fd >= 0) {
        (void)unlink(tmp);
    }
    return ok;
}

void dbk_cache_write(dbk_cache *c, const dbk_token *t) {
    dbk_error err = {0};
    dbk_buf plain = {0};
    dbk_buf text = {0};
    const char *path = c->foreign ? c->own_file.ptr : c->file.ptr;
    bool ok = write_object(c, t, &plain, &err) == DBK_OK &&
              encrypt_text(dbk_buf_slice(&plain), dbk_secret_slice(&c->passphrase), &text, &err) ==
                  DBK_OK;
    if (!ok || !write_private(path, dbk_buf_slice(&text))) {
        DBK_LOG(WARN, NULL, "Token cache at \"%s\" could not be written: %s", path,
                ok ? strerror(errno) : dbk_error_message(&err));
    }
    dbk_buf_wipe(&plain);
    dbk_buf_reset(&text);
    dbk_error_reset(&err);
}

void dbk_cache_remove(dbk_cache *c) {
    (void)unlink(c->foreign ? c->own_file.ptr : c->file.ptr);
}

/* ---- other processes ---- */

void dbk_cache_lock(dbk_cache *c, bool (*give_up)(void *ctx), void *ctx) {
    if (!make_dirs(c->lock_file.ptr)) {
        return;
    }
    c->lock_fd = open(c->lock_file.ptr, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    while (c->lock_fd >= 0 && flock(c->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK || give_up(ctx)) {
            dbk_cache_unlock(c);
            return;
        }
        (void)usleep(20000);
    }
}

void dbk_cache_unlock(dbk_cache *c) {
    if (c->lock_fd >= 0) {
        (void)close(c->lock_fd);
        c->lock_fd = -1;
    }
}
