#include "net/roots.h"

/* A long-lived process sees a renewed file after this time. */
#define MAX_AGE_MS 3600000u

typedef struct parsed {
    dbk_str file;
    dbk_str dir;
    dbk_str name; /* of what was added */
    uint64_t loaded_ms;
    X509_STORE *store;
} parsed;

static struct {
    dbk_mutex lock;
    parsed system;
    parsed added;
} cache = {.lock = PTHREAD_MUTEX_INITIALIZER};

static bool same_text(const dbk_str *kept, const char *text) {
    return strcmp(dbk_str_or(kept, ""), text != NULL ? text : "") == 0;
}

static bool fresh(const parsed *p, const char *file, const char *dir, const char *name) {
    return p->store != NULL && dbk_clock_ms(&dbk_clock_system) - p->loaded_ms <= MAX_AGE_MS &&
           same_text(&p->file, file) && same_text(&p->dir, dir) && same_text(&p->name, name);
}

/* Takes store; without memory for its names nothing is kept. */
static void replace(parsed *p, const char *file, const char *dir, const char *name,
                    X509_STORE *store) {
    dbk_error ignored = {0};
    X509_STORE_free(p->store);
    p->store = NULL;
    if (dbk_str_set(&p->file, dbk_slice_of(file), &ignored) == DBK_OK &&
        dbk_str_set(&p->dir, dbk_slice_of(dir), &ignored) == DBK_OK &&
        dbk_str_set(&p->name, dbk_slice_of(name), &ignored) == DBK_OK) {
        p->store = store;
        p->loaded_ms = dbk_clock_ms(&dbk_clock_system);
    } else {
        X509_STORE_free(store);
    }
    dbk_error_reset(&ignored);
}

static X509_STORE *another(const parsed *p) {
    if (p->store != NULL) {
        (void)X509_STORE_up_ref(p->store);
    }
    return p->store;
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

X509_STORE *dbk_roots_system(const char *file, const char *dir) {
    dbk_mutex_lock(&cache.lock);
    if (!fresh(&cache.system, file, dir, NULL)) {
        replace(&cache.system, file, dir, NULL, load(file, dir));
    }
    X509_STORE *store = another(&cache.system);
    dbk_mutex_unlock(&cache.lock);
    return store;
}

X509_STORE *dbk_roots_kept(const char *file, const char *dir, const char *name) {
    dbk_mutex_lock(&cache.lock);
    X509_STORE *store = fresh(&cache.added, file, dir, name) ? another(&cache.added) : NULL;
    dbk_mutex_unlock(&cache.lock);
    return store;
}

void dbk_roots_keep(const char *file, const char *dir, const char *name, X509_STORE *store) {
    (void)X509_STORE_up_ref(store);
    dbk_mutex_lock(&cache.lock);
    replace(&cache.added, file, dir, name, store);
    dbk_mutex_unlock(&cache.lock);
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
