#include "abi/abi.h"

/* Catalog calls. The rules of arguments are the metadata room's; what is special to C is here: blank
 * texts mean "not given" and table types are one comma-separated text (spec metadata.md 2.1, 4). */

static dbk_slice given(const char *text) { /* ptr NULL: not given */
    dbk_slice s = dbk_slice_of(text);
    return dbk_metadata_is_blank(s) ? (dbk_slice){0} : s;
}

static KernelStatusCode run(const kernel_session_t *session, const dbk_metadata_request *request,
                            kernel_result_stream_t **out) {
    dbk_error *err = dbk_abi_begin();
    dbk_stream *stream = NULL;
    if (session == NULL) {
        return dbk_abi_refuse("metadata: session must not be null");
    }
    if (out == NULL) {
        return dbk_abi_refuse("metadata: out must not be null");
    }
    dbk_status st = dbk_session_metadata(session->session, request, &stream, err);
    if (st == DBK_OK) {
        st = dbk_abi_new_stream(stream, NULL, session->session, out, err);
    }
    return dbk_abi_end(st);
}

KernelStatusCode kernel_metadata_list_catalogs(kernel_session_t *session,
                                               kernel_result_stream_t **out) {
    dbk_metadata_request r = {.call = DBK_METADATA_CATALOGS};
    return run(session, &r, out);
}

KernelStatusCode kernel_metadata_list_schemas(kernel_session_t *session, const char *catalog,
                                              const char *schema_pattern,
                                              kernel_result_stream_t **out) {
    dbk_metadata_request r = {
        .call = DBK_METADATA_SCHEMAS,
        .catalog = given(catalog),
        .schema = given(schema_pattern),
    };
    return run(session, &r, out);
}

/* The items of a comma-separated list, trimmed, without empty ones. Free with dbk_free. */
static dbk_status split_types(const char *csv, dbk_slice **out, size_t *count, dbk_error *err) {
    dbk_slice rest = dbk_slice_of(csv);
    dbk_slice item = {0};
    size_t max = 1;
    for (size_t i = 0; i < rest.len; i++) {
        max += rest.ptr[i] == ',' ? 1 : 0;
    }
    dbk_slice *items = dbk_alloc_array(max, sizeof *items);
    if (items == NULL) {
        return dbk_error_oom(err, "a list of table types");
    }
    *count = 0;
    for (bool more = true; more;) {
        more = dbk_slice_split(&rest, ',', &item);
        item = dbk_slice_trim(more ? item : rest);
        if (!dbk_metadata_is_blank(item)) {
            items[(*count)++] = item;
        }
    }
    *out = items;
    return DBK_OK;
}

KernelStatusCode kernel_metadata_list_tables(kernel_session_t *session, const char *catalog,
                                             const char *schema_pattern, const char *table_pattern,
                                             const char *table_types_csv,
                                             kernel_result_stream_t **out) {
    dbk_metadata_request r = {
        .call = DBK_METADATA_TABLES,
        .catalog = given(catalog),
        .schema = given(schema_pattern),
        .object = given(table_pattern),
    };
    dbk_slice *types = NULL;
    dbk_status st = split_types(table_types_csv, &types, &r.type_count, dbk_abi_begin());
    if (st != DBK_OK) {
        return dbk_abi_end(st);
    }
    r.types = types;
    r.has_types = r.type_count > 0;
    KernelStatusCode code = run(session, &r, out);
    dbk_free(types);
    return code;
}

KernelStatusCode kernel_metadata_list_columns(kernel_session_t *session, const char *catalog,
                                              const char *schema_pattern, const char *table_pattern,
                                              const char *column_pattern,
                                              kernel_result_stream_t **out) {
    dbk_metadata_request r = {
        .call = DBK_METADATA_COLUMNS,
        .catalog = given(catalog),
        .schema = given(schema_pattern),
        .object = given(table_pattern),
        .column = given(column_pattern),
    };
    return run(session, &r, out);
}

KernelStatusCode kernel_metadata_primary_keys(kernel_session_t *session, const char *catalog,
                                              const char *schema, const char *table,
                                              kernel_result_stream_t **out) {
    dbk_metadata_request r = {
        .call = DBK_METADATA_PRIMARY_KEYS,
        .catalog = given(catalog),
        .schema = given(schema),
        .object = dbk_slice_of(table), /* needed: a blank one is a mistake */
    };
    return run(session, &r, out);
}

typedef struct table_name {
    const char *catalog, *schema, *table;
} table_name;

static KernelStatusCode foreign_keys(const kernel_session_t *session, table_name parent,
                                     table_name foreign, bool filter_parent,
                                     kernel_result_stream_t **out) {
    dbk_metadata_request r = {
        .call = DBK_METADATA_FOREIGN_KEYS,
        .parent_catalog = given(parent.catalog),
        .parent_schema = given(parent.schema),
        .parent_table = given(parent.table),
        .catalog = given(foreign.catalog),
        .schema = given(foreign.schema),
        .object = given(foreign.table),
        .filter_parent = filter_parent,
    };
    return run(session, &r, out);
}

KernelStatusCode kernel_metadata_foreign_keys(kernel_session_t *session, const char *parent_catalog,
                                              const char *parent_schema, const char *parent_table,
                                              const char *foreign_catalog,
                                              const char *foreign_schema, const char *foreign_table,
                                              kernel_result_stream_t **out) {
    table_name parent = {parent_catalog, parent_schema, parent_table};
    table_name foreign = {foreign_catalog, foreign_schema, foreign_table};
    return foreign_keys(session, parent, foreign, false, out);
}

KernelStatusCode dbk_metadata_cross_reference(kernel_session_t *session, const char *parent_catalog,
                                              const char *parent_schema, const char *parent_table,
                                              const char *foreign_catalog,
                                              const char *foreign_schema, const char *foreign_table,
                                              kernel_result_stream_t **out) {
    table_name parent = {parent_catalog, parent_schema, parent_table};
    table_name foreign = {foreign_catalog, foreign_schema, foreign_table};
    return foreign_keys(session, parent, foreign, true, out);
}

static dbk_metadata_call call_of(dbk_catalog_call call) {
    switch (call) {
    case DBK_CATALOG_CALL_CATALOGS:
        return DBK_METADATA_CATALOGS;
    case DBK_CATALOG_CALL_SCHEMAS:
        return DBK_METADATA_SCHEMAS;
    case DBK_CATALOG_CALL_TABLES:
        return DBK_METADATA_TABLES;
    case DBK_CATALOG_CALL_COLUMNS:
        return DBK_METADATA_COLUMNS;
    case DBK_CATALOG_CALL_FUNCTIONS:
        return DBK_METADATA_FUNCTIONS;
    case DBK_CATALOG_CALL_PROCEDURES:
        return DBK_METADATA_PROCEDURES;
    case DBK_CATALOG_CALL_PROCEDURE_COLUMNS:
        return DBK_METADATA_PROCEDURE_COLUMNS;
    case DBK_CATALOG_CALL_PRIMARY_KEYS:
        return DBK_METADATA_PRIMARY_KEYS;
    case DBK_CATALOG_CALL_FOREIGN_KEYS:
    case DBK_CATALOG_CALL_CROSS_REFERENCE:
        return DBK_METADATA_FOREIGN_KEYS;
    case DBK_CATALOG_CALL_TABLE_TYPES:
        return DBK_METADATA_TABLE_TYPES;
    case DBK_CATALOG_CALL_TYPE_INFO:
        break;
    }
    return DBK_METADATA_TYPE_INFO;
}

/* What the struct was at first. */
#define FIRST_FILTER_SIZE offsetof(dbk_catalog_filter, parent_catalog)

bool dbk_abi_filter_ok(const dbk_catalog_filter *filter, const char *function) {
    if (filter == NULL || filter->struct_size < FIRST_FILTER_SIZE ||
        (int)filter->call < DBK_CATALOG_CALL_CATALOGS ||
        (int)filter->call > DBK_CATALOG_CALL_TYPE_INFO) {
        (void)dbk_abi_refuse("%s: filter needs its struct_size and a known call", function);
        return false;
    }
    bool whole = filter->struct_size >= sizeof *filter;
    const char *const texts[] = {filter->catalog,
                                 filter->schema,
                                 filter->object,
                                 filter->column,
                                 whole ? filter->parent_catalog : NULL,
                                 whole ? filter->parent_schema : NULL,
                                 whole ? filter->parent_table : NULL};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (!dbk_abi_optional_ok(texts[i], "filter")) {
            return false;
        }
    }
    for (size_t i = 0; filter->types != NULL && i < filter->type_count; i++) {
        if (!dbk_abi_text_ok(filter->types[i], "table type")) {
            return false;
        }
    }
    return true;
}

dbk_status dbk_abi_request(const dbk_catalog_filter *filter, dbk_metadata_request *out,
                           dbk_slice **types, dbk_error *err) {
    size_t count = filter->types != NULL ? filter->type_count : 0;
    *types = dbk_alloc_array(count, sizeof **types);
    if (*types == NULL) {
        return dbk_error_oom(err, "a list of table types");
    }
    for (size_t i = 0; i < count; i++) {
        (*types)[i] = dbk_slice_of(filter->types[i]);
    }
    *out = (dbk_metadata_request){
        .call = call_of(filter->call),
        .catalog = dbk_slice_of(filter->catalog),
        .schema = dbk_slice_of(filter->schema),
        .object = dbk_slice_of(filter->object),
        .column = dbk_slice_of(filter->column),
        .filter_parent = filter->call == DBK_CATALOG_CALL_CROSS_REFERENCE,
        .has_types = filter->types != NULL,
        .types = *types,
        .type_count = count,
    };
    if (filter->struct_size >= sizeof *filter) {
        out->parent_catalog = dbk_slice_of(filter->parent_catalog);
        out->parent_schema = dbk_slice_of(filter->parent_schema);
        out->parent_table = dbk_slice_of(filter->parent_table);
    }
    return DBK_OK;
}

KernelStatusCode dbk_metadata_list(kernel_session_t *session, const dbk_catalog_filter *filter,
                                   kernel_result_stream_t **out) {
    dbk_error *err = dbk_abi_begin();
    dbk_metadata_request r = {0};
    dbk_slice *types = NULL;
    if (!dbk_abi_filter_ok(filter, "dbk_metadata_list")) {
        return KernelStatusCode_InvalidArgument;
    }
    dbk_status st = dbk_abi_request(filter, &r, &types, err);
    KernelStatusCode code = st == DBK_OK ? run(session, &r, out) : dbk_abi_end(st);
    dbk_free(types);
    return code;
}

KernelStatusCode kernel_metadata_list_table_types(kernel_session_t *session,
                                                  kernel_result_stream_t **out) {
    dbk_metadata_request r = {.call = DBK_METADATA_TABLE_TYPES};
    return run(session, &r, out);
}

KernelStatusCode dbk_metadata_type_info(kernel_session_t *session, kernel_result_stream_t **out) {
    dbk_metadata_request r = {.call = DBK_METADATA_TYPE_INFO};
    return run(session, &r, out);
}

KernelStatusCode kernel_metadata_procedures(kernel_session_t *session, const char *catalog,
                                            const char *schema_pattern,
                                            const char *procedure_pattern,
                                            kernel_result_stream_t **out) {
    dbk_metadata_request r = {
        .call = DBK_METADATA_PROCEDURES,
        .catalog = given(catalog),
        .schema = given(schema_pattern),
        .object = given(procedure_pattern),
    };
    return run(session, &r, out);
}

KernelStatusCode kernel_metadata_functions(kernel_session_t *session, const char *catalog,
                                           const char *schema_pattern, const char *function_pattern,
                                           kernel_result_stream_t **out) {
    dbk_metadata_request r = {
        .call = DBK_METADATA_FUNCTIONS,
        .catalog = given(catalog),
        .schema = given(schema_pattern),
        .object = given(function_pattern),
    };
    return run(session, &r, out);
}

KernelStatusCode kernel_metadata_procedure_columns(kernel_session_t *session, const char *catalog,
                                                   const char *schema_pattern,
                                                   const char *procedure_pattern,
                                                   const char *column_pattern,
                                                   kernel_result_stream_t **out) {
    dbk_metadata_request r = {
        .call = DBK_METADATA_PROCEDURE_COLUMNS,
        .catalog = given(catalog),
        .schema = given(schema_pattern),
        .object = given(procedure_pattern),
        .column = given(column_pattern),
    };
    return run(session, &r, out);
}
