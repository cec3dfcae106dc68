/* The one fetching of a token that may be under way: from the mode's token to the one that is sent. */
#include "auth/grant.h"
#include "auth/internal.h"

#define PAUSE_MS 60000u /* after a failure that nobody waited for */

typedef struct flight {
    dbk_op op;
    dbk_auth *auth;   /* counted */
    dbk_fetch *fetch; /* counted */
    dbk_grant *grant; /* counted */
    dbk_token base;   /* what fetch gave */
} flight;

enum { FLIGHT_FETCH, FLIGHT_FETCHED, FLIGHT_JUDGE, FLIGHT_EXCHANGED };

static flight *flight_of(dbk_op *op) {
    return DBK_CONTAINER_OF(op, flight, op);
}

/* Only the exchanged token may be at its end: the one it is made from still serves. */
static dbk_step flight_fetch(dbk_op *op) {
    flight *f = flight_of(op);
    dbk_auth *auth = f->auth;
    bool spent = dbk_auth_is_spent(auth);
    atomic_store(&auth->spent, false);
    if (!spent && dbk_token_judge(&auth->base, dbk_auth_clock(auth)) == DBK_TOKEN_FRESH &&
        (auth->exchanged.access.len > 0 || auth->exchange_again_ms != 0)) {
        dbk_status st = dbk_token_copy(&f->base, &auth->base, &op->err);
        return st == DBK_OK ? dbk_op_goto(op, FLIGHT_JUDGE) : dbk_op_finish(op, st);
    }
    if (spent) { /* whatever happens now, it is not sent again */
        dbk_secret_reset(&auth->base.access);
        dbk_token_reset(&auth->exchanged);
    }
    dbk_status st = auth->mode->fetch(auth, &f->fetch, &op->err);
    return st == DBK_OK ? dbk_op_wait_op(op, &f->fetch->op, FLIGHT_FETCHED) : dbk_op_finish(op, st);
}

static dbk_step flight_fetched(dbk_op *op) {
    flight *f = flight_of(op);
    dbk_token_move(&f->base, &f->fetch->token);
    return dbk_op_goto(op, FLIGHT_JUDGE);
}

static dbk_step flight_judge(dbk_op *op) {
    flight *f = flight_of(op);
    dbk_auth *auth = f->auth;
    dbk_token_move(&auth->base, &f->base); /* its refresh token counts even if the exchange fails */
    auth->exchange_again_ms = 0;
    if (!dbk_federation_needed(auth, dbk_secret_slice(&auth->base.access))) {
        dbk_token_reset(&auth->exchanged);
        return dbk_op_finish(op, DBK_OK);
    }
    dbk_status st = dbk_federation_grant(auth, &f->grant, &op->err);
    return st == DBK_OK ? dbk_op_try_op(op, &f->grant->op, FLIGHT_EXCHANGED)
                        : dbk_op_finish(op, st);
}

/* A workspace may know the issuer without exchange: the token itself is tried (spec auth 7). */
static dbk_status fall_back(dbk_auth *auth, dbk_error *why, dbk_error *err) {
    if (auth->federation_strict && auth->federation_client_id.len > 0) {
        dbk_secret_reset(&auth->base.access);
        dbk_error_move(err, why);
        return dbk_error_wrap(err, "Token federation");
    }
    DBK_LOG(WARN, NULL, "Token federation: exchange failed, falling back to original token: %s",
            dbk_error_message(why));
    auth->exchange_again_ms = dbk_lane_now_ms(auth->env.lane) + PAUSE_MS;
    return DBK_OK;
}

static dbk_step flight_exchanged(dbk_op *op) {
    flight *f = flight_of(op);
    dbk_token_reset(&f->auth->exchanged);
    if (f->grant->op.status != DBK_OK) {
        return dbk_op_finish(op, fall_back(f->auth, &f->grant->op.err, &op->err));
    }
    dbk_token_move(&f->auth->exchanged, &f->grant->token);
    DBK_LOG(INFO, NULL, "Token federation: exchanged foreign-issuer token for in-house token");
    return dbk_op_finish(op, DBK_OK);
}

static void flight_destroy(dbk_op *op) {
    flight *f = flight_of(op);
    dbk_op_unref(f->fetch != NULL ? &f->fetch->op : NULL);
    dbk_grant_unref(f->grant);
    dbk_token_reset(&f->base);
    dbk_auth_unref(f->auth);
    dbk_free(f);
}

static const dbk_state flight_states[] = {
    [FLIGHT_FETCH] = {"fetch", flight_fetch, DBK_TO(FLIGHT_FETCHED) | DBK_TO(FLIGHT_JUDGE)},
    [FLIGHT_FETCHED] = {"fetched", flight_fetched, DBK_TO(FLIGHT_JUDGE)},
    [FLIGHT_JUDGE] = {"judge", flight_judge, DBK_TO(FLIGHT_EXCHANGED)},
    [FLIGHT_EXCHANGED] = {"exchanged", flight_exchanged, 0},
};
static const dbk_machine flight_machine = {"fetching a token", flight_states, 4, NULL,
                                           flight_destroy};

static void landed(dbk_op *op, void *ctx) {
    dbk_auth *auth = ctx;
    bool ok = op->status == DBK_OK;
    auth->flight = NULL;
    if (ok) {
        auth->generation++;
        auth->background_again_ms = 0;
    } else {
        auth->background_again_ms = dbk_lane_now_ms(auth->env.lane) + PAUSE_MS;
        if (dbk_list_empty(&auth->waiters)) {
            DBK_LOG(WARN, NULL, "%s: fetching the next token failed: %s", auth->mode->name,
                    dbk_error_message(&op->err));
        }
    }
    dbk_auth_tell(auth, ok ? NULL : &op->err);
    dbk_op_unref(op);
}

void dbk_flight_start(dbk_auth *auth) {
    if (auth->flight != NULL) {
        return;
    }
    flight *f = dbk_alloc_zero(sizeof *f);
    if (f == NULL) {
        dbk_error err = {0};
        (void)dbk_error_oom(&err, "fetching a token");
        dbk_auth_tell(auth, &err);
        return;
    }
    dbk_op_init(&f->op, &flight_machine, auth->env.lane);
    f->auth = dbk_auth_ref(auth);
    auth->flight = &f->op;
    dbk_op_start(&f->op, landed, auth);
}
