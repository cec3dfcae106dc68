/* odbc.h: the inside of the ODBC driver; every file of this folder includes it and nothing of src/.
 * ground.h is what everything stands on, values.h types and cells, handles.h the handles; here is what is
 * done with them.
 *
 * Layers, from the application down:
 *   entry_*.c            the exported functions: check the handle, turn texts into UTF-8, call the core
 *   connect, execute, catalog, fetch, getdata, desc, attr, getinfo: what the functions do
 *   op.c                 one network operation of a statement at a time, waited for or polled
 *   convert*.c, cell*.c  Arrow columns into the application's C types, and back for parameters
 *   diag, value, wide, buf, handle: the ground
 * Text inside is UTF-8 with a length; texts of the application are narrow (UTF-8) or wide: 2 bytes a unit
 * under unixODBC, 4 under iODBC (env.c).
 * Threads: a public call holds the lock of its own handle; SQLCancel holds none (op.c). Locks are taken
 * in the order environment, connection, statement, descriptor.
 * Errors: a function that can fail adds a record to its handle and returns SQL_ERROR. */
#ifndef DBK_ODBC_H
#define DBK_ODBC_H

#include "handles.h"

/* handle.c */
void handle_init(handle *h, SQLSMALLINT type, env *e, dbc *d);
void handle_end(handle *h);
/* Checks and locks a handle and clears its records. SQL_SUCCESS, or what the caller returns. */
SQLRETURN handle_enter(SQLHANDLE p, SQLSMALLINT type, bool keep_records, handle **out);
SQLRETURN handle_leave(handle *h, SQLRETURN rc); /* unlocks; returns rc */
/* The same for a statement; HY010 while it waits for data or for another asynchronous function. */
SQLRETURN stmt_enter(SQLHSTMT p, SQLUSMALLINT fn, stmt **out);
SQLRETURN stmt_leave(stmt *s, SQLRETURN rc);
bool handle_check(SQLHANDLE p, SQLSMALLINT type);
SQLRETURN handle_alloc(SQLSMALLINT type, SQLHANDLE input, SQLHANDLE *output, void *caller);
SQLRETURN handle_free(SQLSMALLINT type, SQLHANDLE p);

/* env.c, attr*.c */
unsigned env_unit_of_caller(void *caller);
SQLRETURN env_set_attr(env *e, SQLINTEGER attr, SQLPOINTER value);
SQLRETURN env_get_attr(env *e, SQLINTEGER attr, SQLPOINTER value, SQLINTEGER *length);
SQLRETURN dbc_set_attr(dbc *d, SQLINTEGER attr, SQLPOINTER value, SQLINTEGER length, unsigned unit);
SQLRETURN dbc_get_attr(dbc *d, SQLINTEGER attr, const value_out *out);
SQLRETURN stmt_set_attr(stmt *s, SQLINTEGER attr, SQLPOINTER value, SQLINTEGER length,
                        unsigned unit);
SQLRETURN stmt_get_attr(stmt *s, SQLINTEGER attr, const value_out *out);

/* connect.c, browse.c, config.c */
void dbc_init(dbc *d, env *e);
void dbc_free(dbc *d);
SQLRETURN dbc_connect(dbc *d, text connection_string, const text_out *out);
SQLRETURN dbc_browse(dbc *d, text connection_string, const text_out *out);
SQLRETURN dbc_disconnect(dbc *d);
SQLRETURN dbc_use(dbc *d, const char *what, const char *name); /* USE CATALOG `name` */
SQLRETURN dbc_end_tran(dbc *d, SQLSMALLINT completion);
const char *dbc_catalog(dbc *d); /* "" when unknown; may ask the server */
/* Each runs a statement of the driver's own, for the connection or for a statement's call: what cancels that
 * ends it. _ask gives the texts of the first column, with commas between them; a failure has its record. */
SQLRETURN dbc_ask(dbc *d, const char *sql, buf *out);
SQLRETURN stmt_ask(stmt *s, const char *sql, buf *out);
const char *stmt_catalog(stmt *s); /* as dbc_catalog */
/* Steps of connecting, for browse.c: forgets what belongs to one connection; reads the string's keys, then the
 * data source's and the driver's; opens the session; gives the string back. */
void dbc_forget(dbc *d);
SQLRETURN dbc_read_keys(dbc *d, text connection_string);
SQLRETURN dbc_open(dbc *d);
SQLRETURN dbc_give_string(dbc *d, text given, const text_out *out);
void settings_read(settings *set, const keys *k);
const char *start_catalog(const keys *k); /* NULL: the server's */
/* Reads the connection's keys only; failures become records of h. */
SQLRETURN config_make(dbc *d, handle *h, KernelSessionConfig **out);

/* recover.c */
/* After a failure: it was that the session is gone, and now there is a new one. The record is taken back, and
 * the same may be sent again; once per call. */
bool stmt_recover(stmt *s);
void dbc_drop_past(dbc *d);

/* op.c */
void op_init(op *o);
void op_end(op *o);
dbk_loop *op_loop(op *o); /* NULL: kernel's last error */
/* Takes over a started future; op_drive waits for it and then calls next. SQL_STILL_EXECUTING. */
SQLRETURN op_started(stmt *s, dbk_future *future, SQLRETURN (*next)(stmt *s));
dbk_future *op_future(stmt *s);
void op_done(stmt *s); /* frees the future after its result was taken */
SQLRETURN op_drive(stmt *s, SQLUSMALLINT fn, SQLRETURN rc);
void op_busy(op *o, bool busy);
bool op_wished(op *o);
SQLRETURN op_failed(stmt *s); /* the record of what the future ended with */
void op_wish(op *o);          /* from any thread: what is running is to end */
SQLRETURN op_cancel(SQLHSTMT p);
/* Waits for a future of the caller's, cancellable like the operation's own; 0: without a limit. */
void op_wait(op *o, dbk_future *future, uint64_t timeout_ms);
void op_wait_here(stmt *s,
                  dbk_future *future); /* a call of s, for one that SQLCancel knows already */
/* The same for the connection, where nothing else runs. */
void op_wait_dbc(dbc *d, dbk_future *future, uint64_t timeout_ms);
SQLRETURN op_cancel_dbc(SQLHDBC p);

/* stmt.c */
stmt *stmt_new(dbc *d);
void stmt_free(stmt *s); /* out of its connection's list already */
void stmt_close_cursor(stmt *s);
SQLRETURN stmt_need_cursor(stmt *s);
SQLRETURN stmt_need_idle(stmt *s); /* 24000 while a cursor is open */

/* result.c */
void result_reset(result *r);
/* Takes executed. rows_wanted false: its rows are not looked at. */
SQLRETURN result_open(stmt *s, kernel_executed_statement_t *executed, bool rows_wanted);
SQLRETURN result_open_table(stmt *s, table *t);
SQLRETURN result_set_columns(stmt *s, const struct ArrowSchema *schema);
/* The next batch is in res.batches (SQL_SUCCESS), SQL_NO_DATA, SQL_ERROR, or SQL_STILL_EXECUTING with an
 * operation started that goes on with next. */
SQLRETURN result_more(stmt *s, SQLRETURN (*next)(stmt *s));
SQLRETURN result_taken(stmt *s); /* after that operation */
void result_drop_before(result *r, int64_t row);
const held_batch *result_batch_of(const result *r, int64_t row);

/* execute.c, describe.c */
SQLRETURN execute_prepare(stmt *s, text sql);
SQLRETURN execute_run(stmt *s, bool direct);
SQLRETURN execute_start(stmt *s); /* parameters are complete */
SQLRETURN kernel_stmt_need(stmt *s);
SQLRETURN describe_columns(stmt *s, SQLUSMALLINT fn); /* columns are known, or an error */
SQLRETURN describe_param(stmt *s, SQLUSMALLINT number, SQLSMALLINT *type, SQLULEN *size,
                         SQLSMALLINT *digits, SQLSMALLINT *nullable);

/* params.c, arrays.c, putdata.c */
SQLRETURN params_bind(stmt *s, SQLUSMALLINT number, SQLSMALLINT direction, SQLSMALLINT c_type,
                      SQLSMALLINT sql_type, SQLULEN size, SQLSMALLINT digits, SQLPOINTER data,
                      SQLLEN cap, SQLLEN *length);
/* Reads the parameters of a set into run.params and run.values. */
SQLRETURN params_read(stmt *s, SQLULEN set);
bool params_at_exec(const stmt *s, SQLULEN set, size_t index);
SQLLEN *params_length_of(const desc *apd, const desc_record *r, SQLULEN set);
char *params_data_of(const desc *apd, const desc_record *r, SQLULEN set);
void param_literal(const param_value *p, const char *values, buf *out);
SQLRETURN params_send(stmt *s); /* SQL text and parameters into the kernel statement */
SQLRETURN arrays_next(stmt *s); /* starts the next request of the run, or ends it */
SQLRETURN dae_begin(stmt *s, bool direct);
SQLRETURN dae_param_data(stmt *s, SQLPOINTER *token);
SQLRETURN dae_put(stmt *s, SQLPOINTER data, SQLLEN length);
void dae_reset(dae *d);

/* fetch.c, getdata.c */
SQLRETURN fetch_rowset(stmt *s, SQLULEN want, SQLULEN *fetched, SQLUSMALLINT *status);
SQLRETURN get_data(stmt *s, SQLUSMALLINT number, SQLSMALLINT c_type, SQLPOINTER data, SQLLEN cap,
                   SQLLEN *length);
SQLRETURN set_pos(stmt *s, SQLULEN row, SQLUSMALLINT operation);
text_style style_of(const stmt *s);

/* catalog.c, typeinfo.c, getinfo.c, functions.c */
typedef enum catalog_fn {
    CAT_TABLES,
    CAT_COLUMNS,
    CAT_PRIMARY_KEYS,
    CAT_FOREIGN_KEYS,
    CAT_PROCEDURES,
    CAT_PROCEDURE_COLUMNS,
    CAT_STATISTICS,
    CAT_SPECIAL_COLUMNS,
    CAT_TABLE_PRIVILEGES,
    CAT_COLUMN_PRIVILEGES
} catalog_fn;
typedef struct catalog_args {             /* absent: NULL */
    text catalog, schema, object, column; /* foreign keys: of the primary key's table */
    text catalog2, schema2, object2;      /* foreign keys: the referring table */
    text types;
    SQLUSMALLINT option; /* SQLSpecialColumns: best row id or row version */
} catalog_args;
SQLRETURN catalog_run(stmt *s, catalog_fn fn, const catalog_args *args);
void catalog_call_free(struct catalog_call *c);
SQLRETURN type_info_run(stmt *s, SQLSMALLINT type);
SQLRETURN info_get(dbc *d, SQLUSMALLINT type, const value_out *out);
SQLRETURN functions_get(SQLUSMALLINT fn, SQLUSMALLINT *out);

/* log.c */
void log_setup(const keys *k);

#endif
