/* Every operation of dbkernel_async.h against a local warehouse: `async_calls URL threaded|embedded [scenario]`. Prints the
 * name of each scenario that went well. */
#include "async_calls.h"

const char *url;
dbk_loop *loop;
bool embedded;

/* ---- helpers ---- */

/* What a host does: sleeps on the fd and dispatches, until the future is done. */
void finish(dbk_future *f) {
    while (!dbk_future_done(f)) {
        struct pollfd p = {.fd = dbk_loop_fd(loop), .events = POLLIN};
        CHECK(poll(&p, 1, (int)dbk_loop_timeout_ms(loop)) >= 0);
        OK(dbk_loop_run_once(loop, 0, 0, NULL));
    }
    OK(dbk_loop_run_once(loop, 0, 0, NULL));
}

void ended(dbk_future *f, KernelStatusCode status) {
    KernelError e;
    finish(f);
    if (dbk_future_status(f) != status) {
        fprintf(stderr, "status %d: %s\n", (int)dbk_future_status(f),
                dbk_future_error(f, &e) ? e.message : "");
    }
    CHECK(dbk_future_status(f) == status);
}

KernelSessionConfig *config_of(const char *host) {
    KernelSessionConfig *config = NULL;
    OK(kernel_session_config_new(&config));
    OK(kernel_session_config_set_warehouse(config, host, "local"));
    OK(kernel_session_config_set_auth_pat(config, "token"));
    return config;
}

kernel_session_t *open_session(void) {
    dbk_future *f = NULL;
    kernel_session_t *session = NULL;
    OK(dbk_session_open_start(loop, config_of(url), NULL, NULL, &f));
    ended(f, KernelStatusCode_Success);
    OK(dbk_future_take_session(f, &session));
    dbk_future_free(f);
    return session;
}

void close_session(kernel_session_t *session) {
    dbk_future *f = NULL;
    OK(dbk_session_close_start(loop, session, NULL, NULL, &f));
    ended(f, KernelStatusCode_Success);
    dbk_future_free(f);
}

kernel_statement_t *statement(kernel_session_t *session, const char *sql) {
    kernel_statement_t *stmt = NULL;
    OK(kernel_session_new_statement(session, &stmt));
    OK(kernel_statement_set_sql(stmt, sql));
    return stmt;
}

kernel_result_stream_t *execute(kernel_statement_t *stmt, kernel_executed_statement_t **exec) {
    dbk_future *f = NULL;
    kernel_result_stream_t *stream = NULL;
    OK(dbk_statement_execute_start(loop, stmt, NULL, NULL, &f));
    ended(f, KernelStatusCode_Success);
    OK(dbk_future_take_executed(f, exec));
    dbk_future_free(f);
    OK(kernel_executed_statement_get_result_stream(*exec, &stream));
    return stream;
}

/* The rows of a stream; *first gets the first value of the first column, a BIGINT. */
int64_t drain(kernel_result_stream_t *stream, int64_t *first) {
    int64_t rows = 0;
    for (bool more = true; more;) {
        dbk_future *f = NULL;
        struct ArrowArray array;
        struct ArrowSchema schema;
        OK(dbk_result_stream_next_start(loop, stream, NULL, NULL, &f));
        ended(f, KernelStatusCode_Success);
        OK(dbk_future_take_batch(f, &array, &schema));
        dbk_future_free(f);
        more = array.release != NULL;
        if (more) {
            if (rows == 0 && first != NULL) {
                CHECK(strcmp(schema.children[0]->format, "l") == 0);
                *first = ((const int64_t *)array.children[0]->buffers[1])[array.offset];
            }
            rows += array.length;
            array.release(&array);
            schema.release(&schema);
        }
    }
    return rows;
}

/* Until the server has told the statement's id. */
void wait_for_id(const dbk_future *f) {
    char id[64];
    while (!dbk_future_query_id(f, id, sizeof id)) {
        if (embedded) {
            OK(dbk_loop_run_once(loop, 5, 0, NULL));
        } else {
            (void)poll(NULL, 0, 1);
        }
    }
}

/* ---- scenarios ---- */

static void queries(void) {
    kernel_executed_statement_t *exec = NULL;
    kernel_session_t *session = open_session();
    kernel_statement_t *stmt =
        statement(session, "/*lw: pending=3*/ SELECT CAST(42 AS BIGINT) AS x");
    kernel_result_stream_t *stream = execute(stmt, &exec);
    int64_t value = 0;
    CHECK(drain(stream, &value) == 1 && value == 42);
    OK(kernel_result_stream_close(stream));
    OK(kernel_executed_statement_close(exec));
    OK(kernel_statement_set_sql(stmt, "SELECT id FROM range(300000)"));
    stream = execute(stmt, &exec);
    CHECK(drain(stream, NULL) == 300000);
    CHECK(drain(stream, NULL) == 0); /* the end stays the end */
    OK(kernel_result_stream_close(stream));
    OK(kernel_executed_statement_close(exec));
    OK(kernel_statement_close(stmt));
    close_session(session);
}

/* Everything in callbacks, with futures that only the callback knows. */
typedef struct chain {
    kernel_session_t *session;
    kernel_statement_t *stmt;
    kernel_executed_statement_t *exec;
    kernel_result_stream_t *stream;
    int64_t rows;
    bool closed;
} chain;

static void chain_closed(dbk_future *f, void *ud) {
    OK(dbk_future_status(f));
    ((chain *)ud)->closed = true;
    dbk_future_free(f);
}

static void chain_read(dbk_future *f, void *ud) {
    chain *c = ud;
    struct ArrowArray array;
    struct ArrowSchema schema;
    OK(dbk_future_take_batch(f, &array, &schema));
    dbk_future_free(f);
    if (array.release != NULL) {
        c->rows += array.length;
        array.release(&array);
        schema.release(&schema);
        OK(dbk_result_stream_next_start(loop, c->stream, chain_read, c, NULL));
        return;
    }
    OK(kernel_result_stream_close(c->stream));
    OK(kernel_executed_statement_close(c->exec));
    OK(kernel_statement_close(c->stmt));
    OK(dbk_session_close_start(loop, c->session, chain_closed, c, NULL));
}

static void chain_executed(dbk_future *f, void *ud) {
    chain *c = ud;
    OK(dbk_future_take_executed(f, &c->exec));
    dbk_future_free(f);
    OK(kernel_executed_statement_get_result_stream(c->exec, &c->stream));
    OK(dbk_result_stream_next_start(loop, c->stream, chain_read, c, NULL));
}

static void chain_opened(dbk_future *f, void *ud) {
    chain *c = ud;
    OK(dbk_future_take_session(f, &c->session));
    dbk_future_free(f);
    c->stmt = statement(c->session, "SELECT id FROM range(1000)");
    OK(dbk_statement_execute_start(loop, c->stmt, chain_executed, c, NULL));
}

static void callbacks(void) {
    enum { COUNT = 40 };
    static chain chains[COUNT];
    uint32_t dispatched = 0;
    uint32_t total = 0;
    bool all = false;
    memset(chains, 0, sizeof chains);
    for (int i = 0; i < COUNT; i++) {
        OK(dbk_session_open_start(loop, config_of(url), chain_opened, &chains[i], NULL));
    }
    while (!all) {
        OK(dbk_loop_run_once(loop, -1, 7, &dispatched));
        total += dispatched;
        all = true;
        for (int i = 0; i < COUNT; i++) {
            all = all && chains[i].closed;
        }
    }
    for (int i = 0; i < COUNT; i++) {
        CHECK(chains[i].rows == 1000);
    }
    CHECK(total == COUNT * 5);
}

static void submitted(void) {
    dbk_future *f = NULL;
    kernel_executed_async_statement_t *async = NULL;
    kernel_executed_async_statement_t *other = NULL;
    kernel_executed_statement_t *exec = NULL;
    kernel_result_stream_t *stream = NULL;
    KernelStatementStatusKind state;
    char id[64];
    kernel_session_t *session = open_session();
    kernel_statement_t *stmt = statement(session, "/*lw: pending=4*/ SELECT id FROM range(7)");
    OK(dbk_statement_submit_start(loop, stmt, NULL, NULL, &f));
    ended(f, KernelStatusCode_Success);
    CHECK(dbk_future_query_id(f, id, sizeof id));
    OK(dbk_future_take_async(f, &async));
    dbk_future_free(f);
    CHECK(strcmp(dbk_async_query_id(async), id) == 0);
    OK(kernel_statement_close(stmt)); /* the submitted one lives on */
    OK(dbk_async_poll_start(loop, async, NULL, NULL, &f));
    ended(f, KernelStatusCode_Success);
    OK(dbk_future_take_state(f, &state));
    dbk_future_free(f);
    CHECK(state == KernelStatementStatusKind_Pending || state == KernelStatementStatusKind_Running);
    OK(dbk_async_await_start(loop, async, NULL, NULL, &f));
    ended(f, KernelStatusCode_Success);
    OK(dbk_future_take_state(f, &state));
    dbk_future_free(f);
    CHECK(state == KernelStatementStatusKind_Succeeded);
    for (int i = 0; i < 2; i++) { /* the second asks the server once more */
        OK(dbk_async_take_result_start(loop, async, NULL, NULL, &f));
        ended(f, KernelStatusCode_Success);
        OK(dbk_future_take_executed(f, &exec));
        dbk_future_free(f);
        OK(kernel_executed_statement_get_result_stream(exec, &stream));
        CHECK(drain(stream, NULL) == 7);
        OK(kernel_result_stream_close(stream));
        OK(kernel_executed_statement_close(exec));
    }
    OK(dbk_async_attach_start(loop, session, id, NULL, NULL, &f));
    ended(f, KernelStatusCode_Success);
    OK(dbk_future_take_async(f, &other));
    dbk_future_free(f);
    OK(dbk_async_end_start(loop, other, NULL, NULL, &f));
    ended(f, KernelStatusCode_Success);
    dbk_future_free(f);
    OK(dbk_async_close(other));
    OK(dbk_async_close(async));
    OK(dbk_async_attach_start(loop, session, "no-such-statement", NULL, NULL, &f));
    ended(f, KernelStatusCode_NotFound);
    dbk_future_free(f);
    close_session(session);
}

static void errors(void) {
    dbk_future *f = NULL;
    KernelError e;
    dbk_error_info info = {.struct_size = sizeof info};
    kernel_executed_statement_t *exec = NULL;
    kernel_session_t *session = open_session();
    kernel_statement_t *stmt = statement(session, "SELECT * FROM no_such_table");
    OK(dbk_statement_execute_start(loop, stmt, NULL, NULL, &f));
    CHECK(dbk_future_take_executed(f, &exec) == KernelStatusCode_InvalidArgument); /* not done */
    ended(f, KernelStatusCode_SqlError);
    CHECK(dbk_future_error(f, &e) && e.code == KernelStatusCode_SqlError);
    CHECK(strcmp(e.sql_state, "42P01") == 0 && e.query_id != NULL);
    CHECK(dbk_future_error_info(f, &info) && info.error_code != NULL);
    CHECK(dbk_future_take_executed(f, &exec) == KernelStatusCode_SqlError);
    CHECK(kernel_get_last_error(&e) && strcmp(e.sql_state, "42P01") == 0);
    dbk_future_free(f);
    OK(kernel_statement_close(stmt));
    close_session(session);
    OK(dbk_session_open_start(loop, config_of("http://127.0.0.1:1"), NULL, NULL, &f));
    OK(dbk_future_set_deadline_ms(f, 1));
    finish(f);
    CHECK(dbk_future_status(f) != KernelStatusCode_Success);
    dbk_future_free(f);
    f = NULL;
    KernelSessionConfig *config = NULL;
    OK(kernel_session_config_new(&config));
    CHECK(dbk_session_open_start(loop, config, NULL, NULL, &f) == KernelStatusCode_InvalidArgument);
    CHECK(f == NULL);
}

static void catalogs(void) {
    static const dbk_catalog_call all[] = {DBK_CATALOG_CALL_CATALOGS,
                                           DBK_CATALOG_CALL_SCHEMAS,
                                           DBK_CATALOG_CALL_TABLES,
                                           DBK_CATALOG_CALL_COLUMNS,
                                           DBK_CATALOG_CALL_FUNCTIONS,
                                           DBK_CATALOG_CALL_PROCEDURES,
                                           DBK_CATALOG_CALL_PROCEDURE_COLUMNS,
                                           DBK_CATALOG_CALL_PRIMARY_KEYS,
                                           DBK_CATALOG_CALL_FOREIGN_KEYS,
                                           DBK_CATALOG_CALL_CROSS_REFERENCE,
                                           DBK_CATALOG_CALL_TABLE_TYPES,
                                           DBK_CATALOG_CALL_TYPE_INFO};
    enum { COUNT = sizeof all / sizeof all[0] };
    dbk_future *futures[COUNT];
    kernel_session_t *session = open_session();
    for (int i = 0; i < COUNT; i++) { /* all at the same time */
        char schema[] = "tiny";
        dbk_catalog_filter filter = {.struct_size = sizeof filter,
                                     .call = all[i],
                                     .catalog = "samples",
                                     .schema = i == 0 ? NULL : schema,
                                     .parent_catalog = "samples",
                                     .parent_schema = schema,
                                     .parent_table = "orders"};
        if (all[i] >= DBK_CATALOG_CALL_PRIMARY_KEYS && all[i] <= DBK_CATALOG_CALL_CROSS_REFERENCE) {
            filter.object = "orders";
        }
        OK(dbk_metadata_list_start(loop, session, &filter, NULL, NULL, &futures[i]));
        memset(schema, 'x', sizeof schema - 1);
    }
    for (int i = 0; i < COUNT; i++) {
        kernel_result_stream_t *stream = NULL;
        kernel_result_stream_t *same = NULL;
        ended(futures[i], KernelStatusCode_Success);
        OK(dbk_future_take_stream(futures[i], &stream));
        dbk_future_free(futures[i]);
        if (all[i] == DBK_CATALOG_CALL_CATALOGS) {
            OK(kernel_metadata_list_catalogs(session, &same));
            int64_t rows = drain(stream, NULL);
            CHECK(rows > 0 && rows == drain(same, NULL));
            OK(kernel_result_stream_close(same));
        } else if (all[i] >= DBK_CATALOG_CALL_TABLE_TYPES) {
            CHECK(drain(stream, NULL) > 0);
        } else {
            CHECK(drain(stream, NULL) >= 0);
        }
        OK(kernel_result_stream_close(stream));
    }
    dbk_catalog_filter wide = {.struct_size = sizeof wide, .call = DBK_CATALOG_CALL_COLUMNS};
    OK(dbk_metadata_list_start(loop, session, &wide, NULL, NULL, &futures[0]));
    OK(dbk_future_cancel(futures[0])); /* a statement per catalog may be under way */
    ended(futures[0], KernelStatusCode_Cancelled);
    dbk_future_free(futures[0]);
    close_session(session);
}

static void count_one(void *ctx) {
    __atomic_fetch_add((int *)ctx, 1, __ATOMIC_SEQ_CST);
}

static void notifying(void) {
    int told = 0;
    dbk_future *f = NULL;
    uint32_t dispatched = 0;
    OK(dbk_loop_set_notify(loop, count_one, &told));
    OK(dbk_session_open_start(loop, config_of(url), NULL, NULL, &f));
    OK(dbk_future_wait(f, -1));
    CHECK(__atomic_load_n(&told, __ATOMIC_SEQ_CST) == 1);
    CHECK(dbk_loop_timeout_ms(loop) == 0);
    OK(dbk_loop_run_once(loop, 0, 0, &dispatched));
    CHECK(dispatched == 1 && (embedded || dbk_loop_timeout_ms(loop) == -1));
    kernel_session_t *session = NULL;
    OK(dbk_future_take_session(f, &session));
    dbk_future_free(f);
    OK(kernel_session_close(session));
    OK(dbk_loop_wake(loop));
    CHECK(__atomic_load_n(&told, __ATOMIC_SEQ_CST) == 2);
    OK(dbk_loop_run_once(loop, -1, 0, &dispatched));
    CHECK(dispatched == 0);
    OK(dbk_loop_set_notify(loop, NULL, NULL));
    struct pollfd p = {.fd = dbk_loop_fd(loop), .events = POLLIN};
    CHECK(embedded || poll(&p, 1, 0) == 0);
}

/* Blocking calls on what belongs to an embedded loop work, but not inside its callbacks. */
static void refused_inside(dbk_future *f, void *ud) {
    kernel_executed_statement_t *exec = NULL;
    KernelStatusCode want = embedded ? KernelStatusCode_InvalidArgument : KernelStatusCode_Success;
    CHECK(kernel_statement_execute(ud, &exec) == want);
    if (exec != NULL) {
        OK(kernel_executed_statement_close(exec));
    }
    CHECK(dbk_loop_run_once(loop, 0, 0, NULL) == KernelStatusCode_InvalidArgument);
    CHECK(dbk_loop_free(loop) == KernelStatusCode_InvalidArgument);
    dbk_future_free(f);
}

#ifndef __SANITIZE_THREAD__
static int thread_count(void) {
    char line[128];
    int count = -1;
    FILE *file = fopen("/proc/self/status", "r");
    CHECK(file != NULL);
    while (fgets(line, sizeof line, file) != NULL) {
        (void)sscanf(line, "Threads: %d", &count);
    }
    (void)fclose(file);
    return count;
}
#endif

static void blocking(void) {
    dbk_future *f = NULL;
    struct ArrowArray array;
    struct ArrowSchema schema;
    kernel_executed_statement_t *exec = NULL;
    kernel_result_stream_t *stream = NULL;
    int64_t rows = 0;
    kernel_session_t *session = open_session();
    kernel_statement_t *stmt = statement(session, "SELECT id FROM range(2000000)");
    OK(kernel_statement_execute(stmt, &exec));
    OK(kernel_executed_statement_get_result_stream(exec, &stream));
    for (bool more = true; more;) {
        OK(kernel_result_stream_next_batch(stream, &array, &schema));
        more = array.release != NULL;
        if (more) {
            rows += array.length;
            array.release(&array);
            schema.release(&schema);
        }
    }
    CHECK(rows == 2000000);
    OK(kernel_result_stream_close(stream));
    OK(kernel_executed_statement_close(exec));
    OK(kernel_statement_set_sql(stmt, "SELECT 1"));
    kernel_statement_t *other = statement(session, "SELECT 1");
    OK(dbk_statement_execute_start(loop, other, refused_inside, stmt, &f));
    uint32_t dispatched = 0;
    while (dispatched == 0) {
        OK(dbk_loop_run_once(loop, -1, 0, &dispatched));
    }
#ifndef __SANITIZE_THREAD__ /* which has a thread of its own */
    CHECK(!embedded || thread_count() == 1);
#endif
    OK(kernel_statement_close(other));
    OK(kernel_statement_close(stmt));
    if (embedded) { /* the other kind of session is not this loop's */
        kernel_session_t *foreign = NULL;
        OK(kernel_session_open(config_of(url), &foreign));
        stmt = statement(foreign, "SELECT 1");
        CHECK(dbk_statement_execute_start(loop, stmt, NULL, NULL, &f) ==
              KernelStatusCode_InvalidArgument);
        OK(kernel_statement_close(stmt));
        OK(kernel_session_close(foreign));
        CHECK(dbk_loop_free(loop) == KernelStatusCode_InvalidArgument); /* session is open */
    }
    OK(kernel_session_close(session));
}

/* The first answer brings the result, or the state. */
static kernel_executed_async_statement_t *ask(kernel_session_t *session, const char *sql,
                                              KernelStatementStatusKind *state) {
    dbk_future *f = NULL;
    kernel_executed_async_statement_t *async = NULL;
    kernel_statement_t *stmt = statement(session, sql);
    OK(dbk_statement_ask_start(loop, stmt, NULL, NULL, &f));
    ended(f, KernelStatusCode_Success);
    OK(dbk_future_take_async(f, &async));
    dbk_future_free(f);
    OK(kernel_statement_close(stmt)); /* the handle lives on */
    OK(dbk_async_status(async, state));
    return async;
}

static kernel_result_stream_t *stream_of(kernel_executed_async_statement_t *async,
                                         kernel_executed_statement_t **exec) {
    dbk_future *f = NULL;
    kernel_result_stream_t *stream = NULL;
    OK(dbk_async_take_result_start(loop, async, NULL, NULL, &f));
    ended(f, KernelStatusCode_Success);
    OK(dbk_future_take_executed(f, exec));
    dbk_future_free(f);
    OK(kernel_executed_statement_get_result_stream(*exec, &stream));
    return stream;
}

static void asking(void) {
    KernelStatementStatusKind state = KernelStatementStatusKind_Pending;
    kernel_executed_statement_t *exec = NULL;
    dbk_async_remarks remarks = {.struct_size = sizeof remarks};
    kernel_session_t *session = open_session();
    kernel_executed_async_statement_t *async =
        ask(session, "SELECT CAST(7 AS BIGINT) AS x", &state);
    int64_t value = 0;
    CHECK(state == KernelStatementStatusKind_Succeeded);
    kernel_result_stream_t *stream = stream_of(async, &exec);
    CHECK(drain(stream, &value) == 1 && value == 7);
    OK(dbk_async_get_remarks(async, &remarks));
    CHECK(remarks.modified_rows == -1 && remarks.display_message == NULL);
    CHECK(dbk_async_get_remarks(async, NULL) == KernelStatusCode_InvalidArgument);
    CHECK(dbk_async_get_remarks(NULL, &remarks) == KernelStatusCode_InvalidArgument);
    OK(kernel_result_stream_close(stream));
    OK(kernel_executed_statement_close(exec));
    OK(dbk_async_close(async));
    async = ask(session, "SELECT * FROM no_such_table", &state);
    CHECK(state == KernelStatementStatusKind_Failed);
    OK(dbk_async_close(async));
    async = ask(session, FOREVER, &state);
    CHECK(state == KernelStatementStatusKind_Pending || state == KernelStatementStatusKind_Running);
    OK(dbk_async_close(async));
    CHECK(dbk_statement_ask_start(loop, NULL, NULL, NULL, NULL) ==
          KernelStatusCode_InvalidArgument);
    close_session(session);
}

static const struct {
    const char *name;
    void (*run)(void);
} scenarios[] = {
    {"queries", queries},       {"callbacks", callbacks},
    {"submitted", submitted},   {"ipc", ipc},
    {"errors", errors},         {"busy", busy},
    {"cancelling", cancelling}, {"abandoning", abandoning},
    {"notifying", notifying},   {"catalogs", catalogs},
    {"blocking", blocking},     {"trying", trying},
    {"leaving", leaving},       {"asking", asking},
    {"payloads", payloads},     {"progress", progress},
    {"cancellers", cancellers}, {"not_held_up", not_held_up},
    {"held_name", held_name},
};

int main(int argc, char **argv) {
    CHECK(argc >= 3);
    url = argv[1];
    embedded = strcmp(argv[2], "embedded") == 0;
    OK(dbk_loop_new(embedded ? DBK_LOOP_EMBEDDED : DBK_LOOP_THREADED, &loop));
    for (size_t i = 0; i < sizeof scenarios / sizeof scenarios[0]; i++) {
        if ((argc == 3 && scenarios[i].run != held_name) ||
            (argc > 3 && strcmp(argv[3], scenarios[i].name) == 0)) {
            scenarios[i].run();
            printf("%s\n", scenarios[i].name);
            (void)fflush(stdout);
        }
    }
    OK(dbk_loop_free(loop));
    return 0;
}
