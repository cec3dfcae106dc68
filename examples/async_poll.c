/* A query beside the program's own descriptors in poll: HOST TOKEN SQL [embedded]. */
#include "async_query.h"
#include "dbkernel/adapters/poll.h"

static int done;

static void finished(async_query *q) {
    (void)q;
    done = 1;
}

int main(int argc, char **argv) {
    async_query q = {0};
    query_begin(&q, argc, argv, finished);
    while (!done) {
        struct pollfd fds[1]; /* and the program's own */
        (void)poll(fds, 1, dbk_poll_prepare(q.loop, &fds[0], -1));
        need(dbk_poll_dispatch(q.loop), "dispatch");
    }
    query_end(&q);
    return 0;
}
