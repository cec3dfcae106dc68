/* A libuv program with a timer of 10 ms that reads a large result at the same time: `timer URL SQL`. Prints, as one JSON
 * object, how late the timer was at worst, with the result and for as long again without it: what the machine itself
 * does. The library decodes on its own threads; the program's thread pays a callback per batch. */
#include "bench.h"
#include "dbkernel/adapters/libuv.h"

#define PERIOD_MS 10
#define NS_PER_MS 1e6

static dbk_loop *loop;
static dbk_uv adapter;
static kernel_session_t *session;
static kernel_statement_t *stmt;
static kernel_executed_statement_t *exec;
static kernel_result_stream_t *stream;
static long long rows, bytes;

typedef struct lateness {
    uint64_t due_ns; /* of the next tick */
    double worst_ms;
    int ticks;
} lateness;

static uv_timer_t timer;
static lateness with, without;
static lateness *now_in = &with;
static int ticks_wanted = -1; /* of `without` */

static void arm(void);

/* Each tick is due 10 ms after the last one ran; libuv counts whole milliseconds, so up to one of them is its own. */
static void tick(uv_timer_t *t) {
    double late = ((double)uv_hrtime() - (double)now_in->due_ns) / NS_PER_MS;
    now_in->worst_ms = late > now_in->worst_ms ? late : now_in->worst_ms;
    now_in->ticks++;
    if (now_in == &without && now_in->ticks >= ticks_wanted) {
        uv_close((uv_handle_t *)t, NULL);
        return;
    }
    arm();
}

static void arm(void) {
    uv_update_time(uv_default_loop());
    now_in->due_ns = uv_hrtime() + (uint64_t)(PERIOD_MS * NS_PER_MS);
    (void)uv_timer_start(&timer, tick, PERIOD_MS, 0);
}

/* The stream is at its end: the same number of ticks alone. */
static void streamed(void) {
    need(kernel_result_stream_close(stream), "close");
    need(kernel_executed_statement_close(exec), "close");
    need(kernel_statement_close(stmt), "close");
    ticks_wanted = with.ticks;
    now_in = &without;
    arm();
    dbk_uv_unref(&adapter);
}

static void got_batch(dbk_future *f, void *ud) {
    struct ArrowArray array;
    struct ArrowSchema schema;
    (void)ud;
    need(dbk_future_take_batch(f, &array, &schema), "next");
    dbk_future_free(f);
    if (array.release == NULL) {
        streamed();
        return;
    }
    rows += array.length;
    bytes += array.length * 8;
    array.release(&array);
    schema.release(&schema);
    need(dbk_result_stream_next_start(loop, stream, got_batch, NULL, NULL), "next");
}

static void was_executed(dbk_future *f, void *ud) {
    (void)ud;
    need(dbk_future_take_executed(f, &exec), "execute");
    dbk_future_free(f);
    need(kernel_executed_statement_get_result_stream(exec, &stream), "stream");
    need(dbk_result_stream_next_start(loop, stream, got_batch, NULL, NULL), "next");
}

int main(int argc, char **argv) {
    if (argc != 3) {
        return 2;
    }
    need(dbk_loop_new(DBK_LOOP_THREADED, &loop), "loop");
    session = open_session(loop, argv[1]);
    need(kernel_session_new_statement(session, &stmt), "statement");
    need(kernel_statement_set_sql(stmt, argv[2]), "sql");
    if (dbk_uv_attach(&adapter, uv_default_loop(), loop) != 0) {
        return 1;
    }
    (void)uv_timer_init(uv_default_loop(), &timer);
    double begun = now_s();
    need(dbk_statement_execute_start(loop, stmt, was_executed, NULL, NULL), "execute");
    arm();
    (void)uv_run(uv_default_loop(), UV_RUN_DEFAULT);
    double wall = now_s() - begun;
    dbk_uv_detach(&adapter, NULL);
    (void)uv_run(uv_default_loop(), UV_RUN_DEFAULT);
    need(kernel_session_close(session), "close");
    need(dbk_loop_free(loop), "free");
    printf(
        "{\"mb\": %.0f, \"rows\": %lld, \"wall_s\": %.2f, \"ticks\": %d, \"worst_late_ms\": %.2f, "
        "\"worst_late_alone_ms\": %.2f}\n",
        (double)bytes / 1e6, rows, wall / 2, with.ticks, with.worst_ms, without.worst_ms);
    return with.ticks > 0 ? 0 : 1;
}
