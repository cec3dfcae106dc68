/* session/statement.h: the statement object, for statement.c and exec.c. */
#ifndef DBK_SESSION_STATEMENT_H
#define DBK_SESSION_STATEMENT_H

#include "session/internal.h"

#define DBK_PARAMS_MAX 65536u

typedef struct dbk_param {
    bool set; /* false: a gap between bound ordinals */
    dbk_str name;
    dbk_str type;
    dbk_str value; /* ptr NULL: SQL NULL */
} dbk_param;

typedef struct dbk_params {
    dbk_param *items;
    size_t count, cap;
} dbk_params;

struct dbk_statement {
    atomic_size_t refs;
    dbk_session *session; /* counted */
    dbk_str sql;          /* ptr NULL: never set */
    dbk_params typed;     /* by ordinal */
    dbk_params named;     /* values with a name and a checked type */
    dbk_params raw;       /* in order of the calls */
    bool has_row_limit;
    int64_t row_limit;
    dbk_pairs tags; /* value ptr NULL: a bare key */
    bool internal;  /* the library's own */
    dbk_mutex lock;
    dbk_teller *teller; /* under lock; counted; NULL: nobody ever listened */
    dbk_exec *current;  /* under lock; counted: the last execution */
};

/* asks_rows.c: SELECT, SHOW and their kin, by the first word. WITH counts too: what it changes, the server counts. */
bool dbk_sql_asks_for_rows(dbk_slice sql);

dbk_exec *dbk_statement_current(dbk_statement *st); /* counted; NULL: none yet. Any thread */

/* exec.c */
/* Ends the stream and tells the server, in the background, that the result is not needed. */
void dbk_exec_release_server(dbk_exec *e);
/* Its handles answer so from now on; what it holds on the server goes, unless somebody may still read. */
void dbk_exec_retire(dbk_exec *e, dbk_exec_validity validity);

#endif
