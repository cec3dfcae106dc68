#include "metadata/parts.h"

#include <stdlib.h>

/* Tables come sorted, whatever order catalogs answered in: spec metadata.md 4. */

enum { TABLE_CAT = 0, TABLE_SCHEM = 1, TABLE_NAME = 2, TABLE_TYPE = 3, REMARKS = 4, KEY_COUNT = 4 };

static const size_t sort_columns[KEY_COUNT] = {TABLE_TYPE, TABLE_CAT, TABLE_SCHEM, TABLE_NAME};

typedef struct table_row {
    dbk_slice keys[KEY_COUNT]; /* borrowed from the batch; in the order of sort_columns */
    dbk_slice remarks;
    size_t order; /* equal rows stay in the order they came */
} table_row;

/* Bytes; null before all. */
static int compare_text(dbk_slice a, dbk_slice b) {
    if (a.ptr == NULL || b.ptr == NULL) {
        return (a.ptr != NULL) - (b.ptr != NULL);
    }
    size_t len = dbk_min_size(a.len, b.len);
    int c = len > 0 ? memcmp(a.ptr, b.ptr, len) : 0;
    return c != 0 ? c : (a.len > b.len) - (a.len < b.len);
}

static int compare_rows(const void *pa, const void *pb) {
    const table_row *a = pa;
    const table_row *b = pb;
    for (size_t i = 0; i < KEY_COUNT; i++) {
        int c = compare_text(a->keys[i], b->keys[i]);
        if (c != 0) {
            return c;
        }
    }
    return (a->order > b->order) - (a->order < b->order);
}

static bool wanted(const dbk_metadata_request *r, dbk_slice type) {
    for (size_t i = 0; i < r->type_count; i++) {
        if (dbk_slice_eq_nocase(r->types[i], type)) {
            return true;
        }
    }
    return !r->has_types;
}

/* Texts of a reshaped batch are utf8: they are borrowed from it and need no scratch. */
static dbk_status read_row(const dbk_batch *b, int64_t row, table_row *out, dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_buf unused = {0};
    for (size_t i = 0; i < KEY_COUNT; i++) {
        DBK_TRY(dbk_batch_text(b, sort_columns[i], row, &unused, &out->keys[i], err));
    }
    DBK_TRY(dbk_batch_text(b, REMARKS, row, &unused, &out->remarks, err));
done:
    dbk_buf_reset(&unused);
    return st;
}

static dbk_status read_rows(const dbk_metadata_request *r, dbk_batch *const *batches, size_t count,
                            table_row *rows, size_t *row_count, dbk_error *err) {
    dbk_status st = DBK_OK;
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        for (int64_t row = 0; row < dbk_batch_row_count(batches[i]); row++) {
            DBK_TRY(read_row(batches[i], row, &rows[n], err));
            rows[n].order = n;
            n += wanted(r, rows[n].keys[0]) ? 1 : 0;
        }
    }
    *row_count = n;
done:
    return st;
}

static dbk_slice cell_of(const table_row *row, size_t column) {
    for (size_t i = 0; i < KEY_COUNT; i++) {
        if (sort_columns[i] == column) {
            return row->keys[i];
        }
    }
    return column == REMARKS ? row->remarks : (dbk_slice){0};
}

static dbk_status build(dbk_schema *schema, const table_row *rows, size_t count, dbk_batch **out,
                        dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_builder *b = NULL;
    DBK_TRY(dbk_builder_new(schema, &b, err));
    for (size_t column = 0; column < dbk_schema_column_count(schema); column++) {
        dbk_column *c = dbk_builder_column(b, column);
        for (size_t i = 0; i < count; i++) {
            dbk_slice text = cell_of(&rows[i], column);
            DBK_TRY(text.ptr != NULL ? dbk_column_put_bytes(c, text, err)
                                     : dbk_column_put_null(c, err));
        }
    }
    DBK_TRY(dbk_builder_finish(b, (int64_t)count, (dbk_block_owner){0}, out, err));
done:
    dbk_builder_free(b);
    return st;
}

dbk_status dbk_metadata_sort_tables(const dbk_metadata_request *r, dbk_schema *schema,
                                    dbk_batch *const *batches, size_t count, dbk_batch **out,
                                    dbk_error *err) {
    dbk_status st = DBK_OK;
    size_t total = 0;
    size_t kept = 0;
    table_row *rows = NULL;
    for (size_t i = 0; i < count; i++) {
        total += (size_t)dbk_batch_row_count(batches[i]);
    }
    rows = dbk_alloc_array(total, sizeof *rows);
    if (rows == NULL) {
        return dbk_error_oom(err, "sorting tables");
    }
    DBK_TRY(read_rows(r, batches, count, rows, &kept, err));
    if (kept == 0) {
        *out = NULL;
        goto done;
    }
    qsort(rows, kept, sizeof *rows, compare_rows);
    DBK_TRY(build(schema, rows, kept, out, err));
done:
    dbk_free(rows);
    return st;
}
