#include "debug.h"

#include "connect.h"
#include "setup.h"

#include <stdio.h>

#include "dbkernel.h"

static bool print_report(const cli_args *args, bool *healthy, cli_fault *fault) {
    KernelSessionConfig *config = NULL;
    char *report = NULL;
    bool as_json = args->format == CLI_FORMAT_JSON || args->format == CLI_FORMAT_JSONL;
    if (!cli_setup_logging(args, fault) || !cli_configure(args, false, &config, fault)) {
        return false;
    }
    bool ok = dbk_connection_report(config, as_json, &report, healthy) == KernelStatusCode_Success;
    if (!ok) {
        cli_fault_take(fault, true);
    } else if (fputs(report, stdout) == EOF || fflush(stdout) != 0) {
        cli_fault_set(fault, CLI_EXIT_BROKEN, "cannot write standard output");
        ok = false;
    }
    dbk_report_free(report);
    kernel_session_config_free(config);
    return ok;
}

int cli_debug(const cli_args *args) {
    cli_fault fault = {0};
    bool healthy = false;
    if (print_report(args, &healthy, &fault)) {
        return healthy ? CLI_EXIT_OK : CLI_EXIT_CONNECTION;
    }
    int code = fault.exit_code;
    cli_fault_print(&fault, NULL, stderr);
    cli_fault_reset(&fault);
    return code;
}
