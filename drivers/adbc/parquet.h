/* drivers/adbc/parquet.h: Arrow rows as Parquet files, for staging: flat, one row group, one page a column,
 * plain, not compressed. Columns are called c0, c1, ...: what they are to be is said where they are loaded. */
#ifndef DBK_ADBC_PARQUET_H
#define DBK_ADBC_PARQUET_H

#include "params.h"

typedef struct parquet parquet; /* opaque: a file in the making, in memory */

/* For rows with these columns, which are borrowed. NULL: no memory. */
parquet *parquet_new(const column *columns, size_t count);
void parquet_free(parquet *f); /* NULL is a no-op */
/* Adds the row that the columns are attached to. NOT_IMPLEMENTED, INVALID_DATA: a value has no place in
 * the file. */
AdbcStatusCode parquet_add(parquet *f, int64_t row, struct AdbcError *error);
int64_t parquet_rows(const parquet *f);
size_t parquet_size(const parquet *f); /* bytes so far, about */
/* Appends the whole file to out and begins an empty one. */
void parquet_take(parquet *f, text *out);
/* The expression that gives column `at` of a file its SQL type again: "c0", "CAST(c1 AS DECIMAL(9,2))". */
void parquet_expression(const column *c, size_t at, text *sql);

#endif
