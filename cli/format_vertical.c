#include "format.h"
#include "text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* One line per value under a line with the number of the row: for rows that are wider than the
 * screen. Nothing is cut. */

typedef struct vertical {
    cli_out *out;
    cli_buf *names; /* padded to one width */
    size_t columns;
    int64_t row;
    bool line_drawing;
    cli_buf shown;
    cli_buf scratch;
} vertical;

static void *vertical_begin(cli_out *out, const cli_format_options *options,
                            const cli_columns *columns) {
    vertical *v = cli_alloc(1, sizeof *v);
    size_t *widths = cli_alloc(columns->count, sizeof *widths);
    size_t widest = 0;
    *v = (vertical){.out = out,
                    .names = cli_alloc(columns->count, sizeof(cli_buf)),
                    .columns = columns->count,
                    .line_drawing = options->line_drawing};
    for (size_t i = 0; i < columns->count; i++) {
        const char *name = columns->items[i].name;
        widths[i] = cli_show(&v->names[i], name, strlen(name), 60);
        widest = widths[i] > widest ? widths[i] : widest;
    }
    for (size_t i = 0; i < columns->count; i++) {
        cli_buf_add_repeat(&v->names[i], " ", widest - widths[i]);
        cli_buf_add_str(&v->names[i], v->line_drawing ? " \xe2\x94\x82 " : " | "); /* │ */
    }
    free(widths);
    return v;
}

static void vertical_rows(void *state, const cli_columns *columns) {
    vertical *v = state;
    for (int64_t row = 0; row < columns->rows && !cli_out_stopped(v->out); row++) {
        v->shown.len = 0;
        cli_buf_addf(&v->shown,
                     v->line_drawing ? "\xe2\x94\x80 row %" PRId64 " \xe2\x94\x80\n"
                                     : "- row %" PRId64 " -\n",
                     ++v->row);
        for (size_t i = 0; i < v->columns; i++) {
            cli_buf_add(&v->shown, v->names[i].ptr, v->names[i].len);
            (void)cli_cell_show(columns, i, row, 0, &v->scratch, &v->shown);
            cli_buf_add_char(&v->shown, '\n');
        }
        cli_out_add(v->out, v->shown.ptr, v->shown.len);
    }
}

static void vertical_end(void *state, bool complete) {
    vertical *v = state;
    (void)complete; /* as in a table: the error block says that more should be here */
    for (size_t i = 0; i < v->columns; i++) {
        cli_buf_reset(&v->names[i]);
    }
    free(v->names);
    cli_buf_reset(&v->shown);
    cli_buf_reset(&v->scratch);
    free(v);
}

const cli_format cli_format_vertical = {vertical_begin, vertical_rows, vertical_end};
