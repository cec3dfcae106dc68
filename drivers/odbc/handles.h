/* handles.h: the handles of ODBC and what they hold: environments, connections, descriptors, statements with
 * their results, parameters and executions. All of it under the lock of the handle that holds it, unless a
 * member says otherwise. */
#ifndef DBK_ODBC_HANDLES_H
#define DBK_ODBC_HANDLES_H

#include "values.h"

struct stmt;

/* ---- handles -------------------------------------------------------------------------------------- */

typedef struct env {
    handle h;
    SQLINTEGER version; /* as set: 2, 3, 380; 0: not yet */
    SQLUINTEGER pooling, cp_match;
    unsigned unit; /* bytes of a wide character of the driver manager that called */
    atomic_int dbc_count;
} env;

typedef struct op { /* op.c: one operation at a time, and the wish to end it from another thread */
    pthread_mutex_t guard; /* future, wish, busy; held for moments only */
    dbk_loop *loop;
    dbk_future *future;
    bool busy, wish;
    SQLRETURN (*next)(struct stmt *s); /* what follows when the future is done */
} op;

typedef struct past_name {
    struct past_name *next;
    char text[];
} past_name;

typedef struct past_session { /* recover.c */
    struct past_session *next;
    kernel_session_t *session;
} past_session;

typedef struct dbc {
    handle h;
    keys keys;
    settings set;
    _Atomic(kernel_session_t *) session; /* statements may open it again: recover.c */
    pthread_mutex_t reopen_lock;         /* past, and while it is opened again */
    past_session *past;
    atomic_bool dead;
    atomic_bool own_state; /* it holds what a session opened anew would not know */
    op op;              /* statements that the driver runs for the connection are waited for here */
    struct stmt *stmts; /* h.lock */
    struct desc *descs; /* explicit ones; h.lock */
    pthread_mutex_t
        shared_lock; /* what is in them, and which statements use them; the innermost lock */
    pthread_mutex_t names_lock; /* names; statements ask, too */
    past_name *names;           /* current catalog first; NULL: not asked yet */
    char *start_catalog, *start_schema;
    char *asked_catalog,
        *asked_token;     /* attributes set before connecting; they outlive connections */
    unsigned names_moves; /* names_lock; `moves` when the first name was asked */
    atomic_uint moves;    /* how often the catalog or schema may have been changed */
    unsigned home_moves;  /* `moves` when they were last those of the start */
    SQLUINTEGER autocommit, access_mode, login_timeout, connection_timeout, metadata_id;
    SQLUINTEGER txn_isolation, async_enable, packet_size;
    SQLULEN odbc_cursors, quiet_mode;
    SQLINTEGER ansi_app;
    char *application_name;
    atomic_int changes; /* INSERT, UPDATE ... since the last end of a transaction */
    buf browse;         /* SQLBrowseConnect: what was given so far */
    bool browsing;
} dbc;

/* ---- descriptors ------------------------------------------------------------------------------------ */

typedef struct desc_record {
    SQLSMALLINT c_type; /* concise; APD, ARD: a C type; IPD: an SQL type */
    SQLULEN size;
    SQLSMALLINT precision, scale; /* -1: not set */
    SQLLEN octet_length;
    SQLPOINTER data;
    SQLLEN *length;
    SQLLEN *indicator;
    SQLSMALLINT direction; /* IPD */
    SQLINTEGER interval_precision;
    char *name;
} desc_record;

typedef enum desc_role { ROLE_ARD, ROLE_APD, ROLE_IRD, ROLE_IPD, ROLE_EXPLICIT } desc_role;
typedef struct desc {
    handle h;
    desc_role role;
    struct stmt *stmt; /* of an implicit one */
    struct desc *next; /* explicit ones of a connection */
    desc_record *records;
    size_t count, cap; /* record i is column i + 1 */
    SQLULEN array_size;
    SQLUSMALLINT *array_status;
    SQLLEN *bind_offset;
    SQLULEN bind_type;
    SQLULEN *rows_processed;
    unsigned changes; /* moves with every change: plans made from it are stale */
} desc;
desc_record *desc_need(desc *d, size_t number); /* makes it; NULL: no memory */
void desc_init(desc *d, dbc *owner, desc_role role, struct stmt *s);
void desc_reset(desc *d);
void desc_free_explicit(desc *d); /* the connection is locked */
void shared_hold(struct stmt *s);
bool shared_let_go(struct stmt *s); /* true: it was held; what shared_take_back is to be told */
void shared_take_back(struct stmt *s, bool held);
SQLRETURN desc_set_array_size(handle *h, desc *d, SQLULEN rows);
SQLRETURN desc_get_field(desc *d, SQLSMALLINT record, SQLSMALLINT field, const value_out *out);
SQLRETURN desc_set_field(desc *d, SQLSMALLINT record, SQLSMALLINT field, SQLPOINTER p,
                         SQLINTEGER length, unsigned unit);
SQLRETURN desc_set_rec(desc *d, SQLSMALLINT number, SQLSMALLINT type, SQLSMALLINT sub,
                       SQLLEN length, SQLSMALLINT precision, SQLSMALLINT scale, SQLPOINTER data,
                       SQLLEN *octets, SQLLEN *indicator);
SQLRETURN desc_get_rec(desc *d, SQLSMALLINT number, const text_out *name, SQLSMALLINT *type,
                       SQLSMALLINT *sub, SQLLEN *length, SQLSMALLINT *precision, SQLSMALLINT *scale,
                       SQLSMALLINT *nullable);
/* SQLCopyDesc in two steps, each under the lock of one descriptor. False: no memory. */
bool desc_snapshot(const desc *from, desc *copy);
SQLRETURN desc_assign(desc *to, desc *copy); /* takes the records of copy */
/* A field of a result's column (colattr.c); false: no such field. */
bool column_field(const struct stmt *s, const column *c, SQLUSMALLINT field, attr_value *out);

/* ---- statements ------------------------------------------------------------------------------------- */

typedef enum sql_kind {
    SQL_KIND_OTHER,
    SQL_KIND_QUERY,
    SQL_KIND_CHANGE,
    SQL_KIND_SEARCHED,
    SQL_KIND_SESSION /* what comes later may depend on it: USE, SET, temporary views */
} sql_kind;
typedef struct sql_text { /* sqltext.c */
    buf sql;              /* escapes translated */
    size_t *markers;      /* offsets of '?' */
    size_t marker_count, marker_cap;
    sql_kind kind;
    size_t tuple_start, tuple_end; /* of INSERT ... VALUES (one tuple), 0, 0: none */
} sql_text;
bool sql_prepare(sql_text *t, text sql, bool escapes, bool ntz_literals); /* false: no memory */
void sql_translate(text sql, bool ntz_literals, buf *out);
void sql_text_free(sql_text *t);
size_t sql_skip(const char *s, size_t len,
                size_t at); /* end of the literal or comment at `at`, else at */

typedef struct held_batch { /* rows that the rowset or SQLGetData may still need */
    struct ArrowArray array;
    batch_column *columns;
    int64_t first_row; /* of the result, from 0 */
} held_batch;

typedef struct bound_plan { /* how a bound column is filled, made once per binding */
    const column *column;
    const desc_record *record;
    column_converter *fast;
    SQLSMALLINT c_type;
    size_t index;
} bound_plan;

typedef struct result {
    kernel_executed_statement_t *executed;
    kernel_result_stream_t *stream;
    table *table; /* instead of a stream */
    bool table_given;
    column *columns;
    size_t column_count;
    struct zone *zone; /* of all timestamps; one zone per result */
    char zone_name[64];
    bool open; /* a cursor: there are columns and it was not closed */
    bool ended;
    held_batch *batches;
    size_t batch_count, batch_cap;
    int64_t next_row;     /* first row not yet in a rowset */
    int64_t rowset_first; /* of the current rowset */
    int64_t rowset_count; /* rows in it; 0: not on a row */
    SQLULEN row;          /* SQLSetPos, from 1 */
    int64_t rows_known;   /* -1 */
    bool late_error;      /* a batch failed behind rows that were given */
    diag_record late;
    bool extended; /* SQLExtendedFetch began this cursor */
} result;

typedef struct getdata { /* SQLGetData: where the value is being continued */
    SQLUSMALLINT column; /* 0: none */
    SQLSMALLINT c_type;
    bool done;
    buf buffer;       /* a converted value */
    const char *rest; /* what is left: in buffer or in the batch */
    size_t left;      /* bytes */
    bool begun;       /* the first call was not only about the length */
} getdata;

typedef struct fetch_state { /* of the SQLFetch under way */
    SQLULEN want, got;
    SQLUSMALLINT *status;
    SQLULEN *fetched;
    bool info, bad;
    SQLULEN bad_rows;
} fetch_state;

typedef struct dae { /* parameters whose values come by SQLPutData */
    bool active;
    size_t *numbers;  /* set * markers + parameter, both from 0 */
    size_t count, at; /* at: the next to be asked; at - 1 is being put */
    buf *values;      /* one per number */
    bool *nulls;
    bool direct;
} dae;

typedef struct param_value {
    const char *type; /* SQL type sent; in type_buf when it is a DECIMAL */
    char type_buf[24];
    size_t start, len; /* in run.values */
    bool null, binary;
    bool time; /* for a TIME: its text is cast there, for the API has no parameters of that type */
} param_value;

typedef struct run { /* an execution, possibly of many parameter sets */
    SQLULEN set, sets;
    SQLULEN batch_first, batch_count; /* sets in the request under way */
    buf sql;                          /* what is sent */
    buf values;
    param_value *params;
    size_t param_cap;
    SQLLEN modified;
    SQLULEN failed, done;
} run;

typedef struct stmt {
    handle h;
    struct stmt *next; /* of the connection */
    op op;
    kernel_statement_t *kernel;
    kernel_session_t *session; /* that kernel, or the last request, is of; only compared */
    bool lost, recovered;      /* of the call under way: the session is gone; was opened again */
    desc *ard, *apd;           /* in use */
    bool shares;               /* explicit ones, now or once: calls hold shared_lock */
    bool holds;                /* shared_lock: while a call is inside and does not wait */
    desc ard0, apd0, ird, ipd;
    sql_text sql;
    bool prepared, executed;
    bool described; /* columns of a prepared statement are in res */
    result res;
    getdata get;
    fetch_state fetching;
    bound_plan *plans;
    size_t plan_count;
    unsigned plan_stamp;
    const desc *plan_desc;
    dae dae;
    run run;
    SQLLEN row_count;
    SQLUSMALLINT async_fn; /* the function that answered SQL_STILL_EXECUTING */
    struct catalog_call *catalog;
    /* attributes */
    SQLULEN query_timeout, max_rows, max_length, noscan, async_enable, cursor_type, concurrency;
    SQLULEN cursor_scrollable, cursor_sensitivity, retrieve_data, use_bookmarks, keyset_size;
    SQLULEN simulate_cursor, auto_ipd, metadata_id, rowset_size;
    void *bookmark_ptr;
    char *query_tags;
    char query_id[72];
    char cursor_name[132];
    /* SQLDescribeParam: the types of the parameters, NULL until asked */
    column *param_columns;
} stmt;

#endif
