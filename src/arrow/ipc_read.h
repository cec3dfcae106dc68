/* arrow/ipc_read.h: Arrow IPC messages to schemas and batches.
 *
 * What:    one reader per stream; it gets whole messages (metadata and body) that lie in a block and
 *          makes batches that point into it. What arrives in pieces is unpack.c's business.
 * Threads: one at a time. Source: arrow.apache.org "Columnar Format", Message.fbs, Schema.fbs. */
#ifndef DBK_ARROW_IPC_READ_H
#define DBK_ARROW_IPC_READ_H

#include "arrow/batch.h"
#include "arrow/compress.h"
#include "arrow/flatbuf.h"

#define DBK_IPC_METADATA_MAX ((size_t)64 << 20) /* longer metadata is taken for garbage */

enum { DBK_IPC_V4 = 3, DBK_IPC_V5 = 4 }; /* MetadataVersion */

typedef enum dbk_ipc_kind {
    DBK_IPC_SCHEMA = 1,
    DBK_IPC_DICTIONARY = 2,
    DBK_IPC_BATCH = 3
} dbk_ipc_kind;

typedef struct dbk_ipc_message { /* borrows the metadata */
    dbk_ipc_kind kind;
    int16_t version;
    size_t body_size;
    dbk_fb_table header;
    size_t metadata_size;
} dbk_ipc_message;

DBK_MUST_USE dbk_status dbk_ipc_read_message(dbk_slice metadata, dbk_ipc_message *out,
                                             dbk_error *err);
DBK_MUST_USE dbk_status dbk_ipc_read_schema(const dbk_ipc_message *m, dbk_schema **out,
                                            dbk_error *err);

/* One dictionary of the stream, by id. */
typedef struct dbk_ipc_dictionary {
    int64_t id;
    const dbk_field *field; /* of the reader's schema; the first with this id */
    dbk_schema *schema;     /* one column: the values */
    dbk_batch *values;      /* counted; NULL: not sent yet */
} dbk_ipc_dictionary;

typedef struct dbk_ipc_reader {
    dbk_block_owner owner; /* of the blocks made here */
    size_t max_bytes;      /* of all decoded bytes; 0: no limit */
    size_t decoded_bytes;  /* kept by unpack.c; decompressed buffers are added here */
    size_t block_bytes;    /* charge of the blocks made here */
    size_t joined_bytes;   /* copied for delta dictionaries */
    dbk_schema *schema;    /* NULL: not seen */
    size_t dictionary_count;
    dbk_ipc_dictionary *dictionaries; /* sorted by id */
    dbk_decompressor decompressor;
} dbk_ipc_reader;

void dbk_ipc_reader_reset(dbk_ipc_reader *r); /* {0} to start */
/* Takes a schema message; the second one in a stream is DataLoss. */
DBK_MUST_USE dbk_status dbk_ipc_reader_schema(dbk_ipc_reader *r, const dbk_ipc_message *m,
                                              dbk_error *err);
/* The body is at `body` inside `block`. */
DBK_MUST_USE dbk_status dbk_ipc_reader_batch(dbk_ipc_reader *r, const dbk_ipc_message *m,
                                             dbk_block *block, const uint8_t *body, dbk_batch **out,
                                             dbk_error *err);
DBK_MUST_USE dbk_status dbk_ipc_reader_dictionary(dbk_ipc_reader *r, const dbk_ipc_message *m,
                                                  dbk_block *block, const uint8_t *body,
                                                  dbk_error *err);

/* ---- shared by the files of the reader ---- */

/* Reads the RecordBatch table `header` as a batch of `schema`. */
DBK_MUST_USE dbk_status dbk_ipc_read_batch(dbk_ipc_reader *r, const dbk_ipc_message *m,
                                           const dbk_fb_table *header, dbk_schema *schema,
                                           dbk_block *block, const uint8_t *body, dbk_batch **out,
                                           dbk_error *err);
const dbk_ipc_dictionary *dbk_ipc_find_dictionary(const dbk_ipc_reader *r, int64_t id);
/* first's rows, then second's: one column each, of the same schema. */
DBK_MUST_USE dbk_status dbk_batch_concat(dbk_ipc_reader *r, dbk_batch *first, dbk_batch *second,
                                         dbk_batch **out, dbk_error *err);

#endif
