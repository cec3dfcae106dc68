#include "arrow/golden_test.h"

#include <stdio.h>

#include "arrow/walk_test.h"
#include "unit.h"

const char *const golden_names[] = {"ints.arrow",          "floats.arrow",
                                    "decimals.arrow",      "times.arrow",
                                    "texts.arrow",         "views.arrow",
                                    "lists.arrow",         "listviews.arrow",
                                    "structs.arrow",       "unions.arrow",
                                    "ree.arrow",           "dicts.arrow",
                                    "deltas.arrow",        "empty_batch.arrow",
                                    "no_columns.arrow",    "schema_only.arrow",
                                    "legacy.arrow",        "v4.arrow",
                                    "sliced.arrow",        "metadata.arrow",
                                    "nested.arrow",        "buffers_lz4.arrow",
                                    "buffers_zstd.arrow",  "views_zstd.arrow",
                                    "plain_lz4.arrow.lz4", NULL};

bool golden_is_lz4(const char *name) {
    return dbk_slice_has_suffix(dbk_slice_of(name), DBK_SLICE(".lz4"));
}

static dbk_buf read_file(const char *path) {
    dbk_buf out = {0};
    dbk_error err = {0};
    char piece[4096];
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        unit_fail(__FILE__, __LINE__, "cannot open %s (run from the top of the repository)", path);
    }
    size_t n = 0;
    while ((n = fread(piece, 1, sizeof piece, f)) > 0) {
        CHECK_OK(dbk_buf_append(&out, piece, n, &err), &err);
    }
    (void)fclose(f);
    return out;
}

dbk_buf golden_read(const char *name) {
    char path[256];
    (void)snprintf(path, sizeof path, "src/arrow/testdata/%s", name);
    return read_file(path);
}

dbk_buf golden_text(const char *name) {
    char path[256];
    const char *dot = strchr(name, '.');
    (void)snprintf(path, sizeof path, "src/arrow/testdata/%.*s.txt", (int)(dot - name), name);
    return read_file(path);
}

static dbk_status collect(dbk_unpack *u, decoded *out, dbk_error *err) {
    dbk_batch *b = NULL;
    while ((b = dbk_unpack_pop(u)) != NULL) {
        if (!dbk_array_grow(&out->batches, out->count, &out->cap)) {
            dbk_batch_unref(b);
            return dbk_error_oom(err, "collecting batches");
        }
        out->batches[out->count++] = b;
    }
    return DBK_OK;
}

dbk_status decode(dbk_slice in, const dbk_unpack_options *options, size_t piece, decoded *out,
                  dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_unpack *u = NULL;
    DBK_TRY(dbk_unpack_new(options, &u, err));
    while (in.len > 0) {
        size_t n = piece == 0 ? in.len : dbk_min_size(piece, in.len);
        /* An exact copy, so that ASan sees reads behind the piece. */
        char *copy = dbk_alloc(n);
        if (copy == NULL) {
            st = dbk_error_oom(err, "copying a piece");
            goto done;
        }
        memcpy(copy, in.ptr, n);
        st = dbk_unpack_feed(u, dbk_slice_n(copy, n), err);
        dbk_free(copy);
        DBK_TRY(st);
        DBK_TRY(collect(u, out, err));
        in.ptr += n;
        in.len -= n;
    }
    DBK_TRY(dbk_unpack_finish(u, err));
    out->schema = dbk_schema_ref(dbk_unpack_schema(u));

done:
    dbk_unpack_free(u);
    return st;
}

void decoded_reset(decoded *d) {
    for (size_t i = 0; i < d->count; i++) {
        dbk_batch_unref(d->batches[i]);
    }
    dbk_free(d->batches);
    dbk_schema_unref(d->schema);
    *d = (decoded){0};
}

void decoded_walk(const decoded *d, dbk_buf *out) {
    for (size_t i = 0; i < d->count; i++) {
        walk_batch(d->batches[i], out);
    }
}
