#include "result/stream.h"

/* Inline chunks cost memory as soon as they are there, links only when they are followed. */
#define INLINE_AHEAD 3u
#define MIN_RESERVE  65536u

/* ---- what a chunk will cost ---- */

/* Decoded bytes to expect of a chunk: its declared size, corrected by what finished chunks taught. */
static size_t expected_bytes(const dbk_stream *s, const dbk_chunk *c) {
    double declared = c->byte_count > 0 ? (double)c->byte_count : (double)MIN_RESERVE;
    double factor = s->shared.decoded_per_declared > 0 ? s->shared.decoded_per_declared : 1.0;
    double expected = declared * factor;
    return expected < (double)DBK_CHUNK_EXPECT_MAX ? (size_t)expected : DBK_CHUNK_EXPECT_MAX;
}

static size_t reserve_for(const dbk_stream *s, const dbk_chunk *c) {
    size_t half = s->options.budget_bytes / 2;
    return dbk_min_size(dbk_max_size(expected_bytes(s, c), MIN_RESERVE), half);
}

/* ---- downloads ---- */

/* The chunk being read may always start: everything else waits for it. */
static bool may_start_locked(const dbk_stream *s, const dbk_chunk *c) {
    if (c->index == s->shared.head) {
        return true;
    }
    size_t used = s->shared.queued_bytes + s->shared.reserved;
    return used + reserve_for(s, c) <= s->options.budget_bytes &&
           (uint64_t)(c->index - s->shared.head) < s->options.max_chunks;
}

/* The next chunk to download, marked as started; NULL: none, or no room (then hungry is set). */
static dbk_chunk *take_startable(dbk_stream *s) {
    dbk_chunk *found = NULL;
    dbk_mutex_lock(&s->shared.lock);
    for (size_t i = 0; i < s->shared.chunk_count && found == NULL; i++) {
        dbk_chunk *c = s->shared.chunks[i];
        if (!c->has_link || c->started) {
            continue;
        }
        if (!may_start_locked(s, c)) {
            s->shared.hungry = true;
            break;
        }
        found = c;
        c->started = true;
        c->reserved = reserve_for(s, c);
        s->shared.reserved += c->reserved;
        s->shared.running++;
    }
    dbk_mutex_unlock(&s->shared.lock);
    return found;
}

static void start_downloads(dbk_stream *s) {
    for (dbk_chunk *c = take_startable(s); c != NULL; c = take_startable(s)) {
        dbk_error err = {0};
        dbk_lane *lane = NULL;
        size_t lanes = dbk_runtime_data_lane_count(s->runtime);
        dbk_status st = dbk_runtime_data_lane(s->runtime, (size_t)c->index % lanes, &lane, &err);
        if (st == DBK_OK) {
            st = dbk_fetch_start(s, c, lane, &err);
        }
        if (st != DBK_OK) {
            dbk_mutex_lock(&s->shared.lock);
            s->shared.running--;
            dbk_stream_fail_locked(s, c->index, &err);
            dbk_mutex_unlock(&s->shared.lock);
        }
    }
}

/* ---- asking for chunks that no answer has named yet ---- */

/* The index to ask for now, -1: nothing. *link gets the server's own path to it, when it gave one. */
static int64_t wanted_chunk(dbk_stream *s, dbk_str *link) {
    int64_t wanted = -1;
    dbk_mutex_lock(&s->shared.lock);
    int64_t next = s->shared.head + (int64_t)s->shared.chunk_count;
    size_t window = s->shared.raw_last ? INLINE_AHEAD : s->options.link_window;
    bool more = s->shared.end == -1 || next < s->shared.end;
    bool room =
        s->shared.chunk_count < window && (!s->shared.raw_last || s->shared.chunk_count == 0 ||
                                           s->shared.queued_bytes < s->options.budget_bytes);
    if (more && !room) {
        s->shared.hungry = true;
    }
    if (more && room && s->shared.failed == DBK_OK) {
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
    dbk_cond_broadcast(&s->shared.changed);
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

/* Puts the link for this chunk out of an answer in place of the old one. */
static dbk_status replace_link(dbk_stream *s, int64_t index, dbk_sea_data *data, dbk_error *err) {
    dbk_status st = dbk_error_set(err, DBK_DATA_LOSS, "the answer holds no link for chunk %lld",
                                  (long long)index);
    dbk_mutex_lock(&s->shared.lock);
    dbk_chunk *c = dbk_stream_chunk_locked(s, index);
    for (size_t i = 0; i < data->link_count && c != NULL; i++) {
        if (data->links[i].chunk_index == index) {
            dbk_sea_link_reset(&c->link);
            c->link = data->links[i];
            memset(&data->links[i], 0, sizeof data->links[i]);
            dbk_error_reset(err);
            st = DBK_OK;
            break;
        }
    }
    dbk_mutex_unlock(&s->shared.lock);
    return st;
}

static void end_refresh(refresh *r, dbk_status st, dbk_error *err) {
    dbk_fetch_link_came(r->fetch, st, err);
    dbk_node_unlink(&r->node);
    dbk_fetch_unref(r->fetch);
    dbk_stream_unref(r->s);
    dbk_free(r);
}

static void refresh_answered(dbk_op *op, void *ctx) {
    refresh *r = ctx;
    dbk_error err = {0};
    dbk_status st = op->status;
    if (st == DBK_OK) {
        st = replace_link(r->s, dbk_fetch_chunk_index(r->fetch), &dbk_sea_call_reply(r->call)->data,
                          &err);
    } else {
        dbk_error_move(&err, &op->err);
    }
    dbk_op_unref(op);
    end_refresh(r, st, &err);
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
        end_refresh(r, st, &err);
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
        dbk_fetch_link_came(fetch, st, &err);
        return;
    }
    r->s = dbk_stream_ref(s);
    r->fetch = dbk_fetch_ref(fetch);
    r->task.run = begin_refresh;
    dbk_lane_post(dbk_runtime_control(s->runtime), &r->task);
}

/* ---- the pump ---- */

static void unpause_downloads(dbk_stream *s) {
    dbk_mutex_lock(&s->shared.lock);
    for (size_t i = 0; i < s->shared.chunk_count; i++) {
        if (s->shared.chunks[i]->fetch != NULL) {
            dbk_fetch_unpause(s->shared.chunks[i]->fetch);
        }
    }
    dbk_mutex_unlock(&s->shared.lock);
}

static void stop_everything(dbk_stream *s) {
    if (s->control.asking != NULL) {
        dbk_op_cancel(dbk_sea_call_op(s->control.asking));
    }
    for (dbk_node *n = s->control.refreshes.head.next; n != &s->control.refreshes.head;
         n = n->next) {
        dbk_op_cancel(dbk_sea_call_op(DBK_CONTAINER_OF(n, refresh, node)->call));
    }
    dbk_mutex_lock(&s->shared.lock);
    for (size_t i = 0; i < s->shared.chunk_count; i++) {
        if (s->shared.chunks[i]->fetch != NULL) {
            dbk_fetch_cancel(s->shared.chunks[i]->fetch);
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
}

static void run_pump(dbk_task *task) {
    dbk_stream *s = DBK_CONTAINER_OF(task, dbk_stream, pump_task);
    atomic_store(&s->pump_posted, false);
    pump_now(s);
    dbk_stream_unref(s); /* the task's */
}

void dbk_stream_pump(dbk_stream *s) {
    if (atomic_exchange(&s->pump_posted, true)) {
        return; /* one is on its way and will see what changed */
    }
    (void)dbk_stream_ref(s);
    s->pump_task.run = run_pump;
    dbk_lane_post(dbk_runtime_control(s->runtime), &s->pump_task);
}
