#include "result/budget.h"

static atomic_size_t held;
static atomic_size_t limit = DBK_PROCESS_BUDGET;
static atomic_size_t waiting; /* shares in the list: a look without the lock */

static struct {
    dbk_mutex lock;
    pthread_once_t once;
    dbk_list waiters;
} process = {.lock = PTHREAD_MUTEX_INITIALIZER, .once = PTHREAD_ONCE_INIT};

/* A child of fork gets the list in one piece; what the parent's streams hold is in its memory too. */
static void fork_lock(void) {
    dbk_mutex_lock(&process.lock);
}

static void fork_unlock(void) {
    dbk_mutex_unlock(&process.lock);
}

static void begin(void) {
    dbk_list_init(&process.waiters);
    (void)pthread_atfork(fork_lock, fork_unlock, fork_unlock);
}

size_t dbk_process_bytes(void) {
    return atomic_load(&held);
}

size_t dbk_process_set_limit(size_t new_limit) {
    return atomic_exchange(&limit, new_limit);
}

bool dbk_process_has_room(size_t more) {
    size_t used = atomic_load(&held);
    size_t most = atomic_load(&limit);
    return used < most && more <= most - used;
}

/* The oldest waiter that still lives, referenced; NULL: none. */
static dbk_share *pop_waiter(void) {
    dbk_share *found = NULL;
    dbk_mutex_lock(&process.lock);
    dbk_node *n = dbk_list_pop_front(&process.waiters);
    while (n != NULL && found == NULL) {
        dbk_share *share = DBK_CONTAINER_OF(n, dbk_share, node);
        (void)atomic_fetch_sub(&waiting, 1);
        found = share->try_ref(share) ? share : NULL;
        n = found == NULL ? dbk_list_pop_front(&process.waiters) : NULL;
    }
    dbk_mutex_unlock(&process.lock);
    return found;
}

/* Each looks for itself whether the room is enough, and waits again when it is not. */
void dbk_process_wake(void) {
    size_t most = dbk_process_has_room(0) ? atomic_load(&waiting) : 0;
    for (size_t i = 0; i < most; i++) { /* those that come back meanwhile have their turn later */
        dbk_share *share = pop_waiter();
        if (share == NULL) {
            return;
        }
        share->wake(share);
    }
}

void dbk_share_set(dbk_share *share, size_t bytes) {
    size_t old = atomic_exchange(&share->bytes, bytes);
    (void)atomic_fetch_add(&held, bytes - old); /* modulo 2^64: right for less, too */
}

void dbk_share_wait(dbk_share *share) {
    (void)pthread_once(&process.once, begin);
    dbk_mutex_lock(&process.lock);
    if (!dbk_node_linked(&share->node)) {
        dbk_list_push_back(&process.waiters, &share->node);
        (void)atomic_fetch_add(&waiting, 1);
    }
    dbk_mutex_unlock(&process.lock);
}

void dbk_share_end(dbk_share *share) {
    dbk_mutex_lock(&process.lock);
    if (dbk_node_linked(&share->node)) {
        dbk_node_unlink(&share->node);
        (void)atomic_fetch_sub(&waiting, 1);
    }
    dbk_mutex_unlock(&process.lock);
    dbk_share_set(share, 0);
    dbk_process_wake();
}
