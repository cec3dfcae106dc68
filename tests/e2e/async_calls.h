/* For the programs of async_calls: a loop against a local warehouse, in one of its modes, and what each scenario
 * needs. The first thing that is not as it should be ends the program. */
#ifndef TESTS_ASYNC_CALLS_H
#define TESTS_ASYNC_CALLS_H

#include "dbkernel_async.h"

#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern const char *url;
extern dbk_loop *loop;
extern bool embedded;

#define FOREVER "/*lw: pending=1000000*/ SELECT count(*) FROM range(100000000000) WHERE id % 7 = 0"

#define CHECK(condition)                                                                     \
    do {                                                                                     \
        if (!(condition)) {                                                                  \
            KernelError error_;                                                              \
            bool any_ = kernel_get_last_error(&error_);                                      \
            fprintf(stderr, "%s:%d: %s\n  last error: %s\n", __FILE__, __LINE__, #condition, \
                    any_ ? error_.message : "none");                                         \
            exit(1);                                                                         \
        }                                                                                    \
    } while (0)
#define OK(call) CHECK((call) == KernelStatusCode_Success)

void finish(dbk_future *f); /* sleeps on the fd and dispatches, as a host does, until f is done */
void ended(dbk_future *f, KernelStatusCode status); /* the same, and it must end so */
KernelSessionConfig *config_of(const char *host);
kernel_session_t *open_session(void);
void close_session(kernel_session_t *session);
kernel_statement_t *statement(kernel_session_t *session, const char *sql);
kernel_result_stream_t *execute(kernel_statement_t *stmt, kernel_executed_statement_t **exec);
/* The rows of a stream; *first gets the first value of the first column, a BIGINT. */
int64_t drain(kernel_result_stream_t *stream, int64_t *first);
void wait_for_id(const dbk_future *f); /* until the server has told the statement's id */

/* async_busy.c */
void busy(void);
void not_held_up(void);
/* async_end.c */
void cancelling(void);
void cancellers(void);
void abandoning(void);
void leaving(void);
void held_name(void); /* by name only: needs names_shim.c */
/* async_rows.c */
void ipc(void);
void trying(void);
void progress(void);
void payloads(void);

#endif
