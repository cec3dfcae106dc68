/* drivers/adbc/params.h: Arrow rows as parameters of statements. */
#ifndef DBK_ADBC_PARAMS_H
#define DBK_ADBC_PARAMS_H

#include "cells.h"

/* The bound rows, read batch by batch. */
typedef struct params {
    struct ArrowArrayStream stream; /* owned; release NULL: nothing is bound */
    struct ArrowSchema schema;      /* of the stream, once params_open has passed */
    column *columns;
    size_t count;
    struct ArrowArray batch; /* the one being read; release NULL: none */
    int64_t row;             /* the next one in it */
} params;

void params_reset(params *p);
/* Reads the schema. Every column must be of a kind that can be a parameter. */
AdbcStatusCode params_open(params *p, struct AdbcError *error);
/* Makes the next row the current one; *there false: no more. */
AdbcStatusCode params_next(params *p, bool *there, struct AdbcError *error);
/* The current row's index for the functions of cells.h. */
int64_t params_row(const params *p);
/* The current row as parameters of stmt; by_name: :name instead of '?'. Each call adds the row's
 * values behind those that are bound already. NULLs have their column's type. */
AdbcStatusCode params_bind(const params *p, kernel_statement_t *stmt, bool by_name,
                           struct AdbcError *error);

#endif
