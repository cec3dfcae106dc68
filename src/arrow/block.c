#include "arrow/block.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#include "arrow/lz4.h"
#include "arrow/pages.h"

#if defined(__SANITIZE_ADDRESS__)
#    define BLOCK_ASAN 1
#elif defined(__has_feature)
#    if __has_feature(address_sanitizer)
#        define BLOCK_ASAN 1
#    endif
#endif
#ifdef BLOCK_ASAN
#    include <sanitizer/asan_interface.h>
#endif

#define HUGE_PAGE DBK_PAGES_HUGE
#define PAGE      DBK_PAGES_SIZE
#define MAP_FROM  ((size_t)1 << 20) /* smaller blocks come from the heap */
#define MAP_SLACK \
    (((size_t)4 << 20) + DBK_BLOCK_FRONT) /* address space behind a mapping, see map_size */
/* Memory that was handed to a garbage collector comes back late and all at once: so much of it is kept. */
#define GIVEN_BYTES ((size_t)64 << 20)
#define POOL_SLOTS  16
#define COPY_FROM   ((size_t)1 << 20) /* less is not worth the calls, see dbk_pages_copy */
#define MAP_MAX     (SIZE_MAX / 4)

/* LZ4F decodes straight into the destination only while a whole LZ4 block (up to 4 MiB) could fit,
 * and through a buffer of its own otherwise. So a mapping has MAP_SLACK more address space than was
 * asked for: the last LZ4 block of a chunk lands in place too. Pages that nobody touches cost
 * nothing, so the slack is charged only when it is used. */
typedef struct mapping {
    uint8_t *base;
    size_t size;   /* multiple of HUGE_PAGE; base is mapped for size + MAP_SLACK */
    size_t backed; /* so far the kernel was asked for pages; multiple of PAGE */
} mapping;

struct dbk_block {
    atomic_size_t refs;
    uint8_t *data;
    size_t size;   /* bytes that may be used, slack included */
    size_t wanted; /* bytes that were asked for and will be written */
    size_t used;
    size_t charge;
    bool given;
    bool
        lasting; /* readers keep more than the pool's bound: this one will not be used again soon */
    dbk_block_owner owner;
    mapping map; /* base NULL: not mapped */
};

/* The warm pool. Page faults are the largest avoidable cost of a download: reusing a mapping that
 * is already backed halves the CPU time of a fetch. Invariant: kept + in use <= the bound (pool_bound)
 * or nothing is kept. */
static struct {
    dbk_mutex lock;
    size_t mapped_bytes; /* in use and kept; without what was given */
    size_t givers;       /* streams that give */
    size_t kept_bytes;
    size_t count;
    mapping kept[POOL_SLOTS];
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* A child of fork gets the pool in one piece, not locked by a thread that it does not have. */
static void fork_lock(void) {
    dbk_mutex_lock(&pool.lock);
}

static void fork_unlock(void) {
    dbk_mutex_unlock(&pool.lock);
}

static void fork_prepare(void) {
    (void)pthread_atfork(fork_lock, fork_unlock, fork_unlock);
}

static pthread_once_t fork_once = PTHREAD_ONCE_INIT;

/* ---- poison: ASan sees reads behind what was written ---- */

static void poison(const void *p, size_t n) {
#ifdef BLOCK_ASAN
    ASAN_POISON_MEMORY_REGION(p, n);
#else
    (void)p;
    (void)n;
#endif
}

static void unpoison(const void *p, size_t n) {
#ifdef BLOCK_ASAN
    ASAN_UNPOISON_MEMORY_REGION(p, n);
#else
    (void)p;
    (void)n;
#endif
}

/* ---- mappings ---- */

static size_t map_size(const mapping *m) {
    return m->size + MAP_SLACK;
}

static bool map_new(size_t size, mapping *out) {
    size_t whole = size + MAP_SLACK + HUGE_PAGE;
    void *p = mmap(NULL, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) {
        return false;
    }
    uint8_t *start = p;
    size_t head = (HUGE_PAGE - (uintptr_t)p % HUGE_PAGE) % HUGE_PAGE;
    if (head > 0) {
        (void)munmap(start, head);
    }
    (void)munmap(start + head + size + MAP_SLACK, HUGE_PAGE - head);
    *out = (mapping){start + head, size, 0};
    return true;
}

static void map_free(mapping m) {
    unpoison(m.base, map_size(&m));
    (void)munmap(m.base, map_size(&m));
}

static size_t pool_bound(void) {
    return DBK_BLOCK_POOL_BYTES + (pool.givers > 0 ? GIVEN_BYTES : 0);
}

static bool pool_exceeded(void) {
    dbk_mutex_lock(&pool.lock);
    bool exceeded = pool.mapped_bytes > pool_bound();
    dbk_mutex_unlock(&pool.lock);
    return exceeded;
}

static void pool_close_gap_locked(size_t at) {
    pool.count--;
    for (size_t i = at; i < pool.count; i++) {
        pool.kept[i] = pool.kept[i + 1];
    }
}

/* Takes kept mappings out until the rest fits into the pool's bound; caller unmaps them. */
static size_t pool_evict_locked(size_t bound, mapping *out) {
    size_t n = 0;
    while (pool.count > 0 && pool.mapped_bytes > bound) {
        mapping m = pool.kept[0];
        pool_close_gap_locked(0);
        pool.kept_bytes -= m.size;
        pool.mapped_bytes -= m.size;
        out[n++] = m;
    }
    return n;
}

/* The smallest kept mapping that is large enough and less than twice too large. */
static bool pool_take_locked(size_t size, mapping *out) {
    size_t best = POOL_SLOTS;
    for (size_t i = 0; i < pool.count; i++) {
        size_t have = pool.kept[i].size;
        if (have >= size && have / 2 <= size &&
            (best == POOL_SLOTS || have < pool.kept[best].size)) {
            best = i;
        }
    }
    if (best == POOL_SLOTS) {
        return false;
    }
    *out = pool.kept[best];
    pool_close_gap_locked(best);
    pool.kept_bytes -= out->size;
    return true;
}

static bool pool_get(size_t size, mapping *out) {
    mapping evicted[POOL_SLOTS];
    size_t evicted_count = 0;
    (void)pthread_once(&fork_once, fork_prepare);
    dbk_mutex_lock(&pool.lock);
    bool found = pool_take_locked(size, out);
    if (!found) { /* what is kept has the wrong size: it makes room for what is needed now */
        size_t before = pool.mapped_bytes;
        pool.mapped_bytes += size;
        evicted_count = pool_evict_locked(dbk_min_size(before, pool_bound()), evicted);
    }
    dbk_mutex_unlock(&pool.lock);
    for (size_t i = 0; i < evicted_count; i++) {
        map_free(evicted[i]);
    }
    if (!found && !map_new(size, out)) {
        dbk_mutex_lock(&pool.lock);
        pool.mapped_bytes -= size;
        dbk_mutex_unlock(&pool.lock);
        return false;
    }
    return true;
}

static void pool_put(mapping m, bool given) {
    dbk_mutex_lock(&pool.lock);
    pool.mapped_bytes += given ? m.size : 0;
    bool keep = pool.mapped_bytes <= pool_bound() && pool.count < POOL_SLOTS;
    if (keep) {
        pool.kept[pool.count++] = m;
        pool.kept_bytes += m.size;
    } else {
        pool.mapped_bytes -= m.size;
    }
    dbk_mutex_unlock(&pool.lock);
    if (!keep) {
        map_free(m);
    }
}

/* givers: change of their number. */
static void pool_shrink(int givers, bool to_nothing) {
    mapping evicted[POOL_SLOTS];
    dbk_mutex_lock(&pool.lock);
    pool.givers += (size_t)givers;
    size_t n = pool_evict_locked(to_nothing ? 0 : pool_bound(), evicted);
    dbk_mutex_unlock(&pool.lock);
    for (size_t i = 0; i < n; i++) {
        map_free(evicted[i]);
    }
}

void dbk_block_pool_giver(bool begins) {
    pool_shrink(begins ? 1 : -1, false);
}

void dbk_block_pool_trim(void) {
    pool_shrink(0, true);
    dbk_lz4_pool_trim(); /* the other memory that is kept for reuse */
}

size_t dbk_block_pool_bytes(void) {
    dbk_mutex_lock(&pool.lock);
    size_t n = pool.kept_bytes;
    dbk_mutex_unlock(&pool.lock);
    return n;
}

/* ---- blocks ---- */

/* Asks for the pages that will be written next. Only those within what was asked for: a reader that keeps
 * what it reads would keep the others. */
static void block_back(dbk_block *b, size_t end) {
    mapping *m = &b->map;
    size_t limit = dbk_min_size(b->wanted, m->size) / PAGE * PAGE;
    while (m->base != NULL && m->backed < dbk_min_size(end, limit)) {
        size_t to_next = HUGE_PAGE - m->backed % HUGE_PAGE;
        size_t size = dbk_min_size(to_next, limit - m->backed);
        dbk_pages_back(m->base + m->backed, size);
        m->backed += size;
    }
}

static dbk_status block_map(dbk_block *b, size_t size, dbk_error *err) {
    size_t rounded = (size + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
    if (!pool_get(rounded, &b->map)) {
        return dbk_error_oom(err, "mapping a block of decoded bytes");
    }
    b->data = b->map.base;
    b->size = map_size(&b->map);
    b->wanted = size;
    b->charge = b->map.size;
    b->lasting = pool_exceeded();
    return DBK_OK;
}

/* Struct and bytes in one piece of heap. */
static dbk_block *block_heap(size_t size) {
    char *heap = dbk_alloc(sizeof(dbk_block) + size + DBK_BLOCK_ALIGN - 1);
    if (heap == NULL) {
        return NULL;
    }
    dbk_block *b = (dbk_block *)(void *)heap;
    uint8_t *data = (uint8_t *)heap + sizeof *b;
    data += (DBK_BLOCK_ALIGN - (uintptr_t)data % DBK_BLOCK_ALIGN) % DBK_BLOCK_ALIGN;
    *b = (dbk_block){.data = data, .size = size, .charge = size};
    return b;
}

dbk_status dbk_block_new(size_t size, dbk_block_owner owner, dbk_block **out, dbk_error *err) {
    dbk_block *b = NULL;
    if (size < MAP_FROM) {
        b = block_heap(size);
    } else if (size <= MAP_MAX) {
        b = dbk_alloc_zero(sizeof *b);
    }
    if (b == NULL) {
        return dbk_error_oom(err, "allocating a block of decoded bytes");
    }
    if (size >= MAP_FROM) {
        dbk_status st = block_map(b, size, err);
        if (st != DBK_OK) {
            dbk_free(b);
            return st;
        }
    }
    b->owner = owner;
    atomic_init(&b->refs, 1);
    poison(b->data, b->size);
    *out = b;
    return DBK_OK;
}

dbk_block *dbk_block_ref(dbk_block *b) {
    size_t old = atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
    DBK_ASSERT(old > 0 && old < SIZE_MAX / 2);
    (void)old;
    return b;
}

void dbk_block_unref(dbk_block *b) {
    if (b == NULL || atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) != 1) {
        return;
    }
    dbk_block_owner owner = b->owner;
    size_t charge = b->charge;
    unpoison(b->data, b->size);
    if (b->map.base != NULL) {
        pool_put(b->map, b->given);
    }
    dbk_free(b);
    if (owner.released != NULL) {
        owner.released(owner.ctx, charge);
    }
}

void dbk_block_give(dbk_block *b) {
    if (b->map.base != NULL && !b->given) {
        b->given = true;
        dbk_mutex_lock(&pool.lock);
        pool.mapped_bytes -= b->map.size;
        dbk_mutex_unlock(&pool.lock);
    }
}

void *dbk_block_alloc(dbk_block *b, size_t size) {
    size_t start = (b->used + DBK_BLOCK_ALIGN - 1) / DBK_BLOCK_ALIGN * DBK_BLOCK_ALIGN;
    if (start > b->size || b->size - start < size) {
        return NULL;
    }
    b->used = start + size;
    block_back(b, b->used);
    unpoison(b->data + start, size);
    return b->data + start;
}

size_t dbk_block_room(const dbk_block *b) {
    return b->size - b->used;
}

uint8_t *dbk_block_tail(dbk_block *b, size_t *room) {
    *room = dbk_block_room(b);
    block_back(b, b->used + MAP_SLACK); /* as far as one LZ4 block reaches */
    unpoison(b->data + b->used, *room);
    return b->data + b->used;
}

void dbk_block_advance(dbk_block *b, size_t n) {
    DBK_ASSERT(n <= b->size - b->used);
    b->used += n;
    if (b->used > b->charge) { /* into the slack */
        b->charge = (b->used + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
    }
    poison(b->data + b->used, b->size - b->used);
}

bool dbk_block_copies(const dbk_block *b) {
    return b->lasting && b->map.backed <= b->used && dbk_pages_copies();
}

static size_t to_page(size_t n) {
    return (n + PAGE - 1) / PAGE * PAGE;
}

/* Whole pages are made with their content; what lies on the pages at both ends is written. */
static void append_pages(dbk_block *b, const uint8_t *p, size_t n) {
    uint8_t *dst = b->data + b->used;
    size_t head = dbk_min_size(n, to_page(b->used) - b->used);
    size_t whole = (n - head) / PAGE * PAGE;
    unpoison(dst, n);
    memcpy(dst, p, head);
    if (whole > 0 && !dbk_pages_copy(dst + head, p + head, whole)) {
        whole = 0;
    }
    memcpy(dst + head + whole, p + head + whole, n - head - whole);
    b->map.backed = to_page(b->used + n);
}

void dbk_block_append(dbk_block *b, const uint8_t *p, size_t n) {
    if (n >= COPY_FROM && dbk_block_copies(b)) {
        append_pages(b, p, n);
    } else {
        size_t room = 0;
        memcpy(dbk_block_tail(b, &room), p, n);
    }
    dbk_block_advance(b, n);
}

uint8_t *dbk_block_data(dbk_block *b) {
    return b->data;
}

uint8_t *dbk_block_at(dbk_block *b, size_t offset, size_t n) {
    if (offset > b->size || b->size - offset < n) {
        return NULL;
    }
    unpoison(b->data + offset, n);
    return b->data + offset;
}

size_t dbk_block_used(const dbk_block *b) {
    return b->used;
}

size_t dbk_block_charge(const dbk_block *b) {
    return b->charge;
}
