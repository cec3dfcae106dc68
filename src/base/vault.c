#include "base/vault.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/secret.h"
#include "base/thread.h"

#if defined(__SANITIZE_ADDRESS__)
#    define WATCHED 1
#elif defined(__has_feature)
#    if __has_feature(address_sanitizer)
#        define WATCHED 1
#    endif
#endif
#if defined(WATCHED) /* nobody else tells it which bytes are taken */
#    include <sanitizer/asan_interface.h>
#    define FORBID(p, n) __asan_poison_memory_region(p, n)
#    define PERMIT(p, n) __asan_unpoison_memory_region(p, n)
#else
#    define FORBID(p, n) ((void)(p), (void)(n))
#    define PERMIT(p, n) ((void)(p), (void)(n))
#endif

#define CELL  64u
#define CELLS 256u /* of a room: 16 KiB, so that locking it takes little of the process's limit */
#define ROOM  (CELL * CELLS)

/* A mapping cut into cells; what needs more than a quarter of one has a mapping of its own. */
typedef struct room {
    struct room *next;
    unsigned char *memory;
    size_t taken; /* cells */
    bool cells[CELLS];
} room;

static struct {
    dbk_mutex lock;
    room *rooms; /* none without secrets */
    size_t used;
} vault = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void lock_vault(void) {
    dbk_mutex_lock(&vault.lock);
}

static void unlock_vault(void) {
    dbk_mutex_unlock(&vault.lock);
}

/* Secrets are copied under locks of other rooms, who watch forks too: the handler that is registered first
 * locks last. */
__attribute__((constructor)) static void watch_forks(void) {
    (void)pthread_atfork(lock_vault, unlock_vault, unlock_vault);
}

/* ---- mappings ---- */

static size_t whole_pages(size_t size) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    return (size + page - 1) / page * page;
}

/* Where it cannot be kept out of dumps or swap it is memory like any other. */
static void *map(size_t size) {
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) {
        return NULL;
    }
    (void)madvise(p, size, MADV_DONTDUMP);
    (void)mlock(p, size);
    return p;
}

static void unmap(void *p, size_t size) {
    PERMIT(p, size);
    (void)munmap(p, size);
}

/* ---- rooms ---- */

static size_t cells_of(size_t size) {
    return (size + CELL - 1) / CELL;
}

/* The first of `count` free cells in a row; CELLS: there are none. */
static size_t find_cells(const room *r, size_t count) {
    size_t run = 0;
    for (size_t i = 0; i < CELLS; i++) {
        run = r->cells[i] ? 0 : run + 1;
        if (run == count) {
            return i + 1 - count;
        }
    }
    return CELLS;
}

static void mark(room *r, size_t first, size_t count, bool taken) {
    for (size_t i = first; i < first + count; i++) {
        r->cells[i] = taken;
    }
    r->taken = taken ? r->taken + count : r->taken - count;
}

static room *add_room(void) {
    room *r = dbk_alloc_zero(sizeof *r);
    if (r != NULL) {
        r->memory = map(ROOM);
    }
    if (r == NULL || r->memory == NULL) {
        dbk_free(r);
        return NULL;
    }
    FORBID(r->memory, ROOM);
    r->next = vault.rooms;
    vault.rooms = r;
    return r;
}

static void *take_cells(size_t size) {
    size_t count = cells_of(size);
    room *r = vault.rooms;
    while (r != NULL && find_cells(r, count) == CELLS) {
        r = r->next;
    }
    r = r != NULL ? r : add_room();
    if (r == NULL) {
        return NULL;
    }
    size_t first = find_cells(r, count);
    mark(r, first, count, true);
    PERMIT(r->memory + first * CELL, size);
    return r->memory + first * CELL;
}

static void give_cells(unsigned char *p, size_t size) {
    room **at = &vault.rooms;
    while (p < (*at)->memory || p >= (*at)->memory + ROOM) {
        at = &(*at)->next;
    }
    room *r = *at;
    mark(r, (size_t)(p - r->memory) / CELL, cells_of(size), false);
    FORBID(p, cells_of(size) * CELL);
    if (r->taken == 0) {
        *at = r->next;
        unmap(r->memory, ROOM);
        dbk_free(r);
    }
}

/* ---- the door ---- */

void *dbk_vault_take(size_t size) {
    if (size > SIZE_MAX / 2 || dbk_alloc_denied()) {
        return NULL;
    }
    size = size > 0 ? size : 1;
    lock_vault();
    void *p = size > ROOM / 4 ? map(whole_pages(size)) : take_cells(size);
    vault.used += p != NULL ? size : 0;
    unlock_vault();
    return p;
}

void dbk_vault_give(void *p, size_t size) {
    if (p == NULL) {
        return;
    }
    size = size > 0 ? size : 1;
    dbk_wipe(p, size);
    lock_vault();
    vault.used -= size;
    if (size > ROOM / 4) {
        unmap(p, whole_pages(size));
    } else {
        give_cells(p, size);
    }
    unlock_vault();
}

size_t dbk_vault_used(void) {
    lock_vault();
    size_t used = vault.used;
    unlock_vault();
    return used;
}
