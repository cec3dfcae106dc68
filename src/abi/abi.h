/* abi/abi.h: the only exported room: argument checks, last error, life of handles.
 *
 * What:    every kernel_* and dbk_* function of include/; one thin function each over the rooms below.
 * Threads: as databricks_kernel.h says; the last error is thread-local and lives here only.
 * Owner:   a handle owns references to the objects below; stale handles answer, they never crash. */
#ifndef DBK_ABI_ABI_H
#define DBK_ABI_ABI_H

#include "dbkernel.h"

#include "arrow/arrow.h"
#include "base/base.h"
#include "result/result.h"
#include "session/session.h"

/* ---- handles ---- */

struct kernel_session_config_t {
    dbk_config config;
};

struct kernel_session_t {
    dbk_session *session; /* counted */
};

struct kernel_statement_t {
    dbk_statement *statement; /* counted */
};

struct kernel_executed_statement_t {
    dbk_exec *exec; /* counted */
    bool stream_taken;
};

struct kernel_executed_async_statement_t {
    dbk_exec *exec; /* counted */
    bool taken;     /* the result of exec itself was handed out */
};

struct kernel_result_stream_t {
    dbk_exec *exec;       /* counted; NULL for metadata */
    dbk_session *session; /* counted; metadata only */
    dbk_stream *stream;   /* counted */
    bool lent;            /* an ArrowArrayStream owns the rows now */
    dbk_buf ipc;          /* the piece last handed out by next_ipc */
    int ipc_state;        /* what next_ipc gives next: stream.c */
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
/* The ABI's word for a server state. */
KernelStatementStatusKind dbk_abi_state(dbk_sea_state state);
/* A stream handle over s; takes s (also on failure). exec or session may be NULL; both are
 * referenced. */
DBK_MUST_USE dbk_status dbk_abi_new_stream(dbk_stream *takes_s, dbk_exec *exec,
                                           dbk_session *session, kernel_result_stream_t **out,
                                           dbk_error *err);

/* ---- the last error ---- */

/* Start of every call: forgets the thread's last error and lends its record. Never NULL. */
dbk_error *dbk_abi_begin(void);
/* End of every call: the status as the ABI's enum. */
static inline KernelStatusCode dbk_abi_end(dbk_status st) {
    return (KernelStatusCode)st;
}

KernelStatusCode dbk_abi_code(void); /* of the last error */

/* ---- argument checks; each fills the last error ---- */

/* InvalidArgument with this message, as a finished call. */
KernelStatusCode dbk_abi_refuse(const char *fmt, ...) DBK_PRINTF(1, 2);
/* text is not NULL ("<name> must not be null") and UTF-8 ("<name> is not valid UTF-8"). */
DBK_MUST_USE bool dbk_abi_text_ok(const char *text, const char *name);
/* The same where NULL is allowed. */
DBK_MUST_USE bool dbk_abi_optional_ok(const char *text, const char *name);

#endif
