/* drivers/adbc/driver.h: the door of the ADBC driver; what its files share.
 *
 * What:    ADBC's objects over the kernel's handles. A file a matter: database.c, connection.c and
 *          statement.c hold the objects, execute.c runs SQL, stream.c hands rows out, objects.c,
 *          schema.c, info.c and statistics.c answer for the catalog, ingest*.c write, partition.c
 *          splits results; keys.c and settings.c are the options; cells.c reads Arrow, build.c makes it.
 * Threads: as ADBC says: calls on one object do not overlap, but for Cancel and GetOption*. Statements
 *          of one connection run side by side.
 * Owner:   connections, latches and runs are counted: streams and statements outlive what made them.
 * Errors:  AdbcStatusCode, with the AdbcError last; it may be NULL (the caller does not want to know). */
#ifndef DBK_ADBC_DRIVER_H
#define DBK_ADBC_DRIVER_H

#include "adbc_abi.h"
#include "text.h"

#include <pthread.h>
#include <stdatomic.h>

#define DRIVER_NAME "dbkernel ADBC Driver for Databricks"

/* Runs `call` and leaves the function when it failed. For functions with nothing to clean up. */
#define RETURN_IF(call)                           \
    do {                                          \
        AdbcStatusCode return_if_status = (call); \
        if (return_if_status != ADBC_STATUS_OK) { \
            return return_if_status;              \
        }                                         \
    } while (0)

/* ---- errors.c ---- */

/* Fill *error (NULL is fine) and give the status back. */
AdbcStatusCode fail(struct AdbcError *error, AdbcStatusCode status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
AdbcStatusCode fail_memory(struct AdbcError *error);
/* After a kernel call that failed on this thread; doing: "opening a session". */
AdbcStatusCode fail_kernel(struct AdbcError *error, const char *doing);
/* An AdbcError of our own, with the fields of 1.1.0. */
void error_init(struct AdbcError *error);
void error_release(struct AdbcError *error); /* also of one that was never filled */
/* Puts a clause in front of what *error says already. */
AdbcStatusCode fail_because(struct AdbcError *error, AdbcStatusCode status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Hands a filled error of our own on. */
AdbcStatusCode fail_moved(struct AdbcError *error, AdbcStatusCode status, struct AdbcError *from);
int status_errno(AdbcStatusCode status);

/* ---- latch.c: what Cancel pulls ---- */

typedef struct latch latch; /* counted */
latch *latch_new(void);
latch *latch_ref(latch *l);
void latch_unref(latch *l); /* NULL is a no-op */
void latch_fire(latch *l);  /* any thread; stays fired */
bool latch_fired(const latch *l);
/* Around kernel calls that wait, on the calling thread: a fired latch ends them as Cancelled. l NULL: the
 * one that is watched already, if any, stays. What latch_watch gave goes back to latch_unwatch. */
latch *latch_watch(latch *l);
void latch_unwatch(latch *before);
latch *latch_watched(void); /* by this thread; borrowed; NULL: none */

/* ---- options.c: typed access to options that are kept as text ---- */

/* Appends the value of key to *out: NOT_FOUND when there is none. Any thread. */
typedef AdbcStatusCode (*option_reader)(void *object, const char *key, text *out,
                                        struct AdbcError *error);
/* value NULL: back to the default. Unknown keys are NOT_IMPLEMENTED. */
typedef AdbcStatusCode (*option_writer)(void *object, const char *key, const char *value,
                                        struct AdbcError *error);
AdbcStatusCode option_get_text(option_reader read, void *object, const char *key, char *value,
                               size_t *length, struct AdbcError *error);
AdbcStatusCode option_get_bytes(option_reader read, void *object, const char *key, uint8_t *value,
                                size_t *length, struct AdbcError *error);
AdbcStatusCode option_get_int(option_reader read, void *object, const char *key, int64_t *value,
                              struct AdbcError *error);
AdbcStatusCode option_get_double(option_reader read, void *object, const char *key, double *value,
                                 struct AdbcError *error);
AdbcStatusCode option_set_text(option_writer write, void *object, const char *key,
                               const char *value, struct AdbcError *error);
AdbcStatusCode option_set_bytes(option_writer write, void *object, const char *key,
                                const uint8_t *value, size_t length, struct AdbcError *error);
AdbcStatusCode option_set_int(option_writer write, void *object, const char *key, int64_t value,
                              struct AdbcError *error);
AdbcStatusCode option_set_double(option_writer write, void *object, const char *key, double value,
                                 struct AdbcError *error);
bool parse_flag(const char *value, bool *out); /* true, false, yes, no, 1, 0 in any case */
bool parse_int(const char *value, int64_t *out);
bool parse_double(const char *value, double *out);

/* ---- database.c ---- */

typedef struct database {
    options given; /* by the caller, under the names it used */
    bool ready;    /* DatabaseInit has passed */
    pthread_mutex_t lock;
} database;

/* ---- connection.c ---- */

typedef struct connection {
    atomic_size_t refs; /* the caller's, and one of each statement */
    pthread_mutex_t lock;
    options given;             /* before Init, and what is read back later */
    char *place;               /* the workspace, for partitions */
    kernel_session_t *session; /* NULL: not open, or closed by the caller */
    latch *busy;               /* of the catalog call under way; under lock */
    atomic_bool temporaries;   /* a temporary table was made: it hides tables of its name */
    bool transactions;         /* commit and rollback are offered */
    options defaults;          /* options of statements, from the database */
} connection;

connection *connection_ref(connection *c);
void connection_unref(connection *c); /* NULL is a no-op */
/* The open connection behind the handle; NULL: there is none, error says INVALID_STATE. */
connection *connection_open(const struct AdbcConnection *handle, struct AdbcError *error);
/* Around calls that ConnectionCancel may end; what begin gave in *before goes to end. */
AdbcStatusCode connection_begin(connection *c, latch **before, struct AdbcError *error);
void connection_end(connection *c, latch *before);

/* ---- execute.c: one run of SQL on the server ---- */

typedef struct run run; /* counted: the stream's, and the statement's for progress */

/* A run that was not started. latch (counted by the run) may be NULL. */
AdbcStatusCode run_new(connection *c, const char *sql, latch *l, run **out,
                       struct AdbcError *error);
/* A run that is over on the server: only its rows are to be read. Takes the handle, also on failure. */
AdbcStatusCode run_of_executed(kernel_executed_statement_t *takes_executed, run **out,
                               struct AdbcError *error);
run *run_ref(run *r);
void run_unref(run *r);                          /* NULL is a no-op */
kernel_statement_t *run_statement(const run *r); /* to bind parameters; borrowed */
AdbcStatusCode run_option(run *r, const char *key, const char *value, struct AdbcError *error);
AdbcStatusCode run_start(run *r, struct AdbcError *error); /* to its end on the server */
int64_t run_affected(const run *r);                        /* -1: not known */
bool run_has_rows(const run *r);
kernel_executed_statement_t *run_executed(const run *r); /* borrowed; NULL: not started */
AdbcStatusCode run_schema(run *r, struct ArrowSchema *out, struct AdbcError *error);
/* The next batch; out->release NULL: the end. */
AdbcStatusCode run_next(run *r, struct ArrowArray *out, struct AdbcError *error);
/* Ends the rows and tells the server; progress and id stay. */
void run_finish(run *r);
bool run_query_id(const run *r, char *buf, size_t size);      /* any thread */
bool run_progress(const run *r, double *done, double *total); /* any thread */
/* Runs sql without rows. */
AdbcStatusCode run_command(connection *c, const char *sql, latch *l, int64_t *affected,
                           struct AdbcError *error);

/* ---- stream.c: ArrowArrayStream ---- */

/* The rows of all runs, one after the other; the first one's schema. Takes the array and the runs,
 * also on failure. */
AdbcStatusCode stream_of_runs(run **takes_runs, size_t count, struct ArrowArrayStream *out,
                              struct AdbcError *error);
/* A deep copy; false: no memory, *out is released. */
bool schema_copy(const struct ArrowSchema *from, struct ArrowSchema *out);
/* One batch. Takes both structs, also on failure. */
AdbcStatusCode stream_of_batch(struct ArrowSchema *takes_schema, struct ArrowArray *takes_array,
                               struct ArrowArrayStream *out, struct AdbcError *error);

/* ---- settings.c, uri.c ---- */

/* The kernel's configuration from the options of a database and a connection; the latter win. place, if
 * not NULL, gets the workspace's address; "": a profile says. */
AdbcStatusCode settings_make(const options *database, const options *connection,
                             KernelSessionConfig **out, text *place, struct AdbcError *error);
/* The parts of a URI as options under their names of keys.c. */
AdbcStatusCode uri_split(const char *uri, options *out, struct AdbcError *error);

#endif
