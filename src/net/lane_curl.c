/* Connections of a lane: libcurl's multi-socket interface on libuv. */
#define CURL_DISABLE_DEPRECATION /* try_next_address */

#include "net/lane_inside.h"
#include "net/tls_ahead.h"

#include <limits.h>

/* Pooled connections of a lane: after a burst of work the rest is closed. */
#define IDLE_CONNECTIONS_MAX 100L
/* So often what TLS read ahead is asked for before timers and other sockets get their turn. */
#define HELD_MAX 8

/* A socket that curl asked us to watch. Those of connections stay watched while they are pooled: taking
 * one out of epoll and back costs six system calls per exchange. */
typedef struct watch {
    uv_poll_t poll; /* first: handle->data is not needed */
    dbk_node node;  /* in loop.watches */
    dbk_lane *lane;
    curl_socket_t fd;
    CURL *easy;  /* the last that curl named */
    int events;  /* UV_READABLE, UV_WRITABLE: what epoll was told; 0: it is not watched */
    bool wanted; /* by curl; false: of a pooled connection */
} watch;

static dbk_transfer *transfer_of(CURL *easy) {
    dbk_transfer *t = NULL;
    (void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, &t);
    return t;
}

static void take_finished(dbk_lane *lane) {
    int left = 0;
    CURLMsg *msg = curl_multi_info_read(lane->loop.multi, &left);
    while (msg != NULL) {
        if (msg->msg == CURLMSG_DONE) {
            int code = (int)msg->data.result; /* msg dies with the handle's removal */
            dbk_transfer *t = transfer_of(msg->easy_handle);
            t->done(t, code);
        }
        msg = curl_multi_info_read(lane->loop.multi, &left);
    }
}

static void act(dbk_lane *lane, curl_socket_t fd, int events) {
    int running = 0;
    (void)curl_multi_socket_action(lane->loop.multi, fd, events, &running);
    take_finished(lane);
}

void dbk_lane_connected(dbk_lane *lane, dbk_transfer *transfer) {
    dbk_tls_ahead_unref(transfer->ahead);
    transfer->ahead = dbk_tls_ahead_of(transfer->easy);
    dbk_node_unlink(&transfer->node);
    if (transfer->ahead != NULL) {
        dbk_list_push_back(&lane->loop.ahead, &transfer->node);
    }
}

/* The connections in question speak HTTP/1, one exchange at a time. */
static watch *watch_of(const dbk_lane *lane, const CURL *easy) {
    for (dbk_node *n = lane->loop.watches.head.next; n != &lane->loop.watches.head; n = n->next) {
        watch *w = DBK_CONTAINER_OF(n, watch, node);
        if (w->wanted && w->easy == easy) {
            return w;
        }
    }
    return NULL;
}

/* Of the next connection that holds bytes for a transfer that takes them; NULL: there is none. */
static watch *next_held(dbk_lane *lane) {
    for (dbk_node *n = lane->loop.ahead.head.next; n != &lane->loop.ahead.head; n = n->next) {
        dbk_transfer *t = DBK_CONTAINER_OF(n, dbk_transfer, node);
        watch *w = NULL;
        if (!t->paused && dbk_tls_ahead_holds_bytes(t->ahead)) {
            w = watch_of(lane, t->easy);
        }
        if (w != NULL) { /* the others first, next time */
            dbk_node_unlink(n);
            dbk_list_push_back(&lane->loop.ahead, n);
            return w;
        }
    }
    return NULL;
}

/* After each call of curl: what came may have been nothing that it hands over, like the head of a chunk. */
static void read_held(dbk_lane *lane) {
    watch *w = next_held(lane);
    for (size_t i = 0; w != NULL && i < HELD_MAX; i++) {
        act(lane, w->fd, CURL_CSELECT_IN);
        w = next_held(lane);
    }
    lane->loop.more_held = w != NULL;
    if (w != NULL) {
        dbk_lane_set_alarm(lane);
    }
}

static void socket_action(dbk_lane *lane, curl_socket_t fd, int events) {
    act(lane, fd, events);
    read_held(lane);
}

static void on_socket(uv_poll_t *poll, int status, int events);

/* libuv takes a socket out of epoll and back for every start, the same events or not. */
static void watch_for(watch *w, int events) {
    if (events == w->events) {
        return;
    }
    w->events = events;
    if (events == 0) {
        (void)uv_poll_stop(&w->poll);
    } else {
        w->lane->loop.unpolled = true;
        (void)uv_poll_start(&w->poll, events, on_socket);
    }
}

static void on_socket(uv_poll_t *poll, int status, int events) {
    watch *w = (watch *)(void *)poll;
    if (!w->wanted) { /* closed by the server: curl finds out when it wants to use it again */
        watch_for(w, 0);
        return;
    }
    if (status < 0) {
        /* A reset: libuv has stopped watching. What came before it may still be unread, and only
         * reading tells curl what happened: CURL_CSELECT_ERR would hide both. */
        int wanted = w->events;
        w->events = 0;
        watch_for(w, wanted);
        events = UV_READABLE | UV_WRITABLE;
    }
    int flags = (events & UV_READABLE) != 0 ? CURL_CSELECT_IN : 0;
    flags |= (events & UV_WRITABLE) != 0 ? CURL_CSELECT_OUT : 0;
    socket_action(w->lane, w->fd, flags);
}

static void free_watch(uv_handle_t *handle) {
    dbk_free(handle); /* the poll handle is the first member */
}

static void close_watch(watch *w) {
    dbk_node_unlink(&w->node);
    (void)uv_poll_stop(&w->poll);
    uv_close((uv_handle_t *)&w->poll, free_watch);
}

static watch *new_watch(dbk_lane *lane, curl_socket_t fd) {
    watch *w = dbk_alloc_zero(sizeof *w);
    if (w == NULL) {
        return NULL;
    }
    w->lane = lane;
    w->fd = fd;
    w->wanted = true;
    if (uv_poll_init_socket(&lane->loop.uv, &w->poll, fd) != 0) {
        dbk_free(w);
        return NULL;
    }
    dbk_list_push_back(&lane->loop.watches, &w->node);
    return w;
}

static watch *find_watch(dbk_lane *lane, curl_socket_t fd) {
    for (dbk_node *n = lane->loop.watches.head.next; n != &lane->loop.watches.head; n = n->next) {
        watch *w = DBK_CONTAINER_OF(n, watch, node);
        if (w->fd == fd) {
            return w;
        }
    }
    return NULL;
}

/* curl closes a socket that it gave up connecting without a word, and may be given the same number
 * for its next try; it then believes that the number is watched as before. */
void dbk_lane_socket_opened(dbk_lane *lane, int fd) {
    watch *old = find_watch(lane, fd);
    if (old == NULL) {
        return;
    }
    int events = old->wanted ? old->events : 0;
    CURL *easy = old->easy;
    close_watch(old);
    watch *w = events != 0 ? new_watch(lane, fd) : NULL;
    (void)curl_multi_assign(lane->loop.multi, fd, w);
    if (w != NULL) {
        w->easy = easy;
        watch_for(w, events);
    }
}

void dbk_lane_socket_closing(dbk_lane *lane, int fd) {
    watch *w = find_watch(lane, fd);
    if (w != NULL) {
        close_watch(w);
    }
}

/* Whether fd is the connection that easy has just given back to curl's pool. */
static bool is_pooled(CURL *easy, curl_socket_t fd) {
    curl_socket_t pooled = CURL_SOCKET_BAD;
    return curl_easy_getinfo(easy, CURLINFO_ACTIVESOCKET, &pooled) == CURLE_OK && pooled == fd;
}

/* Always answers 0: after -1 curl refuses every further call on this multi handle. A socket that
 * cannot be watched for want of memory runs into its exchange's timeout. */
static int on_curl_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *socket_data) {
    dbk_lane *lane = user;
    watch *w = socket_data;
    if (what == CURL_POLL_REMOVE) {
        if (w != NULL) {
            (void)curl_multi_assign(lane->loop.multi, fd, NULL);
            w->wanted = false;
            if (!is_pooled(easy, fd)) {
                if (w->events == UV_WRITABLE) { /* and nothing else: it was connecting */
                    lane->loop.gave_up = true;
                    dbk_lane_set_alarm(lane);
                }
                close_watch(w);
            }
        }
        return 0;
    }
    if (w == NULL) {
        w = find_watch(lane, fd);
        w = w != NULL ? w : new_watch(lane, fd);
        (void)curl_multi_assign(lane->loop.multi, fd, w);
    }
    if (w != NULL) {
        w->wanted = true;
        w->easy = easy;
        watch_for(w, ((what & CURL_POLL_IN) != 0 ? UV_READABLE : 0) |
                         ((what & CURL_POLL_OUT) != 0 ? UV_WRITABLE : 0));
    }
    return 0;
}

static int on_curl_timer(CURLM *multi, long timeout_ms, void *user) {
    (void)multi;
    dbk_lane *lane = user;
    lane->loop.curl_due_ms = UINT64_MAX;
    if (timeout_ms >= 0) { /* never act from inside curl: even 0 ms goes through the loop */
        lane->loop.curl_due_ms = dbk_clock_ms(&dbk_clock_system) + (uint64_t)timeout_ms;
    }
    dbk_lane_set_alarm(lane);
    return 0;
}

/* libcurl 7.88 tries a host's next address when it is called for another reason, which may be when all
 * time is up. Only this call of those for event loops runs what nothing happened to. */
static void try_next_address(dbk_lane *lane) {
    int running = 0;
    lane->loop.gave_up = false;
    (void)curl_multi_socket_all(lane->loop.multi, &running);
    take_finished(lane);
}

void dbk_lane_curl_turn(dbk_lane *lane) {
    if (lane->loop.gave_up) {
        try_next_address(lane);
    }
    read_held(lane);
    if (lane->loop.curl_due_ms <= dbk_clock_ms(&dbk_clock_system)) {
        lane->loop.curl_due_ms = UINT64_MAX;
        socket_action(lane, CURL_SOCKET_TIMEOUT, 0);
    }
}

static CURLM *new_multi(dbk_lane *lane) {
    CURLM *multi = curl_multi_init();
    if (multi != NULL) {
        (void)curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket);
        (void)curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, lane);
        (void)curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_curl_timer);
        (void)curl_multi_setopt(multi, CURLMOPT_TIMERDATA, lane);
        (void)curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, IDLE_CONNECTIONS_MAX);
    }
    return multi;
}

bool dbk_lane_curl_begin(dbk_lane *lane) {
    dbk_list_init(&lane->loop.watches);
    dbk_list_init(&lane->loop.ahead);
    lane->loop.curl_due_ms = UINT64_MAX;
    lane->loop.multi = new_multi(lane);
    return lane->loop.multi != NULL;
}

void dbk_lane_curl_end(dbk_lane *lane) {
    /* Closes pooled connections; their watches go through on_curl_socket. */
    (void)curl_multi_cleanup(lane->loop.multi);
    lane->loop.multi = NULL;
    while (!dbk_list_empty(&lane->loop.watches)) { /* sockets that curl closed without a word */
        close_watch(DBK_CONTAINER_OF(lane->loop.watches.head.next, watch, node));
    }
}

/* curl closes idle connections only when it makes the next one; this also closes those of a process
 * that has gone quiet. */
static void close_idle_connections(dbk_timer *timer) {
    dbk_lane *lane = DBK_CONTAINER_OF(timer, dbk_lane, loop.idle_timer);
    CURLM *fresh = new_multi(lane);
    if (fresh != NULL) {
        (void)curl_multi_cleanup(lane->loop.multi);
        lane->loop.multi = fresh;
        lane->loop.kept_connections = 0;
        (void)on_curl_timer(fresh, -1, lane);
    }
}

/* curl counts those in use too, among them the one that is given back: without them a thousand exchanges at
 * once, each followed by another, would open a connection for each. */
static void tell_pool(dbk_lane *lane) {
    size_t others = lane->loop.transfer_count > 0 ? lane->loop.transfer_count - 1 : 0;
    size_t most = dbk_min_size(lane->loop.kept_connections, LONG_MAX / 2) + others;
    if (lane->loop.kept_connections > 0) {
        (void)curl_multi_setopt(lane->loop.multi, CURLMOPT_MAXCONNECTS, (long)most);
    }
}

void dbk_lane_keep_connections(dbk_lane *lane, size_t most) {
    lane->loop.kept_connections = most;
    tell_pool(lane);
}

bool dbk_lane_add_transfer(dbk_lane *lane, dbk_transfer *transfer) {
    DBK_ASSERT(!dbk_lane_in_sink(lane));
    if (curl_easy_setopt(transfer->easy, CURLOPT_PRIVATE, transfer) != CURLE_OK ||
        curl_multi_add_handle(lane->loop.multi, transfer->easy) != CURLM_OK) {
        return false;
    }
    lane->loop.transfer_count++;
    tell_pool(lane);
    dbk_timer_stop(&lane->loop.idle_timer);
    return true;
}

void dbk_lane_remove_transfer(dbk_lane *lane, dbk_transfer *transfer) {
    DBK_ASSERT(!dbk_lane_in_sink(lane));
    dbk_node_unlink(&transfer->node);
    dbk_tls_ahead_unref(transfer->ahead);
    transfer->ahead = NULL;
    (void)curl_multi_remove_handle(lane->loop.multi, transfer->easy);
    lane->loop.transfer_count--;
    tell_pool(lane);
    if (lane->loop.transfer_count == 0 && !lane->loop.stopping) {
        dbk_timer_stop(&lane->loop.idle_timer);
        dbk_lane_insert_timer(lane, &lane->loop.idle_timer, DBK_IDLE_CONNECTION_S * 1000u,
                              close_idle_connections);
    }
}
