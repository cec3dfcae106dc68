/* A query in a libuv program: HOST TOKEN SQL [embedded]. */
#include "async_query.h"
#include "dbkernel/adapters/libuv.h"

static dbk_uv adapter;

static void finished(async_query *q) {
    (void)q;
    dbk_uv_detach(&adapter, NULL); /* nothing is left: uv_run returns */
}

int main(int argc, char **argv) {
    async_query q = {0};
    query_begin(&q, argc, argv, finished);
    if (dbk_uv_attach(&adapter, uv_default_loop(), q.loop) != 0) {
        return 1;
    }
    (void)uv_run(uv_default_loop(), UV_RUN_DEFAULT);
    (void)uv_loop_close(uv_default_loop());
    query_end(&q);
    return 0;
}
