#include "base/vault.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit.h"

/* VmFlags of the mapping that holds p, as the kernel tells them; "" when it does not. */
static void flags_of(const void *p, char *out, size_t size) {
    FILE *f = fopen("/proc/self/smaps", "r");
    char line[512];
    bool here = false;
    out[0] = '\0';
    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        uintptr_t from = 0;
        uintptr_t to = 0;
        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " ", &from, &to) == 2) {
            here = (uintptr_t)p >= from && (uintptr_t)p < to;
        } else if (here && strncmp(line, "VmFlags:", 8) == 0) {
            (void)snprintf(out, size, "%s", line);
        }
    }
    if (f != NULL) {
        (void)fclose(f);
    }
}

DBK_TEST(vault_is_not_dumped) {
    static const size_t sizes[] = {1, 63, 64, 65, 4096, 4097, 100000};
    char flags[512];
    size_t before = dbk_vault_used();
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        char *p = dbk_vault_take(sizes[i]);
        CHECK(p != NULL);
        memset(p, 'x', sizes[i]);
        flags_of(p, flags, sizeof flags);
        if (flags[0] == '\0') {
            (void)printf("NOT RUN: this kernel tells no VmFlags\n");
        } else {
            CHECK_CONTAINS(flags, " dd");
        }
        CHECK_EQ_SIZE(dbk_vault_used() - before, sizes[i]);
        dbk_vault_give(p, sizes[i]);
    }
    CHECK_EQ_SIZE(dbk_vault_used(), before);
}

DBK_TEST(secrets_lie_in_the_vault) {
    char flags[512];
    dbk_error err = {0};
    dbk_secret s = {0};
    size_t before = dbk_vault_used();
    CHECK_OK(dbk_secret_set(&s, DBK_SLICE("hunter2"), &err), &err);
    flags_of(s.ptr, flags, sizeof flags);
    CHECK(flags[0] == '\0' || strstr(flags, " dd") != NULL);
    CHECK_EQ_SIZE(dbk_vault_used() - before, 8);
    dbk_secret_reset(&s);
    CHECK_EQ_SIZE(dbk_vault_used(), before);
}

/* What was given back is zero when it is taken again: a neighbour keeps the mapping. */
DBK_TEST(vault_wipes) {
    char *neighbour = dbk_vault_take(10);
    char *p = dbk_vault_take(200);
    CHECK(neighbour != NULL && p != NULL);
    memset(p, 's', 200);
    dbk_vault_give(p, 200);
    char *again = dbk_vault_take(200);
    CHECK(again == p);
    for (size_t i = 0; i < 200; i++) {
        CHECK_EQ_I64(again[i], 0);
    }
    dbk_vault_give(again, 200);
    dbk_vault_give(neighbour, 10);
    dbk_vault_give(NULL, 10);
}

typedef struct piece {
    unsigned char *p;
    size_t size;
    unsigned char mark;
} piece;

static bool whole(const piece *it) {
    for (size_t i = 0; i < it->size; i++) {
        if (it->p[i] != it->mark) {
            return false;
        }
    }
    return true;
}

/* Pieces of random sizes, taken and given back in random order, never overlap. */
DBK_TEST(vault_pieces_keep_apart) {
    piece pieces[200] = {0};
    uint32_t seed = 20261130;
    size_t before = dbk_vault_used();
    for (size_t step = 0; step < 20000; step++) {
        seed = seed * 1664525u + 1013904223u;
        piece *it = &pieces[(seed >> 8) % COUNT_OF(pieces)];
        if (it->p != NULL) {
            CHECK(whole(it));
            dbk_vault_give(it->p, it->size);
            it->p = NULL;
            continue;
        }
        it->size = (seed >> 20) % 10 == 0 ? 3000 + (seed >> 12) % 3000 : 1 + (seed >> 12) % 300;
        it->mark = (unsigned char)(1 + (seed >> 16) % 250);
        it->p = dbk_vault_take(it->size);
        CHECK(it->p != NULL);
        memset(it->p, it->mark, it->size);
    }
    for (size_t i = 0; i < COUNT_OF(pieces); i++) {
        CHECK(pieces[i].p == NULL || whole(&pieces[i]));
        dbk_vault_give(pieces[i].p, pieces[i].size);
    }
    CHECK_EQ_SIZE(dbk_vault_used(), before);
}

static atomic_bool stop;

static void *take_and_give(void *arg) {
    (void)arg;
    while (!atomic_load(&stop)) {
        dbk_vault_give(dbk_vault_take(40), 40);
    }
    return NULL;
}

/* Another thread is inside most of the time: a child finds the lock free and its secrets whole. */
DBK_TEST(vault_in_a_child) {
    pthread_t thread;
    char *kept = dbk_vault_take(6);
    memcpy(kept, "kept!", 6);
    CHECK(pthread_create(&thread, NULL, take_and_give, NULL) == 0);
    for (int i = 0; i < 50; i++) {
        pid_t child = fork();
        if (child == 0) {
            char *p = dbk_vault_take(100);
            bool ok = p != NULL && strcmp(kept, "kept!") == 0;
            dbk_vault_give(p, 100);
            dbk_vault_give(kept, 6);
            _exit(ok ? 0 : 1);
        }
        int status = -1;
        CHECK(waitpid(child, &status, 0) == child);
        CHECK_EQ_I64(status, 0);
    }
    atomic_store(&stop, true);
    CHECK(pthread_join(thread, NULL) == 0);
    dbk_vault_give(kept, 6);
}
