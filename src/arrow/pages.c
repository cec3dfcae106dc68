#include "arrow/pages.h"

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* The account of huge pages: what 2 MiB of ordinary pages cost, the most that is credited, and what is
 * paid in for each 2 MiB without one. */
#define ORDINARY_NS ((int64_t)800000)
#define ACCOUNT_NS  ((int64_t)5000000)
#define PAID_IN_NS  ((int64_t)10000)

#ifndef MADV_POPULATE_WRITE
#    define MADV_POPULATE_WRITE 23 /* Linux 5.14; fails before it */
#endif
#ifndef UFFD_USER_MODE_ONLY
#    define UFFD_USER_MODE_ONLY 1 /* Linux 5.11; needs no privilege */
#endif

/* Two threads at once may lose a booking: the account is rough. */
static _Atomic int64_t account_ns;

static int64_t account(void) {
    return atomic_load_explicit(&account_ns, memory_order_relaxed);
}

static void set_account(int64_t ns) {
    atomic_store_explicit(&account_ns, ns, memory_order_relaxed);
}

static int64_t thread_cpu_ns(void) {
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Backs 2 MiB with a huge page, which is cleared in 0.2 ms, a quarter of what 512 ordinary pages cost. But where
 * the kernel has none at hand (a virtual machine that gives free memory back to its host, fragmented
 * memory) one takes 5 ms, and ordinary ones come from what was in use last. So huge pages have an account of
 * what they won and lost beside ordinary ones: while it is in the red there are none (false), and each
 * 2 MiB of ordinary pages pays in a little, which allows for one try in about 470. */
static bool pages_huge(uint8_t *base) {
    int64_t before = account();
    if (before < 0) {
        set_account(before + PAID_IN_NS);
        return false;
    }
    int64_t start = thread_cpu_ns();
    (void)madvise(base, DBK_PAGES_HUGE, MADV_HUGEPAGE);
    (void)madvise(base, DBK_PAGES_HUGE, MADV_POPULATE_WRITE);
    int64_t after = before + ORDINARY_NS - (thread_cpu_ns() - start);
    set_account(after < ACCOUNT_NS ? after : ACCOUNT_NS);
    return true;
}

void dbk_pages_back(uint8_t *base, size_t size) {
    if (size < DBK_PAGES_HUGE || !pages_huge(base)) {
        (void)madvise(base, size, MADV_POPULATE_WRITE);
    }
}

/* ---- pages with their content ---- */

/* Refused once, it is not asked again. A process in a sandbox does not ask at all: its filter may answer a
 * call that it does not expect with the process's end. */
static atomic_bool refused;

void dbk_pages_begin(int64_t huge_ns) {
    set_account(huge_ns);
    atomic_store_explicit(&refused, false, memory_order_relaxed);
}

bool dbk_pages_copies(void) {
    return account() < 0 && !atomic_load_explicit(&refused, memory_order_relaxed);
}

/* userfaultfd is meant for programs that answer their own page faults; its copy is what is wanted here: it
 * allocates, fills and maps a page, without clearing it first, in half the time that populating takes. The
 * range is registered only for that long, and nobody else touches it meanwhile. */
static bool copy_by(int fd, uint8_t *base, const uint8_t *from, size_t size) {
    struct uffdio_api api = {.api = UFFD_API};
    struct uffdio_register range = {.range = {(uintptr_t)base, size},
                                    .mode = UFFDIO_REGISTER_MODE_MISSING};
    struct uffdio_copy copy = {.dst = (uintptr_t)base, .src = (uintptr_t)from, .len = size};
    if (ioctl(fd, UFFDIO_API, &api) != 0 || ioctl(fd, UFFDIO_REGISTER, &range) != 0) {
        return false;
    }
    bool done = ioctl(fd, UFFDIO_COPY, &copy) == 0;
    (void)ioctl(fd, UFFDIO_UNREGISTER, &range.range); /* a child of fork may hold fd open */
    return done;
}

bool dbk_pages_copy(uint8_t *base, const uint8_t *from, size_t size) {
    bool done = false;
    if (!atomic_load_explicit(&refused, memory_order_relaxed) && prctl(PR_GET_SECCOMP) == 0) {
        int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);
        done = fd >= 0 && copy_by(fd, base, from, size);
        if (fd >= 0) {
            (void)close(fd);
        }
    }
    if (done) {
        int64_t steps = (int64_t)(size / DBK_PAGES_HUGE);
        set_account(account() + steps * PAID_IN_NS);
    } else {
        atomic_store_explicit(&refused, true, memory_order_relaxed);
    }
    return done;
}
