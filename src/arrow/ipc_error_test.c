/* Streams that are wrong in one place each, made by hand, and what is said about them. */
#include "arrow/ipc_read.h"

#include <lz4frame.h>
#include <zstd.h>

#include "arrow/golden_test.h"
#include "arrow/walk_test.h"
#include "unit.h"

/* ---- a workshop for broken messages ---- */

typedef struct raw { /* one record batch, every number free to lie */
    int64_t rows;
    int64_t nodes[8][2];
    size_t node_count;
    int64_t buffers[8][2];
    size_t buffer_count;
    const void *body;
    size_t body_size;
    int64_t declared_body; /* 0: body_size */
    int codec;             /* -1: none */
    int64_t variadic;      /* -1: none */
    uint8_t kind;          /* 0: record batch */
    int16_t version;       /* 0: V5 */
    int64_t dictionary_id;
    bool delta;
} raw;

static size_t put_numbers(dbk_fbw *w, const int64_t *v, size_t count, size_t element_size) {
    size_t pos = dbk_fbw_add_vector(w, count * 8 / element_size, element_size, 8);
    for (size_t i = 0; i < count; i++) {
        dbk_fbw_put(w, pos + 4 + i * 8, v[i], 8);
    }
    return pos;
}

static void put_batch_table(dbk_fbw *w, size_t ref, const raw *r) {
    const uint8_t slots[] = {8, 4, 4, r->codec >= 0 ? 4 : 0, r->variadic >= 0 ? 4 : 0};
    static const uint8_t codec_slots[] = {1, 1};
    dbk_fbw_table t = dbk_fbw_add_table(w, slots, sizeof slots);
    dbk_fbw_point(w, ref, t.pos);
    dbk_fbw_set(w, &t, 0, r->rows, 8);
    dbk_fbw_point(w, dbk_fbw_slot_pos(&t, 1), put_numbers(w, r->nodes[0], r->node_count * 2, 16));
    dbk_fbw_point(w, dbk_fbw_slot_pos(&t, 2),
                  put_numbers(w, r->buffers[0], r->buffer_count * 2, 16));
    if (r->codec >= 0) {
        dbk_fbw_table c = dbk_fbw_add_table(w, codec_slots, sizeof codec_slots);
        dbk_fbw_point(w, dbk_fbw_slot_pos(&t, 3), c.pos);
        dbk_fbw_set(w, &c, 0, r->codec, 1);
    }
    if (r->variadic >= 0) {
        dbk_fbw_point(w, dbk_fbw_slot_pos(&t, 4), put_numbers(w, &r->variadic, 1, 8));
    }
}

static void put_raw(dbk_buf *out, const raw *r) {
    static const uint8_t slots[] = {2, 1, 4, 8};
    static const uint8_t dictionary_slots[] = {8, 4, 1};
    dbk_error err = {0};
    dbk_fbw w = {.err = &err};
    dbk_fbw_root(&w);
    dbk_fbw_table m = dbk_fbw_add_table(&w, slots, sizeof slots);
    dbk_fbw_point(&w, 0, m.pos);
    dbk_fbw_set(&w, &m, 0, r->version != 0 ? r->version : DBK_IPC_V5, 2);
    dbk_fbw_set(&w, &m, 1, r->kind != 0 ? r->kind : DBK_IPC_BATCH, 1);
    dbk_fbw_set(&w, &m, 3, r->declared_body != 0 ? r->declared_body : (int64_t)r->body_size, 8);
    size_t ref = dbk_fbw_slot_pos(&m, 2);
    if (r->kind == DBK_IPC_DICTIONARY) {
        dbk_fbw_table d = dbk_fbw_add_table(&w, dictionary_slots, sizeof dictionary_slots);
        dbk_fbw_point(&w, ref, d.pos);
        dbk_fbw_set(&w, &d, 0, r->dictionary_id, 8);
        dbk_fbw_set(&w, &d, 2, r->delta, 1);
        ref = dbk_fbw_slot_pos(&d, 1);
    }
    put_batch_table(&w, ref, r);
    while (w.buf.len % 8 != 0) {
        CHECK_OK(dbk_buf_putc(&w.buf, 0, &err), &err);
    }
    CHECK_OK(w.st, &err);
    uint8_t prefix[8] = {0xff, 0xff, 0xff, 0xff, (uint8_t)w.buf.len, (uint8_t)(w.buf.len >> 8)};
    CHECK_OK(dbk_buf_append(out, prefix, sizeof prefix, &err), &err);
    CHECK_OK(dbk_buf_append(out, w.buf.ptr, w.buf.len, &err), &err);
    CHECK_OK(dbk_buf_append(out, r->body, r->body_size, &err), &err);
    dbk_buf_reset(&w.buf);
}

static dbk_schema *one_column(dbk_type type, dbk_type child) {
    dbk_error err = {0};
    dbk_schema *s = NULL;
    CHECK_OK(dbk_schema_new(1, &s, &err), &err);
    dbk_field *f = &s->columns[0];
    f->name = DBK_SLICE("c");
    f->type = type;
    f->nullable = true;
    f->width = 2;
    f->precision = 5;
    size_t children = type == DBK_TYPE_RUN_END ? 2 : child != DBK_TYPE_NULL ? 1 : 0;
    CHECK_OK(dbk_field_add_children(s, f, children, &err), &err);
    for (size_t i = 0; i < children; i++) {
        f->children[i] = (dbk_field){.name = DBK_SLICE("i"), .type = child};
    }
    if (dbk_type_params(type) == DBK_PARAMS_IDS) {
        f->type_ids = dbk_arena_alloc(&s->arena, 1);
        CHECK(f->type_ids != NULL);
        f->type_ids[0] = 5;
    }
    return s;
}

static void start(dbk_buf *out, dbk_schema *takes) {
    dbk_error err = {0};
    CHECK_OK(dbk_ipc_write_schema(takes, out, &err), &err);
    dbk_schema_unref(takes);
}

static void check_fails(dbk_buf *in, dbk_status code, const char *text) {
    dbk_error err = {0};
    decoded d = {0};
    dbk_unpack_options options = {.max_bytes = (size_t)1 << 20};
    CHECK_FAILS(decode(dbk_buf_slice(in), &options, 0, &d, &err), &err, code, text);
    decoded_reset(&d);
    dbk_error_reset(&err);
    dbk_buf_reset(in);
}

/* ---- framing ---- */

DBK_TEST(ipc_error_framing) {
    const struct {
        const char *name;
        dbk_slice in;
        const char *text;
    } rows[] = {
        {"empty", {NULL, 0}, "the input of 0 bytes holds no Arrow schema"},
        {"html", DBK_SLICE("<html><body>"), "no Arrow IPC stream: it begins with 3C 68 74 6D"},
        {"eight bytes of 2 GB", DBK_SLICE("\xff\xff\xff\xff\xff\xff\xff\x7f"), "no Arrow IPC"},
        {"negative length", DBK_SLICE("\xff\xff\xff\xff\xff\xff\xff\xff"), "no Arrow IPC stream"},
        {"tiny metadata", DBK_SLICE("\xff\xff\xff\xff\x04\0\0\0abcd"), "no Arrow IPC stream"},
        {"cut prefix", DBK_SLICE("\xff\xff\xff"), "the input ends inside Arrow message 1"},
        {"cut metadata", DBK_SLICE("\xff\xff\xff\xff\x10\0\0\0abcd"), "which began at byte 0: 12"},
        {"only the end", DBK_SLICE("\xff\xff\xff\xff\0\0\0\0"), "holds no Arrow schema"},
        {"bad root", DBK_SLICE("\x08\0\0\0\xff\xff\xff\x7f\0\0\0\0"), "Arrow metadata is broken"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        dbk_buf in = {0};
        dbk_error err = {0};
        CHECK_CASE(rows[i].name);
        CHECK_OK(dbk_buf_put_slice(&in, rows[i].in, &err), &err);
        check_fails(&in, DBK_DATA_LOSS, rows[i].text);
    }
}

DBK_TEST(ipc_error_message_order) {
    dbk_buf in = {0};
    raw batch = {.codec = -1, .variadic = -1};
    put_raw(&in, &batch);
    check_fails(&in, DBK_DATA_LOSS, "does not begin with a schema");

    start(&in, one_column(DBK_TYPE_INT32, DBK_TYPE_NULL));
    start(&in, one_column(DBK_TYPE_INT32, DBK_TYPE_NULL));
    check_fails(&in, DBK_DATA_LOSS,
                "Arrow message 2 (byte 160 of the stream): the Arrow stream has "
                "a second schema");
}

DBK_TEST(ipc_error_big_endian) {
    static const uint8_t slots[] = {2, 1, 4, 8};
    static const uint8_t schema_slots[] = {2, 4};
    dbk_error err = {0};
    dbk_fbw w = {.err = &err};
    dbk_schema *s = NULL;
    dbk_ipc_message m;
    dbk_fbw_root(&w);
    dbk_fbw_table t = dbk_fbw_add_table(&w, slots, sizeof slots);
    dbk_fbw_point(&w, 0, t.pos);
    dbk_fbw_set(&w, &t, 0, DBK_IPC_V5, 2);
    dbk_fbw_set(&w, &t, 1, DBK_IPC_SCHEMA, 1);
    dbk_fbw_table h = dbk_fbw_add_table(&w, schema_slots, sizeof schema_slots);
    dbk_fbw_point(&w, dbk_fbw_slot_pos(&t, 2), h.pos);
    dbk_fbw_set(&w, &h, 0, 1, 2);
    CHECK_OK(dbk_ipc_read_message(dbk_buf_slice(&w.buf), &m, &err), &err);
    CHECK_FAILS(dbk_ipc_read_schema(&m, &s, &err), &err, DBK_DATA_LOSS, "big-endian");
    CHECK(s == NULL);
    dbk_buf_reset(&w.buf);
}

/* ---- record batches: a column "c" of one type each ---- */

static const int32_t offsets_ok[] = {0, 1, 2, 3};
static const int32_t offsets_back[] = {0, 2, 1, 3};
static const int32_t offsets_negative[] = {-1, 1, 2, 3};
static const int32_t offsets_long[] = {0, 1, 2, 99};
static const int64_t sixteen[] = {7, 8, 9, 10};
static const int16_t ends_falling[] = {3, 2, 0, 0};
static const int16_t ends_short[] = {1, 2, 0, 0};

DBK_TEST(ipc_error_batches) {
    const struct {
        const char *name;
        dbk_type type, child;
        raw batch;
        const char *text;
    } rows[] = {
        {"negative rows", DBK_TYPE_INT32, DBK_TYPE_NULL, {.rows = -1}, "has the length -1"},
        {"no node", DBK_TYPE_INT32, DBK_TYPE_NULL, {.rows = 1}, "too few field nodes: 0"},
        {"negative node",
         DBK_TYPE_INT32,
         DBK_TYPE_NULL,
         {.nodes = {{-5, 0}}, .node_count = 1},
         "column 0 \"c\" (int32): a field node has the length -5"},
        {"null count",
         DBK_TYPE_INT32,
         DBK_TYPE_NULL,
         {.rows = 1, .nodes = {{1, 2}}, .node_count = 1},
         "null count 2"},
        {"no buffers",
         DBK_TYPE_INT32,
         DBK_TYPE_NULL,
         {.rows = 1, .nodes = {{1, 0}}, .node_count = 1},
         "too few buffers: 0"},
        {"length of the column",
         DBK_TYPE_INT32,
         DBK_TYPE_NULL,
         {.rows = 3,
          .nodes = {{1, 0}},
          .node_count = 1,
          .buffers = {{0, 0}, {0, 8}},
          .buffer_count = 2,
          .body = sixteen,
          .body_size = 32},
         "it has 1 rows, the record batch has 3"},
        {"more nodes",
         DBK_TYPE_INT32,
         DBK_TYPE_NULL,
         {.rows = 1,
          .nodes = {{1, 0}, {1, 0}},
          .node_count = 2,
          .buffers = {{0, 0}, {0, 8}},
          .buffer_count = 2,
          .body = sixteen,
          .body_size = 32},
         "more field nodes than the schema has fields"},
        {"outside",
         DBK_TYPE_INT32,
         DBK_TYPE_NULL,
         {.rows = 1,
          .nodes = {{1, 0}},
          .node_count = 1,
          .buffers = {{0, 0}, {32, 8}},
          .buffer_count = 2,
          .body = sixteen,
          .body_size = 32},
         "buffer 1 (offset 32, length 8) lies outside the message body of 32 bytes"},
        {"negative offset",
         DBK_TYPE_INT32,
         DBK_TYPE_NULL,
         {.rows = 1,
          .nodes = {{1, 0}},
          .node_count = 1,
          .buffers = {{0, 0}, {-8, 8}},
          .buffer_count = 2,
          .body = sixteen,
          .body_size = 32},
         "(offset -8, length 8)"},
        {"too short",
         DBK_TYPE_INT64,
         DBK_TYPE_NULL,
         {.rows = 5,
          .nodes = {{5, 0}},
          .node_count = 1,
          .buffers = {{0, 0}, {0, 32}},
          .buffer_count = 2,
          .body = sixteen,
          .body_size = 32},
         "int64 array of 5 rows: buffer 1 has 32 bytes, too few"},
        {"2^62 rows",
         DBK_TYPE_INT64,
         DBK_TYPE_NULL,
         {.rows = INT64_C(1) << 62,
          .nodes = {{INT64_C(1) << 62, 0}},
          .node_count = 1,
          .buffers = {{0, 0}, {0, 32}},
          .buffer_count = 2,
          .body = sixteen,
          .body_size = 32},
         "too few"},
        {"short bitmap",
         DBK_TYPE_BOOL,
         DBK_TYPE_NULL,
         {.rows = 100,
          .nodes = {{100, 1}},
          .node_count = 1,
          .buffers = {{0, 8}, {0, 32}},
          .buffer_count = 2,
          .body = sixteen,
          .body_size = 32},
         "the validity bitmap is too short"},
        {"no bitmap",
         DBK_TYPE_BOOL,
         DBK_TYPE_NULL,
         {.rows = 9,
          .nodes = {{9, 1}},
          .node_count = 1,
          .buffers = {{0, 0}, {0, 32}},
          .buffer_count = 2,
          .body = sixteen,
          .body_size = 32},
         "there is no validity bitmap; null count 1"},
        {"overlap",
         DBK_TYPE_INT64,
         DBK_TYPE_NULL,
         {.rows = 4,
          .nodes = {{4, 0}},
          .node_count = 1,
          .buffers = {{0, 32}, {0, 32}, {0, 32}, {0, 32}, {0, 32}},
          .buffer_count = 5,
          .body = sixteen,
          .body_size = 32},
         "buffers overlap"},
        {"offsets back",
         DBK_TYPE_UTF8,
         DBK_TYPE_NULL,
         {.rows = 3,
          .nodes = {{3, 0}},
          .node_count = 1,
          .buffers = {{0, 0}, {0, 16}, {0, 3}},
          .buffer_count = 3,
          .body = offsets_back,
          .body_size = 16},
         "utf8 array of 3 rows: an offset is negative or before the one of the row above (row 1)"},
        {"offsets negative",
         DBK_TYPE_UTF8,
         DBK_TYPE_NULL,
         {.rows = 3,
          .nodes = {{3, 0}},
          .node_count = 1,
          .buffers = {{0, 0}, {0, 16}, {0, 3}},
          .buffer_count = 3,
          .body = offsets_negative,
          .body_size = 16},
         "negative"},
        {"offsets long",
         DBK_TYPE_UTF8,
         DBK_TYPE_NULL,
         {.rows = 3,
          .nodes = {{3, 0}},
          .node_count = 1,
          .buffers = {{0, 0}, {0, 16}, {0, 16}},
          .buffer_count = 3,
          .body = offsets_long,
          .body_size = 16},
         "the last offset lies behind the end of the data"},
        {"list items",
         DBK_TYPE_LIST,
         DBK_TYPE_INT8,
         {.rows = 3,
          .nodes = {{3, 0}, {2, 0}},
          .node_count = 2,
          .buffers = {{0, 0}, {0, 16}, {0, 0}, {0, 8}},
          .buffer_count = 4,
          .body = offsets_ok,
          .body_size = 16},
         "list array of 3 rows: the last offset"},
        {"fixed list",
         DBK_TYPE_FIXED_LIST,
         DBK_TYPE_INT8,
         {.rows = 3,
          .nodes = {{3, 0}, {5, 0}},
          .node_count = 2,
          .buffers = {{0, 0}, {0, 0}, {0, 8}},
          .buffer_count = 3,
          .body = sixteen,
          .body_size = 32},
         "fewer items than its rows need"},
        {"struct child",
         DBK_TYPE_STRUCT,
         DBK_TYPE_INT8,
         {.rows = 3,
          .nodes = {{3, 0}, {2, 0}},
          .node_count = 2,
          .buffers = {{0, 0}, {0, 0}, {0, 8}},
          .buffer_count = 3,
          .body = sixteen,
          .body_size = 32},
         "struct array of 3 rows: child 0 has 2 rows"},
        {"union id",
         DBK_TYPE_SPARSE_UNION,
         DBK_TYPE_INT8,
         {.rows = 3,
          .nodes = {{3, 0}, {3, 0}},
          .node_count = 2,
          .buffers = {{0, 8}, {0, 0}, {0, 8}},
          .buffer_count = 3,
          .body = sixteen,
          .body_size = 32},
         "a type id that the union does not have"},
        {"list view",
         DBK_TYPE_LIST_VIEW,
         DBK_TYPE_INT8,
         {.rows = 2,
          .nodes = {{2, 0}, {3, 0}},
          .node_count = 2,
          .buffers = {{0, 0}, {0, 8}, {8, 8}, {0, 0}, {0, 3}},
          .buffer_count = 5,
          .body = offsets_ok,
          .body_size = 16},
         "a list lies outside the items (row 1)"},
        {"view",
         DBK_TYPE_UTF8_VIEW,
         DBK_TYPE_NULL,
         {.rows = 1,
          .nodes = {{1, 0}},
          .node_count = 1,
          .buffers = {{0, 0}, {0, 16}, {0, 16}},
          .buffer_count = 3,
          .variadic = 1,
          .body = (const int32_t[]){13, 0, 0, 4},
          .body_size = 16},
         "a view points outside its data buffer"},
        {"no variadic",
         DBK_TYPE_UTF8_VIEW,
         DBK_TYPE_NULL,
         {.rows = 1,
          .nodes = {{1, 0}},
          .node_count = 1,
          .buffers = {{0, 0}, {0, 16}},
          .buffer_count = 2,
          .variadic = -1,
          .body = sixteen,
          .body_size = 16},
         "too few variadic buffer counts"},
        {"run ends fall",
         DBK_TYPE_RUN_END,
         DBK_TYPE_INT16,
         {.rows = 2,
          .nodes = {{2, 0}, {2, 0}, {2, 0}},
          .node_count = 3,
          .buffers = {{0, 0}, {0, 4}, {0, 0}, {0, 4}},
          .buffer_count = 4,
          .body = ends_falling,
          .body_size = 8},
         "run ends must rise from 1 on (row 1)"},
        {"run ends short",
         DBK_TYPE_RUN_END,
         DBK_TYPE_INT16,
         {.rows = 3,
          .nodes = {{3, 0}, {2, 0}, {2, 0}},
          .node_count = 3,
          .buffers = {{0, 0}, {0, 4}, {0, 0}, {0, 4}},
          .buffer_count = 4,
          .body = ends_short,
          .body_size = 8},
         "the last run ends before the last row"},
        {"codec", DBK_TYPE_INT32, DBK_TYPE_NULL, {.codec = 7}, "unknown codec"},
        {"kind", DBK_TYPE_INT32, DBK_TYPE_NULL, {.kind = 5}, "unknown kind 5"},
        {"version", DBK_TYPE_INT32, DBK_TYPE_NULL, {.version = 1}, "metadata version V2"},
        {"negative body",
         DBK_TYPE_INT32,
         DBK_TYPE_NULL,
         {.declared_body = -8},
         "the body length of an Arrow message is -8"},
        {"huge body",
         DBK_TYPE_INT32,
         DBK_TYPE_NULL,
         {.declared_body = INT64_C(4) << 30},
         "the body is declared with 4294967296 bytes, the limit of the stream is 1048576"},
        {"short body",
         DBK_TYPE_INT32,
         DBK_TYPE_NULL,
         {.declared_body = 64},
         "the input ends inside Arrow message 2"},
        {"unknown dictionary",
         DBK_TYPE_INT32,
         DBK_TYPE_NULL,
         {.kind = DBK_IPC_DICTIONARY, .dictionary_id = 3},
         "which its schema does not have"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        dbk_buf in = {0};
        raw batch = rows[i].batch;
        CHECK_CASE(rows[i].name);
        batch.codec = batch.codec == 0 ? -1 : batch.codec;
        batch.variadic = batch.variadic == 0 ? -1 : batch.variadic;
        start(&in, one_column(rows[i].type, rows[i].child));
        put_raw(&in, &batch);
        check_fails(&in, DBK_DATA_LOSS, rows[i].text);
    }
}

/* ---- dictionaries ---- */

static dbk_schema *encoded_column(void) {
    dbk_schema *s = one_column(DBK_TYPE_UTF8, DBK_TYPE_NULL);
    s->columns[0].dictionary = dbk_arena_alloc(&s->arena, sizeof(dbk_dictionary_type));
    CHECK(s->columns[0].dictionary != NULL);
    *s->columns[0].dictionary = (dbk_dictionary_type){.index_type = DBK_TYPE_INT8};
    return s;
}

DBK_TEST(ipc_error_dictionaries) {
    dbk_buf in = {0};
    raw batch = {.rows = 1,
                 .nodes = {{1, 0}},
                 .node_count = 1,
                 .buffers = {{0, 0}, {0, 1}},
                 .buffer_count = 2,
                 .body = sixteen,
                 .body_size = 8,
                 .codec = -1,
                 .variadic = -1};
    raw values = {.rows = 3,
                  .nodes = {{3, 0}},
                  .node_count = 1,
                  .buffers = {{0, 0}, {0, 16}, {0, 3}},
                  .buffer_count = 3,
                  .body = offsets_ok,
                  .body_size = 16,
                  .codec = -1,
                  .variadic = -1,
                  .kind = DBK_IPC_DICTIONARY};
    start(&in, encoded_column());
    put_raw(&in, &batch);
    check_fails(&in, DBK_DATA_LOSS, "the stream has not sent dictionary 0");

    start(&in, encoded_column());
    put_raw(&in, &values);
    put_raw(&in, &batch); /* index 7 */
    check_fails(&in, DBK_DATA_LOSS,
                "dictionary index in row 0 is outside the dictionary's 3 values");

    start(&in, encoded_column()); /* twice 3 values and once more: index 7 is there */
    put_raw(&in, &values);
    values.delta = true;
    put_raw(&in, &values);
    put_raw(&in, &values);
    put_raw(&in, &batch);
    dbk_error err = {0};
    decoded d = {0};
    dbk_buf text = {0};
    dbk_unpack_options options = {0};
    CHECK_OK(decode(dbk_buf_slice(&in), &options, 0, &d, &err), &err);
    decoded_walk(&d, &text);
    CHECK_SLICE(text, "batch 1\nc: \"00\"\n");
    decoded_reset(&d);
    dbk_buf_reset(&text);
    dbk_buf_reset(&in);
}

/* ---- compressed buffers ---- */

static void check_compressed(int codec, int64_t declared, const void *data, size_t size,
                             const char *text) {
    dbk_buf in = {0};
    uint8_t body[256] = {0};
    memcpy(body, &declared, 8);
    memcpy(body + 8, data, size);
    raw batch = {.rows = 4,
                 .nodes = {{4, 0}},
                 .node_count = 1,
                 .buffers = {{0, 0}, {0, (int64_t)size + 8}},
                 .buffer_count = 2,
                 .body = body,
                 .body_size = (size + 15) / 8 * 8,
                 .codec = codec,
                 .variadic = -1};
    start(&in, one_column(DBK_TYPE_INT64, DBK_TYPE_NULL));
    put_raw(&in, &batch);
    check_fails(&in, DBK_DATA_LOSS, text);
}

DBK_TEST(ipc_error_compressed_buffers) {
    char lz4[128];
    char zstd[128];
    size_t lz4_size = LZ4F_compressFrame(lz4, sizeof lz4, sixteen, sizeof sixteen, NULL);
    size_t zstd_size = ZSTD_compress(zstd, sizeof zstd, sixteen, sizeof sixteen, 1);
    check_compressed(0, 40, lz4, lz4_size,
                     "LZ4-compressed buffer declares 40 bytes and holds fewer");
    check_compressed(0, 24, lz4, lz4_size,
                     "LZ4-compressed buffer declares 24 bytes and holds more");
    check_compressed(1, 40, zstd, zstd_size, "ZSTD-compressed buffer declares 40 bytes and holds");
    check_compressed(1, 24, zstd, zstd_size, "a ZSTD-compressed buffer is broken");
    check_compressed(0, -2, lz4, lz4_size, "the length of a compressed buffer is -2");
    check_compressed(0, 500000, lz4, lz4_size, "declares 500000 bytes and holds fewer");
    check_compressed(1, 500000, zstd, zstd_size, "declares 500000 bytes and holds fewer");
    check_compressed(1, INT64_C(1) << 40, zstd, zstd_size, "holds fewer");
    check_compressed(1, 32, "garbage!", 8, "a ZSTD-compressed buffer is broken");
    check_compressed(0, 32, "garbage!", 8, "no LZ4 frame");
}

/* A bomb: 40 KB of zstd that hold 1 GB. It is told by the limit, not by running out of memory. */
DBK_TEST(ipc_error_bomb) {
    dbk_buf in = {0};
    dbk_error err = {0};
    size_t size = (size_t)8 << 20;
    char *zeros = dbk_alloc_zero(size);
    char *body = dbk_alloc_zero(8192);
    int64_t declared = (int64_t)size;
    CHECK(zeros != NULL && body != NULL);
    size_t n = ZSTD_compress(body + 8, 8184, zeros, size, 1);
    CHECK(!ZSTD_isError(n));
    memcpy(body, &declared, 8);
    raw batch = {.rows = 4,
                 .nodes = {{4, 0}},
                 .node_count = 1,
                 .buffers = {{0, 0}, {0, (int64_t)n + 8}},
                 .buffer_count = 2,
                 .body = body,
                 .body_size = 8192,
                 .codec = 1,
                 .variadic = -1};
    start(&in, one_column(DBK_TYPE_INT64, DBK_TYPE_NULL));
    put_raw(&in, &batch);
    decoded d = {0};
    dbk_unpack_options options = {0};
    CHECK_OK(decode(dbk_buf_slice(&in), &options, 0, &d, &err), &err); /* no limit: it is fine */
    decoded_reset(&d);
    check_fails(&in, DBK_DATA_LOSS, "exceeds the limit of 1048576 for the stream");
    dbk_free(zeros);
    dbk_free(body);
}

/* ---- memory ---- */

static void check_cost(dbk_slice in, size_t expected, size_t max_cost) {
    dbk_error err = {0};
    dbk_unpack *u = NULL;
    dbk_unpack_options options = {.expected_bytes = expected};
    CHECK_OK(dbk_unpack_new(&options, &u, &err), &err);
    (void)!dbk_unpack_feed(u, in, &err);
    CHECK(dbk_unpack_block_bytes(u) <= max_cost);
    dbk_unpack_free(u);
    dbk_error_reset(&err);
}

DBK_TEST(ipc_error_declared_lengths_cost_nothing) {
    dbk_buf in = {0};
    raw batch = {.declared_body = INT64_C(4) << 30, .codec = -1, .variadic = -1};
    check_cost(DBK_SLICE("\xff\xff\xff\xff\xff\xff\xff\x7f"), (size_t)1 << 30, (size_t)1 << 17);
    start(&in, one_column(DBK_TYPE_INT64, DBK_TYPE_NULL));
    put_raw(&in, &batch);
    CHECK(in.len <= 300);
    check_cost(dbk_buf_slice(&in), 0, (size_t)1 << 17);
    check_cost(dbk_buf_slice(&in), (size_t)4 << 30, (size_t)1 << 17);
    dbk_buf_reset(&in);
}

DBK_TEST(ipc_error_max_bytes) {
    dbk_error err = {0};
    dbk_buf in = golden_read("ints.arrow");
    decoded d = {0};
    dbk_unpack_options options = {.max_bytes = in.len};
    CHECK_OK(decode(dbk_buf_slice(&in), &options, 100, &d, &err), &err);
    decoded_reset(&d);
    options.max_bytes = in.len - 9; /* the end marker is not decoded further */
    CHECK_FAILS(decode(dbk_buf_slice(&in), &options, 100, &d, &err), &err, DBK_DATA_LOSS,
                "longer than its limit");
    decoded_reset(&d);
    dbk_error_reset(&err);
    dbk_buf_reset(&in);
}

DBK_TEST(ipc_error_is_final) {
    dbk_error err = {0};
    dbk_unpack *u = NULL;
    dbk_unpack_options options = {0};
    CHECK_OK(dbk_unpack_new(&options, &u, &err), &err);
    CHECK_FAILS(dbk_unpack_feed(u, DBK_SLICE("<html></html>"), &err), &err, DBK_DATA_LOSS, "<htm");
    CHECK_FAILS(dbk_unpack_feed(u, DBK_SLICE("more"), &err), &err, DBK_INTERNAL, "failed before");
    CHECK_FAILS(dbk_unpack_finish(u, &err), &err, DBK_INTERNAL, "failed before");
    CHECK(dbk_unpack_pop(u) == NULL);
    dbk_unpack_free(u);
    dbk_error_reset(&err);
}

/* ---- schemas ---- */

typedef void (*spoil)(dbk_schema *s);

static void spoil_scale(dbk_schema *s) {
    s->columns[0].scale = 1001;
}
static void spoil_precision(dbk_schema *s) {
    s->columns[0].precision = 39;
}
static void spoil_width(dbk_schema *s) {
    s->columns[0].type = DBK_TYPE_FIXED_BINARY;
    s->columns[0].width = -1;
}
static void spoil_list(dbk_schema *s) {
    s->columns[0].type = DBK_TYPE_LIST;
}
static void spoil_map(dbk_schema *s) {
    dbk_error err = {0};
    s->columns[0].type = DBK_TYPE_MAP;
    CHECK_OK(dbk_field_add_children(s, &s->columns[0], 1, &err), &err);
}
static void spoil_run_ends(dbk_schema *s) {
    dbk_error err = {0};
    s->columns[0].type = DBK_TYPE_RUN_END;
    CHECK_OK(dbk_field_add_children(s, &s->columns[0], 2, &err), &err);
}
static void spoil_time(dbk_schema *s) {
    s->columns[0].type = DBK_TYPE_TIME32;
    s->columns[0].unit = DBK_UNIT_NS;
}
static void spoil_union(dbk_schema *s) {
    dbk_error err = {0};
    static int8_t ids[] = {4, 4};
    s->columns[0].type = DBK_TYPE_DENSE_UNION;
    s->columns[0].type_ids = ids;
    CHECK_OK(dbk_field_add_children(s, &s->columns[0], 2, &err), &err);
}
static void spoil_depth(dbk_schema *s) {
    dbk_error err = {0};
    dbk_field *f = &s->columns[0];
    for (size_t i = 0; i < 64; i++) {
        f->type = DBK_TYPE_LIST;
        CHECK_OK(dbk_field_add_children(s, f, 1, &err), &err);
        f = f->children;
    }
}
DBK_TEST(ipc_error_schemas) {
    static const struct {
        const char *name;
        spoil spoil;
        const char *text;
    } rows[] = {
        {"scale", spoil_scale, "Arrow schema: decimal with a scale of 1001"},
        {"precision", spoil_precision, "decimal with a precision of 39"},
        {"width", spoil_width, "a fixed size of -1"},
        {"list", spoil_list, "field \"c\" of type list has 0 children, 1 expected"},
        {"map", spoil_map, "map whose entries are no struct of key and value"},
        {"run ends", spoil_run_ends, "run ends of type number"},
        {"time", spoil_time, "time whose unit does not go with a bit width of 32"},
        {"union", spoil_union, "union with a wrong or repeated type id, 4"},
        {"depth", spoil_depth, "nested deeper than 64"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        dbk_buf in = {0};
        dbk_schema *s = one_column(DBK_TYPE_DECIMAL128, DBK_TYPE_NULL);
        CHECK_CASE(rows[i].name);
        rows[i].spoil(s);
        start(&in, s);
        check_fails(&in, DBK_DATA_LOSS, rows[i].text);
    }
}
