#include "module.h"

#include <stdio.h>

/* The envelope of the contract: a sentinel and JSON with keys in alphabetical order, absent ones left out. */
#define SENTINEL "__databricks_error__:"

static const char *code_word(int32_t code) {
    static const char *const words[] = {
        "Internal",     "InvalidArgument",   "Unauthenticated", "PermissionDenied",
        "NotFound",     "ResourceExhausted", "Unavailable",     "Timeout",
        "Cancelled",    "DataLoss",          "Internal",        "InvalidStatementHandle",
        "NetworkError", "SqlError"};
    bool known = code >= 0 && (size_t)code < sizeof words / sizeof words[0];
    return known ? words[code] : "Internal";
}

static const char *own_code(const char *word) {
    if (strcmp(word, "InvalidArgument") == 0 || strcmp(word, "InvalidStatementHandle") == 0) {
        return "InvalidArg";
    }
    return strcmp(word, "Cancelled") == 0 ? "Cancelled" : "GenericFailure";
}

static void put_key(text *json, const char *key) {
    text_puts(json, json->len > sizeof SENTINEL ? ",\"" : "\"");
    text_puts(json, key);
    text_puts(json, "\":");
}

static void put_text(text *json, const char *key, const char *value) {
    if (value != NULL) {
        put_key(json, key);
        text_put_json(json, value, strlen(value));
    }
}

static void put_number(text *json, const char *key, long value) {
    if (value != 0) {
        put_key(json, key);
        text_put_number(json, value);
    }
}

static napi_value new_error(napi_env env, const char *code, text *takes_message) {
    napi_value error = NULL;
    napi_value message =
        takes_message->failed ? js_text(env, "out of memory") : js_text(env, takes_message->ptr);
    (void)napi_create_error(env, js_text(env, own_code(code)), message, &error);
    text_reset(takes_message);
    return error;
}

static napi_value error_of(napi_env env, const KernelError *e, const dbk_error_info *info) {
    text json = {0};
    const char *word = code_word(e->code);
    text_puts(&json, SENTINEL "{");
    put_text(&json, "code", word);
    put_text(&json, "diagnosticInfo", info->diagnostic_info);
    put_text(&json, "displayMessage", info->display_message);
    put_text(&json, "errorCode", info->error_code);
    put_text(&json, "errorDetailsJson", info->error_details_json);
    put_number(&json, "httpStatus", e->http_status);
    put_key(&json, "message"); /* without the error code at its end: that is a field */
    text_put_json(&json, e->message, info->message_length);
    put_text(&json, "queryId", e->query_id);
    if (e->retryable) {
        put_key(&json, "retryable");
        text_puts(&json, "true");
    }
    put_text(&json, "sqlState", e->sql_state);
    put_number(&json, "vendorCode", e->vendor_code);
    text_puts(&json, "}");
    return new_error(env, word, &json);
}

napi_value error_of_text(napi_env env, const char *code, const char *message) {
    text json = {0};
    text_puts(&json, SENTINEL "{");
    put_text(&json, "code", code);
    put_text(&json, "message", message);
    text_puts(&json, "}");
    return new_error(env, code, &json);
}

napi_value error_of_last(napi_env env) {
    KernelError e = {0};
    dbk_error_info info = {.struct_size = sizeof info};
    return kernel_get_last_error(&e) && dbk_get_last_error_info(&info)
               ? error_of(env, &e, &info)
               : error_of_text(env, "Internal", "the call failed without saying why");
}

napi_value error_of_future(napi_env env, const dbk_future *f) {
    KernelError e = {0};
    dbk_error_info info = {.struct_size = sizeof info};
    return dbk_future_error(f, &e) && dbk_future_error_info(f, &info)
               ? error_of(env, &e, &info)
               : error_of_text(env, "Internal", "the operation failed without saying why");
}
