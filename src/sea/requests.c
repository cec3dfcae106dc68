#include "sea/requests.h"

static dbk_status put_text(json_t *doc, const char *key, const char *text, dbk_error *err) {
    return dbk_json_put_str(doc, key, dbk_slice_of(text), err);
}

/* NULL is sent as null. */
static dbk_status put_nullable(json_t *doc, const char *key, dbk_slice text, dbk_error *err) {
    return text.ptr != NULL ? dbk_json_put_str(doc, key, text, err)
                            : dbk_json_put(doc, key, json_null(), err);
}

static dbk_status new_object(json_t **out, dbk_error *err) {
    *out = json_object();
    return *out != NULL ? DBK_OK : dbk_error_oom(err, "a request");
}

/* Appends to a list; takes item. */
static dbk_status push(json_t *list, json_t *item, dbk_error *err) {
    return json_array_append_new(list, item) == 0 ? DBK_OK : dbk_error_oom(err, "a request");
}

/* ---- sessions: spec sea-protocol 2 ---- */

static dbk_status put_conf(json_t *confs, const dbk_sea_header *conf, dbk_error *err) {
    dbk_str name = {0}; /* jansson wants keys with a NUL at the end */
    if (!dbk_utf8_valid(conf->name) ||
        memchr(conf->name.ptr != NULL ? conf->name.ptr : "", '\0', conf->name.len) != NULL) {
        return dbk_error_set(err, DBK_INVALID_ARGUMENT, "a session_confs key is not valid UTF-8");
    }
    dbk_status st = dbk_str_set(&name, conf->name, err);
    if (st == DBK_OK) {
        st = dbk_json_put_str(confs, name.ptr, conf->value, err);
    }
    dbk_str_reset(&name);
    return st;
}

static dbk_status put_confs(json_t *doc, const dbk_sea_session_request *request, dbk_error *err) {
    dbk_status st = DBK_OK;
    json_t *confs = NULL;
    if (request->conf_count == 0) {
        return DBK_OK;
    }
    DBK_TRY(new_object(&confs, err));
    for (size_t i = 0; i < request->conf_count; i++) {
        DBK_TRY(put_conf(confs, &request->confs[i], err));
    }
    st = dbk_json_put(doc, "session_confs", json_incref(confs), err);
done:
    json_decref(confs);
    return st;
}

dbk_status dbk_sea_write_session(const char *warehouse_id, const dbk_sea_session_request *request,
                                 dbk_buf *body, dbk_error *err) {
    dbk_status st = DBK_OK;
    json_t *doc = NULL;
    DBK_TRY(new_object(&doc, err));
    DBK_TRY(put_text(doc, "warehouse_id", warehouse_id, err));
    if (request->catalog.ptr != NULL) {
        DBK_TRY(dbk_json_put_str(doc, "catalog", request->catalog, err));
    }
    if (request->schema.ptr != NULL) {
        DBK_TRY(dbk_json_put_str(doc, "schema", request->schema, err));
    }
    DBK_TRY(put_confs(doc, request, err));
    DBK_TRY(dbk_json_write(doc, body, err));
done:
    json_decref(doc);
    return st;
}

/* ---- statements: spec sea-protocol 3 and 4 ---- */

static dbk_status put_tag(json_t *list, const dbk_sea_tag *tag, dbk_error *err) {
    dbk_status st = DBK_OK;
    json_t *item = NULL;
    DBK_TRY(new_object(&item, err));
    DBK_TRY(dbk_json_put_str(item, "key", tag->key, err));
    if (tag->value.ptr != NULL) {
        DBK_TRY(dbk_json_put_str(item, "value", tag->value, err));
    }
    st = push(list, json_incref(item), err);
done:
    json_decref(item);
    return st;
}

static dbk_status put_parameter(json_t *list, const dbk_sea_parameter *p, dbk_error *err) {
    dbk_status st = DBK_OK;
    json_t *item = NULL;
    DBK_TRY(new_object(&item, err));
    if (p->name.len > 0) {
        DBK_TRY(dbk_json_put_str(item, "name", p->name, err));
    } else {
        DBK_TRY(dbk_json_put_i64(item, "ordinal", p->ordinal, err));
    }
    DBK_TRY(dbk_json_put_str(item, "type", p->type, err));
    DBK_TRY(put_nullable(item, "value", p->value, err));
    st = push(list, json_incref(item), err);
done:
    json_decref(item);
    return st;
}

static dbk_status put_tags(json_t *doc, const dbk_sea_statement_request *r, dbk_error *err) {
    dbk_status st = DBK_OK;
    json_t *list = json_array();
    for (size_t i = 0; i < r->tag_count && list != NULL; i++) {
        DBK_TRY(put_tag(list, &r->tags[i], err));
    }
    st = dbk_json_put(doc, "query_tags", json_incref(list), err);
done:
    json_decref(list);
    return st;
}

static dbk_status put_parameters(json_t *doc, const dbk_sea_statement_request *r, dbk_error *err) {
    dbk_status st = DBK_OK;
    json_t *list = json_array();
    for (size_t i = 0; i < r->parameter_count && list != NULL; i++) {
        DBK_TRY(put_parameter(list, &r->parameters[i], err));
    }
    st = dbk_json_put(doc, "parameters", json_incref(list), err);
done:
    json_decref(list);
    return st;
}

dbk_status dbk_sea_write_statement(const char *warehouse_id, const dbk_sea_statement_request *r,
                                   dbk_buf *body, dbk_error *err) {
    dbk_status st = DBK_OK;
    json_t *doc = NULL;
    DBK_TRY(new_object(&doc, err));
    DBK_TRY(put_text(doc, "warehouse_id", warehouse_id, err));
    DBK_TRY(dbk_json_put_str(doc, "statement", r->sql, err));
    DBK_TRY(dbk_json_put_str(doc, "session_id", r->session_id, err));
    DBK_TRY(
        put_text(doc, "disposition", r->inline_only ? "INLINE" : "INLINE_OR_EXTERNAL_LINKS", err));
    DBK_TRY(put_text(doc, "format", "ARROW_STREAM", err));
    if (r->no_wait) {
        DBK_TRY(put_text(doc, "wait_timeout", "0s", err));
        DBK_TRY(put_text(doc, "on_wait_timeout", "CONTINUE", err));
    }
    if (r->has_row_limit) {
        DBK_TRY(dbk_json_put_i64(doc, "row_limit", r->row_limit, err));
    }
    DBK_TRY(put_text(doc, "result_compression", "LZ4_FRAME", err));
    if (r->tag_count > 0) {
        DBK_TRY(put_tags(doc, r, err));
    }
    if (r->parameter_count > 0) {
        DBK_TRY(put_parameters(doc, r, err));
    }
    DBK_TRY(dbk_json_write(doc, body, err));
done:
    json_decref(doc);
    return st;
}
