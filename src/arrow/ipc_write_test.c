#include "arrow/exercise_test.h"
#include "arrow/golden_test.h"
#include "unit.h"

static decoded read_golden(const char *name) {
    dbk_error err = {0};
    dbk_buf in = golden_read(name);
    decoded d = {0};
    dbk_unpack_options options = {.lz4 = golden_is_lz4(name)};
    CHECK_OK(decode(dbk_buf_slice(&in), &options, 0, &d, &err), &err);
    dbk_buf_reset(&in);
    return d;
}

/* Whole streams: schema, all batches, end; read back with everything a schema carries. */
DBK_TEST(ipc_write_whole_streams) {
    for (size_t g = 0; golden_names[g] != NULL; g++) {
        dbk_error err = {0};
        decoded d = read_golden(golden_names[g]);
        decoded again = {0};
        dbk_buf out = {0};
        dbk_buf want = {0};
        dbk_buf got = {0};
        dbk_unpack_options options = {0};
        CHECK_CASE(golden_names[g]);
        CHECK_OK(dbk_ipc_write_schema(d.schema, &out, &err), &err);
        for (size_t i = 0; i < d.count; i++) {
            CHECK_OK(dbk_ipc_write_batch(d.batches[i], &out, &err), &err);
            CHECK_EQ_SIZE(out.len % 8, 0);
        }
        CHECK_OK(dbk_ipc_write_end(&out, &err), &err);
        CHECK_OK(decode(dbk_buf_slice(&out), &options, 13, &again, &err), &err);
        decoded_walk(&d, &want);
        decoded_walk(&again, &got);
        CHECK_EQ_SIZE(got.len, want.len);
        CHECK(want.len == 0 || memcmp(got.ptr, want.ptr, want.len) == 0);
        CHECK(dbk_schema_same_types(d.schema, again.schema));
        decoded_reset(&d);
        decoded_reset(&again);
        dbk_buf_reset(&out);
        dbk_buf_reset(&want);
        dbk_buf_reset(&got);
    }
}

/* Every slice of every golden batch, written and read back. */
DBK_TEST(ipc_write_slices) {
    for (size_t g = 0; golden_names[g] != NULL; g++) {
        decoded d = read_golden(golden_names[g]);
        CHECK_CASE(golden_names[g]);
        for (size_t i = 0; i < d.count; i++) {
            int64_t rows = dbk_min_i64(d.batches[i]->row_count, 12);
            for (int64_t offset = 0; offset < rows; offset++) {
                for (int64_t count = 0; count <= rows - offset; count++) {
                    dbk_error err = {0};
                    dbk_batch *part = NULL;
                    CHECK_OK(dbk_batch_slice(d.batches[i], offset, count, &part, &err), &err);
                    exercise_rewrite(part);
                    dbk_batch_unref(part);
                }
            }
        }
        decoded_reset(&d);
    }
}

DBK_TEST(ipc_write_cuts_to_what_is_visible) {
    dbk_error err = {0};
    decoded d = read_golden("plain_lz4.arrow.lz4"); /* 100 rows of int32 and text */
    dbk_batch *part = NULL;
    dbk_buf whole = {0};
    dbk_buf small = {0};
    CHECK_OK(dbk_batch_slice(d.batches[0], 90, 2, &part, &err), &err);
    CHECK_OK(dbk_ipc_write_batch(d.batches[0], &whole, &err), &err);
    CHECK_OK(dbk_ipc_write_batch(part, &small, &err), &err);
    CHECK(whole.len > 1400);
    CHECK(small.len < 400);
    dbk_batch_unref(part);
    decoded_reset(&d);
    dbk_buf_reset(&whole);
    dbk_buf_reset(&small);
}

DBK_TEST(ipc_write_keeps_names_flags_and_metadata) {
    dbk_error err = {0};
    decoded d = read_golden("metadata.arrow");
    decoded again = {0};
    dbk_buf out = {0};
    dbk_unpack_options options = {0};
    CHECK_OK(dbk_ipc_write_schema(d.schema, &out, &err), &err);
    CHECK_OK(decode(dbk_buf_slice(&out), &options, 0, &again, &err), &err);
    const dbk_field *f = &again.schema->columns[0];
    CHECK_SLICE(f->name, "a");
    CHECK(!f->nullable);
    CHECK_EQ_SIZE(f->metadata.count, 2);
    CHECK_SLICE(f->metadata.pairs[1].key, "k2");
    CHECK_SLICE(f->metadata.pairs[1].value, "");
    CHECK_EQ_SIZE(again.schema->metadata.count, 1);
    CHECK_SLICE(again.schema->metadata.pairs[0].value, "level");
    decoded_reset(&d);
    decoded_reset(&again);
    dbk_buf_reset(&out);
}

/* Types that pyarrow cannot make. */
DBK_TEST(ipc_write_intervals) {
    static const int32_t values[] = {1, -2, 3, -4};
    static const dbk_type interval_types[] = {DBK_TYPE_INTERVAL_MONTHS, DBK_TYPE_INTERVAL_DAY_TIME};
    for (size_t i = 0; i < COUNT_OF(interval_types); i++) {
        dbk_error err = {0};
        dbk_schema *s = NULL;
        dbk_batch *b = NULL;
        CHECK_OK(dbk_schema_new(1, &s, &err), &err);
        s->columns[0] = (dbk_field){.name = DBK_SLICE("i"), .type = interval_types[i]};
        CHECK_OK(dbk_batch_new(s, 2, &b, &err), &err);
        CHECK_OK(dbk_array_add_buffers(b, &b->columns[0], 2, &err), &err);
        b->columns[0].length = 2;
        b->columns[0].buffers[1] = (dbk_buffer){(const uint8_t *)values, sizeof values};
        exercise_rewrite(b);
        exercise_export(b);
        dbk_batch_unref(b);
        dbk_schema_unref(s);
    }
}

/* ---- memory ---- */

static decoded *oom_stream;

static dbk_status oom_write(dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_buf out = {0};
    DBK_TRY(dbk_ipc_write_schema(oom_stream->schema, &out, err));
    DBK_TRY(dbk_ipc_write_batch(oom_stream->batches[0], &out, err));
    DBK_TRY(dbk_ipc_write_end(&out, err));

done:
    CHECK_EQ_SIZE(out.len % 8, 0); /* whole messages, also on failure */
    dbk_buf_reset(&out);
    return st;
}

static dbk_buf oom_input;
static bool oom_lz4;

static dbk_status oom_read(dbk_error *err) {
    decoded d = {0};
    dbk_unpack_options options = {.lz4 = oom_lz4, .expected_bytes = 300};
    dbk_status st = decode(dbk_buf_slice(&oom_input), &options, 500, &d, err);
    decoded_reset(&d);
    dbk_block_pool_trim();
    return st;
}

DBK_TEST(ipc_write_and_read_oom) {
    static const char *const names[] = {"dicts.arrow", "deltas.arrow",      "unions.arrow",
                                        "ree.arrow",   "buffers_lz4.arrow", "plain_lz4.arrow.lz4"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        decoded d = read_golden(names[i]);
        CHECK_CASE(names[i]);
        oom_stream = &d;
        unit_oom_sweep(oom_write, __FILE__, __LINE__);
        decoded_reset(&d);
        oom_input = golden_read(names[i]);
        oom_lz4 = golden_is_lz4(names[i]);
        unit_oom_sweep(oom_read, __FILE__, __LINE__);
        dbk_buf_reset(&oom_input);
    }
}
