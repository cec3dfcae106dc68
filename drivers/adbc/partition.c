#include "partition.h"

#include "build.h"
#include "sql.h"
#include "statement.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Results in pieces. A partition is a chunk of the result as the server made it; its descriptor says where
 * the statement is and which chunk is meant:
 *     dbkernel-partition 1\n<workspace>\n<statement id>\n<first chunk>\n<chunks>\n
 * No token and no presigned URL: whoever reads it logs in as somebody that may see the statement. */

static const char header[] = "dbkernel-partition 1";

/* ---- making them ---- */

typedef struct owned { /* what AdbcPartitions.release frees */
    uint8_t **bytes;
    size_t *lengths;
    size_t count;
} owned;

static void free_owned(owned *o) {
    for (size_t i = 0; o != NULL && o->bytes != NULL && i < o->count; i++) {
        free(o->bytes[i]);
    }
    if (o != NULL) {
        free(o->bytes);
        free(o->lengths);
        free(o);
    }
}

static void release_partitions(struct AdbcPartitions *p) {
    free_owned(p->private_data);
    memset(p, 0, sizeof *p);
}

void descriptor_write(const descriptor *d, text *out) {
    text_addf(out, "%s\n%s\n%s\n%" PRId64 "\n%" PRId64 "\n", header, d->place, d->id, d->first,
              d->count);
}

static bool add_partition(owned *o, const char *place, const char *id, int64_t first,
                          int64_t count) {
    text t = {0};
    descriptor_write(&(descriptor){place, id, first, count}, &t);
    if (t.failed) {
        text_reset(&t);
        return false;
    }
    o->lengths[o->count] = t.len;
    o->bytes[o->count++] = (uint8_t *)t.ptr; /* the partition's now */
    return true;
}

/* An empty result has one partition, with its schema. */
static bool describe(const connection *c, const char *id, const dbk_executed_info *info,
                     struct AdbcPartitions *out) {
    size_t count = info->total_rows != 0 && info->chunk_count > 0 ? (size_t)info->chunk_count : 1;
    bool empty = info->total_rows == 0 || info->chunk_count <= 0;
    owned *o = calloc(1, sizeof *o);
    if (o == NULL) {
        return false;
    }
    o->bytes = calloc(count, sizeof *o->bytes);
    o->lengths = calloc(count, sizeof *o->lengths);
    bool whole = o->bytes != NULL && o->lengths != NULL;
    for (size_t i = 0; whole && i < count; i++) {
        whole = add_partition(o, c->place, id, (int64_t)i, empty ? 0 : 1);
    }
    if (!whole) {
        free_owned(o);
        return false;
    }
    *out = (struct AdbcPartitions){.num_partitions = o->count,
                                   .partitions = (const uint8_t **)(void *)o->bytes,
                                   .partition_lengths = o->lengths,
                                   .private_data = o,
                                   .release = release_partitions};
    return true;
}

static AdbcStatusCode read_facts(kernel_executed_async_statement_t *async,
                                 struct ArrowSchema *schema, dbk_executed_info *info,
                                 struct AdbcError *error) {
    kernel_executed_statement_t *executed = NULL;
    kernel_result_stream_t *rows = NULL;
    KernelStatusCode code = dbk_async_take_result(async, &executed);
    if (code == KernelStatusCode_Success) {
        code = dbk_executed_get_info(executed, info);
    }
    if (code == KernelStatusCode_Success && schema != NULL) {
        code = kernel_executed_statement_get_result_stream(executed, &rows);
    }
    if (code == KernelStatusCode_Success && schema != NULL) {
        code = kernel_result_stream_get_schema(rows, schema);
    }
    AdbcStatusCode status = code == KernelStatusCode_Success
                                ? ADBC_STATUS_OK
                                : fail_kernel(error, "executing a statement in partitions");
    if (rows != NULL) {
        (void)kernel_result_stream_close(rows);
    }
    if (executed != NULL) {
        (void)kernel_executed_statement_close(executed);
    }
    return status;
}

/* Sent, left to the readers, waited for. */
static AdbcStatusCode submit(run *r, latch *l, kernel_executed_async_statement_t **async,
                             struct AdbcError *error) {
    latch *before = latch_watch(l);
    KernelStatusCode code = kernel_statement_submit(run_statement(r), async);
    if (code == KernelStatusCode_Success) {
        code = dbk_async_leave(*async);
    }
    if (code == KernelStatusCode_Success) {
        code = dbk_async_await(*async, 0, NULL);
    }
    latch_unwatch(before);
    return code == KernelStatusCode_Success
               ? ADBC_STATUS_OK
               : fail_kernel(error, "executing a statement in partitions");
}

static AdbcStatusCode make_partitions(const connection *c, run *r, latch *l,
                                      struct ArrowSchema *schema, struct AdbcPartitions *out,
                                      struct AdbcError *error) {
    kernel_executed_async_statement_t *async = NULL;
    dbk_executed_info info = {.struct_size = sizeof info};
    AdbcStatusCode status = submit(r, l, &async, error);
    if (status == ADBC_STATUS_OK) {
        status = read_facts(async, schema, &info, error);
    }
    if (status == ADBC_STATUS_OK && !describe(c, dbk_async_query_id(async), &info, out)) {
        status = fail_memory(error);
    }
    if (async != NULL) {
        (void)dbk_async_close(async);
    }
    if (status != ADBC_STATUS_OK && schema != NULL && schema->release != NULL) {
        schema->release(schema); /* nobody looks at it after an error */
    }
    return status;
}

/* With adbc.statement.exec.incremental the answer after the last partitions is none: all are ready when
 * the first are. */
static AdbcStatusCode no_more(statement *s, struct ArrowSchema *schema, struct AdbcPartitions *out,
                              struct AdbcError *error) {
    s->partitioned = false;
    *out = (struct AdbcPartitions){.release = release_partitions};
    return schema != NULL ? node_schema(node_struct("", 0, NULL), schema, error) : ADBC_STATUS_OK;
}

static AdbcStatusCode bind_one(statement *s, run *r, struct AdbcError *error) {
    bool there = false;
    if (s->bound.stream.release == NULL) {
        return ADBC_STATUS_OK;
    }
    RETURN_IF(params_open(&s->bound, error));
    RETURN_IF(params_next(&s->bound, &there, error));
    if (there) {
        RETURN_IF(params_bind(&s->bound, run_statement(r),
                              statement_flag(s, "adbc.statement.bind_by_name"), error));
        RETURN_IF(params_next(&s->bound, &there, error));
    }
    return there ? fail(error, ADBC_STATUS_NOT_IMPLEMENTED,
                        "more than one bound row has more than one result to split")
                 : ADBC_STATUS_OK;
}

static AdbcStatusCode execute(statement *s, struct ArrowSchema *schema, struct AdbcPartitions *out,
                              struct AdbcError *error) {
    run *r = NULL;
    text sql = {0};
    latch *l = statement_begin(s);
    text_add_n(&sql, s->sql, sql_length(s->sql));
    AdbcStatusCode status = l == NULL || sql.failed
                                ? fail_memory(error)
                                : statement_run(s, text_str(&sql), l, &r, error);
    if (status == ADBC_STATUS_OK) {
        status = bind_one(s, r, error);
    }
    if (status == ADBC_STATUS_OK) {
        status = make_partitions(s->conn, r, l, schema, out, error);
    }
    params_reset(&s->bound);
    text_reset(&sql);
    run_unref(r);
    return status;
}

AdbcStatusCode AdbcStatementExecutePartitions(struct AdbcStatement *handle,
                                              struct ArrowSchema *schema,
                                              struct AdbcPartitions *partitions,
                                              int64_t *rows_affected, struct AdbcError *error) {
    statement *s = statement_open(handle, error);
    if (s == NULL) {
        return ADBC_STATUS_INVALID_STATE;
    }
    if (s->sql == NULL || partitions == NULL) {
        return fail(error, ADBC_STATUS_INVALID_STATE, "there is no query to execute");
    }
    if (rows_affected != NULL) {
        *rows_affected = -1;
    }
    if (schema != NULL) {
        memset(schema, 0, sizeof *schema);
    }
    bool incremental = statement_flag(s, "adbc.statement.exec.incremental");
    if (incremental && s->partitioned) {
        return no_more(s, schema, partitions, error);
    }
    RETURN_IF(execute(s, schema, partitions, error));
    s->partitioned = incremental;
    return ADBC_STATUS_OK;
}

/* ---- reading one ---- */

/* The next line of *at, cut off; NULL: there is none. */
static char *line(char **at) {
    char *begin = *at;
    char *end = begin != NULL ? strchr(begin, '\n') : NULL;
    if (end == NULL) {
        return NULL;
    }
    *end = '\0';
    *at = end + 1;
    return begin;
}

/* Statement ids are a path of a request: letters, digits and dashes. */
static bool is_id(const char *id) {
    static const char letters[] =
        "0123456789-_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    size_t len = strspn(id, letters);
    return len > 0 && len <= 128 && id[len] == '\0';
}

bool descriptor_parse(char *copy, descriptor *out) {
    const char *first_line = line(&copy);
    out->place = line(&copy);
    out->id = line(&copy);
    const char *first = line(&copy);
    const char *count = line(&copy);
    return count != NULL && *copy == '\0' && strcmp(first_line, header) == 0 && is_id(out->id) &&
           parse_int(first, &out->first) && parse_int(count, &out->count) && out->first >= 0 &&
           (out->count == 0 || out->count == 1);
}

static AdbcStatusCode read_piece(connection *c, const descriptor *d, struct ArrowArrayStream *out,
                                 struct AdbcError *error) {
    kernel_executed_async_statement_t *async = NULL;
    kernel_executed_statement_t *executed = NULL;
    run *r = NULL;
    latch *before = NULL;
    RETURN_IF(connection_begin(c, &before, error));
    KernelStatusCode code = dbk_async_attach(c->session, d->id, &async);
    if (code == KernelStatusCode_Success) {
        code = dbk_async_take_chunks(async, d->first, d->count, &executed);
    }
    AdbcStatusCode status = code == KernelStatusCode_Success
                                ? ADBC_STATUS_OK
                                : fail_kernel(error, "reading a partition");
    connection_end(c, before);
    if (async != NULL) {
        (void)dbk_async_close(async);
    }
    RETURN_IF(status);
    RETURN_IF(run_of_executed(executed, &r, error));
    run **runs = malloc(sizeof(run *));
    if (runs == NULL) {
        run_unref(r);
        return fail_memory(error);
    }
    runs[0] = r;
    return stream_of_runs(runs, 1, out, error);
}

AdbcStatusCode AdbcConnectionReadPartition(struct AdbcConnection *handle,
                                           const uint8_t *serialized_partition,
                                           size_t serialized_length, struct ArrowArrayStream *out,
                                           struct AdbcError *error) {
    descriptor d = {0};
    connection *c = connection_open(handle, error);
    if (c == NULL) {
        return ADBC_STATUS_INVALID_STATE;
    }
    char *copy = serialized_partition != NULL
                     ? text_copy((const char *)serialized_partition, serialized_length)
                     : NULL;
    AdbcStatusCode status = ADBC_STATUS_OK;
    if (copy == NULL || strlen(copy) != serialized_length || !descriptor_parse(copy, &d)) {
        status = fail(error, ADBC_STATUS_INVALID_ARGUMENT,
                      "these %zu bytes are no partition of this driver", serialized_length);
    } else if (strcmp(d.place, c->place) != 0) {
        status =
            fail(error, ADBC_STATUS_INVALID_ARGUMENT,
                 "the partition is of workspace %s, this connection is to %s", d.place, c->place);
    } else {
        status = read_piece(c, &d, out, error);
    }
    free(copy);
    return status;
}
