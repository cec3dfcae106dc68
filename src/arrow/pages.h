/* arrow/pages.h: pages of fresh mappings, got from the kernel before or with what is written to them.
 *
 * What:    a page that is written first is a fault, and is cleared before; here many come with one call, huge
 *          ones where those cost less, or (userfaultfd) with their content, which needs no clearing.
 * Threads: any. Process-wide: what huge pages have won and lost, and whether the kernel copies. */
#ifndef DBK_ARROW_PAGES_H
#define DBK_ARROW_PAGES_H

#include "base/base.h"

#define DBK_PAGES_HUGE ((size_t)2 << 20)
#define DBK_PAGES_SIZE \
    ((size_t)4 << 10) /* where pages are larger, the kernel refuses or rounds up */

/* Gets pages from the kernel. All of it is advice: where it fails, pages come as they are written. size:
 * DBK_PAGES_HUGE, base being a multiple of it, or less. */
void dbk_pages_back(uint8_t *base, size_t size);

/* Whether dbk_pages_copy is the cheapest now: huge pages lose, and it was not refused before. */
bool dbk_pages_copies(void);

/* Makes the pages of a private anonymous mapping that nobody has touched yet, holding `size` bytes from
 * elsewhere; base and size are multiples of a page. False: refused, or some of it was there; it may be tried by
 * writing. */
DBK_MUST_USE bool dbk_pages_copy(uint8_t *base, const uint8_t *from, size_t size);

/* For tests: as in a new process, with an account of huge pages; below 0 they have lost. */
void dbk_pages_begin(int64_t huge_ns);

#endif
