/* What is told in this process as lines of a file: databricks.telemetry.local_sink. */
#include "telemetry/local.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

typedef struct sink {
    int fd;
} sink;

static json_t *value_of(const dbk_attribute *a) {
    return a->type == DBK_ATTRIBUTE_TEXT  ? json_string(a->text)
           : a->type == DBK_ATTRIBUTE_INT ? json_integer(a->number)
                                          : json_boolean(a->number != 0);
}

static json_t *object_of(const dbk_record *r) {
    json_t *attributes = json_object();
    for (size_t i = 0; i < r->count; i++) { /* what is not UTF-8, or has no memory, is left out */
        (void)json_object_set_new(attributes, r->attributes[i].name, value_of(&r->attributes[i]));
    }
    return json_pack("{sssIsIsbso}", "name", r->name, "start_unix_ns", (json_int_t)r->start_unix_ns,
                     "duration_ns", (json_int_t)r->duration_ns, "failed", (int)r->failed,
                     "attributes", attributes);
}

/* One write: lines of several threads and processes do not mix. A full disk loses lines, nothing else. */
static void append(void *ctx, const dbk_record *record) {
    dbk_status st = DBK_OK;
    dbk_error lost = {0}, *err = &lost;
    dbk_buf line = {0};
    const sink *s = ctx;
    json_t *object = object_of(record);
    DBK_TRY(dbk_json_write(object, &line, err));
    DBK_TRY(dbk_buf_putc(&line, '\n', err));
    if (write(s->fd, line.ptr, line.len) < 0) {
        DBK_LOG(DEBUG, NULL, "a line of databricks.telemetry.local_sink is lost: %s",
                strerror(errno));
    }
done:
    dbk_buf_reset(&line);
    json_decref(object);
    dbk_error_reset(&lost);
    (void)st;
}

static void close_sink(void *ctx) {
    sink *s = ctx;
    (void)close(s->fd);
    dbk_free(s);
}

dbk_status dbk_sink_new(const char *path, dbk_tracer **out, dbk_error *err) {
    sink *s = dbk_alloc_zero(sizeof *s);
    if (s == NULL) {
        return dbk_error_oom(err, "a file for telemetry");
    }
    s->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    dbk_status st = s->fd >= 0 ? dbk_local_new(append, s, close_sink, out, err)
                               : dbk_error_set(err, DBK_INVALID_ARGUMENT,
                                               "the file cannot be opened: %s", strerror(errno));
    if (st != DBK_OK) {
        if (s->fd >= 0) {
            (void)close(s->fd);
        }
        dbk_free(s);
    }
    return st;
}
