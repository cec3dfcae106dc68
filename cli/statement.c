#include "statement.h"

#include "watch.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "dbkernel.h"

typedef struct running {
    cli_run *run;
    const cli_sql *sql;
    kernel_statement_t *stmt;
    kernel_statement_canceller_t *canceller;
    kernel_executed_statement_t *executed;
    kernel_result_stream_t *stream;
    cli_fault *fault;
    bool shows_rows; /* rows are written; false: only a summary */
    int64_t rows;
    int64_t changed; /* -1: not known */
    double started_s;
    double executed_s;
} running;

static double now_s(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Keeps the kernel's error of the call that just failed. */
static bool failed(running *r) {
    cli_fault_take(r->fault, false);
    return false;
}

static bool ok_or_take(running *r, KernelStatusCode code) {
    return code == KernelStatusCode_Success || failed(r);
}

/* ---- execute ---- */

static bool prepare(running *r) {
    const cli_args *args = r->run->args;
    bool ok = ok_or_take(r, kernel_session_new_statement(r->run->session, &r->stmt)) &&
              ok_or_take(r, dbk_statement_set_sql_n(r->stmt, r->sql->ptr, r->sql->len));
    for (size_t i = 0; ok && i < args->param_count; i++) {
        const cli_param *param = &args->params[i];
        ok = ok_or_take(
            r, kernel_statement_bind_parameter(r->stmt, param->name, param->type, param->value));
    }
    if (ok && args->row_limit != NULL) {
        ok = ok_or_take(r, dbk_statement_set_option(r->stmt, "row_limit", args->row_limit));
    }
    return ok && ok_or_take(r, kernel_statement_canceller_new(r->stmt, &r->canceller));
}

static bool execute(running *r) {
    if (!ok_or_take(r, kernel_statement_execute(r->stmt, &r->executed))) {
        return false;
    }
    r->executed_s = now_s();
    r->changed = kernel_executed_statement_num_modified_rows(r->executed);
    return ok_or_take(r, kernel_executed_statement_get_result_stream(r->executed, &r->stream));
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
    case CLI_FORMAT_AUTO:
    case CLI_FORMAT_CSV:
    case CLI_FORMAT_ARROW:
        return &cli_format_csv;
    }
    return &cli_format_csv;
}

/* The counts that INSERT and its kin return as a row: a table says "3 rows changed" instead. */
static bool is_change_summary(const running *r, const cli_columns *columns) {
    static const char *const verbs[] = {"INSERT", "UPDATE", "DELETE", "MERGE", "COPY"};
    char word[16];
    cli_sql_first_word(r->sql->ptr, r->sql->len, word);
    bool changes = false;
    for (size_t i = 0; i < COUNT_OF(verbs); i++) {
        changes = changes || strcmp(word, verbs[i]) == 0;
    }
    return changes && r->changed >= 0 && columns->count > 0 &&
           strncmp(columns->items[0].name, "num_", 4) == 0;
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

/* Every batch to the format. The end of the stream has released structs. */
static bool write_batches(running *r, cli_columns *columns, const cli_format *format, void *state) {
    cli_buf why = {0};
    bool ok = true;
    while (ok && !cli_out_stopped(r->run->out)) {
        struct ArrowArray batch = {0};
        struct ArrowSchema schema = {0};
        ok = ok_or_take(r, kernel_result_stream_next_batch_cancellable(r->stream, &batch, &schema,
                                                                       cli_watch_token()));
        if (!ok || batch.release == NULL) {
            break;
        }
        ok = cli_columns_bind(columns, &batch, &schema, &why);
        if (!ok) {
            cli_fault_set(r->fault, CLI_EXIT_BROKEN, "%s", cli_buf_str(&why));
        } else {
            r->rows += batch.length;
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

static bool write_text(running *r, cli_columns *columns) {
    cli_run *run = r->run;
    const cli_format *format = format_of(run->format);
    bool json = run->format == CLI_FORMAT_JSON || run->format == CLI_FORMAT_JSONL;
    bool table = run->format == CLI_FORMAT_TABLE;
    void *state = NULL;
    r->shows_rows = columns->count > 0 && !(table && is_change_summary(r, columns));
    if (r->shows_rows) {
        if (table && run->results++ > 0) {
            cli_out_add_char(run->out, '\n');
        }
        if (json && !run->args->quiet) {
            warn_of_twins(columns);
        }
        state = format->begin(run->out, &run->options, columns);
    }
    bool ok = write_batches(r, columns, format, state);
    if (state != NULL) {
        format->end(state, ok);
    }
    return ok;
}

static bool write_rows(running *r) {
    struct ArrowSchema schema = {0};
    cli_columns columns = {0};
    cli_buf why = {0};
    bool iso = r->run->format == CLI_FORMAT_JSON || r->run->format == CLI_FORMAT_JSONL;
    if (!ok_or_take(r, kernel_result_stream_get_schema(r->stream, &schema))) {
        return false;
    }
    bool ok = cli_columns_init(&columns, &schema, iso, &why);
    schema.release(&schema);
    if (ok) {
        ok = write_text(r, &columns);
    } else {
        cli_fault_set(r->fault, CLI_EXIT_BROKEN, "%s; --format arrow takes any type",
                      cli_buf_str(&why));
    }
    cli_columns_reset(&columns);
    cli_buf_reset(&why);
    return ok;
}

/* ---- rows as Arrow ---- */

static bool write_ipc(running *r) {
    dbk_executed_info info = {.struct_size = sizeof info};
    if (dbk_executed_get_info(r->executed, &info) == KernelStatusCode_Success) {
        r->shows_rows = info.has_result_set;
    }
    while (r->shows_rows && !cli_out_stopped(r->run->out)) {
        const uint8_t *bytes = NULL;
        size_t len = 0;
        if (!ok_or_take(r, dbk_result_stream_next_ipc(r->stream, &bytes, &len))) {
            return false;
        }
        if (len == 0) {
            break;
        }
        cli_out_add(r->run->out, (const char *)bytes, len);
    }
    dbk_stream_stats stats = {.struct_size = sizeof stats};
    if (dbk_result_stream_get_stats(r->stream, &stats) == KernelStatusCode_Success) {
        r->rows = (int64_t)stats.rows;
    }
    return true;
}

/* ---- what is said about it ---- */

static void print_timing(const running *r) {
    dbk_executed_info info = {.struct_size = sizeof info};
    dbk_stream_stats stats = {.struct_size = sizeof stats};
    double end_s = now_s();
    (void)fprintf(stderr, "time: %.3f s, execute %.3f s, rows %.3f s", end_s - r->started_s,
                  r->executed_s - r->started_s, end_s - r->executed_s);
    if (dbk_executed_get_info(r->executed, &info) == KernelStatusCode_Success &&
        dbk_result_stream_get_stats(r->stream, &stats) == KernelStatusCode_Success) {
        (void)fprintf(stderr, "; %u chunks, %.1f MB received, %.1f MB decoded",
                      stats.chunks_fetched, (double)stats.bytes_wire / 1e6,
                      (double)stats.bytes_arrow / 1e6);
    }
    const char *id = kernel_executed_statement_query_id(r->executed);
    (void)fprintf(stderr, "%s%s\n", id == NULL ? "" : "; query id ", id == NULL ? "" : id);
}

/* The line below a table, on standard error: standard output has rows only. */
static void print_summary(const running *r) {
    double seconds = now_s() - r->started_s;
    if (r->shows_rows) {
        (void)fprintf(stderr, "%" PRId64 " row%s in %.3f s\n", r->rows, r->rows == 1 ? "" : "s",
                      seconds);
    } else if (r->changed >= 0) {
        (void)fprintf(stderr, "%" PRId64 " row%s changed in %.3f s\n", r->changed,
                      r->changed == 1 ? "" : "s", seconds);
    } else {
        (void)fprintf(stderr, "OK in %.3f s\n", seconds);
    }
}

static void print_notes(const running *r) {
    const cli_args *args = r->run->args;
    dbk_executed_info info = {.struct_size = sizeof info};
    bool cut =
        dbk_executed_get_info(r->executed, &info) == KernelStatusCode_Success && info.truncated;
    if (cut && args->row_limit == NULL) {
        (void)fputs("warning: the server cut this result; rows are missing\n", stderr);
    } else if (cut && !args->quiet) {
        (void)fputs("note: cut by --row-limit\n", stderr);
    }
    bool to_file = args->output != NULL && isatty(STDERR_FILENO) == 1;
    if ((r->run->format == CLI_FORMAT_TABLE || to_file) && !args->quiet) {
        print_summary(r);
    }
    if (args->timing) {
        print_timing(r);
    }
}

/* ---- all of it ---- */

static void close_all(running *r) {
    if (r->stream != NULL) {
        (void)kernel_result_stream_close(r->stream);
    }
    if (r->executed != NULL) {
        (void)kernel_executed_statement_close(r->executed);
    }
    if (r->canceller != NULL) {
        (void)kernel_statement_canceller_free(r->canceller);
    }
    if (r->stmt != NULL) {
        (void)kernel_statement_close(r->stmt);
    }
}

bool cli_statement_run(cli_run *run, const cli_sql *sql, cli_fault *fault) {
    running r = {.run = run, .sql = sql, .fault = fault, .changed = -1, .started_s = now_s()};
    bool ok = prepare(&r);
    if (ok) {
        cli_watch_begin(r.stmt, r.canceller);
        ok = execute(&r) && (run->format == CLI_FORMAT_ARROW ? write_ipc(&r) : write_rows(&r));
        cli_out_flush(run->out); /* rows before what is said about them */
        cli_watch_end();
    }
    if (ok && cli_watch_signal() != 0) {
        cli_fault_set(fault, CLI_EXIT_INTERRUPTED, "cancelled");
        ok = false;
    }
    if (ok && !cli_out_stopped(run->out)) {
        print_notes(&r);
    }
    close_all(&r);
    return ok;
}
