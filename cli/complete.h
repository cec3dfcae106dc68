/* complete.h: what Tab may put behind a text. Asks a source for names, else pure. */
#ifndef DBK_CLI_COMPLETE_H
#define DBK_CLI_COMPLETE_H

#include "cli.h"

typedef struct cli_completion {
    char **items; /* owned; for a list on the screen */
    size_t count;
    size_t from;  /* in the line: where the part that is replaced begins */
    char *common; /* owned: what to put there: the candidate, or what all have in common */
} cli_completion;

void cli_completion_reset(cli_completion *found);

/* Where names come from. */
typedef struct cli_names_source {
    void *ctx;
    /* The catalogs (all NULL), the schemas of a catalog, the tables of a schema, the columns of a
     * table. *names is borrowed until the source is asked again; 0: none, or not known. */
    size_t (*list)(void *ctx, const char *catalog, const char *schema, const char *table,
                   const char *const **names);
    const char *catalog; /* the current ones; NULL: not known */
    const char *schema;
} cli_names_source;

/* line[0, len) is the line up to the cursor, pending the lines of the statement before it. */
void cli_complete(const cli_names_source *source, const char *pending, const char *line, size_t len,
                  cli_completion *out);

#endif
