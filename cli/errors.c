#include "errors.h"

#include "text.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void cli_fault_set(cli_fault *fault, int exit_code, const char *fmt, ...) {
    va_list args;
    va_list again;
    va_start(args, fmt);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    cli_fault_reset(fault);
    fault->exit_code = exit_code;
    fault->message = cli_alloc((size_t)(len < 0 ? 0 : len) + 1, 1);
    (void)vsnprintf(fault->message, (size_t)(len < 0 ? 0 : len) + 1, fmt, again);
    va_end(again);
}

void cli_fault_reset(cli_fault *fault) {
    free(fault->message);
    free(fault->sql_state);
    free(fault->query_id);
    free(fault->error_code);
    free(fault->request_id);
    free(fault->hint);
    *fault = (cli_fault){0};
}

/* ---- the block ---- */

/* Server text on a terminal: lines are kept and indented, controls are made visible. */
static void print_text(const char *text, FILE *to) {
    cli_buf shown = {0};
    size_t len = strlen(text);
    while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == ' ')) {
        len--;
    }
    for (size_t i = 0; i < len;) {
        const char *newline = memchr(text + i, '\n', len - i);
        size_t line = newline == NULL ? len - i : (size_t)(newline - (text + i));
        if (i > 0) {
            cli_buf_add_str(&shown, line > 0 ? "\n  " : "\n");
        }
        (void)cli_show(&shown, text + i, line > 0 && text[i + line - 1] == '\r' ? line - 1 : line,
                       0);
        i += line + 1;
    }
    (void)fputs(cli_buf_str(&shown), to);
    cli_buf_reset(&shown);
}

static void add_fact(cli_buf *facts, const char *name, const char *value) {
    if (value != NULL) {
        cli_buf_addf(facts, "%s%s ", facts->len > 0 ? ", " : "", name);
        (void)cli_show(facts, value, strlen(value), 200);
    }
}

static void add_number(cli_buf *facts, const char *name, unsigned value) {
    cli_buf_addf(facts, "%s%s %u", facts->len > 0 ? ", " : "", name, value);
}

void cli_fault_print(const cli_fault *fault, const char *where, FILE *to) {
    const char *hint = cli_fault_hint(fault);
    cli_buf facts = {0};
    (void)fputs("error: ", to);
    print_text(fault->message == NULL ? "" : fault->message, to);
    (void)fputc('\n', to);
    /* "[TABLE_OR_VIEW_NOT_FOUND] ..." says more than the code beside it */
    bool has_class = fault->message != NULL && fault->message[0] == '[';
    if (fault->error_code != NULL && !has_class) {
        add_fact(&facts, "code", fault->error_code);
    }
    add_fact(&facts, "sqlstate", fault->sql_state);
    add_fact(&facts, "query id", fault->query_id);
    if (fault->http_status != 0) {
        add_number(&facts, "HTTP", fault->http_status);
    }
    add_fact(&facts, "request id", fault->request_id);
    if (fault->attempts > 1) {
        add_number(&facts, "attempts", fault->attempts);
    }
    if (where != NULL) {
        cli_buf_addf(&facts, "%sin %s", facts.len > 0 ? ", " : "", where);
    }
    if (facts.len > 0) {
        (void)fprintf(to, "  %s\n", cli_buf_str(&facts));
    }
    if (hint != NULL) {
        (void)fputs("  hint: ", to);
        print_text(hint, to);
        (void)fputc('\n', to);
    }
    cli_buf_reset(&facts);
}

/* ---- the place in the SQL ---- */

/* The last "line N, pos M" of a message; lines count from 1, positions from 0. */
static bool find_place(const char *message, size_t *line, size_t *pos) {
    bool found = false;
    for (const char *at = strstr(message, "line "); at != NULL; at = strstr(at + 1, "line ")) {
        char *end = NULL;
        unsigned long first = strtoul(at + 5, &end, 10);
        if (end != at + 5 && strncmp(end, ", pos ", 6) == 0 && end[6] >= '0' && end[6] <= '9') {
            *line = first;
            *pos = strtoul(end + 6, NULL, 10);
            found = true;
        }
    }
    return found && *line > 0;
}

void cli_fault_point(const cli_fault *fault, const char *sql, size_t len, FILE *to) {
    size_t line = 0;
    size_t pos = 0;
    const char *end = sql + len;
    if (fault->message == NULL || strstr(fault->message, "== SQL ==") != NULL ||
        !find_place(fault->message, &line, &pos)) {
        return;
    }
    for (size_t at = 1; at < line; at++) {
        const char *newline = memchr(sql, '\n', (size_t)(end - sql));
        if (newline == NULL) {
            return; /* the server counts in another text */
        }
        sql = newline + 1;
    }
    const char *newline = memchr(sql, '\n', (size_t)(end - sql));
    size_t width = newline == NULL ? (size_t)(end - sql) : (size_t)(newline - sql);
    if (pos > width) {
        return;
    }
    cli_buf shown = {0};
    cli_buf_addf(&shown, "  line %zu: ", line);
    size_t indent = shown.len;
    indent += cli_show(&shown, sql, pos, 0);
    (void)cli_show(&shown, sql + pos, width - pos, 0);
    cli_buf_add_char(&shown, '\n');
    cli_buf_add_repeat(&shown, " ", indent);
    (void)fprintf(to, "%s^\n", cli_buf_str(&shown));
    cli_buf_reset(&shown);
}
