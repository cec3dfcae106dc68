#include <pthread.h>

#include "arrow/golden_test.h"
#include "arrow/walk_test.h"
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

/* ---- schemas ---- */

static void check_formats(const char *name, const char *const *formats) {
    dbk_error err = {0};
    decoded d = read_golden(name);
    struct ArrowSchema s;
    CHECK_CASE(name);
    CHECK_OK(dbk_schema_export(d.schema, &s, &err), &err);
    decoded_reset(&d); /* the export stands alone */
    CHECK_STR(s.format, "+s");
    CHECK(s.name == NULL);
    for (int64_t i = 0; i < s.n_children; i++) {
        CHECK(formats[i] != NULL);
        CHECK_STR(s.children[i]->format, formats[i]);
        CHECK_EQ_I64(s.children[i]->flags & ARROW_FLAG_NULLABLE, ARROW_FLAG_NULLABLE);
    }
    CHECK(formats[s.n_children] == NULL);
    s.release(&s);
    CHECK(s.release == NULL);
}

DBK_TEST(export_formats) {
    check_formats("ints.arrow",
                  (const char *const[]){"n", "b", "c", "s", "i", "l", "C", "S", "I", "L", NULL});
    check_formats("floats.arrow", (const char *const[]){"e", "f", "g", NULL});
    check_formats("decimals.arrow",
                  (const char *const[]){"d:5,2,32", "d:18,2,64", "d:38,2", "d:76,2,256", NULL});
    check_formats("times.arrow",
                  (const char *const[]){"tdD", "tdm", "tts", "ttm", "ttu", "ttn",
                                        "tss:", "tsm:", "tsu:Etc/UTC", "tsn:Europe/Amsterdam",
                                        "tDu", "tDs", "tin", NULL});
    check_formats("texts.arrow", (const char *const[]){"u", "U", "z", "Z", "w:3", NULL});
    check_formats("views.arrow", (const char *const[]){"vu", "vz", "vu", NULL});
    check_formats("lists.arrow", (const char *const[]){"+l", "+L", "+w:2", "+l", NULL});
    check_formats("listviews.arrow", (const char *const[]){"+vl", "+vL", NULL});
    check_formats("structs.arrow", (const char *const[]){"+s", "+m", "+s", NULL});
    check_formats("unions.arrow", (const char *const[]){"+us:5,7", "+ud:0,1", NULL});
    check_formats("ree.arrow", (const char *const[]){"+r", "+r", "+r", NULL});
    check_formats("dicts.arrow", (const char *const[]){"c", "S", "l", "+l", NULL});
}

DBK_TEST(export_dictionary_schema) {
    dbk_error err = {0};
    decoded d = read_golden("dicts.arrow");
    struct ArrowSchema s;
    CHECK_OK(dbk_schema_export(d.schema, &s, &err), &err);
    CHECK_STR(s.children[0]->dictionary->format, "u");
    CHECK_STR(s.children[1]->dictionary->format, "l");
    CHECK_STR(s.children[2]->dictionary->format, "z");
    CHECK_EQ_I64(s.children[0]->flags & ARROW_FLAG_DICTIONARY_ORDERED, 0);
    CHECK(s.children[2]->flags & ARROW_FLAG_DICTIONARY_ORDERED);
    CHECK(s.children[3]->dictionary == NULL);
    CHECK_STR(s.children[3]->children[0]->dictionary->format, "u");
    s.release(&s);
    decoded_reset(&d);
}

DBK_TEST(export_metadata) {
    static const char column[] = "\x02\0\0\0\x02\0\0\0k1\x02\0\0\0v1\x02\0\0\0k2\0\0\0";
    static const char schema[] = "\x01\0\0\0\x06\0\0\0schema\x05\0\0\0level";
    dbk_error err = {0};
    decoded d = read_golden("metadata.arrow");
    struct ArrowSchema s;
    CHECK_OK(dbk_schema_export(d.schema, &s, &err), &err);
    CHECK_MEM(s.metadata, schema, sizeof schema - 1);
    CHECK_MEM(s.children[0]->metadata, column, sizeof column);
    CHECK_EQ_I64(s.children[0]->flags, 0); /* not nullable */
    s.release(&s);
    decoded_reset(&d);
}

/* ---- arrays ---- */

DBK_TEST(export_array_shape) {
    for (size_t g = 0; golden_names[g] != NULL; g++) {
        decoded d = read_golden(golden_names[g]);
        CHECK_CASE(golden_names[g]);
        for (size_t i = 0; i < d.count; i++) {
            dbk_error err = {0};
            struct ArrowArray a;
            CHECK_OK(dbk_batch_export(d.batches[i], &a, &err), &err);
            CHECK_EQ_I64(a.length, d.batches[i]->row_count);
            CHECK_EQ_I64(a.offset, 0);
            CHECK_EQ_I64(a.null_count, 0);
            CHECK_EQ_I64(a.n_buffers, 1);
            CHECK(a.buffers[0] == NULL);
            for (int64_t c = 0; c < a.n_children; c++) {
                CHECK_EQ_I64(a.children[c]->length, a.length);
                CHECK(a.children[c]->null_count >= 0);
            }
            a.release(&a);
        }
        decoded_reset(&d);
    }
}

DBK_TEST(export_views_have_a_sizes_buffer) {
    dbk_error err = {0};
    decoded d = read_golden("views.arrow");
    struct ArrowArray a;
    CHECK_OK(dbk_batch_export(d.batches[0], &a, &err), &err);
    struct ArrowArray *v = a.children[0];
    CHECK_EQ_I64(v->n_buffers, 4); /* validity, views, one data buffer, sizes */
    const int64_t *sizes = v->buffers[3];
    CHECK_EQ_I64(sizes[0], 31);
    CHECK_EQ_SIZE((size_t)a.children[2]->n_buffers, d.batches[0]->columns[2].buffer_count + 1);
    a.release(&a);
    decoded_reset(&d);
}

static void *release_child(void *arg) {
    struct ArrowArray *a = arg;
    int32_t v = 0;
    memcpy(&v, (const char *)a->buffers[1] + 4 * 99, sizeof v);
    CHECK_EQ_I64(v, 99);
    a->release(a);
    return NULL;
}

/* "Moving child arrays": the consumer takes a child, releases the parent, and the child lives. */
DBK_TEST(export_moved_children_live_on) {
    dbk_error err = {0};
    decoded d = read_golden("plain_lz4.arrow.lz4");
    struct ArrowArray a;
    struct ArrowArray child;
    pthread_t thread;
    CHECK_OK(dbk_batch_export(d.batches[0], &a, &err), &err);
    child = *a.children[0];
    a.children[0]->release = NULL;
    a.release(&a);
    CHECK(a.release == NULL);
    decoded_reset(&d); /* nothing of the stream is left */
    CHECK_EQ_I64(pthread_create(&thread, NULL, release_child, &child), 0);
    CHECK_EQ_I64(pthread_join(thread, NULL), 0);
    CHECK(child.release == NULL);
}

static void count_bytes(void *ctx, size_t bytes) {
    *(size_t *)ctx += bytes;
}

DBK_TEST(export_release_gives_the_block_back) {
    dbk_error err = {0};
    dbk_buf in = golden_read("texts.arrow");
    size_t released = 0;
    dbk_unpack *u = NULL;
    struct ArrowArray a;
    dbk_unpack_options options = {.expected_bytes = in.len, .owner = {count_bytes, &released}};
    CHECK_OK(dbk_unpack_new(&options, &u, &err), &err);
    CHECK_OK(dbk_unpack_feed(u, dbk_buf_slice(&in), &err), &err);
    CHECK_OK(dbk_unpack_finish(u, &err), &err);
    dbk_batch *b = dbk_unpack_pop(u);
    size_t taken = dbk_unpack_block_bytes(u);
    CHECK(taken >= in.len && taken <= in.len + 128);
    CHECK_OK(dbk_batch_export(b, &a, &err), &err);
    dbk_unpack_free(u);
    dbk_batch_unref(b);
    CHECK_EQ_SIZE(released, 0);
    a.release(&a);
    CHECK_EQ_SIZE(released, taken);
    dbk_buf_reset(&in);
}

/* ---- slices ---- */

/* Values of rows [offset, offset + count) of every golden batch, through the slice. */
static void check_slice(dbk_batch *b, int64_t offset, int64_t count) {
    dbk_error err = {0};
    dbk_batch *part = NULL;
    struct ArrowArray a;
    CHECK_OK(dbk_batch_slice(b, offset, count, &part, &err), &err);
    CHECK_EQ_I64(part->row_count, count);
    for (size_t c = 0; c < b->column_count; c++) {
        const dbk_field *f = &b->schema->columns[c];
        int64_t nulls = 0;
        for (int64_t i = 0; i < count; i++) {
            dbk_buf want = {0};
            dbk_buf got = {0};
            walk_value(f, &b->columns[c], offset + i, &want);
            walk_value(f, &part->columns[c], i, &got);
            CHECK_EQ_SIZE(got.len, want.len);
            CHECK_MEM(got.ptr, want.ptr, want.len);
            nulls += dbk_array_is_null(&part->columns[c], i) || f->type == DBK_TYPE_NULL;
            dbk_buf_reset(&want);
            dbk_buf_reset(&got);
        }
        CHECK_EQ_I64(part->columns[c].null_count, nulls);
    }
    CHECK_OK(dbk_batch_export(part, &a, &err), &err);
    CHECK_EQ_I64(a.offset, 0);
    CHECK_EQ_I64(a.length, count);
    for (int64_t c = 0; c < a.n_children; c++) {
        CHECK_EQ_I64(a.children[c]->offset, count == 0 ? 0 : offset);
    }
    dbk_batch_unref(part);
    a.release(&a);
}

DBK_TEST(export_slices) {
    for (size_t g = 0; golden_names[g] != NULL; g++) {
        decoded d = read_golden(golden_names[g]);
        CHECK_CASE(golden_names[g]);
        for (size_t i = 0; i < d.count; i++) {
            int64_t rows = dbk_min_i64(d.batches[i]->row_count, 10);
            for (int64_t offset = 0; offset <= rows; offset++) {
                for (int64_t count = 0; count <= rows - offset; count++) {
                    check_slice(d.batches[i], offset, count);
                }
            }
        }
        decoded_reset(&d);
    }
}

DBK_TEST(export_slice_outside) {
    static const int64_t wrong[][2] = {{-1, 1}, {0, -1}, {0, 6}, {6, 0}, {5, 1}, {3, INT64_MAX}};
    dbk_error err = {0};
    decoded d = read_golden("texts.arrow");
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        dbk_batch *part = NULL;
        CHECK_FAILS(dbk_batch_slice(d.batches[0], wrong[i][0], wrong[i][1], &part, &err), &err,
                    DBK_INVALID_ARGUMENT, "of a batch with 5 rows");
        CHECK(part == NULL);
    }
    decoded_reset(&d);
}

DBK_TEST(export_with_schema) {
    dbk_error err = {0};
    decoded d = read_golden("metadata.arrow");
    decoded other = read_golden("texts.arrow");
    dbk_schema *dressed = NULL;
    dbk_batch *b = NULL;
    CHECK_OK(dbk_schema_new(1, &dressed, &err), &err);
    CHECK_OK(dbk_field_copy(dressed, &dressed->columns[0], &d.schema->columns[0], &err), &err);
    dressed->columns[0].name = DBK_SLICE("renamed");
    CHECK_OK(dbk_batch_with_schema(d.batches[0], dressed, &b, &err), &err);
    CHECK_STR(dbk_schema_column_name(dbk_batch_schema(b), 0), "renamed");
    CHECK_EQ_SIZE(dbk_batch_byte_size(b), dbk_batch_byte_size(d.batches[0]));
    dbk_batch_unref(b);
    b = NULL;
    CHECK_FAILS(dbk_batch_with_schema(d.batches[0], other.schema, &b, &err), &err, DBK_DATA_LOSS,
                "not of the types of the result's schema (5 columns)");
    CHECK(b == NULL);
    dbk_schema_unref(dressed);
    decoded_reset(&d);
    decoded_reset(&other);
}

DBK_TEST(export_bits) {
    uint8_t bits[40];
    for (size_t i = 0; i < sizeof bits; i++) {
        bits[i] = (uint8_t)(i * 37 + 11);
    }
    for (int64_t offset = 0; offset < 20; offset++) {
        for (int64_t count = 0; count + offset <= 8 * (int64_t)sizeof bits; count += 7) {
            uint8_t copy[sizeof bits + 1];
            int64_t set = 0;
            memset(copy, 0xee, sizeof copy);
            dbk_bits_copy(copy, bits, offset, count);
            for (int64_t i = 0; i < count; i++) {
                set += dbk_bit_get(bits, offset + i);
                CHECK(dbk_bit_get(copy, i) == dbk_bit_get(bits, offset + i));
            }
            CHECK_EQ_I64(dbk_bits_count(bits, offset, count), set);
            CHECK_EQ_U64(copy[dbk_bits_bytes(count)], 0xee);
            for (int64_t i = count; i < 8 * (int64_t)dbk_bits_bytes(count); i++) {
                CHECK(!dbk_bit_get(copy, i));
            }
        }
    }
}

/* ---- memory ---- */

static dbk_batch *oom_batch;

static dbk_status oom_body(dbk_error *err) {
    dbk_status st = DBK_OK;
    struct ArrowSchema s = {0};
    struct ArrowArray a = {0};
    dbk_batch *part = NULL;
    DBK_TRY(dbk_schema_export(oom_batch->schema, &s, err));
    DBK_TRY(dbk_batch_slice(oom_batch, 1, 2, &part, err));
    DBK_TRY(dbk_batch_export(part, &a, err));

done:
    dbk_batch_unref(part);
    if (s.release != NULL) {
        s.release(&s);
    }
    if (a.release != NULL) {
        a.release(&a);
    }
    return st;
}

DBK_TEST(export_oom) {
    static const char *const names[] = {"dicts.arrow", "views.arrow", "lists.arrow", "ints.arrow"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        decoded d = read_golden(names[i]);
        oom_batch = d.batches[0];
        CHECK_CASE(names[i]);
        unit_oom_sweep(oom_body, __FILE__, __LINE__);
        decoded_reset(&d);
    }
}
