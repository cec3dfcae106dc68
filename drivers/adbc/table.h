/* drivers/adbc/table.h: a whole result in memory, for what the driver itself asks the server. */
#ifndef DBK_ADBC_TABLE_H
#define DBK_ADBC_TABLE_H

#include "cells.h"

typedef struct table {
    struct ArrowSchema schema;
    struct ArrowArray *batches;
    int64_t *starts; /* the first row of each batch */
    size_t count, cap;
    int64_t rows;
    size_t at; /* the batch that was read last */
} table;

AdbcStatusCode table_query(connection *c, const char *sql, latch *l, table *out,
                           struct AdbcError *error);
/* Reads a catalog call's rows; takes the stream. */
AdbcStatusCode table_of_stream(kernel_result_stream_t *takes_stream, table *out,
                               struct AdbcError *error);
void table_reset(table *t);
/* The column with this name in any case; -1: none. */
int table_column(const table *t, const char *name);
/* A cell, ready to be read as the row *in_batch of *out; false: there is none, or it is null. */
bool table_cell(table *t, int64_t row, int at, column *out, int64_t *in_batch);
/* A cell of text; false: null, or no text. Borrowed. */
bool table_text(table *t, int64_t row, int column, const char **out, size_t *len);
bool table_int(table *t, int64_t row, int column, int64_t *out); /* false: null, or no integer */

#endif
