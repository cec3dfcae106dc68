/* arrow/nested_json.h: Arrow values as compact JSON, in the texts of the Rust kernel 1.0.0.
 *
 * Numbers: integers and decimals exact with their scale, floating point as Java writes it (1.0E10),
 *          float32 widened to double first; NaN and infinities are null, as map keys they are texts.
 * Strings: dates 2020-01-02, timestamps in UTC 2020-01-02 03:04:05[.fff[fff[fff]]], binary as base64,
 *          intervals and durations as the column conversion writes them.
 * Maps:    objects in the order of the entries, keys as texts (nested keys: their JSON), duplicates
 *          kept. Structs: objects in the order of the fields.
 * Threads: any. Owner: appends to the caller's buffer; no other memory but for nested map keys. */
#ifndef DBK_ARROW_NESTED_JSON_H
#define DBK_ARROW_NESTED_JSON_H

#include "arrow/batch.h"

/* Row `row` (0 <= row < length) of a. DataLoss when an offset or index points outside its data. */
DBK_MUST_USE dbk_status dbk_json_write_value(const dbk_field *f, const dbk_array *a, int64_t row,
                                             dbk_buf *out, dbk_error *err);

/* What a has at `row` when dictionaries are looked through: *values is a (or its dictionary) and
 * *at the row there; the field's type says what the values are. False: null. DataLoss: an index
 * outside the dictionary. */
DBK_MUST_USE dbk_status dbk_array_look_through(const dbk_field *f, const dbk_array *a, int64_t row,
                                               const dbk_array **values, int64_t *at, bool *is_null,
                                               dbk_error *err);

/* The bytes of a row, not null, of BINARY, UTF8, their large, fixed and view forms; never a NULL
 * pointer. DataLoss: an offset points outside. */
DBK_MUST_USE dbk_status dbk_array_bytes(const dbk_field *f, const dbk_array *a, int64_t row,
                                        dbk_slice *out, dbk_error *err);

/* The text of a fixed-width value (numbers, decimals, dates, times, intervals), as it stands in JSON
 * without quotes; p holds DBK_SCALAR_TEXT_MAX. 0: another type. */
size_t dbk_scalar_text(const dbk_field *f, const dbk_array *a, int64_t row, char *p);

#endif
