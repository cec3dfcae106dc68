/* The few functions that glibc 2.32 to 2.34 moved from libpthread and libdl to libc or gave a name of their own:
 * a library linked on a newer system asks for them there, and no older system could load it. Hidden
 * functions of these names, in front of glibc's, call the ones of old, which every newer glibc keeps. So the shared
 * libraries of the bundled variant load from glibc 2.28 on, as docs/bundled.md says. */
#include <dlfcn.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/stat.h>

#if defined __x86_64__
#    define FIRST \
        "GLIBC_2.2.5" /* the version of what glibc has had since the architecture is there */
#    define SINCE(version) version
#    define STAT_VERSION   1
#elif defined __aarch64__
#    define FIRST          "GLIBC_2.17"
#    define SINCE(version) FIRST
#    define STAT_VERSION   0
#else
#    error "old_glibc.c knows x86_64 and aarch64"
#endif

/* old_NAME is NAME as it was in that version. */
#define OLD(name, version)              \
    extern __typeof__(name) old_##name; \
    __asm__(".symver old_" #name "," #name "@" version)

OLD(pthread_condattr_setclock, SINCE("GLIBC_2.3.3"));
int pthread_condattr_setclock(pthread_condattr_t *attributes, clockid_t clock) {
    return old_pthread_condattr_setclock(attributes, clock);
}

OLD(pthread_create, FIRST);
int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                   void *argument) {
    return old_pthread_create(thread, attributes, run, argument);
}

OLD(pthread_detach, FIRST);
int pthread_detach(pthread_t thread) {
    return old_pthread_detach(thread);
}

OLD(pthread_join, FIRST);
int pthread_join(pthread_t thread, void **result) {
    return old_pthread_join(thread, result);
}

OLD(pthread_getspecific, FIRST);
void *pthread_getspecific(pthread_key_t key) {
    return old_pthread_getspecific(key);
}

OLD(pthread_setspecific, FIRST);
int pthread_setspecific(pthread_key_t key, const void *value) {
    return old_pthread_setspecific(key, value);
}

OLD(pthread_key_create, FIRST);
int pthread_key_create(pthread_key_t *key, void (*destroy)(void *)) {
    return old_pthread_key_create(key, destroy);
}

OLD(pthread_key_delete, FIRST);
int pthread_key_delete(pthread_key_t key) {
    return old_pthread_key_delete(key);
}

OLD(pthread_mutex_trylock, FIRST);
int pthread_mutex_trylock(pthread_mutex_t *mutex) {
    return old_pthread_mutex_trylock(mutex);
}

OLD(pthread_once, FIRST);
int pthread_once(pthread_once_t *once, void (*run)(void)) {
    return old_pthread_once(once, run);
}

OLD(pthread_rwlock_init, FIRST);
int pthread_rwlock_init(pthread_rwlock_t *lock, const pthread_rwlockattr_t *attributes) {
    return old_pthread_rwlock_init(lock, attributes);
}

OLD(pthread_rwlock_destroy, FIRST);
int pthread_rwlock_destroy(pthread_rwlock_t *lock) {
    return old_pthread_rwlock_destroy(lock);
}

OLD(pthread_rwlock_rdlock, FIRST);
int pthread_rwlock_rdlock(pthread_rwlock_t *lock) {
    return old_pthread_rwlock_rdlock(lock);
}

OLD(pthread_rwlock_wrlock, FIRST);
int pthread_rwlock_wrlock(pthread_rwlock_t *lock) {
    return old_pthread_rwlock_wrlock(lock);
}

OLD(pthread_rwlock_unlock, FIRST);
int pthread_rwlock_unlock(pthread_rwlock_t *lock) {
    return old_pthread_rwlock_unlock(lock);
}

OLD(pthread_setname_np, SINCE("GLIBC_2.12"));
int pthread_setname_np(pthread_t thread, const char *name) {
    return old_pthread_setname_np(thread, name);
}

OLD(pthread_sigmask, FIRST);
int pthread_sigmask(int how, const sigset_t *set, sigset_t *before) {
    return old_pthread_sigmask(how, set, before);
}

OLD(sem_init, FIRST);
int sem_init(sem_t *semaphore, int shared, unsigned value) {
    return old_sem_init(semaphore, shared, value);
}

OLD(sem_destroy, FIRST);
int sem_destroy(sem_t *semaphore) {
    return old_sem_destroy(semaphore);
}

OLD(sem_post, FIRST);
int sem_post(sem_t *semaphore) {
    return old_sem_post(semaphore);
}

OLD(sem_wait, FIRST);
int sem_wait(sem_t *semaphore) {
    return old_sem_wait(semaphore);
}

OLD(dladdr, FIRST);
int dladdr(const void *address, Dl_info *info) {
    return old_dladdr(address, info);
}

OLD(dlopen, FIRST);
void *dlopen(const char *file, int mode) {
    return old_dlopen(file, mode);
}

OLD(dlsym, FIRST);
void *dlsym(void *restrict library, const char *restrict name) {
    return old_dlsym(library, name);
}

/* stat and fstat were inline functions of these. */
int old_xstat(int version, const char *path, struct stat *status);
__asm__(".symver old_xstat,__xstat@" FIRST);
int stat(const char *restrict path, struct stat *restrict status) {
    return old_xstat(STAT_VERSION, path, status);
}

int old_fxstat(int version, int file, struct stat *status);
__asm__(".symver old_fxstat,__fxstat@" FIRST);
int fstat(int file, struct stat *status) {
    return old_fxstat(STAT_VERSION, file, status);
}
