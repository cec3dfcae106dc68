/* dotted.h: names of the form catalog.schema.object, as a person types them. Pure functions. */
#ifndef DBK_CLI_DOTTED_H
#define DBK_CLI_DOTTED_H

#include "cli.h"

typedef struct cli_dotted {
    char *parts[3]; /* owned; NULL: not given. parts[2] is the last name of the text */
} cli_dotted;

/* "c.s.t", "s.t", "t", aligned to the right; `...` hides dots, a doubled backtick is one. At most
 * count parts. False: too many parts, an empty one, a backtick that is not closed; dotted is empty. */
bool cli_dotted_parse(cli_dotted *dotted, const char *text, size_t count);
void cli_dotted_reset(cli_dotted *dotted);

/* name as a LIKE pattern that matches only itself: % _ and backslash are escaped. */
void cli_like_exactly(cli_buf *out, const char *name);
/* name as an identifier of SQL: in backticks where it needs them. */
void cli_identifier(cli_buf *out, const char *name);

#endif
