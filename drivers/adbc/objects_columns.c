#include "catalog.h"

#include <stdlib.h>
#include <string.h>

/* Fields of COLUMN in GetObjects, in order. */
typedef enum field {
    NAME,
    ORDINAL,
    REMARKS,
    DATA_TYPE,
    TYPE_NAME,
    SIZE,
    DIGITS,
    RADIX,
    NULLABLE,
    DEFAULT,
    SQL_TYPE,
    DATETIME_SUB,
    OCTETS,
    IS_NULLABLE,
    SCOPE_CATALOG,
    SCOPE_SCHEMA,
    SCOPE_TABLE,
    AUTOINCREMENT,
    GENERATED,
    FIELDS
} field;

node *columns_node(void) {
    static const struct {
        const char *name, *format;
    } rows[FIELDS] = {[NAME] = {"column_name", "u"},
                      [ORDINAL] = {"ordinal_position", "i"},
                      [REMARKS] = {"remarks", "u"},
                      [DATA_TYPE] = {"xdbc_data_type", "s"},
                      [TYPE_NAME] = {"xdbc_type_name", "u"},
                      [SIZE] = {"xdbc_column_size", "i"},
                      [DIGITS] = {"xdbc_decimal_digits", "s"},
                      [RADIX] = {"xdbc_num_prec_radix", "s"},
                      [NULLABLE] = {"xdbc_nullable", "s"},
                      [DEFAULT] = {"xdbc_column_def", "u"},
                      [SQL_TYPE] = {"xdbc_sql_data_type", "s"},
                      [DATETIME_SUB] = {"xdbc_datetime_sub", "s"},
                      [OCTETS] = {"xdbc_char_octet_length", "i"},
                      [IS_NULLABLE] = {"xdbc_is_nullable", "u"},
                      [SCOPE_CATALOG] = {"xdbc_scope_catalog", "u"},
                      [SCOPE_SCHEMA] = {"xdbc_scope_schema", "u"},
                      [SCOPE_TABLE] = {"xdbc_scope_table", "u"},
                      [AUTOINCREMENT] = {"xdbc_is_autoincrement", "b"},
                      [GENERATED] = {"xdbc_is_generatedcolumn", "b"}};
    node *fields[FIELDS];
    for (size_t i = 0; i < FIELDS; i++) {
        fields[i] = node_new(rows[i].name, rows[i].format, i == NAME ? NODE_REQUIRED : 0);
    }
    return node_list("table_columns", 0, node_struct("item", FIELDS, fields));
}

/* ---- finding them ---- */

void columns_reset(columns *k) {
    for (size_t i = 0; i < k->count; i++) {
        free(k->rows[i].catalog);
        free(k->rows[i].schema);
        free(k->rows[i].table);
    }
    for (size_t i = 0; i < k->table_count; i++) {
        table_reset(&k->tables[i]);
    }
    free(k->rows);
    free(k->tables);
    *k = (columns){0};
}

static char *copy(columns *k, table *t, int64_t row, const char *name) {
    const char *value = NULL;
    size_t len = 0;
    if (!table_text(t, row, table_column(t, name), &value, &len)) {
        value = "";
    }
    char *made = text_copy(value, len);
    k->failed |= made == NULL;
    return made;
}

static void add_rows(columns *k, table *t) {
    size_t more = (size_t)t->rows;
    column_row *larger = realloc(k->rows, (k->count + more + 1) * sizeof *larger);
    if (larger == NULL) {
        k->failed = true;
        return;
    }
    k->rows = larger;
    for (int64_t row = 0; row < t->rows; row++) {
        column_row *r = &k->rows[k->count++];
        *r = (column_row){.catalog = copy(k, t, row, "TABLE_CAT"),
                          .schema = copy(k, t, row, "TABLE_SCHEM"),
                          .table = copy(k, t, row, "TABLE_NAME"),
                          .from = t,
                          .row = row};
        (void)table_int(t, row, table_column(t, "ORDINAL_POSITION"), &r->ordinal);
    }
}

static int compare_place(const column_row *r, const object *o) {
    int order = strcmp(r->catalog, o->catalog);
    order = order != 0 ? order : strcmp(r->schema, o->schema);
    return order != 0 ? order : strcmp(r->table, o->table);
}

static int compare(const void *left, const void *right) {
    const column_row *a = left;
    const column_row *b = right;
    object place = {.catalog = b->catalog, .schema = b->schema, .table = b->table};
    int order = compare_place(a, &place);
    if (order != 0) {
        return order;
    }
    return a->ordinal != b->ordinal ? (a->ordinal > b->ordinal ? 1 : -1)
                                    : (a->row > b->row) - (a->row < b->row);
}

/* One call for each catalog that has tables; without any filter of catalogs one call for all. */
static AdbcStatusCode find_all(connection *c, const object_filter *f, const catalog *found,
                               columns *out, struct AdbcError *error) {
    const char *last = NULL;
    out->tables = calloc(found->count + 1, sizeof *out->tables);
    if (out->tables == NULL) {
        return fail_memory(error);
    }
    for (size_t i = 0; i < found->count; i++) {
        const object *o = &found->objects[i];
        bool again = last != NULL && (f->catalog == NULL || strcmp(o->catalog, last) == 0);
        if (o->table == NULL || again) {
            continue;
        }
        last = o->catalog;
        dbk_catalog_filter filter = {.struct_size = sizeof filter,
                                     .call = DBK_CATALOG_CALL_COLUMNS,
                                     .catalog = f->catalog != NULL ? o->catalog : NULL,
                                     .schema = f->schema,
                                     .object = f->table};
        RETURN_IF(catalog_call(c, &filter, &out->tables[out->table_count], error));
        out->table_count++;
    }
    for (size_t i = 0; i < out->table_count; i++) {
        add_rows(out, &out->tables[i]);
    }
    return out->failed ? fail_memory(error) : ADBC_STATUS_OK;
}

AdbcStatusCode columns_find(connection *c, const object_filter *f, const catalog *found,
                            columns *out, struct AdbcError *error) {
    AdbcStatusCode status = find_all(c, f, found, out, error);
    if (status == ADBC_STATUS_OK && !out->failed && out->count > 0) {
        qsort(out->rows, out->count, sizeof *out->rows, compare);
    }
    return status;
}

/* ---- showing them ---- */

/* What the server does not say of a type (metadata.md 5.1); -1: nothing can be said. */
typedef struct measures {
    const char *type;
    int32_t size, digits, radix, datetime_sub;
} measures;

static measures measure(const char *type) {
    static const measures rows[] = {
        {"BOOLEAN", 1, 0, -1, -1},       {"TINYINT", 3, 0, 10, -1},  {"SMALLINT", 5, 0, 10, -1},
        {"INT", 10, 0, 10, -1},          {"BIGINT", 19, 0, 10, -1},  {"FLOAT", 7, 7, 10, -1},
        {"DOUBLE", 15, 15, 10, -1},      {"DECIMAL", 10, 0, 10, -1}, {"DATE", 10, 0, -1, 1},
        {"TIMESTAMP_NTZ", 29, 6, -1, 3}, {"TIMESTAMP", 29, 6, -1, 3}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t len = strlen(rows[i].type);
        if (ascii_same_n(type, rows[i].type, len) && !is_word(type[len])) {
            measures m = rows[i];
            const char *open = type[len] == '(' ? type + len + 1 : NULL; /* DECIMAL(10,2) */
            if (open != NULL && ascii_same_n(type, "DECIMAL", 7)) {
                char *end = NULL;
                m.size = (int32_t)strtol(open, &end, 10);
                m.digits = *end == ',' ? (int32_t)strtol(end + 1, NULL, 10) : 0;
            }
            return m;
        }
    }
    return (measures){type, -1, -1, -1, -1};
}

static void add_int_or(node *into, table *t, int64_t row, const char *name, int64_t fallback) {
    int64_t n = fallback;
    if (table_int(t, row, table_column(t, name), &n) || fallback >= 0) {
        node_add_int(into, n);
    } else {
        node_add_null(into);
    }
}

static void add_text(node *into, table *t, int64_t row, const char *name) {
    const char *value = NULL;
    size_t len = 0;
    if (table_text(t, row, table_column(t, name), &value, &len)) {
        node_add_text(into, value, len);
    } else {
        node_add_null(into);
    }
}

/* first: the table's smallest ordinal. Servers count from 0 or from 1, ADBC from 1; so that it is known,
 * the filter of columns is applied here and not by the server. */
static void add_column(const column_row *r, int64_t first, node *item) {
    table *t = r->from;
    text type = {0};
    const char *value = NULL;
    size_t len = 0;
    if (table_text(t, r->row, table_column(t, "TYPE_NAME"), &value, &len)) {
        text_add_n(&type, value, len);
    }
    measures m = measure(text_str(&type));
    text_reset(&type);
    add_text(node_child(item, NAME), t, r->row, "COLUMN_NAME");
    node_add_int(node_child(item, ORDINAL), r->ordinal + (first == 0 ? 1 : 0));
    add_text(node_child(item, REMARKS), t, r->row, "REMARKS");
    add_int_or(node_child(item, DATA_TYPE), t, r->row, "DATA_TYPE", -1);
    add_text(node_child(item, TYPE_NAME), t, r->row, "TYPE_NAME");
    add_int_or(node_child(item, SIZE), t, r->row, "COLUMN_SIZE", m.size);
    add_int_or(node_child(item, DIGITS), t, r->row, "DECIMAL_DIGITS", m.digits);
    add_int_or(node_child(item, RADIX), t, r->row, "NUM_PREC_RADIX", m.radix);
    add_int_or(node_child(item, NULLABLE), t, r->row, "NULLABLE", -1);
    add_text(node_child(item, DEFAULT), t, r->row, "COLUMN_DEF");
    add_int_or(node_child(item, SQL_TYPE), t, r->row, "DATA_TYPE", -1);
    add_int_or(node_child(item, DATETIME_SUB), t, r->row, "SQL_DATETIME_SUB", m.datetime_sub);
    add_int_or(node_child(item, OCTETS), t, r->row, "CHAR_OCTET_LENGTH", -1);
    add_text(node_child(item, IS_NULLABLE), t, r->row, "IS_NULLABLE");
    add_text(node_child(item, SCOPE_CATALOG), t, r->row, "SCOPE_CATALOG");
    add_text(node_child(item, SCOPE_SCHEMA), t, r->row, "SCOPE_SCHEMA");
    add_text(node_child(item, SCOPE_TABLE), t, r->row, "SCOPE_TABLE");
    bool automatic = table_text(t, r->row, table_column(t, "IS_AUTO_INCREMENT"), &value, &len) &&
                     len == 3; /* YES */
    node_add_int(node_child(item, AUTOINCREMENT), automatic);
    node_add_int(node_child(item, GENERATED), false);
    node_end(item);
}

static size_t first_of(const columns *k, const object *of) {
    size_t low = 0;
    size_t high = k->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_place(&k->rows[middle], of) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

void columns_add(const columns *k, const object *of, const object_filter *f, node *list) {
    size_t first = first_of(k, of);
    for (size_t i = first; i < k->count && compare_place(&k->rows[i], of) == 0; i++) {
        const column_row *r = &k->rows[i];
        const char *name = NULL;
        size_t len = 0;
        text copied = {0};
        (void)table_text(r->from, r->row, table_column(r->from, "COLUMN_NAME"), &name, &len);
        text_add_n(&copied, name, len);
        if (like_matches(f->column, text_str(&copied))) {
            add_column(r, k->rows[first].ordinal, node_child(list, 0));
        }
        text_reset(&copied);
    }
    node_end(list);
}
