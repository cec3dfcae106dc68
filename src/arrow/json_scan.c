#include "arrow/json_scan.h"

static void skip_blanks(dbk_json_scan *s) {
    while (s->at < s->end &&
           (*s->at == ' ' || *s->at == '\t' || *s->at == '\n' || *s->at == '\r')) {
        s->at++;
    }
}

void dbk_json_scan_reset(dbk_json_scan *s) {
    dbk_buf_reset(&s->scratch);
}

dbk_json_kind dbk_json_scan_peek(dbk_json_scan *s) {
    skip_blanks(s);
    if (s->at == s->end) {
        return DBK_JSON_KIND_BAD;
    }
    switch (*s->at) {
    case 'n':
        return DBK_JSON_KIND_NULL;
    case 't':
        return DBK_JSON_KIND_TRUE;
    case 'f':
        return DBK_JSON_KIND_FALSE;
    case '"':
        return DBK_JSON_KIND_STRING;
    case '[':
        return DBK_JSON_KIND_ARRAY;
    case '{':
        return DBK_JSON_KIND_OBJECT;
    default:
        return *s->at == '-' || (*s->at >= '0' && *s->at <= '9') ? DBK_JSON_KIND_NUMBER
                                                                 : DBK_JSON_KIND_BAD;
    }
}

bool dbk_json_scan_take(dbk_json_scan *s, char c) {
    skip_blanks(s);
    if (s->at == s->end || *s->at != c) {
        return false;
    }
    s->at++;
    return true;
}

bool dbk_json_scan_ended(dbk_json_scan *s) {
    skip_blanks(s);
    return s->at == s->end;
}

dbk_status dbk_json_scan_bad(const dbk_json_scan *s, dbk_error *err) {
    size_t left = (size_t)(s->end - s->at);
    if (left == 0) {
        return dbk_error_set(err, DBK_DATA_LOSS, "not JSON: it ends too early");
    }
    return dbk_error_set(err, DBK_DATA_LOSS, "not JSON, %zu bytes before the end", left);
}

/* ---- strings ---------------------------------------------------------------------------------- */

static bool read_hex4(const char *p, const char *end, uint32_t *out) {
    uint32_t v = 0;
    if (end - p < 4) {
        return false;
    }
    for (int i = 0; i < 4; i++) {
        char c = p[i];
        uint32_t digit = c >= '0' && c <= '9'   ? (uint32_t)(c - '0')
                         : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a') + 10
                         : c >= 'A' && c <= 'F' ? (uint32_t)(c - 'A') + 10
                                                : 16;
        if (digit == 16) {
            return false;
        }
        v = v << 4 | digit;
    }
    *out = v;
    return true;
}

static size_t utf8_encode(uint32_t code, char *out) {
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xc0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3f));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xe0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 0x3f));
        out[2] = (char)(0x80 | (code & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 0x3f));
    out[2] = (char)(0x80 | (code >> 6 & 0x3f));
    out[3] = (char)(0x80 | (code & 0x3f));
    return 4;
}

/* \uXXXX behind the u at *p, with the second half of a surrogate pair; the character's bytes, 0: bad. */
static size_t read_unicode(const char **p, const char *end, char *out) {
    uint32_t code = 0;
    uint32_t low = 0;
    if (!read_hex4(*p, end, &code)) {
        return 0;
    }
    *p += 4;
    if (code >= 0xdc00 && code <= 0xdfff) {
        return 0;
    }
    if (code >= 0xd800 && code <= 0xdbff) {
        if (end - *p < 6 || (*p)[0] != '\\' || (*p)[1] != 'u' || !read_hex4(*p + 2, end, &low) ||
            low < 0xdc00 || low > 0xdfff) {
            return 0;
        }
        *p += 6;
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
    return utf8_encode(code, out);
}

/* One escape behind the backslash at *p: its bytes in out, 0: bad. */
static size_t read_escape(const char **p, const char *end, char *out) {
    static const char from[] = "\"\\/bfnrt";
    static const char to[] = "\"\\/\b\f\n\r\t";
    if (*p == end) {
        return 0;
    }
    char c = *(*p)++;
    if (c == 'u') {
        return read_unicode(p, end, out);
    }
    const char *found = c != '\0' ? strchr(from, c) : NULL;
    if (found == NULL) {
        return 0;
    }
    out[0] = to[found - from];
    return 1;
}

/* The closing quote of the string whose content starts at p, or end. */
static const char *string_end(const char *p, const char *end, bool *escapes) {
    *escapes = false;
    while (p < end && *p != '"') {
        bool escape = *p == '\\';
        *escapes = *escapes || escape;
        p += escape && end - p > 1 ? 2 : 1;
    }
    return p;
}

dbk_status dbk_json_scan_string(dbk_json_scan *s, dbk_slice *out, dbk_error *err) {
    bool escapes = false;
    if (!dbk_json_scan_take(s, '"')) {
        return dbk_json_scan_bad(s, err);
    }
    const char *start = s->at;
    const char *end = string_end(start, s->end, &escapes);
    if (end == s->end) {
        return dbk_json_scan_bad(s, err);
    }
    *out = dbk_slice_n(start, (size_t)(end - start));
    if (escapes) {
        dbk_buf_clear(&s->scratch);
        dbk_status st = dbk_buf_reserve(&s->scratch, out->len, err); /* escapes only shrink */
        if (st != DBK_OK) {
            return st;
        }
        const char *p = start;
        while (p < end) {
            char *to = s->scratch.ptr + s->scratch.len;
            size_t n = 1;
            if (*p != '\\') {
                *to = *p++;
            } else {
                p++;
                n = read_escape(&p, end, to);
            }
            if (n == 0) {
                return dbk_json_scan_bad(s, err);
            }
            s->scratch.len += n;
        }
        *out = dbk_buf_slice(&s->scratch);
    }
    s->at = end + 1;
    return DBK_OK;
}

/* ---- passing over ------------------------------------------------------------------------------ */

static bool skip_word(dbk_json_scan *s, dbk_slice word) {
    if ((size_t)(s->end - s->at) < word.len || memcmp(s->at, word.ptr, word.len) != 0) {
        return false;
    }
    s->at += word.len;
    return true;
}

static bool skip_string(dbk_json_scan *s) {
    bool escapes = false;
    const char *end = string_end(s->at + 1, s->end, &escapes);
    if (end == s->end) {
        return false;
    }
    s->at = end + 1;
    return true;
}

/* Everything that may be in a number; what reads it is stricter. */
static bool skip_number(dbk_json_scan *s) {
    while (s->at < s->end && ((*s->at >= '0' && *s->at <= '9') || *s->at == '-' || *s->at == '+' ||
                              *s->at == '.' || *s->at == 'e' || *s->at == 'E')) {
        s->at++;
    }
    return true;
}

static bool skip_value(dbk_json_scan *s, size_t depth);

static bool skip_members(dbk_json_scan *s, size_t depth, bool object) {
    char close = object ? '}' : ']';
    s->at++;
    if (dbk_json_scan_take(s, close)) {
        return true;
    }
    do {
        if (object && (dbk_json_scan_peek(s) != DBK_JSON_KIND_STRING || !skip_string(s) ||
                       !dbk_json_scan_take(s, ':'))) {
            return false;
        }
        if (!skip_value(s, depth + 1)) {
            return false;
        }
    } while (dbk_json_scan_take(s, ','));
    return dbk_json_scan_take(s, close);
}

static bool skip_value(dbk_json_scan *s, size_t depth) {
    if (depth > DBK_JSON_SCAN_DEPTH) {
        return false;
    }
    switch (dbk_json_scan_peek(s)) {
    case DBK_JSON_KIND_NULL:
        return skip_word(s, DBK_SLICE("null"));
    case DBK_JSON_KIND_TRUE:
        return skip_word(s, DBK_SLICE("true"));
    case DBK_JSON_KIND_FALSE:
        return skip_word(s, DBK_SLICE("false"));
    case DBK_JSON_KIND_NUMBER:
        return skip_number(s);
    case DBK_JSON_KIND_STRING:
        return skip_string(s);
    case DBK_JSON_KIND_ARRAY:
        return skip_members(s, depth, false);
    case DBK_JSON_KIND_OBJECT:
        return skip_members(s, depth, true);
    case DBK_JSON_KIND_BAD:
        break;
    }
    return false;
}

dbk_status dbk_json_scan_raw(dbk_json_scan *s, dbk_slice *out, dbk_error *err) {
    skip_blanks(s);
    const char *start = s->at;
    if (!skip_value(s, 1)) {
        return dbk_json_scan_bad(s, err);
    }
    *out = dbk_slice_n(start, (size_t)(s->at - start));
    return DBK_OK;
}
