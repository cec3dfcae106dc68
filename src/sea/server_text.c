#include "sea/server_text.h"

/* ---- HTML ---- */

typedef struct page {
    dbk_slice rest;
    dbk_buf *out;
    dbk_error *err;
    bool blank; /* a blank is owed before the next character */
    bool html;
} page;

static void skip(page *p, size_t n) {
    n = dbk_min_size(n, p->rest.len);
    p->rest.ptr += n;
    p->rest.len -= n;
}

static bool starts_with(dbk_slice s, const char *word) {
    size_t n = strlen(word);
    return s.len >= n && dbk_slice_eq_nocase(dbk_slice_n(s.ptr, n), dbk_slice_n(word, n));
}

/* Skips to behind the next `end` (any case), or to the end of the page. */
static void skip_past(page *p, const char *end) {
    while (p->rest.len > 0 && !starts_with(p->rest, end)) {
        skip(p, 1);
    }
    skip(p, strlen(end));
}

static bool is_blank(char c) {
    return (unsigned char)c <= ' ' || c == 0x7F;
}

static dbk_status put(page *p, char c) {
    dbk_status st = DBK_OK;
    if (is_blank(c)) {
        p->blank = true;
        return DBK_OK;
    }
    if (p->out->len >= DBK_SERVER_TEXT_MAX) {
        p->rest.len = 0;
        return DBK_OK;
    }
    if (p->blank && p->out->len > 0) {
        DBK_TRY(dbk_buf_putc(p->out, ' ', p->err));
    }
    p->blank = false;
    DBK_TRY(dbk_buf_putc(p->out, c, p->err));
done:
    return st;
}

static void skip_tag(page *p) {
    if (starts_with(p->rest, "<!--")) {
        skip_past(p, "-->");
    } else if (starts_with(p->rest, "<script")) {
        skip_past(p, "</script>");
    } else if (starts_with(p->rest, "<style")) {
        skip_past(p, "</style>");
    } else {
        skip_past(p, ">");
    }
    p->blank = true; /* "<td>a</td><td>b</td>" is two words */
}

/* The few references that error pages use; any other one stays as it is. */
static char reference(page *p) {
    static const struct {
        const char *name;
        char value;
    } known[] = {{"&lt;", '<'},   {"&gt;", '>'},  {"&amp;", '&'},  {"&quot;", '"'},
                 {"&#39;", '\''}, {"&#34;", '"'}, {"&nbsp;", ' '}, {"&apos;", '\''}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (starts_with(p->rest, known[i].name)) {
            skip(p, strlen(known[i].name));
            return known[i].value;
        }
    }
    skip(p, 1);
    return '&';
}

/* "<" opens a tag only before a letter, '/', '!' or '?': "a < b" is text. */
static bool is_tag(dbk_slice s) {
    char c = s.len > 1 ? s.ptr[1] : '\0';
    return s.ptr[0] == '<' &&
           ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '/' || c == '!' || c == '?');
}

static bool looks_like_html(dbk_slice s) {
    dbk_slice t = dbk_slice_trim(s);
    return t.len > 0 && is_tag(t);
}

/* ---- UTF-8 ---- */

/* Replaces what is not UTF-8 (and NULs) by '?', so that every host language can read the message. */
static void make_valid(char *text, size_t len) {
    size_t i = 0;
    while (i < len) {
        size_t n = 1;
        while (n <= 4 && i + n <= len && !dbk_utf8_valid(dbk_slice_n(text + i, n))) {
            n++;
        }
        if (n > 4 || i + n > len || text[i] == '\0') {
            text[i] = '?';
            n = 1;
        }
        i += n;
    }
}

static dbk_status finish(dbk_buf *out, size_t from, dbk_error *err) {
    const char *text = NULL;
    if (out->ptr != NULL) {
        make_valid(out->ptr + from, out->len - from);
    }
    return dbk_buf_cstr(out, &text, err);
}

dbk_status dbk_server_text_of_page(dbk_slice text, dbk_buf *out, dbk_error *err) {
    page p = {text, out, err, false, looks_like_html(text)};
    size_t from = out->len;
    dbk_status st = DBK_OK;
    while (p.rest.len > 0 && st == DBK_OK) {
        if (p.html && is_tag(p.rest)) {
            skip_tag(&p);
        } else if (p.html && p.rest.ptr[0] == '&') {
            st = put(&p, reference(&p));
        } else {
            char c = p.rest.ptr[0];
            skip(&p, 1);
            st = put(&p, c);
        }
    }
    return st == DBK_OK ? finish(out, from, err) : st;
}

dbk_status dbk_server_text_copy(dbk_slice text, dbk_buf *out, dbk_error *err) {
    size_t from = out->len;
    dbk_status st = dbk_buf_append(out, text.ptr, dbk_min_size(text.len, DBK_SERVER_TEXT_MAX), err);
    return st == DBK_OK ? finish(out, from, err) : st;
}

/* ---- SQLSTATE ---- */

static bool is_alnum(char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* s begins behind "SQLSTATE:"; exactly five letters or digits, after blanks. */
static bool read_sqlstate(dbk_slice s, char out[6]) {
    size_t n = 0;
    while (s.len > 0 && s.ptr[0] == ' ') {
        s.ptr++;
        s.len--;
    }
    while (n < s.len && is_alnum(s.ptr[n])) {
        n++;
    }
    if (n != 5) {
        return false;
    }
    memcpy(out, s.ptr, 5);
    out[5] = '\0';
    return true;
}

bool dbk_server_text_sqlstate(dbk_slice text, char out[6]) {
    static const char mark[] = "SQLSTATE:"; /* upper case only: spec sea-protocol 10 [ran] */
    size_t len = sizeof mark - 1;
    for (size_t i = 0; i + len <= text.len; i++) {
        if (text.ptr[i] == 'S' && memcmp(text.ptr + i, mark, len) == 0 &&
            read_sqlstate(dbk_slice_n(text.ptr + i + len, text.len - i - len), out)) {
            return true;
        }
    }
    return false;
}
