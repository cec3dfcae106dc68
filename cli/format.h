/* format.h: rows of one result written in one of the formats.
 *
 * A format is begun with the columns, given batch after batch and ended; it writes to a cli_out and
 * looks at nothing else. Memory does not grow with the number of rows. */
#ifndef DBK_CLI_FORMAT_H
#define DBK_CLI_FORMAT_H

#include "cell.h"
#include "out.h"

typedef struct cli_format_options {
    bool header;           /* csv, table: write the names of the columns */
    const char *null_text; /* csv: what stands for NULL */
    size_t max_width;      /* table: longest text cell in columns of the terminal; 0: any */
    size_t screen_width;   /* table: narrow text columns until the table fits; 0: do not */
    bool line_drawing;     /* table: box characters instead of ASCII */
} cli_format_options;

typedef struct cli_format {
    /* Writes what comes before the rows and returns the state that the other two get. options are
     * borrowed until end. */
    void *(*begin)(cli_out *out, const cli_format_options *options, const cli_columns *columns);
    /* All rows of the bound batch. */
    void (*rows)(void *state, const cli_columns *columns);
    /* Writes what comes behind the rows and frees state. complete false: the result broke off. */
    void (*end)(void *state, bool complete);
} cli_format;

extern const cli_format cli_format_table;
extern const cli_format cli_format_vertical; /* one line per value */
extern const cli_format cli_format_csv;
extern const cli_format cli_format_json;  /* one array of objects */
extern const cli_format cli_format_jsonl; /* one object per line */

/* A cell as a terminal may show it, appended to out and cut to max_width columns (0: never); returns
 * its width. scratch is reused from cell to cell. */
size_t cli_cell_show(const cli_columns *columns, size_t column, int64_t row, size_t max_width,
                     cli_buf *scratch, cli_buf *out);

#endif
