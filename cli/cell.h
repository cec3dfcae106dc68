/* cell.h: the cells of Arrow batches (C Data Interface) as text.
 *
 * A cli_columns is made once from the schema of a result and bound to one batch after the other; a
 * cell is then looked up by column and row without any allocation. Text and binary cells point into
 * the batch, everything else is written into the caller's scratch bytes.
 * Buffers of a batch are trusted: the kernel has checked every offset against the bytes received. */
#ifndef DBK_CLI_CELL_H
#define DBK_CLI_CELL_H

#include "cli.h"

#include "databricks_kernel.h"

/* The longest cell that is written into scratch: decimal256 with its widest scale. */
enum { CLI_CELL_SCRATCH = 192 };

typedef enum cli_cell_kind {
    CLI_CELL_NULL,
    CLI_CELL_NUMBER, /* a valid JSON number */
    CLI_CELL_BOOL,   /* true, false */
    CLI_CELL_PLAIN,  /* ASCII without anything to escape in any format: dates, intervals, NaN */
    CLI_CELL_TEXT,   /* UTF-8, of any content */
    CLI_CELL_JSON,   /* JSON text of an ARRAY, MAP, STRUCT or VARIANT */
    CLI_CELL_BINARY, /* bytes */
    CLI_CELL_NESTED  /* a nested Arrow value: cli_cell_nested writes it */
} cli_cell_kind;

typedef struct cli_cell {
    cli_cell_kind kind;
    const char *ptr; /* into the batch or the scratch bytes; NULL for NULL and NESTED */
    size_t len;
} cli_cell;

typedef enum cli_type {
    CLI_TYPE_NULL,
    CLI_TYPE_BOOL,
    CLI_TYPE_INT8,
    CLI_TYPE_UINT8,
    CLI_TYPE_INT16,
    CLI_TYPE_UINT16,
    CLI_TYPE_INT32,
    CLI_TYPE_UINT32,
    CLI_TYPE_INT64,
    CLI_TYPE_UINT64,
    CLI_TYPE_FLOAT16,
    CLI_TYPE_FLOAT32,
    CLI_TYPE_FLOAT64,
    CLI_TYPE_DECIMAL,
    CLI_TYPE_DATE32,
    CLI_TYPE_DATE64,
    CLI_TYPE_TIME32,
    CLI_TYPE_TIME64,
    CLI_TYPE_TIMESTAMP,
    CLI_TYPE_DURATION,
    CLI_TYPE_MONTHS,
    CLI_TYPE_DAY_TIME,
    CLI_TYPE_MONTH_DAY_NANO,
    CLI_TYPE_STRING, /* utf8 and binary; large and view forms by `wide` and `view` */
    CLI_TYPE_FIXED_BINARY,
    CLI_TYPE_LIST,
    CLI_TYPE_FIXED_LIST,
    CLI_TYPE_STRUCT,
    CLI_TYPE_MAP,
    CLI_TYPE_RUN_END
} cli_type;

typedef struct cli_column {
    /* from the schema */
    cli_type type;
    char *name;
    char *format; /* Arrow format string, to notice a batch of another type */
    bool is_binary;
    bool is_json;   /* text that is JSON: databricks.type_name says ARRAY, MAP, STRUCT or VARIANT */
    bool wide;      /* 64-bit offsets */
    bool view;      /* string views */
    bool utc_mark;  /* a TIMESTAMP whose zone is not UTC: shown in UTC with a Z */
    bool has_zone;  /* TIMESTAMP (true) or TIMESTAMP_NTZ */
    bool iso_times; /* 2026-01-01T00:00:00Z instead of 2026-01-01 00:00:00 */
    int64_t unit;   /* ticks per second of times and durations */
    int32_t scale;  /* decimals */
    int32_t width;  /* bytes of a decimal or fixed binary; length of a fixed list */
    size_t child_count;
    struct cli_column *children;   /* owned */
    struct cli_column *dictionary; /* owned; NULL: plain */
    /* from the batch, borrowed */
    const struct ArrowArray *array;
    const uint8_t *validity; /* NULL: no nulls */
} cli_column;

typedef struct cli_columns {
    cli_column *items; /* owned */
    size_t count;
    int64_t rows;       /* of the bound batch */
    int64_t row_offset; /* of its root struct */
} cli_columns;

/* Reads the schema of a result (a struct). iso_times: how timestamps are written. On failure *why
 * says which column and type; columns is empty. */
bool cli_columns_init(cli_columns *columns, const struct ArrowSchema *schema, bool iso_times,
                      cli_buf *why);
void cli_columns_reset(cli_columns *columns);
/* Points the columns at a batch, which must live until the next bind. False with *why: the batch does
 * not have the types of the schema. */
bool cli_columns_bind(cli_columns *columns, const struct ArrowArray *batch,
                      const struct ArrowSchema *schema, cli_buf *why);

/* Cell (row, column) of the bound batch; 0 <= row < rows. */
cli_cell cli_columns_cell(const cli_columns *columns, size_t column, int64_t row,
                          char scratch[CLI_CELL_SCRATCH]);
/* Writes a CLI_CELL_NESTED cell as compact JSON. */
void cli_cell_nested(const cli_columns *columns, size_t column, int64_t row, cli_buf *out);
/* Does the column hold numbers, which are aligned to the right? */
bool cli_column_is_number(const cli_column *column);

/* Inside the cell files: slot is an index into the column's own buffers, offset already added.
 * resolve follows dictionaries and runs to the value itself; false: it is NULL. */
bool cli_slot_resolve(const cli_column **column, int64_t *slot);
cli_cell cli_slot_cell(const cli_column *column, int64_t slot, char scratch[CLI_CELL_SCRATCH]);

#endif
