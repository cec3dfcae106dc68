#include "driver.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The two kinds of ArrowArrayStream that leave the driver. Each keeps its last error for
 * get_last_error and AdbcErrorFromArrayStream. */

typedef struct rows {
    AdbcStatusCode status; /* the stream's final error */
    struct AdbcError error;
    run **runs; /* owned; read in this order */
    size_t count, at;
    struct ArrowSchema schema; /* of a single batch, or of the first run once it was asked for */
    struct ArrowArray batch;   /* of a single batch */
} rows;

static int failed(rows *r, AdbcStatusCode status) {
    r->status = status;
    return status_errno(status);
}

/* ---- schemas are handed out as copies ---- */

static void release_copy(struct ArrowSchema *s) {
    for (int64_t i = 0; i < s->n_children; i++) {
        if (s->children[i] != NULL) {
            if (s->children[i]->release != NULL) {
                s->children[i]->release(s->children[i]);
            }
            free(s->children[i]);
        }
    }
    if (s->dictionary != NULL) {
        if (s->dictionary->release != NULL) {
            s->dictionary->release(s->dictionary);
        }
        free(s->dictionary);
    }
    free(s->children);
    free(s->private_data); /* the texts, in one piece */
    s->release = NULL;
}

/* Bytes of a field's metadata: pairs of counted texts. */
static size_t metadata_size(const char *metadata) {
    const char *at = metadata;
    int32_t pairs = 0;
    if (metadata == NULL) {
        return 0;
    }
    memcpy(&pairs, at, sizeof pairs);
    at += sizeof pairs;
    for (int32_t i = 0; i < 2 * pairs; i++) {
        int32_t len = 0;
        memcpy(&len, at, sizeof len);
        at += sizeof len + (size_t)len;
    }
    return (size_t)(at - metadata);
}

static bool copy_child(const struct ArrowSchema *from, struct ArrowSchema **out) {
    *out = calloc(1, sizeof **out);
    return *out != NULL && schema_copy(from, *out);
}

bool schema_copy(const struct ArrowSchema *from, struct ArrowSchema *out) {
    const char *name = from->name != NULL ? from->name : "";
    size_t formats = strlen(from->format) + 1;
    size_t names = strlen(name) + 1;
    size_t metadata = metadata_size(from->metadata);
    char *texts = malloc(formats + names + metadata);
    memset(out, 0, sizeof *out);
    if (texts == NULL) {
        return false;
    }
    memcpy(texts, from->format, formats);
    memcpy(texts + formats, name, names);
    if (metadata > 0) {
        memcpy(texts + formats + names, from->metadata, metadata);
    }
    *out = (struct ArrowSchema){.format = texts,
                                .name = texts + formats,
                                .metadata = metadata > 0 ? texts + formats + names : NULL,
                                .flags = from->flags,
                                .release = release_copy,
                                .private_data = texts};
    bool whole = true;
    if (from->n_children > 0) {
        out->children = calloc((size_t)from->n_children, sizeof *out->children);
        whole = out->children != NULL;
    }
    for (int64_t i = 0; whole && i < from->n_children; i++) {
        out->n_children = i + 1;
        whole = copy_child(from->children[i], &out->children[i]);
    }
    if (whole && from->dictionary != NULL) {
        whole = copy_child(from->dictionary, &out->dictionary);
    }
    if (!whole) {
        out->release(out);
    }
    return whole;
}

/* ---- the stream ---- */

static int rows_schema(struct ArrowArrayStream *self, struct ArrowSchema *out) {
    rows *r = self->private_data;
    if (r->status != ADBC_STATUS_OK) {
        return status_errno(r->status);
    }
    if (r->schema.release == NULL) {
        AdbcStatusCode status = run_schema(r->runs[0], &r->schema, &r->error);
        if (status != ADBC_STATUS_OK) {
            return failed(r, status);
        }
    }
    return schema_copy(&r->schema, out) ? 0 : ENOMEM;
}

static bool same_types(const struct ArrowSchema *a, const struct ArrowSchema *b) {
    bool same = strcmp(a->format, b->format) == 0 && a->n_children == b->n_children;
    for (int64_t i = 0; same && i < a->n_children; i++) {
        same = same_types(a->children[i], b->children[i]);
    }
    return same;
}

/* The rows of the next run are read by the schema of the first one. */
static bool same_schema(rows *r) {
    struct ArrowSchema schema = {0};
    r->status = run_schema(r->runs[r->at], &schema, &r->error);
    if (r->status != ADBC_STATUS_OK) {
        return false;
    }
    bool same = same_types(&r->schema, &schema);
    schema.release(&schema);
    if (!same) {
        r->status =
            fail(&r->error, ADBC_STATUS_INVALID_DATA,
                 "the result of bound row %zu has other types than that of the first", r->at + 1);
    }
    return same;
}

static int rows_next(struct ArrowArrayStream *self, struct ArrowArray *out) {
    rows *r = self->private_data;
    memset(out, 0, sizeof *out);
    if (r->status != ADBC_STATUS_OK) {
        return status_errno(r->status);
    }
    if (r->batch.release != NULL) {
        *out = r->batch;
        r->batch.release = NULL;
        return 0;
    }
    while (r->at < r->count) {
        AdbcStatusCode status = run_next(r->runs[r->at], out, &r->error);
        if (status != ADBC_STATUS_OK) {
            return failed(r, status);
        }
        if (out->release != NULL) {
            return 0;
        }
        if (r->schema.release == NULL && r->at == 0) {
            struct ArrowSchema
                schema; /* it must outlive the first run: it may be asked for later */
            int code = rows_schema(self, &schema);
            if (code != 0) {
                return code;
            }
            schema.release(&schema);
        }
        run_finish(r->runs[r->at++]);
        if (r->at < r->count && !same_schema(r)) {
            return failed(r, r->status);
        }
    }
    return 0;
}

static const char *rows_error(struct ArrowArrayStream *self) {
    const rows *r = self->private_data;
    return r->status != ADBC_STATUS_OK ? r->error.message : NULL;
}

static void rows_release(struct ArrowArrayStream *self) {
    rows *r = self->private_data;
    for (size_t i = 0; i < r->count; i++) {
        run_finish(r->runs[i]);
        run_unref(r->runs[i]);
    }
    free(r->runs);
    if (r->schema.release != NULL) {
        r->schema.release(&r->schema);
    }
    if (r->batch.release != NULL) {
        r->batch.release(&r->batch);
    }
    error_release(&r->error);
    free(r);
    self->release = NULL;
    self->private_data = NULL;
}

static AdbcStatusCode rows_export(rows *r, struct ArrowArrayStream *out) {
    error_init(&r->error);
    *out = (struct ArrowArrayStream){rows_schema, rows_next, rows_error, rows_release, r};
    return ADBC_STATUS_OK;
}

AdbcStatusCode stream_of_runs(run **takes_runs, size_t count, struct ArrowArrayStream *out,
                              struct AdbcError *error) {
    rows *r = calloc(1, sizeof *r);
    if (r == NULL) {
        for (size_t i = 0; i < count; i++) {
            run_unref(takes_runs[i]);
        }
        free(takes_runs);
        return fail_memory(error);
    }
    r->runs = takes_runs;
    r->count = count;
    return rows_export(r, out);
}

AdbcStatusCode stream_of_batch(struct ArrowSchema *takes_schema, struct ArrowArray *takes_array,
                               struct ArrowArrayStream *out, struct AdbcError *error) {
    rows *r = calloc(1, sizeof *r);
    if (r == NULL) {
        takes_schema->release(takes_schema);
        takes_array->release(takes_array);
        return fail_memory(error);
    }
    r->schema = *takes_schema;
    r->batch = *takes_array;
    takes_schema->release = NULL;
    takes_array->release = NULL;
    return rows_export(r, out);
}

const struct AdbcError *AdbcErrorFromArrayStream(struct ArrowArrayStream *stream,
                                                 AdbcStatusCode *status) {
    if (stream == NULL || stream->release != rows_release) {
        return NULL;
    }
    const rows *r = stream->private_data;
    if (r->status == ADBC_STATUS_OK) {
        return NULL;
    }
    if (status != NULL) {
        *status = r->status;
    }
    return &r->error;
}
