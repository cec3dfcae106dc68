#include "escape.h"
#include "format.h"

#include <stdlib.h>
#include <string.h>

/* Objects with the columns as keys. json is one array, jsonl one object per line; both stream.
 * Numbers are JSON numbers with all their digits; NaN and infinities, dates and times are strings,
 * binary is base64, nested values and VARIANT are the JSON that they are. */

typedef struct json {
    cli_out *out;
    bool lines;    /* jsonl */
    bool any;      /* a row was written */
    cli_buf row;   /* the row at work */
    cli_buf *keys; /* one per column: {"name": or ,"name": */
    size_t key_count;
} json;

static void *json_new(cli_out *out, const cli_columns *columns, bool lines) {
    json *w = cli_alloc(1, sizeof *w);
    *w = (json){.out = out,
                .lines = lines,
                .keys = cli_alloc(columns->count, sizeof(cli_buf)),
                .key_count = columns->count};
    for (size_t i = 0; i < columns->count; i++) {
        cli_buf_add_char(&w->keys[i], i == 0 ? '{' : ',');
        cli_json_string(&w->keys[i], columns->items[i].name, strlen(columns->items[i].name));
        cli_buf_add_char(&w->keys[i], ':');
    }
    if (!lines) {
        cli_out_add_char(out, '[');
    }
    return w;
}

static void *json_begin(cli_out *out, const cli_format_options *options,
                        const cli_columns *columns) {
    (void)options;
    return json_new(out, columns, false);
}

static void *jsonl_begin(cli_out *out, const cli_format_options *options,
                         const cli_columns *columns) {
    (void)options;
    return json_new(out, columns, true);
}

static void json_rows(void *state, const cli_columns *columns) {
    json *w = state;
    for (int64_t row = 0; row < columns->rows && !cli_out_stopped(w->out); row++) {
        w->row.len = 0;
        if (!w->lines) {
            cli_buf_add_str(&w->row, w->any ? ",\n" : "\n");
        }
        w->any = true;
        for (size_t i = 0; i < columns->count; i++) {
            char scratch[CLI_CELL_SCRATCH];
            cli_cell cell = cli_columns_cell(columns, i, row, scratch);
            cli_buf_add(&w->row, w->keys[i].ptr, w->keys[i].len);
            if (cell.kind == CLI_CELL_NESTED) {
                cli_cell_nested(columns, i, row, &w->row);
            } else {
                cli_json_cell(&w->row, &cell);
            }
        }
        cli_buf_add_str(&w->row, columns->count == 0 ? "{}" : "}");
        if (w->lines) {
            cli_buf_add_char(&w->row, '\n');
        }
        cli_out_add(w->out, w->row.ptr, w->row.len);
    }
}

static void json_end(void *state, bool complete) {
    json *w = state;
    if (!w->lines) {
        /* A broken result leaves the array open: no reader takes it for the whole. */
        cli_out_add_str(w->out, !complete ? "\n" : w->any ? "\n]\n" : "]\n");
    }
    for (size_t i = 0; i < w->key_count; i++) {
        cli_buf_reset(&w->keys[i]);
    }
    free(w->keys);
    cli_buf_reset(&w->row);
    free(w);
}

const cli_format cli_format_json = {json_begin, json_rows, json_end};
const cli_format cli_format_jsonl = {jsonl_begin, json_rows, json_end};
