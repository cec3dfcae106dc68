#include "escape.h"
#include "format.h"

#include <stdlib.h>
#include <string.h>

/* RFC 4180 with "\n" between records. NULL is empty (or --null) and an empty string is "", so that
 * both survive; a text equal to the NULL text is quoted for the same reason. */

typedef struct csv {
    cli_out *out;
    const char *null_text;
    size_t null_len;
    cli_buf scratch;
} csv;

static const bool needs_quotes[256] = {['"'] = true, [','] = true, ['\n'] = true, ['\r'] = true};

static void add_quoted(cli_out *out, const char *s, size_t len) {
    cli_out_add_char(out, '"');
    while (len > 0) {
        const char *quote = memchr(s, '"', len);
        size_t run = quote == NULL ? len : (size_t)(quote - s) + 1;
        cli_out_add(out, s, run);
        if (quote != NULL) {
            cli_out_add_char(out, '"');
        }
        s += run;
        len -= run;
    }
    cli_out_add_char(out, '"');
}

static void add_text(const csv *w, const char *s, size_t len) {
    bool quote = len == w->null_len && memcmp(s, w->null_text, len) == 0;
    for (size_t i = 0; i < len && !quote; i++) {
        quote = needs_quotes[(unsigned char)s[i]];
    }
    if (quote) {
        add_quoted(w->out, s, len);
    } else {
        cli_out_add(w->out, s, len);
    }
}

static void *csv_begin(cli_out *out, const cli_format_options *options,
                       const cli_columns *columns) {
    csv *w = cli_alloc(1, sizeof *w);
    *w = (csv){.out = out, .null_text = options->null_text, .null_len = strlen(options->null_text)};
    for (size_t i = 0; options->header && i < columns->count; i++) {
        if (i > 0) {
            cli_out_add_char(out, ',');
        }
        add_text(w, columns->items[i].name, strlen(columns->items[i].name));
    }
    if (options->header && columns->count > 0) {
        cli_out_add_char(out, '\n');
    }
    return w;
}

static void add_cell(csv *w, const cli_columns *columns, size_t column, int64_t row) {
    char scratch[CLI_CELL_SCRATCH];
    cli_cell cell = cli_columns_cell(columns, column, row, scratch);
    w->scratch.len = 0;
    switch (cell.kind) {
    case CLI_CELL_NULL:
        cli_out_add(w->out, w->null_text, w->null_len);
        break;
    case CLI_CELL_NUMBER:
    case CLI_CELL_BOOL:
    case CLI_CELL_PLAIN:
        cli_out_add(w->out, cell.ptr, cell.len);
        break;
    case CLI_CELL_TEXT:
    case CLI_CELL_JSON:
        add_text(w, cell.ptr, cell.len);
        break;
    case CLI_CELL_BINARY:
        cli_hex(&w->scratch, cell.ptr, cell.len);
        add_text(w, w->scratch.ptr, w->scratch.len);
        break;
    case CLI_CELL_NESTED:
        cli_cell_nested(columns, column, row, &w->scratch);
        add_text(w, w->scratch.ptr, w->scratch.len);
        break;
    }
}

static void csv_rows(void *state, const cli_columns *columns) {
    csv *w = state;
    for (int64_t row = 0; row < columns->rows && !cli_out_stopped(w->out); row++) {
        for (size_t i = 0; i < columns->count; i++) {
            if (i > 0) {
                cli_out_add_char(w->out, ',');
            }
            add_cell(w, columns, i, row);
        }
        cli_out_add_char(w->out, '\n');
    }
}

static void csv_end(void *state, bool complete) {
    csv *w = state;
    (void)complete;
    cli_buf_reset(&w->scratch);
    free(w);
}

const cli_format cli_format_csv = {csv_begin, csv_rows, csv_end};
