/* catalog.h: what the warehouse has: catalogs, schemas, tables, columns, keys. */
#ifndef DBK_CLI_CATALOG_H
#define DBK_CLI_CATALOG_H

#include "result.h"

typedef struct cli_namespace { /* where unqualified names are looked up; owned */
    char *catalog;
    char *schema;
} cli_namespace;

void cli_namespace_reset(cli_namespace *space);
/* Asks the session. False with fault set; space is untouched then. */
bool cli_namespace_ask(kernel_session_t *session, cli_namespace *space, cli_fault *fault);

typedef struct cli_catalog_request {
    cli_command command; /* CLI_COMMAND_CATALOGS ... CLI_COMMAND_KEYS */
    const char
        *name; /* as typed, dotted; the last part is a LIKE pattern, of keys a name; NULL: all */
    const char *types;  /* tables: comma-separated; NULL: all */
    const char *column; /* columns: a LIKE pattern; NULL: all */
    bool exactly;       /* columns: % and _ in the name stand for themselves */
    bool all_catalogs;  /* a name without a catalog: all of them instead of the current one */
    bool full;          /* every column of the call instead of those that people read */
} cli_catalog_request;

/* Asks and writes; keys are two results. space is asked of the session when it is needed and empty.
 * False with fault set. */
bool cli_catalog_run(cli_run *run, const cli_catalog_request *request, cli_namespace *space,
                     cli_fault *fault);

#endif
