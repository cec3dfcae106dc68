#include "arrow/block.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit.h"

typedef struct ledger {
    atomic_size_t bytes, calls;
} ledger;

static void count_released(void *ctx, size_t bytes) {
    ledger *l = ctx;
    atomic_fetch_add(&l->bytes, bytes);
    atomic_fetch_add(&l->calls, 1);
}

static dbk_block *make(size_t size, ledger *l) {
    dbk_error err = {0};
    dbk_block *b = NULL;
    CHECK_OK(dbk_block_new(size, (dbk_block_owner){l != NULL ? count_released : NULL, l}, &b, &err),
             &err);
    return b;
}

DBK_TEST(block_alloc_is_aligned_and_bounded) {
    static const size_t sizes[] = {0, 1, 63, 64, 1000, (size_t)1 << 20, (size_t)3 << 20};
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        dbk_block *b = make(sizes[i], NULL);
        void *all = dbk_block_alloc(b, sizes[i]);
        CHECK(all != NULL);
        CHECK_EQ_SIZE((uintptr_t)all % DBK_BLOCK_ALIGN, 0);
        memset(all, 0x5a, sizes[i]);
        CHECK(dbk_block_alloc(b, SIZE_MAX - 128) == NULL);
        CHECK(dbk_block_alloc(b, (size_t)64 << 20) == NULL);
        dbk_block_unref(b);
    }
}

DBK_TEST(block_pieces_are_aligned) {
    dbk_block *b = make(200, NULL);
    CHECK(dbk_block_alloc(b, 3) == dbk_block_data(b));
    CHECK(dbk_block_alloc(b, 3) == dbk_block_data(b) + 64);
    CHECK(dbk_block_alloc(b, 100) == NULL);
    CHECK(dbk_block_alloc(b, 72) == dbk_block_data(b) + 128);
    CHECK_EQ_SIZE(dbk_block_used(b), 200);
    dbk_block_unref(b);
}

DBK_TEST(block_owner_is_told_once) {
    ledger l = {0};
    dbk_block *small = make(1000, &l);
    dbk_block *large = make(((size_t)2 << 20) + 1, &l);
    CHECK_EQ_SIZE(dbk_block_charge(small), 1000);
    CHECK_EQ_SIZE(dbk_block_charge(large), (size_t)4 << 20);
    CHECK_EQ_SIZE((uintptr_t)dbk_block_data(large) % ((size_t)2 << 20), 0);
    dbk_block_unref(dbk_block_ref(small));
    CHECK_EQ_SIZE(atomic_load(&l.calls), 0);
    dbk_block_unref(small);
    dbk_block_unref(large);
    dbk_block_unref(NULL);
    CHECK_EQ_SIZE(atomic_load(&l.calls), 2);
    CHECK_EQ_SIZE(atomic_load(&l.bytes), 1000 + ((size_t)4 << 20));
}

DBK_TEST(block_slack_is_charged_when_used) {
    dbk_block_pool_trim(); /* a kept block may be larger than asked for */
    dbk_block *b = make((size_t)2 << 20, NULL);
    size_t room = 0;
    uint8_t *tail = dbk_block_tail(b, &room);
    CHECK_EQ_SIZE(room, (size_t)6 << 20);
    tail[0] = 1;
    dbk_block_advance(b, (size_t)2 << 20);
    CHECK_EQ_SIZE(dbk_block_charge(b), (size_t)2 << 20);
    dbk_block_advance(b, 1);
    CHECK_EQ_SIZE(dbk_block_charge(b), (size_t)4 << 20);
    dbk_block_unref(b);
}

DBK_TEST(block_from_buf_takes_its_memory) {
    ledger l = {0};
    dbk_error err = {0};
    dbk_buf buf = {0};
    dbk_block *b = NULL;
    CHECK_OK(dbk_buf_puts(&buf, "content", &err), &err);
    const char *memory = buf.ptr;
    CHECK_OK(dbk_block_from_buf(&buf, (dbk_block_owner){count_released, &l}, &b, &err), &err);
    CHECK(buf.ptr == NULL);
    CHECK((const char *)dbk_block_data(b) == memory);
    CHECK_EQ_SIZE(dbk_block_used(b), 7);
    dbk_block_unref(b);
    CHECK_EQ_SIZE(atomic_load(&l.calls), 1);
}

/* ---- the pool ---- */

DBK_TEST(block_pool_reuses_and_trims) {
    dbk_block_pool_trim();
    dbk_block *b = make((size_t)8 << 20, NULL);
    uint8_t *data = dbk_block_data(b);
    CHECK_EQ_SIZE(dbk_block_pool_bytes(), 0);
    dbk_block_unref(b);
    CHECK_EQ_SIZE(dbk_block_pool_bytes(), (size_t)8 << 20);
    b = make((size_t)5 << 20, NULL); /* less than twice too large: the same memory */
    CHECK(dbk_block_data(b) == data);
    CHECK_EQ_SIZE(dbk_block_pool_bytes(), 0);
    dbk_block_unref(b);
    b = make((size_t)2 << 20, NULL); /* too large by far: it makes room for new memory */
    CHECK_EQ_SIZE(dbk_block_pool_bytes(), 0);
    dbk_block_unref(b);
    CHECK_EQ_SIZE(dbk_block_pool_bytes(), (size_t)2 << 20);
    dbk_block_pool_trim();
    CHECK_EQ_SIZE(dbk_block_pool_bytes(), 0);
}

DBK_TEST(block_pool_is_bounded) {
    dbk_block *b[30];
    dbk_block_pool_trim();
    for (size_t i = 0; i < COUNT_OF(b); i++) {
        b[i] = make((size_t)4 << 20, NULL); /* 120 MiB of address space, untouched */
    }
    for (size_t i = 0; i < COUNT_OF(b); i++) {
        dbk_block_unref(b[i]);
        CHECK(dbk_block_pool_bytes() <= DBK_BLOCK_POOL_BYTES);
    }
    CHECK_EQ_SIZE(dbk_block_pool_bytes(), DBK_BLOCK_POOL_BYTES);
    dbk_block *one =
        make((size_t)40 << 20, NULL); /* kept and used together stay within the bound */
    CHECK(dbk_block_pool_bytes() + ((size_t)40 << 20) <= DBK_BLOCK_POOL_BYTES);
    dbk_block_unref(one);
    dbk_block_pool_trim();
}

static void *churn(void *arg) {
    for (size_t i = 0; i < 200; i++) {
        dbk_block *b = make((size_t)(1 + i % 3) << 20, arg);
        memset(dbk_block_alloc(b, 100), 1, 100);
        dbk_block_unref(b);
    }
    return NULL;
}

DBK_TEST(block_pool_threads) {
    ledger l = {0};
    pthread_t threads[4];
    for (size_t i = 0; i < COUNT_OF(threads); i++) {
        CHECK_EQ_I64(pthread_create(&threads[i], NULL, churn, &l), 0);
    }
    for (size_t i = 0; i < COUNT_OF(threads); i++) {
        CHECK_EQ_I64(pthread_join(threads[i], NULL), 0);
    }
    CHECK_EQ_SIZE(atomic_load(&l.calls), 800);
    dbk_block_pool_trim();
}

static atomic_bool fork_done;

static void *churn_until_done(void *arg) {
    while (!atomic_load(&fork_done)) {
        dbk_block_unref(make((size_t)1 << 20, NULL));
    }
    return arg;
}

/* A child of fork can use the pool, whatever the parent's threads were doing in it. */
DBK_TEST(block_pool_after_fork) {
    pthread_t thread;
    atomic_store(&fork_done, false);
    CHECK_EQ_I64(pthread_create(&thread, NULL, churn_until_done, NULL), 0);
    for (size_t i = 0; i < 20; i++) {
        pid_t child = fork();
        if (child == 0) {
            (void)alarm(20); /* a deadlock ends the child */
            dbk_block_unref(make((size_t)1 << 20, NULL));
            dbk_block_pool_trim();
            _exit(0);
        }
        int status = -1;
        CHECK(child > 0);
        CHECK_EQ_I64(waitpid(child, &status, 0), child);
        CHECK_EQ_I64(status, 0);
    }
    atomic_store(&fork_done, true);
    CHECK_EQ_I64(pthread_join(thread, NULL), 0);
    dbk_block_pool_trim();
}

DBK_TEST(block_impossible_size) {
    dbk_error err = {0};
    dbk_block *b = NULL;
    CHECK_FAILS(dbk_block_new(SIZE_MAX - 5, (dbk_block_owner){0}, &b, &err), &err,
                DBK_RESOURCE_EXHAUSTED, "allocating a block");
    CHECK(b == NULL);
}

DBK_OOM_TEST(block_oom) {
    dbk_block *small = NULL;
    dbk_block *large = NULL;
    dbk_block *adopted = NULL;
    dbk_buf buf = {0};
    dbk_status st = DBK_OK;
    DBK_TRY(dbk_block_new(100, (dbk_block_owner){0}, &small, err));
    DBK_TRY(dbk_block_new((size_t)1 << 20, (dbk_block_owner){0}, &large, err));
    DBK_TRY(dbk_buf_puts(&buf, "x", err));
    DBK_TRY(dbk_block_from_buf(&buf, (dbk_block_owner){0}, &adopted, err));

done:
    dbk_buf_reset(&buf);
    dbk_block_unref(small);
    dbk_block_unref(large);
    dbk_block_unref(adopted);
    dbk_block_pool_trim();
    return st;
}
