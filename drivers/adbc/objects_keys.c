#include "catalog.h"

#include <string.h>

/* Primary and foreign keys of a table, as CONSTRAINTs. */

enum { NAME, TYPE, COLUMNS, USAGE, FIELDS };

node *keys_node(void) {
    node *used[] = {node_new("fk_catalog", "u", 0), node_new("fk_db_schema", "u", 0),
                    node_new("fk_table", "u", NODE_REQUIRED),
                    node_new("fk_column_name", "u", NODE_REQUIRED)};
    node *usage = node_struct("item", 4, used);
    node *fields[FIELDS] = {
        [NAME] = node_new("constraint_name", "u", 0),
        [TYPE] = node_new("constraint_type", "u", NODE_REQUIRED),
        [COLUMNS] = node_list("constraint_column_names", NODE_REQUIRED, node_new("item", "u", 0)),
        [USAGE] = node_list("constraint_column_usage", 0, usage)};
    return node_list("table_constraints", 0, node_struct("item", FIELDS, fields));
}

static bool same(table *t, int64_t row, int64_t other, const char *name) {
    const char *a = NULL;
    const char *b = NULL;
    size_t a_len = 0;
    size_t b_len = 0;
    bool has_a = table_text(t, row, table_column(t, name), &a, &a_len);
    bool has_b = table_text(t, other, table_column(t, name), &b, &b_len);
    return has_a == has_b && (!has_a || (a_len == b_len && memcmp(a, b, a_len) == 0));
}

static void add(node *into, table *t, int64_t row, const char *name) {
    const char *value = NULL;
    size_t len = 0;
    if (table_text(t, row, table_column(t, name), &value, &len)) {
        node_add_text(into, value, len);
    } else {
        node_add_null(into);
    }
}

static void add_usage(node *usage, table *t, int64_t row) {
    static const char *const names[] = {"PKTABLE_CAT", "PKTABLE_SCHEM", "PKTABLE_NAME",
                                        "PKCOLUMN_NAME"};
    node *item = node_child(usage, 0);
    for (size_t i = 0; i < 4; i++) {
        add(node_child(item, i), t, row, names[i]);
    }
    node_end(item);
}

/* The rows of one key follow each other; a key is one constraint. */
static void add_keys(table *t, bool foreign, node *list) {
    const char *key = foreign ? "FK_NAME" : "PK_NAME";
    node *item = node_child(list, 0);
    for (int64_t row = 0; row < t->rows;) {
        int64_t first = row;
        add(node_child(item, NAME), t, row, key);
        node_add_str(node_child(item, TYPE), foreign ? "FOREIGN KEY" : "PRIMARY KEY");
        for (; row < t->rows && same(t, row, first, key); row++) {
            add(node_child(node_child(item, COLUMNS), 0), t, row,
                foreign ? "FKCOLUMN_NAME" : "COLUMN_NAME");
            if (foreign) {
                add_usage(node_child(item, USAGE), t, row);
            }
        }
        node_end(node_child(item, COLUMNS));
        if (foreign) {
            node_end(node_child(item, USAGE));
        } else {
            node_add_null(node_child(item, USAGE));
        }
        node_end(item);
    }
}

AdbcStatusCode keys_add(connection *c, const object *of, node *list, struct AdbcError *error) {
    static const dbk_catalog_call calls[] = {DBK_CATALOG_CALL_PRIMARY_KEYS,
                                             DBK_CATALOG_CALL_FOREIGN_KEYS};
    for (size_t i = 0; i < 2; i++) {
        table t = {0};
        dbk_catalog_filter filter = {.struct_size = sizeof filter,
                                     .call = calls[i],
                                     .catalog = of->catalog,
                                     .schema = of->schema,
                                     .object = of->table};
        RETURN_IF(catalog_call(c, &filter, &t, error));
        add_keys(&t, calls[i] == DBK_CATALOG_CALL_FOREIGN_KEYS, list);
        table_reset(&t);
    }
    node_end(list);
    return ADBC_STATUS_OK;
}
