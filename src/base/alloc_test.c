#include "unit.h"

#include <pthread.h>

DBK_TEST(alloc_gives_unique_and_zeroed_memory) {
    void *a = dbk_alloc(0);
    void *b = dbk_alloc(0);
    unsigned char *z = dbk_alloc_zero(64);
    unsigned char *items = dbk_alloc_array(8, 8);
    CHECK(a != NULL && b != NULL && a != b);
    CHECK(z != NULL && items != NULL);
    for (size_t i = 0; i < 64; i++) {
        CHECK_EQ_U64(z[i], 0);
        CHECK_EQ_U64(items[i], 0);
    }
    dbk_free(a);
    dbk_free(b);
    dbk_free(z);
    dbk_free(items);
    dbk_free(NULL);
}

DBK_TEST(alloc_array_refuses_an_overflow) {
    volatile size_t half = SIZE_MAX / 2;
    CHECK(dbk_alloc_array(half, 4) == NULL);
    void *empty = dbk_alloc_array(0, 0);
    CHECK(empty != NULL);
    dbk_free(empty);
}

DBK_TEST(strdup_or_null) {
    char *copy = dbk_strdup_or_null("abc");
    CHECK_STR(copy, "abc");
    dbk_free(copy);
    CHECK(dbk_strdup_or_null(NULL) == NULL);
    dbk_alloc_fail_after(1);
    CHECK(dbk_strdup_or_null("abc") == NULL);
    dbk_alloc_fail_after(0);
}

DBK_TEST(alloc_fail_after_counts_and_stays) {
    dbk_alloc_fail_after(3);
    void *one = dbk_alloc(1);
    void *two = dbk_alloc_zero(1);
    void *three = dbk_alloc_array(1, 1);
    void *four = dbk_alloc(1);
    void *grown = dbk_realloc(one, 100); /* fails: the old block stays */
    dbk_alloc_fail_after(0);
    CHECK(one != NULL && two != NULL);
    CHECK(three == NULL && four == NULL && grown == NULL);
    void *five = dbk_alloc(1);
    CHECK(five != NULL);
    dbk_free(one);
    dbk_free(two);
    dbk_free(five);
}

DBK_TEST(array_grow_keeps_items) {
    int64_t *items = NULL;
    size_t cap = 0;
    for (size_t count = 0; count < 1000; count++) {
        CHECK(dbk_array_grow(&items, count, &cap));
        CHECK(cap > count);
        items[count] = (int64_t)count;
    }
    for (size_t i = 0; i < 1000; i++) {
        CHECK_EQ_I64(items[i], (int64_t)i);
    }
    dbk_free(items);
}

DBK_TEST(array_grow_without_memory_loses_nothing) {
    int *items = NULL;
    size_t cap = 0;
    CHECK(dbk_array_grow(&items, 0, &cap));
    CHECK_EQ_SIZE(cap, 4);
    items[3] = 7;
    const int *before = items;
    dbk_alloc_fail_after(1);
    bool grown = dbk_array_grow(&items, 4, &cap);
    bool room_left = dbk_array_grow(&items, 3, &cap); /* needs no memory */
    dbk_alloc_fail_after(0);
    CHECK(!grown);
    CHECK(room_left);
    CHECK_EQ_SIZE(cap, 4);
    CHECK(items == before);
    CHECK_EQ_I64(items[3], 7);
    dbk_free(items);

    char *huge = NULL;
    size_t huge_cap = SIZE_MAX / 16;
    CHECK(!dbk_array_grow_size(&huge, huge_cap, &huge_cap, 4096)); /* bytes overflow */
    CHECK_EQ_SIZE(huge_cap, SIZE_MAX / 16);
}

static void *allocate_often(void *unused) {
    for (int i = 0; i < 2000; i++) {
        dbk_free(dbk_alloc(16));
    }
    return unused;
}

DBK_TEST(alloc_failing_switched_off_stays_off_under_threads) {
    for (int round = 0; round < 20; round++) {
        pthread_t threads[2];
        dbk_alloc_fail_after(1000000);
        for (size_t i = 0; i < COUNT_OF(threads); i++) {
            CHECK(pthread_create(&threads[i], NULL, allocate_often, NULL) == 0);
        }
        dbk_alloc_fail_after(0);
        for (size_t i = 0; i < COUNT_OF(threads); i++) {
            (void)pthread_join(threads[i], NULL);
        }
        /* A late store of a counter would make one of the next million allocations fail. */
        for (int i = 0; i < 1000; i++) {
            void *p = dbk_alloc(1);
            CHECK(p != NULL);
            dbk_free(p);
        }
    }
}

/* ---- the smallest rooms: lists, numbers, clocks, conditions, secrets ---- */

typedef struct item {
    int value;
    dbk_node node;
} item;

DBK_TEST(list_keeps_order_and_unlinks) {
    dbk_list list;
    item items[3] = {{.value = 1}, {.value = 2}, {.value = 3}};
    dbk_list_init(&list);
    CHECK(dbk_list_empty(&list));
    CHECK(dbk_list_pop_front(&list) == NULL);
    for (size_t i = 0; i < COUNT_OF(items); i++) {
        CHECK(!dbk_node_linked(&items[i].node));
        dbk_list_push_back(&list, &items[i].node);
        CHECK(dbk_node_linked(&items[i].node));
    }
    dbk_node_unlink(&items[1].node);
    dbk_node_unlink(&items[1].node); /* twice is a no-op */
    CHECK(!dbk_node_linked(&items[1].node));
    dbk_node *first = dbk_list_pop_front(&list);
    CHECK(first == &items[0].node);
    CHECK_EQ_I64(DBK_CONTAINER_OF(&items[0].node, item, node)->value, 1);
    dbk_node *second = dbk_list_pop_front(&list);
    CHECK(second == &items[2].node);
    CHECK(dbk_list_empty(&list));
}

DBK_TEST(num_checked_arithmetic) {
    size_t n = 5;
    int64_t v = 5;
    CHECK(dbk_add_size(1, 2, &n) && n == 3);
    CHECK(!dbk_add_size(SIZE_MAX, 1, &n));
    CHECK(dbk_mul_size(3, 4, &n) && n == 12);
    CHECK(!dbk_mul_size(SIZE_MAX, 2, &n));
    CHECK(dbk_add_i64(-1, 2, &v) && v == 1);
    CHECK(!dbk_add_i64(INT64_MAX, 1, &v));
    CHECK(dbk_mul_i64(-3, 4, &v) && v == -12);
    CHECK(!dbk_mul_i64(INT64_MIN, -1, &v));
    CHECK_EQ_SIZE(dbk_min_size(1, 2), 1);
    CHECK_EQ_SIZE(dbk_max_size(1, 2), 2);
    CHECK_EQ_U64(dbk_min_u64(UINT64_MAX, 2), 2);
    CHECK_EQ_U64(dbk_max_u64(UINT64_MAX, 2), UINT64_MAX);
    CHECK_EQ_I64(dbk_min_i64(-1, 2), -1);
    CHECK_EQ_I64(dbk_max_i64(-1, 2), 2);
}

DBK_TEST(num_size_from_i64) {
    static const struct {
        const char *name;
        int64_t v;
        size_t max;
        bool ok;
    } rows[] = {
        {"zero", 0, 10, true},
        {"the maximum", 10, 10, true},
        {"one more", 11, 10, false},
        {"negative", -1, 10, false},
        {"smallest", INT64_MIN, SIZE_MAX, false},
        {"largest", INT64_MAX, SIZE_MAX, true},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        dbk_error err = {0};
        size_t n = 77;
        CHECK_CASE(rows[i].name);
        dbk_status st = dbk_size_from_i64(rows[i].v, rows[i].max, "row_count", &n, &err);
        CHECK_EQ_I64(st, rows[i].ok ? DBK_OK : DBK_DATA_LOSS);
        CHECK_EQ_SIZE(n, rows[i].ok ? (size_t)rows[i].v : 77);
        dbk_error_reset(&err);
    }
    dbk_error err = {0};
    size_t n = 0;
    CHECK_FAILS(dbk_size_from_i64(-3, 9, "row_count", &n, &err), &err, DBK_DATA_LOSS,
                "row_count is -3, allowed are 0 to 9");
    dbk_error_reset(&err);
}

DBK_TEST(clock_manual_moves_only_when_told) {
    dbk_clock_manual m;
    dbk_clock_manual_init(&m, 1700000000000);
    uint64_t start = dbk_clock_ms(&m.clock);
    CHECK_EQ_U64(dbk_clock_ms(&m.clock), start);
    CHECK_EQ_I64(dbk_clock_wall_ms(&m.clock), 1700000000000);
    dbk_clock_manual_advance(&m, 1500);
    CHECK_EQ_U64(dbk_clock_ms(&m.clock), start + 1500);
    CHECK_EQ_I64(dbk_clock_wall_ms(&m.clock), 1700000001500);
}

DBK_TEST(clock_system_runs_forward) {
    uint64_t a = dbk_clock_system.mono_ns(&dbk_clock_system);
    uint64_t b = dbk_clock_system.mono_ns(&dbk_clock_system);
    CHECK(b >= a);
    CHECK(dbk_clock_wall_ms(&dbk_clock_system) > INT64_C(1577836800000)); /* after 2020 */
}

DBK_TEST(thread_cond_wait_honours_a_past_deadline) {
    dbk_mutex m;
    dbk_cond c;
    dbk_mutex_init(&m);
    dbk_cond_init(&c);
    dbk_mutex_lock(&m);
    CHECK(!dbk_cond_wait_until(&c, &m, dbk_clock_ms(&dbk_clock_system)));
    CHECK(!dbk_cond_wait_until(&c, &m, 0));
    dbk_mutex_unlock(&m);
    dbk_cond_destroy(&c);
    dbk_mutex_destroy(&m);
}

DBK_TEST(secret_set_eq_move_reset) {
    dbk_error err = {0};
    dbk_secret a = {0};
    dbk_secret b = {0};
    CHECK(dbk_secret_eq(&a, &b)); /* both absent */
    CHECK_OK(dbk_secret_set(&a, DBK_SLICE("hunter2"), &err), &err);
    CHECK_STR(a.ptr, "hunter2");
    CHECK(!dbk_secret_eq(&a, &b));
    CHECK_OK(dbk_secret_set(&b, DBK_SLICE("hunter3"), &err), &err);
    CHECK(!dbk_secret_eq(&a, &b));
    CHECK_OK(dbk_secret_set(&b, dbk_secret_slice(&b), &err), &err); /* from itself */
    CHECK_STR(b.ptr, "hunter3");
    dbk_secret_move(&b, &a);
    CHECK(a.ptr == NULL && a.len == 0);
    dbk_secret_move(&b, &b); /* onto itself: stays */
    CHECK_STR(b.ptr, "hunter2");
    dbk_secret_reset(&b);
    dbk_secret_reset(&b);
    CHECK(b.ptr == NULL && b.len == 0);
    CHECK_OK(dbk_secret_set(&b, (dbk_slice){0}, &err), &err); /* empty is not absent */
    CHECK_STR(b.ptr, "");
    dbk_secret_reset(&b);
}

DBK_TEST(secret_set_without_memory_keeps_the_old_one) {
    dbk_error err = {0};
    dbk_secret s = {0};
    CHECK_OK(dbk_secret_set(&s, DBK_SLICE("old"), &err), &err);
    dbk_alloc_fail_after(1);
    dbk_status st = dbk_secret_set(&s, DBK_SLICE("new"), &err);
    dbk_alloc_fail_after(0);
    CHECK_FAILS(st, &err, DBK_RESOURCE_EXHAUSTED, "out of memory: copying a secret");
    CHECK_STR(s.ptr, "old");
    dbk_secret_reset(&s);
    dbk_error_reset(&err);
}

DBK_TEST(wipe_overwrites) {
    char bytes[5] = "abcd";
    dbk_wipe(bytes, 3);
    CHECK_MEM(bytes, "\0\0\0d", 5);
    dbk_wipe(NULL, 0);
}
