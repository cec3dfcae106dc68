/* Catalog calls: the plans of the metadata room carried out on the server. */
#include "session/statement.h"

#define FAN_OUT_MAX 8 /* statements at a time: spec metadata.md 3.1 [ran] */

/* The result while it grows. */
typedef struct answer {
    const dbk_metadata_request *request;
    dbk_schema *schema; /* counted */
    dbk_batch **batches;
    size_t count, cap;
} answer;

static void answer_reset(answer *a) {
    for (size_t i = 0; i < a->count; i++) {
        dbk_batch_unref(a->batches[i]);
    }
    dbk_free(a->batches);
    dbk_schema_unref(a->schema);
    *a = (answer){0};
}

/* Takes b, also on failure; a batch without rows is dropped. */
static dbk_status answer_add(answer *a, dbk_batch *takes_b, dbk_error *err) {
    if (takes_b == NULL || dbk_batch_row_count(takes_b) == 0) {
        dbk_batch_unref(takes_b);
        return DBK_OK;
    }
    if (!dbk_array_grow(&a->batches, a->count, &a->cap)) {
        dbk_batch_unref(takes_b);
        return dbk_error_oom(err, "a batch of a catalog call");
    }
    a->batches[a->count++] = takes_b;
    return DBK_OK;
}

static dbk_status add_reshaped(answer *a, dbk_slice catalog, const dbk_batch *in, dbk_error *err) {
    dbk_batch *made = NULL;
    dbk_status st = dbk_metadata_reshape(a->request, a->schema, catalog, in, &made, err);
    return st == DBK_OK ? answer_add(a, made, err) : st;
}

/* Replaces the batches by one that is sorted and filtered. */
static dbk_status sort_tables(answer *a, dbk_error *err) {
    dbk_batch *sorted = NULL;
    dbk_status st =
        dbk_metadata_sort_tables(a->request, a->schema, a->batches, a->count, &sorted, err);
    if (st != DBK_OK) {
        return st;
    }
    for (size_t i = 0; i < a->count; i++) {
        dbk_batch_unref(a->batches[i]);
    }
    a->count = 0;
    return answer_add(a, sorted, err);
}

/* ---- one statement ---- */

typedef struct query {
    dbk_exec *exec; /* counted; NULL: the slot is free */
    dbk_op *op;     /* counted */
    dbk_str catalog;
    struct fan_out *fan;
    bool done; /* under the fan's lock */
} query;

/* Also closes the statement on the server, in the background, unless it came closed. */
static void query_reset(query *q) {
    dbk_op_unref(q->op);
    dbk_exec_unref(q->exec);
    dbk_str_reset(&q->catalog);
    *q = (query){0};
}

static dbk_status query_new(dbk_session *s, dbk_slice sql, query *q, dbk_error *err) {
    dbk_sea_statement_request wire = {.session_id = dbk_str_slice(&s->id),
                                      .sql = sql,
                                      .inline_only = s->inline_only,
                                      .read_only = true};
    dbk_status st = DBK_OK;
    DBK_TRY(dbk_exec_new(s, &q->exec, err));
    DBK_TRY(dbk_run_new(q->exec, DBK_RUN_EXECUTE, &wire, 0, &q->op, err));
done:
    return st;
}

typedef dbk_status (*batch_sink)(void *ctx, const query *q, const dbk_batch *b, dbk_error *err);

/* Hands every batch of a finished query to sink; a failure that means "nothing there" is no batch. */
static dbk_status query_drain(query *q, dbk_metadata_call call, batch_sink sink, void *ctx,
                              dbk_error *err) {
    dbk_status st = q->op->status;
    if (st != DBK_OK) {
        bool tolerated = dbk_metadata_tolerates(call, &q->op->err);
        if (!tolerated) {
            dbk_error_move(err, &q->op->err);
        }
        return tolerated ? DBK_OK : st;
    }
    for (;;) {
        dbk_batch *b = NULL;
        DBK_TRY(dbk_stream_next(q->exec->stream, &b, err));
        if (b == NULL) {
            break;
        }
        st = sink(ctx, q, b, err);
        dbk_batch_unref(b);
        if (st != DBK_OK) {
            goto done;
        }
    }
done:
    return st;
}

static dbk_status take_answer(void *ctx, const query *q, const dbk_batch *b, dbk_error *err) {
    return add_reshaped(ctx, dbk_str_slice(&q->catalog), b, err);
}

/* Runs sql to its end. call says whose failures are tolerated. */
static dbk_status run_one(dbk_session *s, dbk_slice sql, dbk_slice catalog, dbk_metadata_call call,
                          batch_sink sink, void *ctx, dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_error failure = {0};
    query q = {0};
    if (catalog.ptr != NULL) {
        DBK_TRY(dbk_str_set(&q.catalog, catalog, err));
    }
    DBK_TRY(query_new(s, sql, &q, err));
    if (dbk_op_run(q.op, &failure) != DBK_OK) {
        if (!dbk_op_is_done(q.op)) { /* it was refused, not run */
            st = failure.code;
            dbk_error_move(err, &failure);
            goto done;
        }
        dbk_error_move(&q.op->err, &failure);
    }
    DBK_TRY(query_drain(&q, call, sink, ctx, err));
done:
    dbk_error_reset(&failure);
    query_reset(&q);
    return st;
}

/* ---- one statement per catalog ---- */

typedef struct fan_out {
    dbk_session *session;
    const dbk_metadata_request *request;
    answer *answer;
    dbk_str *catalogs; /* owned */
    size_t count, cap;
    size_t next;    /* the first that was not asked yet */
    size_t running; /* slots that are taken */
    query slots[FAN_OUT_MAX];
    dbk_mutex lock;
    dbk_cond changed;
} fan_out;

static dbk_status take_catalogs(void *ctx, const query *q, const dbk_batch *b, dbk_error *err) {
    dbk_status st = DBK_OK;
    fan_out *f = ctx;
    dbk_buf scratch = {0};
    dbk_slice name = {0};
    size_t column = 0;
    (void)q;
    if (!dbk_schema_find(dbk_batch_schema(b), "catalog", &column)) {
        return DBK_OK;
    }
    for (int64_t row = 0; row < dbk_batch_row_count(b); row++) {
        DBK_TRY(dbk_batch_text(b, column, row, &scratch, &name, err));
        if (name.ptr == NULL || !dbk_metadata_catalog_matches(f->request, name)) {
            continue;
        }
        if (!dbk_array_grow(&f->catalogs, f->count, &f->cap)) {
            st = dbk_error_oom(err, "a list of catalogs");
            goto done;
        }
        f->catalogs[f->count] = (dbk_str){0};
        DBK_TRY(dbk_str_set(&f->catalogs[f->count], name, err));
        f->count++;
    }
done:
    dbk_buf_reset(&scratch);
    return st;
}

static void catalog_done(dbk_op *op, void *ctx) { /* on the lane */
    query *q = ctx;
    fan_out *f = q->fan;
    (void)op;
    dbk_mutex_lock(&f->lock);
    q->done = true;
    dbk_cond_signal(&f->changed);
    dbk_mutex_unlock(&f->lock);
}

static dbk_status start_next(fan_out *f, query *q, dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_str sql = {0};
    q->fan = f;
    dbk_str_move(&q->catalog, &f->catalogs[f->next++]);
    DBK_TRY(dbk_metadata_catalog_sql(f->request, dbk_str_slice(&q->catalog), &sql, err));
    DBK_TRY(query_new(f->session, dbk_str_slice(&sql), q, err));
    dbk_op_start(q->op, catalog_done, q);
    f->running++;
done:
    if (st != DBK_OK) {
        query_reset(q);
    }
    dbk_str_reset(&sql);
    return st;
}

static dbk_status fill_slots(fan_out *f, dbk_error *err) {
    dbk_status st = DBK_OK;
    for (size_t i = 0; i < FAN_OUT_MAX && f->next < f->count; i++) {
        if (f->slots[i].exec == NULL) {
            DBK_TRY(start_next(f, &f->slots[i], err));
        }
    }
done:
    return st;
}

static query *find_done(fan_out *f) {
    for (size_t i = 0; i < FAN_OUT_MAX; i++) {
        if (f->slots[i].exec != NULL && f->slots[i].done) {
            return &f->slots[i];
        }
    }
    return NULL;
}

static void cancel_running(fan_out *f) {
    for (size_t i = 0; i < FAN_OUT_MAX; i++) {
        if (f->slots[i].exec != NULL) {
            dbk_op_cancel(f->slots[i].op); /* only posts a task: fine under the lock */
        }
    }
}

/* Blocks until one of the running statements has ended. */
static query *wait_for_one(fan_out *f) {
    dbk_lane *lane = dbk_runtime_control(f->session->runtime);
    dbk_mutex_lock(&f->lock);
    query *q = find_done(f);
    while (q == NULL) {
        if (dbk_lane_is_embedded(lane)) {
            dbk_mutex_unlock(&f->lock);
            dbk_lane_run_once(lane, true);
            dbk_mutex_lock(&f->lock);
        } else if (dbk_wait_hooked(&f->changed, &f->lock)) {
            cancel_running(f);
        }
        q = find_done(f);
    }
    dbk_mutex_unlock(&f->lock);
    return q;
}

/* The first failure ends the call: what still runs is cancelled, and waited for. */
static void abandon(fan_out *f) {
    cancel_running(f);
    for (; f->running > 0; f->running--) {
        query_reset(wait_for_one(f));
    }
}

static dbk_status ask_catalogs(fan_out *f, dbk_error *err) {
    dbk_status st = DBK_OK;
    DBK_TRY(fill_slots(f, err));
    while (f->running > 0) {
        query *q = wait_for_one(f);
        st = query_drain(q, f->request->call, take_answer, f->answer, err);
        query_reset(q);
        f->running--;
        if (st != DBK_OK) {
            goto done;
        }
        DBK_TRY(fill_slots(f, err));
    }
done:
    abandon(f);
    return st;
}

static dbk_status run_fan_out(dbk_session *s, dbk_slice list_sql, answer *a, dbk_error *err) {
    dbk_status st = DBK_OK;
    fan_out f = {.session = s, .request = a->request, .answer = a};
    dbk_mutex_init(&f.lock);
    dbk_cond_init(&f.changed);
    DBK_TRY(run_one(s, list_sql, (dbk_slice){0}, DBK_METADATA_CATALOGS, take_catalogs, &f, err));
    DBK_TRY(ask_catalogs(&f, err));
done:
    for (size_t i = 0; i < f.count; i++) {
        dbk_str_reset(&f.catalogs[i]);
    }
    dbk_free(f.catalogs);
    dbk_cond_destroy(&f.changed);
    dbk_mutex_destroy(&f.lock);
    return st;
}

/* ---- the call ---- */

static dbk_status carry_out(dbk_session *s, const dbk_metadata_plan *plan, answer *a,
                            dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_batch *rows = NULL;
    dbk_slice sql = dbk_str_slice(&plan->sql);
    dbk_metadata_call call = a->request->call;
    switch (plan->how) {
    case DBK_METADATA_NO_ROWS:
        break;
    case DBK_METADATA_STATIC:
        DBK_TRY(dbk_metadata_static(call, a->schema, &rows, err));
        DBK_TRY(answer_add(a, rows, err));
        break;
    case DBK_METADATA_STATEMENT:
        DBK_TRY(run_one(s, sql, dbk_str_slice(&plan->catalog), call, take_answer, a, err));
        break;
    case DBK_METADATA_FAN_OUT:
        DBK_TRY(run_fan_out(s, sql, a, err));
        break;
    }
    if (call == DBK_METADATA_TABLES) {
        DBK_TRY(sort_tables(a, err));
    }
done:
    return st;
}

dbk_status dbk_session_metadata(dbk_session *s, const dbk_metadata_request *request,
                                dbk_stream **out, dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_metadata_plan plan = {0};
    answer a = {.request = request};
    if (!dbk_session_alive(s)) {
        return dbk_error_set(err, DBK_INVALID_HANDLE,
                             "session belongs to the parent process of a fork");
    }
    if (!dbk_session_is_open(s)) {
        return dbk_error_set(err, DBK_INVALID_HANDLE, "connection already closed");
    }
    DBK_TRY(dbk_metadata_make_plan(request, &plan, err));
    DBK_TRY(dbk_metadata_schema(request->call, &a.schema, err));
    DBK_TRY(carry_out(s, &plan, &a, err));
    st = dbk_stream_of_batches(a.schema, a.batches, a.count, out, err);
    a.count = 0; /* their references went into the stream, also on failure */
done:
    answer_reset(&a);
    dbk_metadata_plan_reset(&plan);
    return st;
}
