/* drivers/adbc/statement.h: what execute, ingest and partition share of a statement. */
#ifndef DBK_ADBC_STATEMENT_H
#define DBK_ADBC_STATEMENT_H

#include "params.h"

typedef struct statement {
    connection *conn; /* counted */
    char *sql;        /* NULL: none */
    bool prepared;
    bool partitioned; /* incremental partitions were told, the end was not */
    params bound;
    pthread_mutex_t lock; /* of the rest: Cancel and GetOption come from other threads */
    options given;
    latch *busy; /* of the last execution: its rows listen to it */
    run *last;   /* counted; NULL: never ran */
} statement;

/* The statement behind the handle, on an open connection; NULL: none, error says INVALID_STATE. */
statement *statement_open(const struct AdbcStatement *handle, struct AdbcError *error);
/* A fresh latch, which Cancel pulls from now on; borrowed until the next one. NULL: no memory. */
latch *statement_begin(statement *s);
/* A run of sql with the options of the statement, not started; it is the one that progress and
 * query id tell of. */
AdbcStatusCode statement_run(statement *s, const char *sql, latch *l, run **out,
                             struct AdbcError *error);
/* An option of the statement, else of its connection; NULL: not set. Not while options are set. */
const char *statement_option(const statement *s, const char *key);
bool statement_flag(const statement *s, const char *key);

/* ingest.c: all bound rows into the target table. */
AdbcStatusCode ingest_run(statement *s, int64_t *affected, struct AdbcError *error);

#endif
