#include "escape.h"

#include "text.h"

#include <string.h>

/* ---- JSON strings ---- */

static bool is_plain(unsigned char c) {
    return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

static void add_escaped(cli_buf *out, unsigned char c) {
    static const char letters[] = {
        ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
    static const char hex[] = "0123456789abcdef";
    if (c == '"' || c == '\\') {
        cli_buf_add_char(out, '\\');
        cli_buf_add_char(out, (char)c);
    } else if (c < sizeof letters && letters[c] != '\0') {
        cli_buf_add_char(out, '\\');
        cli_buf_add_char(out, letters[c]);
    } else {
        const char text[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
        cli_buf_add(out, text, sizeof text);
    }
}

void cli_json_string(cli_buf *out, const char *s, size_t len) {
    cli_buf_add_char(out, '"');
    for (size_t i = 0; i < len;) {
        size_t run = i;
        while (run < len && is_plain((unsigned char)s[run])) {
            run++;
        }
        cli_buf_add(out, s + i, run - i);
        i = run;
        if (i == len) {
            break;
        }
        unsigned char c = (unsigned char)s[i];
        if (c < 0x80) {
            add_escaped(out, c);
            i++;
        } else {
            uint32_t cp = 0;
            bool valid = true;
            size_t step = cli_utf8_next(s + i, len - i, &cp, &valid);
            cli_buf_add(out, valid ? s + i : "\xef\xbf\xbd", valid ? step : 3);
            i += step;
        }
    }
    cli_buf_add_char(out, '"');
}

/* ---- JSON text ---- */

enum { JSON_DEPTH_MAX = 512 };

typedef struct json_in {
    const char *at;
    const char *end;
    cli_buf *out;
} json_in;

static void skip_space(json_in *in) {
    while (in->at < in->end &&
           (*in->at == ' ' || *in->at == '\t' || *in->at == '\n' || *in->at == '\r')) {
        in->at++;
    }
}

static bool copy_string(json_in *in) { /* at the opening quote */
    const char *start = in->at++;
    while (in->at < in->end && *in->at != '"') {
        unsigned char c = (unsigned char)*in->at;
        size_t step = 1;
        if (c < 0x20) {
            return false;
        }
        if (c == '\\') {
            step = 2;
            if (in->end - in->at < 2 || strchr("\"\\/bfnrtu", in->at[1]) == NULL ||
                in->at[1] == '\0') {
                return false;
            }
            if (in->at[1] == 'u') {
                step = 6;
                for (size_t i = 2; i < 6; i++) {
                    if (in->end - in->at < 6 ||
                        memchr("0123456789abcdefABCDEF", in->at[i], 22) == NULL) {
                        return false;
                    }
                }
            }
        } else if (c >= 0x80) {
            uint32_t cp = 0;
            bool valid = true;
            step = cli_utf8_next(in->at, (size_t)(in->end - in->at), &cp, &valid);
            if (!valid) {
                return false;
            }
        }
        in->at += step;
    }
    if (in->at >= in->end) {
        return false;
    }
    in->at++;
    cli_buf_add(in->out, start, (size_t)(in->at - start));
    return true;
}

static size_t skip_digits(json_in *in) {
    const char *start = in->at;
    while (in->at < in->end && *in->at >= '0' && *in->at <= '9') {
        in->at++;
    }
    return (size_t)(in->at - start);
}

static bool copy_number(json_in *in) {
    const char *start = in->at;
    if (*in->at == '-') {
        in->at++;
    }
    bool zero = in->at < in->end && *in->at == '0';
    size_t digits = skip_digits(in);
    if (digits == 0 || (zero && digits > 1)) {
        return false;
    }
    if (in->at < in->end && *in->at == '.') {
        in->at++;
        if (skip_digits(in) == 0) {
            return false;
        }
    }
    if (in->at < in->end && (*in->at == 'e' || *in->at == 'E')) {
        in->at++;
        if (in->at < in->end && (*in->at == '+' || *in->at == '-')) {
            in->at++;
        }
        if (skip_digits(in) == 0) {
            return false;
        }
    }
    cli_buf_add(in->out, start, (size_t)(in->at - start));
    return true;
}

static bool copy_word(json_in *in) {
    static const char *const words[] = {"true", "false", "null"};
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        size_t len = strlen(words[i]);
        if ((size_t)(in->end - in->at) >= len && memcmp(in->at, words[i], len) == 0) {
            cli_buf_add(in->out, words[i], len);
            in->at += len;
            return true;
        }
    }
    return false;
}

static bool copy_value(json_in *in, size_t depth);

/* The members of an object or the elements of an array, at the opening bracket. */
static bool copy_members(json_in *in, size_t depth) {
    bool object = *in->at == '{';
    char close = object ? '}' : ']';
    cli_buf_add_char(in->out, *in->at++);
    skip_space(in);
    if (in->at < in->end && *in->at == close) {
        cli_buf_add_char(in->out, *in->at++);
        return true;
    }
    for (;;) {
        if (object) {
            skip_space(in);
            if (in->at >= in->end || *in->at != '"' || !copy_string(in)) {
                return false;
            }
            skip_space(in);
            if (in->at >= in->end || *in->at != ':') {
                return false;
            }
            cli_buf_add_char(in->out, *in->at++);
        }
        if (!copy_value(in, depth + 1)) {
            return false;
        }
        skip_space(in);
        if (in->at >= in->end || (*in->at != ',' && *in->at != close)) {
            return false;
        }
        char mark = *in->at++;
        cli_buf_add_char(in->out, mark);
        if (mark == close) {
            return true;
        }
    }
}

static bool copy_value(json_in *in, size_t depth) {
    skip_space(in);
    if (in->at >= in->end || depth > JSON_DEPTH_MAX) {
        return false;
    }
    switch (*in->at) {
    case '{':
    case '[':
        return copy_members(in, depth);
    case '"':
        return copy_string(in);
    case 't':
    case 'f':
    case 'n':
        return copy_word(in);
    default:
        return copy_number(in);
    }
}

bool cli_json_compact(cli_buf *out, const char *s, size_t len) {
    size_t before = out->len;
    json_in in = {.at = s, .end = s + len, .out = out};
    bool ok = copy_value(&in, 0);
    skip_space(&in);
    if (!ok || in.at != in.end) {
        out->len = before;
        return false;
    }
    return true;
}

void cli_json_cell(cli_buf *out, const cli_cell *cell) {
    switch (cell->kind) {
    case CLI_CELL_NULL:
    case CLI_CELL_NESTED:
        cli_buf_add(out, "null", 4);
        break;
    case CLI_CELL_NUMBER:
    case CLI_CELL_BOOL:
        cli_buf_add(out, cell->ptr, cell->len);
        break;
    case CLI_CELL_PLAIN:
        cli_buf_add_char(out, '"');
        cli_buf_add(out, cell->ptr, cell->len);
        cli_buf_add_char(out, '"');
        break;
    case CLI_CELL_TEXT:
        cli_json_string(out, cell->ptr, cell->len);
        break;
    case CLI_CELL_JSON:
        if (!cli_json_compact(out, cell->ptr, cell->len)) {
            cli_json_string(out, cell->ptr, cell->len);
        }
        break;
    case CLI_CELL_BINARY:
        cli_buf_add_char(out, '"');
        cli_base64(out, cell->ptr, cell->len);
        cli_buf_add_char(out, '"');
        break;
    }
}

/* ---- binary ---- */

void cli_base64(cli_buf *out, const char *bytes, size_t len) {
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *u = (const unsigned char *)bytes;
    char *to = cli_buf_room(out, (len / 3 + 1) * 4);
    for (size_t i = 0; i < len; i += 3) {
        size_t have = len - i < 3 ? len - i : 3;
        uint32_t group = (uint32_t)u[i] << 16;
        group |= have > 1 ? (uint32_t)u[i + 1] << 8 : 0;
        group |= have > 2 ? (uint32_t)u[i + 2] : 0;
        *to++ = letters[group >> 18];
        *to++ = letters[group >> 12 & 63];
        *to++ = have > 1 ? letters[group >> 6 & 63] : '=';
        *to++ = have > 2 ? letters[group & 63] : '=';
    }
    out->len = (size_t)(to - out->ptr);
}

void cli_hex(cli_buf *out, const char *bytes, size_t len) {
    static const char digits[] = "0123456789ABCDEF";
    char *to = cli_buf_room(out, len * 2 + 1);
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)bytes[i];
        *to++ = digits[c >> 4];
        *to++ = digits[c & 15];
    }
    out->len += len * 2;
}
