#include "shell.h"

#include "catalog.h"
#include "command.h"
#include "connect.h"
#include "dotted.h"
#include "history.h"
#include "line.h"
#include "names.h"
#include "setup.h"
#include "statement.h"
#include "watch.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dbkernel.h"

enum { INCLUDE_DEPTH = 16 };

typedef struct shell {
    cli_args args; /* a copy whose format and timing change; its texts are the caller's */
    kernel_session_t *session;
    cli_namespace space; /* empty: not asked yet */
    cli_out screen;      /* standard output */
    cli_out file;        /* \o */
    bool to_file;
    bool expanded;
    size_t results;
    cli_buf pending;    /* lines of a statement that has no semicolon yet */
    const char *source; /* the file being read; NULL: the terminal */
    size_t line;        /* of source, from 1 */
    size_t first_line;  /* where pending begins */
    size_t depth;       /* of \i */
    cli_line *editor;
    cli_names *names;
    cli_history history;
    bool interactive;
    bool done;
    int exit_code;
} shell;

static bool run_lines(shell *s, FILE *from, const char *name);

/* ---- what went wrong ---- */

/* Says it and decides whether the shell goes on. */
static bool fail(shell *s, cli_fault *fault, const cli_sql *sql) {
    int got = cli_watch_again();
    bool scripted = s->source != NULL;
    if (got != 0) {
        (void)fputs("cancelled\n", stderr);
        s->exit_code = 128 + got;
        s->done = s->done || !s->interactive || got != SIGINT;
    } else {
        cli_buf where = {0};
        if (scripted) {
            cli_buf_addf(&where, "%s line %zu", s->source, sql != NULL ? sql->line : s->line);
        }
        cli_fault_print(fault, scripted ? cli_buf_str(&where) : NULL, stderr);
        if (sql != NULL) {
            cli_fault_point(fault, sql->ptr, sql->len, stderr);
        }
        cli_buf_reset(&where);
        s->exit_code = fault->exit_code;
        s->done = s->done || !s->interactive;
    }
    cli_fault_reset(fault);
    return false;
}

static bool refuse(shell *s, const char *why) {
    cli_fault fault = {0};
    cli_fault_set(&fault, CLI_EXIT_USAGE, "%s", why);
    return fail(s, &fault, NULL);
}

/* ---- output ---- */

static cli_run make_run(shell *s) {
    cli_out *out = s->to_file ? &s->file : &s->screen;
    cli_run run = {.session = s->session,
                   .args = &s->args,
                   .out = out,
                   .format = cli_setup_format(&s->args, out),
                   .options = cli_setup_options(&s->args, out),
                   .results = s->results};
    if (s->expanded && run.format == CLI_FORMAT_TABLE) {
        run.format = CLI_FORMAT_VERTICAL;
    }
    return run;
}

/* After rows were written. False: nobody reads them. */
static bool settle(shell *s, const cli_run *run) {
    s->results = s->interactive ? 0 : run->results;
    cli_out_flush(run->out);
    if (run->out->reader_gone) {
        s->done = true;
    } else if (run->out->error != 0) {
        cli_fault fault = {0};
        cli_fault_set(&fault, CLI_EXIT_BROKEN, "cannot write: %s", strerror(run->out->error));
        run->out->error = 0;
        return fail(s, &fault, NULL);
    }
    return !s->done;
}

static bool end_file(shell *s) {
    if (!s->to_file) {
        return true;
    }
    int failed = cli_out_finish(&s->file);
    s->to_file = false;
    cli_watch_output(&s->screen);
    return failed == 0 || refuse(s, strerror(failed));
}

static bool begin_file(shell *s, const char *path) {
    cli_buf why = {0};
    if (!end_file(s)) {
        return false;
    }
    int failed = cli_out_open(&s->file, path);
    if (failed != 0) {
        cli_buf_addf(&why, "cannot write %s: %s", path, strerror(failed));
        (void)refuse(s, cli_buf_str(&why));
        cli_buf_reset(&why);
        return false;
    }
    s->to_file = true;
    cli_watch_output(&s->file);
    return true;
}

/* ---- statements ---- */

/* What a statement may have changed is asked again. */
static void notice_changes(shell *s, const cli_sql *sql) {
    static const char *const changing[] = {"USE",   "SET",   "CREATE", "DROP",
                                           "ALTER", "BEGIN", "CALL",   "EXECUTE"};
    char word[16];
    cli_sql_first_word(sql->ptr, sql->len, word);
    for (size_t i = 0; i < COUNT_OF(changing); i++) {
        if (strcmp(word, changing[i]) == 0) {
            cli_namespace_reset(&s->space);
            if (s->names != NULL) {
                cli_names_forget(s->names);
            }
        }
    }
}

static bool run_statement(shell *s, const cli_sql *sql) {
    cli_fault fault = {0};
    cli_run run = make_run(s);
    bool ok = cli_statement_run(&run, sql, &fault);
    notice_changes(s, sql);
    return ok ? settle(s, &run) : fail(s, &fault, sql);
}

static bool run_catalog(shell *s, const cli_catalog_request *request) {
    cli_fault fault = {0};
    cli_run run = make_run(s);
    return cli_catalog_run(&run, request, &s->space, &fault) ? settle(s, &run)
                                                             : fail(s, &fault, NULL);
}

/* ---- commands ---- */

/* Columns, then keys. A name with % is a pattern, without keys. */
static bool describe(shell *s, const char *name) {
    bool exactly = name != NULL && strchr(name, '%') == NULL;
    const cli_catalog_request columns = {
        .command = CLI_COMMAND_COLUMNS, .name = name, .exactly = exactly};
    const cli_catalog_request keys = {.command = CLI_COMMAND_KEYS, .name = name};
    if (name == NULL) {
        return run_catalog(s, &(cli_catalog_request){.command = CLI_COMMAND_TABLES});
    }
    return run_catalog(s, &columns) && (!exactly || run_catalog(s, &keys));
}

static bool use(shell *s, const char *name) {
    cli_dotted to = {0};
    cli_fault fault = {0};
    if (name == NULL) {
        if (s->space.catalog == NULL && !cli_namespace_ask(s->session, &s->space, &fault)) {
            return fail(s, &fault, NULL);
        }
        (void)printf("%s.%s\n", s->space.catalog, s->space.schema);
        return true;
    }
    size_t len = strlen(name);
    bool catalog_only = len > 1 && name[len - 1] == '.';
    char *text = cli_strndup(name, catalog_only ? len - 1 : len);
    cli_buf sql = {0};
    bool ok = cli_dotted_parse(&to, text, catalog_only ? 1 : 2);
    if (ok) {
        cli_buf_add_str(&sql, catalog_only ? "USE CATALOG " : "USE SCHEMA ");
        if (to.parts[1] != NULL) {
            cli_identifier(&sql, to.parts[1]);
            cli_buf_add_char(&sql, '.');
        }
        cli_identifier(&sql, to.parts[2]);
        bool quiet = s->args.quiet;
        s->args.quiet = true;
        ok = run_statement(s, &(cli_sql){cli_buf_str(&sql), sql.len, s->line});
        s->args.quiet = quiet;
    } else {
        (void)refuse(s, "\\c takes SCHEMA, CATALOG.SCHEMA or CATALOG. with a dot behind it");
    }
    cli_buf_reset(&sql);
    cli_dotted_reset(&to);
    free(text);
    return ok;
}

static bool turn(shell *s, const char *argument, bool *value, const char *name) {
    if (!cli_slash_switch(argument, value)) {
        return refuse(s, "it is on or off");
    }
    if (s->interactive) {
        (void)fprintf(stderr, "%s is %s\n", name, *value ? "on" : "off");
    }
    return true;
}

static bool set_format(shell *s, const char *name) {
    cli_format_kind kind = CLI_FORMAT_AUTO;
    if (name == NULL) {
        (void)printf("%s\n", cli_format_name(make_run(s).format));
        return true;
    }
    if (!cli_format_parse(name, &kind) || kind == CLI_FORMAT_ARROW) {
        return refuse(s, "\\f takes table, vertical, csv, json or jsonl");
    }
    s->args.format = kind;
    return true;
}

static bool include(shell *s, const char *path) {
    cli_buf why = {0};
    if (s->depth == INCLUDE_DEPTH) {
        return refuse(s, "\\i in files that include each other");
    }
    FILE *from = fopen(path, "re");
    if (from == NULL) {
        cli_buf_addf(&why, "cannot read %s: %s", path, strerror(errno));
        (void)refuse(s, cli_buf_str(&why));
        cli_buf_reset(&why);
        return false;
    }
    s->depth++;
    bool ok = run_lines(s, from, path);
    s->depth--;
    (void)fclose(from);
    return ok;
}

static bool status(shell *s) {
    const char *id = dbk_session_id(s->session);
    (void)printf("dbk %s, session %s\nformat %s, timing %s, output %s\nlines %s, history %s\n",
                 dbk_version(), id == NULL ? "-" : id, cli_format_name(make_run(s).format),
                 s->args.timing ? "on" : "off", s->to_file ? s->file.path : "here",
                 s->editor != NULL ? "edited (libedit)" : "plain",
                 s->history.path != NULL ? s->history.path : "not kept");
    return use(s, NULL);
}

static bool help(void) {
    cli_buf list = {0};
    cli_slash_list(&list);
    (void)fputs(cli_buf_str(&list), stdout);
    cli_buf_reset(&list);
    return true;
}

static bool run_slash(shell *s, const cli_slash *slash) {
    const char *name = slash->argument;
    switch (slash->id) {
    case CLI_SLASH_QUIT:
        s->done = true;
        s->exit_code = CLI_EXIT_OK;
        return false;
    case CLI_SLASH_HELP:
        return help();
    case CLI_SLASH_CATALOGS:
        return run_catalog(s,
                           &(cli_catalog_request){.command = CLI_COMMAND_CATALOGS, .name = name});
    case CLI_SLASH_SCHEMAS:
        return run_catalog(s, &(cli_catalog_request){.command = CLI_COMMAND_SCHEMAS, .name = name});
    case CLI_SLASH_TABLES:
        return run_catalog(s, &(cli_catalog_request){.command = CLI_COMMAND_TABLES, .name = name});
    case CLI_SLASH_VIEWS:
        return run_catalog(s, &(cli_catalog_request){
                                  .command = CLI_COMMAND_TABLES, .name = name, .types = "VIEW"});
    case CLI_SLASH_DESCRIBE:
        return describe(s, name);
    case CLI_SLASH_NAMESPACE:
        return use(s, name);
    case CLI_SLASH_TIMING:
        return turn(s, name, &s->args.timing, "timing");
    case CLI_SLASH_FORMAT:
        return set_format(s, name);
    case CLI_SLASH_EXPANDED:
        return turn(s, name, &s->expanded, "one line per value");
    case CLI_SLASH_OUTPUT:
        return name == NULL ? end_file(s) : begin_file(s, name);
    case CLI_SLASH_INCLUDE:
        return include(s, name);
    case CLI_SLASH_PRINT:
        (void)fputs(cli_buf_str(&s->pending), stdout);
        return true;
    case CLI_SLASH_RESET:
        s->pending.len = 0;
        return true;
    case CLI_SLASH_ECHO:
        (void)printf("%s\n", name == NULL ? "" : name);
        return true;
    case CLI_SLASH_STATUS:
        return status(s);
    }
    return true;
}

static bool run_command(shell *s, const char *line) {
    cli_slash slash;
    cli_buf why = {0};
    bool ok = cli_slash_parse(&slash, line, &why);
    if (ok) {
        ok = run_slash(s, &slash);
        (void)fflush(stdout);
    } else {
        (void)refuse(s, cli_buf_str(&why));
    }
    cli_slash_reset(&slash);
    cli_buf_reset(&why);
    return ok;
}

/* ---- lines ---- */

static bool is_blank(const char *text) {
    return text[strspn(text, " \t\r\n\f\v")] == '\0';
}

/* Runs the statements of pending that are complete (or all: the text has ended). */
static bool run_pending(shell *s, bool all) {
    cli_split split = cli_split_start(cli_buf_str(&s->pending), s->pending.len);
    cli_sql sql;
    bool ok = true;
    while (ok && (all ? cli_split_next(&split, &sql) : cli_split_next_whole(&split, &sql))) {
        sql.line += s->first_line - 1;
        ok = run_statement(s, &sql);
    }
    size_t used = (size_t)(split.at - s->pending.ptr);
    if (!ok || all || is_blank(split.at)) {
        s->pending.len = 0; /* what stands behind a failed statement is not run either */
    } else if (used > 0) {
        s->first_line += split.line - 1;
        memmove(s->pending.ptr, s->pending.ptr + used, s->pending.len - used);
        s->pending.len -= used;
    }
    return ok;
}

/* One line without its newline. False: it failed. */
static bool take_line(shell *s, const char *line) {
    bool open = cli_split_is_open(cli_buf_str(&s->pending), s->pending.len);
    if (cli_slash_is(line) && !open) {
        return run_command(s, line);
    }
    if (s->pending.len == 0) {
        if (is_blank(line)) {
            return true;
        }
        s->first_line = s->line;
    }
    cli_buf_add_str(&s->pending, line);
    cli_buf_add_char(&s->pending, '\n');
    return strchr(line, ';') == NULL || run_pending(s, false);
}

/* A script: stops at the first failure. Its statements are its own. */
static bool run_lines(shell *s, FILE *from, const char *name) {
    cli_buf outer = s->pending;
    const char *outer_source = s->source;
    size_t outer_line = s->line;
    char *line = NULL;
    size_t size = 0;
    ssize_t len = 0;
    bool ok = true;
    s->pending = (cli_buf){0};
    s->source = name;
    s->line = 0;
    while (ok && !s->done && (len = getline(&line, &size, from)) >= 0) {
        size_t mark = ++s->line == 1 && len >= 3 && memcmp(line, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
        line[len - (len > 0 && line[len - 1] == '\n' ? 1 : 0)] = '\0';
        ok = take_line(s, line + mark);
    }
    if (ok && !s->done) {
        ok = run_pending(s, true);
    }
    free(line);
    cli_buf_reset(&s->pending);
    s->pending = outer;
    s->source = outer_source;
    s->line = outer_line;
    return ok;
}

/* ---- the conversation ---- */

static void complete(void *ctx, const char *text, size_t len, cli_completion *out) {
    shell *s = ctx;
    const cli_names_source source = {.ctx = s->names,
                                     .list = cli_names_list,
                                     .catalog = s->space.catalog,
                                     .schema = s->space.schema};
    char *line = cli_strndup(text, len);
    cli_complete(&source, cli_buf_str(&s->pending), line, len, out);
    free(line);
}

static const char *prompt_of(shell *s, cli_buf *prompt) {
    cli_fault fault = {0};
    prompt->len = 0;
    if (s->pending.len > 0) {
        bool open = cli_split_is_open(cli_buf_str(&s->pending), s->pending.len);
        cli_buf_add_str(prompt, open ? "     '> " : "     -> ");
        return cli_buf_str(prompt);
    }
    if (s->space.catalog == NULL && !cli_namespace_ask(s->session, &s->space, &fault)) {
        s->space = (cli_namespace){cli_strdup("?"), cli_strdup("?")}; /* until the next USE */
    }
    cli_fault_reset(&fault);
    (void)cli_watch_again();
    cli_buf_addf(prompt, "%.60s.%.60s> ", s->space.catalog, s->space.schema);
    return cli_buf_str(prompt);
}

static void remember(shell *s, cli_buf *entry) {
    while (entry->len > 0 && strchr(" \t\n", entry->ptr[entry->len - 1]) != NULL) {
        entry->len--;
    }
    if (entry->len > 0) {
        cli_line_remember(s->editor, cli_buf_str(entry));
        cli_history_add(&s->history, cli_buf_str(entry));
    }
    entry->len = 0;
}

static void converse(shell *s) {
    cli_buf line = {0};
    cli_buf prompt = {0};
    cli_buf typed = {0}; /* the lines since the last statement ended, for the history */
    while (!s->done) {
        cli_line_status got = cli_line_read(s->editor, prompt_of(s, &prompt), &line);
        if (got == CLI_LINE_SIGNAL) {
            int signal_number = cli_watch_again();
            s->pending.len = typed.len = 0;
            s->done = signal_number != SIGINT && signal_number != 0;
            s->exit_code = s->done ? 128 + signal_number : s->exit_code;
        } else if (got == CLI_LINE_END) {
            (void)fputc('\n', stderr);
            s->exit_code = CLI_EXIT_OK;
            break;
        } else {
            cli_buf_add(&typed, line.ptr, line.len);
            cli_buf_add_char(&typed, '\n');
            bool command = cli_slash_is(cli_buf_str(&line));
            (void)take_line(s, cli_buf_str(&line));
            (void)cli_watch_again(); /* it came when nothing ran any more */
            if (s->pending.len == 0 || command) {
                remember(s, &typed);
            }
        }
    }
    cli_buf_reset(&line);
    cli_buf_reset(&prompt);
    cli_buf_reset(&typed);
}

static void begin_conversation(shell *s) {
    cli_buf why = {0};
    s->names = cli_names_new(s->session);
    s->editor = cli_line_new(complete, s);
    if (!s->args.no_history) {
        cli_history_open(&s->history, &why);
    }
    for (size_t i = 0; i < s->history.count; i++) {
        cli_line_remember(s->editor, s->history.entries[i]);
    }
    if (!s->args.quiet) {
        (void)fprintf(stderr,
                      "dbk %s. A statement ends with a semicolon; \\? lists the commands, \\q "
                      "leaves.\n",
                      dbk_version());
        if (s->editor == NULL) {
            (void)fprintf(stderr, "lines cannot be edited here: %s\n",
                          cli_line_can_edit() ? "this is no terminal for it"
                                              : "this dbk was built without libedit");
        }
    }
    if (why.len > 0) {
        (void)fprintf(stderr, "%s\n", cli_buf_str(&why));
    }
    cli_buf_reset(&why);
}

static void talk(shell *s) {
    bool ok = true;
    bool has_files = false;
    for (size_t i = 0; ok && i < s->args.input_count; i++) { /* --file */
        has_files = true;
        ok = strcmp(s->args.inputs[i].text, "-") == 0 ? run_lines(s, stdin, "standard input")
                                                      : include(s, s->args.inputs[i].text);
    }
    if (!ok || s->done) {
        return;
    }
    if (s->interactive) {
        begin_conversation(s);
        converse(s);
    } else if (!has_files) {
        (void)run_lines(s, stdin, "standard input");
    }
}

static void end_shell(shell *s) {
    int got = cli_watch_signal();
    if (s->to_file) {
        (void)end_file(s);
    }
    (void)cli_out_finish(&s->screen);
    if (got != 0) {
        s->exit_code = 128 + got;
    }
    cli_line_free(s->editor); /* gives the terminal back */
    cli_names_free(s->names);
    cli_history_reset(&s->history);
    cli_namespace_reset(&s->space);
    cli_buf_reset(&s->pending);
    if (s->session != NULL) {
        (void)kernel_session_close(s->session);
    }
}

int cli_shell(const cli_args *args) {
    cli_fault fault = {0};
    shell s = {.args = *args, .interactive = isatty(STDIN_FILENO) == 1};
    for (size_t i = 0; i < args->input_count; i++) {
        s.interactive = s.interactive && strcmp(args->inputs[i].text, "-") != 0;
    }
    (void)cli_out_open(&s.screen, NULL); /* standard output cannot fail to open */
    cli_watch_prompt();
    cli_watch_start(&s.screen, s.interactive && cli_setup_progress(args));
    s.screen.before_terminal_write = cli_watch_hide;
    if (cli_setup_logging(args, &fault) && cli_connect(args, false, &s.session, &fault)) {
        talk(&s);
    } else {
        s.interactive = false;
        (void)fail(&s, &fault, NULL);
    }
    end_shell(&s);
    cli_watch_stop();
    return s.exit_code;
}
