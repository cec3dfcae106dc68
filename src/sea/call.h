/* sea/call.h: one request to the service, from "a token, please" to a reply or an error. */
#ifndef DBK_SEA_CALL_H
#define DBK_SEA_CALL_H

#include "sea/sea.h"

typedef struct dbk_sea_plan {
    const char *name;   /* for log lines: "ExecuteStatement"; static */
    const char *method; /* static */
    dbk_sea_kind kind;
    dbk_effect effect;
    bool gone_is_done;        /* a repeated DELETE that finds nothing has reached its goal */
    bool fully_sync;          /* metadata: spec metadata 1 */
    dbk_str url;              /* taken */
    dbk_buf body;             /* taken; sent when has_body */
    const char *content_type; /* static; NULL: JSON */
    bool has_body;            /* also an empty one: "content-length: 0" */
    dbk_slice statement_id;   /* copied, for errors; empty: unknown */
} dbk_sea_plan;

/* Takes url and body of the plan, also on failure. */
DBK_MUST_USE dbk_status dbk_sea_call_new(dbk_sea *sea, dbk_lane *lane, dbk_sea_plan *plan,
                                         dbk_sea_call **out, dbk_error *err);

#endif
