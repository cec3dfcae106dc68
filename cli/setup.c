#include "setup.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "databricks_kernel.h"

cli_format_kind cli_setup_format(const cli_args *args, const cli_out *out) {
    if (args->format != CLI_FORMAT_AUTO) {
        return args->format;
    }
    return out->is_terminal ? CLI_FORMAT_TABLE : CLI_FORMAT_CSV;
}

static bool utf8_terminal(void) {
    static const char *const variables[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    for (size_t i = 0; i < COUNT_OF(variables); i++) {
        const char *value = getenv(variables[i]);
        if (value != NULL && value[0] != '\0') {
            return strcasestr(value, "utf-8") != NULL || strcasestr(value, "utf8") != NULL;
        }
    }
    return false;
}

cli_format_options cli_setup_options(const cli_args *args, const cli_out *out) {
    struct winsize screen = {0};
    cli_format_options options = {.header = !args->no_header,
                                  .null_text = args->null_text,
                                  .max_width = args->max_width,
                                  .line_drawing = out->is_terminal && utf8_terminal()};
    if (out->is_terminal && !args->max_width_given && ioctl(out->fd, TIOCGWINSZ, &screen) == 0) {
        options.screen_width = screen.ws_col;
    }
    return options;
}

bool cli_setup_logging(const cli_args *args, cli_fault *fault) {
    const char *level = args->log_level;
    if (level == NULL && args->log_file == NULL && getenv("DBK_LOG") == NULL) {
        return true; /* silent: what matters to the user is in the error block */
    }
    if (kernel_init_logging(level, args->log_file) != KernelStatusCode_Success) {
        cli_fault_take(fault, false);
        fault->exit_code = CLI_EXIT_USAGE;
        return false;
    }
    return true;
}

bool cli_setup_progress(const cli_args *args) {
    const char *terminal = getenv("TERM");
    bool logs_there =
        args->log_file == NULL && (args->log_level != NULL || getenv("DBK_LOG") != NULL);
    return !args->quiet && !logs_there && isatty(STDERR_FILENO) == 1 && terminal != NULL &&
           strcmp(terminal, "dumb") != 0;
}
