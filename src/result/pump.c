#include "result/stream.h"

/* ---- downloads ---- */

/* The next one in the order, NULL: none. */
static dbk_chunk *unstarted_locked(const dbk_stream *s) {
    for (size_t i = 0; i < s->shared.chunk_count; i++) {
        dbk_chunk *c = s->shared.chunks[i];
        if (c->has_link && !c->started) {
            return c;
        }
    }
    return NULL;
}

static size_t lane_load_locked(const dbk_stream *s, size_t lane) {
    size_t n = 0;
    for (size_t i = 0; i < s->shared.chunk_count; i++) {
        const dbk_chunk *c = s->shared.chunks[i];
        n += c->started && !c->done && c->lane == lane;
    }
    return n;
}

/* The lane with the fewest downloads of the stream; chunks take turns where all have as many. */
static size_t idlest_lane_locked(const dbk_stream *s, const dbk_chunk *c) {
    size_t lanes = dbk_runtime_data_lane_count(s->runtime);
    size_t best = (size_t)c->index % lanes;
    size_t least = lane_load_locked(s, best);
    for (size_t i = 1; i < lanes; i++) {
        size_t lane = ((size_t)c->index + i) % lanes;
        size_t load = lane_load_locked(s, lane);
        best = load < least ? lane : best;
        least = dbk_min_size(load, least);
    }
    return best;
}

/* The next chunk to download, marked as started; NULL: none, or no room (then hungry is set). */
static dbk_chunk *take_startable(dbk_stream *s) {
    bool process_full = false;
    dbk_mutex_lock(&s->shared.lock);
    dbk_chunk *c = unstarted_locked(s);
    if (c != NULL && !dbk_pace_may_start_locked(s, c, &process_full)) {
        s->shared.hungry = true;
        c = NULL;
    }
    if (c != NULL) {
        c->lane = idlest_lane_locked(s, c);
        c->started = true;
        c->reserved = dbk_pace_reserve_locked(s, c);
        s->shared.reserved += c->reserved;
        s->shared.running++;
        c->holders++;
        dbk_stream_account_locked(s);
    }
    dbk_mutex_unlock(&s->shared.lock);
    if (process_full) {
        dbk_share_wait(&s->share);
    }
    return c;
}

static void start_downloads(dbk_stream *s) {
    for (dbk_chunk *c = take_startable(s); c != NULL; c = take_startable(s)) {
        dbk_error err = {0};
        dbk_lane *lane = NULL;
        dbk_status st = dbk_runtime_data_lane(s->runtime, c->lane, &lane, &err);
        if (st == DBK_OK) {
            st = dbk_fetch_start(s, c, lane, false, &err);
        }
        if (st != DBK_OK) {
            dbk_mutex_lock(&s->shared.lock);
            s->shared.running--;
            c->holders--;
            s->shared.reserved -= c->reserved;
            c->reserved = 0;
            dbk_stream_account_locked(s);
            dbk_stream_fail_locked(s, c->index, &err);
            dbk_mutex_unlock(&s->shared.lock);
        }
    }
}

/* ---- asking for chunks that no answer has named yet ---- */

/* The first index that no answer has named, -1: all are named. */
static int64_t unnamed_locked(const dbk_stream *s) {
    int64_t next = s->shared.head + (int64_t)s->shared.chunk_count;
    return s->shared.end == -1 || next < s->shared.end ? next : -1;
}

bool dbk_stream_is_whole_locked(const dbk_stream *s) {
    return !s->external && unnamed_locked(s) < 0;
}

static bool room_for_links_locked(const dbk_stream *s) {
    size_t window = s->shared.raw_last ? s->options.inline_window : s->options.link_window;
    return s->shared.chunk_count < window && (!s->shared.raw_last || s->shared.chunk_count == 0 ||
                                              s->shared.queued_bytes < s->options.budget_bytes);
}

/* The index to ask for now, -1: nothing. *link gets the server's own path to it, when it gave one. */
static int64_t wanted_chunk(dbk_stream *s, dbk_str *link) {
    int64_t wanted = -1;
    dbk_mutex_lock(&s->shared.lock);
    int64_t next = unnamed_locked(s);
    bool room = room_for_links_locked(s);
    s->shared.hungry |= next >= 0 && !room;
    if (next >= 0 && room && s->shared.failed == DBK_OK) {
        wanted = next;
        dbk_str_move(link, &s->shared.next_link);
    }
    dbk_mutex_unlock(&s->shared.lock);
    return wanted;
}

static void pump_now(dbk_stream *s);

static void chunk_answered(dbk_op *op, void *ctx) {
    dbk_stream *s = ctx;
    dbk_sea_call *call = s->control.asking;
    int64_t wanted = s->control.asking_for;
    s->control.asking = NULL;
    dbk_error err = {0};
    dbk_status st = op->status;
    dbk_mutex_lock(&s->shared.lock);
    if (st == DBK_OK) {
        st = dbk_stream_file_locked(s, &dbk_sea_call_reply(call)->data, wanted, &err);
    } else {
        dbk_error_move(&err, &op->err);
    }
    if (st != DBK_OK) {
        (void)dbk_error_wrap(&err, "asking for chunk %lld of statement %s", (long long)wanted,
                             dbk_str_or(&s->statement_id, "?"));
        dbk_stream_fail_locked(s, wanted, &err);
    }
    dbk_stream_changed_locked(s);
    dbk_mutex_unlock(&s->shared.lock);
    dbk_op_unref(op);
    pump_now(s);
    dbk_stream_unref(s);
}

static void ask_for_chunks(dbk_stream *s) {
    dbk_error err = {0};
    dbk_str link = {0};
    if (s->control.asking != NULL) {
        return;
    }
    int64_t wanted = wanted_chunk(s, &link);
    if (wanted < 0) {
        return;
    }
    dbk_sea_call *call = NULL;
    dbk_status st =
        dbk_sea_get_chunk(s->sea, dbk_runtime_control(s->runtime), dbk_str_slice(&s->statement_id),
                          wanted, dbk_str_slice(&link), &call, &err);
    dbk_str_reset(&link);
    if (st != DBK_OK) {
        dbk_mutex_lock(&s->shared.lock);
        dbk_stream_fail_locked(s, wanted, &err);
        dbk_mutex_unlock(&s->shared.lock);
        return;
    }
    s->control.asking = call;
    s->control.asking_for = wanted;
    (void)dbk_stream_ref(s);
    dbk_op_start(dbk_sea_call_op(call), chunk_answered, s);
}

/* ---- fresh links ---- */

typedef struct refresh {
    dbk_task task;
    dbk_node node;
    dbk_stream *s;    /* counted */
    dbk_fetch *fetch; /* counted */
    dbk_sea_call *call;
} refresh;

/* The link for this chunk in an answer; NULL: there is none. */
static dbk_sea_link *find_link(int64_t index, dbk_sea_data *data, dbk_error *err) {
    for (size_t i = 0; i < data->link_count; i++) {
        if (data->links[i].chunk_index == index) {
            return &data->links[i];
        }
    }
    (void)dbk_error_set(err, DBK_DATA_LOSS, "the answer holds no link for chunk %lld",
                        (long long)index);
    return NULL;
}

static void end_refresh(refresh *r, dbk_sea_link *link, dbk_status st, dbk_error *err) {
    dbk_fetch_link_came(r->fetch, link, st, err);
    dbk_node_unlink(&r->node);
    dbk_fetch_unref(r->fetch);
    dbk_stream_unref(r->s);
    dbk_free(r);
}

static void refresh_answered(dbk_op *op, void *ctx) {
    refresh *r = ctx;
    dbk_error err = {0};
    dbk_sea_link *link = NULL;
    if (op->status == DBK_OK) {
        link = find_link(dbk_fetch_chunk_index(r->fetch), &dbk_sea_call_reply(r->call)->data, &err);
    } else {
        dbk_error_move(&err, &op->err);
    }
    end_refresh(r, link, err.code, &err);
    dbk_op_unref(op);
}

static void begin_refresh(dbk_task *task) {
    refresh *r = DBK_CONTAINER_OF(task, refresh, task);
    dbk_stream *s = r->s;
    dbk_error err = {0};
    (void)atomic_fetch_add(&s->link_refreshes, 1);
    dbk_status st =
        dbk_sea_get_chunk(s->sea, dbk_runtime_control(s->runtime), dbk_str_slice(&s->statement_id),
                          dbk_fetch_chunk_index(r->fetch), (dbk_slice){0}, &r->call, &err);
    if (st != DBK_OK) {
        end_refresh(r, NULL, st, &err);
        return;
    }
    dbk_list_push_back(&s->control.refreshes, &r->node);
    dbk_op_start(dbk_sea_call_op(r->call), refresh_answered, r);
}

void dbk_stream_refresh_link(dbk_stream *s, dbk_fetch *fetch) {
    refresh *r = dbk_alloc_zero(sizeof *r);
    if (r == NULL) {
        dbk_error err = {0};
        dbk_status st = dbk_error_oom(&err, "asking for a fresh link");
        dbk_fetch_link_came(fetch, NULL, st, &err);
        return;
    }
    r->s = dbk_stream_ref(s);
    r->fetch = dbk_fetch_ref(fetch);
    r->task.run = begin_refresh;
    dbk_lane_post(dbk_runtime_control(s->runtime), &r->task);
}

/* ---- the pump ---- */

bool dbk_stream_has_work_locked(const dbk_stream *s) {
    bool process_full = false;
    const dbk_chunk *c = unstarted_locked(s);
    return (c != NULL && dbk_pace_may_start_locked(s, c, &process_full)) ||
           (unnamed_locked(s) >= 0 && room_for_links_locked(s)) || dbk_pace_may_resume_locked(s);
}

static void unpause_downloads(dbk_stream *s) {
    dbk_mutex_lock(&s->shared.lock);
    s->shared.any_paused = false;
    for (size_t i = 0; i < s->shared.chunk_count; i++) {
        const dbk_chunk *c = s->shared.chunks[i];
        if (c->fetch != NULL) {
            dbk_fetch_unpause(c->fetch, i == 0);
        }
        if (c->hedge != NULL) {
            dbk_fetch_unpause(c->hedge, i == 0);
        }
    }
    dbk_mutex_unlock(&s->shared.lock);
}

static void stop_everything(dbk_stream *s) {
    dbk_stream_stop_watch(s);
    if (s->control.asking != NULL) {
        dbk_op_cancel(dbk_sea_call_op(s->control.asking));
    }
    for (dbk_node *n = s->control.refreshes.head.next; n != &s->control.refreshes.head;
         n = n->next) {
        dbk_op_cancel(dbk_sea_call_op(DBK_CONTAINER_OF(n, refresh, node)->call));
    }
    dbk_mutex_lock(&s->shared.lock);
    for (size_t i = 0; i < s->shared.chunk_count; i++) {
        const dbk_chunk *c = s->shared.chunks[i];
        if (c->fetch != NULL) {
            dbk_fetch_cancel(c->fetch);
        }
        if (c->hedge != NULL) {
            dbk_fetch_cancel(c->hedge);
        }
    }
    dbk_mutex_unlock(&s->shared.lock);
}

static void pump_now(dbk_stream *s) {
    dbk_mutex_lock(&s->shared.lock);
    bool closed = s->shared.closed;
    dbk_mutex_unlock(&s->shared.lock);
    if (closed) {
        stop_everything(s);
        return;
    }
    start_downloads(s);
    ask_for_chunks(s);
    unpause_downloads(s);
    dbk_stream_watch(s);
}

static void run_pump(dbk_task *task) {
    dbk_stream *s = DBK_CONTAINER_OF(task, dbk_stream, pump_task);
    atomic_store(&s->pump_posted, false);
    pump_now(s);
    dbk_stream_unref(s); /* the task's */
}

void dbk_stream_pump(dbk_stream *s) {
    if (s->whole || atomic_exchange(&s->pump_posted, true)) {
        return; /* nothing to do, or one is on its way and will see what changed */
    }
    (void)dbk_stream_ref(s);
    s->pump_task.run = run_pump;
    dbk_lane_post(dbk_runtime_control(s->runtime), &s->pump_task);
}
