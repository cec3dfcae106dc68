/* For make arrow-judge: reads an Arrow IPC stream, as pieces of 4 KB, and writes it anew: `ipc_judge IN OUT`. Another
 * implementation then compares the two. 3: refused, with the reason on stderr. */
#include <stdio.h>

#include "arrow/arrow.h"

#define PIECE 4096

static dbk_status write_all(dbk_unpack *u, dbk_buf *out, dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_batch *b = NULL;
    while (st == DBK_OK && (b = dbk_unpack_pop(u)) != NULL) {
        st = dbk_ipc_write_batch(b, out, err);
        dbk_batch_unref(b);
    }
    return st;
}

static dbk_status rewrite(FILE *in, dbk_buf *out, dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_unpack *u = NULL;
    dbk_buf batches = {0};
    char piece[PIECE];
    size_t n = 0;
    dbk_unpack_options options = {.max_bytes = (size_t)1 << 30};
    DBK_TRY(dbk_unpack_new(&options, &u, err));
    while ((n = fread(piece, 1, sizeof piece, in)) > 0) {
        DBK_TRY(dbk_unpack_feed(u, dbk_slice_n(piece, n), err));
        DBK_TRY(write_all(u, &batches, err));
    }
    DBK_TRY(dbk_unpack_finish(u, err));
    DBK_TRY(write_all(u, &batches, err));
    DBK_TRY(dbk_ipc_write_schema(dbk_unpack_schema(u), out, err));
    DBK_TRY(dbk_buf_append(out, batches.ptr, batches.len, err));
    DBK_TRY(dbk_ipc_write_end(out, err));
done:
    dbk_buf_reset(&batches);
    dbk_unpack_free(u);
    return st;
}

int main(int argc, char **argv) {
    dbk_error err = {0};
    dbk_buf out = {0};
    FILE *in = argc == 3 ? fopen(argv[1], "rb") : NULL;
    FILE *to = in != NULL ? fopen(argv[2], "wb") : NULL;
    if (to == NULL) {
        (void)fprintf(stderr, "usage: ipc_judge IN OUT\n");
        return 2;
    }
    dbk_status st = rewrite(in, &out, &err);
    if (st != DBK_OK) {
        (void)fprintf(stderr, "%s\n", dbk_error_message(&err));
    }
    bool written = out.len == 0 || fwrite(out.ptr, 1, out.len, to) == out.len;
    (void)fclose(in);
    written = fclose(to) == 0 && written;
    dbk_buf_reset(&out);
    dbk_error_reset(&err);
    return st != DBK_OK ? 3 : written ? 0 : 1;
}
