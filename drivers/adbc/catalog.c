#include "catalog.h"

#include <stdlib.h>
#include <string.h>

void catalog_reset(catalog *k) {
    for (size_t i = 0; i < k->count; i++) {
        free(k->objects[i].catalog);
        free(k->objects[i].schema);
        free(k->objects[i].table);
        free(k->objects[i].type);
    }
    free(k->objects);
    *k = (catalog){0};
}

AdbcStatusCode catalog_call(connection *c, const dbk_catalog_filter *filter, table *out,
                            struct AdbcError *error) {
    kernel_result_stream_t *rows = NULL;
    KernelError k = {0};
    if (dbk_metadata_list(c->session, filter, &rows) == KernelStatusCode_Success) {
        return table_of_stream(rows, out, error);
    }
    bool told = kernel_get_last_error(&k);
    if (told && (k.code == KernelStatusCode_PermissionDenied ||
                 (k.sql_state != NULL && strcmp(k.sql_state, "42501") == 0))) {
        *out = (table){0};
        return ADBC_STATUS_OK;
    }
    return fail_kernel(error, "reading the catalog");
}

/* ---- the list ---- */

static char *copy_text(table *t, int64_t row, int at, catalog *k) {
    const char *value = NULL;
    size_t len = 0;
    if (!table_text(t, row, at, &value, &len)) {
        return NULL;
    }
    char *copy = text_copy(value, len);
    k->failed |= copy == NULL;
    return copy;
}

static void add(catalog *k, object takes) {
    if (k->count == k->cap) {
        size_t cap = k->cap < 32 ? 32 : k->cap * 2;
        object *larger = realloc(k->objects, cap * sizeof *larger);
        if (larger == NULL) {
            k->failed = true;
            free(takes.catalog);
            free(takes.schema);
            free(takes.table);
            free(takes.type);
            return;
        }
        k->objects = larger;
        k->cap = cap;
    }
    k->objects[k->count++] = takes;
}

static int compare_texts(const char *a, const char *b) { /* NULL first */
    return a == NULL || b == NULL ? (a != NULL) - (b != NULL) : strcmp(a, b);
}

static int compare(const void *left, const void *right) {
    const object *a = left;
    const object *b = right;
    int order = compare_texts(a->catalog, b->catalog);
    order = order != 0 ? order : compare_texts(a->schema, b->schema);
    return order != 0 ? order : compare_texts(a->table, b->table);
}

/* Servers may tell of a table twice; each stands once in the answer. */
static void sort(catalog *k) {
    size_t kept = 0;
    if (k->count > 0) {
        qsort(k->objects, k->count, sizeof *k->objects, compare);
    }
    for (size_t i = 0; i < k->count; i++) {
        object *o = &k->objects[i];
        if (kept > 0 && compare(&k->objects[kept - 1], o) == 0) {
            free(o->catalog);
            free(o->schema);
            free(o->table);
            free(o->type);
        } else {
            k->objects[kept++] = *o;
        }
    }
    k->count = kept;
}

/* ---- the calls ---- */

/* The catalog for a call that takes a name and no pattern; NULL: all, and like_matches chooses. */
static const char *exact_catalog(const object_filter *f, text *name) {
    if (!like_is_exact(f->catalog)) {
        return NULL;
    }
    like_name(f->catalog, name);
    return text_str(name);
}

static AdbcStatusCode add_catalogs(connection *c, const object_filter *f, catalog *k,
                                   struct AdbcError *error) {
    table t = {0};
    dbk_catalog_filter filter = {.struct_size = sizeof filter, .call = DBK_CATALOG_CALL_CATALOGS};
    RETURN_IF(catalog_call(c, &filter, &t, error));
    for (int64_t row = 0; row < t.rows; row++) {
        char *name = copy_text(&t, row, table_column(&t, "TABLE_CAT"), k);
        if (name != NULL && like_matches(f->catalog, name)) {
            add(k, (object){.catalog = name});
        } else {
            free(name);
        }
    }
    table_reset(&t);
    return ADBC_STATUS_OK;
}

static AdbcStatusCode add_schemas(connection *c, const object_filter *f, catalog *k,
                                  struct AdbcError *error) {
    table t = {0};
    text name = {0};
    dbk_catalog_filter filter = {.struct_size = sizeof filter,
                                 .call = DBK_CATALOG_CALL_SCHEMAS,
                                 .catalog = exact_catalog(f, &name),
                                 .schema = f->schema};
    AdbcStatusCode status = catalog_call(c, &filter, &t, error);
    for (int64_t row = 0; status == ADBC_STATUS_OK && row < t.rows; row++) {
        object o = {.catalog = copy_text(&t, row, table_column(&t, "TABLE_CATALOG"), k),
                    .schema = copy_text(&t, row, table_column(&t, "TABLE_SCHEM"), k)};
        if (o.catalog != NULL && o.schema != NULL && like_matches(f->catalog, o.catalog) &&
            like_matches(f->schema, o.schema)) {
            add(k, o);
        } else {
            free(o.catalog);
            free(o.schema);
        }
    }
    table_reset(&t);
    text_reset(&name);
    return status;
}

static void add_table(table *t, int64_t row, const object_filter *f, catalog *k) {
    object o = {.catalog = copy_text(t, row, table_column(t, "TABLE_CAT"), k),
                .schema = copy_text(t, row, table_column(t, "TABLE_SCHEM"), k),
                .table = copy_text(t, row, table_column(t, "TABLE_NAME"), k),
                .type = copy_text(t, row, table_column(t, "TABLE_TYPE"), k)};
    bool whole = o.catalog != NULL && o.schema != NULL && o.table != NULL;
    if (whole && like_matches(f->schema, o.schema) && like_matches(f->table, o.table)) {
        add(k, o);
    } else {
        free(o.catalog);
        free(o.schema);
        free(o.table);
        free(o.type);
    }
}

static AdbcStatusCode add_tables(connection *c, const object_filter *f, catalog *k,
                                 struct AdbcError *error) {
    table t = {0};
    size_t types = 0;
    while (f->types != NULL && f->types[types] != NULL) {
        types++;
    }
    dbk_catalog_filter filter = {.struct_size = sizeof filter,
                                 .call = DBK_CATALOG_CALL_TABLES,
                                 .catalog = f->catalog,
                                 .schema = f->schema,
                                 .object = f->table,
                                 .types = f->types,
                                 .type_count = types};
    RETURN_IF(catalog_call(c, &filter, &t, error));
    for (int64_t row = 0; row < t.rows; row++) {
        add_table(&t, row, f, k);
    }
    table_reset(&t);
    return ADBC_STATUS_OK;
}

/* Empty schemas and catalogs are shown where nothing was asked of what lies in them. */
AdbcStatusCode catalog_find(connection *c, const object_filter *f, catalog *out,
                            struct AdbcError *error) {
    bool tables = f->depth == ADBC_OBJECT_DEPTH_TABLES || f->depth == ADBC_OBJECT_DEPTH_ALL;
    bool any_table = f->table == NULL && f->types == NULL && f->column == NULL;
    AdbcStatusCode status = ADBC_STATUS_OK;
    if (f->depth == ADBC_OBJECT_DEPTH_CATALOGS || (f->schema == NULL && any_table)) {
        status = add_catalogs(c, f, out, error);
    }
    if (status == ADBC_STATUS_OK && f->depth != ADBC_OBJECT_DEPTH_CATALOGS &&
        (!tables || any_table)) {
        status = add_schemas(c, f, out, error);
    }
    if (status == ADBC_STATUS_OK && tables) {
        status = add_tables(c, f, out, error);
    }
    if (status == ADBC_STATUS_OK && out->failed) {
        status = fail_memory(error);
    }
    if (status != ADBC_STATUS_OK) {
        catalog_reset(out);
        return status;
    }
    sort(out);
    return ADBC_STATUS_OK;
}
