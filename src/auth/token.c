#include "auth/token.h"

#define MARGIN_MS    40000u /* Azure refuses tokens in their last 30 s */
#define STALE_MAX_MS 1200000u
#define LIFE_MAX_MS  (UINT64_C(10) * 366 * 86400 * 1000)

int64_t dbk_token_left_ms(const dbk_token *t, const dbk_clock *clock) {
    if (!t->ages) {
        return INT64_MAX;
    }
    int64_t left = (int64_t)t->ends_ms - (int64_t)dbk_clock_ms(clock);
    return dbk_min_i64(left, t->ends_wall_ms - dbk_clock_wall_ms(clock));
}

dbk_token_state dbk_token_judge(const dbk_token *t, const dbk_clock *clock) {
    if (t->access.len == 0) {
        return DBK_TOKEN_NONE;
    }
    int64_t left = dbk_token_left_ms(t, clock);
    if (left < (int64_t)dbk_min_u64(MARGIN_MS, t->life_ms / 4) || left <= 0) {
        return DBK_TOKEN_EXPIRED;
    }
    bool stale = t->ages && left < (int64_t)dbk_min_u64(t->life_ms / 2, STALE_MAX_MS);
    return stale ? DBK_TOKEN_STALE : DBK_TOKEN_FRESH;
}

void dbk_token_set_life(dbk_token *t, const dbk_clock *clock, uint64_t from_ms, uint64_t life_ms) {
    uint64_t passed = dbk_clock_ms(clock) - from_ms;
    t->ages = true;
    t->life_ms = dbk_min_u64(life_ms, LIFE_MAX_MS);
    t->ends_ms = from_ms + t->life_ms;
    t->ends_wall_ms = dbk_clock_wall_ms(clock) - (int64_t)passed + (int64_t)t->life_ms;
}

void dbk_token_set_end(dbk_token *t, const dbk_clock *clock, int64_t offset_ms, int64_t end_ms) {
    int64_t left = end_ms - (dbk_clock_wall_ms(clock) + offset_ms);
    dbk_token_set_life(t, clock, dbk_clock_ms(clock), left > 0 ? (uint64_t)left : 0);
}

dbk_status dbk_token_copy(dbk_token *to, const dbk_token *from, dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_token copy = *from;
    copy.access = copy.refresh = copy.second = (dbk_secret){0};
    DBK_TRY(dbk_secret_set(&copy.access, dbk_secret_slice(&from->access), err));
    if (from->refresh.len > 0) {
        DBK_TRY(dbk_secret_set(&copy.refresh, dbk_secret_slice(&from->refresh), err));
    }
    if (from->second.len > 0) {
        DBK_TRY(dbk_secret_set(&copy.second, dbk_secret_slice(&from->second), err));
    }
    dbk_token_move(to, &copy);
done:
    dbk_token_reset(&copy);
    return st;
}

void dbk_token_move(dbk_token *to, dbk_token *from) {
    if (to != from) {
        dbk_token_reset(to);
        *to = *from;
        *from = (dbk_token){0};
    }
}

void dbk_token_reset(dbk_token *t) {
    dbk_secret_reset(&t->access);
    dbk_secret_reset(&t->refresh);
    dbk_secret_reset(&t->second);
    *t = (dbk_token){0};
}

bool dbk_token_text_valid(dbk_slice text) {
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c <= 0x20 || c >= 0x7F) {
            return false;
        }
    }
    return text.len > 0;
}
