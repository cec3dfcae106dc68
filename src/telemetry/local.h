/* telemetry/local.h: what happens, told to somebody in this process; nothing leaves through here.
 *
 * What:    spans of requests, downloads and waits (base/trace.h) and the events of telemetry.h, as records with
 *          the attribute names of OpenTelemetry where it has one.
 * Threads: the callback runs where a span ends, also on lanes and on several threads at a time.
 * Owner:   a record and its texts live during the call. */
#ifndef DBK_TELEMETRY_LOCAL_H
#define DBK_TELEMETRY_LOCAL_H

#include "base/base.h"

typedef enum dbk_attribute_type {
    DBK_ATTRIBUTE_TEXT,
    DBK_ATTRIBUTE_INT,
    DBK_ATTRIBUTE_BOOL
} dbk_attribute_type;

typedef enum dbk_attribute_scope {
    DBK_SCOPE_LOCAL,   /* for diagnosis on this machine: never part of an upload */
    DBK_SCOPE_EXPORTED /* also in uploads, when they are on */
} dbk_attribute_scope;

typedef struct dbk_attribute {
    const char *name; /* static */
    dbk_attribute_type type;
    dbk_attribute_scope scope;
    const char *text; /* TEXT */
    int64_t number;   /* INT; BOOL: 0 or 1 */
} dbk_attribute;

typedef struct dbk_record {
    const char *name; /* static: "databricks.statement" */
    int64_t start_unix_ns;
    uint64_t duration_ns;
    bool failed;
    const dbk_attribute *attributes;
    size_t count;
} dbk_record;

/* release (may be NULL) is called with ctx once nothing can call fn any more. */
DBK_MUST_USE dbk_status dbk_local_new(void (*fn)(void *ctx, const dbk_record *record), void *ctx,
                                      void (*release)(void *ctx), dbk_tracer **out, dbk_error *err);
/* Appends every record to a file as one line of JSON. */
DBK_MUST_USE dbk_status dbk_sink_new(const char *path, dbk_tracer **out, dbk_error *err);
/* An event that began at begun_ns of clock and ends now. origin: of the workspace. */
struct dbk_telemetry_event; /* telemetry.h */
void dbk_local_tell(dbk_tracer *t, const struct dbk_telemetry_event *event, dbk_slice origin,
                    const dbk_clock *clock, uint64_t begun_ns);

#endif
