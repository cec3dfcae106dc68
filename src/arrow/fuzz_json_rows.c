/* Target: dbk_batch_from_json and dbk_convert_batch. Input: a type text, a line feed, a cell.
 * Properties: the only errors are DataLoss; a value that was written as JSON or interval text reads
 * back and is written the same: write(parse(write(x))) = write(x). */
#include "arrow/builder.h"
#include "arrow/nested_json.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const dbk_convert_options both = {.intervals_as_string = true, .complex_as_json = true};

static void must(bool ok) {
    if (!ok) {
        abort();
    }
}

/* One cell to one batch; NULL: it does not parse. */
static dbk_batch *read_cell(dbk_schema *s, dbk_slice cell) {
    dbk_error err = {0};
    dbk_batch *b = NULL;
    json_t *text = json_stringn(cell.ptr, cell.len);
    if (text == NULL) {
        return NULL; /* not UTF-8 */
    }
    json_t *rows = json_array();
    json_t *row = json_array();
    must(rows != NULL && row != NULL && json_array_append_new(row, text) == 0 &&
         json_array_append_new(rows, row) == 0);
    dbk_status st = dbk_batch_from_json(s, rows, (dbk_block_owner){0}, &b, &err);
    must(st == DBK_OK ? b != NULL : st == DBK_DATA_LOSS && b == NULL);
    json_decref(rows);
    dbk_error_reset(&err);
    return b;
}

/* The row as the conversions write it; ptr NULL: null, or a column that stays. */
static dbk_slice text_of(const dbk_batch *b) {
    const dbk_array *a = &b->columns[0];
    int32_t offsets[2];
    if (b->schema->columns[0].type != DBK_TYPE_UTF8 || dbk_array_is_null(a, 0)) {
        return (dbk_slice){0};
    }
    memcpy(offsets, a->buffers[1].data, sizeof offsets);
    return dbk_slice_n(a->buffers[2].data + offsets[0], (size_t)(offsets[1] - offsets[0]));
}

static dbk_batch *convert(dbk_batch *b) {
    dbk_error err = {0};
    dbk_schema *to = NULL;
    dbk_batch *out = NULL;
    must(dbk_convert_schema(b->schema, &both, &to, &err) == DBK_OK);
    must(dbk_convert_batch(b, to, &both, (dbk_block_owner){0}, &out, &err) == DBK_OK);
    dbk_schema_unref(to);
    return out;
}

/* text was written by us: it must be readable and come out the same. */
static void check_round_trip(dbk_schema *s, dbk_slice text) {
    dbk_batch *b = read_cell(s, text);
    must(b != NULL);
    dbk_batch *out = convert(b);
    must(dbk_slice_eq(text_of(out), text));
    dbk_batch_unref(out);
    dbk_batch_unref(b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    dbk_error err = {0};
    dbk_schema *s = NULL;
    dbk_slice cell = dbk_slice_n(data, size);
    dbk_column_desc column = {.name = DBK_SLICE("c"), .precision = -1, .scale = -1};
    if (!dbk_slice_split(&cell, '\n', &column.type_text) || !dbk_utf8_valid(column.type_text)) {
        return 0; /* type texts come out of JSON documents: they are UTF-8 */
    }
    must(dbk_schema_for_rows(&column, 1, &s, &err) == DBK_OK);
    dbk_batch *b = read_cell(s, cell);
    if (b != NULL) {
        dbk_batch *out = convert(b);
        dbk_slice text = text_of(out);
        if (text.ptr != NULL && s->columns[0].type != DBK_TYPE_UTF8) {
            check_round_trip(s, text);
        }
        dbk_batch_unref(out);
        dbk_batch_unref(b);
    }
    dbk_schema_unref(s);
    return 0;
}
