#include "arrow/batch.h"
#include "arrow/ipc_read.h"

#include "unit.h"

enum { BATCHES = 3, ROWS = 60000 }; /* 480 kB each: together more than a heap block holds */

static dbk_schema *one_column(const char *name) {
    dbk_error err = {0};
    dbk_schema *s = NULL;
    CHECK_OK(dbk_schema_new(1, &s, &err), &err);
    s->columns[0] = (dbk_field){.name = dbk_slice_of(name), .type = DBK_TYPE_INT64};
    return s;
}

/* The schema message, and batches that count up from 0. */
static dbk_buf numbers(int64_t rows, size_t *schema_len) {
    dbk_error err = {0};
    dbk_buf out = {0};
    dbk_schema *s = one_column("n");
    int64_t *values = dbk_alloc_array((size_t)rows, sizeof *values);
    CHECK(values != NULL);
    CHECK_OK(dbk_ipc_write_schema(s, &out, &err), &err);
    *schema_len = out.len;
    for (int64_t i = 0; i < BATCHES; i++) {
        dbk_batch *b = NULL;
        for (int64_t row = 0; row < rows; row++) {
            values[row] = i * rows + row;
        }
        CHECK_OK(dbk_batch_new(s, rows, &b, &err), &err);
        CHECK_OK(dbk_array_add_buffers(b, &b->columns[0], 2, &err), &err);
        b->columns[0].length = rows;
        b->columns[0].buffers[1] =
            (dbk_buffer){(const uint8_t *)values, (size_t)rows * sizeof *values};
        CHECK_OK(dbk_ipc_write_batch(b, &out, &err), &err);
        dbk_batch_unref(b);
    }
    dbk_schema_unref(s);
    dbk_free(values);
    return out;
}

static void unpack(dbk_slice in, dbk_block_owner owner, dbk_batch *batches[BATCHES]) {
    dbk_error err = {0};
    dbk_unpack *u = NULL;
    CHECK_OK(
        dbk_unpack_new(&(dbk_unpack_options){.expected_bytes = in.len, .owner = owner}, &u, &err),
        &err);
    while (in.len > 0) {
        size_t n = dbk_min_size(in.len, 10000);
        CHECK_OK(dbk_unpack_feed(u, dbk_slice_n(in.ptr, n), &err), &err);
        in = dbk_slice_n(in.ptr + n, in.len - n);
    }
    CHECK_OK(dbk_unpack_finish(u, &err), &err);
    for (size_t i = 0; i < BATCHES; i++) {
        batches[i] = dbk_unpack_pop(u);
        CHECK(batches[i] != NULL);
    }
    dbk_unpack_free(u);
}

static void unref_all(dbk_batch *batches[BATCHES]) {
    for (size_t i = 0; i < BATCHES; i++) {
        dbk_batch_unref(batches[i]);
    }
}

static void count_released(void *ctx, size_t bytes) {
    *(size_t *)ctx += bytes;
}

/* With and without an end marker in what came, and with a schema message of another length. */
DBK_TEST(ipc_place_puts_schema_and_end_around_what_came) {
    dbk_error err = {0};
    for (int with_end = 0; with_end < 2; with_end++) {
        dbk_batch *batches[BATCHES];
        dbk_placed placed;
        dbk_buf want = {0};
        size_t released = 0;
        size_t schema_len = 0;
        dbk_buf in = numbers(ROWS, &schema_len);
        size_t messages_end = in.len;
        dbk_schema *other = one_column("a name that is longer than the one before it was");
        if (with_end == 1) {
            CHECK_OK(dbk_ipc_write_end(&in, &err), &err);
        }
        CHECK_OK(dbk_ipc_write_schema(other, &want, &err), &err);
        dbk_slice schema = dbk_slice_n(want.ptr, want.len);
        unpack(dbk_buf_slice(&in), (dbk_block_owner){count_released, &released}, batches);
        const uint8_t *values = batches[1]->columns[0].buffers[1].data;
        CHECK_EQ_SIZE(dbk_ipc_placeable(batches, BATCHES, schema.len), BATCHES);
        dbk_ipc_place(schema, batches, BATCHES, &placed);
        CHECK_OK(dbk_buf_append(&want, in.ptr + schema_len, messages_end - schema_len, &err), &err);
        CHECK_OK(dbk_ipc_write_end(&want, &err), &err);
        CHECK_EQ_SIZE(placed.len, want.len);
        CHECK(memcmp(placed.data, want.ptr, want.len) == 0);
        CHECK(values > placed.data && values < placed.data + placed.len); /* nothing moved */
        memset(placed.data, 0xAB, placed.len);                            /* all of it is ours */
        CHECK_EQ_SIZE(released, 0);
        dbk_placed_reset(&placed);
        CHECK(released > messages_end);
        dbk_placed_reset(&placed);
        dbk_schema_unref(other);
        dbk_buf_reset(&want);
        dbk_buf_reset(&in);
    }
    dbk_block_pool_trim();
}

DBK_TEST(ipc_place_refuses_what_others_use_or_what_has_no_room) {
    dbk_error err = {0};
    dbk_batch *batches[BATCHES];
    dbk_batch *part = NULL;
    size_t schema_len = 0;
    dbk_buf in = numbers(ROWS, &schema_len);
    unpack(dbk_buf_slice(&in), (dbk_block_owner){0}, batches);
    CHECK_EQ_SIZE(dbk_ipc_placeable(batches, BATCHES, schema_len), BATCHES);
    CHECK_EQ_SIZE(dbk_ipc_placeable(batches, 2, schema_len), 2);
    CHECK_EQ_SIZE(dbk_ipc_placeable(batches, 0, schema_len), 0);
    CHECK_EQ_SIZE(dbk_ipc_placeable(batches + 1, 2, schema_len), 0); /* not the first */
    CHECK_EQ_SIZE(dbk_ipc_placeable(batches, BATCHES, schema_len + 4), 0);
    CHECK_EQ_SIZE(dbk_ipc_placeable(batches, BATCHES, DBK_BLOCK_FRONT + schema_len), BATCHES);
    CHECK_EQ_SIZE(dbk_ipc_placeable(batches, BATCHES, DBK_BLOCK_FRONT + schema_len + 8), 0);
    (void)dbk_batch_ref(batches[1]);
    CHECK_EQ_SIZE(dbk_ipc_placeable(batches, BATCHES, schema_len), 1);
    dbk_batch_unref(batches[1]);
    CHECK_OK(dbk_batch_slice(batches[0], 1, 5, &part, &err), &err);
    CHECK_EQ_SIZE(dbk_ipc_placeable(batches, BATCHES, schema_len), 0);
    CHECK_EQ_SIZE(dbk_ipc_placeable(&part, 1, schema_len), 0);
    dbk_batch_unref(part);
    unref_all(batches);
    dbk_buf_reset(&in);
    in = numbers(100, &schema_len); /* a heap block has no room before its first message */
    unpack(dbk_buf_slice(&in), (dbk_block_owner){0}, batches);
    CHECK_EQ_SIZE(dbk_ipc_placeable(batches, BATCHES, schema_len + 8), 0);
    unref_all(batches);
    dbk_buf_reset(&in);
    dbk_block_pool_trim();
}

/* Given memory comes back in heaps: it is kept as long as somebody gives. */
DBK_TEST(ipc_place_memory_is_used_again) {
    dbk_placed placed[6];
    size_t schema_len = 0;
    dbk_block_pool_trim();
    dbk_block_pool_giver(true);
    dbk_buf in = numbers(10 * ROWS, &schema_len); /* 14.4 MB, in mappings of 14 MiB */
    for (size_t i = 0; i < COUNT_OF(placed); i++) {
        dbk_batch *batches[BATCHES];
        unpack(dbk_buf_slice(&in), (dbk_block_owner){0}, batches);
        CHECK_EQ_SIZE(dbk_ipc_placeable(batches, BATCHES, schema_len), BATCHES);
        dbk_ipc_place(dbk_slice_n(in.ptr, schema_len), batches, BATCHES, &placed[i]);
        CHECK_EQ_SIZE(dbk_block_pool_bytes(), 0);
    }
    for (size_t i = 0; i < COUNT_OF(placed); i++) {
        dbk_placed_reset(&placed[i]);
    }
    CHECK_EQ_SIZE(dbk_block_pool_bytes(), COUNT_OF(placed) * ((size_t)14 << 20));
    dbk_block_pool_giver(false);
    CHECK_EQ_SIZE(dbk_block_pool_bytes(), 3 * ((size_t)14 << 20)); /* within the usual bound */
    dbk_block_pool_trim();
    dbk_buf_reset(&in);
}
