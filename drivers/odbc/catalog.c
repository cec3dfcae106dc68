#include "catalog.h"

#include <stdlib.h>
#include <string.h>

/* The catalog functions: arguments to requests of the kernel, one after the other; contract 7.1. */

void catalog_call_free(catalog_call *c) {
    if (c == NULL) {
        return;
    }
    for (size_t i = 0; i < CATALOG_ARGS; i++) {
        free(c->texts[i]);
    }
    for (size_t i = 0; i < c->key_count; i++) {
        free(c->key_names[i]);
    }
    free(c->key_names);
    free(c->catalog);
    free(c->catalog_pattern);
    columns_free(c->columns, c->column_count);
    if (c->stream != NULL) {
        (void)kernel_result_stream_close(c->stream);
    }
    if (c->executed != NULL) {
        (void)kernel_executed_statement_close(c->executed);
    }
    table_free(c->table);
    free(c);
}

/* ---- Arguments ------------------------------------------------------------------------------------------- */

/* SQL_ATTR_METADATA_ID: `x` without its backticks, wildcards as themselves. */
static char *identifier_as_pattern(text t) {
    t = text_trim(t);
    if (t.len >= 2 && t.ptr[0] == '`' && t.ptr[t.len - 1] == '`') {
        t = (text){t.ptr + 1, t.len - 2};
    }
    buf out = {0};
    for (size_t i = 0; i < t.len; i++) {
        if (memchr("%_\\", t.ptr[i], 3) != NULL) {
            buf_add_char(&out, '\\');
        }
        buf_add_char(&out, t.ptr[i]);
    }
    return buf_take(&out);
}

static char *without_escapes(const char *pattern) {
    buf out = {0};
    for (const char *p = pattern; *p != '\0'; p++) {
        p += *p == '\\' && p[1] != '\0';
        buf_add_char(&out, *p);
    }
    return buf_take(&out);
}

static bool patterns_allowed(catalog_fn fn) {
    return fn == CAT_TABLES || fn == CAT_COLUMNS || fn == CAT_PROCEDURES ||
           fn == CAT_PROCEDURE_COLUMNS || fn == CAT_TABLE_PRIVILEGES || fn == CAT_COLUMN_PRIVILEGES;
}

static SQLRETURN copy_args(stmt *s, catalog_call *c, const catalog_args *args) {
    c->args = *args;
    text *const places[CATALOG_ARGS] = {&c->args.catalog, &c->args.schema,   &c->args.object,
                                        &c->args.column,  &c->args.catalog2, &c->args.schema2,
                                        &c->args.object2, &c->args.types};
    bool identifiers = s->metadata_id == SQL_TRUE;
    for (size_t i = 0; i < CATALOG_ARGS; i++) {
        text t = *places[i];
        if (t.ptr == NULL) {
            continue;
        }
        bool as_pattern = identifiers && patterns_allowed(c->fn) && i != 7;
        c->texts[i] = as_pattern ? identifier_as_pattern(t) : text_copy(t);
        if (c->texts[i] == NULL) {
            return fail_memory(&s->h);
        }
        *places[i] = text_of(c->texts[i]);
    }
    if (identifiers && c->fn == CAT_TABLES && args->object.ptr == NULL) {
        return fail(&s->h, "HY009", "Identifiers (SQL_ATTR_METADATA_ID) must not be NULL.");
    }
    return SQL_SUCCESS;
}

/* The catalog to ask: the given one, the current one for NULL, all for a pattern. */
static SQLRETURN choose_catalog(stmt *s, catalog_call *c, text given) {
    dbc *d = s->h.dbc;
    if (!d->set.catalogs || given.ptr == NULL) {
        if (!d->set.all_catalogs || !d->set.catalogs) {
            const char *current = stmt_catalog(s);
            c->catalog = current[0] == '\0' ? NULL : text_copy(text_of(current));
        }
        return SQL_SUCCESS;
    }
    if (text_is(given, "SPARK")) {
        given = text_of("hive_metastore");
    }
    bool wild = patterns_allowed(c->fn) && memchr(given.ptr, '%', given.len) != NULL &&
                strstr(given.ptr, "\\%") == NULL;
    if (wild) {
        c->catalog_pattern = text_is(given, "%") ? NULL : text_copy(given);
        return SQL_SUCCESS;
    }
    /* "_" is far more often part of a name than a wildcard. */
    c->catalog = patterns_allowed(c->fn) ? without_escapes(given.ptr) : text_copy(given);
    return c->catalog == NULL ? fail_memory(&s->h) : SQL_SUCCESS;
}

static bool is_empty(text t) {
    return t.ptr != NULL && t.len == 0;
}

/* ---- The chain of requests ---------------------------------------------------------------------------------- */

static SQLRETURN read_more(stmt *s);

static SQLRETURN conclude(stmt *s) {
    catalog_call *c = s->catalog;
    catalog_sort(c);
    table *t = c->table;
    c->table = NULL;
    s->catalog = NULL;
    catalog_call_free(c);
    return result_open_table(s, t);
}

static SQLRETURN start_list(stmt *s, catalog_request request, const dbk_catalog_filter *filter);
static SQLRETURN start_sql(stmt *s, catalog_request request, const buf *sql);

static dbk_catalog_filter filter_of(const catalog_call *c, dbk_catalog_call call) {
    return (dbk_catalog_filter){.struct_size = sizeof(dbk_catalog_filter),
                                .call = call,
                                .catalog = c->catalog,
                                .schema = c->args.schema.ptr,
                                .object = c->args.object.ptr,
                                .column = c->args.column.ptr};
}

/* After a request: the next one of this function, or the end. */
static SQLRETURN after_request(stmt *s) {
    catalog_call *c = s->catalog;
    if (c->request == ASK_PROCEDURES) {
        dbk_catalog_filter f = filter_of(c, DBK_CATALOG_CALL_FUNCTIONS);
        return start_list(s, ASK_FUNCTIONS, &f);
    }
    if (c->request == ASK_PRIMARY_KEYS && c->fn == CAT_SPECIAL_COLUMNS && c->key_count > 0) {
        dbk_catalog_filter f = filter_of(c, DBK_CATALOG_CALL_COLUMNS);
        f.column = NULL;
        return start_list(s, ASK_COLUMNS, &f);
    }
    return conclude(s);
}

static void close_stream(catalog_call *c) {
    columns_free(c->columns, c->column_count);
    c->columns = NULL;
    c->column_count = 0;
    if (c->stream != NULL) {
        (void)kernel_result_stream_close(c->stream);
        c->stream = NULL;
    }
    if (c->executed != NULL) {
        (void)kernel_executed_statement_close(c->executed);
        c->executed = NULL;
    }
}

static bool read_schema(stmt *s, catalog_call *c, const struct ArrowSchema *schema) {
    size_t count = (size_t)schema->n_children;
    count = count < READ_COLUMNS_MAX ? count : READ_COLUMNS_MAX;
    c->columns = calloc(count, sizeof *c->columns);
    for (size_t i = 0; c->columns != NULL && i < count; i++) {
        c->column_count = i + 1;
        if (!column_from_arrow(&s->h.dbc->set, schema->children[i], &c->columns[i])) {
            return false;
        }
    }
    return c->columns != NULL;
}

static bool add_batch(stmt *s, catalog_call *c, const struct ArrowArray *array) {
    batch_column columns[READ_COLUMNS_MAX];
    for (size_t i = 0; i < c->column_count; i++) {
        batch_column_set(&columns[i], &c->columns[i], array->children[i]);
    }
    for (int64_t row = 0; row < array->length; row++) {
        source_row r = {columns, c->column_count, row};
        catalog_add(s, c, &r);
    }
    return !c->table->failed;
}

/* One batch, which is consumed. SQL_NO_DATA: it was the end. */
static SQLRETURN take_batch(stmt *s, struct ArrowArray *array, struct ArrowSchema *schema) {
    catalog_call *c = s->catalog;
    if (array->release == NULL) {
        return SQL_NO_DATA;
    }
    bool ok = (c->columns != NULL || read_schema(s, c, schema)) && add_batch(s, c, array);
    array->release(array);
    schema->release(schema);
    return ok ? SQL_SUCCESS : fail_memory(&s->h);
}

static SQLRETURN batch_taken(stmt *s) {
    struct ArrowArray array = {0};
    struct ArrowSchema schema = {0};
    if (dbk_future_take_batch(op_future(s), &array, &schema) != KernelStatusCode_Success) {
        return op_failed(s);
    }
    op_done(s);
    SQLRETURN rc = take_batch(s, &array, &schema);
    if (rc == SQL_NO_DATA) {
        close_stream(s->catalog);
        return after_request(s);
    }
    return rc == SQL_SUCCESS ? read_more(s) : rc;
}

static SQLRETURN read_more(stmt *s) {
    catalog_call *c = s->catalog;
    for (;;) {
        struct ArrowArray array = {0};
        struct ArrowSchema schema = {0};
        bool would_block = false;
        if (dbk_result_stream_try_next(c->stream, &array, &schema, &would_block) !=
            KernelStatusCode_Success) {
            return fail_kernel(&s->h, AT_STATEMENT);
        }
        if (would_block) {
            break;
        }
        SQLRETURN rc = take_batch(s, &array, &schema);
        if (rc == SQL_NO_DATA) {
            close_stream(c);
            return after_request(s);
        }
        if (rc != SQL_SUCCESS) {
            return rc;
        }
    }
    dbk_future *future = NULL;
    if (dbk_result_stream_next_start(op_loop(&s->op), c->stream, NULL, NULL, &future) !=
        KernelStatusCode_Success) {
        return fail_kernel(&s->h, AT_STATEMENT);
    }
    return op_started(s, future, batch_taken);
}

static SQLRETURN stream_taken(stmt *s) {
    if (dbk_future_take_stream(op_future(s), &s->catalog->stream) != KernelStatusCode_Success) {
        return op_failed(s);
    }
    op_done(s);
    return read_more(s);
}

/* information_schema may be missing or not allowed: then there is nothing to tell. */
static SQLRETURN sql_taken(stmt *s) {
    catalog_call *c = s->catalog;
    KernelStatusCode code = dbk_future_take_executed(op_future(s), &c->executed);
    if (code == KernelStatusCode_SqlError || code == KernelStatusCode_PermissionDenied) {
        op_done(s);
        return conclude(s);
    }
    if (code != KernelStatusCode_Success) {
        return op_failed(s);
    }
    op_done(s);
    if (kernel_executed_statement_get_result_stream(c->executed, &c->stream) !=
        KernelStatusCode_Success) {
        return fail_kernel(&s->h, AT_STATEMENT);
    }
    return read_more(s);
}

static SQLRETURN start_list(stmt *s, catalog_request request, const dbk_catalog_filter *filter) {
    s->catalog->request = request;
    dbk_future *future = NULL;
    dbk_loop *loop = op_loop(&s->op);
    s->session = s->h.dbc->session;
    if (loop == NULL || dbk_metadata_list_start(loop, s->session, filter, NULL, NULL, &future) !=
                            KernelStatusCode_Success) {
        return fail_kernel(&s->h, AT_STATEMENT);
    }
    return op_started(s, future, stream_taken);
}

static SQLRETURN start_sql(stmt *s, catalog_request request, const buf *sql) {
    s->catalog->request = request;
    SQLRETURN rc = kernel_stmt_need(s);
    dbk_future *future = NULL;
    dbk_loop *loop = op_loop(&s->op);
    if (rc != SQL_SUCCESS || sql->failed) {
        return sql->failed ? fail_memory(&s->h) : rc;
    }
    if (loop == NULL ||
        dbk_statement_set_sql_n(s->kernel, sql->ptr, sql->len) != KernelStatusCode_Success ||
        dbk_statement_execute_start(loop, s->kernel, NULL, NULL, &future) !=
            KernelStatusCode_Success) {
        return fail_kernel(&s->h, AT_STATEMENT);
    }
    return op_started(s, future, sql_taken);
}

/* ---- First requests -------------------------------------------------------------------------------------------- */

static void add_quoted(buf *out, char quote, const char *v) {
    buf_add_char(out, quote);
    for (; *v != '\0'; v++) {
        if (*v == quote || (*v == '\\' && quote == '\'')) {
            buf_add_char(out, quote == '`' ? '`' : '\\');
        }
        buf_add_char(out, *v);
    }
    buf_add_char(out, quote);
}

static void add_like(buf *out, const char *name, text pattern) {
    if (pattern.ptr != NULL) {
        buf_printf(out, " AND %s LIKE ", name);
        add_quoted(out, '\'', pattern.ptr);
    }
}

static SQLRETURN start_privileges(stmt *s) {
    catalog_call *c = s->catalog;
    buf sql = {0};
    buf_add_text(&sql, "SELECT table_catalog, table_schema, table_name, grantor, grantee, "
                       "privilege_type, is_grantable FROM ");
    add_quoted(&sql, '`', c->catalog == NULL ? stmt_catalog(s) : c->catalog);
    buf_add_text(&sql, ".information_schema.table_privileges WHERE 1 = 1");
    add_like(&sql, "table_schema", c->args.schema);
    add_like(&sql, "table_name", c->args.object);
    SQLRETURN rc = start_sql(s, ASK_PRIVILEGES, &sql);
    buf_free(&sql);
    return rc;
}

static void add_equal(buf *out, const char *name, text value) {
    if (value.ptr != NULL) {
        buf_printf(out, " AND lower(%s) = lower(", name);
        add_quoted(out, '\'', value.ptr);
        buf_add_char(out, ')');
    }
}

/* Which keys refer to a table: the server's SHOW FOREIGN KEYS only knows the other direction. */
static SQLRETURN start_referring(stmt *s) {
    catalog_call *c = s->catalog;
    buf sql = {0}, from = {0};
    add_quoted(&from, '`', c->catalog == NULL ? stmt_catalog(s) : c->catalog);
    const char *catalog = buf_text(&from);
    buf_printf(&sql,
               "SELECT p.table_catalog, p.table_schema, p.table_name, p.column_name, "
               "f.table_catalog, f.table_schema, f.table_name, f.column_name, "
               "f.ordinal_position, 3, 3, f.constraint_name, p.constraint_name, 7 "
               "FROM %s.information_schema.referential_constraints r "
               "JOIN %s.information_schema.key_column_usage f "
               "ON f.constraint_schema = r.constraint_schema "
               "AND f.constraint_name = r.constraint_name "
               "JOIN %s.information_schema.key_column_usage p "
               "ON p.constraint_schema = r.unique_constraint_schema "
               "AND p.constraint_name = r.unique_constraint_name "
               "AND p.ordinal_position = f.position_in_unique_constraint WHERE 1 = 1",
               catalog, catalog, catalog);
    add_equal(&sql, "p.table_schema", c->args.schema);
    add_equal(&sql, "p.table_name", c->args.object);
    SQLRETURN rc = start_sql(s, ASK_REFERRING_KEYS, &sql);
    buf_free(&sql);
    buf_free(&from);
    return rc;
}

static SQLRETURN start_foreign_keys(stmt *s) {
    catalog_call *c = s->catalog;
    if (c->args.object2.ptr == NULL) {
        return start_referring(s);
    }
    dbk_catalog_filter f = {.struct_size = sizeof f,
                            .call = DBK_CATALOG_CALL_CROSS_REFERENCE,
                            .catalog = c->catalog,
                            .schema = c->args.schema2.ptr,
                            .object = c->args.object2.ptr,
                            .parent_catalog = c->args.catalog.ptr,
                            .parent_schema = c->args.schema.ptr,
                            .parent_table = c->args.object.ptr};
    return start_list(s, ASK_FOREIGN_KEYS, &f);
}

/* SQLTables with one "%" and two empty strings lists catalogs, schemas or table types. */
static SQLRETURN start_tables(stmt *s) {
    catalog_call *c = s->catalog;
    const catalog_args *a = &c->args;
    dbk_catalog_filter f = filter_of(c, DBK_CATALOG_CALL_TABLES);
    bool no_schema = is_empty(a->schema), no_object = is_empty(a->object);
    bool no_catalog = is_empty(a->catalog);
    if (text_is(a->catalog, "%") && no_schema && no_object) {
        f = (dbk_catalog_filter){.struct_size = sizeof f, .call = DBK_CATALOG_CALL_CATALOGS};
        return start_list(s, ASK_CATALOGS, &f);
    }
    if (text_is(a->schema, "%") && no_object && (no_catalog || a->catalog.ptr == NULL)) {
        f = (dbk_catalog_filter){.struct_size = sizeof f, .call = DBK_CATALOG_CALL_SCHEMAS};
        const char *current = stmt_catalog(s);
        f.catalog = s->h.dbc->set.all_catalogs || current[0] == '\0' ? NULL : current;
        return start_list(s, ASK_SCHEMAS, &f);
    }
    if (text_is(a->types, "%") && no_schema && no_object && no_catalog) {
        if (s->h.dbc->set.raw_table_types) {
            f = (dbk_catalog_filter){.struct_size = sizeof f, .call = DBK_CATALOG_CALL_TABLE_TYPES};
            return start_list(s, ASK_TABLE_TYPES, &f);
        }
        static const char *const types[] = {"METRIC_VIEW", "SYSTEM TABLE", "TABLE", "VIEW"};
        for (size_t i = 0; i < COUNT_OF(types); i++) {
            table_row(c->table);
            table_set_text(c->table, 3, text_of(types[i]));
        }
        return conclude(s);
    }
    if (no_catalog || no_schema) {
        return conclude(s); /* no table is without a catalog or a schema */
    }
    return start_list(s, ASK_TABLES, &f);
}

static SQLRETURN start_first(stmt *s) {
    catalog_call *c = s->catalog;
    if (c->fn == CAT_TABLES) {
        return start_tables(s);
    }
    bool nothing = is_empty(c->args.catalog) || is_empty(c->args.schema) ||
                   is_empty(c->args.object) || c->fn == CAT_COLUMN_PRIVILEGES ||
                   (c->fn == CAT_SPECIAL_COLUMNS && c->args.option != SQL_BEST_ROWID) ||
                   ((c->fn == CAT_PRIMARY_KEYS || c->fn == CAT_FOREIGN_KEYS ||
                     c->fn == CAT_STATISTICS || c->fn == CAT_SPECIAL_COLUMNS) &&
                    !s->h.dbc->set.keys_on);
    if (nothing) {
        return conclude(s);
    }
    static const struct {
        dbk_catalog_call call;
        catalog_request request;
    } calls[] = {
        [CAT_COLUMNS] = {DBK_CATALOG_CALL_COLUMNS, ASK_COLUMNS},
        [CAT_PRIMARY_KEYS] = {DBK_CATALOG_CALL_PRIMARY_KEYS, ASK_PRIMARY_KEYS},
        [CAT_PROCEDURES] = {DBK_CATALOG_CALL_PROCEDURES, ASK_PROCEDURES},
        [CAT_PROCEDURE_COLUMNS] = {DBK_CATALOG_CALL_PROCEDURE_COLUMNS, ASK_PROCEDURE_COLUMNS},
        [CAT_STATISTICS] = {DBK_CATALOG_CALL_PRIMARY_KEYS, ASK_PRIMARY_KEYS},
        [CAT_SPECIAL_COLUMNS] = {DBK_CATALOG_CALL_PRIMARY_KEYS, ASK_PRIMARY_KEYS},
    };
    if (c->fn == CAT_FOREIGN_KEYS) {
        return start_foreign_keys(s);
    }
    if (c->fn == CAT_TABLE_PRIVILEGES) {
        return start_privileges(s);
    }
    dbk_catalog_filter f = filter_of(c, calls[c->fn].call);
    return start_list(s, calls[c->fn].request, &f);
}

/* Keys are asked of one table: without a schema it is one of the current schema. */
static SQLRETURN need_schema(stmt *s, text *schema, size_t slot) {
    if (schema->ptr != NULL) {
        return SQL_SUCCESS;
    }
    buf name = {0};
    SQLRETURN rc = stmt_ask(s, "SELECT current_schema()", &name);
    free(s->catalog->texts[slot]);
    s->catalog->texts[slot] = buf_take(&name);
    *schema = text_of(s->catalog->texts[slot]);
    return rc;
}

SQLRETURN catalog_run(stmt *s, catalog_fn fn, const catalog_args *args) {
    SQLRETURN rc = stmt_need_idle(s);
    if (rc != SQL_SUCCESS) {
        return rc;
    }
    stmt_close_cursor(s);
    s->prepared = false;
    op_busy(&s->op, true); /* also while the driver asks where it is */
    size_t width;
    const table_column *columns = catalog_columns(fn, &width);
    catalog_call *c = calloc(1, sizeof *c);
    s->catalog = c;
    if (c == NULL || (c->table = table_new(columns, width)) == NULL) {
        return fail_memory(&s->h);
    }
    c->fn = fn;
    bool one_table = fn == CAT_PRIMARY_KEYS || fn == CAT_STATISTICS || fn == CAT_SPECIAL_COLUMNS;
    if ((one_table && args->object.ptr == NULL) ||
        (fn == CAT_FOREIGN_KEYS && args->object.ptr == NULL && args->object2.ptr == NULL)) {
        return fail(&s->h, "HY009", "The table's name must not be NULL.");
    }
    rc = copy_args(s, c, args);
    bool second = fn == CAT_FOREIGN_KEYS && args->object2.ptr != NULL;
    bool lists = fn == CAT_TABLES && is_empty(args->object);
    if (rc == SQL_SUCCESS && !lists) {
        rc = choose_catalog(s, c, second ? c->args.catalog2 : c->args.catalog);
    }
    if (rc == SQL_SUCCESS && (one_table || fn == CAT_FOREIGN_KEYS)) {
        rc = need_schema(s, second ? &c->args.schema2 : &c->args.schema, second ? 5 : 1);
    }
    return rc == SQL_SUCCESS ? start_first(s) : rc;
}
