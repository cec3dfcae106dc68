#include "net/roots.h"

/* A long-lived process sees a renewed file after this time. */
#define MAX_AGE_MS 3600000u

static struct {
    dbk_mutex lock;
    dbk_str file;
    dbk_str dir;
    uint64_t loaded_ms;
    X509_STORE *store;
} cache = {.lock = PTHREAD_MUTEX_INITIALIZER};

static bool same_text(const dbk_str *kept, const char *text) {
    return strcmp(dbk_str_or(kept, ""), text != NULL ? text : "") == 0;
}

/* As curl sets them: a trusted leaf or intermediate is enough. */
static void set_flags(X509_STORE *store) {
    (void)X509_STORE_set_flags(store, X509_V_FLAG_TRUSTED_FIRST | X509_V_FLAG_PARTIAL_CHAIN);
}

static X509_STORE *load(const char *file, const char *dir) {
    X509_STORE *store = X509_STORE_new();
    if (store != NULL) {
        if (file != NULL) {
            (void)X509_STORE_load_file(store, file);
        }
        if (dir != NULL) {
            (void)X509_STORE_load_path(store, dir);
        }
        set_flags(store);
    }
    return store;
}

static void replace_locked(const char *file, const char *dir, uint64_t now) {
    dbk_error ignored = {0};
    X509_STORE_free(cache.store);
    cache.store = NULL;
    if (dbk_str_set(&cache.file, dbk_slice_of(file), &ignored) == DBK_OK &&
        dbk_str_set(&cache.dir, dbk_slice_of(dir), &ignored) == DBK_OK) {
        cache.store = load(file, dir);
        cache.loaded_ms = now;
    }
    dbk_error_reset(&ignored);
}

X509_STORE *dbk_roots_system(const char *file, const char *dir) {
    uint64_t now = dbk_clock_ms(&dbk_clock_system);
    dbk_mutex_lock(&cache.lock);
    if (cache.store == NULL || now - cache.loaded_ms > MAX_AGE_MS ||
        !same_text(&cache.file, file) || !same_text(&cache.dir, dir)) {
        replace_locked(file, dir, now);
    }
    X509_STORE *store = cache.store;
    if (store != NULL) {
        (void)X509_STORE_up_ref(store);
    }
    dbk_mutex_unlock(&cache.lock);
    return store;
}

static bool copy_certs(X509_STORE *from, X509_STORE *to) {
    bool ok = true;
    (void)X509_STORE_lock(from);
    STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(from);
    for (int i = 0; ok && i < sk_X509_OBJECT_num(objects); i++) {
        X509 *cert = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(objects, i));
        ok = cert == NULL || X509_STORE_add_cert(to, cert) == 1;
    }
    (void)X509_STORE_unlock(from);
    return ok;
}

X509_STORE *dbk_roots_copy(const char *file, const char *dir) {
    X509_STORE *system = dbk_roots_system(file, dir);
    X509_STORE *copy = system != NULL ? load(NULL, dir) : NULL;
    if (copy != NULL && !copy_certs(system, copy)) {
        X509_STORE_free(copy);
        copy = NULL;
    }
    X509_STORE_free(system);
    return copy;
}

void dbk_roots_before_fork(void) {
    dbk_mutex_lock(&cache.lock);
}

void dbk_roots_after_fork(void) {
    dbk_mutex_unlock(&cache.lock);
}
