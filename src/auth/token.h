/* auth/token.h: one token and how old it is: pure functions of a token and a clock. */
#ifndef DBK_AUTH_TOKEN_H
#define DBK_AUTH_TOKEN_H

#include "base/base.h"

typedef struct dbk_token {
    dbk_secret access;  /* len 0: there is no token */
    dbk_secret refresh; /* OAuth's, when the server gave one */
    dbk_secret second;  /* Azure: the management token that goes along */
    bool ages;          /* false: good until somebody says otherwise */
    uint64_t life_ms;   /* when it was made */
    uint64_t ends_ms;   /* monotonic */
    int64_t
        ends_wall_ms; /* on this machine's clock: a suspended machine's monotonic one stands still */
} dbk_token;

typedef enum dbk_token_state {
    DBK_TOKEN_NONE,
    DBK_TOKEN_FRESH,
    DBK_TOKEN_STALE,  /* good, but time to get the next one in the background */
    DBK_TOKEN_EXPIRED /* ends within the margin that a request may need: spec auth 10 */
} dbk_token_state;

dbk_token_state dbk_token_judge(const dbk_token *t, const dbk_clock *clock);
/* It lives for so long, counted from a moment of the clock's monotonic time (ms). */
void dbk_token_set_life(dbk_token *t, const dbk_clock *clock, uint64_t from_ms, uint64_t life_ms);
/* It ends then (ms since 1970); the true time is the clock's plus offset_ms. */
void dbk_token_set_end(dbk_token *t, const dbk_clock *clock, int64_t offset_ms, int64_t end_ms);
int64_t dbk_token_left_ms(const dbk_token *t, const dbk_clock *clock); /* INT64_MAX: for ever */

DBK_MUST_USE dbk_status dbk_token_copy(dbk_token *to, const dbk_token *from, dbk_error *err);
void dbk_token_move(dbk_token *to, dbk_token *from);
void dbk_token_reset(dbk_token *t);

/* Could it be the value of an Authorization header: no byte up to 0x20, no 0x7f, none above. */
bool dbk_token_text_valid(dbk_slice text);

#endif
