/* base/alloc.h: the one way to memory. Failure is NULL, never an abort. */
#ifndef DBK_BASE_ALLOC_H
#define DBK_BASE_ALLOC_H

#include <stddef.h>
#include <stdint.h>

void *dbk_alloc(size_t size);                     /* uninitialised; size 0 gives a unique pointer */
void *dbk_alloc_zero(size_t size);                /* all bytes zero */
void *dbk_alloc_array(size_t count, size_t size); /* zeroed; NULL when count * size overflows */
void *dbk_realloc(void *p, size_t size);          /* only for buf.c and growing arrays below */
void dbk_free(void *p);                           /* NULL is a no-op */
char *dbk_strdup_or_null(const char *s);          /* NULL in or no memory: NULL */

/* Makes room for one more item in a growable array; items is the address of its pointer. *items and
 * *cap are updated, nothing is lost on failure (false). Growth is 1.5-fold; the new room is not
 * zeroed. */
#define dbk_array_grow(items, count, cap) dbk_array_grow_size(items, count, cap, sizeof **(items))
_Bool dbk_array_grow_size(void *items, size_t count, size_t *cap, size_t item_size);

/* Tests only: the n-th allocation from now (1 is the next) and all later ones fail; n <= 0 turns
 * failing off. Process-wide. */
void dbk_alloc_fail_after(int64_t n);
_Bool dbk_alloc_denied(void); /* counts one allocation, of another kind of memory */

#endif
