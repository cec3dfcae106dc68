/* base/vault.h: memory for secrets: not in core dumps, not in swap where the limits allow it, wiped when
 * given back. Any thread.
 *
 * Source: spec auth 14. */
#ifndef DBK_BASE_VAULT_H
#define DBK_BASE_VAULT_H

#include <stddef.h>

void *dbk_vault_take(size_t size);         /* uninitialised; NULL: out of memory */
void dbk_vault_give(void *p, size_t size); /* wipes; size as taken; NULL is a no-op */
size_t dbk_vault_used(void);               /* bytes taken and not given back, for tests */

#endif
