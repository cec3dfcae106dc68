/* names.h: names of the catalog for completion: asked when needed, kept for a minute.
 *
 * Loading waits a second at most and stops at a signal; what did not come in time is asked for again
 * ten seconds later. Bounded: LISTS_MAX lists of NAMES_MAX names. Main thread only. */
#ifndef DBK_CLI_NAMES_H
#define DBK_CLI_NAMES_H

#include "complete.h"

#include "databricks_kernel.h"

typedef struct cli_names cli_names;

cli_names *cli_names_new(kernel_session_t *session); /* session: borrowed */
void cli_names_free(cli_names *names);
/* Forgets everything: a statement may have changed it. */
void cli_names_forget(cli_names *names);
/* The list function of a cli_names_source; ctx is a cli_names. */
size_t cli_names_list(void *ctx, const char *catalog, const char *schema, const char *table,
                      const char *const **out);

#endif
