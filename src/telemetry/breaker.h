/* telemetry/breaker.h: when exports to a host fail again and again they rest for a while; and what became of
 * the events for each host.
 *
 * Process-wide, by host; any thread. The table is of fixed size: the host not asked for longest makes room. */
#ifndef DBK_TELEMETRY_BREAKER_H
#define DBK_TELEMETRY_BREAKER_H

#include "base/base.h"

typedef enum dbk_breaker_answer {
    DBK_BREAKER_GO,
    DBK_BREAKER_WAIT, /* somebody else finds out whether the host is back */
    DBK_BREAKER_DROP
} dbk_breaker_answer;

typedef uint64_t dbk_breaker_key;
dbk_breaker_key dbk_breaker_key_of(dbk_slice origin);

/* GO is followed by one of the three below. */
dbk_breaker_answer dbk_breaker_ask(dbk_breaker_key host, uint64_t now_ms);
void dbk_breaker_worked(dbk_breaker_key host);
/* at_least_ms: what the server asked for, 0: nothing. */
typedef struct dbk_breaker_rules {
    uint32_t threshold;
    uint64_t timeout_ms;
} dbk_breaker_rules;
void dbk_breaker_failed(dbk_breaker_key host, const dbk_breaker_rules *rules, uint64_t now_ms,
                        uint64_t at_least_ms);
void dbk_breaker_gave_up(dbk_breaker_key host); /* neither: the export was abandoned */

/* What became of the host's events. */
typedef enum dbk_breaker_count {
    DBK_COUNT_SENT,
    DBK_COUNT_FULL,
    DBK_COUNT_OPEN,
    DBK_COUNT_FAILED,
    DBK_COUNT_OFF,
    DBK_COUNT_EXPORTS,
    DBK_COUNT_FAILED_EXPORTS,
    DBK_COUNTS
} dbk_breaker_count;
void dbk_breaker_add(dbk_breaker_key host, dbk_breaker_count what, uint64_t events);
/* Is it open now? All zero for a host that is not known. */
bool dbk_breaker_look(dbk_breaker_key host, uint64_t now_ms, uint64_t out[DBK_COUNTS]);

/* Guards this table and the one of flags; the innermost lock of the room. */
extern dbk_mutex dbk_telemetry_hosts;
void dbk_breaker_forget_asking_locked(void); /* in a fork's child: nobody here finds out */

void dbk_breaker_reset_for_tests(void);

#endif
