/* net/runtime.h: the lanes of a process (or of an embedded loop) and their life.
 *
 * The process-wide runtime starts with the first session and ends with the last reference: no
 * thread exists before, none after. After a fork the child's runtimes are dead: dbk_runtime_alive
 * says so, and the first acquire in the child makes a new one. In exit() all runtimes die. */
#ifndef DBK_NET_RUNTIME_H
#define DBK_NET_RUNTIME_H

#include "net/lane.h"

typedef struct dbk_runtime dbk_runtime; /* opaque, counted */

DBK_MUST_USE dbk_status dbk_runtime_acquire(dbk_runtime **out, dbk_error *err); /* any thread */
/* A runtime whose every lane is this embedded lane (borrowed, outlives the runtime). */
DBK_MUST_USE dbk_status dbk_runtime_embed(dbk_lane *lane, dbk_runtime **out, dbk_error *err);
dbk_runtime *dbk_runtime_ref(dbk_runtime *rt); /* any thread */
/* Any thread; the last reference ends and joins the lanes (on a lane: they end by themselves). */
void dbk_runtime_unref(dbk_runtime *rt);
/* Changes when all that was there before dies: in a fork's child, and late in exit(). Any thread. */
unsigned dbk_process_epoch(void);
bool dbk_runtime_alive(const dbk_runtime *rt); /* false in a fork's child and late in exit() */

bool dbk_runtime_is_shared(dbk_runtime *rt); /* are there other references? */

/* Work that nobody waits for (closing, cancelling), counted in the whole process. Any thread. */
void dbk_background_begin(void);
void dbk_background_end(void);
/* Blocks until there is none, timeout_ms at most; how much is left. */
size_t dbk_background_wait(uint64_t timeout_ms);

dbk_lane *dbk_runtime_control(dbk_runtime *rt);
size_t dbk_runtime_data_lane_count(const dbk_runtime *rt); /* min(4, cores) */
/* From now on data lanes start with a lower priority than the thread that starts them: the host has an event
 * loop, and each of its turns is short beside the decoding of a chunk. For the life of the process. */
void dbk_runtime_give_way(void);
/* Lane i of the data lanes, started on first use; any thread. */
DBK_MUST_USE dbk_status dbk_runtime_data_lane(dbk_runtime *rt, size_t i, dbk_lane **out,
                                              dbk_error *err);

#endif
