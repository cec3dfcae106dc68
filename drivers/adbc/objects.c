#include "catalog.h"

#include <stdlib.h>
#include <string.h>

/* AdbcConnectionGetObjects: found first (catalog.c), then written down in order, nested. Lists below
 * the wanted depth are null, lists within it never are. */

/* Keys cost two requests a table: they are told where it is about few tables. */
#define KEYS_TABLES_MAX 32

typedef struct writer {
    connection *conn;
    const object_filter *filter;
    const catalog *found;
    const columns *cols;
    bool with_keys;
    node *root; /* one row a catalog */
    struct AdbcError *error;
} writer;

static node *new_root(void) {
    node *tables[] = {node_new("table_name", "u", NODE_REQUIRED),
                      node_new("table_type", "u", NODE_REQUIRED), columns_node(), keys_node()};
    node *schemas[] = {node_new("db_schema_name", "u", 0),
                       node_list("db_schema_tables", 0, node_struct("item", 4, tables))};
    node *catalogs[] = {node_new("catalog_name", "u", 0),
                        node_list("catalog_db_schemas", 0, node_struct("item", 2, schemas))};
    return node_struct("", 2, catalogs);
}

static bool has_keys(const object *o) { /* views have none, information_schema neither */
    return o->table != NULL && o->type != NULL && strcmp(o->type, "TABLE") == 0 &&
           strcmp(o->schema, "information_schema") != 0;
}

static AdbcStatusCode write_table(writer *w, const object *o, node *tables) {
    node *item = node_child(tables, 0);
    node_add_str(node_child(item, 0), o->table);
    node_add_str(node_child(item, 1), o->type != NULL ? o->type : "TABLE");
    if (w->filter->depth == ADBC_OBJECT_DEPTH_TABLES) {
        node_add_null(node_child(item, 2));
        node_add_null(node_child(item, 3));
    } else {
        columns_add(w->cols, o, w->filter, node_child(item, 2));
        if (w->with_keys && has_keys(o)) {
            RETURN_IF(keys_add(w->conn, o, node_child(item, 3), w->error));
        } else {
            node_end(node_child(item, 3));
        }
    }
    node_end(item);
    return ADBC_STATUS_OK;
}

/* All that is in the schema of the object at *at, which moves on to the next one. */
static AdbcStatusCode write_schema(writer *w, size_t *at, node *schemas) {
    const object *first = &w->found->objects[*at];
    node *item = node_child(schemas, 0);
    node_add_str(node_child(item, 0), first->schema);
    for (; *at < w->found->count; (*at)++) {
        const object *o = &w->found->objects[*at];
        if (o->schema == NULL || strcmp(o->catalog, first->catalog) != 0 ||
            strcmp(o->schema, first->schema) != 0) {
            break;
        }
        if (o->table != NULL) {
            RETURN_IF(write_table(w, o, node_child(item, 1)));
        }
    }
    if (w->filter->depth == ADBC_OBJECT_DEPTH_DB_SCHEMAS) {
        node_add_null(node_child(item, 1));
    } else {
        node_end(node_child(item, 1));
    }
    node_end(item);
    return ADBC_STATUS_OK;
}

static AdbcStatusCode write_catalog(writer *w, size_t *at) {
    const object *first = &w->found->objects[*at];
    node_add_str(node_child(w->root, 0), first->catalog);
    while (*at < w->found->count && strcmp(w->found->objects[*at].catalog, first->catalog) == 0) {
        if (w->found->objects[*at].schema == NULL) {
            (*at)++;
        } else {
            RETURN_IF(write_schema(w, at, node_child(w->root, 1)));
        }
    }
    if (w->filter->depth == ADBC_OBJECT_DEPTH_CATALOGS) {
        node_add_null(node_child(w->root, 1));
    } else {
        node_end(node_child(w->root, 1));
    }
    node_end(w->root);
    return ADBC_STATUS_OK;
}

static bool keys_wanted(const object_filter *f, const catalog *found) {
    size_t tables = 0;
    for (size_t i = 0; i < found->count; i++) {
        tables += has_keys(&found->objects[i]) ? 1 : 0;
    }
    return f->depth == ADBC_OBJECT_DEPTH_ALL && tables <= KEYS_TABLES_MAX;
}

static AdbcStatusCode write_all(connection *c, const object_filter *f, catalog *found, node *root,
                                struct AdbcError *error) {
    columns cols = {0};
    writer w = {c, f, found, &cols, keys_wanted(f, found), root, error};
    AdbcStatusCode status = ADBC_STATUS_OK;
    if (f->depth == ADBC_OBJECT_DEPTH_ALL) {
        status = columns_find(c, f, found, &cols, error);
    }
    for (size_t at = 0; status == ADBC_STATUS_OK && at < found->count;) {
        status = write_catalog(&w, &at);
    }
    columns_reset(&cols);
    return status;
}

static AdbcStatusCode get_objects(connection *c, const object_filter *f,
                                  struct ArrowArrayStream *out, struct AdbcError *error) {
    catalog found = {0};
    node *root = new_root();
    AdbcStatusCode status = root != NULL ? catalog_find(c, f, &found, error) : fail_memory(error);
    if (status == ADBC_STATUS_OK) {
        status = write_all(c, f, &found, root, error);
    }
    catalog_reset(&found);
    if (status != ADBC_STATUS_OK) {
        node_free(root);
        return status;
    }
    return node_stream(root, out, error);
}

AdbcStatusCode AdbcConnectionGetObjects(struct AdbcConnection *handle, int depth,
                                        const char *catalog_name, const char *db_schema,
                                        const char *table_name, const char **table_type,
                                        const char *column_name, struct ArrowArrayStream *out,
                                        struct AdbcError *error) {
    latch *before = NULL;
    object_filter f = {depth, catalog_name, db_schema, table_name, column_name, table_type};
    connection *c = connection_open(handle, error);
    if (c == NULL) {
        return ADBC_STATUS_INVALID_STATE;
    }
    if (depth < ADBC_OBJECT_DEPTH_ALL || depth > ADBC_OBJECT_DEPTH_TABLES) {
        return fail(error, ADBC_STATUS_INVALID_ARGUMENT, "depth must be 0 to 3, it is %d", depth);
    }
    RETURN_IF(connection_begin(c, &before, error));
    AdbcStatusCode status = get_objects(c, &f, out, error);
    connection_end(c, before);
    return status;
}
