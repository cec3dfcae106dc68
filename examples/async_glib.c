/* A query in a GLib program: HOST TOKEN SQL [embedded]. */
#include "async_query.h"
#include "dbkernel/adapters/glib.h"

static GMainLoop *main_loop;

static void finished(async_query *q) {
    (void)q;
    g_main_loop_quit(main_loop);
}

int main(int argc, char **argv) {
    async_query q = {0};
    main_loop = g_main_loop_new(NULL, FALSE);
    query_begin(&q, argc, argv, finished);
    GSource *source = dbk_glib_source_new(q.loop);
    (void)g_source_attach(source, NULL);
    g_main_loop_run(main_loop);
    g_source_destroy(source);
    g_source_unref(source);
    g_main_loop_unref(main_loop);
    query_end(&q);
    return 0;
}
