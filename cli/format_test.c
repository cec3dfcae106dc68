#include "format.h"

#include "escape.h"

#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- escaping ---- */

DBK_TEST(cli_json_strings) {
    static const struct {
        const char *text;
        size_t len;
        const char *want;
    } rows[] = {
        {"", 0, "\"\""},
        {"plain", 5, "\"plain\""},
        {"\"\\/", 3, "\"\\\"\\\\/\""},
        {"\b\t\n\f\r", 5, "\"\\b\\t\\n\\f\\r\""},
        {"\0\x1f\x7f", 3, "\"\\u0000\\u001f\x7f\""},
        {"\xc3\xa9\xf0\x9f\x98\x80", 6, "\"\xc3\xa9\xf0\x9f\x98\x80\""},
        {"a\xff\xc3", 3, "\"a\xef\xbf\xbd\xef\xbf\xbd\""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        cli_buf out = {0};
        CHECK_CASE(rows[i].want);
        cli_json_string(&out, rows[i].text, rows[i].len);
        CHECK_STR(cli_buf_str(&out), rows[i].want);
        cli_buf_reset(&out);
    }
}

DBK_TEST(cli_json_is_compacted_and_checked) {
    static const struct {
        const char *text, *want; /* NULL: not JSON */
    } rows[] = {
        {"1", "1"},
        {" { \"a b\" : [ 1 , -2.5e+3 , true,false , null ] , \"c\":{} } \n",
         "{\"a b\":[1,-2.5e+3,true,false,null],\"c\":{}}"},
        {"\"\\u00e9\\n\"", "\"\\u00e9\\n\""},
        {"123456789012345678901234567890.10", "123456789012345678901234567890.10"},
        {"[]", "[]"},
        {"", NULL},
        {"{", NULL},
        {"[1,]", NULL},
        {"{\"a\"}", NULL},
        {"{a:1}", NULL},
        {"01", NULL},
        {"1.", NULL},
        {"-", NULL},
        {"1e", NULL},
        {"nul", NULL},
        {"\"a", NULL},
        {"\"\\x\"", NULL},
        {"\"\\u12g4\"", NULL},
        {"\"\n\"", NULL},
        {"\"\xff\"", NULL},
        {"1 2", NULL},
        {"NaN", NULL},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        cli_buf out = {0};
        CHECK_CASE(rows[i].text);
        cli_buf_add_str(&out, "=");
        bool ok = cli_json_compact(&out, rows[i].text, strlen(rows[i].text));
        CHECK_EQ_I64(ok, rows[i].want != NULL);
        CHECK_STR(cli_buf_str(&out) + 1, ok ? rows[i].want : "");
        cli_buf_reset(&out);
    }
}

DBK_TEST(cli_json_depth_is_limited) {
    cli_buf text = {0};
    cli_buf out = {0};
    cli_buf_add_repeat(&text, "[", 100000);
    CHECK(!cli_json_compact(&out, text.ptr, text.len));
    cli_buf_reset(&text);
    cli_buf_reset(&out);
}

DBK_TEST(cli_binary_as_text) {
    static const struct {
        const char *bytes, *base64, *hex;
    } rows[] = {
        {"", "", ""},
        {"f", "Zg==", "66"},
        {"fo", "Zm8=", "666F"},
        {"foo", "Zm9v", "666F6F"},
        {"\xff\xfe", "//4=", "FFFE"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        cli_buf out = {0};
        CHECK_CASE(rows[i].hex);
        cli_base64(&out, rows[i].bytes, strlen(rows[i].bytes));
        CHECK_STR(cli_buf_str(&out), rows[i].base64);
        out.len = 0;
        cli_hex(&out, rows[i].bytes, strlen(rows[i].bytes));
        CHECK_STR(cli_buf_str(&out), rows[i].hex);
        cli_buf_reset(&out);
    }
}

/* ---- whole results: a BIGINT column and a STRING column ---- */

enum { MOST_ROWS = 3000 };

typedef struct result {
    struct ArrowSchema schema, schemas[2];
    struct ArrowSchema *schema_children[2];
    struct ArrowArray batch, arrays[2];
    struct ArrowArray *children[2];
    int64_t numbers[MOST_ROWS];
    int32_t offsets[MOST_ROWS + 1];
    uint8_t validity[MOST_ROWS / 8 + 1];
    cli_buf text;
    const void *number_buffers[2];
    const void *text_buffers[3];
} result;

static void result_init(result *r, const char *first, const char *second) {
    *r = (result){0};
    r->schemas[0] = (struct ArrowSchema){.format = "l", .name = first};
    r->schemas[1] = (struct ArrowSchema){.format = "u", .name = second};
    for (size_t i = 0; i < 2; i++) {
        r->schema_children[i] = &r->schemas[i];
        r->children[i] = &r->arrays[i];
    }
    r->schema =
        (struct ArrowSchema){.format = "+s", .n_children = 2, .children = r->schema_children};
    r->batch = (struct ArrowArray){.n_children = 2, .children = r->children};
}

static void result_add(result *r, int64_t number, const char *text) { /* text NULL: NULL */
    size_t row = (size_t)r->batch.length++;
    r->numbers[row] = number;
    if (text != NULL) {
        cli_buf_add_str(&r->text, text);
        r->validity[row / 8] = (uint8_t)(r->validity[row / 8] | 1u << (row % 8));
    }
    r->offsets[row + 1] = (int32_t)r->text.len;
}

/* What the format makes of it; the caller frees the text. */
static char *written(result *r, const cli_format *format, const cli_format_options *options,
                     bool complete) {
    char path[] = "/tmp/dbk-format-test-XXXXXX";
    int fd = mkstemp(path);
    cli_columns columns;
    cli_buf why = {0};
    cli_out out;
    CHECK(fd >= 0);
    r->number_buffers[1] = r->numbers;
    r->text_buffers[0] = r->validity;
    r->text_buffers[1] = r->offsets;
    r->text_buffers[2] = cli_buf_str(&r->text);
    r->arrays[0] = (struct ArrowArray){
        .length = r->batch.length, .n_buffers = 2, .buffers = r->number_buffers};
    r->arrays[1] = (struct ArrowArray){
        .length = r->batch.length, .null_count = -1, .n_buffers = 3, .buffers = r->text_buffers};
    CHECK(cli_columns_init(&columns, &r->schema, false, &why));
    CHECK(cli_columns_bind(&columns, &r->batch, &r->schema, &why));
    CHECK_EQ_I64(cli_out_open(&out, path), 0);
    void *state = format->begin(&out, options, &columns);
    if (columns.rows > 0) {
        format->rows(state, &columns);
    }
    format->end(state, complete);
    CHECK_EQ_I64(cli_out_finish(&out), 0);
    (void)close(fd);
    fd = open(path, O_RDONLY);
    cli_buf text = {0};
    CHECK_EQ_I64(cli_read_all(fd, &text), 0);
    (void)cli_buf_str(&text);
    (void)close(fd);
    (void)unlink(path);
    cli_columns_reset(&columns);
    cli_buf_reset(&why);
    return text.ptr;
}

static void check_written(result *r, const cli_format *format, cli_format_options options,
                          const char *want) {
    options.null_text = options.null_text == NULL ? "" : options.null_text;
    char *got = written(r, format, &options, true);
    CHECK_STR(got, want);
    free(got);
    cli_buf_reset(&r->text);
}

DBK_TEST(cli_csv) {
    static result r;
    result_init(&r, "id", "a,\"b\"");
    result_add(&r, 1, "plain");
    result_add(&r, -2, "with, comma");
    result_add(&r, 3, "with \"quotes\"");
    result_add(&r, 4, "two\nlines\r");
    result_add(&r, 5, "");
    result_add(&r, 6, NULL);
    result_add(&r, 7, " spaces ");
    check_written(&r, &cli_format_csv, (cli_format_options){.header = true},
                  "id,\"a,\"\"b\"\"\"\n1,plain\n-2,\"with, comma\"\n3,\"with \"\"quotes\"\"\"\n"
                  "4,\"two\nlines\r\"\n5,\"\"\n6,\n7, spaces \n");
    result_init(&r, "id", "s");
    result_add(&r, 1, "NULL");
    result_add(&r, 2, NULL);
    result_add(&r, 3, "");
    check_written(&r, &cli_format_csv, (cli_format_options){.null_text = "NULL"},
                  "1,\"NULL\"\n2,NULL\n3,\n");
    result_init(&r, "id", "s");
    check_written(&r, &cli_format_csv, (cli_format_options){.header = true}, "id,s\n");
}

DBK_TEST(cli_json_results) {
    static result r;
    result_init(&r, "id", "a\"b");
    result_add(&r, INT64_MAX, "x\ny");
    result_add(&r, 2, NULL);
    check_written(&r, &cli_format_json, (cli_format_options){0},
                  "[\n{\"id\":9223372036854775807,\"a\\\"b\":\"x\\ny\"},\n"
                  "{\"id\":2,\"a\\\"b\":null}\n]\n");
    result_init(&r, "id", "s");
    check_written(&r, &cli_format_json, (cli_format_options){0}, "[]\n");
    result_init(&r, "id", "s");
    result_add(&r, 1, "x");
    result_add(&r, 2, "y");
    check_written(&r, &cli_format_jsonl, (cli_format_options){0},
                  "{\"id\":1,\"s\":\"x\"}\n{\"id\":2,\"s\":\"y\"}\n");
    result_init(&r, "id", "s");
    result_add(&r, 1, "x");
    char *broken = written(&r, &cli_format_json, &(cli_format_options){0}, false);
    CHECK_STR(broken, "[\n{\"id\":1,\"s\":\"x\"}\n");
    free(broken);
    cli_buf_reset(&r.text);
}

DBK_TEST(cli_table) {
    static result r;
    result_init(&r, "id", "name");
    result_add(&r, 1, "a");
    result_add(&r, -22, NULL);
    result_add(&r, 333, "中文\n");
    check_written(&r, &cli_format_table, (cli_format_options){.header = true},
                  "  id | name\n-----+--------\n   1 | a\n -22 | NULL\n 333 | 中文\\n\n");
    result_init(&r, "id", "name");
    check_written(&r, &cli_format_table, (cli_format_options){.header = true, .line_drawing = true},
                  " id │ name\n────┼──────\n");
    result_init(&r, "id", "name");
    result_add(&r, 7, "x");
    check_written(&r, &cli_format_table, (cli_format_options){0}, " 7 | x\n");
}

DBK_TEST(cli_table_cuts_texts_and_never_numbers) {
    static result r;
    result_init(&r, "id", "name");
    result_add(&r, 123456789, "0123456789");
    check_written(&r, &cli_format_table, (cli_format_options){.header = true, .max_width = 5},
                  "        id | name\n-----------+-------\n 123456789 | 0123…\n");
    /* 24 columns: " 123456789 | " leaves 11, minus one behind */
    result_init(&r, "id", "name");
    result_add(&r, 123456789, "0123456789abcdef");
    check_written(&r, &cli_format_table,
                  (cli_format_options){.header = true, .max_width = 60, .screen_width = 24},
                  "        id | name\n-----------+------------\n 123456789 | 012345678…\n");
    /* no column gets narrower than eight */
    result_init(&r, "id", "name");
    result_add(&r, 123456789, "0123456789abcdef");
    check_written(&r, &cli_format_table,
                  (cli_format_options){.header = true, .max_width = 60, .screen_width = 10},
                  "        id | name\n-----------+----------\n 123456789 | 0123456…\n");
}

DBK_TEST(cli_table_fixes_its_widths_after_the_first_rows) {
    static result r;
    result_init(&r, "id", "name");
    for (int64_t i = 0; i < 1000; i++) {
        result_add(&r, i, "abc");
    }
    result_add(&r, 100000, "wider than before");
    cli_format_options options = {.header = true, .max_width = 60, .null_text = ""};
    char *got = written(&r, &cli_format_table, &options, true);
    CHECK_CONTAINS(got, "\n 999 | abc\n 100000 | wid…\n"); /* as wide as the header */
    free(got);
    options.max_width = 0; /* never */
    got = written(&r, &cli_format_table, &options, true);
    CHECK_CONTAINS(got, "\n 100000 | wider than before\n");
    free(got);
    cli_buf_reset(&r.text);
}

/* ---- output files ---- */

DBK_TEST(cli_out_replaces_a_file_only_when_complete) {
    char folder[] = "/tmp/dbk-out-test-XXXXXX";
    cli_buf path = {0};
    cli_out out;
    struct stat st;
    CHECK(mkdtemp(folder) != NULL);
    cli_buf_addf(&path, "%s/rows.csv", folder);
    CHECK_EQ_I64(cli_out_open(&out, cli_buf_str(&path)), 0);
    cli_out_add_str(&out, "half");
    CHECK(stat(path.ptr, &st) != 0);
    cli_out_abandon(&out);
    CHECK(stat(path.ptr, &st) != 0);

    CHECK_EQ_I64(cli_out_open(&out, path.ptr), 0);
    for (int i = 0; i < 50000; i++) { /* longer than the buffer */
        cli_out_add_str(&out, "0123456789");
    }
    CHECK_EQ_I64(cli_out_finish(&out), 0);
    CHECK_EQ_I64(stat(path.ptr, &st), 0);
    CHECK_EQ_I64(st.st_size, 500000);
    CHECK_EQ_I64(cli_out_finish(&out), 0); /* again: nothing to do */

    CHECK_EQ_I64(cli_out_open(&out, folder), EISDIR);
    CHECK_EQ_I64(unlink(path.ptr), 0);
    CHECK_EQ_I64(rmdir(folder), 0); /* no temporary file is left */
    cli_buf_reset(&path);
}

DBK_TEST(cli_out_reports_a_full_disk) {
    cli_out out;
    if (access("/dev/full", W_OK) != 0) {
        return;
    }
    CHECK_EQ_I64(cli_out_open(&out, "/dev/full"), 0);
    cli_out_add_str(&out, "x");
    CHECK_EQ_I64(cli_out_finish(&out), ENOSPC);
}

DBK_TEST(cli_out_notices_that_the_reader_has_gone) {
    int ends[2];
    cli_out out;
    char path[32];
    CHECK_EQ_I64(pipe(ends), 0);
    (void)snprintf(path, sizeof path, "/dev/fd/%d", ends[1]);
    CHECK_EQ_I64(cli_out_open(&out, path), 0);
    (void)close(ends[0]);
    (void)signal(SIGPIPE, SIG_IGN);
    cli_out_add_str(&out, "x");
    cli_out_flush(&out);
    CHECK(out.reader_gone && out.error == 0);
    CHECK_EQ_I64(cli_out_finish(&out), 0);
    (void)close(ends[1]);
}
