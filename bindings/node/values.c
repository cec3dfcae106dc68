#include "module.h"

#include <stdarg.h>
#include <stdio.h>

call call_begin(napi_env env, napi_callback_info info) {
    call c = {.env = env};
    size_t argc = sizeof c.args / sizeof c.args[0];
    void *data = NULL;
    (void)napi_get_cb_info(env, info, &argc, c.args, &c.self, &data); /* missing: undefined */
    c.addon = data;
    return c;
}

void throw_error(napi_env env, const char *code, const char *format, ...) {
    char message[512];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(message, sizeof message, format, args);
    va_end(args);
    (void)napi_throw_error(env, code, message);
}

static napi_valuetype type_of(napi_env env, napi_value v) {
    napi_valuetype type = napi_undefined;
    (void)napi_typeof(env, v, &type);
    return type;
}

bool is_absent(napi_env env, napi_value v) {
    napi_valuetype type = type_of(env, v);
    return type == napi_undefined || type == napi_null;
}

/* How the closed addon calls a value that is no string. */
static void describe(napi_env env, napi_value v, char *out, size_t size) {
    double number = 0;
    bool truth = false;
    switch (type_of(env, v)) {
    case napi_undefined:
        (void)snprintf(out, size, "Undefined");
        return;
    case napi_null:
        (void)snprintf(out, size, "Null");
        return;
    case napi_boolean:
        (void)napi_get_value_bool(env, v, &truth);
        (void)snprintf(out, size, "Boolean %s ", truth ? "true" : "false");
        return;
    case napi_number:
        (void)napi_get_value_double(env, v, &number);
        (void)snprintf(out, size, "Number %.17g ", number);
        return;
    case napi_symbol:
        (void)snprintf(out, size, "Symbol");
        return;
    case napi_function:
        (void)snprintf(out, size, "Function");
        return;
    case napi_bigint:
        (void)snprintf(out, size, "BigInt");
        return;
    case napi_string:
    case napi_object:
    case napi_external:
        break;
    }
    (void)snprintf(out, size, "Object");
}

bool read_text(napi_env env, napi_value v, const char *field, char **out, size_t *len) {
    size_t size = 0;
    if (napi_get_value_string_utf8(env, v, NULL, 0, &size) != napi_ok) {
        char what[64];
        describe(env, v, what, sizeof what);
        throw_error(env, "StringExpected",
                    "Failed to convert JavaScript value `%s` into rust type `String`%s", what,
                    field);
        return false;
    }
    char *copy = malloc(size + 1);
    if (copy == NULL || napi_get_value_string_utf8(env, v, copy, size + 1, &size) != napi_ok) {
        free(copy);
        throw_error(env, "GenericFailure", "Out of memory%s", field);
        return false;
    }
    *out = copy;
    if (len != NULL) {
        *len = size;
    }
    return true;
}

bool read_optional_text(napi_env env, napi_value v, const char *field, char **out, size_t *len) {
    *out = NULL;
    return is_absent(env, v) || read_text(env, v, field, out, len);
}

static bool array_length(napi_env env, napi_value v, const char *field, uint32_t *out) {
    if (napi_get_array_length(env, v, out) != napi_ok) {
        throw_error(env, "ArrayExpected", "Failed to get Array length%s", field);
        return false;
    }
    return true;
}

bool read_strings(napi_env env, napi_value v, const char *field, char ***out, size_t *count) {
    uint32_t length = 0;
    *out = NULL;
    *count = 0;
    if (is_absent(env, v)) {
        return true;
    }
    if (!array_length(env, v, field, &length)) {
        return false;
    }
    char **strings = calloc(length + 1, sizeof *strings); /* none: still not NULL */
    if (strings == NULL) {
        throw_error(env, "GenericFailure", "Out of memory%s", field);
        return false;
    }
    for (uint32_t i = 0; i < length; i++) {
        napi_value item = NULL;
        if (!get_element(env, v, i, &item) || !read_text(env, item, field, &strings[i], NULL)) {
            free_strings(strings, i);
            return false;
        }
    }
    *out = strings;
    *count = length;
    return true;
}

void free_strings(char **strings, size_t count) {
    for (size_t i = 0; strings != NULL && i < count; i++) {
        free(strings[i]);
    }
    free(strings);
}

bool read_keys(napi_env env, napi_value object, const char *field, napi_value *keys,
               uint32_t *count) {
    napi_valuetype type = type_of(env, object);
    if (type != napi_object && type != napi_function) {
        throw_error(env, "ObjectExpected", "Failed to convert JavaScript value into an object%s",
                    field);
        return false;
    }
    return napi_get_all_property_names(env, object, napi_key_own_only,
                                       napi_key_enumerable | napi_key_skip_symbols,
                                       napi_key_numbers_to_strings, keys) == napi_ok &&
           napi_get_array_length(env, *keys, count) == napi_ok;
}

bool get_element(napi_env env, napi_value array, uint32_t i, napi_value *out) {
    return napi_get_element(env, array, i, out) == napi_ok; /* a getter may have thrown */
}

bool get_field(napi_env env, napi_value object, const char *name, napi_value *out) {
    return napi_get_named_property(env, object, name, out) == napi_ok;
}

bool get_required(napi_env env, napi_value object, const char *name, const char *owner,
                  napi_value *out) {
    if (!get_field(env, object, name, out)) {
        return false;
    }
    if (type_of(env, *out) == napi_undefined) {
        throw_error(env, "InvalidArg", "Missing field `%s`%s", name, owner);
        return false;
    }
    return true;
}

napi_value js_undefined(napi_env env) {
    napi_value v = NULL;
    (void)napi_get_undefined(env, &v);
    return v;
}

napi_value js_null(napi_env env) {
    napi_value v = NULL;
    (void)napi_get_null(env, &v);
    return v;
}

napi_value js_text(napi_env env, const char *s) {
    napi_value v = NULL;
    if (s == NULL) {
        return js_null(env);
    }
    return napi_create_string_utf8(env, s, NAPI_AUTO_LENGTH, &v) == napi_ok ? v : NULL;
}

static void buffer_gone(napi_env env, void *data, void *hint) {
    dbk_buffer *buffer = hint;
    (void)env;
    (void)data;
    buffer->release(buffer);
    free(buffer);
}

napi_value js_buffer(napi_env env, dbk_buffer *buffer) {
    napi_value v = NULL;
    void *data = NULL;
    dbk_buffer *held = malloc(sizeof *held);
    if (held != NULL) {
        *held = *buffer;
        void *bytes = (void *)(uintptr_t)buffer->data; /* ours alone: JavaScript may write */
        if (napi_create_external_buffer(env, buffer->len, bytes, buffer_gone, held, &v) ==
            napi_ok) {
            *buffer = (dbk_buffer){0};
            return v;
        }
        free(held); /* Electron and its kin: no memory from outside */
    }
    if (napi_create_buffer_copy(env, buffer->len, buffer->data, &data, &v) != napi_ok) {
        v = NULL;
    }
    buffer->release(buffer);
    return v;
}

napi_value js_ipc(napi_env env, napi_value bytes) {
    napi_value object = NULL;
    if (bytes == NULL || napi_create_object(env, &object) != napi_ok ||
        napi_set_named_property(env, object, "ipcBytes", bytes) != napi_ok) {
        return NULL;
    }
    return object;
}
