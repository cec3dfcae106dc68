/* line_edit.h: what line.c asks of line_edit.c. */
#ifndef DBK_CLI_LINE_EDIT_H
#define DBK_CLI_LINE_EDIT_H

#include "line.h"

cli_line_status cli_line_edit(cli_line *line, const char *prompt, cli_buf *out);

#endif
