/* dbkernel_async.h: every call that talks to the network, without blocking the caller.
 *
 * A starter (dbk_..._start) begins an operation and gives a future: the operation's handle. When it is
 * done, its completion waits on the loop it was started on until dbk_loop_run_once is called there; that
 * runs the callback. A future's result is moved out with a take function.
 *
 *     static void opened(dbk_future *f, void *ud) {
 *         kernel_session_t *session = NULL;
 *         if (dbk_future_take_session(f, &session) == KernelStatusCode_Success) { ... }
 *         dbk_future_free(f);
 *     }
 *     dbk_loop_new(DBK_LOOP_THREADED, &loop);
 *     dbk_session_open_start(loop, config, opened, ud, NULL);
 *     for (;;) {
 *         poll dbk_loop_fd(loop) for reading, for dbk_loop_timeout_ms(loop) at most;
 *         dbk_loop_run_once(loop, 0, 0, NULL);
 *     }
 *
 * Threads
 *   - A loop belongs to one thread at a time: starters, dbk_loop_run_once, dbk_loop_free, and every
 *     function of its futures. From any thread, also while the loop's thread is inside the library:
 *     dbk_future_cancel, dbk_future_done, dbk_future_query_id, dbk_loop_wake. The caller sees to it that
 *     nobody frees the future or the loop meanwhile.
 *   - Callbacks run inside dbk_loop_run_once only, on its thread. They may call everything of the
 *     library: start, take, cancel, free any future (also their own), close handles; on an embedded loop
 *     no blocking call (below), and never dbk_loop_run_once or dbk_loop_free.
 *   - The notify function of a threaded loop is the exception: it runs on a thread of the library, or on one
 *     that is blocked in another call of it.
 *
 * Ownership
 *   - A future belongs to the caller and is freed with dbk_future_free, at any time, once. Starters with
 *     a NULL out keep nothing for the caller: the callback then owns the future and frees it.
 *   - What a starter is given is copied, or held by the operation until it ends: a handle may be closed
 *     while an operation on it is under way. That ends the operation: it completes as Cancelled.
 *   - A result that nobody takes is freed with the future: a session is closed on the server, a statement
 *     closed, memory released; in the background, nobody waits.
 *
 * One at a time: a statement, a submitted statement and a result stream take part in one operation at a
 * time. A second start and a blocking call on a busy handle are InvalidArgument. Cancelling and closing
 * are not held up by that. A session takes part in any number of operations.
 *
 * Errors: a starter that fails (arguments, a busy or dead handle, memory) answers with a status and the
 * thread's last error, as all functions do; no future is made and the callback is not called. Failures
 * of the operation itself are the future's own: dbk_future_status, dbk_future_error.
 *
 * Closing never blocks: kernel_statement_close, kernel_executed_statement_close,
 * kernel_result_stream_close and dbk_async_close end what is under way and tell the server in the
 * background. kernel_session_close waits for the server; dbk_session_close_start and
 * dbk_session_release do not. */
#ifndef DBKERNEL_ASYNC_H
#define DBKERNEL_ASYNC_H

#include "dbkernel.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Loops --------------------------------------------------------------------------------------- */

typedef struct dbk_loop dbk_loop;     /* opaque */
typedef struct dbk_future dbk_future; /* opaque */

/* THREADED: the library's own threads, shared by the process, do the work; the loop only brings what is
 * done to the caller's thread. Sessions of a threaded loop are the ones of kernel_session_open: both may
 * be mixed, and one session used on several loops.
 *
 * EMBEDDED: no thread. Sockets, timers, decoding: everything happens inside dbk_loop_run_once (and inside
 * blocking calls on what belongs to the loop), on the caller's thread. A session opened on such a loop, and all
 * that comes of it, belongs to the loop and to its thread, but for cancelling: dbk_future_cancel and
 * kernel_statement_canceller_cancel work from any thread (the latter does not block here: the loop's thread
 * sends the request when it runs next; cancellers are made and freed on the loop's thread). Blocking calls
 * inside a callback are InvalidArgument: the loop could not go on meanwhile; kernel_session_close there closes
 * in the background.
 * Host names are looked up by libcurl: without a thread when it was built with c-ares, else in a short-lived
 * thread of libcurl's per look-up. The loop is not blocked either way, and numeric addresses need no look-up. */
typedef enum dbk_loop_mode { DBK_LOOP_THREADED = 0, DBK_LOOP_EMBEDDED = 1 } dbk_loop_mode;

/* Makes a loop. No thread is started and nothing is sent. A loop does not survive a fork: in the child
 * every call on it is InvalidStatementHandle, and dbk_loop_free only frees its memory there; a loop made in
 * the child works. */
KERNEL_API KernelStatusCode dbk_loop_new(dbk_loop_mode mode, dbk_loop **out);

/* InvalidArgument while one of its futures was not freed. What freed futures left to do in the
 * background goes on; on an embedded loop this call gives it 5 seconds, then it is cut off, and handles of its
 * sessions that were not closed are InvalidArgument too. NULL is a no-op. */
KERNEL_API KernelStatusCode dbk_loop_free(dbk_loop *loop);

/* For poll and its kin: readable while there is something to dispatch (embedded: to do). The caller neither reads nor
 * closes it. Lives as long as the loop. */
KERNEL_API int dbk_loop_fd(const dbk_loop *loop);

/* How long the caller may sleep on the fd: 0 when there is something to do now, -1 without end. Starters
 * change it: ask before every sleep. */
KERNEL_API int64_t dbk_loop_timeout_ms(dbk_loop *loop);

/* Does what is due (embedded), then dispatches what is done, at most max_events completions (0: all there are at the start of the call).
 * timeout_ms: waits so long for the first one when there is none, 0 not at all, -1 without end;
 * dbk_loop_wake ends the wait. *dispatched (may be NULL): how many completions there were. */
KERNEL_API KernelStatusCode dbk_loop_run_once(dbk_loop *loop, int timeout_ms, uint32_t max_events,
                                              uint32_t *dispatched);

/* Makes the fd readable and ends a wait in dbk_loop_run_once. Any thread. */
KERNEL_API KernelStatusCode dbk_loop_wake(dbk_loop *loop);

/* Instead of the fd: notify is called when a loop with nothing to dispatch gets something: on a thread of
 * the library, on one that is blocked in another call of it, or inside a starter. It must do no more than wake the host's own loop
 * (uv_async_send, a threadsafe function, a condition variable): it runs under a lock of the loop and must
 * not call this library. It is not called again before everything was dispatched (dbk_loop_timeout_ms is not
 * 0). It is called at once when there is something already. NULL takes it away; after that call it does not
 * run any more. On Linux the threads that decode results have a nice value 10 higher when the process starts
 * them after a threaded loop was given a notify function: the host's loop gets its turns between theirs. */
KERNEL_API KernelStatusCode dbk_loop_set_notify(dbk_loop *loop, void (*notify)(void *ctx),
                                                void *ctx);

/* Waits for what nobody waits for: statements and sessions of freed handles and futures, which are cancelled
 * and closed on the server in the background (each for 30 seconds at most, 32 of a session at a time). For
 * the end of a program. Timeout: some is left after timeout_ms; it goes on. Embedded loops do their own in
 * dbk_loop_run_once and dbk_loop_free. */
KERNEL_API KernelStatusCode dbk_runtime_shutdown(uint64_t timeout_ms);

/* ---- Futures ------------------------------------------------------------------------------------- */

/* Called once, when the operation is done, unless the future was freed before. */
typedef void (*dbk_future_cb)(dbk_future *future, void *user_data);

/* True from the moment the operation has ended, also before its callback ran. Any thread. */
KERNEL_API bool dbk_future_done(const dbk_future *future);

/* How it ended; InvalidArgument with "is not done" as last error before that. */
KERNEL_API KernelStatusCode dbk_future_status(const dbk_future *future);

/* The error it ended with; texts live as long as the future. False: not done, or no error. */
KERNEL_API bool dbk_future_error(const dbk_future *future, KernelError *out);
KERNEL_API bool dbk_future_error_info(const dbk_future *future, dbk_error_info *out);

/* Asks for its end: it completes as Cancelled, soon and whatever the server does, unless it is done
 * before that. A statement under way is cancelled on the server, also when its id comes only later; a read
 * leaves its stream as it was, nothing is lost. Never blocks. Any thread; once is enough. */
KERNEL_API KernelStatusCode dbk_future_cancel(dbk_future *future);

/* Ends it as Timeout when it is not done ms milliseconds from now; then as dbk_future_cancel. A later call
 * replaces an earlier one; 0 takes the deadline away. */
KERNEL_API KernelStatusCode dbk_future_set_deadline_ms(dbk_future *future, uint64_t ms);

/* Blocks until it is done, at most timeout_ms (-1: without end): Success, or Timeout, whatever the
 * operation ended with. The callback still runs in dbk_loop_run_once. An embedded loop does its work
 * meanwhile. */
KERNEL_API KernelStatusCode dbk_future_wait(dbk_future *future, int timeout_ms);

/* The statement's id on the server, copied with its NUL, as soon as it is known: execute and submit while
 * they run, also when they failed. False: not known (yet), or size is too small (64 is enough). Any thread. */
KERNEL_API bool dbk_future_query_id(const dbk_future *future, char *buf, size_t size);

/* Frees it. Still running: it is cancelled in the background and its callback does not run. Never blocks,
 * so that a garbage collector may call it. NULL is a no-op. */
KERNEL_API void dbk_future_free(dbk_future *future);

/* Move the result out, once. When the operation failed they give its status, with its error as the
 * thread's last error. Of an operation with another result, not done, or taken before: InvalidArgument. */
KERNEL_API KernelStatusCode dbk_future_take_session(dbk_future *future, kernel_session_t **out);
KERNEL_API KernelStatusCode dbk_future_take_executed(dbk_future *future,
                                                     kernel_executed_statement_t **out);
KERNEL_API KernelStatusCode dbk_future_take_async(dbk_future *future,
                                                  kernel_executed_async_statement_t **out);
KERNEL_API KernelStatusCode dbk_future_take_stream(dbk_future *future,
                                                   kernel_result_stream_t **out);
/* The end of the rows is two structs with release NULL, as in kernel_result_stream_next_batch. */
KERNEL_API KernelStatusCode dbk_future_take_batch(dbk_future *future, struct ArrowArray *out_array,
                                                  struct ArrowSchema *out_schema);
KERNEL_API KernelStatusCode dbk_future_take_schema(dbk_future *future, struct ArrowSchema *out);

/* Memory that the caller owns: call release(buffer) once, on any thread, also after everything else of the
 * library was closed. It does not move and is the caller's alone: who casts the const away may write to it. */
typedef struct dbk_buffer {
    const uint8_t *data;
    size_t len;
    void (*release)(struct dbk_buffer *buffer); /* sets release to NULL */
    void *private_data;
} dbk_buffer;
/* len 0 (release NULL): the IPC stream has ended before. */
KERNEL_API KernelStatusCode dbk_future_take_ipc(dbk_future *future, dbk_buffer *out);

/* The fact a dbk_async_poll_start or dbk_async_await_start came to know. */
KERNEL_API KernelStatusCode dbk_future_take_state(dbk_future *future,
                                                  KernelStatementStatusKind *out);
/* Was a request to cancel sent? (dbk_canceller_cancel_start, dbk_async_cancel_start) */
KERNEL_API KernelStatusCode dbk_future_take_dispatched(dbk_future *future, bool *out);

/* ---- Starters ------------------------------------------------------------------------------------ */
/* All: never block, never touch the network on the caller's thread. cb may be NULL: look at
 * dbk_future_done. *out is set before cb can run; out may be NULL only with a cb. */

/* As kernel_session_open; consumes config, also on failure. Result: session. */
KERNEL_API KernelStatusCode dbk_session_open_start(dbk_loop *loop, KernelSessionConfig *config,
                                                   dbk_future_cb cb, void *user_data,
                                                   dbk_future **out);
/* As kernel_session_close; session is freed by this call (by a failing one not). No result. */
KERNEL_API KernelStatusCode dbk_session_close_start(dbk_loop *loop, kernel_session_t *session,
                                                    dbk_future_cb cb, void *user_data,
                                                    dbk_future **out);

/* As kernel_statement_execute: to the end of the statement. Result: executed. stmt may be changed or
 * closed as soon as the starter has returned; closing cancels. */
KERNEL_API KernelStatusCode dbk_statement_execute_start(dbk_loop *loop, kernel_statement_t *stmt,
                                                        dbk_future_cb cb, void *user_data,
                                                        dbk_future **out);
/* As kernel_statement_submit: to the server's first answer. Result: async. */
KERNEL_API KernelStatusCode dbk_statement_submit_start(dbk_loop *loop, kernel_statement_t *stmt,
                                                       dbk_future_cb cb, void *user_data,
                                                       dbk_future **out);
/* To the server's first answer too, but the server may wait with it until the statement is done, or for as
 * long as it likes to: most statements have ended then, and their result comes with the answer
 * (dbk_async_status tells; dbk_async_take_result_start asks no more). Result: async. */
KERNEL_API KernelStatusCode dbk_statement_ask_start(dbk_loop *loop, kernel_statement_t *stmt,
                                                    dbk_future_cb cb, void *user_data,
                                                    dbk_future **out);
/* As kernel_statement_canceller_cancel. Result: dispatched. */
KERNEL_API KernelStatusCode dbk_canceller_cancel_start(dbk_loop *loop,
                                                       kernel_statement_canceller_t *canceller,
                                                       dbk_future_cb cb, void *user_data,
                                                       dbk_future **out);

/* As dbk_async_poll. Result: state. */
KERNEL_API KernelStatusCode dbk_async_poll_start(dbk_loop *loop,
                                                 kernel_executed_async_statement_t *async,
                                                 dbk_future_cb cb, void *user_data,
                                                 dbk_future **out);
/* As dbk_async_await without a limit; give it a deadline, or cancel it: the statement goes on. Result:
 * state. */
KERNEL_API KernelStatusCode dbk_async_await_start(dbk_loop *loop,
                                                  kernel_executed_async_statement_t *async,
                                                  dbk_future_cb cb, void *user_data,
                                                  dbk_future **out);
/* As dbk_async_take_result: waits for the end. Result: executed. */
KERNEL_API KernelStatusCode dbk_async_take_result_start(dbk_loop *loop,
                                                        kernel_executed_async_statement_t *async,
                                                        dbk_future_cb cb, void *user_data,
                                                        dbk_future **out);
/* As dbk_async_attach. Result: async. */
KERNEL_API KernelStatusCode dbk_async_attach_start(dbk_loop *loop, kernel_session_t *session,
                                                   const char *query_id, dbk_future_cb cb,
                                                   void *user_data, dbk_future **out);
/* As dbk_async_cancel; also while another operation on async is under way. Result: dispatched. */
KERNEL_API KernelStatusCode dbk_async_cancel_start(dbk_loop *loop,
                                                   kernel_executed_async_statement_t *async,
                                                   dbk_future_cb cb, void *user_data,
                                                   dbk_future **out);
/* As dbk_async_end; also while another operation on async is under way. No result. */
KERNEL_API KernelStatusCode dbk_async_end_start(dbk_loop *loop,
                                                kernel_executed_async_statement_t *async,
                                                dbk_future_cb cb, void *user_data,
                                                dbk_future **out);

/* As kernel_result_stream_next_batch; decoding happens on a thread of the library. Result: batch. */
KERNEL_API KernelStatusCode dbk_result_stream_next_start(dbk_loop *loop,
                                                         kernel_result_stream_t *stream,
                                                         dbk_future_cb cb, void *user_data,
                                                         dbk_future **out);
/* As dbk_result_stream_next_ipc. Result: ipc. */
KERNEL_API KernelStatusCode dbk_result_stream_next_ipc_start(dbk_loop *loop,
                                                             kernel_result_stream_t *stream,
                                                             dbk_future_cb cb, void *user_data,
                                                             dbk_future **out);
/* The next rows as an Arrow IPC stream of their own: schema, batches, end. Without waiting it goes on after
 * the first batch until it holds merge_bytes (0: one batch). merge_bytes SIZE_MAX: the schema only, no
 * row is taken. With any other merge_bytes a chunk that is whole, and needs no conversion, is handed out in the
 * memory that it was decoded into (up to 32 MiB), and chunks after the first are waited for as a whole. Not to be mixed with dbk_result_stream_next_ipc on one stream. Result: ipc, len 0: no more rows. */
KERNEL_API KernelStatusCode dbk_result_stream_next_payload_start(dbk_loop *loop,
                                                                 kernel_result_stream_t *stream,
                                                                 size_t merge_bytes,
                                                                 dbk_future_cb cb, void *user_data,
                                                                 dbk_future **out);
/* As kernel_result_stream_get_schema. Result: schema. */
KERNEL_API KernelStatusCode dbk_result_stream_schema_start(dbk_loop *loop,
                                                           kernel_result_stream_t *stream,
                                                           dbk_future_cb cb, void *user_data,
                                                           dbk_future **out);

/* The next batch without an operation: *would_block true when none is there yet (the outs are untouched),
 * else as kernel_result_stream_next_batch. Rows that came inline are decoded here. */
KERNEL_API KernelStatusCode dbk_result_stream_try_next(kernel_result_stream_t *stream,
                                                       struct ArrowArray *out_array,
                                                       struct ArrowSchema *out_schema,
                                                       bool *would_block);
/* Readable when dbk_result_stream_try_next may have something; it may still say would_block, and only it makes
 * the fd unreadable again. On an embedded loop that must run meanwhile. Owned by the stream; -1: no
 * descriptors are left, or the stream is busy or not valid any more. */
KERNEL_API int dbk_result_stream_fd(kernel_result_stream_t *stream);

/* How a statement comes along, of the executions begun from now on: the states as the server tells them, the
 * query id (NULL until it is known) as soon as it is there, then the chunks, rows and bytes of its result while it
 * is read. cb runs inside dbk_loop_run_once only, for changes since its last call, at most once per statement and
 * run, before the completions; it does not count as dispatched. The pointers live during the call. One callback
 * per statement, on one loop; a later call replaces it, cb NULL and kernel_statement_close take it away. The
 * statement must not be busy; close it, and call this, on the loop's thread. */
typedef void (*dbk_progress_cb)(const dbk_progress *progress, const char *query_id,
                                void *user_data);
KERNEL_API KernelStatusCode dbk_statement_set_progress(dbk_loop *loop, kernel_statement_t *stmt,
                                                       dbk_progress_cb cb, void *user_data);

/* As dbk_metadata_list: all the catalog calls, texts taken as they are (kernel_metadata_* take blank ones for
 * "no filter": pass NULL). filter is copied. Result: stream. */
KERNEL_API KernelStatusCode dbk_metadata_list_start(dbk_loop *loop, kernel_session_t *session,
                                                    const dbk_catalog_filter *filter,
                                                    dbk_future_cb cb, void *user_data,
                                                    dbk_future **out);

#ifdef __cplusplus
}
#endif

#endif
