#include "catalog.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The result sets of the catalog functions: contract 7.2. */

#define NAME(odbc3, odbc2, nullable) \
    { odbc3, odbc2, 'u', nullable, 255 }
#define SMALL(odbc3, odbc2, nullable) \
    { odbc3, odbc2, 's', nullable, 0 }
#define INTEGER(odbc3, odbc2, nullable) \
    { odbc3, odbc2, 'i', nullable, 0 }
#define TABLE_NAMES                                                                       \
    NAME("TABLE_CAT", "TABLE_QUALIFIER", true), NAME("TABLE_SCHEM", "TABLE_OWNER", true), \
        NAME("TABLE_NAME", NULL, false)
/* COLUMN_SIZE ... NUM_PREC_RADIX */
#define SIZES                                                                            \
    INTEGER("COLUMN_SIZE", "PRECISION", true), INTEGER("BUFFER_LENGTH", "LENGTH", true), \
        SMALL("DECIMAL_DIGITS", "SCALE", true)
#define REMARKS \
    { "REMARKS", NULL, 'u', true, 4096 }
/* DATA_TYPE ... IS_NULLABLE: of a column and of a procedure's parameter */
#define DESCRIPTION                                                                      \
    SMALL("DATA_TYPE", NULL, false), NAME("TYPE_NAME", NULL, false), SIZES,              \
        SMALL("NUM_PREC_RADIX", "RADIX", true), SMALL("NULLABLE", NULL, false), REMARKS, \
        NAME("COLUMN_DEF", NULL, true), SMALL("SQL_DATA_TYPE", NULL, false),             \
        SMALL("SQL_DATETIME_SUB", NULL, true), INTEGER("CHAR_OCTET_LENGTH", NULL, true), \
        INTEGER("ORDINAL_POSITION", NULL, false), NAME("IS_NULLABLE", NULL, true)

static const table_column tables[] = {
    NAME("TABLE_CAT", "TABLE_QUALIFIER", true), NAME("TABLE_SCHEM", "TABLE_OWNER", true),
    NAME("TABLE_NAME", NULL, true), NAME("TABLE_TYPE", NULL, true), REMARKS};
static const table_column columns[] = {TABLE_NAMES, NAME("COLUMN_NAME", NULL, false), DESCRIPTION};
static const table_column primary_keys[] = {TABLE_NAMES, NAME("COLUMN_NAME", NULL, false),
                                            SMALL("KEY_SEQ", NULL, false),
                                            NAME("PK_NAME", NULL, true)};
static const table_column foreign_keys[] = {NAME("PKTABLE_CAT", "PKTABLE_QUALIFIER", true),
                                            NAME("PKTABLE_SCHEM", "PKTABLE_OWNER", true),
                                            NAME("PKTABLE_NAME", NULL, false),
                                            NAME("PKCOLUMN_NAME", NULL, false),
                                            NAME("FKTABLE_CAT", "FKTABLE_QUALIFIER", true),
                                            NAME("FKTABLE_SCHEM", "FKTABLE_OWNER", true),
                                            NAME("FKTABLE_NAME", NULL, false),
                                            NAME("FKCOLUMN_NAME", NULL, false),
                                            SMALL("KEY_SEQ", NULL, false),
                                            SMALL("UPDATE_RULE", NULL, true),
                                            SMALL("DELETE_RULE", NULL, true),
                                            NAME("FK_NAME", NULL, true),
                                            NAME("PK_NAME", NULL, true),
                                            SMALL("DEFERRABILITY", NULL, true)};
static const table_column procedures[] = {NAME("PROCEDURE_CAT", "PROCEDURE_QUALIFIER", true),
                                          NAME("PROCEDURE_SCHEM", "PROCEDURE_OWNER", true),
                                          NAME("PROCEDURE_NAME", NULL, false),
                                          INTEGER("NUM_INPUT_PARAMS", NULL, true),
                                          INTEGER("NUM_OUTPUT_PARAMS", NULL, true),
                                          INTEGER("NUM_RESULT_SETS", NULL, true),
                                          REMARKS,
                                          SMALL("PROCEDURE_TYPE", NULL, true)};
static const table_column procedure_columns[] = {NAME("PROCEDURE_CAT", "PROCEDURE_QUALIFIER", true),
                                                 NAME("PROCEDURE_SCHEM", "PROCEDURE_OWNER", true),
                                                 NAME("PROCEDURE_NAME", NULL, false),
                                                 NAME("COLUMN_NAME", NULL, false),
                                                 SMALL("COLUMN_TYPE", NULL, false),
                                                 DESCRIPTION};
static const table_column statistics[] = {TABLE_NAMES,
                                          SMALL("NON_UNIQUE", NULL, true),
                                          NAME("INDEX_QUALIFIER", NULL, true),
                                          NAME("INDEX_NAME", NULL, true),
                                          SMALL("TYPE", NULL, false),
                                          SMALL("ORDINAL_POSITION", "SEQ_IN_INDEX", true),
                                          NAME("COLUMN_NAME", NULL, true),
                                          {"ASC_OR_DESC", "COLLATION", 'u', true, 1},
                                          INTEGER("CARDINALITY", NULL, true),
                                          INTEGER("PAGES", NULL, true),
                                          NAME("FILTER_CONDITION", NULL, true)};
static const table_column special_columns[] = {SMALL("SCOPE", NULL, true),
                                               NAME("COLUMN_NAME", NULL, false),
                                               SMALL("DATA_TYPE", NULL, false),
                                               NAME("TYPE_NAME", NULL, false),
                                               SIZES,
                                               SMALL("PSEUDO_COLUMN", NULL, true)};
static const table_column table_privileges[] = {
    TABLE_NAMES, NAME("GRANTOR", NULL, true), NAME("GRANTEE", NULL, false),
    NAME("PRIVILEGE", NULL, false), NAME("IS_GRANTABLE", NULL, true)};
static const table_column column_privileges[] = {TABLE_NAMES,
                                                 NAME("COLUMN_NAME", NULL, false),
                                                 NAME("GRANTOR", NULL, true),
                                                 NAME("GRANTEE", NULL, false),
                                                 NAME("PRIVILEGE", NULL, false),
                                                 NAME("IS_GRANTABLE", NULL, true)};

/* Sorted by which columns. */
static const struct {
    const table_column *columns;
    size_t width;
    size_t order[4], order_count;
} layouts[] = {
    [CAT_TABLES] = {tables, COUNT_OF(tables), {3, 0, 1, 2}, 4},
    [CAT_COLUMNS] = {columns, COUNT_OF(columns), {0, 1, 2, 16}, 4},
    [CAT_PRIMARY_KEYS] = {primary_keys, COUNT_OF(primary_keys), {0, 1, 2, 4}, 4},
    [CAT_FOREIGN_KEYS] = {foreign_keys, COUNT_OF(foreign_keys), {0, 1, 2, 8}, 4},
    [CAT_PROCEDURES] = {procedures, COUNT_OF(procedures), {0, 1, 2}, 3},
    [CAT_PROCEDURE_COLUMNS] = {procedure_columns, COUNT_OF(procedure_columns), {0, 1, 2, 17}, 4},
    [CAT_STATISTICS] = {statistics, COUNT_OF(statistics), {3, 6, 5, 7}, 4},
    [CAT_SPECIAL_COLUMNS] = {special_columns, COUNT_OF(special_columns), {0}, 1},
    [CAT_TABLE_PRIVILEGES] = {table_privileges, COUNT_OF(table_privileges), {0, 1, 2, 5}, 4},
    [CAT_COLUMN_PRIVILEGES] = {column_privileges, COUNT_OF(column_privileges), {0, 1, 2, 3}, 4},
};

const table_column *catalog_columns(catalog_fn fn, size_t *width) {
    *width = layouts[fn].width;
    return layouts[fn].columns;
}

/* Servers count a table's columns from 0 or from 1; ODBC from 1. */
static void count_from_one(table *t) {
    bool from_zero = false;
    for (size_t row = 0; row < t->rows && !t->failed; row++) {
        from_zero = from_zero || t->cells[row * t->width + 16].number == 0;
    }
    for (size_t row = 0; from_zero && row < t->rows && !t->failed; row++) {
        t->cells[row * t->width + 16].number++;
    }
}

void catalog_sort(catalog_call *c) {
    if (c->fn == CAT_COLUMNS) {
        count_from_one(c->table);
    }
    static const size_t by_referring[] = {4, 5, 6, 8};
    bool referring = c->fn == CAT_FOREIGN_KEYS && c->args.object2.ptr == NULL;
    table_sort(c->table, referring ? by_referring : layouts[c->fn].order,
               layouts[c->fn].order_count);
}

/* ---- Reading ------------------------------------------------------------------------------------------------- */

text source_text(const source_row *r, size_t index) {
    cell c;
    if (index >= r->count || cell_read(&r->columns[index], r->row, &c) != CONV_OK ||
        c.kind != CELL_TEXT) {
        return (text){0};
    }
    return c.text;
}

bool source_number(const source_row *r, size_t index, int64_t *out) {
    cell c;
    SQLLEN size;
    return index < r->count && cell_read(&r->columns[index], r->row, &c) == CONV_OK &&
           c.kind != CELL_NULL && !conv_is_error(cell_fixed(&c, SQL_C_SBIGINT, -1, -1, out, &size));
}

static char lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

bool like_match(const char *p, text v) {
    for (; *p != '\0'; p++) {
        if (*p == '%') {
            for (size_t skip = 0; skip <= v.len; skip++) {
                if (like_match(p + 1, (text){v.ptr + skip, v.len - skip})) {
                    return true;
                }
            }
            return false;
        }
        if (v.len == 0) {
            return false;
        }
        bool any = *p == '_';
        p += *p == '\\' && p[1] != '\0';
        if (!any && lower(*p) != lower(v.ptr[0])) {
            return false;
        }
        v.ptr++;
        v.len--;
    }
    return v.len == 0;
}

/* ---- Rows -------------------------------------------------------------------------------------------------------- */

static void copy_texts(table *t, const source_row *r, size_t from, size_t to, size_t n) {
    for (size_t i = 0; i < n; i++) {
        table_set_text(t, to + i, source_text(r, from + i));
    }
}

static void set_catalog(const stmt *s, table *t, size_t index, text catalog) {
    if (s->h.dbc->set.catalogs) {
        table_set_text(t, index, catalog);
    }
}

/* Applications know TABLE and VIEW: the server's other words become one of them. */
static text table_type(const stmt *s, text type) {
    static const char *const as_table[] = {"",
                                           "MANAGED",
                                           "EXTERNAL",
                                           "FOREIGN",
                                           "STREAMING_TABLE",
                                           "MANAGED_SHALLOW_CLONE",
                                           "EXTERNAL_SHALLOW_CLONE"};
    if (s->h.dbc->set.raw_table_types) {
        return type;
    }
    for (size_t i = 0; i < COUNT_OF(as_table); i++) {
        if (type.ptr == NULL || text_is(type, as_table[i])) {
            return text_of("TABLE");
        }
    }
    return text_is(type, "MATERIALIZED_VIEW") ? text_of("VIEW") : type;
}

/* "'TABLE', VIEW": is the type one of them? No list, "%" and ALL take everything. */
static bool type_wanted(text list, text type) {
    if (list.ptr == NULL || text_trim(list).len == 0) {
        return true;
    }
    for (size_t at = 0; at <= list.len;) {
        const char *comma = memchr(list.ptr + at, ',', list.len - at);
        size_t end = comma == NULL ? list.len : (size_t)(comma - list.ptr);
        text one = text_trim((text){list.ptr + at, end - at});
        if (one.len >= 2 && one.ptr[0] == '\'' && one.ptr[one.len - 1] == '\'') {
            one = (text){one.ptr + 1, one.len - 2};
        }
        if (text_is(one, "%") || text_is(one, "ALL") ||
            (one.len == type.len && strncasecmp(one.ptr, type.ptr, one.len) == 0)) {
            return true;
        }
        at = end + 1;
    }
    return false;
}

static void add_table(const stmt *s, catalog_call *c, const source_row *r) {
    table *t = c->table;
    text type = table_type(s, source_text(r, 3));
    if (!type_wanted(c->args.types, type)) {
        return;
    }
    table_row(t);
    set_catalog(s, t, 0, source_text(r, 0));
    copy_texts(t, r, 1, 1, 2);
    table_set_text(t, 3, type);
    table_set_text(t, 4, source_text(r, 4));
}

/* DATA_TYPE, TYPE_NAME and the sizes of a type's text, from column `at` on. */
static void set_type(const stmt *s, table *t, size_t at, text type_text, column *d) {
    char *copy = text_copy(type_text.ptr == NULL ? text_of("STRING") : type_text);
    if (copy == NULL) {
        t->failed = true;
        return;
    }
    type_describe(&s->h.dbc->set, copy, d);
    bool old = s->h.env->version == SQL_OV_ODBC2;
    table_set_number(t, at, old ? type_odbc2(d->sql_type) : d->sql_type);
    table_set_text(t, at + 1, text_of(d->type_name));
    table_set_number(t, at + 2, (int64_t)d->size);
    table_set_number(t, at + 3, (int64_t)d->octets);
    if (d->digits >= 0) {
        table_set_number(t, at + 4, d->digits);
    }
    free(copy);
}

static void add_column(const stmt *s, catalog_call *c, const source_row *r) {
    table *t = c->table;
    column d = {0};
    int64_t n;
    table_row(t);
    set_catalog(s, t, 0, source_text(r, 0));
    copy_texts(t, r, 1, 1, 3);
    set_type(s, t, 4, source_text(r, 5), &d);
    if (type_is_number(d.sql_type)) {
        table_set_number(t, 9, 10);
    }
    table_set_number(t, 10, source_number(r, 10, &n) ? n : SQL_NULLABLE);
    copy_texts(t, r, 11, 11, 2);
    table_set_number(t, 13, type_verbose(d.sql_type));
    if (type_subcode(d.sql_type) != 0) {
        table_set_number(t, 14, type_subcode(d.sql_type));
    }
    if (type_is_text(d.sql_type) || d.sql_type == SQL_VARBINARY) {
        table_set_number(t, 15, (int64_t)d.octets);
    }
    table_set_number(t, 16, source_number(r, 16, &n) ? n : 0);
    table_set_text(t, 17, source_text(r, 17));
}

static void add_primary_key(const stmt *s, catalog_call *c, const source_row *r) {
    table *t = c->table;
    int64_t n;
    table_row(t);
    set_catalog(s, t, 0, source_text(r, 0));
    copy_texts(t, r, 1, 1, 3);
    table_set_number(t, 4, source_number(r, 4, &n) ? n : (int64_t)t->rows);
    table_set_text(t, 5, source_text(r, 5));
}

/* A primary key as the one index that a table has. */
static void add_index(const stmt *s, catalog_call *c, const source_row *r) {
    table *t = c->table;
    int64_t n;
    table_row(t);
    set_catalog(s, t, 0, source_text(r, 0));
    copy_texts(t, r, 1, 1, 2);
    table_set_number(t, 3, SQL_FALSE);
    table_set_text(t, 5, source_text(r, 5));
    table_set_number(t, 6, SQL_INDEX_OTHER);
    table_set_number(t, 7, source_number(r, 4, &n) ? n : (int64_t)t->rows);
    table_set_text(t, 8, source_text(r, 3));
    table_set_text(t, 9, text_of("A"));
}

/* MODIFY, and ALL PRIVILEGES, are what ODBC's applications know as several; the others have their own names. */
static void add_privileges(const stmt *s, catalog_call *c, const source_row *r) {
    static const char *const all[] = {"SELECT", "INSERT", "UPDATE", "DELETE"};
    text given = source_text(r, 5);
    bool everything = text_is(given, "ALL PRIVILEGES") || text_is(given, "ALL_PRIVILEGES");
    bool modify = text_is(given, "MODIFY");
    size_t first = modify ? 1 : 0, end = everything || modify ? COUNT_OF(all) : 1;
    for (size_t i = first; i < end; i++) {
        table_row(c->table);
        set_catalog(s, c->table, 0, source_text(r, 0));
        copy_texts(c->table, r, 1, 1, 4);
        table_set_text(c->table, 5, everything || modify ? text_of(all[i]) : given);
        copy_texts(c->table, r, 6, 6, 1);
    }
}

static void keep_key(catalog_call *c, const source_row *r) {
    char **grown = realloc(c->key_names, (c->key_count + 1) * sizeof *grown);
    if (grown == NULL) {
        c->table->failed = true;
        return;
    }
    c->key_names = grown;
    c->key_names[c->key_count++] = text_copy(source_text(r, 3));
}

static void add_special(const stmt *s, catalog_call *c, const source_row *r) {
    text name = source_text(r, 3);
    for (size_t i = 0; i < c->key_count; i++) {
        if (c->key_names[i] != NULL && text_is(name, c->key_names[i])) {
            column d = {0};
            table_row(c->table);
            table_set_number(c->table, 0, SQL_SCOPE_SESSION);
            table_set_text(c->table, 1, name);
            set_type(s, c->table, 2, source_text(r, 5), &d);
            table_set_number(c->table, 7, SQL_PC_NOT_PSEUDO);
        }
    }
}

static void add_foreign_key(const stmt *s, catalog_call *c, const source_row *r) {
    table *t = c->table;
    int64_t n;
    table_row(t);
    set_catalog(s, t, 0, source_text(r, 0));
    copy_texts(t, r, 1, 1, 3);
    set_catalog(s, t, 4, source_text(r, 4));
    copy_texts(t, r, 5, 5, 3);
    table_set_number(t, 8, source_number(r, 8, &n) ? n : (int64_t)t->rows);
    table_set_number(t, 9, SQL_NO_ACTION);
    table_set_number(t, 10, SQL_NO_ACTION);
    copy_texts(t, r, 11, 11, 2);
    table_set_number(t, 13, source_number(r, 13, &n) ? n : SQL_NOT_DEFERRABLE);
}

static void add_procedure(const stmt *s, catalog_call *c, const source_row *r) {
    table *t = c->table;
    bool function = c->request == ASK_FUNCTIONS;
    table_row(t);
    set_catalog(s, t, 0, source_text(r, 0));
    copy_texts(t, r, 1, 1, 2);
    table_set_text(t, 6, source_text(r, function ? 3 : 6));
    table_set_number(t, 7, function ? SQL_PT_FUNCTION : SQL_PT_PROCEDURE);
}

static void add_procedure_column(const stmt *s, catalog_call *c, const source_row *r) {
    table *t = c->table;
    column d = {0};
    int64_t n;
    text name = source_text(r, 3);
    table_row(t);
    set_catalog(s, t, 0, source_text(r, 0));
    copy_texts(t, r, 1, 1, 2);
    table_set_text(t, 3, name.ptr == NULL ? text_of("") : name);
    table_set_number(t, 4, source_number(r, 4, &n) ? n : SQL_PARAM_TYPE_UNKNOWN);
    set_type(s, t, 5, source_text(r, 6), &d);
    if (type_is_number(d.sql_type)) {
        table_set_number(t, 10, 10);
    }
    table_set_number(t, 11, SQL_NULLABLE_UNKNOWN);
    table_set_text(t, 12, source_text(r, 12));
    table_set_number(t, 14, type_verbose(d.sql_type));
    if (type_subcode(d.sql_type) != 0) {
        table_set_number(t, 15, type_subcode(d.sql_type));
    }
    if (type_is_text(d.sql_type)) {
        table_set_number(t, 16, (int64_t)d.octets);
    }
    table_set_number(t, 17, source_number(r, 17, &n) ? n : 0);
    table_set_text(t, 18, text_of(""));
}

static void add_only(catalog_call *c, const source_row *r, size_t from, size_t to) {
    table_row(c->table);
    table_set_text(c->table, to, source_text(r, from));
}

void catalog_add(const stmt *s, catalog_call *c, const source_row *r) {
    if (c->catalog_pattern != NULL && !like_match(c->catalog_pattern, source_text(r, 0))) {
        return;
    }
    switch (c->request) {
    case ASK_CATALOGS:
        add_only(c, r, 0, 0);
        break;
    case ASK_TABLE_TYPES:
        add_only(c, r, 0, 3);
        break;
    case ASK_SCHEMAS:
        add_only(c, r, 0, 1);
        break;
    case ASK_TABLES:
        add_table(s, c, r);
        break;
    case ASK_COLUMNS:
        if (c->fn == CAT_SPECIAL_COLUMNS) {
            add_special(s, c, r);
        } else {
            add_column(s, c, r);
        }
        break;
    case ASK_PRIMARY_KEYS:
        if (c->fn == CAT_STATISTICS) {
            add_index(s, c, r);
        } else if (c->fn == CAT_SPECIAL_COLUMNS) {
            keep_key(c, r);
        } else {
            add_primary_key(s, c, r);
        }
        break;
    case ASK_FOREIGN_KEYS:
    case ASK_REFERRING_KEYS:
        add_foreign_key(s, c, r);
        break;
    case ASK_PROCEDURES:
    case ASK_FUNCTIONS:
        add_procedure(s, c, r);
        break;
    case ASK_PROCEDURE_COLUMNS:
        add_procedure_column(s, c, r);
        break;
    case ASK_PRIVILEGES:
        add_privileges(s, c, r);
        break;
    }
}
