/* text.h: UTF-8 and what it looks like on a terminal. Pure functions. */
#ifndef DBK_CLI_TEXT_H
#define DBK_CLI_TEXT_H

#include "cli.h"

/* Decodes the character at s (len > 0) and returns its length in bytes, at least 1. A byte that
 * begins no valid character gives 1 and *cp = U+FFFD, *valid = false. */
size_t cli_utf8_next(const char *s, size_t len, uint32_t *cp, bool *valid);

/* Columns of a terminal: 0 (combining), 1 or 2 (East Asian wide); -1 for a character that must not
 * reach a terminal as it is (controls, directional overrides). */
int cli_char_width(uint32_t cp);

/* Appends text as a terminal may show it: controls as \n, \t, \x1b or \u202e, invalid bytes as
 * U+FFFD, cut with an ellipsis to max_width columns (0: never). Returns the width. Reads only as much
 * of a long text as it shows. */
size_t cli_show(cli_buf *out, const char *s, size_t len, size_t max_width);

#endif
