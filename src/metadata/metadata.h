/* metadata/metadata.h: catalog calls: what to ask the server and what to make of its answer.
 *
 * What:    a request is judged and becomes a plan (SQL text, or none); the server's batches become
 *          batches of the call's own columns. No network: session runs the statements.
 * Threads: pure functions; a plan belongs to one thread at a time.
 * Owner:   requests borrow their texts; batches and schemas that come out are the caller's.
 * Source:  spec metadata.md; where the names below say so, docs/differences.md. */
#ifndef DBK_METADATA_METADATA_H
#define DBK_METADATA_METADATA_H

#include "arrow/arrow.h"
#include "base/base.h"

/* X(name, word in messages) */
#define DBK_METADATA_MAP(X)                   \
    X(CATALOGS, "catalogs")                   \
    X(SCHEMAS, "schemas")                     \
    X(TABLES, "tables")                       \
    X(COLUMNS, "columns")                     \
    X(FUNCTIONS, "functions")                 \
    X(PROCEDURES, "procedures")               \
    X(PROCEDURE_COLUMNS, "procedure_columns") \
    X(PRIMARY_KEYS, "primary_keys")           \
    X(FOREIGN_KEYS, "foreign_keys")           \
    X(TABLE_TYPES, "table_types")             \
    X(TYPE_INFO, "type_info")

typedef enum dbk_metadata_call {
#define DBK_METADATA_ENUM(name, word) DBK_METADATA_##name,
    DBK_METADATA_MAP(DBK_METADATA_ENUM)
#undef DBK_METADATA_ENUM
} dbk_metadata_call;

const char *dbk_metadata_word(dbk_metadata_call call); /* "tables"; never NULL */

/* Texts with ptr NULL are not given; "" is given and empty. catalog is a name but for TABLES, where
 * it is a LIKE pattern; schema, object and column are patterns but for the keys, where they are
 * names. */
typedef struct dbk_metadata_request {
    dbk_metadata_call call;
    dbk_slice catalog;
    dbk_slice schema;
    dbk_slice object; /* table, function or procedure; CATALOGS: the catalog's name */
    dbk_slice column;
    dbk_slice parent_catalog; /* FOREIGN_KEYS: of the table that is referred to */
    dbk_slice parent_schema;
    dbk_slice parent_table;
    bool filter_parent; /* keep only keys that refer to the parent; names in any case */
    bool has_types;     /* TABLES: keep only these types, in any case; none given: no rows */
    const dbk_slice *types;
    size_t type_count;
} dbk_metadata_request;

/* Only white space (Unicode) or nothing. */
bool dbk_metadata_is_blank(dbk_slice s);

/* ---- before: what to ask ---- */

typedef enum dbk_metadata_how {
    DBK_METADATA_NO_ROWS,   /* nothing to ask: the right schema and no rows */
    DBK_METADATA_STATIC,    /* nothing to ask: dbk_metadata_static has the rows */
    DBK_METADATA_STATEMENT, /* run sql, reshape its batches */
    DBK_METADATA_FAN_OUT    /* run sql, which lists catalogs; then dbk_metadata_catalog_sql for each
                               that dbk_metadata_catalog_matches */
} dbk_metadata_how;

typedef struct dbk_metadata_plan {
    dbk_metadata_how how;
    dbk_str sql;     /* ptr NULL: none */
    dbk_str catalog; /* the one catalog that is asked; ptr NULL: all of them */
} dbk_metadata_plan;

/* InvalidArgument with the messages of spec metadata.md 2.1 and 2.2. */
DBK_MUST_USE dbk_status dbk_metadata_make_plan(const dbk_metadata_request *r,
                                               dbk_metadata_plan *out, dbk_error *err);
void dbk_metadata_plan_reset(dbk_metadata_plan *plan);
bool dbk_metadata_catalog_matches(const dbk_metadata_request *r, dbk_slice catalog);
DBK_MUST_USE dbk_status dbk_metadata_catalog_sql(const dbk_metadata_request *r, dbk_slice catalog,
                                                 dbk_str *out, dbk_error *err);

/* ---- after: what to make of the answer ---- */

/* Is this failure of the statement an answer without rows ("no such schema")? Spec section 6. */
bool dbk_metadata_tolerates(dbk_metadata_call call, const dbk_error *failure);
DBK_MUST_USE dbk_status dbk_metadata_schema(dbk_metadata_call call, dbk_schema **out,
                                            dbk_error *err);
/* One batch of the server as a batch of `schema`, which dbk_metadata_schema gave. catalog: the one
 * that was asked (ptr NULL: none), for answers that leave it out. DataLoss: a value that must be
 * there is missing. */
DBK_MUST_USE dbk_status dbk_metadata_reshape(const dbk_metadata_request *r, dbk_schema *schema,
                                             dbk_slice catalog, const dbk_batch *in,
                                             dbk_batch **out, dbk_error *err);
/* TABLES: all reshaped batches as one, sorted by type, catalog, schema and name, with only the types
 * that were asked for. *out NULL: no row is left. */
DBK_MUST_USE dbk_status dbk_metadata_sort_tables(const dbk_metadata_request *r, dbk_schema *schema,
                                                 dbk_batch *const *batches, size_t count,
                                                 dbk_batch **out, dbk_error *err);
/* The rows of TABLE_TYPES and TYPE_INFO. */
DBK_MUST_USE dbk_status dbk_metadata_static(dbk_metadata_call call, dbk_schema *schema,
                                            dbk_batch **out, dbk_error *err);

/* ---- types ---- */

/* The JDBC type code of a SQL type text ("DECIMAL(10,2)" is 3); 1111: another type. */
int32_t dbk_metadata_type_code(dbk_slice type_text);

#endif
