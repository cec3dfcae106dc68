/* base/json.h: control-plane JSON. Strict: absent, null, wrong type and zero are four answers.
 *
 * jansson holds the documents; result data (megabytes of base64) never passes through here. */
#ifndef DBK_BASE_JSON_H
#define DBK_BASE_JSON_H

#include "base/buf.h"

#include <jansson.h>

typedef enum dbk_json_answer {
    DBK_JSON_ABSENT, /* no such key, or the container is not an object */
    DBK_JSON_NULL,
    DBK_JSON_WRONG, /* another type than asked for */
    DBK_JSON_OK
} dbk_json_answer;

/* Parses a whole document (UTF-8, nesting bounded by jansson). *out is owned by the caller
 * (json_decref). DataLoss with position on anything else. */
DBK_MUST_USE dbk_status dbk_json_parse(dbk_slice text, json_t **out, dbk_error *err);

/* Getters: *out is written only for DBK_JSON_OK; text and objects are borrowed from obj. */
dbk_json_answer dbk_json_str(const json_t *obj, const char *key, dbk_slice *out);
dbk_json_answer dbk_json_i64(const json_t *obj, const char *key, int64_t *out);
dbk_json_answer dbk_json_bool(const json_t *obj, const char *key, bool *out);
dbk_json_answer dbk_json_obj(const json_t *obj, const char *key, json_t **out);
dbk_json_answer dbk_json_array(const json_t *obj, const char *key, json_t **out);

/* The same with an opinion. "need": anything but OK is DataLoss naming the key. "want": absent and
 * null leave *out alone, a wrong type is DataLoss. */
DBK_MUST_USE dbk_status dbk_json_need_str(const json_t *obj, const char *key, dbk_slice *out,
                                          dbk_error *err);
DBK_MUST_USE dbk_status dbk_json_need_i64(const json_t *obj, const char *key, int64_t *out,
                                          dbk_error *err);
DBK_MUST_USE dbk_status dbk_json_want_str(const json_t *obj, const char *key, dbk_slice *out,
                                          dbk_error *err);
DBK_MUST_USE dbk_status dbk_json_want_i64(const json_t *obj, const char *key, int64_t *out,
                                          dbk_error *err);
DBK_MUST_USE dbk_status dbk_json_want_bool(const json_t *obj, const char *key, bool *out,
                                           dbk_error *err);
DBK_MUST_USE dbk_status dbk_json_want_obj(const json_t *obj, const char *key, json_t **out,
                                          dbk_error *err);
DBK_MUST_USE dbk_status dbk_json_want_array(const json_t *obj, const char *key, json_t **out,
                                            dbk_error *err);

/* Builders: add key to obj in call order. Text must be UTF-8 (InvalidArgument otherwise). */
DBK_MUST_USE dbk_status dbk_json_put_str(json_t *obj, const char *key, dbk_slice v, dbk_error *err);
DBK_MUST_USE dbk_status dbk_json_put_i64(json_t *obj, const char *key, int64_t v, dbk_error *err);
DBK_MUST_USE dbk_status dbk_json_put_bool(json_t *obj, const char *key, bool v, dbk_error *err);
DBK_MUST_USE dbk_status dbk_json_put(json_t *obj, const char *key, json_t *takes_value,
                                     dbk_error *err); /* value NULL: out of memory */
/* Appends the compact text of the document, keys in insertion order. */
DBK_MUST_USE dbk_status dbk_json_write(const json_t *doc, dbk_buf *out, dbk_error *err);

#endif
