#include "statement.h"

#include "trace.h"
#include "watch.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dbkernel.h"

typedef struct running {
    cli_run *run;
    const cli_sql *sql;
    kernel_statement_t *stmt;
    kernel_statement_canceller_t *canceller;
    kernel_executed_statement_t *executed;
    cli_result result;
    cli_fault *fault;
    int64_t changed; /* -1: not known */
    double started_s;
    double executed_s;
} running;

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
    r->executed_s = cli_now_s();
    r->changed = kernel_executed_statement_num_modified_rows(r->executed);
    return ok_or_take(r,
                      kernel_executed_statement_get_result_stream(r->executed, &r->result.stream));
}

/* Statements that return their counts as a row: a table says "3 rows changed" instead. */
static bool counts_changes(const cli_sql *sql) {
    static const char *const verbs[] = {"INSERT", "UPDATE", "DELETE", "MERGE", "COPY"};
    char word[16];
    cli_sql_first_word(sql->ptr, sql->len, word);
    for (size_t i = 0; i < COUNT_OF(verbs); i++) {
        if (strcmp(word, verbs[i]) == 0) {
            return true;
        }
    }
    return false;
}

static bool write_result(running *r) {
    dbk_executed_info info = {.struct_size = sizeof info};
    bool known = dbk_executed_get_info(r->executed, &info) == KernelStatusCode_Success;
    r->result.no_result_set = known && !info.has_result_set;
    r->result.may_be_count = r->changed >= 0 && counts_changes(r->sql);
    return cli_result_write(r->run, &r->result, r->fault);
}

/* ---- what is said about it ---- */

static void print_timing(const running *r) {
    dbk_executed_info info = {.struct_size = sizeof info};
    dbk_stream_stats stats = {.struct_size = sizeof stats};
    double end_s = cli_now_s();
    (void)fprintf(stderr, "time: %.3f s, execute %.3f s, rows %.3f s", end_s - r->started_s,
                  r->executed_s - r->started_s, end_s - r->executed_s);
    if (dbk_executed_get_info(r->executed, &info) == KernelStatusCode_Success &&
        dbk_result_stream_get_stats(r->result.stream, &stats) == KernelStatusCode_Success) {
        (void)fprintf(stderr, "; %u chunks, %.1f MB received, %.1f MB decoded",
                      stats.chunks_fetched, (double)stats.bytes_wire / 1e6,
                      (double)stats.bytes_arrow / 1e6);
    }
    const char *id = kernel_executed_statement_query_id(r->executed);
    (void)fprintf(stderr, "%s%s\n", id == NULL ? "" : "; query id ", id == NULL ? "" : id);
}

/* The line below a table, on standard error: standard output has rows only. */
static void print_summary(const running *r) {
    double seconds = cli_now_s() - r->started_s;
    if (r->result.shows_rows) {
        cli_result_summary(&r->result, seconds);
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
    if ((cli_format_is_for_people(r->run->format) || to_file) && !args->quiet) {
        print_summary(r);
    }
    if (args->timing) {
        print_timing(r);
    }
}

/* ---- all of it ---- */

static void close_all(running *r) {
    if (r->result.stream != NULL) {
        (void)kernel_result_stream_close(r->result.stream);
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
    running r = {.run = run, .sql = sql, .fault = fault, .changed = -1, .started_s = cli_now_s()};
    bool ok = prepare(&r);
    if (ok) {
        cli_watch_begin(r.stmt, r.canceller);
        ok = execute(&r) && write_result(&r);
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
    cli_trace_show(run->args);
    return ok;
}
