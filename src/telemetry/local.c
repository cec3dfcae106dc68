#include "telemetry/telemetry.h"

#include <stdio.h>
#include <stdlib.h>

/* X(id, name, type, scope): spec telemetry.md 10. The scope says where a value may go, not where it went. */
#define ATTRIBUTES(X)                                              \
    X(SYSTEM, "db.system.name", TEXT, EXPORTED)                    \
    X(OPERATION, "db.operation.name", TEXT, EXPORTED)              \
    X(STATE, "db.response.status_code", TEXT, EXPORTED)            \
    X(ERROR, "error.type", TEXT, EXPORTED)                         \
    X(ADDRESS, "server.address", TEXT, LOCAL)                      \
    X(PORT, "server.port", INT, LOCAL)                             \
    X(METHOD, "http.request.method", TEXT, LOCAL)                  \
    X(HTTP_STATUS, "http.response.status_code", INT, EXPORTED)     \
    X(RESENDS, "http.request.resend_count", INT, LOCAL)            \
    X(PATH, "url.path", TEXT, LOCAL)                               \
    X(SESSION, "databricks.session.id", TEXT, EXPORTED)            \
    X(STATEMENT, "databricks.statement.id", TEXT, EXPORTED)        \
    X(KIND, "databricks.statement.type", TEXT, EXPORTED)           \
    X(INTERNAL, "databricks.statement.internal", BOOL, EXPORTED)   \
    X(VOLUME, "databricks.volume.operation", TEXT, EXPORTED)       \
    X(FORMAT, "databricks.result.format", TEXT, EXPORTED)          \
    X(COMPRESSED, "databricks.result.compressed", BOOL, EXPORTED)  \
    X(READY, "databricks.result.ready_ms", INT, EXPORTED)          \
    X(CONSUMED, "databricks.result.consumption_ms", INT, EXPORTED) \
    X(LATENCY, "databricks.operation.latency_ms", INT, EXPORTED)   \
    X(RETRIES, "databricks.retry.count", INT, EXPORTED)            \
    X(POLLS, "databricks.poll.count", INT, EXPORTED)               \
    X(POLLS_MS, "databricks.poll.latency_ms", INT, EXPORTED)       \
    X(CHUNKS, "databricks.chunk.count", INT, EXPORTED)             \
    X(ITERATED, "databricks.chunk.iterated", INT, EXPORTED)        \
    X(FIRST_CHUNK, "databricks.chunk.first_ms", INT, EXPORTED)     \
    X(SLOWEST_CHUNK, "databricks.chunk.slowest_ms", INT, EXPORTED) \
    X(CHUNKS_MS, "databricks.chunk.sum_ms", INT, EXPORTED)         \
    X(FAILED_CHUNK, "databricks.chunk.failed", INT, EXPORTED)      \
    X(CHUNK, "databricks.chunk.index", INT, LOCAL)                 \
    X(BYTES, "databricks.chunk.bytes", INT, LOCAL)                 \
    X(ROWS, "databricks.chunk.rows", INT, LOCAL)                   \
    X(REQUEST, "databricks.request.name", TEXT, LOCAL)             \
    X(REASON, "databricks.wait.reason", TEXT, LOCAL)

enum {
#define ID(id, name, type, scope) A_##id,
    ATTRIBUTES(ID)
#undef ID
        A_COUNT
};

static const dbk_attribute table[] = {
#define ROW(id, name, type, scope) {(name), DBK_ATTRIBUTE_##type, DBK_SCOPE_##scope, NULL, 0},
    ATTRIBUTES(ROW)
#undef ROW
};

#define TEXTS_MAX 3
#define TEXT_SIZE 512

typedef struct local {
    dbk_tracer tracer; /* first */
    void (*fn)(void *ctx, const dbk_record *record);
    void *ctx;
    void (*release)(void *ctx);
} local;

/* A record while it grows. */
typedef struct sheet {
    dbk_attribute rows[A_COUNT];
    size_t count;
    char texts[TEXTS_MAX][TEXT_SIZE]; /* of values that are no C strings */
    size_t text_count;
} sheet;

static void add_text(sheet *s, int id, const char *text) { /* NULL, "": none */
    if (text != NULL && text[0] != '\0') {
        s->rows[s->count] = table[id];
        s->rows[s->count++].text = text;
    }
}

static void add_slice(sheet *s, int id, dbk_slice text) {
    if (text.len > 0 && s->text_count < TEXTS_MAX) {
        char *copy = s->texts[s->text_count++];
        (void)snprintf(copy, TEXT_SIZE, "%.*s", (int)dbk_min_size(text.len, TEXT_SIZE - 1),
                       text.ptr);
        add_text(s, id, copy);
    }
}

static void add_int(sheet *s, int id, int64_t number) { /* negative: not known */
    if (number >= 0) {
        s->rows[s->count] = table[id];
        s->rows[s->count++].number = number;
    }
}

/* "host:port" */
static void add_server(sheet *s, dbk_slice authority) {
    size_t colon = authority.len;
    for (size_t i = 0; i < authority.len && authority.ptr[0] != '['; i++) {
        colon = authority.ptr[i] == ':' ? i : colon;
    }
    add_slice(s, A_ADDRESS, dbk_slice_n(authority.ptr, colon));
    if (colon < authority.len) {
        add_int(s, A_PORT, strtol(authority.ptr + colon + 1, NULL, 10));
    }
}

static void send(dbk_tracer *t, const sheet *s, const char *name, const dbk_clock *clock,
                 uint64_t begun_ns, bool failed) {
    const local *l = DBK_CONTAINER_OF(t, local, tracer);
    uint64_t now_ns = clock->mono_ns(clock);
    uint64_t took_ns = now_ns - dbk_min_u64(begun_ns, now_ns);
    dbk_record record = {.name = name,
                         .start_unix_ns = clock->wall_ms(clock) * 1000000 - (int64_t)took_ns,
                         .duration_ns = took_ns,
                         .failed = failed,
                         .attributes = s->rows,
                         .count = s->count};
    l->fn(l->ctx, &record);
}

/* ---- spans ---- */

static void tell_span(dbk_tracer *t, const dbk_span *span) {
    static const char *const names[] = {"databricks.http.request", "databricks.chunk.download",
                                        "databricks.wait"};
    sheet s;
    s.count = s.text_count = 0;
    add_text(&s, span->kind == DBK_SPAN_WAIT ? A_REASON : A_REQUEST, span->name);
    add_text(&s, A_SESSION, span->session_id);
    add_text(&s, A_STATEMENT, span->statement_id);
    add_text(&s, A_METHOD, span->method);
    add_slice(&s, A_PATH, span->path);
    add_server(&s, span->host);
    add_int(&s, A_HTTP_STATUS, span->http_status > 0 ? span->http_status : -1);
    add_int(&s, A_RESENDS, span->attempt > 1 ? (int64_t)span->attempt - 1 : -1);
    add_int(&s, A_CHUNK, span->chunk);
    add_int(&s, A_BYTES, span->bytes);
    add_int(&s, A_ROWS, span->rows);
    add_text(&s, A_ERROR, span->error != DBK_OK ? dbk_status_name(span->error) : NULL);
    bool failed = span->error != DBK_OK || span->http_status >= 400;
    send(t, &s, names[span->kind], span->clock, span->begun_ns, failed);
}

/* ---- events ---- */

static const char *name_of(const dbk_telemetry_event *e) {
    return e->operation == DBK_TELEMETRY_CREATE_SESSION   ? "databricks.session.open"
           : e->operation == DBK_TELEMETRY_DELETE_SESSION ? "databricks.session.close"
           : e->operation == DBK_TELEMETRY_CANCEL         ? "databricks.statement.cancel"
           : e->kind == DBK_TELEMETRY_KIND_METADATA       ? "databricks.metadata"
                                                          : "databricks.statement";
}

static void add_statement(sheet *s, const dbk_telemetry_event *e) {
    add_text(s, A_STATEMENT, e->statement_id.text);
    add_text(s, A_KIND, dbk_telemetry_kind_name(e->kind));
    add_int(s, A_INTERNAL, e->internal);
    add_text(s, A_VOLUME, dbk_telemetry_volume_name(e->volume));
    add_text(s, A_FORMAT, dbk_telemetry_format_name(e->format));
    add_int(s, A_COMPRESSED, e->format != DBK_TELEMETRY_FORMAT_NONE ? (int64_t)e->compressed : -1);
    add_int(s, A_READY, e->ready_ms);
    add_int(s, A_CONSUMED, e->consumed_ms);
    add_int(s, A_RETRIES, e->retries);
    add_int(s, A_POLLS, e->polls);
    add_int(s, A_POLLS_MS, (int64_t)e->polls_ms);
    if (e->chunks_present >= 0) {
        add_int(s, A_CHUNKS, e->chunks_present);
        add_int(s, A_ITERATED, e->chunks_iterated);
    }
    if (e->first_chunk_ms >= 0) {
        add_int(s, A_FIRST_CHUNK, e->first_chunk_ms);
        add_int(s, A_SLOWEST_CHUNK, e->slowest_chunk_ms);
        add_int(s, A_CHUNKS_MS, e->chunks_ms);
    }
    add_int(s, A_FAILED_CHUNK, e->failed_chunk);
}

void dbk_local_tell(dbk_tracer *t, const dbk_telemetry_event *e, dbk_slice origin,
                    const dbk_clock *clock, uint64_t begun_ns) {
    sheet s;
    s.count = s.text_count = 0;
    add_text(&s, A_SYSTEM, "databricks");
    add_text(&s, A_OPERATION, dbk_telemetry_operation_name(e->operation));
    add_server(&s, dbk_url_authority(origin));
    add_text(&s, A_SESSION, e->session_id.text);
    if (e->kind != DBK_TELEMETRY_KIND_NONE) {
        add_statement(&s, e);
    }
    add_int(&s, A_LATENCY, (int64_t)e->latency_ms);
    add_text(&s, A_ERROR, e->error != DBK_OK ? dbk_status_name(e->error) : NULL);
    add_text(&s, A_STATE, e->sqlstate);
    send(t, &s, name_of(e), clock, begun_ns, e->error != DBK_OK);
}

/* ---- life ---- */

static void destroy(dbk_tracer *t) {
    local *l = DBK_CONTAINER_OF(t, local, tracer);
    if (l->release != NULL) {
        l->release(l->ctx);
    }
    dbk_free(l);
}

dbk_status dbk_local_new(void (*fn)(void *ctx, const dbk_record *record), void *ctx,
                         void (*release)(void *ctx), dbk_tracer **out, dbk_error *err) {
    local *l = dbk_alloc_zero(sizeof *l);
    if (l == NULL) {
        return dbk_error_oom(err, "a listener");
    }
    atomic_init(&l->tracer.refs, 1);
    l->tracer.tell = tell_span;
    l->tracer.destroy = destroy;
    l->fn = fn;
    l->ctx = ctx;
    l->release = release;
    *out = &l->tracer;
    return DBK_OK;
}
