/* progress.h: the progress line as text. Pure function; watch.c draws it. */
#ifndef DBK_CLI_PROGRESS_H
#define DBK_CLI_PROGRESS_H

#include "cli.h"

#include "dbkernel.h"

/* "reading  12/40 chunks, 1234567 rows, 85.3 MB/s, 3.4 s", cut to width columns (0: not). progress
 * NULL: "connecting", for elapsed_ms. */
void cli_progress_line(cli_buf *out, const dbk_progress *progress, uint64_t elapsed_ms,
                       size_t width);

#endif
