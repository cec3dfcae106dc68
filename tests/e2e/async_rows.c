/* The ways to read rows: scenarios of async_calls. */
#include "async_calls.h"

void ipc(void) {
    dbk_future *f = NULL;
    kernel_executed_statement_t *exec = NULL;
    dbk_buffer pieces[64];
    size_t count = 0;
    kernel_session_t *session = open_session();
    kernel_statement_t *stmt = statement(session, "SELECT id FROM range(100000)");
    kernel_result_stream_t *stream = execute(stmt, &exec);
    struct ArrowSchema schema;
    OK(dbk_result_stream_schema_start(loop, stream, NULL, NULL, &f));
    ended(f, KernelStatusCode_Success);
    OK(dbk_future_take_schema(f, &schema));
    dbk_future_free(f);
    CHECK(schema.n_children == 1);
    schema.release(&schema);
    for (bool more = true; more && count < 64;) {
        OK(dbk_result_stream_next_ipc_start(loop, stream, NULL, NULL, &f));
        ended(f, KernelStatusCode_Success);
        OK(dbk_future_take_ipc(f, &pieces[count]));
        dbk_future_free(f);
        more = pieces[count].len > 0;
        count += more ? 1 : 0;
    }
    OK(kernel_result_stream_close(stream));
    OK(kernel_executed_statement_close(exec));
    OK(kernel_statement_close(stmt));
    close_session(session);
    size_t bytes = 0; /* the pieces outlive everything */
    for (size_t i = 0; i < count; i++) {
        CHECK(memcmp(pieces[i].data, "\xff\xff\xff\xff", 4) == 0);
        bytes += pieces[i].len;
        pieces[i].release(&pieces[i]);
        CHECK(pieces[i].release == NULL);
    }
    CHECK(count >= 3 && bytes > 100000 * 8);
}

/* A host that sleeps on the stream's own fd. */
void trying(void) {
    kernel_executed_statement_t *exec = NULL;
    kernel_session_t *session = open_session();
    kernel_statement_t *stmt = statement(session, "SELECT id FROM range(3000000)");
    kernel_result_stream_t *stream = execute(stmt, &exec);
    int fd = dbk_result_stream_fd(stream);
    int64_t rows = 0;
    CHECK(fd >= 0 && dbk_result_stream_fd(stream) == fd);
    for (bool more = true; more;) {
        struct ArrowArray array;
        struct ArrowSchema schema;
        bool would_block = false;
        OK(dbk_result_stream_try_next(stream, &array, &schema, &would_block));
        if (would_block) {
            struct pollfd p = {.fd = embedded ? dbk_loop_fd(loop) : fd, .events = POLLIN};
            (void)poll(&p, 1, embedded ? (int)dbk_loop_timeout_ms(loop) : -1);
            OK(dbk_loop_run_once(loop, 0, 0, NULL));
            continue;
        }
        more = array.release != NULL;
        if (more) {
            rows += array.length;
            array.release(&array);
            schema.release(&schema);
        }
    }
    CHECK(rows == 3000000);
    OK(kernel_result_stream_close(stream));
    OK(kernel_executed_statement_close(exec));
    OK(kernel_statement_close(stmt));
    close_session(session);
}

typedef struct told {
    dbk_progress last;
    char id[64];
    int calls;
    bool waited; /* told of a statement that was not at its end */
} told;
static bool inside_run_once;

static void note_progress(const dbk_progress *p, const char *query_id, void *ud) {
    told *t = ud;
    CHECK(inside_run_once && p->struct_size == sizeof *p);
    CHECK(query_id != NULL); /* the first change is the server's first answer */
    CHECK(t->id[0] == '\0' || strcmp(t->id, query_id) == 0);
    CHECK(t->calls == 0 || p->chunks_done >= t->last.chunks_done);
    CHECK(t->calls == 0 || p->rows_decoded >= t->last.rows_decoded);
    (void)snprintf(t->id, sizeof t->id, "%s", query_id);
    t->waited = t->waited || p->state != KernelStatementStatusKind_Succeeded;
    t->last = *p;
    t->calls++;
}

static void run_until(const dbk_future *f) {
    while (!dbk_future_done(f)) {
        struct pollfd p = {.fd = dbk_loop_fd(loop), .events = POLLIN};
        CHECK(poll(&p, 1, (int)dbk_loop_timeout_ms(loop)) >= 0);
        inside_run_once = true;
        OK(dbk_loop_run_once(loop, 0, 0, NULL));
        inside_run_once = false;
    }
}

void progress(void) {
    told t = {.calls = 0};
    char id[64];
    dbk_future *f = NULL;
    kernel_executed_statement_t *exec = NULL;
    kernel_result_stream_t *stream = NULL;
    struct ArrowArray array;
    struct ArrowSchema schema;
    kernel_session_t *session = open_session();
    kernel_statement_t *stmt =
        statement(session, "/*lw: pending=3*/ SELECT id FROM range(3000000)");
    CHECK(dbk_statement_set_progress(NULL, stmt, note_progress, &t) ==
          KernelStatusCode_InvalidArgument);
    CHECK(dbk_statement_set_progress(loop, NULL, note_progress, &t) ==
          KernelStatusCode_InvalidArgument);
    OK(dbk_statement_set_progress(loop, stmt, note_progress, &t));
    OK(dbk_statement_execute_start(loop, stmt, NULL, NULL, &f));
    CHECK(dbk_statement_set_progress(loop, stmt, NULL, NULL) == KernelStatusCode_InvalidArgument);
    run_until(f);
    OK(dbk_future_status(f));
    inside_run_once = true;
    OK(dbk_loop_run_once(loop, 0, 0, NULL));
    CHECK(t.waited && t.last.state == KernelStatementStatusKind_Succeeded);
    CHECK(dbk_future_query_id(f, id, sizeof id) && strcmp(id, t.id) == 0);
    OK(dbk_future_take_executed(f, &exec));
    dbk_future_free(f);
    OK(kernel_executed_statement_get_result_stream(exec, &stream));
    for (bool more = true; more;) {
        OK(dbk_result_stream_next_start(loop, stream, NULL, NULL, &f));
        run_until(f);
        OK(dbk_future_take_batch(f, &array, &schema));
        dbk_future_free(f);
        more = array.release != NULL;
        if (more) {
            array.release(&array);
            schema.release(&schema);
        }
    }
    inside_run_once = true;
    OK(dbk_loop_run_once(loop, 0, 0, NULL));
    CHECK(t.last.rows_decoded == 3000000 && t.last.rows_total == 3000000);
    CHECK(t.last.chunks_total > 1 && t.last.chunks_done == t.last.chunks_total);
    CHECK(t.last.bytes_received > 0);
    OK(kernel_result_stream_close(stream));
    OK(kernel_executed_statement_close(exec));
    OK(dbk_loop_run_once(loop, 0, 0, NULL));
    int calls = t.calls;
    OK(dbk_statement_set_progress(loop, stmt, NULL, NULL));
    OK(kernel_statement_set_sql(stmt, "SELECT 1"));
    stream = execute(stmt, &exec);
    CHECK(drain(stream, NULL) == 1 && t.calls == calls);
    OK(kernel_result_stream_close(stream));
    OK(kernel_executed_statement_close(exec));
    OK(dbk_statement_set_progress(loop, stmt, note_progress, &t)); /* closing takes it away */
    OK(kernel_statement_close(stmt));
    close_session(session);
    inside_run_once = false;
}

static size_t payload_of(kernel_result_stream_t *stream, size_t merge_bytes) {
    static const uint8_t end[8] = {0xff, 0xff, 0xff, 0xff};
    dbk_future *f = NULL;
    dbk_buffer payload;
    OK(dbk_result_stream_next_payload_start(loop, stream, merge_bytes, NULL, NULL, &f));
    ended(f, KernelStatusCode_Success);
    OK(dbk_future_take_ipc(f, &payload));
    dbk_future_free(f);
    size_t len = payload.len;
    if (len > 0) { /* a stream of its own: begins with the schema, ends with the marker */
        CHECK(len > 16 && memcmp(payload.data, end, 4) == 0);
        CHECK(memcmp(payload.data + len - 8, end, 8) == 0);
        payload.release(&payload);
    }
    return len;
}

static size_t payloads_of(kernel_session_t *session, size_t merge_bytes, size_t *bytes) {
    kernel_executed_statement_t *exec = NULL;
    kernel_statement_t *stmt =
        statement(session, "/*lw: chunk_rows=1000, inline_max=0*/ SELECT id FROM range(20000)");
    kernel_result_stream_t *stream = execute(stmt, &exec);
    size_t count = 0;
    size_t schema = payload_of(stream, SIZE_MAX);
    CHECK(schema > 0 && schema < 1000 && payload_of(stream, SIZE_MAX) == schema);
    for (size_t len = 1; len > 0; count++) {
        len = payload_of(stream, merge_bytes);
        *bytes += len > 0 ? len - schema : 0;
    }
    CHECK(payload_of(stream, merge_bytes) == 0); /* the end stays the end */
    OK(kernel_result_stream_close(stream));
    OK(kernel_executed_statement_close(exec));
    OK(kernel_statement_close(stmt));
    return count - 1;
}

void payloads(void) {
    kernel_session_t *session = open_session();
    size_t apart = 0;
    size_t merged = 0;
    CHECK(payloads_of(session, 0, &apart) == 20);
    CHECK(payloads_of(session, 1 << 20, &merged) <= 20);
    CHECK(apart == merged); /* the same messages */
    CHECK(dbk_result_stream_next_payload_start(loop, NULL, 0, NULL, NULL, NULL) ==
          KernelStatusCode_InvalidArgument);
    close_session(session);
}
