/* arrow/builder.h: batches made value by value: rows of JSON, converted columns, metadata results.
 *
 * What:    one dbk_column per field, nested ones with children; dbk_builder_finish puts all buffers
 *          into one block. Types: all but views, list views, unions, run-end and dictionary.
 * Threads: one thread at a time.
 * Owner:   the caller owns the builder; slices are copied. After a failed append the builder may
 *          only be freed. */
#ifndef DBK_ARROW_BUILDER_H
#define DBK_ARROW_BUILDER_H

#include "arrow/batch.h"

typedef struct dbk_column {
    const dbk_field *field; /* of the builder's schema */
    int64_t length;         /* rows so far */
    int64_t null_count;
    dbk_buf validity; /* empty until the first null */
    dbk_buf values;   /* values, bits (BOOL) or offsets */
    dbk_buf data;     /* bytes of BINARY, UTF8 and LARGE_* */
    size_t child_count;
    struct dbk_column *children;
} dbk_column;

typedef struct dbk_builder dbk_builder;

/* InvalidArgument for a type that cannot be built. Refs the schema. */
DBK_MUST_USE dbk_status dbk_builder_new(dbk_schema *schema, dbk_builder **out, dbk_error *err);
void dbk_builder_free(dbk_builder *b);                    /* NULL is a no-op */
dbk_column *dbk_builder_column(dbk_builder *b, size_t i); /* borrowed */

/* A batch of row_count rows, which every column must have (Internal otherwise; row_count counts alone
 * when there is no column). The block it makes belongs to owner. b is only good for freeing after. */
DBK_MUST_USE dbk_status dbk_builder_finish(dbk_builder *b, int64_t row_count, dbk_block_owner owner,
                                           dbk_batch **out, dbk_error *err);

/* ---- one row of a column; the kind must suit the field's type (our bug otherwise) ---- */

DBK_MUST_USE dbk_status dbk_column_put_null(dbk_column *c, dbk_error *err);
DBK_MUST_USE dbk_status dbk_column_put_bool(dbk_column *c, bool v, dbk_error *err);
/* INT*, UINT*, DATE*, TIME*, TIMESTAMP, DURATION, INTERVAL_MONTHS; DataLoss: v does not fit. */
DBK_MUST_USE dbk_status dbk_column_put_i64(dbk_column *c, int64_t v, dbk_error *err);
DBK_MUST_USE dbk_status dbk_column_put_f64(dbk_column *c, double v,
                                           dbk_error *err); /* FLOAT32/64 */
/* BINARY, UTF8, LARGE_*; fixed-width types as the bytes of one value (DECIMAL*, FIXED_BINARY, ...).
 * ResourceExhausted: more than 2 GiB in a column with 32-bit offsets. */
DBK_MUST_USE dbk_status dbk_column_put_bytes(dbk_column *c, dbk_slice v, dbk_error *err);
DBK_MUST_USE dbk_status dbk_column_put_text(dbk_column *c, const char *v, dbk_error *err);
/* Ends a row of BINARY, UTF8 or LARGE_* whose bytes the caller appended to c->data. */
DBK_MUST_USE dbk_status dbk_column_end_bytes(dbk_column *c, dbk_error *err);
/* Ends a row of a nested column whose children got their rows: any number for LIST, LARGE_LIST and
 * MAP (whose child is the STRUCT of key and value), width for FIXED_LIST, one each for STRUCT. */
DBK_MUST_USE dbk_status dbk_column_put_nested(dbk_column *c, dbk_error *err);

/* ---- a column outside a builder: the converters put some columns beside shared ones ---- */

/* f and arena (for the children) must outlive c. dbk_column_reset is owed also after a failure. */
DBK_MUST_USE dbk_status dbk_column_init(dbk_column *c, const dbk_field *f, dbk_arena *arena,
                                        dbk_error *err);
void dbk_column_reset(dbk_column *c);
size_t dbk_column_bytes(const dbk_column *c); /* what dbk_column_place takes of a block */
/* Makes *a, an array of the batch, from a copy of the column in the block. */
DBK_MUST_USE dbk_status dbk_column_place(const dbk_column *c, dbk_batch *batch, dbk_block *block,
                                         dbk_array *a, dbk_error *err);

#endif
