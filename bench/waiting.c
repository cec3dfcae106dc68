/* Many statements that wait on the server at the same time, from one loop on one thread:
 * `waiting URL COUNT MS embedded|threaded`. Each is submitted, pending for MS milliseconds, awaited and
 * read; its value must be its number. Prints one JSON object: memory above the idle process, CPU, threads. */
#include "bench.h"

/* Submits under way, a connection each. With 64 polls and the closing of what has ended they are about as many as a
 * session keeps open (kernel_session_config_set_max_connections); more would be made and closed again. */
#define AT_ONCE 32

static loop_run run;
static int count, submitted, in_flight, waits, most_waits, finished;
static int pending_ms;

typedef struct job {
    int number;
    kernel_statement_t *stmt;
    kernel_executed_async_statement_t *async;
    kernel_executed_statement_t *exec;
    kernel_result_stream_t *stream;
} job;

static void got_batch(dbk_future *f, void *ud) {
    job *j = ud;
    struct ArrowArray array;
    struct ArrowSchema schema;
    need(dbk_future_take_batch(f, &array, &schema), "next");
    dbk_future_free(f);
    int64_t value =
        array.release == NULL ? -1 : ((const int64_t *)array.children[0]->buffers[1])[array.offset];
    if (value != j->number) {
        fprintf(stderr, "statement %d answered %lld\n", j->number, (long long)value);
        exit(1);
    }
    array.release(&array);
    schema.release(&schema);
    need(kernel_result_stream_close(j->stream), "close");
    need(kernel_executed_statement_close(j->exec), "close");
    need(dbk_async_close(j->async), "close");
    finished++;
    free(j);
}

static void got_result(dbk_future *f, void *ud) {
    job *j = ud;
    need(dbk_future_take_executed(f, &j->exec), "result");
    dbk_future_free(f);
    waits--;
    need(kernel_executed_statement_get_result_stream(j->exec, &j->stream), "stream");
    need(dbk_result_stream_next_start(run.loop, j->stream, got_batch, j, NULL), "next");
}

static void submit_more(void);

static void was_submitted(dbk_future *f, void *ud) {
    job *j = ud;
    need(dbk_future_take_async(f, &j->async), "submit");
    dbk_future_free(f);
    need(kernel_statement_close(j->stmt), "close");
    need(dbk_async_take_result_start(run.loop, j->async, got_result, j, NULL), "await");
    waits++;
    most_waits = waits > most_waits ? waits : most_waits;
    in_flight--;
    submit_more();
}

static void submit_more(void) {
    for (; submitted < count && in_flight < AT_ONCE; submitted++, in_flight++) {
        char sql[96];
        job *j = calloc(1, sizeof *j);
        j->number = submitted;
        (void)snprintf(sql, sizeof sql, "pending_ms=%d value=%d", pending_ms, submitted);
        j->stmt = new_statement(run.session, sql);
        need(dbk_statement_submit_start(run.loop, j->stmt, was_submitted, j, NULL), "submit");
    }
}

int main(int argc, char **argv) {
    if (argc != 5) {
        return 2;
    }
    count = (int)strtol(argv[2], NULL, 10);
    pending_ms = (int)strtol(argv[3], NULL, 10);
    run = loop_run_begin(argv[1], argv[4]);
    submit_more();
    loop_run_end(&run, &finished, count);
    printf("{\"statements\": %d, \"waiting_at_once\": %d, \"threads\": %d, "
           "\"rss_above_idle_mb\": %.1f, \"cpu_s\": %.2f, \"wall_s\": %.1f, "
           "\"cpu_percent\": %.1f}\n",
           count, most_waits, peak_threads(), run.peak_mb, run.cpu_s, run.wall_s,
           100 * run.cpu_s / run.wall_s);
    return 0;
}
