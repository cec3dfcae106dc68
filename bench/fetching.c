/* Many results fetched at the same time, from one loop on one thread: `fetching URL COUNT embedded|threaded`. All
 * statements start at once; each brings one chunk from storage, whose rows are counted and whose first value must be
 * its number. Prints one JSON object. */
#include "bench.h"

static loop_run run;
static int count, finished, reading, most_reading;
static long long rows, bytes;

typedef struct job {
    int number;
    long long rows;
    kernel_statement_t *stmt;
    kernel_executed_statement_t *exec;
    kernel_result_stream_t *stream;
} job;

static void ended(job *j) {
    need(kernel_result_stream_close(j->stream), "close");
    need(kernel_executed_statement_close(j->exec), "close");
    need(kernel_statement_close(j->stmt), "close");
    finished++;
    reading--;
    free(j);
}

static void got_batch(dbk_future *f, void *ud) {
    job *j = ud;
    struct ArrowArray array;
    struct ArrowSchema schema;
    need(dbk_future_take_batch(f, &array, &schema), "next");
    dbk_future_free(f);
    if (array.release == NULL) {
        ended(j);
        return;
    }
    const int64_t *values = array.children[0]->buffers[1];
    if (j->rows == 0 && values[array.offset] != j->number) {
        fprintf(stderr, "statement %d brought the rows of %lld\n", j->number,
                (long long)values[array.offset]);
        exit(1);
    }
    j->rows += array.length;
    rows += array.length;
    bytes += array.length * 8;
    array.release(&array);
    schema.release(&schema);
    need(dbk_result_stream_next_start(run.loop, j->stream, got_batch, j, NULL), "next");
}

static void was_executed(dbk_future *f, void *ud) {
    job *j = ud;
    need(dbk_future_take_executed(f, &j->exec), "execute");
    dbk_future_free(f);
    reading++;
    most_reading = reading > most_reading ? reading : most_reading;
    need(kernel_executed_statement_get_result_stream(j->exec, &j->stream), "stream");
    need(dbk_result_stream_next_start(run.loop, j->stream, got_batch, j, NULL), "next");
}

static void begin_all(void) {
    for (int i = 0; i < count; i++) {
        char sql[32];
        job *j = calloc(1, sizeof *j);
        j->number = i;
        (void)snprintf(sql, sizeof sql, "fetch=%d", i);
        j->stmt = new_statement(run.session, sql);
        need(dbk_statement_execute_start(run.loop, j->stmt, was_executed, j, NULL), "execute");
    }
}

int main(int argc, char **argv) {
    if (argc != 4) {
        return 2;
    }
    count = (int)strtol(argv[2], NULL, 10);
    run = loop_run_begin(argv[1], argv[3]);
    begin_all();
    loop_run_end(&run, &finished, count);
    printf("{\"statements\": %d, \"fetching_at_once\": %d, \"rows\": %lld, \"mb\": %.0f, "
           "\"threads\": %d, \"rss_above_idle_mb\": %.1f, \"cpu_s\": %.2f, "
           "\"wall_s\": %.2f}\n",
           count, most_reading, rows, (double)bytes / 1e6, peak_threads(), run.peak_mb, run.cpu_s,
           run.wall_s);
    return 0;
}
