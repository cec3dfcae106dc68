/* arrow/builder.h: batches made value by value: rows of JSON, converted columns, metadata results.
 *
 * What:    one dbk_column per field, nested ones with children; dbk_builder_finish puts all buffers
 *          into one block. Types: all but views, list views, unions, run-end and dictionary. The door
 *          has the builder and the rows of plain columns; here is what nested ones need beside.
 * Threads: one thread at a time.
 * Owner:   the caller owns the builder; slices are copied. After a failed append the builder may
 *          only be freed. */
#ifndef DBK_ARROW_BUILDER_H
#define DBK_ARROW_BUILDER_H

#include "arrow/batch.h"

struct dbk_column {
    const dbk_field *field; /* of the builder's schema */
    int64_t length;         /* rows so far */
    int64_t null_count;
    dbk_buf validity; /* empty until the first null */
    dbk_buf values;   /* values, bits (BOOL) or offsets */
    dbk_buf data;     /* bytes of BINARY, UTF8 and LARGE_* */
    size_t child_count;
    struct dbk_column *children;
};

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
