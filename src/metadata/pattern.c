#include "metadata/parts.h"

/* ---- quoting: the one place where foreign text enters SQL ---- */

dbk_status dbk_put_identifier(dbk_buf *out, dbk_slice name, dbk_error *err) {
    dbk_status st = DBK_OK;
    DBK_TRY(dbk_buf_putc(out, '`', err));
    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] == '`') {
            DBK_TRY(dbk_buf_putc(out, '`', err));
        }
        DBK_TRY(dbk_buf_putc(out, name.ptr[i], err));
    }
    DBK_TRY(dbk_buf_putc(out, '`', err));
done:
    return st;
}

/* What one character of a SHOW pattern becomes. A backslash of the name goes through the literal
 * parser and then a regular expression, each of which halves it: four are needed. The peer sends two
 * and never finds such names. */
static const char *show_text(char c, bool escaped) {
    switch (c) {
    case '\'':
        return "''"; /* also when it was escaped: the peer's literal ends here */
    case '\\':
        return escaped ? "\\\\\\\\" : "";
    case '%':
        return escaped ? NULL : "*";
    case '_':
        return escaped ? NULL : ".";
    default:
        return NULL; /* itself */
    }
}

dbk_status dbk_put_show_pattern(dbk_buf *out, dbk_slice pattern, dbk_error *err) {
    dbk_status st = DBK_OK;
    bool escaped = false;
    DBK_TRY(dbk_buf_putc(out, '\'', err));
    for (size_t i = 0; i < pattern.len; i++) {
        char c = pattern.ptr[i];
        const char *text = show_text(c, escaped);
        DBK_TRY(text != NULL ? dbk_buf_puts(out, text, err) : dbk_buf_putc(out, c, err));
        escaped = c == '\\' && !escaped;
    }
    DBK_TRY(dbk_buf_putc(out, '\'', err)); /* an escape at the very end escapes nothing: dropped */
done:
    return st;
}

dbk_status dbk_put_like_pattern(dbk_buf *out, dbk_slice pattern, dbk_error *err) {
    dbk_status st = DBK_OK;
    DBK_TRY(dbk_buf_putc(out, '\'', err));
    for (size_t i = 0; i < pattern.len; i++) {
        char c = pattern.ptr[i];
        if (c == '\'' || c == '\\') {
            DBK_TRY(dbk_buf_putc(out, c, err));
        }
        DBK_TRY(dbk_buf_putc(out, c, err));
    }
    DBK_TRY(dbk_buf_putc(out, '\'', err));
done:
    return st;
}

/* ---- patterns matched here ---- */

bool dbk_pattern_is_all(dbk_slice pattern) {
    for (size_t i = 0; i < pattern.len; i++) {
        if (pattern.ptr[i] != '%') {
            return false;
        }
    }
    return pattern.len > 0;
}

bool dbk_pattern_has_wildcard(dbk_slice pattern) {
    for (size_t i = 0; i < pattern.len; i++) {
        if (pattern.ptr[i] == '\\') {
            i++;
        } else if (pattern.ptr[i] == '%' || pattern.ptr[i] == '_') {
            return true;
        }
    }
    return false;
}

dbk_status dbk_pattern_name(dbk_slice pattern, dbk_str *out, dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_buf name = {0};
    for (size_t i = 0; i < pattern.len; i++) {
        if (pattern.ptr[i] == '\\' && i + 1 < pattern.len) {
            i++;
        }
        DBK_TRY(dbk_buf_putc(&name, pattern.ptr[i], err));
    }
    DBK_TRY(dbk_str_set(out, dbk_buf_slice(&name), err));
done:
    dbk_buf_reset(&name);
    return st;
}

/* Lower case of the bicameral letters of Latin, Greek and Cyrillic; everything else is itself. */
static uint32_t fold(uint32_t cp) {
    if (cp < 0x80) {
        return cp >= 'A' && cp <= 'Z' ? cp + 0x20 : cp;
    }
    if ((cp >= 0xc0 && cp <= 0xde && cp != 0xd7) || (cp >= 0x391 && cp <= 0x3a9 && cp != 0x3a2) ||
        (cp >= 0x410 && cp <= 0x42f)) {
        return cp + 0x20;
    }
    if (cp >= 0x400 && cp <= 0x40f) {
        return cp + 0x50;
    }
    if (cp == 0x178) {
        return 0xff; /* Y with diaeresis: its small letter is in another block */
    }
    /* Pairs of neighbours: capitals are even, but odd in three stretches. */
    bool odd_capitals = (cp >= 0x139 && cp <= 0x148) || (cp >= 0x179 && cp <= 0x17e);
    bool even_capitals = (cp >= 0x100 && cp <= 0x137 && cp != 0x130 && cp != 0x131) ||
                         (cp >= 0x14a && cp <= 0x177) || (cp >= 0x1e00 && cp <= 0x1e95) ||
                         (cp >= 0x460 && cp <= 0x481) || (cp >= 0x48a && cp <= 0x4bf);
    bool capital = (odd_capitals && cp % 2 == 1) || (even_capitals && cp % 2 == 0);
    return capital ? cp + 1 : cp;
}

/* One piece of a pattern. */
typedef struct token {
    enum { TOKEN_END, TOKEN_RUN, TOKEN_ANY, TOKEN_LITERAL } kind;
    uint32_t cp;
    size_t len; /* bytes of the pattern */
} token;

static token next_token(dbk_slice p, size_t at) {
    token t = {TOKEN_END, 0, 0};
    if (at >= p.len) {
        return t;
    }
    char c = p.ptr[at];
    if (c == '%' || c == '_') {
        t.kind = c == '%' ? TOKEN_RUN : TOKEN_ANY;
        t.len = 1;
        return t;
    }
    size_t skip = c == '\\' && at + 1 < p.len ? 1 : 0;
    t.kind = TOKEN_LITERAL;
    t.len = skip + dbk_utf8_next(dbk_slice_n(p.ptr + at + skip, p.len - at - skip), &t.cp);
    return t;
}

/* Goes back to the last run only: at most pattern times name steps. */
bool dbk_pattern_matches(dbk_slice pattern, dbk_slice name) {
    size_t p = 0;
    size_t n = 0;
    bool has_run = false;
    size_t run_p = 0; /* behind the last % */
    size_t run_n = 0; /* where the rest of the pattern was last tried */
    for (;;) {
        token t = next_token(pattern, p);
        if (t.kind == TOKEN_RUN) {
            has_run = true;
            p += t.len;
            run_p = p;
            run_n = n;
            continue;
        }
        if (n >= name.len && t.kind == TOKEN_END) {
            return true;
        }
        if (n < name.len) {
            uint32_t cp = 0;
            size_t len = dbk_utf8_next(dbk_slice_n(name.ptr + n, name.len - n), &cp);
            if (t.kind == TOKEN_ANY || (t.kind == TOKEN_LITERAL && fold(t.cp) == fold(cp))) {
                p += t.len;
                n += len;
                continue;
            }
        }
        if (!has_run || run_n >= name.len) {
            return false;
        }
        uint32_t skipped = 0;
        run_n += dbk_utf8_next(dbk_slice_n(name.ptr + run_n, name.len - run_n), &skipped);
        n = run_n;
        p = run_p;
    }
}
