/* catalog.h: between catalog.c (requests) and catalog_rows.c (their rows as ODBC wants them). */
#ifndef DBK_ODBC_CATALOG_H
#define DBK_ODBC_CATALOG_H

#include "odbc.h"

enum { CATALOG_ARGS = 8, READ_COLUMNS_MAX = 24 };

typedef enum catalog_request { /* what the request under way asks for */
                               ASK_CATALOGS,
                               ASK_SCHEMAS,
                               ASK_TABLES,
                               ASK_TABLE_TYPES,
                               ASK_COLUMNS,
                               ASK_PRIMARY_KEYS,
                               ASK_FOREIGN_KEYS,
                               ASK_REFERRING_KEYS, /* of information_schema: who refers to a table */
                               ASK_PROCEDURES,
                               ASK_FUNCTIONS,
                               ASK_PROCEDURE_COLUMNS,
                               ASK_PRIVILEGES
} catalog_request;

typedef struct catalog_call { /* one catalog function under way */
    catalog_fn fn;
    char *texts[CATALOG_ARGS]; /* owned copies behind args */
    catalog_args args;
    char *catalog;         /* sent; NULL: all of them */
    char *catalog_pattern; /* compared here; NULL: no need */
    catalog_request request;
    table *table;
    char **key_names; /* SQLSpecialColumns: columns of the primary key */
    size_t key_count;
    kernel_result_stream_t *stream;
    kernel_executed_statement_t *executed;
    column *columns; /* of the stream */
    size_t column_count;
} catalog_call;

/* Rows of a kernel batch. */
typedef struct source_row {
    const batch_column *columns;
    size_t count;
    int64_t row;
} source_row;
text source_text(const source_row *r, size_t column); /* absent for NULL */
bool source_number(const source_row *r, size_t column, int64_t *out);

/* The result's columns; ODBC 2 names are in there too. */
const table_column *catalog_columns(catalog_fn fn, size_t *width);
/* Adds what ODBC makes of a row. */
void catalog_add(const stmt *s, catalog_call *c, const source_row *r);
void catalog_sort(catalog_call *c);
bool like_match(const char *pattern, text value); /* % and _, '\' escapes; in any case */

#endif
