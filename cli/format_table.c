#include "escape.h"
#include "format.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

/* Columns get their widths from the first rows, which are kept until then; later rows are written as
 * they come, and a text that is wider than its column is cut. Numbers are never cut: a wide one pushes
 * its line to the right. */
enum {
    SAMPLE_ROWS = 1000,
    SAMPLE_CELLS = 200 * 1000,      /* fewer rows of very wide results */
    SAMPLE_BYTES = 4 * 1024 * 1024, /* the widths are also fixed when this much is kept */
    NARROWEST = 8                   /* a text column is not made narrower to fit the screen */
};

typedef struct kept_cell {
    size_t at, len; /* in table.kept */
    size_t width;
} kept_cell;

typedef struct table {
    cli_out *out;
    const cli_format_options *options;
    size_t columns;
    bool *number;     /* per column: aligned to the right, never cut */
    size_t *width;    /* per column; until fixed: the widest cell so far */
    kept_cell *cells; /* sample_rows + 1 rows, the first one is the header */
    size_t sample_rows;
    size_t kept_rows; /* without the header */
    cli_buf kept;     /* text of the kept cells */
    cli_buf scratch;  /* the cell at work */
    cli_buf nested;   /* what it is made from */
    bool fixed;
} table;

size_t cli_cell_show(const cli_columns *columns, size_t column, int64_t row, size_t max_width,
                     cli_buf *scratch, cli_buf *out) {
    char bytes[CLI_CELL_SCRATCH];
    cli_cell cell = cli_columns_cell(columns, column, row, bytes);
    scratch->len = 0;
    switch (cell.kind) {
    case CLI_CELL_NULL:
        cli_buf_add_str(out, "NULL");
        return 4;
    case CLI_CELL_NUMBER:
    case CLI_CELL_BOOL:
    case CLI_CELL_PLAIN:
        cli_buf_add(out, cell.ptr, cell.len);
        return cell.len;
    case CLI_CELL_TEXT:
    case CLI_CELL_JSON:
        return cli_show(out, cell.ptr, cell.len, max_width);
    case CLI_CELL_BINARY: {
        /* Two digits per byte: no more than what is shown is converted, plus what shows the cut. */
        size_t len = max_width != 0 && cell.len > max_width ? max_width : cell.len;
        cli_hex(scratch, cell.ptr, len);
        return cli_show(out, scratch->ptr, scratch->len, max_width);
    }
    case CLI_CELL_NESTED:
        cli_cell_nested(columns, column, row, scratch);
        return cli_show(out, scratch->ptr, scratch->len, max_width);
    }
    return 0;
}

static void keep(table *t, size_t row, size_t column, size_t start, size_t width) {
    t->cells[row * t->columns + column] =
        (kept_cell){.at = start, .len = t->kept.len - start, .width = width};
    if (width > t->width[column]) {
        t->width[column] = width;
    }
}

static void *table_begin(cli_out *out, const cli_format_options *options,
                         const cli_columns *columns) {
    table *t = cli_alloc(1, sizeof *t);
    size_t count = columns->count;
    size_t sample_rows = SAMPLE_ROWS;
    if (count > SAMPLE_CELLS / SAMPLE_ROWS) {
        sample_rows = SAMPLE_CELLS / count + 1;
    }
    *t = (table){.out = out,
                 .options = options,
                 .columns = count,
                 .number = cli_alloc(count, sizeof(bool)),
                 .width = cli_alloc(count, sizeof(size_t)),
                 .sample_rows = sample_rows,
                 .cells = cli_alloc(count * (sample_rows + 1), sizeof(kept_cell))};
    for (size_t i = 0; i < count; i++) {
        const char *name = columns->items[i].name;
        t->number[i] = cli_column_is_number(&columns->items[i]);
        if (options->header) {
            size_t start = t->kept.len;
            size_t width = cli_show(&t->kept, name, strlen(name), options->max_width);
            keep(t, 0, i, start, width);
        }
    }
    return t;
}

/* ---- writing lines ---- */

static void add_times(cli_out *out, const char *text, size_t times) {
    for (size_t i = 0; i < times; i++) {
        cli_out_add_str(out, text);
    }
}

static void add_padded(table *t, size_t column, const char *text, size_t len, size_t width) {
    size_t pad = width < t->width[column] ? t->width[column] - width : 0;
    bool last = column + 1 == t->columns;
    if (column > 0) {
        cli_out_add_str(t->out, t->options->line_drawing ? " \xe2\x94\x82 " : " | "); /* │ */
    } else {
        cli_out_add_char(t->out, ' ');
    }
    if (t->number[column]) {
        add_times(t->out, " ", pad);
    }
    cli_out_add(t->out, text, len);
    if (!t->number[column] && !last) {
        add_times(t->out, " ", pad);
    }
    if (last) {
        cli_out_add_char(t->out, '\n');
    }
}

/* Shortens what was shown before to the width the column has now. The kept text holds no controls
 * any more, so showing it again only cuts. */
static void add_kept(table *t, size_t row, size_t column) {
    const kept_cell *cell = &t->cells[row * t->columns + column];
    const char *text = cell->len == 0 ? "" : t->kept.ptr + cell->at;
    if (cell->width <= t->width[column]) {
        add_padded(t, column, text, cell->len, cell->width);
        return;
    }
    t->scratch.len = 0;
    size_t width = cli_show(&t->scratch, text, cell->len, t->width[column]);
    add_padded(t, column, t->scratch.ptr, t->scratch.len, width);
}

static void add_rule(table *t) {
    const char *dash = t->options->line_drawing ? "\xe2\x94\x80" : "-";  /* ─ */
    const char *cross = t->options->line_drawing ? "\xe2\x94\xbc" : "+"; /* ┼ */
    for (size_t i = 0; i < t->columns; i++) {
        cli_out_add_str(t->out, i > 0 ? cross : "");
        add_times(t->out, dash, t->width[i] + 2);
    }
    cli_out_add_char(t->out, '\n');
}

/* The width of the table when no text column is wider than cap. */
static size_t table_width(const table *t, size_t cap) {
    size_t total = 0;
    for (size_t i = 0; i < t->columns; i++) {
        bool cut = !t->number[i] && t->width[i] > cap;
        total += (cut ? cap : t->width[i]) + 3; /* " x" and " |"; the last has one less */
    }
    return total - 1;
}

/* Narrows the widest texts until the table fits the screen or all are narrow. */
static void fit_screen(table *t) {
    size_t screen = t->options->screen_width;
    size_t low = NARROWEST; /* the widest cap that fits is in low..high */
    size_t high = NARROWEST;
    for (size_t i = 0; i < t->columns; i++) {
        high = t->width[i] > high ? t->width[i] : high;
    }
    if (screen == 0 || table_width(t, high) <= screen) {
        return;
    }
    while (low < high) {
        size_t middle = low + (high - low + 1) / 2;
        if (table_width(t, middle) <= screen) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    size_t used = table_width(t, low);
    size_t rest = used < screen ? screen - used : 0; /* less than one per column that is cut */
    for (size_t i = 0; i < t->columns; i++) {
        if (!t->number[i] && t->width[i] > low) {
            t->width[i] = low + (rest > 0 ? 1 : 0);
            rest -= rest > 0 ? 1 : 0;
        }
    }
}

static void fix_widths(table *t) {
    t->fixed = true;
    if (t->columns == 0) {
        return;
    }
    for (size_t i = 0; i < t->columns; i++) {
        t->width[i] += t->width[i] == 0 ? 1 : 0;
    }
    fit_screen(t);
    for (size_t row = t->options->header ? 0 : 1; row <= t->kept_rows; row++) {
        for (size_t i = 0; i < t->columns; i++) {
            add_kept(t, row, i);
        }
        if (row == 0) {
            add_rule(t);
        }
    }
    free(t->cells);
    t->cells = NULL;
    cli_buf_reset(&t->kept);
}

/* ---- rows ---- */

static void keep_row(table *t, const cli_columns *columns, int64_t row) {
    t->kept_rows++;
    for (size_t i = 0; i < t->columns; i++) {
        size_t start = t->kept.len;
        size_t width = cli_cell_show(columns, i, row, t->options->max_width, &t->nested, &t->kept);
        keep(t, t->kept_rows, i, start, width);
    }
}

static void add_row(table *t, const cli_columns *columns, int64_t row) {
    bool cut = t->options->max_width != 0 || t->options->screen_width != 0;
    for (size_t i = 0; i < t->columns; i++) {
        t->scratch.len = 0;
        size_t width =
            cli_cell_show(columns, i, row, cut ? t->width[i] : 0, &t->nested, &t->scratch);
        add_padded(t, i, t->scratch.ptr, t->scratch.len, width);
    }
}

static void table_rows(void *state, const cli_columns *columns) {
    table *t = state;
    for (int64_t row = 0; row < columns->rows && !cli_out_stopped(t->out); row++) {
        if (t->fixed) {
            add_row(t, columns, row);
        } else {
            keep_row(t, columns, row);
            if (t->kept_rows == t->sample_rows || t->kept.len >= SAMPLE_BYTES) {
                fix_widths(t);
            }
        }
    }
}

static void table_end(void *state, bool complete) {
    table *t = state;
    (void)
        complete; /* the rows so far are shown; the error block below says that more should be here */
    if (!t->fixed) {
        fix_widths(t);
    }
    free(t->number);
    free(t->width);
    free(t->cells);
    cli_buf_reset(&t->kept);
    cli_buf_reset(&t->scratch);
    cli_buf_reset(&t->nested);
    free(t);
}

const cli_format cli_format_table = {table_begin, table_rows, table_end};
