/* arrow/types.h: SQL type texts ("STRUCT<a: DECIMAL(10,2), b: ARRAY<INT>>") to Arrow fields.
 *
 * Threads: those of the schema that is being filled. Owner: everything lands in the schema's arena.
 * Source:  spec sea-protocol section 9, column "manifest". */
#ifndef DBK_ARROW_TYPES_H
#define DBK_ARROW_TYPES_H

#include "arrow/schema.h"

#define DBK_TYPE_TEXT_MAX ((size_t)1 << 20) /* bytes; a struct of 10000 fields has about 300 kB */

/* What a day-time interval becomes. The peer says interval_day_time for results without data
 * although the server's Arrow streams hold durations; and its milliseconds would lose digits. */
typedef enum dbk_day_time_as { DBK_DAY_TIME_INTERVAL, DBK_DAY_TIME_DURATION_US } dbk_day_time_as;

/* Gives f the type of the text: type, parameters and children; name, nullability and metadata of f
 * itself are left alone. Case and blanks do not matter. What is unknown, malformed or nested deeper
 * than DBK_ARROW_MAX_DEPTH is utf8: not an error. Words behind a complete type are skipped
 * (NOT NULL, COMMENT '...', COLLATE ...); every nested field is nullable but map keys.
 * The only error is no memory; memory is linear in the text, which is utf8 beyond
 * DBK_TYPE_TEXT_MAX. */
DBK_MUST_USE dbk_status dbk_field_parse_type(dbk_schema *s, dbk_field *f, dbk_slice type_text,
                                             dbk_day_time_as day_time, dbk_error *err);

#endif
