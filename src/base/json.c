#include "base/json.h"

dbk_status dbk_json_parse(dbk_slice text, json_t **out, dbk_error *err) {
    json_error_t where;
    json_t *doc = json_loadb(text.ptr != NULL ? text.ptr : "", text.len, JSON_ALLOW_NUL, &where);
    if (doc == NULL && json_error_code(&where) == json_error_out_of_memory) {
        return dbk_error_oom(err, "parsing a JSON document");
    }
    if (doc == NULL) {
        char *quoted = strstr(where.text, " near '"); /* a piece of the document: may be a token */
        if (quoted != NULL) {
            *quoted = '\0';
        }
        return dbk_error_set(err, DBK_DATA_LOSS, "%s at line %d column %d", where.text, where.line,
                             where.column);
    }
    *out = doc;
    return DBK_OK;
}

/* Finds a key; classifies absent and null, everything else is OK for the caller to judge. */
static dbk_json_answer find(const json_t *obj, const char *key, json_t **out) {
    json_t *v = json_object_get(obj, key);
    if (v == NULL) {
        return DBK_JSON_ABSENT;
    }
    *out = v;
    return json_is_null(v) ? DBK_JSON_NULL : DBK_JSON_OK;
}

dbk_json_answer dbk_json_str(const json_t *obj, const char *key, dbk_slice *out) {
    json_t *v = NULL;
    dbk_json_answer answer = find(obj, key, &v);
    if (answer != DBK_JSON_OK) {
        return answer;
    }
    if (!json_is_string(v)) {
        return DBK_JSON_WRONG;
    }
    *out = dbk_slice_n(json_string_value(v), json_string_length(v));
    return DBK_JSON_OK;
}

dbk_json_answer dbk_json_i64(const json_t *obj, const char *key, int64_t *out) {
    json_t *v = NULL;
    dbk_json_answer answer = find(obj, key, &v);
    if (answer != DBK_JSON_OK) {
        return answer;
    }
    if (!json_is_integer(v)) {
        return DBK_JSON_WRONG;
    }
    *out = (int64_t)json_integer_value(v);
    return DBK_JSON_OK;
}

dbk_json_answer dbk_json_bool(const json_t *obj, const char *key, bool *out) {
    json_t *v = NULL;
    dbk_json_answer answer = find(obj, key, &v);
    if (answer != DBK_JSON_OK) {
        return answer;
    }
    if (!json_is_boolean(v)) {
        return DBK_JSON_WRONG;
    }
    *out = json_is_true(v);
    return DBK_JSON_OK;
}

dbk_json_answer dbk_json_obj(const json_t *obj, const char *key, json_t **out) {
    json_t *v = NULL;
    dbk_json_answer answer = find(obj, key, &v);
    if (answer != DBK_JSON_OK) {
        return answer;
    }
    if (!json_is_object(v)) {
        return DBK_JSON_WRONG;
    }
    *out = v;
    return DBK_JSON_OK;
}

dbk_json_answer dbk_json_array(const json_t *obj, const char *key, json_t **out) {
    json_t *v = NULL;
    dbk_json_answer answer = find(obj, key, &v);
    if (answer != DBK_JSON_OK) {
        return answer;
    }
    if (!json_is_array(v)) {
        return DBK_JSON_WRONG;
    }
    *out = v;
    return DBK_JSON_OK;
}

static dbk_status judge(dbk_json_answer answer, bool optional, const char *key, const char *type,
                        dbk_error *err) {
    switch (answer) {
    case DBK_JSON_OK:
        return DBK_OK;
    case DBK_JSON_ABSENT:
    case DBK_JSON_NULL:
        return optional ? DBK_OK : dbk_error_set(err, DBK_DATA_LOSS, "missing field `%s`", key);
    case DBK_JSON_WRONG:
        break;
    }
    return dbk_error_set(err, DBK_DATA_LOSS, "field `%s` is not %s", key, type);
}

dbk_status dbk_json_need_str(const json_t *obj, const char *key, dbk_slice *out, dbk_error *err) {
    return judge(dbk_json_str(obj, key, out), false, key, "a string", err);
}

dbk_status dbk_json_need_i64(const json_t *obj, const char *key, int64_t *out, dbk_error *err) {
    return judge(dbk_json_i64(obj, key, out), false, key, "an integer", err);
}

dbk_status dbk_json_want_str(const json_t *obj, const char *key, dbk_slice *out, dbk_error *err) {
    return judge(dbk_json_str(obj, key, out), true, key, "a string", err);
}

dbk_status dbk_json_want_i64(const json_t *obj, const char *key, int64_t *out, dbk_error *err) {
    return judge(dbk_json_i64(obj, key, out), true, key, "an integer", err);
}

dbk_status dbk_json_want_bool(const json_t *obj, const char *key, bool *out, dbk_error *err) {
    return judge(dbk_json_bool(obj, key, out), true, key, "a boolean", err);
}

dbk_status dbk_json_want_obj(const json_t *obj, const char *key, json_t **out, dbk_error *err) {
    return judge(dbk_json_obj(obj, key, out), true, key, "an object", err);
}

dbk_status dbk_json_want_array(const json_t *obj, const char *key, json_t **out, dbk_error *err) {
    return judge(dbk_json_array(obj, key, out), true, key, "an array", err);
}

dbk_status dbk_json_put(json_t *obj, const char *key, json_t *takes_value, dbk_error *err) {
    if (!dbk_utf8_valid(dbk_slice_of(key))) {
        json_decref(takes_value);
        return dbk_error_set(err, DBK_INVALID_ARGUMENT, "a field name is not valid UTF-8");
    }
    if (takes_value == NULL || json_object_set_new(obj, key, takes_value) != 0) {
        return dbk_error_oom(err, "building a JSON document");
    }
    return DBK_OK;
}

dbk_status dbk_json_put_str(json_t *obj, const char *key, dbk_slice v, dbk_error *err) {
    json_t *text = json_stringn(v.ptr != NULL ? v.ptr : "", v.len);
    if (text == NULL && !dbk_utf8_valid(v)) {
        return dbk_error_set(err, DBK_INVALID_ARGUMENT, "%s is not valid UTF-8", key);
    }
    return dbk_json_put(obj, key, text, err);
}

dbk_status dbk_json_put_i64(json_t *obj, const char *key, int64_t v, dbk_error *err) {
    return dbk_json_put(obj, key, json_integer((json_int_t)v), err);
}

dbk_status dbk_json_put_bool(json_t *obj, const char *key, bool v, dbk_error *err) {
    return dbk_json_put(obj, key, json_boolean(v), err);
}

typedef struct write_state {
    dbk_buf *out;
    dbk_error *err;
    dbk_status st;
} write_state;

static int write_piece(const char *piece, size_t size, void *data) {
    write_state *w = data;
    w->st = dbk_buf_append(w->out, piece, size, w->err);
    return w->st == DBK_OK ? 0 : -1;
}

dbk_status dbk_json_write(const json_t *doc, dbk_buf *out, dbk_error *err) {
    write_state w = {out, err, DBK_OK};
    size_t old_len = out->len;
    if (json_dump_callback(doc, write_piece, &w, JSON_COMPACT | JSON_ENCODE_ANY) != 0) {
        out->len = old_len;
        return w.st != DBK_OK ? w.st : dbk_error_oom(err, "writing a JSON document");
    }
    return DBK_OK;
}
