#include "run.h"

#include "catalog.h"
#include "connect.h"
#include "errors.h"
#include "out.h"
#include "script.h"
#include "setup.h"
#include "statement.h"
#include "trace.h"
#include "watch.h"

#include <stdio.h>
#include <string.h>

/* The statements one after the other; *at is the one that failed. */
static bool run_script(cli_run *run, const cli_script *script, size_t *at, cli_fault *fault) {
    for (*at = 0; *at < script->count; ++*at) {
        if (!cli_statement_run(run, &script->items[*at].sql, fault)) {
            return false;
        }
        if (run->out->reader_gone) {
            return true;
        }
    }
    return true;
}

static bool run_catalog(cli_run *run, cli_fault *fault) {
    const cli_args *args = run->args;
    cli_namespace space = {0};
    cli_catalog_request request = {.command = args->command,
                                   .name = args->input_count > 0 ? args->inputs[0].text : NULL,
                                   .types = args->table_types,
                                   .column = args->column,
                                   .all_catalogs = args->all_catalogs,
                                   .full = args->full};
    bool ok = cli_catalog_run(run, &request, &space, fault);
    cli_namespace_reset(&space);
    return ok;
}

static bool run_all(const cli_args *args, const cli_script *script, cli_out *out,
                    kernel_session_t *session, size_t *at, cli_fault *fault) {
    cli_run run = {.session = session,
                   .args = args,
                   .out = out,
                   .format = cli_setup_format(args, out),
                   .options = cli_setup_options(args, out)};
    return args->command == CLI_COMMAND_QUERY ? run_script(&run, script, at, fault)
                                              : run_catalog(&run, fault);
}

/* Prints the fault and says how the process ends. */
static int report(cli_fault *fault, const cli_script *script, size_t at) {
    cli_buf where = {0};
    int got = cli_watch_signal();
    int code = fault->exit_code;
    if (got != 0) {
        (void)fputs("cancelled\n", stderr);
        code = 128 + got;
    } else {
        if (at < script->count && (script->count > 1 || script->items[at].file != NULL)) {
            const cli_script_item *item = &script->items[at];
            cli_buf_addf(&where, "statement %zu of %zu", at + 1, script->count);
            cli_buf_addf(&where, item->file != NULL ? ", %s line %zu" : "%s, line %zu",
                         item->file != NULL ? item->file : "", item->sql.line);
        }
        cli_fault_print(fault, where.len > 0 ? cli_buf_str(&where) : NULL, stderr);
        if (at < script->count) {
            cli_fault_point(fault, script->items[at].sql.ptr, script->items[at].sql.len, stderr);
        }
    }
    cli_buf_reset(&where);
    cli_fault_reset(fault);
    return code;
}

/* Everything that needs an open output. */
static int run_connected(const cli_args *args, const cli_script *script, cli_out *out) {
    cli_fault fault = {0};
    kernel_session_t *session = NULL;
    size_t at = script->count; /* no statement is to blame yet */
    bool arrow = cli_setup_format(args, out) == CLI_FORMAT_ARROW;
    bool ok = cli_setup_logging(args, &fault) && cli_connect(args, arrow, &session, &fault) &&
              run_all(args, script, out, session, &at, &fault);
    int failed = 0;
    if (ok || out->path == NULL) { /* what was written to standard output stays there */
        failed = cli_out_finish(out);
    } else {
        cli_out_abandon(out);
    }
    if (ok && failed != 0) {
        cli_fault_set(&fault, CLI_EXIT_BROKEN, "cannot write %s: %s",
                      args->output != NULL ? args->output : "standard output", strerror(failed));
        ok = false;
        at = script->count;
    }
    int code = CLI_EXIT_OK;
    if (!ok) {
        code = report(&fault, script, at);
    } else if (cli_watch_signal() != 0) { /* it came too late to stop anything */
        code = 128 + cli_watch_signal();
    }
    if (session != NULL) {
        (void)kernel_session_close(session);
    }
    if (!cli_trace_write(args, &fault) && code == CLI_EXIT_OK) {
        code = report(&fault, script, script->count);
    }
    cli_trace_reset();
    return code;
}

int cli_run_command(const cli_args *args) {
    cli_fault fault = {0};
    cli_script script = {0};
    cli_out out;
    if (args->command == CLI_COMMAND_QUERY && !cli_script_read(&script, args, &fault)) {
        int code = report(&fault, &script, 0);
        cli_script_reset(&script);
        return code;
    }
    int failed = cli_out_open(&out, args->output);
    if (failed == 0 && out.is_terminal && args->format == CLI_FORMAT_ARROW) {
        cli_fault_set(&fault, CLI_EXIT_USAGE,
                      "--format arrow is binary: write it to a file or a pipe");
    } else if (failed != 0) {
        cli_fault_set(&fault, CLI_EXIT_USAGE, "cannot write %s: %s",
                      args->output == NULL ? "standard output" : args->output, strerror(failed));
    }
    int code = fault.exit_code;
    if (code != 0) {
        cli_fault_print(&fault, NULL, stderr);
        cli_fault_reset(&fault);
    } else {
        cli_watch_start(&out, cli_setup_progress(args));
        out.before_terminal_write = cli_watch_hide;
        code = run_connected(args, &script, &out);
        cli_watch_stop();
    }
    cli_out_abandon(&out);
    cli_script_reset(&script);
    return code;
}
