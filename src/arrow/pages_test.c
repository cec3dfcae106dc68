#include "arrow/pages.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit.h"

#define RANGE ((size_t)3 << 20)
#define LOST  ((int64_t)-1000000000)

static uint8_t *map(void) {
    void *p = mmap(NULL, RANGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(p != MAP_FAILED);
    (void)madvise(p, RANGE, MADV_NOHUGEPAGE); /* a setting of the machine may give them to all */
    return p;
}

/* Bytes that differ from page to page, at an odd address. */
static uint8_t *content(dbk_buf *out) {
    dbk_error err = {0};
    CHECK_OK(dbk_buf_reserve(out, RANGE + 1, &err), &err);
    uint8_t *p = (uint8_t *)out->ptr + 1;
    for (size_t i = 0; i < RANGE; i++) {
        p[i] = (uint8_t)(i / 7 + i / DBK_PAGES_SIZE);
    }
    return p;
}

DBK_TEST(pages_come_with_their_content) {
    dbk_buf from = {0};
    const uint8_t *p = content(&from);
    uint8_t *m = map();
    static const size_t size = 300 * DBK_PAGES_SIZE;
    dbk_pages_begin(LOST);
    CHECK(dbk_pages_copies());
    if (!dbk_pages_copy(m + DBK_PAGES_SIZE, p, size)) {
        printf(
            "pages_come_with_their_content: userfaultfd is refused here (a sandbox, Linux before "
            "5.11, or pages of another size)\n");
        CHECK(!dbk_pages_copies());
    } else {
        unsigned char there[RANGE / DBK_PAGES_SIZE];
        CHECK(mincore(m, RANGE, there) == 0);
        for (size_t i = 0; i < sizeof there; i++) {
            CHECK_EQ_SIZE(there[i] & 1u, i >= 1 && i <= 300);
        }
        CHECK(memcmp(m + DBK_PAGES_SIZE, p, size) == 0);
        CHECK(m[0] == 0 && m[RANGE - 1] == 0); /* the neighbours are ordinary memory again */
        CHECK(dbk_pages_copies());
    }
    CHECK(munmap(m, RANGE) == 0);
    dbk_buf_reset(&from);
}

DBK_TEST(pages_that_are_there_refuse_a_copy) {
    dbk_buf from = {0};
    const uint8_t *p = content(&from);
    uint8_t *m = map();
    dbk_pages_begin(LOST);
    m[5 * DBK_PAGES_SIZE] = 77;
    CHECK(!dbk_pages_copy(m, p, 10 * DBK_PAGES_SIZE));
    CHECK(m[5 * DBK_PAGES_SIZE] == 77);
    CHECK(!dbk_pages_copies());
    CHECK(!dbk_pages_copy(m + 20 * DBK_PAGES_SIZE, p, DBK_PAGES_SIZE)); /* not asked again */
    memset(m, 1, RANGE); /* all of it can be written */
    dbk_pages_begin(0);
    CHECK(!dbk_pages_copies()); /* huge pages have not lost */
    CHECK(munmap(m, RANGE) == 0);
    dbk_buf_reset(&from);
}

/* Ends the process that calls userfaultfd, as the filters of some services do. */
static bool enter_sandbox(void) {
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_userfaultfd, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {COUNT_OF(code), code};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

DBK_TEST(pages_are_not_asked_for_in_a_sandbox) {
    uint8_t *m = map();
    dbk_pages_begin(LOST);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        static const uint8_t page[DBK_PAGES_SIZE];
        _exit(!enter_sandbox() ? 2 : dbk_pages_copy(m, page, sizeof page));
    }
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status));
    if (WEXITSTATUS(status) == 2) {
        printf("pages_are_not_asked_for_in_a_sandbox: not tried, this system has no seccomp\n");
    } else {
        CHECK(WEXITSTATUS(status) == 0);
    }
    CHECK(munmap(m, RANGE) == 0);
}
