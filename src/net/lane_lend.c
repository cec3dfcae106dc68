/* Lending: callers that run the loop of a threaded lane themselves (lane.h). */
#include "net/lane_inside.h"

#include <openssl/err.h>

/* So long the thread of a lane leaves the loop alone after the last blocking call, for the next one. */
#define LEND_MS 5u
/* So long a blocked caller runs the loop itself; what takes longer is not made dearer by a switch. */
#define BORROW_MS 20u

/* Is there an operation that somebody waits for? */
static bool is_attended(dbk_lane *lane) {
    dbk_node *end = &lane->loop.guests.head;
    for (dbk_node *n = end->next; n != end; n = n->next) {
        if (!DBK_CONTAINER_OF(n, dbk_guest, node)->unattended) {
            return true;
        }
    }
    return false;
}

/* Leaves the loop to nobody when it can wait for a caller. */
static void let_go_locked(dbk_lane *lane) {
    bool idle = !lane->loop.stopping && !lane->shared.stop && lane->shared.first == NULL &&
                !is_attended(lane);
    lane->shared.owner = idle ? OWNER_NOBODY : OWNER_THREAD;
    lane->shared.doze_until_ms = dbk_clock_ms(&dbk_clock_system) + LEND_MS;
}

void dbk_lane_doze(dbk_lane *lane) {
    dbk_task *leaving = lane->loop.leaving;
    lane->loop.leaving = NULL;
    dbk_mutex_lock(&lane->shared.lock);
    let_go_locked(lane);
    dbk_mutex_unlock(&lane->shared.lock);
    dbk_lane_run_list(leaving);
    dbk_mutex_lock(&lane->shared.lock);
    while (lane->shared.owner != OWNER_THREAD) {
        uint64_t now = dbk_clock_ms(&dbk_clock_system);
        bool late = now >= lane->shared.doze_until_ms;
        if (late && lane->shared.owner == OWNER_NOBODY) {
            lane->shared.owner = OWNER_THREAD;
        } else { /* nobody signals the end of the time: give_back moves it on without a switch */
            uint64_t until = late ? now + LEND_MS : lane->shared.doze_until_ms;
            (void)dbk_cond_wait_until(&lane->shared.taken, &lane->shared.lock, until);
        }
    }
    if (lane->shared.first != NULL && !lane->loop.stopping) { /* posted without a wake */
        (void)uv_async_send(&lane->loop.wake);
    }
    dbk_mutex_unlock(&lane->shared.lock);
}

/* What timers ended is over before libuv waits for sockets, and it would wait: uv_stop makes it return.
 * On the lane's own thread the caller is woken when the loop is free to be taken, if it will be at all. */
void dbk_lane_lend(dbk_lane *lane, dbk_task *task) {
    bool borrowed = lane->loop.borrowed;
    if (!borrowed && is_attended(lane)) {
        task->run(task);
        return;
    }
    uv_stop(&lane->loop.uv);
    if (borrowed) {
        task->run(task);
    } else {
        task->next = lane->loop.leaving;
        lane->loop.leaving = task;
    }
}

static void borrow_ends(dbk_timer *timer) {
    dbk_lane *lane = DBK_CONTAINER_OF(timer, dbk_lane, loop.borrow_timer);
    lane->loop.borrow_over = true;
    uv_stop(&lane->loop.uv);
}

bool dbk_lane_borrow(dbk_lane *lane) {
    dbk_mutex_lock(&lane->shared.lock);
    bool mine = lane->shared.owner == OWNER_NOBODY;
    if (mine) {
        lane->shared.owner = OWNER_CALLER;
    }
    dbk_mutex_unlock(&lane->shared.lock);
    if (mine) {
        (void)ERR_set_mark(); /* the thread's error queue belongs to the host too */
        dbk_lane_enter(lane);
        lane->loop.borrowed = true;
        lane->loop.borrow_over = false;
        dbk_lane_insert_timer(lane, &lane->loop.borrow_timer, BORROW_MS, borrow_ends);
        dbk_lane_run_posted(lane);
    }
    return mine;
}

bool dbk_lane_turn(dbk_lane *lane) {
    (void)uv_run(&lane->loop.uv, UV_RUN_ONCE);
    return !lane->loop.borrow_over && !lane->loop.stopping;
}

void dbk_lane_give_back(dbk_lane *lane) {
    dbk_timer_stop(&lane->loop.borrow_timer);
    lane->loop.borrowed = false;
    dbk_lane_forget_thread();
    (void)ERR_pop_to_mark();
    dbk_mutex_lock(&lane->shared.lock);
    let_go_locked(lane);
    if (lane->shared.owner == OWNER_THREAD) {
        dbk_cond_signal(&lane->shared.taken);
    }
    dbk_mutex_unlock(&lane->shared.lock);
}
