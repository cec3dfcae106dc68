/* URIs, descriptors of partitions, SQL with markers, options and formats of Arrow: texts of others. Nothing is
 * read beyond the end, and what is written is read again. */
#include "keys.h"
#include "like.h"
#include "partition.h"
#include "sql.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds) {
    if (!holds) {
        abort();
    }
}

static void uri(const char *s) {
    options given = {0};
    struct AdbcError error;
    error_init(&error);
    AdbcStatusCode status = uri_split(s, &given, &error);
    check((status == ADBC_STATUS_OK) == (error.message == NULL));
    check(status != ADBC_STATUS_OK || options_get(&given, "databricks.server_hostname") != NULL);
    error_release(&error);
    options_reset(&given);
}

static void partition(const char *s) {
    descriptor d = {0};
    descriptor again = {0};
    text written = {0};
    char *copy = strdup(s);
    check(copy != NULL);
    if (descriptor_parse(copy, &d)) {
        descriptor_write(&d, &written);
        check(!written.failed && descriptor_parse(written.ptr, &again));
        check(strcmp(d.place, again.place) == 0 && strcmp(d.id, again.id) == 0);
        check(d.first == again.first && d.count == again.count);
    }
    text_reset(&written);
    free(copy);
}

static void sql(const char *s) {
    const column bytes[] = {{.kind = CELL_BINARY}};
    size_t markers = sql_markers(s);
    text out = {0};
    sql_fill_markers(s, &out);
    check(out.len == strlen(s) + 2 * markers);
    text_clear(&out);
    sql_dress_markers(s, bytes, 1, &out);
    check(out.len == strlen(s) + (markers > 0 ? strlen("unhex()") : 0));
    check(sql_length(s) <= strlen(s));
    (void)sql_begins(s, "|select|with|");
    text_clear(&out);
    text_add_literal(&out, s); /* one literal: what follows is code again */
    text_add(&out, "?");
    check(sql_markers(text_str(&out)) == 1);
    text_clear(&out);
    text_add_identifier(&out, s);
    text_add(&out, "?");
    check(sql_markers(text_str(&out)) == 1);
    text_reset(&out);
}

static void number(const char *s) {
    int64_t n = 0;
    double d = 0;
    bool flag = false;
    (void)parse_int(s, &n);
    (void)parse_double(s, &d);
    (void)parse_flag(s, &flag);
    check(!parse_span(s, &n) || n >= 0);
}

static void pattern(const char *s) {
    text name = {0};
    if (s[0] != '\0' && like_is_exact(s)) {
        text_add(&name, "");
        like_name(s, &name);
        check(like_matches(s, text_str(&name)));
    }
    (void)like_matches(s, s);
    text_reset(&name);
}

static void format(const char *s) {
    static const int64_t values[4] = {-1, INT64_MIN, 7, INT64_MAX};
    struct ArrowSchema schema = {.format = s, .name = "c"};
    const void *buffers[] = {NULL, values};
    struct ArrowArray array = {.length = 1, .n_buffers = 2, .buffers = buffers};
    column c;
    text out = {0};
    if (column_of(&schema, &c) && column_sql_type(&c, &out) && c.storage == STORED_FIXED &&
        c.kind != CELL_STRUCT && c.width <= sizeof values) {
        column_attach(&c, &array);
        (void)cell_write(&c, 0, &out);
    }
    text_reset(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *copy = malloc(size + 1); /* exact, so that a sanitizer sees a read behind it */
    if (copy == NULL) {
        return 0;
    }
    if (size > 0) {
        memcpy(copy, data, size);
    }
    copy[size] = '\0';
    uri(copy);
    partition(copy);
    sql(copy);
    number(copy);
    pattern(copy);
    format(copy);
    free(copy);
    return 0;
}
