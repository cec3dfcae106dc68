/* escape.h: bytes as JSON strings, base64 and hexadecimal digits. Pure functions. */
#ifndef DBK_CLI_ESCAPE_H
#define DBK_CLI_ESCAPE_H

#include "cell.h"

/* A JSON string with its quotes; invalid UTF-8 becomes U+FFFD. */
void cli_json_string(cli_buf *out, const char *s, size_t len);
/* JSON text without white space between tokens. False, and out as before: s is not JSON. */
bool cli_json_compact(cli_buf *out, const char *s, size_t len);
/* Any cell as a JSON value; a NESTED cell is the caller's business. */
void cli_json_cell(cli_buf *out, const cli_cell *cell);

void cli_base64(cli_buf *out, const char *bytes, size_t len);
void cli_hex(cli_buf *out, const char *bytes, size_t len);

#endif
