#include "arrow/schema.h"

#include <inttypes.h>
#include <string.h>

static const struct {
    const char *name, *format;
    dbk_layout layout;
    dbk_params params;
    uint16_t bits;
    uint8_t align;
} types[] = {
#define TYPE_ROW(id, text, layout, params, bits, align, format) \
    [DBK_TYPE_##id] = {text, format, DBK_LAYOUT_##layout, DBK_PARAMS_##params, bits, align},
    DBK_TYPE_MAP(TYPE_ROW)
#undef TYPE_ROW
};

const char *dbk_type_name(dbk_type t) {
    return (int)t >= 0 && (int)t < DBK_TYPE_COUNT ? types[t].name : "unknown";
}

dbk_layout dbk_type_layout(dbk_type t) {
    return types[t].layout;
}

dbk_params dbk_type_params(dbk_type t) {
    return types[t].params;
}

size_t dbk_type_bits(dbk_type t) {
    return types[t].bits;
}

size_t dbk_type_align(dbk_type t) {
    return types[t].align;
}

size_t dbk_field_bits(const dbk_field *f) {
    dbk_type storage = dbk_field_storage(f);
    return storage == DBK_TYPE_FIXED_BINARY ? (size_t)f->width * 8 : types[storage].bits;
}

/* ---- making ---- */

dbk_status dbk_schema_new(size_t column_count, dbk_schema **out, dbk_error *err) {
    dbk_schema *s = dbk_alloc_zero(sizeof *s);
    if (s == NULL) {
        return dbk_error_oom(err, "making an Arrow schema");
    }
    atomic_init(&s->refs, 1);
    s->columns = dbk_arena_array(&s->arena, column_count, sizeof *s->columns);
    if (s->columns == NULL) {
        dbk_schema_unref(s);
        return dbk_error_oom(err, "making an Arrow schema");
    }
    s->column_count = column_count;
    *out = s;
    return DBK_OK;
}

dbk_schema *dbk_schema_ref(dbk_schema *s) {
    size_t old = atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
    DBK_ASSERT(old > 0 && old < SIZE_MAX / 2);
    (void)old;
    return s;
}

void dbk_schema_unref(dbk_schema *s) {
    if (s == NULL || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1) {
        return;
    }
    dbk_arena_reset(&s->arena);
    dbk_free(s);
}

size_t dbk_schema_column_count(const dbk_schema *s) {
    return s->column_count;
}

const char *dbk_schema_column_name(const dbk_schema *s, size_t i) {
    const char *name = s->columns[i].name.ptr;
    return name != NULL ? name : "";
}

dbk_status dbk_schema_text(dbk_schema *s, dbk_slice text, dbk_slice *out, dbk_error *err) {
    char *copy = dbk_arena_alloc(&s->arena, text.len + 1); /* zeroed: NUL is there */
    if (copy == NULL) {
        return dbk_error_oom(err, "copying a text of an Arrow schema");
    }
    if (text.len > 0) {
        memcpy(copy, text.ptr, text.len);
    }
    *out = (dbk_slice){copy, text.len};
    return DBK_OK;
}

dbk_status dbk_field_add_children(dbk_schema *s, dbk_field *f, size_t count, dbk_error *err) {
    dbk_field *children = dbk_arena_array(&s->arena, count, sizeof *children);
    if (children == NULL) {
        return dbk_error_oom(err, "adding fields to an Arrow schema");
    }
    f->children = children;
    f->child_count = count;
    return DBK_OK;
}

dbk_status dbk_metadata_add(dbk_schema *s, dbk_metadata *m, dbk_slice key, dbk_slice value,
                            dbk_error *err) {
    if (m->count == m->cap) {
        size_t cap = m->cap < 4 ? 4 : m->cap * 2;
        struct dbk_metadata_pair *pairs = dbk_arena_array(&s->arena, cap, sizeof *pairs);
        if (pairs == NULL) {
            return dbk_error_oom(err, "adding metadata to an Arrow schema");
        }
        if (m->count > 0) {
            memcpy(pairs, m->pairs, m->count * sizeof *pairs);
        }
        m->pairs = pairs; /* the old ones stay in the arena until the schema goes */
        m->cap = cap;
    }
    struct dbk_metadata_pair pair = {{NULL, 0}, {NULL, 0}};
    dbk_status st = dbk_schema_text(s, key, &pair.key, err);
    if (st == DBK_OK) {
        st = dbk_schema_text(s, value, &pair.value, err);
    }
    if (st == DBK_OK) {
        m->pairs[m->count++] = pair;
    }
    return st;
}

dbk_status dbk_metadata_copy(dbk_schema *s, dbk_metadata *dst, const dbk_metadata *src,
                             dbk_error *err) {
    *dst = (dbk_metadata){0};
    for (size_t i = 0; i < src->count; i++) {
        dbk_status st = dbk_metadata_add(s, dst, src->pairs[i].key, src->pairs[i].value, err);
        if (st != DBK_OK) {
            return st;
        }
    }
    return DBK_OK;
}

static dbk_status copy_parts(dbk_schema *s, dbk_field *dst, const dbk_field *src, dbk_error *err) {
    if (src->type_ids != NULL) {
        dst->type_ids = dbk_arena_alloc(&s->arena, src->child_count);
        if (dst->type_ids == NULL) {
            return dbk_error_oom(err, "copying an Arrow field");
        }
        memcpy(dst->type_ids, src->type_ids, src->child_count);
    }
    if (src->dictionary != NULL) {
        dst->dictionary = dbk_arena_alloc(&s->arena, sizeof *dst->dictionary);
        if (dst->dictionary == NULL) {
            return dbk_error_oom(err, "copying an Arrow field");
        }
        *dst->dictionary = *src->dictionary;
    }
    return DBK_OK;
}

dbk_status dbk_field_copy(dbk_schema *s, dbk_field *dst, const dbk_field *src, dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_field copy = *src;
    copy.metadata = (dbk_metadata){0};
    copy.children = NULL;
    copy.type_ids = NULL;
    copy.dictionary = NULL;

    DBK_TRY(dbk_schema_text(s, src->name, &copy.name, err));
    if (src->timezone.ptr != NULL) {
        DBK_TRY(dbk_schema_text(s, src->timezone, &copy.timezone, err));
    }
    DBK_TRY(copy_parts(s, &copy, src, err));
    DBK_TRY(dbk_metadata_copy(s, &copy.metadata, &src->metadata, err));
    if (src->child_count > 0) {
        DBK_TRY(dbk_field_add_children(s, &copy, src->child_count, err));
    }
    for (size_t i = 0; i < src->child_count; i++) {
        DBK_TRY(dbk_field_copy(s, &copy.children[i], &src->children[i], err));
    }
    *dst = copy;

done:
    return st;
}

/* ---- comparing ---- */

static bool same_parameters(const dbk_field *a, const dbk_field *b) {
    switch (types[a->type].params) {
    case DBK_PARAMS_NONE:
        return true;
    case DBK_PARAMS_UNIT:
        return a->unit == b->unit;
    case DBK_PARAMS_ZONE:
        return a->unit == b->unit && (a->timezone.ptr == NULL) == (b->timezone.ptr == NULL) &&
               dbk_slice_eq(a->timezone, b->timezone);
    case DBK_PARAMS_DECIMAL:
        return a->precision == b->precision && a->scale == b->scale;
    case DBK_PARAMS_WIDTH:
        return a->width == b->width;
    case DBK_PARAMS_SORTED:
        return a->keys_sorted == b->keys_sorted;
    case DBK_PARAMS_IDS:
        return a->child_count == 0 || memcmp(a->type_ids, b->type_ids, a->child_count) == 0;
    }
    return false;
}

bool dbk_field_same_type(const dbk_field *a, const dbk_field *b) {
    if (a->type != b->type || a->child_count != b->child_count ||
        (a->dictionary == NULL) != (b->dictionary == NULL) || !same_parameters(a, b)) {
        return false;
    }
    if (a->dictionary != NULL && a->dictionary->index_type != b->dictionary->index_type) {
        return false;
    }
    for (size_t i = 0; i < a->child_count; i++) {
        if (!dbk_field_same_type(&a->children[i], &b->children[i])) {
            return false;
        }
    }
    return true;
}

bool dbk_schema_same_types(const dbk_schema *a, const dbk_schema *b) {
    if (a == b) {
        return true;
    }
    if (a->column_count != b->column_count) {
        return false;
    }
    for (size_t i = 0; i < a->column_count; i++) {
        if (!dbk_field_same_type(&a->columns[i], &b->columns[i])) {
            return false;
        }
    }
    return true;
}

/* ---- C Data format strings ---- */

static dbk_status format_ids(const dbk_field *f, dbk_buf *out, dbk_error *err) {
    dbk_status st = DBK_OK;
    for (size_t i = 0; i < f->child_count && st == DBK_OK; i++) {
        st = dbk_buf_putf(out, err, "%s%d", i > 0 ? "," : "", (int)f->type_ids[i]);
    }
    return st;
}

static dbk_status format_decimal(const dbk_field *f, dbk_buf *out, dbk_error *err) {
    dbk_status st = dbk_buf_putf(out, err, "%" PRId32 ",%" PRId32, f->precision, f->scale);
    if (st == DBK_OK && f->type != DBK_TYPE_DECIMAL128) {
        st = dbk_buf_putf(out, err, ",%zu", dbk_type_bits(f->type));
    }
    return st;
}

dbk_status dbk_field_format(const dbk_field *f, dbk_buf *out, dbk_error *err) {
    static const char unit[] = "smun";
    dbk_type t = dbk_field_storage(f);
    dbk_status st = dbk_buf_puts(out, types[t].format, err);
    if (st != DBK_OK) {
        return st;
    }
    switch (types[t].params) {
    case DBK_PARAMS_NONE:
    case DBK_PARAMS_SORTED:
        break;
    case DBK_PARAMS_UNIT:
        return dbk_buf_putc(out, unit[f->unit], err);
    case DBK_PARAMS_ZONE:
        st = dbk_buf_putf(out, err, "%c:", unit[f->unit]);
        return st == DBK_OK ? dbk_buf_put_slice(out, f->timezone, err) : st;
    case DBK_PARAMS_DECIMAL:
        return format_decimal(f, out, err);
    case DBK_PARAMS_WIDTH:
        return dbk_buf_putf(out, err, "%" PRId32, f->width);
    case DBK_PARAMS_IDS:
        return format_ids(f, out, err);
    }
    return DBK_OK;
}
