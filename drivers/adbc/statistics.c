#include "catalog.h"

#include <stdlib.h>
#include <string.h>

/* AdbcConnectionGetStatistics. Approximate: what ANALYZE TABLE left with the server, from DESCRIBE TABLE
 * EXTENDED: nothing is counted. Exact: the rows are counted. */

#define EXACT_TABLES_MAX 64 /* a scan each */
#define COUNTED_MAX      8  /* so few are counted when the server knows nothing of them */

enum { VALUE_INT64, VALUE_UINT64, VALUE_FLOAT64, VALUE_BINARY, VALUES };
enum { TABLE_NAME, COLUMN_NAME, KEY, VALUE, APPROXIMATE, FIELDS };

static node *new_root(void) {
    node *values[VALUES] = {[VALUE_INT64] = node_new("int64", "l", 0),
                            [VALUE_UINT64] = node_new("uint64", "L", 0),
                            [VALUE_FLOAT64] = node_new("float64", "g", 0),
                            [VALUE_BINARY] = node_new("binary", "z", 0)};
    node *value = node_union("statistic_value", VALUES, values);
    if (value != NULL) {
        node_require(value);
    }
    node *fields[FIELDS] = {[TABLE_NAME] = node_new("table_name", "u", NODE_REQUIRED),
                            [COLUMN_NAME] = node_new("column_name", "u", 0),
                            [KEY] = node_new("statistic_key", "s", NODE_REQUIRED),
                            [VALUE] = value,
                            [APPROXIMATE] =
                                node_new("statistic_is_approximate", "b", NODE_REQUIRED)};
    node *schemas[] = {
        node_new("db_schema_name", "u", 0),
        node_list("db_schema_statistics", NODE_REQUIRED, node_struct("item", FIELDS, fields))};
    node *catalogs[] = {
        node_new("catalog_name", "u", 0),
        node_list("catalog_db_schemas", NODE_REQUIRED, node_struct("item", 2, schemas))};
    return node_struct("", 2, catalogs);
}

static void add_count(node *item, const object *of, int16_t key, int64_t value, bool approximate) {
    node_add_str(node_child(item, TABLE_NAME), of->table);
    node_add_null(node_child(item, COLUMN_NAME));
    node_add_int(node_child(item, KEY), key);
    node_add_int(node_child(node_child(item, VALUE), VALUE_INT64), value);
    node_choose(node_child(item, VALUE), VALUE_INT64);
    node_add_int(node_child(item, APPROXIMATE), approximate);
    node_end(item);
}

static void add_path(const object *of, text *sql) {
    text_add_identifier(sql, of->catalog);
    text_add(sql, ".");
    text_add_identifier(sql, of->schema);
    text_add(sql, ".");
    text_add_identifier(sql, of->table);
}

/* "Statistics | 1234 bytes, 56 rows" */
static bool rows_in(const char *text, int64_t *rows) {
    for (const char *at = text; (at = strpbrk(at, "0123456789")) != NULL;) {
        char *end = NULL;
        *rows = strtoll(at, &end, 10);
        if (strncmp(end, " rows", 5) == 0) {
            return true;
        }
        at = end;
    }
    return false;
}

static bool told_rows(connection *c, const object *of, int64_t *rows) {
    table t = {0};
    text sql = {0};
    bool known = false;
    text_add(&sql, "DESCRIBE TABLE EXTENDED ");
    add_path(of, &sql);
    if (!sql.failed && table_query(c, text_str(&sql), NULL, &t, NULL) == ADBC_STATUS_OK) {
        for (int64_t row = 0; !known && row < t.rows; row++) {
            const char *name = NULL;
            const char *value = NULL;
            size_t name_len = 0;
            size_t len = 0;
            if (table_text(&t, row, 0, &name, &name_len) && name_len == 10 &&
                ascii_same_n(name, "Statistics", 10) && table_text(&t, row, 1, &value, &len)) {
                char *copy = text_copy(value, len);
                known = copy != NULL && rows_in(copy, rows);
                free(copy);
            }
        }
        table_reset(&t);
    }
    text_reset(&sql);
    return known;
}

static AdbcStatusCode counted_rows(connection *c, const object *of, int64_t *rows,
                                   struct AdbcError *error) {
    table t = {0};
    text sql = {0};
    text_add(&sql, "SELECT count(*) FROM ");
    add_path(of, &sql);
    AdbcStatusCode status =
        sql.failed ? fail_memory(error) : table_query(c, text_str(&sql), NULL, &t, error);
    text_reset(&sql);
    if (status == ADBC_STATUS_OK && !table_int(&t, 0, 0, rows)) {
        status = fail(error, ADBC_STATUS_INVALID_DATA, "count(*) gave no number");
    }
    table_reset(&t);
    return status;
}

static AdbcStatusCode add_table(connection *c, const object *of, bool approximate, bool few,
                                node *item, struct AdbcError *error) {
    int64_t rows = 0;
    bool told = approximate && told_rows(c, of, &rows);
    if (told) {
        add_count(item, of, ADBC_STATISTIC_ROW_COUNT_KEY, rows, true);
    }
    if (approximate && (told || !few)) {
        return ADBC_STATUS_OK;
    }
    RETURN_IF(counted_rows(c, of, &rows, error));
    add_count(item, of, ADBC_STATISTIC_ROW_COUNT_KEY, rows, false);
    return ADBC_STATUS_OK;
}

/* Objects are sorted: a schema's tables follow each other, and a catalog's schemas. */
static AdbcStatusCode add_all(connection *c, const catalog *found, bool approximate, node *root,
                              struct AdbcError *error) {
    node *schemas = node_child(root, 1);
    node *schema = node_child(schemas, 0);
    node *statistics = node_child(schema, 1);
    for (size_t i = 0; i < found->count; i++) {
        const object *o = &found->objects[i];
        const object *next = i + 1 < found->count ? o + 1 : NULL;
        bool last_of_catalog = next == NULL || strcmp(next->catalog, o->catalog) != 0;
        bool last_of_schema = last_of_catalog || next->schema == NULL || o->schema == NULL ||
                              strcmp(next->schema, o->schema) != 0;
        if (o->table != NULL) {
            RETURN_IF(add_table(c, o, approximate, found->count <= COUNTED_MAX,
                                node_child(statistics, 0), error));
        }
        if (last_of_schema && o->schema != NULL) {
            node_add_str(node_child(schema, 0), o->schema);
            node_end(statistics);
            node_end(schema);
        }
        if (last_of_catalog) {
            node_add_str(node_child(root, 0), o->catalog);
            node_end(schemas);
            node_end(root);
        }
    }
    return ADBC_STATUS_OK;
}

static AdbcStatusCode get_statistics(connection *c, const object_filter *f, bool approximate,
                                     struct ArrowArrayStream *out, struct AdbcError *error) {
    catalog found = {0};
    node *root = new_root();
    AdbcStatusCode status = root != NULL ? catalog_find(c, f, &found, error) : fail_memory(error);
    if (status == ADBC_STATUS_OK && !approximate && found.count > EXACT_TABLES_MAX) {
        status = fail(error, ADBC_STATUS_INVALID_ARGUMENT,
                      "exact statistics of %zu tables would scan them all: name fewer than %d",
                      found.count, EXACT_TABLES_MAX);
    }
    if (status == ADBC_STATUS_OK) {
        status = add_all(c, &found, approximate, root, error);
    }
    catalog_reset(&found);
    if (status != ADBC_STATUS_OK) {
        node_free(root);
        return status;
    }
    return node_stream(root, out, error);
}

AdbcStatusCode AdbcConnectionGetStatistics(struct AdbcConnection *handle, const char *catalog_name,
                                           const char *db_schema, const char *table_name,
                                           char approximate, struct ArrowArrayStream *out,
                                           struct AdbcError *error) {
    latch *before = NULL;
    object_filter f = {ADBC_OBJECT_DEPTH_TABLES, catalog_name, db_schema, table_name, NULL, NULL};
    connection *c = connection_open(handle, error);
    if (c == NULL) {
        return ADBC_STATUS_INVALID_STATE;
    }
    RETURN_IF(connection_begin(c, &before, error));
    AdbcStatusCode status = get_statistics(c, &f, approximate != 0, out, error);
    connection_end(c, before);
    return status;
}

/* Only ADBC's own statistics are told: none has a name of ours. */
AdbcStatusCode AdbcConnectionGetStatisticNames(struct AdbcConnection *handle,
                                               struct ArrowArrayStream *out,
                                               struct AdbcError *error) {
    if (connection_open(handle, error) == NULL) {
        return ADBC_STATUS_INVALID_STATE;
    }
    node *columns[] = {node_new("statistic_name", "u", NODE_REQUIRED),
                       node_new("statistic_key", "s", NODE_REQUIRED)};
    return node_stream(node_struct("", 2, columns), out, error);
}
