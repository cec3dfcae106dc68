#include "cell.h"

#include "escape.h"

#include "unit.h"

#include <stdlib.h>
#include <string.h>

/* One column of hand-made Arrow data inside the root struct of a batch. Nothing here is released: all
 * memory is the test's. */
typedef struct rig {
    struct ArrowSchema schema, column_schema;
    struct ArrowSchema *schema_children[1];
    struct ArrowArray batch, column;
    struct ArrowArray *children[1];
    const void *buffers[4];
    cli_columns columns;
    char scratch[CLI_CELL_SCRATCH];
} rig;

static void rig_wrap(rig *r, int64_t rows) {
    r->schema_children[0] = &r->column_schema;
    r->schema =
        (struct ArrowSchema){.format = "+s", .n_children = 1, .children = r->schema_children};
    r->children[0] = &r->column;
    r->batch = (struct ArrowArray){.length = rows, .n_children = 1, .children = r->children};
}

static void rig_bind(rig *r, bool iso) {
    cli_buf why = {0};
    CHECK(cli_columns_init(&r->columns, &r->schema, iso, &why));
    CHECK(cli_columns_bind(&r->columns, &r->batch, &r->schema, &why));
    cli_buf_reset(&why);
}

/* A column of fixed-size or variable-size values; b2 is the text of variable-size ones. */
static void rig_init(rig *r, const char *format, int64_t rows, const void *validity, const void *b1,
                     const void *b2) {
    *r = (rig){.buffers = {validity, b1, b2, NULL}};
    r->column_schema = (struct ArrowSchema){.format = format, .name = "c"};
    r->column = (struct ArrowArray){.length = rows,
                                    .null_count = validity == NULL ? 0 : -1,
                                    .n_buffers = b2 == NULL ? 2 : 3,
                                    .buffers = r->buffers};
    rig_wrap(r, rows);
}

static void check_cell(rig *r, int64_t row, cli_cell_kind kind, const char *want) {
    cli_cell cell = cli_columns_cell(&r->columns, 0, row, r->scratch);
    CHECK_EQ_I64(cell.kind, kind);
    if (want == NULL) {
        CHECK(cell.ptr == NULL);
    } else {
        CHECK_SLICE(((dbk_slice){cell.ptr, cell.len}), want);
    }
}

DBK_TEST(cli_cells_of_every_fixed_type) {
    static const int8_t i8[] = {INT8_MIN, INT8_MAX};
    static const uint8_t u8[] = {0, UINT8_MAX};
    static const int16_t i16[] = {INT16_MIN, INT16_MAX};
    static const uint16_t u16[] = {0, UINT16_MAX};
    static const int32_t i32[] = {INT32_MIN, INT32_MAX};
    static const uint32_t u32[] = {0, UINT32_MAX};
    static const int64_t i64[] = {INT64_MIN, INT64_MAX};
    static const uint64_t u64[] = {0, UINT64_MAX};
    static const uint16_t half[] = {0x3c00, 0xc100};
    static const uint16_t tiny_half[] = {0x0001, 0x7c00};
    static const float f32[] = {0.1f, -3e38f};
    static const double f64[] = {0.1, -1e300};
    static const uint64_t d128[] = {150, 0, ~(uint64_t)149, ~(uint64_t)0};
    static const uint64_t d256[] = {1,           0, 0, 0, ~(uint64_t)0, ~(uint64_t)0, ~(uint64_t)0,
                                    ~(uint64_t)0};
    static const int32_t days[] = {0, -719162};
    static const int64_t date_ms[] = {86400000, -1};
    static const int64_t us[] = {1500000, -1};
    static const int32_t seconds[] = {0, 86399};
    static const int32_t day_ms[] = {1, 1500, -1, 0};
    static const char nano[] = "\x0e\0\0\0\3\0\0\0\0\xca\x9a\x3b\0\0\0\0"
                               "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff";
    static const uint8_t bits[] = {2};
    static const struct {
        const char *format;
        const void *values;
        cli_cell_kind kind;
        const char *want[2];
    } rows[] = {
        {"b", bits, CLI_CELL_BOOL, {"false", "true"}},
        {"c", i8, CLI_CELL_NUMBER, {"-128", "127"}},
        {"C", u8, CLI_CELL_NUMBER, {"0", "255"}},
        {"s", i16, CLI_CELL_NUMBER, {"-32768", "32767"}},
        {"S", u16, CLI_CELL_NUMBER, {"0", "65535"}},
        {"i", i32, CLI_CELL_NUMBER, {"-2147483648", "2147483647"}},
        {"I", u32, CLI_CELL_NUMBER, {"0", "4294967295"}},
        {"l", i64, CLI_CELL_NUMBER, {"-9223372036854775808", "9223372036854775807"}},
        {"L", u64, CLI_CELL_NUMBER, {"0", "18446744073709551615"}},
        {"e", half, CLI_CELL_NUMBER, {"1.0", "-2.5"}},
        {"f", f32, CLI_CELL_NUMBER, {"0.1", "-3e+38"}},
        {"g", f64, CLI_CELL_NUMBER, {"0.1", "-1e+300"}},
        {"d:10,2", d128, CLI_CELL_NUMBER, {"1.50", "-1.50"}},
        {"d:76,0,256", d256, CLI_CELL_NUMBER, {"1", "-1"}},
        {"d:9,1,32", i32, CLI_CELL_NUMBER, {"-214748364.8", "214748364.7"}},
        {"d:18,0,64", i64, CLI_CELL_NUMBER, {"-9223372036854775808", "9223372036854775807"}},
        {"tdD", days, CLI_CELL_PLAIN, {"1970-01-01", "0001-01-01"}},
        {"tdm", date_ms, CLI_CELL_PLAIN, {"1970-01-02", "1969-12-31"}},
        {"tts", seconds, CLI_CELL_PLAIN, {"00:00:00", "23:59:59"}},
        {"ttu", us, CLI_CELL_PLAIN, {"00:00:01.5", "-0 00:00:00.000001"}},
        {"tsu:", us, CLI_CELL_PLAIN, {"1970-01-01 00:00:01.5", "1969-12-31 23:59:59.999999"}},
        {"tsu:Etc/UTC",
         us,
         CLI_CELL_PLAIN,
         {"1970-01-01 00:00:01.5", "1969-12-31 23:59:59.999999"}},
        {"tsm:Europe/Amsterdam",
         us,
         CLI_CELL_PLAIN,
         {"1970-01-01 00:25:00Z", "1969-12-31 23:59:59.999Z"}},
        {"tDu", us, CLI_CELL_PLAIN, {"0 00:00:01.5", "-0 00:00:00.000001"}},
        {"tiM", seconds, CLI_CELL_PLAIN, {"0-0", "7199-11"}},
        {"tiD", day_ms, CLI_CELL_PLAIN, {"1 00:00:01.5", "-1 00:00:00"}},
        {"tin", nano, CLI_CELL_PLAIN, {"1-2 3 00:00:01", "-0-1 -1 -00:00:00.000000001"}},
        {"w:1", u8, CLI_CELL_BINARY, {"", "\xff"}},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        rig r;
        CHECK_CASE(rows[i].format);
        rig_init(&r, rows[i].format, 2, NULL, rows[i].values, NULL);
        rig_bind(&r, false);
        if (rows[i].want[0][0] != '\0') {
            check_cell(&r, 0, rows[i].kind, rows[i].want[0]);
        }
        check_cell(&r, 1, rows[i].kind, rows[i].want[1]);
        cli_columns_reset(&r.columns);
    }
    rig r;
    rig_init(&r, "e", 2, NULL, tiny_half, NULL);
    rig_bind(&r, false);
    CHECK_CASE("smallest half");
    check_cell(&r, 0, CLI_CELL_NUMBER, "5.9604645e-08");
    check_cell(&r, 1, CLI_CELL_PLAIN, "Infinity");
    cli_columns_reset(&r.columns);
}

DBK_TEST(cli_cells_in_iso_form) {
    static const int64_t us[] = {1500000};
    static const struct {
        const char *format, *want;
    } rows[] = {
        {"tsu:", "1970-01-01T00:00:01.5"},
        {"tsu:Etc/UTC", "1970-01-01T00:00:01.5Z"},
        {"tsu:Europe/Amsterdam", "1970-01-01T00:00:01.5Z"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        rig r;
        CHECK_CASE(rows[i].format);
        rig_init(&r, rows[i].format, 1, NULL, us, NULL);
        rig_bind(&r, true);
        check_cell(&r, 0, CLI_CELL_PLAIN, rows[i].want);
        cli_columns_reset(&r.columns);
    }
}

DBK_TEST(cli_cells_respect_nulls_and_offsets) {
    static const uint8_t validity[] = {0xfa}; /* slots 0 and 2 are NULL */
    static const int32_t values[] = {10, 11, 12, 13, 14, 15};
    rig r;
    rig_init(&r, "i", 3, validity, values, NULL);
    r.column.offset = 1;
    rig_bind(&r, false);
    check_cell(&r, 0, CLI_CELL_NUMBER, "11");
    check_cell(&r, 1, CLI_CELL_NULL, NULL);
    check_cell(&r, 2, CLI_CELL_NUMBER, "13");
    r.columns.row_offset = 2; /* the root struct may have an offset, too */
    check_cell(&r, 0, CLI_CELL_NUMBER, "13");
    cli_columns_reset(&r.columns);

    rig_init(&r, "n", 2, NULL, NULL, NULL);
    r.column.n_buffers = 0;
    rig_bind(&r, false);
    check_cell(&r, 1, CLI_CELL_NULL, NULL);
    cli_columns_reset(&r.columns);
}

DBK_TEST(cli_cells_of_text_and_binary) {
    static const int32_t offsets[] = {0, 0, 3};
    static const int64_t wide_offsets[] = {0, 0, 3};
    static const struct {
        const char *format;
        const void *offsets;
        cli_cell_kind kind;
    } rows[] = {
        {"u", offsets, CLI_CELL_TEXT},
        {"U", wide_offsets, CLI_CELL_TEXT},
        {"z", offsets, CLI_CELL_BINARY},
        {"Z", wide_offsets, CLI_CELL_BINARY},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        rig r;
        CHECK_CASE(rows[i].format);
        rig_init(&r, rows[i].format, 2, NULL, rows[i].offsets, "abc");
        rig_bind(&r, false);
        check_cell(&r, 0, rows[i].kind, "");
        check_cell(&r, 1, rows[i].kind, "abc");
        cli_columns_reset(&r.columns);
    }
}

DBK_TEST(cli_cells_of_string_views) {
    struct {
        int32_t len;
        char rest[12];
    } views[2] = {{3, "abc"}, {16, ""}};
    const int32_t where[2] = {0, 2};
    const int64_t sizes[] = {18};
    rig r;
    memcpy(views[1].rest + 4, where, 8);
    rig_init(&r, "vu", 2, NULL, views, "..0123456789abcdef");
    r.buffers[3] = sizes;
    r.column.n_buffers = 4;
    rig_bind(&r, false);
    check_cell(&r, 0, CLI_CELL_TEXT, "abc");
    check_cell(&r, 1, CLI_CELL_TEXT, "0123456789abcdef");
    cli_columns_reset(&r.columns);
}

DBK_TEST(cli_cells_marked_as_json) {
    static const char key[] = "databricks.type_name";
    static const struct {
        const char *type;
        cli_cell_kind want;
    } rows[] = {{"ARRAY", CLI_CELL_JSON},   {"MAP", CLI_CELL_JSON},    {"STRUCT", CLI_CELL_JSON},
                {"VARIANT", CLI_CELL_JSON}, {"STRING", CLI_CELL_TEXT}, {"ARRAYS", CLI_CELL_TEXT}};
    static const int32_t offsets[] = {0, 2};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char metadata[96];
        int32_t len[3] = {1, (int32_t)strlen(key), (int32_t)strlen(rows[i].type)};
        rig r;
        CHECK_CASE(rows[i].type);
        memcpy(metadata, &len[0], 8);
        memcpy(metadata + 8, key, sizeof key - 1);
        memcpy(metadata + 8 + sizeof key - 1, &len[2], 4);
        memcpy(metadata + 12 + sizeof key - 1, rows[i].type, strlen(rows[i].type));
        rig_init(&r, "u", 1, NULL, offsets, "[]");
        r.column_schema.metadata = metadata;
        rig_bind(&r, false);
        check_cell(&r, 0, rows[i].want, "[]");
        cli_columns_reset(&r.columns);
    }
}

DBK_TEST(cli_cells_of_dictionaries) {
    static const int8_t indexes[] = {1, 0};
    static const int32_t offsets[] = {0, 1, 3};
    const void *buffers[] = {NULL, offsets, "abb"};
    struct ArrowSchema dictionary_schema = {.format = "u", .name = ""};
    struct ArrowArray dictionary = {.length = 2, .n_buffers = 3, .buffers = buffers};
    rig r;
    rig_init(&r, "c", 2, NULL, indexes, NULL);
    r.column_schema.dictionary = &dictionary_schema;
    r.column.dictionary = &dictionary;
    rig_bind(&r, false);
    CHECK(!cli_column_is_number(&r.columns.items[0]));
    check_cell(&r, 0, CLI_CELL_TEXT, "bb");
    check_cell(&r, 1, CLI_CELL_TEXT, "a");
    cli_columns_reset(&r.columns);
}

DBK_TEST(cli_cells_of_runs) {
    static const int32_t ends[] = {2, 5};
    static const int64_t values[] = {7, 8};
    const void *end_buffers[] = {NULL, ends};
    const void *value_buffers[] = {NULL, values};
    struct ArrowSchema schemas[2] = {{.format = "i", .name = "run_ends"},
                                     {.format = "l", .name = "values"}};
    struct ArrowSchema *schema_children[] = {&schemas[0], &schemas[1]};
    struct ArrowArray arrays[2] = {{.length = 2, .n_buffers = 2, .buffers = end_buffers},
                                   {.length = 2, .n_buffers = 2, .buffers = value_buffers}};
    struct ArrowArray *array_children[] = {&arrays[0], &arrays[1]};
    static const char *const want[] = {"7", "8", "8", "8"};
    rig r;
    rig_init(&r, "+r", 4, NULL, NULL, NULL);
    r.column_schema.n_children = 2;
    r.column_schema.children = schema_children;
    r.column.n_buffers = 0;
    r.column.n_children = 2;
    r.column.children = array_children;
    r.column.offset = 1;
    rig_bind(&r, false);
    CHECK(cli_column_is_number(&r.columns.items[0]));
    for (int64_t row = 0; row < 4; row++) {
        check_cell(&r, row, CLI_CELL_NUMBER, want[row]);
    }
    cli_columns_reset(&r.columns);
}

/* list<int>, as a list or a map (entries struct with two int children). */
DBK_TEST(cli_cells_of_nested_values) {
    static const int32_t offsets[] = {0, 2, 2};
    static const int32_t values[] = {1, 2};
    static const uint8_t second_null[] = {1};
    const void *list_buffers[] = {NULL, offsets};
    const void *value_buffers[] = {second_null, values};
    struct ArrowSchema value_schema = {.format = "i", .name = "v"};
    struct ArrowSchema *pair_schemas[] = {&value_schema, &value_schema};
    struct ArrowSchema entries_schema = {
        .format = "+s", .name = "entries", .n_children = 2, .children = pair_schemas};
    struct ArrowArray value = {
        .length = 2, .null_count = 1, .n_buffers = 2, .buffers = value_buffers};
    struct ArrowArray key = {.length = 2, .n_buffers = 2, .buffers = value_buffers};
    struct ArrowArray *pair[] = {&key, &value};
    struct ArrowArray entries = {
        .length = 2, .n_buffers = 1, .buffers = list_buffers, .n_children = 2, .children = pair};
    struct ArrowSchema *child_schemas[] = {&value_schema};
    struct ArrowArray *children[] = {&value};
    static const struct {
        const char *format, *want;
    } rows[] = {
        {"+l", "[1,null]"},
        {"+w:2", "[1,null]"},
        {"+s", "{\"v\":1}"},
        {"+m", "{\"1\":1,\"2\":null}"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        bool map = rows[i].format[1] == 'm';
        cli_buf out = {0};
        rig r;
        CHECK_CASE(rows[i].format);
        rig_init(&r, rows[i].format, 1, NULL, NULL, NULL);
        child_schemas[0] = map ? &entries_schema : &value_schema;
        children[0] = map ? &entries : &value;
        r.column.buffers = list_buffers;
        r.column_schema.n_children = r.column.n_children = 1;
        r.column_schema.children = child_schemas;
        r.column.children = children;
        rig_bind(&r, false);
        check_cell(&r, 0, CLI_CELL_NESTED, NULL);
        cli_cell_nested(&r.columns, 0, 0, &out);
        CHECK_STR(cli_buf_str(&out), rows[i].want);
        cli_buf_reset(&out);
        cli_columns_reset(&r.columns);
    }
}

DBK_TEST(cli_columns_refuse_what_they_cannot_print) {
    static const char *const formats[] = {"",     "x",    "d:",     "d:10", "d:10,2,12",  "d:10,99",
                                          "ts",   "tsx:", "tsu",    "w:",   "w:-1",       "w:1x",
                                          "+ud:", "+l",   "+w:abc", "tD",   "d:1,2,128,3"};
    for (size_t i = 0; i < COUNT_OF(formats); i++) {
        cli_buf why = {0};
        rig r;
        CHECK_CASE(formats[i]);
        rig_init(&r, formats[i], 0, NULL, NULL, NULL);
        CHECK(!cli_columns_init(&r.columns, &r.schema, false, &why));
        CHECK_CONTAINS(cli_buf_str(&why), "column 'c' has the Arrow type");
        CHECK(r.columns.count == 0 && r.columns.items == NULL);
        cli_buf_reset(&why);
    }
}

DBK_TEST(cli_columns_notice_a_batch_of_another_type) {
    static const int32_t values[] = {1};
    cli_buf why = {0};
    rig r;
    rig_init(&r, "i", 1, NULL, values, NULL);
    rig_bind(&r, false);
    r.column_schema.format = "l";
    CHECK(!cli_columns_bind(&r.columns, &r.batch, &r.schema, &why));
    CHECK_CONTAINS(cli_buf_str(&why), "other columns than its schema");
    r.column_schema.format = "i";
    r.batch.n_children = 0;
    CHECK(!cli_columns_bind(&r.columns, &r.batch, &r.schema, &why));
    cli_columns_reset(&r.columns);
    cli_buf_reset(&why);
}
