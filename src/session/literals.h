/* session/literals.h: parameter values as drivers have them (text with a SQL type) as the wire wants
 * them. Source: spec sea-protocol 4 [ran]; pure functions. */
#ifndef DBK_SESSION_LITERALS_H
#define DBK_SESSION_LITERALS_H

#include "base/base.h"

typedef struct dbk_literal {
    dbk_str type;
    dbk_str value; /* ptr NULL: SQL NULL */
} dbk_literal;

/* Checks and normalises one value: type in any case; value ptr NULL: SQL NULL of any type. The
 * messages of InvalidArgument are those of the Rust kernel; they hold the value, which is the
 * caller's own, and are never logged. */
DBK_MUST_USE dbk_status dbk_literal_make(dbk_slice type, dbk_slice value, dbk_literal *out,
                                         dbk_error *err);
void dbk_literal_reset(dbk_literal *l);

/* Dates and times: literal_time.c. kind: what the message calls it and what is written. */
typedef enum dbk_time_kind {
    DBK_TIME_DATE,
    DBK_TIME_TIMESTAMP, /* also _NTZ: "2024-01-02 03:04:05.678", an offset is applied */
    DBK_TIME_LTZ        /* "2024-01-02T03:04:05.678Z" */
} dbk_time_kind;
#define DBK_TIME_TEXT 64 /* room that every result fits in */
DBK_MUST_USE dbk_status dbk_time_normalise(dbk_time_kind kind, dbk_slice value,
                                           char out[DBK_TIME_TEXT], dbk_error *err);

#endif
