#include "progress.h"

#include "text.h"

#include <inttypes.h>

static const char *state_word(const dbk_progress *p) {
    switch (p->state) {
    case KernelStatementStatusKind_Pending:
        return "waiting";
    case KernelStatementStatusKind_Running:
        return "running";
    case KernelStatementStatusKind_Succeeded:
        return "reading";
    case KernelStatementStatusKind_Failed:
        return "failed";
    case KernelStatementStatusKind_Cancelled:
        return "cancelled";
    case KernelStatementStatusKind_Closed:
        return "done";
    }
    return "working";
}

static void add_rows(cli_buf *line, const dbk_progress *p) {
    cli_buf_addf(line, ", %" PRId64, p->rows_decoded);
    if (p->rows_total > 0) {
        cli_buf_addf(line, "/%" PRId64, p->rows_total);
    }
    cli_buf_add_str(line, " rows");
}

void cli_progress_line(cli_buf *out, const dbk_progress *p, uint64_t elapsed_ms, size_t width) {
    cli_buf line = {0};
    cli_buf_add_str(&line, p == NULL ? "connecting" : state_word(p));
    if (p != NULL && p->chunks_total > 1) {
        cli_buf_addf(&line, ", %" PRId64 "/%" PRId64 " chunks", p->chunks_done, p->chunks_total);
    }
    if (p != NULL && p->rows_decoded > 0) {
        add_rows(&line, p);
    }
    if (p != NULL && p->bytes_received > 0 && elapsed_ms > 0) {
        cli_buf_addf(&line, ", %.1f MB/s", (double)p->bytes_received / 1000.0 / (double)elapsed_ms);
    }
    cli_buf_addf(&line, ", %" PRIu64 ".%" PRIu64 " s", elapsed_ms / 1000, elapsed_ms % 1000 / 100);
    (void)cli_show(out, line.ptr, line.len, width);
    cli_buf_reset(&line);
}
