/* connect.h: from flags and environment to an open session. */
#ifndef DBK_CLI_CONNECT_H
#define DBK_CLI_CONNECT_H

#include "args.h"
#include "errors.h"

#include "databricks_kernel.h"

/* arrow: nested values and intervals stay Arrow values instead of text. False with fault set. */
bool cli_connect(const cli_args *args, bool arrow, kernel_session_t **out, cli_fault *fault);

/* The same up to the configuration, which the caller frees or opens. */
bool cli_configure(const cli_args *args, bool arrow, KernelSessionConfig **out, cli_fault *fault);

#endif
