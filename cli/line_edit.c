#include "line_edit.h"

#include "text.h"

#include <errno.h>
#include <histedit.h>
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

struct cli_line {
    EditLine *editor;
    History *history;
    cli_line_completer complete;
    void *ctx;
    const char *prompt;
    bool signalled;
};

enum { LIST_MAX = 200 }; /* candidates shown at once */

bool cli_line_can_edit(void) {
    return true;
}

static cli_line *line_of(EditLine *editor) {
    void *line = NULL;
    (void)el_get(editor, EL_CLIENTDATA, &line);
    return line;
}

static char *prompt_of(EditLine *editor) {
    static char prompt[256]; /* libedit wants it writable */
    (void)snprintf(prompt, sizeof prompt, "%s", line_of(editor)->prompt);
    return prompt;
}

/* ---- reading keys ---- */

static void resized(void *ctx) {
    el_resize(ctx);
}

/* One character. -1 ends the line: a signal came. Bytes that are no text become U+FFFD. */
static int read_key(EditLine *editor, wchar_t *key) {
    cli_line *line = line_of(editor);
    char bytes[8];
    size_t len = 0;
    for (;;) {
        if (!cli_line_wait(resized, editor)) {
            line->signalled = true;
            return -1;
        }
        ssize_t n = read(STDIN_FILENO, bytes + len, 1);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return 0;
        }
        mbstate_t state = {0};
        size_t used = mbrtowc(key, bytes, ++len, &state);
        if (used != (size_t)-2 || len == sizeof bytes) {
            if (used > sizeof bytes) {
                *key = 0xfffd;
            }
            return 1;
        }
    }
}

/* ---- completion ---- */

/* The candidates in columns, below the line. */
static void list_candidates(const cli_completion *found) {
    struct winsize screen = {0};
    size_t widest = 0;
    size_t shown = found->count < LIST_MAX ? found->count : LIST_MAX;
    cli_buf text = {0};
    for (size_t i = 0; i < shown; i++) {
        size_t len = strlen(found->items[i]);
        widest = len > widest ? len : widest;
    }
    size_t width =
        ioctl(STDOUT_FILENO, TIOCGWINSZ, &screen) == 0 && screen.ws_col > 0 ? screen.ws_col : 80;
    size_t columns = width / (widest + 2) > 0 ? width / (widest + 2) : 1;
    cli_buf_add_char(&text, '\n');
    for (size_t i = 0; i < shown; i++) {
        size_t used = cli_show(&text, found->items[i], strlen(found->items[i]), 0);
        bool last = (i + 1) % columns == 0 || i + 1 == shown;
        cli_buf_add_repeat(&text, last ? "\n" : " ",
                           last                ? 1
                           : widest + 2 > used ? widest + 2 - used
                                               : 1);
    }
    if (shown < found->count) {
        cli_buf_addf(&text, "(%zu more)\n", found->count - shown);
    }
    (void)fputs(cli_buf_str(&text), stdout);
    (void)fflush(stdout);
    cli_buf_reset(&text);
}

static size_t count_characters(const char *text, size_t len) {
    size_t count = 0;
    for (size_t i = 0; i < len; i++) {
        count += ((unsigned char)text[i] & 0xc0) != 0x80 ? 1 : 0;
    }
    return count;
}

static unsigned char complete_key(EditLine *editor, int key) {
    cli_line *line = line_of(editor);
    const LineInfo *typed = el_line(editor);
    size_t len = (size_t)(typed->cursor - typed->buffer);
    cli_completion found = {0};
    unsigned char answer = CC_REFRESH_BEEP;
    (void)key;
    line->complete(line->ctx, typed->buffer, len, &found);
    if (found.common != NULL && found.count > 0) {
        size_t word = len - found.from;
        if (strlen(found.common) != word ||
            memcmp(found.common, typed->buffer + found.from, word) != 0) {
            el_deletestr(editor, (int)count_characters(typed->buffer + found.from, word));
            (void)el_insertstr(editor, found.common);
            answer = CC_REFRESH;
        } else if (found.count > 1) {
            list_candidates(&found);
            answer = CC_REDISPLAY;
        }
    }
    cli_completion_reset(&found);
    return answer;
}

/* ---- life ---- */

/* Characters must be those of the terminal; the C locale would take every byte for one. */
static void choose_locale(void) {
    (void)setlocale(LC_CTYPE, "");
    if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0) {
        (void)setlocale(LC_CTYPE, "C.UTF-8");
    }
}

cli_line *cli_line_new(cli_line_completer complete, void *ctx) {
    const char *terminal = getenv("TERM");
    HistEvent event;
    if (isatty(STDIN_FILENO) != 1 || isatty(STDOUT_FILENO) != 1 || terminal == NULL ||
        terminal[0] == '\0' || strcmp(terminal, "dumb") == 0) {
        return NULL;
    }
    choose_locale();
    cli_line *line = cli_alloc(1, sizeof *line);
    *line = (cli_line){.editor = el_init("dbk", stdin, stdout, stderr),
                       .history = history_init(),
                       .complete = complete,
                       .ctx = ctx};
    if (line->editor == NULL || line->history == NULL) {
        cli_line_free(line);
        return NULL;
    }
    (void)history(line->history, &event, H_SETSIZE, 5000);
    (void)history(line->history, &event, H_SETUNIQUE, 1);
    (void)el_set(line->editor, EL_CLIENTDATA, line);
    (void)el_set(line->editor, EL_PROMPT, prompt_of);
    (void)el_set(line->editor, EL_EDITOR, "emacs");
    (void)el_set(line->editor, EL_HIST, history, line->history);
    (void)el_set(line->editor, EL_GETCFN, read_key);
    (void)el_set(line->editor, EL_ADDFN, "dbk-complete", "complete names", complete_key);
    (void)el_set(line->editor, EL_BIND, "^I", "dbk-complete", NULL);
    (void)el_set(line->editor, EL_BIND, "^R", "em-inc-search-prev", NULL);
    (void)el_set(line->editor, EL_BIND, "\033[3~", "ed-delete-next-char", NULL);
    (void)el_set(line->editor, EL_BIND, "\033[H", "ed-move-to-beg", NULL);
    (void)el_set(line->editor, EL_BIND, "\033[F", "ed-move-to-end", NULL);
    (void)el_source(line->editor, NULL); /* ~/.editrc: the person's own keys */
    return line;
}

void cli_line_free(cli_line *line) {
    if (line == NULL) {
        return;
    }
    if (line->editor != NULL) {
        el_end(line->editor);
    }
    if (line->history != NULL) {
        history_end(line->history);
    }
    free(line);
}

void cli_line_remember(cli_line *line, const char *text) {
    HistEvent event;
    if (line != NULL) {
        (void)history(line->history, &event, H_ENTER, text);
    }
}

cli_line_status cli_line_edit(cli_line *line, const char *prompt, cli_buf *out) {
    int len = 0;
    line->prompt = prompt;
    line->signalled = false;
    /* Before the prompt shows: libedit would do it after, and a Ctrl-D in between would be lost. */
    (void)el_set(line->editor, EL_PREP_TERM, 1);
    const char *typed = el_gets(line->editor, &len);
    if (line->signalled) {
        (void)fputs("^C\n", stdout);
        (void)fflush(stdout);
        el_reset(line->editor);
        return CLI_LINE_SIGNAL;
    }
    if (typed == NULL || len <= 0) {
        return CLI_LINE_END;
    }
    cli_buf_add(out, typed, (size_t)len - (typed[len - 1] == '\n' ? 1 : 0));
    return CLI_LINE_READ;
}
