#include "arrow/block.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "arrow/pages.h"
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
    CHECK_EQ_SIZE(room, ((size_t)6 << 20) + DBK_BLOCK_FRONT);
    tail[0] = 1;
    dbk_block_advance(b, (size_t)2 << 20);
    CHECK_EQ_SIZE(dbk_block_charge(b), (size_t)2 << 20);
    dbk_block_advance(b, 1);
    CHECK_EQ_SIZE(dbk_block_charge(b), (size_t)4 << 20);
    dbk_block_unref(b);
}

static size_t resident_bytes(void *start, size_t size) {
    unsigned char pages[4096];
    size_t count = 0;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    CHECK(size / page <= sizeof pages && mincore(start, size, pages) == 0);
    for (size_t i = 0; i < size / page; i++) {
        count += pages[i] & 1u;
    }
    return count * page;
}

/* Huge pages for everything, wanted or not: a setting of the machine. */
static bool huge_pages_always(void) {
    char text[64] = "";
    FILE *f = fopen("/sys/kernel/mm/transparent_hugepage/enabled", "r");
    if (f != NULL) {
        (void)!fgets(text, sizeof text, f);
        (void)fclose(f);
    }
    return strstr(text, "[always]") != NULL;
}

/* Writes n bytes piece by piece, as a decoder does. */
static void fill(dbk_block *b, size_t n) {
    size_t room = 0;
    for (size_t done = 0; done < n; done += 64 << 10) {
        memset(dbk_block_tail(b, &room), 0x5a, 64 << 10);
        dbk_block_advance(b, 64 << 10);
    }
}

DBK_TEST(block_keeps_no_page_that_holds_nothing) {
    static const size_t size = ((size_t)5 << 20) + 64, larger = (size_t)6 << 20;
    dbk_block_pool_trim(); /* a kept block has its pages */
    dbk_block *b = make(size, NULL);
    fill(b, size - 64);
    size_t resident = resident_bytes(dbk_block_data(b), (size_t)10 << 20);
    CHECK(resident >= size - 64);
    if (huge_pages_always()) {
        printf("block_keeps_no_page_that_holds_nothing: not counted, transparent huge pages are on "
               "for all\n");
    } else {
        CHECK_EQ_SIZE(resident, size - 64);
    }
    dbk_block_unref(b);
    b = make(larger, NULL); /* the kept one, which has pages up to the middle of 2 MiB */
    (void)dbk_block_tail(b, &(size_t){0});
    resident = resident_bytes(dbk_block_data(b), (size_t)10 << 20);
    if (!huge_pages_always()) {
        CHECK(resident == size - 64 || resident == larger); /* MADV_POPULATE_WRITE: Linux 5.14 */
    }
    fill(b, larger);
    CHECK(resident_bytes(dbk_block_data(b), (size_t)10 << 20) >= larger);
    dbk_block_unref(b);
}

/* ---- pages that are made with their content ---- */

static const uint8_t *numbered(dbk_buf *out, size_t n) {
    dbk_error err = {0};
    CHECK_OK(dbk_buf_reserve(out, n, &err), &err);
    for (size_t i = 0; i < n; i++) {
        out->ptr[i] = (char)(i % 251);
    }
    return (const uint8_t *)out->ptr;
}

/* What is appended is there, by whichever means; touched: one page was there before, so that the kernel refuses. */
static void check_appended(dbk_block *b, const uint8_t *p, bool touched) {
    static const size_t sizes[] = {3 << 20, 100, 4 << 20, 1 << 20, (2 << 20) + 5000, 1};
    const uint8_t *start = dbk_block_data(b) + dbk_block_used(b);
    size_t done = 0;
    if (touched) {
        *dbk_block_at(b, (size_t)6 << 20, 1) = 1;
    }
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        dbk_block_append(b, p + done, sizes[i]);
        done += sizes[i];
    }
    size_t room = 0;
    memset(dbk_block_tail(b, &room), 9, (size_t)1 << 20); /* and then written in place */
    dbk_block_advance(b, (size_t)1 << 20);
    CHECK(memcmp(start, p, done) == 0);
    CHECK(start[done] == 9 && start[done + ((size_t)1 << 20) - 1] == 9);
}

DBK_TEST(block_appends_what_was_made_elsewhere) {
    dbk_buf content = {0};
    const uint8_t *p = numbered(&content, (size_t)11 << 20);
    for (int i = 0; i < 4; i++) {
        dbk_block_pool_trim();
        dbk_pages_begin(-1000000000);
        bool lasting = i > 0; /* what is in use already would fill the pool: the reader keeps it */
        dbk_block *used = make(lasting ? DBK_BLOCK_POOL_BYTES : 1, NULL);
        dbk_block *b = make((size_t)12 << 20, NULL);
        CHECK_EQ_SIZE(dbk_block_copies(b), lasting);
        dbk_block_advance(b, i == 3 ? 1000 : 0); /* not at a page's beginning */
        check_appended(b, p, i == 2);
        dbk_block_unref(b);
        dbk_block_unref(used);
    }
    dbk_block *small = make(1000, NULL);
    CHECK(!dbk_block_copies(small));
    dbk_block_append(small, p, 1000);
    CHECK(memcmp(dbk_block_data(small), p, 1000) == 0 && dbk_block_room(small) == 0);
    dbk_block_unref(small);
    dbk_buf_reset(&content);
    dbk_block_pool_trim();
    dbk_pages_begin(0);
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
        b[i] = make((size_t)6 << 20, NULL); /* 180 MiB of address space, untouched */
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
    dbk_status st = DBK_OK;
    DBK_TRY(dbk_block_new(100, (dbk_block_owner){0}, &small, err));
    DBK_TRY(dbk_block_new((size_t)1 << 20, (dbk_block_owner){0}, &large, err));
done:
    dbk_block_unref(small);
    dbk_block_unref(large);
    dbk_block_pool_trim();
    return st;
}
