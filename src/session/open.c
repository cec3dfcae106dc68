/* Opening a session: the request, and what becomes of an answer nobody waits for any more. */
#include "session/internal.h"

typedef struct opening {
    dbk_op op;          /* first: the machine's functions cast */
    dbk_session *s;     /* counted */
    dbk_sea_call *call; /* counted */
    uint64_t begun_ns;
} opening;

enum { OPEN_SEND, OPEN_ANSWER };

static opening *opening_of(dbk_op *op) {
    return DBK_CONTAINER_OF(op, opening, op);
}

static dbk_step open_send(dbk_op *op) {
    opening_of(op)->begun_ns = dbk_session_now_ns(opening_of(op)->s);
    return dbk_op_try_op(op, dbk_sea_call_op(opening_of(op)->call), OPEN_ANSWER);
}

/* From here on the server holds a session, and the last reference deletes it. */
static void note_session(opening *o) {
    dbk_str_move(&o->s->id, &dbk_sea_call_reply(o->call)->session_id);
    dbk_sea_note_session(o->s->sea, dbk_str_slice(&o->s->id));
    atomic_store(&o->s->open, true);
}

static dbk_step open_answer(dbk_op *op) {
    opening *o = opening_of(op);
    dbk_op *call_op = dbk_sea_call_op(o->call);
    if (call_op->status != DBK_OK) {
        dbk_session_tell_refused(o->s, o->begun_ns, &call_op->err);
        dbk_error_move(&op->err, &call_op->err);
        return dbk_op_finish(op, call_op->status);
    }
    note_session(o);
    DBK_LOG(INFO, o->s->id.ptr, "session opened in %llu ms, dbkernel " DBK_VERSION,
            (unsigned long long)((dbk_session_now_ns(o->s) - o->begun_ns) / 1000000u));
    dbk_session_tell(o->s, DBK_TELEMETRY_CREATE_SESSION, o->begun_ns, call_op);
    return dbk_op_finish(op, DBK_OK);
}

static void late_answer(dbk_op *call_op, void *ctx) {
    opening *o = ctx;
    if (call_op->status == DBK_OK) {
        note_session(o);
    }
    dbk_op_unref(call_op);
    dbk_op_unref(&o->op); /* deletes what was made, in the background too */
    dbk_background_end();
}

/* A request under way may still make a session: its answer is waited for in the background. */
static void open_cancelled(dbk_op *op) {
    opening *o = opening_of(op);
    if (dbk_session_in_flight(o->call)) {
        (void)dbk_op_ref(op);
        dbk_background_begin();
        (void)dbk_op_detach_child(op, late_answer, o);
    }
}

static void open_destroy(dbk_op *op) {
    opening *o = opening_of(op);
    dbk_op_unref(dbk_sea_call_op(o->call));
    dbk_session_unref(o->s);
    dbk_free(o);
}

static const dbk_state open_states[] = {
    [OPEN_SEND] = {"send", open_send, DBK_TO(OPEN_ANSWER)},
    [OPEN_ANSWER] = {"answer", open_answer, 0},
};
static const dbk_machine open_machine = {"session open", open_states, 2, open_cancelled,
                                         open_destroy};

static dbk_status new_call(dbk_session *s, const dbk_config *c, dbk_sea_call **out,
                           dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_sea_header *confs = NULL;
    dbk_sea_session_request request = {.catalog = dbk_str_slice(&c->catalog),
                                       .schema = dbk_str_slice(&c->schema),
                                       .conf_count = c->session_confs.count};
    DBK_TRY(dbk_pairs_borrow(&c->session_confs, &confs, err));
    request.confs = confs;
    DBK_TRY(dbk_sea_create_session(s->sea, dbk_runtime_control(s->runtime), &request, out, err));
done:
    dbk_free(confs);
    return st;
}

static void warn_of_settings(const dbk_config *c) {
    if (c->tls_skip_verify) {
        DBK_LOG(WARN, NULL, "TLS certificates are not verified for this session");
    } else if (c->tls_skip_hostname) {
        DBK_LOG(WARN, NULL, "TLS host names are not verified for this session");
    }
}

dbk_status dbk_session_prepare(const dbk_config *config, dbk_runtime *runtime, dbk_session **out,
                               dbk_op **op, dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_session *s = NULL;
    dbk_sea_call *call = NULL;
    opening *o = NULL;
    DBK_TRY(dbk_session_new(config, runtime, &s, err));
    DBK_TRY(new_call(s, config, &call, err));
    o = dbk_alloc_zero(sizeof *o);
    if (o == NULL) {
        st = dbk_error_oom(err, "opening a session");
        dbk_op_unref(dbk_sea_call_op(call));
        goto done;
    }
    dbk_op_init(&o->op, &open_machine, dbk_runtime_control(s->runtime));
    o->call = call;
    o->s = dbk_session_ref(s);
    warn_of_settings(config);
    *op = &o->op;
    *out = s;
    s = NULL;
done:
    dbk_session_unref(s);
    return st;
}

/* ---- blocking ---- */

typedef struct open_watch {
    dbk_cancel_watch watch; /* first */
    dbk_op *op;
} open_watch;

static void cancel_open(dbk_cancel_watch *w) {
    dbk_op_cancel(((open_watch *)(void *)w)->op);
}

dbk_status dbk_session_open_on(const dbk_config *config, dbk_runtime *runtime,
                               dbk_cancel_token *token, dbk_session **out, dbk_error *err) {
    dbk_session *s = NULL;
    open_watch w = {0};
    dbk_status st = dbk_session_prepare(config, runtime, &s, &w.op, err);
    if (st != DBK_OK) {
        return st;
    }
    dbk_cancel_watch_begin(&w.watch, token, cancel_open);
    st = dbk_op_run(w.op, err);
    dbk_cancel_watch_end(&w.watch);
    dbk_op_unref(w.op);
    if (st != DBK_OK) {
        dbk_session_unref(s);
        return st;
    }
    *out = s;
    return DBK_OK;
}

dbk_status dbk_session_open(const dbk_config *config, dbk_cancel_token *token, dbk_session **out,
                            dbk_error *err) {
    return dbk_session_open_on(config, NULL, token, out, err);
}
