#include "base/redact.h"

#include <stdio.h>

/* How dbk_redact_line works: one pass, reading at `in` and writing at `out` (out <= in) of the same
 * buffer. What to do at a character depends only on the text written so far and on the text ahead,
 * every masked stretch ends where the same rule would end it again, and a mask holds none of the
 * characters that end a stretch: hence a second pass changes nothing. A line break ends every
 * stretch, so one line cannot hide the credentials of the next. */
typedef struct scan {
    char *text;
    size_t len;
    size_t in;
    size_t out;
    bool in_url; /* a "://" was written and no blank or '"' since */

    /* The word ahead of the last "://" without user info, remembered so that many "://" in one word
     * do not scan it many times. An index of 0 means "none". */
    size_t word_end;
    size_t last_at; /* last '@' */
} scan;

/* ---- characters ---- */

static char lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static bool is_alnum(char c) {
    return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'z');
}

static bool is_line_end(char c) {
    return c == '\n' || c == '\r' || c == '\0';
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

static bool is_one_of(char c, const char *set) {
    return c != '\0' && strchr(set, c) != NULL;
}

static bool is_quote(char c) {
    return c == '"' || c == '\'';
}

static bool ends_word(char c) {
    return is_blank(c) || is_line_end(c) || c == '"';
}

static bool ends_authority(char c) {
    return ends_word(c) || c == '/' || c == '\\' || c == '?' || c == '#';
}

/* ---- looking ahead: each returns an index at or behind `at`, never beyond the length ---- */

/* The character at index i; NUL, which ends everything, behind the text. */
static char peek(const scan *s, size_t i) {
    return i < s->len ? s->text[i] : '\0';
}

static bool ahead(const scan *s, size_t at, const char *word) {
    size_t n = strlen(word);
    return s->len - at >= n && memcmp(s->text + at, word, n) == 0;
}

static size_t line_end(const scan *s, size_t at) {
    while (!is_line_end(peek(s, at)) && peek(s, at) != '"') {
        at++;
    }
    return at;
}

static size_t word_end(const scan *s, size_t at) {
    while (!ends_word(peek(s, at))) {
        at++;
    }
    return at;
}

static bool word_is(const scan *s, size_t at, size_t end, const char *word) {
    return dbk_slice_eq_nocase(dbk_slice_n(s->text + at, end - at), dbk_slice_of(word));
}

static bool is_auth_scheme(const scan *s, size_t at, size_t end) {
    return word_is(s, at, end, "bearer") || word_is(s, at, end, "basic") ||
           word_is(s, at, end, "digest") || word_is(s, at, end, "negotiate");
}

/* The end of a value without quotes: one word, or "Bearer" and the word behind it. */
static size_t plain_value_end(const scan *s, size_t at) {
    size_t end = word_end(s, at);
    while (is_auth_scheme(s, at, end)) {
        size_t next = end;
        while (is_blank(peek(s, next))) {
            next++;
        }
        if (ends_word(peek(s, next))) {
            break;
        }
        at = next;
        end = word_end(s, at);
    }
    return end;
}

/* Inside quotes; \x is one character. */
static size_t quoted_end(const scan *s, size_t at, char quote) {
    while (!is_line_end(peek(s, at)) && peek(s, at) != quote) {
        at += peek(s, at) == '\\' && !is_line_end(peek(s, at + 1)) ? 2 : 1;
    }
    return at;
}

/* Inside quotes that are themselves escaped (JSON in a JSON string): ends at \" but not at \\\". */
static size_t escaped_quoted_end(const scan *s, size_t at, char quote) {
    size_t slashes = 0;
    for (; !is_line_end(peek(s, at)); at++) {
        if (peek(s, at) == quote && slashes < 2) {
            return at - slashes;
        }
        slashes = peek(s, at) == '\\' ? slashes + 1 : 0;
    }
    return at;
}

/* Inside {} of a connection string (where }} stands for one brace), or inside []. */
static size_t bracketed_end(const scan *s, size_t at, char close) {
    while (!is_line_end(peek(s, at))) {
        if (peek(s, at) == close) {
            if (close != '}' || peek(s, at + 1) != '}') {
                break;
            }
            at++;
        }
        at++;
    }
    return at;
}

/* "dapi" and its kin with at least 8 letters or digits behind: the end, or `at` when it is none. */
static size_t databricks_token_end(const scan *s, size_t at) {
    static const char *const prefixes[] = {"dapi", "dkea", "dskea", "dsapi", "dose"};
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        if (!ahead(s, at, prefixes[i])) {
            continue;
        }
        size_t first = at + strlen(prefixes[i]);
        size_t end = first;
        while (end < first + 8 && is_alnum(peek(s, end))) {
            end++;
        }
        if (end == first + 8) {
            while (is_alnum(peek(s, end)) || peek(s, end) == '_' || peek(s, end) == '-') {
                end++;
            }
            return end;
        }
    }
    return at;
}

/* A JSON web token starts with the base64 of {" : also a cut one is masked. */
static size_t jwt_end(const scan *s, size_t at) {
    size_t end = at;
    while (is_alnum(peek(s, end)) || peek(s, end) == '_' || peek(s, end) == '-' ||
           (peek(s, end) == '.' && end >= at + 8)) {
        end++;
    }
    return end >= at + 8 ? end : at;
}

/* "?name=": a query, also where no URL was seen before. */
static bool query_ahead(const scan *s, size_t at) {
    size_t end = at + 1;
    while (is_alnum(peek(s, end)) || is_one_of(peek(s, end), "_-.%$[]")) {
        end++;
    }
    return end > at + 1 && peek(s, end) == '=';
}

static bool private_key_ahead(const scan *s, size_t at) {
    static const char begin[] = "-----BEGIN ";
    if (!ahead(s, at, begin)) {
        return false;
    }
    size_t i = at + sizeof begin - 1;
    while (!ahead(s, i, "PRIVATE KEY")) {
        char c = peek(s, i);
        if (c != ' ' && (c < 'A' || c > 'Z')) {
            return false;
        }
        i++;
    }
    return true;
}

/* ---- looking back at what was written ---- */

/* Does the text before `end` end with this word in lower case? Any case, '_' and '-' do not count:
 * "client_secret", "Client-Secret" and "clientSecret" all end with "secret". *start: where. */
static bool ends_with(const char *text, size_t end, const char *word, size_t *start) {
    size_t i = end;
    for (size_t k = strlen(word); k > 0; k--) {
        while (i > 0 && (text[i - 1] == '_' || text[i - 1] == '-')) {
            i--;
        }
        if (i == 0 || lower(text[i - 1]) != word[k - 1]) {
            return false;
        }
        i--;
    }
    *start = i;
    return true;
}

typedef enum key_kind {
    KEY_NONE,
    KEY_WORD,
    KEY_LINE /* the value is the rest of the line */
} key_kind;

/* Is the name before a '=' or ':' that of a secret? */
static key_kind key_before(const scan *s) {
    static const struct {
        const char *name;
        key_kind kind;
    } keys[] = {
        {"token", KEY_WORD},     {"password", KEY_WORD},   {"passwd", KEY_WORD},
        {"pwd", KEY_WORD},       {"secret", KEY_WORD},     {"passphrase", KEY_WORD},
        {"apikey", KEY_WORD},    {"privatekey", KEY_WORD}, {"accesskey", KEY_WORD},
        {"secretkey", KEY_WORD}, {"accountkey", KEY_WORD}, {"credential", KEY_WORD},
        {"signature", KEY_WORD}, {"verifier", KEY_WORD},   {"assertion", KEY_WORD},
        {"bearer", KEY_WORD},    {"&code", KEY_WORD},      {"&sig", KEY_WORD},
        {"?code", KEY_WORD},     {"?sig", KEY_WORD},       {"authorization", KEY_LINE},
        {"cookie", KEY_LINE},
    };
    size_t end = s->out;
    while (end > 0 && is_blank(s->text[end - 1])) {
        end--;
    }
    if (end > 0 && is_quote(s->text[end - 1])) {
        end--;
    }
    if (end > 0 && s->text[end - 1] == '\\') {
        end--;
    }
    size_t start = 0;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (ends_with(s->text, end, keys[i].name, &start)) {
            return keys[i].kind;
        }
    }
    return KEY_NONE;
}

/* "Bearer" or "Basic" as a word of its own. */
static bool auth_scheme_before(const scan *s) {
    size_t start = 0;
    return (ends_with(s->text, s->out, "bearer", &start) ||
            ends_with(s->text, s->out, "basic", &start)) &&
           (start == 0 || !is_alnum(s->text[start - 1]));
}

/* "/home" or "/Users": the next part of the path names a person. */
static bool home_before(const scan *s) {
    static const char *const folders[] = {"/home", "/Users", "\\Users"};
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        if (dbk_slice_has_suffix(dbk_slice_n(s->text, s->out), dbk_slice_of(folders[i]))) {
            return true;
        }
    }
    return false;
}

/* ---- writing ---- */

static void emit(scan *s) {
    char c = s->text[s->in++];
    if (ends_word(c)) {
        s->in_url = false;
    }
    s->text[s->out++] = c;
}

/* Replaces what is between `in` and `end`; never by something longer. */
static void mask(scan *s, size_t end) {
    static const char word[] = "<REDACTED>";
    size_t n = end - s->in;
    if (n >= sizeof word - 1) {
        n = sizeof word - 1;
        memcpy(s->text + s->out, word, n);
    } else {
        n = n < 3 ? n : 3;
        memset(s->text + s->out, '*', n);
    }
    s->out += n;
    s->in = end;
}

/* Masks the value at `in`; quotes and brackets around it stay. Inside a URL only '"' quotes: a mask
 * must not swallow the blank where the URL ends. */
static void mask_value(scan *s, key_kind kind) {
    char c = peek(s, s->in);
    char next = peek(s, s->in + 1);
    if (c == '"' || (c == '\'' && !s->in_url)) {
        emit(s);
        mask(s, quoted_end(s, s->in, c));
    } else if (c == '\\' && (next == '"' || (next == '\'' && !s->in_url))) {
        emit(s);
        emit(s);
        mask(s, escaped_quoted_end(s, s->in, next));
    } else if ((c == '{' || c == '[') && !s->in_url) {
        emit(s);
        mask(s, bracketed_end(s, s->in, c == '{' ? '}' : ']'));
    } else {
        mask(s, kind == KEY_LINE ? line_end(s, s->in) : plain_value_end(s, s->in));
    }
}

static void after_key(scan *s, key_kind kind) {
    do { /* "=", ": ", " => ", ":=" */
        emit(s);
    } while (is_blank(peek(s, s->in)) || peek(s, s->in) == '=' || peek(s, s->in) == ':' ||
             peek(s, s->in) == '>');
    mask_value(s, kind);
}

static void after_auth_scheme(scan *s) {
    while (is_blank(peek(s, s->in))) {
        emit(s);
    }
    mask_value(s, KEY_WORD);
}

static void remember_word(scan *s, size_t at) {
    if (at < s->word_end) {
        return;
    }
    s->last_at = 0;
    for (; !ends_word(peek(s, at)); at++) {
        s->last_at = s->text[at] == '@' ? at : s->last_at;
    }
    s->word_end = at;
}

/* Where the user info of the authority at `at` ends (its '@'), or `at` when there is none. A ':'
 * without '@' may belong to a password with a '/' or '?' in it, which are not allowed there but
 * happen; then the last '@' of the URL counts, even if the ':' was that of a port. */
static size_t user_info_end(scan *s, size_t at) {
    size_t found = at;
    bool colon = false;
    for (size_t i = at; !ends_authority(peek(s, i)); i++) {
        char c = s->text[i];
        found = c == '@' ? i : found;
        colon = c == ':' || (colon && c != '@' && c != ']'); /* ']': that was an IPv6 address */
    }
    if (!colon) {
        return found;
    }
    remember_word(s, at);
    return s->last_at > found ? s->last_at : found;
}

static void after_scheme(scan *s) {
    for (int i = 0; i < 3; i++) {
        emit(s);
    }
    s->in_url = true;
    mask(s, user_info_end(s, s->in));
}

static void after_home(scan *s) {
    do {
        emit(s);
    } while (peek(s, s->in) == '/' || peek(s, s->in) == '\\');
    size_t end = s->in;
    while (!ends_authority(peek(s, end)) && !is_one_of(peek(s, end), ":='")) {
        end++;
    }
    mask(s, end);
}

static void step(scan *s) {
    char c = s->text[s->in];
    key_kind kind = c == '=' || c == ':' ? key_before(s) : KEY_NONE;
    if (kind != KEY_NONE) {
        after_key(s, kind);
    } else if (c == ':' && ahead(s, s->in, "://")) {
        after_scheme(s);
    } else if (((c == '?' || c == '#') && s->in_url) || (c == '?' && query_ahead(s, s->in))) {
        emit(s);
        mask(s, word_end(s, s->in));
    } else if (is_blank(c) && auth_scheme_before(s)) {
        after_auth_scheme(s);
    } else if (c == 'd' && databricks_token_end(s, s->in) > s->in) {
        mask(s, databricks_token_end(s, s->in));
    } else if (c == 'e' && ahead(s, s->in, "eyJ") && jwt_end(s, s->in) > s->in) {
        mask(s, jwt_end(s, s->in));
    } else if ((c == '/' || c == '\\') && home_before(s)) {
        after_home(s);
    } else if (c == '-' && private_key_ahead(s, s->in)) {
        mask(s, s->len);
    } else {
        emit(s);
    }
}

void dbk_redact_line(char *text) {
    scan s = {.text = text, .len = strlen(text)};
    while (s.in < s.len) {
        step(&s);
    }
    text[s.out] = '\0';
}

/* ---- URLs and headers ---- */

static void put(char *out, size_t out_size, dbk_slice a, dbk_slice b) {
    if (out_size == 0) {
        return;
    }
    size_t n = a.len < out_size - 1 ? a.len : out_size - 1;
    size_t m = b.len < out_size - 1 - n ? b.len : out_size - 1 - n;
    if (n > 0) {
        memcpy(out, a.ptr, n);
    }
    if (m > 0) {
        memcpy(out + n, b.ptr, m);
    }
    out[n + m] = '\0';
    dbk_utf8_trim(out);
}

/* The length of "scheme://", 0 when the text does not start with one. */
static size_t scheme_length(dbk_slice url) {
    size_t i = 0;
    while (i < url.len && (is_alnum(url.ptr[i]) || is_one_of(url.ptr[i], "+-."))) {
        i++;
    }
    bool ok = i > 0 && url.len - i > 3 && memcmp(url.ptr + i, "://", 3) == 0;
    return ok ? i + 3 : 0;
}

void dbk_redact_url(dbk_slice url, char *out, size_t out_size) {
    static const dbk_slice no_url = {"<url>", 5};
    size_t scheme = scheme_length(url);
    bool query = false; /* behind '?' or '#' */
    bool path = false;  /* behind the first '/' */
    bool colon = false; /* a ':' in the authority, outside [] */
    bool port = true;   /* only digits between that ':' and the path */
    size_t host = scheme;
    size_t end = url.len;
    for (size_t i = scheme; i < url.len; i++) {
        char c = url.ptr[i];
        if ((unsigned char)c <= ' ' || c == 0x7f || is_quote(c) || c == '<' || c == '>') {
            scheme = 0; /* no URL has that: what follows it may be anything */
        } else if (c == '@' && (!path || colon) && (!query || !port)) {
            host = i + 1; /* see user_info_end */
            end = url.len;
            query = false;
            colon = colon && path;
        } else if ((c == '?' || c == '#') && !query) {
            query = true;
            end = i;
        } else if (c == '/' || c == '\\') {
            path = true;
        } else if (!path && !query && (c == ':' || c == ']')) {
            colon = c == ':';
            port = true;
        } else if (!path && !query && colon) {
            port = port && is_digit(c);
        }
    }
    if (scheme == 0 || host >= end || ends_authority(url.ptr[host])) {
        put(out, out_size, no_url, dbk_slice_n(NULL, 0));
        return;
    }
    put(out, out_size, dbk_slice_n(url.ptr, scheme), dbk_slice_n(url.ptr + host, end - host));
}
