/* result/spool.h: received bytes of a chunk whose turn to be decoded has not come.
 *
 * What:    a queue of pieces. Compressed bytes cost a third of decoded ones, so more downloads can
 *          run side by side within the same budget when the network is slow.
 * Threads: one at a time (the download's lane). */
#ifndef DBK_RESULT_SPOOL_H
#define DBK_RESULT_SPOOL_H

#include "base/base.h"

typedef struct dbk_spool_piece dbk_spool_piece;

typedef struct dbk_spool { /* {0} is empty */
    dbk_spool_piece *first, *last;
    size_t bytes;
} dbk_spool;

DBK_MUST_USE dbk_status dbk_spool_put(dbk_spool *s, dbk_slice bytes, dbk_error *err);
dbk_slice dbk_spool_peek(const dbk_spool *s); /* the oldest piece; empty: nothing is there */
void dbk_spool_drop(dbk_spool *s);            /* the oldest piece */
void dbk_spool_reset(dbk_spool *s);

#endif
