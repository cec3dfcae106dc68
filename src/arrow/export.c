/* Schemas and batches as the structs of the C Data Interface.
 *
 * All structs of one export except the root, which is the caller's, live in one counted piece of
 * memory. Every struct counts once, so that a consumer may move any child out and release it on its
 * own, later, on any thread. */
#include "arrow/batch.h"

#include <string.h>

/* ---- the counted piece ---- */

typedef struct shared {
    atomic_size_t refs; /* unreleased structs */
    dbk_arena arena;
    dbk_batch *batch; /* counted; NULL for schemas, which are copied */
} shared;

static shared *shared_new(void) {
    shared *s = dbk_alloc_zero(sizeof *s);
    if (s != NULL) {
        atomic_init(&s->refs, 0);
    }
    return s;
}

static void shared_free(shared *s) {
    dbk_arena_reset(&s->arena);
    dbk_batch_unref(s->batch);
    dbk_free(s);
}

static void shared_unref(shared *s) {
    if (atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) == 1) {
        shared_free(s);
    }
}

/* ---- arrays ---- */

static void array_release(struct ArrowArray *a) {
    for (int64_t i = 0; i < a->n_children; i++) {
        if (a->children[i]->release != NULL) { /* NULL: moved out */
            a->children[i]->release(a->children[i]);
        }
    }
    if (a->dictionary != NULL && a->dictionary->release != NULL) {
        a->dictionary->release(a->dictionary);
    }
    shared *s = a->private_data;
    a->release = NULL;
    shared_unref(s);
}

/* Views have one more buffer, the sizes of their data buffers. A batch's arrays do not say which
 * type they are of; the field does. */
static bool export_buffers(shared *s, const dbk_field *f, const dbk_array *in,
                           struct ArrowArray *out) {
    bool views = f != NULL && dbk_type_layout(dbk_field_storage(f)) == DBK_LAYOUT_VIEW;
    size_t count = in->buffer_count + (views ? 1 : 0);
    const void **buffers = dbk_arena_array(&s->arena, count, sizeof *buffers);
    if (buffers == NULL) {
        return false;
    }
    for (size_t i = 0; i < in->buffer_count; i++) {
        buffers[i] = in->buffers[i].data;
    }
    if (views) {
        size_t data_count = in->buffer_count - 2;
        int64_t *sizes = dbk_arena_array(&s->arena, data_count, sizeof *sizes);
        if (sizes == NULL) {
            return false;
        }
        for (size_t i = 0; i < data_count; i++) {
            sizes[i] = (int64_t)in->buffers[2 + i].size;
        }
        buffers[in->buffer_count] = sizes;
    }
    out->buffers = buffers;
    out->n_buffers = (int64_t)count;
    return true;
}

static struct ArrowArray **add_array_children(shared *s, size_t count) {
    struct ArrowArray **list = dbk_arena_array(&s->arena, count, sizeof(struct ArrowArray *));
    struct ArrowArray *items = dbk_arena_array(&s->arena, count, sizeof *items);
    if (list == NULL || items == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        list[i] = &items[i];
    }
    return list;
}

static void array_publish(shared *s, struct ArrowArray *out) {
    out->release = array_release;
    out->private_data = s;
    atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
}

static bool export_array(shared *s, const dbk_field *f, const dbk_array *in,
                         struct ArrowArray *out) {
    *out = (struct ArrowArray){.length = in->length,
                               .null_count = in->null_count,
                               .offset = in->offset,
                               .n_children = (int64_t)in->child_count};
    if (!export_buffers(s, f, in, out)) {
        return false;
    }
    if (in->child_count > 0) {
        out->children = add_array_children(s, in->child_count);
        if (out->children == NULL) {
            return false;
        }
    }
    for (size_t i = 0; i < in->child_count; i++) {
        if (!export_array(s, &f->children[i], &in->children[i], out->children[i])) {
            return false;
        }
    }
    if (in->dictionary != NULL) {
        dbk_field values = *f;
        values.dictionary = NULL;
        out->dictionary = dbk_arena_alloc(&s->arena, sizeof *out->dictionary);
        if (out->dictionary == NULL || !export_array(s, &values, in->dictionary, out->dictionary)) {
            return false;
        }
    }
    array_publish(s, out);
    return true;
}

dbk_status dbk_batch_export(dbk_batch *b, struct ArrowArray *out, dbk_error *err) {
    struct ArrowArray root = {.length = b->row_count, .n_children = (int64_t)b->column_count};
    shared *s = shared_new();
    bool made = s != NULL;
    if (made) {
        s->arena.next_size = b->column_count * (sizeof root + 4 * sizeof(void *));
        root.buffers = dbk_arena_array(&s->arena, 1, sizeof(void *)); /* no validity bitmap */
        root.n_buffers = 1;
        root.children = add_array_children(s, b->column_count);
        made = root.buffers != NULL && root.children != NULL;
    }
    for (size_t i = 0; made && i < b->column_count; i++) {
        made = export_array(s, &b->schema->columns[i], &b->columns[i], root.children[i]);
    }
    if (!made) {
        if (s != NULL) {
            shared_free(s); /* nobody has seen any of its structs */
        }
        return dbk_error_oom(err, "exporting an Arrow batch");
    }
    s->batch = dbk_batch_ref(b);
    array_publish(s, &root);
    *out = root;
    return DBK_OK;
}

/* ---- schemas ---- */

static void schema_release(struct ArrowSchema *a) {
    for (int64_t i = 0; i < a->n_children; i++) {
        if (a->children[i]->release != NULL) {
            a->children[i]->release(a->children[i]);
        }
    }
    if (a->dictionary != NULL && a->dictionary->release != NULL) {
        a->dictionary->release(a->dictionary);
    }
    shared *s = a->private_data;
    a->release = NULL;
    shared_unref(s);
}

static char *put_i32(char *p, size_t v) {
    int32_t n = (int32_t)v;
    memcpy(p, &n, sizeof n);
    return p + sizeof n;
}

/* "int32 count, then per pair: int32 length, key, int32 length, value", native endianness; texts
 * came in one message of at most 64 MiB, so that no length exceeds int32. */
static bool export_metadata(shared *s, const dbk_metadata *m, const char **out) {
    *out = NULL;
    if (m->count == 0) {
        return true;
    }
    size_t size = 4;
    for (size_t i = 0; i < m->count; i++) {
        size += 8 + m->pairs[i].key.len + m->pairs[i].value.len;
    }
    char *p = dbk_arena_alloc(&s->arena, size);
    if (p == NULL) {
        return false;
    }
    *out = p;
    p = put_i32(p, m->count);
    for (size_t i = 0; i < m->count; i++) {
        const dbk_slice texts[] = {m->pairs[i].key, m->pairs[i].value};
        for (size_t k = 0; k < 2; k++) {
            p = put_i32(p, texts[k].len);
            if (texts[k].len > 0) {
                memcpy(p, texts[k].ptr, texts[k].len);
                p += texts[k].len;
            }
        }
    }
    return true;
}

static bool export_text(shared *s, dbk_slice text, const char **out) {
    char *p = dbk_arena_alloc(&s->arena, text.len + 1); /* zeroed: NUL is there */
    if (p != NULL && text.len > 0) {
        memcpy(p, text.ptr, text.len);
    }
    *out = p;
    return p != NULL;
}

static bool export_format(shared *s, const dbk_field *f, dbk_buf *scratch, const char **out,
                          dbk_error *err) {
    dbk_buf_clear(scratch);
    return dbk_field_format(f, scratch, err) == DBK_OK &&
           export_text(s, dbk_buf_slice(scratch), out);
}

static struct ArrowSchema **add_schema_children(shared *s, size_t count) {
    struct ArrowSchema **list = dbk_arena_array(&s->arena, count, sizeof(struct ArrowSchema *));
    struct ArrowSchema *items = dbk_arena_array(&s->arena, count, sizeof *items);
    if (list == NULL || items == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        list[i] = &items[i];
    }
    return list;
}

static void schema_publish(shared *s, struct ArrowSchema *out) {
    out->release = schema_release;
    out->private_data = s;
    atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
}

static bool export_field(shared *s, const dbk_field *f, dbk_buf *scratch, struct ArrowSchema *out,
                         dbk_error *err) {
    bool encoded = f->dictionary != NULL;
    size_t child_count = encoded ? 0 : f->child_count; /* the values have them */
    *out = (struct ArrowSchema){.n_children = (int64_t)child_count};
    out->flags = (f->nullable ? ARROW_FLAG_NULLABLE : 0) |
                 (f->keys_sorted && !encoded ? ARROW_FLAG_MAP_KEYS_SORTED : 0) |
                 (encoded && f->dictionary->ordered ? ARROW_FLAG_DICTIONARY_ORDERED : 0);
    if (!export_text(s, f->name, &out->name) || !export_format(s, f, scratch, &out->format, err) ||
        !export_metadata(s, &f->metadata, &out->metadata)) {
        return false;
    }
    if (child_count > 0) {
        out->children = add_schema_children(s, child_count);
        if (out->children == NULL) {
            return false;
        }
    }
    for (size_t i = 0; i < child_count; i++) {
        if (!export_field(s, &f->children[i], scratch, out->children[i], err)) {
            return false;
        }
    }
    if (encoded) {
        dbk_field values = *f;
        values.dictionary = NULL;
        values.name = (dbk_slice){NULL, 0};
        values.metadata = (dbk_metadata){0};
        values.nullable = true;
        out->dictionary = dbk_arena_alloc(&s->arena, sizeof *out->dictionary);
        if (out->dictionary == NULL || !export_field(s, &values, scratch, out->dictionary, err)) {
            return false;
        }
    }
    schema_publish(s, out);
    return true;
}

static bool export_columns(shared *s, const dbk_schema *schema, struct ArrowSchema *root,
                           dbk_error *err) {
    dbk_buf scratch = {0};
    bool made = export_metadata(s, &schema->metadata, &root->metadata);
    root->children = add_schema_children(s, schema->column_count);
    made = made && root->children != NULL;
    for (size_t i = 0; made && i < schema->column_count; i++) {
        made = export_field(s, &schema->columns[i], &scratch, root->children[i], err);
    }
    dbk_buf_reset(&scratch);
    return made;
}

dbk_status dbk_schema_export(const dbk_schema *schema, struct ArrowSchema *out, dbk_error *err) {
    /* Without a name, as the peer: spec c-abi 2.7 [ran]. */
    struct ArrowSchema root = {.format = "+s", .n_children = (int64_t)schema->column_count};
    shared *s = shared_new();
    if (s == NULL || !export_columns(s, schema, &root, err)) {
        if (s != NULL) {
            shared_free(s);
        }
        return dbk_error_oom(err, "exporting an Arrow schema");
    }
    schema_publish(s, &root);
    *out = root;
    return DBK_OK;
}
