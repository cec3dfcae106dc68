/* A query in callbacks, for the examples of the adapters: session, statement, rows, end. */
#ifndef EXAMPLES_ASYNC_QUERY_H
#define EXAMPLES_ASYNC_QUERY_H

#include "dbkernel_async.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct async_query {
    dbk_loop *loop;
    const char *sql;
    kernel_session_t *session;
    kernel_statement_t *stmt;
    kernel_executed_statement_t *exec;
    kernel_result_stream_t *stream;
    long long rows;
    void (*finished)(struct async_query *q);
} async_query;

static inline void need(KernelStatusCode st, const char *what) {
    KernelError e;
    if (st != KernelStatusCode_Success) {
        fprintf(stderr, "%s: %s\n", what, kernel_get_last_error(&e) ? e.message : "failed");
        exit(1);
    }
}

static inline void query_closed(dbk_future *f, void *ud) {
    async_query *q = (async_query *)ud;
    dbk_future_free(f);
    q->finished(q);
}

static inline void query_read(dbk_future *f, void *ud) {
    async_query *q = (async_query *)ud;
    struct ArrowArray array;
    struct ArrowSchema schema;
    need(dbk_future_take_batch(f, &array, &schema), "read");
    dbk_future_free(f);
    if (array.release != NULL) {
        q->rows += array.length;
        array.release(&array);
        schema.release(&schema);
        need(dbk_result_stream_next_start(q->loop, q->stream, query_read, q, NULL), "read");
        return;
    }
    need(kernel_result_stream_close(q->stream), "close");
    need(kernel_executed_statement_close(q->exec), "close");
    need(kernel_statement_close(q->stmt), "close");
    need(dbk_session_close_start(q->loop, q->session, query_closed, q, NULL), "close");
}

static inline void query_executed(dbk_future *f, void *ud) {
    async_query *q = (async_query *)ud;
    need(dbk_future_take_executed(f, &q->exec), "execute");
    dbk_future_free(f);
    need(kernel_executed_statement_get_result_stream(q->exec, &q->stream), "stream");
    need(dbk_result_stream_next_start(q->loop, q->stream, query_read, q, NULL), "read");
}

static inline void query_opened(dbk_future *f, void *ud) {
    async_query *q = (async_query *)ud;
    need(dbk_future_take_session(f, &q->session), "open");
    dbk_future_free(f);
    need(kernel_session_new_statement(q->session, &q->stmt), "statement");
    need(kernel_statement_set_sql(q->stmt, q->sql), "statement");
    need(dbk_statement_execute_start(q->loop, q->stmt, query_executed, q, NULL), "execute");
}

/* argv: HOST TOKEN SQL [embedded]. finished is called in the loop. */
static inline void query_begin(async_query *q, int argc, char **argv,
                               void (*finished)(struct async_query *q)) {
    KernelSessionConfig *config = NULL;
    if (argc < 4) {
        fprintf(stderr, "usage: %s HOST TOKEN SQL [embedded]\n", argv[0]);
        exit(2);
    }
    need(dbk_loop_new(argc > 4 ? DBK_LOOP_EMBEDDED : DBK_LOOP_THREADED, &q->loop), "loop");
    q->sql = argv[3];
    q->finished = finished;
    need(kernel_session_config_new(&config), "config");
    need(kernel_session_config_set_warehouse(config, argv[1], "local"), "config");
    need(kernel_session_config_set_auth_pat(config, argv[2]), "config");
    need(dbk_session_open_start(q->loop, config, query_opened, q, NULL), "open");
}

static inline void query_end(async_query *q) {
    printf("%lld rows\n", q->rows);
    need(dbk_loop_free(q->loop), "loop");
}

#endif
