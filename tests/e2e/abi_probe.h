/* abi_probe.h: what the parts of the probe share.
 *
 * The probe loads a library that exports the C ABI and runs the commands it reads: one JSON object
 * per line in, one per line out. It sees the public headers only, and calls nothing that it did not
 * look up in the loaded library, so that the same program drives any implementation of the ABI.
 * abi_driver.py is the other end; the commands are described there. */
#ifndef DBK_TESTS_ABI_PROBE_H
#define DBK_TESTS_ABI_PROBE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dbkernel.h"

/* A wrong script is the tester's mistake: says so and ends the program with code 2. */
__attribute__((noreturn, format(printf, 1, 2))) void probe_bad_script(const char *fmt, ...);

/* ---- the library under test ---- */

typedef void (*probe_fn)(void);

void probe_load(const char *path); /* ends the program when it cannot */
void probe_unload(void);
probe_fn probe_find(const char *name); /* NULL: the library has no such function */

/* ---- handles by name ---- */

void *probe_handle_get(const char *name);              /* a name never set is a bad script */
void probe_handle_set(const char *name, void *handle); /* handle NULL: forgets the name */
json_t *probe_handle_names(void);

/* ---- calling by name ---- */

/* Runs {"call": function, "args": [...]} and adds what came of it to `answer`. */
void probe_call(const json_t *command, json_t *answer);
/* Adds the thread's last error: "error" (null: none) and our own facts, "info". */
void probe_add_error(json_t *answer);
/* Reads a stream to its end: {"do": "drain", "stream": name}. */
void probe_drain(const json_t *command, json_t *answer);
/* {"do": "read" or "release", "batch": name}: a batch that a call kept. */
void probe_kept(const json_t *command, json_t *answer);
/* What the log callbacks got since the last time. */
json_t *probe_take_logs(void);
/* For a telemetry callback: keeps the records that it gets. */
void probe_keep_record(const dbk_telemetry_record *record, void *owner);
void probe_release_records(void *owner);
/* What they got since the last time, and how often one was released: {"records", "released"}. */
json_t *probe_take_records(void);
/* Calls of token providers so far: {"calls", "refused", "released"}. */
json_t *probe_provider_counts(void);

/* ---- Arrow C Data to JSON ---- */

json_t *probe_schema_json(const struct ArrowSchema *schema);
/* {"rows", "layout", "columns"}: every value in one canonical form; columns only with values. Breaks
 * of the C Data Interface's rules are listed under "problems". */
json_t *probe_batch_json(const struct ArrowSchema *schema, const struct ArrowArray *array,
                         bool values);
/* FNV-1a over the canonical form of each column's values, continuing from hashes[column]. */
void probe_batch_hash(const struct ArrowSchema *schema, const struct ArrowArray *array,
                      uint64_t *hashes);

#endif
