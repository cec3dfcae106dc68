/* abi/abi.h: the only exported room: argument checks, last error, life of handles.
 *
 * What:    every kernel_* and dbk_* function of include/; one thin function each over the rooms below.
 * Threads: as databricks_kernel.h says; the last error is thread-local and lives here only.
 * Owner:   a handle owns references to the objects below; stale handles answer, they never crash. */
#ifndef DBK_ABI_ABI_H
#define DBK_ABI_ABI_H

#include "dbkernel.h"
#include "dbkernel_async.h"

#include "arrow/arrow.h"
#include "base/base.h"
#include "result/result.h"
#include "session/session.h"

/* ---- handles ---- */

/* First member of the handles that take part in one operation at a time. */
typedef struct dbk_handle {
    atomic_size_t refs; /* the caller's, and the operation's while it is busy */
    dbk_mutex lock;
    dbk_op *op; /* under lock; counted: what it is busy with, NULL: nothing */
    void (*destroy)(struct dbk_handle *h); /* ends the lock too */
} dbk_handle;

/* One reference. */
void dbk_handle_init(dbk_handle *h, void (*destroy)(dbk_handle *h));
/* The caller's handle is being closed: cancels what it is busy with and gives the reference back. */
void dbk_handle_close(dbk_handle *h);
/* Around an operation of a future; begin before it starts. Any thread. */
void dbk_handle_begin(dbk_handle *h, dbk_op *op);
void dbk_handle_end(dbk_handle *h);
/* Not busy; else InvalidArgument as the last error. */
DBK_MUST_USE bool dbk_handle_idle(dbk_handle *h, const char *function);

struct kernel_session_config_t {
    dbk_config config;
};

struct kernel_session_t {
    dbk_session *session; /* counted */
};

typedef struct dbk_progress_watch dbk_progress_watch;

struct kernel_statement_t {
    dbk_handle handle;            /* first */
    dbk_statement *statement;     /* counted */
    dbk_progress_watch *progress; /* NULL: nobody listens */
};

struct kernel_executed_statement_t {
    dbk_exec *exec; /* counted */
    bool stream_taken;
};

struct kernel_executed_async_statement_t {
    dbk_handle handle; /* first */
    dbk_exec *exec;    /* counted */
    bool taken;        /* the result of exec itself was handed out */
};

struct kernel_result_stream_t {
    dbk_handle handle;    /* first */
    dbk_exec *exec;       /* counted; NULL for metadata */
    dbk_session *session; /* counted; metadata only */
    dbk_stream *stream;   /* counted */
    bool lent;            /* an ArrowArrayStream owns the rows now */
    dbk_buf ipc;          /* the piece last handed out by next_ipc */
    int ipc_state;        /* what next_ipc gives next: stream.c */
    dbk_stream_watcher observer;
    int *fds;  /* a pipe, for dbk_result_stream_fd; owned; NULL: nobody asked */
    bool told; /* under the handle's lock: a byte is in it */
};

struct kernel_statement_canceller_t {
    dbk_canceller *canceller;
};

struct kernel_cancel_token_t {
    dbk_cancel_token *token;
};

/* An executed statement handle; takes exec (also on failure). */
DBK_MUST_USE dbk_status dbk_abi_new_executed(dbk_exec *takes_exec,
                                             kernel_executed_statement_t **out, dbk_error *err);
void dbk_abi_free_statement(dbk_handle *h); /* the destroy of a kernel_statement_t */
/* A submitted statement's handle; takes exec (also on failure). */
DBK_MUST_USE dbk_status dbk_abi_new_async(dbk_exec *takes_exec,
                                          kernel_executed_async_statement_t **out, dbk_error *err);
/* The execution whose rows nobody has taken yet: the handle's own first, then fresh ones, which ask the
 * server again. Counted. */
DBK_MUST_USE dbk_status dbk_abi_untaken(const kernel_executed_async_statement_t *async,
                                        dbk_exec **out, dbk_error *err);
/* Checks of a handle, as a finished call. */
DBK_MUST_USE bool dbk_abi_session_ok(const kernel_session_t *session, const char *function);
DBK_MUST_USE bool dbk_abi_async_ok(const kernel_executed_async_statement_t *async,
                                   const char *function);
DBK_MUST_USE dbk_status dbk_abi_check_stream(const kernel_result_stream_t *stream, dbk_error *err);
/* A batch and its own schema; both or none. batch NULL: the end, both empty. */
DBK_MUST_USE dbk_status dbk_abi_export_batch(dbk_batch *batch, struct ArrowArray *out_array,
                                             struct ArrowSchema *out_schema, dbk_error *err);
/* What the next piece of the IPC stream is made of: only the schema, or the next batch as well? */
bool dbk_abi_ipc_needs_batch(const kernel_result_stream_t *stream);
bool dbk_abi_ipc_ended(const kernel_result_stream_t *stream);
/* Appends that piece to out and moves on. */
DBK_MUST_USE dbk_status dbk_abi_ipc_piece(kernel_result_stream_t *stream, const dbk_schema *schema,
                                          const dbk_batch *batch, dbk_buf *out, dbk_error *err);
/* Checks of a catalog filter, as a finished call. */
DBK_MUST_USE bool dbk_abi_filter_ok(const dbk_catalog_filter *filter, const char *function);
/* The filter as a request that borrows from it and from *types (free it, also on failure). */
DBK_MUST_USE dbk_status dbk_abi_request(const dbk_catalog_filter *filter, dbk_metadata_request *out,
                                        dbk_slice **types, dbk_error *err);
void dbk_progress_stop(dbk_progress_watch *w); /* NULL is a no-op */
void dbk_abi_show_progress(const dbk_exec_progress *p, dbk_progress *out);
/* The ABI's word for a server state. */
KernelStatementStatusKind dbk_abi_state(dbk_sea_state state);
/* A stream handle over s; takes s (also on failure). exec or session may be NULL; both are
 * referenced. */
DBK_MUST_USE dbk_status dbk_abi_new_stream(dbk_stream *takes_s, dbk_exec *exec,
                                           dbk_session *session, kernel_result_stream_t **out,
                                           dbk_error *err);

/* A pipe that neither blocks nor survives exec. */
DBK_MUST_USE bool dbk_abi_open_pipe(int fds[2]);

/* ---- the last error ---- */

/* Start of every call: forgets the thread's last error and lends its record. Never NULL. */
dbk_error *dbk_abi_begin(void);
/* End of every call: the status as the ABI's enum. */
static inline KernelStatusCode dbk_abi_end(dbk_status st) {
    return (KernelStatusCode)st;
}

KernelStatusCode dbk_abi_code(void); /* of the last error */
/* An error as the ABI shows it, borrowing from err; false: there is none. */
bool dbk_abi_show_error(const dbk_error *err, KernelError *out);
bool dbk_abi_show_info(const dbk_error *err, dbk_error_info *out);

/* ---- argument checks; each fills the last error ---- */

/* InvalidArgument with this message, as a finished call. */
KernelStatusCode dbk_abi_refuse(const char *fmt, ...) DBK_PRINTF(1, 2);
/* text is not NULL ("<name> must not be null") and UTF-8 ("<name> is not valid UTF-8"). */
DBK_MUST_USE bool dbk_abi_text_ok(const char *text, const char *name);
/* The same where NULL is allowed. */
DBK_MUST_USE bool dbk_abi_optional_ok(const char *text, const char *name);

#endif
