/* result.h: one result, from its stream to the output. */
#ifndef DBK_CLI_RESULT_H
#define DBK_CLI_RESULT_H

#include "args.h"
#include "errors.h"
#include "format.h"

#include "databricks_kernel.h"

enum { CLI_WANTED_MAX = 8 };

/* What all results of one command have in common. */
typedef struct cli_run {
    kernel_session_t *session;
    const cli_args *args;
    cli_out *out;
    cli_format_kind format; /* never CLI_FORMAT_AUTO */
    cli_format_options options;
    size_t results; /* tables written so far */
} cli_run;

typedef struct cli_result {
    kernel_result_stream_t *stream; /* borrowed */
    const char *const *wanted;      /* only these columns, in this order; not in Arrow output */
    size_t wanted_count;            /* 0: all */
    bool no_result_set;             /* Arrow output: nothing is written */
    bool may_be_count;              /* a table leaves out the row that an INSERT returns */
    /* out */
    bool shows_rows; /* rows were written */
    int64_t rows;
} cli_result;

/* Reads to the end. False with fault set; true also when the reader of the output has gone. */
bool cli_result_write(cli_run *run, cli_result *result, cli_fault *fault);
/* Formats under which a line says how many rows there were. */
static inline bool cli_format_is_for_people(cli_format_kind format) {
    return format == CLI_FORMAT_TABLE || format == CLI_FORMAT_VERTICAL;
}
/* "3 rows in 0.1 s" on standard error. */
void cli_result_summary(const cli_result *result, double seconds);

double cli_now_s(void); /* monotonic */

#endif
