/* net/lane_inside.h: the lane, shared by the files of it: lane.c (life, tasks, timers, embedding), lane_curl.c
 * (connections) and lane_lend.c (callers that run the loop themselves). */
#ifndef DBK_NET_LANE_INSIDE_H
#define DBK_NET_LANE_INSIDE_H

#include <curl/curl.h>
#include <uv.h>

#include "net/lane.h"
#include "net/timer_heap.h"

/* Who runs the loop of a threaded lane; changed under shared.lock. */
typedef enum loop_owner {
    OWNER_THREAD,
    OWNER_CALLER, /* a thread that waits for its own operation */
    OWNER_NOBODY /* the thread dozes: the next caller takes it, else the thread does after a moment */
} loop_owner;

struct dbk_lane {
    char name[16];
    dbk_lane_mode mode;
    const dbk_clock *clock;
    struct { /* touched by the owner's thread only */
        uv_loop_t uv;
        uv_async_t wake;
        uv_timer_t alarm;     /* for the earliest of timers[] and curl's */
        uv_idle_t soon;       /* when one of them is due now */
        uint64_t curl_due_ms; /* curl lives by the system's clock; UINT64_MAX: none */
        CURLM *multi;
        size_t transfer_count;
        size_t kept_connections; /* when they are idle; 0: nobody said */
        dbk_timer idle_timer;    /* runs while there is no transfer but may be pooled connections */
        dbk_timer borrow_timer;
        dbk_task *leaving; /* to be run when the loop is let go */
        bool borrowed;     /* by a caller */
        bool borrow_over;  /* its time */
        dbk_timer_heap timers;
        dbk_list guests;
        dbk_list watches;
        dbk_list ahead; /* transfers whose connections read ahead */
        dbk_socket_opener open;
        void *open_ctx;
        unsigned sinks; /* sinks on the stack */
        bool unpolled;  /* a handle was started that epoll has not been told of yet */
        bool more_held; /* by one of ahead, for the next turn */
        bool gave_up;   /* curl ended a connect: it may have another address to try */
        bool stopping;
    } loop;
    struct {
        dbk_mutex lock;
        dbk_task *first;
        dbk_task **last;
        loop_owner owner;
        uint64_t doze_until_ms;
        dbk_cond taken; /* the dozing thread is to run the loop */
        bool stop;
        bool free_self; /* nobody joins: whoever runs the loop frees the lane */
    } shared;
    pthread_t thread;
};

/* ---- lane.c ---- */

void dbk_lane_set_alarm(dbk_lane *lane); /* something of it became due at another time */
/* The caller has made room: the lane's own timers always have it. */
void dbk_lane_insert_timer(dbk_lane *lane, dbk_timer *timer, uint64_t delay_ms,
                           void (*fire)(dbk_timer *timer));
void dbk_lane_run_list(dbk_task *task);   /* and all that follow it */
void dbk_lane_run_posted(dbk_lane *lane); /* tasks, the wish to end, timers */

/* ---- lane_curl.c ---- */

DBK_MUST_USE bool dbk_lane_curl_begin(dbk_lane *lane);
void dbk_lane_curl_turn(dbk_lane *lane); /* what is due in curl */
void dbk_lane_curl_end(dbk_lane *lane);

/* ---- lane_lend.c ---- */

/* Between two runs of the loop: its thread waits here as long as callers run it. */
void dbk_lane_doze(dbk_lane *lane);

#endif
