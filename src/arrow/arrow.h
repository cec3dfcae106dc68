/* arrow/arrow.h: bytes to Arrow columns and back: IPC, LZ4, C Data Interface, types, conversions.
 *
 * What:    pure functions over memory, no I/O and no threads. A stream of bytes goes in
 *          (dbk_unpack), batches come out that point into the blocks the bytes were decoded into.
 * Threads: schemas, batches and blocks are immutable once published and counted atomically: any
 *          thread may ref/unref/export. Readers and writers belong to one thread at a time.
 * Owner:   a batch holds its schema and its blocks; an exported ArrowArray holds the batch. */
#ifndef DBK_ARROW_ARROW_H
#define DBK_ARROW_ARROW_H

#include "arrow/cdata.h"
#include "base/base.h"

/* ---- blocks: the memory decoded bytes live in ------------------------------------------- */

typedef struct dbk_block dbk_block; /* opaque, counted */

/* Who is told that a block's memory was given back (any thread, no lock held). */
typedef struct dbk_block_owner {
    void (*released)(void *ctx, size_t bytes); /* NULL: nobody */
    void *ctx;
} dbk_block_owner;

/* Frees what is kept for reuse, process-wide: mapped memory (with what is in use at most 54 MiB, see
 * block.h) and four idle LZ4 decoders. Any thread. */
void dbk_block_pool_trim(void);

/* ---- schemas ------------------------------------------------------------------------------ */

typedef struct dbk_schema dbk_schema; /* opaque, counted, immutable; fields in arrow/schema.h */

dbk_schema *dbk_schema_ref(dbk_schema *s);
void dbk_schema_unref(dbk_schema *s); /* NULL is a no-op */
size_t dbk_schema_column_count(const dbk_schema *s);
const char *dbk_schema_column_name(const dbk_schema *s, size_t i); /* borrowed from s */
/* Same types and nesting; names, nullability and metadata do not matter. */
bool dbk_schema_same_types(const dbk_schema *a, const dbk_schema *b);

/* One column as the server's manifest describes it; texts are borrowed for the call. */
typedef struct dbk_column_desc {
    dbk_slice name;
    dbk_slice type_name; /* "DECIMAL" */
    dbk_slice type_text; /* "DECIMAL(10,2)" */
    int64_t position;
    int64_t precision;       /* -1: absent */
    int64_t scale;           /* -1: absent */
    dbk_slice interval_type; /* ptr NULL: absent */
    bool required;           /* not nullable; servers never say so */
} dbk_column_desc;

/* The schema of a result without data: Arrow types from type_text (spec sea-protocol section 9,
 * column "manifest"), names in order of position, field metadata databricks.* set. */
DBK_MUST_USE dbk_status dbk_schema_from_columns(const dbk_column_desc *columns, size_t count,
                                                dbk_schema **out, dbk_error *err);
/* The same for rows that come as JSON_ARRAY: day-time intervals are duration[us], as in the server's
 * Arrow streams, instead of section 9's interval_day_time, which would lose microseconds. */
DBK_MUST_USE dbk_status dbk_schema_for_rows(const dbk_column_desc *columns, size_t count,
                                            dbk_schema **out, dbk_error *err);
/* The same types without any metadata: for results that the client makes (metadata calls). */
DBK_MUST_USE dbk_status dbk_schema_plain(const dbk_column_desc *columns, size_t count,
                                         dbk_schema **out, dbk_error *err);
/* A schema that came with data, dressed with the manifest: names replaced by position, metadata
 * databricks.type_name/.type_text/.type_precision/.type_scale/.type_interval_type appended to what
 * the server's stream carried. count may differ from the schema's: DataLoss. */
DBK_MUST_USE dbk_status dbk_schema_dress(const dbk_schema *wire, const dbk_column_desc *columns,
                                         size_t count, dbk_schema **out, dbk_error *err);

/* ---- batches ------------------------------------------------------------------------------ */

typedef struct dbk_batch dbk_batch; /* opaque, counted, immutable */

dbk_batch *dbk_batch_ref(dbk_batch *b);
void dbk_batch_unref(dbk_batch *b); /* NULL is a no-op */
int64_t dbk_batch_row_count(const dbk_batch *b);
dbk_schema *dbk_batch_schema(const dbk_batch *b); /* borrowed */
size_t dbk_batch_byte_size(const dbk_batch *b);   /* bytes of the buffers it shows */
/* What the owner will be told for the blocks this batch itself holds: for batches that
 * dbk_batch_from_json, dbk_convert_batch and dbk_builder_finish made; blocks that it shares through
 * another batch are not counted. */
size_t dbk_batch_block_bytes(const dbk_batch *b);
/* A view of rows [offset, offset + count); shares all memory. */
DBK_MUST_USE dbk_status dbk_batch_slice(dbk_batch *b, int64_t offset, int64_t count,
                                        dbk_batch **out, dbk_error *err);
/* The same columns under another schema with the same types (dressing). */
DBK_MUST_USE dbk_status dbk_batch_with_schema(dbk_batch *b, dbk_schema *schema, dbk_batch **out,
                                              dbk_error *err);

/* ---- C Data Interface --------------------------------------------------------------------- */

/* Fresh, independent exports; *out is written on success only. The array is a struct array ("+s")
 * with offset 0; releasing it on any thread, after everything else is gone, is fine. */
DBK_MUST_USE dbk_status dbk_schema_export(const dbk_schema *s, struct ArrowSchema *out,
                                          dbk_error *err);
DBK_MUST_USE dbk_status dbk_batch_export(dbk_batch *b, struct ArrowArray *out, dbk_error *err);

/* ---- unpacking: bytes of a chunk or attachment, as they arrive, to batches ------------------ */

typedef struct dbk_unpack dbk_unpack; /* opaque */

typedef struct dbk_unpack_options {
    bool lz4;              /* the manifest says LZ4_FRAME */
    size_t expected_bytes; /* declared and capped size of the decoded stream, 0: unknown; a hint for
                              memory, never trusted beyond it */
    size_t max_bytes;      /* decoded bytes, decompressed Arrow buffers included, beyond this are
                              DataLoss; 0: no limit */
    dbk_block_owner owner;
} dbk_unpack_options;

DBK_MUST_USE dbk_status dbk_unpack_new(const dbk_unpack_options *options, dbk_unpack **out,
                                       dbk_error *err);
void dbk_unpack_free(dbk_unpack *u); /* NULL is a no-op; popped batches live on */
/* Consumes all of in. Errors are final: DataLoss with what was found where. */
DBK_MUST_USE dbk_status dbk_unpack_feed(dbk_unpack *u, dbk_slice in, dbk_error *err);
/* The end of the input: an error when it stops inside an LZ4 frame or an Arrow message, or when no
 * schema was seen. A missing end-of-stream marker is legal. */
DBK_MUST_USE dbk_status dbk_unpack_finish(dbk_unpack *u, dbk_error *err);
/* Next decoded batch in order, owned by the caller; NULL: none yet. Zero-row batches appear too. */
dbk_batch *dbk_unpack_pop(dbk_unpack *u);
dbk_schema *dbk_unpack_schema(const dbk_unpack *u); /* borrowed; NULL: not seen yet */
/* Block memory taken so far, in all: grows only. What `released` was told sums up to the same once
 * u and its batches are gone. */
size_t dbk_unpack_block_bytes(const dbk_unpack *u);

/* ---- JSON_ARRAY rows ------------------------------------------------------------------------ */

/* Rows of texts and nulls (arrays of arrays, as SEA's data_array) to one batch of schema's types.
 * DataLoss with row, column and value when a text does not parse as its type. */
DBK_MUST_USE dbk_status dbk_batch_from_json(dbk_schema *schema, const json_t *rows,
                                            dbk_block_owner owner, dbk_batch **out, dbk_error *err);

/* ---- batches made value by value -------------------------------------------------------------- */

typedef struct dbk_builder dbk_builder; /* opaque; one owner, one thread at a time */
typedef struct dbk_column dbk_column;   /* a column of a builder; opaque outside the room */

/* InvalidArgument for a type that cannot be built: views, unions, dictionaries. Refs the schema. */
DBK_MUST_USE dbk_status dbk_builder_new(dbk_schema *schema, dbk_builder **out, dbk_error *err);
void dbk_builder_free(dbk_builder *b);                    /* NULL is a no-op */
dbk_column *dbk_builder_column(dbk_builder *b, size_t i); /* borrowed */
/* A batch of row_count rows, which every column must have (Internal otherwise; it counts alone when
 * there is no column). b is only good for freeing after, as after any failure. */
DBK_MUST_USE dbk_status dbk_builder_finish(dbk_builder *b, int64_t row_count, dbk_block_owner owner,
                                           dbk_batch **out, dbk_error *err);

/* One row of a column; the kind must suit the column's type (our bug otherwise). */
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

/* ---- cells, read one by one: what metadata results are made from -------------------------------- */

/* The first column of that name (case matters); false: there is none. */
bool dbk_schema_find(const dbk_schema *s, const char *name, size_t *out);
/* A cell as text: texts as they are, numbers and times in the texts of dbk_convert_batch, lists and
 * structs as JSON; bytes only when they are UTF-8. out->ptr NULL: null. *out is borrowed from b or
 * scratch, whose content it replaces. DataLoss: an offset points outside. */
DBK_MUST_USE dbk_status dbk_batch_text(const dbk_batch *b, size_t column, int64_t row,
                                       dbk_buf *scratch, dbk_slice *out, dbk_error *err);
/* A cell as an integer: from integers, booleans, decimal texts and, cut toward zero, from floating
 * point and decimals. *is_null: null, another type or text, or it does not fit; *out is then 0. */
DBK_MUST_USE dbk_status dbk_batch_i64(const dbk_batch *b, size_t column, int64_t row,
                                      dbk_buf *scratch, int64_t *out, bool *is_null,
                                      dbk_error *err);

/* ---- conversions asked for by options -------------------------------------------------------- */

typedef struct dbk_convert_options {
    bool intervals_as_string; /* interval and duration columns to utf8 */
    bool complex_as_json;     /* list, map, struct columns to utf8 JSON */
} dbk_convert_options;

/* What the schema becomes (an Arrow null column always becomes utf8, spec section 9); *out may be
 * the same schema with another reference when nothing changes. */
DBK_MUST_USE dbk_status dbk_convert_schema(dbk_schema *in, const dbk_convert_options *options,
                                           dbk_schema **out, dbk_error *err);
/* Converts one batch to `schema`, which dbk_convert_schema gave; *out may share b. */
DBK_MUST_USE dbk_status dbk_convert_batch(dbk_batch *b, dbk_schema *schema,
                                          const dbk_convert_options *options, dbk_block_owner owner,
                                          dbk_batch **out, dbk_error *err);

/* ---- IPC writing ----------------------------------------------------------------------------- */

/* Append to out: a schema message; a record batch message (dictionaries included); the
 * end-of-stream marker. Together they are an Arrow IPC stream, 8-byte aligned, little-endian. */
DBK_MUST_USE dbk_status dbk_ipc_write_schema(const dbk_schema *s, dbk_buf *out, dbk_error *err);
DBK_MUST_USE dbk_status dbk_ipc_write_batch(const dbk_batch *b, dbk_buf *out, dbk_error *err);
DBK_MUST_USE dbk_status dbk_ipc_write_end(dbk_buf *out, dbk_error *err);

/* An IPC stream in the memory that its batches came in: nothing of them is copied. */
typedef struct dbk_placed { /* {0}: none */
    uint8_t *data;
    size_t len;
    struct dbk_block *block; /* counted */
} dbk_placed;
/* How many of these batches, from the first on, can be handed out so behind a schema message of schema_len
 * bytes; 0: none. They must be all that is left of what one dbk_unpack made, which has come to its end. */
size_t dbk_ipc_placeable(dbk_batch *const *batches, size_t count, size_t schema_len);
/* Does it, for a count that dbk_ipc_placeable gave; schema is the message. Takes the batches. */
void dbk_ipc_place(dbk_slice schema, dbk_batch *const *takes_batches, size_t count,
                   dbk_placed *out);
void dbk_placed_reset(dbk_placed *p);
/* A reader that places begins or ends: meanwhile more memory that comes back from it is kept for reuse. */
void dbk_block_pool_giver(bool begins);

#endif
