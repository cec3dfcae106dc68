/* A query beside the program's own descriptors in epoll: HOST TOKEN SQL [embedded]. */
#include <sys/epoll.h>
#include <unistd.h>

#include "async_query.h"
#include "dbkernel/adapters/poll.h"

static int done;

static void finished(async_query *q) {
    (void)q;
    done = 1;
}

int main(int argc, char **argv) {
    async_query q = {0};
    int set = epoll_create1(EPOLL_CLOEXEC);
    query_begin(&q, argc, argv, finished);
    struct epoll_event watched = {.events = EPOLLIN};
    if (set < 0 || epoll_ctl(set, EPOLL_CTL_ADD, dbk_loop_fd(q.loop), &watched) != 0) {
        perror("epoll");
        return 1;
    }
    while (!done) {
        struct epoll_event events[16]; /* and the program's own */
        (void)epoll_wait(set, events, 16, dbk_poll_timeout(q.loop, -1));
        need(dbk_poll_dispatch(q.loop), "dispatch");
    }
    query_end(&q);
    (void)close(set); /* closing the loop's descriptor took it out */
    return 0;
}
