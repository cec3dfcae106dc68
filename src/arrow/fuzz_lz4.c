/* Target: dbk_lz4_gather and dbk_lz4_decode. The first byte sets the size of the pieces fed, the second the room given.
 *
 * Properties: any split of input and output gives the same bytes and the same verdict; the output
 * never exceeds the room, nor 255 times the input. */
#include "arrow/lz4.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OUT_MAX ((size_t)1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct run {
    dbk_status st;
    dbk_buf out;
} run;

static void need(bool holds, const char *what) {
    if (!holds) {
        fprintf(stderr, "broken: %s\n", what);
        abort();
    }
}

static run decode(dbk_slice in, size_t piece, size_t room) {
    run r = {.st = DBK_OK};
    dbk_error err = {0};
    dbk_lz4 *z = NULL;
    uint8_t *dst = malloc(room);
    need(dst != NULL && dbk_lz4_new(&z, &err) == DBK_OK, "memory");
    while (r.st == DBK_OK && in.len > 0 && r.out.len < OUT_MAX) {
        dbk_slice part = {in.ptr, dbk_min_size(piece, in.len)};
        dbk_lz4_out out = {.dst = dst, .room = room};
        in.ptr += part.len;
        in.len -= part.len;
        r.st = dbk_lz4_gather(z, &part, &err);
        do {
            r.st = r.st == DBK_OK ? dbk_lz4_decode(z, &part, &out, &err) : r.st;
            if (r.st != DBK_OK) {
                break;
            }
            need(out.produced <= room, "output stays within its room");
            need(dbk_buf_append(&r.out, dst, out.produced, &err) == DBK_OK, "memory");
        } while (part.len > 0 || out.produced == room);
    }
    if (r.st == DBK_OK) {
        r.st = dbk_lz4_finish(z, &err);
    }
    dbk_lz4_free(z);
    free(dst);
    dbk_error_reset(&err);
    return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2) {
        return 0;
    }
    dbk_slice in = dbk_slice_n(data + 2, size - 2);
    run whole = decode(in, in.len + 1, (size_t)1 << 16);
    run split = decode(in, (size_t)data[0] + 1, (size_t)data[1] * 16 + 1);
    need(whole.out.len <= in.len * 255, "no more output than the format can hold");
    if (whole.out.len < OUT_MAX && split.out.len < OUT_MAX) {
        need(whole.st == split.st, "any split gives the same verdict");
    }
    size_t same = dbk_min_size(whole.out.len, split.out.len);
    need(same == 0 || memcmp(whole.out.ptr, split.out.ptr, same) == 0,
         "any split gives the same bytes");
    dbk_buf_reset(&whole.out);
    dbk_buf_reset(&split.out);
    return 0;
}
