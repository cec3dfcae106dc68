/* How operations end early: scenarios of async_calls. */
#include "async_calls.h"

static void *cancel_later(void *arg) {
    char id[64];
    while (!dbk_future_query_id(arg, id, sizeof id)) {
        (void)poll(NULL, 0, 1);
    }
    OK(dbk_future_cancel(arg));
    return NULL;
}

/* From another thread, as soon as the id is known; by closing the statement; by freeing the future. */
void cancelling(void) {
    dbk_future *f = NULL;
    pthread_t thread;
    char id[64];
    kernel_session_t *session = open_session();
    kernel_statement_t *stmt = statement(session, FOREVER);
    OK(dbk_statement_execute_start(loop, stmt, NULL, NULL, &f));
    CHECK(pthread_create(&thread, NULL, cancel_later, f) == 0);
    ended(f, KernelStatusCode_Cancelled);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(dbk_future_query_id(f, id, sizeof id));
    dbk_future_free(f);
    OK(dbk_statement_execute_start(loop, stmt, NULL, NULL, &f));
    wait_for_id(f);
    OK(kernel_statement_close(stmt));
    ended(f, KernelStatusCode_Cancelled);
    dbk_future_free(f);
    stmt = statement(session, FOREVER);
    OK(dbk_statement_execute_start(loop, stmt, NULL, NULL, &f));
    OK(dbk_future_set_deadline_ms(f, 200));
    ended(f, KernelStatusCode_Timeout);
    dbk_future_free(f);
    OK(dbk_statement_execute_start(loop, stmt, NULL, NULL, &f));
    wait_for_id(f);
    dbk_future_free(f);
    OK(kernel_statement_close(stmt));
    close_session(session);
}

/* The canceller of the ABI, from another thread, in both loops: the caller blocks in the statement, or waits for it
 * as a host does. */
static void *cancel_by_canceller(void *arg) {
    char id[64];
    bool told = false;
    while (!dbk_canceller_get_query_id(arg, id, sizeof id)) {
        (void)poll(NULL, 0, 1);
    }
    OK(kernel_statement_canceller_cancel(arg, &told));
    CHECK(told);
    return NULL;
}

void cancellers(void) {
    dbk_future *f = NULL;
    pthread_t thread;
    kernel_executed_statement_t *exec = NULL;
    kernel_statement_canceller_t *canceller = NULL;
    kernel_session_t *session = open_session();
    for (int i = 0; i < 2; i++) {
        kernel_statement_t *stmt = statement(session, FOREVER);
        OK(kernel_statement_canceller_new(stmt, &canceller));
        CHECK(pthread_create(&thread, NULL, cancel_by_canceller, canceller) == 0);
        if (i == 0) {
            CHECK(kernel_statement_execute(stmt, &exec) == KernelStatusCode_Cancelled);
        } else {
            OK(dbk_statement_execute_start(loop, stmt, NULL, NULL, &f));
            ended(f, KernelStatusCode_Cancelled);
            dbk_future_free(f);
        }
        CHECK(pthread_join(thread, NULL) == 0);
        OK(kernel_statement_canceller_free(canceller));
        OK(kernel_statement_close(stmt));
    }
    close_session(session);
}

/* Everything freed at once, in any state; what the server holds goes in the background. */
void abandoning(void) {
    dbk_future *f = NULL;
    kernel_statement_t *stmts[20];
    kernel_session_t *session = open_session();
    for (int i = 0; i < 20; i++) {
        stmts[i] = statement(session, i % 2 == 0 ? FOREVER : "SELECT 1");
        OK(dbk_statement_execute_start(loop, stmts[i], NULL, NULL, &f));
        if (i % 3 == 0) {
            OK(dbk_loop_run_once(loop, 5, 0, NULL));
        }
        if (i % 5 == 0) {
            OK(kernel_statement_close(stmts[i]));
            stmts[i] = NULL;
        }
        dbk_future_free(f);
    }
    for (int i = 0; i < 20; i++) {
        if (stmts[i] != NULL) {
            OK(kernel_statement_close(stmts[i]));
        }
    }
    close_session(session);
}

/* With names_shim.c: the look-up of held.test does not come back while other work is done, and ending it, by a cancel,
 * a deadline or freeing, does not wait for it. */
void held_name(void) {
    dbk_future *held[3];
    int64_t value = 0;
    kernel_executed_statement_t *exec = NULL;
    for (int i = 0; i < 3; i++) {
        OK(dbk_session_open_start(loop, config_of("http://held.test:1"), NULL, NULL, &held[i]));
    }
    kernel_session_t *session = open_session();
    kernel_statement_t *stmt = statement(session, "SELECT CAST(42 AS BIGINT) AS x");
    kernel_result_stream_t *stream = execute(stmt, &exec);
    CHECK(drain(stream, &value) == 1 && value == 42);
    OK(kernel_result_stream_close(stream));
    OK(kernel_executed_statement_close(exec));
    OK(kernel_statement_close(stmt));
    close_session(session);
    for (int i = 0; i < 3; i++) {
        CHECK(!dbk_future_done(held[i]));
    }
    OK(dbk_future_cancel(held[0]));
    ended(held[0], KernelStatusCode_Cancelled);
    OK(dbk_future_set_deadline_ms(held[1], 1));
    ended(held[1], KernelStatusCode_Timeout);
    for (int i = 0; i < 3; i++) {
        dbk_future_free(held[i]);
    }
}

/* Handles and futures freed with everything under way; the end of the program waits for the rest. */
void leaving(void) {
    dbk_future *f = NULL;
    kernel_session_t *session = open_session();
    for (int i = 0; i < 100; i++) {
        kernel_statement_t *stmt = statement(session, FOREVER);
        OK(dbk_statement_submit_start(loop, stmt, NULL, NULL, &f));
        if (i % 2 == 0) {
            ended(f, KernelStatusCode_Success); /* nobody takes it */
        }
        dbk_future_free(f);
        OK(kernel_statement_close(stmt));
    }
    OK(dbk_session_open_start(loop, config_of(url), NULL, NULL, &f));
    dbk_future_free(f);
    OK(dbk_session_release(session));
    if (embedded) {
        OK(dbk_loop_free(loop));
        OK(dbk_loop_new(DBK_LOOP_EMBEDDED, &loop));
    }
    OK(dbk_runtime_shutdown(20000));
}
