/* trace.h: what a statement's time went into: a timeline for people, a file for a browser.
 *
 * Records come from any thread of the kernel and are kept until they are shown. */
#ifndef DBK_CLI_TRACE_H
#define DBK_CLI_TRACE_H

#include "args.h"
#include "errors.h"

#include "databricks_kernel.h"

/* Listens to the sessions opened with config when args want a trace. */
bool cli_trace_listen(KernelSessionConfig *config, const cli_args *args);
/* The timeline of what came since the last one, on standard error. */
void cli_trace_show(const cli_args *args);
/* Writes --trace-file, when there is one; after the session has closed. */
bool cli_trace_write(const cli_args *args, cli_fault *fault);
void cli_trace_reset(void);

#endif
