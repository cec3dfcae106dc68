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

/* ---- the operation of a call ---- */

typedef struct catalog_call {
    dbk_op op;                    /* first: the machine's functions cast */
    dbk_session *s;               /* counted */
    dbk_metadata_request request; /* borrows from texts and types */
    dbk_str *texts;               /* owned */
    size_t text_count;
    dbk_slice *types; /* owned */
    dbk_metadata_plan plan;
    answer answer;
    dbk_str *catalogs; /* of a fan-out: owned */
    size_t count, cap;
    size_t next;    /* the first that was not asked yet */
    size_t running; /* queries under way */
    dbk_list queries;
    dbk_status failed;  /* of a query: the call ends when the others have */
    dbk_stream *stream; /* the rows, counted */
    dbk_telemetry_event event;
    uint64_t begun_ns;
} catalog_call;

enum { CALL_ASK, CALL_LISTED, CALL_FAN, CALL_ROWS };

static catalog_call *call_of(dbk_op *op) {
    return DBK_CONTAINER_OF(op, catalog_call, op);
}

/* ---- one statement of it, read to its end ---- */

typedef struct query query;
typedef dbk_status (*batch_sink)(catalog_call *c, const query *q, const dbk_batch *b,
                                 dbk_error *err);

struct query {
    dbk_op op;                   /* first: the machine's functions cast */
    catalog_call *c;             /* counted by its operation */
    dbk_metadata_call tolerance; /* whose failures mean "nothing there" */
    batch_sink sink;
    dbk_str catalog;
    dbk_exec *exec; /* counted */
    dbk_op *run;    /* counted */
    dbk_op *read;   /* counted; the last one */
    dbk_node node;  /* in c->queries, of a fan-out */
};

enum { QUERY_RUN, QUERY_RAN, QUERY_READ, QUERY_BATCH };

static query *query_of(dbk_op *op) {
    return DBK_CONTAINER_OF(op, query, op);
}

static dbk_step query_run(dbk_op *op) {
    return dbk_op_try_op(op, query_of(op)->run, QUERY_RAN);
}

static dbk_step query_ran(dbk_op *op) {
    query *q = query_of(op);
    if (q->run->status == DBK_OK) {
        return dbk_op_goto(op, QUERY_READ);
    }
    if (dbk_metadata_tolerates(q->tolerance, &q->run->err)) {
        return dbk_op_finish(op, DBK_OK);
    }
    dbk_error_move(&op->err, &q->run->err);
    return dbk_op_finish(op, q->run->status);
}

static dbk_step query_read(dbk_op *op) {
    query *q = query_of(op);
    dbk_op_unref(q->read);
    q->read = NULL;
    dbk_status st = dbk_stream_read_new(q->exec->stream, op->lane, false, &q->read, &op->err);
    return st == DBK_OK ? dbk_op_wait_op(op, q->read, QUERY_BATCH) : dbk_op_finish(op, st);
}

static dbk_step query_batch(dbk_op *op) {
    query *q = query_of(op);
    dbk_schema *schema = NULL;
    dbk_batch *b = dbk_stream_read_take(q->read, &schema);
    if (b == NULL) {
        return dbk_op_finish(op, DBK_OK);
    }
    dbk_status st = q->sink(q->c, q, b, &op->err);
    dbk_batch_unref(b);
    return st == DBK_OK ? dbk_op_goto(op, QUERY_READ) : dbk_op_finish(op, st);
}

/* Also closes the statement on the server, in the background, unless it came closed. */
static void query_destroy(dbk_op *op) {
    query *q = query_of(op);
    dbk_op_unref(q->read);
    if (q->exec != NULL && q->run != NULL) {
        dbk_exec_note(q->exec, q->run);
        dbk_exec_add_up(q->exec, &q->c->event);
    }
    dbk_op_unref(q->run);
    dbk_exec_unref(q->exec);
    dbk_str_reset(&q->catalog);
    dbk_op_unref(&q->c->op);
    dbk_free(q);
}

static const dbk_state query_states[] = {
    [QUERY_RUN] = {"run", query_run, DBK_TO(QUERY_RAN)},
    [QUERY_RAN] = {"ran", query_ran, DBK_TO(QUERY_READ)},
    [QUERY_READ] = {"read", query_read, DBK_TO(QUERY_BATCH)},
    [QUERY_BATCH] = {"batch", query_batch, DBK_TO(QUERY_READ)},
};
static const dbk_machine query_machine = {"catalog query", query_states, 4, NULL, query_destroy};

/* catalog ptr NULL: none. */
static dbk_status query_new(catalog_call *c, dbk_slice sql, dbk_slice catalog,
                            dbk_metadata_call tolerance, batch_sink sink, query **out,
                            dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_sea_statement_request wire = {.session_id = dbk_str_slice(&c->s->id),
                                      .sql = sql,
                                      .inline_only = c->s->inline_only,
                                      .read_only = true};
    query *q = dbk_alloc_zero(sizeof *q);
    if (q == NULL) {
        return dbk_error_oom(err, "a catalog query");
    }
    dbk_op_init(&q->op, &query_machine, c->op.lane);
    q->op.session_id = c->s->id.ptr;
    q->c = c;
    (void)dbk_op_ref(&c->op);
    q->tolerance = tolerance;
    q->sink = sink;
    if (catalog.ptr != NULL) {
        DBK_TRY(dbk_str_set(&q->catalog, catalog, err));
    }
    DBK_TRY(dbk_exec_new(c->s, &q->exec, err));
    q->exec->catalog = true;
    DBK_TRY(dbk_run_new(q->exec, DBK_RUN_EXECUTE, &wire, 0, &q->run, err));
    *out = q;
    q = NULL;
done:
    if (q != NULL) {
        dbk_op_unref(&q->op);
    }
    return st;
}

static dbk_status take_answer(catalog_call *c, const query *q, const dbk_batch *b, dbk_error *err) {
    return add_reshaped(&c->answer, dbk_str_slice(&q->catalog), b, err);
}

static dbk_status take_catalogs(catalog_call *c, const query *q, const dbk_batch *b,
                                dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_buf scratch = {0};
    dbk_slice name = {0};
    size_t column = 0;
    (void)q;
    if (!dbk_schema_find(dbk_batch_schema(b), "catalog", &column)) {
        return DBK_OK;
    }
    for (int64_t row = 0; row < dbk_batch_row_count(b); row++) {
        DBK_TRY(dbk_batch_text(b, column, row, &scratch, &name, err));
        if (name.ptr == NULL || !dbk_metadata_catalog_matches(&c->request, name)) {
            continue;
        }
        if (!dbk_array_grow(&c->catalogs, c->count, &c->cap)) {
            st = dbk_error_oom(err, "a list of catalogs");
            goto done;
        }
        c->catalogs[c->count] = (dbk_str){0};
        DBK_TRY(dbk_str_set(&c->catalogs[c->count], name, err));
        c->count++;
    }
done:
    dbk_buf_reset(&scratch);
    return st;
}

/* ---- the states ---- */

/* Waits for a query whose failure is the call's. */
static dbk_step wait_for(catalog_call *c, dbk_status st, query *q, uint32_t next) {
    if (st != DBK_OK) {
        return dbk_op_finish(&c->op, st);
    }
    dbk_step step = dbk_op_wait_op(&c->op, &q->op, next);
    dbk_op_unref(&q->op); /* the runner's is left */
    return step;
}

static dbk_step call_ask(dbk_op *op) {
    dbk_status st = DBK_OK;
    catalog_call *c = call_of(op);
    query *q = NULL;
    dbk_batch *rows = NULL;
    dbk_slice sql = dbk_str_slice(&c->plan.sql);
    dbk_metadata_call call = c->request.call;
    switch (c->plan.how) {
    case DBK_METADATA_NO_ROWS:
        break;
    case DBK_METADATA_STATIC:
        c->event.format = DBK_TELEMETRY_FORMAT_ARROW;
        st = dbk_metadata_static(call, c->answer.schema, &rows, &op->err);
        st = st == DBK_OK ? answer_add(&c->answer, rows, &op->err) : st;
        break;
    case DBK_METADATA_STATEMENT:
        st = query_new(c, sql, dbk_str_slice(&c->plan.catalog), call, take_answer, &q, &op->err);
        return wait_for(c, st, q, CALL_ROWS);
    case DBK_METADATA_FAN_OUT:
        st = query_new(c, sql, (dbk_slice){0}, DBK_METADATA_CATALOGS, take_catalogs, &q, &op->err);
        return wait_for(c, st, q, CALL_LISTED);
    }
    return st == DBK_OK ? dbk_op_goto(op, CALL_ROWS) : dbk_op_finish(op, st);
}

static dbk_step call_listed(dbk_op *op) {
    return dbk_op_goto(op, CALL_FAN);
}

static void cancel_queries(catalog_call *c) {
    for (dbk_node *n = c->queries.head.next; n != &c->queries.head; n = n->next) {
        dbk_op_cancel(&DBK_CONTAINER_OF(n, query, node)->op);
    }
}

static void fail(catalog_call *c, dbk_status st) {
    if (c->failed == DBK_OK) {
        c->failed = st;
        cancel_queries(c);
    }
}

static void query_done(dbk_op *op, void *ctx) {
    catalog_call *c = ctx;
    query *q = query_of(op);
    c->running--;
    dbk_node_unlink(&q->node);
    if (op->status != DBK_OK && c->op.running) { /* else it was cancelled, and is somebody else's */
        if (c->failed == DBK_OK) {
            dbk_error_move(&c->op.err, &op->err);
        }
        fail(c, op->status);
    }
    dbk_op_wake(&c->op);
    dbk_op_unref(op);
}

static dbk_status start_next(catalog_call *c, dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_str sql = {0};
    query *q = NULL;
    dbk_slice catalog = dbk_str_slice(&c->catalogs[c->next++]);
    DBK_TRY(dbk_metadata_catalog_sql(&c->request, catalog, &sql, err));
    DBK_TRY(query_new(c, dbk_str_slice(&sql), catalog, c->request.call, take_answer, &q, err));
    dbk_list_push_back(&c->queries, &q->node);
    c->running++;
    dbk_op_start(&q->op, query_done, c);
done:
    dbk_str_reset(&sql);
    return st;
}

/* The first failure ends the call: what still runs is cancelled, and waited for. */
static dbk_step call_fan(dbk_op *op) {
    catalog_call *c = call_of(op);
    while (c->failed == DBK_OK && c->running < FAN_OUT_MAX && c->next < c->count) {
        dbk_status st = start_next(c, &op->err);
        if (st != DBK_OK) {
            fail(c, st);
        }
    }
    if (c->running > 0) {
        return dbk_op_wait_wake(op, CALL_FAN);
    }
    return c->failed == DBK_OK ? dbk_op_goto(op, CALL_ROWS) : dbk_op_finish(op, c->failed);
}

static dbk_step call_rows(dbk_op *op) {
    dbk_status st = DBK_OK;
    catalog_call *c = call_of(op);
    answer *a = &c->answer;
    if (c->request.call == DBK_METADATA_TABLES) {
        st = sort_tables(a, &op->err);
    }
    if (st == DBK_OK) {
        st = dbk_stream_of_batches(a->schema, a->batches, a->count, &c->stream, &op->err);
        c->event.latency_ms = (dbk_session_now_ns(c->s) - c->begun_ns) / 1000000u;
        a->count = 0; /* their references went into the stream, also on failure */
    }
    return dbk_op_finish(op, st);
}

static void call_cancelled(dbk_op *op) {
    cancel_queries(call_of(op));
}

static void call_destroy(dbk_op *op) {
    catalog_call *c = call_of(op);
    if (op->done) {
        c->event.error = op->status;
        dbk_session_tell_catalog(c->s, c->request.call, c->begun_ns, &c->event);
    }
    for (size_t i = 0; i < c->count; i++) {
        dbk_str_reset(&c->catalogs[i]);
    }
    for (size_t i = 0; i < c->text_count; i++) {
        dbk_str_reset(&c->texts[i]);
    }
    dbk_free(c->catalogs);
    dbk_free(c->texts);
    dbk_free(c->types);
    answer_reset(&c->answer);
    dbk_metadata_plan_reset(&c->plan);
    dbk_stream_unref(c->stream);
    dbk_session_unref(c->s);
    dbk_free(c);
}

static const dbk_state call_states[] = {
    [CALL_ASK] = {"ask", call_ask, DBK_TO(CALL_LISTED) | DBK_TO(CALL_ROWS)},
    [CALL_LISTED] = {"listed", call_listed, DBK_TO(CALL_FAN)},
    [CALL_FAN] = {"fan", call_fan, DBK_TO(CALL_FAN) | DBK_TO(CALL_ROWS)},
    [CALL_ROWS] = {"rows", call_rows, 0},
};
static const dbk_machine call_machine = {"catalog call", call_states, 4, call_cancelled,
                                         call_destroy};

/* ---- the call ---- */

static dbk_status keep(catalog_call *c, dbk_slice *text, dbk_error *err) {
    if (text->ptr == NULL) {
        return DBK_OK;
    }
    dbk_str *copy = &c->texts[c->text_count];
    dbk_status st = dbk_str_set(copy, *text, err);
    if (st == DBK_OK) {
        c->text_count++;
        *text = dbk_str_slice(copy);
    }
    return st;
}

/* The caller's texts may be gone when the server answers. */
static dbk_status keep_request(catalog_call *c, const dbk_metadata_request *request,
                               dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_metadata_request *r = &c->request;
    *r = *request;
    dbk_slice *const texts[] = {&r->catalog,        &r->schema,        &r->object,      &r->column,
                                &r->parent_catalog, &r->parent_schema, &r->parent_table};
    size_t text_count = sizeof texts / sizeof texts[0];
    c->texts = dbk_alloc_array(text_count + r->type_count, sizeof *c->texts);
    c->types = dbk_alloc_array(r->type_count, sizeof *c->types);
    if (c->texts == NULL || c->types == NULL) {
        return dbk_error_oom(err, "a catalog call");
    }
    for (size_t i = 0; i < text_count; i++) {
        DBK_TRY(keep(c, texts[i], err));
    }
    for (size_t i = 0; i < r->type_count; i++) {
        c->types[i] = request->types[i];
        DBK_TRY(keep(c, &c->types[i], err));
    }
    r->types = c->types;
done:
    return st;
}

static dbk_status fill_call(catalog_call *c, const dbk_metadata_request *request, dbk_error *err) {
    dbk_status st = DBK_OK;
    DBK_TRY(keep_request(c, request, err));
    c->answer.request = &c->request;
    DBK_TRY(dbk_metadata_make_plan(&c->request, &c->plan, err));
    DBK_TRY(dbk_metadata_schema(request->call, &c->answer.schema, err));
done:
    return st;
}

dbk_status dbk_session_metadata_begin(dbk_session *s, const dbk_metadata_request *request,
                                      dbk_op **op, dbk_error *err) {
    if (!dbk_session_alive(s)) {
        return dbk_error_set(err, DBK_INVALID_HANDLE,
                             "session belongs to the parent process of a fork");
    }
    if (!dbk_session_is_open(s)) {
        return dbk_error_set(err, DBK_INVALID_HANDLE, "connection already closed");
    }
    catalog_call *c = dbk_alloc_zero(sizeof *c);
    if (c == NULL) {
        return dbk_error_oom(err, "a catalog call");
    }
    dbk_op_init(&c->op, &call_machine, dbk_runtime_control(s->runtime));
    c->op.session_id = s->id.ptr;
    c->s = dbk_session_ref(s);
    c->event = (dbk_telemetry_event)DBK_TELEMETRY_EVENT_INIT;
    c->begun_ns = dbk_session_now_ns(s);
    dbk_list_init(&c->queries);
    dbk_status st = fill_call(c, request, err);
    if (st != DBK_OK) {
        dbk_op_unref(&c->op);
        return st;
    }
    *op = &c->op;
    return DBK_OK;
}

dbk_stream *dbk_session_metadata_take(dbk_op *op) {
    catalog_call *c = call_of(op);
    dbk_stream *stream = c->stream;
    c->stream = NULL;
    return stream;
}

dbk_status dbk_session_metadata(dbk_session *s, const dbk_metadata_request *request,
                                dbk_stream **out, dbk_error *err) {
    dbk_op *op = NULL;
    dbk_status st = dbk_session_metadata_begin(s, request, &op, err);
    if (st != DBK_OK) {
        return st;
    }
    st = dbk_op_run(op, err);
    if (st == DBK_OK) {
        *out = dbk_session_metadata_take(op);
    }
    dbk_op_unref(op);
    return st;
}
