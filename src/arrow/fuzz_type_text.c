/* Target: dbk_field_parse_type over any bytes.
 * Properties: never fails with memory at hand; twice the same answer; no deeper than the limit; not
 * more fields than the text can name; the same again with blanks around. */
#include "arrow/types.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok) {
    if (!ok) {
        abort();
    }
}

static size_t count_fields(const dbk_field *f, size_t depth) {
    size_t n = 1;
    must(depth <= DBK_ARROW_MAX_DEPTH);
    for (size_t i = 0; i < f->child_count; i++) {
        n += count_fields(&f->children[i], depth + 1);
        must(f->children[i].name.ptr != NULL);
    }
    return n;
}

static dbk_schema *parse(dbk_slice text) {
    dbk_error err = {0};
    dbk_schema *s = NULL;
    must(dbk_schema_new(1, &s, &err) == DBK_OK);
    must(dbk_field_parse_type(s, &s->columns[0], text, DBK_DAY_TIME_INTERVAL, &err) == DBK_OK);
    return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    dbk_error err = {0};
    dbk_buf padded = {0};
    dbk_slice text = dbk_slice_n(data, size);
    dbk_schema *once = parse(text);
    dbk_schema *again = parse(text);
    must(dbk_schema_same_types(once, again));
    must(count_fields(&once->columns[0], 1) <= size + 1);
    must(dbk_buf_puts(&padded, "  ", &err) == DBK_OK);
    must(dbk_buf_put_slice(&padded, text, &err) == DBK_OK);
    must(dbk_buf_puts(&padded, "\n", &err) == DBK_OK);
    dbk_schema *with_blanks = parse(dbk_buf_slice(&padded));
    must(padded.len > DBK_TYPE_TEXT_MAX || dbk_schema_same_types(once, with_blanks));
    dbk_schema_unref(once);
    dbk_schema_unref(again);
    dbk_schema_unref(with_blanks);
    dbk_buf_reset(&padded);
    return 0;
}
