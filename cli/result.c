#include "result.h"

#include "watch.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dbkernel.h"

typedef struct writing {
    cli_run *run;
    cli_result *result;
    cli_fault *fault;
} writing;

static bool ok_or_take(writing *w, KernelStatusCode code) {
    if (code != KernelStatusCode_Success) {
        cli_fault_take(w->fault, false);
    }
    return code == KernelStatusCode_Success;
}

/* ---- rows as text ---- */

static const cli_format *format_of(cli_format_kind kind) {
    switch (kind) {
    case CLI_FORMAT_TABLE:
        return &cli_format_table;
    case CLI_FORMAT_JSON:
        return &cli_format_json;
    case CLI_FORMAT_JSONL:
        return &cli_format_jsonl;
    case CLI_FORMAT_VERTICAL:
        return &cli_format_vertical;
    case CLI_FORMAT_AUTO:
    case CLI_FORMAT_CSV:
    case CLI_FORMAT_ARROW:
        return &cli_format_csv;
    }
    return &cli_format_csv;
}

static int compare_names(const void *a, const void *b) {
    const char *const *left = a;
    const char *const *right = b;
    return strcmp(*left, *right);
}

static void warn_of_twins(const cli_columns *columns) {
    const char **names = cli_alloc(columns->count, sizeof *names);
    for (size_t i = 0; i < columns->count; i++) {
        names[i] = columns->items[i].name;
    }
    qsort(names, columns->count, sizeof *names, compare_names);
    for (size_t i = 1; i < columns->count; i++) {
        if (strcmp(names[i - 1], names[i]) == 0) {
            (void)fprintf(stderr,
                          "warning: two columns are named '%s'; most readers of JSON keep one\n",
                          names[i]);
            break;
        }
    }
    free(names);
}

/* ---- some columns of a result ---- */

/* Where the wanted columns stand; true: all of them are there. */
static bool find_wanted(const cli_result *result, const struct ArrowSchema *schema,
                        size_t at[CLI_WANTED_MAX]) {
    for (size_t i = 0; i < result->wanted_count; i++) {
        int64_t child = 0;
        while (child < schema->n_children &&
               strcmp(schema->children[child]->name, result->wanted[i]) != 0) {
            child++;
        }
        if (child == schema->n_children) {
            return false;
        }
        at[i] = (size_t)child;
    }
    return true;
}

/* Views with only the wanted children: copies that are never released. */
static bool bind_wanted(const cli_result *result, const struct ArrowArray *batch,
                        const struct ArrowSchema *schema, cli_columns *columns, cli_buf *why) {
    struct ArrowArray some = *batch;
    struct ArrowSchema fields = *schema;
    struct ArrowArray *arrays[CLI_WANTED_MAX];
    struct ArrowSchema *schemas[CLI_WANTED_MAX];
    size_t at[CLI_WANTED_MAX];
    if (result->wanted_count == 0 || !find_wanted(result, schema, at)) {
        return cli_columns_bind(columns, batch, schema, why);
    }
    for (size_t i = 0; i < result->wanted_count; i++) {
        arrays[i] = batch->children[at[i]];
        schemas[i] = schema->children[at[i]];
    }
    some.children = arrays;
    fields.children = schemas;
    some.n_children = fields.n_children = (int64_t)result->wanted_count;
    return cli_columns_bind(columns, &some, &fields, why);
}

static bool init_wanted(const cli_result *result, const struct ArrowSchema *schema, bool iso_times,
                        cli_columns *columns, cli_buf *why) {
    struct ArrowSchema fields = *schema;
    struct ArrowSchema *schemas[CLI_WANTED_MAX];
    size_t at[CLI_WANTED_MAX];
    if (result->wanted_count > 0 && find_wanted(result, schema, at)) {
        for (size_t i = 0; i < result->wanted_count; i++) {
            schemas[i] = schema->children[at[i]];
        }
        fields.children = schemas;
        fields.n_children = (int64_t)result->wanted_count;
    }
    return cli_columns_init(columns, &fields, iso_times, why);
}

/* ---- batches ---- */

/* Every batch to the format. The end of the stream has released structs. */
static bool write_batches(writing *w, cli_columns *columns, const cli_format *format, void *state) {
    cli_buf why = {0};
    bool ok = true;
    while (ok && !cli_out_stopped(w->run->out)) {
        struct ArrowArray batch = {0};
        struct ArrowSchema schema = {0};
        ok = ok_or_take(w, kernel_result_stream_next_batch_cancellable(w->result->stream, &batch,
                                                                       &schema, cli_watch_token()));
        if (!ok || batch.release == NULL) {
            break;
        }
        ok = bind_wanted(w->result, &batch, &schema, columns, &why);
        if (!ok) {
            cli_fault_set(w->fault, CLI_EXIT_BROKEN, "%s", cli_buf_str(&why));
        } else {
            w->result->rows += batch.length;
            if (state != NULL) {
                format->rows(state, columns);
            }
        }
        batch.release(&batch);
        schema.release(&schema);
    }
    cli_buf_reset(&why);
    return ok;
}

/* The counts that INSERT and its kin return as a row. */
static bool is_count(const cli_result *result, const cli_columns *columns) {
    return result->may_be_count && columns->count > 0 &&
           strncmp(columns->items[0].name, "num_", 4) == 0;
}

static bool write_text(writing *w, cli_columns *columns) {
    cli_run *run = w->run;
    const cli_format *format = format_of(run->format);
    bool json = run->format == CLI_FORMAT_JSON || run->format == CLI_FORMAT_JSONL;
    bool table = cli_format_is_for_people(run->format);
    void *state = NULL;
    w->result->shows_rows = columns->count > 0 && !(table && is_count(w->result, columns));
    if (w->result->shows_rows) {
        if (table && run->results++ > 0) {
            cli_out_add_char(run->out, '\n');
        }
        if (json && !run->args->quiet) {
            warn_of_twins(columns);
        }
        state = format->begin(run->out, &run->options, columns);
    }
    bool ok = write_batches(w, columns, format, state);
    if (state != NULL) {
        format->end(state, ok);
    }
    return ok;
}

static bool write_rows(writing *w) {
    struct ArrowSchema schema = {0};
    cli_columns columns = {0};
    cli_buf why = {0};
    bool iso = w->run->format == CLI_FORMAT_JSON || w->run->format == CLI_FORMAT_JSONL;
    if (!ok_or_take(w, kernel_result_stream_get_schema(w->result->stream, &schema))) {
        return false;
    }
    bool ok = init_wanted(w->result, &schema, iso, &columns, &why);
    schema.release(&schema);
    if (ok) {
        ok = write_text(w, &columns);
    } else {
        cli_fault_set(w->fault, CLI_EXIT_BROKEN, "%s; --format arrow takes any type",
                      cli_buf_str(&why));
    }
    cli_columns_reset(&columns);
    cli_buf_reset(&why);
    return ok;
}

/* ---- rows as Arrow ---- */

static bool write_ipc(writing *w) {
    w->result->shows_rows = !w->result->no_result_set;
    while (w->result->shows_rows && !cli_out_stopped(w->run->out)) {
        const uint8_t *bytes = NULL;
        size_t len = 0;
        if (!ok_or_take(w, dbk_result_stream_next_ipc(w->result->stream, &bytes, &len))) {
            return false;
        }
        if (len == 0) {
            break;
        }
        cli_out_add(w->run->out, (const char *)bytes, len);
    }
    dbk_stream_stats stats = {.struct_size = sizeof stats};
    if (dbk_result_stream_get_stats(w->result->stream, &stats) == KernelStatusCode_Success) {
        w->result->rows = (int64_t)stats.rows;
    }
    return true;
}

bool cli_result_write(cli_run *run, cli_result *result, cli_fault *fault) {
    writing w = {.run = run, .result = result, .fault = fault};
    return run->format == CLI_FORMAT_ARROW ? write_ipc(&w) : write_rows(&w);
}

void cli_result_summary(const cli_result *result, double seconds) {
    (void)fprintf(stderr, "%" PRId64 " row%s in %.3f s\n", result->rows,
                  result->rows == 1 ? "" : "s", seconds);
}

double cli_now_s(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}
