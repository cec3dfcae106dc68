#include "trace.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "dbkernel.h"

enum { BAR_WIDTH = 30, DOWNLOAD_LANES = 16 };
#define SHORT_WAIT_NS 500000u /* not worth a line */

typedef struct record {
    const char *name; /* the library's */
    int64_t start_ns;
    uint64_t duration_ns;
    bool failed;
    json_t *values; /* the attributes */
} record;

static struct {
    pthread_mutex_t lock;
    record *items;
    size_t count, cap;
    size_t shown;
} trace = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* ---- listening ---- */

static json_t *values_of(const dbk_telemetry_record *r) {
    json_t *values = json_object();
    for (size_t i = 0; i < r->attribute_count; i++) {
        const dbk_telemetry_attribute *a = &r->attributes[i];
        json_t *value = a->type == DBK_TELEMETRY_TYPE_TEXT  ? json_string(a->text)
                        : a->type == DBK_TELEMETRY_TYPE_INT ? json_integer(a->number)
                                                            : json_boolean(a->number);
        (void)json_object_set_new(values, a->name, value);
    }
    return values;
}

static void keep(const dbk_telemetry_record *r, void *unused) {
    (void)unused;
    json_t *values = values_of(r);
    (void)pthread_mutex_lock(&trace.lock);
    if (trace.count == trace.cap) {
        size_t cap = trace.cap > 0 ? trace.cap * 2 : 64;
        record *items = cli_alloc(cap, sizeof *items);
        if (trace.count > 0) {
            memcpy(items, trace.items, trace.count * sizeof *items);
        }
        free(trace.items);
        trace.items = items;
        trace.cap = cap;
    }
    trace.items[trace.count++] =
        (record){r->name, r->start_unix_ns, r->duration_ns, r->failed, values};
    (void)pthread_mutex_unlock(&trace.lock);
}

bool cli_trace_listen(KernelSessionConfig *config, const cli_args *args) {
    bool wanted = args->trace || args->trace_file != NULL;
    return !wanted || dbk_session_config_set_telemetry_callback(config, keep, NULL, NULL) ==
                          KernelStatusCode_Success;
}

/* ---- the timeline ---- */

static const char *text_of(const record *r, const char *name) { /* "": none */
    const char *text = json_string_value(json_object_get(r->values, name));
    return text != NULL ? text : "";
}

static int64_t number_of(const record *r, const char *name) { /* 0: none */
    return json_integer_value(json_object_get(r->values, name));
}

static bool is(const record *r, const char *name) {
    return strcmp(r->name, name) == 0;
}

static void describe_request(const record *r, cli_buf *out) {
    cli_buf_addf(out, "%s %s", text_of(r, "http.request.method"), text_of(r, "url.path"));
}

static void describe_download(const record *r, cli_buf *out) {
    cli_buf_addf(out, "chunk %" PRId64 " from %s", number_of(r, "databricks.chunk.index"),
                 text_of(r, "server.address"));
    if (number_of(r, "databricks.chunk.bytes") > 0) {
        cli_buf_addf(out, ", %.2f MB", (double)number_of(r, "databricks.chunk.bytes") / 1e6);
    }
}

static void describe_operation(const record *r, cli_buf *out) {
    cli_buf_addf(out, "%s", text_of(r, "db.operation.name"));
    if (json_object_get(r->values, "databricks.result.format") != NULL) {
        cli_buf_addf(out, ", %s, result after %" PRId64 " ms",
                     text_of(r, "databricks.result.format"),
                     number_of(r, "databricks.operation.latency_ms"));
    }
    const struct {
        const char *name, *word;
    } counts[] = {{"databricks.poll.count", "polls"},
                  {"databricks.retry.count", "repeated"},
                  {"databricks.chunk.iterated", "chunks"}};
    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        if (number_of(r, counts[i].name) > 0) {
            cli_buf_addf(out, ", %" PRId64 " %s", number_of(r, counts[i].name), counts[i].word);
        }
    }
}

static void describe(const record *r, cli_buf *out) {
    if (is(r, "databricks.http.request")) {
        describe_request(r, out);
    } else if (is(r, "databricks.chunk.download")) {
        describe_download(r, out);
    } else if (is(r, "databricks.wait")) {
        cli_buf_addf(out, "  wait: %s", text_of(r, "databricks.wait.reason"));
    } else {
        describe_operation(r, out);
    }
    if (number_of(r, "http.request.resend_count") > 0) {
        cli_buf_addf(out, ", attempt %" PRId64, number_of(r, "http.request.resend_count") + 1);
    }
    if (number_of(r, "http.response.status_code") > 0) {
        cli_buf_addf(out, ", HTTP %" PRId64, number_of(r, "http.response.status_code"));
    }
    if (text_of(r, "error.type")[0] != '\0') {
        cli_buf_addf(out, ", %s", text_of(r, "error.type"));
    }
    if (text_of(r, "db.response.status_code")[0] != '\0') {
        cli_buf_addf(out, " %s", text_of(r, "db.response.status_code"));
    }
}

/* [  ====      ] */
static void draw_bar(const record *r, int64_t begin_ns, int64_t span_ns, cli_buf *out) {
    double scale = span_ns > 0 ? (double)BAR_WIDTH / (double)span_ns : 0;
    int from = (int)((double)(r->start_ns - begin_ns) * scale);
    int to = (int)((double)(r->start_ns - begin_ns + (int64_t)r->duration_ns) * scale);
    from = from >= BAR_WIDTH ? BAR_WIDTH - 1 : from;
    to = to <= from ? from + 1 : to > BAR_WIDTH ? BAR_WIDTH : to;
    cli_buf_add_char(out, '[');
    for (int i = 0; i < BAR_WIDTH; i++) {
        cli_buf_add_char(out, i >= from && i < to ? (r->failed ? 'x' : '=') : ' ');
    }
    cli_buf_add_char(out, ']');
}

static int by_start(const void *a, const void *b) {
    const record *x = a, *y = b;
    if (x->start_ns != y->start_ns) {
        return x->start_ns < y->start_ns ? -1 : 1;
    }
    return x->duration_ns > y->duration_ns ? -1 : x->duration_ns < y->duration_ns;
}

void cli_trace_show(const cli_args *args) {
    if (!args->trace) {
        return;
    }
    cli_buf out = {0};
    (void)pthread_mutex_lock(&trace.lock);
    record *items = trace.items + trace.shown;
    size_t count = trace.count - trace.shown;
    if (count > 0) {
        qsort(items, count, sizeof *items, by_start);
    }
    int64_t end_ns = 0;
    for (size_t i = 0; i < count; i++) {
        int64_t end = items[i].start_ns + (int64_t)items[i].duration_ns;
        end_ns = end > end_ns ? end : end_ns;
    }
    for (size_t i = 0; i < count; i++) {
        if (is(&items[i], "databricks.wait") && items[i].duration_ns < SHORT_WAIT_NS) {
            continue;
        }
        cli_buf_addf(&out, "%9.1f ms %8.1f ms ",
                     (double)(items[i].start_ns - items[0].start_ns) / 1e6,
                     (double)items[i].duration_ns / 1e6);
        draw_bar(&items[i], items[0].start_ns, end_ns - items[0].start_ns, &out);
        cli_buf_add_char(&out, ' ');
        describe(&items[i], &out);
        cli_buf_add_char(&out, '\n');
    }
    trace.shown = trace.count;
    (void)pthread_mutex_unlock(&trace.lock);
    if (count > 0) {
        (void)fprintf(stderr, "%12s %11s\n%s", "start", "took", cli_buf_str(&out));
    }
    cli_buf_reset(&out);
}

/* ---- the file: "Trace Event Format", read by chrome://tracing and Perfetto ---- */

/* Rows of the picture: operations, requests, waits, and a few for downloads that run side by side. */
static int row_of(const record *r) {
    if (is(r, "databricks.chunk.download")) {
        return 10 + (int)(number_of(r, "databricks.chunk.index") % DOWNLOAD_LANES);
    }
    return is(r, "databricks.http.request") ? 2 : is(r, "databricks.wait") ? 3 : 1;
}

static json_t *event_of(const record *r) {
    cli_buf name = {0};
    describe(r, &name);
    json_t *event =
        json_pack("{sssssssIsIsisisO}", "name", cli_buf_str(&name), "cat", r->name, "ph", "X", "ts",
                  (json_int_t)(r->start_ns / 1000), "dur", (json_int_t)(r->duration_ns / 1000),
                  "pid", 1, "tid", row_of(r), "args", r->values);
    cli_buf_reset(&name);
    return event;
}

bool cli_trace_write(const cli_args *args, cli_fault *fault) {
    if (args->trace_file == NULL) {
        return true;
    }
    json_t *events = json_array();
    (void)pthread_mutex_lock(&trace.lock);
    for (size_t i = 0; i < trace.count; i++) {
        (void)json_array_append_new(events, event_of(&trace.items[i]));
    }
    (void)pthread_mutex_unlock(&trace.lock);
    json_t *doc = json_pack("{soss}", "traceEvents", events, "displayTimeUnit", "ms");
    bool ok = json_dump_file(doc, args->trace_file, JSON_COMPACT) == 0;
    int why = errno;
    json_decref(doc);
    if (!ok) {
        cli_fault_set(fault, CLI_EXIT_BROKEN, "cannot write %s: %s", args->trace_file,
                      strerror(why));
    }
    return ok;
}

void cli_trace_reset(void) {
    for (size_t i = 0; i < trace.count; i++) {
        json_decref(trace.items[i].values);
    }
    free(trace.items);
    trace.items = NULL;
    trace.count = trace.cap = trace.shown = 0;
}
