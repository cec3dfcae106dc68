#include "ingest.h"

#include "parquet.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define FILE_BYTES ((size_t)32 << 20)
#define FILES_MAX  1000 /* that COPY INTO takes in its list */

typedef struct stage {
    ingest *in;
    const char *volume; /* /Volumes/catalog/schema/volume[/folder] */
    char name[40];      /* of this ingest, in the names of its files */
    size_t files;
    int64_t rows;
} stage;

static void add_file(const stage *st, size_t n, text *out) {
    text_addf(out, "dbkernel-ingest-%s-%zu.parquet", st->name, n);
}

static void add_path(const stage *st, size_t n, text *out) {
    size_t len = strlen(st->volume);
    text_addf(out, "%s%s", st->volume, len > 0 && st->volume[len - 1] == '/' ? "" : "/");
    add_file(st, n, out);
}

static AdbcStatusCode name_stage(stage *st, struct AdbcError *error) {
    unsigned char bytes[16];
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes) {
        return fail(error, ADBC_STATUS_INTERNAL, "no random numbers for the names of files");
    }
    for (size_t i = 0; i < sizeof bytes; i++) {
        static const char digits[] = "0123456789abcdef";
        st->name[2 * i] = digits[bytes[i] >> 4];
        st->name[2 * i + 1] = digits[bytes[i] & 15];
    }
    return ADBC_STATUS_OK;
}

static AdbcStatusCode upload(stage *st, parquet *file, struct AdbcError *error) {
    text bytes = {0};
    text path = {0};
    AdbcStatusCode status = ADBC_STATUS_OK;
    st->rows += parquet_rows(file);
    parquet_take(file, &bytes);
    add_path(st, st->files, &path);
    if (bytes.failed || path.failed) {
        status = fail_memory(error);
    } else if (st->files == FILES_MAX) {
        status = fail(error, ADBC_STATUS_NOT_IMPLEMENTED, "more than %d files of %zu MB", FILES_MAX,
                      FILE_BYTES >> 20);
    } else {
        st->files++; /* also one that may be there only in part is to be deleted */
        latch *before = latch_watch(st->in->cancel);
        KernelStatusCode code = dbk_volume_put(st->in->s->conn->session, text_str(&path),
                                               (const uint8_t *)bytes.ptr, bytes.len);
        latch_unwatch(before);
        status = code == KernelStatusCode_Success ? ADBC_STATUS_OK
                                                  : fail_kernel(error, "staging a file");
    }
    text_reset(&bytes);
    text_reset(&path);
    return status;
}

static AdbcStatusCode upload_all(stage *st, parquet *file, struct AdbcError *error) {
    params *rows = st->in->rows;
    bool there = false;
    for (;;) {
        RETURN_IF(params_next(rows, &there, error));
        if (there) {
            RETURN_IF(parquet_add(file, params_row(rows), error));
        }
        bool full = parquet_size(file) >= FILE_BYTES;
        if (full || (!there && parquet_rows(file) > 0)) {
            RETURN_IF(upload(st, file, error));
        }
        if (!there) {
            return ADBC_STATUS_OK;
        }
    }
}

static void write_copy(const stage *st, text *sql) {
    const params *rows = st->in->rows;
    text_addf(sql, "COPY INTO %s FROM (SELECT ", st->in->target);
    for (size_t i = 0; i < rows->count; i++) {
        text_add(sql, i > 0 ? ", " : "");
        parquet_expression(&rows->columns[i], i, sql);
        text_add(sql, " AS ");
        text_add_identifier(sql, rows->columns[i].name);
    }
    text_add(sql, " FROM ");
    text_add_literal(sql, st->volume);
    text_add(sql, ") FILEFORMAT = PARQUET FILES = (");
    for (size_t i = 0; i < st->files; i++) {
        text_add(sql, i > 0 ? ", '" : "'");
        add_file(st, i, sql);
        text_add(sql, "'");
    }
    text_add(sql, ")");
}

/* The fate of the first statement is not known: sent once more it loads what is not loaded yet. */
static bool unknown_fate(const struct AdbcError *error) {
    for (int i = 0; i < AdbcErrorGetDetailCount(error); i++) {
        struct AdbcErrorDetail d = AdbcErrorGetDetail(error, i);
        if (strcmp(d.key, "databricks.may_have_executed") == 0) {
            return d.value_length == 4; /* true */
        }
    }
    return false;
}

static AdbcStatusCode copy_once(const stage *st, const char *sql, int64_t *affected,
                                struct AdbcError *error) {
    run *r = NULL;
    RETURN_IF(statement_run(st->in->s, sql, st->in->cancel, &r, error));
    AdbcStatusCode status = run_start(r, error);
    *affected = run_affected(r);
    run_unref(r);
    return status;
}

static AdbcStatusCode copy(const stage *st, struct AdbcError *error) {
    text sql = {0};
    struct AdbcError first;
    int64_t affected = -1;
    error_init(&first);
    write_copy(st, &sql);
    AdbcStatusCode status =
        sql.failed ? fail_memory(&first) : copy_once(st, text_str(&sql), &affected, &first);
    if (status != ADBC_STATUS_OK && unknown_fate(&first) && !latch_fired(st->in->cancel)) {
        error_release(&first);
        error_init(&first);
        status = copy_once(st, text_str(&sql), &affected, &first);
        affected = -1; /* without those that the first one has loaded after all */
    }
    text_reset(&sql);
    if (status != ADBC_STATUS_OK) {
        return fail_moved(error, status, &first);
    }
    if (affected >= 0 && affected != st->rows) {
        return fail(error, ADBC_STATUS_INVALID_DATA, "%lld rows were staged, %lld were loaded",
                    (long long)st->rows, (long long)affected);
    }
    return ADBC_STATUS_OK;
}

/* What cannot be deleted stays on the volume under a name that says what it is. */
static void sweep(const stage *st) {
    for (size_t i = 0; i < st->files; i++) {
        text path = {0};
        add_path(st, i, &path);
        if (!path.failed) {
            (void)dbk_volume_remove(st->in->s->conn->session, text_str(&path));
        }
        text_reset(&path);
    }
}

AdbcStatusCode ingest_stage(ingest *in, const char *volume, struct AdbcError *error) {
    stage st = {.in = in, .volume = volume};
    parquet *file = parquet_new(in->rows->columns, in->rows->count);
    AdbcStatusCode status = file != NULL ? name_stage(&st, error) : fail_memory(error);
    if (status == ADBC_STATUS_OK) {
        status = upload_all(&st, file, error);
    }
    if (status == ADBC_STATUS_OK && st.files > 0) {
        status = copy(&st, error);
    }
    if (status == ADBC_STATUS_OK) {
        in->written = st.rows;
    }
    parquet_free(file);
    sweep(&st);
    return status;
}
