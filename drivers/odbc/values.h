/* values.h: Databricks types as SQL types, cells of Arrow columns into the application's C types and back, and
 * tables that are made here. Functions of their arguments: no handle, no lock, no network. */
#ifndef DBK_ODBC_VALUES_H
#define DBK_ODBC_VALUES_H

#include "ground.h"

typedef struct settings { /* what the connection keys mean for results and catalog calls */
    SQLULEN string_length, binary_length;
    bool wide_types;  /* UseUnicodeSqlCharacterTypes */
    bool long_string; /* MapStringToLongVarchar */
    bool bools_as_text, six_digits, map_states, lower_types;
    bool catalogs;     /* EnableMultipleCatalogsSupport */
    bool all_catalogs; /* NullCatalog=all */
    bool keys_on;      /* EnablePKFK */
    bool raw_table_types, ignore_transactions;
    bool ntz_literals, ntz_params, many_params;
    bool continue_on_error;
    bool recover; /* InvalidSessionAutoRecover */
    enum { DESCRIBE_QUERY, DESCRIBE_NONE, DESCRIBE_RUN } prepare_metadata;
    enum { BATCH_LITERALS, BATCH_PARAMS, BATCH_OFF } batch;
    size_t message_max; /* ErrMsgMaxLen */
} settings;

/* ---- types.c: Databricks types as SQL types -------------------------------------------------------- */

typedef enum source { /* the Arrow layout of a column */
                      SRC_NULL,
                      SRC_BOOL,
                      SRC_I8,
                      SRC_I16,
                      SRC_I32,
                      SRC_I64,
                      SRC_F32,
                      SRC_F64,
                      SRC_DEC128,
                      SRC_DATE32,
                      SRC_TIMESTAMP,
                      SRC_TIME, /* 32 bits of seconds or milliseconds, 64 of less */
                      SRC_TEXT,
                      SRC_TEXT64,
                      SRC_BYTES,
                      SRC_BYTES64,
                      SRC_TEXT_VIEW,
                      SRC_BYTES_VIEW,
                      SRC_OTHER
} source;

typedef struct type_info { /* one line of 3.5 and 4.1 of the contract */
    const char *word;      /* the first word of the type text */
    SQLSMALLINT sql_type;
    SQLSMALLINT c_type; /* of SQL_C_DEFAULT */
    SQLINTEGER size;    /* COLUMN_SIZE; -1: the text's own, -2: string length, -3: binary length */
    SQLSMALLINT digits; /* DECIMAL_DIGITS; -1: none; -2: the text's own */
    SQLINTEGER octets;
    SQLINTEGER display;
    const char *prefix, *suffix;
} type_info;

typedef struct column { /* a column of a result */
    char *name;
    char *type_text; /* "DECIMAL(10,2)" */
    char type_name[40];
    const type_info *type;
    SQLSMALLINT sql_type, c_type;
    SQLULEN size;
    SQLSMALLINT digits; /* -1: none */
    SQLLEN octets, display;
    SQLSMALLINT nullable;
    source source;        /* of the values, also of a dictionary's */
    char index_format;    /* Arrow's letter for the indices of a dictionary; 0: there is none */
    int precision, scale; /* of a decimal in Arrow */
    int64_t unit;         /* timestamps: ticks per second */
    struct zone *zone;    /* timestamps with a zone; borrowed from the statement's cache */
    bool zoned;
} column;

void type_describe(const settings *set, const char *type_text, column *c);
bool type_is_text(SQLSMALLINT sql_type);
bool type_is_number(SQLSMALLINT sql_type);
bool type_is_interval(SQLSMALLINT t);          /* with its fields: not SQL_INTERVAL itself */
SQLSMALLINT type_verbose(SQLSMALLINT concise); /* 9 for dates, 10 for intervals */
SQLSMALLINT type_subcode(SQLSMALLINT concise); /* 0: none */
SQLSMALLINT type_odbc2(SQLSMALLINT concise);   /* 91 -> 9 ... */
SQLSMALLINT type_odbc3(SQLSMALLINT concise);   /* 9 -> 91 ... */
SQLSMALLINT type_default_c(SQLSMALLINT sql_type);
SQLLEN c_type_size(SQLSMALLINT c_type); /* 0: variable; -1: not a C type */
/* Fills name, source and type of a column from an Arrow field. */
bool column_from_arrow(const settings *set, const struct ArrowSchema *field, column *c);
void columns_free(column *columns, size_t count);

/* ---- zone.c: wall clocks ---------------------------------------------------------------------------- */

struct zone;
struct zone *zone_open(const char *name); /* "Europe/Berlin", "+05:30"; NULL: unknown */
int64_t zone_offset(struct zone *z,
                    int64_t utc_seconds); /* seconds east; not for two threads at once */
void zone_close(struct zone *z);

/* ---- cells ------------------------------------------------------------------------------------------ */

__extension__ typedef __int128 i128; /* gcc and clang, on every 64-bit machine */
__extension__ typedef unsigned __int128 u128;

typedef enum cell_kind {
    CELL_NULL,
    CELL_BIT,
    CELL_INT,
    CELL_FLOAT, /* d holds a float's value */
    CELL_DOUBLE,
    CELL_DECIMAL,
    CELL_DATE,
    CELL_TIME,
    CELL_TIMESTAMP,
    CELL_TEXT,
    CELL_BYTES
} cell_kind;
typedef struct cell {
    cell_kind kind;
    int64_t i;
    double d;
    i128 decimal;
    int precision, scale;
    SQL_TIMESTAMP_STRUCT ts; /* also date and time; fraction in nanoseconds */
    text text;
} cell;

typedef enum conv { /* what came of a conversion; the texts are in convert.c */
                    CONV_OK,
                    CONV_CUT,       /* 01004 */
                    CONV_FRACTION,  /* 01S07 */
                    CONV_NULL,      /* 22002: NULL and no indicator */
                    CONV_RANGE,     /* 22003 */
                    CONV_MALFORMED, /* 22018 */
                    CONV_DATE,      /* 22007 */
                    CONV_INTERVAL,  /* 22015 */
                    CONV_TYPE,      /* 07006 */
                    CONV_LENGTH,    /* HY090 */
                    CONV_UNKNOWN_C, /* HY003 */
                    CONV_MEMORY,    /* HY001 */
                    CONV_ENCODING,  /* the source is of no Arrow type we read: HYC00 */
                    CONV_END        /* SQLGetData: all was given before */
} conv;
bool conv_is_error(conv c);
const char *conv_state(conv c);
const char *conv_message(conv c);

typedef struct target { /* one cell's place in the application */
    SQLSMALLINT c_type;
    void *data; /* NULL: only the indicator is wanted */
    SQLLEN cap; /* bytes */
    SQLLEN *length;
    SQLLEN *indicator;
    int precision, scale; /* SQL_C_NUMERIC; -1: the value's own */
    unsigned unit;        /* of SQL_C_WCHAR */
    SQLULEN max_length;   /* SQL_ATTR_MAX_LENGTH; 0: none */
} target;

/* The text a cell is for SQL_C_CHAR, in UTF-8: into a buffer of CELL_TEXT_MAX bytes, or the cell's own. */
enum { CELL_TEXT_MAX = 512 };
typedef struct text_style {
    bool bools_as_text, six_digits;
} text_style;
text cell_text(const cell *c, text_style style, char scratch[CELL_TEXT_MAX]);
size_t put_i64(char *out, int64_t v);
size_t put_decimal(char *out, i128 v, int scale);
size_t put_double(char *out, double v, bool is_float);
size_t put_timestamp(char *out, const SQL_TIMESTAMP_STRUCT *ts, bool six_digits);
size_t put_date(char *out, const SQL_TIMESTAMP_STRUCT *ts);
void civil_from_days(int64_t days, SQL_TIMESTAMP_STRUCT *out); /* year, month, day */
int64_t days_from_civil(int64_t y, int64_t m, int64_t d);
bool civil_valid(const SQL_TIMESTAMP_STRUCT *ts);
/* Texts to values. CONV_OK, CONV_MALFORMED, CONV_RANGE, CONV_DATE ...; blanks around do not matter. */
conv parse_decimal(text t, i128 *out, int *scale); /* up to 38 digits; RANGE beyond */
conv parse_double(text t, double *out);
conv parse_timestamp(text t, SQL_TIMESTAMP_STRUCT *out, bool *has_date, bool *has_time);
conv parse_interval(text t, SQLSMALLINT c_type, SQL_INTERVAL_STRUCT *out);
i128 pow10_i128(int n); /* n in 0..38 */
/* value * 10^(to - from); CONV_FRACTION when digits were cut, CONV_RANGE when it does not fit. */
conv rescale(i128 value, int from, int to, i128 *out);
bool decimal_to_numeric(i128 v, int precision, int scale, SQL_NUMERIC_STRUCT *out);
i128 numeric_to_decimal(const SQL_NUMERIC_STRUCT *n);
bool double_to_decimal(double d, i128 *out, int *scale);

/* A column of a batch, ready to be read. */
typedef struct batch_column {
    const column *column;
    const struct ArrowArray *indices; /* into a dictionary; NULL: rows are the values themselves */
    const void *const *pieces;        /* of views: the buffers that long values are in */
    const uint8_t *validity;          /* NULL: no NULLs */
    const void *values;               /* of text: the offsets */
    const uint8_t *bytes;
    int64_t offset; /* of the array; validity is not moved, values are */
} batch_column;
void batch_column_set(batch_column *b, const column *c, const struct ArrowArray *array);
bool batch_is_null(const batch_column *b, int64_t row);
conv cell_read(const batch_column *b, int64_t row, cell *out);

/* CONV_CUT or CONV_RANGE: may all but `fits` units of this text of a cell be left off? Of numbers and
 * moments only what is behind the point. */
conv cell_cut(const cell *c, text t, size_t fits);
/* Writes a cell; variable types: whole characters only (bound columns). */
conv cell_convert(const cell *c, const target *t, text_style style);
/* Fixed-length C types only; *size is what was written. */
conv cell_fixed(const cell *c, SQLSMALLINT c_type, int precision, int scale, void *out,
                SQLLEN *size);

/* n rows of a column into the slots of a bound column; slot i is at data + i * stride. Returns false
 * when the pair has no fast way: the caller goes cell by cell. Stops early at a row that needs care and
 * says how many rows are done. */
typedef struct slots {
    char *data;
    SQLLEN stride;
    char *length; /* NULL, or SQLLEN at length + i * length_stride */
    SQLLEN length_stride;
    SQLSMALLINT c_type;
    SQLLEN cap;
    unsigned unit;
} slots;
typedef int64_t column_converter(const batch_column *b, int64_t row, int64_t n, const slots *to);
column_converter *column_converter_find(const column *c, SQLSMALLINT c_type);

/* ---- table.c: rows made here (catalog calls, type info), as Arrow ----------------------------------- */

typedef struct table_column {
    const char *name, *name2; /* ODBC 3 and ODBC 2 */
    char type;                /* 'u' text, 's' SMALLINT, 'i' INTEGER */
    bool nullable;
    SQLSMALLINT size; /* characters of a text column */
} table_column;
typedef struct table_cell {
    char *text; /* NULL: SQL NULL */
    int64_t number;
    bool null;
} table_cell;
typedef struct table {
    const table_column *columns;
    size_t width, rows, cap;
    table_cell *cells;
    bool failed;
} table;
table *table_new(const table_column *columns, size_t width);
void table_row(table *t);                                 /* a row of NULLs behind the others */
void table_set_text(table *t, size_t column, text value); /* of the last row; absent: NULL */
void table_set_number(table *t, size_t column, int64_t value);
const table_cell *table_at(const table *t, size_t row, size_t column);
void table_sort(table *t, const size_t *by, size_t count);
void table_free(table *t);
/* The table's rows as a batch; false: no memory. */
bool table_export(const table *t, struct ArrowArray *out);

#endif
