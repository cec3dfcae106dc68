/* exercise_test.h: everything that can be done with a stream from outside, with its properties.
 *
 * Used by the mutation tests and the fuzz target; a broken property ends the program. */
#ifndef DBK_ARROW_EXERCISE_TEST_H
#define DBK_ARROW_EXERCISE_TEST_H

#include "arrow/walk_test.h"

#define EXERCISE_MAX_BYTES ((size_t)16 << 20)

typedef struct exercise {
    dbk_status st;  /* what feed or finish said */
    dbk_buf text;   /* walk of all batches that came before */
    char error[64]; /* beginning of the message */
} exercise;

static inline void exercise_need(bool holds, const char *what, const dbk_error *err) {
    if (!holds) {
        fprintf(stderr, "broken: %s: %s\n", what, dbk_error_message(err));
        __builtin_trap();
    }
}

static inline void exercise_export(dbk_batch *b) {
    dbk_error err = {0};
    struct ArrowSchema schema;
    struct ArrowArray array;
    exercise_need(dbk_schema_export(b->schema, &schema, &err) == DBK_OK, "schema export", &err);
    exercise_need(dbk_batch_export(b, &array, &err) == DBK_OK, "batch export", &err);
    exercise_need(array.length == b->row_count && array.n_children == schema.n_children,
                  "the export has the batch's shape", &err);
    array.release(&array);
    schema.release(&schema);
}

/* What is written reads back as the same values. */
static inline void exercise_rewrite(const dbk_batch *b) {
    dbk_error err = {0};
    dbk_buf out = {0};
    dbk_buf before = {0};
    dbk_buf after = {0};
    dbk_unpack *u = NULL;
    dbk_unpack_options options = {0};
    exercise_need(dbk_ipc_write_schema(b->schema, &out, &err) == DBK_OK &&
                      dbk_ipc_write_batch(b, &out, &err) == DBK_OK &&
                      dbk_ipc_write_end(&out, &err) == DBK_OK,
                  "writing", &err);
    exercise_need(out.len % 8 == 0, "messages are padded", &err);
    options.expected_bytes = out.len;
    exercise_need(dbk_unpack_new(&options, &u, &err) == DBK_OK, "new", &err);
    exercise_need(dbk_unpack_feed(u, dbk_buf_slice(&out), &err) == DBK_OK, "reading back", &err);
    exercise_need(dbk_unpack_finish(u, &err) == DBK_OK, "reading back to the end", &err);
    dbk_batch *again = dbk_unpack_pop(u);
    exercise_need(again != NULL && dbk_schema_same_types(again->schema, b->schema),
                  "same types after reading back", &err);
    walk_batch(b, &before);
    walk_batch(again, &after);
    exercise_need(before.len == after.len && memcmp(before.ptr, after.ptr, after.len) == 0,
                  "same values after reading back", &err);
    dbk_batch_unref(again);
    dbk_unpack_free(u);
    dbk_buf_reset(&out);
    dbk_buf_reset(&before);
    dbk_buf_reset(&after);
    dbk_error_reset(&err);
}

static inline void exercise_batch(dbk_batch *b, dbk_buf *text) {
    dbk_error err = {0};
    dbk_batch *part = NULL;
    walk_batch(b, text);
    exercise_export(b);
    exercise_rewrite(b);
    if (b->row_count >= 2) {
        exercise_need(dbk_batch_slice(b, 1, b->row_count - 1, &part, &err) == DBK_OK, "slice",
                      &err);
        exercise_rewrite(part);
        dbk_batch_unref(part);
    }
}

static inline void exercise_pop(dbk_unpack *u, exercise *x) {
    dbk_batch *b = NULL;
    while ((b = dbk_unpack_pop(u)) != NULL) {
        exercise_batch(b, &x->text);
        dbk_batch_unref(b);
    }
}

static inline void exercise_released(void *ctx, size_t bytes) {
    *(size_t *)ctx += bytes;
}

/* Feeds in[0..at) and the rest; `expected` is the declared size. */
static inline exercise exercise_stream(dbk_slice in, bool lz4, size_t at, size_t expected) {
    exercise x = {.st = DBK_OK};
    dbk_error err = {0};
    dbk_unpack *u = NULL;
    size_t released = 0;
    dbk_unpack_options options = {.lz4 = lz4,
                                  .expected_bytes = expected,
                                  .max_bytes = EXERCISE_MAX_BYTES,
                                  .owner = {exercise_released, &released}};
    exercise_need(dbk_unpack_new(&options, &u, &err) == DBK_OK, "new", &err);
    x.st = dbk_unpack_feed(u, dbk_slice_n(in.ptr, at), &err);
    exercise_pop(u, &x);
    if (x.st == DBK_OK) {
        x.st = dbk_unpack_feed(u, dbk_slice_n(in.ptr + at, in.len - at), &err);
        exercise_pop(u, &x);
    }
    if (x.st == DBK_OK) {
        x.st = dbk_unpack_finish(u, &err);
    }
    exercise_need(x.st == DBK_OK || x.st == DBK_DATA_LOSS, "only DataLoss", &err);
    exercise_need(x.st != DBK_OK || dbk_unpack_schema(u) != NULL, "success has a schema", &err);
    (void)snprintf(x.error, sizeof x.error, "%s", x.st == DBK_OK ? "" : dbk_error_message(&err));
    size_t taken = dbk_unpack_block_bytes(u);
    dbk_unpack_free(u);
    exercise_need(released == taken, "all block memory comes back", &err);
    exercise_need(taken <= 4 * EXERCISE_MAX_BYTES, "block memory stays within its bound", &err);
    dbk_error_reset(&err);
    return x;
}

#endif
