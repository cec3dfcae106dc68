/* A handle takes part in one operation at a time: every starter that makes it busy against every call that it then
 * refuses. Scenarios of async_calls; test_async_calls.py compares the tables with the exported symbols. */
#include "async_calls.h"

typedef struct starter {
    const char *name;
    KernelStatusCode (*start)(void *handle, dbk_future **out);
} starter;

typedef struct refused {
    const char *name;
    KernelStatusCode (*call)(void *handle);
} refused;

typedef struct handle_kind {
    const char *name;
    const starter *starters;
    size_t starter_count;
    const refused *others;
    size_t other_count;
} handle_kind;

#define STARTER(function)                                                      \
    static KernelStatusCode start_##function(void *handle, dbk_future **out) { \
        return function(loop, handle, NULL, NULL, out);                        \
    }
#define ROW(function) \
    { #function, start_##function }
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- statements ---- */

STARTER(dbk_statement_execute_start)
STARTER(dbk_statement_submit_start)
STARTER(dbk_statement_ask_start)
static const starter statement_starters[] = {
    ROW(dbk_statement_execute_start),
    ROW(dbk_statement_submit_start),
    ROW(dbk_statement_ask_start),
};

static KernelStatusCode refused_execute(void *handle) {
    kernel_executed_statement_t *exec = NULL;
    return kernel_statement_execute(handle, &exec);
}
static KernelStatusCode refused_submit(void *handle) {
    kernel_executed_async_statement_t *async = NULL;
    return kernel_statement_submit(handle, &async);
}
static KernelStatusCode refused_progress(void *handle) {
    return dbk_statement_set_progress(loop, handle, NULL, NULL);
}
static const refused statement_others[] = {
    {"kernel_statement_execute", refused_execute},
    {"kernel_statement_submit", refused_submit},
    {"dbk_statement_set_progress", refused_progress},
};

/* ---- submitted statements ---- */

STARTER(dbk_async_poll_start)
STARTER(dbk_async_await_start)
STARTER(dbk_async_take_result_start)
static const starter async_starters[] = {
    ROW(dbk_async_poll_start),
    ROW(dbk_async_await_start),
    ROW(dbk_async_take_result_start),
};

static KernelStatusCode refused_poll(void *handle) {
    KernelStatementStatusKind state;
    return dbk_async_poll(handle, &state);
}
static KernelStatusCode refused_await(void *handle) {
    return dbk_async_await(handle, 1, NULL);
}
static KernelStatusCode refused_result(void *handle) {
    kernel_executed_statement_t *exec = NULL;
    return dbk_async_take_result(handle, &exec);
}
static KernelStatusCode refused_remarks(void *handle) {
    dbk_async_remarks remarks = {.struct_size = sizeof remarks};
    return dbk_async_get_remarks(handle, &remarks);
}
static const refused async_others[] = {
    {"dbk_async_poll", refused_poll},
    {"dbk_async_await", refused_await},
    {"dbk_async_take_result", refused_result},
    {"dbk_async_get_remarks", refused_remarks},
};

/* ---- result streams ---- */

STARTER(dbk_result_stream_next_start)
STARTER(dbk_result_stream_next_ipc_start)
STARTER(dbk_result_stream_schema_start)
static KernelStatusCode start_dbk_result_stream_next_payload_start(void *handle, dbk_future **out) {
    return dbk_result_stream_next_payload_start(loop, handle, 0, NULL, NULL, out);
}
static const starter stream_starters[] = {
    ROW(dbk_result_stream_next_start),
    ROW(dbk_result_stream_next_ipc_start),
    ROW(dbk_result_stream_next_payload_start),
    ROW(dbk_result_stream_schema_start),
};

static KernelStatusCode refused_next(void *handle) {
    struct ArrowArray array;
    struct ArrowSchema schema;
    return kernel_result_stream_next_batch(handle, &array, &schema);
}
static KernelStatusCode refused_cancellable(void *handle) {
    struct ArrowArray array;
    struct ArrowSchema schema;
    return kernel_result_stream_next_batch_cancellable(handle, &array, &schema, NULL);
}
static KernelStatusCode refused_try(void *handle) {
    struct ArrowArray array;
    struct ArrowSchema schema;
    bool would_block = false;
    return dbk_result_stream_try_next(handle, &array, &schema, &would_block);
}
static KernelStatusCode refused_schema(void *handle) {
    struct ArrowSchema schema;
    return kernel_result_stream_get_schema(handle, &schema);
}
static KernelStatusCode refused_ipc(void *handle) {
    const uint8_t *piece = NULL;
    size_t len = 0;
    return dbk_result_stream_next_ipc(handle, &piece, &len);
}
static KernelStatusCode refused_export(void *handle) {
    struct ArrowArrayStream out;
    return dbk_result_stream_export(handle, &out);
}
static KernelStatusCode refused_fd(void *handle) {
    return dbk_result_stream_fd(handle) == -1 ? KernelStatusCode_InvalidArgument
                                              : KernelStatusCode_Success;
}
static const refused stream_others[] = {
    {"kernel_result_stream_next_batch", refused_next},
    {"kernel_result_stream_next_batch_cancellable", refused_cancellable},
    {"dbk_result_stream_try_next", refused_try},
    {"kernel_result_stream_get_schema", refused_schema},
    {"dbk_result_stream_next_ipc", refused_ipc},
    {"dbk_result_stream_export", refused_export},
    {"dbk_result_stream_fd", refused_fd},
};

static const handle_kind statements = {"statement", statement_starters, COUNT(statement_starters),
                                       statement_others, COUNT(statement_others)};
static const handle_kind submitted_ones = {"submitted statement", async_starters,
                                           COUNT(async_starters), async_others,
                                           COUNT(async_others)};
static const handle_kind streams = {"result stream", stream_starters, COUNT(stream_starters),
                                    stream_others, COUNT(stream_others)};

/* ---- the walk ---- */

static void check_refused(const char *first, const char *second, KernelStatusCode st) {
    KernelError e;
    bool fine = st == KernelStatusCode_InvalidArgument && kernel_get_last_error(&e) &&
                strstr(e.message, "under way") != NULL;
    if (!fine) {
        fprintf(stderr, "%s while %s is under way: %d\n", second, first, (int)st);
    }
    CHECK(fine);
}

/* handle stays busy with any starter of its kind until that is cancelled. */
static void walk(const handle_kind *kind, void *handle) {
    for (size_t i = 0; i < kind->starter_count; i++) {
        const starter *first = &kind->starters[i];
        dbk_future *f = NULL;
        OK(first->start(handle, &f));
        for (size_t n = 0; n < kind->starter_count; n++) {
            dbk_future *g = NULL;
            check_refused(first->name, kind->starters[n].name, kind->starters[n].start(handle, &g));
            CHECK(g == NULL);
        }
        for (size_t n = 0; n < kind->other_count; n++) {
            check_refused(first->name, kind->others[n].name, kind->others[n].call(handle));
        }
        CHECK(!dbk_future_done(f));
        OK(dbk_future_cancel(f));
        ended(f, KernelStatusCode_Cancelled);
        dbk_future_free(f);
    }
}

static void walk_statement(kernel_session_t *session) {
    kernel_statement_t *stmt =
        statement(session, "/*lw: pending=1000000, fault=stmt.execute:stall(1)*/ SELECT 1");
    walk(&statements, stmt);
    OK(kernel_statement_close(stmt));
}

static void walk_submitted(kernel_session_t *session) {
    dbk_future *f = NULL;
    kernel_executed_async_statement_t *async = NULL;
    kernel_statement_t *stmt =
        statement(session, "/*lw: pending=1000000, fault=stmt.get:stall(20)*/ SELECT 1");
    OK(dbk_statement_submit_start(loop, stmt, NULL, NULL, &f));
    ended(f, KernelStatusCode_Success);
    OK(dbk_future_take_async(f, &async));
    dbk_future_free(f);
    walk(&submitted_ones, async);
    OK(dbk_async_close(async));
    OK(kernel_statement_close(stmt));
}

static void walk_stream(kernel_session_t *session) {
    kernel_executed_statement_t *exec = NULL;
    kernel_statement_t *stmt = statement(
        session, "/*lw: inline_max=0, fault=storage.get:stall(20)*/ SELECT id FROM range(10)");
    kernel_result_stream_t *stream = execute(stmt, &exec);
    walk(&streams, stream);
    OK(kernel_result_stream_close(stream));
    OK(kernel_executed_statement_close(exec));
    OK(kernel_statement_close(stmt));
}

void busy(void) {
    kernel_session_t *session = open_session();
    walk_statement(session);
    walk_submitted(session);
    walk_stream(session);
    close_session(session);
}

/* What is not held up by an operation under way: cancelling, and freeing the loop is refused. */
void not_held_up(void) {
    dbk_future *f = NULL;
    dbk_future *g = NULL;
    bool told = false;
    kernel_executed_async_statement_t *async = NULL;
    kernel_session_t *session = open_session();
    kernel_statement_t *stmt = statement(session, FOREVER);
    OK(dbk_statement_submit_start(loop, stmt, NULL, NULL, &f));
    CHECK(dbk_loop_free(loop) == KernelStatusCode_InvalidArgument);
    ended(f, KernelStatusCode_Success);
    OK(dbk_future_take_async(f, &async));
    dbk_future_free(f);
    OK(dbk_async_await_start(loop, async, NULL, NULL, &f));
    OK(dbk_async_cancel_start(loop, async, NULL, NULL, &g));
    ended(g, KernelStatusCode_Success);
    OK(dbk_future_take_dispatched(g, &told));
    CHECK(told);
    dbk_future_free(g);
    ended(f, KernelStatusCode_Cancelled);
    dbk_future_free(f);
    OK(dbk_async_close(async));
    OK(kernel_statement_close(stmt));
    close_session(session);
}
