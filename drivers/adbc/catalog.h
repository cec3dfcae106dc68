/* drivers/adbc/catalog.h: what a GetObjects call found: tables in order, their columns and keys. */
#ifndef DBK_ADBC_CATALOG_H
#define DBK_ADBC_CATALOG_H

#include "build.h"
#include "like.h"
#include "table.h"

/* The filters of AdbcConnectionGetObjects; NULL: none. */
typedef struct object_filter {
    int depth; /* ADBC_OBJECT_DEPTH_* */
    const char *catalog, *schema, *table, *column;
    const char **types; /* ends with NULL */
} object_filter;

/* A table, or a schema or catalog by itself (table and schema NULL). */
typedef struct object {
    char *catalog, *schema, *table, *type;
} object;

typedef struct catalog {
    object *objects; /* sorted, each once */
    size_t count, cap;
    bool failed; /* out of memory */
} catalog;

AdbcStatusCode catalog_find(connection *c, const object_filter *f, catalog *out,
                            struct AdbcError *error);
void catalog_reset(catalog *k);
/* A catalog call of the kernel's as a table; what the caller may not see is empty. */
AdbcStatusCode catalog_call(connection *c, const dbk_catalog_filter *filter, table *out,
                            struct AdbcError *error);

/* objects_columns.c: the columns of every table that was found. */
typedef struct column_row {
    char *catalog, *schema, *table;
    table *from; /* borrowed */
    int64_t row, ordinal;
} column_row;
typedef struct columns {
    table *tables; /* one for each call */
    size_t table_count;
    column_row *rows; /* sorted by table and ordinal */
    size_t count, cap;
    bool failed;
} columns;
AdbcStatusCode columns_find(connection *c, const object_filter *f, const catalog *found,
                            columns *out, struct AdbcError *error);
void columns_reset(columns *k);
node *columns_node(void); /* list<COLUMN> */
/* Adds one table's columns, and ends the list's row. */
void columns_add(const columns *k, const object *of, const object_filter *f, node *list);

/* objects_keys.c */
node *keys_node(void); /* list<CONSTRAINT> */
/* Primary and foreign keys of one table, and the end of the list's row. */
AdbcStatusCode keys_add(connection *c, const object *of, node *list, struct AdbcError *error);

#endif
