/* line.h: one line from the person at the terminal.
 *
 * With libedit (line_edit.c) the line is edited, earlier ones come back with the arrow keys and Tab
 * completes; without it, or on a terminal that cannot, lines are read as the terminal gives them. */
#ifndef DBK_CLI_LINE_H
#define DBK_CLI_LINE_H

#include "complete.h"

typedef enum cli_line_status {
    CLI_LINE_READ,
    CLI_LINE_END,    /* Ctrl-D */
    CLI_LINE_SIGNAL, /* cli_watch_again says which; what was typed is gone */
} cli_line_status;

typedef struct cli_line cli_line;

typedef void (*cli_line_completer)(void *ctx, const char *text, size_t len, cli_completion *out);

/* NULL: this terminal or this build cannot edit lines. complete is called while the line is read. */
cli_line *cli_line_new(cli_line_completer complete, void *ctx);
void cli_line_free(cli_line *line);
/* An earlier line, for the arrow keys. */
void cli_line_remember(cli_line *line, const char *text);
/* line NULL: the plain reader. out gets the line without its newline. */
cli_line_status cli_line_read(cli_line *line, const char *prompt, cli_buf *out);

/* Does this build have libedit? */
bool cli_line_can_edit(void);

/* Waits for standard input; false: a signal came first. Calls resized (or NULL) when the terminal has
 * another size. */
bool cli_line_wait(void (*resized)(void *ctx), void *ctx);

#endif
