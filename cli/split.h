/* split.h: SQL text with several statements, cut at the semicolons between them.
 *
 * Understands what hides a semicolon: '...' and "..." with backslash escapes and doubled quotes,
 * r'...' without escapes, `...`, -- comments, nested block comments, dollar quotes, and the
 * BEGIN ... END blocks of SQL scripts and procedures. Text is never changed; a quote that is not
 * closed reaches to the end, and the server says what is wrong with it. */
#ifndef DBK_CLI_SPLIT_H
#define DBK_CLI_SPLIT_H

#include "cli.h"

typedef struct cli_sql {
    const char *ptr; /* borrowed from the text */
    size_t len;
    size_t line; /* of its first character, from 1 */
} cli_sql;

typedef struct cli_split {
    const char *at;
    const char *end;
    size_t line;
} cli_split;

cli_split cli_split_start(const char *text, size_t len);
/* The next statement without the white space around it and without its semicolon; false: no more.
 * Pieces of white space and comments alone are left out. */
bool cli_split_next(cli_split *split, cli_sql *out);

/* The same, but only statements that end in a semicolon: text that is still being typed. */
bool cli_split_next_whole(cli_split *split, cli_sql *out);
/* Does text end inside a quote or a block comment? */
bool cli_split_is_open(const char *text, size_t len);

/* The first word of a statement in upper case, comments and brackets before it skipped; "" when there
 * is none or it is longer than the space. */
void cli_sql_first_word(const char *sql, size_t len, char word[16]);

#endif
