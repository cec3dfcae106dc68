/* arrow/scalar_text.h: single values as text: what JSON_ARRAY cells and nested JSON hold, and what the
 * conversions write.
 *
 * What:    pure functions, no memory, no locale. Parsers take the whole text (no blanks around it) and
 *          say false for another form or a value out of range; *out is written on success only.
 *          Writers fill at most DBK_SCALAR_TEXT_MAX characters and return how many; no NUL.
 * Source:  the texts are those of the Rust kernel 1.0.0 (spec sea-protocol section 9). */
#ifndef DBK_ARROW_SCALAR_TEXT_H
#define DBK_ARROW_SCALAR_TEXT_H

#include "base/base.h"

__extension__ typedef __int128 dbk_i128;
__extension__ typedef unsigned __int128 dbk_u128;

#define DBK_SCALAR_TEXT_MAX   256
#define DBK_DECIMAL_SCALE_MAX 128 /* decimal scales are -128 to 128 here; Arrow's are within +-76 */

/* How many of a unit are in a second: the four Arrow time units. */
#define DBK_PER_SECOND_S  ((int64_t)1)
#define DBK_PER_SECOND_MS ((int64_t)1000)
#define DBK_PER_SECOND_US ((int64_t)1000000)
#define DBK_PER_SECOND_NS ((int64_t)1000000000)

/* ---- reading ------------------------------------------------------------------------------ */

bool dbk_text_read_bool(dbk_slice s, bool *out); /* true, false; any case */
/* Decimal forms with exponent; NaN, Infinity, Inf with a sign, any case. A finite text that does not
 * fit is refused, not rounded to infinity. */
bool dbk_text_read_f64(dbk_slice s, double *out);
bool dbk_text_read_f32(dbk_slice s, float *out);
/* Exact: fraction digits beyond scale must be zero. precision is 1 to 38. */
bool dbk_text_read_decimal(dbk_slice s, int precision, int scale, dbk_i128 *out);
/* [+-]Y-MM-DD, year of 1 to 7 digits; 0 is a year (proleptic Gregorian). Days since 1970-01-01. */
bool dbk_text_read_date(dbk_slice s, int32_t *out_days);
/* date [T or blank HH:MM[:SS[.fraction]] [Z or +-HH[:MM]]]; fraction digits beyond the sixth must be
 * zero. Without an offset the text is UTC. Microseconds since 1970. zoned false (TIMESTAMP_NTZ): the
 * wall clock is kept, of offsets only Z is allowed and means nothing. */
bool dbk_text_read_timestamp(dbk_slice s, bool zoned, int64_t *out_us);
/* [-]Y-M, or INTERVAL [-]'...' YEAR|MONTH|YEAR TO MONTH. */
bool dbk_text_read_year_month(dbk_slice s, int32_t *out_months);
/* [-]D HH:MM:SS[.fraction], or INTERVAL [-]'...' DAY..SECOND with any two (or one) of the units;
 * fraction digits beyond the sixth must be zero. */
bool dbk_text_read_day_time(dbk_slice s, int64_t *out_us);

/* ---- writing ------------------------------------------------------------------------------ */

size_t dbk_text_write_i64(char *p, int64_t v);
size_t dbk_text_write_u64(char *p, uint64_t v);
/* Java's Double.toString with the shortest digits: 1.0, 0.001, 1.0E7, 9.999E-4, NaN, -Infinity. */
size_t dbk_text_write_f64(char *p, double v);
/* value: little-endian two's complement of width bytes (4, 8, 16 or 32). */
size_t dbk_text_write_decimal(char *p, const uint8_t *value, size_t width, int scale);
size_t dbk_text_write_date(char *p, int64_t days); /* 2020-01-02, -0001-12-31, +10000-01-01 */
/* UTC, 2020-01-02 03:04:05 and a fraction of 0, 3, 6 or 9 digits. */
size_t dbk_text_write_timestamp(char *p, int64_t v, int64_t per_second);
size_t dbk_text_write_time(char *p, int64_t v, int64_t per_second); /* 03:04:05 and fraction */
size_t dbk_text_write_year_month(char *p, int64_t months);
size_t dbk_text_write_duration(char *p, int64_t v, int64_t per_second); /* nine fraction digits */
/* INTERVAL_DAY_TIME (nanos from milliseconds) and the day and time part of month_day_nano. */
size_t dbk_text_write_days_nanos(char *p, int64_t days, int64_t nanos);

/* A proleptic Gregorian date of a count of days since 1970-01-01. */
void dbk_civil_from_days(int64_t days, int64_t *year, unsigned *month, unsigned *day);

#endif
