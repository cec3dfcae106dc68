#include "metadata/parts.h"

/* The SQL of every call: spec metadata.md 3 [ran]. Single spaces, nothing at the end. */

static dbk_status put_pattern(dbk_buf *sql, const char *word, dbk_slice pattern, dbk_error *err) {
    if (pattern.ptr == NULL) {
        return DBK_OK;
    }
    dbk_status st = dbk_buf_puts(sql, word, err);
    return st == DBK_OK ? dbk_put_show_pattern(sql, pattern, err) : st;
}

static dbk_status put_condition(dbk_buf *sql, const char *column, dbk_slice pattern,
                                dbk_error *err) {
    dbk_status st = DBK_OK;
    if (pattern.ptr != NULL) {
        DBK_TRY(dbk_buf_putf(sql, err, " AND %s LIKE ", column));
        DBK_TRY(dbk_put_like_pattern(sql, pattern, err));
    }
done:
    return st;
}

/* " IN <word>`catalog`" or " IN ALL CATALOGS" */
static dbk_status put_scope(dbk_buf *sql, const char *word, dbk_slice catalog, dbk_error *err) {
    if (catalog.ptr == NULL) {
        return dbk_buf_puts(sql, " IN ALL CATALOGS", err);
    }
    dbk_status st = dbk_buf_puts(sql, word, err);
    return st == DBK_OK ? dbk_put_identifier(sql, catalog, err) : st;
}

static dbk_status put_catalogs(dbk_buf *sql, const dbk_metadata_request *r, dbk_error *err) {
    dbk_status st = dbk_buf_puts(sql, "SHOW CATALOGS", err);
    return st == DBK_OK ? put_pattern(sql, " LIKE ", r->object, err) : st;
}

static dbk_status put_schemas(dbk_buf *sql, const dbk_metadata_request *r, dbk_error *err) {
    dbk_status st = DBK_OK;
    DBK_TRY(dbk_buf_puts(sql, "SHOW SCHEMAS", err));
    DBK_TRY(put_scope(sql, " IN ", r->catalog, err));
    DBK_TRY(put_pattern(sql, " LIKE ", r->schema, err));
done:
    return st;
}

static dbk_status put_tables(dbk_buf *sql, const dbk_metadata_request *r, dbk_slice catalog,
                             dbk_error *err) {
    dbk_status st = DBK_OK;
    DBK_TRY(dbk_buf_puts(sql, "SHOW TABLES", err));
    DBK_TRY(put_scope(sql, " IN CATALOG ", catalog, err));
    DBK_TRY(put_pattern(sql, " SCHEMA LIKE ", r->schema, err));
    DBK_TRY(put_pattern(sql, " LIKE ", r->object, err));
done:
    return st;
}

static dbk_status put_columns(dbk_buf *sql, const dbk_metadata_request *r, dbk_error *err) {
    dbk_status st = DBK_OK;
    DBK_TRY(dbk_buf_puts(sql, "SHOW COLUMNS", err));
    DBK_TRY(put_scope(sql, " IN CATALOG ", r->catalog, err));
    DBK_TRY(put_pattern(sql, " SCHEMA LIKE ", r->schema, err));
    DBK_TRY(put_pattern(sql, " TABLE LIKE ", r->object, err));
    DBK_TRY(put_pattern(sql, " LIKE ", r->column, err));
done:
    return st;
}

static dbk_status put_keys(dbk_buf *sql, const dbk_metadata_request *r, dbk_error *err) {
    dbk_status st = DBK_OK;
    bool primary = r->call == DBK_METADATA_PRIMARY_KEYS;
    DBK_TRY(dbk_buf_puts(sql, primary ? "SHOW KEYS IN CATALOG " : "SHOW FOREIGN KEYS IN CATALOG ",
                         err));
    DBK_TRY(dbk_put_identifier(sql, r->catalog, err));
    DBK_TRY(dbk_buf_puts(sql, " IN SCHEMA ", err));
    DBK_TRY(dbk_put_identifier(sql, r->schema, err));
    DBK_TRY(dbk_buf_puts(sql, " IN TABLE ", err));
    DBK_TRY(dbk_put_identifier(sql, r->object, err));
done:
    return st;
}

/* The catalog whose information_schema is read: `name`, or system, which knows all. */
static dbk_status put_source(dbk_buf *sql, const dbk_metadata_request *r, const char *view,
                             dbk_error *err) {
    dbk_status st = r->catalog.ptr == NULL ? dbk_buf_puts(sql, "system", err)
                                           : dbk_put_identifier(sql, r->catalog, err);
    return st == DBK_OK ? dbk_buf_putf(sql, err, ".information_schema.%s", view) : st;
}

static dbk_status put_routines(dbk_buf *sql, const dbk_metadata_request *r, dbk_error *err) {
    dbk_status st = DBK_OK;
    bool function = r->call == DBK_METADATA_FUNCTIONS;
    DBK_TRY(dbk_buf_puts(sql,
                         "SELECT routine_catalog, routine_schema, routine_name, comment, "
                         "specific_name FROM ",
                         err));
    DBK_TRY(put_source(sql, r, "routines", err));
    DBK_TRY(
        dbk_buf_putf(sql, err, " WHERE routine_type = '%s'", function ? "FUNCTION" : "PROCEDURE"));
    DBK_TRY(put_condition(sql, "routine_schema", r->schema, err));
    DBK_TRY(put_condition(sql, "routine_name", r->object, err));
    DBK_TRY(dbk_buf_puts(sql, " ORDER BY routine_catalog, routine_schema, routine_name", err));
done:
    return st;
}

static dbk_status put_procedure_columns(dbk_buf *sql, const dbk_metadata_request *r,
                                        dbk_error *err) {
    dbk_status st = DBK_OK;
    DBK_TRY(dbk_buf_puts(sql,
                         "SELECT p.specific_catalog, p.specific_schema, p.specific_name, "
                         "p.parameter_name, p.parameter_mode, p.is_result, p.data_type, "
                         "p.numeric_precision, p.numeric_scale, p.character_octet_length, "
                         "p.ordinal_position, p.comment FROM ",
                         err));
    DBK_TRY(put_source(sql, r, "parameters p JOIN ", err));
    DBK_TRY(put_source(sql, r, "routines r", err));
    DBK_TRY(dbk_buf_puts(sql,
                         " ON p.specific_catalog = r.specific_catalog AND p.specific_schema = "
                         "r.specific_schema AND p.specific_name = r.specific_name WHERE "
                         "r.routine_type = 'PROCEDURE'",
                         err));
    DBK_TRY(put_condition(sql, "p.specific_schema", r->schema, err));
    DBK_TRY(put_condition(sql, "p.specific_name", r->object, err));
    DBK_TRY(put_condition(sql, "p.parameter_name", r->column, err));
    DBK_TRY(dbk_buf_puts(sql,
                         " ORDER BY p.specific_catalog, p.specific_schema, p.specific_name, "
                         "p.ordinal_position",
                         err));
done:
    return st;
}

/* ---- plans ---- */

static dbk_status put_sql(dbk_buf *sql, const dbk_metadata_request *r, dbk_error *err) {
    switch (r->call) {
    case DBK_METADATA_SCHEMAS:
        return put_schemas(sql, r, err);
    case DBK_METADATA_COLUMNS:
        return put_columns(sql, r, err);
    case DBK_METADATA_FUNCTIONS:
    case DBK_METADATA_PROCEDURES:
        return put_routines(sql, r, err);
    case DBK_METADATA_PROCEDURE_COLUMNS:
        return put_procedure_columns(sql, r, err);
    case DBK_METADATA_PRIMARY_KEYS:
    case DBK_METADATA_FOREIGN_KEYS:
        return put_keys(sql, r, err);
    case DBK_METADATA_CATALOGS:
        return put_catalogs(sql, r, err);
    case DBK_METADATA_TABLES: /* plan_tables: here only when it fans out */
    case DBK_METADATA_TABLE_TYPES:
    case DBK_METADATA_TYPE_INFO:
        break;
    }
    return dbk_buf_puts(sql, "SHOW CATALOGS", err);
}

/* The catalog of TABLES is a pattern: spec metadata.md 3.1. */
static dbk_status plan_tables(const dbk_metadata_request *r, dbk_metadata_plan *plan, dbk_buf *sql,
                              dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_slice none = {0};
    bool all = r->catalog.ptr == NULL || dbk_pattern_is_all(r->catalog);
    bool star = dbk_slice_eq(r->catalog, DBK_SLICE("*"));
    if (!all && (star || dbk_pattern_has_wildcard(r->catalog))) {
        plan->how = DBK_METADATA_FAN_OUT;
        return put_sql(sql, r, err);
    }
    if (!all) {
        DBK_TRY(dbk_pattern_name(r->catalog, &plan->catalog, err));
    }
    DBK_TRY(put_tables(sql, r, all ? none : dbk_str_slice(&plan->catalog), err));
done:
    return st;
}

static bool is_empty(dbk_slice s) { /* given, and empty */
    return s.ptr != NULL && s.len == 0;
}

/* Calls that cannot have rows: spec metadata.md 2.1. */
static bool has_no_rows(const dbk_metadata_request *r) {
    switch (r->call) {
    case DBK_METADATA_SCHEMAS:
        return is_empty(r->catalog) || is_empty(r->schema);
    case DBK_METADATA_COLUMNS:
        return is_empty(r->catalog) || is_empty(r->schema) || is_empty(r->object) ||
               is_empty(r->column);
    case DBK_METADATA_TABLES:
        return is_empty(r->catalog);
    case DBK_METADATA_FOREIGN_KEYS:
        return r->object.ptr == NULL;
    case DBK_METADATA_CATALOGS:
    case DBK_METADATA_FUNCTIONS:
    case DBK_METADATA_PROCEDURES:
    case DBK_METADATA_PROCEDURE_COLUMNS:
    case DBK_METADATA_PRIMARY_KEYS:
    case DBK_METADATA_TABLE_TYPES:
    case DBK_METADATA_TYPE_INFO:
        break;
    }
    return false;
}

static dbk_metadata_how how_of(const dbk_metadata_request *r) {
    if (r->call == DBK_METADATA_TABLE_TYPES || r->call == DBK_METADATA_TYPE_INFO) {
        return DBK_METADATA_STATIC;
    }
    return has_no_rows(r) ? DBK_METADATA_NO_ROWS : DBK_METADATA_STATEMENT;
}

dbk_status dbk_metadata_make_plan(const dbk_metadata_request *r, dbk_metadata_plan *out,
                                  dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_buf sql = {0};
    dbk_metadata_plan plan = {.how = how_of(r)};
    DBK_TRY(dbk_metadata_check(r, err));
    if (plan.how == DBK_METADATA_STATEMENT) {
        if (r->call == DBK_METADATA_TABLES) {
            DBK_TRY(plan_tables(r, &plan, &sql, err));
        } else {
            DBK_TRY(put_sql(&sql, r, err));
            if (r->catalog.ptr != NULL) {
                DBK_TRY(dbk_str_set(&plan.catalog, r->catalog, err));
            }
        }
        DBK_TRY(dbk_str_set(&plan.sql, dbk_buf_slice(&sql), err));
    }
    *out = plan;
    plan = (dbk_metadata_plan){0};
done:
    dbk_metadata_plan_reset(&plan);
    dbk_buf_reset(&sql);
    return st;
}

void dbk_metadata_plan_reset(dbk_metadata_plan *plan) {
    dbk_str_reset(&plan->sql);
    dbk_str_reset(&plan->catalog);
}

bool dbk_metadata_catalog_matches(const dbk_metadata_request *r, dbk_slice catalog) {
    return dbk_pattern_matches(r->catalog, catalog);
}

dbk_status dbk_metadata_catalog_sql(const dbk_metadata_request *r, dbk_slice catalog, dbk_str *out,
                                    dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_buf sql = {0};
    DBK_TRY(put_tables(&sql, r, catalog, err));
    DBK_TRY(dbk_str_set(out, dbk_buf_slice(&sql), err));
done:
    dbk_buf_reset(&sql);
    return st;
}
