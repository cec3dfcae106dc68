#include "arrow/types.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- cutting the text ------------------------------------------------------------------------- */

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static dbk_slice take_word(dbk_slice *s) {
    dbk_slice word = {s->ptr, 0};
    while (word.len < s->len && is_word(s->ptr[word.len])) {
        word.len++;
    }
    s->ptr += word.len;
    s->len -= word.len;
    return word;
}

/* The index behind the quoted text that starts at i, or s.len + 1 when it does not end. */
static size_t skip_quoted(dbk_slice s, size_t i) {
    char quote = s.ptr[i++];
    while (i < s.len && s.ptr[i] != quote) {
        i += s.ptr[i] == '\\' && quote != '`' ? 2 : 1;
    }
    return i < s.len ? i + 1 : s.len + 1;
}

/* The first of the wanted characters outside quotes and brackets, or s.len; s.len + 1 when quotes
 * or brackets do not match. An apostrophe inside a word is a letter: field names need no quotes. */
static size_t find_outside(dbk_slice s, const char *wanted) {
    size_t depth = 0;
    size_t i = 0;
    while (i < s.len) {
        char c = s.ptr[i];
        if (c == '`' || ((c == '\'' || c == '"') && (i == 0 || is_blank(s.ptr[i - 1])))) {
            i = skip_quoted(s, i);
            continue;
        }
        if (depth == 0 && c != '\0' && strchr(wanted, c) != NULL) {
            return i;
        }
        if (c == '<' || c == '(') {
            depth++;
        } else if (c == '>' || c == ')') {
            if (depth == 0) {
                return s.len + 1;
            }
            depth--;
        }
        i++;
    }
    return depth == 0 ? i : s.len + 1;
}

/* "<inner>" or "(inner)" at the start of *s: cut off. False: something else, or no end. */
static bool take_brackets(dbk_slice *s, char open, const char *close, dbk_slice *inner) {
    if (s->len == 0 || s->ptr[0] != open) {
        return false;
    }
    dbk_slice rest = dbk_slice_n(s->ptr + 1, s->len - 1);
    size_t end = find_outside(rest, close);
    if (end >= rest.len) {
        return false;
    }
    *inner = dbk_slice_n(rest.ptr, end);
    *s = dbk_slice_n(rest.ptr + end + 1, rest.len - end - 1);
    return true;
}

/* The next part of a list with commas; false: the list is at its end or does not parse (*ok). */
static bool next_part(dbk_slice *list, bool *more, dbk_slice *part, bool *ok) {
    if (!*more) {
        return false;
    }
    size_t end = find_outside(*list, ",");
    if (end > list->len) {
        *ok = false;
        return false;
    }
    *part = dbk_slice_trim(dbk_slice_n(list->ptr, end));
    *more = end < list->len;
    if (*more) {
        *list = dbk_slice_n(list->ptr + end + 1, list->len - end - 1);
    }
    return true;
}

/* How many parts the list has; false: it does not parse. A blank list has none. */
static bool count_parts(dbk_slice list, size_t *out) {
    bool more = dbk_slice_trim(list).len > 0;
    bool ok = true;
    dbk_slice part;
    *out = 0;
    while (next_part(&list, &more, &part, &ok)) {
        (*out)++;
    }
    return ok;
}

/* ---- the parser ------------------------------------------------------------------------------- */

/* What a text is, beside the two errors of the room: "no" makes the whole column utf8. */
typedef struct type_parser {
    dbk_schema *schema;
    dbk_day_time_as day_time;
    dbk_error *err;
    bool no_memory;
} type_parser;

static bool parse_type(type_parser *p, dbk_field *f, dbk_slice s, size_t depth);

static bool add_children(type_parser *p, dbk_field *f, size_t count) {
    if (dbk_field_add_children(p->schema, f, count, p->err) != DBK_OK) {
        p->no_memory = true;
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        f->children[i].nullable = true;
    }
    return true;
}

static bool set_name(type_parser *p, dbk_field *f, dbk_slice name) {
    if (dbk_schema_text(p->schema, name, &f->name, p->err) != DBK_OK) {
        p->no_memory = true;
        return false;
    }
    return true;
}

static bool parse_array(type_parser *p, dbk_field *f, dbk_slice inner, size_t depth) {
    size_t count = 0;
    if (!count_parts(inner, &count) || count != 1 || !add_children(p, f, 1)) {
        return false;
    }
    f->type = DBK_TYPE_LIST;
    return set_name(p, &f->children[0], DBK_SLICE("item")) &&
           parse_type(p, &f->children[0], inner, depth + 1);
}

static bool parse_map(type_parser *p, dbk_field *f, dbk_slice inner, size_t depth) {
    bool more = true;
    bool ok = true;
    size_t count = 0;
    dbk_slice part;
    if (!count_parts(inner, &count) || count != 2 || !add_children(p, f, 1)) {
        return false;
    }
    f->type = DBK_TYPE_MAP;
    dbk_field *entries = &f->children[0];
    entries->type = DBK_TYPE_STRUCT;
    entries->nullable = false;
    if (!set_name(p, entries, DBK_SLICE("entries")) || !add_children(p, entries, 2) ||
        !set_name(p, &entries->children[0], DBK_SLICE("key")) ||
        !set_name(p, &entries->children[1], DBK_SLICE("value"))) {
        return false;
    }
    entries->children[0].nullable = false;
    for (size_t i = 0; i < 2 && next_part(&inner, &more, &part, &ok); i++) {
        if (!parse_type(p, &entries->children[i], part, depth + 2)) {
            return false;
        }
    }
    return ok;
}

/* Takes the quotes off a name: `a``b` is a`b. */
static bool set_quoted_name(type_parser *p, dbk_field *f, dbk_slice quoted) {
    char *text = dbk_arena_alloc(&p->schema->arena, quoted.len);
    if (text == NULL) {
        (void)dbk_error_oom(p->err, "a field name");
        p->no_memory = true;
        return false;
    }
    size_t n = 0;
    for (size_t i = 1; i + 1 < quoted.len; i++) {
        text[n++] = quoted.ptr[i];
        i += quoted.ptr[i] == '`' ? 1 : 0; /* the second of a pair */
    }
    f->name = dbk_slice_n(text, n); /* shorter than the zeroed memory: terminated */
    return true;
}

/* "name: TYPE ..." or, as in DDL, "name TYPE ...". */
static bool parse_struct_field(type_parser *p, dbk_field *f, dbk_slice part, size_t depth) {
    size_t colon = find_outside(part, ":");
    size_t end = colon < part.len ? colon : find_outside(part, " \t\r\n");
    if (end == 0 || end >= part.len) {
        return false;
    }
    dbk_slice name = dbk_slice_trim(dbk_slice_n(part.ptr, end));
    bool quoted = name.len >= 2 && name.ptr[0] == '`' && name.ptr[name.len - 1] == '`';
    if (name.len == 0 || !(quoted ? set_quoted_name(p, f, name) : set_name(p, f, name))) {
        return false;
    }
    return parse_type(p, f, dbk_slice_n(part.ptr + end + 1, part.len - end - 1), depth + 1);
}

static bool parse_struct(type_parser *p, dbk_field *f, dbk_slice inner, size_t depth) {
    size_t count = 0;
    bool ok = true;
    dbk_slice part;
    if (!count_parts(inner, &count) || count > inner.len / 3 || !add_children(p, f, count)) {
        return false; /* "a:b," is the shortest part: no memory for a text of commas */
    }
    f->type = DBK_TYPE_STRUCT;
    bool more = count > 0;
    for (size_t i = 0; i < count && next_part(&inner, &more, &part, &ok); i++) {
        if (!parse_struct_field(p, &f->children[i], part, depth)) {
            return false;
        }
    }
    return ok;
}

/* DECIMAL is (38,18) as the peer has it, DECIMAL(p) is (p,0) as SQL has it. */
static bool parse_decimal(dbk_field *f, dbk_slice *rest) {
    dbk_slice inner;
    int64_t precision = 38;
    int64_t scale = 18;
    if (rest->len > 0 && rest->ptr[0] == '(') {
        dbk_slice first;
        if (!take_brackets(rest, '(', ")", &inner)) {
            return false;
        }
        scale = 0;
        if (dbk_slice_split(&inner, ',', &first)) {
            if (!dbk_parse_i64(dbk_slice_trim(inner), &scale)) {
                return false;
            }
            inner = first;
        }
        if (!dbk_parse_i64(dbk_slice_trim(inner), &precision)) {
            return false;
        }
    }
    if (scale < -38 || scale > 38) {
        return false;
    }
    f->type = DBK_TYPE_DECIMAL128;
    f->precision = (int32_t)dbk_max_i64(1, dbk_min_i64(precision, 38));
    f->scale = (int32_t)scale;
    return true;
}

static void parse_interval(const type_parser *p, dbk_field *f, dbk_slice rest) {
    rest = dbk_slice_trim(rest);
    dbk_slice unit = take_word(&rest);
    if (dbk_slice_eq_nocase(unit, DBK_SLICE("YEAR")) ||
        dbk_slice_eq_nocase(unit, DBK_SLICE("MONTH"))) {
        f->type = DBK_TYPE_INTERVAL_MONTHS;
    } else if (p->day_time == DBK_DAY_TIME_DURATION_US) {
        f->type = DBK_TYPE_DURATION;
        f->unit = DBK_UNIT_US;
    } else {
        f->type = DBK_TYPE_INTERVAL_DAY_TIME;
    }
}

static bool parse_simple(type_parser *p, dbk_field *f, dbk_slice word) {
    static const struct {
        const char *word;
        dbk_type type;
    } types[] = {
        {"BOOLEAN", DBK_TYPE_BOOL},
        {"TINYINT", DBK_TYPE_INT8},
        {"BYTE", DBK_TYPE_INT8},
        {"SMALLINT", DBK_TYPE_INT16},
        {"SHORT", DBK_TYPE_INT16},
        {"INT", DBK_TYPE_INT32},
        {"INTEGER", DBK_TYPE_INT32},
        {"BIGINT", DBK_TYPE_INT64},
        {"LONG", DBK_TYPE_INT64},
        {"FLOAT", DBK_TYPE_FLOAT32},
        {"REAL", DBK_TYPE_FLOAT32},
        {"DOUBLE", DBK_TYPE_FLOAT64},
        {"BINARY", DBK_TYPE_BINARY},
        {"DATE", DBK_TYPE_DATE32},
        {"TIMESTAMP_NTZ", DBK_TYPE_TIMESTAMP},
    };
    bool zoned = dbk_slice_eq_nocase(word, DBK_SLICE("TIMESTAMP")) ||
                 dbk_slice_eq_nocase(word, DBK_SLICE("TIMESTAMP_LTZ"));
    f->type = zoned ? DBK_TYPE_TIMESTAMP : DBK_TYPE_UTF8;
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (dbk_slice_eq_nocase(word, dbk_slice_of(types[i].word))) {
            f->type = types[i].type;
        }
    }
    f->unit = f->type == DBK_TYPE_TIMESTAMP ? DBK_UNIT_US : DBK_UNIT_S;
    if (zoned && dbk_schema_text(p->schema, DBK_SLICE("Etc/UTC"), &f->timezone, p->err) != DBK_OK) {
        p->no_memory = true;
        return false;
    }
    return true;
}

/* False: no memory, or a text that makes no sense. depth counts from 1. */
static bool parse_type(type_parser *p, dbk_field *f, dbk_slice s, size_t depth) {
    static const struct {
        const char *word;
        bool (*parse)(type_parser *p, dbk_field *f, dbk_slice inner, size_t depth);
        size_t levels;
    } nested[] = {{"ARRAY", parse_array, 1}, {"MAP", parse_map, 2}, {"STRUCT", parse_struct, 1}};

    dbk_slice rest = dbk_slice_trim(s);
    dbk_slice inner;
    dbk_slice word = take_word(&rest);
    if (word.len == 0) {
        return false;
    }
    for (size_t i = 0; i < sizeof nested / sizeof nested[0]; i++) {
        if (dbk_slice_eq_nocase(word, dbk_slice_of(nested[i].word))) {
            rest = dbk_slice_trim(rest);
            return depth + nested[i].levels <= DBK_ARROW_MAX_DEPTH &&
                   take_brackets(&rest, '<', ">", &inner) &&
                   (rest.len == 0 || is_blank(rest.ptr[0])) && nested[i].parse(p, f, inner, depth);
        }
    }
    if (dbk_slice_eq_nocase(word, DBK_SLICE("INTERVAL"))) {
        parse_interval(p, f, rest);
        return true;
    }
    if (dbk_slice_eq_nocase(word, DBK_SLICE("DECIMAL")) ||
        dbk_slice_eq_nocase(word, DBK_SLICE("NUMERIC")) ||
        dbk_slice_eq_nocase(word, DBK_SLICE("DEC"))) {
        rest = dbk_slice_trim(rest);
        return parse_decimal(f, &rest);
    }
    return parse_simple(p, f, word);
}

dbk_status dbk_field_parse_type(dbk_schema *s, dbk_field *f, dbk_slice type_text,
                                dbk_day_time_as day_time, dbk_error *err) {
    type_parser p = {.schema = s, .day_time = day_time, .err = err};
    type_text = type_text.len > 0 ? type_text : DBK_SLICE(""); /* never NULL */
    dbk_field parsed = {.name = f->name, .nullable = f->nullable, .metadata = f->metadata};
    if (type_text.len > DBK_TYPE_TEXT_MAX || !parse_type(&p, &parsed, type_text, 1)) {
        if (p.no_memory) {
            return DBK_RESOURCE_EXHAUSTED;
        }
        parsed = (dbk_field){.name = f->name, .nullable = f->nullable, .metadata = f->metadata};
        parsed.type = DBK_TYPE_UTF8;
    }
    *f = parsed;
    return DBK_OK;
}

/* ---- schemas from manifests --------------------------------------------------------------------- */

typedef struct column_order {
    int64_t position;
    size_t index;
} column_order;

static int compare_order(const void *a, const void *b) {
    const column_order *x = a;
    const column_order *y = b;
    if (x->position != y->position) {
        return x->position < y->position ? -1 : 1;
    }
    return x->index < y->index ? -1 : x->index > y->index;
}

/* The columns by position; equal positions stay in the order of the array. Free with dbk_free. */
static dbk_status order_columns(const dbk_column_desc *columns, size_t count, column_order **out,
                                dbk_error *err) {
    column_order *order = dbk_alloc_array(count, sizeof *order);
    if (order == NULL) {
        return dbk_error_oom(err, "the order of the columns");
    }
    for (size_t i = 0; i < count; i++) {
        order[i] = (column_order){columns[i].position, i};
    }
    qsort(order, count, sizeof *order, compare_order);
    *out = order;
    return DBK_OK;
}

/* The manifest wins over what the stream says under the same key. */
static dbk_status replace_metadata(dbk_schema *s, dbk_metadata *m, const char *key, dbk_slice value,
                                   dbk_error *err) {
    size_t kept = 0;
    for (size_t i = 0; i < m->count; i++) {
        if (!dbk_slice_eq(m->pairs[i].key, dbk_slice_of(key))) {
            m->pairs[kept++] = m->pairs[i];
        }
    }
    m->count = kept;
    return dbk_metadata_add(s, m, dbk_slice_of(key), value, err);
}

static dbk_status replace_metadata_i64(dbk_schema *s, dbk_metadata *m, const char *key,
                                       int64_t value, dbk_error *err) {
    char text[24];
    if (value < 0) {
        return DBK_OK;
    }
    (void)snprintf(text, sizeof text, "%lld", (long long)value);
    return replace_metadata(s, m, key, dbk_slice_of(text), err);
}

/* Name and metadata of a column. */
static dbk_status dress_field(dbk_schema *s, dbk_field *f, const dbk_column_desc *c,
                              dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_metadata *m = &f->metadata;
    DBK_TRY(dbk_schema_text(s, c->name, &f->name, err));
    DBK_TRY(replace_metadata(s, m, "databricks.type_name", c->type_name, err));
    DBK_TRY(replace_metadata(s, m, "databricks.type_text", c->type_text, err));
    DBK_TRY(replace_metadata_i64(s, m, "databricks.type_precision", c->precision, err));
    DBK_TRY(replace_metadata_i64(s, m, "databricks.type_scale", c->scale, err));
    if (c->interval_type.ptr != NULL) {
        DBK_TRY(replace_metadata(s, m, "databricks.type_interval_type", c->interval_type, err));
    }

done:
    return st;
}

static dbk_status schema_from_columns(const dbk_column_desc *columns, size_t count,
                                      dbk_day_time_as day_time, bool dressed, dbk_schema **out,
                                      dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_schema *s = NULL;
    column_order *order = NULL;

    DBK_TRY(order_columns(columns, count, &order, err));
    DBK_TRY(dbk_schema_new(count, &s, err));
    for (size_t i = 0; i < count; i++) {
        const dbk_column_desc *c = &columns[order[i].index];
        dbk_slice text = c->type_text.len > 0 ? c->type_text : c->type_name;
        s->columns[i].nullable = !c->required;
        DBK_TRY(dbk_field_parse_type(s, &s->columns[i], text, day_time, err));
        DBK_TRY(dressed ? dress_field(s, &s->columns[i], c, err)
                        : dbk_schema_text(s, c->name, &s->columns[i].name, err));
    }
    *out = s;
    s = NULL;

done:
    dbk_schema_unref(s);
    dbk_free(order);
    return st;
}

dbk_status dbk_schema_from_columns(const dbk_column_desc *columns, size_t count, dbk_schema **out,
                                   dbk_error *err) {
    return schema_from_columns(columns, count, DBK_DAY_TIME_INTERVAL, true, out, err);
}

dbk_status dbk_schema_for_rows(const dbk_column_desc *columns, size_t count, dbk_schema **out,
                               dbk_error *err) {
    return schema_from_columns(columns, count, DBK_DAY_TIME_DURATION_US, true, out, err);
}

dbk_status dbk_schema_plain(const dbk_column_desc *columns, size_t count, dbk_schema **out,
                            dbk_error *err) {
    return schema_from_columns(columns, count, DBK_DAY_TIME_DURATION_US, false, out, err);
}

dbk_status dbk_schema_dress(const dbk_schema *wire, const dbk_column_desc *columns, size_t count,
                            dbk_schema **out, dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_schema *s = NULL;
    column_order *order = NULL;

    if (count != wire->column_count) {
        return dbk_error_set(err, DBK_DATA_LOSS,
                             "the Arrow stream has %zu columns, the manifest says %zu",
                             wire->column_count, count);
    }
    DBK_TRY(order_columns(columns, count, &order, err));
    DBK_TRY(dbk_schema_new(count, &s, err));
    DBK_TRY(dbk_metadata_copy(s, &s->metadata, &wire->metadata, err));
    for (size_t i = 0; i < count; i++) {
        DBK_TRY(dbk_field_copy(s, &s->columns[i], &wire->columns[i], err));
        DBK_TRY(dress_field(s, &s->columns[i], &columns[order[i].index], err));
    }
    *out = s;
    s = NULL;

done:
    dbk_schema_unref(s);
    dbk_free(order);
    return st;
}
