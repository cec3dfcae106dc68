#include "errors.h"

#include <string.h>

#include "dbkernel.h"

static int exit_code_of(int code, bool while_connecting, uint16_t http_status) {
    switch ((KernelStatusCode)code) {
    case KernelStatusCode_SqlError:
    case KernelStatusCode_Cancelled: /* by somebody else: Ctrl-C is noticed before */
        return CLI_EXIT_SQL;
    case KernelStatusCode_InvalidArgument: /* a bad http_path, or a statement answered with 400 */
        return while_connecting ? CLI_EXIT_CONNECTION : CLI_EXIT_SQL;
    case KernelStatusCode_Unauthenticated:
    case KernelStatusCode_PermissionDenied:
    case KernelStatusCode_NotFound:
    case KernelStatusCode_Unavailable:
    case KernelStatusCode_Timeout:
    case KernelStatusCode_NetworkError:
        return CLI_EXIT_CONNECTION;
    case KernelStatusCode_ResourceExhausted:
        return http_status != 0 ? CLI_EXIT_CONNECTION : CLI_EXIT_BROKEN;
    case KernelStatusCode_Success:
    case KernelStatusCode_DataLoss:
    case KernelStatusCode_Internal:
    case KernelStatusCode_InvalidStatementHandle:
        return while_connecting ? CLI_EXIT_CONNECTION : CLI_EXIT_BROKEN;
    }
    return CLI_EXIT_BROKEN;
}

static char *copy(const char *text) {
    return text == NULL || text[0] == '\0' ? NULL : cli_strdup(text);
}

/* The ABI's messages end in "; error_code=X" where X is known; the block has a place for it. */
static void cut_error_code(cli_fault *fault) {
    static const char mark[] = "; error_code=";
    char *tail = NULL;
    for (char *at = strstr(fault->message, mark); at != NULL; at = strstr(at + 1, mark)) {
        tail = at;
    }
    if (tail == NULL || strpbrk(tail + 2, " \n") != NULL) {
        return;
    }
    if (fault->error_code == NULL) {
        fault->error_code = copy(tail + sizeof mark - 1);
    }
    *tail = '\0';
}

void cli_fault_take(cli_fault *fault, bool while_connecting) {
    KernelError error = {0};
    dbk_error_info info = {.struct_size = sizeof info};
    cli_fault_reset(fault);
    fault->while_connecting = while_connecting;
    if (!kernel_get_last_error(&error)) {
        fault->message = cli_strdup("the kernel failed without saying why");
        fault->exit_code = CLI_EXIT_BROKEN;
        return;
    }
    fault->code = error.code;
    fault->http_status = error.http_status;
    fault->message = cli_strdup(error.message == NULL ? "" : error.message);
    fault->sql_state = copy(error.sql_state);
    fault->query_id = copy(error.query_id);
    if (dbk_get_last_error_info(&info)) {
        fault->attempts = info.attempts;
        fault->may_have_executed = info.may_have_executed;
        fault->error_code = copy(info.error_code);
        fault->request_id = copy(info.request_id);
    }
    cut_error_code(fault);
    fault->exit_code = exit_code_of(fault->code, while_connecting, fault->http_status);
}
