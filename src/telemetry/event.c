/* One event as JSON: the one place where something gets into what leaves. All of it is numbers, words of the
 * tables below, ids of the server (letters, digits and the like: nothing to escape) and the session's facts,
 * which identity.c made text of. */
#include "telemetry/internal.h"

#include <openssl/rand.h>

static const char *const operations[] = {
#define TEXT(name, text) [DBK_TELEMETRY_##name] = (text),
    DBK_TELEMETRY_OPERATIONS(TEXT)
#undef TEXT
};
static const char *const kinds[] = {NULL, "SQL", "UPDATE", "METADATA", "VOLUME"};
static const char *const formats[] = {NULL, "FORMAT_UNSPECIFIED", "INLINE_ARROW", "INLINE_JSON",
                                      "EXTERNAL_LINKS"};
static const char *const volumes[] = {NULL, "TYPE_UNSPECIFIED", "PUT", "GET", "DELETE"};

const char *dbk_telemetry_operation_name(dbk_telemetry_operation operation) {
    return operations[operation];
}

const char *dbk_telemetry_kind_name(dbk_telemetry_kind kind) {
    return kinds[kind];
}

const char *dbk_telemetry_format_name(dbk_telemetry_format format) {
    return formats[format];
}

const char *dbk_telemetry_volume_name(dbk_telemetry_volume volume) {
    return volumes[volume];
}

dbk_telemetry_id dbk_telemetry_id_of(dbk_slice id) {
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    dbk_telemetry_id out = {""};
    if (id.len >= sizeof out.text) {
        return out;
    }
    for (size_t i = 0; i < id.len; i++) {
        if (id.ptr[i] == '\0' || strchr(allowed, id.ptr[i]) == NULL) {
            return out;
        }
    }
    if (id.len > 0) {
        memcpy(out.text, id.ptr, id.len);
    }
    return out;
}

/* ---- writing ---- */

/* An event is a string in the JSON of a POST: its quotation marks are escaped where they are written. */
#define Q "\\\""

static void random_uuid(dbk_telemetry_dice *dice, char out[37]) {
    static const char hex[] = "0123456789abcdef";
    if (dice->left == 0) { /* a draw costs as much as all the rest of an event */
        (void)RAND_bytes(dice->bytes, sizeof dice->bytes);
        dice->left = sizeof dice->bytes / 16;
    }
    unsigned char *b = dice->bytes + 16 * --dice->left;
    b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
    b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
    for (size_t i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            *out++ = '-';
        }
        *out++ = hex[b[i] >> 4];
        *out++ = hex[b[i] & 0x0f];
    }
    *out = '\0';
}

/* Members end with a comma; close takes the last one back. Nothing is formatted by printf: a hundred events are written
 * at once, perhaps by the thread of a caller that waits for something else. */
typedef struct writer {
    dbk_buf *out;
    dbk_error *err;
    dbk_status st;
} writer;

static void put(writer *w, const char *text) {
    if (w->st == DBK_OK) {
        w->st = dbk_buf_puts(w->out, text, w->err);
    }
}

static void put_bytes(writer *w, const dbk_buf *bytes) {
    if (w->st == DBK_OK) {
        w->st = dbk_buf_put_slice(w->out, dbk_buf_slice(bytes), w->err);
    }
}

static void put_member(writer *w, const char *name, const char *value) { /* as JSON */
    put(w, Q);
    put(w, name);
    put(w, Q ":");
    put(w, value);
    put(w, ",");
}

static void put_int(writer *w, const char *name, int64_t value) {
    char digits[24];
    char *first = digits + sizeof digits - 1;
    uint64_t rest = value < 0 ? -(uint64_t)value : (uint64_t)value;
    *first = '\0';
    do {
        *--first = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (value < 0) {
        *--first = '-';
    }
    put_member(w, name, first);
}

static void put_known(writer *w, const char *name, int64_t value) { /* -1: it is not */
    if (value >= 0) {
        put_int(w, name, value);
    }
}

static void put_bool(writer *w, const char *name, bool value) {
    put_member(w, name, value ? "true" : "false");
}

static void put_word(writer *w, const char *name, const char *word) { /* NULL, "": none */
    if (word != NULL && word[0] != '\0') {
        put(w, Q);
        put(w, name);
        put(w, Q ":" Q);
        put(w, word);
        put(w, Q ",");
    }
}

static void close_object(writer *w) {
    if (w->st == DBK_OK && w->out->ptr[w->out->len - 1] == ',') {
        w->out->len--;
    }
    put(w, "},");
}

/* ---- the parts of an event ---- */

static void put_envelope(writer *w, const dbk_telemetry_who *who, bool names_place, int64_t wall_ms,
                         dbk_telemetry_dice *dice) {
    char uuid[37];
    random_uuid(dice, uuid);
    put(w, "\"{");
    if (names_place) {
        put_known(w, "workspace_id", who->workspace_id);
    }
    put_word(w, "frontend_log_event_id", uuid);
    put(w, Q "context" Q ":{" Q "client_context" Q ":{");
    put_bytes(w, &who->envelope);
    put_int(w, "timestamp_millis", wall_ms);
    close_object(w);
    close_object(w);
    put(w, Q "entry" Q ":{" Q "sql_driver_log" Q ":{");
}

static void put_end(writer *w) {
    close_object(w);
    close_object(w);
    close_object(w);
    w->out->len -= w->st == DBK_OK ? 1 : 0;
    put(w, "\"");
}

static void put_chunks(writer *w, const dbk_telemetry_event *e) {
    if (e->chunks_present < 0) {
        return;
    }
    put(w, Q "chunk_details" Q ":{");
    if (e->first_chunk_ms >= 0) {
        put_int(w, "initial_chunk_latency_millis", e->first_chunk_ms);
        put_int(w, "slowest_chunk_latency_millis", e->slowest_chunk_ms);
    }
    put_int(w, "total_chunks_present", e->chunks_present);
    put_int(w, "total_chunks_iterated", e->chunks_iterated);
    if (e->first_chunk_ms >= 0) {
        put_int(w, "sum_chunks_download_time_millis", e->chunks_ms);
    }
    close_object(w);
}

static void put_latencies(writer *w, const dbk_telemetry_event *e) {
    if (e->ready_ms >= 0 || e->consumed_ms >= 0) {
        put(w, Q "result_latency" Q ":{");
        put_known(w, "result_set_ready_latency_millis", e->ready_ms);
        put_known(w, "result_set_consumption_latency_millis", e->consumed_ms);
        close_object(w);
    }
}

static void put_detail(writer *w, const dbk_telemetry_event *e) {
    put(w, Q "operation_detail" Q ":{");
    if (e->kind != DBK_TELEMETRY_KIND_NONE) {
        put_int(w, "n_operation_status_calls", e->polls);
        put_int(w, "operation_status_latency_millis", (int64_t)e->polls_ms);
    }
    put_word(w, "operation_type", operations[e->operation]);
    put_bool(w, "is_internal_call", e->internal);
    close_object(w);
}

static void put_operation(writer *w, const dbk_telemetry_event *e) {
    put(w, Q "sql_operation" Q ":{");
    if (e->kind != DBK_TELEMETRY_KIND_NONE) {
        put_word(w, "statement_type", kinds[e->kind]);
        if (e->format != DBK_TELEMETRY_FORMAT_NONE) {
            put_bool(w, "is_compressed", e->compressed);
        }
        put_word(w, "execution_result", formats[e->format]);
        put_known(w, "chunk_id", e->failed_chunk);
        put_int(w, "retry_count", e->retries);
        put_chunks(w, e);
        put_latencies(w, e);
    }
    put_detail(w, e);
    close_object(w);
}

/* The SQLSTATE stands where other drivers have frames: spec telemetry.md 4.3. */
static void put_error(writer *w, dbk_status error, const char *sqlstate) {
    if (error != DBK_OK) {
        put(w, Q "error_info" Q ":{");
        put_word(w, "error_name", dbk_status_name(error));
        put_word(w, "stack_trace", sqlstate);
        close_object(w);
    }
}

/* Five letters and digits; the server may send anything. */
static const char *checked_state(const char *sqlstate) {
    size_t n = strspn(sqlstate, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789");
    return n == 5 && sqlstate[5] == '\0' ? sqlstate : NULL;
}

dbk_status dbk_telemetry_write(const dbk_telemetry_item *item, dbk_telemetry_dice *dice,
                               dbk_buf *out, dbk_error *err) {
    writer w = {out, err, DBK_OK};
    const dbk_telemetry_event *e = &item->event;
    put_envelope(&w, item->who, true, item->wall_ms, dice);
    put_word(&w, "session_id", e->session_id.text);
    put_word(&w, "sql_statement_id", e->statement_id.text);
    put_bytes(&w, &item->who->session);
    put_bool(&w, "auto_commit", e->autocommit);
    close_object(&w); /* driver_connection_params */
    if (e->volume != DBK_TELEMETRY_VOLUME_NONE) {
        put(&w, Q "vol_operation" Q ":{");
        put_word(&w, "volume_operation_type", volumes[e->volume]);
        close_object(&w);
    }
    put_operation(&w, e);
    put_error(&w, e->error, checked_state(e->sqlstate));
    put_int(&w, "operation_latency_ms", (int64_t)e->latency_ms);
    put_end(&w);
    return w.st;
}

/* Without credentials nobody vouches for the sender: spec telemetry.md 4.4 keeps the place out. */
dbk_status dbk_telemetry_write_refused(const dbk_telemetry_who *who, dbk_status error,
                                       int64_t wall_ms, dbk_buf *out, dbk_error *err) {
    writer w = {out, err, DBK_OK};
    dbk_telemetry_dice dice = {.left = 0};
    put_envelope(&w, who, false, wall_ms, &dice);
    put(&w, Q "system_configuration" Q ":{");
    put_bytes(&w, &who->refused);
    close_object(&w);
    put(&w, Q "sql_operation" Q ":{" Q "operation_detail" Q ":{");
    put_word(&w, "operation_type", operations[DBK_TELEMETRY_CREATE_SESSION]);
    close_object(&w);
    close_object(&w);
    put_error(&w, error, NULL);
    put_end(&w);
    return w.st;
}
