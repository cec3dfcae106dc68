#include "cell.h"

#include <stdlib.h>
#include <string.h>

/* ---- reading a schema ---- */

typedef struct simple_type {
    const char *format;
    cli_type type;
    int32_t width;
    int64_t unit;
} simple_type;

static const simple_type simple_types[] = {
    {"n", CLI_TYPE_NULL, 0, 0},
    {"b", CLI_TYPE_BOOL, 0, 0},
    {"c", CLI_TYPE_INT8, 0, 0},
    {"C", CLI_TYPE_UINT8, 0, 0},
    {"s", CLI_TYPE_INT16, 0, 0},
    {"S", CLI_TYPE_UINT16, 0, 0},
    {"i", CLI_TYPE_INT32, 0, 0},
    {"I", CLI_TYPE_UINT32, 0, 0},
    {"l", CLI_TYPE_INT64, 0, 0},
    {"L", CLI_TYPE_UINT64, 0, 0},
    {"e", CLI_TYPE_FLOAT16, 0, 0},
    {"f", CLI_TYPE_FLOAT32, 0, 0},
    {"g", CLI_TYPE_FLOAT64, 0, 0},
    {"tdD", CLI_TYPE_DATE32, 0, 0},
    {"tdm", CLI_TYPE_DATE64, 0, 0},
    {"tts", CLI_TYPE_TIME32, 0, 1},
    {"ttm", CLI_TYPE_TIME32, 0, 1000},
    {"ttu", CLI_TYPE_TIME64, 0, 1000000},
    {"ttn", CLI_TYPE_TIME64, 0, 1000000000},
    {"tDs", CLI_TYPE_DURATION, 0, 1},
    {"tDm", CLI_TYPE_DURATION, 0, 1000},
    {"tDu", CLI_TYPE_DURATION, 0, 1000000},
    {"tDn", CLI_TYPE_DURATION, 0, 1000000000},
    {"tiM", CLI_TYPE_MONTHS, 0, 0},
    {"tiD", CLI_TYPE_DAY_TIME, 0, 0},
    {"tin", CLI_TYPE_MONTH_DAY_NANO, 0, 0},
    {"+s", CLI_TYPE_STRUCT, 0, 0},
    {"+m", CLI_TYPE_MAP, 0, 0},
    {"+r", CLI_TYPE_RUN_END, 0, 0},
};

static bool parse_string(cli_column *c, const char *format) {
    static const struct {
        const char *format;
        bool is_binary, wide, view;
    } rows[] = {
        {"u", false, false, false}, {"U", false, true, false}, {"vu", false, false, true},
        {"z", true, false, false},  {"Z", true, true, false},  {"vz", true, false, true},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (strcmp(format, rows[i].format) == 0) {
            c->type = CLI_TYPE_STRING;
            c->is_binary = rows[i].is_binary;
            c->wide = rows[i].wide;
            c->view = rows[i].view;
            return true;
        }
    }
    return false;
}

/* A decimal integer of at most six digits up to a comma or the end. */
static bool parse_int(const char **text, int32_t *out) {
    const char *p = *text;
    bool negative = *p == '-';
    int32_t value = 0;
    size_t digits = 0;
    p += negative ? 1 : 0;
    for (; *p >= '0' && *p <= '9'; p++, digits++) {
        if (digits == 6) {
            return false;
        }
        value = value * 10 + (*p - '0');
    }
    if (digits == 0 || (*p != ',' && *p != '\0')) {
        return false;
    }
    *text = *p == ',' ? p + 1 : p;
    *out = negative ? -value : value;
    return true;
}

static bool parse_decimal(cli_column *c, const char *text) { /* behind "d:" */
    int32_t precision = 0;
    int32_t bits = 128;
    if (!parse_int(&text, &precision) || !parse_int(&text, &c->scale)) {
        return false;
    }
    if (*text != '\0' && !parse_int(&text, &bits)) {
        return false;
    }
    c->type = CLI_TYPE_DECIMAL;
    c->width = bits / 8;
    return *text == '\0' && c->scale >= -76 && c->scale <= 76 &&
           (bits == 32 || bits == 64 || bits == 128 || bits == 256);
}

static bool parse_timestamp(cli_column *c, const char *format) { /* ts{s,m,u,n}:zone */
    static const char *const utc_names[] = {"UTC", "Etc/UTC", "Etc/UCT", "GMT", "Zulu",
                                            "Z",   "+00:00",  "Etc/GMT", "UCT"};
    static const char units[] = "smun";
    const char *unit = strchr(units, format[2]);
    if (format[2] == '\0' || unit == NULL || format[3] != ':') {
        return false;
    }
    c->type = CLI_TYPE_TIMESTAMP;
    c->unit = 1;
    for (const char *u = units; u < unit; u++) {
        c->unit *= 1000;
    }
    c->has_zone = format[4] != '\0';
    c->utc_mark = c->has_zone;
    for (size_t i = 0; i < COUNT_OF(utc_names); i++) {
        if (strcmp(format + 4, utc_names[i]) == 0) {
            c->utc_mark = false;
        }
    }
    return true;
}

static bool parse_format(cli_column *c, const char *format) {
    for (size_t i = 0; i < COUNT_OF(simple_types); i++) {
        if (strcmp(format, simple_types[i].format) == 0) {
            c->type = simple_types[i].type;
            c->unit = simple_types[i].unit;
            return true;
        }
    }
    if (strncmp(format, "d:", 2) == 0) {
        return parse_decimal(c, format + 2);
    }
    if (strncmp(format, "ts", 2) == 0) {
        return parse_timestamp(c, format);
    }
    if (strncmp(format, "w:", 2) == 0) {
        const char *text = format + 2;
        c->type = CLI_TYPE_FIXED_BINARY;
        c->is_binary = true;
        return parse_int(&text, &c->width) && *text == '\0' && c->width >= 0;
    }
    if (strncmp(format, "+w:", 3) == 0) {
        const char *text = format + 3;
        c->type = CLI_TYPE_FIXED_LIST;
        return parse_int(&text, &c->width) && *text == '\0' && c->width >= 0;
    }
    if (strcmp(format, "+l") == 0 || strcmp(format, "+L") == 0) {
        c->type = CLI_TYPE_LIST;
        c->wide = format[1] == 'L';
        return true;
    }
    return parse_string(c, format);
}

/* How many children the layout of the type needs; -1: any number. */
static int64_t children_needed(cli_type type) {
    switch (type) {
    case CLI_TYPE_STRUCT:
        return -1;
    case CLI_TYPE_LIST:
    case CLI_TYPE_FIXED_LIST:
    case CLI_TYPE_MAP:
        return 1;
    case CLI_TYPE_RUN_END:
        return 2;
    case CLI_TYPE_NULL:
    case CLI_TYPE_BOOL:
    case CLI_TYPE_INT8:
    case CLI_TYPE_UINT8:
    case CLI_TYPE_INT16:
    case CLI_TYPE_UINT16:
    case CLI_TYPE_INT32:
    case CLI_TYPE_UINT32:
    case CLI_TYPE_INT64:
    case CLI_TYPE_UINT64:
    case CLI_TYPE_FLOAT16:
    case CLI_TYPE_FLOAT32:
    case CLI_TYPE_FLOAT64:
    case CLI_TYPE_DECIMAL:
    case CLI_TYPE_DATE32:
    case CLI_TYPE_DATE64:
    case CLI_TYPE_TIME32:
    case CLI_TYPE_TIME64:
    case CLI_TYPE_TIMESTAMP:
    case CLI_TYPE_DURATION:
    case CLI_TYPE_MONTHS:
    case CLI_TYPE_DAY_TIME:
    case CLI_TYPE_MONTH_DAY_NANO:
    case CLI_TYPE_STRING:
    case CLI_TYPE_FIXED_BINARY:
        return 0;
    }
    return 0;
}

/* Metadata of the C Data Interface: int32 count, then for each pair int32 length, key, int32 length,
 * value. Is the value of databricks.type_name one of the nested types? */
static bool says_nested(const char *metadata) {
    static const char key[] = "databricks.type_name";
    static const char *const nested[] = {"ARRAY", "MAP", "STRUCT", "VARIANT", "OBJECT"};
    int32_t pairs = 0;
    if (metadata == NULL) {
        return false;
    }
    memcpy(&pairs, metadata, 4);
    metadata += 4;
    for (int32_t i = 0; i < pairs; i++) {
        int32_t len[2] = {0, 0};
        const char *text[2];
        for (size_t k = 0; k < 2; k++) {
            memcpy(&len[k], metadata, 4);
            text[k] = metadata + 4;
            metadata += 4 + len[k];
        }
        if ((size_t)len[0] != sizeof key - 1 || memcmp(text[0], key, sizeof key - 1) != 0) {
            continue;
        }
        for (size_t k = 0; k < COUNT_OF(nested); k++) {
            if ((size_t)len[1] == strlen(nested[k]) &&
                memcmp(text[1], nested[k], (size_t)len[1]) == 0) {
                return true;
            }
        }
    }
    return false;
}

static void column_reset(cli_column *c) {
    for (size_t i = 0; i < c->child_count; i++) {
        column_reset(&c->children[i]);
    }
    if (c->dictionary != NULL) {
        column_reset(c->dictionary);
    }
    free(c->children);
    free(c->dictionary);
    free(c->name);
    free(c->format);
    *c = (cli_column){0};
}

static bool column_init(cli_column *c, const struct ArrowSchema *schema, bool iso, cli_buf *why) {
    const char *name = schema->name != NULL ? schema->name : "";
    c->name = cli_strdup(name);
    c->format = cli_strdup(schema->format);
    c->iso_times = iso;
    if (!parse_format(c, schema->format) ||
        (children_needed(c->type) >= 0 && schema->n_children != children_needed(c->type))) {
        cli_buf_addf(why, "column '%s' has the Arrow type '%s', which dbk cannot print", name,
                     schema->format);
        return false;
    }
    c->is_json = c->type == CLI_TYPE_STRING && !c->is_binary && says_nested(schema->metadata);
    size_t children = (size_t)schema->n_children;
    c->children = cli_alloc(children, sizeof *c->children);
    for (size_t i = 0; i < children; i++) {
        c->child_count = i + 1;
        if (!column_init(&c->children[i], schema->children[i], iso, why)) {
            return false;
        }
    }
    if (schema->dictionary != NULL) {
        c->dictionary = cli_alloc(1, sizeof *c->dictionary);
        return column_init(c->dictionary, schema->dictionary, iso, why);
    }
    return true;
}

bool cli_columns_init(cli_columns *columns, const struct ArrowSchema *schema, bool iso_times,
                      cli_buf *why) {
    size_t count = (size_t)schema->n_children;
    *columns = (cli_columns){.items = cli_alloc(count, sizeof(cli_column))};
    for (size_t i = 0; i < count; i++) {
        columns->count = i + 1;
        if (!column_init(&columns->items[i], schema->children[i], iso_times, why)) {
            cli_columns_reset(columns);
            return false;
        }
    }
    return true;
}

void cli_columns_reset(cli_columns *columns) {
    for (size_t i = 0; i < columns->count; i++) {
        column_reset(&columns->items[i]);
    }
    free(columns->items);
    *columns = (cli_columns){0};
}

/* ---- binding a batch ---- */

static bool column_bind(cli_column *c, const struct ArrowArray *array,
                        const struct ArrowSchema *schema) {
    if (strcmp(c->format, schema->format) != 0 || array->n_children != (int64_t)c->child_count ||
        schema->n_children != array->n_children ||
        (c->dictionary != NULL) != (array->dictionary != NULL) ||
        (c->dictionary != NULL) != (schema->dictionary != NULL)) {
        return false;
    }
    bool has_validity = c->type != CLI_TYPE_NULL && c->type != CLI_TYPE_RUN_END;
    c->array = array;
    c->validity =
        has_validity && array->n_buffers > 0 && array->null_count != 0 ? array->buffers[0] : NULL;
    for (size_t i = 0; i < c->child_count; i++) {
        if (!column_bind(&c->children[i], array->children[i], schema->children[i])) {
            return false;
        }
    }
    return c->dictionary == NULL ||
           column_bind(c->dictionary, array->dictionary, schema->dictionary);
}

bool cli_columns_bind(cli_columns *columns, const struct ArrowArray *batch,
                      const struct ArrowSchema *schema, cli_buf *why) {
    bool same = batch->n_children == (int64_t)columns->count &&
                schema->n_children == (int64_t)columns->count;
    for (size_t i = 0; same && i < columns->count; i++) {
        same = column_bind(&columns->items[i], batch->children[i], schema->children[i]);
    }
    if (!same) {
        cli_buf_add_str(why, "a batch of the result has other columns than its schema");
        return false;
    }
    columns->rows = batch->length;
    columns->row_offset = batch->offset;
    return true;
}
