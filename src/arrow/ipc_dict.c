/* The reader's schema and dictionaries. */
#include "arrow/ipc_read.h"

#include <inttypes.h>
#include <stdlib.h>

/* ---- the table of dictionaries ---- */

static size_t count_dictionaries(const dbk_field *f) {
    size_t n = f->dictionary != NULL ? 1 : 0;
    for (size_t i = 0; i < f->child_count; i++) {
        n += count_dictionaries(&f->children[i]);
    }
    return n;
}

static void collect_dictionaries(const dbk_field *f, dbk_ipc_dictionary *out, size_t *count) {
    if (f->dictionary != NULL) {
        out[(*count)++] = (dbk_ipc_dictionary){.id = f->dictionary->id, .field = f};
    }
    for (size_t i = 0; i < f->child_count; i++) {
        collect_dictionaries(&f->children[i], out, count);
    }
}

static int compare_ids(const void *a, const void *b) {
    int64_t x = ((const dbk_ipc_dictionary *)a)->id;
    int64_t y = ((const dbk_ipc_dictionary *)b)->id;
    return (x > y) - (x < y);
}

/* The same field as its dictionary's values have it: not encoded (children may be). */
static dbk_status values_schema(const dbk_field *f, dbk_schema **out, dbk_error *err) {
    dbk_schema *s = NULL;
    dbk_field values = *f;
    values.dictionary = NULL;
    dbk_status st = dbk_schema_new(1, &s, err);
    if (st == DBK_OK) {
        st = dbk_field_copy(s, &s->columns[0], &values, err);
    }
    if (st != DBK_OK) {
        dbk_schema_unref(s);
        return st;
    }
    *out = s;
    return DBK_OK;
}

/* Several fields may share an id: then they have one type, and one entry is left. */
static dbk_status merge_ids(dbk_ipc_reader *r, dbk_error *err) {
    size_t kept = 0;
    for (size_t i = 0; i < r->dictionary_count; i++) {
        dbk_ipc_dictionary *d = &r->dictionaries[i];
        if (kept > 0 && r->dictionaries[kept - 1].id == d->id) {
            dbk_field a = *r->dictionaries[kept - 1].field;
            dbk_field b = *d->field;
            a.dictionary = b.dictionary = NULL; /* index types may differ */
            if (!dbk_field_same_type(&a, &b)) {
                return dbk_error_set(err, DBK_DATA_LOSS,
                                     "Arrow schema: fields of different types share dictionary "
                                     "%" PRId64,
                                     d->id);
            }
        } else {
            r->dictionaries[kept++] = *d;
        }
    }
    r->dictionary_count = kept;
    return DBK_OK;
}

static dbk_status list_dictionaries(dbk_ipc_reader *r, dbk_error *err) {
    dbk_status st = DBK_OK;
    size_t count = 0;
    for (size_t i = 0; i < r->schema->column_count; i++) {
        count += count_dictionaries(&r->schema->columns[i]);
    }
    if (count == 0) {
        return DBK_OK;
    }
    r->dictionaries = dbk_alloc_array(count, sizeof *r->dictionaries);
    if (r->dictionaries == NULL) {
        return dbk_error_oom(err, "reading an Arrow schema");
    }
    for (size_t i = 0; i < r->schema->column_count; i++) {
        collect_dictionaries(&r->schema->columns[i], r->dictionaries, &r->dictionary_count);
    }
    qsort(r->dictionaries, r->dictionary_count, sizeof *r->dictionaries, compare_ids);
    DBK_TRY(merge_ids(r, err));
    for (size_t i = 0; i < r->dictionary_count; i++) {
        DBK_TRY(values_schema(r->dictionaries[i].field, &r->dictionaries[i].schema, err));
    }

done:
    return st;
}

static dbk_ipc_dictionary *find(const dbk_ipc_reader *r, int64_t id) {
    dbk_ipc_dictionary key = {.id = id};
    return r->dictionary_count == 0
               ? NULL
               : bsearch(&key, r->dictionaries, r->dictionary_count, sizeof key, compare_ids);
}

const dbk_ipc_dictionary *dbk_ipc_find_dictionary(const dbk_ipc_reader *r, int64_t id) {
    return find(r, id);
}

/* ---- messages ---- */

void dbk_ipc_reader_reset(dbk_ipc_reader *r) {
    for (size_t i = 0; i < r->dictionary_count; i++) {
        dbk_batch_unref(r->dictionaries[i].values);
        dbk_schema_unref(r->dictionaries[i].schema);
    }
    dbk_free(r->dictionaries);
    dbk_schema_unref(r->schema);
    dbk_decompressor_reset(&r->decompressor);
    *r = (dbk_ipc_reader){0};
}

dbk_status dbk_ipc_reader_schema(dbk_ipc_reader *r, const dbk_ipc_message *m, dbk_error *err) {
    if (r->schema != NULL) {
        return dbk_error_set(err, DBK_DATA_LOSS, "the Arrow stream has a second schema");
    }
    if (m->body_size != 0) {
        return dbk_error_set(err, DBK_DATA_LOSS, "an Arrow schema message has a body of %zu bytes",
                             m->body_size);
    }
    dbk_status st = dbk_ipc_read_schema(m, &r->schema, err);
    return st == DBK_OK ? list_dictionaries(r, err) : st;
}

dbk_status dbk_ipc_reader_dictionary(dbk_ipc_reader *r, const dbk_ipc_message *m, dbk_block *block,
                                     const uint8_t *body, dbk_error *err) {
    dbk_status st = DBK_OK;
    int64_t id = 0;
    uint8_t is_delta = 0;
    bool has_data = false;
    dbk_fb_table data;
    dbk_batch *values = NULL;
    dbk_batch *joined = NULL;
    dbk_ipc_dictionary *d = NULL;

    DBK_TRY(dbk_fb_i64(&m->header, 0, 0, &id, err));
    DBK_TRY(dbk_fb_child(&m->header, 1, &has_data, &data, err));
    DBK_TRY(dbk_fb_u8(&m->header, 2, 0, &is_delta, err));
    d = find(r, id);
    if (d == NULL || !has_data) {
        st = dbk_error_set(err, DBK_DATA_LOSS, "the Arrow stream sends dictionary %" PRId64 ", %s",
                           id, d == NULL ? "which its schema does not have" : "without data");
        goto done;
    }
    st = dbk_ipc_read_batch(r, m, &data, d->schema, block, body, &values, err);
    if (st == DBK_OK && is_delta != 0 && d->values != NULL) {
        st = dbk_batch_concat(r, d->values, values, &joined, err);
        dbk_batch_unref(values);
        values = joined;
    }
    if (st != DBK_OK) {
        dbk_error_wrap(err, "dictionary %" PRId64, id);
        goto done;
    }
    dbk_batch_unref(d->values);
    d->values = values;
    values = NULL;

done:
    dbk_batch_unref(values);
    return st;
}
