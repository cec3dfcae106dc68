#include "abi/abi.h"

#include <stdarg.h>
#include <stdio.h>

/* The ABI's codes and ours are one vocabulary. */
_Static_assert((int)DBK_OK == KernelStatusCode_Success, "status codes");
_Static_assert((int)DBK_INVALID_ARGUMENT == KernelStatusCode_InvalidArgument, "status codes");
_Static_assert((int)DBK_UNAUTHENTICATED == KernelStatusCode_Unauthenticated, "status codes");
_Static_assert((int)DBK_PERMISSION_DENIED == KernelStatusCode_PermissionDenied, "status codes");
_Static_assert((int)DBK_NOT_FOUND == KernelStatusCode_NotFound, "status codes");
_Static_assert((int)DBK_RESOURCE_EXHAUSTED == KernelStatusCode_ResourceExhausted, "status codes");
_Static_assert((int)DBK_UNAVAILABLE == KernelStatusCode_Unavailable, "status codes");
_Static_assert((int)DBK_TIMEOUT == KernelStatusCode_Timeout, "status codes");
_Static_assert((int)DBK_CANCELLED == KernelStatusCode_Cancelled, "status codes");
_Static_assert((int)DBK_DATA_LOSS == KernelStatusCode_DataLoss, "status codes");
_Static_assert((int)DBK_INTERNAL == KernelStatusCode_Internal, "status codes");
_Static_assert((int)DBK_INVALID_HANDLE == KernelStatusCode_InvalidStatementHandle, "status codes");
_Static_assert((int)DBK_NETWORK == KernelStatusCode_NetworkError, "status codes");
_Static_assert((int)DBK_SQL == KernelStatusCode_SqlError, "status codes");

#if UINTPTR_MAX > 0xFFFFFFFFu
_Static_assert(sizeof(KernelError) == 40 && offsetof(KernelError, message) == 8 &&
                   offsetof(KernelError, sql_state) == 16 &&
                   offsetof(KernelError, vendor_code) == 24 &&
                   offsetof(KernelError, http_status) == 28 &&
                   offsetof(KernelError, retryable) == 30 && offsetof(KernelError, query_id) == 32,
               "the Go driver hard-codes this layout");
#endif

/* Heap parts of a thread's error are freed when the thread ends (Go starts and ends many). */
static pthread_key_t cleanup_key;
static pthread_once_t cleanup_once = PTHREAD_ONCE_INIT;
static _Thread_local dbk_error last_error;
static _Thread_local bool cleanup_set;

static void free_last_error(void *err) {
    dbk_error_reset(err);
}

static void make_cleanup_key(void) {
    (void)pthread_key_create(&cleanup_key, free_last_error);
}

dbk_error *dbk_abi_begin(void) {
    if (!cleanup_set) {
        (void)pthread_once(&cleanup_once, make_cleanup_key);
        (void)pthread_setspecific(cleanup_key, &last_error);
        cleanup_set = true;
    }
    dbk_error_reset(&last_error);
    return &last_error;
}

KernelStatusCode dbk_abi_code(void) {
    return dbk_abi_end(last_error.code);
}

static const char *or_null(const char *text) {
    return text != NULL && text[0] != '\0' ? text : NULL;
}

bool dbk_abi_show_error(const dbk_error *err, KernelError *out) {
    if (out == NULL || err->code == DBK_OK) {
        return false;
    }
    out->code = (int32_t)err->code;
    out->message = dbk_error_message(err);
    out->sql_state = or_null(err->sqlstate);
    out->vendor_code = err->vendor_code;
    out->http_status = err->http_status;
    out->retryable = err->retryable;
    out->query_id = or_null(err->query_id);
    return true;
}

/* What the struct was at first. */
#define FIRST_INFO_SIZE offsetof(dbk_error_info, message_length)

bool dbk_abi_show_info(const dbk_error *err, dbk_error_info *out) {
    if (out == NULL || out->struct_size < FIRST_INFO_SIZE || err->code == DBK_OK) {
        return false;
    }
    out->attempts = err->attempts;
    out->may_have_executed = err->may_have_executed;
    out->error_code = or_null(err->server_code);
    out->request_id = or_null(err->request_id);
    out->display_message = or_null(err->display_message);
    out->diagnostic_info = or_null(err->diagnostic_info);
    out->error_details_json = or_null(err->details_json);
    if (out->struct_size >= sizeof *out) {
        out->message_length = dbk_error_bare_length(err);
    }
    return true;
}

bool kernel_get_last_error(KernelError *out) {
    return dbk_abi_show_error(&last_error, out);
}

bool dbk_get_last_error_info(dbk_error_info *out) {
    return dbk_abi_show_info(&last_error, out);
}

KernelStatusCode dbk_abi_refuse(const char *fmt, ...) {
    char message[DBK_ERROR_INLINE * 2];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(message, sizeof message, fmt, args);
    va_end(args);
    return dbk_abi_end(dbk_error_set(dbk_abi_begin(), DBK_INVALID_ARGUMENT, "%s", message));
}

bool dbk_abi_optional_ok(const char *text, const char *name) {
    if (text != NULL && !dbk_utf8_valid(dbk_slice_of(text))) {
        (void)dbk_abi_refuse("%s is not valid UTF-8", name);
        return false;
    }
    return true;
}

bool dbk_abi_text_ok(const char *text, const char *name) {
    if (text == NULL) {
        (void)dbk_abi_refuse("%s must not be null", name);
        return false;
    }
    return dbk_abi_optional_ok(text, name);
}
