/* A query in a libev program: HOST TOKEN SQL [embedded]. */
#include "async_query.h"
#include "dbkernel/adapters/libev.h"

static void finished(async_query *q) {
    (void)q;
    ev_break(EV_DEFAULT_ EVBREAK_ALL);
}

int main(int argc, char **argv) {
    async_query q = {0};
    dbk_ev adapter;
    query_begin(&q, argc, argv, finished);
    dbk_ev_attach(&adapter, EV_DEFAULT, q.loop);
    ev_run(EV_DEFAULT, 0);
    dbk_ev_detach(&adapter);
    query_end(&q);
    return 0;
}
