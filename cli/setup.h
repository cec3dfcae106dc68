/* setup.h: what the arguments, the environment and the terminal say together. */
#ifndef DBK_CLI_SETUP_H
#define DBK_CLI_SETUP_H

#include "args.h"
#include "errors.h"
#include "format.h"

/* Never CLI_FORMAT_AUTO: table on a terminal, csv otherwise. */
cli_format_kind cli_setup_format(const cli_args *args, const cli_out *out);
cli_format_options cli_setup_options(const cli_args *args, const cli_out *out);
bool cli_setup_logging(const cli_args *args, cli_fault *fault);
/* Is there a terminal for a progress line? */
bool cli_setup_progress(const cli_args *args);

#endif
