/* number.h: numbers, dates and intervals as text, without printf where it matters.
 *
 * Every function writes at out without a terminating NUL and returns the length; out has room for
 * CLI_CELL_SCRATCH bytes. */
#ifndef DBK_CLI_NUMBER_H
#define DBK_CLI_NUMBER_H

#include "cli.h"

size_t cli_put_u64(char *out, uint64_t value);
size_t cli_put_i64(char *out, int64_t value);

/* The shortest text that reads back as the same value: 0.1, 1.0, 1e+16, NaN, Infinity, -Infinity.
 * Plain notation from 1e-4 to 1e16, as in Python. */
size_t cli_put_double(char *out, double value);
size_t cli_put_float(char *out, float value);

/* A little-endian two's complement integer of 4, 8, 16 or 32 bytes with scale (-76..76) digits behind
 * the point. */
size_t cli_put_decimal(char *out, const void *bytes, size_t width, int scale);

/* Days since 1970-01-01: 2026-01-31. Years below 0 and above 9999 get a sign. */
size_t cli_put_date(char *out, int64_t days);
/* A time of day or a point in time in ticks; ticks_per_s is 1, 1000, 1000000 or 1000000000. The
 * fraction is left out when it is zero, otherwise its trailing zeros are. */
size_t cli_put_time(char *out, int64_t ticks, int64_t ticks_per_s);
size_t cli_put_timestamp(char *out, int64_t ticks, int64_t ticks_per_s, char separator);
/* [-]D HH:MM:SS[.ffffff], as SQL writes an INTERVAL DAY TO SECOND. */
size_t cli_put_duration(char *out, int64_t ticks, int64_t ticks_per_s);
/* [-]Y-M, as SQL writes an INTERVAL YEAR TO MONTH. */
size_t cli_put_months(char *out, int64_t months);

#endif
