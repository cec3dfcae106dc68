/* telemetry/flags.h: does the server want telemetry? What each host's feature flags said last.
 *
 * Process-wide, any thread, fixed size: the flag not asked for longest makes room. One fetch at a time for a
 * flag, however many ask. An answer counts for its ttl_seconds (60 to 3600, else 900); after that it still
 * counts until the next one is there. A failure leaves what was known, keeps quiet for 60 s, and means "no"
 * where nothing was known. */
#ifndef DBK_TELEMETRY_FLAGS_H
#define DBK_TELEMETRY_FLAGS_H

#include "base/base.h"

typedef struct dbk_flag {
    dbk_str url;  /* of the host's flags; ptr NULL: there is no flag to be asked */
    dbk_str name; /* "databricks.partnerplatform.clientConfigsFeatureFlags...." */
    uint64_t key;
} dbk_flag;
/* client, version: parts of the path; last: the end of the flag's name. */
DBK_MUST_USE dbk_status dbk_flag_set(dbk_flag *f, dbk_slice origin, dbk_slice client,
                                     dbk_slice last, dbk_error *err);
void dbk_flag_reset(dbk_flag *f);

typedef enum dbk_flag_answer {
    DBK_FLAG_ON,
    DBK_FLAG_OFF,
    DBK_FLAG_WAIT /* not known yet */
} dbk_flag_answer;
/* *fetch: whoever asked is to fetch it now, and to end that with one of the three below. */
dbk_flag_answer dbk_flag_ask(const dbk_flag *f, uint64_t now_ms, bool *fetch);
/* The same without any duty. */
dbk_flag_answer dbk_flag_look(const dbk_flag *f, uint64_t now_ms);
/* body: what the server answered with 200. */
void dbk_flag_came(const dbk_flag *f, dbk_slice body, uint64_t now_ms);
void dbk_flag_failed(const dbk_flag *f, uint64_t now_ms);
void dbk_flag_gave_up(const dbk_flag *f); /* neither: somebody else may fetch it */

/* Under dbk_telemetry_hosts, in a fork's child: nobody here fetches. */
void dbk_flag_forget_asking_locked(void);

void dbk_flag_reset_for_tests(void);

#endif
