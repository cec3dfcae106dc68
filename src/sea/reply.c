#include "sea/reply.h"

#include <stdlib.h>

/* ---- getters ---- */

static dbk_status check_count(const char *key, int64_t value, dbk_error *err) {
    return value >= 0 ? DBK_OK
                      : dbk_error_set(err, DBK_DATA_LOSS, "field `%s` is negative (%lld)", key,
                                      (long long)value);
}

dbk_status dbk_sea_want_count(const json_t *obj, const char *key, int64_t *out, dbk_error *err) {
    int64_t value = 0;
    if (dbk_json_i64(obj, key, &value) != DBK_JSON_OK) {
        return dbk_json_want_i64(obj, key, &value, err); /* absent, null or a wrong type */
    }
    dbk_status st = check_count(key, value, err);
    if (st == DBK_OK) {
        *out = value;
    }
    return st;
}

dbk_status dbk_sea_need_count(const json_t *obj, const char *key, int64_t *out, dbk_error *err) {
    int64_t value = 0;
    dbk_status st = dbk_json_need_i64(obj, key, &value, err);
    if (st == DBK_OK) {
        st = check_count(key, value, err);
    }
    *out = value;
    return st;
}

dbk_status dbk_sea_want_text(const json_t *obj, const char *key, dbk_str *out, dbk_error *err) {
    dbk_slice text = {NULL, 0};
    dbk_status st = dbk_json_want_str(obj, key, &text, err);
    return st == DBK_OK && text.ptr != NULL ? dbk_str_set(out, text, err) : st;
}

dbk_status dbk_sea_need_text(const json_t *obj, const char *key, dbk_str *out, dbk_error *err) {
    dbk_slice text = {NULL, 0};
    dbk_status st = dbk_json_need_str(obj, key, &text, err);
    return st == DBK_OK ? dbk_str_set(out, text, err) : st;
}

static dbk_status need_obj(const json_t *obj, const char *key, json_t **out, dbk_error *err) {
    json_t *found = NULL;
    dbk_status st = dbk_json_want_obj(obj, key, &found, err);
    if (st == DBK_OK && found == NULL) {
        st = dbk_error_set(err, DBK_DATA_LOSS, "missing field `%s`", key);
    }
    *out = found;
    return st;
}

/* An id that is there but empty would address the collection ("/statements/"). */
static dbk_status need_id(const dbk_str *id, const char *key, dbk_error *err) {
    return id->len > 0 ? DBK_OK
                       : dbk_error_set(err, DBK_DATA_LOSS, "%s `%s`",
                                       id->ptr == NULL ? "missing field" : "empty field", key);
}

/* ---- status ---- */

static const char *const state_names[] = {
    [DBK_SEA_PENDING] = "PENDING",     [DBK_SEA_RUNNING] = "RUNNING",
    [DBK_SEA_SUCCEEDED] = "SUCCEEDED", [DBK_SEA_FAILED] = "FAILED",
    [DBK_SEA_CANCELED] = "CANCELED",   [DBK_SEA_CLOSED] = "CLOSED",
};
#define STATE_COUNT (sizeof state_names / sizeof state_names[0])

const char *dbk_sea_state_name(dbk_sea_state state) {
    return (size_t)state < STATE_COUNT ? state_names[state] : "UNKNOWN";
}

bool dbk_sea_state_is_final(dbk_sea_state state) {
    return state != DBK_SEA_PENDING && state != DBK_SEA_RUNNING;
}

static dbk_status read_state(const json_t *status, dbk_sea_state *out, dbk_error *err) {
    dbk_slice name = {NULL, 0};
    dbk_status st = dbk_json_need_str(status, "state", &name, err);
    if (st != DBK_OK) {
        return st;
    }
    for (size_t i = 0; i < STATE_COUNT; i++) {
        if (dbk_slice_eq(name, dbk_slice_of(state_names[i]))) {
            *out = (dbk_sea_state)i;
            return DBK_OK;
        }
    }
    return dbk_error_set(err, DBK_DATA_LOSS, "unknown statement state `%.*s`",
                         (int)dbk_min_size(name.len, 60), name.ptr);
}

static dbk_status read_status(const json_t *status, dbk_sea_reply *out, dbk_error *err) {
    dbk_status st = DBK_OK;
    json_t *error = NULL;
    DBK_TRY(read_state(status, &out->state, err));
    DBK_TRY(dbk_json_want_obj(status, "error", &error, err));
    DBK_TRY(dbk_sea_want_text(error, "error_code", &out->error_code, err));
    DBK_TRY(dbk_sea_want_text(error, "message", &out->error_message, err));
    DBK_TRY(dbk_sea_want_text(status, "sql_state", &out->sqlstate, err));
    DBK_TRY(dbk_sea_want_text(status, "display_message", &out->display_message, err));
    DBK_TRY(dbk_sea_want_text(status, "diagnostic_info", &out->diagnostic_info, err));
    DBK_TRY(dbk_sea_want_text(status, "error_details_json", &out->details_json, err));
    DBK_TRY(dbk_json_want_i64(status, "num_modified_rows", &out->modified_rows, err));
done:
    return st;
}

/* ---- manifest ---- */

static dbk_status read_column(const json_t *obj, dbk_sea_column *out, dbk_error *err) {
    dbk_status st = DBK_OK;
    *out = (dbk_sea_column){.precision = -1, .scale = -1};
    DBK_TRY(dbk_sea_need_text(obj, "name", &out->name, err));
    DBK_TRY(dbk_sea_need_text(obj, "type_name", &out->type_name, err));
    DBK_TRY(dbk_sea_need_text(obj, "type_text", &out->type_text, err));
    DBK_TRY(dbk_sea_need_count(obj, "position", &out->position, err));
    DBK_TRY(dbk_json_want_i64(obj, "type_precision", &out->precision, err));
    DBK_TRY(dbk_json_want_i64(obj, "type_scale", &out->scale, err));
    DBK_TRY(dbk_sea_want_text(obj, "type_interval_type", &out->interval_type, err));
done:
    return st;
}

typedef struct ranked_column {
    dbk_sea_column column;
    size_t place; /* in the server's array: qsort is not stable by itself */
} ranked_column;

static int by_position(const void *a, const void *b) {
    const ranked_column *x = a;
    const ranked_column *y = b;
    if (x->column.position != y->column.position) {
        return x->column.position < y->column.position ? -1 : 1;
    }
    return (x->place > y->place) - (x->place < y->place);
}

/* By position, not by place in the array: spec sea-protocol 8. */
static dbk_status sort_columns(dbk_sea_manifest *m, dbk_error *err) {
    bool sorted = true;
    for (size_t i = 1; i < m->columns_len; i++) {
        sorted = sorted && m->columns[i - 1].position <= m->columns[i].position;
    }
    if (sorted) {
        return DBK_OK;
    }
    ranked_column *ranked = dbk_alloc_array(m->columns_len, sizeof *ranked);
    if (ranked == NULL) {
        return dbk_error_oom(err, "sorting the columns of a result");
    }
    for (size_t i = 0; i < m->columns_len; i++) {
        ranked[i] = (ranked_column){m->columns[i], i};
    }
    qsort(ranked, m->columns_len, sizeof *ranked, by_position);
    for (size_t i = 0; i < m->columns_len; i++) {
        m->columns[i] = ranked[i].column;
    }
    dbk_free(ranked);
    return DBK_OK;
}

static dbk_status read_columns(const json_t *schema, dbk_sea_manifest *m, dbk_error *err) {
    dbk_status st = DBK_OK;
    json_t *list = NULL;
    size_t cap = 0;
    DBK_TRY(dbk_json_want_array(schema, "columns", &list, err));
    for (size_t i = 0; i < json_array_size(list); i++) {
        if (!dbk_array_grow(&m->columns, m->columns_len, &cap)) {
            return dbk_error_oom(err, "the columns of a result");
        }
        m->columns_len++; /* before reading: a half-read column is freed with the rest */
        st = read_column(json_array_get(list, i), &m->columns[i], err);
        if (st != DBK_OK) {
            return st == DBK_DATA_LOSS ? dbk_error_wrap(err, "columns[%zu]", i) : st;
        }
    }
    DBK_TRY(sort_columns(m, err));
done:
    return st;
}

static dbk_status read_chunk_entry(const json_t *obj, dbk_sea_chunk *out, dbk_error *err) {
    dbk_status st = DBK_OK;
    out->byte_count = -1;
    DBK_TRY(dbk_sea_need_count(obj, "chunk_index", &out->chunk_index, err));
    DBK_TRY(dbk_sea_need_count(obj, "row_offset", &out->row_offset, err));
    DBK_TRY(dbk_sea_need_count(obj, "row_count", &out->row_count, err));
    DBK_TRY(dbk_sea_want_count(obj, "byte_count", &out->byte_count, err));
done:
    return st;
}

static dbk_status read_chunks(const json_t *manifest, dbk_sea_manifest *m, dbk_error *err) {
    json_t *list = NULL;
    size_t cap = 0;
    dbk_status st = dbk_json_want_array(manifest, "chunks", &list, err);
    for (size_t i = 0; i < json_array_size(list) && st == DBK_OK; i++) {
        if (!dbk_array_grow(&m->chunks, m->chunks_len, &cap)) {
            return dbk_error_oom(err, "the chunks of a result");
        }
        st = read_chunk_entry(json_array_get(list, i), &m->chunks[i], err);
        if (st != DBK_OK) {
            return dbk_error_wrap(err, "chunks[%zu]", i);
        }
        m->chunks_len++;
    }
    return st;
}

static dbk_status read_manifest(const json_t *obj, dbk_sea_manifest *m, dbk_error *err) {
    dbk_status st = DBK_OK;
    json_t *schema = NULL;
    dbk_slice format = {NULL, 0};
    dbk_slice compression = {NULL, 0};
    m->present = true;
    DBK_TRY(dbk_json_need_str(obj, "format", &format, err));
    DBK_TRY(need_obj(obj, "schema", &schema, err));
    DBK_TRY(dbk_sea_need_count(schema, "column_count", &m->column_count, err));
    DBK_TRY(read_columns(schema, m, err));
    DBK_TRY(dbk_sea_want_count(obj, "total_chunk_count", &m->total_chunk_count, err));
    DBK_TRY(dbk_sea_want_count(obj, "total_row_count", &m->total_row_count, err));
    DBK_TRY(dbk_sea_want_count(obj, "total_byte_count", &m->total_byte_count, err));
    DBK_TRY(read_chunks(obj, m, err));
    DBK_TRY(dbk_json_want_str(obj, "result_compression", &compression, err));
    DBK_TRY(dbk_json_want_bool(obj, "truncated", &m->truncated, err));
    DBK_TRY(dbk_json_want_bool(obj, "is_volume_operation", &m->volume_operation, err));
    m->json_array = dbk_slice_eq(format, DBK_SLICE("JSON_ARRAY"));
    m->lz4 = dbk_slice_eq(compression, DBK_SLICE("LZ4_FRAME"));
done:
    return st;
}

/* ---- documents ---- */

dbk_status dbk_sea_read_session(const json_t *doc, dbk_sea_reply *out, dbk_error *err) {
    dbk_status st = dbk_sea_need_text(doc, "session_id", &out->session_id, err);
    return st == DBK_OK ? need_id(&out->session_id, "session_id", err) : st;
}

dbk_status dbk_sea_read_statement(const json_t *doc, bool id_needed, dbk_sea_reply *out,
                                  dbk_error *err) {
    dbk_status st = DBK_OK;
    json_t *status = NULL;
    json_t *manifest = NULL;
    json_t *result = NULL;
    DBK_TRY(dbk_sea_want_text(doc, "statement_id", &out->statement_id, err));
    if (id_needed) { /* without it the statement could be neither polled nor closed */
        DBK_TRY(need_id(&out->statement_id, "statement_id", err));
    }
    DBK_TRY(need_obj(doc, "status", &status, err));
    DBK_TRY(read_status(status, out, err));
    DBK_TRY(dbk_json_want_obj(doc, "manifest", &manifest, err));
    if (manifest != NULL) {
        DBK_TRY(read_manifest(manifest, &out->manifest, err));
    }
    DBK_TRY(dbk_json_want_obj(doc, "result", &result, err));
    if (result != NULL) {
        DBK_TRY(dbk_sea_read_data(result, &out->data, err));
    }
done:
    return st;
}

dbk_status dbk_sea_read_chunk(const json_t *doc, dbk_sea_reply *out, dbk_error *err) {
    return dbk_sea_read_data(doc, &out->data, err);
}

/* ---- life ---- */

void dbk_sea_reply_init(dbk_sea_reply *reply) {
    *reply = (dbk_sea_reply){.modified_rows = -1, .server_unix_s = -1};
    reply->manifest.total_chunk_count = -1;
    reply->manifest.total_row_count = -1;
    reply->manifest.total_byte_count = -1;
    dbk_sea_data_init(&reply->data);
}

static void manifest_reset(dbk_sea_manifest *m) {
    for (size_t i = 0; i < m->columns_len; i++) {
        dbk_str_reset(&m->columns[i].name);
        dbk_str_reset(&m->columns[i].type_name);
        dbk_str_reset(&m->columns[i].type_text);
        dbk_str_reset(&m->columns[i].interval_type);
    }
    dbk_free(m->columns);
    dbk_free(m->chunks);
}

void dbk_sea_reply_reset(dbk_sea_reply *reply) {
    dbk_str_reset(&reply->session_id);
    dbk_str_reset(&reply->statement_id);
    dbk_str_reset(&reply->error_code);
    dbk_str_reset(&reply->error_message);
    dbk_str_reset(&reply->sqlstate);
    dbk_str_reset(&reply->display_message);
    dbk_str_reset(&reply->diagnostic_info);
    dbk_str_reset(&reply->details_json);
    manifest_reset(&reply->manifest);
    dbk_sea_data_reset(&reply->data);
    dbk_sea_reply_init(reply);
}
