#include "split.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

typedef enum token_kind {
    TOKEN_END,
    TOKEN_SPACE,
    TOKEN_COMMENT,
    TOKEN_WORD,
    TOKEN_QUOTED,
    TOKEN_SEMICOLON,
    TOKEN_OTHER
} token_kind;

typedef struct token {
    token_kind kind;
    const char *ptr;
    size_t len;
} token;

static bool is_word(char c) {
    return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

/* One past the end of a quoted text that begins at p; a quote that never closes ends with the text. */
static const char *quoted_end(const char *p, const char *end, bool escapes) {
    char quote = *p++;
    while (p < end) {
        if (*p == '\\' && escapes && end - p > 1) {
            p += 2;
        } else if (*p == quote && end - p > 1 && p[1] == quote) {
            p += 2;
        } else if (*p++ == quote) {
            return p;
        }
    }
    return end;
}

static const char *comment_end(const char *p, const char *end) { /* block comments nest */
    size_t depth = 0;
    while (end - p > 1) {
        if (p[0] == '/' && p[1] == '*') {
            depth++;
            p += 2;
        } else if (p[0] == '*' && p[1] == '/') {
            p += 2;
            if (--depth == 0) {
                return p;
            }
        } else {
            p++;
        }
    }
    return end;
}

/* A dollar quote, $$ or $name$, up to its twin; NULL: p does not begin one. */
static const char *dollar_end(const char *p, const char *end) {
    const char *tag = p + 1;
    while (tag < end && is_word(*tag)) {
        tag++;
    }
    if (tag >= end || *tag != '$' || (tag > p + 1 && isdigit((unsigned char)p[1]))) {
        return NULL;
    }
    size_t len = (size_t)(tag + 1 - p);
    const char *close = memmem(p + len, (size_t)(end - p) - len, p, len);
    return close == NULL ? end : close + len;
}

static const char *word_end(const char *p, const char *end) {
    while (p < end && (is_word(*p) || *p == '$')) {
        p++;
    }
    return p;
}

static token next_token(const char *p, const char *end) {
    token t = {TOKEN_OTHER, p, 1};
    const char *stop = p + 1;
    if (p >= end) {
        return (token){TOKEN_END, p, 0};
    }
    bool two = end - p > 1;
    if (isspace((unsigned char)*p)) {
        t.kind = TOKEN_SPACE;
    } else if (*p == ';') {
        t.kind = TOKEN_SEMICOLON;
    } else if (two && p[0] == '-' && p[1] == '-') {
        const char *newline = memchr(p, '\n', (size_t)(end - p));
        t.kind = TOKEN_COMMENT;
        stop = newline == NULL ? end : newline;
    } else if (two && p[0] == '/' && p[1] == '*') {
        t.kind = TOKEN_COMMENT;
        stop = comment_end(p, end);
    } else if (*p == '\'' || *p == '"' || *p == '`') {
        t.kind = TOKEN_QUOTED;
        stop = quoted_end(p, end, *p != '`');
    } else if (two && (*p == 'r' || *p == 'R') && (p[1] == '\'' || p[1] == '"')) {
        t.kind = TOKEN_QUOTED;
        stop = quoted_end(p + 1, end, false);
    } else if (*p == '$' && dollar_end(p, end) != NULL) {
        t.kind = TOKEN_QUOTED;
        stop = dollar_end(p, end);
    } else if (is_word(*p)) {
        t.kind = TOKEN_WORD;
        stop = word_end(p, end);
    }
    t.len = (size_t)(stop - p);
    return t;
}

static bool word_is(const token *t, const char *word) {
    return t->kind == TOKEN_WORD && t->len == strlen(word) &&
           strncasecmp(t->ptr, word, t->len) == 0;
}

static bool word_in(const token *t, const char *const *words, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (word_is(t, words[i])) {
            return true;
        }
    }
    return false;
}

/* The next token behind p that is neither space nor comment. */
static token peek_solid(const char *p, const char *end) {
    for (;;) {
        token t = next_token(p, end);
        if (t.kind != TOKEN_SPACE && t.kind != TOKEN_COMMENT) {
            return t;
        }
        p += t.len;
    }
}

/* ---- blocks of SQL scripts ---- */

typedef struct block {
    size_t depth;  /* open BEGIN and CASE */
    bool creates;  /* the statement begins with CREATE: AS BEGIN opens a body */
    size_t solids; /* tokens so far */
    token last;    /* the last solid token */
} block;

/* Is this BEGIN the start of a block, not of a transaction or a name? */
static bool opens_block(const block *b, const token *t, const char *end) {
    static const char *const transaction[] = {"TRANSACTION", "WORK"};
    token next = peek_solid(t->ptr + t->len, end);
    if (next.kind == TOKEN_SEMICOLON || next.kind == TOKEN_END ||
        word_in(&next, transaction, COUNT_OF(transaction))) {
        return false;
    }
    bool labelled = b->last.kind == TOKEN_OTHER && *b->last.ptr == ':' && b->solids == 2;
    return b->solids == 0 || labelled || (b->creates && word_is(&b->last, "AS"));
}

/* Follows one solid token. END IF, END WHILE and the like close what no word here has opened. */
static void follow(block *b, const token *t, const char *end) {
    static const char *const others[] = {"IF", "WHILE", "FOR", "LOOP", "REPEAT"};
    bool behind_end = word_is(&b->last, "END");
    if (b->depth == 0) {
        b->depth = word_is(t, "BEGIN") && opens_block(b, t, end) ? 1 : 0;
    } else if (word_is(t, "BEGIN") || (word_is(t, "CASE") && !behind_end)) {
        b->depth++;
    } else if (word_is(t, "END")) {
        token next = peek_solid(t->ptr + t->len, end);
        b->depth -= word_in(&next, others, COUNT_OF(others)) ? 0 : 1;
    }
    if (b->solids == 0) {
        b->creates = word_is(t, "CREATE");
    }
    b->solids++;
    b->last = *t;
}

/* ---- statements ---- */

cli_split cli_split_start(const char *text, size_t len) {
    return (cli_split){.at = text, .end = text + len, .line = 1};
}

static size_t count_lines(const char *from, const char *to) {
    size_t lines = 0;
    for (; from < to; from++) {
        lines += *from == '\n' ? 1 : 0;
    }
    return lines;
}

/* One statement up to its semicolon or the end; false: it holds no token. */
static bool take_piece(cli_split *split, cli_sql *out) {
    block b = {.last = {TOKEN_END, split->at, 0}};
    const char *first = split->at; /* of the statement: white space before it is dropped */
    const char *last = split->at;
    bool begun = false;
    token t = next_token(split->at, split->end);
    while (t.kind != TOKEN_END && (t.kind != TOKEN_SEMICOLON || b.depth > 0)) {
        const char *stop = t.ptr + t.len;
        if (t.kind != TOKEN_SPACE) {
            first = begun ? first : t.ptr;
            last = stop;
            begun = true;
        }
        if (t.kind != TOKEN_SPACE && t.kind != TOKEN_COMMENT) {
            follow(&b, &t, split->end);
        }
        t = next_token(stop, split->end);
    }
    if (b.solids > 0) {
        size_t before = count_lines(split->at, first);
        *out = (cli_sql){first, (size_t)(last - first), split->line + before};
    }
    const char *next = t.ptr + t.len;
    split->line += count_lines(split->at, next);
    split->at = next;
    return b.solids > 0;
}

bool cli_split_next_whole(cli_split *split, cli_sql *out) {
    cli_split ahead = *split;
    while (ahead.at < ahead.end) {
        bool has_sql = take_piece(&ahead, out);
        if (ahead.at[-1] != ';' || (has_sql && out->ptr + out->len == ahead.end)) {
            return false; /* the text ended, not the statement */
        }
        *split = ahead;
        if (has_sql) {
            return true;
        }
    }
    return false;
}

bool cli_split_is_open(const char *text, size_t len) {
    const char *end = text + len;
    token t = {TOKEN_SPACE, text, 0};
    for (const char *p = text; p < end; p += t.len) {
        t = next_token(p, end);
    }
    if (t.kind == TOKEN_COMMENT) {
        return t.ptr[0] == '/' && (t.len < 4 || memcmp(end - 2, "*/", 2) != 0);
    }
    if (t.kind != TOKEN_QUOTED) {
        return false;
    }
    cli_buf longer = {0}; /* one character more belongs to the quote when it is open */
    cli_buf_add(&longer, t.ptr, t.len);
    cli_buf_add_char(&longer, ' ');
    bool open = next_token(longer.ptr, longer.ptr + longer.len).len == longer.len;
    cli_buf_reset(&longer);
    return open;
}

bool cli_split_next(cli_split *split, cli_sql *out) {
    while (split->at < split->end) {
        if (take_piece(split, out)) {
            return true;
        }
    }
    return false;
}

void cli_sql_first_word(const char *sql, size_t len, char word[16]) {
    const char *end = sql + len;
    token t = peek_solid(sql, end);
    while (t.kind == TOKEN_OTHER && *t.ptr == '(') {
        t = peek_solid(t.ptr + 1, end);
    }
    word[0] = '\0';
    if (t.kind == TOKEN_WORD && t.len < 16) {
        for (size_t i = 0; i < t.len; i++) {
            word[i] = (char)toupper((unsigned char)t.ptr[i]);
        }
        word[t.len] = '\0';
    }
}
