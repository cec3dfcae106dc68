#include "module.h"

#include <stdio.h>
#include <strings.h>

/* SQL text and ExecuteOptions of one statement. */

typedef struct param {
    char *name, *type, *value; /* name and value may be NULL */
    size_t value_len;
} param;

typedef struct params {
    param *items;
    uint32_t count;
} params;

typedef struct options {
    text tags; /* as dbk_statement_set_option takes them */
    bool has_tags, has_tag_object;
    bool has_limit;
    int64_t limit;
    params positional, named, raw;
} options;

static void free_params(params *p) {
    for (uint32_t i = 0; i < p->count; i++) {
        free(p->items[i].name);
        free(p->items[i].type);
        free(p->items[i].value);
    }
    free(p->items);
}

static void free_options(options *o) {
    text_reset(&o->tags);
    free_params(&o->positional);
    free_params(&o->named);
    free_params(&o->raw);
}

/* ---- reading: false has thrown ---- */

static bool read_param(napi_env env, napi_value item, bool needs_name, param *out) {
    napi_value name = NULL;
    napi_value type = NULL;
    napi_value value = NULL;
    if (is_absent(env, item)) {
        (void)napi_throw_type_error(env, NULL, "Cannot convert undefined or null to object");
        return false;
    }
    return (needs_name ? get_required(env, item, "name", "", &name)
                       : get_field(env, item, "name", &name)) &&
           (needs_name
                ? read_text(env, name, " on NamedTypedValueInput.name", &out->name, NULL)
                : read_optional_text(env, name, " on RawParameterInput.name", &out->name, NULL)) &&
           get_required(env, item, "sqlType", "", &type) &&
           read_text(env, type, " on TypedValueInput.sqlType", &out->type, NULL) &&
           get_field(env, item, "value", &value) &&
           read_optional_text(env, value, " on TypedValueInput.value", &out->value,
                              &out->value_len);
}

static bool read_params(napi_env env, napi_value o, const char *name, bool named, params *out) {
    napi_value array = NULL;
    uint32_t count = 0;
    if (!get_field(env, o, name, &array)) {
        return false;
    }
    if (is_absent(env, array)) {
        return true;
    }
    if (napi_get_array_length(env, array, &count) != napi_ok) {
        throw_error(env, "ArrayExpected", "Failed to get Array length on ExecuteOptions.%s", name);
        return false;
    }
    out->items = calloc(count + 1, sizeof *out->items);
    for (uint32_t i = 0; out->items != NULL && i < count; i++) {
        napi_value item = NULL;
        out->count = i + 1;
        if (!get_element(env, array, i, &item) || !read_param(env, item, named, &out->items[i])) {
            return false;
        }
    }
    return out->items != NULL;
}

/* ':', ',' and '\' get a '\' before them. */
static void put_escaped(text *out, const char *s, size_t len) {
    for (size_t i = 0; i < len; i++) {
        if (s[i] == '\\' || s[i] == ':' || s[i] == ',') {
            text_put(out, "\\", 1);
        }
        text_put(out, &s[i], 1);
    }
}

static bool read_tag(napi_env env, napi_value object, napi_value key, options *o) {
    static const char owner[] = " on ExecuteOptions.queryTags";
    char *name = NULL;
    char *value = NULL;
    size_t name_len = 0;
    size_t value_len = 0;
    napi_value v = NULL;
    bool read = napi_get_property(env, object, key, &v) == napi_ok &&
                read_text(env, key, owner, &name, &name_len) &&
                read_optional_text(env, v, owner, &value, &value_len);
    if (read) {
        text_puts(&o->tags, o->tags.len > 0 ? "," : "");
        put_escaped(&o->tags, name, name_len);
        if (value != NULL) {
            text_puts(&o->tags, ":");
            put_escaped(&o->tags, value, value_len);
        }
    }
    free(name);
    free(value);
    return read;
}

static bool read_tag_object(napi_env env, napi_value o, options *out) {
    napi_value object = NULL;
    napi_value keys = NULL;
    uint32_t count = 0;
    if (!get_field(env, o, "queryTags", &object)) {
        return false;
    }
    if (is_absent(env, object)) {
        return true;
    }
    if (!read_keys(env, object, " on ExecuteOptions.queryTags", &keys, &count)) {
        return false;
    }
    out->has_tag_object = count > 0;
    for (uint32_t i = 0; i < count; i++) {
        napi_value key = NULL;
        if (!get_element(env, keys, i, &key) || !read_tag(env, object, key, out)) {
            return false;
        }
    }
    return true;
}

/* The API has no place for it; a driver passes it on, so that refusing it would break what works. */
static void warn_of_key(const char *name) {
    char message[256];
    (void)snprintf(message, sizeof message,
                   "statementConf: %.100s has no effect: only query_tags has one per statement, "
                   "others belong into sessionConf",
                   name);
    log_warning(message);
}

static bool read_conf(napi_env env, napi_value o, options *out) {
    static const char owner[] = " on ExecuteOptions.statementConf";
    napi_value object = NULL;
    napi_value keys = NULL;
    uint32_t count = 0;
    bool fine = get_field(env, o, "statementConf", &object);
    if (!fine || is_absent(env, object)) {
        return fine;
    }
    fine = read_keys(env, object, owner, &keys, &count);
    for (uint32_t i = 0; fine && i < count; i++) {
        napi_value key = NULL;
        napi_value value = NULL;
        char *name = NULL;
        char *content = NULL;
        size_t len = 0;
        fine = get_element(env, keys, i, &key) &&
               napi_get_property(env, object, key, &value) == napi_ok &&
               read_text(env, key, owner, &name, NULL) &&
               read_text(env, value, owner, &content, &len);
        if (fine && strcmp(name, "query_tags") == 0) {
            out->has_tags = true;
            text_put(&out->tags, content, len);
        } else if (fine) {
            warn_of_key(name);
        }
        free(name);
        free(content);
    }
    return fine;
}

static bool read_limit(napi_env env, napi_value o, options *out) {
    napi_value v = NULL;
    if (!get_field(env, o, "rowLimit", &v)) {
        return false;
    }
    out->has_limit = !is_absent(env, v);
    if (out->has_limit && napi_get_value_int64(env, v, &out->limit) != napi_ok) {
        throw_error(env, "NumberExpected",
                    "Failed to convert napi value into rust type `i64` on ExecuteOptions.rowLimit");
        return false;
    }
    return true;
}

static bool read_options(napi_env env, napi_value o, options *out) {
    napi_valuetype type = napi_undefined;
    (void)napi_typeof(env, o, &type);
    if (type != napi_object && type != napi_function) {
        return true; /* numbers and the like count as {} */
    }
    return read_conf(env, o, out) && read_tag_object(env, o, out) && read_limit(env, o, out) &&
           read_params(env, o, "positionalParams", false, &out->positional) &&
           read_params(env, o, "namedParams", true, &out->named) &&
           read_params(env, o, "rawParams", false, &out->raw);
}

/* ---- telling the library ---- */

static const char *refusal_of(const options *o) {
    bool raw_named = false;
    bool raw_positional = false;
    for (uint32_t i = 0; i < o->raw.count; i++) {
        raw_named = raw_named || o->raw.items[i].name != NULL;
        raw_positional = raw_positional || o->raw.items[i].name == NULL;
    }
    for (uint32_t i = 0; i < o->named.count; i++) {
        if (o->named.items[i].name[0] == '\0') {
            return "named parameter name must not be empty";
        }
    }
    if (o->has_tags && o->has_tag_object) {
        return "cannot supply both `queryTags` and `statementConf[\"query_tags\"]` — pick one";
    }
    if (o->positional.count > 0 && o->named.count > 0) {
        return "positional and named parameters are mutually exclusive; pass only one";
    }
    if (raw_named && raw_positional) {
        return "positional and named raw parameters are mutually exclusive; pass only one";
    }
    if (o->raw.count > 0 && o->positional.count + o->named.count > 0) {
        return "raw parameters cannot be mixed with positional/named TypedValue params";
    }
    return NULL;
}

static bool told(KernelStatusCode status) {
    return status == KernelStatusCode_Success;
}

/* The contract's other word for STRING, which the library does not know. */
static const char *typed_name(const char *type) {
    return strcasecmp(type, "VARCHAR") == 0 ? "STRING" : type;
}

static bool apply(const options *o, kernel_statement_t *stmt) {
    char limit[24];
    (void)snprintf(limit, sizeof limit, "%lld", (long long)o->limit);
    if ((o->tags.len > 0 && !told(dbk_statement_set_option(stmt, "query_tags", o->tags.ptr))) ||
        (o->has_limit && !told(dbk_statement_set_option(stmt, "row_limit", limit)))) {
        return false;
    }
    const params *typed = o->positional.count > 0 ? &o->positional : &o->named;
    for (uint32_t i = 0; i < typed->count; i++) {
        const param *p = &typed->items[i];
        if (!told(dbk_statement_bind_typed(stmt, i + 1, typed == &o->named ? p->name : NULL,
                                           typed_name(p->type), p->value, p->value_len))) {
            return false;
        }
    }
    for (uint32_t i = 0; i < o->raw.count; i++) {
        const param *p = &o->raw.items[i];
        if (!told(dbk_statement_bind_parameter_n(stmt, p->name, p->type, p->value, p->value_len))) {
            return false;
        }
    }
    return true;
}

bool params_read(const call *c, napi_value sql, napi_value given, kernel_statement_t *stmt,
                 napi_value *refusal) {
    options o = {0};
    char *text = NULL;
    size_t len = 0;
    bool read = read_text(c->env, sql, "", &text, &len) && (read_options(c->env, given, &o));
    *refusal = NULL;
    if (read && stmt != NULL) {
        const char *why = refusal_of(&o);
        if (why != NULL) {
            *refusal = error_of_text(c->env, "InvalidArgument", why);
        } else if (!told(dbk_statement_set_sql_n(stmt, text, len)) || !apply(&o, stmt)) {
            *refusal = error_of_last(c->env);
        }
    }
    free(text);
    free_options(&o);
    return read;
}
