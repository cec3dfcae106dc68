#include "run.h"

#include "connect.h"
#include "errors.h"
#include "out.h"
#include "script.h"
#include "statement.h"
#include "watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "dbkernel.h"

static cli_format_kind choose_format(const cli_args *args, const cli_out *out) {
    if (args->format != CLI_FORMAT_AUTO) {
        return args->format;
    }
    return out->is_terminal ? CLI_FORMAT_TABLE : CLI_FORMAT_CSV;
}

static bool utf8_terminal(void) {
    static const char *const variables[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    for (size_t i = 0; i < COUNT_OF(variables); i++) {
        const char *value = getenv(variables[i]);
        if (value != NULL && value[0] != '\0') {
            return strcasestr(value, "utf-8") != NULL || strcasestr(value, "utf8") != NULL;
        }
    }
    return false;
}

static cli_format_options format_options(const cli_args *args, const cli_out *out) {
    struct winsize screen = {0};
    cli_format_options options = {.header = !args->no_header,
                                  .null_text = args->null_text,
                                  .max_width = args->max_width,
                                  .line_drawing = out->is_terminal && utf8_terminal()};
    if (out->is_terminal && !args->max_width_given && ioctl(out->fd, TIOCGWINSZ, &screen) == 0) {
        options.screen_width = screen.ws_col;
    }
    return options;
}

static bool init_logging(const cli_args *args, cli_fault *fault) {
    const char *level = args->log_level;
    if (level == NULL && args->log_file == NULL && getenv("DBK_LOG") == NULL) {
        return true; /* silent: what matters to the user is in the error block */
    }
    if (kernel_init_logging(level, args->log_file) != KernelStatusCode_Success) {
        cli_fault_take(fault, false);
        fault->exit_code = CLI_EXIT_USAGE;
        return false;
    }
    return true;
}

static bool wants_progress(const cli_args *args) {
    const char *terminal = getenv("TERM");
    bool logs_there =
        args->log_file == NULL && (args->log_level != NULL || getenv("DBK_LOG") != NULL);
    return !args->quiet && !logs_there && isatty(STDERR_FILENO) == 1 && terminal != NULL &&
           strcmp(terminal, "dumb") != 0;
}

/* The statements one after the other; *at is the one that failed. */
static bool run_all(const cli_args *args, const cli_script *script, cli_out *out,
                    kernel_session_t *session, size_t *at, cli_fault *fault) {
    cli_run run = {.session = session,
                   .args = args,
                   .out = out,
                   .format = choose_format(args, out),
                   .options = format_options(args, out)};
    for (*at = 0; *at < script->count; ++*at) {
        if (!cli_statement_run(&run, &script->items[*at].sql, fault)) {
            return false;
        }
        if (out->reader_gone) {
            return true;
        }
    }
    return true;
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
    bool arrow = choose_format(args, out) == CLI_FORMAT_ARROW;
    bool ok = init_logging(args, &fault) && cli_connect(args, arrow, &session, &fault) &&
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
    return code;
}

int cli_query(const cli_args *args) {
    cli_fault fault = {0};
    cli_script script = {0};
    cli_out out;
    if (!cli_script_read(&script, args, &fault)) {
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
        cli_watch_start(&out, wants_progress(args));
        out.before_terminal_write = cli_watch_hide;
        code = run_connected(args, &script, &out);
        cli_watch_stop();
    }
    cli_out_abandon(&out);
    cli_script_reset(&script);
    return code;
}
