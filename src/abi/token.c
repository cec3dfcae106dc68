#include "abi/abi.h"

/* Tokens of a live session: replaced by the host, or asked of it. */

KernelStatusCode dbk_session_set_token(kernel_session_t *session, const char *token,
                                       int64_t expires_at) {
    if (!dbk_abi_session_ok(session, "dbk_session_set_token")) {
        return dbk_abi_code();
    }
    if (!dbk_abi_text_ok(token, "token")) {
        return KernelStatusCode_InvalidArgument;
    }
    return dbk_abi_end(dbk_session_replace_token(session->session, dbk_slice_of(token), expires_at,
                                                 dbk_abi_begin()));
}

KernelStatusCode dbk_token_call_answer(dbk_token_call *call, const char *token,
                                       int64_t expires_at) {
    dbk_error *err = dbk_abi_begin();
    if (call == NULL) {
        return dbk_abi_refuse("dbk_token_call_answer: call must not be null");
    }
    if (!dbk_abi_text_ok(token, "token")) {
        return KernelStatusCode_InvalidArgument;
    }
    return dbk_abi_end(dbk_provider_answer(call, dbk_slice_of(token), expires_at, err));
}

KernelStatusCode dbk_token_call_fail(dbk_token_call *call, const char *message) {
    (void)dbk_abi_begin();
    if (call == NULL) {
        return dbk_abi_refuse("dbk_token_call_fail: call must not be null");
    }
    if (!dbk_abi_text_ok(message, "message")) {
        return KernelStatusCode_InvalidArgument;
    }
    dbk_provider_fail(call, message);
    return KernelStatusCode_Success;
}

uint64_t dbk_token_call_time_left_ms(const dbk_token_call *call) {
    return call != NULL ? dbk_provider_left_ms(call) : 0;
}

bool dbk_token_call_cancelled(const dbk_token_call *call) {
    return call != NULL && dbk_provider_stopped(call);
}

bool dbk_token_call_refused(const dbk_token_call *call) {
    return call != NULL && dbk_provider_refused(call);
}
