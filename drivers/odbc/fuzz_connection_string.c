/* Connection strings, SQL markers and escapes: texts of the application. What is read and written again is
 * the same; nothing is read beyond the end. */
#include "odbc.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds) {
    if (!holds) {
        abort();
    }
}

static void connection_string(text t) {
    keys k = {0}, again = {0};
    buf written = {0};
    if (keys_parse(&k, t) == NULL) {
        keys_write(&k, &written);
        check(keys_parse(&again, (text){buf_text(&written), written.len}) == NULL);
        check(again.count == k.count);
        for (size_t i = 0; i < k.count; i++) {
            check(strcmp(k.pairs[i].value, again.pairs[i].value) == 0);
        }
    }
    buf_free(&written);
    keys_free(&k);
    keys_free(&again);
}

static void sql(text t) {
    sql_text parsed = {0};
    check(sql_prepare(&parsed, t, true, false));
    for (size_t i = 0; i < parsed.marker_count; i++) {
        check(parsed.sql.ptr[parsed.markers[i]] == '?');
    }
    check(parsed.tuple_start <= parsed.tuple_end && parsed.tuple_end <= parsed.sql.len);
    sql_text_free(&parsed);
}

static void values(text t) {
    i128 decimal;
    int scale;
    double d;
    SQL_TIMESTAMP_STRUCT ts;
    SQL_INTERVAL_STRUCT interval;
    bool date, time;
    if (parse_decimal(t, &decimal, &scale) == CONV_OK) {
        char out[64];
        check(put_decimal(out, decimal, scale) < sizeof out);
    }
    (void)parse_double(t, &d);
    if (parse_timestamp(t, &ts, &date, &time) == CONV_OK && date) {
        char out[40];
        check(put_timestamp(out, &ts, true) == 26);
    }
    for (SQLSMALLINT c = SQL_C_INTERVAL_YEAR; c <= SQL_C_INTERVAL_MINUTE_TO_SECOND; c++) {
        (void)parse_interval(t, c, &interval);
    }
}

static void wide(text t) {
    for (unsigned unit = 1; unit <= 4; unit *= 2) {
        size_t units = wide_units(t.ptr, t.len, unit);
        char *out = malloc(units * unit + 1);
        check(out != NULL && wide_write(t.ptr, t.len, unit, out, units) == units);
        buf back = {0};
        wide_to_utf8(out, units, unit, &back);
        check(wide_units(buf_text(&back), back.len, unit) == units);
        buf_free(&back);
        free(out);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *copy = malloc(size + 1); /* exact, so that a sanitizer sees a read behind it */
    if (copy == NULL) {
        return 0;
    }
    if (size > 0) {
        memcpy(copy, data, size);
    }
    text t = {copy, size};
    connection_string(t);
    sql(t);
    values(t);
    wide(t);
    free(copy);
    return 0;
}
