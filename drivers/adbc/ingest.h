/* drivers/adbc/ingest.h: the parts of bulk ingest. */
#ifndef DBK_ADBC_INGEST_H
#define DBK_ADBC_INGEST_H

#include "statement.h"

typedef struct ingest {
    statement *s;
    params *rows;        /* opened */
    const char *target;  /* the table's name as SQL */
    const char *columns; /* its columns as SQL: `a`, `b` */
    latch *cancel;
    int64_t written; /* rows that are in the table for sure */
} ingest;

/* ingest_insert.c: INSERTs of as many rows as the server takes parameters. */
AdbcStatusCode ingest_insert(ingest *in, struct AdbcError *error);
/* ingest_stage.c: Parquet files on a volume, and one COPY INTO. */
AdbcStatusCode ingest_stage(ingest *in, const char *volume, struct AdbcError *error);

#endif
