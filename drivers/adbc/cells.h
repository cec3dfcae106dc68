/* drivers/adbc/cells.h: reading Arrow arrays, one cell at a time. */
#ifndef DBK_ADBC_CELLS_H
#define DBK_ADBC_CELLS_H

#include "driver.h"

typedef enum cell_kind {
    CELL_NULL,
    CELL_BOOL,
    CELL_INT,   /* width bytes, signed */
    CELL_UINT,  /* width bytes */
    CELL_FLOAT, /* width 2, 4 or 8 */
    CELL_DECIMAL,
    CELL_TEXT,
    CELL_BINARY,
    CELL_DATE,      /* width 4: days; 8: milliseconds */
    CELL_TIME,      /* ticks of a day */
    CELL_TIMESTAMP, /* ticks since 1970 */
    CELL_DURATION,
    CELL_INTERVAL, /* width 4: months; 8: days and milliseconds; 16: months, days, nanoseconds */
    CELL_LIST,     /* also large and fixed-size ones */
    CELL_MAP,
    CELL_STRUCT,
    CELL_UNKNOWN
} cell_kind;

typedef enum cell_storage {
    STORED_FIXED, /* width bytes a cell */
    STORED_OFFSETS_32,
    STORED_OFFSETS_64,
    STORED_VIEWS
} cell_storage;

/* One column: what its schema says (borrowed), and the array that is read at the moment. */
typedef struct column {
    const struct ArrowSchema *schema; /* of the values: a dictionary's own */
    const char *name;
    cell_kind kind;
    cell_storage storage;
    size_t width;
    int precision, scale; /* decimals */
    int64_t per_second;   /* ticks, of time, timestamp and duration */
    bool zoned;           /* a timestamp with a time zone */
    bool nullable;
    size_t index_width; /* of a dictionary's keys; 0: no dictionary */
    bool index_signed;
    const struct ArrowArray *array;
} column;

/* False: a format that this driver does not know (kind CELL_UNKNOWN, nothing may be read). */
bool column_of(const struct ArrowSchema *schema, column *out);
void column_attach(column *c, const struct ArrowArray *array);
/* Rows count from the array's own offset on. */
bool cell_is_null(const column *c, int64_t row);
bool cell_int(const column *c, int64_t row, int64_t *out); /* BOOL to DURATION that fit */
double cell_double(const column *c, int64_t row);          /* FLOAT */
/* TEXT, BINARY: borrowed from the array. */
void cell_bytes(const column *c, int64_t row, const char **out, size_t *len);
/* The elements of a list or map: rows of the child array. */
void cell_range(const column *c, int64_t row, int64_t *first, int64_t *count);

/* cell_text.c: the value as the server takes it, appended to *out: numbers, ISO dates and times, hex for
 * bytes, JSON for nested values. Never called for nulls. False: there is no text for this kind. */
bool cell_write(const column *c, int64_t row, text *out);
/* The SQL type for values of the column ("DECIMAL(10,2)"); false: there is none. */
bool column_sql_type(const column *c, text *out);

#endif
