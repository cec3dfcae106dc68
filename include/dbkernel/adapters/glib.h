/* dbkernel/adapters/glib.h: a dbk_loop as a GSource.
 *
 *     GSource *source = dbk_glib_source_new(loop);
 *     g_source_attach(source, context);   // NULL: the default context
 *     ... starters; their callbacks run in the context's iterations ...
 *     g_source_destroy(source);
 *     g_source_unref(source);             // the loop stays and is freed by its owner
 *
 * Threads: the one that runs the context. */
#ifndef DBKERNEL_ADAPTERS_GLIB_H
#define DBKERNEL_ADAPTERS_GLIB_H

#include "dbkernel_async.h"

#include <glib.h>
#include <limits.h>

typedef struct dbk_glib_source {
    GSource source; /* first */
    dbk_loop *loop;
    GPollFD fd;
} dbk_glib_source;

static inline gboolean dbk_glib_prepare(GSource *source, gint *timeout_ms) {
    int64_t wait = dbk_loop_timeout_ms(((dbk_glib_source *)source)->loop);
    *timeout_ms = wait > INT_MAX ? INT_MAX : (gint)wait;
    return wait == 0;
}

static inline gboolean dbk_glib_check(GSource *source) {
    const dbk_glib_source *s = (const dbk_glib_source *)source;
    return (s->fd.revents & G_IO_IN) != 0 || dbk_loop_timeout_ms(s->loop) == 0;
}

static inline gboolean dbk_glib_dispatch(GSource *source, GSourceFunc callback,
                                         gpointer user_data) {
    (void)callback;
    (void)user_data;
    (void)dbk_loop_run_once(((dbk_glib_source *)source)->loop, 0, 0, NULL);
    return G_SOURCE_CONTINUE;
}

static inline GSource *dbk_glib_source_new(dbk_loop *loop) {
    static GSourceFuncs functions = {
        dbk_glib_prepare, dbk_glib_check, dbk_glib_dispatch, NULL, NULL, NULL};
    GSource *source = g_source_new(&functions, sizeof(dbk_glib_source));
    dbk_glib_source *s = (dbk_glib_source *)source;
    s->loop = loop;
    s->fd.fd = dbk_loop_fd(loop);
    s->fd.events = G_IO_IN;
    g_source_add_poll(source, &s->fd);
    g_source_set_can_recurse(source, FALSE);
    return source;
}

#endif
