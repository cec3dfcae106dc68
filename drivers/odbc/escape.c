#include "odbc.h"

#include <string.h>
#include <strings.h>

/* ODBC escape sequences, {d '2024-01-01'} and {fn ...}, to the server's own words: contract 6.6. What is
 * not known stays as it is. */

enum { ARGS_MAX = 8, DEPTH_MAX = 32 };

static void translate(text sql, bool ntz, int depth, buf *out);

static size_t closing_brace(text t, size_t open) {
    int depth = 0;
    for (size_t i = open; i < t.len;) {
        size_t skipped = sql_skip(t.ptr, t.len, i);
        if (skipped != i) {
            i = skipped;
            continue;
        }
        depth += t.ptr[i] == '{' ? 1 : t.ptr[i] == '}' ? -1 : 0;
        if (depth == 0) {
            return i;
        }
        i++;
    }
    return t.len;
}

static text take_word(text *t) {
    size_t n = 0;
    while (n < t->len && ((t->ptr[n] | 32) >= 'a' && (t->ptr[n] | 32) <= 'z')) {
        n++;
    }
    text word = {t->ptr, n};
    t->ptr += n;
    t->len -= n;
    return word;
}

/* ---- Scalar functions --------------------------------------------------------------------------------- */

/* $1 to $4 are arguments, $* all of them. Functions that are not here have the same name at the server. */
static const struct {
    const char *name, *becomes;
} functions[] = {
    {"CURDATE", "current_date()"},
    {"CURRENT_DATE", "current_date()"},
    {"NOW", "current_timestamp()"},
    {"CURRENT_TIMESTAMP", "current_timestamp()"},
    {"WEEK", "weekofyear($1)"},
    {"DAYNAME", "date_format($1, 'EEEE')"},
    {"MONTHNAME", "date_format($1, 'MMMM')"},
    {"DAYOFMONTH", "dayofmonth($1)"},
    {"LOG", "ln($*)"},
    {"CHAR", "chr($*)"},
    {"DATABASE", "current_catalog()"},
    {"USER", "current_user()"},
    {"UCASE", "upper($*)"},
    {"LCASE", "lower($*)"},
    {"INSERT", "overlay($1 PLACING $4 FROM $2 FOR $3)"},
};

static const struct {
    const char *odbc, *type;
} casts[] = {
    {"SQL_BIGINT", "BIGINT"},
    {"SQL_INTEGER", "INT"},
    {"SQL_SMALLINT", "SMALLINT"},
    {"SQL_TINYINT", "TINYINT"},
    {"SQL_BIT", "BOOLEAN"},
    {"SQL_DOUBLE", "DOUBLE"},
    {"SQL_FLOAT", "DOUBLE"},
    {"SQL_REAL", "FLOAT"},
    {"SQL_DECIMAL", "DECIMAL(38,18)"},
    {"SQL_NUMERIC", "DECIMAL(38,18)"},
    {"SQL_CHAR", "STRING"},
    {"SQL_VARCHAR", "STRING"},
    {"SQL_LONGVARCHAR", "STRING"},
    {"SQL_WCHAR", "STRING"},
    {"SQL_WVARCHAR", "STRING"},
    {"SQL_WLONGVARCHAR", "STRING"},
    {"SQL_BINARY", "BINARY"},
    {"SQL_VARBINARY", "BINARY"},
    {"SQL_LONGVARBINARY", "BINARY"},
    {"SQL_TYPE_DATE", "DATE"},
    {"SQL_DATE", "DATE"},
    {"SQL_TYPE_TIMESTAMP", "TIMESTAMP"},
    {"SQL_TIMESTAMP", "TIMESTAMP"},
};

typedef struct call {
    text name, all;
    text args[ARGS_MAX];
    size_t count;
} call;

static bool split_call(text t, call *c) { /* "name(a, b)" */
    t = text_trim(t);
    size_t open = 0;
    while (open < t.len && t.ptr[open] != '(') {
        open++;
    }
    if (open == t.len || t.ptr[t.len - 1] != ')') {
        return false;
    }
    c->name = text_trim((text){t.ptr, open});
    c->all = text_trim((text){t.ptr + open + 1, t.len - open - 2});
    int depth = 0;
    size_t start = 0;
    for (size_t i = 0; i <= c->all.len;) {
        size_t skipped = i < c->all.len ? sql_skip(c->all.ptr, c->all.len, i) : i;
        if (skipped != i) {
            i = skipped;
            continue;
        }
        char ch = i < c->all.len ? c->all.ptr[i] : ',';
        depth += ch == '(' ? 1 : ch == ')' ? -1 : 0;
        if (depth == 0 && ch == ',') {
            if (c->count == ARGS_MAX) {
                return false;
            }
            c->args[c->count++] = text_trim((text){c->all.ptr + start, i - start});
            start = i + 1;
        }
        i++;
    }
    return true;
}

static void expand(const char *pattern, const call *c, buf *out) {
    for (const char *p = pattern; *p != '\0'; p++) {
        if (*p != '$') {
            buf_add_char(out, *p);
            continue;
        }
        p++;
        text arg = *p == '*' ? c->all : c->args[(size_t)(*p - '1')];
        if (arg.ptr != NULL) {
            buf_add(out, arg.ptr, arg.len);
        }
    }
}

static bool do_convert(const call *c, buf *out) {
    for (size_t i = 0; c->count == 2 && i < COUNT_OF(casts); i++) {
        if (text_is(c->args[1], casts[i].odbc)) {
            buf_add_text(out, "CAST(");
            buf_add(out, c->args[0].ptr, c->args[0].len);
            buf_printf(out, " AS %s)", casts[i].type);
            return true;
        }
    }
    return false;
}

/* TIMESTAMPADD(SQL_TSI_DAY, n, t) and TIMESTAMPDIFF: the unit without its prefix. */
static bool do_interval(const call *c, buf *out) {
    if (c->count != 3 || c->args[0].len <= 8 || strncasecmp(c->args[0].ptr, "SQL_TSI_", 8) != 0) {
        return false;
    }
    text unit = {c->args[0].ptr + 8, c->args[0].len - 8};
    bool fraction = text_is(unit, "FRAC_SECOND"); /* billionths; the server has millionths */
    bool add = text_is(c->name, "TIMESTAMPADD");
    unit = fraction ? text_of("MICROSECOND") : unit;
    buf_add_text(out, add || !fraction ? "" : "(");
    buf_add(out, c->name.ptr, c->name.len);
    buf_add_char(out, '(');
    buf_add(out, unit.ptr, unit.len);
    buf_add_text(out, fraction && add ? ", CAST((" : ", ");
    buf_add(out, c->args[1].ptr, c->args[1].len);
    buf_add_text(out, fraction && add ? ") / 1000 AS INT), " : ", ");
    buf_add(out, c->args[2].ptr, c->args[2].len);
    buf_add_text(out, add || !fraction ? ")" : ") * 1000)");
    return true;
}

/* A column, a number or a literal may stand three times; anything else once. */
static bool do_truncate(const call *c, buf *out) {
    if (c->count != 2) {
        return false;
    }
    text x = c->args[0];
    bool simple = true;
    for (size_t i = 0; i < x.len; i++) {
        simple = simple && memchr("(?", x.ptr[i], 2) == NULL;
    }
    expand(simple && memchr(c->args[1].ptr, '?', c->args[1].len) == NULL
               ? "(CASE WHEN $1 < 0 THEN ceil($1 * pow(10, $2)) ELSE floor($1 * pow(10, $2)) END / "
                 "pow(10, $2))"
               : "CAST($1 AS DECIMAL(38, $2))",
           c, out);
    return true;
}

static bool do_special(const call *c, buf *out) {
    if (text_is(c->name, "CONVERT")) {
        return do_convert(c, out);
    }
    if (text_is(c->name, "TIMESTAMPADD") || text_is(c->name, "TIMESTAMPDIFF")) {
        return do_interval(c, out);
    }
    return text_is(c->name, "TRUNCATE") && do_truncate(c, out);
}

static void function(text inner, buf *out) {
    call c = {0};
    if (split_call(inner, &c)) {
        if (do_special(&c, out)) {
            return;
        }
        for (size_t i = 0; i < COUNT_OF(functions); i++) {
            /* INSERT puts its arguments in another order, which markers would not follow. */
            bool moved = text_is(c.name, "INSERT") &&
                         (c.count != 4 || memchr(c.all.ptr, '?', c.all.len) != NULL);
            if (text_is(c.name, functions[i].name) && !moved) {
                expand(functions[i].becomes, &c, out);
                return;
            }
        }
    }
    buf_add(out, inner.ptr, inner.len);
}

/* ---- Escapes -------------------------------------------------------------------------------------------- */

static const struct {
    const char *word, *becomes; /* put before the rest */
    bool literal;               /* the rest is a literal: taken as it is */
} escapes[] = {
    {"d", "DATE", true},
    {"ts", "TIMESTAMP", true},
    {"t", "", true},
    {"oj", "", false},
    {"call", "CALL ", false},
    {"escape", "ESCAPE ", true},
    {"interval", "INTERVAL ", true},
    {"guid", "", true},
};

static bool one_escape(text inner, bool ntz, int depth, buf *out) {
    text rest = text_trim(inner);
    if (rest.len > 0 && rest.ptr[0] == '?') { /* {?=call f(..)} */
        rest = text_trim((text){rest.ptr + 1, rest.len - 1});
        if (rest.len == 0 || rest.ptr[0] != '=') {
            return false;
        }
        rest = text_trim((text){rest.ptr + 1, rest.len - 1});
        if (!text_is(take_word(&rest), "call")) {
            return false;
        }
        buf_add_text(out, "SELECT ");
        translate(text_trim(rest), ntz, depth + 1, out);
        return true;
    }
    text word = take_word(&rest);
    rest = text_trim(rest);
    if (text_is(word, "fn")) {
        buf translated = {0};
        translate(rest, ntz, depth + 1, &translated);
        function((text){buf_text(&translated), translated.len}, out);
        out->failed = out->failed || translated.failed;
        buf_free(&translated);
        return true;
    }
    for (size_t i = 0; i < COUNT_OF(escapes); i++) {
        if (text_is(word, escapes[i].word)) {
            bool no_zone = ntz && text_is(word, "ts");
            buf_add_text(out, no_zone ? "TIMESTAMP_NTZ" : escapes[i].becomes);
            if (escapes[i].literal) {
                buf_add(out, rest.ptr, rest.len);
            } else {
                translate(rest, ntz, depth + 1, out);
            }
            return true;
        }
    }
    return false;
}

static void translate(text sql, bool ntz, int depth, buf *out) {
    for (size_t i = 0; i < sql.len;) {
        size_t skipped = sql_skip(sql.ptr, sql.len, i);
        if (skipped != i) {
            buf_add(out, sql.ptr + i, skipped - i);
            i = skipped;
            continue;
        }
        if (sql.ptr[i] == '{' && depth < DEPTH_MAX) {
            size_t close = closing_brace(sql, i);
            if (close < sql.len &&
                one_escape((text){sql.ptr + i + 1, close - i - 1}, ntz, depth, out)) {
                i = close + 1;
                continue;
            }
        }
        buf_add_char(out, sql.ptr[i++]);
    }
}

void sql_translate(text sql, bool ntz_literals, buf *out) {
    translate(sql, ntz_literals, 0, out);
}
