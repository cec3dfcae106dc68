/* golden_test.h: the streams of testdata/ and what the tests do with whole streams. */
#ifndef DBK_ARROW_GOLDEN_TEST_H
#define DBK_ARROW_GOLDEN_TEST_H

#include "arrow/batch.h"

extern const char *const golden_names[]; /* "ints.arrow" ...; NULL at the end */

bool golden_is_lz4(const char *name);
/* The file testdata/NAME; stops the test when it cannot be read. */
dbk_buf golden_read(const char *name);
/* What walk_batch should give for it. */
dbk_buf golden_text(const char *name);

typedef struct decoded { /* of a whole stream; {0} to start */
    dbk_schema *schema;  /* counted */
    size_t count, cap;
    dbk_batch **batches; /* counted */
} decoded;

/* Feeds `in` in pieces of `piece` bytes (0: at once) and collects. */
dbk_status decode(dbk_slice in, const dbk_unpack_options *options, size_t piece, decoded *out,
                  dbk_error *err);
void decoded_reset(decoded *d);
void decoded_walk(const decoded *d, dbk_buf *out);

#endif
